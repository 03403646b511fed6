//! Sets on top of others.

use std::sync::Arc;

use skep_btf::{Btf, BtfBuilder, Endian, FwdKind, IntEncoding, Kind, Linkage, StrRef, Type, TypeId};

use crate::faults::section;
use crate::property::seeds;
use crate::random::{self, Random};

/// The types of a kernel, as it were.
fn base() -> Arc<Btf> {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    let members = [types.member("a", int, 0)];
    types.structure("shared", 4, &members);
    types.fwd("later", FwdKind::Struct);
    Arc::new(types.build().unwrap())
}

/// What a module adds: `struct own { struct shared s; int a; } *`, and a function.
fn split(base: &Arc<Btf>) -> Btf {
    let mut types = Btf::builder_on(Arc::clone(base));
    let int = types.int("int", 4, IntEncoding::Signed);
    let shared = base.find_by_name(Kind::Struct, "shared").unwrap();
    let members = [types.member("s", shared, 0), types.member("a", int, 32)];
    let own = types.structure("own", 8, &members);
    let pointer = types.ptr(own);
    let params = [types.param("own", pointer)];
    let proto = types.func_proto(int, &params);
    types.func("shared", proto, Linkage::Static);
    types.build().unwrap()
}

#[test]
fn a_split_set_goes_on_where_its_base_ends() {
    let base = base();
    let btf = split(&base);
    assert_eq!((base.count(), btf.count(), btf.ids().len()), (3, 7, 4));
    assert_eq!(btf.ids().next(), Some(TypeId(4)));
    assert_eq!(btf.iter().map(|(id, _)| id).collect::<Vec<_>>(), btf.ids().collect::<Vec<_>>());

    assert_eq!(btf.find_by_name(Kind::Int, "int"), base.find_by_name(Kind::Int, "int"));
    assert_eq!(btf.find_all("shared").collect::<Vec<_>>(), [TypeId(2), TypeId(7)]);
    let own = btf.find_by_name(Kind::Struct, "own").unwrap();
    assert_eq!((btf.name(own), btf.size_of(own)), ("own", Some(8)));
    let members = btf.ty(own).members().unwrap();
    assert_eq!(members.iter().map(|m| btf.string(m.name)).collect::<Vec<_>>(), ["s", "a"]);
    assert!(members[1].name < StrRef(base_len(&base)), "strings of the base are used again");
    assert_eq!(btf.ty(members[0].ty).members().map(<[_]>::len), Some(1));
    assert_eq!(base.get(own), None, "the base knows nothing of it");
}

/// The length of the string table.
fn base_len(base: &Btf) -> u32 {
    let bytes = base.to_bytes(Endian::Little);
    u32::from_le_bytes(bytes[20..24].try_into().unwrap())
}

#[test]
fn the_split_part_alone_is_written() {
    let base = base();
    let btf = split(&base);
    for endian in [Endian::Little, Endian::Big] {
        let bytes = btf.to_bytes(endian);
        let again = Btf::parse_with_base(&bytes, Arc::clone(&base)).unwrap();
        assert!(again == btf);
        assert_eq!(again.to_bytes(endian), bytes);
        assert!(Btf::needs_base(&bytes) && !Btf::needs_base(&base.to_bytes(endian)));
        assert!(Btf::parse(&bytes).is_err(), "its strings do not start with a zero byte");
    }
    assert!(Btf::parse_with_base(&btf.to_bytes(Endian::Little), Arc::new(btf.clone())).unwrap() != btf);
}

#[test]
fn a_split_set_may_add_nothing() {
    let base = base();
    let empty = Btf::builder_on(Arc::clone(&base)).build().unwrap();
    let bytes = empty.to_bytes(Endian::Little);
    assert_eq!(bytes.len(), 24);
    let again = Btf::parse_with_base(&bytes, Arc::clone(&base)).unwrap();
    assert!(again == empty && again.ids().len() == 0 && again.count() == base.count());
    assert!(again.flatten() == *base);
}

#[test]
fn flat_sets_have_the_same_ids() {
    let base = base();
    let btf = split(&base);
    let mut top = Btf::builder_on(Arc::new(btf.clone()));
    top.typedef("third", TypeId(4));
    let top = top.build().unwrap();
    for set in [&*base, &btf, &top] {
        let flat = set.flatten();
        assert!(flat.base().is_none() && flat.count() == set.count());
        for id in flat.ids() {
            assert_eq!(
                (flat.ty(id), flat.name_ref(id), flat.name(id)),
                (set.ty(id), set.name_ref(id), set.name(id))
            );
        }
        assert!(Btf::parse(&flat.to_bytes(Endian::Big)).unwrap() == flat);
    }
    assert_eq!(top.lineage_names(), ["int", "shared", "later", "own", "", "", "shared", "third"]);
}

trait Names {
    fn lineage_names(&self) -> Vec<&str>;
}

impl Names for Btf {
    /// The names of all types, the base's first.
    fn lineage_names(&self) -> Vec<&str> {
        (1..=self.count()).map(|id| self.name(TypeId(id))).collect()
    }
}

#[test]
fn references_beyond_both_parts_are_told() {
    let base = base();
    let check = |words: &[u32], strings: &[u8], expected: &str| {
        let error = Btf::parse_with_base(&section(words, strings), Arc::clone(&base)).unwrap_err();
        assert_eq!(error.to_string(), expected);
    };
    let pointer = |to| [0, 2 << 24, to];
    assert!(Btf::parse_with_base(&section(&pointer(4), b""), Arc::clone(&base)).is_ok());
    check(
        &pointer(5),
        b"",
        ".BTF+0x18: type [4] BTF_KIND_PTR: type is type [5], expected one of the 4 types",
    );
    let end = base_len(&base);
    let float = |name| [name, 16 << 24, 8];
    assert!(Btf::parse_with_base(&section(&float(end), b"f\0"), Arc::clone(&base)).is_ok());
    let fault = format!(
        ".BTF+0x18: type [4] BTF_KIND_FLOAT: the name of the type is at string offset {:#x}, expected the start of a \
         character below {:#x}",
        end + 2,
        end + 2
    );
    check(&float(end + 2), b"f\0", &fault);
    check(&float(end), b"f", ".BTF+0x24: the string table ends with 0x66, expected a zero byte");
}

#[test]
fn sections_of_the_base_stay_as_they_are() {
    let mut types = Btf::builder();
    let section = types.datasec(".data", 4, &[]);
    let base = types.build().unwrap();
    let mut btf = Btf::builder_on(Arc::new(base)).build().unwrap();
    let error = btf.set_datasec(section, 8, &[]).unwrap_err();
    assert_eq!(error.to_string(), "type [1] is a type of the base, expected one of the set on top of it");
}

/// Random types on random types: what is found there is not added again, and everything reads back.
#[test]
fn random_sets_on_top_of_others() {
    for seed in seeds() {
        let mut random = Random(seed);
        let (below, above) = (random::types(&mut random), random::types(&mut random));
        let base = Arc::new(below.clone());
        let mut types = Btf::builder_on(Arc::clone(&base));
        for (id, ty) in below.iter() {
            let found = types.add(below.name(id), ty);
            assert!(found == id || matches!(ty, Type::Var(_) | Type::Datasec(_)), "seed {seed}: {id} {ty:?}");
        }
        let mut types = Btf::builder_on(Arc::clone(&base));
        let offset = base.count();
        for (id, ty) in above.iter().filter(|(_, ty)| matches!(ty, Type::Ptr(_) | Type::Float { .. })) {
            let ty = if let Type::Ptr(to) = ty { Type::Ptr(TypeId(to.0.min(offset))) } else { ty };
            types.add(&format!("{}{offset}", above.name(id)), ty);
        }
        let btf = types.build().unwrap();
        let endian = random.endian();
        assert!(
            Btf::parse_with_base(&btf.to_bytes(endian), Arc::clone(&base)).unwrap() == btf,
            "seed {seed}"
        );
        let flat = btf.flatten();
        assert!(Btf::parse(&flat.to_bytes(endian)).unwrap() == flat, "seed {seed}");
        assert!(BtfBuilder::from(btf.clone()).build().unwrap() == btf, "seed {seed}");
    }
}

/// A module's types on a kernel's: a struct in it, a pointer to another, a number, a name, and an enumeration.
fn module(base: &Arc<Btf>) -> Btf {
    let mut types = Btf::builder_on(Arc::clone(base));
    let find = |kind, name| base.find_by_name(kind, name).unwrap();
    let pointer = types.ptr(find(Kind::Struct, "far"));
    let members = [
        types.member("inner", find(Kind::Struct, "inner"), 0),
        types.member("far", pointer, 64),
        types.member("count", find(Kind::Typedef, "u32"), 128),
        types.member("e", find(Kind::Enum, "e"), 160),
    ];
    let own = types.structure("own", 24, &members);
    types.decl_tag("tag", own, Some(1));
    types.build().unwrap()
}

/// The kernel's types, padded with others so that ids differ; sizes are in bytes.
fn whole(padding: u32, inner: u32, far: u32) -> Arc<Btf> {
    let mut types = Btf::builder();
    for i in 0..padding {
        types.float(&format!("padding{i}"), 4);
    }
    let int = types.int("unsigned int", 4, IntEncoding::Unsigned);
    types.typedef("u32", int);
    let members = [types.member("x", int, 0)];
    types.structure("inner", inner, &members);
    types.structure("far", far, &members);
    let value = types.enumerator("V", 1);
    types.enumeration("e", 4, false, &[value]);
    Arc::new(types.build().unwrap())
}

#[test]
fn a_distilled_base_has_what_is_needed_and_no_more() {
    let base = whole(3, 8, 16);
    let rebased = module(&base).distill().unwrap();
    let distilled = rebased.btf.base().unwrap();
    let list = |btf: &Btf| {
        btf.iter().map(|(id, ty)| (ty.kind().unwrap(), btf.name(id).to_owned())).collect::<Vec<_>>()
    };
    let named = |kind, name: &str| (kind, name.to_owned());
    let expected = [
        named(Kind::Int, "unsigned int"),
        named(Kind::Struct, "inner"),
        named(Kind::Struct, "far"),
        named(Kind::Enum, "e"),
    ];
    assert_eq!(list(distilled), expected);
    for (id, ty) in distilled.iter() {
        assert!(
            ty.members().is_none_or(<[_]>::is_empty)
                && distilled.size_of(id)
                    == base.size_of(base.find_by_name(ty.kind().unwrap(), distilled.name(id)).unwrap())
        );
    }
    let own = [
        named(Kind::Typedef, "u32"),
        named(Kind::Ptr, ""),
        named(Kind::Struct, "own"),
        named(Kind::DeclTag, "tag"),
    ];
    assert_eq!(list(&rebased.btf), own);
    assert!(base.distill().is_err());

    // The two sections are all that is needed to put it on another kernel.
    let sections = [distilled.to_bytes(Endian::Little), rebased.btf.to_bytes(Endian::Little)];
    let read = Btf::parse_with_base(&sections[1], Arc::new(Btf::parse(&sections[0]).unwrap())).unwrap();
    for other in [whole(0, 8, 16), whole(7, 8, 16), whole(5, 8, 32)] {
        let put = read.relocate_onto(Arc::clone(&other)).unwrap();
        let (btf, own) = (&put.btf, put.btf.find_by_name(Kind::Struct, "own").unwrap());
        assert!(Arc::ptr_eq(btf.base().unwrap(), &other));
        let members = btf.ty(own).members().unwrap();
        assert_eq!(btf.name(members[0].ty), "inner");
        assert_eq!(Some(members[0].ty), other.find_by_name(Kind::Struct, "inner"));
        assert!(
            matches!(btf.ty(members[1].ty), Type::Ptr(far) if Some(far) == other.find_by_name(Kind::Struct, "far"))
        );
        assert_eq!((btf.name(members[2].ty), btf.size_of(members[2].ty)), ("u32", Some(4)));
        assert!(matches!(btf.ty(members[3].ty), Type::Enum(e) if e.values.len() == 1));
        assert_eq!(put.map.get(read.find_by_name(Kind::Struct, "own").unwrap()), own);
    }
}

#[test]
fn what_does_not_fit_the_new_base_is_told() {
    let read = module(&whole(3, 8, 16)).distill().unwrap().btf;
    let check = |base: Arc<Btf>, expected: &str| {
        assert_eq!(read.relocate_onto(base).unwrap_err().to_string(), expected);
    };
    check(
        whole(3, 4, 16),
        "type [2] is BTF_KIND_STRUCT 'inner' of 8 bytes, of which the new base has none, expected one",
    );
    let mut twice = BtfBuilder::from((*whole(0, 8, 24)).clone());
    twice.structure("far", 32, &[]);
    check(
        Arc::new(twice.build().unwrap()),
        "type [3] is BTF_KIND_STRUCT 'far' of 16 bytes, of which the new base has 2, expected one",
    );
    let mut twice = BtfBuilder::from((*whole(0, 8, 16)).clone());
    twice.structure("far", 32, &[]);
    read.relocate_onto(Arc::new(twice.build().unwrap())).unwrap();
}

/// Random sets, on random bases: what can be distilled can be put back.
#[test]
fn random_sets_are_distilled_and_put_back() {
    let (mut done, mut refused) = (0, 0);
    for seed in seeds() {
        let mut random = Random(seed);
        let base = Arc::new(random::types(&mut random));
        let mut types = Btf::builder_on(Arc::clone(&base));
        for _ in 0..3 {
            let to = TypeId(random.below(base.count() + 1));
            let pointer = types.ptr(to);
            let member = types.member("m", pointer, 0);
            types.structure("own", 8, &[member]);
        }
        let split = types.build().unwrap();
        let Ok(rebased) = split.distill() else { continue };
        let distilled = Arc::clone(rebased.btf.base().unwrap());
        let bytes = rebased.btf.to_bytes(random.endian());
        assert!(Btf::parse_with_base(&bytes, distilled).unwrap() == rebased.btf);
        for id in split.ids() {
            assert_eq!(rebased.btf.name(rebased.map.get(id)), split.name(id), "seed {seed}");
            assert_eq!(rebased.btf.kind(rebased.map.get(id)), split.kind(id), "seed {seed}");
        }
        match rebased.btf.relocate_onto(Arc::clone(&base)) {
            Ok(put) => {
                done += 1;
                for id in split.ids() {
                    let there = put.map.get(rebased.map.get(id));
                    assert_eq!((put.btf.kind(there), put.btf.name(there)), (split.kind(id), split.name(id)));
                    assert_eq!(put.btf.size_of(there), split.size_of(id), "seed {seed}");
                }
            }
            // Random sets have many types of one name.
            Err(_) => refused += 1,
        }
    }
    assert!(done > 10, "{done} put back, {refused} refused");
}
