//! Every record as it is encoded, for programs: bpftool's JSON.

use std::io;

use crate::btf::Btf;
use crate::dump::out::Out;
use crate::dump::raw::{ANONYMOUS, encoding, linkage};
use crate::types::{Enum, FwdKind, StrRef, Type, TypeId};

/// Prints the types of these ids as one line of JSON: `{"types":[{"id":1,"kind":"INT",...},...]}`, with the keys that
/// `bpftool --json btf dump` has.
///
/// An id that the set does not have is left out; bytes of names that are not UTF-8 are `?`.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, dump};
///
/// let mut types = Btf::builder();
/// let int = types.int("int", 4, IntEncoding::Signed);
/// let btf = types.build()?;
/// let mut text = Vec::new();
/// dump::json(&btf, [int], &mut text)?;
/// assert_eq!(
///     String::from_utf8_lossy(&text).trim_end(),
///     r#"{"types":[{"id":1,"kind":"INT","name":"int","size":4,"bits_offset":0,"nr_bits":32,"encoding":"SIGNED"}]}"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the text cannot be written.
pub fn json(btf: &Btf, ids: impl IntoIterator<Item = TypeId>, to: &mut dyn io::Write) -> io::Result<()> {
    let mut json = Json { btf, out: Out::new(to) };
    json.out.str("{\"types\":[");
    let mut separator = "";
    for id in ids {
        let Some(ty) = btf.get(id) else { continue };
        let Some(kind) = ty.kind() else { continue };
        json.out.str(separator);
        separator = ",";
        json.number("{\"id\":", id.0).word(",\"kind\":", kind.short_name());
        json.name(",\"name\":", btf.name_ref(id));
        json.ty(&ty)?;
        json.out.str("}").pass_on()?;
    }
    json.out.str("]}\n");
    json.out.finish()
}

struct Json<'a, 'w> {
    btf: &'a Btf,
    out: Out<'w>,
}

impl Json<'_, '_> {
    fn number(&mut self, before: &str, number: impl Into<i128>) -> &mut Self {
        self.out.str(before).number(number);
        self
    }

    /// A text without characters that JSON escapes.
    fn word(&mut self, before: &str, word: &str) -> &mut Self {
        self.out.str(before).str("\"").str(word).str("\"");
        self
    }

    fn name(&mut self, before: &str, name: StrRef) -> &mut Self {
        let name = self.btf.string(name);
        if name.is_empty() {
            return self.word(before, ANONYMOUS);
        }
        self.out.str(before).str("\"");
        let mut rest = name;
        while let Some(at) = rest.find(|c: char| c < ' ' || c == '"' || c == '\\') {
            self.out.str(&rest[..at]);
            let c = rest.as_bytes()[at];
            match c {
                b'"' => self.out.str("\\\""),
                b'\\' => self.out.str("\\\\"),
                _ => self.out.str(&format!("\\u{c:04x}")),
            };
            rest = &rest[at + 1..];
        }
        self.out.str(rest).str("\"");
        self
    }

    /// Elements with a separator between them, in brackets.
    fn list<T>(&mut self, key: &str, list: &[T], mut element: impl FnMut(&mut Self, &T)) -> io::Result<()> {
        self.number(",\"vlen\":", crate::bytes::word(list.len())).out.str(key).str("[");
        for (i, item) in list.iter().enumerate() {
            self.out.str(if i == 0 { "{" } else { ",{" });
            element(self, item);
            self.out.str("}").pass_on()?;
        }
        self.out.str("]");
        Ok(())
    }

    fn ty(&mut self, ty: &Type<'_>) -> io::Result<()> {
        match *ty {
            Type::Void => {}
            Type::Int(int) => {
                self.number(",\"size\":", int.size).number(",\"bits_offset\":", int.offset);
                self.number(",\"nr_bits\":", int.bits).word(",\"encoding\":", encoding(int.encoding));
            }
            Type::Ptr(ty) | Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
                self.number(",\"type_id\":", ty.0);
            }
            Type::TypeTag(tag) => {
                self.number(",\"type_id\":", tag.ty.0);
            }
            Type::DeclTag(tag) => {
                self.number(",\"type_id\":", tag.target.0);
                self.number(",\"component_idx\":", tag.component.map_or(-1, i64::from));
            }
            Type::Array(array) => {
                self.number(",\"type_id\":", array.elem.0).number(",\"index_type_id\":", array.index.0);
                self.number(",\"nr_elems\":", array.len);
            }
            Type::Struct(composite) | Type::Union(composite) => {
                self.number(",\"size\":", composite.size);
                self.list(",\"members\":", composite.members, |json, member| {
                    json.name("\"name\":", member.name).number(",\"type_id\":", member.ty.0);
                    json.number(",\"bits_offset\":", member.bit_offset);
                    if member.bitfield_size != 0 {
                        json.number(",\"bitfield_size\":", member.bitfield_size);
                    }
                })?;
            }
            Type::Enum(e) | Type::Enum64(e) => self.enumeration(&e)?,
            Type::Fwd(FwdKind::Struct) => {
                self.word(",\"fwd_kind\":", "struct");
            }
            Type::Fwd(FwdKind::Union) => {
                self.word(",\"fwd_kind\":", "union");
            }
            Type::Func(func) => {
                self.number(",\"type_id\":", func.proto.0).word(",\"linkage\":", linkage(func.linkage));
            }
            Type::FuncProto(proto) => {
                self.number(",\"ret_type_id\":", proto.ret.0);
                self.list(",\"params\":", proto.params, |json, param| {
                    json.name("\"name\":", param.name).number(",\"type_id\":", param.ty.0);
                })?;
            }
            Type::Var(var) => {
                self.number(",\"type_id\":", var.ty.0).word(",\"linkage\":", linkage(var.linkage));
            }
            Type::Datasec(section) => {
                self.number(",\"size\":", section.size);
                self.list(",\"vars\":", section.vars, |json, var| {
                    json.number("\"type_id\":", var.var.0).number(",\"offset\":", var.offset);
                    json.number(",\"size\":", var.size);
                })?;
            }
            Type::Float { size } => {
                self.number(",\"size\":", size);
            }
        }
        Ok(())
    }

    fn enumeration(&mut self, e: &Enum<'_>) -> io::Result<()> {
        self.word(",\"encoding\":", if e.signed { "SIGNED" } else { "UNSIGNED" });
        self.number(",\"size\":", e.size);
        self.list(",\"values\":", e.values, |json, value| {
            json.name("\"name\":", value.name).number(",\"val\":", e.number(value));
        })
    }
}
