//! Random modules: what they mean is told by an interpreter of the IR, and whatever the compiler makes of them agrees.

use skep_codegen::{Endian, ir};
use skep_tests::random::Random;
use skep_tests::sir::eval::{Machine, Nothing};
use skep_tests::sir::generate::{self, Profile};
use skep_tests::sir::memory::{Name, Uninit};

#[test]
fn random_modules_mean_something() {
    for seed in 0..2000 {
        for profile in [Profile::User, Profile::Kernel] {
            let mut random = Random::new(seed);
            let module = generate::module(&mut random, profile);
            ir::validate::module(&module).unwrap_or_else(|diags| panic!("seed {seed}: {diags}"));
            for endian in [Endian::Little, Endian::Big] {
                let mut machine = Machine::new(&module, endian, Uninit::Fault);
                let memory = (0..generate::MEMORY).map(|_| random.value().to_le_bytes()[0]).collect();
                let addr = machine.memory.add(Name::Buffer(0), memory, false);
                let args = [addr, generate::MEMORY as u64];
                let args = if profile == Profile::User { &args[..] } else { &args[..1] };
                if let Err(fault) = machine.call(&mut Nothing, "main", args) {
                    panic!("seed {seed} {profile:?}: {fault}\n{module:#?}");
                }
            }
        }
    }
}
