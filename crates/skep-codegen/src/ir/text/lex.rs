//! From text to tokens.

use std::borrow::Cow;
use std::ops::Range;

use super::error::Fault;

/// A piece of the text that means something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    /// Where it stands, in bytes.
    pub(super) at: Range<usize>,
    /// Whether it is the first one of its line.
    pub(super) first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind<'a> {
    /// Letters, digits, `_` and `.`, not beginning with a digit.
    Word(&'a str),
    /// `@name` or `@"any name"`.
    Symbol(Cow<'a, str>),
    /// `$name` or `$"any name"`.
    Type(Cow<'a, str>),
    /// A number with its sign.
    Number(i128),
    /// Text in quotes: bytes, since initial values are no text.
    Str(Vec<u8>),
    /// Punctuation.
    Punct(&'a str),
    /// What has been told already.
    Bad,
    /// The end of the text.
    End,
}

/// The tokens of a text, [`Kind::End`] last, and what is none.
pub(super) fn tokens(text: &str) -> (Vec<Token<'_>>, Vec<Fault>) {
    let mut lexer = Lexer { text, at: 0, faults: Vec::new() };
    // A token takes about five bytes.
    let mut tokens = Vec::with_capacity(text.len() / 5);
    loop {
        let first = lexer.skip_blanks();
        let start = lexer.at;
        let kind = lexer.kind();
        let end = kind == Kind::End;
        tokens.push(Token { kind, at: start..lexer.at, first: first || end || tokens.is_empty() });
        if end {
            return (tokens, lexer.faults);
        }
    }
}

/// Whether a name can stand behind `@` without quotes.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.')
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    faults: Vec<Fault>,
}

impl<'a> Lexer<'a> {
    /// Skips blanks and comments; whether a line ended.
    fn skip_blanks(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let mut first = false;
        loop {
            match bytes.get(self.at) {
                Some(b'\n') => {
                    first = true;
                    self.at += 1;
                }
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b';') => self.skip_line(),
                Some(b'/') if bytes.get(self.at + 1) == Some(&b'/') => self.skip_line(),
                _ => return first,
            }
        }
    }

    fn skip_line(&mut self) {
        self.at = self.text[self.at..].find('\n').map_or(self.text.len(), |len| self.at + len);
    }

    fn kind(&mut self) -> Kind<'a> {
        let bytes = self.text.as_bytes();
        let next = |ahead: usize| bytes.get(self.at + ahead).copied().unwrap_or_default();
        match next(0) {
            _ if self.at == bytes.len() => Kind::End,
            b'0'..=b'9' => self.number(0),
            b'+' | b'-' if next(1).is_ascii_digit() => self.number(1),
            b'-' if next(1) == b'>' => self.punct(2),
            b'.' if next(1) == b'.' && next(2) == b'.' => self.punct(3),
            byte if is_name_byte(byte) => Kind::Word(self.name()),
            b'@' => self.named().map_or(Kind::Bad, Kind::Symbol),
            b'$' => self.named().map_or(Kind::Bad, Kind::Type),
            b'"' => self.string().map_or(Kind::Bad, Kind::Str),
            b'\'' => self.character(),
            b'(' | b')' | b'{' | b'}' | b'[' | b']' | b',' | b':' | b'=' | b'+' | b'-' | b'*' | b'!' => {
                self.punct(1)
            }
            _ => {
                let found = self.text[self.at..].chars().next().unwrap_or_default();
                let at = self.at..self.at + found.len_utf8();
                self.at = at.end;
                self.fault(at, format!("found {found:?}, which no part of the language begins with"));
                Kind::Bad
            }
        }
    }

    fn fault(&mut self, at: Range<usize>, message: impl Into<String>) {
        self.faults.push(Fault { at, message: message.into() });
    }

    fn punct(&mut self, len: usize) -> Kind<'a> {
        let start = self.at;
        self.at += len;
        Kind::Punct(&self.text[start..self.at])
    }

    fn name(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let len = rest.bytes().position(|byte| !is_name_byte(byte)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    /// A name behind a sigil.
    fn named(&mut self) -> Option<Cow<'a, str>> {
        let start = self.at;
        self.at += 1;
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            let bytes = self.string()?;
            return match String::from_utf8(bytes) {
                Ok(name) => Some(name.into()),
                Err(_) => {
                    self.fault(start..self.at, "the name is not UTF-8");
                    None
                }
            };
        }
        let name = self.name();
        if name.is_empty() {
            let sigil = &self.text[start..self.at];
            self.fault(
                start..self.at,
                format!("expected a name behind '{sigil}': letters, digits, '_', '.', or any in quotes"),
            );
            return None;
        }
        Some(name.into())
    }

    fn number(&mut self, sign: usize) -> Kind<'a> {
        let start = self.at;
        self.at += sign;
        let digits = self.name();
        let negative = self.text.as_bytes()[start] == b'-';
        let magnitude = match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(&hex.replace('_', ""), 16),
            None => digits.replace('_', "").parse(),
        };
        match magnitude {
            Ok(magnitude) => Kind::Number(if negative { -i128::from(magnitude) } else { magnitude.into() }),
            Err(_) => {
                let number = &self.text[start..self.at];
                self.fault(
                    start..self.at,
                    format!("'{number}' is no number of 64 bits, as 42, -1 or 0xff are"),
                );
                Kind::Bad
            }
        }
    }

    fn character(&mut self) -> Kind<'a> {
        let start = self.at;
        let rest = &self.text.as_bytes()[start + 1..];
        if let [byte @ 0x20..=0x7e, b'\'', ..] = rest
            && *byte != b'\\'
        {
            self.at += 3;
            return Kind::Number((*byte).into());
        }
        // Up to the other quote, if that is near.
        let near = rest.iter().take(8).take_while(|&&byte| byte != b'\n').position(|&byte| byte == b'\'');
        self.at += near.map_or(1, |len| len + 2);
        self.fault(start..self.at, "expected one plain character, as 'a'; others are written as numbers");
        Kind::Bad
    }

    /// Text in quotes: `\"`, `\\`, `\n`, `\t` and `\xNN` stand for one byte.
    fn string(&mut self) -> Option<Vec<u8>> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut out = Vec::new();
        self.at += 1;
        loop {
            let Some(&byte) = bytes.get(self.at).filter(|&&byte| byte != b'\n') else {
                self.fault(start..self.at, "the text has no end; expected '\"' on the same line");
                return None;
            };
            self.at += 1;
            match byte {
                b'"' => return Some(out),
                b'\\' => match self.escape() {
                    Some(byte) => out.push(byte),
                    None => {
                        let end = (self.at..=bytes.len()).find(|&at| self.text.is_char_boundary(at));
                        let end = end.unwrap_or(bytes.len());
                        self.fault(
                            self.at - 1..end,
                            "no such escape; expected \\\", \\\\, \\n, \\t or \\xNN",
                        );
                        self.skip_string();
                        return None;
                    }
                },
                byte => out.push(byte),
            }
        }
    }

    fn escape(&mut self) -> Option<u8> {
        let rest = &self.text.as_bytes()[self.at..];
        let (byte, len) = match rest.first()? {
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            &byte @ (b'"' | b'\\') => (byte, 1),
            b'x' => {
                let digits = self.text.get(self.at + 1..self.at + 3)?;
                let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                (hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()?, 3)
            }
            _ => return None,
        };
        self.at += len;
        Some(byte)
    }

    /// Goes behind the end of a string whose contents are wrong, or to the end of its line.
    fn skip_string(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at)
            && byte != b'\n'
        {
            self.at += 1;
            match byte {
                b'"' => break,
                b'\\' if bytes.get(self.at).is_some_and(|&byte| byte != b'\n') => self.at += 1,
                _ => {}
            }
        }
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
    }
}
