//! The interpreter of the crate rbpf.
#![expect(unsafe_code, reason = "its API wants memory for as long as the machine lives")]

use std::any::Any;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Contender, Loaded};
use crate::flat::{Flat, SLOT};
use crate::programs::{Cpu, Program};

/// rbpf's `EbpfVmRaw`: r1 is the address of the memory; it checks every access.
pub(crate) struct Rbpf;

impl Contender for Rbpf {
    fn name(&self) -> &'static str {
        "rbpf"
    }

    fn about(&self) -> String {
        "crate rbpf 0.4, interpreter, frames sized by their use (512 bytes in all, 8 calls deep at most)"
            .into()
    }

    fn cpu(&self) -> Option<Cpu> {
        Some(Cpu::V3)
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>, Box<dyn Error>> {
        Machine::load(&program.bpf(Cpu::V3).flat, program.input.len())
    }

    fn load_bare(&self, code: &Flat) -> Option<Result<Box<dyn Loaded>, Box<dyn Error>>> {
        Some(Machine::load(code, 0))
    }
}

struct Machine {
    /// Borrows `_code`, thus before it.
    vm: rbpf::EbpfVmRaw<'static>,
    _code: Box<[u8]>,
    _data: Box<[u8]>,
}

impl Machine {
    fn load(flat: &Flat, mem: usize) -> Result<Box<dyn Loaded>, Box<dyn Error>> {
        let data = flat.data.clone().into_boxed_slice();
        let mut code = flat.code(data.as_ptr().addr().try_into()?);
        // r2 is ours to set, and the entry is always the first instruction.
        if mem > 0 {
            let mut start = vec![0xb7, 0x02, 0, 0, 0, 0, 0, 0, 0x05, 0, 0, 0, 0, 0, 0, 0];
            start[4..8].copy_from_slice(&i32::try_from(mem)?.to_le_bytes());
            start[10..12].copy_from_slice(&i16::try_from(flat.entry)?.to_le_bytes());
            start.extend_from_slice(&code);
            code = start;
        }
        let code = code.into_boxed_slice();
        // SAFETY: the heap block stays where it is until `Machine` drops it, after `vm`.
        let borrowed: &'static [u8] = unsafe { std::slice::from_raw_parts(code.as_ptr(), code.len()) };
        let mut vm = rbpf::EbpfVmRaw::new(Some(borrowed))?;
        if call_targets(borrowed).next().is_some() {
            vm.set_stack_usage_calculator(frame_size, Box::new(()))?;
        }
        let start = u64::try_from(data.as_ptr().addr())?;
        if !data.is_empty() {
            vm.register_allowed_memory(start..start + u64::try_from(data.len())?);
        }
        Ok(Box::new(Self { vm, _code: code, _data: data }))
    }
}

impl Loaded for Machine {
    fn run(&mut self, mem: &mut [u8]) -> Result<u64, Box<dyn Error>> {
        // SAFETY: `execute_program` does not keep the slice; only its signature says so.
        let mem: &'static mut [u8] = unsafe { std::slice::from_raw_parts_mut(mem.as_mut_ptr(), mem.len()) };
        match catch_unwind(AssertUnwindSafe(|| self.vm.execute_program(mem))) {
            Ok(result) => Ok(result?),
            Err(_) => Err("it panicked".into()),
        }
    }
}

/// Bytes of the frame of the function at slot `pc`: the lowest offset from r10 in it. Without this, rbpf takes 256 for
/// each, and two nested calls exhaust its stack. Slot 0 is the start code, which jumps into `run`.
fn frame_size(code: &[u8], pc: usize, _: &mut dyn Any) -> u16 {
    let run = 2 + usize::from(u16::from_le_bytes([code[10], code[11]]));
    let pc = if pc == 0 { run } else { pc };
    let end = call_targets(code).chain([run]).filter(|&start| start > pc).min().unwrap_or(code.len() / SLOT);
    let mut lowest: i32 = 0;
    let mut previous: &[u8] = &[0; SLOT];
    for insn in code[pc * SLOT..end * SLOT].chunks_exact(SLOT) {
        let class = insn[0] & 7;
        let (dst, src) = (insn[1] & 15, insn[1] >> 4);
        if (class == BPF_LDX && src == 10) || ((class == BPF_ST || class == BPF_STX) && dst == 10) {
            lowest = lowest.min(i32::from(i16::from_le_bytes([insn[2], insn[3]])));
        }
        let copied = previous[0] == MOV_REG && previous[1] == 0xa0 | dst;
        if copied && insn[0] == ADD_IMM {
            lowest = lowest.min(imm(insn));
        }
        previous = insn;
    }
    u16::try_from((-lowest).cast_unsigned().next_multiple_of(8)).unwrap_or(512)
}

const BPF_LDX: u8 = 1;
const BPF_ST: u8 = 2;
const BPF_STX: u8 = 3;
const MOV_REG: u8 = 0xbf;
const ADD_IMM: u8 = 0x07;
const CALL: u8 = 0x85;

/// Slots that local calls lead to.
fn call_targets(code: &[u8]) -> impl Iterator<Item = usize> {
    code.chunks_exact(SLOT).enumerate().filter_map(|(slot, insn)| {
        let local = insn[0] == CALL && insn[1] >> 4 == 1;
        local.then(|| usize::try_from(i64::try_from(slot).ok()? + 1 + i64::from(imm(insn))).ok())?
    })
}

fn imm(insn: &[u8]) -> i32 {
    i32::from_le_bytes([insn[4], insn[5], insn[6], insn[7]])
}
