//! Attaching programs.

mod file;
mod perf;

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use skep_btf::Kind;
use skep_object::image::FuncId;
use skep_object::nearest::did_you_mean;
use skep_object::section::{ProgType, ProgramSection, attach_type};

use crate::error::{Error, remedy};
use crate::pin;
use crate::prog::Prog;
use crate::select::Program;
use crate::struct_ops::StructOps;
use crate::sys::{self, MapFd};
use crate::vmlinux::KernelTypes;

/// A program that is attached, until this is dropped.
#[derive(Debug)]
pub struct Link {
    /// A bpf_link, or on old kernels the event itself, or a map that is registered.
    fd: OwnedFd,
    /// The event that the link is on.
    event: Option<OwnedFd>,
    /// The map of struct_ops without a link, whose only key is deleted in the end.
    registered: Option<MapFd>,
    program: String,
    section: String,
}

/// What a program can be attached to by hand.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Target<'a> {
    /// A tracepoint: category and name, `syscalls/sys_enter_openat`.
    Tracepoint(&'a str),
    /// A raw tracepoint: `sys_enter`.
    RawTracepoint(&'a str),
    /// A function of the kernel, where it is entered, or with `returns` where it is left.
    Kprobe {
        /// The function, or a place in it: `do_exit+0x10`.
        place: &'a str,
        /// Where it is left instead.
        returns: bool,
    },
    /// A place in a program or library, where it is reached, or with `returns` where the function there is left.
    Uprobe {
        /// The file; without a `/` in its name, it is looked for where programs and libraries are.
        file: &'a str,
        /// A function, a place in it, or in the file: `malloc`, `malloc+0x10`, `0x1234`.
        place: &'a str,
        /// Where the function is left instead.
        returns: bool,
        /// Only in this process; in all without it.
        pid: Option<u32>,
    },
    /// A network interface, by its index.
    Interface(u32),
    /// A control group, by its open directory.
    Cgroup(BorrowedFd<'a>),
    /// The network namespace of an open file as `/proc/self/ns/net`.
    NetNamespace(BorrowedFd<'a>),
    /// A perf event that was opened by hand.
    PerfEvent(BorrowedFd<'a>),
}

/// What a program is attached to, as far as loading asks for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttachTo {
    pub(crate) attach_type: u32,
    pub(crate) btf_id: u32,
}

/// What the sections of programs mean to this kernel when the programs are loaded.
pub(crate) fn resolve(
    programs: &[Program<'_>],
    struct_ops: &HashMap<FuncId, AttachTo>,
    kernel: &mut KernelTypes,
) -> Result<Vec<AttachTo>, Error> {
    let named = programs.iter().map(in_kernel_types).collect::<Result<Vec<_>, _>>()?;
    let wanted: Vec<(Kind, &str)> =
        named.iter().flatten().map(|(kind, name)| (*kind, name.as_str())).collect();
    let mut ids = if wanted.is_empty() { Vec::new() } else { kernel.find(&wanted)? }.into_iter();
    let mut resolved = Vec::with_capacity(programs.len());
    for (program, named) in programs.iter().zip(&named) {
        let section = &program.section;
        if section.ty == ProgType::STRUCT_OPS {
            let problem = "no variable in `.struct_ops` or `.struct_ops.link` points to it";
            let target = struct_ops.get(&program.id).copied();
            resolved.push(target.ok_or_else(|| fail(program, problem.to_owned()))?);
            continue;
        }
        let btf_id = match named.as_ref().map(|_| ids.next().flatten()) {
            Some(None) => return Err(no_target(program, kernel)),
            Some(Some(id)) => id.0,
            None => 0,
        };
        let number = section.attach.map_or(Some(0), attach_type);
        let attach_type = number.ok_or_else(|| {
            fail(program, format!("no kernel up to 6.18 has {}", section.attach.unwrap_or_default()))
        })?;
        resolved.push(AttachTo { attach_type, btf_id });
    }
    Ok(resolved)
}

fn fail(program: &Program<'_>, problem: String) -> Error {
    Error::Program { program: program.func.name.clone(), section: program.func.section.clone(), problem }
}

/// What the kernel's types call what a program is for, if it is to be found there.
fn in_kernel_types(program: &Program<'_>) -> Result<Option<(Kind, String)>, Error> {
    let section = &program.section;
    let Some((kind, prefix)) = btf_target(section) else {
        return match section.ty {
            ProgType::EXT => {
                let problem = "it replaces a function of another program, which cannot be named yet";
                Err(fail(program, problem.to_owned()))
            }
            _ => Ok(None),
        };
    };
    match section.target.filter(|target| !target.is_empty()) {
        Some(target) => Ok(Some((kind, format!("{prefix}{target}")))),
        None => Err(fail(program, format!("the section must name what to attach to: {}", example(section)))),
    }
}

fn no_target(program: &Program<'_>, kernel: &mut KernelTypes) -> Error {
    let section = &program.section;
    let (target, (kind, prefix)) =
        (section.target.unwrap_or_default(), btf_target(section).unwrap_or((Kind::Func, "")));
    let near = did_you_mean(&kernel.nearest(kind, prefix, target));
    fail(program, format!("the kernel has no {} '{target}'{near}", what(section)))
}

/// As what the kernel's types know the target of a section, if it is to be found there.
fn btf_target(section: &ProgramSection<'_>) -> Option<(Kind, &'static str)> {
    match (section.ty, section.attach) {
        (ProgType::TRACING, Some("BPF_TRACE_RAW_TP")) => Some((Kind::Typedef, "btf_trace_")),
        (ProgType::TRACING, Some("BPF_TRACE_ITER")) => Some((Kind::Func, "bpf_iter_")),
        (ProgType::TRACING, Some(_)) => Some((Kind::Func, "")),
        (ProgType::LSM, _) => Some((Kind::Func, "bpf_lsm_")),
        _ => None,
    }
}

fn what(section: &ProgramSection<'_>) -> &'static str {
    match (section.ty, section.attach) {
        (ProgType::TRACING, Some("BPF_TRACE_RAW_TP")) => "tracepoint",
        (ProgType::TRACING, Some("BPF_TRACE_ITER")) => "iterator",
        (ProgType::LSM, _) => "security hook",
        _ => "function",
    }
}

fn example(section: &ProgramSection<'_>) -> &'static str {
    match (section.ty, section.attach) {
        (ProgType::TRACING, Some("BPF_TRACE_RAW_TP")) => "`tp_btf/sched_switch`",
        (ProgType::TRACING, Some("BPF_TRACE_ITER")) => "`iter/task`",
        (ProgType::LSM, _) => "`lsm/file_open`",
        (ProgType::TRACEPOINT, _) => "`tracepoint/syscalls/sys_enter_openat`",
        (ProgType::RAW_TRACEPOINT | ProgType::RAW_TRACEPOINT_WRITABLE, _) => "`raw_tracepoint/sys_enter`",
        (ProgType::KPROBE, _) => "`kprobe/do_exit`, `uprobe/libc.so.6:malloc`",
        _ => "`fentry/vfs_read`",
    }
}

/// Attaches a program to what its section names.
pub(crate) fn by_section(prog: &Prog) -> Result<Link, Error> {
    let Some(section) = prog.program_section() else {
        return Err(cannot(prog, "its type was given by hand; say by `attach_to` where to attach it", None));
    };
    let target = section.target.filter(|target| !target.is_empty());
    match (section.ty, target) {
        (ProgType::TRACEPOINT, Some(target)) => to(prog, Target::Tracepoint(target)),
        (ProgType::RAW_TRACEPOINT | ProgType::RAW_TRACEPOINT_WRITABLE, Some(target)) => {
            to(prog, Target::RawTracepoint(target))
        }
        (ProgType::KPROBE, Some(target)) => perf::by_section(prog, &section, target),
        (ProgType::TRACING, _) if section.attach == Some("BPF_TRACE_ITER") => link(prog, 0, section.attach),
        (ProgType::TRACING, _) => as_loaded(prog),
        (ProgType::LSM, _) if section.attach == Some("BPF_LSM_MAC") => as_loaded(prog),
        (
            ProgType::TRACEPOINT
            | ProgType::RAW_TRACEPOINT
            | ProgType::RAW_TRACEPOINT_WRITABLE
            | ProgType::KPROBE,
            None,
        ) => Err(cannot(
            prog,
            &format!("the section must name what to attach to: {}", example(&section)),
            None,
        )),
        (ty, _) => Err(cannot(prog, &by_hand(ty), None)),
    }
}

/// Whether the section of a program says where to attach it.
pub(crate) fn is_by_section(prog: &Prog) -> bool {
    prog.program_section().is_some_and(|section| {
        let has_target = section.target.is_some_and(|target| !target.is_empty());
        match section.ty {
            ProgType::TRACEPOINT | ProgType::RAW_TRACEPOINT | ProgType::RAW_TRACEPOINT_WRITABLE => has_target,
            ProgType::KPROBE => has_target && section.attach.is_none(),
            ProgType::TRACING => true,
            ProgType::LSM => section.attach == Some("BPF_LSM_MAC"),
            _ => false,
        }
    })
}

/// Where programs can be attached whose sections do not say it.
fn by_hand(ty: ProgType) -> String {
    let to = match ty {
        ProgType::XDP | ProgType::SCHED_CLS => "`Target::Interface`",
        ProgType::PERF_EVENT => "`Target::PerfEvent`",
        ProgType::FLOW_DISSECTOR | ProgType::SK_LOOKUP => "`Target::NetNamespace`",
        ProgType::CGROUP_SKB
        | ProgType::CGROUP_SOCK
        | ProgType::CGROUP_SOCK_ADDR
        | ProgType::CGROUP_DEVICE
        | ProgType::CGROUP_SYSCTL
        | ProgType::CGROUP_SOCKOPT
        | ProgType::SOCK_OPS
        | ProgType::LSM => "`Target::Cgroup`",
        ProgType::STRUCT_OPS => return "attach the variable in `.struct_ops` that it belongs to".to_owned(),
        ProgType::SYSCALL => return "programs of this type are run, by `Prog::test_run`".to_owned(),
        _ => {
            return format!(
                "programs of type {ty} cannot be attached yet; tracepoints, raw tracepoints, probes, tp_btf, fentry, \
                 fexit, lsm and iter can"
            );
        }
    };
    format!("the section does not say where; use `attach_to` with {to}")
}

/// Attaches a program to a target.
pub(crate) fn to(prog: &Prog, target: Target<'_>) -> Result<Link, Error> {
    let attach = prog.program_section().and_then(|section| section.attach);
    let fits = |types: &[ProgType]| match types.contains(&prog.ty()) {
        true => Ok(()),
        false => Err(cannot(prog, &format!("programs of type {} cannot be attached there", prog.ty()), None)),
    };
    match target {
        Target::Tracepoint(name) => {
            fits(&[ProgType::TRACEPOINT])?;
            perf::tracepoint(prog, name)
        }
        Target::Kprobe { place, returns } => {
            fits(&[ProgType::KPROBE])?;
            perf::kprobe(prog, place, returns)
        }
        Target::Uprobe { file, place, returns, pid } => {
            fits(&[ProgType::KPROBE])?;
            perf::uprobe(prog, file, place, returns, pid)
        }
        Target::PerfEvent(event) => {
            fits(&[ProgType::PERF_EVENT, ProgType::KPROBE, ProgType::TRACEPOINT])?;
            let event = event
                .try_clone_to_owned()
                .map_err(|source| cannot(prog, "the event cannot be kept", Some(source)))?;
            perf::attach(prog, event)
        }
        Target::RawTracepoint(name) => {
            fits(&[ProgType::RAW_TRACEPOINT, ProgType::RAW_TRACEPOINT_WRITABLE])?;
            let c_name = c_string(prog, name)?;
            raw_tracepoint(prog, Some(&c_name)).map_err(|source| {
                let problem = match source.raw_os_error() {
                    Some(libc::ENOENT) => format!("the kernel has no raw tracepoint '{name}'"),
                    _ => format!("the kernel does not attach it to '{name}'{}", remedy(&source)),
                };
                cannot(prog, &problem, Some(source))
            })
        }
        Target::Interface(index) => {
            fits(&[ProgType::XDP, ProgType::SCHED_CLS])?;
            let attach =
                attach.or(Some(if prog.ty() == ProgType::XDP { "BPF_XDP" } else { "BPF_TCX_INGRESS" }));
            link(prog, index, attach)
        }
        Target::Cgroup(dir) => link(prog, sys::number(dir), attach.or(default_attach(prog.ty()))),
        Target::NetNamespace(file) => {
            fits(&[ProgType::FLOW_DISSECTOR, ProgType::SK_LOOKUP])?;
            link(prog, sys::number(file), attach)
        }
    }
}

/// The attach type of programs whose section does not name one.
fn default_attach(ty: ProgType) -> Option<&'static str> {
    match ty {
        ProgType::CGROUP_SKB => Some("BPF_CGROUP_INET_INGRESS"),
        ProgType::CGROUP_DEVICE => Some("BPF_CGROUP_DEVICE"),
        _ => None,
    }
}

/// Attaches a program to what it was loaded for.
fn as_loaded(prog: &Prog) -> Result<Link, Error> {
    raw_tracepoint(prog, None).map_err(|source| {
        let problem = match source.raw_os_error() {
            Some(libc::EPERM | libc::ESRCH | libc::EOPNOTSUPP | sys::ENOTSUPP) => {
                format!("this kernel does not attach programs there{}", remedy(&source))
            }
            Some(libc::EBUSY) => "something else is attached there".to_owned(),
            _ => format!("the kernel does not attach it{}", remedy(&source)),
        };
        cannot(prog, &problem, Some(source))
    })
}

fn raw_tracepoint(prog: &Prog, name: Option<&CStr>) -> io::Result<Link> {
    Ok(Link::new(prog, sys::raw_tracepoint_open(prog.fd(), name)?, None))
}

fn link(prog: &Prog, target: u32, attach: Option<&str>) -> Result<Link, Error> {
    let number = attach.and_then(attach_type).ok_or_else(|| cannot(prog, &by_hand(prog.ty()), None))?;
    let fd = sys::link_create(prog.fd(), target, number, 0, [0; 4]).map_err(|source| {
        let problem = match source.raw_os_error() {
            Some(libc::ENODEV) => "there is no such interface".to_owned(),
            Some(libc::EBUSY) => "something else is attached there".to_owned(),
            _ => format!("the kernel does not attach it{}", remedy(&source)),
        };
        cannot(prog, &problem, Some(source))
    })?;
    Ok(Link::new(prog, fd, None))
}

fn c_string(prog: &Prog, name: &str) -> Result<CString, Error> {
    CString::new(name).map_err(|_| cannot(prog, &format!("{name:?} has a zero byte in it"), None))
}

fn cannot(prog: &Prog, problem: &str, source: Option<io::Error>) -> Error {
    Error::Attach {
        program: prog.name.clone(),
        section: prog.section.clone(),
        problem: problem.to_owned(),
        source,
    }
}

impl Link {
    fn new(prog: &Prog, fd: OwnedFd, event: Option<OwnedFd>) -> Link {
        Link { fd, event, registered: None, program: prog.name.clone(), section: prog.section.clone() }
    }

    /// Hands struct_ops to the kernel.
    pub(crate) fn of_struct_ops(ops: &StructOps) -> Result<Link, Error> {
        let (program, section) = (ops.map().name().to_owned(), ".struct_ops".to_owned());
        let link = ops.register()?;
        let share = |source| ops.map().error("attach", source);
        let own = || ops.map().as_fd().try_clone_to_owned().map_err(share);
        match link {
            Some(fd) => Ok(Link { fd, event: None, registered: None, program, section }),
            None => {
                let registered = MapFd::new(own()?, 4, ops.map().value_size()).map_err(share)?;
                Ok(Link { fd: own()?, event: None, registered: Some(registered), program, section })
            }
        }
    }

    /// Which program is attached.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// A file that the program of an iterator (`iter/task`) writes as it is read.
    ///
    /// # Errors
    /// If it is no iterator.
    pub fn iter(&self) -> Result<File, Error> {
        sys::iter_create(self.fd.as_fd()).map(File::from).map_err(|source| Error::Attach {
            program: self.program.clone(),
            section: self.section.clone(),
            problem: "it is no iterator that can be read".to_owned(),
            source: Some(source),
        })
    }

    /// Gives it a name in the BPF file system, under which the program stays attached.
    ///
    /// # Errors
    /// If the path is not in a mounted BPF file system, or exists; or if links of this sort cannot be kept.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        pin::pin(self.fd.as_fd(), path.as_ref())
    }

    /// Detaches the program, also where others hold the link too, as by a name in the BPF file system.
    ///
    /// # Errors
    /// If links of this sort cannot be detached but by dropping them.
    pub fn detach(self) -> Result<(), Error> {
        if self.registered.is_some() {
            // Dropping it does all there is to do.
            return Ok(());
        }
        sys::link_detach(self.fd.as_fd()).map_err(|source| Error::Attach {
            program: self.program.clone(),
            section: self.section.clone(),
            problem: "a link of this sort lasts until nobody holds it".to_owned(),
            source: Some(source),
        })
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(map) = &self.registered {
            // It may have been deleted by others; there is nobody to tell.
            let _ = map.delete(&[0; 4]);
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
