//! Instructions as bytes, built from nothing but RFC 9669: the tests must not lean on what they test.

/// One 8-byte slot, little-endian.
pub type Slot = [u8; 8];

/// A slot from its five fields.
#[must_use]
pub const fn insn(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Slot {
    let (o, i) = (off.to_le_bytes(), imm.to_le_bytes());
    [code, dst | src << 4, o[0], o[1], i[0], i[1], i[2], i[3]]
}

/// Both slots of `dst = value ll`.
#[must_use]
pub fn load_imm64(dst: u8, value: u64) -> [Slot; 2] {
    let [low, high] = halves(value);
    [insn(LD_IMM64, dst, 0, 0, low), insn(0, 0, 0, 0, high)]
}

/// The immediates of an `ld_imm64` of this value.
pub(crate) fn halves(value: u64) -> [i32; 2] {
    let b = value.to_le_bytes();
    [i32::from_le_bytes([b[0], b[1], b[2], b[3]]), i32::from_le_bytes([b[4], b[5], b[6], b[7]])]
}

/// The five fields of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// Opcode.
    pub code: u8,
    /// Destination register field.
    pub dst: u8,
    /// Source register field.
    pub src: u8,
    /// Offset.
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

/// Takes a slot apart.
#[must_use]
pub const fn fields(s: Slot) -> Fields {
    Fields {
        code: s[0],
        dst: s[1] & 15,
        src: s[1] >> 4,
        off: i16::from_le_bytes([s[2], s[3]]),
        imm: i32::from_le_bytes([s[4], s[5], s[6], s[7]]),
    }
}

/// Opcode of `ld_imm64`, the only instruction of two slots.
pub const LD_IMM64: u8 = 0x18;
/// Opcode of `call`.
pub const CALL: u8 = 0x85;
/// Opcode of `callx`.
pub const CALLX: u8 = 0x8d;
/// Opcode of `exit`.
pub const EXIT: u8 = 0x95;
/// Opcode of `goto`, by `off`.
pub const GOTO: u8 = 0x05;
/// Opcode of `gotol`, by `imm`.
pub const GOTOL: u8 = 0x06;
/// Opcode of `may_goto`.
pub const MAY_GOTO: u8 = 0xe5;

/// Instruction classes: the low three bits of an opcode.
pub mod class {
    /// Loads of immediates and packets.
    pub const LD: u8 = 0;
    /// Loads.
    pub const LDX: u8 = 1;
    /// Stores of immediates.
    pub const ST: u8 = 2;
    /// Stores of registers, and atomics.
    pub const STX: u8 = 3;
    /// 32-bit arithmetic.
    pub const ALU: u8 = 4;
    /// 64-bit jumps.
    pub const JMP: u8 = 5;
    /// 32-bit jumps.
    pub const JMP32: u8 = 6;
    /// 64-bit arithmetic.
    pub const ALU64: u8 = 7;
}

/// The source is a register: bit 3 of arithmetic and jumps.
pub const X: u8 = 8;

/// Arithmetic: the high nibble of an opcode.
pub mod alu {
    /// `+=`
    pub const ADD: u8 = 0x00;
    /// `-=`
    pub const SUB: u8 = 0x10;
    /// `*=`
    pub const MUL: u8 = 0x20;
    /// `/=`, with `off` 1 `s/=`
    pub const DIV: u8 = 0x30;
    /// `|=`
    pub const OR: u8 = 0x40;
    /// `&=`
    pub const AND: u8 = 0x50;
    /// `<<=`
    pub const LSH: u8 = 0x60;
    /// `>>=`
    pub const RSH: u8 = 0x70;
    /// `= -`
    pub const NEG: u8 = 0x80;
    /// `%=`, with `off` 1 `s%=`
    pub const MOD: u8 = 0x90;
    /// `^=`
    pub const XOR: u8 = 0xa0;
    /// `=`, with `off` 8, 16, 32 sign-extending
    pub const MOV: u8 = 0xb0;
    /// `s>>=`
    pub const ARSH: u8 = 0xc0;
    /// Byte order.
    pub const END: u8 = 0xd0;
}

/// Conditions: the high nibble of an opcode.
pub mod cond {
    /// `==`
    pub const EQ: u8 = 0x10;
    /// `>`
    pub const GT: u8 = 0x20;
    /// `>=`
    pub const GE: u8 = 0x30;
    /// `&`
    pub const SET: u8 = 0x40;
    /// `!=`
    pub const NE: u8 = 0x50;
    /// `s>`
    pub const SGT: u8 = 0x60;
    /// `s>=`
    pub const SGE: u8 = 0x70;
    /// `<`
    pub const LT: u8 = 0xa0;
    /// `<=`
    pub const LE: u8 = 0xb0;
    /// `s<`
    pub const SLT: u8 = 0xc0;
    /// `s<=`
    pub const SLE: u8 = 0xd0;
    /// All of them.
    pub const ALL: [u8; 11] = [EQ, GT, GE, SET, NE, SGT, SGE, LT, LE, SLT, SLE];
}

/// Loads and stores: bits 5 to 7 of an opcode.
pub mod mode {
    /// A whole immediate.
    pub const IMM: u8 = 0x00;
    /// Packet, at an immediate.
    pub const ABS: u8 = 0x20;
    /// Packet, at a register and an immediate.
    pub const IND: u8 = 0x40;
    /// Memory.
    pub const MEM: u8 = 0x60;
    /// Memory, sign-extending.
    pub const MEMSX: u8 = 0x80;
    /// Atomic.
    pub const ATOMIC: u8 = 0xc0;
}

/// Sizes of accesses: bits 3 and 4 of an opcode.
pub mod size {
    /// 4 bytes.
    pub const W: u8 = 0x00;
    /// 2 bytes.
    pub const H: u8 = 0x08;
    /// 1 byte.
    pub const B: u8 = 0x10;
    /// 8 bytes.
    pub const DW: u8 = 0x18;
    /// All of them, by size.
    pub const ALL: [u8; 4] = [B, H, W, DW];

    /// In bytes.
    #[must_use]
    pub const fn bytes(size: u8) -> usize {
        match size {
            B => 1,
            H => 2,
            W => 4,
            _ => 8,
        }
    }
}

/// Atomics: `imm`.
pub mod atomic {
    /// The old value is returned.
    pub const FETCH: i32 = 0x01;
    /// `+=`
    pub const ADD: i32 = 0x00;
    /// `|=`
    pub const OR: i32 = 0x40;
    /// `&=`
    pub const AND: i32 = 0x50;
    /// `^=`
    pub const XOR: i32 = 0xa0;
    /// Exchange.
    pub const XCHG: i32 = 0xe1;
    /// Compare `r0` and exchange.
    pub const CMPXCHG: i32 = 0xf1;
    /// Load with acquire order.
    pub const LOAD_ACQUIRE: i32 = 0x100;
    /// Store with release order.
    pub const STORE_RELEASE: i32 = 0x110;
    /// All read-modify-writes.
    pub const READ_MODIFY_WRITE: [i32; 10] =
        [ADD, OR, AND, XOR, ADD | FETCH, OR | FETCH, AND | FETCH, XOR | FETCH, XCHG, CMPXCHG];
}
