//! Maps with Rust types.

use std::marker::PhantomData;

use skep_btf::maps::MapType;
use skep_btf::{BpfType, BtfBuilder, Error, P, TypeId};
use skep_insn::helper::Helper as Id;

use super::core::{self, MapSpec};
use super::dynamic;
use super::fb::Fb;
use super::helpers;
use super::module::Module;
use super::operand::Operand;
use super::reference::Ref;
use super::signature::{Arg, Func, Signature};
use super::value::V;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $kind:ident;)*) => {
        /// What sort of map.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum MapKind { $($(#[$doc])* $name),* }

        impl MapKind {
            /// All of them.
            pub const ALL: &'static [MapKind] = &[$(MapKind::$name),*];

            /// The kernel's number.
            #[must_use]
            pub const fn map_type(self) -> MapType {
                match self { $(MapKind::$name => MapType::$kind),* }
            }
        }
    };
}

kinds! {
    /// A hash table.
    Hash = HASH;
    /// An array; keys are `u32`.
    Array = ARRAY;
    /// Programs to be jumped to by a tail call.
    ProgArray = PROG_ARRAY;
    /// Rings for events, one per CPU.
    PerfEventArray = PERF_EVENT_ARRAY;
    /// A hash table of values that each CPU has its own of.
    PerCpuHash = PERCPU_HASH;
    /// An array of values that each CPU has its own of.
    PerCpuArray = PERCPU_ARRAY;
    /// Stack traces by their ids.
    StackTrace = STACK_TRACE;
    /// Control groups to be tested for.
    CgroupArray = CGROUP_ARRAY;
    /// A hash table that drops what was not used for the longest time.
    LruHash = LRU_HASH;
    /// The same, with values of each CPU.
    LruPerCpuHash = LRU_PERCPU_HASH;
    /// Longest prefixes; keys begin with their length in bits, a `u32`.
    LpmTrie = LPM_TRIE;
    /// An array of maps.
    ArrayOfMaps = ARRAY_OF_MAPS;
    /// A hash table of maps.
    HashOfMaps = HASH_OF_MAPS;
    /// Network devices to redirect to.
    DevMap = DEVMAP;
    /// Sockets to redirect to.
    SockMap = SOCKMAP;
    /// CPUs to redirect to.
    CpuMap = CPUMAP;
    /// `AF_XDP` sockets to redirect to.
    XskMap = XSKMAP;
    /// Sockets by any key.
    SockHash = SOCKHASH;
    /// Storage of a control group.
    CgroupStorage = CGROUP_STORAGE;
    /// Sockets of one port.
    ReuseportSockArray = REUSEPORT_SOCKARRAY;
    /// Storage of a control group of each CPU.
    PerCpuCgroupStorage = PERCPU_CGROUP_STORAGE;
    /// First in, first out.
    Queue = QUEUE;
    /// Last in, first out.
    Stack = STACK;
    /// Storage of a socket.
    SkStorage = SK_STORAGE;
    /// Network devices by any number.
    DevMapHash = DEVMAP_HASH;
    /// Operations of the kernel that programs implement.
    StructOps = STRUCT_OPS;
    /// A ring for events.
    RingBuf = RINGBUF;
    /// Storage of an inode.
    InodeStorage = INODE_STORAGE;
    /// Storage of a task.
    TaskStorage = TASK_STORAGE;
    /// A set that answers "no" or "perhaps".
    BloomFilter = BLOOM_FILTER;
    /// A ring that user space writes.
    UserRingBuf = USER_RINGBUF;
    /// Storage of a control group, for programs that are not attached to it.
    CgrpStorage = CGRP_STORAGE;
    /// Memory that is shared with user space.
    Arena = ARENA;
}

/// A map of keys `K` and values `T`; `()` for what its kind does not have. Of a ring buffer, `T` is what it carries.
pub struct Map<K, T> {
    pub(super) map: core::Map,
    types: PhantomData<fn(K) -> T>,
}

impl<K, T> Map<K, T> {
    /// The handle that the dynamic core knows it by.
    #[must_use]
    pub const fn raw(self) -> core::Map {
        self.map
    }
}

impl<K, T> Clone for Map<K, T> {
    fn clone(&self) -> Map<K, T> {
        *self
    }
}

impl<K, T> Copy for Map<K, T> {}

impl<K, T> std::fmt::Debug for Map<K, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.map, f)
    }
}

/// The value of a map of maps: a map of keys `K` and values `T`.
#[derive(Debug)]
pub struct Inner<K, T> {
    id: u32,
    types: PhantomData<fn(K) -> T>,
}

impl<K, T> Clone for Inner<K, T> {
    fn clone(&self) -> Inner<K, T> {
        *self
    }
}

impl<K, T> Copy for Inner<K, T> {}

impl<K: BpfType, T: BpfType> BpfType for Inner<K, T> {
    const SIZE: u32 = 4;
    const ALIGN: u32 = 4;

    fn btf(types: &mut BtfBuilder) -> TypeId {
        u32::btf(types)
    }

    fn write_to(&self, out: &mut [u8]) {
        self.id.write_to(out);
    }

    fn read_from(bytes: &[u8]) -> Result<Inner<K, T>, Error> {
        u32::read_from(bytes).map(|id| Inner { id, types: PhantomData })
    }
}

/// A map that is being declared.
#[derive(Debug)]
#[must_use = "the map is declared by `done`"]
pub struct MapBuilder<'m, K, T> {
    m: &'m mut Module,
    name: String,
    spec: MapSpec,
    types: PhantomData<fn(K) -> T>,
}

impl<'m, K: BpfType, T: BpfType> MapBuilder<'m, K, T> {
    pub(super) fn new(m: &'m mut Module, name: &str, kind: MapKind) -> MapBuilder<'m, K, T> {
        let mut spec = MapSpec::new(kind.map_type());
        let core = m.core();
        if !K::VOID {
            spec = spec.key(core.rust::<K>());
        }
        // What a ring carries is nothing that the kernel knows.
        if !T::VOID && !matches!(kind, MapKind::RingBuf | MapKind::UserRingBuf | MapKind::PerfEventArray) {
            spec = spec.value(core.rust::<T>());
        }
        MapBuilder { m, name: name.to_owned(), spec, types: PhantomData }
    }

    fn with(self, change: impl FnOnce(MapSpec) -> MapSpec) -> Self {
        MapBuilder { spec: change(self.spec), ..self }
    }

    /// How many entries it holds; of a ring buffer, how many bytes; of an arena, how many pages.
    pub fn entries(self, entries: u32) -> Self {
        self.with(|spec| spec.entries(entries))
    }

    /// `BPF_F_*`, besides those that its kind always has.
    pub fn flags(self, flags: u32) -> Self {
        self.with(|spec| spec.flags(flags))
    }

    /// It outlives its program, under its name.
    pub fn pinned(self) -> Self {
        self.with(MapSpec::pinned)
    }

    /// The NUMA node whose memory it takes.
    pub fn numa_node(self, node: u32) -> Self {
        self.with(|spec| spec.numa_node(node))
    }

    /// `map_extra`: of a bloom filter, how many hash functions it has; of an arena, its address in user space.
    pub fn extra(self, extra: u64) -> Self {
        self.with(|spec| spec.extra(extra))
    }

    /// Its values are maps like this one; `T` is [`Inner`].
    pub fn inner<A, B>(self, inner: Map<A, B>) -> Self {
        self.with(|spec| spec.inner(inner.map))
    }

    /// It begins with this map at that index.
    pub fn hold_map<A, B>(self, index: u32, map: Map<A, B>) -> Self {
        self.with(|spec| spec.hold_map(index, map.map))
    }

    /// It begins with this program at that index.
    pub fn hold_program<S: Signature>(self, index: u32, func: Func<S>) -> Self {
        self.with(|spec| spec.hold_program(index, func.func))
    }

    /// Declares it.
    #[track_caller]
    pub fn done(self) -> Map<K, T> {
        let map = self.m.core().map(&self.name, &self.spec);
        Map { map, types: PhantomData }
    }
}

/// A map, or what a map of maps has been looked up to hold.
pub trait AsMap<'f, K, T> {
    /// Calls a helper with it as the first argument.
    #[doc(hidden)]
    #[track_caller]
    fn call(self, b: &mut core::FuncBuilder<'_>, helper: Id, args: &[core::Value]) -> core::Value;
}

impl<K, T> AsMap<'_, K, T> for Map<K, T> {
    #[track_caller]
    fn call(self, b: &mut core::FuncBuilder<'_>, helper: Id, args: &[core::Value]) -> core::Value {
        b.call_map(helper, self.map, args)
    }
}

impl<'f, K: BpfType, T: BpfType> AsMap<'f, K, T> for V<'f, P<Inner<K, T>>> {
    #[track_caller]
    fn call(self, b: &mut core::FuncBuilder<'_>, helper: Id, args: &[core::Value]) -> core::Value {
        let mut all = vec![self.value];
        all.extend(args);
        b.call_helper(helper, &all)
    }
}

/// A function that is called for each entry of a map: it gets the map, key, value, and a pointer of its caller's.
pub type ForEach<K, T, C> = fn(P, P<K>, P<T>, P<C>) -> i64;

/// What an update does with keys that are there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Update {
    /// Writes the value in any case (`BPF_ANY`).
    #[default]
    Any,
    /// Only if the key is not there yet (`BPF_NOEXIST`).
    New,
    /// Only if the key is there (`BPF_EXIST`).
    Existing,
}

/// Operations of maps. Keys and values are constants, values or places; a place is passed by its own address. Results
/// of type `i64` are zero, or a negative error number.
impl<'f> Fb<'f> {
    /// A pointer to the value of a key, or null.
    #[track_caller]
    #[must_use]
    pub fn map_lookup<K: BpfType, T: BpfType>(
        &self,
        map: impl AsMap<'f, K, T>,
        key: impl Operand<'f, K>,
    ) -> V<'f, P<T>> {
        let value = dynamic!(self.cell, b => {
            let key = key.address(&mut b);
            map.call(&mut b, Id::MapLookupElem, &[key])
        });
        V::new(self.cell, value)
    }

    /// Writes the value of a key.
    #[track_caller]
    pub fn map_update<K: BpfType, T: BpfType>(
        &self,
        map: impl AsMap<'f, K, T>,
        key: impl Operand<'f, K>,
        value: impl Operand<'f, T>,
    ) -> V<'f, i64> {
        self.map_update_with(map, key, value, Update::Any)
    }

    /// Writes the value of a key, if it is there or not there.
    #[track_caller]
    pub fn map_update_with<K: BpfType, T: BpfType>(
        &self,
        map: impl AsMap<'f, K, T>,
        key: impl Operand<'f, K>,
        value: impl Operand<'f, T>,
        update: Update,
    ) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let (key, value) = (key.address(&mut b), value.address(&mut b));
            let flags = b.rust_constant(update as u64);
            map.call(&mut b, Id::MapUpdateElem, &[key, value, flags])
        });
        V::new(self.cell, result)
    }

    /// Deletes a key.
    #[track_caller]
    pub fn map_delete<K: BpfType, T: BpfType>(
        &self,
        map: impl AsMap<'f, K, T>,
        key: impl Operand<'f, K>,
    ) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let key = key.address(&mut b);
            map.call(&mut b, Id::MapDeleteElem, &[key])
        });
        V::new(self.cell, result)
    }

    /// A pointer to the value that a CPU has of a key, or null.
    #[track_caller]
    #[must_use]
    pub fn map_lookup_percpu<K: BpfType, T: BpfType>(
        &self,
        map: Map<K, T>,
        key: impl Operand<'f, K>,
        cpu: impl Operand<'f, u32>,
    ) -> V<'f, P<T>> {
        let value = dynamic!(self.cell, b => {
            let (key, cpu) = (key.address(&mut b), cpu.value(&mut b));
            b.call_map(Id::MapLookupPercpuElem, map.map, &[key, cpu])
        });
        V::new(self.cell, value)
    }

    /// Adds a value to a queue, a stack or a bloom filter.
    #[track_caller]
    pub fn map_push<T: BpfType>(&self, map: Map<(), T>, value: impl Operand<'f, T>) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let value = value.address(&mut b);
            let flags = b.rust_constant(0u64);
            b.call_map(Id::MapPushElem, map.map, &[value, flags])
        });
        V::new(self.cell, result)
    }

    /// Takes the next value of a queue or stack to a place.
    #[track_caller]
    pub fn map_pop<T: BpfType>(&self, map: Map<(), T>, to: Ref<'f, T>) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let to = b.address_of(to.place);
            b.call_map(Id::MapPopElem, map.map, &[to])
        });
        V::new(self.cell, result)
    }

    /// Copies the next value of a queue or stack to a place; of a bloom filter, asks for the one at the place.
    #[track_caller]
    pub fn map_peek<T: BpfType>(&self, map: Map<(), T>, at: Ref<'f, T>) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let at = b.address_of(at.place);
            b.call_map(Id::MapPeekElem, map.map, &[at])
        });
        V::new(self.cell, result)
    }

    /// Calls a function for each entry of a map (Linux 5.13): it gets the map, key, value, and a pointer to `cx`, and
    /// returns 0 to go on, 1 to stop. How many entries were visited, or a negative error number.
    #[track_caller]
    pub fn map_for_each<K: BpfType, T: BpfType, C: BpfType>(
        &self,
        map: Map<K, T>,
        func: Func<ForEach<K, T, C>>,
        cx: Ref<'f, C>,
    ) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let (func, cx) = (b.func_address(func.func), b.address_of(cx.place));
            let flags = b.rust_constant(0u64);
            b.call_map(Id::ForEachMapElem, map.map, &[func, cx, flags])
        });
        V::new(self.cell, result)
    }

    /// Room for a `T` in a ring buffer, or null. It must be submitted or discarded.
    #[track_caller]
    #[must_use]
    pub fn ringbuf_reserve<T: BpfType>(&self, map: Map<(), T>) -> V<'f, P<T>> {
        let value = dynamic!(self.cell, b => {
            let (size, flags) = (b.rust_constant(u64::from(T::SIZE)), b.rust_constant(0u64));
            let room = b.call_map(Id::RingbufReserve, map.map, &[size, flags]);
            let ty = b.rust_type::<P<T>>();
            b.cast(room, ty)
        });
        V::new(self.cell, value)
    }

    /// Hands the reserved room to the reader.
    #[track_caller]
    pub fn ringbuf_submit<T: BpfType>(&self, room: V<'f, P<T>>) {
        self.helper(helpers::RINGBUF_SUBMIT, (room, 0u64));
    }

    /// Gives the reserved room back.
    #[track_caller]
    pub fn ringbuf_discard<T: BpfType>(&self, room: V<'f, P<T>>) {
        self.helper(helpers::RINGBUF_DISCARD, (room, 0u64));
    }

    /// Copies a value into a ring buffer.
    #[track_caller]
    pub fn ringbuf_output<T: BpfType>(&self, map: Map<(), T>, value: impl Operand<'f, T>) -> V<'f, i64> {
        let result = dynamic!(self.cell, b => {
            let value = value.address(&mut b);
            let (size, flags) = (b.rust_constant(u64::from(T::SIZE)), b.rust_constant(0u64));
            b.call_map(Id::RingbufOutput, map.map, &[value, size, flags])
        });
        V::new(self.cell, result)
    }

    /// Copies a value into the event ring of this CPU.
    #[track_caller]
    pub fn perf_output<C: BpfType, T: BpfType>(
        &self,
        ctx: V<'f, P<C>>,
        map: Map<(), T>,
        value: impl Operand<'f, T>,
    ) -> V<'f, i64> {
        /// `BPF_F_CURRENT_CPU`
        const CURRENT_CPU: u64 = 0xffff_ffff;
        let result = dynamic!(self.cell, b => {
            let value = value.address(&mut b);
            let (flags, size) = (b.rust_constant(CURRENT_CPU), b.rust_constant(u64::from(T::SIZE)));
            b.call_map(Id::PerfEventOutput, map.map, &[ctx.value, flags, value, size])
        });
        V::new(self.cell, result)
    }

    /// Goes on with the program at an index of a program array, and comes back only if there is none.
    #[track_caller]
    pub fn tail_call<C: BpfType, K, T>(
        &self,
        ctx: V<'f, P<C>>,
        map: Map<K, T>,
        index: impl Operand<'f, u32>,
    ) {
        dynamic!(self.cell, b => {
            let index = index.value(&mut b);
            b.call_map(Id::TailCall, map.map, &[ctx.value, index]);
        });
    }

    /// The address of a map, for helpers that have no method here.
    #[track_caller]
    #[must_use]
    pub fn map_address<K, T>(&self, map: Map<K, T>) -> V<'f, P> {
        V::new(self.cell, dynamic!(self.cell, b => Arg::<helpers::AnyMap>::arg(map, &mut b)))
    }
}
