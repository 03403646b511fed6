//! What forward declarations declare, and the final partition.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Forwards;
use super::cons::{Colors, Depth};
use super::graph::Graph;
use super::refine::{Partition, References, differing};
use crate::bytes::index;
use crate::kind::Kind;

/// Nodes that are one type.
pub(crate) struct Blocks {
    /// The block of each node.
    pub(crate) of: Vec<u32>,
    /// All blocks are below.
    pub(crate) end: u32,
}

impl References for Graph<'_> {
    fn len(&self) -> usize {
        self.nodes.len() - 1
    }

    fn references(&self, node: u32) -> &[u32] {
        self.edges(node)
    }
}

/// How often a resolution is taken back because definitions turn out to differ after all. Each time affects what refers
/// to them; C needs two or three.
const ATTEMPTS: usize = 16;

/// Finds out which nodes are one type.
pub(crate) fn resolve(graph: &Graph<'_>, colors: Colors, forwards: Forwards) -> Blocks {
    let mut found = match forwards {
        Forwards::Resolve => declared(graph, &colors),
        Forwards::Keep => HashMap::new(),
    };
    for _ in 0..ATTEMPTS {
        let partition = partition(graph, &colors, &found);
        // A definition whose copies differ in what they refer to is not the only one.
        let wrong = torn(graph, &colors, &partition);
        let before = found.len();
        found.retain(|_, color| !wrong.contains(color));
        if found.len() == before {
            return Blocks { end: partition.blocks(), of: partition.block };
        }
    }
    let partition = partition(graph, &colors, &HashMap::new());
    Blocks { end: partition.blocks(), of: partition.block }
}

fn fwds<'g>(graph: &'g Graph<'_>) -> impl Iterator<Item = u32> + 'g {
    graph.nodes().filter(|&node| graph.is(node, Kind::Fwd))
}

/// Definitions, of structs and unions with a name, and their colors.
fn definitions<'g>(graph: &'g Graph<'_>, colors: &'g Colors) -> impl Iterator<Item = (u32, u32)> + 'g {
    graph
        .nodes()
        .filter(|&node| graph.class(node) != 0 && !graph.is(node, Kind::Fwd))
        .map(|node| (node, colors.of[index(node)]))
}

/// The partition, given the colors of what forward declarations declare.
fn partition<'g>(
    graph: &'g Graph<'_>,
    colors: &Colors,
    found: &HashMap<u32, u32>,
) -> Partition<'g, Graph<'g>> {
    let mut block = colors.of.clone();
    let mut end = colors.count + 1;
    let mut unknown: HashMap<u32, u32> = HashMap::new();
    for fwd in fwds(graph) {
        block[index(fwd)] = found.get(&fwd).copied().unwrap_or_else(|| {
            *unknown.entry(graph.class(fwd)).or_insert_with(|| {
                end += 1;
                end - 1
            })
        });
    }
    let moved = match colors.depth {
        Depth::Deep => differing(graph.nodes(), |node| graph.class(node), &block),
        Depth::Flat => graph.nodes().collect(),
    };
    let mut partition = Partition::new(graph, block, end, |node| !graph.is(node, Kind::Fwd));
    partition.refine(moved);
    partition
}

/// The colors of definitions that have been told apart by what they refer to.
fn torn<G>(graph: &Graph<'_>, colors: &Colors, partition: &Partition<'_, G>) -> HashSet<u32> {
    let mut block_of: HashMap<u32, u32> = HashMap::new();
    let mut torn = HashSet::new();
    for (node, color) in definitions(graph, colors) {
        let block = partition.block[index(node)];
        if *block_of.entry(color).or_insert(block) != block {
            torn.insert(color);
        }
    }
    torn
}

/// How many definitions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Known {
    #[default]
    None,
    /// One, of this color.
    One(u32),
    Several,
}

impl Known {
    fn add(&mut self, color: u32) {
        *self = match *self {
            Known::None => Known::One(color),
            Known::One(other) if other == color => Known::One(color),
            _ => Known::Several,
        };
    }
}

/// For each forward declaration that certainly declares one of the definitions, that one's color.
fn declared(graph: &Graph<'_>, colors: &Colors) -> HashMap<u32, u32> {
    let mut found = HashMap::new();
    let mut known = vec![Known::None; index(graph.classes) + 1];
    definitions(graph, colors).for_each(|(node, color)| known[index(graph.class(node))].add(color));
    // The types of a base stay what they are.
    let mut open = HashSet::new();
    for fwd in fwds(graph).filter(|&fwd| fwd > graph.base) {
        match known[index(graph.class(fwd))] {
            Known::None => {}
            Known::One(color) => _ = found.insert(fwd, color),
            Known::Several => _ = open.insert(fwd),
        }
    }
    if !open.is_empty() && colors.depth == Depth::Deep {
        by_company(graph, colors, &open, &mut found);
    }
    found
}

/// A place that one name takes in types that are equal but for what is declared under it.
#[derive(Default)]
struct Spot {
    known: Known,
    /// The open declarations that are there.
    fwds: Vec<u32>,
}

/// How many types lie between a type and the named ones that it refers to, at most; and for all of them together, per
/// node.
const MAX_STEPS: usize = 4096;
const MAX_STEPS_PER_NODE: usize = 64;

/// Resolves declarations by what stands in their place elsewhere.
fn by_company(graph: &Graph<'_>, colors: &Colors, open: &HashSet<u32>, found: &mut HashMap<u32, u32>) {
    let Some(spots) = spots(graph, colors, open) else { return };
    let mut spots: Vec<Spot> = spots.into_values().flatten().filter(|spot| !spot.fwds.is_empty()).collect();
    // What is found for one spot may tell about others.
    loop {
        let mut evidence: HashMap<u32, Known> = HashMap::new();
        for spot in &spots {
            if let Known::One(color) = spot.known {
                spot.fwds
                    .iter()
                    .filter(|fwd| !found.contains_key(fwd))
                    .for_each(|&fwd| evidence.entry(fwd).or_default().add(color));
            }
        }
        let before = found.len();
        found.extend(evidence.into_iter().filter_map(|(fwd, known)| match known {
            Known::One(color) => Some((fwd, color)),
            _ => None,
        }));
        if found.len() == before {
            return;
        }
        for spot in spots.iter_mut().filter(|spot| spot.known == Known::None) {
            let colors = spot.fwds.iter().filter_map(|fwd| found.get(fwd));
            colors.for_each(|&color| spot.known.add(color));
        }
    }
}

/// By color, the spots of all types that refer to an open declaration. None if that would take too long.
fn spots(graph: &Graph<'_>, colors: &Colors, open: &HashSet<u32>) -> Option<BTreeMap<u32, Vec<Spot>>> {
    let is_root = |node: u32| {
        let kind = graph.node(node).kind;
        graph.class(node) != 0 || matches!(kind, Some(Kind::Typedef | Kind::Func | Kind::Var))
    };
    let classes: HashSet<u32> = open.iter().map(|&fwd| graph.class(fwd)).collect();
    let mut left = graph.nodes.len().saturating_mul(MAX_STEPS_PER_NODE);
    // The named types that the references of a root lead to by way of anonymous ones, in order, as far as they matter.
    let mut walk = |root: u32| -> Option<Vec<u32>> {
        let (mut path, mut ends, mut steps) = (vec![root], Vec::new(), 0);
        while let Some(node) = path.pop() {
            steps += graph.edges(node).len();
            left = left.checked_sub(1 + graph.edges(node).len())?;
            if steps > MAX_STEPS {
                return Some(Vec::new());
            }
            for &to in graph.edges(node).iter().rev() {
                match (graph.class(to), to) {
                    (_, 0) => {}
                    (0, _) if is_root(to) => {}
                    (0, _) => path.push(to),
                    (class, _) if classes.contains(&class) => ends.push(to),
                    _ => {}
                }
            }
        }
        Some(ends)
    };

    let roots = || graph.nodes().filter(|&node| is_root(node) && !graph.is(node, Kind::Fwd));
    // Colors that are worth a look.
    let near = near(graph, open);
    let wanted: HashSet<u32> =
        roots().filter(|&root| near[index(root)]).map(|root| colors.of[index(root)]).collect();
    let mut spots: BTreeMap<u32, Vec<Spot>> = BTreeMap::new();
    for root in roots() {
        let color = colors.of[index(root)];
        if !wanted.contains(&color) {
            continue;
        }
        let ends = walk(root)?;
        let of_color = spots.entry(color).or_default();
        of_color.resize_with(ends.len().max(of_color.len()), Spot::default);
        for (spot, end) in of_color.iter_mut().zip(ends) {
            match graph.is(end, Kind::Fwd) {
                false => spot.known.add(colors.of[index(end)]),
                true if open.contains(&end) => spot.fwds.push(end),
                true => {}
            }
        }
    }
    Some(spots)
}

/// The nodes from which references lead to these declarations without a named struct on the way.
fn near(graph: &Graph<'_>, open: &HashSet<u32>) -> Vec<bool> {
    let mut near = vec![false; graph.nodes.len()];
    let mut todo: Vec<u32> = open.iter().copied().collect();
    let referrers = super::refine::Referrers::new(graph);
    while let Some(node) = todo.pop() {
        for &(from, _) in referrers.of(node) {
            if !std::mem::replace(&mut near[index(from)], true) && graph.class(from) == 0 {
                todo.push(from);
            }
        }
    }
    near
}
