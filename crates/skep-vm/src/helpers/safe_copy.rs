//! Copies to and from addresses of this process that may not be there, without a signal.
#![expect(unsafe_code, reason = "lets the kernel do the copying")]

use std::fs::File;
use std::os::unix::fs::FileExt;

use libc::{c_void, iovec};

/// Reads up to `len` bytes at `addr`. Returns how many: fewer where memory ends.
///
/// # Safety
/// `to` must be writable for `len` bytes.
pub(crate) unsafe fn read(addr: u64, to: *mut u8, len: usize) -> usize {
    let (local, remote) = (part(to.cast(), len), part(remote(addr), len));
    // SAFETY: the kernel checks the remote side, the caller vouches for the local one.
    let done =
        unsafe { libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(done).unwrap_or_else(|_| {
        if !is_forbidden() {
            return 0;
        }
        // SAFETY: the caller vouches for it.
        let to = unsafe { std::slice::from_raw_parts_mut(to, len) };
        File::open("/proc/self/mem").and_then(|memory| memory.read_at(to, addr)).unwrap_or(0)
    })
}

/// Writes up to `len` bytes to `addr`. Returns how many.
///
/// # Safety
/// `from` must be readable for `len` bytes, and what is overwritten not be of use to anybody but programs.
pub(super) unsafe fn write(addr: u64, from: *mut u8, len: usize) -> usize {
    let (local, remote) = (part(from.cast(), len), part(remote(addr), len));
    // SAFETY: the kernel checks that the remote side may be written, the caller vouches for the rest.
    let done =
        unsafe { libc::process_vm_writev(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(done).unwrap_or(0)
}

fn part(base: *mut c_void, len: usize) -> iovec {
    iovec { iov_base: base, iov_len: len }
}

fn remote(addr: u64) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(usize::try_from(addr).unwrap_or(0))
}

/// Whether the last call failed because a sandbox does not know it, rather than for the address.
fn is_forbidden() -> bool {
    let error = std::io::Error::last_os_error().raw_os_error();
    matches!(error, Some(libc::EPERM | libc::ENOSYS))
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn bad_addresses_are_told() {
        let (mut from, mut to) = (*b"hello", [0_u8; 5]);
        let addr = |bytes: &[u8]| bytes.as_ptr().expose_provenance() as u64;
        // SAFETY: the local side is as long as said, and the remote one ours.
        unsafe {
            assert_eq!(read(addr(&from), to.as_mut_ptr(), 5), 5);
            assert_eq!(&to, b"hello");
            for bad in [0, 8, 1 << 63, u64::MAX - 3] {
                assert_eq!(read(bad, to.as_mut_ptr(), 5), 0, "{bad:#x}");
                assert_eq!(write(bad, to.as_mut_ptr(), 5), 0, "{bad:#x}");
            }
            assert_eq!(write(addr(&to), b"world".to_vec().as_mut_ptr(), 5), 5);
        }
        assert_eq!(std::hint::black_box(&mut to), b"world");
        std::hint::black_box(&mut from);
    }
}
