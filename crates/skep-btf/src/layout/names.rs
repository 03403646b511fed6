//! Types by what users call them.

use std::borrow::Cow;

use crate::btf::Btf;
use crate::mangle;
use crate::types::{Type, TypeId};

/// How names of Rust types are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Names {
    /// As in Rust: `core::option::Option<u32>`.
    #[default]
    Rust,
    /// As the kernel takes them: `core__option__Option_L_u32_G_`.
    Mangled,
}

/// How the text of a tag begins that keeps a name which its spelling does not.
pub(super) const NAME_TAG: &str = "rust:name=";

/// The structs, unions and enumerations of that name, and the typedefs of such without a name; if there are none,
/// typedefs of those with a name.
///
/// The name may be that in BTF, or the Rust name that it spells, with or without the path before it; `struct `, `union `
/// and `enum ` may be in front.
///
/// ```
/// use skep_btf::{Btf, layout};
///
/// let mut types = Btf::builder();
/// let option = types.structure("core__option__Option_L_u32_G_", 0, &[]);
/// let btf = types.build()?;
/// for name in ["core__option__Option_L_u32_G_", "core::option::Option<u32>", "Option<u32>", "struct Option<u32>"] {
///     assert_eq!(layout::find(&btf, name), [option]);
/// }
/// assert_eq!(layout::suggest(&btf, "Option<u64>", 3), ["core::option::Option<u32>"]);
/// # Ok::<(), skep_btf::Error>(())
/// ```
#[must_use]
pub fn find(btf: &Btf, name: &str) -> Vec<TypeId> {
    let name = without_word(name.trim());
    if name.is_empty() {
        return Vec::new();
    }
    let spelling = mangle::encode(name);
    let is = |id: TypeId, name: &str| btf.string_is(btf.name_ref(id), name);
    let exact: Vec<TypeId> = ids(btf).filter(|&id| is(id, name) || is(id, &spelling)).collect();
    let tagged = tagged(btf, |text| text == name);
    if !exact.is_empty() || !tagged.is_empty() {
        return merged(exact, tagged);
    }
    let aliases: Vec<TypeId> = all(btf)
        .filter(|&id| matches!(btf.ty(id), Type::Typedef(_)) && is(id, name))
        .filter(|&id| btf.resolve(id).is_some_and(|id| is_laid_out(&btf.ty(id))))
        .collect();
    if !aliases.is_empty() {
        return aliases;
    }
    let ends = |full: &str| full.strip_suffix(name).is_some_and(|path| path.ends_with("::"));
    let last = name.rsplit(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    // Few names have the word in them, and only those are worth being decoded.
    let by_path = ids(btf).filter(|&id| btf.name(id).contains(last) && ends(&mangle::decode(btf.name(id))));
    merged(by_path.collect(), self::tagged(btf, ends))
}

/// At most that many names that are like the one that was not found, the nearest first.
#[must_use]
pub fn suggest(btf: &Btf, name: &str, count: usize) -> Vec<String> {
    let name = without_word(name.trim());
    // Longer names differ by more than a slip.
    let limit = (name.chars().count() / 3).clamp(1, 8);
    let leaf = |name: &str| -> String {
        // The path of a generic type is before its arguments.
        let head = name.find('<').unwrap_or(name.len());
        name[..head].rfind("::").map_or(name, |at| &name[at + 2..]).to_owned()
    };
    let mut near: Vec<(usize, String)> = Vec::new();
    for id in ids(btf) {
        let raw = btf.string_prefix(btf.name_ref(id), 1024);
        let decoded = if raw.contains("__") || raw.contains("_L_") {
            mangle::decode(raw).into()
        } else {
            Cow::Borrowed(raw)
        };
        let distances = [raw, &*decoded, &leaf(&decoded)].map(|candidate| distance(name, candidate, limit));
        if let Some(distance) = distances.into_iter().flatten().min() {
            let rust = is_rust(btf) && !raw.starts_with("__");
            near.push((distance, if rust { decoded.into_owned() } else { raw.to_owned() }));
        }
    }
    near.sort();
    near.dedup();
    near.into_iter().take(count).map(|(_, name)| name).collect()
}

/// Whether types of the set come from Rust: it has their tags, or a name from Rust's own library.
pub(super) fn is_rust(btf: &Btf) -> bool {
    all(btf).any(|id| match btf.ty(id) {
        Type::DeclTag(_) => btf.string_prefix(btf.name_ref(id), 5) == "rust:",
        Type::Struct(_) | Type::Enum(_) => {
            let start = btf.string_prefix(btf.name_ref(id), 7);
            ["core__", "alloc__", "std__"].iter().any(|library| start.starts_with(library))
        }
        _ => false,
    })
}

pub(super) fn all(btf: &Btf) -> impl Iterator<Item = TypeId> {
    (1..=btf.count()).map(TypeId)
}

/// The types that have a layout and a name, in order: structs, unions, enumerations, and typedefs of such without a
/// name.
pub fn ids(btf: &Btf) -> impl Iterator<Item = TypeId> {
    all(btf).filter(|&id| match btf.ty(id) {
        Type::Typedef(ty) => is_laid_out(&btf.ty(ty)) && btf.string_is(btf.name_ref(ty), ""),
        ty => is_laid_out(&ty) && !btf.string_is(btf.name_ref(id), ""),
    })
}

fn is_laid_out(ty: &Type<'_>) -> bool {
    matches!(ty, Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_))
}

/// The types whose tag keeps such a name.
fn tagged(btf: &Btf, is: impl Fn(&str) -> bool) -> Vec<TypeId> {
    let tags = all(btf).filter_map(|id| match btf.ty(id) {
        Type::DeclTag(tag) if tag.component.is_none() => {
            btf.name(id).strip_prefix(NAME_TAG).filter(|name| is(name)).map(|_| tag.target)
        }
        _ => None,
    });
    tags.collect()
}

fn merged(mut ids: Vec<TypeId>, others: Vec<TypeId>) -> Vec<TypeId> {
    ids.extend(others);
    ids.sort();
    ids.dedup();
    ids
}

fn without_word(name: &str) -> &str {
    let words = ["struct ", "union ", "enum ", "typedef "];
    words.iter().find_map(|word| name.strip_prefix(word)).unwrap_or(name).trim_start()
}

/// How many characters differ, if that is no more than `limit`.
fn distance(a: &str, b: &str, limit: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > 4 * limit {
        return None;
    }
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = corner + usize::from(!x.eq_ignore_ascii_case(y));
            corner = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(row[j + 1] + 1);
        }
        if row.iter().min().is_none_or(|&least| least > limit) {
            return None;
        }
    }
    row.last().copied().filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_count_slips() {
        for (a, b, limit, expected) in [
            ("task_struct", "task_struct", 2, Some(0)),
            ("task_strcut", "task_struct", 3, Some(2)),
            ("taskstruct", "task_struct", 1, Some(1)),
            ("Task_Struct", "task_struct", 1, Some(0)),
            ("task", "tusk", 0, None),
            ("a", "abcdef", 3, None),
        ] {
            assert_eq!(distance(a, b, limit), expected, "{a} {b}");
        }
    }
}
