//! From IR to BPF instructions: loops for long copies ([`large`]), the blocks ([`graph`]), what upper bits hold
//! ([`widths`]), machine instructions ([`select`]), pieces of long functions ([`parts`]), registers ([`regs`]),
//! instructions ([`emit`]), fewer moves ([`copies`]), fewer blocks ([`flow`]), their order ([`layout`]), slots
//! ([`encode`]).

mod abi;
mod calls;
mod copies;
mod emit;
mod encode;
mod facts;
mod flow;
mod frame;
mod graph;
mod large;
mod layout;
mod live;
mod machine;
mod order;
mod parts;
mod regs;
mod select;
mod sharing;
mod target;
mod widths;

use abi::Abi;
use graph::Graph;
use machine::View;
use regs::Allocator;
use target::Isa;
use widths::Widths;

use crate::code::Code;
use crate::diag::{Code as DiagCode, SourcePlace};
use crate::ir::{Func, Linkage, Loc, Module, SymbolKind};
use crate::options::{Opt, Target};
use crate::{Diag, Diags, Options};

/// The code of all functions, in the order of [`Module::funcs`].
pub(crate) fn all(module: &mut Module, options: &Options) -> Result<Vec<Code>, Diags> {
    let endless: Vec<_> = (0..).zip(&module.funcs).flat_map(|(at, func)| large::endless(at, func)).collect();
    module.funcs.iter_mut().for_each(large::run);
    let module = &*module;
    let mut lower = Lower {
        module,
        options,
        isa: Isa::new(options),
        abi: Abi::new(module),
        allocator: Allocator::new(),
        diags: Vec::new(),
    };
    for (func, loc, size) in endless {
        lower.check_size(&module.funcs[func], loc, size);
    }
    lower.check_symbols();
    let code: Vec<Code> = module.funcs.iter().map(|func| lower.function(func)).collect();
    if lower.diags.is_empty() {
        lower.check_calls(&code);
    }
    if lower.diags.is_empty() { Ok(code) } else { Err(Diags(lower.diags)) }
}

struct Lower<'a> {
    module: &'a Module,
    options: &'a Options,
    isa: Isa,
    abi: Abi,
    allocator: Allocator,
    diags: Vec<Diag>,
}

impl Lower<'_> {
    /// The code of a function; nothing if there are mistakes in it.
    fn function(&mut self, func: &Func) -> Code {
        let (module, isa) = (self.module, self.isa);
        let mistakes = self.diags.len();
        self.abi.enter(func);
        let graph = Graph::new(func, isa);
        let widths = Widths::new(module, func, &graph, isa, &self.abi);
        let kernel = self.is_for_kernel(func);
        let linkage = module.symbol(func.symbol).linkage;
        let subprog = kernel && matches!(linkage, Linkage::Local | Linkage::Hidden);
        let input = select::Input {
            module,
            func,
            graph: &graph,
            widths: &widths,
            abi: &self.abi,
            isa,
            kernel,
            subprog,
        };
        let mut program = select::run(&input, &mut self.diags);
        if self.diags.len() > mistakes {
            return Code::default();
        }
        let frame = frame::Frame::new(func, &program, !kernel);
        let parts = parts::run(&mut program);
        let mut emit = emit::Emit::new(&program, &frame);
        let mut spills = 0;
        for (at, &part) in parts.iter().enumerate() {
            let output = match self.allocator.run(View { program: &program, part }, self.options.validate) {
                Ok(output) => output,
                Err(why) => {
                    let code = if program.asms.is_empty() { DiagCode::InvalidIr } else { DiagCode::BadAsm };
                    self.diag(func, func.loc, code, format!("no registers for it: {why}"));
                    return Code::default();
                }
            };
            spills = spills.max(output.num_spillslots);
            if let Err((loc, why)) = emit.part(&program, part, output) {
                self.diag(func, loc, DiagCode::BadAsm, why);
                return Code::default();
            }
            if at + 1 < parts.len() {
                let last = (part.insts.1 - part.insts.0 - 1) as usize;
                parts::join(&mut program, part, output.inst_allocs(regalloc2::Inst::new(last)));
            }
        }
        self.check_frame(func, &frame, spills);
        let mut asm = emit.finish();
        if isa.opt != Opt::O0 {
            copies::run(&mut asm);
        }
        flow::run(&mut asm);
        let order = layout::order(&asm, isa);
        encode::run(&asm, &order, &program, isa, frame.size(spills)).unwrap_or_else(|| {
            let why = "jumps in it are too far for this cpu; divide it, or compile for cpu v4".to_owned();
            self.diag(func, func.loc, DiagCode::TooLarge, why);
            Code::default()
        })
    }

    /// Whether the kernel runs it.
    fn is_for_kernel(&self, func: &Func) -> bool {
        let section = self.module.symbol(func.symbol).section.as_deref();
        self.options.target == Target::Kernel && section.is_none_or(skep_object::section::is_kernel_section)
    }

    /// Tells of variables that would be each thread's own.
    fn check_symbols(&mut self) {
        for symbol in &self.module.symbols {
            let section = symbol.section.as_deref().unwrap_or_default();
            if matches!(symbol.kind, SymbolKind::Global(_))
                && [".tdata", ".tbss"].iter().any(|thread| section.starts_with(thread))
            {
                let message =
                    format!("thread-local '{}': BPF has no threads; use a per-CPU array map", symbol.name);
                let place = self.source_place(symbol.loc);
                self.diags.push(Diag { code: DiagCode::ThreadLocal, func: None, place, message });
            }
        }
    }

    /// Tells of chains of calls that the kernel does not take.
    fn check_calls(&mut self, code: &[Code]) {
        let module = self.module;
        for (at, code, message) in calls::check(module, code, |at| self.is_for_kernel(&module.funcs[at])) {
            self.diag(&module.funcs[at], module.funcs[at].loc, code, message);
        }
    }

    /// Tells of a copy or fill that the verifier would follow for too long.
    fn check_size(&mut self, func: &Func, loc: Loc, size: u32) {
        if self.is_for_kernel(func) {
            let message = format!(
                "{size} bytes are copied or set at once, which the kernel's verifier does not follow to the end; copy at most \
                 {} of them in one run, or in a callback of bpf_loop",
                large::MAX_KERNEL
            );
            self.diag(func, loc, DiagCode::TooLarge, message);
        }
    }

    fn check_frame(&mut self, func: &Func, frame: &frame::Frame, spills: usize) {
        // Offsets from r10 have 16 bits.
        let limit = self.options.frame.min(1 << 15);
        let size = frame.size(spills);
        if size <= limit {
            return;
        }
        let mut slots: Vec<_> = func.slots.iter().enumerate().filter(|(at, _)| frame.has(*at)).collect();
        slots.sort_by_key(|(_, slot)| std::cmp::Reverse(slot.size));
        let mut largest: Vec<String> = slots
            .iter()
            .take(3)
            .map(|(at, slot)| match &slot.name {
                Some(name) => format!("'{name}' {}", slot.size),
                None => format!("slot {at} {}", slot.size),
            })
            .collect();
        if spills > 0 {
            largest.push(format!("spilled registers {}", spills * 8));
        }
        let message = format!(
            "its frame has {size} bytes, of which {limit} are allowed ({}); move large variables to a map or a global",
            largest.join(", ")
        );
        self.diag(func, func.loc, DiagCode::FrameTooLarge, message);
    }

    fn diag(&mut self, func: &Func, loc: Loc, code: DiagCode, message: String) {
        let place = self.source_place(loc);
        let func = Some(self.module.symbol(func.symbol).name.clone());
        self.diags.push(Diag { code, func, place, message });
    }

    fn source_place(&self, loc: Loc) -> Option<SourcePlace> {
        let place = self.module.place(loc);
        let file = self.module.files.get(place.file as usize).filter(|_| place.line != 0)?;
        Some(SourcePlace { file: file.clone(), line: place.line, column: place.column })
    }
}

/// A length as an index. Lists here are as long as those of the function, or a few times as long.
fn index(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 entries")
}
