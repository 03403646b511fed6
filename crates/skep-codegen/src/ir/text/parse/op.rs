//! Instructions.

use skep_insn::helper::Helper;
use skep_object::nearest::{did_you_mean, nearest};

use super::body::Body;
use super::constant::Like;
use super::{Parser, numbered};
use crate::ir::text::error::{Fault, Parsed};
use crate::ir::text::lex::Kind;
use crate::ir::{
    Access, Asm, AtomicOp, BinOp, Block, Callee, CastOp, Cond, Op, Order, Type, UnOp, Value, Values, Width,
};

/// The words of instructions and ends of blocks that are in no table of `op.rs`.
const WORDS: [&str; 25] = [
    "const",
    "select",
    "ptradd",
    "ptrdiff",
    "copy",
    "fill",
    "fence",
    "slot",
    "symbol",
    "core",
    "call",
    "pin",
    "marker",
    "asm",
    "cmp.eq",
    "load.u64",
    "load.s64",
    "store.64",
    "atomic.add.64",
    "cmpxchg.64",
    "jump",
    "br.eq",
    "switch",
    "ret",
    "may_goto",
];

impl Parser<'_> {
    /// One instruction, whose result has that name.
    pub(super) fn inst(&mut self, body: &mut Body, _block: Block, name: Option<Value>) -> Parsed<()> {
        let start = self.at;
        let word = self.word("an instruction")?;
        let (op, ty) = match self.op(body, word)? {
            Some(found) => found,
            None => {
                let tables = BinOp::ALL.iter().map(|op| op.name());
                let tables = tables.chain(UnOp::ALL.iter().map(|op| op.name()));
                let tables = tables.chain(CastOp::ALL.iter().map(|op| op.name()));
                let near = did_you_mean(&nearest(word, tables.chain(WORDS)));
                let at = self.since(start);
                let ends = ["jump", "switch", "ret", "may_goto", "unreachable"].contains(&word)
                    || word.starts_with("br.");
                if name.is_some() && ends {
                    return Err(Fault::new(
                        &at,
                        format!("'{word}' ends a block, and has no result; remove the name"),
                    ));
                }
                return Err(Fault::new(&at, format!("found '{word}', expected an instruction{near}")));
            }
        };
        // Effects are reason enough for an instruction whose result has no name.
        let may_drop = matches!(op, Op::Call { .. } | Op::Atomic { .. } | Op::CmpXchg { .. } | Op::Asm(_));
        match (name, ty) {
            (Some(_), None) => {
                let at = self.since(self.start);
                let or = if may_drop { ", or give it a type" } else { "" };
                return Err(Fault::new(&at, format!("'{word}' has no result; remove the name{or}")));
            }
            (None, Some(_)) if !may_drop => {
                let at = self.since(start);
                return Err(Fault::new(
                    &at,
                    format!("the result of '{word}' has no name; write 'v1 = {word} ..'"),
                ));
            }
            _ => {}
        }
        self.define(body, name, op, ty);
        Ok(())
    }

    fn op(&mut self, body: &mut Body, word: &str) -> Parsed<Option<(Op, Option<Type>)>> {
        if let Some(op) = BinOp::from_name(word) {
            let ty = self.ty()?;
            let a = self.operand(body, Like::Is(ty))?;
            self.expect(",")?;
            let b = self.operand(body, Like::Is(ty))?;
            return Ok(Some((Op::Bin(op, a, b), Some(ty))));
        }
        if let Some(op) = UnOp::from_name(word) {
            let ty = self.ty()?;
            return Ok(Some((Op::Un(op, self.operand(body, Like::Is(ty))?), Some(ty))));
        }
        if let Some(op) = CastOp::from_name(word) {
            let ty = self.ty()?;
            return Ok(Some((Op::Cast(op, self.operand(body, Like::Unknown)?), Some(ty))));
        }
        let (head, rest) = word.split_once('.').unwrap_or((word, ""));
        let found = match (head, rest) {
            ("const", "") => {
                let ty = self.ty()?;
                (Op::Const(self.constant(ty)?), Some(ty))
            }
            ("cmp", _) => {
                let Some(cond) = Cond::from_name(rest) else {
                    self.at -= 1;
                    let near = near("cmp", rest);
                    return Err(self.unexpected(format_args!("a condition, as cmp.eq or cmp.ult{near}")));
                };
                let (a, b) = self.compared(body)?;
                (Op::Cmp(cond, a, b), Some(Type::I1))
            }
            ("select", "") => {
                let ty = self.ty()?;
                let c = self.operand(body, Like::Is(Type::I1))?;
                self.expect(",")?;
                let a = self.operand(body, Like::Is(ty))?;
                self.expect(",")?;
                (Op::Select(c, a, self.operand(body, Like::Is(ty))?), Some(ty))
            }
            ("ptradd", "") => self.ptr_add(body)?,
            ("ptrdiff", "") => {
                let a = self.operand(body, Like::Is(Type::PTR))?;
                self.expect(",")?;
                (Op::PtrDiff(a, self.operand(body, Like::Is(Type::PTR))?), Some(Type::I64))
            }
            ("load", _) => {
                let signed = rest.starts_with('s');
                let width = rest.strip_prefix(['s', 'u']).unwrap_or_default();
                let width = self.width(width, "load.u8 to load.u64, or load.s8 to load.s64")?;
                let ty = self.ty()?;
                let (ptr, offset, access) = self.access(body, width)?;
                (Op::Load { ptr, offset, access, signed }, Some(ty))
            }
            ("store", _) => {
                let width = self.width(rest, "store.8, store.16, store.32 or store.64")?;
                let value = self.operand(body, Like::Is(Type::Int(width.bits())))?;
                self.expect(",")?;
                let (ptr, offset, access) = self.access(body, width)?;
                (Op::Store { ptr, offset, value, access }, None)
            }
            ("atomic", _) => {
                let (name, width) = rest.split_once('.').unwrap_or((rest, ""));
                let Some(op) = AtomicOp::from_name(name) else {
                    self.at -= 1;
                    let near = did_you_mean(&nearest(name, AtomicOp::ALL.iter().map(|op| op.name())));
                    return Err(self.unexpected(format_args!("an atomic operation, as atomic.add.64{near}")));
                };
                let width = self.width(width, "a width behind it: .8, .16, .32 or .64")?;
                let ty = Type::Int(width.bits());
                let value = self.operand(body, Like::Is(ty))?;
                self.expect(",")?;
                let (ptr, offset, access) = self.access(body, width)?;
                (Op::Atomic { op, ptr, offset, value, access }, Some(ty))
            }
            ("cmpxchg", _) => {
                let width = self.width(rest, "cmpxchg.8, cmpxchg.16, cmpxchg.32 or cmpxchg.64")?;
                let ty = Type::Int(width.bits());
                let expected = self.operand(body, Like::Is(ty))?;
                self.expect(",")?;
                let new = self.operand(body, Like::Is(ty))?;
                self.expect(",")?;
                let (ptr, offset, access) = self.access(body, width)?;
                (Op::CmpXchg { ptr, offset, expected, new, access }, Some(ty))
            }
            ("fence", "") => {
                let at = self.place();
                let expected = "an ordering: relaxed, acquire, release, acq_rel or seq_cst";
                let word = self.word(expected)?;
                let order = Order::from_name(word)
                    .ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
                (Op::Fence(order), None)
            }
            ("copy", "") => {
                let dst = self.operand(body, Like::Is(Type::PTR))?;
                self.expect(",")?;
                let src = self.operand(body, Like::Is(Type::PTR))?;
                self.expect(",")?;
                let size = self.number("how many bytes, as a number")?;
                (Op::Copy { dst, src, size, align: self.align(1)? }, None)
            }
            ("fill", "") => {
                let dst = self.operand(body, Like::Is(Type::PTR))?;
                self.expect(",")?;
                let byte = self.number("a byte, 0 to 255")?;
                self.expect(",")?;
                let size = self.number("how many bytes, as a number")?;
                (Op::Fill { dst, byte, size, align: self.align(1)? }, None)
            }
            ("slot", "") => (Op::Slot(self.slot_name(body)?), Some(Type::PTR)),
            ("symbol", "") => {
                let ty = if self.is_type() { self.ty()? } else { Type::PTR };
                (Op::Symbol(self.symbol()?), Some(ty))
            }
            ("core", "") => {
                let ty = self.ty()?;
                let at = self.place();
                let expected = "a CO-RE relocation, as c0";
                let word = self.word(expected)?;
                let number = numbered(word, 'c')
                    .ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
                (Op::Core(number), Some(ty))
            }
            ("call", "") => self.call(body)?,
            ("pin", "") => {
                let ty = self.ty()?;
                (Op::Pin(self.operand(body, Like::Is(ty))?), Some(ty))
            }
            ("marker", "") => {
                let Kind::Symbol(name) = self.kind() else {
                    return Err(self.unexpected("the name of the marker, as @name"));
                };
                self.advance();
                let room = if self.eat_word("room") { self.number("how many slots, 0 to 255")? } else { 0 };
                (Op::Marker { name: name.to_string().into(), room }, None)
            }
            ("asm", "") => self.asm(body)?,
            _ => return Ok(None),
        };
        Ok(Some(found))
    }

    /// The width in the word that was taken.
    fn width(&mut self, name: &str, expected: &str) -> Parsed<Width> {
        Width::from_name(name).ok_or_else(|| {
            self.at -= 1;
            self.unexpected(expected)
        })
    }

    fn align(&mut self, default: u8) -> Parsed<u8> {
        if self.eat_word("align") { self.number("an alignment in bytes") } else { Ok(default) }
    }

    /// `ptradd v0, v1, 8`: what is a bare number is the offset.
    fn ptr_add(&mut self, body: &mut Body) -> Parsed<(Op, Option<Type>)> {
        const OFFSET: &str = "a number of bytes";
        let ty = if self.is_type() { self.ty()? } else { Type::PTR };
        let base = self.operand(body, Like::Is(ty))?;
        self.expect(",")?;
        let is_number = |parser: &Self| matches!(parser.kind(), Kind::Number(_));
        let (mut index, mut offset) = (None, 0);
        if is_number(self) {
            offset = self.number(OFFSET)?;
        } else {
            index = Some(self.operand(body, Like::Is(Type::I64))?);
            if self.eat(",") {
                offset = self.number(OFFSET)?;
            }
        }
        Ok((Op::PtrAdd { base, index, offset }, Some(ty)))
    }

    /// `[v0+8] volatile align 1`
    fn access(&mut self, body: &mut Body, width: Width) -> Parsed<(Value, i32, Access)> {
        const OFFSET: &str = "an offset of 32 bits, in bytes";
        self.expect("[")?;
        let ptr = self.operand(body, Like::Is(Type::PTR))?;
        let mut offset = 0;
        if self.eat("+") || matches!(self.kind(), Kind::Number(_)) {
            offset = self.number(OFFSET)?;
        } else if self.eat("-") {
            offset = self.number::<i32>(OFFSET)?.wrapping_neg();
        }
        self.expect("]")?;
        let mut access = Access::plain(width);
        while let Kind::Word(word) = *self.kind() {
            match Order::from_name(word) {
                Some(order) => access.order = order,
                None if word == "volatile" => access.volatile = true,
                None if word == "align" => {
                    self.advance();
                    access.align = self.number("an alignment in bytes")?;
                    continue;
                }
                None => {
                    let known = Order::ALL.iter().map(|order| order.name());
                    let near = did_you_mean(&nearest(word, known.chain(["volatile", "align"])));
                    return Err(self.unexpected(format_args!("volatile, align or an ordering{near}")));
                }
            }
            self.advance();
        }
        Ok((ptr, offset, access))
    }

    fn call(&mut self, body: &mut Body) -> Parsed<(Op, Option<Type>)> {
        let ty = if self.is_type() { Some(self.ty()?) } else { None };
        let at = self.place();
        let callee = match *self.kind() {
            Kind::Symbol(_) => Callee::Symbol(self.symbol()?),
            Kind::Word("helper") => {
                self.advance();
                Callee::Helper(self.number("the number of a helper")?)
            }
            Kind::Word(word) if numbered(word, 'v').is_none() && word != "null" => {
                let helper = Helper::from_name(word).ok_or_else(|| {
                    let near = did_you_mean(&nearest(word, Helper::ALL.iter().map(|helper| helper.name())));
                    let message =
                        format!("no helper has the name '{word}'; functions are called as @{word}{near}");
                    Fault { at, message }
                })?;
                self.advance();
                Callee::Helper(helper.id().cast_unsigned())
            }
            Kind::Word(_) => Callee::Value(self.operand(body, Like::Is(Type::PTR))?),
            _ => return Err(self.unexpected("what is called: @name, a helper's name, or a value")),
        };
        let args = self.args(body, |at| match callee {
            Callee::Symbol(symbol) => Like::Arg(symbol, at),
            _ => Like::Is(Type::I64),
        })?;
        Ok((Op::Call { callee, args }, ty))
    }

    fn args(&mut self, body: &mut Body, like: impl Fn(usize) -> Like) -> Parsed<Values> {
        let mut args = Values::new();
        self.expect("(")?;
        let mut more = !self.eat(")");
        while more {
            args.push(self.operand(body, like(args.len()))?);
            more = self.more(")")?;
        }
        Ok(args)
    }

    fn asm(&mut self, body: &mut Body) -> Parsed<(Op, Option<Type>)> {
        let ty = if self.is_type() { Some(self.ty()?) } else { None };
        let text = self.string("instructions in quotes")?.into();
        let inputs = self.args(body, |_| Like::Is(Type::I64))?;
        let mut asm = Asm { text, inputs, tied: false, clobbers: 0, memory: false, volatile: false };
        while let Kind::Word(word) = *self.kind() {
            let at = self.place();
            self.advance();
            match word {
                "tied" => asm.tied = true,
                "memory" => asm.memory = true,
                "volatile" => asm.volatile = true,
                "clobbers" => loop {
                    let expected = "a register, r0 to r15";
                    let at = self.place();
                    let word = self.word(expected)?;
                    let reg = numbered(word, 'r').filter(|&reg| reg < 16);
                    let reg =
                        reg.ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
                    asm.clobbers |= 1 << reg;
                    if !self.eat(",") {
                        break;
                    }
                },
                _ => {
                    let near = did_you_mean(&nearest(word, ["tied", "memory", "volatile", "clobbers"]));
                    let expected = "tied, memory, volatile or clobbers";
                    return Err(Fault::new(&at, format!("found '{word}', expected {expected}{near}")));
                }
            }
        }
        Ok((Op::Asm(Box::new(asm)), ty))
    }
}

/// The conditions that are near to what is none, for a message.
pub(super) fn near(head: &str, cond: &str) -> String {
    let known: Vec<String> = Cond::ALL.iter().map(|cond| format!("{head}.{}", cond.name())).collect();
    did_you_mean(&nearest(&format!("{head}.{cond}"), known.iter().map(String::as_str)))
}
