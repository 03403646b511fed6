//! Programs that do what no program may: in checked mode each trap comes at the instruction, and for the reason, that
//! the oracle expects, and what was written before is there.

use std::time::{Duration, Instant};

use skep_tests::compare::listing;
use skep_tests::engine::{self, Memory};
use skep_tests::generate;
use skep_tests::oracle::{self, Addresses, Fault};
use skep_tests::random::Random;
use skep_tests::report::{Counts, tell};
use skep_tests::slot::{CALL, CALLX, LD_IMM64, Slot, fields, insn};
use skep_tests::wrap::{Program, input};
use skep_vm::{Checked, Engine, Hosts, Trap, TrapKind};

use crate::random::number;

/// Instructions of a run at most: loops may have lost their ends.
const BUDGET: u64 = 20_000;

#[test]
fn damaged_programs_trap_where_they_should() {
    let time = Duration::from_secs(number("SKEP_FUZZ_SECS", 1));
    let first = number("SKEP_FUZZ_SEED", 0);
    let begun = Instant::now();
    let engine = Engine::checked(Hosts::new());
    let frame = frame_of(&engine);
    let mut ends = Counts::default();
    let mut seed = first;
    while begun.elapsed() < time || seed - first < 1000 {
        let mut random = Random::new(!seed);
        let program = damaged(&mut random);
        match run(&engine, frame, &program, &mut random) {
            Ok(end) => ends.add(end, 1),
            Err(message) => panic!("SKEP_FUZZ_SEED={seed}: {message}\n{}", listing(&program)),
        }
        seed += 1;
    }
    eprintln!("{}", ends.table());
    let count = |end: &str| ends.0.get(end).copied().unwrap_or_default();
    tell(&format!(
        "damaged programs: {}, of them {} refused, {} trapped at the right place, {} returned",
        ends.total(),
        count("refused"),
        ends.total() - count("refused") - count("exit") - count("unknown"),
        count("exit"),
    ));
    for end in ["refused", "exit", "access", "unaligned", "budget"] {
        assert!(count(end) > 0, "no program ended by {end}");
    }
    assert!(count("unknown") * 10 < ends.total(), "{} programs are beyond the oracle", count("unknown"));
}

/// Where the stack of runs on this thread begins.
fn frame_of(engine: &Engine<Checked>) -> u64 {
    let program = [insn(0xbf, 0, 10, 0, 0), insn(0x95, 0, 0, 0, 0)];
    let unit = engine.add(&engine::link(&program).unwrap()).unwrap();
    unit.func("main").unwrap().call(&[]).unwrap()
}

/// A valid program with some random changes.
fn damaged(random: &mut Random) -> Program {
    let mut program = generate::program(random).wrap();
    for _ in 0..1 + random.below(3) {
        let at = random.below(program.slots.len());
        let f = fields(program.slots[at]);
        let register = |random: &mut Random| u8::try_from(random.below(11)).unwrap();
        let codes: Vec<u8> = program.slots.iter().map(|slot| slot[0]).collect();
        program.slots[at] = match random.below(6) {
            0 => insn(f.code, register(random), f.src, f.off, f.imm),
            1 => insn(f.code, f.dst, register(random), f.off, f.imm),
            2 => insn(f.code, f.dst, f.src, random.between(-600, 600), f.imm),
            3 => insn(f.code, f.dst, f.src, random.between(-8, 8), f.imm),
            4 => insn(f.code, f.dst, f.src, f.off, random.imm()),
            _ => insn(random.pick(&codes), f.dst, f.src, f.off, f.imm),
        };
    }
    program
}

/// Runs it, and says how it ended.
fn run(
    engine: &Engine<Checked>,
    frame: u64,
    program: &Program,
    random: &mut Random,
) -> Result<&'static str, String> {
    let Ok(image) = engine::link(&program.slots) else { return Ok("refused") };
    let Ok(unit) = engine.add(&image) else { return Ok("refused") };
    if program.slots.iter().any(|&slot| leaves(slot)) {
        return Ok("unknown");
    }
    let mut expected = input(std::array::from_fn(|_| random.value()));
    let mut memory = expected.clone();
    let addresses = Addresses { memory: memory.0.as_ptr().addr() as u64, frame };
    let end = oracle::run(&program.slots, &mut expected.0, addresses, BUDGET);
    if matches!(end, Err(Fault::BelowFrame(_))) {
        return Ok("unknown");
    }
    let func = unit.func("main").unwrap();
    let found = func.prepare().memory(&mut memory.0).budget(BUDGET).call();
    let (end, place) = match (&end, &found) {
        (Ok(done), Ok(r0)) if done.regs[0] == *r0 => ("exit", None),
        (Err(fault), Err(trap)) => same(*fault, trap)?,
        _ => {
            return Err(format!("the oracle says {:?}, the engine {found:?}", end.map(|done| done.regs)));
        }
    };
    if let (Some(place), Err(trap)) = (place, &found)
        && place != absolute(trap)
    {
        return Err(format!("trapped at {}, expected slot {place}: {trap}", absolute(trap)));
    }
    let differs = (0..Memory::LEN).find(|&at| memory.0[at] != expected.0[at]);
    match differs {
        None => Ok(end),
        Some(at) => Err(format!("memory+{at:#x} differs after {found:?}")),
    }
}

/// Whether the oracle knows nothing of where this goes.
fn leaves(slot: Slot) -> bool {
    let f = fields(slot);
    match f.code {
        CALL => f.src != 1,
        LD_IMM64 => f.src != 0,
        code => code == CALLX || code == 0x0d,
    }
}

/// The name of what both say, and the slot where the oracle says it happened.
fn same(fault: Fault, trap: &Trap) -> Result<(&'static str, Option<usize>), String> {
    match (fault, &trap.kind) {
        (Fault::Access { at, addr, len }, TrapKind::Access { addr: found, len: bytes, .. })
            if (addr, len as u64) == (*found, *bytes) =>
        {
            Ok(("access", Some(at)))
        }
        (Fault::Unaligned(at), TrapKind::Unaligned { .. }) => Ok(("unaligned", Some(at))),
        (Fault::Depth(at), TrapKind::Depth { .. }) => Ok(("depth", Some(at))),
        (Fault::Steps, TrapKind::Budget { .. }) => Ok(("budget", None)),
        // The trap names the call behind which it went on.
        (Fault::OutOfCode(_), TrapKind::FellOff) => Ok(("fell off", None)),
        _ => Err(format!("the oracle says {fault:?}, the engine {trap}")),
    }
}

/// The trapping instruction's slot in the whole code: functions are named after their first one.
fn absolute(trap: &Trap) -> usize {
    let location = &trap.trace[0];
    let start = location.func.strip_prefix("sub_").map_or(0, |slot| slot.parse().unwrap());
    start + location.at.index()
}
