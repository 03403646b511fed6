//! From text to a module.
//!
//! Names are collected first, so that what comes later in the text may be used before: symbols of the module here,
//! blocks and values of a function in `body.rs`. The types of constants that stand as operands are found last, when
//! those of all values are known.

mod body;
mod constant;
mod item;
mod op;

use std::ops::Range;

use skep_object::asm::Errors;
use skep_object::nearest::{did_you_mean, nearest};

use super::error::{self, Fault, Parsed};
use super::lex::{self, Kind, Token};
use super::types::Names;
use crate::ir::{Extern, Linkage, Loc, Module, Place, Space, Symbol, SymbolId, SymbolKind, Type};
use constant::Pending;

/// See [`super::parse`].
pub(super) fn module(name: &str, text: &str) -> Result<Module, Errors> {
    let (tokens, faults) = lex::tokens(text);
    let mut parser = Parser {
        text,
        tokens: &tokens,
        at: 0,
        start: 0,
        line: 0,
        faults,
        module: Module::new(name),
        file: name.to_owned(),
        pending: Vec::new(),
        types: Names::default(),
    };
    parser.define_types();
    parser.declare_symbols();
    parser.items();
    parser.type_constants();
    if parser.faults.is_empty() { Ok(parser.module) } else { Err(error::errors(name, text, parser.faults)) }
}

/// After so many faults, a text is not read further.
const ENOUGH: usize = 200;
/// The words that introduce a symbol.
const SYMBOL_WORDS: [&str; 4] = ["fn", "map", "global", "extern"];
/// The words before them.
const LINKAGES: [(&str, Linkage); 3] =
    [("local", Linkage::Local), ("weak", Linkage::Weak), ("hidden", Linkage::Hidden)];

pub(super) struct Parser<'a> {
    text: &'a str,
    /// [`Kind::End`] last.
    pub(super) tokens: &'a [Token<'a>],
    /// The next token.
    pub(super) at: usize,
    /// The first token of the statement.
    start: usize,
    /// The first token of the statement, or of its last line: a line may end behind a comma or an opening bracket.
    pub(super) line: usize,
    pub(super) faults: Vec<Fault>,
    pub(super) module: Module,
    /// The file of positions that do not name theirs.
    file: String,
    pending: Vec<Pending>,
    pub(super) types: Names,
}

impl<'a> Parser<'a> {
    /// Gives each symbol of the text its id, in the order of the text.
    fn declare_symbols(&mut self) {
        let mut start = 0;
        for (at, token) in self.tokens.iter().enumerate() {
            if token.first {
                start = at;
            }
            let Kind::Symbol(name) = &token.kind else { continue };
            let before = |back: usize| match at.checked_sub(back).map(|at| &self.tokens[at].kind) {
                Some(Kind::Word(word)) => *word,
                _ => "",
            };
            let heads = match at - start {
                1 => true,
                2 => LINKAGES.iter().any(|(word, _)| *word == before(2)),
                _ => false,
            };
            if !heads || !SYMBOL_WORDS.contains(&before(1)) {
                continue;
            }
            if self.module.find(name).is_some() {
                self.faults.push(Fault::new(&token.at, format!("'{name}' is defined above already")));
                continue;
            }
            self.module.add_symbol(Symbol {
                name: name.to_string(),
                linkage: Linkage::Global,
                section: None,
                kind: SymbolKind::Extern(Extern { sig: None, ty: None }),
                loc: Loc::UNKNOWN,
            });
        }
    }

    /// Whether a token begins a line that does not go on with the one before.
    fn begins_statement(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|before| &self.tokens[before].kind);
        self.tokens[at].first && !matches!(before, Some(Kind::Punct("," | "[")))
    }

    /// Begins a statement here.
    pub(super) fn begin(&mut self) {
        (self.start, self.line) = (self.at, self.at);
    }

    /// Notes a fault, and goes on with the next line.
    pub(super) fn recover(&mut self, result: Parsed<()>) {
        let Err(fault) = result else { return };
        // What is no token has been told already.
        let token = self.tokens.partition_point(|token| token.at.start < fault.at.start);
        if self
            .tokens
            .get(token)
            .is_none_or(|token| token.kind != Kind::Bad || token.at.start != fault.at.start)
        {
            self.faults.push(fault);
        }
        if self.faults.len() > ENOUGH {
            // To look for names that are near takes time for each.
            self.at = self.tokens.len() - 1;
            return;
        }
        if self.at == self.line {
            self.at += 1;
        }
        while !self.tokens.get(self.at).is_none_or(|token| token.first) {
            self.at += 1;
        }
        self.at = self.at.min(self.tokens.len() - 1);
    }

    /// The next token; [`Kind::End`] at the end of the statement.
    pub(super) fn kind(&self) -> &'a Kind<'a> {
        let token = &self.tokens[self.at];
        if token.first && self.at > self.line { &Kind::End } else { &token.kind }
    }

    /// Where the next token stands.
    pub(super) fn place(&self) -> Range<usize> {
        if *self.kind() == Kind::End && self.at > 0 {
            // Behind the last thing of the line.
            let end = self.tokens[self.at - 1].at.end;
            return end..end;
        }
        self.tokens[self.at].at.clone()
    }

    /// From a token to the last one that was taken.
    pub(super) fn since(&self, from: usize) -> Range<usize> {
        let start = self.tokens[from].at.start;
        start..self.tokens[self.at.saturating_sub(1).max(from)].at.end
    }

    pub(super) fn advance(&mut self) {
        if *self.kind() != Kind::End {
            self.at += 1;
        }
    }

    /// The fault that something else than the next token was expected.
    pub(super) fn unexpected(&self, expected: impl std::fmt::Display) -> Fault {
        let at = self.place();
        let found = match self.kind() {
            Kind::End if self.tokens[self.at].kind == Kind::End => "the end of the text".to_owned(),
            Kind::End => "the end of the line".to_owned(),
            _ => format!("'{}'", &self.text[at.clone()]),
        };
        Fault::new(&at, format!("found {found}, expected {expected}"))
    }

    /// Whether the token behind the next one is a piece of punctuation.
    pub(super) fn next_is_punct(&self, punct: &str) -> bool {
        let next = self.tokens.get(self.at + 1);
        next.is_some_and(|next| !next.first && next.kind == Kind::Punct(punct))
    }

    /// Whether the line ends behind the next token.
    pub(super) fn ends_behind_word(&self) -> bool {
        self.tokens.get(self.at + 1).is_none_or(|next| next.first)
    }

    fn is_punct(&self, punct: &str) -> bool {
        matches!(self.kind(), Kind::Punct(found) if *found == punct)
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.kind(), Kind::Word(found) if *found == word)
    }

    /// Takes a piece of punctuation, if it is next.
    pub(super) fn eat(&mut self, punct: &str) -> bool {
        let found = self.is_punct(punct);
        if found {
            self.advance();
            if matches!(punct, "," | "[" | "{") {
                self.line = self.at;
            }
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect(&mut self, punct: &str) -> Parsed<()> {
        if self.eat(punct) { Ok(()) } else { Err(self.unexpected(format_args!("'{punct}'"))) }
    }

    /// Whether a list goes on behind an element: a comma, or its end.
    pub(super) fn more(&mut self, end: &str) -> Parsed<bool> {
        if self.eat(",") {
            return Ok(true);
        }
        if self.eat(end) { Ok(false) } else { Err(self.unexpected(format_args!("',' or '{end}'"))) }
    }

    pub(super) fn word(&mut self, expected: &str) -> Parsed<&'a str> {
        let Kind::Word(word) = self.kind() else { return Err(self.unexpected(expected)) };
        self.advance();
        Ok(word)
    }

    fn bytes(&mut self, expected: &str) -> Parsed<&'a [u8]> {
        let Kind::Str(bytes) = self.kind() else { return Err(self.unexpected(expected)) };
        self.advance();
        Ok(bytes)
    }

    /// Text in quotes.
    pub(super) fn string(&mut self, expected: &str) -> Parsed<&'a str> {
        let at = self.place();
        let bytes = self.bytes(expected)?;
        std::str::from_utf8(bytes).map_err(|_| Fault::new(&at, "the text is not UTF-8"))
    }

    /// A number of some width.
    pub(super) fn number<T: TryFrom<i128>>(&mut self, expected: &str) -> Parsed<T> {
        let Kind::Number(number) = *self.kind() else { return Err(self.unexpected(expected)) };
        let number = T::try_from(number).map_err(|_| self.unexpected(expected))?;
        self.advance();
        Ok(number)
    }

    pub(super) fn end_of_line(&mut self) -> Parsed<()> {
        if *self.kind() == Kind::End { Ok(()) } else { Err(self.unexpected("the end of the line")) }
    }

    fn is_type(&self) -> bool {
        matches!(self.kind(), Kind::Word(word) if value_type(word).is_some())
    }

    /// The type of a value.
    fn ty(&mut self) -> Parsed<Type> {
        let Kind::Word(word) = self.kind() else {
            return Err(self.unexpected("a type: i1 to i64, ptr, ptr.arena"));
        };
        let ty = value_type(word).ok_or_else(|| self.unexpected("a type: i1 to i64, ptr, ptr.arena"))?;
        self.advance();
        Ok(ty)
    }

    /// The name of a symbol that is defined somewhere in the text.
    fn symbol(&mut self) -> Parsed<SymbolId> {
        let Kind::Symbol(name) = self.kind() else {
            return Err(self.unexpected("the name of a symbol, as @name"));
        };
        let found = self.module.find(name).ok_or_else(|| {
            let near = nearest(name, self.module.symbols.iter().map(|symbol| symbol.name.as_str()));
            Fault::new(
                &self.place(),
                format!("no function, map, global or extern has the name '{name}'{}", did_you_mean(&near)),
            )
        })?;
        self.advance();
        Ok(found)
    }

    /// `!line:column` or `!"file":line:column`, if it is there.
    fn loc(&mut self) -> Parsed<Loc> {
        if !self.eat("!") {
            return Ok(Loc::UNKNOWN);
        }
        let file = if let Kind::Str(_) = self.kind() {
            let name = self.string("a file")?;
            self.expect(":")?;
            self.module.file(name)
        } else {
            self.module.file(&self.file)
        };
        let line = self.number("a line, as !12 or !12:5, or a file, as !\"opens.c\":12:5")?;
        let column = if self.eat(":") { self.number("a column")? } else { 0 };
        Ok(self.module.loc(Place { file, line, column }))
    }
}

/// The type of a value that a word names.
fn value_type(word: &str) -> Option<Type> {
    match word {
        "ptr" => return Some(Type::PTR),
        "ptr.arena" => return Some(Type::Ptr(Space::Arena)),
        _ => {}
    }
    let bits = numbered(word, 'i')?;
    u8::try_from(bits).ok().filter(|bits| (1..=64).contains(bits)).map(Type::Int)
}

/// The number behind a letter: `v12` and 'v' give 12.
fn numbered(word: &str, letter: char) -> Option<u32> {
    let digits = word.strip_prefix(letter)?;
    let plain =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

/// A word of a list; else what is near.
pub(super) fn one_of<T: Copy>(word: &str, known: &[(&str, T)]) -> Result<T, String> {
    match known.iter().find(|(name, _)| *name == word) {
        Some((_, it)) => Ok(*it),
        None => Err(did_you_mean(&nearest(word, known.iter().map(|(name, _)| *name)))),
    }
}
