//! From IR to machine instructions over virtual registers.
//!
//! Blocks are walked from the last to the first, instructions from the last to the first: when an instruction is
//! reached, all of its uses have been seen, so what nothing needs in a register is not made. Constants, addresses and
//! compares thus go into the instructions that use them.

mod arith;
mod asm;
mod atomic;
mod call;
mod compare;
mod expand;
mod memory;

pub(super) use compare::inverse;

use std::fmt::Write as _;

use regalloc2::{Block, Operand, VReg};
use skep_insn::{AluOp, Reg, Width};

use super::abi::Abi;
use super::graph::{Exit, Graph, Node};
use super::index;
use super::live::Live;
use super::machine::{FramePlace, Kind, MBlock, MInst, Program, preg};
use super::target::Isa;
use super::widths::Widths;
use crate::diag::{Code as DiagCode, Diag, SourcePlace};
use crate::ir::text::Body;
use crate::ir::{self, CastOp, Func, Loc, Module, Op, Type, Value};

/// What selection needs to know.
pub(super) struct Input<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
    pub(super) graph: &'a Graph<'a>,
    pub(super) widths: &'a Widths,
    pub(super) abi: &'a Abi,
    pub(super) isa: Isa,
    /// It is run by the kernel.
    pub(super) kernel: bool,
    /// It is run by the kernel, and verified as a part of its callers: it may get pointers into their frames.
    pub(super) subprog: bool,
}

/// The machine instructions of a function.
pub(super) fn run(input: &Input<'_>, diags: &mut Vec<Diag>) -> Program {
    let nodes = input.func.nodes.len();
    let mut select = Select {
        input,
        diags,
        program: Program::default(),
        vregs: vec![NONE; nodes],
        live: Live::new(input.graph, nodes),
        defined: vec![0; nodes],
        carried: vec![NONE; nodes],
        header: None,
        sums: vec![NONE; nodes],
        group: Vec::new(),
        fresh: Vec::new(),
        shared: Vec::new(),
        cleaning: None,
        scratch: None,
        outgoing: None,
        loc: Loc::UNKNOWN,
        current: None,
    };
    select.program.insts.reserve(nodes + nodes / 2);
    select.program.operands.reserve(3 * nodes);
    let mistakes = select.diags.len();
    select.all();
    // They are found from the last to the first.
    select.diags[mistakes..].reverse();
    select.program
}

const NONE: u32 = u32::MAX;

struct Select<'a> {
    input: &'a Input<'a>,
    diags: &'a mut Vec<Diag>,
    /// Its instructions stand in reverse order until all are there.
    program: Program,
    /// The register of a value, if something needs it in one.
    vregs: Vec<u32>,
    live: Live,
    /// The block that defines a value.
    defined: Vec<u32>,
    /// The parameter of a loop that a value becomes in the next round.
    carried: Vec<u32>,
    /// Where the innermost loop around the current block begins.
    header: Option<u32>,
    /// The register of `base + index` of a pointer sum, without its constant offset.
    sums: Vec<u32>,
    /// The instructions that one operation becomes, in order.
    group: Vec<MInst>,
    /// Places of shared constants in `group`: which, and where.
    fresh: Vec<(usize, usize)>,
    /// Constants of two slots that are needed further down in the block.
    shared: Vec<Shared>,
    /// The result of the current operation, before and after cleaning.
    cleaning: Option<(VReg, Value)>,
    /// Eight bytes for fences: index in [`Program::own_slots`].
    scratch: Option<usize>,
    /// Arguments that have no register: index in [`Program::own_slots`].
    outgoing: Option<usize>,
    loc: Loc,
    /// The block that is being selected and the instruction in it, or its end; for messages.
    current: Option<(ir::Block, Option<Value>)>,
}

/// A constant that several instructions of a block use.
struct Shared {
    what: SharedKind,
    vreg: VReg,
    /// Where the first of them stands, in the reversed list.
    at: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum SharedKind {
    Number(u64),
    Address(crate::ir::SymbolId, i32),
}

/// The register that an index stands for.
pub(super) fn vreg(number: u32) -> VReg {
    VReg::new(number as usize, regalloc2::RegClass::Int)
}

fn def(reg: VReg) -> Operand {
    Operand::reg_def(reg)
}

/// The result is in the register of operand `at`.
fn same(reg: VReg, at: usize) -> Operand {
    Operand::reg_reuse_def(reg, at)
}

fn read(reg: VReg) -> Operand {
    Operand::reg_use(reg)
}

fn read_in(value: VReg, reg: Reg) -> Operand {
    Operand::reg_fixed_use(value, preg(reg))
}

fn def_in(value: VReg, reg: Reg) -> Operand {
    Operand::reg_fixed_def(value, preg(reg))
}

impl<'a> Select<'a> {
    fn all(&mut self) {
        let graph = self.input.graph;
        let count = graph.nodes.len();
        // Ends of blocks in the reversed list; made into ranges at the end.
        let mut starts = vec![(0u32, 0u32); count];
        let mut jump_args = vec![(0u32, 0u32); count];
        for (at, node) in (0..).zip(&graph.nodes) {
            node.params.iter().for_each(|param| self.defined[param.0 as usize] = at);
            if let Some(block) = node.body {
                let insts = &self.input.func.block(block).insts;
                insts.iter().for_each(|inst| self.defined[inst.0 as usize] = at);
            }
        }
        for (at, node) in graph.nodes.iter().enumerate().rev() {
            starts[at].1 = index(self.program.insts.len());
            self.loc = node.loc;
            self.live.enter(graph, at);
            self.header = node.header;
            self.note_carried(at);
            self.current = node.body.map(|block| (block, None));
            jump_args[at] = self.exit(node);
            self.flush();
            if let Some(block) = node.body {
                for &inst in self.input.func.block(block).insts.iter().rev() {
                    self.current = Some((block, Some(inst)));
                    self.inst(inst);
                }
                self.current = None;
                if at == 0 {
                    self.finish_shared();
                    self.entry();
                }
            }
            node.params.iter().for_each(|&param| self.live.define(param));
            self.finish_shared();
            starts[at].0 = index(self.program.insts.len());
        }
        self.finish(&starts, &jump_args);
    }

    /// Notes what values a jump back to the header of a loop takes there.
    fn note_carried(&mut self, at: usize) {
        if let Exit::Jump(way) = self.input.graph.nodes[at].exit
            && way.to as usize <= at
        {
            let params = self.input.graph.nodes[way.to as usize].params;
            for (&param, &arg) in params.iter().zip(way.args) {
                let arg = self.resolve(arg);
                if arg != param {
                    self.carried[arg.0 as usize] = param.0;
                }
            }
        }
    }

    /// Puts all into the order and form that the register allocator wants.
    fn finish(&mut self, starts: &[(u32, u32)], jump_args: &[(u32, u32)]) {
        let graph = self.input.graph;
        let program = &mut self.program;
        let reversed = std::mem::take(&mut program.insts);
        program.insts.reserve_exact(reversed.len());
        program.blocks.reserve_exact(graph.nodes.len());
        for (at, node) in graph.nodes.iter().enumerate() {
            let first = index(program.insts.len());
            let (to, from) = starts[at];
            let insts = reversed[from as usize..to as usize].iter().rev();
            program.insts.extend(insts.filter(|inst| !matches!(inst.kind, Kind::Nop)));
            let insts = (first, index(program.insts.len()));
            let edges = index(program.edges.len());
            program.edges.extend(node.ways().map(|way| Block::new(way.to as usize)));
            let succs = (edges, index(program.edges.len()));
            program.edges.extend(node.preds.iter().map(|pred| Block::new(*pred as usize)));
            let preds = (succs.1, index(program.edges.len()));
            let first = index(program.vregs.len());
            for &param in node.params {
                let reg = match self.vregs[param.0 as usize] {
                    NONE => {
                        program.vreg_count += 1;
                        program.vreg_count - 1
                    }
                    reg => reg,
                };
                program.vregs.push(vreg(reg));
            }
            let params = (first, index(program.vregs.len()));
            let args = jump_args[at];
            program.blocks.push(MBlock { insts, succs, preds, params, args, depth: node.depth });
        }
    }

    fn exit(&mut self, node: &Node<'a>) -> (u32, u32) {
        let mut args = (0, 0);
        match node.exit {
            Exit::Jump(way) => {
                let regs: smallvec::SmallVec<[VReg; 8]> =
                    way.args.iter().map(|&arg| self.copy_of(arg)).collect();
                args.0 = index(self.program.vregs.len());
                self.program.vregs.extend(regs);
                args.1 = index(self.program.vregs.len());
                self.emit(Kind::Jump, &[]);
            }
            Exit::Branch { cond, a, b, .. } => self.branch(cond, a, b),
            Exit::MayGoto { .. } => {
                if self.input.isa.cpu < skep_insn::Cpu::V4 {
                    self.needs_cpu("may_goto", skep_insn::Cpu::V4);
                }
                self.emit(Kind::MayGoto, &[]);
            }
            Exit::Table { value, first } => {
                let entries = node.table.as_ref().map(|table| table.entries.clone()).unwrap_or_default();
                self.jump_table(value, first, entries);
            }
            Exit::Return(value) => self.leave(value),
            Exit::Unreachable => self.emit(Kind::Trap, &[]),
        }
        args
    }

    fn inst(&mut self, inst: Value) {
        let node = self.input.func.node(inst);
        self.loc = node.loc;
        let needed = self.vregs[inst.0 as usize] != NONE;
        self.live.define(inst);
        if !needed && self.sums[inst.0 as usize] == NONE && node.op.is_removable() {
            return;
        }
        match &node.op {
            Op::Param => {}
            Op::Const(number) => self.constant(inst, *number),
            Op::Bin(op, a, b) => self.binary(inst, *op, *a, *b),
            Op::Un(op, a) => self.unary(inst, *op, *a),
            Op::Cast(op, a) => self.cast(inst, *op, *a),
            Op::Cmp(cond, a, b) => self.compare_value(inst, *cond, *a, *b),
            Op::Select(c, a, b) => self.select(inst, *c, *a, *b),
            Op::PtrAdd { base, index, offset } => self.ptr_add(inst, *base, *index, *offset),
            Op::PtrDiff(a, b) => {
                let (d, a, b) = (self.result(inst), self.reg(*a), self.reg(*b));
                self.emit(Kind::Alu(AluOp::Sub, Width::W64), &[same(d, 1), read(a), read(b)]);
            }
            Op::Load { ptr, offset, access, signed } => self.load(inst, *ptr, *offset, *access, *signed),
            Op::Store { ptr, offset, value, access } => self.store(*ptr, *offset, *value, *access),
            Op::Atomic { op, ptr, offset, value, access } => {
                self.atomic(inst, *op, *ptr, *offset, *value, *access);
            }
            Op::CmpXchg { ptr, offset, expected, new, access } => {
                self.cmpxchg(inst, *ptr, *offset, *expected, *new, *access);
            }
            Op::Fence(order) => self.fence(*order),
            Op::Copy { dst, src, size, align } => self.copy(*dst, *src, *size, *align),
            Op::Fill { dst, byte, size, align } => self.fill(*dst, *byte, *size, *align),
            Op::Slot(slot) => {
                let d = self.result(inst);
                self.emit(Kind::Frame(FramePlace { slot: *slot, offset: 0 }), &[def(d)]);
            }
            Op::Symbol(symbol) => {
                let d = self.result(inst);
                self.address(d, *symbol, 0);
            }
            Op::Core(core) => self.core(inst, *core),
            Op::Call { callee, args } => self.call(inst, *callee, args),
            Op::Pin(a) => {
                let d = self.result(inst);
                self.make(d, *a);
            }
            Op::Marker { name, room } => {
                let marker = index(self.program.markers.len());
                self.program.markers.push((name.clone(), *room));
                self.emit(Kind::Marker(marker), &[]);
            }
            Op::Asm(asm) => self.asm(inst, asm),
        }
        self.clean_result();
        self.flush();
    }

    /// Appends an instruction to those of the current operation.
    fn emit(&mut self, kind: Kind, operands: &[Operand]) {
        let first = index(self.program.operands.len());
        self.program.operands.extend_from_slice(operands);
        let count = u16::try_from(operands.len()).unwrap_or(0);
        self.group.push(MInst { kind, first, count, loc: self.loc });
    }

    /// Ends the current operation.
    fn flush(&mut self) {
        let end = self.program.insts.len() + self.group.len();
        for (shared, at) in self.fresh.drain(..) {
            let place = &mut self.shared[shared].at;
            *place = (*place).max(end - 1 - at);
        }
        self.program.insts.extend(self.group.drain(..).rev());
    }

    /// The beginning of a slot of our own of at least so many bytes, made if there is none yet.
    fn own_slot(&mut self, slot: Option<usize>, bytes: u32) -> (usize, FramePlace) {
        let own = slot.unwrap_or_else(|| {
            self.program.own_slots.push(0);
            self.program.own_slots.len() - 1
        });
        self.program.own_slots[own] = self.program.own_slots[own].max(bytes);
        let slot = crate::ir::Slot(index(self.input.func.slots.len() + own));
        (own, FramePlace { slot, offset: 0 })
    }

    fn temp(&mut self) -> VReg {
        self.program.vreg_count += 1;
        vreg(self.program.vreg_count - 1)
    }

    fn bits(&self, value: Value) -> u8 {
        self.input.func.ty(value).bits()
    }

    fn ty(&self, value: Value) -> Type {
        self.input.func.ty(value)
    }

    /// The width of operations on values of this type.
    fn width(&self, ty: Type) -> Width {
        if self.input.isa.container(ty) == 32 { Width::W32 } else { Width::W64 }
    }

    fn number(&self, value: Value) -> Option<i64> {
        self.input.graph.constant(self.input.func, value)
    }

    fn place(&self, loc: Loc) -> Option<SourcePlace> {
        let place = self.input.module.place(loc);
        let file = self.input.module.files.get(place.file as usize)?;
        (place.line != 0).then(|| SourcePlace { file: file.clone(), line: place.line, column: place.column })
    }

    /// Tells of a mistake in the current instruction.
    fn diag(&mut self, code: DiagCode, what: String) {
        let module = self.input.module;
        let func = Some(module.symbol(self.input.func.symbol).name.clone());
        let mut message = String::new();
        if let Some((block, inst)) = self.current {
            let body = Body::new(module, self.input.func);
            // Writing to a string cannot fail.
            let _ = write!(message, "b{}: ", block.0);
            let _ = match inst {
                Some(inst) => body.inst(&mut message, inst),
                None => body.term(&mut message, &self.input.func.block(block).term),
            };
            message.push_str(": ");
        }
        message.push_str(&what);
        self.diags.push(Diag { code, func, place: self.place(self.loc), message });
    }

    fn needs_cpu(&mut self, what: &str, needed: skep_insn::Cpu) {
        let name = |cpu| format!("{cpu:?}").to_lowercase();
        let (needed, found) = (name(needed), name(self.input.isa.cpu));
        let message =
            format!("{what} needs cpu {needed}, but this is compiled for {found}; say so with Options::cpu");
        self.diag(DiagCode::NeedsCpu, message);
    }

    /// The value whose register holds this one, too.
    fn resolve(&self, mut value: Value) -> Value {
        let Input { func, graph, widths, .. } = self.input;
        loop {
            value = graph.origin(value);
            value = match func.node(value).op {
                Op::Cast(CastOp::Zext | CastOp::PtrToInt | CastOp::IntToPtr, a) => a,
                Op::Cast(CastOp::Sext, a) if widths.upper(func, a) < func.ty(a).bits() => a,
                Op::Cast(CastOp::Trunc, a) if !widths.needs_cleaning(func, value) => a,
                Op::Pin(a) if !self.is_made_anew(a) => a,
                _ => return value,
            };
        }
    }

    /// Whether each use makes the value anew.
    fn is_made_anew(&self, value: Value) -> bool {
        matches!(self.input.func.node(self.resolve(value)).op, Op::Const(_) | Op::Slot(_) | Op::Symbol(_))
    }

    /// Whether a later instruction needs the value, too; values from outside of a loop are needed in its next round.
    fn is_needed_later(&self, value: Value) -> bool {
        let value = self.resolve(value);
        self.live.is_needed(value)
            || self.header.is_some_and(|header| self.defined[value.0 as usize] < header)
    }

    /// The register that holds a value; what is made anew at each use is made here.
    fn reg(&mut self, value: Value) -> VReg {
        let value = self.resolve(value);
        match self.input.func.node(value).op {
            Op::Const(number) => self.constant_reg(number, self.ty(value)),
            Op::Symbol(symbol) => self.shared_reg(SharedKind::Address(symbol, 0)),
            Op::Slot(slot) => {
                let d = self.temp();
                self.emit(Kind::Frame(FramePlace { slot, offset: 0 }), &[def(d)]);
                d
            }
            _ => self.home(value),
        }
    }

    /// The register of a value that has one for its whole life.
    fn home(&mut self, value: Value) -> VReg {
        self.live.need(value);
        if self.vregs[value.0 as usize] == NONE {
            self.vregs[value.0 as usize] = self.program.vreg_count;
            self.program.vreg_count += 1;
        }
        vreg(self.vregs[value.0 as usize])
    }

    /// A register for a place that will be written, such as a parameter of a block or of a call: constants are made for
    /// it alone.
    fn copy_of(&mut self, value: Value) -> VReg {
        if self.is_made_anew(value) {
            let d = self.temp();
            self.make(d, value);
            return d;
        }
        self.reg(value)
    }

    /// Makes a constant or an address in a register.
    fn make(&mut self, d: VReg, value: Value) {
        let value = self.resolve(value);
        match self.input.func.node(value).op {
            Op::Const(number) => self.number_in(d, number, self.ty(value)),
            Op::Symbol(symbol) => self.address(d, symbol, 0),
            Op::Slot(slot) => self.emit(Kind::Frame(FramePlace { slot, offset: 0 }), &[def(d)]),
            _ => {
                let a = self.home(value);
                self.emit(Kind::Mov(Width::W64), &[def(d), read(a)]);
            }
        }
    }

    /// The register for the result of an operation, before it is cleaned.
    fn result(&mut self, inst: Value) -> VReg {
        if self.input.widths.needs_cleaning(self.input.func, inst) {
            let raw = self.temp();
            self.cleaning = Some((raw, inst));
            return raw;
        }
        self.home(inst)
    }

    fn clean_result(&mut self) {
        if let Some((raw, inst)) = self.cleaning.take() {
            let d = self.home(inst);
            self.clean(d, raw, self.bits(inst));
        }
    }

    /// A number in a register of its own.
    fn constant_reg(&mut self, number: i64, ty: Type) -> VReg {
        let clean = number.cast_unsigned() & ty.mask();
        if self.fits_imm(clean) {
            let d = self.temp();
            self.number_in(d, number, ty);
            return d;
        }
        self.shared_reg(SharedKind::Number(clean))
    }

    /// Whether one slot makes the number.
    fn fits_imm(&self, number: u64) -> bool {
        i32::try_from(number.cast_signed()).is_ok()
            || (self.input.isa.has_alu32() && u32::try_from(number).is_ok())
    }

    fn number_in(&mut self, d: VReg, number: i64, ty: Type) {
        let clean = number.cast_unsigned() & ty.mask();
        self.number64_in(d, clean);
    }

    /// All 64 bits of a number.
    fn number64_in(&mut self, d: VReg, number: u64) {
        let kind = match (u32::try_from(number), i32::try_from(number.cast_signed())) {
            (Ok(low), _) if self.input.isa.has_alu32() => Kind::Imm(Width::W32, low.cast_signed()),
            (_, Ok(imm)) => Kind::Imm(Width::W64, imm),
            _ => Kind::Imm64(number),
        };
        self.emit(kind, &[def(d)]);
    }

    fn address(&mut self, d: VReg, symbol: crate::ir::SymbolId, addend: i32) {
        self.check_address(symbol);
        self.emit(Kind::Address(symbol, addend), &[def(d)]);
    }

    /// The register of a constant of two slots: one for all uses between two calls in a block.
    fn shared_reg(&mut self, what: SharedKind) -> VReg {
        let known = self.shared.iter().position(|shared| shared.what == what);
        let shared = known.unwrap_or_else(|| {
            if let SharedKind::Address(symbol, _) = what {
                self.check_address(symbol);
            }
            let vreg = self.temp();
            self.shared.push(Shared { what, vreg, at: 0 });
            self.shared.len() - 1
        });
        self.fresh.push((shared, self.group.len()));
        self.emit(Kind::Nop, &[]);
        self.shared[shared].vreg
    }

    /// Makes the shared constants, each before its first use. The current operation must have ended.
    fn finish_shared(&mut self) {
        for shared in std::mem::take(&mut self.shared) {
            let kind = match shared.what {
                SharedKind::Number(number) => Kind::Imm64(number),
                SharedKind::Address(symbol, addend) => Kind::Address(symbol, addend),
            };
            let first = index(self.program.operands.len());
            self.program.operands.push(def(shared.vreg));
            let inst = &mut self.program.insts[shared.at];
            *inst = MInst { kind, first, count: 1, loc: inst.loc };
        }
    }
}
