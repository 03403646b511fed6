//! The symbols that the file defines: their sizes, and what they name.

use std::collections::HashMap;

use skep_insn::SLOT_BYTES;

use crate::object::{Binding, Place, Symbol, SymbolKind};

use super::diag::{Fault, Faults, Parsed};
use super::expr::Expr;
use super::finish::Linker;
use super::functions;
use super::section::Section;
use super::symbols::{Def, Loc, Sym, SymId};

impl<'s> Linker<'_, 's> {
    /// Defined symbols; what is undefined comes when something refers to it.
    pub(super) fn add_symbols(&mut self, sections: &[Section<'s>], faults: &mut Faults) {
        let functions: HashMap<SymId, (Loc, u64)> = self
            .functions
            .iter()
            .flat_map(|function| function.names.iter().map(|&id| (id, (function.start, function.end))))
            .collect();
        let ends = functions::ends_of_variables(&self.unit.symbols, sections);
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
}
