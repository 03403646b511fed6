//! The memory of frames.
#![expect(unsafe_code, reason = "owns raw memory that programs read and write")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

/// The frames of one run, growing down from the end. Pages of it exist once they are touched.
pub(crate) struct Stack {
    memory: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the stack owns its memory, and is used by one run at a time.
unsafe impl Send for Stack {}

impl Stack {
    /// So many bytes, at least one; `None` if the system refuses them.
    pub(crate) fn new(bytes: usize) -> Option<Stack> {
        let layout = Layout::from_size_align(bytes, align_of::<u128>()).ok().filter(|l| l.size() > 0)?;
        // SAFETY: the size is not zero.
        let memory = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        Some(Stack { memory, layout })
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// The first address behind it.
    pub(crate) fn end(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64 + self.bytes() as u64
    }

    /// Clears the `len` bytes below `top`, as far as they are inside.
    pub(crate) fn clear_below(&mut self, top: u64, len: u64) {
        let size = self.bytes() as u64;
        let above = self.end().saturating_sub(top).min(size);
        let end = size - above;
        let start = usize::try_from(end.saturating_sub(len)).unwrap_or(0);
        let count = usize::try_from(end.min(len)).unwrap_or(0);
        // SAFETY: `start + count` is `end`, which is no more than the size.
        unsafe { self.memory.as_ptr().add(start).write_bytes(0, count) };
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `new`.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}

#[cfg(test)]
mod tests {
    use super::Stack;
    use crate::memory::pointer_at;

    #[test]
    #[expect(unsafe_code, reason = "looks at the memory")]
    fn only_what_is_asked_for_is_cleared() {
        let mut stack = Stack::new(64).unwrap();
        let start = stack.end() - 64;
        let byte = |at: u64| pointer_at::<u8>(start + at);
        for at in 0..64 {
            // SAFETY: inside.
            unsafe { byte(at).write(1) };
        }
        stack.clear_below(start + 48, 16);
        stack.clear_below(start + 8, 16);
        stack.clear_below(start, 16);
        stack.clear_below(start + 64, 0);
        // SAFETY: inside.
        let left: Vec<u64> = (0..64).filter(|at| unsafe { byte(*at).read() } != 0).collect();
        assert_eq!(left, (8..32).chain(48..64).collect::<Vec<_>>());
        assert!(Stack::new(0).is_none() && Stack::new(usize::MAX / 2).is_none());
    }
}
