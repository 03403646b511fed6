//! Calls of functions from the host.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use skep_insn::RawInsn;
use skep_object::image::{FuncId, Target};

use crate::debug::Hook;
use crate::error::Trap;
use crate::memory::{Region, RegionName};
use crate::run::{self, Driver, Entry};
use crate::unit::UnitInner;

/// A handle to a function. It keeps its unit alive, and may be called from any thread, also from several at once.
#[derive(Clone)]
pub struct Func {
    unit: Arc<UnitInner>,
    id: FuncId,
}

impl Func {
    pub(crate) fn new(unit: &Arc<UnitInner>, id: FuncId) -> Func {
        Func { unit: Arc::clone(unit), id }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.unit.image.func(self.id).name
    }

    /// Its code.
    #[must_use]
    pub fn code(&self) -> &[RawInsn] {
        &self.unit.image.func(self.id).code
    }

    /// What stands for it in its program, as the value of a function pointer, and in
    /// [program arrays](crate::Map::set_prog_slot). It is no address of code.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let text = "
    ///         .globl main
    /// main:   r2 = next ll
    ///         r3 = 0
    ///         call bpf_tail_call
    ///         r0 = 1
    ///         exit
    ///         .globl other
    /// other:  r0 = 2
    ///         exit
    ///         .map next, type=prog_array, key=4, value=4, max_entries=1
    /// ";
    /// let object = skep_object::asm::assemble("tail.s", text).unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let (main, other) = (unit.func("main").ok_or("no main")?, unit.func("other").ok_or("no other")?);
    /// assert_eq!(main.call(&[])?, 1);
    /// unit.map("next").ok_or("no map")?.set_prog_slot(0, other.address())?;
    /// assert_eq!(main.call(&[])?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn address(&self) -> u64 {
        self.unit.address(Target::Func(self.id))
    }

    /// Calls it with up to five arguments, `r1`–`r5`, and returns its `r0`.
    ///
    /// # Errors
    /// If the run ends early: see [`TrapKind`](crate::TrapKind).
    pub fn call(&self, args: &[u64]) -> Result<u64, Box<Trap>> {
        self.prepare().args(args).call()
    }

    /// A call to be described further: memory, budget, stop handle, hook.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let text = ".globl f\nf: r0 = *(u8 *)(r1 + 0)\n r0 += r2\n *(u8 *)(r1 + 1) = r0\n exit\n";
    /// let object = skep_object::asm::assemble("f.s", text).unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    ///
    /// let mut memory = [7, 0];
    /// assert_eq!(unit.func("f").ok_or("no f")?.prepare().memory(&mut memory).budget(100).call()?, 9);
    /// assert_eq!(memory, [7, 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prepare(&self) -> Call<'_> {
        Call {
            func: self,
            args: [0; 5],
            context: None,
            grants: Vec::new(),
            budget: None,
            stop: None,
            hook: None,
            count: None,
        }
    }
}

impl fmt::Debug for Func {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Func")
            .field("name", &self.name())
            .field("image", &self.unit.image.name)
            .finish_non_exhaustive()
    }
}

/// A call being described.
#[must_use = "it does nothing until `call`"]
pub struct Call<'a> {
    func: &'a Func,
    args: [u64; 5],
    context: Option<Region>,
    grants: Vec<Region>,
    budget: Option<u64>,
    stop: Option<StopHandle>,
    hook: Option<&'a mut dyn Hook>,
    count: Option<&'a mut u64>,
}

impl<'a> Call<'a> {
    /// Sets `r1`–`r5`; more than five are ignored.
    pub fn args(mut self, args: &[u64]) -> Self {
        for (to, from) in self.args.iter_mut().zip(args) {
            *to = *from;
        }
        self
    }

    /// Passes memory: its address in `r1`, its length in `r2`; the program may read and write it.
    pub fn memory(mut self, memory: &'a mut [u8]) -> Self {
        self.args[0] = memory.as_mut_ptr().expose_provenance() as u64;
        self.args[1] = memory.len() as u64;
        self.context = Some(region(memory.as_ptr_range(), true, RegionName::Context));
        self
    }

    /// Lets a checked program write `memory`, which it may know the address of by other ways. `name` is what messages
    /// call it.
    pub fn grant(mut self, name: impl Into<Cow<'static, str>>, memory: &'a mut [u8]) -> Self {
        let _ = memory.as_mut_ptr().expose_provenance();
        self.grants.push(region(memory.as_ptr_range(), true, RegionName::Granted(name.into())));
        self
    }

    /// Lets a checked program read `memory`.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let object = skep_object::asm::assemble("f.s", ".globl f\nf: r0 = *(u8 *)(r1 + 1)\n exit\n").unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let func = unit.func("f").ok_or("no f")?;
    ///
    /// let table = [1, 2, 3];
    /// let at = table.as_ptr().expose_provenance() as u64;
    /// assert_eq!(func.prepare().args(&[at]).grant_read("the table", &table).call()?, 2);
    /// let trap = func.call(&[at]).unwrap_err();
    /// assert!(trap.to_string().contains("read of 1 bytes"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grant_read(mut self, name: impl Into<Cow<'static, str>>, memory: &'a [u8]) -> Self {
        let _ = memory.as_ptr().expose_provenance();
        self.grants.push(region(memory.as_ptr_range(), false, RegionName::Granted(name.into())));
        self
    }

    /// Ends the run with an error after this many instructions, those of functions that helpers call back included.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts, TrapKind};
    ///
    /// let object = skep_object::asm::assemble("loop.s", ".globl f\nf: goto f\n").unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let trap = unit.func("f").ok_or("no f")?.prepare().budget(1000).call().unwrap_err();
    /// assert_eq!(trap.kind, TrapKind::Budget { limit: 1000 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn budget(mut self, insns: u64) -> Self {
        self.budget = Some(insns);
        self
    }

    /// Ends the run with an error when the handle is used.
    pub fn stop(mut self, handle: &StopHandle) -> Self {
        self.stop = Some(handle.clone());
        self
    }

    /// Shows each instruction to `hook` before it executes; see [`debug`](crate::debug).
    pub fn hook(mut self, hook: &'a mut dyn Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Adds the number of instructions executed to `executed`, also if the run ends early.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let object = skep_object::asm::assemble("f.s", ".globl f\nf: r0 = 1\n r0 += r1\n exit\n").unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let mut executed = 0;
    /// unit.func("f").ok_or("no f")?.prepare().count(&mut executed).call()?;
    /// assert_eq!(executed, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn count(mut self, executed: &'a mut u64) -> Self {
        self.count = Some(executed);
        self
    }

    /// Calls the function and returns its `r0`.
    ///
    /// # Errors
    /// If the run ends early: see [`TrapKind`](crate::TrapKind).
    pub fn call(self) -> Result<u64, Box<Trap>> {
        let unit = &*self.func.unit;
        let stepped =
            self.budget.is_some() || self.stop.is_some() || self.hook.is_some() || self.count.is_some();
        let driver = if stepped {
            unit.prepare_stepped().map_err(|kind| Box::new(Trap { kind, trace: Vec::new() }))?;
            let stop = self.stop.map(|stop| stop.0);
            Some(Driver { budget: self.budget, executed: 0, stop, hook: self.hook, count: self.count })
        } else {
            None
        };
        let cell = &unit.cells[self.func.id.0 as usize];
        let (context, grants) = (self.context.as_ref(), &self.grants[..]);
        run::enter(Entry { unit, cell, args: self.args, context, grants, driver })
    }
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("func", &self.func)
            .field("args", &self.args)
            .field("context", &self.context)
            .field("grants", &self.grants)
            .field("budget", &self.budget)
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

fn region(range: Range<*const u8>, writable: bool, name: RegionName) -> Region {
    Region { start: range.start.addr() as u64, end: range.end.addr() as u64, writable, name }
}

/// Ends runs from another thread.
///
/// ```
/// use skep_vm::{Engine, Hosts, StopHandle, TrapKind};
///
/// let object = skep_object::asm::assemble("loop.s", ".globl f\nf: goto f\n").unwrap();
/// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
/// let func = unit.func("f").ok_or("no f")?;
/// let stop = StopHandle::new();
/// let ended = std::thread::scope(|scope| {
///     let run = scope.spawn(|| func.prepare().stop(&stop).call());
///     stop.stop();
///     run.join().expect("the run does not panic")
/// });
/// assert_eq!(ended.unwrap_err().kind, TrapKind::Stopped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<AtomicBool>);

impl StopHandle {
    /// A new handle, for any number of calls.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends all runs that have this handle, and those begun later. A run ends before its next instruction; what the host
    /// does for it meanwhile ends first.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was used.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
