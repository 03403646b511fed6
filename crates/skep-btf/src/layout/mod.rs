//! Types as memory: which member is where, and where none is.
//!
//! A [`Layout`] is a plain tree, made of BTF by [`Reader`] and by whoever knows types from elsewhere; its
//! [`Display`](std::fmt::Display) is the view that pahole made known, with enums that carry data beside it.
//!
//! ```
//! use skep_btf::{Btf, IntEncoding, layout};
//!
//! let mut types = Btf::builder();
//! let char = types.int("char", 1, IntEncoding::Char);
//! let long = types.int("long int", 8, IntEncoding::Signed);
//! let members = [types.member("kind", char, 0), types.member("value", long, 64)];
//! let sample = types.structure("sample", 16, &members);
//! let btf = types.build()?;
//!
//! let layout = layout::Reader::new(&btf).read(sample).expect("it is a struct");
//! assert_eq!(layout.to_string(), "\
//! struct sample {
//! \tchar                       kind;                 /*     0     1 */
//!
//! \t/* XXX 7 bytes hole, try to pack */
//!
//! \tlong int                   value;                /*     8     8 */
//!
//! \t/* size: 16, cachelines: 1, members: 2 */
//! \t/* sum members: 9, holes: 1, sum holes: 7 */
//! \t/* last cacheline: 16 bytes */
//! };
//! ");
//! # Ok::<(), skep_btf::Error>(())
//! ```

mod gaps;
mod names;
mod print;
mod read;
mod ty;

pub use names::{Names, find, ids, suggest};
pub use read::Reader;
pub use ty::Ty;

/// A struct, union or enumeration as memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What it is.
    pub sort: Sort,
    /// As it is to be shown; empty if it has none.
    pub name: String,
    /// The typedef that it has been reached by, if that is of interest.
    pub typedef: Option<String>,
    /// In bytes.
    pub size: u64,
    /// Whether a member is less aligned than its type is by itself.
    pub packed: bool,
    /// Of a struct or union: by offset.
    pub members: Vec<Member>,
    /// Of an enumeration without data.
    pub constants: Vec<Constant>,
    /// Of an enumeration with data, as Rust has them.
    pub variants: Option<Variants>,
    /// Where it is declared, if that is known.
    pub decl: Option<Decl>,
}

/// What a layout is the layout of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A struct, or what is printed like one.
    Struct,
    /// A union.
    Union,
    /// An enumeration, with data or without.
    Enum,
}

/// A member of a struct, union or variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Empty for an anonymous struct or union.
    pub name: String,
    /// Its type.
    pub ty: Ty,
    /// Where it starts in its layout, in bits.
    pub bit_offset: u64,
    /// The size of its type, in bytes.
    pub size: u64,
    /// The width of a bit-field, in bits.
    pub bit_size: Option<u64>,
    /// The layout of its type (an array's element's, a pointer's target's), where that is printed in place:
    /// [`Ty::Nested`], or a type that is to be expanded.
    pub nested: Option<Box<Layout>>,
    /// How many bytes are unused at the end of its type, if that is a struct.
    pub padding: u64,
}

/// A constant of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: i128,
}

/// The ways in which the memory of an enumeration with data is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variants {
    /// The member that tells which it is; an enumeration of one variant has none.
    pub discriminant: Option<Member>,
    /// In the order of the source where that is known.
    pub list: Vec<Variant>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// The value of the discriminant. Without one, it is the variant of all values that no other has, or the only one.
    pub value: Option<i128>,
    /// Offsets are those in the whole enumeration.
    pub members: Vec<Member>,
}

/// Where a type is declared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decl {
    /// The source file; empty if it is not known.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
    /// The name of the compilation unit; empty if it is not known.
    pub unit: String,
    /// The offset of the entry in `.debug_info`, in bytes.
    pub die: Option<u64>,
}

impl Decl {
    /// The text of the tag that keeps this in BTF; see [`DeclTag`](crate::DeclTag).
    ///
    /// ```
    /// use skep_btf::layout::Decl;
    ///
    /// let decl = Decl { file: "src/lib.rs".into(), line: 7, unit: "lib.rs/@/a.0".into(), die: Some(0x1b) };
    /// assert_eq!(decl.to_tag(), "decl=src/lib.rs:7 unit:lib.rs/@/a.0 die:0x1b");
    /// assert_eq!(Decl::of_tag(&decl.to_tag()), Some(decl));
    /// assert_eq!(Decl::of_tag("rust:default"), None);
    /// ```
    #[must_use]
    pub fn to_tag(&self) -> String {
        let mut tag = format!("{DECL_TAG}{}:{}", self.file, self.line);
        if !self.unit.is_empty() {
            tag.push_str(" unit:");
            tag.push_str(&self.unit);
        }
        if let Some(die) = self.die {
            tag.push_str(&format!(" die:{die:#x}"));
        }
        tag
    }

    /// What such a text keeps; `None` if it is another tag's.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Decl> {
        let mut rest = tag.strip_prefix(DECL_TAG)?;
        let mut decl = Decl::default();
        if let Some((before, die)) = rest.rsplit_once(" die:0x")
            && let Ok(die) = u64::from_str_radix(die, 16)
        {
            (rest, decl.die) = (before, Some(die));
        }
        if let Some((before, unit)) = rest.split_once(" unit:") {
            (rest, decl.unit) = (before, unit.to_owned());
        }
        let (file, line) = rest.rsplit_once(':')?;
        (decl.file, decl.line) = (file.to_owned(), line.parse().ok()?);
        Some(decl)
    }
}

/// How the text of a tag begins that tells where a type is declared.
const DECL_TAG: &str = "decl=";
