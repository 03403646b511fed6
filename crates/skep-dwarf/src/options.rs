//! What to encode, and how.

use std::num::NonZeroUsize;

use crate::lang::Lang;

/// What to encode, and how.
///
/// ```
/// use skep_dwarf::Options;
///
/// let options = Options::new().threads(2);
/// ```
#[derive(Debug, Clone)]
pub struct Options<'a> {
    pub(crate) threads: NonZeroUsize,
    pub(crate) languages: Vec<Lang>,
    pub(crate) functions: Functions,
    pub(crate) variables: Variables,
    pub(crate) supplementary: Option<&'a [u8]>,
    pub(crate) split: Vec<&'a [u8]>,
}

/// Which functions are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Functions {
    /// None.
    None,
    /// Those that can be traced by their prototype: with a symbol, with one prototype in all units, with their
    /// parameters where the calling convention has them.
    #[default]
    Consistent,
    /// All that have code; of several prototypes, the first.
    All,
}

/// Which variables are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Variables {
    /// None.
    None,
    /// Those that each CPU of a kernel has its own copy of.
    #[default]
    PerCpu,
    /// All that have an address and a symbol.
    All,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            threads: NonZeroUsize::MIN,
            languages: Vec::new(),
            functions: Functions::default(),
            variables: Variables::default(),
            supplementary: None,
            split: Vec::new(),
        }
    }
}

impl<'a> Options<'a> {
    /// Everything that a kernel has in its BTF: types of all languages, functions that can be traced, per-CPU
    /// variables. One thread.
    #[must_use]
    pub fn new() -> Options<'a> {
        Options::default()
    }

    /// How many threads read units; 0 means one. The result does not depend on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Options<'a> {
        self.threads = NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Only units of these languages; all, if there are none.
    #[must_use]
    pub fn languages(mut self, languages: &[Lang]) -> Options<'a> {
        self.languages = languages.to_owned();
        self
    }

    /// Which functions are encoded.
    #[must_use]
    pub fn functions(mut self, functions: Functions) -> Options<'a> {
        self.functions = functions;
        self
    }

    /// Which variables are encoded.
    #[must_use]
    pub fn variables(mut self, variables: Variables) -> Options<'a> {
        self.variables = variables;
        self
    }

    /// The bytes of the file that `dwz` has moved common parts to.
    #[must_use]
    pub fn supplementary(mut self, file: &'a [u8]) -> Options<'a> {
        self.supplementary = Some(file);
        self
    }

    /// The bytes of a `.dwo` or `.dwp` file that has units of this one. May be called for each.
    #[must_use]
    pub fn split(mut self, file: &'a [u8]) -> Options<'a> {
        self.split.push(file);
        self
    }
}
