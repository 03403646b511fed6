//! Maps in user space, with the kernel's semantics.
//!
//! A [`Map`] is made from a definition and shared by programs and hosts; it lives as long as anybody holds it.
//!
//! ```
//! use skep_btf::maps::MapType;
//! use skep_object::MapDef;
//! use skep_vm::map::{Map, UpdateFlags};
//!
//! let def = MapDef { key_size: 4, value_size: 8, max_entries: 100, ..MapDef::new("counts", MapType::HASH) };
//! let counts = Map::new(&def)?;
//! counts.update(&7u32.to_ne_bytes(), &1u64.to_ne_bytes(), UpdateFlags::NoExist)?;
//!
//! let typed = counts.typed::<u32, u64>()?;
//! assert_eq!(typed.get(&7), Some(1));
//! # Ok::<(), skep_vm::map::MapError>(())
//! ```
//!
//! Hosts copy keys and values in and out, checked for length. Runtimes use the pointers of [`raw`].
//! Values never move while the map lives. An entry that is deleted leaves its place to a later one, so a pointer into a
//! deleted entry stays readable and says nothing, as in the kernel. Threads that write the same value at the same time
//! race as in the kernel; words of eight bytes stay whole where the map itself copies, and no race harms the map.
//!
//! To add a type of map: a row in `def.rs`, a file with its rules, an arm wherever the compiler then complains, a row in
//! `tests/kernel.rs`, which compares it with the running kernel.

mod array;
mod def;
mod error;
mod flags;
mod hash;
mod index;
mod iter;
mod key;
mod lpm;
mod lru;
mod memory;
mod percpu;
mod prog_array;
mod queue;
mod ringbuf;
mod scratch;
#[cfg(test)]
mod tests;
mod typed;

pub mod cpu;
pub mod raw;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use skep_object::MapDef;

use array::Array;
use def::Shape;
pub use error::{Errno, MapError};
pub use flags::UpdateFlags;
use hash::{Each, Hash, Here};
pub use iter::{Iter, Keys};
use lpm::Trie;
use memory::{Bytes, BytesMut};
use percpu::{PerSlot, Refused, Values};
use prog_array::ProgArray;
use queue::Queue;
pub use ringbuf::Commit;
use ringbuf::{Broken, RingBuf};
pub use typed::{MapData, TypedMap, TypedPerCpuMap, TypedQueue};

/// A map; cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Map {
    inner: Arc<Inner>,
}

struct Inner {
    kind: Kind,
    key_size: usize,
    value_size: usize,
    def: MapDef,
}

/// What the map is. The four hash maps differ in parameters, as do the two arrays.
enum Kind {
    Array(Array),
    Hash(Hash),
    ProgArray(ProgArray),
    Queue(Queue),
    RingBuf(RingBuf),
    Trie(Trie),
}

impl Map {
    /// Makes an empty map, or an array of zeros.
    ///
    /// # Errors
    /// If the type does not exist in user space, a size, the capacity or a flag is not one that the type can have, or
    /// the system refuses the memory.
    pub fn new(def: &MapDef) -> Result<Map, MapError> {
        let shape = def::check(def)?;
        let kind = Kind::new(shape, def).map_err(|Refused(bytes)| def::no_memory(def, bytes))?;
        let size = |bytes: u32| usize::try_from(bytes).map_err(|_| def::no_memory(def, bytes.into()));
        let (key_size, value_size) = (size(def.key_size)?, size(def.value_size)?);
        Ok(Map { inner: Arc::new(Inner { kind, key_size, value_size, def: def.clone() }) })
    }

    /// What the map was made from.
    #[must_use]
    pub fn def(&self) -> &MapDef {
        &self.inner.def
    }

    /// The map's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.def.name
    }

    /// A number that stands for the map while it lives: the same for all clones, different for different maps.
    #[must_use]
    pub fn handle(&self) -> u64 {
        Arc::as_ptr(&self.inner).addr() as u64
    }

    /// The addresses where values lie, or the records of a ring buffer; empty if programs get no pointers to them.
    #[must_use]
    pub fn value_range(&self) -> Range<usize> {
        match &self.inner.kind {
            Kind::RingBuf(ring) => ring.range(),
            _ => self.values().map_or(0..0, Values::range),
        }
    }

    /// Whether programs may read values (not with `BPF_F_WRONLY_PROG`).
    #[must_use]
    pub fn programs_read(&self) -> bool {
        self.inner.def.flags & flags::WRONLY_PROG == 0
    }

    /// Whether programs may write values (not with `BPF_F_RDONLY_PROG`).
    #[must_use]
    pub fn programs_write(&self) -> bool {
        self.inner.def.flags & flags::RDONLY_PROG == 0
    }

    /// Whether each CPU has its own value of each entry.
    #[must_use]
    pub fn is_per_cpu(&self) -> bool {
        self.values().is_some_and(|values| values.per_slot() == PerSlot::Cpu)
    }

    /// How many entries it holds; linear in the number that it has held, constant for arrays.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.inner.kind {
            Kind::Array(array) => array.len() as usize,
            Kind::Hash(hash) => hash.len(),
            Kind::ProgArray(progs) => progs.len(),
            Kind::Queue(queue) => queue.len(),
            Kind::RingBuf(ring) => ring.len(),
            Kind::Trie(trie) => trie.len(),
        }
    }

    /// Whether it holds no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key; in a trie, of the longest prefix that matches.
    ///
    /// # Errors
    /// If the key has the wrong length, or the map is per-CPU or has no keys.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        let mut value = vec![0; self.inner.value_size];
        Ok(self.lookup_into(key, &mut value)?.then_some(value))
    }

    /// Copies the value of a key, and says whether there is one; if not, `value` is as it was.
    ///
    /// # Errors
    /// As [`Map::lookup`]; also if `value` has the wrong length.
    pub fn lookup_into(&self, key: &[u8], value: &mut [u8]) -> Result<bool, MapError> {
        const LOOK_UP: &str = "look a key up";
        self.one_value(LOOK_UP)?;
        self.readable(LOOK_UP)?;
        let key = self.key(key)?;
        self.check_len("value", value.len(), self.inner.value_size)?;
        let mut out = BytesMut::new(value);
        let read = |values: &Values, slot| values.read(slot, 0, out.reborrow());
        Ok(self.find_then(key, read).is_some())
    }

    /// The values of a key for all CPUs, by number.
    ///
    /// # Errors
    /// If the key has the wrong length, or the map is not per-CPU.
    pub fn lookup_percpu(&self, key: &[u8]) -> Result<Option<Vec<Vec<u8>>>, MapError> {
        const LOOK_UP: &str = "look a key up";
        self.value_each()?;
        self.readable(LOOK_UP)?;
        let key = self.key(key)?;
        Ok(self.find_then(key, |values, slot| self.copy_each(values, slot)))
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// If key or value have the wrong length, the flags forbid it, the map is full (never one that evicts), or an
    /// index is past the end of an array; if the map is per-CPU or has no keys.
    pub fn update(&self, key: &[u8], value: &[u8], flags: UpdateFlags) -> Result<(), MapError> {
        const UPDATE: &str = "set a value";
        self.one_value(UPDATE)?;
        self.writable(UPDATE)?;
        let key = self.key(key)?;
        self.check_len("value", value.len(), self.inner.value_size)?;
        self.set(key, Bytes::new(value), flags).map_err(|errno| self.failed(UPDATE, errno))
    }

    /// Sets the values of a key for all CPUs, by number; there are [`cpu::count`].
    ///
    /// # Errors
    /// As [`Map::update`]; also if the number of values is wrong, or the map is not per-CPU.
    pub fn update_percpu(&self, key: &[u8], values: &[&[u8]], flags: UpdateFlags) -> Result<(), MapError> {
        const UPDATE: &str = "set a value";
        self.value_each()?;
        self.writable(UPDATE)?;
        let key = self.key(key)?;
        let expected = cpu::count() as usize;
        if values.len() != expected {
            return Err(MapError::Values { map: self.name().to_owned(), found: values.len(), expected });
        }
        for value in values {
            self.check_len("value", value.len(), self.inner.value_size)?;
        }
        let result = match &self.inner.kind {
            Kind::Array(array) => array.writable(key, flags).map(|slot| {
                for (cpu, value) in array.values().cpus().zip(values) {
                    array.values().write(slot, cpu, Bytes::new(value));
                }
            }),
            Kind::Hash(hash) => hash.update(key, &Each(values), flags),
            _ => Err(Errno::Invalid),
        };
        result.map_err(|errno| self.failed(UPDATE, errno))
    }

    /// Removes an entry; in a program array, empties the slot.
    ///
    /// # Errors
    /// If there is no such entry, or the map has no entries that can be removed (arrays have not).
    pub fn delete(&self, key: &[u8]) -> Result<(), MapError> {
        const DELETE: &str = "delete an entry";
        self.keyed(DELETE)?;
        self.writable(DELETE)?;
        let key = self.key(key)?;
        let result = match &self.inner.kind {
            Kind::ProgArray(progs) => progs.clear(key.u32()),
            _ => self.remove(key),
        };
        result.map_err(|errno| self.failed(DELETE, errno))
    }

    /// Removes an entry of a hash map, and returns its value; `None` if there is no such key.
    ///
    /// # Errors
    /// If the key has the wrong length, or the map is no hash map or is per-CPU.
    pub fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>, MapError> {
        const TAKE: &str = "take an entry out";
        let Kind::Hash(hash) = &self.inner.kind else {
            return Err(self.no_such(TAKE, "only hash maps can; queues and stacks can pop"));
        };
        self.one_value(TAKE)?;
        self.readable(TAKE)?;
        self.writable(TAKE)?;
        let mut value = vec![0; self.inner.value_size];
        let copy = |slot| hash.values().read(slot, 0, BytesMut::new(&mut value));
        Ok(hash.take(self.key(key)?, copy).is_ok().then_some(value))
    }

    /// The key that follows: the first one without a key and for a key that is not there; `None` after the last one.
    ///
    /// Entries that are added or removed while one goes from key to key may be missed, and a removed key leads back to
    /// the first: [`Map::keys`] has not this trap.
    ///
    /// # Errors
    /// If the key has the wrong length, or the map has no keys.
    pub fn next_key(&self, key: Option<&[u8]>) -> Result<Option<Vec<u8>>, MapError> {
        self.keyed("go from key to key")?;
        let key = key.map(|key| self.key(key)).transpose()?;
        let mut next = vec![0; self.inner.key_size];
        Ok(self.key_after(key, BytesMut::new(&mut next)).is_ok().then_some(next))
    }

    /// The keys of all entries. Each that is there all the while comes once; others may come or not.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(self)
    }

    /// All entries: key and value, or in a per-CPU map the values of all CPUs one after another. The elements of
    /// queues and stacks come with empty keys, in the order in which they would be popped.
    #[must_use]
    pub fn iter(&self) -> Iter {
        Iter::new(self)
    }

    /// Adds an element to a queue or a stack.
    ///
    /// # Errors
    /// If it is full, the value has the wrong length, or the map is no queue or stack.
    pub fn push(&self, value: &[u8]) -> Result<(), MapError> {
        self.push_flags(value, 0)
    }

    /// Adds an element to a queue or a stack; if it is full, in the place of the oldest element.
    ///
    /// # Errors
    /// If the value has the wrong length, or the map is no queue or stack.
    pub fn push_over(&self, value: &[u8]) -> Result<(), MapError> {
        self.push_flags(value, 2)
    }

    fn push_flags(&self, value: &[u8], flags: u64) -> Result<(), MapError> {
        const PUSH: &str = "push";
        let queue = self.queue(PUSH)?;
        self.writable(PUSH)?;
        self.check_len("value", value.len(), self.inner.value_size)?;
        queue.push(Bytes::new(value), flags).map_err(|errno| self.failed(PUSH, errno))
    }

    /// Takes the next element out of a queue or a stack; `None` if it is empty.
    ///
    /// # Errors
    /// If the map is no queue or stack.
    pub fn pop(&self) -> Result<Option<Vec<u8>>, MapError> {
        const POP: &str = "pop";
        let queue = self.queue(POP)?;
        self.readable(POP)?;
        self.writable(POP)?;
        let mut value = vec![0; self.inner.value_size];
        Ok(queue.pop(BytesMut::new(&mut value)).is_ok().then_some(value))
    }

    /// Copies the next element of a queue or a stack; `None` if it is empty.
    ///
    /// # Errors
    /// If the map is no queue or stack.
    pub fn peek(&self) -> Result<Option<Vec<u8>>, MapError> {
        const PEEK: &str = "peek";
        let queue = self.queue(PEEK)?;
        self.readable(PEEK)?;
        let mut value = vec![0; self.inner.value_size];
        Ok(queue.peek(BytesMut::new(&mut value)).is_ok().then_some(value))
    }

    /// Calls `each` for the records of a ring buffer, oldest first, up to one that is still being written, and frees
    /// them; how many there were. Threads that consume at the same time get different records.
    ///
    /// # Errors
    /// If a program wrote over a record's header, or the map is no ring buffer.
    pub fn consume(&self, each: impl FnMut(&[u8])) -> Result<usize, MapError> {
        let broken = |Broken { len, lost }| MapError::Record { map: self.name().to_owned(), len, lost };
        self.ring("be consumed")?.consume(each).map_err(broken)
    }

    /// Waits until a ring buffer has a record to consume; false if it had none in time.
    ///
    /// # Errors
    /// If the map is no ring buffer.
    pub fn wait(&self, timeout: Duration) -> Result<bool, MapError> {
        Ok(self.ring("be waited for")?.wait(timeout))
    }

    /// What a slot of a program array holds; `None` if it is empty or does not exist, or the map is no program array.
    #[must_use]
    #[inline]
    pub fn prog_slot(&self, index: u32) -> Option<u64> {
        match &self.inner.kind {
            Kind::ProgArray(progs) => progs.get(index),
            _ => None,
        }
    }

    /// Sets a slot of a program array to a handle, any number but `u64::MAX`. [`Map::delete`] empties it.
    ///
    /// # Errors
    /// If the slot does not exist, or the map is no program array.
    pub fn set_prog_slot(&self, index: u32, handle: u64) -> Result<(), MapError> {
        const SET: &str = "hold programs";
        match &self.inner.kind {
            Kind::ProgArray(progs) => {
                progs.set(index, handle).map_err(|errno| self.failed("set a program", errno))
            }
            _ => Err(self.no_such(SET, "only a BPF_MAP_TYPE_PROG_ARRAY can")),
        }
    }
}

/// The parts that hosts and runtimes share: keys and values are of the right length here.
impl Map {
    fn values(&self) -> Option<&Values> {
        match &self.inner.kind {
            Kind::Array(array) => Some(array.values()),
            Kind::Hash(hash) => Some(hash.values()),
            Kind::Trie(trie) => Some(trie.values()),
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => None,
        }
    }

    /// What `read` makes of a key's slot; it may run again if the entry is replaced meanwhile.
    fn find_then<R>(&self, key: Bytes<'_>, mut read: impl FnMut(&Values, u32) -> R) -> Option<R> {
        match &self.inner.kind {
            Kind::Array(array) => array.find(key).map(|slot| read(array.values(), slot)),
            Kind::Hash(hash) => hash.find_then(key, |slot| read(hash.values(), slot)),
            Kind::Trie(trie) => trie.find_then(key, |slot| read(trie.values(), slot)),
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => None,
        }
    }

    /// Sets the value that this CPU sees.
    #[inline]
    fn set(&self, key: Bytes<'_>, value: Bytes<'_>, flags: UpdateFlags) -> Result<(), Errno> {
        match &self.inner.kind {
            Kind::Array(array) => {
                let slot = array.writable(key, flags)?;
                array.values().write(slot, array.values().here(), value);
                Ok(())
            }
            Kind::Hash(hash) => hash.update(key, &Here(value), flags),
            Kind::Trie(trie) => trie.update(key, value, flags),
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => Err(Errno::Invalid),
        }
    }

    #[inline]
    fn remove(&self, key: Bytes<'_>) -> Result<(), Errno> {
        match &self.inner.kind {
            Kind::Hash(hash) => hash.delete(key),
            Kind::Trie(trie) => trie.delete(key),
            Kind::Array(_) | Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => Err(Errno::Invalid),
        }
    }

    fn key_after(&self, key: Option<Bytes<'_>>, next: BytesMut<'_>) -> Result<(), Errno> {
        match &self.inner.kind {
            Kind::Array(array) => array.next_key(key, next),
            Kind::Hash(hash) => hash.next_key(key, next),
            Kind::Trie(trie) => trie.next_key(key, next),
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => Err(Errno::Invalid),
        }
    }

    fn copy_each(&self, values: &Values, slot: u32) -> Vec<Vec<u8>> {
        let copy = |cpu| {
            let mut value = vec![0; self.inner.value_size];
            values.read(slot, cpu, BytesMut::new(&mut value));
            value
        };
        values.cpus().map(copy).collect()
    }
}

/// What is wrong with a request.
impl Map {
    fn key<'a>(&self, key: &'a [u8]) -> Result<Bytes<'a>, MapError> {
        self.check_len("key", key.len(), self.inner.key_size)?;
        Ok(Bytes::new(key))
    }

    fn check_len(&self, what: &'static str, found: usize, expected: usize) -> Result<(), MapError> {
        if found == expected {
            return Ok(());
        }
        Err(MapError::Length { map: self.name().to_owned(), what, found, expected })
    }

    /// The map has keys.
    fn keyed(&self, operation: &'static str) -> Result<(), MapError> {
        match &self.inner.kind {
            Kind::Array(_) | Kind::Hash(_) | Kind::ProgArray(_) | Kind::Trie(_) => Ok(()),
            Kind::Queue(_) => Err(self.no_such(operation, "use push, peek and pop")),
            Kind::RingBuf(_) => Err(self.no_such(operation, "use consume")),
        }
    }

    /// The map has keys, and bytes as values.
    fn mapping(&self, operation: &'static str) -> Result<(), MapError> {
        match &self.inner.kind {
            Kind::ProgArray(_) => Err(self.no_such(operation, "use prog_slot and set_prog_slot")),
            _ => self.keyed(operation),
        }
    }

    /// The map has keys, with one value each.
    fn one_value(&self, operation: &'static str) -> Result<(), MapError> {
        self.mapping(operation)?;
        if self.is_per_cpu() {
            return Err(
                self.per_cpu("an entry has a value for each CPU; use lookup_percpu and update_percpu")
            );
        }
        Ok(())
    }

    /// The map has keys, with a value for each CPU each.
    fn value_each(&self) -> Result<(), MapError> {
        if self.is_per_cpu() {
            return Ok(());
        }
        Err(self.per_cpu("an entry has one value for all CPUs; use lookup and update"))
    }

    fn queue(&self, operation: &'static str) -> Result<&Queue, MapError> {
        match &self.inner.kind {
            Kind::Queue(queue) => Ok(queue),
            _ => Err(self.no_such(operation, "only BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK can")),
        }
    }

    fn ring(&self, operation: &'static str) -> Result<&RingBuf, MapError> {
        match &self.inner.kind {
            Kind::RingBuf(ring) => Ok(ring),
            _ => Err(self.no_such(operation, "only a BPF_MAP_TYPE_RINGBUF can")),
        }
    }

    fn readable(&self, operation: &'static str) -> Result<(), MapError> {
        self.unless(flags::WRONLY, operation)
    }

    fn writable(&self, operation: &'static str) -> Result<(), MapError> {
        self.unless(flags::RDONLY, operation)
    }

    fn unless(&self, flag: u32, operation: &'static str) -> Result<(), MapError> {
        if self.inner.def.flags & flag == 0 {
            return Ok(());
        }
        Err(self.failed(operation, Errno::NotPermitted))
    }

    fn failed(&self, operation: &'static str, errno: Errno) -> MapError {
        MapError::Failed { map: self.name().to_owned(), operation, errno }
    }

    fn no_such(&self, operation: &'static str, remedy: &'static str) -> MapError {
        MapError::Operation { map: self.name().to_owned(), ty: self.type_name(), operation, remedy }
    }

    fn per_cpu(&self, remedy: &'static str) -> MapError {
        MapError::PerCpu { map: self.name().to_owned(), ty: self.type_name(), remedy }
    }

    fn type_name(&self) -> &'static str {
        self.inner.def.ty.name().unwrap_or("map")
    }
}

impl Kind {
    fn new(shape: Shape, def: &MapDef) -> Result<Kind, Refused> {
        let (len, key_size, value_size) = (def.max_entries, def.key_size, def.value_size);
        Ok(match shape {
            Shape::Array(per_slot) => Kind::Array(Array::new(len, value_size, per_slot)?),
            Shape::Hash(per_slot, when_full) => {
                let seed = def::seed(def);
                Kind::Hash(Hash::new(len, key_size, value_size, per_slot, when_full, seed)?)
            }
            Shape::ProgArray => Kind::ProgArray(ProgArray::new(len)?),
            Shape::Queue(order) => Kind::Queue(Queue::new(len, value_size, order)?),
            Shape::RingBuf => Kind::RingBuf(RingBuf::new(len)?),
            Shape::Trie => Kind::Trie(Trie::new(len, key_size, value_size)?),
        })
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let def = &self.inner.def;
        f.debug_struct("Map")
            .field("name", &def.name)
            .field("ty", &format_args!("{}", def.ty))
            .field("key_size", &def.key_size)
            .field("value_size", &def.value_size)
            .field("max_entries", &def.max_entries)
            .finish_non_exhaustive()
    }
}

impl PartialEq for Map {
    /// Whether both are handles to the same map.
    fn eq(&self, other: &Map) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Map {}
