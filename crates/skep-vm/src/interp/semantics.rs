//! What the operations compute (RFC 9669 §4), as plain functions: the one place that says so for every engine in this crate.

use skep_insn::{AluOp, AtomicOp, Cond, EndianOp, MemSize};

/// `a op b` on 64 bits.
#[inline(always)]
pub(crate) fn alu64(op: AluOp, a: u64, b: u64) -> u64 {
    let (sa, sb) = (a.cast_signed(), b.cast_signed());
    match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Sub => a.wrapping_sub(b),
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::SDiv if b == 0 => 0,
        AluOp::SDiv => sa.wrapping_div(sb).cast_unsigned(),
        AluOp::SMod if b == 0 => a,
        AluOp::SMod => sa.wrapping_rem(sb).cast_unsigned(),
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Lsh => a << (b & 63),
        AluOp::Rsh => a >> (b & 63),
        AluOp::Arsh => (sa >> (b & 63)).cast_unsigned(),
        AluOp::Mov => b,
    }
}

/// `a op b` on 32 bits; callers zero-extend the result.
#[inline(always)]
pub(crate) fn alu32(op: AluOp, a: u32, b: u32) -> u32 {
    let (sa, sb) = (a.cast_signed(), b.cast_signed());
    match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Sub => a.wrapping_sub(b),
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::SDiv if b == 0 => 0,
        AluOp::SDiv => sa.wrapping_div(sb).cast_unsigned(),
        AluOp::SMod if b == 0 => a,
        AluOp::SMod => sa.wrapping_rem(sb).cast_unsigned(),
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Lsh => a << (b & 31),
        AluOp::Rsh => a >> (b & 31),
        AluOp::Arsh => (sa >> (b & 31)).cast_unsigned(),
        AluOp::Mov => b,
    }
}

/// Whether `a cond b` holds on 64 bits.
#[inline(always)]
pub(crate) fn cond64(cond: Cond, a: u64, b: u64) -> bool {
    let (sa, sb) = (a.cast_signed(), b.cast_signed());
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::Gt => a > b,
        Cond::Ge => a >= b,
        Cond::Lt => a < b,
        Cond::Le => a <= b,
        Cond::Set => a & b != 0,
        Cond::SGt => sa > sb,
        Cond::SGe => sa >= sb,
        Cond::SLt => sa < sb,
        Cond::SLe => sa <= sb,
    }
}

/// Whether `a cond b` holds on 32 bits.
#[inline(always)]
pub(crate) fn cond32(cond: Cond, a: u32, b: u32) -> bool {
    match cond {
        Cond::SGt | Cond::SGe | Cond::SLt | Cond::SLe => {
            cond64(cond, sign_extend(MemSize::W, a.into()), sign_extend(MemSize::W, b.into()))
        }
        _ => cond64(cond, a.into(), b.into()),
    }
}

/// The low bits of `value`, zero-extended.
#[inline(always)]
pub(crate) fn zero_extend(size: MemSize, value: u64) -> u64 {
    match size {
        MemSize::B => value & 0xff,
        MemSize::H => value & 0xffff,
        MemSize::W => value & 0xffff_ffff,
        MemSize::DW => value,
    }
}

/// The low bits of `value`, sign-extended to 64 bits.
#[inline(always)]
pub(crate) fn sign_extend(size: MemSize, value: u64) -> u64 {
    let unused = 64 - u32::from(size.bytes()) * 8;
    (value.cast_signed() << unused >> unused).cast_unsigned()
}

/// A conversion of byte order on this host; zero-extends from the width even where no byte moves.
#[inline(always)]
pub(crate) fn swap(op: EndianOp, size: MemSize, value: u64) -> u64 {
    let swapped = match op {
        EndianOp::Le => cfg!(target_endian = "big"),
        EndianOp::Be => cfg!(target_endian = "little"),
        EndianOp::Bswap => true,
    };
    if swapped { value.swap_bytes() >> (64 - u32::from(size.bytes()) * 8) } else { zero_extend(size, value) }
}

/// What an atomic leaves in memory, given the old value; `CmpXchg` compares with `expected`.
#[inline(always)]
pub(crate) fn atomic(op: AtomicOp, old: u64, operand: u64, expected: u64) -> u64 {
    match op {
        AtomicOp::Add => old.wrapping_add(operand),
        AtomicOp::Or => old | operand,
        AtomicOp::And => old & operand,
        AtomicOp::Xor => old ^ operand,
        AtomicOp::Xchg => operand,
        AtomicOp::CmpXchg if old == expected => operand,
        AtomicOp::CmpXchg => old,
    }
}
