//! Rust types as BPF types.

use skep_btf::{BitField, BpfType, Btf, Error, IntEncoding, Kind, P, Type};

/// The type in C, from its kinds and names.
fn c_text(btf: &Btf, id: skep_btf::TypeId) -> String {
    match btf.ty(id) {
        Type::Void => "void".to_owned(),
        Type::Ptr(to) => format!("{} *", c_text(btf, to)),
        Type::Array(array) => {
            assert_eq!(btf.size_of(array.index), Some(4));
            format!("{}[{}]", c_text(btf, array.elem), array.len)
        }
        Type::Int(int) => {
            assert_eq!((u32::from(int.bits), int.offset), (int.size * 8, 0));
            let signed = btf.name(id) != "_Bool" && !btf.name(id).contains("unsigned");
            assert_eq!(int.encoding == IntEncoding::Signed, signed, "{}", btf.name(id));
            btf.name(id).to_owned()
        }
        Type::Float { .. } => btf.name(id).to_owned(),
        other => panic!("{other:?}"),
    }
}

fn check<T: BpfType + PartialEq + std::fmt::Debug>(values: &[T], c: &str, size: u32, align: u32) {
    assert_eq!((T::SIZE, T::ALIGN), (size, align), "{c}");
    assert_eq!(usize::try_from(size).unwrap(), size_of::<T>(), "{c}");
    let mut types = Btf::builder();
    let id = T::btf(&mut types);
    assert_eq!(T::btf(&mut types), id, "{c}: found again");
    let btf = types.build().unwrap();
    assert_eq!(c_text(&btf, id), c);
    for value in values {
        let bytes = value.to_bytes();
        assert_eq!(bytes.len(), size_of::<T>());
        assert_eq!(T::read_from(&bytes).as_ref(), Ok(value));
        let longer = [&bytes[..], &[0]].concat();
        assert!(matches!(T::read_from(&longer), Err(Error::Value { .. })), "{c}: a byte too many");
        if let Some((_, shorter)) = bytes.split_first() {
            assert!(matches!(T::read_from(shorter), Err(Error::Value { .. })), "{c}: a byte too few");
        }
    }
}

#[test]
fn rust_types_have_the_names_and_layouts_of_c() {
    check(&[0_u8, 1, u8::MAX], "unsigned char", 1, 1);
    check(&[0_i8, -1, i8::MIN], "signed char", 1, 1);
    check(&[1_u16, u16::MAX], "unsigned short", 2, 2);
    check(&[-2_i16, i16::MAX], "short", 2, 2);
    check(&[1_u32, u32::MAX], "unsigned int", 4, 4);
    check(&[-2_i32, i32::MAX], "int", 4, 4);
    check(&[1_u64, u64::MAX], "unsigned long long", 8, 8);
    check(&[-2_i64, i64::MIN], "long long", 8, 8);
    check(&[1_u128, u128::MAX], "unsigned __int128", 16, 16);
    check(&[-2_i128, i128::MIN], "__int128", 16, 16);
    check(&[false, true], "_Bool", 1, 1);
    check(&[1.5_f32, f32::INFINITY], "float", 4, 4);
    check(&[-1.5_f64], "double", 8, 8);
    check(&[()], "void", 0, 1);
    check(&[P::<()>::NULL, P::new(u64::MAX)], "void *", 8, 8);
    check(&[P::<P<[i8; 4]>>::new(1)], "signed char[4] * *", 8, 8);
    check(&[[[1_u16, 2, 3], [4, 5, 6]]], "unsigned short[3][2]", 12, 2);
    check(&[[0_u32; 0]], "unsigned int[0]", 0, 4);
    check(&[[true, false, true]], "_Bool[3]", 3, 1);
}

#[test]
fn what_is_no_value_is_refused() {
    fn check<T: BpfType + std::fmt::Debug>(bytes: &[u8], expected: &str) {
        assert_eq!(T::read_from(bytes).unwrap_err().to_string(), expected);
    }
    check::<bool>(&[2], "value: the number 2, expected one of `bool`");
    check::<[[bool; 2]; 2]>(&[1, 0, 0, 255], "value[1][1]: the number 255, expected one of `bool`");
    check::<u32>(&[0; 3], "value: 3 bytes, expected the 4 of `u32`");
    check::<[u8; 0]>(&[0], "value: 1 bytes, expected the 0 of `[u8; 0]`");
}

#[test]
fn bits_are_extended_by_the_sign_of_the_type() {
    fn check<T: BitField + PartialEq + std::fmt::Debug>(value: T, bits: u64) {
        assert_eq!(value.to_bits(), bits);
        assert_eq!(T::from_bits(bits), Ok(value));
    }
    check(-1_i8, u64::MAX);
    check(255_u8, 255);
    check(-5_i64, (-5_i64).cast_unsigned());
    check(true, 1);
    assert!(i8::from_bits(255).is_err());
    assert!(u8::from_bits(256).is_err());
    assert!(bool::from_bits(2).is_err());
    assert_eq!((u8::MAX_BITS, bool::MAX_BITS, i64::MAX_BITS), (8, 1, 64));
}

#[test]
fn equal_types_are_added_once() {
    let mut types = Btf::builder();
    for _ in 0..3 {
        <[u32; 4]>::btf(&mut types);
        P::<[u32; 4]>::btf(&mut types);
        P::<u32>::btf(&mut types);
    }
    let btf = types.build().unwrap();
    let kinds: Vec<Kind> = btf.iter().filter_map(|(_, ty)| ty.kind()).collect();
    assert_eq!(kinds, [Kind::Int, Kind::Int, Kind::Array, Kind::Ptr, Kind::Ptr]);
}
