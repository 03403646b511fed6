//! Blocks after register allocation: empty ones are skipped, equal ones become one.

use rustc_hash::FxHashMap;

use super::emit::{Asm, Note, PExit};
use super::index;

/// Makes fewer blocks and jumps of the same meaning.
pub(super) fn run(asm: &mut Asm) {
    if asm.blocks.len() == 1 {
        return;
    }
    skip_empty(asm);
    if merge_equal(asm) {
        skip_empty(asm);
    }
}

/// Jumps to a block that does nothing but jump on go where that goes; a jump to an exit is an exit.
fn skip_empty(asm: &mut Asm) {
    // Where a jump to each block ends.
    let mut ends: Vec<u32> = (0..index(asm.blocks.len())).collect();
    for start in 0..ends.len() {
        let mut at = ends[start];
        // A loop of empty blocks is left as it is.
        for _ in 0..ends.len() {
            let data = &asm.blocks[at as usize];
            match data.exit {
                PExit::Jump(to) if data.from == data.to && to != at => at = to,
                _ => break,
            }
        }
        ends[start] = at;
    }
    asm.retarget_tables(|to| ends[to as usize]);
    for block in 0..asm.blocks.len() {
        let exit = asm.blocks[block].exit.retarget(|to| ends[to as usize]);
        asm.blocks[block].exit = match exit {
            PExit::Jump(to) => {
                let target = &asm.blocks[to as usize];
                if target.from == target.to && target.exit == PExit::Exit { PExit::Exit } else { exit }
            }
            PExit::Branch { then, other, .. } if then == other => PExit::Jump(then),
            exit => exit,
        };
    }
}

/// Lets one of several equal blocks stand for all; whether there were any.
fn merge_equal(asm: &mut Asm) -> bool {
    let mut firsts: FxHashMap<u64, u32> = FxHashMap::default();
    let mut same: Vec<u32> = (0..index(asm.blocks.len())).collect();
    let mut any = false;
    // Successors come first, as a rule, so that what leads to equal blocks is seen to be equal.
    for block in (1..index(asm.blocks.len())).rev() {
        let data = &mut asm.blocks[block as usize];
        data.exit = data.exit.retarget(|to| same[to as usize]);
        if data.to - data.from > 8 {
            continue;
        }
        let hash = hash(asm, block);
        match firsts.get(&hash) {
            Some(&first) if equal(asm, first, block) => {
                same[block as usize] = first;
                any = true;
            }
            _ => {
                firsts.insert(hash, block);
            }
        }
    }
    if any {
        for data in &mut asm.blocks {
            data.exit = data.exit.retarget(|to| same[to as usize]);
        }
        asm.retarget_tables(|to| same[to as usize]);
    }
    any
}

fn hash(asm: &Asm, block: u32) -> u64 {
    use std::hash::{Hash, Hasher};
    let mut hasher = rustc_hash::FxHasher::default();
    for inst in asm.insts_of(block) {
        inst.insn.hash(&mut hasher);
    }
    asm.blocks[block as usize].exit.hash(&mut hasher);
    hasher.finish()
}

fn equal(asm: &Asm, a: u32, b: u32) -> bool {
    let (insts_a, insts_b) = (asm.insts_of(a), asm.insts_of(b));
    asm.blocks[a as usize].exit == asm.blocks[b as usize].exit
        && insts_a.len() == insts_b.len()
        && insts_a.iter().zip(insts_b).all(|(a, b)| {
            a.insn == b.insn && a.note == b.note && !matches!(a.note, Note::Marker(_) | Note::Opaque)
        })
}
