//! The same source as machine code: the measure of all others.
#![expect(unsafe_code, reason = "loads a shared object and calls into it")]

use std::error::Error;
use std::ffi::{CString, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Contender, Loaded};
use crate::dl;
use crate::flat::Flat;
use crate::programs::{Cpu, Program};

/// clang -O2, called by a pointer.
pub(crate) struct Native;

impl Contender for Native {
    fn name(&self) -> &'static str {
        "native"
    }

    fn about(&self) -> String {
        "clang -O2 for this machine's baseline".into()
    }

    fn cpu(&self) -> Option<Cpu> {
        None
    }

    fn load(&self, program: &Program) -> Result<Box<dyn Loaded>, Box<dyn Error>> {
        Ok(Box::new(Library::open(&program.native)?))
    }

    fn load_bare(&self, _: &Flat) -> Option<Result<Box<dyn Loaded>, Box<dyn Error>>> {
        None
    }
}

struct Library {
    handle: *mut c_void,
    run: extern "C" fn(*mut u8, u64) -> u64,
}

impl Library {
    fn open(path: &Path) -> Result<Self, String> {
        let name = CString::new(path.as_os_str().as_bytes()).map_err(|e| e.to_string())?;
        // SAFETY: the object was made by us from a source that has no constructors.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            return Err(dl::error());
        }
        // SAFETY: the handle is open.
        let run = unsafe { libc::dlsym(handle, c"run".as_ptr()) };
        if run.is_null() {
            return Err(dl::error());
        }
        // SAFETY: `run` of every program has this signature; prog.h declares it.
        let run = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(*mut u8, u64) -> u64>(run) };
        Ok(Self { handle, run })
    }
}

impl Loaded for Library {
    fn run(&mut self, mem: &mut [u8]) -> Result<u64, Box<dyn Error>> {
        Ok((self.run)(mem.as_mut_ptr(), u64::try_from(mem.len())?))
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: opened by `open`, and nothing of it is used any more.
        unsafe { libc::dlclose(self.handle) };
    }
}
