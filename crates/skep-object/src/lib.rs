//! The two forms of a BPF program.
//!
//! * [`Object`] is relocatable: sections, symbols and relocations, as a compiler or the assembler wrote them, with
//!   the differences between compilers and byte orders taken out.
//! * [`Image`] is linked: functions, data, maps and imports that refer to each other by index, ready for either
//!   runtime.
//!
//! [`elf`] reads and writes objects as ELF, [`archive`] reads those of an archive; [`asm`] makes them from assembly, and [`listing`] makes text of them.
//! [`section`] tells what the name of a section says about the programs in it. [`check::image`] proves what an image
//! promises to runtimes.

pub mod archive;
pub mod asm;
pub mod check;
pub mod elf;
mod error;
pub mod image;
pub mod listing;
pub mod map;
pub mod nearest;
pub mod object;
pub mod section;

pub use error::{Error, RelocFault, SectionRef, SymbolRef};
pub use image::Image;
pub use map::MapDef;
pub use object::Object;
