//! Whether the kernel of this machine takes types.
#![expect(unsafe_code, reason = "a system call")]

use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;

const BTF_LOAD: libc::c_int = 18;
const LOG_BYTES: usize = 1 << 20;

#[repr(C)]
#[derive(Default)]
struct Attr {
    btf: u64,
    log: u64,
    btf_size: u32,
    log_size: u32,
    log_level: u32,
    flags: u32,
    token: u64,
}

/// The kernel's verdict on the bytes of a set of types; its log, if it refuses them.
///
/// # Errors
///
/// The kernel's reason, and the last lines that it wrote.
pub fn load(blob: &[u8]) -> Result<(), String> {
    // A log of good types may be too small, which would be an error: it is asked for after a refusal only.
    let Err(error) = call(blob, &mut []) else { return Ok(()) };
    let mut log = vec![0; LOG_BYTES];
    let _ = call(blob, &mut log);
    let text = String::from_utf8_lossy(&log);
    let text = text.trim_end_matches('\0');
    let lines: Vec<&str> = text.lines().collect();
    Err(format!("{error}: {}", lines[lines.len().saturating_sub(3)..].join(" | ")))
}

fn call(blob: &[u8], log: &mut [u8]) -> io::Result<()> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let attr = Attr {
        btf: u64::try_from(blob.as_ptr().addr()).unwrap_or_default(),
        log: if log.is_empty() { 0 } else { u64::try_from(log.as_mut_ptr().addr()).unwrap_or_default() },
        btf_size: size(blob),
        log_size: size(log),
        log_level: u32::from(!log.is_empty()),
        ..Attr::default()
    };
    // SAFETY: both buffers live until the call returns; the kernel reads the one and writes the other within its size.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BTF_LOAD, &raw const attr, size_of::<Attr>()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just made it, and nothing else has it. Dropped, it is closed, and the types unloaded.
    drop(unsafe { File::from_raw_fd(fd) });
    Ok(())
}
