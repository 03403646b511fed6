//! Cases in files: IR, what to do with it, and what comes out.
//!
//! A file `tests/cases/**/*.sir` holds one case or several, each from a line `; == title` on (the first one may have
//! none). In it, `; run: COMMAND` says what to do, and behind the IR stands for each command what comes of it:
//!
//! ```text
//! ; == a sum of constants
//! ; run: opt fold
//! fn @f() -> i64 {
//! b0:
//!   v0 = add i64 1, 2
//!   ret v0
//! }
//!
//! ; ---- opt fold
//! ; fn @f() -> i64 {
//! ; b0:
//! ;   ret 3
//! ; }
//! ```
//!
//! `SKEP_BLESS=1 cargo test -p skep-codegen cases` writes what comes out into the files. To add cases: a file, or a
//! case in one, with its `run:` line; then bless, and read what came out.
//!
//! | command | what it does |
//! |---|---|
//! | `parse` | tells what is wrong with the text, or prints the module |
//! | `validate` | tells what is wrong with the module |
//! | `opt PASS..` | runs passes one after the other, validating after each, and prints what changed |
//! | `compile [-O0..-Os] [--cpu v1..v4] [--endian big] [--jump-tables]` | lists the object |

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use skep_codegen::ir::{Module, text, validate};
use skep_codegen::{Cpu, Endian, Opt, Options, testing};
use skep_object::listing::Listing;

/// How a case begins, what says what to do, and what comes before the outcome.
const TITLE: &str = "; == ";
const RUN: &str = "; run: ";
const OUTCOME: &str = "; ---- ";

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let (mut count, mut failed) = (0, Vec::new());
    for file in files {
        let found = std::fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(&root).unwrap().display().to_string();
        let (expected, cases) = rewritten(&name, &found);
        count += cases;
        if found == expected {
            continue;
        }
        if std::env::var_os("SKEP_BLESS").is_some() {
            std::fs::write(&file, expected).unwrap();
            continue;
        }
        let line = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
        let line = line.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
        let context = |text: &str| {
            text.lines().skip(line.saturating_sub(3)).take(12).fold(String::new(), |mut out, line| {
                let _ = writeln!(out, "    {line}");
                out
            })
        };
        failed.push(format!(
            "{name}:{}: expected\n{}  found\n{}",
            line + 1,
            context(&found),
            context(&expected)
        ));
    }
    assert!(count > 0, "no cases found");
    assert!(failed.is_empty(), "{}\nSKEP_BLESS=1 accepts what was found", failed.join("\n"));
}

/// The programs of all cases, without comments.
pub(crate) fn programs() -> Vec<String> {
    let mut files = Vec::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases"), &mut files);
    let mut programs = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).unwrap();
        // Between titles; a title ends with its line.
        for case in format!("\n{text}").split(&format!("\n{TITLE}")) {
            let (_, case) = case.split_once('\n').unwrap_or_default();
            let lines = case.lines().filter(|line| !line.starts_with(';'));
            programs.push(lines.fold(String::new(), |program, line| program + line + "\n"));
        }
    }
    programs
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "sir") {
            files.push(path);
        }
    }
}

/// A file with the outcomes that its cases have now, and how many cases it holds.
fn rewritten(name: &str, file: &str) -> (String, usize) {
    let mut cases = vec![String::new()];
    for line in file.lines() {
        if line.starts_with(TITLE) && !cases.last().unwrap().trim().is_empty() {
            cases.push(String::new());
        }
        let case = cases.last_mut().unwrap();
        case.push_str(line);
        case.push('\n');
    }
    let out: Vec<String> = cases.iter().map(|case| case_with_outcome(name, case)).collect();
    (out.join("\n"), cases.len())
}

/// One case with its outcomes; it ends with a line end, and no blank line.
fn case_with_outcome(name: &str, case: &str) -> String {
    let body = case.find(&format!("\n{OUTCOME}")).map_or(case, |at| &case[..at]);
    let body = body.trim_end();
    let commands: Vec<&str> = body.lines().filter_map(|line| line.strip_prefix(RUN)).collect();
    let mut out = format!("{body}\n");
    if commands.is_empty() {
        // Not a comment, so that nobody overlooks it.
        out.push_str("\nthis case says nowhere what to do: add '; run: COMMAND'\n");
    }
    // Messages count lines from the title of the case, so that cases do not depend on each other.
    for command in commands {
        let _ = write!(out, "\n{OUTCOME}{command}\n");
        let outcome = outcome(name.rsplit('/').next().unwrap(), body, command);
        for line in outcome.trim_end().lines() {
            let _ = writeln!(out, "{}", format!("; {line}").trim_end());
        }
    }
    out
}

/// What comes of a case.
fn outcome(name: &str, body: &str, command: &str) -> String {
    let mut words = command.split_whitespace();
    let verb = words.next().unwrap_or_default();
    let args: Vec<&str> = words.collect();
    let mut module = match (text::parse(name, body), verb) {
        (Ok(module), "parse") => return printed(&module),
        (Ok(module), _) => module,
        (Err(errors), _) => return errors.to_string(),
    };
    if let Err(diags) = validate::module(&module) {
        return diags.to_string();
    }
    match verb {
        "validate" => "valid".to_owned(),
        "opt" => {
            let before = text::print(&module);
            for pass in args {
                if !testing::run_pass(&mut module, pass) {
                    return format!("no pass has the name '{pass}'");
                }
                if let Err(diags) = validate::module(&module) {
                    return format!("after {pass}: {diags}\n{}", printed(&module));
                }
            }
            if text::print(&module) == before { "unchanged".to_owned() } else { printed(&module) }
        }
        "compile" => match options(&args) {
            Ok(options) => match skep_codegen::compile(module, &options) {
                Ok(object) => Listing::new(&object).source(false).to_string(),
                Err(diags) => diags.to_string(),
            },
            Err(message) => message,
        },
        _ => format!("no command has the name '{verb}'; expected parse, validate, opt or compile"),
    }
}

/// A module without the line that names it.
fn printed(module: &Module) -> String {
    let text = text::print(module);
    text.split_once('\n').unwrap().1.trim_start().to_owned()
}

fn options(args: &[&str]) -> Result<Options, String> {
    let mut options = Options::new();
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        let mut value = || args.next().copied().unwrap_or_default();
        options = match arg {
            "-O0" => options.opt(Opt::O0),
            "-O1" => options.opt(Opt::O1),
            "-O2" => options.opt(Opt::O2),
            "-Os" => options.opt(Opt::Os),
            "--cpu" => match value() {
                "v1" => options.cpu(Cpu::V1),
                "v2" => options.cpu(Cpu::V2),
                "v3" => options.cpu(Cpu::V3),
                "v4" => options.cpu(Cpu::V4),
                other => return Err(format!("no cpu has the name '{other}'")),
            },
            "--endian" => match value() {
                "little" => options.endian(Endian::Little),
                "big" => options.endian(Endian::Big),
                other => return Err(format!("no byte order has the name '{other}'")),
            },
            "--jump-tables" => options.jump_tables(true),
            other => return Err(format!("no option has the name '{other}'")),
        };
    }
    Ok(options)
}

/// Each code of a mistake stands in the outcome of a case, or in what the tests of the builder expect.
#[test]
fn every_code_is_provoked() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut files = vec![root.join("it/build/mistakes.rs")];
    collect(&root.join("cases"), &mut files);
    let texts: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let is_told = |code: &str| {
        let outcomes = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with(TITLE));
        outcomes.map(|line| line.trim_start_matches([' ', ';', '"'])).any(|line| line.starts_with(code))
    };
    let codes = skep_codegen::diag::Code::ALL.iter().map(ToString::to_string);
    let missing: Vec<String> = codes.filter(|code| !is_told(code)).collect();
    assert!(missing.is_empty(), "no test provokes {}", missing.join(", "));
}
