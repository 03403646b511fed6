//! Signatures from the types of a program.

use skep_btf::{Btf, FuncProto, IntEncoding, Type, TypeId};

use super::signature::{MAX_PARAMS, Param, Signature, Value};

/// The signature of a FUNC; `None` if it was declared without a prototype. An error says what cannot be passed.
pub(super) fn signature(btf: &Btf, func: TypeId) -> Result<Option<Signature>, String> {
    let Type::Func(func) = btf.ty(func) else { return Ok(None) };
    let Type::FuncProto(proto) = btf.ty(func.proto) else { return Ok(None) };
    let fixed = if proto.is_variadic() { &proto.params[..proto.params.len() - 1] } else { proto.params };
    if fixed.is_empty() {
        // `int f()` and `int f(void)` look alike here; passing five registers serves both.
        return result(btf, proto).map(|value| Some(Signature::RAW.returns(value)));
    }
    if fixed.len() > MAX_PARAMS {
        return Err(format!(
            "its prototype has {} parameters, and a BPF call passes five at most",
            fixed.len()
        ));
    }
    let mut signature = Signature::new().returns(result(btf, proto)?);
    for (index, param) in fixed.iter().enumerate() {
        let param = parameter(btf, param.ty).map_err(|what| {
            format!("parameter {} of its prototype is {what}, which BPF cannot pass to C", index + 1)
        })?;
        signature = signature.param(param);
    }
    Ok(Some(if proto.is_variadic() { signature.variadic() } else { signature }))
}

fn result(btf: &Btf, proto: FuncProto<'_>) -> Result<Value, String> {
    if proto.ret.is_void() {
        return Ok(Value::Void);
    }
    match parameter(btf, proto.ret) {
        Ok(Param::Int(value)) => Ok(value),
        Ok(_) => Ok(Value::Ptr),
        // `const void`, or a typedef of void.
        Err(_) if matches!(btf.resolved(proto.ret), Type::Void) => Ok(Value::Void),
        Err(what) => Err(format!("the result of its prototype is {what}, which C cannot return to BPF")),
    }
}

fn parameter(btf: &Btf, ty: TypeId) -> Result<Param, String> {
    let named = |kind: &str| format!("{kind} '{}'", btf.name(btf.resolve(ty).unwrap_or(ty)));
    let of_size =
        |size, signed| Value::int(size, signed).ok_or_else(|| format!("an integer of {size} bytes"));
    Ok(match btf.resolved(ty) {
        Type::Int(int) if int.encoding == IntEncoding::Bool && int.size == 1 => Param::Int(Value::Bool),
        // `char` is signed in BPF.
        Type::Int(int) => {
            Param::Int(of_size(int.size, matches!(int.encoding, IntEncoding::Signed | IntEncoding::Char))?)
        }
        Type::Enum(e) | Type::Enum64(e) => Param::Int(of_size(e.size, e.signed)?),
        Type::Ptr(to) => match btf.resolved(to) {
            Type::FuncProto(_) => Param::Func,
            _ => Param::OPAQUE,
        },
        Type::Float { size } => return Err(format!("a floating-point number of {size} bytes")),
        Type::Struct(_) => return Err(named("struct")),
        Type::Union(_) => return Err(named("union")),
        Type::Fwd(_) => return Err(named("incomplete type")),
        Type::Void => return Err("void".to_owned()),
        _ => return Err("no value".to_owned()),
    })
}
