//! Calls, parameters, results, and addresses of symbols.

use regalloc2::{Operand, VReg};
use skep_insn::{Reg, Width};
use smallvec::SmallVec;

use super::memory::Address;
use super::{NONE, Select, def, def_in, read_in};
use crate::diag::Code as DiagCode;
use crate::ir::{self, Callee, Func, Linkage, SymbolId, SymbolKind, Value};
use crate::lower::abi::{self, MAX_ARGS, REG_ARGS, Upper};
use crate::lower::machine::Kind;
use crate::options::Target;

/// Functions of C that change frames.
const OF_STACKS: &[&str] = &[
    "alloca",
    "__builtin_alloca",
    "__builtin_alloca_with_align",
    "setjmp",
    "_setjmp",
    "sigsetjmp",
    "__sigsetjmp",
    "longjmp",
    "siglongjmp",
    "__builtin_setjmp",
    "__builtin_longjmp",
];

/// Whether it is such a function, and defined elsewhere.
fn is_of_stacks(symbol: &ir::Symbol) -> bool {
    matches!(symbol.kind, SymbolKind::Extern(_)) && OF_STACKS.contains(&symbol.name.as_str())
}

/// Where arguments are passed.
const ARGS: [Reg; MAX_ARGS] = [Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5];

impl Select<'_> {
    /// The parameters of the function, as its first instruction.
    pub(super) fn entry(&mut self) {
        let params = &self.input.func.block(Func::ENTRY).params;
        self.loc = self.input.func.loc;
        let mut operands: SmallVec<[Operand; MAX_ARGS]> = SmallVec::new();
        let mut cleanings: SmallVec<[_; MAX_ARGS]> = SmallVec::new();
        let in_regs = if params.len() > MAX_ARGS { REG_ARGS } else { params.len() };
        if in_regs < params.len() && self.input.kernel && !self.input.abi.is_private(self.input.func.symbol) {
            self.too_many_args("parameters, of a function that others see", params.len());
        }
        let mut loads: SmallVec<[_; MAX_ARGS]> = SmallVec::new();
        for (at, &param) in params.iter().enumerate() {
            if self.vregs[param.0 as usize] == NONE {
                continue;
            }
            let raw = self.result(param);
            cleanings.extend(self.cleaning.take());
            if at < in_regs {
                operands.push(def_in(raw, ARGS[at]));
            } else {
                loads.push((raw, i16::try_from((at - in_regs) * 8).unwrap_or(i16::MAX)));
            }
        }
        let rest = self.temp();
        if !loads.is_empty() {
            operands.push(def_in(rest, ARGS[REG_ARGS]));
        }
        if !operands.is_empty() {
            self.emit(Kind::Args, &operands);
        }
        for (raw, off) in loads {
            self.load_from(raw, Address::Reg(rest, off), ir::Width::W64, false);
        }
        for cleaning in cleanings {
            self.cleaning = Some(cleaning);
            self.clean_result();
        }
        self.flush();
    }

    pub(super) fn leave(&mut self, value: Option<Value>) {
        match value {
            Some(value) => {
                let value = self.copy_of(value);
                self.emit(Kind::Exit, &[read_in(value, Reg::R0)]);
            }
            // The kernel lets no subprogram return with a pointer into a frame in r0, result or not.
            None if self.input.subprog && self.knows_frames() => {
                let zero = self.temp();
                self.emit(Kind::Imm(Width::W32, 0), &[def(zero)]);
                self.emit(Kind::Exit, &[read_in(zero, Reg::R0)]);
            }
            None => self.emit(Kind::Exit, &[]),
        }
    }

    /// Whether the function may have pointers into frames: its own, or those that it is given.
    fn knows_frames(&self) -> bool {
        let func = self.input.func;
        !func.slots.is_empty() || func.sig.params.iter().any(|ty| ty.is_ptr())
    }

    pub(super) fn call(&mut self, inst: Value, callee: Callee, args: &[Value]) {
        // What is made for later uses is made behind the call.
        self.finish_shared();
        self.check_callee(callee, args.len());
        let mut operands: SmallVec<[Operand; MAX_ARGS + 2]> = SmallVec::new();
        if self.vregs[inst.0 as usize] != NONE {
            let d = self.result(inst);
            operands.push(def_in(d, Reg::R0));
        }
        let in_regs = if args.len() > MAX_ARGS { REG_ARGS } else { args.len() };
        let rest = &args[in_regs..];
        if !rest.is_empty() {
            let bytes = super::index(rest.len()).saturating_mul(8);
            let (own, place) = self.own_slot(self.outgoing, bytes);
            self.outgoing = Some(own);
            for (at, &arg) in (0..).zip(rest) {
                let to = Address::Frame(place).plus(at * 8);
                // A narrow negative constant is no immediate: it has zeros above its type.
                if self.number(arg).is_some_and(|number| number < 0) {
                    let value = self.reg(arg);
                    self.store_to(to, value, ir::Width::W64);
                } else {
                    self.store_value(to, arg, ir::Width::W64);
                }
            }
        }
        for (at, (&arg, reg)) in args[..in_regs].iter().zip(ARGS).enumerate() {
            let value = match abi::upper(self.input.module, self.input.abi, callee, at, self.ty(arg)) {
                Upper::Sign => self.sign_extended(arg),
                Upper::Zeros | Upper::Any => self.copy_of(arg),
            };
            operands.push(read_in(value, reg));
        }
        if let (Some(own), false) = (self.outgoing, rest.is_empty()) {
            let (_, place) = self.own_slot(Some(own), 0);
            let address = self.temp();
            self.emit(Kind::Frame(place), &[def(address)]);
            operands.push(read_in(address, ARGS[REG_ARGS]));
        }
        let kind = match callee {
            Callee::Symbol(symbol) => Kind::Call(symbol),
            Callee::Helper(id) => Kind::CallHelper(id),
            Callee::Value(target) => {
                let target = self.reg(target);
                operands.push(super::read(target));
                Kind::CallValue
            }
        };
        self.emit(kind, &operands);
    }

    /// A register that has the value with its sign in all upper bits.
    fn sign_extended(&mut self, value: Value) -> VReg {
        let d = self.temp();
        match self.number(value) {
            Some(number) => self.number64_in(d, number.cast_unsigned()),
            None => {
                let (narrow, bits) = (self.reg(value), self.bits(value));
                self.extend_sign(d, narrow, bits, 64);
            }
        }
        d
    }

    fn check_callee(&mut self, callee: Callee, args: usize) {
        if args > MAX_ARGS {
            let ours = match callee {
                Callee::Symbol(symbol) => {
                    matches!(self.input.module.symbol(symbol).kind, SymbolKind::Func(_))
                }
                Callee::Helper(_) | Callee::Value(_) => false,
            };
            if !ours {
                self.too_many_args("arguments, of a function that is defined elsewhere", args);
            }
        }
        match callee {
            Callee::Value(_) if self.input.kernel => self.diag(
                DiagCode::IndirectCall,
                "an indirect call, which the kernel does not have; call the function by its name, or use a tail call"
                    .to_owned(),
            ),
            Callee::Symbol(symbol) if is_of_stacks(self.input.module.symbol(symbol)) => {
                let name = &self.input.module.symbol(symbol).name;
                let message = format!(
                    "'{name}' needs a frame whose size is known only when it runs, which BPF does not have; use a variable of \
                     the largest size, or a map"
                );
                self.diag(DiagCode::DynamicStack, message);
            }
            Callee::Symbol(symbol)
                if self.input.kernel
                    && self.input.module.signature(symbol).is_some_and(|sig| sig.variadic) =>
            {
                let name = &self.input.module.symbol(symbol).name;
                let message = format!(
                    "'{name}' takes a variable number of arguments, which the kernel does not have; use bpf_trace_printk, or \
                     bpf_snprintf with an array"
                );
                self.diag(DiagCode::VariadicCall, message);
            }
            _ => {}
        }
    }

    fn too_many_args(&mut self, whose: &str, count: usize) {
        let message =
            format!("there are {count} {whose}, expected at most {MAX_ARGS}; pass a struct by its address");
        self.diag(DiagCode::TooManyArgs, message);
    }

    /// Whether the address of a symbol may be taken.
    pub(super) fn check_address(&mut self, symbol: SymbolId) {
        let symbol = self.input.module.symbol(symbol);
        let extern_func = matches!(&symbol.kind, SymbolKind::Extern(it) if it.sig.is_some());
        // Whether the kernel has such a function is known by its address: null if not.
        let weak_kfunc = symbol.linkage == Linkage::Weak && symbol.section.as_deref() == Some(".ksyms");
        if extern_func && !weak_kfunc && self.input.kernel && self.input.isa.target == Target::Kernel {
            let message = format!(
                "the address of '{}', a function outside of the program; call it by its name (known are only addresses of \
                 weak functions of the kernel)",
                symbol.name
            );
            self.diag(DiagCode::IndirectCall, message);
        }
    }

    /// A constant that the loader fills in.
    pub(super) fn core(&mut self, inst: Value, core: u32) {
        let d = self.result(inst);
        let relo = &self.input.module.core[core as usize];
        let wide = abi::is_wide_core(relo.kind) || i32::try_from(relo.value).is_err();
        let width = if wide { Width::W64 } else { self.width(self.ty(inst)) };
        self.emit(Kind::Core { index: core, wide, width, value: relo.value }, &[def(d)]);
    }
}
