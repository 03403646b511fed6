//! The module that is being built.

use std::cell::RefCell;
use std::marker::PhantomData;

use skep_btf::{BpfType, P};
use skep_insn::Endian;
use skep_object::Object;

use super::Cell;
use super::core::{self, Data, Ty};
use super::ctx;
use super::fb::Fb;
use super::map::{MapBuilder, MapKind};
use super::signature::{Func, Signature};
use super::value::V;
use crate::Options;
use crate::diag::{Diag, Diags};
use crate::ir::{self, Inline, Linkage};

/// A module that is being built: functions, maps and global variables.
///
/// No call fails or panics. Mistakes are kept for [`compile`](Module::compile) to tell.
#[derive(Debug, Clone)]
pub struct Module {
    cell: Cell,
}

/// A global variable of type `T`.
pub struct Global<T> {
    global: core::Global,
    types: PhantomData<fn(T) -> T>,
}

impl<T> Global<T> {
    /// The handle that the dynamic core knows it by.
    #[must_use]
    pub const fn raw(self) -> core::Global {
        self.global
    }
}

impl<T> Clone for Global<T> {
    fn clone(&self) -> Global<T> {
        *self
    }
}

impl<T> Copy for Global<T> {}

impl<T> std::fmt::Debug for Global<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.global, f)
    }
}

/// A module of the dynamic core goes on in this layer.
impl From<core::Module> for Module {
    fn from(module: core::Module) -> Module {
        Module { cell: RefCell::new(module) }
    }
}

impl Module {
    /// An empty module. The name is that of the source file, as a rule.
    #[track_caller]
    #[must_use]
    pub fn new(name: impl Into<String>) -> Module {
        Module::from(core::Module::new(name))
    }

    /// The same module in the dynamic core.
    pub fn core(&mut self) -> &mut core::Module {
        self.cell.get_mut()
    }

    /// The licence; the kernel gives some helpers only to GPL programs.
    #[track_caller]
    pub fn license(&mut self, license: &str) {
        self.core().license(license);
    }

    /// The byte order of the machine that runs it, which bit-fields depend on: little-endian unless this is called.
    pub fn set_endian(&mut self, endian: Endian) {
        self.core().set_endian(endian);
    }

    /// A map: `m.map::<u32, u64>("hits", MapKind::Hash).entries(1024).done()`.
    pub fn map<K: BpfType, T: BpfType>(&mut self, name: &str, kind: MapKind) -> MapBuilder<'_, K, T> {
        MapBuilder::new(self, name, kind)
    }

    /// A function that everybody sees: `m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x))`.
    #[track_caller]
    pub fn func<S: Signature>(
        &mut self,
        name: &str,
        body: impl for<'f> FnOnce(&Fb<'f>, S::Params<'f>),
    ) -> Func<S> {
        define::<S>(&self.cell, name, Linkage::Global, body)
    }

    /// A function that only this module sees, and that may become a part of its callers.
    #[track_caller]
    pub fn local_func<S: Signature>(
        &mut self,
        name: &str,
        body: impl for<'f> FnOnce(&Fb<'f>, S::Params<'f>),
    ) -> Func<S> {
        define::<S>(&self.cell, name, Linkage::Local, body)
    }

    /// Declares a function that [`define`](Module::define) gives its body, so that it can be called before.
    #[track_caller]
    pub fn declare<S: Signature>(&mut self, name: &str) -> Func<S> {
        let core = self.core();
        let ty = S::proto(core);
        Func::new(core.declare(name, ty))
    }

    /// Gives a declared function its body.
    #[track_caller]
    pub fn define<S: Signature>(&mut self, func: Func<S>, body: impl for<'f> FnOnce(&Fb<'f>, S::Params<'f>)) {
        self.core().here();
        fill::<S>(&self.cell, func.func, body);
    }

    /// A function that is defined elsewhere: in another object, or in user space by a host or a library.
    #[track_caller]
    pub fn import<S: Signature>(&mut self, name: &str) -> Func<S> {
        let core = self.core();
        let ty = S::proto(core);
        Func::new(core.import(name, ty))
    }

    /// A function of the kernel, called by its name.
    #[track_caller]
    pub fn kfunc<S: Signature>(&mut self, name: &str) -> Func<S> {
        let core = self.core();
        let ty = S::proto(core);
        Func::new(core.kfunc(name, ty))
    }

    /// Says who sees a function: everybody, unless this is called.
    #[track_caller]
    pub fn set_linkage<S>(&mut self, func: Func<S>, linkage: Linkage) {
        self.core().set_linkage(func.func, linkage);
    }

    /// Puts a function into a section: 1 to 511 characters of ASCII, without spaces. `xdp` makes it a program of that type.
    #[track_caller]
    pub fn set_section<S>(&mut self, func: Func<S>, section: &str) {
        self.core().set_section(func.func, section);
    }

    /// Says whether a function may become a part of its callers. To be called before it is defined.
    #[track_caller]
    pub fn set_inline<S>(&mut self, func: Func<S>, inline: Inline) {
        self.core().set_inline(func.func, inline);
    }

    /// Tags a function: see [`core::Module::tag_func`].
    #[track_caller]
    pub fn tag_func<S>(&mut self, func: Func<S>, text: &str) {
        self.core().tag_func(func.func, text);
    }

    /// Tags a parameter of a function, which is counted from 0: see [`core::Module::tag_param`].
    #[track_caller]
    pub fn tag_param<S>(&mut self, func: Func<S>, param: u32, text: &str) {
        self.core().tag_param(func.func, param, text);
    }

    /// Tags a variable: see [`core::Module::tag_global`].
    #[track_caller]
    pub fn tag_global<T>(&mut self, global: Global<T>, text: &str) {
        self.core().tag_global(global.global, text);
    }

    /// A program of the kernel, whose section says what it is for: `xdp`, `tracepoint/syscalls/sys_enter_openat`. It
    /// returns an `i32`.
    ///
    /// Its context has the type that the kernel documents for such programs, as far as one is known: its members are
    /// found by their names, with [`V::member`]. [`program_with`](Module::program_with) has it as a Rust type.
    #[track_caller]
    pub fn program(
        &mut self,
        section: &str,
        name: &str,
        body: impl for<'f> FnOnce(&Fb<'f>, V<'f, P>),
    ) -> Func<fn(P) -> i32> {
        let core = self.core();
        let cx = ctx::of_section(core, section);
        let ret = core.rust::<i32>();
        let ty = core.func_type(ret, &[("ctx", cx)]);
        let func = self.start_program(section, name, ty);
        fill::<fn(P) -> i32>(&self.cell, func, |b, (ctx,)| body(b, ctx));
        Func::new(func)
    }

    /// A program of the kernel with a context of a Rust type: of [`ctx`], or `u64` for the raw arguments that `fentry`,
    /// `raw_tracepoint` and their like get, which [`V::index`] then finds.
    #[track_caller]
    pub fn program_with<C: BpfType>(
        &mut self,
        section: &str,
        name: &str,
        body: impl for<'f> FnOnce(&Fb<'f>, V<'f, P<C>>),
    ) -> Func<fn(P<C>) -> i32> {
        let core = self.core();
        let (ret, cx) = (core.rust::<i32>(), core.rust::<P<C>>());
        let ty = core.func_type(ret, &[("ctx", cx)]);
        let func = self.start_program(section, name, ty);
        fill::<fn(P<C>) -> i32>(&self.cell, func, |b, (ctx,)| body(b, ctx));
        Func::new(func)
    }

    #[track_caller]
    fn start_program(&mut self, section: &str, name: &str, ty: Ty) -> core::Func {
        let core = self.core();
        let func = core.declare(name, ty);
        core.set_section(func, section);
        func
    }

    /// A global variable that begins with a value.
    #[track_caller]
    pub fn global<T: BpfType>(&mut self, name: &str, init: T) -> Global<T> {
        self.add_global(name, &init, false)
    }

    /// A global variable that programs do not write: it goes to `.rodata`, where the verifier knows its value.
    #[track_caller]
    pub fn constant<T: BpfType>(&mut self, name: &str, init: T) -> Global<T> {
        self.add_global(name, &init, true)
    }

    /// A global variable of zeros.
    #[track_caller]
    pub fn zeroed<T: BpfType>(&mut self, name: &str) -> Global<T> {
        let core = self.core();
        let ty = core.rust::<T>();
        let global = core.global(name, ty, Data::Zero);
        Global { global, types: PhantomData }
    }

    /// A variable that is defined elsewhere: in another object, or for the section `.ksyms` in the kernel, for
    /// `.kconfig` in its configuration.
    #[track_caller]
    pub fn extern_global<T: BpfType>(&mut self, name: &str, section: Option<&str>) -> Global<T> {
        let core = self.core();
        let ty = core.rust::<T>();
        let global = core.extern_global(name, ty, section);
        Global { global, types: PhantomData }
    }

    #[track_caller]
    fn add_global<T: BpfType>(&mut self, name: &str, init: &T, read_only: bool) -> Global<T> {
        let core = self.core();
        let ty = core.rust::<T>();
        let bytes = init.to_bytes();
        let data = Data::Bytes(&bytes);
        let global =
            if read_only { core.read_only_global(name, ty, data) } else { core.global(name, ty, data) };
        core.set_native(global);
        Global { global, types: PhantomData }
    }

    /// The mistakes so far.
    pub fn mistakes(&mut self) -> &[Diag] {
        self.core().mistakes()
    }

    /// The module that has been built.
    ///
    /// # Errors
    /// All mistakes that were made.
    pub fn finish(self) -> Result<ir::Module, Diags> {
        self.cell.into_inner().finish()
    }

    /// Compiles the module to a relocatable object. To compile it once more, clone it before.
    ///
    /// # Errors
    /// All mistakes that were made; if there are none, all that does not exist on the target.
    pub fn compile(self, options: &Options) -> Result<Object, Diags> {
        self.cell.into_inner().compile(options)
    }
}

/// A new function with a body.
#[track_caller]
pub(super) fn define<S: Signature>(
    cell: &Cell,
    name: &str,
    linkage: Linkage,
    body: impl for<'f> FnOnce(&Fb<'f>, S::Params<'f>),
) -> Func<S> {
    let func = {
        let mut core = cell.borrow_mut();
        let ty = S::proto(&mut core);
        let func = core.declare(name, ty);
        core.set_linkage(func, linkage);
        func
    };
    fill::<S>(cell, func, body);
    Func::new(func)
}

/// Gives a function its body.
#[track_caller]
fn fill<S: Signature>(cell: &Cell, func: core::Func, body: impl for<'f> FnOnce(&Fb<'f>, S::Params<'f>)) {
    cell.borrow_mut().begin(func);
    body(&Fb::new(cell), S::params(cell));
    cell.borrow_mut().end_body();
}
