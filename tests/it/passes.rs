//! Passes leave what a module means, each alone and all of a level, and what they leave is valid.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use skep_codegen::ir::{self, Module};
use skep_codegen::{Endian, Opt, Options, testing};
use skep_tests::report::{Counts, tell};
use skep_tests::sir::judge::{self, Case, LEVELS, Outcome};
use skep_tests::sir::shrink;

use crate::random::number;
use crate::sir::generated;

/// Modules that are tried however long it takes.
const MODULES: u64 = 60;
/// So many are tried until each pass has changed one.
const MANY: u64 = 3000;

#[test]
fn passes_keep_what_modules_mean() {
    let time = Duration::from_secs(number("SKEP_FUZZ_SECS", 1));
    let least = number("SKEP_FUZZ_COUNT", MODULES);
    let first = number("SKEP_FUZZ_SEED", 0);
    let begun = Instant::now();
    let mut changed = Counts::default();
    let mut failures: Vec<String> = Vec::new();
    let mut seed = first;
    let missing =
        |changed: &Counts| testing::passes().find(|&name| !changed.0.contains_key(name)).map(str::to_owned);
    let wanted = |seed: u64, changed: &Counts| {
        begun.elapsed() < time || seed < least || (seed < MANY && missing(changed).is_some())
    };
    while wanted(seed - first, &changed) && failures.len() < 10 {
        let case = generated(seed);
        let endian = if seed % 3 == 2 { Endian::Big } else { Endian::Little };
        if let Some((step, _)) = broken(&case, endian, Some(&mut changed)) {
            failures.push(report(seed, &case, endian, &step));
        }
        seed += 1;
    }
    tell(&format!("passes: {} modules", seed - first));
    eprintln!("changed by\n{}", changed.table());
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n\n"));
    assert_eq!(missing(&changed), None, "a pass that changed no module");
}

/// The first pass, alone or in a level, that breaks the module, and how.
fn broken(case: &Case, endian: Endian, mut changed: Option<&mut Counts>) -> Option<(String, String)> {
    let expected = judge::meaning(case, endian).map_err(|fault| fault.what);
    let expected = match expected {
        Ok(expected) => expected,
        Err(fault) => return Some(("generate".to_owned(), fault)),
    };
    // Alone, a pass does not know for which byte order it works.
    for name in testing::passes().filter(|_| endian == Endian::Little) {
        let mut module = case.module.clone();
        let ran = catch_unwind(AssertUnwindSafe(|| testing::run_pass(&mut module, name)));
        if ran.is_err() {
            return Some((name.to_owned(), "panics".to_owned()));
        }
        if let Some(changed) = &mut changed
            && module.funcs != case.module.funcs
        {
            changed.add(name, 1);
        }
        if let Err(what) = same(case, endian, &module, &expected) {
            return Some((name.to_owned(), what));
        }
    }
    LEVELS.iter().find_map(|&level| {
        let at_end = broken_by(case, endian, level, &expected, false)?;
        // Once more, to see which pass it was.
        Some(broken_by(case, endian, level, &expected, true).unwrap_or(at_end))
    })
}

/// How a level breaks the module: what is wrong at its end, or after the first pass that leaves something wrong.
fn broken_by(
    case: &Case,
    endian: Endian,
    level: Opt,
    expected: &[Outcome],
    each: bool,
) -> Option<(String, String)> {
    let mut module = case.module.clone();
    let options = Options::new().opt(level).endian(endian);
    let mut found = None;
    let mut last = "";
    let ran = catch_unwind(AssertUnwindSafe(|| {
        testing::optimize(&mut module, &options, |name, module| {
            last = name;
            if each
                && found.is_none()
                && let Err(what) = same(case, endian, module, expected)
            {
                found = Some((format!("{level:?} {name}"), what));
            }
        });
    }));
    if ran.is_err() {
        return Some((format!("{level:?} behind {last}"), "panics".to_owned()));
    }
    found.or_else(|| same(case, endian, &module, expected).err().map(|what| (format!("{level:?}"), what)))
}

fn same(case: &Case, endian: Endian, module: &Module, expected: &[Outcome]) -> Result<(), String> {
    ir::validate::module(module).map_err(|diags| diags.to_string())?;
    let case = Case { module: module.clone(), ..case.clone() };
    let found = judge::meaning(&case, endian).map_err(|fault| fault.what)?;
    for (found, expected) in found.iter().zip(expected) {
        judge::difference(found, expected).map_or(Ok(()), Err)?;
    }
    Ok(())
}

fn report(seed: u64, case: &Case, endian: Endian, step: &str) -> String {
    let begun = Instant::now();
    let mut last = String::new();
    let module = shrink::shrink(&case.module, |candidate| {
        let candidate = Case { module: candidate.clone(), ..case.clone() };
        if begun.elapsed() > Duration::from_secs(30) || ir::validate::module(&candidate.module).is_err() {
            return false;
        }
        match broken(&candidate, endian, None) {
            Some((found, what)) if found == step => {
                last = what;
                true
            }
            _ => false,
        }
    });
    let what = last.lines().map(|line| format!("; {line}\n")).collect::<String>();
    let text = format!("; SKEP_FUZZ_SEED={seed}: {step}, {endian:?}\n{what}{}", ir::text::print(&module));
    if let Some(dir) = std::env::var_os("SKEP_FUZZ_KEEP") {
        std::fs::write(std::path::Path::new(&dir).join(format!("{seed}-pass.sir")), &text).unwrap();
    }
    text
}
