//! What becomes of types that a kernel does not know: the first pass.

use super::{Downgrade, What};
use crate::kind::Kind;
use crate::types::{
    Composite, Datasec, Enum, Enumerator, Func, Int, IntEncoding, Linkage, Member, StrRef, Type, TypeId, Var,
};
use crate::verify::Feature;

/// What is only known to be there.
const BYTE: Int = Int { size: 1, bits: 8, offset: 0, encoding: IntEncoding::Unsigned };

impl Downgrade<'_> {
    pub(super) fn kinds(&mut self) {
        for id in self.from.ids() {
            self.kind(id, self.from.ty(id));
        }
    }

    fn kind(&mut self, id: TypeId, ty: Type<'_>) {
        let name = self.from.name_ref(id);
        let rules = self.rules;
        let has = |feature| rules.has(feature);
        let is_known = ty.kind().is_none_or(|kind| rules.knows(kind));
        match ty {
            Type::Var(_) if !is_known => self.become_kind(id, name, &Type::Int(BYTE)),
            Type::Datasec(section) if !is_known || section.vars.is_empty() && !has(Feature::EmptyDatasec) => {
                self.section(id, name, section);
            }
            Type::Func(func) if !is_known => self.become_kind(id, name, &Type::Typedef(func.proto)),
            Type::FuncProto(_) if !is_known => {
                let nothing = Enum { size: 4, signed: false, values: &[] };
                self.become_kind(id, StrRef::EMPTY, &Type::Enum(nothing));
            }
            Type::Enum64(e) if !is_known => self.wide_enum(id, name, e),
            Type::Enum(e) if e.size != 4 && !has(Feature::EnumSize) => {
                self.become_kind(id, name, &Type::Int(whole(e.size, e.signed)));
            }
            Type::Enum(e) if e.signed && !has(Feature::Enum64) => self.unsigned(id, name, e),
            Type::Float { size } if !is_known => {
                self.become_kind(id, StrRef::EMPTY, &Type::Struct(Composite { size, members: &[] }));
            }
            Type::DeclTag(tag) if !is_known || tag.attribute && !has(Feature::TagFlag) => {
                self.become_kind(id, name, &Type::Int(BYTE));
            }
            Type::TypeTag(tag) if !is_known || tag.attribute && !has(Feature::TagFlag) => {
                self.become_kind(id, StrRef::EMPTY, &Type::Const(tag.ty));
            }
            Type::Struct(body) | Type::Union(body) => self.bit_fields(id, name, ty, body),
            Type::Int(int) if int.encoding == IntEncoding::SignedChar => {
                self.put(id, name, &Type::Int(Int { encoding: IntEncoding::Signed, ..int }));
                self.note(id, What::Signed);
            }
            Type::Func(func) => {
                let linkage = match func.linkage {
                    Linkage::Extern | Linkage::Global if has(Feature::FuncLinkage) => Linkage::Global,
                    _ => Linkage::Static,
                };
                if linkage != func.linkage {
                    self.put(id, name, &Type::Func(Func { linkage, ..func }));
                    self.note(id, What::Linkage(linkage));
                }
            }
            Type::Var(var) if var.linkage == Linkage::Extern => {
                self.put(id, name, &Type::Var(Var { linkage: Linkage::Global, ..var }));
                self.note(id, What::Linkage(Linkage::Global));
            }
            _ => {}
        }
    }

    fn become_kind(&mut self, id: TypeId, name: StrRef, ty: &Type<'_>) {
        self.put(id, name, ty);
        if let Some(kind) = ty.kind() {
            self.note(id, What::Kind(kind));
        }
    }

    /// A struct with a member for each variable.
    fn section(&mut self, id: TypeId, name: StrRef, section: Datasec<'_>) {
        let vars = section.vars.iter().filter(|var| self.from.kind(var.var) == Some(Kind::Var));
        let members: Vec<Member> = vars
            .filter_map(|var| {
                let bit_offset = var.offset.checked_mul(8)?;
                Some(Member { name: self.from.name_ref(var.var), ty: var.var, bit_offset, bitfield_size: 0 })
            })
            .collect();
        self.become_kind(id, name, &Type::Struct(Composite { size: section.size, members: &members }));
    }

    /// A union of its size, whose members are the enumerators' names.
    fn wide_enum(&mut self, id: TypeId, name: StrRef, e: Enum<'_>) {
        let ty = if e.values.is_empty() { TypeId::VOID } else { self.int(BYTE) };
        let member = |value: &Enumerator| Member { name: value.name, ty, bit_offset: 0, bitfield_size: 0 };
        let members: Vec<Member> = e.values.iter().map(member).collect();
        self.become_kind(id, name, &Type::Union(Composite { size: e.size, members: &members }));
    }

    /// The same bits.
    fn unsigned(&mut self, id: TypeId, name: StrRef, e: Enum<'_>) {
        let same = |v: &Enumerator| Enumerator { name: v.name, value: v.value & i64::from(u32::MAX) };
        let values: Vec<Enumerator> = e.values.iter().map(same).collect();
        self.put(id, name, &Type::Enum(Enum { size: e.size, signed: false, values: &values }));
        self.note(id, What::Unsigned);
    }

    /// Bit-fields of what is no integer any more, and, as they were before members had a width, of integers that have
    /// some bits only.
    fn bit_fields(&mut self, id: TypeId, name: StrRef, ty: Type<'_>, body: Composite<'_>) {
        let is_wide = |member: &Member| {
            !self.rules.knows(Kind::Enum64) && matches!(self.from.resolved(member.ty), Type::Enum64(_))
        };
        let has_width = self.rules.has(Feature::Func);
        let is_lost = |member: &Member| member.bitfield_size != 0 && (!has_width || is_wide(member));
        let count = body.members.iter().filter(|member| is_lost(member)).count();
        if count == 0 {
            return;
        }
        let lost: Vec<bool> = body.members.iter().map(is_lost).collect();
        let mut members = body.members.to_vec();
        for (member, _) in members.iter_mut().zip(lost).filter(|(_, is_lost)| *is_lost) {
            let base = match self.from.resolved(member.ty) {
                Type::Int(int) => int,
                // Kernels take up to 32 bits of any enumeration.
                Type::Enum(e) if e.size >= 4 => whole(e.size, e.signed),
                Type::Enum(e) | Type::Enum64(e) => whole(8, e.signed),
                _ => continue,
            };
            if has_width {
                member.ty = self.int(base);
            } else {
                member.ty = self.int(Int { bits: member.bitfield_size, offset: 0, ..base });
                member.bitfield_size = 0;
            }
        }
        let body = Composite { members: &members, ..body };
        let ty = if ty.kind() == Some(Kind::Union) { Type::Union(body) } else { Type::Struct(body) };
        self.put(id, name, &ty);
        self.note(id, What::BitFields(count));
    }
}

/// An integer of that many bytes.
fn whole(size: u32, is_signed: bool) -> Int {
    let bits = u8::try_from(size.saturating_mul(8)).unwrap_or(128);
    let encoding = if is_signed { IntEncoding::Signed } else { IntEncoding::Unsigned };
    Int { size, bits, offset: 0, encoding }
}
