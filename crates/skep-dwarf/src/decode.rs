//! The DIEs of a unit, walked once, to a [`Unit`].
//!
//! The walk keeps a stack of [`Frame`]s, one per open DIE with children. What a DIE becomes depends on its class and on
//! the frame it is in: a parameter belongs to the function above it, or to nobody if that is an inlined call.

use crate::abbrev::{Abbrev, Abbrevs, Class, Purpose, Slot};
use crate::attrs::{Attrs, Form, Source, skip};
use crate::error::Error;
use crate::expr;
use crate::lang::Lang;
use crate::model::{External, Item, ItemKind, Kind, Node, Scope, TypeRef, Unit, flag, item_flag};
use crate::names::Name;
use crate::reader::{Cursor, Expected, halves, index, word};
use crate::registers::Registers;
use crate::report::Skip;

/// What is kept from unit to unit, to be used again.
#[derive(Debug)]
pub(crate) struct Decoder {
    abbrevs: Abbrevs,
    /// Which table that is.
    abbrevs_of: Option<(u16, usize, crate::abbrev::Encoding)>,
    attrs: Attrs,
    frames: Vec<Frame>,
    /// The items of the open frames, innermost last.
    pending: Vec<Item>,
    /// Where the calling convention puts parameters.
    registers: Registers,
    purpose: Purpose,
}

/// How many origins a DIE may have: instance, abstract instance, definition, declaration.
const MAX_ORIGINS: usize = 8;
/// How deep DIEs are nested at most. Source code, inlined or not, is not nice to read beyond a hundred.
const MAX_DEPTH: usize = 1000;

/// An open DIE.
#[derive(Debug, Clone, Copy)]
struct Frame {
    what: What,
    lang: Lang,
    /// Inside a function.
    local: bool,
    /// The node that the children belong to.
    node: u32,
    scope: u32,
    /// Where its items start.
    items: usize,
    /// How many parameters it has so far.
    params: u32,
}

/// What the children of a DIE are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Declarations.
    Scope,
    Composite,
    Enum,
    Array,
    Subroutine,
    Function,
    Code,
    VariantPart,
    Variant,
    /// Annotations of the node.
    Node,
    /// Annotations of the last item of the frame below.
    Item,
    /// Nothing of use, but there may be types inside.
    Other,
}

/// A unit's own attributes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Root {
    pub(crate) name: Name,
    pub(crate) producer: Name,
    pub(crate) language: u16,
    pub(crate) comp_dir: Name,
    /// Offset of its line table.
    pub(crate) stmt_list: Option<u64>,
}

impl Decoder {
    /// Reads units.
    pub(crate) fn new(registers: Registers) -> Decoder {
        Decoder::with(registers, Purpose::Types)
    }

    /// Reads where single DIEs are declared.
    pub(crate) fn of_declarations(registers: Registers) -> Decoder {
        Decoder::with(registers, Purpose::Declarations)
    }

    fn with(registers: Registers, purpose: Purpose) -> Decoder {
        Decoder {
            abbrevs: Abbrevs::default(),
            abbrevs_of: None,
            attrs: Attrs::new(),
            frames: Vec::new(),
            pending: Vec::new(),
            registers,
            purpose,
        }
    }

    /// Reads the first DIE of a unit alone.
    pub(crate) fn root(&mut self, source: &Source<'_>, unit: &mut Unit) -> Result<Root, Error> {
        unit.clear(0);
        self.load_abbrevs(source)?;
        let mut cursor = source.cursor(source.header.first_die);
        let root = self.first_die(&mut cursor, source, unit);
        root.map(|(root, _)| root).map_err(|expected| malformed(source, &cursor, expected))
    }

    /// The file and line of a DIE of a unit whose first DIE has been read. What it is an instance of may say it.
    pub(crate) fn declaration(
        &mut self,
        source: &Source<'_>,
        unit: &mut Unit,
        mut die: u32,
    ) -> Result<Option<(u64, u64)>, Error> {
        self.load_abbrevs(source)?;
        for _ in 0..MAX_ORIGINS {
            let start = source.header.start.saturating_add(index(die));
            if start < source.header.first_die || start >= source.header.end {
                return Ok(None);
            }
            let mut cursor = source.cursor(start);
            self.one(&mut cursor, source, unit).map_err(|expected| malformed(source, &cursor, expected))?;
            if let Some(file) = self.attrs.number(Slot::DeclFile) {
                return Ok(Some((file, self.attrs.number(Slot::DeclLine).unwrap_or_default())));
            }
            die = match (self.attrs.reference(Slot::Specification), self.attrs.reference(Slot::Origin)) {
                (TypeRef::NONE, TypeRef::NONE) => return Ok(None),
                (TypeRef::NONE, origin) => origin.0,
                (specification, _) => specification.0,
            };
        }
        Ok(None)
    }

    /// Reads the attributes of one DIE, those for declarations included.
    fn one(&mut self, cursor: &mut Cursor<'_>, source: &Source<'_>, unit: &mut Unit) -> Result<(), Expected> {
        let code = cursor.uleb()?;
        let abbrev = self.abbrevs.get(code).ok_or("the code of an abbreviation")?;
        let steps = self.abbrevs.steps(abbrev.loads);
        let bases = unit.bases;
        unit.externals.clear();
        self.attrs.load(cursor, steps, &self.abbrevs, source, &bases, &mut unit.externals)
    }

    /// Reads a unit.
    pub(crate) fn unit(&mut self, source: &Source<'_>, unit: &mut Unit) -> Result<Root, Error> {
        unit.clear(source.header.end - source.header.start);
        self.load_abbrevs(source)?;
        let mut cursor = source.cursor(source.header.first_die);
        self.walk(&mut cursor, source, unit).map_err(|expected| malformed(source, &cursor, expected))
    }

    fn load_abbrevs(&mut self, source: &Source<'_>) -> Result<(), Error> {
        let header = &source.header;
        let of = (header.file, header.abbrev, header.encoding);
        if self.abbrevs_of != Some(of) {
            self.abbrevs_of = None;
            let table = Cursor::new(&source.sections.abbrev, header.abbrev, source.sections.big);
            self.abbrevs.read(table, header.encoding, self.purpose)?;
            self.abbrevs_of = Some(of);
        }
        Ok(())
    }

    /// The unit's own DIE. What its strings and addresses count from is in it as well, so it is read twice.
    fn first_die(
        &mut self,
        cursor: &mut Cursor<'_>,
        source: &Source<'_>,
        unit: &mut Unit,
    ) -> Result<(Root, bool), Expected> {
        let code = cursor.uleb()?;
        let abbrev = self.abbrevs.get(code).ok_or("the code of an abbreviation")?;
        let steps = self.abbrevs.steps(abbrev.loads);
        let start = *cursor;
        let attrs = &mut self.attrs;
        let offset_size = u64::from(source.header.encoding.offset_size);
        // Split units have no base, and one table each: it starts behind its header.
        if source.header.encoding.version >= 5 {
            unit.bases.str_offsets = offset_size * 2;
            unit.bases.addr = 8;
            unit.bases.loclists = 4 + offset_size * 2;
        }
        unit.bases.address_size = source.header.encoding.address_size;
        let parts = source.header.parts;
        unit.bases.str_offsets = unit.bases.str_offsets.wrapping_add(parts.str_offsets);
        unit.bases.loclists = unit.bases.loclists.wrapping_add(parts.loclists);
        let bases = unit.bases;
        // An indexed string may stand in front of the base that it counts from.
        if attrs.load(cursor, steps, &self.abbrevs, source, &bases, &mut unit.externals).is_ok() {
            for (slot, base) in [
                (Slot::StrOffsetsBase, &mut unit.bases.str_offsets),
                (Slot::AddrBase, &mut unit.bases.addr),
                (Slot::LocListsBase, &mut unit.bases.loclists),
            ] {
                if let Some(value) = attrs.number(slot) {
                    *base = value;
                }
            }
        } else {
            scan_bases(start, steps, &self.abbrevs, source, unit)?;
        }
        *cursor = start;
        let bases = unit.bases;
        attrs.load(cursor, steps, &self.abbrevs, source, &bases, &mut unit.externals)?;
        let root = Root {
            name: attrs.name(Slot::Name),
            producer: attrs.name(Slot::Producer),
            language: attrs.number(Slot::Language).and_then(|l| u16::try_from(l).ok()).unwrap_or_default(),
            comp_dir: attrs.name(Slot::CompDir),
            stmt_list: attrs.number(Slot::StmtList),
        };
        unit.lang = Lang::from_dwarf(root.language);
        unit.tally.seen += 1;
        unit.tally.skip(Skip::Scope, 1);
        Ok((root, abbrev.has_children))
    }

    fn walk(
        &mut self,
        cursor: &mut Cursor<'_>,
        source: &Source<'_>,
        unit: &mut Unit,
    ) -> Result<Root, Expected> {
        self.frames.clear();
        self.pending.clear();
        let (root, has_children) = self.first_die(cursor, source, unit)?;
        if !has_children {
            return Ok(root);
        }
        let mut frame = Frame {
            what: What::Scope,
            lang: unit.lang,
            local: false,
            node: 0,
            scope: 0,
            items: 0,
            params: 0,
        };
        let mut child = frame;
        loop {
            // The last zero may be missing.
            if cursor.is_at_end() && self.frames.is_empty() {
                break;
            }
            let die = word(cursor.pos() - source.header.start);
            let code = cursor.uleb()?;
            if code == 0 {
                self.close(&frame, unit);
                match self.frames.pop() {
                    Some(parent) => frame = parent,
                    None => break,
                }
                continue;
            }
            let Some(&abbrev) = self.abbrevs.get(code) else { return Err("the code of an abbreviation") };
            unit.tally.seen += 1;
            // Most have none.
            if abbrev.has_children {
                child = Frame { what: What::Other, items: self.pending.len(), params: 0, ..frame };
            }
            self.die(cursor, die, &abbrev, &mut frame, &mut child, source, unit)?;
            if abbrev.has_children {
                if self.frames.len() >= MAX_DEPTH {
                    return Err("DIEs that are nested at most 1000 deep");
                }
                self.frames.push(frame);
                frame = child;
            }
        }
        Ok(root)
    }

    /// Takes one DIE, and says in `child` what its children are.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk, in one place")]
    #[inline]
    fn die(
        &mut self,
        cursor: &mut Cursor<'_>,
        die: u32,
        abbrev: &Abbrev,
        frame: &mut Frame,
        child: &mut Frame,
        source: &Source<'_>,
        unit: &mut Unit,
    ) -> Result<(), Expected> {
        let why = match (abbrev.class, frame.what) {
            (Class::Code, _) => {
                (child.what, child.local) = (What::Code, true);
                Some(Skip::Code)
            }
            (Class::Variable | Class::Param | Class::Variadic, What::Code | What::Other)
            | (Class::Variable, What::Function | What::Subroutine) => {
                Some(if abbrev.class == Class::Variadic { Skip::Code } else { Skip::Local })
            }
            (Class::Param, What::Function | What::Subroutine) => None,
            (Class::Import, _) => Some(Skip::Import),
            (Class::Template, _) => Some(Skip::Template),
            (Class::Param | Class::Unit | Class::Other, _) => Some(Skip::Unsupported),
            _ => None,
        };
        if let Some(why) = why {
            unit.tally.skip(why, 1);
            return skip(cursor, self.abbrevs.steps(abbrev.skips), source);
        }
        let steps = self.abbrevs.steps(abbrev.loads);
        let bases = unit.bases;
        self.attrs.load(cursor, steps, &self.abbrevs, source, &bases, &mut unit.externals)?;
        match abbrev.class {
            Class::Member | Class::Inheritance => self.member(abbrev.class, frame, source, unit, child),
            Class::Enumerator => self.enumerator(frame, source, unit),
            Class::Param => self.param(frame, source, unit, child),
            Class::Variadic => match unit.nodes.get_mut(index(frame.node)) {
                Some(node) if matches!(frame.what, What::Function | What::Subroutine) => {
                    node.flags |= flag::VARIADIC;
                    node.dies += 1;
                }
                _ => unit.tally.skip(Skip::Unsupported, 1),
            },
            Class::Subrange if frame.what == What::Array => self.dimension(),
            Class::Enum if frame.what == What::Array => {
                // Ada counts the elements of some arrays by an enumeration.
                unit.tally.skip(Skip::Unsupported, 1);
            }
            Class::Variant if frame.what == What::VariantPart => {
                self.variant(source, &mut unit.wide);
                child.what = What::Variant;
                child.items = frame.items;
            }
            Class::Annotation => self.annotation(frame, unit),
            Class::Namespace => {
                unit.tally.skip(Skip::Scope, 1);
                child.what = What::Scope;
                // C has none: the unit has types of another language, as link-time optimization leaves them.
                if child.lang == Lang::C {
                    child.lang = Lang::Rust;
                }
                child.scope = self.scope(frame.scope, self.attrs.name(Slot::Name), unit)?;
            }
            Class::VariantPart => self.variant_part(die, frame, unit, child),
            class => self.node(die, class, abbrev, frame, source, unit, child)?,
        }
        Ok(())
    }

    fn scope(&self, parent: u32, name: Name, unit: &mut Unit) -> Result<u32, Expected> {
        let at = u32::try_from(unit.scopes.len()).map_err(|_| "fewer namespaces")?;
        unit.scopes.push(Scope { parent, name });
        Ok(at)
    }

    /// A type, function or variable.
    #[expect(clippy::too_many_arguments, reason = "the state of one walk, in one place")]
    #[inline]
    fn node(
        &mut self,
        die: u32,
        class: Class,
        abbrev: &Abbrev,
        frame: &Frame,
        source: &Source<'_>,
        unit: &mut Unit,
        child: &mut Frame,
    ) -> Result<(), Expected> {
        use gimli::constants as dw;
        let attrs = &self.attrs;
        let mut node = Node {
            die,
            kind: Kind::Same,
            lang: frame.lang,
            flags: if frame.local { flag::LOCAL } else { 0 },
            name: attrs.name(Slot::Name),
            scope: frame.scope,
            ty: attrs.reference(Slot::Type),
            size: 0,
            a: 0,
            items: 0,
            items_len: 0,
            dies: 1,
        };
        if let Some(size) = attrs.number(Slot::Size) {
            node.flags |= flag::SIZED;
            match u32::try_from(size) {
                Ok(size) => node.size = size,
                Err(_) => (node.size, node.flags) = (u32::MAX, node.flags | flag::TOO_LARGE),
            }
        }
        let origin = match attrs.reference(Slot::Specification) {
            TypeRef::NONE => attrs.reference(Slot::Origin),
            specification => specification,
        };
        if !origin.is_none() {
            node.flags |= flag::HAS_ORIGIN;
            node.a = origin.0;
        }
        for (slot, bit) in [(Slot::Declaration, flag::DECLARATION), (Slot::External, flag::EXTERNAL)] {
            if attrs.flag(slot) {
                node.flags |= bit;
            }
        }
        child.what = What::Node;
        let mut place = None;
        node.kind = match class {
            Class::Base => {
                node.a = attrs.number(Slot::Encoding).map_or(0, |encoding| halves(encoding).0);
                unit.has_floats |= crate::c::is_float(node.a);
                Kind::Base
            }
            Class::Modifier => match abbrev.tag {
                dw::DW_TAG_pointer_type => Kind::Pointer,
                dw::DW_TAG_reference_type | dw::DW_TAG_rvalue_reference_type => {
                    node.flags |= flag::REFERENCE;
                    Kind::Pointer
                }
                dw::DW_TAG_const_type | dw::DW_TAG_immutable_type => Kind::Const,
                dw::DW_TAG_volatile_type => Kind::Volatile,
                dw::DW_TAG_restrict_type => Kind::Restrict,
                dw::DW_TAG_ptr_to_member_type => Kind::Pointer,
                _ => Kind::Same,
            },
            Class::Subrange => Kind::Same,
            Class::Typedef => Kind::Typedef,
            Class::Composite | Class::Enum => {
                if attrs.has(Slot::Signature) {
                    let to = attrs.reference(Slot::Signature);
                    (node.a, node.flags) = (to.0, node.flags | flag::SIGNATURE);
                }
                match abbrev.tag {
                    dw::DW_TAG_union_type => Kind::Union,
                    dw::DW_TAG_enumeration_type => Kind::Enum,
                    _ => Kind::Struct,
                }
            }
            Class::Array => Kind::Array,
            Class::Subroutine => Kind::Subroutine,
            Class::Subprogram => {
                if attrs.has(Slot::LowPc) || attrs.has(Slot::Ranges) {
                    node.flags |= flag::PLACED;
                }
                if attrs.number(Slot::Inline).is_some_and(|how| how == 1 || how == 3) {
                    node.flags |= flag::INLINED;
                }
                node.size = attrs.name(Slot::LinkageName).0;
                place = match attrs.get(Slot::LowPc) {
                    Some((address, Form::Address)) => Some(address),
                    Some((at, Form::AddressIndex)) => source.sections.indexed_address(
                        unit.bases.addr,
                        at,
                        source.header.encoding.address_size,
                    ),
                    _ => None,
                };
                Kind::Function
            }
            Class::Variable => {
                node.size = attrs.name(Slot::LinkageName).0;
                if let Some((block, Form::Block)) = attrs.get(Slot::Location) {
                    place = expr::address(source.block(block), source, &unit.bases);
                    if place.is_some() {
                        node.flags |= flag::PLACED;
                    }
                }
                Kind::Variable
            }
            Class::Unspecified => Kind::Unspecified,
            _ => {
                unit.tally.skip(Skip::Unsupported, 1);
                child.what = What::Other;
                return Ok(());
            }
        };
        let at = u32::try_from(unit.nodes.len()).map_err(|_| "fewer types")?;
        unit.index.add(die, at);
        if let Some(address) = place {
            unit.places.push((at, address));
        }
        unit.nodes.push(node);
        if abbrev.has_children {
            child.node = at;
            child.what = match class {
                Class::Composite => What::Composite,
                Class::Enum => What::Enum,
                Class::Array => What::Array,
                Class::Subroutine => What::Subroutine,
                Class::Subprogram => What::Function,
                _ => What::Node,
            };
            child.local |= class == Class::Subprogram;
            if matches!(class, Class::Composite | Class::Enum | Class::Subprogram) && frame.lang.has_paths() {
                child.scope = self.scope(frame.scope, node.name, unit)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn member(
        &mut self,
        class: Class,
        frame: &Frame,
        source: &Source<'_>,
        unit: &mut Unit,
        child: &mut Frame,
    ) {
        let attrs = &self.attrs;
        child.what = What::Item;
        // A static member of C++ takes no place in the struct.
        let is_static = attrs.flag(Slot::External) || attrs.flag(Slot::Declaration);
        if is_static || !matches!(frame.what, What::Composite | What::Variant | What::VariantPart) {
            unit.tally.skip(if is_static { Skip::DeclaredVariable } else { Skip::Unsupported }, 1);
            child.what = What::Other;
            return;
        }
        let mut item = Item {
            kind: match (class, frame.what) {
                (Class::Inheritance, _) => ItemKind::Base,
                (_, What::VariantPart) => ItemKind::Discriminant,
                _ => ItemKind::Member,
            },
            bits: 0,
            flags: if attrs.flag(Slot::Artificial) { item_flag::ARTIFICIAL } else { 0 },
            name: attrs.name(Slot::Name),
            ty: attrs.reference(Slot::Type),
            value: 0,
        };
        match attrs.get(Slot::Place) {
            Some((place, Form::Unsigned | Form::Signed)) => match place.checked_mul(8) {
                Some(bits) => item.value = bits,
                None => item.flags |= item_flag::TOO_LARGE,
            },
            Some((block, Form::Block)) => match expr::member_offset(source.block(block)) {
                Some(bytes) if bytes < 1 << 60 => item.value = bytes * 8,
                _ => item.flags |= item_flag::DYNAMIC,
            },
            Some(_) => item.flags |= item_flag::DYNAMIC,
            None => {}
        }
        if let Some(bits) = attrs.number(Slot::BitSize) {
            match u8::try_from(bits) {
                Ok(bits) => item.bits = bits,
                Err(_) => item.flags |= item_flag::TOO_LARGE,
            }
            if let Some(place) = attrs.number(Slot::BitPlace) {
                item.value = item.value.wrapping_add(place);
            } else if let Some(from_top) = attrs.number(Slot::OldBitPlace) {
                if source.sections.big {
                    item.value = item.value.wrapping_add(from_top);
                } else {
                    // Counted from the most significant bit of the storage unit, whose size may be its type's.
                    item.value = item.value.wrapping_sub(from_top.wrapping_add(bits));
                    match attrs.number(Slot::Size) {
                        Some(size) => item.value = item.value.wrapping_add(size.wrapping_mul(8)),
                        None => item.flags |= item_flag::OLD_STORAGE,
                    }
                }
            }
        }
        self.pending.push(item);
    }

    #[inline]
    fn enumerator(&mut self, frame: &Frame, source: &Source<'_>, unit: &mut Unit) {
        if frame.what != What::Enum {
            unit.tally.skip(Skip::Unsupported, 1);
            return;
        }
        let (value, flags) = constant(self.attrs.get(Slot::Const), source, &mut unit.wide);
        if flags & item_flag::NEGATIVE != 0
            && let Some(node) = unit.nodes.get_mut(index(frame.node))
        {
            node.flags |= flag::SIGNED;
        }
        let (name, ty) = (self.attrs.name(Slot::Name), TypeRef::NONE);
        self.pending.push(Item { kind: ItemKind::Enumerator, bits: 0, flags, name, ty, value });
    }

    #[inline]
    fn param(&mut self, frame: &mut Frame, source: &Source<'_>, unit: &mut Unit, child: &mut Frame) {
        let attrs = &self.attrs;
        child.what = What::Item;
        if frame.what == What::Function
            && let Some(node) = unit.nodes.get_mut(index(frame.node))
            && node.flags & flag::PLACED != 0
            && let Some(location) = attrs.get(Slot::Location)
            && self.registers.is_elsewhere(frame.params, location, source, &unit.bases)
        {
            node.flags |= flag::UNEXPECTED_REGISTER;
        }
        frame.params += 1;
        let item = Item {
            kind: ItemKind::Param,
            bits: 0,
            flags: 0,
            name: attrs.name(Slot::Name),
            ty: attrs.reference(Slot::Type),
            value: attrs.reference(Slot::Origin).0.into(),
        };
        self.pending.push(item);
    }

    fn dimension(&mut self) {
        let attrs = &self.attrs;
        let mut item = Item {
            kind: ItemKind::Dimension,
            bits: 0,
            flags: 0,
            name: Name::NONE,
            ty: attrs.reference(Slot::Type),
            value: 0,
        };
        match (attrs.get(Slot::Count), attrs.get(Slot::Upper)) {
            (Some((count, Form::Unsigned | Form::Signed)), _) => item.value = count,
            (None, Some((upper, Form::Unsigned | Form::Signed))) => {
                let lower = attrs.number(Slot::Lower).unwrap_or_default();
                item.value = upper.wrapping_sub(lower).wrapping_add(1);
                // Old compilers write the upper bound of `[0]`, -1, as 4 bytes.
                if upper == 0xffff_ffff && lower == 0 {
                    item.value = 0;
                }
            }
            (None, None) => item.flags |= item_flag::OPEN,
            _ => item.flags |= item_flag::DYNAMIC | item_flag::OPEN,
        }
        self.pending.push(item);
    }

    fn variant_part(&mut self, die: u32, frame: &Frame, unit: &mut Unit, child: &mut Frame) {
        let at = word(unit.nodes.len());
        let owner = match unit.nodes.get_mut(index(frame.node)) {
            Some(node) if frame.what == What::Composite => node,
            _ => {
                unit.tally.skip(Skip::Unsupported, 1);
                return;
            }
        };
        owner.flags |= flag::VARIANTS;
        // Only Rust writes these, wherever they end up.
        if owner.lang == Lang::C {
            owner.lang = Lang::Rust;
        }
        let node = Node {
            die,
            kind: Kind::VariantPart,
            lang: owner.lang,
            flags: 0,
            name: Name::NONE,
            scope: frame.scope,
            ty: self.attrs.reference(Slot::Type),
            size: 0,
            a: self.attrs.reference(Slot::Discr).0,
            items: 0,
            items_len: 0,
            dies: 0,
        };
        unit.index.add(die, at);
        unit.nodes.push(node);
        self.pending.push(Item {
            kind: ItemKind::VariantPart,
            bits: 0,
            flags: 0,
            name: Name::NONE,
            ty: TypeRef(die),
            value: 0,
        });
        (child.what, child.node, child.items) = (What::VariantPart, at, self.pending.len());
    }

    fn variant(&mut self, source: &Source<'_>, wide: &mut Vec<u128>) {
        let (value, flags) = match self.attrs.get(Slot::DiscrValue) {
            None => (0, item_flag::DEFAULT),
            some => constant(some, source, wide),
        };
        let (name, ty) = (Name::NONE, TypeRef::NONE);
        self.pending.push(Item { kind: ItemKind::Variant, bits: 0, flags, name, ty, value });
    }

    fn annotation(&mut self, frame: &Frame, unit: &mut Unit) {
        let value = match self.attrs.get(Slot::Const) {
            Some((name, Form::Name)) => TypeRef(halves(name).0),
            _ => TypeRef::NONE,
        };
        let takes = !matches!(frame.what, What::Other | What::Code | What::Scope);
        let owner = unit.nodes.get_mut(index(frame.node)).filter(|_| takes && !value.is_none());
        let Some(owner) = owner else {
            unit.tally.skip(Skip::Unsupported, 1);
            return;
        };
        owner.flags |= flag::ANNOTATED;
        let name = self.attrs.name(Slot::Name);
        // Of an item: which one of its frame's, from 1.
        let of = if frame.what == What::Item {
            let below = self.frames.last().map_or(0, |frame| frame.items);
            let is_part = |item: &&Item| !matches!(item.kind, ItemKind::Annotation);
            self.pending.get(below..).unwrap_or_default().iter().filter(is_part).count()
        } else {
            0
        };
        let value_of = u64::try_from(of).unwrap_or_default();
        self.pending.push(Item {
            kind: ItemKind::Annotation,
            bits: 0,
            flags: 0,
            name,
            ty: value,
            value: value_of,
        });
    }

    /// Ends a DIE: gives the node its items.
    #[inline]
    fn close(&mut self, frame: &Frame, unit: &mut Unit) {
        let owns = matches!(
            frame.what,
            What::Composite
                | What::Enum
                | What::Array
                | What::Subroutine
                | What::Function
                | What::VariantPart
                | What::Node
        );
        if !owns || self.pending.len() == frame.items {
            return;
        }
        if let Some(node) = unit.nodes.get_mut(index(frame.node)) {
            node.items = word(unit.items.len());
            node.items_len = word(self.pending.len() - frame.items);
            node.dies += node.items_len;
        }
        unit.items.extend_from_slice(&self.pending[frame.items..]);
        self.pending.truncate(frame.items);
    }
}

/// The value of a constant, and what has to be said about it.
fn constant(value: Option<(u64, Form)>, source: &Source<'_>, wide: &mut Vec<u128>) -> (u64, u16) {
    let block = match value {
        Some((value, Form::Signed)) if value.cast_signed() < 0 => return (value, item_flag::NEGATIVE),
        Some((value, Form::Unsigned | Form::Signed)) => return (value, 0),
        Some((at, Form::Wide)) => at | 16 << 32,
        Some((block, Form::Block)) => block,
        _ => return (0, item_flag::TOO_LARGE),
    };
    let bytes = source.block(block);
    if bytes.len() > 16 {
        return (0, item_flag::TOO_LARGE);
    }
    let add = |word: u128, &byte: &u8| word << 8 | u128::from(byte);
    let all = if source.sections.big { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) };
    u64::try_from(all).map_or_else(
        |_| {
            wide.push(all);
            (u64::try_from(wide.len() - 1).unwrap_or(u64::MAX), item_flag::TOO_LARGE | item_flag::WIDE)
        },
        |value| (value, 0),
    )
}

/// Reads the bases alone, of a unit whose strings cannot be read without.
fn scan_bases(
    mut cursor: Cursor<'_>,
    steps: &[crate::abbrev::Step],
    abbrevs: &Abbrevs,
    source: &Source<'_>,
    unit: &mut Unit,
) -> Result<(), Expected> {
    use crate::abbrev::{NO_SLOT, Op};
    let is_base = |slot: u8| {
        [Slot::StrOffsetsBase, Slot::AddrBase, Slot::LocListsBase].iter().any(|&base| base as u8 == slot)
    };
    let kept: Vec<crate::abbrev::Step> = steps
        .iter()
        .filter(|step| is_base(step.slot) || step.op as u8 >= Op::ULeb as u8)
        .map(|step| crate::abbrev::Step {
            slot: if is_base(step.slot) { step.slot } else { NO_SLOT },
            ..*step
        })
        .collect();
    let mut attrs = Attrs::new();
    let mut externals: Vec<External> = Vec::new();
    let bases = unit.bases;
    attrs.load(&mut cursor, &kept, abbrevs, source, &bases, &mut externals)?;
    unit.bases.str_offsets = attrs.number(Slot::StrOffsetsBase).unwrap_or(unit.bases.str_offsets);
    unit.bases.addr = attrs.number(Slot::AddrBase).unwrap_or(unit.bases.addr);
    unit.bases.loclists = attrs.number(Slot::LocListsBase).unwrap_or(unit.bases.loclists);
    Ok(())
}

fn malformed(source: &Source<'_>, cursor: &Cursor<'_>, expected: Expected) -> Error {
    Error::Malformed {
        section: source.header.section.name(),
        offset: u64::try_from(cursor.pos()).unwrap_or(u64::MAX),
        found: format!("a DIE of the unit at {:#x} that is not readable", source.header.start),
        expected,
    }
}
