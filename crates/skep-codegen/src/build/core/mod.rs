//! The dynamic core: values and types are small handles, known when the builder runs. For compilers that walk trees of
//! their own.
//!
//! ```
//! use skep_codegen::build::core::{Bin, Cmp, Module};
//!
//! let mut m = Module::new("max.lang");
//! let long = m.signed(64);
//! let ty = m.func_type(long, &[("a", long), ("b", long)]);
//! let max = m.declare("max", ty);
//! let mut b = m.define(max);
//! b.set_place("max.lang", 3, 1);
//! let (x, y) = (b.param(0), b.param(1));
//! let less = b.cmp(Cmp::Lt, x, y);
//! b.begin_if(less);
//! b.ret(Some(y));
//! b.end();
//! b.ret(Some(x));
//! b.finish();
//! assert_eq!(m.finish()?.funcs.len(), 1);
//! # Ok::<(), skep_codegen::Diags>(())
//! ```
//!
//! * Handles have no lifetimes. Each knows the module or body it is of: one of another is a mistake
//!   ([`Foreign`](crate::diag::Code::Foreign)), never confusion.
//! * Types are those of C, kept as BTF; a [`Value`] has one. Nothing is promoted: `cast` says what C does silently.
//! * Values that do not fit a register lie at a [`Place`]: variables, members, elements, what pointers point to.
//! * Variables are made into SSA values when a body is finished, unless their address is taken. Statements nest
//!   ([`FuncBuilder::begin_if`], ..), blocks and jumps stand beside them, and nobody seals anything.
//! * Another function can be defined while a body is open, by [`FuncBuilder::module`].
//!
//! # Inside
//!
//! `module` collects mistakes and ends them in [`Module::finish`]; `types`, `composite` and `class` make types and ask
//! what they are to code; `body` is the cursor on which `arith`, `math`, `place`, `access`, `bits`, `call`, `maps`,
//! `asm`, `relocate` and `flow` emit; `finish` and `promote` make the function of it.

mod access;
mod arith;
mod asm;
mod bits;
mod body;
mod call;
mod class;
mod composite;
mod data;
mod finish;
mod flow;
mod func;
mod handle;
mod maps;
mod math;
mod module;
mod place;
mod promote;
mod relocate;
mod rust;
mod types;

pub use arith::{Bin, Cmp};
pub use asm::Asm;
pub use body::FuncBuilder;
pub use composite::Member;
pub use data::{Data, Piece};
pub use handle::{Block, Func, Global, Label, Map, Place, Ty, Value, Var};
pub use maps::MapSpec;
pub use module::Module;
