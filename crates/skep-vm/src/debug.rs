//! Watching a run: hooks that see each instruction before it executes. Runs without a hook pay nothing for them.

use skep_insn::{Insn, Reg, Slot};

use crate::engine::Cell;
use crate::error::Location;

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
    regs: &'a mut [u64; 16],
    cell: &'a Cell,
    at: Slot,
    depth: usize,
}

impl<'a> State<'a> {
    pub(crate) fn new(regs: &'a mut [u64; 16], cell: &'a Cell, at: Slot, depth: usize) -> Self {
        State { regs, cell, at, depth }
    }

    /// The function's name.
    #[must_use]
    pub fn func(&self) -> &str {
        self.cell.name()
    }

    /// The function's index in its image.
    #[must_use]
    pub fn func_index(&self) -> usize {
        self.cell.index()
    }

    /// The instruction's slot.
    #[must_use]
    pub fn at(&self) -> Slot {
        self.at
    }

    /// The instruction; references to functions, data and imports stand in it as placeholders.
    #[must_use]
    pub fn insn(&self) -> Option<Insn> {
        self.cell.insn(self.at)
    }

    /// Function, slot, text of the instruction and source line.
    #[must_use]
    pub fn location(&self) -> Location {
        self.cell.location(self.at)
    }

    /// How many callers wait.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// The value of a register.
    #[must_use]
    pub fn reg(&self, reg: Reg) -> u64 {
        self.regs[usize::from(reg.number())]
    }

    /// Changes a register. `r10` keeps its value: it is what the stack is found by.
    pub fn set_reg(&mut self, reg: Reg, value: u64) {
        if reg != Reg::R10 {
            self.regs[usize::from(reg.number())] = value;
        }
    }

    /// `r0` to `r10`.
    #[must_use]
    pub fn regs(&self) -> [u64; 11] {
        std::array::from_fn(|index| self.regs[index])
    }
}
