//! The way that is likely to be taken is the first one of a branch, and so what stands behind it in memory.
//!
//! The verifier follows that way first. It should be the one on which less is known: where a narrower state comes along
//! later, the kernel has seen a wider one there and stops. So what is equal goes the other way; and what is done on one
//! way alone comes before what other ways lead to, too, since it is what makes a difference.

use super::Context;
use crate::ir::{Cond, Func, Term};

pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    let mut ways_in = vec![0u32; func.blocks.len()];
    for block in &func.blocks {
        block.term.each_edge(|edge| ways_in[edge.block.0 as usize] += 1);
    }
    let mut changed = false;
    for at in 0..func.blocks.len() {
        let Term::Branch { cond, b, ref then, ref other, .. } = func.blocks[at].term else { continue };
        let unlikely = match cond {
            Cond::Eq => true,
            Cond::Ne => false,
            Cond::Slt if func.as_const(b) == Some(0) => true,
            Cond::Sge if func.as_const(b) == Some(0) => false,
            _ => ways_in[then.block.0 as usize] > 1 && ways_in[other.block.0 as usize] == 1,
        };
        if unlikely && let Term::Branch { cond, then, other, .. } = &mut func.blocks[at].term {
            *cond = cond.inverse();
            std::mem::swap(then, other);
            changed = true;
        }
    }
    changed
}
