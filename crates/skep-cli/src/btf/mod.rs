//! `skep btf`: types, of BPF objects, of kernels and of programs.

mod check;
mod diff;
mod dump;
mod encode;
mod input;
mod merge;
mod show;
mod units;

use anyhow::Result;
use clap::Subcommand;

/// Print and work on types: BTF of kernels, BPF objects and programs.
#[derive(clap::Args)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  skep btf dump --format c /sys/kernel/btf/vmlinux > vmlinux.h
  skep btf show -C task_struct /sys/kernel/btf/vmlinux
  skep btf encode vmlinux -o vmlinux.btf"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

/// To add a command: a file with its `Args` and `run`, a row here and one in `run`.
#[derive(Subcommand)]
enum Command {
    Encode(encode::Args),
    Units(units::Args),
    Dump(dump::Args),
    Merge(merge::Args),
    Diff(diff::Args),
    Show(show::Args),
    Check(check::Args),
}

pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.command {
        Command::Encode(args) => encode::run(args),
        Command::Units(args) => units::run(args),
        Command::Dump(args) => dump::run(args),
        Command::Merge(args) => merge::run(args),
        Command::Diff(args) => diff::run(args),
        Command::Show(args) => show::run(args),
        Command::Check(args) => check::run(args),
    }
}
