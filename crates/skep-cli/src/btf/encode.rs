//! `skep btf encode`: BTF of debug information.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use skep::btf::{Btf, Endian, KernelVersion};
use skep_dwarf::{Encoded, Functions, Options, Progress, Variables};

use crate::btf::input;
use crate::mapped::Mapped;

/// Make BTF of a program's debug information (DWARF 2 to 5), of C and Rust.
///
/// What is encoded is what a kernel has: all types, the functions that can be traced, per-CPU variables. Every entry of
/// the debug information is accounted for; --stats tells what became of them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf encode vmlinux -o vmlinux.btf --stats
  skep btf encode module.ko -o module.btf --base vmlinux.btf
  skep btf encode target/debug/program -o program.btf --functions all --variables all
  skep btf encode vmlinux -o old.btf --target-kernel 5.15")]
pub(crate) struct Args {
    /// An ELF file with debug information.
    file: PathBuf,
    /// Where the types are written to, as a bare blob. `-` is standard output.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Threads that read; the result does not depend on it. As many as there are processors, unless something else is
    /// said.
    #[arg(short = 'j', long, value_name = "N")]
    threads: Option<usize>,
    /// The result goes on where the BTF in this file ends, and has nothing that is there already.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Only what that version of Linux takes; what had to be changed is listed with --stats.
    #[arg(long, value_name = "X.Y")]
    target_kernel: Option<KernelVersion>,
    /// Which functions: none, those that can be traced, or all that have code.
    #[arg(long, value_enum, default_value_t = Which::Kernel)]
    functions: Which,
    /// Which variables: none, those that each CPU has a copy of, or all.
    #[arg(long, value_enum, default_value_t = Which::Kernel)]
    variables: Which,
    /// Keep file and line of declarations, as tags.
    #[arg(long)]
    keep_decl: bool,
    /// The file that `dwz` has moved common parts to.
    #[arg(long, value_name = "FILE")]
    supplementary: Option<PathBuf>,
    /// A .dwo or .dwp file that has units of FILE. Repeatable.
    #[arg(long, value_name = "FILE")]
    split: Vec<PathBuf>,
    /// Tell how many types of each kind there are, and what became of all entries, on standard error.
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Which {
    None,
    /// What a kernel has.
    Kernel,
    All,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = args.file.display().to_string();
    let file = Mapped::open(&args.file)?;
    let supplementary = args.supplementary.as_deref().map(Mapped::open).transpose()?;
    let split = args.split.iter().map(|path| Mapped::open(path)).collect::<Result<Vec<_>>>()?;

    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{bar:40} {pos} of {len} units")?);
    let progress = |progress: Progress| {
        if let Some(read) = &progress.read {
            file.release(read);
        }
        bar.set_length(progress.units as u64);
        bar.inc(1);
    };
    let threads = args.threads.unwrap_or_else(input::threads);
    let mut options = Options::new().threads(threads).progress(&progress);
    options = options.functions(match args.functions {
        Which::None => Functions::None,
        Which::Kernel => Functions::Consistent,
        Which::All => Functions::All,
    });
    options = options.variables(match args.variables {
        Which::None => Variables::None,
        Which::Kernel => Variables::PerCpu,
        Which::All => Variables::All,
    });
    if args.keep_decl {
        options = options.keep_decl();
    }
    if let Some(base) = &args.base {
        options = options.base(input::base(base)?);
    }
    if let Some(supplementary) = &supplementary {
        options = options.supplementary(supplementary);
    }
    options = split.iter().fold(options, |options, file| options.split(file));

    let encoded = skep_dwarf::encode(&file, &options);
    bar.finish_and_clear();
    let encoded = encoded.with_context(|| format!("cannot read the debug information of {name}"))?;

    let older = args.target_kernel.map(|version| encoded.btf.for_kernel(version));
    let (btf, changes) = older.as_ref().map_or((&encoded.btf, &[][..]), |(btf, changes)| (btf, changes));
    let bytes = btf.to_bytes(byte_order(&file));
    crate::input::write(&args.output, &bytes)?;
    let mut said = summary(&name, &encoded, btf, bytes.len())?;
    if args.stats {
        said += &statistics(&encoded, btf)?;
        for change in changes {
            writeln!(said, "  for that kernel, {change}")?;
        }
    }
    // Where standard error is closed, the types are written all the same.
    let _ = std::io::stderr().write_all(said.as_bytes());
    Ok(())
}

/// Of the file, by its header: `EI_DATA`.
fn byte_order(file: &[u8]) -> Endian {
    if file.get(5) == Some(&2) { Endian::Big } else { Endian::Little }
}

/// One line that accounts for all entries.
fn summary(name: &str, encoded: &Encoded, btf: &Btf, bytes: usize) -> Result<String> {
    let total = encoded.report.total();
    let skipped: u64 = total.reasons().map(|(_, count)| count).sum();
    let mut line = String::new();
    writeln!(
        line,
        "{name}: {} types in {bytes} bytes; {} units, {} entries: {} encoded, {skipped} not",
        btf.ids().len(),
        encoded.report.units.len(),
        total.seen,
        total.encoded
    )?;
    Ok(line)
}

fn statistics(encoded: &Encoded, btf: &Btf) -> Result<String> {
    let mut text = String::new();
    let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
    for kind in btf.ids().filter_map(|id| btf.kind(id)) {
        *kinds.entry(kind.name()).or_default() += 1;
    }
    for (kind, count) in kinds {
        writeln!(text, "{count:>12} {kind}")?;
    }
    let total = encoded.report.total();
    writeln!(text, "entries that are not encoded, and why")?;
    for (reason, count) in total.reasons() {
        writeln!(text, "{count:>12} {reason}")?;
    }
    if total.replaced().next().is_some() {
        writeln!(text, "references that became void, and why")?;
    }
    for (reason, count) in total.replaced() {
        writeln!(text, "{count:>12} {reason}")?;
    }
    Ok(text)
}
