//! What is changed in the types of an object.

use std::collections::{HashMap, HashSet};

use skep_btf::{
    Btf, Endian, FuncProto, IntEncoding, Kind, Linkage, Param, SecVar, StrRef, Type, TypeId, mangle,
};
use skep_object::Image;
use skep_object::image::FuncId;

use super::records::{HEADER_LEN, Header, records};
use super::{About, needs_types};
use crate::select::Selection;

/// What is kept of an object's types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// All of them, under their ids.
    Types,
    /// Only the strings, to which lines refer: functions get plain types, by which they are verified in their callers.
    Strings,
}

const HOST: Endian = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };

/// What the kernel would take for the image's types, as a section, and what that says about the image.
pub(super) fn for_kernel(
    image: &Image,
    btf: &Btf,
    selection: &Selection<'_>,
    keep: Keep,
) -> (Vec<u8>, About) {
    let bytes = btf.to_bytes(HOST);
    let header = Header::parse(&bytes).unwrap_or(Header { types: &[], strings: &[0] });
    let mut section = Section {
        types: Vec::with_capacity(header.types.len() + 256),
        strings: header.strings.to_vec(),
        count: 0,
    };
    if keep == Keep::Types {
        section.rewrite(btf, header.types, &linkages(image, selection));
    }
    let about = About {
        funcs: section.funcs(image, selection, keep),
        sized: section.sized(image),
        files: image.files.iter().map(|file| section.string(file)).collect(),
    };
    (section.into_bytes(), about)
}

/// Whether a type is a data section that the kernel would refuse: nothing of what it lists has a place. It becomes
/// `void *`, which says nothing; ids of others stay what they are.
fn is_nothing(btf: &Btf, ty: &Type<'_>) -> bool {
    let Type::Datasec(section) = ty else { return false };
    let is_placed = |var: &SecVar| {
        matches!(btf.ty(var.var), Type::Var(v) if v.linkage != Linkage::Extern)
            && btf.size_of(var.var).is_some_and(|size| size <= var.size.into())
            && var.offset.checked_add(var.size).is_some_and(|end| end <= section.size)
    };
    let is_before = |pair: &[SecVar]| pair[0].offset.saturating_add(pair[0].size) <= pair[1].offset;
    section.size == 0 || !section.vars.iter().all(is_placed) || !section.vars.windows(2).all(is_before)
}

/// Functions that are verified otherwise than their types say: one whose address is taken, or that nobody outside can
/// call, is verified in each of its callers.
fn linkages(image: &Image, selection: &Selection<'_>) -> HashMap<TypeId, Linkage> {
    let programs: HashSet<FuncId> = selection.programs.iter().map(|program| program.id).collect();
    let mut linkages = HashMap::new();
    for (id, func) in (0..).map(FuncId).zip(&image.funcs) {
        let Some(ty) = func.ty else { continue };
        let is_callback = selection.is_callback[id.0 as usize];
        if is_callback || (!func.exported && !programs.contains(&id)) {
            linkages.insert(ty, Linkage::Static);
        }
    }
    linkages
}

/// The types of functions that have parameters without names.
fn protos_to_name(btf: &Btf) -> HashSet<TypeId> {
    let protos = btf.iter().filter_map(|(_, ty)| match ty {
        Type::Func(func) => Some(func.proto),
        _ => None,
    });
    protos
        .filter(
            |&proto| matches!(btf.ty(proto), Type::FuncProto(proto) if proto.params.iter().any(is_unnamed)),
        )
        .collect()
}

fn is_unnamed(param: &Param) -> bool {
    param.name == StrRef::EMPTY && *param != Param::VARIADIC
}

fn named(proto: &FuncProto<'_>, name: u32) -> Vec<u32> {
    let name = |param: &Param| if is_unnamed(param) { name } else { param.name.0 };
    proto.params.iter().flat_map(|param| [name(param), param.ty.0]).collect()
}

/// A section that is being written.
struct Section {
    types: Vec<u8>,
    strings: Vec<u8>,
    count: u32,
}

impl Section {
    /// All types of an object, changed where the kernel wants it otherwise.
    fn rewrite(&mut self, btf: &Btf, types: &[u8], linkages: &HashMap<TypeId, Linkage>) {
        let protos = protos_to_name(btf);
        let mut unnamed = None;
        for ((id, ty), record) in btf.iter().zip(records(types)) {
            let name = record.name;
            match ty {
                _ if is_nothing(btf, &ty) => self.push(0, Kind::Ptr, 0, 0, &[]),
                Type::Var(var) if var.linkage == Linkage::Extern => self.push(name, Kind::Typedef, 0, 0, &[]),
                Type::Func(func) => {
                    let linkage = linkages.get(&id).copied().unwrap_or(match func.linkage {
                        Linkage::Static => Linkage::Static,
                        Linkage::Global | Linkage::Extern => Linkage::Global,
                    });
                    self.push(name, Kind::Func, linkage as u32, func.proto.0, &[])
                }
                Type::FuncProto(proto) if protos.contains(&id) => {
                    let unnamed = *unnamed.get_or_insert_with(|| self.string("unnamed"));
                    self.push(0, Kind::FuncProto, record.vlen, proto.ret.0, &named(&proto, unnamed))
                }
                Type::Int(int) if int.encoding == IntEncoding::SignedChar => {
                    let signed = (IntEncoding::Signed as u32) << 24
                        | u32::from(int.offset) << 16
                        | u32::from(int.bits);
                    self.push(name, Kind::Int, 0, int.size, &[signed])
                }
                _ => self.copy(record.bytes),
            };
        }
    }

    fn copy(&mut self, record: &[u8]) -> TypeId {
        self.types.extend_from_slice(record);
        self.count += 1;
        TypeId(self.count)
    }

    fn push(&mut self, name: u32, kind: Kind, vlen: u32, arg: u32, rest: &[u32]) -> TypeId {
        for word in [name, kind.number() << 24 | vlen, arg].iter().chain(rest) {
            self.types.extend_from_slice(&word.to_ne_bytes());
        }
        self.count += 1;
        TypeId(self.count)
    }

    fn string(&mut self, string: &str) -> u32 {
        let at = u32::try_from(self.strings.len()).unwrap_or(0);
        // What follows a zero byte would be lost anyway.
        self.strings.extend(string.bytes().take_while(|&byte| byte != 0));
        self.strings.push(0);
        at
    }

    /// The FUNC of each function that is part of a program.
    fn funcs(&mut self, image: &Image, selection: &Selection<'_>, keep: Keep) -> HashMap<FuncId, TypeId> {
        let mut funcs = HashMap::new();
        let mut proto = None;
        let all = (0..).map(FuncId).zip(&image.funcs).zip(&selection.is_loaded);
        for ((id, func), _) in all.filter(|(_, is_loaded)| **is_loaded) {
            let ty = func.ty.filter(|_| keep == Keep::Types).unwrap_or_else(|| {
                let proto: TypeId = *proto.get_or_insert_with(|| self.push(0, Kind::FuncProto, 0, 0, &[]));
                let name = self.string(&mangle(&func.name));
                self.push(name, Kind::Func, Linkage::Static as u32, proto.0, &[])
            });
            funcs.insert(id, ty);
        }
        funcs
    }

    /// Types for maps that must have them: a `u32`, and for each size an array of bytes in a struct.
    fn sized(&mut self, image: &Image) -> Vec<(u32, TypeId)> {
        let mut sized: Vec<(u32, TypeId)> = Vec::new();
        let needing = image.maps.iter().map(|map| &map.def).filter(|def| needs_types(def.ty));
        for size in needing.flat_map(|def| [def.key_size, def.value_size]) {
            if sized.iter().any(|(known, _)| *known == size) {
                continue;
            }
            let ty = match size {
                1 | 2 | 4 | 8 => {
                    let name = self.string("unsigned");
                    self.push(name, Kind::Int, 0, size, &[size * 8])
                }
                _ => {
                    let name = self.string("byte");
                    let byte = self.push(name, Kind::Int, 0, 1, &[8]);
                    let array = self.push(0, Kind::Array, 0, 0, &[byte.0, byte.0, size]);
                    self.push(0, Kind::Struct, 1, size, &[name, array.0, 0])
                }
            };
            sized.push((size, ty));
        }
        sized
    }

    fn into_bytes(self) -> Vec<u8> {
        let word = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let [types, strings] = [self.types.len(), self.strings.len()].map(word);
        let mut bytes = Vec::with_capacity(HEADER_LEN + self.types.len() + self.strings.len());
        bytes.extend_from_slice(&0xeb9f_u16.to_ne_bytes());
        bytes.extend_from_slice(&[1, 0]);
        for field in [word(HEADER_LEN), 0, types, types, strings] {
            bytes.extend_from_slice(&field.to_ne_bytes());
        }
        bytes.extend_from_slice(&self.types);
        bytes.extend_from_slice(&self.strings);
        bytes
    }
}
