//! From sections and symbols to an object: functions, sizes, addresses, relocations.

use std::cell::Cell;
use std::collections::HashMap;

use skep_btf::{Btf, BtfExt, maps};
use skep_insn::{RawInsn, SLOT_BYTES};

use crate::nearest::{did_you_mean, nearest};
use crate::object::{Contents, Object, ObjectBuilder, SectionId, SectionKind, SymbolId};

use super::diag::{CAP, Fault, Faults, Parsed};
use super::expr::Evaluator;
use super::functions::{self, Function};
use super::section::{Role, Section};
use super::source::Span;
use super::symbols::{Def, SecId, Sym, SymId};
use super::types;
use super::unit::Unit;

/// Makes the object, or adds to the faults.
pub(super) fn object(mut unit: Unit<'_>) -> Result<Object, Faults> {
    let mut sections = std::mem::take(&mut unit.sections);
    let mut faults = std::mem::take(&mut unit.faults);
    functions::show_programs(&mut unit.symbols, &sections);
    let mut linker = Linker {
        ids: vec![None; sections.len()],
        builder: ObjectBuilder::new(unit.source.name, unit.endian),
        symbols: HashMap::new(),
        functions: functions::find(&unit.symbols, &sections),
        hints: Cell::new(CAP),
        unit: &unit,
    };
    linker.add_sections(&sections);
    linker.add_symbols(&sections, &mut faults);
    for index in 0..sections.len() {
        let fixups = std::mem::take(&mut sections[index].fixups);
        linker.resolve(SecId(index), &mut sections, &fixups, &mut faults);
    }
    if faults.is_empty() {
        check_lengths(&sections, &mut faults);
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    linker.add_contents(&sections);
    linker.finish(&sections).map_err(|fault| {
        faults.add(fault);
        faults
    })
}

/// An object that is being made of sections and symbols.
pub(super) struct Linker<'u, 's> {
    pub(super) unit: &'u Unit<'s>,
    /// The section of the object that each section becomes.
    pub(super) ids: Vec<Option<SectionId>>,
    pub(super) builder: ObjectBuilder,
    /// The symbols of the object so far.
    pub(super) symbols: HashMap<SymId, SymbolId>,
    /// By place.
    pub(super) functions: Vec<Function>,
    /// How many more errors may look for names near theirs.
    hints: Cell<usize>,
}

impl<'s> Linker<'_, 's> {
    pub(super) fn evaluator<T>(&self, run: impl FnOnce(&mut Evaluator<'_, 's>) -> T) -> T {
        self.unit.evaluator(run)
    }

    /// Names near one that does not exist; only for the first errors, since it looks at all names.
    pub(super) fn near<'n>(&self, name: &str, names: impl IntoIterator<Item = &'n str>) -> String {
        match self.hints.get() {
            0 => String::new(),
            left => {
                self.hints.set(left - 1);
                did_you_mean(&nearest(name, names))
            }
        }
    }

    pub(super) fn sym(&self, id: SymId) -> &Sym<'s> {
        self.unit.symbols.get(id)
    }

    /// Sections that hold something or that something refers to.
    fn add_sections(&mut self, sections: &[Section<'s>]) {
        let mut wanted = vec![false; sections.len()];
        for (_, sym) in self.unit.symbols.iter() {
            if let Def::Label(loc) = sym.def {
                wanted[loc.section.0] |= !sym.is_private() || sym.used;
            } else if let (Def::None, true, Some(id)) =
                (&sym.def, sym.used, self.unit.section_by_name(&sym.name))
            {
                wanted[id.0] = true;
            }
        }
        for (index, section) in sections.iter().enumerate() {
            let kind = match section.role {
                Role::Kept(kind) => kind,
                Role::Unknown if wanted[index] || section.flags.is_some() => SectionKind::Data,
                _ => continue,
            };
            if section.len() == 0 && !wanted[index] && !section.flags.is_some_and(|flags| flags.exec) {
                continue;
            }
            let id = self.builder.new_section(&section.name, kind);
            self.builder.align(id, section.align);
            self.ids[index] = Some(id);
        }
    }

    fn add_contents(&mut self, sections: &[Section<'s>]) {
        for (section, id) in sections.iter().zip(&self.ids) {
            let Some(id) = *id else { continue };
            let endian = self.unit.endian;
            self.builder.section_mut(id).contents = match section.role {
                Role::Kept(SectionKind::Code) => {
                    Contents::Code(RawInsn::slots(&section.bytes, endian).unwrap_or_default())
                }
                Role::Kept(SectionKind::Bss) => Contents::Zeros(section.zeros),
                _ => Contents::Bytes(section.bytes.clone()),
            };
        }
    }

    fn finish(mut self, sections: &[Section<'s>]) -> Parsed<Object> {
        let role = |role| sections.iter().find(|section| section.role == role && section.len() > 0);
        match role(Role::Btf) {
            Some(section) => {
                if let Some(at) = self.unit.maps.first {
                    return Err(Fault::new(
                        at,
                        "'.map' in a file that has its own '.BTF'; declare the map there",
                    ));
                }
                let mut btf = Btf::parse(&section.bytes).map_err(|error| damaged(section, &error))?;
                crate::elf::place_variables(self.builder.so_far(), &mut btf)
                    .map_err(|error| damaged(section, &error))?;
                if let Some(section) = role(Role::BtfExt) {
                    let ext =
                        BtfExt::parse(&section.bytes, &btf).map_err(|error| damaged(section, &error))?;
                    self.builder.btf_ext(ext);
                }
                self.builder.btf(btf);
            }
            None => self.describe(sections)?,
        }
        let mut object = self.builder.finish().map_err(|error| Fault::new(Span::default(), chain(&error)))?;
        for section in sections.iter().filter(|section| section.role == Role::Ignored) {
            object
                .remarks
                .push(format!("section '{}': not kept, an object for BPF does without it", section.name));
        }
        Ok(object)
    }

    /// Makes types for the maps and functions, and lines for the instructions.
    fn describe(&mut self, sections: &[Section<'s>]) -> Parsed<()> {
        let code: Vec<types::Code<'_>> = sections
            .iter()
            .enumerate()
            .filter(|(_, section)| section.is_code() && section.len() > 0)
            .map(|(index, section)| self.code(SecId(index), section))
            .collect();
        let mut types = self.unit.maps.types.clone();
        if !self.unit.maps.vars.is_empty() {
            let size = sections.iter().find(|section| section.name == maps::SECTION).map_or(0, Section::len);
            types.datasec(maps::SECTION, u32::try_from(size).unwrap_or(u32::MAX), &self.unit.maps.vars);
        }
        if code.is_empty() && self.unit.maps.vars.is_empty() {
            return Ok(());
        }
        let described = types::describe(types, &code, self.unit.source, &self.unit.files);
        let (btf, ext) = described
            .map_err(|error| Fault::new(Span::default(), format!("types cannot be made: {error}")))?;
        self.builder.btf(btf);
        self.builder.btf_ext(ext);
        Ok(())
    }

    fn code<'c>(&'c self, id: SecId, section: &'c Section<'s>) -> types::Code<'c> {
        let mut functions: Vec<types::Function<'c>> = Vec::new();
        let start = self.functions.partition_point(|function| function.start.section < id);
        for function in self.functions[start..].iter().take_while(|function| function.start.section == id) {
            let sym = function.names.first().map(|&id| self.sym(id));
            functions.push(types::Function {
                name: sym.map_or("", |sym| &sym.name),
                offset: function.start.offset,
                // Global functions of `.text` would be checked alone, for which their types would have to be known.
                global: sym.is_some_and(|sym| sym.is_global() && !sym.hidden) && section.name != ".text",
            });
        }
        if functions.first().is_none_or(|function| function.offset > 0) {
            functions.insert(0, types::Function { name: &section.name, offset: 0, global: false });
        }
        types::Code { name: &section.name, functions, lines: &section.lines }
    }
}

fn check_lengths(sections: &[Section<'_>], faults: &mut Faults) {
    for section in sections.iter().filter(|section| section.is_code()) {
        if !section.len().is_multiple_of(SLOT_BYTES as u64) {
            let (name, len) = (&section.name, section.len());
            let message =
                format!("section '{name}' holds code and is {len} bytes long; expected a multiple of 8");
            faults.add(Fault::new(section.at, message));
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

fn damaged(section: &Section<'_>, error: &dyn std::error::Error) -> Fault {
    Fault::new(section.at, format!("section '{}' is damaged: {}", section.name, chain(error)))
}
