//! What was measured, as a table for people and as JSON for the rest.

use std::io::{self, Write};

/// All figures of a run.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) notes: Vec<String>,
    /// The contenders; the first one is native code. All other lists of a row follow this order.
    pub(crate) columns: Vec<Column>,
    /// Who did not take part, and why.
    pub(crate) absent: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) loads: Vec<LoadRow>,
}

pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) about: String,
}

/// One program.
pub(crate) struct Row {
    pub(crate) name: String,
    /// Slots of the code that each contender was given; native code has none.
    pub(crate) slots: Vec<Option<usize>>,
    pub(crate) outcomes: Vec<Outcome>,
}

pub(crate) enum Outcome {
    Ran { run_ns: u64, load_ns: u64 },
    Failed(String),
}

/// A time in ns, or why not; `None` where there is nothing to measure.
pub(crate) type Load = Option<Result<u64, String>>;

/// Loading of one straight-line program of bare instructions.
pub(crate) struct LoadRow {
    pub(crate) slots: usize,
    pub(crate) loads: Vec<Load>,
    /// The part that decodes and checks, where the contender has it apart.
    pub(crate) checks: Vec<Load>,
}

impl Row {
    fn run_ns(&self, column: usize) -> Option<f64> {
        match self.outcomes[column] {
            Outcome::Ran { run_ns, .. } => Some(float(run_ns)),
            Outcome::Failed(_) => None,
        }
    }

    /// Time as a multiple of native code's.
    fn ratio(&self, column: usize) -> Option<f64> {
        Some(self.run_ns(column)? / self.run_ns(0)?)
    }

    fn load_ns_per_slot(&self, column: usize) -> Option<f64> {
        match (&self.outcomes[column], self.slots[column]) {
            (Outcome::Ran { load_ns, .. }, Some(slots)) => Some(float(*load_ns) / slots as f64),
            _ => None,
        }
    }

    fn all_ran(&self) -> bool {
        self.outcomes.iter().all(|o| matches!(o, Outcome::Ran { .. }))
    }
}

impl Report {
    /// Whether skep did not run a program rightly.
    pub(crate) fn skep_failed(&self) -> bool {
        let failed = |row: &Row, c| matches!(row.outcomes[c], Outcome::Failed(_));
        let mut ours = (0..self.columns.len()).filter(|&c| self.columns[c].name.starts_with("skep"));
        ours.any(|c| self.rows.iter().any(|row| failed(row, c)))
    }

    /// Writes the tables.
    ///
    /// # Errors
    /// `out` cannot be written.
    pub(crate) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        for column in &self.columns {
            writeln!(out, "  {:<10}{}", column.name, column.about)?;
        }
        for reason in &self.absent {
            writeln!(out, "  skipped: {reason}")?;
        }
        self.print_runs(out)?;
        self.print_failures(out)?;
        self.print_loads(out)
    }

    fn print_runs(&self, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return writeln!(out, "\nno program was run");
        }
        write!(out, "\ntime / native\n{:<18}{:>10}", "program", "native us")?;
        self.print_names(out)?;
        for row in &self.rows {
            let native = row.run_ns(0).map_or("-".into(), |ns| format!("{:.1}", ns / 1000.0));
            write!(out, "{:<18}{native:>10}", row.name)?;
            for column in 1..self.columns.len() {
                write!(out, "{:>10}", cell(row.ratio(column)))?;
            }
            writeln!(out)?;
        }
        let everyone: Vec<&Row> = self.rows.iter().filter(|r| r.all_ran()).collect();
        let each: Vec<&Row> = self.rows.iter().collect();
        for (title, rows) in [("each its own", &each), ("run by all", &everyone)] {
            writeln!(out, "{title}")?;
            self.print_summary(out, rows)?;
        }
        Ok(())
    }

    fn print_names(&self, out: &mut dyn Write) -> io::Result<()> {
        for column in &self.columns[1..] {
            write!(out, "{:>10}", column.name)?;
        }
        writeln!(out)
    }

    fn print_summary(&self, out: &mut dyn Write, rows: &[&Row]) -> io::Result<()> {
        let summaries: Vec<_> =
            (1..self.columns.len()).map(|c| Summary::of(rows.iter().filter_map(|r| r.ratio(c)))).collect();
        type Line = (&'static str, fn(&Summary) -> String);
        let lines: [Line; 4] = [
            ("n", |s| s.n.to_string()),
            ("min", |s| cell(s.min)),
            ("max", |s| cell(s.max)),
            ("geomean", |s| cell(s.geomean)),
        ];
        for (name, show) in lines {
            write!(out, "  {name:<26}")?;
            for summary in &summaries {
                write!(out, "{:>10}", show(summary))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn print_failures(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut title = "\nnot run\n";
        for row in &self.rows {
            for (outcome, column) in row.outcomes.iter().zip(&self.columns) {
                if let Outcome::Failed(reason) = outcome {
                    writeln!(out, "{title}  {:<10}{:<18}{reason}", column.name, row.name)?;
                    title = "";
                }
            }
        }
        Ok(())
    }

    fn print_loads(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "\nload, ns per slot of code\n{:<28}", "")?;
        self.print_names(out)?;
        write!(out, "{:<28}", "programs (geomean)")?;
        for column in 1..self.columns.len() {
            let loads = self.rows.iter().filter_map(|r| r.load_ns_per_slot(column));
            write!(out, "{:>10}", cell(Summary::of(loads).geomean))?;
        }
        writeln!(out)?;
        for row in &self.loads {
            write!(out, "straight line of {:<11}", row.slots)?;
            print_loads(out, &row.loads, row.slots)?;
            write!(out, "  decode and check alone    ")?;
            print_loads(out, &row.checks, row.slots)?;
        }
        for row in &self.loads {
            for (outcome, column) in row.loads.iter().zip(&self.columns) {
                if let Some(Err(reason)) = outcome {
                    writeln!(out, "  {} at {}: {reason}", column.name, row.slots)?;
                }
            }
        }
        Ok(())
    }

    /// All figures as JSON: contenders, programs with ns per run and load, loads of straight lines, summaries.
    pub(crate) fn json(&self) -> String {
        let names = |of: &dyn Fn(usize) -> String| {
            let pairs = self
                .columns
                .iter()
                .enumerate()
                .map(|(c, column)| format!("{}:{}", quote(column.name), of(c)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        };
        let strings =
            |list: &[String]| format!("[{}]", list.iter().map(|s| quote(s)).collect::<Vec<_>>().join(","));
        let rows = self.rows.iter().map(|row| {
            let outcomes = names(&|c| match &row.outcomes[c] {
                Outcome::Ran { run_ns, load_ns } => {
                    let slots = row.slots[c].map_or("null".into(), |s| s.to_string());
                    format!(
                        "{{\"run_ns\":{run_ns},\"load_ns\":{load_ns},\"slots\":{slots},\"ratio\":{}}}",
                        number(row.ratio(c))
                    )
                }
                Outcome::Failed(reason) => format!("{{\"failed\":{}}}", quote(reason)),
            });
            format!("    {{\"name\":{},\"outcomes\":{outcomes}}}", quote(&row.name))
        });
        let loads = self.loads.iter().map(|row| {
            let (loads, checks) = (names(&|c| load(&row.loads[c])), names(&|c| load(&row.checks[c])));
            format!("    {{\"slots\":{},\"load_ns\":{loads},\"check_ns\":{checks}}}", row.slots)
        });
        let summary = |rows: &[&Row]| {
            names(&|c| {
                let s = Summary::of(rows.iter().filter_map(|r| r.ratio(c)));
                format!(
                    "{{\"n\":{},\"min\":{},\"max\":{},\"geomean\":{}}}",
                    s.n,
                    number(s.min),
                    number(s.max),
                    number(s.geomean)
                )
            })
        };
        let each: Vec<&Row> = self.rows.iter().collect();
        let everyone: Vec<&Row> = self.rows.iter().filter(|r| r.all_ran()).collect();
        format!(
            "{{\n  \"notes\":{},\n  \"skipped\":{},\n  \"contenders\":{},\n  \"programs\":[\n{}\n  ],\n  \"straight_lines\":[\n{}\n  ],\n  \
             \"summary\":{{\"each\":{},\"run_by_all\":{}}}\n}}\n",
            strings(&self.notes),
            strings(&self.absent),
            names(&|c| quote(&self.columns[c].about)),
            rows.collect::<Vec<_>>().join(",\n"),
            loads.collect::<Vec<_>>().join(",\n"),
            summary(&each),
            summary(&everyone),
        )
    }
}

/// The cells of a line about loading, in ns per slot.
fn print_loads(out: &mut dyn Write, loads: &[Load], slots: usize) -> io::Result<()> {
    for load in &loads[1..] {
        match load {
            Some(Ok(ns)) => write!(out, "{:>10.1}", float(*ns) / slots as f64)?,
            Some(Err(_)) => write!(out, "{:>10}", "fails")?,
            None => write!(out, "{:>10}", "-")?,
        }
    }
    writeln!(out)
}

/// A time, a reason, or nothing, as JSON.
fn load(load: &Load) -> String {
    match load {
        Some(Ok(ns)) => ns.to_string(),
        Some(Err(reason)) => quote(reason),
        None => "null".into(),
    }
}

struct Summary {
    n: usize,
    min: Option<f64>,
    max: Option<f64>,
    geomean: Option<f64>,
}

impl Summary {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let n = values.len();
        let logs: f64 = values.iter().map(|v| v.ln()).sum();
        Self {
            n,
            min: values.iter().copied().reduce(f64::min),
            max: values.iter().copied().reduce(f64::max),
            geomean: (n > 0).then(|| (logs / n as f64).exp()),
        }
    }
}

fn float(ns: u64) -> f64 {
    // A run takes far less than the 2^53 ns from which on this would round.
    ns as f64
}

fn cell(value: Option<f64>) -> String {
    value.map_or("-".into(), |v| format!("{v:.1}"))
}

fn number(value: Option<f64>) -> String {
    value.map_or("null".into(), |v| format!("{v:.3}"))
}

/// A JSON string.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if u32::from(c) < 0x20 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn geometric_mean_of_1_10_100_is_10() {
        let s = Summary::of([1.0, 100.0, 10.0].into_iter());
        assert_eq!((s.n, s.min, s.max), (3, Some(1.0), Some(100.0)));
        assert!((s.geomean.unwrap() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quote("a\"b\\c\nd"), "\"a\\\"b\\\\c\\u000ad\"");
    }
}
