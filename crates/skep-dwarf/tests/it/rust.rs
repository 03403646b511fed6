//! Rust, of both versions of DWARF that rustc writes.

use std::process::Command;

use skep_dwarf::{Functions, Lang, Options, Variables};

use crate::dump::dump;
use crate::tools;

/// The object file that rustc makes of a library without the standard one, called `t`.
pub(crate) fn compile(flags: &[&str], source: &str) -> Vec<u8> {
    let (input, out) = (tools::scratch(".rs"), tools::scratch(".o"));
    std::fs::write(&input, format!("#![no_std] #![allow(dead_code)] {source}")).unwrap();
    let run = Command::new("rustc")
        .args(["--edition", "2024", "--crate-name", "t", "--crate-type", "lib", "--emit", "obj"])
        .args(["-C", "debuginfo=2", "-C", "codegen-units=1", "-o"])
        .arg(&out)
        .args(flags)
        .arg(&input)
        .status();
    assert!(run.unwrap().success(), "rustc {flags:?} does not take\n{source}");
    let bytes = std::fs::read(&out).unwrap();
    std::fs::remove_file(&input).unwrap();
    std::fs::remove_file(&out).unwrap();
    bytes
}

/// Each line must be there; more may be, since rustc mentions types of its own library.
fn check(source: &str, expected: &[&str]) {
    if tools::find(&["rustc"]).is_none() {
        return tools::skip("rustc is not installed");
    }
    for version in ["dwarf-version=4", "dwarf-version=5"] {
        let file = compile(&["-C", version], source);
        let encoded = tools::encode(&file, &Options::new().functions(Functions::All));
        assert!(encoded.report.units.iter().any(|unit| unit.language == Lang::Rust));
        let dump = dump(&encoded.btf);
        for line in expected {
            assert!(dump.lines().any(|found| found == *line), "{version}: {line} is not in\n{dump}");
        }
        let bytes = encoded.btf.to_bytes(skep_btf::Endian::Little);
        skep_btf::verify(&bytes, &skep_btf::Rules::default()).unwrap();
    }
}

#[test]
fn enumerations_with_data_are_unions_with_their_discriminant() {
    check(
        "pub enum Shape { Unit, Circle(f32), Rect { w: u16, h: i64 } }
         #[repr(u8)] pub enum Data { X(u8) = 7, Y(u32) = 200 }
         #[unsafe(no_mangle)] pub fn f(s: &Shape, d: &Data) -> bool { matches!(s, Shape::Unit) && matches!(d, Data::X(_)) }",
        &[
            "struct t__Shape 16 { union 16 { struct 16 { t__Shape__discr __discr@0 } @0; t__Shape__Unit Unit@0; t__Shape__Circle Circle@0; t__Shape__Rect Rect@0 } @0 }",
            "enum t__Shape__discr 2 { Unit=0 Circle=1 Rect=2 }",
            "struct t__Shape__Rect 16 { u16 w@2; i64 h@8 }",
            "enum t__Data__discr 1 { X=7 Y=200 }",
            "struct t__Data__Y 8 { u32 __0@4 }",
        ],
    );
}

#[test]
fn a_niche_has_no_value_for_the_variant_that_is_left() {
    check(
        "pub struct S<'a> { o: Option<&'a u32>, n: Option<core::num::NonZeroU8>, b: Option<bool> }
         #[unsafe(no_mangle)] pub fn f(s: &S) -> bool { s.o.is_some() }",
        &[
            "struct t__S 16 { core__option__Option_L__R_u32_G_ o@0; core__option__Option_L_core__num__nonzero__NonZero_L_u8_G__G_ n@8; core__option__Option_L_bool_G_ b@9 }",
            "enum core__option__Option_L__R_u32_G___discr 8 { None=0 }",
            "enum core__option__Option_L_bool_G___discr 1 { None=2 }",
            "struct core__option__Option_L_bool_G___Some 1 { bool __0@0 }",
        ],
    );
}

#[test]
fn what_the_kernel_would_refuse_is_spelled_otherwise() {
    check(
        "pub struct Gen<T: 'static, const N: usize> { pub a: [T; N], pub o: Option<&'static T>, pub z: () }
         #[repr(C, packed)] pub struct Packed { a: u8, f: f64, g: f32 }
         pub struct Tail { n: u32, t: [u16] }
         pub union Un { a: u32, b: f64 }
         #[unsafe(no_mangle)] pub fn f(g: &Gen<u16, 3>, p: &Packed, t: &Tail, u: &Un, c: (char, u128)) -> u32
         { g.a[0] as u32 + p.a as u32 + t.n + unsafe { u.a } + c.0 as u32 }",
        &[
            "struct t__Gen_L_u16_c_3_G_ 16 { core__option__Option_L__R_u16_G_ o@0; u16[3] a@8; rust_unit z@14 }",
            "struct rust_unit 0 {  }",
            "struct t__Packed 13 { u8 a@0; union 8 { f64 f@0 } @1; union 4 { f32 g@0 } @9 }",
            "struct t__Tail 4 { u32 n@0; u16[0] t@4 }",
            "union t__Un 8 { u32 a@0; f64 b@0 }",
            "typedef char32 = unsigned int",
            "typedef u128 = __int128 unsigned",
        ],
    );
}

#[test]
fn values_of_16_bytes_are_in_tags() {
    check(
        "#[repr(i128)] #[derive(Clone, Copy)] pub enum Plain { A = -1, B = 1 << 90, C = 7 }
         #[repr(u128)] pub enum Data { D(u8) = 1, E(u64) = 1 << 100 }
         #[unsafe(no_mangle)] pub fn f(p: &Plain, d: &Data) -> bool { matches!((p, d), (Plain::A, Data::E(_))) }",
        &[
            "typedef t__Plain = i128",
            "tag rust:value=A=-1 t__Plain None",
            "tag rust:value=B=1237940039285380274899124224 t__Plain None",
            "tag rust:value=C=7 t__Plain None",
            "tag rust:discr=1  Some(1)",
            "tag rust:discr=1267650600228229401496703205376  Some(2)",
        ],
    );
}

#[test]
fn names_that_are_cut_are_in_tags() {
    let long = "a_name_that_is_rather_long".repeat(12);
    let source = format!(
        "#![allow(non_camel_case_types)] pub mod {long} {{ pub struct {long} {{ pub a: u8 }} #[inline(never)] pub fn {long}(a: u8) -> u8 {{ a }} }}
         #[unsafe(no_mangle)] pub fn f(s: {long}::{long}) -> u8 {{ {long}::{long}(s.a) }}"
    );
    if tools::find(&["rustc"]).is_none() {
        return tools::skip("rustc is not installed");
    }
    let file = compile(&[], &source);
    let dump = dump(&tools::encode(&file, &Options::new().functions(Functions::All)).btf);
    let tag = format!("tag rust:name=t::{long}::{long} ");
    let tagged: Vec<_> = dump.lines().filter_map(|line| line.strip_prefix(&tag)).collect();
    let is_one = |kind: &str, name: &str| dump.contains(&format!("{kind} {name} "));
    let names: Vec<_> = tagged.iter().filter_map(|name| name.strip_suffix(" None")).collect();
    assert!(names.iter().any(|name| is_one("struct", name) && name.len() == 511), "{dump}");
    assert!(names.iter().any(|name| is_one("func", name) && name.len() == 511), "{dump}");
}

#[test]
fn tables_of_methods_are_variables() {
    if tools::find(&["rustc"]).is_none() {
        return tools::skip("rustc is not installed");
    }
    let source = "pub trait Tr { fn m(&self) -> u8; } impl Tr for u32 { fn m(&self) -> u8 { 1 } }
         #[unsafe(no_mangle)] pub fn f(x: &'static u32) -> &'static dyn Tr { x }";
    for version in ["dwarf-version=4", "dwarf-version=5"] {
        let file = compile(&["-C", version], source);
        let dump = dump(&tools::encode(&file, &Options::new().variables(Variables::All)).btf);
        let name = "_L_u32_s_as_s_t__Tr_G____B_vtable_b_";
        let section = |line: &str| line.starts_with("section ") && line.contains(&format!("{name}@0:32"));
        assert!(dump.contains(&format!("var {name} ")), "{dump}");
        assert!(dump.lines().any(section), "{dump}");
    }
}

#[test]
fn functions_have_paths_and_enumerations_may_have_methods() {
    check(
        "pub mod deep { #[derive(Clone, Copy)] #[repr(i8)] pub enum Small { A = -3, B = 5 }
             impl Small { #[inline(never)] pub fn get(self, _: u8) -> i32 { self as i32 } }
             #[inline(never)] pub fn free((a, b): (u8, u8)) -> u8 { a ^ b } }
         #[unsafe(no_mangle)] pub fn f(s: deep::Small) -> i32 { s.get(1) + deep::free((1, 2)) as i32 }",
        &[
            "enum t__deep__Small 1 { A=-3 B=5 }",
            "func t__deep__Small__get i32(t__deep__Small self, u8 __1)",
            "func t__deep__free u8(_T_u8_c_u8_t_ __0)",
            "func t__f i32(t__deep__Small s)",
        ],
    );
}

#[test]
fn rust_and_c_in_one_file_keep_their_own_rules() {
    let (Some(gcc), Some(_)) = (tools::gcc(), tools::find(&["rustc"])) else {
        return tools::skip("gcc or rustc is not installed");
    };
    let c = tools::compile(gcc, &[], "struct c { int i; struct c *n; } c; enum e { X } e;");
    let rust = compile(
        &[],
        "pub enum E { A(u32), B } #[unsafe(no_mangle)] pub fn f(e: &E) -> bool { matches!(e, E::B) }",
    );
    let both = tools::encode(&tools::link(&[c.clone(), rust]), &Options::new());
    let (both, alone) = (dump(&both.btf), dump(&tools::encode(&c, &Options::new()).btf));
    for line in alone.lines() {
        assert!(both.lines().any(|found| found == line), "{line} is not in\n{both}");
    }
    assert!(both.contains("enum t__E__discr 4 { A=0 B=1 }"), "{both}");
}
