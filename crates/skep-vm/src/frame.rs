//! How much stack functions visibly use.

use skep_insn::{AluOp, Insn, Operand, RawInsn, Reg, Width};

/// The bytes below the frame pointer that a function uses, as far as its code shows: by accesses through `r10`, and by
/// constants added to copies of it. The latter can be more than what it uses, since compilers also make addresses
/// outside of an array on their way into it.
pub(crate) fn bytes_used(code: &[RawInsn]) -> u32 {
    let mut used = 0;
    // A bit for each register that has a copy of r10, in the order of the code; a wrong one costs memory only.
    let mut copies = 1u16 << Reg::R10.number();
    for (at, raw) in code.iter().enumerate() {
        let marked = |register: u8| copies >> register & 1 == 1;
        // All others say nothing, and are not worth the decoding.
        if !marked(raw.dst()) && !marked(raw.src()) {
            continue;
        }
        let Ok(insn) = Insn::decode(&code[at..]) else { continue };
        let below = match insn {
            Insn::Alu { op: AluOp::Add, width: Width::W64, dst, src: Operand::Imm(imm) }
                if marked(dst.number()) =>
            {
                imm
            }
            Insn::Load { base, off, .. }
            | Insn::Store { base, off, .. }
            | Insn::Atomic { base, off, .. }
            | Insn::LoadAcquire { base, off, .. }
            | Insn::StoreRelease { base, off, .. }
                if marked(base.number()) =>
            {
                off.into()
            }
            _ => 0,
        };
        used = used.max(below.min(0).unsigned_abs());
        let copy = match insn {
            Insn::Alu { op: AluOp::Mov, width: Width::W64, src: Operand::Reg(src), .. } => {
                marked(src.number())
            }
            _ => false,
        };
        if let Some(written) = insn.written() {
            let bit = 1 << written.number();
            copies = if copy { copies | bit } else { copies & !bit };
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::bytes_used;

    #[test]
    fn what_code_shows_is_found() {
        let check = |lines: &[&str], expected: u32| {
            let encoded = lines.iter().map(|line| skep_insn::text::parse(line).unwrap().encode());
            let code: Vec<_> = encoded.flat_map(|insn| insn.as_slice().to_vec()).collect();
            assert_eq!(bytes_used(&code), expected, "{lines:?}");
        };
        check(&["r0 = 0", "exit"], 0);
        check(&["*(u64 *)(r10 - 8) = 1", "r0 = *(u8 *)(r10 - 600)", "exit"], 600);
        check(&["r1 = r10", "r1 += -4096", "r1 += -70000"], 4096);
        check(&["r1 = r10", "r2 = r1", "r2 += -40", "*(u32 *)(r1 - 44) = w3"], 44);
        check(&["lock *(u64 *)(r10 - 32768) += r1"], 32768);
        check(&["*(u64 *)(r10 + 16) = r1", "r1 = r10", "r1 += 32"], 0);
        // Not copies, or no longer.
        check(&["r1 = r3", "r1 += -4096", "r1 = r10", "r1 = r3", "r1 += -4096"], 0);
        check(&["r1 = r10", "r1 = *(u64 *)(r3 + 0)", "r1 += -4096"], 0);
        check(&["r1 = r10", "r1 = 0x1000 ll", "r1 += -4096"], 0);
        check(&["w1 = w10", "w1 += -4096"], 0);
    }
}
