//! The encoder loses nothing of any program here, and the kernel takes what it makes.

use std::path::Path;

use skep_btf::{Btf, Endian};
use skep_dwarf::{Functions, Options, Variables};
use skep_tests::dwarf::{self, Beside};
use skep_tests::report;

use super::build::{self, Case};
use super::walk;

/// What is wrong with an encoding; empty if nothing is.
fn wrong(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap();
    let walked = walk(file);
    let encoded = match dwarf::encode(&bytes, Beside::Folder(file.parent().unwrap())) {
        Ok(encoded) => encoded,
        Err(error) => return error.to_string(),
    };
    let verdict = dwarf::compare(&walked, &dwarf::read(&encoded.btf, &walked));
    let mut wrong = if verdict.is_equal() { String::new() } else { verdict.to_string() };
    if verdict.equal == 0 {
        wrong += "there is nothing to compare\n";
    }
    let total = encoded.report.total();
    if !total.is_complete() {
        wrong += &format!("not each entry is accounted for: {total:?}\n");
    }
    for endian in [Endian::Little, Endian::Big] {
        if Btf::parse(&encoded.btf.to_bytes(endian)).as_ref() != Ok(&encoded.btf) {
            wrong += &format!("what is written {endian:?} reads back otherwise\n");
        }
    }
    if can_load()
        && let Err(why) = dwarf::kernel::load(&encoded.btf.to_bytes(Endian::Little))
    {
        wrong += &format!("the kernel refuses it: {why}\n");
    }
    wrong
}

/// Whether the kernel can be asked: it takes a set with one number.
fn can_load() -> bool {
    let mut types = Btf::builder();
    types.int("int", 4, skep_btf::IntEncoding::Signed);
    dwarf::kernel::load(&types.build().unwrap().to_bytes(Endian::Little)).is_ok()
}

fn check(cases: &[Case]) {
    if !can_load() {
        report::skip("encoded types in the kernel", "it takes no types from this process");
    }
    let mut said = String::new();
    for case in cases {
        let Some(file) = build::build(case) else { continue };
        let wrong = wrong(&file);
        if !wrong.is_empty() {
            said += &format!("== {}\n{wrong}", case.name);
        }
    }
    assert!(said.is_empty(), "{said}");
}

#[test]
fn nothing_of_c_is_lost() {
    check(build::C_ALIKE);
    check(build::C_OTHERS);
}

#[test]
fn nothing_of_rust_is_lost() {
    check(build::RUST);
}

#[test]
fn nothing_of_programs_in_c_and_rust_is_lost() {
    check(build::MIXED);
}

/// The C part of a program is encoded as if there was nothing else.
#[test]
fn c_beside_rust_is_as_c_alone() {
    let [Some(alone), Some(mixed)] = [&build::MIXED[0], &build::MIXED[1]].map(build::build) else { return };
    let alone = walk(&alone);
    let bytes = std::fs::read(&mixed).unwrap();
    let encoded = dwarf::encode(&bytes, Beside::Nothing).unwrap();
    let read = dwarf::read(&encoded.btf, &walk(&mixed));
    for text in alone.types.keys() {
        assert!(read.types.contains_key(text), "{text}");
    }
    for variable in &alone.variables {
        let found =
            read.variables.iter().any(|other| other.names == variable.names && other.ty == variable.ty);
        assert!(found, "{variable:?}");
    }
}

/// Any number of threads gives the same bytes.
#[test]
fn threads_do_not_matter() {
    for case in [&build::C_OTHERS[0], &build::RUST[0]] {
        let Some(file) = build::build(&Case { name: "threads", ..*case }) else { continue };
        let bytes = std::fs::read(file).unwrap();
        let encode = |threads| {
            let options = Options::new().threads(threads).functions(Functions::All).variables(Variables::All);
            skep_dwarf::encode(&bytes, &options).unwrap().btf.to_bytes(Endian::Little)
        };
        let one = encode(1);
        for threads in [2, 3, 8] {
            assert!(encode(threads) == one, "{threads} threads make something else of {}", case.name);
        }
    }
}
