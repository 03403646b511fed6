//! The set, and where each type of each input is in it.

use std::sync::Arc;

use super::graph::Graph;
use super::order::Types;
use super::{Deduped, IdMap};
use crate::btf::Btf;
use crate::bytes::{index, word};
use crate::error::Error;
use crate::kind::Kind;
use crate::store::{Record, Store};
use crate::strings::Strings;
use crate::types::{Enumerator, Member, Param, SecVar, StrRef, TypeId};

pub(crate) fn deduped(
    graph: &Graph<'_>,
    types: &Types<'_, '_>,
    inputs: &[&Btf],
    base: Option<Arc<Btf>>,
) -> Result<Deduped, Error> {
    let ids = ids(types);
    let id_of_node = |node: u32| ids[index(types.of[index(node)])];
    let mut out = Out {
        graph,
        strings: match &base {
            Some(base) => Text { start: base.strings().end(), ..Text::default() },
            None => Text { bytes: vec![0], ..Text::default() },
        },
        store: Store { base: graph.base, ..Store::default() },
    };
    out.strings.places = vec![StrRef::EMPTY; graph.names.texts.len()];
    out.store.records.reserve_exact(types.order.len());
    for &ty in &types.order {
        out.push(types.node[index(ty)], id_of_node)?;
    }
    let strings = Strings::from_section(out.strings.start, &out.strings.bytes);
    let maps = inputs
        .iter()
        .zip(&graph.before)
        .map(|(input, &before)| {
            let nodes = before + 1..=before + word(input.store().records.len());
            IdMap { kept: input.store().base, ids: nodes.map(id_of_node).collect() }
        })
        .collect();
    Ok(Deduped { btf: Btf::from_parts(base, strings, out.store), maps })
}

/// By type, its id in the result. Those of a base have theirs.
fn ids(types: &Types<'_, '_>) -> Vec<TypeId> {
    let own = |ty| if types.is_in_base(ty) { TypeId(types.node[index(ty)]) } else { TypeId::VOID };
    let mut ids: Vec<TypeId> = (0..word(types.node.len())).map(own).collect();
    for (&ty, id) in types.order.iter().zip(types.graph.base + 1..) {
        ids[index(ty)] = TypeId(id);
    }
    ids
}

/// The strings of the result.
#[derive(Default)]
struct Text {
    start: u32,
    bytes: Vec<u8>,
    /// Where each one is, if it has been used.
    places: Vec<StrRef>,
}

struct Out<'g, 'a> {
    graph: &'g Graph<'a>,
    strings: Text,
    store: Store,
}

impl Out<'_, '_> {
    fn name(&mut self, number: u32) -> Result<StrRef, Error> {
        let names = &self.graph.names;
        let place = self.strings.places[index(number)];
        if number == 0 || place != StrRef::EMPTY {
            return Ok(place);
        }
        let place = match names.in_base(number) {
            Some(place) => place,
            None => {
                let len = self.strings.bytes.len();
                let text = names.texts[index(number)];
                self.strings.bytes.extend_from_slice(text);
                self.strings.bytes.push(0);
                let end = u32::try_from(self.strings.bytes.len()).ok();
                if end.and_then(|end| end.checked_add(self.strings.start)).is_none() {
                    let (id, what, found) = (TypeId(self.store.count()), "bytes of strings", u64::MAX);
                    return Err(Error::Limit { id, what, found, limit: u32::MAX.into() });
                }
                StrRef(self.strings.start + word(len))
            }
        };
        self.strings.places[index(number)] = place;
        Ok(place)
    }

    /// Appends a type, which looks like the node.
    fn push(&mut self, node: u32, id_of: impl Fn(u32) -> TypeId) -> Result<(), Error> {
        let graph = self.graph;
        let head = *graph.node(node);
        let Some(kind) = head.kind else { return Ok(()) };
        let (words, edges) = (graph.words(node), graph.edges(node));
        let first = edges.first().map_or(TypeId::VOID, |&to| id_of(to));
        let mut record = Record {
            name: self.name(head.name)?,
            kind,
            is_opaque: false,
            flag: head.flag,
            arg: 0,
            a: head.extra,
            b: 0,
        };
        match kind {
            Kind::Int | Kind::Float => record.arg = head.size,
            Kind::Array => {
                record.arg = first.0;
                record.a = edges.get(1).map_or(0, |&index| id_of(index).0);
                record.b = head.size;
            }
            Kind::Struct | Kind::Union => {
                (record.arg, record.a) = (head.size, word(self.store.members.len()));
                record.b = word(edges.len());
                for (&[name, offset], &ty) in words.as_chunks().0.iter().zip(edges) {
                    let [bitfield_size, ..] = if head.flag { offset.to_be_bytes() } else { [0; 4] };
                    let bit_offset = if head.flag { offset & 0x00ff_ffff } else { offset };
                    let member = Member { name: self.name(name)?, ty: id_of(ty), bit_offset, bitfield_size };
                    self.store.members.push(member);
                }
            }
            Kind::Enum | Kind::Enum64 => {
                (record.arg, record.a) = (head.size, word(self.store.enumerators.len()));
                record.b = word(words.len() / 3);
                for &[name, low, high] in words.as_chunks().0 {
                    let value = (u64::from(high) << 32 | u64::from(low)).cast_signed();
                    let enumerator = Enumerator { name: self.name(name)?, value };
                    self.store.enumerators.push(enumerator);
                }
            }
            Kind::FuncProto => {
                (record.arg, record.a) = (first.0, word(self.store.params.len()));
                record.b = word(words.len());
                for (&name, &ty) in words.iter().zip(edges.iter().skip(1)) {
                    let param = Param { name: self.name(name)?, ty: id_of(ty) };
                    self.store.params.push(param);
                }
            }
            Kind::Datasec => {
                (record.arg, record.a) = (head.size, word(self.store.vars.len()));
                record.b = word(edges.len());
                for (&[offset, size], &var) in words.as_chunks().0.iter().zip(edges) {
                    self.store.vars.push(SecVar { var: id_of(var), offset, size });
                }
            }
            Kind::Fwd => {}
            Kind::Ptr
            | Kind::Typedef
            | Kind::Volatile
            | Kind::Const
            | Kind::Restrict
            | Kind::Func
            | Kind::Var
            | Kind::DeclTag
            | Kind::TypeTag => record.arg = first.0,
        }
        self.store.records.push(record);
        Ok(())
    }
}
