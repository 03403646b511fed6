//! Declarations: a type around a name.

use crate::dump::c::Printer;
use crate::types::{FuncProto, FwdKind, Type, TypeId};

/// How many pointers, arrays and functions a declaration may be made of; what is behind them is `void`.
const MAX_DECLARATOR: usize = 256;

/// What is around a name, from the inside out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    Pointer(Qualifiers),
    /// On the pointer that follows.
    Tag(TypeId),
    Array(u32),
    Function(TypeId),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Qualifiers {
    constant: bool,
    volatile: bool,
    restrict: bool,
}

impl Qualifiers {
    fn words(self) -> impl Iterator<Item = &'static str> {
        let words = [(self.constant, "const "), (self.volatile, "volatile "), (self.restrict, "restrict ")];
        words.into_iter().filter_map(|(has, word)| has.then_some(word))
    }
}

impl Printer<'_, '_> {
    /// Prints the declaration of a name, which may be empty, with that type: `int (*name)[3]`.
    pub(super) fn declaration(&mut self, ty: TypeId, name: &str, indent: usize) {
        let mut parts = self.spare_parts.pop().unwrap_or_default();
        let (base, qualifiers, tags) = self.unwrap(ty, &mut parts);
        qualifiers.words().filter(|&word| word != "restrict ").for_each(|word| self.text.push_str(word));
        self.base(base, indent);
        for part in &parts[tags..] {
            self.text.push(' ');
            self.tag(*part);
        }
        parts.truncate(tags);

        if !name.is_empty() || !parts.is_empty() {
            self.text.push(' ');
        }
        let is_behind_pointer = |i: usize| i > 0 && matches!(parts[i - 1], Part::Pointer(_));
        for (i, part) in parts.iter().enumerate().rev() {
            match *part {
                Part::Pointer(qualifiers) => {
                    self.text.push('*');
                    qualifiers.words().for_each(|word| self.text.push_str(word));
                }
                Part::Tag(_) => {
                    self.tag(*part);
                    self.text.push(' ');
                }
                Part::Array(_) | Part::Function(_) if is_behind_pointer(i) => self.text.push('('),
                Part::Array(_) | Part::Function(_) => {}
            }
        }
        self.text.push_str(name);
        self.text.truncate(self.text.trim_end_matches(' ').len());
        for (i, part) in parts.iter().enumerate() {
            if matches!(part, Part::Array(_) | Part::Function(_)) && is_behind_pointer(i) {
                self.text.push(')');
            }
            match *part {
                Part::Array(len) => {
                    self.text.push('[');
                    self.number(len.into());
                    self.text.push(']');
                }
                Part::Function(proto) => self.parameters(proto, indent),
                Part::Pointer(_) | Part::Tag(_) => {}
            }
        }
        parts.clear();
        self.spare_parts.push(parts);
    }

    /// Takes a type apart: what it ends at, with which qualifiers, and where the tags of that begin in the parts.
    fn unwrap(&self, mut ty: TypeId, parts: &mut Vec<Part>) -> (TypeId, Qualifiers, usize) {
        let mut qualifiers = Qualifiers::default();
        // The tags of what comes next are behind these.
        let mut tags = 0;
        // Wrappers that print nothing must end as well.
        for _ in 0..4 * MAX_DECLARATOR {
            match self.btf.ty(ty) {
                Type::Const(inner) => (qualifiers.constant, ty) = (true, inner),
                Type::Volatile(inner) => (qualifiers.volatile, ty) = (true, inner),
                Type::Restrict(inner) => (qualifiers.restrict, ty) = (true, inner),
                Type::TypeTag(tag) => {
                    parts.push(Part::Tag(ty));
                    ty = tag.ty;
                }
                Type::Ptr(inner) => {
                    parts.push(Part::Pointer(qualifiers));
                    (qualifiers, tags, ty) = (Qualifiers::default(), parts.len(), inner);
                }
                // The qualifiers of an array are those of its elements; its tags, and those of a function, are lost.
                Type::Array(array) if self.shape(array.elem).is_some() => {
                    parts.truncate(tags);
                    parts.push(Part::Array(array.len));
                    (tags, ty) = (parts.len(), array.elem);
                }
                Type::FuncProto(proto) => {
                    parts.truncate(tags);
                    parts.push(Part::Function(ty));
                    (qualifiers, tags, ty) = (Qualifiers::default(), parts.len(), proto.ret);
                }
                Type::Array(_) => return (TypeId::VOID, qualifiers, tags),
                // A typedef of a type that contains it.
                Type::Typedef(inner) if !self.is_written(ty) => ty = inner,
                _ => return (ty, qualifiers, tags),
            }
            if parts.len() > MAX_DECLARATOR {
                break;
            }
        }
        (TypeId::VOID, qualifiers, tags)
    }

    fn tag(&mut self, part: Part) {
        if let Part::Tag(id) = part {
            self.text.push_str("__btf_type_tag(\"");
            self.text.extend(self.btf.name(id).escape_default());
            self.text.push_str("\")");
        }
    }

    /// What is not made of other types, or is a name for it.
    fn base(&mut self, id: TypeId, indent: usize) {
        let id = self.names.definition(id);
        let word = match self.btf.ty(id) {
            Type::Int(_) | Type::Float { .. } | Type::Typedef(_) => "",
            Type::Struct(_) | Type::Fwd(FwdKind::Struct) => "struct",
            Type::Union(_) | Type::Fwd(FwdKind::Union) => "union",
            Type::Enum(_) | Type::Enum64(_) => "enum",
            _ => return self.text.push_str("void"),
        };
        let name = self.names.of(id);
        if !name.is_empty() {
            self.text.push_str(word);
            if !word.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(name);
            return;
        }
        match self.btf.ty(id) {
            Type::Struct(_) | Type::Union(_) if self.may_inline(id) => {
                let scope = std::mem::take(&mut self.scope);
                self.composite(id, indent);
                self.scope = scope;
            }
            Type::Enum(_) | Type::Enum64(_) if self.may_inline(id) => self.enumeration(id, indent),
            Type::Enum(e) if e.size == 4 => self.text.push_str("unsigned int"),
            _ => self.text.push_str("void"),
        }
    }

    fn parameters(&mut self, id: TypeId, indent: usize) {
        let Type::FuncProto(proto) = self.btf.ty(id) else { return };
        self.text.push('(');
        if proto.params.is_empty() {
            self.text.push_str("void");
        } else if self.may_nest(proto.params.len()) {
            self.depth += 1;
            self.list(proto, indent);
            self.depth -= 1;
        }
        self.text.push(')');
    }

    fn list(&mut self, proto: FuncProto<'_>, indent: usize) {
        let fixed = proto.params.len() - usize::from(proto.is_variadic());
        for (i, param) in proto.params[..fixed].iter().enumerate() {
            if i > 0 {
                self.text.push_str(", ");
            }
            // A parameter would hide a type of its name from those that follow.
            let name = super::names::identifier(self.btf.string_prefix(param.name, super::names::LIMIT + 1));
            let name = if self.names.is_ordinary(&name) || name == "_" { "" } else { &name };
            self.declaration(param.ty, name, indent);
        }
        if fixed > 0 && proto.is_variadic() {
            self.text.push_str(", ...");
        }
    }
}
