//! What is said about an object as a whole: its sections, maps, symbols and relocations.

use std::fmt;

use skep_btf::maps::MapType;
use skep_btf::{Btf, Type, TypeId};
use skep_insn::Endian;

use super::names::{Names, quoted};
use super::{Out, data};
use crate::map::MapDef;
use crate::object::{Binding, Map, Object, Place, SectionId, SectionKind, Symbol, SymbolId, SymbolKind};

/// What the object is, and its sections.
pub(super) fn head(object: &Object, out: &mut Out<'_, '_>) -> fmt::Result {
    let order = match object.endian {
        Endian::Little => "little",
        Endian::Big => "big",
    };
    out.text("#");
    out.text(format_args!(" {}: BPF object, {order}-endian", one_line(&object.name)));
    if let Some(license) = &object.license {
        out.text(format_args!(", licence {}", quoted(license.as_bytes())));
    }
    if let Some(version) = object.version {
        let [major, minor] = [version >> 16, version >> 8 & 0xff];
        out.text(format_args!(", for kernel {major}.{minor}.{}", version & 0xff));
    }
    out.end()?;
    out.remark("")?;
    out.line("# section               kind         size  align")?;
    for (id, section) in (0..).map(SectionId).zip(&object.sections) {
        let (name, kind) = (one_line(&section.name), kind_name(section.kind));
        out.text(format_args!(
            "# {name:<20}  {kind:<6} {:>#10x} {:>6}",
            section.contents.len(),
            section.align
        ));
        let funcs = object.funcs_in(id).len();
        let maps = object.maps_in(id).len();
        for (count, what) in [(funcs, "function"), (maps, "map"), (section.relocs.len(), "relocation")] {
            match count {
                0 => {}
                1 => out.text(format_args!("  1 {what}")),
                _ => out.text(format_args!("  {count} {what}s")),
            }
        }
        out.end()?;
    }
    if object.endian == Endian::Big {
        out.end()?;
        out.directive(".endian big");
        out.end()?;
    }
    Ok(())
}

/// Symbols that stand in no section.
pub(super) fn outside(object: &Object, names: &Names<'_>, out: &mut Out<'_, '_>) -> fmt::Result {
    let outside = (0..).map(SymbolId).zip(&object.symbols);
    let mut outside =
        outside.filter(|(_, symbol)| !matches!(symbol.place, Place::Section(_)) && !symbol.name.is_empty());
    let Some(first) = outside.next() else { return Ok(()) };
    out.end()?;
    for (id, symbol) in std::iter::once(first).chain(outside) {
        let name = names.symbol(id);
        if symbol.place == Place::Absolute {
            super::code::visibility(object, id, name, out)?;
            out.directive(format_args!(".set {name}, {:#x}", symbol.value));
            out.end()?;
            continue;
        }
        let directive = if symbol.binding == Binding::Weak { ".weak" } else { ".extern" };
        out.directive(format_args!("{directive} {name}"));
        out.end()?;
        if symbol.hidden {
            out.directive(format_args!(".hidden {name}"));
            out.end()?;
        }
    }
    Ok(())
}

/// The maps of a section.
pub(super) fn maps(object: &Object, names: &Names<'_>, id: SectionId, out: &mut Out<'_, '_>) -> fmt::Result {
    let maps = object.maps_in(id);
    out.column = super::BEHIND_DATA;
    if maps.is_empty() {
        // Without types it says nothing, but there it is.
        return data::section(object, names, id, out);
    }
    out.end()?;
    maps.iter().try_for_each(|map| self::map(object, names, map, out))
}

fn map(object: &Object, names: &Names<'_>, map: &Map, out: &mut Out<'_, '_>) -> fmt::Result {
    let name = names.symbol(map.symbol);
    let symbol = object.symbol_by_id(map.symbol);
    match symbol.binding {
        Binding::Local => {
            out.directive(format_args!(".local {name}"));
            out.end()?;
        }
        // `.map` makes global symbols.
        Binding::Global if !symbol.hidden => {}
        Binding::Global | Binding::Weak => super::code::visibility(object, map.symbol, name, out)?,
    }
    out.directive(format_args!(".map {name}, {}", Def(&map.def)));
    if let Some(inner) = &map.def.inner {
        out.text(format_args!(", inner=({})", Def(inner)));
    }
    for (nth, (slot, id)) in map.values.iter().enumerate() {
        let before = if nth == 0 { "values=(" } else { "" };
        out.text(format_args!(", {before}{slot}: {}", names.symbol(*id)));
    }
    if !map.values.is_empty() {
        out.text(")");
    }
    if let Some(btf) = &object.btf {
        for (what, ty) in [("key", map.def.key_type), ("value", map.def.value_type)] {
            if let Some(ty) = ty {
                out.note(format_args!("{what} {}", type_name(btf, ty)));
            }
        }
    }
    if map.def.legacy {
        out.note("a legacy struct bpf_map_def");
    }
    out.end()
}

/// What `.map` is given.
struct Def<'a>(&'a MapDef);

impl fmt::Display for Def<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let def = self.0;
        write!(f, "type={}", short_type(def.ty))?;
        let sizes = [
            ("key", def.key_size),
            ("value", def.value_size),
            ("max_entries", def.max_entries),
            ("numa_node", def.numa_node),
        ];
        for (what, number) in sizes {
            if number != 0 || what == "max_entries" {
                write!(f, ", {what}={number}")?;
            }
        }
        if def.flags != 0 {
            write!(f, ", flags={:#x}", def.flags)?;
        }
        if def.pinned {
            f.write_str(", pinning=by_name")?;
        }
        if def.extra != 0 {
            write!(f, ", extra={:#x}", def.extra)?;
        }
        Ok(())
    }
}

/// `hash`, or the number of a type that has no name.
pub(super) fn short_type(ty: MapType) -> String {
    ty.short_name().map_or_else(|| ty.0.to_string(), str::to_ascii_lowercase)
}

/// A type as C writes it, as far as a name goes.
pub(super) fn type_name(btf: &Btf, ty: TypeId) -> String {
    let mut ty = ty;
    let mut pointers = 0;
    let mut arrays = String::new();
    let mut words = String::new();
    for _ in 0..16 {
        let (word, inner) = match btf.ty(ty) {
            Type::Void => ("void", None),
            Type::Ptr(inner) => {
                pointers += 1;
                ty = inner;
                continue;
            }
            Type::Array(array) => {
                arrays.push_str(&format!("[{}]", array.len));
                ty = array.elem;
                continue;
            }
            Type::Const(inner) => ("const ", Some(inner)),
            Type::Volatile(inner) => ("volatile ", Some(inner)),
            Type::Restrict(inner) => ("", Some(inner)),
            Type::Struct(_) => ("struct ", None),
            Type::Union(_) => ("union ", None),
            Type::Enum(_) | Type::Enum64(_) => ("enum ", None),
            _ => ("", None),
        };
        words.push_str(word);
        match inner {
            Some(inner) => ty = inner,
            None => break,
        }
    }
    let name = btf.name(ty);
    let space = if pointers > 0 { " " } else { "" };
    let name = if name.is_empty() && words.trim() != "void" { "(unnamed)" } else { name };
    format!("{words}{}{space}{}{arrays}", one_line(name), "*".repeat(pointers)).trim().to_owned()
}

/// All symbols.
pub(super) fn symbols(object: &Object, out: &mut Out<'_, '_>) -> fmt::Result {
    if object.symbols.is_empty() {
        return Ok(());
    }
    out.end()?;
    out.line("# symbol                    value       size  kind     binding  section")?;
    for symbol in &object.symbols {
        let Symbol { name, value, size, .. } = symbol;
        let binding = match symbol.binding {
            Binding::Local => "local",
            Binding::Global => "global",
            Binding::Weak => "weak",
        };
        let kind = match symbol.kind {
            SymbolKind::NoType => "notype",
            SymbolKind::Object => "object",
            SymbolKind::Func => "func",
            SymbolKind::Section => "section",
        };
        let place = match symbol.place {
            Place::Undefined => "undefined",
            Place::Absolute => "absolute",
            Place::Section(id) => &object.section(id).name,
        };
        let place = one_line(place);
        let hidden = if symbol.hidden { " (hidden)" } else { "" };
        let name = one_line(name);
        out.line(format_args!(
            "# {name:<20} {value:>#10x} {size:>#10x}  {kind:<8} {binding:<8} {place}{hidden}"
        ))?;
    }
    Ok(())
}

/// All relocations.
pub(super) fn relocs(object: &Object, out: &mut Out<'_, '_>) -> fmt::Result {
    if object.sections.iter().all(|section| section.relocs.is_empty()) {
        return Ok(());
    }
    out.end()?;
    out.line("# relocation                offset  type            symbol")?;
    for section in &object.sections {
        for reloc in &section.relocs {
            let addend = match reloc.addend {
                0 => String::new(),
                addend if addend < 0 => format!("-{:#x}", addend.unsigned_abs()),
                addend => format!("+{addend:#x}"),
            };
            let (name, kind) = (one_line(&section.name), reloc.kind.spec_name());
            let symbol = one_line(&object.symbol_by_id(reloc.symbol).name);
            out.line(format_args!("# {name:<20} {:>#10x}  {kind:<15} {symbol}{addend}", reloc.offset))?;
        }
    }
    Ok(())
}

/// What was read and is not used.
pub(super) fn remarks(object: &Object, out: &mut Out<'_, '_>) -> fmt::Result {
    if object.remarks.is_empty() {
        return Ok(());
    }
    out.end()?;
    object.remarks.iter().try_for_each(|remark| out.remark(format_args!("remark: {remark}")))
}

fn kind_name(kind: SectionKind) -> &'static str {
    match kind {
        SectionKind::Code => "code",
        SectionKind::Data => "data",
        SectionKind::Rodata => "rodata",
        SectionKind::Bss => "bss",
        SectionKind::Maps => "maps",
        SectionKind::Note => "note",
        SectionKind::Other => "other",
    }
}

/// A name that does not break its line.
fn one_line(name: &str) -> String {
    match name.contains(char::is_control) {
        true => name.escape_debug().to_string(),
        false => name.to_owned(),
    }
}
