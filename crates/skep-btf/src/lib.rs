//! BPF Type Format: read, build and look up types.
//!
//! * [`Btf`] is a set of types, the contents of a `.BTF` section: [`Btf::parse`] reads one of either byte order,
//!   [`Btf::to_bytes`] writes it, and everything between is a lookup that cannot fail, because each reference has
//!   been checked on the way in. [`Btf::builder`] makes a new set.
//! * [`Type`] is one of its types, by kind; [`Kind`] is the table of all kinds.
//! * [`BtfExt`] is a `.BTF.ext` section: which function, source line and relocation an instruction belongs to.
//! * [`BpfType`] is a Rust type that BPF code has as well: its layout, its type in a set, its values as bytes.
//! * [`maps`] reads and makes the declarations of BTF-defined maps.
//! * [`dedup`](mod@dedup) makes one set of many, in which each type is there once; [`diff`] tells what differs between two.
//! * [`lazy`] looks up a few types of many, as of the kernel's, without reading the others.
//! * [`verify`] says what a kernel would say to types, by the [`Rules`] of its version; [`Btf::for_kernel`] writes types
//!   as that version takes them.
//!
//! ```
//! use skep_btf::{Btf, Endian, IntEncoding, Kind, Linkage, Type};
//!
//! // int add(int a, int b)
//! let mut types = Btf::builder();
//! let int = types.int("int", 4, IntEncoding::Signed);
//! let params = [types.param("a", int), types.param("b", int)];
//! let proto = types.func_proto(int, &params);
//! types.func("add", proto, Linkage::Global);
//! let section: Vec<u8> = types.build()?.to_bytes(Endian::Little);
//!
//! let btf = Btf::parse(&section)?;
//! let add = btf.find_by_name(Kind::Func, "add").expect("it was added");
//! let Type::Func(func) = btf.ty(add) else { panic!("it was found by its kind") };
//! let Type::FuncProto(proto) = btf.ty(func.proto) else { panic!("a function has a prototype") };
//! let names: Vec<&str> = proto.params.iter().map(|param| btf.string(param.name)).collect();
//! assert_eq!(names, ["a", "b"]);
//! assert_eq!(btf.size_of(proto.ret), Some(4));
//! # Ok::<(), skep_btf::Error>(())
//! ```
//!
//! # What holds
//!
//! * No input makes this crate panic, loop for ever, or hold more than a small multiple of its own size in memory.
//!   What is refused is named: which byte of which section, which type, what is there and what was expected.
//! * Reading is about the encoding: each kind is known, each reserved bit zero, each reference leads somewhere.
//!   Whether the kernel takes the types is another question, which [`verify`] answers.
//! * What is written reads back equal. Of what is read, only what has no meaning may be written otherwise: padding,
//!   a layout section, and `kind_flag` of a struct without bit-fields.
//!
//! # Inside
//!
//! `parse` reads bytes, `write` writes them, `check` follows every reference; `store` keeps types as small records
//! with one pool per sort of list, `strings` their names, `names` the index by name, `table` what a builder has already. `kind` is the one table of what
//! follows from a kind's number. `verify` works on bytes, since the kernel does. `opaque` keeps what no row of that table
//! is about, `distill` puts split sets on other bases, `dedup` says at its top how it goes about it.

pub use crate::bpf_type::{BitField, BpfType, Field, P, Union};
pub use crate::btf::Btf;
pub use crate::builder::BtfBuilder;
pub use crate::bytes::Endian;
pub use crate::dedup::dedup;
pub use crate::distill::Rebased;
pub use crate::downgrade::{Change, Layout, What};
pub use crate::error::{Error, FieldName, MemberName, Section};
pub use crate::ext::{Block, BtfExt, ByteOff, CoreKind, CoreRelo, FuncInfo, LineInfo};
pub use crate::kind::Kind;
pub use crate::lines::{Lines, SourceLine};
pub use crate::mangle::mangle;
pub use crate::types::{
    Array, Composite, Datasec, DeclTag, Enum, Enumerator, Func, FuncProto, FwdKind, Int, IntEncoding,
    Linkage, Member, Param, SecVar, StrRef, Type, TypeId, TypeTag, Var,
};
pub use crate::verify::{Element, Errno, KernelVersion, NotAVersion, Refusal, Rule, Rules, verify};

pub mod dedup;
#[doc(hidden)]
pub mod derive;
pub mod diff;
pub mod dump;
pub mod layout;
pub mod lazy;
pub mod mangle;
pub mod maps;
#[doc(hidden)]
pub mod oracle;

mod bpf_type;
mod btf;
mod builder;
mod bytes;
mod check;
mod distill;
mod downgrade;
mod error;
mod ext;
mod kind;
mod lines;
mod names;
mod opaque;
mod parse;
mod store;
mod strings;
mod subset;
mod table;
mod types;
mod verify;
mod write;
