//! Instructions to text.

use std::fmt::{self, Display, Formatter};

use crate::insn::{AtomicOp, Callee, Imm64, Insn, MemSize, Operand, Reg, Width};

impl Display for Insn {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self, None, f)
    }
}

impl Insn {
    /// Prints as `Display` does, with `symbol` for the jump target, the callee or the 64-bit immediate. An instruction
    /// that has none of these prints as ever.
    #[must_use]
    pub fn display_with<'a>(&'a self, symbol: &'a str) -> WithSymbol<'a> {
        WithSymbol { insn: self, symbol }
    }
}

/// An instruction whose one symbolic operand prints as a name; made by [`Insn::display_with`].
#[derive(Clone, Copy, Debug)]
pub struct WithSymbol<'a> {
    insn: &'a Insn,
    symbol: &'a str,
}

impl Display for WithSymbol<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        print(self.insn, Some(self.symbol), f)
    }
}

fn print(insn: &Insn, symbol: Option<&str>, f: &mut Formatter<'_>) -> fmt::Result {
    match *insn {
        Insn::Alu { op, width, dst, src } => {
            write!(f, "{} {} {}", R(width, dst), op.token(), Src(width, src))
        }
        Insn::Neg { width, dst } => write!(f, "{0} = -{0}", R(width, dst)),
        Insn::MovSx { width, dst, src, from } => {
            write!(f, "{} = ({}){}", R(width, dst), signed_token(from), R(width, src))
        }
        Insn::EndianSwap { op, size, dst } => {
            write!(f, "{dst} = {}{} {dst}", op.token(), u32::from(size.bytes()) * 8)
        }
        Insn::AddrSpaceCast { dst, src, to, from } => {
            write!(f, "{dst} = addr_space_cast({src}, {to:#x}, {from:#x})")
        }
        Insn::LoadImm64 { dst, imm } => match symbol {
            Some(name) => write!(f, "{dst} = {name} ll"),
            None => load_imm64(dst, imm, f),
        },
        Insn::Load { size, signed: false, dst, base, off } => {
            write!(f, "{} = *{}", R(register_width(size), dst), Mem(size.token(), base, off))
        }
        Insn::Load { size, signed: true, dst, base, off } => {
            write!(f, "{dst} = *{}", Mem(signed_token(size), base, off))
        }
        Insn::Store { size, base, off, src } => {
            write!(f, "*{} = {}", Mem(size.token(), base, off), Src(register_width(size), src))
        }
        Insn::Atomic { op, fetch, size, base, off, src } => {
            let src = R(register_width(size), src);
            let mem = Mem(size.token(), base, off);
            match (op, size) {
                (AtomicOp::Xchg, MemSize::DW) => write!(f, "{src} = xchg_64({}, {src})", Address(base, off)),
                (AtomicOp::Xchg, _) => write!(f, "{src} = xchg32_32({}, {src})", Address(base, off)),
                (AtomicOp::CmpXchg, MemSize::DW) => {
                    write!(f, "r0 = cmpxchg_64({}, r0, {src})", Address(base, off))
                }
                (AtomicOp::CmpXchg, _) => {
                    write!(f, "w0 = cmpxchg32_32({}, w0, {src})", Address(base, off))
                }
                _ if fetch => write!(f, "{src} = atomic_fetch_{}({mem}, {src})", op.name()),
                _ => write!(f, "lock *{mem} {} {src}", op.token()),
            }
        }
        Insn::LoadAcquire { size, dst, base, off } => {
            let dst = R(register_width(size), dst);
            write!(f, "{dst} = load_acquire({})", Mem(size.token(), base, off))
        }
        Insn::StoreRelease { size, base, off, src } => {
            let src = R(register_width(size), src);
            write!(f, "store_release({}, {src})", Mem(size.token(), base, off))
        }
        Insn::LoadPacket { size, index, imm } => {
            write!(f, "r0 = *({} *)skb[", size.token())?;
            match index {
                None => write!(f, "{}]", Hex(imm.into())),
                Some(reg) if imm == 0 => write!(f, "{reg}]"),
                Some(reg) => write!(f, "{reg}{}]", Plus(imm)),
            }
        }
        Insn::Jump { off, long } => {
            f.write_str(if long { "gotol " } else { "goto " })?;
            target(off, symbol, f)
        }
        Insn::JumpIf { cond, width, dst, src, off } => {
            write!(f, "if {} {} {} goto ", R(width, dst), cond.token(), Src(width, src))?;
            target(off.into(), symbol, f)
        }
        Insn::MayGoto { off } => {
            f.write_str("may_goto ")?;
            target(off.into(), symbol, f)
        }
        Insn::GotoX { dst } => write!(f, "gotox {dst}"),
        Insn::Call(callee) => {
            f.write_str("call ")?;
            match (symbol, callee) {
                (Some(name), _) => f.write_str(name),
                (None, Callee::Helper(id)) => Hex(id.into()).fmt(f),
                (None, Callee::Subprog(rel)) => write!(f, "pc{}", Offset(rel)),
                (None, Callee::Kfunc { btf_id, fd_idx: 0 }) => write!(f, "kfunc({})", Hex(btf_id.into())),
                (None, Callee::Kfunc { btf_id, fd_idx }) => {
                    write!(f, "kfunc({}, {})", Hex(btf_id.into()), Hex(fd_idx.into()))
                }
            }
        }
        Insn::CallX { dst } => write!(f, "callx {dst}"),
        Insn::Exit => f.write_str("exit"),
    }
}

fn target(off: i32, symbol: Option<&str>, f: &mut Formatter<'_>) -> fmt::Result {
    match symbol {
        Some(name) => f.write_str(name),
        None => Offset(off).fmt(f),
    }
}

fn load_imm64(dst: Reg, imm: Imm64, f: &mut Formatter<'_>) -> fmt::Result {
    let (first, second) = match imm {
        Imm64::Value(value) => return write!(f, "{dst} = {} ll", Hex(value.cast_signed())),
        Imm64::MapFd(imm) | Imm64::Func(imm) | Imm64::MapIdx(imm) => (imm, 0),
        Imm64::MapValue { fd: imm, off: second }
        | Imm64::BtfId { id: imm, fd: second }
        | Imm64::MapIdxValue { idx: imm, off: second } => (imm, second),
    };
    write!(f, "ld_pseudo {dst}, {:#x}, {:#x}", imm.src(), first)?;
    if second == 0 { Ok(()) } else { write!(f, ", {second:#x}") }
}

/// The width of the register that LLVM names for a memory access of this size.
fn register_width(size: MemSize) -> Width {
    match size {
        MemSize::DW => Width::W64,
        MemSize::B | MemSize::H | MemSize::W => Width::W32,
    }
}

fn signed_token(size: MemSize) -> &'static str {
    match size {
        MemSize::B => "s8",
        MemSize::H => "s16",
        MemSize::W => "s32",
        MemSize::DW => "s64",
    }
}

/// A register by the name of its width: `r1`, `w1`.
#[derive(Clone, Copy)]
struct R(Width, Reg);

impl Display for R {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let letter = match self.0 {
            Width::W32 => "w",
            Width::W64 => "r",
        };
        write!(f, "{letter}{}", self.1.number())
    }
}

/// A register or an immediate.
struct Src(Width, Operand);

impl Display for Src {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.1 {
            Operand::Reg(reg) => R(self.0, reg).fmt(f),
            Operand::Imm(imm) => Hex(imm.into()).fmt(f),
        }
    }
}

/// `(u32 *)(r1 + 0x8)`
struct Mem(&'static str, Reg, i16);

impl Display for Mem {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "({} *)({})", self.0, Address(self.1, self.2))
    }
}

/// `r1 + 0x8`
struct Address(Reg, i16);

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, Plus(self.1.into()))
    }
}

/// ` + 0x8`, ` - 0x8`
struct Plus(i32);

impl Display for Plus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " {} {:#x}", if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs())
    }
}

/// `+0x8`, `-0x8`
struct Offset(i32);

impl Display for Offset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:#x}", if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs())
    }
}

/// `0x8`, `-0x8`
pub(crate) struct Hex(pub(crate) i64);

impl Display for Hex {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:#x}", if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs())
    }
}
