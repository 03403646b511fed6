//! A few types of many.

use std::sync::Arc;
use std::time::{Duration, Instant};

use skep_btf::lazy::{Extract, Follow, LazyBtf};
use skep_btf::{Btf, Endian, FwdKind, IntEncoding, Kind, Type, TypeId};

use crate::dedup::{content, text};
use crate::property::seeds;
use crate::random::{self, Random, damage};
use crate::tools::kernel;

/// What is taken out is what was there, up to declarations of what is only pointed to.
fn compare(whole: &Btf, taken: &Extract) {
    for id in taken.btf.ids() {
        let origin = taken.origin(id);
        assert_eq!(taken.id(origin), Some(id));
        if let (Type::Fwd(kind), Some(_)) = (taken.btf.ty(id), whole.ty(origin).members()) {
            assert_eq!(kind == FwdKind::Union, whole.kind(origin) == Some(Kind::Union));
            assert_eq!(taken.btf.name(id), whole.name(origin));
            continue;
        }
        let there = text(whole, origin, &|to| taken.id(to).map_or(u32::MAX, |id| id.0));
        assert_eq!(text(&taken.btf, id, &|id| id.0), there, "{origin}");
        assert_eq!(taken.btf.size_of(id), whole.size_of(origin), "{origin} {}", content(whole, origin));
    }
    assert!(Btf::parse(&taken.btf.to_bytes(Endian::Little)).unwrap() == taken.btf);
}

#[test]
fn random_types_are_found_and_taken_out() {
    for seed in seeds() {
        let mut random = Random(seed);
        let base = Arc::new(random::types(&mut random));
        let (base_bytes, endian) = (base.to_bytes(Endian::Little), random.endian());
        let mut types = Btf::builder_on(Arc::clone(&base));
        for (id, ty) in random::types(&mut random).iter() {
            if let Type::Float { .. } = ty {
                types.add(&format!("f{}", id.0), ty);
                types.ptr(TypeId(random.below(base.count() + 1)));
            }
        }
        let split = types.build().unwrap();
        let split_bytes = split.to_bytes(Endian::Little);
        let lazy_base = LazyBtf::new(&base_bytes).unwrap();
        let lazy_split = LazyBtf::with_base(&split_bytes, &lazy_base).unwrap();
        let other_bytes = base.to_bytes(endian);
        let other = LazyBtf::new(&other_bytes).unwrap();
        for (whole, lazy) in [(&*base, &lazy_base), (&split, &lazy_split), (&*base, &other)] {
            assert_eq!(lazy.count(), Ok(whole.count()));
            for name in ["int", "n1", "n7", "f8", "Größe", "a", "öße", ""] {
                let kinds = |id: TypeId| (id, whole.kind(id).unwrap());
                let expected: Vec<_> = whole.find_all(name).map(kinds).collect();
                assert_eq!(lazy.find_all(name), Ok(expected), "seed {seed}: {name}");
            }
            let roots = [1, 2].map(|_| TypeId(1 + random.below(whole.count())));
            for follow in [Follow::Layout, Follow::All] {
                let taken = lazy.extract(&roots, follow).unwrap();
                assert!(roots.iter().all(|&root| taken.id(root).is_some()));
                if follow == Follow::All {
                    compare(whole, &taken);
                }
                assert!(Btf::parse(&taken.btf.to_bytes(Endian::Big)).unwrap() == taken.btf, "seed {seed}");
            }
        }
        assert!(lazy_base.extract(&[TypeId(base.count() + 1)], Follow::All).is_err());
    }
}

#[test]
fn what_is_only_pointed_to_is_declared() {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    let far = types.structure("far", 4, &[]);
    let members = [types.member("x", int, 0)];
    let inner = types.structure("inner", 4, &members);
    let pointer = types.ptr(far);
    let array = types.array_of(inner, 2);
    let to_inner = types.ptr(inner);
    let members = [
        types.member("far", pointer, 0),
        types.member("inner", to_inner, 64),
        types.member("array", array, 128),
    ];
    let outer = types.structure("outer", 24, &members);
    types.float("double", 8);
    let btf = types.build().unwrap();
    let bytes = btf.to_bytes(Endian::Big);
    let taken = LazyBtf::new(&bytes).unwrap().extract(&[outer], Follow::Layout).unwrap();
    compare(&btf, &taken);
    assert_eq!(taken.btf.kind(taken.id(far).unwrap()), Some(Kind::Fwd));
    assert_eq!(taken.btf.kind(taken.id(inner).unwrap()), Some(Kind::Struct), "it is needed for the array");
    assert_eq!(taken.btf.find_by_name(Kind::Float, "double"), None);
    assert_eq!(taken.id(outer), Some(TypeId(1)));
}

#[test]
fn damaged_bytes_do_no_harm() {
    let (mut read, mut refused) = (0, 0);
    for seed in seeds() {
        let mut random = Random(seed);
        let btf = random::types(&mut random);
        let mut bytes = btf.to_bytes(random.endian());
        damage(&mut random, &mut bytes);
        let whole = Btf::parse(&bytes);
        let taken = LazyBtf::new(&bytes).and_then(|lazy| {
            lazy.find_all("int")?;
            let all: Vec<TypeId> = (1..=lazy.count()?).map(TypeId).collect();
            lazy.extract(&all, Follow::Layout)?;
            lazy.extract(&all, Follow::All)
        });
        match (&whole, taken) {
            (Ok(whole), Ok(taken)) => compare(whole, &taken),
            (Ok(_), Err(error)) => panic!("seed {seed}: {error}"),
            (Err(_), _) => refused += 1,
        }
        read += u32::from(whole.is_ok());
    }
    assert!(read > 10 && refused > 10, "{read} read, {refused} refused");
}

#[test]
fn one_of_the_kernels_types() {
    let Some(bytes) = kernel() else { return };
    let whole = Btf::parse(&bytes).unwrap();
    let mut best = Duration::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let lazy = LazyBtf::new(&bytes).unwrap();
        let task = lazy.find_by_name(Kind::Struct, "task_struct").unwrap().unwrap();
        let found = start.elapsed();
        let taken = lazy.extract(&[task], Follow::Layout).unwrap();
        let all = start.elapsed();
        if all < best {
            best = all;
            eprintln!("task_struct found in {found:?}, with {} others in {all:?}", taken.btf.count());
        }
        assert_eq!(whole.find_by_name(Kind::Struct, "task_struct"), Some(task));
        let id = taken.id(task).unwrap();
        assert_eq!(taken.btf.size_of(id), whole.size_of(task));
        assert!(taken.btf.count() < 10_000);
    }
    let lazy = LazyBtf::new(&bytes).unwrap();
    for name in ["vfs_read", "sk_buff", "u32", "int", "no such type", "pid"] {
        let expected: Vec<_> = whole.find_all(name).map(|id| (id, whole.kind(id).unwrap())).collect();
        assert_eq!(lazy.find_all(name), Ok(expected), "{name}");
    }
    assert!(best < Duration::from_millis(50), "{best:?}");
}
