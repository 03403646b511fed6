//! Trusted programs that crash: what is said before the process ends.
#![expect(unsafe_code, reason = "installs a signal handler")]

use std::ffi::{c_int, c_void};
use std::io::Write;
use std::ptr;

/// Ends the process with a message and code 1 where a program touches memory that is not there.
pub(crate) fn explain() {
    /// Bytes of the stack that the handler runs on: the program's may be what is full.
    const STACK: usize = 64 << 10;
    let memory = Box::leak(vec![0u8; STACK].into_boxed_slice());
    let stack = libc::stack_t { ss_sp: memory.as_mut_ptr().cast(), ss_flags: 0, ss_size: STACK };
    // SAFETY: the stack lives as long as the process, and the handler has the signature that SA_SIGINFO asks for.
    unsafe {
        libc::sigaltstack(&raw const stack, ptr::null_mut());
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction =
            (handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void)) as libc::sighandler_t;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
        for signal in [libc::SIGSEGV, libc::SIGBUS] {
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}

extern "C" fn handle(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    let mut line = [0u8; 160];
    let mut rest = &mut line[..];
    // SAFETY: the kernel passes a valid `info`; the calls are allowed in a handler, but for `fflush`: should it wait for
    // what the crash has left locked, the alarm ends the process.
    unsafe {
        let addr = (*info).si_addr().addr();
        let _ = writeln!(
            rest,
            "skep: the program crashed: it touched {addr:#x}, where it has no memory; --checked tells where"
        );
        let unused = rest.len();
        libc::alarm(2);
        libc::fflush(ptr::null_mut());
        libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len() - unused);
        libc::_exit(1);
    }
}
