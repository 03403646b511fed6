//! ELF64 as it stands in the file: constants, and fields read and written in either byte order.

use skep_insn::Endian;

use crate::error::Error;

/// Bytes of the file header.
pub(super) const EHDR_SIZE: u64 = 64;
/// Bytes of a section header.
pub(super) const SHDR_SIZE: u64 = 64;
/// Bytes of a symbol.
pub(super) const SYM_SIZE: u64 = 24;
/// Bytes of a relocation without addend.
pub(super) const REL_SIZE: u64 = 16;
/// Bytes of a relocation with addend.
pub(super) const RELA_SIZE: u64 = 24;

pub(super) const ELFCLASS64: u8 = 2;
pub(super) const ELFDATA2LSB: u8 = 1;
pub(super) const ELFDATA2MSB: u8 = 2;
pub(super) const EV_CURRENT: u8 = 1;
pub(super) const ET_REL: u16 = 1;
pub(super) const EM_NONE: u16 = 0;
pub(super) const EM_BPF: u16 = 247;

pub(super) const SHT_NULL: u32 = 0;
pub(super) const SHT_PROGBITS: u32 = 1;
pub(super) const SHT_SYMTAB: u32 = 2;
pub(super) const SHT_STRTAB: u32 = 3;
pub(super) const SHT_RELA: u32 = 4;
pub(super) const SHT_NOTE: u32 = 7;
pub(super) const SHT_NOBITS: u32 = 8;
pub(super) const SHT_REL: u32 = 9;
pub(super) const SHT_INIT_ARRAY: u32 = 14;
pub(super) const SHT_FINI_ARRAY: u32 = 15;
pub(super) const SHT_PREINIT_ARRAY: u32 = 16;
pub(super) const SHT_SYMTAB_SHNDX: u32 = 18;

pub(super) const SHF_WRITE: u64 = 1;
pub(super) const SHF_ALLOC: u64 = 2;
pub(super) const SHF_EXECINSTR: u64 = 4;
pub(super) const SHF_MERGE: u64 = 0x10;
pub(super) const SHF_STRINGS: u64 = 0x20;
pub(super) const SHF_INFO_LINK: u64 = 0x40;
pub(super) const SHF_TLS: u64 = 0x400;
pub(super) const SHF_COMPRESSED: u64 = 0x800;

pub(super) const SHN_UNDEF: u16 = 0;
pub(super) const SHN_LORESERVE: u16 = 0xff00;
pub(super) const SHN_ABS: u16 = 0xfff1;
pub(super) const SHN_COMMON: u16 = 0xfff2;
pub(super) const SHN_XINDEX: u16 = 0xffff;

pub(super) const STT_NOTYPE: u8 = 0;
pub(super) const STT_OBJECT: u8 = 1;
pub(super) const STT_FUNC: u8 = 2;
pub(super) const STT_SECTION: u8 = 3;
pub(super) const STT_FILE: u8 = 4;
pub(super) const STT_COMMON: u8 = 5;
pub(super) const STB_LOCAL: u8 = 0;
pub(super) const STB_GLOBAL: u8 = 1;
pub(super) const STB_WEAK: u8 = 2;
pub(super) const STV_DEFAULT: u8 = 0;
pub(super) const STV_INTERNAL: u8 = 1;
pub(super) const STV_HIDDEN: u8 = 2;

/// What number a relocation type has, and in which dialect.
pub(super) mod r {
    pub(crate) const NONE: u32 = 0;
    pub(crate) const BPF_64_64: u32 = 1;
    pub(crate) const ABS64: u32 = 2;
    pub(crate) const ABS32: u32 = 3;
    pub(crate) const NODYLD32: u32 = 4;
    pub(crate) const BPF_64_32: u32 = 10;
    /// `R_BPF_DATA_32` of GNU binutils up to 2.40.
    pub(crate) const GNU_DATA_32: u32 = 11;
    /// `R_BPF_DATA_64` of GNU binutils up to 2.40.
    pub(crate) const GNU_DATA_64: u32 = 12;

    /// The name of a type that this crate knows.
    pub(crate) const fn name(ty: u32) -> Option<&'static str> {
        Some(match ty {
            NONE => "R_BPF_NONE",
            BPF_64_64 => "R_BPF_64_64",
            ABS64 => "R_BPF_64_ABS64",
            ABS32 => "R_BPF_64_ABS32",
            NODYLD32 => "R_BPF_64_NODYLD32",
            BPF_64_32 => "R_BPF_64_32",
            GNU_DATA_32 => "R_BPF_DATA_32",
            GNU_DATA_64 => "R_BPF_DATA_64",
            _ => return None,
        })
    }
}

/// Some bytes and the order in which their numbers stand. Positions outside read as nothing.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) endian: Endian,
}

impl<'a> Bytes<'a> {
    pub(super) fn len(self) -> u64 {
        self.bytes.len() as u64
    }

    /// `size` bytes from `offset` on, if they all exist.
    pub(super) fn part(self, offset: u64, size: u64) -> Option<Bytes<'a>> {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(size).ok()?)?;
        Some(Bytes { bytes: self.bytes.get(start..end)?, endian: self.endian })
    }

    /// As [`Bytes::part`] for a part of the whole file, with the error that names it.
    pub(super) fn file_part(self, what: &str, offset: u64, size: u64) -> Result<Bytes<'a>, Error> {
        self.part(offset, size).ok_or_else(|| Error::Bounds {
            what: what.to_owned(),
            offset,
            size,
            file: self.len(),
        })
    }

    fn array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        self.part(offset, N as u64)?.bytes.try_into().ok()
    }

    pub(super) fn u16(self, offset: u64) -> Option<u16> {
        self.array(offset).map(|b| match self.endian {
            Endian::Little => u16::from_le_bytes(b),
            Endian::Big => u16::from_be_bytes(b),
        })
    }

    pub(super) fn u32(self, offset: u64) -> Option<u32> {
        self.array(offset).map(|b| match self.endian {
            Endian::Little => u32::from_le_bytes(b),
            Endian::Big => u32::from_be_bytes(b),
        })
    }

    pub(super) fn u64(self, offset: u64) -> Option<u64> {
        self.array(offset).map(|b| match self.endian {
            Endian::Little => u64::from_le_bytes(b),
            Endian::Big => u64::from_be_bytes(b),
        })
    }
}

/// Numbers in a byte order, appended.
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
    pub(super) endian: Endian,
}

impl Writer {
    pub(super) fn new(endian: Endian) -> Writer {
        Writer { bytes: Vec::new(), endian }
    }

    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend(match self.endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        });
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes.extend(match self.endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        });
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend(match self.endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        });
    }

    /// Zeros up to a multiple of `align`.
    pub(super) fn align(&mut self, align: u64) {
        while !self.len().is_multiple_of(align.max(1)) {
            self.bytes.push(0);
        }
    }
}
