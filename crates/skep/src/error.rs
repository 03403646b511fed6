//! One error for the whole way.

/// What went wrong, and in which step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An ELF object could not be read.
    #[error(transparent)]
    Read(#[from] skep_object::Error),
    /// Assembly has mistakes.
    #[error(transparent)]
    Assemble(#[from] skep_object::asm::Errors),
    /// An object could not be linked.
    #[error(transparent)]
    Link(#[from] skep_link::Error),
    /// A module could not be compiled: all of its mistakes.
    #[error(transparent)]
    Build(#[from] skep_codegen::Diags),
    /// The kernel refused something.
    #[error(transparent)]
    Kernel(Box<skep_kernel::Error>),
    /// An image could not be added to an engine.
    #[error(transparent)]
    Add(#[from] skep_vm::Error),
    /// A run ended early.
    #[error(transparent)]
    Run(#[from] Box<skep_vm::Trap>),
    /// It is not clear which function to run, or there is none.
    #[error(transparent)]
    Select(#[from] crate::program::SelectError),
}

impl From<skep_kernel::Error> for Error {
    fn from(error: skep_kernel::Error) -> Error {
        Error::Kernel(Box::new(error))
    }
}
