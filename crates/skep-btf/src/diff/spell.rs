//! Types as C spells them.

use crate::btf::Btf;
use crate::types::{FwdKind, Param, Type, TypeId};

/// How much of a type is spelled out: levels of pointers, arrays and the like, and parameters and members in all.
const MAX_DEPTH: usize = 24;
const MAX_PARTS: usize = 32;

/// A type as a C declaration would name it: `struct file *`, `int (*)(const char *, ...)`, `char[16]`. What has no name
/// is shown by its members; what is too long, in part.
#[must_use]
pub fn spell(btf: &Btf, id: TypeId) -> String {
    let mut speller = Speller { btf, parts: MAX_PARTS };
    speller.declared(id, String::new(), MAX_DEPTH)
}

struct Speller<'a> {
    btf: &'a Btf,
    parts: usize,
}

impl Speller<'_> {
    /// The type around a declarator, which is what C writes after the type, or around the name.
    fn declared(&mut self, mut id: TypeId, mut declarator: String, depth: usize) -> String {
        let btf = self.btf;
        let mut qualifiers = String::new();
        for _ in 0..depth {
            match btf.ty(id) {
                Type::Ptr(to) => {
                    let is_around = matches!(btf.ty(to), Type::Array(_) | Type::FuncProto(_));
                    declarator =
                        if is_around { format!("(*{declarator})") } else { format!("*{declarator}") };
                    id = to;
                }
                Type::Array(array) => {
                    declarator = format!("{declarator}[{}]", array.len);
                    id = array.elem;
                }
                Type::FuncProto(proto) => {
                    let params = self.params(proto.params, depth / 2);
                    declarator = format!("{declarator}({params})");
                    id = proto.ret;
                }
                Type::Const(_) | Type::Volatile(_) | Type::Restrict(_) | Type::TypeTag(_) => {
                    let (text, to) = self.qualifier(id);
                    // Behind the star of a pointer, before anything else.
                    if is_pointer(btf, to) {
                        let space = if declarator.is_empty() { "" } else { " " };
                        declarator = format!("{text}{space}{declarator}");
                    } else {
                        qualifiers.push_str(&text);
                        qualifiers.push(' ');
                    }
                    id = to;
                }
                _ => return joined(&qualifiers, &self.named(id, depth / 2), &declarator),
            }
        }
        joined(&qualifiers, "…", &declarator)
    }

    fn qualifier(&self, id: TypeId) -> (String, TypeId) {
        match self.btf.ty(id) {
            Type::Const(to) => ("const".to_owned(), to),
            Type::Volatile(to) => ("volatile".to_owned(), to),
            Type::Restrict(to) => ("restrict".to_owned(), to),
            Type::TypeTag(tag) if tag.attribute => {
                (format!("__attribute__(({}))", self.btf.name(id)), tag.ty)
            }
            Type::TypeTag(tag) => (format!("type_tag({:?})", self.btf.name(id)), tag.ty),
            _ => (String::new(), id),
        }
    }

    fn params(&mut self, params: &[Param], depth: usize) -> String {
        let mut texts = Vec::new();
        for param in params {
            if self.is_enough() {
                texts.push("…".to_owned());
                break;
            }
            texts.push(match *param {
                Param::VARIADIC => "...".to_owned(),
                Param { name, ty } => self.declared(ty, self.btf.string(name).to_owned(), depth),
            });
        }
        if texts.is_empty() { "void".to_owned() } else { texts.join(", ") }
    }

    fn named(&mut self, id: TypeId, depth: usize) -> String {
        let btf = self.btf;
        let (keyword, members) = match btf.ty(id) {
            Type::Void => return "void".to_owned(),
            Type::Struct(composite) => ("struct", Some(composite.members)),
            Type::Union(composite) => ("union", Some(composite.members)),
            Type::Fwd(FwdKind::Struct) => ("struct", None),
            Type::Fwd(FwdKind::Union) => ("union", None),
            Type::Enum(_) | Type::Enum64(_) => ("enum", None),
            _ => return btf.name(id).to_owned(),
        };
        match (btf.name(id), members) {
            ("", Some(members)) if depth > 0 => {
                let mut text = format!("{keyword} {{ ");
                for member in members {
                    if self.is_enough() {
                        text.push_str("… ");
                        break;
                    }
                    let mut name = btf.string(member.name).to_owned();
                    if member.bitfield_size != 0 {
                        name.push_str(&format!(" : {}", member.bitfield_size));
                    }
                    text.push_str(&self.declared(member.ty, name, depth));
                    text.push_str("; ");
                }
                text.push('}');
                text
            }
            ("", _) => format!("{keyword} {{ … }}"),
            (name, _) => format!("{keyword} {name}"),
        }
    }

    fn is_enough(&mut self) -> bool {
        match self.parts.checked_sub(1) {
            Some(left) => self.parts = left,
            None => return true,
        }
        false
    }
}

/// Whether it is a pointer, with or without qualifiers.
fn is_pointer(btf: &Btf, mut id: TypeId) -> bool {
    for _ in 0..MAX_DEPTH {
        match btf.ty(id) {
            Type::Ptr(_) => return true,
            Type::Const(to) | Type::Volatile(to) | Type::Restrict(to) => id = to,
            Type::TypeTag(tag) => id = tag.ty,
            _ => return false,
        }
    }
    false
}

fn joined(qualifiers: &str, ty: &str, declarator: &str) -> String {
    let space = if declarator.is_empty() || declarator.starts_with('[') { "" } else { " " };
    format!("{qualifiers}{ty}{space}{declarator}")
}

#[cfg(test)]
mod tests {
    use super::spell;
    use crate::{Btf, BtfBuilder, FwdKind, IntEncoding, Param, TypeId};

    fn check(expected: &str, make: impl FnOnce(&mut BtfBuilder) -> TypeId) {
        let mut types = Btf::builder();
        let id = make(&mut types);
        assert_eq!(spell(&types.build().unwrap(), id), expected);
    }

    fn char(types: &mut BtfBuilder) -> TypeId {
        types.int("char", 1, IntEncoding::Signed)
    }

    #[test]
    fn types_are_spelled_as_c_spells_them() {
        check("void", |_| TypeId::VOID);
        check("const char *", |types| {
            let char = char(types);
            let constant = types.constant(char);
            types.ptr(constant)
        });
        check("struct s *volatile const *", |types| {
            let s = types.fwd("s", FwdKind::Struct);
            let pointer = types.ptr(s);
            let volatile = types.volatile(pointer);
            let constant = types.constant(volatile);
            types.ptr(constant)
        });
        check("char[2][3]", |types| {
            let char = char(types);
            let row = types.array_of(char, 3);
            types.array_of(row, 2)
        });
        check("char (*)[3]", |types| {
            let char = char(types);
            let row = types.array_of(char, 3);
            types.ptr(row)
        });
        check("char *(*)(const char *format, ...)", |types| {
            let char = char(types);
            let constant = types.constant(char);
            let (ret, format) = (types.ptr(char), types.ptr(constant));
            let params = [types.param("format", format), Param::VARIADIC];
            let proto = types.func_proto(ret, &params);
            types.ptr(proto)
        });
        check("char (void)", |types| {
            let char = char(types);
            types.func_proto(char, &[])
        });
        check("struct { char c; char bits : 3; union { } u; }", |types| {
            let char = char(types);
            let u = types.union("", 1, &[]);
            let bits = crate::Member { bitfield_size: 3, ..types.member("bits", char, 8) };
            let members = [types.member("c", char, 0), bits, types.member("u", u, 16)];
            types.structure("", 3, &members)
        });
    }

    #[test]
    fn what_has_no_end_is_cut() {
        let mut types = Btf::builder();
        for next in [2, 3, 1] {
            types.ptr(TypeId(next));
        }
        let params = vec![Param { name: crate::StrRef::EMPTY, ty: TypeId(5) }; 9];
        let proto = types.func_proto(TypeId(4), &params);
        types.ptr(proto);
        let btf = types.build().unwrap();
        assert!(spell(&btf, TypeId(1)).starts_with("… *"));
        assert!(spell(&btf, TypeId(5)).len() < 1 << 16);
    }
}
