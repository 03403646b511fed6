//! Words of textual LLVM IR.

/// A word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `define`, `i32`, `...`
    Word(&'a str),
    /// `%x`, without the sign and quotes.
    Local(&'a str),
    /// `@f`, without the sign and quotes.
    Global(&'a str),
    /// `14:`, without the colon.
    Label(&'a str),
    /// `-7`, `1.5e+00`
    Number(&'a str),
    /// `"..."`, without the quotes, escapes still in it.
    Str(&'a str),
    /// `c"..."`, the same.
    Chars(&'a str),
    /// `#3`, `#dbg_declare`, without the sign.
    Hash(&'a str),
    /// `!dbg`, `!12`, without the sign; a `!` alone is empty.
    Meta(&'a str),
    /// Any other character.
    Punct(char),
    /// The end of the text.
    End,
}

/// Reads words off a text.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Where the next word is looked for, in bytes.
    pub(super) at: usize,
}

/// A character of a name that needs no quotes.
fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'$' | b'.' | b'_' | b'-')
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Lexer<'a> {
        Lexer { text, at: 0 }
    }

    /// What has been read since a place.
    pub(super) fn since(&self, at: usize) -> &'a str {
        self.text.get(at..self.at).unwrap_or("")
    }

    fn byte(&self, at: usize) -> u8 {
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Skips what lies between words.
    pub(super) fn skip_space(&mut self) {
        loop {
            match self.byte(self.at) {
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b';' => {
                    self.skip_line();
                }
                _ => return,
            }
        }
    }

    /// Goes to the end of the line; the rest of it.
    pub(super) fn skip_line(&mut self) -> &'a str {
        let rest = &self.text[self.at..];
        let line = rest.split('\n').next().unwrap_or("");
        self.at += line.len();
        line
    }

    /// The next word.
    pub(super) fn token(&mut self) -> Token<'a> {
        self.skip_space();
        let start = self.at;
        if start >= self.text.len() {
            return Token::End;
        }
        let first = self.byte(start);
        match first {
            b'%' | b'@' => {
                self.at += 1;
                let name = self.name();
                if first == b'%' { Token::Local(name) } else { Token::Global(name) }
            }
            b'#' => {
                self.at += 1;
                Token::Hash(self.name())
            }
            b'!' => {
                self.at += 1;
                if self.byte(self.at) == b'"' {
                    return Token::Meta("");
                }
                Token::Meta(self.name())
            }
            b'"' => {
                let text = self.quoted();
                if self.byte(self.at) == b':' {
                    self.at += 1;
                    return Token::Label(text);
                }
                Token::Str(text)
            }
            b'c' if self.byte(start + 1) == b'"' => {
                self.at += 1;
                Token::Chars(self.quoted())
            }
            b'.' if self.text[start..].starts_with("...") => {
                self.at += 3;
                Token::Word("...")
            }
            b'-' if self.byte(start + 1).is_ascii_digit() => self.number(),
            b'0'..=b'9' => {
                let name = self.name();
                if self.byte(self.at) == b':' {
                    self.at += 1;
                    return Token::Label(name);
                }
                self.at = start;
                self.number()
            }
            _ if first.is_ascii_alphabetic() || matches!(first, b'_' | b'$' | b'.') => {
                let name = self.name();
                if self.byte(self.at) == b':' {
                    self.at += 1;
                    return Token::Label(name);
                }
                Token::Word(name)
            }
            _ => {
                let char = self.text[start..].chars().next().unwrap_or('\0');
                self.at += char.len_utf8();
                Token::Punct(char)
            }
        }
    }

    fn number(&mut self) -> Token<'a> {
        let start = self.at;
        self.at += 1;
        loop {
            let byte = self.byte(self.at);
            let sign = matches!(byte, b'+' | b'-')
                && matches!(self.byte(self.at - 1), b'e' | b'E')
                && self.text[start..self.at].contains('.');
            if !(byte.is_ascii_alphanumeric() || byte == b'.' || sign) {
                break;
            }
            self.at += 1;
        }
        Token::Number(&self.text[start..self.at])
    }

    fn name(&mut self) -> &'a str {
        if self.byte(self.at) == b'"' {
            return self.quoted();
        }
        let start = self.at;
        while is_name(self.byte(self.at)) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    /// A text in quotes; inside, quotes are written by their number.
    fn quoted(&mut self) -> &'a str {
        let start = self.at + 1;
        let len = self.text[start..].find('"').unwrap_or(self.text.len() - start);
        self.at = (start + len + 1).min(self.text.len());
        &self.text[start..start + len]
    }
}

/// The bytes of a quoted text: `\0A` is one, `\\` a backslash.
pub(super) fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).and_then(|code| u8::from_str_radix(code, 16).ok());
        match (byte, code) {
            (b'\\', Some(code)) => {
                out.push(code);
                at += 3;
            }
            (b'\\', None) if bytes.get(at + 1) == Some(&b'\\') => {
                out.push(b'\\');
                at += 2;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Lexer, Token, unescape};

    fn check(text: &str, expected: &[Token<'_>]) {
        let mut lexer = Lexer::new(text);
        for &token in expected {
            assert_eq!(lexer.token(), token, "{text}");
        }
        assert_eq!(lexer.token(), Token::End, "{text}");
    }

    #[test]
    fn words() {
        use Token::{Chars, Global, Hash, Label, Local, Meta, Number, Punct, Str, Word};
        check(
            "%3 = add i32 -7, 1.5e+00",
            &[Local("3"), Punct('='), Word("add"), Word("i32"), Number("-7"), Punct(','), Number("1.5e+00")],
        );
        check("14: ; preds = %2\n for.end-x:", &[Label("14"), Label("for.end-x")]);
        check(
            r#"@"a b" c"x\00" "y" #1 !dbg !12 ..."#,
            &[Global("a b"), Chars("x\\00"), Str("y"), Hash("1"), Meta("dbg"), Meta("12"), Word("...")],
        );
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape(r"a\0A\\b\22"), b"a\n\\b\"");
    }
}
