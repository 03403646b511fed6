//! Chains of calls: the kernel takes eight functions in a chain, half a KiB of stack for all of them, and no recursion.
//!
//! What programs of the kernel reach is looked at, function by function, in the code that was made: what was inlined is
//! no call any more. Calls of what is defined elsewhere are not known here.

use std::fmt::Write as _;

use skep_object::object::RelocKind;
use skep_object::section::{ProgType, ProgramSection};

use crate::code::Code;
use crate::diag::Code as DiagCode;
use crate::ir::{Module, SymbolKind};

/// How many functions can be in a chain, and bytes of stack in all of them.
const MAX_FRAMES: u32 = 8;
const MAX_STACK: u32 = 512;

/// What is wrong: the index of the function that it is told of, the code, and the message.
pub(super) type Fault = (usize, DiagCode, String);

/// Looks for what the kernel refuses.
pub(super) fn check(module: &Module, code: &[Code], is_for_kernel: impl Fn(usize) -> bool) -> Vec<Fault> {
    let mut walk = Walk {
        module,
        callees: vec![None; code.len()],
        code,
        states: vec![State::New; code.len()],
        path: Vec::new(),
        faults: Vec::new(),
    };
    for at in 0..code.len() {
        let symbol = module.symbol(module.funcs[at].symbol);
        let Some(section) = symbol.section.as_deref().and_then(ProgramSection::parse) else { continue };
        if is_for_kernel(at) {
            walk.follow(at);
            walk.judge(at, section.ty);
        }
    }
    walk.faults
}

/// The longest chains that begin at a function, it included.
#[derive(Clone, Copy)]
struct Chain {
    /// How many functions; and which one is the next.
    frames: u32,
    deepest: Option<usize>,
    /// Bytes of stack; and which one is the next.
    bytes: u32,
    largest: Option<usize>,
}

#[derive(Clone, Copy)]
enum State {
    New,
    /// On the path that is being walked.
    Open,
    Done(Chain),
}

struct Walk<'a> {
    module: &'a Module,
    code: &'a [Code],
    /// Whom functions call; made when they are first met.
    callees: Vec<Option<Vec<usize>>>,
    states: Vec<State>,
    /// Functions, each with how many of its callees have been walked.
    path: Vec<(usize, usize)>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn follow(&mut self, root: usize) {
        if !matches!(self.states[root], State::New) {
            return;
        }
        self.open(root);
        while let Some((func, next)) = self.path.last_mut() {
            let (func, at) = (*func, *next);
            *next += 1;
            let callee = self.callees[func].as_ref().and_then(|callees| callees.get(at).copied());
            match callee.map(|callee| (callee, self.states[callee])) {
                Some((callee, State::New)) => self.open(callee),
                Some((callee, State::Open)) => self.recursion(callee),
                Some((_, State::Done(_))) => {}
                None => {
                    self.states[func] = State::Done(self.chain(func));
                    self.path.pop();
                }
            }
        }
    }

    fn open(&mut self, func: usize) {
        let calls = self.code[func].relocs.iter().filter(|reloc| reloc.kind == RelocKind::Call);
        let callees = calls.filter_map(|reloc| match self.module.symbol(reloc.symbol).kind {
            SymbolKind::Func(func) => usize::try_from(func).ok(),
            _ => None,
        });
        let mut callees: Vec<usize> = callees.collect();
        callees.sort_unstable();
        callees.dedup();
        self.callees[func] = Some(callees);
        self.states[func] = State::Open;
        self.path.push((func, 0));
    }

    fn chain(&self, func: usize) -> Chain {
        let mut chain = Chain { frames: 0, deepest: None, bytes: 0, largest: None };
        for &callee in self.callees[func].iter().flatten() {
            let State::Done(next) = self.states[callee] else { continue };
            if next.frames > chain.frames {
                (chain.frames, chain.deepest) = (next.frames, Some(callee));
            }
            if next.bytes > chain.bytes {
                (chain.bytes, chain.largest) = (next.bytes, Some(callee));
            }
        }
        chain.frames += 1;
        // As the kernel rounds it.
        chain.bytes = chain.bytes.saturating_add(self.code[func].frame.next_multiple_of(16));
        chain
    }

    fn name(&self, func: usize) -> &str {
        &self.module.symbol(self.module.funcs[func].symbol).name
    }

    /// The path leads back to a function on it.
    fn recursion(&mut self, again: usize) {
        let from = self.path.iter().position(|(func, _)| *func == again).unwrap_or(0);
        let mut way = String::new();
        for &(func, _) in &self.path[from..] {
            let _ = write!(way, "'{}' -> ", self.name(func));
        }
        let message = format!(
            "it calls itself: {way}'{}', but the kernel has no recursion; use a loop, or bpf_loop with a stack of your own in a \
             map",
            self.name(again)
        );
        self.faults.push((again, DiagCode::Recursion, message));
    }

    /// Tells of chains from a program that are too long.
    fn judge(&mut self, root: usize, ty: ProgType) {
        let State::Done(chain) = self.states[root] else { return };
        if chain.frames > MAX_FRAMES {
            let way = self.way(root, |chain| chain.deepest);
            let message = format!(
                "the chain of calls {way} has {} functions, of which the kernel takes {MAX_FRAMES}; inline some of them",
                chain.frames
            );
            self.faults.push((root, DiagCode::CallChain, message));
        } else if chain.bytes > MAX_STACK && chain.largest.is_some() && !has_own_stacks(ty) {
            let way = self.way(root, |chain| chain.largest);
            let message = format!(
                "the frames of the chain of calls {way} have {} bytes, of which the kernel takes {MAX_STACK}; move variables to \
                 a map or a global",
                chain.bytes
            );
            self.faults.push((root, DiagCode::CallChain, message));
        }
    }

    fn way(&self, root: usize, next: impl Fn(&Chain) -> Option<usize>) -> String {
        let mut way = String::new();
        let mut at = Some(root);
        while let Some(func) = at {
            let arrow = if way.is_empty() { "" } else { " -> " };
            let _ = write!(way, "{arrow}'{}' ({})", self.name(func), self.code[func].frame);
            at = match &self.states[func] {
                State::Done(chain) => next(chain),
                State::New | State::Open => None,
            };
        }
        way
    }
}

/// Programs for which newer kernels give each function a stack of its own.
fn has_own_stacks(ty: ProgType) -> bool {
    [
        ProgType::KPROBE,
        ProgType::TRACEPOINT,
        ProgType::PERF_EVENT,
        ProgType::RAW_TRACEPOINT,
        ProgType::TRACING,
        ProgType::LSM,
        ProgType::STRUCT_OPS,
    ]
    .contains(&ty)
}
