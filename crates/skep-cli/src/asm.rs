//! `skep asm`: assembly to an ELF object.

use std::path::PathBuf;

use anyhow::Result;

/// Assemble a file to an ELF object.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  skep asm examples/words.s -o words.o
  llvm-objdump -d words.o")]
pub(crate) struct Args {
    /// Assembly.
    file: PathBuf,
    /// Where to write the object; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let text = String::from_utf8(crate::input::bytes(&args.file)?)
        .map_err(|error| anyhow::anyhow!("{}: {error}; expected UTF-8 text", args.file.display()))?;
    let object = skep::assemble(&args.file.display().to_string(), &text)?;
    crate::input::write(&args.output, &skep::object::elf::write(&object))
}
