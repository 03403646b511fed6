//! What an instruction means. The small vocabularies (operations, conditions, sizes) are tables of their own:
//! number in the encoding, and the token in text.

use std::fmt;

/// A register, `r0`–`r10`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reg(u8);

impl Reg {
    /// Result of calls, and of the program.
    pub const R0: Reg = Reg(0);
    /// First argument.
    pub const R1: Reg = Reg(1);
    /// Second argument.
    pub const R2: Reg = Reg(2);
    /// Third argument.
    pub const R3: Reg = Reg(3);
    /// Fourth argument.
    pub const R4: Reg = Reg(4);
    /// Fifth argument.
    pub const R5: Reg = Reg(5);
    /// Kept by calls.
    pub const R6: Reg = Reg(6);
    /// Kept by calls.
    pub const R7: Reg = Reg(7);
    /// Kept by calls.
    pub const R8: Reg = Reg(8);
    /// Kept by calls.
    pub const R9: Reg = Reg(9);
    /// Frame pointer, read-only.
    pub const R10: Reg = Reg(10);

    /// All registers in order.
    pub const ALL: [Reg; 11] =
        [Reg::R0, Reg::R1, Reg::R2, Reg::R3, Reg::R4, Reg::R5, Reg::R6, Reg::R7, Reg::R8, Reg::R9, Reg::R10];

    /// Register `number`; `None` above 10.
    #[must_use]
    pub const fn new(number: u8) -> Option<Reg> {
        if number <= 10 { Some(Reg(number)) } else { None }
    }

    /// Its number, 0–10.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Debug for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Width of an operation on registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Width {
    /// Low 32 bits; an ALU operation clears the upper half of its destination.
    W32,
    /// All 64 bits.
    W64,
}

/// Declares a vocabulary: an enum with the bits of its encoding and its token in text.
macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $bits:literal, $token:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// Every member, in the order of the table.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Its bits in the encoding.
            #[must_use]
            pub const fn bits(self) -> u16 {
                match self { $($name::$variant => $bits),* }
            }

            /// Its token in text.
            #[must_use]
            pub const fn token(self) -> &'static str {
                match self { $($name::$variant => $token),* }
            }
        }
    };
}

vocabulary! {
    /// Two-operand arithmetic, `dst = dst op src`. Bits: the high nibble of the opcode; `off` 1 marks the signed forms (0x100 here).
    AluOp {
        /// Addition.
        Add = 0x00, "+=";
        /// Subtraction.
        Sub = 0x10, "-=";
        /// Multiplication.
        Mul = 0x20, "*=";
        /// Unsigned division; by zero gives zero.
        Div = 0x30, "/=";
        /// Signed division; by zero gives zero, MIN / -1 gives MIN.
        SDiv = 0x130, "s/=";
        /// Bitwise or.
        Or = 0x40, "|=";
        /// Bitwise and.
        And = 0x50, "&=";
        /// Shift left; the count is masked with width - 1.
        Lsh = 0x60, "<<=";
        /// Logical shift right.
        Rsh = 0x70, ">>=";
        /// Unsigned remainder; by zero keeps the dividend.
        Mod = 0x90, "%=";
        /// Signed remainder, truncating; by zero keeps the dividend, MIN % -1 gives 0.
        SMod = 0x190, "s%=";
        /// Bitwise exclusive or.
        Xor = 0xa0, "^=";
        /// Copy.
        Mov = 0xb0, "=";
        /// Arithmetic shift right.
        Arsh = 0xc0, "s>>=";
    }
}

vocabulary! {
    /// Condition of a jump. Bits: the high nibble of the opcode.
    Cond {
        /// Equal.
        Eq = 0x10, "==";
        /// Unsigned greater.
        Gt = 0x20, ">";
        /// Unsigned greater or equal.
        Ge = 0x30, ">=";
        /// Any common bit set.
        Set = 0x40, "&";
        /// Not equal.
        Ne = 0x50, "!=";
        /// Signed greater.
        SGt = 0x60, "s>";
        /// Signed greater or equal.
        SGe = 0x70, "s>=";
        /// Unsigned less.
        Lt = 0xa0, "<";
        /// Unsigned less or equal.
        Le = 0xb0, "<=";
        /// Signed less.
        SLt = 0xc0, "s<";
        /// Signed less or equal.
        SLe = 0xd0, "s<=";
    }
}

vocabulary! {
    /// Size of a memory access. Bits: 4 and 3 of the opcode.
    MemSize {
        /// One byte.
        B = 0x10, "u8";
        /// Two bytes.
        H = 0x08, "u16";
        /// Four bytes.
        W = 0x00, "u32";
        /// Eight bytes.
        DW = 0x18, "u64";
    }
}

impl MemSize {
    /// Bytes accessed: 1, 2, 4 or 8.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        match self {
            MemSize::B => 1,
            MemSize::H => 2,
            MemSize::W => 4,
            MemSize::DW => 8,
        }
    }
}

vocabulary! {
    /// Read-modify-write operation. Bits: `imm` without the fetch flag (0x01), which `Xchg` and `CmpXchg` always carry.
    AtomicOp {
        /// Addition.
        Add = 0x00, "+=";
        /// Bitwise or.
        Or = 0x40, "|=";
        /// Bitwise and.
        And = 0x50, "&=";
        /// Bitwise exclusive or.
        Xor = 0xa0, "^=";
        /// Exchange; the old value goes to the source register.
        Xchg = 0xe0, "xchg";
        /// Compare with `r0` and exchange; the old value goes to `r0`.
        CmpXchg = 0xf0, "cmpxchg";
    }
}

impl AtomicOp {
    /// Its name in functions such as `atomic_fetch_add`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            AtomicOp::Add => "add",
            AtomicOp::Or => "or",
            AtomicOp::And => "and",
            AtomicOp::Xor => "xor",
            AtomicOp::Xchg => "xchg",
            AtomicOp::CmpXchg => "cmpxchg",
        }
    }
}

vocabulary! {
    /// Conversion of byte order. Bits: the opcode.
    EndianOp {
        /// To or from little-endian; zero-extends from the width on every host.
        Le = 0xd4, "le";
        /// To or from big-endian; zero-extends from the width on every host.
        Be = 0xdc, "be";
        /// Unconditional swap; zero-extends from the width.
        Bswap = 0xd7, "bswap";
    }
}

/// Oldest instruction set version that has an instruction, as in `-mcpu=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cpu {
    /// The first.
    V1,
    /// Less-than conditions.
    V2,
    /// 32-bit conditions, and atomics other than addition without fetch.
    V3,
    /// Signed division, sign extension, `bswap`, `gotol`, and later additions.
    V4,
}

/// Second operand of arithmetic, conditions and stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// A register.
    Reg(Reg),
    /// An immediate, sign-extended to 64 bits where the operation has 64.
    Imm(i32),
}

/// What `ld_imm64` loads: the meaning of its `src` field. Values 7–15 are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Imm64 {
    /// 0: the value itself.
    Value(u64),
    /// 1, `BPF_PSEUDO_MAP_FD`: a map by file descriptor.
    MapFd(i32),
    /// 2, `BPF_PSEUDO_MAP_VALUE`: an address inside the first value of a map.
    MapValue {
        /// File descriptor of the map.
        fd: i32,
        /// Offset in bytes.
        off: i32,
    },
    /// 3, `BPF_PSEUDO_BTF_ID`: address of a kernel variable.
    BtfId {
        /// Type id of the variable.
        id: i32,
        /// File descriptor of the module's BTF; 0 is vmlinux.
        fd: i32,
    },
    /// 4, `BPF_PSEUDO_FUNC`: address of a function, as an offset in slots from the second slot of this insn.
    Func(i32),
    /// 5, `BPF_PSEUDO_MAP_IDX`: a map by index.
    MapIdx(i32),
    /// 6, `BPF_PSEUDO_MAP_IDX_VALUE`: an address inside the first value of a map by index.
    MapIdxValue {
        /// Index of the map.
        idx: i32,
        /// Offset in bytes.
        off: i32,
    },
}

impl Imm64 {
    /// The value of the `src` field that selects this meaning.
    #[must_use]
    pub const fn src(self) -> u8 {
        match self {
            Imm64::Value(_) => 0,
            Imm64::MapFd(_) => 1,
            Imm64::MapValue { .. } => 2,
            Imm64::BtfId { .. } => 3,
            Imm64::Func(_) => 4,
            Imm64::MapIdx(_) => 5,
            Imm64::MapIdxValue { .. } => 6,
        }
    }
}

/// What a `call` calls: the meaning of its `src` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Callee {
    /// 0: a helper by number.
    Helper(i32),
    /// 1, `BPF_PSEUDO_CALL`: a subprogram, as an offset in slots from the next slot.
    Subprog(i32),
    /// 2, `BPF_PSEUDO_KFUNC_CALL`: a kernel function by BTF id.
    Kfunc {
        /// Type id of the FUNC.
        btf_id: i32,
        /// Index of the module's BTF in the fd array; 0 is vmlinux.
        fd_idx: i16,
    },
}

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insn {
    /// `dst op= src`.
    Alu {
        /// Operation.
        op: AluOp,
        /// Width.
        width: Width,
        /// Destination and first operand.
        dst: Reg,
        /// Second operand.
        src: Operand,
    },
    /// `dst = -dst`.
    Neg {
        /// Width.
        width: Width,
        /// Destination and operand.
        dst: Reg,
    },
    /// `dst = (s8)src`: copy with sign extension from `from` (8, 16, and in 64 bits 32) to `width`.
    MovSx {
        /// Width of the result.
        width: Width,
        /// Destination.
        dst: Reg,
        /// Source.
        src: Reg,
        /// Bits that are kept: `B`, `H`, or `W`.
        from: MemSize,
    },
    /// `dst = be16 dst`.
    EndianSwap {
        /// Operation.
        op: EndianOp,
        /// Width: `H`, `W` or `DW`.
        size: MemSize,
        /// Destination and operand.
        dst: Reg,
    },
    /// `dst = addr_space_cast(src, to, from)`.
    AddrSpaceCast {
        /// Destination.
        dst: Reg,
        /// Source.
        src: Reg,
        /// Address space of the result.
        to: u16,
        /// Address space of the source.
        from: u16,
    },
    /// `dst = imm ll`, in two slots.
    LoadImm64 {
        /// Destination.
        dst: Reg,
        /// What is loaded.
        imm: Imm64,
    },
    /// `dst = *(size *)(base + off)`.
    Load {
        /// Size of the access.
        size: MemSize,
        /// Sign-extends to 64 bits (sizes B, H, W); otherwise zero-extends.
        signed: bool,
        /// Destination.
        dst: Reg,
        /// Base address.
        base: Reg,
        /// Offset in bytes.
        off: i16,
    },
    /// `*(size *)(base + off) = src`.
    Store {
        /// Size of the access.
        size: MemSize,
        /// Base address.
        base: Reg,
        /// Offset in bytes.
        off: i16,
        /// What is stored.
        src: Operand,
    },
    /// `lock *(size *)(base + off) op= src`, or with `fetch` `src = atomic_fetch_op(..)`.
    Atomic {
        /// Operation.
        op: AtomicOp,
        /// The old value is returned; always set for `Xchg` and `CmpXchg`.
        fetch: bool,
        /// Size: `W` or `DW`.
        size: MemSize,
        /// Base address.
        base: Reg,
        /// Offset in bytes.
        off: i16,
        /// Operand, and destination of the old value.
        src: Reg,
    },
    /// `dst = load_acquire((size *)(base + off))`, zero-extending.
    LoadAcquire {
        /// Size of the access.
        size: MemSize,
        /// Destination.
        dst: Reg,
        /// Base address.
        base: Reg,
        /// Offset in bytes.
        off: i16,
    },
    /// `store_release((size *)(base + off), src)`.
    StoreRelease {
        /// Size of the access.
        size: MemSize,
        /// Base address.
        base: Reg,
        /// Offset in bytes.
        off: i16,
        /// What is stored.
        src: Reg,
    },
    /// `r0 = *(size *)skb[imm]`, or with an index register `skb[src + imm]`: legacy packet access in network byte order.
    LoadPacket {
        /// Size of the access: `B`, `H` or `W`.
        size: MemSize,
        /// Index register, if any.
        index: Option<Reg>,
        /// Offset in bytes.
        imm: i32,
    },
    /// `goto off`. The short form is also what `off` of 16 bits reaches; `gotol` has 32.
    Jump {
        /// Offset in slots from the next slot; within 16 bits unless `long`.
        off: i32,
        /// The `gotol` encoding.
        long: bool,
    },
    /// `if dst cond src goto off`.
    JumpIf {
        /// Condition.
        cond: Cond,
        /// Width of the comparison.
        width: Width,
        /// First operand.
        dst: Reg,
        /// Second operand.
        src: Operand,
        /// Offset in slots from the next slot.
        off: i16,
    },
    /// `may_goto off`: jumps when the loop budget is spent.
    MayGoto {
        /// Offset in slots from the next slot.
        off: i16,
    },
    /// `gotox dst`: to the address in `dst`, taken from a jump table.
    GotoX {
        /// Holds the address.
        dst: Reg,
    },
    /// `call`.
    Call(Callee),
    /// `callx dst`: calls the function whose address `dst` holds.
    CallX {
        /// Holds the address.
        dst: Reg,
    },
    /// `exit`.
    Exit,
}

impl Insn {
    /// How many slots it takes: 2 for `ld_imm64`, else 1.
    #[must_use]
    pub const fn slots(&self) -> u32 {
        match self {
            Insn::LoadImm64 { .. } => 2,
            _ => 1,
        }
    }

    /// The offset of a jump inside the function, in slots from the next slot.
    #[must_use]
    pub const fn jump_offset(&self) -> Option<i32> {
        match *self {
            Insn::Jump { off, .. } => Some(off),
            Insn::JumpIf { off, .. } | Insn::MayGoto { off } => Some(off as i32),
            _ => None,
        }
    }

    /// Whether control never reaches the next slot.
    #[must_use]
    pub const fn ends_block(&self) -> bool {
        matches!(self, Insn::Jump { .. } | Insn::GotoX { .. } | Insn::Exit)
    }

    /// The register it writes, apart from `r0`–`r5` of calls and `r0` of `cmpxchg` and packet loads.
    #[must_use]
    pub const fn written(&self) -> Option<Reg> {
        match *self {
            Insn::Alu { dst, .. }
            | Insn::Neg { dst, .. }
            | Insn::MovSx { dst, .. }
            | Insn::EndianSwap { dst, .. }
            | Insn::AddrSpaceCast { dst, .. }
            | Insn::LoadImm64 { dst, .. }
            | Insn::Load { dst, .. }
            | Insn::LoadAcquire { dst, .. } => Some(dst),
            Insn::Atomic { op, fetch: true, src, .. } if !matches!(op, AtomicOp::CmpXchg) => Some(src),
            _ => None,
        }
    }
}
