//! Sets that the kernel takes, mostly, with all kinds and references in both directions, and damage to their types.

use skep_btf::Kind;

use crate::random::Random;

/// What a type is meant to be before any is written, so that references may lead forward.
#[derive(Clone, Copy)]
struct Plan {
    kind: Kind,
    /// In bytes, for what has a size.
    size: u32,
    /// What it refers to.
    target: u32,
}

const NAMES: &[u8] =
    b"\0int\0a\0b\0next\0.data\0value\0_x9\0bpf_spin_lock\0A_VERY_LONG_NAME_BUT_NOT_TOO_LONG\0c.d\0";
/// Where identifiers start in it.
const IDENTS: [u32; 9] = [1, 5, 7, 9, 20, 26, 30, 44, 79];

/// A set of up to 50 types as the section of them.
pub(crate) fn types(random: &mut Random) -> Vec<u8> {
    let most = if random.below(4) == 0 { 50 } else { 12 };
    let count = 1 + random.below(most);
    let plans = plan(random, count);
    let mut words = Vec::new();
    for id in 1..=count {
        write(random, &plans, id, &mut words);
    }
    blob(&words, NAMES)
}

/// The section of these types and strings.
pub(super) fn blob(words: &[u32], strings: &[u8]) -> Vec<u8> {
    let types_len = u32::try_from(words.len() * 4).unwrap();
    let strings_len = u32::try_from(strings.len()).unwrap();
    let preamble = if cfg!(target_endian = "little") { 0x0001_eb9f } else { 0xeb9f_0100_u32 };
    let header = [preamble, 24, 0, types_len, types_len, strings_len];
    let mut bytes: Vec<u8> = header.iter().chain(words).flat_map(|word| word.to_ne_bytes()).collect();
    bytes.extend_from_slice(strings);
    bytes
}

fn plan(random: &mut Random, count: u32) -> Vec<Plan> {
    const KINDS: [Kind; 28] = [
        Kind::Int,
        Kind::Int,
        Kind::Ptr,
        Kind::Ptr,
        Kind::Ptr,
        Kind::Array,
        Kind::Array,
        Kind::Struct,
        Kind::Struct,
        Kind::Struct,
        Kind::Union,
        Kind::Enum,
        Kind::Fwd,
        Kind::Typedef,
        Kind::Typedef,
        Kind::Volatile,
        Kind::Const,
        Kind::Const,
        Kind::Restrict,
        Kind::Func,
        Kind::FuncProto,
        Kind::FuncProto,
        Kind::Var,
        Kind::Datasec,
        Kind::Float,
        Kind::DeclTag,
        Kind::TypeTag,
        Kind::Enum64,
    ];
    let mut plans: Vec<Plan> = (0..count)
        .map(|at| {
            let kind = if at == 0 { Kind::Int } else { *random.pick(&KINDS) };
            Plan { kind, size: *random.pick(&[1, 2, 4, 8, 16]), target: 0 }
        })
        .collect();
    // The first one can always be had.
    plans[0].size = 4;
    for at in 0..plans.len() {
        plans[at].target = target(random, &plans, at, plans[at].kind);
        if plans[at].target == 0 {
            // There is nothing for it.
            plans[at].kind = Kind::Int;
        }
        if matches!(plans[at].kind, Kind::Struct | Kind::Union) {
            plans[at].size = random.below(64);
        }
    }
    plans
}

/// Something that the type of that kind may refer to, more often before it than behind it; now and then, anything.
fn target(random: &mut Random, plans: &[Plan], at: usize, from: Kind) -> u32 {
    let is_right = |kind: Kind| match from {
        Kind::Func => kind == Kind::FuncProto,
        Kind::Datasec => kind == Kind::Var,
        Kind::DeclTag => {
            matches!(kind, Kind::Struct | Kind::Union | Kind::Typedef | Kind::Var | Kind::Func)
        }
        Kind::Ptr => !matches!(kind, Kind::Var | Kind::Datasec | Kind::DeclTag | Kind::Func),
        _ => !matches!(
            kind,
            Kind::Var | Kind::Datasec | Kind::DeclTag | Kind::Func | Kind::FuncProto | Kind::Fwd
        ),
    };
    let all = u32::try_from(plans.len()).unwrap();
    let before = u32::try_from(at).unwrap().max(1);
    for _ in 0..20 {
        let limit = if random.below(5) == 0 { all } else { before };
        let id = 1 + random.below(limit);
        let kind = plans[usize::try_from(id).unwrap() - 1].kind;
        if is_right(kind) || random.below(300) == 0 {
            return id;
        }
    }
    if matches!(from, Kind::Func | Kind::DeclTag) { 0 } else { 1 }
}

/// How large a type is meant to be.
fn size(plans: &[Plan], mut id: u32) -> u32 {
    for _ in 0..8 {
        let Some(plan) = usize::try_from(id).unwrap().checked_sub(1).and_then(|at| plans.get(at)) else {
            return 0;
        };
        match plan.kind {
            Kind::Ptr => return 8,
            Kind::Typedef | Kind::Const | Kind::Volatile | Kind::Restrict | Kind::TypeTag => id = plan.target,
            Kind::Array => return 2 * size_of_plan(plans, plan.target),
            Kind::Float if plan.size == 1 => return 2,
            Kind::Enum | Kind::Enum64 => return plan.size.min(8),
            _ => return plan.size,
        }
    }
    8
}

fn size_of_plan(plans: &[Plan], id: u32) -> u32 {
    usize::try_from(id).unwrap().checked_sub(1).and_then(|at| plans.get(at)).map_or(0, |plan| {
        match plan.kind {
            Kind::Ptr => 8,
            _ => plan.size,
        }
    })
}

/// Whether bit-fields may be of that type.
fn is_integral(plans: &[Plan], id: u32) -> bool {
    let at = usize::try_from(id).unwrap().checked_sub(1);
    at.and_then(|at| plans.get(at))
        .is_some_and(|plan| matches!(plan.kind, Kind::Int | Kind::Enum | Kind::Enum64))
}

fn ident(random: &mut Random) -> u32 {
    *random.pick(&IDENTS)
}

fn ident_or_none(random: &mut Random) -> u32 {
    if random.below(2) == 0 { 0 } else { ident(random) }
}

fn write(random: &mut Random, plans: &[Plan], id: u32, words: &mut Vec<u32>) {
    let at = usize::try_from(id).unwrap() - 1;
    let plan = plans[at];
    let kind = plan.kind;
    let mut tail = Vec::new();
    let (mut name, mut vlen, mut flag, mut arg) = (0, 0, 0, plan.target);
    match kind {
        Kind::Int => {
            name = ident(random);
            arg = plan.size;
            let bits = if random.below(8) == 0 { 1 + random.below(plan.size * 8) } else { plan.size * 8 };
            let encoding = *random.pick(&[0, 1, 2, 4]);
            tail.push(encoding << 24 | bits);
        }
        Kind::Ptr | Kind::Volatile | Kind::Const | Kind::Restrict => {
            if random.below(12) == 0 {
                arg = 0;
            }
        }
        Kind::Typedef | Kind::TypeTag => name = ident(random),
        Kind::Array => {
            arg = 0;
            tail.extend([
                plan.target,
                if random.below(30) == 0 { target(random, plans, at, kind) } else { 1 },
            ]);
            tail.push(random.below(3));
        }
        Kind::Struct | Kind::Union => {
            name = ident_or_none(random);
            let bitfields = random.below(4) == 0;
            flag = u32::from(bitfields);
            let mut bit = 0;
            for _ in 0..random.below(5) {
                let ty = target(random, plans, at, kind);
                let bytes = size(plans, ty);
                let start = if kind == Kind::Union { 0 } else { bit };
                let width = if bitfields && random.below(2) == 0 && is_integral(plans, ty) {
                    random.below(9)
                } else {
                    0
                };
                if width == 0 && start % 8 != 0 {
                    continue;
                }
                tail.extend([ident_or_none(random), ty, width << 24 | start]);
                bit += if width == 0 { bytes * 8 } else { width };
                vlen += 1;
            }
            let most = if kind == Kind::Union { 64 } else { bit.div_ceil(8) };
            arg = if random.below(20) == 0 { plan.size } else { most + random.below(2) * 8 };
        }
        Kind::Enum | Kind::Enum64 => {
            (name, arg, flag) = (ident_or_none(random), plan.size.min(8), random.below(2));
            for value in 0..random.below(4) {
                tail.extend([ident(random), value]);
                tail.extend((kind == Kind::Enum64).then_some(0));
                vlen += 1;
            }
        }
        Kind::Fwd => (name, arg, flag) = (ident(random), 0, random.below(2)),
        Kind::Func => (name, vlen) = (ident(random), random.below(2)),
        Kind::FuncProto => {
            if random.below(2) == 0 {
                arg = 0;
            }
            for _ in 0..random.below(4) {
                let unnamed = random.below(8) == 0;
                tail.extend([if unnamed { 0 } else { ident(random) }, target(random, plans, at, kind)]);
                vlen += 1;
            }
            if random.below(8) == 0 {
                tail.extend([0, 0]);
                vlen += 1;
            }
        }
        Kind::Var => {
            name = ident(random);
            tail.push(random.below(2));
        }
        Kind::Datasec => {
            name = ident(random);
            let mut end = 0;
            for _ in 0..random.below(4) {
                let var = target(random, plans, at, kind);
                if plans[usize::try_from(var).unwrap() - 1].kind != Kind::Var {
                    continue;
                }
                let len = size(plans, plans[usize::try_from(var).unwrap() - 1].target).max(1);
                tail.extend([var, end, len]);
                end += len;
                vlen += 1;
            }
            arg = end + 1;
        }
        Kind::Float => (name, arg) = (ident(random), if plan.size == 1 { 2 } else { plan.size }),
        Kind::DeclTag => {
            (name, flag) = (ident(random), random.below(2));
            tail.push(if random.below(4) == 0 { random.below(3) } else { u32::MAX });
        }
    }
    words.extend([name, flag << 31 | kind.number() << 24 | vlen, arg]);
    words.extend(tail);
}

/// What the kernel itself uses when it is a member, with its size; and what such members are tagged with.
const FIELDS: [(&str, u32); 7] = [
    ("bpf_spin_lock", 4),
    ("bpf_res_spin_lock", 4),
    ("bpf_list_head", 16),
    ("bpf_list_node", 24),
    ("bpf_rb_root", 16),
    ("bpf_rb_node", 32),
    ("bpf_refcount", 4),
];
const TAGS: [&str; 7] = [
    "contains:a:b",
    "contains:a:next",
    "contains:b",
    "contains:zz:a",
    "kptr_untrusted",
    "uptr",
    "percpu_kptr",
];

/// A set whose structs have members that the kernel itself uses, mostly in places that it takes.
pub(super) fn fields(random: &mut Random) -> Vec<u8> {
    let mut strings = NAMES.to_vec();
    let mut places = Vec::new();
    for name in FIELDS.iter().map(|(name, _)| *name).chain(TAGS) {
        places.push(u32::try_from(strings.len()).unwrap());
        strings.extend(name.bytes());
        strings.push(0);
    }
    let (names, tags) = places.split_at(FIELDS.len());
    // 1: an integer, 2 to 8: the fields, 9: what is tagged, 10: a pointer to it, 11 and on: structs.
    let mut words = vec![1, 1 << 24, 4, 32];
    for (name, (_, size)) in names.iter().zip(FIELDS) {
        let size = if random.below(16) == 0 { size + 4 } else { size };
        words.extend([*name, 4 << 24, size]);
    }
    let structs = 1 + random.below(5);
    words.extend([tags[4 + random.index(3)], 18 << 24, 11 + random.below(structs), 0, 2 << 24, 9]);
    let mut counts = Vec::new();
    for id in 11..11 + structs {
        let count = random.below(5);
        counts.push(count);
        // One struct that has others in it is as large as they are.
        let level = 400 << id.saturating_sub(11);
        words.extend([ident(random), 4 << 24 | count, level]);
        let mut bit = 0;
        for _ in 0..count {
            let inner = id > 11 && random.below(8) == 0 && bit == 0;
            let ty = if inner { 11 + random.below(id - 11) } else { 1 + random.below(10) };
            words.extend([ident(random), if ty == 9 { 2 } else { ty }, bit]);
            let size = match ty {
                2..=8 => FIELDS[usize::try_from(ty - 2).unwrap()].1,
                11.. => 400 << (ty - 11),
                _ => 8,
            };
            bit += if random.below(8) == 0 { 8 * size + 8 } else { (8 * size).next_multiple_of(64) };
        }
    }
    // A struct that has others in it is as large as they are.
    for _ in 0..random.below(6) {
        words.extend([
            tags[random.index(4)],
            17 << 24,
            11 + random.below(structs),
            random.below(5).wrapping_sub(1),
        ]);
    }
    blob(&words, &strings)
}

/// Damages one type of a section whose header is right, or the order of types.
pub(super) fn damage(random: &mut Random, blob: &mut Vec<u8>) {
    let Some((mut types, strings)) = split(blob) else { return };
    let count = u32::try_from(types.len()).unwrap();
    let at = random.index(types.len());
    match random.below(24) {
        0 => types.swap(at, random.index(usize::try_from(count).unwrap())),
        1 => types.insert(random.index(usize::try_from(count).unwrap()), types[at].clone()),
        2 => drop(types.remove(at)),
        3 => types[at][1] = types[at][1] & !(0x1f << 24) | random.below(21) << 24,
        4 => types[at][1] ^= 1 << 31,
        5 => types[at][1] = types[at][1].wrapping_add(*random.pick(&[1, u32::MAX])),
        6 => types[at][1] ^= 1 << random.below(32),
        7 => {
            let offset = random.below(120);
            types[at][0] = *random.pick(&[0, 1, 26, offset, 4, u32::MAX, 0x00ff_ffff]);
        }
        8 => types[at][2] = random.below(count + 3),
        9 => types[at][2] = types[at][2].wrapping_add(random.below(9)).wrapping_sub(4),
        10 => {
            types[at][2] = *random.pick(&[0, 1, 2, 4, 8, 16, 0xffff, 0xf_ffff, 0x10_0000, u32::MAX, 1 << 31])
        }
        11 => {
            let word = random.index(types[at].len());
            types[at].remove(word);
        }
        12 => {
            let word = random.index(types[at].len());
            let value = random.below(40);
            types[at].insert(word, value);
        }
        _ if types[at].len() > 3 => {
            let word = 3 + random.index(types[at].len() - 3);
            let old = types[at][word];
            types[at][word] = match random.below(8) {
                0 => random.below(9),
                1 => old.wrapping_add(random.below(9)).wrapping_sub(4),
                2 => 1 << random.below(32),
                3 => old ^ 1 << random.below(32),
                4 => u32::MAX,
                5 => old.wrapping_mul(8),
                _ => random.below(count + 3),
            };
        }
        _ => types[at][2] = random.below(count + 3),
    }
    *blob = self::blob(&types.concat(), strings);
}

/// The types of a section, each in its words, and the strings.
pub(super) fn split(blob: &[u8]) -> Option<(Vec<Vec<u32>>, &[u8])> {
    let word = |at: usize| Some(u32::from_ne_bytes(blob.get(at..at + 4)?.try_into().ok()?));
    let len = usize::try_from(word(12)?).ok()?;
    if word(4)? != 24 || word(8)? != 0 {
        return None;
    }
    let words: Vec<u32> =
        blob.get(24..)?.get(..len)?.as_chunks().0.iter().map(|&word| u32::from_ne_bytes(word)).collect();
    let mut types = Vec::new();
    let mut rest = &words[..];
    while rest.len() >= 3 {
        let kind = Kind::from_number(rest[1] >> 24 & 0x1f);
        let size = kind.map_or(12, |kind| kind.encoded_size(rest[1] & 0xffff)) / 4;
        let (first, after) = rest.split_at(size.min(rest.len()));
        types.push(first.to_vec());
        rest = after;
    }
    (!types.is_empty()).then_some((types, blob.get(24 + len..)?))
}
