//! The body of a function.

use std::collections::HashMap;

use super::constant::{Like, Pending, What};
use super::op::near;
use super::{LINKAGES, Parser, SYMBOL_WORDS, numbered};
use crate::ir::text::error::{Fault, Parsed};
use crate::ir::text::lex::{Kind, Token};
use crate::ir::{Block, Cond, Edge, Func, Loc, Node, Op, SlotData, Term, Type, Value, Values};

/// A function that is being read.
pub(super) struct Body {
    pub(super) func: Func,
    /// Its index in the module.
    index: u32,
    values: HashMap<u32, Value>,
    blocks: HashMap<u32, Block>,
    slots: HashMap<u32, crate::ir::Slot>,
    /// The block that instructions go to.
    pub(super) block: Option<Block>,
    /// Whether that block has its end.
    end: End,
    /// The position of the line.
    loc: Loc,
}

/// Whether a block ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Missing,
    /// A line could not be read.
    Unknown,
    There,
}

impl Parser<'_> {
    /// Everything between the braces.
    pub(super) fn body(&mut self, func: Func) {
        let symbol = func.symbol;
        let result = self.expect("{");
        self.recover(result);
        let mut body = Body {
            func,
            index: u32::try_from(self.module.funcs.len()).unwrap_or(u32::MAX),
            values: HashMap::new(),
            blocks: HashMap::new(),
            slots: HashMap::new(),
            block: None,
            end: End::Missing,
            loc: Loc::UNKNOWN,
        };
        self.declare(&mut body);
        loop {
            self.begin();
            if self.is_punct("}") {
                self.check_open(&mut body);
                self.advance();
                let result = self.end_of_line();
                self.recover(result);
                break;
            }
            if *self.kind() == Kind::End || self.is_item(self.at) {
                let name = &self.module.symbol(symbol).name;
                self.faults.push(self.unexpected(format_args!("'}}' at the end of '{name}'")));
                break;
            }
            let result = self.statement(&mut body);
            // What was wrong may have been the end of the block.
            if result.is_err() && body.end == End::Missing {
                body.end = End::Unknown;
            }
            self.recover(result);
        }
        if body.func.blocks.is_empty() {
            let name = &self.module.symbol(symbol).name;
            let message = format!("'{name}' has no blocks; expected at least 'b0:' and a ret");
            self.faults.push(Fault::new(&self.since(self.at - 1), message));
        }
        self.module.add_func(body.func);
    }

    /// Gives blocks and values their ids, in the order of the text, up to the end of the body.
    fn declare(&mut self, body: &mut Body) {
        let mut in_header = false;
        for at in self.at..self.tokens.len() - 1 {
            let token = &self.tokens[at];
            let begins = self.begins_statement(at);
            let next = &self.tokens[at + 1];
            let Kind::Word(word) = token.kind else {
                match token.kind {
                    Kind::Punct("}") if token.first => return,
                    Kind::Punct(")") => in_header = false,
                    _ => {}
                }
                continue;
            };
            if begins {
                if self.is_item(at) {
                    return;
                }
                in_header = false;
                if let Some(number) = numbered(word, 'b') {
                    in_header = true;
                    let block = body.func.new_block(Loc::UNKNOWN);
                    if body.blocks.insert(number, block).is_some() {
                        self.faults.push(Fault::new(&token.at, format!("{word} stands above already")));
                    }
                    continue;
                }
            }
            let defines = if begins { "=" } else { ":" };
            if let Some(number) = numbered(word, 'v')
                && (begins || in_header)
                && next.kind == Kind::Punct(defines)
            {
                let value = body.func.new_node(Op::Param, None, Loc::UNKNOWN);
                if body.values.insert(number, value).is_some() {
                    self.faults.push(Fault::new(&token.at, format!("{word} is defined above already")));
                }
            }
        }
    }

    /// Whether a line of the module begins at a token: then the body has no end.
    fn is_item(&self, at: usize) -> bool {
        let is_word = |at: usize, words: &[&str]| matches!(self.tokens[at].kind, Kind::Word(word) if words.contains(&word));
        let linkage = LINKAGES.map(|(word, _)| word);
        let word = at + usize::from(is_word(at, &linkage));
        is_word(word, &SYMBOL_WORDS)
            && matches!(self.tokens.get(word + 1), Some(Token { kind: Kind::Symbol(_), first: false, .. }))
    }

    fn statement(&mut self, body: &mut Body) -> Parsed<()> {
        let Kind::Word(word) = *self.kind() else {
            return Err(self.unexpected("an instruction, a block as 'b1:', or '}'"));
        };
        if word == "slot" {
            return self.slot(body);
        }
        if numbered(word, 'b').is_some() {
            self.check_open(body);
            return self.header(body);
        }
        let Some(block) = body.block else {
            return Err(self.unexpected("a block, as 'b0:', before the first instruction"));
        };
        if body.end == End::There {
            return Err(self.unexpected("a block, as 'b1:', behind the end of a block"));
        }
        body.loc = self.position_of_line()?;
        let name = match numbered(word, 'v') {
            Some(number) => {
                self.advance();
                if !self.is_punct("=") {
                    return Err(self.unexpected(format_args!("'=' and what {word} is")));
                }
                self.advance();
                body.values.get(&number).copied()
            }
            None => None,
        };
        if name.is_none() && self.term(body, block)? {
            body.func.block_mut(block).loc = body.loc;
            body.end = End::There;
        } else {
            self.inst(body, block, name)?;
        }
        // The position has been read.
        if self.is_punct("!") {
            self.loc()?;
        }
        self.end_of_line()
    }

    /// The position at the end of the line, read ahead, since constants on the line have it as well.
    fn position_of_line(&mut self) -> Parsed<Loc> {
        let start = self.at;
        let mut at = start;
        while !matches!(self.tokens[at].kind, Kind::End | Kind::Punct("!")) {
            at += 1;
            let token = &self.tokens[at];
            let goes_on = matches!(self.tokens[at - 1].kind, Kind::Punct("," | "[" | "{"));
            if token.first && !goes_on {
                return Ok(Loc::UNKNOWN);
            }
        }
        let line = std::mem::replace(&mut self.line, at);
        self.at = at;
        let loc = self.loc();
        if loc.is_ok() {
            (self.at, self.line) = (start, line);
        }
        loc
    }

    fn slot(&mut self, body: &mut Body) -> Parsed<()> {
        self.advance();
        let at = self.place();
        let expected = "the number of the slot, as s0";
        let word = self.word(expected)?;
        let number = numbered(word, 's')
            .ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
        let size = self.number("its size in bytes")?;
        let align = if self.eat_word("align") { self.number("an alignment in bytes")? } else { 8 };
        let name = match self.kind() {
            Kind::Str(_) => Some(self.string("a name")?.into()),
            _ => None,
        };
        let slot = body.func.new_slot(SlotData { name, size, align });
        if body.slots.insert(number, slot).is_some() {
            return Err(Fault::new(&at, format!("{word} is defined above already")));
        }
        self.end_of_line()
    }

    /// That the block before ends.
    fn check_open(&mut self, body: &mut Body) {
        if let Some(block) = body.block.take()
            && body.end == End::Missing
        {
            let expected = format!("the end of b{}: jump, br, switch, may_goto, ret or unreachable", block.0);
            self.faults.push(self.unexpected(expected));
        }
    }

    /// `b1(v2: i32, v3: ptr):`
    fn header(&mut self, body: &mut Body) -> Parsed<()> {
        let word = self.word("a block")?;
        let block = numbered(word, 'b').and_then(|number| body.blocks.get(&number)).copied();
        let block = block.ok_or_else(|| self.unexpected("a block"))?;
        (body.block, body.end) = (Some(block), End::Missing);
        let mut more = self.eat("(") && !self.eat(")");
        while more {
            let expected = "the parameters of the block, as v1: i64";
            let at = self.place();
            let word = self.word(expected)?;
            let value = numbered(word, 'v').and_then(|number| body.values.get(&number)).copied();
            let value =
                value.ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
            self.expect(":")?;
            let ty = Some(self.ty()?);
            let loc = self.loc()?;
            *body.func.node_mut(value) = Node { op: Op::Param, ty, loc };
            body.func.block_mut(block).params.push(value);
            more = self.more(")")?;
        }
        self.expect(":")?;
        self.end_of_line()
    }

    /// What a block ends with, if that is next.
    fn term(&mut self, body: &mut Body, block: Block) -> Parsed<bool> {
        let Kind::Word(word) = *self.kind() else { return Ok(false) };
        let term = match word.split_once('.') {
            None => match word {
                "jump" => {
                    self.advance();
                    Term::Jump(self.edge(body)?)
                }
                "may_goto" => {
                    self.advance();
                    let again = self.edge(body)?;
                    self.expect(",")?;
                    Term::MayGoto { again, done: self.edge(body)? }
                }
                "switch" => {
                    self.advance();
                    self.switch(body, block)?
                }
                "ret" => {
                    self.advance();
                    let none = matches!(self.kind(), Kind::End | Kind::Punct("!"));
                    let like = body.func.sig.ret.map_or(Like::Unknown, Like::Is);
                    Term::Return(if none { None } else { Some(self.operand(body, like)?) })
                }
                "unreachable" => {
                    self.advance();
                    Term::Unreachable
                }
                "open" => {
                    self.advance();
                    Term::Open
                }
                _ => return Ok(false),
            },
            Some(("br", cond)) => {
                let Some(cond) = Cond::from_name(cond) else {
                    return Err(
                        self.unexpected(format_args!("a condition, as br.eq or br.ult{}", near("br", cond)))
                    );
                };
                self.advance();
                let (a, b) = self.compared(body)?;
                self.expect(",")?;
                let then = self.edge(body)?;
                self.expect(",")?;
                Term::Branch { cond, a, b, then, other: self.edge(body)? }
            }
            Some(_) => return Ok(false),
        };
        body.func.block_mut(block).term = term;
        Ok(true)
    }

    fn switch(&mut self, body: &mut Body, block: Block) -> Parsed<Term> {
        let value = self.operand(body, Like::Unknown)?;
        let mut cases = Vec::new();
        self.expect("[")?;
        let mut more = !self.eat("]");
        while more {
            let at = self.place();
            let literal = self.literal().ok_or_else(|| self.unexpected("the number of a case"))?;
            self.pending.push(Pending {
                func: body.index,
                literal,
                what: What::Case(block, cases.len()),
                like: Like::Value(value),
                at,
            });
            self.expect(":")?;
            cases.push((0, self.edge(body)?));
            more = self.more("]")?;
        }
        self.expect(",")?;
        Ok(Term::Switch { value, cases, default: self.edge(body)? })
    }

    /// `b1(v2, 7)`
    fn edge(&mut self, body: &mut Body) -> Parsed<Edge> {
        let expected = "a block, as b1 or b1(v2)";
        let at = self.place();
        let word = self.word(expected)?;
        let number = numbered(word, 'b')
            .ok_or_else(|| Fault::new(&at, format!("found '{word}', expected {expected}")))?;
        let Some(&block) = body.blocks.get(&number) else {
            return Err(Fault::new(&at, format!("{word} is no block of this function")));
        };
        let mut args = Values::new();
        let mut more = self.eat("(") && !self.eat(")");
        while more {
            args.push(self.operand(body, Like::Param(block, args.len()))?);
            more = self.more(")")?;
        }
        Ok(Edge { block, args })
    }

    /// Two values, one of which tells the type of the other.
    pub(super) fn compared(&mut self, body: &mut Body) -> Parsed<(Value, Value)> {
        let pending = self.pending.len();
        let a = self.operand(body, Like::Unknown)?;
        self.expect(",")?;
        let b = self.operand(body, Like::Value(a))?;
        if let [first, rest @ ..] = &mut self.pending[pending..]
            && matches!(first.what, What::Node(node) if node == a)
        {
            if rest.is_empty() {
                first.like = Like::Value(b);
            } else {
                // Two numbers: nothing tells their type.
                rest[0].like = Like::Unknown;
            }
        }
        Ok((a, b))
    }

    /// A value, or a constant.
    pub(super) fn operand(&mut self, body: &mut Body, like: Like) -> Parsed<Value> {
        let at = self.place();
        if self.is_type() {
            let ty = self.ty()?;
            let number = self.constant(ty)?;
            return Ok(self.push(body, Op::Const(number), Some(ty)));
        }
        if let Some(literal) = self.literal() {
            if let Like::Is(ty) = like {
                let number = literal.of(ty).map_err(|message| Fault { at, message })?;
                return Ok(self.push(body, Op::Const(number), Some(ty)));
            }
            let node = self.push(body, Op::Const(0), None);
            self.pending.push(Pending { func: body.index, literal, what: What::Node(node), like, at });
            return Ok(node);
        }
        self.value(body)
    }

    /// A value, as `v7`.
    pub(super) fn value(&mut self, body: &Body) -> Parsed<Value> {
        let Kind::Word(word) = *self.kind() else {
            return Err(self.unexpected("a value, as v0, or a constant"));
        };
        let Some(number) = numbered(word, 'v') else {
            return Err(self.unexpected("a value, as v0, or a constant"));
        };
        let Some(&value) = body.values.get(&number) else {
            return Err(Fault::new(&self.place(), format!("{word} is defined nowhere in this function")));
        };
        self.advance();
        Ok(value)
    }

    /// A slot, as `s0`.
    pub(super) fn slot_name(&mut self, body: &Body) -> Parsed<crate::ir::Slot> {
        let at = self.place();
        let word = self.word("a slot, as s0")?;
        let number = numbered(word, 's')
            .ok_or_else(|| Fault::new(&at, format!("found '{word}', expected a slot, as s0")))?;
        let slot = body.slots.get(&number).copied();
        slot.ok_or_else(|| {
            Fault::new(&at, format!("{word} is no slot of this function; expected 'slot {word} SIZE' before"))
        })
    }

    /// Adds an instruction that has no name.
    pub(super) fn push(&mut self, body: &mut Body, op: Op, ty: Option<Type>) -> Value {
        let value = body.func.new_node(op, ty, body.loc);
        if let Some(block) = body.block {
            body.func.block_mut(block).insts.push(value);
        }
        value
    }

    /// Adds an instruction.
    pub(super) fn define(&mut self, body: &mut Body, name: Option<Value>, op: Op, ty: Option<Type>) {
        let (Some(value), Some(block)) = (name, body.block) else {
            self.push(body, op, ty);
            return;
        };
        *body.func.node_mut(value) = Node { op, ty, loc: body.loc };
        body.func.block_mut(block).insts.push(value);
    }
}
