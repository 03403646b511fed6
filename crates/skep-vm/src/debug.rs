//! Watching a run: hooks that see each instruction before it executes. Runs without a hook pay nothing for them.
//!
//! A hook is any closure that takes a [`State`]. A breakpoint is a condition in it:
//!
//! ```
//! use skep_insn::{Reg, Slot};
//! use skep_vm::debug::{Flow, State};
//! use skep_vm::{Engine, Hosts, TrapKind};
//!
//! let code = "r0 = 1\n r0 <<= r1\n r0 += 2\n exit";
//! let object = skep_object::asm::assemble("shift.s", &format!(".globl main\nmain: {code}\n")).unwrap();
//! let image = skep_link::link(&object, &skep_link::Options::new())?;
//! let unit = Engine::checked(Hosts::new()).add(&image)?;
//! let main = unit.func("main").ok_or("no main")?;
//!
//! let mut seen = None;
//! let mut at_addition = |state: &mut State<'_>| {
//!     if state.func() == "main" && state.at() == Slot(2) {
//!         seen = Some((state.reg(Reg::R0), state.location().insn));
//!         state.set_reg(Reg::R0, 40);
//!     }
//!     Flow::Continue
//! };
//! assert_eq!(main.prepare().args(&[4]).hook(&mut at_addition).call()?, 42);
//! assert_eq!(seen, Some((16, "r0 += 0x2".to_owned())));
//!
//! // Single steps: each call of the hook is one. `Flow::Stop` ends the run.
//! let mut steps = Vec::new();
//! let mut two_steps = |state: &mut State<'_>| {
//!     steps.push(state.insn().map(|insn| insn.to_string()));
//!     if steps.len() < 2 { Flow::Continue } else { Flow::Stop }
//! };
//! let trap = main.prepare().hook(&mut two_steps).call().unwrap_err();
//! assert_eq!(trap.kind, TrapKind::Debugger);
//! assert_eq!(steps.len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! To step over a call, go on until [`State::depth`] is what it was; to step out, until it is less. A hook may wait as long
//! as it likes, so a debugger with a thread of its own lets the hook send what it sees there, and wait for the answer.
#![expect(unsafe_code, reason = "follows the run's pointer to its function")]

use std::fmt;

use skep_insn::{Insn, Reg, Slot};

use crate::error::Location;
use crate::interp::Op;
use crate::run::Run;
use crate::unit::Cell;

/// What happens after a hook has seen an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// The instruction executes.
    Continue,
    /// The run ends with [`TrapKind::Debugger`](crate::TrapKind::Debugger).
    Stop,
}

/// Sees each instruction before it executes: for traces, counts, breakpoints and single steps.
pub trait Hook {
    /// Called before the instruction that `state` describes.
    fn before(&mut self, state: &mut State<'_>) -> Flow;
}

impl<F: FnMut(&mut State<'_>) -> Flow> Hook for F {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        self(state)
    }
}

/// A program that stands before an instruction.
pub struct State<'a> {
    run: &'a mut Run,
    pc: *const Op,
    executed: u64,
}

impl<'a> State<'a> {
    pub(crate) fn new(run: &'a mut Run, pc: *const Op, executed: u64) -> Self {
        State { run, pc, executed }
    }

    fn cell(&self) -> &Cell {
        // SAFETY: the cell belongs to the unit, which outlives the run.
        unsafe { &*self.run.cell }
    }

    /// The function's name.
    #[must_use]
    pub fn func(&self) -> &str {
        self.cell().name()
    }

    /// The function's index in its image.
    #[must_use]
    pub fn func_index(&self) -> usize {
        self.cell().index()
    }

    /// The instruction's slot.
    #[must_use]
    pub fn at(&self) -> Slot {
        self.cell().slot_of(self.pc, true)
    }

    /// The instruction; references to functions, data and imports stand in it as placeholders.
    #[must_use]
    pub fn insn(&self) -> Option<Insn> {
        self.cell().insn(self.at())
    }

    /// Function, slot, text of the instruction and source line.
    #[must_use]
    pub fn location(&self) -> Location {
        self.cell().location(self.at())
    }

    /// Where the program stands, and the calls that wait, from the innermost on: [`State::depth`] of them.
    #[must_use]
    pub fn backtrace(&self) -> Vec<Location> {
        self.run.backtrace(self.pc).collect()
    }

    /// How many callers wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.run.frames.len()
    }

    /// How many instructions have been executed in this call, which is how much of its budget is spent.
    #[must_use]
    pub fn executed(&self) -> u64 {
        self.executed
    }

    /// The value of a register.
    #[must_use]
    pub fn reg(&self, reg: Reg) -> u64 {
        self.run.regs[usize::from(reg.number())]
    }

    /// Changes a register. `r10` keeps its value: it is what the stack is found by.
    pub fn set_reg(&mut self, reg: Reg, value: u64) {
        if reg != Reg::R10 {
            self.run.regs[usize::from(reg.number())] = value;
        }
    }

    /// `r0` to `r10`.
    #[must_use]
    pub fn regs(&self) -> [u64; 11] {
        std::array::from_fn(|index| self.run.regs[index])
    }

    /// Copies memory of the program to `into`; false, and `into` is as it was or in part written, if not all of it may be
    /// read: in checked mode by the program, in host mode by anybody.
    #[must_use]
    pub fn read(&self, addr: u64, into: &mut [u8]) -> bool {
        self.run.peek(addr, into)
    }
}

impl fmt::Debug for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let location = format_args!("{}", self.location()).to_string();
        f.debug_struct("State")
            .field("location", &location)
            .field("depth", &self.depth())
            .field("executed", &self.executed)
            .field("regs", &self.regs())
            .finish()
    }
}
