//! Machine instructions over virtual registers: what selection makes and register allocation reads.

use regalloc2::{Block, Function, Inst, InstRange, Operand, PReg, PRegSet, RegClass, VReg};
use skep_insn::{AluOp, AtomicOp, Callee, Cond, EndianOp, MemSize, Reg, Width};

use super::parts::Part;
use crate::ir::{self, Loc, Slot, SymbolId};

/// An instruction. Its operands are in [`Program::operands`], in the order that its kind tells: first what it writes,
/// then what it reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct MInst {
    pub(super) kind: Kind,
    pub(super) first: u32,
    pub(super) count: u16,
    pub(super) loc: Loc,
}

/// What it does. `d` is written, `a`, `b`, `c` are read; `d=a` are one register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Nothing: the place of something that was not needed.
    Nop,
    /// `d..`: the parameters of the function, or what the part before this one has left.
    Args,
    /// `d = imm`.
    Imm(Width, i32),
    /// `d = number`, in two slots.
    Imm64(u64),
    /// `d = symbol + addend`.
    Address(SymbolId, i32),
    /// `d = number` that the loader fills in; in two slots if wide.
    Core { index: u32, wide: bool, width: Width, value: i64 },
    /// `d = frame + offset`.
    Frame(FramePlace),
    /// `d = a`.
    Mov(Width),
    /// `d=a op b`.
    Alu(AluOp, Width),
    /// `d=a op imm`.
    AluImm(AluOp, Width, i32),
    /// `d=-a`.
    Neg(Width),
    /// `d=swapped a`.
    Swap(EndianOp, MemSize),
    /// `d = a`, sign-extended.
    MovSx(Width, MemSize),
    /// `d = a`, from one address space to another.
    Cast { to: u16, from: u16 },
    /// `d = *at`. The register of an address, if it has one, is the last operand, here and below.
    Load { size: MemSize, signed: bool, at: At },
    /// `*at = a`.
    Store { size: MemSize, at: At },
    /// `*at = imm`.
    StoreImm { size: MemSize, at: At, imm: i32 },
    /// `*at op= a`.
    Atomic { op: AtomicOp, size: MemSize, at: At },
    /// `d=a; d = fetch_op(at, d)`.
    Fetch { op: AtomicOp, size: MemSize, at: At },
    /// `d` and `a` in r0: `r0 = cmpxchg(at, r0, b)`.
    CmpXchg { size: MemSize, at: At },
    /// `d` and `a` in r0, which has what is there; `b` is the operand, then two registers that are overwritten:
    /// combines, and exchanges until nobody came in between.
    AtomicLoop { op: ir::AtomicOp, width: Width, size: MemSize, at: At, bounded: bool },
    /// `d = load_acquire(at)`.
    LoadAcquire { size: MemSize, at: At },
    /// `store_release(at, a)`.
    StoreRelease { size: MemSize, at: At },
    /// `d` in r0 if there is a result, arguments in r1 to r5: a helper by number.
    CallHelper(u32),
    /// The same: a function by name.
    Call(SymbolId),
    /// The same, with the function's address as the last operand.
    CallValue,
    /// `d=a`, and unless `b cond c`, `d = e`: operands d, a, b, then c and e unless they are immediates.
    Select { cond: Cond, width: Width, right: Option<i32>, other: Option<i32>, other_width: Width },
    /// Inline assembly: index in [`Program::asms`]. Operands as its text numbers them.
    Asm(u32),
    /// A place: index in [`Program::markers`].
    Marker(u32),
    /// To the only successor.
    Jump,
    /// To the first successor if `a cond b`, else to the second; if inverted, the other way round.
    Branch { cond: Cond, width: Width, inverted: bool },
    /// To the first successor if `a cond imm`, else to the second; if inverted, the other way round.
    BranchImm { cond: Cond, width: Width, imm: i32, inverted: bool },
    /// To the first successor, or to the second if the budget is used up.
    MayGoto,
    /// `d = address of a jump table`: index in [`Program::tables`].
    Table(u32),
    /// To the address in `a`, which is from that table.
    GotoX(u32),
    /// Leaves the function; `a` in r0 if there is a result.
    Exit,
    /// The function does not get here.
    Trap,
    /// Goes on with the next part, which needs `a..`.
    Leave,
}

/// Where memory is accessed.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// So many bytes from the register that is the last operand.
    Reg(i16),
    /// As many bytes as the loader says: index in [`ir::Module::core`], and what it is for the types of the module.
    Core(u32, i16),
    Frame(FramePlace),
}

/// A place in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FramePlace {
    pub(super) slot: Slot,
    /// In bytes from its start.
    pub(super) offset: i32,
}

impl At {
    /// What the loader fills in.
    pub(super) fn core(self) -> Option<u32> {
        match self {
            At::Core(core, _) => Some(core),
            At::Reg(_) | At::Frame(_) => None,
        }
    }
}

impl Kind {
    pub(super) fn ends_block(self) -> bool {
        matches!(
            self,
            Kind::Jump
                | Kind::Branch { .. }
                | Kind::BranchImm { .. }
                | Kind::MayGoto
                | Kind::GotoX(_)
                | Kind::Exit
                | Kind::Trap
                | Kind::Leave
        )
    }

    fn is_call(self) -> bool {
        matches!(self, Kind::CallHelper(_) | Kind::Call(_) | Kind::CallValue)
    }
}

/// A function of machine instructions.
#[derive(Default)]
pub(super) struct Program {
    pub(super) insts: Vec<MInst>,
    pub(super) operands: Vec<Operand>,
    pub(super) blocks: Vec<MBlock>,
    /// Successors, predecessors.
    pub(super) edges: Vec<Block>,
    /// Parameters of blocks, arguments of jumps.
    pub(super) vregs: Vec<VReg>,
    pub(super) vreg_count: u32,
    pub(super) asms: Vec<AsmText>,
    pub(super) markers: Vec<(Box<str>, u8)>,
    /// Jump tables: for each entry, which of the successors of the block that jumps.
    pub(super) tables: Vec<Vec<u32>>,
    /// Slots of our own, behind those of the IR: sizes in bytes, at multiples of eight.
    pub(super) own_slots: Vec<u32>,
}

/// Inline assembly, read.
pub(super) struct AsmText {
    pub(super) lines: Vec<Box<str>>,
    pub(super) clobbers: u16,
}

/// A block: ranges in the lists of its program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MBlock {
    pub(super) insts: (u32, u32),
    pub(super) succs: (u32, u32),
    pub(super) preds: (u32, u32),
    pub(super) params: (u32, u32),
    /// Of its jump.
    pub(super) args: (u32, u32),
    /// How many loops it is in.
    pub(super) depth: u32,
}

fn range((from, to): (u32, u32)) -> std::ops::Range<usize> {
    from as usize..to as usize
}

impl Program {
    pub(super) fn operands_of(&self, inst: &MInst) -> &[Operand] {
        &self.operands[inst.first as usize..][..inst.count.into()]
    }

    /// Where a block leads to, as its part numbers blocks.
    pub(super) fn succs(&self, block: usize) -> &[Block] {
        &self.edges[range(self.blocks[block].succs)]
    }
}

/// The register that a BPF register is for the allocator.
pub(super) const fn preg(reg: Reg) -> PReg {
    PReg::new(reg.number() as usize, RegClass::Int)
}

/// A part of a program, as the register allocator sees it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) program: &'a Program,
    pub(super) part: Part,
}

impl<'a> View<'a> {
    fn block(&self, block: Block) -> &'a MBlock {
        &self.program.blocks[self.part.blocks.0 as usize + block.index()]
    }

    fn inst(&self, inst: Inst) -> &'a MInst {
        &self.program.insts[self.part.insts.0 as usize + inst.index()]
    }
}

impl Function for View<'_> {
    fn num_insts(&self) -> usize {
        range(self.part.insts).len()
    }

    fn num_blocks(&self) -> usize {
        range(self.part.blocks).len()
    }

    fn entry_block(&self) -> Block {
        Block::new(0)
    }

    fn block_insns(&self, block: Block) -> InstRange {
        let (from, to) = self.block(block).insts;
        let inst = |at: u32| Inst::new((at - self.part.insts.0) as usize);
        InstRange::new(inst(from), inst(to))
    }

    fn block_succs(&self, block: Block) -> &[Block] {
        &self.program.edges[range(self.block(block).succs)]
    }

    fn block_preds(&self, block: Block) -> &[Block] {
        &self.program.edges[range(self.block(block).preds)]
    }

    fn block_params(&self, block: Block) -> &[VReg] {
        &self.program.vregs[range(self.block(block).params)]
    }

    fn is_ret(&self, insn: Inst) -> bool {
        matches!(self.inst(insn).kind, Kind::Exit | Kind::Trap | Kind::Leave)
    }

    fn is_branch(&self, insn: Inst) -> bool {
        self.inst(insn).kind.ends_block() && !self.is_ret(insn)
    }

    fn branch_blockparams(&self, block: Block, _insn: Inst, _succ: usize) -> &[VReg] {
        &self.program.vregs[range(self.block(block).args)]
    }

    fn inst_operands(&self, insn: Inst) -> &[Operand] {
        self.program.operands_of(self.inst(insn))
    }

    fn inst_clobbers(&self, insn: Inst) -> PRegSet {
        let inst = self.inst(insn);
        let mut set = PRegSet::empty();
        if inst.kind.is_call() {
            let first = usize::from(inst.writes(&self.program.operands));
            for reg in &Reg::ALL[first..=5] {
                set.add(preg(*reg));
            }
        }
        if let Kind::Asm(index) = inst.kind {
            for reg in &Reg::ALL[..10] {
                if self.program.asms[index as usize].clobbers >> reg.number() & 1 != 0 {
                    set.add(preg(*reg));
                }
            }
        }
        set
    }

    fn num_vregs(&self) -> usize {
        self.part.vreg_count as usize
    }

    fn spillslot_size(&self, _class: RegClass) -> usize {
        1
    }
}

impl MInst {
    /// Whether its first operand is written.
    pub(super) fn writes(&self, operands: &[Operand]) -> bool {
        self.count > 0 && operands[self.first as usize].kind() == regalloc2::OperandKind::Def
    }
}

/// The callee as it stands in the code before relocation.
pub(super) const UNRESOLVED: Callee = Callee::Subprog(-1);
