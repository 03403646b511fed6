//! Operands and successors: what passes walk along.

use super::{Callee, Edge, Func, Loc, Node, Op, Term, Value};

impl Op {
    /// Calls `f` with each operand, in order.
    pub fn each_operand(&self, mut f: impl FnMut(Value)) {
        match self {
            Op::Param | Op::Const(_) | Op::Fence(_) | Op::Slot(_) | Op::Symbol(_) | Op::Core(_) => {}
            Op::Marker { .. } => {}
            Op::Bin(_, a, b) | Op::Cmp(_, a, b) | Op::PtrDiff(a, b) => [a, b].into_iter().for_each(|v| f(*v)),
            Op::Un(_, a) | Op::Cast(_, a) | Op::Pin(a) => f(*a),
            Op::Select(c, a, b) => [c, a, b].into_iter().for_each(|v| f(*v)),
            Op::PtrAdd { base, index, .. } => {
                f(*base);
                index.iter().for_each(|v| f(*v));
            }
            Op::Load { ptr, .. } => f(*ptr),
            Op::Store { ptr, value, .. } | Op::Atomic { ptr, value, .. } => {
                [ptr, value].into_iter().for_each(|v| f(*v))
            }
            Op::CmpXchg { ptr, expected, new, .. } => [ptr, expected, new].into_iter().for_each(|v| f(*v)),
            Op::Copy { dst, src, .. } => [dst, src].into_iter().for_each(|v| f(*v)),
            Op::Fill { dst, .. } => f(*dst),
            Op::Call { callee, args } => {
                if let Callee::Value(target) = callee {
                    f(*target);
                }
                args.iter().for_each(|v| f(*v));
            }
            Op::Asm(asm) => asm.inputs.iter().for_each(|v| f(*v)),
        }
    }

    /// Calls `f` with each operand, in order, to be changed.
    pub fn each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Op::Param | Op::Const(_) | Op::Fence(_) | Op::Slot(_) | Op::Symbol(_) | Op::Core(_) => {}
            Op::Marker { .. } => {}
            Op::Bin(_, a, b) | Op::Cmp(_, a, b) | Op::PtrDiff(a, b) => [a, b].into_iter().for_each(f),
            Op::Un(_, a) | Op::Cast(_, a) | Op::Pin(a) => f(a),
            Op::Select(c, a, b) => [c, a, b].into_iter().for_each(f),
            Op::PtrAdd { base, index, .. } => {
                f(base);
                index.iter_mut().for_each(f);
            }
            Op::Load { ptr, .. } => f(ptr),
            Op::Store { ptr, value, .. } | Op::Atomic { ptr, value, .. } => {
                [ptr, value].into_iter().for_each(f)
            }
            Op::CmpXchg { ptr, expected, new, .. } => [ptr, expected, new].into_iter().for_each(f),
            Op::Copy { dst, src, .. } => [dst, src].into_iter().for_each(f),
            Op::Fill { dst, .. } => f(dst),
            Op::Call { callee, args } => {
                if let Callee::Value(target) = callee {
                    f(target);
                }
                args.iter_mut().for_each(f);
            }
            Op::Asm(asm) => asm.inputs.iter_mut().for_each(f),
        }
    }

    /// Whether it does nothing but make its value of its operands: it may be left out when that is unused, and done
    /// twice. Loads are not among them.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        matches!(
            self,
            Op::Const(_)
                | Op::Bin(..)
                | Op::Un(..)
                | Op::Cast(..)
                | Op::Cmp(..)
                | Op::Select(..)
                | Op::PtrAdd { .. }
                | Op::PtrDiff(..)
                | Op::Slot(_)
                | Op::Symbol(_)
                | Op::Core(_)
        )
    }

    /// Whether it may be left out when its value is unused.
    #[must_use]
    pub fn is_removable(&self) -> bool {
        match self {
            Op::Load { access, .. } => !access.volatile,
            Op::Asm(asm) => !asm.volatile,
            Op::Pin(_) => true,
            _ => self.is_pure(),
        }
    }

    /// Whether it may write memory, or do anything else that other code sees.
    #[must_use]
    pub fn writes_memory(&self) -> bool {
        match self {
            Op::Store { .. } | Op::Atomic { .. } | Op::CmpXchg { .. } | Op::Fence(_) => true,
            Op::Copy { .. } | Op::Fill { .. } | Op::Call { .. } | Op::Marker { .. } => true,
            Op::Load { access, .. } => !access.is_plain(),
            Op::Asm(asm) => asm.memory || asm.volatile,
            _ => false,
        }
    }
}

impl Term {
    /// Calls `f` with each operand: of the compare, the switch or the return, then the arguments of each edge.
    pub fn each_operand(&self, mut f: impl FnMut(Value)) {
        self.each_asked(&mut f);
        self.each_edge(|edge| edge.args.iter().for_each(|v| f(*v)));
    }

    /// Calls `f` with what it reads itself: not with what its edges bring along.
    pub(crate) fn each_asked(&self, mut f: impl FnMut(Value)) {
        match self {
            Term::Branch { a, b, .. } => [a, b].into_iter().for_each(|v| f(*v)),
            Term::Switch { value, .. } => f(*value),
            Term::Return(value) => value.iter().for_each(|v| f(*v)),
            Term::Open | Term::Jump(_) | Term::MayGoto { .. } | Term::Unreachable => {}
        }
    }

    /// Calls `f` with each operand, to be changed.
    pub fn each_operand_mut(&mut self, mut f: impl FnMut(&mut Value)) {
        match self {
            Term::Branch { a, b, .. } => [a, b].into_iter().for_each(&mut f),
            Term::Switch { value, .. } => f(value),
            Term::Return(value) => value.iter_mut().for_each(&mut f),
            Term::Open | Term::Jump(_) | Term::MayGoto { .. } | Term::Unreachable => {}
        }
        self.each_edge_mut(|edge| edge.args.iter_mut().for_each(&mut f));
    }

    /// Calls `f` with each edge, in the order: then, other; again, done; cases, default.
    pub fn each_edge(&self, mut f: impl FnMut(&Edge)) {
        match self {
            Term::Jump(edge) => f(edge),
            Term::Branch { then, other, .. } => [then, other].into_iter().for_each(f),
            Term::MayGoto { again, done } => [again, done].into_iter().for_each(f),
            Term::Switch { cases, default, .. } => {
                cases.iter().for_each(|(_, edge)| f(edge));
                f(default);
            }
            Term::Open | Term::Return(_) | Term::Unreachable => {}
        }
    }

    /// Calls `f` with each edge, to be changed.
    pub fn each_edge_mut(&mut self, mut f: impl FnMut(&mut Edge)) {
        match self {
            Term::Jump(edge) => f(edge),
            Term::Branch { then, other, .. } => [then, other].into_iter().for_each(f),
            Term::MayGoto { again, done } => [again, done].into_iter().for_each(f),
            Term::Switch { cases, default, .. } => {
                cases.iter_mut().for_each(|(_, edge)| f(edge));
                f(default);
            }
            Term::Open | Term::Return(_) | Term::Unreachable => {}
        }
    }
}

impl Func {
    /// Replaces values everywhere by what `with` says of them, following chains: `with[v] = w` means `w` for `v`.
    /// A value that stands for itself stays.
    pub fn replace_values(&mut self, with: &mut [Value]) {
        for at in 0..with.len() {
            let mut to = with[at];
            while with[to.0 as usize] != to {
                to = with[to.0 as usize];
            }
            with[at] = to;
        }
        let Func { blocks, nodes, .. } = self;
        for block in blocks {
            for &inst in &block.insts {
                nodes[inst.0 as usize].op.each_operand_mut(|v| *v = with[v.0 as usize]);
            }
            block.term.each_operand_mut(|v| *v = with[v.0 as usize]);
        }
    }

    /// Gives values new numbers, in the order of blocks, if most nodes are in no block: what walks over a function
    /// keeps tables by node, and is slow where nodes that follow each other are far apart.
    pub(crate) fn drop_dead_nodes(&mut self) {
        let live: usize = self.blocks.iter().map(|block| block.params.len() + block.insts.len()).sum();
        if self.nodes.len() < 2 * live {
            return;
        }
        let mut numbers = vec![Value(u32::MAX); self.nodes.len()];
        let mut nodes = Vec::with_capacity(live);
        let mut next = 0;
        for block in &mut self.blocks {
            for value in block.params.iter_mut().chain(&mut block.insts) {
                let at = value.0 as usize;
                let empty = Node { op: Op::Param, ty: None, loc: Loc::UNKNOWN };
                nodes.push(std::mem::replace(&mut self.nodes[at], empty));
                numbers[at] = Value(next);
                *value = Value(next);
                next += 1;
            }
        }
        for node in &mut nodes {
            node.op.each_operand_mut(|v| *v = numbers[v.0 as usize]);
        }
        for block in &mut self.blocks {
            block.term.each_operand_mut(|v| *v = numbers[v.0 as usize]);
        }
        self.nodes = nodes;
    }
}
