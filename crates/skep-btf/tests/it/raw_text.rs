//! A set of types in the words of `bpftool btf dump ... format raw`, which judges the parser.

use std::fmt::Write;

use skep_btf::{Btf, Enum, FwdKind, IntEncoding, Linkage, Type};

pub(crate) fn dump(btf: &Btf) -> String {
    let mut out = String::new();
    for (id, ty) in btf.iter() {
        let kind = ty.kind().unwrap();
        write!(out, "{id} {} '{}'", kind.short_name(), or_anon(btf.name(id))).unwrap();
        rest(btf, &ty, &mut out).unwrap();
        out.push('\n');
    }
    out
}

fn or_anon(name: &str) -> &str {
    if name.is_empty() { "(anon)" } else { name }
}

fn rest(btf: &Btf, ty: &Type<'_>, out: &mut String) -> std::fmt::Result {
    match *ty {
        Type::Void => {}
        Type::Int(int) => {
            let encoding = match int.encoding {
                IntEncoding::Unsigned => "(none)",
                IntEncoding::Signed => "SIGNED",
                IntEncoding::Char => "CHAR",
                IntEncoding::SignedChar => "UNKN",
                IntEncoding::Bool => "BOOL",
            };
            let (size, offset, bits) = (int.size, int.offset, int.bits);
            write!(out, " size={size} bits_offset={offset} nr_bits={bits} encoding={encoding}")?;
        }
        Type::Ptr(ty) | Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
            write!(out, " type_id={}", ty.0)?;
        }
        Type::TypeTag(tag) => write!(out, " type_id={}", tag.ty.0)?,
        Type::DeclTag(tag) => {
            let component = tag.component.map_or(-1, i64::from);
            write!(out, " type_id={} component_idx={component}", tag.target.0)?;
        }
        Type::Array(a) => {
            write!(out, " type_id={} index_type_id={} nr_elems={}", a.elem.0, a.index.0, a.len)?;
        }
        Type::Struct(composite) | Type::Union(composite) => {
            write!(out, " size={} vlen={}", composite.size, composite.members.len())?;
            for member in composite.members {
                let name = or_anon(btf.string(member.name));
                write!(out, "\n\t'{name}' type_id={} bits_offset={}", member.ty.0, member.bit_offset)?;
                if member.bitfield_size != 0 {
                    write!(out, " bitfield_size={}", member.bitfield_size)?;
                }
            }
        }
        Type::Enum(e) => enumeration(btf, &e, "", out)?,
        Type::Enum64(e) => enumeration(btf, &e, if e.signed { "LL" } else { "ULL" }, out)?,
        Type::Fwd(FwdKind::Struct) => write!(out, " fwd_kind=struct")?,
        Type::Fwd(FwdKind::Union) => write!(out, " fwd_kind=union")?,
        Type::Func(func) => {
            let linkage = match func.linkage {
                Linkage::Static => "static",
                Linkage::Global => "global",
                Linkage::Extern => "extern",
            };
            write!(out, " type_id={} linkage={linkage}", func.proto.0)?;
        }
        Type::FuncProto(proto) => {
            write!(out, " ret_type_id={} vlen={}", proto.ret.0, proto.params.len())?;
            for param in proto.params {
                write!(out, "\n\t'{}' type_id={}", or_anon(btf.string(param.name)), param.ty.0)?;
            }
        }
        Type::Var(var) => {
            let linkage = match var.linkage {
                Linkage::Static => "static",
                Linkage::Global => "global",
                Linkage::Extern => "extern",
            };
            write!(out, " type_id={}, linkage={linkage}", var.ty.0)?;
        }
        Type::Datasec(section) => {
            write!(out, " size={} vlen={}", section.size, section.vars.len())?;
            for var in section.vars {
                write!(out, "\n\ttype_id={} offset={} size={}", var.var.0, var.offset, var.size)?;
                let kind = btf.kind(var.var).unwrap().short_name();
                write!(out, " ({kind} '{}')", btf.name(var.var))?;
            }
        }
        Type::Float { size } => write!(out, " size={size}")?,
    }
    Ok(())
}

fn enumeration(btf: &Btf, e: &Enum<'_>, suffix: &str, out: &mut String) -> std::fmt::Result {
    let encoding = if e.signed { "SIGNED" } else { "UNSIGNED" };
    write!(out, " encoding={encoding} size={} vlen={}", e.size, e.values.len())?;
    for value in e.values {
        write!(out, "\n\t'{}' val={}{suffix}", btf.string(value.name), e.number(value))?;
    }
    Ok(())
}
