//! The types of programs: what debug information says, what BTF says of it, and what the programs say themselves.

mod build;
mod encoder;
mod oracle;
mod pahole;

use skep_tests::dwarf::{self, Beside, Facts};

/// What the debug information of a built file says.
fn walk(file: &std::path::Path) -> Facts {
    let bytes = std::fs::read(file).unwrap();
    let folder = file.parent().unwrap();
    let walked = dwarf::walk(&bytes, Beside::Folder(folder))
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    assert_eq!(walked.faults, [""; 0], "{}", file.display());
    walked
}

/// Whatever level, version and container: debug information says the same of the same source.
#[test]
fn every_build_says_the_same() {
    let (clang, gcc): (Vec<_>, Vec<_>) =
        build::C_ALIKE.iter().partition(|case| case.name.starts_with("clang"));
    says_the_same(&gcc);
    says_the_same(&clang);
}

fn says_the_same(cases: &[&build::Case]) {
    let mut first: Option<(String, Vec<String>)> = None;
    for case in cases {
        let Some(file) = build::build(case) else { continue };
        let walked = walk(&file);
        let mut types: Vec<String> = walked.types.into_keys().collect();
        // Only functions that are kept have types of their own; compilers do not agree on names of numbers.
        types.retain(|text| !text.contains("only_inside"));
        let types: Vec<String> = types.iter().map(|text| build::neutral(text)).collect();
        match &first {
            None => first = Some((case.name.to_owned(), types)),
            Some((other, expected)) => {
                let lost: Vec<_> = expected.iter().filter(|text| !types.contains(text)).collect();
                let new: Vec<_> = types.iter().filter(|text| !expected.contains(text)).collect();
                assert!(lost.is_empty() && new.is_empty(), "{}: {new:#?}\nof {other}: {lost:#?}", case.name);
            }
        }
    }
}
