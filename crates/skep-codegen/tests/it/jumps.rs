//! Jumps that are too far for 16 bits, and jump tables: what the code has, and that it does what it should.

use std::fmt::Write as _;

use skep_codegen::ir::text;
use skep_codegen::{Cpu, Opt, Options, Target};
use skep_insn::Insn;
use skep_object::{Image, Object};
use skep_vm::{Checked, Engine, Hosts};

const CPUS: [Cpu; 4] = [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4];
const LEVELS: [Opt; 4] = [Opt::O0, Opt::O1, Opt::O2, Opt::Os];

fn options(opt: Opt, cpu: Cpu) -> Options {
    Options::new().opt(opt).cpu(cpu).target(Target::User).validate(true)
}

fn compile(sir: &str, options: &Options) -> Object {
    let module = text::parse("jumps.sir", sir).unwrap_or_else(|errors| panic!("{errors}"));
    skep_codegen::compile(module, options).unwrap_or_else(|diags| panic!("{diags}"))
}

fn link(object: &Object) -> Image {
    skep_link::link(object, &skep_link::Options::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// How many instructions of a function are such.
fn count(image: &Image, is: impl Fn(&Insn) -> bool) -> usize {
    let mut count = 0;
    for func in &image.funcs {
        skep_insn::check::function_with(&func.code, |_, insn: Insn| count += usize::from(is(&insn))).unwrap();
    }
    count
}

/// What the function `f` returns for each of the inputs.
fn results(image: &Image, inputs: &[u64]) -> Vec<u64> {
    let engine: Engine<Checked> = Engine::checked(Hosts::new());
    let unit = engine.add(image).unwrap();
    let f = unit.func("f").unwrap();
    inputs.iter().map(|&input| f.call(&[input]).unwrap()).collect()
}

/// All that stands there is reached: the kernel takes nothing else.
fn check_reached(image: &Image) {
    for func in &image.funcs {
        let mut successors = vec![Vec::new(); func.code.len()];
        skep_insn::check::function_with(&func.code, |slot, insn: Insn| {
            let next = usize::try_from(slot.0 + insn.slots()).unwrap();
            let goes_on = !matches!(insn, Insn::Exit | Insn::Jump { .. } | Insn::GotoX { .. });
            let jump = insn.jump_offset().map(|off| next.strict_add_signed(isize::try_from(off).unwrap()));
            successors[slot.0 as usize].extend(jump.into_iter().chain(goes_on.then_some(next)));
            // The second slot of ld_imm64 is no instruction.
            (1..insn.slots()).for_each(|more| successors[(slot.0 + more) as usize].push(usize::MAX));
        })
        .unwrap();
        let mut reached: Vec<bool> = successors.iter().map(|to| to[..] == [usize::MAX]).collect();
        let mut todo = vec![0];
        while let Some(at) = todo.pop() {
            if !std::mem::replace(&mut reached[at], true) {
                todo.extend(&successors[at]);
            }
        }
        let lost = reached.iter().position(|reached| !reached);
        assert_eq!(lost, None, "'{}' has code that is not reached", func.name);
    }
}

/// A loop that goes `rounds` times through one of `count` stretches, by the low bits of a number that each of them
/// changes in `steps` steps. Ways lead over all stretches, to and fro.
fn stretches(count: u64, steps: u64) -> String {
    let mut sir = String::from(
        "fn @f(i64) -> i64 {\nb0(v0: i64):\n  jump b1(v0, 3)\nb1(v1: i64, v2: i64):\n  br.eq v2, 0, b3, b2\n\
         b2:\n  v3 = sub i64 v2, 1\n  v4 = urem i64 v1, ",
    );
    let _ = write!(sir, "{count}\n  switch v4 [");
    for at in 0..count - 1 {
        let _ = write!(sir, "{}{at}: b{}", if at == 0 { "" } else { ", " }, at + 4);
    }
    let _ = writeln!(sir, "], b{}\nb3:\n  ret v1", count + 3);
    let mut value = 5;
    for at in 0..count {
        let _ = writeln!(sir, "b{}:", at + 4);
        let mut last = 1;
        for step in 0..steps {
            // Neither folds with the one before.
            let op = if step % 2 == 0 { "mul" } else { "xor" };
            let operand = 2 * (at * steps + step) + 3;
            let _ = writeln!(sir, "  v{value} = {op} i64 v{last}, {operand}");
            (last, value) = (value, value + 1);
        }
        // One way to the end, which is far in front, and one to the loop.
        let _ = writeln!(sir, "  br.eq v{last}, 77, b3, b{}", count + 4 + at);
        let _ = writeln!(sir, "b{}:\n  jump b1(v{last}, v3)", count + 4 + at);
    }
    sir.push_str("}\n");
    sir
}

/// What it means. The test for 77 returns what the loop was entered with, and is not met.
fn walk(count: u64, steps: u64, mut x: u64) -> u64 {
    for _ in 0..3 {
        let at = x % count;
        for step in 0..steps {
            let operand = 2 * (at * steps + step) + 3;
            x = if step % 2 == 0 { x.wrapping_mul(operand) } else { x ^ operand };
        }
        assert_ne!(x, 77);
    }
    x
}

const INPUTS: [u64; 7] = [0, 1, 2, 3, 4, 0x1234_5678_9abc, u64::MAX];

fn check_stretches(parts: u64, steps: u64, levels: &[Opt], cpus: &[Cpu]) {
    let sir = stretches(parts, steps);
    let expected: Vec<u64> = INPUTS.iter().map(|&x| walk(parts, steps, x)).collect();
    for &opt in levels {
        for &cpu in cpus {
            let image = link(&compile(&sir, &options(opt, cpu)));
            check_reached(&image);
            let slots: usize = image.funcs.iter().map(|func| func.code.len()).sum();
            assert!(slots as u64 > parts * steps, "{slots} slots");
            let long = count(&image, |insn| matches!(insn, Insn::Jump { long: true, .. }));
            assert_eq!(long > 0, cpu == Cpu::V4, "{long} gotol for {cpu:?} at {opt:?}");
            assert_eq!(results(&image, &INPUTS), expected, "for {cpu:?} at {opt:?}");
        }
    }
}

#[test]
fn jumps_reach_over_more_than_16_bits() {
    check_stretches(5, 8_500, &[Opt::O0, Opt::O2], &CPUS);
}

#[test]
fn jumps_reach_over_a_quarter_of_a_million_instructions() {
    check_stretches(8, 32_000, &[Opt::O0], &[Cpu::V3, Cpu::V4]);
}

/// A loop through as many tests as make it too long for a jump back, each of which may leave.
#[test]
fn islands_among_exits_are_reached() {
    let tests = 14_000;
    let mut sir = String::from("fn @f(i64) -> i64 {\nb0(v0: i64):\n  jump b1(v0)\nb1(v1: i64):\n  jump b2\n");
    for test in 0..tests {
        let (block, value) = (2 + 2 * test, test + 2);
        let _ = writeln!(sir, "b{block}:\n  br.eq v1, {}, b{}, b{}", 3 * test, block + 1, block + 2);
        let _ = writeln!(sir, "b{}:\n  v{value} = add i64 v0, {test}\n  ret v{value}", block + 1);
    }
    let (last, value) = (2 + 2 * tests, tests + 2);
    let _ = writeln!(sir, "b{last}:\n  v{value} = add i64 v1, 1\n  jump b1(v{value})\n}}");
    let inputs = [0, 1, 2, 3 * 14_000 - 4, 3 * 9_999];
    let expected = inputs.map(|x: u64| x + x.div_ceil(3));
    for cpu in [Cpu::V1, Cpu::V4] {
        let image = link(&compile(&sir, &options(Opt::Os, cpu)));
        check_reached(&image);
        assert_eq!(results(&image, &inputs), expected, "for {cpu:?}");
    }
}

/// A switch over cases that begin at `first` and are `step` apart. Each second one returns a constant by a shared block,
/// each third one the number; the others a constant of their own.
struct Switch {
    bits: u8,
    first: i64,
    step: i64,
    cases: i64,
}

impl Switch {
    fn sir(&self) -> String {
        let Switch { bits, first, step, cases } = *self;
        let mut sir = format!("fn @f(i64) -> i64 {{\nb0(v0: i64):\n  v1 = {} i{bits} v0\n  switch v1 [", {
            if bits == 64 { "pin" } else { "trunc" }
        });
        for case in 0..cases {
            let comma = if case == 0 { "" } else { ", " };
            let _ = write!(sir, "{comma}{}: ", self.number(first + case * step));
            let _ = match case % 3 {
                0 => write!(sir, "b1({})", 1000 + case),
                1 => write!(sir, "b2"),
                _ => write!(sir, "b{}", case + 4),
            };
        }
        sir.push_str("], b3\nb1(v2: i64):\n  ret v2\nb2:\n  v3 = xor i64 v0, 7\n  ret v3\nb3:\n  ret -1\n");
        for case in (0..cases).filter(|case| case % 3 == 2) {
            let _ =
                writeln!(sir, "b{}:\n  v{} = mul i64 v0, {case}\n  ret v{}", case + 4, case + 4, case + 4);
        }
        sir.push_str("}\n");
        sir
    }

    /// A number of the type.
    fn number(&self, number: i64) -> i64 {
        let unused = 64 - u32::from(self.bits);
        number << unused >> unused
    }

    fn meaning(&self, x: u64) -> u64 {
        let number = self.number(x.cast_signed());
        let case = (0..self.cases).find(|case| self.number(self.first + case * self.step) == number);
        match case {
            Some(case) if case % 3 == 0 => 1000 + case.cast_unsigned(),
            Some(case) if case % 3 == 1 => x ^ 7,
            Some(case) => x.wrapping_mul(case.cast_unsigned()),
            None => u64::MAX,
        }
    }

    /// Runs it on all that is near its cases, compiled in every way; with a table where `tables` says so.
    fn check(&self, tables: usize) {
        let sir = self.sir();
        let around = (-3..=self.cases * self.step + 3).map(|near| self.first.wrapping_add(near));
        let mut inputs: Vec<u64> = around.map(i64::cast_unsigned).collect();
        inputs.extend([0, 1, 255, 256, 1 << 31, 1 << 32, u64::MAX, 1 << 63]);
        // What the switch is not to see.
        inputs.extend(inputs.clone().iter().map(|x| x ^ (0xabcd << 48)));
        let expected: Vec<u64> = inputs.iter().map(|&x| self.meaning(x)).collect();
        for opt in LEVELS {
            for cpu in CPUS {
                for wanted in [false, true] {
                    let object = compile(&sir, &options(opt, cpu).jump_tables(wanted));
                    let object = skep_object::elf::read("jumps.o", &object.elf()).unwrap();
                    let image = link(&object);
                    let gotox = count(&image, |insn| matches!(insn, Insn::GotoX { .. }));
                    let expected_tables = if wanted && cpu == Cpu::V4 { tables } else { 0 };
                    assert_eq!(gotox, expected_tables, "for {cpu:?} at {opt:?}:\n{sir}");
                    assert_eq!(results(&image, &inputs), expected, "for {cpu:?} at {opt:?}:\n{sir}");
                }
            }
        }
    }
}

#[test]
fn dense_switches_jump_by_a_table() {
    Switch { bits: 64, first: 0, step: 1, cases: 20 }.check(1);
    Switch { bits: 32, first: 0, step: 1, cases: 9 }.check(1);
    Switch { bits: 32, first: 5, step: 2, cases: 30 }.check(1);
    Switch { bits: 32, first: -6, step: 1, cases: 40 }.check(1);
    Switch { bits: 8, first: -128, step: 1, cases: 256 }.check(1);
    Switch { bits: 16, first: 300, step: 1, cases: 60 }.check(1);
    Switch { bits: 64, first: 70_000, step: 1, cases: 33 }.check(1);
    Switch { bits: 32, first: i64::from(i32::MAX) - 5, step: 1, cases: 12 }.check(1);
}

#[test]
fn other_switches_compare() {
    Switch { bits: 64, first: 0, step: 1, cases: 5 }.check(0);
    Switch { bits: 64, first: 0, step: 100, cases: 30 }.check(0);
    Switch { bits: 64, first: 1 << 40, step: 1, cases: 30 }.check(0);
}
