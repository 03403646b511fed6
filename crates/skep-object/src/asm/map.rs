//! `.map`: maps in one line each.

use skep_btf::maps::{self, MapDecl, MapType, Part, Pinning, Values};
use skep_btf::{BtfBuilder, SecVar};

use crate::nearest::{did_you_mean, nearest};
use crate::object::{Binding, SymbolKind};

use super::cursor::{Cursor, Name};
use super::diag::{Fault, Parsed};
use super::expr::{Expr, Step};
use super::section::{Fixup, FixupKind};
use super::source::Span;
use super::symbols::{Def, Loc};
use super::types;
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
    ("inner", "inner"),
    ("values", "values"),
];

/// A map as it is read.
struct Given {
    decl: MapDecl,
    /// What its slots begin with.
    values: Vec<Initial>,
    /// Where they are.
    values_at: Option<Span>,
}

/// What one slot begins with: a function or a map.
struct Initial {
    slot: u32,
    expr: Expr,
    at: Span,
}

/// `.map counts, type=hash, key=4, value=8, max_entries=1024`
pub(super) fn map<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let name = cursor.expect_name("the name of the map")?;
    unit.check_name(&name)?;
    if !cursor.eat(",") {
        cursor.expect_end()?;
        return Err(Fault::new(name.span, format!("map '{}' lacks its type; add 'type=hash'", name.text)));
    }
    let given = properties(unit, cursor, &name, false)?;
    cursor.expect_end()?;
    let ty = given.decl.ty;
    match given.values_at {
        Some(at) if ty == MapType::PROG_ARRAY => {
            let max = given.decl.max_entries;
            if let Some(value) = given.values.iter().find(|value| value.slot >= max) {
                let message = format!("slot {} of {max}; they count from 0", value.slot);
                return Err(Fault::new(value.at, message));
            }
            check_slots(&given.values, at)?;
        }
        Some(at) if ty.holds_maps() => {
            if given.decl.values.is_none() {
                return Err(Fault::new(at, "what kind of map are they? add 'inner=(type=..., ...)'"));
            }
            check_slots(&given.values, at)?;
        }
        Some(at) => return Err(Fault::new(at, "only maps of programs and of maps have values here")),
        None => {}
    }
    declare(unit, directive, name, given)
}

/// Each slot once.
fn check_slots(values: &[Initial], at: Span) -> Parsed<()> {
    let mut slots: Vec<u32> = values.iter().map(|value| value.slot).collect();
    slots.sort_unstable();
    match slots.array_windows().find(|[a, b]| a == b) {
        Some([slot, _]) => Err(Fault::new(at, format!("slot {slot} is given twice"))),
        None => Ok(()),
    }
}

/// What a map is given, one after another, up to the end or a parenthesis.
fn properties<'s>(
    unit: &mut Unit<'s>,
    cursor: &mut Cursor<'s>,
    name: &Name<'s>,
    is_inner: bool,
) -> Parsed<Given> {
    let mut result = Given { decl: MapDecl::new(MapType::UNSPEC), values: Vec::new(), values_at: None };
    let mut given: Vec<&str> = Vec::new();
    loop {
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
        match key {
            "inner" | "values" if is_inner => {
                let message = format!("a map inside a map has no '{key}': there is one inner level");
                return Err(Fault::new(what.span, message));
            }
            "inner" => {
                cursor.expect("(", "'(' and what each inner map is given")?;
                let inner = properties(unit, cursor, name, true)?;
                cursor.expect(")", "',' or ')'")?;
                result.decl.values = Some(Values::Maps(Box::new(inner.decl)));
            }
            "values" => {
                result.values = values(unit, cursor)?;
                result.values_at = Some(cursor.since(what.span));
            }
            _ => property(unit, cursor, &mut result.decl, key)?,
        }
        if !cursor.eat(",") {
            break;
        }
    }
    let decl = &result.decl;
    for needed in ["type", "max_entries"] {
        // The kernel wants no number of entries where memory is local to something else, and none can be guessed.
        let optional = needed == "max_entries" && !counts_entries(decl.ty);
        let whose = if is_inner { "the inner map of" } else { "map" };
        if !given.contains(&needed) && !optional {
            let example = if needed == "type" { "'type=hash'" } else { "'max_entries=1024'" };
            return Err(Fault::new(
                name.span,
                format!("{whose} '{}' lacks its {needed}; add {example}", name.text),
            ));
        }
    }
    Ok(result)
}

/// `(0: first, 2: third)`
fn values<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>) -> Parsed<Vec<Initial>> {
    cursor.expect("(", "'(' and what slots begin with, such as '0: name'")?;
    let mut values = Vec::new();
    loop {
        let (number, at) = unit.number(cursor)?;
        let slot = u32::try_from(number)
            .map_err(|_| Fault::new(at, format!("slot {number}; expected 0 to 4294967295")))?;
        cursor.expect(":", "':' and a name")?;
        let name = cursor.expect_name("the name of a function or map")?;
        let at = name.span;
        unit.check_name(&name)?;
        let id = unit.symbol(name);
        unit.symbols.get_mut(id).loaded = true;
        let expr = Expr::Steps([Step::Symbol(id, at)].into());
        values.push(Initial { slot, expr, at });
        if !cursor.eat(",") {
            cursor.expect(")", "',' or ')'")?;
            return Ok(values);
        }
    }
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

/// Makes what clang makes of a map: a variable in `.maps`, and its type. Behind the variable stand pointers to what its
/// slots begin with.
fn declare<'s>(unit: &mut Unit<'s>, directive: &Name<'s>, name: Name<'s>, given: Given) -> Parsed<()> {
    let Given { mut decl, values, .. } = given;
    let at = name.span;
    let section = unit.find_or_add(maps::SECTION.into(), directive.span, None);
    let endian = unit.endian;
    let place = &mut unit.sections[section.0];
    place.pad(8, 0, endian, at)?;
    let offset = place.len();
    let id = unit.symbol(name.clone());
    unit.define(name, Def::Label(Loc { section, offset }))?;
    if decl.ty == MapType::PROG_ARRAY && !values.is_empty() {
        decl.values = Some(Values::Programs(types::proto(&mut unit.maps.types)));
    }
    let declared = maps::declare(&mut unit.maps.types, &unit.symbols.get(id).name, &decl);
    let slots = values.iter().map(|value| u64::from(value.slot) + 1).max().unwrap_or(0);
    let size = u64::from(declared.size) + slots * 8;
    let place = &mut unit.sections[section.0];
    place.push_zeros(size, at)?;
    let fixups = values.into_iter().map(|Initial { slot, expr, at }| {
        let offset = offset + u64::from(declared.size) + u64::from(slot) * 8;
        Fixup { offset, kind: FixupKind::Data(8), expr, at }
    });
    place.fixups.extend(fixups);
    let sym = unit.symbols.get_mut(id);
    sym.binding = sym.binding.or(Some(Binding::Global));
    sym.kind = Some(SymbolKind::Object);
    sym.size = Some((Expr::Number(size.cast_signed()), at));
    let [offset, size] = [offset, size].map(|bytes| u32::try_from(bytes).unwrap_or(u32::MAX));
    let var = SecVar { var: declared.var, offset, size };
    unit.maps.vars.push(var);
    unit.maps.first.get_or_insert(at);
    Ok(())
}
