//! Programs on perf events: tracepoints and probes.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use skep_object::nearest::{did_you_mean, nearest};
use skep_object::section::{ProgramSection, attach_type};

use super::{Link, c_string, cannot, file};
use crate::error::{Error, remedy};
use crate::prog::Prog;
use crate::sys::{self, PerfEvent};

/// `PERF_TYPE_TRACEPOINT`
const TYPE_TRACEPOINT: u32 = 2;

/// Where the file system of tracepoints is mounted, if it is.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Attaches a program to a tracepoint, of which `name` tells category and name.
pub(super) fn tracepoint(prog: &Prog, name: &str) -> Result<Link, Error> {
    let Some((category, event)) = name.split_once('/').filter(|(_, event)| !event.contains('/')) else {
        let problem = format!(
            "'{name}' names no tracepoint, expected a category and a name: `syscalls/sys_enter_openat`"
        );
        return Err(cannot(prog, &problem, None));
    };
    let Some(events) = TRACEFS.iter().map(|dir| Path::new(dir).join("events")).find(|dir| dir.is_dir())
    else {
        let problem = "tracefs is not mounted; `mount -t tracefs tracefs /sys/kernel/tracing` does it";
        return Err(cannot(prog, problem, None));
    };
    let path = events.join(category).join(event).join("id");
    let id = read_number(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => {
            let problem = format!("the kernel has no tracepoint '{name}'{}", near(&events, category, event));
            cannot(prog, &problem, None)
        }
        io::ErrorKind::PermissionDenied => {
            cannot(prog, &format!("{} cannot be read; it takes root", path.display()), Some(source))
        }
        _ => cannot(prog, &format!("{} does not tell the tracepoint's number", path.display()), Some(source)),
    })?;
    let event = PerfEvent { ty: TYPE_TRACEPOINT, config: id, sample_period: 1, ..PerfEvent::default() };
    // The program runs on every CPU, whichever the event is for.
    let fd = sys::perf_event_open(&event, None, Some(0)).map_err(|source| no_event(prog, source))?;
    attach(prog, fd)
}

/// Names like one that does not exist: of the same category, or categories.
fn near(events: &Path, category: &str, event: &str) -> String {
    let names = |dir: PathBuf| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    };
    let in_category = names(events.join(category));
    let found = if in_category.is_empty() {
        nearest(category, names(events.to_path_buf()).iter().map(String::as_str))
    } else {
        nearest(event, in_category.iter().map(String::as_str))
    };
    did_you_mean(&found)
}

/// Attaches a program to the function or the place in a file that its section names.
pub(super) fn by_section(prog: &Prog, section: &ProgramSection<'_>, target: &str) -> Result<Link, Error> {
    let sort = prog.section.trim_start_matches('?').split(['/', '.']).next().unwrap_or_default();
    let returns = sort.starts_with("kret") || sort.starts_with("uret");
    match (sort, section.attach) {
        ("kprobe" | "kretprobe", None) => kprobe(prog, target, returns),
        ("uprobe" | "uretprobe", None) => match target.rsplit_once(':') {
            Some((file, place)) => uprobe(prog, file, place, returns, None),
            None => Err(cannot(
                prog,
                "the section must name a file and a place in it: `uprobe/libc.so.6:malloc`, `uprobe//bin/sh:0x1234`",
                None,
            )),
        },
        _ => Err(cannot(
            prog,
            "programs of this section cannot be attached yet; kprobe, kretprobe, uprobe and uretprobe can",
            None,
        )),
    }
}

/// Attaches a program to a function of the kernel.
pub(super) fn kprobe(prog: &Prog, target: &str, returns: bool) -> Result<Link, Error> {
    let Some((function, offset)) = place(target) else {
        let problem =
            format!("'{target}' names no function of the kernel, or place in one, as `do_exit+0x10`");
        return Err(cannot(prog, &problem, None));
    };
    probe(prog, "kprobe", function, offset, returns, None)
}

/// Attaches a program to a place in a file.
pub(super) fn uprobe(
    prog: &Prog,
    file: &str,
    place: &str,
    returns: bool,
    pid: Option<u32>,
) -> Result<Link, Error> {
    let (path, offset) = place_in_file(file, place).map_err(|problem| cannot(prog, &problem, None))?;
    probe(prog, "uprobe", &path, offset, returns, pid)
}

/// A file, and a place in it: an offset, or a function, and a distance from it.
fn place_in_file(file: &str, at: &str) -> Result<(String, u64), String> {
    let path = file::find(file)?;
    let offset = match (number(at), place(at)) {
        (Some(offset), _) => offset,
        (None, Some((function, distance))) => file::offset(&path, function)?.saturating_add(distance),
        (None, None) => {
            return Err(format!(
                "'{at}' is no place in a file, expected a function, as `malloc+0x10`, or an offset"
            ));
        }
    };
    let path = path.into_os_string().into_string().map_err(|path| format!("{path:?} is not UTF-8"))?;
    Ok((path, offset))
}

/// A name and a distance: `do_exit+0x10`.
fn place(text: &str) -> Option<(&str, u64)> {
    match text.split_once('+') {
        Some((name, offset)) => Some((name, number(offset)?)),
        None => Some((text, 0)),
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Attaches a program to a probe of the kernel (`kprobe`) or of a file (`uprobe`), of one process or of all.
fn probe(
    prog: &Prog,
    sort: &str,
    target: &str,
    offset: u64,
    returns: bool,
    pid: Option<u32>,
) -> Result<Link, Error> {
    let source_dir = Path::new("/sys/bus/event_source/devices").join(sort);
    let ty = read_number(&source_dir.join("type")).ok().and_then(|ty| u32::try_from(ty).ok());
    let Some(ty) = ty else {
        let problem =
            format!("this kernel has no perf events for {sort}s (CONFIG_{}_EVENTS)", sort.to_uppercase());
        return Err(cannot(prog, &problem, None));
    };
    let name = c_string(prog, target)?;
    let config = if returns { 1 << return_bit(&source_dir) } else { 0 };
    let event = PerfEvent { ty, config, probe: Some(&name), offset, ..PerfEvent::default() };
    let cpu = if pid.is_some() { None } else { Some(0) };
    let fd = sys::perf_event_open(&event, pid, cpu).map_err(|source| match source.raw_os_error() {
        Some(libc::ENOENT) if sort == "kprobe" => {
            cannot(prog, &format!("the kernel has no function '{target}'"), Some(source))
        }
        Some(libc::ENOENT) => cannot(prog, &format!("there is no file '{target}'"), Some(source)),
        _ => no_event(prog, source),
    })?;
    attach(prog, fd)
}

/// Which bit of `config` says that it is about returns: `config:0`.
fn return_bit(source: &Path) -> u32 {
    let format = fs::read_to_string(source.join("format/retprobe")).unwrap_or_default();
    format
        .trim()
        .strip_prefix("config:")
        .and_then(|bit| bit.parse().ok())
        .filter(|&bit| bit < 64)
        .unwrap_or(0)
}

fn no_event(prog: &Prog, source: io::Error) -> Error {
    cannot(prog, &format!("the kernel does not open the event{}", remedy(&source)), Some(source))
}

/// Attaches a program to an event, and starts it.
pub(super) fn attach(prog: &Prog, event: OwnedFd) -> Result<Link, Error> {
    let number = attach_type("BPF_PERF_EVENT").unwrap_or_default();
    let linked = sys::link_create(prog.fd(), sys::number(event.as_fd()), number, 0, [0; 4]);
    let fail = |source: io::Error| {
        cannot(prog, &format!("the kernel does not attach it to the event{}", remedy(&source)), Some(source))
    };
    let link = match linked {
        Ok(link) => Link::new(prog, link, Some(event)),
        // Before Linux 5.15 there are no such links.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            sys::perf_event_set_bpf(event.as_fd(), prog.fd()).map_err(fail)?;
            Link::new(prog, event, None)
        }
        Err(error) => return Err(fail(error)),
    };
    let event = link.event.as_ref().map_or(link.fd.as_fd(), AsFd::as_fd);
    sys::perf_event_enable(event).map_err(fail)?;
    Ok(link)
}

fn read_number(path: &Path) -> io::Result<u64> {
    fs::read_to_string(path)?.trim().parse().map_err(io::Error::other)
}
