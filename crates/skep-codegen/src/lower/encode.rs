//! From blocks in order to slots: jumps, relocations, lines, places.
//!
//! Offsets of jumps have 16 bits. Where that is not enough, cpu v4 has `gotol`, to which a branch jumps over; older
//! ones get islands: every so many slots, `goto`s that others jump to on their way, and which are jumped over by what
//! runs into them. A far jump goes by each island on its way, so that there is none that nobody jumps to: the kernel
//! takes no code that is not reached.

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
    loop {
        let mut out = Out {
            asm,
            program,
            isa,
            code: Code { slots: Vec::with_capacity(asm.insts.len() + order.len()), frame, ..Code::default() },
            starts: vec![Start::default(); asm.blocks.len()],
            jumps: Vec::new(),
            jump_count: 0,
            far: &far,
            islands: Vec::new(),
            last_island: 0,
            runs_on: true,
        };
        out.blocks(order);
        let next = out.patch();
        match next {
            None => return Some(out.finish()),
            // Each round finds more jumps that are too far, or no way for them.
            Some(next) if next == far => return None,
            Some(next) => far = next,
        }
    }
}

/// Jumps that do not reach their targets by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Far {
    /// Those that are `gotol`, or go by islands, by number; ascending.
    jumps: Vec<u32>,
    /// Code has islands.
    islands: bool,
    /// For each island, the blocks that jumps on it lead to.
    stops: Vec<Vec<u32>>,
}

/// Slots between islands: from anywhere between two, the next but one is in reach.
const SEGMENT: usize = 12_000;

struct Out<'a> {
    asm: &'a Asm,
    program: &'a Program,
    isa: Isa,
    code: Code,
    /// Where each block begins.
    starts: Vec<Start>,
    jumps: Vec<Jump>,
    /// How many of them do not stand on islands.
    jump_count: u32,
    far: &'a Far,
    /// The first slot of each island's jumps.
    islands: Vec<usize>,
    last_island: usize,
    /// What stands here runs into what comes next.
    runs_on: bool,
}

/// Where a block begins.
#[derive(Clone, Copy, Default)]
struct Start {
    slot: usize,
    /// How many islands stand before.
    segment: usize,
}

/// A jump.
struct Jump {
    /// Its slot.
    at: usize,
    /// The block where it leads.
    to: u32,
    place: JumpPlace,
}

/// Where a jump stands.
#[derive(Clone, Copy)]
enum JumpPlace {
    /// In code, with that number, behind so many islands.
    Code { number: u32, segment: usize },
    /// On that island.
    Island(usize),
}

impl JumpPlace {
    /// The next island on the way to what stands behind so many islands.
    fn next_island(self, segment: usize) -> Option<usize> {
        let (behind, before) = match self {
            JumpPlace::Code { segment, .. } => (segment, segment.checked_sub(1)),
            JumpPlace::Island(at) => (at + 1, at.checked_sub(1)),
        };
        if behind < segment { Some(behind) } else { before.filter(|before| *before >= segment) }
    }
}

impl Out<'_> {
    fn blocks(&mut self, order: &[u32]) {
        let mut whole;
        for (at, &block) in order.iter().enumerate() {
            let data = &self.asm.blocks[block as usize];
            self.island(data.loc);
            self.starts[block as usize] = Start { slot: self.code.slots.len(), segment: self.islands.len() };
            (self.runs_on, whole) = (true, true);
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
            Note::Table(table) => self.code.table_refs.push((at, table)),
            Note::None | Note::Spill(_) | Note::Skip | Note::Opaque => {}
        }
        self.insn(inst.insn, inst.loc);
    }

    /// Notes that the next instruction is a jump to that block.
    fn leads(&mut self, to: u32) -> bool {
        let number = self.jump_count;
        self.jump_count += 1;
        let place = JumpPlace::Code { number, segment: self.islands.len() };
        self.jumps.push(Jump { at: self.code.slots.len(), to, place });
        !self.far.islands && self.is_far(number)
    }

    fn is_far(&self, number: u32) -> bool {
        self.far.jumps.binary_search(&number).is_ok()
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
        self.runs_on = match exit {
            PExit::Jump(to) => next == Some(to),
            PExit::Branch { then, other, .. } => next == Some(then) || next == Some(other),
            PExit::MayGoto { again, .. } => next == Some(again),
            PExit::GotoX { .. } | PExit::Exit => false,
        };
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
            PExit::GotoX { dst, .. } => self.insn(Insn::GotoX { dst }, loc),
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
        if over > 0 && self.runs_on {
            self.insn(Insn::Jump { off: over, long: false }, loc);
        }
        let place = JumpPlace::Island(self.islands.len());
        self.islands.push(self.code.slots.len());
        for &to in stops {
            self.jumps.push(Jump { at: self.code.slots.len(), to, place });
            self.insn(Insn::Jump { off: 0, long: false }, loc);
        }
        self.last_island = self.code.slots.len();
    }

    /// The code, with its jump tables.
    fn finish(mut self) -> Code {
        let slots = |blocks: &Vec<u32>| {
            blocks.iter().map(|&block| Slot(index(self.starts[block as usize].slot))).collect()
        };
        self.code.tables = self.asm.tables.iter().map(slots).collect();
        self.code
    }

    /// Sets the offsets of jumps; what it takes if some are too far.
    fn patch(&mut self) -> Option<Far> {
        let mut too_far = Vec::new();
        let mut stranded = false;
        for jump in &self.jumps {
            let slot = self.code.slots[jump.at];
            let from = Slot(index(jump.at));
            let start = self.starts[jump.to as usize];
            let is_far = match jump.place {
                JumpPlace::Code { number, .. } => self.is_far(number),
                JumpPlace::Island(_) => true,
            };
            if is_far && !self.far.islands {
                let off = from.offset_to(Slot(index(start.slot)))?;
                self.code.slots[jump.at] = RawInsn::new(slot.code, slot.dst(), slot.src(), slot.off, off);
                continue;
            }
            let stop = jump.place.next_island(start.segment).filter(|_| is_far);
            let target = stop.map_or(Some(start.slot), |island| self.stop(island, jump.to));
            match target.and_then(|to| i16::try_from(from.offset_to(Slot(index(to)))?).ok()) {
                Some(off) => {
                    self.code.slots[jump.at] = RawInsn::new(slot.code, slot.dst(), slot.src(), off, slot.imm);
                }
                None => match jump.place {
                    JumpPlace::Code { number, .. } if !is_far => too_far.push(number),
                    _ => stranded = true,
                },
            }
        }
        if too_far.is_empty() && !stranded {
            return None;
        }
        let mut far = self.far.clone();
        if self.isa.cpu < skep_insn::Cpu::V4 && !far.islands {
            // With islands, the code is another.
            return Some(Far { islands: true, ..far });
        }
        far.jumps.extend(too_far);
        far.jumps.sort_unstable();
        if far.islands {
            far.stops = self.stops(&far);
        }
        Some(far)
    }

    /// The slot on an island that leads on to a block.
    fn stop(&self, island: usize, to: u32) -> Option<usize> {
        let place = self.far.stops.get(island)?.binary_search(&to).ok()?;
        Some(self.islands[island] + place)
    }

    /// For each island, the blocks of the far jumps that go by it.
    fn stops(&self, far: &Far) -> Vec<Vec<u32>> {
        let mut stops = vec![Vec::new(); self.islands.len()];
        for jump in &self.jumps {
            let JumpPlace::Code { number, .. } = jump.place else { continue };
            if far.jumps.binary_search(&number).is_err() {
                continue;
            }
            let segment = self.starts[jump.to as usize].segment;
            let mut place = jump.place;
            while let Some(island) = place.next_island(segment) {
                stops[island].push(jump.to);
                place = JumpPlace::Island(island);
            }
        }
        for stops in &mut stops {
            stops.sort_unstable();
            stops.dedup();
        }
        stops
    }
}
