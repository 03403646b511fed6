//! Functions: blocks, instructions, and the edges between them.

use skep_btf::TypeId;
use smallvec::SmallVec;

use super::{Cond, Loc, Op, Signature, SymbolId, Type};

/// An instruction, and the value it makes: an index in [`Func::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub u32);

/// Index in [`Func::blocks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Block(pub u32);

/// Index in [`Func::slots`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// A short list of values.
pub type Values = SmallVec<[Value; 4]>;

/// A function with a body.
#[derive(Clone, Debug, PartialEq)]
pub struct Func {
    /// The symbol that names it; it has its linkage and section.
    pub symbol: SymbolId,
    /// What it takes and returns. The parameters of the entry block have these types.
    pub sig: Signature,
    /// Its FUNC_PROTO in [`super::Module::types`].
    pub ty: Option<TypeId>,
    /// Whether it may become a part of its callers.
    pub inline: Inline,
    /// Stack slots.
    pub slots: Vec<SlotData>,
    /// Blocks; the first one is the entry, and no edge leads there.
    pub blocks: Vec<BlockData>,
    /// Instructions and parameters, in the order in which they were made; which are alive is told by the blocks.
    pub nodes: Vec<Node>,
    /// Where it is declared.
    pub loc: Loc,
}

/// Whether a function may become a part of its callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Inline {
    /// If that pays, and the function is local.
    #[default]
    Auto,
    /// Always, if the function is local.
    Always,
    /// Never.
    Never,
}

/// Who sees a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Linkage {
    /// This module alone.
    Local,
    /// Everybody.
    #[default]
    Global,
    /// Everybody; gives way to a global definition.
    Weak,
    /// All objects of one link, nobody beyond (`STV_HIDDEN`).
    Hidden,
}

/// An instruction, or a parameter of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// The type of its value, if it makes one.
    pub ty: Option<Type>,
    /// The source line it comes from.
    pub loc: Loc,
}

/// A piece of the stack frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotData {
    /// The variable it holds, for messages.
    pub name: Option<Box<str>>,
    /// Its size in bytes.
    pub size: u32,
    /// Its alignment in bytes, a power of two up to 8.
    pub align: u32,
}

/// A list of instructions that are executed one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockData {
    /// Values that edges bring along; nodes whose `op` is [`Op::Param`].
    pub params: Vec<Value>,
    /// Instructions in order.
    pub insts: Vec<Value>,
    /// How it ends.
    pub term: Term,
    /// The source line of its end.
    pub loc: Loc,
}

/// How a block ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Term {
    /// Not known yet: only while a function is being built.
    Open,
    /// Goes there.
    Jump(Edge),
    /// Compares, and goes one way or the other.
    Branch {
        /// What is asked.
        cond: Cond,
        /// The left side.
        a: Value,
        /// The right side, of the same type.
        b: Value,
        /// Where it holds.
        then: Edge,
        /// Where it does not.
        other: Edge,
    },
    /// Goes where the value's case leads.
    Switch {
        /// An integer.
        value: Value,
        /// Different constants, as [`Type::canonical`] keeps them.
        cases: Vec<(i64, Edge)>,
        /// Where no case fits.
        default: Edge,
    },
    /// `may_goto` (cpu v4, Linux 6.9): goes to `again` until the kernel has had enough, then to `done`. What bounds
    /// loops that the verifier cannot count.
    MayGoto {
        /// As a rule.
        again: Edge,
        /// When the budget is used up.
        done: Edge,
    },
    /// Leaves the function.
    Return(Option<Value>),
    /// Is never reached.
    Unreachable,
}

/// A way from one block to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Where it leads.
    pub block: Block,
    /// One value for each parameter there.
    pub args: Values,
}

impl Edge {
    /// A way that brings nothing along.
    #[must_use]
    pub fn to(block: Block) -> Edge {
        Edge { block, args: Values::new() }
    }
}

impl Func {
    /// The block where it starts.
    pub const ENTRY: Block = Block(0);

    /// A function whose entry block has its parameters, and is open.
    #[must_use]
    pub fn new(symbol: SymbolId, sig: Signature, loc: Loc) -> Func {
        let mut func = Func {
            symbol,
            ty: None,
            inline: Inline::Auto,
            slots: Vec::new(),
            blocks: Vec::new(),
            nodes: Vec::new(),
            sig,
            loc,
        };
        let entry = func.new_block(loc);
        for i in 0..func.sig.params.len() {
            let ty = func.sig.params[i];
            func.new_param(entry, ty, loc);
        }
        func
    }

    /// Adds a block without parameters, open.
    pub fn new_block(&mut self, loc: Loc) -> Block {
        let block = Block(index(self.blocks.len()));
        self.blocks.push(BlockData { params: Vec::new(), insts: Vec::new(), term: Term::Open, loc });
        block
    }

    /// Adds a parameter to a block.
    pub fn new_param(&mut self, block: Block, ty: Type, loc: Loc) -> Value {
        let value = self.new_node(Op::Param, Some(ty), loc);
        self.block_mut(block).params.push(value);
        value
    }

    /// Adds an instruction that stands in no block yet.
    pub fn new_node(&mut self, op: Op, ty: Option<Type>, loc: Loc) -> Value {
        let value = Value(index(self.nodes.len()));
        self.nodes.push(Node { op, ty, loc });
        value
    }

    /// Adds an instruction at the end of a block.
    pub fn push(&mut self, block: Block, op: Op, ty: Option<Type>, loc: Loc) -> Value {
        let value = self.new_node(op, ty, loc);
        self.block_mut(block).insts.push(value);
        value
    }

    /// Adds a stack slot.
    pub fn new_slot(&mut self, slot: SlotData) -> Slot {
        let id = Slot(index(self.slots.len()));
        self.slots.push(slot);
        id
    }

    /// A block.
    ///
    /// # Panics
    /// If it is of another function.
    #[must_use]
    pub fn block(&self, block: Block) -> &BlockData {
        &self.blocks[block.0 as usize]
    }

    /// A block, to be changed.
    ///
    /// # Panics
    /// If it is of another function.
    pub fn block_mut(&mut self, block: Block) -> &mut BlockData {
        &mut self.blocks[block.0 as usize]
    }

    /// An instruction.
    ///
    /// # Panics
    /// If it is of another function.
    #[must_use]
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0 as usize]
    }

    /// An instruction, to be changed.
    ///
    /// # Panics
    /// If it is of another function.
    pub fn node_mut(&mut self, value: Value) -> &mut Node {
        &mut self.nodes[value.0 as usize]
    }

    /// The type of a value.
    ///
    /// # Panics
    /// If the instruction makes none, which the validator refuses, or is of another function.
    #[must_use]
    pub fn ty(&self, value: Value) -> Type {
        self.node(value).ty.expect("an operand has a type")
    }

    /// The number that a value is, if it is a constant.
    #[must_use]
    pub fn as_const(&self, value: Value) -> Option<i64> {
        match self.node(value).op {
            Op::Const(number) => Some(number),
            _ => None,
        }
    }

    /// All block ids, in the order of the list.
    pub fn block_ids(&self) -> impl DoubleEndedIterator<Item = Block> + ExactSizeIterator + use<> {
        (0..index(self.blocks.len())).map(Block)
    }
}

/// A length as an index. Lists of a function cannot grow beyond 32 bits: each entry takes more than one byte, and the
/// builder refuses a function long before that.
pub(crate) fn index(len: usize) -> u32 {
    u32::try_from(len).expect("fewer than 2^32 entries")
}
