//! Bodies of functions.

use std::fmt::{self, Write as _};

use super::{Number, Position, file_of};
use crate::ir::{Block, Edge, Func, Loc, Module, Op, Term, Type, Value};

/// Where source positions begin, in columns.
const POSITION_COLUMN: usize = 48;

/// A function's body, with the numbers of its values.
pub(crate) struct Body<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
    names: Vec<ValueName>,
    /// The file of positions in it.
    file: &'a str,
}

/// What a value is called.
#[derive(Clone, Copy, PartialEq)]
enum ValueName {
    /// `v7`
    Number(u32),
    /// A constant, which stands wherever it is used.
    Inline,
    /// It is in no block.
    Lost,
}

impl<'a> Body<'a> {
    pub(crate) fn new(module: &'a Module, func: &'a Func) -> Body<'a> {
        let file = match func.loc {
            Loc::UNKNOWN => &module.name,
            loc => file_of(module, module.place(loc)),
        };
        Body { module, func, names: names(func), file }
    }

    /// What a value is called.
    pub(crate) fn name(&self, value: Value) -> impl fmt::Display + use<'_, 'a> {
        Operand { body: self, value, expected: None }
    }

    pub(super) fn operand(&self, value: Value, expected: Option<Type>) -> Operand<'_, 'a> {
        Operand { body: self, value, expected }
    }

    pub(super) fn node_type(&self, value: Value) -> Option<Type> {
        self.func.nodes.get(value.0 as usize)?.ty
    }

    pub(super) fn is_inline(&self, value: Value) -> bool {
        self.names.get(value.0 as usize) == Some(&ValueName::Inline)
    }

    pub(super) fn block(&self, out: &mut String, block: Block) -> fmt::Result {
        let data = self.func.block(block);
        write!(out, "b{}", block.0)?;
        for (at, &param) in data.params.iter().enumerate() {
            out.push_str(if at == 0 { "(" } else { ", " });
            write!(out, "{}: {}", self.name(param), TypeOrNone(self.node_type(param)))?;
            let loc = self.func.nodes.get(param.0 as usize).map_or(Loc::UNKNOWN, |node| node.loc);
            if loc != Loc::UNKNOWN {
                write!(out, " {}", self.position(loc))?;
            }
        }
        out.push_str(if data.params.is_empty() { ":\n" } else { "):\n" });
        for &inst in &data.insts {
            if self.is_inline(inst) {
                continue;
            }
            let start = out.len();
            out.push_str("  ");
            self.inst(out, inst)?;
            let loc = self.func.nodes.get(inst.0 as usize).map_or(Loc::UNKNOWN, |node| node.loc);
            self.end(out, start, loc)?;
        }
        let start = out.len();
        out.push_str("  ");
        self.term(out, &data.term)?;
        self.end(out, start, data.loc)
    }

    fn position(&self, loc: Loc) -> Position<'a> {
        Position { module: self.module, loc, file: self.file }
    }

    fn end(&self, out: &mut String, start: usize, loc: Loc) -> fmt::Result {
        if loc != Loc::UNKNOWN {
            let column = out.len() - start;
            let blanks = POSITION_COLUMN.saturating_sub(column).max(1);
            write!(out, "{:blanks$}{}", "", self.position(loc))?;
        }
        out.push('\n');
        Ok(())
    }

    pub(crate) fn term(&self, out: &mut String, term: &Term) -> fmt::Result {
        match term {
            Term::Open => out.push_str("open"),
            Term::Unreachable => out.push_str("unreachable"),
            Term::Jump(edge) => write!(out, "jump {}", self.edge(edge))?,
            Term::Branch { cond, a, b, then, other } => {
                write!(out, "br.{} ", cond.name())?;
                self.compared(out, *a, *b)?;
                write!(out, ", {}, {}", self.edge(then), self.edge(other))?;
            }
            Term::Switch { value, cases, default } => {
                let bits = self.node_type(*value).map_or(64, Type::bits);
                write!(out, "switch {} [", self.operand(*value, None))?;
                for (at, (case, edge)) in cases.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(out, "{comma}{}: {}", Number { value: *case, bits }, self.edge(edge))?;
                }
                write!(out, "], {}", self.edge(default))?;
            }
            Term::MayGoto { again, done } => {
                write!(out, "may_goto {}, {}", self.edge(again), self.edge(done))?;
            }
            Term::Return(None) => out.push_str("ret"),
            Term::Return(Some(value)) => write!(out, "ret {}", self.operand(*value, self.func.sig.ret))?,
        }
        Ok(())
    }

    /// Two values that are compared. One tells the type of the other.
    pub(super) fn compared(&self, out: &mut String, a: Value, b: Value) -> fmt::Result {
        let of_b = self.node_type(b).filter(|_| !self.is_inline(b));
        write!(out, "{}, {}", self.operand(a, of_b), self.operand(b, self.node_type(a)))
    }

    fn edge<'e>(&'e self, edge: &'e Edge) -> EdgeText<'e, 'a> {
        EdgeText { body: self, edge }
    }
}

struct EdgeText<'e, 'a> {
    body: &'e Body<'a>,
    edge: &'e Edge,
}

impl fmt::Display for EdgeText<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EdgeText { body, edge } = self;
        write!(f, "b{}", edge.block.0)?;
        let params = body.func.blocks.get(edge.block.0 as usize).map_or(&[][..], |block| &block.params);
        for (at, &arg) in edge.args.iter().enumerate() {
            f.write_str(if at == 0 { "(" } else { ", " })?;
            let expected = params.get(at).and_then(|&param| body.node_type(param));
            body.operand(arg, expected).fmt(f)?;
        }
        if edge.args.is_empty() { Ok(()) } else { f.write_char(')') }
    }
}

/// A value where it is used.
pub(super) struct Operand<'b, 'a> {
    body: &'b Body<'a>,
    value: Value,
    /// The type that a constant has here, unless it says its own.
    expected: Option<Type>,
}

impl fmt::Display for Operand<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body.names.get(self.value.0 as usize) {
            Some(ValueName::Number(number)) => write!(f, "v{number}"),
            Some(ValueName::Inline) => {
                let node = self.body.func.node(self.value);
                let Op::Const(value) = node.op else { return Ok(()) };
                if node.ty != self.expected {
                    write!(f, "{} ", TypeOrNone(node.ty))?;
                }
                Literal(node.ty, value).fmt(f)
            }
            // Not a name that could be read back.
            Some(ValueName::Lost) | None => write!(f, "v?{}", self.value.0),
        }
    }
}

/// A constant of a type.
pub(super) struct Literal(pub(super) Option<Type>, pub(super) i64);

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Literal(Some(Type::Ptr(_)), 0) => f.write_str("null"),
            Literal(ty, value) => Number { value, bits: ty.map_or(64, Type::bits) }.fmt(f),
        }
    }
}

/// The type of a value, `?` if it has none.
pub(super) struct TypeOrNone(pub(super) Option<Type>);

impl fmt::Display for TypeOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ty) => ty.fmt(f),
            None => f.write_str("?"),
        }
    }
}

/// Numbers the values in the order of the text.
fn names(func: &Func) -> Vec<ValueName> {
    let mut names = vec![ValueName::Lost; func.nodes.len()];
    let mut used = vec![false; func.nodes.len()];
    let mut mark = |value: Value| {
        if let Some(used) = used.get_mut(value.0 as usize) {
            *used = true;
        }
    };
    for block in &func.blocks {
        for &inst in &block.insts {
            if let Some(node) = func.nodes.get(inst.0 as usize) {
                node.op.each_operand(&mut mark);
            }
        }
        block.term.each_operand(&mut mark);
    }
    let mut next = 0;
    for block in &func.blocks {
        for &value in block.params.iter().chain(&block.insts) {
            let at = value.0 as usize;
            let Some(node) = func.nodes.get(at) else { continue };
            if names[at] != ValueName::Lost {
                continue;
            }
            names[at] = match node.op {
                Op::Const(_) if used[at] => ValueName::Inline,
                _ if node.ty.is_none() => continue,
                _ => {
                    next += 1;
                    ValueName::Number(next - 1)
                }
            };
        }
    }
    names
}
