//! From relocatable objects to an [`Image`]: functions, data, maps and imports that refer to each other by index.
//!
//! * [`link`] takes objects, of compilers, the builder or the assembler, and libraries: archives of such objects, of which
//!   it takes what the objects lack.
//! * [`link_code`] takes bare instructions.
//! * [`check::image`] proves what an image promises to runtimes; it shares no code with the linker.
//!
//! All of it is a pure function of its arguments. What is not reached from the entries is left out; what is not
//! defined becomes an import, which the runtime supplies or refuses; every relocation of what is kept is applied or
//! reported.

use skep_object::{Image, Object};

mod code;
mod construct;
mod error;
mod inputs;
mod layout;
mod library;
mod map_def;
mod object;
mod objects;
mod options;
mod pieces;
mod reachable;
mod referent;
mod resolve;
mod site;
mod symbols;
mod tables;
mod types;

use objects::Objects;

// It shares no code with the linker.
pub use skep_object::check;

pub use code::link_code;
pub use error::{Error, JumpTableProblem, PlaceProblem, TargetProblem};
pub use inputs::Inputs;
pub use library::Library;
pub use options::{Keep, Options};
pub use site::Site;

/// Links objects, and what they need of libraries.
///
/// # Errors
/// The first reference, relocation or function that has no meaning, and the first definition that contradicts another
/// one, with its place; see [`Error`].
pub fn link<'a>(inputs: impl Into<Inputs<'a>>, options: &Options) -> Result<Image, Error> {
    let inputs = inputs.into();
    let given = objects::check(&inputs)?;
    let all = objects::all(&given, &inputs.libraries);
    let symbols = symbols::index(&Objects::new(&all, given.len(), &inputs.libraries))?;
    let kept = reachable::from(options, symbols)?;
    let layout = layout::plan(&kept)?;
    let mut image = construct::copy(&layout, options)?;
    resolve::patch(&mut image, &layout)?;
    debug_assert_eq!(layout::Counts::of(&image), layout.counts, "the image is not what was laid out");
    debug_assert_eq!(check::image(&image), Ok(()));
    Ok(image)
}

/// Links objects, and what they need of libraries, into one object: an ELF file that loaders and linkers read.
///
/// What [`link`] leaves to the runtime stays undefined in it. Names of local functions and variables are unique in it;
/// legacy map definitions have become such as BTF makes.
///
/// # Errors
/// As [`link`]; [`Error::Object`] if the result is more than an object can hold.
pub fn link_object<'a>(inputs: impl Into<Inputs<'a>>, options: &Options) -> Result<Object, Error> {
    let image = link(inputs, options)?;
    object::of(&image).map_err(|source| Error::Object { name: image.name, source: Box::new(source) })
}
