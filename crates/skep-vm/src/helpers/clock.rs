//! Time.
#![expect(unsafe_code, reason = "asks the C library for the time")]

use super::{Cx, TrapKind};

/// Ticks of [`jiffies`] in a second, the kernel's `USER_HZ`: its own rate is not told to user space.
const JIFFIES_HZ: u64 = 100;

pub(super) fn monotonic(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    now(libc::CLOCK_MONOTONIC)
}

pub(super) fn boot(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    now(libc::CLOCK_BOOTTIME)
}

pub(super) fn coarse(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    now(libc::CLOCK_MONOTONIC_COARSE)
}

pub(super) fn tai(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    now(libc::CLOCK_TAI)
}

pub(super) fn jiffies(_cx: &mut Cx<'_>, _args: [u64; 5]) -> Result<u64, TrapKind> {
    Ok(now(libc::CLOCK_MONOTONIC)? / (1_000_000_000 / JIFFIES_HZ))
}

/// Nanoseconds.
fn now(clock: libc::clockid_t) -> Result<u64, TrapKind> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the struct, which is ours.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    Ok(time.tv_sec.cast_unsigned().wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec.cast_unsigned()))
}
