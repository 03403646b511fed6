//! The nodes of a unit, as records of the pool.
//!
//! [`Shaper::unit`] goes through a unit's nodes and gives each type its record. What a reference means is found when
//! it is met, depth first; nothing is kept but one id per node. The rules of a language are in `c` and `rust`, which
//! make the records of composites and base types.

use std::ops::Range;

use crate::hash::Map;
use crate::lang::Lang;
use crate::model::{External, Item, ItemKind, Kind, Node, TypeRef, Unit, flag, item_flag};
use crate::names::{Name, Names};
use crate::options::Arrays;
use crate::pool::{Id, Place, Pool, Rec, Recent};
use crate::reader::{halves, index, word};
use crate::report::{Skip, Tally};
use crate::{c, rust};

/// Other units, for references that lead there.
pub(crate) trait Others {
    /// The unit that has the DIE, and the node. The first number identifies the unit.
    fn find(&self, from: u32, to: External) -> Option<(u32, &Unit, u32)>;

    /// Which of several definitions of its name a node of another unit is; void for the first.
    fn meaning(&self, unit: u32, node: u32) -> Id;
}

/// No other units.
pub(crate) struct Alone;

impl Others for Alone {
    fn find(&self, _: u32, _: External) -> Option<(u32, &Unit, u32)> {
        None
    }

    fn meaning(&self, _: u32, _: u32) -> Id {
        Id::VOID
    }
}

/// What a unit adds.
#[derive(Debug, Default)]
pub(crate) struct Shaped {
    /// The definitions of its named structs, unions and enumerations, in the order of its nodes.
    pub(crate) definitions: Vec<Id>,
    /// The names that it declares and that may be defined elsewhere, in the order of its nodes.
    pub(crate) declared: Vec<Id>,
    /// Functions with code: record, DIEs, address.
    pub(crate) functions: Vec<Placed>,
    pub(crate) variables: Vec<Placed>,
    pub(crate) tally: Tally,
    pub(crate) types: u64,
}

/// A function or variable with an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) id: Id,
    pub(crate) address: Option<u64>,
    pub(crate) name: Name,
    pub(crate) linkage_name: Name,
    /// Of a variable of Rust: that of its type, in bytes. 0 if only a symbol tells.
    pub(crate) size: u64,
    pub(crate) flags: u16,
    pub(crate) dies: u32,
    pub(crate) place: Place,
}

/// What is kept from unit to unit, to be used again.
pub(crate) struct Shaper<'p> {
    pool: &'p Pool,
    recent: Recent,
    pub(crate) names: &'p Names<'p>,
    /// The addresses of the variables that are wanted.
    variables: &'p [Range<u64>],
    arrays: Arrays,
    /// Whether occurrences of records are taken back.
    undo: bool,
    /// The id by which each node is referred to.
    ids: Vec<u32>,
    /// The same for nodes of other units, and for scopes.
    foreign: Map<(u32, u32), Id>,
    scopes: Vec<u32>,
    /// Records being made, innermost last.
    pub(crate) words: Vec<u32>,
    depth: u32,
}

/// Not known yet, and being made.
const UNKNOWN: u32 = u32::MAX;
const OPEN: u32 = u32::MAX - 1;
/// How deep one reference may lead without passing a name; more is nothing that a compiler writes.
const MAX_DEPTH: u32 = 400;

/// Where a node is, for the functions that make its record.
#[derive(Clone, Copy)]
pub(crate) struct At<'u> {
    pub(crate) number: u32,
    pub(crate) unit: &'u Unit,
    pub(crate) others: &'u dyn Others,
    pub(crate) place: Place,
}

impl<'p> Shaper<'p> {
    pub(crate) fn new(
        pool: &'p Pool,
        names: &'p Names<'p>,
        variables: &'p [Range<u64>],
        arrays: Arrays,
    ) -> Shaper<'p> {
        Shaper {
            pool,
            recent: Recent::new(),
            names,
            variables,
            arrays,
            undo: false,
            ids: Vec::new(),
            foreign: Map::default(),
            scopes: Vec::new(),
            words: Vec::new(),
            depth: 0,
        }
    }

    /// Makes the records of a unit. `meant` says which of several definitions of its name a node is.
    pub(crate) fn unit(
        &mut self,
        number: u32,
        unit: &Unit,
        others: &dyn Others,
        meant: &[(u32, Id)],
    ) -> Shaped {
        let mut out = Shaped { tally: unit.tally, ..Shaped::default() };
        self.ids.clear();
        self.ids.resize(unit.nodes.len(), UNKNOWN);
        self.foreign.clear();
        self.scopes.clear();
        self.scopes.resize(unit.scopes.len(), UNKNOWN);
        self.words.clear();
        let at = At { number, unit, others, place: Place::new(number, 0, 0) };
        for &(node, definition) in meant {
            if let Some(of) = unit.nodes.get(index(node)) {
                self.ids[index(node)] = self.name_record(at.of(of), of, definition).0;
            }
        }
        for (node, of) in (0..).zip(&unit.nodes) {
            match of.kind {
                Kind::Function => self.function(at.of(of), of, node, &mut out),
                Kind::Variable => self.variable(at.of(of), of, node, &mut out),
                // Part of its struct.
                Kind::VariantPart => {}
                _ => self.ty(at.of(of), of, node, &mut out),
            }
        }
        out
    }

    /// Takes back what [`unit`](Shaper::unit) has added.
    pub(crate) fn undo(&mut self, number: u32, unit: &Unit, others: &dyn Others, meant: &[(u32, Id)]) {
        self.flush();
        self.undo = true;
        self.unit(number, unit, others, meant);
        self.undo = false;
    }

    /// Tells the pool what has been counted here alone.
    pub(crate) fn flush(&mut self) {
        self.pool.flush(&mut self.recent);
    }

    fn ty(&mut self, at: At<'_>, node: &Node, number: u32, out: &mut Shaped) {
        let reference = self.local(at, number, &mut out.tally);
        out.types += 1;
        if is_definition(node) && has_name(node) {
            out.definitions.push(self.definition(at, node, reference, &mut out.tally));
        } else if is_declaration(node) && has_name(node) {
            out.declared.push(reference);
        }
        let dies = u64::from(node.dies) + variant_dies(at.unit, node);
        out.tally.encoded = out.tally.encoded.wrapping_add(dies);
    }

    fn function(&mut self, at: At<'_>, node: &Node, number: u32, out: &mut Shaped) {
        let dies = u64::from(node.dies);
        if node.flags & flag::PLACED == 0 {
            let why = if node.flags & flag::DECLARATION != 0 {
                Skip::DeclaredFunction
            } else {
                Skip::InlinedFunction
            };
            return out.tally.skip(why, dies);
        }
        let origin = self.origin(at, node);
        let named = origin.named.unwrap_or(*node);
        let external = (origin.flags | node.flags) & flag::EXTERNAL;
        let (declared_at, declared) = &origin.declared;
        let proto = self.proto(*declared_at, declared, origin.ty, &mut out.tally);
        let scope = self.scope(origin.named_at, named.scope);
        let head = Rec::Func.head(u32::from(external != 0) | lang_bits(&named));
        let id = self.record(at, &[head, scope.0, named.name.0, proto.0]);
        let (declared_at, declared) = origin.declared;
        self.tags(At { place: at.place, ..declared_at }, &declared, id);
        out.functions.push(Placed {
            id,
            address: at.unit.place(number),
            name: named.name,
            linkage_name: Name(if node.size != 0 { node.size } else { named.size }),
            size: 0,
            flags: node.flags | external | origin.unnamed,
            dies: node.dies,
            place: at.place,
        });
    }

    fn variable(&mut self, at: At<'_>, node: &Node, number: u32, out: &mut Shaped) {
        let dies = u64::from(node.dies);
        if node.flags & flag::PLACED == 0 {
            return out.tally.skip(Skip::DeclaredVariable, dies);
        }
        let address = at.unit.place(number);
        let is_wanted = |address| self.variables.iter().any(|range| range.contains(&address));
        if !address.is_some_and(is_wanted) {
            return out.tally.skip(Skip::Variable, dies);
        }
        let origin = self.origin(at, node);
        let named = origin.named.unwrap_or(*node);
        let external = (origin.flags | node.flags) & flag::EXTERNAL;
        let ty = self.reference(origin.ty.0, origin.ty.1, &mut out.tally);
        let size = c::size_of(origin.ty.0, origin.ty.1, 0);
        let scope = self.scope(origin.named_at, named.scope);
        let head = Rec::Var.head(u32::from(external != 0) | lang_bits(&named));
        let id = self.record(at, &[head, scope.0, named.name.0, ty.0]);
        let (declared_at, declared) = origin.declared;
        self.tags(At { place: at.place, ..declared_at }, &declared, id);
        out.variables.push(Placed {
            id,
            address,
            name: named.name,
            linkage_name: Name(if node.size != 0 { node.size } else { named.size }),
            size: if named.lang == Lang::Rust { size.unwrap_or_default() } else { 0 },
            flags: node.flags | external,
            dies: node.dies,
            place: at.place,
        });
    }

    /// The type that a reference of this unit means.
    #[inline]
    pub(crate) fn reference(&mut self, at: At<'_>, to: TypeRef, tally: &mut Tally) -> Id {
        if to.is_none() {
            return Id::VOID;
        }
        if to.0 & TypeRef::EXTERNAL != 0 {
            return self.external(at, to, tally);
        }
        match at.unit.find(to.0) {
            Some(node) if at.number == at.place.unit() => self.local(at, node, tally),
            Some(node) => self.foreign(at, node, tally),
            None => {
                tally.replace(Skip::Dangling);
                Id::VOID
            }
        }
    }

    /// The id of a node of the unit itself.
    #[inline]
    fn local(&mut self, at: At<'_>, number: u32, tally: &mut Tally) -> Id {
        match self.ids[index(number)] {
            UNKNOWN => {}
            OPEN => {
                tally.replace(Skip::Loop);
                return Id::VOID;
            }
            id => return Id(id),
        }
        let Some(node) = at.unit.nodes.get(index(number)) else { return Id::VOID };
        self.ids[index(number)] = OPEN;
        // Its own place, so that records do not depend on who asks first.
        let id = self.make(at.of(node), node, tally);
        self.ids[index(number)] = id.0;
        id
    }

    fn external(&mut self, at: At<'_>, to: TypeRef, tally: &mut Tally) -> Id {
        let external = at.unit.externals.get(index(to.0 & !TypeRef::EXTERNAL));
        let found = external.and_then(|&external| at.others.find(at.number, external));
        match found {
            Some((number, unit, node)) => {
                let there = At { number, unit, ..at };
                if number == at.place.unit() {
                    self.local(there, node, tally)
                } else {
                    self.foreign(there, node, tally)
                }
            }
            None => {
                tally.replace(Skip::Dangling);
                Id::VOID
            }
        }
    }

    /// The id of a node of another unit.
    fn foreign(&mut self, at: At<'_>, number: u32, tally: &mut Tally) -> Id {
        match self.foreign.get(&(at.number, number)) {
            Some(&Id(OPEN)) => {
                tally.replace(Skip::Loop);
                return Id::VOID;
            }
            Some(&id) => return id,
            None => {}
        }
        let Some(node) = at.unit.nodes.get(index(number)) else { return Id::VOID };
        self.foreign.insert((at.number, number), Id(OPEN));
        let meaning = at.others.meaning(at.number, number);
        let id =
            if meaning.is_void() { self.make(at, node, tally) } else { self.name_record(at, node, meaning) };
        self.foreign.insert((at.number, number), id);
        id
    }

    /// The record by which others refer to a node.
    fn make(&mut self, at: At<'_>, node: &Node, tally: &mut Tally) -> Id {
        if self.depth > MAX_DEPTH {
            tally.replace(Skip::Loop);
            return Id::VOID;
        }
        self.depth += 1;
        let id = self.make_inner(at, node, tally);
        self.depth -= 1;
        id
    }

    fn make_inner(&mut self, at: At<'_>, node: &Node, tally: &mut Tally) -> Id {
        match node.kind {
            Kind::Struct | Kind::Union | Kind::Enum => {
                if node.flags & flag::SIGNATURE != 0 {
                    return self.external(at, TypeRef(node.a), tally);
                }
                if has_name(node) {
                    return self.name_record(at, node, Id::VOID);
                }
                if node.flags & flag::HAS_ORIGIN != 0 {
                    return self.reference(at, TypeRef(node.a), tally);
                }
                self.definition(at, node, Id::VOID, tally)
            }
            Kind::Base if node.lang == Lang::Rust => rust::base(self, at, node),
            Kind::Base => c::base(self, at, node),
            Kind::Pointer => {
                let to = self.tagged(at, node, tally);
                self.record(at, &[Rec::Ptr.head(0), to.0])
            }
            Kind::Const => self.modifier(at, Rec::Const, node, tally),
            Kind::Volatile => self.modifier(at, Rec::Volatile, node, tally),
            Kind::Restrict => self.modifier(at, Rec::Restrict, node, tally),
            Kind::Same => self.reference(at, node.ty, tally),
            Kind::Typedef => {
                let to = self.reference(at, node.ty, tally);
                let scope = self.scope(at, node.scope);
                let head = Rec::Typedef.head(lang_bits(node));
                let id = self.record(at, &[head, scope.0, node.name.0, to.0]);
                self.tags(at, node, id);
                id
            }
            Kind::Array => self.array(at, node, tally),
            Kind::Subroutine => self.proto(at, node, (at, node.ty), tally),
            Kind::Unspecified => Id::VOID,
            Kind::Function | Kind::Variable | Kind::VariantPart => {
                tally.replace(Skip::Dangling);
                Id::VOID
            }
        }
    }

    fn modifier(&mut self, at: At<'_>, rec: Rec, node: &Node, tally: &mut Tally) -> Id {
        let to = self.reference(at, node.ty, tally);
        self.record(at, &[rec.head(0), to.0])
    }

    /// What a pointer points to, with the type tags that the pointer has in DWARF.
    fn tagged(&mut self, at: At<'_>, node: &Node, tally: &mut Tally) -> Id {
        let mut to = self.reference(at, node.ty, tally);
        if node.flags & flag::ANNOTATED != 0 {
            for item in at.unit.items(node).iter().filter(|item| item.kind == ItemKind::Annotation) {
                to = self.record(at, &[Rec::TypeTag.head(0), item.ty.0, to.0]);
            }
        }
        to
    }

    /// Each dimension is an array of the next ones.
    fn array(&mut self, at: At<'_>, node: &Node, tally: &mut Tally) -> Id {
        let mut id = self.reference(at, node.ty, tally);
        let items = at.unit.items(node);
        if items.is_empty() {
            return self.record(at, &[Rec::Array.head(0), id.0, 0]);
        }
        if self.arrays == Arrays::Flat {
            let all = items.iter().try_fold(1, |all: u64, item| all.checked_mul(item.value));
            let count = all.and_then(|all| u32::try_from(all).ok()).unwrap_or_else(|| {
                tally.replace(Skip::TooLarge);
                0
            });
            return self.record(at, &[Rec::Array.head(0), id.0, count]);
        }
        for (which, item) in items.iter().rev().enumerate() {
            let count = u32::try_from(item.value).unwrap_or_else(|_| {
                tally.replace(Skip::TooLarge);
                0
            });
            id = self.record(at.which(which), &[Rec::Array.head(0), id.0, count]);
        }
        id
    }

    /// The type of a function, whose parameters are the items of `node`.
    fn proto(&mut self, at: At<'_>, node: &Node, ret: (At<'_>, TypeRef), tally: &mut Tally) -> Id {
        let start = self.words.len();
        let ret = self.reference(ret.0, ret.1, tally);
        self.words.extend([Rec::Proto.head(0), ret.0]);
        let params = at.unit.items(node).iter().filter(|item| item.kind == ItemKind::Param);
        for (which, item) in params.enumerate() {
            let ty = self.reference(at, item.ty, tally);
            let mut name = item.name;
            if name.is_none() && node.kind == Kind::Function && node.lang == Lang::Rust {
                // A pattern; the kernel wants a name.
                name = self.names.name(format!("__{which}").as_bytes());
            }
            self.words.extend([name.0, ty.0]);
        }
        if node.flags & flag::VARIADIC != 0 {
            self.words.extend([0, 0]);
        }
        self.finish(at, start)
    }

    /// A struct, union or enumeration with all that is in it.
    fn definition(&mut self, at: At<'_>, node: &Node, name: Id, tally: &mut Tally) -> Id {
        let id = match (node.kind, node.lang) {
            (Kind::Enum, _) => c::enumeration(self, at, node, name, tally),
            (_, Lang::Rust) => rust::composite(self, at, node, name, tally),
            _ => c::composite(self, at, node, name, tally),
        };
        if !name.is_void() {
            self.tags(at, node, name);
        }
        id
    }

    /// The tags of a declaration, and of its members or parameters.
    fn tags(&mut self, at: At<'_>, node: &Node, target: Id) {
        if node.flags & flag::ANNOTATED == 0 {
            return;
        }
        for (which, item) in at.unit.items(node).iter().enumerate() {
            if item.kind == ItemKind::Annotation {
                let component = word(item.value);
                let words = [Rec::DeclTag.head(0), item.ty.0, target.0, component];
                self.record(at.which(which + 1), &words);
            }
        }
    }

    /// The record that stands for whatever has the node's name. `definition` is one of several, or void.
    fn name_record(&mut self, at: At<'_>, node: &Node, definition: Id) -> Id {
        let scope = self.scope(at, node.scope);
        let kind = match node.kind {
            Kind::Union => Rec::Union,
            Kind::Enum => Rec::Enum,
            _ => Rec::Struct,
        };
        let head = Rec::Name.head(lang_bits(node) | (kind as u32) << 8);
        self.record(at, &[head, scope.0, node.name.0, definition.0])
    }

    /// The record of a namespace.
    pub(crate) fn scope(&mut self, at: At<'_>, scope: u32) -> Id {
        if scope == 0 {
            return Id::VOID;
        }
        let own = at.number == at.place.unit();
        if own && self.scopes.get(index(scope)).is_some_and(|&id| id != UNKNOWN) {
            return Id(self.scopes[index(scope)]);
        }
        let Some(of) = at.unit.scopes.get(index(scope)) else { return Id::VOID };
        // A parent comes before its children, so this ends; its depth is that of the source.
        let parent = if of.parent < scope { self.scope(at, of.parent) } else { Id::VOID };
        let id = self.record(at, &[Rec::Scope.head(0), parent.0, of.name.0]);
        if own && let Some(place) = self.scopes.get_mut(index(scope)) {
            *place = id.0;
        }
        id
    }

    /// A record with these words.
    #[inline]
    pub(crate) fn record(&mut self, at: At<'_>, words: &[u32]) -> Id {
        if self.undo {
            self.pool.remove(words, at.place)
        } else {
            self.pool.add(&mut self.recent, words, at.place)
        }
    }

    /// The record whose words have been collected from `start` on.
    #[inline]
    pub(crate) fn finish(&mut self, at: At<'_>, start: usize) -> Id {
        let words = &self.words[start..];
        let id = if self.undo {
            self.pool.remove(words, at.place)
        } else {
            self.pool.add(&mut self.recent, words, at.place)
        };
        self.words.truncate(start);
        id
    }

    /// What a function or variable is a definition or an instance of.
    fn origin<'u>(&mut self, at: At<'u>, node: &Node) -> Origin<'u> {
        let mut origin = Origin {
            named: None,
            named_at: at,
            declared: (at, *node),
            ty: (at, TypeRef::NONE),
            flags: 0,
            unnamed: 0,
        };
        let (mut here, mut node) = (at, *node);
        let mut has_params = false;
        for _ in 0..MAX_CHAIN {
            origin.flags |= node.flags;
            if origin.named.is_none() && !node.name.is_none() {
                (origin.named, origin.named_at) = (Some(node), here);
            }
            if origin.ty.1.is_none() {
                origin.ty = (here, node.ty);
            }
            if !has_params {
                has_params = has_typed_params(here, &node);
                origin.declared = (here, node);
            }
            if node.flags & flag::HAS_ORIGIN == 0 {
                break;
            }
            let Some((there, &next)) = here.follow(TypeRef(node.a)) else { break };
            (here, node) = (there, next);
        }
        let params = origin.declared.0.unit.items(&origin.declared.1);
        let is_unnamed = |item: &Item| item.kind == ItemKind::Param && item.name.is_none();
        if node.lang != Lang::Rust && params.iter().any(is_unnamed) {
            origin.unnamed = flag::UNNAMED;
        }
        origin
    }
}

/// How many origins a definition may have: instance, abstract instance, definition, declaration.
const MAX_CHAIN: u32 = 8;

/// What a definition takes from what it refers to.
struct Origin<'u> {
    /// The node with the name.
    named: Option<Node>,
    named_at: At<'u>,
    /// The first of the chain whose parameters have types, or its end.
    declared: (At<'u>, Node),
    ty: (At<'u>, TypeRef),
    flags: u16,
    unnamed: u16,
}

impl<'u> At<'u> {
    /// The same, for records of that node of the unit.
    #[inline]
    fn of(self, node: &Node) -> At<'u> {
        At { place: Place::new(self.number, node.die, 0), ..self }
    }

    /// The node that a reference of this unit leads to.
    pub(crate) fn follow(self, to: TypeRef) -> Option<(At<'u>, &'u Node)> {
        let (number, unit, node) = if to.is_none() {
            return None;
        } else if to.0 & TypeRef::EXTERNAL != 0 {
            let &external = self.unit.externals.get(index(to.0 & !TypeRef::EXTERNAL))?;
            self.others.find(self.number, external)?
        } else {
            (self.number, self.unit, self.unit.find(to.0)?)
        };
        Some((At { number, unit, ..self }, unit.nodes.get(index(node))?))
    }

    /// The same, for the next record of the same node.
    #[inline]
    pub(crate) fn which(self, which: usize) -> At<'u> {
        // Beyond that many, which comes first is left to their content.
        let which = u64::try_from(which).unwrap_or_default().min(0xff);
        At { place: Place(self.place.0 & !0xff | which), ..self }
    }
}

fn has_typed_params(at: At<'_>, node: &Node) -> bool {
    at.unit.items(node).iter().any(|item| item.kind == ItemKind::Param && !item.ty.is_none())
}

/// A struct, union or enumeration with its parts.
pub(crate) fn is_definition(node: &Node) -> bool {
    matches!(node.kind, Kind::Struct | Kind::Union | Kind::Enum)
        && node.flags & (flag::DECLARATION | flag::SIGNATURE) == 0
}

/// A struct, union or enumeration whose parts are elsewhere.
pub(crate) fn is_declaration(node: &Node) -> bool {
    matches!(node.kind, Kind::Struct | Kind::Union | Kind::Enum)
        && node.flags & (flag::DECLARATION | flag::SIGNATURE) == flag::DECLARATION
}

pub(crate) fn has_name(node: &Node) -> bool {
    !node.name.is_none()
}

/// The language, where it matters: C++ outside of namespaces shares its types with C.
pub(crate) fn lang_bits(node: &Node) -> u32 {
    match node.lang {
        Lang::Rust => 0x10,
        Lang::Cpp if node.scope != 0 => 0x20,
        _ => 0,
    }
}

/// The DIEs of variant parts, which are nodes of their own.
fn variant_dies(unit: &Unit, node: &Node) -> u64 {
    if node.flags & flag::VARIANTS == 0 {
        return 0;
    }
    let parts = unit.items(node).iter().filter(|item| item.kind == ItemKind::VariantPart);
    let nodes = parts.filter_map(|item| unit.nodes.get(index(unit.find(item.ty.0)?)));
    nodes.map(|part| u64::from(part.dies)).sum()
}

/// The first bit of a member; `None` if BTF cannot say it.
pub(crate) fn bit_offset(item: &Item) -> Result<u32, Skip> {
    if item.flags & item_flag::DYNAMIC != 0 {
        return Err(Skip::Dynamic);
    }
    let (low, high) = halves(item.value);
    if high != 0 || item.flags & item_flag::TOO_LARGE != 0 { Err(Skip::TooLarge) } else { Ok(low) }
}
