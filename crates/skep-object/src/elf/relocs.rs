//! Relocations: read, checked, and their addends taken out of the places that they patch.

use skep_insn::{Endian, RawInsn};

use super::dialect::Dialect;
use super::header::{File, Header};
use super::raw::{Bytes, REL_SIZE, RELA_SIZE, SHT_REL, SHT_RELA, r};
use super::sections::{Kept, Role, SLOT};
use super::symbols::{Entry, Fate, Symbols};
use crate::error::{Error, RelocFault};
use crate::object::{Contents, EMPTY_CALL, Object, Reloc, RelocKind, SectionId, is_ld_imm64};

/// A relocation section.
pub(super) struct Table<'a> {
    /// The name of the section to be patched.
    pub(super) section: &'a str,
    /// What became of that section.
    pub(super) role: Role,
    pub(super) records: Vec<Record>,
}

/// A relocation as it stands in the file.
#[derive(Clone, Copy)]
pub(super) struct Record {
    pub(super) offset: u64,
    /// Index in the symbol table of the file.
    pub(super) symbol: u32,
    pub(super) ty: u32,
    /// Where it does not stand in the patched place.
    pub(super) addend: Option<i64>,
}

/// Reads all relocation sections. Those of sections that no program consists of may be damaged.
pub(super) fn tables<'a>(
    file: &File<'a>,
    kept: &Kept,
    symbols: &Symbols<'_>,
) -> Result<Vec<Table<'a>>, Error> {
    let mut tables = Vec::new();
    for header in file.headers.iter().filter(|header| matches!(header.ty, SHT_REL | SHT_RELA)) {
        let Some(target) = file.header(header.info).filter(|target| target.index != 0) else {
            return Err(header.fault("sh_info", header.info, "the index of the section to be patched"));
        };
        let role = kept.role(target.index);
        let entry = if header.ty == SHT_REL { REL_SIZE } else { RELA_SIZE };
        if role != Role::Ignored {
            header.check_table(entry)?;
            if kept.symtab != Some(header.link) {
                return Err(header.fault("sh_link", header.link, "the index of the symbol table"));
            }
        }
        let records = records(file, header, entry).collect();
        let table = Table { section: target.name, role, records };
        if role != Role::Ignored {
            table.check(symbols)?;
        }
        tables.push(table);
    }
    Ok(tables)
}

fn records<'a>(file: &File<'a>, header: &Header<'a>, entry: u64) -> impl Iterator<Item = Record> + use<'a> {
    let bytes = file.contents(header);
    (0..bytes.len() / entry).map_while(move |index| {
        let raw = bytes.part(index * entry, entry)?;
        let info = raw.u64(8)?;
        let [ty, symbol] =
            [info & 0xffff_ffff, info >> 32].map(|half| u32::try_from(half).unwrap_or_default());
        Some(Record { offset: raw.u64(0)?, symbol, ty, addend: raw.u64(16).map(u64::cast_signed) })
    })
}

impl Table<'_> {
    pub(super) fn fault(&self, record: &Record, what: RelocFault) -> Error {
        Error::Reloc { section: self.section.to_owned(), offset: record.offset, what }
    }

    /// The types are known and the symbols exist.
    fn check(&self, symbols: &Symbols<'_>) -> Result<(), Error> {
        for record in &self.records {
            if r::name(record.ty).is_none() {
                return Err(self.fault(record, RelocFault::Type(record.ty)));
            }
            let exists = record.symbol != 0 && u64::from(record.symbol) <= symbols.last();
            if !exists && record.ty != r::NONE {
                let what = RelocFault::NoSymbol { found: record.symbol.into(), last: symbols.last() };
                return Err(self.fault(record, what));
            }
        }
        Ok(())
    }
}

/// What a relocation patches, and the value that stands there.
#[derive(Clone, Copy)]
pub(super) struct Patch {
    pub(super) kind: RelocKind,
    /// In the place: bytes; of a call, its `imm`. Zero if the addend is explicit.
    pub(super) value: i64,
    pub(super) explicit: Option<i64>,
}

impl Patch {
    /// Bytes beyond the symbol.
    pub(super) fn addend(self, symbol: &Entry<'_>, dialect: Dialect) -> i64 {
        if let Some(addend) = self.explicit {
            return addend;
        }
        // The symbol's value stands in the place already; in that of a call it is not even divided by 8.
        let held = match dialect {
            Dialect::Clang => 0,
            Dialect::Gnu => symbol.value.cast_signed(),
        };
        match self.kind {
            RelocKind::Call => self.value.wrapping_add(1).wrapping_sub(held).wrapping_mul(SLOT.cast_signed()),
            _ => self.value.wrapping_sub(held),
        }
    }
}

/// What a record patches in a section of the object; nothing for `R_BPF_NONE`.
pub(super) fn patch(object: &Object, id: SectionId, record: &Record) -> Result<Option<Patch>, RelocFault> {
    if record.ty == r::NONE {
        return Ok(None);
    }
    let section = object.section(id);
    let (kind, value) = match &section.contents {
        Contents::Code(slots) => patch_code(slots, record)?,
        Contents::Bytes(bytes) => patch_data(Bytes { bytes, endian: object.endian }, record)?,
        Contents::Zeros(_) => return Err(RelocFault::Zeros),
    };
    let value = if record.addend.is_some() { 0 } else { value };
    Ok(Some(Patch { kind, value, explicit: record.addend }))
}

fn patch_code(slots: &[RawInsn], record: &Record) -> Result<(RelocKind, i64), RelocFault> {
    let size = match record.ty {
        r::BPF_64_64 => 16,
        r::BPF_64_32 => SLOT,
        _ => return Err(misplaced(record.ty, "code", "R_BPF_64_64 or R_BPF_64_32")),
    };
    let len = slots.len() as u64 * SLOT;
    if !record.offset.is_multiple_of(SLOT) {
        return Err(RelocFault::Misaligned);
    }
    let at = usize::try_from(record.offset / SLOT).unwrap_or(usize::MAX);
    let Some(&insn) = slots.get(at).filter(|_| record.offset.saturating_add(size) <= len) else {
        return Err(RelocFault::Outside { size, len });
    };
    if record.ty == r::BPF_64_32 {
        let is_call = insn.code == 0x85 && insn.dst() == 0 && insn.off == 0 && insn.src() <= 1;
        return match is_call {
            true => Ok((RelocKind::Call, insn.imm.into())),
            false => Err(RelocFault::Insn { insn, expected: "call (opcode 0x85) of a function, src 1" }),
        };
    }
    let second = slots.get(at + 1).copied().unwrap_or_default();
    if !is_ld_imm64(insn) || insn.src() > 1 || insn.off != 0 {
        return Err(RelocFault::Insn { insn, expected: "ld_imm64 (opcode 0x18), src 0" });
    }
    if second != RawInsn::new(0, 0, 0, 0, second.imm) {
        return Err(RelocFault::Insn {
            insn: second,
            expected: "the second slot of ld_imm64, which holds only an imm",
        });
    }
    // clang writes 32 bits, GNU as all 64; with the upper half zero a sign-extended value means the same to both,
    // since no section is that long.
    let value = match second.imm {
        0 => insn.imm.into(),
        high => i64::from(high) << 32 | i64::from(insn.imm.cast_unsigned()),
    };
    Ok((RelocKind::LoadImm64, value))
}

fn patch_data(bytes: Bytes<'_>, record: &Record) -> Result<(RelocKind, i64), RelocFault> {
    // Old clang also used the types of code for data.
    let (kind, value) = match record.ty {
        r::ABS64 | r::BPF_64_64 | r::GNU_DATA_64 => {
            (RelocKind::Abs64, bytes.u64(record.offset).map(u64::cast_signed))
        }
        r::ABS32 | r::BPF_64_32 | r::GNU_DATA_32 => {
            (RelocKind::Abs32, bytes.u32(record.offset).map(|value| value.cast_signed().into()))
        }
        ty => return Err(misplaced(ty, "data", "R_BPF_64_ABS64 or R_BPF_64_ABS32")),
    };
    match value {
        Some(value) => Ok((kind, value)),
        None => Err(RelocFault::Outside { size: kind.size(), len: bytes.len() }),
    }
}

fn misplaced(number: u32, place: &'static str, expected: &'static str) -> RelocFault {
    RelocFault::Misplaced { ty: r::name(number).unwrap_or_default(), number, place, expected }
}

/// Moves the relocations of program sections into the object, with their addends.
pub(super) fn take(
    object: &mut Object,
    symbols: &Symbols<'_>,
    tables: &[Table<'_>],
    dialect: Dialect,
) -> Result<(), Error> {
    let (mut seen, mut unused) = (0, 0);
    for table in tables {
        let Role::Program(id) = table.role else { continue };
        seen += table.records.len();
        for record in &table.records {
            let fault = |what| table.fault(record, what);
            let (Some(patch), Some(entry)) =
                (patch(object, id, record).map_err(fault)?, symbols.get(record.symbol))
            else {
                // R_BPF_NONE asks for nothing.
                debug_assert_eq!(record.ty, r::NONE);
                unused += 1;
                continue;
            };
            let symbol = match entry.fate {
                Fate::Kept(symbol) => symbol,
                Fate::Ignored(section) => {
                    let why = format!("lies in section {section}, which is no part of the program");
                    return Err(fault(RelocFault::Unusable {
                        symbol: symbols.reference(record.symbol),
                        why,
                    }));
                }
                Fate::Nothing => {
                    let why = "names a source file".to_owned();
                    return Err(fault(RelocFault::Unusable {
                        symbol: symbols.reference(record.symbol),
                        why,
                    }));
                }
            };
            let addend = patch.addend(entry, dialect);
            let reloc = Reloc { offset: record.offset, kind: patch.kind, symbol, addend };
            let section = &mut object.sections[id.0 as usize];
            clear_place(&mut section.contents, &reloc);
            section.relocs.push(reloc);
        }
    }
    let kept: usize = object.sections.iter().map(|section| section.relocs.len()).sum();
    debug_assert_eq!(seen, kept + unused, "every relocation is kept or known to be unused");
    Ok(())
}

/// Empties the place that a relocation patches; `patch` has seen that it exists.
fn clear_place(contents: &mut Contents, reloc: &Reloc) {
    let at = usize::try_from(reloc.offset).unwrap_or(usize::MAX);
    match contents {
        Contents::Code(slots) => match (slots.get_mut(at / 8..).unwrap_or_default(), reloc.kind) {
            ([call, ..], RelocKind::Call) => *call = EMPTY_CALL,
            ([first, second, ..], _) => {
                *first = RawInsn::new(first.code, first.dst(), 0, 0, 0);
                *second = RawInsn::default();
            }
            _ => {}
        },
        Contents::Bytes(bytes) => {
            let size = usize::try_from(reloc.kind.size()).unwrap_or_default();
            bytes.get_mut(at..).into_iter().flatten().take(size).for_each(|byte| *byte = 0);
        }
        Contents::Zeros(_) => {}
    }
}

/// Adds the values of symbols to the 32-bit places of a copy of `.BTF` or `.BTF.ext` that clang leaves to the linker.
pub(super) fn apply_to_types(
    bytes: &mut [u8],
    endian: Endian,
    symbols: &Symbols<'_>,
    table: &Table<'_>,
    dialect: Dialect,
) -> Result<(), Error> {
    for record in &table.records {
        let fault = |what| table.fault(record, what);
        match record.ty {
            r::NONE => continue,
            r::ABS32 | r::NODYLD32 | r::BPF_64_32 | r::GNU_DATA_32 => {}
            ty => return Err(fault(misplaced(ty, "type information", "R_BPF_64_NODYLD32"))),
        }
        let len = bytes.len() as u64;
        let start = usize::try_from(record.offset).unwrap_or(usize::MAX);
        let Some(place) = bytes.get_mut(start..).and_then(|tail| tail.first_chunk_mut::<4>()) else {
            return Err(fault(RelocFault::Outside { size: 4, len }));
        };
        let symbol = symbols.get(record.symbol).map_or(0, |entry| entry.value);
        let held = match endian {
            Endian::Little => u32::from_le_bytes(*place),
            Endian::Big => u32::from_be_bytes(*place),
        };
        let value = match (record.addend, dialect) {
            (Some(addend), _) => symbol.wrapping_add_signed(addend),
            (None, Dialect::Clang) => symbol.wrapping_add(held.into()),
            (None, Dialect::Gnu) => held.into(),
        };
        let value = u32::try_from(value & 0xffff_ffff).unwrap_or_default();
        *place = match endian {
            Endian::Little => value.to_le_bytes(),
            Endian::Big => value.to_be_bytes(),
        };
    }
    Ok(())
}
