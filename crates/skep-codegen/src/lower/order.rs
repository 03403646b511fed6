//! The order of blocks: each behind its dominators, loops without gaps.

use super::graph::Node;
use super::index;

/// Sorts nodes, renumbers their edges, and finds how deep in loops they are.
pub(super) fn sort(mut nodes: Vec<Node<'_>>) -> Vec<Node<'_>> {
    let order = reverse_postorder(&nodes);
    let mut position = vec![NONE; nodes.len()];
    for (at, &node) in (0..).zip(&order) {
        position[node as usize] = at;
    }
    let has_loops = nodes.iter().enumerate().any(|(at, node)| {
        position[at] != NONE && node.ways().any(|way| position[way.to as usize] <= position[at])
    });
    let order =
        if has_loops { Loops::find(&nodes, &order, &position).arrange(&mut nodes, order) } else { order };
    for (at, &node) in (0..).zip(&order) {
        position[node as usize] = at;
    }
    let mut sorted = Vec::with_capacity(order.len());
    let mut slots: Vec<Option<Node<'_>>> = nodes.into_iter().map(Some).collect();
    for &node in &order {
        let Some(mut node) = slots[node as usize].take() else { continue };
        node.preds.retain(|pred| position[*pred as usize] != NONE);
        node.preds.iter_mut().for_each(|pred| *pred = position[*pred as usize]);
        node.header = node.header.map(|header| position[header as usize]);
        node.renumber(&position);
        sorted.push(node);
    }
    sorted
}

const NONE: u32 = u32::MAX;

/// Depth first; the last way out is walked first, so that the first one follows its node.
fn reverse_postorder(nodes: &[Node<'_>]) -> Vec<u32> {
    let mut order = Vec::with_capacity(nodes.len());
    let mut seen = vec![false; nodes.len()];
    // Nodes on the path, each with how many of its ways are still to be walked.
    let ways = |node: u32| nodes[node as usize].way_count();
    let mut path: Vec<(u32, usize)> = vec![(0, ways(0))];
    seen[0] = true;
    while let Some((node, left)) = path.last_mut() {
        let node = *node;
        if *left == 0 {
            order.push(node);
            path.pop();
            continue;
        }
        *left -= 1;
        let Some(way) = nodes[node as usize].way(*left) else { continue };
        if !std::mem::replace(&mut seen[way.to as usize], true) {
            path.push((way.to, ways(way.to)));
        }
    }
    order.reverse();
    order
}

/// The loops of a graph, known by their headers.
struct Loops {
    /// The header of the innermost loop that a node is in; of a header, its own.
    inner: Vec<u32>,
    /// Of a header, that of the loop around it.
    around: Vec<u32>,
}

impl Loops {
    /// From the innermost to the outermost: walks back from the ends of a loop to its header, stepping over inner loops.
    fn find(nodes: &[Node<'_>], order: &[u32], position: &[u32]) -> Loops {
        let mut loops = Loops { inner: vec![NONE; nodes.len()], around: vec![NONE; nodes.len()] };
        // The header of the outermost loop known so far around a node; itself if there is none.
        let mut outermost: Vec<u32> = (0..index(nodes.len())).collect();
        let find = |outermost: &mut Vec<u32>, mut node: u32| {
            while outermost[node as usize] != node {
                let up = outermost[outermost[node as usize] as usize];
                outermost[node as usize] = up;
                node = up;
            }
            node
        };
        let mut todo = Vec::new();
        for (at, &header) in (0..index(order.len())).zip(order).rev() {
            let is_back = |pred: &&u32| position[**pred as usize] != NONE && position[**pred as usize] >= at;
            for &pred in nodes[header as usize].preds.iter().filter(is_back) {
                loops.inner[header as usize] = header;
                todo.push(pred);
            }
            while let Some(node) = todo.pop() {
                let node = find(&mut outermost, node);
                if node == header || position[node as usize] == NONE || position[node as usize] < at {
                    continue;
                }
                outermost[node as usize] = header;
                if loops.inner[node as usize] == node {
                    loops.around[node as usize] = header;
                } else {
                    loops.inner[node as usize] = header;
                }
                todo.extend(nodes[node as usize].preds.iter().copied());
            }
        }
        loops
    }

    /// The same order, but what stands amid a loop and is not in it comes behind it.
    fn arrange(&self, nodes: &mut [Node<'_>], order: Vec<u32>) -> Vec<u32> {
        // For each loop, and at the end for what is in none, its members in order; a loop inside stands where its
        // header does.
        let outside = nodes.len();
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); nodes.len() + 1];
        for &node in &order {
            let inner = self.inner[node as usize];
            nodes[node as usize].header = (inner != NONE).then_some(inner);
            if inner == node {
                let around = self.around[node as usize];
                members[if around == NONE { outside } else { around as usize }].push(node);
                nodes[node as usize].depth =
                    if around == NONE { 1 } else { nodes[around as usize].depth + 1 };
            } else if inner == NONE {
                members[outside].push(node);
            } else {
                members[inner as usize].push(node);
                nodes[node as usize].depth = nodes[inner as usize].depth;
            }
        }
        let mut arranged = Vec::with_capacity(order.len());
        let mut path: Vec<(usize, usize)> = vec![(outside, 0)];
        while let Some((list, next)) = path.last_mut() {
            let Some(&node) = members[*list].get(*next) else {
                path.pop();
                continue;
            };
            *next += 1;
            arranged.push(node);
            if self.inner[node as usize] == node {
                path.push((node as usize, 0));
            }
        }
        arranged
    }
}
