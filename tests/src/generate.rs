//! Random programs that the kernel's verifier accepts, most of them.
//!
//! Between two statements every register but one holds a number, and that one a pointer into the memory; statements that
//! need more pointers make them in a scratch register, and leave a number there. So statements can stand in any order,
//! in branches and loops. Loops are counted, accesses stay inside, divisors and shift counts are not constants that
//! the verifier refuses.

use std::ops::Range;

use crate::random::Random;
use crate::slot::{
    CALL, EXIT, GOTO, GOTOL, MAY_GOTO, Slot, X, alu, atomic, class, cond, insn, load_imm64, mode, size,
};
use crate::wrap::{Body, Pointer, layout};

/// The pointer points to the middle of the data.
const MIDDLE: i16 = 384;
/// How far the data reaches from there, both ways.
const REACH: i16 = 128;

/// A random program; the same numbers give the same one.
#[must_use]
pub fn program(random: &mut Random) -> Body {
    let count = random.below(4);
    let mut functions: Vec<Function> = Vec::new();
    let mut called = vec![false; count];
    let mut loops = vec![false; count];
    // The last one first: a function calls those behind it only, so that there is no recursion.
    for index in (0..count).rev() {
        let mut writer = Writer::new(random, index + 1..count, &loops, -48..0);
        writer.function();
        for &(_, callee) in &writer.out.calls {
            called[callee] = true;
        }
        let function = writer.out;
        loops[index] = function.loops;
        functions.insert(0, function);
    }
    let size = 4 + random.below(24);
    let mut writer = Writer::new(random, 0..count, &loops, layout::STACK);
    let pointer = writer.pointer;
    writer.block(size);
    for (index, called) in called.iter_mut().enumerate() {
        let by_main = writer.out.calls.iter().any(|&(_, callee)| callee == index);
        if !*called && !by_main {
            writer.call(index); // the verifier wants no function that nothing calls
        }
    }
    let main = writer.out;
    let mut starts = Vec::new();
    let mut at = main.code.len();
    for function in &functions {
        starts.push(at);
        at += function.code.len();
    }
    let code = main.linked(0, &starts);
    let mut at = code.len();
    let mut behind = Vec::new();
    for function in functions {
        let len = function.code.len();
        behind.extend(function.linked(at, &starts));
        at += len;
    }
    Body::new(&code).functions(&behind).pointer(pointer, Pointer::Memory(MIDDLE)).with_stack()
}

/// Code whose calls are not linked yet.
#[derive(Default)]
struct Function {
    code: Vec<Slot>,
    /// Where a function is called, and which one.
    calls: Vec<(usize, usize)>,
    /// It loops, or calls what loops.
    loops: bool,
}

impl Function {
    /// The code with its calls, for its place in the program.
    fn linked(mut self, at: usize, starts: &[usize]) -> Vec<Slot> {
        for (call, callee) in self.calls {
            let imm = i64::try_from(starts[callee]).unwrap_or(0) - i64::try_from(at + call + 1).unwrap_or(0);
            self.code[call] = insn(CALL, 0, 1, 0, i32::try_from(imm).unwrap_or(0));
        }
        self.code
    }
}

struct Writer<'r> {
    random: &'r mut Random,
    out: Function,
    /// Holds the pointer; kept by calls.
    pointer: u8,
    /// Loop counters: not written by statements.
    locked: Vec<u8>,
    /// Functions that may be called.
    callees: Range<usize>,
    /// For each function whether it loops.
    loops: &'r [bool],
    /// What of the frame holds numbers, in bytes from `r10`.
    stack: Range<i16>,
    /// How often the code at hand runs, at most.
    rounds: usize,
    depth: usize,
}

impl<'r> Writer<'r> {
    fn new(random: &'r mut Random, callees: Range<usize>, loops: &'r [bool], stack: Range<i16>) -> Self {
        let pointer = random.pick(&[6, 7, 8, 9]);
        Writer {
            random,
            out: Function::default(),
            pointer,
            locked: Vec::new(),
            callees,
            loops,
            stack,
            rounds: 1,
            depth: 0,
        }
    }

    /// A function: its first argument is the pointer, the others are numbers.
    fn function(&mut self) {
        self.emit(insn(0xbf, self.pointer, 1, 0, 0));
        for at in self.stack.clone().step_by(8) {
            let imm = self.random.imm();
            self.emit(insn(0x7a, 10, 0, at, imm));
        }
        let pointer = self.pointer;
        for reg in [0, 1, 6, 7, 8, 9].into_iter().filter(|&reg| reg != pointer) {
            let from = self.random.pick(&[2, 3, 4, 5]);
            match self.random.once_in(2) {
                true => self.emit(insn(0xbf, reg, from, 0, 0)),
                false => self.set_number(reg),
            }
        }
        let size = 2 + self.random.below(8);
        self.block(size);
        self.emit(insn(EXIT, 0, 0, 0, 0));
    }

    fn emit(&mut self, slot: Slot) {
        self.out.code.push(slot);
    }

    fn emit_all(&mut self, slots: &[Slot]) {
        self.out.code.extend_from_slice(slots);
    }

    fn here(&self) -> usize {
        self.out.code.len()
    }

    /// A register that holds a number.
    fn number(&mut self) -> u8 {
        loop {
            let reg = u8::try_from(self.random.below(10)).unwrap_or(0);
            if reg != self.pointer {
                return reg;
            }
        }
    }

    /// A register that may be written.
    fn target(&mut self) -> u8 {
        loop {
            let reg = self.number();
            if !self.locked.contains(&reg) {
                return reg;
            }
        }
    }

    /// A register that may be written, other than these.
    fn target_but(&mut self, others: &[u8]) -> u8 {
        loop {
            let reg = self.target();
            if !others.contains(&reg) {
                return reg;
            }
        }
    }

    /// Puts any number into a register.
    fn set_number(&mut self, reg: u8) {
        let value = self.random.value();
        match self.random.below(4) {
            0 => self.emit_all(&load_imm64(reg, value)),
            1 => {
                let off = self.offset_in_memory(8, 1);
                self.emit(insn(0x79, reg, self.pointer, off, 0));
            }
            2 => {
                let imm = self.random.imm();
                self.emit(insn(0xb4, reg, 0, 0, imm));
            }
            _ => {
                let imm = self.random.imm();
                self.emit(insn(0xb7, reg, 0, 0, imm));
            }
        }
    }

    fn block(&mut self, statements: usize) {
        for _ in 0..statements {
            self.statement();
        }
    }

    fn statement(&mut self) {
        let nested = self.depth < 3 && self.here() < 300;
        match self.random.below(100) {
            0..34 => self.arithmetic(),
            34..42 => self.one_operand(),
            42..54 => self.access(),
            54..60 => self.indexed_access(),
            60..68 => self.read_modify_write(),
            68..73 => self.acquire_release(),
            73..75 => self.spill_pointer(),
            75..79 => {
                let reg = self.target();
                self.set_number(reg);
            }
            79..81 => self.gotos(),
            81..92 if nested => self.branch(),
            92..95 if nested && self.rounds <= 4 => self.counted_loop(),
            95..99 if nested && !self.callees.is_empty() => {
                let callee = self.callees.start + self.random.below(self.callees.len());
                if self.rounds == 1 || !self.loops[callee] {
                    self.call(callee);
                }
            }
            _ => self.arithmetic(),
        }
    }

    fn arithmetic(&mut self) {
        let ops = [
            alu::ADD,
            alu::SUB,
            alu::MUL,
            alu::DIV,
            alu::OR,
            alu::AND,
            alu::LSH,
            alu::RSH,
            alu::MOD,
            alu::XOR,
            alu::MOV,
            alu::ARSH,
        ];
        let op = self.random.pick(&ops);
        let class = self.random.pick(&[class::ALU, class::ALU64]);
        let off = i16::from(matches!(op, alu::DIV | alu::MOD) && self.random.once_in(2));
        let dst = self.target();
        if self.random.once_in(2) {
            let src = self.number();
            self.emit(insn(op | X | class, dst, src, off, 0));
            return;
        }
        let width: i32 = if class == class::ALU { 32 } else { 64 };
        let imm = match (op, self.random.imm()) {
            (alu::DIV | alu::MOD, 0) => 1,
            (alu::LSH | alu::RSH | alu::ARSH, imm) => imm.rem_euclid(width),
            (_, imm) => imm,
        };
        self.emit(insn(op | class, dst, 0, off, imm));
    }

    fn one_operand(&mut self) {
        let (dst, src) = (self.target(), self.number());
        match self.random.below(3) {
            0 => {
                let class = self.random.pick(&[class::ALU, class::ALU64]);
                self.emit(insn(alu::NEG | class, dst, 0, 0, 0));
            }
            1 => {
                let forms = [
                    (class::ALU, 8),
                    (class::ALU, 16),
                    (class::ALU64, 8),
                    (class::ALU64, 16),
                    (class::ALU64, 32),
                ];
                let (class, from) = self.random.pick(&forms);
                self.emit(insn(alu::MOV | X | class, dst, src, from, 0));
            }
            _ => {
                let code = self.random.pick(&[0xd4, 0xdc, 0xd7]);
                let bits = self.random.pick(&[16, 32, 64]);
                self.emit(insn(code, dst, 0, 0, bits));
            }
        }
    }

    /// An offset from the pointer for this many bytes, a multiple of `align`.
    fn offset_in_memory(&mut self, bytes: usize, align: i16) -> i16 {
        let off = self.random.between(-REACH, REACH - i16::try_from(bytes).unwrap_or(8));
        off - off.rem_euclid(align)
    }

    /// An aligned offset from `r10` for this many bytes.
    fn offset_in_stack(&mut self, bytes: usize) -> i16 {
        let bytes = i16::try_from(bytes).unwrap_or(8);
        let off = self.random.between(self.stack.start, self.stack.end - bytes);
        off - off.rem_euclid(bytes)
    }

    /// A place in memory or in the frame: base and offset.
    fn place(&mut self, bytes: usize, align: i16) -> (u8, i16) {
        match self.random.once_in(3) {
            true => (10, self.offset_in_stack(bytes)),
            false => (self.pointer, self.offset_in_memory(bytes, align)),
        }
    }

    fn access(&mut self) {
        let size = self.random.pick(&size::ALL);
        let (base, off) = self.place(size::bytes(size), 1);
        if !self.random.once_in(4) {
            self.access_at(size, base, off);
            return;
        }
        // By a pointer of its own, which is elsewhere.
        let scratch = self.target();
        let by = self.random.between(-300, 300);
        self.emit(insn(0xbf, scratch, base, 0, 0));
        self.emit(insn(0x07, scratch, 0, 0, i32::from(by)));
        self.access_at(size, scratch, off - by);
        self.set_number(scratch);
    }

    fn access_at(&mut self, size: u8, base: u8, off: i16) {
        match self.random.below(4) {
            0 => {
                let src = loop {
                    let src = self.number();
                    if src != base {
                        break src;
                    }
                };
                self.emit(insn(class::STX | mode::MEM | size, base, src, off, 0));
            }
            1 => {
                let imm = self.random.imm();
                self.emit(insn(class::ST | mode::MEM | size, base, 0, off, imm));
            }
            kind => {
                let signed = kind == 2 && size != size::DW;
                let mode = if signed { mode::MEMSX } else { mode::MEM };
                let dst = self.target_but(&[base]);
                self.emit(insn(class::LDX | mode | size, dst, base, off, 0));
            }
        }
    }

    /// An access at an offset that is known at run time only.
    fn indexed_access(&mut self) {
        let size = self.random.pick(&size::ALL);
        let bytes = i16::try_from(size::bytes(size)).unwrap_or(8);
        let scratch = self.target();
        let index = self.target_but(&[scratch]);
        let from = self.number();
        if from != scratch {
            self.emit(insn(0xbf, index, from, 0, 0));
        }
        let bits = 1 + self.random.below(6);
        let end = 1i16 << bits;
        match self.random.below(3) {
            0 => self.emit(insn(0x57, index, 0, 0, i32::from(end - 1))),
            1 => self.emit(insn(0x54, index, 0, 0, i32::from(end - 1))),
            _ => self.emit(insn(0x77, index, 0, 0, i32::try_from(64 - bits).unwrap_or(63))),
        }
        let off = self.random.between(-REACH, REACH - end - bytes);
        self.emit(insn(0xbf, scratch, self.pointer, 0, 0));
        self.emit(insn(0x0f, scratch, index, 0, 0));
        self.access_at(size, scratch, off);
        self.set_number(scratch);
    }

    fn read_modify_write(&mut self) {
        let size = self.random.pick(&[size::W, size::DW]);
        let bytes = size::bytes(size);
        let (base, off) = self.place(bytes, i16::try_from(bytes).unwrap_or(8));
        let op = self.random.pick(&atomic::READ_MODIFY_WRITE);
        let src = if op & atomic::FETCH != 0 { self.target() } else { self.number() };
        if op == atomic::CMPXCHG && self.random.once_in(2) {
            // Otherwise it would hardly ever succeed. The upper half of r0 must not count.
            let mode = if size == size::W { mode::MEMSX } else { mode::MEM };
            self.emit(insn(class::LDX | mode | size, 0, base, off, 0));
        }
        self.emit(insn(class::STX | mode::ATOMIC | size, base, src, off, op));
        if (op, size) == (atomic::CMPXCHG, size::W) {
            // x86 leaves the upper half of r0 alone on success. Linux 6.18 clears it where it sees it read, but not
            // where the verifier has left out the code that reads it, having been there with a like state.
            self.emit(insn(0xbc, 0, 0, 0, 0));
        }
    }

    fn acquire_release(&mut self) {
        let size = self.random.pick(&size::ALL);
        let bytes = size::bytes(size);
        let (base, off) = self.place(bytes, i16::try_from(bytes).unwrap_or(8));
        let code = class::STX | mode::ATOMIC | size;
        if self.random.once_in(2) {
            let dst = self.target();
            self.emit(insn(code, dst, base, off, atomic::LOAD_ACQUIRE));
        } else {
            let src = self.number();
            self.emit(insn(code, base, src, off, atomic::STORE_RELEASE));
        }
    }

    /// Keeps the pointer in the frame while its register holds something else.
    fn spill_pointer(&mut self) {
        if self.stack != layout::STACK {
            return; // only the main function has room for it
        }
        let slot = self.random.pick(&layout::SPILL);
        self.emit(insn(0x7b, 10, self.pointer, slot, 0));
        let imm = self.random.imm();
        self.emit(insn(0xb7, self.pointer, 0, 0, imm));
        let scratch = self.target();
        self.emit(insn(0x0f, scratch, self.pointer, 0, 0));
        self.emit(insn(0x79, self.pointer, 10, slot, 0));
    }

    /// Sets the offset of the jump at `at` so that it lands here.
    fn land(&mut self, at: usize) {
        let off = i16::try_from(self.here() - at - 1).unwrap_or(0);
        let [code, regs, _, _, imm @ ..] = self.out.code[at];
        if code == GOTOL {
            self.out.code[at] = insn(GOTOL, 0, 0, 0, off.into());
        } else {
            self.out.code[at] = insn(code, regs & 15, regs >> 4, off, i32::from_le_bytes(imm));
        }
    }

    /// A condition; its offset is set later.
    fn condition(&mut self) {
        let dst = self.number();
        let code = self.random.pick(&cond::ALL) | self.random.pick(&[class::JMP, class::JMP32]);
        if self.random.once_in(2) {
            let src = self.number();
            self.emit(insn(code | X, dst, src, 0, 0));
        } else {
            let imm = self.random.imm();
            self.emit(insn(code, dst, 0, 0, imm));
        }
    }

    fn goto(&mut self) -> usize {
        let code = self.random.pick(&[GOTO, GOTOL]);
        self.emit(insn(code, 0, 0, 0, 0));
        self.here() - 1
    }

    fn branch(&mut self) {
        self.depth += 1;
        let condition = self.here();
        self.condition();
        let size = 1 + self.random.below(4);
        self.block(size);
        if self.random.once_in(2) {
            let goto = self.goto();
            self.land(condition);
            let size = 1 + self.random.below(3);
            self.block(size);
            self.land(goto);
        } else {
            self.land(condition);
        }
        self.depth -= 1;
    }

    /// Forth, back and forth: the same statements as without, in another order.
    fn gotos(&mut self) {
        let first = self.goto();
        let back = self.here();
        self.arithmetic();
        let last = self.goto();
        self.land(first);
        self.arithmetic();
        let off = i16::try_from(back).unwrap_or(0) - i16::try_from(self.here()).unwrap_or(0) - 1;
        match self.random.once_in(2) {
            true => self.emit(insn(GOTO, 0, 0, off, 0)),
            false => self.emit(insn(GOTOL, 0, 0, 0, off.into())),
        }
        self.land(last);
    }

    /// The verifier walks through each round. So that it comes to an end, a loop whose rounds it cannot count, or
    /// may leave at any time, is neither in another one nor around one.
    fn counted_loop(&mut self) {
        let free = [6, 7, 8, 9].into_iter().filter(|reg| *reg != self.pointer && !self.locked.contains(reg));
        let free: Vec<u8> = free.collect();
        if free.len() < 2 {
            return self.arithmetic();
        }
        self.out.loops = true;
        let counter = self.random.pick(&free);
        let kind = if self.rounds == 1 { self.random.below(4) } else { 0 };
        let from = self.number();
        if kind == 1 {
            self.emit(insn(0xbf, counter, from, 0, 0));
            self.emit(insn(0x57, counter, 0, 0, 3));
            self.emit(insn(0x07, counter, 0, 0, 1));
        } else {
            let rounds = 1 + self.random.below(4);
            self.emit(insn(0xb7, counter, 0, 0, i32::try_from(rounds).unwrap_or(1)));
        }
        let start = self.here();
        if kind == 2 {
            self.emit(insn(MAY_GOTO, 0, 0, 0, 0));
        }
        self.depth += 1;
        self.rounds *= if kind == 0 { 4 } else { 16 };
        self.locked.push(counter);
        let size = 1 + self.random.below(4);
        self.block(size);
        self.locked.pop();
        self.rounds /= if kind == 0 { 4 } else { 16 };
        self.depth -= 1;
        self.emit(insn(0x07, counter, 0, 0, -1));
        let back = i16::try_from(start).unwrap_or(0) - i16::try_from(self.here()).unwrap_or(0) - 1;
        // While it is not 0, or above 0.
        let again = if kind == 0 { self.random.pick(&[0x55, 0x65, 0x56, 0x66, 0x25]) } else { 0x65 };
        self.emit(insn(again, counter, 0, back, 0));
        if kind == 2 {
            self.land(start);
        }
    }

    /// Afterwards nothing is known of `r1`–`r5`.
    fn call(&mut self, callee: usize) {
        self.out.loops |= self.loops[callee];
        self.emit(insn(0xbf, 1, self.pointer, 0, 0));
        self.out.calls.push((self.here(), callee));
        self.emit(insn(CALL, 0, 1, 0, 0));
        for reg in 1..6 {
            match self.random.once_in(2) {
                true => self.emit(insn(0xbf, reg, 0, 0, 0)),
                false => self.set_number(reg),
            }
        }
    }
}
