//! `.BTF.ext`: what the instructions of each code section belong to.

use std::fmt;

use crate::btf::Btf;
use crate::builder::BtfBuilder;
use crate::bytes::{Endian, Header, Part, index, len64, push_preamble, word};
use crate::check;
use crate::dedup::IdMap;
use crate::error::{Error, Section};
use crate::lines::Lines;
use crate::types::{StrRef, TypeId};

/// A place in a code section, in bytes, as in ELF. The kernel's own interface counts in slots of 8 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteOff(pub u32);

impl fmt::Display for ByteOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The size of an instruction slot, in bytes.
const SLOT: u32 = 8;

/// The records of a `.BTF.ext` section. Its strings and types are those of the [`Btf`] of the same object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BtfExt {
    /// The function that starts at an instruction.
    pub func_info: Vec<Block<FuncInfo>>,
    /// The source line of an instruction.
    pub line_info: Vec<Block<LineInfo>>,
    /// What in an instruction depends on the kernel's types.
    pub core_relo: Vec<Block<CoreRelo>>,
}

/// The records of one code section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<R> {
    /// The name of the code section.
    pub section: StrRef,
    /// As encoded; compilers sort them by place, but nothing here depends on that.
    pub records: Vec<R>,
}

/// A function starts here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuncInfo {
    /// Its first instruction.
    pub at: ByteOff,
    /// Its [`Func`](crate::Func).
    pub func: TypeId,
}

/// A source line starts here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineInfo {
    /// The first instruction made from it.
    pub at: ByteOff,
    /// The path of the source file.
    pub file: StrRef,
    /// The text of the line.
    pub text: StrRef,
    /// The number of the line, from 1, below 2^22.
    pub line: u32,
    /// The number of the column, from 1, below 2^10; 0 if it is not known.
    pub column: u32,
}

/// An instruction depends on the kernel's types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CoreRelo {
    /// The instruction.
    pub at: ByteOff,
    /// The type that the program was compiled with.
    pub ty: TypeId,
    /// Which part of the type: indices with colons between them.
    pub access: StrRef,
    /// What about it.
    pub kind: CoreKind,
}

macro_rules! core_kinds {
    ($($number:literal $kind:ident $name:literal $doc:literal;)*) => {
        /// What a relocation asks about the kernel's types: `BPF_CORE_*`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum CoreKind {
            $(#[doc = concat!("`", $name, "`: ", $doc)] $kind = $number,)*
        }

        impl CoreKind {
            /// Every kind, by number.
            pub const ALL: &[CoreKind] = &[$(CoreKind::$kind,)*];

            /// The name in the kernel's headers.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(CoreKind::$kind => $name,)* }
            }
        }
    };
}

core_kinds! {
     0 FieldByteOffset "BPF_CORE_FIELD_BYTE_OFFSET" "where the field starts, in bytes";
     1 FieldByteSize   "BPF_CORE_FIELD_BYTE_SIZE"   "the size of the field, in bytes";
     2 FieldExists     "BPF_CORE_FIELD_EXISTS"      "whether the field exists";
     3 FieldSigned     "BPF_CORE_FIELD_SIGNED"      "whether the field is signed";
     4 FieldLshiftU64  "BPF_CORE_FIELD_LSHIFT_U64"  "the left shift that extracts a bit-field";
     5 FieldRshiftU64  "BPF_CORE_FIELD_RSHIFT_U64"  "the right shift that follows it";
     6 TypeIdLocal     "BPF_CORE_TYPE_ID_LOCAL"     "the id of the type in the program's own set";
     7 TypeIdTarget    "BPF_CORE_TYPE_ID_TARGET"    "the id of the type in the kernel's set";
     8 TypeExists      "BPF_CORE_TYPE_EXISTS"       "whether the type exists";
     9 TypeSize        "BPF_CORE_TYPE_SIZE"         "the size of the type, in bytes";
    10 EnumvalExists   "BPF_CORE_ENUMVAL_EXISTS"    "whether the enumerator exists";
    11 EnumvalValue    "BPF_CORE_ENUMVAL_VALUE"     "the value of the enumerator";
    12 TypeMatches     "BPF_CORE_TYPE_MATCHES"      "whether the type matches the kernel's";
}

impl CoreKind {
    /// The kind of a number, if it is a known one.
    #[must_use]
    pub fn from_number(number: u32) -> Option<CoreKind> {
        CoreKind::ALL.get(index(number)).copied()
    }
}

impl fmt::Display for CoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl BtfExt {
    /// Reads the bytes of a `.BTF.ext` section, of either byte order, that belongs to `btf`.
    ///
    /// # Errors
    ///
    /// The first fault: a header that this crate does not know, a record that is cut off, a place that is no
    /// instruction, a string or type that `btf` does not have, an unknown kind of relocation.
    pub fn parse(bytes: &[u8], btf: &Btf) -> Result<BtfExt, Error> {
        let header = Header::read(Section::BtfExt, bytes, HEADER_MIN, HEADER_LEN)?;
        Ok(BtfExt {
            func_info: blocks(&header, btf, 8)?,
            line_info: blocks(&header, btf, 16)?,
            core_relo: blocks(&header, btf, 24)?,
        })
    }

    /// Writes a `.BTF.ext` section.
    #[must_use]
    pub fn to_bytes(&self, endian: Endian) -> Vec<u8> {
        let parts = [
            encoded(&self.func_info, endian),
            encoded(&self.line_info, endian),
            encoded(&self.core_relo, endian),
        ];
        let mut out = Vec::with_capacity(index(HEADER_LEN) + parts.iter().map(Vec::len).sum::<usize>());
        push_preamble(&mut out, endian, HEADER_LEN);
        let mut start = 0;
        for part in &parts {
            endian.push_u32(&mut out, start);
            endian.push_u32(&mut out, word(part.len()));
            start += word(part.len());
        }
        parts.iter().for_each(|part| out.extend_from_slice(part));
        out
    }

    /// The same records about other types and strings.
    #[must_use]
    pub fn map(
        &self,
        mut ty: impl FnMut(TypeId) -> TypeId,
        mut string: impl FnMut(StrRef) -> StrRef,
    ) -> BtfExt {
        let func_info = mapped(&self.func_info, &mut string, |_, r| FuncInfo { func: ty(r.func), ..*r });
        let line_info = mapped(&self.line_info, &mut string, |string, r| LineInfo {
            file: string(r.file),
            text: string(r.text),
            ..*r
        });
        let core_relo = mapped(&self.core_relo, &mut string, |string, r| CoreRelo {
            ty: ty(r.ty),
            access: string(r.access),
            ..*r
        });
        BtfExt { func_info, line_info, core_relo }
    }

    /// The same records for a set that the types have been merged into. `from` is the set that they belong to now; their
    /// strings are added to the new one.
    ///
    /// That is not all that refers to types: see [`type_ids`](BtfExt::type_ids).
    #[must_use]
    pub fn remap(&self, from: &Btf, ids: &IdMap, into: &mut BtfBuilder) -> BtfExt {
        self.map(|id| ids.get(id), |at| into.string(from.string(at)))
    }

    /// The instructions that have the id of a type in them, with their sections and what the id is: whoever gives types
    /// other ids has to write the ids of the remapped records there.
    pub fn type_ids(&self) -> impl Iterator<Item = (StrRef, ByteOff, TypeId)> {
        let of_block = |block: &Block<CoreRelo>| {
            let section = block.section;
            let is_local = |relo: &&CoreRelo| relo.kind == CoreKind::TypeIdLocal;
            block
                .records
                .iter()
                .filter(is_local)
                .map(move |relo| (section, relo.at, relo.ty))
                .collect::<Vec<_>>()
        };
        self.core_relo.iter().flat_map(of_block)
    }

    /// The functions of a code section, in the order of the encoding.
    pub fn funcs_of<'a>(&'a self, btf: &'a Btf, section: &'a str) -> impl Iterator<Item = &'a FuncInfo> {
        records_of(&self.func_info, btf, section)
    }

    /// The source lines of a code section, ready to be searched.
    #[must_use]
    pub fn lines_of<'a>(&'a self, btf: &'a Btf, section: &str) -> Lines<'a> {
        Lines::new(btf, self.line_info.iter().filter(|block| btf.string_is(block.section, section)))
    }

    /// The relocations of a code section, in the order of the encoding.
    pub fn relos_of<'a>(&'a self, btf: &'a Btf, section: &'a str) -> impl Iterator<Item = &'a CoreRelo> {
        records_of(&self.core_relo, btf, section)
    }
}

fn mapped<R, S: FnMut(StrRef) -> StrRef>(
    blocks: &[Block<R>],
    string: &mut S,
    mut record: impl FnMut(&mut S, &R) -> R,
) -> Vec<Block<R>> {
    let block = |block: &Block<R>| Block {
        section: string(block.section),
        records: block.records.iter().map(|r| record(string, r)).collect(),
    };
    blocks.iter().map(block).collect()
}

fn records_of<'a, R>(blocks: &'a [Block<R>], btf: &'a Btf, section: &'a str) -> impl Iterator<Item = &'a R> {
    blocks.iter().filter(move |block| btf.string_is(block.section, section)).flat_map(|block| &block.records)
}

/// The header without the place of relocations.
const HEADER_MIN: u32 = 24;
const HEADER_LEN: u32 = 32;
/// The name of a code section and the number of its records.
const BLOCK_HEAD: usize = 8;

/// What the three sorts of records have in common.
trait Record: Sized {
    const PART: &'static str;
    /// In words; a longer record is an extension, of which this crate knows only zeros.
    const WORDS: usize;

    fn decode(words: &Words<'_>) -> Result<Self, Error>;
    /// The first [`WORDS`](Record::WORDS) count.
    fn encode(&self) -> [u32; 4];
}

/// The words of a record, and what is needed to check them.
struct Words<'a> {
    btf: &'a Btf,
    part: &'static str,
    section: StrRef,
    /// Where the record starts.
    offset: usize,
    endian: Endian,
    bytes: &'a [[u8; 4]],
}

impl Words<'_> {
    fn word(&self, at: usize) -> u32 {
        self.bytes.get(at).map_or(0, |&bytes| self.endian.u32(bytes))
    }

    fn wrong(&self, field: &'static str, found: u32, expected: impl Into<String>) -> Error {
        let name = self.btf.string(self.section).to_owned();
        let (offset, part) = (self.offset, self.part);
        Error::Record { offset, part, name, field, found: found.into(), expected: expected.into() }
    }

    fn place(&self, at: usize) -> Result<ByteOff, Error> {
        match self.word(at) {
            off if off % SLOT == 0 => Ok(ByteOff(off)),
            off => Err(self.wrong("insn_off", off, "a multiple of 8 bytes")),
        }
    }

    fn ty(&self, at: usize) -> Result<TypeId, Error> {
        match TypeId(self.word(at)) {
            id if check::is_known(self.btf, id) => Ok(id),
            id => Err(self.wrong("type_id", id.0, format!("one of the {} types", self.btf.count()))),
        }
    }

    fn string(&self, at: usize, field: &'static str) -> Result<StrRef, Error> {
        match StrRef(self.word(at)) {
            string if self.btf.has_string(string) => Ok(string),
            string => {
                let expected = format!("the start of a character below {:#x}", self.btf.strings().end());
                Err(self.wrong(field, string.0, expected))
            }
        }
    }
}

impl Record for FuncInfo {
    const PART: &'static str = "func_info";
    const WORDS: usize = 2;

    fn decode(words: &Words<'_>) -> Result<FuncInfo, Error> {
        Ok(FuncInfo { at: words.place(0)?, func: words.ty(1)? })
    }

    fn encode(&self) -> [u32; 4] {
        [self.at.0, self.func.0, 0, 0]
    }
}

/// The column takes the low bits of the last word of a line record.
const COLUMN_BITS: u32 = 10;
const COLUMN_MASK: u32 = (1 << COLUMN_BITS) - 1;

impl Record for LineInfo {
    const PART: &'static str = "line_info";
    const WORDS: usize = 4;

    fn decode(words: &Words<'_>) -> Result<LineInfo, Error> {
        Ok(LineInfo {
            at: words.place(0)?,
            file: words.string(1, "file_name_off")?,
            text: words.string(2, "line_off")?,
            line: words.word(3) >> COLUMN_BITS,
            column: words.word(3) & COLUMN_MASK,
        })
    }

    /// A line or column that the encoding does not hold is written as the last one that it holds.
    fn encode(&self) -> [u32; 4] {
        let line = self.line.min(u32::MAX >> COLUMN_BITS);
        [self.at.0, self.file.0, self.text.0, line << COLUMN_BITS | self.column.min(COLUMN_MASK)]
    }
}

impl Record for CoreRelo {
    const PART: &'static str = "core_relo";
    const WORDS: usize = 4;

    fn decode(words: &Words<'_>) -> Result<CoreRelo, Error> {
        let (at, ty, access) = (words.place(0)?, words.ty(1)?, words.string(2, "access_str_off")?);
        match CoreKind::from_number(words.word(3)) {
            Some(kind) => Ok(CoreRelo { at, ty, access, kind }),
            None => Err(words.wrong("kind", words.word(3), format!("0 to {}", CoreKind::ALL.len() - 1))),
        }
    }

    fn encode(&self) -> [u32; 4] {
        [self.at.0, self.ty.0, self.access.0, self.kind as u32]
    }
}

/// The blocks of the part whose place is at `field` in the header.
fn blocks<R: Record>(header: &Header<'_>, btf: &Btf, field: usize) -> Result<Vec<Block<R>>, Error> {
    let part = header.part(field, R::PART)?;
    let truncated = |offset, what, need, bytes| {
        Err(Error::Truncated { section: Section::BtfExt, offset, what, need, have: len64(bytes) })
    };
    let mut found = Vec::new();
    if part.bytes.is_empty() {
        return Ok(found);
    }
    let Some((&size, mut rest)) = part.bytes.split_first_chunk::<4>() else {
        return truncated(part.start, "rec_size", 4, part.bytes);
    };
    let size = record_size::<R>(header, part, header.endian.u32(size))?;
    while !rest.is_empty() {
        let offset = part.end() - rest.len();
        let Some((head, after)) = rest.split_first_chunk::<BLOCK_HEAD>() else {
            return truncated(offset, "the head of a section's records", 8, rest);
        };
        let &[n0, n1, n2, n3, c0, c1, c2, c3] = head;
        let [name, count] = [[n0, n1, n2, n3], [c0, c1, c2, c3]];
        let head = Words {
            btf,
            part: R::PART,
            section: StrRef::EMPTY,
            offset,
            endian: header.endian,
            bytes: &[name, count],
        };
        let section = head.string(0, "sec_name_off")?;
        let need = u64::from(head.word(1)) * u64::from(word(size));
        let split = usize::try_from(need).ok().and_then(|need| after.split_at_checked(need));
        let Some((bytes, after)) = split else {
            return truncated(offset + BLOCK_HEAD, R::PART, need, after);
        };
        found.push(Block { section, records: records(&head, section, bytes, size)? });
        rest = after;
    }
    Ok(found)
}

fn record_size<R: Record>(header: &Header<'_>, part: Part<'_>, size: u32) -> Result<usize, Error> {
    let min = word(R::WORDS * 4);
    if size >= min && size.is_multiple_of(4) {
        return Ok(index(size));
    }
    debug_assert!(part.start >= header.len);
    Err(Error::Record {
        offset: part.start,
        part: R::PART,
        name: String::new(),
        field: "rec_size",
        found: size.into(),
        expected: format!("a multiple of 4, at least {min:#x}"),
    })
}

fn records<R: Record>(head: &Words<'_>, section: StrRef, bytes: &[u8], size: usize) -> Result<Vec<R>, Error> {
    let start = head.offset + BLOCK_HEAD;
    let decode = |(i, bytes): (usize, &[u8])| {
        let words = Words { section, offset: start + i * size, bytes: bytes.as_chunks().0, ..*head };
        if let Some(extra) = (R::WORDS..words.bytes.len()).find(|&at| words.word(at) != 0) {
            return Err(words.wrong("a word of an unknown extension", words.word(extra), "0x0"));
        }
        R::decode(&words)
    };
    bytes.chunks_exact(size).enumerate().map(decode).collect()
}

/// A part: the size of a record, then the blocks. Without blocks, there is none.
fn encoded<R: Record>(blocks: &[Block<R>], endian: Endian) -> Vec<u8> {
    let mut out = Vec::new();
    if blocks.is_empty() {
        return out;
    }
    endian.push_u32(&mut out, word(R::WORDS * 4));
    for block in blocks {
        endian.push_u32(&mut out, block.section.0);
        endian.push_u32(&mut out, word(block.records.len()));
        for record in &block.records {
            record.encode().iter().take(R::WORDS).for_each(|&word| endian.push_u32(&mut out, word));
        }
    }
    out
}
