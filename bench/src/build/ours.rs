//! The one place where skep's code generator meets this benchmark.
//!
//! clang's unoptimized LLVM IR is what skep's side begins with, so that both compile the same C.

use std::error::Error;

use skep::{Opt, Options};

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

/// skep's side: LLVM IR instruction by instruction to skep's, then its optimizer and its back end.
pub(crate) struct Skep;

impl Skep {
    /// What was set.
    pub(crate) fn about() -> &'static str {
        "clang's unoptimized LLVM IR, transcribed, then all passes"
    }

    /// Compiles the text of an LLVM module to a BPF object with BTF: same functions, sections and maps.
    ///
    /// # Errors
    /// The module uses what has no translation, or skep refuses the program.
    pub(crate) fn compile(ir: &str, cpu: Cpu, level: Level) -> Result<Vec<u8>, Box<dyn Error>> {
        let module = skep_tests::sir::llvm::translate("corpus", ir)?;
        let cpu = match cpu {
            Cpu::V3 => skep::Cpu::V3,
            Cpu::V4 => skep::Cpu::V4,
        };
        let opt = match level {
            Level::O2 => Opt::O2,
            Level::Os => Opt::Os,
        };
        let object = skep::codegen::compile(module, &Options::new().cpu(cpu).opt(opt))?;
        Ok(skep::object::elf::write(&object))
    }
}
