//! Who compiles the workloads. To add a code generator: a file here with a [`Peer`], a line in [`all`].

mod gccjit;
mod llvm;
mod skep;

use std::error::Error;

use super::workload::Workload;

/// A code generator, set up and ready.
pub(crate) trait Peer {
    /// Builds a workload through its API and compiles it: the bytes of an ELF object.
    ///
    /// # Errors
    /// It refuses the work.
    fn build(&mut self, workload: Workload) -> Result<Vec<u8>, Box<dyn Error>>;

    /// What the first function returns for this argument, of peers whose objects are not for BPF.
    fn native_result(&mut self, _: Workload, _: u64) -> Option<Result<u64, Box<dyn Error>>> {
        None
    }
}

/// A code generator that may be installed.
pub(crate) struct Entry {
    /// A column's title, and what the command line calls it.
    pub(crate) name: &'static str,
    /// Version, and what was set to be fair.
    pub(crate) about: &'static str,
    /// Opens the library and sets up what is kept from one compilation to the next.
    pub(crate) open: fn() -> Result<Box<dyn Peer>, String>,
    /// Whether its function of 100 000 instructions is waited for.
    pub(crate) patient: bool,
}

/// Everyone, skep first.
pub(crate) fn all() -> Vec<Entry> {
    vec![
        Entry {
            name: "skep-O2",
            about: "this project's code generator: dynamic core of the builder, BPF v3, with BTF and lines",
            open: || skep::open(::skep::Opt::O2),
            patient: true,
        },
        Entry {
            name: "skep-O0",
            about: "the same without optimization",
            open: || skep::open(::skep::Opt::O0),
            patient: true,
        },
        Entry {
            name: "LLVM-O2",
            about: "libLLVM 22 in process: C API, default<O2>, BPF v3, with BTF; target machine kept",
            open: || llvm::open(llvm::Level::O2, llvm::Debug::Btf),
            patient: true,
        },
        Entry {
            name: "LLVM-O0",
            about: "the same without optimization",
            open: || llvm::open(llvm::Level::O0, llvm::Debug::Btf),
            patient: true,
        },
        Entry {
            name: "LLVM-O2-g0",
            about: "O2 without BTF and lines",
            open: || llvm::open(llvm::Level::O2, llvm::Debug::None),
            patient: false,
        },
        Entry {
            name: "gccjit-O2",
            about: "libgccjit 12 for this machine, to an object file; its child processes' time is counted",
            open: || gccjit::open(gccjit::Level::O2),
            patient: false,
        },
        Entry {
            name: "gccjit-O0",
            about: "the same without optimization",
            open: || gccjit::open(gccjit::Level::O0),
            patient: true,
        },
    ]
}
