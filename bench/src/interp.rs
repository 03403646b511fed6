//! `interp`: the interpreters of skep and its peers, measured against native code.

use std::error::Error;
use std::fs;
use std::io::{IsTerminal, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::clock::{self, Clock};
use crate::contender::{self, Contender, Loaded};
use crate::flat::straight_line;
use crate::programs::{self, Compiler, Program};
use crate::report::{Column, Load, LoadRow, Outcome, Report, Row};

/// Runs of native code per round: it takes a hundredth of an interpreter's time, and its noise counts as much.
const NATIVE_RUNS: u32 = 8;
/// Loads of one program, of which the fastest counts.
const LOADS: u32 = 15;
/// Lengths of the straight-line programs that show how loading grows.
const STRAIGHT_LINES: [usize; 4] = [20, 600, 25_000, 1_000_000];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only programs whose name contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Writes all figures to this file.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Rounds over all contenders per program; the fastest run counts.
    #[arg(long, default_value_t = 12)]
    rounds: u32,
}

/// Compares, prints the report; the exit code tells whether skep ran everything.
///
/// # Errors
/// A program does not compile, native code fails, or the JSON file cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let mut report = Report::default();
    match clock::pin() {
        Ok(core) => report.notes.push(format!(
            "pinned to core {core}; CPU time of this thread, fastest of {} rounds",
            options.rounds
        )),
        Err(reason) => report.notes.push(format!("not pinned to a core: {reason}")),
    }
    // A peer that panics on a program is one line of the report, not a backtrace in it.
    std::panic::set_hook(Box::new(|_| {}));
    let clock = Clock::new();
    let contenders = contender::all();
    report.columns.extend(contenders.iter().map(|c| Column { name: c.name(), about: c.about() }));
    let mut skipped_all = false;
    match Compiler::find() {
        Ok(compiler) => {
            for source in programs::sources(&options.filter)? {
                let program = compiler.build(&source)?;
                progress(&program.name);
                report.rows.push(measure(&clock, &contenders, &program, options.rounds)?);
            }
            progress("");
        }
        Err(reason) => {
            report.absent.push(format!("all programs: {reason}"));
            skipped_all = true;
        }
    }
    for slots in STRAIGHT_LINES {
        report.loads.push(measure_load(&clock, &contenders, slots));
    }
    report.print(&mut stdout().lock())?;
    if let Some(path) = &options.json {
        fs::write(path, report.json()).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    let required = std::env::var("SKEP_REQUIRE").is_ok_and(|v| v == "all");
    let failed = report.skep_failed() || (required && skipped_all);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Says on a terminal what is going on; the line is overwritten.
fn progress(what: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}

/// One contender at one program.
struct Lane<'a> {
    loaded: Result<Box<dyn Loaded + 'a>, String>,
    load_ns: u64,
    run_ns: u64,
}

fn measure(
    clock: &Clock,
    contenders: &[Box<dyn Contender>],
    program: &Program,
    rounds: u32,
) -> Result<Row, Box<dyn Error>> {
    let mut lanes: Vec<Lane> = contenders.iter().map(|c| load(clock, c.as_ref(), program)).collect();
    let mut buffer = Buffer::new(program.input.len());
    let mem = buffer.bytes();
    let mut expected = None;
    for round in 0..rounds {
        for (lane, contender) in lanes.iter_mut().zip(contenders) {
            let Ok(loaded) = &mut lane.loaded else { continue };
            let runs = if contender.cpu().is_none() { NATIVE_RUNS } else { 1 };
            for _ in 0..runs {
                mem.copy_from_slice(&program.input);
                let (ns, result) = clock.time(|| loaded.run(mem));
                let verdict = result.map_err(|e| crate::chain(e.as_ref())).and_then(|got| {
                    let want = *expected.get_or_insert(got);
                    if got == want { Ok(()) } else { Err(format!("wrong result {got:#x}, native {want:#x}")) }
                });
                if let Err(reason) = verdict {
                    lane.loaded = Err(reason);
                    break;
                }
                lane.run_ns = lane.run_ns.min(ns);
            }
        }
        // The others are compared with native code, so without it there is nothing to say.
        if let (0, Err(reason)) = (round, &lanes[0].loaded) {
            return Err(format!("{}: native code: {reason}", program.name).into());
        }
    }
    let outcomes = lanes.into_iter().map(|lane| match lane.loaded {
        Ok(_) => Outcome::Ran { run_ns: lane.run_ns, load_ns: lane.load_ns },
        Err(reason) => Outcome::Failed(reason),
    });
    let slots = contenders.iter().map(|c| c.cpu().map(|cpu| program.bpf(cpu).flat.slots())).collect();
    Ok(Row { name: program.name.clone(), slots, outcomes: outcomes.collect() })
}

fn load<'a>(clock: &Clock, contender: &'a dyn Contender, program: &Program) -> Lane<'a> {
    let mut load_ns = u64::MAX;
    let mut loaded = Err("never loaded".into());
    for _ in 0..LOADS {
        let (ns, result) = clock.time(|| contender.load(program));
        load_ns = load_ns.min(ns);
        loaded = result.map_err(|e| format!("cannot load: {}", crate::chain(e.as_ref())));
        if loaded.is_err() {
            break;
        }
    }
    Lane { loaded, load_ns, run_ns: u64::MAX }
}

/// The fastest of many tries, in ns; what a try makes is dropped when the clock has stopped.
fn fastest<T>(
    clock: &Clock,
    tries: usize,
    mut work: impl FnMut() -> Option<Result<T, Box<dyn Error>>>,
) -> Load {
    let mut best = u64::MAX;
    for _ in 0..tries {
        let (ns, result) = clock.time(&mut work);
        match result? {
            Ok(_) => best = best.min(ns),
            Err(e) => return Some(Err(crate::chain(e.as_ref()))),
        }
    }
    Some(Ok(best))
}

fn measure_load(clock: &Clock, contenders: &[Box<dyn Contender>], slots: usize) -> LoadRow {
    let code = straight_line(slots);
    // Small programs need many tries to be warm, large ones have their warm-up inside.
    let tries = (2_000_000 / slots).clamp(5, 2000);
    let loads = contenders.iter().map(|c| fastest(clock, tries, || c.load_bare(&code)));
    let checks = contenders.iter().map(|c| fastest(clock, tries, || c.check_bare(&code)));
    LoadRow { slots, loads: loads.collect(), checks: checks.collect() }
}

/// Memory for the programs, aligned to 64 bytes for everyone.
struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl Buffer {
    fn new(len: usize) -> Self {
        let bytes = vec![0; len + 64];
        let start = bytes.as_ptr().align_offset(64);
        Self { bytes, start, len }
    }

    fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..][..self.len]
    }
}
