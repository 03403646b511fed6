//! One handler for each kind of instruction.
//!
//! All are generic over `FAST`; those that touch memory also over `CHECKED`. Operations and conditions are given by
//! their index in the vocabulary, which is constant in each instance.
#![expect(unsafe_code, reason = "handlers follow the op pointer and the program's own pointers")]

use std::ptr;
use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering};

use skep_insn::{AluOp, AtomicOp, Cond, EndianOp, MemSize};

use super::op::Op;
use super::semantics::{alu32, alu64, atomic, cond32, cond64, sign_extend, swap, zero_extend};
use crate::cx::Cx;
use crate::error::TrapKind;
use crate::helpers::HelperEntry;
use crate::host::Resolved;
use crate::memory::{Access, pointer_at};
use crate::run::{Frame, Run};
use crate::unit::Cell;

/// Goes on with the op at `pc`.
#[inline(always)]
unsafe fn next<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // The checks of debug builds keep locals alive over the call, which then is none in tail position.
    if FAST && cfg!(all(skep_tail_calls, not(debug_assertions))) {
        // SAFETY: translated code has an op behind every op that does not jump.
        unsafe { ((*pc).handler)(pc, run) }
    } else {
        pc
    }
}

#[inline(always)]
unsafe fn reg(run: *const Run, index: usize) -> u64 {
    // SAFETY: the translator puts 0 to 10 into ops; there are 16 registers.
    unsafe { *(&raw const (*run).regs).cast::<u64>().add(index) }
}

#[inline(always)]
unsafe fn set(run: *mut Run, index: usize, value: u64) {
    // SAFETY: as in `reg`.
    unsafe { *(&raw mut (*run).regs).cast::<u64>().add(index) = value };
}

#[inline(always)]
fn imm64(op: &Op) -> u64 {
    i64::from(op.imm()).cast_unsigned()
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
fn low(value: u64) -> u32 {
    value as u32
}

/// Ends the run.
#[cold]
#[inline(never)]
unsafe fn trap(pc: *const Op, run: *mut Run, kind: TrapKind) -> *const Op {
    // SAFETY: the caller's run, which nothing else refers to during a handler.
    unsafe { (*run).end(pc, kind) };
    ptr::null()
}

/// `dst = dst op src`.
pub(super) unsafe fn alu<const FAST: bool, const OP: usize, const W64: bool, const REG: bool>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code.
    unsafe {
        let op = &*pc;
        let b = if REG { reg(run, op.src()) } else { imm64(op) };
        // The old value is not looked at by a move; reading it would only cost.
        let a = if matches!(AluOp::ALL[OP], AluOp::Mov) { 0 } else { reg(run, op.dst()) };
        let result =
            if W64 { alu64(AluOp::ALL[OP], a, b) } else { alu32(AluOp::ALL[OP], low(a), low(b)).into() };
        set(run, op.dst(), result);
        next::<FAST>(pc.add(1), run)
    }
}

pub(super) unsafe fn neg<const FAST: bool, const W64: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: `pc` is an op of translated code.
    unsafe {
        let dst = (*pc).dst();
        let a = reg(run, dst);
        set(run, dst, if W64 { a.wrapping_neg() } else { low(a).wrapping_neg().into() });
        next::<FAST>(pc.add(1), run)
    }
}

pub(super) unsafe fn mov_sx<const FAST: bool, const SIZE: usize, const W64: bool>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code.
    unsafe {
        let op = &*pc;
        let value = sign_extend(MemSize::ALL[SIZE], reg(run, op.src()));
        set(run, op.dst(), if W64 { value } else { low(value).into() });
        next::<FAST>(pc.add(1), run)
    }
}

pub(super) unsafe fn byte_swap<const FAST: bool, const OP: usize, const SIZE: usize>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code.
    unsafe {
        let dst = (*pc).dst();
        set(run, dst, swap(EndianOp::ALL[OP], MemSize::ALL[SIZE], reg(run, dst)));
        next::<FAST>(pc.add(1), run)
    }
}

/// `ld_imm64`: the value stands in the second op.
pub(super) unsafe fn load_imm64<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: `pc` is an op of translated code, and the translator puts the value behind it.
    unsafe {
        set(run, (*pc).dst(), (*pc.add(1)).word);
        next::<FAST>(pc.add(2), run)
    }
}

/// The address of an access, or `None` after the run was ended.
#[inline(always)]
unsafe fn address<const CHECKED: bool>(
    pc: *const Op,
    run: *mut Run,
    base: u64,
    size: MemSize,
    access: Access,
) -> Option<*mut u8> {
    // SAFETY: `pc` is an op of translated code.
    unsafe {
        let addr = base.wrapping_add(i64::from((*pc).off()).cast_unsigned());
        let len = u64::from(size.bytes());
        if CHECKED && !(*run).allows(addr, len, access) {
            let kind = (*run).refused(addr, len, access);
            trap(pc, run, kind);
            return None;
        }
        Some(pointer_at(addr))
    }
}

#[inline(always)]
unsafe fn load_sized(at: *const u8, size: MemSize) -> u64 {
    // SAFETY: the caller has checked the access, or trusts the program.
    unsafe {
        match size {
            MemSize::B => at.read().into(),
            MemSize::H => at.cast::<u16>().read_unaligned().into(),
            MemSize::W => at.cast::<u32>().read_unaligned().into(),
            MemSize::DW => at.cast::<u64>().read_unaligned(),
        }
    }
}

#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the low bytes are meant")]
unsafe fn store_sized(at: *mut u8, size: MemSize, value: u64) {
    // SAFETY: the caller has checked the access, or trusts the program.
    unsafe {
        match size {
            MemSize::B => at.write(value as u8),
            MemSize::H => at.cast::<u16>().write_unaligned(value as u16),
            MemSize::W => at.cast::<u32>().write_unaligned(value as u32),
            MemSize::DW => at.cast::<u64>().write_unaligned(value),
        }
    }
}

pub(super) unsafe fn load<const FAST: bool, const CHECKED: bool, const SIZE: usize, const SIGNED: bool>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code; the access is checked, or the program trusted.
    unsafe {
        let op = &*pc;
        let size = MemSize::ALL[SIZE];
        let base = reg(run, op.src());
        let Some(at) = address::<CHECKED>(pc, run, base, size, Access::Read) else { return ptr::null() };
        let value = load_sized(at, size);
        set(run, op.dst(), if SIGNED { sign_extend(size, value) } else { value });
        next::<FAST>(pc.add(1), run)
    }
}

pub(super) unsafe fn store<const FAST: bool, const CHECKED: bool, const SIZE: usize, const REG: bool>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code; the access is checked, or the program trusted.
    unsafe {
        let op = &*pc;
        let size = MemSize::ALL[SIZE];
        let base = reg(run, op.dst());
        let Some(at) = address::<CHECKED>(pc, run, base, size, Access::Write) else { return ptr::null() };
        store_sized(at, size, if REG { reg(run, op.src()) } else { imm64(op) });
        next::<FAST>(pc.add(1), run)
    }
}

/// The address of an atomic access; it must be aligned.
#[inline(always)]
unsafe fn atomic_address<const CHECKED: bool>(
    pc: *const Op,
    run: *mut Run,
    base: u64,
    size: MemSize,
    access: Access,
) -> Option<*mut u8> {
    // SAFETY: as in `address`.
    unsafe {
        let at = address::<CHECKED>(pc, run, base, size, access)?;
        let len = u64::from(size.bytes());
        let addr = at.addr() as u64;
        if !addr.is_multiple_of(len) {
            trap(pc, run, TrapKind::Unaligned { addr, len });
            return None;
        }
        Some(at)
    }
}

/// A read-modify-write.
pub(super) unsafe fn read_modify_write<
    const FAST: bool,
    const CHECKED: bool,
    const OP: usize,
    const W64: bool,
    const FETCH: bool,
>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code; the access is checked, or the program trusted; it is aligned.
    unsafe {
        let op = &*pc;
        let kind = AtomicOp::ALL[OP];
        let size = if W64 { MemSize::DW } else { MemSize::W };
        let base = reg(run, op.dst());
        let Some(at) = atomic_address::<CHECKED>(pc, run, base, size, Access::Write) else {
            return ptr::null();
        };
        let operand = reg(run, op.src());
        let expected = zero_extend(size, reg(run, 0));
        let compute = |old: u64| atomic(kind, old, operand, expected);
        // Fully ordered, as the kernel's atomics with a result are (and more than those without need).
        let order = if FETCH { Ordering::SeqCst } else { Ordering::Relaxed };
        let old = if W64 {
            let cell = AtomicU64::from_ptr(at.cast());
            match kind {
                AtomicOp::Add => cell.fetch_add(operand, order),
                AtomicOp::Xchg => cell.swap(operand, order),
                _ => cell
                    .fetch_update(order, Ordering::Relaxed, |old| Some(compute(old)))
                    .unwrap_or_else(|old| old),
            }
        } else {
            let cell = AtomicU32::from_ptr(at.cast());
            let update = |old: u32| Some(low(compute(old.into())));
            match kind {
                AtomicOp::Add => cell.fetch_add(low(operand), order),
                AtomicOp::Xchg => cell.swap(low(operand), order),
                _ => cell.fetch_update(order, Ordering::Relaxed, update).unwrap_or_else(|old| old),
            }
            .into()
        };
        if FETCH {
            set(run, if matches!(kind, AtomicOp::CmpXchg) { 0 } else { op.src() }, old);
        }
        next::<FAST>(pc.add(1), run)
    }
}

pub(super) unsafe fn load_acquire<const FAST: bool, const CHECKED: bool, const SIZE: usize>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code; the access is checked, or the program trusted; it is aligned.
    unsafe {
        let op = &*pc;
        let size = MemSize::ALL[SIZE];
        let base = reg(run, op.src());
        let Some(at) = atomic_address::<CHECKED>(pc, run, base, size, Access::Read) else {
            return ptr::null();
        };
        let value = match size {
            MemSize::B => AtomicU8::from_ptr(at).load(Ordering::Acquire).into(),
            MemSize::H => AtomicU16::from_ptr(at.cast()).load(Ordering::Acquire).into(),
            MemSize::W => AtomicU32::from_ptr(at.cast()).load(Ordering::Acquire).into(),
            MemSize::DW => AtomicU64::from_ptr(at.cast()).load(Ordering::Acquire),
        };
        set(run, op.dst(), value);
        next::<FAST>(pc.add(1), run)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low bytes are meant")]
pub(super) unsafe fn store_release<const FAST: bool, const CHECKED: bool, const SIZE: usize>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: `pc` is an op of translated code; the access is checked, or the program trusted; it is aligned.
    unsafe {
        let op = &*pc;
        let size = MemSize::ALL[SIZE];
        let base = reg(run, op.dst());
        let Some(at) = atomic_address::<CHECKED>(pc, run, base, size, Access::Write) else {
            return ptr::null();
        };
        let value = reg(run, op.src());
        match size {
            MemSize::B => AtomicU8::from_ptr(at).store(value as u8, Ordering::Release),
            MemSize::H => AtomicU16::from_ptr(at.cast()).store(value as u16, Ordering::Release),
            MemSize::W => AtomicU32::from_ptr(at.cast()).store(value as u32, Ordering::Release),
            MemSize::DW => AtomicU64::from_ptr(at.cast()).store(value, Ordering::Release),
        }
        next::<FAST>(pc.add(1), run)
    }
}

/// `goto`: the offset is in `imm`, whatever the encoding was.
pub(super) unsafe fn jump<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: the image's checker has seen to it that the target is an op of the same function.
    unsafe { next::<FAST>(pc.offset((*pc).imm() as isize + 1), run) }
}

pub(super) unsafe fn jump_if<const FAST: bool, const COND: usize, const W64: bool, const REG: bool>(
    pc: *const Op,
    run: *mut Run,
) -> *const Op {
    // SAFETY: as in `jump`.
    unsafe {
        let op = &*pc;
        let a = reg(run, op.dst());
        let b = if REG { reg(run, op.src()) } else { imm64(op) };
        let taken = if W64 { cond64(Cond::ALL[COND], a, b) } else { cond32(Cond::ALL[COND], low(a), low(b)) };
        // Two exits, so that each has its own history in the branch predictor.
        if taken {
            next::<FAST>(pc.offset(isize::from(op.off()) + 1), run)
        } else {
            next::<FAST>(pc.add(1), run)
        }
    }
}

/// How often `may_goto` lets a run stay in its loops, as in the kernel.
const MAY_GOTO_LIMIT: u32 = 8 << 20;

pub(super) unsafe fn may_goto<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as in `jump`.
    unsafe {
        (*run).may_gotos += 1;
        let spent = (*run).may_gotos > MAY_GOTO_LIMIT;
        if spent {
            (*run).may_gotos = MAY_GOTO_LIMIT;
        }
        let off = if spent { isize::from((*pc).off()) } else { 0 };
        next::<FAST>(pc.offset(off + 1), run)
    }
}

/// `gotox`: to a target that a jump table of the function lists.
pub(super) unsafe fn goto_x<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: the unit vouches for the targets that it gives out for this function.
    unsafe {
        let target = reg(run, (*pc).dst());
        let cell = &*(*run).cell;
        match cell.jump_target(target) {
            Some(slot) => {
                let start = if FAST { cell.fast() } else { cell.stepped() };
                next::<FAST>(start.add(slot.index()), run)
            }
            None => trap(pc, run, TrapKind::NotATarget { target }),
        }
    }
}

/// Enters `cell`, to come back behind `pc`.
#[inline(always)]
unsafe fn enter<const FAST: bool>(pc: *const Op, run: *mut Run, cell: *const Cell) -> *const Op {
    // SAFETY: the cell belongs to the unit that runs; no other reference to the run exists during a handler.
    unsafe {
        let limits = (*run).limits;
        if (*run).frames.len() + 1 >= limits.depth as usize {
            return trap(pc, run, TrapKind::Depth { limit: limits.depth });
        }
        let regs = &mut (*run).regs;
        let kept = [regs[6], regs[7], regs[8], regs[9]];
        regs[10] -= u64::from(limits.frame_bytes);
        let top = regs[10];
        (*run).frames.push(Frame { resume: pc.add(1), kept, cell: (*run).cell });
        (*run).cell = cell;
        if (*run).opens_frames {
            (*run).open_frame(top);
        }
        next::<FAST>(if FAST { (*cell).fast() } else { (*cell).stepped() }, run)
    }
}

/// A call of a function of the program: `word` is the address of its cell.
pub(super) unsafe fn call<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: the translator puts the address of a cell of the unit there.
    unsafe {
        let cell = pointer_at::<Cell>((*pc).word);
        enter::<FAST>(pc, run, cell)
    }
}

pub(super) unsafe fn exit<const FAST: bool>(_: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: frames hold where calls came from.
    unsafe {
        if (*run).frames.len() == (*run).base {
            return ptr::null();
        }
        let Some(frame) = (*run).frames.pop() else { return ptr::null() };
        let regs = &mut (*run).regs;
        regs[6..10].copy_from_slice(&frame.kept);
        regs[10] += u64::from((*run).limits.frame_bytes);
        (*run).cell = frame.cell;
        next::<FAST>(frame.resume, run)
    }
}

#[inline(always)]
unsafe fn args(run: *const Run) -> [u64; 5] {
    // SAFETY: registers are always readable.
    unsafe { std::array::from_fn(|index| reg(run, index + 1)) }
}

/// Calls out of the interpreter; false if the run has ended.
///
/// Handlers do it by way of functions that are not inlined: a handler whose locals somebody has the address of does not
/// end with a jump, and takes a piece of the native stack each time.
#[inline(always)]
unsafe fn call_out(
    pc: *const Op,
    run: *mut Run,
    callee: impl FnOnce(&mut Cx<'_>, [u64; 5]) -> Result<u64, TrapKind>,
) -> bool {
    // SAFETY: nothing else refers to the run during a handler.
    unsafe {
        let args = args(run);
        (*run).site = pc;
        match callee(&mut Cx::new(&mut *run), args) {
            Ok(r0) if (*run).trap.is_none() => {
                set(run, 0, r0);
                true
            }
            // It called the program back, which trapped, and did not pass that on.
            Ok(_) => false,
            Err(kind) => {
                trap(pc, run, kind);
                false
            }
        }
    }
}

/// Goes on behind a call that left the interpreter.
#[inline(always)]
unsafe fn returned<const FAST: bool>(pc: *const Op, run: *mut Run, ok: bool) -> *const Op {
    // SAFETY: the op behind a call exists.
    unsafe { if ok { next::<FAST>(pc.add(1), run) } else { ptr::null() } }
}

/// A call of a helper: `word` is the address of its table entry.
pub(super) unsafe fn call_helper<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as below.
    unsafe { returned::<FAST>(pc, run, call_helper_out(pc, run)) }
}

#[inline(never)]
unsafe fn call_helper_out(pc: *const Op, run: *mut Run) -> bool {
    // SAFETY: the translator puts the address of an entry there that lives as long as the unit.
    unsafe {
        let entry = pointer_at::<HelperEntry>((*pc).word);
        call_out(pc, run, |cx, args| ((*entry).func)(cx, args))
    }
}

/// A call of a helper that the host registered: `imm` is its number.
pub(super) unsafe fn call_host_helper<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as below.
    unsafe { returned::<FAST>(pc, run, call_host_helper_out(pc, run, (*pc).imm())) }
}

#[inline(never)]
unsafe fn call_host_helper_out(pc: *const Op, run: *mut Run, id: i32) -> bool {
    // SAFETY: the unit outlives the run.
    unsafe {
        let unit = &*(*run).unit;
        call_out(pc, run, |cx, args| match unit.hosts.helper_by_id(id) {
            Some(helper) => helper.call(cx, args),
            None => Err(TrapKind::NotAFunction { addr: u64::from(id.cast_unsigned()) }),
        })
    }
}

/// A call of a host function: `word` is the number of the import.
pub(super) unsafe fn call_import<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as below.
    unsafe { returned::<FAST>(pc, run, call_import_out(pc, run)) }
}

#[inline(never)]
unsafe fn call_import_out(pc: *const Op, run: *mut Run) -> bool {
    // SAFETY: the unit outlives the run; the translator puts the number of an import there.
    unsafe {
        let unit = &*(*run).unit;
        let index = low((*pc).word) as usize;
        call_out(pc, run, |cx, args| match &unit.imports[index] {
            Resolved::Func(func) => func.call(cx, args),
            Resolved::Address(addr) => Err(TrapKind::NotAFunction { addr: *addr }),
            Resolved::Weak => Err(TrapKind::Weak { name: unit.image.imports[index].name.clone() }),
        })
    }
}

/// `callx`: a function of the program by address, a helper by number, or an imported function by address.
pub(super) unsafe fn call_x<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as in the other calls.
    unsafe {
        let addr = reg(run, (*pc).dst());
        let unit = &*(*run).unit;
        if let Some(cell) = unit.cell_by_address(addr) {
            return enter::<FAST>(pc, run, cell);
        }
        if addr == u64::from(TAIL_CALL.cast_unsigned()) {
            return tail_call::<FAST>(pc, run);
        }
        returned::<FAST>(pc, run, call_x_out(pc, run, addr))
    }
}

#[inline(never)]
unsafe fn call_x_out(pc: *const Op, run: *mut Run, addr: u64) -> bool {
    // SAFETY: the unit outlives the run.
    unsafe {
        let unit = &*(*run).unit;
        let id = i32::try_from(addr).ok();
        match (id.and_then(crate::helpers::find), id, unit.host_func_at(addr)) {
            (Some(helper), ..) => call_out(pc, run, |cx, args| (helper.func)(cx, args)),
            (None, Some(id), _) => call_host_helper_out(pc, run, id),
            (None, None, Some(func)) => call_out(pc, run, |cx, args| func.call(cx, args)),
            (None, None, None) => call_out(pc, run, |_, _| Err(TrapKind::NotAFunction { addr })),
        }
    }
}

/// `bpf_tail_call`, which no helper function can do.
pub(super) const TAIL_CALL: i32 = 12;
/// Tail calls in one run, as in the kernel.
const TAIL_CALL_LIMIT: u32 = 33;

/// `bpf_tail_call(ctx, map, index)`: goes on in another function with the same frame, or returns an error to this one.
pub(super) unsafe fn tail_call<const FAST: bool>(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as in the other calls.
    unsafe {
        let (ok, target) = tail_target(pc, run);
        if target.is_null() {
            return returned::<FAST>(pc, run, ok);
        }
        (*run).cell = target;
        next::<FAST>(if FAST { (*target).fast() } else { (*target).stepped() }, run)
    }
}

/// The function that a tail call goes to; null if there is none, and false if the run has ended.
#[inline(never)]
unsafe fn tail_target(pc: *const Op, run: *mut Run) -> (bool, *const Cell) {
    // SAFETY: as in the other calls.
    unsafe {
        let mut target: *const Cell = ptr::null();
        let ok = call_out(pc, run, |cx, [_, map, index, ..]| {
            let slot = cx.map(map)?.prog_slot(low(index));
            let Some(cell) = slot.and_then(|slot| cx.unit().cell_by_address(slot)) else {
                return Ok((-i64::from(libc::ENOENT)).cast_unsigned());
            };
            target = cell;
            Ok((-i64::from(libc::EPERM)).cast_unsigned())
        });
        if target.is_null() || (*run).tail_calls == TAIL_CALL_LIMIT {
            return (ok, ptr::null());
        }
        (*run).tail_calls += 1;
        set(run, 0, 0);
        (true, target)
    }
}

/// Behind the last instruction of each function.
pub(super) unsafe fn fell_off(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: the op before it exists: a function is never empty.
    unsafe { trap(pc.sub(1), run, TrapKind::FellOff) }
}

/// The second op of `ld_imm64`, which nothing jumps to.
pub(super) unsafe fn second_slot(pc: *const Op, run: *mut Run) -> *const Op {
    // SAFETY: as in `trap`.
    unsafe { trap(pc, run, TrapKind::NotATarget { target: 0 }) }
}
