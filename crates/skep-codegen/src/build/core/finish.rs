//! Finishing a body: blocks that nothing leads to go, conditions of `and` and `or` become branches, variables become
//! values, and what nobody uses goes.

use super::flow;
use super::module::Module;
use crate::diag::Code;
use crate::ir::{Block, Cond, Edge, Func, Op, Term};

impl Module {
    /// Makes the function that the open body stands for.
    pub(super) fn finish_body(&mut self) {
        self.finish_end();
        if self.body.func.is_none() {
            return;
        }
        let body = &mut self.body;
        thread_joins(&mut body.ir, &std::mem::take(&mut body.joins));
        skip_empty_blocks(&mut body.ir);
        remove_unreachable(&mut body.ir);
        self.check_ends();
        let unmade = super::promote::variables(&mut self.body);
        let func = self.body_name();
        for (variable, loc) in unmade.vars {
            let name =
                self.body.vars[variable as usize].slot.name.as_deref().unwrap_or("a variable").to_owned();
            let message =
                format!("'{name}' is read here, but not written on each way to here: give it a value first");
            self.mistake_at(Code::Uninitialized, func.clone(), loc, message);
        }
        for loc in unmade.values {
            let message = "a value is used here that is not made on each way to here: keep it in a variable";
            self.mistake_at(Code::Uninitialized, func.clone(), loc, message.to_owned());
        }
    }

    /// Ends what is still open where the body ends.
    fn finish_end(&mut self) {
        if !self.body.frames.is_empty() && self.body.func.is_some() {
            let names: Vec<&str> = self.body.frames.iter().map(flow::Frame::name).collect();
            let message = format!("the body ends within {}: end each statement", names.join(", "));
            self.mistake(Code::Unterminated, message);
        }
        self.body.frames.clear();
        if self.body.reachable && self.body.ret.is_void() {
            let loc = self.body.ir.block(self.body.at).insts.last().map(|&inst| self.body.ir.node(inst).loc);
            let loc = loc.unwrap_or(self.body.ir.loc);
            let block = self.body.ir.block_mut(self.body.at);
            (block.term, block.loc) = (Term::Return(None), loc);
        }
    }

    /// Tells of a block that can be reached and has no end.
    fn check_ends(&mut self) {
        let open = self.body.ir.blocks.iter().find(|block| block.term == Term::Open);
        let Some(loc) =
            open.map(|block| block.insts.last().map_or(block.loc, |&inst| self.body.ir.node(inst).loc))
        else {
            return;
        };
        let name = self.body_name();
        let message =
            "the body ends without a ret here: return a value, or say that it is unreachable".to_owned();
        self.mistake_at(Code::Unterminated, name, loc, message);
        for block in &mut self.body.ir.blocks {
            if block.term == Term::Open {
                block.term = Term::Unreachable;
            }
        }
    }
}

/// Where the ways of an `and` or `or` meet only to decide on the answer, each decides for itself: the verifier learns
/// nothing from a 0 or 1, but from each compare.
fn thread_joins(func: &mut Func, joins: &[Block]) {
    if joins.is_empty() {
        return;
    }
    let answers = Answers::new(func, joins);
    for block in func.block_ids() {
        if answers.of(block).is_some() {
            continue;
        }
        let mut threads = false;
        func.block(block).term.each_edge(|edge| threads |= answers.of(edge.block).is_some());
        if threads {
            thread(func, block, &answers);
        }
    }
}

/// Where a join leads if its answer is yes, and if it is no.
type Ways = (Edge, Edge);

/// What joins do with their answers.
struct Answers {
    /// The place of a block in the list of joins.
    places: Vec<usize>,
    /// Where a join leads in the end; `None` if it does anything else with its answer.
    ways: Vec<Option<Ways>>,
}

/// What a join itself does with its answer.
enum Asks {
    /// Goes one of two ways.
    Branch(Ways),
    /// Hands it on to another join.
    Join(usize),
}

impl Answers {
    fn new(func: &Func, joins: &[Block]) -> Answers {
        let mut places = vec![usize::MAX; func.blocks.len()];
        for (at, join) in joins.iter().enumerate() {
            places[join.0 as usize] = at;
        }
        let mut uses = vec![0u32; func.nodes.len()];
        count_uses(func, &mut uses);
        let asks: Vec<Option<Asks>> = joins.iter().map(|&join| asks(func, join, &uses, &places)).collect();
        let mut answers = Answers { places, ways: vec![None; joins.len()] };
        // Joins lead to joins, in long chains: each is done when those are that it leads to. A ring of them, which only
        // code that is never reached can have, is left as it is.
        let (mut seen, mut path) = (vec![false; joins.len()], Vec::new());
        for first in 0..joins.len() {
            if !std::mem::replace(&mut seen[first], true) {
                path.push(first);
            }
            while let Some(&at) = path.last() {
                let asks = asks[at].as_ref();
                match answers.next(asks).into_iter().flatten().find(|&next| !seen[next]) {
                    Some(next) => {
                        seen[next] = true;
                        path.push(next);
                    }
                    None => {
                        answers.ways[at] = answers.resolve(func, asks);
                        path.pop();
                    }
                }
            }
        }
        answers
    }

    fn of(&self, block: Block) -> Option<&Ways> {
        self.ways.get(self.places[block.0 as usize])?.as_ref()
    }

    fn place(&self, edge: &Edge) -> Option<usize> {
        Some(self.places[edge.block.0 as usize]).filter(|&at| at != usize::MAX)
    }

    /// The joins that a join leads to.
    fn next(&self, asks: Option<&Asks>) -> [Option<usize>; 2] {
        match asks {
            Some(Asks::Branch((yes, no))) => [self.place(yes), self.place(no)],
            Some(Asks::Join(at)) => [Some(*at), None],
            None => [None, None],
        }
    }

    /// Where a join leads, when it is known of those that it leads to.
    fn resolve(&self, func: &Func, asks: Option<&Asks>) -> Option<Ways> {
        match asks? {
            Asks::Branch((yes, no)) => Some((self.end(func, yes), self.end(func, no))),
            Asks::Join(at) => self.ways[*at].clone(),
        }
    }

    /// Where an edge leads in the end, whose arguments are constants.
    fn end(&self, func: &Func, edge: &Edge) -> Edge {
        let Some((yes, no)) = self.of(edge.block) else { return edge.clone() };
        if is_yes(func, edge) { yes.clone() } else { no.clone() }
    }
}

/// Whether the constant that an edge brings to a join is true.
fn is_yes(func: &Func, edge: &Edge) -> bool {
    edge.args.first().and_then(|&arg| func.as_const(arg)) != Some(0)
}

/// How often each node is used; compares and constants that nobody uses are not users themselves.
fn count_uses(func: &Func, uses: &mut [u32]) {
    for block in func.blocks.iter().rev() {
        block.term.each_operand(|v| uses[v.0 as usize] += 1);
        for &inst in block.insts.iter().rev() {
            let op = &func.node(inst).op;
            if uses[inst.0 as usize] != 0 || !matches!(op, Op::Cmp(..) | Op::Const(_)) {
                op.each_operand(|v| uses[v.0 as usize] += 1);
            }
        }
    }
}

/// What a join does with its answer; `None` if it does anything else, too.
fn asks(func: &Func, join: Block, uses: &[u32], places: &[usize]) -> Option<Asks> {
    let data = func.block(join);
    let &[param] = data.params.as_slice() else { return None };
    if uses[param.0 as usize] != 1 {
        return None;
    }
    // What is made here must not be used elsewhere: this block is not passed any more.
    for &inst in &data.insts {
        if !matches!(func.node(inst).op, Op::Const(_) | Op::Cmp(..)) {
            return None;
        }
        let mut here = 0;
        data.term.each_operand(|v| here += u32::from(v == inst));
        if uses[inst.0 as usize] != here {
            return None;
        }
    }
    match &data.term {
        Term::Jump(edge) if edge.args.as_slice() == [param] => {
            Some(places[edge.block.0 as usize]).filter(|&at| at != usize::MAX).map(Asks::Join)
        }
        Term::Branch { cond, a, b, then, other } if *a == param && func.as_const(*b) == Some(0) => {
            if [then, other].iter().any(|edge| edge.args.iter().any(|&arg| func.as_const(arg).is_none())) {
                return None;
            }
            match cond {
                Cond::Ne => Some(Asks::Branch((then.clone(), other.clone()))),
                Cond::Eq => Some(Asks::Branch((other.clone(), then.clone()))),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Leads a block's ways to joins on to where the answers lead.
fn thread(func: &mut Func, from: Block, answers: &Answers) {
    let mut term = func.block(from).term.clone();
    if let Term::Jump(edge) = &term
        && let (Some((yes, no)), Some(&arg)) = (answers.of(edge.block), edge.args.first())
        && func.as_const(arg).is_none()
    {
        let (cond, a, b) = match func.node(arg).op {
            Op::Cmp(cond, a, b) => (cond, a, b),
            _ => {
                let (ty, loc) = (func.node(arg).ty, func.block(from).loc);
                (Cond::Ne, arg, func.push(from, Op::Const(0), ty, loc))
            }
        };
        let (then, other) = (copy_edge(func, from, yes), copy_edge(func, from, no));
        func.block_mut(from).term = Term::Branch { cond, a, b, then, other };
        return;
    }
    // All other ways bring constants along.
    term.each_edge_mut(|edge| {
        if answers.of(edge.block).is_some() {
            let end = answers.end(func, edge);
            *edge = copy_edge(func, from, &end);
        }
    });
    func.block_mut(from).term = term;
}

/// An edge for another block, whose arguments, all constants, are made there.
fn copy_edge(func: &mut Func, from: Block, edge: &Edge) -> Edge {
    let loc = func.block(from).loc;
    let args = edge.args.iter().map(|&arg| {
        let node = func.node(arg).clone();
        func.push(from, node.op, node.ty, loc)
    });
    Edge { block: edge.block, args: args.collect() }
}

/// Edges to blocks that only go on elsewhere lead there at once.
fn skip_empty_blocks(func: &mut Func) {
    let next = |func: &Func, block: Block| -> Option<Block> {
        let data = func.block(block);
        match &data.term {
            Term::Jump(edge)
                if data.insts.is_empty()
                    && data.params.is_empty()
                    && edge.args.is_empty()
                    && block != Func::ENTRY =>
            {
                Some(edge.block)
            }
            _ => None,
        }
    };
    let mut to: Vec<Option<Block>> = func.block_ids().map(|block| next(func, block)).collect();
    if to.iter().all(Option::is_none) {
        return;
    }
    for at in 0..to.len() {
        // Follows the chain, and shortens it; a ring of empty blocks stays.
        let (Some(mut end), mut steps) = (to[at], 0) else { continue };
        while let Some(further) = to[end.0 as usize] {
            (end, steps) = (further, steps + 1);
            if steps > to.len() {
                break;
            }
        }
        let ring = steps > to.len();
        to[at] = if ring { None } else { Some(end) };
    }
    for block in &mut func.blocks {
        block.term.each_edge_mut(|edge| {
            if let Some(end) = to[edge.block.0 as usize] {
                edge.block = end;
            }
        });
    }
}

/// Takes out blocks that nothing leads to, and numbers the others anew.
fn remove_unreachable(func: &mut Func) {
    let mut seen = vec![false; func.blocks.len()];
    let mut todo = vec![Func::ENTRY];
    seen[0] = true;
    let mut count = 0;
    while let Some(block) = todo.pop() {
        count += 1;
        func.block(block).term.each_edge(|edge| {
            if !std::mem::replace(&mut seen[edge.block.0 as usize], true) {
                todo.push(edge.block);
            }
        });
    }
    if count == func.blocks.len() {
        return;
    }
    let mut number = 0;
    let new: Vec<Block> = seen
        .iter()
        .map(|&seen| {
            let block = Block(number);
            number += u32::from(seen);
            block
        })
        .collect();
    let mut seen = seen.into_iter();
    func.blocks.retain(|_| seen.next().unwrap_or(false));
    for block in &mut func.blocks {
        block.term.each_edge_mut(|edge| edge.block = new[edge.block.0 as usize]);
    }
}
