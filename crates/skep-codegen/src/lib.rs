//! From typed code to BPF: IR, optimizer, register allocation, objects.
//!
//! * [`build`] describes programs by calls: typed ones for people, and a dynamic core for compilers.
//! * [`ir`] is the intermediate representation, with a text form and a validator.
//! * [`compile`] makes an object of a module; [`compile_with`] shows what each pass of the optimizer makes of it.

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
pub fn compile(module: ir::Module, options: &Options) -> Result<Object, Diags> {
    compile_with(module, options, &mut |_, _, _| {})
}

/// Compiles a module as [`compile`] does, and calls `after` with the name of each pass that has run over a function,
/// the module as it is then, and the index of the function in [`ir::Module::funcs`].
///
/// # Errors
/// As [`compile`].
pub fn compile_with(mut module: ir::Module, options: &Options, after: After<'_>) -> Result<Object, Diags> {
    optimize(&mut module, options, after)?;
    let code = lower::all(&mut module, options)?;
    object::write(module, code, options)
}

/// Does the first half of [`compile_with`]: validates a module, and runs the passes of the level.
///
/// # Errors
/// All that is wrong with the module.
pub fn optimize(module: &mut ir::Module, options: &Options, after: After<'_>) -> Result<(), Diags> {
    ir::validate::module(module)?;
    opt::run_observed(module, options, after);
    Ok(())
}

/// What is called after each pass: with its name, the module, and the index of the function; see [`compile_with`].
pub type After<'a> = &'a mut dyn FnMut(&'static str, &ir::Module, u32);

/// The names of all passes.
pub fn passes() -> impl Iterator<Item = &'static str> {
    opt::PASSES.iter().map(|pass| pass.name)
}
