//! One set of many, in which each type is there once.
//!
//! Two types are one if no walk along references tells them apart: same kind, name, size, members, and the same again
//! for whatever they refer to, however deep and through whatever cycles. This is exact: nothing is merged by its name,
//! or by a hash, alone.
//!
//! Beyond that, a forward declaration is the definition it declares,
//!
//! * if the inputs have only one definition of that name, or
//! * by the company it keeps: if the types that refer to it are elsewhere, otherwise equal, and refer to one
//!   definition there;
//!
//! and an enumeration without values is the one of the same name and size that has some. Variables are one if they are
//! in the same place of equal data sections.
//!
//! # How
//!
//! A step for a file:
//!
//! 1. `graph`: the types of all inputs become the nodes of one graph. Equal strings become equal numbers.
//! 2. `cons`: nodes get colors, children first: equal content and equally colored children make an equal color. At
//!    references to *named* structs only the name counts, so that there are hardly any cycles, and a color does not
//!    depend on what is known of the types behind it.
//! 3. `forward`: forward declarations get the color of what they declare.
//! 4. `refine`: where one name has several colors, those who refer to it by name have to be told apart, and then those
//!    who refer to them: the coarsest partition that no reference contradicts, in O(n log n).
//! 5. `order`: an order of the types that follows from what they are: by name, what a type is made of before it.
//! 6. `emit`: the set, and where each type of each input is in it.
//!
//! The result does not depend on the order of the inputs, nor on how types are distributed over them or numbered. To
//! remap what else refers to types, see [`BtfExt::remap`](crate::BtfExt::remap).

pub(crate) mod cons;
mod emit;
mod forward;
pub(crate) mod graph;
mod order;
mod refine;

use std::sync::Arc;

use crate::btf::Btf;
use crate::bytes::index;
use crate::error::Error;
use crate::types::TypeId;

use graph::Graph;

/// How sets are merged.
#[derive(Debug, Clone, Default)]
pub struct Options {
    base: Option<Arc<Btf>>,
    forwards: Forwards,
}

/// What becomes of forward declarations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Forwards {
    /// They become what they declare, where that is certain.
    #[default]
    Resolve,
    /// They stay: for a set that will be merged with others, which may have other definitions. Merging step by step is
    /// the same as merging at once if all steps but the last do this.
    Keep,
}

impl Options {
    /// No base; forward declarations are resolved.
    #[must_use]
    pub fn new() -> Options {
        Options::default()
    }

    /// The result is on top of that set: types that it has are not repeated. Inputs may be on top of it as well.
    #[must_use]
    pub fn base(mut self, base: Arc<Btf>) -> Options {
        self.base = Some(base);
        self
    }

    /// What becomes of forward declarations.
    #[must_use]
    pub fn forwards(mut self, forwards: Forwards) -> Options {
        self.forwards = forwards;
        self
    }
}

/// One set of many.
#[derive(Debug, Clone)]
pub struct Deduped {
    /// Each type once.
    pub btf: Btf,
    /// For each input, in their order, where its types are.
    pub maps: Vec<IdMap>,
}

/// Where the types of one set are in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdMap {
    /// The ids up to this one are the same in both: those of a common base.
    kept: u32,
    /// By id, from the one after those.
    ids: Vec<TypeId>,
}

impl IdMap {
    /// Where all types are, those of a base too.
    pub(crate) fn new(ids: Vec<TypeId>) -> IdMap {
        IdMap { kept: 0, ids }
    }

    /// Where the type is; void for void, and for an id that the set does not have.
    #[must_use]
    pub fn get(&self, id: TypeId) -> TypeId {
        match id.0.checked_sub(self.kept).and_then(|own| own.checked_sub(1)) {
            None => id,
            Some(own) => self.ids.get(index(own)).copied().unwrap_or(TypeId::VOID),
        }
    }
}

/// Makes one set of many, in which each type is there once.
///
/// The time and memory this takes are in proportion to the inputs', but for a logarithm.
///
/// ```
/// use skep_btf::dedup::{self, dedup};
/// use skep_btf::{Btf, IntEncoding, Kind};
///
/// // struct pair { int a, b; }; and the same again, with a forward declaration and another type
/// let mut one = Btf::builder();
/// let int = one.int("int", 4, IntEncoding::Signed);
/// let members = [one.member("a", int, 0), one.member("b", int, 32)];
/// one.structure("pair", 8, &members);
/// let mut two = Btf::builder();
/// let pair = two.fwd("pair", skep_btf::FwdKind::Struct);
/// let pointer = two.ptr(pair);
/// two.typedef("pair_p", pointer);
///
/// let (one, two) = (one.build()?, two.build()?);
/// let merged = dedup(&[&one, &two], &dedup::Options::new())?;
/// assert_eq!(merged.btf.count(), 4);
/// assert_eq!(merged.maps[1].get(pair), merged.btf.find_by_name(Kind::Struct, "pair").expect("of the first"));
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// # Errors
///
/// If an input is on top of another base than the result, or if ids or strings are more than 32 bits can number.
pub fn dedup(inputs: &[&Btf], options: &Options) -> Result<Deduped, Error> {
    let graph = Graph::new(inputs, options.base.as_deref())?;
    let colors = cons::colors(&graph, options.forwards);
    let blocks = forward::resolve(&graph, colors, options.forwards);
    let types = order::types(&graph, &blocks);
    emit::deduped(&graph, &types, inputs, options.base.clone())
}
