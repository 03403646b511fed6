//! Random programs: the interpreter in all its modes, the kernel, and the oracle leave the same.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use skep_tests::compare::{Disagreement, Judge, Verdict, listing};
use skep_tests::engine::Memory;
use skep_tests::generate;
use skep_tests::random::Random;
use skep_tests::report::tell;
use skep_tests::shrink::shrink;
use skep_tests::wrap::{Body, input, layout};

use crate::insn::compared_in_kernel;

/// Programs that are tried however long it takes.
const PROGRAMS: u64 = 300;

/// `SKEP_FUZZ_SECS` says how long to go on; `SKEP_FUZZ_SEED` where to begin.
#[test]
fn random_programs_agree() {
    let time = Duration::from_secs(number("SKEP_FUZZ_SECS", 1));
    let first = number("SKEP_FUZZ_SEED", 0);
    let begun = Instant::now();
    let mut judge = Judge::new("random programs");
    let mut seed = first;
    while begun.elapsed() < time || seed - first < PROGRAMS {
        let (body, inputs) = generated(seed);
        if let Err(disagreement) = judge.compare(&body.wrap(), &inputs) {
            fail(seed, &body, &inputs, &disagreement);
        }
        seed += 1;
    }
    if !judge.has_kernel() {
        return;
    }
    let tried = seed - first;
    eprintln!("executed in the kernel\n{}", judge.in_kernel.table());
    eprintln!("refused by the kernel\n{}", judge.refused.table());
    tell(&format!(
        "random programs: {tried} on all engines, {} of them in the kernel, with {} instructions executed",
        judge.accepted,
        judge.in_kernel.total(),
    ));
    assert!(judge.accepted * 2 >= tried, "the kernel took {} of {tried} programs only", judge.accepted);
    let missing: BTreeSet<String> =
        compared_in_kernel().into_iter().filter(|name| !judge.in_kernel.0.contains_key(name)).collect();
    assert!(missing.is_empty(), "no random program executed {missing:?}");
}

/// A number from the environment.
pub(crate) fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| {
        value.parse().unwrap_or_else(|_| panic!("{name}={value}, expected a number"))
    })
}

fn generated(seed: u64) -> (Body, Vec<Memory>) {
    let mut random = Random::new(seed);
    let body = generate::program(&mut random);
    let inputs = (0..4).map(|_| {
        let mut memory = input(std::array::from_fn(|_| random.value()));
        for at in layout::DATA.chain(layout::STACK_IN..layout::STACK_OUT).step_by(8) {
            memory.set_word(at, random.value());
        }
        memory
    });
    let inputs = inputs.collect();
    (body, inputs)
}

/// Makes the program short, and ends the test with it.
fn fail(seed: u64, body: &Body, inputs: &[Memory], disagreement: &Disagreement) -> ! {
    let mut judge = Judge::new("a failing program");
    let mut last = disagreement.clone();
    let short = shrink(body, |candidate| match judge.compare(&candidate.wrap(), inputs) {
        Err(found) if found.kind == disagreement.kind => {
            last = found;
            true
        }
        Ok(Verdict::Agreed | Verdict::Refused(_) | Verdict::Skipped) | Err(_) => false,
    });
    panic!("SKEP_FUZZ_SEED={seed}: {disagreement}\nin short: {last}\n{}", listing(&short.wrap()));
}
