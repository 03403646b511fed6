//! Random sets of types and records that are valid, and random damage to their bytes.

use skep_btf::{
    Array, Block, Btf, BtfExt, ByteOff, Composite, CoreKind, CoreRelo, Datasec, DeclTag, Endian, Enum,
    Enumerator, Func, FuncInfo, FuncProto, FwdKind, Int, IntEncoding, Kind, LineInfo, Linkage, Member, Param,
    SecVar, StrRef, Type, TypeId, TypeTag, Var,
};

/// Numbers that look random and are the same in each run (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Below `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(self.next() % u64::from(limit)).unwrap()
    }

    pub(crate) fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(u32::try_from(limit).unwrap())).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.index(of.len())]
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Random) -> T) -> Vec<T> {
        let len = if self.one_in(50) { self.below(300) } else { self.below(6) };
        (0..len).map(|_| item(self)).collect()
    }

    fn name(&mut self) -> String {
        match self.below(8) {
            0 | 1 => String::new(),
            2 => {
                self.pick(&["int", "long", "next", "__0", "Größe", "a b", ".maps", "type", "key"]).to_string()
            }
            _ => format!("n{}", self.below(60)),
        }
    }

    pub(crate) fn endian(&mut self) -> Endian {
        *self.pick(&[Endian::Little, Endian::Big])
    }
}

/// A set of any shape that can be encoded, sense or not, with references in all directions.
pub(crate) fn types(random: &mut Random) -> Btf {
    let mut types = Btf::builder();
    let count = 1 + random.below(60);
    for _ in 0..count {
        let kind = *random.pick(Kind::ALL);
        let linkage = *random.pick(&[Linkage::Static, Linkage::Global, Linkage::Extern]);
        let (size, flag) = (random.below(64), random.one_in(2));
        let ty = TypeId(random.below(count + 1));
        let name = random.name();
        let mut named = |random: &mut Random| types.string(&random.name());
        let mut bit = 0;
        let bitfields = random.one_in(4);
        let members = random.list(|random| {
            bit += random.below(70);
            let bitfield_size = if bitfields { random.below(33).to_le_bytes()[0] } else { 0 };
            let ty = TypeId(random.below(count + 1));
            Member { name: named(random), ty, bit_offset: bit, bitfield_size }
        });
        let params = random.list(|random| Param { name: named(random), ty: TypeId(random.below(count + 1)) });
        let vars = random.list(|random| SecVar {
            var: TypeId(random.below(count + 1)),
            offset: random.below(100),
            size: random.below(9),
        });
        let narrow = random.list(|random| {
            let bits = random.next().to_le_bytes()[0];
            let value = if flag { bits.cast_signed().into() } else { bits.into() };
            Enumerator { name: named(random), value }
        });
        let wide =
            random.list(|random| Enumerator { name: named(random), value: random.next().cast_signed() });
        let encoding = *random.pick(&[
            IntEncoding::Unsigned,
            IntEncoding::Signed,
            IntEncoding::Char,
            IntEncoding::SignedChar,
            IntEncoding::Bool,
        ]);
        let ty = match kind {
            Kind::Int => {
                Type::Int(Int { size, bits: 32, offset: random.below(9).to_le_bytes()[0], encoding })
            }
            Kind::Ptr => Type::Ptr(ty),
            Kind::Array => Type::Array(Array {
                elem: ty,
                index: TypeId(random.below(count + 1)),
                len: random.below(1 << 20),
            }),
            Kind::Struct => Type::Struct(Composite { size, members: &members }),
            Kind::Union => Type::Union(Composite { size, members: &members }),
            Kind::Enum => Type::Enum(Enum { size: 4, signed: flag, values: &narrow }),
            Kind::Enum64 => Type::Enum64(Enum { size: 8, signed: flag, values: &wide }),
            Kind::Fwd => Type::Fwd(if flag { FwdKind::Union } else { FwdKind::Struct }),
            Kind::Typedef => Type::Typedef(ty),
            Kind::Volatile => Type::Volatile(ty),
            Kind::Const => Type::Const(ty),
            Kind::Restrict => Type::Restrict(ty),
            Kind::Func => Type::Func(Func { proto: ty, linkage }),
            Kind::FuncProto => Type::FuncProto(FuncProto { ret: ty, params: &params }),
            Kind::Var => Type::Var(Var { ty, linkage }),
            Kind::Datasec => Type::Datasec(Datasec { size, vars: &vars }),
            Kind::Float => Type::Float { size },
            Kind::DeclTag => {
                let component = random.one_in(2).then(|| random.below(9));
                Type::DeclTag(DeclTag { target: ty, component, attribute: flag })
            }
            Kind::TypeTag => Type::TypeTag(TypeTag { ty, attribute: flag }),
        };
        types.add(&name, ty);
    }
    // Types that were equal share an id, and references may reach beyond the last one.
    for unique in 0..count {
        types.float(&format!("filler{unique}"), 4);
    }
    types.build().unwrap()
}

/// Records about the types, not always in order.
pub(crate) fn records(random: &mut Random, btf: &Btf) -> BtfExt {
    let strings: Vec<StrRef> = btf.ids().map(|id| btf.name_ref(id)).collect();
    let at = |random: &mut Random| ByteOff(random.below(100) * 8);
    let ty = |random: &mut Random| TypeId(random.below(btf.count() + 1));
    BtfExt {
        func_info: random.list(|random| Block {
            section: *random.pick(&strings),
            records: random.list(|random| FuncInfo { at: at(random), func: ty(random) }),
        }),
        line_info: random.list(|random| Block {
            section: *random.pick(&strings),
            records: random.list(|random| LineInfo {
                at: at(random),
                file: *random.pick(&strings),
                text: *random.pick(&strings),
                line: random.below(1 << 22),
                column: random.below(1 << 10),
            }),
        }),
        core_relo: random.list(|random| Block {
            section: *random.pick(&strings),
            records: random.list(|random| CoreRelo {
                at: at(random),
                ty: ty(random),
                access: *random.pick(&strings),
                kind: *random.pick(CoreKind::ALL),
            }),
        }),
    }
}

/// Damages the bytes as a broken disk, a broken tool or an attacker would.
pub(crate) fn damage(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        if bytes.is_empty() {
            return;
        }
        let at = random.index(bytes.len());
        match random.below(7) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next().to_le_bytes()[0],
            2 => bytes.truncate(at),
            3 => {
                bytes.insert(at, random.next().to_le_bytes()[0]);
            }
            4 => {
                let end = bytes.len().min(at + 4 * random.index(9));
                bytes.drain(at..end);
            }
            5 => {
                let end = bytes.len().min(at + 4 * random.index(9));
                bytes.extend_from_within(at..end);
            }
            _ => word(random, bytes, at & !3),
        }
    }
}

/// The section with damage to its types alone, and a header that is right about it.
pub(crate) fn damage_types(random: &mut Random, section: &[u8], endian: Endian) -> Vec<u8> {
    let (header, rest) = section.split_first_chunk::<24>().unwrap();
    let word = |at: usize| {
        let word = header[at..at + 4].try_into().unwrap();
        if endian == Endian::Big { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    };
    let (types, strings) = rest.split_at(usize::try_from(word(12)).unwrap());
    let mut types = types.to_vec();
    damage(random, &mut types);
    let len = u32::try_from(types.len()).unwrap();
    let len = if endian == Endian::Big { len.to_be_bytes() } else { len.to_le_bytes() };
    [&header[..12], &len, &len, &header[20..], &types, strings].concat()
}

/// Replaces an aligned word by one that limits and offsets meet.
fn word(random: &mut Random, bytes: &mut [u8], at: usize) {
    let len = u32::try_from(bytes.len()).unwrap();
    let some = random.below(1 << 7) << 24 | random.below(4);
    let words =
        [0, 1, 2, 4, 24, 32, 0xffff, 0x1_0000, 0x00ff_ffff, len, len - 1, len + 1, some, u32::MAX, 1 << 31];
    let word = *random.pick(&words);
    let word = if random.one_in(2) { word.to_le_bytes() } else { word.to_be_bytes() };
    if let Some(place) = bytes.get_mut(at..at + 4) {
        place.copy_from_slice(&word);
    }
}
