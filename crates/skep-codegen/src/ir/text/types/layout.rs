//! Where C would put members: what the text need not say.

use super::{BUILTIN, Body, Composite, Def, Expr, Member, Needs, order};

/// Size and alignment in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ir::text) struct Layout {
    pub(in crate::ir::text) size: u64,
    align: u64,
}

/// What has no size.
const NONE: Layout = Layout { size: 0, align: 1 };

/// The layout of each definition; else one that contains itself.
pub(super) fn layouts(defs: &[Def]) -> Result<Vec<Layout>, usize> {
    let order = order(defs.len(), |at, needed| {
        defs[at].body.each_def(&mut |def, needs| {
            if needs == Needs::Layout {
                needed.push(def);
            }
        });
    })?;
    let mut layouts = vec![NONE; defs.len()];
    for at in order {
        layouts[at] = match &defs[at].body {
            Body::Same(ty) | Body::Typedef(ty) | Body::Var { ty, .. } => of(ty, &layouts),
            Body::Int(int) => scalar(int.size),
            Body::Enum { size, .. } | Body::Float(size) => scalar(*size),
            Body::Composite(composite) => members(composite, &layouts).1,
            Body::Fwd(_) | Body::Func { .. } | Body::Datasec { .. } | Body::DeclTag { .. } => NONE,
        };
    }
    Ok(layouts)
}

/// The layout of a type.
pub(super) fn of(ty: &Expr, layouts: &[Layout]) -> Layout {
    match ty {
        Expr::Void | Expr::Proto { .. } => NONE,
        Expr::Builtin(row) => scalar(BUILTIN[*row].2),
        Expr::Def(def) => layouts.get(*def).copied().unwrap_or(NONE),
        Expr::Ptr(_) => scalar(8),
        Expr::Array { elem, len, .. } => {
            let elem = of(elem, layouts);
            Layout { size: elem.size.saturating_mul((*len).into()), ..elem }
        }
        Expr::Const(of) | Expr::Volatile(of) | Expr::Restrict(of) | Expr::Tag { of, .. } => {
            self::of(of, layouts)
        }
    }
}

fn scalar(size: u32) -> Layout {
    Layout { size: size.into(), align: u64::from(size.max(1)).next_power_of_two().min(16) }
}

/// Where C puts each member of a struct or union if those before are where they say, in bits; and the whole.
pub(super) fn members(composite: &Composite, layouts: &[Layout]) -> (Vec<u64>, Layout) {
    let mut end = 0u64;
    let mut largest = 0u64;
    let mut align = 1;
    let natural = composite.members.iter().map(|member| {
        let layout = of(&member.ty, layouts);
        align = align.max(layout.align);
        let natural = if composite.union { 0 } else { place(member, layout, end) };
        let at = member.at.map_or(natural, u64::from);
        let bits = if member.bits == 0 { layout.size.saturating_mul(8) } else { member.bits.into() };
        end = at.saturating_add(bits);
        largest = largest.max(end);
        natural
    });
    let natural = natural.collect();
    let size = largest.div_ceil(8).checked_next_multiple_of(align).unwrap_or(u64::MAX);
    let size = composite.size.map_or(size, u64::from);
    (natural, Layout { size, align })
}

/// Where C puts a member that follows what ends at that bit.
fn place(member: &Member, layout: Layout, end: u64) -> u64 {
    let align = layout.align.saturating_mul(8);
    if member.bits == 0 {
        return end.checked_next_multiple_of(align).unwrap_or(u64::MAX);
    }
    // A bit-field does not cross the units of its type.
    let unit = layout.size.saturating_mul(8).max(1);
    let last = end.saturating_add(u64::from(member.bits).saturating_sub(1));
    if end / unit == last / unit { end } else { end.checked_next_multiple_of(align).unwrap_or(u64::MAX) }
}
