//! The one place where skep's code generator meets this benchmark.
//!
//! clang's unoptimized LLVM IR is what skep's side begins with, so that both compile the same C.

use std::error::Error;

use super::clang::Cpu;

/// How skep optimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// For speed.
    O2,
    /// For size.
    Os,
}

impl Level {
    pub(crate) const ALL: [Self; 2] = [Self::O2, Self::Os];
}

/// A translator of LLVM IR to skep's, with skep's code generator behind it.
pub(crate) trait Translator {
    /// What it is, and what was set.
    fn about(&self) -> String;

    /// Compiles the text of an LLVM module to a BPF object with BTF: same functions, sections and maps.
    ///
    /// # Errors
    /// The module uses what has no translation, or skep refuses the program.
    fn compile(&self, ir: &str, cpu: Cpu, level: Level) -> Result<Vec<u8>, Box<dyn Error>>;
}

/// skep's side.
///
/// # Errors
/// Why it takes no part.
pub(crate) fn translator() -> Result<Box<dyn Translator>, String> {
    Err("the code generator is not part of this build".into())
}
