//! Programs in the Linux kernel: bpf(2) from a linked [`Image`](skep_object::Image).
//!
//! * [`load`] makes the image's maps, loads its types and its programs, and gives a [`Loaded`], which unloads all of
//!   it when it is dropped.
//! * [`Loaded::attach`] attaches a program to what its section names, until the [`Link`] is dropped;
//!   [`Prog::test_run`] runs one without attaching it.
//! * [`Loaded::map`] reads and writes a map with typed keys and values, [`Loaded::map_raw`] one with bytes,
//!   [`Loaded::global`] a global variable.
//! * [`RingBuffer`] reads what programs write to a ring buffer.
//! * [`Prog::load_bytes`] loads bare bytes of code, [`btf_load`] those of types.
//!
//! ```no_run
//! use skep_kernel::{Options, load};
//!
//! let object = skep_object::asm::assemble("opens.s", "
//!         .map    hits, type=array, key=4, value=8, max_entries=1
//!         .section tracepoint/syscalls/sys_enter_openat
//! on_open:
//!         *(u32 *)(r10 - 4) = 0
//!         r1 = hits ll
//!         r2 = r10
//!         r2 += -4
//!         call    bpf_map_lookup_elem
//!         if r0 == 0 goto 1f
//!         r1 = 1
//!         lock *(u64 *)(r0 + 0) += r1
//! 1:      r0 = 0
//!         exit
//!         .license \"GPL\"
//! ")?;
//! let image = skep_link::link(&object, &skep_link::Options::new())?;
//! let loaded = load(&image, &Options::new())?;
//! let _link = loaded.attach("on_open")?;
//! std::fs::File::open("/dev/null")?;
//! let hits = loaded.map::<u32, u64>("hits")?;
//! assert!(hits.get(0)? > Some(0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How it loads
//!
//! Optimistically: nothing is probed, no log is asked for. What the kernel refuses is tried again, with a log to tell
//! why, or without what an old kernel may lack. A refusal of the verifier carries the log and points at the source.
//! A program of a few functions takes one call each for its types, maps and programs, and two for each data section.
//!
//! Not loaded yet: programs that replace functions of others (`freplace`), and what modules of the kernel define. Relocations of CO-RE are not applied: an image does not carry
//! them.
//!
//! Inside, `sys` and `mmap` are the only places that are unsafe.

mod assemble;
mod attach;
mod btf;
mod compat;
mod data;
mod error;
mod explain;
mod imports;
mod kconfig;
mod load;
mod loaded;
mod log;
mod map;
mod maps;
mod mmap;
mod options;
mod pin;
mod prog;
mod ring;
mod run;
mod select;
mod struct_ops;
mod sys;
mod types;
mod verify;
mod vmlinux;

pub use attach::{Link, Target};
pub use btf::{BtfFd, TypesRefused, btf_load, data_layout};
pub use data::Global;
pub use error::{Error, Place, Refusal};
pub use load::load;
pub use loaded::Loaded;
pub use map::{Entries, Map, PerCpuMap, TypedMap, UpdateFlags};
pub use options::{Log, Options};
pub use prog::{Prog, ProgInfo};
pub use ring::{Record, RingBuffer};
pub use run::{TestRun, TestRunResult};
