//! Sections as they grow.

use skep_insn::{Endian, RawInsn, SLOT_BYTES};

use crate::object::{Contents, SectionKind};

use super::diag::{Fault, Parsed};
use super::expr::Expr;
use super::source::Span;

/// Bytes in a section at most. It guards against `.zero 1 << 40`.
const MAX_BYTES: u64 = 1 << 28;
/// Bytes in a section of zeros at most.
const MAX_ZEROS: u64 = 1 << 40;

/// What is to happen with a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing tells yet; the first thing in it will.
    Unknown,
    /// It becomes a section of the object.
    Kept(SectionKind),
    /// `.BTF`: types.
    Btf,
    /// `.BTF.ext`: records of functions and lines.
    BtfExt,
    /// `.debug_info` and such: what stands there is not even read.
    Ignored,
}

/// A section as it grows.
pub(super) struct Section<'s> {
    pub(super) name: std::borrow::Cow<'s, str>,
    /// Where it is first named.
    pub(super) at: Span,
    /// What `.section` said.
    pub(super) flags: Option<Flags>,
    pub(super) role: Role,
    pub(super) align: u64,
    pub(super) bytes: Vec<u8>,
    /// Its length, if it has no bytes.
    pub(super) zeros: u64,
    /// What depends on symbols.
    pub(super) fixups: Vec<Fixup>,
    /// Source of each instruction; in code, ordered by offset.
    pub(super) lines: Vec<LineMark>,
}

/// What `.section` says about a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Flags {
    pub(super) alloc: bool,
    pub(super) write: bool,
    pub(super) exec: bool,
    pub(super) nobits: bool,
}

/// A place whose value depends on symbols.
#[derive(Debug)]
pub(super) struct Fixup {
    /// Where, in bytes from the start of the section.
    pub(super) offset: u64,
    pub(super) kind: FixupKind,
    pub(super) expr: Expr,
    /// The expression.
    pub(super) at: Span,
}

/// What a fixup writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FixupKind {
    /// The offset of a jump, in 16 bits.
    Jump,
    /// The offset of `gotol`, in 32 bits.
    JumpLong,
    /// The target of `call`.
    Call,
    /// The value of `ld_imm64`.
    Imm64,
    /// A number of so many bytes.
    Data(u8),
}

/// The source of the instruction at an offset.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineMark {
    pub(super) offset: u64,
    /// Index in the file table; `None` is the assembly file itself.
    pub(super) file: Option<u32>,
    pub(super) line: u32,
    pub(super) column: u32,
}

impl<'s> Section<'s> {
    pub(super) fn new(name: std::borrow::Cow<'s, str>, at: Span, flags: Option<Flags>) -> Self {
        let role = role(&name, flags);
        Section {
            name,
            at,
            flags,
            role,
            align: 1,
            bytes: Vec::new(),
            zeros: 0,
            fixups: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> u64 {
        self.zeros + self.bytes.len() as u64
    }

    pub(super) fn is_code(&self) -> bool {
        self.role == Role::Kept(SectionKind::Code)
    }

    fn is_bss(&self) -> bool {
        self.role == Role::Kept(SectionKind::Bss)
    }

    /// Prepares for data; `false` if it is not wanted.
    pub(super) fn begin_data(&mut self) -> bool {
        if self.role == Role::Unknown {
            self.role = Role::Kept(SectionKind::Data);
        }
        self.role != Role::Ignored
    }

    /// Appends an instruction.
    pub(super) fn push_code(&mut self, slots: &[RawInsn], endian: Endian, at: Span) -> Parsed<()> {
        if self.role == Role::Unknown {
            self.role = Role::Kept(SectionKind::Code);
        }
        if !self.is_code() {
            let name = &self.name;
            return Err(Fault::new(
                at,
                format!(
                    "instruction in section '{name}', which holds no code; put '.text' or '.section NAME' in front of it"
                ),
            ));
        }
        if !self.len().is_multiple_of(SLOT_BYTES as u64) {
            let len = self.len();
            let message = format!(
                "instruction at offset {len} of section '{}'; instructions stand at multiples of 8 bytes, so put \
                 '.balign 8' in front of it",
                self.name
            );
            // One error is enough.
            self.push_zeros(len.next_multiple_of(SLOT_BYTES as u64) - len, at)?;
            return Err(Fault::new(at, message));
        }
        self.align = self.align.max(SLOT_BYTES as u64);
        self.check_room(slots.len() as u64 * SLOT_BYTES as u64, at)?;
        for slot in slots {
            self.bytes.extend_from_slice(&slot.to_bytes(endian));
        }
        Ok(())
    }

    /// Appends bytes.
    pub(super) fn push_bytes(&mut self, bytes: &[u8], at: Span) -> Parsed<()> {
        if self.is_bss() {
            if bytes.iter().any(|&byte| byte != 0) {
                let message =
                    format!("section '{}' begins as zeros; put this into '.data' or '.rodata'", self.name);
                return Err(Fault::new(at, message));
            }
            return self.push_zeros(bytes.len() as u64, at);
        }
        self.check_room(bytes.len() as u64, at)?;
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends `count` times the bytes.
    pub(super) fn push_repeated(&mut self, count: u64, bytes: &[u8], at: Span) -> Parsed<()> {
        if bytes.iter().all(|&byte| byte == 0) {
            return self.push_zeros(count.saturating_mul(bytes.len() as u64), at);
        }
        if self.is_bss() {
            return self.push_bytes(bytes, at);
        }
        self.check_room(count.saturating_mul(bytes.len() as u64), at)?;
        for _ in 0..count {
            self.bytes.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Appends zeros.
    pub(super) fn push_zeros(&mut self, count: u64, at: Span) -> Parsed<()> {
        self.check_room(count, at)?;
        if self.is_bss() {
            self.zeros += count;
        } else {
            let len = self.len() + count;
            self.bytes.resize(usize::try_from(len).unwrap_or(self.bytes.len()), 0);
        }
        Ok(())
    }

    /// Appends what is missing to a multiple of `align`: in code, jumps to the next instruction.
    pub(super) fn pad(&mut self, align: u64, fill: u8, endian: Endian, at: Span) -> Parsed<()> {
        self.align = self.align.max(align);
        let missing = self.len().next_multiple_of(align) - self.len();
        let slot = SLOT_BYTES as u64;
        if self.is_code() && missing.is_multiple_of(slot) && self.len().is_multiple_of(slot) {
            let nop = skep_insn::Insn::Jump { off: 0, long: false }.encode();
            let bytes: Vec<u8> = nop.as_slice().iter().flat_map(|slot| slot.to_bytes(endian)).collect();
            return self.push_repeated(missing / slot, &bytes, at);
        }
        self.push_repeated(missing, &[fill], at)
    }

    fn check_room(&self, more: u64, at: Span) -> Parsed<()> {
        let limit = if self.is_bss() { MAX_ZEROS } else { MAX_BYTES };
        match self.len().checked_add(more) {
            Some(len) if len <= limit => Ok(()),
            _ => {
                let message = format!(
                    "section '{}' grows beyond {limit:#x} bytes, the limit of this assembler",
                    self.name
                );
                Err(Fault::new(at, message))
            }
        }
    }
}

/// What a section is for: from its flags and its name, as in the ELF files of compilers; without flags from its name,
/// if it is one of those that everybody knows.
fn role(name: &str, flags: Option<Flags>) -> Role {
    let family = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    };
    let unused = [".debug_", ".note", ".llvm", ".gnu", ".eh_frame", ".comment"];
    let known = [
        ".data",
        ".rodata",
        ".bss",
        ".maps",
        "maps",
        ".struct_ops",
        "?.struct_ops",
        ".addr_space",
        ".jumptables",
        "license",
        "version",
    ];
    let flags = match (name, flags) {
        (".BTF", _) => return Role::Btf,
        (".BTF.ext", _) => return Role::BtfExt,
        _ if unused.iter().any(|prefix| name.starts_with(prefix)) => return Role::Ignored,
        (_, None) if family(".text") => Flags { exec: true, ..Flags::default() },
        (_, None) if family(".bss") => Flags { nobits: true, ..Flags::default() },
        (_, None) if known.iter().any(|prefix| family(prefix)) => Flags::default(),
        (_, None) => return Role::Unknown,
        // Jump tables are the only ones that are used and not marked as such.
        (_, Some(flags)) if !flags.alloc && !flags.exec && !family(".jumptables") => return Role::Ignored,
        (_, Some(flags)) => flags,
    };
    let contents = match flags {
        Flags { exec: true, .. } => Contents::Code(Vec::new()),
        Flags { nobits: true, .. } => Contents::Zeros(0),
        _ => Contents::Bytes(Vec::new()),
    };
    Role::Kept(SectionKind::of(name, &contents, flags.write))
}

/// What the letters of `.section` say.
pub(super) fn flags(letters: &str) -> Result<Flags, char> {
    let mut flags = Flags::default();
    for letter in letters.chars() {
        match letter {
            'a' => flags.alloc = true,
            'w' => flags.write = true,
            'x' => flags.exec = true,
            'M' | 'S' | 'e' | 'o' | 'G' | 'R' | 'T' | '?' => {}
            other => return Err(other),
        }
    }
    Ok(flags)
}
