//! The builder: code described by calls, in two layers over the same module.
//!
//! * [`Module`] and what it hands out are for people: values have Rust types and operators, bodies are closures, and
//!   what does not fit together does not compile.
//! * [`core`] is for compilers that have trees of their own: types and values are small handles, known when the
//!   builder runs.
//!
//! ```
//! use skep_codegen::build::Module;
//!
//! let mut m = Module::new("square.c");
//! let square = m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x));
//! m.func::<fn(i64) -> i64>("sum_squares", |b, (n,)| {
//!     let (sum, i) = (b.local("sum", 0i64), b.local("i", 0i64));
//!     b.while_(
//!         |_| i.get().lt(n),
//!         |b| {
//!             sum.set(sum.get() + b.call(square, (i.get(),)));
//!             i.set(i.get() + 1);
//!         },
//!     );
//!     b.ret(sum.get());
//! });
//! let module = m.finish()?;
//! assert_eq!(module.funcs.len(), 2);
//! # Ok::<(), skep_codegen::Diags>(())
//! ```
//!
//! # Mistakes
//!
//! Calls neither fail nor panic. A mistake is kept as a [`Diag`](crate::Diag) with its place in the Rust code, or the
//! place that [`Fb::set_place`] names, and yields poison, from which nothing else is complained about. All are told by
//! [`Module::compile`].
//!
//! # What values mean
//!
//! Arithmetic wraps at the width of its type; nothing is promoted. The sign is in the type: `/`, `%`, `>>` and
//! comparisons follow it. Division by zero is zero, the remainder then the dividend, as BPF has it.

pub mod core;
pub mod ctx;
pub mod helpers;

mod fb;
mod flow;
mod map;
mod module;
mod operand;
mod ops;
mod reference;
mod signature;
mod value;

pub use fb::Fb;
pub use flow::{Here, Switch};
pub use map::{AsMap, ForEach, Inner, Map, MapBuilder, MapKind, Update};
pub use module::{Global, Module};
pub use operand::{Bits, Int, Operand};
pub use reference::Ref;
pub use signature::{Arg, Args, Func, Signature};
pub use value::V;

use std::cell::RefCell;
use std::marker::PhantomData;

/// The module that values of a body belong to.
type Cell = RefCell<core::Module>;

/// A type and a lifetime that nothing can stand in for: the lifetime keeps values in their body.
type Invariant<'f, T = ()> = PhantomData<fn(&'f (), T) -> (&'f (), T)>;

/// The dynamic builder of a cell, for one call. The place is that of the caller, if the function around it is one that
/// tracks it.
macro_rules! dynamic {
    ($cell:expr, $builder:ident => $body:expr) => {{
        let mut module = $cell.borrow_mut();
        module.here();
        let mut $builder = $crate::build::core::FuncBuilder::new(&mut module, false);
        let result = $body;
        $builder.release();
        result
    }};
}
use dynamic;
