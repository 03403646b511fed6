//! What instructions read and write: registers, and slots of spilled registers.

use skep_insn::{AluOp, AtomicOp, Insn, Operand, Reg, Width};

use super::emit::{Asm, Note, PExit, PInst};

/// A set of registers, by number, and of spill slots behind them.
pub(super) type Set = u64;

/// How many spill slots a set has room for.
const SLOTS: u32 = Set::BITS - FIRST_SLOT;
const FIRST_SLOT: u32 = 11;

/// Registers that a call leaves behind with something else.
const CLOBBERED: Set = 0b11_1111;

pub(super) const fn bit(reg: Reg) -> Set {
    1 << reg.number()
}

/// The bit of a spill slot; none for one too many, of which nothing is known then.
fn slot_bit(slot: u32) -> Set {
    if slot < SLOTS { 1 << (slot + FIRST_SLOT) } else { 0 }
}

/// What an instruction reads and writes.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) reads: Set,
    /// What has another value behind it, for sure.
    pub(super) kills: Set,
    /// What may have another value behind it.
    pub(super) writes: Set,
    /// Registers that it reads or writes because they are these very ones.
    pub(super) fixed: Set,
    /// It may be left out if nothing reads what it writes.
    pub(super) pure: bool,
    /// There are jumps about it.
    pub(super) opaque: bool,
}

impl Facts {
    /// Those of an instruction; the one before it may be a jump over it.
    pub(super) fn of(inst: &PInst, is_skipped: bool) -> Facts {
        let mut facts = Facts { reads: read(&inst.insn), ..Facts::default() };
        facts.writes = inst.insn.written().map_or(0, bit);
        facts.pure = matches!(
            inst.insn,
            Insn::Alu { .. }
                | Insn::Neg { .. }
                | Insn::MovSx { .. }
                | Insn::EndianSwap { .. }
                | Insn::AddrSpaceCast { .. }
                | Insn::LoadImm64 { .. }
        );
        match inst.insn {
            Insn::Call(_) | Insn::CallX { .. } => {
                facts.reads |= Set::from(inst.args);
                facts.writes |= CLOBBERED;
                facts.fixed = CLOBBERED;
            }
            Insn::LoadPacket { .. } => {
                facts.reads |= bit(Reg::R6);
                facts.writes |= CLOBBERED;
                facts.fixed = CLOBBERED | bit(Reg::R6);
            }
            Insn::Atomic { op: AtomicOp::CmpXchg, .. } => {
                facts.reads |= bit(Reg::R0);
                facts.writes |= bit(Reg::R0);
                facts.fixed = bit(Reg::R0);
            }
            _ => {}
        }
        facts.kills = facts.writes;
        match inst.note {
            Note::Marker(_) => return Facts { opaque: true, ..Facts::default() },
            Note::Spill(slot) if matches!(inst.insn, Insn::Load { .. }) => {
                facts.reads |= slot_bit(slot);
                facts.pure = true;
            }
            Note::Spill(slot) => {
                facts.writes |= slot_bit(slot);
                facts.kills |= slot_bit(slot);
                facts.pure = slot_bit(slot) != 0;
            }
            Note::Opaque => {
                facts.kills = 0;
                facts.pure = false;
                facts.opaque = true;
            }
            Note::None | Note::Symbol(..) | Note::Core(_) | Note::Table(_) | Note::Skip => {}
        }
        if is_skipped {
            facts.reads |= facts.writes;
            facts.kills = 0;
            facts.pure = false;
        }
        facts
    }
}

fn operand(src: Operand) -> Set {
    match src {
        Operand::Reg(reg) => bit(reg),
        Operand::Imm(_) => 0,
    }
}

/// Registers that an instruction names and reads.
fn read(insn: &Insn) -> Set {
    match *insn {
        Insn::Alu { op: AluOp::Mov, src, .. } => operand(src),
        Insn::Alu { dst, src, .. } | Insn::JumpIf { dst, src, .. } => bit(dst) | operand(src),
        Insn::Neg { dst, .. } | Insn::EndianSwap { dst, .. } => bit(dst),
        Insn::MovSx { src, .. } | Insn::AddrSpaceCast { src, .. } => bit(src),
        Insn::Load { base, .. } | Insn::LoadAcquire { base, .. } => bit(base),
        Insn::Store { base, src, .. } => bit(base) | operand(src),
        Insn::Atomic { base, src, .. } | Insn::StoreRelease { base, src, .. } => bit(base) | bit(src),
        Insn::LoadPacket { index, .. } => index.map_or(0, bit),
        Insn::GotoX { dst } | Insn::CallX { dst } => bit(dst),
        Insn::LoadImm64 { .. } | Insn::Jump { .. } | Insn::MayGoto { .. } | Insn::Call(_) | Insn::Exit => 0,
    }
}

/// Calls `f` with registers that an instruction names: with those that it only reads, and, if `all`, with the others.
pub(super) fn rename(insn: &mut Insn, all: bool, mut f: impl FnMut(Reg) -> Reg) {
    let mut both = |reg: &mut Reg, is_only_read: bool| {
        if all || is_only_read {
            *reg = f(*reg);
        }
    };
    let mut operand = None;
    match insn {
        Insn::Alu { dst, src, .. } => {
            both(dst, false);
            operand = Some(src);
        }
        Insn::JumpIf { dst, src, .. } => {
            both(dst, true);
            operand = Some(src);
        }
        Insn::Neg { dst, .. } | Insn::EndianSwap { dst, .. } | Insn::LoadImm64 { dst, .. } => {
            both(dst, false)
        }
        Insn::MovSx { dst, src, .. } | Insn::AddrSpaceCast { dst, src, .. } => {
            both(dst, false);
            both(src, true);
        }
        Insn::Load { dst, base, .. } | Insn::LoadAcquire { dst, base, .. } => {
            both(dst, false);
            both(base, true);
        }
        Insn::Store { base, src, .. } => {
            both(base, true);
            operand = Some(src);
        }
        Insn::Atomic { base, src, op, fetch, .. } => {
            both(base, true);
            both(src, !*fetch || *op == AtomicOp::CmpXchg);
        }
        Insn::StoreRelease { base, src, .. } => {
            both(base, true);
            both(src, true);
        }
        Insn::CallX { dst } => both(dst, true),
        Insn::LoadPacket { .. } | Insn::GotoX { .. } | Insn::Exit => {}
        Insn::Jump { .. } | Insn::MayGoto { .. } | Insn::Call(_) => {}
    }
    if let Some(Operand::Reg(reg)) = operand {
        both(reg, true);
    }
}

/// Destination and source, if an instruction copies all of a register.
pub(super) fn copied(insn: &Insn) -> Option<(Reg, Reg)> {
    match *insn {
        Insn::Alu { op: AluOp::Mov, width: Width::W64, dst, src: Operand::Reg(src) } => Some((dst, src)),
        _ => None,
    }
}

impl PExit {
    /// What the end of a block reads.
    pub(super) fn reads(self) -> Set {
        match self {
            PExit::Branch { dst, src, .. } => bit(dst) | operand(src),
            PExit::GotoX { dst, .. } => bit(dst),
            PExit::Exit => bit(Reg::R0),
            PExit::Jump(_) | PExit::MayGoto { .. } => 0,
        }
    }

    /// The same end with other registers; `r0` of an exit stays.
    pub(super) fn rename(&mut self, mut f: impl FnMut(Reg) -> Reg) {
        match self {
            PExit::Branch { dst, src, .. } => {
                *dst = f(*dst);
                if let Operand::Reg(src) = src {
                    *src = f(*src);
                }
            }
            PExit::GotoX { dst, .. } => *dst = f(*dst),
            PExit::Jump(_) | PExit::MayGoto { .. } | PExit::Exit => {}
        }
    }
}

/// Whether an instruction of a block is jumped over by the one before.
pub(super) fn is_skipped(asm: &Asm, from: u32, at: u32) -> bool {
    at > from && asm.insts[at as usize - 1].note == Note::Skip
}

/// What is read later, at the beginning of each block.
pub(super) fn live(asm: &Asm) -> Vec<Set> {
    // What each block reads before it writes it, and what it surely writes.
    let own: Vec<(Set, Set)> = asm
        .blocks
        .iter()
        .map(|block| {
            let (mut reads, mut kills) = (block.exit.reads(), 0);
            for at in (block.from..block.to).rev() {
                let facts = Facts::of(&asm.insts[at as usize], is_skipped(asm, block.from, at));
                reads = reads & !facts.kills | facts.reads;
                kills |= facts.kills;
            }
            (reads, kills)
        })
        .collect();
    let mut live: Vec<Set> = own.iter().map(|own| own.0).collect();
    loop {
        let mut changed = false;
        for block in (0..own.len()).rev() {
            let out = live_out(asm, &live, super::index(block));
            let now = own[block].0 | out & !own[block].1;
            changed |= live[block] != now;
            live[block] = now;
        }
        if !changed {
            return live;
        }
    }
}

/// What is read behind a block.
pub(super) fn live_out(asm: &Asm, live: &[Set], block: u32) -> Set {
    asm.targets(block).fold(0, |out, to| out | live[to as usize])
}
