//! The state of one call into a program: registers, frames, stack, memory regions.
#![expect(unsafe_code, reason = "holds pointers to the unit and its code while they run")]

use std::cell::{Cell as StdCell, RefCell};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::debug::{Flow, Hook, State};
use crate::error::{Location, Trap, TrapKind};
use crate::helpers;
use crate::interp::{self, Op};
use crate::map::Commit;
use crate::memory::{Access, Region, Regions, pointer_at};
use crate::stack::Stack;
use crate::unit::{Cell, UnitInner};

/// Limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Frames at most.
    pub(crate) depth: u32,
    /// Bytes in each frame, a multiple of 16.
    pub(crate) frame_bytes: u32,
}

/// Bytes that a frame has at most.
pub(crate) const MAX_FRAME: u32 = 1 << 16;

/// What a call saves: where to go on, and the registers that it must keep.
pub(crate) struct Frame {
    pub(crate) resume: *const Op,
    pub(crate) kept: [u64; 4],
    pub(crate) cell: *const Cell,
}

/// What the stepped form checks before each instruction.
#[derive(Default)]
pub(crate) struct Driver<'h> {
    /// Instructions allowed.
    pub(crate) budget: Option<u64>,
    /// Instructions executed.
    pub(crate) executed: u64,
    pub(crate) stop: Option<Arc<AtomicBool>>,
    pub(crate) hook: Option<&'h mut dyn Hook>,
    /// Where the instructions executed are added at the end.
    pub(crate) count: Option<&'h mut u64>,
}

/// One call into a program, from its entry to its exit.
///
/// The interpreter's handlers get a pointer to it; the registers stand first, so that they are one addressing mode away.
#[repr(C)]
pub(crate) struct Run {
    /// `r0`–`r10`; sixteen, so that any register field of an op is an index.
    pub(crate) regs: [u64; 16],
    /// The function that runs; its callers are in `frames`.
    pub(crate) cell: *const Cell,
    pub(crate) frames: Vec<Frame>,
    /// How many of the frames wait for what was called last from outside of the interpreter: it exits to there.
    pub(crate) base: usize,
    pub(crate) limits: Limits,
    pub(crate) tail_calls: u32,
    pub(crate) may_gotos: u32,
    /// The op that called out of the interpreter last.
    pub(crate) site: *const Op,
    /// Frames of checked programs begin as zeros, and no others may be read: nothing of an earlier run can be.
    pub(crate) opens_frames: bool,
    /// The top of the lowest frame that was entered in this run.
    opened: u64,
    /// Why the run ended early; where is filled in by who notices.
    pub(crate) trap: Option<Box<Trap>>,
    pub(crate) regions: Regions,
    /// Records of ring buffers that a checked program has reserved and not yet submitted.
    records: Vec<u64>,
    /// The unit entered; it outlives the run.
    pub(crate) unit: *const UnitInner,
    /// Set in the stepped form: what is checked before each instruction; it outlives the run.
    driver: Option<*mut Driver<'static>>,
    stack: Stack,
}

thread_local! {
    /// Runs that have ended, kept so that a call allocates nothing. A nested call takes another one.
    #[expect(clippy::vec_box, reason = "a run is large, and goes in and out with each call")]
    static IDLE: RefCell<Vec<Box<Run>>> = const { RefCell::new(Vec::new()) };
    /// How often this thread has entered programs that it has not left: each time takes a part of its native stack.
    static NESTED: StdCell<u32> = const { StdCell::new(0) };
}

/// How often programs and hosts may call each other back and forth on one thread. Frames of programs do not count.
const MAX_NESTED: u32 = 32;
/// Idle runs that a thread keeps, and how large their stacks may be.
const MAX_IDLE: usize = 8;
const MAX_IDLE_STACK: usize = 4 << 20;

/// A program entered on this thread, until it is left.
struct Nested;

impl Nested {
    #[inline]
    fn enter() -> Result<Nested, TrapKind> {
        NESTED.with(|nested| {
            if nested.get() == MAX_NESTED {
                return Err(TrapKind::Nesting { limit: MAX_NESTED });
            }
            nested.set(nested.get() + 1);
            Ok(Nested)
        })
    }
}

impl Drop for Nested {
    #[inline]
    fn drop(&mut self) {
        NESTED.with(|nested| nested.set(nested.get() - 1));
    }
}

/// What a call passes.
pub(crate) struct Entry<'a, 'h> {
    pub(crate) unit: &'a UnitInner,
    pub(crate) cell: &'a Cell,
    pub(crate) args: [u64; 5],
    pub(crate) context: Option<&'a Region>,
    pub(crate) grants: &'a [Region],
    /// `None` runs the fast form.
    pub(crate) driver: Option<Driver<'h>>,
}

/// Calls a function from the host. Returns its `r0`.
pub(crate) fn enter(entry: Entry<'_, '_>) -> Result<u64, Box<Trap>> {
    let refuse = |kind| Box::new(Trap { kind, trace: Vec::new() });
    let _nested = Nested::enter().map_err(refuse)?;
    let limits = entry.unit.limits;
    // While the thread ends, there may be no list any more.
    let take = |idle: &mut Vec<Box<Run>>| {
        let index = idle.iter().rposition(|run| run.limits == limits)?;
        Some(idle.swap_remove(index))
    };
    let idle = IDLE.try_with(|idle| take(&mut idle.borrow_mut())).ok().flatten();
    let mut run = match idle {
        Some(run) => run,
        None => Run::new(limits).map_err(refuse)?,
    };
    let result = run.call_from_host(entry);
    if run.stack.bytes() <= MAX_IDLE_STACK {
        let _ = IDLE.try_with(|idle| {
            let mut idle = idle.borrow_mut();
            if idle.len() == MAX_IDLE {
                idle.remove(0);
            }
            idle.push(run);
        });
    }
    result
}

impl Run {
    #[cold]
    fn new(limits: Limits) -> Result<Box<Run>, TrapKind> {
        let bytes = u64::from(limits.depth) * u64::from(limits.frame_bytes);
        let stack = usize::try_from(bytes).ok().and_then(Stack::new).ok_or_else(|| {
            TrapKind::callee("engine", format!("no memory for a stack of {} frames", limits.depth))
        })?;
        Ok(Box::new(Run {
            regs: [0; 16],
            cell: ptr::null(),
            frames: Vec::with_capacity(16),
            base: 0,
            limits,
            tail_calls: 0,
            may_gotos: 0,
            site: ptr::null(),
            opens_frames: false,
            opened: 0,
            trap: None,
            regions: Regions::default(),
            records: Vec::new(),
            unit: ptr::null(),
            driver: None,
            stack,
        }))
    }

    fn call_from_host(&mut self, entry: Entry<'_, '_>) -> Result<u64, Box<Trap>> {
        self.unit = entry.unit;
        self.frames.clear();
        self.base = 0;
        self.tail_calls = 0;
        self.may_gotos = 0;
        self.trap = None;
        self.driver = None;
        let top = self.stack.end();
        self.opens_frames = entry.unit.checked;
        if self.opens_frames {
            self.opened = u64::MAX;
            self.regions.begin(entry.context.into_iter().chain(entry.grants));
            self.open_frame(top);
        }
        self.regs = [0; 16];
        self.regs[1..6].copy_from_slice(&entry.args);
        self.regs[10] = top;
        let result = match entry.driver {
            None => self.go(entry.cell),
            Some(mut driver) => {
                // Its lifetime ends with this block, and so does its use: the field is reset below.
                self.driver = Some((&raw mut driver).cast::<Driver<'static>>());
                let result = self.go(entry.cell);
                self.driver = None;
                if let Some(count) = driver.count {
                    *count = count.saturating_add(driver.executed);
                }
                result
            }
        };
        self.discard_records();
        self.unit = ptr::null();
        result
    }

    /// Calls a function from a helper that the program called; the caller's registers are as before afterwards.
    pub(crate) fn call_nested(&mut self, cell: *const Cell, args: [u64; 5]) -> Result<u64, TrapKind> {
        if let Some(trap) = &self.trap {
            // An earlier call trapped, and the host function did not pass that on: the run is over.
            return Err(trap.kind.clone());
        }
        let waiting = self.frames.len();
        if waiting + 1 >= self.limits.depth as usize {
            return Err(TrapKind::Depth { limit: self.limits.depth });
        }
        let _nested = Nested::enter()?;
        let (regs, caller, base, site) = (self.regs, self.cell, self.base, self.site);
        let kept = [regs[6], regs[7], regs[8], regs[9]];
        self.frames.push(Frame { resume: site.wrapping_add(1), kept, cell: caller });
        self.base = waiting + 1;
        self.regs[1..6].copy_from_slice(&args);
        self.regs[10] -= u64::from(self.limits.frame_bytes);
        if self.opens_frames {
            self.open_frame(self.regs[10]);
        }
        // SAFETY: callers pass a cell of the unit that runs.
        let result = self.go(unsafe { &*cell });
        self.frames.truncate(waiting);
        (self.regs, self.cell, self.base, self.site) = (regs, caller, base, site);
        result.map_err(|trap| {
            let kind = trap.kind.clone();
            self.trap = Some(trap);
            kind
        })
    }

    /// Runs `cell` to its end with the registers as they are.
    fn go(&mut self, cell: &Cell) -> Result<u64, Box<Trap>> {
        self.cell = cell;
        match self.driver {
            // SAFETY: translated code keeps to registers, its own stack, and what the memory mode allows.
            None => unsafe { interp::run(cell.fast(), self) },
            Some(driver) => self.step_through(cell, driver),
        }
        match self.trap.take() {
            Some(trap) => Err(trap),
            None => Ok(self.regs[0]),
        }
    }

    fn step_through(&mut self, cell: &Cell, driver: *mut Driver<'static>) {
        let mut pc = cell.stepped();
        while !pc.is_null() {
            // SAFETY: set by `call_from_host`, which outlives this loop; no other reference is alive across a step.
            let driver = unsafe { &mut *driver };
            let kind = driver.before(self, pc);
            if let Err(kind) = kind {
                self.end(pc, kind);
                return;
            }
            // SAFETY: as in `go`.
            pc = unsafe { ((*pc).handler)(pc, self) };
        }
    }

    /// Ends the run at `pc`: fills in where it happened.
    #[cold]
    #[inline(never)]
    pub(crate) fn end(&mut self, pc: *const Op, kind: TrapKind) {
        if let Some(trap) = &mut self.trap {
            // A nested call trapped already; its trace is the longer one.
            trap.kind = kind;
            return;
        }
        let trace = self.backtrace(pc).take(64).collect();
        self.trap = Some(Box::new(Trap { kind, trace }));
    }

    /// Where the run stands: the op at `pc`, and the calls that wait, from the innermost on.
    pub(crate) fn backtrace(&self, pc: *const Op) -> impl Iterator<Item = Location> {
        let callers = self.frames.iter().rev().map(|frame| (frame.cell, frame.resume.wrapping_sub(1)));
        std::iter::once((self.cell, pc)).chain(callers).map(|(cell, pc)| {
            // SAFETY: cells belong to the unit, which outlives the run.
            let cell = unsafe { &*cell };
            cell.location(cell.slot_of(pc, self.driver.is_some()))
        })
    }

    /// Makes the frame below `top` one that the program may use, cleared of what was there.
    #[inline(never)]
    pub(crate) fn open_frame(&mut self, top: u64) {
        let bytes = u64::from(self.limits.frame_bytes);
        self.stack.clear_below(top, bytes);
        if top < self.opened {
            self.regions.set_stack(top - bytes, self.stack.end());
            self.opened = top;
        }
    }

    /// The unit that was entered.
    pub(crate) fn unit(&self) -> &UnitInner {
        // SAFETY: it outlives the run.
        unsafe { &*self.unit }
    }

    /// Whether the host wants the run to end.
    pub(crate) fn stopped(&self) -> bool {
        // SAFETY: as in `step_through`, which does not use it while a helper runs.
        let stop = self.driver.and_then(|driver| unsafe { (*driver).stop.as_deref() });
        stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    /// Whether a checked program may use `len` bytes at `addr`, at least one.
    #[inline(always)]
    pub(crate) fn allows(&mut self, addr: u64, len: u64, access: Access) -> bool {
        self.regions.allows_as_before(addr, len, access) || {
            // SAFETY: as in `unit`, which would borrow the regions, too.
            let unit = unsafe { &*self.unit };
            self.regions.allows(&unit.regions, addr, len, access)
        }
    }

    /// A pointer through which `len` bytes at `addr` may be used. No bytes may be used anywhere.
    pub(crate) fn pointer(&mut self, addr: u64, len: u64, access: Access) -> Result<*mut u8, TrapKind> {
        if len > 0 {
            if self.unit().checked {
                if !self.allows(addr, len, access) {
                    return Err(self.refused(addr, len, access));
                }
            } else if addr < 4096 {
                // No program has anything there: say so here instead of in a signal handler.
                return Err(TrapKind::Access { access, addr, len, nearest: None });
            }
        }
        Ok(pointer_at(addr))
    }

    #[cold]
    pub(crate) fn refused(&self, addr: u64, len: u64, access: Access) -> TrapKind {
        let nearest = self.regions.nearest(&self.unit().regions, addr).cloned().map(Box::new);
        TrapKind::Access { access, addr, len, nearest }
    }

    /// Copies bytes of the program; false if they are not all there, or a checked program may not read them.
    pub(crate) fn peek(&self, addr: u64, into: &mut [u8]) -> bool {
        let (len, unit) = (into.len(), self.unit());
        if !unit.checked {
            // SAFETY: `into` may be written.
            return unsafe { helpers::safe_copy::read(addr, into.as_mut_ptr(), len) } == len;
        }
        let readable = len == 0 || self.regions.find(&unit.regions, addr, len as u64, Access::Read).is_some();
        if readable {
            // SAFETY: the program may read `len` bytes there; `into` is a distinct Rust slice.
            unsafe { ptr::copy(pointer_at(addr), into.as_mut_ptr(), len) };
        }
        readable
    }

    /// Notes that a checked program has reserved a record, which it may use by a grant.
    pub(crate) fn note_record(&mut self, addr: u64) {
        self.records.push(addr);
    }

    /// Forgets a record that was submitted or discarded.
    pub(crate) fn forget_record(&mut self, addr: u64) {
        self.records.retain(|record| *record != addr);
    }

    /// Discards what the program has reserved and forgotten: it would hold up the reader for ever.
    #[inline]
    fn discard_records(&mut self) {
        while let Some(record) = self.records.pop() {
            helpers::commit_record(self.unit(), record, 0, Commit::Discard);
        }
    }
}

impl Driver<'_> {
    /// What is checked before the instruction at `pc`.
    #[inline]
    fn before(&mut self, run: &mut Run, pc: *const Op) -> Result<(), TrapKind> {
        if let Some(limit) = self.budget
            && self.executed >= limit
        {
            return Err(TrapKind::Budget { limit });
        }
        if let Some(stop) = &self.stop
            && stop.load(Ordering::Relaxed)
        {
            return Err(TrapKind::Stopped);
        }
        if let Some(hook) = &mut self.hook
            && hook.before(&mut State::new(run, pc, self.executed)) == Flow::Stop
        {
            return Err(TrapKind::Debugger);
        }
        self.executed += 1;
        Ok(())
    }
}
