//! From sections and symbols to an object: functions, sizes, addresses, relocations.

use std::cell::Cell;
use std::collections::HashMap;

use skep_btf::{Btf, BtfExt, maps};
use skep_insn::helper::Helper;
use skep_insn::{Endian, RawInsn, SLOT_BYTES};

use crate::object::{
    Binding, Contents, Object, ObjectBuilder, Place, Reloc, RelocKind, SectionId, SectionKind, Symbol,
    SymbolId, SymbolKind,
};

use super::data;
use super::diag::{CAP, Fault, Faults, Parsed};
use super::expr::{Base, Evaluator, Expr, Value};
use super::nearest::did_you_mean;
use super::section::{Fixup, FixupKind, Role, Section};
use super::source::Span;
use super::symbols::{Def, Loc, SecId, Sym, SymId};
use super::types;
use super::unit::Unit;

/// Makes the object, or adds to the faults.
pub(super) fn object(mut unit: Unit<'_>) -> Result<Object, Faults> {
    let mut sections = std::mem::take(&mut unit.sections);
    let mut faults = std::mem::take(&mut unit.faults);
    let mut linker = Linker {
        ids: vec![None; sections.len()],
        builder: ObjectBuilder::new(unit.source.name, unit.endian),
        symbols: HashMap::new(),
        functions: Vec::new(),
        hints: Cell::new(CAP),
        unit: &unit,
    };
    linker.functions = linker.find_functions(&sections);
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

/// A function: where it is and the symbols that name it.
struct Function {
    start: Loc,
    end: u64,
    /// Its name, then its aliases; none if it stands before the first label.
    names: Vec<SymId>,
}

struct Linker<'u, 's> {
    unit: &'u Unit<'s>,
    /// The section of the object that each section becomes.
    ids: Vec<Option<SectionId>>,
    builder: ObjectBuilder,
    /// The symbols of the object so far.
    symbols: HashMap<SymId, SymbolId>,
    /// By place.
    functions: Vec<Function>,
    /// How many more errors may look for names near theirs.
    hints: Cell<usize>,
}

impl<'s> Linker<'_, 's> {
    fn evaluator<T>(&self, run: impl FnOnce(&mut Evaluator<'_, 's>) -> T) -> T {
        self.unit.evaluator(run)
    }

    /// Names near one that does not exist; only for the first errors, since it looks at all names.
    fn near<'n>(&self, name: &str, names: impl IntoIterator<Item = &'n str>) -> String {
        match self.hints.get() {
            0 => String::new(),
            left => {
                self.hints.set(left - 1);
                did_you_mean(name, names)
            }
        }
    }

    fn sym(&self, id: SymId) -> &Sym<'s> {
        self.unit.symbols.get(id)
    }

    /// All symbols with a place in a section of code, which are functions, as one function per place.
    fn find_functions(&self, sections: &[Section<'s>]) -> Vec<Function> {
        let mut starts: Vec<(Loc, SymId)> = Vec::new();
        let mut first: HashMap<SecId, (u64, SymId)> = HashMap::new();
        for (id, sym) in self.unit.symbols.iter() {
            let Def::Label(loc) = sym.def else { continue };
            if !sections[loc.section.0].is_code() {
                continue;
            }
            let is_name = !sym.is_private();
            let untyped = !matches!(sym.kind, Some(SymbolKind::Object | SymbolKind::Section));
            if sym.kind == Some(SymbolKind::Func)
                || sym.called
                || (untyped && is_name && (sym.is_global() || sym.loaded))
            {
                starts.push((loc, id));
            }
            if is_name && untyped {
                let least = first.entry(loc.section).or_insert((loc.offset, id));
                if loc.offset < least.0 {
                    *least = (loc.offset, id);
                }
            }
        }
        for (section, (offset, id)) in first {
            let before = starts.iter().any(|(loc, _)| loc.section == section && loc.offset <= offset);
            if !before {
                starts.push((Loc { section, offset }, id));
            }
        }
        starts.sort_unstable_by_key(|&(loc, id)| (loc, !self.sym(id).is_global(), id));
        let mut functions: Vec<Function> = Vec::new();
        for (start, id) in starts {
            match functions.last_mut() {
                Some(last) if last.start == start => last.names.push(id),
                _ => functions.push(Function { start, end: 0, names: vec![id] }),
            }
        }
        let mut next: Option<Loc> = None;
        for function in functions.iter_mut().rev() {
            let end = match next {
                Some(next) if next.section == function.start.section => next.offset,
                _ => sections[function.start.section.0].len(),
            };
            function.end = end;
            next = Some(function.start);
        }
        functions
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

    /// Defined symbols; what is undefined comes when something refers to it.
    fn add_symbols(&mut self, sections: &[Section<'s>], faults: &mut Faults) {
        let functions: HashMap<SymId, (Loc, u64)> = self
            .functions
            .iter()
            .flat_map(|function| function.names.iter().map(|&id| (id, (function.start, function.end))))
            .collect();
        let ends = self.ends_of_variables(sections);
        for (id, sym) in self.unit.symbols.iter() {
            let result = match &sym.def {
                Def::None => self.check_undefined(sym),
                Def::Broken => Ok(None),
                Def::Value(expr) => self.constant(sym, expr),
                Def::Label(loc) => {
                    let function = functions.get(&id);
                    self.label(sections, sym, *loc, function.map(|f| f.1), ends.get(&id).copied())
                }
            };
            match result {
                Ok(Some(symbol)) => {
                    let new = self.builder.symbol(symbol);
                    self.symbols.insert(id, new);
                }
                Ok(None) => {}
                Err(fault) => faults.add(fault),
            }
        }
    }

    /// Of constants, only global ones are symbols.
    fn constant(&self, sym: &Sym<'_>, expr: &Expr) -> Parsed<Option<Symbol>> {
        if !sym.is_global() {
            return self.evaluator(|evaluator| evaluator.value(expr)).map(|_| None);
        }
        let number = self.evaluator(|evaluator| evaluator.number(expr, sym.at))?;
        Ok(Some(self.described(sym, Place::Absolute, number.cast_unsigned(), 0, SymbolKind::NoType)))
    }

    fn check_undefined(&self, sym: &Sym<'_>) -> Parsed<Option<Symbol>> {
        if self.unit.section_by_name(&sym.name).is_some() {
            return Ok(None);
        }
        let name = &sym.name;
        match sym.binding {
            Some(Binding::Global) if !sym.used => {
                let near = self.near(name, self.unit.symbols.defined_names());
                Err(Fault::new(
                    sym.at,
                    format!("'{name}' is declared global, but neither defined nor used{near}"),
                ))
            }
            _ => Ok(None),
        }
    }

    fn label(
        &self,
        sections: &[Section<'_>],
        sym: &Sym<'_>,
        loc: Loc,
        function_end: Option<u64>,
        variable_end: Option<u64>,
    ) -> Parsed<Option<Symbol>> {
        let Some(section) = self.ids[loc.section.0] else { return Ok(None) };
        let home = &sections[loc.section.0];
        if loc.offset > home.len() {
            let message = format!(
                "'{}' lies at {} of section '{}', which has {} bytes",
                sym.name,
                loc.offset.cast_signed(),
                home.name,
                home.len()
            );
            return Err(Fault::new(sym.at, message));
        }
        let kind = match (function_end, sym.kind) {
            (Some(_), _) => SymbolKind::Func,
            (None, Some(kind)) => kind,
            // Labels inside functions are nobody's business.
            (None, None) if home.is_code() => return Ok(None),
            (None, None) => SymbolKind::Object,
        };
        if function_end.is_none() && sym.is_private() {
            return Ok(None);
        }
        let end = function_end.or(variable_end).unwrap_or(loc.offset);
        let mut size = if kind == SymbolKind::NoType { 0 } else { end.saturating_sub(loc.offset) };
        if let Some((expr, at)) = &sym.size {
            let given = self.evaluator(|evaluator| evaluator.number(expr, *at))?;
            size = u64::try_from(given).map_err(|_| {
                Fault::new(*at, format!("the size of '{}' is {given}; expected 0 or more", sym.name))
            })?;
            if loc.offset.checked_add(size).is_none_or(|end| end > home.len()) {
                let left = home.len() - loc.offset;
                let message = format!(
                    "the size of '{}' is {size}, but section '{}' ends after {left} bytes",
                    sym.name, home.name
                );
                return Err(Fault::new(*at, message));
            }
            if kind == SymbolKind::Func
                && (!size.is_multiple_of(SLOT_BYTES as u64) || size > end - loc.offset)
            {
                let most = end - loc.offset;
                let message = format!(
                    "the size of function '{}' is {size}; expected a multiple of 8, \
                     at most {most}, where the next one begins",
                    sym.name
                );
                return Err(Fault::new(*at, message));
            }
        }
        if kind == SymbolKind::Func && home.len() == loc.offset {
            let message = format!("function '{}' has no instructions; expected at least 'exit'", sym.name);
            return Err(Fault::new(sym.at, message));
        }
        if kind == SymbolKind::Func && !loc.offset.is_multiple_of(SLOT_BYTES as u64) {
            let message = format!(
                "function '{}' begins at offset {}; expected a multiple of 8, so put '.balign 8' in front of it",
                sym.name, loc.offset
            );
            return Err(Fault::new(sym.at, message));
        }
        Ok(Some(self.described(sym, Place::Section(section), loc.offset, size, kind)))
    }

    fn described(&self, sym: &Sym<'_>, place: Place, value: u64, size: u64, kind: SymbolKind) -> Symbol {
        let binding = sym.binding.unwrap_or(Binding::Local);
        Symbol { name: sym.name.to_string(), place, value, size, kind, binding, hidden: sym.hidden }
    }

    /// Where each variable ends that has no `.size`: where the next one begins.
    fn ends_of_variables(&self, sections: &[Section<'s>]) -> HashMap<SymId, u64> {
        let mut places: Vec<(Loc, SymId)> = Vec::new();
        for (id, sym) in self.unit.symbols.iter() {
            match sym.def {
                Def::Label(loc) if !sections[loc.section.0].is_code() && !sym.is_private() => {
                    places.push((loc, id))
                }
                _ => {}
            }
        }
        places.sort_unstable();
        let mut ends = HashMap::new();
        let mut next: Option<Loc> = None;
        let mut run: Option<(Loc, u64)> = None;
        for &(loc, id) in places.iter().rev() {
            let end = match (run, next) {
                // Several names for one place share its end.
                (Some((at, end)), _) if at == loc => end,
                (_, Some(next)) if next.section == loc.section => next.offset,
                _ => sections[loc.section.0].len(),
            };
            run = Some((loc, end));
            next = Some(loc);
            ends.insert(id, end);
        }
        ends
    }

    /// Fills in what depended on symbols, or leaves a relocation.
    fn resolve(
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
        for function in self.functions.iter().filter(|function| function.start.section == id) {
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
