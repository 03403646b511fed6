//! BPF Type Format: read, build and look up types.
pub use crate::btf::Btf;
pub use crate::builder::BtfBuilder;
pub use crate::bytes::Endian;
pub use crate::error::{Error, Field, MemberName, Section};
pub use crate::ext::{Block, BtfExt, ByteOff, CoreKind, CoreRelo, FuncInfo, LineInfo};
pub use crate::kind::Kind;
pub use crate::lines::{Lines, SourceLine};
pub use crate::types::{
    Array, Composite, Datasec, DeclTag, Enum, Enumerator, Func, FuncProto, FwdKind, Int, IntEncoding,
    Linkage, Member, Param, SecVar, StrRef, Type, TypeId, TypeTag, Var,
};

pub mod maps;
#[doc(hidden)]
pub mod oracle;

mod btf;
mod builder;
mod bytes;
mod check;
mod error;
mod ext;
mod kind;
mod lines;
mod names;
mod parse;
mod store;
mod strings;
mod types;
mod write;
