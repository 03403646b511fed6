//! Instructions: types of operands and results.

use super::flow::is_type;
use super::{Checker, Of, plural};
use crate::diag::Code;
use crate::ir::{Access, Asm, Block, Callee, CastOp, Op, Order, SymbolKind, Type, UnOp, Value, Width};

impl Checker<'_> {
    /// Checks one instruction.
    pub(super) fn inst(&mut self, block: Block, inst: Value) {
        let node = self.func.node(inst);
        let of = Of::Inst(block, inst);
        if let Some(ty) = node.ty
            && !is_type(ty)
        {
            return self.fault(of, format_args!("there is no type {ty}, expected i1 to i64 or ptr"));
        }
        match (makes(&node.op), node.ty) {
            (Makes::Something, None) => return self.fault(of, "it makes a value, but has no type"),
            (Makes::Nothing, Some(ty)) => {
                return self.fault(of, format_args!("it makes no value, but has the type {ty}"));
            }
            _ => {}
        }
        match node.ty {
            Some(ty) => self.value(of, &node.op, ty),
            None => self.effect(of, &node.op),
        }
    }

    /// What makes a value of that type.
    fn value(&mut self, of: Of, op: &Op, ty: Type) {
        match op {
            Op::Const(value) => self.constant(of, *value, ty),
            Op::Bin(_, a, b) => {
                self.integer(of, ty);
                self.expect(of, *a, ty);
                self.expect(of, *b, ty);
            }
            Op::Un(op, a) => {
                self.integer(of, ty);
                if *op == UnOp::Bswap && !matches!(ty, Type::Int(16 | 32 | 64)) {
                    self.fault(of, format_args!("{ty} has no byte order to swap, expected i16, i32 or i64"));
                }
                self.expect(of, *a, ty);
            }
            Op::Cast(op, a) => self.cast(of, *op, *a, ty),
            Op::Cmp(_, a, b) => {
                self.result(of, ty, Type::I1);
                self.compared(of, *a, *b);
            }
            Op::Select(c, a, b) => {
                self.expect(of, *c, Type::I1);
                self.expect(of, *a, ty);
                self.expect(of, *b, ty);
            }
            Op::PtrAdd { base, index, .. } => {
                if !ty.is_ptr() {
                    self.fault(of, format_args!("its result is {ty}, expected a pointer"));
                }
                self.expect(of, *base, ty);
                if let Some(index) = index {
                    self.expect(of, *index, Type::I64);
                }
            }
            Op::PtrDiff(a, b) => {
                self.result(of, ty, Type::I64);
                self.pointer(of, *a);
                self.compared(of, *a, *b);
            }
            Op::Load { ptr, access, signed, .. } => {
                self.load(of, *access, *signed, ty);
                self.pointer(of, *ptr);
            }
            Op::Atomic { ptr, value, access, .. } => {
                let operand = Type::Int(access.width.bits());
                self.pointer(of, *ptr);
                self.expect(of, *value, operand);
                self.result(of, ty, operand);
                self.modifies(of, *access);
            }
            Op::CmpXchg { ptr, expected, new, access, .. } => {
                let operand = Type::Int(access.width.bits());
                self.pointer(of, *ptr);
                self.expect(of, *expected, operand);
                self.expect(of, *new, operand);
                self.result(of, ty, operand);
                self.modifies(of, *access);
            }
            Op::Slot(slot) => {
                self.result(of, ty, Type::PTR);
                if slot.0 as usize >= self.func.slots.len() {
                    self.fault(of, format_args!("s{} does not exist", slot.0));
                }
            }
            Op::Symbol(symbol) => {
                if !ty.is_ptr() {
                    self.fault(of, format_args!("its result is {ty}, expected a pointer"));
                }
                if symbol.0 as usize >= self.module.symbols.len() {
                    self.fault(of, format_args!("symbol {} does not exist", symbol.0));
                }
            }
            Op::Core(index) => {
                self.integer(of, ty);
                if *index as usize >= self.module.core.len() {
                    self.fault(of, format_args!("c{index} does not exist"));
                }
            }
            Op::Pin(a) => self.expect(of, *a, ty),
            Op::Call { .. } | Op::Asm(_) => self.effect(of, op),
            // Told above, or when the places were checked.
            Op::Param
            | Op::Store { .. }
            | Op::Fence(_)
            | Op::Copy { .. }
            | Op::Fill { .. }
            | Op::Marker { .. } => {}
        }
    }

    /// What needs no result.
    fn effect(&mut self, of: Of, op: &Op) {
        match op {
            Op::Store { ptr, value, access, .. } => {
                self.pointer(of, *ptr);
                self.access(of, *access);
                if matches!(access.order, Order::Acquire | Order::AcqRel) {
                    let name = access.order.name();
                    self.fault(of, format_args!("no store is {name}, expected relaxed, release or seq_cst"));
                }
                self.at_least(of, *value, access.width);
            }
            Op::Fence(Order::Plain) => self.fault(of, "it orders nothing, expected an ordering"),
            Op::Copy { dst, src, align, .. } => {
                self.pointer(of, *dst);
                self.pointer(of, *src);
                self.align(of, *align);
            }
            Op::Fill { dst, align, .. } => {
                self.pointer(of, *dst);
                self.align(of, *align);
            }
            Op::Call { callee, args } => self.call(of, *callee, args),
            Op::Marker { name, .. } if name.is_empty() || name.contains('\0') => {
                self.fault(
                    of,
                    "its name is no name of a symbol, expected one that is not empty and has no NUL",
                );
            }
            Op::Asm(asm) => self.asm(of, asm),
            _ => {}
        }
    }

    fn constant(&mut self, of: Of, value: i64, ty: Type) {
        match ty {
            Type::Ptr(_) if value != 0 => {
                self.fault(of, format_args!("{value} is no constant of {ty}, expected null; use inttoptr"));
            }
            Type::Int(_) if ty.canonical(value) != value => {
                let expected = ty.canonical(value);
                self.fault(of, format_args!("{value} is not kept as {ty} is, expected {expected}"));
            }
            _ => {}
        }
    }

    fn cast(&mut self, of: Of, op: CastOp, a: Value, to: Type) {
        let Some(from) = self.ty(a) else { return self.untyped(of, a) };
        let expected = match (op, from, to) {
            (CastOp::Zext | CastOp::Sext, Type::Int(from), Type::Int(to)) if from < to => return,
            (CastOp::Trunc, Type::Int(from), Type::Int(to)) if from > to => return,
            (CastOp::PtrToInt, Type::Ptr(_), Type::I64) | (CastOp::IntToPtr, Type::I64, Type::Ptr(_)) => {
                return;
            }
            (CastOp::Space, Type::Ptr(from), Type::Ptr(to)) if from != to => return,
            (CastOp::Zext | CastOp::Sext, ..) => "an integer and a wider one",
            (CastOp::Trunc, ..) => "an integer and a narrower one",
            (CastOp::PtrToInt, ..) => "a pointer and i64",
            (CastOp::IntToPtr, ..) => "i64 and a pointer",
            (CastOp::Space, ..) => "pointers into different address spaces",
        };
        self.fault(of, format_args!("it goes from {from} to {to}, expected {expected}"));
    }

    fn load(&mut self, of: Of, access: Access, signed: bool, ty: Type) {
        self.access(of, access);
        let width = access.width.bits();
        match ty {
            Type::Int(bits) if bits < width => {
                let message =
                    format!("its result is {ty}, expected an integer of at least {width} bits, or a pointer");
                self.fault(of, message);
            }
            Type::Ptr(_) if !matches!(access.width, Width::W32 | Width::W64) || signed => {
                self.fault(of, "its result is a pointer, which is read as u64, or as u32 from a context");
            }
            _ => {}
        }
        if matches!(access.order, Order::Release | Order::AcqRel) {
            let name = access.order.name();
            self.fault(of, format_args!("no load is {name}, expected relaxed, acquire or seq_cst"));
        }
    }

    /// An access that reads and writes.
    fn modifies(&mut self, of: Of, access: Access) {
        self.access(of, access);
        if access.order == Order::Plain {
            self.fault(of, "it has no ordering, expected relaxed, acquire, release, acq_rel or seq_cst");
        }
    }

    fn access(&mut self, of: Of, access: Access) {
        self.align(of, access.align);
    }

    fn align(&mut self, of: Of, align: u8) {
        if !align.is_power_of_two() {
            self.fault(of, format_args!("the alignment is {align}, expected a power of two"));
        }
    }

    fn call(&mut self, of: Of, callee: Callee, args: &[Value]) {
        let Of::Inst(_, inst) = of else { return };
        let symbol = match callee {
            Callee::Symbol(symbol) => symbol,
            Callee::Value(target) => {
                self.pointer(of, target);
                return args.iter().for_each(|&arg| self.typed(of, arg));
            }
            Callee::Helper(_) => return args.iter().for_each(|&arg| self.typed(of, arg)),
        };
        let module = self.module;
        let Some(found) = module.symbols.get(symbol.0 as usize) else {
            return self.fault(of, format_args!("symbol {} does not exist", symbol.0));
        };
        let Some(sig) = module.signature(symbol) else {
            let kind = match &found.kind {
                SymbolKind::Map(_) => "a map",
                SymbolKind::Global(_) => "a variable",
                SymbolKind::Func(_) => "a function without a body",
                SymbolKind::Extern(_) => "an extern without parameters",
            };
            return self.fault(of, format_args!("'{}' is {kind}, expected a function", found.name));
        };
        let count = sig.params.len();
        if args.len() < count || (args.len() > count && !sig.variadic) {
            let least = if sig.variadic { "at least " } else { "" };
            let takes = plural(count, "argument");
            let message = format!("'{}' takes {least}{takes}, found {}", found.name, args.len());
            return self.fault(of, message);
        }
        for (at, &arg) in args.iter().enumerate() {
            match sig.params.get(at) {
                Some(&ty) => self.expect(of, arg, ty),
                None => self.typed(of, arg),
            }
        }
        match (self.func.node(inst).ty, sig.ret) {
            (Some(found), Some(ret)) if found != ret => {
                self.fault(of, format_args!("its result is {found}, but the function returns {ret}"));
            }
            (Some(found), None) => {
                self.fault(of, format_args!("its result is {found}, but the function returns nothing"));
            }
            _ => {}
        }
    }

    fn asm(&mut self, of: Of, asm: &Asm) {
        let Of::Inst(_, inst) = of else { return };
        asm.inputs.iter().for_each(|&input| self.typed(of, input));
        let ty = self.func.node(inst).ty;
        if asm.clobbers >> 10 != 0 {
            let reg = 15 - (asm.clobbers >> 10 << 10).leading_zeros();
            self.fault(of, format_args!("it cannot destroy r{reg}, expected r0 to r9"));
        }
        match (asm.tied, ty, asm.inputs.first()) {
            (true, Some(ty), Some(&first)) => self.expect(of, first, ty),
            (true, ..) => self.fault(of, "'tied' ties the result to the first input, expected both"),
            _ => {}
        }
        let count = asm.inputs.len() + usize::from(ty.is_some());
        if let Err(message) = operands_exist(&asm.text, count) {
            let told = self.faults.len();
            self.fault(of, message);
            self.faults[told..].iter_mut().for_each(|fault| fault.code = Code::BadAsm);
        }
    }

    fn integer(&mut self, of: Of, ty: Type) {
        if ty.is_ptr() {
            self.fault(of, format_args!("its type is {ty}, expected an integer; ptradd is for pointers"));
        }
    }

    /// That the result has a type.
    fn result(&mut self, of: Of, found: Type, expected: Type) {
        if found != expected {
            self.fault(of, format_args!("its result is {found}, expected {expected}"));
        }
    }

    /// That an operand has a type.
    pub(super) fn expect(&mut self, of: Of, value: Value, expected: Type) {
        if self.ty(value) != Some(expected) {
            let (name, found) = (self.name(value), self.type_name(value));
            self.fault(of, format_args!("operand {name} is {found}, expected {expected}"));
        }
    }

    /// That two operands have one type.
    pub(super) fn compared(&mut self, of: Of, a: Value, b: Value) {
        match self.ty(a) {
            Some(ty) => self.expect(of, b, ty),
            None => self.untyped(of, a),
        }
    }

    fn pointer(&mut self, of: Of, value: Value) {
        if !self.ty(value).is_some_and(Type::is_ptr) {
            let (name, found) = (self.name(value), self.type_name(value));
            self.fault(of, format_args!("operand {name} is {found}, expected a pointer"));
        }
    }

    /// That an operand is a pointer, or an integer of at least a width.
    fn at_least(&mut self, of: Of, value: Value, width: Width) {
        let fine = match self.ty(value) {
            Some(Type::Int(bits)) => bits >= width.bits(),
            Some(Type::Ptr(_)) => true,
            None => false,
        };
        if !fine {
            let (name, found, width) = (self.name(value), self.type_name(value), width.bits());
            let expected = format_args!("an integer of at least {width} bits, or a pointer");
            self.fault(of, format!("operand {name} is {found}, expected {expected}"));
        }
    }

    /// That an operand is a value at all.
    fn typed(&mut self, of: Of, value: Value) {
        if self.ty(value).is_none() {
            self.untyped(of, value);
        }
    }

    fn untyped(&mut self, of: Of, value: Value) {
        let name = self.name(value);
        self.fault(of, format_args!("operand {name} is no value"));
    }

    /// The type of a value, for a message.
    pub(super) fn type_name(&self, value: Value) -> String {
        self.ty(value).map_or_else(|| "no value".to_owned(), |ty| ty.to_string())
    }
}

/// Whether an instruction makes a value.
enum Makes {
    Something,
    Nothing,
    /// If it has a type.
    Maybe,
}

fn makes(op: &Op) -> Makes {
    match op {
        Op::Store { .. } | Op::Fence(_) | Op::Copy { .. } | Op::Fill { .. } | Op::Marker { .. } => {
            Makes::Nothing
        }
        Op::Call { .. } | Op::Asm(_) => Makes::Maybe,
        _ => Makes::Something,
    }
}

/// Whether each `%N` and `%wN` of an assembly text is one of so many operands.
fn operands_exist(text: &str, count: usize) -> Result<(), String> {
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once('%') {
        if let Some(behind) = behind.strip_prefix('%') {
            rest = behind;
            continue;
        }
        let behind = behind.strip_prefix('w').unwrap_or(behind);
        let len = behind.bytes().take_while(u8::is_ascii_digit).count();
        match behind[..len].parse::<usize>() {
            Ok(number) if number < count => {}
            Ok(number) => return Err(format!("%{number} is not there, it has {}", plural(count, "operand"))),
            Err(_) => return Err("found '%' without a number, expected %0, %w0 or %%".to_owned()),
        }
        rest = &behind[len..];
    }
    Ok(())
}
