//! Files as memory.

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use memmap2::{Advice, Mmap, UncheckedAdvice};

/// The bytes of a file. What has been read can be given back, so that a large file takes little memory.
pub(crate) struct Mapped(Mmap);

impl Mapped {
    pub(crate) fn open(path: &Path) -> Result<Mapped> {
        let cannot_read = || format!("cannot read {}", path.display());
        let file = File::open(path).with_context(cannot_read)?;
        let meta = file.metadata().with_context(cannot_read)?;
        ensure!(!meta.is_dir(), "cannot read {}: it is a folder", path.display());
        ensure!(
            meta.is_file(),
            "cannot read {}: it is no regular file, expected one that can be mapped",
            path.display()
        );
        #[expect(unsafe_code, reason = "a mapping of a file that somebody else could change")]
        // SAFETY: the mapping is private and only read; whoever cuts the file while it is encoded ends the command, as
        // any other one that maps files.
        let map = unsafe { Mmap::map(&file) }.with_context(cannot_read)?;
        // Only a hint.
        let _ = map.advise(Advice::Sequential);
        Ok(Mapped(map))
    }

    /// Gives memory back: these bytes are read from the file again, should anyone want them.
    pub(crate) fn release(&self, bytes: &Range<u64>) {
        let page = 1 << 16;
        let start = bytes.start.next_multiple_of(page);
        let end = bytes.end / page * page;
        let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
        let Some((start, end)) = range.filter(|&(start, end)| start < end && end <= self.0.len()) else {
            return;
        };
        #[expect(unsafe_code, reason = "advice that could change memory, were it not a file's")]
        // SAFETY: nobody writes to the mapping, so that the pages hold what the file holds.
        let _ = unsafe { self.0.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start) };
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
