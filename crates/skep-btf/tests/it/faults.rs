//! Each fault of the bytes is refused by an error that says where, what and what was expected.

use skep_btf::{Btf, BtfExt};

/// A `.BTF` section of these words and strings, in little-endian order.
pub(crate) fn section(types: &[u32], strings: &[u8]) -> Vec<u8> {
    let (types_len, strings_len) =
        (u32::try_from(types.len() * 4).unwrap(), u32::try_from(strings.len()).unwrap());
    let header = [0x0001_eb9f, 24, 0, types_len, types_len, strings_len];
    let mut bytes: Vec<u8> = header.iter().chain(types).flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend_from_slice(strings);
    bytes
}

/// The second word of a type.
const fn info(kind: u32, vlen: u32) -> u32 {
    kind << 24 | vlen
}

const FLAG: u32 = 1 << 31;
const INT: [u32; 4] = [1, info(1, 0), 4, 32];
const NAMES: &[u8] = b"\0name\0other\0";

fn check(bytes: &[u8], expected: &str) {
    match Btf::parse(bytes) {
        Ok(_) => panic!("taken, expected: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

/// A set whose second type, after an INT, is faulty; it starts at 0x28.
fn check_type(words: &[u32], expected: &str) {
    check(&section(&[&INT, words].concat(), NAMES), expected);
}

#[test]
fn headers() {
    let good = section(&INT, NAMES);
    Btf::parse(&good).unwrap();
    let with = |at: usize, word: u32| {
        let mut bytes = good.clone();
        bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
        bytes
    };
    check(b"", ".BTF+0x0: the header takes 24 bytes, 0 are left");
    check(&good[..20], ".BTF+0x0: the header takes 24 bytes, 20 are left");
    check(&with(0, 0x0001_eb9e), ".BTF+0x0: magic is 0xeb9e, expected 0xeb9f in either byte order");
    check(&with(0, 0x0002_eb9f), ".BTF+0x2: version is 0x2, expected 0x1");
    check(&with(0, 0x0101_eb9f), ".BTF+0x3: flags is 0x1, expected 0x0");
    check(&with(4, 20), ".BTF+0x4: hdr_len is 0x14, expected a multiple of 4, at least 0x18");
    check(&with(4, 25), ".BTF+0x4: hdr_len is 0x19, expected a multiple of 4, at least 0x18");
    check(&with(4, u32::MAX - 3), ".BTF+0x0: the header takes 4294967292 bytes, 52 are left");
    check(&with(8, 2), ".BTF+0x8: type_off is 0x2, expected a multiple of 4");
    check(&with(12, 17), ".BTF+0x10: str_off is 0x10, expected at least 0x11, the end of the part before");
    check(&with(12, u32::MAX), ".BTF+0x18: the type section takes 4294967295 bytes, 28 are left");
    check(&with(16, u32::MAX), ".BTF+0x100000017: the string section takes 12 bytes, 0 are left");
    check(&with(20, 13), ".BTF+0x28: the string section takes 13 bytes, 12 are left");
    check(
        &section(&INT, b""),
        ".BTF+0x28: the string table starts with nothing, it is empty, expected a zero byte",
    );
    check(&with(20, 11), ".BTF+0x32: the string table ends with 0x72, expected a zero byte");
    check(&section(&INT, b"name\0"), ".BTF+0x28: the string table starts with 0x6e, expected a zero byte");
    check(&[&good[..], &[0, 9]].concat(), ".BTF+0x35: a byte outside of every part is 0x9, expected 0x0");
    assert_eq!(Btf::parse(&[&good[..], &[0, 0]].concat()), Btf::parse(&good));
}

#[test]
fn longer_headers() {
    let short = section(&INT, NAMES);
    let longer = |extra: &[u32]| {
        let mut bytes = short.clone();
        bytes[4..8].copy_from_slice(&u32::try_from(24 + extra.len() * 4).unwrap().to_le_bytes());
        let extra: Vec<u8> = extra.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.splice(24..24, extra);
        bytes
    };
    let expected = Btf::parse(&short);
    for zeros in 0..6 {
        assert_eq!(Btf::parse(&longer(&vec![0; zeros])), expected, "{zeros} words");
    }
    check(&longer(&[0, 0, 0, 1]), ".BTF+0x24: a byte of an unknown field is 0x1, expected 0x0");
    check(&longer(&[2, 4]), ".BTF+0x18: layout_off is 0x2, expected a multiple of 4");
    check(
        &longer(&[4, 4]),
        ".BTF+0x18: layout_off is 0x4, expected at least 0x10, the end of the part before",
    );
    check(&longer(&[16, 100]), ".BTF+0x30: the layout section takes 100 bytes, 12 are left");

    // A layout of one kind between the types and the strings.
    let mut bytes = longer(&[16, 4]);
    bytes[16..20].copy_from_slice(&20_u32.to_le_bytes());
    bytes.splice(48..48, [4, 0, 0, 0]);
    assert_eq!(Btf::parse(&bytes), expected);
}

#[test]
fn types() {
    check_type(&[0, info(0, 0), 0], ".BTF+0x28: type [2] has the unknown kind 0, expected 1 to 19");
    check_type(&[0, info(20, 0), 0], ".BTF+0x28: type [2] has the unknown kind 20, expected 1 to 19");
    check_type(
        &[0, info(2, 0) | 1 << 29, 1],
        ".BTF+0x28: type [2] has the unknown kind 34, expected 1 to 19",
    );
    check_type(&[0, info(2, 0)], ".BTF+0x28: a type takes 12 bytes, 8 are left");
    check_type(&[0, info(1, 0), 4], ".BTF+0x34: BTF_KIND_INT takes 4 bytes, 0 are left");
    check_type(&[0, info(4, 3), 4, 0, 1, 0], ".BTF+0x34: BTF_KIND_STRUCT takes 36 bytes, 12 are left");
    check_type(
        &[0, info(19, 0x00ff_ffff), 4],
        ".BTF+0x34: BTF_KIND_ENUM64 takes 201326580 bytes, 0 are left",
    );
    let cases: &[(&[u32], &str)] = &[
        (&[1, info(1, 1), 4, 32], "BTF_KIND_INT: vlen is 0x1, expected 0x0"),
        (&[1, info(1, 0x1_0000), 4, 32], "BTF_KIND_INT: vlen is 0x10000, expected 0x0"),
        (&[1, info(1, 0) | FLAG, 4, 32], "BTF_KIND_INT: kind_flag is 0x1, expected 0x0"),
        (
            &[1, info(1, 0), 4, 0x0500_0020],
            "BTF_KIND_INT: encoding is 0x5, expected 0 to 3 (unsigned, signed, char, signed char) or 4 (bool)",
        ),
        (
            &[1, info(1, 0), 4, 0x1000_0020],
            "BTF_KIND_INT: the reserved bits of the integer's data is 0x10000000, expected 0x0",
        ),
        (
            &[1, info(1, 0), 4, 0x0000_0120],
            "BTF_KIND_INT: the reserved bits of the integer's data is 0x100, expected 0x0",
        ),
        (&[0, info(2, 0) | FLAG, 1], "BTF_KIND_PTR: kind_flag is 0x1, expected 0x0"),
        (&[0, info(3, 0), 4, 1, 1, 1], "BTF_KIND_ARRAY: size_or_type is 0x4, expected 0x0"),
        (&[1, info(7, 2), 0], "BTF_KIND_FWD: vlen is 0x2, expected 0x0"),
        (
            &[1, info(12, 3), 1],
            "BTF_KIND_FUNC: linkage is 0x3, expected 0 (static), 1 (global) or 2 (extern)",
        ),
        (
            &[1, info(14, 0), 1, 3],
            "BTF_KIND_VAR: linkage is 0x3, expected 0 (static), 1 (global) or 2 (extern)",
        ),
        (&[1, info(16, 1), 4], "BTF_KIND_FLOAT: vlen is 0x1, expected 0x0"),
        (
            &[1, info(17, 0), 1, u32::MAX - 1],
            "BTF_KIND_DECL_TAG: component_idx is 0xfffffffe, expected -1 or an index",
        ),
    ];
    for (words, expected) in cases {
        check_type(words, &format!(".BTF+0x28: type [2] {expected}"));
    }
}

#[test]
fn references() {
    let cases: &[(&[u32], &str)] = &[
        (&[0, info(2, 0), 3], "BTF_KIND_PTR: type is type [3]"),
        (&[1, info(8, 0), u32::MAX], "BTF_KIND_TYPEDEF: type is type [4294967295]"),
        (&[0, info(3, 0), 0, 3, 1, 1], "BTF_KIND_ARRAY: element type is type [3]"),
        (&[0, info(3, 0), 0, 1, 4, 1], "BTF_KIND_ARRAY: index type is type [4]"),
        (&[1, info(4, 2), 8, 1, 1, 0, 1, 5, 32], "BTF_KIND_STRUCT: member 1 is type [5]"),
        (&[1, info(12, 1), 9], "BTF_KIND_FUNC: prototype is type [9]"),
        (&[0, info(13, 0), 9], "BTF_KIND_FUNC_PROTO: return type is type [9]"),
        (&[0, info(13, 1), 0, 1, 9], "BTF_KIND_FUNC_PROTO: parameter 0 is type [9]"),
        (&[1, info(14, 0), 9, 0], "BTF_KIND_VAR: type is type [9]"),
        (&[1, info(15, 1), 9, 9, 0, 4], "BTF_KIND_DATASEC: variable 0 is type [9]"),
        (&[1, info(17, 0), 9, 0], "BTF_KIND_DECL_TAG: target is type [9]"),
        (&[1, info(18, 0), 9], "BTF_KIND_TYPE_TAG: type is type [9]"),
    ];
    for (words, expected) in cases {
        check_type(words, &format!(".BTF+0x28: type [2] {expected}, expected one of the 2 types"));
    }
    let cases: &[(&[u32], &str)] = &[
        (&[12, info(2, 0), 1], "BTF_KIND_PTR: the name of the type is at string offset 0xc"),
        (&[1, info(5, 1), 8, 99, 1, 0], "BTF_KIND_UNION: the name of member 0 is at string offset 0x63"),
        (&[1, info(6, 1), 4, 99, 1], "BTF_KIND_ENUM: the name of enumerator 0 is at string offset 0x63"),
        (
            &[1, info(19, 1), 8, 99, 1, 0],
            "BTF_KIND_ENUM64: the name of enumerator 0 is at string offset 0x63",
        ),
        (
            &[0, info(13, 1), 0, u32::MAX, 1],
            "BTF_KIND_FUNC_PROTO: the name of parameter 0 is at string offset 0xffffffff",
        ),
    ];
    for (words, expected) in cases {
        check_type(
            words,
            &format!(".BTF+0x28: type [2] {expected}, expected the start of a character below 0xc"),
        );
    }
    check(
        &section(&[4, info(16, 0), 4], "\0Größe\0".as_bytes()),
        ".BTF+0x18: type [1] BTF_KIND_FLOAT: the name of the type is at string offset 0x4, expected the start of a \
         character below 0x9",
    );
}

/// A `.BTF.ext` section with one part in these words, at `part` of the header.
fn ext(part: usize, words: &[u32]) -> Vec<u8> {
    let mut header = [0x0001_eb9f, 32, 0, 0, 0, 0, 0, 0];
    header[2 + part * 2 + 1] = u32::try_from(words.len() * 4).unwrap();
    header.iter().chain(words).flat_map(|word| word.to_le_bytes()).collect()
}

fn check_ext(bytes: &[u8], expected: &str) {
    let btf = Btf::parse(&section(&INT, NAMES)).unwrap();
    match BtfExt::parse(bytes, &btf) {
        Ok(_) => panic!("taken, expected: {expected}"),
        Err(error) => assert_eq!(error.to_string(), expected),
    }
}

#[test]
fn records() {
    check_ext(&ext(0, &[])[..20], ".BTF.ext+0x0: the header takes 32 bytes, 20 are left");
    check_ext(
        &[0x0001_eb9f_u32, 16, 0, 0].map(u32::to_le_bytes).concat(),
        ".BTF.ext+0x4: hdr_len is 0x10, expected a multiple of 4, at least 0x18",
    );
    let mut long = ext(0, &[]);
    (long[8], long[12]) = (4, 8);
    check_ext(&long, ".BTF.ext+0x24: func_info takes 8 bytes, 0 are left");
    let mut tiny = ext(0, &[0]);
    tiny[12] = 3;
    check_ext(&tiny, ".BTF.ext+0x20: rec_size takes 4 bytes, 3 are left");

    let cases: &[(usize, &[u32], &str)] = &[
        (0, &[4], "0x20: func_info of section '': rec_size is 0x4, expected a multiple of 4, at least 0x8"),
        (
            1,
            &[18],
            "0x20: line_info of section '': rec_size is 0x12, expected a multiple of 4, at least 0x10",
        ),
        (2, &[12], "0x20: core_relo of section '': rec_size is 0xc, expected a multiple of 4, at least 0x10"),
        (0, &[8, 1], "0x24: the head of a section's records takes 8 bytes, 4 are left"),
        (0, &[8, 1, 2, 0, 0], "0x2c: func_info takes 16 bytes, 8 are left"),
        (0, &[8, 1, u32::MAX, 0, 0], "0x2c: func_info takes 34359738360 bytes, 8 are left"),
        (
            0,
            &[8, 77, 1, 0, 0],
            "0x24: func_info of section '': sec_name_off is 0x4d, expected the start of a character below 0xc",
        ),
        (
            0,
            &[8, 1, 1, 4, 1],
            "0x2c: func_info of section 'name': insn_off is 0x4, expected a multiple of 8 bytes",
        ),
        (
            0,
            &[8, 1, 1, 8, 2],
            "0x2c: func_info of section 'name': type_id is 0x2, expected one of the 1 types",
        ),
        (
            0,
            &[12, 1, 1, 8, 1, 5],
            "0x2c: func_info of section 'name': a word of an unknown extension is 0x5, expected 0x0",
        ),
        (
            1,
            &[16, 6, 2, 0, 1, 1, 1024, 8, 12, 1, 1024],
            "0x3c: line_info of section 'other': file_name_off is 0xc, expected the start of a character below 0xc",
        ),
        (
            1,
            &[16, 6, 1, 8, 1, 12, 1024],
            "0x2c: line_info of section 'other': line_off is 0xc, expected the start of a character below 0xc",
        ),
        (
            2,
            &[16, 6, 1, 8, 1, 12, 0],
            "0x2c: core_relo of section 'other': access_str_off is 0xc, expected the start of a character below 0xc",
        ),
        (2, &[16, 6, 1, 8, 1, 1, 13], "0x2c: core_relo of section 'other': kind is 0xd, expected 0 to 12"),
    ];
    for (part, words, expected) in cases {
        check_ext(&ext(*part, words), &format!(".BTF.ext+{expected}"));
    }
}

#[test]
fn longer_records_are_read() {
    let btf = Btf::parse(&section(&INT, NAMES)).unwrap();
    let short = BtfExt::parse(&ext(1, &[16, 6, 2, 0, 1, 6, 7 << 10 | 3, 8, 1, 6, 8 << 10]), &btf).unwrap();
    let long = BtfExt::parse(&ext(1, &[24, 6, 2, 0, 1, 6, 7 << 10 | 3, 0, 0, 8, 1, 6, 8 << 10, 0, 0]), &btf)
        .unwrap();
    assert_eq!(short, long);
    let lines = short.lines_of(&btf, "other");
    let first = lines.at(skep_btf::ByteOff(0)).unwrap();
    assert_eq!((first.file, first.text, first.line, first.column), ("name", "other", 7, 3));
    assert_eq!(lines.at(skep_btf::ByteOff(800)).map(|line| line.line), Some(8));
    assert_eq!(short.lines_of(&btf, "nowhere").at(skep_btf::ByteOff(0)), None);
}
