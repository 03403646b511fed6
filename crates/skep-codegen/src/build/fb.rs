//! The body of a function that is being built.

use skep_btf::{BpfType, P};
use skep_insn::helper::Helper as Id;

use super::core;
use super::helpers::Helper;
use super::module::Global;
use super::operand::Operand;
use super::reference::Ref;
use super::signature::{Args, Func, Signature};
use super::value::V;
use super::{Cell, Invariant, dynamic};
use crate::ir::Order;

/// Builds the body of a function.
///
/// Values and places that it gives out belong to the body, which the lifetime `'f` stands for: they cannot leave it.
pub struct Fb<'f> {
    pub(super) cell: &'f Cell,
    scope: Invariant<'f>,
}

impl std::fmt::Debug for Fb<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fb").finish_non_exhaustive()
    }
}

impl<'f> Fb<'f> {
    pub(super) fn new(cell: &'f Cell) -> Fb<'f> {
        Fb { cell, scope: Default::default() }
    }

    /// Where the source is that the following calls come from. Without it, that is where they stand in Rust code.
    pub fn set_place(&self, file: &str, line: u32, column: u32) {
        self.cell.borrow_mut().set_place(file, line, column);
    }

    /// A constant.
    #[track_caller]
    pub fn val<T: BpfType>(&self, constant: T) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.rust_constant(constant)))
    }

    /// The null pointer.
    #[track_caller]
    #[must_use]
    pub fn null<T: BpfType>(&self) -> V<'f, P<T>> {
        self.val(P::NULL)
    }

    /// A local variable that begins with a value: of any type that a [`BpfType`] has. The name is for messages.
    #[track_caller]
    pub fn local<T: BpfType>(&self, name: &str, init: impl Operand<'f, T>) -> Ref<'f, T> {
        let local = self.uninit(name);
        local.set(init);
        local
    }

    /// A local variable that must be written before it is read.
    #[track_caller]
    #[must_use]
    pub fn uninit<T: BpfType>(&self, name: &str) -> Ref<'f, T> {
        let place = dynamic!(self.cell, b => {
            let ty = b.rust_type::<T>();
            let var = b.var(name, ty);
            b.place(var)
        });
        Ref::new(self.cell, place)
    }

    /// A local variable of zeros.
    #[track_caller]
    #[must_use]
    pub fn zeroed<T: BpfType>(&self, name: &str) -> Ref<'f, T> {
        let local = self.uninit(name);
        local.zero();
        local
    }

    /// A global variable.
    #[track_caller]
    #[must_use]
    pub fn global<T: BpfType>(&self, global: Global<T>) -> Ref<'f, T> {
        Ref::new(self.cell, dynamic!(self.cell, b => b.global(global.raw())))
    }

    /// The address of a string literal, which a zero ends.
    #[track_caller]
    #[must_use]
    pub fn str(&self, text: &str) -> V<'f, P<u8>> {
        let value = dynamic!(self.cell, b => {
            let text = b.string(text);
            let ty = b.rust_type::<P<u8>>();
            b.cast(text, ty)
        });
        V::new(self.cell, value)
    }

    /// Returns from the function. A constant takes the integer type that the function returns.
    #[track_caller]
    pub fn ret<T: BpfType>(&self, value: impl Operand<'f, T>) {
        dynamic!(self.cell, b => {
            let value = value.value(&mut b);
            b.ret_constant(value);
        });
    }

    /// Returns from a function that returns nothing; the end of its body does so as well.
    #[track_caller]
    pub fn ret_void(&self) {
        dynamic!(self.cell, b => b.ret(None));
    }

    /// Calls a function.
    #[track_caller]
    pub fn call<S: Signature>(&self, func: Func<S>, args: impl Args<'f, S::Args>) -> V<'f, S::Ret> {
        let value = dynamic!(self.cell, b => {
            let args = args.args(&mut b);
            b.call(func.func, &args)
        });
        V::new(self.cell, value)
    }

    /// Calls the function at an address: user space only.
    #[track_caller]
    pub fn call_pointer<S: Signature>(
        &self,
        pointer: V<'f, P>,
        args: impl Args<'f, S::Args>,
    ) -> V<'f, S::Ret> {
        let value = dynamic!(self.cell, b => {
            let args = args.args(&mut b);
            let proto = S::proto(b.module());
            let ty = b.module().pointer(proto);
            let pointer = b.cast(pointer.value, ty);
            b.call_pointer(pointer, &args)
        });
        V::new(self.cell, value)
    }

    /// The address of a function.
    #[track_caller]
    #[must_use]
    pub fn func_address<S: Signature>(&self, func: Func<S>) -> V<'f, P> {
        V::new(self.cell, dynamic!(self.cell, b => b.func_address(func.func)))
    }

    /// Calls a helper of the kernel: `b.helper(helpers::KTIME_GET_NS, ())`.
    #[track_caller]
    pub fn helper<A, R: BpfType>(&self, helper: Helper<A, R>, args: impl Args<'f, A>) -> V<'f, R> {
        let value = dynamic!(self.cell, b => {
            let args = args.args(&mut b);
            b.call_helper(helper.id, &args)
        });
        V::new(self.cell, value)
    }

    /// Prints to the kernel's trace, as `bpf_trace_printk` does: a format, and up to three values.
    #[track_caller]
    pub fn printk(&self, format: &str, values: &[core::Value]) {
        dynamic!(self.cell, b => {
            let text = b.string(format);
            let size = b.rust_constant(u32::try_from(format.len() + 1).unwrap_or(u32::MAX));
            let mut args = vec![text, size];
            args.extend(values);
            b.call_helper(Id::TracePrintk, &args);
        });
    }

    /// Another function of the module, defined within this body: a callback, as a rule. It cannot use values of this
    /// body; pass them through memory.
    #[track_caller]
    pub fn func<S: Signature>(
        &self,
        name: &str,
        body: impl for<'g> FnOnce(&Fb<'g>, S::Params<'g>),
    ) -> Func<S> {
        super::module::define::<S>(self.cell, name, crate::ir::Linkage::Local, body)
    }

    /// Calls a function for each number below `count`: at most 8 million times (`bpf_loop`, Linux 5.17). It gets the
    /// number and a pointer to `cx`, and returns 0 to go on, 1 to stop. How often it was called, or a negative error
    /// number.
    #[track_caller]
    pub fn bpf_loop<C: BpfType>(
        &self,
        count: impl Operand<'f, u32>,
        func: Func<fn(u32, P<C>) -> i64>,
        cx: Ref<'f, C>,
    ) -> V<'f, i64> {
        self.helper(super::helpers::LOOP, (count, func, cx, 0u64))
    }

    /// Orders the memory accesses around it.
    #[track_caller]
    pub fn fence(&self, order: Order) {
        dynamic!(self.cell, b => b.fence(order));
    }

    /// A named place, which each pass keeps where it is, with room for so many instructions.
    #[track_caller]
    pub fn marker(&self, name: &str, room: u8) {
        dynamic!(self.cell, b => b.marker(name, room));
    }

    /// Adds inline assembly; see [`core::Asm`]. Its result, if it has one.
    #[track_caller]
    pub fn asm(&self, asm: &core::Asm<'_>) -> core::Value {
        dynamic!(self.cell, b => b.asm(asm))
    }

    /// The dynamic core, for what it can do beyond this layer.
    pub fn core<R>(&self, build: impl FnOnce(&mut core::FuncBuilder<'_>) -> R) -> R {
        let mut module = self.cell.borrow_mut();
        build(&mut core::FuncBuilder::new(&mut module, false))
    }

    /// A value of the dynamic core. It must be of that type, up to names.
    #[track_caller]
    pub fn typed<T: BpfType>(&self, value: core::Value) -> V<'f, T> {
        V::new(self.cell, dynamic!(self.cell, b => b.typed::<T>(value)))
    }
}
