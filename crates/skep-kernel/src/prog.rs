//! Programs in the kernel.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use skep_insn::RawInsn;
use skep_object::Image;
use skep_object::section::{ProgType, ProgramSection, attach_type};

use crate::assemble::{self, Addresses};
use crate::attach::{self, AttachTo};
use crate::error::{Error, Place, Refusal};
use crate::explain;
use crate::log::{TAIL, WHOLE, conclude, with_log};
use crate::maps::kernel_name;
use crate::options::{Log, Options};
use crate::select::Program;
use crate::sys::{self, ProgLoad};
use crate::types::{TypeSet, Types};
use crate::vmlinux::KernelTypes;

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

const SLEEPABLE: u32 = 1 << 4;
const XDP_HAS_FRAGS: u32 = 1 << 5;

/// Level of the log that tells the way to a refusal, and of one that tells everything.
const LOG_STEPS: u32 = 1;
const LOG_ALL: u32 = 2;

/// Loads a program of an image.
pub(crate) fn load(
    program: &Program<'_>,
    addresses: &Addresses<'_>,
    types: &Types<'_>,
    license: &CStr,
    options: &Options,
    kernel: &mut KernelTypes,
) -> Result<Prog, Error> {
    let (image, func) = (addresses.image, program.func);
    let assembled = assemble::program(program, addresses)?;
    let AttachTo { attach_type, btf_id } = attach::resolve(program, kernel)?;
    let flag = |is: bool, flag| if is { flag } else { 0 };
    let request = ProgLoad {
        ty: program.section.ty.0,
        code: &assembled.code,
        license,
        flags: flag(program.section.sleepable, SLEEPABLE) | flag(program.section.frags, XDP_HAS_FRAGS),
        name: kernel_name(&options.name_prefix, &func.name),
        attach_type,
        attach_btf_id: btf_id,
        ..ProgLoad::default()
    };
    let with = |set: Option<&TypeSet>| {
        let records = set.map(|set| assembled.records(image, set.about())).unwrap_or_default();
        let btf = set.map(TypeSet::fd);
        load_with_log(
            &ProgLoad { btf, func_info: &records.funcs, line_info: &records.lines, ..request },
            options.log,
        )
    };
    let (mut result, mut log) = with(types.set());
    if result.is_err()
        && has_global_subprograms(image, program)
        && let Some(plain) = types.plain()
    {
        // What is wrong with it even so is more to the point.
        (result, log) = with(Some(plain));
        if result.is_ok() {
            types.remark(format!(
                "program '{}': its global functions are verified in their callers, since alone they are refused",
                func.name
            ));
        }
    }
    let fd = result.map_err(|errno| {
        let place = |slot| assembled.place(image, slot);
        refusal(
            &Names { name: &func.name, section: &func.section },
            &request,
            errno,
            &log,
            &types.remarks(),
            place,
        )
    })?;
    Ok(Prog {
        name: func.name.clone(),
        aliases: func.aliases.clone(),
        section: func.section.clone(),
        ty: program.section.ty,
        fd,
        log,
    })
}

/// Whether the kernel verifies a part of the program alone, by what its type says.
fn has_global_subprograms(image: &Image, program: &Program<'_>) -> bool {
    program.parts.iter().skip(1).any(|&id| image.func(id).exported)
}

/// Loads without a log, and once more with one if that fails.
fn load_with_log(request: &ProgLoad<'_>, log: Log) -> (io::Result<OwnedFd>, String) {
    if log == Log::Full {
        return with_log(WHOLE, |log| sys::prog_load(request, LOG_ALL, log));
    }
    match sys::prog_load(request, 0, &mut []).0 {
        Err(error) if log != Log::Never && may_have_log(&error) => {
            // What is too complex has a log as long, of which nobody wants to see the beginning.
            let room = if error.raw_os_error() == Some(libc::E2BIG) { TAIL } else { WHOLE };
            let (again, log) = with_log(room, |log| sys::prog_load(request, LOG_STEPS, log));
            // A log that is too long even so is no reason of its own.
            match again {
                Err(again) if again.raw_os_error() != Some(libc::ENOSPC) => (Err(again), log),
                Err(_) => (Err(error), log),
                Ok(fd) => (Ok(fd), String::new()),
            }
        }
        result => (result, String::new()),
    }
}

/// What the kernel says before it looks at the code.
fn may_have_log(error: &io::Error) -> bool {
    !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EMFILE | libc::ENFILE))
}

/// What a refused program is called.
struct Names<'a> {
    name: &'a str,
    section: &'a str,
}

fn refusal(
    names: &Names<'_>,
    request: &ProgLoad<'_>,
    errno: io::Error,
    log: &str,
    remarks: &[String],
    place: impl Fn(u32) -> Option<Place>,
) -> Error {
    let conclusion = conclude(log);
    Error::Refused(Box::new(Refusal {
        program: names.name.to_owned(),
        section: names.section.to_owned(),
        place: conclusion.slot.and_then(place),
        reason: conclusion.reason,
        remedy: explain::remedy(request, &errno, log, remarks),
        log: log.to_owned(),
        errno,
    }))
}

impl Prog {
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

/// The number of an attach type by its name, where it has one.
pub(crate) fn attach_number(name: Option<&str>) -> Option<u32> {
    name.map_or(Some(0), attach_type)
}
