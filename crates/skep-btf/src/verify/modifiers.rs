//! Chains of typedefs and modifiers: the third pass.

use super::blob::Blob;
use super::refusal::{Fault, Rule};
use super::resolve::is_modifier;
use crate::kind::Kind;

/// How long a chain may be.
const MAX_CHAIN: u32 = 32;

/// Checks that type tags come first, and that chains are short. Of a chain that goes on at an earlier type only the
/// part up to there counts, since the rest has been looked at.
pub(super) fn check(blob: &Blob<'_>) -> Result<(), Fault> {
    let modifiers = blob.ids().filter(|&id| blob.kind(id).is_some_and(is_modifier));
    modifiers.into_iter().try_for_each(|id| chain(blob, id))
}

fn chain(blob: &Blob<'_>, root: u32) -> Result<(), Fault> {
    let mut id = root;
    let mut in_tags = true;
    let mut len = 0;
    while let Some(kind) = blob.kind(id).filter(|&kind| is_modifier(kind)) {
        len += 1;
        if len > MAX_CHAIN {
            let found = format!("it is put on {MAX_CHAIN} others");
            return Err(Fault::new(Rule::ChainLength, root, found));
        }
        if kind != Kind::TypeTag {
            in_tags = false;
        } else if !in_tags {
            return Err(Fault::new(Rule::TagOrder, root, format!("it is put on type [{id}], a tag")));
        }
        if id < root {
            break;
        }
        id = blob.arg(id);
    }
    Ok(())
}
