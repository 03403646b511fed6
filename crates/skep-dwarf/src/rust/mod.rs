//! What Rust types are in BTF.

use crate::c;
use crate::model::Node;
use crate::pool::Id;
use crate::report::Tally;
use crate::shape::{At, Shaper};

/// A base type.
pub(crate) fn base(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node) -> Id {
    c::base(shaper, at, node)
}

/// A struct or union, with or without variants.
pub(crate) fn composite(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node, name: Id, tally: &mut Tally) -> Id {
    c::composite(shaper, at, node, name, tally)
}
