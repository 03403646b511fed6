//! A program as bare instructions, for engines that read no ELF objects: one code section, calls resolved, the
//! read-only data as one block whose address goes into the `ld_imm64` instructions when it is known.

use object::elf::{R_BPF_64_32, R_BPF_64_64};
use object::{
    Object, ObjectSection, ObjectSymbol, RelocationFlags, RelocationTarget, SectionIndex, SectionKind,
};

/// Bytes of an instruction slot.
pub(crate) const SLOT: usize = 8;

/// See the module's comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flat {
    code: Vec<u8>,
    /// Slot at which `run` starts.
    pub(crate) entry: usize,
    /// All read-only data, sections one after the other.
    pub(crate) data: Vec<u8>,
    /// Slots of `ld_imm64` that hold an address in `data`, with the offset there.
    addresses: Vec<(usize, usize)>,
}

impl Flat {
    /// Flattens what clang wrote: `run` and what it calls in `.text`, tables in `.rodata*`.
    ///
    /// # Errors
    /// The object is damaged, or needs more than this: another section, a symbol from elsewhere.
    pub(crate) fn from_object(bytes: &[u8]) -> Result<Self, String> {
        let file = object::File::parse(bytes).map_err(|e| e.to_string())?;
        let text = file.section_by_name(".text").ok_or("no section .text")?;
        let mut flat = Self { code: text.data().map_err(|e| e.to_string())?.to_vec(), ..Self::default() };
        let mut bases: Vec<(SectionIndex, usize)> = Vec::new();
        for section in file.sections() {
            match section.kind() {
                SectionKind::ReadOnlyData | SectionKind::ReadOnlyString => {
                    if section.relocations().next().is_some() {
                        return Err(format!("pointers in {}", section.name().unwrap_or("?")));
                    }
                    flat.data.resize(flat.data.len().next_multiple_of(16), 0);
                    bases.push((section.index(), flat.data.len()));
                    flat.data.extend_from_slice(section.data().map_err(|e| e.to_string())?);
                }
                SectionKind::Data | SectionKind::UninitializedData if section.size() > 0 => {
                    return Err(format!("writable data in {}", section.name().unwrap_or("?")));
                }
                _ => {}
            }
        }
        for (at, reloc) in text.relocations() {
            let at = usize::try_from(at).map_err(|e| e.to_string())?;
            let RelocationTarget::Symbol(target) = reloc.target() else {
                return Err(format!("relocation without symbol at {at:#x}"));
            };
            let symbol = file.symbol_by_index(target).map_err(|e| e.to_string())?;
            let name = symbol.name().unwrap_or("?");
            let section = symbol.section_index().ok_or_else(|| format!("'{name}' is not defined"))?;
            let value = usize::try_from(symbol.address()).map_err(|e| e.to_string())?;
            let RelocationFlags::Elf { r_type } = reloc.flags() else {
                return Err("not an ELF object".into());
            };
            let imm = flat.imm(at).ok_or_else(|| format!("relocation past the end, at {at:#x}"))?;
            match r_type {
                R_BPF_64_32 if section == text.index() => {
                    // The immediate counts slots from the next one, from the symbol's point of view.
                    let target = i64::try_from(value / SLOT).map_err(|e| e.to_string())? + i64::from(imm) + 1;
                    let next = i64::try_from(at / SLOT).map_err(|e| e.to_string())? + 1;
                    flat.set_imm(at, i32::try_from(target - next).map_err(|e| e.to_string())?);
                }
                R_BPF_64_64 => {
                    let base = bases.iter().find(|(index, _)| *index == section);
                    let (_, base) = base.ok_or_else(|| format!("address of '{name}', which is no data"))?;
                    let addend =
                        usize::try_from(imm).map_err(|_| format!("negative offset from '{name}'"))?;
                    flat.addresses.push((at / SLOT, base + value + addend));
                }
                other => return Err(format!("relocation of type {other} at {at:#x}")),
            }
        }
        let run = file.symbols().find(|s| s.name() == Ok("run") && s.section_index() == Some(text.index()));
        flat.entry =
            usize::try_from(run.ok_or("no function 'run'")?.address()).map_err(|e| e.to_string())? / SLOT;
        Ok(flat)
    }

    /// Bare instructions that need no data; the first one is the entry.
    pub(crate) fn from_code(code: Vec<u8>) -> Self {
        Self { code, ..Self::default() }
    }

    /// The instructions, for data that lies at `address`.
    pub(crate) fn code(&self, address: u64) -> Vec<u8> {
        let mut code = self.code.clone();
        for &(slot, offset) in &self.addresses {
            let address = address + u64::try_from(offset).expect("usize fits u64");
            code[slot * SLOT + 4..][..4].copy_from_slice(&address.to_le_bytes()[..4]);
            code[slot * SLOT + 12..][..4].copy_from_slice(&address.to_le_bytes()[4..]);
        }
        code
    }

    /// Length in slots.
    pub(crate) fn slots(&self) -> usize {
        self.code.len() / SLOT
    }

    fn imm(&self, at: usize) -> Option<i32> {
        Some(i32::from_le_bytes(self.code.get(at + 4..at + 8)?.try_into().ok()?))
    }

    fn set_imm(&mut self, at: usize, imm: i32) {
        self.code[at + 4..at + 8].copy_from_slice(&imm.to_le_bytes());
    }
}

/// A straight line of `slots` instructions without meaning, the last one an `exit`: what a loader has to decode,
/// check and prepare at least.
pub(crate) fn straight_line(slots: usize) -> Flat {
    // r0 = 7; r1 = r0; r0 += r1; w1 ^= 9; r2 = r1; r2 >>= 3; w0 -= w2; r0 *= r2
    const BODY: [[u8; SLOT]; 8] = [
        [0xb7, 0x00, 0, 0, 7, 0, 0, 0],
        [0xbf, 0x01, 0, 0, 0, 0, 0, 0],
        [0x0f, 0x10, 0, 0, 0, 0, 0, 0],
        [0xa4, 0x01, 0, 0, 9, 0, 0, 0],
        [0xbf, 0x12, 0, 0, 0, 0, 0, 0],
        [0x77, 0x02, 0, 0, 3, 0, 0, 0],
        [0x1c, 0x20, 0, 0, 0, 0, 0, 0],
        [0x2f, 0x20, 0, 0, 0, 0, 0, 0],
    ];
    let mut code: Vec<u8> = BODY.iter().cycle().take(slots - 1).flatten().copied().collect();
    code.extend_from_slice(&[0x95, 0, 0, 0, 0, 0, 0, 0]);
    Flat::from_code(code)
}
