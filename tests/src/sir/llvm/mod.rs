//! From clang's LLVM IR to SIR, instruction by instruction: real C programs for our back end, transcribed by machine.
//!
//! Nothing is optimized on the way: what `clang -O2 -Xclang -disable-llvm-passes` says is what the module says. The
//! phases are those of [`translate`]; a construct that SIR does not have (floating point, 128-bit integers, vectors, ..)
//! is an error that names it.

mod asm;
mod core;
mod debug;
mod func;
mod globals;
mod inst;
mod intrinsics;
mod layout;
mod lex;
mod memory;
mod node;
mod parse;
mod parse_inst;
mod syntax;
mod types;
mod values;

use std::path::Path;
use std::process::Command;

use skep_codegen::ir;
use thiserror::Error;

/// Why a program cannot be translated.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Text that is no LLVM IR, or says what SIR cannot.
    #[error("{name}:{line}: {message}: `{text}`")]
    Text {
        /// The module.
        name: String,
        /// The line, from 1.
        line: usize,
        /// What was found, and what was expected.
        message: String,
        /// The line's text.
        text: String,
    },
    /// The compiler cannot be run.
    #[error("cannot run clang-22")]
    Run(#[source] std::io::Error),
    /// The compiler refuses the source.
    #[error("clang-22 refuses {0}")]
    Clang(String),
}

/// A mistake at a place in the text, in bytes.
#[derive(Debug)]
struct Fault {
    at: usize,
    message: String,
}

type Res<T> = Result<T, Fault>;

/// The module that a text in LLVM's language says.
///
/// # Errors
/// The first thing that is not understood, or that SIR does not have.
pub fn translate(name: &str, text: &str) -> Result<ir::Module, Error> {
    translate_with(name, text, Core::Fold)
}

/// What becomes of an access to a member that CO-RE relocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Core {
    /// Plain address arithmetic: right where the kernel's types are those that the program was written with.
    #[default]
    Fold,
    /// The offset is a constant that the loader fills in.
    Relocate,
}

/// As [`translate`], with a choice.
///
/// # Errors
/// As [`translate`].
pub fn translate_with(name: &str, text: &str, core: Core) -> Result<ir::Module, Error> {
    let run = || {
        let parsed = parse::module(text)?;
        let mut module = ir::Module::new(name);
        let mut nodes = debug::Debug::new(&parsed);
        let mut types = types::collect(&parsed, &mut nodes, &mut module);
        let symbols = globals::declare(&parsed, &mut module, &mut types)?;
        for func in parsed.funcs.iter().filter(|func| !func.blocks.is_empty()) {
            func::translate(&parsed, func, &symbols, &mut nodes, &mut types, core, &mut module)?;
        }
        Ok(module)
    };
    run().map_err(|fault: Fault| {
        let at = fault.at.min(text.len());
        let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[start..].lines().next().unwrap_or("").trim();
        Error::Text {
            name: name.to_owned(),
            line: text[..at].matches('\n').count() + 1,
            message: fault.message,
            text: line.chars().take(200).collect(),
        }
    })
}

/// The module that a C file says to clang, whose own optimizer does not run.
///
/// # Errors
/// If clang cannot be run or refuses it, or as [`translate`].
pub fn compile_c(path: &Path, extra_flags: &[&str]) -> Result<ir::Module, Error> {
    let output = Command::new("clang-22")
        .args(["--target=bpfel", "-O2", "-Xclang", "-disable-llvm-passes", "-g", "-w", "-emit-llvm", "-S"])
        .args(extra_flags)
        .args(["-o", "-"])
        .arg(path)
        .output()
        .map_err(Error::Run)?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let first = text.lines().find(|line| line.contains("error")).unwrap_or("").to_owned();
        return Err(Error::Clang(format!("{}: {first}", path.display())));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    translate(&name, &String::from_utf8_lossy(&output.stdout))
}
