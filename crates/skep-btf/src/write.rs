//! A set of types to bytes.

use crate::btf::Btf;
use crate::bytes::{Endian, index, push_preamble, word};
use crate::kind::{Arg, Vlen};
use crate::store::{Record, Store};
use crate::types::{Type, TypeId};

/// The header without a layout, which old readers do not know.
pub(crate) const HEADER_LEN: u32 = 24;
/// The header with one.
const HEADER_WITH_LAYOUT: u32 = 32;

/// The section; the builder and the parser have checked that it fits into 32 bits.
pub(crate) fn btf(btf: &Btf, endian: Endian) -> Vec<u8> {
    let (store, strings) = (btf.store(), btf.strings().section());
    let types_len = types_len(store);
    // Who does not know a kind has to know how long its types are.
    let layout = if store.opaque.is_empty() { Vec::new() } else { store.lengths.section() };
    let header = if layout.is_empty() { HEADER_LEN } else { HEADER_WITH_LAYOUT };
    let mut out = Vec::with_capacity(index(header) + types_len + layout.len() + strings.len());
    push_preamble(&mut out, endian, header);
    let fields = [0, types_len, types_len + layout.len(), strings.len(), types_len, layout.len()];
    for field in &fields[..if layout.is_empty() { 4 } else { 6 }] {
        endian.push_u32(&mut out, word(*field));
    }
    for record in &store.records {
        push_type(&mut out, endian, store, record);
    }
    out.extend_from_slice(&layout);
    out.extend_from_slice(strings);
    out
}

/// The size of the type section, in bytes.
pub(crate) fn types_len(store: &Store) -> usize {
    store.records.iter().map(record_size).sum()
}

/// The size of one type, in bytes.
pub(crate) fn encoded_size(store: &Store, id: TypeId) -> usize {
    store.record(id).map_or(0, record_size)
}

fn record_size(record: &Record) -> usize {
    if record.is_opaque {
        return (2 + index(record.b)) * 4;
    }
    let row = record.kind.row();
    let elems = if row.vlen == Vlen::Count { index(record.b) } else { 0 };
    12 + row.info_size + elems * row.elem_size
}

fn push_type(out: &mut Vec<u8>, endian: Endian, store: &Store, record: &Record) {
    if record.is_opaque {
        let (info, tail) = store.words(record).split_first().unwrap_or((&0, &[]));
        [&[record.name.0, *info, record.arg], tail]
            .concat()
            .iter()
            .for_each(|&word| endian.push_u32(out, word));
        return;
    }
    let row = record.kind.row();
    let vlen = match row.vlen {
        Vlen::Count => record.b,
        Vlen::Linkage => record.a,
        Vlen::Zero => 0,
    };
    let arg = if matches!(row.arg, Arg::Size | Arg::Type) { record.arg } else { 0 };
    let mut push = |words: &[u32]| words.iter().for_each(|&word| endian.push_u32(out, word));
    push(&[record.name.0, u32::from(record.flag) << 31 | row.kind.number() << 24 | vlen, arg]);
    match store.view(record) {
        Type::Int(_) | Type::Var(_) | Type::DeclTag(_) => push(&[record.a]),
        Type::Array(array) => push(&[array.elem.0, array.index.0, array.len]),
        Type::Struct(composite) | Type::Union(composite) => {
            for member in composite.members {
                push(&[
                    member.name.0,
                    member.ty.0,
                    u32::from(member.bitfield_size) << 24 | member.bit_offset,
                ]);
            }
        }
        Type::Enum(e) => e.values.iter().for_each(|v| push(&[v.name.0, low_half(v.value)])),
        Type::Enum64(e) => {
            e.values.iter().for_each(|v| push(&[v.name.0, low_half(v.value), low_half(v.value >> 32)]))
        }
        Type::FuncProto(proto) => proto.params.iter().for_each(|p| push(&[p.name.0, p.ty.0])),
        Type::Datasec(section) => section.vars.iter().for_each(|v| push(&[v.var.0, v.offset, v.size])),
        Type::Void
        | Type::Ptr(_)
        | Type::Fwd(_)
        | Type::Typedef(_)
        | Type::Volatile(_)
        | Type::Const(_)
        | Type::Restrict(_)
        | Type::Func(_)
        | Type::Float { .. }
        | Type::TypeTag(_) => {}
    }
}

fn low_half(value: i64) -> u32 {
    let [a, b, c, d, ..] = value.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}
