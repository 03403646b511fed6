//! Whether a function of the kernel has the prototype that a program declares, by the rules of CO-RE: names do not
//! matter, nor what structs have in them.

use skep_btf::{Btf, Kind, Type, TypeId};

use crate::types::{ById, DEPTH};

/// Whether the FUNCs `local` of the program and `there` of the kernel have compatible prototypes.
pub(crate) fn same_prototype(btf: &Btf, local: TypeId, kernel: &ById<'_>, there: TypeId) -> bool {
    let (Type::Func(func), Some(there)) = (btf.ty(local), kernel.get(there)) else { return false };
    there.kind == Kind::Func && Types { btf, kernel }.compatible(func.proto, there.argument(), DEPTH)
}

struct Types<'a> {
    btf: &'a Btf,
    kernel: &'a ById<'a>,
}

impl Types<'_> {
    fn compatible(&self, local: TypeId, there: TypeId, depth: u32) -> bool {
        let Some(local) = self.btf.resolve(local) else { return false };
        let (local, there) = (self.btf.ty(local), self.kernel.resolve(there));
        let (Some(kind), Some(there)) = (local.kind(), there) else {
            // Void.
            return local.kind().is_none() && there.is_none();
        };
        let is_enum = |kind| matches!(kind, Kind::Enum | Kind::Enum64);
        if kind != there.kind && !(is_enum(kind) && is_enum(there.kind)) {
            return false;
        }
        match (local, depth.checked_sub(1)) {
            (Type::Ptr(to), Some(depth)) => self.compatible(to, there.argument(), depth),
            (Type::Array(array), Some(depth)) => {
                there.word(12).is_some_and(|elem| self.compatible(array.elem, TypeId(elem), depth))
            }
            (Type::FuncProto(proto), Some(depth)) => {
                let params = (0..there.vlen as usize).map(|index| there.word(12 + index * 8 + 4));
                proto.params.len() == params.len()
                    && self.compatible(proto.ret, there.argument(), depth)
                    && proto.params.iter().zip(params).all(|(param, there)| {
                        there.is_some_and(|there| self.compatible(param.ty, TypeId(there), depth))
                    })
            }
            (_, None) => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use skep_btf::{Btf, BtfBuilder, Endian, FwdKind, IntEncoding, Kind, Linkage, TypeId};

    use super::same_prototype;
    use crate::types::{ById, Header};

    /// A set with one function of these parameters, which returns the first of them.
    fn function(params: impl Fn(&mut BtfBuilder) -> Vec<TypeId>) -> (Btf, TypeId) {
        let mut types = Btf::builder();
        let params: Vec<TypeId> = params(&mut types);
        let named: Vec<_> = params.iter().map(|&ty| types.param("x", ty)).collect();
        let proto = types.func_proto(params.first().copied().unwrap_or_default(), &named);
        let func = types.func("f", proto, Linkage::Global);
        (types.build().unwrap(), func)
    }

    fn check(
        local: impl Fn(&mut BtfBuilder) -> Vec<TypeId>,
        there: impl Fn(&mut BtfBuilder) -> Vec<TypeId>,
        expected: bool,
    ) {
        let (local, declared) = function(local);
        let (there, defined) = function(there);
        let host = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };
        let bytes = there.to_bytes(host);
        let kernel = ById::new(Header::parse(&bytes).unwrap().types);
        assert_eq!(same_prototype(&local, declared, &kernel, defined), expected);
    }

    fn int(types: &mut BtfBuilder) -> TypeId {
        types.int("int", 4, IntEncoding::Signed)
    }

    fn long(types: &mut BtfBuilder) -> TypeId {
        types.int("long", 8, IntEncoding::Signed)
    }

    fn to_struct(types: &mut BtfBuilder, name: &str) -> TypeId {
        let ty = types.structure(name, 8, &[]);
        types.ptr(ty)
    }

    #[test]
    fn kinds_and_counts_matter_and_names_do_not() {
        check(|_| vec![], |_| vec![], true);
        check(|_| vec![], |t| vec![int(t)], false);
        check(|t| vec![int(t)], |t| vec![long(t)], true);
        check(|t| vec![int(t)], |t| vec![to_struct(t, "a")], false);
        check(|t| vec![to_struct(t, "a")], |t| vec![to_struct(t, "b")], true);
        check(|t| vec![to_struct(t, "a"), int(t)], |t| vec![to_struct(t, "a")], false);
        let typedef = |t: &mut BtfBuilder| {
            let inner = t.structure("a", 8, &[]);
            let inner = t.constant(inner);
            let inner = t.typedef("name", inner);
            vec![t.ptr(inner)]
        };
        check(typedef, |t| vec![to_struct(t, "a")], true);
        check(|t| vec![to_struct(t, "a")], typedef, true);
        let declared = |t: &mut BtfBuilder| {
            let fwd = t.fwd("a", FwdKind::Struct);
            vec![t.ptr(fwd)]
        };
        check(declared, |t| vec![to_struct(t, "a")], false);
        check(|t| vec![t.ptr(TypeId::VOID)], |t| vec![t.ptr(TypeId::VOID)], true);
        check(|t| vec![t.ptr(TypeId::VOID)], |t| vec![to_struct(t, "a")], false);
        let array = |t: &mut BtfBuilder, elem: TypeId| {
            let index = int(t);
            vec![t.array(elem, index, 4)]
        };
        check(
            |t| {
                let e = int(t);
                array(t, e)
            },
            |t| {
                let e = long(t);
                array(t, e)
            },
            true,
        );
        check(
            |t| {
                let e = int(t);
                array(t, e)
            },
            |t| {
                let e = to_struct(t, "a");
                array(t, e)
            },
            false,
        );
    }

    #[test]
    fn a_type_that_contains_itself_is_no_endless_loop() {
        let loops = |t: &mut BtfBuilder| {
            let node = t.declare(Kind::Struct, "node", 8);
            let to = t.ptr(node);
            let member = t.member("next", to, 0);
            t.define(node, &[member]);
            vec![to]
        };
        check(loops, loops, true);
    }
}
