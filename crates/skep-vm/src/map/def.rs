//! Which definitions make a map: one table of types, and what each one asks of its sizes and flags.

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::error::MapError;
use super::flags::{self, INNER_MAP, MMAPABLE, NO_COMMON_LRU, NO_PREALLOC, NUMA_NODE, ZERO_SEED};
use super::hash::WhenFull;
use super::index::SeedFrom;
use super::percpu::PerSlot;
use super::queue::Order;
use super::ringbuf::PAGE;

/// What sort of map a type is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Array(PerSlot),
    Hash(PerSlot, WhenFull),
    ProgArray,
    Queue(Order),
    RingBuf,
    Trie,
}

/// The types that exist in user space, with the flags that they can have besides [`ACCESS`].
const TYPES: &[(MapType, Shape, u32)] = &[
    (MapType::ARRAY, Shape::Array(PerSlot::One), NUMA_NODE | MMAPABLE | INNER_MAP),
    (MapType::PERCPU_ARRAY, Shape::Array(PerSlot::Cpu), 0),
    (MapType::HASH, Shape::Hash(PerSlot::One, WhenFull::Refuse), NO_PREALLOC | NUMA_NODE | ZERO_SEED),
    (MapType::PERCPU_HASH, Shape::Hash(PerSlot::Cpu, WhenFull::Refuse), NO_PREALLOC | ZERO_SEED),
    (MapType::LRU_HASH, Shape::Hash(PerSlot::One, WhenFull::Evict), NO_COMMON_LRU | NUMA_NODE | ZERO_SEED),
    (MapType::LRU_PERCPU_HASH, Shape::Hash(PerSlot::Cpu, WhenFull::Evict), NO_COMMON_LRU | ZERO_SEED),
    (MapType::PROG_ARRAY, Shape::ProgArray, NUMA_NODE),
    (MapType::QUEUE, Shape::Queue(Order::Fifo), NUMA_NODE),
    (MapType::STACK, Shape::Queue(Order::Lifo), NUMA_NODE),
    (MapType::RINGBUF, Shape::RingBuf, NUMA_NODE),
    (MapType::LPM_TRIE, Shape::Trie, NO_PREALLOC | NUMA_NODE),
];

/// Flags that say who may read and write.
const ACCESS: u32 = HOST_ACCESS | PROG_ACCESS;
const HOST_ACCESS: u32 = flags::RDONLY | flags::WRONLY;
const PROG_ACCESS: u32 = flags::RDONLY_PROG | flags::WRONLY_PROG;

/// The largest key; the kernel's limit for a key and its value together is near.
const MAX_KEY: u32 = 1 << 22;
/// The largest value, as in the kernel.
const MAX_VALUE: u32 = i32::MAX.cast_unsigned();

/// The sizes that keys of tries can have.
const TRIE_KEYS: std::ops::RangeInclusive<u32> = 5..=260;

/// The shape of a map, if its definition is right.
pub(super) fn check(def: &MapDef) -> Result<Shape, MapError> {
    let Some(&(_, shape, flags)) = TYPES.iter().find(|(ty, ..)| *ty == def.ty) else {
        return Err(MapError::Type {
            map: def.name.clone(),
            ty: def.ty.to_string(),
            supported: TYPES.iter().filter_map(|(ty, ..)| ty.short_name()).collect::<Vec<_>>().join(", "),
        });
    };
    let size = |field, found: u32, right: bool, expected: &str| {
        let (found, expected) = (found.to_string(), expected.to_owned());
        if right { Ok(()) } else { Err(wrong(def, field, found, expected)) }
    };
    let key = |right, expected: &str| size("key_size", def.key_size, right, expected);
    let value = |right, expected: &str| size("value_size", def.value_size, right, expected);

    let most = match shape {
        Shape::Hash(..) | Shape::RingBuf => 1 << 31,
        Shape::Trie => 1 << 30,
        Shape::Array(_) | Shape::ProgArray | Shape::Queue(_) => u32::MAX,
    };
    let entries = (1..=most).contains(&def.max_entries);
    size("max_entries", def.max_entries, entries, &format!("1 to {most}"))?;
    match shape {
        Shape::Array(_) => key(def.key_size == 4, "4: the key of an array is a 32-bit index")?,
        Shape::ProgArray => {
            key(def.key_size == 4, "4: the key of a program array is a 32-bit index")?;
            value(def.value_size == 4, "4: the value of a program array stands for a program")?;
        }
        Shape::Hash(..) => key((1..=MAX_KEY).contains(&def.key_size), &format!("1 to {MAX_KEY}"))?,
        Shape::Queue(_) => key(def.key_size == 0, "0: queues and stacks have no keys")?,
        Shape::RingBuf => {
            key(def.key_size == 0, "0: ring buffers have no keys")?;
            value(def.value_size == 0, "0: records of ring buffers have any length")?;
            let right = def.max_entries.is_power_of_two() && def.max_entries as usize >= PAGE;
            let expected = format!("a number of bytes that is a power of two, {PAGE} or more");
            size("max_entries", def.max_entries, right, &expected)?;
        }
        Shape::Trie => {
            let right = TRIE_KEYS.contains(&def.key_size);
            let (least, most) = TRIE_KEYS.into_inner();
            key(right, &format!("{least} to {most}: the length in bits, as four bytes, and the prefix"))?;
        }
    }
    if shape != Shape::RingBuf {
        value((1..=MAX_VALUE).contains(&def.value_size), &format!("1 to {MAX_VALUE}"))?;
    }
    let access = match shape {
        Shape::RingBuf => 0,
        Shape::ProgArray => ACCESS & !PROG_ACCESS,
        _ => ACCESS,
    };
    check_flags(def, flags | access)?;
    if shape == Shape::Trie && def.flags & NO_PREALLOC == 0 {
        let expected = "BPF_F_NO_PREALLOC, which the kernel demands of tries".to_owned();
        return Err(wrong(def, "map_flags", flags::text(def.flags), expected));
    }
    Ok(shape)
}

fn check_flags(def: &MapDef, allowed: u32) -> Result<(), MapError> {
    if def.flags & !allowed != 0 {
        let expected = match allowed {
            0 => format!("none for {}", def.ty),
            _ => format!("none but {} for {}", flags::text(allowed).replace(" |", ","), def.ty),
        };
        return Err(wrong(def, "map_flags", flags::text(def.flags & !allowed), expected));
    }
    for both in [PROG_ACCESS, HOST_ACCESS] {
        if def.flags & both == both {
            let expected = "one of the two, or none".to_owned();
            return Err(wrong(def, "map_flags", flags::text(both), expected));
        }
    }
    Ok(())
}

fn wrong(def: &MapDef, field: &'static str, found: String, expected: String) -> MapError {
    MapError::Definition { map: def.name.clone(), field, found, expected }
}

pub(super) fn no_memory(def: &MapDef, bytes: u64) -> MapError {
    MapError::Memory {
        map: def.name.clone(),
        bytes,
        max_entries: def.max_entries,
        value_size: def.value_size,
    }
}

pub(super) fn seed(def: &MapDef) -> SeedFrom {
    if def.flags & ZERO_SEED == 0 { SeedFrom::Random } else { SeedFrom::Zero }
}
