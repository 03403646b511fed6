//! System calls: bpf(2), perf_event_open(2), and what attaching needs beside them.
//!
//! Every function here is safe: it takes slices and descriptors, and knows how much the kernel writes where.
#![expect(unsafe_code, reason = "system calls")]

pub(crate) mod attr;

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use skep_insn::{Endian, RawInsn};

use attr::{FuncInfo, LineInfo, MapCreate, MapInfo, ProgInfo};

/// The byte order of this machine.
pub(crate) const HOST: Endian = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };

/// `ENOTSUPP`, which is the kernel's own: libc does not have it.
pub(crate) const ENOTSUPP: i32 = 524;

/// `enum bpf_cmd`
#[derive(Clone, Copy)]
enum Command {
    MapCreate = 0,
    MapLookupElem = 1,
    MapUpdateElem = 2,
    MapDeleteElem = 3,
    MapGetNextKey = 4,
    ProgLoad = 5,
    ObjPin = 6,
    ObjGet = 7,
    ProgTestRun = 10,
    ObjGetInfoByFd = 15,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    MapLookupAndDeleteElem = 21,
    MapFreeze = 22,
    MapLookupBatch = 24,
    LinkCreate = 28,
    IterCreate = 33,
    LinkDetach = 34,
}

/// How often a call is made again that a signal has interrupted.
const MAX_TRIES: usize = 100;

/// # Safety
/// `attr` is what the command expects, and each pointer in it leads to as much memory as the kernel reads or writes.
unsafe fn bpf<A>(command: Command, attr: &mut A) -> io::Result<libc::c_int> {
    let mut tries = 0;
    loop {
        // SAFETY: the kernel reads and writes `size_of::<A>()` bytes there; the caller vouches for the rest.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, command as libc::c_int, ptr::from_mut(attr), size_of::<A>())
        };
        if result >= 0 {
            return libc::c_int::try_from(result).map_err(io::Error::other);
        }
        let error = io::Error::last_os_error();
        tries += 1;
        // The verifier says EAGAIN when a signal is pending.
        if tries == MAX_TRIES || !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
            return Err(error);
        }
    }
}

/// Takes a new descriptor from the kernel.
fn own(fd: libc::c_int) -> OwnedFd {
    // SAFETY: only called with what a successful system call has just returned as a new descriptor.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub(crate) fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

fn address<T>(slice: &[T]) -> u64 {
    // The kernel wants no address for what has no length.
    if slice.is_empty() { 0 } else { slice.as_ptr().expose_provenance() as u64 }
}

fn address_mut<T>(slice: &mut [T]) -> u64 {
    if slice.is_empty() { 0 } else { slice.as_mut_ptr().expose_provenance() as u64 }
}

fn length<T>(slice: &[T]) -> io::Result<u32> {
    u32::try_from(slice.len()).map_err(|_| io::Error::from_raw_os_error(libc::E2BIG))
}

/// Makes a map.
pub(crate) fn map_create(create: &MapCreate) -> io::Result<OwnedFd> {
    let mut attr = *create;
    // SAFETY: no pointers in it.
    unsafe { bpf(Command::MapCreate, &mut attr) }.map(own)
}

/// The descriptor of a map, with how many bytes the kernel reads and writes.
#[derive(Debug)]
pub(crate) struct MapFd {
    fd: OwnedFd,
    /// Bytes of a key.
    key: usize,
    /// Bytes of a value as system calls pass it: for all CPUs, or a descriptor.
    value: usize,
}

/// What it is to read a map further; empty at the start.
#[derive(Debug, Default)]
pub(crate) struct BatchCursor(Vec<u8>);

impl BatchCursor {
    /// Whether nothing has been read yet.
    pub(crate) fn is_start(&self) -> bool {
        self.0.is_empty()
    }
}

impl MapFd {
    /// `key` and `value` must be what the kernel thinks that keys and values have: that much it reads and writes.
    pub(crate) fn new(fd: OwnedFd, key: u32, value: u32) -> io::Result<MapFd> {
        let size = |size: u32| usize::try_from(size).map_err(io::Error::other);
        Ok(MapFd { fd, key: size(key)?, value: size(value)? })
    }

    pub(crate) fn key_len(&self) -> usize {
        self.key
    }

    pub(crate) fn value_len(&self) -> usize {
        self.value
    }

    pub(crate) fn lookup(&self, key: &[u8], flags: u64) -> io::Result<Vec<u8>> {
        self.get(Command::MapLookupElem, key, flags)
    }

    pub(crate) fn lookup_and_delete(&self, key: &[u8], flags: u64) -> io::Result<Vec<u8>> {
        self.get(Command::MapLookupAndDeleteElem, key, flags)
    }

    fn get(&self, command: Command, key: &[u8], flags: u64) -> io::Result<Vec<u8>> {
        let mut value = vec![0; self.value];
        let mut attr = self.elem(key, address_mut(&mut value), flags)?;
        // SAFETY: `elem` has checked the key; the value is as long as those of this map.
        unsafe { bpf(command, &mut attr) }?;
        Ok(value)
    }

    pub(crate) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> io::Result<()> {
        if value.len() != self.value {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let mut attr = self.elem(key, address(value), flags)?;
        // SAFETY: both lengths are checked; the kernel only reads.
        unsafe { bpf(Command::MapUpdateElem, &mut attr) }.map(drop)
    }

    pub(crate) fn delete(&self, key: &[u8]) -> io::Result<()> {
        let mut attr = self.elem(key, 0, 0)?;
        // SAFETY: the key's length is checked; the kernel only reads.
        unsafe { bpf(Command::MapDeleteElem, &mut attr) }.map(drop)
    }

    /// The key behind `key`, or the first.
    pub(crate) fn next_key(&self, key: Option<&[u8]>) -> io::Result<Vec<u8>> {
        let mut next = vec![0; self.key];
        let mut attr = self.elem(key.unwrap_or(&next), 0, 0)?;
        if key.is_none() {
            attr.key = 0;
        }
        attr.value = address_mut(&mut next);
        // SAFETY: both keys are as long as those of this map.
        unsafe { bpf(Command::MapGetNextKey, &mut attr) }?;
        Ok(next)
    }

    /// Reads up to `count` elements, appending keys and values; whether there may be more.
    pub(crate) fn lookup_batch(
        &self,
        cursor: &mut BatchCursor,
        count: u32,
        keys: &mut Vec<u8>,
        values: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let room = usize::try_from(count).map_err(io::Error::other)?;
        let (keys_at, values_at) = (keys.len(), values.len());
        keys.resize(keys_at + room * self.key, 0);
        values.resize(values_at + room * self.value, 0);
        // Hash tables write 4 bytes there, other maps a key.
        let mut next = vec![0_u8; self.key.max(8)];
        let mut attr = attr::MapBatch {
            in_batch: address(&cursor.0),
            out_batch: address_mut(&mut next),
            keys: address_mut(&mut keys[keys_at..]),
            values: address_mut(&mut values[values_at..]),
            count,
            map_fd: number(self.fd.as_fd()),
            ..attr::MapBatch::default()
        };
        // SAFETY: there is room for `count` keys and values, and for what says where to go on.
        let result = unsafe { bpf(Command::MapLookupBatch, &mut attr) };
        let is_end = matches!(&result, Err(error) if error.raw_os_error() == Some(libc::ENOENT));
        let done = if result.is_ok() || is_end {
            usize::try_from(attr.count).map_or(room, |n| n.min(room))
        } else {
            0
        };
        keys.truncate(keys_at + done * self.key);
        values.truncate(values_at + done * self.value);
        if result.is_err() && !is_end {
            return result.map(|_| false);
        }
        cursor.0 = next;
        Ok(!is_end)
    }

    /// From now on nobody but programs may change it.
    pub(crate) fn freeze(&self) -> io::Result<()> {
        let mut attr = attr::Fd { fd: number(self.fd.as_fd()) };
        // SAFETY: no pointers in it.
        unsafe { bpf(Command::MapFreeze, &mut attr) }.map(drop)
    }

    fn elem(&self, key: &[u8], value: u64, flags: u64) -> io::Result<attr::MapElem> {
        if key.len() != self.key {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        Ok(attr::MapElem {
            map_fd: number(self.fd.as_fd()),
            key: address(key),
            value,
            flags,
            ..Default::default()
        })
    }
}

impl AsFd for MapFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What the kernel knows of a map.
pub(crate) fn map_info(fd: BorrowedFd<'_>) -> io::Result<MapInfo> {
    let mut info = MapInfo::default();
    // SAFETY: MapInfo is plain numbers, none of them an address.
    unsafe { info_by_fd(fd, &mut info) }?;
    Ok(info)
}

/// What the kernel knows of a program.
pub(crate) fn prog_info(fd: BorrowedFd<'_>) -> io::Result<ProgInfo> {
    let mut info = ProgInfo::default();
    // SAFETY: no address in it, so the kernel writes nothing else.
    unsafe { info_by_fd(fd, &mut info) }?;
    Ok(info)
}

/// The program as the kernel has rewritten it.
pub(crate) fn prog_xlated(fd: BorrowedFd<'_>) -> io::Result<Vec<RawInsn>> {
    let len = prog_info(fd)?.xlated_prog_len;
    let mut bytes = vec![0_u8; usize::try_from(len).map_err(io::Error::other)?];
    let mut info =
        ProgInfo { xlated_prog_len: len, xlated_prog_insns: address_mut(&mut bytes), ..Default::default() };
    // SAFETY: the only address is that of `bytes`, whose length stands beside it.
    unsafe { info_by_fd(fd, &mut info) }?;
    // The address is taken back if the kernel does not show the code.
    if info.xlated_prog_insns == 0 {
        return Err(io::Error::from_raw_os_error(libc::EPERM));
    }
    RawInsn::slots(&bytes, HOST).ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))
}

/// # Safety
/// The kernel may fill `info`, and the arrays that addresses in it lead to.
unsafe fn info_by_fd<T>(fd: BorrowedFd<'_>, info: &mut T) -> io::Result<()> {
    let info_len = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    let info = ptr::from_mut(info).expose_provenance() as u64;
    let mut attr = attr::Info { bpf_fd: number(fd), info_len, info };
    // SAFETY: the kernel writes `info_len` bytes at most; the caller vouches for the arrays.
    unsafe { bpf(Command::ObjGetInfoByFd, &mut attr) }.map(drop)
}

/// A program to load.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProgLoad<'a> {
    pub(crate) ty: u32,
    pub(crate) code: &'a [RawInsn],
    pub(crate) license: &'a CStr,
    pub(crate) flags: u32,
    pub(crate) name: [u8; 16],
    pub(crate) attach_type: u32,
    pub(crate) attach_btf_id: u32,
    pub(crate) attach_prog: Option<BorrowedFd<'a>>,
    pub(crate) btf: Option<BorrowedFd<'a>>,
    pub(crate) func_info: &'a [FuncInfo],
    pub(crate) line_info: &'a [LineInfo],
}

/// Loads a program. With a log, also how long the log would like to be; 0 if the kernel does not say.
pub(crate) fn prog_load(load: &ProgLoad<'_>, log_level: u32, log: &mut [u8]) -> (io::Result<OwnedFd>, u32) {
    match prog_attr(load, log_level, log) {
        Ok((mut attr, _code)) => {
            // SAFETY: all addresses are of slices that outlive the call, their lengths stand beside them.
            let result = unsafe { bpf(Command::ProgLoad, &mut attr) };
            (result.map(own), attr.log_true_size)
        }
        Err(error) => (Err(error), 0),
    }
}

/// The attributes; and the code, if it had to be copied to be in the byte order of the host.
fn prog_attr(
    load: &ProgLoad<'_>,
    log_level: u32,
    log: &mut [u8],
) -> io::Result<(attr::ProgLoad, Vec<[u8; 8]>)> {
    // In memory, a RawInsn is what little-endian hosts read.
    let swapped: Vec<[u8; 8]> = match HOST {
        Endian::Little => Vec::new(),
        Endian::Big => load.code.iter().map(|raw| raw.to_bytes(HOST)).collect(),
    };
    let attr = attr::ProgLoad {
        prog_type: load.ty,
        insn_cnt: length(load.code)?,
        insns: if swapped.is_empty() { address(load.code) } else { address(&swapped) },
        license: address(load.license.to_bytes_with_nul()),
        log_level,
        log_size: length(log)?,
        log_buf: address_mut(log),
        prog_flags: load.flags,
        prog_name: load.name,
        expected_attach_type: load.attach_type,
        prog_btf_fd: load.btf.map_or(0, number),
        func_info_rec_size: record_size(load.func_info)?,
        func_info: address(load.func_info),
        func_info_cnt: length(load.func_info)?,
        line_info_rec_size: record_size(load.line_info)?,
        line_info: address(load.line_info),
        line_info_cnt: length(load.line_info)?,
        attach_btf_id: load.attach_btf_id,
        attach_prog_fd: load.attach_prog.map_or(0, number),
        ..attr::ProgLoad::default()
    };
    Ok((attr, swapped))
}

fn record_size<T>(records: &[T]) -> io::Result<u32> {
    if records.is_empty() { Ok(0) } else { u32::try_from(size_of::<T>()).map_err(io::Error::other) }
}

/// Loads types. With a log, also how long the log would like to be; 0 if the kernel does not say.
pub(crate) fn btf_load(btf: &[u8], log: &mut [u8]) -> (io::Result<OwnedFd>, u32) {
    let (Ok(btf_size), Ok(btf_log_size)) = (length(btf), length(log)) else {
        return (Err(io::Error::from_raw_os_error(libc::E2BIG)), 0);
    };
    let mut attr = attr::BtfLoad {
        btf: address(btf),
        btf_log_buf: address_mut(log),
        btf_size,
        btf_log_size,
        btf_log_level: u32::from(btf_log_size > 0),
        btf_log_true_size: 0,
    };
    // SAFETY: both lengths stand beside their addresses.
    let result = unsafe { bpf(Command::BtfLoad, &mut attr) };
    (result.map(own), attr.btf_log_true_size)
}

/// A run of a program.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TestRun<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) repeat: u32,
    pub(crate) flags: u32,
    pub(crate) cpu: u32,
}

/// What a run gave, besides what it wrote.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TestRan {
    pub(crate) retval: u32,
    pub(crate) duration: u32,
    pub(crate) data_len: u32,
    pub(crate) ctx_len: u32,
}

/// Runs a program; what it left of data and context is written to the slices. Programs of type `syscall` work on
/// `ctx` itself, and take no `ctx_out`.
pub(crate) fn test_run(
    prog: BorrowedFd<'_>,
    run: &TestRun<'_>,
    ctx: &mut [u8],
    data_out: &mut [u8],
    ctx_out: &mut [u8],
) -> (io::Result<()>, TestRan) {
    let lengths = [length(run.data), length(data_out), length(ctx), length(ctx_out)];
    let [Ok(data_size_in), Ok(data_size_out), Ok(ctx_size_in), Ok(ctx_size_out)] = lengths else {
        return (Err(io::Error::from_raw_os_error(libc::E2BIG)), TestRan::default());
    };
    let mut attr = attr::TestRun {
        prog_fd: number(prog),
        data_size_in,
        data_size_out,
        data_in: address(run.data),
        data_out: address_mut(data_out),
        repeat: run.repeat,
        ctx_size_in,
        ctx_size_out,
        ctx_in: address_mut(ctx),
        ctx_out: address_mut(ctx_out),
        flags: run.flags,
        cpu: run.cpu,
        ..attr::TestRun::default()
    };
    // SAFETY: all lengths stand beside their addresses.
    let result = unsafe { bpf(Command::ProgTestRun, &mut attr) };
    let ran = TestRan {
        retval: attr.retval,
        duration: attr.duration,
        data_len: attr.data_size_out,
        ctx_len: attr.ctx_size_out,
    };
    (result.map(drop), ran)
}

/// Gives a map, program or link a name in the BPF file system.
pub(crate) fn pin(fd: BorrowedFd<'_>, path: &CStr) -> io::Result<()> {
    let mut attr = attr::Obj { pathname: path_address(path), bpf_fd: number(fd), file_flags: 0 };
    // SAFETY: the path ends with a zero byte.
    unsafe { bpf(Command::ObjPin, &mut attr) }.map(drop)
}

/// Opens what was pinned.
pub(crate) fn open_pinned(path: &CStr) -> io::Result<OwnedFd> {
    let mut attr = attr::Obj { pathname: path_address(path), ..attr::Obj::default() };
    // SAFETY: the path ends with a zero byte.
    unsafe { bpf(Command::ObjGet, &mut attr) }.map(own)
}

fn path_address(path: &CStr) -> u64 {
    address(path.to_bytes_with_nul())
}

/// Attaches a program to a raw tracepoint; without a name, to what it was loaded for.
pub(crate) fn raw_tracepoint_open(prog: BorrowedFd<'_>, name: Option<&CStr>) -> io::Result<OwnedFd> {
    let mut attr = attr::RawTracepoint { name: name.map_or(0, path_address), prog_fd: number(prog), pad: 0 };
    // SAFETY: the name ends with a zero byte.
    unsafe { bpf(Command::RawTracepointOpen, &mut attr) }.map(own)
}

/// Makes a link. What `target` and `rest` are depends on the attach type; `rest` holds no addresses.
pub(crate) fn link_create(
    prog: BorrowedFd<'_>,
    target: u32,
    attach_type: u32,
    flags: u32,
    rest: [u64; 4],
) -> io::Result<OwnedFd> {
    let mut attr = attr::LinkCreate { prog_fd: number(prog), target_fd: target, attach_type, flags, rest };
    // SAFETY: addresses in it, if somebody passes a number for one, are only read, with the kernel's own checks.
    unsafe { bpf(Command::LinkCreate, &mut attr) }.map(own)
}

/// Detaches a link that others may hold too.
pub(crate) fn link_detach(link: BorrowedFd<'_>) -> io::Result<()> {
    let mut attr = attr::Fd { fd: number(link) };
    // SAFETY: no pointers in it.
    unsafe { bpf(Command::LinkDetach, &mut attr) }.map(drop)
}

/// A file that an iterator program writes when it is read.
pub(crate) fn iter_create(link: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let mut attr = attr::IterCreate { link_fd: number(link), flags: 0 };
    // SAFETY: no pointers in it.
    unsafe { bpf(Command::IterCreate, &mut attr) }.map(own)
}

/// An event that programs are attached to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PerfEvent<'a> {
    /// `PERF_TYPE_*`, or that of a dynamic source.
    pub(crate) ty: u32,
    pub(crate) config: u64,
    pub(crate) sample_period: u64,
    /// What a probe is put on: a function of the kernel, or a file.
    pub(crate) probe: Option<&'a CStr>,
    /// Where in it, in bytes.
    pub(crate) offset: u64,
    /// Samples per second instead of a period.
    pub(crate) frequency: bool,
}

/// Opens a perf event; `None` is all processes, or all CPUs.
pub(crate) fn perf_event_open(
    event: &PerfEvent<'_>,
    pid: Option<u32>,
    cpu: Option<u32>,
) -> io::Result<OwnedFd> {
    const FREQUENCY: u64 = 1 << 10;
    const FLAG_FD_CLOEXEC: libc::c_ulong = 8;
    let mut attr = attr::PerfEvent {
        ty: event.ty,
        size: u32::try_from(size_of::<attr::PerfEvent>()).map_err(io::Error::other)?,
        config: event.config,
        sample_period: event.sample_period,
        flags: if event.frequency { FREQUENCY } else { 0 },
        wakeup_events: u32::from(event.sample_period > 0),
        config1: event.probe.map_or(0, path_address),
        config2: event.offset,
        ..attr::PerfEvent::default()
    };
    let int = |number: Option<u32>| -> io::Result<libc::c_int> {
        number.map_or(Ok(-1), |number| number.try_into().map_err(io::Error::other))
    };
    let (pid, cpu) = (int(pid)?, int(cpu)?);
    // SAFETY: the kernel reads `attr.size` bytes, and the probe's name, which ends with a zero byte.
    let fd = unsafe {
        libc::syscall(libc::SYS_perf_event_open, ptr::from_mut(&mut attr), pid, cpu, -1, FLAG_FD_CLOEXEC)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    libc::c_int::try_from(fd).map(own).map_err(io::Error::other)
}

/// `_IO('$', 0)`, `_IOW('$', 8, u32)`
const PERF_EVENT_IOC_ENABLE: libc::Ioctl = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::Ioctl = 0x4004_2408;

/// Starts an event.
pub(crate) fn perf_event_enable(event: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the argument is a number.
    done(unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_ENABLE, 0) })
}

/// Attaches a program to an event, as kernels before 5.15 do it.
pub(crate) fn perf_event_set_bpf(event: BorrowedFd<'_>, prog: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the argument is a number.
    done(unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_SET_BPF, prog.as_raw_fd()) })
}

fn done(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Waits until there is something to read, or until the time is over; whether there is.
pub(crate) fn wait_readable(fd: BorrowedFd<'_>, timeout: Option<Duration>) -> io::Result<bool> {
    let start = Instant::now();
    loop {
        let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
        // A part of a millisecond counts as one, lest this wait without waiting.
        let millis = left.map_or(-1, |left| {
            libc::c_int::try_from(left.as_micros().div_ceil(1000)).unwrap_or(libc::c_int::MAX)
        });
        let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd.
        let result = unsafe { libc::poll(&raw mut poll, 1, millis) };
        if result >= 0 {
            return Ok(result > 0);
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINTR) {
            return Err(error);
        }
    }
}

/// The size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    // SAFETY: asks for a number.
    let size = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    usize::try_from(size).unwrap_or(4096)
}
