//! What tests need beyond the public interface.

use crate::ir::Module;

/// Runs the pass of a name over all functions of a module. `false` if there is none.
pub fn run_pass(_module: &mut Module, _name: &str) -> bool {
    false
}
