//! `skep-bench`: skep and its peers on the same work, side by side in one run.
//!
//! A subcommand is a module: `interp` compares interpreters, `build` code generators. What a contender cannot run, and a tool that is not
//! installed, is reported with the reason, never left out silently.

mod build;
mod clock;
mod contender;
mod dl;
mod flat;
mod input;
mod interp;
mod programs;
mod report;
mod types;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures skep and its peers on the same work, side by side in one run")]
struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Interpreters: time of each compute program as a multiple of native code's, and load time.
    Interp(interp::Options),
    /// Code generation: quality of the code, beside clang's.
    Build(build::Options),
    /// Type information: reading, merging, looking up, printing, beside libbpf, bpftool and pahole.
    Types(types::Options),
}

fn main() -> ExitCode {
    let done = match Args::parse().what {
        What::Interp(options) => interp::run(&options),
        What::Build(options) => build::run(&options),
        What::Types(options) => types::run(&options),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("skep-bench: {}", chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// An error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    // A line of a report has room for one.
    line.replace('\n', "; ")
}
