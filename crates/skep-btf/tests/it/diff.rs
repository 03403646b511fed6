//! What differs between two sets.

use std::time::Instant;

use skep_btf::diff::{Diff, diff};
use skep_btf::{
    Btf, BtfBuilder, Enumerator, FwdKind, IntEncoding, Kind, Linkage, Param, SecVar, TypeId, dedup,
};

use crate::dedup::{nested, renumbered};
use crate::property::seeds;
use crate::random::{self, Random};
use crate::tools::kernel;

/// What a person would want to read.
fn text(old: &Btf, new: &Btf, diff: &Diff) -> String {
    let mut text = String::new();
    for (sign, btf, ids) in [('-', old, &diff.removed), ('+', new, &diff.added)] {
        for &id in ids {
            text.push_str(&format!("{sign} {} {}\n", btf.kind(id).unwrap().short_name(), btf.name(id)));
        }
    }
    for changed in &diff.changed {
        assert!(!changed.changes.is_empty());
        text.push_str(&format!(
            "{} {}\n",
            new.kind(changed.new).unwrap().short_name(),
            new.name(changed.new)
        ));
        changed.changes.iter().for_each(|change| text.push_str(&format!("  {change}\n")));
    }
    text
}

fn check(expected: &str, old: impl FnOnce(&mut BtfBuilder), new: impl FnOnce(&mut BtfBuilder)) {
    let set = |make: &mut dyn FnMut(&mut BtfBuilder)| {
        let mut types = Btf::builder();
        make(&mut types);
        types.build().unwrap()
    };
    let (mut make_old, mut make_new) = (Some(old), Some(new));
    let old = set(&mut |types| make_old.take().unwrap()(types));
    let new = set(&mut |types| make_new.take().unwrap()(types));
    let found = diff(&old, &new).unwrap();
    let lines = |text: &str| {
        text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(lines(&text(&old, &new, &found)), lines(expected));
}

fn int(types: &mut BtfBuilder) -> TypeId {
    types.int("int", 4, IntEncoding::Signed)
}

fn long(types: &mut BtfBuilder) -> TypeId {
    types.int("long", 8, IntEncoding::Signed)
}

/// `struct NAME { MEMBERS }`, of ints and longs, one after the other.
fn of_members(types: &mut BtfBuilder, name: &str, members: &[(&str, u32)]) -> TypeId {
    let mut at = 0;
    let list: Vec<_> = members
        .iter()
        .map(|&(name, size)| {
            let ty = if size == 8 { long(types) } else { int(types) };
            at += size;
            types.member(name, ty, 8 * (at - size))
        })
        .collect();
    types.structure(name, at, &list)
}

#[test]
fn members_come_go_and_change() {
    check(
        "+ INT long
         STRUCT s
           ~ size: 12 -> 20
           ~ member b: int at 4 -> int at 16
           ~ member c: int at 8 -> long at 8
           - member d: int at 12
           + member new: int at 4",
        |types| _ = of_members(types, "s", &[("a", 4), ("b", 4), ("c", 4), ("d", 0)]),
        |types| {
            let (int, long) = (int(types), long(types));
            let members = [("a", int, 0), ("new", int, 32), ("c", long, 64), ("b", int, 128)]
                .map(|(name, ty, at)| types.member(name, ty, at));
            types.structure("s", 20, &members);
        },
    );
}

#[test]
fn types_come_and_go() {
    check(
        "- STRUCT gone
         - DECL_TAG tag
         + STRUCT new",
        |types| {
            of_members(types, "kept", &[("a", 4)]);
            let gone = of_members(types, "gone", &[("a", 4)]);
            types.decl_tag("tag", gone, None);
        },
        |types| {
            of_members(types, "new", &[("a", 4)]);
            of_members(types, "kept", &[("a", 4)]);
        },
    );
}

/// What refers to a type by its name has not changed with it; what has no name is part of what has one.
#[test]
fn a_change_is_told_once() {
    let make = |size: u32| {
        move |types: &mut BtfBuilder| {
            let inner = of_members(types, "inner", &[("x", size)]);
            let pointer = types.ptr(inner);
            let name = types.typedef("inner_p", pointer);
            let anonymous = of_members(types, "", &[("y", size)]);
            let to_anonymous = types.ptr(anonymous);
            let members = [types.member("p", name, 0), types.member("q", to_anonymous, 64)];
            types.structure("outer", 16, &members);
        }
    };
    check(
        "- INT int
         + INT long
         STRUCT inner
           ~ size: 4 -> 8
           ~ member x: int at 0 -> long at 0
         STRUCT outer
           ~ member q: struct { int y; } * at 8 -> struct { long y; } * at 8",
        make(4),
        make(8),
    );
}

#[test]
fn enumerations_functions_variables_and_names() {
    let make = |new: bool| {
        move |types: &mut BtfBuilder| {
            let (int, long) = (int(types), long(types));
            let value = |types: &mut BtfBuilder, name: &str, value| types.enumerator(name, value);
            let values: Vec<Enumerator> = match new {
                false => vec![value(types, "A", 1), value(types, "B", 2)],
                true => vec![value(types, "A", -1), value(types, "C", 2)],
            };
            types.enumeration("e", 4, new, &values);
            let values = [value(types, "ONE", 1), value(types, "TWO", 2)];
            types.enumeration("", 4, false, &values[..if new { 1 } else { 2 }]);
            types.typedef("t", if new { long } else { int });
            let mut params = vec![types.param("x", int), types.param(if new { "z" } else { "y" }, long)];
            params.extend(new.then_some(Param::VARIADIC));
            let proto = types.func_proto(if new { TypeId::VOID } else { int }, &params);
            types.func("f", proto, if new { Linkage::Static } else { Linkage::Global });
            let var = types.var("v", int, Linkage::Global);
            let at = SecVar { var, offset: if new { 4 } else { 0 }, size: 4 };
            types.datasec(".data", 8, &[at]);
            types.float("double", if new { 16 } else { 8 });
            types.int("flags", 4, if new { IntEncoding::Bool } else { IntEncoding::Unsigned });
            if new {
                of_members(types, "declared", &[("a", 4)]);
            } else {
                types.fwd("declared", FwdKind::Struct);
            }
        }
    };
    check(
        "ENUM
           - value TWO: 2
         DATASEC .data
           ~ variable v: 4 bytes at 0 -> 4 bytes at 4
         STRUCT declared
           ~ kind: declaration -> struct
         FLOAT double
           ~ size: 8 -> 16
         ENUM e
           ~ encoding: unsigned -> signed
           ~ value A: 1 -> -1
           - value B: 2
           + value C: 2
         FUNC f
           ~ linkage: global -> static
           ~ return type: int -> void
           ~ parameter 2: long y -> long z
           + parameter 3: ...
         INT flags
           ~ encoding: unsigned, 32 bits -> bool, 32 bits
         TYPEDEF t
           ~ type: int -> long",
        make(false),
        |types| {
            let anonymous = make(true);
            anonymous(types);
        },
    );
}

/// Of many types with one name, those that are equal belong together.
#[test]
fn many_of_one_name() {
    let (old, new) = (nested(2000, 2), nested(2001, 2));
    let start = Instant::now();
    let found = diff(&old, &new).unwrap();
    assert_eq!(text(&old, &new, &found), "+ STRUCT Some\n+ STRUCT T2000\n");
    let found = diff(&new, &old).unwrap();
    assert_eq!(text(&new, &old, &found), "- STRUCT Some\n- STRUCT T2000\n");
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn a_set_does_not_differ_from_itself() {
    for seed in seeds() {
        let mut random = Random(seed);
        let btf = random::types(&mut random);
        let other = renumbered(&mut random, &btf);
        for (a, b) in [(&btf, &btf), (&btf, &other), (&other, &btf)] {
            let found = diff(a, b).unwrap();
            assert!(found.is_empty(), "seed {seed}\n{}", text(a, b, &found));
        }
        // Whatever differs is told without harm.
        let third = random::types(&mut random);
        let found = diff(&btf, &third).unwrap();
        text(&btf, &third, &found);
        let back = diff(&third, &btf).unwrap();
        assert_eq!((found.added.len(), found.removed.len()), (back.removed.len(), back.added.len()));
        assert_eq!((found.changed.len(), found.same), (back.changed.len(), back.same));
    }
}

#[test]
fn the_kernels_types_are_what_they_are() {
    let Some(bytes) = kernel() else { return };
    let btf = Btf::parse(&bytes).unwrap();
    let merged = dedup(&[&btf], &dedup::Options::new()).unwrap().btf;
    let start = Instant::now();
    let found = diff(&btf, &merged).unwrap();
    eprintln!("{} types compared in {:?}", found.same, start.elapsed());
    assert!(found.is_empty() && found.same > 10_000, "{}", text(&btf, &merged, &found));
    assert!(btf.find_by_name(Kind::Struct, "task_struct").is_some());
}
