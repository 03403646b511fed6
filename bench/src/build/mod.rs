//! `build`: code generation, measured beside its peers: the quality of the code, the speed of making it, what that adds
//! to a binary.

mod clang;
mod corpus;
mod figures;
mod frozen;
mod libbpf;
mod ours;
mod peer;
mod quality;
mod real;
mod size;
mod speed;
mod table;
mod workload;

use std::error::Error;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// What to measure; everything when nothing is named.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Only functions and programs whose name contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Only peers whose name contains this take part in `speed`.
    #[arg(long, default_value = "")]
    peers: String,
    /// Writes what `quality` compiles to this directory, as `NAME.COMPILER.o`, to look at it with a disassembler.
    #[arg(long)]
    objects: Option<PathBuf>,
    /// Writes clang's figures to corpus/FROZEN, for when clang or the corpus have to change.
    #[arg(long)]
    freeze: bool,
    /// Rounds over all peers per workload; the fastest counts.
    #[arg(long, default_value_t = 30)]
    rounds: u32,
    /// Opens this peer, compiles one function, and prints what that took: a fresh process of `speed`.
    #[arg(long, hide = true)]
    cold: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Static, executed and verified instructions over the corpus, beside clang's.
    Quality,
    /// Time from calls of the API to an object in memory, beside LLVM's and libgccjit's.
    Speed,
    /// What the code generator adds to a stripped program.
    Size,
}

/// Measures and prints; the exit code tells whether skep compiled everything rightly.
///
/// # Errors
/// clang cannot be measured with.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(peer) = &options.cold {
        speed::cold_start(peer, &mut stdout())?;
        return Ok(ExitCode::SUCCESS);
    }
    let required = std::env::var("SKEP_REQUIRE").is_ok_and(|v| v == "all");
    let wanted = |part| options.parts.is_empty() || options.parts.contains(&part);
    let mut failed = false;
    if wanted(Part::Quality) {
        let quality = quality::measure(&options.filter, options.objects.as_deref())?;
        table::print(&quality, &mut stdout().lock())?;
        if options.freeze {
            frozen::write(&quality)?;
        }
        failed |= quality.skep_failed() || (required && !quality.absent.is_empty());
    }
    if wanted(Part::Speed) {
        let speed = speed::measure(options.rounds, &options.filter, &options.peers)?;
        speed.print(&mut stdout().lock())?;
        failed |= speed.skep_failed() || (required && speed.incomplete());
    }
    if wanted(Part::Size) {
        size::print(&mut stdout().lock())?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
