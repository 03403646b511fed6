//! Lists what debug information tells.

use std::collections::{BTreeSet, HashSet};

use gimli::{AttributeValue as Value, DwTag, Operation, Section, constants as c};

use super::describe::{Describe, Text};
use super::facts::{Fact, Facts, FunctionFact, VariableFact};
use super::file::{Beside, File, others};
use super::info::{At, Die, Info, Language};
use super::node::{
    Base, Composite, Enumeration, Function, Kind, Meaning, Member, Node, Source, Variant, Variants,
};
use super::{Error, spell};

/// Lists the types, functions and variables of a file.
///
/// # Errors
///
/// If it is no ELF file, or its DWARF is damaged. What cannot be understood of a single entry is one of
/// [`Facts::faults`].
pub fn walk(bytes: &[u8], beside: Beside<'_>) -> Result<Facts, Error> {
    let file = File::new(bytes)?;
    let (alternate, split) = others(bytes, beside)?;
    let alternate = alternate.as_deref().map(File::new).transpose()?;
    let split = split.iter().map(|bytes| File::new(bytes)).collect::<Result<Vec<_>, _>>()?;
    let info = Info::new(&file, alternate.as_ref(), &split)?;
    Walk { info: &info, describe: Describe::new(&info), facts: Facts::default(), seen: HashSet::new() }.all()
}

/// Names and types of parameters.
type Params = Vec<(String, Option<At>)>;

struct Walk<'i, 'a> {
    info: &'i Info<'a>,
    describe: Describe<'i, Info<'a>>,
    facts: Facts,
    seen: HashSet<FunctionFact>,
}

impl<'a> Walk<'_, 'a> {
    fn all(mut self) -> Result<Facts, Error> {
        for (number, unit) in (0..).zip(&self.info.units) {
            self.describe.forget();
            if !unit.listed || unit.language == Language::Other {
                continue;
            }
            let mut cursor = unit.unit.entries();
            // How deep the functions are that enclose the entry.
            let mut functions: Vec<isize> = Vec::new();
            while let Some(die) = cursor.next_dfs()? {
                let at = At { unit: number, offset: die.offset().0 };
                functions.retain(|&depth| depth < die.depth());
                let found = match die.tag() {
                    c::DW_TAG_structure_type
                    | c::DW_TAG_class_type
                    | c::DW_TAG_union_type
                    | c::DW_TAG_enumeration_type
                    | c::DW_TAG_typedef => self.ty(at, die),
                    c::DW_TAG_base_type => self.base(at),
                    c::DW_TAG_subprogram => self.function(at, die),
                    c::DW_TAG_variable => self.variable(at, die, !functions.is_empty()),
                    _ => Ok(()),
                };
                if let Err(error) = found {
                    self.facts.faults.push(format!("{at:x?}: {error}"));
                }
                if die.tag() == c::DW_TAG_subprogram {
                    functions.push(die.depth());
                }
            }
        }
        Ok(self.facts)
    }

    fn ty(&mut self, at: At, die: &Die<'a>) -> Result<(), Error> {
        let language = self.info.language(at, die);
        if language == Language::Other || self.info.flag(die, c::DW_AT_declaration) {
            return Ok(());
        }
        let node = self.info.node(at)?;
        if let Node::Declared(..) = node {
            return Ok(());
        }
        let name = node.name().to_owned();
        let kind = match &node {
            Node::Composite(composite) => composite.kind,
            Node::Enum(_) => Kind::Enum,
            _ => Kind::Typedef,
        };
        if language == Language::Rust {
            self.facts.exact.insert(name.clone(), self.info.full_name(at, die));
        }
        let Text { text, links } = self.describe.whole(at)?;
        let links = links.into_iter().map(|link| Ok(BTreeSet::from([self.describe.target(link)?])));
        let links = links.collect::<Result<Vec<_>, Error>>()?;
        let first = if self.facts.types.contains_key(&text) { String::new() } else { self.place(at, die) };
        self.facts.names.insert(name.clone());
        self.facts.add(text, Fact { kind, name, first, count: 1, links, language });
        Ok(())
    }

    fn base(&mut self, at: At) -> Result<(), Error> {
        // Numbers of expressions, which say where a variable is, are no types of the program.
        if let Node::Base(base) = self.info.node(at)?
            && !base.name.starts_with("DW_ATE_")
        {
            self.facts.names.insert(base.name.clone());
            self.facts.bases.insert(base);
        }
        Ok(())
    }

    fn function(&mut self, at: At, die: &Die<'a>) -> Result<(), Error> {
        let info = self.info;
        let has_code = match die.attr_value(c::DW_AT_low_pc) {
            Some(value) => {
                let address = info.dwarf(at).attr_address(&info.unit(at).unit, value)?.unwrap_or_default();
                let header = &info.unit(at).unit.header;
                info.program(at).relocatable || (address != 0 && !header.is_tombstone_address(address))
            }
            None => die.has_attr(c::DW_AT_ranges),
        };
        if !has_code || info.flag(die, c::DW_AT_declaration) {
            return Ok(());
        }
        let chain = info.origins(at)?;
        let Some((end, last)) = chain.last() else { return Ok(()) };
        let language = info.language(*end, last);
        if language == Language::Other {
            return Ok(());
        }
        let names = self.names(&chain, language);
        let ret = chain.iter().find(|(_, die)| die.has_attr(c::DW_AT_type));
        let ret = ret.map(|(at, die)| info.reference(*at, die, c::DW_AT_type)).transpose()?.flatten();
        let mut params = Vec::new();
        let mut variadic = false;
        for (at, _) in &chain {
            let (these, dots) = info.params(*at)?;
            variadic |= dots;
            // Instances may lack some, and have others at another place; declarations have no names.
            let worth = |params: &[(String, _)]| {
                (params.len(), params.iter().filter(|(name, _)| !name.is_empty()).count())
            };
            if worth(&these) >= worth(&params) {
                params = these;
            }
        }
        let params = params.into_iter().map(|(name, ty)| Ok((name, self.describe.by_name(ty)?.text.clone())));
        let params = params.collect::<Result<Vec<_>, Error>>()?;
        let ret = self.describe.by_name(ret)?.text.clone();
        self.facts.names.extend(names.iter().cloned());
        let mut fact = FunctionFact { names, params, ret, variadic, language, first: String::new() };
        if self.seen.insert(fact.clone()) {
            fact.first = self.place(at, last);
            self.facts.functions.push(fact);
        }
        Ok(())
    }

    /// What BTF may call a function or variable.
    fn names(&self, chain: &[(At, Die<'a>)], language: Language) -> Vec<String> {
        let first = |name| chain.iter().find_map(|(at, die)| self.info.string(*at, die, name));
        let name = first(c::DW_AT_name).unwrap_or_default();
        let linkage = first(c::DW_AT_linkage_name).filter(|linkage| spell::is_identifier(linkage));
        if language == Language::C {
            return vec![name];
        }
        let path = chain.last().map_or(name.clone(), |(at, _)| self.info.path(*at, &name));
        let mut names = vec![spell::path(&path)];
        names.extend(linkage);
        names.push(name);
        names
    }

    fn variable(&mut self, at: At, die: &Die<'a>, local: bool) -> Result<(), Error> {
        let info = self.info;
        let Some(Value::Exprloc(expression)) = die.attr_value(c::DW_AT_location) else { return Ok(()) };
        let unit = info.unit(at);
        let operand = expression.0.offset_from(*info.dwarf(at).debug_info.reader()) + 1;
        let mut operations = expression.operations(unit.unit.encoding());
        let (address, target) = match operations.next()? {
            Some(Operation::Address { address }) => {
                (address, (".debug_info", u64::try_from(operand).unwrap_or_default()))
            }
            Some(Operation::AddressIndex { index }) => {
                let address = info.dwarf(at).address(&unit.unit, index)?;
                let base = unit.unit.addr_base.0 + index.0 * usize::from(unit.unit.header.address_size());
                (address, (".debug_addr", u64::try_from(base).unwrap_or_default()))
            }
            _ => return Ok(()),
        };
        if operations.next()?.is_some() {
            return Ok(());
        }
        let file = info.program(at);
        let place = if file.relocatable {
            file.targets.get(&target).and_then(|&index| file.program.get(index))
        } else {
            file.place(address)
        };
        let Some(place) = place else { return Ok(()) };
        let chain = info.origins(at)?;
        let Some((end, last)) = chain.last() else { return Ok(()) };
        let language = info.language(*end, last);
        if language == Language::Other {
            return Ok(());
        }
        let ty = chain.iter().find(|(_, die)| die.has_attr(c::DW_AT_type));
        let ty = ty.map(|(at, die)| info.reference(*at, die, c::DW_AT_type)).transpose()?.flatten();
        let mut fact = VariableFact {
            names: self.names(&chain, language),
            ty: self.describe.by_name(ty)?.text.clone(),
            section: place.name.clone(),
            offset: address - place.address,
            size: 0,
            local,
            language,
        };
        // What its type leaves open at the end may have values: then the symbol is larger.
        let symbols = fact.names.iter().filter_map(|name| file.symbols.get(name)).flatten();
        let symbol = symbols.filter(|(at, _)| *at == address).map(|(_, size)| *size).max();
        fact.size = info.size(ty)?.unwrap_or_default().max(symbol.unwrap_or_default());
        // Where a linker drops a section, an address is left that means nothing.
        if file.relocatable || address != 0 || symbol.is_some() {
            self.facts.names.extend(fact.names.iter().cloned());
            self.facts.variables.push(fact);
        }
        Ok(())
    }

    /// Where an entry is, for people.
    fn place(&self, at: At, die: &Die<'a>) -> String {
        let line = self.info.number(die, c::DW_AT_decl_line);
        let source = self.info.source(at, die);
        let declared = match (source, line) {
            (Some(source), Some(line)) => format!(", {source}:{line}"),
            _ => String::new(),
        };
        let unit = self.info.unit(at);
        let start = unit.unit.header.debug_info_offset().map_or(0, |offset| offset.0);
        format!("{:#x}{declared}", start + at.offset)
    }
}

impl<'a> Info<'a> {
    /// The name of a type with its path.
    fn full_name(&self, at: At, die: &Die<'a>) -> String {
        self.path(at, &self.string(at, die, c::DW_AT_name).unwrap_or_default())
    }

    /// The name of a type as BTF spells it.
    fn spelled(&self, at: At, die: &Die<'a>) -> String {
        let Some(name) = self.string(at, die, c::DW_AT_name) else { return String::new() };
        if self.language(at, die) == Language::Rust { spell::path(&self.path(at, &name)) } else { name }
    }

    fn member_name(&self, at: At, die: &Die<'a>) -> String {
        spell::member(&self.string(at, die, c::DW_AT_name).unwrap_or_default())
    }

    /// Tags that the source gives a declaration, or a type.
    fn tags(&self, at: At, die: &Die<'a>, sort: &str) -> Result<Vec<String>, Error> {
        let mut tags = Vec::new();
        if !die.has_children() {
            return Ok(tags);
        }
        for (at, child) in self.children(at)? {
            let name = self.string(at, &child, c::DW_AT_name).unwrap_or_default();
            if child.tag() == DwTag(0x6000) && name == sort {
                tags.extend(self.string(at, &child, c::DW_AT_const_value));
            }
        }
        Ok(tags)
    }

    /// Parameters, and whether others may follow.
    fn params(&self, at: At) -> Result<(Params, bool), Error> {
        let mut params = Vec::new();
        let mut variadic = false;
        for (at, child) in self.children(at)? {
            match child.tag() {
                c::DW_TAG_formal_parameter => {
                    let chain = self.origins(at)?;
                    let name = chain.iter().find_map(|(at, die)| self.string(*at, die, c::DW_AT_name));
                    let ty = chain.iter().find(|(_, die)| die.has_attr(c::DW_AT_type));
                    let ty =
                        ty.map(|(at, die)| self.reference(*at, die, c::DW_AT_type)).transpose()?.flatten();
                    params.push((spell::member(&name.unwrap_or_default()), ty));
                }
                c::DW_TAG_unspecified_parameters => variadic = true,
                _ => {}
            }
        }
        Ok((params, variadic))
    }

    /// The size of a value of a type, in bytes.
    fn size(&self, mut ty: Option<At>) -> Result<Option<u64>, Error> {
        let mut elements = 1;
        while let Some(at) = ty {
            let die = self.die(at)?;
            if let Some(size) = self.number(&die, c::DW_AT_byte_size) {
                return Ok(Some(elements * size));
            }
            match die.tag() {
                c::DW_TAG_pointer_type | c::DW_TAG_reference_type | c::DW_TAG_rvalue_reference_type => {
                    return Ok(Some(elements * u64::from(self.unit(at).unit.header.address_size())));
                }
                c::DW_TAG_array_type => elements *= self.counts(at)?.iter().product::<u64>(),
                _ => {}
            }
            ty = self.reference(at, &die, c::DW_AT_type)?;
        }
        Ok(None)
    }

    /// How many elements an array has in each dimension.
    fn counts(&self, at: At) -> Result<Vec<u64>, Error> {
        let mut counts = Vec::new();
        for (_, child) in self.children(at)? {
            if !matches!(child.tag(), c::DW_TAG_subrange_type | c::DW_TAG_enumeration_type) {
                continue;
            }
            let count = self.number(&child, c::DW_AT_count);
            let bound = self.number(&child, c::DW_AT_upper_bound).map(|bound| bound.wrapping_add(1));
            counts.push(count.or(bound).unwrap_or(0));
        }
        if counts.is_empty() {
            counts.push(0);
        }
        Ok(counts)
    }

    fn composite(&self, at: At, die: &Die<'a>) -> Result<Composite<At>, Error> {
        let kind = if die.tag() == c::DW_TAG_union_type { Kind::Union } else { Kind::Struct };
        let size = self.number(die, c::DW_AT_byte_size).unwrap_or(0);
        let rust = self.language(at, die) == Language::Rust;
        let mut members = Vec::new();
        let mut variants = None;
        let children = if die.has_children() { self.children(at)? } else { Vec::new() };
        for (at, child) in &children {
            match child.tag() {
                c::DW_TAG_member if !self.flag(child, c::DW_AT_external) => {
                    let mut member = self.member(*at, child)?;
                    if rust && member.bits.is_none() {
                        let end = member.bit_offset / 8 + self.size(member.ty)?.unwrap_or(0);
                        member.open = end > size;
                    }
                    members.push(member);
                }
                c::DW_TAG_variant_part => {
                    // A type without values has nothing to choose from.
                    variants = Some(self.variants(*at, child)?).filter(|variants| !variants.list.is_empty());
                }
                _ => {}
            }
        }
        members.sort_by_key(|member| if kind == Kind::Struct { member.bit_offset } else { 0 });
        let tags = self.tags(at, die, "btf_decl_tag")?;
        Ok(Composite { kind, name: self.spelled(at, die), size, members, variants, tags })
    }

    fn member(&self, at: At, die: &Die<'a>) -> Result<Member<At>, Error> {
        let ty = self.reference(at, die, c::DW_AT_type)?;
        let bytes = self.offset(at, die, c::DW_AT_data_member_location).unwrap_or(0);
        let bits = self.number(die, c::DW_AT_bit_size);
        let bit_offset = if let Some(offset) = self.number(die, c::DW_AT_data_bit_offset) {
            // Both may be there: then the location is that of the storage, and the offset is in it.
            bytes * 8 + offset
        } else if let Some(offset) = self.number(die, c::DW_AT_bit_offset) {
            // DWARF 2: bits between the highest one of the storage and the highest one of the field.
            let storage = self.number(die, c::DW_AT_byte_size);
            let storage = if storage.is_some() { storage } else { self.size(ty)? }.unwrap_or(0) * 8;
            let big = self.file(at).endian == gimli::RunTimeEndian::Big;
            let inside =
                if big { offset } else { storage.wrapping_sub(offset).wrapping_sub(bits.unwrap_or(0)) };
            (bytes * 8).wrapping_add(inside)
        } else {
            bytes * 8
        };
        let tags = self.tags(at, die, "btf_decl_tag")?;
        Ok(Member { name: self.member_name(at, die), bit_offset, bits, ty, open: false, tags })
    }

    fn variants(&self, at: At, die: &Die<'a>) -> Result<Variants<At>, Error> {
        let discriminant = match self.reference(at, die, c::DW_AT_discr)? {
            None => None,
            Some(at) => {
                let member = self.member(at, &self.die(at)?)?;
                Some((member.bit_offset, self.size(member.ty)?.unwrap_or(0)))
            }
        };
        let bits = discriminant.map_or(128, |(_, size)| size * 8).min(128);
        let mask = if bits == 128 { u128::MAX } else { (1 << bits) - 1 };
        let mut list = Vec::new();
        for (at, variant) in self.children(at)? {
            if variant.tag() != c::DW_TAG_variant {
                continue;
            }
            let value =
                self.constant(at, &variant, c::DW_AT_discr_value).map(|value| value.cast_unsigned() & mask);
            if variant.has_attr(c::DW_AT_discr_value) != value.is_some()
                || variant.has_attr(c::DW_AT_discr_list)
            {
                return Err(Error::Wrong(format!("the discriminant of a variant at {at:x?} cannot be read")));
            }
            for (at, child) in self.children(at)? {
                if child.tag() == c::DW_TAG_member {
                    let member = self.member(at, &child)?;
                    list.push(Variant {
                        name: member.name,
                        value,
                        bit_offset: member.bit_offset,
                        ty: member.ty,
                    });
                }
            }
        }
        Ok(Variants { discriminant, list })
    }

    fn enumeration(&self, at: At, die: &Die<'a>) -> Result<Enumeration, Error> {
        let size = self.size(Some(at))?.unwrap_or(0);
        let base = self.reference(at, die, c::DW_AT_type)?;
        let signed = match base.map(|base| self.node(base)).transpose()? {
            Some(Node::Base(base)) => Some(base.meaning == Meaning::Signed),
            _ => None,
        };
        let mut values = Vec::new();
        for (at, child) in self.children(at)? {
            if child.tag() != c::DW_TAG_enumerator {
                continue;
            }
            let value = self.constant(at, &child, c::DW_AT_const_value).unwrap_or(0);
            // A form of fixed size does not say whether its highest bit is a sign; the enumeration's type does.
            let value = match (signed, child.attr_value(c::DW_AT_const_value)) {
                (Some(true), Some(Value::Data1(_) | Value::Data2(_) | Value::Data4(_) | Value::Data8(_))) => {
                    let shift = 128 - 8 * u32::try_from(size.clamp(1, 16)).unwrap_or(16);
                    (value << shift) >> shift
                }
                _ => value,
            };
            values.push((self.member_name(at, &child), value));
        }
        Ok(Enumeration { name: self.spelled(at, die), size, values })
    }

    fn number_type(&self, at: At, die: &Die<'a>) -> Base {
        let size = self.number(die, c::DW_AT_byte_size).unwrap_or(0);
        let name = self.string(at, die, c::DW_AT_name).unwrap_or_default();
        let encoding = match die.attr_value(c::DW_AT_encoding) {
            Some(Value::Encoding(encoding)) => encoding,
            _ => c::DW_ATE_unsigned,
        };
        let rust = self.language(at, die) == Language::Rust;
        let (name, meaning) = match (name.as_str(), encoding) {
            ("()", _) => ("rust_unit".to_owned(), Meaning::Nothing),
            ("!", _) => ("rust_never".to_owned(), Meaning::Nothing),
            ("char", c::DW_ATE_UTF) if rust => ("char32".to_owned(), Meaning::Unsigned),
            (_, c::DW_ATE_boolean) => (name, Meaning::Bool),
            (
                _,
                c::DW_ATE_float
                | c::DW_ATE_complex_float
                | c::DW_ATE_imaginary_float
                | c::DW_ATE_decimal_float,
            ) => (name, Meaning::Float),
            (_, c::DW_ATE_signed) => (name, Meaning::Signed),
            (_, c::DW_ATE_signed_char | c::DW_ATE_unsigned_char) => (name, Meaning::Char),
            _ => (name, Meaning::Unsigned),
        };
        Base { name, size, meaning }
    }
}

impl Source for Info<'_> {
    type Id = At;

    fn head(&self, at: At) -> Result<Option<(Kind, String)>, Error> {
        let die = &self.die(at)?;
        let kind = match die.tag() {
            c::DW_TAG_structure_type | c::DW_TAG_class_type => Kind::Struct,
            c::DW_TAG_union_type => Kind::Union,
            _ => return Ok(None),
        };
        let plain = !self.flag(die, c::DW_AT_declaration) && !die.has_attr(c::DW_AT_signature);
        let name = if plain { self.spelled(at, die) } else { String::new() };
        Ok((!name.is_empty()).then_some((kind, name)))
    }

    fn node(&self, at: At) -> Result<Node<At>, Error> {
        let die = &self.die(at)?;
        let inner = || self.reference(at, die, c::DW_AT_type);
        if let Some(definition) = self.reference(at, die, c::DW_AT_signature)? {
            return self.node(definition);
        }
        let declared = self.flag(die, c::DW_AT_declaration);
        Ok(match die.tag() {
            c::DW_TAG_unspecified_type => Node::Void,
            c::DW_TAG_base_type => Node::Base(self.number_type(at, die)),
            c::DW_TAG_pointer_type | c::DW_TAG_reference_type | c::DW_TAG_rvalue_reference_type => {
                Node::Pointer(inner()?, self.tags(at, die, "btf_type_tag")?)
            }
            c::DW_TAG_const_type => Node::Modified("const", inner()?),
            c::DW_TAG_volatile_type => Node::Modified("volatile", inner()?),
            c::DW_TAG_restrict_type => Node::Modified("restrict", inner()?),
            // BTF has no atomic types.
            c::DW_TAG_atomic_type
            | c::DW_TAG_immutable_type
            | c::DW_TAG_packed_type
            | c::DW_TAG_shared_type => match inner()? {
                Some(inner) => self.node(inner)?,
                None => Node::Void,
            },
            c::DW_TAG_typedef => Node::Typedef(self.spelled(at, die), inner()?),
            c::DW_TAG_array_type => Node::Array(inner()?, self.counts(at)?),
            c::DW_TAG_subroutine_type => {
                let (params, variadic) = self.params(at)?;
                Node::Function(Function { ret: inner()?, params, variadic })
            }
            c::DW_TAG_structure_type | c::DW_TAG_class_type if declared => {
                Node::Declared(Kind::Struct, self.spelled(at, die))
            }
            c::DW_TAG_union_type if declared => Node::Declared(Kind::Union, self.spelled(at, die)),
            c::DW_TAG_enumeration_type if declared => Node::Declared(Kind::Enum, self.spelled(at, die)),
            c::DW_TAG_structure_type | c::DW_TAG_class_type | c::DW_TAG_union_type => {
                Node::Composite(self.composite(at, die)?)
            }
            c::DW_TAG_enumeration_type => Node::Enum(self.enumeration(at, die)?),
            other => return Err(Error::Wrong(format!("{other} at {at:x?} is not known as a type"))),
        })
    }
}
