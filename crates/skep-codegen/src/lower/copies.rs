//! Moves that the register allocator has left: copies of what is there already, and copies that need not be made.
//!
//! First each block is walked forwards with what registers and spill slots hold: an instruction reads the register that
//! a value was copied from, and moves, loads and stores of what is there already go. Then backwards with what is read
//! later: what nobody reads goes, and where a register is copied to another and not read any more, the other takes its
//! place, from its definition on or until its end.
//!
//! The kernel knows that two registers hold one value where one was copied from the other, so that what it learns of
//! one holds for both; with one register in place of two it learns no less.

use rustc_hash::FxHashMap;
use skep_insn::{AluOp, Imm64, Insn, Operand, Reg, Width};
use smallvec::SmallVec;

use super::emit::{Asm, Note, PExit};
use super::facts::{self, Facts, Set, bit, copied, is_skipped, rename};
use super::index;
use crate::ir::SymbolId;

/// How many instructions before and behind a copy are looked at.
const NEAR: u32 = 40;

/// Instructions of a function that one round must do for.
const LONG: usize = 5_000;

/// How many constants are remembered.
const CONSTANTS: usize = 8;

/// Makes fewer moves.
pub(super) fn run(asm: &mut Asm) {
    let rounds = if asm.insts.len() < LONG { 2 } else { 1 };
    for _ in 0..rounds {
        let mut gone = vec![false; asm.insts.len()];
        let live = facts::live(asm);
        Known::new(asm).all(asm, &live, &mut gone);
        let mut changed = gone.contains(&true);
        compact(asm, &gone);
        gone.truncate(asm.insts.len());
        gone.fill(false);
        let live = facts::live(asm);
        for block in 0..index(asm.blocks.len()) {
            let out = facts::live_out(asm, &live, block);
            changed |= Joins { asm, gone: &mut gone, block }.run(out);
        }
        compact(asm, &gone);
        if !changed {
            return;
        }
    }
}

/// Takes out instructions.
fn compact(asm: &mut Asm, gone: &[bool]) {
    let mut to = 0;
    for block in &mut asm.blocks {
        let from = to;
        for at in block.from..block.to {
            if !gone[at as usize] {
                asm.insts[to as usize] = asm.insts[at as usize];
                to += 1;
            }
        }
        (block.from, block.to) = (from, to);
    }
    asm.insts.truncate(to as usize);
}

/// A constant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Constant {
    Number(u64),
    Address(SymbolId, i32),
}

/// Names values: what has one name is the same.
type Name = u32;

/// What registers and spill slots hold, on the way through the blocks.
struct Known {
    /// Of r0 to r10, then of the spill slots.
    names: Vec<Name>,
    /// The register that each register was copied from.
    sources: [Option<Reg>; 11],
    constants: SmallVec<[(Constant, Name); 8]>,
    next: Name,
    /// Names at the ends of blocks that are the only way to another.
    ends: FxHashMap<u32, Vec<Name>>,
}

impl Known {
    fn new(asm: &Asm) -> Known {
        let slots = asm.insts.iter().filter_map(|inst| match inst.note {
            Note::Spill(slot) => Some(slot as usize + 1),
            _ => None,
        });
        let count = Reg::ALL.len() + slots.max().unwrap_or(0);
        Known {
            names: vec![0; count],
            sources: [None; 11],
            constants: SmallVec::new(),
            next: 1,
            ends: FxHashMap::default(),
        }
    }

    fn all(&mut self, asm: &mut Asm, live: &[Set], gone: &mut [bool]) {
        // How many ways lead to each block, and where the last one comes from.
        let mut ways = vec![(0u32, 0u32); asm.blocks.len()];
        for block in 0..index(asm.blocks.len()) {
            for to in asm.targets(block) {
                let way = &mut ways[to as usize];
                *way = (way.0 + 1, block);
            }
        }
        let only = |block: u32| match ways[block as usize] {
            (1, from) if block != 0 => Some(from),
            _ => None,
        };
        for block in 0..index(asm.blocks.len()) {
            self.sources = [None; 11];
            match (only(block), only(block).and_then(|from| self.ends.get(&from))) {
                // It has just been walked, and its names are still there.
                (Some(from), _) if from + 1 == block => {}
                (_, Some(names)) => {
                    self.names.clone_from(names);
                    self.constants.clear();
                }
                _ => {
                    for name in &mut self.names {
                        *name = self.next;
                        self.next += 1;
                    }
                    self.constants.clear();
                }
            }
            let data = asm.blocks[block as usize];
            for at in data.from..data.to {
                let skipped = is_skipped(asm, data.from, at);
                gone[at as usize] = self.inst(asm, at as usize, skipped);
            }
            // What a compare tells of a register is needed of that which is used later.
            let out = facts::live_out(asm, live, block);
            let mut exit = data.exit;
            exit.rename(|reg| if out & bit(reg) == 0 { self.source(reg) } else { reg });
            asm.blocks[block as usize].exit = exit;
            if asm.targets(block).any(|to| to > block + 1 && only(to) == Some(block)) {
                self.ends.insert(block, self.names.clone());
            }
        }
    }

    fn name(&self, reg: Reg) -> Name {
        self.names[usize::from(reg.number())]
    }

    fn new_name(&mut self) -> Name {
        self.next += 1;
        self.next - 1
    }

    fn set(&mut self, reg: Reg, name: Name, source: Option<Reg>) {
        self.names[usize::from(reg.number())] = name;
        self.sources[usize::from(reg.number())] = source;
    }

    /// The register that a register was copied from, if that still holds the same.
    fn source(&self, reg: Reg) -> Reg {
        let source = self.sources[usize::from(reg.number())];
        source.filter(|&source| self.name(source) == self.name(reg)).unwrap_or(reg)
    }

    /// A register that holds a value.
    fn holder(&self, name: Name) -> Option<Reg> {
        Reg::ALL.into_iter().take(10).find(|&reg| self.name(reg) == name)
    }

    /// Looks at an instruction, and changes it; whether it goes.
    fn inst(&mut self, asm: &mut Asm, at: usize, skipped: bool) -> bool {
        let inst = &mut asm.insts[at];
        if matches!(inst.note, Note::Opaque | Note::Marker(_)) {
            for reg in Reg::ALL.into_iter().take(10) {
                let name = self.new_name();
                self.set(reg, name, None);
            }
            return false;
        }
        if inst.note != Note::Skip {
            rename(&mut inst.insn, false, |reg| self.source(reg));
        }
        if skipped {
            return self.forget(Facts::of(inst, true));
        }
        if let Some((dst, src)) = copied(&inst.insn) {
            let (name, source) = (self.name(src), self.source(src));
            if self.name(dst) == name {
                return true;
            }
            self.set(dst, name, Some(source));
            return false;
        }
        match (inst.insn, inst.note) {
            (Insn::Load { dst, .. }, Note::Spill(slot)) => {
                let name = self.names[Reg::ALL.len() + slot as usize];
                if self.name(dst) == name {
                    return true;
                }
                let holder = self.holder(name);
                if let Some(src) = holder {
                    inst.insn = Insn::Alu { op: AluOp::Mov, width: Width::W64, dst, src: Operand::Reg(src) };
                    inst.note = Note::None;
                }
                self.set(dst, name, holder);
                return false;
            }
            (Insn::Store { src: Operand::Reg(src), .. }, Note::Spill(slot)) => {
                let name = self.name(src);
                return std::mem::replace(&mut self.names[Reg::ALL.len() + slot as usize], name) == name;
            }
            _ => {}
        }
        if let (Some(constant), Some(dst)) = (constant(&inst.insn, inst.note), inst.insn.written()) {
            let known = self.constants.iter().find(|known| known.0 == constant).map(|known| known.1);
            if known == Some(self.name(dst)) {
                return true;
            }
            let name = known.unwrap_or_else(|| {
                let name = self.new_name();
                if self.constants.len() == CONSTANTS {
                    self.constants.remove(0);
                }
                self.constants.push((constant, name));
                name
            });
            self.set(dst, name, None);
            return false;
        }
        let facts = Facts::of(inst, false);
        self.forget(facts)
    }

    /// Registers that are written hold something new.
    fn forget(&mut self, facts: Facts) -> bool {
        for reg in Reg::ALL.into_iter().take(10) {
            if facts.writes & bit(reg) != 0 {
                let name = self.new_name();
                self.set(reg, name, None);
            }
        }
        false
    }
}

/// The constant that an instruction makes.
fn constant(insn: &Insn, note: Note) -> Option<Constant> {
    match (*insn, note) {
        (Insn::Alu { op: AluOp::Mov, width, src: Operand::Imm(imm), .. }, Note::None) => {
            Some(Constant::Number(match width {
                Width::W32 => imm.cast_unsigned().into(),
                Width::W64 => i64::from(imm).cast_unsigned(),
            }))
        }
        (Insn::LoadImm64 { imm: Imm64::Value(number), .. }, Note::None) => Some(Constant::Number(number)),
        (Insn::LoadImm64 { .. }, Note::Symbol(symbol, addend)) => Some(Constant::Address(symbol, addend)),
        _ => None,
    }
}

/// Takes out of a block what nobody reads, and lets one register stand for two.
struct Joins<'a> {
    asm: &'a mut Asm,
    gone: &'a mut [bool],
    block: u32,
}

impl Joins<'_> {
    fn run(&mut self, out: Set) -> bool {
        let data = self.asm.blocks[self.block as usize];
        let mut live = out | data.exit.reads();
        let mut changed = false;
        for at in (data.from..data.to).rev() {
            if self.gone[at as usize] {
                continue;
            }
            let facts = self.facts(at);
            if facts.pure && facts.kills & live == 0 {
                self.gone[at as usize] = true;
                changed = true;
                continue;
            }
            if let Some((to, from)) = copied(&self.asm.insts[at as usize].insn)
                && facts.kills != 0
                && to != from
                && from != Reg::R10
            {
                if self.join_back(at, to, from, live, out) {
                    self.gone[at as usize] = true;
                    changed = true;
                    live = live & !bit(from) | bit(to);
                    continue;
                }
                if live & bit(from) == 0 && self.join_on(at, to, from, out) {
                    self.gone[at as usize] = true;
                    changed = true;
                    live = live & !bit(to) | bit(from);
                    continue;
                }
            }
            live = live & !facts.kills | facts.reads;
        }
        changed
    }

    fn facts(&self, at: u32) -> Facts {
        let from = self.asm.blocks[self.block as usize].from;
        Facts::of(&self.asm.insts[at as usize], is_skipped(self.asm, from, at))
    }

    /// Lets `to` be written where `from` is, which is copied to it at `at`.
    fn join_back(&mut self, at: u32, to: Reg, from: Reg, live: Set, out: Set) -> bool {
        let end = if live & bit(from) == 0 { Some(at) } else { self.end_of_reads(at, to, from, out) };
        let Some(end) = end else { return false };
        let start = self.asm.blocks[self.block as usize].from.max(at.saturating_sub(NEAR));
        let both = bit(to) | bit(from);
        for before in (start..at).rev() {
            if self.gone[before as usize] {
                continue;
            }
            let facts = self.facts(before);
            if facts.opaque || facts.fixed & both != 0 {
                return false;
            }
            if facts.kills & bit(from) != 0 && facts.reads & bit(from) == 0 {
                if facts.writes & bit(to) != 0 {
                    return false;
                }
                self.replace(before, end, from, to);
                return true;
            }
            if (facts.reads | facts.writes) & bit(to) != 0 {
                return false;
            }
        }
        false
    }

    /// The last place up to which `from` is read, if `to` can be read there; the block's own end is one behind.
    fn end_of_reads(&self, at: u32, to: Reg, from: Reg, out: Set) -> Option<u32> {
        let data = &self.asm.blocks[self.block as usize];
        let mut is_lost = false;
        let mut end = at;
        for behind in at + 1..data.to {
            if self.gone[behind as usize] {
                continue;
            }
            if behind > at + NEAR {
                return None;
            }
            let facts = self.facts(behind);
            if facts.reads & bit(from) != 0 {
                if is_lost || facts.opaque || (facts.fixed | facts.writes) & bit(from) != 0 {
                    return None;
                }
                end = behind;
            }
            if facts.kills & bit(from) != 0 {
                return Some(end);
            }
            is_lost |= facts.writes & bit(to) != 0 || facts.opaque;
        }
        if data.exit.reads() & bit(from) != 0 {
            if is_lost || data.exit == PExit::Exit {
                return None;
            }
            end = data.to;
        }
        (out & bit(from) == 0).then_some(end)
    }

    /// Lets `from` go on where `to` was, which is a copy of it from `at` on.
    fn join_on(&mut self, at: u32, to: Reg, from: Reg, out: Set) -> bool {
        let data = self.asm.blocks[self.block as usize];
        for behind in at + 1..data.to {
            if self.gone[behind as usize] {
                continue;
            }
            if behind > at + NEAR {
                return false;
            }
            let facts = self.facts(behind);
            if facts.opaque || facts.reads & facts.fixed & bit(to) != 0 {
                return false;
            }
            if facts.kills & bit(to) != 0 && facts.reads & bit(to) == 0 {
                self.replace(at + 1, behind - 1, to, from);
                return true;
            }
            if (facts.reads | facts.writes) & bit(from) != 0 || facts.fixed & bit(to) != 0 {
                return false;
            }
        }
        if out & bit(to) != 0 || data.exit == PExit::Exit && to == Reg::R0 {
            return false;
        }
        self.replace(at + 1, data.to, to, from);
        true
    }

    /// Puts one register in place of another, from one instruction to another; the end of the block comes behind its
    /// instructions.
    fn replace(&mut self, first: u32, last: u32, old: Reg, new: Reg) {
        let data = &mut self.asm.blocks[self.block as usize];
        if last >= data.to {
            data.exit.rename(|reg| if reg == old { new } else { reg });
        }
        for inst in &mut self.asm.insts[first as usize..data.to.min(last + 1) as usize] {
            rename(&mut inst.insn, true, |reg| if reg == old { new } else { reg });
        }
    }
}
