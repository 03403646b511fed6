//! `struct bpf_dynptr`: a pointer with its size, in 16 bytes that the program keeps.
//!
//! What stands there is not trusted: a checked program that forges one gains nothing, because memory behind it is
//! checked like any other.

use super::{Cx, TrapKind, errno, low};
use crate::memory::Access::{Read, Write};

/// Largest size, as in the kernel.
pub(super) const MAX_SIZE: u32 = (1 << 24) - 1;

/// What stands in a `struct bpf_dynptr`: address, size, and four bytes of zeros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dynptr {
    pub(super) addr: u64,
    pub(super) size: u32,
}

impl Dynptr {
    pub(super) fn load(cx: &mut Cx<'_>, at: u64) -> Result<Dynptr, TrapKind> {
        let mut bytes = [0; 16];
        cx.read(at, &mut bytes)?;
        let ([addr, rest], _) = bytes.as_chunks::<8>() else { return Ok(Dynptr::default()) };
        Ok(Dynptr { addr: u64::from_ne_bytes(*addr), size: low(u64::from_ne_bytes(*rest)) })
    }

    pub(super) fn store(self, cx: &mut Cx<'_>, at: u64) -> Result<(), TrapKind> {
        cx.write(at, &self.addr.to_ne_bytes())?;
        cx.write(at.wrapping_add(8), &u64::from(self.size).to_ne_bytes())
    }

    /// The address of `len` bytes at `offset`, or an error number.
    fn slice(self, offset: u64, len: u64) -> Result<u64, u64> {
        let (offset, len) = (low(offset), low(len));
        if self.addr == 0 {
            return Err(errno(libc::EINVAL));
        }
        match self.size.checked_sub(len) {
            Some(last) if offset <= last => Ok(self.addr.wrapping_add(offset.into())),
            _ => Err(errno(libc::E2BIG)),
        }
    }
}

/// `bpf_dynptr_from_mem(data, size, flags, dynptr)`.
pub(super) fn from_mem(cx: &mut Cx<'_>, [data, size, flags, at, _]: [u64; 5]) -> Result<u64, TrapKind> {
    let size = low(size);
    let code = match (size > MAX_SIZE, flags) {
        (true, _) => errno(libc::E2BIG),
        (_, 0) => 0,
        _ => errno(libc::EINVAL),
    };
    let dynptr = if code == 0 { Dynptr { addr: data, size } } else { Dynptr::default() };
    if code == 0 {
        cx.pointer(data, size.into(), Write)?;
    }
    dynptr.store(cx, at)?;
    Ok(code)
}

/// `bpf_dynptr_read(dst, len, dynptr, offset, flags)`.
pub(super) fn read(cx: &mut Cx<'_>, [dst, len, at, offset, flags]: [u64; 5]) -> Result<u64, TrapKind> {
    let dynptr = Dynptr::load(cx, at)?;
    match dynptr.slice(offset, len) {
        _ if flags != 0 => Ok(errno(libc::EINVAL)),
        Ok(from) => copy(cx, dst, from, low(len).into()),
        Err(code) => Ok(code),
    }
}

/// `bpf_dynptr_write(dynptr, offset, src, len, flags)`.
pub(super) fn write(cx: &mut Cx<'_>, [at, offset, src, len, flags]: [u64; 5]) -> Result<u64, TrapKind> {
    let dynptr = Dynptr::load(cx, at)?;
    match dynptr.slice(offset, len) {
        _ if flags != 0 => Ok(errno(libc::EINVAL)),
        Ok(to) => copy(cx, to, src, low(len).into()),
        Err(code) => Ok(code),
    }
}

/// `bpf_dynptr_data(dynptr, offset, len)`: the address, or null.
pub(super) fn data(cx: &mut Cx<'_>, [at, offset, len, ..]: [u64; 5]) -> Result<u64, TrapKind> {
    Ok(Dynptr::load(cx, at)?.slice(offset, len).unwrap_or(0))
}

fn copy(cx: &mut Cx<'_>, to: u64, from: u64, len: u64) -> Result<u64, TrapKind> {
    cx.pointer(to, len, Write)?;
    cx.pointer(from, len, Read)?;
    let bytes = cx.read_vec(from, len)?;
    cx.write(to, &bytes)?;
    Ok(0)
}
