//! Who and where the program is, and random numbers.
#![expect(unsafe_code, reason = "asks the C library about this thread")]

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

use super::{Cx, TrapKind, errno, low};
use crate::map::cpu as cpus;
use crate::memory::Access;

pub(super) fn pid_tgid(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    // SAFETY: takes nothing, returns a number.
    let tid = unsafe { libc::gettid() };
    Ok(u64::from(std::process::id()) << 32 | u64::from(tid.cast_unsigned()))
}

pub(super) fn uid_gid(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    // SAFETY: they take nothing and return numbers.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    Ok(u64::from(gid) << 32 | u64::from(uid))
}

/// `bpf_get_current_comm(buf, size)`: the name of the thread, cut and padded to `size`, always with a NUL.
pub(super) fn comm(cx: &mut Cx<'_>, [buf, size, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = u64::from(low(size));
    if size == 0 {
        return Ok(errno(libc::EINVAL));
    }
    let mut name = [0_u8; 16];
    // SAFETY: PR_GET_NAME writes 16 bytes at most, a NUL among them.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    let to = cx.pointer(buf, size, Access::Write)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let copied = name.iter().position(|byte| *byte == 0).unwrap_or(15).min(size - 1);
    // SAFETY: `to` may be written for `size` bytes.
    unsafe {
        to.write_bytes(0, size);
        to.copy_from(name.as_ptr(), copied);
    }
    Ok(0)
}

pub(super) fn cpu(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    Ok(cpus::current().into())
}

pub(super) fn possible_cpus(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    Ok(cpus::count().into())
}

pub(super) fn numa_node(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    let mut node: libc::c_uint = 0;
    let cpu: *mut libc::c_uint = std::ptr::null_mut();
    // SAFETY: writes one number; null stands for "not wanted".
    unsafe { libc::syscall(libc::SYS_getcpu, cpu, &raw mut node, cpu) };
    Ok(node.into())
}

/// `bpf_get_prandom_u32()`: xorshift64*, seeded by the system for each thread.
pub(super) fn random(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish() | 1);
    }
    let mut state = STATE.get();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    STATE.set(state);
    Ok(state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32)
}
