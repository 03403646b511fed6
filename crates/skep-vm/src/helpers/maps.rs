//! Maps.
//!
//! Those with kernel numbers behave as the kernel's helpers, also in returning pointers to values. Those from 10000 on
//! are for user-space programs and behave as commands of bpf(2): they copy, and a queue is read, filled and emptied by
//! lookup, update and lookup-and-delete. A per-CPU value is that of this CPU in both;
//! `bpf_map_lookup_percpu_elem` reaches the others.
#![expect(unsafe_code, reason = "hands a program's pointers to its maps")]

use skep_btf::maps::MapType;

use super::{Cx, TrapKind, errno, low, refuse, returned};
use crate::map::Map;
use crate::memory::Access::{Read, Write};

/// Whether the map is a queue or stack: without keys.
fn is_queue(map: &Map) -> bool {
    matches!(map.def().ty, MapType::QUEUE | MapType::STACK)
}

fn key(cx: &mut Cx<'_>, map: &Map, key: u64) -> Result<*mut u8, TrapKind> {
    cx.pointer(key, map.def().key_size.into(), Read)
}

pub(super) fn lookup(cx: &mut Cx<'_>, [map, at, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let key = key(cx, map, at)?;
    // SAFETY: `key` may be read for a key's size.
    Ok(unsafe { map.lookup_ptr(key) }.expose_provenance() as u64)
}

pub(super) fn lookup_percpu(cx: &mut Cx<'_>, [map, at, cpu, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let key = key(cx, map, at)?;
    // SAFETY: as in `lookup`.
    Ok(unsafe { map.lookup_percpu_ptr(key, low(cpu)) }.expose_provenance() as u64)
}

pub(super) fn update(cx: &mut Cx<'_>, [map, at, value, flags, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let key = key(cx, map, at)?;
    let value = cx.pointer(value, map.def().value_size.into(), Read)?;
    // SAFETY: key and value may be read for their sizes.
    returned(unsafe { map.update_ptr(key, value, flags) })
}

pub(super) fn delete(cx: &mut Cx<'_>, [map, at, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let key = key(cx, map, at)?;
    // SAFETY: as in `lookup`.
    returned(unsafe { map.delete_ptr(key) })
}

pub(super) fn push(cx: &mut Cx<'_>, [map, value, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let value = cx.pointer(value, map.def().value_size.into(), Read)?;
    // SAFETY: `value` may be read for a value's size.
    returned(unsafe { map.push_ptr(value, flags) })
}

pub(super) fn pop(cx: &mut Cx<'_>, [map, value, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let value = cx.pointer(value, map.def().value_size.into(), Write)?;
    // SAFETY: `value` may be written for a value's size.
    returned(unsafe { map.pop_ptr(value) })
}

pub(super) fn peek(cx: &mut Cx<'_>, [map, value, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let value = cx.pointer(value, map.def().value_size.into(), Write)?;
    // SAFETY: as in `pop`.
    returned(unsafe { map.peek_ptr(value) })
}

/// `map_get_next_key(map, key, next)`: the key after `key`, the first one if `key` is null.
pub(super) fn get_next_key(cx: &mut Cx<'_>, [map, after, next, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let after = if after == 0 { std::ptr::null_mut() } else { key(cx, map, after)? };
    let next = cx.pointer(next, map.def().key_size.into(), Write)?;
    // SAFETY: `after` may be read, `next` be written, for a key's size.
    returned(unsafe { map.next_key_ptr(after, next) })
}

/// `map_lookup_elem(map, key, value)`: copies the value and returns 0, or returns `-ENOENT`.
pub(super) fn lookup_copy(cx: &mut Cx<'_>, args @ [handle, _, value, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(handle)?;
    if is_queue(map) {
        return peek(cx, [handle, value, 0, 0, 0]);
    }
    if map.value_range().is_empty() {
        return refuse("map_lookup_elem", format!("map '{}' has no values that could be read", map.name()));
    }
    if !map.programs_read() {
        return Ok(errno(libc::EPERM));
    }
    let found = lookup(cx, args)?;
    if found == 0 {
        return Ok(errno(libc::ENOENT));
    }
    let size = map.def().value_size;
    let to = cx.pointer(value, size.into(), Write)?;
    let from: *const u8 = std::ptr::with_exposed_provenance(usize::try_from(found).unwrap_or(0));
    // SAFETY: the map found a value of its size there; `to` may be written for as much. They may be the same.
    unsafe { to.copy_from(from, usize::try_from(size).unwrap_or(0)) };
    Ok(0)
}

/// `map_update_elem(map, key, value, flags)`.
pub(super) fn update_any(
    cx: &mut Cx<'_>,
    args @ [handle, _, value, flags, _]: [u64; 5],
) -> Result<u64, TrapKind> {
    match is_queue(cx.map(handle)?) {
        true => push(cx, [handle, value, flags, 0, 0]),
        false => update(cx, args),
    }
}

/// `map_delete_elem(map, key)`.
pub(super) fn delete_any(cx: &mut Cx<'_>, args @ [handle, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    match is_queue(cx.map(handle)?) {
        true => Ok(errno(libc::EINVAL)),
        false => delete(cx, args),
    }
}

/// `map_lookup_and_delete_elem(map, key, value)`.
pub(super) fn lookup_and_delete(
    cx: &mut Cx<'_>,
    args @ [handle, _, value, ..]: [u64; 5],
) -> Result<u64, TrapKind> {
    if is_queue(cx.map(handle)?) {
        return pop(cx, [handle, value, 0, 0, 0]);
    }
    match lookup_copy(cx, args)? {
        0 => delete(cx, args),
        error => Ok(error),
    }
}
