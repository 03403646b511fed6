//! An interpreter of the IR: what a module means, told by nothing but the words of `skep_codegen::ir`.
//!
//! It knows more than a machine does: which bytes were written, where each region ends, how long a stack slot lives. A
//! program that relies on anything else is told so, and is none that a compiler could be tested with.

use std::fmt;

use skep_codegen::Endian;
use skep_codegen::ir::{
    Access, AtomicOp, BinOp, Block, Callee, Edge, Func, Init, Module, Op, SymbolId, SymbolKind, Term, Type,
    Value,
};
use thiserror::Error;

use super::arith;
use super::asm;
use super::memory::{self, Memory, Name, Uninit};

/// A module with its memory, ready to be called.
pub struct Machine<'m> {
    module: &'m Module,
    /// The memory: buffers may be added, and looked at afterwards.
    pub memory: Memory,
    /// The address of each symbol.
    symbols: Vec<u64>,
    /// How many instructions it may execute yet.
    pub budget: u64,
    frames: Vec<Frame>,
    max_depth: usize,
    /// For each function, which of its instructions were executed.
    visited: Vec<Vec<bool>>,
}

/// What lies outside of a module.
pub trait Host {
    /// Calls a helper.
    ///
    /// # Errors
    /// If there is none, or it cannot do what it is asked for.
    fn helper(&mut self, machine: &mut Machine<'_>, number: u32, args: &[u64]) -> Result<u64, String> {
        let _ = (machine, args);
        Err(format!("no helper {number}"))
    }

    /// Calls a function that is defined elsewhere.
    ///
    /// # Errors
    /// If there is none, or it cannot do what it is asked for.
    fn external(&mut self, machine: &mut Machine<'_>, name: &str, args: &[u64]) -> Result<u64, String> {
        let _ = (machine, args);
        Err(format!("no function '{name}'"))
    }
}

/// A host that has nothing.
pub struct Nothing;

impl Host for Nothing {}

/// Why execution ended early, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Function, block, and instruction, the one on top first.
    pub trace: Vec<String>,
    /// Why.
    pub kind: FaultKind,
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kind, self.trace.join(" <- "))
    }
}

/// Why execution ended early.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// Memory.
    #[error("{0} at {1:#x}")]
    Memory(memory::Fault, u64),
    /// The end of a block that has none, or is never reached.
    #[error("the block's end is reached, which is '{0}'")]
    NoEnd(&'static str),
    /// The steps are used up.
    #[error("too many steps")]
    Budget,
    /// Calls nest too deep.
    #[error("calls nest too deep")]
    Depth,
    /// A value that was not made.
    #[error("value {0} is used before it is made")]
    Unmade(u32),
    /// What the validator should have refused.
    #[error("{0}")]
    Invalid(String),
    /// A call that the host does not take.
    #[error("the host: {0}")]
    Host(String),
    /// Pointers into different regions are ordered, or their distance is taken.
    #[error("{0:#x} and {1:#x} lie in different regions")]
    Unrelated(u64, u64),
    /// Assembly that this interpreter does not know.
    #[error("assembly: {0}")]
    Asm(String),
}

struct Frame {
    func: usize,
    block: Block,
    /// Index of the next instruction.
    next: usize,
    values: Vec<Option<u64>>,
    slots: Vec<u64>,
}

type Step<T> = Result<T, FaultKind>;

impl<'m> Machine<'m> {
    /// A machine whose globals hold what they begin with.
    #[must_use]
    pub fn new(module: &'m Module, endian: Endian, uninit: Uninit) -> Machine<'m> {
        let mut memory = Memory::new(endian, uninit);
        let mut symbols = Vec::new();
        let mut read_only = Vec::new();
        for (index, symbol) in (0..).zip(&module.symbols) {
            let size = match &symbol.kind {
                SymbolKind::Global(global) => global.size as usize,
                SymbolKind::Func(_) | SymbolKind::Map(_) | SymbolKind::Extern(_) => 0,
            };
            symbols.push(memory.add(Name::Symbol(SymbolId(index)), vec![0; size], false));
        }
        for (symbol, &start) in module.symbols.iter().zip(&symbols) {
            let SymbolKind::Global(global) = &symbol.kind else { continue };
            let mut at = start;
            for piece in &global.init {
                let done = match piece {
                    Init::Bytes(bytes) => memory.write(at, bytes),
                    Init::Int { bytes, value } => memory.store(at, (*bytes).into(), value.cast_unsigned()),
                    Init::Address { symbol, addend } => {
                        let to = symbols[symbol.0 as usize].wrapping_add_signed(*addend);
                        memory.store(at, 8, to)
                    }
                    Init::Zeros(_) => Ok(()),
                };
                done.expect("initial contents lie in the global");
                at += u64::from(piece.size());
            }
            if global.read_only {
                read_only.push(start);
            }
        }
        for start in read_only {
            memory.protect(start);
        }
        let visited = module.funcs.iter().map(|func| vec![false; func.nodes.len()]).collect();
        let (budget, max_depth) = (10_000_000, 512);
        Machine { module, memory, symbols, budget, frames: Vec::new(), max_depth, visited }
    }

    /// The instructions that were executed so far.
    pub fn executed(&self) -> impl Iterator<Item = (&'m Func, Value)> {
        self.module.funcs.iter().zip(&self.visited).flat_map(|(func, visited)| {
            let visited = (0..).zip(visited).filter(|(_, visited)| **visited);
            visited.map(move |(node, _)| (func, Value(node)))
        })
    }

    /// The module.
    #[must_use]
    pub fn module(&self) -> &'m Module {
        self.module
    }

    /// The address of a symbol.
    #[must_use]
    pub fn address(&self, symbol: SymbolId) -> u64 {
        self.symbols[symbol.0 as usize]
    }

    /// Calls the function of this name. Narrow arguments are cut, a narrow result has zeros above it.
    ///
    /// # Errors
    /// If the program does something that has no meaning, or does not end.
    pub fn call(&mut self, host: &mut dyn Host, name: &str, args: &[u64]) -> Result<Option<u64>, Fault> {
        let symbol = self.module.find(name);
        let result =
            symbol.ok_or_else(|| FaultKind::Invalid(format!("no function '{name}'"))).and_then(|symbol| {
                let addr = self.address(symbol);
                self.call_address(host, addr, args)
            });
        result.map_err(|kind| {
            let trace = self.frames.iter().rev().map(|frame| self.place(frame)).collect();
            self.frames.clear();
            Fault { trace, kind }
        })
    }

    /// Calls the function at an address, as helpers do that take one.
    ///
    /// # Errors
    /// As [`Machine::call`].
    pub fn call_address(&mut self, host: &mut dyn Host, addr: u64, args: &[u64]) -> Step<Option<u64>> {
        let func = self.func_at(addr)?;
        let depth = self.frames.len();
        self.enter(func, args)?;
        loop {
            let returned = self.step(host)?;
            if let Some(result) = returned
                && self.frames.len() == depth
            {
                return Ok(result);
            }
        }
    }

    fn place(&self, frame: &Frame) -> String {
        let func = &self.module.funcs[frame.func];
        let insts = &func.block(frame.block).insts;
        let name = &self.module.symbol(func.symbol).name;
        match frame.next.checked_sub(1).and_then(|at| insts.get(at)) {
            Some(inst) => format!("{name} block{} v{}", frame.block.0, inst.0),
            None => format!("{name} block{}", frame.block.0),
        }
    }

    fn func_at(&self, addr: u64) -> Step<usize> {
        match self.memory.name(addr) {
            Some(Name::Symbol(symbol)) if self.address(symbol) == addr => self.func_of(symbol),
            _ => Err(FaultKind::Invalid(format!("{addr:#x} is no function"))),
        }
    }

    fn func_of(&self, symbol: SymbolId) -> Step<usize> {
        match self.module.symbol(symbol).kind {
            SymbolKind::Func(func) if (func as usize) < self.module.funcs.len() => Ok(func as usize),
            _ => Err(FaultKind::Invalid(format!("'{}' is no function", self.module.symbol(symbol).name))),
        }
    }

    fn enter(&mut self, index: usize, args: &[u64]) -> Step<()> {
        let module = self.module;
        let func = &module.funcs[index];
        if self.frames.len() >= self.max_depth {
            return Err(FaultKind::Depth);
        }
        let entry = func.blocks.first().ok_or_else(|| FaultKind::Invalid("no blocks".to_owned()))?;
        if args.len() != entry.params.len() {
            let (given, takes) = (args.len(), entry.params.len());
            return Err(FaultKind::Invalid(format!("{given} arguments for {takes} parameters")));
        }
        let mut values = vec![None; func.nodes.len()];
        for (&param, &arg) in entry.params.iter().zip(args) {
            values[param.0 as usize] = Some(arg & func.ty(param).mask());
        }
        let number = |index: usize| u32::try_from(index).expect("an index of the IR");
        let slots = func.slots.iter().enumerate().map(|(slot, data)| {
            self.memory.add_unwritten(Name::Slot(number(index), number(slot)), data.size as usize)
        });
        let slots = slots.collect();
        self.frames.push(Frame { func: index, block: Func::ENTRY, next: 0, values, slots });
        Ok(())
    }

    /// Does one instruction, or the end of a block. Some if a function has returned.
    fn step(&mut self, host: &mut dyn Host) -> Step<Option<Option<u64>>> {
        self.budget = self.budget.checked_sub(1).ok_or(FaultKind::Budget)?;
        let module = self.module;
        let frame = self.frames.last_mut().expect("a function is running");
        let func = &module.funcs[frame.func];
        let block = func.block(frame.block);
        let Some(&inst) = block.insts.get(frame.next) else {
            return self.finish(func, &block.term);
        };
        frame.next += 1;
        self.visited[frame.func][inst.0 as usize] = true;
        if let Op::Call { callee, args } = &func.node(inst).op {
            self.call_out(host, func, inst, *callee, args)?;
        } else if let Some(value) = self.value_of(func, inst)? {
            self.set(func, inst, value);
        }
        Ok(None)
    }

    fn set(&mut self, func: &Func, inst: Value, value: u64) {
        if let (Some(ty), Some(frame)) = (func.node(inst).ty, self.frames.last_mut()) {
            frame.values[inst.0 as usize] = Some(value & ty.mask());
        }
    }

    fn get(&self, value: Value) -> Step<u64> {
        let made = self.frames.last().and_then(|frame| frame.values.get(value.0 as usize)?.as_ref());
        made.copied().ok_or(FaultKind::Unmade(value.0))
    }

    fn finish(&mut self, func: &Func, term: &Term) -> Step<Option<Option<u64>>> {
        let edge = match term {
            Term::Open => return Err(FaultKind::NoEnd("open")),
            Term::Unreachable => return Err(FaultKind::NoEnd("unreachable")),
            Term::Jump(edge) => edge,
            Term::Branch { cond, a, b, then, other } => {
                let ty = func.ty(*a);
                let (a, b) = (self.get(*a)?, self.get(*b)?);
                if self.compare(*cond, a, b, ty)? { then } else { other }
            }
            Term::Switch { value, cases, default } => {
                let ty = func.ty(*value);
                let number = arith::signed(self.get(*value)?, ty.bits());
                let case = cases.iter().find(|(case, _)| i128::from(*case) == number);
                case.map_or(default, |(_, edge)| edge)
            }
            Term::MayGoto { again, .. } => again,
            Term::Return(value) => {
                let value = value.map(|value| self.get(value)).transpose()?;
                return self.leave(value);
            }
        };
        self.follow(func, edge)?;
        Ok(None)
    }

    fn follow(&mut self, func: &Func, edge: &Edge) -> Step<()> {
        let args = edge.args.iter().map(|&arg| self.get(arg)).collect::<Step<Vec<u64>>>()?;
        let params = &func.block(edge.block).params;
        if params.len() != args.len() {
            return Err(FaultKind::Invalid(format!("an edge with {} arguments", args.len())));
        }
        let frame = self.frames.last_mut().expect("a function is running");
        for (param, arg) in params.iter().zip(args) {
            frame.values[param.0 as usize] = Some(arg);
        }
        frame.block = edge.block;
        frame.next = 0;
        Ok(())
    }

    fn leave(&mut self, value: Option<u64>) -> Step<Option<Option<u64>>> {
        let frame = self.frames.pop().expect("a function is running");
        for slot in frame.slots {
            self.memory.end(slot);
        }
        if let Some(caller) = self.frames.last() {
            let module = self.module;
            let func = &module.funcs[caller.func];
            let block = func.block(caller.block);
            // A call of the host stands there without waiting for a result of ours.
            if let Some(&call) = caller.next.checked_sub(1).and_then(|at| block.insts.get(at))
                && let Op::Call { callee: Callee::Symbol(_) | Callee::Value(_), .. } = func.node(call).op
                && let Some(value) = value
            {
                self.set(func, call, value);
            }
        }
        Ok(Some(value))
    }

    fn call_out(
        &mut self,
        host: &mut dyn Host,
        func: &Func,
        inst: Value,
        callee: Callee,
        args: &[Value],
    ) -> Step<()> {
        let args = args.iter().map(|&arg| self.get(arg)).collect::<Step<Vec<u64>>>()?;
        let module = self.module;
        let result = match callee {
            Callee::Helper(number) => host.helper(self, number, &args).map_err(FaultKind::Host)?,
            Callee::Symbol(symbol) => match &module.symbol(symbol).kind {
                SymbolKind::Extern(_) => {
                    let name = &module.symbol(symbol).name;
                    host.external(self, name, &args).map_err(FaultKind::Host)?
                }
                _ => return self.enter(self.func_of(symbol)?, &args),
            },
            Callee::Value(target) => return self.enter(self.func_at(self.get(target)?)?, &args),
        };
        self.set(func, inst, result);
        Ok(())
    }

    fn value_of(&mut self, func: &Func, inst: Value) -> Step<Option<u64>> {
        let node = func.node(inst);
        let ty = || node.ty.ok_or_else(|| FaultKind::Invalid("an instruction without a type".to_owned()));
        Ok(Some(match &node.op {
            Op::Param => return Err(FaultKind::Invalid("a parameter among instructions".to_owned())),
            Op::Const(number) => arith::cut((*number).into(), ty()?.bits()),
            Op::Bin(op, a, b) => arith::binary(*op, self.get(*a)?, self.get(*b)?, ty()?.bits()),
            Op::Un(op, a) => arith::unary(*op, self.get(*a)?, ty()?.bits())
                .ok_or_else(|| FaultKind::Invalid(format!("{op:?} of {}", func.ty(*a))))?,
            Op::Cast(op, a) => arith::cast(*op, self.get(*a)?, func.ty(*a), ty()?),
            Op::Cmp(cond, a, b) => self.compare(*cond, self.get(*a)?, self.get(*b)?, func.ty(*a))?.into(),
            Op::Select(c, a, b) => {
                let (a, b) = (self.get(*a)?, self.get(*b)?);
                if self.get(*c)? == 1 { a } else { b }
            }
            Op::PtrAdd { base, index, offset } => {
                let index = index.map_or(Ok(0), |index| self.get(index))?;
                self.get(*base)?.wrapping_add(index).wrapping_add_signed(*offset)
            }
            Op::PtrDiff(a, b) => {
                let (a, b) = (self.get(*a)?, self.get(*b)?);
                self.related(a, b)?;
                a.wrapping_sub(b)
            }
            Op::Pin(a) => self.get(*a)?,
            Op::Slot(slot) => self.frames.last().expect("a function is running").slots[slot.0 as usize],
            Op::Symbol(symbol) => self.address(*symbol),
            Op::Core(index) => self.module.core[*index as usize].value.cast_unsigned(),
            Op::Load { ptr, offset, access, signed } => {
                let bits = access.width.bits();
                let value = self.load(self.get(*ptr)?, *offset, *access)?;
                match signed {
                    true => arith::cut(arith::signed(value, bits), ty()?.bits()),
                    false => value,
                }
            }
            Op::Asm(asm) => return self.assembly(node.ty, asm),
            Op::Atomic { op, ptr, offset, value, access } => {
                let operand = self.get(*value)?;
                let bits = access.width.bits();
                self.exchange(self.get(*ptr)?, *offset, *access, |old| {
                    Some(modified(*op, old, operand, bits))
                })?
            }
            Op::CmpXchg { ptr, offset, expected, new, access } => {
                let (expected, new) = (self.get(*expected)?, self.get(*new)?);
                self.exchange(self.get(*ptr)?, *offset, *access, |old| (old == expected).then_some(new))?
            }
            _ => return self.effect(&node.op).map(|()| None),
        }))
    }

    /// What makes no value.
    fn effect(&mut self, op: &Op) -> Step<()> {
        match op {
            Op::Store { ptr, offset, value, access } => {
                let value = self.get(*value)?;
                let addr = self.get(*ptr)?.wrapping_add_signed((*offset).into());
                self.aligned(addr, *access, false)?;
                let done = self.memory.store(addr, access.width.bytes().into(), value);
                done.map_err(|fault| FaultKind::Memory(fault, addr))
            }
            Op::Copy { dst, src, size, align } => {
                let (dst, src) = (self.get(*dst)?, self.get(*src)?);
                for addr in [dst, src] {
                    multiple(addr, (*align).into())?;
                }
                let done = self.memory.copy(dst, src, *size as usize);
                done.map_err(|fault| FaultKind::Memory(fault, dst))
            }
            Op::Fill { dst, byte, size, align } => {
                let dst = self.get(*dst)?;
                multiple(dst, (*align).into())?;
                let done = self.memory.write(dst, &vec![*byte; *size as usize]);
                done.map_err(|fault| FaultKind::Memory(fault, dst))
            }
            Op::Fence(_) | Op::Marker { .. } => Ok(()),
            other => Err(FaultKind::Invalid(format!("{other:?}"))),
        }
    }

    fn load(&self, ptr: u64, offset: i32, access: Access) -> Step<u64> {
        let addr = ptr.wrapping_add_signed(offset.into());
        self.aligned(addr, access, false)?;
        let loaded = self.memory.load(addr, access.width.bytes().into());
        loaded.map_err(|fault| FaultKind::Memory(fault, addr))
    }

    fn exchange(
        &mut self,
        ptr: u64,
        offset: i32,
        access: Access,
        new: impl FnOnce(u64) -> Option<u64>,
    ) -> Step<u64> {
        let addr = ptr.wrapping_add_signed(offset.into());
        self.aligned(addr, access, true)?;
        let old = self.load(ptr, offset, access)?;
        // Where nothing is to be written the memory must be writable all the same.
        let done = self.memory.store(addr, access.width.bytes().into(), new(old).unwrap_or(old));
        done.map_err(|fault| FaultKind::Memory(fault, addr))?;
        Ok(old)
    }

    /// An access must be as aligned as it says, and an atomic one to its width.
    fn aligned(&self, addr: u64, access: Access, modifies: bool) -> Step<()> {
        let ordered = modifies || access.order != skep_codegen::ir::Order::Plain;
        let align = if ordered { access.align.max(access.width.bytes()) } else { access.align };
        multiple(addr, align.into())
    }

    fn compare(&self, cond: skep_codegen::ir::Cond, a: u64, b: u64, ty: Type) -> Step<bool> {
        use skep_codegen::ir::Cond::{Eq, Ne};
        if ty.is_ptr() && !matches!(cond, Eq | Ne) {
            self.related(a, b)?;
        }
        Ok(arith::holds(cond, a, b, ty.bits()))
    }

    fn related(&self, a: u64, b: u64) -> Step<()> {
        match (self.memory.name(a), self.memory.name(b)) {
            (Some(x), Some(y)) if x == y => Ok(()),
            _ if a == b => Ok(()),
            _ => Err(FaultKind::Unrelated(a, b)),
        }
    }

    fn assembly(&mut self, ty: Option<Type>, asm: &skep_codegen::ir::Asm) -> Step<Option<u64>> {
        let inputs = asm.inputs.iter().map(|&input| self.get(input)).collect::<Step<Vec<u64>>>()?;
        let result = asm::run(&mut self.memory, asm, ty.is_some(), &inputs).map_err(FaultKind::Asm)?;
        Ok(ty.map(|_| result))
    }
}

fn multiple(addr: u64, align: u64) -> Step<()> {
    if addr.is_multiple_of(align) { Ok(()) } else { Err(FaultKind::Memory(memory::Fault::Unaligned, addr)) }
}

/// What a read-modify-write operation leaves.
fn modified(op: AtomicOp, old: u64, operand: u64, bits: u8) -> u64 {
    let by = |op| arith::binary(op, old, operand, bits);
    let (a, b) = (arith::signed(old, bits), arith::signed(operand, bits));
    match op {
        AtomicOp::Add => by(BinOp::Add),
        AtomicOp::Sub => by(BinOp::Sub),
        AtomicOp::And => by(BinOp::And),
        AtomicOp::Or => by(BinOp::Or),
        AtomicOp::Xor => by(BinOp::Xor),
        AtomicOp::Xchg => operand,
        AtomicOp::Nand => arith::cut(!i128::from(by(BinOp::And)), bits),
        AtomicOp::Umin => old.min(operand),
        AtomicOp::Umax => old.max(operand),
        AtomicOp::Smin => arith::cut(a.min(b), bits),
        AtomicOp::Smax => arith::cut(a.max(b), bits),
    }
}
