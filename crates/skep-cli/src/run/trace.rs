//! `--trace`: each instruction, and what it changed.

use std::collections::HashMap;
use std::io::{BufWriter, Result, Stderr, Write};

use skep::Image;
use skep::insn::{Reg, Slot};
use skep::object::image::FuncId;
use skep::vm::debug::{Flow, Hook, State};

use super::show::{self, Source};

/// Shows each instruction once the next one tells what it changed.
pub(crate) struct Trace<'a> {
    image: &'a Image,
    out: BufWriter<Stderr>,
    /// What is shown of the instructions that were met.
    rows: HashMap<(usize, Slot), Row>,
    last: Option<Last>,
    /// The source line shown last.
    source: Option<Source>,
}

struct Row {
    place: String,
    text: String,
    source: Option<Source>,
    is_host_call: bool,
}

/// The instruction that is being executed.
struct Last {
    at: (usize, Slot),
    depth: usize,
    regs: [u64; 11],
}

impl Hook for Trace<'_> {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        let regs = state.regs();
        let at = (state.func_index(), state.at());
        // A closed standard error does not end the program.
        let _ = self.show(&regs);
        self.last = Some(Last { at, depth: state.depth(), regs });
        // What the host prints comes behind what led to it.
        if self.row(at).is_host_call {
            let _ = self.out.flush();
        }
        Flow::Continue
    }
}

impl<'a> Trace<'a> {
    pub(crate) fn new(image: &'a Image) -> Self {
        Trace {
            image,
            out: BufWriter::new(std::io::stderr()),
            rows: HashMap::new(),
            last: None,
            source: None,
        }
    }

    fn row(&mut self, at: (usize, Slot)) -> &Row {
        let image = self.image;
        self.rows.entry(at).or_insert_with(|| Row::new(image, at))
    }

    fn show(&mut self, now: &[u64; 11]) -> Result<()> {
        let Some(last) = self.last.take() else { return Ok(()) };
        let image = self.image;
        let row = self.rows.entry(last.at).or_insert_with(|| Row::new(image, last.at));
        let indent = last.depth * 2;
        if let Some(source) = &row.source
            && !source.is_assembly()
            && self.source.as_ref() != Some(source)
        {
            writeln!(self.out, "{:indent$}# {}:{}  {}", "", source.file, source.line, source.text)?;
            self.source = Some(source.clone());
        }
        write!(self.out, "{:indent$}{:<12} {:<38}", "", row.place, row.text)?;
        // Where the stack frame lies changes with each call, and tells nothing.
        for (reg, (before, now)) in Reg::ALL.into_iter().zip(last.regs.iter().zip(now)).take(10) {
            if before != now {
                write!(self.out, " {reg}={now:#x}")?;
            }
        }
        match &row.source {
            Some(source) if source.is_assembly() => writeln!(self.out, "  # {}:{}", source.file, source.line),
            _ => writeln!(self.out),
        }
    }

    /// The last instruction of a run, behind which nothing ran: only `r0` can be known.
    pub(crate) fn end(&mut self, r0: Option<u64>) -> Result<()> {
        if let Some(mut regs) = self.last.as_ref().map(|last| last.regs) {
            regs[0] = r0.unwrap_or(regs[0]);
            self.show(&regs)?;
        }
        self.out.flush()
    }
}

impl Row {
    fn new(image: &Image, (index, at): (usize, Slot)) -> Row {
        let id = FuncId(u32::try_from(index).unwrap_or(u32::MAX));
        let (is_host_call, text) = match show::insn(image, id, at) {
            Some((insn, text)) => (show::is_host_call(image, id, at, insn), text),
            None => (false, String::new()),
        };
        let place = format!("{}+{:#x}", image.func(id).name, at.bytes());
        Row { place, text, source: Source::of(image, id, at), is_host_call }
    }
}
