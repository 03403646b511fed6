//! Each file of `tests/cases/opt` is a module, the passes that run over it, and what they leave.
//!
//! The first line is `; passes: fold dce`, or `; level: O2` for all passes of a level. What is expected stands behind a
//! line `; =>`; `SKEP_BLESS=1` writes it.

use std::path::{Path, PathBuf};

use super::{pass, run, run_pass};
use crate::ir::{text, validate};
use crate::{Opt, Options};

const SEPARATOR: &str = "; =>\n";

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/opt");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let bless = std::env::var_os("SKEP_BLESS").is_some();
    let mut wrong = Vec::new();
    for file in &files {
        let source = std::fs::read_to_string(file).unwrap();
        let (input, expected) = source.split_once(SEPARATOR).unwrap_or((&source, ""));
        let found = optimize(&file.display().to_string(), input);
        if found == expected {
            continue;
        }
        if bless {
            std::fs::write(file, format!("{input}{SEPARATOR}{found}")).unwrap();
        } else {
            wrong.push(format!("{}\n--- expected\n{expected}\n--- found\n{found}", file.display()));
        }
    }
    assert!(files.len() > 3, "the cases are there");
    assert!(wrong.is_empty(), "{} of {} files\n{}", wrong.len(), files.len(), wrong.join("\n"));
}

/// The text that the passes leave.
fn optimize(name: &str, input: &str) -> String {
    let mut module = text::parse(name, input).unwrap_or_else(|errors| panic!("{errors}"));
    validate::module(&module).unwrap_or_else(|diags| panic!("{name}: {diags}"));
    let first = input.lines().next().unwrap_or_default();
    let mut options = Options::new().validate(true);
    if let Some(level) = first.strip_prefix("; level: ") {
        options = options.opt(match level {
            "O0" => Opt::O0,
            "O1" => Opt::O1,
            "Os" => Opt::Os,
            _ => Opt::O2,
        });
        run(&mut module, &options);
    } else {
        let passes =
            first.strip_prefix("; passes: ").unwrap_or_else(|| panic!("{name}: begins with `; passes:`"));
        for name in passes.split(' ') {
            let pass = pass(name).unwrap_or_else(|| panic!("no pass `{name}`"));
            for func in 0..module.funcs.len() {
                run_pass(pass, &mut module, func, &options);
            }
        }
    }
    text::print(&module)
}
