//! From blocks in order to slots: jumps, relocations, lines, places.
//!
//! Offsets of jumps have 16 bits. Where that is not enough, cpu v4 has `gotol`, to which a branch jumps over; older
//! ones get islands: every so many slots, `goto`s that others jump to on their way, and which are jumped over by what
//! runs into them.

use skep_insn::{Cond, Insn, RawInsn, Slot};
use skep_object::object::RelocKind;

use super::emit::{Asm, Note, PExit, PInst};
use super::index;
use super::machine::Program;
use super::select::inverse;
use super::target::Isa;
use crate::code::{Code, CodeReloc};
use crate::ir::Loc;

/// The code of a function; nothing if jumps are too far even for islands.
pub(super) fn run(asm: &Asm, order: &[u32], program: &Program, isa: Isa, frame: u32) -> Option<Code> {
    let mut far = Far::default();
    let mut rounds = 0;
    loop {
        rounds += 1;
        let mut out = Out {
            asm,
            program,
            isa,
            code: Code { slots: Vec::with_capacity(asm.insts.len() + order.len()), frame, ..Code::default() },
            starts: vec![0; asm.blocks.len()],
            jumps: Vec::new(),
            far: &far,
            islands: Vec::new(),
            segment: 0,
            last_island: 0,
        };
        out.blocks(order);
        let next = out.patch();
        match next {
            None => return Some(out.code),
            Some(next) if next == far || (far.islands && rounds > ROUNDS) => return None,
            Some(next) => far = next,
        }
    }
}

/// Jumps that do not reach their targets by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Far {
    /// Those that are `gotol`, by number; ascending.
    long: Vec<u32>,
    /// Code has islands.
    islands: bool,
    /// For each island, the blocks that jumps on it lead to.
    stops: Vec<Vec<u32>>,
}

/// How often islands may grow until all jumps reach one.
const ROUNDS: usize = 10;

/// Slots between islands: from anywhere between two, the next but one is in reach.
const SEGMENT: usize = 12_000;

struct Out<'a> {
    asm: &'a Asm,
    program: &'a Program,
    isa: Isa,
    code: Code,
    /// The first slot of each block.
    starts: Vec<usize>,
    jumps: Vec<Jump>,
    far: &'a Far,
    /// The first slot of each island's jumps.
    islands: Vec<usize>,
    /// How many islands stand before.
    segment: usize,
    last_island: usize,
}

/// A jump.
struct Jump {
    /// Its slot.
    at: usize,
    /// The block where it leads.
    to: u32,
    /// How many islands stand before it; of a jump on an island, that one counts.
    segment: usize,
    /// It stands on an island.
    on_island: bool,
}

impl Out<'_> {
    fn blocks(&mut self, order: &[u32]) {
        for (at, &block) in order.iter().enumerate() {
            let data = &self.asm.blocks[block as usize];
            self.island(data.loc);
            self.starts[block as usize] = self.code.slots.len();
            let mut whole = true;
            for inst in self.asm.insts_of(block) {
                if whole {
                    self.island(inst.loc);
                }
                self.inst(inst);
                whole = !matches!(inst.note, Note::Skip | Note::Opaque | Note::Marker(_));
            }
            self.exit(data.exit, data.loc, order.get(at + 1).copied());
        }
    }

    fn slot(&self) -> Slot {
        Slot(index(self.code.slots.len()))
    }

    fn line(&mut self, loc: Loc) {
        let at = self.slot();
        match self.code.lines.last() {
            Some((_, last)) if *last == loc => {}
            _ => self.code.lines.push((at, loc)),
        }
    }

    fn insn(&mut self, insn: Insn, loc: Loc) {
        self.line(loc);
        self.code.slots.extend_from_slice(insn.encode().as_slice());
    }

    fn inst(&mut self, inst: &PInst) {
        let at = self.slot();
        match inst.note {
            Note::Marker(marker) => {
                let (name, _) = &self.program.markers[marker as usize];
                self.code.markers.push((at, name.clone()));
                return;
            }
            Note::Symbol(symbol, addend) => {
                let kind = match inst.insn {
                    Insn::LoadImm64 { .. } => RelocKind::LoadImm64,
                    _ => RelocKind::Call,
                };
                self.code.relocs.push(CodeReloc { at, kind, symbol, addend: addend.into() });
            }
            Note::Core(core) => self.code.core.push((at, core)),
            Note::None | Note::Skip | Note::Opaque => {}
        }
        self.insn(inst.insn, inst.loc);
    }

    /// Notes that the next instruction is a jump to that block.
    fn leads(&mut self, to: u32) -> bool {
        let number = index(self.jumps.len());
        let at = self.code.slots.len();
        self.jumps.push(Jump { at, to, segment: self.segment, on_island: false });
        self.far.long.binary_search(&number).is_ok()
    }

    fn jump(&mut self, to: u32, loc: Loc) {
        let long = self.leads(to);
        self.insn(Insn::Jump { off: 0, long }, loc);
    }

    /// A branch; if its target is far, it jumps to a jump, or over one.
    fn conditional(&mut self, insn: impl Fn(i16) -> Insn, to: u32, loc: Loc) {
        if self.leads(to) {
            // Taken to the `gotol` behind the jump that is executed otherwise.
            self.insn(insn(1), loc);
            self.insn(Insn::Jump { off: 1, long: false }, loc);
            if let Some(jump) = self.jumps.last_mut() {
                jump.at = self.code.slots.len();
            }
            self.insn(Insn::Jump { off: 0, long: true }, loc);
        } else {
            self.insn(insn(0), loc);
        }
    }

    fn exit(&mut self, exit: PExit, loc: Loc, next: Option<u32>) {
        match exit {
            PExit::Jump(to) => {
                if next != Some(to) {
                    self.jump(to, loc);
                }
            }
            PExit::Branch { cond, width, dst, src, then, other } => {
                let inverse = inverse(cond).filter(|cond| self.isa.has_cond(*cond));
                let branch = |cond: Cond| move |off| Insn::JumpIf { cond, width, dst, src, off };
                match inverse {
                    Some(inverse) if next == Some(then) => self.conditional(branch(inverse), other, loc),
                    _ => {
                        self.conditional(branch(cond), then, loc);
                        if next != Some(other) {
                            self.jump(other, loc);
                        }
                    }
                }
            }
            PExit::MayGoto { again, done } => {
                self.conditional(|off| Insn::MayGoto { off }, done, loc);
                if next != Some(again) {
                    self.jump(again, loc);
                }
            }
            PExit::Exit => self.insn(Insn::Exit, loc),
        }
    }

    /// Puts an island here if the last one is far away.
    fn island(&mut self, loc: Loc) {
        if !self.far.islands || self.code.slots.len() - self.last_island < SEGMENT {
            return;
        }
        let stops = self.far.stops.get(self.islands.len()).map_or(&[][..], |stops| stops);
        let over = i32::try_from(stops.len()).unwrap_or(i32::MAX);
        self.insn(Insn::Jump { off: over, long: false }, loc);
        self.islands.push(self.code.slots.len());
        for &to in stops {
            let at = self.code.slots.len();
            self.jumps.push(Jump { at, to, segment: self.segment, on_island: true });
            self.insn(Insn::Jump { off: 0, long: false }, loc);
        }
        self.segment += 1;
        self.last_island = self.code.slots.len();
    }

    /// Sets the offsets of jumps; what it takes if some are too far.
    fn patch(&mut self) -> Option<Far> {
        let mut too_far = Vec::new();
        for (number, jump) in (0u32..).zip(&self.jumps) {
            let slot = self.code.slots[jump.at];
            let target = self.starts[jump.to as usize];
            let from = Slot(index(jump.at));
            if self.far.long.binary_search(&number).is_ok() {
                let off = from.offset_to(Slot(index(target)))?;
                self.code.slots[jump.at] = RawInsn::new(slot.code, slot.dst(), slot.src(), slot.off, off);
                continue;
            }
            let target = self.next_stop(jump, target);
            match from.offset_to(Slot(index(target))).and_then(|off| i16::try_from(off).ok()) {
                Some(off) => {
                    self.code.slots[jump.at] = RawInsn::new(slot.code, slot.dst(), slot.src(), off, slot.imm);
                }
                None => too_far.push(number),
            }
        }
        if too_far.is_empty() {
            return None;
        }
        let mut far = self.far.clone();
        if self.isa.cpu >= skep_insn::Cpu::V4 {
            far.long.extend(too_far);
            far.long.sort_unstable();
        } else if !far.islands {
            far.islands = true;
        } else {
            far.stops = self.stops();
        }
        Some(far)
    }

    /// Where a jump leads directly: to its target, or to the next island on its way.
    fn next_stop(&self, jump: &Jump, target: usize) -> usize {
        if !self.far.islands || target.abs_diff(jump.at) < 30_000 {
            return target;
        }
        let island = if target > jump.at {
            // That behind it, or behind its island.
            jump.segment + usize::from(jump.on_island)
        } else {
            match jump.segment.checked_sub(1) {
                Some(island) => island,
                None => return target,
            }
        };
        let stop = |island: usize| {
            let stops = self.far.stops.get(island)?;
            let place = stops.binary_search(&jump.to).ok()?;
            Some(self.islands.get(island)? + place)
        };
        stop(island).unwrap_or(target)
    }

    /// For each island, the blocks of the jumps that pass it on their way and are far.
    fn stops(&self) -> Vec<Vec<u32>> {
        let mut stops = vec![Vec::new(); self.islands.len()];
        for jump in self.jumps.iter().filter(|jump| !jump.on_island) {
            let target = self.starts[jump.to as usize];
            if target.abs_diff(jump.at) < 20_000 {
                continue;
            }
            for (island, &at) in self.islands.iter().enumerate() {
                if at > jump.at.min(target) && at < jump.at.max(target) {
                    stops[island].push(jump.to);
                }
            }
        }
        for stops in &mut stops {
            stops.sort_unstable();
            stops.dedup();
        }
        stops
    }
}
