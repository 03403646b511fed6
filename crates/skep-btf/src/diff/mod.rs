//! What differs between two sets of types.
//!
//! Types are matched by their kind and name, and compared by what they are themselves: a struct has changed if one of its
//! members has, not if a struct that it points to has. What has no name is part of what has one.

mod fields;
mod spell;

use std::collections::HashMap;
use std::sync::Arc;

use crate::btf::Btf;
use crate::bytes::{index, word};
use crate::dedup::Forwards;
use crate::dedup::cons::{self, Colors};
use crate::dedup::graph::{Graph, Node};
use crate::error::Error;
use crate::kind::Kind;
use crate::types::TypeId;

pub use fields::{Change, Part};
pub use spell::spell;

/// What differs between two sets, an old and a new one.
#[derive(Debug, Clone, Default)]
pub struct Diff {
    /// Types of the new set that the old one does not have, by name.
    pub added: Vec<TypeId>,
    /// Types of the old set that the new one does not have, by name.
    pub removed: Vec<TypeId>,
    /// Types of both sets that are not the same in both, by name.
    pub changed: Vec<Changed>,
    /// How many types are the same in both.
    pub same: usize,
}

/// A type that is not the same in both sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// In the old set.
    pub old: TypeId,
    /// In the new set.
    pub new: TypeId,
    /// What has changed, at least one thing.
    pub changes: Vec<Change>,
}

impl Diff {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares two sets.
///
/// Of split sets on one base the split parts are compared; on different bases, what they are with them. Of several types
/// with one name those that are equal belong together, then those of equal size.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, diff::diff};
///
/// let pair = |second: &str| {
///     let mut types = Btf::builder();
///     let int = types.int("int", 4, IntEncoding::Signed);
///     let members = [types.member("first", int, 0), types.member(second, int, 32)];
///     types.structure("pair", 8, &members);
///     types.build()
/// };
/// let (old, new) = (pair("second")?, pair("last")?);
/// let found = diff(&old, &new)?;
/// let changes: Vec<String> = found.changed[0].changes.iter().map(ToString::to_string).collect();
/// assert_eq!(changes, ["- member second: int at 4", "+ member last: int at 4"]);
/// # Ok::<(), skep_btf::Error>(())
/// ```
///
/// # Errors
///
/// If there is more than 32 bits can number, or too many strings share their bytes.
pub fn diff(old: &Btf, new: &Btf) -> Result<Diff, Error> {
    let is_same_base = match (old.base(), new.base()) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        (None, None) => true,
        _ => false,
    };
    if !is_same_base {
        return diff(&old.flatten(), &new.flatten());
    }
    let mut graph = Graph::new(&[old, new], old.base().map(Arc::as_ref))?;
    graph.classify(SPACES, space);
    let colors = cons::colors(&graph, Forwards::Keep);
    let sides = Sides { old, new, graph, colors };
    Ok(sides.diff())
}

/// How many name spaces there are.
const SPACES: usize = 9;

/// The name space of what has a name.
fn space(node: &Node) -> Option<usize> {
    if node.name == 0 {
        return None;
    }
    Some(match node.kind? {
        Kind::Struct => 0,
        Kind::Union => 1,
        Kind::Fwd => usize::from(node.flag),
        Kind::Datasec => 2,
        Kind::Enum | Kind::Enum64 => 3,
        Kind::Typedef => 4,
        Kind::Int => 5,
        Kind::Float => 6,
        Kind::Func => 7,
        Kind::Var => 8,
        _ => return None,
    })
}

/// Two sets as one graph, in which references to what has a name lead to the name.
struct Sides<'a> {
    old: &'a Btf,
    new: &'a Btf,
    graph: Graph<'a>,
    colors: Colors,
}

/// What is matched: equal keys may be one type.
#[derive(PartialEq, Eq, Hash, Clone, Copy, PartialOrd, Ord)]
enum Key {
    /// What has a name.
    Class(u32),
    /// An enumeration without a name, by the name of its first value.
    Values(u32),
    /// A tag is what it is.
    Tag(u32),
}

impl Sides<'_> {
    fn diff(&self) -> Diff {
        let (old, new) =
            (self.by_key(self.graph.before[0], self.old), self.by_key(self.graph.before[1], self.new));
        let mut diff = Diff::default();
        for (key, nodes) in &old {
            let others = new.get(key).map_or(&[][..], Vec::as_slice);
            self.match_up(nodes, others, &mut diff);
        }
        for (_, nodes) in new.iter().filter(|(key, _)| !old.contains_key(key)) {
            self.match_up(&[], nodes, &mut diff);
        }
        let (old, new) = (self.old, self.new);
        diff.removed.sort_unstable_by_key(|&id| (old.name(id), old.kind(id), id));
        diff.added.sort_unstable_by_key(|&id| (new.name(id), new.kind(id), id));
        diff.changed
            .sort_unstable_by_key(|changed| (new.name(changed.new), new.kind(changed.new), changed.new));
        diff
    }

    /// The types of one side by key, equal ones once.
    fn by_key(&self, before: u32, btf: &Btf) -> HashMap<Key, Vec<u32>> {
        let mut keys: Vec<(Key, u32, u32)> = (before + 1..=before + word(btf.ids().len()))
            .filter_map(|node| Some((self.key(node)?, self.color(node), node)))
            .collect();
        keys.sort_unstable();
        keys.dedup_by_key(|&mut (key, color, _)| (key, color));
        let mut by_key: HashMap<Key, Vec<u32>> = HashMap::new();
        for of_key in keys.chunk_by(|a, b| a.0 == b.0) {
            let is_fwd = |node: u32| self.graph.is(node, Kind::Fwd);
            let is_defined = of_key.iter().any(|&(.., node)| !is_fwd(node));
            let nodes = of_key.iter().map(|&(.., node)| node).filter(|&node| !is_defined || !is_fwd(node));
            by_key.insert(of_key[0].0, nodes.collect());
        }
        by_key
    }

    fn key(&self, node: u32) -> Option<Key> {
        let graph = &self.graph;
        match (graph.class(node), graph.node(node).kind?) {
            (0, Kind::Enum | Kind::Enum64) => {
                Some(Key::Values(graph.words(node).first().copied().unwrap_or(0)))
            }
            (0, Kind::DeclTag) => Some(Key::Tag(self.colors.of[index(node)])),
            (0, _) => None,
            (class, _) => Some(Key::Class(class)),
        }
    }

    /// Equal for types that are equal in themselves. All declarations of one name are.
    fn color(&self, node: u32) -> u32 {
        self.colors.of[index(node)]
    }

    /// What a reference leads to: equal if the types referred to are, or if they have the same name.
    fn seen(&self, node: u32) -> (u32, u32) {
        match self.graph.class(node) {
            0 => (0, self.color(node)),
            class => (class, 0),
        }
    }

    fn id(&self, node: u32) -> TypeId {
        let [old, new] = [self.graph.before[0], self.graph.before[1]];
        let kept = self.graph.base;
        match node {
            _ if node <= kept => TypeId(node),
            _ if node > new => TypeId(node - new + kept),
            _ => TypeId(node - old + kept),
        }
    }

    /// Compares types of one key, equal ones of each side being there once.
    fn match_up(&self, old: &[u32], new: &[u32], diff: &mut Diff) {
        let only = |these: &[u32], others: &[u32]| -> Vec<u32> {
            // Both are ordered by color, as `by_key` makes them.
            let is_there = |&node: &u32| {
                let color = self.color(node);
                others.binary_search_by_key(&color, |&other| self.color(other)).is_ok()
            };
            these.iter().copied().filter(|node| !is_there(node)).collect()
        };
        let (mut removed, mut added) = (only(old, new), only(new, old));
        diff.same += old.len() - removed.len();
        for is_size_told in [true, false] {
            self.pair(&mut removed, &mut added, is_size_told, diff);
        }
        diff.removed.extend(removed.iter().map(|&node| self.id(node)));
        diff.added.extend(added.iter().map(|&node| self.id(node)));
    }

    /// Takes pairs out of both lists, in the order of ids; of those with equal sizes alone, or of any.
    fn pair(&self, old: &mut Vec<u32>, new: &mut Vec<u32>, is_size_told: bool, diff: &mut Diff) {
        let size = |node: u32| if is_size_told { self.graph.node(node).size } else { 0 };
        old.sort_unstable_by_key(|&node| (size(node), node));
        new.sort_unstable_by_key(|&node| (size(node), node));
        let (mut olds, mut news) = (Vec::new(), Vec::new());
        let (mut a, mut b) = (old.iter().copied().peekable(), new.iter().copied().peekable());
        while let (Some(&one), Some(&other)) = (a.peek(), b.peek()) {
            match size(one).cmp(&size(other)) {
                std::cmp::Ordering::Less => olds.extend(a.next()),
                std::cmp::Ordering::Greater => news.extend(b.next()),
                std::cmp::Ordering::Equal => {
                    a.next();
                    b.next();
                    let (old, new) = (self.id(one), self.id(other));
                    diff.changed.push(Changed { old, new, changes: fields::changes(self, one, other) });
                }
            }
        }
        olds.extend(a);
        news.extend(b);
        (*old, *new) = (olds, news);
    }
}
