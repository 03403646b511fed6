//! What the unused upper bits of registers hold.
//!
//! A value of N bits lives in a 64-bit register. Operations of 32 bits clear the upper half of their result, others
//! leave what they leave. Some uses want zeros above the N bits: compares, divisions, right shifts, extensions. If any
//! use of a value does, it is cleaned where it is defined, so that all of its uses share one register and the verifier
//! sees them as one; otherwise it is left as it is.

use super::abi::{self, Abi, Upper};
use super::graph::{Exit, Graph, Side};
use super::target::Isa;
use crate::ir::{BinOp, CastOp, Cond, Func, Module, Op, Term, Type, UnOp, Value};

/// Upper bits of all values of a function.
pub(super) struct Widths {
    /// Bits from this one on are zero as the value is computed; by value.
    known: Vec<u8>,
    /// Whether something wants zeros above its type; by value.
    wanted: Vec<bool>,
}

/// How many passes assume that parameters bring clean values, before those that may not are no longer asked.
const ROUNDS: usize = 4;

impl Widths {
    pub(super) fn new(module: &Module, func: &Func, graph: &Graph<'_>, isa: Isa, abi: &Abi) -> Widths {
        let mut scan = Scan {
            module,
            func,
            graph,
            isa,
            abi,
            widths: Widths { known: vec![64; func.nodes.len()], wanted: vec![false; func.nodes.len()] },
            todo: Vec::new(),
            owners: Vec::new(),
        };
        scan.find_known();
        scan.find_wanted();
        scan.widths
    }

    /// Whether all bits above its type are zero wherever the value is used.
    pub(super) fn is_clean(&self, func: &Func, value: Value) -> bool {
        self.wanted[value.0 as usize] || self.is_born_clean(func, value)
    }

    /// Whether it must be cleaned where it is computed.
    pub(super) fn needs_cleaning(&self, func: &Func, value: Value) -> bool {
        self.wanted[value.0 as usize] && !self.is_born_clean(func, value)
    }

    fn is_born_clean(&self, func: &Func, value: Value) -> bool {
        self.known[value.0 as usize] <= func.ty(value).bits()
    }

    /// Bits from this one on are zero in the value's register.
    pub(super) fn upper(&self, func: &Func, value: Value) -> u8 {
        let known = self.known[value.0 as usize];
        if self.wanted[value.0 as usize] { known.min(func.ty(value).bits()) } else { known }
    }
}

struct Scan<'a> {
    module: &'a Module,
    func: &'a Func,
    graph: &'a Graph<'a>,
    isa: Isa,
    abi: &'a Abi,
    widths: Widths,
    todo: Vec<Value>,
    /// The node that a parameter is of, and its place there; made when first needed.
    owners: Vec<(u32, usize)>,
}

impl Scan<'_> {
    fn find_known(&mut self) {
        let mut asked: Vec<Value> = Vec::new();
        for (at, node) in self.graph.nodes.iter().enumerate() {
            for &param in node.params {
                self.widths.known[param.0 as usize] = self.func.ty(param).bits();
                asked.push(param);
            }
            if at == 0 {
                for (at, &param) in self.func.block(Func::ENTRY).params.iter().enumerate() {
                    let bits = self.func.ty(param).bits();
                    self.widths.known[param.0 as usize] =
                        if self.abi.param_is_clean(self.func, at) { bits } else { 64 };
                }
            }
        }
        for round in 0.. {
            self.pass();
            let mut changed = false;
            for node in &self.graph.nodes {
                let Exit::Jump(way) = node.exit else { continue };
                for (&param, &arg) in self.graph.nodes[way.to as usize].params.iter().zip(way.args) {
                    let bits = self.func.ty(param).bits();
                    if self.widths.known[param.0 as usize] <= bits && self.known(arg) > bits {
                        self.widths.known[param.0 as usize] = 64;
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
            if round == ROUNDS {
                for param in asked {
                    self.widths.known[param.0 as usize] = 64;
                }
                self.pass();
                break;
            }
        }
    }

    fn pass(&mut self) {
        for node in &self.graph.nodes {
            let Some(block) = node.body else { continue };
            let data = self.func.block(block);
            for &param in &data.params {
                if let Some(arg) = self.graph.alias[param.0 as usize] {
                    self.widths.known[param.0 as usize] = self.known(arg);
                }
            }
            for &inst in &data.insts {
                if let Some(ty) = self.func.node(inst).ty {
                    self.widths.known[inst.0 as usize] = self.computed(inst, ty);
                }
            }
        }
    }

    fn known(&self, value: Value) -> u8 {
        self.widths.known[value.0 as usize]
    }

    /// Where the zeros of a value begin, as the lowering computes it.
    fn computed(&self, value: Value, ty: Type) -> u8 {
        let bits = ty.bits();
        let whole = self.isa.container(ty);
        match &self.func.node(value).op {
            Op::Const(number) => used(number.cast_unsigned() & ty.mask()),
            Op::Bin(op, a, b) => self.binary(*op, *a, *b, ty).min(whole),
            Op::Un(op, a) => match op {
                UnOp::Not if bits < 32 || bits == whole => self.known(*a).max(bits).min(whole),
                UnOp::Neg | UnOp::Not => whole,
                UnOp::Bswap => bits,
                UnOp::Clz | UnOp::Ctz | UnOp::Popcnt => used(bits.into()),
            },
            Op::Cast(op, a) => match op {
                CastOp::Zext => self.known(*a).min(self.func.ty(*a).bits()),
                CastOp::Sext if self.known(*a) < self.func.ty(*a).bits() => self.known(*a),
                CastOp::Sext => whole,
                CastOp::Trunc => self.known(*a),
                CastOp::PtrToInt | CastOp::IntToPtr => self.known(*a),
                CastOp::Space => 64,
            },
            Op::Cmp(..) => 1,
            Op::Select(_, a, b) => self.known(*a).max(self.known(*b)),
            Op::Pin(a) => self.known(*a),
            Op::Load { access, signed, .. } => {
                let width = access.width.bits();
                if !signed || width >= bits {
                    width
                } else if self.isa.has_sign_loads() {
                    64
                } else {
                    whole
                }
            }
            Op::Atomic { access, .. } | Op::CmpXchg { access, .. } => access.width.bits(),
            Op::Call { callee, .. } if abi::result_is_clean(self.abi, *callee) => bits,
            _ => 64,
        }
    }

    fn binary(&self, op: BinOp, a: Value, b: Value, ty: Type) -> u8 {
        let (bits, whole) = (ty.bits(), self.isa.container(ty));
        let (known_a, known_b) = (self.known(a), self.known(b));
        let amount = self.graph.constant(self.func, b).map(|by| self.isa.shift_amount(ty, by));
        match op {
            BinOp::Add | BinOp::Mul if bits != whole && (self.is_negative(a) || self.is_negative(b)) => whole,
            BinOp::Add => known_a.max(known_b).saturating_add(1),
            BinOp::Mul => known_a.saturating_add(known_b),
            BinOp::Sub | BinOp::Sdiv | BinOp::Srem | BinOp::Ashr => whole,
            BinOp::And => self.in_place(a, ty).min(self.in_place(b, ty)),
            BinOp::Or | BinOp::Xor => self.in_place(a, ty).max(self.in_place(b, ty)),
            BinOp::Shl => known_a.saturating_add(amount.unwrap_or(whole)),
            BinOp::Lshr => known_a.min(bits).saturating_sub(amount.unwrap_or(0)),
            // They are no larger than the dividend, but the verifier takes them for any number.
            BinOp::Udiv | BinOp::Urem => whole,
        }
    }

    /// Where the zeros of an operand of a bit operation begin: as an immediate, a constant may be sign-extended.
    fn in_place(&self, value: Value, ty: Type) -> u8 {
        match self.graph.constant(self.func, value) {
            Some(number) if self.isa.bit_immediate(ty, number).is_some_and(|imm| imm < 0) => 64,
            _ => self.known(value),
        }
    }

    /// Whether it is a constant whose immediate has ones above its type.
    fn is_negative(&self, value: Value) -> bool {
        self.graph.constant(self.func, value).is_some_and(|number| number < 0)
    }

    fn find_wanted(&mut self) {
        for node in &self.graph.nodes {
            match node.exit {
                Exit::Branch { cond, a, b, .. } => self.compare(cond, a, b),
                Exit::Table { value, .. } => self.want(value),
                _ => {}
            }
            let Some(block) = node.body else { continue };
            let data = self.func.block(block);
            match data.term {
                Term::Switch { value, .. } => self.want_unless_whole(value),
                Term::Return(Some(value)) if self.abi.returns_clean() => self.want(value),
                _ => {}
            }
            for &inst in &data.insts {
                self.operands(inst);
            }
        }
        while let Some(value) = self.todo.pop() {
            match &self.func.node(value).op {
                Op::Select(_, a, b) => [*a, *b].into_iter().for_each(|v| self.want(v)),
                Op::Pin(a) => self.want(*a),
                Op::Param => self.want_args(value),
                _ => {}
            }
        }
    }

    fn operands(&mut self, inst: Value) {
        match &self.func.node(inst).op {
            Op::Bin(op, a, b) => match op {
                BinOp::Add | BinOp::Sub | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor => {}
                BinOp::Shl | BinOp::Lshr | BinOp::Ashr => {
                    if *op == BinOp::Lshr {
                        self.want_unless_whole(*a);
                    }
                    if self.func.ty(*b).bits() < 5 {
                        self.want(*b);
                    }
                }
                BinOp::Udiv | BinOp::Urem => [*a, *b].into_iter().for_each(|v| self.want_unless_whole(v)),
                BinOp::Sdiv | BinOp::Srem => {}
            },
            Op::Un(UnOp::Clz | UnOp::Popcnt, a) => self.want_unless_whole(*a),
            Op::Cast(CastOp::Zext, a) => self.want(*a),
            Op::Cmp(cond, a, b) => self.compare(*cond, *a, Side::Value(*b)),
            Op::Call { callee, args } => {
                for (at, &arg) in args.iter().enumerate() {
                    if abi::upper(self.module, self.abi, *callee, at, self.func.ty(arg)) == Upper::Zeros {
                        self.want(arg);
                    }
                }
            }
            Op::Asm(asm) => asm.inputs.iter().for_each(|&v| self.want(v)),
            _ => {}
        }
    }

    fn compare(&mut self, cond: Cond, a: Value, b: Side) {
        let b = match b {
            Side::Value(b) => Some(b),
            Side::Const(_) => None,
        };
        let ty = self.func.ty(a);
        if cond.is_signed() || ty.bits() == self.isa.compare_container(ty) {
            return;
        }
        match (cond, b) {
            // Asked with a mask.
            (Cond::Eq | Cond::Ne, Some(b))
                if ty.bits() < 32 && self.graph.constant(self.func, b) == Some(0) => {}
            (Cond::Set | Cond::Clear, Some(b)) if self.graph.constant(self.func, b).is_some() => {}
            (Cond::Set | Cond::Clear, Some(b)) if self.known(b) <= ty.bits() => {}
            (Cond::Set | Cond::Clear, _) => self.want(a),
            (_, b) => [Some(a), b].into_iter().flatten().for_each(|v| self.want(v)),
        }
    }

    fn want_unless_whole(&mut self, value: Value) {
        let ty = self.func.ty(value);
        if ty.bits() != self.isa.container(ty) {
            self.want(value);
        }
    }

    fn want(&mut self, value: Value) {
        let wanted = &mut self.widths.wanted[value.0 as usize];
        if !std::mem::replace(wanted, true) && !self.widths.is_born_clean(self.func, value) {
            self.todo.push(value);
        }
    }

    fn want_args(&mut self, param: Value) {
        if let Some(arg) = self.graph.alias[param.0 as usize] {
            self.want(arg);
            return;
        }
        if self.owners.is_empty() {
            self.owners.resize(self.func.nodes.len(), (u32::MAX, 0));
            for (at, node) in (0..).zip(&self.graph.nodes) {
                for (place, &param) in node.params.iter().enumerate() {
                    self.owners[param.0 as usize] = (at, place);
                }
            }
        }
        let (owner, place) = self.owners[param.0 as usize];
        let Some(node) = self.graph.nodes.get(owner as usize) else { return };
        for &pred in &node.preds {
            if let Exit::Jump(way) = self.graph.nodes[pred as usize].exit {
                self.want(way.args[place]);
            }
        }
    }
}

/// How many bits a number takes.
fn used(number: u64) -> u8 {
    u8::try_from(64 - number.leading_zeros()).unwrap_or(64)
}
