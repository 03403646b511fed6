//! Debug information that is spread over several files.

use std::path::{Path, PathBuf};
use std::process::Command;

use skep_dwarf::{Functions, Options};

use crate::dump::dump;
use crate::tools;

const ONE: &str = "struct in { int i; }; struct one { struct in in; struct one *o; }; enum e { A, B };
    int first(struct one *one, enum e e) { return one->in.i + e; }";
const TWO: &str = "struct in { int i; }; struct two { struct in in; long long *t; };
    int second(struct two *two) { return two->in.i; }";

const EXPECTED: [&str; 6] = [
    "struct in 4 { int i@0 }",
    "struct one 16 { in in@0; one* o@8 }",
    "enum e 4 { A=0 B=1 }",
    "func first int(one* one, e e)",
    "struct two 16 { in in@0; long long",
    "func second int(two* two)",
];

fn assert_has(file: &[u8], options: &Options<'_>, expected: &[&str], what: &str) {
    let dump = dump(&tools::encode(file, &options.clone().functions(Functions::All)).btf);
    for line in expected {
        let count = dump.lines().filter(|found| found.starts_with(line)).count();
        assert_eq!(count, 1, "{what}: {line}\n{dump}");
    }
}

/// Compiles in a folder of its own; gives the object file.
fn compile_in(dir: &Path, name: &str, compiler: &str, flags: &[&str], source: &str) -> PathBuf {
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join(format!("{name}.c")), source).unwrap();
    let run = Command::new(compiler)
        .current_dir(dir)
        .args(["-c", "-g", &format!("{name}.c"), "-o", &format!("{name}.o")])
        .args(flags)
        .status();
    assert!(run.unwrap().success(), "{compiler} {flags:?}");
    dir.join(format!("{name}.o"))
}

#[test]
fn split_units_are_in_files_of_their_own_or_in_packages() {
    for compiler in [tools::gcc(), tools::clang()].into_iter().flatten() {
        for version in ["-gdwarf-4", "-gdwarf-5"] {
            let dir = tools::scratch(".split");
            let one = compile_in(&dir, "one", compiler, &[version, "-gsplit-dwarf"], ONE);
            let two = compile_in(&dir, "two", compiler, &[version, "-gsplit-dwarf"], TWO);
            let linked = tools::link(&[std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap()]);
            let parts = ["one.dwo", "two.dwo"].map(|part| std::fs::read(dir.join(part)).unwrap());
            let options = parts.iter().fold(Options::new(), |options, part| options.split(part));
            let what = format!("{compiler} {version}");
            assert_has(&linked, &options, &EXPECTED, &what);
            // That tool does not come to an end with what gcc writes.
            let dwp = tools::find(&["llvm-dwp", "llvm-dwp-22"]).filter(|_| !compiler.contains("gcc"));
            if let Some(dwp) = dwp {
                let run = Command::new(dwp)
                    .current_dir(&dir)
                    .args(["one.dwo", "two.dwo", "-o", "all.dwp"])
                    .status();
                assert!(run.unwrap().success());
                let package = std::fs::read(dir.join("all.dwp")).unwrap();
                assert_has(&linked, &Options::new().split(&package), &EXPECTED, &format!("{what} {dwp}"));
            } else if !compiler.contains("gcc") {
                tools::skip("llvm-dwp is not installed");
            }
            std::fs::remove_dir_all(&dir).unwrap();
        }
    }
}

#[test]
fn split_units_may_be_in_the_file_itself() {
    let Some(clang) = tools::clang() else { return tools::skip("clang is not installed") };
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let file = tools::compile(clang, &[version, "-gsplit-dwarf=single"], ONE);
        assert_has(&file, &Options::new(), &EXPECTED[..4], version);
    }
}

#[test]
fn common_parts_may_be_in_a_supplementary_file() {
    let (Some(gcc), Some(dwz)) = (tools::gcc(), tools::find(&["dwz"])) else {
        return tools::skip("gcc or dwz is not installed");
    };
    let common = "struct common { int first_member, second_member; struct common *next_common; };
        union shared { struct common common_struct; float as_floating_point_number; };
        enum enumeration { FIRST_ENUMERATOR, SECOND_ENUMERATOR, THIRD_ENUMERATOR };
        int use_all(union shared *shared_argument, enum enumeration enumeration_argument)
        { return shared_argument->common_struct.first_member + enumeration_argument; }";
    let main = "int main(void) { return 0; }";
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let dir = tools::scratch(".dwz");
        std::fs::create_dir_all(&dir).unwrap();
        for name in ["a", "b", "c"] {
            std::fs::write(dir.join(format!("{name}.c")), format!("{common} int {name}; {main}")).unwrap();
            let run = Command::new(gcc)
                .current_dir(&dir)
                .args(["-g", version, &format!("{name}.c"), "-o", name])
                .status();
            assert!(run.unwrap().success());
        }
        let run = Command::new(dwz).current_dir(&dir).args(["-m", "common.sup", "a", "b", "c"]).status();
        assert!(run.unwrap().success());
        let file = std::fs::read(dir.join("a")).unwrap();
        let supplementary = std::fs::read(dir.join("common.sup")).unwrap();
        let expected = [
            "struct common 16 { int first_member@0; int second_member@4; common* next_common@8 }",
            "union shared 16 { common common_struct@0; float as_floating_point_number@0 }",
            "enum enumeration 4 { FIRST_ENUMERATOR=0 SECOND_ENUMERATOR=1 THIRD_ENUMERATOR=2 }",
            "func use_all int(shared* shared_argument, enumeration enumeration_argument)",
        ];
        assert_has(&file, &Options::new().supplementary(&supplementary), &expected, version);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
