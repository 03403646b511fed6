//! `skep btf merge`: one set of many.

use std::path::PathBuf;

use anyhow::{Context, Result};
use skep::btf::{Btf, Endian, dedup};

use crate::btf::input;

/// Make one BTF of several, in which each type is there once.
///
/// Forward declarations become what they declare, where one of the files defines it. The result depends on what the types
/// are, not on the order of the files.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf merge a.o b.o -o both.btf
  skep btf merge --base /sys/kernel/btf/vmlinux one.ko two.ko -o modules.btf
  skep btf merge /sys/kernel/btf/xfs -o whole.btf")]
pub(crate) struct Args {
    /// ELF files with BTF, or bare BTF blobs. `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where the result is written to, as a bare blob. `-` is standard output.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// The result goes on where the BTF in this file ends, and has nothing that is there already. So may the files.
    #[arg(long, value_name = "FILE")]
    base: Option<PathBuf>,
    /// Leave forward declarations as they are.
    #[arg(long)]
    keep_forwards: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let base = args.base.as_deref().map(input::base).transpose()?;
    let mut sets: Vec<Btf> = Vec::new();
    let mut endian = None;
    for file in &args.files {
        let (btf, order) = input::on_base(file, base.clone())?;
        endian = endian.or(order);
        // Without a common base, what a set is on top of is part of it.
        sets.push(if base.is_none() && btf.base().is_some() { btf.flatten() } else { btf });
    }
    let mut options = dedup::Options::new();
    if let Some(base) = base {
        options = options.base(base);
    }
    if args.keep_forwards {
        options = options.forwards(dedup::Forwards::Keep);
    }
    let merged = dedup(&sets.iter().collect::<Vec<_>>(), &options).context("cannot merge")?;
    crate::input::write(&args.output, &merged.btf.to_bytes(endian.unwrap_or(Endian::Little)))
}
