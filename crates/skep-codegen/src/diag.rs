//! Mistakes, collected: each has a stable code, a place, and says what to do.

use std::fmt;

/// What is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Diag {
    /// Its stable code, `SK104`.
    pub code: Code,
    /// The function it is in; none for what is of the module.
    pub func: Option<String>,
    /// Where in the source, as far as that is known.
    pub place: Option<SourcePlace>,
    /// What was found, what was expected, and what to do. Mistakes that show only in the IR begin with the block and the
    /// instruction, as [`ir::text`](crate::ir::text) prints them.
    pub message: String,
}

/// A position in a source file.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePlace {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1; 0 if unknown.
    pub column: u32,
}

/// All mistakes of one compilation, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diags(pub Vec<Diag>);

impl std::error::Error for Diags {}

impl fmt::Display for Diags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, diag) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            diag.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Diag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.code.fmt(f)?;
        if let Some(func) = &self.func {
            write!(f, " {func}")?;
        }
        if let Some(place) = &self.place {
            write!(f, " at {place}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)?;
        if self.column != 0 {
            write!(f, ":{}", self.column)?;
        }
        Ok(())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// The codes of mistakes. They do not change, and none is used again for something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name = $number),* }

        impl Code {
            /// All of them.
            pub const ALL: &'static [Code] = &[$(Code::$name),*];
        }
    };
}

codes! {
    /// A name that is empty, too long, or has a NUL or other characters that no symbol can have.
    BadName = 1,
    /// A name that is taken.
    DuplicateName = 2,
    /// Something of another function, module or builder.
    Foreign = 3,
    /// Operands whose types do not fit together, or do not fit the operation.
    TypeMismatch = 4,
    /// A variable that is read before it is written.
    Uninitialized = 5,
    /// A block or body that does not end, or code behind its end.
    Unterminated = 6,
    /// A function that was declared but has no body, or has two.
    MissingBody = 7,
    /// A call whose arguments do not fit the function.
    BadCall = 8,
    /// A member, element or bit-field that does not exist.
    NoSuchMember = 9,
    /// A map that lacks something, or an operation that this kind of map does not have.
    BadMap = 10,
    /// A number that does not fit where it is used.
    OutOfRange = 11,
    /// Invalid IR: the validator's words.
    InvalidIr = 12,
    /// Inline assembly that is no assembly, or uses operands that it does not have.
    BadAsm = 13,
    /// A section name, or a thing in a section where it cannot be.
    BadSection = 14,
    /// Too much of something: instructions, blocks, types.
    TooLarge = 15,
    /// Floating point.
    Float = 101,
    /// `long double`, complex, `float128`, `bfloat16`.
    ExtendedFloat = 102,
    /// 128-bit multiplication or division.
    Int128 = 103,
    /// More arguments than the target passes.
    TooManyArgs = 104,
    /// A variadic function with a body.
    VariadicDefinition = 105,
    /// A call of a variadic function in the kernel.
    VariadicCall = 106,
    /// A struct passed or returned by value by an exported function.
    StructByValue = 107,
    /// A stack frame larger than the limit.
    FrameTooLarge = 108,
    /// A chain of calls whose frames are too many or too large.
    CallChain = 109,
    /// Recursion in the kernel.
    Recursion = 110,
    /// An indirect call, or the address of a function as data, in the kernel.
    IndirectCall = 111,
    /// A stack frame whose size is not known when compiling.
    DynamicStack = 112,
    /// A host address in code for the kernel.
    HostAddress = 113,
    /// A thread-local variable.
    ThreadLocal = 114,
    /// An operation that this cpu version lacks.
    NeedsCpu = 115,
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SK{:03}", *self as u16)
    }
}
