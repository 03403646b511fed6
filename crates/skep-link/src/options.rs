//! What to keep.

/// How to link.
///
/// ```
/// use skep_link::Options;
/// let options = Options::new().entry("main").entry("at_exit");
/// # drop(options);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    keep: Keep,
}

/// Where the search for what is kept begins; from there it follows references.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// Whatever is visible by name, and all functions in sections other than `.text` and `.text.*`.
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

    pub(crate) fn keep(&self) -> &Keep {
        &self.keep
    }
}
