//! Variables and fields of aggregates move from stack slots to values.
//!
//! `slots` finds the pieces of slots that are always accessed as a whole and whose address goes nowhere else, `copies`
//! splits block copies along these pieces, and `ssa` makes each piece a value. Pieces that are accessed in different
//! ways stay in memory, beside the others.

mod copies;
mod slots;
mod ssa;

use super::Context;
use crate::ir::{Cfg, Func};

/// Promotes all that can be.
pub(super) fn run(func: &mut Func, _context: &Context) -> bool {
    if func.slots.is_empty() {
        return false;
    }
    super::flow::drop_unreachable(func);
    let cfg = Cfg::new(func);
    let pieces = slots::pieces(func, &cfg);
    if pieces.count() == 0 {
        return false;
    }
    copies::split(func, &cfg, &pieces);
    // Copies have become accesses, whose addresses are new.
    let addresses = slots::Addresses::new(func, &cfg);
    ssa::promote(func, &cfg, &pieces, &addresses);
    true
}
