//! Types: what C has, each as the kernel takes it.
//!
//! Names that the kernel does not take as identifiers are spelled as [`skep_btf::mangle`] says.

use skep_btf::{FwdKind, IntEncoding, Param, TypeId, mangle};

use super::class::{ARENA_TAG, Shape};
use super::handle::Ty;
use super::module::Module;
use crate::diag::Code;

/// The most members, enumerators and parameters that the kernel takes.
pub(super) const MAX_LIST: usize = 65_535;

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

    /// A floating-point number of 2, 4, 8, 12 or 16 bytes, `double` being of 8. It can be a member, and be copied; BPF has no
    /// operations on it.
    #[track_caller]
    pub fn float(&mut self, bytes: u8) -> Ty {
        self.here();
        let name = match bytes {
            2 => "_Float16",
            4 => "float",
            8 => "double",
            12 | 16 => "long double",
            _ => {
                let message =
                    format!("a floating-point number of {bytes} bytes: they have 2, 4, 8, 12 or 16");
                self.mistake(Code::OutOfRange, message);
                return Ty::POISON;
            }
        };
        let id = self.ir.types.float(name, bytes.into());
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
            Shape::Float => class.float_code(),
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

    pub(super) fn too_long(&mut self, what: &str, len: usize) -> Ty {
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
