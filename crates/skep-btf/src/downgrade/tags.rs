//! The order of type tags, which must come first: the last pass.

use super::{Downgrade, What};
use crate::kind::Kind;
use crate::types::{StrRef, Type, TypeId};

impl Downgrade<'_> {
    /// A tag that has become `const` may be put on others, which then are `const` as well: kernels take no tag behind a
    /// modifier.
    pub(super) fn tags(&mut self) {
        let became_const =
            |id: TypeId| self.from.kind(id) == Some(Kind::TypeTag) && self.out.kind(id) == Some(Kind::Const);
        let base = self.out.base().map_or(0, |base| base.count());
        let starts: Vec<TypeId> = self.from.ids().filter(|&id| became_const(id)).collect();
        for start in starts {
            let mut id = start;
            // Each tag is changed once, and ends being one.
            while let Type::Const(target) = self.out.ty(id)
                && let Type::TypeTag(tag) = self.out.ty(target)
                && target.0 > base
            {
                self.put(target, StrRef::EMPTY, &Type::Const(tag.ty));
                self.note(target, What::Kind(Kind::Const));
                id = target;
            }
        }
    }
}
