//! Random modules: they mean something, what they mean is kept by their text, and failing ones become short.

use std::collections::BTreeSet;

use skep_codegen::Endian;
use skep_codegen::ir::{self, AtomicOp, BinOp, Callee, CastOp, Cond, Func, Module, Op, UnOp, Value};
use skep_tests::engine::Memory;
use skep_tests::random::Random;
use skep_tests::sir::eval::Machine;
use skep_tests::sir::generate::{self, Profile};
use skep_tests::sir::judge::{self, Case};
use skep_tests::sir::maps::Maps;
use skep_tests::sir::memory::{Name, Uninit};
use skep_tests::sir::shrink;

/// A random module, for the kernel if the seed is odd.
pub(crate) fn generated(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let profile = if seed.is_multiple_of(2) { Profile::User } else { Profile::Kernel };
    let module = generate::module(&mut random, profile);
    let inputs = (0..3).map(|_| {
        let mut memory = Memory::new();
        for at in (0..Memory::LEN).step_by(8) {
            memory.set_word(at, random.value());
        }
        memory
    });
    let inputs = inputs.collect();
    Case { module, profile, inputs }
}

#[test]
fn random_modules_mean_something() {
    for seed in 0..1000 {
        let case = generated(seed);
        ir::validate::module(&case.module).unwrap_or_else(|diags| panic!("seed {seed}: {diags}"));
        let meaning = judge::meaning(&case, Endian::Little)
            .unwrap_or_else(|fault| panic!("seed {seed}: {}", fault.what));
        let text = ir::text::print(&case.module);
        let read =
            ir::text::parse("random.sir", &text).unwrap_or_else(|errors| panic!("seed {seed}: {errors}"));
        assert_eq!(ir::text::print(&read), text, "seed {seed}");
        let again = judge::meaning(&Case { module: read, ..case }, Endian::Little);
        assert!(again == Ok(meaning), "seed {seed}: the text means something else\n{text}");
    }
}

#[test]
fn random_modules_execute_everything() {
    let mut executed = BTreeSet::new();
    for seed in 0..1000 {
        let case = generated(seed);
        let mut machine = Machine::new(&case.module, Endian::Little, Uninit::Fault);
        let addr = machine.memory.add(Name::Buffer(0), case.inputs[0].0.to_vec(), false);
        let args = [addr, Memory::LEN as u64];
        let args = if case.profile == Profile::User { &args[..] } else { &args[..1] };
        machine.call(&mut Maps::default(), "main", args).unwrap();
        executed.extend(machine.executed().map(|(func, inst)| names(func, inst)).collect::<BTreeSet<_>>());
    }
    let mut expected = BTreeSet::new();
    for bits in [8, 16, 32, 64] {
        expected.extend(BinOp::ALL.iter().map(|op| format!("{} i{bits}", op.name())));
        let unary = UnOp::ALL.iter().filter(|&&op| bits > 8 || op != UnOp::Bswap);
        expected.extend(unary.map(|op| format!("{} i{bits}", op.name())));
        expected.extend(Cond::ALL.iter().map(|cond| format!("cmp {} i{bits}", cond.name())));
        expected.extend(["load u", "load s", "store"].map(|access| format!("{access} {bits}")));
    }
    for bits in [32, 64] {
        expected.extend(AtomicOp::ALL.iter().map(|op| format!("atomic {} {bits}", op.name())));
        expected.insert(format!("cmpxchg {bits}"));
    }
    expected.extend(CastOp::ALL.iter().filter(|&&op| op != CastOp::Space).map(|op| op.name().to_owned()));
    let others =
        ["select", "ptradd", "ptradd variable", "ptrdiff", "fence", "copy", "fill", "slot", "symbol"];
    expected.extend(others.map(str::to_owned));
    expected.extend(
        ["call", "call through a pointer", "call helper 1", "call helper 2", "pin", "marker", "asm"]
            .map(str::to_owned),
    );
    let missing: Vec<_> = expected.difference(&executed).collect();
    assert!(missing.is_empty(), "no random module executed {missing:?}");
}

/// What an instruction is counted as.
fn names(func: &Func, inst: Value) -> String {
    let node = func.node(inst);
    let ty = || node.ty.unwrap();
    match &node.op {
        Op::Bin(op, ..) => format!("{} {}", op.name(), ty()),
        Op::Un(op, _) => format!("{} {}", op.name(), ty()),
        Op::Cast(op, _) => op.name().to_owned(),
        Op::Cmp(cond, a, _) => format!("cmp {} {}", cond.name(), func.ty(*a)),
        Op::Load { access, signed, .. } => {
            format!("load {} {}", if *signed { "s" } else { "u" }, access.width.bits())
        }
        Op::Store { access, .. } => format!("store {}", access.width.bits()),
        Op::Atomic { op, access, .. } => format!("atomic {} {}", op.name(), access.width.bits()),
        Op::CmpXchg { access, .. } => format!("cmpxchg {}", access.width.bits()),
        Op::PtrAdd { index, .. } => if index.is_some() { "ptradd variable" } else { "ptradd" }.to_owned(),
        Op::Call { callee: Callee::Value(_), .. } => "call through a pointer".to_owned(),
        Op::Call { callee: Callee::Helper(number), .. } => format!("call helper {number}"),
        Op::Call { .. } => "call".to_owned(),
        Op::Select(..) => "select".to_owned(),
        Op::PtrDiff(..) => "ptrdiff".to_owned(),
        Op::Fence(_) => "fence".to_owned(),
        Op::Copy { .. } => "copy".to_owned(),
        Op::Fill { .. } => "fill".to_owned(),
        Op::Slot(_) => "slot".to_owned(),
        Op::Symbol(_) => "symbol".to_owned(),
        Op::Pin(_) => "pin".to_owned(),
        Op::Marker { .. } => "marker".to_owned(),
        Op::Asm(_) => "asm".to_owned(),
        Op::Const(_) | Op::Param | Op::Core(_) => "constant".to_owned(),
    }
}

#[test]
fn what_matters_is_left_of_a_module() {
    let divides = |module: &Module| {
        let is = |op: &Op| matches!(op, Op::Bin(BinOp::Udiv, ..));
        module.funcs.iter().any(|func| {
            func.blocks.iter().any(|block| block.insts.iter().any(|&inst| is(&func.node(inst).op)))
        })
    };
    let mut tried = 0;
    for seed in 0..40 {
        let case = generated(seed);
        if !divides(&shrink::tidied(&case.module)) {
            continue;
        }
        tried += 1;
        let short = shrink::shrink(&case.module, |candidate| {
            let candidate = Case { module: candidate.clone(), ..case.clone() };
            ir::validate::module(&candidate.module).is_ok()
                && judge::meaning(&candidate, Endian::Little).is_ok()
                && divides(&shrink::tidied(&candidate.module))
        });
        let insts: usize =
            short.funcs.iter().flat_map(|func| &func.blocks).map(|block| block.insts.len()).sum();
        assert!(insts <= 20, "seed {seed}: {insts} instructions are left\n{}", ir::text::print(&short));
    }
    assert!(tried >= 5, "{tried} modules divide");
}
