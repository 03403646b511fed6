//! The programs in `tests/types`, built in many ways.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools;

/// A way to build something.
pub(crate) struct Case {
    /// What it is called, and the folder it is built in.
    pub(crate) name: &'static str,
    /// Commands, run in that folder. `@` is the folder of the sources.
    pub(crate) commands: &'static [&'static str],
    /// What comes of it.
    pub(crate) output: &'static str,
}

const fn case(name: &'static str, output: &'static str, commands: &'static [&'static str]) -> Case {
    Case { name, commands, output }
}

/// The same source for one kind of machine.
pub(crate) const C_ALIKE: &[Case] = &[
    case("gcc-o0", "every.o", &["gcc -g -O0 -c -o every.o @/c/every.c"]),
    case("gcc-o2", "every.o", &["gcc -g -O2 -c -o every.o @/c/every.c"]),
    case("gcc-dwarf4", "every.o", &["gcc -gdwarf-4 -O1 -c -o every.o @/c/every.c"]),
    case("gcc-dwarf3", "every.o", &["gcc -gdwarf-3 -gstrict-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-dwarf2", "every.o", &["gcc -gdwarf-2 -gstrict-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-dwarf64", "every.o", &["gcc -g -gdwarf64 -O1 -c -o every.o @/c/every.c"]),
    case("gcc-gz", "every.o", &["gcc -g -gz=zlib -O1 -c -o every.o @/c/every.c"]),
    case("gcc-type-units", "every", &["gcc -g -fdebug-types-section -O1 -o every @/c/every.c @/c/elsewhere.c"]),
    case("gcc-type-units-dwarf4", "every", &[
        "gcc -gdwarf-4 -fdebug-types-section -O1 -o every @/c/every.c @/c/elsewhere.c",
    ]),
    case("gcc-lto", "every", &[
        "gcc -g -O2 -flto -ffat-lto-objects -c -o every.o @/c/every.c",
        "gcc -g -O2 -flto -o every every.o @/c/elsewhere.c",
    ]),
    case("gcc-split", "every.o", &["gcc -g -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-split-dwarf4", "every.o", &["gcc -gdwarf-4 -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-linked", "every", &["gcc -g -O1 -o every @/c/every.c @/c/elsewhere.c"]),
    case("gcc-relinked", "both.o", &[
        "gcc -g -O1 -c -o every.o @/c/every.c",
        "gcc -g -O1 -c -o elsewhere.o @/c/elsewhere.c",
        "ld -r -o both.o every.o elsewhere.o",
    ]),
    case("dwz", "every", &["gcc -g -O1 -o every @/c/every.c @/c/elsewhere.c", "dwz every"]),
    case("dwz-shared", "one", &[
        "gcc -g -O1 -o one @/c/every.c @/c/elsewhere.c",
        "gcc -g -O2 -o two @/c/every.c @/c/elsewhere.c",
        "gcc -g -O0 -o three @/c/every.c @/c/elsewhere.c",
        "dwz -m shared one two three",
    ]),
    case("clang-o0", "every.o", &["clang-22 -g -O0 -c -o every.o @/c/every.c"]),
    case("clang-o2", "every.o", &["clang-22 -g -O2 -c -o every.o @/c/every.c"]),
    case("clang-dwarf4", "every.o", &["clang-22 -gdwarf-4 -O1 -c -o every.o @/c/every.c"]),
    case("clang-zstd", "every.o", &["clang-22 -g -gz=zstd -O1 -c -o every.o @/c/every.c"]),
    case("clang-split", "every.o", &["clang-22 -g -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("clang-lto", "every", &["clang-22 -g -flto -fuse-ld=lld-22 -O1 -o every @/c/every.c @/c/elsewhere.c"]),
    case("clang-aarch64", "every.o", &["clang-22 --target=aarch64-linux-gnu -g -mlong-double-80 -O1 -c -o every.o @/c/every.c"]),
];

/// What is not the same of versions: DWARF 2 has no `restrict`.
pub(crate) fn neutral(text: &str) -> String {
    let text = text.replace("restrict ", "");
    // What it holds by value has it, too.
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('#') {
        out += before;
        rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
    }
    out + rest
}

/// Builds, and gives the output; `None`, told to the user, without a tool that it takes.
pub(crate) fn build(case: &Case) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("types").join(case.name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for command in case.commands {
        let sources = tools::repository("tests/types").canonicalize().unwrap();
        let mut words = command.split(' ').map(|word| word.replace('@', sources.to_str().unwrap()));
        let program = words.next().unwrap();
        if !tools::has(&program, &format!("types of {}", case.name)) {
            return None;
        }
        let output = Command::new(&program).args(words).current_dir(&folder).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {command}: {said}", case.name);
    }
    Some(folder.join(case.output))
}
