//! Runs linked BPF programs in user space.
//!
//! An [`Engine`] is made for one memory mode and a set of host symbols. Images are added to it and become [`Unit`]s,
//! whose functions are called through [`Func`] handles from any thread.
//!
//! * In [`Host`] mode pointers are host addresses: a program may call C functions of the process by name and is
//!   trusted like a native one.
//! * In [`Checked`] mode every access must lie in the program's own memory or in what the host granted; anything else
//!   ends the run with a [`Trap`].

#[cfg(not(target_pointer_width = "64"))]
compile_error!("programs hold host addresses in 64-bit registers: skep-vm needs a 64-bit host");

pub mod debug;
pub mod helpers;
pub mod host;
pub mod map;

mod call;
mod cx;
mod data;
mod engine;
mod error;
mod frame;
mod interp;
mod memory;
mod run;
mod stack;
mod unit;

pub use call::{Call, Func, StopHandle};
pub use cx::{Cx, HelperFn};
pub use engine::Engine;
pub use error::{Error, Location, Trap, TrapKind};
pub use host::Hosts;
pub use map::Map;
pub use memory::{Access, Checked, Host, Memory, Region, RegionName};
pub use unit::Unit;

/// The headers for C programs that run in user space: path below the include folder, and text.
pub const HEADERS: &[(&str, &str)] = &[("skep/user.h", include_str!("../include/skep/user.h"))];
