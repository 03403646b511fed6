//! From typed code to BPF: IR, optimizer, register allocation, objects.
//!
//! * [`ir`] is the intermediate representation, with a text form and a validator.

pub mod build;
pub mod diag;
pub mod ir;
#[doc(hidden)]
pub mod testing;

mod code;
mod lower;
mod object;
mod opt;
mod options;

pub use diag::{Diag, Diags};
pub use options::{Opt, Options, Target};
pub use skep_insn::{Cpu, Endian};
use skep_object::Object;

/// Compiles a module to a relocatable object.
///
/// # Errors
/// All that is wrong with the module, or does not exist on the target.
pub fn compile(mut module: ir::Module, options: &Options) -> Result<Object, Diags> {
    ir::validate::module(&module)?;
    opt::run(&mut module, options);
    let code = lower::all(&module, options)?;
    object::write(module, code, options)
}
