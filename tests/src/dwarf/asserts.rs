//! A C program that does not compile unless a C dump has the layouts that BTF tells.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use skep_btf::{Btf, Type};

/// How many statements were written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Sizes.
    pub sizes: usize,
    /// Offsets of members.
    pub offsets: usize,
}

/// The statements about each struct and union whose name is used once: `_Static_assert(sizeof(struct page) == 64, "")`.
/// Those of bit-fields and of anonymous members cannot be stated in C.
#[must_use]
pub fn write(btf: &Btf) -> (String, Count) {
    let mut uses: BTreeMap<&str, usize> = BTreeMap::new();
    let composites = || {
        btf.ids().filter_map(|id| match btf.ty(id) {
            Type::Struct(composite) => Some((id, "struct", composite)),
            Type::Union(composite) => Some((id, "union", composite)),
            _ => None,
        })
    };
    for (id, ..) in composites() {
        *uses.entry(btf.name(id)).or_default() += 1;
    }
    let (mut text, mut count) = (String::new(), Count::default());
    for (id, word, composite) in composites() {
        let name = btf.name(id);
        if name.is_empty() || uses[name] != 1 {
            continue;
        }
        count.sizes += 1;
        writeln!(text, "_Static_assert(sizeof({word} {name}) == {}, \"sizeof {name}\");", composite.size)
            .unwrap_or_else(|_| unreachable!("strings take everything"));
        for member in composite.members {
            let field = btf.string(member.name);
            if let (false, 0, Some(offset)) = (field.is_empty(), member.bitfield_size, member.byte_offset()) {
                count.offsets += 1;
                writeln!(
                    text,
                    "_Static_assert(__builtin_offsetof({word} {name}, {field}) == {offset}, \"{name}.{field}\");"
                )
                .unwrap_or_else(|_| unreachable!("strings take everything"));
            }
        }
    }
    (text, count)
}
