//! What a checked program may pass to a host function.

use super::signature::{Extent, Param, Signature};
use crate::cx::Cx;
use crate::error::TrapKind;
use crate::memory::Access;

/// Checks arguments, which are extended already, against the signature.
pub(super) fn arguments(
    cx: &mut Cx<'_>,
    name: &str,
    signature: &Signature,
    args: &[u64; 5],
) -> Result<(), TrapKind> {
    for (index, param) in signature.params().iter().enumerate() {
        let value = args[index];
        let refuse = |reason: String| TrapKind::callee(name, format!("argument {}: {reason}", index + 1));
        match *param {
            Param::Int(_) | Param::Handle => {}
            Param::Func => {
                return Err(refuse(match cx.func_name(value) {
                    Some(func) => super::function::no_native_code(func),
                    None => format!("{value:#x} is no function that a checked program may pass"),
                }));
            }
            Param::Pointer { nullable: true, .. } if value == 0 => {}
            Param::Pointer { extent: Extent::Unknown, nullable, .. } => {
                let rest = if nullable { ", but null" } else { "" };
                return Err(refuse(format!(
                    "how much memory the function uses there is not declared, so a checked program may pass nothing{rest}"
                )));
            }
            Param::Pointer { extent: Extent::CStr, .. } => {
                cx.c_str_len(value, usize::MAX).map_err(|trap| refuse(format!("no C string: {trap}")))?;
            }
            Param::Pointer { access, extent, .. } => {
                let arg = |at: u8| args[usize::from(at)];
                let bytes = match extent {
                    Extent::Bytes(bytes) => Some(bytes),
                    Extent::Arg(at) => Some(arg(at)),
                    Extent::Elements { count, size } => arg(count).checked_mul(size),
                    Extent::Product(a, b) => arg(a).checked_mul(arg(b)),
                    Extent::CStr | Extent::Unknown => None,
                };
                if value == 0 {
                    return Err(refuse("null, expected an address".to_owned()));
                }
                let bytes = bytes.ok_or_else(|| refuse("its length exceeds 64 bits".to_owned()))?;
                memory(cx, value, bytes, access).map_err(|trap| refuse(trap.to_string()))?;
            }
        }
    }
    Ok(())
}

fn memory(cx: &mut Cx<'_>, addr: u64, bytes: u64, access: Access) -> Result<(), TrapKind> {
    if bytes == 0 { Ok(()) } else { cx.pointer(addr, bytes, access).map(drop) }
}
