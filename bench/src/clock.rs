//! CPU time, and a core to stay on: what other processes do should not show in the figures.
#![expect(unsafe_code, reason = "asks the C library for the thread's clock and affinity")]

use std::mem::{size_of, zeroed};

/// CPU time that this thread has used, in ns.
fn now() -> u64 {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> u64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `t` is a valid timespec to write to.
    let failed = unsafe { libc::clock_gettime(clock, &raw mut t) };
    assert_eq!(failed, 0, "every Linux has this clock");
    t.tv_sec.cast_unsigned() * 1_000_000_000 + t.tv_nsec.cast_unsigned()
}

/// Measures single runs; knows what the measuring itself costs.
pub(crate) struct Clock {
    overhead: u64,
}

impl Clock {
    /// Finds out the cost of reading the clock.
    pub(crate) fn new() -> Self {
        let overhead = (0..1000).map(|_| now().abs_diff(now())).min().unwrap_or(0);
        Self { overhead }
    }

    /// CPU time of one call in ns, with its result.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> (u64, T) {
        let start = now();
        let result = work();
        (now().saturating_sub(start + self.overhead), result)
    }
}

/// What a piece of work took, in ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    /// CPU time of all threads of this process, and of the child processes that it waited for.
    pub(crate) cpu: u64,
    /// Time on the wall.
    pub(crate) wall: u64,
}

impl Took {
    /// Measures a call, and gives its result.
    pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (Self, T) {
        let children = children();
        let (wall, cpu) = (read(libc::CLOCK_MONOTONIC), read(libc::CLOCK_PROCESS_CPUTIME_ID));
        let result = work();
        let cpu = read(libc::CLOCK_PROCESS_CPUTIME_ID) - cpu + self::children() - children;
        (Self { cpu, wall: read(libc::CLOCK_MONOTONIC) - wall }, result)
    }

    /// The smaller of each.
    pub(crate) fn least(self, other: Self) -> Self {
        Self { cpu: self.cpu.min(other.cpu), wall: self.wall.min(other.wall) }
    }
}

/// CPU time of child processes that have ended, in ns.
fn children() -> u64 {
    // SAFETY: a rusage is made of integers, for which zero is valid.
    let mut usage: libc::rusage = unsafe { zeroed() };
    // SAFETY: `usage` is a valid rusage to write to.
    let failed = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(failed, 0, "every Linux has RUSAGE_CHILDREN");
    let ns = |t: libc::timeval| t.tv_sec.cast_unsigned() * 1_000_000_000 + t.tv_usec.cast_unsigned() * 1000;
    ns(usage.ru_utime) + ns(usage.ru_stime)
}

/// Ties this thread to the last core it may use; the first ones tend to serve interrupts.
pub(crate) fn pin() -> Result<usize, String> {
    // SAFETY: a cpu_set_t is an array of integers, for which zero is valid.
    let mut set: libc::cpu_set_t = unsafe { zeroed() };
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: `set` is a valid cpu_set_t of that size; 0 is this thread.
    if unsafe { libc::sched_getaffinity(0, size, &raw mut set) } != 0 {
        return Err(format!("sched_getaffinity: {}", std::io::Error::last_os_error()));
    }
    let bits = 8 * size;
    // SAFETY: the index is below the number of bits of the set.
    let core =
        (0..bits).rev().find(|&core| unsafe { libc::CPU_ISSET(core, &set) }).ok_or("no core allowed")?;
    // SAFETY: as above.
    unsafe {
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(core, &mut set);
        if libc::sched_setaffinity(0, size, &raw const set) != 0 {
            return Err(format!("sched_setaffinity: {}", std::io::Error::last_os_error()));
        }
    }
    Ok(core)
}
