//! An instruction in the words that the parser of instructions knows: where constants stand, their values; where `1f`
//! or a name in quotes stands, a plain name.

use std::borrow::Cow;
use std::ops::Range;

use super::cursor::{Cursor, name_len};
use super::diag::Parsed;
use super::expr::{self, Expr};
use super::source::{Span, quoted_len};
use super::symbols::{Def, SymId, Symbols};
use super::unit::Unit;

/// Parentheses and signs within each other.
const MAX_DEPTH: u32 = 32;

/// An instruction and what was replaced in it.
pub(super) struct Plain<'w> {
    pub(super) text: Cow<'w, str>,
    /// In order.
    edits: Vec<Edit>,
}

/// A piece that was replaced.
struct Edit {
    /// Where it stood.
    from: Range<usize>,
    /// What stands there now.
    to: Range<usize>,
    /// The symbol that it stands for, if it is no number.
    symbol: Option<SymId>,
}

/// What a piece of an instruction becomes.
enum Piece {
    /// It stays.
    Same,
    Number(String),
    Symbol(SymId),
}

/// What stands in front of a piece.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// A register or a name: a sign behind it adds or subtracts.
    Operand,
    Other,
}

impl<'w> Plain<'w> {
    /// `written` stands at `at` in the source.
    pub(super) fn new(unit: &mut Unit<'_>, written: &'w str, at: Span) -> Parsed<Plain<'w>> {
        let mut plain = Plain { text: Cow::Borrowed(written), edits: Vec::new() };
        let mut text = String::new();
        let (mut copied, mut pos) = (0, 0);
        let mut before = Before::Other;
        while pos < written.len() {
            let here = Span { start: at.start + pos, end: at.end };
            let (len, piece) = piece(unit, &written[pos..], here, before)?;
            let new = match piece {
                Piece::Same => None,
                Piece::Number(number) => Some((number, None)),
                Piece::Symbol(id) => Some((format!("${}", plain.edits.len()), Some(id))),
            };
            if let Some((new, symbol)) = new {
                text.push_str(&written[copied..pos]);
                let start = text.len();
                text.push_str(&new);
                plain.edits.push(Edit { from: pos..pos + len, to: start..text.len(), symbol });
                copied = pos + len;
            }
            let passed = written[pos..pos + len].trim_end();
            if !passed.is_empty() {
                let is_operand =
                    passed.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '"'));
                before = if is_operand { Before::Operand } else { Before::Other };
            }
            pos += len;
        }
        if !plain.edits.is_empty() {
            text.push_str(&written[copied..]);
            plain.text = Cow::Owned(text);
        }
        Ok(plain)
    }

    /// Where a piece of the plain text stands in the source; `at` is the whole instruction.
    pub(super) fn origin(&self, range: Range<usize>, at: Span) -> Span {
        let start = at.start + self.origin_of(range.start, |edit| edit.from.start);
        let end = at.start + self.origin_of(range.end, |edit| edit.from.end);
        Span { start, end: end.max(start) }
    }

    /// Where an offset stands in the instruction as written; inside a replaced piece, at its start or end.
    fn origin_of(&self, pos: usize, inside: impl Fn(&Edit) -> usize) -> usize {
        match self.edits.iter().rev().find(|edit| edit.to.start <= pos) {
            Some(edit) if pos == edit.to.start => edit.from.start,
            Some(edit) if pos < edit.to.end => inside(edit),
            Some(edit) => pos - edit.to.end + edit.from.end,
            None => pos,
        }
    }

    /// The symbol that a name stands for that was put there.
    pub(super) fn symbol_at(&self, range: &Range<usize>) -> Option<SymId> {
        self.edits.iter().find(|edit| edit.to == *range)?.symbol
    }
}

/// The piece at the start of `rest`, and its length.
fn piece(unit: &mut Unit<'_>, rest: &str, at: Span, before: Before) -> Parsed<(usize, Piece)> {
    let constants = Constants { symbols: &unit.symbols };
    let blank = rest.len() - rest.trim_start().len();
    if blank > 0 {
        return Ok((blank, Piece::Same));
    }
    let Some(first) = rest.chars().next() else { return Ok((0, Piece::Same)) };
    if before == Before::Operand && matches!(first, '+' | '-') {
        // `r10 - SIZE` is `r10 + -SIZE`, whatever follows: `r10 - SIZE * 2`.
        if let Some(found) = constants.tail(rest, Folded::default(), 0, 0).filter(|found| found.computed) {
            let sign = if found.value < 0 { '-' } else { '+' };
            return Ok((found.len, Piece::Number(format!("{sign} {}", found.value.unsigned_abs()))));
        }
    } else if let Some(found) =
        constants.expression(rest, 0, 0).filter(|_| !matches!(first, '~' | '(') || before == Before::Other)
    {
        let piece = if found.computed { Piece::Number(found.value.to_string()) } else { Piece::Same };
        return Ok((found.len, piece));
    }
    match first {
        '"' => {
            let len = quoted_len(rest).unwrap_or(rest.len());
            let mut cursor = Cursor::new(&unit.source.clean, Span { start: at.start, end: at.start + len });
            match cursor.name()? {
                Some(name) => Ok((len, Piece::Symbol(unit.symbols.intern(name.text, name.span)))),
                None => Ok((len, Piece::Same)),
            }
        }
        '\'' => Ok((quoted_len(rest).unwrap_or(1), Piece::Same)),
        '0'..='9' => {
            let len = digits_len(rest);
            match label_number(&rest[..len]) {
                Some((number, forward)) => {
                    let at = Span { start: at.start, end: at.start + len };
                    Ok((len, Piece::Symbol(unit.symbols.number_ref(number, forward, at)?)))
                }
                None => Ok((len, Piece::Same)),
            }
        }
        _ => Ok((name_len(rest).max(first.len_utf8()), Piece::Same)),
    }
}

/// Length of what is written in one with the digit that `text` begins with.
fn digits_len(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len())
}

/// The number and direction of `1f` and `1b`.
fn label_number(word: &str) -> Option<(u32, bool)> {
    let (digits, forward) = match word.strip_suffix('f') {
        Some(digits) => (digits, true),
        None => (word.strip_suffix('b')?, false),
    };
    let is_number = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number).map(|number| (number, forward))
}

/// An expression of constants, as far as it goes.
#[derive(Clone, Copy, Default)]
struct Folded {
    len: usize,
    value: i64,
    /// It is more than one number, which is left to the parser of instructions.
    computed: bool,
}

/// What is known so far.
struct Constants<'u, 's> {
    symbols: &'u Symbols<'s>,
}

impl Constants<'_, '_> {
    /// The longest expression at the start of `text` that consists of constants.
    fn expression(&self, text: &str, least: u8, depth: u32) -> Option<Folded> {
        self.tail(text, self.operand(text, depth)?, least, depth)
    }

    /// Goes on behind an operand as long as operators and constants follow.
    fn tail(&self, text: &str, mut left: Folded, least: u8, depth: u32) -> Option<Folded> {
        loop {
            let rest = text[left.len..].trim_start();
            let at = text.len() - rest.len();
            let Some((spelling, op, tightness)) = expr::arithmetic(rest).filter(|(.., t)| *t >= least) else {
                return Some(left);
            };
            // An operator that ends the text, or has something else behind it, is not ours.
            let behind = at + spelling.len();
            let Some(right) = self.expression(&text[behind..], tightness + 1, depth) else {
                return Some(left);
            };
            let value = expr::numbers(op, left.value, right.value)?;
            // The sign of `r10 - 8` stands behind no operand of ours.
            let computed = left.len > 0 || right.computed;
            left = Folded { len: behind + right.len, value, computed };
        }
    }

    fn operand(&self, text: &str, depth: u32) -> Option<Folded> {
        if depth > MAX_DEPTH {
            return None;
        }
        let rest = text.trim_start();
        let blank = text.len() - rest.len();
        let found = match rest.chars().next()? {
            '(' => {
                let inner = self.expression(&rest[1..], 0, depth + 1)?;
                let behind = rest[1 + inner.len..].trim_start();
                behind.strip_prefix(')').map(|after| Folded {
                    len: rest.len() - after.len(),
                    computed: true,
                    ..inner
                })
            }
            '-' => self.signed(rest, depth, i64::wrapping_neg),
            '+' => self.signed(rest, depth, |value| value),
            '~' => self.signed(rest, depth, |value| !value).map(|found| Folded { computed: true, ..found }),
            '\'' => {
                let len = quoted_len(rest)?;
                let value = Cursor::new(rest, Span { start: 0, end: len }).character().ok()??;
                Some(Folded { len, value, computed: false })
            }
            '0'..='9' => {
                let len = digits_len(rest);
                Some(Folded { len, value: expr::number(&rest[..len]).ok()?, computed: false })
            }
            _ => {
                let len = name_len(rest);
                match self.symbols.get(self.symbols.find(&rest[..len])?).def {
                    Def::Value(Expr::Number(value)) => Some(Folded { len, value, computed: true }),
                    _ => None,
                }
            }
        }?;
        Some(Folded { len: blank + found.len, ..found })
    }

    fn signed(&self, rest: &str, depth: u32, change: impl Fn(i64) -> i64) -> Option<Folded> {
        let inner = self.operand(&rest[1..], depth + 1)?;
        Some(Folded { len: 1 + inner.len, value: change(inner.value), ..inner })
    }
}
