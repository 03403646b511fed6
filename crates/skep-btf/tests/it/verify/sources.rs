//! Blobs that the kernel takes, and damage to them.

use skep_btf::{Btf, Endian, Kind, Type, TypeId};

use super::generate;
use crate::random::{self, Random};
use crate::tools::{TempDir, compiled, kernel};

const C: &str = include_str!("../kinds.c");

/// Where blobs come from.
pub(super) struct Sources {
    /// The kernel's own types.
    kernel: Option<Btf>,
    /// What clang makes.
    clang: Option<Vec<u8>>,
}

impl Sources {
    pub(super) fn new() -> Sources {
        let target = if Endian::HOST == Endian::Little { "bpfel" } else { "bpfeb" };
        let clang = compiled(&TempDir::new("verify"), C, target).map(|(types, _)| types);
        Sources { kernel: kernel().map(|bytes| Btf::parse(&bytes).unwrap()), clang }
    }

    pub(super) fn pick(&self, random: &mut Random) -> (&'static str, Vec<u8>) {
        match (random.below(16), &self.kernel, &self.clang) {
            (0..=2, Some(kernel), _) => ("the kernel's types", part(random, kernel)),
            (3, _, Some(clang)) => ("clang's types", filled(clang)),
            (5, ..) => ("the kernel's fields", generate::fields(random)),
            (4, ..) => ("any sets", random::types(random).to_bytes(Endian::HOST)),
            _ => ("valid sets", generate::types(random)),
        }
    }
}

/// Some types of a large set, one after another; what they refer to elsewhere becomes something harmless.
fn part(random: &mut Random, large: &Btf) -> Vec<u8> {
    let len = 1 + random.below(120);
    let first = 1 + random.below(large.count() - len);
    let mut words = vec![];
    let mut strings = vec![0];
    let mut name = |at| {
        let bytes = large.string_bytes(at);
        if bytes.is_empty() {
            return 0;
        }
        let start = u32::try_from(strings.len()).unwrap();
        strings.extend(bytes);
        strings.push(0);
        start
    };
    // 1: an integer, 2: a function's type, 3: a function, 4: a struct, 5: a variable.
    let x = name(large.name_ref(large.find_by_name(Kind::Struct, "list_head").unwrap()));
    words.extend([x, 1 << 24, 4, 32, 0, 13 << 24, 0, x, 12 << 24, 2, x, 4 << 24, 4, x, 14 << 24, 1, 1]);
    const FIXED: u32 = 5;
    let of = |id: TypeId, default: u32| match id.0.checked_sub(first) {
        Some(at) if at < len => at + FIXED + 1,
        _ if id.is_void() => 0,
        _ => default,
    };
    for id in (first..first + len).map(TypeId) {
        let ty = large.ty(id);
        let kind = ty.kind().unwrap();
        let (mut vlen, mut flag, mut tail) = (0, false, vec![]);
        let arg = match ty {
            Type::Void | Type::Fwd(_) => 0,
            Type::Int(int) => {
                tail.push((int.encoding as u32) << 24 | u32::from(int.offset) << 16 | u32::from(int.bits));
                int.size
            }
            Type::Array(array) => {
                tail.extend([of(array.elem, 1), of(array.index, 1), array.len]);
                0
            }
            Type::Struct(body) | Type::Union(body) => {
                flag = body.members.iter().any(|member| member.bitfield_size != 0);
                vlen = body.members.len();
                for member in body.members {
                    let place = u32::from(member.bitfield_size) << 24 | member.bit_offset;
                    tail.extend([name(member.name), of(member.ty, 1), place]);
                }
                body.size
            }
            Type::Enum(e) => {
                (vlen, flag) = (e.values.len(), e.signed);
                e.values.iter().for_each(|value| tail.extend([name(value.name), 7]));
                e.size
            }
            Type::Enum64(e) => {
                (vlen, flag) = (e.values.len(), e.signed);
                e.values.iter().for_each(|value| tail.extend([name(value.name), 7, 7]));
                e.size
            }
            Type::Func(func) => {
                vlen = func.linkage as usize;
                of(func.proto, 2)
            }
            Type::FuncProto(proto) => {
                vlen = proto.params.len();
                proto.params.iter().for_each(|param| tail.extend([name(param.name), of(param.ty, 1)]));
                of(proto.ret, 1)
            }
            Type::Var(var) => {
                tail.push(var.linkage as u32);
                of(var.ty, 1)
            }
            Type::Datasec(section) => {
                vlen = section.vars.len();
                section.vars.iter().for_each(|var| tail.extend([of(var.var, 5), var.offset, var.size]));
                section.size
            }
            Type::Float { size } => size,
            Type::DeclTag(tag) => {
                tail.push(tag.component.unwrap_or(u32::MAX));
                of(tag.target, 3)
            }
            other => of(
                other
                    .modified()
                    .or(match other {
                        Type::Ptr(to) => Some(to),
                        _ => None,
                    })
                    .unwrap(),
                1,
            ),
        };
        let info = u32::from(flag) << 31 | kind.number() << 24 | u32::try_from(vlen).unwrap();
        words.extend([name(large.name_ref(id)), info, arg]);
        words.extend(tail);
    }
    generate::blob(&words, &strings)
}

/// Types of a compiler, with sizes and offsets of sections as a loader would fill them in.
fn filled(section: &[u8]) -> Vec<u8> {
    let mut btf = Btf::parse(section).unwrap();
    let sections: Vec<TypeId> = btf.ids().filter(|&id| btf.kind(id) == Some(Kind::Datasec)).collect();
    for id in sections {
        let Type::Datasec(section) = btf.ty(id) else { continue };
        let mut end = 0;
        let mut vars = section.vars.to_vec();
        vars.retain(|var| btf.kind(var.var) == Some(Kind::Var));
        for var in &mut vars {
            var.size = u32::try_from(btf.size_of(var.var).unwrap_or(1)).unwrap().max(1);
            var.offset = end;
            end += var.size;
        }
        btf.set_datasec(id, end.max(1), &vars).unwrap();
    }
    let mut bytes = btf.to_bytes(Endian::HOST);
    if let Some((mut types, strings)) = generate::split(&bytes) {
        for ty in &mut types {
            match Kind::from_number(ty[1] >> 24 & 0x1f) {
                Some(Kind::Func) => ty[1] = ty[1] & !2 | 1,
                Some(Kind::Var) => ty[3] = 1,
                Some(Kind::Int) if ty[3] >> 24 == 3 => ty[3] &= !(2 << 24),
                _ => {}
            }
        }
        bytes = generate::blob(&types.concat(), strings);
    }
    bytes
}

/// Damages a blob in a few places: fields, whole types, bytes.
pub(super) fn damage(random: &mut Random, blob: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        match random.below(40) {
            0 => random::damage(random, blob),
            1 => {
                let at = random.index(6) * 4;
                set(random, blob, at);
            }
            _ => generate::damage(random, blob),
        }
    }
}

fn set(random: &mut Random, blob: &mut [u8], at: usize) {
    let len = u32::try_from(blob.len()).unwrap();
    let word = *random.pick(&[0, 1, 3, 4, 8, 20, 24, 28, 32, len, len.wrapping_sub(24), len + 1, u32::MAX]);
    if let Some(place) = blob.get_mut(at..at + 4) {
        let old = u32::from_ne_bytes((&*place).try_into().unwrap());
        let new = match random.below(3) {
            0 => word,
            1 => old.wrapping_add(random.below(9)),
            _ => old.wrapping_sub(random.below(9)),
        };
        place.copy_from_slice(&new.to_ne_bytes());
    }
}
