//! The `skep` command.

mod asm;
mod btf;
mod compile;
mod dis;
mod headers;
mod input;
mod link;
mod mapped;
mod run;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A BPF toolchain: run, list, assemble, compile and link BPF programs.
#[derive(Parser)]
#[command(name = "skep", version, after_help = EXIT_CODES, subcommand_required = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Args),
    Dis(dis::Args),
    Asm(asm::Args),
    Compile(compile::Args),
    Link(link::Args),
    Btf(btf::Args),
    Headers(headers::Args),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:\n  skep completions bash > /etc/bash_completion.d/skep")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// How the command ended, as its exit code.
enum Failure {
    /// A program ran and was ended by an error.
    Program(anyhow::Error),
    /// It never ran: a file, an option, or what is in them is wrong.
    Input(anyhow::Error),
}

const EXIT_CODES: &str = "\
Exit codes:
  0  success
  1  a program ran, and an error ended it
  2  an option, a file or its contents are wrong; nothing ran

Examples:
  skep run examples/words.s
  skep run --print-r0 --arg 10 examples/fib.s
  skep dis examples/fib.s
  skep asm examples/hello.s -o hello.o";

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Input(error)
    }
}

fn main() -> ExitCode {
    end_quietly_with_the_reader();
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Dis(args) => dis::run(&args).map_err(Failure::from),
        Command::Asm(args) => asm::run(&args).map_err(Failure::from),
        Command::Compile(args) => compile::run(&args).map_err(Failure::from),
        Command::Link(args) => link::run(&args).map_err(Failure::from),
        Command::Btf(args) => btf::run(&args).map_err(Failure::from),
        Command::Headers(args) => headers::run(&args).map_err(Failure::from),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "skep", &mut script);
            input::write("-".as_ref(), &script).map_err(Failure::from)
        }
    };
    let (error, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Program(error)) => (error, 1),
        Err(Failure::Input(error)) => (error, 2),
    };
    // One line for each level, from what was wanted down to the cause.
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    // Where standard error is closed, the exit code still tells.
    let _ = writeln!(std::io::stderr(), "skep: {}", causes.join(": "));
    ExitCode::from(code)
}

/// Rust programs ignore SIGPIPE. For `skep run yes.s | head` that would mean to run on without a reader, since C's
/// `printf` does not end a program.
#[expect(unsafe_code, reason = "the disposition of a signal")]
fn end_quietly_with_the_reader() {
    // SAFETY: no other thread runs yet, and the default action needs no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}
