//! Which names the kernel takes.

use super::blob::{Item, Parts};
use super::refusal::{Fault, Rule};
use super::version::{Feature, Rules};

/// How a byte may stand in an identifier.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Not at all.
    Never,
    /// Behind the first byte.
    Inside,
    /// Everywhere.
    Anywhere,
    /// Everywhere, in kernels that know dots.
    Dot,
}

/// ASCII as in C, and what Latin-1 has for letters.
const CLASSES: [Class; 256] = {
    let mut classes = [Class::Never; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0xc0..=0xd6 | 0xd8..=0xf6 | 0xf8..=0xff => Class::Anywhere,
            b'0'..=b'9' => Class::Inside,
            b'.' => Class::Dot,
            _ => Class::Never,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

/// What is wrong with an identifier.
pub(crate) fn ident_problem(name: &[u8], rules: &Rules) -> Option<String> {
    let dots = rules.has(Feature::Dots);
    let Some(first) = name.first() else { return Some("the name is empty".to_owned()) };
    let is_bad = |byte: &u8| match CLASSES[usize::from(*byte)] {
        Class::Never => true,
        Class::Dot => !dots,
        Class::Inside | Class::Anywhere => false,
    };
    if name.len() <= rules.name_limit()
        && !name.iter().any(is_bad)
        && CLASSES[usize::from(*first)] != Class::Inside
    {
        return None;
    }
    Some(match name.iter().find(|byte| is_bad(byte)) {
        Some(byte) => format!("the name has the byte {byte:#x}"),
        None if CLASSES[usize::from(*first)] == Class::Inside => "the name begins with a digit".to_owned(),
        None => too_long(name, rules),
    })
}

/// What is wrong with the name of a section.
pub(crate) fn section_problem(name: &[u8], rules: &Rules) -> Option<String> {
    let is_good = |byte: u8| match rules.has(Feature::SectionNames) {
        true => matches!(byte, 0x20..=0x7e | 0xa0..),
        false => matches!(CLASSES[usize::from(byte)], Class::Inside | Class::Anywhere | Class::Dot),
    };
    if name.is_empty() {
        return Some("the name is empty".to_owned());
    }
    if let Some(byte) = name.iter().find(|byte| !is_good(**byte)) {
        return Some(format!("the name has the byte {byte:#x}"));
    }
    if !rules.has(Feature::SectionNames) && name[0].is_ascii_digit() {
        return Some("the name begins with a digit".to_owned());
    }
    (name.len() > rules.name_limit()).then(|| too_long(name, rules))
}

fn too_long(name: &[u8], rules: &Rules) -> String {
    format!("the name has {} bytes, at most {} are possible", name.len(), rules.name_limit())
}

/// Whether a type may be called as it is.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    /// Not at all.
    Anonymous,
    /// By an identifier.
    Ident,
    /// By an identifier, or not at all.
    IdentOrNone,
    /// As sections are.
    Section,
    /// Somehow: the text of a type tag.
    TypeTag,
    /// Somehow: the text of a declaration tag.
    DeclTag,
}

impl Naming {
    pub(super) fn check(self, parts: &Parts<'_>, item: &Item<'_>, rules: &Rules) -> Result<(), Fault> {
        let name = || parts.string(item.name);
        let (rule, problem) = match self {
            Naming::Anonymous if item.name == 0 => return Ok(()),
            Naming::IdentOrNone if item.name == 0 => return Ok(()),
            Naming::Anonymous => (Rule::Anonymous, Some("it has a name".to_owned())),
            Naming::Ident | Naming::IdentOrNone => (Rule::Ident, ident_problem(name(), rules)),
            Naming::Section => (Rule::SectionName, section_problem(name(), rules)),
            Naming::TypeTag => (Rule::TypeTagText, no_text(name())),
            Naming::DeclTag => (Rule::DeclTagText, no_text(name())),
        };
        problem.map_or(Ok(()), |found| Err(Fault::new(rule, item.id, found)))
    }
}

fn no_text(text: &[u8]) -> Option<String> {
    text.is_empty().then(|| "the text is empty".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{ident_problem, section_problem};
    use crate::verify::{KernelVersion, Rules};

    fn check(name: &[u8], version: (u16, u16), expected: [bool; 2]) {
        let rules = Rules::for_kernel(KernelVersion::new(version.0, version.1));
        let found = [ident_problem(name, &rules).is_none(), section_problem(name, &rules).is_none()];
        assert_eq!(found, expected, "{} in {version:?}", name.escape_ascii());
    }

    #[test]
    fn names_are_those_of_the_kernel() {
        for (name, expected) in [
            (&b"a"[..], [true, true]),
            (b"", [false, false]),
            (b"_9", [true, true]),
            (b"9", [false, true]),
            (b".a.b", [true, true]),
            (b"a b", [false, true]),
            (b"a$", [false, true]),
            (b"caf\xe9", [true, true]),
            (b"\xd7", [false, true]),
            (b"caf\xc3\xa9", [false, true]),
            (b"a\x7f", [false, false]),
            (b"a\x9f", [false, false]),
            (b"\t", [false, false]),
            (&[b'a'; 512], [true, true]),
            (&[b'a'; 513], [false, false]),
        ] {
            check(name, (6, 18), expected);
        }
    }

    #[test]
    fn older_kernels_take_less() {
        check(&[b'a'; 128], (6, 0), [true, true]);
        check(&[b'a'; 129], (6, 0), [false, false]);
        check(&[b'a'; 129], (6, 1), [true, true]);
        check(b"a.b", (6, 4), [false, true]);
        check(b"?a", (6, 8), [false, false]);
        check(b"?a", (6, 9), [false, true]);
        check(b"9a", (6, 8), [false, false]);
    }
}
