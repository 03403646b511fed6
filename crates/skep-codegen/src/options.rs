//! How to compile.

use skep_insn::{Cpu, Endian};

/// How to compile: `Options::new().opt(Opt::O2).cpu(Cpu::V3)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub(crate) opt: Opt,
    pub(crate) cpu: Cpu,
    pub(crate) endian: Endian,
    pub(crate) closed_world: bool,
    pub(crate) target: Target,
    pub(crate) frame: u32,
    pub(crate) validate: bool,
    pub(crate) jump_tables: bool,
}

/// How hard to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Opt {
    /// As written: no pass runs, variables that can live in registers do.
    O0,
    /// Cheap passes, one round.
    O1,
    /// All passes; the fewest executed instructions.
    #[default]
    O2,
    /// All passes; the fewest instructions.
    Os,
}

/// What will run the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Target {
    /// The kernel, which has no indirect calls, no host addresses, and five arguments; functions in sections that are no
    /// kernel sections (`BEGIN`) may use all that user space has.
    #[default]
    Kernel,
    /// User space only.
    User,
}

impl Default for Options {
    fn default() -> Options {
        Options::new()
    }
}

impl Options {
    /// `O2`, cpu v3, little-endian, for the kernel.
    #[must_use]
    pub fn new() -> Options {
        Options {
            opt: Opt::O2,
            cpu: Cpu::V3,
            endian: Endian::Little,
            closed_world: false,
            target: Target::Kernel,
            frame: 512,
            validate: cfg!(debug_assertions),
            jump_tables: false,
        }
    }

    /// How hard to try.
    #[must_use]
    pub fn opt(self, opt: Opt) -> Options {
        Options { opt, ..self }
    }

    /// Which instructions may be used.
    #[must_use]
    pub fn cpu(self, cpu: Cpu) -> Options {
        Options { cpu, ..self }
    }

    /// The byte order of the machine that runs it; that of a module with bit-fields is said by `Module::set_endian`, too.
    #[must_use]
    pub fn endian(self, endian: Endian) -> Options {
        Options { endian, ..self }
    }

    /// Nobody will replace a function later: exported functions may be inlined, too.
    #[must_use]
    pub fn closed_world(self, closed_world: bool) -> Options {
        Options { closed_world, ..self }
    }

    /// What will run the code.
    #[must_use]
    pub fn target(self, target: Target) -> Options {
        Options { target, ..self }
    }

    /// How many bytes of stack a function may use: 512, the kernel's limit, unless this is called; at most 32 768.
    #[must_use]
    pub fn frame(self, bytes: u32) -> Options {
        Options { frame: bytes, ..self }
    }

    /// Makes jump tables (`gotox`) of dense switches instead of trees of compares; on cpu v4 only, without effect on others.
    /// Off by default: no kernel up to 6.18 takes them. skep's interpreter does.
    #[must_use]
    pub fn jump_tables(self, jump_tables: bool) -> Options {
        Options { jump_tables, ..self }
    }

    /// Validates the IR after each pass and checks the register allocation, at several times the time: on by default in
    /// debug builds.
    #[must_use]
    pub fn validate(self, validate: bool) -> Options {
        Options { validate, ..self }
    }
}
