//! `skep btf units`: what a file's debug information consists of.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use skep_dwarf::{Lang, Options, UnitReport};

use crate::btf::input;
use crate::mapped::Mapped;

/// List the units of a file's debug information: language, DWARF version, entries, what is encoded of them, producer.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf units vmlinux
  skep btf units --why target/debug/program")]
pub(crate) struct Args {
    /// An ELF file with debug information.
    file: PathBuf,
    /// Tell of each unit why entries of it are not encoded.
    #[arg(long)]
    why: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let file = Mapped::open(&args.file)?;
    let encoded = skep_dwarf::encode(&file, &Options::new().threads(input::threads()))
        .with_context(|| format!("cannot read the debug information of {}", args.file.display()))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let print = |out: &mut dyn Write| -> std::io::Result<()> {
        writeln!(
            out,
            "{:>10} {:<5} {:>5} {:>9} {:>8} {:>9} {:>9}  name, producer",
            "offset", "lang", "DWARF", "entries", "types", "encoded", "not"
        )?;
        for unit in &encoded.report.units {
            row(out, unit, args.why)?;
        }
        out.flush()
    };
    print(&mut out).context("cannot write standard output")
}

fn row(out: &mut dyn Write, unit: &UnitReport, why: bool) -> std::io::Result<()> {
    let skipped: u64 = unit.dies.reasons().map(|(_, count)| count).sum();
    writeln!(
        out,
        "{:>#10x} {:<5} {:>5} {:>9} {:>8} {:>9} {skipped:>9}  {}, {}",
        unit.offset,
        language(unit),
        unit.version,
        unit.dies.seen,
        unit.types,
        unit.dies.encoded,
        unit.name,
        unit.producer
    )?;
    if why {
        for (reason, count) in unit.dies.reasons() {
            writeln!(out, "{count:>50} {reason}")?;
        }
    }
    Ok(())
}

fn language(unit: &UnitReport) -> &'static str {
    match unit.language {
        Lang::Cpp => "C++",
        Lang::Rust => "Rust",
        Lang::Asm => "asm",
        _ => "C",
    }
}
