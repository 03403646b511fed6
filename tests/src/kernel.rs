//! The kernel as an engine: a thin layer over bpf(2).
//!
//! A program's memory is the value of an array map, mapped into this process. [`Kernel::load`] puts the value's address
//! into `r1` in front of the program, the verifier judges the whole, and `BPF_PROG_TEST_RUN` executes it: then all that
//! the program has left in its memory can be compared, not just the 32 bits that the kernel returns.
#![expect(unsafe_code, reason = "system calls, and memory shared with the kernel")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr::{self, NonNull};

use skep_object::MapDef;
use skep_object::image::{Image, Target};

use crate::engine::{Engine, Loaded, Memory, Refused};
use crate::flat::flat;
use crate::slot::{Slot, insn};

const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE: libc::c_int = 2;
const PROG_LOAD: libc::c_int = 5;
const PROG_TEST_RUN: libc::c_int = 10;

const MAP_TYPE_ARRAY: u32 = 2;
const MAP_FLAG_MMAPABLE: u32 = 1 << 10;
/// `BPF_PROG_TYPE_SYSCALL`: it can be run without a packet, and may do all that other types may.
const PROG_TYPE_SYSCALL: u32 = 31;
const PROG_FLAG_SLEEPABLE: u32 = 1 << 4;
/// `BPF_PSEUDO_MAP_FD`: `src` of `ld_imm64` with a map.
const PSEUDO_MAP_FD: u8 = 1;
/// `BPF_PSEUDO_MAP_VALUE`: `src` of `ld_imm64` with the address of a map's value.
const PSEUDO_MAP_VALUE: u8 = 2;

const PAGE: usize = 4096;
const LOG_BYTES: usize = 1 << 20;

/// What came late, since which Linux, and a program that needs it.
const FEATURES: [(&str, &str, &[Slot]); 3] = [
    ("bswap", "6.6", &[insn(0xb7, 0, 0, 0, 1), insn(0xd7, 0, 0, 0, 16), insn(0x95, 0, 0, 0, 0)]),
    ("may_goto", "6.9", &[insn(0xb7, 0, 0, 0, 1), insn(0xe5, 0, 0, 0, 0), insn(0x95, 0, 0, 0, 0)]),
    ("load_acquire", "6.15", &[insn(0xdb, 0, 1, 0, 0x100), insn(0xb7, 0, 0, 0, 1), insn(0x95, 0, 0, 0, 0)]),
];

/// A map in the kernel, and programs that work on its value.
pub struct Kernel {
    map: File,
    value: NonNull<u8>,
}

// SAFETY: the value belongs to this handle; `Loaded` borrows it, and runs one program at a time.
unsafe impl Send for Kernel {}

impl Kernel {
    /// The kernel of this machine.
    ///
    /// # Errors
    /// If this process may not use bpf(2), or the kernel lacks what is needed. The message is fit to follow `skipped: `.
    pub fn open() -> Result<Kernel, String> {
        let map = create_array(Memory::LEN)
            .map_err(|e| format!("no bpf(2) here: cannot create an array map: {e}"))?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping of one page of the map.
        let value =
            unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, libc::MAP_SHARED, map.as_raw_fd(), 0) };
        if value == libc::MAP_FAILED {
            return Err(format!("cannot map an array map: {}", io::Error::last_os_error()));
        }
        let value = NonNull::new(value.cast()).ok_or("the array map was mapped at address 0")?;
        let kernel = Kernel { map, value };
        let exit = [insn(0xb7, 0, 0, 0, 42), insn(0x95, 0, 0, 0, 0)];
        let mut program = kernel.load(&exit).map_err(|e| format!("cannot load a program: {}", e.reason))?;
        match program.run(&mut Memory::new()) {
            Ok(42) => {}
            other => return Err(format!("BPF_PROG_TEST_RUN gives {other:?}, expected 42")),
        }
        drop(program);
        for (feature, since, code) in FEATURES {
            if let Err(refused) = kernel.load(code) {
                return Err(format!(
                    "the kernel has no {feature}, which came with {since}: {}",
                    refused.reason
                ));
            }
        }
        Ok(kernel)
    }

    /// The kernel, or `None` after the skip was told; with `SKEP_REQUIRE=all` a skip is a failure.
    ///
    /// # Panics
    /// If the kernel cannot be used, and nothing may be skipped.
    #[must_use]
    pub fn open_or_skip(what: &str) -> Option<Kernel> {
        Kernel::open().map_err(|reason| crate::report::skip(what, &reason)).ok()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // SAFETY: mapped in `open` with this length; nothing borrows it any more.
        unsafe { libc::munmap(self.value.as_ptr().cast(), PAGE) };
    }
}

impl Engine for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn load(&self, program: &[Slot]) -> Result<Box<dyn Loaded + '_>, Refused> {
        Ok(Box::new(self.load_with(program, Vec::new())?))
    }
}

impl Kernel {
    fn load_with(&self, program: &[Slot], maps: Vec<File>) -> Result<Prog<'_>, Refused> {
        let mut code = Vec::with_capacity(program.len() + 2);
        code.push(insn(0x18, 1, PSEUDO_MAP_VALUE, 0, self.map.as_raw_fd()));
        code.push(insn(0, 0, 0, 0, 0));
        code.extend_from_slice(program);
        let program = load(&code, None).or_else(|error| {
            if error.raw_os_error() == Some(libc::E2BIG) {
                let reason = "too complex".to_owned(); // to be told more would take seconds
                return Err(Refused { log: reason.clone(), reason });
            }
            // Once more, to be told why.
            let mut log = vec![0; LOG_BYTES];
            load(&code, Some(&mut log)).map_err(|error| Refused::from_verifier(&error, &log))
        })?;
        Ok(Prog { kernel: self, program, _maps: maps })
    }

    /// Prepares an image whose function of this name is the program; its data sections become maps of their own.
    ///
    /// # Errors
    /// If the kernel refuses it, or it has references that this thin layer does not know.
    pub fn load_image(&self, image: &Image, entry: &str) -> Result<Box<dyn Loaded + '_>, Refused> {
        let missing = |what: String| Refused { log: what.clone(), reason: what };
        let (main, _) = image.func_by_name(entry).ok_or_else(|| missing(format!("no function '{entry}'")))?;
        let data = image.data.iter().map(data_map).collect::<io::Result<Vec<File>>>();
        let data = data.map_err(|error| missing(format!("a map for data: {error}")))?;
        let maps = image.maps.iter().map(|map| create_map(&map.def)).collect::<io::Result<Vec<File>>>();
        let maps = maps.map_err(|error| missing(format!("a map: {error}")))?;
        let code = flat(image, main, |target| match target {
            Target::Data { data: id, offset } => {
                let map = &data[id.0 as usize];
                let offset = i32::try_from(offset).expect("small data");
                Some((PSEUDO_MAP_VALUE, [map.as_raw_fd(), offset]))
            }
            Target::Map(id) => Some((PSEUDO_MAP_FD, [maps[id.0 as usize].as_raw_fd(), 0])),
            _ => None,
        });
        let code = code.map_err(missing)?;
        let data = data.into_iter().chain(maps).collect();
        Ok(Box::new(self.load_with(&code, data)?))
    }
}

/// A map of one value, which begins as the data section does.
fn data_map(data: &skep_object::image::Data) -> io::Result<File> {
    let size = usize::try_from(data.size).map_err(io::Error::other)?;
    let map = create_array(size)?;
    let mut value = data.bytes.clone();
    value.resize(size.next_multiple_of(8), 0);
    let key = 0_u32;
    let mut attr = MapUpdate {
        map_fd: fd(&map),
        pad: 0,
        key: ptr::from_ref(&key).expose_provenance() as u64,
        value: value.as_ptr().expose_provenance() as u64,
        flags: 0,
    };
    bpf(MAP_UPDATE, &mut attr)?;
    Ok(map)
}

struct Prog<'a> {
    kernel: &'a Kernel,
    program: File,
    /// Its maps, and those that hold its variables.
    _maps: Vec<File>,
}

impl Loaded for Prog<'_> {
    fn run(&mut self, memory: &mut Memory) -> Result<u64, String> {
        let value = self.kernel.value.as_ptr();
        // SAFETY: the value is a page, which is longer; no program runs on it now.
        unsafe { ptr::copy_nonoverlapping(memory.0.as_ptr(), value, Memory::LEN) };
        let mut attr = TestRun { prog_fd: fd(&self.program), ..TestRun::default() };
        bpf(PROG_TEST_RUN, &mut attr).map_err(|e| format!("BPF_PROG_TEST_RUN: {e}"))?;
        // SAFETY: as above.
        unsafe { ptr::copy_nonoverlapping(value, memory.0.as_mut_ptr(), Memory::LEN) };
        Ok(attr.retval.into())
    }
}

impl Refused {
    fn from_verifier(error: &io::Error, log: &[u8]) -> Refused {
        let end = log.iter().position(|&b| b == 0).unwrap_or(log.len());
        let log = String::from_utf8_lossy(&log[..end]);
        let said = log.lines().rev().find(|line| {
            let is_statistics = line.starts_with("processed ") || line.starts_with("verification time");
            !is_statistics && !line.starts_with("stack depth") && !line.is_empty()
        });
        Refused { reason: said.map_or_else(|| error.to_string(), str::to_owned), log: log.into_owned() }
    }
}

fn create_array(value_size: usize) -> io::Result<File> {
    let mut attr = MapCreate {
        map_type: MAP_TYPE_ARRAY,
        key_size: 4,
        value_size: u32::try_from(value_size).map_err(io::Error::other)?,
        max_entries: 1,
        map_flags: MAP_FLAG_MMAPABLE,
    };
    bpf(MAP_CREATE, &mut attr).and_then(own)
}

fn create_map(def: &MapDef) -> io::Result<File> {
    let &MapDef { key_size, value_size, max_entries, flags, .. } = def;
    let mut attr = MapCreate { map_type: def.ty.0, key_size, value_size, max_entries, map_flags: flags };
    bpf(MAP_CREATE, &mut attr).and_then(own)
}

fn load(code: &[Slot], log: Option<&mut Vec<u8>>) -> io::Result<File> {
    let mut attr = ProgLoad {
        prog_type: PROG_TYPE_SYSCALL,
        insn_cnt: u32::try_from(code.len()).map_err(io::Error::other)?,
        insns: code.as_ptr().expose_provenance() as u64,
        license: c"GPL".as_ptr().expose_provenance() as u64,
        prog_flags: PROG_FLAG_SLEEPABLE,
        ..ProgLoad::default()
    };
    if let Some(log) = log {
        attr.log_level = 1;
        attr.log_size = u32::try_from(log.len()).map_err(io::Error::other)?;
        attr.log_buf = log.as_mut_ptr().expose_provenance() as u64;
    }
    bpf(PROG_LOAD, &mut attr).and_then(own)
}

fn own(fd: libc::c_long) -> io::Result<File> {
    let fd = libc::c_int::try_from(fd).map_err(io::Error::other)?;
    // SAFETY: the kernel has just given this descriptor to us.
    Ok(unsafe { File::from_raw_fd(fd) })
}

fn fd(file: &File) -> u32 {
    file.as_raw_fd().cast_unsigned()
}

/// `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// `union bpf_attr` for `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct MapUpdate {
    map_fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// `union bpf_attr` for `BPF_PROG_LOAD`.
#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

/// `union bpf_attr` for `BPF_PROG_TEST_RUN`.
#[repr(C)]
#[derive(Default)]
struct TestRun {
    prog_fd: u32,
    retval: u32,
    data_size_in: u32,
    data_size_out: u32,
    data_in: u64,
    data_out: u64,
    repeat: u32,
    duration: u32,
    ctx_size_in: u32,
    ctx_size_out: u32,
    ctx_in: u64,
    ctx_out: u64,
    flags: u32,
    cpu: u32,
    batch_size: u32,
    /// The kernel takes no attribute whose end is not what it knows; bytes behind it must be zero.
    pad: u32,
}

fn bpf<A>(command: libc::c_int, attr: &mut A) -> io::Result<libc::c_long> {
    loop {
        // SAFETY: `attr` has the layout that the command asks for, and its pointers are alive.
        let result = unsafe { libc::syscall(libc::SYS_bpf, command, ptr::from_mut(attr), size_of::<A>()) };
        if result >= 0 {
            return Ok(result);
        }
        let error = io::Error::last_os_error();
        // The verifier says EAGAIN when a signal is pending.
        if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) {
            return Err(error);
        }
    }
}
