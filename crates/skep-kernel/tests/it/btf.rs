//! Types alone, as compilers write them and as the kernel takes them.

use object::{Object, ObjectSection};
use skep_btf::{Btf, Change, Endian, IntEncoding, KernelVersion, Kind, Rules, Type, TypeId, verify};
use skep_kernel::{Error, Log, btf_load, data_layout};

use crate::compiled::object_file;
use crate::support::may_load;

/// A set of one integer, with a second type.
fn two(add: impl FnOnce(&mut skep_btf::BtfBuilder)) -> Vec<u8> {
    let mut types = Btf::builder();
    types.int("int", 4, IntEncoding::Signed);
    add(&mut types);
    types.build().unwrap().to_bytes(Endian::HOST)
}

fn refused(bytes: &[u8], log: Log) -> skep_kernel::TypesRefused {
    match btf_load(bytes, log) {
        Err(Error::Types(refused)) => *refused,
        other => panic!("{other:?}"),
    }
}

#[test]
fn types_are_taken_or_the_bad_one_is_named() {
    if !may_load() {
        return;
    }
    let good = two(|_| {});
    assert_eq!(btf_load(&good, Log::OnFailure).unwrap().log(), "");
    let log = btf_load(&good, Log::Full).unwrap().log().to_owned();
    assert!(log.contains("[1] INT int size=4"), "{log}");

    let bad = two(|types| {
        types.typedef("a b", TypeId(1));
    });
    let why = refused(&bad, Log::OnFailure);
    assert_eq!((why.id, why.kind, &*why.message), (Some(TypeId(2)), Some(Kind::Typedef), "Invalid name"));
    assert_eq!(why.to_string(), "type [2] BTF_KIND_TYPEDEF: Invalid name");
    assert!(why.log.lines().count() > 2);
    let silent = refused(&bad, Log::Never);
    assert_eq!((silent.id, &*silent.log), (None, ""));
    assert_eq!(silent.to_string(), "Invalid argument (os error 22)");

    let error = btf_load(&bad, Log::OnFailure).unwrap_err().to_string();
    assert_eq!(error, "the kernel refuses the types (BTF): type [2] BTF_KIND_TYPEDEF: Invalid name");
}

/// A log of many types, and of long names, is longer than the first try has room for.
#[test]
fn a_long_log_is_read_to_its_end() {
    if !may_load() {
        return;
    }
    let bytes = two(|types| {
        for number in 0..3000 {
            types.structure(&"x".repeat(200), 4 * number, &[]);
        }
        types.structure("not a name", 0, &[]);
    });
    let why = refused(&bytes, Log::OnFailure);
    assert_eq!((why.id.map(|id| id.0 > 3000), &*why.message), (Some(true), "Invalid name"));
    assert!(why.log.len() > 64 << 10);
}

/// Clang leaves sizes, places and linkages to loaders; once they are filled in, the kernel takes the types.
#[test]
fn an_objects_types_are_made_ready() {
    for source in ["data.c", "kconfig.c", "features.c", "parts.c", "struct_ops.c", "variable.c"] {
        let Some(elf) = object_file(source, &["-g"]) else { return };
        let file = object::File::parse(&*elf).unwrap();
        let section = file.section_by_name(".BTF").unwrap().data().unwrap();
        let btf = Btf::parse(section).unwrap();
        let raw = verify(section, &Rules::current());
        let (placed, places) = btf.with_layout(&data_layout(&elf).unwrap());
        let (ready, changes) = placed.for_kernel(KernelVersion::CURRENT);
        let bytes = ready.to_bytes(Endian::HOST);
        assert_eq!(verify(&bytes, &Rules::current()), Ok(()), "{source}");
        assert_eq!(raw.is_ok(), places.is_empty() && changes.is_empty(), "{source}: {raw:?}");
        if may_load() {
            btf_load(&bytes, Log::OnFailure).unwrap_or_else(|error| panic!("{source}: {error}"));
        }
        let told: Vec<String> = places.iter().chain(&changes).map(Change::to_string).collect();
        assert!(
            ready.iter().all(|(_, ty)| !matches!(ty, Type::Datasec(section) if section.size == 0)),
            "{told:#?}"
        );
    }
}

#[test]
fn what_is_no_object_has_no_layout() {
    for bytes in [&b"no object"[..], b"!<arch>\n", b""] {
        let error = data_layout(bytes).unwrap_err().to_string();
        assert_eq!(error, "cannot read the symbols: it is no ELF file");
    }
    let error = data_layout(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0").unwrap_err().to_string();
    assert!(error.starts_with("cannot read the symbols: "), "{error}");
}
