//! The two memory modes, as types.

use std::fmt;

mod sealed {
    pub trait Sealed {}
}

/// How the memory accesses of programs are treated: [`Host`] or [`Checked`].
pub trait Memory: sealed::Sealed + Send + Sync + 'static {
    /// Whether each access is checked.
    const CHECKED: bool;
}

/// Pointers are host addresses, and nothing is checked: the program is trusted like a native one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {}

/// Every access must lie in the stack, the context, data, map values, or what the host granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {}

impl sealed::Sealed for Host {}
impl sealed::Sealed for Checked {}

impl Memory for Host {
    const CHECKED: bool = false;
}

impl Memory for Checked {
    const CHECKED: bool = true;
}

/// An address of a program as a pointer.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "hosts have 64 bits, see lib.rs")]
pub(crate) fn pointer_at<T>(addr: u64) -> *mut T {
    std::ptr::with_exposed_provenance_mut(addr as usize)
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reads.
    Read,
    /// Writes, or reads and writes.
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Access::Read => "read",
            Access::Write => "write",
        })
    }
}

/// A range of host memory that a checked program may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// First address behind it.
    pub end: u64,
    /// Whether the program may write it.
    pub writable: bool,
    /// What it is, for messages: `stack`, `map 'counts'`, `.rodata`.
    pub name: RegionName,
}

/// What a region is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegionName {
    /// The frames of the running call.
    Stack,
    /// The memory passed as the first argument.
    Context,
    /// A data section.
    Data(String),
    /// The values of a map.
    Map(String),
    /// What the host granted, under the name it gave.
    Granted(String),
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegionName::Stack => f.write_str("the stack"),
            RegionName::Context => f.write_str("the context"),
            RegionName::Data(name) => f.write_str(name),
            RegionName::Map(name) => write!(f, "the values of map '{name}'"),
            RegionName::Granted(name) => write!(f, "'{name}'"),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let writable = if self.writable { "" } else { ", read-only" };
        write!(f, "{} ({:#x}..{:#x}{writable})", self.name, self.start, self.end)
    }
}

/// The regions of one call, ordered by address, without overlap.
#[derive(Debug, Default)]
pub(crate) struct Regions {
    sorted: Vec<Region>,
    /// Index of the region that the last access hit.
    last: usize,
}

impl Regions {
    /// Forgets all regions.
    pub(crate) fn clear(&mut self) {
        self.sorted.clear();
        self.last = 0;
    }

    /// Adds a region; an empty one is ignored.
    pub(crate) fn add(&mut self, region: Region) {
        if region.start < region.end {
            let at = self.sorted.partition_point(|r| r.start <= region.start);
            self.sorted.insert(at, region);
        }
    }

    /// Takes back the region that starts at `start`.
    pub(crate) fn remove(&mut self, start: u64) {
        self.sorted.retain(|r| r.start != start);
        self.last = 0;
    }

    /// Whether `len` bytes at `addr` may be used so.
    #[inline]
    pub(crate) fn allows(&mut self, addr: u64, len: u64, access: Access) -> bool {
        let inside = |r: &Region| {
            addr >= r.start && addr <= r.end && r.end - addr >= len && (r.writable || access == Access::Read)
        };
        if self.sorted.get(self.last).is_some_and(inside) {
            return true;
        }
        let after = self.sorted.partition_point(|r| r.start <= addr);
        self.last = after.saturating_sub(1);
        self.sorted.get(self.last).is_some_and(inside)
    }

    /// The region nearest to `addr`, for messages.
    pub(crate) fn nearest(&self, addr: u64) -> Option<&Region> {
        let distance = |r: &Region| if addr < r.start { r.start - addr } else { addr.saturating_sub(r.end) };
        self.sorted.iter().min_by_key(|r| distance(r))
    }

    /// How many bytes from `addr` on lie in one region; 0 if none.
    pub(crate) fn readable_from(&self, addr: u64) -> u64 {
        let after = self.sorted.partition_point(|r| r.start <= addr);
        let region = after.checked_sub(1).map(|i| &self.sorted[i]);
        region.map_or(0, |r| r.end.saturating_sub(addr))
    }
}
