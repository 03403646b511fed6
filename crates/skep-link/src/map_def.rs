//! Whether two definitions of a map are one.

use skep_btf::{Btf, TypeId};
use skep_object::MapDef;
use skep_object::object::{Map, Object};

/// The first field in which two definitions differ, with both values; none if they are one map.
pub(crate) fn difference(
    (a_object, a): (&Object, &Map),
    (b_object, b): (&Object, &Map),
) -> Option<(&'static str, [String; 2])> {
    if !a.values.is_empty() && !b.values.is_empty() {
        return Some(("initial values", [a, b].map(|map| format!("{} of them", map.values.len()))));
    }
    of_defs((a_object, &a.def), (b_object, &b.def))
}

fn of_defs(
    (a_object, a): (&Object, &MapDef),
    (b_object, b): (&Object, &MapDef),
) -> Option<(&'static str, [String; 2])> {
    let numbers = [
        ("key_size", a.key_size.into(), b.key_size.into()),
        ("value_size", a.value_size.into(), b.value_size.into()),
        ("max_entries", a.max_entries.into(), b.max_entries.into()),
        ("map_flags", a.flags.into(), b.flags.into()),
        ("numa_node", a.numa_node.into(), b.numa_node.into()),
        ("map_extra", a.extra, b.extra),
        ("pinning", a.pinned.into(), b.pinned.into()),
    ];
    if a.ty != b.ty {
        return Some(("type", [a.ty, b.ty].map(|ty| format!("{ty:?}"))));
    }
    if let Some((field, a, b)) = numbers.into_iter().find(|(_, a, b): &(_, u64, u64)| a != b) {
        return Some((field, [a, b].map(|value| value.to_string())));
    }
    for (field, a_type, b_type) in [("key", a.key_type, b.key_type), ("value", a.value_type, b.value_type)] {
        let names =
            [(a_object, a_type), (b_object, b_type)].map(|(object, ty)| name(object.btf.as_ref(), ty));
        if let [Some(a), Some(b)] = names
            && a != b
        {
            return Some((field, [a.to_owned(), b.to_owned()]));
        }
    }
    match (&a.inner, &b.inner) {
        (Some(a), Some(b)) => of_defs((a_object, a), (b_object, b)),
        (None, None) => None,
        (a, b) => Some((
            "inner map",
            [a, b].map(|inner| if inner.is_some() { "defined" } else { "not defined" }.to_owned()),
        )),
    }
}

/// The name of a struct, union or enumeration; of other types names say little.
fn name(btf: Option<&Btf>, ty: Option<TypeId>) -> Option<&str> {
    let btf = btf?;
    let id = btf.resolve(ty?)?;
    let is_named = matches!(
        btf.ty(id),
        skep_btf::Type::Struct(_)
            | skep_btf::Type::Union(_)
            | skep_btf::Type::Enum(_)
            | skep_btf::Type::Enum64(_)
    );
    Some(btf.name(id)).filter(|name| is_named && !name.is_empty())
}
