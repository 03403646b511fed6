//! The order of blocks in memory, and their jumps: from blocks to code.

use skep_insn::{Cond, Imm64, Insn, RawInsn, Slot};
use skep_object::object::RelocKind;

use super::emit::{Asm, Note, PExit, PInst};
use super::machine::Program;
use super::select::inverse;
use super::target::Isa;
use crate::code::{Code, CodeReloc};
use crate::ir::Loc;

/// The code of a function.
pub(super) fn run(asm: &Asm, program: &Program, isa: Isa, frame: u32) -> Code {
    let order = order(asm);
    let mut out = Out {
        code: Code {
            slots: Vec::with_capacity(asm.insts.len() + asm.blocks.len()),
            frame,
            ..Code::default()
        },
        starts: vec![0; asm.blocks.len()],
        jumps: Vec::new(),
    };
    for (at, &block) in order.iter().enumerate() {
        let data = &asm.blocks[block as usize];
        out.starts[block as usize] = out.code.slots.len();
        for inst in &asm.insts[data.from as usize..data.to as usize] {
            out.inst(inst, program);
        }
        out.exit(data.exit, data.loc, order.get(at + 1).copied(), isa);
    }
    out.patch();
    out.code
}

/// Blocks in the order in which they stand in memory.
fn order(asm: &Asm) -> Vec<u32> {
    (0..super::index(asm.blocks.len())).collect()
}

struct Out {
    code: Code,
    /// The first slot of each block.
    starts: Vec<usize>,
    /// Jumps: slot, and the block where it leads.
    jumps: Vec<(usize, u32)>,
}

impl Out {
    fn slot(&self) -> Slot {
        Slot(super::index(self.code.slots.len()))
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

    fn inst(&mut self, inst: &PInst, program: &Program) {
        let at = self.slot();
        match inst.note {
            Note::Marker(marker) => {
                let (name, _) = &program.markers[marker as usize];
                self.code.markers.push((at, name.clone()));
                return;
            }
            Note::Symbol(symbol, addend) => {
                let kind = match inst.insn {
                    Insn::LoadImm64 { imm: Imm64::Value(_), .. } => RelocKind::LoadImm64,
                    _ => RelocKind::Call,
                };
                self.code.relocs.push(CodeReloc { at, kind, symbol, addend: addend.into() });
            }
            Note::Core(core) => self.code.core.push((at, core)),
            Note::None | Note::Skip | Note::Opaque => {}
        }
        self.insn(inst.insn, inst.loc);
    }

    fn jump(&mut self, to: u32, loc: Loc) {
        self.jumps.push((self.code.slots.len(), to));
        self.insn(Insn::Jump { off: 0, long: false }, loc);
    }

    fn exit(&mut self, exit: PExit, loc: Loc, next: Option<u32>, isa: Isa) {
        match exit {
            PExit::Jump(to) => {
                if next != Some(to) {
                    self.jump(to, loc);
                }
            }
            PExit::Branch { cond, width, dst, src, then, other } => {
                let inverse = inverse(cond).filter(|cond| isa.has_cond(*cond));
                let mut conditional = |cond: Cond, to: u32| {
                    self.jumps.push((self.code.slots.len(), to));
                    self.insn(Insn::JumpIf { cond, width, dst, src, off: 0 }, loc);
                };
                match inverse {
                    Some(inverse) if next == Some(then) => conditional(inverse, other),
                    _ => {
                        conditional(cond, then);
                        if next != Some(other) {
                            self.jump(other, loc);
                        }
                    }
                }
            }
            PExit::MayGoto { again, done } => {
                self.jumps.push((self.code.slots.len(), done));
                self.insn(Insn::MayGoto { off: 0 }, loc);
                if next != Some(again) {
                    self.jump(again, loc);
                }
            }
            PExit::Exit => self.insn(Insn::Exit, loc),
        }
    }

    fn patch(&mut self) {
        for &(at, to) in &self.jumps {
            let target = Slot(super::index(self.starts[to as usize]));
            let off = Slot(super::index(at)).offset_to(target).and_then(|off| i16::try_from(off).ok());
            let slot = self.code.slots[at];
            let off = off.unwrap_or(0);
            self.code.slots[at] = RawInsn::new(slot.code, slot.dst(), slot.src(), off, slot.imm);
        }
    }
}
