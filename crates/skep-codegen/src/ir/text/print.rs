//! From a module to text.

mod body;
mod item;
mod op;

use std::fmt::{self, Write as _};

use super::lex::is_plain;
use super::types::{DefText, Types};
use crate::ir::{Func, Loc, Module, Place, SymbolId, SymbolKind, Type, Value};

pub(crate) use body::Body;
use item::type_text;
pub(super) use item::{core_word, init_align, init_size};

/// The text of a module.
pub(super) fn module(module: &Module) -> String {
    // Writing to a string cannot fail.
    let mut out = format!("module {}\n", Quoted(module.name.as_bytes()));
    if let Some(license) = &module.license {
        let _ = writeln!(out, "license {}", Quoted(license.as_bytes()));
    }
    let types = Types::new(module);
    if !types.defs.is_empty() {
        out.push('\n');
    }
    for def in &types.defs {
        let _ = writeln!(out, "{}", DefText(&types.defs, def));
    }
    if !module.core.is_empty() {
        out.push('\n');
    }
    for (at, relo) in module.core.iter().enumerate() {
        let (kind, access) = (core_word(relo.kind), Quoted(relo.access.as_bytes()));
        let _ = writeln!(out, "core c{at} = {kind} {} {access} {}", type_text(&types, relo.ty), relo.value);
    }
    // Functions in the order of their code: where names were declared in another one, that of their symbols changes.
    let has_symbol = |(at, func): &(u32, &Func)| {
        module.symbols.get(func.symbol.0 as usize).is_some_and(|symbol| symbol.kind == SymbolKind::Func(*at))
    };
    let mut funcs = (0..).zip(&module.funcs).filter(has_symbol).map(|(_, func)| func);
    let mut last = None;
    for (id, symbol) in (0..).map(SymbolId).zip(&module.symbols) {
        let sort = std::mem::discriminant(&symbol.kind);
        if last != Some(sort) || matches!(symbol.kind, SymbolKind::Func(_)) {
            out.push('\n');
        }
        last = Some(sort);
        let _ = match &symbol.kind {
            SymbolKind::Func(at) => match module.funcs.get(*at as usize).filter(|func| func.symbol == id) {
                Some(func) => {
                    let func = funcs.next().unwrap_or(func);
                    item::write_func(&mut out, module, &types, func, func.symbol)
                }
                None => writeln!(out, "// {} has no body", Name(&symbol.name)),
            },
            SymbolKind::Map(map) => item::map(&mut out, module, &types, symbol, map),
            SymbolKind::Global(global) => item::global(&mut out, module, &types, symbol, global),
            SymbolKind::Extern(it) => item::external(&mut out, module, &types, symbol, it),
        };
    }
    out
}

/// See [`super::func`].
pub(super) struct FuncText<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
}

impl fmt::Display for FuncText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FuncText { module, func } = *self;
        let mut out = String::new();
        item::write_func(&mut out, module, &Types::new(module), func, func.symbol)?;
        f.write_str(&out)
    }
}

/// See [`super::inst`].
pub(super) struct InstText<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
    pub(super) value: Value,
}

impl fmt::Display for InstText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        Body::new(self.module, self.func).inst(&mut out, self.value)?;
        f.write_str(&out)
    }
}

/// A name behind `@`.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(self.0) { write!(f, "@{}", self.0) } else { write!(f, "@{}", Quoted(self.0.as_bytes())) }
    }
}

/// The name of a symbol that may not exist.
pub(super) struct SymbolName<'a>(pub(super) &'a Module, pub(super) SymbolId);

impl fmt::Display for SymbolName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.symbols.get(self.1.0 as usize) {
            Some(symbol) => Name(&symbol.name).fmt(f),
            None => write!(f, "@?{}", self.1.0),
        }
    }
}

/// Bytes in quotes.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    c if c.is_control() => {
                        c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
                    }
                    c => f.write_char(c)?,
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

/// A source position behind what it is the position of; nothing if it is unknown.
struct Position<'a> {
    module: &'a Module,
    loc: Loc,
    /// The file that need not be told.
    file: &'a str,
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loc == Loc::UNKNOWN {
            return Ok(());
        }
        let place = self.module.place(self.loc);
        f.write_char('!')?;
        let file = file_of(self.module, place);
        if file != self.file {
            write!(f, "{}:", Quoted(file.as_bytes()))?;
        }
        write!(f, "{}", place.line)?;
        if place.column != 0 { write!(f, ":{}", place.column) } else { Ok(()) }
    }
}

fn file_of(module: &Module, place: Place) -> &str {
    module.files.get(place.file as usize).map_or("", String::as_str)
}

/// A constant of that many bits: small ones in decimal, others as the bits that they are.
struct Number {
    value: i64,
    bits: u8,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Number { value, bits } = *self;
        match (bits, value) {
            (1, 0) => f.write_str("false"),
            (1, -1) => f.write_str("true"),
            (_, -0xffff..=0xffff) => value.fmt(f),
            _ => write!(f, "{:#x}", value.cast_unsigned() & Type::Int(bits).mask()),
        }
    }
}
