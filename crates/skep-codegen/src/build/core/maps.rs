//! Maps: declared with what their kind needs, and used through the helpers that take them.

use skep_btf::TypeId;
use skep_btf::maps::{MapDecl, MapType, Part, Pinning, Values};
use skep_insn::helper::Helper;

use super::body::FuncBuilder;
use super::handle::{Func, Map, Ty, Value};
use super::module::Module;
use crate::diag::Code;
use crate::ir::{self, Linkage, Op, Symbol, SymbolId, SymbolKind, Type};

/// A map as code sees it.
#[derive(Clone, Debug)]
pub(super) struct MapInfo {
    pub(super) symbol: SymbolId,
    kind: MapType,
    /// What is looked up.
    value: TypeId,
}

/// What a map is to be. What its kind needs and is not said is a mistake; what follows from the kind need not be said.
#[derive(Clone, Debug)]
pub struct MapSpec {
    kind: MapType,
    key: Option<Ty>,
    value: Option<Ty>,
    entries: u32,
    flags: u32,
    pinned: bool,
    numa_node: Option<u32>,
    extra: u64,
    inner: Option<Map>,
    programs: Option<Ty>,
    values: Vec<(u32, Held)>,
}

/// What a map of maps or programs begins with.
#[derive(Clone, Copy, Debug)]
enum Held {
    Map(Map),
    Func(Func),
}

impl MapSpec {
    /// A map of that kind.
    #[must_use]
    pub const fn new(kind: MapType) -> MapSpec {
        MapSpec {
            kind,
            key: None,
            value: None,
            entries: 0,
            flags: 0,
            pinned: false,
            numa_node: None,
            extra: 0,
            inner: None,
            programs: None,
            values: Vec::new(),
        }
    }

    /// The type of its keys.
    #[must_use]
    pub fn key(self, key: Ty) -> MapSpec {
        MapSpec { key: Some(key), ..self }
    }

    /// The type of its values.
    #[must_use]
    pub fn value(self, value: Ty) -> MapSpec {
        MapSpec { value: Some(value), ..self }
    }

    /// How many entries it holds; of a ring buffer, how many bytes; of an arena, how many pages.
    #[must_use]
    pub fn entries(self, entries: u32) -> MapSpec {
        MapSpec { entries, ..self }
    }

    /// `BPF_F_*`, besides those that its kind always has.
    #[must_use]
    pub fn flags(self, flags: u32) -> MapSpec {
        MapSpec { flags, ..self }
    }

    /// It outlives its program, under its name.
    #[must_use]
    pub fn pinned(self) -> MapSpec {
        MapSpec { pinned: true, ..self }
    }

    /// The NUMA node whose memory it takes.
    #[must_use]
    pub fn numa_node(self, node: u32) -> MapSpec {
        MapSpec { numa_node: Some(node), ..self }
    }

    /// `map_extra`: of a bloom filter, how many hash functions it has; of an arena, its address in user space.
    #[must_use]
    pub fn extra(self, extra: u64) -> MapSpec {
        MapSpec { extra, ..self }
    }

    /// Its values are maps like this one.
    #[must_use]
    pub fn inner(self, inner: Map) -> MapSpec {
        MapSpec { inner: Some(inner), ..self }
    }

    /// Its values are programs of this type: that of a function.
    #[must_use]
    pub fn programs(self, ty: Ty) -> MapSpec {
        MapSpec { programs: Some(ty), ..self }
    }

    /// A map of maps begins with this one at that index.
    #[must_use]
    pub fn hold_map(mut self, index: u32, map: Map) -> MapSpec {
        self.values.push((index, Held::Map(map)));
        self
    }

    /// A map of programs begins with this one at that index.
    #[must_use]
    pub fn hold_program(mut self, index: u32, func: Func) -> MapSpec {
        self.values.push((index, Held::Func(func)));
        self
    }
}

/// What a kind of map wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Nothing,
    /// A type of any size.
    Any,
    /// 4 bytes, which need not be said.
    Word,
    /// 4 or 8 bytes; 4 if nothing is said.
    WordOrLong,
}

/// How many entries a kind of map wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Size {
    /// At least one.
    Some,
    /// It finds out itself.
    Free,
    /// A power of two, at least a page.
    Ring,
}

struct Rule {
    key: Want,
    value: Want,
    entries: Size,
    /// Flags that the kernel insists on.
    flags: u32,
}

/// `BPF_F_NO_PREALLOC`
const NO_PREALLOC: u32 = 1;
/// `BPF_F_MMAPABLE`
const MMAPABLE: u32 = 1 << 10;

/// The table of what each kind wants.
fn rule(kind: MapType) -> Rule {
    use Want::{Any, Nothing, Word, WordOrLong};
    let (key, value, entries, flags) = match kind {
        MapType::ARRAY | MapType::PERCPU_ARRAY => (Word, Any, Size::Some, 0),
        MapType::PROG_ARRAY | MapType::CGROUP_ARRAY | MapType::ARRAY_OF_MAPS | MapType::XSKMAP => {
            (Word, Word, Size::Some, 0)
        }
        MapType::PERF_EVENT_ARRAY => (Word, Word, Size::Free, 0),
        MapType::HASH_OF_MAPS | MapType::SOCKHASH => (Any, WordOrLong, Size::Some, 0),
        MapType::DEVMAP
        | MapType::DEVMAP_HASH
        | MapType::CPUMAP
        | MapType::SOCKMAP
        | MapType::REUSEPORT_SOCKARRAY => (Word, WordOrLong, Size::Some, 0),
        MapType::STACK_TRACE => (Word, Any, Size::Some, 0),
        MapType::LPM_TRIE => (Any, Any, Size::Some, NO_PREALLOC),
        MapType::CGROUP_STORAGE | MapType::PERCPU_CGROUP_STORAGE => (Any, Any, Size::Free, 0),
        MapType::SK_STORAGE | MapType::INODE_STORAGE | MapType::TASK_STORAGE | MapType::CGRP_STORAGE => {
            (Word, Any, Size::Free, NO_PREALLOC)
        }
        MapType::QUEUE | MapType::STACK | MapType::BLOOM_FILTER => (Nothing, Any, Size::Some, 0),
        MapType::RINGBUF | MapType::USER_RINGBUF => (Nothing, Nothing, Size::Ring, 0),
        MapType::STRUCT_OPS => (Word, Any, Size::Free, 0),
        MapType::ARENA => (Nothing, Nothing, Size::Some, MMAPABLE),
        MapType::INSN_ARRAY => (Word, Any, Size::Some, 0),
        _ => (Any, Any, Size::Some, 0),
    };
    Rule { key, value, entries, flags }
}

impl Module {
    /// Declares a map.
    #[track_caller]
    pub fn map(&mut self, name: &str, spec: &MapSpec) -> Map {
        self.here();
        let rule = rule(spec.kind);
        let mut decl = MapDecl::new(spec.kind);
        let Some(key) = self.map_part(name, spec.kind, "keys", spec.key, rule.key) else {
            return Map::POISON;
        };
        let Some(value) = self.map_part(name, spec.kind, "values", spec.value, rule.value) else {
            return Map::POISON;
        };
        (decl.key, decl.value) = (key, value);
        decl.max_entries = spec.entries;
        decl.flags = spec.flags | rule.flags;
        decl.numa_node = spec.numa_node;
        decl.extra = spec.extra;
        decl.pinning = if spec.pinned { Pinning::ByName } else { Pinning::None };
        let remedy = match rule.entries {
            Size::Some if spec.entries == 0 => Some("say how many entries it holds"),
            Size::Ring if !spec.entries.is_power_of_two() || spec.entries < 4096 => {
                Some("its size in bytes is a power of two, at least a page")
            }
            _ => None,
        };
        if let Some(remedy) = remedy {
            let message = format!("map '{name}' ({}) with {} entries: {remedy}", spec.kind, spec.entries);
            return self.bad_map(message);
        }
        let Some(values) = self.map_values(name, spec, &mut decl) else { return Map::POISON };
        if !self.check_name(name) {
            return Map::POISON;
        }
        let loc = self.loc();
        let symbol = self.ir.add_symbol(Symbol {
            name: name.to_owned(),
            linkage: Linkage::Global,
            section: None,
            kind: SymbolKind::Map(ir::Map { decl, values }),
            loc,
        });
        let index = u32::try_from(self.maps.len()).unwrap_or(u32::MAX);
        let value = value.ty().unwrap_or(TypeId::VOID);
        self.maps.push(MapInfo { symbol, kind: spec.kind, value });
        Map { index, brand: self.brand }
    }

    fn map_part(
        &mut self,
        name: &str,
        kind: MapType,
        what: &str,
        ty: Option<Ty>,
        want: Want,
    ) -> Option<Part> {
        let Some(ty) = ty else {
            return match want {
                Want::Nothing => Some(Part::None),
                Want::Word | Want::WordOrLong => Some(Part::Size(4)),
                Want::Any => {
                    self.bad_map(format!("map '{name}' ({kind}) without a type of its {what}: give it one"));
                    None
                }
            };
        };
        let id = self.object_type(ty, "a map of")?;
        let size = self.class(id).size;
        let remedy = match want {
            // A typed layer names `()` or a type for its own use.
            Want::Nothing => return Some(Part::None),
            Want::Word if size != 4 => "they take 4 bytes",
            Want::WordOrLong if size != 4 && size != 8 => "they take 4 or 8 bytes",
            _ if size == 0 => "they take at least one byte",
            Want::Any | Want::Word | Want::WordOrLong => {
                // The kernel takes no types for maps of its own objects.
                let typed = want == Want::Any || (what == "keys" && rule(kind).value == Want::Any);
                return Some(if typed { Part::Typed { ty: id, size } } else { Part::Size(size) });
            }
        };
        self.bad_map(format!("map '{name}' ({kind}) with {what} of {size} bytes: {remedy}"));
        None
    }

    fn map_values(&mut self, name: &str, spec: &MapSpec, decl: &mut MapDecl) -> Option<Vec<(u32, SymbolId)>> {
        let kind = spec.kind;
        if let Some(inner) = spec.inner {
            let symbol = self.map_info(inner)?.symbol;
            let SymbolKind::Map(inner) = &self.ir.symbol(symbol).kind else { return None };
            let inner = inner.decl.clone();
            if !kind.holds_maps() || inner.values.is_some() {
                self.bad_map(format!(
                    "map '{name}' ({kind}) holds {}: only maps of maps hold maps",
                    inner.ty
                ));
                return None;
            }
            decl.values = Some(Values::Maps(Box::new(inner)));
        } else if kind.holds_maps() {
            self.bad_map(format!(
                "map '{name}' ({kind}) without an inner map: name one that its values are like"
            ));
            return None;
        }
        if let Some(programs) = spec.programs {
            let proto = self.proto_of(programs)?.proto;
            if kind != MapType::PROG_ARRAY {
                self.bad_map(format!("map '{name}' ({kind}) holds programs: only program arrays do"));
                return None;
            }
            decl.values = Some(Values::Programs(proto));
        }
        let mut values = Vec::with_capacity(spec.values.len());
        for &(index, held) in &spec.values {
            let (symbol, fits) = match held {
                Held::Map(map) => (self.map_info(map)?.symbol, kind.holds_maps()),
                Held::Func(func) => {
                    let func = self.func_decl(func)?;
                    let decl_func = &self.funcs[func as usize];
                    let (symbol, proto) = (decl_func.symbol, decl_func.proto);
                    decl.values.get_or_insert(Values::Programs(proto));
                    (symbol, kind == MapType::PROG_ARRAY)
                }
            };
            if !fits || (index >= spec.entries && kind != MapType::HASH_OF_MAPS) {
                let entries = spec.entries;
                self.bad_map(format!(
                    "map '{name}' ({kind}) of {entries} entries cannot begin with this at index {index}"
                ));
                return None;
            }
            values.push((index, symbol));
        }
        Some(values)
    }

    #[cold]
    fn bad_map(&mut self, message: String) -> Map {
        self.mistake(Code::BadMap, message);
        Map::POISON
    }
}

/// Kinds of maps whose entries are looked up by a key, written and deleted.
const KEYED: &[MapType] = &[
    MapType::HASH,
    MapType::ARRAY,
    MapType::PERCPU_HASH,
    MapType::PERCPU_ARRAY,
    MapType::LRU_HASH,
    MapType::LRU_PERCPU_HASH,
    MapType::LPM_TRIE,
    MapType::ARRAY_OF_MAPS,
    MapType::HASH_OF_MAPS,
    MapType::SOCKMAP,
    MapType::SOCKHASH,
    MapType::DEVMAP,
    MapType::DEVMAP_HASH,
    MapType::CPUMAP,
    MapType::XSKMAP,
];

/// What an operation may be done with.
fn kinds(helper: Helper) -> Option<&'static [MapType]> {
    Some(match helper {
        Helper::MapLookupElem | Helper::MapUpdateElem | Helper::MapDeleteElem => KEYED,
        Helper::MapLookupPercpuElem => {
            &[MapType::PERCPU_HASH, MapType::PERCPU_ARRAY, MapType::LRU_PERCPU_HASH]
        }
        Helper::MapPushElem | Helper::MapPeekElem => &[MapType::QUEUE, MapType::STACK, MapType::BLOOM_FILTER],
        Helper::MapPopElem => &[MapType::QUEUE, MapType::STACK],
        Helper::ForEachMapElem => &[
            MapType::HASH,
            MapType::ARRAY,
            MapType::PERCPU_HASH,
            MapType::PERCPU_ARRAY,
            MapType::LRU_HASH,
            MapType::LRU_PERCPU_HASH,
        ],
        Helper::RingbufOutput
        | Helper::RingbufReserve
        | Helper::RingbufQuery
        | Helper::RingbufReserveDynptr => &[MapType::RINGBUF],
        Helper::UserRingbufDrain => &[MapType::USER_RINGBUF],
        Helper::TailCall => &[MapType::PROG_ARRAY],
        Helper::PerfEventOutput
        | Helper::PerfEventRead
        | Helper::PerfEventReadValue
        | Helper::SkbOutput
        | Helper::XdpOutput => &[MapType::PERF_EVENT_ARRAY],
        Helper::GetStackid => &[MapType::STACK_TRACE],
        Helper::RedirectMap => &[MapType::DEVMAP, MapType::DEVMAP_HASH, MapType::CPUMAP, MapType::XSKMAP],
        Helper::SkRedirectMap | Helper::MsgRedirectMap | Helper::SockMapUpdate => &[MapType::SOCKMAP],
        Helper::SkRedirectHash | Helper::MsgRedirectHash | Helper::SockHashUpdate => &[MapType::SOCKHASH],
        Helper::SkbUnderCgroup | Helper::CurrentTaskUnderCgroup => &[MapType::CGROUP_ARRAY],
        Helper::SkStorageGet | Helper::SkStorageDelete => &[MapType::SK_STORAGE],
        Helper::InodeStorageGet | Helper::InodeStorageDelete => &[MapType::INODE_STORAGE],
        Helper::TaskStorageGet | Helper::TaskStorageDelete => &[MapType::TASK_STORAGE],
        Helper::CgrpStorageGet | Helper::CgrpStorageDelete => &[MapType::CGRP_STORAGE],
        Helper::GetLocalStorage => &[MapType::CGROUP_STORAGE, MapType::PERCPU_CGROUP_STORAGE],
        Helper::SkSelectReuseport => &[MapType::REUSEPORT_SOCKARRAY, MapType::SOCKMAP, MapType::SOCKHASH],
        _ => return None,
    })
}

impl FuncBuilder<'_> {
    /// The address of a map, as helpers take it.
    #[track_caller]
    pub fn map_address(&mut self, map: Map) -> Value {
        self.m.here();
        let Some(symbol) = self.m.map_info(map).map(|info| info.symbol) else { return Value::POISON };
        let node = self.emit(Op::Symbol(symbol), Some(Type::PTR));
        let ty = self.m.rust_id::<skep_btf::P>();
        self.value(node, ty)
    }

    /// Calls a helper that takes a map, which stands among its other arguments where the helper wants it. Of a map
    /// that the helper does not take, it is a mistake.
    ///
    /// What is looked up is a pointer to a value of the map, or null.
    #[track_caller]
    pub fn call_map(&mut self, helper: Helper, map: Map, args: &[Value]) -> Value {
        self.m.here();
        let Some(MapInfo { symbol, kind, value }) = self.m.map_info(map).cloned() else {
            return Value::POISON;
        };
        if kinds(helper).is_some_and(|kinds| !kinds.contains(&kind) && kind.name().is_some()) {
            let name = self.m.ir.symbol(symbol).name.clone();
            let message =
                format!("{helper} of map '{name}', which is a {kind}: take a map of a kind that has this");
            self.m.mistake(Code::BadMap, message);
            return Value::POISON;
        }
        let position = match helper {
            Helper::TailCall
            | Helper::PerfEventOutput
            | Helper::SkbOutput
            | Helper::XdpOutput
            | Helper::GetStackid
            | Helper::SkRedirectMap
            | Helper::SkRedirectHash
            | Helper::MsgRedirectMap
            | Helper::MsgRedirectHash
            | Helper::SockMapUpdate
            | Helper::SockHashUpdate
            | Helper::SkSelectReuseport
            | Helper::SkbUnderCgroup
            | Helper::TimerInit => 1,
            _ => 0,
        };
        let map = self.map_address(map);
        let mut all = args.to_vec();
        all.insert(position.min(all.len()), map);
        let result = self.call_helper(helper, &all);
        let typed = matches!(
            helper,
            Helper::MapLookupElem
                | Helper::MapLookupPercpuElem
                | Helper::SkStorageGet
                | Helper::InodeStorageGet
                | Helper::TaskStorageGet
                | Helper::CgrpStorageGet
                | Helper::GetLocalStorage
        );
        if typed && !result.is_poison() {
            let ty = self.m.ir.types.ptr(value);
            return Value { ty, ..result };
        }
        result
    }

    /// A pointer to the value of a key, or null. The key is given by its address.
    #[track_caller]
    pub fn map_lookup(&mut self, map: Map, key: Value) -> Value {
        self.call_map(Helper::MapLookupElem, map, &[key])
    }

    /// Writes the value of a key; both are given by their addresses. `flags` are `BPF_ANY` (0), `BPF_NOEXIST` (1),
    /// `BPF_EXIST` (2). Zero, or a negative error number.
    #[track_caller]
    pub fn map_update(&mut self, map: Map, key: Value, value: Value, flags: u64) -> Value {
        self.m.here();
        let ty = self.m.rust_id::<u64>();
        let flags = self.int_of(ty, flags.into());
        self.call_map(Helper::MapUpdateElem, map, &[key, value, flags])
    }

    /// Deletes a key, given by its address. Zero, or a negative error number.
    #[track_caller]
    pub fn map_delete(&mut self, map: Map, key: Value) -> Value {
        self.call_map(Helper::MapDeleteElem, map, &[key])
    }
}
