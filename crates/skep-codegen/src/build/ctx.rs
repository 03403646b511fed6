//! Contexts of programs: what the kernel passes them.
use super::core::{Module, Ty};
/// The type of the context of programs in a section: a pointer.
pub(super) fn of_section(m: &mut Module, _section: &str) -> Ty {
    m.rust::<skep_btf::P>()
}
