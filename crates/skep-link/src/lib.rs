//! From relocatable objects to an [`Image`]: functions, data, maps and imports that refer to each other by index.
//!
//! * [`link`] takes an [`Object`], of a compiler or of the assembler.
//! * [`link_code`] takes bare instructions.
//! * [`check::image`] proves what an image promises to runtimes; it shares no code with the linker.
//!
//! All of it is a pure function of its arguments. What is not reached from the entries is left out; what is not
//! defined becomes an import, which the runtime supplies or refuses; every relocation of what is kept is applied or
//! reported.

use std::slice;

use skep_object::{Image, Object};

mod code;
mod construct;
mod error;
mod inputs;
mod layout;
mod options;
mod reachable;
mod referent;
mod resolve;
mod site;
mod symbols;
mod tables;
mod types;

// It shares no code with the linker.
pub use skep_object::check;

pub use code::link_code;
pub use error::{Error, JumpTableProblem, PlaceProblem, TargetProblem};
pub use options::{Keep, Options};
pub use site::Site;

/// Links an object.
///
/// # Errors
/// The first reference, relocation or function that has no meaning, with its place; see [`Error`].
pub fn link(object: &Object, options: &Options) -> Result<Image, Error> {
    let inputs = inputs::check(slice::from_ref(object))?;
    let symbols = symbols::index(&inputs)?;
    let kept = reachable::from(options.keep(), &symbols)?;
    let layout = layout::place(&kept);
    let mut image = construct::copy(&layout);
    resolve::patch(&mut image, &layout)?;
    debug_assert_eq!(layout::Counts::of(&image), layout.counts, "the image is not what was laid out");
    debug_assert_eq!(check::image(&image), Ok(()));
    Ok(image)
}
