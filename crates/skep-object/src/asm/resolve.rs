//! What depended on symbols is filled in, or becomes a relocation.

use skep_insn::helper::Helper;
use skep_insn::{Endian, RawInsn, SLOT_BYTES};

use crate::object::{Binding, Reloc, RelocKind, SectionKind, Symbol, SymbolId};

use super::data;
use super::diag::{Fault, Faults, Parsed};
use super::expr::{Base, Value};
use super::finish::Linker;
use super::section::{Fixup, FixupKind, Role, Section};
use super::source::Span;
use super::symbols::{Def, Loc, SecId, SymId};

impl<'s> Linker<'_, 's> {
    /// Fills in what depended on symbols, or leaves a relocation.
    pub(super) fn resolve(
        &mut self,
        section: SecId,
        sections: &mut [Section<'s>],
        fixups: &[Fixup],
        faults: &mut Faults,
    ) {
        for fixup in fixups {
            let value = self.evaluator(|evaluator| {
                let value = evaluator.value(&fixup.expr)?;
                Ok((value, evaluator.place(value)))
            });
            let result = value.and_then(|(value, place)| {
                if self.is_broken(value) {
                    return Ok(());
                }
                match fixup.kind {
                    FixupKind::Jump | FixupKind::JumpLong => {
                        self.jump(section, sections, fixup, value, place)
                    }
                    FixupKind::Call => self.call(section, sections, fixup, value, place),
                    FixupKind::Imm64 => self.imm64(section, sections, fixup, value),
                    FixupKind::Data(size) => self.data(section, sections, fixup, size, value, place),
                }
            });
            faults.check(result);
        }
    }

    fn is_broken(&self, value: Value) -> bool {
        matches!(value.base, Some(Base::Symbol(id)) if self.sym(id).def == Def::Broken)
    }

    fn jump(
        &self,
        section: SecId,
        sections: &mut [Section<'s>],
        fixup: &Fixup,
        value: Value,
        place: Option<Loc>,
    ) -> Parsed<()> {
        let long = fixup.kind == FixupKind::JumpLong;
        let slots = match (value.base, place) {
            (None, _) => value.number,
            (_, Some(target)) if target.section == section => {
                let distance = target.offset.cast_signed() - fixup.offset.cast_signed() - 8;
                if distance % 8 != 0 {
                    return Err(Fault::new(
                        fixup.at,
                        "the label stands between instructions; expected a multiple of 8 bytes",
                    ));
                }
                distance / 8
            }
            (_, Some(target)) => {
                let name = &sections[target.section.0].name;
                let message = format!(
                    "the label lies in section '{name}'; a jump stays inside its function, so use 'call'"
                );
                return Err(Fault::new(fixup.at, message));
            }
            (Some(base), None) => return Err(self.undefined_label(sections, section, base, fixup.at)),
        };
        let slot = slot_mut(sections, section, fixup.offset);
        let endian = self.unit.endian;
        if long {
            let off = i32::try_from(slots).map_err(|_| {
                Fault::new(fixup.at, format!("the label is {slots} slots away, farther than 32 bits reach"))
            })?;
            return write_slot(slot, endian, |insn| insn.imm = off);
        }
        let off = i16::try_from(slots).map_err(|_| {
            let message = format!(
                "the label is {slots} slots away, and 16 bits reach from -32768 to 32767; \
                 use 'gotol', behind an 'if' with the opposite condition where there is one"
            );
            Fault::new(fixup.at, message)
        })?;
        write_slot(slot, endian, |insn| insn.off = off)
    }

    fn undefined_label(&self, sections: &[Section<'s>], section: SecId, base: Base, at: Span) -> Fault {
        let Base::Symbol(id) = base else {
            return Fault::new(at, "expected a label in this section");
        };
        let sym = self.sym(id);
        if sym.is_private() && sym.name.ends_with('f') && !sym.name.starts_with('.') {
            let number = sym.name.trim_end_matches('f');
            let message =
                format!("no label '{number}:' stands below ('{number}f' looks down, '{number}b' up)");
            return Fault::new(at, message);
        }
        let labels = self.unit.symbols.iter().filter_map(|(_, sym)| match sym.def {
            Def::Label(loc) if loc.section == section && sections[section.0].is_code() => Some(&*sym.name),
            _ => None,
        });
        let near =
            self.near(&sym.name, labels.filter(|name| !name.starts_with(|c: char| c.is_ascii_digit())));
        let near = if near.is_empty() { "; expected a label in this section".to_string() } else { near };
        Fault::new(at, format!("undefined label '{}'{near}", sym.name))
    }

    fn call(
        &mut self,
        section: SecId,
        sections: &mut [Section<'s>],
        fixup: &Fixup,
        value: Value,
        place: Option<Loc>,
    ) -> Parsed<()> {
        let endian = self.unit.endian;
        let Some(base) = value.base else {
            let id =
                i32::try_from(value.number).or_else(|_| u32::try_from(value.number).map(u32::cast_signed));
            let id = id.map_err(|_| {
                Fault::new(
                    fixup.at,
                    format!("there is no helper {}; expected a number of 32 bits", value.number),
                )
            })?;
            return write_helper(slot_mut(sections, section, fixup.offset), endian, id);
        };
        if let Some(target) = place {
            let home = &sections[target.section.0];
            if !home.is_code() {
                let message = format!("call of what lies in section '{}', which holds no code", home.name);
                return Err(Fault::new(fixup.at, message));
            }
            let is_global = matches!(base, Base::Symbol(id) if self.sym(id).is_global());
            if target.section == section && !is_global {
                let slots = (target.offset.cast_signed() - fixup.offset.cast_signed() - 8) / 8;
                let slots = i32::try_from(slots)
                    .map_err(|_| Fault::new(fixup.at, "the function is farther away than 32 bits reach"))?;
                return write_slot(slot_mut(sections, section, fixup.offset), endian, |insn| {
                    insn.imm = slots
                });
            }
        } else if let Base::Symbol(id) = base {
            let sym = self.sym(id);
            if !sym.declared {
                if let Some(helper) = Helper::from_name(&sym.name) {
                    return write_helper(slot_mut(sections, section, fixup.offset), endian, helper.id());
                }
                self.check_helper(&sym.name, fixup.at)?;
            }
        }
        self.reloc(section, sections, fixup, RelocKind::Call, value)
    }

    /// A name like a helper's that is none is a mistake, unless the file tells types of its own.
    fn check_helper(&self, name: &str, at: Span) -> Parsed<()> {
        let has_types = self.unit.section_by_name(".BTF").is_some();
        if !name.starts_with("bpf_") || has_types {
            return Ok(());
        }
        let near = self.near(name, Helper::ALL.iter().map(|helper| helper.name()));
        let message = format!(
            "'{name}' is no helper{near}; a function of the kernel or of another file needs '.extern {name}'"
        );
        // The remedy reads better behind the question.
        Err(Fault::new(at, message.replace("?;", "?")))
    }

    fn imm64(
        &mut self,
        section: SecId,
        sections: &mut [Section<'s>],
        fixup: &Fixup,
        value: Value,
    ) -> Parsed<()> {
        if value.base.is_some() {
            return self.reloc(section, sections, fixup, RelocKind::LoadImm64, value);
        }
        let [b0, b1, b2, b3, b4, b5, b6, b7] = value.number.to_le_bytes();
        let endian = self.unit.endian;
        write_slot(slot_mut(sections, section, fixup.offset), endian, |insn| {
            insn.imm = i32::from_le_bytes([b0, b1, b2, b3])
        })?;
        write_slot(slot_mut(sections, section, fixup.offset + 8), endian, |insn| {
            insn.imm = i32::from_le_bytes([b4, b5, b6, b7]);
        })
    }

    fn data(
        &mut self,
        section: SecId,
        sections: &mut [Section<'s>],
        fixup: &Fixup,
        size: u8,
        value: Value,
        place: Option<Loc>,
    ) -> Parsed<()> {
        let home = &mut sections[section.0];
        let number = match value.base {
            None => value.number,
            Some(_) if home.role.is_types() => data::offset_in_section(value, place),
            Some(base) => {
                let kind = match size {
                    8 => RelocKind::Abs64,
                    4 => RelocKind::Abs32,
                    _ => {
                        let what = self.evaluator(|evaluator| evaluator.describe(base));
                        let message = format!("{what} takes 8 bytes; expected '.quad'");
                        return Err(Fault::new(fixup.at, message));
                    }
                };
                if home.is_code() || home.role == Role::Kept(SectionKind::Bss) {
                    let message = format!(
                        "an address cannot stand in section '{}'; put it into '.data' or '.rodata'",
                        home.name
                    );
                    return Err(Fault::new(fixup.at, message));
                }
                return self.reloc(section, sections, fixup, kind, value);
            }
        };
        let bytes = data::encode(number, size, self.unit.endian)
            .ok_or_else(|| data::too_large(number, size, fixup.at))?;
        let bytes = &bytes[..usize::from(size)];
        if home.role == Role::Kept(SectionKind::Bss) {
            return match number {
                0 => Ok(()),
                _ => Err(Fault::new(
                    fixup.at,
                    format!("section '{}' begins as zeros; put this into '.data'", home.name),
                )),
            };
        }
        let start = usize::try_from(fixup.offset).unwrap_or(usize::MAX);
        if let Some(place) = home.bytes.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len())) {
            place.copy_from_slice(bytes);
        }
        Ok(())
    }

    /// Leaves a relocation: to the symbol, if others can see it, else to its section.
    fn reloc(
        &mut self,
        section: SecId,
        sections: &[Section<'s>],
        fixup: &Fixup,
        kind: RelocKind,
        value: Value,
    ) -> Parsed<()> {
        let (symbol, addend) = self.target(sections, fixup, value)?;
        if let Some(id) = self.ids[section.0] {
            self.builder.reloc(id, Reloc { offset: fixup.offset, kind, symbol, addend });
        }
        Ok(())
    }

    fn target(&mut self, sections: &[Section<'s>], fixup: &Fixup, value: Value) -> Parsed<(SymbolId, i64)> {
        let place = match value.base {
            Some(Base::Symbol(id)) => {
                let sym = self.sym(id);
                match sym.def {
                    Def::Label(loc) if sym.is_global() => {
                        return match self.symbols.get(&id) {
                            Some(&symbol) => Ok((symbol, value.number)),
                            None => Err(self.not_kept(sections, loc.section, fixup.at)),
                        };
                    }
                    Def::Label(loc) => Loc { offset: loc.offset.wrapping_add_signed(value.number), ..loc },
                    _ => return self.undefined(id, fixup.at).map(|symbol| (symbol, value.number)),
                }
            }
            Some(Base::Section(section)) => Loc { section, offset: value.number.cast_unsigned() },
            None => return Err(Fault::new(fixup.at, "expected an address, found a number")),
        };
        match self.ids[place.section.0] {
            Some(section) => Ok((self.builder.section_symbol(section), place.offset.cast_signed())),
            None => Err(self.not_kept(sections, place.section, fixup.at)),
        }
    }

    fn not_kept(&self, sections: &[Section<'s>], section: SecId, at: Span) -> Fault {
        let name = &sections[section.0].name;
        Fault::new(at, format!("it lies in section '{name}', which an object for BPF does not keep"))
    }

    fn undefined(&mut self, id: SymId, at: Span) -> Parsed<SymbolId> {
        if let Some(&symbol) = self.symbols.get(&id) {
            return Ok(symbol);
        }
        let sym = self.sym(id);
        if sym.binding == Some(Binding::Local) {
            return Err(Fault::new(
                at,
                format!("'{}' is declared local, but not defined in this file", sym.name),
            ));
        }
        if sym.is_private() {
            let near = self.near(&sym.name, self.unit.symbols.defined_names());
            return Err(Fault::new(at, format!("undefined label '{}'{near}", sym.name)));
        }
        let symbol = Symbol::undefined(sym.name.to_string());
        let symbol = if sym.binding == Some(Binding::Weak) { symbol.weak() } else { symbol };
        let symbol = self.builder.symbol(Symbol { hidden: sym.hidden, ..symbol });
        self.symbols.insert(id, symbol);
        Ok(symbol)
    }
}

/// The place of an instruction's slot.
fn slot_mut<'a>(
    sections: &'a mut [Section<'_>],
    section: SecId,
    offset: u64,
) -> Option<&'a mut [u8; SLOT_BYTES]> {
    let start = usize::try_from(offset).ok()?;
    sections[section.0].bytes.get_mut(start..)?.first_chunk_mut()
}

fn write_slot(
    place: Option<&mut [u8; SLOT_BYTES]>,
    endian: Endian,
    change: impl FnOnce(&mut RawInsn),
) -> Parsed<()> {
    // A fixup always stands behind an instruction that was written.
    if let Some(place) = place {
        let mut insn = RawInsn::from_bytes(*place, endian);
        change(&mut insn);
        *place = insn.to_bytes(endian);
    }
    Ok(())
}

/// Makes the call of a helper of a call.
fn write_helper(place: Option<&mut [u8; SLOT_BYTES]>, endian: Endian, id: i32) -> Parsed<()> {
    write_slot(place, endian, |insn| {
        *insn = insn.with_src(0);
        insn.imm = id;
    })
}
