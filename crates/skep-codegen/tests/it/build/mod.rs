//! The builder: what it makes, compared with `tests/built/*.sir` (`SKEP_BLESS=1` rewrites these), and what it
//! says of mistakes.

mod core;
mod fuzz;
mod mistakes;
mod run;
mod typed;

use std::fmt::Write as _;
use std::path::Path;

use skep_codegen::ir;

/// Compares a module's functions, without source positions, with the file of that name.
#[track_caller]
fn golden(name: &str, module: &ir::Module) {
    if let Err(faults) = ir::validate::module(module) {
        panic!("{faults}\n{}", ir::text::print(module));
    }
    let mut found = String::new();
    for relo in &module.core {
        writeln!(found, "; {} {} = {}", relo.kind, relo.access, relo.value).unwrap();
    }
    for func in &module.funcs {
        assert_eq!(
            ir::validate::without_line(func),
            0,
            "instructions without a line:\n{}",
            ir::text::print(module)
        );
        for line in ir::text::func(module, func).to_string().lines() {
            found.push_str(&without_places(line));
            found.push('\n');
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/built").join(name).with_extension("sir");
    if std::env::var_os("SKEP_BLESS").is_some_and(|value| value == "1") {
        std::fs::write(&path, found).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "{} differs:\n{found}\nexpected:\n{expected}", path.display());
}

/// A line of the text form without ` !"file":1:2`.
fn without_places(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(" !") {
        out.push_str(&rest[..at]);
        rest = &rest[at + 2..];
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted.split_once('"').map_or("", |(_, after)| after);
        }
        rest = rest.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit());
    }
    out.push_str(rest);
    out.trim_end().to_owned()
}
