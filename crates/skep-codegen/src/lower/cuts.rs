//! Short lives in long functions.
//!
//! The allocator takes more than linear time for values that live long. Where a long function can be cut, that is where
//! all ways pass, values that live across the cut go on in registers of their own, at the cost of a move each.

use regalloc2::{Operand, VReg};
use skep_insn::Width;

use super::index;
use super::machine::{Kind, MInst, Program};

/// Instructions of a function that is left as it is.
const LONG: usize = 2_000;

/// Instructions between cuts, at least.
const STEP: usize = 150;

/// Cuts a long function.
pub(super) fn run(program: &mut Program) {
    if program.insts.len() < LONG {
        return;
    }
    let cuts = places(program);
    if cuts.is_empty() {
        return;
    }
    let ends = last_uses(program);
    let mut cut = Cut { now: (0..program.vreg_count).collect(), live: Vec::new(), ends };
    let insts = std::mem::take(&mut program.insts);
    program.insts.reserve(insts.len() + cuts.len() * 8);
    let mut cuts = cuts.into_iter().peekable();
    for block in 0..program.blocks.len() {
        let (from, to) = program.blocks[block].insts;
        let first = index(program.insts.len());
        let (params, params_end) = program.blocks[block].params;
        for at in params..params_end {
            let param = program.vregs[at as usize];
            cut.live.push(number(param));
        }
        for at in from..to {
            if cuts.next_if_eq(&at).is_some() {
                cut.rename(program, at, insts[at as usize].loc);
            }
            let inst = insts[at as usize];
            cut.operands(program, &inst);
            program.insts.push(inst);
        }
        let (args, args_end) = program.blocks[block].args;
        for at in args..args_end {
            let arg = &mut program.vregs[at as usize];
            *arg = super::select::vreg(cut.now[arg.vreg()]);
        }
        program.blocks[block].insts = (first, index(program.insts.len()));
    }
}

/// Instructions before which the function can be cut: in blocks that all ways pass, and that no loop comes back to.
fn places(program: &Program) -> Vec<u32> {
    let count = program.blocks.len();
    // How far back the edges of this block and those behind it lead.
    let mut back = vec![count; count + 1];
    for block in (0..count).rev() {
        let succs = program.succs(block).iter().map(|succ| succ.index());
        back[block] = succs.chain([back[block + 1]]).min().unwrap_or(count);
    }
    let mut places = Vec::new();
    // How far edges of blocks before this one lead.
    let mut reach = 0;
    let mut last = 0;
    for (block, back) in back[..count].iter().enumerate() {
        if reach <= block && *back > block {
            let (from, to) = program.blocks[block].insts;
            // Parameters of the function come first, and a jump may not be parted from its arguments.
            for at in from + u32::from(block == 0)..to.saturating_sub(1) {
                if at as usize >= last + STEP {
                    places.push(at);
                    last = at as usize;
                }
            }
        }
        reach = program.succs(block).iter().map(|succ| succ.index()).fold(reach, usize::max);
    }
    places
}

/// For each virtual register the last instruction that reads it.
fn last_uses(program: &Program) -> Vec<u32> {
    let mut ends = vec![0; program.vreg_count as usize];
    for (at, inst) in (0..).zip(&program.insts) {
        for operand in program.operands_of(inst) {
            if operand.kind() == regalloc2::OperandKind::Use {
                ends[operand.vreg().vreg()] = at;
            }
        }
    }
    for block in &program.blocks {
        for at in block.args.0..block.args.1 {
            let end = &mut ends[program.vregs[at as usize].vreg()];
            *end = (*end).max(block.insts.1.saturating_sub(1));
        }
    }
    ends
}

struct Cut {
    /// The register that a virtual register goes on in.
    now: Vec<u32>,
    /// Virtual registers that may be needed later.
    live: Vec<u32>,
    /// For each, the last instruction that reads it.
    ends: Vec<u32>,
}

fn number(reg: VReg) -> u32 {
    index(reg.vreg())
}

impl Cut {
    /// Replaces what an instruction reads, and notes what it writes.
    fn operands(&mut self, program: &mut Program, inst: &MInst) {
        let range = inst.first as usize..inst.first as usize + usize::from(inst.count);
        for operand in &mut program.operands[range] {
            let reg = operand.vreg().vreg();
            match operand.kind() {
                regalloc2::OperandKind::Def => self.live.push(index(reg)),
                regalloc2::OperandKind::Use => {
                    let now = super::select::vreg(self.now[reg]);
                    *operand = Operand::new(now, operand.constraint(), operand.kind(), operand.pos());
                }
            }
        }
    }

    /// Lets all that is needed later go on in new registers.
    fn rename(&mut self, program: &mut Program, at: u32, loc: crate::ir::Loc) {
        let ends = &self.ends;
        self.live.retain(|&reg| ends[reg as usize] >= at);
        for &reg in &self.live {
            let new = super::select::vreg(program.vreg_count);
            program.vreg_count += 1;
            let old = super::select::vreg(self.now[reg as usize]);
            self.now[reg as usize] = number(new);
            let first = index(program.operands.len());
            program.operands.extend([Operand::reg_def(new), Operand::reg_use(old)]);
            program.insts.push(MInst { kind: Kind::Mov(Width::W64), first, count: 2, loc });
        }
    }
}
