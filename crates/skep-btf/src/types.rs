//! One type as a value: what [`Btf::ty`](crate::Btf::ty) shows and [`BtfBuilder::add`](crate::BtfBuilder::add) takes.

use std::fmt;

use crate::kind::Kind;

/// The number of a type inside its [`Btf`](crate::Btf): 0 is void, the first type is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TypeId(pub u32);

impl TypeId {
    /// No type: what a function without a result returns, what `void *` points to.
    pub const VOID: TypeId = TypeId(0);

    /// Whether this is void.
    #[must_use]
    pub const fn is_void(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for TypeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0)
    }
}

/// Where a string starts in the string table of its [`Btf`](crate::Btf), in bytes: 0 is the empty string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StrRef(pub u32);

impl StrRef {
    /// The empty string, which names what is anonymous.
    pub const EMPTY: StrRef = StrRef(0);
}

impl fmt::Display for StrRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// A type without its name, which [`Btf::name`](crate::Btf::name) tells.
///
/// Element lists borrow from the set that the type comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type<'a> {
    /// Id 0: no type.
    Void,
    /// An integer, a character or a boolean.
    Int(Int),
    /// A pointer to the type.
    Ptr(TypeId),
    /// An array.
    Array(Array),
    /// A struct.
    Struct(Composite<'a>),
    /// A union.
    Union(Composite<'a>),
    /// An enumeration of at most 32-bit values.
    Enum(Enum<'a>),
    /// A struct or union that is declared, but not defined here.
    Fwd(FwdKind),
    /// Another name for the type.
    Typedef(TypeId),
    /// The type, volatile.
    Volatile(TypeId),
    /// The type, const.
    Const(TypeId),
    /// The type (a pointer), restrict.
    Restrict(TypeId),
    /// A function.
    Func(Func),
    /// The type of a function.
    FuncProto(FuncProto<'a>),
    /// A global variable.
    Var(Var),
    /// A data section with its variables.
    Datasec(Datasec<'a>),
    /// A floating-point number.
    Float {
        /// In bytes.
        size: u32,
    },
    /// An attribute of a declaration; the name is its text.
    DeclTag(DeclTag),
    /// An attribute of a type; the name is its text.
    TypeTag(TypeTag),
    /// An enumeration of 64-bit values.
    Enum64(Enum<'a>),
}

impl<'a> Type<'a> {
    /// The kind; `None` for void.
    #[must_use]
    pub const fn kind(&self) -> Option<Kind> {
        Some(match self {
            Type::Void => return None,
            Type::Int(_) => Kind::Int,
            Type::Ptr(_) => Kind::Ptr,
            Type::Array(_) => Kind::Array,
            Type::Struct(_) => Kind::Struct,
            Type::Union(_) => Kind::Union,
            Type::Enum(_) => Kind::Enum,
            Type::Fwd(_) => Kind::Fwd,
            Type::Typedef(_) => Kind::Typedef,
            Type::Volatile(_) => Kind::Volatile,
            Type::Const(_) => Kind::Const,
            Type::Restrict(_) => Kind::Restrict,
            Type::Func(_) => Kind::Func,
            Type::FuncProto(_) => Kind::FuncProto,
            Type::Var(_) => Kind::Var,
            Type::Datasec(_) => Kind::Datasec,
            Type::Float { .. } => Kind::Float,
            Type::DeclTag(_) => Kind::DeclTag,
            Type::TypeTag(_) => Kind::TypeTag,
            Type::Enum64(_) => Kind::Enum64,
        })
    }

    /// What a typedef, a `const`, `volatile` or `restrict`, or a type tag is put on.
    #[must_use]
    pub const fn modified(&self) -> Option<TypeId> {
        match *self {
            Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => Some(ty),
            Type::TypeTag(tag) => Some(tag.ty),
            _ => None,
        }
    }

    /// The members of a struct or union.
    #[must_use]
    pub const fn members(&self) -> Option<&'a [Member]> {
        match *self {
            Type::Struct(composite) | Type::Union(composite) => Some(composite.members),
            _ => None,
        }
    }

    /// Calls `visit` with each type that this one refers to, and where: the referring field, and the element's index
    /// if it is one of a list.
    pub fn references(&self, mut visit: impl FnMut(TypeId, &'static str, Option<usize>)) {
        match *self {
            Type::Void
            | Type::Int(_)
            | Type::Float { .. }
            | Type::Fwd(_)
            | Type::Enum(_)
            | Type::Enum64(_) => {}
            Type::Ptr(ty) | Type::Typedef(ty) | Type::Volatile(ty) | Type::Const(ty) | Type::Restrict(ty) => {
                visit(ty, "type", None);
            }
            Type::TypeTag(tag) => visit(tag.ty, "type", None),
            Type::DeclTag(tag) => visit(tag.target, "target", None),
            Type::Var(var) => visit(var.ty, "type", None),
            Type::Func(func) => visit(func.proto, "prototype", None),
            Type::Array(array) => {
                visit(array.elem, "element type", None);
                visit(array.index, "index type", None);
            }
            Type::Struct(composite) | Type::Union(composite) => {
                composite.members.iter().enumerate().for_each(|(i, m)| visit(m.ty, "member", Some(i)));
            }
            Type::FuncProto(proto) => {
                visit(proto.ret, "return type", None);
                proto.params.iter().enumerate().for_each(|(i, p)| visit(p.ty, "parameter", Some(i)));
            }
            Type::Datasec(section) => {
                section.vars.iter().enumerate().for_each(|(i, v)| visit(v.var, "variable", Some(i)));
            }
        }
    }

    /// Calls `visit` with the name of each member, enumerator or parameter, and where, as
    /// [`references`](Type::references) does.
    pub fn names(&self, mut visit: impl FnMut(StrRef, &'static str, Option<usize>)) {
        match *self {
            Type::Struct(composite) | Type::Union(composite) => {
                composite.members.iter().enumerate().for_each(|(i, m)| visit(m.name, "member", Some(i)));
            }
            Type::Enum(e) | Type::Enum64(e) => {
                e.values.iter().enumerate().for_each(|(i, v)| visit(v.name, "enumerator", Some(i)));
            }
            Type::FuncProto(proto) => {
                proto.params.iter().enumerate().for_each(|(i, p)| visit(p.name, "parameter", Some(i)));
            }
            _ => {}
        }
    }
}

/// How the bits of an integer are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum IntEncoding {
    /// No encoding given.
    Unsigned = 0,
    /// `BTF_INT_SIGNED`
    Signed = 1,
    /// `BTF_INT_CHAR`
    Char = 2,
    /// Both of them: what gcc says of `char`. The kernel refuses it.
    SignedChar = 3,
    /// `BTF_INT_BOOL`
    Bool = 4,
}

impl IntEncoding {
    pub(crate) fn from_number(number: u32) -> Option<IntEncoding> {
        Some(match number {
            0 => IntEncoding::Unsigned,
            1 => IntEncoding::Signed,
            2 => IntEncoding::Char,
            3 => IntEncoding::SignedChar,
            4 => IntEncoding::Bool,
            _ => return None,
        })
    }
}

/// An integer type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Int {
    /// In bytes.
    pub size: u32,
    /// How many of the bits are used.
    pub bits: u8,
    /// The first used bit; not zero only for bit-fields of old compilers.
    pub offset: u8,
    /// What the bits mean.
    pub encoding: IntEncoding,
}

/// An array type. An array of arrays is an array whose elements are arrays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Array {
    /// The type of an element.
    pub elem: TypeId,
    /// The type that an index has; it says nothing about the layout.
    pub index: TypeId,
    /// How many elements; 0 for a flexible array.
    pub len: u32,
}

/// The body of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Composite<'a> {
    /// In bytes.
    pub size: u32,
    /// In the order of the encoding.
    pub members: &'a [Member],
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    /// Empty for an anonymous struct or union.
    pub name: StrRef,
    /// The type.
    pub ty: TypeId,
    /// Where it starts, in bits.
    pub bit_offset: u32,
    /// The width of a bit-field, in bits; 0 for any other member.
    pub bitfield_size: u8,
}

impl Member {
    /// Where it starts, in bytes; `None` if that is inside a byte.
    #[must_use]
    pub const fn byte_offset(&self) -> Option<u32> {
        if self.bit_offset.is_multiple_of(8) { Some(self.bit_offset / 8) } else { None }
    }
}

/// An enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enum<'a> {
    /// In bytes.
    pub size: u32,
    /// Whether the values are signed.
    pub signed: bool,
    /// In the order of the encoding.
    pub values: &'a [Enumerator],
}

impl Enum<'_> {
    /// The number that an enumerator of this enumeration stands for.
    #[must_use]
    pub fn number(&self, enumerator: &Enumerator) -> i128 {
        if self.signed { enumerator.value.into() } else { enumerator.value.cast_unsigned().into() }
    }
}

/// A constant of an enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Enumerator {
    /// Its name.
    pub name: StrRef,
    /// Its 64 bits, sign-extended if the enumeration is signed, else zero-extended; see [`Enum::number`].
    pub value: i64,
}

/// What a forward declaration declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FwdKind {
    /// A struct.
    Struct,
    /// A union.
    Union,
}

/// Who sees a function or variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Linkage {
    /// `BTF_FUNC_STATIC`, `BTF_VAR_STATIC`: this object alone.
    Static = 0,
    /// `BTF_FUNC_GLOBAL`, `BTF_VAR_GLOBAL_ALLOCATED`: defined here, seen everywhere.
    Global = 1,
    /// `BTF_FUNC_EXTERN`, `BTF_VAR_GLOBAL_EXTERN`: defined elsewhere.
    Extern = 2,
}

impl Linkage {
    pub(crate) fn from_number(number: u32) -> Option<Linkage> {
        Some(match number {
            0 => Linkage::Static,
            1 => Linkage::Global,
            2 => Linkage::Extern,
            _ => return None,
        })
    }
}

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Func {
    /// A [`FuncProto`].
    pub proto: TypeId,
    /// Who sees it.
    pub linkage: Linkage,
}

/// The type of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FuncProto<'a> {
    /// What it returns.
    pub ret: TypeId,
    /// As encoded: if the function takes a variable number of arguments, the last one is void and unnamed.
    pub params: &'a [Param],
}

impl FuncProto<'_> {
    /// Whether the function takes a variable number of arguments.
    #[must_use]
    pub fn is_variadic(&self) -> bool {
        self.params.last() == Some(&Param::VARIADIC)
    }
}

/// A parameter of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Param {
    /// Empty in the type of a function pointer.
    pub name: StrRef,
    /// Its type.
    pub ty: TypeId,
}

impl Param {
    /// The `...` at the end of a parameter list.
    pub const VARIADIC: Param = Param { name: StrRef::EMPTY, ty: TypeId::VOID };
}

/// A global variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Var {
    /// Its type.
    pub ty: TypeId,
    /// Who sees it.
    pub linkage: Linkage,
}

/// A data section; the name of the type is the section's.
///
/// Compilers leave sizes and offsets zero where a linker or loader knows them from the symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Datasec<'a> {
    /// In bytes.
    pub size: u32,
    /// In the order of the encoding.
    pub vars: &'a [SecVar],
}

/// A variable's place in a data section.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecVar {
    /// A [`Var`], or the [`Func`] of a kernel function in `.ksyms`.
    pub var: TypeId,
    /// From the start of the section, in bytes.
    pub offset: u32,
    /// In bytes.
    pub size: u32,
}

/// An attribute of a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DeclTag {
    /// What it is put on.
    pub target: TypeId,
    /// Which member or parameter; `None` for the whole.
    pub component: Option<u32>,
    /// Whether the text is a compiler attribute (`kind_flag`) instead of a `btf_decl_tag`.
    pub attribute: bool,
}

/// An attribute of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TypeTag {
    /// What it is put on.
    pub ty: TypeId,
    /// Whether the text is a compiler attribute (`kind_flag`) instead of a `btf_type_tag`.
    pub attribute: bool,
}
