//! Output through the C library's streams, so that what programs print by it and by helpers keeps its order.
#![expect(unsafe_code, reason = "calls C's stdio")]

use std::ffi::{CStr, c_char, c_int};

use libc::FILE;

unsafe extern "C" {
    static stdout: *mut FILE;
    static stderr: *mut FILE;
}

/// Writes out what the C library still holds back, so that output by other ways comes after it.
pub fn flush() {
    // SAFETY: null stands for all streams.
    unsafe { libc::fflush(std::ptr::null_mut()) };
}

/// Writes to the standard output. Returns how many bytes were taken.
pub(super) fn write_out(bytes: &[u8]) -> usize {
    // SAFETY: the C library's variable is set before `main`, and not changed by us.
    write(unsafe { stdout }, bytes)
}

/// Writes to the standard error stream. Returns how many bytes were taken.
pub(super) fn write_err(bytes: &[u8]) -> usize {
    // SAFETY: as in `write_out`.
    write(unsafe { stderr }, bytes)
}

fn write(stream: *mut FILE, bytes: &[u8]) -> usize {
    // SAFETY: the stream is one of the C library, and the slice is readable.
    unsafe { libc::fwrite(bytes.as_ptr().cast(), 1, bytes.len(), stream) }
}

/// C's `printf` with arguments of 64 bits each; `None` where the layout of the machine's `va_list` is not known here.
///
/// # Safety
/// The format must not use more than `args`, and strings where it says so.
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    )),
    expect(unused_variables, reason = "there is no call")
)]
pub(super) unsafe fn print(format: &CStr, args: &[u64]) -> Option<i32> {
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    ))]
    {
        let mut list = VaList::new(args);
        // SAFETY: the list lies on our stack during the call, its words are `args`; the caller vouches for the format.
        Some(unsafe { vprintf(format.as_ptr(), list.as_argument()) })
    }
    #[cfg(not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    )))]
    None
}

unsafe extern "C" {
    #[cfg(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "riscv64",
        target_arch = "loongarch64"
    ))]
    fn vprintf(format: *const c_char, args: *const std::ffi::c_void) -> c_int;
}

/// A `va_list` of the System V ABI whose register areas are used up: all arguments are "on the stack".
#[cfg(target_arch = "x86_64")]
#[repr(C)]
struct VaList {
    gp_offset: u32,
    fp_offset: u32,
    overflow: *const u64,
    registers: *const u64,
}

#[cfg(target_arch = "x86_64")]
impl VaList {
    fn new(args: &[u64]) -> VaList {
        VaList { gp_offset: 48, fp_offset: 176, overflow: args.as_ptr(), registers: std::ptr::null() }
    }

    fn as_argument(&mut self) -> *const std::ffi::c_void {
        (&raw mut *self).cast()
    }
}

/// A `va_list` of AAPCS64 whose register areas are used up.
#[cfg(all(target_arch = "aarch64", not(target_vendor = "apple")))]
#[repr(C)]
struct VaList {
    stack: *const u64,
    general_top: *const u64,
    vector_top: *const u64,
    general_offset: i32,
    vector_offset: i32,
}

#[cfg(all(target_arch = "aarch64", not(target_vendor = "apple")))]
impl VaList {
    fn new(args: &[u64]) -> VaList {
        let none = std::ptr::null();
        VaList {
            stack: args.as_ptr(),
            general_top: none,
            vector_top: none,
            general_offset: 0,
            vector_offset: 0,
        }
    }

    fn as_argument(&mut self) -> *const std::ffi::c_void {
        (&raw mut *self).cast()
    }
}

/// A `va_list` that is a pointer to the words.
#[cfg(any(
    target_arch = "riscv64",
    target_arch = "loongarch64",
    all(target_arch = "aarch64", target_vendor = "apple")
))]
struct VaList(*const u64);

#[cfg(any(
    target_arch = "riscv64",
    target_arch = "loongarch64",
    all(target_arch = "aarch64", target_vendor = "apple")
))]
impl VaList {
    fn new(args: &[u64]) -> VaList {
        VaList(args.as_ptr())
    }

    fn as_argument(&mut self) -> *const std::ffi::c_void {
        self.0.cast()
    }
}
