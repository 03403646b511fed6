//! The text: places in it, and its statements with comments taken out.

/// A piece of the source, as byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    /// From the start of this one to the end of the other.
    pub(super) fn to(self, other: Span) -> Span {
        Span { start: self.start, end: other.end.max(self.start) }
    }
}

/// An assembly file.
pub(super) struct Source<'a> {
    /// What messages call it.
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// The text with spaces in place of comments: offsets in one are offsets in the other.
    pub(super) clean: String,
    /// Where a block comment opens that nothing closes.
    pub(super) unclosed: Option<Span>,
    /// Where each line starts.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let (clean, unclosed) = without_comments(text);
        Self { name, text, clean, unclosed, lines }
    }

    /// Line, from 0, that holds a byte offset.
    fn line_index(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset).saturating_sub(1)
    }

    /// Line and column of a byte offset, both from 1; columns count characters.
    pub(super) fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.line_index(offset);
        let before = self.text.get(self.lines[line]..offset).unwrap_or_default();
        (number(line + 1), number(before.chars().count() + 1))
    }

    /// The line, from 1, that holds a byte offset.
    pub(super) fn line(&self, offset: usize) -> u32 {
        number(self.line_index(offset) + 1)
    }

    /// The text of a line, from 1, without its end.
    pub(super) fn line_text(&self, line: u32) -> &'a str {
        let start = self.lines.get((line as usize).saturating_sub(1)).copied().unwrap_or(self.text.len());
        let end = self.lines.get(line as usize).copied().unwrap_or(self.text.len());
        self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// The statements: pieces between line ends and semicolons. Blank ones are left out.
    pub(super) fn statements(&self) -> Statements<'_> {
        Statements { clean: &self.clean, at: 0 }
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Replaces comments by spaces: `#` and `//` up to the end of the line, and `/* */`, line ends inside it included.
fn without_comments(text: &str) -> (String, Option<Span>) {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let len = match quoted_len(rest) {
            Some(len) => {
                clean.push_str(&rest[..len]);
                len
            }
            None => match comment_len(rest) {
                Some(Ok(len)) => {
                    blank(&mut clean, len);
                    len
                }
                Some(Err(())) => {
                    let start = text.len() - rest.len();
                    blank(&mut clean, rest.len());
                    return (clean, Some(Span { start, end: start + 2 }));
                }
                None => {
                    let plain = rest.find(['"', '\'', '#', '/']).unwrap_or(rest.len()).max(1);
                    clean.push_str(&rest[..plain]);
                    plain
                }
            },
        };
        rest = &rest[len..];
    }
    (clean, None)
}

fn blank(clean: &mut String, len: usize) {
    clean.extend(std::iter::repeat_n(' ', len));
}

/// Length of the comment at the start of `text`; `Err` if it has no end.
fn comment_len(text: &str) -> Option<Result<usize, ()>> {
    if text.starts_with('#') || text.starts_with("//") {
        return Some(Ok(text.find('\n').unwrap_or(text.len())));
    }
    let body = text.strip_prefix("/*")?;
    Some(body.find("*/").map(|at| at + 4).ok_or(()))
}

/// Length of the string or character at the start of `text`; an unfinished string ends with its line.
pub(super) fn quoted_len(text: &str) -> Option<usize> {
    if text.starts_with('\'') {
        // An apostrophe quotes exactly one character; alone it is nothing special.
        let mut chars = text.char_indices().skip(1);
        let (_, first) = chars.next().filter(|&(_, c)| c != '\n')?;
        if first == '\\' {
            chars.next().filter(|&(_, c)| c != '\n')?;
        }
        return chars.next().filter(|&(_, c)| c == '\'').map(|(at, _)| at + 1);
    }
    let mut chars = text.char_indices();
    chars.next().filter(|&(_, c)| c == '"')?;
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(at + 1),
            '\n' => return Some(at),
            // A backslash quotes what follows, but never the end of the line.
            '\\' if !text[at + 1..].starts_with('\n') => {
                chars.next();
            }
            _ => {}
        }
    }
    Some(text.len())
}

/// See [`Source::statements`].
pub(super) struct Statements<'s> {
    clean: &'s str,
    at: usize,
}

impl Iterator for Statements<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        while self.at < self.clean.len() {
            let start = self.at;
            let end = self.statement_end();
            self.at = end + 1;
            let piece = &self.clean[start..end];
            let trimmed = piece.trim_start();
            if !trimmed.is_empty() {
                let start = end - trimmed.len();
                return Some(Span { start, end: start + trimmed.trim_end().len() });
            }
        }
        None
    }
}

impl Statements<'_> {
    fn statement_end(&self) -> usize {
        let mut at = self.at;
        while at < self.clean.len() {
            let rest = &self.clean[at..];
            match quoted_len(rest) {
                Some(len) => at += len,
                None if rest.starts_with(['\n', ';']) => return at,
                None => {
                    let first = rest.chars().next().map_or(1, char::len_utf8);
                    at += rest[first..].find(['\n', ';', '"', '\'']).map_or(rest.len(), |next| next + first);
                }
            }
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(text: &str) -> Vec<String> {
        let source = Source::new("t.s", text);
        assert_eq!(source.clean.len(), text.len());
        source.statements().map(|span| source.clean[span.start..span.end].to_string()).collect()
    }

    #[test]
    fn statements_end_at_line_ends_and_semicolons() {
        assert_eq!(statements("a; b\n\n ; c ;\r\nd"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn comments_are_blank() {
        assert_eq!(statements("a # b; c\nd // e\n/* f\n g */ h /**/ i"), ["a", "d", "h      i"]);
        assert_eq!(statements("a /* b"), ["a"]);
        assert_eq!(statements("/*/ a */ b"), ["b"]);
    }

    #[test]
    fn quotes_hide_comments_and_semicolons() {
        assert_eq!(statements(r#".ascii "a;#\";b" # c"#), [r#".ascii "a;#\";b""#]);
        assert_eq!(statements(".byte ';', '#', '\\'' ; x"), [".byte ';', '#', '\\''", "x"]);
        assert_eq!(statements(".ascii \"a\nb"), [".ascii \"a", "b"]);
        assert_eq!(statements("don't # x\ny"), ["don't", "y"]);
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::new("t.s", "ab\ncdé f\n");
        assert_eq!(source.position(0), (1, 1));
        assert_eq!(source.position(8), (2, 5));
        assert_eq!(source.line_text(2), "cdé f");
        assert_eq!(source.line_text(9), "");
    }
}
