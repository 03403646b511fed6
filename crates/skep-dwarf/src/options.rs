//! What to encode, and how.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Arc;

use skep_btf::{Btf, Type};

use crate::lang::Lang;

/// What to encode, and how.
///
/// ```
/// use skep_dwarf::Options;
///
/// let options = Options::new().threads(2);
/// ```
#[derive(Clone)]
pub struct Options<'a> {
    pub(crate) threads: NonZeroUsize,
    pub(crate) base: Option<Arc<Btf>>,
    pub(crate) arrays: Option<Arrays>,
    pub(crate) keep_decl: bool,
    pub(crate) progress: Option<&'a (dyn Fn(Progress) + Sync)>,
    pub(crate) languages: Vec<Lang>,
    pub(crate) functions: Functions,
    pub(crate) variables: Variables,
    pub(crate) supplementary: Option<&'a [u8]>,
    pub(crate) split: Vec<&'a [u8]>,
}

/// How an array of arrays is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrays {
    /// As one: `int a[2][3]` is an array of two arrays.
    Nested,
    /// As `pahole` does, without its inner dimensions: an array of six.
    Flat,
}

/// How far reading has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of debug information that have been read, and will hardly be needed again: a place in the file, unless
    /// the section is compressed.
    pub read: Option<Range<u64>>,
    /// The unit that has been read.
    pub unit: usize,
    /// How many units there are.
    pub units: usize,
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
            base: None,
            arrays: None,
            keep_decl: false,
            progress: None,
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

    /// The result is on top of that set, without the types that it has: the kernel's, for a module.
    #[must_use]
    pub fn base(mut self, base: Arc<Btf>) -> Options<'a> {
        self.base = Some(base);
        self
    }

    /// How arrays of arrays are encoded: as in the base, if there is one, else nested.
    #[must_use]
    pub fn arrays(mut self, arrays: Arrays) -> Options<'a> {
        self.arrays = Some(arrays);
        self
    }

    /// Keeps where structs, unions, typedefs, functions and variables are declared, as tags `decl=FILE:LINE`.
    #[must_use]
    pub fn keep_decl(mut self) -> Options<'a> {
        self.keep_decl = true;
        self
    }

    /// Calls `report` with each unit that has been read, from any thread and in no order.
    #[must_use]
    pub fn progress(mut self, report: &'a (dyn Fn(Progress) + Sync)) -> Options<'a> {
        self.progress = Some(report);
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

impl Options<'_> {
    /// How arrays are encoded, and the name of the type of their indices.
    pub(crate) fn array_style(&self) -> (Arrays, String) {
        let mut style = None;
        if let Some(base) = &self.base {
            for (_, ty) in base.iter() {
                let Type::Array(array) = ty else { continue };
                let (found, _) = style.get_or_insert((Arrays::Flat, base.name(array.index)));
                if matches!(base.ty(array.elem), Type::Array(_)) {
                    *found = Arrays::Nested;
                    break;
                }
            }
        }
        let (found, name) = style.unwrap_or((Arrays::Nested, "int"));
        (self.arrays.unwrap_or(found), name.to_owned())
    }
}

impl fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("threads", &self.threads)
            .field("base", &self.base.as_ref().map(|base| base.count()))
            .field("arrays", &self.arrays)
            .field("languages", &self.languages)
            .field("functions", &self.functions)
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}
