//! Types, judged by the kernel.

#![expect(unsafe_code, reason = "there is no safe way to call bpf(2)")]

use std::io;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};

use skep_btf::{Btf, Endian};

use crate::clang::add_all;
use crate::tools::skip;
use crate::values;

/// `BPF_BTF_LOAD`
const COMMAND: i32 = 18;

/// What the command takes.
#[repr(C)]
struct Attr {
    btf: u64,
    log: u64,
    btf_size: u32,
    log_size: u32,
    log_level: u32,
}

/// What the kernel says of the types.
fn load(btf: &[u8], log: &mut [u8]) -> io::Result<OwnedFd> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
    let attr = Attr {
        btf: u64::try_from(btf.as_ptr().expose_provenance()).unwrap(),
        log: u64::try_from(log.as_mut_ptr().expose_provenance()).unwrap(),
        btf_size: size(btf),
        log_size: size(log),
        log_level: 1,
    };
    // SAFETY: the kernel reads the attributes and the types, and writes no further than the log is long.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, COMMAND, &raw const attr, size_of::<Attr>()) };
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just opened it, and nobody else knows of it.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

#[test]
fn the_kernel_takes_derived_types() {
    let mut types = Btf::builder();
    add_all(&mut types);
    values::add_all(&mut types);
    let btf = types.build().unwrap();
    let mut log = vec![0; 1 << 20];
    let endian = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
    if let Err(error) = load(&btf.to_bytes(endian), &mut log) {
        if error.raw_os_error() == Some(libc::EPERM) {
            return skip("loading types takes CAP_BPF");
        }
        panic!("{error}\n{}", String::from_utf8_lossy(&log).trim_end_matches('\0'));
    }
}
