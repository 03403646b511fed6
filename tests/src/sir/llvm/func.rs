//! Functions: blocks in an order in which values are made before they are used, and how blocks end.

use std::collections::{HashMap, HashSet};

use skep_codegen::ir::{self, Block, Edge, Func, Loc, SlotData, SymbolKind, Term, Type, Value};

use super::core::Path;
use super::debug::Debug;
use super::globals::{Symbols, register, registers, unsupported};
use super::lex::unescape;
use super::node;
use super::syntax::{Block as SourceBlock, Func as Function, Inst, Kind, Module, Typed, Val};
use super::types::Types;
use super::{Core, Fault, Res};

/// What a local name stands for.
#[derive(Clone, Debug)]
pub(super) enum Lowered {
    One(Value),
    /// A struct or an array.
    Many(Vec<Lowered>),
    /// A compare that only branches ask for: it becomes part of them.
    Compare(ir::Cond, Value, Value),
}

/// A function that is being translated.
pub(super) struct Lower<'l, 'p, 'a> {
    pub(super) parsed: &'p Module<'a>,
    pub(super) source: &'p Function<'a>,
    pub(super) symbols: &'l Symbols<'p, 'a>,
    pub(super) types: &'l mut Types<'p, 'a>,
    pub(super) core: Core,
    debug: &'l mut Debug<'p, 'a>,
    pub(super) out: &'l mut ir::Module,
    pub(super) func: Func,
    pub(super) values: HashMap<&'a str, Lowered>,
    /// Ways to members.
    pub(super) paths: HashMap<&'a str, Path<'a>>,
    /// Helpers that were read from constant variables.
    pub(super) helpers: HashMap<&'a str, i64>,
    blocks: HashMap<&'a str, Block>,
    /// How often each name is used, and the last user.
    users: HashMap<&'a str, (usize, &'p Inst<'a>)>,
    /// Names of variables in the source.
    names: HashMap<&'a str, String>,
    /// Where instructions are added.
    pub(super) block: Block,
    label: &'a str,
    pub(super) loc: Loc,
    /// The instruction that is being translated: its place in the text, and its node for an access.
    pub(super) at: usize,
}

/// A name as it is meant.
pub(super) fn name(raw: &str) -> String {
    String::from_utf8_lossy(&unescape(raw)).into_owned()
}

/// Translates the body of a function, whose symbol is declared.
pub(super) fn translate<'p, 'a>(
    parsed: &'p Module<'a>,
    source: &'p Function<'a>,
    symbols: &Symbols<'p, 'a>,
    debug: &mut Debug<'p, 'a>,
    types: &mut Types<'p, 'a>,
    core: Core,
    out: &mut ir::Module,
) -> Res<()> {
    let symbol = symbols.find(source.name, source.at)?;
    let SymbolKind::Func(index) = out.symbol(symbol).kind else { return Ok(()) };
    let mut func = out.funcs[index as usize].clone();
    if let Some(loc) = source.dbg.and_then(|dbg| debug.loc(out, dbg)) {
        func.loc = loc;
        out.symbols[symbol.0 as usize].loc = loc;
        func.block_mut(Func::ENTRY).loc = loc;
        for node in &mut func.nodes {
            node.loc = loc;
        }
    }
    let loc = func.loc;
    let mut lower = Lower {
        parsed,
        source,
        symbols,
        types,
        core,
        debug,
        out,
        func,
        values: HashMap::new(),
        paths: HashMap::new(),
        helpers: HashMap::new(),
        blocks: HashMap::new(),
        users: HashMap::new(),
        names: HashMap::new(),
        block: Func::ENTRY,
        label: "",
        loc,
        at: source.at,
    };
    let order = order(source)?;
    lower.prepare(&order)?;
    for block in order {
        lower.block(block)?;
    }
    let func = lower.func;
    out.funcs[index as usize] = func;
    Ok(())
}

/// The blocks that can be reached, each behind those that dominate it.
fn order<'p, 'a>(source: &'p Function<'a>) -> Res<Vec<&'p SourceBlock<'a>>> {
    let by_label: HashMap<_, _> = source.blocks.iter().map(|block| (block.label, block)).collect();
    let mut seen = HashSet::from([source.blocks[0].label]);
    let successors = |block: &'p SourceBlock<'a>| {
        let mut labels = Vec::new();
        if let Some(end) = block.insts.last() {
            end.each_label(|label| labels.push(label));
        }
        labels
    };
    let mut path = vec![(&source.blocks[0], successors(&source.blocks[0]))];
    let mut order = Vec::new();
    while let Some((block, todo)) = path.last_mut() {
        let Some(label) = todo.pop() else {
            order.push(*block);
            path.pop();
            continue;
        };
        if seen.insert(label) {
            let Some(next) = by_label.get(label) else {
                let at = block.insts.last().map_or(source.at, |inst| inst.at);
                return Err(Fault { at, message: format!("no block '{label}'") });
            };
            path.push((*next, successors(next)));
        }
    }
    order.reverse();
    Ok(order)
}

impl<'p, 'a> Lower<'_, 'p, 'a> {
    /// Binds parameters, makes blocks, and looks at who uses what.
    fn prepare(&mut self, order: &[&'p SourceBlock<'a>]) -> Res<()> {
        let mut params = self.func.block(Func::ENTRY).params.clone().into_iter();
        for (ty, name) in &self.source.params {
            let count = registers(self.parsed, ty, self.at)?.len();
            let parts: Vec<_> = params.by_ref().take(count).map(Lowered::One).collect();
            let one = if register(ty).is_some() { parts.first().cloned() } else { None };
            self.values.insert(name, one.unwrap_or(Lowered::Many(parts)));
        }
        for (index, source) in order.iter().enumerate() {
            let block = if index == 0 { Func::ENTRY } else { self.func.new_block(self.loc) };
            self.blocks.insert(source.label, block);
            for inst in &source.insts {
                inst.each_local(|name| {
                    let (count, user) = self.users.entry(name).or_insert((0, inst));
                    *count += 1;
                    *user = inst;
                });
                match (&inst.kind, inst.dest) {
                    (Kind::Phi { ty, .. }, Some(dest)) => {
                        let ty = register(ty).ok_or_else(|| unsupported(ty, inst.at))?;
                        let loc = self.loc_of(inst);
                        let param = self.func.new_param(block, ty, loc);
                        self.values.insert(dest, Lowered::One(param));
                    }
                    (Kind::Declare(variable, dbg), _) => {
                        let title = node::find(self.parsed, dbg).and_then(|node| node.string("name"));
                        self.names.extend(title.map(|title| (*variable, title)));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn loc_of(&mut self, inst: &Inst<'a>) -> Loc {
        let found = inst.dbg.and_then(|dbg| self.debug.loc(self.out, dbg));
        found.unwrap_or(self.loc)
    }

    /// The one instruction that uses a name.
    pub(super) fn only_user(&self, name: &str) -> Option<&'p Inst<'a>> {
        self.users.get(name).filter(|(count, _)| *count == 1).map(|(_, user)| *user)
    }

    fn block(&mut self, source: &'p SourceBlock<'a>) -> Res<()> {
        self.block = self.blocks[source.label];
        self.label = source.label;
        for inst in &source.insts {
            self.at = inst.at;
            self.loc = self.loc_of(inst);
            if self.end(inst)? {
                break;
            }
            self.inst(inst)?;
        }
        Ok(())
    }

    /// Whether the instruction ends its block.
    fn end(&mut self, inst: &Inst<'a>) -> Res<bool> {
        let term = match &inst.kind {
            Kind::Jump(to) => Term::Jump(self.edge(to)?),
            Kind::Branch(cond, then, other) => {
                let (cond, a, b) = self.condition(cond)?;
                Term::Branch { cond, a, b, then: self.edge(then)?, other: self.edge(other)? }
            }
            Kind::Switch { value, default, cases } => {
                let value = self.operand(value)?;
                let ty = self.func.ty(value);
                let mut edges = Vec::new();
                for (case, to) in cases {
                    let case = u64::try_from(case & i128::from(u64::MAX)).unwrap_or(0).cast_signed();
                    edges.push((ty.canonical(case), self.edge(to)?));
                }
                Term::Switch { value, cases: edges, default: self.edge(default)? }
            }
            Kind::IndirectJump(target, labels) => self.indirect(target, labels)?,
            Kind::CallBranch { call, normal, others } => self.jumping_asm(call, normal, others)?,
            Kind::Return(None) => Term::Return(None),
            Kind::Return(Some(value)) => Term::Return(Some(self.operand(value)?)),
            Kind::Unreachable => Term::Unreachable,
            _ => return Ok(false),
        };
        let loc = self.loc;
        let block = self.func.block_mut(self.block);
        block.term = term;
        block.loc = loc;
        Ok(true)
    }

    /// A way from the current block to a label, with what the phis there take from here.
    pub(super) fn edge(&mut self, label: &str) -> Res<Edge> {
        let (at, from) = (self.at, self.label);
        let fault = |message: String| Fault { at, message };
        let block = *self.blocks.get(label).ok_or_else(|| fault(format!("no block '{label}'")))?;
        let mut edge = Edge::to(block);
        let source = self.source.blocks.iter().find(|block| block.label == label);
        for inst in source.iter().flat_map(|block| &block.insts) {
            let Kind::Phi { ty, from: ways } = &inst.kind else { continue };
            let way = ways.iter().find(|(_, label)| *label == from);
            let (val, _) =
                way.ok_or_else(|| fault(format!("a phi in '{label}' lacks a value from '{from}'")))?;
            edge.args.push(self.operand(&Typed { ty: ty.clone(), val: val.clone() })?);
        }
        Ok(edge)
    }

    /// What a branch asks.
    fn condition(&mut self, cond: &Val<'a>) -> Res<(ir::Cond, Value, Value)> {
        if let Val::Local(name) = cond
            && let Some(Lowered::Compare(cond, a, b)) = self.values.get(name)
        {
            return Ok((*cond, *a, *b));
        }
        let value = self.operand(&Typed { ty: super::syntax::Ty::Int(1), val: cond.clone() })?;
        let zero = self.int(Type::I1, 0);
        Ok((ir::Cond::Ne, value, zero))
    }

    /// Computed goto: the address of a block is a number.
    fn indirect(&mut self, target: &Typed<'a>, labels: &[&'a str]) -> Res<Term> {
        let target = self.operand(target)?;
        let value = self.cast(ir::CastOp::PtrToInt, target, Type::I64);
        let mut seen = HashSet::new();
        let mut cases = Vec::new();
        for &label in labels.iter().filter(|label| seen.insert(**label)) {
            cases.push((self.symbols.block(self.source.name, label), self.edge(label)?));
        }
        // The target is one of the labels.
        let last = cases.pop();
        let (_, default) =
            last.ok_or_else(|| Fault { at: self.at, message: "a computed goto without labels".to_owned() })?;
        Ok(Term::Switch { value, cases, default })
    }

    /// Whether a truth value is asked for by branches alone, maybe by its opposite.
    pub(super) fn only_branches(&self, name: &str) -> bool {
        let Some(&(count, last)) = self.users.get(name) else { return false };
        if count == 1 {
            return match (&last.kind, last.dest) {
                (Kind::Branch(..), _) => true,
                (Kind::Bin { op: "xor", b: Val::Int(1), .. }, Some(dest)) => self.only_branches(dest),
                _ => false,
            };
        }
        false
    }

    /// Adds a stack slot for a variable.
    pub(super) fn slot(&mut self, variable: Option<&str>, size: u64, align: u64) -> Res<Value> {
        // An array without elements has an address, too, and helpers want it on the stack.
        let size = u32::try_from(size.max(1)).map_err(|_| self.fault("a variable of more than 4 GiB"))?;
        let name = variable.and_then(|name| self.names.get(name)).map(|name| name.as_str().into());
        let align = u32::try_from(align.clamp(1, 8)).unwrap_or(8);
        let slot = self.func.new_slot(SlotData { name, size, align });
        Ok(self.push(ir::Op::Slot(slot), Type::PTR))
    }
}
