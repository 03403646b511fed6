//! Layouts of the types of a set.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

use crate::btf::Btf;
use crate::layout::gaps::{self, Span};
use crate::layout::names::{self, NAME_TAG, Names};
use crate::layout::{Constant, DECL_TAG, Decl, Layout, Member, Sort, Ty, Variant, Variants};
use crate::mangle;
use crate::types::{self, Composite, DeclTag, FwdKind, StrRef, Type, TypeId};

/// Makes layouts of the types of a set.
#[derive(Debug)]
pub struct Reader<'a> {
    btf: &'a Btf,
    names: Names,
    expand: bool,
    /// How many members may still be told for the type that is asked for, which a small input may have contain others
    /// without end.
    budget: Cell<usize>,
    /// The types that are being told, from the outside in: none of them is in itself.
    open: RefCell<Vec<TypeId>>,
    is_rust: OnceCell<bool>,
    tags: OnceCell<HashMap<TypeId, Vec<Tag>>>,
    /// What is known of structs and unions: their alignment, and what is unused at their end, in bytes.
    known: RefCell<HashMap<TypeId, Known>>,
}

/// The member that a tag is about, and its text.
type Tag = (Option<u32>, StrRef);

#[derive(Debug, Clone, Copy)]
struct Known {
    align: u64,
    packed: bool,
    padding: u64,
}

/// How many members of nested types one type may have.
const BUDGET: usize = 1 << 16;

/// How deep types may be inside of each other, or made of each other.
const MAX_DEPTH: usize = 48;

/// How many typedefs and qualifiers are followed.
const MAX_CHAIN: usize = 1024;

/// What the encoder calls the member that tells an enumeration's variants apart.
const DISCRIMINANT: &str = "__discr";

/// How the text of a tag begins that tells which variant has all values that no other has.
const DEFAULT_TAG: &str = "rust:default";

impl<'a> Reader<'a> {
    /// Makes layouts with Rust names, and without the members of types that have a name.
    #[must_use]
    pub fn new(btf: &'a Btf) -> Reader<'a> {
        Reader {
            btf,
            names: Names::default(),
            expand: false,
            budget: Cell::new(0),
            open: RefCell::default(),
            is_rust: OnceCell::new(),
            tags: OnceCell::new(),
            known: RefCell::default(),
        }
    }

    /// Shows names like this.
    #[must_use]
    pub fn names(mut self, names: Names) -> Reader<'a> {
        self.names = names;
        self
    }

    /// Shows the members of structs and unions that are members themselves.
    #[must_use]
    pub fn expand(mut self, expand: bool) -> Reader<'a> {
        self.expand = expand;
        self
    }

    /// The layout of a struct, union or enumeration, or of the one that a typedef leads to; `None` of another type.
    #[must_use]
    pub fn read(&self, id: TypeId) -> Option<Layout> {
        self.budget.set(BUDGET);
        let target = self.btf.resolve(id)?;
        self.open.replace(vec![target]);
        let mut layout = self.layout(target, 0)?;
        if target != id {
            layout.typedef = Some(self.shown(id));
        }
        layout.decl = self.tag_of(id, None, DECL_TAG).and_then(|at| Decl::of_tag(self.btf.string(at)));
        Some(layout)
    }

    fn layout(&self, id: TypeId, depth: usize) -> Option<Layout> {
        let ty = self.btf.ty(id);
        let (sort, size) = match ty {
            Type::Struct(Composite { size, .. }) => (Sort::Struct, size),
            Type::Union(Composite { size, .. }) => (Sort::Union, size),
            Type::Enum(e) | Type::Enum64(e) => (Sort::Enum, e.size),
            _ => return None,
        };
        let mut layout = Layout {
            sort,
            name: self.shown(id),
            typedef: None,
            size: size.into(),
            packed: false,
            members: Vec::new(),
            constants: Vec::new(),
            variants: None,
            decl: None,
        };
        match ty {
            Type::Enum(e) | Type::Enum64(e) => {
                let constant = |value: &types::Enumerator| Constant {
                    name: self.btf.string(value.name).to_owned(),
                    value: e.number(value),
                };
                layout.constants = e.values.iter().map(constant).collect();
            }
            _ => match self.variants(id, depth) {
                Some(variants) => (layout.sort, layout.variants) = (Sort::Enum, Some(variants)),
                None => {
                    layout.packed = self.known(id, 0).packed;
                    layout.members = self.members(id, depth);
                }
            },
        }
        Some(layout)
    }

    fn members(&self, id: TypeId, depth: usize) -> Vec<Member> {
        let members = self.btf.ty(id).members().unwrap_or_default();
        let left = self.budget.get();
        self.budget.set(left.saturating_sub(members.len()));
        let mut members: Vec<Member> =
            members.iter().take(left).map(|member| self.member(member, depth)).collect();
        // Compilers of Rust place members as they like, and tell of them in the order of the source.
        members.sort_by_key(|member| member.bit_offset);
        members
    }

    fn member(&self, member: &types::Member, depth: usize) -> Member {
        let span = self.span(member);
        let resolved = self.btf.resolve(member.ty).unwrap_or_default();
        let padding = match self.btf.ty(resolved) {
            Type::Struct(_) => self.known(resolved, 0).padding,
            _ => 0,
        };
        let (ty, place) = self.ty(member.ty, 0);
        let is_open = |id: &TypeId| self.open.borrow().contains(id);
        let nested = place.filter(|id| depth < MAX_DEPTH && self.budget.get() > 0 && !is_open(id));
        let nested = nested.and_then(|id| {
            self.open.borrow_mut().push(id);
            let layout = self.layout(id, depth + 1);
            self.open.borrow_mut().pop();
            layout.map(Box::new)
        });
        Member {
            name: self.btf.string(member.name).to_owned(),
            ty,
            bit_offset: span.bit_offset,
            size: span.size,
            bit_size: span.bit_size,
            nested,
            padding,
        }
    }

    fn span(&self, member: &types::Member) -> Span {
        let size = self.btf.size_of(member.ty).unwrap_or_default();
        let (mut offset, mut bits) = (u64::from(member.bit_offset), u64::from(member.bitfield_size));
        // Old compilers have a type for each bit-field.
        if bits == 0
            && let Type::Int(int) = self.btf.resolved(member.ty)
            && (int.offset != 0 || u64::from(int.bits) < 8 * size.min(16))
        {
            (offset, bits) = (offset + u64::from(int.offset), int.bits.into());
        }
        Span { bit_offset: offset, size, bit_size: (bits != 0).then_some(bits) }
    }

    /// The type as text, and the struct, union or enumeration in it whose layout is to be shown in its place.
    fn ty(&self, id: TypeId, depth: usize) -> (Ty, Option<TypeId>) {
        if depth > MAX_DEPTH {
            return (Ty::void(), None);
        }
        let wrapped = |inner, wrap: fn(Box<Ty>) -> Ty| {
            let (ty, place) = self.ty(inner, depth + 1);
            (wrap(Box::new(ty)), place)
        };
        let word = match self.btf.ty(id) {
            Type::Ptr(to) => {
                let (ty, place) = self.ty(to, depth + 1);
                // What has a name is not expanded behind a pointer.
                let place = place.filter(|_| is_nested(&ty));
                Some((Ty::Pointer(Box::new(ty)), place))
            }
            Type::Const(inner) => Some(wrapped(inner, |ty| Ty::Qualified("const", ty))),
            Type::Volatile(inner) => Some(wrapped(inner, |ty| Ty::Qualified("volatile", ty))),
            Type::Restrict(inner) => Some(wrapped(inner, |ty| Ty::Qualified("restrict", ty))),
            Type::TypeTag(tag) => Some(self.ty(tag.ty, depth + 1)),
            Type::Array(array) => {
                let (ty, place) = self.ty(array.elem, depth + 1);
                Some((Ty::Array(Box::new(ty), array.len.into()), place))
            }
            Type::FuncProto(proto) => {
                let params = &proto.params[..proto.params.len() - usize::from(proto.is_variadic())];
                let left = self.budget.get();
                self.budget.set(left.saturating_sub(params.len()));
                let ret = Box::new(self.ty(proto.ret, depth + 1).0);
                let params = params.iter().take(left).map(|param| self.ty(param.ty, depth + 1).0).collect();
                Some((Ty::Function { ret, params, variadic: proto.is_variadic() }, None))
            }
            _ => None,
        };
        word.unwrap_or_else(|| self.base(id))
    }

    fn base(&self, id: TypeId) -> (Ty, Option<TypeId>) {
        let word = match self.btf.ty(id) {
            Type::Struct(_) | Type::Fwd(FwdKind::Struct) => "struct ",
            Type::Union(_) | Type::Fwd(FwdKind::Union) => "union ",
            Type::Enum(_) | Type::Enum64(_) => "enum ",
            Type::Int(_) | Type::Float { .. } | Type::Typedef(_) => "",
            _ => return (Ty::void(), None),
        };
        let place = |id: TypeId| matches!(self.btf.ty(id), Type::Struct(_) | Type::Union(_)).then_some(id);
        if self.btf.name_ref(id) == StrRef::EMPTY {
            return (Ty::Nested, Some(id));
        }
        let shown = self.shown(id);
        // In Rust the words are no part of a type.
        let name = if shown == self.btf.name(id) { format!("{word}{shown}") } else { shown };
        let place = if self.expand { self.btf.resolve(id).and_then(place) } else { None };
        (Ty::Name(name), place)
    }

    /// The name as it is to be shown.
    fn shown(&self, id: TypeId) -> String {
        let name = self.btf.name(id);
        if self.names == Names::Mangled {
            return name.to_owned();
        }
        if let Some(exact) = self.tag(id, None, NAME_TAG) {
            return exact.to_owned();
        }
        // What C has of such names begins with underscores, and Rust has none like that.
        let may_be_rust = !name.starts_with("__")
            && name.as_bytes().windows(2).any(|pair| pair[0] == b'_' && !pair[1].is_ascii_lowercase());
        if may_be_rust && *self.is_rust.get_or_init(|| names::is_rust(self.btf)) {
            return mangle::decode(name);
        }
        name.to_owned()
    }

    /// What follows in the text of a tag that begins like that.
    fn tag(&self, id: TypeId, component: Option<u32>, start: &str) -> Option<&'a str> {
        self.btf.string(self.tag_of(id, component, start)?).strip_prefix(start)
    }

    /// The text of a tag that begins like that.
    fn tag_of(&self, id: TypeId, component: Option<u32>, start: &str) -> Option<StrRef> {
        let tags = self.tags.get_or_init(|| {
            let mut tags: HashMap<TypeId, Vec<Tag>> = HashMap::new();
            for id in names::all(self.btf) {
                if let Type::DeclTag(DeclTag { target, component, .. }) = self.btf.ty(id) {
                    let at = self.btf.name_ref(id);
                    if ["rust:", DECL_TAG].contains(&self.btf.string_prefix(at, 5)) {
                        tags.entry(target).or_default().push((component, at));
                    }
                }
            }
            tags
        });
        let of = tags.get(&id)?.iter().filter(|(of, _)| *of == component);
        of.map(|&(_, at)| at).find(|&at| self.btf.string_prefix(at, start.len()) == start)
    }

    /// The variants of a struct that is an enumeration with data: it has one member, an anonymous union of an anonymous
    /// struct with the discriminant, and of a member for each variant.
    fn variants(&self, id: TypeId, depth: usize) -> Option<Variants> {
        let [outer] = self.btf.ty(id).members()? else { return None };
        let Type::Struct(_) = self.btf.ty(id) else { return None };
        let Type::Union(union) = self.btf.ty(outer.ty) else { return None };
        let [first, variants @ ..] = union.members else { return None };
        if outer.name != StrRef::EMPTY || outer.bit_offset != 0 || first.name != StrRef::EMPTY {
            return None;
        }
        let Type::Struct(Composite { members: [discriminant], .. }) = self.btf.ty(first.ty) else {
            return None;
        };
        if !self.btf.string_is(discriminant.name, DISCRIMINANT) {
            return None;
        }
        let constants = match self.btf.resolved(discriminant.ty) {
            Type::Enum(e) | Type::Enum64(e) => Some(e),
            _ => None,
        };
        let default = (1..union.members.len()).find(|&i| {
            let index = u32::try_from(i).ok();
            index.is_some() && self.tag(outer.ty, index, DEFAULT_TAG).is_some()
        });
        let mut values = constants
            .map(|e| e.values.iter().map(move |value| (self.btf.string(value.name), e.number(value))));
        let mut values: HashMap<&str, i128> =
            values.as_mut().map(|values| values.collect()).unwrap_or_default();
        let list = variants.iter().zip(1..).map(|(variant, i)| {
            let name = self.btf.string(variant.name);
            let members = match self.btf.resolve(variant.ty) {
                Some(id) if self.budget.get() > 0 && depth < MAX_DEPTH => self.members(id, depth + 1),
                _ => Vec::new(),
            };
            let value = values.remove(name).filter(|_| default != Some(i));
            Variant { name: name.to_owned(), value, members }
        });
        let list = list.collect();
        let mut discriminant = self.member(discriminant, depth);
        if let Some(e) = constants {
            // The enumeration is the encoder's; in the program it is a number.
            let bits = 8 * u64::from(e.size);
            discriminant.ty = Ty::Name(format!("{}{bits}", if e.signed { 'i' } else { 'u' }));
        }
        Some(Variants { discriminant: Some(discriminant), list })
    }

    fn known(&self, id: TypeId, depth: usize) -> Known {
        if let Some(&known) = self.known.borrow().get(&id) {
            return known;
        }
        let unknown = Known { align: 1, packed: false, padding: 0 };
        let (sort, composite) = match self.btf.ty(id) {
            Type::Struct(composite) => (Sort::Struct, composite),
            Type::Union(composite) => (Sort::Union, composite),
            _ => return unknown,
        };
        if depth > MAX_DEPTH {
            return unknown;
        }
        // A type that contains itself is not asked again.
        self.known.borrow_mut().insert(id, unknown);
        let size = u64::from(composite.size);
        let mut align = 1;
        let mut packed = false;
        for member in composite.members {
            let span = self.span(member);
            let own = self.align(member.ty, depth + 1);
            align = own.max(align);
            packed |= match span.bit_size {
                None => !span.bit_offset.is_multiple_of(8 * own),
                Some(bits) => span.bit_offset - span.unit() + bits > 8 * span.size,
            };
        }
        packed |= !size.is_multiple_of(align);
        let mut spans: Vec<Span> = composite.members.iter().map(|member| self.span(member)).collect();
        spans.sort_by_key(|span| span.bit_offset);
        let gaps = gaps::of(sort, size, spans.into_iter());
        let known = Known { align: if packed { 1 } else { align }, packed, padding: gaps.end.bytes };
        self.known.borrow_mut().insert(id, known);
        known
    }

    fn align(&self, mut id: TypeId, depth: usize) -> u64 {
        for _ in 0..MAX_CHAIN {
            match self.btf.ty(id) {
                Type::Array(array) => id = array.elem,
                Type::Struct(_) | Type::Union(_) => return self.known(id, depth).align,
                other => match other.modified() {
                    Some(inner) => id = inner,
                    None => break,
                },
            }
        }
        let size = self.btf.size_of(id).unwrap_or_default();
        if size.is_power_of_two() { size.min(16) } else { 1 }
    }
}

/// Whether a type without a name is at the end of pointers and qualifiers.
fn is_nested(mut ty: &Ty) -> bool {
    loop {
        match ty {
            Ty::Nested => return true,
            Ty::Pointer(inner) | Ty::Qualified(_, inner) | Ty::Array(inner, _) => ty = inner,
            Ty::Name(_) | Ty::Function { .. } => return false,
        }
    }
}
