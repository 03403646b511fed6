//! What a unit declares, between DWARF and BTF.
//!
//! A [`Unit`] holds one unit's types, functions and variables as [`Node`]s, in the order of their DIEs, with what they
//! are made of as [`Item`]s. Nothing is resolved, so that reading a unit needs no other one, and nothing is allocated
//! per node. References are [`TypeRef`]s, which [`Unit::find`] leads to a node.

use crate::lang::Lang;
use crate::names::Name;
use crate::reader::index;
use crate::report::Tally;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `a` is the `DW_ATE` encoding, `size` the size.
    Base,
    /// A pointer or reference.
    Pointer,
    Const,
    Volatile,
    Restrict,
    /// Stands for the type that it refers to: `_Atomic`, a subrange.
    Same,
    Typedef,
    Struct,
    Union,
    Enum,
    /// The items are the dimensions.
    Array,
    /// The type of a function; the items are the parameters.
    Subroutine,
    /// Void by a name, like `nullptr_t`.
    Unspecified,
    Function,
    Variable,
    /// The items are [`ItemKind::Variant`]s, each followed by its members. `ty` is the type of the discriminant, and
    /// the item in front of the first variant, if it is a [`ItemKind::Discriminant`], is where it is.
    VariantPart,
}

/// A type, function or variable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// Offset of the DIE from the start of the unit.
    pub(crate) die: u32,
    pub(crate) kind: Kind,
    pub(crate) lang: Lang,
    pub(crate) flags: u16,
    pub(crate) name: Name,
    /// Index into [`Unit::scopes`].
    pub(crate) scope: u32,
    pub(crate) ty: TypeRef,
    /// In bytes; of a function or variable, the name that the linker sees.
    pub(crate) size: u32,
    /// By kind: encoding of a base type; origin or specification of others.
    pub(crate) a: u32,
    pub(crate) items: u32,
    pub(crate) items_len: u32,
    /// How many DIEs it stands for, itself included.
    pub(crate) dies: u32,
}

/// Bits of [`Node::flags`].
pub(crate) mod flag {
    /// Declared here, defined elsewhere.
    pub(crate) const DECLARATION: u16 = 1;
    /// Seen outside its file.
    pub(crate) const EXTERNAL: u16 = 2;
    /// A function with code, a variable with an address.
    pub(crate) const PLACED: u16 = 4;
    /// Takes more arguments than it names.
    pub(crate) const VARIADIC: u16 = 8;
    /// A parameter is not where the calling convention puts it.
    pub(crate) const UNEXPECTED_REGISTER: u16 = 16;
    /// `a` is an origin or specification.
    pub(crate) const HAS_ORIGIN: u16 = 32;
    /// A function that was inlined somewhere.
    pub(crate) const INLINED: u16 = 64;
    /// The enumeration's values are signed.
    pub(crate) const SIGNED: u16 = 128;
    /// The size is larger than 32 bits hold.
    pub(crate) const TOO_LARGE: u16 = 256;
    /// Inside a function.
    pub(crate) const LOCAL: u16 = 512;
    /// It has a size.
    pub(crate) const SIZED: u16 = 1024;
    /// The size is the place of a type signature: see [`super::Unit::signature`].
    pub(crate) const SIGNATURE: u16 = 2048;
    /// Has annotations among its items.
    pub(crate) const ANNOTATED: u16 = 4096;
    /// A struct with a variant part among its items.
    pub(crate) const VARIANTS: u16 = 8192;
    /// `&T` or `&&T` of C++.
    pub(crate) const REFERENCE: u16 = 16384;
    /// A function with a parameter that has no name.
    pub(crate) const UNNAMED: u16 = 32768;
}

/// A part of a node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item {
    pub(crate) kind: ItemKind,
    /// The width of a bit-field, in bits; 0 for what is none.
    pub(crate) bits: u8,
    pub(crate) flags: u16,
    pub(crate) name: Name,
    pub(crate) ty: TypeRef,
    /// Member: the first bit. Enumerator: the value. Dimension: the number of elements. Variant: the value of the
    /// discriminant. With [`item_flag::WIDE`]: where the value is in [`Unit::wide`].
    pub(crate) value: u64,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ItemKind {
    Member,
    /// A base class, which is an unnamed member.
    Base,
    Enumerator,
    Param,
    Dimension,
    /// Refers to the node of a variant part.
    VariantPart,
    Discriminant,
    /// Its members follow, up to the next variant.
    Variant,
    /// `btf_decl_tag` or `btf_type_tag`: `name` is which, `ty` the name that is its value.
    Annotation,
}

/// Bits of [`Item::flags`].
pub(crate) mod item_flag {
    /// A variant without a value: the one that is left.
    pub(crate) const DEFAULT: u16 = 1;
    /// The value is negative and sign-extended.
    pub(crate) const NEGATIVE: u16 = 2;
    /// The place or value needs more bits than there are here.
    pub(crate) const TOO_LARGE: u16 = 4;
    /// The place is known at run time only.
    pub(crate) const DYNAMIC: u16 = 8;
    /// The compiler made it.
    pub(crate) const ARTIFICIAL: u16 = 16;
    /// An array without a length.
    pub(crate) const OPEN: u16 = 32;
    /// The place counts from the end of a storage unit that is as large as the type.
    pub(crate) const OLD_STORAGE: u16 = 64;
    /// The value needs more than 64 bits; with [`TOO_LARGE`].
    pub(crate) const WIDE: u16 = 128;
}

/// A reference to a DIE.
///
/// 0 is none. Otherwise the offset of the DIE from the start of the unit, or, with the upper bit, an index into
/// [`Unit::externals`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct TypeRef(pub(crate) u32);

impl TypeRef {
    pub(crate) const NONE: TypeRef = TypeRef(0);
    pub(crate) const EXTERNAL: u32 = 1 << 31;

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// A DIE of another unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum External {
    /// Offset in the section of this unit.
    Section(u64),
    /// Offset in the `.debug_info` of the supplementary file.
    Supplementary(u64),
    /// The type unit of that signature.
    Signature(u64),
}

/// A namespace, type or function that declares others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) parent: u32,
    pub(crate) name: Name,
}

/// The types, functions and variables of a unit.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    pub(crate) lang: Lang,
    pub(crate) nodes: Vec<Node>,
    pub(crate) items: Vec<Item>,
    /// The first is the outermost one, without a name.
    pub(crate) scopes: Vec<Scope>,
    pub(crate) externals: Vec<External>,
    /// The addresses of placed functions and variables, by node, sorted by node.
    pub(crate) places: Vec<(u32, u64)>,
    pub(crate) index: Index,
    /// Values that need more than 64 bits.
    pub(crate) wide: Vec<u128>,
    /// Whether there are floating-point numbers among its types.
    pub(crate) has_floats: bool,
    pub(crate) tally: Tally,
    pub(crate) bases: Bases,
}

/// What the first DIE of a unit says about the others.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bases {
    pub(crate) str_offsets: u64,
    pub(crate) addr: u64,
    pub(crate) loclists: u64,
    /// In bytes.
    pub(crate) address_size: u8,
}

impl Unit {
    /// Forgets everything but the memory that it takes.
    pub(crate) fn clear(&mut self, len: usize) {
        self.lang = Lang::default();
        self.nodes.clear();
        self.items.clear();
        self.scopes.clear();
        self.scopes.push(Scope { parent: 0, name: Name::NONE });
        self.externals.clear();
        self.places.clear();
        self.index.clear(len);
        self.wide.clear();
        self.has_floats = false;
        self.tally = Tally::default();
        self.bases = Bases::default();
    }

    /// The node of the DIE at that offset from the start of the unit.
    #[inline]
    pub(crate) fn find(&self, die: u32) -> Option<u32> {
        self.index.find(die)
    }

    pub(crate) fn items(&self, node: &Node) -> &[Item] {
        let start = index(node.items);
        self.items.get(start..start.saturating_add(index(node.items_len))).unwrap_or_default()
    }

    /// The value of an enumerator or variant, as 128 bits; `None` if it needs more.
    pub(crate) fn value(&self, item: &Item) -> Option<u128> {
        if item.flags & item_flag::WIDE != 0 {
            self.wide.get(usize::try_from(item.value).ok()?).copied()
        } else if item.flags & item_flag::TOO_LARGE != 0 {
            None
        } else if item.flags & item_flag::NEGATIVE != 0 {
            Some(i128::from(item.value.cast_signed()).cast_unsigned())
        } else {
            Some(item.value.into())
        }
    }

    /// The address of a function or variable.
    pub(crate) fn place(&self, node: u32) -> Option<u64> {
        let at = self.places.binary_search_by_key(&node, |&(node, _)| node).ok()?;
        Some(self.places[at].1)
    }
}

/// From offsets of DIEs to nodes: a bit for each offset, and for each 64 of them the number of nodes before.
///
/// It takes a fifth of the unit's own size, and stays in the fastest cache for all but the largest units.
#[derive(Debug, Default)]
pub(crate) struct Index {
    words: Vec<(u64, u32)>,
}

impl Index {
    fn clear(&mut self, len: usize) {
        self.words.clear();
        self.words.resize(len / 64 + 1, (0, 0));
    }

    /// Adds the next node. Nodes come in the order of their offsets.
    #[inline]
    pub(crate) fn add(&mut self, die: u32, node: u32) {
        if let Some((bits, before)) = self.words.get_mut(index(die / 64)) {
            if *bits == 0 {
                *before = node;
            }
            *bits |= 1 << (die % 64);
        }
    }

    #[inline]
    fn find(&self, die: u32) -> Option<u32> {
        let &(bits, before) = self.words.get(index(die / 64))?;
        let bit = 1_u64 << (die % 64);
        (bits & bit != 0).then(|| before + (bits & (bit - 1)).count_ones())
    }
}

#[cfg(test)]
mod tests {
    use super::Index;

    #[test]
    fn the_index_finds_what_was_added_and_nothing_else() {
        let mut index = Index::default();
        index.clear(1000);
        let dies = [11, 12, 63, 64, 200, 201, 263, 264, 999];
        for (die, node) in dies.into_iter().zip(0..) {
            index.add(die, node);
        }
        for die in 0..2000 {
            let expected = dies.iter().position(|&other| other == die).map(|at| u32::try_from(at).unwrap());
            assert_eq!(index.find(die), expected, "{die}");
        }
    }
}
