//! Large maps cost what is used of them.

use std::time::{Duration, Instant};

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Errno, Map, UpdateFlags};
use super::def;

/// Bytes of memory in use by this process.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

#[test]
fn a_large_map_costs_what_is_used_of_it() {
    let (start, before) = (Instant::now(), resident());
    let maps: Vec<Map> = [
        def(MapType::ARRAY, 4, 64, 1 << 26),
        def(MapType::PERCPU_ARRAY, 4, 64, 1 << 24),
        def(MapType::HASH, 8, 8, 1 << 26),
        def(MapType::LRU_HASH, 8, 8, 1 << 26),
        def(MapType::QUEUE, 0, 64, 1 << 24),
        def(MapType::RINGBUF, 0, 0, 1 << 30),
        MapDef { flags: 1, ..def(MapType::LPM_TRIE, 8, 8, 1 << 25) },
    ]
    .iter()
    .map(|def| Map::new(def).unwrap())
    .collect();
    for map in &maps[2..4] {
        for key in 0..1000_u64 {
            map.update(&key.to_ne_bytes(), &[1; 8], UpdateFlags::Any).unwrap();
        }
        assert_eq!(map.iter().count(), 1000);
    }
    maps[0].update(&((1_u32 << 26) - 1).to_ne_bytes(), &[1; 64], UpdateFlags::Any).unwrap();
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert!(resident() < before + (256 << 20), "{} bytes more in use", resident() - before);
}

#[test]
fn a_hash_fills_to_the_last_entry() {
    const ENTRIES: u32 = 1 << 20;
    let map = Map::new(&def(MapType::HASH, 4, 4, ENTRIES)).unwrap().typed::<u32, u32>().unwrap();
    for key in 0..ENTRIES {
        map.update(&key, &!key, UpdateFlags::NoExist).unwrap();
    }
    assert_eq!(map.set(&ENTRIES, &0).unwrap_err().errno(), Some(Errno::TooBig));
    assert!((0..ENTRIES).all(|key| map.get(&key) == Some(!key)));
    assert_eq!(map.map().len(), ENTRIES as usize);
}

#[test]
fn a_long_key_and_a_long_value_come_back() {
    let map = Map::new(&def(MapType::HASH, 1 << 20, 1 << 22, 3)).unwrap();
    let (key, value) = (vec![7; 1 << 20], vec![9; 1 << 22]);
    map.update(&key, &value, UpdateFlags::NoExist).unwrap();
    assert_eq!(map.lookup(&key).unwrap().unwrap(), value);
    let mut other = key.clone();
    *other.last_mut().unwrap() = 8;
    assert_eq!(map.lookup(&other).unwrap(), None);
    assert_eq!(map.next_key(None).unwrap().unwrap(), key);
}
