//! The data sections of a unit, placed in memory.
#![expect(unsafe_code, reason = "owns raw memory that programs read and write")]

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ptr::NonNull;

use skep_object::image::Data;

use crate::error::Error;
use crate::memory::{Region, RegionName};

/// One data section in memory. Its address never changes.
pub(crate) struct DataBlock {
    /// What was allocated.
    block: NonNull<u8>,
    /// The section, inside of it.
    memory: NonNull<u8>,
    layout: Layout,
    size: u64,
    name: String,
    read_only: bool,
}

// SAFETY: the block owns its memory; what programs do with it at the same time is their own business, as in C.
unsafe impl Send for DataBlock {}
// SAFETY: as above; `&DataBlock` gives out raw pointers only.
unsafe impl Sync for DataBlock {}

impl DataBlock {
    /// Allocates a section and fills in what it begins with.
    pub(crate) fn place(data: &Data) -> Result<DataBlock, Error> {
        let refuse = |reason: &str| Error::Data {
            section: data.name.clone(),
            size: data.size,
            reason: reason.to_owned(),
        };
        let size = usize::try_from(data.size).map_err(|_| refuse("it exceeds the address space"))?;
        let align = usize::try_from(data.align.max(8))
            .map_err(|_| refuse("its alignment exceeds the address space"))?;
        if data.bytes.len() > size {
            return Err(refuse("it has more contents than its size"));
        }
        // Aligned by hand: for more than its own alignment an allocator writes the zeros, and so takes every page at once.
        let aligned = |size: usize| size.max(1).checked_add(align).filter(|_| align.is_power_of_two());
        let layout = aligned(size).and_then(|size| Layout::from_size_align(size, align_of::<u64>()).ok());
        let layout =
            layout.ok_or_else(|| refuse("expected a power of two as alignment, and a size below 2^63"))?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) }).ok_or_else(|| refuse("out of memory"))?;
        let gap = block.addr().get().wrapping_neg() & (align - 1);
        // SAFETY: the gap is smaller than the alignment, which was added to the size.
        let memory = unsafe { block.add(gap) };
        // SAFETY: both are `bytes.len()` bytes long, checked above, and do not overlap.
        unsafe { memory.as_ptr().copy_from_nonoverlapping(data.bytes.as_ptr(), data.bytes.len()) };
        Ok(DataBlock {
            block,
            memory,
            layout,
            size: data.size,
            name: data.name.clone(),
            read_only: data.read_only,
        })
    }

    /// Where it lies.
    pub(crate) fn address(&self) -> u64 {
        self.memory.as_ptr().expose_provenance() as u64
    }

    /// A pointer to the byte at `offset`.
    pub(crate) fn at(&self, offset: u64) -> Option<*mut u8> {
        (offset < self.size)
            .then(|| self.memory.as_ptr().wrapping_add(usize::try_from(offset).unwrap_or(usize::MAX)))
    }

    /// Writes a pointer at `offset`; the image's checker has seen to it that it lies inside.
    pub(crate) fn write_pointer(&self, offset: u64, value: u64) {
        let inside = offset.checked_add(8).is_some_and(|end| end <= self.size);
        if let (true, Some(at)) = (inside, self.at(offset)) {
            // SAFETY: eight bytes inside the block.
            unsafe { at.cast::<u64>().write_unaligned(value) };
        }
    }

    /// What a checked program may touch of it.
    pub(crate) fn region(&self) -> Region {
        let start = self.address();
        let name = RegionName::Data(self.name.clone());
        Region { start, end: start + self.size, writable: !self.read_only, name }
    }
}

impl Drop for DataBlock {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout in `place`.
        unsafe { dealloc(self.block.as_ptr(), self.layout) };
    }
}
