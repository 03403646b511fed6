//! `skep btf dump`: all types, as text.

use std::io;

use anyhow::{Context, Result, bail};
use skep::btf::{Btf, TypeId, dump};

use crate::btf::input::{self, Source};

/// Print types: as they are encoded, as a C header, or as JSON.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf dump /sys/kernel/btf/vmlinux | grep -w task_struct
  skep btf dump --format c /sys/kernel/btf/vmlinux > vmlinux.h
  skep btf dump --id 7 --id 9 prog.o
  skep btf dump --format json prog.o | jq '.types | length'")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// How they are printed.
    #[arg(long, value_enum, default_value_t = Format::Raw)]
    format: Format,
    /// Only the type of this id. Repeatable.
    #[arg(long = "id", value_name = "N")]
    ids: Vec<u32>,
    /// With --format c: have the compiler check the size of each type and the offset of each member.
    #[arg(long)]
    asserts: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Format {
    /// Each record as it is encoded, the text of `bpftool btf dump`.
    Raw,
    /// A header that compiles, with each type's layout to the last byte.
    C,
    /// The same as raw, for programs, with the keys of `bpftool --json btf dump`.
    Json,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let btf = input::types(&args.source)?;
    let ids = chosen(&btf, &args.ids, &crate::input::name(&args.source.file))?;
    let mut out = io::stdout().lock();
    if args.asserts && !matches!(args.format, Format::C) {
        bail!("--asserts is for C; expected --format c");
    }
    match args.format {
        Format::C => {
            let header = dump::Header::new(&btf).asserts(args.asserts).symbols(!args.ids.is_empty());
            header.write(ids, &mut out)
        }
        Format::Raw => dump::raw(&btf, ids, &mut out),
        Format::Json => dump::json(&btf, ids, &mut out),
    }
    .context("cannot write standard output")
}

/// The ids that were asked for; all of the file's own if none was.
fn chosen(btf: &Btf, ids: &[u32], name: &str) -> Result<Vec<TypeId>> {
    let count = btf.count();
    if let Some(id) = ids.iter().find(|&&id| id == 0 || id > count) {
        bail!("{name} has no type [{id}], expected 1 to {count}");
    }
    Ok(if ids.is_empty() { btf.ids().collect() } else { ids.iter().copied().map(TypeId).collect() })
}
