//! Lists what BTF tells, in the same words as [`walk`](super::walk()) lists debug information.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use skep_btf::{Btf, FwdKind, IntEncoding, Type, TypeId};

use super::describe::{Describe, Text};
use super::facts::{Fact, Facts, FunctionFact, VariableFact};
use super::info::Language;
use super::node::{
    Base, Composite, Enumeration, Function, Kind, Meaning, Member, Node, Source, Variant, Variants,
    is_primitive,
};
use super::{Error, spell};

/// Lists the types, functions and variables of a set of types, which is said to be of the program that was walked: that
/// one knows which names there are, and which only tell equal ones apart.
#[must_use]
pub fn read(btf: &Btf, walked: &Facts) -> Facts {
    let mut types = Types { btf, known: &walked.names, tags: HashMap::new(), helpers: HashSet::new() };
    for (_, ty) in btf.iter() {
        if let Type::DeclTag(tag) = ty {
            types.tags.entry(tag.target).or_default();
        }
    }
    for id in btf.ids() {
        if let Type::DeclTag(tag) = btf.ty(id) {
            types.tags.entry(tag.target).or_default().push((tag.component, btf.name(id)));
        }
    }
    types.find_helpers();
    let mut facts = Facts { helpers: types.helpers.len(), ..Facts::default() };
    let describe = Describe::new(&types);
    for id in btf.ids() {
        if types.helpers.contains(&id) {
            continue;
        }
        if let Err(error) = list(&types, &describe, id, &mut facts) {
            facts.faults.push(format!("{id}: {error}"));
        }
    }
    facts
}

fn list(
    types: &Types<'_>,
    describe: &Describe<'_, Types<'_>>,
    id: TypeId,
    facts: &mut Facts,
) -> Result<(), Error> {
    let btf = types.btf;
    match btf.ty(id) {
        Type::Int(_) | Type::Float { .. } => {
            if let Node::Base(base) = types.node(id)? {
                facts.bases.insert(base);
            }
        }
        Type::Struct(_) | Type::Union(_) | Type::Enum(_) | Type::Enum64(_) | Type::Typedef(_) => {
            let node = types.node(id)?;
            let kind = match &node {
                Node::Composite(composite) => composite.kind,
                Node::Enum(_) => Kind::Enum,
                Node::Typedef(name, _) if is_primitive(name) => {
                    if let Some(end) = btf.resolve(id)
                        && let Node::Base(base) = types.node(end)?
                    {
                        facts.bases.insert(Base { name: name.clone(), ..base });
                    }
                    Kind::Typedef
                }
                Node::Typedef(..) => Kind::Typedef,
                Node::Base(base) => {
                    facts.bases.insert(base.clone());
                    return Ok(());
                }
                _ => return Ok(()),
            };
            let name = node.name().to_owned();
            let Text { text, links } = describe.whole(id)?;
            let links = links.into_iter().map(|link| Ok(BTreeSet::from([describe.target(link)?])));
            let links = links.collect::<Result<Vec<_>, Error>>()?;
            let first = format!("{id} {}", btf.name(id));
            facts.names.insert(name.clone());
            facts.add(text, Fact { kind, name, first, count: 1, links, language: Language::Other });
        }
        Type::Func(func) => {
            let Node::Function(function) = types.node(func.proto)? else { return Ok(()) };
            let params = function
                .params
                .iter()
                .map(|(name, ty)| Ok((name.clone(), describe.by_name(*ty)?.text.clone())))
                .collect::<Result<Vec<_>, Error>>()?;
            facts.functions.push(FunctionFact {
                names: vec![types.canonical(id)],
                params,
                ret: describe.by_name(function.ret)?.text.clone(),
                variadic: function.variadic,
                language: Language::Other,
                first: id.to_string(),
            });
        }
        Type::Datasec(section) => {
            for place in section.vars {
                let Type::Var(var) = btf.ty(place.var) else { continue };
                facts.variables.push(VariableFact {
                    names: vec![types.canonical(place.var)],
                    ty: describe.by_name(Some(var.ty))?.text.clone(),
                    section: btf.name(id).to_owned(),
                    offset: place.offset.into(),
                    size: place.size.into(),
                    local: false,
                    language: Language::Other,
                });
            }
        }
        _ => {}
    }
    Ok(())
}

struct Types<'b> {
    btf: &'b Btf,
    known: &'b HashSet<String>,
    tags: HashMap<TypeId, Vec<(Option<u32>, &'b str)>>,
    /// Types that are only there to say where variants and their discriminant are.
    helpers: HashSet<TypeId>,
}

/// What the first members of an enumeration with data are called.
const DISCRIMINANT: &str = "__discr";

/// The union of variants in an enumeration with data.
struct Choice<'b> {
    union: TypeId,
    members: &'b [skep_btf::Member],
    bit_offset: u64,
    /// The struct with nothing but the discriminant, its offset, its type.
    discriminant: Option<(TypeId, u64, TypeId)>,
}

impl<'b> Types<'b> {
    fn find_helpers(&mut self) {
        let mut helpers = HashSet::new();
        for (id, ty) in self.btf.iter() {
            let Some(members) = ty.members() else { continue };
            if let Some(choice) = members.iter().find_map(|member| self.choice(id, members, member)) {
                helpers.insert(choice.union);
                if let Some((body, _, ty)) = choice.discriminant {
                    helpers.extend([body, ty]);
                }
            }
            for member in members {
                if self.wrapped_float(member).is_some() {
                    helpers.insert(member.ty);
                }
            }
        }
        // Numbers are discriminants too, and no helpers.
        helpers.retain(|&id| !matches!(self.btf.ty(id), Type::Int(_) | Type::Typedef(_)));
        self.helpers = helpers;
    }

    /// The name of a type, without what tells it from others of that name.
    fn canonical(&self, id: TypeId) -> String {
        let name = self.btf.name(id);
        let exact = self.tags(id, None).find_map(|tag| tag.strip_prefix("rust:name="));
        if let Some(exact) = exact {
            return spell::path(exact);
        }
        if name.is_empty() || self.known.contains(name) {
            return name.to_owned();
        }
        match name.rsplit_once("__") {
            Some((plain, suffix))
                if self.known.contains(plain)
                    && !suffix.is_empty()
                    && suffix.chars().all(|c| c.is_ascii_alphanumeric()) =>
            {
                plain.to_owned()
            }
            _ => name.to_owned(),
        }
    }

    fn tags(&self, id: TypeId, component: Option<u32>) -> impl Iterator<Item = &'b str> {
        let tags = self.tags.get(&id).map_or(&[][..], |tags| tags);
        tags.iter().filter(move |(of, _)| *of == component).map(|(_, tag)| *tag)
    }

    /// Tags that the source has.
    fn source_tags(&self, id: TypeId, component: Option<u32>) -> Vec<String> {
        let tags = self.tags(id, component).filter(|tag| !tag.starts_with("rust:"));
        tags.map(str::to_owned).collect()
    }

    /// The values of an enumeration of 16 bytes, which is a typedef with a tag for each.
    fn wide_values(&self, id: TypeId) -> Vec<(String, i128)> {
        let tags = self.tags(id, None).filter_map(|tag| tag.strip_prefix("rust:value=")?.rsplit_once('='));
        tags.filter_map(|(name, value)| {
            let value = value.parse().ok().or_else(|| value.parse().ok().map(u128::cast_signed))?;
            Some((spell::member(name), value))
        })
        .collect()
    }

    fn choice(
        &self,
        id: TypeId,
        all: &'b [skep_btf::Member],
        member: &skep_btf::Member,
    ) -> Option<Choice<'b>> {
        let btf = self.btf;
        let anonymous = |id: TypeId| btf.name(id).is_empty();
        let Type::Union(union) = btf.ty(member.ty) else { return None };
        if anonymous(id) || !btf.string(member.name).is_empty() || !anonymous(member.ty) {
            return None;
        }
        let bit_offset = u64::from(member.bit_offset);
        let choice =
            |members, discriminant| Some(Choice { union: member.ty, members, bit_offset, discriminant });
        if let [first, rest @ ..] = union.members
            && let Type::Struct(body) = btf.ty(first.ty)
            && let [discriminant] = body.members
            && btf.string(first.name).is_empty()
            && anonymous(first.ty)
            && btf.string(discriminant.name) == DISCRIMINANT
        {
            let offset = bit_offset + u64::from(first.bit_offset) + u64::from(discriminant.bit_offset);
            return choice(rest, Some((first.ty, offset, discriminant.ty)));
        }
        // The only variant that can be needs no discriminant. Structs of variants lie in the name of the enumeration.
        let path = format!("{}__", self.canonical(id));
        let inside = |member: &skep_btf::Member| {
            matches!(btf.ty(member.ty), Type::Struct(_)) && self.canonical(member.ty).starts_with(&path)
        };
        let only = all.len() == 1 && !union.members.is_empty() && union.members.iter().all(inside);
        if only { choice(union.members, None) } else { None }
    }

    /// The kernel wants floating-point numbers aligned; in packed structs they are wrapped.
    fn wrapped_float(&self, member: &skep_btf::Member) -> Option<skep_btf::Member> {
        let Type::Union(union) = self.btf.ty(member.ty) else { return None };
        let [inner] = union.members else { return None };
        let Type::Float { size } = self.btf.resolved(inner.ty) else { return None };
        let bare = self.btf.string(member.name).is_empty() && self.btf.name(member.ty).is_empty();
        let misplaced = !member.bit_offset.is_multiple_of(8 * size.clamp(1, 8));
        (bare && misplaced).then_some(*inner)
    }

    fn composite(&self, id: TypeId, kind: Kind, composite: &skep_btf::Composite<'b>) -> Composite<TypeId> {
        let mut members = Vec::new();
        let mut variants = None;
        for (index, member) in (0..).zip(composite.members) {
            if let Some(choice) = self.choice(id, composite.members, member) {
                variants = Some(self.variants(&choice));
                continue;
            }
            let inner = self.wrapped_float(member).unwrap_or(*member);
            let mut bit_offset = u64::from(member.bit_offset);
            let mut bits = Some(u64::from(inner.bitfield_size)).filter(|&bits| bits != 0);
            if let Type::Int(int) = self.btf.resolved(inner.ty)
                && bits.is_none()
                && u32::from(int.bits) != int.size * 8
            {
                bits = Some(int.bits.into());
                bit_offset += u64::from(int.offset);
            }
            members.push(Member {
                name: self.btf.string(inner.name).to_owned(),
                bit_offset,
                bits,
                ty: some(inner.ty),
                open: false,
                tags: self.source_tags(id, Some(index)),
            });
        }
        let tags = self.source_tags(id, None);
        Composite { kind, name: self.canonical(id), size: composite.size.into(), members, variants, tags }
    }

    fn variants(&self, choice: &Choice<'b>) -> Variants<TypeId> {
        let btf = self.btf;
        let size = choice.discriminant.and_then(|(_, _, ty)| btf.size_of(ty)).unwrap_or(0);
        let mask = if size == 0 || size >= 16 { u128::MAX } else { (1 << (8 * size)) - 1 };
        let mut numbers = BTreeMap::new();
        if let Some((_, _, ty)) = choice.discriminant
            && let Type::Enum(e) | Type::Enum64(e) = btf.resolved(ty)
        {
            numbers.extend(
                e.values.iter().map(|value| (btf.string(value.name), e.number(value).cast_unsigned() & mask)),
            );
        }
        let first = if choice.discriminant.is_some() { 1 } else { 0 };
        let mut list = Vec::new();
        for (index, member) in (first..).zip(choice.members) {
            let name = btf.string(member.name);
            let tagged = |prefix: &str| {
                self.tags(choice.union, Some(index))
                    .find_map(|tag| tag.strip_prefix(prefix).map(str::to_owned))
            };
            let said = tagged("rust:discr=").and_then(|text| match text.strip_prefix("0x") {
                Some(digits) => u128::from_str_radix(digits, 16).ok(),
                None => text.parse::<i128>().map(i128::cast_unsigned).ok().or_else(|| text.parse().ok()),
            });
            let value = said.map(|value| value & mask).or(numbers.get(name).copied());
            let value = if tagged("rust:default").is_some() { None } else { value };
            list.push(Variant {
                name: name.to_owned(),
                value,
                bit_offset: choice.bit_offset + u64::from(member.bit_offset),
                ty: some(member.ty),
            });
        }
        Variants { discriminant: choice.discriminant.map(|(_, offset, _)| (offset, size)), list }
    }
}

impl Source for Types<'_> {
    type Id = TypeId;

    fn node(&self, id: TypeId) -> Result<Node<TypeId>, Error> {
        let btf = self.btf;
        let name = || self.canonical(id);
        Ok(match btf.ty(id) {
            Type::Void => Node::Void,
            Type::Int(int) => {
                let name = btf.name(id).to_owned();
                let meaning = match int.encoding {
                    IntEncoding::Bool => Meaning::Bool,
                    IntEncoding::Char | IntEncoding::SignedChar => Meaning::Char,
                    IntEncoding::Signed => Meaning::Signed,
                    IntEncoding::Unsigned => Meaning::Unsigned,
                };
                Node::Base(Base { name, size: int.size.into(), meaning })
            }
            Type::Float { size } => {
                Node::Base(Base { name: btf.name(id).to_owned(), size: size.into(), meaning: Meaning::Float })
            }
            Type::Ptr(to) => {
                let mut to = to;
                let mut tags = Vec::new();
                while let Type::TypeTag(tag) = btf.ty(to) {
                    tags.push(btf.name(to).to_owned());
                    to = tag.ty;
                }
                Node::Pointer(some(to), tags)
            }
            Type::TypeTag(tag) => Node::Tagged(btf.name(id).to_owned(), some(tag.ty)),
            Type::Array(array) => Node::Array(some(array.elem), vec![array.len.into()]),
            Type::Struct(composite)
                if composite.members.is_empty()
                    && composite.size == 0
                    && matches!(btf.name(id), "rust_unit" | "rust_never") =>
            {
                Node::Base(Base { name: btf.name(id).to_owned(), size: 0, meaning: Meaning::Nothing })
            }
            Type::Struct(composite) => Node::Composite(self.composite(id, Kind::Struct, &composite)),
            Type::Union(composite) => Node::Composite(self.composite(id, Kind::Union, &composite)),
            Type::Enum(e) | Type::Enum64(e) => {
                let values =
                    e.values.iter().map(|value| (btf.string(value.name).to_owned(), e.number(value)));
                Node::Enum(Enumeration { name: name(), size: e.size.into(), values: values.collect() })
            }
            Type::Fwd(FwdKind::Struct) => Node::Declared(Kind::Struct, name()),
            Type::Fwd(FwdKind::Union) => Node::Declared(Kind::Union, name()),
            Type::Typedef(inner) => match self.wide_values(id) {
                values if values.is_empty() => Node::Typedef(name(), some(inner)),
                values => {
                    Node::Enum(Enumeration { name: name(), size: btf.size_of(inner).unwrap_or(0), values })
                }
            },
            Type::Const(inner) => Node::Modified("const", some(inner)),
            Type::Volatile(inner) => Node::Modified("volatile", some(inner)),
            Type::Restrict(inner) => Node::Modified("restrict", some(inner)),
            Type::FuncProto(proto) => {
                let variadic = proto.is_variadic();
                let params = if variadic { &proto.params[..proto.params.len() - 1] } else { proto.params };
                let params = params.iter().map(|param| (btf.string(param.name).to_owned(), some(param.ty)));
                Node::Function(Function { ret: some(proto.ret), params: params.collect(), variadic })
            }
            other @ (Type::Func(_) | Type::Var(_) | Type::Datasec(_) | Type::DeclTag(_)) => {
                return Err(Error::Wrong(format!("{id} is no type: {other:?}")));
            }
        })
    }
}

fn some(id: TypeId) -> Option<TypeId> {
    (!id.is_void()).then_some(id)
}
