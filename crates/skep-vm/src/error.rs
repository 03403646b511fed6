//! What goes wrong before a program runs ([`Error`]) and while it runs ([`Trap`]).

use std::fmt;

use skep_insn::Slot;
use skep_object::check::Broken;

use crate::host::HostError;
use crate::map::MapError;
use crate::memory::{Access, Region};

/// Why an image cannot be added to an engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The image was changed or made by hand, and does not keep what images promise.
    #[error("the image is not sound")]
    Image(#[from] Broken),
    /// The image is for machines of the other byte order.
    #[error("image '{image}' is for {} machines, this one is {}", order(!.big), order(*.big))]
    Endian {
        /// The image's name.
        image: String,
        /// Whether this machine is big-endian.
        big: bool,
    },
    /// The maps and data of an image need more memory than it may have.
    #[error(
        "maps and data of image '{image}' need up to {bytes} bytes of memory, expected at most {limit}; \
             `Engine::max_memory` sets how many"
    )]
    Memory {
        /// The image's name.
        image: String,
        /// What it needs, once all of it is in use.
        bytes: u64,
        /// What it may have.
        limit: u64,
    },
    /// The number of maps handed in is not that of the image.
    #[error("{found} maps were handed in, expected {expected}, in the order of the image's own")]
    Maps {
        /// How many there were.
        found: usize,
        /// How many the image has.
        expected: usize,
    },
    /// An instruction that has no meaning in user space.
    #[error("function '{func}', slot {at}: {reason}")]
    Insn {
        /// The function.
        func: String,
        /// The instruction.
        at: Slot,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// Names that nothing defines.
    #[error("{}", Missing(.0))]
    Unresolved(Vec<HostError>),
    /// A map cannot be made.
    #[error("cannot make a map")]
    Map {
        /// Its name.
        name: String,
        /// Why.
        source: MapError,
    },
    /// A data section does not fit in memory.
    #[error("cannot place section '{section}' of {size} bytes: {reason}")]
    Data {
        /// Its name.
        section: String,
        /// Its size in bytes.
        size: u64,
        /// Why.
        reason: String,
    },
}

fn order(big: bool) -> &'static str {
    if big { "big-endian" } else { "little-endian" }
}

/// All missing names, one a line.
struct Missing<'a>(&'a [HostError]);

impl fmt::Display for Missing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

/// Why a run ended early, and where. The process, and the program, live on: the function can be called again.
///
/// ```
/// use skep_vm::{Access, Engine, Hosts, TrapKind};
///
/// let text = ".globl main\nmain: call sub\n exit\nsub: r0 = *(u64 *)(r1 + 4)\n exit\n";
/// let object = skep_object::asm::assemble("wild.s", text).unwrap();
/// let unit = Engine::checked(Hosts::new()).add(&skep_link::link(&object, &skep_link::Options::new())?)?;
/// let trap = unit.func("main").ok_or("no function 'main'")?.call(&[16]).unwrap_err();
/// assert!(matches!(trap.kind, TrapKind::Access { access: Access::Read, addr: 20, len: 8, .. }));
/// assert!(trap.to_string().contains("at sub+0x0 `r0 = *(u64 *)(r1 + 0x4)`"));
/// assert_eq!(trap.trace[1].func, "main");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[error("{kind}{}", At(.trace.first()))]
pub struct Trap {
    /// What happened.
    pub kind: TrapKind,
    /// Where: the trapping instruction first, then its callers.
    pub trace: Vec<Location>,
}

struct At<'a>(Option<&'a Location>);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |place| write!(f, ", at {place}"))
    }
}

/// A place in a running program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The function's name.
    pub func: String,
    /// The instruction.
    pub at: Slot,
    /// Its text.
    pub insn: String,
    /// File and line of the source, if known.
    pub line: Option<(String, u32)>,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:#x} `{}`", self.func, self.at.bytes(), self.insn)?;
        match &self.line {
            Some((file, line)) => write!(f, " ({file}:{line})"),
            None => Ok(()),
        }
    }
}

/// What ended a run early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrapKind {
    /// A checked program touched memory that is not its own.
    #[error("{access} of {len} bytes at {addr:#x} lies outside the program's memory{}", Nearest(.nearest.as_deref()))]
    Access {
        /// What it did.
        access: Access,
        /// Where.
        addr: u64,
        /// Bytes touched.
        len: u64,
        /// The region nearest to the address.
        nearest: Option<Box<Region>>,
    },
    /// A 64-bit or 32-bit atomic at an address that is not a multiple of its size.
    #[error("atomic access of {len} bytes at {addr:#x}, expected an address aligned to {len}")]
    Unaligned {
        /// Where.
        addr: u64,
        /// Bytes touched.
        len: u64,
    },
    /// Calls nest deeper than allowed.
    #[error("calls nest deeper than {limit} frames")]
    Depth {
        /// Frames allowed.
        limit: u32,
    },
    /// The program calls the host, which calls the program, and so on, deeper than a native stack may hold.
    #[error("the program and its host call each other back deeper than {limit} times")]
    Nesting {
        /// Times allowed.
        limit: u32,
    },
    /// The instruction budget is spent.
    #[error("the budget of {limit} instructions is spent")]
    Budget {
        /// Instructions allowed.
        limit: u64,
    },
    /// A stop handle was used.
    #[error("stopped by the host")]
    Stopped,
    /// A computed call to something that is no function.
    #[error("call of {addr:#x}, which is no function of the program")]
    NotAFunction {
        /// What was called.
        addr: u64,
    },
    /// A computed jump to something that its jump table does not list.
    #[error("jump to {target:#x}, which no jump table of the function lists")]
    NotATarget {
        /// What was jumped to.
        target: u64,
    },
    /// Control ran past the last instruction: a function that was said never to return did.
    #[error("ran off the end of the function, behind a call that was not expected to return")]
    FellOff,
    /// A weak import that nothing defines was called.
    #[error("call of weak symbol '{name}', which nothing defines")]
    Weak {
        /// Its name.
        name: String,
    },
    /// A helper or host function refused its arguments.
    #[error("{callee}: {reason}")]
    Callee {
        /// Its name.
        callee: String,
        /// What was found, and what was expected.
        reason: String,
    },
    /// A debugger or hook ended the run.
    #[error("ended by the debugger")]
    Debugger,
}

struct Nearest<'a>(Option<&'a Region>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(region) => write!(f, "; the nearest region is {region}"),
            None => Ok(()),
        }
    }
}

impl TrapKind {
    /// A callee's refusal.
    #[must_use]
    pub fn callee(callee: impl Into<String>, reason: impl Into<String>) -> Self {
        TrapKind::Callee { callee: callee.into(), reason: reason.into() }
    }
}
