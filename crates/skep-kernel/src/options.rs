//! How to load.

use std::path::PathBuf;

use skep_btf::BpfType;
use skep_object::section::ProgType;

/// How to load an image.
///
/// ```
/// use skep_kernel::{Log, Options};
/// let options = Options::new().log(Log::Full).name_prefix("shop_");
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(crate) log: Log,
    pub(crate) name_prefix: String,
    pub(crate) only: Vec<String>,
    pub(crate) skip: Vec<String>,
    pub(crate) types: Vec<(String, ProgType)>,
    pub(crate) entries: Vec<(String, u32)>,
    pub(crate) values: Vec<(String, Vec<u8>)>,
    pub(crate) pin_dir: Option<PathBuf>,
}

/// What of the verifier's log is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Log {
    /// None, not even to explain a refusal.
    Never,
    /// When a program is refused, it is loaded once more to be told why.
    #[default]
    OnFailure,
    /// Of every program, each state of each instruction; [`Prog::log`](crate::Prog::log) gives it. This is slow.
    Full,
}

impl Options {
    /// Every program that its section does not exempt, under its own name; logs only of what is refused.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// What of the verifier's log is wanted.
    #[must_use]
    pub fn log(mut self, log: Log) -> Options {
        self.log = log;
        self
    }

    /// What the names of maps and programs begin with in the kernel, where names have 15 characters in all.
    #[must_use]
    pub fn name_prefix(mut self, prefix: impl Into<String>) -> Options {
        self.name_prefix = prefix.into();
        self
    }

    /// Loads this program, also if its section begins with `?`, and others only if they are named too.
    #[must_use]
    pub fn only(mut self, program: impl Into<String>) -> Options {
        self.only.push(program.into());
        self
    }

    /// Does not load this program.
    #[must_use]
    pub fn skip(mut self, program: impl Into<String>) -> Options {
        self.skip.push(program.into());
        self
    }

    /// Loads this function as a program of that type, whatever its section says.
    #[must_use]
    pub fn program_type(mut self, function: impl Into<String>, ty: ProgType) -> Options {
        self.types.push((function.into(), ty));
        self
    }

    /// How many entries a map has, instead of what the image says.
    #[must_use]
    pub fn max_entries(mut self, map: impl Into<String>, entries: u32) -> Options {
        self.entries.push((map.into(), entries));
        self
    }

    /// What a global variable begins with; a constant (`.rodata`) too.
    #[must_use]
    pub fn value<T: BpfType>(self, variable: impl Into<String>, value: T) -> Options {
        self.value_bytes(variable, value.to_bytes())
    }

    /// What a global variable begins with, as the bytes that this machine would store.
    #[must_use]
    pub fn value_bytes(mut self, variable: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Options {
        self.values.push((variable.into(), bytes.into()));
        self
    }

    /// Where maps are pinned that want to be; `/sys/fs/bpf` if this is not said.
    #[must_use]
    pub fn pin_dir(mut self, dir: impl Into<PathBuf>) -> Options {
        self.pin_dir = Some(dir.into());
        self
    }
}
