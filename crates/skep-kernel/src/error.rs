//! What can go wrong between an image and the kernel.

use std::fmt;
use std::io;

use skep_object::check::Broken;
use skep_object::nearest::did_you_mean;

use crate::btf::TypesRefused;

/// Why something could not be loaded, run, read or attached.
///
/// `Display` says where, what was expected and the remedy; `source` is what the kernel said.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The image breaks a promise; the linker makes none that do.
    #[error("the image is damaged")]
    Image(#[source] Broken),
    /// The image is for machines of the other byte order.
    #[error("the image is {found}, this machine is {host}: assemble or compile it for the target `{}`", if *host == "little-endian" { "bpfel" } else { "bpfeb" })]
    Endian {
        /// Byte order of the image.
        found: &'static str,
        /// Byte order of this machine.
        host: &'static str,
    },
    /// The licence is no C string.
    #[error("the licence {license:?} has a zero byte in it")]
    License {
        /// The licence.
        license: String,
    },
    /// Something of that name does not exist.
    #[error("no {what} '{name}'{}{}", did_you_mean(near), list(there))]
    NoSuch {
        /// What: a function, a program, a map, a variable.
        what: &'static str,
        /// Its name.
        name: String,
        /// The names nearest to it.
        near: Vec<String>,
        /// All names, if they are few.
        there: Vec<String>,
    },
    /// The kernel does not make or change a map.
    #[error("cannot {doing} map '{map}' ({shape}){remedy}")]
    Map {
        /// Its name.
        map: String,
        /// What failed: create, read, write, freeze, ...
        doing: &'static str,
        /// Type and sizes.
        shape: String,
        /// What to do about it, behind a semicolon; or nothing.
        remedy: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A map cannot be what its definition says.
    #[error("map '{map}': {problem}")]
    MapDefinition {
        /// Its name.
        map: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A key or value has another size than the map's.
    #[error("{what} of map '{map}' ({shape}) is {found} bytes, expected {expected}{hint}")]
    Size {
        /// Its name.
        map: String,
        /// Type and sizes.
        shape: String,
        /// Key or value.
        what: &'static str,
        /// Size of what was given, with its type if it has one.
        found: String,
        /// Size that the map has.
        expected: usize,
        /// More about it, or nothing.
        hint: &'static str,
    },
    /// What is there is no value of the type that was asked for.
    #[error("{what} is no value of its type")]
    Value {
        /// A key or value of a map, or a variable.
        what: String,
        /// What is wrong with the bytes.
        source: Box<skep_btf::Error>,
    },
    /// A data section cannot be given to programs.
    #[error("data section '{section}': {problem}")]
    Data {
        /// Its name.
        section: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// A program refers to something that the kernel does not have.
    #[error("'{name}' is needed by '{function}', but {problem}")]
    Import {
        /// What is missing.
        name: String,
        /// A function that refers to it.
        function: String,
        /// Why, and what to do.
        problem: String,
    },
    /// The kernel does not say which types it has.
    #[error("cannot read the kernel's types from {path}; the kernel needs CONFIG_DEBUG_INFO_BTF")]
    KernelTypes {
        /// Where they should be.
        path: &'static str,
        /// What reading said.
        source: io::Error,
    },
    /// A program cannot be made of a function.
    #[error("program '{program}' (section '{section}'): {problem}")]
    Program {
        /// Its name.
        program: String,
        /// Its section.
        section: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The kernel refuses a program.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The kernel refuses types.
    #[error("the kernel refuses the types (BTF): {0}{remedy}", remedy = .0.remedy())]
    Types(Box<TypesRefused>),
    /// Bytes are no ELF object.
    #[error("cannot read the symbols: {problem}")]
    Elf {
        /// What is wrong.
        problem: String,
    },
    /// A program cannot be attached.
    #[error("cannot attach program '{program}' (section '{section}'): {problem}")]
    Attach {
        /// Its name.
        program: String,
        /// Its section.
        section: String,
        /// What is wrong and what to do.
        problem: String,
        /// What the kernel said, if it was asked.
        source: Option<io::Error>,
    },
    /// A program cannot be run.
    #[error("cannot run program '{program}' ({ty}){remedy}")]
    Run {
        /// Its name.
        program: String,
        /// Its program type.
        ty: String,
        /// What to do about it, behind a semicolon; or nothing.
        remedy: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel does not tell about a program or map.
    #[error("cannot ask the kernel about {what}")]
    Info {
        /// About what.
        what: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Something cannot be pinned, or opened where it was.
    #[error(
        "cannot {doing} '{path}'; it must be in a mounted BPF file system (`mount -t bpf bpf /sys/fs/bpf`)"
    )]
    Pin {
        /// What failed.
        doing: &'static str,
        /// Where.
        path: String,
        /// What the kernel said.
        source: io::Error,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!("; there are: {}", names.join(", ")) }
}

/// Why the kernel refuses a program, and where.
#[derive(Debug)]
pub struct Refusal {
    /// The program.
    pub program: String,
    /// Its section.
    pub section: String,
    /// The instruction that the verifier looked at last.
    pub place: Option<Place>,
    /// The kernel's words, without the steps that led there; empty if it said nothing.
    pub reason: String,
    /// What to do about it; empty if that is not known.
    pub remedy: String,
    /// The whole log of the verifier.
    pub log: String,
    /// What the system call said.
    pub errno: io::Error,
}

/// An instruction of a loaded program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The function that it stands in.
    pub function: String,
    /// Where in that function, in slots.
    pub slot: u32,
    /// The instruction as text.
    pub insn: String,
    /// File and line, if they are known.
    pub line: Option<(String, u32)>,
    /// The line itself, if it is known.
    pub text: String,
}

/// `main+0x30: r0 = *(u64 *)(r0 + 0x0)`, and before it, in a line of its own, the source.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((file, line)) = &self.line {
            write!(f, "{file}:{line}: {}\n    at ", self.text)?;
        }
        write!(f, "{}+{:#x}: {}", self.function, u64::from(self.slot) * 8, self.insn)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel refuses program '{}' (section '{}'): ", self.program, self.section)?;
        if self.reason.is_empty() {
            write!(f, "{}", self.errno)?
        } else {
            f.write_str(&self.reason)?
        };
        if let Some(place) = &self.place {
            write!(f, "\n    at {place}")?;
        }
        if !self.remedy.is_empty() {
            write!(f, "\n    remedy: {}", self.remedy)?;
        }
        Ok(())
    }
}

/// What to do about an error of a system call that made or loaded something, behind a semicolon; or nothing.
pub(crate) fn remedy(error: &io::Error) -> String {
    let remedy = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => return format!("; {}", privileges()),
        Some(libc::ENOSYS) => "; this kernel has no bpf(2)",
        Some(libc::ENOMEM) => "; there is not enough memory, or the limit of the memory cgroup is reached",
        Some(libc::EMFILE) => "; this process has too many open files (`ulimit -n`)",
        _ => "",
    };
    remedy.to_owned()
}

/// What a process needs that may do everything here, and for what; by the number of the capability.
const CAPABILITIES: [(u32, &str); 3] =
    [(39, "CAP_BPF"), (38, "CAP_PERFMON (for tracing)"), (12, "CAP_NET_ADMIN (for networking)")];
const CAP_SYS_ADMIN: u32 = 21;

/// What this process lacks.
fn privileges() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    describe_privileges(effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0))
}

fn describe_privileges(effective: u64) -> String {
    let has = |number: u32| effective >> number & 1 == 1;
    let lacks = CAPABILITIES.iter().filter(|(number, _)| !has(*number) && !has(CAP_SYS_ADMIN));
    let lacks: Vec<&str> = lacks.map(|&(_, name)| name).collect();
    if lacks.is_empty() {
        return "this process has the capabilities that it takes: the kernel was built without it, or is locked down".to_owned();
    }
    format!("this process lacks {}; root has all of them", lacks.join(", "))
}

#[cfg(test)]
mod tests {
    use super::describe_privileges;

    #[test]
    fn what_is_lacking_is_named() {
        let all = "this process has the capabilities that it takes: the kernel was built without it, or is locked down";
        assert_eq!(describe_privileges(1 << 21), all);
        assert_eq!(describe_privileges(1 << 39 | 1 << 38 | 1 << 12), all);
        assert_eq!(
            describe_privileges(1 << 39),
            "this process lacks CAP_PERFMON (for tracing), CAP_NET_ADMIN (for networking); root has all of them"
        );
    }
}
