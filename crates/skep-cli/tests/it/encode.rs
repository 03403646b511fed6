//! `skep btf encode` and `skep btf units`, as a user runs them.

use std::path::Path;
use std::process::{Command, Output};

use crate::tools::has;

/// Bit-fields, a union, a pointer to itself, an enumeration with negative values, an array of arrays, a function.
const PROGRAM: &str = "
enum state { LOST = -1, FOUND = 1 };
struct node { struct node *next; unsigned low : 3, high : 5; union { int number; enum state state; }; char grid[2][3]; };
struct node head;
int walk(struct node *from, int steps) { while (from && steps--) from = from->next; return from ? from->number : LOST; }
";

fn skep(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skep")).args(args).output().unwrap()
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn path(dir: &Path, name: &str) -> String {
    dir.join(name).display().to_string()
}

#[test]
fn debug_information_becomes_types_that_show_the_same() {
    let compiler = "clang-22";
    if !has(compiler, "encoding a program") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [source, object, types] = ["p.c", "p.o", "p.btf"].map(|name| path(dir.path(), name));
    std::fs::write(&source, PROGRAM).unwrap();
    let compiled = Command::new(compiler).args(["-g", "-O1", "-c", "-o", &object, &source]).status().unwrap();
    assert!(compiled.success());

    let encoded = skep(&["btf", "encode", &object, "-o", &types, "--stats", "-j", "2"]);
    assert!(text(&encoded).is_empty(), "the summary is on standard error");
    let said = String::from_utf8(encoded.stderr).unwrap();
    let summary = said.lines().next().unwrap();
    let number = |before: &str| -> u64 {
        let words: Vec<&str> = summary.split_whitespace().collect();
        let at = words.iter().position(|word| word.trim_end_matches([',', ':']) == before).unwrap();
        words[at - 1].parse().unwrap()
    };
    assert_eq!(number("entries"), number("encoded") + number("not"), "{summary}");
    assert!(said.contains("BTF_KIND_STRUCT"), "{said}");

    for name in ["node", "state"] {
        let from_btf = text(&skep(&["btf", "show", "-C", name, &types]));
        assert_eq!(from_btf, text(&skep(&["btf", "show", "-C", name, "--from", "dwarf", &object])));
        assert!(from_btf.contains(name), "{from_btf}");
    }
    assert!(text(&skep(&["btf", "check", &types])).contains("types"));
    let raw = text(&skep(&["btf", "dump", &types]));
    assert!(raw.contains("FUNC 'walk'"), "{raw}");

    let units = text(&skep(&["btf", "units", "--why", &object]));
    assert!(units.contains("clang version 22") && units.contains("units and namespaces"), "{units}");
}

#[test]
fn older_kernels_get_what_they_take() {
    if !has("clang-22", "encoding a program for an older kernel") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let [source, object, types] = ["p.c", "p.o", "p.btf"].map(|name| path(dir.path(), name));
    std::fs::write(&source, "enum wide { FAR = 1ull << 40 } wide; float real;").unwrap();
    assert!(Command::new("clang-22").args(["-g", "-c", "-o", &object, &source]).status().unwrap().success());
    let encoded = skep(&["btf", "encode", &object, "-o", &types, "--stats", "--target-kernel", "5.10"]);
    let said = String::from_utf8_lossy(&encoded.stderr).into_owned();
    assert!(encoded.status.success() && said.contains("for that kernel, type"), "{said}");
    assert!(text(&skep(&["btf", "check", "--target-kernel", "5.10", &types])).contains("types"));
}

#[test]
fn what_has_no_debug_information_is_an_error() {
    let refused = skep(&["btf", "encode", "/bin/true", "-o", "/dev/null"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.starts_with("skep: cannot read the debug information of /bin/true"), "{said}");
    let refused = skep(&["btf", "units", "/nowhere"]);
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("skep: cannot read /nowhere"));
}
