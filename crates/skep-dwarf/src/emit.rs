//! Records to BTF.
//!
//! Types are numbered in the order of their first DIEs, each behind what it is made of, as far as it does not contain
//! itself. Kernels look only so far ahead.

use skep_btf::{Btf, Endian, Kind, Linkage, mangle};

use crate::error::Error;
use crate::functions::As;
use crate::hash::{Map, Set};
use crate::names::{Name, Names};
use crate::path::Paths;
use crate::pool::{Id, Place, Rec, Record, Records};
use crate::reader::{index, word};
use crate::variables::Section;

/// Everything that is written.
pub(crate) struct Output<'o> {
    pub(crate) records: &'o Records,
    pub(crate) names: &'o Names<'o>,
    pub(crate) functions: &'o [(Id, As)],
    pub(crate) sections: &'o [Section<'o>],
    pub(crate) endian: Endian,
    /// The name of the type that indices of arrays have.
    pub(crate) index: &'o str,
}

/// Writes the types; the second is where each comes from, by its number from 1.
pub(crate) fn btf(output: &Output<'_>) -> Result<(Btf, Vec<Place>), Error> {
    let mut writer = Writer::new(output);
    writer.number_types();
    writer.write_types();
    writer.write_declarations();
    writer.write_tags();
    let places = std::mem::take(&mut writer.places);
    let bytes = writer.finish()?;
    Ok((Btf::parse(&bytes)?, places))
}

struct Writer<'o> {
    output: &'o Output<'o>,
    paths: Paths<'o>,
    strings: Strings,
    /// The type of each record, 0 for none yet.
    ids: Vec<u32>,
    /// The definition of each name.
    definitions: Map<Id, Id>,
    /// Names without a definition that stand where only what has a size may.
    by_value: Set<Id>,
    /// The records in the order of their types.
    order: Vec<Id>,
    next: u32,
    /// The type of indices, and whether there is no record for it.
    array_index: u32,
    has_own_index: bool,
    places: Vec<Place>,
    /// Whether what is being written takes tags, and the exact names of those whose spelling does not tell it.
    takes_tags: bool,
    exact: Vec<(u32, String)>,
    bytes: Vec<u8>,
}

/// The string section.
struct Strings {
    bytes: Vec<u8>,
    known: Map<Box<[u8]>, u32>,
    by_name: Map<Name, u32>,
}

impl<'o> Writer<'o> {
    fn new(output: &'o Output<'o>) -> Writer<'o> {
        Writer {
            output,
            paths: Paths::new(output.records, output.names),
            strings: Strings { bytes: vec![0], known: Map::default(), by_name: Map::default() },
            ids: vec![0; output.records.limit()],
            definitions: Map::default(),
            by_value: Set::default(),
            order: Vec::new(),
            next: 1,
            array_index: 0,
            has_own_index: false,
            places: Vec::new(),
            takes_tags: true,
            exact: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Gives each type its number.
    fn number_types(&mut self) {
        let records = self.output.records;
        let mut roots: Vec<(Place, usize, Id)> = Vec::new();
        let mut definitions: Vec<(Id, Place, Id)> = Vec::new();
        let mut has_arrays = false;
        for (id, record) in records.iter().filter(|(_, record)| record.count != 0) {
            let Some(rec) = record.rec() else { continue };
            match rec {
                Rec::Scope | Rec::DeclTag | Rec::Func | Rec::Var => continue,
                // Reached from what has that type.
                Rec::Proto => continue,
                Rec::Struct | Rec::Union | Rec::Enum | Rec::Wide if record.word(0) != 0 => {
                    definitions.push((record.id(0), record.first, id));
                }
                Rec::Array => has_arrays = true,
                _ => {}
            }
            roots.push((record.first, record.words.len(), id));
        }
        definitions.sort_unstable_by_key(|&(name, place, _)| (name, std::cmp::Reverse(place)));
        self.definitions.extend(definitions.into_iter().map(|(name, _, id)| (name, id)));
        roots.sort_unstable_by_key(|&(place, len, _)| (place, len));
        self.find_by_value();
        if has_arrays {
            match self.int() {
                Some(int) => {
                    self.number(int);
                    self.array_index = self.ids[index(int.0)];
                }
                None => {
                    self.array_index = self.next;
                    self.has_own_index = true;
                    self.next += 1;
                }
            }
        }
        for (_, _, id) in roots {
            self.number(id);
        }
        for &(function, _) in self.output.functions {
            self.number(records.get(function).id(2));
        }
        for section in self.output.sections {
            for variable in &section.variables {
                self.number(records.get(variable.record).id(2));
            }
        }
    }

    /// A prototype may take a struct by value that is nowhere defined, which the kernel refuses for a declaration, but
    /// not for a struct without members.
    fn find_by_value(&mut self) {
        let records = self.output.records;
        let mut found = Set::default();
        for (_, record) in records.iter().filter(|(_, record)| record.count != 0) {
            if !matches!(record.rec(), Some(Rec::Struct | Rec::Union | Rec::Proto | Rec::Array)) {
                continue;
            }
            each_type(&record, |mut to| {
                for _ in 0..MAX_CHAIN {
                    let record = records.get(to);
                    to = match record.rec() {
                        Some(Rec::Const | Rec::Volatile) => record.id(0),
                        Some(Rec::Typedef) => record.id(2),
                        Some(Rec::Name) if !self.definitions.contains_key(&to) => {
                            found.insert(to);
                            break;
                        }
                        _ => break,
                    };
                }
            });
        }
        self.by_value = found;
    }

    /// The type that indices of arrays have by custom, so that arrays of different encoders are the same.
    fn int(&self) -> Option<Id> {
        let is_int = |record: &Record<'_>| {
            record.rec() == Some(Rec::Int)
                && *self.output.names.text(record.name(1)) == *self.output.index.as_bytes()
        };
        let found = self.output.records.iter().filter(|(_, record)| record.count != 0 && is_int(record));
        found.min_by_key(|(_, record)| record.first).map(|(id, _)| id)
    }

    /// What a record is in the BTF: a name is its definition.
    fn meant(&self, id: Id) -> Id {
        self.definitions.get(&id).copied().unwrap_or(id)
    }

    /// Numbers a record behind all that it is made of.
    fn number(&mut self, root: Id) {
        // What is left to do: number the record, or, the second time, end it.
        let mut stack = vec![(self.meant(root), false)];
        while let Some((id, is_done)) = stack.pop() {
            if is_done {
                self.ids[index(id.0)] = self.next;
                self.next += 1;
                self.order.push(id);
                continue;
            }
            if id.is_void() || self.ids.get(index(id.0)).is_none_or(|&known| known != 0) {
                continue;
            }
            // Being made; a reference from inside finds its number when it is written.
            self.ids[index(id.0)] = u32::MAX;
            stack.push((id, true));
            let record = self.output.records.get(id);
            let first = stack.len();
            each_type(&record, |to| {
                let to = self.meant(to);
                if self.ids.get(index(to.0)).is_some_and(|&known| known == 0) {
                    stack.push((to, false));
                }
            });
            stack[first..].reverse();
        }
    }

    fn id(&self, id: u32) -> u32 {
        if id == 0 {
            return 0;
        }
        self.ids.get(index(self.meant(Id(id)).0)).copied().unwrap_or_default()
    }

    fn push(&mut self, words: &[u32]) {
        for &word in words {
            let bytes = match self.output.endian {
                Endian::Little => word.to_le_bytes(),
                Endian::Big => word.to_be_bytes(),
            };
            self.bytes.extend_from_slice(&bytes);
        }
    }

    fn head(&mut self, name: u32, kind: Kind, flag: bool, vlen: usize, arg: u32) {
        self.push(&[name, u32::from(flag) << 31 | kind.number() << 24 | word(vlen), arg]);
    }

    fn write_types(&mut self) {
        if self.has_own_index {
            let name = self.strings.add(b"__ARRAY_SIZE_TYPE__");
            self.head(name, Kind::Int, false, 0, 4);
            self.push(&[32]);
            self.places.push(Place::default());
        }
        for at in 0..self.order.len() {
            let id = self.order[at];
            self.write_type(id);
        }
    }

    fn write_type(&mut self, id: Id) {
        let record = self.output.records.get(id);
        self.places.push(record.first);
        let Some(rec) = record.rec() else { return };
        self.takes_tags = matches!(rec, Rec::Struct | Rec::Union | Rec::Wide | Rec::Typedef);
        match rec {
            Rec::Struct | Rec::Union => {
                let kind = if rec == Rec::Struct { Kind::Struct } else { Kind::Union };
                let name = self.name_of_definition(&record);
                let members: Vec<[u32; 4]> =
                    record.elements().filter_map(|member| member.try_into().ok()).collect();
                let has_bits = members.iter().any(|&[_, _, _, bits]| bits != 0);
                self.head(name, kind, has_bits, members.len(), record.word(1));
                for [name, ty, offset, bits] in members {
                    let name = self.identifier(Name(name));
                    let ty = self.id(ty);
                    self.push(&[name, ty, bits << 24 | offset]);
                }
            }
            Rec::Enum => self.write_enum(&record),
            Rec::Wide => {
                let name = self.name_of_definition(&record);
                let to = self.id(record.word(1));
                self.head(name, Kind::Typedef, false, 0, to);
            }
            Rec::Int => {
                let name = self.text(record.name(1));
                self.head(name, Kind::Int, false, 0, record.word(2));
                self.push(&[record.word(3)]);
            }
            Rec::Float => {
                let name = self.text(record.name(1));
                self.head(name, Kind::Float, false, 0, record.word(2));
            }
            Rec::Ptr | Rec::Const | Rec::Volatile | Rec::Restrict => {
                let kind = match rec {
                    Rec::Ptr => Kind::Ptr,
                    Rec::Const => Kind::Const,
                    Rec::Volatile => Kind::Volatile,
                    _ => Kind::Restrict,
                };
                let to = self.id(record.word(0));
                self.head(0, kind, false, 0, to);
            }
            Rec::Array => {
                let (elem, count) = (self.id(record.word(0)), record.word(1));
                self.head(0, Kind::Array, false, 0, 0);
                self.push(&[elem, self.array_index, count]);
            }
            Rec::Typedef => {
                let name = self.path(record.id(0), record.name(1), record.flags());
                let to = self.id(record.word(2));
                self.head(name, Kind::Typedef, false, 0, to);
            }
            Rec::Proto => {
                let params: Vec<[u32; 2]> =
                    record.elements().filter_map(|param| param.try_into().ok()).collect();
                let ret = self.id(record.word(0));
                self.head(0, Kind::FuncProto, false, params.len(), ret);
                for [name, ty] in params {
                    let name = self.identifier(Name(name));
                    let ty = self.id(ty);
                    self.push(&[name, ty]);
                }
            }
            Rec::TypeTag => {
                let text = self.text(record.name(0));
                let to = self.id(record.word(1));
                self.head(text, Kind::TypeTag, false, 0, to);
            }
            Rec::Name => {
                // Declared, and defined nowhere.
                let name = self.path(record.id(0), record.name(1), record.flags());
                match record.flags() >> 8 {
                    kind if self.by_value.contains(&id) && kind != Rec::Enum as u32 => {
                        let kind = if kind == Rec::Union as u32 { Kind::Union } else { Kind::Struct };
                        self.head(name, kind, false, 0, 0);
                    }
                    kind if kind == Rec::Enum as u32 => self.head(name, Kind::Enum, false, 0, 4),
                    kind => self.head(name, Kind::Fwd, kind == Rec::Union as u32, 0, 0),
                }
            }
            Rec::Scope | Rec::DeclTag | Rec::Func | Rec::Var => {}
        }
    }

    fn write_enum(&mut self, record: &Record<'_>) {
        let name = self.name_of_definition(record);
        let signed = record.flags() & 1 != 0;
        let values: Vec<[u32; 3]> = record.elements().filter_map(|value| value.try_into().ok()).collect();
        let size = record.word(1);
        if size == 8 {
            self.head(name, Kind::Enum64, signed, values.len(), size);
            for [name, low, high] in values {
                let name = self.identifier(Name(name));
                self.push(&[name, low, high]);
            }
        } else {
            self.head(name, Kind::Enum, signed, values.len(), size);
            for [name, low, _] in values {
                let name = self.identifier(Name(name));
                self.push(&[name, low]);
            }
        }
    }

    /// Functions, variables and sections, which no type refers to.
    fn write_declarations(&mut self) {
        let records = self.output.records;
        self.takes_tags = true;
        for &(function, name) in self.output.functions {
            let record = records.get(function);
            self.places.push(record.first);
            let name = match name {
                As::Itself => self.path(record.id(0), record.name(1), record.flags()),
                As::Symbol(symbol) => self.symbol(&record, symbol),
            };
            let proto = self.id(record.word(2));
            self.head(name, Kind::Func, false, index(Linkage::Static as u32), proto);
            self.ids[index(function.0)] = self.next;
            self.next += 1;
        }
        let mut written: Vec<Vec<u32>> = Vec::new();
        for section in self.output.sections {
            let mut places = Vec::new();
            for variable in &section.variables {
                let record = records.get(variable.record);
                self.places.push(record.first);
                let name = self.path(record.id(0), record.name(1), record.flags());
                let ty = self.id(record.word(2));
                self.head(name, Kind::Var, false, 0, ty);
                self.push(&[record.flags() & 1]);
                self.ids[index(variable.record.0)] = self.next;
                places.extend([self.next, variable.offset, variable.size]);
                self.next += 1;
            }
            written.push(places);
        }
        for (section, places) in self.output.sections.iter().zip(written) {
            let name = self.strings.add(section.name.as_bytes());
            self.head(name, Kind::Datasec, false, places.len() / 3, section.size);
            self.push(&places);
            self.places.push(Place::default());
            self.next += 1;
        }
    }

    /// Tags of what has been written.
    fn write_tags(&mut self) {
        let records = self.output.records;
        let is_tag = |record: &Record<'_>| record.rec() == Some(Rec::DeclTag) && record.count != 0;
        for (id, name) in std::mem::take(&mut self.exact) {
            let text = self.strings.add(format!("rust:name={name}").as_bytes());
            self.head(text, Kind::DeclTag, false, 0, id);
            self.push(&[u32::MAX]);
            self.places.push(Place::default());
            self.next += 1;
        }
        for at in 0..self.order.len() {
            let id = self.order[at];
            let record = records.get(id);
            if record.rec() == Some(Rec::Wide) {
                for text in record.elements() {
                    let text = self.text(Name(text[0]));
                    self.head(text, Kind::DeclTag, false, 0, self.ids[index(id.0)]);
                    self.push(&[u32::MAX]);
                    self.places.push(record.first);
                    self.next += 1;
                }
            }
        }
        let mut tags: Vec<(Place, u32, Id)> = Vec::new();
        for (id, record) in records.iter().filter(|(_, record)| is_tag(record)) {
            tags.push((record.first, record.word(2), id));
        }
        tags.sort_unstable();
        for (place, component, id) in tags {
            let record = records.get(id);
            let target = self.id(record.word(1));
            if target == 0 || target == u32::MAX {
                continue;
            }
            let text = self.text(record.name(0));
            self.head(text, Kind::DeclTag, false, 0, target);
            // Components count from 0, and the whole is -1.
            self.push(&[component.wrapping_sub(1)]);
            self.places.push(place);
            self.next += 1;
        }
    }

    fn name_of_definition(&mut self, record: &Record<'_>) -> u32 {
        if record.word(0) == 0 {
            return 0;
        }
        let name = self.output.records.get(record.id(0));
        self.path(name.id(0), name.name(1), name.flags())
    }

    /// The name of a type, function or variable.
    fn path(&mut self, scope: Id, name: Name, flags: u32) -> u32 {
        if flags & 0xf0 == 0 {
            return self.identifier(name);
        }
        let exact = self.paths.exact(scope, name);
        let spelled = skep_btf::mangle(&exact);
        let at = self.strings.add(spelled.as_bytes());
        if self.takes_tags && spelled.len() > LONG && mangle::decode(&spelled) != exact {
            self.exact.push((word(self.places.len()), exact));
        }
        at
    }

    /// The name of one of several functions of a path: its symbol, or, if the kernel does not take that, the path with
    /// what tells the symbol from others.
    fn symbol(&mut self, record: &Record<'_>, symbol: Name) -> u32 {
        let exact = self.paths.exact(record.id(0), record.name(1));
        let symbol = String::from_utf8_lossy(&self.output.names.text(symbol)).into_owned();
        let name = if mangle::is_identifier(&symbol) {
            self.strings.add(symbol.as_bytes())
        } else {
            let hash = legacy_hash(&symbol).unwrap_or(&symbol);
            self.strings.add(skep_btf::mangle(&format!("{exact}::{hash}")).as_bytes())
        };
        self.exact.push((word(self.places.len()), exact));
        name
    }

    /// The text of a tag, the name of a number: the kernel takes any.
    fn text(&mut self, name: Name) -> u32 {
        let text = self.output.names.text(name);
        self.strings.add(&text)
    }

    /// The name of anything else.
    fn identifier(&mut self, name: Name) -> u32 {
        if name.is_none() {
            return 0;
        }
        if let Some(&at) = self.strings.by_name.get(&name) {
            return at;
        }
        let text = self.output.names.text(name);
        let at = match std::str::from_utf8(&text) {
            Ok(text) => self.strings.add(skep_btf::mangle(text).as_bytes()),
            Err(_) => self.strings.add(skep_btf::mangle(&String::from_utf8_lossy(&text)).as_bytes()),
        };
        self.strings.by_name.insert(name, at);
        at
    }

    fn finish(mut self) -> Result<Vec<u8>, Error> {
        let (types, strings) = (word(self.bytes.len()), word(self.strings.bytes.len()));
        let limit = u64::from(u32::MAX);
        let total = u64::from(types) + u64::from(strings);
        if total >= limit {
            return Err(Error::Limit { what: "bytes of BTF", found: total, limit });
        }
        // The header comes first, but its lengths are known last.
        let body = std::mem::take(&mut self.bytes);
        self.bytes.reserve(HEADER_LEN + body.len() + self.strings.bytes.len());
        let magic = 0xeb9f_u16;
        self.bytes.extend_from_slice(&match self.output.endian {
            Endian::Little => magic.to_le_bytes(),
            Endian::Big => magic.to_be_bytes(),
        });
        self.bytes.extend_from_slice(&[1, 0]);
        self.push(&[word(HEADER_LEN), 0, types, types, strings]);
        self.bytes.extend_from_slice(&body);
        self.bytes.extend_from_slice(&self.strings.bytes);
        Ok(self.bytes)
    }
}

/// The hash that the symbol `_ZN..17h<16 digits>E` ends with.
fn legacy_hash(symbol: &str) -> Option<&str> {
    let (_, hash) = symbol.strip_suffix('E')?.split_at_checked(symbol.len().checked_sub(18)?)?;
    hash.starts_with('h').then_some(hash)
}

/// No source has longer chains of typedefs and qualifiers.
const MAX_CHAIN: usize = 32;

/// Shorter spellings tell the exact name, in bytes.
const LONG: usize = 480;

/// The header, in bytes.
const HEADER_LEN: usize = 24;

impl Strings {
    fn add(&mut self, text: &[u8]) -> u32 {
        if text.is_empty() {
            return 0;
        }
        if let Some(&at) = self.known.get(text) {
            return at;
        }
        let at = word(self.bytes.len());
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.known.insert(text.into(), at);
        at
    }
}

/// Calls `visit` with each type that a record is made of.
fn each_type(record: &Record<'_>, mut visit: impl FnMut(Id)) {
    match record.rec() {
        Some(Rec::Struct | Rec::Union) => record.elements().for_each(|member| visit(Id(member[1]))),
        Some(Rec::Proto) => {
            visit(record.id(0));
            record.elements().for_each(|param| visit(Id(param[1])));
        }
        Some(Rec::Ptr | Rec::Const | Rec::Volatile | Rec::Restrict | Rec::Array) => visit(record.id(0)),
        Some(Rec::Typedef) => visit(record.id(2)),
        Some(Rec::TypeTag | Rec::Wide) => visit(record.id(1)),
        _ => {}
    }
}
