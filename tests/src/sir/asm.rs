//! Inline assembly, executed by the judge of all engines.

use skep_codegen::Endian;
use skep_codegen::ir::Asm;

use super::memory::Memory;
use crate::oracle::{self, Addresses};
use crate::slot::{EXIT, Slot, insn, load_imm64};

/// Steps that a piece of assembly may take.
const STEPS: u64 = 10_000;

/// Runs it; the content of the result's register at the end, if it has a result.
///
/// Of memory it sees the region that its first pointer points into.
///
/// # Errors
/// If it is no assembly, or does what has no meaning.
pub(super) fn run(memory: &mut Memory, asm: &Asm, has_result: bool, inputs: &[u64]) -> Result<u64, String> {
    let operands = usize::from(has_result && !asm.tied) + inputs.len();
    let regs: Vec<u8> = (0..10).filter(|reg| asm.clobbers >> reg & 1 == 0).take(operands).collect();
    if regs.len() < operands {
        return Err("more operands than registers".to_owned());
    }
    let input_regs = &regs[operands - inputs.len()..];
    let mut code: Vec<Slot> = Vec::new();
    for (&reg, &value) in input_regs.iter().zip(inputs) {
        code.extend(load_imm64(reg, value));
    }
    // A tied result is the first operand and the first input alike.
    let names: Vec<u8> = if has_result && asm.tied { [&regs[..1], &regs].concat() } else { regs.clone() };
    for line in asm.text.split(['\n', ';']).map(str::trim).filter(|line| !line.is_empty()) {
        let text = substitute(line, &names)?;
        let insn = skep_insn::text::parse(&text).map_err(|error| format!("'{text}': {error}"))?;
        code.extend(insn.encode().as_slice().iter().map(|slot| slot.to_bytes(Endian::Little)));
    }
    code.push(insn(EXIT, 0, 0, 0, 0));
    let region = inputs.iter().find_map(|&input| memory.region(input)).filter(|_| asm.memory);
    let (start, mut bytes) = region.map_or((0, Vec::new()), |(start, bytes)| (start, bytes.to_vec()));
    let addresses = Addresses { memory: start, frame: 0x7000_0000_0000 };
    let done = oracle::run(&code, &mut bytes, addresses, STEPS).map_err(|fault| format!("{fault:?}"))?;
    if start != 0 {
        memory.write(start, &bytes).map_err(|fault| fault.to_string())?;
    }
    Ok(if has_result { done.regs[usize::from(regs[0])] } else { 0 })
}

/// The line with registers in place of `%0` and `%w0`.
fn substitute(line: &str, names: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            text.push('%');
            continue;
        }
        let letter = if chars.next_if_eq(&'w').is_some() { 'w' } else { 'r' };
        let digit =
            chars.next().and_then(|c| c.to_digit(10)).ok_or_else(|| format!("'{line}': % and no number"))?;
        let reg = names.get(digit as usize).ok_or_else(|| format!("'{line}': no operand {digit}"))?;
        text.push(letter);
        text.push_str(&reg.to_string());
    }
    Ok(text)
}
