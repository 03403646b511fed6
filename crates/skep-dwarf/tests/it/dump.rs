//! Types as text, a line each, without ids: what is unnamed is spelled out where it is used.

use skep_btf::{Btf, Type, TypeId};

/// All named types, functions and variables, in their order.
pub(crate) fn dump(btf: &Btf) -> String {
    let mut lines = String::new();
    for (id, ty) in btf.iter() {
        let name = btf.name(id);
        let line = match ty {
            _ if name.is_empty() && !matches!(ty, Type::Datasec(_)) => continue,
            Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_) => body(btf, id),
            Type::Int(_) if name == "__ARRAY_SIZE_TYPE__" => continue,
            Type::Int(int) => format!("int {name} {} {:?}", int.size, int.encoding),
            Type::Float { size } => format!("float {name} {size}"),
            Type::Fwd(kind) => format!("fwd {name} {kind:?}"),
            Type::Typedef(to) => format!("typedef {name} = {}", spell(btf, to)),
            Type::Func(func) => format!("func {name} {}", spell(btf, func.proto)),
            Type::Var(var) => format!("var {name} {} {:?}", spell(btf, var.ty), var.linkage),
            Type::DeclTag(tag) => format!("tag {name} {} {:?}", btf.name(tag.target), tag.component),
            Type::Datasec(section) => {
                let places = section.vars.iter();
                let places: Vec<String> =
                    places.map(|v| format!("{}@{}:{}", btf.name(v.var), v.offset, v.size)).collect();
                format!("section {name} {} {}", section.size, places.join(" "))
            }
            _ => continue,
        };
        lines.push_str(&line);
        lines.push('\n');
    }
    lines
}

fn body(btf: &Btf, id: TypeId) -> String {
    let name = btf.name(id);
    let space = if name.is_empty() { "" } else { " " };
    match btf.ty(id) {
        Type::Struct(composite) | Type::Union(composite) => {
            let kind = if matches!(btf.ty(id), Type::Struct(_)) { "struct" } else { "union" };
            let members: Vec<String> = composite
                .members
                .iter()
                .map(|member| {
                    let bits = if member.bitfield_size == 0 {
                        String::new()
                    } else {
                        format!(":{}", member.bitfield_size)
                    };
                    let at = match member.byte_offset() {
                        Some(at) if bits.is_empty() => at.to_string(),
                        _ => format!("{}b", member.bit_offset),
                    };
                    format!("{} {}@{at}{bits}", spell(btf, member.ty), btf.string(member.name))
                })
                .collect();
            format!("{kind}{space}{name} {} {{ {} }}", composite.size, members.join("; "))
        }
        Type::Enum(e) | Type::Enum64(e) => {
            let values: Vec<String> = e
                .values
                .iter()
                .map(|value| format!("{}={}", btf.string(value.name), e.number(value)))
                .collect();
            format!("enum{space}{name} {} {{ {} }}", e.size, values.join(" "))
        }
        _ => String::new(),
    }
}

fn spell(btf: &Btf, id: TypeId) -> String {
    let name = btf.name(id);
    match btf.ty(id) {
        Type::Void => "void".to_owned(),
        Type::Ptr(to) => format!("{}*", spell(btf, to)),
        Type::Const(to) => format!("const({})", spell(btf, to)),
        Type::Volatile(to) => format!("volatile({})", spell(btf, to)),
        Type::Restrict(to) => format!("restrict({})", spell(btf, to)),
        Type::TypeTag(tag) => format!("{name}({})", spell(btf, tag.ty)),
        Type::Array(array) => format!("{}[{}]", spell(btf, array.elem), array.len),
        Type::FuncProto(proto) => {
            let params: Vec<String> = proto
                .params
                .iter()
                .map(|param| format!("{} {}", spell(btf, param.ty), btf.string(param.name)).trim().to_owned())
                .collect();
            format!("{}({})", spell(btf, proto.ret), params.join(", "))
        }
        _ if name.is_empty() => body(btf, id),
        _ => name.to_owned(),
    }
}
