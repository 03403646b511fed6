//! What types and constants are called in C.
//!
//! C has one space for the tags of structs, unions and enums and one for typedefs and enumerators; BTF keeps each of
//! them apart, and may have many of the same name. The first of a name keeps it, the next is `name___2`, which CO-RE
//! takes for the same name.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::btf::Btf;
use crate::bytes::index;
use crate::mangle;
use crate::types::{FwdKind, Int, IntEncoding, StrRef, Type, TypeId};

/// The longest name that is taken as it is, in bytes; a longer one is cut, and a hash of it added.
pub(crate) const LIMIT: usize = 512;

/// The names of a set's types, and the space that enumerators share with typedefs.
pub(crate) struct Names<'a> {
    btf: &'a Btf,
    /// By id: how the name of the type is known.
    sources: Vec<Source>,
    renamed: HashMap<TypeId, String>,
    /// What declarations declare, where it is defined, or declared before.
    same: HashMap<TypeId, TypeId>,
    ordinary: Space<'a>,
}

/// How the name of a type is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It has none.
    None,
    /// It is the name in BTF.
    Btf,
    /// It is in the list of those that are renamed.
    Renamed,
    /// It is an integer or a float that C has a word for.
    Word(&'static str),
    /// The same, and C spells it as BTF does.
    Spelled,
}

impl<'a> Names<'a> {
    pub(crate) fn new(btf: &'a Btf) -> Names<'a> {
        let mut names = Names {
            btf,
            sources: vec![Source::None; index(btf.count()).saturating_add(1)],
            renamed: HashMap::new(),
            same: HashMap::new(),
            ordinary: Space::default(),
        };
        let mut tags = Space::default();
        // A declaration means the definition of that kind and name, if there is one.
        let mut definitions: HashMap<(Tag, &str), TypeId> = HashMap::new();
        let mut declarations = Vec::new();
        let mut numbers = Vec::new();
        for (id, ty) in btf.iter() {
            let at = btf.name_ref(id);
            if let Some((tag, is_definition)) = Tag::of(&ty) {
                if at != StrRef::EMPTY {
                    let name = short(btf, at);
                    if is_definition {
                        definitions.entry((tag, name)).or_insert(id);
                        let name = tags.take(name);
                        names.set(id, name);
                    } else {
                        declarations.push((id, tag, name));
                    }
                }
            } else if let Type::Typedef(_) = ty {
                let name = names.ordinary.take(short(btf, at));
                names.set(id, name);
            } else if let Type::Int(_) | Type::Float { .. } = ty {
                numbers.push(id);
            }
        }
        for (id, tag, name) in declarations {
            match definitions.get(&(tag, name)) {
                Some(&definition) => {
                    names.same.insert(id, definition);
                }
                None => {
                    definitions.insert((tag, name), id);
                    let name = tags.take(name);
                    names.set(id, name);
                }
            }
        }
        numbers.into_iter().for_each(|id| names.number(id));
        names
    }

    /// The type itself, or the one that it declares.
    pub(crate) fn definition(&self, id: TypeId) -> TypeId {
        self.same.get(&id).copied().unwrap_or(id)
    }

    /// The name of a struct, union, enum, typedef, integer or float; empty if it has none.
    pub(crate) fn of(&self, id: TypeId) -> &str {
        match self.sources.get(index(id.0)).copied().unwrap_or(Source::None) {
            Source::None => "",
            Source::Btf | Source::Spelled => self.btf.name(id),
            Source::Word(word) => word,
            Source::Renamed => self.renamed.get(&id).map_or("", String::as_str),
        }
    }

    /// Whether the type is called something else in BTF.
    pub(crate) fn is_renamed(&self, id: TypeId) -> bool {
        self.sources.get(index(id.0)) == Some(&Source::Renamed)
    }

    /// Whether a number's name has to be defined first.
    pub(crate) fn is_foreign(&self, id: TypeId) -> bool {
        matches!(self.sources.get(index(id.0)), Some(Source::Btf | Source::Renamed))
    }

    /// Whether a typedef or enumerator has that name.
    pub(crate) fn is_ordinary(&self, name: &str) -> bool {
        self.ordinary.taken.contains_key(name)
    }

    /// The name that an enumerator gets.
    pub(crate) fn enumerator(&mut self, at: StrRef) -> Cow<'a, str> {
        self.ordinary.take(short(self.btf, at))
    }

    /// The name of an enumerator that is not in the set.
    pub(crate) fn extra(&mut self, name: String) -> Cow<'a, str> {
        self.ordinary.unique(name.into())
    }

    fn set(&mut self, id: TypeId, name: Cow<'a, str>) {
        self.sources[index(id.0)] = match name {
            Cow::Borrowed(_) => Source::Btf,
            Cow::Owned(name) => {
                self.renamed.insert(id, name);
                Source::Renamed
            }
        };
    }

    /// A number is what C calls it; what C has no word for becomes a typedef, unless there is one of that name.
    fn number(&mut self, id: TypeId) {
        let name = short(self.btf, self.btf.name_ref(id));
        let word = match self.btf.ty(id) {
            Type::Int(int) if spells_int(name, &int) => Some(Source::Spelled),
            Type::Float { size } if float_word(size) == Some(name) && size != LONG => Some(Source::Spelled),
            Type::Int(int) if name.is_empty() || self.is_ordinary(name) => int_word(&int).map(Source::Word),
            Type::Float { size } if (name.is_empty() || self.is_ordinary(name)) && size != LONG => {
                float_word(size).map(Source::Word)
            }
            _ => None,
        };
        match word {
            Some(word) => self.sources[index(id.0)] = word,
            None => {
                let name = match name {
                    "" => format!("number_{}", id.0).into(),
                    "long double" => "__long_double".into(),
                    _ => identifier(name),
                };
                let name = self.ordinary.unique(name);
                self.set(id, name);
            }
        }
    }
}

/// The name, or as much of it as makes a name.
fn short(btf: &Btf, at: StrRef) -> &str {
    btf.string_prefix(at, LIMIT + 1)
}

/// What a tag is put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Tag {
    Struct,
    Union,
    Enum,
}

impl Tag {
    /// The sort, and whether the type is more than declared.
    fn of(ty: &Type<'_>) -> Option<(Tag, bool)> {
        Some(match ty {
            Type::Struct(_) => (Tag::Struct, true),
            Type::Union(_) => (Tag::Union, true),
            Type::Enum(e) | Type::Enum64(e) => (Tag::Enum, !e.values.is_empty()),
            Type::Fwd(FwdKind::Struct) => (Tag::Struct, false),
            Type::Fwd(FwdKind::Union) => (Tag::Union, false),
            _ => return None,
        })
    }
}

/// Names that must differ from each other.
#[derive(Debug, Default)]
pub(crate) struct Space<'a> {
    /// The number of the last one that began like this.
    taken: HashMap<Cow<'a, str>, u32>,
}

impl<'a> Space<'a> {
    /// A name of its own: this one as C can say it, with a number if it is taken.
    pub(crate) fn take(&mut self, name: &'a str) -> Cow<'a, str> {
        self.unique(identifier(name))
    }

    /// The same of a name that C can say.
    pub(crate) fn unique(&mut self, name: Cow<'a, str>) -> Cow<'a, str> {
        let Some(number) = self.taken.get_mut(&name) else {
            self.taken.insert(name.clone(), 1);
            return name;
        };
        let mut next = *number;
        let other = loop {
            next += 1;
            let other = Cow::Owned(format!("{name}___{next}"));
            if !self.taken.contains_key(&other) {
                break other;
            }
        };
        self.taken.insert(name, next);
        self.taken.insert(other.clone(), 1);
        other
    }

    pub(crate) fn clear(&mut self) {
        self.taken.clear();
    }
}

/// The name as C can say it.
pub(crate) fn identifier(name: &str) -> Cow<'_, str> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || c == b'_');
    if !first || name.len() > LIMIT || !bytes.all(|c| c.is_ascii_alphanumeric() || c == b'_') {
        let spelled = mangle::encode(name).replace('.', "_o_");
        return Cow::Owned(if spelled.is_empty() { "_".to_owned() } else { spelled });
    }
    if is_keyword(name) { Cow::Owned(format!("{name}_")) } else { Cow::Borrowed(name) }
}

/// Words that cannot be names: those of GNU C17, and types that compilers know without being told.
const KEYWORDS: [&str; 59] = [
    "_Alignas",
    "_Alignof",
    "_Atomic",
    "_Bool",
    "_Complex",
    "_Float128",
    "_Float16",
    "_Float32",
    "_Float32x",
    "_Float64",
    "_Float64x",
    "_Generic",
    "_Imaginary",
    "_Noreturn",
    "_Static_assert",
    "_Thread_local",
    "__builtin_va_list",
    "__float128",
    "__func__",
    "__int128",
    "__int128_t",
    "__uint128_t",
    "asm",
    "auto",
    "break",
    "case",
    "char",
    "const",
    "continue",
    "default",
    "do",
    "double",
    "else",
    "enum",
    "extern",
    "float",
    "for",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "register",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "struct",
    "switch",
    "typedef",
    "typeof",
    "union",
    "unsigned",
    "void",
    "volatile",
    "while",
    "__auto_type",
];

fn is_keyword(name: &str) -> bool {
    // Few names are as long as a keyword and begin like one.
    (2..=17).contains(&name.len()) && KEYWORDS.contains(&name)
}

/// Whether that is how C spells the integer.
fn spells_int(name: &str, int: &Int) -> bool {
    let (mut sign, mut longs, mut base) = (None, 0, None);
    for word in name.split(' ') {
        match word {
            "unsigned" | "signed" if sign.is_none() => sign = Some(word),
            "long" => longs += 1,
            "char" | "short" | "int" | "__int128" | "_Bool" if base.is_none() => base = Some(word),
            "int" if base == Some("short") => {}
            "short" if base == Some("int") => base = Some(word),
            _ => return false,
        }
    }
    let size = match (base, longs) {
        (Some("char"), 0) => 1,
        (Some("_Bool"), 0) if sign.is_none() => 1,
        (Some("short"), 0) => 2,
        (None, 0) if sign.is_none() => return false,
        (Some("int") | None, 0) => 4,
        (Some("int") | None, 1 | 2) => 8,
        (Some("__int128"), 0) => 16,
        _ => return false,
    };
    size == int.size
}

/// C's word for the integer.
pub(crate) fn int_word(int: &Int) -> Option<&'static str> {
    let signed = matches!(int.encoding, IntEncoding::Signed | IntEncoding::SignedChar);
    Some(match (int.size, int.encoding, signed) {
        (1, IntEncoding::Bool, _) => "_Bool",
        (1, IntEncoding::Char, _) => "char",
        (1, _, true) => "signed char",
        (1, _, false) => "unsigned char",
        (2, _, true) => "short",
        (2, _, false) => "unsigned short",
        (4, _, true) => "int",
        (4, _, false) => "unsigned int",
        (8, _, true) => "long long",
        (8, _, false) => "unsigned long long",
        (16, _, true) => "__int128",
        (16, _, false) => "unsigned __int128",
        _ => return None,
    })
}

/// The size of the floating-point number that not every machine has, in bytes.
pub(crate) const LONG: u32 = 16;

/// C's word for the floating-point number.
pub(crate) fn float_word(size: u32) -> Option<&'static str> {
    Some(match size {
        4 => "float",
        8 => "double",
        16 => "long double",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Space, identifier, spells_int};
    use crate::types::{Int, IntEncoding};

    #[test]
    fn names_that_c_cannot_say_are_spelled() {
        for (name, expected) in [
            ("task_struct", "task_struct"),
            ("Option<u32>", "Option_L_u32_G_"),
            ("a.b", "a_o_b"),
            ("0", "_0"),
            ("default", "default_"),
            ("", "_"),
        ] {
            assert_eq!(identifier(name), expected);
        }
        assert!(identifier(&"x".repeat(600)).len() <= 512);
    }

    #[test]
    fn names_are_taken_once() {
        let mut space = Space::default();
        let mut take = |name| space.take(name).into_owned();
        assert_eq!(["a", "a", "a___3", "a", "a"].map(&mut take), ["a", "a___2", "a___3", "a___4", "a___5"]);
    }

    #[test]
    fn integers_are_spelled_as_in_c() {
        let check = |name, size, expected| {
            let int = Int { size, bits: 8, offset: 0, encoding: IntEncoding::Signed };
            assert_eq!(spells_int(name, &int), expected, "{name}");
        };
        for (name, size) in [
            ("long unsigned int", 8),
            ("short int", 2),
            ("unsigned", 4),
            ("char", 1),
            ("__int128 unsigned", 16),
            ("long long unsigned int", 8),
            ("_Bool", 1),
            ("int", 4),
        ] {
            check(name, size, true);
            check(name, size + 1, false);
        }
        for name in
            ["u32", "", "int int", "bool", "long short", "unsigned _Bool", "unsigned signed", "wchar_t"]
        {
            check(name, 4, false);
            check(name, 1, false);
        }
    }
}
