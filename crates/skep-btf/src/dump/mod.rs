//! Types as text.
//!
//! [`raw`] prints every record as it is encoded, in the words of `bpftool btf dump ... format raw`; [`json`] prints the
//! same for programs; [`Header`] prints definitions in C.

mod c;
mod json;
mod out;
mod raw;

pub use c::Header;
pub use json::json;
pub use raw::raw;
