//! Programs in the kernel.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use skep_insn::RawInsn;
use skep_object::image::Func;
use skep_object::section::{ProgType, ProgramSection};

use crate::assemble;
use crate::error::{Error, Place};
use crate::options::Log;
use crate::pin;
use crate::sys::{self, ProgLoad};
use crate::verify::{Names, SLEEPABLE, load_with_log, refusal};

/// A program in the kernel. Closed when dropped; the kernel keeps it as long as it is attached or in a map.
#[derive(Debug)]
pub struct Prog {
    pub(crate) name: String,
    aliases: Vec<String>,
    pub(crate) section: String,
    ty: ProgType,
    fd: OwnedFd,
    log: String,
}

impl Prog {
    pub(crate) fn new(func: &Func, ty: ProgType, fd: OwnedFd, log: String) -> Prog {
        let (name, aliases, section) = (func.name.clone(), func.aliases.clone(), func.section.clone());
        Prog { name, aliases, section, ty, fd, log }
    }

    /// Loads bare code, as [`Object::symbol`](skep_object::Object) gives it: without maps, without types, without
    /// other functions than those that the code calls inside of itself.
    ///
    /// # Errors
    /// If the code is not a whole number of slots, or the kernel refuses it; then with its log.
    pub fn load_bytes(ty: ProgType, code: &[u8], license: &str) -> Result<Prog, Error> {
        let section = ty.to_string();
        let fail = |problem: String| Error::Program {
            program: "bytes".to_owned(),
            section: section.clone(),
            problem,
        };
        let code = RawInsn::slots(code, sys::HOST)
            .ok_or_else(|| fail(format!("it has {} bytes, expected a multiple of 8", code.len())))?;
        let license = CString::new(license).map_err(|_| Error::License { license: license.to_owned() })?;
        let mut request = ProgLoad { ty: ty.0, code: &code, license: &license, ..ProgLoad::default() };
        if ty == ProgType::SYSCALL {
            request.flags = SLEEPABLE;
        }
        let (result, log) = load_with_log(&request, Log::OnFailure);
        let place = |slot: u32| {
            let insn = assemble::text(code.get(slot as usize..)?);
            Some(Place { function: "bytes".to_owned(), slot, insn, line: None, text: String::new() })
        };
        let names = Names { name: "bytes", section: &section };
        let fd = result.map_err(|errno| refusal(&names, &request, errno, &log, &[], place))?;
        Ok(Prog { name: "bytes".to_owned(), aliases: Vec::new(), section, ty, fd, log })
    }

    /// A program that something else has loaded. Its section is not known.
    ///
    /// # Errors
    /// If the descriptor is not one of a program.
    pub fn from_fd(fd: OwnedFd) -> Result<Prog, Error> {
        let fail = |source| Error::Info { what: "a program".to_owned(), source };
        let info = sys::prog_info(fd.as_fd()).map_err(fail)?;
        let end = info.name.iter().position(|&byte| byte == 0).unwrap_or(info.name.len());
        let name = String::from_utf8_lossy(&info.name[..end]).into_owned();
        let (aliases, section, log) = (Vec::new(), String::new(), String::new());
        Ok(Prog { name, aliases, section, ty: ProgType(info.ty), fd, log })
    }

    /// A program that has a name in the BPF file system.
    ///
    /// # Errors
    /// If there is none at that path.
    pub fn open(path: impl AsRef<Path>) -> Result<Prog, Error> {
        Prog::from_fd(pin::open_existing(path.as_ref())?)
    }

    /// Its name in the image.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.iter().any(|alias| alias == name)
    }

    /// The section it came from.
    #[must_use]
    pub fn section(&self) -> &str {
        &self.section
    }

    /// What its section says; `None` if its type was given by hand.
    #[must_use]
    pub fn program_section(&self) -> Option<ProgramSection<'_>> {
        ProgramSection::parse(&self.section).filter(|section| section.ty == self.ty)
    }

    /// Its program type.
    #[must_use]
    pub fn ty(&self) -> ProgType {
        self.ty
    }

    /// The verifier's log of [`Log::Full`]; empty otherwise.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Its descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Gives it a name in the BPF file system, under which it lives on.
    ///
    /// # Errors
    /// If the path is not in a mounted BPF file system, or exists.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        pin::pin(self.fd(), path.as_ref())
    }

    /// What the kernel says about it.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn info(&self) -> Result<ProgInfo, Error> {
        let info = sys::prog_info(self.fd()).map_err(|source| self.info_error(source))?;
        Ok(ProgInfo {
            id: info.id,
            tag: info.tag,
            xlated_len: info.xlated_prog_len,
            native_len: info.jited_prog_len,
            verified_insns: info.verified_insns,
            run_count: info.run_cnt,
            run_time: Duration::from_nanos(info.run_time_ns),
            recursion_misses: info.recursion_misses,
        })
    }

    /// How many instructions the verifier has looked at, each as often as it came by.
    ///
    /// # Errors
    /// If the kernel does not tell.
    pub fn verified_insns(&self) -> Result<u32, Error> {
        Ok(self.info()?.verified_insns)
    }

    /// The program as the kernel has rewritten it.
    ///
    /// # Errors
    /// If the kernel does not tell; it takes CAP_PERFMON, and `kptr_restrict` may forbid it.
    pub fn xlated(&self) -> Result<Vec<RawInsn>, Error> {
        sys::prog_xlated(self.fd()).map_err(|source| self.info_error(source))
    }

    fn info_error(&self, source: io::Error) -> Error {
        Error::Info { what: format!("program '{}'", self.name), source }
    }
}

impl AsFd for Prog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What the kernel says about a program.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProgInfo {
    /// Its number in this kernel.
    pub id: u32,
    /// A hash of its instructions.
    pub tag: [u8; 8],
    /// Bytes of its code, as the kernel has rewritten it.
    pub xlated_len: u32,
    /// Bytes of its native code.
    pub native_len: u32,
    /// How many instructions the verifier has looked at, each as often as it came by; since Linux 5.16.
    pub verified_insns: u32,
    /// How often it ran, while `kernel.bpf_stats_enabled` was on.
    pub run_count: u64,
    /// How long it ran, while `kernel.bpf_stats_enabled` was on.
    pub run_time: Duration,
    /// How often it did not run because it was running already.
    pub recursion_misses: u64,
}
