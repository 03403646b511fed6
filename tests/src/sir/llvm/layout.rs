//! Where things lie in memory, as the BPF target's data layout has it.

use super::syntax::{Module, Ty};

/// Size and alignment of a type in bytes; `None` if it has none.
pub(super) fn of(module: &Module<'_>, ty: &Ty<'_>) -> Option<(u64, u64)> {
    Some(match ty {
        Ty::Int(bits) => {
            let align = bits.div_ceil(8).next_power_of_two().min(16);
            (u64::from(bits.div_ceil(8).next_multiple_of(align)), align.into())
        }
        Ty::Ptr(_) => (8, 8),
        Ty::Array(len, elem) => {
            let (size, align) = of(module, elem)?;
            (size.checked_mul(*len)?, align)
        }
        Ty::Struct { packed, fields } => {
            let (mut size, mut align) = (0u64, 1);
            for field in fields {
                let (field_size, field_align) = of(module, field)?;
                let field_align = if *packed { 1 } else { field_align };
                size = size.next_multiple_of(field_align).checked_add(field_size)?;
                align = align.max(field_align);
            }
            (size.next_multiple_of(align), align)
        }
        Ty::Named(name) => of(module, module.types.get(name)?)?,
        Ty::Other("float") => (4, 4),
        Ty::Other("double") => (8, 8),
        Ty::Void | Ty::Other(_) => return None,
    })
}

/// Size of a type in bytes; `None` if it has none.
pub(super) fn size(module: &Module<'_>, ty: &Ty<'_>) -> Option<u64> {
    of(module, ty).map(|(size, _)| size)
}

/// A type that is no name.
pub(super) fn resolve<'m, 'a>(module: &'m Module<'a>, mut ty: &'m Ty<'a>) -> &'m Ty<'a> {
    while let Ty::Named(name) = ty {
        let Some(to) = module.types.get(name) else { break };
        ty = to;
    }
    ty
}

/// Where an element or member lies, in bytes, and its type.
pub(super) fn member<'m, 'a>(
    module: &'m Module<'a>,
    ty: &'m Ty<'a>,
    index: i64,
) -> Option<(i64, &'m Ty<'a>)> {
    match resolve(module, ty) {
        Ty::Array(_, elem) => {
            let size = i64::try_from(size(module, elem)?).ok()?;
            Some((size.checked_mul(index)?, elem))
        }
        Ty::Struct { packed, fields } => {
            let index = usize::try_from(index).ok()?;
            let mut at = 0u64;
            for (i, field) in fields.iter().enumerate() {
                let (size, align) = of(module, field)?;
                if !packed {
                    at = at.next_multiple_of(align);
                }
                if i == index {
                    return Some((i64::try_from(at).ok()?, field));
                }
                at += size;
            }
            None
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::{Module, Ty};
    use super::{member, of};

    #[test]
    fn members_are_aligned_unless_packed() {
        let module = Module::default();
        let fields = vec![Ty::Int(8), Ty::Int(32), Ty::Array(3, Box::new(Ty::Int(16))), Ty::Ptr(0)];
        for (packed, layout, third) in [(false, (24, 8), 8), (true, (19, 1), 5)] {
            let ty = Ty::Struct { packed, fields: fields.clone() };
            assert_eq!(of(&module, &ty), Some(layout));
            assert_eq!(member(&module, &ty, 2).map(|(at, _)| at), Some(third));
        }
        assert_eq!(of(&module, &Ty::Int(1)), Some((1, 1)));
        assert_eq!(of(&module, &Ty::Int(128)), Some((16, 16)));
    }
}
