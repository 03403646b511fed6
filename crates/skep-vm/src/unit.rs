//! Images in memory: data placed, maps made, imports resolved, code decoded.
#![expect(unsafe_code, reason = "cells point back to their unit, and to translated code")]

use std::collections::HashMap;
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, OnceLock};

use skep_btf::maps::MapType;
use skep_insn::helper::Helper;
use skep_insn::{Callee, Insn, Slot};
use skep_object::Image;
use skep_object::image::{FuncId, MapId, Target};

use crate::call::Func;
use crate::data::DataBlock;
use crate::error::{Error, Location, TrapKind};
use crate::frame;
use crate::helpers;
use crate::host::{HostError, HostFn, Hosts, Resolved};
use crate::interp::{self, Code, Form, Op};
use crate::map::Map;
use crate::memory::{Region, RegionName};
use crate::run::{Limits, MAX_FRAME};

/// An image added to an engine: its functions, maps and data in memory, as long as a handle to them is left.
///
/// ```
/// use skep_vm::{Engine, Hosts};
///
/// let text = "
///         .globl main
/// main:   *(u32 *)(r10 - 4) = 0
///         r1 = counts ll
///         r2 = r10
///         r2 += -4
///         call bpf_map_lookup_elem
///         if r0 == 0 goto out
///         r1 = 1
///         lock *(u64 *)(r0 + 0) += r1
/// out:    exit
///         .map counts, type=array, key=4, value=8, max_entries=1
/// ";
/// let object = skep_object::asm::assemble("count.s", text).unwrap();
/// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
/// let main = unit.func("main").ok_or("no function 'main'")?;
/// main.call(&[])?;
/// main.call(&[])?;
/// let counts = unit.map("counts").ok_or("no map 'counts'")?.typed::<u32, u64>()?;
/// assert_eq!(counts.get(&0), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Unit(pub(crate) Arc<UnitInner>);

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
        Func::new(&self.0, id)
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

    /// Address and size in bytes of a variable. The memory stays where it is as long as the unit lives; programs that run
    /// may change it at any time.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let text = ".globl main\nmain: exit\n.data\n.align 8\n.globl limit\nlimit: .quad 7\n";
    /// let object = skep_object::asm::assemble("limit.s", text).unwrap();
    /// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let (limit, size) = unit.variable("limit").ok_or("no variable 'limit'")?;
    /// assert_eq!(size, 8);
    /// // SAFETY: eight aligned bytes, and nothing runs.
    /// assert_eq!(unsafe { limit.cast::<u64>().read() }, 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<(*mut u8, u64)> {
        self.0.data.iter().zip(&self.0.image.data).find_map(|(block, data)| {
            let var = data.vars.iter().find(|var| var.name == name)?;
            Some((block.at(var.offset)?, var.size))
        })
    }
}

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = &self.0.image;
        f.debug_struct("Unit")
            .field("image", &image.name)
            .field("checked", &self.0.checked)
            .field("funcs", &image.funcs.len())
            .field("maps", &self.0.maps)
            .finish_non_exhaustive()
    }
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
    /// Addresses of imported C functions, ordered, each with the number of its import.
    host_funcs: Vec<(u64, usize)>,
    /// Handles of maps, ordered, each with the number of its map.
    map_handles: Vec<(u64, usize)>,
    jump_targets: Vec<(FuncId, Slot)>,
    /// What a checked program may always touch, ordered by address.
    pub(crate) regions: Vec<Region>,
    fast: OnceLock<Code>,
    stepped: OnceLock<Code>,
}

impl UnitInner {
    pub(crate) fn build(
        image: Image,
        hosts: &Hosts,
        limits: Limits,
        checked: bool,
        maps: Vec<Map>,
    ) -> Result<Arc<Self>, Error> {
        let imports = resolve(&image, hosts, checked)?;
        let host_funcs = host_funcs(&imports);
        let map_handles = sorted(maps.iter().map(Map::handle));
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
        regions.extend(image.imports.iter().filter_map(|import| hosts.region(&import.name)));
        regions.sort_unstable_by_key(|region| region.start);
        let jump_targets = jump_targets(&image);
        let limits = if checked { limits } else { with_frames_for(&image, limits) };
        let unit = Arc::new(UnitInner {
            image,
            checked,
            limits,
            cells,
            data,
            maps,
            imports,
            hosts: hosts.clone(),
            host_funcs,
            map_handles,
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
        unit.fast.get_or_init(|| unit.publish(code, |cell| &cell.fast));
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

    /// Lets cells lead to their functions in `code`, which is to be kept where it is.
    fn publish(&self, code: Code, entry: impl Fn(&Cell) -> &AtomicPtr<Op>) -> Code {
        for (cell, start) in self.cells.iter().zip(&code.starts) {
            entry(cell).store(code.ops.as_ptr().wrapping_add(*start).cast_mut(), Ordering::Release);
        }
        code
    }

    /// Makes sure that the stepped form exists, and that all cells lead to it.
    pub(crate) fn prepare_stepped(&self) -> Result<(), TrapKind> {
        let code = self.stepped.get_or_init(|| {
            // What the fast form accepted is accepted again: both come from the same translation.
            let code = interp::translate(self, Form::Stepped).unwrap_or_default();
            self.publish(code, |cell| &cell.stepped)
        });
        if code.starts.len() == self.cells.len() {
            return Ok(());
        }
        Err(TrapKind::callee("engine", "the program cannot be run step by step"))
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

    /// The imported C function whose address is `addr`.
    pub(crate) fn host_func_at(&self, addr: u64) -> Option<&HostFn> {
        match &self.imports[find(&self.host_funcs, addr)?] {
            Resolved::Func(func) => Some(func),
            _ => None,
        }
    }

    /// The map that `handle` stands for.
    pub(crate) fn map_by_handle(&self, handle: u64) -> Option<&Map> {
        find(&self.map_handles, handle).map(|index| &self.maps[index])
    }

    /// The text of an instruction, with the name of what it refers to.
    pub(crate) fn describe(&self, func: &skep_object::image::Func, at: Slot) -> String {
        let Some(code) = func.code.get(at.index()..).filter(|code| !code.is_empty()) else {
            return "end of function".to_owned();
        };
        match Insn::decode(code) {
            Ok(insn) => {
                let symbol = func.target_at(at).map(|target| self.image.target_name(target));
                let name = symbol.or_else(|| self.helper_name(&insn).map(str::to_owned));
                name.map_or_else(|| insn.to_string(), |name| insn.display_with(&name).to_string())
            }
            Err(_) => format!("{:?}", code[0]),
        }
    }

    /// The name of the helper that an instruction calls by number.
    fn helper_name(&self, insn: &Insn) -> Option<&str> {
        let Insn::Call(Callee::Helper(id)) = *insn else { return None };
        let registered = self.hosts.helper_by_id(id).map(HostFn::name);
        registered
            .or_else(|| helpers::find(id).map(|entry| entry.name))
            .or_else(|| Some(Helper::from_id(id)?.name()))
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

/// The limits with frames as large as the functions' code shows that they use.
fn with_frames_for(image: &Image, limits: Limits) -> Limits {
    let used = image.funcs.iter().map(|func| frame::bytes_used(&func.code)).max().unwrap_or(0);
    let used = used.min(MAX_FRAME).next_multiple_of(16);
    Limits { frame_bytes: limits.frame_bytes.max(used), ..limits }
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

/// Numbers with their indices, ordered.
fn sorted(numbers: impl Iterator<Item = u64>) -> Vec<(u64, usize)> {
    let mut numbers: Vec<_> = numbers.zip(0..).collect();
    numbers.sort_unstable();
    numbers
}

/// The index of a number.
#[inline]
fn find(sorted: &[(u64, usize)], number: u64) -> Option<usize> {
    let at = sorted.partition_point(|(other, _)| *other < number);
    sorted.get(at).filter(|(other, _)| *other == number).map(|(_, index)| *index)
}

fn host_funcs(imports: &[Resolved]) -> Vec<(u64, usize)> {
    let address = |import: &Resolved| match import {
        Resolved::Func(func) => func.address(),
        _ => None,
    };
    let mut funcs = sorted(imports.iter().map(|import| address(import).unwrap_or(0)));
    funcs.retain(|(address, _)| *address != 0);
    funcs
}

/// How many missing names are told at once.
const MAX_MISSING: usize = 100;

/// Resolves all imports, or tells all that are missing, each with its call sites.
fn resolve(image: &Image, hosts: &Hosts, checked: bool) -> Result<Vec<Resolved>, Error> {
    let mut resolved = Vec::with_capacity(image.imports.len());
    let mut missing: Vec<(u32, HostError)> = Vec::new();
    for (index, import) in (0..).zip(&image.imports) {
        match hosts.resolve(import, image.btf.as_deref(), checked) {
            Ok(found) => resolved.push(found),
            Err(error) => missing.push((index, error)),
        }
        if missing.len() == MAX_MISSING {
            break;
        }
    }
    if missing.is_empty() {
        return Ok(resolved);
    }
    let mut sites = sites(image, missing.iter().map(|(index, _)| *index));
    let with_sites =
        |(index, error): (u32, HostError)| error.with_sites(sites.remove(&index).unwrap_or_default());
    Err(Error::Unresolved(missing.into_iter().map(with_sites).collect()))
}

/// Where imports are used: `main+0x18 (main.c:7)`.
fn sites(image: &Image, imports: impl Iterator<Item = u32>) -> HashMap<u32, Vec<String>> {
    let mut sites: HashMap<u32, Vec<String>> = imports.map(|import| (import, Vec::new())).collect();
    let mut note = |target: Target, place: &dyn Fn() -> String| {
        if let Target::Import { import, .. } = target
            && let Some(sites) = sites.get_mut(&import.0)
        {
            sites.push(place());
        }
    };
    for (id, func) in (0..).map(FuncId).zip(&image.funcs) {
        for r in &func.refs {
            note(r.target, &|| {
                let line = image.line_at(id, r.at).map(|(file, line)| format!(" ({file}:{})", line.line));
                format!("{}+{:#x}{}", func.name, r.at.bytes(), line.unwrap_or_default())
            });
        }
    }
    for data in &image.data {
        for r in &data.refs {
            note(r.target, &|| format!("{}+{:#x}", data.name, r.at));
        }
    }
    sites
}
