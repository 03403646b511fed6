//! What tests need beyond the public interface.

use crate::ir::Module;
use crate::{Options, opt};

pub use crate::passes;

/// Runs the pass of a name over all functions of a module, or all passes of a level (`O2`). `false` if there is none.
///
/// # Panics
/// If a pass leaves a function that is not valid.
pub fn run_pass(module: &mut Module, name: &str) -> bool {
    opt::run_named(module, name, &Options::new().validate(true))
}

/// Runs the passes of a level, and shows what each of them leaves.
///
/// # Panics
/// If a pass leaves a function that is not valid, and `options` say that this is looked at.
pub fn optimize(module: &mut Module, options: &Options, mut after: impl FnMut(&'static str, &Module)) {
    opt::run_observed(module, options, &mut |name, module, _| after(name, module));
}
