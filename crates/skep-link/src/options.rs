//! How to link.

use std::collections::BTreeMap;

/// How to link.
///
/// ```
/// use skep_link::Options;
/// let options = Options::new().entry("main").entry("at_exit").define("cpus", 4);
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    keep: Keep,
    numbers: BTreeMap<String, u64>,
}

/// Where the search for what is kept begins; from there it follows references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// Whatever is visible by name in the objects, and all their functions in sections other than `.text` and `.text.*`.
    #[default]
    Visible,
    /// The functions of these names.
    Entries(Vec<String>),
    /// Everything, referred to or not.
    All,
}

impl Options {
    /// Keeps whatever is visible by name, all programs, and what these refer to.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps this function and what it refers to; others only if they are named too, or referred to.
    #[must_use]
    pub fn entry(mut self, name: impl Into<String>) -> Self {
        match &mut self.keep {
            Keep::Entries(names) => names.push(name.into()),
            keep => *keep = Keep::Entries(vec![name.into()]),
        }
        self
    }

    /// Keeps everything, referred to or not.
    #[must_use]
    pub fn keep_everything(mut self) -> Self {
        self.keep = Keep::All;
        self
    }

    /// Gives a name a value, which references to it become if no object and no library defines it: in `ld_imm64` and
    /// in data all 64 bits, in a call the number of a helper. The last one of a name holds.
    #[must_use]
    pub fn define(mut self, name: impl Into<String>, value: u64) -> Self {
        self.numbers.insert(name.into(), value);
        self
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.numbers.get(name).copied()
    }

    pub(crate) fn keep(&self) -> &Keep {
        &self.keep
    }
}
