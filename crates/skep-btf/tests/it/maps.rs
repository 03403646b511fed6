//! Declarations of maps: clang's, our own, and faulty ones.

use skep_btf::maps::{self, MapDecl, MapType, Part, Pinning, Unknown, Values};
use skep_btf::{Btf, BtfBuilder, Endian, IntEncoding, Kind, Linkage, Member, SecVar, Type, TypeId};

use crate::tools::{TempDir, compiled};

#[test]
fn clangs_declarations_are_read() {
    let dir = TempDir::new("maps");
    let Some((types, _)) = compiled(&dir, include_str!("kinds.c"), "bpfel") else { return };
    let btf = Btf::parse(&types).unwrap();
    let mut found = maps::read(&btf, Unknown::Refuse).unwrap();
    // clang puts a map that another one refers to first.
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<&str> = found.iter().map(|map| map.name.as_str()).collect();
    assert_eq!(names, ["arena", "counts", "inner", "outer", "programs", "ring"]);
    let [arena, counts, inner, outer, programs, ring] = &found[..] else { panic!("{found:?}") };

    let value = btf.find_by_name(Kind::Struct, "value").unwrap();
    let key = btf.find_by_name(Kind::Typedef, "u32").unwrap();
    assert_eq!(
        counts.decl,
        MapDecl {
            max_entries: 1024,
            flags: 1,
            key: Part::Typed { ty: key, size: 4 },
            value: Part::Typed { ty: value, size: 16 },
            ..MapDecl::new(MapType::HASH)
        }
    );
    assert_eq!((counts.linkage, counts.values_at), (Linkage::Global, None));

    let declared =
        MapDecl { max_entries: 1, key: Part::Size(4), value: Part::Size(8), ..MapDecl::new(MapType::ARRAY) };
    assert_eq!(inner.decl, declared);
    assert_eq!((outer.decl.ty, outer.decl.value), (MapType::ARRAY_OF_MAPS, Part::Size(4)));
    assert_eq!(outer.decl.values, Some(Values::Maps(Box::new(declared))));
    assert_eq!(outer.values_at, Some(24));

    assert_eq!(programs.decl.ty, MapType::PROG_ARRAY);
    let Some(Values::Programs(proto)) = programs.decl.values else { panic!("{programs:?}") };
    assert!(matches!(btf.ty(proto), Type::FuncProto(proto) if proto.params.len() == 1));

    assert_eq!((arena.decl.ty, arena.decl.extra, arena.decl.flags), (MapType::ARENA, 1 << 44, 1 << 10));
    assert_eq!((ring.decl.ty, ring.decl.pinning), (MapType::RINGBUF, Pinning::ByName));
}

/// The set that declares these maps.
fn declaring(decls: &[(&str, &MapDecl)], mut types: BtfBuilder) -> Btf {
    let mut vars = Vec::new();
    let mut offset = 0;
    for (name, decl) in decls {
        let declared = maps::declare(&mut types, name, decl);
        vars.push(SecVar { var: declared.var, offset, size: declared.size });
        offset += declared.size;
    }
    types.datasec(maps::SECTION, offset, &vars);
    types.build().unwrap()
}

#[test]
fn what_is_declared_is_read_back() {
    let mut types = Btf::builder();
    let key = types.int("long", 8, IntEncoding::Signed);
    let param = types.param("ctx", TypeId::VOID);
    let proto = types.func_proto(key, &[param]);
    let full = MapDecl {
        ty: MapType::LRU_HASH,
        max_entries: u32::MAX,
        flags: 1 << 31,
        numa_node: Some(0),
        key: Part::Typed { ty: key, size: 8 },
        value: Part::Size(100),
        values: None,
        pinning: Pinning::ByName,
        extra: u64::MAX,
    };
    let outer = MapDecl {
        max_entries: 3,
        key: Part::Size(4),
        value: Part::Size(4),
        values: Some(Values::Maps(Box::new(MapDecl { pinning: Pinning::None, ..full.clone() }))),
        ..MapDecl::new(MapType::HASH_OF_MAPS)
    };
    let programs = MapDecl {
        key: Part::Size(4),
        value: Part::Size(4),
        values: Some(Values::Programs(proto)),
        ..MapDecl::new(MapType::PROG_ARRAY)
    };
    let newer = MapDecl { extra: 7, ..MapDecl::new(MapType(99)) };
    let decls = [("full", &full), ("outer", &outer), ("programs", &programs), ("newer", &newer)];
    let btf = declaring(&decls, types);
    for endian in [Endian::Little, Endian::Big] {
        let btf = Btf::parse(&btf.to_bytes(endian)).unwrap();
        let found = maps::read(&btf, Unknown::Refuse).unwrap();
        assert_eq!(found.len(), decls.len());
        let mut offset = 0;
        for (map, (name, decl)) in found.iter().zip(decls) {
            assert_eq!((map.name.as_str(), &map.decl, map.offset), (name, decl, offset));
            assert_eq!(map.values_at.is_some(), decl.values.is_some());
            offset += map.size;
        }
    }
    // The kernel refuses arrays of 4 GiB, behind pointers too.
    for (id, ty) in btf.iter() {
        assert!(!matches!(ty, Type::Array(_)) || btf.size_of(id).unwrap() < 1 << 32);
    }
}

#[test]
fn a_set_without_maps_declares_none() {
    assert_eq!(maps::read(&Btf::builder().build().unwrap(), Unknown::Refuse), Ok(vec![]));
}

/// Ingredients of faulty declarations.
struct Kit {
    types: BtfBuilder,
    int: TypeId,
}

impl Kit {
    fn number(&mut self, name: &str, number: u32) -> Member {
        let array = self.types.array(self.int, self.int, number);
        let pointer = self.types.ptr(array);
        self.types.member(name, pointer, 0)
    }

    fn pointer(&mut self, name: &str, to: TypeId) -> Member {
        let pointer = self.types.ptr(to);
        self.types.member(name, pointer, 0)
    }

    fn values(&mut self, to: TypeId, len: u32) -> Member {
        let pointer = self.types.ptr(to);
        let array = self.types.array(pointer, self.int, len);
        self.types.member("values", array, 0)
    }

    fn long(&mut self, name: &str, numbers: &[i64]) -> Member {
        let values: Vec<_> = numbers.iter().map(|&number| self.types.enumerator("x", number)).collect();
        let ty = self.types.enumeration("", 8, true, &values);
        self.types.member(name, ty, 0)
    }

    fn of_type(&mut self, ty: MapType) -> Member {
        self.number("type", ty.0)
    }
}

/// The map `m` has the members that `make` gives it.
fn read(unknown: Unknown, make: impl FnOnce(&mut Kit) -> Vec<Member>) -> Result<MapDecl, String> {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    let mut kit = Kit { types, int };
    let members = make(&mut kit);
    let Kit { mut types, .. } = kit;
    let ty = types.structure("", 64, &members);
    let var = types.var("m", ty, Linkage::Global);
    types.datasec(maps::SECTION, 64, &[SecVar { var, offset: 0, size: 64 }]);
    let found = maps::read(&types.build().unwrap(), unknown);
    found.map(|mut maps| maps.remove(0).decl).map_err(|error| error.to_string())
}

fn check(expected: &str, make: impl FnOnce(&mut Kit) -> Vec<Member>) {
    assert_eq!(read(Unknown::Refuse, make), Err(expected.to_owned()));
}

#[test]
fn faulty_members_are_named() {
    check("map 'm': it has no 'type'; give it one, as in __uint(type, BPF_MAP_TYPE_HASH)", |_| vec![]);
    check("map 'm': it has no 'type'; give it one, as in __uint(type, BPF_MAP_TYPE_HASH)", |kit| {
        vec![kit.number("type", 0)]
    });
    check("map 'm', member 'colour': no map has such a member", |kit| {
        vec![kit.of_type(MapType::HASH), kit.number("colour", 1)]
    });
    check("map 'm', member 'a\\nb': no map has such a member", |kit| vec![kit.number("a\nb", 1)]);
    check("map 'm', member 'type': it is given twice", |kit| {
        vec![kit.of_type(MapType::HASH), kit.of_type(MapType::HASH)]
    });
    let no_number = "it is no number: expected a pointer to an array of that length, as __uint(name, number) declares \
                     it, or an enumeration of that one number, as __ulong does";
    check(&format!("map 'm', member 'max_entries': {no_number}"), |kit| {
        vec![kit.pointer("max_entries", kit.int)]
    });
    check(&format!("map 'm', member 'map_flags': {no_number}"), |kit| {
        vec![kit.types.member("map_flags", kit.int, 0)]
    });
    check(&format!("map 'm', member 'map_extra': {no_number}"), |kit| vec![kit.long("map_extra", &[1, 2])]);
    check(&format!("map 'm', member 'map_extra': {no_number}"), |kit| vec![kit.long("map_extra", &[-1])]);
    check("map 'm', member 'max_entries': it is 4294967296, expected at most 4294967295", |kit| {
        vec![kit.long("max_entries", &[1 << 32])]
    });
    check(
        "map 'm', member 'key': it is no pointer, expected one to the type of the key, as __type(key, T) does",
        |kit| vec![kit.types.member("key", kit.int, 0)],
    );
    check("map 'm', member 'value': it points to type [2] BTF_KIND_FWD, which has no size", |kit| {
        let fwd = kit.types.fwd("later", skep_btf::FwdKind::Struct);
        vec![kit.pointer("value", fwd)]
    });
    check("map 'm', member 'value': its type has 4294967296 bytes, expected at most 4294967295", |kit| {
        let huge = kit.types.array(kit.int, kit.int, 1 << 30);
        vec![kit.pointer("value", huge)]
    });
    check("map 'm', member 'key': its type has 4 bytes and key_size is 8; they must agree", |kit| {
        vec![kit.of_type(MapType::HASH), kit.pointer("key", kit.int), kit.number("key_size", 8)]
    });
    check(
        "map 'm', member 'pinning': it is 2, expected 0 (LIBBPF_PIN_NONE) or 1 (LIBBPF_PIN_BY_NAME)",
        |kit| vec![kit.number("pinning", 2)],
    );
}

#[test]
fn faulty_values_are_named() {
    check(
        "map 'm', member 'values': it is followed by other members, expected it to be the last one",
        |kit| vec![kit.values(kit.int, 0), kit.of_type(MapType::ARRAY_OF_MAPS)],
    );
    check("map 'm', member 'values': beside it, the value has 8 bytes, expected 4", |kit| {
        vec![kit.of_type(MapType::ARRAY_OF_MAPS), kit.number("value_size", 8), kit.values(kit.int, 0)]
    });
    let no_array = "it is not an array of no length of pointers, as __array(values, T) declares it";
    check(&format!("map 'm', member 'values': {no_array}"), |kit| {
        vec![kit.of_type(MapType::ARRAY_OF_MAPS), kit.values(kit.int, 2)]
    });
    check(&format!("map 'm', member 'values': {no_array}"), |kit| {
        vec![kit.of_type(MapType::ARRAY_OF_MAPS), kit.pointer("values", kit.int)]
    });
    check(
        "map 'm', member 'values': type [1] is BTF_KIND_INT, expected a struct whose members say what the map is",
        |kit| vec![kit.of_type(MapType::HASH_OF_MAPS), kit.values(kit.int, 0)],
    );
    check(
        "map 'm', member 'values': it does not point to functions, expected __array(values, int (void *))",
        |kit| vec![kit.of_type(MapType::PROG_ARRAY), kit.values(kit.int, 0)],
    );
    check(
        "map 'm', member 'values': a map of type BPF_MAP_TYPE_HASH has none; only maps of maps and of programs do",
        |kit| vec![kit.of_type(MapType::HASH), kit.values(kit.int, 0)],
    );
    let with_inner = |inner: fn(&mut Kit) -> Vec<Member>| {
        move |kit: &mut Kit| {
            let members = inner(kit);
            let inner = kit.types.structure("inner", 64, &members);
            vec![kit.of_type(MapType::ARRAY_OF_MAPS), kit.values(inner, 0)]
        }
    };
    check(
        "map 'm.inner': it has no 'type'; give it one, as in __uint(type, BPF_MAP_TYPE_HASH)",
        with_inner(|_| vec![]),
    );
    check(
        "map 'm.inner', member 'pinning': a map inside a map of maps cannot be pinned",
        with_inner(|kit| vec![kit.of_type(MapType::ARRAY), kit.number("pinning", 1)]),
    );
    check(
        "map 'm.inner', member 'values': a map inside a map of maps has no 'values': there is one inner level",
        with_inner(|kit| vec![kit.of_type(MapType::ARRAY_OF_MAPS), kit.values(kit.int, 0)]),
    );
}

#[test]
fn unknown_members_can_be_ignored() {
    let make = |kit: &mut Kit| vec![kit.of_type(MapType::HASH), kit.number("colour", 1)];
    assert_eq!(read(Unknown::Ignore, make), Ok(MapDecl::new(MapType::HASH)));
}

#[test]
fn key_and_key_size_may_both_be_given() {
    let make = |kit: &mut Kit| {
        vec![kit.of_type(MapType::HASH), kit.number("key_size", 4), kit.pointer("key", kit.int)]
    };
    assert_eq!(read(Unknown::Refuse, make).map(|decl| decl.key.size()), Ok(4));
}

/// The section `.maps` has one entry, which `make` makes.
fn check_var(expected: &str, make: impl FnOnce(&mut BtfBuilder) -> TypeId) {
    let mut types = Btf::builder();
    let var = make(&mut types);
    types.datasec(maps::SECTION, 8, &[SecVar { var, offset: 0, size: 8 }]);
    let found = maps::read(&types.build().unwrap(), Unknown::Refuse);
    assert_eq!(found.unwrap_err().to_string(), expected);
}

#[test]
fn faulty_variables_are_named() {
    check_var(
        "map 'm': it is static, and a compiler or linker may rename or drop what is static; remove 'static'",
        |types| {
            let ty = types.structure("", 8, &[]);
            types.var("m", ty, Linkage::Static)
        },
    );
    check_var(
        "map 'm': type [1] is BTF_KIND_INT, expected a struct whose members say what the map is",
        |types| {
            let ty = types.int("int", 4, IntEncoding::Signed);
            types.var("m", ty, Linkage::Global)
        },
    );
    check_var("map 'int': type [1] in section .maps is BTF_KIND_INT, expected a variable", |types| {
        types.int("int", 4, IntEncoding::Signed)
    });
    check_var("map '': its name has 0 bytes, expected 1 to 511", |types| {
        let ty = types.structure("", 8, &[]);
        types.var("", ty, Linkage::Global)
    });
    let long = "ö".repeat(300);
    let shown = "ö".repeat(255);
    check_var(&format!("map '{shown}': its name has 600 bytes, expected 1 to 511"), |types| {
        let ty = types.structure("", 8, &[]);
        types.var(&long, ty, Linkage::Global)
    });
}
