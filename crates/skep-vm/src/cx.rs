//! What helpers and host functions see of the program that calls them.
#![expect(unsafe_code, reason = "copies between the program's memory and Rust's")]

use std::borrow::Cow;
use std::fmt;

use crate::error::{Location, TrapKind};
use crate::map::Map;
use crate::memory::{Access, MAX_GRANTS, Region, RegionName};
use crate::run::Run;
use crate::unit::UnitInner;

/// A running program, as the helper or host function sees it that the program has called.
///
/// Memory of the program is reached through copies: the program's other threads may write it at any time.
///
/// ```
/// use skep_vm::host::Signature;
/// use skep_vm::{Engine, Hosts};
///
/// // Sums what `func` makes of each byte.
/// let hosts = Hosts::new().closure("sum_of", Signature::RAW, |cx, [bytes, len, func, ..]| {
///     let mut sum = 0;
///     for byte in cx.read_vec(bytes, len)? {
///         sum += cx.call(func, [byte.into(), 0, 0, 0, 0])?;
///     }
///     Ok(sum)
/// });
/// let text = ".globl main\nmain: r3 = square ll\n call sum_of\n exit\nsquare: r0 = r1\n r0 *= r1\n exit\n";
/// let object = skep_object::asm::assemble("squares.s", text).unwrap();
/// let unit = Engine::checked(hosts).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
/// let main = unit.func("main").ok_or("no function 'main'")?;
/// assert_eq!(main.prepare().memory(&mut [1, 2, 3]).call()?, 14);
/// // A length of a program that means harm is an error, and ends its run.
/// let trap = main.prepare().memory(&mut [1, 2, 3]).args(&[8]).call().unwrap_err();
/// assert!(trap.to_string().starts_with("read of 3 bytes at 0x8 lies outside the program's memory"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Cx<'r> {
    run: &'r mut Run,
}

/// The function of a helper: arguments `r1`–`r5` in, `r0` out.
pub type HelperFn = fn(&mut Cx<'_>, [u64; 5]) -> Result<u64, TrapKind>;

impl<'r> Cx<'r> {
    pub(crate) fn new(run: &'r mut Run) -> Self {
        Cx { run }
    }

    pub(crate) fn unit(&self) -> &UnitInner {
        self.run.unit()
    }

    /// Whether the program's memory accesses are checked.
    #[must_use]
    pub fn checked(&self) -> bool {
        self.run.unit().checked
    }

    /// A pointer through which `len` bytes at `addr` may be used until the program goes on.
    ///
    /// # Errors
    /// In checked mode if the program may not use them so; in host mode if `addr` lies in the first page.
    pub fn pointer(&mut self, addr: u64, len: u64, access: Access) -> Result<*mut u8, TrapKind> {
        self.run.pointer(addr, len, access)
    }

    /// Copies bytes of the program.
    ///
    /// # Errors
    /// As [`Cx::pointer`].
    pub fn read(&mut self, addr: u64, into: &mut [u8]) -> Result<(), TrapKind> {
        let from = self.pointer(addr, into.len() as u64, Access::Read)?;
        // SAFETY: checked above, or vouched for by who made the engine; the destination is a distinct Rust slice.
        unsafe { std::ptr::copy(from, into.as_mut_ptr(), into.len()) };
        Ok(())
    }

    /// Copies `len` bytes of the program.
    ///
    /// # Errors
    /// As [`Cx::pointer`].
    pub fn read_vec(&mut self, addr: u64, len: u64) -> Result<Vec<u8>, TrapKind> {
        let from = self.pointer(addr, len, Access::Read)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        if bytes.try_reserve_exact(len).is_err() {
            return Err(TrapKind::Access { access: Access::Read, addr, len: len as u64, nearest: None });
        }
        // SAFETY: as in `read`; the capacity is reserved, and all `len` bytes are written before the length is set.
        unsafe {
            std::ptr::copy(from, bytes.as_mut_ptr(), len);
            bytes.set_len(len);
        }
        Ok(bytes)
    }

    /// Overwrites bytes of the program.
    ///
    /// # Errors
    /// As [`Cx::pointer`].
    pub fn write(&mut self, addr: u64, bytes: &[u8]) -> Result<(), TrapKind> {
        let to = self.pointer(addr, bytes.len() as u64, Access::Write)?;
        // SAFETY: as in `read`.
        unsafe { std::ptr::copy(bytes.as_ptr(), to, bytes.len()) };
        Ok(())
    }

    /// The bytes before the first NUL at `addr`, at most `max` of them; without a NUL within `max`, those `max` bytes.
    ///
    /// # Errors
    /// If the string runs into memory that the program may not read.
    pub fn c_str(&mut self, addr: u64, max: usize) -> Result<Vec<u8>, TrapKind> {
        let len = self.c_str_len(addr, max)?;
        self.read_vec(addr, len as u64)
    }

    /// How many bytes [`Cx::c_str`] returns.
    pub(crate) fn c_str_len(&mut self, addr: u64, max: usize) -> Result<usize, TrapKind> {
        let limit = max as u64;
        let available = match self.checked() {
            true => self.run.regions.readable_from(&self.unit().regions, addr),
            false => u64::MAX,
        };
        let from: *const u8 = self.pointer(addr, limit.min(1), Access::Read)?;
        let within = usize::try_from(limit.min(available)).unwrap_or(usize::MAX);
        // SAFETY: inside the region found above, or vouched for: a trusted program's string ends.
        let is_nul = |at: &usize| unsafe { from.wrapping_add(*at).read() } == 0;
        match (0..within).find(is_nul) {
            Some(len) => Ok(len),
            None if available < limit => Err(self.run.refused(addr, available + 1, Access::Read)),
            None => Ok(within),
        }
    }

    /// Whether others than this call into a checked program may write what is at `addr`.
    pub(crate) fn is_shared(&self, addr: u64) -> bool {
        self.run.regions.is_shared(&self.unit().regions, addr)
    }

    /// The map that a program means by `handle`, the value of `ld_imm64` of a map.
    ///
    /// # Errors
    /// If it is no map of the program.
    pub fn map(&self, handle: u64) -> Result<&'r Map, TrapKind> {
        let unit: *const UnitInner = self.run.unit();
        // SAFETY: the unit outlives the run.
        let unit: &'r UnitInner = unsafe { &*unit };
        unit.map_by_handle(handle)
            .ok_or_else(|| TrapKind::callee("map", format!("{handle:#x} is no map of this program")))
    }

    /// Whether `value` is the address of a BPF function of this program.
    #[must_use]
    pub fn is_func(&self, value: u64) -> bool {
        self.unit().cell_by_address(value).is_some()
    }

    /// The name of the BPF function whose address is `value`.
    #[must_use]
    pub fn func_name(&self, value: u64) -> Option<&str> {
        self.unit().cell_by_address(value).map(|cell| cell.name())
    }

    /// Calls a BPF function of the program by its address.
    ///
    /// # Errors
    /// If it is no function, or it traps: then the whole run ends.
    pub fn call(&mut self, func: u64, args: [u64; 5]) -> Result<u64, TrapKind> {
        let cell = self.unit().cell_by_address(func).ok_or(TrapKind::NotAFunction { addr: func })?;
        let cell = std::ptr::from_ref(cell);
        self.run.call_nested(cell, args)
    }

    /// Lets a checked program use `len` bytes at `addr` until this call into the program ends, or they are
    /// [taken back](Cx::revoke). Without effect in host mode.
    ///
    /// # Errors
    /// If a program that keeps asking for more has a thousand grants already.
    ///
    /// # Safety
    /// As long as the grant holds, `len` bytes at `addr` must be memory that may be read, and if `writable` written, by
    /// whatever the program does. It must come from a pointer whose provenance was exposed.
    pub unsafe fn grant(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        addr: u64,
        len: u64,
        writable: bool,
    ) -> Result<(), TrapKind> {
        let region = |name| Region {
            start: addr,
            end: addr.saturating_add(len),
            writable,
            name: RegionName::Granted(name),
        };
        if !self.checked() || self.run.regions.grant(region(name.into())) {
            return Ok(());
        }
        Err(TrapKind::callee("engine", format!("the program holds {MAX_GRANTS} grants of memory already")))
    }

    /// Takes back what was granted last at `addr`.
    pub fn revoke(&mut self, addr: u64) {
        self.run.regions.revoke(addr);
    }

    /// Grants a record of a ring buffer, which is discarded if the call into the program ends before it is submitted.
    pub(crate) fn grant_record(&mut self, addr: u64, len: u64) -> Result<(), TrapKind> {
        if self.checked() {
            // SAFETY: the memory of records is part of a map of the unit, which outlives the run.
            unsafe { self.grant("a record", addr, len, true) }?;
            self.run.note_record(addr);
        }
        Ok(())
    }

    /// Takes back a record.
    pub(crate) fn revoke_record(&mut self, addr: u64) {
        if self.checked() {
            self.revoke(addr);
            self.run.forget_record(addr);
        }
    }

    /// Whether the host has asked that the run end: what takes long, or waits, should give up then with
    /// [`TrapKind::Stopped`].
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.run.stopped()
    }

    /// Where the program stands: its call of this function, and the calls around it, from the innermost on.
    #[must_use]
    pub fn backtrace(&self) -> Vec<Location> {
        self.run.backtrace(self.run.site).collect()
    }
}

impl fmt::Debug for Cx<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cx").field("checked", &self.checked()).finish_non_exhaustive()
    }
}
