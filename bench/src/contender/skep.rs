//! skep's interpreter, in both of its memory modes.
#![expect(unsafe_code, reason = "the host mode trusts its programs; these are ours")]

use std::error::Error;

use skep::insn::{Endian, RawInsn};
use skep::vm::Memory;
use skep::{Checked, Engine, Func, Host, Hosts, Image};

use super::{Contender, Loaded};
use crate::flat::Flat;
use crate::programs::{Cpu, Program};

/// An engine in one of the modes.
pub(crate) struct Skep<M: Memory> {
    name: &'static str,
    about: &'static str,
    engine: Engine<M>,
}

impl Skep<Host> {
    pub(crate) fn host() -> Self {
        // SAFETY: the programs are the frozen ones, whose accesses stay in the buffer.
        let engine = unsafe { Engine::trusting(Hosts::new()) };
        Self { name: "skep", about: "interpreter, host mode: trusts the program's addresses", engine }
    }
}

impl Skep<Checked> {
    pub(crate) fn checked() -> Self {
        let engine = Engine::checked(Hosts::new());
        Self {
            name: "skep-chk",
            about: "interpreter, checked mode: proves every access, as the peers do",
            engine,
        }
    }
}

impl<M: Memory> Contender for Skep<M> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn about(&self) -> String {
        self.about.into()
    }

    fn cpu(&self) -> Option<Cpu> {
        Some(Cpu::V3)
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>, Box<dyn Error>> {
        let unit = self.engine.add(&program.bpf(Cpu::V3).image)?;
        let run = unit.func("run").ok_or("no function 'run' in the image")?;
        Ok(Box::new(Run(run)))
    }

    fn load_bare(&self, code: &Flat) -> Option<Result<Box<dyn Loaded>, Box<dyn Error>>> {
        Some(self.add_bare(code))
    }

    fn check_bare(&self, code: &Flat) -> Option<Result<(), Box<dyn Error>>> {
        Some(link_bare(code).map(|_| ()))
    }
}

impl<M: Memory> Skep<M> {
    fn add_bare(&self, code: &Flat) -> Result<Box<dyn Loaded>, Box<dyn Error>> {
        let unit = self.engine.add(&link_bare(code)?)?;
        Ok(Box::new(Run(unit.func("main").ok_or("no function 'main' in the image")?)))
    }
}

fn link_bare(code: &Flat) -> Result<Image, Box<dyn Error>> {
    let code = RawInsn::slots(&code.code(0), Endian::Little).ok_or("half a slot at the end")?;
    Ok(skep::linker::link_code("bare", code)?)
}

struct Run(Func);

impl Loaded for Run {
    fn run(&mut self, mem: &mut [u8]) -> Result<u64, Box<dyn Error>> {
        Ok(self.0.prepare().memory(mem).call()?)
    }
}
