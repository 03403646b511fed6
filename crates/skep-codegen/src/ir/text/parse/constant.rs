//! Constants that stand as operands: their types come from where they stand.

use std::ops::Range;

use super::Parser;
use crate::ir::text::error::{Fault, Parsed};
use crate::ir::text::lex::Kind;
use crate::ir::{Block, Func, Module, Op, SymbolId, Term, Type, Value};

/// A number whose type is not known yet.
pub(super) struct Pending {
    pub(super) func: u32,
    pub(super) literal: Literal,
    pub(super) what: What,
    pub(super) like: Like,
    pub(super) at: Range<usize>,
}

/// What the number is.
pub(super) enum What {
    /// A node.
    Node(Value),
    /// The constant of a case of the switch that ends a block.
    Case(Block, usize),
}

/// Where the type of a constant comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Like {
    /// It is this one.
    Is(Type),
    /// That of another value.
    Value(Value),
    /// That of a parameter of a block.
    Param(Block, usize),
    /// That of a parameter of a function; `i64` beyond those it declares.
    Arg(SymbolId, usize),
    /// Nothing tells it.
    Unknown,
}

/// A constant as it is written.
#[derive(Clone, Copy)]
pub(super) enum Literal {
    Number(i128),
    Null,
    Bool(bool),
}

impl Literal {
    /// The value as a type keeps it; else what is wrong.
    pub(super) fn of(self, ty: Type) -> Result<i64, String> {
        match (self, ty) {
            (Literal::Null | Literal::Number(0), Type::Ptr(_)) => Ok(0),
            (_, Type::Ptr(_)) => Err(format!("the only constant of {ty} is null")),
            (Literal::Null, _) => Err(format!("null is a pointer, expected {ty}")),
            (Literal::Bool(_), Type::Int(2..)) => Err(format!("true and false are i1, expected {ty}")),
            (Literal::Bool(value), _) => Ok(-i64::from(value)),
            (Literal::Number(number), _) => fit(number, ty),
        }
    }
}

/// A number as a type keeps it.
fn fit(number: i128, ty: Type) -> Result<i64, String> {
    let (low, high) = (-1i128 << (ty.bits() - 1), i128::from(ty.mask()));
    if !(low..=high).contains(&number) {
        return Err(format!("{number} does not fit {ty}, which holds {low} to {high}"));
    }
    // The low bits are what counts.
    let low = u64::try_from(number & i128::from(u64::MAX)).unwrap_or_default();
    Ok(ty.canonical(low.cast_signed()))
}

impl Parser<'_> {
    /// A constant, if one is next.
    pub(super) fn literal(&mut self) -> Option<Literal> {
        let literal = match *self.kind() {
            Kind::Number(number) => Literal::Number(number),
            Kind::Word("null") => Literal::Null,
            Kind::Word("true") => Literal::Bool(true),
            Kind::Word("false") => Literal::Bool(false),
            _ => return None,
        };
        self.advance();
        Some(literal)
    }

    /// The constant of a type.
    pub(super) fn constant(&mut self, ty: Type) -> Parsed<i64> {
        let at = self.place();
        let Some(literal) = self.literal() else {
            return Err(self.unexpected(format_args!("a constant of type {ty}")));
        };
        literal.of(ty).map_err(|message| Fault { at, message })
    }

    /// Gives all constants their types.
    pub(super) fn type_constants(&mut self) {
        for Pending { func, literal, what, like, at } in std::mem::take(&mut self.pending) {
            let Some(body) = self.module.funcs.get(func as usize) else { continue };
            let value = match (like_type(&self.module, body, like), literal) {
                (Some(ty), _) => literal.of(ty).map(|value| (ty, value)),
                (None, Literal::Null) => Ok((Type::PTR, 0)),
                (None, Literal::Bool(value)) => Ok((Type::I1, -i64::from(value))),
                // The value that it is a case of has been told of.
                (None, Literal::Number(_)) if matches!(what, What::Case(..)) => continue,
                (None, Literal::Number(number)) => {
                    Err(format!("nothing tells the type of {number}; write it before it, as 'i64 {number}'"))
                }
            };
            match value {
                Err(message) => self.faults.push(Fault { at, message }),
                Ok((ty, value)) => self.set(func, &what, ty, value),
            }
        }
    }

    fn set(&mut self, func: u32, what: &What, ty: Type, value: i64) {
        let func = &mut self.module.funcs[func as usize];
        match *what {
            What::Node(node) => {
                let node = func.node_mut(node);
                (node.op, node.ty) = (Op::Const(value), Some(ty));
            }
            What::Case(block, at) => {
                if let Term::Switch { cases, .. } = &mut func.block_mut(block).term
                    && let Some((case, _)) = cases.get_mut(at)
                {
                    *case = value;
                }
            }
        }
    }
}

fn like_type(module: &Module, func: &Func, like: Like) -> Option<Type> {
    match like {
        Like::Is(ty) => Some(ty),
        Like::Value(value) => func.node(value).ty,
        Like::Param(block, at) => func.node(*func.block(block).params.get(at)?).ty,
        Like::Arg(symbol, at) => {
            let declared = module.signature(symbol).and_then(|sig| sig.params.get(at)).copied();
            Some(declared.unwrap_or(Type::I64))
        }
        Like::Unknown => None,
    }
}
