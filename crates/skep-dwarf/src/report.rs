//! What became of the debug information.

use std::fmt;

use crate::lang::Lang;

/// Why a DIE is not in the BTF.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Skip {
    /// It groups others: a unit, a namespace.
    Scope,
    /// Code: blocks, calls, labels, inlined functions.
    Code,
    /// A variable or parameter inside a function.
    Local,
    /// A function that is only declared here.
    DeclaredFunction,
    /// A function whose code is not in this unit, because it was inlined everywhere.
    InlinedFunction,
    /// A function whose code the linker has dropped.
    DroppedFunction,
    /// A function that the file has no symbol for.
    NoSymbol,
    /// A function whose name stands for different prototypes.
    Inconsistent,
    /// A function that takes a parameter where its prototype does not say.
    UnexpectedRegister,
    /// A function with a parameter without a name.
    UnnamedParameter,
    /// A variable that is only declared here.
    DeclaredVariable,
    /// A variable outside of the sections that are asked for.
    Variable,
    /// A name made visible elsewhere.
    Import,
    /// A parameter of a template.
    Template,
    /// A unit of a language that is not asked for.
    Language,
    /// A kind of DIE that has no place in BTF.
    Unsupported,
    /// A type that contains itself without a name on the way.
    Loop,
    /// A size, offset or value that is too large for BTF.
    TooLarge,
    /// A place that is only known at run time.
    Dynamic,
    /// Refers to a DIE that is not there, or is no type.
    Dangling,
    /// Nothing that is left needs it.
    Pruned,
}

impl Skip {
    /// All reasons.
    pub const ALL: [Skip; 21] = [
        Skip::Scope,
        Skip::Code,
        Skip::Local,
        Skip::DeclaredFunction,
        Skip::InlinedFunction,
        Skip::DroppedFunction,
        Skip::NoSymbol,
        Skip::Inconsistent,
        Skip::UnexpectedRegister,
        Skip::UnnamedParameter,
        Skip::DeclaredVariable,
        Skip::Variable,
        Skip::Import,
        Skip::Template,
        Skip::Language,
        Skip::Unsupported,
        Skip::Loop,
        Skip::TooLarge,
        Skip::Dynamic,
        Skip::Dangling,
        Skip::Pruned,
    ];

    /// A few words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Skip::Scope => "units and namespaces",
            Skip::Code => "code",
            Skip::Local => "local variables",
            Skip::DeclaredFunction => "declarations of functions",
            Skip::InlinedFunction => "functions without code",
            Skip::DroppedFunction => "functions that the linker has dropped",
            Skip::NoSymbol => "functions without a symbol",
            Skip::Inconsistent => "functions with several prototypes",
            Skip::UnexpectedRegister => "functions with parameters in unexpected registers",
            Skip::UnnamedParameter => "functions with unnamed parameters",
            Skip::DeclaredVariable => "declarations of variables",
            Skip::Variable => "variables",
            Skip::Import => "imports",
            Skip::Template => "template parameters",
            Skip::Language => "units of other languages",
            Skip::Unsupported => "kinds that BTF does not have",
            Skip::Loop => "types that contain themselves",
            Skip::TooLarge => "too large for BTF",
            Skip::Dynamic => "places known at run time",
            Skip::Dangling => "references that lead nowhere",
            Skip::Pruned => "pruned",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// How many DIEs there were, and what became of them: `encoded` and all of `skipped` add up to `seen`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All DIEs.
    pub seen: u64,
    /// Those that the BTF has: a type, a part of one, a function, a variable.
    pub encoded: u64,
    skipped: [u64; Skip::ALL.len()],
    replaced: [u64; Skip::ALL.len()],
}

impl Tally {
    /// How many were skipped for that reason.
    #[must_use]
    pub fn skipped(&self, reason: Skip) -> u64 {
        self.skipped[reason as usize]
    }

    /// How many were skipped, for each reason that there was.
    pub fn reasons(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        Skip::ALL.into_iter().map(|reason| (reason, self.skipped(reason))).filter(|&(_, count)| count != 0)
    }

    /// How many references became void, although their own type is encoded, for each reason that there was.
    pub fn replaced(&self) -> impl Iterator<Item = (Skip, u64)> + '_ {
        let counts = Skip::ALL.into_iter().map(|reason| (reason, self.replaced[reason as usize]));
        counts.filter(|&(_, count)| count != 0)
    }

    /// Whether each DIE is accounted for.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.encoded + self.skipped.iter().sum::<u64>() == self.seen
    }

    #[inline]
    pub(crate) fn skip(&mut self, reason: Skip, dies: u64) {
        self.skipped[reason as usize] += dies;
    }

    /// A part of a type that is encoded is left out.
    pub(crate) fn drop_part(&mut self, reason: Skip) {
        self.skip(reason, 1);
        // The type is counted as a whole, sooner or later.
        self.encoded = self.encoded.wrapping_sub(1);
    }

    /// A reference is void in the encoding.
    pub(crate) fn replace(&mut self, reason: Skip) {
        self.replaced[reason as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Tally) {
        self.seen += other.seen;
        self.encoded += other.encoded;
        for (sum, count) in self.skipped.iter_mut().zip(other.skipped) {
            *sum += count;
        }
        for (sum, count) in self.replaced.iter_mut().zip(other.replaced) {
            *sum += count;
        }
    }
}

/// One unit: what it is, and what became of its DIEs.
#[derive(Debug, Clone, Default)]
pub struct UnitReport {
    /// Offset of the unit in its section.
    pub offset: u64,
    /// The source file.
    pub name: String,
    /// The directory that its name counts from.
    pub dir: String,
    /// The compiler and its options.
    pub producer: String,
    /// The language.
    pub language: Lang,
    /// The number of the language in DWARF.
    pub dwarf_language: u16,
    /// The version of DWARF.
    pub version: u16,
    /// How many types it defines.
    pub types: u64,
    /// Its DIEs.
    pub dies: Tally,
}

/// What became of each unit.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// In the order of the file.
    pub units: Vec<UnitReport>,
}

impl Report {
    /// The sum of all units.
    #[must_use]
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.units.iter().for_each(|unit| total.add(&unit.dies));
        total
    }
}
