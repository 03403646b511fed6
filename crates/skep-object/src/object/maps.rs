//! Finds the map definitions of an object: declared by types in `.maps`, or as structs in `maps`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use skep_btf::maps::{self, MapType, Unknown};
use skep_btf::{Btf, Linkage, SecVar, Type};
use skep_insn::Endian;

use super::{Binding, Contents, Map, Object, Place, Section, SectionId, SectionKind, SymbolId, SymbolKind};
use crate::error::Error;
use crate::map::MapDef;

pub(super) fn find(object: &mut Object) -> Result<Vec<Map>, Error> {
    let mut found = Vec::new();
    let mut remarks = Vec::new();
    for (id, section) in (0..).map(SectionId).zip(&object.sections) {
        if section.kind == SectionKind::Maps && !section.contents.is_empty() {
            let symbols = Symbols::of(object, id);
            let maps = if section.name == maps::SECTION {
                declared(object, section, &symbols, &mut remarks)?
            } else {
                legacy(object, section, &symbols, &mut remarks)?
            };
            found.extend(maps);
        }
    }
    found.sort_by_key(|map: &Map| (map.section, map.offset));
    object.remarks.extend(remarks);
    Ok(found)
}

/// The symbols that may name maps of one section.
struct Symbols<'a> {
    section: SectionId,
    by_name: HashMap<&'a str, SymbolId>,
    /// Ordered by offset; one for each.
    by_offset: Vec<(u64, SymbolId)>,
}

impl<'a> Symbols<'a> {
    fn of(object: &'a Object, section: SectionId) -> Symbols<'a> {
        let is_here = |&(_, symbol): &(SymbolId, &super::Symbol)| {
            symbol.place == Place::Section(section)
                && symbol.kind != SymbolKind::Section
                && !symbol.name.is_empty()
        };
        let all = (0..).map(SymbolId).zip(&object.symbols).filter(is_here);
        let mut by_name = HashMap::new();
        let mut by_offset = Vec::new();
        for (id, symbol) in all {
            by_name.insert(symbol.name.as_str(), id);
            by_offset.push((symbol.value, id));
        }
        // Of several names of one map the global one, which comes last.
        by_offset.sort();
        by_offset.reverse();
        by_offset.dedup_by_key(|(offset, _)| *offset);
        by_offset.reverse();
        Symbols { section, by_name, by_offset }
    }
}

fn fault(section: &Section, map: &str, offset: u64, what: impl Into<String>) -> Error {
    Error::Map { map: map.to_owned(), section: section.name.clone(), offset, what: what.into() }
}

/// The maps of `.maps`.
fn declared(
    object: &Object,
    section: &Section,
    symbols: &Symbols<'_>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Map>, Error> {
    let Some(btf) = &object.btf else {
        remarks.push(format!(
            "section '{}' is not used: without type information (-g) it says nothing",
            section.name
        ));
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for def in definitions(btf, symbols).map_err(|source| Error::Btf { section: ".BTF", source })? {
        if def.linkage == Linkage::Extern {
            continue;
        }
        let Some(&symbol) = symbols.by_name.get(def.name.as_str()) else {
            let what = "no symbol has its name; a map must be global, remove 'static'";
            return Err(fault(section, &def.name, def.offset.into(), what));
        };
        let (offset, size) = (object.symbol_by_id(symbol).value, object.symbol_by_id(symbol).size);
        let values = def.values_at.map(|at| offset.saturating_add(at.into()));
        let map_def = MapDef::from_decl(def.name, &def.decl);
        let map = Map { symbol, section: symbols.section, offset, def: map_def, values: Vec::new() };
        found.push((map, offset.saturating_add(size.max(def.size.into())), values));
    }
    found.sort_by_key(|(map, ..)| map.offset);
    if let Some([(map, end, _), (next, ..)]) =
        found.array_windows().find(|[(_, end, _), (next, ..)]| *end > next.offset)
    {
        let what = format!(
            "takes the bytes up to {end:#x}, but map '{}' begins at {:#x}",
            next.def.name, next.offset
        );
        return Err(fault(section, &map.def.name, map.offset, what));
    }
    let mut used = HashSet::new();
    for (map, end, values) in &mut found {
        if let Some(start) = *values {
            initial_values(object, section, map, start..*end, &mut used)?;
        }
    }
    let found: Vec<Map> = found.into_iter().map(|(map, ..)| map).collect();
    for reloc in section.relocs.iter().filter(|reloc| !used.contains(&reloc.offset)) {
        remarks.push(format!(
            "section '{}'+{:#x}: a pointer outside of initial values is not used",
            section.name, reloc.offset
        ));
    }
    let named: HashSet<_> = found.iter().map(|map| map.offset).collect();
    for (offset, id) in symbols.by_offset.iter().filter(|(offset, _)| !named.contains(offset)) {
        let name = &object.symbol_by_id(*id).name;
        remarks
            .push(format!("section '{}'+{offset:#x}: '{name}' is no map, no type declares it", section.name));
    }
    Ok(found)
}

/// The declarations of the BTF. gcc 12 writes no DATASEC: there every variable counts that a symbol of the section
/// names.
fn definitions(btf: &Btf, symbols: &Symbols<'_>) -> Result<Vec<maps::MapDef>, skep_btf::Error> {
    if btf.datasec(maps::SECTION).is_some() {
        return maps::read(btf, Unknown::Refuse);
    }
    let is_map = |ty: &Type<'_>, name: &str| matches!(ty, Type::Var(_)) && symbols.by_name.contains_key(name);
    let vars = btf.iter().filter(|(id, ty)| is_map(ty, btf.name(*id)));
    vars.map(|(var, _)| maps::read_one(btf, Unknown::Refuse, &SecVar { var, offset: 0, size: 0 })).collect()
}

/// What the pointers behind a definition refer to.
fn initial_values(
    object: &Object,
    section: &Section,
    map: &mut Map,
    place: Range<u64>,
    used: &mut HashSet<u64>,
) -> Result<(), Error> {
    let start = place.start;
    for reloc in object.relocs_in(map.section, place) {
        let slot = (reloc.offset - start) / 8;
        let fault = |what: String| fault(section, &map.def.name, map.offset, format!("value {slot}: {what}"));
        if !(reloc.offset - start).is_multiple_of(8) || reloc.kind != super::RelocKind::Abs64 {
            return Err(fault("not a pointer of 8 bytes".to_owned()));
        }
        let value = pointed(object, reloc).ok_or_else(|| {
            fault("points into the middle of something, expected a map or a function".to_owned())
        })?;
        map.values.push((u32::try_from(slot).unwrap_or(u32::MAX), value));
        used.insert(reloc.offset);
    }
    Ok(())
}

/// The symbol that a pointer means; static functions are referred to through their section.
fn pointed(object: &Object, reloc: &super::Reloc) -> Option<SymbolId> {
    let symbol = object.symbol_by_id(reloc.symbol);
    if reloc.addend == 0 && symbol.kind != SymbolKind::Section {
        return Some(reloc.symbol);
    }
    let Place::Section(section) = symbol.place else { return None };
    let offset = symbol.value.checked_add_signed(reloc.addend)?;
    let func = object.func_at(section, u32::try_from(offset / 8).ok()?)?;
    (func.offset() == offset).then_some(func.symbol)
}

/// The maps of a section of `struct bpf_map_def`: type, key_size, value_size, max_entries, map_flags, and in some
/// loaders more.
fn legacy(
    object: &Object,
    section: &Section,
    symbols: &Symbols<'_>,
    remarks: &mut Vec<String>,
) -> Result<Vec<Map>, Error> {
    let Contents::Bytes(bytes) = &section.contents else {
        return Err(fault(
            section,
            "",
            0,
            "the section has no contents, expected an array of struct bpf_map_def",
        ));
    };
    let len = bytes.len() as u64;
    let mut found = Vec::new();
    for (i, &(offset, id)) in symbols.by_offset.iter().enumerate() {
        let name = &object.symbol_by_id(id).name;
        let end = symbols.by_offset.get(i + 1).map_or(len, |(next, _)| *next);
        let size = end.saturating_sub(offset);
        if size < LEGACY_MIN {
            let what = format!(
                "its definition has {size} bytes, expected at least {LEGACY_MIN} (struct bpf_map_def)"
            );
            return Err(fault(section, name, offset, what));
        }
        if object.symbol_by_id(id).binding == Binding::Local {
            remarks.push(format!("map '{name}' is static; other objects and loaders do not see it"));
        }
        let word = |index: u64| {
            let at = usize::try_from(offset + index * 4).ok()?;
            let bytes = bytes.get(at..)?.first_chunk::<4>().filter(|_| (index + 1) * 4 <= size)?;
            Some(match object.endian {
                Endian::Little => u32::from_le_bytes(*bytes),
                Endian::Big => u32::from_be_bytes(*bytes),
            })
        };
        if (5..size / 4).any(|index| word(index).unwrap_or(0) != 0) {
            remarks.push(format!(
                "map '{name}': what follows map_flags in its definition differs by loader and is not used"
            ));
        }
        let [ty, key_size, value_size, max_entries, flags] =
            [0, 1, 2, 3, 4].map(|index| word(index).unwrap_or(0));
        let def = MapDef {
            name: name.clone(),
            ty: MapType(ty),
            key_size,
            value_size,
            max_entries,
            flags,
            numa_node: 0,
            pinned: false,
            extra: 0,
            key_type: None,
            value_type: None,
            inner: None,
            legacy: true,
        };
        found.push(Map { symbol: id, section: symbols.section, offset, def, values: Vec::new() });
    }
    Ok(found)
}

/// The first four fields; old definitions end there.
const LEGACY_MIN: u64 = 16;
