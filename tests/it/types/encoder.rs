//! The encoder loses nothing of any program here, and the kernel takes what it makes.

use std::collections::BTreeSet;
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
    if verdict.equal + verdict.equal_functions == 0 {
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
    // Pointers of the kernel have 8 bytes. Of the other byte order the types are taken, not the bytes.
    if bytes[4] == ELFCLASS64
        && can_load()
        && let Err(why) = dwarf::kernel::load(&encoded.btf.to_bytes(Endian::Little))
    {
        wrong += &format!("the kernel refuses it: {why}\n");
    }
    wrong
}

const ELFCLASS64: u8 = 2;

/// Whether the kernel can be asked: it takes a set with one number.
fn can_load() -> bool {
    let mut types = Btf::builder();
    types.int("int", 4, skep_btf::IntEncoding::Signed);
    dwarf::kernel::load(&types.build().unwrap().to_bytes(Endian::Little)).is_ok()
}

/// What is known to be wrong: of which cases, what is said, why.
const KNOWN: [(&str, &str, &str); 1] = [(
    "-split",
    "variable: per_cpu_",
    "variables of split debug information have their addresses in the other file",
)];

/// Why a line says what is known.
fn known(case: &Case, line: &str) -> Option<&'static str> {
    let known = KNOWN.iter().find(|(of, said, _)| case.name.contains(of) && line.contains(said));
    known.map(|(_, _, why)| *why)
}

fn check<'c>(cases: impl IntoIterator<Item = &'c Case>) {
    if !can_load() {
        report::skip("encoded types in the kernel", "it takes no types from this process");
    }
    let mut said = String::new();
    let mut told = BTreeSet::new();
    for case in cases {
        let Some(file) = build::build(case) else { continue };
        let wrong = wrong(&file);
        for line in wrong.lines() {
            match known(case, line) {
                Some(why) => _ = told.insert((case.name, why)),
                None if line.starts_with("types: ") => {}
                None => said += &format!("{}: {line}\n", case.name),
            }
        }
    }
    for why in told.iter().map(|(_, why)| why).collect::<BTreeSet<_>>() {
        let cases: Vec<_> = told.iter().filter(|(_, other)| other == why).map(|(case, _)| *case).collect();
        report::tell(&format!("known to be wrong: {why}: {}", cases.join(" ")));
    }
    assert!(said.is_empty(), "{said}");
}

#[test]
fn nothing_of_c_is_lost() {
    check(build::C_ALIKE.iter().chain(build::C_OTHERS));
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
