//! `.map`: maps in one line each.

use skep_btf::maps::{self, MapDecl, MapType, Part, Pinning};
use skep_btf::{BtfBuilder, SecVar};

use crate::nearest::{did_you_mean, nearest};
use crate::object::{Binding, SymbolKind};

use super::cursor::{Cursor, Name};
use super::diag::{Fault, Parsed};
use super::expr::Expr;
use super::source::Span;
use super::symbols::{Def, Loc};
use super::unit::Unit;

/// What `.map` has declared so far.
#[derive(Default)]
pub(super) struct Maps {
    /// The types of the declarations; all others will be added.
    pub(super) types: BtfBuilder,
    /// The variables, in order.
    pub(super) vars: Vec<SecVar>,
    /// Where the first one is.
    pub(super) first: Option<Span>,
}

/// What a map can be given; the second name is the one of `struct bpf_map_def`.
const KEYS: &[(&str, &str)] = &[
    ("type", "type"),
    ("key", "key_size"),
    ("value", "value_size"),
    ("max_entries", "max_entries"),
    ("flags", "map_flags"),
    ("numa_node", "numa_node"),
    ("pinning", "pinning"),
    ("extra", "map_extra"),
];

/// `.map counts, type=hash, key=4, value=8, max_entries=1024`
pub(super) fn map<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of the map")?;
    unit.check_name(&name)?;
    let mut decl = MapDecl::new(MapType::UNSPEC);
    let mut given: Vec<&str> = Vec::new();
    while cursor.eat(",") {
        let what = cursor.expect_name("what the map is given, such as 'type=hash'")?;
        let Some(&(key, _)) = KEYS.iter().find(|(short, long)| [*short, *long].contains(&&*what.text)) else {
            let near =
                did_you_mean(&nearest(&what.text, KEYS.iter().flat_map(|(short, long)| [*short, *long])));
            let known: Vec<_> = KEYS.iter().map(|(short, _)| *short).collect();
            let message = format!("a map has no '{}'; expected one of {}{near}", what.text, known.join(", "));
            return Err(Fault::new(what.span, message));
        };
        if given.contains(&key) {
            return Err(Fault::new(what.span, format!("'{}' is given twice", what.text)));
        }
        given.push(key);
        cursor.expect("=", "'='")?;
        property(unit, cursor, &mut decl, key)?;
    }
    cursor.expect_end()?;
    for needed in ["type", "max_entries"] {
        // The kernel wants no number of entries where memory is local to something else, and none can be guessed.
        let optional = needed == "max_entries" && !counts_entries(decl.ty);
        if !given.contains(&needed) && !optional {
            let example = if needed == "type" { "'type=hash'" } else { "'max_entries=1024'" };
            return Err(Fault::new(
                name.span,
                format!("map '{}' lacks its {needed}; add {example}", name.text),
            ));
        }
    }
    declare(unit, directive, name, &decl)
}

fn counts_entries(ty: MapType) -> bool {
    let local = [
        MapType::SK_STORAGE,
        MapType::INODE_STORAGE,
        MapType::TASK_STORAGE,
        MapType::CGRP_STORAGE,
        MapType::CGROUP_STORAGE,
        MapType::PERCPU_CGROUP_STORAGE,
        MapType::PERF_EVENT_ARRAY,
    ];
    !local.contains(&ty)
}

fn property<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>, decl: &mut MapDecl, key: &str) -> Parsed<()> {
    let start = cursor.next_span();
    match key {
        "type" if cursor.peek().is_some_and(|c| c.is_ascii_alphabetic()) => {
            let name = cursor.expect_name("a type of map")?;
            decl.ty = MapType::from_name(&name.text).ok_or_else(|| {
                let names: Vec<String> = short_names().collect();
                let near = did_you_mean(&nearest(&name.text, names.iter().map(String::as_str)));
                let near = if near.is_empty() {
                    "; expected one such as hash, array or ringbuf".to_string()
                } else {
                    near
                };
                Fault::new(name.span, format!("unknown type of map '{}'{near}", name.text))
            })?;
            return Ok(());
        }
        "pinning" if cursor.peek().is_some_and(|c| c.is_ascii_alphabetic()) => {
            let name = cursor.expect_name("'none' or 'by_name'")?;
            decl.pinning = match name.text.to_ascii_lowercase().trim_start_matches("libbpf_pin_") {
                "none" => Pinning::None,
                "by_name" => Pinning::ByName,
                _ => return Err(Fault::new(name.span, "unknown pinning; expected 'none' or 'by_name'")),
            };
            return Ok(());
        }
        _ => {}
    }
    let (number, at) = unit.number(cursor)?;
    if key == "extra" {
        decl.extra = number.cast_unsigned();
        return Ok(());
    }
    let small = u32::try_from(number)
        .map_err(|_| Fault::new(at, format!("{key} is {number}; expected 0 to 4294967295")))?;
    match key {
        "type" => decl.ty = MapType(small),
        "key" => decl.key = Part::Size(small),
        "value" => decl.value = Part::Size(small),
        "max_entries" => decl.max_entries = small,
        "flags" => decl.flags = small,
        "numa_node" => decl.numa_node = Some(small),
        _ => {
            decl.pinning = match small {
                0 => Pinning::None,
                1 => Pinning::ByName,
                _ => {
                    return Err(Fault::new(
                        cursor.since(start),
                        "unknown pinning; expected 'none' or 'by_name'",
                    ));
                }
            }
        }
    }
    Ok(())
}

fn short_names() -> impl Iterator<Item = String> {
    MapType::ALL.iter().filter_map(|ty| ty.short_name()).map(str::to_ascii_lowercase)
}

/// Makes what clang makes of a map: a variable in `.maps`, and its type.
fn declare<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, name: Name<'s>, decl: &MapDecl) -> Parsed<()> {
    let at = name.span;
    let section = unit.find_or_add(maps::SECTION.into(), directive.span, None);
    let endian = unit.endian;
    let place = &mut unit.sections[section.0];
    place.pad(8, 0, endian, at)?;
    let offset = place.len();
    let id = unit.symbol(name.clone());
    unit.define(name, Def::Label(Loc { section, offset }))?;
    let declared = maps::declare(&mut unit.maps.types, &unit.symbols.get(id).name, decl);
    unit.sections[section.0].push_zeros(declared.size.into(), at)?;
    let sym = unit.symbols.get_mut(id);
    sym.binding = sym.binding.or(Some(Binding::Global));
    sym.kind = Some(SymbolKind::Object);
    sym.size = Some((Expr::Number(declared.size.into()), at));
    let var =
        SecVar { var: declared.var, offset: u32::try_from(offset).unwrap_or(u32::MAX), size: declared.size };
    unit.maps.vars.push(var);
    unit.maps.first.get_or_insert(at);
    Ok(())
}
