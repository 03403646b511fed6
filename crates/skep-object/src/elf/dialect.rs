//! Tells the two dialects of BPF relocations apart.
//!
//! In the psABI's dialect, which clang writes, a patched place holds the addend. In that of GNU binutils up to 2.40 it
//! holds the sum of symbol and addend, where the value of the symbol counts in bytes even in a call. For a symbol
//! at the start of its section both are the same. Signs, the strongest first:
//!
//! 1. Relocation types: 2, 3 and 4 are clang's names of what 11 and 12 are in GNU binutils. Every object with a
//!    pointer in data, or with debug information, has some.
//! 2. What stands in the places where the readings differ: one of them may point outside of its symbol.
//! 3. The compiler in `.comment`.

use super::header::{File, Header};
use super::raw::{SHF_ALLOC, r};
use super::relocs::{self, Patch, Record, Table};
use super::sections::Role;
use super::symbols::{Entry, Symbols};
use crate::error::{Error, signed};
use crate::object::{Object, Reloc, RelocKind};

/// How addends stand in patched places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The place holds the addend: the psABI, as clang and binutils from 2.41 on write it.
    Clang,
    /// The place holds symbol and addend: GNU binutils up to 2.40.
    Gnu,
}

/// What an object says about its dialect.
#[derive(Default)]
struct Signs {
    clang_types: bool,
    gnu_types: bool,
    clang_places: usize,
    gnu_places: usize,
    /// The first place where the readings differ.
    differing: Option<Differing>,
}

struct Differing {
    section: String,
    offset: u64,
    clang: String,
    gnu: String,
}

pub(super) fn detect(
    file: &File<'_>,
    object: &Object,
    symbols: &Symbols<'_>,
    tables: &[Table<'_>],
) -> Result<Dialect, Error> {
    let mut signs = Signs::default();
    for table in tables {
        for record in &table.records {
            signs.type_of(table, record);
            if let Role::Program(id) = table.role
                && let Some(patch) =
                    relocs::patch(object, id, record).map_err(|what| table.fault(record, what))?
                && let Some(symbol) = symbols.get(record.symbol)
            {
                signs.place(table, record, patch, symbol);
            }
        }
    }
    let Some(differing) = signs.differing else {
        return Ok(if signs.gnu_types { Dialect::Gnu } else { Dialect::Clang });
    };
    let comment = comment(file);
    let conflict = |signs: String| {
        let Differing { section, offset, clang, gnu } = differing;
        Err(Error::Dialect { section, offset, clang, gnu, signs })
    };
    match (signs.clang_types, signs.gnu_types) {
        (true, true) => conflict("relocation types 2 to 4 as well as 11 and 12".to_owned()),
        (true, false) => Ok(Dialect::Clang),
        (false, true) => Ok(Dialect::Gnu),
        (false, false) => match (comment, signs.clang_places, signs.gnu_places) {
            (Some(Dialect::Clang), ..) | (_, 1.., 0) => Ok(Dialect::Clang),
            (Some(Dialect::Gnu), 0, _) | (_, 0, 1..) => Ok(Dialect::Gnu),
            (_, 0, 0) => Ok(Dialect::Clang),
            (_, clang, gnu) => {
                conflict(format!("{clang} and {gnu} places that make sense in only one of them"))
            }
        },
    }
}

impl Signs {
    /// Notes the type of a record in data, of whatever section.
    fn type_of(&mut self, table: &Table<'_>, record: &Record) {
        if table.role == Role::Ignored && !table.section.starts_with(".debug_") {
            return;
        }
        match record.ty {
            r::ABS64 | r::ABS32 | r::NODYLD32 => self.clang_types = true,
            r::GNU_DATA_32 | r::GNU_DATA_64 => self.gnu_types = true,
            _ => {}
        }
    }

    /// Notes where the two readings point, if they differ.
    fn place(&mut self, table: &Table<'_>, record: &Record, patch: Patch, symbol: &Entry<'_>) {
        let [clang, gnu] = [Dialect::Clang, Dialect::Gnu].map(|dialect| patch.addend(symbol, dialect));
        if clang == gnu {
            return;
        }
        let is_inside = |addend| is_inside(patch.kind, symbol.size, addend);
        match (is_inside(clang), is_inside(gnu)) {
            (true, false) => self.clang_places += 1,
            (false, true) => self.gnu_places += 1,
            _ => {}
        }
        let target = |addend: i64| {
            let sign = if addend < 0 { "" } else { "+" };
            format!("'{}'{sign}{}", symbol.name, signed(addend))
        };
        self.differing.get_or_insert_with(|| Differing {
            section: table.section.to_owned(),
            offset: record.offset,
            clang: target(clang),
            gnu: target(gnu),
        });
    }
}

/// Whether [`detect`] finds that an object is in clang's dialect without being told who wrote it: it has relocations
/// of clang's types, or no place that makes sense only to GNU binutils.
pub(super) fn is_told(object: &Object) -> bool {
    let mut relocs = object.sections.iter().flat_map(|section| &section.relocs);
    let is_typed = |reloc: &Reloc| matches!(reloc.kind, RelocKind::Abs64 | RelocKind::Abs32);
    let is_clear = |reloc: &Reloc| {
        let symbol = object.symbol_by_id(reloc.symbol);
        symbol.value == 0 || is_inside(reloc.kind, symbol.size, reloc.addend)
    };
    relocs.clone().any(is_typed) || relocs.all(is_clear)
}

/// Whether an addend leads into its symbol. One past the end is still a place in an object, but no function begins
/// there.
fn is_inside(kind: RelocKind, size: u64, addend: i64) -> bool {
    match kind {
        RelocKind::Call => addend == 0,
        _ => u64::try_from(addend).is_ok_and(|addend| addend <= size.max(1)),
    }
}

/// What `.comment` says of objects whose sections must stay whole, if skep wrote it.
pub(super) const WHOLE: &str = "whole sections";

/// Whether parts of a data section may be kept: see [`Object::divisible`]. LLVM writes no `.comment` for BPF.
pub(super) fn is_divisible(file: &File<'_>, dialect: Dialect) -> bool {
    let says = |needle: &str| {
        let text = comment_text(file).unwrap_or_default();
        text.windows(needle.len()).any(|window| window == needle.as_bytes())
    };
    dialect == Dialect::Clang && !says("GCC: (") && !says(WHOLE)
}

fn comment_text<'a>(file: &File<'a>) -> Option<&'a [u8]> {
    let is_comment = |header: &&Header<'_>| header.name == ".comment" && !header.has(SHF_ALLOC);
    Some(file.headers.iter().find(is_comment)?.contents)
}

/// The dialect of the compiler that `.comment` names: GCC up to 13 came with binutils of the GNU dialect.
fn comment(file: &File<'_>) -> Option<Dialect> {
    let text = comment_text(file)?;
    let find = |needle: &[u8]| text.windows(needle.len()).position(|window| window == needle);
    if find(b"clang").is_some() || find(b"LLVM").is_some() || find(b"skep").is_some() {
        return Some(Dialect::Clang);
    }
    // "GCC: (Debian 12.2.0-14) 12.2.0"
    let gcc = &text[find(b"GCC: (")?..];
    let version = &gcc[gcc.iter().position(|&b| b == b')')? + 1..];
    let digits: Vec<u8> =
        version.iter().skip_while(|b| **b == b' ').take_while(|b| b.is_ascii_digit()).copied().collect();
    let major: u32 = std::str::from_utf8(&digits).ok()?.parse().ok()?;
    Some(if major <= 13 { Dialect::Gnu } else { Dialect::Clang })
}
