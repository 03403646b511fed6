//! Types as text.
//!
//! A type is told in two ways. *By name* is what stands behind a pointer: `struct page`, and a `Link` says which of
//! that name is meant. *By value* is what stands in a member: `struct page#1f3a…`, where the number depends on
//! everything that the type holds by value, so that two types of one text have one layout, down to the last bit.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use super::Error;
use super::node::{Composite, Enumeration, Function, Kind, Node, Source, Variants, is_primitive};

/// A type's text, and the types that it only names.
#[derive(Debug, Clone)]
pub struct Text<I> {
    /// One line.
    pub text: String,
    /// In the order of the text.
    pub links: Vec<I>,
}

impl<I> Default for Text<I> {
    fn default() -> Text<I> {
        Text { text: String::new(), links: Vec::new() }
    }
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// Nothing but a declaration.
    Declared,
    /// A type of this text.
    Defined(u64),
}

/// How deep types may be nested.
const DEPTH: usize = 500;

type ByName<I> = HashMap<I, Rc<Text<I>>>;

/// Writes types of a source.
pub struct Describe<'s, S: Source> {
    source: &'s S,
    by_name: RefCell<ByName<S::Id>>,
    by_value: RefCell<HashMap<S::Id, u64>>,
}

impl<'s, S: Source> Describe<'s, S> {
    /// With nothing written yet.
    pub fn new(source: &'s S) -> Self {
        Describe { source, by_name: RefCell::default(), by_value: RefCell::default() }
    }

    /// Forgets what was written, to have its memory back.
    pub fn forget(&self) {
        self.by_name.borrow_mut().clear();
        self.by_value.borrow_mut().clear();
    }

    /// What a type is by name.
    ///
    /// # Errors
    ///
    /// If a type cannot be read, or holds itself.
    pub fn by_name(&self, id: Option<S::Id>) -> Result<Rc<Text<S::Id>>, Error> {
        self.named(id, 0)
    }

    /// What a whole type says: the text of its parts.
    ///
    /// # Errors
    ///
    /// If a type cannot be read, or holds itself.
    pub fn whole(&self, id: S::Id) -> Result<Text<S::Id>, Error> {
        let node = self.source.node(id)?;
        self.whole_node(&node, 0)
    }

    /// What a name leads to.
    ///
    /// # Errors
    ///
    /// If a type cannot be read, or holds itself.
    pub fn target(&self, id: S::Id) -> Result<Target, Error> {
        let mut end = id;
        for _ in 0..DEPTH {
            match self.source.node(end)? {
                Node::Declared(..) => return Ok(Target::Declared),
                Node::Enum(enumeration) if enumeration.values.is_empty() => return Ok(Target::Declared),
                Node::Typedef(_, Some(next)) | Node::Modified(_, Some(next)) | Node::Array(Some(next), _) => {
                    end = next
                }
                _ => break,
            }
        }
        Ok(Target::Defined(self.hash(id, 0)?))
    }

    fn whole_node(&self, node: &Node<S::Id>, depth: usize) -> Result<Text<S::Id>, Error> {
        match node {
            Node::Composite(composite) => self.composite(composite, depth),
            Node::Enum(enumeration) => Ok(Text { text: constants(enumeration), links: Vec::new() }),
            Node::Typedef(name, inner) => {
                let inner = self.named(*inner, depth + 1)?;
                Ok(Text { text: format!("typedef {name} = {}", inner.text), links: inner.links.clone() })
            }
            other => Err(Error::Wrong(format!("{other:?} is no composite type"))),
        }
    }

    fn composite(&self, composite: &Composite<S::Id>, depth: usize) -> Result<Text<S::Id>, Error> {
        let Composite { kind, name, size, members, variants, tags } = composite;
        let mut out = Text { text: format!("{kind} {name} {size}"), links: Vec::new() };
        for tag in tags {
            out.text += &format!(" [{tag}]");
        }
        let mut lines = Vec::new();
        for member in members {
            let ty = self.valued(member.ty, depth + 1)?;
            let mut line = format!("\n  @{}", member.bit_offset);
            if let Some(bits) = member.bits {
                line += &format!(":{bits}");
            }
            let ty_text = if member.open { format!("array({}, 0)", ty.text) } else { ty.text };
            line += &format!(" {}: {ty_text}", member.name);
            for tag in &member.tags {
                line += &format!(" [{tag}]");
            }
            lines.push((member.bit_offset, line, ty.links));
        }
        if *kind == Kind::Struct {
            // Members without size share their place with others; their order says nothing.
            lines.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        }
        for (_, line, links) in lines {
            out.text += &line;
            out.links.extend(links);
        }
        if let Some(variants) = variants {
            self.variants(variants, &mut out, depth)?;
        }
        Ok(out)
    }

    fn variants(&self, variants: &Variants<S::Id>, out: &mut Text<S::Id>, depth: usize) -> Result<(), Error> {
        match variants.discriminant {
            Some((offset, size)) => out.text += &format!("\n  discriminant @{offset} {size}"),
            None => out.text += "\n  no discriminant",
        }
        for variant in &variants.list {
            let ty = self.valued(variant.ty, depth + 1)?;
            let value = variant.value.map_or("any other".to_owned(), |value| format!("{value:#x}"));
            write!(out.text, "\n  variant @{} {} = {value}: {}", variant.bit_offset, variant.name, ty.text)
                .unwrap_or_else(|_| unreachable!("strings take everything"));
            out.links.extend(ty.links);
        }
        Ok(())
    }

    /// By name.
    fn named(&self, id: Option<S::Id>, depth: usize) -> Result<Rc<Text<S::Id>>, Error> {
        let Some(id) = id else { return Ok(Rc::new(Text { text: "void".to_owned(), links: Vec::new() })) };
        if let Some(text) = self.by_name.borrow().get(&id) {
            return Ok(Rc::clone(text));
        }
        let text = Rc::new(self.text(id, depth, false)?);
        self.by_name.borrow_mut().insert(id, Rc::clone(&text));
        Ok(text)
    }

    /// By value.
    fn valued(&self, id: Option<S::Id>, depth: usize) -> Result<Text<S::Id>, Error> {
        match id {
            None => Ok(Text { text: "void".to_owned(), links: Vec::new() }),
            Some(id) => self.text(id, depth, true),
        }
    }

    fn inner(&self, id: Option<S::Id>, depth: usize, by_value: bool) -> Result<Text<S::Id>, Error> {
        if by_value { self.valued(id, depth + 1) } else { Ok((*self.named(id, depth + 1)?).clone()) }
    }

    fn text(&self, id: S::Id, depth: usize, by_value: bool) -> Result<Text<S::Id>, Error> {
        if depth > DEPTH {
            return Err(Error::Wrong(format!("types are nested too deeply at {id:?}")));
        }
        let by_kind = |kind: Kind, name: &str| -> Result<Text<S::Id>, Error> {
            Ok(if by_value {
                Text { text: format!("{kind} {name}#{:016x}", self.hash(id, depth + 1)?), links: Vec::new() }
            } else {
                Text { text: format!("{kind} {name}"), links: vec![id] }
            })
        };
        if let Some((kind, name)) = self.source.head(id)? {
            return by_kind(kind, &name);
        }
        let node = self.source.node(id)?;
        let around = |before: &str, inner: Text<S::Id>, after: &str| Text {
            text: format!("{before}{}{after}", inner.text),
            links: inner.links,
        };
        Ok(match &node {
            Node::Void => Text { text: "void".to_owned(), links: Vec::new() },
            Node::Base(base) => Text { text: format!("{}/{}", base.name, base.size), links: Vec::new() },
            Node::Pointer(to, tags) => {
                let tags: String = tags.iter().map(|tag| format!("[{tag}] ")).collect();
                around(&format!("ptr({tags}"), self.inner(*to, depth, false)?, ")")
            }
            Node::Modified(how, inner) => {
                around(&format!("{how} "), self.inner(*inner, depth, by_value)?, "")
            }
            Node::Tagged(tag, inner) => {
                around(&format!("[{tag}] "), self.inner(*inner, depth, by_value)?, "")
            }
            Node::Typedef(name, inner) => match self.primitive(name, *inner)? {
                Some(size) => Text { text: format!("{name}/{size}"), links: Vec::new() },
                None => by_kind(Kind::Typedef, name)?,
            },
            Node::Array(elem, counts) => {
                let mut text = self.inner(*elem, depth, by_value)?;
                for count in counts.iter().rev() {
                    text = around("array(", text, &format!(", {count})"));
                }
                text
            }
            Node::Function(function) => self.function(function, depth)?,
            Node::Composite(composite) if composite.name.is_empty() => {
                let whole = self.composite(composite, depth + 1)?;
                Text { text: format!("{{{}}}", whole.text.replace('\n', ";")), links: whole.links }
            }
            Node::Composite(composite) => by_kind(composite.kind, &composite.name)?,
            Node::Enum(enumeration) if enumeration.name.is_empty() => {
                Text { text: format!("{{{}}}", constants(enumeration).replace('\n', ";")), links: Vec::new() }
            }
            Node::Enum(enumeration) if enumeration.values.is_empty() => {
                Text { text: format!("{} {}", Kind::Enum, enumeration.name), links: vec![id] }
            }
            Node::Enum(enumeration) => by_kind(Kind::Enum, &enumeration.name)?,
            Node::Declared(kind, name) => Text { text: format!("{kind} {name}"), links: vec![id] },
        })
    }

    fn function(&self, function: &Function<S::Id>, depth: usize) -> Result<Text<S::Id>, Error> {
        let mut out = Text { text: "fn(".to_owned(), links: Vec::new() };
        let mut add = |text: &str, links: &[S::Id]| {
            out.text += text;
            out.links.extend(links);
        };
        for (index, (_, ty)) in function.params.iter().enumerate() {
            let ty = self.named(*ty, depth + 1)?;
            add(if index > 0 { ", " } else { "" }, &[]);
            add(&ty.text, &ty.links);
        }
        if function.variadic {
            add(if function.params.is_empty() { "..." } else { ", ..." }, &[]);
        }
        let ret = self.named(function.ret, depth + 1)?;
        add(") -> ", &[]);
        add(&ret.text, &ret.links);
        Ok(out)
    }

    /// If this is a number under a name that Rust has for numbers, its size. C's and Rust's may be one type in BTF.
    fn primitive(&self, name: &str, inner: Option<S::Id>) -> Result<Option<u64>, Error> {
        if !is_primitive(name) {
            return Ok(None);
        }
        let mut next = inner;
        for _ in 0..DEPTH {
            let Some(id) = next else { return Ok(None) };
            match self.source.node(id)? {
                Node::Base(base) => return Ok(Some(base.size)),
                Node::Typedef(_, inner) => next = inner,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// A number for everything that a type holds by value.
    fn hash(&self, id: S::Id, depth: usize) -> Result<u64, Error> {
        if depth > DEPTH {
            return Err(Error::Wrong(format!("a type holds itself at {id:?}")));
        }
        if let Some(hash) = self.by_value.borrow().get(&id) {
            return Ok(*hash);
        }
        let node = self.source.node(id)?;
        let hash = match &node {
            Node::Composite(composite) => fnv(&self.composite(composite, depth + 1)?.text),
            Node::Enum(enumeration) => fnv(&constants(enumeration)),
            Node::Typedef(name, inner) => {
                fnv(&format!("typedef {name} = {}", self.valued(*inner, depth + 1)?.text))
            }
            _ => fnv(&self.text(id, depth + 1, true)?.text),
        };
        self.by_value.borrow_mut().insert(id, hash);
        Ok(hash)
    }
}

fn constants(enumeration: &Enumeration) -> String {
    let mut text = format!("{} {} {}", Kind::Enum, enumeration.name, enumeration.size);
    for (name, value) in &enumeration.values {
        text += &format!("\n  {name} = {value}");
    }
    text
}

/// A number for a text: the same on every machine, so that reports can be compared.
#[must_use]
pub fn fnv(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}
