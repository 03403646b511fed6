//! C programs, through clang's LLVM IR and our back end, give what they give natively.
//!
//! `tests/programs/README.md` describes the programs. Each is translated to SIR, evaluated as it is, compiled at levels
//! of optimization for levels of instructions, and run in user space; results and memory are compared with the native
//! ones. `SKEP_MATRIX=full` takes all programs and ways, else a few in turn; `SKEP_PROGRAM=name` all ways of that one.
//! With `SKEP_SHRINK=dir`, shorter modules that fail in the same way are written into that directory.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use skep_codegen::diag::Code;
use skep_codegen::ir::{self, Module};
use skep_codegen::{Cpu, Endian, Options, Target};
use skep_object::Image;
use skep_tests::report::tell;
use skep_tests::sir::eval::{Machine, Nothing};
use skep_tests::sir::judge::{Way, chain};
use skep_tests::sir::llvm;
use skep_tests::sir::memory::{Name, Uninit};
use skep_tests::sir::shrink;
use skep_vm::host::Signature;
use skep_vm::{Engine, Hosts, TrapKind};

use crate::tools;
use program::Program;

// The same programs, and what they give natively.
#[path = "../../crates/skep-cli/tests/it/matrix/native.rs"]
mod native;
#[path = "../../crates/skep-cli/tests/it/matrix/program.rs"]
#[expect(dead_code, reason = "directives about compilers that are not in use here")]
mod program;

/// Faults of the back end that are still to be mended: program, and what is wrong.
const KNOWN: [(&str, &str); 0] = [];

#[test]
fn c_programs_give_what_they_give_natively() {
    if !tools::has("clang-22", "the C programs") {
        return;
    }
    let full = std::env::var("SKEP_MATRIX").as_deref() == Ok("full");
    let programs = Program::all();
    let wanted = std::env::var("SKEP_PROGRAM").ok();
    let kept = |index: usize, name: &str| match &wanted {
        Some(wanted) => name == wanted,
        None => full || index.is_multiple_of(3),
    };
    let programs: Vec<_> =
        programs.into_iter().enumerate().filter(|(index, p)| kept(*index, &p.name)).map(|(_, p)| p).collect();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("llvm");
    std::fs::create_dir_all(&dir).unwrap();
    let expected = native::run(&programs, &dir);
    let next = AtomicUsize::new(0);
    let outcome = Mutex::new((Counts::default(), Vec::<String>::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(program), Some(expected)) = (programs.get(index), expected.get(index)) else {
                        break;
                    };
                    let ways = Way::all().enumerate();
                    let every = if full || wanted.is_some() { 1 } else { 5 };
                    let ways = ways.filter(|(at, _)| (at + index).is_multiple_of(every)).map(|(_, way)| way);
                    let (counts, failures) = check(program, expected, ways);
                    let mut outcome = outcome.lock().unwrap();
                    outcome.0.ran += counts.ran;
                    outcome.0.evaluated += counts.evaluated;
                    outcome.0.told += counts.told;
                    outcome.0.known += counts.known;
                    outcome.1.extend(failures);
                }
            });
        }
    });
    let (counts, failures) = outcome.into_inner().unwrap();
    let summary = format!(
        "{} C programs: {} were evaluated, {} objects ran as natively, {} need a newer cpu, {} fail as is known",
        programs.len(),
        counts.evaluated,
        counts.ran,
        counts.told,
        counts.known
    );
    tell(&summary);
    for (name, fault) in KNOWN {
        tell(&format!("known: {name}: {fault}"));
    }
    let mut text = String::new();
    for failure in &failures {
        let _ = writeln!(text, "{failure}");
    }
    assert!(failures.is_empty(), "{} failures:\n{text}", failures.len());
    assert_eq!(counts.evaluated, programs.len());
    assert!(counts.ran >= 2 * programs.len(), "too few objects");
}

#[derive(Default)]
struct Counts {
    evaluated: usize,
    ran: usize,
    /// Compilations that gave diagnostics which the program has earned.
    told: usize,
    /// Failures because of the [`KNOWN`] faults.
    known: usize,
}

fn check(
    program: &Program,
    expected: &[native::Outcome],
    ways: impl Iterator<Item = Way>,
) -> (Counts, Vec<String>) {
    let mut counts = Counts::default();
    let mut failures = Vec::new();
    let module = match llvm::compile_c(&program.path, &["-fno-strict-aliasing"]) {
        Ok(module) => module,
        Err(error) => return (counts, vec![chain(&error)]),
    };
    if let Err(diags) = ir::validate::module(&module) {
        return (counts, vec![format!("{}: invalid: {diags}", program.name)]);
    }
    match evaluate(program, &module, expected) {
        Ok(()) => counts.evaluated += 1,
        Err(error) => failures.push(format!("{}: evaluated: {error}", program.name)),
    }
    for way in ways {
        match compile(&module, way)
            .and_then(|image| image.map(|image| run(program, &image, expected)).transpose())
        {
            Ok(Some(())) => counts.ran += 1,
            Ok(None) => counts.told += 1,
            Err(_) if KNOWN.iter().any(|(name, _)| *name == program.name) => counts.known += 1,
            Err(error) => {
                if let Some(dir) = std::env::var_os("SKEP_SHRINK") {
                    shrink(Path::new(&dir), program, &module, way);
                }
                failures.push(format!("{}: {way:?}: {error}", program.name));
            }
        }
    }
    (counts, failures)
}

/// Writes a shorter module that fails in the same way into a directory: for whoever looks for the fault.
fn shrink(dir: &Path, program: &Program, module: &Module, way: Way) {
    let begun = Instant::now();
    let module = shrink::shrink(module, |candidate| {
        let expected =
            (0..native::ROUNDS).map(|round| meaning(program, candidate, round)).collect::<Option<Vec<_>>>();
        let Some(expected) = expected.filter(|_| begun.elapsed() < Duration::from_secs(60)) else {
            return false;
        };
        let found = compile(candidate, way);
        match found {
            Ok(Some(image)) => run(program, &image, &expected).is_err(),
            Ok(None) => false,
            Err(_) => true,
        }
    });
    let text = format!("; {}: {way:?}\n{}", program.name, ir::text::print(&module));
    std::fs::write(dir.join(format!("{}-{:?}-{:?}.sir", program.name, way.opt, way.cpu)), text).unwrap();
}

/// What a valid module gives, if it means something.
fn meaning(program: &Program, module: &Module, round: usize) -> Option<native::Outcome> {
    ir::validate::module(module).ok()?;
    let mut machine = Machine::new(module, Endian::Little, Uninit::Fault);
    let mut memory = vec![0; program.mem];
    native::fill(&mut memory, round);
    let addr = machine.memory.add(Name::Buffer(round), memory, false);
    let result = machine.call(&mut Nothing, "run", &[addr, program.mem as u64]).ok()??;
    let memory = machine.memory.region(addr)?.1.to_vec();
    Some(native::Outcome { result, memory })
}

/// What the IR means by itself.
fn evaluate(program: &Program, module: &Module, expected: &[native::Outcome]) -> Result<(), String> {
    let mut machine = Machine::new(module, Endian::Little, Uninit::Fault);
    for (round, expected) in expected.iter().enumerate() {
        let mut memory = vec![0; program.mem];
        native::fill(&mut memory, round);
        let addr = machine.memory.add(Name::Buffer(round), memory, false);
        machine.budget = 100_000_000;
        let result = machine.call(&mut Nothing, "run", &[addr, program.mem as u64]);
        let result = result.map_err(|fault| format!("round {round}: {fault}"))?.unwrap_or_default();
        let (_, memory) = machine.memory.region(addr).expect("a region");
        compare(program, round, (result, memory), expected)?;
    }
    Ok(())
}

/// The linked object; `None` if the cpu is too old for what the program does.
fn compile(module: &Module, way: Way) -> Result<Option<Image>, String> {
    let options = Options::new().opt(way.opt).cpu(way.cpu).target(Target::User).validate(true);
    let module = module.clone();
    let compiled = catch_unwind(AssertUnwindSafe(|| skep_codegen::compile(module, &options)));
    let object = match compiled.map_err(|_| "the compiler panics")? {
        Ok(object) => object,
        Err(diags) if way.cpu < Cpu::V4 && diags.0.iter().all(|diag| diag.code == Code::NeedsCpu) => {
            return Ok(None);
        }
        Err(diags) => return Err(diags.to_string()),
    };
    let image = skep_link::link(&object, &skep_link::Options::new().entry("run"));
    image.map(Some).map_err(|error| chain(&error))
}

fn run(program: &Program, image: &Image, expected: &[native::Outcome]) -> Result<(), String> {
    let hosts = program.imports.iter().fold(Hosts::new(), |hosts, name| {
        let signature = Signature::parse(&format!("void {name}(void)")).unwrap().1;
        hosts.closure(name, signature, |_, _| Err(TrapKind::Stopped))
    });
    let unit = Engine::checked(hosts).max_depth(program.depth).add(image).map_err(|error| chain(&error))?;
    let func = unit.func("run").ok_or("no function 'run'")?;
    for (round, expected) in expected.iter().enumerate() {
        let mut memory = vec![0; program.mem];
        native::fill(&mut memory, round);
        let result = func.prepare().memory(&mut memory).budget(1_000_000_000).call();
        let result = result.map_err(|trap| format!("round {round}: {}", chain(&*trap)))?;
        compare(program, round, (result, &memory), expected)?;
    }
    Ok(())
}

fn compare(
    program: &Program,
    round: usize,
    (result, memory): (u64, &[u8]),
    expected: &native::Outcome,
) -> Result<(), String> {
    if result != expected.result {
        return Err(format!("round {round}: result {result:#x}, natively {:#x}", expected.result));
    }
    if !program.mem_differs && memory != expected.memory {
        let at = memory.iter().zip(&expected.memory).position(|(a, b)| a != b);
        return Err(format!("round {round}: memory differs from natively at {at:?}"));
    }
    Ok(())
}
