//! Characters to words, numbers and symbols.

use std::ops::Range;

use super::ParseError;

/// A position in a line of text. Each method skips the spaces in front of what it looks for, and moves only if it
/// finds it.
#[derive(Clone)]
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Scanner { text, at: 0 }
    }

    /// The rest of the text, without spaces in front.
    pub(super) fn rest(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        &self.text[self.at..]
    }

    /// The next byte, 0 at the end.
    pub(super) fn peek(&mut self) -> u8 {
        self.rest().bytes().next().unwrap_or(0)
    }

    /// Eats `symbol`, which is no word.
    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    /// Eats the longest of `symbols` that stands here.
    pub(super) fn eat_one_of<T: Copy>(
        &mut self,
        symbols: &[T],
        token: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let rest = self.rest();
        let found = symbols
            .iter()
            .copied()
            .filter(|&s| rest.starts_with(token(s)))
            .max_by_key(|&s| token(s).len())?;
        self.at += token(found).len();
        Some(found)
    }

    /// The word that stands here (a keyword, register or symbol name), not eaten; empty if there is none.
    pub(super) fn peek_word(&mut self) -> &'a str {
        let rest = self.rest();
        let is_start = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b'$');
        if !rest.bytes().next().is_some_and(is_start) {
            return "";
        }
        let end = rest.bytes().position(|b| !is_start(b) && !b.is_ascii_digit());
        &rest[..end.unwrap_or(rest.len())]
    }

    /// Eats the word that stands here, with its place; `None` if there is none.
    pub(super) fn word(&mut self) -> Option<(&'a str, Range<usize>)> {
        let word = self.peek_word();
        let start = self.at;
        self.at += word.len();
        (!word.is_empty()).then_some((word, start..self.at))
    }

    /// Eats `keyword` if it is the whole word that stands here.
    pub(super) fn eat_word(&mut self, keyword: &str) -> bool {
        let found = self.peek_word() == keyword;
        if found {
            self.at += keyword.len();
        }
        found
    }

    /// A number within `range`: sign, decimal or `0x` digits; or a character in quotes.
    pub(super) fn number(&mut self, range: Range<i128>, expected: &'static str) -> Result<i128, ParseError> {
        let start = self.clone();
        let negative = if self.eat("-") {
            true
        } else {
            self.eat("+");
            false
        };
        match self.magnitude() {
            Some(magnitude) => {
                let value = if negative { -i128::from(magnitude) } else { i128::from(magnitude) };
                if range.contains(&value) {
                    return Ok(value);
                }
            }
            None => self.at = start.at,
        }
        let end = self.at;
        *self = start;
        Err(self.error_to(end, expected))
    }

    /// Digits without a sign, up to 64 bits. A leading zero is octal to some and decimal to others: refused.
    fn magnitude(&mut self) -> Option<u64> {
        let rest = self.rest();
        if rest.starts_with('\'') {
            let (value, len) = character(rest)?;
            self.at += len;
            return Some(value);
        }
        let (digits, radix) = match rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            Some(digits) => (digits, 16),
            None => (rest, 10),
        };
        let len = digits.bytes().position(|b| !char::from(b).is_digit(radix)).unwrap_or(digits.len());
        let digits_of = &digits[..len];
        if radix == 10 && len > 1 && digits_of.starts_with('0') {
            return None;
        }
        let value = u64::from_str_radix(digits_of, radix).ok()?;
        // `12abc` is no number followed by a word; `5ll` is.
        let tail = &digits[len..];
        if tail.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
            && !tail.starts_with("ll")
        {
            return None;
        }
        self.at += rest.len() - tail.len();
        Some(value)
    }

    /// An error at what stands here.
    pub(super) fn error(&mut self, expected: &'static str) -> ParseError {
        let rest = self.rest();
        let is_tail = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
        let len = rest.bytes().take_while(is_tail).count();
        let len = if len == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { len };
        self.error_to(self.at + len, expected)
    }

    /// An error about everything from here to `end`, at least one word.
    fn error_to(&mut self, end: usize, expected: &'static str) -> ParseError {
        self.rest();
        if end <= self.at && !self.rest().is_empty() {
            return self.error(expected);
        }
        self.error_at(self.at..end.max(self.at), expected)
    }

    /// An error about a place that was passed already.
    pub(super) fn error_at(&self, range: Range<usize>, expected: &'static str) -> ParseError {
        let found = match &self.text[range.clone()] {
            "" => "end of line".to_owned(),
            token => format!("'{token}'"),
        };
        ParseError { range, found, expected }
    }

    /// Where the next word or symbol begins.
    pub(super) fn position(&mut self) -> usize {
        self.rest();
        self.at
    }

    /// Where the last word or symbol ended.
    pub(super) fn position_behind(&self) -> usize {
        self.at
    }
}

/// The value and length of a character in quotes.
fn character(text: &str) -> Option<(u64, usize)> {
    Some(match *text.as_bytes() {
        [b'\'', b'\\', escaped, b'\'', ..] => {
            let value = match escaped {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'0' => 0,
                b'\\' | b'\'' | b'"' => escaped,
                _ => return None,
            };
            (value.into(), 4)
        }
        [b'\'', plain @ b' '..=b'~', b'\'', ..] if plain != b'\'' && plain != b'\\' => (plain.into(), 3),
        _ => return None,
    })
}
