//! Types as a C header.
//!
//! `names` finds out what each type is called; `order` walks from each type to what it needs, and has it written after
//! that; `define` and `declare` write it; `place` decides on padding and attributes, so that each member is where BTF
//! has it; `shape` knows the size and alignment of what has been written; `asserts` has the compiler check all that.

mod asserts;
mod declare;
mod define;
mod names;
mod order;
mod place;
mod shape;

use std::io;

use self::asserts::Asserts;
use self::declare::Part;
use self::names::{Names, Space};
use self::order::{Node, State};
use self::shape::Shape;
use crate::btf::Btf;
use crate::bytes::index;
use crate::dump::out::Out;
use crate::types::{Linkage, StrRef, Type, TypeId};

/// A C header that defines types, to be [written](Header::write).
///
/// The header compiles with clang and gcc for 64-bit machines, and each type in it has the layout that BTF says, to the
/// last byte, whatever attributes the source had. For BPF it asks clang for CO-RE relocations, unless
/// `BPF_NO_PRESERVE_ACCESS_INDEX` is defined.
///
/// What has no name in C, or one that is taken, gets another: `name___2` for the second `name`, so that CO-RE finds it,
/// and what [`mangle::encode`](crate::mangle::encode) makes of names of other languages.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, dump};
///
/// let mut types = Btf::builder();
/// let int = types.int("int", 4, IntEncoding::Signed);
/// let members = [types.member("tag", int, 0), types.member("value", int, 64)];
/// types.structure("sample", 12, &members);
/// let btf = types.build()?;
///
/// let mut text = Vec::new();
/// dump::Header::new(&btf).write(btf.ids(), &mut text)?;
/// assert!(String::from_utf8(text)?.contains("struct sample {\n\tint tag;\n\tint: 32;\n\tint value;\n};\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Header<'a> {
    btf: &'a Btf,
    asserts: bool,
    symbols: bool,
}

impl<'a> Header<'a> {
    /// A header of a set's types.
    #[must_use]
    pub fn new(btf: &'a Btf) -> Header<'a> {
        Header { btf, asserts: false, symbols: false }
    }

    /// Adds a `_Static_assert` for the size of each type and the offset of each member; bit-fields have none.
    #[must_use]
    pub fn asserts(self, asserts: bool) -> Header<'a> {
        Header { asserts, ..self }
    }

    /// Declares functions and variables too, where their ids are asked for.
    #[must_use]
    pub fn symbols(self, symbols: bool) -> Header<'a> {
        Header { symbols, ..self }
    }

    /// Writes the types of these ids and all that they need.
    ///
    /// # Errors
    ///
    /// If the text cannot be written.
    pub fn write(&self, ids: impl IntoIterator<Item = TypeId>, to: &mut dyn io::Write) -> io::Result<()> {
        let flat = self.btf.base().map(|_| self.btf.flatten());
        let btf = flat.as_ref().unwrap_or(self.btf);
        let mut printer = Printer::new(btf, self.asserts, to);
        printer.start();
        let used = used(btf);
        let mut constants = Vec::new();
        for id in ids {
            match btf.ty(id) {
                // A number that nothing uses but as the index of an array.
                Type::Int(_) | Type::Float { .. } if !self.symbols => continue,
                _ => printer.visit(id)?,
            }
            match btf.ty(id) {
                Type::Enum(_) | Type::Enum64(_) if btf.name_ref(id) == StrRef::EMPTY => {
                    if used[index(id.0)] {
                        constants.push(id)
                    } else {
                        printer.constants(&[id])?
                    }
                }
                Type::Func(_) | Type::Var(_) if self.symbols => printer.symbol(id)?,
                _ => {}
            }
        }
        // What uses these was not asked for.
        printer.constants(&constants)?;
        printer.end()
    }
}

/// By id: whether another type refers to it.
fn used(btf: &Btf) -> Vec<bool> {
    let mut used = vec![false; index(btf.count()).saturating_add(1)];
    for (_, ty) in btf.iter() {
        ty.references(|id, _, _| {
            if let Some(used) = used.get_mut(index(id.0)) {
                *used = true;
            }
        });
    }
    used
}

/// How deep structs and parameter lists without names may be inside of each other.
const MAX_DEPTH: usize = 64;

struct Printer<'a, 'w> {
    btf: &'a Btf,
    names: Names<'a>,
    /// By id: the alignment of structs and unions as they are written, in bytes; 0 until then.
    aligns: Vec<u8>,
    /// By id, twice: see `order`.
    states: Vec<State>,
    /// By id.
    enums_written: Vec<bool>,
    with_asserts: bool,
    asserts: Asserts,
    /// The member names of the struct that is being written.
    scope: Space<'a>,
    /// The structs that are being written, from the outside in.
    open: Vec<TypeId>,
    depth: usize,
    /// How many members and parameters of nameless types may still be written. A nameless type is written wherever it
    /// is used, which a small input may have happen without end.
    budget: usize,
    /// What is being written.
    text: String,
    out: Out<'w>,
    // Kept for their memory.
    stack: Vec<(Node, bool)>,
    spare_parts: Vec<Vec<Part>>,
}

const START: &str = "\
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#if defined(__clang__) && defined(__bpf__) && !defined(BPF_NO_PRESERVE_ACCESS_INDEX)
#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)
#endif

";

const TYPE_TAG: &str = "\
#if defined(__has_attribute)
#if __has_attribute(btf_type_tag)
#define __btf_type_tag(text) __attribute__((btf_type_tag(text)))
#endif
#endif
#ifndef __btf_type_tag
#define __btf_type_tag(text)
#endif

";

const END: &str = "\
#if defined(__clang__) && defined(__bpf__) && !defined(BPF_NO_PRESERVE_ACCESS_INDEX)
#pragma clang attribute pop
#endif

#endif /* __VMLINUX_H__ */
";

const NOT_C23: &str = "#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L\n";

impl<'a, 'w> Printer<'a, 'w> {
    fn new(btf: &'a Btf, with_asserts: bool, to: &'w mut dyn io::Write) -> Printer<'a, 'w> {
        let count = index(btf.count()).saturating_add(1);
        Printer {
            btf,
            names: Names::new(btf),
            aligns: vec![0; count],
            states: vec![State::New; 2 * count],
            enums_written: vec![false; count],
            with_asserts,
            asserts: Asserts::default(),
            scope: Space::default(),
            open: Vec::new(),
            depth: 0,
            budget: (1 << 16) + 2 * count,
            text: String::new(),
            out: Out::new(to),
            stack: Vec::new(),
            spare_parts: Vec::new(),
        }
    }

    fn start(&mut self) {
        self.text.push_str(START);
        if self.btf.iter().any(|(_, ty)| matches!(ty, Type::TypeTag(_))) {
            self.text.push_str(TYPE_TAG);
        }
    }

    fn end(mut self) -> io::Result<()> {
        self.text.push_str(END);
        self.pass_on()?;
        self.out.finish()
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.str(&self.text);
        self.text.clear();
        self.out.pass_on()
    }

    /// `struct name;`
    fn declare(&mut self, id: TypeId) {
        self.declaration(id, "", 0);
        self.text.push_str(";\n\n");
    }

    /// A struct or union. One without a name is written where it is used; here it gets its alignment.
    fn define(&mut self, id: TypeId) {
        let (plan, _) = self.plan(id);
        if !self.names.of(id).is_empty() {
            self.note(id);
            self.scope.clear();
            self.begin_asserts(id);
            self.composite(id, 0);
            self.text.push_str(";\n\n");
        }
        // From now on it can be a member.
        if let Some(align) = self.aligns.get_mut(index(id.0)) {
            // Those of C types are at most 16.
            *align = u8::try_from(plan.align).unwrap_or(16);
        }
        if !self.names.of(id).is_empty() {
            self.end_asserts(id);
        }
    }

    fn define_enum(&mut self, id: TypeId) {
        let (Type::Enum(e) | Type::Enum64(e)) = self.btf.ty(id) else { return };
        if !self.names.of(id).is_empty() && matches!(e.size, 1 | 2 | 4 | 8) {
            self.note(id);
            self.enumeration(id, 0);
            self.text.push_str(";\n\n");
        }
    }

    /// `typedef type name;`
    fn alias(&mut self, id: TypeId, ty: TypeId) {
        self.note(id);
        let name = self.names.of(id).to_owned();
        // C23 has the word itself.
        let is_word = name == "bool";
        if is_word {
            self.text.push_str(NOT_C23);
        }
        let is_layout =
            matches!(self.btf.ty(ty), Type::Struct(_) | Type::Union(_)) && self.names.of(ty).is_empty();
        if is_layout {
            self.begin_asserts(id);
        }
        self.text.push_str("typedef ");
        if self.is_opaque(ty) {
            self.opaque(ty, &name)
        } else {
            self.declaration(ty, &name, 0)
        }
        self.text.push_str(if is_word { ";\n#endif\n\n" } else { ";\n\n" });
        if is_layout {
            self.end_asserts(id);
        }
    }

    fn begin_asserts(&mut self, id: TypeId) {
        if self.with_asserts {
            let word = match self.btf.ty(id) {
                Type::Struct(_) => "struct ",
                Type::Union(_) => "union ",
                _ => "",
            };
            self.asserts.begin(format!("{word}{}", self.names.of(id)));
        }
    }

    fn end_asserts(&mut self, id: TypeId) {
        if let Some(shape) = self.shape(id).filter(|_| self.with_asserts) {
            self.asserts.end(shape.size, &mut self.text);
        }
    }

    /// A number that C has another word for, or none.
    fn define_number(&mut self, id: TypeId) {
        self.note(id);
        let word = match self.btf.ty(id) {
            Type::Int(int) => names::int_word(&int),
            Type::Float { size } => names::float_word(size),
            _ => None,
        };
        let Some(shape) = self.shape(id) else { return };
        let name = self.names.of(id).to_owned();
        let condition = match (self.btf.ty(id), &*name) {
            (Type::Float { size: names::LONG }, _) => "#if __SIZEOF_LONG_DOUBLE__ == 16\n",
            (_, "bool") => NOT_C23,
            _ => "",
        };
        self.text.push_str(condition);
        self.text.push_str("typedef ");
        match word {
            Some(word) => self.text.push_str(word),
            None => self.bytes(shape),
        }
        self.text.push(' ');
        self.text.push_str(&name);
        self.text.push_str(";\n");
        if word == names::float_word(names::LONG) {
            self.text.push_str("#else\ntypedef ");
            self.bytes(shape);
            self.text.push(' ');
            self.text.push_str(&name);
            self.text.push_str(";\n");
        }
        self.text.push_str(if condition.is_empty() { "\n" } else { "#endif\n\n" });
    }

    /// A struct of that size and alignment.
    fn bytes(&mut self, shape: Shape) {
        self.text.push_str("struct { unsigned char bytes[");
        self.number(shape.size.into());
        self.text.push_str("]; }");
        if shape.align > 1 {
            self.text.push_str(" __attribute__((aligned(");
            self.number(shape.align.into());
            self.text.push_str(")))");
        }
    }

    /// `extern type name;`
    fn symbol(&mut self, id: TypeId) -> io::Result<()> {
        let (ty, linkage) = match self.btf.ty(id) {
            Type::Func(func) => (func.proto, func.linkage),
            Type::Var(var) => (var.ty, var.linkage),
            _ => return Ok(()),
        };
        self.visit(ty)?;
        if linkage == Linkage::Static {
            self.text.push_str("/* static */ ");
        }
        self.text.push_str("extern ");
        let name = names::identifier(self.btf.string_prefix(self.btf.name_ref(id), names::LIMIT + 1));
        self.declaration(ty, &name, 0);
        self.text.push_str(";\n\n");
        self.pass_on()
    }

    /// Enumerations without a name that nothing uses: their constants are what they are for.
    fn constants(&mut self, ids: &[TypeId]) -> io::Result<()> {
        for &id in ids {
            let is_written = self.enums_written.get(index(id.0)).copied().unwrap_or(true);
            if !is_written && self.shape(id).is_some_and(|shape| shape.align == shape.size) {
                self.enumeration(id, 0);
                self.text.push_str(";\n\n");
                self.pass_on()?;
            }
        }
        Ok(())
    }

    /// Tells what a type that has been renamed is called in BTF.
    fn note(&mut self, id: TypeId) {
        if self.names.is_renamed(id) {
            self.text.push_str("/* ");
            self.comment(self.btf.name_ref(id));
            self.text.push_str(" [");
            self.number(id.0.into());
            self.text.push_str("] */\n");
        }
    }

    /// Whether a type without a name can be written out here.
    fn may_inline(&self, id: TypeId) -> bool {
        self.depth < MAX_DEPTH && self.budget > 0 && !self.open.contains(&id)
    }

    /// Counts what is written out.
    fn spend(&mut self, id: TypeId) {
        let elements = match self.btf.ty(id) {
            Type::Struct(composite) | Type::Union(composite) => composite.members.len(),
            Type::Enum(e) | Type::Enum64(e) => e.values.len(),
            _ => 0,
        };
        self.budget = self.budget.saturating_sub(elements + 1);
    }

    fn may_nest(&mut self, elements: usize) -> bool {
        self.budget = self.budget.saturating_sub(elements);
        self.depth < MAX_DEPTH && self.budget > 0
    }

    fn indent(&mut self, tabs: usize) {
        self.text.extend(std::iter::repeat_n('\t', tabs));
    }

    fn number(&mut self, number: i128) {
        use std::fmt::Write as _;
        // A string takes it.
        let _ = write!(self.text, "{number}");
    }
}
