//! The interpreter of the crate solana-sbpf.
#![expect(unsafe_code, reason = "its memory mapping takes raw regions")]

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;

use solana_sbpf::aligned_memory::AlignedMemory;
use solana_sbpf::ebpf::{HOST_ALIGN, MM_HEAP_START, MM_INPUT_START, MM_STACK_START};
use solana_sbpf::elf::Executable;
use solana_sbpf::error::ProgramResult;
use solana_sbpf::memory_region::{MemoryMapping, MemoryRegion};
use solana_sbpf::program::{BuiltinProgram, FunctionRegistry, SBPFVersion};
use solana_sbpf::verifier::RequisiteVerifier;
use solana_sbpf::vm::{CallFrame, Config, ContextObject, EbpfVm, ExecutionMode};

use super::{Contender, Loaded};
use crate::flat::Flat;
use crate::programs::{Cpu, Program};

/// The dialect nearest to BPF. It still sign-extends 32-bit sums, so it gets code without 32-bit arithmetic.
const VERSION: SBPFVersion = SBPFVersion::V4;

pub(crate) struct Sbpf {
    loader: Arc<BuiltinProgram<Context>>,
}

impl Sbpf {
    pub(crate) fn new() -> Self {
        let config =
            Config { enable_instruction_meter: false, aligned_memory_mapping: true, ..Config::default() };
        Self { loader: Arc::new(BuiltinProgram::new_loader(config)) }
    }

    fn machine(&self, flat: &Flat) -> Result<Box<dyn Loaded + '_>, Box<dyn Error>> {
        let mut functions = FunctionRegistry::default();
        functions.register_function(0, *b"entrypoint", flat.entry)?;
        let code = flat.code(MM_HEAP_START);
        let executable = Executable::from_text_bytes(&code, Arc::clone(&self.loader), VERSION, functions)?;
        executable.verify::<RequisiteVerifier>()?;
        let config = executable.get_config();
        Ok(Box::new(Machine {
            stack: AlignedMemory::zero_filled(config.stack_size()),
            frames: vec![CallFrame::default(); config.max_call_depth],
            data: AlignedMemory::from_slice(&flat.data),
            executable,
        }))
    }
}

impl Contender for Sbpf {
    fn name(&self) -> &'static str {
        "sbpf"
    }

    fn about(&self) -> String {
        "crate solana-sbpf 0.26, interpreter, dialect v4, no instruction meter, aligned mapping; code is -mcpu=v2".into()
    }

    fn cpu(&self) -> Option<Cpu> {
        Some(Cpu::V2)
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded + '_>, Box<dyn Error>> {
        self.machine(&program.bpf(Cpu::V2).flat)
    }

    fn load_bare(&self, code: &Flat) -> Option<Result<Box<dyn Loaded + '_>, Box<dyn Error>>> {
        Some(self.machine(code))
    }
}

struct Machine {
    executable: Executable<Context>,
    stack: AlignedMemory<HOST_ALIGN>,
    data: AlignedMemory<HOST_ALIGN>,
    frames: Vec<CallFrame>,
}

impl Loaded for Machine {
    fn run(&mut self, mem: &mut [u8]) -> Result<u64, Box<dyn Error>> {
        let len = u64::try_from(mem.len())?;
        let stack = self.stack.len();
        let regions = vec![
            MemoryRegion::new(&mut self.stack, MM_STACK_START),
            MemoryRegion::new(&self.data, MM_HEAP_START),
            MemoryRegion::new(&raw mut *mem, MM_INPUT_START),
        ];
        // SAFETY: the regions outlive the mapping, which lives in this call; nobody else touches them meanwhile.
        let mapping = unsafe { MemoryMapping::new(regions, self.executable.get_config(), VERSION)? };
        let mut context = Context(mapping);
        let mut vm = EbpfVm::new(Arc::clone(self.executable.get_loader()), VERSION, &mut context, stack);
        vm.registers[1] = MM_INPUT_START;
        vm.registers[2] = len;
        let run = || vm.execute_program(&self.executable, &mut ExecutionMode::Interpreted, &mut self.frames);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok((_, ProgramResult::Ok(value))) => Ok(value),
            Ok((_, ProgramResult::Err(error))) => Err(error.into()),
            Err(_) => Err("it panicked".into()),
        }
    }
}

/// What a run carries along: its memory. Instructions are not counted.
struct Context(MemoryMapping);

impl ContextObject for Context {
    fn consume(&mut self, _: u64) {}

    fn get_remaining(&self) -> u64 {
        u64::MAX
    }

    fn active_mapping_ptr(&mut self) -> NonNull<MemoryMapping> {
        NonNull::from_mut(&mut self.0)
    }
}
