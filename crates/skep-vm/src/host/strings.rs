//! C strings of checked programs that others may write meanwhile.
//!
//! Another thread that runs the program, or the host, may overwrite the NUL of a string in a map or in data, after it was
//! found and before a C function looks for it. So C functions get a copy; where they return a pointer into it, the
//! program gets one into its own string.

use super::signature::{Extent, Param, Signature, Value};
use crate::cx::Cx;
use crate::error::TrapKind;
use crate::memory::Access;

/// The strings that were copied for one call.
#[derive(Default)]
pub(super) struct Copies(Vec<Copied>);

struct Copied {
    original: u64,
    /// With its NUL.
    text: Vec<u8>,
}

impl Copies {
    /// Copies the strings among the arguments, which have been checked, and puts the copies in their place.
    pub(super) fn make(
        cx: &mut Cx<'_>,
        signature: &Signature,
        args: &mut [u64; 5],
    ) -> Result<Copies, TrapKind> {
        let mut copies = Copies::default();
        for (param, arg) in signature.params().iter().zip(args) {
            if matches!(param, Param::Pointer { extent: Extent::CStr, .. }) && *arg != 0 && cx.is_shared(*arg)
            {
                let mut text = cx.c_str(*arg, usize::MAX)?;
                text.push(0);
                let copy = text.as_mut_ptr().expose_provenance() as u64;
                copies.0.push(Copied { original: std::mem::replace(arg, copy), text });
            }
        }
        Ok(copies)
    }

    /// Turns pointers into copies, in the result and where the function stored one, into such to the originals.
    #[inline]
    pub(super) fn give_back(
        &self,
        cx: &mut Cx<'_>,
        signature: &Signature,
        args: &[u64; 5],
        result: u64,
    ) -> Result<u64, TrapKind> {
        if self.0.is_empty() {
            return Ok(result);
        }
        for (param, arg) in signature.params().iter().zip(args) {
            if let Param::Pointer { access: Access::Write, extent: Extent::Bytes(8), .. } = param
                && *arg != 0
            {
                let mut stored = [0; 8];
                cx.read(*arg, &mut stored)?;
                let address = self.original(u64::from_ne_bytes(stored));
                cx.write(*arg, &address.to_ne_bytes())?;
            }
        }
        Ok(if signature.result() == Value::Ptr { self.original(result) } else { result })
    }

    fn original(&self, addr: u64) -> u64 {
        let inside = |copied: &Copied| {
            let offset = addr.wrapping_sub(copied.text.as_ptr().addr() as u64);
            (offset < copied.text.len() as u64).then(|| copied.original.wrapping_add(offset))
        };
        self.0.iter().find_map(inside).unwrap_or(addr)
    }
}
