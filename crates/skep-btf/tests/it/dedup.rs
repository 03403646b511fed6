//! Merging sets.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use skep_btf::dedup::{Deduped, Forwards, Options};
use skep_btf::{
    Array, Btf, BtfBuilder, BtfExt, Composite, CoreKind, CoreRelo, Datasec, DeclTag, Endian, Enum,
    Enumerator, FuncProto, FwdKind, IntEncoding, Kind, Linkage, Member, Param, Rules, SecVar, StrRef, Type,
    TypeId, Var, dedup, verify,
};

use crate::property::seeds;
use crate::random::{self, Random};
use crate::tools::kernel;

fn merge(inputs: &[&Btf], options: &Options) -> Deduped {
    let merged = dedup(inputs, options).unwrap();
    sound(inputs, &merged);
    merged
}

fn merged(inputs: &[&Btf]) -> Deduped {
    merge(inputs, &Options::new())
}

/// Everything about a type as text, with `id` for its references.
pub(crate) fn text(btf: &Btf, at: TypeId, id: &dyn Fn(TypeId) -> u32) -> String {
    let mut refs = String::new();
    btf.ty(at).references(|to, _, _| refs.push_str(&format!("{} ", id(to))));
    format!("{} {refs}", content(btf, at))
}

/// Everything about a type but for its references.
pub(crate) fn content(btf: &Btf, at: TypeId) -> String {
    let name = |at: StrRef| btf.string(at);
    let rest = match btf.ty(at) {
        Type::Struct(c) | Type::Union(c) => {
            let member = |m: &Member| format!("{} {} {}", name(m.name), m.bit_offset, m.bitfield_size);
            format!("{} {:?}", c.size, c.members.iter().map(member).collect::<Vec<_>>())
        }
        Type::Enum(e) | Type::Enum64(e) => {
            let value = |v: &Enumerator| format!("{} {}", name(v.name), v.value);
            format!("{} {} {:?}", e.size, e.signed, e.values.iter().map(value).collect::<Vec<_>>())
        }
        Type::FuncProto(p) => format!("{:?}", p.params.iter().map(|p| name(p.name)).collect::<Vec<_>>()),
        Type::Datasec(d) => {
            format!("{} {:?}", d.size, d.vars.iter().map(|v| (v.offset, v.size)).collect::<Vec<_>>())
        }
        Type::Int(int) => format!("{int:?}"),
        Type::Float { size } => format!("{size}"),
        Type::Fwd(kind) => format!("{kind:?}"),
        Type::Array(array) => format!("{}", array.len),
        Type::Func(func) => format!("{:?}", func.linkage),
        Type::Var(var) => format!("{:?}", var.linkage),
        Type::DeclTag(tag) => format!("{:?} {}", tag.component, tag.attribute),
        Type::TypeTag(tag) => format!("{}", tag.attribute),
        _ => String::new(),
    };
    format!("{:?} '{}' {rest}", btf.kind(at), btf.name(at))
}

/// A forward declaration of the kinds that may become something else.
fn is_fwd(btf: &Btf, id: TypeId) -> bool {
    match btf.ty(id) {
        Type::Fwd(_) => true,
        Type::Enum(e) | Type::Enum64(e) => e.values.is_empty() && !btf.name(id).is_empty(),
        _ => false,
    }
}

/// Each type of each input is in the result, as it was; and it does not matter how the inputs are given.
fn sound(inputs: &[&Btf], merged: &Deduped) {
    let out = &merged.btf;
    let mut reached = vec![false; usize::try_from(out.count()).unwrap() + 1];
    for (btf, map) in inputs.iter().zip(&merged.maps) {
        assert_eq!(map.get(TypeId::VOID), TypeId::VOID);
        for id in btf.ids() {
            let to = map.get(id);
            assert!(!to.is_void(), "{id} is lost");
            reached[usize::try_from(to.0).unwrap()] = true;
            if text(btf, id, &|id| map.get(id).0) == text(out, to, &|id| id.0) {
                continue;
            }
            // A forward declaration became a definition.
            assert!(is_fwd(btf, id) && !is_fwd(out, to), "{} is now {}", content(btf, id), content(out, to));
            assert_eq!(btf.name(id), out.name(to));
            match (btf.ty(id), out.ty(to)) {
                (Type::Fwd(FwdKind::Struct), Type::Struct(_))
                | (Type::Fwd(FwdKind::Union), Type::Union(_)) => {}
                (Type::Enum(a) | Type::Enum64(a), Type::Enum(b) | Type::Enum64(b)) => {
                    assert_eq!(a.size, b.size)
                }
                (a, b) => panic!("{a:?} is now {b:?}"),
            }
        }
    }
    let first = out.base().map_or(1, |base| base.count() + 1);
    for id in first..=out.count() {
        assert!(reached[usize::try_from(id).unwrap()], "[{id}] {} is new", content(out, TypeId(id)));
    }
    let bytes = out.to_bytes(Endian::Little);
    let again = match out.base() {
        Some(base) => Btf::parse_with_base(&bytes, Arc::clone(base)),
        None => Btf::parse(&bytes),
    };
    assert!(again.unwrap() == *out, "what is merged can be written and read");
}

/// What it means that two types are one: nothing that they refer to tells them apart. Slow, and obviously right.
fn classes(inputs: &[&Btf]) -> Vec<Vec<usize>> {
    let mut first = Vec::new();
    let (mut contents, mut refs): (Vec<String>, Vec<Vec<usize>>) =
        (vec!["void".to_owned()], vec![Vec::new()]);
    for btf in inputs {
        let before = contents.len() - 1;
        first.push(before);
        let node = |id: TypeId| if id.is_void() { 0 } else { before + usize::try_from(id.0).unwrap() };
        for id in btf.ids() {
            let mut to = Vec::new();
            btf.ty(id).references(|id, _, _| to.push(node(id)));
            if let Type::Var(_) = btf.ty(id) {
                // The one section that the variable is in belongs to it.
                let has = |section: &TypeId| matches!(btf.ty(*section), Type::Datasec(s) if s.vars.iter().any(|v| v.var == id));
                let sections: Vec<TypeId> = btf.ids().filter(has).collect();
                let times = sections.iter().flat_map(|&s| match btf.ty(s) {
                    Type::Datasec(s) => s.vars,
                    _ => &[],
                });
                let times = times.filter(|v| v.var == id).count();
                to.push(if times == 1 { node(sections[0]) } else { 0 });
            }
            contents.push(content(btf, id));
            refs.push(to);
        }
    }
    let n = contents.len();
    let mut same: Vec<Vec<bool>> = contents
        .iter()
        .zip(&refs)
        .map(|(a, ra)| contents.iter().zip(&refs).map(|(b, rb)| a == b && ra.len() == rb.len()).collect())
        .collect();
    loop {
        let mut changed = false;
        for a in 0..n {
            for b in 0..n {
                if same[a][b] && !refs[a].iter().zip(&refs[b]).all(|(&x, &y)| same[x][y]) {
                    (same[a][b], changed) = (false, true);
                }
            }
        }
        if !changed {
            break;
        }
    }
    let class = |node: usize| (0..n).find(|&other| same[node][other]).unwrap();
    let of = |(btf, &before): (&&Btf, &usize)| {
        btf.ids().map(|id| class(before + usize::try_from(id.0).unwrap())).collect()
    };
    inputs.iter().zip(&first).map(of).collect()
}

/// The types in another order.
pub(crate) fn renumbered(random: &mut Random, btf: &Btf) -> Btf {
    let mut order: Vec<TypeId> = btf.ids().collect();
    for at in (1..order.len()).rev() {
        order.swap(at, random.index(at + 1));
    }
    let mut new = vec![TypeId::VOID; order.len() + 1];
    for (&old, id) in order.iter().zip(1..) {
        new[usize::try_from(old.0).unwrap()] = TypeId(id);
    }
    let mut types = Btf::builder();
    types.string("a string that is not used");
    append(&mut types, btf, &order, &|id| new[usize::try_from(id.0).unwrap()]);
    types.build().unwrap()
}

/// Adds the types, without looking whether they are there already.
fn append(types: &mut BtfBuilder, btf: &Btf, order: &[TypeId], id: &dyn Fn(TypeId) -> TypeId) {
    for &old in order {
        types.copy(btf, old, id);
    }
}

/// Two sets as one, side by side.
fn side_by_side(a: &Btf, b: &Btf) -> Btf {
    let mut types = Btf::builder();
    append(&mut types, a, &a.ids().collect::<Vec<_>>(), &|id| id);
    let shift = |id: TypeId| if id.is_void() { id } else { TypeId(id.0 + a.count()) };
    append(&mut types, b, &b.ids().collect::<Vec<_>>(), &shift);
    types.build().unwrap()
}

/// Types of few names and shapes, so that many are equal, and many others nearly.
fn clashing(random: &mut Random) -> Btf {
    let mut types = Btf::builder();
    let count = 1 + random.below(14);
    let names = ["", "a", "b", "c"].map(|name| (name, types.string(name)));
    for _ in 0..count {
        let id = |random: &mut Random| TypeId(random.below(count + 1));
        let (name, _) = *random.pick(&names);
        let size = 4 * random.below(2);
        let mut at = 0;
        let mut place = |random: &mut Random| {
            at += random.below(2) * 8;
            at
        };
        let named = |random: &mut Random| names[random.index(2)].1;
        let members: Vec<Member> = (0..random.below(3))
            .map(|_| Member {
                name: named(random),
                ty: id(random),
                bit_offset: place(random),
                bitfield_size: 0,
            })
            .collect();
        let params: Vec<Param> = members.iter().map(|m| Param { name: m.name, ty: m.ty }).collect();
        let vars: Vec<SecVar> =
            members.iter().map(|m| SecVar { var: m.ty, offset: m.bit_offset, size: 1 }).collect();
        let values = [Enumerator { name: names[1].1, value: random.below(2).into() }];
        let values = &values[random.index(2)..];
        let ty = match random.below(18) {
            0..4 => Type::Ptr(id(random)),
            4..8 => Type::Struct(Composite { size, members: &members }),
            8 => Type::Union(Composite { size, members: &members }),
            9 => Type::Fwd(if random.below(4) == 0 { FwdKind::Union } else { FwdKind::Struct }),
            10 => Type::Typedef(id(random)),
            11 => Type::Const(id(random)),
            12 => Type::Array(Array { elem: id(random), index: id(random), len: random.below(2) }),
            13 => Type::FuncProto(FuncProto { ret: id(random), params: &params }),
            14 => Type::Var(Var { ty: id(random), linkage: Linkage::Static }),
            15 => Type::Datasec(Datasec { size, vars: &vars }),
            16 => Type::Enum(Enum { size, signed: false, values }),
            _ => Type::DeclTag(DeclTag { target: id(random), component: None, attribute: false }),
        };
        types.push(name, ty);
    }
    types.build().unwrap()
}

#[test]
fn types_are_one_if_nothing_tells_them_apart() {
    let (mut equal, mut apart) = (0, 0);
    for seed in seeds() {
        let mut random = Random(seed);
        let mut sets: Vec<Btf> = (0..=random.below(3)).map(|_| clashing(&mut random)).collect();
        if random.below(2) == 0 {
            sets.push(renumbered(&mut random, &sets[0]));
        }
        let inputs: Vec<&Btf> = sets.iter().collect();
        let merged = merge(&inputs, &Options::new().forwards(Forwards::Keep));
        let (expected, mut found) = (classes(&inputs), HashMap::new());
        for (input, (map, classes)) in inputs.iter().zip(merged.maps.iter().zip(&expected)) {
            for (id, class) in input.ids().zip(classes) {
                let before = *found.entry(class).or_insert(map.get(id));
                assert_eq!(before, map.get(id), "seed {seed}: {} is equal", content(input, id));
            }
        }
        assert_eq!(found.len(), merged.btf.ids().len(), "seed {seed}: types are apart that should not be");
        equal += inputs.iter().map(|input| input.ids().len()).sum::<usize>() - found.len();
        apart += found.len();
    }
    assert!(equal > 100 && apart > 100, "{equal} types were there already, {apart} were not");
}

#[test]
fn the_result_is_independent_of_order_and_merging_is_idempotent() {
    for seed in seeds() {
        let mut random = Random(seed);
        let (a, b) = (clashing(&mut random), clashing(&mut random));
        for forwards in [Forwards::Keep, Forwards::Resolve] {
            let options = Options::new().forwards(forwards);
            let once = merge(&[&a, &b], &options).btf;
            let same = |inputs: &[&Btf], what: &str| {
                let other = merge(inputs, &options).btf;
                assert!(
                    other == once,
                    "seed {seed}, {forwards:?}: {what}\n{}\n{}",
                    list(&once),
                    list(&other)
                );
            };
            same(&[&once], "a second time");
            same(&[&b, &a], "the other way round");
            same(&[&a, &b, &a], "one of them twice");
            same(&[&renumbered(&mut random, &a), &renumbered(&mut random, &b)], "with other ids");
            same(&[&side_by_side(&b, &a)], "as one");
            if forwards == Forwards::Keep {
                same(&[&merge(&[&a], &options).btf, &merge(&[&b], &options).btf], "each for itself before");
            }
        }
    }
}

fn list(btf: &Btf) -> String {
    btf.ids().map(|id| format!("{id} {}\n", text(btf, id, &|id| id.0))).collect()
}

/// Views of one program: each knows some structs, and of others only that they exist.
#[test]
fn views_of_one_program_come_together() {
    for seed in seeds() {
        let mut random = Random(seed);
        let structs = 2 + random.below(12);
        let links: Vec<Vec<u32>> =
            (0..structs).map(|_| (0..random.below(4)).map(|_| random.below(structs)).collect()).collect();
        let view = |random: &mut Random, known: u32| {
            let mut types = Btf::builder();
            let declared: Vec<TypeId> = (0..structs)
                .map(|i| match random.below(100) < known {
                    true => types.declare(
                        Kind::Struct,
                        &format!("s{i}"),
                        8 * u32::try_from(links[i as usize].len()).unwrap(),
                    ),
                    false => types.fwd(&format!("s{i}"), FwdKind::Struct),
                })
                .collect();
            for (&id, links) in declared.iter().zip(&links) {
                let mut at = 0;
                let mut members = Vec::new();
                for &link in links {
                    let pointer = types.ptr(declared[link as usize]);
                    members.push(types.member(&format!("m{link}"), pointer, at));
                    at += 64;
                }
                if types.so_far().kind(id) == Some(Kind::Struct) && !members.is_empty() {
                    types.define(id, &members);
                }
            }
            types.build().unwrap()
        };
        let whole = view(&mut random, 100);
        let views: Vec<Btf> = (0..10).map(|_| view(&mut random, 30)).chain([whole.clone()]).collect();
        let merged = merged(&views.iter().collect::<Vec<_>>());
        assert!(merged.btf.iter().all(|(_, ty)| ty.kind() != Some(Kind::Fwd)), "seed {seed}");
        assert_eq!(merged.btf.count(), self::merged(&[&whole]).btf.count(), "seed {seed}");
    }
}

/// A set from a function that fills it.
fn set(make: impl FnOnce(&mut BtfBuilder)) -> Btf {
    let mut types = Btf::builder();
    make(&mut types);
    types.build().unwrap()
}

fn int(types: &mut BtfBuilder) -> TypeId {
    types.int("int", 4, IntEncoding::Signed)
}

fn long(types: &mut BtfBuilder) -> TypeId {
    types.int("long", 8, IntEncoding::Signed)
}

/// How many types of that kind and name there are.
fn count(btf: &Btf, kind: Kind, name: &str) -> usize {
    btf.ids().filter(|&id| btf.kind(id) == Some(kind) && btf.name(id) == name).count()
}

fn check(inputs: &[&Btf], expected: &[(Kind, &str, usize)]) {
    let merged = merged(inputs);
    for &(kind, name, expected) in expected {
        assert_eq!(count(&merged.btf, kind, name), expected, "{kind} '{name}' of\n{}", list(&merged.btf));
    }
}

/// `struct node { struct node *next; T value; }`
fn linked(types: &mut BtfBuilder, name: &str, value: TypeId) -> TypeId {
    let node = types.declare(Kind::Struct, name, 16);
    let next = types.ptr(node);
    let members = [types.member("next", next, 0), types.member("value", value, 64)];
    types.define(node, &members);
    node
}

#[test]
fn structs_that_refer_to_themselves() {
    let of = |value: fn(&mut BtfBuilder) -> TypeId| {
        set(|types| {
            let value = value(types);
            linked(types, "node", value);
        })
    };
    let (a, b, c) = (of(int), of(int), of(long));
    check(&[&a, &b], &[(Kind::Struct, "node", 1), (Kind::Ptr, "", 1), (Kind::Int, "int", 1)]);
    check(&[&a, &c, &b], &[(Kind::Struct, "node", 2), (Kind::Ptr, "", 2)]);
}

#[test]
fn a_difference_far_away_counts() {
    // struct top { struct mid *m; }; struct mid { struct end *e; }; struct end { T t; };
    let of = |value: fn(&mut BtfBuilder) -> TypeId| {
        set(|types| {
            let value = value(types);
            let mut below = value;
            for name in ["end", "mid", "top"] {
                let members = [types.member("m", below, 0)];
                let outer = types.structure(name, 8, &members);
                below = types.ptr(outer);
            }
        })
    };
    let (a, b) = (of(long), of(|types| types.int("long", 8, IntEncoding::Unsigned)));
    check(&[&a, &b], &[(Kind::Struct, "end", 2), (Kind::Struct, "mid", 2), (Kind::Struct, "top", 2)]);
    check(&[&a, &a], &[(Kind::Struct, "end", 1), (Kind::Struct, "mid", 1), (Kind::Struct, "top", 1)]);
}

#[test]
fn arrays_of_different_elements_are_different() {
    let of = |second: fn(&mut BtfBuilder) -> TypeId| {
        set(|types| {
            let (int, second) = (int(types), second(types));
            let (a, b) = (types.array_of(int, 4), types.array_of(second, 4));
            let members = [types.member("a", a, 0), types.member("b", b, 128)];
            types.structure("S", 32, &members);
        })
    };
    let (ints, floats) = (of(int), of(|types| types.float("float", 4)));
    check(&[&ints, &floats], &[(Kind::Struct, "S", 2), (Kind::Array, "", 2)]);
    check(&[&ints, &ints], &[(Kind::Struct, "S", 1), (Kind::Array, "", 1)]);
}

#[test]
fn void_is_no_other_type() {
    // struct s { struct {} *x; } and struct s { void *x; }, and one with int *
    let of = |pointee: fn(&mut BtfBuilder) -> TypeId| {
        set(|types| {
            let pointee = pointee(types);
            let pointer = types.ptr(pointee);
            let members = [types.member("x", pointer, 0)];
            types.structure("s", 8, &members);
        })
    };
    let sets = [of(|types| types.structure("", 0, &[])), of(|_| TypeId::VOID), of(int)];
    check(&sets.each_ref(), &[(Kind::Struct, "s", 3), (Kind::Ptr, "", 3)]);
}

#[test]
fn all_kinds_survive() {
    let everything = |types: &mut BtfBuilder| {
        let int = int(types);
        let value = types.enumerator("E", 1);
        types.enumeration("e", 4, false, &[value]);
        types.enumeration("e64", 8, true, &[value]);
        types.fwd("fwd", FwdKind::Union);
        let array = types.array_of(int, 2);
        let members = [types.member("m", array, 0)];
        let structure = types.structure("s", 8, &members);
        types.union("u", 8, &members);
        let constant = types.constant(structure);
        let volatile = types.volatile(constant);
        let tagged = types.type_tag("tag", volatile);
        let pointer = types.ptr(tagged);
        let restrict = types.restrict(pointer);
        let params = [types.param("p", restrict), Param::VARIADIC];
        let proto = types.func_proto(int, &params);
        let func = types.func("f", proto, Linkage::Global);
        types.decl_tag("tag", func, Some(0));
        types.decl_tag("tag", structure, None);
        types.float("float", 4);
        types.typedef("t", structure);
        let var = types.var("v", int, Linkage::Global);
        types.datasec(".data", 4, &[SecVar { var, offset: 0, size: 4 }]);
    };
    let btf = set(everything);
    let once = merged(&[&btf]).btf;
    assert_eq!(once.count(), btf.count());
    assert!(merged(&[&btf, &btf, &btf]).btf == once);
    for &kind in Kind::ALL {
        assert!(once.iter().any(|(_, ty)| ty.kind() == Some(kind)), "no {kind}");
    }
}

#[test]
fn integers_are_what_they_are() {
    let mut types = Btf::builder();
    for name in ["int", "some other int"] {
        for (size, encoding) in
            [(4, IntEncoding::Signed), (4, IntEncoding::Unsigned), (8, IntEncoding::Signed)]
        {
            types.int(name, size, encoding);
        }
        types.float(name, 4);
        types.float(name, 8);
    }
    let btf = types.build().unwrap();
    assert_eq!(merged(&[&btf, &btf]).btf.count(), 10);
}

/// `struct NAME { T x; }`
fn holder(types: &mut BtfBuilder, name: &str, x: TypeId) -> TypeId {
    let size = u32::try_from(types.so_far().size_of(x).unwrap()).unwrap();
    let members = [types.member("x", x, 0)];
    types.structure(name, size, &members)
}

/// `struct OUTER { struct INNER *p; }`, where the inner one is `struct INNER { T x; }` or only declared.
fn pointing(outer: &str, inner: &str, value: Option<fn(&mut BtfBuilder) -> TypeId>) -> Btf {
    set(|types| {
        let inner = match value {
            Some(value) => {
                let value = value(types);
                holder(types, inner, value)
            }
            None => types.fwd(inner, FwdKind::Struct),
        };
        let pointer = types.ptr(inner);
        holder(types, outer, pointer);
    })
}

#[test]
fn a_forward_declaration_is_the_only_definition_of_its_name() {
    let (full, declared) = (pointing("a", "b", Some(int)), pointing("a", "b", None));
    let whole = [(Kind::Struct, "a", 1), (Kind::Struct, "b", 1), (Kind::Fwd, "b", 0), (Kind::Ptr, "", 1)];
    check(&[&full, &declared], &whole);
    check(&[&declared, &full], &whole);
    // Nothing that the two have in common refers to it.
    check(
        &[
            &set(|types| {
                let int = int(types);
                holder(types, "b", int);
            }),
            &declared,
        ],
        &whole,
    );
    let alone = set(|types| _ = types.fwd("b", FwdKind::Struct));
    check(&[&alone, &full], &whole);
    check(&[&alone, &declared], &[(Kind::Fwd, "b", 1)]);
}

#[test]
fn a_forward_declaration_of_a_union_is_no_struct() {
    let full = pointing("a", "b", Some(int));
    let union = set(|types| _ = types.fwd("b", FwdKind::Union));
    check(&[&full, &union], &[(Kind::Struct, "b", 1), (Kind::Fwd, "b", 1)]);
    let definition = set(|types| {
        let int = int(types);
        let members = [types.member("x", int, 0)];
        types.union("b", 4, &members);
    });
    check(
        &[&full, &union, &definition],
        &[(Kind::Struct, "b", 1), (Kind::Union, "b", 1), (Kind::Fwd, "b", 0)],
    );
}

#[test]
fn of_several_definitions_the_company_tells() {
    let (with_int, with_long) = (pointing("a", "b", Some(int)), pointing("c", "b", Some(long)));
    let (a, c, d) = (pointing("a", "b", None), pointing("c", "b", None), pointing("d", "b", None));
    let sets = [&with_int, &with_long, &a, &c];
    check(
        &sets,
        &[(Kind::Struct, "b", 2), (Kind::Fwd, "b", 0), (Kind::Struct, "a", 1), (Kind::Struct, "c", 1)],
    );
    // Who is alone tells nothing.
    check(
        &[&with_int, &with_long, &d],
        &[(Kind::Struct, "b", 2), (Kind::Fwd, "b", 1), (Kind::Struct, "d", 1)],
    );
    // The same company with either definition tells nothing as well.
    let either = pointing("a", "b", Some(long));
    check(&[&with_int, &either, &a], &[(Kind::Struct, "b", 2), (Kind::Fwd, "b", 1), (Kind::Struct, "a", 3)]);
    // What is known of one tells about the next.
    let both = set(|types| {
        let b = types.fwd("b", FwdKind::Struct);
        let pointer = types.ptr(b);
        holder(types, "a", pointer);
        holder(types, "d", pointer);
    });
    check(
        &[&with_int, &with_long, &both, &d],
        &[(Kind::Fwd, "b", 0), (Kind::Struct, "d", 1), (Kind::Struct, "a", 1), (Kind::Struct, "b", 2)],
    );
}

#[test]
fn definitions_that_differ_far_away_are_several() {
    // b is the same in both, but for what it points to.
    let of = |value: fn(&mut BtfBuilder) -> TypeId| {
        set(|types| {
            let value = value(types);
            let c = holder(types, "c", value);
            let pointer = types.ptr(c);
            holder(types, "b", pointer);
        })
    };
    let (one, two, declared) = (of(int), of(long), pointing("a", "b", None));
    check(&[&one, &two, &declared], &[(Kind::Struct, "b", 2), (Kind::Struct, "c", 2), (Kind::Fwd, "b", 1)]);
    check(&[&one, &declared], &[(Kind::Struct, "b", 1), (Kind::Fwd, "b", 0)]);
}

#[test]
fn forward_declarations_may_be_kept() {
    let options = Options::new().forwards(Forwards::Keep);
    let (full, declared) = (pointing("a", "b", Some(int)), pointing("a", "b", None));
    let kept = merge(&[&full, &declared], &options).btf;
    assert_eq!((count(&kept, Kind::Struct, "a"), count(&kept, Kind::Fwd, "b")), (2, 1));
    check(&[&kept], &[(Kind::Struct, "a", 1), (Kind::Fwd, "b", 0)]);
}

#[test]
fn enumerations() {
    let of = |kind_size: u32, values: &[i64]| {
        set(|types| {
            let values: Vec<Enumerator> =
                values.iter().map(|&v| types.enumerator(&format!("V{v}"), v)).collect();
            types.enumeration("e", kind_size, false, &values);
        })
    };
    let (narrow, declared, wide) = (of(4, &[1, 2]), of(4, &[]), of(8, &[1, 2]));
    check(&[&narrow, &declared], &[(Kind::Enum, "e", 1)]);
    check(&[&declared, &narrow, &narrow], &[(Kind::Enum, "e", 1)]);
    check(&[&narrow, &wide], &[(Kind::Enum, "e", 1), (Kind::Enum64, "e", 1)]);
    check(&[&wide, &declared], &[(Kind::Enum64, "e", 1), (Kind::Enum, "e", 1)]);
    check(&[&wide, &of(8, &[])], &[(Kind::Enum64, "e", 1)]);
    check(&[&narrow, &of(4, &[1, 3]), &declared], &[(Kind::Enum, "e", 3)]);
    check(&[&narrow, &of(2, &[1, 2])], &[(Kind::Enum, "e", 2)]);
    // An ENUM without values declares an ENUM64 of the same size.
    let eight = set(|types| {
        let body = Enum { size: 8, signed: false, values: &[] };
        types.add("e", Type::Enum(body));
    });
    check(&[&wide, &eight], &[(Kind::Enum64, "e", 1), (Kind::Enum, "e", 0)]);
    let anonymous = set(|types| _ = types.enumeration("", 4, false, &[]));
    check(&[&anonymous, &anonymous], &[(Kind::Enum, "", 1)]);
}

#[test]
fn variables_are_one_in_the_same_place() {
    let of = |offset: u32, size: u32| {
        set(|types| {
            let int = int(types);
            let var = types.var("v", int, Linkage::Static);
            types.decl_tag("tag", var, None);
            types.datasec(".bss", size, &[SecVar { var, offset, size: 4 }]);
        })
    };
    let (a, b, c) = (of(0, 8), of(4, 8), of(0, 16));
    check(&[&a, &a], &[(Kind::Var, "v", 1), (Kind::Datasec, ".bss", 1), (Kind::DeclTag, "tag", 1)]);
    check(&[&a, &b, &c], &[(Kind::Var, "v", 3), (Kind::Datasec, ".bss", 3), (Kind::DeclTag, "tag", 3)]);
    let external = set(|types| {
        let int = int(types);
        types.var("v", int, Linkage::Extern);
    });
    check(&[&external, &external, &a], &[(Kind::Var, "v", 2)]);
}

#[test]
fn tags_follow_what_they_are_put_on() {
    let tagged = |text: &'static str, component: Option<u32>| {
        set(move |types| {
            let int = int(types);
            let members = [types.member("a", int, 0), types.member("b", int, 32)];
            let structure = types.structure("s", 8, &members);
            types.decl_tag("both", structure, None);
            types.decl_tag(text, structure, component);
        })
    };
    let (a, b) = (tagged("one", None), tagged("one", Some(1)));
    check(&[&a, &b, &a], &[(Kind::Struct, "s", 1), (Kind::DeclTag, "both", 1), (Kind::DeclTag, "one", 2)]);
}

/// What can be read can be merged and compared, sense or not.
#[test]
fn damaged_sets_are_merged() {
    let mut read = 0;
    for seed in seeds() {
        let mut random = Random(seed);
        let btf = random::types(&mut random);
        let mut sets = vec![btf.clone()];
        for _ in 0..3 {
            let endian = random.endian();
            let bytes = random::damage_types(&mut random, &btf.to_bytes(endian), endian);
            sets.extend(Btf::parse(&bytes));
        }
        read += sets.len() - 1;
        let inputs: Vec<&Btf> = sets.iter().collect();
        let once = merged(&inputs).btf;
        assert!(merged(&[&once]).btf == once, "seed {seed}");
        sets.iter().for_each(|set| _ = skep_btf::diff::diff(set, &btf).unwrap());
    }
    assert!(read > 10, "{read} were read");
}

/// In C, a copy of a type inside one unit is the same type as the first.
#[test]
fn copies_inside_of_one_input() {
    let btf = set(|types| {
        for _ in 0..2 {
            let int = types.push(
                "int",
                Type::Int(skep_btf::Int { size: 4, bits: 32, offset: 0, encoding: IntEncoding::Signed }),
            );
            let inner = types.declare(Kind::Struct, "", 4);
            let members = [types.member("x", int, 0)];
            types.define(inner, &members);
            let pointer = types.push("", Type::Ptr(inner));
            let outer = types.declare(Kind::Struct, "outer", 8);
            let members = [types.member("p", pointer, 0)];
            types.define(outer, &members);
        }
    });
    assert_eq!(merged(&[&btf]).btf.count(), 4);
}

#[test]
fn a_loop_without_a_struct_is_told_apart_all_the_same() {
    // typedef t -> pointer -> const -> t, with a different name on the way in one of them
    let of = |names: &[&str]| {
        set(|types| {
            for (name, next) in names.iter().zip(2..) {
                let to = if next > names.len() { 1 } else { next };
                types.push(name, Type::Typedef(TypeId(u32::try_from(to).unwrap())));
            }
        })
    };
    let (a, b, c) = (of(&["t", "t"]), of(&["t", "t", "t"]), of(&["t", "t", "u"]));
    assert_eq!(merged(&[&a, &b]).btf.count(), 1, "all of them are t of t of t");
    assert_eq!(merged(&[&a, &c, &b]).btf.count(), 4);
}

#[test]
fn parts_come_first() {
    let btf = set(|types| {
        // Forward, through 100 structs and arrays.
        for next in 2..=100_u32 {
            let member = types.member("m", TypeId(next * 2 - 1), 0);
            types.push(&format!("s{}", 200 - next), Type::Struct(Composite { size: 4, members: &[member] }));
            types.push("", Type::Array(Array { elem: TypeId(next * 2 - 1), index: TypeId(199), len: 1 }));
        }
        int(types);
    });
    assert!(
        verify(&btf.to_bytes(Endian::Little), &Rules::current()).is_err(),
        "kernels do not look so far ahead"
    );
    let out = merged(&[&btf]).btf;
    for (id, ty) in out.iter() {
        ty.references(|to, _, _| assert!(to < id, "{id} refers to {to}"));
    }
    assert_eq!(verify(&out.to_bytes(Endian::Little), &Rules::current()), Ok(()));
}

/// A module's types on the kernel's.
#[test]
fn on_top_of_a_base() {
    let base = Arc::new(set(|types| {
        let int = int(types);
        linked(types, "node", int);
        types.fwd("later", FwdKind::Struct);
    }));
    let input = set(|types| {
        let long = long(types);
        let int = int(types);
        let node = linked(types, "node", int);
        let later = holder(types, "later", long);
        let pointer = types.ptr(later);
        let members = [types.member("node", node, 0), types.member("later", pointer, 128)];
        types.structure("own", 24, &members);
        types.fwd("node", FwdKind::Struct);
        let declared = types.fwd("later", FwdKind::Struct);
        types.constant(declared);
    });
    let on_base = Btf::builder_on(Arc::clone(&base)).build().unwrap();
    let merged = merge(&[&input, &on_base], &Options::new().base(Arc::clone(&base)));
    let out = &merged.btf;
    assert!(Arc::ptr_eq(out.base().unwrap(), &base));
    assert_eq!(
        merged.maps[0].get(input.find_by_name(Kind::Struct, "node").unwrap()),
        base.find_by_name(Kind::Struct, "node").unwrap()
    );
    assert_eq!(merged.maps[1].get(TypeId(2)), TypeId(2));
    // long, later, own, const, and a pointer: what points to the base's declaration does not point to the definition.
    assert_eq!(out.ids().len(), 5, "{}", list(out));
    let again = merge(&[out], &Options::new().base(Arc::clone(&base))).btf;
    assert!(again == *out, "{}\n{}", list(out), list(&again));
    assert!(merge(&[out, out, &input], &Options::new().base(Arc::clone(&base))).btf == *out);

    let error = dedup(&[out], &Options::new()).unwrap_err().to_string();
    assert_eq!(error, "input 0: it is on top of another set, of 4 types, expected none; flatten it first");
    let error = dedup(&[&input, out], &Options::new().base(Arc::new(input.clone()))).unwrap_err().to_string();
    assert_eq!(error, "input 1: it is on top of another set, of 4 types, expected that of the result");
}

/// Random types on random bases: what the base has is found there.
#[test]
fn random_sets_on_random_bases() {
    for seed in seeds() {
        let mut random = Random(seed);
        let base = Arc::new(dedup(&[&clashing(&mut random)], &Options::new()).unwrap().btf);
        let input = clashing(&mut random);
        let options = Options::new().base(Arc::clone(&base));
        let copy = merge(&[&base], &options);
        assert_eq!(copy.btf.ids().len(), 0, "seed {seed}: the base has everything");
        for id in base.ids() {
            assert_eq!(copy.maps[0].get(id), id, "seed {seed}: {}", content(&base, id));
        }
        let merged = merge(&[&input, &base], &options);
        let again = merge(&[&merged.btf], &options).btf;
        assert!(again == merged.btf, "seed {seed}\n{}\n{}\n{}", list(&base), list(&merged.btf), list(&again));
    }
}

#[test]
fn records_about_instructions_follow_their_types() {
    for seed in seeds() {
        let mut random = Random(seed);
        let sets = [random::types(&mut random), random::types(&mut random)];
        let merged = merge(&sets.each_ref(), &Options::new().forwards(Forwards::Keep));
        let mut types = BtfBuilder::from(merged.btf);
        let mut done = Vec::new();
        for (btf, map) in sets.iter().zip(&merged.maps) {
            let ext = random::records(&mut random, btf);
            done.push((ext.remap(btf, map, &mut types), ext, btf));
        }
        let out = types.build().unwrap();
        for (new, old, btf) in done {
            let back = new.map(|id| id, |at| at);
            assert_eq!(back, new);
            for (new, old) in new.core_relo.iter().zip(&old.core_relo) {
                assert_eq!(out.string(new.section), btf.string(old.section));
                for (new, old) in new.records.iter().zip(&old.records) {
                    assert_eq!(
                        (new.at, new.kind, out.string(new.access)),
                        (old.at, old.kind, btf.string(old.access))
                    );
                    assert_eq!(out.name(new.ty), btf.name(old.ty));
                }
            }
            for (new, old) in new.line_info.iter().zip(&old.line_info) {
                for (new, old) in new.records.iter().zip(&old.records) {
                    assert_eq!(
                        (out.string(new.file), out.string(new.text)),
                        (btf.string(old.file), btf.string(old.text))
                    );
                    assert_eq!((new.at, new.line, new.column), (old.at, old.line, old.column));
                }
            }
            let ids = |ext: &BtfExt| ext.type_ids().map(|(_, at, id)| (at, id)).collect::<Vec<_>>();
            let is_id = |relo: &&CoreRelo| relo.kind == CoreKind::TypeIdLocal;
            let records = new.core_relo.iter().flat_map(|block| &block.records).filter(is_id);
            assert_eq!(ids(&new), records.map(|relo| (relo.at, relo.ty)).collect::<Vec<_>>());
            assert_eq!(ids(&new).len(), ids(&old).len());
            assert!(BtfExt::parse(&new.to_bytes(Endian::Big), &out).unwrap() == new);
        }
    }
}

/// `Some { __0: *T_i }` for `k` types T_i, each behind as many pointers named alike as the depth says.
pub(crate) fn nested(k: u32, depth: u32) -> Btf {
    let mut types = Btf::builder();
    let int = int(&mut types);
    for i in 0..k {
        let members = [types.member("x", int, 0)];
        let mut inner = types.structure(&format!("T{i}"), 4, &members);
        for level in 0..=depth {
            let pointer = types.ptr(inner);
            let (name, field) = if level == 0 { ("Some", "__0") } else { ("Wrap", "p") };
            let members = [types.member(field, pointer, 0)];
            inner = types.structure(name, 8, &members);
        }
    }
    types.build().unwrap()
}

#[test]
fn equal_names_do_not_cost_more() {
    for (k, depth) in [(2000, 12), (8000, 0)] {
        let btf = nested(k, depth);
        let start = Instant::now();
        let merged = dedup(&[&btf, &btf], &Options::new()).unwrap();
        let taken = start.elapsed();
        eprintln!("{k} at depth {depth}: twice {} types in {taken:?}", btf.count());
        assert_eq!(merged.btf.count(), btf.count());
        assert!(taken.as_secs() < 5, "{taken:?}");
    }
}

#[test]
fn the_kernels_types_are_merged() {
    let Some(bytes) = kernel() else { return };
    let start = Instant::now();
    let (a, b) = (Btf::parse(&bytes).unwrap(), Btf::parse(&bytes).unwrap());
    let parsed = start.elapsed();
    let merged = dedup(&[&a, &b], &Options::new()).unwrap();
    let done = start.elapsed();
    eprintln!("two sets of {} types: read in {parsed:?}, merged in {:?}", a.count(), done - parsed);
    sound(&[&a, &b], &merged);
    assert_eq!(merged.maps[0], merged.maps[1]);
    assert_eq!(
        verify(&merged.btf.to_bytes(Endian::Little), &Rules::current()),
        Ok(()),
        "what kernels say to it"
    );
    let once = dedup(&[&a], &Options::new()).unwrap().btf;
    assert!(merged.btf == once);
    assert!(dedup(&[&once], &Options::new()).unwrap().btf == once, "merging is idempotent");
    eprintln!("{} types of {} are left", once.count(), a.count());
    let base = Arc::new(a);
    let split = dedup(&[&b], &Options::new().base(Arc::clone(&base))).unwrap();
    assert_eq!(split.btf.ids().len(), 0, "the base has everything");
}
