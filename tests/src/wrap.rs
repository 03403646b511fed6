//! Programs around a piece of code: they load `r0`–`r9` and the stack from memory, and store all of it again.
//!
//! Whatever an instruction does is then visible in the program's memory, in each engine alike. The program tells
//! the addresses of its memory and of its frame, too: registers may hold pointers at the end, and the oracle is
//! run with the same addresses.

use crate::engine::Memory;
use crate::slot::{CALL, EXIT, LD_IMM64, Slot, fields, insn};

/// What lies where in the memory, in bytes from its start.
pub mod layout {
    use std::ops::Range;

    /// Written by the program: the address of the memory.
    pub const ADDRESS: usize = 0;
    /// Written by the program: `r10`.
    pub const FRAME: usize = 8;
    /// What registers begin with.
    pub const IN: usize = 16;
    /// What they end with.
    pub const OUT: usize = 96;
    /// For the code to work on.
    pub const DATA: Range<usize> = 256..512;
    /// What the stack begins with.
    pub const STACK_IN: usize = 512;
    /// What it ends with.
    pub const STACK_OUT: usize = 640;

    /// For the code to work on: in bytes from `r10`.
    pub const STACK: Range<i16> = -160..-32;
    /// Two words of the stack that are not stored at the end, and may hold pointers.
    pub const SPILL: [i16; 2] = [-32, -24];
}

/// Where a register points to in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pointer {
    /// An offset in the memory.
    Memory(i16),
    /// An offset from `r10`.
    Stack(i16),
}

/// A program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its code.
    pub slots: Vec<Slot>,
    /// What of it is tested; the rest is the wrapper's.
    pub tested: Vec<bool>,
}

/// A piece of code to be wrapped.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// It ends by running off its end. Calls behind its end go to `functions`.
    pub code: Vec<Slot>,
    /// Functions, which stand behind the program.
    pub functions: Vec<Slot>,
    /// Registers that hold pointers; all others are loaded from the memory.
    pub pointers: Vec<(u8, Pointer)>,
    /// The stack is loaded and stored, too.
    pub stack: bool,
}

/// Where the wrapper keeps the address of the memory, and for a moment `r0`: in bytes from `r10`.
const KEPT_ADDRESS: i16 = -8;
const KEPT_R0: i16 = -16;

const LOAD: u8 = 0x79;
const STORE: u8 = 0x7b;
const MOV: u8 = 0xbf;
const ADD_IMM: u8 = 0x07;

impl Body {
    /// A body of this code.
    #[must_use]
    pub fn new(code: &[Slot]) -> Body {
        Body { code: code.to_vec(), ..Body::default() }
    }

    /// Makes a register begin as a pointer.
    #[must_use]
    pub fn pointer(mut self, reg: u8, to: Pointer) -> Body {
        self.pointers.push((reg, to));
        self
    }

    /// Loads and stores the stack, too.
    #[must_use]
    pub fn with_stack(mut self) -> Body {
        self.stack = true;
        self
    }

    /// Appends functions.
    #[must_use]
    pub fn functions(mut self, code: &[Slot]) -> Body {
        self.functions.extend_from_slice(code);
        self
    }

    /// The whole program.
    #[must_use]
    pub fn wrap(&self) -> Program {
        let (prologue, epilogue) = (self.prologue(), self.epilogue());
        let mut slots = prologue.clone();
        slots.extend(self.code.iter().enumerate().map(|(at, &slot)| self.moved(at, slot, epilogue.len())));
        slots.extend(&epilogue);
        slots.extend(&self.functions);
        let mut tested = vec![false; slots.len()];
        tested[prologue.len()..prologue.len() + self.code.len()].fill(true);
        tested[slots.len() - self.functions.len()..].fill(true);
        Program { slots, tested }
    }

    /// Between the body and its functions stands the epilogue.
    fn moved(&self, at: usize, slot: Slot, by: usize) -> Slot {
        let f = fields(slot);
        let second = at.checked_sub(1).is_some_and(|before| self.code[before][0] == LD_IMM64);
        let refers = (f.code, f.src) == (CALL, 1) || (f.code, f.src) == (LD_IMM64, 4);
        let target = i64::try_from(at).unwrap_or(0) + 1 + i64::from(f.imm);
        if second || !refers || usize::try_from(target).is_ok_and(|target| target < self.code.len()) {
            return slot;
        }
        insn(f.code, f.dst, f.src, f.off, f.imm + i32::try_from(by).unwrap_or(0))
    }

    fn prologue(&self) -> Vec<Slot> {
        let mut code = vec![
            insn(STORE, 1, 1, offset(layout::ADDRESS), 0),
            insn(STORE, 1, 10, offset(layout::FRAME), 0),
            insn(STORE, 10, 1, KEPT_ADDRESS, 0),
        ];
        if self.stack {
            for (index, at) in stack_words() {
                code.push(insn(LOAD, 0, 1, offset(layout::STACK_IN + 8 * index), 0));
                code.push(insn(STORE, 10, 0, at, 0));
            }
        }
        // r1 last: all others are loaded through it.
        for reg in [0, 2, 3, 4, 5, 6, 7, 8, 9, 1] {
            match self.pointers.iter().find(|(pointer, _)| *pointer == reg) {
                None => code.push(insn(LOAD, reg, 1, offset(layout::IN + 8 * usize::from(reg)), 0)),
                Some(&(_, to)) => {
                    let (base, off) = match to {
                        Pointer::Memory(off) => (1, off),
                        Pointer::Stack(off) => (10, off),
                    };
                    if base != reg {
                        code.push(insn(MOV, reg, base, 0, 0));
                    }
                    code.push(insn(ADD_IMM, reg, 0, 0, off.into()));
                }
            }
        }
        code
    }

    fn epilogue(&self) -> Vec<Slot> {
        let mut code = vec![insn(STORE, 10, 0, KEPT_R0, 0), insn(LOAD, 0, 10, KEPT_ADDRESS, 0)];
        for reg in 1..10 {
            code.push(insn(STORE, 0, reg, offset(layout::OUT + 8 * usize::from(reg)), 0));
        }
        code.push(insn(LOAD, 1, 10, KEPT_R0, 0));
        code.push(insn(STORE, 0, 1, offset(layout::OUT), 0));
        if self.stack {
            for (index, at) in stack_words() {
                code.push(insn(LOAD, 1, 10, at, 0));
                code.push(insn(STORE, 0, 1, offset(layout::STACK_OUT + 8 * index), 0));
            }
        }
        code.push(insn(0xb7, 0, 0, 0, RETURNS));
        code.push(insn(EXIT, 0, 0, 0, 0));
        code
    }
}

/// What a wrapped program returns.
pub const RETURNS: i32 = 0x5ca1_ab1e;

fn stack_words() -> impl Iterator<Item = (usize, i16)> {
    layout::STACK.step_by(8).enumerate()
}

fn offset(at: usize) -> i16 {
    i16::try_from(at).unwrap_or(i16::MAX)
}

/// Memory in which registers begin with these values, and all else with a pattern.
#[must_use]
pub fn input(regs: [u64; 10]) -> Memory {
    let mut memory = Memory::new();
    for (index, byte) in memory.0.iter_mut().enumerate() {
        *byte = index.wrapping_mul(0x9d).wrapping_add(0x3b).to_le_bytes()[0];
    }
    for (index, value) in regs.into_iter().enumerate() {
        memory.set_word(layout::IN + 8 * index, value);
    }
    memory
}
