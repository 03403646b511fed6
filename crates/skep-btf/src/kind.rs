//! The table of type kinds: whatever follows from a kind number is said here, once.
//!
//! To add a kind: a row here, a variant in [`Type`](crate::Type), an arm in `parse.rs` and one in `btf.rs`; the
//! compiler lists the rest.

use std::fmt;

/// What the third word of a type, `size_or_type`, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arg {
    /// A size in bytes.
    Size,
    /// The id of another type.
    Type,
    /// Nothing: it must be zero.
    Zero,
    /// Nothing, and whatever is there is skipped: gcc leaves the last id that it thought of.
    Junk,
}

/// What `vlen`, the low bits of the second word, holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vlen {
    /// The number of elements that follow.
    Count,
    /// The linkage of a function.
    Linkage,
    /// Nothing: it must be zero.
    Zero,
}

/// What `kind_flag`, the highest bit of the second word, means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flag {
    /// It has a meaning for this kind.
    Used,
    /// Nothing: it must be zero.
    Zero,
}

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) arg: Arg,
    pub(crate) vlen: Vlen,
    pub(crate) flag: Flag,
    /// Bytes after the three words, once per type.
    pub(crate) info_size: usize,
    /// Bytes after that, for each of the `vlen` elements.
    pub(crate) elem_size: usize,
}

const PREFIX: &str = "BTF_KIND_";

macro_rules! kinds {
    ($($number:literal $kind:ident $name:literal $arg:ident $vlen:ident $flag:ident $info:literal $elem:literal;)*) => {
        /// What a type is: `BTF_KIND_*` of the specification.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`")] $kind = $number,)*
        }

        /// In the order of the numbers, which start at 1.
        static TABLE: &[Row] = &[$(Row {
            kind: Kind::$kind,
            name: $name,
            arg: Arg::$arg,
            vlen: Vlen::$vlen,
            flag: Flag::$flag,
            info_size: $info,
            elem_size: $elem,
        },)*];

        impl Kind {
            /// Every kind, by number.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];
        }
    };
}

kinds! {
    // nr kind     spec name                arg  vlen    flag info elem
     1 Int       "BTF_KIND_INT"        Size Zero    Zero  4  0;
     2 Ptr       "BTF_KIND_PTR"        Type Zero    Zero  0  0;
     3 Array     "BTF_KIND_ARRAY"      Zero Zero    Zero 12  0;
     4 Struct    "BTF_KIND_STRUCT"     Size Count   Used  0 12;
     5 Union     "BTF_KIND_UNION"      Size Count   Used  0 12;
     6 Enum      "BTF_KIND_ENUM"       Size Count   Used  0  8;
     7 Fwd       "BTF_KIND_FWD"        Junk Zero    Used  0  0;
     8 Typedef   "BTF_KIND_TYPEDEF"    Type Zero    Zero  0  0;
     9 Volatile  "BTF_KIND_VOLATILE"   Type Zero    Zero  0  0;
    10 Const     "BTF_KIND_CONST"      Type Zero    Zero  0  0;
    11 Restrict  "BTF_KIND_RESTRICT"   Type Zero    Zero  0  0;
    12 Func      "BTF_KIND_FUNC"       Type Linkage Zero  0  0;
    13 FuncProto "BTF_KIND_FUNC_PROTO" Type Count   Zero  0  8;
    14 Var       "BTF_KIND_VAR"        Type Zero    Zero  4  0;
    15 Datasec   "BTF_KIND_DATASEC"    Size Count   Zero  0 12;
    16 Float     "BTF_KIND_FLOAT"      Size Zero    Zero  0  0;
    17 DeclTag   "BTF_KIND_DECL_TAG"   Type Zero    Used  4  0;
    18 TypeTag   "BTF_KIND_TYPE_TAG"   Type Zero    Used  0  0;
    19 Enum64    "BTF_KIND_ENUM64"     Size Count   Used  0 12;
}

impl Kind {
    /// The number in the encoding.
    #[must_use]
    pub const fn number(self) -> u32 {
        self as u32
    }

    /// The kind of a number, if it is a known one.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Kind> {
        row(number).map(|row| row.kind)
    }

    /// The name in the specification: `BTF_KIND_INT`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name as tools print it, without the prefix: `INT`.
    #[must_use]
    pub fn short_name(self) -> &'static str {
        &self.name()[PREFIX.len()..]
    }

    /// How many bytes a type of this kind takes in the encoding, with a list of `elements` where the kind has one.
    #[must_use]
    pub fn encoded_size(self, elements: u32) -> usize {
        let row = self.row();
        let elements =
            if row.vlen == Vlen::Count { usize::try_from(elements).unwrap_or(usize::MAX) } else { 0 };
        row.elem_size.saturating_mul(elements).saturating_add(12 + row.info_size)
    }

    pub(crate) fn row(self) -> &'static Row {
        &TABLE[usize::from(self as u8) - 1]
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The row of a kind number, if it is a known one.
pub(crate) fn row(number: u32) -> Option<&'static Row> {
    TABLE.get(usize::try_from(number).ok()?.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::{Kind, PREFIX, TABLE};

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        for (row, number) in TABLE.iter().zip(1..) {
            assert_eq!(row.kind.number(), number);
            assert_eq!(Kind::from_number(number), Some(row.kind));
            assert_eq!(row.kind.row().name, row.name);
            assert!(row.name.starts_with(PREFIX), "{}", row.name);
        }
        assert_eq!(Kind::ALL.len(), TABLE.len());
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(20), None);
        assert_eq!(Kind::FuncProto.short_name(), "FUNC_PROTO");
    }
}
