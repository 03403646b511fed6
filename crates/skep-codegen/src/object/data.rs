//! Maps and variables.

use skep_btf::maps;
use skep_insn::Endian;
use skep_object::object::{Contents, Reloc, RelocKind, SectionId, SectionKind, Symbol};

use super::{Placed, Writer, bound};
use crate::code::Code;
use crate::ir::{Global, Init, Linkage, SymbolId, SymbolKind};

/// Each initial value of a map is a pointer.
const POINTER: u32 = 8;

impl Writer<'_> {
    /// Declares the maps in `.maps`, and what they begin with.
    pub(super) fn maps(&mut self) {
        let ids = self.symbols_where(|kind| matches!(kind, SymbolKind::Map(_)));
        if ids.is_empty() {
            return;
        }
        let section = self.builder.section(maps::SECTION, SectionKind::Maps);
        let mut vars = Vec::with_capacity(ids.len());
        let mut values = Vec::new();
        for id in ids {
            let symbol = self.module.symbol(id);
            let SymbolKind::Map(map) = symbol.kind.clone() else { continue };
            let (name, linkage) = (symbol.name.clone(), symbol.linkage);
            let declared = maps::declare(&mut self.module.types, &name, &map.decl);
            let slots = map.values.iter().map(|(slot, _)| slot + 1).max().unwrap_or(0);
            let size = declared.size + slots * POINTER;
            let offset = self.builder.len(section);
            self.builder.bytes(section).resize(usize_of(offset + u64::from(size)), 0);
            // A map is found by its name whoever made it, so loaders want it global.
            let linkage = if linkage == Linkage::Local { Linkage::Global } else { linkage };
            let symbol = bound(Symbol::object(name, section, offset, size.into()), linkage);
            self.ids[id.0 as usize] = Some(self.builder.symbol(symbol));
            self.places[id.0 as usize] = Some(Placed { section, offset });
            let at = u32::try_from(offset).unwrap_or(u32::MAX);
            self.described[id.0 as usize] = Some(declared.var);
            vars.push(skep_btf::SecVar { var: declared.var, offset: at, size });
            let first = offset + u64::from(declared.size);
            values.extend(map.values.iter().map(|&(slot, to)| (first + u64::from(slot * POINTER), to)));
        }
        for (offset, to) in values {
            let symbol = self.symbol(to);
            self.builder.reloc(section, Reloc { offset, kind: RelocKind::Abs64, symbol, addend: 0 });
        }
        let size = u32::try_from(self.builder.len(section)).unwrap_or(u32::MAX);
        self.module.types.datasec(maps::SECTION, size, &vars);
    }

    /// Writes jump tables as LLVM does: one symbol for each, its entries the offsets of instructions in bytes, from the
    /// start of the section of the function, without relocations.
    pub(super) fn jump_tables(&mut self, code: &[Code]) {
        for (at, code) in code.iter().enumerate().filter(|(_, code)| !code.tables.is_empty()) {
            let Some(func) = self.places[self.module.funcs[at].symbol.0 as usize] else { continue };
            let section = self.builder.section(".jumptables", SectionKind::Other);
            self.builder.align(section, 8);
            let mut symbols = Vec::with_capacity(code.tables.len());
            for (number, table) in code.tables.iter().enumerate() {
                let offset = self.builder.len(section);
                for slot in table {
                    let to = func.offset + slot.bytes();
                    let entry = match self.options.endian {
                        Endian::Little => to.to_le_bytes(),
                        Endian::Big => to.to_be_bytes(),
                    };
                    self.builder.bytes(section).extend(entry);
                }
                let size = self.builder.len(section) - offset;
                let name = format!("BPF.JT.{at}.{number}");
                symbols.push(self.builder.symbol(Symbol::object(name, section, offset, size)));
            }
            for &(slot, table) in &code.table_refs {
                let (offset, symbol) = (func.offset + slot.bytes(), symbols[table as usize]);
                self.builder
                    .reloc(func.section, Reloc { offset, kind: RelocKind::LoadImm64, symbol, addend: 0 });
            }
        }
    }

    /// Places variables in their sections, and describes these.
    pub(super) fn globals(&mut self) {
        let ids = self.symbols_where(|kind| matches!(kind, SymbolKind::Global(_)));
        let mut sections: Vec<(SectionId, Vec<skep_btf::SecVar>)> = Vec::new();
        let mut addresses = Vec::new();
        for id in ids {
            let symbol = self.module.symbol(id);
            let SymbolKind::Global(global) = &symbol.kind else { continue };
            let (global, linkage) = (global.clone(), symbol.linkage);
            let (name, kind) = section_of(&global, symbol.section.as_deref());
            let (name, symbol_name) = (name.to_owned(), symbol.name.clone());
            let section = self.builder.section(&name, kind);
            let offset = self.place(section, &global);
            let size = u64::from(global.size);
            let mut at = offset;
            for init in &global.init {
                if let Init::Address { symbol, addend } = *init {
                    addresses.push((section, at, symbol, addend));
                }
                at += u64::from(init.size());
            }
            let var = self.variable(&symbol_name, &global, linkage);
            self.described[id.0 as usize] = Some(var);
            let symbol = bound(Symbol::object(symbol_name, section, offset, size), linkage);
            self.ids[id.0 as usize] = Some(self.builder.symbol(symbol));
            self.places[id.0 as usize] = Some(Placed { section, offset });
            let offset = u32::try_from(offset).unwrap_or(u32::MAX);
            let record = skep_btf::SecVar { var, offset, size: global.size };
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, vars)) => vars.push(record),
                None => sections.push((section, vec![record])),
            }
        }
        for (section, offset, to, addend) in addresses {
            self.address(section, offset, to, addend);
        }
        for (section, vars) in sections {
            let name = self.builder.so_far().section(section).name.clone();
            // The kernel wants no empty section, and no variable without a size.
            let vars: Vec<_> = vars.into_iter().filter(|var| var.size > 0).collect();
            let size = u32::try_from(self.builder.len(section)).unwrap_or(u32::MAX);
            if !vars.is_empty() {
                self.module.types.datasec(&name, size, &vars);
            }
        }
    }

    /// An address in data.
    fn address(&mut self, section: SectionId, offset: u64, to: SymbolId, addend: i64) {
        let symbol = self.symbol(to);
        self.builder.reloc(section, Reloc { offset, kind: RelocKind::Abs64, symbol, addend });
    }

    /// Adds a variable to its section; where it begins.
    fn place(&mut self, section: SectionId, global: &Global) -> u64 {
        let align = u64::from(global.align.max(1));
        self.builder.align(section, align);
        let offset = self.builder.len(section).next_multiple_of(align);
        let end = offset + u64::from(global.size);
        if let Contents::Zeros(len) = &mut self.builder.section_mut(section).contents {
            *len = end;
            return offset;
        }
        let endian = self.options.endian;
        let bytes = self.builder.bytes(section);
        bytes.resize(usize_of(offset), 0);
        for init in &global.init {
            match init {
                Init::Bytes(more) => bytes.extend(more),
                Init::Int { bytes: len, value } => {
                    let len = usize::from(*len).min(8);
                    match endian {
                        Endian::Little => bytes.extend(&value.to_le_bytes()[..len]),
                        Endian::Big => bytes.extend(&value.to_be_bytes()[8 - len..]),
                    }
                }
                Init::Address { .. } => bytes.extend([0; 8]),
                Init::Zeros(len) => bytes.resize(bytes.len() + usize_of(u64::from(*len)), 0),
            }
        }
        bytes.resize(usize_of(end), 0);
        offset
    }
}

/// Where a variable goes: where it says, else where its contents belong.
fn section_of<'a>(global: &Global, section: Option<&'a str>) -> (&'a str, SectionKind) {
    let zeros = global.init.iter().all(|init| matches!(init, Init::Zeros(_)));
    match section {
        Some(name) if name.starts_with(".rodata") => (name, SectionKind::Rodata),
        Some(name) if name.starts_with(".bss") && zeros => (name, SectionKind::Bss),
        // Names that mean something say what it is; the others hold data.
        Some(name) => (name, SectionKind::of(name, &Contents::Bytes(Vec::new()), true)),
        None if global.read_only => (".rodata", SectionKind::Rodata),
        None if zeros => (".bss", SectionKind::Bss),
        None => (".data", SectionKind::Data),
    }
}

/// A length in memory. Data of an object is counted by 32 bits per variable, so it fits.
fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
