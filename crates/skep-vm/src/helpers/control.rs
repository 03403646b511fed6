//! Helpers that call the program back.
#![expect(unsafe_code, reason = "lets programs read a map's key")]

use super::{Cx, TrapKind, errno, low};

/// `BPF_MAX_LOOPS`
const MAX_LOOPS: u32 = 8 << 20;

/// `bpf_loop(count, callback, ctx, flags)`: calls `callback(index, ctx)` until it returns other than 0.
pub(super) fn repeat(cx: &mut Cx<'_>, [count, callback, ctx, flags, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let count = low(count);
    if flags != 0 {
        return Ok(errno(libc::EINVAL));
    }
    if count > MAX_LOOPS {
        return Ok(errno(libc::E2BIG));
    }
    for index in 0..count {
        if cx.call(callback, [index.into(), ctx, 0, 0, 0])? != 0 {
            return Ok(u64::from(index) + 1);
        }
    }
    Ok(count.into())
}

/// `bpf_for_each_map_elem(map, callback, ctx, flags)`: calls `callback(map, key, value, ctx)` for each entry until it
/// returns other than 0.
pub(super) fn for_each_map_elem(
    cx: &mut Cx<'_>,
    [handle, callback, ctx, flags, _]: [u64; 5],
) -> Result<u64, TrapKind> {
    if flags != 0 {
        return Ok(errno(libc::EINVAL));
    }
    let map = cx.map(handle)?;
    let mut trap = None;
    let calls = map.for_each(|key, value| {
        let key_addr = key.expose_provenance() as u64;
        let value = value.expose_provenance() as u64;
        // SAFETY: the key is there until this closure returns.
        let granted = unsafe { cx.grant("the key", key_addr, map.def().key_size.into(), false) };
        let result = granted.and_then(|()| cx.call(callback, [handle, key_addr, value, ctx, 0]));
        cx.revoke(key_addr);
        match result {
            Ok(result) => result == 0,
            Err(kind) => {
                trap = Some(kind);
                false
            }
        }
    });
    match trap {
        Some(kind) => Err(kind),
        None => Ok(calls.cast_unsigned()),
    }
}
