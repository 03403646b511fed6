//! Which CPU runs this thread, and how many there are.
#![expect(unsafe_code, reason = "two C functions without arguments to get wrong")]

use std::sync::OnceLock;

/// How many CPUs the machine may have: how many values an entry of a per-CPU map has. At least 1.
#[must_use]
pub fn count() -> u32 {
    static COUNT: OnceLock<u32> = OnceLock::new();
    *COUNT.get_or_init(|| {
        // SAFETY: takes a number, returns a number.
        let configured = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
        u32::try_from(configured).unwrap_or(1).max(1)
    })
}

/// The number of the CPU that runs this thread, below [`count`]; the thread may move at any time.
#[must_use]
#[inline]
pub fn current() -> u32 {
    // SAFETY: no arguments; -1 on failure.
    let cpu = unsafe { libc::sched_getcpu() };
    // CPUs may be numbered with gaps: a number past the count shares a slot rather than none.
    u32::try_from(cpu).map_or(0, |cpu| if cpu < count() { cpu } else { cpu % count() })
}
