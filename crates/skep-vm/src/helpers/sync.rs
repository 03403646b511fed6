//! Locks and atomic exchange.
#![expect(unsafe_code, reason = "atomic accesses through a program's pointers")]

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Cx, TrapKind, refuse};
use crate::memory::Access::Write;

/// How long a lock may be held before its next user gives up: its holder has most likely ended without unlocking.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a lock is waited for before its holder is looked at.
const BEFORE_DOUBT: Duration = Duration::from_millis(1);

fn word<'a>(cx: &mut Cx<'_>, addr: u64) -> Result<&'a AtomicU32, TrapKind> {
    if !addr.is_multiple_of(4) {
        return Err(TrapKind::Unaligned { addr, len: 4 });
    }
    let word = cx.pointer(addr, 4, Write)?.cast::<u32>();
    // SAFETY: four aligned bytes that the program may write; used only within the helper.
    Ok(unsafe { AtomicU32::from_ptr(word) })
}

/// What stands in the lock while this thread holds it.
fn me() -> u32 {
    // SAFETY: takes nothing, returns a number.
    unsafe { libc::gettid() }.cast_unsigned()
}

/// Whether this process has a thread of that number.
fn is_thread(number: u32) -> bool {
    // SAFETY: signal 0 is none; the kernel only says whether it could be sent.
    let answer = unsafe { libc::syscall(libc::SYS_tgkill, std::process::id(), number, 0) };
    answer == 0
}

/// `bpf_spin_lock(lock)`.
pub(super) fn spin_lock(cx: &mut Cx<'_>, [lock, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let word = word(cx, lock)?;
    let mut since: Option<Instant> = None;
    loop {
        match word.compare_exchange_weak(0, me(), Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Ok(0),
            Err(holder) if holder == me() => {
                return refuse(
                    "bpf_spin_lock",
                    format!("the lock at {lock:#x} is held by this thread already"),
                );
            }
            Err(holder) => {
                let waited = since.get_or_insert_with(Instant::now).elapsed();
                if waited > BEFORE_DOUBT && !is_thread(holder) {
                    return refuse(
                        "bpf_spin_lock",
                        format!(
                            "the lock at {lock:#x} holds {holder:#x}, which is no thread that could release it"
                        ),
                    );
                }
                if waited > PATIENCE {
                    let seconds = PATIENCE.as_secs();
                    return refuse(
                        "bpf_spin_lock",
                        format!("the lock at {lock:#x} has been held for {seconds} s, by thread {holder}"),
                    );
                }
                if cx.stopped() {
                    return Err(TrapKind::Stopped);
                }
                std::thread::yield_now();
            }
        }
    }
}

/// `bpf_spin_unlock(lock)`.
pub(super) fn spin_unlock(cx: &mut Cx<'_>, [lock, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let word = word(cx, lock)?;
    if word.compare_exchange(me(), 0, Ordering::Release, Ordering::Relaxed).is_err() {
        return refuse("bpf_spin_unlock", format!("the lock at {lock:#x} is not held by this thread"));
    }
    Ok(0)
}

/// `bpf_kptr_xchg(at, new)`: returns the pointer that was there.
pub(super) fn kptr_xchg(cx: &mut Cx<'_>, [at, new, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    if !at.is_multiple_of(8) {
        return Err(TrapKind::Unaligned { addr: at, len: 8 });
    }
    let word = cx.pointer(at, 8, Write)?.cast::<u64>();
    // SAFETY: eight aligned bytes that the program may write.
    Ok(unsafe { AtomicU64::from_ptr(word) }.swap(new, Ordering::SeqCst))
}
