//! The string table.

use crate::btf::Btf;
use crate::bytes::index;
use crate::table::Table;
use crate::types::StrRef;

/// Zero-terminated strings, addressed by the offset of their first byte.
///
/// The strings of real sections are not always UTF-8 (source lines keep the encoding of their file). The bytes are kept
/// as they are, for writing; for reading, `text` has a `?` in place of each byte that is not text, so that offsets are
/// the same in both.
#[derive(Debug, Clone)]
pub(crate) struct Strings {
    /// The offset of the first byte: the length of the tables that this one continues.
    start: u32,
    text: String,
    raw: Option<Vec<u8>>,
}

/// What the strings of a small set take, in bytes.
const SMALL: usize = 256;

impl Strings {
    /// The table of a set that names nothing.
    pub(crate) fn new() -> Strings {
        let mut text = String::with_capacity(SMALL);
        text.push('\0');
        Strings { start: 0, text, raw: None }
    }

    /// An empty continuation of tables of that length.
    pub(crate) fn on(start: u32) -> Strings {
        Strings { start, text: String::new(), raw: None }
    }

    /// The caller has checked that the table ends with a zero byte, and starts with one if it continues none.
    pub(crate) fn from_section(start: u32, bytes: &[u8]) -> Strings {
        match std::str::from_utf8(bytes) {
            Ok(text) => Strings { start, text: text.to_owned(), raw: None },
            Err(_) => Strings { start, text: masked(bytes), raw: Some(bytes.to_owned()) },
        }
    }

    /// Tables that continue each other, as one.
    pub(crate) fn joined<'a>(tables: impl Iterator<Item = &'a Strings> + Clone) -> Strings {
        let text = tables.clone().map(|table| &table.text[..]).collect();
        let raw = tables.clone().any(|table| table.raw.is_some());
        let raw = raw.then(|| tables.flat_map(|table| table.section().iter().copied()).collect());
        Strings { start: 0, text, raw }
    }

    /// The offset of the first byte.
    pub(crate) fn start(&self) -> u32 {
        self.start
    }

    /// The table as it is encoded.
    pub(crate) fn section(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// The offset behind the last byte; `u32::MAX` if it is too long to be encoded.
    pub(crate) fn end(&self) -> u32 {
        u32::try_from(self.text.len()).ok().and_then(|len| self.start.checked_add(len)).unwrap_or(u32::MAX)
    }

    pub(crate) fn is_ascii(&self) -> bool {
        self.text.is_ascii()
    }

    pub(crate) fn footprint(&self) -> usize {
        self.text.capacity() + self.raw.as_ref().map_or(0, Vec::capacity)
    }

    /// The string that starts there; `None` outside the table and inside a character.
    pub(crate) fn get(&self, at: StrRef) -> Option<&str> {
        let rest = self.text.get(self.place(at)?..).filter(|rest| !rest.is_empty())?;
        let len = rest.as_bytes().iter().position(|&byte| byte == 0)?;
        rest.get(..len)
    }

    /// Whether that is the string that starts there. Unlike a comparison of what [`get`](Strings::get) gives, this
    /// takes no longer for a long string that `string` is not.
    pub(crate) fn is(&self, at: StrRef, string: &str) -> bool {
        let rest = self.place(at).and_then(|at| self.text.as_bytes().get(at..));
        let rest = rest.and_then(|rest| rest.strip_prefix(string.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The string that starts there, or as much of it as `max` bytes hold.
    pub(crate) fn prefix(&self, at: StrRef, max: usize) -> &str {
        let rest = self.place(at).and_then(|at| self.text.get(at..)).unwrap_or_default();
        let rest = &rest[..rest.floor_char_boundary(max)];
        rest.split('\0').next().unwrap_or_default()
    }

    /// The string's own bytes, terminator excluded.
    pub(crate) fn bytes(&self, at: StrRef) -> Option<&[u8]> {
        let rest = self.section().get(self.place(at)?..)?;
        rest.get(..rest.iter().position(|&byte| byte == 0)?)
    }

    /// Whether these are the string's own bytes, terminator excluded.
    fn has(&self, at: StrRef, bytes: &[u8]) -> bool {
        let rest = self.place(at).and_then(|at| self.section().get(at..));
        let rest = rest.and_then(|rest| rest.strip_prefix(bytes));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    pub(crate) fn contains(&self, at: StrRef) -> bool {
        self.place(at).is_some_and(|at| at < self.text.len() && self.text.is_char_boundary(at))
    }

    fn push(&mut self, string: &str) -> Option<StrRef> {
        let at = u32::try_from(self.text.len()).ok()?.checked_add(self.start)?;
        self.text.push_str(string);
        self.text.push('\0');
        if let Some(raw) = &mut self.raw {
            raw.extend_from_slice(string.as_bytes());
            raw.push(0);
        }
        Some(StrRef(at))
    }

    /// The string's place; none for the strings of a base.
    fn place(&self, at: StrRef) -> Option<usize> {
        at.0.checked_sub(self.start).map(index)
    }
}

/// The bytes as text of the same length.
fn masked(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

/// Finds a string that is already in a table.
#[derive(Debug, Clone)]
pub(crate) struct Interner {
    known: Table,
}

impl Interner {
    /// Knows each string of the set and its base that starts behind a terminator.
    pub(crate) fn new(btf: &Btf) -> Interner {
        let sections = || btf.lineage().into_iter().map(|set| set.strings());
        let terminators = |strings: &Strings| strings.section().iter().filter(|&&byte| byte == 0).count();
        let mut interner = Interner { known: Table::with_capacity(sections().map(terminators).sum()) };
        for strings in sections() {
            let mut at = strings.start;
            for string in strings.section().split_inclusive(|&byte| byte == 0) {
                let text = &string[..string.len() - 1];
                let hash = interner.known.hash(text);
                if !text.is_empty() && interner.find(btf, hash, text).is_none() {
                    interner.known.insert(hash, at);
                }
                at = at.saturating_add(u32::try_from(string.len()).unwrap_or(u32::MAX));
            }
        }
        interner
    }

    /// The string's place, adding it if it is new. `None` if the table is full.
    pub(crate) fn intern(&mut self, btf: &mut Btf, string: &str) -> Option<StrRef> {
        if string.is_empty() {
            return Some(StrRef::EMPTY);
        }
        let hash = self.known.hash(string.as_bytes());
        let known = self.find(btf, hash, string.as_bytes());
        known.or_else(|| {
            let at = btf.strings_mut().push(string)?;
            self.known.insert(hash, at.0);
            Some(at)
        })
    }

    fn find(&self, btf: &Btf, hash: u32, string: &[u8]) -> Option<StrRef> {
        let is = |at| btf.strings_of(StrRef(at)).has(StrRef(at), string);
        self.known.find(hash, is).map(StrRef)
    }
}

#[cfg(test)]
mod tests {
    use super::{Interner, Strings};
    use crate::btf::Btf;
    use crate::store::Store;
    use crate::types::StrRef;

    #[test]
    fn a_string_ends_at_its_terminator_and_may_start_anywhere() {
        let strings = Strings::from_section(0, b"\0abc\0d\0");
        for (at, expected) in
            [(0, Some("")), (1, Some("abc")), (2, Some("bc")), (4, Some("")), (5, Some("d"))]
        {
            assert_eq!(strings.get(StrRef(at)), expected, "at {at}");
        }
        for outside in [7, 8, u32::MAX] {
            assert_eq!(strings.get(StrRef(outside)), None);
            assert!(!strings.contains(StrRef(outside)));
        }
    }

    #[test]
    fn a_string_is_compared_to_its_end() {
        let strings = Strings::from_section(0, "\0abc\0Größe\0".as_bytes());
        for (at, string, expected) in [
            (1, "abc", true),
            (1, "ab", false),
            (1, "abcd", false),
            (2, "bc", true),
            (0, "", true),
            (4, "", true),
        ] {
            assert_eq!(strings.is(StrRef(at), string), expected, "{string} at {at}");
        }
        assert!(!strings.is(StrRef(99), ""));
        for (at, max, expected) in
            [(1, 2, "ab"), (1, 9, "abc"), (5, 3, "Gr"), (5, 4, "Grö"), (5, 99, "Größe"), (99, 1, "")]
        {
            assert_eq!(strings.prefix(StrRef(at), max), expected, "{max} at {at}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_keep_their_offsets() {
        let section = b"\0caf\xe9\0\xff\xff\0ok\0";
        let strings = Strings::from_section(0, section);
        assert_eq!(strings.get(StrRef(1)), Some("caf?"));
        assert_eq!(strings.get(StrRef(6)), Some("??"));
        assert_eq!(strings.get(StrRef(9)), Some("ok"));
        assert_eq!(strings.bytes(StrRef(1)), Some(&b"caf\xe9"[..]));
        assert!(strings.has(StrRef(1), b"caf\xe9") && !strings.has(StrRef(1), b"caf?"));
        assert_eq!(strings.section(), section);
    }

    #[test]
    fn a_character_is_not_cut() {
        let strings = Strings::from_section(0, "\0Größe\0".as_bytes());
        assert_eq!(strings.get(StrRef(1)), Some("Größe"));
        assert!(!strings.contains(StrRef(4)));
        assert_eq!(strings.get(StrRef(4)), None);
    }

    #[test]
    fn known_strings_are_found_again() {
        let strings = Strings::from_section(0, b"\0abc\0?\0\xff\0");
        let mut btf = Btf::from_parts(None, strings, Store::default());
        let mut interner = Interner::new(&btf);
        assert_eq!(interner.intern(&mut btf, ""), Some(StrRef(0)));
        assert_eq!(interner.intern(&mut btf, "abc"), Some(StrRef(1)));
        assert_eq!(interner.intern(&mut btf, "?"), Some(StrRef(5)));
        let new = interner.intern(&mut btf, "new");
        assert_eq!(new, Some(StrRef(9)));
        assert_eq!(interner.intern(&mut btf, "new"), new);
        assert_eq!(btf.strings().section(), b"\0abc\0?\0\xff\0new\0");
    }
}
