//! Text to instructions.

use std::ops::Range;

use super::scan::Scanner;
use super::{ParseError, SymKind, SymRef};
use crate::helper::Helper;
use crate::insn::{AluOp, AtomicOp, Callee, Cond, EndianOp, Imm64, Insn, MemSize, Operand, Reg, Width};

type Result<T> = std::result::Result<T, ParseError>;

/// Values of a 16-bit field.
const I16: Range<i128> = -0x8000..0x8000;
/// Values of a 32-bit field that is sign-extended.
const I32: Range<i128> = -0x8000_0000..0x8000_0000;
/// Values of a 32-bit field of which only the bits count.
const BITS32: Range<i128> = -0x8000_0000..0x1_0000_0000;
const I64: Range<i128> = -(1 << 63)..1 << 63;
const BITS64: Range<i128> = -(1 << 63)..1 << 64;

const OFFSET: &str = "an offset from -32768 to 32767";

pub(super) fn insn(text: &str) -> Result<(Insn, Option<SymRef<'_>>)> {
    let mut parser = Parser { scan: Scanner::new(text), symbol: None };
    let insn = parser.insn()?;
    match parser.scan.rest() {
        "" => Ok((insn, parser.symbol)),
        _ => Err(parser.scan.error("the end of the instruction")),
    }
}

struct Parser<'a> {
    scan: Scanner<'a>,
    symbol: Option<SymRef<'a>>,
}

/// `(u32 *)(r1 + 8)`
#[derive(Clone, Copy)]
struct Mem {
    size: MemSize,
    base: Reg,
    off: i16,
}

impl<'a> Parser<'a> {
    fn insn(&mut self) -> Result<Insn> {
        if self.scan.peek() == b'*' {
            return self.store();
        }
        let start = self.scan.clone();
        match self.scan.word().map_or("", |(word, _)| word) {
            "exit" => Ok(Insn::Exit),
            "if" => self.jump_if(),
            "goto" => Ok(Insn::Jump { off: self.target16()?.into(), long: false }),
            "gotol" => {
                let expected = "an offset in slots such as +3, within 32 bits, or a label";
                Ok(Insn::Jump { off: low32(self.target(I32, expected)?), long: true })
            }
            "may_goto" => Ok(Insn::MayGoto { off: self.target16()? }),
            "gotox" => Ok(Insn::GotoX { dst: self.reg_of(Width::W64)? }),
            "call" => Ok(Insn::Call(self.callee()?)),
            "callx" => Ok(Insn::CallX { dst: self.reg_of(Width::W64)? }),
            "lock" => self.lock(),
            "store_release" => self.store_release(),
            "ld_pseudo" => self.ld_pseudo(),
            _ => {
                self.scan = start;
                self.assignment()
            }
        }
    }

    /// `*(u32 *)(r1 + 8) = w2`
    fn store(&mut self) -> Result<Insn> {
        self.expect("*")?;
        let Mem { size, base, off } = self.mem()?;
        self.expect("=")?;
        let src = match self.at_register() {
            true => Operand::Reg(self.reg_for(size)?),
            false => Operand::Imm(self.imm(natural(size))?),
        };
        Ok(Insn::Store { size, base, off, src })
    }

    /// What stands behind `if`.
    fn jump_if(&mut self) -> Result<Insn> {
        let (width, dst, _) = self.reg()?;
        let Some(cond) = self.scan.eat_one_of(Cond::ALL, |cond| cond.token()) else {
            return Err(self.scan.error("one of == != > >= < <= s> s>= s< s<= &"));
        };
        let src = self.operand(width)?;
        if !self.scan.eat_word("goto") {
            return Err(self.scan.error("'goto'"));
        }
        Ok(Insn::JumpIf { cond, width, dst, src, off: self.target16()? })
    }

    fn target16(&mut self) -> Result<i16> {
        let expected = "an offset in slots such as +3, within 16 bits, or a label";
        Ok(low16(self.target(I16, expected)?))
    }

    /// A label, `pc+3`, or `+3`.
    fn target(&mut self, range: Range<i128>, expected: &'static str) -> Result<i128> {
        if let Some(off) = self.pc_relative(range.clone(), expected)? {
            return Ok(off);
        }
        match self.symbol(expected)? {
            Some((name, range)) => {
                self.symbol = Some(SymRef { kind: SymKind::Jump, name, addend: 0, range });
                Ok(0)
            }
            None => self.scan.number(range, expected),
        }
    }

    /// `pc+3`; otherwise `pc` is a name like any other.
    fn pc_relative(&mut self, range: Range<i128>, expected: &'static str) -> Result<Option<i128>> {
        let start = self.scan.clone();
        if self.scan.eat_word("pc") && matches!(self.scan.peek(), b'+' | b'-') {
            return self.scan.number(range, expected).map(Some);
        }
        self.scan = start;
        Ok(None)
    }

    fn callee(&mut self) -> Result<Callee> {
        if let Some(rel) = self.pc_relative(I32, "an offset in slots within 32 bits")? {
            return Ok(Callee::Subprog(low32(rel)));
        }
        let expected = "a function's name, a helper's number, pc+N or kfunc(ID)";
        let Some((name, range)) = self.symbol(expected)? else {
            return Ok(Callee::Helper(low32(self.scan.number(BITS32, expected)?)));
        };
        if name == "kfunc" && self.scan.eat("(") {
            let btf_id = low32(self.scan.number(BITS32, "a BTF id within 32 bits")?);
            let fd_idx = match self.scan.eat(",") {
                true => low16(self.scan.number(I16, "an index within 16 bits")?),
                false => 0,
            };
            self.expect(")")?;
            return Ok(Callee::Kfunc { btf_id, fd_idx });
        }
        if self.scan.eat("#") {
            // The kernel prints both, and its list of names may be longer than ours.
            let id = low32(self.scan.number(BITS32, "the helper's number")?);
            return match Helper::from_name(name) {
                Some(helper) if helper.id() != id => {
                    Err(self.scan.error_at(range, "the name of the helper with the number behind it"))
                }
                _ => Ok(Callee::Helper(id)),
            };
        }
        self.symbol = Some(SymRef { kind: SymKind::Call, name, addend: 0, range });
        Ok(Callee::Subprog(-1))
    }

    /// What stands behind `lock`: `*(u32 *)(r1 + 8) += w2`.
    fn lock(&mut self) -> Result<Insn> {
        self.expect("*")?;
        let mem = self.rmw_mem()?;
        let ops = [AtomicOp::Add, AtomicOp::Or, AtomicOp::And, AtomicOp::Xor];
        let Some(op) = self.scan.eat_one_of(&ops, |op| op.token()) else {
            return Err(self.scan.error("one of += |= &= ^="));
        };
        let src = self.reg_for(mem.size)?;
        Ok(Insn::Atomic { op, fetch: false, size: mem.size, base: mem.base, off: mem.off, src })
    }

    fn store_release(&mut self) -> Result<Insn> {
        self.expect("(")?;
        let Mem { size, base, off } = self.mem()?;
        self.expect(",")?;
        let src = self.reg_for(size)?;
        self.expect(")")?;
        Ok(Insn::StoreRelease { size, base, off, src })
    }

    /// What stands behind `ld_pseudo`: register, `src` field, one or two immediates.
    fn ld_pseudo(&mut self) -> Result<Insn> {
        let dst = self.reg_of(Width::W64)?;
        self.expect(",")?;
        let src = self.scan.number(1..7, "the kind of value, 1 to 6")?;
        self.expect(",")?;
        let first = low32(self.scan.number(BITS32, "a number within 32 bits")?);
        let second = match src {
            2 | 3 | 6 if self.scan.eat(",") => low32(self.scan.number(BITS32, "a number within 32 bits")?),
            _ => 0,
        };
        let imm = match src {
            1 => Imm64::MapFd(first),
            2 => Imm64::MapValue { fd: first, off: second },
            3 => Imm64::BtfId { id: first, fd: second },
            4 => Imm64::Func(first),
            5 => Imm64::MapIdx(first),
            _ => Imm64::MapIdxValue { idx: first, off: second },
        };
        Ok(Insn::LoadImm64 { dst, imm })
    }

    /// Everything that begins with a register.
    fn assignment(&mut self) -> Result<Insn> {
        if !self.at_register() {
            return Err(self.scan.error("an instruction such as `r1 = 5`, `if r1 > 5 goto +3` or `exit`"));
        }
        let (width, dst, place) = self.reg()?;
        match self.scan.eat_one_of(AluOp::ALL, |op| op.token()) {
            Some(AluOp::Mov) => self.value(width, dst, place),
            Some(op) => Ok(Insn::Alu { op, width, dst, src: self.operand(width)? }),
            None => Err(self.scan.error("one of = += -= *= /= %= |= &= ^= <<= >>= s>>= s/= s%=")),
        }
    }

    /// What stands behind `dst =`; `place` is that of `dst`.
    fn value(&mut self, width: Width, dst: Reg, place: Range<usize>) -> Result<Insn> {
        let start = self.scan.clone();
        if self.scan.eat("*") {
            return self.load(width, dst, place);
        }
        if self.scan.eat("-") && self.at_register() {
            self.same_reg(width, dst)?;
            return Ok(Insn::Neg { width, dst });
        }
        self.scan = start.clone();
        if self.scan.eat("(")
            && let Some(from) = self.signed_size()
        {
            if from == MemSize::W && width == Width::W32 {
                return Err(self.scan.error_at(place, "an r register: (s32) extends to 64 bits"));
            }
            self.expect(")")?;
            return Ok(Insn::MovSx { width, dst, src: self.reg_of(width)?, from });
        }
        self.scan = start.clone();
        if self.at_register() {
            // clang -O0 prints the copy that clears the upper half, `w2 = w1`, as `r2 = w1`.
            let is_narrow = self.scan.peek_word().starts_with('w');
            let width = if is_narrow { Width::W32 } else { width };
            return Ok(Insn::Alu { op: AluOp::Mov, width, dst, src: self.operand(width)? });
        }
        let expected = "a register, a number, a load, or a symbol with 'll'";
        let Some((name, range)) = self.symbol(expected)? else {
            let value =
                self.scan.number(BITS64, "a number within 64 bits, a register, a load or a symbol")?;
            if self.scan.eat_word("ll") {
                self.need_64(width, place)?;
                return Ok(Insn::LoadImm64 { dst, imm: Imm64::Value(low64(value)) });
            }
            self.scan = start;
            return Ok(Insn::Alu { op: AluOp::Mov, width, dst, src: Operand::Imm(self.imm(width)?) });
        };
        if self.scan.peek() == b'(' {
            return self.function(name, range, width, dst, place);
        }
        if let Some((op, size)) = swap(name)
            && self.at_register()
        {
            self.need_64(width, place)?;
            self.same_reg(width, dst)?;
            return Ok(Insn::EndianSwap { op, size, dst });
        }
        let addend = match self.scan.peek() {
            b'+' | b'-' => self.scan.number(I64, "an addend within 64 bits")?,
            _ => 0,
        };
        if !self.scan.eat_word("ll") {
            return Err(self.scan.error("'ll' behind an address"));
        }
        self.need_64(width, place)?;
        let addend = low64(addend);
        self.symbol = Some(SymRef { kind: SymKind::Imm64, name, addend: addend.cast_signed(), range });
        Ok(Insn::LoadImm64 { dst, imm: Imm64::Value(addend) })
    }

    /// What stands behind `dst = *`: `(u32 *)(r1 + 8)`, `(s8 *)(r1 + 8)`, `(u16 *)skb[12]`.
    fn load(&mut self, width: Width, dst: Reg, place: Range<usize>) -> Result<Insn> {
        let (size, signed) = self.pointer()?;
        if self.scan.eat_word("skb") {
            if size == MemSize::DW || signed || dst != Reg::R0 {
                return Err(self.scan.error_at(place, "r0 = *(u8 *)skb[..], with u8, u16 or u32"));
            }
            return self.packet(size);
        }
        if signed || size == MemSize::DW {
            self.need_64(width, place)?;
        }
        let (base, off) = self.address_in_parentheses()?;
        Ok(Insn::Load { size, signed, dst, base, off })
    }

    /// `[12]`, `[r2]`, `[r2 + 12]`
    fn packet(&mut self, size: MemSize) -> Result<Insn> {
        self.expect("[")?;
        let index = match self.at_register() {
            true => Some(self.reg_of(Width::W64)?),
            false => None,
        };
        let imm = match (index, self.scan.peek()) {
            (Some(_), b']') => 0,
            _ => low32(self.scan.number(BITS32, "an offset within 32 bits")?),
        };
        self.expect("]")?;
        Ok(Insn::LoadPacket { size, index, imm })
    }

    /// `dst = name(..)`; `range` is the place of the name.
    fn function(
        &mut self,
        name: &str,
        range: Range<usize>,
        width: Width,
        dst: Reg,
        place: Range<usize>,
    ) -> Result<Insn> {
        self.expect("(")?;
        let insn = match name {
            "addr_space_cast" => {
                self.need_64(width, place)?;
                let src = self.reg_of(Width::W64)?;
                self.expect(",")?;
                let [to, from] = {
                    let to = self.scan.number(0..0x1_0000, "an address space from 0 to 65535")?;
                    self.expect(",")?;
                    [to, self.scan.number(0..0x1_0000, "an address space from 0 to 65535")?]
                };
                let [to, from] = [low16(to).cast_unsigned(), low16(from).cast_unsigned()];
                Insn::AddrSpaceCast { dst, src, to, from }
            }
            "load_acquire" => {
                let Mem { size, base, off } = self.mem()?;
                self.check_reg_for(size, width, place)?;
                Insn::LoadAcquire { size, dst, base, off }
            }
            _ => match atomic(name) {
                Some((op, size)) => self.fetch(op, size, width, dst, place)?,
                None => {
                    let expected = "load_acquire, atomic_fetch_add (or, and, xor), xchg_64, xchg32_32, \
                                    cmpxchg_64, cmpxchg32_32 or addr_space_cast";
                    return Err(self.scan.error_at(range, expected));
                }
            },
        };
        self.expect(")")?;
        Ok(insn)
    }

    /// The arguments of an atomic function: `(u64 *)(r1 + 8), r2`, without the pointer type if the name has the size.
    fn fetch(
        &mut self,
        op: AtomicOp,
        size: Option<MemSize>,
        width: Width,
        dst: Reg,
        place: Range<usize>,
    ) -> Result<Insn> {
        let Mem { size, base, off } = match size {
            Some(size) => {
                let (base, off) = self.address()?;
                Mem { size, base, off }
            }
            None => self.rmw_mem()?,
        };
        self.check_reg_for(size, width, place.clone())?;
        self.expect(",")?;
        let src = if op == AtomicOp::CmpXchg {
            if dst != Reg::R0 {
                return Err(self.scan.error_at(place, "r0 or w0, which cmpxchg compares with and writes"));
            }
            self.same_reg(width, Reg::R0)?;
            self.expect(",")?;
            self.reg_for(size)?
        } else {
            self.same_reg(width, dst)?;
            dst
        };
        Ok(Insn::Atomic { op, fetch: true, size, base, off, src })
    }

    /// `(u32 *)(r1 + 8)` without a sign.
    fn mem(&mut self) -> Result<Mem> {
        let start = self.scan.clone();
        let (size, signed) = self.pointer()?;
        if signed {
            self.scan = start;
            self.expect("(")?;
            return Err(self.scan.error("u8, u16, u32 or u64"));
        }
        let (base, off) = self.address_in_parentheses()?;
        Ok(Mem { size, base, off })
    }

    /// The operand of a read-modify-write.
    fn rmw_mem(&mut self) -> Result<Mem> {
        let start = self.scan.clone();
        let mem = self.mem()?;
        if matches!(mem.size, MemSize::B | MemSize::H) {
            self.scan = start;
            self.expect("(")?;
            return Err(self.scan.error("u32 or u64"));
        }
        Ok(mem)
    }

    /// `(u32 *)`: size, and whether it is signed.
    fn pointer(&mut self) -> Result<(MemSize, bool)> {
        self.expect("(")?;
        let size = match self.signed_size() {
            Some(size) => (size, true),
            None => match MemSize::ALL.iter().find(|size| self.scan.eat_word(size.token())) {
                Some(&size) => (size, false),
                None => return Err(self.scan.error("u8, u16, u32, u64, s8, s16 or s32")),
            },
        };
        self.expect("*")?;
        self.expect(")")?;
        Ok(size)
    }

    fn signed_size(&mut self) -> Option<MemSize> {
        [(MemSize::B, "s8"), (MemSize::H, "s16"), (MemSize::W, "s32")]
            .into_iter()
            .find_map(|(size, token)| self.scan.eat_word(token).then_some(size))
    }

    fn address_in_parentheses(&mut self) -> Result<(Reg, i16)> {
        self.expect("(")?;
        let address = self.address()?;
        self.expect(")")?;
        Ok(address)
    }

    /// `r1 + 8`, `r1 +8`, `r1 - 8`, `r1 + -8`, `r1`
    fn address(&mut self) -> Result<(Reg, i16)> {
        let base = self.reg_of(Width::W64)?;
        let off = match self.scan.peek() {
            b'+' => {
                let start = self.scan.clone();
                self.scan.eat("+");
                if self.scan.peek() != b'-' {
                    self.scan = start;
                }
                self.scan.number(I16, OFFSET)?
            }
            b'-' => self.scan.number(I16, OFFSET)?,
            _ => 0,
        };
        Ok((base, low16(off)))
    }

    fn operand(&mut self, width: Width) -> Result<Operand> {
        match self.at_register() {
            true => Ok(Operand::Reg(self.reg_of(width)?)),
            false => Ok(Operand::Imm(self.imm(width)?)),
        }
    }

    /// In 64 bits `0xffffffff` would mean -1, and is refused; in 32 bits both are the same.
    fn imm(&mut self, width: Width) -> Result<i32> {
        Ok(low32(match width {
            Width::W32 => self.scan.number(BITS32, "a register or a number within 32 bits")?,
            Width::W64 => self.scan.number(
                I32,
                "a register or a number from -0x80000000 to 0x7fffffff, sign-extended to 64 bits (others: `r1 = N ll`)",
            )?,
        }))
    }

    /// A name, with its place; `None` if something else stands here. A register is no name.
    fn symbol(&mut self, expected: &'static str) -> Result<Option<(&'a str, Range<usize>)>> {
        if self.at_register() { Err(self.scan.error(expected)) } else { Ok(self.scan.word()) }
    }

    /// Whether a register stands here, or what looks like one (`r11`).
    fn at_register(&mut self) -> bool {
        let word = self.scan.peek_word().as_bytes();
        match word {
            [b'r' | b'w', number @ ..] if !number.is_empty() => number.iter().all(u8::is_ascii_digit),
            _ => self.scan.peek() == b'(' && self.cast_to_u32().is_some(),
        }
    }

    /// `(u32)`: how old kernels wrote `w1`. Returns the scanner behind it.
    fn cast_to_u32(&self) -> Option<Scanner<'a>> {
        let mut scan = self.scan.clone();
        (scan.eat("(") && scan.eat_word("u32") && scan.eat(")")).then_some(scan)
    }

    /// A register of either width, with its place.
    fn reg(&mut self) -> Result<(Width, Reg, Range<usize>)> {
        let start = self.scan.position();
        let cast = self.cast_to_u32();
        if let Some(behind) = &cast {
            self.scan = behind.clone();
        }
        let word = self.scan.peek_word();
        let number = word.get(1..).and_then(|number| match number.as_bytes() {
            [b'0'..=b'9'] | b"10" => number.parse().ok().and_then(Reg::new),
            _ => None,
        });
        let width = match word.as_bytes().first() {
            Some(b'w') => Width::W32,
            Some(b'r') if cast.is_some() => Width::W32,
            Some(b'r') => Width::W64,
            _ => return Err(self.scan.error("a register, r0 to r10 or w0 to w10")),
        };
        let Some(reg) = number else {
            return Err(self.scan.error("a register, r0 to r10 or w0 to w10"));
        };
        self.scan.word();
        Ok((width, reg, start..self.scan.position_behind()))
    }

    /// A register of this width.
    fn reg_of(&mut self, width: Width) -> Result<Reg> {
        let (found, reg, place) = self.reg()?;
        match width {
            _ if found == width => Ok(reg),
            Width::W32 => Err(self.scan.error_at(place, "a 32-bit register, w0 to w10")),
            Width::W64 => Err(self.scan.error_at(place, "a 64-bit register, r0 to r10")),
        }
    }

    /// The register of `dst` again, as the encoding holds one only.
    fn same_reg(&mut self, width: Width, dst: Reg) -> Result<()> {
        let start = self.scan.clone();
        if self.reg_of(width)? == dst {
            return Ok(());
        }
        self.scan = start;
        Err(self.scan.error("the same register twice"))
    }

    /// A register that a memory access of this size moves: `w` and `r` mean the same below 64 bits.
    fn reg_for(&mut self, size: MemSize) -> Result<Reg> {
        let (width, reg, place) = self.reg()?;
        self.check_reg_for(size, width, place)?;
        Ok(reg)
    }

    fn check_reg_for(&self, size: MemSize, width: Width, place: Range<usize>) -> Result<()> {
        if size == MemSize::DW { self.need_64(width, place) } else { Ok(()) }
    }

    fn need_64(&self, width: Width, place: Range<usize>) -> Result<()> {
        match width {
            Width::W64 => Ok(()),
            Width::W32 => Err(self.scan.error_at(place, "a 64-bit register, r0 to r10")),
        }
    }

    fn expect(&mut self, symbol: &'static str) -> Result<()> {
        let expected = match symbol {
            "(" => "'('",
            ")" => "')'",
            "[" => "'['",
            "]" => "']'",
            "," => "','",
            "*" => "'*'",
            _ => "'='",
        };
        if self.scan.eat(symbol) { Ok(()) } else { Err(self.scan.error(expected)) }
    }
}

/// The width at which an immediate of this size is written.
fn natural(size: MemSize) -> Width {
    if size == MemSize::DW { Width::W64 } else { Width::W32 }
}

/// `be16`
fn swap(name: &str) -> Option<(EndianOp, MemSize)> {
    EndianOp::ALL.iter().find_map(|&op| {
        let size = match name.strip_prefix(op.token())? {
            "16" => MemSize::H,
            "32" => MemSize::W,
            "64" => MemSize::DW,
            _ => return None,
        };
        Some((op, size))
    })
}

/// The operation of an atomic function that returns the old value, and its size if the name tells.
fn atomic(name: &str) -> Option<(AtomicOp, Option<MemSize>)> {
    match name {
        "xchg_64" => return Some((AtomicOp::Xchg, Some(MemSize::DW))),
        "xchg32_32" => return Some((AtomicOp::Xchg, Some(MemSize::W))),
        "cmpxchg_64" => return Some((AtomicOp::CmpXchg, Some(MemSize::DW))),
        "cmpxchg32_32" => return Some((AtomicOp::CmpXchg, Some(MemSize::W))),
        _ => {}
    }
    // `atomic_fetch_add` of LLVM and the kernel; the kernel's `atomic64_fetch_add`, `atomic_xchg` and so on.
    let name = name.strip_prefix("atomic_").or_else(|| name.strip_prefix("atomic64_"))?;
    let op = AtomicOp::ALL.iter().find(|op| match op {
        AtomicOp::Xchg | AtomicOp::CmpXchg => name == op.name(),
        _ => name.strip_prefix("fetch_") == Some(op.name()),
    })?;
    Some((*op, None))
}

/// The low 16 bits; the caller has checked the range.
fn low16(value: i128) -> i16 {
    let [b0, b1, ..] = value.to_le_bytes();
    i16::from_le_bytes([b0, b1])
}

/// The low 32 bits; the caller has checked the range.
fn low32(value: i128) -> i32 {
    let [b0, b1, b2, b3, ..] = value.to_le_bytes();
    i32::from_le_bytes([b0, b1, b2, b3])
}

/// The low 64 bits; the caller has checked the range.
fn low64(value: i128) -> u64 {
    let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = value.to_le_bytes();
    u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7])
}
