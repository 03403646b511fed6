//! CO-RE: what is asked of the kernel's types when a program is loaded.

use skep_btf::{CoreKind, TypeId};
use skep_codegen::ir::{CoreRelo, Op, Type, Value};

use super::func::{Lower, Lowered};
use super::lex::unescape;
use super::node::{self, Node};
use super::syntax::{Call, Callee, Inst, Kind, Module, Typed, Val};
use super::{Core, Res};

/// The way from a pointer to a member, as the source has it.
#[derive(Clone, Debug)]
pub(super) struct Path<'a> {
    /// The pointer.
    base: Typed<'a>,
    /// The type of what it points to: a node.
    root: &'a str,
    /// Which element the pointer means, and which members follow.
    indices: Vec<u32>,
    /// Where the member lies, in bytes from the pointer.
    offset: i64,
}

/// A member as the debug information has it; in bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Field {
    offset: u64,
    size: u64,
    /// Of its type, which is larger for a bit-field.
    type_size: u64,
    bitfield: bool,
    signed: bool,
}

impl Field {
    /// The bytes that are read for it: where, and how many. A bit-field lies in a number of its type's size, or in a
    /// larger one if it crosses the border of those.
    fn storage(&self) -> (u64, u64) {
        if !self.bitfield {
            return (self.offset / 8, self.size / 8);
        }
        let mut size = self.type_size.max(8);
        let mut at = self.offset / size * size;
        while self.offset + self.size > at + size && size < 64 {
            size *= 2;
            at = self.offset / size * size;
        }
        (at / 8, size / 8)
    }

    fn answer(&self, kind: CoreKind) -> u64 {
        let (at, size) = self.storage();
        match kind {
            CoreKind::FieldByteOffset => at,
            CoreKind::FieldByteSize => size,
            CoreKind::FieldSigned => self.signed.into(),
            CoreKind::FieldLshiftU64 => 64_u64.saturating_sub(self.offset + self.size - at * 8),
            CoreKind::FieldRshiftU64 => 64_u64.saturating_sub(self.size),
            _ => 1,
        }
    }
}

/// A type without `const` and what is like it; with typedefs if those do not count either.
fn plain<'a>(parsed: &Module<'a>, name: &'a str, typedefs: bool) -> Option<(&'a str, Node<'a>)> {
    let mut name = name;
    loop {
        let node = node::find(parsed, name)?;
        let skipped = match node.get("tag") {
            Some("DW_TAG_const_type" | "DW_TAG_volatile_type" | "DW_TAG_restrict_type") => true,
            Some("DW_TAG_typedef" | "DW_TAG_member" | "DW_TAG_atomic_type") => typedefs,
            _ => false,
        };
        if !skipped {
            return Some((name, node));
        }
        name = node.link("baseType")?;
    }
}

/// Size of a type in bits.
fn bits(parsed: &Module<'_>, name: &str) -> u64 {
    let Some((name, _)) = parsed.nodes.get_key_value(name) else { return 0 };
    let node = plain(parsed, name, true).map(|(_, node)| node);
    node.and_then(|node| node.number("size")).unwrap_or(0)
}

/// The member that a way leads to.
fn field(parsed: &Module<'_>, root: &str, indices: &[u32]) -> Option<Field> {
    let (root, _) = parsed.nodes.get_key_value(root)?;
    let (&first, rest) = indices.split_first()?;
    let size = bits(parsed, root);
    let mut found = Field { offset: size * u64::from(first), size, type_size: size, ..Field::default() };
    let mut ty: &str = root;
    for &index in rest {
        let (_, node) = plain(parsed, ty, true)?;
        found.bitfield = false;
        if node.get("tag") == Some("DW_TAG_array_type") {
            ty = node.link("baseType")?;
            found.size = bits(parsed, ty);
            found.offset += found.size * u64::from(index);
        } else {
            let members = node.list(parsed, "elements");
            let member = node::find(parsed, members.get(usize::try_from(index).ok()?).copied()??)?;
            ty = member.link("baseType")?;
            found.offset += member.number("offset").unwrap_or(0);
            found.bitfield = member.get("flags").is_some_and(|flags| flags.contains("DIFlagBitField"));
            found.size = if found.bitfield { member.number("size")? } else { bits(parsed, ty) };
        }
        found.type_size = bits(parsed, ty);
    }
    let (_, mut node) = plain(parsed, ty, true)?;
    if let Some(base) = node.follow(parsed, "baseType").filter(|_| node.kind == "DICompositeType") {
        node = base;
    }
    found.signed = node.get("encoding").is_some_and(|encoding| encoding.starts_with("DW_ATE_signed"));
    Some(found)
}

impl<'p, 'a> Lower<'_, 'p, 'a> {
    /// The way that a call of `preserve.*.access.index` makes longer; `None` if its index is not constant, or nothing
    /// is known of what it begins with.
    pub(super) fn step(&self, inst: &Inst<'a>, call: &Call<'a>, name: &str, offset: i64) -> Option<Path<'a>> {
        let pointer = call.args.first()?;
        let index =
            u32::try_from(self.number(call.args.get(if name.contains("union") { 1 } else { 2 })?)?).ok()?;
        let before = match pointer.val {
            Val::Local(local) => self.paths.get(local),
            _ => None,
        };
        if let Some(before) = before {
            let mut path = before.clone();
            path.indices.push(index);
            path.offset += offset;
            return Some(path);
        }
        if name.contains("array") {
            let (_, node) = plain(self.parsed, inst.access?, true)?;
            // `p[3].x`: which one of those that the pointer leads to.
            let element = node.link("baseType").filter(|_| node.get("tag") == Some("DW_TAG_pointer_type"))?;
            let (root, _) = plain(self.parsed, element, false)?;
            return Some(Path { base: pointer.clone(), root, indices: vec![index], offset });
        }
        // The loader looks for a name: that of a typedef if there is one.
        let (root, node) = plain(self.parsed, inst.access?, false)?;
        node.get("name")?;
        Some(Path { base: pointer.clone(), root, indices: vec![0, index], offset })
    }

    /// Whether a pointer is used for the next step alone, so that nobody asks for its value.
    pub(super) fn is_between(&self, dest: &str) -> bool {
        let Some(Inst { kind: Kind::Call(call), .. }) = self.only_user(dest) else { return false };
        let Callee::Value(Val::Global(name)) = call.callee else { return false };
        let first = call.args.first().is_some_and(|arg| arg.val == Val::Local(dest));
        first && (name.starts_with("llvm.preserve.") || name.starts_with("llvm.bpf.preserve.field.info"))
    }

    /// The pointer at the end of a way.
    pub(super) fn follow(&mut self, path: &Path<'a>) -> Res<Value> {
        let base = self.operand(&path.base)?;
        if self.core == Core::Fold || path.indices.len() < 2 {
            return Ok(self.offset(base, None, path.offset));
        }
        let found = self.ask(CoreKind::FieldByteOffset, path.root, &path.indices, path.offset);
        let index = self.push(Op::Core(found), Type::I64);
        Ok(self.offset(base, Some(index), 0))
    }

    /// Adds a question: where it is found again.
    fn ask(&mut self, kind: CoreKind, ty: &'a str, access: &[u32], value: i64) -> u32 {
        let ty = self.types.named(&mut self.out.types, ty);
        let access = access.iter().map(u32::to_string).collect::<Vec<_>>().join(":");
        let value =
            if kind == CoreKind::TypeIdLocal || kind == CoreKind::TypeIdTarget { id(ty) } else { value };
        let relo = CoreRelo { kind, ty, access, value };
        let known = self.out.core.iter().position(|known| *known == relo);
        let index = known.unwrap_or_else(|| {
            self.out.core.push(relo);
            self.out.core.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// A question whose answer is a number.
    fn answer(&mut self, kind: CoreKind, ty: &'a str, access: &[u32], value: i64, as_type: Type) -> Lowered {
        let index = self.ask(kind, ty, access, value);
        Lowered::One(self.push(Op::Core(index), as_type))
    }

    /// `llvm.bpf.preserve.field.info`: of the member that a pointer means.
    pub(super) fn field_info(&mut self, call: &Call<'a>) -> Res<Lowered> {
        let [pointer, kind, ..] = call.args.as_slice() else {
            return Err(self.fault("no member is asked for"));
        };
        let kind =
            self.number(kind).and_then(|kind| u32::try_from(kind).ok()).and_then(CoreKind::from_number);
        let path = match pointer.val {
            Val::Local(local) => self.paths.get(local).cloned(),
            _ => None,
        };
        let (Some(path), Some(kind)) = (path, kind) else {
            return Err(self.fault("a question about a member that no access leads to is not supported"));
        };
        let field = field(self.parsed, path.root, &path.indices)
            .ok_or_else(|| self.fault("debug information lacks the member that is asked for"))?;
        let value = i64::try_from(field.answer(kind)).unwrap_or(0);
        Ok(self.answer(kind, path.root, &path.indices, value, Type::I32))
    }

    /// `llvm.bpf.btf.type.id`, `llvm.bpf.preserve.type.info`: the flag is their second argument.
    pub(super) fn type_info(&mut self, inst: &Inst<'a>, call: &Call<'a>, is_id: bool) -> Res<Lowered> {
        let flag = call.args.get(1).and_then(|flag| self.number(flag));
        let kind = match (is_id, flag) {
            (true, Some(0)) => CoreKind::TypeIdLocal,
            (true, Some(1)) => CoreKind::TypeIdTarget,
            (false, Some(0)) => CoreKind::TypeExists,
            (false, Some(1)) => CoreKind::TypeSize,
            (false, Some(2)) => CoreKind::TypeMatches,
            _ => return Err(self.fault("this question about a type is not supported")),
        };
        // The program's own type is taken as it is written.
        let ty = if kind == CoreKind::TypeIdLocal {
            inst.access
        } else {
            inst.access.and_then(|ty| plain(self.parsed, ty, false)).map(|(ty, _)| ty)
        };
        let ty = ty.ok_or_else(|| self.fault("a question about a type without debug information"))?;
        let value = if kind == CoreKind::TypeSize { bits(self.parsed, ty) / 8 } else { 1 };
        let value = i64::try_from(value).unwrap_or(0);
        Ok(self.answer(kind, ty, &[0], value, if is_id { Type::I64 } else { Type::I32 }))
    }

    /// `llvm.bpf.preserve.enum.value`: of the enumerator that a text names, `NAME:3`.
    pub(super) fn enum_value(&mut self, inst: &Inst<'a>, call: &Call<'a>) -> Res<Lowered> {
        let kind = match call.args.get(2).and_then(|flag| self.number(flag)) {
            Some(0) => CoreKind::EnumvalExists,
            _ => CoreKind::EnumvalValue,
        };
        let text = call.args.get(1).and_then(|arg| match arg.val {
            Val::Global(name) => self.parsed.globals.iter().find(|global| global.name == name)?.init.as_ref(),
            _ => None,
        });
        let text = match text {
            Some(Val::Bytes(bytes)) => String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned(),
            _ => return Err(self.fault("an enumerator without a name")),
        };
        let (name, _) = text.split_once(':').unwrap_or((&text, ""));
        let found = inst.access.and_then(|ty| {
            let (_, node) = plain(self.parsed, ty, true)?;
            let values = node.list(self.parsed, "elements");
            let mut values = values.into_iter().map(|value| node::find(self.parsed, value?));
            let at = values.clone().position(|value| {
                let known = value.and_then(|value| value.get("name"));
                known.is_some_and(|known| unescape(known.trim_matches('"')) == name.as_bytes())
            })?;
            let value = values.nth(at)??.number::<i128>("value")?;
            let value = u64::try_from(value & i128::from(u64::MAX)).ok()?.cast_signed();
            Some((ty, u32::try_from(at).ok()?, value))
        });
        let (ty, at, value) = found.ok_or_else(|| self.fault("debug information lacks the enumerator"))?;
        let value = if kind == CoreKind::EnumvalExists { 1 } else { value };
        Ok(self.answer(kind, ty, &[at], value, Type::I64))
    }
}

fn id(ty: TypeId) -> i64 {
    ty.0.into()
}

#[cfg(test)]
mod tests {
    use skep_btf::CoreKind;

    use super::Field;

    #[test]
    fn what_a_bit_field_is_read_from() {
        let kinds = [
            CoreKind::FieldByteOffset,
            CoreKind::FieldByteSize,
            CoreKind::FieldLshiftU64,
            CoreKind::FieldRshiftU64,
        ];
        let check = |offset, size, bitfield, expected: [u64; 4]| {
            let field = Field { offset, size, type_size: 32, bitfield, signed: false };
            assert_eq!(kinds.map(|kind| field.answer(kind)), expected, "{field:?}");
        };
        check(64, 32, false, [8, 4, 32, 32]);
        check(69, 3, true, [8, 4, 56, 61]);
        // Bits 30 to 35 need eight bytes.
        check(30, 6, true, [0, 8, 28, 58]);
    }
}
