//! The tables of code quality.

use std::io::{self, Write};

use super::clang;
use super::quality::{Figures, Quality, Row};

/// Columns of `Row::clang` by their level, and of `Row::ours`.
const OS: usize = 0;
const NO_UNROLL: usize = 1;
const O2: usize = 2;
const SKEP_O2: usize = 0;
const SKEP_OS: usize = 1;
const _: () = assert!(matches!(clang::Level::ALL[OS], clang::Level::Os));
const _: () = assert!(matches!(clang::Level::ALL[NO_UNROLL], clang::Level::O2NoUnroll));

/// Writes all tables.
///
/// # Errors
/// `out` cannot be written.
pub(crate) fn print(quality: &Quality, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\ncode quality")?;
    for note in &quality.notes {
        writeln!(out, "  {note}")?;
    }
    for reason in &quality.absent {
        writeln!(out, "  skipped: {reason}")?;
    }
    half(out, "our functions", "executed", &quality.own)?;
    half(out, "programs of the kernel's tests", "verified", &quality.real)?;
    writeln!(out, "\nall {}", quality.own.len() + quality.real.len())?;
    let rows: Vec<&Row> = quality.own.iter().chain(&quality.real).collect();
    summary(out, &rows, "executed or verified")?;
    failures(out, quality)
}

fn half(out: &mut dyn Write, title: &str, work: &str, rows: &[Row]) -> io::Result<()> {
    if rows.is_empty() {
        return writeln!(out, "\n{title}: none");
    }
    writeln!(out, "\n{title}: {}", rows.len())?;
    writeln!(
        out,
        "{:<49}{:>7}{:>7}{:>7}{:>9}{:>6}{:>9}{:>6}   {:>9}{:>9}{:>9}{:>6}",
        format!("static instructions, then {work}"),
        "-Os",
        "-O2nu",
        "-O2",
        "skep-O2",
        "",
        "skep-Os",
        "",
        "-O2nu",
        "-O2",
        "skep-O2",
        "",
    )?;
    for row in rows {
        let [os, no_unroll, o2] = &row.clang;
        write!(out, "{:<49}{:>7}{:>7}{:>7}", row.name, os.size.insns, no_unroll.size.insns, o2.size.insns)?;
        for level in [SKEP_O2, SKEP_OS] {
            let size = row.ours(level).map(|f| f.size.insns.to_string());
            write!(out, "{:>9}{:>6}", size.unwrap_or_else(|| "fails".into()), ratio(row.size(level)))?;
        }
        let executed = row.ours(SKEP_O2).map(|f| f.work.to_string());
        let executed = executed.unwrap_or_else(|| "fails".into());
        writeln!(out, "   {:>9}{:>9}{executed:>9}{:>6}", no_unroll.work, o2.work, ratio(row.work(O2)))?;
    }
    summary(out, &rows.iter().collect::<Vec<_>>(), work)
}

type Ratio = fn(&Row) -> Option<f64>;

fn summary(out: &mut dyn Write, rows: &[&Row], work: &str) -> io::Result<()> {
    let lines: [(&str, Ratio); 5] = [
        ("size, skep -O2 / the better of clang's", |row| row.size(SKEP_O2)),
        ("size, skep -Os / the better of clang's", |row| row.size(SKEP_OS)),
        ("size in slots, skep -O2 / the better", |row| row.slots(SKEP_O2)),
        ("skep -O2 / clang -O2", |row| row.work(O2)),
        ("skep -O2 / clang -O2 -fno-unroll-loops", |row| row.work(NO_UNROLL)),
    ];
    for (index, (title, of)) in lines.into_iter().enumerate() {
        let mut ratios: Vec<(f64, &str)> =
            rows.iter().filter_map(|row| Some((of(row)?, row.name.as_str()))).collect();
        ratios.sort_by(|a, b| b.0.total_cmp(&a.0));
        let title = if index < 3 { title.to_owned() } else { format!("{work}, {title}") };
        let geomean = geomean(ratios.iter().map(|(ratio, _)| *ratio));
        write!(out, "  {title:<52} n {:>3}  geomean {}  worst", ratios.len(), ratio(geomean))?;
        for (worst, name) in ratios.iter().take(3) {
            write!(out, "  {worst:.2} {name}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn failures(out: &mut dyn Write, quality: &Quality) -> io::Result<()> {
    let mut title = "\nnot compiled, or wrongly\n";
    for row in quality.own.iter().chain(&quality.real) {
        for (outcome, level) in row.ours.iter().zip(["-O2", "-Os"]) {
            if let Err(reason) = outcome {
                writeln!(out, "{title}  {:<44}{level}  {reason}", row.name)?;
                title = "";
            }
        }
    }
    Ok(())
}

impl Row {
    fn ours(&self, level: usize) -> Option<&Figures> {
        self.ours[level].as_ref().ok()
    }

    fn size(&self, level: usize) -> Option<f64> {
        let best = self.clang[OS].size.insns.min(self.clang[NO_UNROLL].size.insns);
        Some(self.ours(level)?.size.insns as f64 / best as f64)
    }

    fn slots(&self, level: usize) -> Option<f64> {
        let best = self.clang[OS].size.slots.min(self.clang[NO_UNROLL].size.slots);
        Some(self.ours(level)?.size.slots as f64 / best as f64)
    }

    fn work(&self, clang: usize) -> Option<f64> {
        Some(self.ours(SKEP_O2)?.work as f64 / self.clang[clang].work as f64)
    }
}

fn geomean(ratios: impl Iterator<Item = f64>) -> Option<f64> {
    let logs: Vec<f64> = ratios.map(f64::ln).collect();
    (!logs.is_empty()).then(|| (logs.iter().sum::<f64>() / logs.len() as f64).exp())
}

fn ratio(value: Option<f64>) -> String {
    value.map_or(String::new(), |v| format!("{v:.2}"))
}
