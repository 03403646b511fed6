//! Types of functions and variables, and the records of functions, lines and CO-RE relocations.

use skep_btf::{
    Block, BtfBuilder, BtfExt, ByteOff, CoreRelo, DeclTag, FuncInfo, IntEncoding, LineInfo,
    Linkage as BtfLinkage, SecVar, TypeId,
};

use super::Writer;
use crate::code::Code;
use crate::diag::Code as DiagCode;
use crate::ir::{self, Extern, Global, Linkage, Loc, Signature, SymbolKind, Type};
use crate::{Diag, Diags};

/// Lines and columns have 22 and 10 bits.
const MAX_LINE: u32 = (1 << 22) - 1;
const MAX_COLUMN: u32 = (1 << 10) - 1;

impl Writer<'_> {
    /// Builds `.BTF` and `.BTF.ext`.
    pub(super) fn types(&mut self, code: &[Code]) -> Result<(), Diags> {
        self.externs();
        let mut ext = BtfExt::default();
        for section in std::mem::take(&mut self.code_sections) {
            let name = self.module.types.string(&section.name);
            let mut funcs = Vec::with_capacity(section.funcs.len());
            let mut lines = Lines { records: Vec::new(), files: vec![None; self.module.files.len()] };
            let mut core = Vec::new();
            for &at in &section.funcs {
                let start =
                    self.places[self.module.funcs[at].symbol.0 as usize].map_or(0, |place| place.offset);
                let start = u32::try_from(start).unwrap_or(u32::MAX);
                let func = self.function(at);
                self.described[self.module.funcs[at].symbol.0 as usize] = Some(func);
                funcs.push(FuncInfo { at: ByteOff(start), func });
                lines.add(self, start, at, &code[at]);
                for &(slot, relo) in &code[at].core {
                    let relo = &self.module.core[relo as usize];
                    let access = self.module.types.string(&relo.access);
                    let at = ByteOff(start + slot.0 * 8);
                    core.push(CoreRelo { at, ty: relo.ty, access, kind: relo.kind });
                }
            }
            ext.func_info.push(Block { section: name, records: funcs });
            if !lines.records.is_empty() {
                ext.line_info.push(Block { section: name, records: lines.records });
            }
            if !core.is_empty() {
                ext.core_relo.push(Block { section: name, records: core });
            }
        }
        self.tags();
        let types = std::mem::take(&mut self.module.types);
        let btf = types.build().map_err(|error| {
            let message = format!("the types of this module cannot be encoded: {error}");
            Diags(vec![Diag { code: DiagCode::TooLarge, func: None, place: None, message }])
        })?;
        self.builder.btf(btf);
        self.builder.btf_ext(ext);
        Ok(())
    }

    /// What is said of functions and variables besides.
    fn tags(&mut self) {
        for tag in std::mem::take(&mut self.module.tags) {
            if let Some(target) = self.described[tag.symbol.0 as usize] {
                let body = DeclTag { target, component: tag.param, attribute: false };
                self.module.types.add(&tag.text, skep_btf::Type::DeclTag(body));
            }
        }
    }

    /// The FUNC of a function with a body.
    fn function(&mut self, at: usize) -> TypeId {
        let ir::Module { funcs, symbols, types, .. } = &mut self.module;
        let func = &funcs[at];
        let symbol = &symbols[func.symbol.0 as usize];
        let linkage = match symbol.linkage {
            Linkage::Local | Linkage::Hidden => BtfLinkage::Static,
            Linkage::Global | Linkage::Weak => BtfLinkage::Global,
        };
        let proto = func.ty.unwrap_or_else(|| proto(types, &func.sig));
        types.func(&skep_btf::mangle(&symbol.name), proto, linkage)
    }

    /// The VAR of a variable.
    pub(super) fn variable(&mut self, name: &str, global: &Global, linkage: Linkage) -> TypeId {
        let types = &mut self.module.types;
        let ty = global.ty.unwrap_or_else(|| {
            let byte = types.int("unsigned char", 1, IntEncoding::Unsigned);
            let index = types.int("unsigned int", 4, IntEncoding::Unsigned);
            types.array(byte, index, global.size)
        });
        let linkage = if linkage == Linkage::Local { BtfLinkage::Static } else { BtfLinkage::Global };
        types.var(&skep_btf::mangle(name), ty, linkage)
    }

    /// Describes what is defined elsewhere; what names a section (`.ksyms`, `.kconfig`) is listed there.
    fn externs(&mut self) {
        let mut sections: Vec<(String, Vec<SecVar>)> = Vec::new();
        for id in self.symbols_where(|kind| matches!(kind, SymbolKind::Extern(_))) {
            let symbol = self.module.symbol(id);
            let SymbolKind::Extern(Extern { sig, ty }) = symbol.kind.clone() else { continue };
            // A loader wants a symbol for each extern it is told of.
            if self.ids[id.0 as usize].is_none() {
                continue;
            }
            let (name, section) = (skep_btf::mangle(&symbol.name).into_owned(), symbol.section.clone());
            let types = &mut self.module.types;
            let var = match (&sig, ty) {
                (Some(sig), ty) => {
                    let proto = ty.unwrap_or_else(|| proto(types, sig));
                    types.func(&name, proto, BtfLinkage::Extern)
                }
                (None, ty) => types.var(&name, ty.unwrap_or(TypeId::VOID), BtfLinkage::Extern),
            };
            self.described[id.0 as usize] = Some(var);
            let Some(section) = section else { continue };
            // Functions have none; libbpf takes a kconfig's variable by its size.
            let size = ty.filter(|_| sig.is_none()).and_then(|ty| types.so_far().size_of(ty));
            let size = size.and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
            let record = SecVar { var, offset: 0, size };
            match sections.iter_mut().find(|(known, _)| *known == section) {
                Some((_, vars)) => vars.push(record),
                None => sections.push((section, vec![record])),
            }
        }
        for (section, vars) in sections {
            self.module.types.datasec(&section, 0, &vars);
        }
    }
}

/// What a signature alone tells: integers by their width, pointers to nothing in particular.
fn proto(types: &mut BtfBuilder, sig: &Signature) -> TypeId {
    let ret = sig.ret.map_or(TypeId::VOID, |ty| plain(types, ty));
    let params: Vec<_> = sig
        .params
        .iter()
        .enumerate()
        .map(|(at, &ty)| {
            let ty = plain(types, ty);
            types.param(&format!("arg{at}"), ty)
        })
        .collect();
    types.func_proto(ret, &params)
}

fn plain(types: &mut BtfBuilder, ty: Type) -> TypeId {
    match ty {
        Type::Ptr(_) => types.ptr(TypeId::VOID),
        Type::Int(1) => types.int("_Bool", 1, IntEncoding::Bool),
        Type::Int(..=8) => types.int("unsigned char", 1, IntEncoding::Unsigned),
        Type::Int(..=16) => types.int("unsigned short", 2, IntEncoding::Unsigned),
        Type::Int(..=32) => types.int("unsigned int", 4, IntEncoding::Unsigned),
        Type::Int(_) => types.int("unsigned long", 8, IntEncoding::Unsigned),
    }
}

/// The lines of one section.
struct Lines {
    records: Vec<LineInfo>,
    /// Names of files that are strings already.
    files: Vec<Option<skep_btf::StrRef>>,
}

impl Lines {
    /// Adds the lines of a function that starts `start` bytes into the section. The kernel wants a record for its
    /// first instruction.
    fn add(&mut self, out: &mut Writer<'_>, start: u32, func: usize, code: &Code) {
        let declared = out.module.funcs[func].loc;
        let mut last: Option<LineInfo> = None;
        let starts_late = code.lines.first().is_none_or(|(slot, _)| slot.0 > 0);
        let first = starts_late.then_some((skep_insn::Slot(0), declared));
        for (slot, loc) in first.into_iter().chain(code.lines.iter().copied()) {
            let at = ByteOff(start + slot.0 * 8);
            let record = self.line(out, at, loc).or_else(|| self.line(out, at, declared));
            let record = match (record, last) {
                (Some(record), _) => record,
                // Where one function has lines, the kernel wants them of all.
                (None, None) if out.module.places.len() > 1 => {
                    let name = std::mem::take(&mut out.module.name);
                    let file = out.module.types.string(&name);
                    out.module.name = name;
                    LineInfo { at, file, text: skep_btf::StrRef::EMPTY, line: 0, column: 0 }
                }
                (None, _) => continue,
            };
            let repeats = last.is_some_and(|last| {
                (last.file, last.line, last.column) == (record.file, record.line, record.column)
            });
            if !repeats {
                self.records.push(record);
                last = Some(record);
            }
        }
    }

    fn line(&mut self, out: &mut Writer<'_>, at: ByteOff, loc: Loc) -> Option<LineInfo> {
        let place = out.module.place(loc);
        if place.line == 0 {
            return None;
        }
        let known = self.files.get_mut(place.file as usize)?;
        let file = match *known {
            Some(file) => file,
            None => *known.insert(out.module.types.string(&out.module.files[place.file as usize])),
        };
        let column = if place.column > MAX_COLUMN { 0 } else { place.column };
        Some(LineInfo { at, file, text: skep_btf::StrRef::EMPTY, line: place.line.min(MAX_LINE), column })
    }
}
