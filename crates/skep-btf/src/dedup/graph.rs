//! The types of all inputs as the nodes of one graph.

use std::ffi::CStr;
use std::sync::Arc;

use crate::btf::Btf;
use crate::bytes::{index, word};
use crate::error::Error;
use crate::kind::Kind;
use crate::strings::Strings;
use crate::table::Table;
use crate::types::{StrRef, Type, TypeId};

/// Nodes are numbers: 0 is void, then come the types of the base, then those of each input.
///
/// Strings are numbers as well, equal if and only if the strings are: 0 is the empty one.
pub(crate) struct Graph<'a> {
    pub(crate) nodes: Vec<Node>,
    /// For each reference of each node, the node that it leads to.
    edges: Vec<u32>,
    /// What the elements of lists are, but for their references.
    words: Vec<u32>,
    pub(crate) names: Names<'a>,
    /// How many types the base has: the last node of the base.
    pub(crate) base: u32,
    /// The node before the first one of each input.
    pub(crate) before: Vec<u32>,
    /// For each node that is referred to *by name*, its class: what is declared under one name. 0 for all others.
    pub(crate) class: Vec<u32>,
    pub(crate) classes: u32,
}

/// A type without its list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    /// `None` for void.
    pub(crate) kind: Option<Kind>,
    pub(crate) flag: bool,
    pub(crate) name: u32,
    /// A size; of an array, the number of elements.
    pub(crate) size: u32,
    /// INT: its word; FUNC, VAR: the linkage; DECL_TAG: the component index.
    pub(crate) extra: u32,
    edges: u32,
    words: u32,
}

impl Node {
    const VOID: Node = Node { kind: None, flag: false, name: 0, size: 0, extra: 0, edges: 0, words: 0 };

    /// What a node is without list and references.
    pub(crate) fn head(&self) -> (Option<Kind>, bool, u32, u32, u32) {
        (self.kind, self.flag, self.name, self.size, self.extra)
    }

    /// The name space of what is referred to by name.
    pub(crate) fn space(&self) -> Option<usize> {
        match self.kind? {
            // Anonymous ones are what they are made of; of declarations and sections there should be none.
            Kind::Struct | Kind::Union if self.name == 0 => None,
            Kind::Struct => Some(0),
            Kind::Union => Some(1),
            Kind::Fwd => Some(usize::from(self.flag)),
            Kind::Datasec => Some(2),
            _ => None,
        }
    }

    /// The same as numbers, with something else for the name.
    pub(crate) fn head_words<T>(&self, name: T) -> (u32, T, u64) {
        let kind = self.kind.map_or(0, Kind::number) << 1 | u32::from(self.flag);
        (kind, name, u64::from(self.size) << 32 | u64::from(self.extra))
    }
}

/// What is referred to by name, in separate name spaces; of which there are this many.
const SPACES: usize = 3;

impl<'a> Graph<'a> {
    pub(crate) fn new(inputs: &[&'a Btf], base: Option<&'a Btf>) -> Result<Graph<'a>, Error> {
        let parts: Vec<&Btf> = base.map(Btf::lineage).unwrap_or_default();
        let bases = parts.len();
        let parts: Vec<&Btf> = parts.into_iter().chain(inputs.iter().copied()).collect();
        check_bases(inputs, base)?;
        let types = parts.iter().map(|part| part.store().records.len()).sum::<usize>();
        // A bit is left for those who number nodes.
        if types > index(u32::MAX >> 2) {
            let (found, limit) = (u64::try_from(types).unwrap_or(u64::MAX), (u32::MAX >> 2).into());
            return Err(Error::Limit { id: TypeId::VOID, what: "types to merge", found, limit });
        }

        let mut graph = Graph {
            nodes: Vec::with_capacity(types + 2),
            edges: Vec::new(),
            words: Vec::new(),
            names: Names::new(parts.iter().map(|part| part.strings()).collect(), bases),
            base: base.map_or(0, Btf::count),
            before: Vec::with_capacity(inputs.len()),
            class: Vec::new(),
            classes: 0,
        };
        graph.nodes.push(Node::VOID);
        for (number, part) in parts.iter().enumerate() {
            let before = word(graph.nodes.len() - 1);
            if number >= bases {
                graph.before.push(before);
            }
            graph.names.open(number);
            graph.add(part, before, number)?;
            graph.names.close(number);
        }
        let end = Node { edges: word(graph.edges.len()), words: word(graph.words.len()), ..Node::VOID };
        graph.nodes.push(end);
        if graph.edges.len().max(graph.words.len()) > index(u32::MAX >> 1) {
            let found = u64::try_from(graph.words.len()).unwrap_or(u64::MAX);
            let limit = (u32::MAX >> 1).into();
            return Err(Error::Limit { id: TypeId::VOID, what: "elements to merge", found, limit });
        }
        graph.find_owners();
        graph.classify();
        Ok(graph)
    }

    /// Adds the types of one set, whose strings are those of the set and of the bases.
    fn add(&mut self, part: &Btf, before: u32, number: usize) -> Result<(), Error> {
        let Graph { nodes, edges, words, names, .. } = self;
        let kept = part.store().base;
        let node = |id: TypeId| if id.0 <= kept { id.0 } else { before + (id.0 - kept) };
        for (id, ty) in part.iter() {
            let mut name = |at: StrRef| names.number(at, number, part);
            let mut node_of = Node { edges: word(edges.len()), words: word(words.len()), ..Node::VOID };
            node_of.kind = ty.kind();
            node_of.name = name(part.name_ref(id))?;
            ty.references(|to, _, _| edges.push(node(to)));
            match ty {
                Type::Int(int) => (node_of.size, node_of.extra) = (int.size, crate::store::int_word(int)),
                Type::Float { size } => node_of.size = size,
                Type::Array(array) => node_of.size = array.len,
                Type::Struct(composite) | Type::Union(composite) => {
                    node_of.size = composite.size;
                    node_of.flag = composite.members.iter().any(|member| member.bitfield_size != 0);
                    for member in composite.members {
                        let bits = u32::from(member.bitfield_size) << 24;
                        words.extend([name(member.name)?, bits | member.bit_offset]);
                    }
                }
                Type::Enum(e) | Type::Enum64(e) => {
                    (node_of.size, node_of.flag) = (e.size, e.signed);
                    for value in e.values {
                        let [a, b, c, d, e, f, g, h] = value.value.to_le_bytes();
                        let (low, high) =
                            (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
                        words.extend([name(value.name)?, low, high]);
                    }
                }
                Type::Fwd(kind) => node_of.flag = kind == crate::types::FwdKind::Union,
                Type::Func(func) => node_of.extra = func.linkage as u32,
                Type::FuncProto(proto) => {
                    for param in proto.params {
                        words.push(name(param.name)?);
                    }
                }
                Type::Var(var) => {
                    node_of.extra = var.linkage as u32;
                    // The section that owns it, which is not known yet.
                    edges.push(0);
                }
                Type::Datasec(section) => {
                    node_of.size = section.size;
                    section.vars.iter().for_each(|var| words.extend([var.offset, var.size]));
                }
                Type::DeclTag(tag) => {
                    (node_of.extra, node_of.flag) = (tag.component.unwrap_or(u32::MAX), tag.attribute);
                }
                Type::TypeTag(tag) => node_of.flag = tag.attribute,
                Type::Void
                | Type::Ptr(_)
                | Type::Typedef(_)
                | Type::Volatile(_)
                | Type::Const(_)
                | Type::Restrict(_) => {}
            }
            nodes.push(node_of);
        }
        Ok(())
    }

    /// A variable refers to the one section that it is in, so that variables are apart if their sections are.
    fn find_owners(&mut self) {
        const SEVERAL: u32 = u32::MAX;
        let sections: Vec<u32> = self.nodes().filter(|&node| self.is(node, Kind::Datasec)).collect();
        for section in sections {
            for at in self.edge_range(section) {
                let var = self.edges[at];
                if self.is(var, Kind::Var)
                    && let Some(owner) = self.edge_range(var).nth(1)
                {
                    self.edges[owner] = if self.edges[owner] == 0 { section } else { SEVERAL };
                }
            }
        }
        for node in 1..word(self.nodes.len() - 1) {
            if self.is(node, Kind::Var)
                && let Some(owner) = self.edge_range(node).nth(1)
                && self.edges[owner] == SEVERAL
            {
                self.edges[owner] = 0;
            }
        }
    }

    fn classify(&mut self) {
        let mut known = vec![[0; SPACES]; self.names.texts.len()];
        self.class = vec![0; self.nodes.len()];
        for node in 1..self.nodes.len() - 1 {
            let Some(space) = self.nodes[node].space() else { continue };
            let class = &mut known[index(self.nodes[node].name)][space];
            if *class == 0 {
                self.classes += 1;
                *class = self.classes;
            }
            self.class[node] = *class;
        }
    }

    /// All nodes but void.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u32> + use<> {
        1..word(self.nodes.len() - 1)
    }

    pub(crate) fn node(&self, node: u32) -> &Node {
        &self.nodes[index(node)]
    }

    pub(crate) fn is(&self, node: u32, kind: Kind) -> bool {
        self.node(node).kind == Some(kind)
    }

    pub(crate) fn class(&self, node: u32) -> u32 {
        self.class[index(node)]
    }

    /// Whether it is a named enumeration without values, which declares one that has some.
    pub(crate) fn is_enum_fwd(&self, node: u32) -> bool {
        let Node { kind, name, .. } = *self.node(node);
        matches!(kind, Some(Kind::Enum | Kind::Enum64)) && name != 0 && self.words(node).is_empty()
    }

    fn edge_range(&self, node: u32) -> std::ops::Range<usize> {
        index(self.nodes[index(node)].edges)..index(self.nodes[index(node) + 1].edges)
    }

    pub(crate) fn edges(&self, node: u32) -> &[u32] {
        &self.edges[self.edge_range(node)]
    }

    pub(crate) fn words(&self, node: u32) -> &[u32] {
        &self.words[index(self.nodes[index(node)].words)..index(self.nodes[index(node) + 1].words)]
    }
}

fn check_bases(inputs: &[&Btf], base: Option<&Btf>) -> Result<(), Error> {
    for (input, btf) in inputs.iter().enumerate() {
        let own = btf.base().map(Arc::as_ref);
        let is_same = match (own, base) {
            (None, _) => true,
            (Some(own), Some(base)) => std::ptr::eq(own, base) || own == base,
            (Some(_), None) => false,
        };
        if !is_same {
            let expected = if base.is_some() { "that of the result" } else { "none; flatten it first" };
            return Err(Error::Base { input, count: btf.store().base, expected });
        }
    }
    Ok(())
}

/// The strings of all sets.
pub(crate) struct Names<'a> {
    table: Table,
    /// By number.
    pub(crate) texts: Vec<&'a [u8]>,
    /// The tables: first those of the bases, each going on where the one before ends.
    tables: Vec<&'a Strings>,
    bases: usize,
    /// The number of the string at each offset of the tables that are in use, 0 if it has not been asked for.
    known: Vec<Vec<u32>>,
    /// How many bytes of strings may still be looked at. Strings may share their ends, so that a small table can hold
    /// very many bytes.
    budget: u64,
    /// For each string that a base has, where; the empty string for others.
    in_base: Vec<StrRef>,
}

/// How often a byte of a table may be part of a string, on average. Linkers that share ends come to less than 2.
const SHARED: u64 = 16;
const BUDGET: u64 = 1 << 20;

impl<'a> Names<'a> {
    fn new(tables: Vec<&'a Strings>, bases: usize) -> Names<'a> {
        let len = |table: &&Strings| u64::try_from(table.section().len()).unwrap_or(u64::MAX);
        Names {
            table: Table::with_capacity(1024),
            texts: vec![b""],
            bases,
            known: vec![Vec::new(); tables.len()],
            budget: tables.iter().map(len).sum::<u64>().saturating_mul(SHARED).saturating_add(BUDGET),
            tables,
            in_base: Vec::new(),
        }
    }

    /// Prepares for the strings of a set.
    fn open(&mut self, part: usize) {
        self.known[part] = vec![0; self.tables[part].section().len()];
    }

    /// Only the bases' strings will be asked for again.
    fn close(&mut self, part: usize) {
        if part >= self.bases {
            self.known[part] = Vec::new();
        }
    }

    /// Where the base has a string.
    pub(crate) fn in_base(&self, number: u32) -> Option<StrRef> {
        self.in_base.get(index(number)).copied().filter(|&at| at != StrRef::EMPTY)
    }

    /// The number of a string of a set, which has that number itself.
    fn number(&mut self, at: StrRef, part: usize, btf: &Btf) -> Result<u32, Error> {
        if at == StrRef::EMPTY {
            return Ok(0);
        }
        let part = match at.0 >= btf.strings().start() {
            true => part,
            false => self.tables[..self.bases].partition_point(|table| table.start() <= at.0) - 1,
        };
        let place = index(at.0 - self.tables[part].start());
        let Some(known) = self.known[part].get_mut(place) else { return Ok(0) };
        if *known == 0 {
            let rest = self.tables[part].section().get(place..).unwrap_or_default();
            let text = CStr::from_bytes_until_nul(rest).map_or(&[][..], CStr::to_bytes);
            if text.is_empty() {
                return Ok(0);
            }
            let len = u64::try_from(text.len()).unwrap_or(u64::MAX);
            let Some(left) = self.budget.checked_sub(len) else {
                let what = "bytes of strings that share their ends";
                return Err(Error::Limit { id: TypeId::VOID, what, found: len, limit: self.budget });
            };
            self.budget = left;
            let hash = self.table.hash(text);
            let texts = &self.texts;
            *known = match self.table.find(hash, |number| texts[index(number)] == text) {
                Some(number) => number,
                None => {
                    let number = word(self.texts.len());
                    self.texts.push(text);
                    self.table.insert(hash, number);
                    if part < self.bases {
                        self.in_base.resize(self.texts.len(), StrRef::EMPTY);
                        self.in_base[index(number)] = at;
                    }
                    number
                }
            };
        }
        Ok(*known)
    }
}
