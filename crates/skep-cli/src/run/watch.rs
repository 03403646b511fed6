//! What is shown of each instruction.

use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use skep::Image;
use skep::vm::debug::Hook;

use super::profile::Profile;
use super::trace::Trace;

/// Watches a run, if asked to.
pub(crate) enum Watch<'a> {
    Nothing,
    Trace(Box<Trace<'a>>),
    Profile(Profile<'a>),
}

impl<'a> Watch<'a> {
    pub(crate) fn new(trace: bool, profile: bool, image: &'a Image) -> Self {
        match (trace, profile) {
            (true, _) => Watch::Trace(Box::new(Trace::new(image))),
            (false, true) => Watch::Profile(Profile::new(image)),
            (false, false) => Watch::Nothing,
        }
    }

    pub(crate) fn hook(&mut self) -> Option<&mut dyn Hook> {
        match self {
            Watch::Nothing => None,
            Watch::Trace(trace) => Some(&mut **trace),
            Watch::Profile(profile) => Some(profile),
        }
    }

    /// A function has ended, with this result unless an error ended it.
    pub(crate) fn end(&mut self, r0: Option<u64>) {
        if let Watch::Trace(trace) = self {
            // A closed standard error does not end the program.
            let _ = trace.end(r0);
        }
    }

    /// Shows what is left to show.
    pub(crate) fn report(&self) -> Result<()> {
        let Watch::Profile(profile) = self else { return Ok(()) };
        let mut out = BufWriter::new(std::io::stderr().lock());
        profile.print(&mut out).and_then(|()| out.flush()).context("cannot write to standard error")
    }
}
