//! The state of one call into a program: registers, frames, stack, memory regions.
#![expect(unsafe_code, reason = "holds pointers to the unit and its code while they run")]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::debug::{Flow, Hook, State};
use crate::engine::{Cell, UnitInner};
use crate::error::{Location, Trap, TrapKind};
use crate::interp::{self, Op};
use crate::memory::{Access, Region, RegionName, Regions, pointer_at};

/// Limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Frames at most.
    pub(crate) depth: u32,
    /// Bytes in each frame, a multiple of 16.
    pub(crate) frame_bytes: u32,
}

/// What a call saves: where to go on, and the registers that it must keep.
pub(crate) struct Frame {
    /// Null where the callee was not called by BPF code.
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
    pub(crate) limits: Limits,
    pub(crate) tail_calls: u32,
    pub(crate) may_gotos: u32,
    /// Why the run ended early; where is filled in by who notices.
    pub(crate) trap: Option<Box<Trap>>,
    pub(crate) regions: Regions,
    /// The unit entered; it outlives the run.
    pub(crate) unit: *const UnitInner,
    /// Frames of checked programs begin as zeros, so that nothing of an earlier run can be read.
    pub(crate) zero_frames: bool,
    /// Set in the stepped form: the driver of the innermost loop, which outlives the run.
    driver: Option<*mut Driver<'static>>,
    stack: Vec<u128>,
}

thread_local! {
    /// Runs that have ended, kept so that a call allocates nothing. A nested call takes another one.
    #[expect(clippy::vec_box, reason = "a run is large, and goes in and out with each call")]
    static IDLE: RefCell<Vec<Box<Run>>> = const { RefCell::new(Vec::new()) };
}

/// What a call passes.
pub(crate) struct Entry<'a, 'h> {
    pub(crate) unit: &'a UnitInner,
    pub(crate) cell: &'a Cell,
    pub(crate) args: [u64; 5],
    pub(crate) regions: &'a [Region],
    /// `None` runs the fast form.
    pub(crate) driver: Option<Driver<'h>>,
}

/// Calls a function from the host. Returns its `r0`.
pub(crate) fn enter(entry: Entry<'_, '_>) -> Result<u64, Box<Trap>> {
    let limits = entry.unit.limits;
    let idle = IDLE.with_borrow_mut(Vec::pop).filter(|run| run.limits == limits);
    let mut run = idle.map_or_else(|| Run::new(limits), Ok)?;
    let result = run.call_from_host(entry);
    run.unit = std::ptr::null();
    run.cell = std::ptr::null();
    IDLE.with_borrow_mut(|idle| {
        if idle.len() < 8 {
            idle.push(run);
        }
    });
    result
}

impl Run {
    fn new(limits: Limits) -> Result<Box<Run>, Box<Trap>> {
        let words = limits.depth as usize * (limits.frame_bytes as usize / size_of::<u128>());
        let mut stack = Vec::new();
        if stack.try_reserve_exact(words).is_err() {
            let kind =
                TrapKind::callee("engine", format!("no memory for a stack of {} frames", limits.depth));
            return Err(Box::new(Trap { kind, trace: Vec::new() }));
        }
        drop(stack);
        stack = vec![0; words]; // zero pages of the allocator: touched only when used
        Ok(Box::new(Run {
            regs: [0; 16],
            cell: std::ptr::null(),
            frames: Vec::with_capacity(16),
            limits,
            tail_calls: 0,
            may_gotos: 0,
            trap: None,
            regions: Regions::default(),
            unit: std::ptr::null(),
            zero_frames: false,
            driver: None,
            stack,
        }))
    }

    fn call_from_host(&mut self, entry: Entry<'_, '_>) -> Result<u64, Box<Trap>> {
        self.unit = entry.unit;
        self.frames.clear();
        self.tail_calls = 0;
        self.may_gotos = 0;
        let stack = self.stack.as_mut_ptr_range();
        let top = stack.end.addr() as u64;
        self.zero_frames = entry.unit.checked;
        if entry.unit.checked {
            self.regions.clear();
            for region in entry.unit.regions.iter().chain(entry.regions) {
                self.regions.add(region.clone());
            }
            let start = stack.start.addr() as u64;
            self.regions.add(Region { start, end: top, writable: true, name: RegionName::Stack });
            self.zero_frame(top);
        }
        self.regs = [0; 16];
        self.regs[1..6].copy_from_slice(&entry.args);
        self.regs[10] = top;
        match entry.driver {
            None => {
                self.driver = None;
                self.go(entry.cell)
            }
            Some(mut driver) => {
                // Its lifetime ends with this block, and so does its use: the field is reset below.
                let erased = (&raw mut driver).cast::<Driver<'static>>();
                self.driver = Some(erased);
                let result = self.go(entry.cell);
                self.driver = None;
                result
            }
        }
    }

    /// Calls a function from a helper that the program called; the caller's registers are as before afterwards.
    pub(crate) fn call_nested(&mut self, cell: *const Cell, args: [u64; 5]) -> Result<u64, TrapKind> {
        if self.frames.len() + 1 >= self.limits.depth as usize {
            return Err(TrapKind::Depth { limit: self.limits.depth });
        }
        let regs = self.regs;
        let caller = self.cell;
        let kept = [regs[6], regs[7], regs[8], regs[9]];
        self.frames.push(Frame { resume: std::ptr::null(), kept, cell: caller });
        self.regs[1..6].copy_from_slice(&args);
        self.regs[10] -= u64::from(self.limits.frame_bytes);
        if self.zero_frames {
            self.zero_frame(self.regs[10]);
        }
        // SAFETY: callers pass a cell of the unit that runs.
        let result = self.go(unsafe { &*cell });
        self.regs = regs;
        self.cell = caller;
        match result {
            Ok(r0) => Ok(r0),
            Err(trap) => {
                let kind = trap.kind.clone();
                self.trap = Some(trap);
                Err(kind)
            }
        }
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
        let stepped = self.driver.is_some();
        let mut trace = vec![self.locate(self.cell, pc, stepped)];
        for frame in self.frames.iter().rev().take(63) {
            if !frame.resume.is_null() {
                let call = frame.resume.wrapping_sub(1);
                trace.push(self.locate(frame.cell, call, stepped));
            }
        }
        self.trap = Some(Box::new(Trap { kind, trace }));
    }

    fn locate(&self, cell: *const Cell, pc: *const Op, stepped: bool) -> Location {
        // SAFETY: cells belong to the unit, which outlives the run.
        let cell = unsafe { &*cell };
        cell.location(cell.slot_of(pc, stepped))
    }

    /// Clears the frame below `top`.
    #[inline(never)]
    pub(crate) fn zero_frame(&mut self, top: u64) {
        let words = self.limits.frame_bytes as usize / size_of::<u128>();
        let end =
            usize::try_from(top).unwrap_or(0).saturating_sub(self.stack.as_ptr().addr()) / size_of::<u128>();
        if let Some(frame) = self.stack.get_mut(end.saturating_sub(words)..end) {
            frame.fill(0);
        }
    }

    /// The unit that was entered.
    pub(crate) fn unit(&self) -> &UnitInner {
        // SAFETY: it outlives the run.
        unsafe { &*self.unit }
    }

    /// A pointer through which `len` bytes at `addr` may be used.
    pub(crate) fn pointer(&mut self, addr: u64, len: u64, access: Access) -> Result<*mut u8, TrapKind> {
        if self.unit().checked {
            if !self.regions.allows(addr, len, access) {
                return Err(self.refused(addr, len, access));
            }
        } else if addr < 4096 && len > 0 {
            // No program has anything there: say so here instead of in a signal handler.
            return Err(TrapKind::Access { access, addr, len, nearest: None });
        }
        Ok(pointer_at(addr))
    }

    #[cold]
    pub(crate) fn refused(&self, addr: u64, len: u64, access: Access) -> TrapKind {
        TrapKind::Access { access, addr, len, nearest: self.regions.nearest(addr).cloned().map(Box::new) }
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
        self.executed += 1;
        if let Some(stop) = &self.stop
            && stop.load(Ordering::Relaxed)
        {
            return Err(TrapKind::Stopped);
        }
        let Some(hook) = &mut self.hook else { return Ok(()) };
        // SAFETY: the cell belongs to the unit, which outlives the run.
        let cell = unsafe { &*run.cell };
        let at = cell.slot_of(pc, true);
        let depth = run.frames.len();
        match hook.before(&mut State::new(&mut run.regs, cell, at, depth)) {
            Flow::Continue => Ok(()),
            Flow::Stop => Err(TrapKind::Debugger),
        }
    }
}
