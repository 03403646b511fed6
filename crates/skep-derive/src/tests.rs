//! What the macro says of types that it refuses.

use super::expand;

fn check(input: &str, expected: &[&str]) {
    let error = expand(input.parse().unwrap()).expect_err(input);
    let messages: Vec<String> = error.into_iter().map(|error| error.to_string()).collect();
    assert_eq!(messages, expected, "{input}");
}

#[test]
fn what_is_refused_says_what_to_do() {
    check(
        "struct S { a: u32 }",
        &["Rust is free to reorder the fields: add `#[repr(C)]`, which lays them out as BPF has them"],
    );
    check(
        "#[repr(C)] struct S<T> { a: T }",
        &["a BPF type has one layout: it cannot have parameters; derive it for a struct of concrete types"],
    );
    check(
        "#[repr(C)] union U { a: u32, b: u8 }",
        &[
            "a Rust union may hold bytes that were never written, which no map can: make it a struct of bytes, as \
           `#[bpf(union(a: u32, b: [u8; 16]))] #[repr(C, align(4))] struct Name([u8; 16]);`",
        ],
    );
    let int = "the size and sign of an enumeration must be given: add `#[repr(u32)]`, or any of u8 to u64 and i8 to i64";
    for repr in ["", "#[repr(C)]", "#[repr(usize)]", "#[repr(i128)]"] {
        check(&format!("{repr} enum E {{ A, B }}"), &[int]);
    }
    let data = "a BPF enumeration has no data: make it a struct of a number and a union";
    check("#[repr(u8)] enum E { A(u8), B, C { x: u8 } }", &[data, data]);
    check(
        "#[repr(transparent)] struct S;",
        &["a typedef has exactly one field; `#[repr(C)]` makes a struct"],
    );
    check(
        "#[repr(transparent)] struct S(#[bpf(bits = 1)] u8);",
        &["a typedef has no fields in BPF that an attribute could speak of; `#[repr(C)]` makes a struct"],
    );
}

#[test]
fn attributes_that_mean_nothing_are_refused() {
    check("#[bpf(nam = \"x\")] #[repr(C)] struct S { a: u32 }", &["expected `crate`, `name` or `union`"]);
    check("#[repr(C)] struct S { #[bpf(crate = \"x\")] a: u32 }", &["expected `bits`, `name` or `token`"]);
    check("#[repr(u8)] enum E { #[bpf(bits = 1)] A }", &["expected `name`"]);
    let bits = "a bit-field has 1 to 64 bits; C's nameless ones are only padding";
    check(
        "#[repr(C)] struct S { #[bpf(bits = 0)] a: u32, #[bpf(bits = 65)] b: u32, #[bpf(bits = 300)] c: u32 }",
        &[bits; 3],
    );
    check("#[repr(C)] struct S { #[bpf(bits = \"3\")] a: u32 }", &["expected integer literal"]);
}

#[test]
fn unions_are_structs_of_their_bytes() {
    check(
        "#[bpf(union(a: u32))] struct S([u8; 4]);",
        &["the bytes of a union are aligned as the union is: add `#[repr(C, align(..))]`"],
    );
    let one = "a union is a struct with one field, its bytes: `struct Name([u8; 16]);`";
    check("#[bpf(union(a: u32))] #[repr(C)] struct S;", &[one]);
    check("#[bpf(union(a: u32))] #[repr(C)] struct S([u8; 2], [u8; 2]);", &[one]);
    check(
        "#[bpf(union(#[bpf(bits = 3)] a: u32))] #[repr(C)] struct S([u8; 4]);",
        &["no bit-fields in a union: put it into a struct"],
    );
    check(
        "#[bpf(union(a: u32))] #[repr(u8)] enum E { A }",
        &["`union` is for a struct of bytes, which the union is made of"],
    );
}

#[test]
fn names_are_those_of_c() {
    let rule = "BPF names are at most 511 of A-Z, a-z, 0-9 and _, and start with none of 0-9";
    let remedy = &*format!("{rule}: give it one by `#[bpf(name = \"..\")]`");
    check("#[repr(C)] struct Größe { a: u32 }", &[remedy]);
    check("#[repr(C)] struct S { größe: u32, ok: u32, maß: u32 }", &[remedy, remedy]);
    check("#[repr(u8)] enum E { Maß }", &[remedy]);
    check("#[repr(C)] #[bpf(name = \"a b\")] struct S { a: u32 }", &[rule]);
    check("#[repr(C)] struct S { #[bpf(name = \"0a\")] a: u32 }", &[rule]);
    check(&format!("#[repr(C)] struct {} {{ a: u32 }}", "x".repeat(512)), &[remedy]);
    assert!(expand(format!("#[repr(C)] struct {} {{ a: u32 }}", "x".repeat(511)).parse().unwrap()).is_ok());
    assert!(expand("#[repr(C)] struct S { r#type: u32, #[bpf(name = \"\")] b: B }".parse().unwrap()).is_ok());
}
