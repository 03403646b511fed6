//! The two memory modes, as types.

use std::borrow::Cow;
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
    Granted(Cow<'static, str>),
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

impl Region {
    /// Whether `len` bytes at `addr` lie inside, and may be used so.
    fn allows(&self, addr: u64, len: u64, access: Access) -> bool {
        let may = self.writable || access == Access::Read;
        may && addr >= self.start && addr <= self.end && self.end - addr >= len
    }

    fn distance(&self, addr: u64) -> u64 {
        if addr < self.start { self.start - addr } else { addr.saturating_sub(self.end) }
    }
}

/// What is looked at first: the bounds of the region that the last access lay in.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u64,
    /// Bytes that may be read.
    readable: u64,
    /// Bytes that may be written: as many, or none.
    writable: u64,
}

impl Span {
    #[inline(always)]
    fn allows(&self, addr: u64, len: u64, access: Access) -> bool {
        let bytes = match access {
            Access::Read => self.readable,
            Access::Write => self.writable,
        };
        let offset = addr.wrapping_sub(self.start);
        offset <= bytes && bytes - offset >= len
    }

    fn of(region: &Region) -> Span {
        let readable = region.end - region.start;
        Span { start: region.start, readable, writable: if region.writable { readable } else { 0 } }
    }
}

/// The regions of one call: its stack, those of its unit, and what it was granted. They may overlap; an access must lie in
/// one of them.
#[derive(Debug)]
pub(crate) struct Regions {
    last: Span,
    /// The frames that were entered so far.
    stack: Region,
    granted: Vec<Region>,
    /// How many of those came with the call; they stay to its end.
    given: usize,
}

/// What may be granted to one call at a time while it runs.
pub(crate) const MAX_GRANTS: usize = 1024;

impl Default for Regions {
    fn default() -> Self {
        let stack = Region { start: 0, end: 0, writable: true, name: RegionName::Stack };
        Regions { last: Span::default(), stack, granted: Vec::new(), given: 0 }
    }
}

impl Regions {
    /// Forgets the last call; `given` comes with the next one.
    pub(crate) fn begin<'r>(&mut self, given: impl IntoIterator<Item = &'r Region>) {
        self.last = Span::default();
        self.granted.clear();
        self.granted.extend(given.into_iter().cloned());
        self.given = self.granted.len();
    }

    /// The stack reaches from `start` to `end`; within a call it only grows.
    pub(crate) fn set_stack(&mut self, start: u64, end: u64) {
        (self.stack.start, self.stack.end) = (start, end);
    }

    /// Adds a region; false if there are too many.
    #[must_use]
    pub(crate) fn grant(&mut self, region: Region) -> bool {
        let room = self.granted.len() - self.given < MAX_GRANTS;
        if room {
            self.granted.push(region);
        }
        room
    }

    /// Takes back the latest grant at `start`.
    pub(crate) fn revoke(&mut self, start: u64) {
        if let Some(index) = self.granted[self.given..].iter().rposition(|region| region.start == start) {
            self.granted.remove(self.given + index);
        }
        self.last = Span::default();
    }

    /// Whether `len` bytes at `addr`, at least one, lie where the last access did.
    #[inline(always)]
    pub(crate) fn allows_as_before(&self, addr: u64, len: u64, access: Access) -> bool {
        self.last.allows(addr, len, access)
    }

    /// Whether `len` bytes at `addr`, at least one, may be used so; `unit` are the unit's regions, ordered by address.
    #[inline(never)]
    pub(crate) fn allows(&mut self, unit: &[Region], addr: u64, len: u64, access: Access) -> bool {
        let region = self.find(unit, addr, len, access);
        if let Some(span) = region.map(Span::of) {
            self.last = span;
            return true;
        }
        false
    }

    /// The region that holds `len` bytes at `addr`, at least one, if they may be used so.
    pub(crate) fn find<'r>(
        &'r self,
        unit: &'r [Region],
        addr: u64,
        len: u64,
        access: Access,
    ) -> Option<&'r Region> {
        let holds = |region: &&Region| region.allows(addr, len, access);
        let own = std::iter::once(&self.stack).chain(&self.granted);
        // Without overlap it is the first one that is looked at, or none.
        let before = &unit[..unit.partition_point(|region| region.start <= addr)];
        own.into_iter().find(holds).or_else(|| before.iter().rev().find(holds))
    }

    fn all<'r>(&'r self, unit: &'r [Region]) -> impl Iterator<Item = &'r Region> {
        std::iter::once(&self.stack).chain(&self.granted).chain(unit)
    }

    /// The region nearest to `addr`, for messages.
    pub(crate) fn nearest<'r>(&'r self, unit: &'r [Region], addr: u64) -> Option<&'r Region> {
        self.all(unit).min_by_key(|region| region.distance(addr))
    }

    /// Whether others than this call may write what is at `addr`: anything but its stack and context, and constants.
    pub(crate) fn is_shared(&self, unit: &[Region], addr: u64) -> bool {
        let is_own = |region: &Region| match region.name {
            RegionName::Stack | RegionName::Context => true,
            RegionName::Data(_) => !region.writable,
            RegionName::Map(_) | RegionName::Granted(_) => false,
        };
        !self.find(unit, addr, 1, Access::Read).is_some_and(is_own)
    }

    /// How many bytes from `addr` on lie in one region; 0 if none.
    pub(crate) fn readable_from(&self, unit: &[Region], addr: u64) -> u64 {
        let holding = self.all(unit).filter(|region| region.allows(addr, 1, Access::Read));
        holding.map(|region| region.end - addr).max().unwrap_or(0)
    }
}
