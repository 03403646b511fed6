//! The way that is likely to be taken is the first one of a branch, and so what stands behind it in memory.
//!
//! The verifier follows that way first. It should be the one on which less is known: where a narrower state comes along
//! later, the kernel has seen a wider one there and stops. So what is equal to a number goes the other way.

use super::Context;
use crate::ir::{Cond, Func, Term};

pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    let mut changed = false;
    for at in 0..func.blocks.len() {
        let Term::Branch { cond, b, .. } = func.blocks[at].term else { continue };
        let unlikely = matches!((cond, func.as_const(b)), (Cond::Eq, _) | (Cond::Slt, Some(0)));
        if unlikely && let Term::Branch { cond, then, other, .. } = &mut func.blocks[at].term {
            *cond = cond.inverse();
            std::mem::swap(then, other);
            changed = true;
        }
    }
    changed
}
