//! What the programs give natively: one executable with all of them, which prints result and memory.

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use super::program::Program;

/// Result and memory of one run.
pub(super) struct Outcome {
    pub(super) result: u64,
    pub(super) memory: Vec<u8>,
}

/// How often each program runs, each time on other bytes.
pub(super) const ROUNDS: usize = 3;

/// What is in the memory before a run: zeros first, then bytes that look random.
pub(super) fn fill(memory: &mut [u8], round: usize) {
    let mut state: u32 = u32::try_from(round).unwrap().wrapping_mul(0x9e37_79b9);
    for byte in memory {
        state = state.wrapping_mul(1_664_525).wrapping_add(if round == 0 { 0 } else { 1_013_904_223 });
        *byte = state.to_be_bytes()[0];
    }
}

/// The same in C, and the loop over programs and rounds.
const DRIVER: &str = r"
#include <stdio.h>
typedef unsigned long long u64;
#define PROGRAM(name, mem) u64 run_##name(unsigned char *, u64);
PROGRAMS
#undef PROGRAM
#define PROGRAM(name, mem) { run_##name, mem },
static const struct { u64 (*run)(unsigned char *, u64); u64 mem; } programs[] = { PROGRAMS };
static _Alignas(64) unsigned char memory[1 << 20];
int main(void) {
    for (unsigned p = 0; p < sizeof programs / sizeof *programs; p++)
        for (unsigned round = 0; round < ROUNDS; round++) {
            unsigned state = round * 0x9e3779b9u;
            for (u64 i = 0; i < programs[p].mem; i++) {
                state = state * 1664525u + (round ? 1013904223u : 0);
                memory[i] = state >> 24;
            }
            u64 result = programs[p].run(memory, programs[p].mem);
            fwrite(&result, sizeof result, 1, stdout);
            fwrite(memory, 1, programs[p].mem, stdout);
        }
}
";

/// The outcomes of each program's rounds.
pub(super) fn run(programs: &[Program], dir: &Path) -> Vec<Vec<Outcome>> {
    let driver = dir.join("driver.c");
    std::fs::write(&driver, DRIVER).unwrap();
    let mut list = String::new();
    for program in programs {
        let _ = write!(list, " PROGRAM({}, {})", program.name, program.mem);
    }
    let objects: Vec<_> =
        programs.iter().map(|program| dir.join(format!("{}.native.o", program.name))).collect();
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let mine = programs.iter().zip(&objects).skip(thread).step_by(threads);
            scope.spawn(move || {
                for (program, object) in mine {
                    let name = format!("-Drun=run_{}", program.name);
                    clang(&["-O2", "-fno-strict-aliasing", "-w", "-c", &name], &[&program.path], object);
                    keep_global(&format!("run_{}", program.name), object);
                }
            });
        }
    });
    let executable = dir.join("native");
    let inputs: Vec<&Path> = [&driver].into_iter().chain(&objects).map(|path| path.as_path()).collect();
    clang(&[&format!("-DPROGRAMS={list}"), &format!("-DROUNDS={ROUNDS}")], &inputs, &executable);
    let output = Command::new(&executable).output().unwrap();
    assert!(output.status.success(), "the native programs fail: {}", output.status);
    outcomes(programs, &output.stdout)
}

fn clang(flags: &[&str], inputs: &[&Path], output: &Path) {
    let result = Command::new("clang-22").args(flags).arg("-o").arg(output).args(inputs).output().unwrap();
    assert!(result.status.success(), "{inputs:?}:\n{}", String::from_utf8_lossy(&result.stderr));
}

/// Makes all other symbols local: programs use the same names for their own.
fn keep_global(name: &str, object: &Path) {
    let status = Command::new("objcopy").arg(format!("--keep-global-symbol={name}")).arg(object).status();
    assert!(status.unwrap().success(), "objcopy {}", object.display());
}

fn outcomes(programs: &[Program], output: &[u8]) -> Vec<Vec<Outcome>> {
    let mut rest = output;
    let mut one = |program: &Program| {
        let (result, more) = rest.split_first_chunk::<8>().expect("a result");
        let (memory, more) = more.split_at(program.mem);
        rest = more;
        Outcome { result: u64::from_ne_bytes(*result), memory: memory.to_vec() }
    };
    let all = programs.iter().map(|program| (0..ROUNDS).map(|_| one(program)).collect()).collect();
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    all
}
