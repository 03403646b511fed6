//! What the compiler makes of files: `translate [--quiet] [--compile] [--run] [--emit=DIR] [--core] FILE.c|FILE.ll|FILE.sir...`
//!
//! C goes through clang, LLVM's language through the translator. Prints the module unless `--quiet`; `--compile`
//! compiles it in all ways and prints what is refused; `--run` compares what `run(mem, len)` gives with its meaning;
//! `--emit` writes objects for the kernel; `--core` keeps CO-RE relocations.

#![allow(clippy::print_stdout, reason = "a tool")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use skep_codegen::ir::{Module, text, validate};
use skep_codegen::{Endian, Options, Target};
use skep_tests::sir::eval::{Machine, Nothing};
use skep_tests::sir::judge::{LEVELS, Way, chain};
use skep_tests::sir::llvm;
use skep_tests::sir::memory::{Name, Uninit};
use skep_vm::{Engine, Hosts};

fn main() {
    let (flags, files): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let has = |flag: &str| flags.iter().any(|known| known == flag);
    let core = if has("--core") { llvm::Core::Relocate } else { llvm::Core::Fold };
    for file in files {
        let module = match read(&file, core) {
            Ok(module) => module,
            Err(error) => {
                println!("{file}: {error}");
                continue;
            }
        };
        if !has("--quiet") {
            println!("{}", text::print(&module));
        }
        if let Err(diags) = validate::module(&module) {
            println!("{file}: invalid: {diags}");
            continue;
        }
        let emit = flags.iter().find_map(|flag| flag.strip_prefix("--emit="));
        if let Some(dir) = emit
            && let Err(error) = emit_objects(Path::new(dir), &file, &module)
        {
            println!("{file}: {error}");
        }
        if has("--compile") || has("--run") {
            for way in Way::all() {
                if let Err(error) = compile(&module, way, has("--run")) {
                    println!("{file}: {:?} {:?}: {error}", way.opt, way.cpu);
                }
            }
        }
    }
}

/// Writes objects for the kernel, one for each level.
fn emit_objects(dir: &Path, file: &str, module: &Module) -> Result<(), String> {
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy();
    let mut refused = Vec::new();
    for opt in LEVELS {
        // As clang sees it: what a file has is all there is.
        let options = Options::new().opt(opt).closed_world(true);
        let compiled = catch_unwind(AssertUnwindSafe(|| skep_codegen::compile(module.clone(), &options)));
        let path = dir.join(format!("{stem}.{opt:?}.o"));
        match compiled {
            Ok(Ok(object)) => {
                let bytes = skep_object::elf::write(&object);
                std::fs::write(path, bytes).map_err(|error| error.to_string())?;
            }
            Ok(Err(diags)) => refused.push(format!("{opt:?}: {diags}")),
            Err(_) => refused.push(format!("{opt:?}: panic")),
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
}

fn read(file: &str, core: llvm::Core) -> Result<Module, String> {
    if file.ends_with(".c") {
        return llvm::compile_c(Path::new(&file), &[]).map_err(|error| chain(&error));
    }
    let source = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    if file.ends_with(".sir") {
        return text::parse(file, &source).map_err(|errors| errors.to_string());
    }
    llvm::translate_with(file, &source, core).map_err(|error| chain(&error))
}

fn compile(module: &Module, way: Way, run: bool) -> Result<(), String> {
    let options = Options::new().opt(way.opt).cpu(way.cpu).target(Target::User);
    let compiled = catch_unwind(AssertUnwindSafe(|| skep_codegen::compile(module.clone(), &options)));
    let object = compiled.map_err(|_| "panic")?.map_err(|diags| diags.to_string())?;
    if !run {
        return Ok(());
    }
    let image = skep_link::link(&object, &skep_link::Options::new().entry("run"));
    let image = image.map_err(|error| chain(&error))?;
    let unit = Engine::checked(Hosts::new()).add(&image).map_err(|error| chain(&error))?;
    let func = unit.func("run").ok_or("no function 'run'")?;
    for round in 0..8u8 {
        let input: Vec<u8> = (0..=255).map(|at: u8| at.wrapping_mul(round).rotate_left(3) ^ round).collect();
        let mut memory = input.clone();
        let found = func.prepare().memory(&mut memory).call().map_err(|trap| chain(&*trap))?;
        let mut machine = Machine::new(module, Endian::Little, Uninit::Fault);
        let addr = machine.memory.add(Name::Buffer(0), input, false);
        let expected = machine.call(&mut Nothing, "run", &[addr, 256]).map_err(|fault| fault.to_string())?;
        let (_, expected_memory) = machine.memory.region(addr).ok_or("no memory")?;
        if Some(found) != expected {
            return Err(format!("round {round}: returns {found:#x}, expected {expected:#x?}"));
        }
        if memory != expected_memory {
            let at = memory.iter().zip(expected_memory).position(|(a, b)| a != b);
            return Err(format!("round {round}: memory differs at {at:?}"));
        }
    }
    Ok(())
}
