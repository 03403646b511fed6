//! Definitions: what is between the braces.

use std::borrow::Cow;

use crate::dump::c::Printer;
use crate::dump::c::names::{LIMIT, int_word};
use crate::dump::c::place::{self, Field, Item, Pad, Plan};
use crate::types::{Composite, Enum, Int, IntEncoding, Member, StrRef, Type, TypeId};

/// A gap that takes more unnamed bit-fields than this is an array: the rest of a cache line is none.
const MAX_CHUNKS: usize = 7;

impl<'a> Printer<'a, '_> {
    /// The plan of a struct or union, and which members it is about: those whose place C can say.
    pub(super) fn plan(&self, id: TypeId) -> (Plan, Vec<usize>) {
        let ty = self.btf.ty(id);
        let (Type::Struct(Composite { size, members }) | Type::Union(Composite { size, members })) = ty
        else {
            return (place::structure(0, &[]), Vec::new());
        };
        let size = u64::from(size);
        let mut fields = Vec::with_capacity(members.len());
        let mut which = Vec::with_capacity(members.len());
        for (i, member) in members.iter().enumerate() {
            if let Some(field) = self.field(member).filter(|field| field.start + field.bits <= 8 * size) {
                fields.push(field);
                which.push(i);
            }
        }
        let place = if let Type::Union(_) = ty { place::union } else { place::structure };
        (place(size, &fields), which)
    }

    /// `None` if no member of C is like that.
    fn field(&self, member: &Member) -> Option<Field> {
        let start = u64::from(member.bit_offset);
        if let Some((offset, bits)) = self.bit_field(member) {
            let size = match self.btf.resolved(member.ty) {
                Type::Int(Int { size, .. })
                | Type::Enum(Enum { size, .. })
                | Type::Enum64(Enum { size, .. })
                    if matches!(size, 1 | 2 | 4 | 8 | 16) && 8 * size >= u32::from(bits) =>
                {
                    u64::from(size)
                }
                _ if bits <= 64 => 8,
                _ => return None,
            };
            let (start, bits) = (start + u64::from(offset), u64::from(bits));
            return Some(Field { start, bits, align: size, unit: 8 * size });
        }
        let shape = self.shape(member.ty)?;
        let bits = shape.size.checked_mul(8).filter(|_| start.is_multiple_of(8))?;
        Some(Field { start, bits, align: shape.align, unit: 0 })
    }

    /// Where it starts in its place and how wide it is, in bits. Old compilers have a type for each of them.
    fn bit_field(&self, member: &Member) -> Option<(u8, u8)> {
        if member.bitfield_size != 0 {
            return Some((0, member.bitfield_size));
        }
        match self.btf.resolved(member.ty) {
            Type::Int(int) if int.offset != 0 || u32::from(int.bits) < 8 * int.size.min(16) => {
                Some((int.offset, int.bits)).filter(|_| int.bits != 0)
            }
            _ => None,
        }
    }

    /// `struct name { ... }`
    pub(super) fn composite(&mut self, id: TypeId, indent: usize) {
        let (plan, which) = self.plan(id);
        let ty = self.btf.ty(id);
        let Some(members) = ty.members() else { return };
        let word = if let Type::Union(_) = ty { "union" } else { "struct" };
        self.head(word, id);
        self.depth += 1;
        self.open.push(id);
        // Those that are left out are told before the others.
        let mut planned = which.iter().copied().peekable();
        for (i, member) in members.iter().enumerate() {
            if planned.next_if_eq(&i).is_none() {
                self.left_out(member, indent + 1);
            }
        }
        self.items(&plan, members, &which, indent + 1);
        self.open.pop();
        self.depth -= 1;
        if members.is_empty() && plan.items.is_empty() {
            self.text.pop();
            return self.text.push('}');
        }
        self.tail(&plan, indent);
    }

    fn head(&mut self, word: &str, id: TypeId) {
        self.text.push_str(word);
        let name = self.names.of(id);
        if name.is_empty() {
            self.spend(id);
        } else {
            self.text.push(' ');
            self.text.push_str(name);
        }
        self.text.push_str(" {\n");
    }

    fn tail(&mut self, plan: &Plan, indent: usize) {
        self.indent(indent);
        self.text.push_str(if plan.packed { "} __attribute__((packed))" } else { "}" });
    }

    fn items(&mut self, plan: &Plan, members: &[Member], which: &[usize], indent: usize) {
        for item in &plan.items {
            match item {
                Item::Member(i) => self.member(&members[which[*i]], indent),
                Item::Pad(pad) => self.pad(*pad, plan, indent),
                Item::Room(size) => self.room(*size, plan, indent),
                // A struct whose members overlap is one union; that is a union of structs.
                Item::Layers(layers) => {
                    let word = if matches!(layers[..], [Plan { ref items, .. }] if matches!(items[..], [Item::Layers(_), ..]))
                    {
                        "union"
                    } else {
                        "struct"
                    };
                    for layer in layers {
                        self.indent(indent);
                        self.text.push_str(word);
                        self.text.push_str(" {\n");
                        self.items(layer, members, which, indent + 1);
                        self.tail(layer, indent);
                        self.text.push_str(";\n");
                    }
                }
            }
        }
    }

    fn member(&mut self, member: &Member, indent: usize) {
        self.indent(indent);
        let bits = self.bit_field(member);
        if member.name == StrRef::EMPTY
            && bits.is_none()
            && let Some(id) = self.btf.resolve(member.ty)
            && let Type::Struct(_) | Type::Union(_) = self.btf.ty(id)
            && self.may_inline(id)
        {
            let place = self.asserts.enter("", u64::from(member.bit_offset) / 8);
            self.anonymous(id, indent);
            self.asserts.leave(place);
            self.text.push_str(";\n");
            return;
        }
        let name = self.member_name(member, indent);
        match bits {
            Some((_, bits)) => {
                self.bit_field_type(member.ty, bits, &name, indent);
                self.text.push_str(": ");
                self.number(bits.into());
            }
            None => {
                let offset = u64::from(member.bit_offset) / 8;
                self.asserts.member(&name, offset);
                let ty = self.btf.ty(member.ty);
                let is_inside = ty.members().is_some() && self.names.of(member.ty).is_empty();
                let place = if is_inside { self.asserts.enter(&name, offset) } else { self.asserts.mute() };
                if self.is_opaque(member.ty) {
                    self.opaque(member.ty, &name);
                } else {
                    self.declaration(member.ty, &name, indent);
                }
                self.asserts.leave(place);
            }
        }
        self.text.push_str(";\n");
    }

    /// A struct or union whose members are as if they were those of the one that it is in.
    fn anonymous(&mut self, id: TypeId, indent: usize) {
        if self.names.of(id).is_empty() {
            return self.composite(id, indent);
        }
        // C has no anonymous member with a tag, but for an extension that no compiler has switched on by itself.
        let (plan, which) = self.plan(id);
        let ty = self.btf.ty(id);
        self.text.push_str(if let Type::Union(_) = ty { "union {\n" } else { "struct {\n" });
        self.spend(id);
        self.depth += 1;
        self.open.push(id);
        self.items(&plan, ty.members().unwrap_or_default(), &which, indent + 1);
        self.open.pop();
        self.depth -= 1;
        self.tail(&plan, indent);
    }

    fn member_name(&mut self, member: &Member, indent: usize) -> Cow<'a, str> {
        if member.name == StrRef::EMPTY {
            return self.scope.unique(format!("__anon_{}", member.bit_offset / 8).into());
        }
        let name = self.scope.take(self.btf.string_prefix(member.name, LIMIT + 1));
        if matches!(&*name, "linux" | "unix" | "i386") {
            // GNU C defines these as macros.
            self.directive(&format!("#undef {name}"), indent);
        }
        name
    }

    /// Puts a line of the preprocessor before the one that has been indented.
    fn directive(&mut self, line: &str, indent: usize) {
        self.text.truncate(self.text.trim_end_matches('\t').len());
        self.text.push_str(line);
        self.text.push('\n');
        self.indent(indent);
    }

    fn bit_field_type(&mut self, ty: TypeId, bits: u8, name: &str, indent: usize) {
        let resolved = self.btf.resolved(ty);
        match resolved {
            // The type of an old compiler's bit-field is no other name's.
            Type::Int(int) if u32::from(int.bits) < 8 * int.size.min(16) => {
                let word =
                    int_word(&Int { encoding: plain(int.encoding), ..int }).unwrap_or("unsigned long long");
                self.text.push_str(word);
            }
            Type::Int(Int { size, .. }) | Type::Enum(Enum { size, .. }) | Type::Enum64(Enum { size, .. })
                if matches!(size, 1 | 2 | 4 | 8 | 16) && 8 * size >= u32::from(bits) =>
            {
                return self.declaration(ty, name, indent);
            }
            _ => self.text.push_str("unsigned long long"),
        }
        self.text.push(' ');
        self.text.push_str(name);
    }

    /// What cannot be told in full, but for its size and alignment.
    pub(super) fn opaque(&mut self, ty: TypeId, name: &str) {
        let Some(shape) = self.shape(ty) else { return };
        self.text.push_str("unsigned char ");
        self.text.push_str(name);
        self.text.push('[');
        self.number(shape.size.into());
        self.text.push(']');
        if shape.align > 1 {
            self.text.push_str(" __attribute__((aligned(");
            self.number(shape.align.into());
            self.text.push_str(")))");
        }
    }

    fn left_out(&mut self, member: &Member, indent: usize) {
        self.indent(indent);
        self.text.push_str("/* left out: ");
        self.comment(member.name);
        self.text.push_str(" at bit ");
        self.number(member.bit_offset.into());
        self.text.push_str(match self.field(member) {
            None => ", whose type has no place in a struct */\n",
            Some(_) => ", which ends outside */\n",
        });
    }

    /// A name, fit for a comment.
    pub(super) fn comment(&mut self, name: StrRef) {
        let name = self.btf.string_prefix(name, LIMIT);
        self.text.extend(name.chars().map(|c| if c.is_control() { '?' } else { c }));
        // The end of a comment, if the name has one.
        while let Some(at) = self.text.rfind("*/").filter(|&at| self.text.len() - at <= name.len()) {
            self.text.insert(at + 1, ' ');
        }
    }

    fn pad(&mut self, pad: Pad, plan: &Plan, indent: usize) {
        if pad.chunks(plan).nth(MAX_CHUNKS).is_none() {
            return self.bits(pad, plan, indent);
        }
        let bytes = pad.start.div_ceil(8)..pad.end / 8;
        self.bits(Pad { start: pad.start, end: 8 * bytes.start }, plan, indent);
        self.array("__pad", bytes.start, bytes.end - bytes.start, indent);
        self.bits(Pad { start: 8 * bytes.end, end: pad.end }, plan, indent);
    }

    fn bits(&mut self, pad: Pad, plan: &Plan, indent: usize) {
        for (size, width) in pad.chunks(plan) {
            self.indent(indent);
            self.text.push_str(match size {
                1 => "char: ",
                2 => "short: ",
                4 => "int: ",
                _ => "long: ",
            });
            self.number(width.into());
            self.text.push_str(";\n");
        }
    }

    fn array(&mut self, prefix: &str, at: u64, len: u64, indent: usize) {
        let name = self.scope.unique(format!("{prefix}_{at}").into());
        self.indent(indent);
        self.text.push_str("unsigned char ");
        self.text.push_str(&name);
        self.text.push('[');
        self.number(len.into());
        self.text.push_str("];\n");
    }

    /// Makes a union that large.
    fn room(&mut self, size: u64, plan: &Plan, indent: usize) {
        let all = Pad { start: 0, end: 8 * size };
        if all.chunks(plan).nth(MAX_CHUNKS).is_some() {
            return self.array("__room", 0, size, indent);
        }
        self.indent(indent);
        self.text.push_str("struct {\n");
        self.bits(all, plan, indent + 1);
        self.tail(plan, indent);
        self.text.push_str(";\n");
    }

    /// `enum name { ... }`
    pub(super) fn enumeration(&mut self, id: TypeId, indent: usize) {
        let (Type::Enum(e) | Type::Enum64(e)) = self.btf.ty(id) else { return };
        self.head("enum", id);
        for value in e.values {
            self.enumerator(&e, e.number(value), value.name, indent + 1);
        }
        if e.values.is_empty() {
            // C has no enumeration without constants.
            let tag = self.names.of(id);
            let name = format!("{}___none", if tag.is_empty() { "enum" } else { tag });
            let name = self.names.extra(name);
            self.indent(indent + 1);
            self.text.push_str(&name);
            self.text.push_str(" = 0,\n");
        }
        self.indent(indent);
        self.text.push('}');
        let is_wide = |number: i128| i32::try_from(number).is_err() && u32::try_from(number).is_err();
        self.text.push_str(match e.size {
            1 => " __attribute__((mode(byte)))",
            2 => " __attribute__((mode(HI)))",
            8 if !e.values.iter().any(|value| is_wide(e.number(value))) => " __attribute__((mode(DI)))",
            _ => "",
        });
        if let Some(written) = self.enums_written.get_mut(crate::bytes::index(id.0)) {
            *written = true;
        }
    }

    fn enumerator(&mut self, e: &Enum<'_>, number: i128, name: StrRef, indent: usize) {
        self.indent(indent);
        let bits = 8 * e.size.clamp(1, 8);
        let (low, high) = if e.signed { (-(1_i128 << (bits - 1)), 1 << (bits - 1)) } else { (0, 1 << bits) };
        if !(low..high).contains(&number) {
            self.text.push_str("/* left out: ");
            self.comment(name);
            self.text.push_str(", whose value has more bits than the enumeration */\n");
            return;
        }
        let unique = self.names.enumerator(name);
        self.value(&unique, number, indent);
        if unique != self.btf.string_prefix(name, LIMIT + 1) {
            self.text.push_str(" /* ");
            self.comment(name);
            self.text.push_str(" */");
        }
        self.text.push('\n');
    }

    fn value(&mut self, name: &str, number: i128, indent: usize) {
        // C23 has these two words itself.
        let is_word = name == "true" || name == "false";
        if is_word {
            self.directive(super::NOT_C23.trim_end(), indent);
        }
        self.text.push_str(name);
        self.text.push_str(" = ");
        if number == i64::MIN.into() {
            self.text.push_str("-9223372036854775807LL - 1");
        } else {
            self.number(number);
            self.text.push_str(match () {
                () if i32::try_from(number).is_ok() => "",
                () if u32::try_from(number).is_ok() => "U",
                () if i64::try_from(number).is_ok() => "LL",
                () => "ULL",
            });
        }
        self.text.push(',');
        if is_word {
            self.text.push_str("\n#else\n");
            self.indent(indent);
            self.value(&format!("{name}___c23"), number, indent);
            self.text.push_str("\n#endif");
        }
    }
}

/// The encoding without what bit-fields do not have.
fn plain(encoding: IntEncoding) -> IntEncoding {
    match encoding {
        IntEncoding::Char => IntEncoding::Unsigned,
        IntEncoding::SignedChar => IntEncoding::Signed,
        other => other,
    }
}
