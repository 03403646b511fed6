//! From code to an object: sections, symbols, relocations, types, records of functions and lines.

mod data;
mod types;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use skep_btf::TypeId;
use skep_object::Object;
use skep_object::object::{ObjectBuilder, Reloc, RelocKind, SectionId, SectionKind, Symbol, SymbolId};

use crate::code::Code;
use crate::diag::Code as DiagCode;
use crate::ir::{self, Linkage, Module, SymbolKind};
use crate::{Diag, Diags, Options};

/// The object that a module's code and data make.
pub(crate) fn write(module: Module, code: Vec<Code>, options: &Options) -> Result<Object, Diags> {
    let mut out = Writer {
        builder: ObjectBuilder::new(module.name.clone(), options.endian),
        places: vec![None; module.symbols.len()],
        described: vec![None; module.symbols.len()],
        ids: vec![None; module.symbols.len()],
        code_sections: Vec::new(),
        options,
        module,
    };
    // Each reference names what it means.
    out.builder.divisible();
    out.functions(&code);
    out.maps();
    out.globals();
    out.license();
    out.jump_tables(&code);
    out.relocations(&code);
    out.types(&code)?;
    out.builder.finish().map_err(|error| {
        Diags(vec![Diag { code: DiagCode::InvalidIr, func: None, place: None, message: error.to_string() }])
    })
}

/// Where a symbol lies.
#[derive(Clone, Copy, Debug)]
struct Placed {
    section: SectionId,
    /// In bytes.
    offset: u64,
}

/// The functions of a section: indices in [`Module::funcs`], by place.
struct CodeSection {
    id: SectionId,
    name: String,
    funcs: Vec<usize>,
}

struct Writer<'o> {
    module: Module,
    options: &'o Options,
    builder: ObjectBuilder,
    /// By symbol of the module.
    places: Vec<Option<Placed>>,
    /// By symbol of the module.
    ids: Vec<Option<SymbolId>>,
    /// The FUNC or VAR of each symbol of the module.
    described: Vec<Option<TypeId>>,
    code_sections: Vec<CodeSection>,
}

impl Writer<'_> {
    fn functions(&mut self, code: &[Code]) {
        let mut sections: BTreeMap<String, usize> = BTreeMap::new();
        for (at, (func, code)) in self.module.funcs.iter().zip(code).enumerate() {
            let symbol = self.module.symbol(func.symbol);
            let name = symbol.section.as_deref().unwrap_or(".text");
            let part = match sections.entry(name.to_owned()) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    let id = self.builder.section(name, SectionKind::Code);
                    self.code_sections.push(CodeSection { id, name: name.to_owned(), funcs: Vec::new() });
                    *entry.insert(self.code_sections.len() - 1)
                }
            };
            let section = self.code_sections[part].id;
            self.code_sections[part].funcs.push(at);
            let offset = self.builder.len(section);
            let size = code.slots.len() as u64 * 8;
            self.builder.code(section).extend(&code.slots);
            self.places[func.symbol.0 as usize] = Some(Placed { section, offset });
            let id = self
                .builder
                .symbol(bound(Symbol::func(&*symbol.name, section, offset, size), symbol.linkage));
            self.ids[func.symbol.0 as usize] = Some(id);
            for (at, name) in &code.markers {
                let marker = Symbol::object(&**name, section, offset + u64::from(at.0) * 8, 0);
                let kind = skep_object::object::SymbolKind::NoType;
                self.builder.symbol(Symbol { kind, ..marker });
            }
        }
    }

    fn license(&mut self) {
        let Some(license) = &self.module.license else { return };
        let section = self.builder.section("license", SectionKind::Note);
        let bytes = self.builder.bytes(section);
        bytes.extend(license.as_bytes());
        bytes.push(0);
        let size = bytes.len() as u64;
        self.builder.symbol(Symbol::object("_license", section, 0, size).global());
    }

    fn relocations(&mut self, code: &[Code]) {
        for (func, code) in code.iter().enumerate() {
            let Some(from) = self.places[self.module.funcs[func].symbol.0 as usize] else { continue };
            for reloc in &code.relocs {
                let offset = from.offset + u64::from(reloc.at.0) * 8;
                if reloc.kind == RelocKind::Call && self.call_directly(from, offset, reloc.symbol) {
                    continue;
                }
                let (symbol, addend) = match self.local_func(reloc.symbol) {
                    // libbpf takes the address of a local function only as a place in its section, as clang has it.
                    Some(to) if reloc.kind == RelocKind::LoadImm64 => {
                        (self.builder.section_symbol(to.section), reloc.addend + to.offset.cast_signed())
                    }
                    _ => (self.symbol(reloc.symbol), reloc.addend),
                };
                self.builder.reloc(from.section, Reloc { offset, kind: reloc.kind, symbol, addend });
            }
        }
    }

    /// Where a function lies that nobody else sees.
    fn local_func(&self, id: ir::SymbolId) -> Option<Placed> {
        let symbol = self.module.symbol(id);
        let is_local = symbol.linkage == Linkage::Local && matches!(symbol.kind, SymbolKind::Func(_));
        self.places[id.0 as usize].filter(|_| is_local)
    }

    /// Resolves a call inside a program section: loaders take relocated calls to `.text` only.
    fn call_directly(&mut self, from: Placed, offset: u64, callee: ir::SymbolId) -> bool {
        let Some(to) = self.places[callee.0 as usize] else { return false };
        let name = &self.builder.so_far().section(from.section).name;
        if to.section != from.section || name == ".text" {
            return false;
        }
        let slots = (to.offset / 8).cast_signed() - (offset / 8).cast_signed() - 1;
        let Ok(slots) = i32::try_from(slots) else { return false };
        let Ok(at) = usize::try_from(offset / 8) else { return false };
        self.builder.code(from.section)[at].imm = slots;
        true
    }

    /// The symbol in the object; what is not defined here becomes an undefined one.
    fn symbol(&mut self, id: ir::SymbolId) -> SymbolId {
        if let Some(id) = self.ids[id.0 as usize] {
            return id;
        }
        let symbol = self.module.symbol(id);
        let undefined = Symbol::undefined(&*symbol.name);
        let undefined = if symbol.linkage == Linkage::Weak { undefined.weak() } else { undefined };
        let new = self.builder.symbol(undefined);
        self.ids[id.0 as usize] = Some(new);
        new
    }

    /// Symbols of one kind, by index.
    fn symbols_where(&self, is: impl Fn(&SymbolKind) -> bool) -> Vec<ir::SymbolId> {
        let ids = (0..).map(ir::SymbolId).zip(&self.module.symbols);
        ids.filter(|(_, symbol)| is(&symbol.kind)).map(|(id, _)| id).collect()
    }
}

/// The symbol, seen as its linkage says.
fn bound(symbol: Symbol, linkage: Linkage) -> Symbol {
    match linkage {
        Linkage::Local => symbol,
        Linkage::Global => symbol.global(),
        Linkage::Weak => symbol.weak(),
        Linkage::Hidden => Symbol { hidden: true, ..symbol.global() },
    }
}
