//! Jump tables as LLVM 22 writes them for `gotox`.
//!
//! They stand in the section `.jumptables`, one symbol for each, and have no relocations: an entry is the offset of
//! an instruction in bytes, from the start of the code section of the function that loads the table.

use std::collections::HashMap;

use skep_insn::{Endian, SLOT_BYTES, Slot};
use skep_object::object::{Contents, Place, SectionId, Symbol, SymbolKind};

use crate::error::JumpTableProblem as Problem;
use crate::objects::{FuncIndex, In, Objects};
use crate::reachable::Pointer;
use crate::referent::Referent;

/// The tables that have been loaded.
#[derive(Debug, Default)]
pub(crate) struct JumpTables {
    /// For each section its tables, as offset and symbol, ordered by offset.
    symbols: HashMap<In<SectionId>, Vec<(u64, usize)>>,
    /// Who loads the table at an offset.
    users: HashMap<(In<SectionId>, u64), In<FuncIndex>>,
}

impl JumpTables {
    /// The entries of the table at `offset`, which `func` loads; none if it has loaded it before.
    pub(crate) fn load(
        &mut self,
        objects: &Objects<'_>,
        func: In<FuncIndex>,
        section: In<SectionId>,
        offset: i64,
    ) -> Result<Vec<Pointer>, (String, Problem)> {
        let symbols = self.symbols.entry(section).or_insert_with(|| symbols_of(objects, section));
        let Some(table) = table_at(objects, section, symbols, offset) else {
            return Err((".jumptables".to_owned(), Problem::NoSymbol { offset }));
        };
        let fail = |problem| Err((table.name.clone(), problem));
        match self.users.insert((section, table.value), func) {
            None => {}
            Some(user) if user == func => return Ok(Vec::new()),
            Some(user) => return fail(Problem::Shared { other: objects.func_name(user).to_owned() }),
        }
        if let Some(problem) = overlap(objects, section, symbols, table) {
            return fail(problem);
        }
        match entries(objects, func, section, table) {
            Ok(entries) => Ok(entries),
            Err(problem) => fail(problem),
        }
    }
}

fn symbols_of(objects: &Objects<'_>, section: In<SectionId>) -> Vec<(u64, usize)> {
    let all = objects.object(section.object).symbols.iter().enumerate();
    let mut tables: Vec<_> = all
        .filter(|(_, s)| s.place == Place::Section(section.id) && s.kind != SymbolKind::Section && s.size > 0)
        .map(|(index, s)| (s.value, index))
        .collect();
    tables.sort_unstable();
    tables
}

fn table_at<'a>(
    objects: &Objects<'a>,
    section: In<SectionId>,
    symbols: &[(u64, usize)],
    offset: i64,
) -> Option<&'a Symbol> {
    let offset = u64::try_from(offset).ok()?;
    let after = symbols.partition_point(|&(start, _)| start <= offset);
    let (_, index) = symbols[after.checked_sub(1)?];
    let table = &objects.object(section.object).symbols[index];
    (offset - table.value < table.size).then_some(table)
}

/// What else lies in a table. Of two tables that overlap, the one behind is the neighbour of the one before.
fn overlap(
    objects: &Objects<'_>,
    section: In<SectionId>,
    symbols: &[(u64, usize)],
    table: &Symbol,
) -> Option<Problem> {
    let object = objects.object(section.object);
    let end = table.value.saturating_add(table.size);
    let after = symbols.partition_point(|&(start, _)| start <= table.value);
    if let Some(&(at, index)) = symbols.get(after).filter(|(start, _)| *start < end) {
        return Some(Problem::Overlap { other: format!("table '{}'", object.symbols[index].name), at });
    }
    // A pointer takes 8 bytes.
    let reloc = object.relocs_in(section.id, table.value.saturating_sub(7)..end).first()?;
    let other = format!("a pointer to '{}'", object.symbol_by_id(reloc.symbol).name);
    Some(Problem::Overlap { other, at: reloc.offset })
}

fn entries(
    objects: &Objects<'_>,
    func: In<FuncIndex>,
    section: In<SectionId>,
    table: &Symbol,
) -> Result<Vec<Pointer>, Problem> {
    let &Symbol { value: offset, size, .. } = table;
    let contents = &objects.section(section).contents;
    let wrong_size = Problem::Size { offset, size, len: contents.len() };
    let Contents::Bytes(bytes) = contents else { return Err(wrong_size) };
    let range =
        usize::try_from(offset).ok().zip(offset.checked_add(size).and_then(|end| usize::try_from(end).ok()));
    let Some((words, [])) = range.and_then(|(from, to)| bytes.get(from..to)).map(<[u8]>::as_chunks::<8>)
    else {
        return Err(wrong_size);
    };
    let info = objects.func(func);
    let (start, end) = (Slot(info.start).bytes(), Slot(info.start).bytes() + Slot(info.len).bytes());
    let endian = objects.object(section.object).endian;
    let entry = |(index, &word): (usize, &[u8; 8])| {
        let target = match endian {
            Endian::Little => u64::from_le_bytes(word),
            Endian::Big => u64::from_be_bytes(word),
        };
        let into =
            target.checked_sub(start).filter(|_| target < end && target.is_multiple_of(SLOT_BYTES as u64));
        match into.and_then(|into| u32::try_from(into / SLOT_BYTES as u64).ok()) {
            Some(slot) => {
                Ok(Pointer { at: offset + index as u64 * 8, referent: Referent::Code(func, Slot(slot)) })
            }
            None => Err(Problem::Entry { index, target, start, end }),
        }
    };
    words.iter().enumerate().map(entry).collect()
}
