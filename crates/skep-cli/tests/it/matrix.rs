//! C programs, compiled in every way that the compilers know, give what they give natively.
//!
//! `tests/programs/README.md` describes the programs. Each is compiled natively, and for BPF at every level of
//! instructions and optimization. Every object is run as it is, run in checked mode, listed, assembled from its
//! listing and run again; results and memory are compared with the native ones. `SKEP_MATRIX=full` adds all
//! combinations with the options of [`EXTRAS`], of which each object otherwise gets one, in turn.

mod native;
mod program;
mod run;

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::tools;
use program::Program;

/// A compiler for BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compiler {
    Clang,
    ClangBig,
    Gcc,
}

impl Compiler {
    const fn command(self) -> &'static str {
        match self {
            Compiler::Clang | Compiler::ClangBig => "clang-22",
            Compiler::Gcc => "bpf-gcc",
        }
    }

    /// What directives call it.
    const fn name(self) -> &'static str {
        match self {
            Compiler::Clang | Compiler::ClangBig => "clang",
            Compiler::Gcc => "bpf-gcc",
        }
    }

    const fn flags(self) -> &'static [&'static str] {
        match self {
            Compiler::Clang => &["--target=bpfel"],
            Compiler::ClangBig => &["--target=bpfeb"],
            Compiler::Gcc => &[],
        }
    }

    const fn cpus(self) -> u32 {
        match self {
            Compiler::Clang | Compiler::ClangBig => 4,
            Compiler::Gcc => 3,
        }
    }
}

/// Options that change an object's form and not its meaning.
const EXTRAS: [&[&str]; 4] =
    [&["-g"], &["-g", "-ffunction-sections"], &["-g0"], &["-g0", "-ffunction-sections"]];

/// A compilation, and what is done with the object.
#[derive(Clone)]
struct Job {
    program: usize,
    compiler: Compiler,
    cpu: u32,
    optimization: u32,
    extra: &'static [&'static str],
}

impl Job {
    fn flags(&self) -> Vec<String> {
        let level = [format!("-mcpu=v{}", self.cpu), format!("-O{}", self.optimization)];
        let extra = self.extra.iter().map(|&flag| flag.to_owned());
        let fixed = ["-fno-strict-aliasing", "-c"].map(str::to_owned);
        let first = self.compiler.flags().iter().map(|&flag| flag.to_owned());
        first.chain(level).chain(extra).chain(fixed).collect()
    }
}

/// All compilations of all programs, but those that a program says it is left out of.
fn jobs(programs: &[Program]) -> Vec<Job> {
    let full = std::env::var("SKEP_MATRIX").as_deref() == Ok("full");
    let mut compilers = vec![Compiler::Clang, Compiler::ClangBig];
    if tools::has("bpf-gcc", "the C programs with bpf-gcc") {
        compilers.push(Compiler::Gcc);
    }
    let mut jobs = Vec::new();
    for (index, program) in programs.iter().enumerate() {
        for &compiler in &compilers {
            let levels = (1..=compiler.cpus()).flat_map(|cpu| [0, 1, 2].map(|level| (cpu, level)));
            for (turn, (cpu, optimization)) in levels.enumerate() {
                let turn = turn + index;
                let extras = match full {
                    true => &EXTRAS[..],
                    false => &EXTRAS[turn % EXTRAS.len()..][..1],
                };
                // Of the other byte order only the form is looked at: one object for each program does.
                if compiler == Compiler::ClangBig && !full && turn % 12 != 7 {
                    continue;
                }
                let all =
                    extras.iter().map(|extra| Job { program: index, compiler, cpu, optimization, extra });
                jobs.extend(all.filter(|job| program.compiles(compiler.name(), job.cpu, &job.flags())));
            }
        }
    }
    jobs
}

/// What came of all jobs.
#[derive(Default)]
struct Counts {
    ran: usize,
    big_endian: usize,
}

#[test]
fn c_programs_give_what_they_give_natively() {
    if !tools::has("clang-22", "the C programs") {
        return;
    }
    let programs = Program::all();
    let dir = tempfile::tempdir().unwrap();
    let expected = native::run(&programs, dir.path());
    let jobs = jobs(&programs);
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new((Counts::default(), Vec::<String>::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let object = dir.path().join(format!("{thread}.o"));
            let (next, outcome, jobs, programs, expected) = (&next, &outcome, &jobs, &programs, &expected);
            scope.spawn(move || {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let program = &programs[job.program];
                    let result = compile(job, program, &object)
                        .and_then(|bytes| check(job, program, &bytes, &expected[job.program], outcome));
                    if let Err(error) = result {
                        let flags = job.flags().join(" ");
                        let command = job.compiler.command();
                        let text = format!("{}: {command} {flags}: {error}", program.name);
                        outcome.lock().unwrap().1.push(text);
                    }
                }
            });
        }
    });
    let (counts, failures) = outcome.into_inner().unwrap();
    eprintln!(
        "{} C programs, {} objects: {} ran as natively, also in checked mode, and again from their listing; \
         {} big-endian ones were listed and assembled",
        programs.len(),
        jobs.len(),
        counts.ran,
        counts.big_endian
    );
    let mut text = String::new();
    for failure in failures.iter().take(30) {
        let _ = writeln!(text, "{failure}");
    }
    assert!(failures.is_empty(), "{} of {} objects failed:\n{text}", failures.len(), jobs.len());
    assert!(programs.len() >= 79 && counts.ran >= 10 * programs.len(), "too few objects");
    assert!(counts.big_endian >= programs.len() / 2, "too few big-endian objects");
    assert_eq!(counts.ran + counts.big_endian, jobs.len());
}

fn compile(job: &Job, program: &Program, object: &PathBuf) -> Result<Vec<u8>, String> {
    let output = Command::new(job.compiler.command())
        .args(job.flags())
        .arg("-o")
        .arg(object)
        .arg(&program.path)
        .output()
        .map_err(|error| error.to_string())?;
    match output.status.success() {
        true => std::fs::read(object).map_err(|error| error.to_string()),
        false => Err(format!("does not compile:\n{}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn check(
    job: &Job,
    program: &Program,
    bytes: &[u8],
    expected: &[native::Outcome],
    outcome: &Mutex<(Counts, Vec<String>)>,
) -> Result<(), String> {
    let object = skep::read(&program.name, bytes).map_err(|error| run::chain(&error))?;
    let again = run::reassemble(&object)?;
    if job.compiler == Compiler::ClangBig {
        outcome.lock().unwrap().0.big_endian += 1;
        return Ok(());
    }
    // First where a mistake harms nobody.
    run::checked(program, &object, expected)?;
    let from_listing = |error| format!("from its listing: {error}");
    run::checked(program, &again, expected).map_err(from_listing)?;
    run::trusted(program, &object, expected)?;
    run::trusted(program, &again, expected).map_err(from_listing)?;
    let counts = &mut outcome.lock().unwrap().0;
    counts.ran += 1;
    Ok(())
}
