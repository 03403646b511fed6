//! One program on all engines, each judged by the oracle.

use std::fmt;

use skep_insn::{Endian, Insn, RawInsn};

use crate::engine::{self, Engine, Loaded, Memory, Refused};
use crate::kernel::Kernel;
use crate::names;
use crate::oracle::{self, Addresses, Done, Fault};
use crate::report::Counts;
use crate::slot::Slot;
use crate::wrap::{Program, layout};

/// Steps that the oracle goes.
const STEPS: u64 = 1_000_000;

/// The engines to compare, and what was compared so far.
pub struct Judge {
    user_space: Vec<Box<dyn Engine>>,
    kernel: Option<Kernel>,
    /// Instructions by name: for how many inputs the kernel executed them, and left what the oracle expected.
    pub in_kernel: Counts,
    /// Programs that the kernel has taken.
    pub accepted: u64,
    /// Programs that the kernel has refused, by reason.
    pub refused: Counts,
}

/// What the kernel made of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran it, and agreed.
    Agreed,
    /// It does not take it.
    Refused(Refused),
    /// There is no kernel to ask.
    Skipped,
}

/// An engine that is not of the oracle's opinion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disagreement {
    /// Of which kind.
    pub kind: Kind,
    /// Which engine, and what it did.
    pub what: String,
}

/// Kinds of disagreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program does something that no program may: it should not have been compared.
    Invalid,
    /// An engine of user space does not take it.
    Refused,
    /// It ended early, or left something else.
    Differs,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Judge {
    /// All engines; without a kernel, that is told and `what` goes on without.
    ///
    /// # Panics
    /// If there is no kernel, and nothing may be skipped.
    #[must_use]
    pub fn new(what: &str) -> Judge {
        Judge::with(Kernel::open_or_skip(what))
    }

    /// The engines of user space, and perhaps a kernel.
    #[must_use]
    pub fn with(kernel: Option<Kernel>) -> Judge {
        Judge {
            user_space: engine::user_space(),
            kernel,
            in_kernel: Counts::default(),
            accepted: 0,
            refused: Counts::default(),
        }
    }

    /// Whether there is a kernel to compare with.
    #[must_use]
    pub fn has_kernel(&self) -> bool {
        self.kernel.is_some()
    }

    /// Runs a program on each input and each engine, and compares what is left in memory.
    ///
    /// # Errors
    /// The first disagreement.
    pub fn compare(&mut self, program: &Program, inputs: &[Memory]) -> Result<Verdict, Disagreement> {
        vet(program, inputs)?;
        for engine in &self.user_space {
            let mut loaded = engine.load(&program.slots).map_err(|refused| Disagreement {
                kind: Kind::Refused,
                what: format!("{} refuses the program: {}", engine.name(), refused.reason),
            })?;
            run_all(engine.name(), &mut *loaded, program, inputs, u64::MAX, |_| {})?;
        }
        let Some(kernel) = &self.kernel else { return Ok(Verdict::Skipped) };
        let mut loaded = match kernel.load(&program.slots) {
            Ok(loaded) => loaded,
            Err(refused) => {
                self.refused.add(&without_numbers(&refused.reason), 1);
                return Ok(Verdict::Refused(refused));
            }
        };
        self.accepted += 1;
        let in_kernel = &mut self.in_kernel;
        run_all(kernel.name(), &mut *loaded, program, inputs, u32::MAX.into(), |done| {
            for (at, _) in
                program.tested.iter().zip(&done.visited).enumerate().filter(|(_, v)| *v == (&true, &true))
            {
                if let Ok(name) = names::name(&program.slots[at..]) {
                    in_kernel.add(&name, 1);
                }
            }
        })?;
        Ok(Verdict::Agreed)
    }
}

/// Sees to it that a program can be run by an engine that checks nothing.
fn vet(program: &Program, inputs: &[Memory]) -> Result<(), Disagreement> {
    let addresses = Addresses { memory: 0x10_0000, frame: 0x20_0000 };
    for input in inputs {
        let mut memory = input.clone();
        if let Err(fault) = oracle::run(&program.slots, &mut memory.0, addresses, STEPS) {
            return Err(Disagreement { kind: Kind::Invalid, what: format!("the oracle: {fault:?}") });
        }
    }
    Ok(())
}

/// Runs one engine on all inputs. Of the result, the bits of `returned` count.
fn run_all(
    name: &str,
    loaded: &mut dyn Loaded,
    program: &Program,
    inputs: &[Memory],
    returned: u64,
    mut agreed: impl FnMut(&Done),
) -> Result<(), Disagreement> {
    let disagree = |input: &Memory, what: String| {
        let regs: Vec<String> =
            (0..10).map(|reg| format!("r{reg}={:#x}", input.word(layout::IN + 8 * reg))).collect();
        Disagreement { kind: Kind::Differs, what: format!("{name}: {what}\nwith {}", regs.join(" ")) }
    };
    for input in inputs {
        let mut memory = input.clone();
        let r0 = loaded.run(&mut memory).map_err(|error| disagree(input, error))?;
        let addresses = Addresses { memory: memory.word(layout::ADDRESS), frame: memory.word(layout::FRAME) };
        let mut expected = input.clone();
        let done = oracle::run(&program.slots, &mut expected.0, addresses, STEPS)
            .map_err(|fault: Fault| disagree(input, format!("at its addresses the oracle says {fault:?}")))?;
        if let Some(difference) = difference(&memory, &expected) {
            return Err(disagree(input, difference));
        }
        if (r0 ^ done.regs[0]) & returned != 0 {
            return Err(disagree(input, format!("returns {r0:#x}, expected {:#x}", done.regs[0])));
        }
        agreed(&done);
    }
    Ok(())
}

/// Where two memories differ, in the words of the wrapper.
fn difference(found: &Memory, expected: &Memory) -> Option<String> {
    let words = (0..Memory::LEN).step_by(8);
    let differing = words.filter(|&at| found.word(at) != expected.word(at)).map(|at| {
        let reg = at.checked_sub(layout::OUT).map(|from| from / 8).filter(|&reg| reg < 10);
        let place = reg.map_or_else(|| format!("memory+{at:#x}"), |reg| format!("r{reg}"));
        format!("{place} is {:#x}, expected {:#x}", found.word(at), expected.word(at))
    });
    let differing: Vec<_> = differing.collect();
    (!differing.is_empty()).then(|| differing.join("\n"))
}

/// The kernel's reason without what differs from program to program.
pub(crate) fn without_numbers(reason: &str) -> String {
    let mut text = String::new();
    let mut chars = reason.chars().peekable();
    while let Some(c) = chars.next() {
        if c.is_ascii_digit() {
            while chars.next_if(char::is_ascii_hexdigit).is_some() {}
            text.push('N');
        } else {
            text.push(c);
        }
    }
    text
}

/// The text of a program, one instruction a line.
#[must_use]
pub fn listing(program: &Program) -> String {
    let raw: Vec<RawInsn> =
        program.slots.iter().map(|&slot| RawInsn::from_bytes(slot, Endian::Little)).collect();
    let mut lines = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let mark = if program.tested[at] { ' ' } else { '.' };
        let (text, slots) = match Insn::decode(&raw[at..]) {
            Ok(insn) => (insn.to_string(), insn.slots() as usize),
            Err(_) => (format!("{:?}", raw[at]), 1),
        };
        let bytes: Vec<String> = program.slots[at].iter().map(|byte| format!("{byte:02x}")).collect();
        lines.push(format!("{at:4}{mark} {}  {text}", bytes.join(" ")));
        at += slots;
    }
    lines.join("\n")
}

/// The names of what stands in a program, for a look at what a generator makes.
#[must_use]
pub fn names_in(slots: &[Slot]) -> Vec<String> {
    (0..slots.len()).filter_map(|at| names::name(&slots[at..]).ok()).collect()
}
