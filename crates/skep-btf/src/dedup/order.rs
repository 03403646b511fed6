//! An order of the types that follows from what they are.
//!
//! Named types come in the order of their names, each after what it is made of. What is only pointed to need not come
//! before: otherwise there would be no order, and kernels do not ask for it.

use std::hash::Hasher;

use super::cons::{Depth, Visit, children_first};
use super::forward::Blocks;
use super::graph::Graph;
use super::refine::{Partition, References, differing};
use crate::bytes::{index, word};
use crate::kind::Kind;
use crate::table::Folded;

/// Each type once: the graph of the blocks.
///
/// Its nodes are types: 0 is void, and those of the base come first.
pub(crate) struct Types<'g, 'a> {
    pub(crate) graph: &'g Graph<'a>,
    /// By type, a node that tells what it is.
    pub(crate) node: Vec<u32>,
    /// The type of each node.
    pub(crate) of: Vec<u32>,
    start: Vec<u32>,
    edges: Vec<u32>,
    /// The types that the base does not have, in order.
    pub(crate) order: Vec<u32>,
}

/// Finds the types and their order.
pub(crate) fn types<'g, 'a>(graph: &'g Graph<'a>, blocks: &Blocks) -> Types<'g, 'a> {
    let mut types = quotient(graph, blocks);
    let keys = keys(&types);
    types.order = emission(&types, keys);
    types
}

impl References for Types<'_, '_> {
    fn len(&self) -> usize {
        self.node.len()
    }

    fn references(&self, ty: u32) -> &[u32] {
        &self.edges[index(self.start[index(ty)])..index(self.start[index(ty) + 1])]
    }
}

impl Types<'_, '_> {
    fn all(&self) -> impl Iterator<Item = u32> + use<> {
        1..word(self.node.len())
    }

    pub(crate) fn kind(&self, ty: u32) -> Option<Kind> {
        self.graph.node(self.node[index(ty)]).kind
    }

    fn class(&self, ty: u32) -> u32 {
        self.graph.class(self.node[index(ty)])
    }

    fn name(&self, ty: u32) -> u32 {
        self.graph.node(self.node[index(ty)]).name
    }

    pub(crate) fn is_in_base(&self, ty: u32) -> bool {
        self.node[index(ty)] <= self.graph.base
    }

    /// What a type is made of, so that it has to come before.
    fn parts(&self, ty: u32) -> &[u32] {
        let references = self.references(ty);
        match self.kind(ty) {
            Some(Kind::Ptr) if self.pointee(ty).is_some() => &[],
            // The section that a variable is in is made of it, not the other way round.
            Some(Kind::Var) => references.get(..1).unwrap_or_default(),
            _ => references,
        }
    }

    /// The struct, union or prototype that a pointer leads to, by no more than a few modifiers, names and arrays: where
    /// type graphs are cut.
    fn pointee(&self, ty: u32) -> Option<u32> {
        const MAX_MODIFIERS: usize = 16;
        let mut to = *self.references(ty).first()?;
        for _ in 0..MAX_MODIFIERS {
            match self.kind(to)? {
                Kind::Struct | Kind::Union | Kind::FuncProto => return Some(to),
                Kind::Typedef
                | Kind::Volatile
                | Kind::Const
                | Kind::Restrict
                | Kind::TypeTag
                | Kind::Array => to = *self.references(to).first()?,
                _ => return None,
            }
        }
        None
    }
}

fn quotient<'g, 'a>(graph: &'g Graph<'a>, blocks: &Blocks) -> Types<'g, 'a> {
    const NONE: u32 = u32::MAX;
    let mut ty_of = vec![NONE; index(blocks.end)];
    ty_of[index(blocks.of[0])] = 0;
    let mut node_of = vec![0];
    for node in graph.nodes() {
        let ty = &mut ty_of[index(blocks.of[index(node)])];
        if *ty == NONE {
            *ty = word(node_of.len());
            node_of.push(node);
        } else if *ty != 0 {
            // A declaration does not tell what the type is.
            let known = &mut node_of[index(*ty)];
            if graph.is(*known, Kind::Fwd) && !graph.is(node, Kind::Fwd)
                || graph.is_enum_fwd(*known) && !graph.is_enum_fwd(node)
            {
                *known = node;
            }
        }
    }
    let of: Vec<u32> = blocks.of[..graph.len()].iter().map(|&block| ty_of[index(block)]).collect();
    let (mut start, mut edges) = (vec![0], Vec::new());
    for &node in &node_of {
        edges.extend(graph.edges(node).iter().map(|&to| of[index(to)]));
        start.push(word(edges.len()));
    }
    Types { graph, node: node_of, of, start, edges, order: Vec::new() }
}

/// Hashes of what types are, up to named structs. They are the same in each run.
struct Hashes<'t, 'g, 'a> {
    types: &'t Types<'g, 'a>,
    names: Vec<u64>,
    hash: Vec<u64>,
    marks: Vec<u32>,
    depth: Depth,
}

impl<'t, 'g, 'a> Hashes<'t, 'g, 'a> {
    fn new(types: &'t Types<'g, 'a>) -> Self {
        let name = |text: &&[u8]| {
            let mut hasher = Folded::default();
            hasher.write(text);
            hasher.finish()
        };
        let names = types.graph.names.texts.iter().map(name).collect();
        let mut hashes = Hashes {
            types,
            names,
            hash: vec![0; types.node.len()],
            marks: vec![0; types.node.len()],
            depth: Depth::Deep,
        };
        hashes.marks[0] = 1;
        let is_cut = |ty| types.class(ty) != 0;
        if children_first(types.all(), |ty| types.references(ty), is_cut, &mut hashes).is_err() {
            hashes.depth = Depth::Flat;
            types.all().for_each(|ty| hashes.visit(ty));
        }
        hashes
    }

    fn of(&self, ty: u32) -> u64 {
        let graph = self.types.graph;
        let node = self.types.node[index(ty)];
        let mut hasher = Folded::default();
        let (kind, name, rest) = graph.node(node).head_words(self.names[index(graph.node(node).name)]);
        hasher.write_u32(kind);
        hasher.write_u64(name);
        hasher.write_u64(rest);
        let words = graph.words(node);
        match graph.node(node).kind {
            Some(Kind::Struct | Kind::Union) => {
                for &[name, offset] in words.as_chunks().0 {
                    hasher.write_u64(self.names[index(name)]);
                    hasher.write_u32(offset);
                }
            }
            Some(Kind::Enum | Kind::Enum64) => {
                for &[name, low, high] in words.as_chunks().0 {
                    hasher.write_u64(self.names[index(name)]);
                    hasher.write_u64(u64::from(high) << 32 | u64::from(low));
                }
            }
            Some(Kind::FuncProto) => words.iter().for_each(|&name| hasher.write_u64(self.names[index(name)])),
            _ => words.iter().for_each(|&word| hasher.write_u32(word)),
        }
        for &to in self.types.references(ty) {
            match (graph.node(self.types.node[index(to)]).space(), self.depth) {
                (None, Depth::Deep) => hasher.write_u64(self.hash[index(to)]),
                (None, Depth::Flat) => hasher.write_u32(u32::from(to != 0)),
                (Some(space), _) => {
                    hasher.write_usize(space);
                    hasher.write_u64(self.names[index(self.types.name(to))]);
                }
            }
        }
        hasher.finish()
    }
}

impl Visit for Hashes<'_, '_, '_> {
    fn mark(&mut self, ty: u32) -> &mut u32 {
        &mut self.marks[index(ty)]
    }

    fn visit(&mut self, ty: u32) {
        self.hash[index(ty)] = self.of(ty);
        self.marks[index(ty)] = 1;
    }
}

/// The types that the base does not have in an order that follows from what they are: anonymous ones first, then by
/// name.
fn keys(types: &Types<'_, '_>) -> Vec<u32> {
    let hashes = Hashes::new(types);
    let texts = &types.graph.names.texts;
    let mut sorted: Vec<Key<'_>> = types
        .all()
        .map(|ty| {
            let name = types.name(ty);
            let text = texts[index(name)];
            let hash = hashes.hash[index(ty)];
            Key { start: start(text), name, text, kind: types.kind(ty), hash, ty }
        })
        .collect();
    sorted.sort_unstable_by(|a, b| a.compare(b).then(a.ty.cmp(&b.ty)));

    // Types that are equal so far differ in what they refer to by name.
    let mut cell = vec![0; types.node.len()];
    let mut cells = 1;
    for equal in sorted.chunk_by(|a, b| a.compare(b).is_eq()) {
        equal.iter().for_each(|key| cell[index(key.ty)] = cells);
        cells += 1;
    }
    let moved = match hashes.depth {
        Depth::Deep => differing(types.all(), |ty| types.class(ty), &cell),
        Depth::Flat => types.all().collect(),
    };
    let mut partition = Partition::new(types, cell.clone(), cells, |_| true);
    partition.refine(moved);
    for equal in sorted.chunk_by_mut(|a, b| cell[index(a.ty)] == cell[index(b.ty)]) {
        equal.sort_unstable_by_key(|key| (partition.block[index(key.ty)], key.ty));
    }
    sorted.into_iter().map(|key| key.ty).filter(|&ty| !types.is_in_base(ty)).collect()
}

struct Key<'t> {
    /// The first bytes of the name, which are mostly enough.
    start: u128,
    name: u32,
    text: &'t [u8],
    kind: Option<Kind>,
    hash: u64,
    ty: u32,
}

impl Key<'_> {
    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let by_text =
            || if self.name == other.name { std::cmp::Ordering::Equal } else { self.text.cmp(other.text) };
        self.start
            .cmp(&other.start)
            .then_with(by_text)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| self.hash.cmp(&other.hash))
    }
}

fn start(text: &[u8]) -> u128 {
    let mut start = [0; 16];
    start.iter_mut().zip(text).for_each(|(to, &from)| *to = from);
    u128::from_be_bytes(start)
}

/// The types in their order. `keys` are all of them, anonymous ones first.
fn emission(types: &Types<'_, '_>, keys: Vec<u32>) -> Vec<u32> {
    let mut emitter =
        Emitter { types, seen: vec![false; types.node.len()], order: Vec::new(), path: Vec::new() };
    emitter.order.reserve_exact(keys.len());
    types.all().filter(|&ty| types.is_in_base(ty)).for_each(|ty| emitter.seen[index(ty)] = true);
    emitter.seen[0] = true;
    let named = keys.partition_point(|&ty| types.name(ty) == 0);
    for &ty in &keys[named..] {
        let before = emitter.order.len();
        emitter.emit(ty);
        // Behind it, what it points to that has no name.
        emitter.follow_pointers(before, |pointee| types.name(pointee) == 0);
    }
    emitter.follow_pointers(0, |_| true);
    for &ty in &keys[..named] {
        let before = emitter.order.len();
        emitter.emit(ty);
        emitter.follow_pointers(before, |_| true);
    }
    emitter.order
}

struct Emitter<'t, 'g, 'a> {
    types: &'t Types<'g, 'a>,
    seen: Vec<bool>,
    order: Vec<u32>,
    /// Types that wait for their parts, and how many are done.
    path: Vec<(u32, usize)>,
}

impl Emitter<'_, '_, '_> {
    /// Emits a type, its parts first.
    fn emit(&mut self, ty: u32) {
        if std::mem::replace(&mut self.seen[index(ty)], true) {
            return;
        }
        self.path.push((ty, 0));
        while let Some((ty, done)) = self.path.pop() {
            let rest = self.types.parts(ty).get(done..).unwrap_or_default();
            match rest.iter().position(|&part| !self.seen[index(part)]) {
                None => self.order.push(ty),
                Some(next) => {
                    self.seen[index(rest[next])] = true;
                    self.path.push((ty, done + next + 1));
                    self.path.push((rest[next], 0));
                }
            }
        }
    }

    /// Emits what the pointers from that place on lead to, where it is wanted.
    fn follow_pointers(&mut self, from: usize, is_wanted: impl Fn(u32) -> bool) {
        let mut at = from;
        while let Some(&ty) = self.order.get(at) {
            if self.types.kind(ty) == Some(Kind::Ptr)
                && self.types.pointee(ty).is_some_and(&is_wanted)
                && let Some(&to) = self.types.references(ty).first()
            {
                self.emit(to);
            }
            at += 1;
        }
    }
}
