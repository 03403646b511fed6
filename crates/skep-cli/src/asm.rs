//! `skep asm`: assembly to an ELF object.

use std::path::PathBuf;

use anyhow::Result;

use crate::input;

/// Assemble a file to an ELF object.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  skep asm examples/words.s -o words.o
  llvm-objdump -d words.o")]
pub(crate) struct Args {
    /// Assembly; `-` is standard input.
    file: PathBuf,
    /// Where to write the object; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let object = skep::assemble(&input::name(&args.file), &input::text(&args.file)?)?;
    input::write(&args.output, &skep::object::elf::write(&object))
}
