//! Types for older kernels.

use skep_btf::{
    Btf, BtfBuilder, Change, Endian, Enumerator, IntEncoding, KernelVersion, Kind, Linkage, Rules, SecVar,
    Type, TypeId, verify,
};

use crate::random::Random;
use crate::tools::kernel;
use crate::verify::{assemble, generate, kernel as running};

/// Versions of which each knows more than the one before.
const VERSIONS: [(u16, u16); 15] = [
    (4, 19),
    (5, 0),
    (5, 2),
    (5, 4),
    (5, 6),
    (5, 10),
    (5, 12),
    (5, 15),
    (5, 16),
    (5, 17),
    (6, 0),
    (6, 1),
    (6, 8),
    (6, 14),
    (6, 18),
];

fn version((major, minor): (u16, u16)) -> KernelVersion {
    KernelVersion::new(major, minor)
}

/// What becomes of a set in the last version before one that takes it as it is.
fn check(add: fn(&mut BtfBuilder), before: (u16, u16), first: (u16, u16), expected: &[&str]) {
    let mut types = Btf::builder();
    add(&mut types);
    let btf = types.build().unwrap();
    let (old, changes) = btf.for_kernel(version(before));
    let told: Vec<String> = changes.iter().map(Change::to_string).collect();
    assert_eq!(told, expected, "for {before:?}");
    accepted(&old, before);
    let (same, changes) = btf.for_kernel(version(first));
    assert_eq!((changes, &same), (vec![], &btf), "for {first:?}");
    accepted(&same, first);
}

/// Types for an old kernel are types for a new one as well.
fn accepted(btf: &Btf, version: (u16, u16)) {
    let bytes = btf.to_bytes(Endian::HOST);
    if let Err(refusal) = verify(&bytes, &Rules::for_kernel(self::version(version))) {
        panic!("{version:?}: {refusal}");
    }
    assert_eq!(verify(&bytes, &Rules::current()), Ok(()));
}

#[test]
fn each_kind_has_a_fallback() {
    check(
        |types| {
            types.float("double", 8);
        },
        (5, 12),
        (5, 13),
        &["type [1] BTF_KIND_FLOAT 'double' becomes BTF_KIND_STRUCT"],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            let var = types.var("counter", int, Linkage::Global);
            types.datasec(".data.x", 8, &[SecVar { var, offset: 4, size: 4 }]);
        },
        (5, 1),
        (6, 5),
        &[
            "type [2] BTF_KIND_VAR 'counter' becomes BTF_KIND_INT",
            "type [3] BTF_KIND_DATASEC '.data.x' becomes BTF_KIND_STRUCT",
            "type [3] BTF_KIND_DATASEC '.data.x' is called '_o_data_o_x'",
        ],
    );
    check(
        |types| {
            types.datasec(".bss", 4, &[]);
        },
        (5, 11),
        (5, 12),
        &[
            "type [1] BTF_KIND_DATASEC '.bss' becomes BTF_KIND_STRUCT",
            "type [1] BTF_KIND_DATASEC '.bss' is called '_o_bss'",
        ],
    );
    check(
        |types| {
            let values = [types.enumerator("BIG", 1 << 40), types.enumerator("SMALL", 1)];
            types.enumeration("e", 8, false, &values);
        },
        (5, 19),
        (6, 0),
        &["type [1] BTF_KIND_ENUM64 'e' becomes BTF_KIND_UNION"],
    );
    check(
        |types| {
            let body = skep_btf::Enum { size: 4, signed: true, values: &[] };
            types.add("e", Type::Enum(body));
        },
        (5, 19),
        (6, 0),
        &["type [1] BTF_KIND_ENUM 'e' becomes unsigned"],
    );
    check(
        |types| {
            let values = [types.enumerator("ZERO", 0)];
            types.enumeration("c_void", 1, false, &values);
        },
        (5, 3),
        (5, 4),
        &["type [1] BTF_KIND_ENUM 'c_void' becomes BTF_KIND_INT"],
    );
    check(
        |types| {
            let s = types.structure("s", 0, &[]);
            types.decl_tag("rust:name=s", s, None);
        },
        (5, 15),
        (5, 16),
        &["type [2] BTF_KIND_DECL_TAG 'rust:name=s' becomes BTF_KIND_INT"],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            let tagged = types.type_tag("user", int);
            types.ptr(tagged);
        },
        (5, 16),
        (5, 17),
        &["type [2] BTF_KIND_TYPE_TAG 'user' becomes BTF_KIND_CONST"],
    );
    check(
        |types| {
            let proto = types.func_proto(TypeId::VOID, &[]);
            types.func("f", proto, Linkage::Global);
        },
        (5, 5),
        (5, 6),
        &["type [2] BTF_KIND_FUNC 'f' becomes static"],
    );
    check(
        |types| {
            let proto = types.func_proto(TypeId::VOID, &[]);
            types.func("f", proto, Linkage::Static);
        },
        (4, 19),
        (5, 0),
        &[
            "type [1] BTF_KIND_FUNC_PROTO becomes BTF_KIND_ENUM",
            "type [2] BTF_KIND_FUNC 'f' becomes BTF_KIND_TYPEDEF",
        ],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            let mut members = [types.member("a", int, 0), types.member("b", int, 3)];
            (members[0].bitfield_size, members[1].bitfield_size) = (3, 29);
            types.structure("s", 4, &members);
        },
        (4, 19),
        (5, 0),
        &["type [2] BTF_KIND_STRUCT 's' has 2 bit-fields of types of their own"],
    );
}

#[test]
fn names_are_those_that_the_kernel_takes() {
    check(
        |types| {
            types.structure(&"a".repeat(200), 0, &[]);
        },
        (6, 0),
        (6, 1),
        &[&format!(
            "type [1] BTF_KIND_STRUCT '{0}' is called '{1}_H96245ce14f7a5b0d'",
            "a".repeat(200),
            "a".repeat(109)
        )],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            types.typedef("x.y", int);
        },
        (6, 4),
        (6, 5),
        &["type [2] BTF_KIND_TYPEDEF 'x.y' is called 'x_o_y'"],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            let var = types.var("v", int, Linkage::Global);
            types.datasec("?struct_ops/x", 4, &[SecVar { var, offset: 0, size: 4 }]);
        },
        (6, 8),
        (6, 9),
        &["type [3] BTF_KIND_DATASEC '?struct_ops/x' is called '_struct_ops.x'"],
    );
    check(
        |types| {
            let int = types.int("int", 4, IntEncoding::Signed);
            let members = [types.member("a.b", int, 0), types.member("c", int, 0)];
            types.union("u", 4, &members);
        },
        (6, 4),
        (6, 5),
        &["type [2] BTF_KIND_UNION 'u' calls 1 of its elements otherwise"],
    );
}

/// Types of a compiler that no kernel takes as they are.
#[test]
fn what_loaders_change_is_changed_for_every_kernel() {
    let mut types = Btf::builder();
    let char = types.int("char", 1, IntEncoding::SignedChar);
    let ptr = types.add("&char", Type::Ptr(char));
    let unnamed = [types.param("", char), types.param("x", ptr)];
    let proto = types.func_proto(TypeId::VOID, &unnamed);
    types.func("f", proto, Linkage::Extern);
    let pointer_proto = types.func_proto(char, &unnamed);
    types.ptr(pointer_proto);
    types.structure("core::Option<u8>", 0, &[]);
    types.var("v", char, Linkage::Extern);
    let (taken, changes) = types.build().unwrap().for_kernel(KernelVersion::CURRENT);
    let told: Vec<String> = changes.iter().map(Change::to_string).collect();
    let expected = [
        "type [1] BTF_KIND_INT 'char' becomes a signed integer, and no character",
        "type [2] BTF_KIND_PTR '&char' loses its name",
        "type [3] BTF_KIND_FUNC_PROTO calls 1 of its elements otherwise",
        "type [4] BTF_KIND_FUNC 'f' becomes global",
        "type [7] BTF_KIND_STRUCT 'core::Option<u8>' is called 'core__Option_L_u8_G_'",
        "type [8] BTF_KIND_VAR 'v' becomes global",
    ];
    assert_eq!(told, expected);
    accepted(&taken, (6, 18));
}

/// A tag of a compiler attribute becomes `const`, and no tag may follow a `const`.
#[test]
fn tags_stay_in_order() {
    let blob = assemble::blob(
        "INT int 4 0x20\nTYPE_TAG plain 1\nTYPE_TAG more 2\nTYPE_TAG! attribute 3\nPTR - 4\nPTR - 3\n",
    );
    let btf = Btf::parse(&blob).unwrap();
    accepted(&btf, (6, 15));
    let (old, changes) = btf.for_kernel(KernelVersion::new(6, 14));
    assert_eq!(changes.len(), 3);
    accepted(&old, (6, 14));
    assert!((2..=4).all(|id| old.kind(TypeId(id)) == Some(Kind::Const)));
}

#[test]
fn enumerators_keep_their_bits() {
    let mut types = Btf::builder();
    let values = [Enumerator { name: types.string("MINUS"), value: -1 }, types.enumerator("ONE", 1)];
    let e = types.enumeration("e", 4, true, &values);
    let (old, _) = types.build().unwrap().for_kernel(KernelVersion::new(5, 10));
    let Type::Enum(old) = old.ty(e) else { panic!("it is still one") };
    assert_eq!((old.signed, old.values[0].value, old.values[1].value), (false, 0xffff_ffff, 1));
}

#[test]
fn every_version_takes_what_was_written_for_it() {
    let asks = running::is_there();
    let mut taken = 0;
    for seed in 0..2000 {
        let mut random = Random(seed << 32);
        let blob = generate::types(&mut random);
        if verify(&blob, &Rules::current()).is_err() {
            continue;
        }
        taken += 1;
        let btf = Btf::parse(&blob).unwrap();
        for wanted in VERSIONS {
            let (old, changes) = btf.for_kernel(version(wanted));
            accepted(&old, wanted);
            let changed = |id| changes.iter().any(|change| change.id == id);
            assert!(
                btf.ids().all(|id| changed(id) || old.ty(id) == btf.ty(id) && old.name(id) == btf.name(id))
            );
            let (again, changes) = old.for_kernel(version(wanted));
            assert_eq!((changes, &again), (vec![], &old), "seed {seed}, {wanted:?}");
            if asks && seed % 16 == 0 {
                assert_eq!(running::ask(&old.to_bytes(Endian::HOST)).errno, 0, "seed {seed}, {wanted:?}");
            }
        }
    }
    assert!(taken > 500, "{taken} sets");
}

#[test]
fn the_kernels_own_types_are_written_for_every_version() {
    let Some(bytes) = kernel() else { return };
    let btf = Btf::parse(&bytes).unwrap();
    for wanted in [(4, 19), (5, 4), (5, 15), (6, 0), (6, 18)] {
        let (old, changes) = btf.for_kernel(version(wanted));
        eprintln!("{wanted:?}: {} of {} types changed", changes.len(), btf.count());
        let bytes = old.to_bytes(Endian::HOST);
        if let Err(refusal) = verify(&bytes, &Rules::for_kernel(version(wanted))) {
            panic!("{wanted:?}: {refusal}");
        }
        assert_eq!(changes.is_empty(), wanted == (6, 18));
    }
}
