//! Operations.

use super::{SlotData, SymbolId, Value, Values};

/// What an instruction does. Operands are in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A parameter of a block; of the entry block, of the function. Not listed in [`super::BlockData::insts`].
    Param,
    /// A number, kept as [`super::Type::canonical`] says. Of a pointer only 0 (null).
    Const(i64),
    /// `add i32 a, b`: both operands and the result have the node's type, an integer.
    Bin(BinOp, Value, Value),
    /// `neg i32 a`.
    Un(UnOp, Value),
    /// From one type to the node's type.
    Cast(CastOp, Value),
    /// A compare as a value, `i1`. Both operands have one type; pointers may be compared, too.
    Cmp(Cond, Value, Value),
    /// `select c, a, b`: `a` if the `i1` is 1. Lowered to a branch: the verifier learns from both ways.
    Select(Value, Value, Value),
    /// `ptradd base, index, offset`: the pointer `base + index + offset` bytes; the index is an `i64`.
    PtrAdd {
        /// The pointer.
        base: Value,
        /// A variable number of bytes.
        index: Option<Value>,
        /// A constant number of bytes.
        offset: i64,
    },
    /// `ptrdiff a, b`: bytes from `b` to `a`, an `i64`.
    PtrDiff(Value, Value),
    /// Reads memory. The result is an integer of at least the access's width, extended as it says; or a pointer, of
    /// width 64, or of width 32 as the context gives packet pointers.
    Load {
        /// Where, in bytes from the pointer.
        ptr: Value,
        /// A constant number of bytes beyond the pointer.
        offset: i32,
        /// How.
        access: Access,
        /// Extended with the sign if the result is wider than the access, else with zeros.
        signed: bool,
    },
    /// Writes the low bits of a value to memory; makes no value.
    Store {
        /// Where.
        ptr: Value,
        /// A constant number of bytes beyond the pointer.
        offset: i32,
        /// What: an integer of at least the access's width, or a pointer.
        value: Value,
        /// How.
        access: Access,
    },
    /// Changes memory in one step; the result is what was there before, of the type of `value`. Width 8 to 64.
    Atomic {
        /// The operation.
        op: AtomicOp,
        /// Where.
        ptr: Value,
        /// A constant number of bytes beyond the pointer.
        offset: i32,
        /// The operand, an integer as wide as the access.
        value: Value,
        /// How wide, and how ordered.
        access: Access,
    },
    /// Writes `new` if `expected` is there, in one step; the result is what was there before.
    CmpXchg {
        /// Where.
        ptr: Value,
        /// A constant number of bytes beyond the pointer.
        offset: i32,
        /// What must be there.
        expected: Value,
        /// What is written then.
        new: Value,
        /// How wide, and how ordered.
        access: Access,
    },
    /// Orders memory accesses of this thread among each other.
    Fence(Order),
    /// Copies `size` bytes between places that do not overlap.
    Copy {
        /// To.
        dst: Value,
        /// From.
        src: Value,
        /// How many bytes.
        size: u32,
        /// Alignment of both in bytes, a power of two.
        align: u8,
    },
    /// Sets `size` bytes to a constant.
    Fill {
        /// Where.
        dst: Value,
        /// With what.
        byte: u8,
        /// How many bytes.
        size: u32,
        /// Alignment in bytes, a power of two.
        align: u8,
    },
    /// The address of a stack slot.
    Slot(super::Slot),
    /// The address of a map, global, function or extern.
    Symbol(SymbolId),
    /// A constant that the loader fills in (CO-RE): index in [`super::Module::core`]. No pass folds it.
    Core(u32),
    /// A call. The node has a type if the result is used or usable.
    Call {
        /// What is called.
        callee: Callee,
        /// Arguments, integers or pointers.
        args: Values,
    },
    /// The same value, but no pass looks through it, moves it, or merges it with another.
    Pin(Value),
    /// A named place: kept where it is by every pass, found again as a symbol of the object. It reads and writes all
    /// memory, as far as passes know.
    Marker {
        /// Its name, the symbol's.
        name: Box<str>,
        /// How many 8-byte slots of `nop` (`goto +0`) stand there, room for a patch.
        room: u8,
    },
    /// Assembly, in the language of `skep_insn::text`.
    Asm(Box<Asm>),
}

/// Inline assembly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asm {
    /// Lines of instructions. `%0` is the first operand's register, `%w0` its 32-bit name; the result comes first if
    /// there is one, then the inputs. `%%` is a percent sign. Jumps stay inside: `goto +N`.
    pub text: Box<str>,
    /// What it reads, each in a register of its own.
    pub inputs: Values,
    /// The result begins as the first input, in one register.
    pub tied: bool,
    /// Registers it destroys, bit n for rn (0 to 9).
    pub clobbers: u16,
    /// It reads or writes memory.
    pub memory: bool,
    /// It has effects beyond its result: it is kept even when that is unused.
    pub volatile: bool,
}

/// How memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// How many bits.
    pub width: Width,
    /// Never left out, doubled, split or merged.
    pub volatile: bool,
    /// Plain, or atomic with an ordering.
    pub order: Order,
    /// Known alignment in bytes, a power of two; 1 where nothing is known. The kernel wants stack accesses aligned, and
    /// the lowering splits others.
    pub align: u8,
}

impl Access {
    /// A plain access, aligned to its width.
    #[must_use]
    pub const fn plain(width: Width) -> Access {
        Access { width, volatile: false, order: Order::Plain, align: width.bytes() }
    }

    /// A sequentially consistent access.
    #[must_use]
    pub const fn seq_cst(width: Width) -> Access {
        Access { width, volatile: false, order: Order::SeqCst, align: width.bytes() }
    }

    /// Whether passes may leave it out, double it, or move it like any other plain access.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        !self.volatile && matches!(self.order, Order::Plain)
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Its name in the text form.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<$name> {
                match name { $($text => Some($name::$variant),)* _ => None }
            }
        }
    };
}

names! {
    /// Width of a memory access.
    Width {
        /// A byte.
        W8 = "8",
        /// Two bytes.
        W16 = "16",
        /// Four bytes.
        W32 = "32",
        /// Eight bytes.
        W64 = "64",
    }
}

impl Width {
    /// In bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bytes() * 8
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u8 {
        1 << self as u8
    }

    /// The width of so many bytes.
    #[must_use]
    pub const fn of_bytes(bytes: u64) -> Option<Width> {
        match bytes {
            1 => Some(Width::W8),
            2 => Some(Width::W16),
            4 => Some(Width::W32),
            8 => Some(Width::W64),
            _ => None,
        }
    }
}

names! {
    /// How an atomic access is ordered; the words of C11. BPF has plain, relaxed, acquire, release and
    /// sequentially consistent ones, the last for read-modify-write only; others take the next stronger form.
    Order {
        /// Not atomic.
        Plain = "plain",
        /// Atomic, not ordered.
        Relaxed = "relaxed",
        /// Later accesses stay behind it.
        Acquire = "acquire",
        /// Earlier accesses stay before it.
        Release = "release",
        /// Both.
        AcqRel = "acq_rel",
        /// Both, in one order for all threads.
        SeqCst = "seq_cst",
    }
}

names! {
    /// Operations of two integers.
    BinOp {
        /// Sum.
        Add = "add",
        /// Difference.
        Sub = "sub",
        /// Product, low half.
        Mul = "mul",
        /// Unsigned quotient.
        Udiv = "udiv",
        /// Signed quotient, towards zero.
        Sdiv = "sdiv",
        /// Unsigned remainder.
        Urem = "urem",
        /// Signed remainder, with the sign of the dividend.
        Srem = "srem",
        /// And.
        And = "and",
        /// Or.
        Or = "or",
        /// Exclusive or.
        Xor = "xor",
        /// Left shift.
        Shl = "shl",
        /// Right shift, zeros coming in.
        Lshr = "lshr",
        /// Right shift, the sign coming in.
        Ashr = "ashr",
    }
}

impl BinOp {
    /// Whether operands may be exchanged.
    #[must_use]
    pub const fn commutes(self) -> bool {
        matches!(self, BinOp::Add | BinOp::Mul | BinOp::And | BinOp::Or | BinOp::Xor)
    }
}

names! {
    /// Operations of one integer.
    UnOp {
        /// Two's complement.
        Neg = "neg",
        /// One's complement.
        Not = "not",
        /// Byte swap, of `i16`, `i32`, `i64`.
        Bswap = "bswap",
        /// Number of leading zeros; the width for 0.
        Clz = "clz",
        /// Number of trailing zeros; the width for 0.
        Ctz = "ctz",
        /// Number of ones.
        Popcnt = "popcnt",
    }
}

names! {
    /// Conversions.
    CastOp {
        /// To a wider integer, with zeros.
        Zext = "zext",
        /// To a wider integer, with the sign.
        Sext = "sext",
        /// To a narrower integer.
        Trunc = "trunc",
        /// A pointer as an `i64`.
        PtrToInt = "ptrtoint",
        /// An `i64` as a pointer; the verifier goes on to see what it was.
        IntToPtr = "inttoptr",
        /// Between address spaces (`addr_space_cast`).
        Space = "spacecast",
    }
}

names! {
    /// What a compare asks.
    Cond {
        /// `a == b`.
        Eq = "eq",
        /// `a != b`.
        Ne = "ne",
        /// `a < b`, unsigned.
        Ult = "ult",
        /// `a <= b`, unsigned.
        Ule = "ule",
        /// `a > b`, unsigned.
        Ugt = "ugt",
        /// `a >= b`, unsigned.
        Uge = "uge",
        /// `a < b`, signed.
        Slt = "slt",
        /// `a <= b`, signed.
        Sle = "sle",
        /// `a > b`, signed.
        Sgt = "sgt",
        /// `a >= b`, signed.
        Sge = "sge",
        /// `(a & b) != 0`: `BPF_JSET`.
        Set = "set",
        /// `(a & b) == 0`: a `BPF_JSET` with its ways exchanged.
        Clear = "clear",
    }
}

impl Cond {
    /// The one that holds where this one does not.
    #[must_use]
    pub const fn inverse(self) -> Cond {
        match self {
            Cond::Eq => Cond::Ne,
            Cond::Ne => Cond::Eq,
            Cond::Ult => Cond::Uge,
            Cond::Ule => Cond::Ugt,
            Cond::Ugt => Cond::Ule,
            Cond::Uge => Cond::Ult,
            Cond::Slt => Cond::Sge,
            Cond::Sle => Cond::Sgt,
            Cond::Sgt => Cond::Sle,
            Cond::Sge => Cond::Slt,
            Cond::Set => Cond::Clear,
            Cond::Clear => Cond::Set,
        }
    }

    /// The one that asks the same of exchanged operands.
    #[must_use]
    pub const fn swapped(self) -> Cond {
        match self {
            Cond::Ult => Cond::Ugt,
            Cond::Ule => Cond::Uge,
            Cond::Ugt => Cond::Ult,
            Cond::Uge => Cond::Ule,
            Cond::Slt => Cond::Sgt,
            Cond::Sle => Cond::Sge,
            Cond::Sgt => Cond::Slt,
            Cond::Sge => Cond::Sle,
            same => same,
        }
    }

    /// Whether it looks at the sign.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Cond::Slt | Cond::Sle | Cond::Sgt | Cond::Sge)
    }

    /// The answer for two numbers of one width, which are given with zeros above it.
    #[must_use]
    pub const fn holds(self, a: u64, b: u64, bits: u8) -> bool {
        let unused = 64 - bits;
        let (sa, sb) = ((a << unused).cast_signed(), (b << unused).cast_signed());
        match self {
            Cond::Eq => a == b,
            Cond::Ne => a != b,
            Cond::Ult => a < b,
            Cond::Ule => a <= b,
            Cond::Ugt => a > b,
            Cond::Uge => a >= b,
            Cond::Slt => sa < sb,
            Cond::Sle => sa <= sb,
            Cond::Sgt => sa > sb,
            Cond::Sge => sa >= sb,
            Cond::Set => a & b != 0,
            Cond::Clear => a & b == 0,
        }
    }
}

names! {
    /// Read-modify-write operations.
    AtomicOp {
        /// Sum.
        Add = "add",
        /// Difference.
        Sub = "sub",
        /// And.
        And = "and",
        /// Or.
        Or = "or",
        /// Exclusive or.
        Xor = "xor",
        /// The operand alone.
        Xchg = "xchg",
        /// Not and.
        Nand = "nand",
        /// The smaller one, unsigned.
        Umin = "umin",
        /// The larger one, unsigned.
        Umax = "umax",
        /// The smaller one, signed.
        Smin = "smin",
        /// The larger one, signed.
        Smax = "smax",
    }
}

/// What is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callee {
    /// A function of this module, an import, or a kfunc.
    Symbol(SymbolId),
    /// A helper, by its number.
    Helper(u32),
    /// The function at an address: user space only.
    Value(Value),
}

impl SlotData {
    /// A slot of that size and alignment, in bytes, without a name.
    #[must_use]
    pub const fn new(size: u32, align: u32) -> SlotData {
        SlotData { name: None, size, align }
    }
}
