//! The blocks of machine code: those of the IR, switches as trees of compares, critical edges split, in an order that
//! puts dominators first and keeps loops together.

use rustc_hash::FxHashMap;

use super::index;
use super::target::Isa;
use crate::ir::{self, Block, Cond, Edge, Func, Loc, Term, Value};
use crate::options::Opt;

/// Blocks of machine code. Those that cannot be reached are not among them.
pub(super) struct Graph<'f> {
    /// In order: each behind its dominators, loops without gaps.
    pub(super) nodes: Vec<Node<'f>>,
    /// For parameters of blocks with one way in: what comes along on it.
    pub(super) alias: Vec<Option<Value>>,
}

/// One of them.
pub(super) struct Node<'f> {
    /// The IR block whose instructions it has; blocks on split edges and of switches have none.
    pub(super) body: Option<Block>,
    /// Its parameters; none if it has one way in.
    pub(super) params: &'f [Value],
    /// How it ends.
    pub(super) exit: Exit<'f>,
    /// Where it comes from.
    pub(super) loc: Loc,
    /// How many loops it is in.
    pub(super) depth: u32,
    /// Where the innermost loop around it begins, if it is in one.
    pub(super) header: Option<u32>,
    /// Nodes with an edge to it, one entry per edge.
    pub(super) preds: Vec<u32>,
    /// Where it leads if it ends with a jump table.
    pub(super) table: Option<Box<Table<'f>>>,
}

/// A jump table.
pub(super) struct Table<'f> {
    /// The ways out, each once.
    pub(super) ways: Vec<Way<'f>>,
    /// For each number, from the first on, its place in `ways`.
    pub(super) entries: Vec<u32>,
}

/// How it ends.
#[derive(Clone, Copy)]
pub(super) enum Exit<'f> {
    Jump(Way<'f>),
    Branch {
        cond: Cond,
        a: Value,
        b: Side,
        then: Way<'f>,
        other: Way<'f>,
    },
    MayGoto {
        again: Way<'f>,
        done: Way<'f>,
    },
    /// By a table, which begins with the entry of `first` and has one for each number that the value may be here.
    Table {
        value: Value,
        first: i32,
    },
    Return(Option<Value>),
    Unreachable,
}

/// The right side of a compare.
#[derive(Clone, Copy)]
pub(super) enum Side {
    Value(Value),
    /// As [`ir::Type::canonical`] keeps it.
    Const(i64),
}

/// An edge.
#[derive(Clone, Copy)]
pub(super) struct Way<'f> {
    /// Index in [`Graph::nodes`].
    pub(super) to: u32,
    /// One for each parameter there.
    pub(super) args: &'f [Value],
}

impl<'f> Node<'f> {
    /// The ways out.
    pub(super) fn ways(&self) -> impl Iterator<Item = Way<'f>> + use<'_, 'f> {
        let table = self.table.iter().flat_map(|table| &table.ways);
        self.exit.ways().chain(table.copied())
    }

    /// How many ways out there are.
    pub(super) fn way_count(&self) -> usize {
        self.table.as_ref().map_or_else(|| self.exit.ways().count(), |table| table.ways.len())
    }

    /// One of the ways out.
    pub(super) fn way(&self, at: usize) -> Option<Way<'f>> {
        match &self.table {
            Some(table) => table.ways.get(at).copied(),
            None => self.exit.ways().nth(at),
        }
    }

    fn ways_mut(&mut self) -> impl Iterator<Item = &mut Way<'f>> {
        let table = self.table.iter_mut().flat_map(|table| &mut table.ways);
        self.exit.ways_mut().chain(table)
    }

    /// Changes where the ways lead: `to[old] = new`.
    pub(super) fn renumber(&mut self, to: &[u32]) {
        self.ways_mut().for_each(|way| way.to = to[way.to as usize]);
    }
}

impl<'f> Exit<'f> {
    /// The ways out, without those of a table; at most two.
    fn ways(&self) -> impl Iterator<Item = Way<'f>> + use<'f> {
        let [a, b] = match *self {
            Exit::Jump(way) => [Some(way), None],
            Exit::Branch { then, other, .. } => [Some(then), Some(other)],
            Exit::MayGoto { again, done } => [Some(again), Some(done)],
            Exit::Table { .. } | Exit::Return(_) | Exit::Unreachable => [None, None],
        };
        a.into_iter().chain(b)
    }

    fn ways_mut(&mut self) -> impl Iterator<Item = &mut Way<'f>> {
        let [a, b] = match self {
            Exit::Jump(way) => [Some(way), None],
            Exit::Branch { then, other, .. } => [Some(then), Some(other)],
            Exit::MayGoto { again, done } => [Some(again), Some(done)],
            Exit::Table { .. } | Exit::Return(_) | Exit::Unreachable => [None, None],
        };
        a.into_iter().chain(b)
    }
}

impl<'f> Graph<'f> {
    /// The value itself, or what a parameter with one way in stands for.
    pub(super) fn origin(&self, mut value: Value) -> Value {
        while let Some(arg) = self.alias[value.0 as usize] {
            value = arg;
        }
        value
    }

    /// The number that a value is, if it is a constant.
    pub(super) fn constant(&self, func: &Func, value: Value) -> Option<i64> {
        func.as_const(self.origin(value))
    }

    /// The graph of a function.
    pub(super) fn new(func: &'f Func, isa: Isa) -> Graph<'f> {
        let mut build = Build {
            func,
            isa,
            nodes: Vec::with_capacity(func.blocks.len() * 2),
            ids: vec![NONE; func.blocks.len()],
            alias: Vec::new(),
            todo: Vec::new(),
            table: None,
        };
        build.alias.resize(func.nodes.len(), None);
        build.reach();
        build.single_ways();
        build.split();
        let Build { nodes, alias, .. } = build;
        Graph { nodes: super::order::sort(nodes), alias }
    }
}

const NONE: u32 = u32::MAX;

struct Build<'f> {
    func: &'f Func,
    isa: Isa,
    nodes: Vec<Node<'f>>,
    /// The node of an IR block; `NONE` as long as nothing leads there.
    ids: Vec<u32>,
    alias: Vec<Option<Value>>,
    /// Blocks whose end is still to be looked at.
    todo: Vec<Block>,
    /// The table of the [`Exit::Table`] that was made last and has no node yet.
    table: Option<Box<Table<'f>>>,
}

impl<'f> Build<'f> {
    /// Makes a node of each block that can be reached.
    fn reach(&mut self) {
        self.node_of(Func::ENTRY);
        while let Some(block) = self.todo.pop() {
            let data = self.func.block(block);
            let exit = match &data.term {
                Term::Jump(edge) => Exit::Jump(self.way(edge)),
                Term::Branch { cond, a, b, then, other } => {
                    let (then, other) = (self.way(then), self.way(other));
                    Exit::Branch { cond: *cond, a: *a, b: Side::Value(*b), then, other }
                }
                Term::MayGoto { again, done } => {
                    Exit::MayGoto { again: self.way(again), done: self.way(done) }
                }
                Term::Switch { value, cases, default } => self.switch(*value, cases, default, data.loc),
                Term::Return(value) => Exit::Return(*value),
                Term::Open | Term::Unreachable => Exit::Unreachable,
            };
            let at = self.ids[block.0 as usize] as usize;
            self.nodes[at].exit = exit;
            self.nodes[at].table = self.table.take();
        }
        for at in 0..self.nodes.len() {
            for place in 0..self.nodes[at].way_count() {
                if let Some(way) = self.nodes[at].way(place) {
                    self.nodes[way.to as usize].preds.push(index(at));
                }
            }
        }
    }

    fn node_of(&mut self, block: Block) -> u32 {
        let known = self.ids[block.0 as usize];
        if known != NONE {
            return known;
        }
        self.todo.push(block);
        let data = self.func.block(block);
        let params = if block == Func::ENTRY { &[] } else { &data.params[..] };
        let node = self.push(Some(block), params, Exit::Unreachable, data.loc);
        self.ids[block.0 as usize] = node;
        node
    }

    fn push(&mut self, body: Option<Block>, params: &'f [Value], exit: Exit<'f>, loc: Loc) -> u32 {
        let table = if matches!(exit, Exit::Table { .. }) { self.table.take() } else { None };
        self.nodes.push(Node { body, params, exit, loc, depth: 0, header: None, preds: Vec::new(), table });
        index(self.nodes.len() - 1)
    }

    fn way(&mut self, edge: &'f Edge) -> Way<'f> {
        Way { to: self.node_of(edge.block), args: &edge.args }
    }

    /// Parameters of nodes with one way in stand for what that brings.
    fn single_ways(&mut self) {
        for at in 0..self.nodes.len() {
            if let [pred] = self.nodes[at].preds[..]
                && !self.nodes[at].params.is_empty()
            {
                let params = std::mem::take(&mut self.nodes[at].params);
                for way in self.nodes[pred as usize].ways_mut() {
                    if way.to as usize == at {
                        for (&param, &arg) in params.iter().zip(std::mem::take(&mut way.args)) {
                            self.alias[param.0 as usize] = Some(arg);
                        }
                    }
                }
            }
        }
    }

    /// Puts a node on each edge from a node with several ways out to one with several ways in.
    fn split(&mut self) {
        for at in 0..self.nodes.len() {
            if self.nodes[at].way_count() < 2 {
                continue;
            }
            let (mut exit, mut table) = (self.nodes[at].exit, self.nodes[at].table.take());
            let loc = match self.nodes[at].body {
                Some(block) => self.func.block(block).loc,
                None => self.nodes[at].loc,
            };
            for way in exit.ways_mut().chain(table.iter_mut().flat_map(|table| &mut table.ways)) {
                if self.nodes[way.to as usize].preds.len() > 1 {
                    let to = way.to;
                    let between = self.push(None, &[], Exit::Jump(*way), loc);
                    self.nodes[between as usize].preds.push(index(at));
                    if let Some(pred) =
                        self.nodes[to as usize].preds.iter_mut().find(|pred| **pred as usize == at)
                    {
                        *pred = between;
                    }
                    *way = Way { to: between, args: &[] };
                }
            }
            (self.nodes[at].exit, self.nodes[at].table) = (exit, table);
        }
    }

    /// A tree of compares, in which dense parts may be jump tables; its root is the exit of the block.
    fn switch(&mut self, value: Value, cases: &'f [(i64, Edge)], default: &'f Edge, loc: Loc) -> Exit<'f> {
        let ty = self.func.ty(value);
        let mut sorted: Vec<(u64, &'f Edge)> =
            cases.iter().map(|(number, edge)| (number.cast_unsigned() & ty.mask(), edge)).collect();
        sorted.sort_by_key(|(number, _)| *number);
        // The whole domain, cut where the way changes.
        let mut pieces: Vec<Piece<'f>> = Vec::with_capacity(sorted.len() * 2 + 1);
        let mut add = |first: u64, edge: &'f Edge| match pieces.last() {
            Some(last) if last.edge == edge => {}
            _ => pieces.push(Piece { first, last: 0, edge }),
        };
        let mut next = Some(0);
        for &(number, edge) in &sorted {
            match next {
                Some(next) if next < number => add(next, default),
                _ => {}
            }
            add(number, edge);
            next = if number == ty.mask() { None } else { Some(number + 1) };
        }
        if let Some(next) = next {
            add(next, default);
        }
        for at in 0..pieces.len() {
            pieces[at].last = pieces.get(at + 1).map_or(ty.mask(), |piece| piece.first - 1);
        }
        let tree = Tree { value, ty, default, loc };
        self.tree(&tree, &pieces)
    }

    fn tree(&mut self, tree: &Tree<'f>, pieces: &[Piece<'f>]) -> Exit<'f> {
        if let [only] = pieces {
            return Exit::Jump(self.way(only.edge));
        }
        if self.isa.has_jump_tables()
            && let Some(exit) = self.jump_table(tree, pieces)
        {
            return exit;
        }
        // A few single numbers amid the default are asked for one after the other.
        let chain = if self.isa.opt == Opt::Os { 6 } else { 3 };
        let special = pieces.iter().filter(|piece| piece.edge != tree.default);
        if special.clone().all(|piece| piece.first == piece.last) && special.clone().count() <= chain {
            let gaps = pieces.len() - special.clone().count();
            if gaps > 1 || (gaps == 1 && pieces.len() == 2) {
                let mut exit = Exit::Jump(self.way(tree.default));
                let special: Vec<_> = special.collect();
                for piece in special.iter().rev() {
                    let other = self.exit_way(exit, tree.loc);
                    let then = self.way(piece.edge);
                    exit = tree.compare(Cond::Eq, piece.first, then, other);
                }
                return exit;
            }
        }
        let middle =
            Some(()).filter(|()| self.isa.has_jump_tables()).and_then(|()| tree.beside_dense(pieces));
        let middle = middle.unwrap_or_else(|| middle_of(pieces));
        let (low, high) = pieces.split_at(middle);
        let high_exit = self.tree(tree, high);
        let then = self.exit_way(high_exit, tree.loc);
        let low_exit = self.tree(tree, low);
        let other = self.exit_way(low_exit, tree.loc);
        tree.compare(Cond::Ugt, high[0].first - 1, then, other)
    }

    /// A jump table for dense pieces, behind compares that send away what lies beside them.
    fn jump_table(&mut self, tree: &Tree<'f>, pieces: &[Piece<'f>]) -> Option<Exit<'f>> {
        let (first, last) = tree.dense(pieces)?;
        let number = i32::try_from(first).ok()?;
        let mut ways: Vec<&'f Edge> = Vec::new();
        let mut places: FxHashMap<(Block, &'f [Value]), u32> = FxHashMap::default();
        let mut entries = Vec::with_capacity(usize::try_from(last - first).ok()?);
        for piece in pieces {
            let (start, end) = (piece.first.max(first), piece.last.min(last));
            if start > end {
                continue;
            }
            let place = *places.entry((piece.edge.block, &piece.edge.args[..])).or_insert_with(|| {
                ways.push(piece.edge);
                index(ways.len() - 1)
            });
            entries.extend((start..=end).map(|_| place));
        }
        if ways.len() < 2 {
            return None;
        }
        let ways = ways.into_iter().map(|edge| self.way(edge)).collect();
        self.table = Some(Box::new(Table { ways, entries }));
        let mut exit = Exit::Table { value: tree.value, first: number };
        let (low, high) = (pieces[0].first, pieces[pieces.len() - 1].last);
        for (cond, bound) in [
            (Cond::Ult, Some(first).filter(|_| low < first)),
            (Cond::Ugt, Some(last).filter(|_| last < high)),
        ] {
            if let Some(bound) = bound {
                let inside = self.exit_way(exit, tree.loc);
                let outside = self.way(tree.default);
                exit = tree.compare(cond, bound, outside, inside);
            }
        }
        Some(exit)
    }

    /// The way to a node that ends so.
    fn exit_way(&mut self, exit: Exit<'f>, loc: Loc) -> Way<'f> {
        match exit {
            Exit::Jump(way) => way,
            exit => Way { to: self.push(None, &[], exit, loc), args: &[] },
        }
    }
}

/// Fewer cases are asked for one after the other.
const MIN_ENTRIES: u64 = 8;

/// A jump table may be so many times as long as there are cases.
const MAX_SPARSE: u64 = 3;

/// Where a tree is best cut: near the middle, and not between a single number and the gap behind it.
fn middle_of(pieces: &[Piece<'_>]) -> usize {
    let middle = pieces.len() / 2;
    let is_single = |at: usize| pieces[at].first == pieces[at].last;
    if pieces.len() > 3 && !is_single(middle) && is_single(middle - 1) && middle + 1 < pieces.len() {
        return middle + 1;
    }
    middle
}

/// What the compares of a switch have in common.
struct Tree<'f> {
    value: Value,
    ty: ir::Type,
    default: &'f Edge,
    loc: Loc,
}

impl<'f> Tree<'f> {
    /// Whether a jump table is worth it for the pieces: from where to where it would go.
    fn dense(&self, pieces: &[Piece<'f>]) -> Option<(u64, u64)> {
        let special = |piece: &Piece<'f>| piece.edge != self.default;
        let (from, to) = (pieces.iter().position(special)?, pieces.iter().rposition(special)?);
        let count = pieces[from..=to].iter().filter(|piece| special(piece)).count() as u64;
        let (mut first, last) = (pieces[from].first, pieces[to].last);
        // A few entries more are less than another compare.
        if first - pieces[0].first <= count {
            first = pieces[0].first;
        }
        let len = (last - first).checked_add(1)?;
        (count >= MIN_ENTRIES && len <= count.saturating_mul(MAX_SPARSE)).then_some((first, last))
    }

    /// The largest gap, if there are pieces for a jump table before or behind it.
    fn beside_dense(&self, pieces: &[Piece<'f>]) -> Option<usize> {
        let inner = 1..pieces.len().checked_sub(1)?;
        let gap = inner
            .filter(|&at| pieces[at].edge == self.default)
            .max_by_key(|&at| pieces[at].last - pieces[at].first)?;
        let (before, behind) = pieces.split_at(gap);
        (self.dense(before).is_some() || self.dense(behind).is_some()).then_some(gap)
    }

    fn compare(&self, cond: Cond, number: u64, then: Way<'f>, other: Way<'f>) -> Exit<'f> {
        let b = Side::Const(self.ty.canonical(number.cast_signed()));
        Exit::Branch { cond, a: self.value, b, then, other }
    }
}

/// Numbers that go one way, `first..=last`.
struct Piece<'f> {
    first: u64,
    last: u64,
    edge: &'f Edge,
}
