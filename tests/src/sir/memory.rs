//! The memory of [`super::eval`]: regions that lie far apart, so that no program gets from one to another by accident.

use std::fmt;

use skep_codegen::Endian;
use skep_codegen::ir::SymbolId;

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// A buffer of the caller.
    Buffer(usize),
    /// A global, a map or a function.
    Symbol(SymbolId),
    /// A stack slot: the function's index, and the slot's.
    Slot(u32, u32),
    /// Something of the host.
    Host,
}

/// An address space of regions.
#[derive(Clone, Debug)]
pub struct Memory {
    regions: Vec<Region>,
    endian: Endian,
    uninit: Uninit,
}

/// What reading bytes that nobody has written means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Uninit {
    /// It is a fault: a program that does it means nothing.
    #[default]
    Fault,
    /// They are zero: C may copy such bytes, and set bits among them.
    Zero,
}

#[derive(Clone, Debug)]
struct Region {
    name: Name,
    /// Gone when its function has returned.
    alive: bool,
    read_only: bool,
    bytes: Vec<u8>,
    /// For each byte whether it was written; none if all were.
    written: Option<Vec<bool>>,
}

/// An access that means nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The address is of no region.
    Wild,
    /// Not all of it lies in the region.
    Outside(Name),
    /// The region's function has returned.
    Dead(Name),
    /// A write to what is not written.
    ReadOnly(Name),
    /// A read of what nobody has written.
    Unwritten(Name),
    /// The address is not as aligned as the access says.
    Unaligned,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Wild => f.write_str("an address of nothing"),
            Fault::Outside(name) => write!(f, "an access outside of {name:?}"),
            Fault::Dead(name) => write!(f, "an access to {name:?} after its end"),
            Fault::ReadOnly(name) => write!(f, "a write to {name:?}, which is read only"),
            Fault::Unwritten(name) => write!(f, "a read of bytes of {name:?} that were not written"),
            Fault::Unaligned => f.write_str("an address that is less aligned than the access says"),
        }
    }
}

/// Where in its part of the address space a region begins.
const START: u64 = 0x1_0000;

impl Memory {
    /// Without any region.
    #[must_use]
    pub fn new(endian: Endian, uninit: Uninit) -> Memory {
        Memory { regions: Vec::new(), endian, uninit }
    }

    /// Adds a region that begins with these bytes; its address.
    pub fn add(&mut self, name: Name, bytes: Vec<u8>, read_only: bool) -> u64 {
        self.push(Region { name, alive: true, read_only, bytes, written: None })
    }

    /// Adds a region of bytes that nobody has written; its address.
    pub fn add_unwritten(&mut self, name: Name, size: usize) -> u64 {
        let written = (self.uninit == Uninit::Fault).then(|| vec![false; size]);
        self.push(Region { name, alive: true, read_only: false, bytes: vec![0; size], written })
    }

    fn push(&mut self, region: Region) -> u64 {
        self.regions.push(region);
        ((self.regions.len() as u64) << 32) + START
    }

    /// Makes a region one that is not written any more.
    pub fn protect(&mut self, addr: u64) {
        if let Some((index, _)) = self.find(addr) {
            self.regions[index].read_only = true;
        }
    }

    /// Ends a region. Its address is not used again.
    pub fn end(&mut self, addr: u64) {
        if let Some((index, _)) = self.find(addr) {
            let region = &mut self.regions[index];
            region.alive = false;
            region.bytes = Vec::new();
            region.written = None;
        }
    }

    /// The region that an address belongs to, whether it lies inside or not.
    #[must_use]
    pub fn name(&self, addr: u64) -> Option<Name> {
        self.find(addr).map(|(index, _)| self.regions[index].name)
    }

    /// The bytes of a region, and its first address.
    #[must_use]
    pub fn region(&self, addr: u64) -> Option<(u64, &[u8])> {
        let (index, _) = self.find(addr)?;
        Some((((index as u64 + 1) << 32) + START, &self.regions[index].bytes))
    }

    fn find(&self, addr: u64) -> Option<(usize, u64)> {
        let index = usize::try_from(addr >> 32).ok()?.checked_sub(1)?;
        (index < self.regions.len()).then(|| (index, (addr & 0xffff_ffff).wrapping_sub(START)))
    }

    fn place(&self, addr: u64, len: usize) -> Result<(usize, usize), Fault> {
        let (index, offset) = self.find(addr).ok_or(Fault::Wild)?;
        let region = &self.regions[index];
        if !region.alive {
            return Err(Fault::Dead(region.name));
        }
        let outside = Fault::Outside(region.name);
        let offset = usize::try_from(offset).map_err(|_| outside)?;
        let end = offset.checked_add(len).ok_or(outside)?;
        if end <= region.bytes.len() { Ok((index, offset)) } else { Err(outside) }
    }

    /// Reads bytes.
    ///
    /// # Errors
    /// If not all of them are there, and were written.
    pub fn read(&self, addr: u64, len: usize) -> Result<&[u8], Fault> {
        let (index, offset) = self.place(addr, len)?;
        let region = &self.regions[index];
        if let Some(written) = &region.written
            && !written[offset..offset + len].iter().all(|&written| written)
        {
            return Err(Fault::Unwritten(region.name));
        }
        Ok(&region.bytes[offset..offset + len])
    }

    /// Writes bytes.
    ///
    /// # Errors
    /// If not all of them are there, and may be written.
    pub fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), Fault> {
        let (index, offset) = self.place(addr, bytes.len())?;
        let region = &mut self.regions[index];
        if region.read_only {
            return Err(Fault::ReadOnly(region.name));
        }
        region.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
        if let Some(written) = &mut region.written {
            written[offset..offset + bytes.len()].fill(true);
        }
        Ok(())
    }

    /// Reads an integer of 1, 2, 4 or 8 bytes.
    ///
    /// # Errors
    /// As [`Memory::read`].
    pub fn load(&self, addr: u64, len: usize) -> Result<u64, Fault> {
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let bytes = self.read(addr, len)?.iter();
        Ok(match self.endian {
            Endian::Big => bytes.fold(0, join),
            Endian::Little => bytes.rev().fold(0, join),
        })
    }

    /// Writes the low bytes of an integer.
    ///
    /// # Errors
    /// As [`Memory::write`].
    pub fn store(&mut self, addr: u64, len: usize, value: u64) -> Result<(), Fault> {
        let mut bytes = value.to_le_bytes();
        let bytes = &mut bytes[..len];
        if self.endian == Endian::Big {
            bytes.reverse();
        }
        self.write(addr, bytes)
    }

    /// Copies bytes between places that do not overlap; what was not written stays so.
    ///
    /// # Errors
    /// If not all of them are there, or may not be written, or if the places overlap.
    pub fn copy(&mut self, dst: u64, src: u64, len: usize) -> Result<(), Fault> {
        if len == 0 {
            return Ok(());
        }
        let (from, at) = self.place(src, len)?;
        let (to, begin) = self.place(dst, len)?;
        if from == to && begin < at + len && at < begin + len && begin != at {
            return Err(Fault::Outside(self.regions[to].name));
        }
        let bytes = self.regions[from].bytes[at..at + len].to_vec();
        let written = self.regions[from].written.as_ref().map(|written| written[at..at + len].to_vec());
        self.write(dst, &bytes)?;
        if let (Some(from), Some(to)) = (written, &mut self.regions[to].written) {
            to[begin..begin + len].copy_from_slice(&from);
        } else if let Some(written) = &self.regions[from].written
            && !written[at..at + len].iter().all(|&written| written)
        {
            return Err(Fault::Unwritten(self.regions[from].name));
        }
        Ok(())
    }
}
