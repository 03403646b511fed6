//! Reads tokens from one statement.

use std::borrow::Cow;

use super::diag::{Fault, Parsed};
use super::source::{Span, quoted_len};

/// A position in a statement.
#[derive(Clone)]
pub(super) struct Cursor<'s> {
    /// The whole text without comments.
    text: &'s str,
    at: usize,
    end: usize,
    /// End of the last token.
    last: usize,
}

/// A name and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Name<'s> {
    pub(super) text: Cow<'s, str>,
    pub(super) span: Span,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(text: &'s str, span: Span) -> Self {
        Cursor { text, at: span.start, end: span.end, last: span.start }
    }

    /// What is left of the statement, without blanks in front.
    pub(super) fn rest(&self) -> &'s str {
        self.text[self.at..self.end].trim_start()
    }

    /// Where the rest is; its last character if it is empty.
    pub(super) fn rest_span(&self) -> Span {
        let start = self.end - self.rest().len();
        if start < self.end {
            Span { start, end: self.end }
        } else {
            Span { start: self.last, end: self.last }
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Where the next token is; a point at the end.
    pub(super) fn next_span(&self) -> Span {
        let rest = self.rest();
        let span = self.rest_span();
        Span { start: span.start, end: span.start + token_len(rest) }
    }

    /// Everything from `start` up to the last token.
    pub(super) fn since(&self, start: Span) -> Span {
        Span { start: start.start, end: self.last.max(start.start) }
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Takes `len` bytes of the rest.
    pub(super) fn take(&mut self, len: usize) -> (&'s str, Span) {
        let rest = self.rest();
        let start = self.end - rest.len();
        self.at = start + len;
        self.last = self.at;
        (&rest[..len], Span { start, end: self.at })
    }

    /// Takes `token` if it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.take(token.len());
        }
        found
    }

    /// Takes the whole rest.
    pub(super) fn take_rest(&mut self) -> (&'s str, Span) {
        self.take(self.rest().len())
    }

    /// What a message calls the next token.
    pub(super) fn found(&self) -> String {
        match self.rest() {
            "" => "the end of the statement".to_string(),
            rest => format!("'{}'", &rest[..token_len(rest)]),
        }
    }

    /// A fault about the next token.
    pub(super) fn expected(&self, what: &str) -> Fault {
        Fault::new(self.next_span(), format!("expected {what}, found {}", self.found()))
    }

    pub(super) fn expect(&mut self, token: &str, what: &str) -> Parsed<()> {
        if self.eat(token) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Nothing may follow.
    pub(super) fn expect_end(&self) -> Parsed<()> {
        if self.is_at_end() { Ok(()) } else { Err(self.expected("the end of the statement")) }
    }

    /// The name that is next: an identifier, or any text in double quotes.
    pub(super) fn name(&mut self) -> Parsed<Option<Name<'s>>> {
        if self.peek() == Some('"') {
            let (bytes, span) = self.string()?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Fault::new(span, "a name must be UTF-8 text, this one holds other bytes"))?;
            if text.is_empty() {
                return Err(Fault::new(span, "a name cannot be empty"));
            }
            return Ok(Some(Name { text: text.into(), span }));
        }
        let len = name_len(self.rest());
        Ok((len > 0).then(|| {
            let (text, span) = self.take(len);
            Name { text: text.into(), span }
        }))
    }

    /// The name that must be next.
    pub(super) fn expect_name(&mut self, what: &str) -> Parsed<Name<'s>> {
        self.name()?.ok_or_else(|| self.expected(what))
    }

    /// The string that must be next, with its escapes resolved.
    pub(super) fn string(&mut self) -> Parsed<(Vec<u8>, Span)> {
        let rest = self.rest();
        if !rest.starts_with('"') {
            return Err(self.expected("a string in double quotes"));
        }
        let len = quoted_len(rest).unwrap_or(rest.len());
        let (raw, span) = self.take(len);
        let body = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"')).filter(|_| raw.len() > 1);
        let Some(body) = body else {
            return Err(Fault::new(span, "the string has no end; expected '\"' in the same line"));
        };
        Ok((unescape(body, span.start + 1)?, span))
    }

    /// The character in single quotes that may be next.
    pub(super) fn character(&mut self) -> Parsed<Option<i64>> {
        let rest = self.rest();
        if !rest.starts_with('\'') {
            return Ok(None);
        }
        let Some(len) = quoted_len(rest) else {
            return Err(Fault::new(
                self.next_span(),
                "a character constant is one character between single quotes",
            ));
        };
        let (raw, span) = self.take(len);
        match unescape(&raw[1..len - 1], span.start + 1)?[..] {
            [byte] => Ok(Some(byte.into())),
            _ => Err(Fault::new(span, "a character constant is one byte; expected an ASCII character")),
        }
    }
}

/// Whether a name can begin with this.
pub(super) fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '.' | '$')
}

/// Length of the name at the start of `text`.
pub(super) fn name_len(text: &str) -> usize {
    if !text.starts_with(starts_name) {
        return 0;
    }
    text.find(|c: char| !starts_name(c) && !c.is_ascii_digit()).unwrap_or(text.len())
}

/// Length of what a message shows as one token.
fn token_len(text: &str) -> usize {
    if let Some(len) = quoted_len(text) {
        return len;
    }
    let word = text.find(|c: char| !starts_name(c) && !c.is_ascii_digit()).unwrap_or(text.len());
    if word > 0 { word } else { text.chars().next().map_or(0, char::len_utf8) }
}

/// Resolves the escapes of a string whose first character stands at `start`.
fn unescape(text: &str, start: usize) -> Parsed<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let here = start + (text.len() - escape.len());
        let next = escape.chars().nth(1);
        let (byte, len) = match next {
            Some('n') => (b'\n', 2),
            Some('t') => (b'\t', 2),
            Some('r') => (b'\r', 2),
            Some('b') => (8, 2),
            Some('f') => (12, 2),
            Some('v') => (11, 2),
            Some('a') => (7, 2),
            Some('e') => (27, 2),
            Some(c @ ('\\' | '"' | '\'')) => (u8::try_from(c).unwrap_or(b'?'), 2),
            Some('0'..='7') => {
                let digits = escape[1..].bytes().take(3).take_while(|b| matches!(b, b'0'..=b'7')).count();
                let value = u16::from_str_radix(&escape[1..=digits], 8).unwrap_or(u16::MAX);
                let byte = u8::try_from(value).map_err(|_| {
                    let at = Span { start: here, end: here + 1 + digits };
                    Fault::new(at, format!("'{}' is no byte; expected \\0 to \\377", &escape[..=digits]))
                })?;
                (byte, digits + 1)
            }
            Some('x') => {
                let digits = escape[2..].bytes().take(2).take_while(u8::is_ascii_hexdigit).count();
                let byte = u8::from_str_radix(&escape[2..2 + digits], 16).map_err(|_| {
                    Fault::new(
                        Span { start: here, end: here + 2 },
                        "expected one or two hexadecimal digits after '\\x'",
                    )
                })?;
                (byte, digits + 2)
            }
            other => {
                let len = 1 + other.map_or(0, char::len_utf8);
                let found = &escape[..len];
                return Err(Fault::new(
                    Span { start: here, end: here + len },
                    format!(
                        "unknown escape '{found}'; expected \
                         \\n \\t \\r \\b \\f \\v \\a \\e \\\\ \\\" \\' \\0-\\377 or \\xHH"
                    ),
                ));
            }
        };
        bytes.push(byte);
        rest = &escape[len..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}
