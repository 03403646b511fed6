//! Ring buffers. A checked program may touch a record from its reservation to its submission, and nothing else of them.
//! What it has not submitted when the call into it ends is discarded.
#![expect(unsafe_code, reason = "hands a program's pointers to its maps")]

use super::dynptr::Dynptr;
use super::{Cx, TrapKind, errno, low, refuse, returned};
use crate::map::Commit;
use crate::memory::Access::Read;
use crate::unit::UnitInner;

/// `bpf_ringbuf_output(ringbuf, data, size, flags)`.
pub(super) fn output(cx: &mut Cx<'_>, [map, data, size, flags, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let data = cx.pointer(data, size, Read)?;
    // SAFETY: `data` may be read for `size` bytes.
    returned(unsafe { map.ringbuf_output(data, size, flags) })
}

/// `bpf_ringbuf_reserve(ringbuf, size, flags)`: the address of the record, or null.
pub(super) fn reserve(cx: &mut Cx<'_>, [map, size, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let map = cx.map(map)?;
    let record = map.ringbuf_reserve(size, flags).expose_provenance() as u64;
    if record != 0 {
        cx.grant_record(record, size).inspect_err(|_| {
            commit_record(cx.unit(), record, 0, Commit::Discard);
        })?;
    }
    Ok(record)
}

/// `bpf_ringbuf_submit(record, flags)`.
pub(super) fn submit(cx: &mut Cx<'_>, [record, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    commit(cx, "bpf_ringbuf_submit", record, flags, Commit::Submit)
}

/// `bpf_ringbuf_discard(record, flags)`.
pub(super) fn discard(cx: &mut Cx<'_>, [record, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    commit(cx, "bpf_ringbuf_discard", record, flags, Commit::Discard)
}

/// `bpf_ringbuf_query(ringbuf, what)`.
pub(super) fn query(cx: &mut Cx<'_>, [map, what, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    Ok(cx.map(map)?.ringbuf_query(what))
}

/// `bpf_ringbuf_reserve_dynptr(ringbuf, size, flags, dynptr)`. Without room, the dynptr is null and has still to be
/// submitted or discarded.
pub(super) fn reserve_dynptr(cx: &mut Cx<'_>, [map, size, flags, at, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = low(size);
    let (dynptr, code) = if flags != 0 {
        (Dynptr::default(), errno(libc::EINVAL))
    } else if size > super::dynptr::MAX_SIZE {
        (Dynptr::default(), errno(libc::E2BIG))
    } else {
        match reserve(cx, [map, size.into(), 0, 0, 0])? {
            0 => (Dynptr::default(), errno(libc::EINVAL)),
            addr => (Dynptr { addr, size }, 0),
        }
    };
    dynptr.store(cx, at)?;
    Ok(code)
}

/// `bpf_ringbuf_submit_dynptr(dynptr, flags)`.
pub(super) fn submit_dynptr(cx: &mut Cx<'_>, [at, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    commit_dynptr(cx, at, submit, flags)
}

/// `bpf_ringbuf_discard_dynptr(dynptr, flags)`.
pub(super) fn discard_dynptr(cx: &mut Cx<'_>, [at, flags, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    commit_dynptr(cx, at, discard, flags)
}

fn commit_dynptr(cx: &mut Cx<'_>, at: u64, commit: crate::HelperFn, flags: u64) -> Result<u64, TrapKind> {
    let dynptr = Dynptr::load(cx, at)?;
    if dynptr.addr != 0 {
        commit(cx, [dynptr.addr, flags, 0, 0, 0])?;
    }
    Dynptr::default().store(cx, at)?;
    Ok(0)
}

fn commit(cx: &mut Cx<'_>, helper: &str, record: u64, flags: u64, commit: Commit) -> Result<u64, TrapKind> {
    if !commit_record(cx.unit(), record, flags, commit) {
        return refuse(
            helper,
            format!("{record:#x} is no record that has been reserved and not yet submitted"),
        );
    }
    cx.revoke_record(record);
    Ok(0)
}

/// Ends the writing of a record; false if there is none.
pub(crate) fn commit_record(unit: &UnitInner, record: u64, flags: u64, commit: Commit) -> bool {
    let addr = usize::try_from(record).unwrap_or(0);
    let sample: *const u8 = std::ptr::with_exposed_provenance(addr);
    let map = unit.maps.iter().find(|map| map.value_range().contains(&addr));
    map.is_some_and(|map| map.ringbuf_commit(sample, flags, commit) == 0)
}
