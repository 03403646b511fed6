//! Members that the kernel itself uses, such as locks and lists: the last pass, which is about all of a set.
//!
//! Only structs that have one of these as a member are looked at, and of them all that they have, structs inside of
//! them included. What is in the wrong place or of the wrong size is no such field; a struct that has nothing else of
//! the sort is refused. Not known here: whether the kernel can free what a `kptr` points to, since that is a question
//! about the types of the running kernel.

mod roots;

use std::collections::HashMap;

use super::blob::{Blob, Item};
use super::refusal::{Fault, Rule};
use super::resolve::is_modifier;
use super::version::{Feature, Rules};
use crate::bytes::index;
use crate::kind::Kind;

use roots::Roots;

/// What a field is to the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// `bpf_spin_lock`, which guards roots.
    Lock,
    OtherLock,
    /// Of a list or tree, whose nodes are of the struct that is named.
    Root(&'static str),
    /// Of a list or tree.
    Node(&'static str),
    Count,
    Pointer,
}

/// A struct of the kernel that may be a member.
struct Known {
    name: &'static [u8],
    role: Role,
    /// In bytes.
    size: u32,
    /// In bytes.
    alignment: u32,
}

const LIST_NODE: &str = "bpf_list_node";
const TREE_NODE: &str = "bpf_rb_node";

const KNOWN: [Known; 7] = [
    Known { name: b"bpf_spin_lock", role: Role::Lock, size: 4, alignment: 4 },
    Known { name: b"bpf_res_spin_lock", role: Role::OtherLock, size: 4, alignment: 4 },
    Known { name: b"bpf_list_head", role: Role::Root(LIST_NODE), size: 16, alignment: 8 },
    Known { name: LIST_NODE.as_bytes(), role: Role::Node(LIST_NODE), size: 24, alignment: 8 },
    Known { name: b"bpf_rb_root", role: Role::Root(TREE_NODE), size: 16, alignment: 8 },
    Known { name: TREE_NODE.as_bytes(), role: Role::Node(TREE_NODE), size: 32, alignment: 8 },
    Known { name: b"bpf_refcount", role: Role::Count, size: 4, alignment: 4 },
];

/// The tags of pointers that a struct may have beside such a member, and whether they make a field.
const POINTER_TAGS: [(&[u8], bool); 4] =
    [(b"kptr", true), (b"kptr_untrusted", true), (b"percpu_kptr", true), (b"uptr", false)];

/// The size of a pointer, in bytes.
const POINTER: u32 = 8;
/// How many fields a struct may have.
const MAX_FIELDS: usize = 11;
/// How deep structs may be inside of each other.
const MAX_DEPTH: usize = 32;

/// Checks all structs that have such members.
pub(super) fn check(blob: &Blob<'_>, rules: &Rules) -> Result<(), Fault> {
    if !rules.has(Feature::SpecialFields) {
        return Ok(());
    }
    let makers = makers(blob);
    if !makers.contains(&true) {
        return Ok(());
    }
    let makes = |id: u32| index(id).checked_sub(1).and_then(|at| makers.get(at)) == Some(&true);
    let mut checker = Checker { blob, roots: Roots::new(blob), done: HashMap::new() };
    let mut records = HashMap::new();
    let mut order = Vec::new();
    for item in blob.ids().filter(|&id| blob.kind(id) == Some(Kind::Struct)).filter_map(|id| blob.item(id)) {
        if item.words::<3>().any(|[_, ty, _]| makes(ty)) {
            records.insert(item.id, checker.record(&item)?);
            order.push(item.id);
        }
    }
    order.into_iter().try_for_each(|id| owners(&records, id))
}

/// Which types make the kernel look at structs that they are a member of, from id 1 on: the first struct of each known
/// name, other than that of the second lock, and pointers that are fields.
fn makers(blob: &Blob<'_>) -> Vec<bool> {
    let mut seen = [false; KNOWN.len()];
    let mut is_maker = |id| match blob.kind(id) {
        Some(Kind::Struct) => place_of_name(blob, id).is_some_and(|at| {
            let is_first = !seen[at];
            seen[at] = true;
            is_first && KNOWN[at].role != Role::OtherLock
        }),
        Some(Kind::Ptr | Kind::Volatile) => pointer(blob, id) == Ok(true),
        _ => false,
    };
    blob.ids().map(&mut is_maker).collect()
}

/// Which of the known names a type has, of whatever kind it is.
fn place_of_name(blob: &Blob<'_>, id: u32) -> Option<usize> {
    let name = blob.item(id)?.name;
    let is_candidate = blob.parts.strings.get(index(name)..)?.starts_with(b"bpf_");
    let name = is_candidate.then(|| blob.parts.string(name))?;
    KNOWN.iter().position(|known| known.name == name)
}

/// What a field is, where it is, and where its nodes come from.
#[derive(Clone, Debug)]
struct Field {
    role: Role,
    /// From the start of the struct, in bytes.
    start: u64,
    /// In bytes.
    size: u32,
    /// The struct whose nodes a root has.
    nodes: u32,
    /// The tag that says so.
    tag: u32,
}

impl Field {
    fn new(role: Role, size: u32) -> Field {
        Field { role, start: 0, size, nodes: 0, tag: 0 }
    }

    fn root(&self) -> Option<&'static str> {
        match self.role {
            Role::Root(node) => Some(node),
            _ => None,
        }
    }
}

/// The fields of a struct, and how deep others are inside of it.
#[derive(Clone, Debug, Default)]
struct Found {
    fields: Vec<Field>,
    height: usize,
}

struct Checker<'a, 'b> {
    blob: &'b Blob<'a>,
    roots: Roots<'a, 'b>,
    /// What has been found in structs.
    done: HashMap<u32, Found>,
}

impl<'a> Checker<'a, '_> {
    /// The fields of a struct that the kernel keeps a record of.
    fn record(&mut self, item: &Item<'a>) -> Result<Vec<Field>, Fault> {
        let fields = self.find(item, item, 0)?.fields;
        let wrong = |rule, found: &str| Err(Fault::new(rule, item.id, found));
        if fields.is_empty() {
            return wrong(Rule::FieldPlace, "none of the kernel's fields in it has the right size and place");
        }
        let mut end = 0;
        for field in &fields {
            if field.start < end {
                return wrong(Rule::FieldOverlap, "two of the kernel's fields in it overlap");
            }
            end = field.start + u64::from(field.size);
            self.roots.check_node(item.id, field)?;
        }
        let has = |role| fields.iter().any(|field| field.role == role);
        if has(Role::Lock) && has(Role::OtherLock) {
            return wrong(Rule::OneLock, "it has a bpf_spin_lock and a bpf_res_spin_lock");
        }
        if has(Role::Node(LIST_NODE)) && has(Role::Node(TREE_NODE)) && !has(Role::Count) {
            return wrong(Rule::NodeCount, "it may be in lists and trees, and has no bpf_refcount");
        }
        if fields.iter().any(|field| field.root().is_some()) && !has(Role::Lock) {
            return wrong(Rule::RootLock, "it has a list or tree, and no lock");
        }
        Ok(fields)
    }

    /// All fields of a struct, those of structs in it included; `root` is the one that is outside of all.
    fn find(&mut self, root: &Item<'a>, item: &Item<'a>, depth: usize) -> Result<Found, Fault> {
        let known = self.done.get(&item.id);
        let height = known.map_or(0, |known| known.height);
        if depth + height >= MAX_DEPTH {
            let found = format!("it has structs {} deep inside of each other", depth + height);
            return Err(Fault::new(Rule::FieldDepth, root.id, found));
        }
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let mut found = Found::default();
        let mut locks = Vec::new();
        for (at, [_, ty, place]) in (0..).zip(item.words::<3>()) {
            let (elem, count) = self.element(ty);
            let member = Member { root: root.id, item, at, start: item.place(place).0, elem };
            if !member.start.is_multiple_of(8) {
                return Err(member.fault(Rule::FieldBits, format!("it starts at bit {}", member.start)));
            }
            if count == 0 {
                continue;
            }
            if let Some(lock) = self.lock(elem) {
                if locks.contains(&lock) {
                    return Err(member.fault(Rule::FieldTwice, "it is a second lock"));
                }
                locks.push(lock);
            }
            let inner = self.member(root, &member, depth)?;
            found.height = found.height.max(inner.height);
            if inner.fields.is_empty() {
                continue;
            }
            // Of a struct that is repeated, only pointers may be; by themselves, lists and trees as well.
            let is_direct = self.known(elem).is_some();
            let repeats = |field: &Field| field.role == Role::Pointer || is_direct && field.root().is_some();
            if count > 1 && !inner.fields.iter().all(repeats) {
                return Err(member.fault(Rule::FieldArray, format!("it is an array of {count}")));
            }
            let total = inner.fields.len().saturating_mul(index(count)).saturating_add(found.fields.len());
            if total > MAX_FIELDS {
                return Err(
                    member.fault(Rule::FieldCount, format!("it makes {total} of the kernel's fields"))
                );
            }
            let stride = u64::from(self.size(elem));
            for element in 0..u64::from(count) {
                let start = u64::from(member.start / 8) + element * stride;
                found
                    .fields
                    .extend(inner.fields.iter().map(|f| Field { start: start + f.start, ..f.clone() }));
            }
        }
        self.done.insert(item.id, found.clone());
        Ok(found)
    }

    /// What one member, or one element of it, makes.
    fn member(&mut self, root: &Item<'a>, member: &Member<'a, '_>, depth: usize) -> Result<Found, Fault> {
        let one = |field| Found { fields: vec![field], height: 0 };
        if let Some(known) = self.known(member.elem) {
            let is_placed = member.start.is_multiple_of(8 * known.alignment);
            if self.blob.arg(member.elem) != known.size || !is_placed {
                return Ok(Found::default());
            }
            let mut field = Field::new(known.role, known.size);
            if field.root().is_some() {
                (field.nodes, field.tag) = self.roots.contained(member)?;
            }
            return Ok(one(field));
        }
        match self.blob.kind(member.elem) {
            Some(Kind::Struct) => {
                let Some(inner) = self.blob.item(member.elem) else { return Ok(Found::default()) };
                let inner = self.find(root, &inner, depth + 1)?;
                Ok(Found { height: inner.height + 1, ..inner })
            }
            Some(Kind::Ptr | Kind::Volatile) if member.start.is_multiple_of(64) => {
                let is_field =
                    pointer(self.blob, member.elem).map_err(|found| member.fault(Rule::PointerTag, found))?;
                Ok(if is_field { one(Field::new(Role::Pointer, POINTER)) } else { Found::default() })
            }
            _ => Ok(Found::default()),
        }
    }

    /// Which of the known structs a type is.
    fn known(&self, id: u32) -> Option<&'static Known> {
        let is_struct = self.blob.kind(id) == Some(Kind::Struct);
        is_struct.then(|| place_of_name(self.blob, id)).flatten().map(|at| &KNOWN[at])
    }

    /// Whether a type is called as a lock, of whatever kind it is.
    fn lock(&self, id: u32) -> Option<Role> {
        let role = KNOWN[place_of_name(self.blob, id)?].role;
        matches!(role, Role::Lock | Role::OtherLock).then_some(role)
    }

    /// What an array has in the end, and how many.
    fn element(&self, mut ty: u32) -> (u32, u32) {
        let mut count = 1_u32;
        while self.blob.kind(ty) == Some(Kind::Array) {
            let Some(item) = self.blob.item(ty) else { break };
            let [elem, _, len] = item.first();
            (ty, count) = (elem, count.saturating_mul(len));
        }
        (ty, count)
    }

    /// Of an element of an array, in bytes.
    fn size(&self, id: u32) -> u32 {
        if self.blob.kind(id) == Some(Kind::Struct) { self.blob.arg(id) } else { POINTER }
    }
}

/// Whether a pointer is a field; what is wrong with it if it is none.
fn pointer(blob: &Blob<'_>, mut id: u32) -> Result<bool, String> {
    while blob.kind(id) == Some(Kind::Volatile) {
        id = blob.arg(id);
    }
    if blob.kind(id) != Some(Kind::Ptr) {
        return Ok(false);
    }
    let mut target = blob.arg(id);
    let Some(tag) = blob.item(target).filter(|tag| tag.kind == Kind::TypeTag && !tag.flag) else {
        return Ok(false);
    };
    let text = blob.parts.string(tag.name);
    let Some((_, is_field)) = POINTER_TAGS.iter().find(|(name, _)| *name == text) else {
        return Err(format!("it points to what is tagged '{}'", text.escape_ascii()));
    };
    if !is_field {
        return Ok(false);
    }
    target = tag.arg;
    if blob.item(target).is_some_and(|inner| inner.kind == Kind::TypeTag && !inner.flag) {
        return Err("it points to what has two tags".to_owned());
    }
    while blob.kind(target).is_some_and(is_modifier) {
        target = blob.arg(target);
    }
    if blob.kind(target) != Some(Kind::Struct) {
        return Err("it points to what is no struct".to_owned());
    }
    Ok(true)
}

/// A member that is looked at.
struct Member<'a, 'b> {
    /// The struct that is outside of all.
    root: u32,
    item: &'b Item<'a>,
    /// Which one of the struct.
    at: u32,
    /// In bits.
    start: u32,
    /// Its type, or that of its elements.
    elem: u32,
}

impl Member<'_, '_> {
    fn fault(&self, rule: Rule, found: impl Into<String>) -> Fault {
        let fault = Fault::new(rule, self.root, found);
        if self.root == self.item.id { fault.element(self.at) } else { fault }
    }
}

/// Whether what owns others is owned itself by at most one: the kernel frees no deeper.
fn owners(records: &HashMap<u32, Vec<Field>>, id: u32) -> Result<(), Fault> {
    let fields = &records[&id];
    let is_owned = fields.iter().any(|field| matches!(field.role, Role::Node(_)));
    for field in fields.iter().filter(|field| field.root().is_some()) {
        let Some(nodes) = records.get(&field.nodes) else {
            let found = format!("it contains type [{}], whose fields are not the kernel's", field.nodes);
            return Err(Fault::new(Rule::FieldPlace, id, found));
        };
        let owns = nodes.iter().any(|field| field.root().is_some());
        if is_owned && owns {
            let found =
                format!("it is contained, and contains type [{}], which contains others", field.nodes);
            return Err(Fault::new(Rule::RootOwner, id, found));
        }
    }
    Ok(())
}
