//! The walker against another reader of debug information: pahole, as far as its BTF goes.

use std::process::Command;

use skep_btf::Btf;
use skep_tests::dwarf;

use super::build::{self, Case};
use super::walk;
use crate::tools;

const CASES: &[Case] = &[
    Case {
        name: "pahole-gcc",
        output: "both.o",
        commands: &[
            "gcc -g -O1 -DFOR_PAHOLE -c -o every.o @/c/every.c",
            "gcc -g -O1 -c -o second.o @/c/second.c",
            "ld -r -o both.o every.o second.o",
        ],
    },
    Case {
        name: "pahole-clang",
        output: "both.o",
        commands: &[
            "clang-22 -g -O1 -DFOR_PAHOLE -c -o every.o @/c/every.c",
            "clang-22 -g -O1 -c -o second.o @/c/second.c",
            "ld -r -o both.o every.o second.o",
        ],
    },
];

/// What pahole does otherwise: arrays of arrays are one array to it.
const KNOWN: [&str; 3] = ["struct anonymous", "struct pointers", "typedef matrix_t"];

#[test]
fn pahole_reads_what_the_walker_reads() {
    if !tools::has("pahole", "the walker against pahole") {
        return;
    }
    for case in CASES {
        let Some(file) = build::build(case) else { continue };
        let blob = file.with_extension("btf");
        let status = Command::new("pahole")
            .args(["--btf_gen_floats", "--btf_gen_all", "--btf_encode_detached"])
            .args([&blob, &file])
            .status()
            .unwrap();
        assert!(status.success());
        let walked = walk(&file);
        let read = dwarf::read(&Btf::parse(&std::fs::read(&blob).unwrap()).unwrap(), &walked);
        let verdict = dwarf::compare(&walked, &read);
        let unknown = |line: &&String| !KNOWN.iter().any(|known| line.starts_with(known));
        let different: Vec<_> = verdict.different.iter().filter(unknown).collect();
        assert!(
            different.is_empty() && verdict.missing.is_empty() && verdict.extra.is_empty(),
            "{}: {verdict}",
            case.name
        );
        assert!(verdict.functions.is_empty() && verdict.variables.is_empty(), "{}: {verdict}", case.name);
        assert!(
            verdict.equal > 60 && verdict.equal_functions > 8 && verdict.equal_variables == 4,
            "{verdict}"
        );
    }
}
