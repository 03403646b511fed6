//! `--profile`: how often each instruction ran.

use std::io::{Result, Write};

use skep::Image;
use skep::insn::Slot;
use skep::object::image::FuncId;
use skep::vm::debug::{Flow, Hook, State};

use super::show::{self, Source};

/// Counts each instruction.
pub(crate) struct Profile<'a> {
    image: &'a Image,
    /// By function and slot.
    counts: Vec<Vec<u64>>,
}

impl Hook for Profile<'_> {
    fn before(&mut self, state: &mut State<'_>) -> Flow {
        let count = self.counts.get_mut(state.func_index()).and_then(|func| func.get_mut(state.at().index()));
        if let Some(count) = count {
            *count += 1;
        }
        Flow::Continue
    }
}

impl<'a> Profile<'a> {
    pub(crate) fn new(image: &'a Image) -> Self {
        Profile { image, counts: image.funcs.iter().map(|func| vec![0; func.code.len()]).collect() }
    }

    /// The functions that ran, the busiest first, with all their instructions.
    pub(crate) fn print(&self, out: &mut impl Write) -> Result<()> {
        let sums = self.counts.iter().map(|counts| counts.iter().sum::<u64>());
        let mut funcs: Vec<(u64, FuncId)> = sums.zip((0..).map(FuncId)).filter(|(sum, _)| *sum > 0).collect();
        funcs.sort_by_key(|&(sum, id)| (std::cmp::Reverse(sum), id.0));
        let total: u64 = funcs.iter().map(|(sum, _)| sum).sum();
        writeln!(out, "{total} instructions were executed")?;
        funcs.into_iter().try_for_each(|(sum, id)| self.func(id, sum, total, out))
    }

    fn func(&self, id: FuncId, sum: u64, total: u64, out: &mut impl Write) -> Result<()> {
        let name = &self.image.func(id).name;
        // In tenths of a percent.
        let share = u128::from(sum) * 1000 / u128::from(total.max(1));
        writeln!(out, "\n{name}: {sum} ({}.{} %)", share / 10, share % 10)?;
        let counts = &self.counts[id.0 as usize];
        let mut shown: Option<Source> = None;
        let mut at = Slot(0);
        while let Some((insn, text)) = show::insn(self.image, id, at) {
            let source = Source::of(self.image, id, at);
            let beside = source.as_ref().filter(|source| source.is_assembly());
            let beside =
                beside.map_or(String::new(), |source| format!("  # {}:{}", source.file, source.line));
            if let Some(source) = source.filter(|source| beside.is_empty() && shown.as_ref() != Some(source))
            {
                writeln!(out, "{:>12}  # {}:{}  {}", "", source.file, source.line, source.text)?;
                shown = Some(source);
            }
            let count = counts.get(at.index()).copied().unwrap_or(0);
            writeln!(out, "{}", format!("{count:>12} {:>#8x}: {text:<40}{beside}", at.bytes()).trim_end())?;
            at = Slot(at.0 + insn.slots());
        }
        Ok(())
    }
}
