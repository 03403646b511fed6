//! Building sets and looking things up in them.

use skep_btf::{
    Btf, BtfBuilder, Endian, Error, FwdKind, IntEncoding, Kind, Linkage, Member, Param, SecVar, StrRef, Type,
    TypeId,
};

#[test]
fn equal_types_share_an_id() {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    assert_eq!(types.int("int", 4, IntEncoding::Signed), int);
    assert_ne!(types.int("int", 4, IntEncoding::Unsigned), int);
    assert_ne!(types.int("long", 4, IntEncoding::Signed), int);
    let members = [types.member("a", int, 0), types.member("b", int, 32)];
    let pair = types.structure("pair", 8, &members);
    assert_eq!(types.structure("pair", 8, &members), pair);
    assert_ne!(types.structure("pair", 8, &members[..1]), pair);
    assert_ne!(types.union("pair", 8, &members), pair);
    assert_ne!(types.declare(Kind::Struct, "pair", 8), pair);
    let var = types.var("v", int, Linkage::Static);
    assert_ne!(types.var("v", int, Linkage::Static), var);

    let btf = types.build().unwrap();
    let mut more = BtfBuilder::from(btf.clone());
    assert_eq!(more.int("int", 4, IntEncoding::Signed), int);
    assert_eq!(more.string("pair"), btf.name_ref(pair));
    let added = more.typedef("s32", int);
    assert_eq!(added.0, btf.count() + 1);
    let more = more.build().unwrap();
    assert!(btf.iter().eq(more.iter().take(btf.iter().count())));
    assert_eq!(more.find_by_name(Kind::Typedef, "s32"), Some(added));
}

#[test]
fn a_builder_can_be_asked_before_it_is_done() {
    let mut types = Btf::builder();
    assert_eq!(types.so_far().find_by_name(Kind::Float, "double"), None);
    let double = types.float("double", 8);
    assert_eq!(types.so_far().find_by_name(Kind::Float, "double"), Some(double));
    let pending = types.ptr(TypeId(77));
    assert_eq!(types.so_far().ty(TypeId(77)), Type::Void);
    assert_eq!(types.so_far().size_of(pending), Some(8));
}

fn check_mistake(expected: &str, make: impl FnOnce(&mut BtfBuilder)) {
    let mut types = Btf::builder();
    types.int("int", 4, IntEncoding::Signed);
    make(&mut types);
    assert_eq!(types.build().map_err(|error: Error| error.to_string()), Err(expected.to_owned()));
}

#[test]
fn mistakes_are_reported_at_the_end() {
    check_mistake(
        ".BTF+0x28: type [2] BTF_KIND_PTR: type is type [9], expected one of the 2 types",
        |types| {
            types.ptr(TypeId(9));
        },
    );
    check_mistake("type [2] is \"a\\0b\", expected a string without a zero byte", |types| {
        types.float("a\0b", 8);
    });
    check_mistake("type [1] is BTF_KIND_INT, expected a declared struct or union", |types| {
        types.define(TypeId(1), &[]);
    });
    check_mistake("type [5] is void, expected a declared struct or union", |types| {
        types.define(TypeId(5), &[])
    });
    check_mistake("type [2] is defined already, expected a declared struct or union", |types| {
        let member = types.member("a", TypeId(1), 0);
        let id = types.structure("s", 4, &[member]);
        types.define(id, &[member]);
    });
    let params = vec![Param { name: StrRef::EMPTY, ty: TypeId(1) }; 0x1_0000];
    check_mistake("type [2]: elements: 65536, the encoding holds at most 65535", |types| {
        types.func_proto(TypeId::VOID, &params);
    });
    check_mistake(
        "type [2]: bit offset beside a bit-field: 16777216, the encoding holds at most 16777215",
        |types| {
            let member = Member { name: StrRef::EMPTY, ty: TypeId(1), bit_offset: 1 << 24, bitfield_size: 0 };
            types.structure("s", 4, &[member, Member { bit_offset: 0, bitfield_size: 1, ..member }]);
        },
    );
    check_mistake(
        "type [2] is an enumeration with the value 4294967296, expected values of 32 bits, or an enumeration of size 8",
        |types| {
            let value = types.enumerator("huge", 1 << 32);
            types.enumeration("e", 4, false, &[value]);
        },
    );
}

#[test]
fn long_lists_are_written_on_request() {
    let params = vec![Param { name: StrRef::EMPTY, ty: TypeId(1) }; 0x1_0001];
    let mut types = Btf::builder();
    types.allow_long_lists();
    types.int("int", 4, IntEncoding::Signed);
    types.func_proto(TypeId::VOID, &params);
    let btf = types.build().unwrap();
    let again = Btf::parse(&btf.to_bytes(Endian::Big)).unwrap();
    assert!(again == btf);
    assert_eq!(BtfBuilder::from(again).build(), Ok(btf));
}

#[test]
fn sizes() {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    let constant = types.constant(int);
    let name = types.typedef("name", constant);
    let row = types.array(name, int, 3);
    let matrix = types.array(row, int, 5);
    let huge = types.array(matrix, int, u32::MAX);
    let gigantic = types.array(huge, int, u32::MAX);
    let pointer = types.ptr(gigantic);
    let fwd = types.fwd("fwd", FwdKind::Union);
    let proto = types.func_proto(int, &[]);
    let func = types.func("f", proto, Linkage::Global);
    let var = types.var("v", matrix, Linkage::Global);
    let tag = types.type_tag("user", name);
    let decl = types.decl_tag("tag", var, None);
    let empty = types.array(fwd, int, 0);
    let section = types.datasec(".data", 60, &[SecVar { var, offset: 0, size: 60 }]);
    let btf = types.build().unwrap();
    let cases = [
        (TypeId::VOID, None),
        (int, Some(4)),
        (name, Some(4)),
        (matrix, Some(60)),
        (huge, Some(60 * u64::from(u32::MAX))),
        (gigantic, None),
        (pointer, Some(8)),
        (fwd, None),
        (proto, None),
        (func, None),
        (var, Some(60)),
        (tag, Some(4)),
        (decl, None),
        (empty, None),
        (section, Some(60)),
        (TypeId(999), None),
    ];
    for (id, expected) in cases {
        assert_eq!(btf.size_of(id), expected, "{id} {:?}", btf.ty(id));
    }
}

#[test]
fn a_type_that_contains_itself_is_no_endless_loop() {
    let mut types = Btf::builder();
    let typedef = types.typedef("a", TypeId(2));
    let constant = types.constant(typedef);
    let array = types.array(TypeId(3), constant, 1);
    let through = types.volatile(TypeId(5));
    let tag = types.type_tag("tag", through);
    let var = types.var("v", TypeId(6), Linkage::Static);
    let btf = types.build().unwrap();
    for id in [typedef, constant, through, tag] {
        assert_eq!((btf.resolve(id), btf.size_of(id)), (None, None));
        assert_eq!(btf.resolved(id), Type::Void);
    }
    assert_eq!((btf.resolve(array), btf.size_of(array)), (Some(array), None));
    assert_eq!((btf.resolve(var), btf.size_of(var)), (Some(var), None));
}

#[test]
fn names_are_found_in_order() {
    let mut types = Btf::builder();
    let none = types.structure("None", 0, &[]);
    let other = types.structure("None", 8, &[]);
    let typedef = types.typedef("None", other);
    types.ptr(none);
    let btf = types.build().unwrap();
    assert_eq!(btf.find_all("None").collect::<Vec<_>>(), [none, other, typedef]);
    assert_eq!(btf.find_by_name(Kind::Typedef, "None"), Some(typedef));
    assert_eq!(btf.find_by_name(Kind::Union, "None"), None);
    assert_eq!(btf.find_all("Non").count(), 0);
    assert_eq!(btf.find_all("").count(), 0);
    assert_eq!(Btf::builder().build().unwrap().find_all("x").count(), 0);
}

#[test]
fn ids_and_strings_of_other_sets_are_void_and_empty() {
    let btf = Btf::builder().build().unwrap();
    assert_eq!((btf.count(), btf.ids().count()), (0, 0));
    for id in [TypeId::VOID, TypeId(1), TypeId(u32::MAX)] {
        assert_eq!((btf.ty(id), btf.kind(id), btf.name(id)), (Type::Void, None, ""));
        assert_eq!(btf.get(id).is_some(), id.is_void());
    }
    assert_eq!((btf.string(StrRef(5)), btf.get_string(StrRef(5))), ("", None));
}

#[test]
fn a_data_section_gets_its_places_later() {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    let (a, b) = (types.var("a", int, Linkage::Global), types.var("b", int, Linkage::Static));
    let at = |var, offset| SecVar { var, offset, size: 4 };
    let section = types.datasec(".data", 0, &[at(a, 0), at(b, 0)]);
    let mut btf = types.build().unwrap();
    for places in [&[at(b, 0), at(a, 4)][..], &[at(a, 0)], &[at(a, 0), at(b, 4), at(b, 8)], &[]] {
        let size = u32::try_from(places.len() * 4).unwrap();
        btf.set_datasec(section, size, places).unwrap();
        let (id, found) = btf.datasec(".data").unwrap();
        assert_eq!((id, found.size, found.vars), (section, size, places));
        assert!(Btf::parse(&btf.to_bytes(Endian::Little)).unwrap() == btf);
    }
    let error = |result: Result<(), Error>| result.unwrap_err().to_string();
    assert_eq!(error(btf.set_datasec(int, 4, &[])), "type [1] is BTF_KIND_INT, expected BTF_KIND_DATASEC");
    let foreign = [at(TypeId(9), 0)];
    assert_eq!(
        error(btf.set_datasec(section, 4, &foreign)),
        "type [9] is no type of the set, expected a variable"
    );
}

#[test]
fn strings_that_are_no_text_are_kept() {
    let latin1 = b"\0caf\xe9\0";
    let btf = Btf::parse(&crate::faults::section(&[1, 16 << 24, 8], latin1)).unwrap();
    let id = TypeId(1);
    assert_eq!((btf.name(id), btf.string_bytes(btf.name_ref(id))), ("caf?", &b"caf\xe9"[..]));
    assert_eq!(btf.find_by_name(Kind::Float, "caf?"), Some(id));
    let mut types = BtfBuilder::from(btf);
    types.float("caf?", 8);
    types.float("café", 8);
    let btf = types.build().unwrap();
    assert_eq!(btf.count(), 3, "three names, of which two look alike");
    assert!(Btf::parse(&btf.to_bytes(Endian::Little)).unwrap() == btf);
}
