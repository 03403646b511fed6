//! `--trace` and `--profile`: what is shown of each instruction.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

use anyhow::{Context, Result};
use skep::Image;
use skep::insn::{Insn, Reg, Slot};
use skep::object::image::FuncId;
use skep::vm::Location;
use skep::vm::debug::{Flow, Hook, State};

/// Watches a run, if asked to.
pub(crate) enum Watch {
    Nothing,
    Trace(Trace),
    Profile(Profile),
}

impl Watch {
    pub(crate) fn new(trace: bool, profile: bool) -> Self {
        if trace {
            Watch::Trace(Trace::default())
        } else if profile {
            Watch::Profile(Profile::default())
        } else {
            Watch::Nothing
        }
    }

    pub(crate) fn hook(&mut self) -> Option<&mut dyn Hook> {
        match self {
            Watch::Nothing => None,
            Watch::Trace(trace) => Some(trace),
            Watch::Profile(profile) => Some(profile),
        }
    }

    /// Shows what is left to show.
    pub(crate) fn report(&mut self, image: &Image) -> Result<()> {
        let mut out = BufWriter::new(std::io::stderr().lock());
        match self {
            Watch::Nothing => Ok(()),
            Watch::Trace(trace) => trace.end(&mut out),
            Watch::Profile(profile) => profile.print(&mut out, image),
        }
        .and_then(|()| out.flush())
        .context("cannot write to standard error")
    }
}

/// Shows each instruction once the next one tells what it changed.
#[derive(Default)]
pub(crate) struct Trace {
    last: Option<(Location, [u64; 11])>,
    depth: usize,
}

impl Hook for Trace {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        // A closed standard error does not end the program.
        let _ = self.show(&mut std::io::stderr().lock(), &state.regs());
        self.last = Some((state.location(), state.regs()));
        self.depth = state.depth();
        Flow::Continue
    }
}

impl Trace {
    fn show(&mut self, out: &mut impl Write, now: &[u64; 11]) -> std::io::Result<()> {
        let Some((place, before)) = self.last.take() else { return Ok(()) };
        write!(
            out,
            "{:indent$}{}+{:<#6x} {:<40}",
            "",
            place.func,
            place.at.bytes(),
            place.insn,
            indent = self.depth * 2
        )?;
        for (reg, (before, now)) in Reg::ALL.into_iter().zip(before.iter().zip(now)) {
            if before != now {
                write!(out, " {reg}={now:#x}")?;
            }
        }
        if let Some((file, line)) = place.line {
            write!(out, " ; {file}:{line}")?;
        }
        writeln!(out)
    }

    /// The last instruction, behind which nothing ran.
    fn end(&mut self, out: &mut impl Write) -> std::io::Result<()> {
        let regs = self.last.as_ref().map(|(_, regs)| *regs);
        regs.map_or(Ok(()), |regs| self.show(out, &regs))
    }
}

/// Counts each instruction.
#[derive(Default)]
pub(crate) struct Profile {
    counts: BTreeMap<(usize, Slot), u64>,
}

impl Hook for Profile {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        *self.counts.entry((state.func_index(), state.at())).or_default() += 1;
        Flow::Continue
    }
}

impl Profile {
    fn print(&self, out: &mut impl Write, image: &Image) -> std::io::Result<()> {
        let total: u64 = self.counts.values().sum();
        writeln!(out, "{total} instructions executed")?;
        for (func, index) in image.funcs.iter().zip(0..) {
            let of_func = (index, Slot(0))..=(index, Slot(u32::MAX));
            let sum: u64 = self.counts.range(of_func).map(|(_, count)| count).sum();
            if sum == 0 {
                continue;
            }
            writeln!(out, "{}: {sum}", func.name)?;
            let mut at = Slot(0);
            while let Some(Ok(insn)) = func.code.get(at.index()..).map(Insn::decode) {
                let count = self.counts.get(&(index, at)).copied().unwrap_or(0);
                let name = func.target_at(at).map(|target| image.target_name(target));
                let text = name.map_or_else(|| insn.to_string(), |name| insn.display_with(&name).to_string());
                let id = FuncId(u32::try_from(index).unwrap_or(u32::MAX));
                let line = image.line_at(id, at).map(|(file, line)| format!(" ; {file}:{}", line.line));
                writeln!(out, "{count:>12} {:>6} {text:<40}{}", at.0, line.unwrap_or_default())?;
                at = Slot(at.0 + insn.slots());
            }
        }
        Ok(())
    }
}
