//! What is counted about a function: its instructions, and how many of them a run executes.

use std::error::Error;

use skep::insn::RawInsn;
use skep::{Checked, Engine, Hosts};

/// A run that takes this many instructions is taken for an endless loop; the longest real one takes 400 000.
const BUDGET: u64 = 20_000_000;

/// The code of a function and of all that it calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// Instructions; `ld_imm64` is one.
    pub(crate) insns: usize,
    /// Units of 8 bytes; `ld_imm64` is two.
    pub(crate) slots: usize,
}

impl Size {
    /// Counts code.
    pub(crate) fn of(code: &[RawInsn]) -> Self {
        let mut size = Self { insns: 0, slots: code.len() };
        let mut at = code.iter();
        while let Some(insn) = at.next() {
            size.insns += 1;
            if insn.code == LD_IMM64 {
                at.next();
            }
        }
        size
    }
}

const LD_IMM64: u8 = 0x18;

/// What a run did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Instructions executed.
    pub(crate) executed: u64,
    /// The function's result.
    pub(crate) result: u64,
    /// The buffer behind it.
    pub(crate) memory: Vec<u8>,
}

impl Run {
    /// Whether two compilers' codes did the same.
    pub(crate) fn agrees(&self, other: &Self) -> bool {
        self.result == other.result && self.memory == other.memory
    }
}

/// Links a function of an object with what it refers to, counts it, and runs it over a copy of `input`.
///
/// # Errors
/// The object is damaged or has no such function, or the run ends early.
pub(crate) fn measure(object: &[u8], function: &str, input: &[u8]) -> Result<(Size, Run), Box<dyn Error>> {
    let object = skep::read(function, object)?;
    let image = skep::linker::link(&object, &skep::linker::Options::new().entry(function))?;
    let mut size = Size { insns: 0, slots: 0 };
    for func in &image.funcs {
        let one = Size::of(&func.code);
        size.insns += one.insns;
        size.slots += one.slots;
    }
    let engine: Engine<Checked> = Engine::checked(Hosts::new());
    let unit = engine.add(&image)?;
    let func = unit.func(function).ok_or("no such function")?;
    let mut memory = input.to_vec();
    let mut executed = 0;
    let result = func.prepare().memory(&mut memory).budget(BUDGET).count(&mut executed).call()?;
    Ok((size, Run { executed, result, memory }))
}
