//! The optimizer.

use crate::Options;
use crate::ir::Module;

/// Runs the passes of the level.
pub(crate) fn run(_module: &mut Module, _options: &Options) {}
