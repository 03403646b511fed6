//! The types of all inputs as the nodes of one graph.

use std::collections::HashMap;
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
        parts.iter().try_for_each(|part| part.check_known())?;
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
            names: Names::new(&parts.iter().map(|part| part.strings()).collect::<Vec<_>>(), bases),
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
            graph.names.open(part.strings())?;
            graph.add(part, before)?;
        }
        let end = Node { edges: word(graph.edges.len()), words: word(graph.words.len()), ..Node::VOID };
        graph.nodes.push(end);
        if graph.edges.len().max(graph.words.len()) > index(u32::MAX >> 1) {
            let found = u64::try_from(graph.words.len()).unwrap_or(u64::MAX);
            let limit = (u32::MAX >> 1).into();
            return Err(Error::Limit { id: TypeId::VOID, what: "elements to merge", found, limit });
        }
        graph.find_owners();
        graph.classify(SPACES, Node::space);
        Ok(graph)
    }

    /// Adds the types of one set, whose strings are those of the set and of the bases.
    fn add(&mut self, part: &Btf, before: u32) -> Result<(), Error> {
        let Graph { nodes, edges, words, names, .. } = self;
        let kept = part.store().base;
        let node = |id: TypeId| if id.0 <= kept { id.0 } else { before + (id.0 - kept) };
        for (id, ty) in part.iter() {
            let mut name = |at: StrRef| names.number(at);
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

    /// Tells what is referred to by name: what has a name space, which is a number below `spaces`.
    pub(crate) fn classify(&mut self, spaces: usize, space: impl Fn(&Node) -> Option<usize>) {
        let mut known = vec![0; self.names.texts.len() * spaces];
        (self.class, self.classes) = (vec![0; self.nodes.len()], 0);
        for node in 1..self.nodes.len() - 1 {
            let Some(space) = space(&self.nodes[node]) else { continue };
            let class = &mut known[index(self.nodes[node].name) * spaces + space];
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
    /// The tables that are in use: first those of the bases, each going on where the one before ends.
    tables: Vec<Numbered<'a>>,
    bases: usize,
    /// How many bytes of strings may still be looked at. Strings may share their ends, so that a small table can hold
    /// very many bytes.
    budget: u64,
    /// For each string that a base has, where; the empty string for others.
    in_base: Vec<StrRef>,
}

/// How often a byte of a table may be part of a string, on average. Linkers that share ends come to less than 2.
const SHARED: u64 = 16;
const BUDGET: u64 = 1 << 20;

/// A table with the numbers of its strings.
struct Numbered<'a> {
    strings: &'a Strings,
    /// A bit for each byte at which a string starts, and how many there are before each word.
    starts: Vec<(u64, u32)>,
    /// The numbers of these strings, in order.
    numbers: Vec<u32>,
    /// The numbers of strings that start inside of others.
    inside: HashMap<StrRef, u32>,
}

impl Numbered<'_> {
    /// The number of a string that starts behind another.
    fn number(&self, at: StrRef) -> Option<u32> {
        let place = index(at.0 - self.strings.start());
        let &(bits, before) = self.starts.get(place / 64)?;
        let bit = 1 << (place % 64);
        let rank = index(before + (bits & (bit - 1)).count_ones());
        if bits & bit == 0 { None } else { self.numbers.get(rank).copied() }
    }
}

impl<'a> Names<'a> {
    fn new(tables: &[&Strings], bases: usize) -> Names<'a> {
        let len = |table: &&Strings| u64::try_from(table.section().len()).unwrap_or(u64::MAX);
        let strings = |table: &&Strings| table.section().iter().filter(|&&byte| byte == 0).count();
        Names {
            table: Table::with_capacity(tables.iter().map(strings).max().unwrap_or_default()),
            texts: vec![b""],
            tables: Vec::new(),
            bases,
            budget: tables.iter().map(len).sum::<u64>().saturating_mul(SHARED).saturating_add(BUDGET),
            in_base: Vec::new(),
        }
    }

    /// Goes on to the strings of the next set. Of those before only the bases' will be asked for again.
    fn open(&mut self, strings: &'a Strings) -> Result<(), Error> {
        self.tables.truncate(self.bases);
        let section = strings.section();
        let mut starts = vec![(0_u64, 0_u32); section.len().div_ceil(64)];
        let mut numbers = Vec::new();
        let mut rest = section;
        while !rest.is_empty() {
            let place = section.len() - rest.len();
            let text = CStr::from_bytes_until_nul(rest).map_or(rest, CStr::to_bytes);
            let number = self.intern(text)?;
            if self.tables.len() < self.bases {
                self.note_base(number, StrRef(strings.start() + word(place)));
            }
            starts[place / 64].0 |= 1 << (place % 64);
            numbers.push(number);
            rest = rest.get(text.len() + 1..).unwrap_or_default();
        }
        let mut before = 0;
        for (bits, count) in &mut starts {
            *count = before;
            before += bits.count_ones();
        }
        self.tables.push(Numbered { strings, starts, numbers, inside: HashMap::new() });
        Ok(())
    }

    fn note_base(&mut self, number: u32, at: StrRef) {
        self.in_base.resize(self.texts.len().max(self.in_base.len()), StrRef::EMPTY);
        if number != 0 && self.in_base[index(number)] == StrRef::EMPTY {
            self.in_base[index(number)] = at;
        }
    }

    /// Where the base has a string.
    pub(crate) fn in_base(&self, number: u32) -> Option<StrRef> {
        self.in_base.get(index(number)).copied().filter(|&at| at != StrRef::EMPTY)
    }

    /// The number of a string of the set that is open.
    fn number(&mut self, at: StrRef) -> Result<u32, Error> {
        let starts_before = |table: &Numbered<'_>| table.strings.start() <= at.0;
        let mut part = self.tables.len() - 1;
        if !starts_before(&self.tables[part]) {
            part = self.tables[..self.bases].partition_point(starts_before) - 1;
        }
        let table = &self.tables[part];
        if let Some(number) = table.number(at) {
            return Ok(number);
        }
        if let Some(&number) = table.inside.get(&at) {
            return Ok(number);
        }
        let rest = table.strings.section().get(index(at.0 - table.strings.start())..).unwrap_or_default();
        let text = CStr::from_bytes_until_nul(rest).map_or(&[][..], CStr::to_bytes);
        let number = self.intern(text)?;
        if part < self.bases {
            self.note_base(number, at);
        }
        self.tables[part].inside.insert(at, number);
        Ok(number)
    }

    /// The number of a text.
    fn intern(&mut self, text: &'a [u8]) -> Result<u32, Error> {
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
        if let Some(number) = self.table.find(hash, |number| texts[index(number)] == text) {
            return Ok(number);
        }
        let number = word(self.texts.len());
        self.texts.push(text);
        self.table.insert(hash, number);
        Ok(number)
    }
}
