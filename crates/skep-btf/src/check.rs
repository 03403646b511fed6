//! Whether each reference of a set leads somewhere.

use crate::btf::Btf;
use crate::error::{Error, FieldName};
use crate::types::{StrRef, TypeId};
use crate::write;

/// Finds the first type or name that does not exist. The types' encoding starts at `start` in its section.
pub(crate) fn references(btf: &Btf, start: usize) -> Result<(), Error> {
    let mut next = start;
    for (id, ty) in btf.iter() {
        let offset = next;
        next = next.saturating_add(write::encoded_size(btf.store(), id));
        let Some(kind) = ty.kind() else { continue };
        let mut fault = None;
        ty.references(|found, name, index| {
            if found.0 > btf.count() && fault.is_none() {
                let field = FieldName { name, index };
                fault = Some(Error::TypeRef { id, offset, kind, field, found, count: btf.count() });
            }
        });
        let mut check_name = |found: StrRef, name, index| {
            if !btf.has_string(found) && fault.is_none() {
                let field = FieldName { name, index };
                fault = Some(Error::NameRef { id, offset, kind, field, found, len: btf.strings().end() });
            }
        };
        check_name(btf.name_ref(id), "the type", None);
        ty.names(check_name);
        if let Some(fault) = fault {
            return Err(fault);
        }
    }
    Ok(())
}

/// Whether `id` is void or a type of the set.
pub(crate) fn is_known(btf: &Btf, id: TypeId) -> bool {
    id.0 <= btf.count()
}
