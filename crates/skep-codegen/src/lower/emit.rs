//! From allocated registers to instructions.

use regalloc2::{Allocation, Edit, Inst, Output, ProgPoint};
use skep_insn::{AluOp, AtomicOp as BpfOp, Callee, Cond, Imm64, Insn, MemSize, Operand, Reg, Width};

use super::frame::Frame;
use super::index;
use super::machine::{AsmText, At, Kind, MInst, Program, UNRESOLVED};
use super::parts::Part;
use crate::ir::{AtomicOp, Loc, SymbolId};

/// Instructions in blocks.
#[derive(Debug, Default)]
pub(super) struct Asm {
    pub(super) insts: Vec<PInst>,
    pub(super) blocks: Vec<PBlock>,
    /// Jump tables: where each entry leads.
    pub(super) tables: Vec<Vec<u32>>,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
pub(super) struct PInst {
    pub(super) insn: Insn,
    pub(super) note: Note,
    /// Of a call: the registers of its arguments, bit n for rn.
    pub(super) args: u8,
    pub(super) loc: Loc,
}

/// What else is to be known of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Note {
    None,
    /// It refers to a symbol.
    Symbol(SymbolId, i32),
    /// The loader patches it.
    Core(u32),
    /// It refers to a jump table: index in [`Asm::tables`].
    Table(u32),
    /// It stores a register to a spill slot, or loads it from there.
    Spill(u32),
    /// A place, and no instruction: index in [`Program::markers`].
    Marker(u32),
    /// A jump over the next instruction.
    Skip,
    /// A part of something that has jumps of its own, or is assembly: left as it is.
    Opaque,
}

/// A block.
#[derive(Clone, Copy, Debug)]
pub(super) struct PBlock {
    /// Range in [`Asm::insts`].
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) exit: PExit,
    pub(super) loc: Loc,
    /// How many loops it is in.
    pub(super) depth: u32,
}

/// How a block ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum PExit {
    Jump(u32),
    Branch {
        cond: Cond,
        width: Width,
        dst: Reg,
        src: Operand,
        then: u32,
        other: u32,
    },
    MayGoto {
        again: u32,
        done: u32,
    },
    /// Where an entry of the table leads that `dst` was loaded from: index in [`Asm::tables`].
    GotoX {
        dst: Reg,
        table: u32,
    },
    Exit,
}

impl PExit {
    /// Blocks that it leads to, without those of a table; at most two.
    fn targets(self) -> impl Iterator<Item = u32> {
        let [a, b] = match self {
            PExit::Jump(to) => [Some(to), None],
            PExit::Branch { then, other, .. } => [Some(then), Some(other)],
            PExit::MayGoto { again, done } => [Some(again), Some(done)],
            PExit::GotoX { .. } | PExit::Exit => [None, None],
        };
        a.into_iter().chain(b)
    }

    /// The same, leading to other blocks; tables stay as they are.
    pub(super) fn retarget(self, to: impl Fn(u32) -> u32) -> PExit {
        match self {
            PExit::Jump(block) => PExit::Jump(to(block)),
            PExit::Branch { cond, width, dst, src, then, other } => {
                PExit::Branch { cond, width, dst, src, then: to(then), other: to(other) }
            }
            PExit::MayGoto { again, done } => PExit::MayGoto { again: to(again), done: to(done) },
            PExit::GotoX { .. } | PExit::Exit => self,
        }
    }
}

impl Asm {
    /// The instructions of a block.
    pub(super) fn insts_of(&self, block: u32) -> &[PInst] {
        let data = &self.blocks[block as usize];
        &self.insts[data.from as usize..data.to as usize]
    }

    /// Blocks that a block leads to.
    pub(super) fn targets(&self, block: u32) -> impl Iterator<Item = u32> {
        let exit = self.blocks[block as usize].exit;
        let table = match exit {
            PExit::GotoX { table, .. } => &self.tables[table as usize][..],
            _ => &[],
        };
        exit.targets().chain(table.iter().copied())
    }

    /// Lets tables lead to other blocks.
    pub(super) fn retarget_tables(&mut self, to: impl Fn(u32) -> u32) {
        self.tables.iter_mut().flatten().for_each(|block| *block = to(*block));
    }
}

/// Makes the instructions of a function, part by part.
pub(super) struct Emit<'a> {
    frame: &'a Frame,
    asm: Asm,
    loc: Loc,
}

/// The register of an allocation. Operands are never on the stack: none allows it.
fn reg(allocation: Allocation) -> Reg {
    let number = allocation.as_reg().map_or(0, |reg| reg.hw_enc());
    Reg::ALL[number]
}

fn mov(dst: Reg, src: Reg) -> Insn {
    Insn::Alu { op: AluOp::Mov, width: Width::W64, dst, src: Operand::Reg(src) }
}

impl<'a> Emit<'a> {
    pub(super) fn new(program: &Program, frame: &'a Frame) -> Emit<'a> {
        let asm = Asm {
            insts: Vec::with_capacity(program.insts.len() + program.insts.len() / 4 + 8),
            blocks: Vec::with_capacity(program.blocks.len()),
            tables: program.tables.clone(),
        };
        Emit { frame, asm, loc: Loc::UNKNOWN }
    }

    /// All of them.
    pub(super) fn finish(self) -> Asm {
        self.asm
    }

    /// Appends the instructions of a part.
    ///
    /// # Errors
    /// Assembly that is none: where, and why.
    pub(super) fn part(
        &mut self,
        program: &Program,
        part: Part,
        output: &Output,
    ) -> Result<(), (Loc, String)> {
        let mut edits = output.edits.iter().peekable();
        for block in part.blocks.0..part.blocks.1 {
            let data = program.blocks[block as usize];
            let from = index(self.asm.insts.len());
            let mut exit = PExit::Exit;
            for at in data.insts.0..data.insts.1 {
                let inst = &program.insts[at as usize];
                self.loc = inst.loc;
                let here = Inst::new((at - part.insts.0) as usize);
                while let Some((_, edit)) = edits.next_if(|(point, _)| *point <= ProgPoint::before(here)) {
                    self.edit(edit);
                }
                let regs = output.inst_allocs(here);
                if inst.kind.ends_block() {
                    exit = self.exit(program, part, block, inst, regs);
                } else {
                    self.inst(program, inst, regs)?;
                }
                while let Some((_, edit)) = edits.next_if(|(point, _)| *point <= ProgPoint::after(here)) {
                    self.edit(edit);
                }
            }
            let to = index(self.asm.insts.len());
            self.asm.blocks.push(PBlock { from, to, exit, loc: self.loc, depth: data.depth });
        }
        Ok(())
    }

    fn push(&mut self, insn: Insn) {
        self.note(insn, Note::None);
    }

    fn note(&mut self, insn: Insn, note: Note) {
        self.asm.insts.push(PInst { insn, note, args: 0, loc: self.loc });
    }

    fn edit(&mut self, edit: &Edit) {
        let Edit::Move { from, to } = *edit;
        let size = MemSize::DW;
        let (slot, insn) = match (from.as_stack(), to.as_stack()) {
            (None, None) if from == to => return,
            (None, None) => return self.push(mov(reg(to), reg(from))),
            (Some(slot), _) => {
                let off = off16(self.frame.spill(slot.index()));
                (slot, Insn::Load { size, signed: false, dst: reg(to), base: Reg::R10, off })
            }
            (None, Some(slot)) => {
                let off = off16(self.frame.spill(slot.index()));
                (slot, Insn::Store { size, base: Reg::R10, off, src: Operand::Reg(reg(from)) })
            }
        };
        self.note(insn, Note::Spill(index(slot.index())));
    }

    /// A call, with the registers that it reads.
    fn call(&mut self, insn: Insn, note: Note, program: &Program, inst: &MInst, regs: &[Allocation]) {
        self.note(insn, note);
        let operands = program.operands_of(inst).iter().zip(regs);
        let read = operands.filter(|(operand, _)| operand.kind() == regalloc2::OperandKind::Use);
        if let Some(call) = self.asm.insts.last_mut() {
            call.args = read
                .fold(0, |args, (_, place)| args | 1u8.checked_shl(reg(*place).number().into()).unwrap_or(0));
        }
    }

    /// Base and offset of an address; its register is the last one.
    fn address(&self, at: At, regs: &[Allocation]) -> (Reg, i16) {
        match at {
            At::Reg(off) | At::Core(_, off) => (regs.last().map_or(Reg::R0, |last| reg(*last)), off),
            At::Frame(place) => (Reg::R10, off16(self.frame.offset(place))),
        }
    }

    /// A load or store, whose offset the loader may patch.
    fn access(&mut self, insn: Insn, place: At) {
        self.note(insn, place.core().map_or(Note::None, Note::Core));
    }

    fn inst(&mut self, program: &Program, inst: &MInst, regs: &[Allocation]) -> Result<(), (Loc, String)> {
        let at = |place: usize| reg(regs[place]);
        match inst.kind {
            Kind::Imm(width, imm) => {
                self.push(Insn::Alu { op: AluOp::Mov, width, dst: at(0), src: Operand::Imm(imm) });
            }
            Kind::Imm64(number) => self.push(Insn::LoadImm64 { dst: at(0), imm: Imm64::Value(number) }),
            Kind::Address(symbol, addend) => {
                let insn = Insn::LoadImm64 { dst: at(0), imm: Imm64::Value(0) };
                self.note(insn, Note::Symbol(symbol, addend));
            }
            Kind::Core { index, wide, width, value } => {
                let insn = if wide {
                    Insn::LoadImm64 { dst: at(0), imm: Imm64::Value(value.cast_unsigned()) }
                } else {
                    let imm = i32::try_from(value).unwrap_or(0);
                    Insn::Alu { op: AluOp::Mov, width, dst: at(0), src: Operand::Imm(imm) }
                };
                self.note(insn, Note::Core(index));
            }
            Kind::Frame(place) => {
                self.push(mov(at(0), Reg::R10));
                let imm = self.frame.offset(place);
                let add = Insn::Alu { op: AluOp::Add, width: Width::W64, dst: at(0), src: Operand::Imm(imm) };
                self.push(add);
            }
            Kind::Mov(width) => {
                let insn = Insn::Alu { op: AluOp::Mov, width, dst: at(0), src: Operand::Reg(at(1)) };
                if width == Width::W32 || at(0) != at(1) {
                    self.push(insn);
                }
            }
            Kind::Alu(op, width) => {
                self.push(Insn::Alu { op, width, dst: at(0), src: Operand::Reg(at(2)) });
            }
            Kind::AluImm(op, width, imm) => {
                self.push(Insn::Alu { op, width, dst: at(0), src: Operand::Imm(imm) });
            }
            Kind::Neg(width) => self.push(Insn::Neg { width, dst: at(0) }),
            Kind::Swap(op, size) => self.push(Insn::EndianSwap { op, size, dst: at(0) }),
            Kind::MovSx(width, from) => self.push(Insn::MovSx { width, dst: at(0), src: at(1), from }),
            Kind::Cast { to, from } => {
                self.push(Insn::AddrSpaceCast { dst: at(0), src: at(1), to, from });
            }
            Kind::Load { size, signed, at: place } => {
                let (base, off) = self.address(place, regs);
                self.access(Insn::Load { size, signed, dst: at(0), base, off }, place);
            }
            Kind::Store { size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.access(Insn::Store { size, base, off, src: Operand::Reg(at(0)) }, place);
            }
            Kind::StoreImm { size, at: place, imm } => {
                let (base, off) = self.address(place, regs);
                self.access(Insn::Store { size, base, off, src: Operand::Imm(imm) }, place);
            }
            Kind::Atomic { op, size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.push(Insn::Atomic { op, fetch: false, size, base, off, src: at(0) });
            }
            Kind::Fetch { op, size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.push(Insn::Atomic { op, fetch: true, size, base, off, src: at(0) });
            }
            Kind::CmpXchg { size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.push(Insn::Atomic { op: BpfOp::CmpXchg, fetch: true, size, base, off, src: at(2) });
            }
            Kind::AtomicLoop { op, width, size, at: place, bounded } => {
                let address = self.address(place, regs);
                self.atomic_loop(op, width, size, address, [at(2), at(3), at(4)], bounded);
            }
            Kind::LoadAcquire { size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.push(Insn::LoadAcquire { size, dst: at(0), base, off });
            }
            Kind::StoreRelease { size, at: place } => {
                let (base, off) = self.address(place, regs);
                self.push(Insn::StoreRelease { size, base, off, src: at(0) });
            }
            Kind::CallHelper(id) => {
                let insn = Insn::Call(Callee::Helper(id.cast_signed()));
                self.call(insn, Note::None, program, inst, regs);
            }
            Kind::Call(symbol) => {
                self.call(Insn::Call(UNRESOLVED), Note::Symbol(symbol, 0), program, inst, regs);
            }
            Kind::CallValue => {
                let target = regs.last().map_or(Reg::R0, |last| reg(*last));
                self.call(Insn::CallX { dst: target }, Note::None, program, inst, regs);
            }
            Kind::Select { cond, width, right, other, other_width } => {
                let mut rest = regs[3..].iter();
                let mut next = |imm: Option<i32>| match imm {
                    Some(imm) => Operand::Imm(imm),
                    None => Operand::Reg(rest.next().map_or(Reg::R0, |next| reg(*next))),
                };
                let (src, other) = (next(right), next(other));
                self.note(Insn::JumpIf { cond, width, dst: at(2), src, off: 1 }, Note::Skip);
                let width = if matches!(other, Operand::Reg(_)) { Width::W64 } else { other_width };
                self.push(Insn::Alu { op: AluOp::Mov, width, dst: at(0), src: other });
            }
            Kind::Asm(text) => self.inline_asm(&program.asms[text as usize], inst, regs)?,
            Kind::Marker(marker) => {
                let nop = Insn::Jump { off: 0, long: false };
                self.note(nop, Note::Marker(marker));
                for _ in 0..program.markers[marker as usize].1 {
                    self.note(nop, Note::Opaque);
                }
            }
            Kind::Table(table) => {
                self.note(Insn::LoadImm64 { dst: at(0), imm: Imm64::Value(0) }, Note::Table(table));
            }
            Kind::Nop | Kind::Args => {}
            Kind::Jump | Kind::Branch { .. } | Kind::BranchImm { .. } => {}
            Kind::MayGoto | Kind::GotoX(_) | Kind::Exit | Kind::Trap | Kind::Leave => {}
        }
        Ok(())
    }

    fn exit(
        &mut self,
        program: &Program,
        part: Part,
        block: u32,
        inst: &MInst,
        regs: &[Allocation],
    ) -> PExit {
        let succs = program.succs(block as usize);
        let succ = |at: usize| succs.get(at).map_or(0, |to| part.blocks.0 + index(to.index()));
        let branch = |cond, width, src, inverted| {
            let (then, other) = if inverted { (succ(1), succ(0)) } else { (succ(0), succ(1)) };
            PExit::Branch { cond, width, dst: reg(regs[0]), src, then, other }
        };
        match inst.kind {
            Kind::Jump => PExit::Jump(succ(0)),
            Kind::Branch { cond, width, inverted } => {
                branch(cond, width, Operand::Reg(reg(regs[1])), inverted)
            }
            Kind::BranchImm { cond, width, imm, inverted } => {
                branch(cond, width, Operand::Imm(imm), inverted)
            }
            Kind::MayGoto => PExit::MayGoto { again: succ(0), done: succ(1) },
            Kind::GotoX(table) => {
                // Its entries are blocks from here on.
                self.asm.tables[table as usize].iter_mut().for_each(|entry| *entry = succ(*entry as usize));
                PExit::GotoX { dst: reg(regs[0]), table }
            }
            Kind::Trap => {
                // What is never reached must still end, and the verifier wants a result.
                self.push(Insn::Alu {
                    op: AluOp::Mov,
                    width: Width::W64,
                    dst: Reg::R0,
                    src: Operand::Imm(0),
                });
                PExit::Exit
            }
            Kind::Leave => PExit::Jump(block + 1),
            _ => PExit::Exit,
        }
    }

    /// `new = combine(r0, value)`, exchanged for `old = r0` until that is what was there.
    fn atomic_loop(
        &mut self,
        op: AtomicOp,
        width: Width,
        size: MemSize,
        (base, off): (Reg, i16),
        [value, old, new]: [Reg; 3],
        bounded: bool,
    ) {
        let start = self.asm.insts.len();
        let keep = match op {
            AtomicOp::Umin => Some(Cond::Le),
            AtomicOp::Umax => Some(Cond::Ge),
            AtomicOp::Smin => Some(Cond::SLe),
            AtomicOp::Smax => Some(Cond::SGe),
            _ => None,
        };
        let mut push = |insn| self.note(insn, Note::Opaque);
        push(mov(old, Reg::R0));
        push(mov(new, Reg::R0));
        if let Some(cond) = keep {
            push(Insn::JumpIf { cond, width, dst: new, src: Operand::Reg(value), off: 1 });
            push(mov(new, value));
        } else {
            push(Insn::Alu { op: AluOp::And, width, dst: new, src: Operand::Reg(value) });
            push(Insn::Alu { op: AluOp::Xor, width, dst: new, src: Operand::Imm(-1) });
        }
        push(Insn::Atomic { op: BpfOp::CmpXchg, fetch: true, size, base, off, src: new });
        let src = Operand::Reg(old);
        if bounded {
            push(Insn::JumpIf { cond: Cond::Eq, width: Width::W64, dst: Reg::R0, src, off: 2 });
            push(Insn::MayGoto { off: 1 });
            let off = -1 - i32::from(self.since(start));
            self.note(Insn::Jump { off, long: false }, Note::Opaque);
        } else {
            let off = -1 - self.since(start);
            let again = Insn::JumpIf { cond: Cond::Ne, width: Width::W64, dst: Reg::R0, src, off };
            self.note(again, Note::Opaque);
        }
    }

    /// How many instructions of one slot, a few, were emitted since.
    fn since(&self, start: usize) -> i16 {
        i16::try_from(self.asm.insts.len() - start).unwrap_or(0)
    }

    /// Replaces operands in the text, and reads it.
    fn inline_asm(&mut self, text: &AsmText, inst: &MInst, regs: &[Allocation]) -> Result<(), (Loc, String)> {
        let fail = |line: &str, why: String| (inst.loc, format!("inline assembly '{line}': {why}"));
        let first = self.asm.insts.len();
        // Slots of the lines before.
        let mut jumps: Vec<(usize, i64, String)> = Vec::new();
        let mut starts = Vec::new();
        let mut slots = 0i64;
        for line in &text.lines {
            let filled = fill_in(line, regs).map_err(|why| fail(line, why))?;
            let insn = skep_insn::text::parse(&filled).map_err(|err| fail(&filled, err.to_string()))?;
            if matches!(insn, Insn::Exit | Insn::GotoX { .. }) {
                return Err(fail(&filled, "leaves the assembly; use a terminator instead".to_owned()));
            }
            starts.push(slots);
            slots += i64::from(insn.slots());
            if let Some(off) = insn.jump_offset() {
                jumps.push((self.asm.insts.len() - first, slots + i64::from(off), filled));
            }
            self.note(insn, Note::Opaque);
        }
        for (_, target, line) in jumps {
            if target != slots && !starts.contains(&target) {
                return Err(fail(&line, "jumps out of the assembly".to_owned()));
            }
        }
        Ok(())
    }
}

/// `%0` is a register, `%w0` its 32-bit name, `%%` a percent sign.
fn fill_in(line: &str, regs: &[Allocation]) -> Result<String, String> {
    let mut filled = String::with_capacity(line.len() + 8);
    let mut rest = line;
    while let Some(at) = rest.find('%') {
        filled.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            filled.push('%');
            rest = after;
            continue;
        }
        let (letter, digits) = match rest.strip_prefix('w') {
            Some(digits) => ('w', digits),
            None => ('r', rest),
        };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        let number: usize = digits[..end]
            .parse()
            .map_err(|_| "expected %0, %w0 and so on, or %% behind a percent sign".to_owned())?;
        let operand = regs
            .get(number)
            .ok_or_else(|| format!("there is no operand {number}; it has {} of them", regs.len()))?;
        filled.push(letter);
        filled.push_str(&reg(*operand).number().to_string());
        rest = &digits[end..];
    }
    filled.push_str(rest);
    Ok(filled)
}

/// An offset from r10; the frame's size has been checked.
fn off16(offset: i32) -> i16 {
    i16::try_from(offset).unwrap_or(i16::MIN)
}
