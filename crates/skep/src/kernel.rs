//! Programs in the Linux kernel: what `skep-kernel` has, taking objects and modules as well as images.
//!
//! ```no_run
//! let object = skep::read("opens.bpf.o", &std::fs::read("opens.bpf.o")?)?;
//! let loaded = skep::kernel::load(&object)?;
//! let _link = loaded.attach("on_open")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use skep_kernel::{
    BtfFd, Entries, Error, Global, Link, Loaded, Log, Map, Options, PerCpuMap, Place, Prog, ProgInfo,
    Refusal, Target, TestRun, TestRunResult, TypedMap, TypesRefused, UpdateFlags, btf_load, data_layout,
};

use crate::IntoImage;

/// Loads a program: maps, types, and all that its sections say is for the kernel.
///
/// # Errors
/// If it cannot be compiled or linked, or the kernel refuses it: the error has the verifier's log and points at the source
/// line.
pub fn load(program: &impl IntoImage) -> Result<Loaded, crate::Error> {
    load_with(program, &Options::new())
}

/// Loads a program as the options say. A [module](crate::Build) that the verifier refuses is compiled again without
/// optimization; if that is taken, a [remark](Loaded::remarks) has the refusal.
///
/// # Errors
/// As [`load`].
pub fn load_with(program: &impl IntoImage, options: &Options) -> Result<Loaded, crate::Error> {
    let mut refusal = match skep_kernel::load(&*program.image()?, options) {
        Err(Error::Refused(refusal)) if is_of_the_verifier(&refusal) => refusal,
        result => return Ok(result?),
    };
    // If there is no other form, or only one that cannot be compiled, the first refusal is what counts.
    let Ok(Some(plain)) = program.plain_image() else { return Err(Error::Refused(refusal).into()) };
    match skep_kernel::load(&plain, options) {
        Ok(mut loaded) => {
            loaded.remark(format!("compiled again without optimization: {refusal}"));
            Ok(loaded)
        }
        Err(again) => {
            if !refusal.remedy.is_empty() {
                refusal.remedy.push_str("; ");
            }
            let why = match again {
                Error::Refused(again) if again.reason == refusal.reason => "for the same reason".to_owned(),
                Error::Refused(again) if !again.reason.is_empty() => again.reason,
                again => again.to_string(),
            };
            refusal.remedy.push_str(&format!(
                "it is not the optimizer: without it, the program is refused, too ({why})"
            ));
            Err(Error::Refused(refusal).into())
        }
    }
}

/// Whether the code is what the kernel does not like: what it may not do, cannot be, or is too complex.
fn is_of_the_verifier(refusal: &Refusal) -> bool {
    // EACCES, EINVAL and E2BIG.
    matches!(refusal.errno.raw_os_error(), Some(13 | 22 | 7))
}
