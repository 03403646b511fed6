//! What kind of file it is, and its section headers.

use std::cell::Cell;

use skep_insn::Endian;

use super::raw::{
    Bytes, EHDR_SIZE, ELFCLASS64, ELFDATA2LSB, ELFDATA2MSB, EM_BPF, EM_NONE, ET_REL, EV_CURRENT, SHDR_SIZE,
    SHN_LORESERVE, SHN_XINDEX, SHT_NOBITS, SHT_NULL, SHT_STRTAB,
};
use crate::error::{Error, SectionRef};

/// An ELF file and its section headers.
pub(super) struct File<'a> {
    pub(super) bytes: Bytes<'a>,
    pub(super) headers: Vec<Header<'a>>,
    pub(super) budget: NameBudget,
}

/// A section header.
pub(super) struct Header<'a> {
    pub(super) index: u32,
    name_at: u32,
    pub(super) name: &'a str,
    pub(super) ty: u32,
    pub(super) flags: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) link: u32,
    pub(super) info: u32,
    pub(super) align: u64,
    pub(super) entsize: u64,
    /// Empty where the section has none in the file.
    pub(super) contents: &'a [u8],
}

impl<'a> File<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<File<'a>, Error> {
        let bytes = Bytes { bytes, endian: identify(bytes)? };
        let (table, names_at) = check_header(bytes)?;
        let mut headers = (0..table.count)
            .map(|index| read_header(bytes, table.offset + u64::from(index) * SHDR_SIZE, index))
            .collect::<Result<Vec<_>, _>>()?;
        let budget = NameBudget::of_file(bytes.len());
        name_sections(&mut headers, names_at, &budget)?;
        let total = headers.iter().fold(0u64, |sum, header| sum.saturating_add(header.contents.len() as u64));
        if total > bytes.len() {
            return Err(Error::SectionsOverlap { total, file: bytes.len() });
        }
        Ok(File { bytes, headers, budget })
    }

    pub(super) fn endian(&self) -> Endian {
        self.bytes.endian
    }

    pub(super) fn header(&self, index: u32) -> Option<&Header<'a>> {
        self.headers.get(index as usize)
    }

    pub(super) fn contents(&self, header: &Header<'a>) -> Bytes<'a> {
        Bytes { bytes: header.contents, endian: self.bytes.endian }
    }
}

impl Header<'_> {
    pub(super) fn section_ref(&self) -> SectionRef {
        SectionRef { index: self.index, name: Some(self.name.to_owned()) }
    }

    pub(super) fn has(&self, flag: u64) -> bool {
        self.flags & flag != 0
    }

    /// The error about one of its fields.
    pub(super) fn fault(&self, field: &'static str, found: impl ToString, expected: impl ToString) -> Error {
        Error::Section {
            section: self.section_ref(),
            field,
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// Refuses a table whose entries have another size, or that ends within one.
    pub(super) fn check_table(&self, entry: u64) -> Result<(), Error> {
        if self.entsize != entry {
            return Err(self.fault("sh_entsize", self.entsize, entry));
        }
        if !self.size.is_multiple_of(entry) {
            return Err(self.fault("sh_size", format!("{:#x}", self.size), format!("a multiple of {entry}")));
        }
        Ok(())
    }
}

/// Byte order of an ELF64 file, or what it is instead.
fn identify(bytes: &[u8]) -> Result<Endian, Error> {
    if bytes.starts_with(b"BC\xc0\xde") {
        return Err(Error::Bitcode { what: "the file is LLVM bitcode" });
    }
    if bytes.starts_with(&0x0b17_c0de_u32.to_le_bytes()) {
        return Err(Error::Bitcode { what: "the file is wrapped LLVM bitcode" });
    }
    if bytes.starts_with(b"!<arch>\n") {
        return Err(Error::Archive { what: "the file is an ar archive" });
    }
    if bytes.starts_with(b"!<thin>\n") {
        return Err(Error::Archive {
            what: "the file is a thin ar archive, which holds only the names of its members",
        });
    }
    if !bytes.starts_with(b"\x7fELF") {
        let found = match bytes {
            [] => "nothing (it is empty)".to_owned(),
            _ => bytes.iter().take(4).map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "),
        };
        return Err(Error::NotElf { found });
    }
    let byte = |at: usize| bytes.get(at).copied();
    let header = |field, found: String, expected| Err(Error::Header { field, found, expected });
    let Some((class, (data, version))) =
        byte(4).zip(byte(5).zip(byte(6))).filter(|_| bytes.len() as u64 >= EHDR_SIZE)
    else {
        return Err(Error::Bounds {
            what: "the ELF header".to_owned(),
            offset: 0,
            size: EHDR_SIZE,
            file: bytes.len() as u64,
        });
    };
    if class != ELFCLASS64 {
        return header("class", named(class.into(), &[(1, "32-bit")]), "2 (64-bit)");
    }
    if version != EV_CURRENT {
        return header("version", version.to_string(), "1");
    }
    match data {
        ELFDATA2LSB => Ok(Endian::Little),
        ELFDATA2MSB => Ok(Endian::Big),
        _ => header("byte order", data.to_string(), "1 (little endian) or 2 (big endian)"),
    }
}

const TYPES: &[(u16, &str)] =
    &[(0, "none"), (1, "relocatable object"), (2, "executable"), (3, "shared object"), (4, "core dump")];

const MACHINES: &[(u16, &str)] = &[
    (3, "i386"),
    (8, "MIPS"),
    (20, "PowerPC"),
    (21, "PowerPC64"),
    (22, "s390"),
    (40, "ARM"),
    (62, "x86-64"),
    (183, "AArch64"),
    (243, "RISC-V"),
    (258, "LoongArch"),
    (263, "Solana SBF"),
];

fn named(value: u16, names: &[(u16, &str)]) -> String {
    match names.iter().find(|(number, _)| *number == value) {
        Some((_, name)) => format!("{value} ({name})"),
        None => value.to_string(),
    }
}

struct Table {
    offset: u64,
    count: u32,
}

/// Checks the file header; returns the table of section headers, and which section holds their names.
fn check_header(bytes: Bytes<'_>) -> Result<(Table, u32), Error> {
    // `identify` has seen that the whole header is there.
    let half = |offset| bytes.u16(offset).unwrap_or_default();
    let header = |field, found: String, expected| Err(Error::Header { field, found, expected });
    let (ty, machine) = (half(16), half(18));
    if machine != EM_BPF && machine != EM_NONE {
        return header("e_machine", named(machine, MACHINES), "247 (BPF): compile with --target=bpf");
    }
    if ty != ET_REL {
        return header("e_type", named(ty, TYPES), "1 (relocatable object): compile with -c and do not link");
    }
    let offset = bytes.u64(40).unwrap_or_default();
    let (entry, count, names) = (half(58), half(60), half(62));
    if offset == 0 {
        return header("e_shoff", "0".to_owned(), "the offset of the section headers");
    }
    if u64::from(entry) != SHDR_SIZE {
        return header("e_shentsize", entry.to_string(), "64");
    }
    if count >= SHN_LORESERVE {
        return header("e_shnum", format!("{count:#x}"), "less than 0xff00, or 0 for the size of section 0");
    }
    // Numbers that do not fit stand in section 0.
    let first = bytes.file_part("the section header table", offset, SHDR_SIZE)?;
    let count = match count {
        0 => first.u64(32).unwrap_or_default(),
        count => count.into(),
    };
    let names = match names {
        SHN_XINDEX => first.u32(40).unwrap_or_default(),
        names => names.into(),
    };
    let size = count.saturating_mul(SHDR_SIZE);
    bytes.file_part("the section header table", offset, size)?;
    let Ok(count) = u32::try_from(count) else {
        return header("e_shnum", count.to_string(), "less than 2^32");
    };
    if names >= count {
        return header("e_shstrndx", names.to_string(), "the index of a section");
    }
    Ok((Table { offset, count }, names))
}

fn read_header(file: Bytes<'_>, at: u64, index: u32) -> Result<Header<'_>, Error> {
    let raw = file.file_part("the section header table", at, SHDR_SIZE)?;
    let word = |offset| raw.u32(offset).unwrap_or_default();
    let long = |offset| raw.u64(offset).unwrap_or_default();
    let mut header = Header {
        index,
        name_at: word(0),
        name: "",
        ty: word(4),
        flags: long(8),
        offset: long(24),
        size: long(32),
        link: word(40),
        info: word(44),
        align: long(48),
        entsize: long(56),
        contents: &[],
    };
    if header.ty != SHT_NULL && header.ty != SHT_NOBITS {
        header.contents = file.file_part(&format!("section {index}"), header.offset, header.size)?.bytes;
    }
    Ok(header)
}

/// Gives the headers their names, from section `names_at`.
fn name_sections<'a>(headers: &mut [Header<'a>], names_at: u32, budget: &NameBudget) -> Result<(), Error> {
    let names = match headers.get(names_at as usize) {
        Some(header) if header.ty == SHT_STRTAB => Strings { bytes: header.contents },
        Some(header) => {
            return Err(header.fault("sh_type", header.ty, "3 (SHT_STRTAB), since e_shstrndx names it"));
        }
        None => return Ok(()),
    };
    for header in headers.iter_mut().filter(|header| header.ty != SHT_NULL) {
        let of = || format!("section {}", header.index);
        header.name = names.get(header.name_at, budget).map_err(|what| Error::Name { of: of(), what })?;
    }
    Ok(())
}

/// A string table.
#[derive(Clone, Copy)]
pub(super) struct Strings<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Strings<'a> {
    /// The string at an offset, or what is wrong with it.
    pub(super) fn get(self, at: u32, budget: &NameBudget) -> Result<&'a str, String> {
        let tail = self.bytes.get(at as usize..).filter(|tail| !tail.is_empty());
        let Some(tail) = tail else {
            // A file whose names are all empty may do without a table.
            let len = self.bytes.len();
            return if at == 0 {
                Ok("")
            } else {
                Err(format!("at {at:#x} of a string table of {len:#x} bytes"))
            };
        };
        let allowed = budget.0.get();
        let seen = &tail[..tail.len().min(usize::try_from(allowed).unwrap_or(usize::MAX))];
        let Some(len) = seen.iter().position(|&b| b == 0) else {
            return Err(match seen.len() == tail.len() {
                true => format!("at {at:#x} of the string table, without a zero byte behind it"),
                false => NameBudget::EXCEEDED.to_owned(),
            });
        };
        budget.take(len as u64);
        std::str::from_utf8(&tail[..len]).map_err(|_| format!("at {at:#x} of the string table, not UTF-8"))
    }
}

/// How many bytes of names may still be read. Many symbols may share one string, so a small file could otherwise
/// take any amount of time and memory.
pub(super) struct NameBudget(Cell<u64>);

impl NameBudget {
    pub(super) const EXCEEDED: &str = "the names are together more than 16 times as long as the file";

    fn of_file(len: u64) -> NameBudget {
        NameBudget(Cell::new(len.saturating_mul(16).saturating_add(0x1_0000)))
    }

    /// Whether a name of this length may still be read.
    pub(super) fn take(&self, len: u64) -> bool {
        let left = self.0.get().checked_sub(len);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}
