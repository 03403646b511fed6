//! Who runs the programs. To add an engine: a file here with a [`Contender`], a line in [`all`].

mod native;
mod rbpf;
mod sbpf;
mod skep;

use std::error::Error;

use crate::flat::Flat;
use crate::programs::{Cpu, Program};

/// Code that is loaded and can be run again and again.
pub(crate) trait Loaded {
    /// Runs the program once over `mem`.
    ///
    /// # Errors
    /// The engine stopped the program, or cannot run it.
    fn run(&mut self, mem: &mut [u8]) -> Result<u64, Box<dyn Error>>;
}

/// An engine.
pub(crate) trait Contender {
    /// One short word, a column's title.
    fn name(&self) -> &'static str;

    /// Version, mode, and what was set or left out to be fair.
    fn about(&self) -> String;

    /// The instruction set of the code it gets; `None` for native code.
    fn cpu(&self) -> Option<Cpu>;

    /// Makes a program ready to run.
    ///
    /// # Errors
    /// The engine refuses it.
    fn load(&self, program: &Program) -> Result<Box<dyn Loaded + '_>, Box<dyn Error>>;

    /// Decodes, checks and prepares bare instructions; `None` where that has no meaning.
    fn load_bare(&self, code: &Flat) -> Option<Result<Box<dyn Loaded + '_>, Box<dyn Error>>>;

    /// The part of [`load_bare`](Self::load_bare) that decodes and checks; `None` where there is no other.
    fn check_bare(&self, _: &Flat) -> Option<Result<(), Box<dyn Error>>> {
        None
    }
}

/// Everyone, native code first: the others are compared with it.
pub(crate) fn all() -> Vec<Box<dyn Contender>> {
    vec![
        Box::new(native::Native),
        Box::new(skep::Skep::host()),
        Box::new(skep::Skep::checked()),
        Box::new(rbpf::Rbpf),
        Box::new(sbpf::Sbpf::new()),
    ]
}
