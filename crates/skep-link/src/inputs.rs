//! What is linked: objects, and libraries to find in them what the objects lack.

use skep_object::Object;

use crate::library::Library;

/// What is linked: objects, all of which count, and libraries, of which members are pulled in as they are needed.
///
/// One object, or a slice of objects, is enough wherever inputs are wanted. Linking changes none of them: one library
/// serves any number of links, also at the same time.
///
/// ```
/// use skep_link::{Inputs, Library, Options, link};
/// use skep_object::asm::assemble;
///
/// let app = assemble("app.s", ".globl main\nmain:\n call twice\n exit\n")?;
/// let twice = assemble("twice.s", ".globl twice\ntwice:\n r0 = r1\n r0 += r1\n exit\n")?;
/// let once = assemble("once.s", ".globl once\nonce:\n r0 = r1\n exit\n")?;
/// let library = Library::new("libmath.a", [twice, once])?;
///
/// let image = link(Inputs::new().object(&app).library(&library), &Options::new())?;
/// let names: Vec<_> = image.funcs.iter().map(|func| func.name.as_str()).collect();
/// assert_eq!(names, ["main", "twice"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Inputs<'a> {
    pub(crate) objects: Vec<&'a Object>,
    pub(crate) libraries: Vec<&'a Library>,
}

impl<'a> Inputs<'a> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an object. The first one gives the image its name.
    #[must_use]
    pub fn object(mut self, object: &'a Object) -> Self {
        self.objects.push(object);
        self
    }

    /// Adds objects, in this order.
    #[must_use]
    pub fn objects(mut self, objects: impl IntoIterator<Item = &'a Object>) -> Self {
        self.objects.extend(objects);
        self
    }

    /// Adds a library. Of several that define a name the first one supplies it.
    #[must_use]
    pub fn library(mut self, library: &'a Library) -> Self {
        self.libraries.push(library);
        self
    }
}

impl<'a> From<&'a Object> for Inputs<'a> {
    fn from(object: &'a Object) -> Self {
        Inputs::new().object(object)
    }
}

impl<'a> From<&'a [Object]> for Inputs<'a> {
    fn from(objects: &'a [Object]) -> Self {
        Inputs::new().objects(objects)
    }
}

impl<'a> From<&'a Vec<Object>> for Inputs<'a> {
    fn from(objects: &'a Vec<Object>) -> Self {
        Inputs::new().objects(objects)
    }
}

impl<'a, const N: usize> From<&'a [Object; N]> for Inputs<'a> {
    fn from(objects: &'a [Object; N]) -> Self {
        Inputs::new().objects(objects)
    }
}

impl<'a> From<&'a [&'a Object]> for Inputs<'a> {
    fn from(objects: &'a [&'a Object]) -> Self {
        Inputs::new().objects(objects.iter().copied())
    }
}
