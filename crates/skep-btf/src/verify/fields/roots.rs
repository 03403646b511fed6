//! Lists and trees, which are tagged with what they contain.

use std::collections::HashMap;

use super::{Field, Member, place_of_name};
use crate::kind::Kind;
use crate::verify::blob::Blob;
use crate::verify::refusal::{Fault, Rule};

const CONTAINS: &[u8] = b"contains:";

/// Finds what roots contain. Each table is made when it is first needed, and goes over the types once.
pub(super) struct Roots<'a, 'b> {
    blob: &'b Blob<'a>,
    /// The tags of a struct's members.
    tags: Option<HashMap<(u32, u32), Vec<u32>>>,
    /// The first struct of each name.
    structs: Option<HashMap<&'a [u8], u32>>,
    /// Type and place of the first member of each name, by the struct.
    members: HashMap<u32, HashMap<&'a [u8], (u32, u32)>>,
}

impl<'a, 'b> Roots<'a, 'b> {
    pub(super) fn new(blob: &'b Blob<'a>) -> Roots<'a, 'b> {
        Roots { blob, tags: None, structs: None, members: HashMap::new() }
    }

    /// The struct whose nodes a root has, and the tag `contains:STRUCT:MEMBER` that says so.
    pub(super) fn contained(&mut self, member: &Member<'a, '_>) -> Result<(u32, u32), Fault> {
        let blob = self.blob;
        let tags = self.tags.get_or_insert_with(|| contains_tags(blob));
        let Some(&[tag]) = tags.get(&(member.item.id, member.at)).map(Vec::as_slice) else {
            return Err(member.fault(Rule::RootTag, "it has none, or more than one"));
        };
        let wrong = || member.fault(Rule::RootTag, format!("its tag is '{}'", self.text(tag).escape_ascii()));
        let (name, node) = self.parts(tag).ok_or_else(wrong)?;
        let structs = self.structs.get_or_insert_with(|| structs(blob));
        let Some(&owned) = structs.get(name) else {
            let found = format!("there is no struct '{}'", name.escape_ascii());
            return Err(member.fault(Rule::RootTarget, found));
        };
        if node.is_empty() {
            return Err(
                member.fault(Rule::RootTag, format!("its tag is '{}'", self.text(tag).escape_ascii()))
            );
        }
        Ok((owned, tag))
    }

    /// Whether the struct has the node. `id` is the struct that has the root.
    pub(super) fn check_node(&mut self, id: u32, field: &Field) -> Result<(), Fault> {
        let (Some((_, name)), Some(node)) = (self.parts(field.tag), field.root()) else { return Ok(()) };
        let blob = self.blob;
        let members = self.members.entry(field.nodes).or_insert_with(|| members(blob, field.nodes));
        let Some(&(ty, start)) = members.get(name) else {
            let found = format!("type [{}] has no member '{}'", field.nodes, name.escape_ascii());
            return Err(Fault::new(Rule::RootTarget, id, found));
        };
        let known = place_of_name(blob, ty).map(|at| &super::KNOWN[at]);
        let is_node = known
            .is_some_and(|known| known.name == node.as_bytes() && start.is_multiple_of(8 * known.alignment));
        if !is_node || blob.kind(ty) != Some(Kind::Struct) {
            let found = format!("member '{}' of type [{}] is no {node}", name.escape_ascii(), field.nodes);
            return Err(Fault::new(Rule::RootNode, id, found));
        }
        Ok(())
    }

    fn text(&self, tag: u32) -> &'a [u8] {
        self.blob.parts.string(self.blob.item(tag).map_or(0, |tag| tag.name))
    }

    /// The struct and its member that a tag names.
    fn parts(&self, tag: u32) -> Option<(&'a [u8], &'a [u8])> {
        let rest = self.text(tag).strip_prefix(CONTAINS)?;
        let colon = rest.iter().position(|&byte| byte == b':')?;
        Some((&rest[..colon], &rest[colon + 1..]))
    }
}

/// The tags of each member that say what it contains.
fn contains_tags(blob: &Blob<'_>) -> HashMap<(u32, u32), Vec<u32>> {
    let mut tags: HashMap<(u32, u32), Vec<u32>> = HashMap::new();
    for item in blob.ids().filter(|&id| blob.kind(id) == Some(Kind::DeclTag)).filter_map(|id| blob.item(id)) {
        if blob.parts.string(item.name).starts_with(CONTAINS) {
            let [component] = item.first();
            tags.entry((item.arg, component)).or_default().push(item.id);
        }
    }
    tags
}

fn structs<'a>(blob: &Blob<'a>) -> HashMap<&'a [u8], u32> {
    let mut structs = HashMap::new();
    for item in blob.ids().filter(|&id| blob.kind(id) == Some(Kind::Struct)).filter_map(|id| blob.item(id)) {
        if item.name != 0 {
            structs.entry(blob.parts.string(item.name)).or_insert(item.id);
        }
    }
    structs
}

fn members<'a>(blob: &Blob<'a>, id: u32) -> HashMap<&'a [u8], (u32, u32)> {
    let mut members = HashMap::new();
    let Some(item) = blob.item(id) else { return members };
    for [name, ty, place] in item.words() {
        if name != 0 {
            members.entry(blob.parts.string(name)).or_insert((ty, item.place(place).0));
        }
    }
    members
}
