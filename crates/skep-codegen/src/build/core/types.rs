//! Types: what C has, each as the kernel takes it.
//!
//! Names that the kernel does not take as identifiers are spelled as [`skep_btf::mangle`] says.

use skep_btf::{FwdKind, IntEncoding, Kind, Param, TypeId, mangle};

use super::class::{ARENA_TAG, Shape};
use super::handle::Ty;
use super::module::Module;
use crate::diag::Code;

/// A member of a struct or union that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    name: &'a str,
    ty: Ty,
    /// Where it is, in bytes, if not behind the one before.
    at: Option<u32>,
    bits: Option<u8>,
}

impl<'a> Member<'a> {
    /// A member that follows the one before, as C lays them out. Without a name it must be a struct or union.
    #[must_use]
    pub const fn new(name: &'a str, ty: Ty) -> Member<'a> {
        Member { name, ty, at: None, bits: None }
    }

    /// Puts it so many bytes behind the start.
    #[must_use]
    pub const fn at(self, bytes: u32) -> Member<'a> {
        Member { at: Some(bytes), ..self }
    }

    /// Makes it a bit-field of so many bits.
    #[must_use]
    pub const fn bits(self, bits: u8) -> Member<'a> {
        Member { bits: Some(bits), ..self }
    }
}

/// The most members, enumerators and parameters that the kernel takes.
const MAX_LIST: usize = 65_535;

/// How members are placed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Natural,
    Packed,
    Union,
}

impl Module {
    /// A signed integer of 1 to 64 bits; the usual widths have the names that C gives them.
    #[track_caller]
    pub fn signed(&mut self, bits: u8) -> Ty {
        self.here();
        let names = ["signed char", "short", "int", "long long"];
        self.integer(bits, IntEncoding::Signed, names, "_BitInt")
    }

    /// An unsigned integer of 1 to 64 bits; the usual widths have the names that C gives them.
    #[track_caller]
    pub fn unsigned(&mut self, bits: u8) -> Ty {
        self.here();
        let names = ["unsigned char", "unsigned short", "unsigned int", "unsigned long long"];
        self.integer(bits, IntEncoding::Unsigned, names, "unsigned _BitInt")
    }

    fn integer(&mut self, bits: u8, encoding: IntEncoding, names: [&str; 4], other: &str) -> Ty {
        let (name, size) = match bits {
            8 => (names[0], 1),
            16 => (names[1], 2),
            32 => (names[2], 4),
            64 => (names[3], 8),
            1..=63 => {
                let size = u32::from(bits.div_ceil(8)).next_power_of_two();
                let int = skep_btf::Int { size, bits, offset: 0, encoding };
                let id = self.ir.types.add(&format!("{other}({bits})"), skep_btf::Type::Int(int));
                return self.ty(id);
            }
            _ => {
                self.mistake(
                    Code::OutOfRange,
                    format!(
                        "an integer of {bits} bits: registers hold 1 to 64, make a struct of larger ones"
                    ),
                );
                return Ty::POISON;
            }
        };
        let id = self.ir.types.int(name, size, encoding);
        self.ty(id)
    }

    /// `_Bool`
    pub fn bool(&mut self) -> Ty {
        let id = self.ir.types.int("_Bool", 1, IntEncoding::Bool);
        self.ty(id)
    }

    /// An 8-bit character, signed as on most machines.
    pub fn char(&mut self) -> Ty {
        let id = self.ir.types.int("char", 1, IntEncoding::Signed);
        self.ty(id)
    }

    /// A pointer to the type; to [`Ty::VOID`], a `void *`.
    #[track_caller]
    pub fn pointer(&mut self, to: Ty) -> Ty {
        self.here();
        let Some(to) = self.type_id(to) else { return Ty::POISON };
        let id = self.ir.types.ptr(to);
        self.ty(id)
    }

    /// A pointer into an arena (`BPF_MAP_TYPE_ARENA`).
    #[track_caller]
    pub fn arena_pointer(&mut self, to: Ty) -> Ty {
        self.here();
        let Some(to) = self.type_id(to) else { return Ty::POISON };
        let tagged = self.ir.types.type_tag(ARENA_TAG, to);
        let id = self.ir.types.ptr(tagged);
        self.ty(id)
    }

    /// An array of so many elements.
    #[track_caller]
    pub fn array(&mut self, elem: Ty, len: u32) -> Ty {
        self.here();
        let Some(elem) = self.object_type(elem, "an array of") else { return Ty::POISON };
        let size = self.class(elem).size;
        if size.checked_mul(len).is_none() {
            self.mistake(
                Code::TooLarge,
                format!("an array of {len} elements of {size} bytes: the limit is 4 GiB - 1"),
            );
            return Ty::POISON;
        }
        let id = self.ir.types.array_of(elem, len);
        self.ty(id)
    }

    /// A struct whose members are laid out as C does, where they do not say their places. It may have no name.
    #[track_caller]
    pub fn structure(&mut self, name: &str, members: &[Member<'_>]) -> Ty {
        self.here();
        self.composite(name, members, Layout::Natural)
    }

    /// A struct without padding, as `__attribute__((packed))` makes it.
    #[track_caller]
    pub fn packed(&mut self, name: &str, members: &[Member<'_>]) -> Ty {
        self.here();
        self.composite(name, members, Layout::Packed)
    }

    /// A union.
    #[track_caller]
    pub fn union(&mut self, name: &str, members: &[Member<'_>]) -> Ty {
        self.here();
        self.composite(name, members, Layout::Union)
    }

    /// A struct of so many bytes whose members come later, so that they may refer to it.
    #[track_caller]
    pub fn declare_struct(&mut self, name: &str, size: u32) -> Ty {
        self.here();
        let id = self.ir.types.declare(Kind::Struct, &mangle(name), size);
        self.incomplete.push(id);
        self.ty(id)
    }

    /// Gives a struct from [`declare_struct`](Module::declare_struct) its members.
    #[track_caller]
    pub fn define_struct(&mut self, ty: Ty, members: &[Member<'_>]) {
        self.here();
        let Some(id) = self.type_id(ty) else { return };
        let Some(at) = self.incomplete.iter().position(|&known| known == id) else {
            let name = self.type_name(id);
            self.mistake(
                Code::DuplicateName,
                format!("{name} is not a struct that waits for its members: call declare_struct first, define it once"),
            );
            return;
        };
        let declared = match self.ir.types.so_far().ty(id) {
            skep_btf::Type::Struct(composite) => composite.size,
            _ => 0,
        };
        let Some((members, size, _)) = self.members(members, Layout::Natural) else { return };
        if size > declared {
            let name = self.type_name(id);
            self.mistake(
                Code::OutOfRange,
                format!("the members of {name} take {size} bytes, but it was declared with {declared}"),
            );
            return;
        }
        self.incomplete.swap_remove(at);
        self.ir.types.define(id, &members);
        self.classes.clear();
    }

    /// A struct that only the kernel knows; pointers to it are possible.
    pub fn opaque(&mut self, name: &str) -> Ty {
        let id = self.ir.types.fwd(&mangle(name), FwdKind::Struct);
        self.ty(id)
    }

    /// An enumeration whose values are of an integer type. It may have no name.
    #[track_caller]
    pub fn enumeration(&mut self, name: &str, of: Ty, values: &[(&str, i64)]) -> Ty {
        self.here();
        let Some(of) = self.type_id(of) else { return Ty::POISON };
        let class = self.class(of);
        let Shape::Int { signed, bits } = class.shape else {
            let found = self.type_name(of);
            self.mistake(
                Code::TypeMismatch,
                format!("an enumeration of {found}: its values are of an integer type"),
            );
            return Ty::POISON;
        };
        if values.len() > MAX_LIST {
            return self.too_long("an enumeration", values.len());
        }
        let mut list = Vec::with_capacity(values.len());
        for &(value_name, value) in values {
            // An unsigned 64-bit number is given by its bits.
            if bits < 64 && !fits(value.into(), bits, signed) {
                self.mistake(
                    Code::OutOfRange,
                    format!("{value_name} = {value} does not fit into {bits} bits"),
                );
                return Ty::POISON;
            }
            if value_name.is_empty() {
                self.mistake(Code::BadName, "an enumerator without a name".to_owned());
                return Ty::POISON;
            }
            list.push(self.ir.types.enumerator(&mangle(value_name), value));
        }
        let name = if name.is_empty() { name.into() } else { mangle(name) };
        let id = self.ir.types.enumeration(&name, class.size, signed, &list);
        self.ty(id)
    }

    /// Another name for the type.
    #[track_caller]
    pub fn typedef(&mut self, name: &str, ty: Ty) -> Ty {
        self.here();
        let Some(ty) = self.type_id(ty) else { return Ty::POISON };
        if name.is_empty() {
            self.mistake(Code::BadName, "a typedef without a name".to_owned());
            return Ty::POISON;
        }
        let id = self.ir.types.typedef(&mangle(name), ty);
        self.ty(id)
    }

    /// The type, `const`.
    #[track_caller]
    pub fn constant(&mut self, ty: Ty) -> Ty {
        self.here();
        let Some(ty) = self.type_id(ty) else { return Ty::POISON };
        let id = self.ir.types.constant(ty);
        self.ty(id)
    }

    /// The type, `volatile`: each access happens as written.
    #[track_caller]
    pub fn volatile(&mut self, ty: Ty) -> Ty {
        self.here();
        let Some(ty) = self.type_id(ty) else { return Ty::POISON };
        let id = self.ir.types.volatile(ty);
        self.ty(id)
    }

    /// The type of a function. Parameters without names get some.
    #[track_caller]
    pub fn func_type(&mut self, ret: Ty, params: &[(&str, Ty)]) -> Ty {
        self.here();
        self.proto(ret, params, false)
    }

    /// The type of a function that takes more arguments than it names.
    #[track_caller]
    pub fn variadic_type(&mut self, ret: Ty, params: &[(&str, Ty)]) -> Ty {
        self.here();
        self.proto(ret, params, true)
    }

    fn proto(&mut self, ret: Ty, params: &[(&str, Ty)], variadic: bool) -> Ty {
        let Some(ret) = self.type_id(ret) else { return Ty::POISON };
        if !self.check_passed(ret, true) {
            return Ty::POISON;
        }
        if params.len() >= MAX_LIST {
            return self.too_long("a function", params.len());
        }
        let mut list = Vec::with_capacity(params.len() + usize::from(variadic));
        for (at, &(name, ty)) in params.iter().enumerate() {
            let Some(ty) = self.type_id(ty) else { return Ty::POISON };
            if !self.check_passed(ty, false) {
                return Ty::POISON;
            }
            list.push(if name.is_empty() { self.unnamed_param(at, ty) } else { self.named_param(name, ty) });
        }
        if variadic {
            list.push(Param::VARIADIC);
        }
        let ret = if ret.is_void() || self.class(ret).shape != Shape::Void { ret } else { TypeId::VOID };
        let id = self.ir.types.func_proto(ret, &list);
        self.ty(id)
    }

    fn named_param(&mut self, name: &str, ty: TypeId) -> Param {
        self.ir.types.param(&mangle(name), ty)
    }

    pub(crate) fn unnamed_param(&mut self, at: usize, ty: TypeId) -> Param {
        const NAMES: [&str; 8] = ["arg0", "arg1", "arg2", "arg3", "arg4", "arg5", "arg6", "arg7"];
        match NAMES.get(at) {
            Some(name) => self.ir.types.param(name, ty),
            None => self.ir.types.param(&format!("arg{at}"), ty),
        }
    }

    /// Whether values of a type can be passed to a function, or returned; else it is a mistake.
    pub(super) fn check_passed(&mut self, ty: TypeId, returned: bool) -> bool {
        let class = self.class(ty);
        let code = match class.shape {
            Shape::Void if returned => return true,
            Shape::Bool | Shape::Int { .. } | Shape::Ptr { .. } => return true,
            Shape::Composite | Shape::Array { .. } => Code::StructByValue,
            Shape::Float => Code::Float,
            Shape::Wide => Code::Int128,
            Shape::Void | Shape::Func | Shape::Opaque => Code::TypeMismatch,
        };
        let (name, verb) = (self.type_name(ty), if returned { "returns" } else { "takes" });
        self.mistake(code, format!("a function {verb} {name} by value: use a pointer to it"));
        false
    }

    /// The id of a type whose values lie in memory; else it is a mistake.
    pub(super) fn object_type(&mut self, ty: Ty, what: &str) -> Option<TypeId> {
        let id = self.type_id(ty)?;
        if self.class(id).is_object() && !self.is_incomplete(id) {
            return Some(id);
        }
        let name = self.type_name(id);
        self.mistake(
            Code::TypeMismatch,
            format!("{what} {name}, which has no size: complete it, or use a pointer"),
        );
        None
    }

    fn is_incomplete(&mut self, id: TypeId) -> bool {
        if self.incomplete.is_empty() {
            return false;
        }
        let mut bare = self.class(id).bare;
        for _ in 0..64 {
            match self.class(bare).shape {
                Shape::Array { elem, .. } => bare = self.class(elem).bare,
                _ => break,
            }
        }
        self.incomplete.contains(&bare)
    }

    fn too_long(&mut self, what: &str, len: usize) -> Ty {
        self.mistake(Code::TooLarge, format!("{what} with a list of {len}: types hold {MAX_LIST}"));
        Ty::POISON
    }

    /// A type as messages call it.
    pub(super) fn type_name(&self, id: TypeId) -> String {
        let btf = self.ir.types.so_far();
        let mut name = String::new();
        let mut suffix = String::new();
        let mut at = id;
        for _ in 0..16 {
            match btf.ty(at) {
                skep_btf::Type::Void => name.push_str("void"),
                skep_btf::Type::Ptr(to) => {
                    suffix.insert(0, '*');
                    at = to;
                    continue;
                }
                skep_btf::Type::Array(array) => {
                    suffix.push_str(&format!("[{}]", array.len));
                    at = array.elem;
                    continue;
                }
                skep_btf::Type::FuncProto(_) => name.push_str("a function"),
                skep_btf::Type::Struct(_) | skep_btf::Type::Fwd(FwdKind::Struct) => name.push_str("struct "),
                skep_btf::Type::Union(_) | skep_btf::Type::Fwd(FwdKind::Union) => name.push_str("union "),
                skep_btf::Type::Enum(_) | skep_btf::Type::Enum64(_) => name.push_str("enum "),
                skep_btf::Type::Const(to) => {
                    name.push_str("const ");
                    at = to;
                    continue;
                }
                skep_btf::Type::Volatile(to) => {
                    name.push_str("volatile ");
                    at = to;
                    continue;
                }
                skep_btf::Type::TypeTag(tag) => {
                    at = tag.ty;
                    continue;
                }
                _ => {}
            }
            break;
        }
        name.push_str(btf.name(at));
        if !suffix.is_empty() {
            name.push(' ');
            name.push_str(&suffix);
        }
        format!("'{}'", name.trim_end())
    }

    fn composite(&mut self, name: &str, members: &[Member<'_>], layout: Layout) -> Ty {
        let Some((members, size, _)) = self.members(members, layout) else { return Ty::POISON };
        let name = if name.is_empty() { name.into() } else { mangle(name) };
        let id = match layout {
            Layout::Union => self.ir.types.union(&name, size, &members),
            Layout::Natural | Layout::Packed => self.ir.types.structure(&name, size, &members),
        };
        self.ty(id)
    }

    /// Places members; with the size and alignment of the whole, in bytes.
    fn members(
        &mut self,
        members: &[Member<'_>],
        layout: Layout,
    ) -> Option<(Vec<skep_btf::Member>, u32, u32)> {
        if members.len() > MAX_LIST {
            self.too_long("a struct", members.len());
            return None;
        }
        let limit =
            if members.iter().any(|member| member.bits.is_some()) { 1 << 24 } else { u32::MAX.into() };
        let mut list = Vec::with_capacity(members.len());
        let (mut end, mut size, mut align) = (0u64, 0u64, 1u32);
        for member in members {
            let ty = self.object_type(member.ty, "a member of type")?;
            let class = self.class(ty);
            let member_align = if layout == Layout::Packed { 1 } else { u32::from(class.align) };
            let whole_bits = u64::from(class.size) * 8;
            if member.name.is_empty() && class.shape != Shape::Composite {
                self.mistake(
                    Code::BadName,
                    "a member without a name: only structs and unions can have none".to_owned(),
                );
                return None;
            }
            let bits = match member.bits {
                Some(bits) => {
                    let most = match class.shape {
                        Shape::Int { bits, .. } => bits,
                        Shape::Bool => 1,
                        _ => 0,
                    };
                    if bits == 0 || bits > most {
                        let (ty, name) = (self.type_name(ty), member.name);
                        self.mistake(
                            Code::OutOfRange,
                            format!("the bit-field '{name}' has {bits} bits, but {ty} takes 1 to {most}"),
                        );
                        return None;
                    }
                    u64::from(bits)
                }
                None => whole_bits,
            };
            let start = match (member.at, member.bits) {
                (Some(at), _) => u64::from(at) * 8,
                (None, _) if layout == Layout::Union => 0,
                (None, None) => end.next_multiple_of(u64::from(member_align) * 8),
                // A bit-field does not cross a border of its type.
                (None, Some(_)) if layout == Layout::Natural && whole_bits != 0 => {
                    if end % whole_bits + bits > whole_bits { end.next_multiple_of(whole_bits) } else { end }
                }
                (None, Some(_)) => end,
            };
            let past = start + bits;
            if layout == Layout::Union && start != 0 {
                let name = member.name;
                self.mistake(Code::OutOfRange, format!("'{name}' of a union does not lie at its start"));
                return None;
            }
            if start < list.last().map_or(0, |last: &skep_btf::Member| u64::from(last.bit_offset)) {
                let name = member.name;
                self.mistake(
                    Code::OutOfRange,
                    format!(
                        "'{name}' lies before the member above it: list members in the order of their places"
                    ),
                );
                return None;
            }
            if past > limit {
                self.mistake(Code::TooLarge, format!("a struct whose members reach to bit {past}"));
                return None;
            }
            end = past;
            size = size.max(past.div_ceil(8));
            align = align.max(member_align);
            let mangled = if member.name.is_empty() { member.name.into() } else { mangle(member.name) };
            let mut record = self.ir.types.member(&mangled, ty, u32::try_from(start).unwrap_or(u32::MAX));
            record.bitfield_size = member.bits.unwrap_or(0);
            list.push(record);
        }
        let size = u32::try_from(size.next_multiple_of(align.into())).unwrap_or(u32::MAX);
        Some((list, size, align))
    }
}

/// Whether a number is one of the type.
pub(super) const fn fits(number: i128, bits: u8, signed: bool) -> bool {
    if signed {
        let half = 1i128 << (bits - 1);
        -half <= number && number < half
    } else {
        0 <= number && number < 1i128 << bits
    }
}
