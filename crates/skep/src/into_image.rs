//! What can be loaded or run: images; objects, which are linked on the way; modules, which are compiled before.

use std::borrow::Cow;

use skep_codegen::build::{Module, core};
use skep_codegen::{Diags, Endian, Opt, Options, ir};
use skep_object::{Image, Object};

use crate::Error;

/// A program that can be loaded into the kernel or added to an engine. An [`Image`] is taken as it is, an [`Object`] is
/// linked alone first, a [`Module`] is compiled before that, as [`Build`] says.
pub trait IntoImage {
    /// The linked program.
    ///
    /// # Errors
    /// If it cannot be compiled or linked: see [`Error::Build`] and [`crate::linker::Error`].
    fn image(&self) -> Result<Cow<'_, Image>, Error>;

    /// The same program compiled without optimization, for a kernel whose verifier refuses [`image`](IntoImage::image);
    /// `None` if there is no such form, or if it is not wanted.
    ///
    /// # Errors
    /// As those of [`image`](IntoImage::image).
    fn plain_image(&self) -> Result<Option<Image>, Error> {
        Ok(None)
    }
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

/// What a [`Build`] compiles: modules of the typed builder and of the dynamic core, and IR.
pub trait Source {
    /// The object that becomes of it; it can be compiled again.
    ///
    /// # Errors
    /// All mistakes that were made; if there are none, all that does not exist on the target.
    fn compile(&self, options: &Options) -> Result<Object, Diags>;
}

impl Source for Module {
    fn compile(&self, options: &Options) -> Result<Object, Diags> {
        self.clone().compile(options)
    }
}

impl Source for core::Module {
    fn compile(&self, options: &Options) -> Result<Object, Diags> {
        self.clone().compile(options)
    }
}

impl Source for ir::Module {
    fn compile(&self, options: &Options) -> Result<Object, Diags> {
        skep_codegen::compile(self.clone(), options)
    }
}

/// A module, and how it is compiled when it is loaded.
///
/// Where the kernel's verifier refuses the optimized program, it is compiled once more without optimization, and that is
/// loaded: [`Loaded::remarks`](crate::kernel::Loaded::remarks) then has the refusal. A module alone is loaded in the same way,
/// with the options that [`Build::new`] begins with.
///
/// ```no_run
/// use skep::{Build, Module, Opt, Options, kernel};
///
/// let mut m = Module::new("pass");
/// m.program("xdp", "pass", |b, _| b.ret(2i32));
/// let small = Build::new(&m).options(Options::new().opt(Opt::Os));
/// let loaded = kernel::load(&small)?;
/// assert!(loaded.remarks().is_empty());
/// // A test of the optimizer wants to see its own code refused.
/// kernel::load(&small.fallback(false))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Build<'m, M> {
    module: &'m M,
    options: Options,
    fallback: bool,
}

impl<'m, M: Source> Build<'m, M> {
    /// A module, compiled with [`Options::new`] for the byte order of this machine; refused programs are compiled again.
    #[must_use]
    pub fn new(module: &'m M) -> Build<'m, M> {
        let host = if cfg!(target_endian = "big") { Endian::Big } else { Endian::Little };
        Build { module, options: Options::new().endian(host), fallback: true }
    }

    /// How to compile it.
    #[must_use]
    pub fn options(self, options: Options) -> Build<'m, M> {
        Build { options, ..self }
    }

    /// Whether a program that the verifier refuses is compiled again, without optimization and jump tables: yes, unless this
    /// is called.
    #[must_use]
    pub fn fallback(self, fallback: bool) -> Build<'m, M> {
        Build { fallback, ..self }
    }

    fn link(&self, options: &Options) -> Result<Image, Error> {
        crate::link(&self.module.compile(options)?)
    }
}

impl<M: Source> IntoImage for Build<'_, M> {
    fn image(&self) -> Result<Cow<'_, Image>, Error> {
        self.link(&self.options).map(Cow::Owned)
    }

    fn plain_image(&self) -> Result<Option<Image>, Error> {
        let plain = self.options.clone().opt(Opt::O0).jump_tables(false);
        if !self.fallback || plain == self.options {
            return Ok(None);
        }
        self.link(&plain).map(Some)
    }
}

impl<M: Source> IntoImage for M {
    fn image(&self) -> Result<Cow<'_, Image>, Error> {
        Build::new(self).link(&Build::new(self).options).map(Cow::Owned)
    }

    fn plain_image(&self) -> Result<Option<Image>, Error> {
        Build::new(self).plain_image()
    }
}
