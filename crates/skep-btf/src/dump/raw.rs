//! Every record as it is encoded, in bpftool's words.

use std::io;

use crate::btf::Btf;
use crate::dump::out::Out;
use crate::types::{Enum, FwdKind, IntEncoding, Linkage, StrRef, Type, TypeId};

/// Prints the types of these ids, one after the other, byte for byte as `bpftool btf dump file ... format raw` does.
///
/// An id that the set does not have is left out.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, dump};
///
/// let mut types = Btf::builder();
/// let int = types.int("int", 4, IntEncoding::Signed);
/// types.ptr(int);
/// let btf = types.build()?;
/// let mut text = Vec::new();
/// dump::raw(&btf, btf.ids(), &mut text)?;
/// assert_eq!(
///     String::from_utf8_lossy(&text),
///     "[1] INT 'int' size=4 bits_offset=0 nr_bits=32 encoding=SIGNED\n[2] PTR '(anon)' type_id=1\n"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the text cannot be written.
pub fn raw(btf: &Btf, ids: impl IntoIterator<Item = TypeId>, to: &mut dyn io::Write) -> io::Result<()> {
    let mut raw = Raw { btf, out: Out::new(to) };
    for id in ids {
        let Some(ty) = btf.get(id) else { continue };
        let Some(kind) = ty.kind() else { continue };
        raw.out.str("[").number(id.0).str("] ").str(kind.short_name());
        raw.name(" '", btf.name_ref(id)).str("'");
        raw.ty(&ty)?;
        raw.out.str("\n").pass_on()?;
    }
    raw.out.finish()
}

/// What tools call a linkage.
pub(crate) fn linkage(linkage: Linkage) -> &'static str {
    match linkage {
        Linkage::Static => "static",
        Linkage::Global => "global",
        Linkage::Extern => "extern",
    }
}

/// What tools call an encoding.
pub(crate) fn encoding(encoding: IntEncoding) -> &'static str {
    match encoding {
        IntEncoding::Unsigned => "(none)",
        IntEncoding::Signed => "SIGNED",
        IntEncoding::Char => "CHAR",
        IntEncoding::SignedChar => "UNKN",
        IntEncoding::Bool => "BOOL",
    }
}

/// What tools call a thing without a name.
pub(crate) const ANONYMOUS: &str = "(anon)";

struct Raw<'a, 'w> {
    btf: &'a Btf,
    out: Out<'w>,
}

impl<'w> Raw<'_, 'w> {
    fn name(&mut self, before: &str, name: StrRef) -> &mut Out<'w> {
        self.out.str(before);
        match self.btf.string_bytes(name) {
            [] => self.out.str(ANONYMOUS),
            name => self.out.bytes(name),
        }
    }

    fn field(&mut self, before: &str, number: impl Into<i128>) -> &mut Self {
        self.out.str(before).number(number);
        self
    }

    fn ty(&mut self, ty: &Type<'_>) -> io::Result<()> {
        match *ty {
            Type::Void => {}
            Type::Int(int) => {
                self.field(" size=", int.size)
                    .field(" bits_offset=", int.offset)
                    .field(" nr_bits=", int.bits);
                self.out.str(" encoding=").str(encoding(int.encoding));
            }
            Type::Ptr(ty) | Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
                self.field(" type_id=", ty.0);
            }
            Type::TypeTag(tag) => {
                self.field(" type_id=", tag.ty.0);
            }
            Type::DeclTag(tag) => {
                self.field(" type_id=", tag.target.0);
                self.field(" component_idx=", tag.component.map_or(-1, i64::from));
            }
            Type::Array(array) => {
                self.field(" type_id=", array.elem.0).field(" index_type_id=", array.index.0);
                self.field(" nr_elems=", array.len);
            }
            Type::Struct(composite) | Type::Union(composite) => {
                self.field(" size=", composite.size).field(" vlen=", word(composite.members));
                for member in composite.members {
                    self.name("\n\t'", member.name);
                    self.field("' type_id=", member.ty.0).field(" bits_offset=", member.bit_offset);
                    if member.bitfield_size != 0 {
                        self.field(" bitfield_size=", member.bitfield_size);
                    }
                    self.out.pass_on()?;
                }
            }
            Type::Enum(e) => self.enumeration(&e, "")?,
            Type::Enum64(e) => self.enumeration(&e, if e.signed { "LL" } else { "ULL" })?,
            Type::Fwd(FwdKind::Struct) => {
                self.out.str(" fwd_kind=struct");
            }
            Type::Fwd(FwdKind::Union) => {
                self.out.str(" fwd_kind=union");
            }
            Type::Func(func) => {
                self.field(" type_id=", func.proto.0).out.str(" linkage=").str(linkage(func.linkage));
            }
            Type::FuncProto(proto) => {
                self.field(" ret_type_id=", proto.ret.0).field(" vlen=", word(proto.params));
                for param in proto.params {
                    self.name("\n\t'", param.name);
                    self.field("' type_id=", param.ty.0).out.pass_on()?;
                }
            }
            Type::Var(var) => {
                self.field(" type_id=", var.ty.0).out.str(", linkage=").str(linkage(var.linkage));
            }
            Type::Datasec(section) => {
                self.field(" size=", section.size).field(" vlen=", word(section.vars));
                for var in section.vars {
                    self.field("\n\ttype_id=", var.var.0).field(" offset=", var.offset);
                    self.field(" size=", var.size);
                    if let Some(kind) = self.btf.kind(var.var) {
                        self.out.str(" (").str(kind.short_name()).str(" '");
                        self.out.bytes(self.btf.string_bytes(self.btf.name_ref(var.var))).str("')");
                    }
                    self.out.pass_on()?;
                }
            }
            Type::Float { size } => {
                self.field(" size=", size);
            }
        }
        Ok(())
    }

    fn enumeration(&mut self, e: &Enum<'_>, suffix: &str) -> io::Result<()> {
        self.out.str(if e.signed { " encoding=SIGNED" } else { " encoding=UNSIGNED" });
        self.field(" size=", e.size).field(" vlen=", word(e.values));
        for value in e.values {
            self.name("\n\t'", value.name);
            self.field("' val=", e.number(value)).out.str(suffix).pass_on()?;
        }
        Ok(())
    }
}

fn word<T>(list: &[T]) -> u32 {
    crate::bytes::word(list.len())
}
