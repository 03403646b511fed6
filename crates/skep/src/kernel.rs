//! Programs in the Linux kernel: what `skep-kernel` has, taking objects as well as images.
//!
//! ```no_run
//! let object = skep::read("opens.bpf.o", &std::fs::read("opens.bpf.o")?)?;
//! let loaded = skep::kernel::load(&object)?;
//! let _link = loaded.attach("on_open")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use skep_kernel::{
    Entries, Error, Global, Link, Loaded, Log, Map, Options, PerCpuMap, Place, Prog, ProgInfo, Refusal,
    Target, TestRun, TestRunResult, TypedMap, UpdateFlags,
};

use crate::IntoImage;

/// Loads a program: maps, types, and all that its sections say is for the kernel.
///
/// # Errors
/// If it cannot be linked, or the kernel refuses it: the error has the verifier's log and points at the source line.
pub fn load(program: &impl IntoImage) -> Result<Loaded, crate::Error> {
    load_with(program, &Options::new())
}

/// Loads a program as the options say.
///
/// # Errors
/// As [`load`].
pub fn load_with(program: &impl IntoImage, options: &Options) -> Result<Loaded, crate::Error> {
    Ok(skep_kernel::load(&*program.image()?, options)?)
}
