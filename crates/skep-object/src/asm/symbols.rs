//! The names of a file, and what they stand for.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::object::{Binding, SymbolKind};

use super::diag::{Fault, Parsed};
use super::expr::Expr;
use super::source::Span;

/// Index of a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SymId(usize);

/// Index of a section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SecId(pub(super) usize);

/// A place in a section, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Loc {
    pub(super) section: SecId,
    pub(super) offset: u64,
}

/// A name and everything that the file says about it.
#[derive(Debug)]
pub(super) struct Sym<'s> {
    pub(super) name: Cow<'s, str>,
    pub(super) def: Def,
    /// Where it is defined, or first mentioned.
    pub(super) at: Span,
    /// What `.globl`, `.weak` or `.local` said.
    pub(super) binding: Option<Binding>,
    pub(super) hidden: bool,
    /// What `.type` said.
    pub(super) kind: Option<SymbolKind>,
    /// What `.size` said.
    pub(super) size: Option<(Expr, Span)>,
    /// `.extern` or `.globl` named it: a call of it is never a helper call.
    pub(super) declared: bool,
    /// Something refers to it.
    pub(super) used: bool,
    /// Code calls it: it is a function.
    pub(super) called: bool,
    /// Code loads its address: a name in code is a function, then.
    pub(super) loaded: bool,
}

/// What a symbol stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Def {
    /// Nothing in this file.
    None,
    /// A place.
    Label(Loc),
    /// The value of an expression.
    Value(Expr),
    /// A faulty definition; what uses it is not to blame.
    Broken,
}

impl Sym<'_> {
    /// Never seen outside the file, not even in the symbol table.
    pub(super) fn is_private(&self) -> bool {
        self.name.starts_with(".L") || self.name.starts_with(|c: char| c.is_ascii_digit())
    }

    pub(super) fn is_global(&self) -> bool {
        matches!(self.binding, Some(Binding::Global | Binding::Weak))
    }
}

/// All symbols of a file.
#[derive(Debug, Default)]
pub(super) struct Symbols<'s> {
    list: Vec<Sym<'s>>,
    by_name: HashMap<Cow<'s, str>, SymId>,
    numbered: HashMap<u32, Numbered>,
}

/// A numeric label: the last one of this number, and the next if something waits for it.
#[derive(Debug, Default)]
struct Numbered {
    last: Option<SymId>,
    next: Option<SymId>,
}

impl<'s> Symbols<'s> {
    pub(super) fn get(&self, id: SymId) -> &Sym<'s> {
        &self.list[id.0]
    }

    pub(super) fn get_mut(&mut self, id: SymId) -> &mut Sym<'s> {
        &mut self.list[id.0]
    }

    /// All of them, in the order of first mention.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SymId, &Sym<'s>)> {
        self.list.iter().enumerate().map(|(index, sym)| (SymId(index), sym))
    }

    pub(super) fn find(&self, name: &str) -> Option<SymId> {
        self.by_name.get(name).copied()
    }

    /// The symbol of this name, new if it must be.
    pub(super) fn intern(&mut self, name: Cow<'s, str>, at: Span) -> SymId {
        if let Some(&id) = self.by_name.get(&name) {
            return id;
        }
        let id = self.add(name.clone(), at);
        self.by_name.insert(name, id);
        id
    }

    fn add(&mut self, name: Cow<'s, str>, at: Span) -> SymId {
        self.list.push(Sym {
            name,
            def: Def::None,
            at,
            binding: None,
            hidden: false,
            kind: None,
            size: None,
            declared: false,
            used: false,
            called: false,
            loaded: false,
        });
        SymId(self.list.len() - 1)
    }

    /// Defines a symbol once.
    pub(super) fn define(&mut self, id: SymId, def: Def, at: Span, line: impl Fn(Span) -> u32) -> Parsed<()> {
        let sym = self.get_mut(id);
        match sym.def {
            Def::None => {
                sym.def = def;
                sym.at = at;
                Ok(())
            }
            Def::Broken => Ok(()),
            _ => {
                let first = line(sym.at);
                Err(Fault::new(
                    at,
                    format!("'{}' is already defined, in line {first}; names stand for one thing", sym.name),
                ))
            }
        }
    }

    /// A numeric label `1:` stands here.
    pub(super) fn define_number(&mut self, number: u32, loc: Loc, at: Span) {
        let waiting = self.numbered.get(&number).and_then(|numbered| numbered.next);
        let id = waiting.unwrap_or_else(|| self.add(number.to_string().into(), at));
        self.get_mut(id).def = Def::Label(loc);
        self.numbered.insert(number, Numbered { last: Some(id), next: None });
    }

    /// What `1b` or `1f` refers to.
    pub(super) fn number_ref(&mut self, number: u32, forward: bool, at: Span) -> Parsed<SymId> {
        let known = self.numbered.entry(number).or_default();
        if !forward {
            return known.last.ok_or_else(|| {
                let message =
                    format!("no label '{number}:' stands above ('{number}b' looks up, '{number}f' down)");
                Fault::new(at, message)
            });
        }
        if let Some(id) = known.next {
            return Ok(id);
        }
        let id = self.add(format!("{number}f").into(), at);
        self.numbered.entry(number).or_default().next = Some(id);
        Ok(id)
    }

    /// Names of all that is defined as a label or value and can be written.
    pub(super) fn defined_names(&self) -> impl Iterator<Item = &str> {
        let defined = self.list.iter().filter(|sym| !matches!(sym.def, Def::None));
        defined.map(|sym| sym.name.as_ref()).filter(|name| !name.starts_with(|c: char| c.is_ascii_digit()))
    }
}
