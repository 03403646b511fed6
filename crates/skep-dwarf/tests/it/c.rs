//! C, of several compilers and versions of DWARF.

use skep_dwarf::{Functions, Options, Variables};

use crate::dump::dump;
use crate::tools;

/// What each compiler and version of DWARF must give, in any order.
fn check(source: &str, expected: &str) {
    check_with(source, expected, &Options::new());
}

fn check_with(source: &str, expected: &str, options: &Options<'_>) {
    let compilers = [tools::gcc(), tools::clang()];
    if compilers.iter().all(Option::is_none) {
        tools::skip("neither gcc nor clang is installed");
    }
    let mut expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    expected.sort_unstable();
    for compiler in compilers.into_iter().flatten() {
        for version in ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"] {
            let file = tools::compile(compiler, &[version, "-gno-strict-dwarf", "-O1"], source);
            let dump = dump(&tools::encode(&file, options).btf);
            // Compilers do not agree on the names of numbers, nor on which of them they mention.
            let mut found: Vec<&str> = dump.lines().filter(|line| !line.starts_with("int ")).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{compiler} {version}\n{source}");
        }
    }
}

#[test]
fn members_bit_fields_and_arrays() {
    check(
        "struct s { char a; int b : 3; unsigned c : 13; int d[2][3]; struct s *next; char e[]; };
         struct s x;",
        "struct s 40 { char a@0; int b@8b:3; unsigned int c@11b:13; int[3][2] d@4; s* next@32; char[0] e@40 }",
    );
}

#[test]
fn functions_have_their_parameters() {
    let options = Options::new().functions(Functions::All);
    check_with(
        "int add(int a, int b) { return a + b; }
         void stop(void) {}",
        "func add int(int a, int b)
         func stop void()",
        &options,
    );
}

#[test]
fn variables_have_places() {
    let options = Options::new().functions(Functions::All).variables(Variables::All);
    check_with(
        "static int two[2] = { 2 }; int *take(void) { return two; }",
        "func take int*()
         var two int[2] Static
         section .data 8 two@0:8",
        &options,
    );
}
