//! Which sections a program consists of, and what each of them is.

use skep_insn::{RawInsn, SLOT_BYTES};

use super::header::{File, Header};
use super::raw::{
    SHF_ALLOC, SHF_COMPRESSED, SHF_EXECINSTR, SHF_TLS, SHF_WRITE, SHT_FINI_ARRAY, SHT_INIT_ARRAY, SHT_NOBITS,
    SHT_NOTE, SHT_PREINIT_ARRAY, SHT_PROGBITS, SHT_SYMTAB,
};
use crate::error::Error;
use crate::object::{Contents, Object, Section, SectionId, SectionKind, is_ld_imm64, is_program_name};

/// What became of each section of the file.
pub(super) struct Kept {
    /// By index in the file.
    roles: Vec<Role>,
    /// The symbol table.
    pub(super) symtab: Option<u32>,
}

/// What became of a section of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is part of the object.
    Program(SectionId),
    /// `.BTF`
    Btf,
    /// `.BTF.ext`
    BtfExt,
    /// No program consists of it: tables, DWARF, notes.
    Ignored,
}

impl Kept {
    pub(super) fn role(&self, index: u32) -> Role {
        self.roles.get(index as usize).copied().unwrap_or(Role::Ignored)
    }

    /// The first section with a role.
    pub(super) fn index_of(&self, role: Role) -> Option<u32> {
        self.roles.iter().position(|&r| r == role).and_then(|index| u32::try_from(index).ok())
    }
}

/// Copies the sections that a program consists of.
pub(super) fn keep(file: &File<'_>, object: &mut Object) -> Result<Kept, Error> {
    let mut kept = Kept { roles: Vec::with_capacity(file.headers.len()), symtab: None };
    for header in &file.headers {
        let role = role(header, &mut kept, object)?;
        kept.roles.push(role);
        if let Role::Program(_) = role {
            object.sections.push(section(file, header)?);
        }
    }
    let only_bitcode = !object
        .sections
        .iter()
        .any(|section| matches!(&section.contents, Contents::Code(code) if !code.is_empty()));
    if only_bitcode && file.headers.iter().any(|header| matches!(header.name, ".llvmbc" | ".llvm.lto")) {
        return Err(Error::Bitcode { what: "the ELF file holds only LLVM bitcode (section .llvmbc)" });
    }
    Ok(kept)
}

fn role(header: &Header<'_>, kept: &mut Kept, object: &mut Object) -> Result<Role, Error> {
    if header.ty == SHT_SYMTAB {
        if let Some(first) = kept.symtab.replace(header.index) {
            return Err(header.fault(
                "sh_type",
                "2 (SHT_SYMTAB)",
                format!("one symbol table; section {first} is one"),
            ));
        }
        return Ok(Role::Ignored);
    }
    let once = |role: Role, kept: &Kept| match kept.index_of(role) {
        None => Ok(role),
        Some(first) => {
            Err(header.fault("name", header.name, format!("one such section; section {first} is one")))
        }
    };
    match (header.name, header.ty) {
        (".BTF", SHT_PROGBITS) => return once(Role::Btf, kept),
        (".BTF.ext", SHT_PROGBITS) => return once(Role::BtfExt, kept),
        (".BTF" | ".BTF.ext", ty) => return Err(header.fault("sh_type", ty, "1 (SHT_PROGBITS)")),
        _ => {}
    }
    let is_program =
        matches!(header.ty, SHT_PROGBITS | SHT_NOBITS | SHT_INIT_ARRAY | SHT_FINI_ARRAY | SHT_PREINIT_ARRAY);
    let is_unused = header.ty == SHT_NOTE || !is_program_name(header.name);
    // LLVM 22 writes jump tables without SHF_ALLOC, though code loads from them.
    let is_loaded = header.has(SHF_ALLOC) || header.name == ".jumptables";
    if !is_loaded || is_unused {
        return Ok(Role::Ignored);
    }
    if !is_program {
        object
            .remarks
            .push(format!("section '{}': sections of type {:#x} are not used", header.name, header.ty));
        return Ok(Role::Ignored);
    }
    let id = u32::try_from(object.sections.len()).unwrap_or(u32::MAX);
    Ok(Role::Program(SectionId(id)))
}

fn section(file: &File<'_>, header: &Header<'_>) -> Result<Section, Error> {
    if header.has(SHF_TLS) {
        return Err(header.fault(
            "sh_flags",
            "SHF_TLS",
            "no thread-local variables, BPF has none: remove __thread",
        ));
    }
    if header.has(SHF_COMPRESSED) {
        return Err(header.fault("sh_flags", "SHF_COMPRESSED", "a section that is not compressed"));
    }
    let align = header.align.max(1);
    let code = header.has(SHF_EXECINSTR);
    let contents = if header.ty == SHT_NOBITS {
        if code {
            return Err(header.fault("sh_type", "8 (SHT_NOBITS)", "1 (SHT_PROGBITS), since it holds code"));
        }
        Contents::Zeros(header.size)
    } else if code {
        let slots = RawInsn::slots(header.contents, file.endian()).ok_or_else(|| {
            header.fault("sh_size", format!("{:#x}", header.size), "a multiple of 8, since it holds code")
        })?;
        Contents::Code(with_callx_in_dst(slots))
    } else {
        Contents::Bytes(header.contents.to_vec())
    };
    let kind = SectionKind::of(header.name, &contents, header.has(SHF_WRITE));
    Ok(Section { name: header.name.to_owned(), kind, align, contents, relocs: Vec::new() })
}

/// LLVM before 19 put the register of `callx` into the immediate.
fn with_callx_in_dst(mut slots: Vec<RawInsn>) -> Vec<RawInsn> {
    const CALLX: u8 = 0x8d;
    let mut at = 0;
    while let Some(&insn) = slots.get(at) {
        if let (CALLX, 0, 0, 0, Ok(reg @ 1..=10)) =
            (insn.code, insn.dst(), insn.src(), insn.off, u8::try_from(insn.imm))
        {
            slots[at] = RawInsn::new(CALLX, reg, 0, 0, 0);
        }
        at += if is_ld_imm64(insn) { 2 } else { 1 };
    }
    slots
}

/// Bytes of a slot, as file positions are counted.
pub(super) const SLOT: u64 = SLOT_BYTES as u64;
