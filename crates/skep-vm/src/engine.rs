//! Engines, the units added to them, and handles to their functions.
#![expect(unsafe_code, reason = "cells point back to their unit, and to translated code")]

use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use skep_btf::maps::MapType;
use skep_insn::{Endian, Insn, RawInsn, Slot};
use skep_object::image::{FuncId, MapId, Target};
use skep_object::{Image, check};

use crate::data::DataBlock;
use crate::debug::Hook;
use crate::error::{Error, Location, Trap};
use crate::host::{HostError, HostFn, Hosts, Resolved};
use crate::interp::{self, Code, Form, Op};
use crate::map::Map;
use crate::memory::{Checked, Host, Memory, Region, RegionName};
use crate::run::{self, Driver, Entry, Limits};

/// Runs programs in one memory mode: [`Host`] or [`Checked`].
///
/// It is cheap to clone, and what was added to it lives as long as its handles.
#[derive(Clone)]
pub struct Engine<M: Memory> {
    hosts: Hosts,
    limits: Limits,
    mode: PhantomData<M>,
}

impl Engine<Host> {
    /// An engine whose programs are trusted like native code: their pointers are host addresses.
    ///
    /// # Safety
    /// Every image that is added must be one whose authors are trusted as those of the host program are. A wild
    /// pointer in it has the consequences of a wild pointer in C.
    #[must_use]
    pub unsafe fn trusting(hosts: Hosts) -> Self {
        Self::with_hosts(hosts)
    }
}

impl Engine<Checked> {
    /// An engine whose programs may only touch their own memory and what the host grants.
    #[must_use]
    pub fn checked(hosts: Hosts) -> Self {
        Self::with_hosts(hosts)
    }
}

impl<M: Memory> Engine<M> {
    fn with_hosts(hosts: Hosts) -> Self {
        Engine { hosts, limits: Limits { depth: 512, frame_bytes: 512 }, mode: PhantomData }
    }

    /// Sets how many frames calls may nest; 512 unless set. At most 2^20.
    #[must_use]
    pub fn max_depth(mut self, frames: u32) -> Self {
        self.limits.depth = frames.clamp(1, 1 << 20);
        self
    }

    /// Sets the size of each frame in bytes, rounded up to 16; 512 unless set, as the kernel has it. At most 64 KiB.
    #[must_use]
    pub fn frame_bytes(mut self, bytes: u32) -> Self {
        self.limits.frame_bytes = bytes.clamp(16, 1 << 16).next_multiple_of(16);
        self
    }

    /// Adds an image: places its data, makes its maps, resolves what it imports, and decodes its functions.
    ///
    /// # Errors
    /// If the image is unsound or of the other byte order, a name is not defined, a map cannot be made, or an instruction
    /// has no meaning in user space. All missing names are told at once.
    pub fn add(&self, image: &Image) -> Result<Unit, Error> {
        prove(image)?;
        let make = |map: &skep_object::image::Map| {
            Map::new(&map.def).map_err(|source| Error::Map { name: map.def.name.clone(), source })
        };
        self.build(image, image.maps.iter().map(make).collect::<Result<_, _>>()?)
    }

    /// Adds an image that uses these maps, in the order of [`Image::maps`], instead of its own.
    ///
    /// # Errors
    /// As [`Engine::add`]; also if the number of maps differs.
    pub fn add_with_maps(&self, image: &Image, maps: Vec<Map>) -> Result<Unit, Error> {
        prove(image)?;
        let (found, expected) = (maps.len(), image.maps.len());
        if found != expected {
            return Err(Error::Maps { found, expected });
        }
        self.build(image, maps)
    }

    fn build(&self, image: &Image, maps: Vec<Map>) -> Result<Unit, Error> {
        UnitInner::build(image.clone(), &self.hosts, self.limits, M::CHECKED, maps).map(Unit)
    }
}

/// What the rest relies on: it indexes with what stands in an image, as translated code does.
fn prove(image: &Image) -> Result<(), Error> {
    check::image(image)?;
    let big = cfg!(target_endian = "big");
    if (image.endian == Endian::Big) != big {
        return Err(Error::Endian { image: image.name.clone(), big });
    }
    Ok(())
}

/// A function of a unit: what calls go through, and what its address is.
pub(crate) struct Cell {
    fast: AtomicPtr<Op>,
    stepped: AtomicPtr<Op>,
    /// Set once, before the cell is reachable.
    unit: AtomicPtr<UnitInner>,
    index: u32,
}

impl Cell {
    #[inline(always)]
    pub(crate) fn fast(&self) -> *const Op {
        self.fast.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn stepped(&self) -> *const Op {
        self.stepped.load(Ordering::Relaxed)
    }

    fn unit(&self) -> &UnitInner {
        // SAFETY: the unit owns its cells.
        unsafe { &*self.unit.load(Ordering::Relaxed) }
    }

    fn func(&self) -> &skep_object::image::Func {
        &self.unit().image.funcs[self.index()]
    }

    pub(crate) fn index(&self) -> usize {
        self.index as usize
    }

    pub(crate) fn name(&self) -> &str {
        &self.func().name
    }

    pub(crate) fn insn(&self, at: Slot) -> Option<Insn> {
        Insn::decode(self.func().code.get(at.index()..)?).ok()
    }

    /// The slot of an op of this function.
    pub(crate) fn slot_of(&self, pc: *const Op, stepped: bool) -> Slot {
        let start = if stepped { self.stepped() } else { self.fast() };
        let slots = pc.addr().wrapping_sub(start.addr()) / size_of::<Op>();
        Slot(u32::try_from(slots).unwrap_or(u32::MAX))
    }

    /// The slot that a jump table's entry means, if one lists it for this function.
    pub(crate) fn jump_target(&self, value: u64) -> Option<Slot> {
        let at = JumpTarget::decode(value, self.index)?;
        self.unit().jump_targets.binary_search(&(FuncId(self.index), at)).is_ok().then_some(at)
    }

    pub(crate) fn location(&self, at: Slot) -> Location {
        let unit = self.unit();
        let func = FuncId(self.index);
        let line = unit.image.line_at(func, at).map(|(file, line)| (file.to_owned(), line.line));
        let insn = unit.describe(self.func(), at);
        Location { func: self.name().to_owned(), at, insn, line }
    }
}

/// What a [`Unit`] owns.
pub(crate) struct UnitInner {
    pub(crate) image: Image,
    pub(crate) checked: bool,
    pub(crate) limits: Limits,
    pub(crate) cells: Box<[Cell]>,
    pub(crate) data: Vec<DataBlock>,
    pub(crate) maps: Vec<Map>,
    pub(crate) imports: Vec<Resolved>,
    pub(crate) hosts: Hosts,
    jump_targets: Vec<(FuncId, Slot)>,
    /// What a checked program may always touch.
    pub(crate) regions: Vec<Region>,
    fast: OnceLock<Code>,
    stepped: OnceLock<Code>,
}

impl UnitInner {
    fn build(
        image: Image,
        hosts: &Hosts,
        limits: Limits,
        checked: bool,
        maps: Vec<Map>,
    ) -> Result<Arc<Self>, Error> {
        let imports = resolve(&image, hosts, checked)?;
        let cell = |index| Cell {
            fast: AtomicPtr::new(ptr::null_mut()),
            stepped: AtomicPtr::new(ptr::null_mut()),
            unit: AtomicPtr::new(ptr::null_mut()),
            index,
        };
        let cells = (0..).take(image.funcs.len()).map(cell).collect();
        let data = image.data.iter().map(DataBlock::place).collect::<Result<Vec<_>, _>>()?;
        let mut regions: Vec<Region> = data.iter().map(DataBlock::region).collect();
        // Records of ring buffers are granted one by one, when a program reserves them.
        for map in maps.iter().filter(|map| map.programs_read() && map.def().ty != MapType::RINGBUF) {
            let range = map.value_range();
            let name = RegionName::Map(map.def().name.clone());
            let writable = map.programs_write();
            regions.push(Region { start: range.start as u64, end: range.end as u64, writable, name });
        }
        let jump_targets = jump_targets(&image);
        regions.extend(image.imports.iter().filter_map(|import| hosts.region(&import.name)));
        let unit = Arc::new(UnitInner {
            image,
            checked,
            limits,
            cells,
            data,
            maps,
            imports,
            hosts: hosts.clone(),
            jump_targets,
            regions,
            fast: OnceLock::new(),
            stepped: OnceLock::new(),
        });
        for cell in &unit.cells {
            cell.unit.store(Arc::as_ptr(&unit).cast_mut(), Ordering::Relaxed);
        }
        unit.fill_pointers()?;
        let code = interp::translate(&unit, Form::Fast)?;
        unit.publish(&unit.fast, code, |cell| &cell.fast);
        Ok(unit)
    }

    /// Writes the pointers in data, and the functions in program arrays.
    fn fill_pointers(&self) -> Result<(), Error> {
        for (block, data) in self.data.iter().zip(&self.image.data) {
            for r in &data.refs {
                block.write_pointer(r.at, self.address(r.target));
            }
        }
        for (map, def) in self.maps.iter().zip(&self.image.maps) {
            for &(slot, target) in &def.values {
                map.set_prog_slot(slot, self.address(target))
                    .map_err(|source| Error::Map { name: map.def().name.clone(), source })?;
            }
        }
        Ok(())
    }

    fn publish(&self, once: &OnceLock<Code>, code: Code, entry: impl Fn(&Cell) -> &AtomicPtr<Op>) {
        let code = once.get_or_init(|| code);
        for (cell, start) in self.cells.iter().zip(&code.starts) {
            entry(cell).store(code.ops[*start..].as_ptr().cast_mut(), Ordering::Release);
        }
    }

    /// Makes sure that the stepped form exists.
    fn prepare_stepped(&self) {
        if self.stepped.get().is_none() {
            // What the fast form accepted is accepted again: both come from the same translation.
            if let Ok(code) = interp::translate(self, Form::Stepped) {
                self.publish(&self.stepped, code, |cell| &cell.stepped);
            }
        }
    }

    /// What a reference is at run time: the address of a cell, of data, of a map, or of a host symbol.
    pub(crate) fn address(&self, target: Target) -> u64 {
        match target {
            Target::Func(func) => ptr::from_ref(&self.cells[func.0 as usize]).expose_provenance() as u64,
            Target::Code { func, at } => JumpTarget { func: func.0, at }.encode(),
            Target::Data { data, offset } => self.data[data.0 as usize].address().wrapping_add_signed(offset),
            Target::Map(MapId(map)) => self.maps[map as usize].handle(),
            Target::Import { import, addend } => match &self.imports[import.0 as usize] {
                Resolved::Func(func) => func.address().unwrap_or(0).wrapping_add_signed(addend),
                Resolved::Address(address) => address.wrapping_add_signed(addend),
                Resolved::Weak => 0,
            },
        }
    }

    /// The function whose address is `value`.
    pub(crate) fn cell_by_address(&self, value: u64) -> Option<&Cell> {
        let start = self.cells.as_ptr().addr() as u64;
        let offset = usize::try_from(value.checked_sub(start)?).ok()?;
        if offset % size_of::<Cell>() != 0 {
            return None;
        }
        self.cells.get(offset / size_of::<Cell>())
    }

    /// The imported C function whose address is `addr`; in host mode any other address is one, too.
    pub(crate) fn host_func_at(&self, addr: u64) -> Option<&HostFn> {
        let funcs = self.imports.iter().filter_map(|import| match import {
            Resolved::Func(func) => Some(func),
            _ => None,
        });
        funcs.into_iter().find(|func| func.address() == Some(addr))
    }

    pub(crate) fn map_by_handle(&self, handle: u64) -> Option<&Map> {
        self.maps.iter().find(|map| map.handle() == handle)
    }

    /// The text of an instruction, with the name of what it refers to.
    pub(crate) fn describe(&self, func: &skep_object::image::Func, at: Slot) -> String {
        let Some(code) = func.code.get(at.index()..).filter(|code| !code.is_empty()) else {
            return "end of function".to_owned();
        };
        match Insn::decode(code) {
            Ok(insn) => {
                let name = func.target_at(at).map(|target| self.image.target_name(target));
                name.map_or_else(|| insn.to_string(), |name| insn.display_with(&name).to_string())
            }
            Err(_) => format!("{:?}", code[0]),
        }
    }
}

/// The value of a jump table's entry: no address, so that nothing but `gotox` in its function can use it.
struct JumpTarget {
    func: u32,
    at: Slot,
}

impl JumpTarget {
    /// Above all user-space addresses, and not a negative error number.
    const TAG: u64 = 0x6a78 << 48;

    fn encode(&self) -> u64 {
        Self::TAG ^ (u64::from(self.func) << 32) ^ u64::from(self.at.0)
    }

    fn decode(value: u64, func: u32) -> Option<Slot> {
        let at = value ^ Self::TAG ^ (u64::from(func) << 32);
        u32::try_from(at).ok().map(Slot)
    }
}

/// The jump targets of each function that jump tables list, ordered.
fn jump_targets(image: &Image) -> Vec<(FuncId, Slot)> {
    let refs = image.data.iter().flat_map(|data| &data.refs);
    let mut targets: Vec<_> = refs
        .filter_map(|r| match r.target {
            Target::Code { func, at } => Some((func, at)),
            _ => None,
        })
        .collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

/// Resolves all imports, or tells all that are missing, each with its call sites.
fn resolve(image: &Image, hosts: &Hosts, checked: bool) -> Result<Vec<Resolved>, Error> {
    let mut resolved = Vec::with_capacity(image.imports.len());
    let mut missing: Vec<HostError> = Vec::new();
    for (index, import) in image.imports.iter().enumerate() {
        match hosts.resolve(import, image.btf.as_deref(), checked) {
            Ok(found) => resolved.push(found),
            Err(error) => missing.push(error.with_sites(sites(image, index))),
        }
    }
    if missing.is_empty() { Ok(resolved) } else { Err(Error::Unresolved(missing)) }
}

/// Where an import is used: `main+0x18 (main.c:7)`.
fn sites(image: &Image, index: usize) -> Vec<String> {
    let is_it =
        |target: Target| matches!(target, Target::Import { import, .. } if import.0 as usize == index);
    let in_code = (0..).map(FuncId).zip(&image.funcs).flat_map(|(id, func)| {
        let refs = func.refs.iter().filter(|r| is_it(r.target));
        refs.map(move |r| {
            let line = image.line_at(id, r.at).map(|(file, line)| format!(" ({file}:{})", line.line));
            format!("{}+{:#x}{}", func.name, r.at.bytes(), line.unwrap_or_default())
        })
    });
    let in_data = image.data.iter().flat_map(|data| {
        let refs = data.refs.iter().filter(|r| is_it(r.target));
        refs.map(|r| format!("{}+{:#x}", data.name, r.at))
    });
    in_code.chain(in_data).collect()
}

/// An image added to an engine.
#[derive(Clone)]
pub struct Unit(Arc<UnitInner>);

impl Unit {
    /// The function of this name: an exported one, else any.
    #[must_use]
    pub fn func(&self, name: &str) -> Option<Func> {
        let (id, _) = self.0.image.func_by_name(name)?;
        Some(self.func_by_id(id))
    }

    /// The function with this index in the image.
    ///
    /// # Panics
    /// If the index is from another image.
    #[must_use]
    pub fn func_by_id(&self, id: FuncId) -> Func {
        assert!((id.0 as usize) < self.0.cells.len(), "function {} is not of this unit", id.0);
        Func { unit: Arc::clone(&self.0), id }
    }

    /// The map of this name.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<&Map> {
        self.0.maps.iter().find(|map| map.def().name == name)
    }

    /// All maps, in the order of [`Image::maps`].
    #[must_use]
    pub fn maps(&self) -> &[Map] {
        &self.0.maps
    }

    /// The image as it was added.
    #[must_use]
    pub fn image(&self) -> &Image {
        &self.0.image
    }

    /// Address and size in bytes of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<(*mut u8, u64)> {
        self.0.data.iter().zip(&self.0.image.data).find_map(|(block, data)| {
            let var = data.vars.iter().find(|var| var.name == name)?;
            Some((block.at(var.offset)?, var.size))
        })
    }
}

/// A handle to a function. It keeps its unit alive, and may be called from any thread, also from several at once.
#[derive(Clone)]
pub struct Func {
    unit: Arc<UnitInner>,
    id: FuncId,
}

impl Func {
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

    /// Calls it with up to five arguments and returns its `r0`.
    ///
    /// # Errors
    /// If the run ends early: see [`TrapKind`](crate::TrapKind).
    pub fn call(&self, args: &[u64]) -> Result<u64, Box<Trap>> {
        self.prepare().args(args).call()
    }

    /// A call to be described further: memory, budget, stop handle, hook.
    pub fn prepare(&self) -> Call<'_> {
        Call { func: self, args: [0; 5], regions: Vec::new(), budget: None, stop: None, hook: None }
    }
}

/// A call being described.
#[must_use = "it does nothing until `call`"]
pub struct Call<'a> {
    func: &'a Func,
    args: [u64; 5],
    regions: Vec<Region>,
    budget: Option<u64>,
    stop: Option<StopHandle>,
    hook: Option<&'a mut dyn Hook>,
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
        self.region(memory.as_ptr_range(), true, RegionName::Context)
    }

    /// Lets a checked program write `memory`, which it may know the address of by other ways.
    pub fn grant(self, name: &str, memory: &'a mut [u8]) -> Self {
        let _ = memory.as_mut_ptr().expose_provenance();
        self.region(memory.as_ptr_range(), true, RegionName::Granted(name.to_owned()))
    }

    /// Lets a checked program read `memory`.
    pub fn grant_read(self, name: &str, memory: &'a [u8]) -> Self {
        let _ = memory.as_ptr().expose_provenance();
        self.region(memory.as_ptr_range(), false, RegionName::Granted(name.to_owned()))
    }

    fn region(mut self, range: std::ops::Range<*const u8>, writable: bool, name: RegionName) -> Self {
        let (start, end) = (range.start.addr() as u64, range.end.addr() as u64);
        self.regions.push(Region { start, end, writable, name });
        self
    }

    /// Ends the run with an error after this many instructions.
    pub fn budget(mut self, insns: u64) -> Self {
        self.budget = Some(insns);
        self
    }

    /// Ends the run with an error when the handle is used.
    pub fn stop(mut self, handle: &StopHandle) -> Self {
        self.stop = Some(handle.clone());
        self
    }

    /// Shows each instruction to `hook` before it executes.
    pub fn hook(mut self, hook: &'a mut dyn Hook) -> Self {
        self.hook = Some(hook);
        self
    }

    /// Calls the function and returns its `r0`.
    ///
    /// # Errors
    /// If the run ends early: see [`TrapKind`](crate::TrapKind).
    pub fn call(self) -> Result<u64, Box<Trap>> {
        let unit = &*self.func.unit;
        let stepped = self.budget.is_some() || self.stop.is_some() || self.hook.is_some();
        let driver = stepped.then(|| {
            unit.prepare_stepped();
            Driver { budget: self.budget, executed: 0, stop: self.stop.map(|stop| stop.0), hook: self.hook }
        });
        let cell = &unit.cells[self.func.id.0 as usize];
        run::enter(Entry { unit, cell, args: self.args, regions: &self.regions, driver })
    }
}

/// Ends runs from another thread.
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<AtomicBool>);

impl StopHandle {
    /// A new handle, for any number of calls.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends all runs that have this handle, and those begun later.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
