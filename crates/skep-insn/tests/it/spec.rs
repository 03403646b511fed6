//! A second reading of RFC 9669 and of what Linux and LLVM add, written without the crate's table.

use skep_insn::RawInsn;

/// Whether `raw` alone is a valid instruction; of `ld_imm64` it is the first slot.
pub(crate) fn is_valid(raw: RawInsn) -> bool {
    let (dst, src, off, imm) = (raw.dst(), raw.src(), raw.off, raw.imm);
    let (dst_reg, src_reg) = (dst <= 10, src <= 10);
    let (no_dst, no_src, no_off, no_imm) = (dst == 0, src == 0, off == 0, imm == 0);
    let class = raw.code & 0x07;
    let by_reg = raw.code & 0x08 != 0;
    let operation = raw.code >> 4;
    match class {
        // ALU, ALU64
        4 | 7 => {
            let wide = class == 7;
            let operand = if by_reg { src_reg && no_imm } else { no_src };
            match operation {
                0x8 => !by_reg && dst_reg && no_src && no_off && no_imm,
                // END: to little, to big; unconditional in ALU64
                0xd => dst_reg && no_src && no_off && matches!(imm, 16 | 32 | 64) && !(wide && by_reg),
                0x3 | 0x9 => dst_reg && operand && matches!(off, 0 | 1),
                0xb if by_reg && wide && off == 1 => dst_reg && src_reg,
                0xb if by_reg => dst_reg && operand && (matches!(off, 0 | 8 | 16) || wide && off == 32),
                0x0..=0xc => dst_reg && operand && no_off,
                _ => false,
            }
        }
        // JMP, JMP32
        5 | 6 => {
            let wide = class == 5;
            match (operation, wide, by_reg) {
                (0x0, true, false) => no_dst && no_src && no_imm,
                (0x0, false, false) => no_dst && no_src && no_off,
                (0x0 | 0x8, true, true) => dst_reg && no_src && no_off && no_imm,
                (0x8, true, false) => no_dst && (src <= 1 && no_off || src == 2),
                (0x9, true, false) => no_dst && no_src && no_off && no_imm,
                (0xe, true, false) => no_dst && no_src && no_imm,
                (0x1..=0x7 | 0xa..=0xd, _, true) => dst_reg && src_reg && no_imm,
                (0x1..=0x7 | 0xa..=0xd, _, false) => dst_reg && no_src,
                _ => false,
            }
        }
        // LD, LDX, ST, STX
        _ => {
            let mode = raw.code >> 5;
            let size = 4 >> (raw.code >> 3 & 3); // W, H, B, and 0 for DW
            match (class, mode, size) {
                (0, 0, 0) => dst_reg && src <= 6 && no_off,
                (0, 1, 1..) => no_dst && no_src && no_off,
                (0, 2, 1..) => no_dst && src_reg && no_off,
                (1, 3, _) | (1, 4, 1..) | (3, 3, _) => dst_reg && src_reg && no_imm,
                (2, 3, _) => dst_reg && no_src,
                (3, 6, 0 | 4) => {
                    let rmw = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
                    dst_reg && src_reg && (rmw.contains(&imm) || matches!(imm, 0x100 | 0x110))
                }
                (3, 6, _) => dst_reg && src_reg && matches!(imm, 0x100 | 0x110),
                _ => false,
            }
        }
    }
}
