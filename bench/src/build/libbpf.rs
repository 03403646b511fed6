//! libbpf as the judge of objects: loads one program of an object into the kernel and says what that took.
#![expect(unsafe_code, reason = "calls a C library that is opened at run time, and bpf(2)")]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};
use std::ptr::{null, null_mut};

use skep::insn::{Endian, RawInsn};

use super::figures::Size;
use crate::dl::{Library, functions};

/// What the kernel's verifier did with a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verified {
    /// The program's code with all that it calls.
    pub(crate) size: Size,
    /// Instructions that the verifier went through.
    pub(crate) processed: u64,
}

enum Object {}
enum Program {}

functions! {
    struct Api {
        fn libbpf_set_print(*const c_void) -> *const c_void;
        fn bpf_object__open_mem(*const c_void, usize, *const c_void) -> *mut Object;
        fn bpf_object__next_program(*const Object, *mut Program) -> *mut Program;
        fn bpf_object__load(*mut Object) -> c_int;
        fn bpf_object__close(*mut Object);
        fn bpf_program__name(*const Program) -> *const c_char;
        fn bpf_program__set_autoload(*mut Program, bool) -> c_int;
        fn bpf_program__fd(*const Program) -> c_int;
        fn bpf_program__insns(*const Program) -> *const [u8; 8];
        fn bpf_program__insn_cnt(*const Program) -> usize;
        fn bpf_program__set_log_level(*mut Program, u32) -> c_int;
        fn bpf_program__set_log_buf(*mut Program, *mut c_char, usize) -> c_int;
    }
}

/// The library.
pub(crate) struct Libbpf(Api);

/// Room for what the verifier says about a program that it refuses.
const LOG_BYTES: usize = 16 << 20;

impl Libbpf {
    /// Opens it.
    ///
    /// # Errors
    /// It is not installed, or too old.
    pub(crate) fn open() -> Result<Self, String> {
        let library = Library::open(&["libbpf.so.1"])?;
        // SAFETY: declared as in libbpf.h, version 1.
        let api = unsafe { Api::load(&library)? };
        // SAFETY: null switches messages off; the refusals are read from the program's own log.
        unsafe { (api.libbpf_set_print)(null()) };
        Ok(Self(api))
    }

    /// Loads one program of an object, alone, and unloads it.
    ///
    /// # Errors
    /// libbpf or the kernel refuses it: the verifier's last words.
    pub(crate) fn load(&self, object: &[u8], program: &str) -> Result<Verified, String> {
        self.try_load(object, program, None).map_err(|errno| {
            let mut log = vec![0; LOG_BYTES];
            match self.try_load(object, program, Some(&mut log)) {
                Ok(_) => format!("loads only on the second try; first {errno}"),
                Err(errno) => match last_words(&log) {
                    Some(words) => format!("{errno}: {words}"),
                    None => errno,
                },
            }
        })
    }

    fn try_load(&self, object: &[u8], name: &str, log: Option<&mut [u8]>) -> Result<Verified, String> {
        let api = &self.0;
        // SAFETY: the bytes live through the call; no options.
        let object = unsafe { (api.bpf_object__open_mem)(object.as_ptr().cast(), object.len(), null()) };
        if object.is_null() {
            return Err(format!("libbpf reads no object: {}", std::io::Error::last_os_error()));
        }
        let object = Open { api, object };
        let wanted = CString::new(name).map_err(|e| e.to_string())?;
        let mut found = null_mut();
        let mut program = null_mut();
        loop {
            // SAFETY: the object is open, `program` null or one of its programs.
            program = unsafe { (api.bpf_object__next_program)(object.object, program) };
            if program.is_null() {
                break;
            }
            // SAFETY: a program has a name, a string.
            let this = unsafe { CStr::from_ptr((api.bpf_program__name)(program)) } == wanted.as_c_str();
            // SAFETY: the object is not loaded yet.
            unsafe { (api.bpf_program__set_autoload)(program, this) };
            if this {
                found = program;
            }
        }
        if found.is_null() {
            return Err(format!("no program '{name}'"));
        }
        if let Some(log) = log {
            // SAFETY: the buffer outlives the object, which is closed when this function returns.
            unsafe {
                (api.bpf_program__set_log_buf)(found, log.as_mut_ptr().cast(), log.len());
                (api.bpf_program__set_log_level)(found, 1);
            }
        }
        // SAFETY: the object is open and not loaded yet.
        let failed = unsafe { (api.bpf_object__load)(object.object) };
        if failed != 0 {
            return Err(std::io::Error::from_raw_os_error(-failed).to_string());
        }
        // SAFETY: the program is loaded; its instructions live as long as the object.
        let (fd, code) = unsafe {
            let slots = (api.bpf_program__insn_cnt)(found);
            let code = std::slice::from_raw_parts((api.bpf_program__insns)(found), slots);
            ((api.bpf_program__fd)(found), code)
        };
        let code: Vec<RawInsn> = code.iter().map(|&slot| RawInsn::from_bytes(slot, Endian::Little)).collect();
        Ok(Verified { size: Size::of(&code), processed: processed(fd)? })
    }
}

/// Closes the object, and with it what it loaded.
struct Open<'a> {
    api: &'a Api,
    object: *mut Object,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        // SAFETY: opened by `try_load`, and nothing of it is used any more.
        unsafe { (self.api.bpf_object__close)(self.object) };
    }
}

/// `verified_insns` of a loaded program.
fn processed(fd: c_int) -> Result<u64, String> {
    const BPF_OBJ_GET_INFO_BY_FD: c_long = 15;
    /// Bytes of `struct bpf_prog_info` that we ask for, and where its `verified_insns` is (since Linux 5.16).
    const INFO_BYTES: usize = 232;
    const VERIFIED_INSNS: usize = 216;
    let mut info = [0u8; INFO_BYTES];
    #[repr(C)]
    struct Attr {
        fd: u32,
        len: u32,
        info: u64,
    }
    let address = info.as_mut_ptr().expose_provenance();
    let mut attr = Attr {
        fd: fd.cast_unsigned(),
        len: INFO_BYTES.try_into().expect("a small number"),
        info: address.try_into().expect("64 bits hold an address"),
    };
    // SAFETY: the kernel writes at most `len` bytes to `info`.
    let failed =
        unsafe { libc::syscall(libc::SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &raw mut attr, size_of::<Attr>()) };
    if failed != 0 {
        return Err(format!("BPF_OBJ_GET_INFO_BY_FD: {}", std::io::Error::last_os_error()));
    }
    let count: [u8; 4] = info[VERIFIED_INSNS..][..4].try_into().expect("four bytes");
    Ok(u32::from_ne_bytes(count).into())
}

/// The last line of the log before its statistics.
fn last_words(log: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(log.split(|&b| b == 0).next()?).into_owned();
    let line = text.lines().rev().find(|line| !line.is_empty() && !line.starts_with("processed "))?;
    Some(line.to_owned())
}
