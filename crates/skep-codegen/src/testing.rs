//! What tests need beyond the public interface.

use crate::ir::Module;
use crate::{Options, opt};

/// Runs the pass of a name over all functions of a module, or all passes of a level (`O2`). `false` if there is none.
///
/// # Panics
/// If a pass leaves a function that is not valid.
pub fn run_pass(module: &mut Module, name: &str) -> bool {
    opt::run_named(module, name, &Options::new().validate(true))
}
