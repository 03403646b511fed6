//! What the machine can do.

use skep_insn::{Cond as BpfCond, Cpu, Endian};

use crate::Options;
use crate::ir::Type;
use crate::options::{Opt, Target};

/// The instruction set that may be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isa {
    pub(super) cpu: Cpu,
    pub(super) endian: Endian,
    pub(super) opt: Opt,
    pub(super) target: Target,
    jump_tables: bool,
}

impl Isa {
    pub(super) fn new(options: &Options) -> Isa {
        Isa {
            cpu: options.cpu,
            endian: options.endian,
            opt: options.opt,
            target: options.target,
            jump_tables: options.jump_tables,
        }
    }

    /// Whether values of up to 32 bits are computed with 32-bit operations. Those exist on all cpus, but verifiers of
    /// the time before v3 lose track of them.
    pub(super) fn has_alu32(self) -> bool {
        self.cpu >= Cpu::V3
    }

    pub(super) fn has_sign_loads(self) -> bool {
        self.cpu >= Cpu::V4
    }

    pub(super) fn has_movsx(self) -> bool {
        self.cpu >= Cpu::V4
    }

    /// Whether switches may become jump tables.
    pub(super) fn has_jump_tables(self) -> bool {
        self.jump_tables && self.cpu >= Cpu::V4
    }

    pub(super) fn has_signed_division(self) -> bool {
        self.cpu >= Cpu::V4
    }

    /// How many bits an operation on values of this type has: 32 or 64.
    pub(super) fn container(self, ty: Type) -> u8 {
        if ty.bits() <= 32 && self.has_alu32() { 32 } else { 64 }
    }

    /// How many bits a compare of values of this type has: 32 or 64.
    pub(super) fn compare_container(self, ty: Type) -> u8 {
        self.container(ty)
    }

    /// A constant shift amount, as the IR counts it.
    pub(super) fn shift_amount(self, ty: Type, by: i64) -> u8 {
        let modulus = if ty.bits() > 32 { 64 } else { 32 };
        u8::try_from(by.rem_euclid(modulus)).unwrap_or(0)
    }

    /// A constant operand of `and`, `or`, `xor` as an immediate: with zeros above its type if that fits, else with
    /// its sign; `None` if neither fits.
    pub(super) fn bit_immediate(self, ty: Type, number: i64) -> Option<i32> {
        let clean = number.cast_unsigned() & ty.mask();
        if self.container(ty) == 32 {
            let [b0, b1, b2, b3, ..] = clean.to_le_bytes();
            return Some(i32::from_le_bytes([b0, b1, b2, b3]));
        }
        i32::try_from(clean.cast_signed()).or_else(|_| i32::try_from(number)).ok()
    }

    /// Whether a jump with this condition exists.
    pub(super) fn has_cond(self, cond: BpfCond) -> bool {
        self.cpu >= Cpu::V2 || !matches!(cond, BpfCond::Lt | BpfCond::Le | BpfCond::SLt | BpfCond::SLe)
    }
}
