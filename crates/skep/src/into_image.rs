//! What can be loaded or run: images, and objects, which are linked on the way.

use std::borrow::Cow;

use skep_object::{Image, Object};

use crate::Error;

/// A program that can be loaded into the kernel or added to an engine. An [`Object`] is linked alone first; an
/// [`Image`] is taken as it is.
pub trait IntoImage {
    /// The linked program.
    ///
    /// # Errors
    /// If it cannot be linked: see [`crate::linker::Error`].
    fn image(&self) -> Result<Cow<'_, Image>, Error>;
}

impl IntoImage for Image {
    fn image(&self) -> Result<Cow<'_, Image>, Error> {
        Ok(Cow::Borrowed(self))
    }
}

impl IntoImage for Object {
    fn image(&self) -> Result<Cow<'_, Image>, Error> {
        crate::link(self).map(Cow::Owned)
    }
}
