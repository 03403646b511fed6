//! Objects run by the library.

use std::error::Error;

use skep::vm::Memory;
use skep::vm::host::Signature;
use skep::{Engine, Host, Hosts, Listing, Object, TrapKind};

use super::native::{Outcome, fill};
use super::program::Program;

/// An error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// The object that its listing assembles to.
pub(super) fn reassemble(object: &Object) -> Result<Object, String> {
    let listing = Listing::new(object).to_string();
    skep::assemble("listing.s", &listing).map_err(|error| format!("listing: {}", chain(&error)))
}

/// Runs an object as a trusted program.
pub(super) fn trusted(program: &Program, object: &Object, expected: &[Outcome]) -> Result<(), String> {
    // SAFETY: the program was written for this test.
    #[expect(unsafe_code, reason = "trusted programs are what is tested")]
    let engine: Engine<Host> = unsafe { Engine::trusting(hosts(program)) };
    run(engine, program, object, expected)
}

/// Runs an object as one that nobody trusts.
pub(super) fn checked(program: &Program, object: &Object, expected: &[Outcome]) -> Result<(), String> {
    let engine = Engine::checked(hosts(program));
    run(engine, program, object, expected).map_err(|error| format!("checked: {error}"))
}

fn hosts(program: &Program) -> Hosts {
    program.imports.iter().fold(Hosts::new(), |hosts, name| {
        let signature = Signature::parse(&format!("void {name}(void)")).unwrap().1;
        hosts.closure(name, signature, |_, _| Err(TrapKind::Stopped))
    })
}

fn run<M: Memory>(
    engine: Engine<M>,
    program: &Program,
    object: &Object,
    expected: &[Outcome],
) -> Result<(), String> {
    let image = skep::link(object).map_err(|error| chain(&error))?;
    let unit = engine.max_depth(program.depth).add(&image).map_err(|error| chain(&error))?;
    let func = unit.func("run").ok_or("no function 'run'")?;
    for (round, expected) in expected.iter().enumerate() {
        let mut memory = vec![0; program.mem];
        fill(&mut memory, round);
        let result = func.prepare().memory(&mut memory).call();
        let result = result.map_err(|trap| format!("round {round}: {}", chain(&*trap)))?;
        if result != expected.result {
            return Err(format!("round {round}: result {result:#x}, natively {:#x}", expected.result));
        }
        if !program.mem_differs && memory != expected.memory {
            let at = memory.iter().zip(&expected.memory).position(|(a, b)| a != b);
            return Err(format!("round {round}: memory differs from natively at {at:?}"));
        }
    }
    Ok(())
}
