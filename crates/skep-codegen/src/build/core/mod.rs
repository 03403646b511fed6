//! The dynamic core: values and types are small handles, known when the builder runs.
mod access;
mod arith;
mod bits;
mod body;
mod class;
mod data;
mod finish;
mod flow;
mod func;
mod handle;
mod maps;
mod module;
mod place;
mod promote;
mod types;

pub use arith::{Bin, Cmp};
pub use body::FuncBuilder;
pub use handle::{Block, Func, Global, Label, Map, Place, Ty, Value, Var};
pub use module::Module;
pub use types::Member;
