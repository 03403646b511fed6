//! What textual LLVM IR says, as it is written.

use std::collections::HashMap;

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ty<'a> {
    Void,
    Int(u32),
    /// With its address space.
    Ptr(u32),
    Array(u64, Box<Ty<'a>>),
    Struct {
        packed: bool,
        fields: Vec<Ty<'a>>,
    },
    Named(&'a str),
    /// Floating point, vectors, and what else BPF has not: its name.
    Other(&'a str),
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val<'a> {
    Local(&'a str),
    Global(&'a str),
    Int(i128),
    /// Floating point, as written.
    Float(&'a str),
    Null,
    /// Undefined, or poison: anything will do.
    Undef,
    /// Zeros, of whatever type.
    Zero,
    Bytes(Vec<u8>),
    /// Elements or members.
    List(Vec<Typed<'a>>),
    Gep(Box<Gep<'a>>),
    Cast(Box<Typed<'a>>, Ty<'a>),
    Bin(&'a str, Box<(Typed<'a>, Typed<'a>)>),
    /// The address of a block.
    Block(&'a str, &'a str),
    /// Metadata, which is no value.
    Meta,
}

/// A value and its type.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Typed<'a> {
    pub(super) ty: Ty<'a>,
    pub(super) val: Val<'a>,
}

/// `getelementptr`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Gep<'a> {
    /// What the base points to an array of.
    pub(super) of: Ty<'a>,
    pub(super) base: Typed<'a>,
    pub(super) indices: Vec<Typed<'a>>,
}

/// An instruction.
#[derive(Clone, Debug)]
pub(super) struct Inst<'a> {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    pub(super) dest: Option<&'a str>,
    pub(super) kind: Kind<'a>,
    /// The number of its `!dbg` node.
    pub(super) dbg: Option<&'a str>,
    /// The number of its `!llvm.preserve.access.index` node.
    pub(super) access: Option<&'a str>,
}

/// How memory is accessed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Memory<'a> {
    pub(super) volatile: bool,
    pub(super) order: Option<&'a str>,
    /// In bytes; 0 if not given.
    pub(super) align: u64,
}

/// What an instruction does.
#[derive(Clone, Debug)]
pub(super) enum Kind<'a> {
    Alloca {
        ty: Ty<'a>,
        count: Option<Typed<'a>>,
        align: u64,
    },
    Load {
        ty: Ty<'a>,
        ptr: Typed<'a>,
        memory: Memory<'a>,
    },
    Store {
        value: Typed<'a>,
        ptr: Typed<'a>,
        memory: Memory<'a>,
    },
    Gep(Gep<'a>),
    Bin {
        op: &'a str,
        ty: Ty<'a>,
        a: Val<'a>,
        b: Val<'a>,
    },
    Icmp {
        cond: &'a str,
        ty: Ty<'a>,
        a: Val<'a>,
        b: Val<'a>,
    },
    Cast {
        op: &'a str,
        from: Typed<'a>,
        to: Ty<'a>,
    },
    Phi {
        ty: Ty<'a>,
        from: Vec<(Val<'a>, &'a str)>,
    },
    Select {
        cond: Typed<'a>,
        a: Typed<'a>,
        b: Typed<'a>,
    },
    Call(Box<Call<'a>>),
    Rmw {
        op: &'a str,
        ptr: Typed<'a>,
        value: Typed<'a>,
        memory: Memory<'a>,
    },
    CmpXchg {
        ptr: Typed<'a>,
        expected: Typed<'a>,
        new: Typed<'a>,
        memory: Memory<'a>,
    },
    Fence(&'a str),
    Extract {
        from: Typed<'a>,
        path: Vec<u32>,
    },
    Insert {
        into: Typed<'a>,
        value: Typed<'a>,
        path: Vec<u32>,
    },
    Freeze(Typed<'a>),
    /// `br`, with the other labels if it has a condition.
    Jump(&'a str),
    Branch(Val<'a>, &'a str, &'a str),
    Switch {
        value: Typed<'a>,
        default: &'a str,
        cases: Vec<(i128, &'a str)>,
    },
    IndirectJump(Typed<'a>, Vec<&'a str>),
    /// Assembly that jumps.
    CallBranch {
        call: Box<Call<'a>>,
        normal: &'a str,
        others: Vec<&'a str>,
    },
    Return(Option<Typed<'a>>),
    Unreachable,
    /// `#dbg_declare`: the variable, and the number of its node.
    Declare(&'a str, &'a str),
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    pub(super) ret: Ty<'a>,
    pub(super) callee: Callee<'a>,
    pub(super) args: Vec<Typed<'a>>,
    /// What is said of each argument.
    pub(super) attrs: Vec<Attrs<'a>>,
}

/// What is said of a parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Attrs<'a> {
    /// `elementtype`
    pub(super) element: Option<Ty<'a>>,
    /// In bytes; 0 if not given.
    pub(super) align: u64,
}

/// What is called.
#[derive(Clone, Debug)]
pub(super) enum Callee<'a> {
    Value(Val<'a>),
    Asm { text: &'a str, constraints: &'a str, effects: bool },
}

/// Instructions behind a label; the last one is the end.
#[derive(Clone, Debug)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) insts: Vec<Inst<'a>>,
}

/// A function: defined if it has blocks.
#[derive(Clone, Debug)]
pub(super) struct Func<'a> {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    pub(super) name: &'a str,
    pub(super) words: Vec<&'a str>,
    pub(super) ret: Ty<'a>,
    /// Types and names, which declarations have not.
    pub(super) params: Vec<(Ty<'a>, &'a str)>,
    pub(super) variadic: bool,
    pub(super) section: Option<&'a str>,
    /// Number of its attribute group.
    pub(super) attrs: Option<&'a str>,
    pub(super) dbg: Option<&'a str>,
    pub(super) blocks: Vec<Block<'a>>,
}

/// A variable.
#[derive(Clone, Debug)]
pub(super) struct Global<'a> {
    /// Where it stands, in bytes.
    pub(super) at: usize,
    pub(super) name: &'a str,
    pub(super) words: Vec<&'a str>,
    pub(super) space: u32,
    pub(super) constant: bool,
    pub(super) ty: Ty<'a>,
    pub(super) init: Option<Val<'a>>,
    pub(super) section: Option<&'a str>,
    pub(super) align: u64,
    pub(super) dbg: Option<&'a str>,
}

/// A module.
#[derive(Clone, Debug, Default)]
pub(super) struct Module<'a> {
    pub(super) types: HashMap<&'a str, Ty<'a>>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) funcs: Vec<Func<'a>>,
    /// Words of attribute groups.
    pub(super) attrs: HashMap<&'a str, Vec<&'a str>>,
    /// Nodes as they are written, behind the `=`, by number or name.
    pub(super) nodes: HashMap<&'a str, &'a str>,
    pub(super) big_endian: bool,
}

impl<'a> Val<'a> {
    /// Calls `f` with each local name in a value.
    fn each_local(&self, f: &mut impl FnMut(&'a str)) {
        match self {
            Val::Local(name) => f(name),
            Val::List(items) => items.iter().for_each(|item| item.val.each_local(f)),
            _ => {}
        }
    }
}

impl<'a> Inst<'a> {
    /// Calls `f` with each local name among the operands.
    pub(super) fn each_local(&self, mut f: impl FnMut(&'a str)) {
        let mut one = |val: &Val<'a>| val.each_local(&mut f);
        match &self.kind {
            Kind::Alloca { count, .. } => count.iter().for_each(|count| one(&count.val)),
            Kind::Load { ptr, .. } => one(&ptr.val),
            Kind::Store { value: a, ptr: b, .. }
            | Kind::Rmw { ptr: a, value: b, .. }
            | Kind::Insert { into: a, value: b, .. } => [a, b].into_iter().for_each(|it| one(&it.val)),
            Kind::Gep(gep) => {
                one(&gep.base.val);
                gep.indices.iter().for_each(|index| one(&index.val));
            }
            Kind::Bin { a, b, .. } | Kind::Icmp { a, b, .. } => [a, b].into_iter().for_each(one),
            Kind::Cast { from: it, .. }
            | Kind::Extract { from: it, .. }
            | Kind::Freeze(it)
            | Kind::IndirectJump(it, _)
            | Kind::Return(Some(it))
            | Kind::Switch { value: it, .. } => one(&it.val),
            Kind::Phi { from, .. } => from.iter().for_each(|(val, _)| one(val)),
            Kind::Select { cond, a, b } => [cond, a, b].into_iter().for_each(|it| one(&it.val)),
            Kind::CmpXchg { ptr, expected, new, .. } => {
                [ptr, expected, new].into_iter().for_each(|it| one(&it.val));
            }
            Kind::Call(call) | Kind::CallBranch { call, .. } => {
                if let Callee::Value(val) = &call.callee {
                    one(val);
                }
                call.args.iter().for_each(|arg| one(&arg.val));
            }
            Kind::Branch(cond, ..) => one(cond),
            Kind::Fence(_) | Kind::Jump(_) | Kind::Return(None) | Kind::Unreachable | Kind::Declare(..) => {}
        }
    }

    /// Calls `f` with each label that it leads to.
    pub(super) fn each_label(&self, f: impl FnMut(&'a str)) {
        match &self.kind {
            Kind::Jump(to) => [*to].into_iter().for_each(f),
            Kind::Branch(_, then, other) => [*then, *other].into_iter().for_each(f),
            Kind::Switch { default, cases, .. } => {
                cases.iter().map(|(_, to)| *to).chain([*default]).for_each(f);
            }
            Kind::IndirectJump(_, labels) => labels.iter().copied().for_each(f),
            Kind::CallBranch { normal, others, .. } => {
                others.iter().copied().chain([*normal]).for_each(f);
            }
            _ => {}
        }
    }
}
