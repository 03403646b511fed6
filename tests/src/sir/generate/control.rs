//! Control flow: branches, switches, loops, and what is not structured at all.

use skep_codegen::ir::{BinOp, Block, Cond, Edge, Op, Term, Type, Value};

use super::{Around, Profile, Writer, int_type};

impl Writer<'_> {
    /// Ends the block at hand by going to `join` or, now and then, elsewhere.
    fn finish(&mut self, join: Block, types: &[Type]) {
        if self.random.once_in(12) && self.depth > 0 {
            return self.give_back_early();
        }
        if self.random.once_in(5)
            && let Some(around) = self.loops.last()
        {
            let (block, types) = match self.random.once_in(2) {
                true => (around.leave, around.leave_types.clone()),
                false => (around.latch, around.latch_types.clone()),
            };
            let edge = self.edge(block, &types);
            return self.end(Term::Jump(edge));
        }
        let edge = self.edge(join, types);
        self.end(Term::Jump(edge));
    }

    fn give_back_early(&mut self) {
        let value = self.func.sig.ret.map(|ty| self.int(ty));
        self.end(Term::Return(value));
    }

    /// A block, and its parameters as integers that may be used from now on.
    pub(super) fn join(&mut self, block: Block, types: &[Type]) {
        self.at = block;
        for &ty in types {
            let param = self.param(block, ty);
            self.ints.push(param);
        }
    }

    /// A way that does something before it reaches `join`, or leads there at once.
    fn way(&mut self, join: Block, types: &[Type]) -> (Edge, Option<Block>) {
        if self.random.once_in(4) {
            return (self.edge(join, types), None);
        }
        let block = self.block();
        (Edge::to(block), Some(block))
    }

    fn fill_way(&mut self, block: Option<Block>, join: Block, types: &[Type]) {
        let Some(block) = block else { return };
        self.scoped(|w| {
            w.at = block;
            let size = w.random.below(6);
            w.statements(size);
            w.finish(join, types);
        });
    }

    /// One way or another, which meet again.
    pub(super) fn if_else(&mut self) {
        let (cond, a, b) = self.condition();
        let types = self.types(3);
        let join = self.block();
        let (then, then_block) = self.way(join, &types);
        let (other, other_block) = self.way(join, &types);
        self.end(Term::Branch { cond, a, b, then, other });
        self.fill_way(then_block, join, &types);
        self.fill_way(other_block, join, &types);
        self.join(join, &types);
    }

    /// Many ways.
    pub(super) fn switch(&mut self) {
        let ty = int_type(self.random);
        let mut value = self.int(ty);
        let types = self.types(2);
        let join = self.block();
        let mut first = self.random.value().cast_signed();
        let dense = self.random.once_in(2);
        if dense && ty.bits() >= 8 && self.random.once_in(2) {
            // Most numbers have a case.
            let mask = self.constant(ty, 31);
            value = self.push(Op::Bin(BinOp::And, value, mask), Some(ty));
            first = 2;
        }
        let mut cases: Vec<(i64, Edge)> = Vec::new();
        let mut blocks = Vec::new();
        let most = if self.random.once_in(6) { 40 } else { 8 };
        for index in 0..self.random.below(most) {
            let number = match dense {
                true => first.wrapping_add(i64::try_from(index).expect("small")),
                false => self.random.value().cast_signed(),
            };
            let number = ty.canonical(number);
            if cases.iter().any(|(case, _)| *case == number) {
                continue;
            }
            let edge = match blocks.last() {
                Some(&Some(block)) if self.random.once_in(4) => Edge::to(block),
                // Of many cases, most lead on at once.
                _ if index > 8 => self.edge(join, &types),
                _ => {
                    let (edge, block) = self.way(join, &types);
                    blocks.push(block);
                    edge
                }
            };
            cases.push((number, edge));
        }
        let (default, block) = self.way(join, &types);
        blocks.push(block);
        self.end(Term::Switch { value, cases, default });
        for block in blocks {
            self.fill_way(block, join, &types);
        }
        self.join(join, &types);
    }

    /// How often a loop that is written now may run.
    fn trips(&mut self) -> usize {
        let (most, total) = match self.profile {
            Profile::User => (12, 600),
            Profile::Kernel => (5, 12),
        };
        let most = most.min(total / self.rounds);
        if most == 0 { 0 } else { self.random.below(most + 1) }
    }

    /// A loop that counts.
    pub(super) fn repeat(&mut self) {
        let trips = self.trips();
        let carried = self.types(3);
        let counter =
            self.random.pick(&[Type::I32, Type::I32, Type::I64, Type::I64, Type::I8, Type::Int(13)]);
        let down = self.random.once_in(3);
        let trips_value = i64::try_from(trips).expect("small");
        let (first, last) = if down { (trips_value, 0) } else { (0, trips_value) };
        let (header, latch, leave) = (self.block(), self.block(), self.block());
        let tested_first = trips == 0 || self.random.once_in(2);

        let first = self.constant(counter, first);
        let mut enter = self.edge(header, &carried);
        enter.args.insert(0, first);
        self.end(Term::Jump(enter));
        self.scoped(|w| {
            w.at = header;
            w.rounds *= trips.max(1);
            let count = w.param(header, counter);
            w.ints.push(count);
            for &ty in &carried {
                let param = w.param(header, ty);
                w.ints.push(param);
            }
            if tested_first {
                let body = w.block();
                let leave = w.edge(leave, &carried);
                let term = w.test(count, counter, last, down, Edge::to(body), leave);
                w.end(term);
                w.at = body;
            }
            w.loops.push(Around { leave, leave_types: carried.clone(), latch, latch_types: carried.clone() });
            let size = 1 + w.random.below(6);
            w.scoped(|w| {
                w.statements(size);
                let edge = w.edge(latch, &carried);
                w.end(Term::Jump(edge));
            });
            w.loops.pop();
            w.latch(header, latch, leave, &carried, (count, counter, last, down), tested_first);
        });
        self.join(leave, &carried);
    }

    /// Goes on to the next round.
    fn latch(
        &mut self,
        header: Block,
        latch: Block,
        leave: Block,
        carried: &[Type],
        (count, counter, last, down): (Value, Type, i64, bool),
        tested_first: bool,
    ) {
        self.at = latch;
        let values: Vec<Value> = carried.iter().map(|&ty| self.param(latch, ty)).collect();
        self.ints.extend(&values);
        let one = self.constant(counter, 1);
        let op = if down { BinOp::Sub } else { BinOp::Add };
        let next = self.push(Op::Bin(op, count, one), Some(counter));
        let mut again = Edge { block: header, args: values.into() };
        if self.random.once_in(4) {
            again = self.edge(header, carried);
        }
        again.args.insert(0, next);
        if tested_first {
            return self.end(Term::Jump(again));
        }
        let leave = self.edge(leave, carried);
        let term = self.test(next, counter, last, down, again, leave);
        self.end(term);
    }

    /// Goes on while the count has not reached its end.
    fn test(&mut self, count: Value, ty: Type, last: i64, down: bool, more: Edge, done: Edge) -> Term {
        let b = self.constant(ty, last);
        let conds: &[Cond] = match down {
            true => &[Cond::Ne, Cond::Sgt, Cond::Ugt],
            false => &[Cond::Ne, Cond::Slt, Cond::Ult],
        };
        let cond = self.random.pick(conds);
        match self.random.once_in(3) {
            true => Term::Branch { cond: cond.inverse(), a: count, b, then: done, other: more },
            false => Term::Branch { cond, a: count, b, then: more, other: done },
        }
    }

    /// Blocks that lead to each other in any way, as long as the fuel lasts.
    pub(super) fn tangle(&mut self) {
        let fuel_at_first: usize = match self.profile {
            Profile::User => 1 + self.random.below(20),
            Profile::Kernel => 1 + self.random.below(3),
        };
        if self.rounds * fuel_at_first > 1000 {
            return;
        }
        let types = self.types(4);
        let count = 2 + self.random.below(4);
        let leave = self.block();
        let blocks: Vec<Block> = (0..count).map(|_| self.block()).collect();
        let fuel = self.constant(Type::I32, i64::try_from(fuel_at_first).expect("small"));
        let enter = self.burning(&blocks, &types, fuel);
        self.end(Term::Jump(enter));
        self.scoped(|w| {
            w.rounds *= fuel_at_first;
            for &block in &blocks {
                w.scoped(|w| w.tangled(block, &blocks, leave, &types));
            }
        });
        self.join(leave, &types);
    }

    fn tangled(&mut self, block: Block, blocks: &[Block], leave: Block, types: &[Type]) {
        self.at = block;
        let fuel = self.param(block, Type::I32);
        for &ty in types {
            let param = self.param(block, ty);
            self.ints.push(param);
        }
        let size = self.random.below(3);
        self.statements(size);
        let one = self.constant(Type::I32, 1);
        let less = self.push(Op::Bin(BinOp::Sub, fuel, one), Some(Type::I32));
        let zero = self.constant(Type::I32, 0);
        let more = self.block();
        let done = self.edge(leave, types);
        self.end(Term::Branch { cond: Cond::Eq, a: less, b: zero, then: done, other: Edge::to(more) });
        self.at = more;
        match self.random.below(3) {
            0 => {
                let edge = self.burning(blocks, types, less);
                self.end(Term::Jump(edge));
            }
            1 => {
                let (cond, a, b) = self.condition();
                let then = self.burning(blocks, types, less);
                let other = self.burning(blocks, types, less);
                self.end(Term::Branch { cond, a, b, then, other });
            }
            _ => {
                let value = self.int(Type::I8);
                let cases = (0..3).map(|case| (case, self.burning(blocks, types, less))).collect();
                let default = self.burning(blocks, types, less);
                self.end(Term::Switch { value, cases, default });
            }
        }
    }

    fn burning(&mut self, blocks: &[Block], types: &[Type], fuel: Value) -> Edge {
        let block = self.random.pick(blocks);
        let mut edge = self.edge(block, types);
        edge.args.insert(0, fuel);
        edge
    }
}
