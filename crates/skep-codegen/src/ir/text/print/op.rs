//! Instructions.

use std::fmt::{self, Write as _};

use skep_insn::helper::Helper;

use super::body::{Body, Literal, TypeOrNone};
use super::{Name, Quoted, SymbolName};
use crate::ir::{Access, Callee, Op, Order, Type, Value, Width};

impl Body<'_> {
    /// An instruction, without its place.
    pub(crate) fn inst(&self, out: &mut String, value: Value) -> fmt::Result {
        let Some(node) = self.func.nodes.get(value.0 as usize) else {
            return write!(out, "v?{}", value.0);
        };
        if node.ty.is_some() && !self.is_inline(value) {
            write!(out, "{} = ", self.name(value))?;
        }
        self.op(out, &node.op, node.ty)
    }

    fn op(&self, out: &mut String, op: &Op, ty: Option<Type>) -> fmt::Result {
        let of = |value| self.operand(value, ty);
        let ptr = |value| self.operand(value, Some(Type::PTR));
        let any = |value| self.operand(value, None);
        let typed = TypeOrNone(ty);
        match op {
            Op::Param => write!(out, "param {typed}"),
            Op::Const(value) => write!(out, "const {typed} {}", Literal(ty, *value)),
            Op::Bin(op, a, b) => write!(out, "{} {typed} {}, {}", op.name(), of(*a), of(*b)),
            Op::Un(op, a) => write!(out, "{} {typed} {}", op.name(), of(*a)),
            Op::Cast(op, a) => write!(out, "{} {typed} {}", op.name(), any(*a)),
            Op::Cmp(cond, a, b) => {
                write!(out, "cmp.{} ", cond.name())?;
                self.compared(out, *a, *b)
            }
            Op::Select(c, a, b) => {
                let c = self.operand(*c, Some(Type::I1));
                write!(out, "select {typed} {c}, {}, {}", of(*a), of(*b))
            }
            Op::PtrAdd { base, index, offset } => {
                out.push_str("ptradd ");
                // A base that says its type would be read as the result's.
                if ty != Some(Type::PTR) || (self.is_inline(*base) && self.node_type(*base) != ty) {
                    write!(out, "{typed} ")?;
                }
                write!(out, "{}", of(*base))?;
                if let Some(index) = index {
                    write!(out, ", {}", any(*index))?;
                }
                if index.is_none() || *offset != 0 {
                    write!(out, ", {offset}")?;
                }
                Ok(())
            }
            Op::PtrDiff(a, b) => write!(out, "ptrdiff {}, {}", ptr(*a), ptr(*b)),
            Op::Load { ptr, offset, access, signed } => {
                let sign = if *signed { 's' } else { 'u' };
                write!(out, "load.{sign}{} {typed} ", access.width.name())?;
                self.place(out, *ptr, *offset, *access)
            }
            Op::Store { ptr, offset, value, access } => {
                let width = access.width;
                write!(out, "store.{} {}, ", width.name(), self.operand(*value, Some(integer(width))))?;
                self.place(out, *ptr, *offset, *access)
            }
            Op::Atomic { op, ptr, offset, value, access } => {
                let width = access.width;
                let value = self.operand(*value, Some(integer(width)));
                write!(out, "atomic.{}.{} {value}, ", op.name(), width.name())?;
                self.place(out, *ptr, *offset, *access)
            }
            Op::CmpXchg { ptr, offset, expected, new, access } => {
                let width = access.width;
                let of = |value| self.operand(value, Some(integer(width)));
                write!(out, "cmpxchg.{} {}, {}, ", width.name(), of(*expected), of(*new))?;
                self.place(out, *ptr, *offset, *access)
            }
            Op::Fence(order) => write!(out, "fence {}", order.name()),
            Op::Copy { dst, src, size, align } => {
                write!(out, "copy {}, {}, {size} align {align}", ptr(*dst), ptr(*src))
            }
            Op::Fill { dst, byte, size, align } => {
                write!(out, "fill {}, {byte}, {size} align {align}", ptr(*dst))
            }
            Op::Slot(slot) => write!(out, "slot s{}", slot.0),
            Op::Symbol(symbol) => {
                out.push_str("symbol ");
                if ty != Some(Type::PTR) {
                    write!(out, "{typed} ")?;
                }
                write!(out, "{}", SymbolName(self.module, *symbol))
            }
            Op::Core(index) => write!(out, "core {typed} c{index}"),
            Op::Call { callee, args } => self.call(out, *callee, args, ty),
            Op::Pin(a) => write!(out, "pin {typed} {}", of(*a)),
            Op::Marker { name, room } => {
                write!(out, "marker {}", Name(name))?;
                if *room != 0 { write!(out, " room {room}") } else { Ok(()) }
            }
            Op::Asm(asm) => {
                out.push_str("asm ");
                if ty.is_some() {
                    write!(out, "{typed} ")?;
                }
                write!(out, "{}(", Quoted(asm.text.as_bytes()))?;
                self.list(out, &asm.inputs, |_| Some(Type::I64))?;
                for (word, given) in [("tied", asm.tied), ("memory", asm.memory), ("volatile", asm.volatile)]
                {
                    if given {
                        write!(out, " {word}")?;
                    }
                }
                let clobbers = (0..16).filter(|reg| asm.clobbers >> reg & 1 != 0);
                for (at, reg) in clobbers.enumerate() {
                    write!(out, "{}r{reg}", if at == 0 { " clobbers " } else { ", " })?;
                }
                Ok(())
            }
        }
    }

    fn call(&self, out: &mut String, callee: Callee, args: &[Value], ty: Option<Type>) -> fmt::Result {
        out.push_str("call ");
        if let Some(ty) = ty {
            write!(out, "{ty} ")?;
        }
        let sig = match callee {
            Callee::Symbol(symbol) => {
                write!(out, "{}", SymbolName(self.module, symbol))?;
                self.module.symbols.get(symbol.0 as usize).and_then(|_| self.module.signature(symbol))
            }
            Callee::Helper(id) => {
                match Helper::from_id(id.cast_signed()) {
                    Some(helper) => write!(out, "{helper}")?,
                    None => write!(out, "helper {id}")?,
                }
                None
            }
            Callee::Value(value) => {
                write!(out, "{}", self.operand(value, Some(Type::PTR)))?;
                None
            }
        };
        out.push('(');
        self.list(out, args, |at| match sig {
            Some(sig) => sig.params.get(at).copied().or(Some(Type::I64)),
            None => Some(Type::I64),
        })
    }

    /// Values and the parenthesis behind them.
    fn list(
        &self,
        out: &mut String,
        values: &[Value],
        expected: impl Fn(usize) -> Option<Type>,
    ) -> fmt::Result {
        for (at, &value) in values.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(out, "{comma}{}", self.operand(value, expected(at)))?;
        }
        out.push(')');
        Ok(())
    }

    /// Where memory is accessed, and how.
    fn place(&self, out: &mut String, ptr: Value, offset: i32, access: Access) -> fmt::Result {
        write!(out, "[{}", self.operand(ptr, Some(Type::PTR)))?;
        if offset != 0 {
            write!(out, "{offset:+}")?;
        }
        out.push(']');
        if access.order != Order::Plain {
            write!(out, " {}", access.order.name())?;
        }
        if access.volatile {
            out.push_str(" volatile");
        }
        if access.align != access.width.bytes() {
            write!(out, " align {}", access.align)?;
        }
        Ok(())
    }
}

/// The integer as wide as an access.
fn integer(width: Width) -> Type {
    Type::Int(width.bits())
}
