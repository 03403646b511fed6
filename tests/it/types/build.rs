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
    case(
        "gcc-type-units",
        "every",
        &["gcc -g -fdebug-types-section -O1 -o every @/c/every.c @/c/elsewhere.c"],
    ),
    case(
        "gcc-type-units-dwarf4",
        "every",
        &["gcc -gdwarf-4 -fdebug-types-section -O1 -o every @/c/every.c @/c/elsewhere.c"],
    ),
    case(
        "gcc-lto",
        "every",
        &[
            "gcc -g -O2 -flto -ffat-lto-objects -c -o every.o @/c/every.c",
            "gcc -g -O2 -flto -o every every.o @/c/elsewhere.c",
        ],
    ),
    case("gcc-split", "every.o", &["gcc -g -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-split-dwarf4", "every.o", &["gcc -gdwarf-4 -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case("gcc-linked", "every", &["gcc -g -O1 -o every @/c/every.c @/c/elsewhere.c"]),
    case(
        "gcc-relinked",
        "both.o",
        &[
            "gcc -g -O1 -c -o every.o @/c/every.c",
            "gcc -g -O1 -c -o elsewhere.o @/c/elsewhere.c",
            "ld -r -o both.o every.o elsewhere.o",
        ],
    ),
    case("dwz", "every", &["gcc -g -O1 -o every @/c/every.c @/c/elsewhere.c", "dwz every"]),
    case(
        "dwz-shared",
        "one",
        &[
            "gcc -g -O1 -o one @/c/every.c @/c/elsewhere.c",
            "gcc -g -O2 -o two @/c/every.c @/c/elsewhere.c",
            "gcc -g -O0 -o three @/c/every.c @/c/elsewhere.c",
            "dwz -m shared one two three",
        ],
    ),
    case("clang-o0", "every.o", &["clang-22 -g -O0 -c -o every.o @/c/every.c"]),
    case("clang-o2", "every.o", &["clang-22 -g -O2 -c -o every.o @/c/every.c"]),
    case("clang-dwarf4", "every.o", &["clang-22 -gdwarf-4 -O1 -c -o every.o @/c/every.c"]),
    case("clang-zstd", "every.o", &["clang-22 -g -gz=zstd -O1 -c -o every.o @/c/every.c"]),
    case("clang-split", "every.o", &["clang-22 -g -gsplit-dwarf -O1 -c -o every.o @/c/every.c"]),
    case(
        "clang-lto",
        "every",
        &["clang-22 -g -flto -fuse-ld=lld-22 -O1 -o every @/c/every.c @/c/elsewhere.c"],
    ),
];

const fn cross(name: &'static str, command: &'static [&'static str]) -> Case {
    case(name, "every.o", command)
}

/// Other machines, other byte orders, and several files whose types have the same names.
pub(crate) const C_OTHERS: &[Case] = &[
    case(
        "two-files",
        "both.o",
        &[
            "gcc -g -O1 -c -o every.o @/c/every.c",
            "gcc -g -O1 -c -o second.o @/c/second.c",
            "ld -r -o both.o every.o second.o",
        ],
    ),
    case("two-files-clang", "both", &["clang-22 -g -O2 -o both @/c/every.c @/c/second.c"]),
    case("two-files-lto", "both", &["gcc -g -O2 -flto -o both @/c/every.c @/c/second.c"]),
    case(
        "two-files-clang-lto",
        "both",
        &["clang-22 -g -O2 -flto -fuse-ld=lld-22 -o both @/c/every.c @/c/second.c"],
    ),
    case(
        "arrays",
        "both.o",
        &[
            "gcc -g -O1 -c -o ints.o @/c/arrays.c",
            "gcc -g -O1 -DFLOATS -c -o floats.o @/c/arrays.c",
            "ld -r -o both.o ints.o floats.o",
        ],
    ),
    cross("i386", &["clang-22 --target=i386-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("s390x", &["clang-22 --target=s390x-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("s390x-dwarf4", &["clang-22 --target=s390x-linux-gnu -gdwarf-4 -O1 -c -o every.o @/c/every.c"]),
    cross(
        "s390x-dwarf2",
        &["clang-22 --target=s390x-linux-gnu -gdwarf-2 -gstrict-dwarf -O1 -c -o every.o @/c/every.c"],
    ),
    cross("mips", &["clang-22 --target=mips-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("powerpc64", &["clang-22 --target=powerpc64-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("riscv64", &["clang-22 --target=riscv64-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("aarch64", &["clang-22 --target=aarch64-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    cross("armv7", &["clang-22 --target=armv7-linux-gnueabi -g -O1 -c -o every.o @/c/every.c"]),
    cross("loongarch64", &["clang-22 --target=loongarch64-linux-gnu -g -O1 -c -o every.o @/c/every.c"]),
    case("c-alone", "mixed.o", &["clang-22 -g -O2 -c -o mixed.o @/c/mixed.c"]),
];

/// Rust, with a standard library and without.
pub(crate) const RUST: &[Case] = &[
    case("rust", "every", &["rustc --edition 2024 -g -o every @/rust/every.rs"]),
    case(
        "rust-o3",
        "every",
        &["rustc --edition 2024 -g -C opt-level=3 -C dwarf-version=5 -o every @/rust/every.rs"],
    ),
    case(
        "rust-v0",
        "every.o",
        &[
            "rustc --edition 2024 -g -C dwarf-version=5 -C symbol-mangling-version=v0 --emit=obj -o every.o @/rust/every.rs",
        ],
    ),
    case(
        "rust-fat-lto",
        "every",
        &["rustc --edition 2024 -g -C opt-level=2 -C lto=fat -C codegen-units=1 -o every @/rust/every.rs"],
    ),
    case("rust-limited", "every", &["rustc --edition 2024 -C debuginfo=1 -o every @/rust/every.rs"]),
    case(
        "rust-kernel",
        "kernel.o",
        &["rustc --edition 2024 -g -C panic=abort --crate-type=lib --emit=obj -o kernel.o @/rust/kernel.rs"],
    ),
    case(
        "rust-kernel-o2",
        "kernel.o",
        &[
            "rustc --edition 2024 -g -O -C panic=abort -C dwarf-version=5 --crate-type=lib --emit=obj -o kernel.o @/rust/kernel.rs",
        ],
    ),
    case(
        "rust-versions",
        "versions",
        &[
            "rustc --edition 2024 -g --crate-type=rlib --crate-name version -C metadata=1 -C extra-filename=-1 @/rust/version.rs",
            "rustc --edition 2024 -g --crate-type=rlib --crate-name version -C metadata=2 -C extra-filename=-2 --cfg second \
         @/rust/version.rs",
            "rustc --edition 2024 -g -o versions --extern first=libversion-1.rlib --extern second=libversion-2.rlib \
         @/rust/versions.rs",
        ],
    ),
];

/// C and Rust in one file; the first two are the same C, alone and with Rust.
pub(crate) const MIXED: &[Case] = &[
    case("mixed-c-alone", "mixed.o", &["clang-22 -g -O1 -c -o mixed.o @/c/mixed.c"]),
    case(
        "mixed",
        "both.o",
        &[
            "clang-22 -g -O1 -c -o mixed.o @/c/mixed.c",
            "rustc --edition 2024 -g -C panic=abort --crate-type=lib --emit=obj -o kernel.o @/rust/kernel.rs",
            "ld -r -o both.o mixed.o kernel.o",
        ],
    ),
    case(
        "mixed-gcc",
        "both.o",
        &[
            "gcc -g -O2 -c -o mixed.o @/c/mixed.c",
            "rustc --edition 2024 -g -O -C panic=abort -C dwarf-version=5 --crate-type=lib --emit=obj -o kernel.o @/rust/kernel.rs",
            "ld -r -o both.o mixed.o kernel.o",
        ],
    ),
    case(
        "mixed-lto",
        "both.o",
        &[
            "clang-22 -g -O2 -flto -c -o mixed.o @/c/mixed.c",
            "rustc --edition 2024 -g -O -C panic=abort -C linker-plugin-lto --crate-type=lib --emit=obj -o kernel.o @/rust/kernel.rs",
            "ld.lld-22 -r -o both.o mixed.o kernel.o",
        ],
    ),
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
        let command = command.split_whitespace().collect::<Vec<_>>().join(" ");
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
