//! Relocations of debug sections, which object files have.

use std::borrow::Cow;

use object::read::elf::{ElfFile, ElfSection, FileHeader};
use object::{Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationKind, RelocationTarget};

use crate::elf::{Addresses, owned};
use crate::error::Error;

/// Puts what the linker would put into the bytes of a debug section.
pub(crate) fn apply<'d, H: FileHeader>(
    file: &ElfFile<'d, H>,
    section: &ElfSection<'d, '_, H>,
    addresses: &Addresses,
    bytes: &mut Cow<'d, [u8]>,
) -> Result<(), Error> {
    for (offset, relocation) in section.relocations() {
        let wrong = |found: String| Error::Relocation {
            section: section.name().unwrap_or_default().to_owned(),
            offset,
            found,
        };
        let len = match (relocation.kind(), relocation.size()) {
            (RelocationKind::Absolute, 32) => 4,
            (RelocationKind::Absolute, 64) => 8,
            (RelocationKind::None, _) => continue,
            _ => match special(file.architecture(), relocation.flags()) {
                Some(Special::Bytes(len)) => len,
                Some(Special::Irrelevant) => continue,
                None => return Err(wrong(format!("{:?}", relocation.flags()))),
            },
        };
        let target = match relocation.target() {
            RelocationTarget::Symbol(symbol) => {
                let symbol = file.symbol_by_index(symbol)?;
                // What is not defined here is at 0.
                let base = symbol.section_index().and_then(|section| addresses.get(&section));
                symbol.address().wrapping_add(base.copied().unwrap_or_default())
            }
            RelocationTarget::Section(section) => addresses.get(&section).copied().unwrap_or_default(),
            _ => 0,
        };
        let little = file.is_little_endian();
        let place = owned(bytes, offset, len).ok_or_else(|| wrong("behind the section's end".to_owned()))?;
        let mut value = target.wrapping_add(relocation.addend().cast_unsigned());
        if relocation.has_implicit_addend() {
            let add = |word, &byte| word << 8 | u64::from(byte);
            let there = if little { place.iter().rev().fold(0, add) } else { place.iter().fold(0, add) };
            value = value.wrapping_add(there);
        }
        let mut encoded = value.to_le_bytes();
        let used = &mut encoded[..place.len()];
        if !little {
            used.reverse();
        }
        place.copy_from_slice(used);
    }
    Ok(())
}

/// What the reader library has no name for.
enum Special {
    /// Absolute, of that many bytes.
    Bytes(u8),
    /// Differences of code addresses, and offsets from the thread pointer, which no type depends on.
    Irrelevant,
}

fn special(machine: object::Architecture, flags: RelocationFlags) -> Option<Special> {
    use object::{Architecture, elf};
    let RelocationFlags::Elf { r_type } = flags else { return None };
    Some(match (machine, r_type) {
        (Architecture::Bpf, elf::R_BPF_64_64 | elf::RelocationType(2)) => Special::Bytes(8),
        (Architecture::Bpf, elf::RelocationType(3 | 4)) => Special::Bytes(4),
        (Architecture::X86_64, elf::R_X86_64_DTPOFF64 | elf::R_X86_64_DTPOFF32) => Special::Irrelevant,
        (Architecture::I386, elf::R_386_TLS_LDO_32) => Special::Irrelevant,
        (Architecture::Riscv32 | Architecture::Riscv64, _) => Special::Irrelevant,
        (Architecture::LoongArch64 | Architecture::LoongArch32, _) => Special::Irrelevant,
        (Architecture::Aarch64, elf::R_AARCH64_TLS_DTPREL) => Special::Irrelevant,
        (Architecture::PowerPc64, elf::R_PPC64_DTPREL64) => Special::Irrelevant,
        (Architecture::Arm, elf::R_ARM_TLS_LDO32) => Special::Irrelevant,
        (Architecture::S390x, elf::R_390_TLS_LDO64) => Special::Irrelevant,
        _ => return None,
    })
}
