//! Values, fields and sets of types.

use skep_btf::{BitField, BpfType, Btf, BtfBuilder, Field, Kind, P, Type};
use skep_derive::BpfType;

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(i16)]
enum Level {
    Low = -3,
    High = 1 + 2 * 3,
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Inner {
    on: bool,
    levels: [Level; 2],
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Outer {
    pub id: u8,
    inner: [Inner; 2],
    #[bpf(bits = 4)]
    level: Level,
    #[bpf(bits = 5, token = new_field)]
    new: u32,
}

impl Outer {
    /// What the constant of the field would be in the way of.
    fn new() -> Outer {
        let inner = Inner { on: true, levels: [Level::Low, Level::High] };
        Outer { id: 1, inner: [inner; 2], level: Level::High, new: 0xff }
    }
}

#[test]
fn fields_know_their_places() {
    fn check<S, T>(field: Field<S, T>, name: &str, byte: Option<u32>, bits: (u32, Option<u8>)) {
        assert_eq!((field.name, field.byte_offset()), (name, byte));
        assert_eq!((field.bit_offset, field.bit_size), bits, "{name}");
    }
    check(Outer::id, "id", Some(0), (0, None));
    check(Outer::inner, "inner", Some(2), (16, None));
    check(Outer::level, "level", None, (112, Some(4)));
    check(Outer::new_field, "new", None, (116, Some(5)));
    assert_eq!((Outer::SIZE, Outer::ALIGN), (16, 4));
    const AT: u32 = Outer::inner.bit_offset;
    assert_eq!(AT, 16);
    assert_eq!(format!("{:?}, {:?}", Outer::id, Outer::level), "id at bit 0, level at bit 112 of 4 bits");
}

#[test]
fn too_large_a_number_is_cut_to_its_bits() {
    let outer = Outer::new();
    let bytes = outer.to_bytes();
    let again = Outer::read_from(&bytes).unwrap();
    assert_eq!(again, Outer { new: 0x1f, ..outer });
    assert_eq!(bytes, [1, 0, 1, 0, 0xfd, 0xff, 7, 0, 1, 0, 0xfd, 0xff, 7, 0, 0xf7, 1]);
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    let good = Outer::new().to_bytes();
    let check = |at: usize, byte: u8, expected: &str| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        assert_eq!(Outer::read_from(&bytes).unwrap_err().to_string(), expected);
    };
    let level = "one of `it::values::Level`";
    check(2, 9, "value.inner[0].on: the number 9, expected one of `bool`");
    check(12, 6, &format!("value.inner[1].levels[1]: the number 6, expected {level}"));
    check(14, 0xfe, &format!("value.level: the number -2, expected {level}"));
    let short = Outer::read_from(&good[1..]).unwrap_err().to_string();
    assert_eq!(short, "value: 15 bytes, expected the 16 of `it::values::Outer`");
    let mut padded = good.clone();
    (padded[1], padded[3]) = (0xaa, 0xaa);
    assert_eq!(Outer::read_from(&padded).unwrap().to_bytes(), good, "padding does not matter");
    assert_eq!(Level::from_bits(7), Ok(Level::High));
    assert_eq!(Level::Low.to_bits(), (-3_i64).cast_unsigned());
    assert!(Level::from_bits(0x1_0007).is_err());
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf", union(on: bool, number: u16, level: Level, bytes: [u8; 3]))]
#[repr(C, align(2))]
struct Mixed {
    storage: [u8; 4],
}

#[test]
fn a_union_is_read_as_what_is_asked_for() {
    let mut mixed = Mixed::bytes.make([1, 2, 3]).unwrap();
    assert_eq!(mixed.storage, [1, 2, 3, 0]);
    assert_eq!(Mixed::on.get(&mixed), Ok(true));
    assert_eq!(Mixed::number.get(&mixed), Ok(u16::from_ne_bytes([1, 2])));
    let error = Mixed::level.get(&mixed).unwrap_err().to_string();
    assert!(error.starts_with("value.level: the number "), "{error}");
    Mixed::level.set(&mut mixed, Level::Low);
    assert_eq!(Mixed::level.get(&mixed), Ok(Level::Low));
    assert_eq!(Mixed::bytes.get(&mixed).unwrap()[2], 3, "the rest stays");
    assert_eq!(Mixed::number.make(0).unwrap().storage, [0; 4]);
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf", name = "Node")]
#[repr(C)]
struct Tree {
    left: P<Tree>,
    right: P<Tree>,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf", name = "")]
#[repr(C)]
struct Anonymous {
    #[bpf(name = "")]
    tree: Tree,
    own: P<Anonymous>,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(transparent)]
struct Ouroboros(P<Ouroboros>);

/// Adds all of them to a set.
pub(crate) fn add_all(types: &mut BtfBuilder) {
    for add in [Level::btf, Outer::btf, Mixed::btf, Anonymous::btf] {
        add(types);
    }
}

#[test]
fn each_type_is_added_once() {
    let mut types = Btf::builder();
    let ids = [
        Anonymous::btf(&mut types),
        Tree::btf(&mut types),
        Anonymous::btf(&mut types),
        Outer::btf(&mut types),
    ];
    assert_eq!(ids[0], ids[2]);
    let count = types.so_far().count();
    assert_eq!([Anonymous::btf(&mut types), Tree::btf(&mut types), ids[2], Outer::btf(&mut types)], ids);
    assert_eq!(types.so_far().count(), count);
    let btf = types.build().unwrap();
    let Type::Struct(tree) = btf.ty(ids[1]) else { panic!("{:?}", btf.ty(ids[1])) };
    assert!(tree.members.iter().all(|member| btf.ty(member.ty) == Type::Ptr(ids[1])));
    assert_eq!((btf.name(ids[0]), btf.name(ids[1])), ("", "Node"));
    assert_eq!(btf.find_all("Inner").count(), 1);
    // Children come before what they are part of, unless they lead back to it.
    let Type::Struct(outer) = btf.ty(ids[3]) else { panic!("{:?}", btf.ty(ids[3])) };
    assert!(outer.members.iter().all(|member| member.ty < ids[3]));
    assert_eq!(btf.iter().filter(|(_, ty)| ty.kind() == Some(Kind::Struct)).count(), 4);
}

#[test]
fn equal_structs_of_two_modules_are_one_type() {
    mod other {
        #[derive(skep_derive::BpfType, Clone, Copy)]
        #[bpf(crate = "skep_btf", name = "Inner")]
        #[repr(C)]
        pub(super) struct Twin {
            pub(super) on: bool,
            pub(super) levels: [super::Level; 2],
        }
    }
    let mut types = Btf::builder();
    assert_eq!(Inner::btf(&mut types), other::Twin::btf(&mut types));
    assert_eq!(other::Twin::levels.bit_offset, Inner::levels.bit_offset);
    let _ = other::Twin { on: true, levels: [Level::Low; 2] };
}

#[test]
fn a_typedef_of_itself_is_a_mistake() {
    let mut types = Btf::builder();
    Ouroboros::btf(&mut types);
    let error = types.build().unwrap_err().to_string();
    assert_eq!(
        error,
        "type [1] is typedef `Ouroboros`, which leads back to itself, expected a struct on the way"
    );
}
