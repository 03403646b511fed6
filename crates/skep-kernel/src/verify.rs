//! Programs and the verifier: loading them, and why it refuses them.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

use skep_object::Image;

use crate::assemble::{self, Addresses};
use crate::attach::AttachTo;
use crate::error::{Error, Place, Refusal};
use crate::explain;
use crate::log::{TAIL, WHOLE, conclude, with_log};
use crate::maps::kernel_name;
use crate::options::{Log, Options};
use crate::prog::Prog;
use crate::select::Program;
use crate::sys::{self, ProgLoad};
use crate::types::{TypeSet, Types};

/// Flags of a program.
pub(crate) const SLEEPABLE: u32 = 1 << 4;
const XDP_HAS_FRAGS: u32 = 1 << 5;

/// Level of the log that tells the way to a refusal, and of one that tells everything.
const LOG_STEPS: u32 = 1;
const LOG_ALL: u32 = 2;

/// Loads a program of an image.
pub(crate) fn load(
    program: &Program<'_>,
    attach_to: AttachTo,
    addresses: &Addresses<'_>,
    types: &Types<'_>,
    license: &CStr,
    options: &Options,
) -> Result<Prog, Error> {
    let (image, func) = (addresses.image, program.func);
    let assembled = assemble::program(program, addresses)?;
    let flag = |is: bool, flag| if is { flag } else { 0 };
    let request = ProgLoad {
        ty: program.section.ty.0,
        code: &assembled.code,
        license,
        flags: flag(program.section.sleepable, SLEEPABLE) | flag(program.section.frags, XDP_HAS_FRAGS),
        name: kernel_name(&options.name_prefix, &func.name),
        attach_type: attach_to.attach_type,
        attach_btf_id: attach_to.btf_id,
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
    Ok(Prog::new(func, program.section.ty, fd, log))
}

/// Whether the kernel verifies a part of the program alone, by what its type says.
fn has_global_subprograms(image: &Image, program: &Program<'_>) -> bool {
    program.parts.iter().skip(1).any(|&id| image.func(id).exported)
}

/// Loads without a log, and once more with one if that fails.
pub(crate) fn load_with_log(request: &ProgLoad<'_>, log: Log) -> (io::Result<OwnedFd>, String) {
    let without = || sys::prog_load(request, 0, &mut []).0;
    if log == Log::Full {
        let (result, log) = with_log(WHOLE, |log| sys::prog_load(request, LOG_ALL, log));
        // A log that is too long even so is no reason of its own.
        return (if is_too_long(&result) { without() } else { result }, log);
    }
    match without() {
        Err(error) if log != Log::Never && may_have_log(&error) => {
            // What is too complex has a log as long, of which nobody wants to see the beginning.
            let room = if error.raw_os_error() == Some(libc::E2BIG) { TAIL } else { WHOLE };
            let (again, log) = with_log(room, |log| sys::prog_load(request, LOG_STEPS, log));
            match again {
                Ok(fd) => (Ok(fd), String::new()),
                again if is_too_long(&again) => (Err(error), log),
                again => (again, log),
            }
        }
        result => (result, String::new()),
    }
}

fn is_too_long(result: &io::Result<OwnedFd>) -> bool {
    matches!(result, Err(error) if error.raw_os_error() == Some(libc::ENOSPC))
}

/// What the kernel says before it looks at the code.
fn may_have_log(error: &io::Error) -> bool {
    !matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EMFILE | libc::ENFILE))
}

/// What a refused program is called.
pub(crate) struct Names<'a> {
    pub(crate) name: &'a str,
    pub(crate) section: &'a str,
}

/// The error for a refused program; `place` tells where an instruction of it comes from.
pub(crate) fn refusal(
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
