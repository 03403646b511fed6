//! Random modules: they mean something, what they mean is kept by their text, and failing ones become short.

use skep_codegen::ir::{self, BinOp, Module, Op};
use skep_tests::engine::Memory;
use skep_tests::random::Random;
use skep_tests::sir::generate::{self, Profile};
use skep_tests::sir::judge::{self, Case};
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
        let meaning = judge::meaning(&case).unwrap_or_else(|fault| panic!("seed {seed}: {}", fault.what));
        let text = ir::text::print(&case.module);
        let read =
            ir::text::parse("random.sir", &text).unwrap_or_else(|errors| panic!("seed {seed}: {errors}"));
        assert_eq!(ir::text::print(&read), text, "seed {seed}");
        let again = judge::meaning(&Case { module: read, ..case });
        assert!(again == Ok(meaning), "seed {seed}: the text means something else\n{text}");
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
                && judge::meaning(&candidate).is_ok()
                && divides(&shrink::tidied(&candidate.module))
        });
        let insts: usize =
            short.funcs.iter().flat_map(|func| &func.blocks).map(|block| block.insts.len()).sum();
        assert!(insts <= 16, "seed {seed}: {insts} instructions are left\n{}", ir::text::print(&short));
    }
    assert!(tried >= 5, "{tried} modules divide");
}
