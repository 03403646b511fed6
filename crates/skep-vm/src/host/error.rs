//! Why a name cannot be used.

use std::fmt;

use skep_object::nearest::did_you_mean;

/// Why a name that a program imports cannot be resolved, or one of the host not be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostError {
    name: String,
    sites: Vec<String>,
    reason: Reason,
    nearest: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Nowhere.
    Missing,
    /// In the process, where the engine was not told to look.
    LookupOff,
    /// In the process, where checked programs never look.
    UncheckedLookup,
    /// Not registered, and nowhere else either.
    NotRegistered,
    Variadic,
    ClosureAddress,
    CalledVariable,
    /// The prototype in the program's types.
    Prototype(String),
    NoPrototype,
    NotInProcess,
    /// What it does to the process is wrong while other threads run.
    NotForThreads,
    KernelHelper {
        id: i32,
    },
    TakenHelper {
        id: i32,
        by: String,
    },
}

/// How many call sites a message lists.
const SITES: usize = 4;

impl HostError {
    pub(super) fn new(name: &str, reason: Reason) -> HostError {
        HostError { name: name.to_owned(), sites: Vec::new(), reason, nearest: Vec::new() }
    }

    pub(super) fn nearest(mut self, names: Vec<String>) -> HostError {
        self.nearest = names;
        self
    }

    /// Adds where the program uses the name: `main+0x18`.
    #[must_use]
    pub fn with_sites(mut self, sites: Vec<String>) -> HostError {
        self.sites = sites;
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the program uses it.
    #[must_use]
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// Names like it that are defined, the nearest first.
    #[must_use]
    pub fn nearest_names(&self) -> &[String] {
        &self.nearest
    }
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match &self.reason {
            Reason::Missing | Reason::LookupOff | Reason::UncheckedLookup | Reason::NotRegistered => {
                write!(f, "undefined symbol '{name}'")?;
            }
            Reason::KernelHelper { .. } | Reason::TakenHelper { .. } => {
                write!(f, "cannot register helper '{name}'")?
            }
            Reason::NoPrototype | Reason::NotInProcess | Reason::NotForThreads => {
                write!(f, "cannot register function '{name}'")?
            }
            _ => write!(f, "cannot use symbol '{name}'")?,
        }
        for (index, site) in self.sites.iter().take(SITES).enumerate() {
            write!(f, "{}{site}", if index == 0 { ", used at " } else { ", " })?;
        }
        if self.sites.len() > SITES {
            write!(f, " and {} more places", self.sites.len() - SITES)?;
        }
        f.write_str(": ")?;
        match &self.reason {
            Reason::Missing => {
                f.write_str("neither the program, nor the host, nor a library of this process defines it")?;
            }
            Reason::LookupOff => f.write_str(
                "the process has it, but lookup there is off; register it, or allow the lookup",
            )?,
            Reason::UncheckedLookup | Reason::NotRegistered => {
                f.write_str("a checked program may use registered names only; register it with a signature")?;
            }
            Reason::Variadic => f.write_str(
                "it takes any number of arguments, which cannot be checked; register a closure in its place, or use \
                 print() of skep/user.h",
            )?,
            Reason::ClosureAddress => f.write_str(
                "its address is taken, but it is a closure of the host and has no address; register a C function",
            )?,
            Reason::CalledVariable => f.write_str("it is called, but what the host registered is a variable")?,
            Reason::Prototype(reason) => write!(f, "{reason}")?,
            Reason::NoPrototype => f.write_str("its prototype is not known; register it with a signature")?,
            Reason::NotForThreads => f.write_str(
                "no check makes it right in a process with other threads; `Hosts::function` takes it from who knows better",
            )?,
            Reason::NotInProcess => f.write_str("the C library of this process does not have it")?,
            Reason::KernelHelper { id } => {
                let first = super::FIRST_USER_HELPER;
                write!(f, "numbers below {first} are the kernel's, {id} too; take one from {first} on")?;
            }
            Reason::TakenHelper { id, by } => write!(f, "its number {id} is taken by '{by}'; take another")?,
        }
        f.write_str(&did_you_mean(&self.nearest))
    }
}

impl std::error::Error for HostError {}

#[cfg(test)]
mod tests {
    use super::{HostError, Reason};

    #[test]
    fn many_call_sites_are_cut_short() {
        let sites = (0..6).map(|at| format!("f+{:#x}", at * 8)).collect();
        let names = ["fob", "foc", "fod"].map(str::to_owned).to_vec();
        let error = HostError::new("foo", Reason::Missing).nearest(names).with_sites(sites);
        assert_eq!(
            error.to_string(),
            "undefined symbol 'foo', used at f+0x0, f+0x8, f+0x10, f+0x18 and 2 more places: neither the program, nor \
             the host, nor a library of this process defines it; did you mean 'fob', 'foc' or 'fod'?"
        );
    }
}
