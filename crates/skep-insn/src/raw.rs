//! The encoding of one slot, and positions counted in slots.

use std::fmt;

/// Bytes in one slot.
pub const SLOT_BYTES: usize = 8;

/// Byte order of an object or of a piece of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Endian {
    /// `bpfel`, the order of x86-64 and of most others.
    #[default]
    Little,
    /// `bpfeb`.
    Big,
}

/// Position inside a function, in 8-byte slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Slot(pub u32);

impl Slot {
    /// The slot behind this one.
    #[must_use]
    pub fn next(self) -> Slot {
        Slot(self.0.saturating_add(1))
    }

    /// Where a jump at this slot lands; offsets count from the *next* slot (RFC 9669 §4.3).
    #[must_use]
    pub fn jump(self, off: i32) -> Option<Slot> {
        self.0.checked_add(1)?.checked_add_signed(off).map(Slot)
    }

    /// The offset that takes a jump at this slot to `target`; inverse of [`Slot::jump`].
    #[must_use]
    pub fn offset_to(self, target: Slot) -> Option<i32> {
        i32::try_from(i64::from(target.0) - i64::from(self.0) - 1).ok()
    }

    /// The offset in bytes from the function's start.
    #[must_use]
    pub fn bytes(self) -> u64 {
        u64::from(self.0) * SLOT_BYTES as u64
    }

    /// The slot as an index.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The five fields of one slot. Nothing is validated: see [`Insn::decode`](crate::Insn::decode).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct RawInsn {
    /// Opcode.
    pub code: u8,
    regs: u8,
    /// Signed offset: of a jump in slots, of a memory access in bytes.
    pub off: i16,
    /// Immediate.
    pub imm: i32,
}

impl RawInsn {
    /// A slot from its fields; of the register numbers the low four bits count.
    #[must_use]
    pub const fn new(code: u8, dst: u8, src: u8, off: i16, imm: i32) -> Self {
        Self { code, regs: (dst & 15) | (src << 4), off, imm }
    }

    /// Destination register field, 0–15.
    #[must_use]
    pub const fn dst(self) -> u8 {
        self.regs & 15
    }

    /// Source register field, 0–15.
    #[must_use]
    pub const fn src(self) -> u8 {
        self.regs >> 4
    }

    /// All fields in one number.
    pub(crate) const fn bits(self) -> u64 {
        u64::from_le_bytes(self.to_bytes(Endian::Little))
    }

    /// The same slot with another source register field, of which the low four bits count.
    #[must_use]
    pub const fn with_src(self, src: u8) -> Self {
        Self::new(self.code, self.dst(), src, self.off, self.imm)
    }

    /// Reads one slot. In big-endian code the two register fields stand in swapped nibbles.
    #[must_use]
    pub const fn from_bytes(b: [u8; SLOT_BYTES], endian: Endian) -> Self {
        match endian {
            Endian::Little => Self {
                code: b[0],
                regs: b[1],
                off: i16::from_le_bytes([b[2], b[3]]),
                imm: i32::from_le_bytes([b[4], b[5], b[6], b[7]]),
            },
            Endian::Big => Self {
                code: b[0],
                regs: b[1].rotate_left(4),
                off: i16::from_be_bytes([b[2], b[3]]),
                imm: i32::from_be_bytes([b[4], b[5], b[6], b[7]]),
            },
        }
    }

    /// Writes one slot; inverse of [`RawInsn::from_bytes`].
    #[must_use]
    pub const fn to_bytes(self, endian: Endian) -> [u8; SLOT_BYTES] {
        let (regs, off, imm) = match endian {
            Endian::Little => (self.regs, self.off.to_le_bytes(), self.imm.to_le_bytes()),
            Endian::Big => (self.regs.rotate_left(4), self.off.to_be_bytes(), self.imm.to_be_bytes()),
        };
        [self.code, regs, off[0], off[1], imm[0], imm[1], imm[2], imm[3]]
    }

    /// Reads all slots of `bytes`; `None` if the length is no multiple of 8.
    #[must_use]
    pub fn slots(bytes: &[u8], endian: Endian) -> Option<Vec<Self>> {
        let (slots, rest) = bytes.as_chunks::<SLOT_BYTES>();
        rest.is_empty().then(|| slots.iter().map(|&b| Self::from_bytes(b, endian)).collect())
    }
}

impl fmt::Debug for RawInsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, off, imm, .. } = self;
        write!(f, "{code:#04x} dst {} src {} off {off} imm {imm:#x}", self.dst(), self.src())
    }
}
