//! The dynamic core: values and types are small handles, known when the builder runs.
mod access;
mod arith;
mod asm;
mod bits;
mod body;
mod call;
mod class;
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
mod rust;
mod types;

pub use arith::{Bin, Cmp};
pub use asm::Asm;
pub use body::FuncBuilder;
pub use data::{Data, Piece};
pub use handle::{Block, Func, Global, Label, Map, Place, Ty, Value, Var};
pub use maps::MapSpec;
pub use module::Module;
pub use types::Member;
