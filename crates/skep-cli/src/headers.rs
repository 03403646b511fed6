//! `skep headers`: the headers for C programs, which the command carries inside.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Write skep's C headers to a folder.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  skep headers include
  clang --target=bpf -O2 -g -I include -c hello.c -o hello.o
  skep run hello.o")]
pub(crate) struct Args {
    /// The folder; made if missing.
    dir: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    write_to(&args.dir)
}

fn write_to(dir: &Path) -> Result<()> {
    for (name, text) in skep::vm::HEADERS {
        let path = dir.join(name);
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The headers in a folder of their own, which goes away with the value returned.
pub(crate) fn temporary() -> Result<tempfile::TempDir> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder for the headers")?;
    write_to(dir.path())?;
    Ok(dir)
}
