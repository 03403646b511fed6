//! Calls: of functions, helpers and pointers.

use skep_btf::TypeId;
use skep_insn::helper::Helper;

use super::body::FuncBuilder;
use super::class::{Class, Shape};
use super::func::FuncDecl;
use super::handle::{Func, Ty, Value};
use crate::build::helpers::{Part, SIGNATURES, Signature};
use crate::diag::Code;
use crate::ir::{self, Callee, CastOp, Op, Type, Values};

impl FuncBuilder<'_> {
    /// Calls a function with as many arguments as it takes, of its types; more only if it is variadic. What it returns; a
    /// value that cannot be used, if it returns nothing.
    #[track_caller]
    pub fn call(&mut self, func: Func, args: &[Value]) -> Value {
        self.m.here();
        let Some(at) = self.m.func_decl(func) else { return Value::POISON };
        let symbol = self.m.funcs[at as usize].symbol;
        let decl = self.m.funcs[at as usize].clone();
        self.call_as(Callee::Symbol(symbol), &decl, args)
    }

    /// Calls what a pointer to a function points to, with arguments of its types: user space only.
    #[track_caller]
    pub fn call_pointer(&mut self, pointer: Value, args: &[Value]) -> Value {
        self.m.here();
        let Some((node, class)) = self.operand(pointer) else { return Value::POISON };
        if let Shape::Ptr { to, .. } = class.shape
            && self.m.class(to).shape == Shape::Func
        {
            let ty = self.m.ty(to);
            let Some(decl) = self.m.proto_of(ty) else { return Value::POISON };
            return self.call_as(Callee::Value(node), &decl, args);
        }
        self.bad_operand("a call", pointer, "a function, or a pointer to one")
    }

    /// Calls a helper of the kernel by its number, with arguments as its documentation has them.
    #[track_caller]
    pub fn call_helper(&mut self, helper: Helper, args: &[Value]) -> Value {
        self.m.here();
        let signature = usize::try_from(helper.id() - 1).ok().and_then(|at| SIGNATURES.get(at));
        let Some(signature) = signature else { return Value::POISON };
        self.call_known(helper, signature, args)
    }

    /// Calls a helper that has no name here, by its number and as a function of that type.
    #[track_caller]
    pub fn call_helper_as(&mut self, number: u32, ty: Ty, args: &[Value]) -> Value {
        self.m.here();
        let Some(decl) = self.m.proto_of(ty) else { return Value::POISON };
        if i32::try_from(number).is_err() || number == 0 {
            let message = format!("helper {number}: numbers are 1 to {}", i32::MAX);
            self.m.mistake(Code::OutOfRange, message);
            return Value::POISON;
        }
        self.call_as(Callee::Helper(number), &decl, args)
    }

    fn call_as(&mut self, callee: Callee, decl: &FuncDecl, args: &[Value]) -> Value {
        let what = |m: &super::Module| match callee {
            Callee::Symbol(symbol) => format!("'{}'", m.ir.symbol(symbol).name),
            Callee::Helper(number) => format!("helper {number}"),
            Callee::Value(_) => "the function".to_owned(),
        };
        let count = decl.params.len();
        if args.len() < count || (args.len() > count && !decl.variadic) {
            let message = format!("{} takes {count} arguments, but is given {}", what(self.m), args.len());
            self.m.mistake(Code::BadCall, message);
            return Value::POISON;
        }
        let mut nodes = Values::new();
        for (at, &arg) in args.iter().enumerate() {
            let Some((node, class)) = self.operand(arg) else { return Value::POISON };
            if let Some(&param) = decl.params.get(at) {
                let expected = self.m.class(param);
                if !self.compatible(arg.ty, class, param, expected) {
                    let (found, name) = (self.m.type_name(arg.ty), self.m.type_name(param));
                    let what = what(self.m);
                    let message = format!("argument {at} of {what} is {found}, expected {name}: cast it");
                    self.m.mistake(Code::BadCall, message);
                    return Value::POISON;
                }
            }
            // What has a prototype in BTF is extended by the compiler.
            let node = match (callee, at < count) {
                (Callee::Value(_), true) if class.is_signed() => self.widened(node, class, Type::I64),
                (_, false) => self.widened(node, class, Type::I32),
                _ => node,
            };
            nodes.push(node);
        }
        let ret = self.m.class(decl.ret).ir();
        let node = self.emit(Op::Call { callee, args: nodes }, ret);
        if ret.is_some() { self.value(node, decl.ret) } else { self.nothing() }
    }

    /// A number narrower than 32 bits, as C passes it where it does not know what is wanted: extended as its type says.
    fn widened(&mut self, node: ir::Value, class: Class, to: Type) -> ir::Value {
        let Some(Type::Int(..32)) = class.ir() else { return node };
        let op = if class.is_signed() { CastOp::Sext } else { CastOp::Zext };
        self.emit(Op::Cast(op, node), Some(to))
    }

    fn call_known(&mut self, helper: Helper, signature: &Signature, args: &[Value]) -> Value {
        let count = signature.params.len();
        let more = helper == Helper::TracePrintk && args.len() <= 5;
        if args.len() < count || (args.len() > count && !more) {
            let message = format!("{helper} takes {count} arguments, but is given {}", args.len());
            self.m.mistake(Code::BadCall, message);
            return Value::POISON;
        }
        let mut nodes = Values::new();
        for (at, &arg) in args.iter().enumerate() {
            let Some((node, class)) = self.operand(arg) else { return Value::POISON };
            let part = signature.params.get(at).copied();
            let fits = match (part, class.shape) {
                (Some(Part::Int { bits, .. }), Shape::Int { bits: found, .. }) => bits == found,
                (Some(Part::Memory | Part::Map | Part::Code), Shape::Ptr { .. }) => true,
                (None, Shape::Int { .. } | Shape::Bool | Shape::Ptr { .. }) => true,
                _ => false,
            };
            if !fits {
                let found = self.m.type_name(arg.ty);
                let expected = part.map_or("an integer or a pointer", Part::name);
                let message = format!("argument {at} of {helper} is {found}, expected {expected}");
                self.m.mistake(Code::BadCall, message);
                return Value::POISON;
            }
            nodes.push(node);
        }
        let callee = Callee::Helper(helper.id().cast_unsigned());
        let op = Op::Call { callee, args: nodes };
        let Some(ret) = signature.ret else {
            self.emit(op, None);
            return self.nothing();
        };
        let ty = self.part_type(ret);
        match ret {
            // The kernel returns 64 bits, whatever the type says.
            Part::Int { bits, .. } => {
                let node = self.emit(op, Some(Type::I64));
                let node = if bits == 64 {
                    node
                } else {
                    self.emit(Op::Cast(CastOp::Trunc, node), Some(Type::Int(bits)))
                };
                self.value(node, ty)
            }
            _ => {
                let node = self.emit(op, Some(Type::PTR));
                self.value(node, ty)
            }
        }
    }

    fn part_type(&mut self, part: Part) -> TypeId {
        match part {
            Part::Int { bits: 16, .. } => self.m.rust_id::<u16>(),
            Part::Int { bits: 32, signed: true } => self.m.rust_id::<i32>(),
            Part::Int { bits: 32, signed: false } => self.m.rust_id::<u32>(),
            Part::Int { signed: true, .. } => self.m.rust_id::<i64>(),
            Part::Int { signed: false, .. } => self.m.rust_id::<u64>(),
            Part::Memory | Part::Map | Part::Code => self.m.rust_id::<skep_btf::P>(),
        }
    }

    /// The address of a function: for helpers that call it back, and in user space for calls by pointer.
    #[track_caller]
    pub fn func_address(&mut self, func: Func) -> Value {
        self.m.here();
        let Some(at) = self.m.func_decl(func) else { return Value::POISON };
        let (symbol, proto) = (self.m.funcs[at as usize].symbol, self.m.funcs[at as usize].proto);
        let node = self.emit(Op::Symbol(symbol), Some(Type::PTR));
        let ty = self.m.ir.types.ptr(proto);
        self.value(node, ty)
    }

    /// The same value, that no pass looks through or moves.
    #[track_caller]
    pub fn pin(&mut self, value: Value) -> Value {
        self.m.here();
        let Some((node, class)) = self.operand(value) else { return Value::POISON };
        let node = self.emit(Op::Pin(node), class.ir());
        self.value(node, value.ty)
    }

    /// A named place, which each pass keeps where it is: found again as a symbol of the object. `room` is how many
    /// instructions that do nothing stand there, to be patched.
    #[track_caller]
    pub fn marker(&mut self, name: &str, room: u8) {
        self.m.here();
        if self.m.check_name(name) {
            self.emit(Op::Marker { name: name.into(), room }, None);
        }
    }

    /// The number of bytes of a value of a type, as an unsigned 64-bit integer.
    #[track_caller]
    pub fn size_of(&mut self, ty: Ty) -> Value {
        self.m.here();
        let Some(id) = self.m.object_type(ty, "the size of") else { return Value::POISON };
        let size = self.m.class(id).size;
        let ty = self.m.rust_id::<u64>();
        let node = self.number(size.into(), ir::Type::I64);
        self.value(node, ty)
    }
}
