//! What runs programs: one small trait, so that each engine that is added is compared with all the others.
#![expect(unsafe_code, reason = "host mode trusts the programs, which the oracle has vetted")]

use skep_insn::{Endian, RawInsn};
use skep_vm::{Func, Hosts, Memory as Mode, Unit};

use crate::slot::Slot;

/// The memory that each program gets: its address in `r1`, its length in `r2`.
#[derive(Clone, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Memory(pub [u8; Memory::LEN]);

impl Memory {
    /// Its length in bytes.
    pub const LEN: usize = 1024;

    /// All zeros.
    #[must_use]
    pub fn new() -> Memory {
        Memory([0; Memory::LEN])
    }

    /// The eight bytes at `at`.
    ///
    /// # Panics
    /// If they do not lie inside.
    #[must_use]
    pub fn word(&self, at: usize) -> u64 {
        let (words, _) = self.0[at..].as_chunks();
        u64::from_ne_bytes(words[0])
    }

    /// Overwrites the eight bytes at `at`.
    ///
    /// # Panics
    /// If they do not lie inside.
    pub fn set_word(&mut self, at: usize, value: u64) {
        self.0[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    }
}

impl Default for Memory {
    fn default() -> Self {
        Memory::new()
    }
}

/// Instructions after which an engine that counts them gives up; no test comes near.
const BUDGET: u64 = 10_000_000;

/// Something that runs programs.
pub trait Engine: Send {
    /// Its name, for messages and counts.
    fn name(&self) -> &'static str;

    /// Prepares a program.
    ///
    /// # Errors
    /// If it refuses the program.
    fn load(&self, program: &[Slot]) -> Result<Box<dyn Loaded + '_>, Refused>;
}

/// A program that is ready to run.
pub trait Loaded {
    /// Runs it on this memory; returns its `r0`, of which the kernel keeps the low half only.
    ///
    /// # Errors
    /// If the run ended early.
    fn run(&mut self, memory: &mut Memory) -> Result<u64, String>;
}

/// Why an engine does not take a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In one line.
    pub reason: String,
    /// All that it had to say.
    pub log: String,
}

/// All engines of user space.
#[must_use]
pub fn user_space() -> Vec<Box<dyn Engine>> {
    // SAFETY: the tests' programs touch their memory and stack only; the oracle runs each of them beforehand.
    let host = || unsafe { skep_vm::Engine::trusting(Hosts::default()) };
    let checked = || skep_vm::Engine::checked(Hosts::default());
    vec![
        Box::new(Interpreter { name: "host", engine: host(), stepped: false }),
        Box::new(Interpreter { name: "host, stepped", engine: host(), stepped: true }),
        Box::new(Interpreter { name: "checked", engine: checked(), stepped: false }),
        Box::new(Interpreter { name: "checked, stepped", engine: checked(), stepped: true }),
    ]
}

/// Links bare instructions, as a user of the libraries does.
///
/// # Errors
/// The linker's message, its causes behind it.
pub fn link(program: &[Slot]) -> Result<skep_object::Image, Refused> {
    let code = program.iter().map(|&slot| RawInsn::from_bytes(slot, Endian::Little)).collect();
    skep_link::link_code("test", code).map_err(|error| refused(&error))
}

fn refused(error: &dyn std::error::Error) -> Refused {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let reason = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    Refused { log: reason.clone(), reason }
}

struct Interpreter<M: Mode> {
    name: &'static str,
    engine: skep_vm::Engine<M>,
    stepped: bool,
}

impl<M: Mode> Engine for Interpreter<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn load(&self, program: &[Slot]) -> Result<Box<dyn Loaded + '_>, Refused> {
        let unit: Unit = self.engine.add(&link(program)?).map_err(|error| refused(&error))?;
        let func = unit
            .func("main")
            .ok_or_else(|| Refused { reason: "no function 'main'".to_owned(), log: String::new() })?;
        Ok(Box::new(Entry { func, stepped: self.stepped }))
    }
}

struct Entry {
    func: Func,
    stepped: bool,
}

impl Loaded for Entry {
    fn run(&mut self, memory: &mut Memory) -> Result<u64, String> {
        let call = self.func.prepare().memory(&mut memory.0);
        let call = if self.stepped { call.budget(BUDGET) } else { call };
        call.call().map_err(|trap| trap.to_string())
    }
}
