//! An executor written from the words of RFC 9669, on the bytes of instructions.
//!
//! It is the judge of the interpreter, so it shares no code and no style with it: numbers are taken apart into bits or
//! computed in 128 bits and reduced, memory is a list of bytes. It is slow on purpose, and refuses what it does not
//! know.

use std::collections::BTreeSet;

use crate::slot::{CALL, CALLX, EXIT, Fields, GOTO, GOTOL, LD_IMM64, MAY_GOTO, Slot};
use crate::slot::{X, alu, atomic, class, cond, fields, mode, size};

/// Bytes of each frame; `r10` points to their end.
const FRAME: u16 = 512;
/// Frames at most.
const DEPTH: u64 = 512;
/// Where code addresses (`ld_imm64` with src 4) begin; they lie apart from all data.
const CODE: u64 = 0x7fed << 48;

/// The code address of a slot.
#[must_use]
pub const fn code_address(slot: u64) -> u64 {
    CODE + slot
}

/// Why execution ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The slot is no instruction that means something without a kernel.
    Undefined(usize),
    /// Control left the code.
    OutOfCode(usize),
    /// An access outside of the memory and the stack.
    Access {
        /// The slot.
        at: usize,
        /// The address.
        addr: u64,
        /// Bytes accessed.
        len: usize,
    },
    /// An atomic at an address that is not a multiple of its size.
    Unaligned(usize),
    /// The steps are used up.
    Steps,
    /// Calls nest too deep.
    Depth(usize),
    /// An access below the frame at hand, where no rule says what stands there.
    BelowFrame(usize),
}

/// Where the program's memory and stack are said to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// First byte of the memory.
    pub memory: u64,
    /// End of the first frame: the initial `r10`.
    pub frame: u64,
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// `r0`–`r10`.
    pub regs: [u64; 11],
    /// For each slot whether the instruction in it was executed.
    pub visited: Vec<bool>,
}

/// Runs a program on `memory` until its exit, on a machine of this one's byte order.
///
/// # Errors
/// If it does not come to its exit within `steps` instructions.
pub fn run(code: &[Slot], memory: &mut [u8], addresses: Addresses, steps: u64) -> Result<Done, Fault> {
    let order = if cfg!(target_endian = "little") { Order::Little } else { Order::Big };
    let args = [addresses.memory, memory.len() as u64];
    run_in(order, code, memory, addresses, args, steps)
}

/// Order of the bytes of a number in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The lowest digits first.
    Little,
    /// The highest digits first.
    Big,
}

/// Runs a program with these arguments on a machine of that byte order. The fields of its slots are little-endian all
/// the same.
///
/// # Errors
/// If it does not come to its exit within `steps` instructions.
pub fn run_in(
    order: Order,
    code: &[Slot],
    memory: &mut [u8],
    addresses: Addresses,
    args: [u64; 2],
    steps: u64,
) -> Result<Done, Fault> {
    let mut regs = [0; 11];
    regs[1..3].copy_from_slice(&args);
    regs[10] = addresses.frame;
    let stack = vec![0; 4 * usize::from(FRAME)];
    let mut machine = Machine { order, code, memory, addresses, stack, regs, callers: Vec::new() };
    let starts = starts(code);
    let mut visited = vec![false; code.len()];
    let mut at = 0;
    for _ in 0..steps {
        let next = machine.step(at)?;
        visited[at] = true;
        match next {
            Some(next) if starts.contains(&next) && falls(code[at], at, next) => {
                return Err(Fault::OutOfCode(next));
            }
            Some(next) => at = next,
            None => return Ok(Done { regs: machine.regs, visited }),
        }
    }
    Err(Fault::Steps)
}

/// Where functions start that are called.
fn starts(code: &[Slot]) -> BTreeSet<usize> {
    let calls = code.iter().enumerate().filter(|(_, slot)| (slot[0], slot[1] >> 4) == (CALL, 1));
    calls.filter_map(|(at, &slot)| usize::try_from(at as i128 + 1 + imm(fields(slot))).ok()).collect()
}

/// Whether control comes to `next` by running on, not by a call or jump: a function ends where the next one starts.
fn falls(slot: Slot, at: usize, next: usize) -> bool {
    match slot[0] {
        CALL | CALLX => false,
        EXIT => true,
        LD_IMM64 => next == at + 2,
        _ => next == at + 1,
    }
}

struct Caller {
    resume: usize,
    kept: [u64; 4],
}

struct Machine<'a> {
    order: Order,
    code: &'a [Slot],
    memory: &'a mut [u8],
    addresses: Addresses,
    /// Grows downwards: the last byte is the first one below the initial `r10`.
    stack: Vec<u8>,
    regs: [u64; 11],
    callers: Vec<Caller>,
}

impl Machine<'_> {
    /// Executes the instruction in slot `at`; returns the slot of the next one, `None` after the last.
    fn step(&mut self, at: usize) -> Result<Option<usize>, Fault> {
        let slot = *self.code.get(at).ok_or(Fault::OutOfCode(at))?;
        let f = fields(slot);
        if f.dst > 10 || f.src > 10 {
            return Err(Fault::Undefined(at));
        }
        match f.code & 7 {
            class::LD if f.code == LD_IMM64 => {
                let second = fields(*self.code.get(at + 1).ok_or(Fault::OutOfCode(at + 1))?);
                let value = match f.src {
                    0 => unsigned(imm(f), 32) + (unsigned(i128::from(second.imm), 32) << 32),
                    4 => i128::from(CODE) + i128::from(f.imm) + (at as i128 + 1),
                    _ => return Err(Fault::Undefined(at)),
                };
                self.write(at, f.dst, wrap(value, 64))?;
                return Ok(Some(at + 2));
            }
            class::LD => return Err(Fault::Undefined(at)),
            class::LDX => self.load(at, f)?,
            class::ST | class::STX => self.store(at, f)?,
            class::ALU | class::ALU64 => {
                let bits = if f.code & 7 == class::ALU { 32 } else { 64 };
                let value = self.compute(f, bits).ok_or(Fault::Undefined(at))?;
                self.write(at, f.dst, value)?;
            }
            _ => return self.jump(at, f),
        }
        Ok(Some(at + 1))
    }

    fn write(&mut self, at: usize, reg: u8, value: u64) -> Result<(), Fault> {
        if reg >= 10 {
            return Err(Fault::Undefined(at));
        }
        self.regs[usize::from(reg)] = value;
        Ok(())
    }

    fn reg(&self, reg: u8) -> u64 {
        self.regs[usize::from(reg)]
    }

    /// The second operand, as it stands: a register, or the sign-extended immediate.
    fn operand(&self, f: Fields) -> u64 {
        if f.code & X == X { self.reg(f.src) } else { wrap(imm(f), 64) }
    }

    /// What an arithmetic instruction leaves in its destination (RFC 9669 §4.1, §4.2).
    fn compute(&self, f: Fields, bits: u32) -> Option<u64> {
        let dst = self.reg(f.dst);
        if f.code & 0xf0 == alu::END {
            return byte_order(f, bits == 64, dst, self.order);
        }
        let src = self.operand(f);
        let (a, b) = (unsigned(dst.into(), bits), unsigned(src.into(), bits));
        let (sa, sb) = (signed(dst.into(), bits), signed(src.into(), bits));
        let count = b % i128::from(bits);
        let result = match (f.code & 0xf0, f.off) {
            (alu::ADD, 0) => a + b,
            (alu::SUB, 0) => a - b,
            (alu::MUL, 0) => product(a, b, bits),
            (alu::DIV, 0 | 1) if b == 0 => 0,
            (alu::DIV, 0) => a / b,
            // The RFC's example: truncating. MIN / -1 is 2^(bits-1), which wraps to MIN.
            (alu::DIV, 1) => sa / sb,
            (alu::MOD, 0 | 1) if b == 0 => a,
            (alu::MOD, 0) => a % b,
            (alu::MOD, 1) => sa - sb * (sa / sb),
            (alu::OR, 0) => bitwise(a, b, |a, b| a || b),
            (alu::AND, 0) => bitwise(a, b, |a, b| a && b),
            (alu::XOR, 0) => bitwise(a, b, |a, b| a != b),
            (alu::LSH, 0) => (0..count).fold(a, |a, _| a * 2 % (1 << bits)),
            (alu::RSH, 0) => (0..count).fold(a, |a, _| a / 2),
            (alu::ARSH, 0) => (0..count).fold(sa, |a, _| a.div_euclid(2)),
            (alu::NEG, 0) => -a,
            (alu::MOV, 0) => b,
            (alu::MOV, 8 | 16) if f.code & X == X => signed(b, f.off.unsigned_abs().into()),
            (alu::MOV, 32) if f.code & X == X && bits == 64 => signed(b, 32),
            _ => return None,
        };
        // 32-bit operations zero the upper half: what is left after the reduction is not negative.
        Some(wrap(result, bits))
    }

    /// A jump, call or exit (RFC 9669 §4.3).
    fn jump(&mut self, at: usize, f: Fields) -> Result<Option<usize>, Fault> {
        let relative = |off: i64| {
            let target = i64::try_from(at).ok().and_then(|at| at.checked_add(1)?.checked_add(off));
            target.and_then(|target| usize::try_from(target).ok()).ok_or(Fault::OutOfCode(at)).map(Some)
        };
        match f.code {
            GOTO => relative(f.off.into()),
            GOTOL => relative(f.imm.into()),
            // The loop budget is never spent: tests loop a few times.
            MAY_GOTO => Ok(Some(at + 1)),
            CALL if f.src == 1 => {
                let target = relative(f.imm.into())?;
                self.enter(at)?;
                Ok(target)
            }
            CALLX => {
                let target = self.reg(f.dst).checked_sub(CODE).and_then(|slot| usize::try_from(slot).ok());
                let target = target.filter(|&slot| slot < self.code.len()).ok_or(Fault::Undefined(at))?;
                self.enter(at)?;
                Ok(Some(target))
            }
            EXIT => Ok(self.callers.pop().map(|caller| {
                self.regs[6..10].copy_from_slice(&caller.kept);
                self.regs[10] += u64::from(FRAME);
                caller.resume
            })),
            _ => {
                let bits = if f.code & 7 == class::JMP { 64 } else { 32 };
                let (a, b) = (self.reg(f.dst).into(), self.operand(f).into());
                match holds(f.code & 0xf0, a, b, bits) {
                    Some(true) => relative(f.off.into()),
                    Some(false) => Ok(Some(at + 1)),
                    None => Err(Fault::Undefined(at)),
                }
            }
        }
    }

    fn enter(&mut self, at: usize) -> Result<(), Fault> {
        if self.callers.len() as u64 + 1 >= DEPTH {
            return Err(Fault::Depth(at));
        }
        let kept = [6, 7, 8, 9].map(|reg| self.reg(reg));
        self.callers.push(Caller { resume: at + 1, kept });
        self.regs[10] -= u64::from(FRAME);
        let depth = (self.callers.len() + 1) * usize::from(FRAME);
        if let Some(more) = depth.checked_sub(self.stack.len()) {
            self.stack.splice(..0, std::iter::repeat_n(0, more));
        }
        // Whatever an earlier call has left there: each function begins with zeros.
        let bottom = self.stack.len() - depth;
        self.stack[bottom..bottom + usize::from(FRAME)].fill(0);
        Ok(())
    }

    /// The bytes at an address.
    fn bytes(&mut self, at: usize, addr: u64, len: usize) -> Result<&mut [u8], Fault> {
        let inside = |start: i128, bytes: usize| {
            let from = usize::try_from(i128::from(addr) - start).ok()?;
            let range = from..from.checked_add(len)?;
            (range.end <= bytes).then_some(range)
        };
        // The memory first: in a kernel it may lie where a deeper frame of this stack would.
        if let Some(range) = inside(self.addresses.memory.into(), self.memory.len()) {
            return Ok(&mut self.memory[range]);
        }
        let frame = i128::from(self.reg(10)) - i128::from(FRAME);
        let last = i128::from(self.addresses.frame) - i128::from(DEPTH) * i128::from(FRAME);
        if (last..frame).contains(&addr.into()) {
            return Err(Fault::BelowFrame(at));
        }
        let bottom = i128::from(self.addresses.frame) - self.stack.len() as i128;
        let range = inside(bottom, self.stack.len()).ok_or(Fault::Access { at, addr, len })?;
        Ok(&mut self.stack[range])
    }

    fn read_number(&mut self, at: usize, addr: u64, len: usize) -> Result<i128, Fault> {
        let order = self.order;
        self.bytes(at, addr, len).map(|bytes| number(bytes, order))
    }

    fn write_number(&mut self, at: usize, addr: u64, len: usize, value: i128) -> Result<(), Fault> {
        let order = self.order;
        put(self.bytes(at, addr, len)?, value, order);
        Ok(())
    }

    /// A load (RFC 9669 §5.2, §5.3).
    fn load(&mut self, at: usize, f: Fields) -> Result<(), Fault> {
        let len = size::bytes(f.code & 0x18);
        let addr = displaced(self.reg(f.src), f.off);
        let value = self.read_number(at, addr, len)?;
        let value = match f.code & 0xe0 {
            mode::MEM => value,
            mode::MEMSX if len < 8 => signed(value, bits_in(len)),
            _ => return Err(Fault::Undefined(at)),
        };
        self.write(at, f.dst, wrap(value, 64))
    }

    /// A store, or an atomic operation.
    fn store(&mut self, at: usize, f: Fields) -> Result<(), Fault> {
        let len = size::bytes(f.code & 0x18);
        let addr = displaced(self.reg(f.dst), f.off);
        match (f.code & 7, f.code & 0xe0) {
            (class::ST, mode::MEM) => self.write_number(at, addr, len, imm(f)),
            (class::STX, mode::MEM) => self.write_number(at, addr, len, self.reg(f.src).into()),
            (class::STX, mode::ATOMIC) => self.atomic(at, f, len),
            _ => Err(Fault::Undefined(at)),
        }
    }

    /// An atomic operation (RFC 9669 §5.4), and the kernel's load-acquire and store-release.
    fn atomic(&mut self, at: usize, f: Fields, len: usize) -> Result<(), Fault> {
        let base = if f.imm == atomic::LOAD_ACQUIRE { f.src } else { f.dst };
        let addr = displaced(self.reg(base), f.off);
        self.bytes(at, addr, len)?;
        if !addr.is_multiple_of(len as u64) {
            return Err(Fault::Unaligned(at));
        }
        if f.imm == atomic::LOAD_ACQUIRE {
            let value = self.read_number(at, addr, len)?;
            return self.write(at, f.dst, wrap(value, 64));
        }
        let bits = bits_in(len);
        let src = unsigned(self.reg(f.src).into(), bits);
        if f.imm == atomic::STORE_RELEASE {
            return self.write_number(at, addr, len, src);
        }
        if len < 4 {
            return Err(Fault::Undefined(at));
        }
        let old = self.read_number(at, addr, len)?;
        let r0 = unsigned(self.reg(0).into(), bits);
        let new = match f.imm {
            atomic::XCHG => src,
            atomic::CMPXCHG if old == r0 => src,
            atomic::CMPXCHG => old,
            imm => match imm & !atomic::FETCH {
                atomic::ADD => old + src,
                atomic::OR => bitwise(old, src, |a, b| a || b),
                atomic::AND => bitwise(old, src, |a, b| a && b),
                atomic::XOR => bitwise(old, src, |a, b| a != b),
                _ => return Err(Fault::Undefined(at)),
            },
        };
        self.write_number(at, addr, len, new)?;
        match f.imm {
            atomic::CMPXCHG => self.write(at, 0, wrap(old, 64)),
            imm if imm & atomic::FETCH != 0 => self.write(at, f.src, wrap(old, 64)),
            _ => Ok(()),
        }
    }
}

fn imm(f: Fields) -> i128 {
    f.imm.into()
}

fn bits_in(bytes: usize) -> u32 {
    [0, 8, 16, 0, 32, 0, 0, 0, 64][bytes]
}

/// The number modulo 2^bits.
fn unsigned(value: i128, bits: u32) -> i128 {
    value.rem_euclid(1 << bits)
}

/// The number that the low bits mean in two's complement.
fn signed(value: i128, bits: u32) -> i128 {
    let value = unsigned(value, bits);
    if value < 1 << (bits - 1) { value } else { value - (1 << bits) }
}

/// The number modulo 2^bits, as a register holds it.
fn wrap(value: i128, bits: u32) -> u64 {
    u64::try_from(unsigned(value, bits)).unwrap_or_else(|_| unreachable!("at most 64 bits"))
}

fn displaced(base: u64, off: i16) -> u64 {
    wrap(i128::from(base) + i128::from(off), 64)
}

fn bit(value: i128, index: u32) -> bool {
    value / (1 << index) % 2 == 1
}

fn bitwise(a: i128, b: i128, f: impl Fn(bool, bool) -> bool) -> i128 {
    (0..64).filter(|&i| f(bit(a, i), bit(b, i))).map(|i| 1 << i).sum()
}

/// As taught at school, with ten fingers less.
fn product(a: i128, b: i128, bits: u32) -> i128 {
    (0..bits).filter(|&i| bit(b, i)).fold(0, |sum, i| unsigned(sum + unsigned(a << i, bits), bits))
}

/// `le`, `be` and `bswap` (RFC 9669 §4.2).
fn byte_order(f: Fields, alu64: bool, value: u64, order: Order) -> Option<u64> {
    let len = match f.imm {
        16 => 2,
        32 => 4,
        64 => 8,
        _ => return None,
    };
    let to_big = f.code & X == X;
    let reverses = match (alu64, to_big) {
        (true, false) => true,
        (true, true) => return None,
        (false, _) => to_big == (order == Order::Little),
    };
    let mut digits: Vec<i128> = (0..len).map(|i| i128::from(value) / (1 << (8 * i)) % 256).collect();
    if reverses {
        digits.reverse();
    }
    Some(wrap(digits.iter().rev().fold(0, |sum, digit| sum * 256 + digit), 64))
}

/// Whether a condition holds (RFC 9669 §4.3).
fn holds(condition: u8, a: i128, b: i128, bits: u32) -> Option<bool> {
    let (sa, sb) = (signed(a, bits), signed(b, bits));
    let (a, b) = (unsigned(a, bits), unsigned(b, bits));
    Some(match condition {
        cond::EQ => a == b,
        cond::NE => a != b,
        cond::GT => a > b,
        cond::GE => a >= b,
        cond::LT => a < b,
        cond::LE => a <= b,
        cond::SET => (0..bits).any(|i| bit(a, i) && bit(b, i)),
        cond::SGT => sa > sb,
        cond::SGE => sa >= sb,
        cond::SLT => sa < sb,
        cond::SLE => sa <= sb,
        _ => return None,
    })
}

/// The number that bytes mean.
fn number(bytes: &[u8], order: Order) -> i128 {
    let digit = |sum: i128, &byte: &u8| sum * 256 + i128::from(byte);
    match order {
        Order::Little => bytes.iter().rev().fold(0, digit),
        Order::Big => bytes.iter().fold(0, digit),
    }
}

/// The inverse of [`number`]: keeps the low bytes.
fn put(bytes: &mut [u8], value: i128, order: Order) {
    let len = bytes.len();
    for (i, byte) in bytes.iter_mut().enumerate() {
        let digit = if order == Order::Little { i } else { len - 1 - i };
        *byte = value.to_le_bytes()[digit];
    }
}

#[cfg(test)]
mod tests {
    use super::{Addresses, Fault, run};
    use crate::slot::{Slot, insn};

    const EXIT: Slot = insn(0x95, 0, 0, 0, 0);

    /// Examples that stand in RFC 9669 or follow from its words by hand.
    #[test]
    fn examples_of_the_standard() {
        let check = |code: &[Slot], expected: Result<u64, Fault>| {
            let mut code = code.to_vec();
            code.push(EXIT);
            let at = Addresses { memory: 0x10_0000, frame: 0x20_0000 };
            let result = run(&code, &mut [1, 2, 3, 4, 5, 6, 7, 0xf8], at, 100).map(|done| done.regs[0]);
            assert_eq!(result, expected, "{code:x?}");
        };
        let mov = |imm| insn(0xb7, 0, 0, 0, imm);
        check(&[mov(-13), insn(0x97, 0, 0, 1, 3)], Ok(u64::MAX));
        check(&[mov(-13), insn(0x37, 0, 0, 1, 3)], Ok((-4i64).cast_unsigned()));
        check(&[mov(7), insn(0x37, 0, 0, 0, 0)], Ok(0));
        check(&[mov(7), insn(0x97, 0, 0, 0, 0)], Ok(7));
        check(&[mov(-1), insn(0x04, 0, 0, 0, 0)], Ok(0xffff_ffff));
        check(&[mov(-1), insn(0x67, 0, 0, 0, 68)], Ok((-16i64).cast_unsigned()));
        check(&[mov(0x1234), insn(0xd7, 0, 0, 0, 16)], Ok(0x3412));
        check(&[insn(0x79, 0, 1, 0, 0)], Ok(0xf807_0605_0403_0201));
        check(&[insn(0x91, 0, 1, 7, 0)], Ok((-8i64).cast_unsigned()));
        check(&[insn(0x79, 0, 1, 1, 0)], Err(Fault::Access { at: 0, addr: 0x10_0001, len: 8 }));
        check(&[mov(5), insn(0x25, 0, 0, 1, -1), mov(9)], Ok(9));
        check(&[insn(0x05, 0, 0, -1, 0)], Err(Fault::Steps));
        check(&[insn(0xff, 0, 0, 0, 0)], Err(Fault::Undefined(0)));
    }
}
