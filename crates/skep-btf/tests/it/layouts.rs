//! Layouts of structs, judged by clang.

use std::fmt::Write as _;

use skep_btf::derive::{Layout, Rules, Shape, get_bits, put_bits};
use skep_btf::{BitField, BpfType, Btf, Field, Kind, P};

use crate::random::Random;
use crate::tools::{TempDir, compiled};

/// A type in C, before and behind the name of a member, and the shape of such a member.
struct Row {
    c: (&'static str, &'static str),
    shape: fn() -> Shape,
    bits: Option<Bits>,
}

/// The largest width of a bit-field, and the shape of one.
type Bits = (u8, fn(u8) -> Shape);

const fn plain<T: BpfType>(before: &'static str, behind: &'static str) -> Row {
    Row { c: (before, behind), shape: Shape::of::<T>, bits: None }
}

const fn number<T: BitField>(c: &'static str) -> Row {
    Row { c: (c, ""), shape: Shape::of::<T>, bits: Some((T::MAX_BITS, Shape::bits::<T>)) }
}

const ROWS: [Row; 18] = [
    number::<u8>("unsigned char"),
    number::<i8>("signed char"),
    number::<u16>("unsigned short"),
    number::<i16>("short"),
    number::<u32>("unsigned int"),
    number::<i32>("int"),
    number::<u64>("unsigned long long"),
    number::<i64>("long long"),
    number::<bool>("_Bool"),
    plain::<u128>("unsigned __int128", ""),
    plain::<i128>("__int128", ""),
    plain::<f32>("float", ""),
    plain::<f64>("double", ""),
    plain::<P>("void *", ""),
    plain::<[u8; 3]>("unsigned char", "[3]"),
    plain::<[u16; 3]>("unsigned short", "[3]"),
    plain::<[[P<u8>; 1]; 2]>("unsigned char *", "[2][1]"),
    plain::<[u64; 0]>("unsigned long long", "[0]"),
];

/// How many members each struct has.
const MEMBERS: usize = 9;

/// A random struct in C, with the layout that we give it.
fn structure(random: &mut Random, c: &mut String, number: usize) -> Layout<MEMBERS> {
    let packed = *random.pick(&[None, None, Some(1), Some(2), Some(4)]);
    let align = *random.pick(&[None, None, None, Some(4), Some(16)]);
    let union = random.below(6) == 0;
    // Structs of bit-fields alone are the ones with the most cases.
    let mostly_bits = random.below(2) == 0;
    let mut body = String::new();
    let shapes = std::array::from_fn(|i| {
        let row = if mostly_bits { &ROWS[random.index(9)] } else { random.pick(&ROWS) };
        let (before, behind) = row.c;
        match row.bits {
            Some((most, shape)) if mostly_bits || random.below(3) == 0 => {
                let bits = 1 + u8::try_from(random.below(most.into())).unwrap();
                writeln!(body, "    {before} m{i} : {bits};").unwrap();
                shape(bits)
            }
            _ => {
                writeln!(body, "    {before} m{i}{behind};").unwrap();
                (row.shape)()
            }
        }
    });
    let keyword = if union { "union" } else { "struct" };
    let attribute = match (packed, random.below(2)) {
        (Some(1), 0) => "__attribute__((packed))",
        _ => "",
    };
    let pack = packed.filter(|_| attribute.is_empty()).map_or("pack()".to_owned(), |n| format!("pack({n})"));
    let aligned = align.map_or(String::new(), |n| format!("__attribute__((aligned({n})))"));
    writeln!(
        c,
        "#pragma {pack}\n{keyword} s{number} {{\n{body}}} {attribute} {aligned};\n#pragma pack()\n\
         {keyword} s{number} v{number};"
    )
    .unwrap();
    let rules = Rules { packed, align };
    let layout = if union { Layout::union(rules, &shapes) } else { Layout::structure(rules, &shapes) };
    writeln!(c, "_Static_assert(_Alignof({keyword} s{number}) == {}, \"\");", layout.align).unwrap();
    layout
}

#[test]
fn random_structs_are_laid_out_as_clang_does() {
    let mut random = Random(1);
    // Without a function, there is no .BTF.ext.
    let mut c = "void function(void) {}\n".to_owned();
    let layouts: Vec<_> = (0..1500).map(|number| structure(&mut random, &mut c, number)).collect();
    let Some((types, _)) = compiled(&TempDir::new("layouts"), &c, "bpfel") else { return };
    let btf = Btf::parse(&types).unwrap();
    for (number, layout) in layouts.iter().enumerate() {
        let name = format!("s{number}");
        let id = [Kind::Struct, Kind::Union].iter().find_map(|&kind| btf.find_by_name(kind, &name)).unwrap();
        let text = || c.split("#pragma pack()\n").find(|text| text.contains(&format!(" {name} {{"))).unwrap();
        assert_eq!(btf.size_of(id), Some(layout.size.into()), "{}", text());
        let offsets: Vec<u32> =
            btf.ty(id).members().unwrap().iter().map(|member| member.bit_offset).collect();
        assert_eq!(offsets, layout.at, "{}", text());
    }
}

/// Writes and reads the number as a bit-field; on a little-endian machine, bit by bit as well.
fn check_bits<T: BitField>(random: &mut Random, bits: u8) {
    let at = random.below(200);
    let field: Field<(), T> = Field::new("field", at, Some(bits));
    let number = random.next();
    let low = number & u64::MAX >> (64 - u32::from(bits));
    let sign = T::SIGNED && low >> (bits - 1) == 1;
    let extended = if sign { low | u64::MAX.checked_shl(bits.into()).unwrap_or(0) } else { low };
    // What is too large for the bits is cut.
    let whole = if bits < T::MAX_BITS { extended ^ 1 << bits } else { extended };
    let value = T::from_bits(whole).or_else(|_| T::from_bits(extended)).unwrap();

    let mut others = [0; 40];
    let (first, last) = (at, at + u32::from(bits));
    for bit in (0..320).filter(|bit| !(first..last).contains(bit)) {
        let mask = if cfg!(target_endian = "big") { 0x80 >> (bit % 8) } else { 1 << (bit % 8) };
        others[usize::try_from(bit / 8).unwrap()] |= mask;
    }
    let mut bytes = others;
    put_bits(field, value, &mut bytes);
    for (byte, other) in bytes.iter().zip(others) {
        assert_eq!(byte & other, other, "other bits stay");
    }
    assert_eq!(get_bits(field, &bytes).map(T::to_bits), Ok(extended), "{bits} bits at {at}");
    if cfg!(target_endian = "little") {
        let bit = |i: u32| bytes[usize::try_from((at + i) / 8).unwrap()] >> ((at + i) % 8) & 1;
        let by_bit = (0..bits.into()).fold(0, |sum, i| sum | u64::from(bit(i)) << i);
        assert_eq!(by_bit, low, "{bits} bits at {at}");
    }
}

#[test]
fn bit_fields_touch_their_own_bits() {
    let mut random = Random(2);
    for _ in 0..200 {
        for bits in 1..=64 {
            check_bits::<u64>(&mut random, bits);
            check_bits::<i64>(&mut random, bits);
            check_bits::<i32>(&mut random, bits.min(32));
            check_bits::<u16>(&mut random, bits.min(16));
            check_bits::<i8>(&mut random, bits.min(8));
        }
        check_bits::<bool>(&mut random, 1);
    }
}
