//! Memory that may not be there, and checksums over memory that is.
#![expect(unsafe_code, reason = "writes through a program's pointers")]

use super::{Cx, TrapKind, errno, low, safe_copy};
use crate::memory::Access::{Read, Write};

/// `bpf_probe_read(dst, size, src)` and its kin: here, all memory is that of this process. Where `src` cannot be read,
/// `dst` is zeroed and `-EFAULT` returned.
pub(super) fn probe_read(cx: &mut Cx<'_>, [dst, size, src, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = u64::from(low(size));
    if size == 0 {
        return Ok(0);
    }
    let to = cx.pointer(dst, size, Write)?;
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    // SAFETY: `to` may be written for `len` bytes.
    let read = unsafe { read_to(cx, src, to, len) };
    if read == len {
        return Ok(0);
    }
    // SAFETY: as above.
    unsafe { to.write_bytes(0, len) };
    Ok(errno(libc::EFAULT))
}

/// `bpf_probe_read_str(dst, size, src)` and its kin: returns the length with the NUL that is always there.
pub(super) fn probe_read_str(cx: &mut Cx<'_>, [dst, size, src, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = u64::from(low(size));
    if size == 0 {
        return Ok(0);
    }
    let to = cx.pointer(dst, size, Write)?;
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    let mut text = string(cx, src, len);
    match &mut text {
        Some(text) => {
            text.truncate(len - 1);
            // SAFETY: `to` may be written for `len` bytes, and the text with its NUL is no longer.
            unsafe {
                to.copy_from(text.as_ptr(), text.len());
                to.add(text.len()).write(0);
            }
            Ok(text.len() as u64 + 1)
        }
        None => {
            // SAFETY: as above.
            unsafe { to.write_bytes(0, len) };
            Ok(errno(libc::EFAULT))
        }
    }
}

/// `bpf_probe_write_user(dst, src, len)`.
pub(super) fn probe_write(cx: &mut Cx<'_>, [dst, src, len, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = u64::from(low(len));
    let from = cx.pointer(src, size, Read)?;
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    let written = if cx.checked() {
        let to = cx.pointer(dst, size, Write);
        // SAFETY: both sides have been checked for `len` bytes.
        to.map(|to| unsafe { to.copy_from(from, len) }).is_ok()
    } else {
        // SAFETY: `from` may be read for `len` bytes.
        unsafe { safe_copy::write(dst, from, len) == len }
    };
    Ok(if written { 0 } else { errno(libc::EFAULT) })
}

/// The bytes before the NUL at `addr`, or `max` of them if there is none; `None` if memory ends before.
pub(super) fn string(cx: &mut Cx<'_>, addr: u64, max: usize) -> Option<Vec<u8>> {
    const PAGE: u64 = 4096;
    if cx.checked() {
        return cx.c_str(addr, max).ok();
    }
    let mut text = Vec::new();
    while text.len() < max {
        // Up to the end of a page: what follows may not be there, and need not.
        let at = addr.checked_add(text.len() as u64)?;
        let chunk = usize::try_from(PAGE - at % PAGE).unwrap_or(1).min(max - text.len()).min(256);
        let mut bytes = [0_u8; 256];
        // SAFETY: the buffer is ours.
        let read = unsafe { safe_copy::read(at, bytes.as_mut_ptr(), chunk) };
        let bytes = &bytes[..read];
        if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            text.extend_from_slice(&bytes[..end]);
            return Some(text);
        }
        text.extend_from_slice(bytes);
        if read < chunk {
            return None;
        }
    }
    Some(text)
}

/// Copies what can be read of `len` bytes at `src`. Returns how much; in checked mode all or nothing.
///
/// # Safety
/// `to` must be writable for `len` bytes.
unsafe fn read_to(cx: &mut Cx<'_>, src: u64, to: *mut u8, len: usize) -> usize {
    if cx.checked() {
        let Ok(from) = cx.pointer(src, len as u64, Read) else { return 0 };
        // SAFETY: `from` has been checked, the caller vouches for `to`.
        unsafe { to.copy_from(from, len) };
        return len;
    }
    // SAFETY: the caller vouches for `to`.
    unsafe { safe_copy::read(src, to, len) }
}

/// `bpf_csum_diff(from, from_size, to, to_size, seed)`: the change of an Internet checksum, RFC 1624, when the words at
/// `from` are replaced by those at `to`; folded to 16 bits, as the kernel does since 6.13.
pub(super) fn csum_diff(
    cx: &mut Cx<'_>,
    [from, from_size, to, to_size, seed]: [u64; 5],
) -> Result<u64, TrapKind> {
    let (from_size, to_size) = (low(from_size), low(to_size));
    if (from_size | to_size) % 4 != 0 {
        return Ok(errno(libc::EINVAL));
    }
    let mut read = |addr, size| if size == 0 { Ok(Vec::new()) } else { cx.read_vec(addr, u64::from(size)) };
    let (from, to) = (read(from, from_size)?, read(to, to_size)?);
    let sum = [(&from, u32::MAX), (&to, 0)].into_iter().fold(low(seed), |sum, (bytes, flip)| {
        let words = bytes.as_chunks::<4>().0.iter().map(|word| u32::from_ne_bytes(*word) ^ flip);
        words.fold(sum, add_with_carry)
    });
    let once = (sum & 0xffff) + (sum >> 16);
    Ok(u64::from((once & 0xffff) + (once >> 16)))
}

/// One's complement addition.
fn add_with_carry(a: u32, b: u32) -> u32 {
    let (sum, carry) = a.overflowing_add(b);
    sum + u32::from(carry)
}
