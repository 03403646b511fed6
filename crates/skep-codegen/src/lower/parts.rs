//! Long functions get their registers in parts.
//!
//! The allocator takes more than linear time, and its tables grow out of the caches. Where all ways pass, and no loop
//! comes back to, a long function is cut: the allocator is asked about each part alone. A part ends with reads of what
//! is needed behind it, in whatever registers that happens to be, and the next one begins with it there.

use regalloc2::{Allocation, Block, Operand, OperandKind, VReg};

use super::index;
use super::machine::{Kind, MBlock, MInst, Program};
use super::select::vreg;

/// Instructions of a function that is left whole.
const LONG: usize = 2_000;

/// Instructions of a part, at least.
const STEP: usize = 700;

/// Among so many places behind them, it ends where the least is live.
const CHOICE: usize = 64;

/// Values that may go from one part to the next: all of them have registers there.
const MOST: u32 = 7;

/// A part of a program: ranges in its lists. Blocks and virtual registers have numbers of their own in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) insts: (u32, u32),
    pub(super) blocks: (u32, u32),
    pub(super) vreg_count: u32,
}

/// The parts of a program, in order.
pub(super) fn run(program: &mut Program) -> Vec<Part> {
    let cuts = if program.insts.len() < LONG { Vec::new() } else { places(program) };
    if cuts.is_empty() {
        let insts = (0, index(program.insts.len()));
        let blocks = (0, index(program.blocks.len()));
        return vec![Part { insts, blocks, vreg_count: program.vreg_count }];
    }
    Cut::new(program).run(&cuts)
}

/// Lets a part begin with what the one before it ends with, where that has left it.
pub(super) fn join(program: &mut Program, from: Part, left: &[Allocation]) {
    let args = &program.insts[from.insts.1 as usize];
    let operands = &mut program.operands[args.first as usize..][..args.count.into()];
    for (operand, place) in operands.iter_mut().zip(left) {
        if let Some(reg) = place.as_reg() {
            *operand = Operand::reg_fixed_def(operand.vreg(), reg);
        }
    }
}

/// Instructions before which the program is cut.
fn places(program: &Program) -> Vec<u32> {
    let live = live_counts(program);
    let mut places = Vec::new();
    let mut start = 0;
    let mut best: Option<u32> = None;
    for at in candidates(program) {
        if (at as usize) < start + STEP || live[at as usize] > MOST {
            continue;
        }
        if let Some(place) = best
            && at as usize >= start + STEP + CHOICE
        {
            places.push(place);
            start = place as usize;
            best = None;
            if (at as usize) < start + STEP {
                continue;
            }
        }
        if best.is_none_or(|best| live[at as usize] < live[best as usize]) {
            best = Some(at);
        }
    }
    places.extend(best);
    places
}

/// Instructions before which it can be cut: in blocks that all ways pass, and that no loop comes back to.
fn candidates(program: &Program) -> Vec<u32> {
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
    for (block, back) in back[..count].iter().enumerate() {
        if reach <= block && *back > block {
            let (from, to) = program.blocks[block].insts;
            // Parameters of the function come first, and a jump may not be parted from its arguments.
            places.extend(from + u32::from(block == 0)..to.saturating_sub(1));
        }
        reach = program.succs(block).iter().map(|succ| succ.index()).fold(reach, usize::max);
    }
    places
}

/// How many values each instruction finds that it or a later one reads; right where the program can be cut.
fn live_counts(program: &Program) -> Vec<u32> {
    let ends = last_uses(program);
    // First what it changes by.
    let mut change = vec![0i32; program.insts.len() + 2];
    let mut lives = |reg: VReg, from: u32| {
        let end = ends[reg.vreg()];
        if end >= from {
            change[from as usize] += 1;
            change[end as usize + 1] -= 1;
        }
    };
    for block in &program.blocks {
        for at in block.params.0..block.params.1 {
            lives(program.vregs[at as usize], block.insts.0);
        }
        for at in block.insts.0..block.insts.1 {
            for operand in program.operands_of(&program.insts[at as usize]) {
                if operand.kind() == OperandKind::Def {
                    lives(operand.vreg(), at + 1);
                }
            }
        }
    }
    let mut live = 0;
    change
        .iter()
        .map(|change| {
            live += change;
            u32::try_from(live).unwrap_or(0)
        })
        .collect()
}

/// For each virtual register the last instruction that reads it.
fn last_uses(program: &Program) -> Vec<u32> {
    let mut ends = vec![0; program.vreg_count as usize];
    for (at, inst) in (0..).zip(&program.insts) {
        for operand in program.operands_of(inst) {
            if operand.kind() == OperandKind::Use {
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

struct Cut<'a> {
    program: &'a mut Program,
    /// The program's own instructions and blocks, before it is cut.
    insts: Vec<MInst>,
    blocks: Vec<MBlock>,
    parts: Vec<Part>,
    /// The number that a virtual register has in the current part.
    now: Vec<u32>,
    /// Virtual registers that may be needed later.
    live: Vec<u32>,
    /// For each, the last instruction that reads it.
    ends: Vec<u32>,
}

impl Cut<'_> {
    fn new(program: &mut Program) -> Cut<'_> {
        let ends = last_uses(program);
        let insts = std::mem::take(&mut program.insts);
        let blocks = std::mem::take(&mut program.blocks);
        let now = vec![0; program.vreg_count as usize];
        program.vreg_count = 0;
        Cut { program, insts, blocks, parts: Vec::new(), now, live: Vec::new(), ends }
    }

    fn run(mut self, cuts: &[u32]) -> Vec<Part> {
        self.program.insts.reserve(self.insts.len() + cuts.len() * 2);
        self.program.blocks.reserve(self.blocks.len() + cuts.len());
        let mut cuts = cuts.iter().copied().peekable();
        // The first and the last piece of each block.
        let mut pieces = Vec::with_capacity(self.blocks.len());
        let (mut first_inst, mut first_block) = (0, 0);
        for block in 0..self.blocks.len() {
            let whole = self.blocks[block];
            let mut piece = MBlock { insts: (self.at(), 0), succs: (0, 0), args: (0, 0), ..whole };
            let first = index(self.program.blocks.len());
            for at in whole.params.0..whole.params.1 {
                let param = self.program.vregs[at as usize].vreg();
                self.program.vregs[at as usize] = self.define(param);
            }
            for at in whole.insts.0..whole.insts.1 {
                if cuts.next_if_eq(&at).is_some() {
                    let loc = self.insts[at as usize].loc;
                    self.live_at(at);
                    self.transfer(Kind::Leave, loc);
                    piece.insts.1 = self.at();
                    self.program.blocks.push(piece);
                    self.end_part(&mut first_inst, &mut first_block);
                    piece = MBlock { insts: (self.at(), 0), depth: whole.depth, ..MBlock::default() };
                    self.transfer(Kind::Args, loc);
                }
                self.inst(self.insts[at as usize]);
            }
            for at in whole.args.0..whole.args.1 {
                let arg = &mut self.program.vregs[at as usize];
                *arg = vreg(self.now[arg.vreg()]);
            }
            piece.insts.1 = self.at();
            (piece.succs, piece.args) = (whole.succs, whole.args);
            pieces.push((first, index(self.program.blocks.len())));
            self.program.blocks.push(piece);
        }
        self.end_part(&mut first_inst, &mut first_block);
        self.renumber(&pieces);
        self.parts
    }

    fn at(&self) -> u32 {
        index(self.program.insts.len())
    }

    /// Ends a part behind what there is.
    fn end_part(&mut self, first_inst: &mut u32, first_block: &mut u32) {
        let (insts, blocks) = (self.at(), index(self.program.blocks.len()));
        let vreg_count = std::mem::take(&mut self.program.vreg_count);
        self.parts.push(Part { insts: (*first_inst, insts), blocks: (*first_block, blocks), vreg_count });
        (*first_inst, *first_block) = (insts, blocks);
    }

    /// Gives a virtual register a number in the current part.
    fn define(&mut self, reg: usize) -> VReg {
        self.live.push(index(reg));
        self.number(reg)
    }

    fn number(&mut self, reg: usize) -> VReg {
        self.now[reg] = self.program.vreg_count;
        self.program.vreg_count += 1;
        vreg(self.now[reg])
    }

    /// An instruction, with the numbers of the current part.
    fn inst(&mut self, inst: MInst) {
        for at in inst.first as usize..inst.first as usize + usize::from(inst.count) {
            let operand = self.program.operands[at];
            let reg = operand.vreg().vreg();
            let now = match operand.kind() {
                OperandKind::Def => self.define(reg),
                OperandKind::Use => vreg(self.now[reg]),
            };
            self.program.operands[at] =
                Operand::new(now, operand.constraint(), operand.kind(), operand.pos());
        }
        self.program.insts.push(inst);
    }

    /// Forgets what nothing from here on reads.
    fn live_at(&mut self, at: u32) {
        let ends = &self.ends;
        self.live.retain(|&reg| ends[reg as usize] >= at);
    }

    /// The end or the beginning of a part, with all that is live.
    fn transfer(&mut self, kind: Kind, loc: crate::ir::Loc) {
        let first = index(self.program.operands.len());
        for at in 0..self.live.len() {
            let reg = self.live[at] as usize;
            let operand = match kind {
                Kind::Args => Operand::reg_def(self.number(reg)),
                _ => Operand::reg_use(vreg(self.now[reg])),
            };
            self.program.operands.push(operand);
        }
        let count = u16::try_from(self.live.len()).unwrap_or(0);
        self.program.insts.push(MInst { kind, first, count, loc });
    }

    /// Lets edges lead to blocks as their part numbers them. No edge leaves a part.
    fn renumber(&mut self, pieces: &[(u32, u32)]) {
        let Program { blocks, edges, .. } = &mut *self.program;
        for part in &self.parts {
            let local = |block: u32| Block::new((block - part.blocks.0) as usize);
            for block in &blocks[part.blocks.0 as usize..part.blocks.1 as usize] {
                for edge in &mut edges[block.succs.0 as usize..block.succs.1 as usize] {
                    *edge = local(pieces[edge.index()].0);
                }
                for edge in &mut edges[block.preds.0 as usize..block.preds.1 as usize] {
                    *edge = local(pieces[edge.index()].1);
                }
            }
        }
    }
}
