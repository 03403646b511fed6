//! Addresses and accesses.

use super::{Change, Fold};
use crate::ir::{BinOp, Global, Init, Op, SymbolKind, Type, Value};
use skep_insn::Endian;

impl Fold<'_> {
    pub(super) fn ptradd(&mut self, base: Value, index: Option<Value>, offset: i64) -> Option<Change> {
        if index.is_none() && offset == 0 {
            return Some(Change::Same(base));
        }
        if let Some(number) = index.and_then(|index| self.func.as_const(index)) {
            return Some(Change::Op(Op::PtrAdd { base, index: None, offset: offset.wrapping_add(number) }));
        }
        if let Some(index) = index
            && let Op::Bin(BinOp::Add, x, c) = *self.op(index)
            && let Some(number) = self.small_sum(index, x, c)
            && let Some(offset) = offset.checked_add(number)
        {
            return Some(Change::Op(Op::PtrAdd { base, index: Some(x), offset }));
        }
        match *self.op(base) {
            Op::PtrAdd { base, index: None, offset: inner } => {
                Some(Change::Op(Op::PtrAdd { base, index, offset: inner.wrapping_add(offset) }))
            }
            _ => None,
        }
    }

    /// A load, a store or an atomic operation: takes a constant part of the address into its offset.
    pub(super) fn access(&mut self, inst: Value) -> Option<Change> {
        let (ptr, offset) = match self.op(inst) {
            Op::Load { ptr, offset, .. }
            | Op::Store { ptr, offset, .. }
            | Op::Atomic { ptr, offset, .. }
            | Op::CmpXchg { ptr, offset, .. } => (*ptr, *offset),
            _ => return None,
        };
        if let Op::PtrAdd { base, index: None, offset: more } = *self.op(ptr) {
            let sum = i64::from(offset).checked_add(more)?;
            // What an instruction has room for.
            if let Ok(sum) = i16::try_from(sum) {
                let mut op = self.op(inst).clone();
                if let Op::Load { ptr, offset, .. }
                | Op::Store { ptr, offset, .. }
                | Op::Atomic { ptr, offset, .. }
                | Op::CmpXchg { ptr, offset, .. } = &mut op
                {
                    (*ptr, *offset) = (base, sum.into());
                }
                return Some(Change::Op(op));
            }
        }
        self.load_of_constant(inst)
    }

    /// A load from a variable that nobody writes.
    fn load_of_constant(&self, inst: Value) -> Option<Change> {
        let Op::Load { ptr, offset, access, signed } = *self.op(inst) else { return None };
        let Some(ty @ Type::Int(_)) = self.func.node(inst).ty else { return None };
        let (symbol, more) = match *self.op(ptr) {
            Op::Symbol(symbol) => (symbol, 0),
            Op::PtrAdd { base, index: None, offset } => match *self.op(base) {
                Op::Symbol(symbol) => (symbol, offset),
                _ => return None,
            },
            _ => return None,
        };
        let symbol = self.context.module.symbol(symbol);
        let SymbolKind::Global(global) = &symbol.kind else { return None };
        // A constant that others see may be set by the loader, or given by another object.
        if !global.read_only || access.volatile || symbol.linkage != crate::ir::Linkage::Local {
            return None;
        }
        let start = u64::try_from(i64::from(offset).checked_add(more)?).ok()?;
        let bytes = access.width.bytes();
        let mut number = 0u64;
        for at in 0..bytes {
            let byte = byte_at(global, start.checked_add(at.into())?, self.context.options.endian)?;
            let shift = match self.context.options.endian {
                Endian::Little => at,
                Endian::Big => bytes - 1 - at,
            };
            number |= u64::from(byte) << (8 * shift);
        }
        let narrow = Type::Int(access.width.bits());
        let number = if signed { narrow.canonical(number.cast_signed()) } else { number.cast_signed() };
        Some(Change::Number(ty.canonical(number)))
    }
}

/// A byte of the initial contents, if it is known.
fn byte_at(global: &Global, at: u64, endian: Endian) -> Option<u8> {
    if at >= global.size.into() {
        return None;
    }
    let mut start = 0u64;
    for init in &global.init {
        let size = u64::from(init.size());
        if at < start + size {
            let at = usize::try_from(at - start).ok()?;
            return match init {
                Init::Bytes(bytes) => bytes.get(at).copied(),
                Init::Int { bytes, value } => {
                    let at = if endian == Endian::Little {
                        at
                    } else {
                        usize::from(*bytes).checked_sub(at + 1)?
                    };
                    value.to_le_bytes().get(at).copied()
                }
                Init::Address { .. } => None,
                Init::Zeros(_) => Some(0),
            };
        }
        start += size;
    }
    Some(0)
}
