//! Structs and unions: members laid out as C does, in a form that the kernel takes.

use skep_btf::{Kind, TypeId, mangle};

use super::class::Shape;
use super::handle::Ty;
use super::module::Module;
use super::types::MAX_LIST;
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

/// How members are placed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    Natural,
    Packed,
    Union,
}

impl Module {
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
        let has_bits = members.iter().any(|member| member.bits.is_some());
        let limit = if has_bits { 1 << 24 } else { u32::MAX.into() };
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
            let ty = match class.shape {
                // The kernel takes no bit-fields of odd integers.
                Shape::Int { bits, signed } if member.bits.is_some() && u32::from(bits) != class.size * 8 => {
                    self.whole_int(class.size, signed)
                }
                _ => ty,
            };
            // It takes a floating-point number only where it is aligned, and an odd integer not beside bit-fields, but
            // a union anywhere.
            let wrap = match class.shape {
                Shape::Float => !start.is_multiple_of(u64::from(class.size.clamp(1, 8)) * 8),
                Shape::Int { bits, .. } => {
                    has_bits && member.bits.is_none() && u32::from(bits) != class.size * 8
                }
                _ => false,
            };
            let (ty, name) = if wrap {
                let inner = self.ir.types.member(&mangle(member.name), ty, 0);
                (self.ir.types.union("", class.size, &[inner]), "")
            } else {
                (ty, member.name)
            };
            let mangled = if name.is_empty() { name.into() } else { mangle(name) };
            let mut record = self.ir.types.member(&mangled, ty, u32::try_from(start).unwrap_or(u32::MAX));
            record.bitfield_size = member.bits.unwrap_or(0);
            list.push(record);
        }
        let size = u32::try_from(size.next_multiple_of(align.into())).unwrap_or(u32::MAX);
        Some((list, size, align))
    }

    /// An integer that uses all of its bytes.
    fn whole_int(&mut self, size: u32, signed: bool) -> TypeId {
        match (size, signed) {
            (1, false) => self.rust_id::<u8>(),
            (1, true) => self.rust_id::<i8>(),
            (2, false) => self.rust_id::<u16>(),
            (2, true) => self.rust_id::<i16>(),
            (4, false) => self.rust_id::<u32>(),
            (4, true) => self.rust_id::<i32>(),
            (_, false) => self.rust_id::<u64>(),
            (_, true) => self.rust_id::<i64>(),
        }
    }
}
