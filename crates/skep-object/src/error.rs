//! What can be wrong with an object, and where.

use std::fmt;

use skep_insn::RawInsn;

use crate::object::Pending;

/// Why bytes are no object, or why an object is inconsistent.
///
/// Offsets count bytes from the start of the section that the message names; `file+0x40` counts from the start of
/// the file.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes do not begin like an ELF file.
    #[error("not an ELF file: it begins with {found}, expected 7f 45 4c 46")]
    NotElf {
        /// The first bytes, in hexadecimal.
        found: String,
    },
    /// The bytes of a symbol are wanted that relocations have yet to change.
    #[error(
        "'{symbol}' is not ready to run: {} pending; link the object first, or load it as a whole",
        list(pending)
    )]
    PendingRelocs {
        /// The symbol.
        symbol: String,
        /// What is still to be applied.
        pending: Vec<Pending>,
    },
    /// LLVM bitcode, bare or wrapped.
    #[error("{what} instead of BPF instructions: {}", BITCODE_REMEDY)]
    Bitcode {
        /// Where the bitcode is.
        what: &'static str,
    },
    /// An `ar` archive.
    #[error("{what}, expected one ELF object: extract its members (`ar x`), or read it as an archive")]
    Archive {
        /// Which kind.
        what: &'static str,
    },
    /// An `ar` archive is damaged, or of a kind that does not hold its members.
    #[error("archive: {what}")]
    Ar {
        /// What is wrong, and where.
        what: String,
    },
    /// A member of an archive is no BPF object.
    #[error("member {member} of the archive")]
    Member {
        /// Its name.
        member: String,
        /// What is wrong with it.
        source: Box<Error>,
    },
    /// The ELF header describes something else than a BPF object.
    #[error("ELF header: {field} is {found}, expected {expected}")]
    Header {
        /// The field in `elf(5)`.
        field: &'static str,
        /// Its value, with a name where it has one.
        found: String,
        /// What it should be, with the remedy where there is one.
        expected: &'static str,
    },
    /// Something ends behind the end of the file.
    #[error(
        "{what} ends behind the file: it takes {size:#x} bytes at file+{offset:#x}, the file has {file:#x}"
    )]
    Bounds {
        /// What it is.
        what: String,
        /// Where it begins in the file.
        offset: u64,
        /// How long it claims to be.
        size: u64,
        /// Length of the file.
        file: u64,
    },
    /// Sections share bytes of the file.
    #[error("sections hold {total:#x} bytes together, the file has {file:#x}: they overlap")]
    SectionsOverlap {
        /// Sum of the section sizes.
        total: u64,
        /// Length of the file.
        file: u64,
    },
    /// A name is not where it should be.
    #[error("name of {of}: {what}")]
    Name {
        /// Whose name it is.
        of: String,
        /// What is wrong with it.
        what: String,
    },
    /// A field of a section header.
    #[error("section {section}: {field} is {found}, expected {expected}")]
    Section {
        /// The section.
        section: SectionRef,
        /// The field, in the words of `elf(5)`.
        field: &'static str,
        /// Its value.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// A symbol.
    #[error("symbol {symbol}: {what}")]
    Symbol {
        /// The symbol.
        symbol: SymbolRef,
        /// What is wrong with it, and what was expected.
        what: String,
    },
    /// A symbol that the linker would have to allocate.
    #[error("symbol {symbol} is a common symbol of {size} bytes: initialise it, or compile with -fno-common")]
    Common {
        /// The symbol.
        symbol: SymbolRef,
        /// Its size.
        size: u64,
    },
    /// Two functions share instructions.
    #[error(
        "section '{section}': function '{second}' begins at {offset:#x}, inside '{first}', which ends at {end:#x}"
    )]
    FuncOverlap {
        /// The section.
        section: String,
        /// The function that begins first.
        first: String,
        /// Where it ends.
        end: u64,
        /// The function that begins inside it.
        second: String,
        /// Where that one begins.
        offset: u64,
    },
    /// A relocation.
    #[error("relocation at {section}+{offset:#x}: {what}")]
    Reloc {
        /// The section to be patched.
        section: String,
        /// Where.
        offset: u64,
        /// What is wrong with it, and what was expected.
        what: RelocFault,
    },
    /// The object mixes the two dialects of BPF relocations, and it makes a difference.
    #[error(
        "relocation at {section}+{offset:#x} means {clang} in clang's dialect and {gnu} in that of GNU binutils, \
         and the object has signs of both ({signs}): assemble all of it with one of them"
    )]
    Dialect {
        /// The section of the first place where the readings differ.
        section: String,
        /// That place.
        offset: u64,
        /// Its target read one way.
        clang: String,
        /// Its target read the other way.
        gnu: String,
        /// What speaks for each.
        signs: String,
    },
    /// The type information.
    #[error("section '{section}' is damaged")]
    Btf {
        /// `.BTF` or `.BTF.ext`.
        section: &'static str,
        /// What is wrong.
        #[source]
        source: skep_btf::Error,
    },
    /// A map definition.
    #[error("map '{map}' at {section}+{offset:#x}: {what}")]
    Map {
        /// The map.
        map: String,
        /// The section.
        section: String,
        /// Where it lies.
        offset: u64,
        /// What is wrong with it, and what was expected.
        what: String,
    },
    /// Contents of a section whose name gives them a meaning.
    #[error("section '{section}'+{offset:#x}: {what}")]
    Contents {
        /// The section.
        section: String,
        /// Where.
        offset: u64,
        /// What is wrong, and what was expected.
        what: String,
    },
}

const BITCODE_REMEDY: &str = "with clang compile without -flto and -emit-llvm; rustc's BPF targets always emit \
    bitcode (`obj-is-bitcode`), even with --emit=obj: link it with bpf-linker, or use a target specification that sets \
    \"obj-is-bitcode\": false";

/// What is wrong with a relocation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RelocFault {
    /// A type that no BPF toolchain writes.
    #[error("unknown type {0}, expected 0 to 4, 10, 11 or 12")]
    Type(u32),
    /// A type that belongs elsewhere.
    #[error("{ty} (type {number}) does not belong in {place}, expected {expected}")]
    Misplaced {
        /// The type's name.
        ty: &'static str,
        /// The type.
        number: u32,
        /// `code` or `data`.
        place: &'static str,
        /// The types that do.
        expected: &'static str,
    },
    /// The place lies outside of the section.
    #[error("it patches {size} bytes, the section has {len:#x}")]
    Outside {
        /// Bytes to be patched.
        size: u64,
        /// Length of the section.
        len: u64,
    },
    /// Code is patched by instruction.
    #[error("the offset is no multiple of 8, expected the start of an instruction")]
    Misaligned,
    /// The place is the second slot of `ld_imm64`.
    #[error("it patches the second slot of ld_imm64, expected the first")]
    SecondSlot,
    /// The place is another instruction than the relocation says.
    #[error("it patches {insn:?}, expected {expected}")]
    Insn {
        /// What stands there.
        insn: RawInsn,
        /// What should stand there.
        expected: &'static str,
    },
    /// The section is zeros.
    #[error("the section has no contents (SHT_NOBITS), nothing can be patched there")]
    Zeros,
    /// The symbol does not exist.
    #[error("symbol {found} does not exist, expected 1 to {last}")]
    NoSymbol {
        /// The index.
        found: u64,
        /// The greatest index.
        last: u64,
    },
    /// The symbol is one that no program can refer to.
    #[error("symbol {symbol} {why}, expected code, data or an undefined symbol")]
    Unusable {
        /// The symbol.
        symbol: SymbolRef,
        /// Why.
        why: String,
    },
    /// The addend does not fit into the place.
    #[error("the addend is {}, expected {expected}", signed(*found))]
    Addend {
        /// The addend.
        found: i64,
        /// What it should be.
        expected: &'static str,
    },
    /// Two relocations patch the same bytes.
    #[error("it overlaps the relocation at {other:#x}")]
    Overlap {
        /// Where the other one is.
        other: u64,
    },
    /// The patched place is not empty.
    #[error("the place holds {found}, expected {expected}")]
    NotEmpty {
        /// What stands there.
        found: String,
        /// What an [`Object`](crate::Object) holds there.
        expected: &'static str,
    },
}

/// A signed number in hexadecimal: `0x10`, `-0x10`.
pub(crate) fn signed(number: i64) -> String {
    format!("{}{:#x}", if number < 0 { "-" } else { "" }, number.unsigned_abs())
}

/// A section in a message: its name, or its index where it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionRef {
    /// Its index in the file, or in an object that is no file yet.
    pub index: u32,
    /// Its name, if that can be read.
    pub name: Option<String>,
}

impl fmt::Display for SectionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) if !name.is_empty() => write!(f, "'{name}'"),
            _ => write!(f, "{}", self.index),
        }
    }
}

/// At most this many of a list are told.
const TOLD: usize = 8;

fn list(pending: &[Pending]) -> String {
    let mut text: Vec<String> = pending.iter().take(TOLD).map(ToString::to_string).collect();
    if pending.len() > TOLD {
        text.push(format!("{} more", pending.len() - TOLD));
    }
    text.join(", ")
}

/// A symbol in a message: its index, and its name where it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolRef {
    /// Index in the symbol table, ELF's null symbol included.
    pub index: u64,
    /// Its name, if that can be read.
    pub name: String,
}

impl fmt::Display for SymbolRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_str() {
            "" => write!(f, "{}", self.index),
            name => write!(f, "'{name}'"),
        }
    }
}
