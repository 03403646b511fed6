//! Proves that a module is what passes rely on.
//!
//! Messages use the names of the text form, as [`super::text::func`] shows the function: `b2: v7 = add i64 v3, v5:
//! operand v5 is i32, expected i64`.
//!
//! # What holds in a valid function
//!
//! * There is a block, no edge leads to the first one, and its parameters are the function's.
//! * Each block ends; each edge leads to a block and brings it what it takes.
//! * An instruction stands in one place. Its operands are made before it on each way there; in blocks that cannot be
//!   reached, anywhere.
//! * Operands and results have the types that [`Op`](super::Op) says.
//! * Slots, symbols, CO-RE relocations and source positions exist.

mod flow;
mod op;
mod sections;
mod symbols;

pub(crate) use sections::misplaced;

use std::cell::OnceCell;
use std::fmt;

use super::text::Body;
use super::{Block, Cfg, Func, Loc, Module, Type, Value};
use crate::diag::{Code, Diag, Diags, SourcePlace};

/// How many faults are told of one function.
const CAP: usize = 20;

/// Checks a module.
///
/// # Errors
/// Each fault, with function, block and instruction.
pub fn module(module: &Module) -> Result<(), Diags> {
    let mut faults = symbols::check(module);
    for (name, loc, message) in misplaced(module) {
        faults.push(Diag { code: Code::BadSection, ..diag(module, Some(name), loc, message) });
    }
    for it in &module.funcs {
        if let Err(Diags(more)) = func(module, it) {
            faults.extend(more);
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Diags(faults)) }
}

/// Checks one function of a module: what a pass may have broken.
///
/// # Errors
/// Each fault, with block and instruction.
pub fn func(module: &Module, func: &Func) -> Result<(), Diags> {
    let mut checker = Checker { module, func, homes: Vec::new(), names: OnceCell::new(), faults: Vec::new() };
    checker.places();
    // What follows relies on it that blocks and values exist.
    if checker.faults.is_empty() {
        let cfg = Cfg::new(func);
        checker.blocks(&cfg);
    }
    if checker.faults.is_empty() { Ok(()) } else { Err(Diags(checker.faults)) }
}

/// How many instructions and ends of blocks of a function have no source position.
///
/// Constants are not counted: they belong to what uses them.
#[must_use]
pub fn without_line(func: &Func) -> usize {
    let unknown = |block: &super::BlockData| {
        let insts = block.insts.iter().map(|&inst| func.node(inst));
        let insts = insts.filter(|node| node.loc == Loc::UNKNOWN && !matches!(node.op, super::Op::Const(_)));
        insts.count() + usize::from(block.loc == Loc::UNKNOWN)
    };
    func.blocks.iter().map(unknown).sum()
}

/// Where a value is made.
#[derive(Clone, Copy)]
struct Home {
    block: Block,
    /// Where in the block; its parameters come first.
    at: u32,
}

impl Home {
    /// Of what stands in no block.
    const NONE: Home = Home { block: Block(u32::MAX), at: 0 };

    fn is_none(self) -> bool {
        self.block.0 == u32::MAX
    }
}

/// A function that is being checked.
struct Checker<'a> {
    module: &'a Module,
    func: &'a Func,
    /// Where each value is made.
    homes: Vec<Home>,
    /// Names of values: only made when there is something to tell.
    names: OnceCell<Body<'a>>,
    faults: Vec<Diag>,
}

/// What a fault is about.
#[derive(Clone, Copy)]
enum Of {
    Func,
    Block(Block),
    Param(Block, Value),
    Inst(Block, Value),
    Term(Block),
}

impl<'a> Checker<'a> {
    /// Notes a fault.
    fn fault(&mut self, of: Of, message: impl fmt::Display) {
        if self.faults.len() >= CAP {
            return;
        }
        let mut out = String::new();
        let names = self.names();
        let loc_of =
            |value: Value| self.func.nodes.get(value.0 as usize).map_or(Loc::UNKNOWN, |node| node.loc);
        // Writing to a string cannot fail.
        let loc = match of {
            Of::Func => self.func.loc,
            Of::Block(block) => {
                out = format!("b{}: ", block.0);
                Loc::UNKNOWN
            }
            Of::Param(block, value) => {
                out = format!("b{}: parameter {}: ", block.0, names.name(value));
                loc_of(value)
            }
            Of::Inst(block, value) => {
                out = format!("b{}: ", block.0);
                let _ = names.inst(&mut out, value);
                out.push_str(": ");
                loc_of(value)
            }
            Of::Term(block) => {
                out = format!("b{}: ", block.0);
                let data = self.func.block(block);
                let _ = names.term(&mut out, &data.term);
                out.push_str(": ");
                data.loc
            }
        };
        out += &message.to_string();
        let name = self.module.symbols.get(self.func.symbol.0 as usize).map(|symbol| symbol.name.clone());
        self.faults.push(diag(self.module, name, loc, out));
    }

    fn names(&self) -> &Body<'a> {
        self.names.get_or_init(|| Body::new(self.module, self.func))
    }

    /// What a message calls a value.
    fn name(&self, value: Value) -> String {
        self.names().name(value).to_string()
    }

    /// The type of an operand, if it has one.
    fn ty(&self, value: Value) -> Option<Type> {
        self.func.nodes.get(value.0 as usize)?.ty
    }
}

/// A fault with its place.
fn diag(module: &Module, func: Option<String>, loc: Loc, message: String) -> Diag {
    let known = module.places.get(loc.0 as usize).filter(|_| loc != Loc::UNKNOWN);
    let place = known.and_then(|place| {
        let file = module.files.get(place.file as usize)?.clone();
        Some(SourcePlace { file, line: place.line, column: place.column })
    });
    Diag { code: Code::InvalidIr, func, place, message }
}

/// So many of something.
fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
