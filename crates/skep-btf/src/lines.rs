//! From an instruction to its source line.

use std::borrow::Cow;
use std::ops::Range;

use crate::btf::Btf;
use crate::ext::{Block, ByteOff, LineInfo};

/// The source lines of one code section, in the order of their places.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    btf: &'a Btf,
    records: Cow<'a, [LineInfo]>,
}

/// A source line, with its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceLine<'a> {
    /// The first instruction made from it.
    pub at: ByteOff,
    /// The path of the source file.
    pub file: &'a str,
    /// The text of the line, with its indentation; empty if the compiler did not see it.
    pub text: &'a str,
    /// The number of the line, from 1.
    pub line: u32,
    /// The number of the column, from 1; 0 if it is not known.
    pub column: u32,
}

impl<'a> Lines<'a> {
    /// Of one block, as compilers write them, nothing is copied.
    pub(crate) fn new(btf: &'a Btf, mut blocks: impl Iterator<Item = &'a Block<LineInfo>>) -> Lines<'a> {
        let mut records = Cow::Borrowed(blocks.next().map_or(&[][..], |block| &block.records[..]));
        for block in blocks {
            records.to_mut().extend_from_slice(&block.records);
        }
        if !records.is_sorted_by_key(|record| record.at) {
            records.to_mut().sort_by_key(|record| record.at);
        }
        Lines { btf, records }
    }

    /// The line that the instruction belongs to: the last one that starts at or before it.
    ///
    /// A function without lines of its own would get the last one of the function before; [`within`](Lines::within)
    /// its bounds it has none.
    #[must_use]
    pub fn at(&self, at: ByteOff) -> Option<SourceLine<'_>> {
        let after = self.records.partition_point(|record| record.at <= at);
        self.records.get(after.checked_sub(1)?).map(|record| self.show(record))
    }

    /// The lines that start at the instruction.
    pub fn starting_at(&self, at: ByteOff) -> impl Iterator<Item = SourceLine<'_>> {
        let start = self.records.partition_point(|record| record.at < at);
        self.records[start..].iter().take_while(move |record| record.at == at).map(|record| self.show(record))
    }

    /// The records that start between two places.
    #[must_use]
    pub fn within(&self, range: Range<ByteOff>) -> &[LineInfo] {
        let start = self.records.partition_point(|record| record.at < range.start);
        let end = self.records.partition_point(|record| record.at < range.end);
        self.records.get(start..end).unwrap_or_default()
    }

    /// All records, in the order of their places.
    #[must_use]
    pub fn records(&self) -> &[LineInfo] {
        &self.records
    }

    /// A record with its texts.
    #[must_use]
    pub fn show(&self, record: &LineInfo) -> SourceLine<'_> {
        let &LineInfo { at, file, text, line, column } = record;
        SourceLine { at, file: self.btf.string(file), text: self.btf.string(text), line, column }
    }
}
