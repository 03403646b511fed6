//! Colors: equal content and equally colored children make an equal color.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::Forwards;
use super::graph::Graph;
use crate::bytes::{index, word};
use crate::table::Table;

/// The color of each node, from 1.
#[derive(Clone)]
pub(crate) struct Colors {
    /// By node. Forward declarations of structs and unions have 0: they are still to be resolved.
    pub(crate) of: Vec<u32>,
    /// The last color.
    pub(crate) count: u32,
    pub(crate) depth: Depth,
}

/// Colors the nodes, children first. References by name lead no further than to the class of the name.
pub(crate) fn colors(graph: &Graph<'_>, forwards: Forwards) -> Colors {
    let mut painter = Painter::new(graph, Depth::Deep);
    painter.enumerations(forwards);
    if painter.nodes().is_err() {
        // Types that refer to themselves without a named struct on the way: there is no child to start from.
        painter = Painter::new(graph, Depth::Flat);
        painter.enumerations(forwards);
        graph.nodes().for_each(|node| painter.paint(node));
    }
    painter.colors
}

/// Whether children count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// They do.
    Deep,
    /// What they are is left to the refinement.
    Flat,
}

struct Painter<'g, 'a> {
    graph: &'g Graph<'a>,
    colors: Colors,
    /// One node of each color.
    known: Table,
}

/// What a reference by name is, beside a class.
const BY_NAME: u32 = 1 << 31;

/// A type that refers to itself without a named struct on the way.
pub(super) struct Cycle;

/// What is done to each node once it has been done to its children.
pub(super) trait Visit {
    /// The mark of a node: 0 for one that has not been visited, never [`OPEN`] for one that has.
    fn mark(&mut self, node: u32) -> &mut u32;
    /// Visits a node, which gives it a mark.
    fn visit(&mut self, node: u32);
}

/// The mark of a node whose children are being visited.
const OPEN: u32 = u32::MAX;

/// Visits nodes, children first, but for those that `is_cut` names.
pub(super) fn children_first<'g>(
    roots: impl Iterator<Item = u32>,
    edges: impl Fn(u32) -> &'g [u32],
    is_cut: impl Fn(u32) -> bool,
    visit: &mut impl Visit,
) -> Result<(), Cycle> {
    // Nodes whose children are being visited, and how many are done.
    let mut path: Vec<(u32, usize)> = Vec::new();
    for root in roots {
        if *visit.mark(root) != 0 {
            continue;
        }
        *visit.mark(root) = OPEN;
        path.push((root, 0));
        while let Some((node, done)) = path.pop() {
            let rest = edges(node).get(done..).unwrap_or_default();
            let Some(next) =
                rest.iter().position(|&to| matches!(visit.mark(to), &mut (0 | OPEN)) && !is_cut(to))
            else {
                visit.visit(node);
                continue;
            };
            let to = rest[next];
            if *visit.mark(to) == OPEN {
                return Err(Cycle);
            }
            *visit.mark(to) = OPEN;
            path.push((node, done + next + 1));
            path.push((to, 0));
        }
    }
    Ok(())
}

impl Visit for Painter<'_, '_> {
    fn mark(&mut self, node: u32) -> &mut u32 {
        &mut self.colors.of[index(node)]
    }

    fn visit(&mut self, node: u32) {
        self.paint(node);
    }
}

impl<'g, 'a> Painter<'g, 'a> {
    fn new(graph: &'g Graph<'a>, depth: Depth) -> Self {
        let mut of = vec![0; graph.nodes.len()];
        // Void is of its own color.
        of[0] = 1;
        let known = Table::with_capacity(graph.nodes.len() / 2);
        Painter { graph, colors: Colors { of, count: 1, depth }, known }
    }

    /// An enumeration without values is the only one of its name and size that has some.
    fn enumerations(&mut self, forwards: Forwards) {
        if forwards == Forwards::Keep {
            return;
        }
        let graph = self.graph;
        let fwds: Vec<u32> = graph.nodes().filter(|&node| graph.is_enum_fwd(node)).collect();
        let key = |node: u32| (graph.node(node).name, graph.node(node).size);
        let mut colors: HashMap<_, Option<u32>> = fwds.iter().map(|&fwd| (key(fwd), None)).collect();
        if fwds.is_empty() {
            return;
        }
        const SEVERAL: u32 = 0;
        for node in graph.nodes() {
            if matches!(graph.node(node).kind, Some(crate::Kind::Enum | crate::Kind::Enum64))
                && !graph.is_enum_fwd(node)
                && let Some(color) = colors.get_mut(&key(node))
            {
                self.paint(node);
                let own = self.colors.of[index(node)];
                *color = Some(if color.is_none_or(|color| color == own) { own } else { SEVERAL });
            }
        }
        for fwd in fwds {
            // The types of a base stay what they are.
            if let Some(Some(color @ 1..)) = colors.get(&key(fwd)).filter(|_| fwd > graph.base) {
                self.colors.of[index(fwd)] = *color;
            }
        }
    }

    /// Colors all nodes.
    fn nodes(&mut self) -> Result<(), Cycle> {
        let graph = self.graph;
        // A declaration gets the color of what it declares.
        let is_fwd = |node| graph.is(node, crate::Kind::Fwd);
        children_first(
            graph.nodes().filter(|&node| !is_fwd(node)),
            |node| graph.edges(node),
            |to| graph.class(to) != 0,
            self,
        )
    }

    /// Gives a node its color. Its children have theirs.
    fn paint(&mut self, node: u32) {
        let graph = self.graph;
        if graph.is(node, crate::Kind::Fwd) || !matches!(self.colors.of[index(node)], 0 | OPEN) {
            return;
        }
        let hash = self.known.hash(&Content { painter: self, node });
        let known = self.known.find(hash, |other| self.is_same(node, other));
        self.colors.of[index(node)] = match known {
            Some(other) => self.colors.of[index(other)],
            None => {
                self.known.insert(hash, node);
                self.colors.count += 1;
                self.colors.count
            }
        };
    }

    fn is_same(&self, a: u32, b: u32) -> bool {
        let graph = self.graph;
        let (a_edges, b_edges) = (graph.edges(a), graph.edges(b));
        graph.node(a).head() == graph.node(b).head()
            && a_edges.len() == b_edges.len()
            && a_edges.iter().zip(b_edges).all(|(&a, &b)| self.seen(a) == self.seen(b))
            && graph.words(a) == graph.words(b)
    }

    /// What a child is to its parent.
    fn seen(&self, child: u32) -> u32 {
        match (self.graph.class(child), self.colors.depth) {
            (0, Depth::Deep) => self.colors.of[index(child)],
            (0, Depth::Flat) => 0,
            (class, _) => class | BY_NAME,
        }
    }
}

/// What is hashed of a node.
struct Content<'p, 'g, 'a> {
    painter: &'p Painter<'g, 'a>,
    node: u32,
}

impl Hash for Content<'_, '_, '_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Content { painter, node } = *self;
        let graph = painter.graph;
        let (kind, name, rest) = graph.node(node).head_words(graph.node(node).name);
        state.write_u64(u64::from(kind) << 32 | u64::from(name));
        state.write_u64(rest);
        let pair = |a: u32, b: u32| u64::from(a) << 32 | u64::from(b);
        let (pairs, last) = graph.words(node).as_chunks::<2>();
        pairs.iter().for_each(|&[a, b]| state.write_u64(pair(a, b)));
        last.iter().for_each(|&a| state.write_u32(a));
        let (pairs, last) = graph.edges(node).as_chunks::<2>();
        pairs.iter().for_each(|&[a, b]| state.write_u64(pair(painter.seen(a), painter.seen(b))));
        last.iter().for_each(|&a| state.write_u32(painter.seen(a)));
        state.write_u32(word(graph.words(node).len()));
    }
}
