//! What BTF says about functions, lines, data sections and imports.

use std::collections::HashMap;

use skep_btf::{Btf, ByteOff, Kind, LineInfo, Lines, Linkage, StrRef, Type, TypeId};
use skep_insn::Slot;
use skep_object::Object;
use skep_object::image::Line;

/// Bytes in a slot.
const SLOT: u32 = 8;

/// The types and records of an object.
#[derive(Debug)]
pub(crate) struct Types<'a> {
    object: &'a Object,
    /// The FUNC of each function that has one: by section, and by place in it.
    funcs: HashMap<(&'a str, ByteOff), TypeId>,
    /// The line records of each section.
    lines: HashMap<&'a str, Lines<'a>>,
    /// Names of source files, as far as they have been met.
    files: Vec<String>,
    file_ids: HashMap<StrRef, u32>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(object: &'a Object) -> Self {
        let mut types = Types {
            object,
            funcs: HashMap::new(),
            lines: HashMap::new(),
            files: Vec::new(),
            file_ids: HashMap::new(),
        };
        if let (Some(btf), Some(ext)) = (&object.btf, &object.btf_ext) {
            for block in &ext.func_info {
                let section = btf.string(block.section);
                types.funcs.extend(block.records.iter().map(|record| ((section, record.at), record.func)));
            }
            for block in &ext.line_info {
                let section = btf.string(block.section);
                types.lines.entry(section).or_insert_with(|| ext.lines_of(btf, section));
            }
        }
        types
    }

    /// The lines of a function, which starts `start` slots into a section.
    pub(crate) fn lines(&mut self, section: &str, start: u32, len: u32) -> Vec<Line> {
        let bytes = |slot: u32| u32::try_from(Slot(slot).bytes()).ok().map(ByteOff);
        let Some(range) = bytes(start).zip(bytes(start + len)) else { return Vec::new() };
        let Some(all) = self.lines.get(section) else { return Vec::new() };
        let mut lines: Vec<Line> = Vec::new();
        for &LineInfo { at, file, text, line, column } in all.within(range.0..range.1) {
            let at = Slot((at.0 - range.0.0) / SLOT);
            let next = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
            let file = *self.file_ids.entry(file).or_insert_with(|| {
                self.files.extend(self.object.btf.as_ref().map(|btf| btf.string(file).to_owned()));
                next
            });
            // Of several records for one instruction the last is the one that the kernel shows.
            if lines.last().is_some_and(|last| last.at == at) {
                lines.pop();
            }
            lines.push(Line { at, file, line, column, text });
        }
        lines
    }

    /// The FUNC of a function: of the record at its start, or else of its name.
    pub(crate) fn func(&self, section: &str, start: u32, name: &str) -> Option<TypeId> {
        let btf = self.object.btf.as_ref()?;
        let at = u32::try_from(Slot(start).bytes()).ok().map(ByteOff)?;
        self.funcs.get(&(section, at)).copied().or_else(|| {
            only(btf, name, |ty| matches!(ty, Type::Func(func) if func.linkage != Linkage::Extern))
        })
    }

    /// The DATASEC of a section.
    pub(crate) fn datasec(&self, name: &str) -> Option<TypeId> {
        self.object.btf.as_ref()?.find_by_name(Kind::Datasec, name)
    }

    /// The declaration of what is defined elsewhere.
    pub(crate) fn import(&self, name: &str) -> Option<TypeId> {
        only(self.object.btf.as_ref()?, name, |ty| match ty {
            Type::Func(func) => func.linkage == Linkage::Extern,
            Type::Var(var) => var.linkage == Linkage::Extern,
            _ => false,
        })
    }

    pub(crate) fn into_files(self) -> Vec<String> {
        self.files
    }
}

/// The type of this name that is wanted; none if there are several, as of static functions of one name.
fn only(btf: &Btf, name: &str, is_wanted: impl Fn(Type<'_>) -> bool) -> Option<TypeId> {
    let mut found = btf.find_all(name).filter(|&id| is_wanted(btf.ty(id)));
    found.next().filter(|_| found.next().is_none())
}
