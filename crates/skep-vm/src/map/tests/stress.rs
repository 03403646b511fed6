//! Many threads on one map.
#![expect(unsafe_code, reason = "calls the methods that runtimes call")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Commit, Map, UpdateFlags};
use super::{Random, def, map};

/// Runs each job in a thread of its own, over and over, for a while; how often each ran.
fn together(jobs: &[&(dyn Fn(&mut Random) + Sync)]) -> Vec<u64> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (1..)
            .zip(jobs)
            .map(|(seed, job)| {
                let stop = &stop;
                scope.spawn(move || {
                    let mut random = Random::new(seed);
                    let mut count = 0;
                    while !stop.load(Ordering::Relaxed) {
                        job(&mut random);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(400));
        stop.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A value that belongs to one key only.
fn seal(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555
}

/// A key of `size` bytes, all of which depend on the number, so that a mixture of two keys is none.
fn key(number: u64, size: usize) -> Vec<u8> {
    seal(number).to_ne_bytes().into_iter().cycle().take(size).collect()
}

#[test]
fn a_lookup_gives_the_keys_own_value() {
    for (ty, key_size) in [
        (MapType::HASH, 4),
        (MapType::HASH, 8),
        (MapType::HASH, 16),
        (MapType::HASH, 40),
        (MapType::LRU_HASH, 8),
        (MapType::LRU_HASH, 24),
    ] {
        // So many keys in so few slots that most insertions recycle one, and chains are long.
        let map = map(ty, u32::try_from(key_size).unwrap(), 8, 64);
        let hits = AtomicU64::new(0);
        let write = |random: &mut Random| {
            let number = random.below(100);
            let set = map.update(&key(number, key_size), &seal(number).to_ne_bytes(), UpdateFlags::Any);
            assert!(set.is_ok() || ty == MapType::HASH, "{ty} {key_size}: {set:?}");
            let _ = map.delete(&key(random.below(100), key_size));
        };
        let read = |random: &mut Random| {
            let number = random.below(100);
            if let Some(value) = map.lookup(&key(number, key_size)).unwrap() {
                assert_eq!(value, seal(number).to_ne_bytes(), "{ty} {key_size}");
                hits.fetch_add(1, Ordering::Relaxed);
            }
        };
        let scan = |_: &mut Random| {
            for (key, value) in &map {
                assert_eq!(key[..4], value[..4], "{ty} {key_size}");
            }
        };
        together(&[&write, &write, &read, &read, &scan]);
        assert!(hits.into_inner() > 1000);
        // Nothing was lost: the map can be emptied, and filled again.
        let keys: Vec<_> = map.keys().collect();
        keys.iter().for_each(|key| map.delete(key).unwrap());
        assert_eq!(map.len(), 0);
        (0..64).for_each(|n| map.update(&key(n, key_size), &[0; 8], UpdateFlags::NoExist).unwrap());
        assert_eq!(map.len(), 64);
    }
}

#[test]
fn entries_that_stay_are_always_found() {
    for ty in [MapType::HASH, MapType::PERCPU_HASH] {
        // One half stays; the other comes and goes in the same chains.
        let map = map(ty, 8, 8, 2000);
        let set = |key: u64| {
            // SAFETY: a key and a value of eight bytes.
            unsafe { map.update_ptr((&raw const key).cast(), (&raw const key).cast(), 0) }
        };
        (0..1000).for_each(|key| assert_eq!(set(key), 0));
        let churn = |random: &mut Random| {
            let key = 1000 + random.below(1000);
            assert_eq!(set(key), 0);
            // SAFETY: a key of eight bytes.
            unsafe { map.delete_ptr((&raw const key).cast()) };
        };
        let find = |random: &mut Random| {
            let key = random.below(1000);
            // SAFETY: a key of eight bytes.
            assert!(!unsafe { map.lookup_ptr((&raw const key).cast()) }.is_null(), "{ty}: {key} is gone");
        };
        let scan = |_: &mut Random| {
            let stay = map.keys().filter(|key| u64::from_ne_bytes(key.as_slice().try_into().unwrap()) < 1000);
            assert_eq!(stay.count(), 1000, "{ty}");
        };
        together(&[&churn, &churn, &find, &find, &scan]);
        assert_eq!(map.len(), map.keys().count());
    }
}

#[test]
fn counters_in_an_entry_add_up() {
    let map = map(MapType::HASH, 4, 8, 4);
    map.update(&[0; 4], &[0; 8], UpdateFlags::NoExist).unwrap();
    let add = |_: &mut Random| {
        // SAFETY: a key of four bytes; the value has eight and is aligned.
        unsafe {
            let value = map.lookup_ptr([0; 4].as_ptr());
            AtomicU64::from_ptr(value.cast()).fetch_add(1, Ordering::Relaxed);
        }
    };
    let counts = together(&[&add, &add, &add]);
    let total = map.lookup(&[0; 4]).unwrap().unwrap();
    assert_eq!(u64::from_ne_bytes(total.try_into().unwrap()), counts.iter().sum::<u64>());
}

#[test]
fn one_of_many_inserts_and_one_of_many_deletes() {
    let map = map(MapType::HASH, 8, 8, 16);
    let (inserted, deleted) = (AtomicU64::new(0), AtomicU64::new(0));
    let job = |random: &mut Random| {
        let key = random.below(16).to_ne_bytes();
        if random.below(2) == 0 {
            inserted.fetch_add(
                u64::from(map.update(&key, &key, UpdateFlags::NoExist).is_ok()),
                Ordering::Relaxed,
            );
        } else {
            deleted.fetch_add(u64::from(map.delete(&key).is_ok()), Ordering::Relaxed);
        }
    };
    together(&[&job, &job, &job, &job]);
    let left = inserted.into_inner() - deleted.into_inner();
    assert_eq!(map.len() as u64, left);
    assert_eq!(map.keys().count() as u64, left);
}

#[test]
fn a_trie_is_whole_at_any_time() {
    let map = Map::new(&MapDef { flags: 1, ..def(MapType::LPM_TRIE, 8, 2048, 300) }).unwrap();
    let typed = map.typed::<(u32, [u8; 4]), [u64; 256]>().unwrap();
    // A default that stays, and longer prefixes that come and go; a value tells its prefix.
    typed.set(&(0, [0; 4]), &[0; 256]).unwrap();
    let value = |len: u32, net: [u8; 4]| [u64::from(len) << 32 | u64::from(u32::from_be_bytes(net)); 256];
    let prefix = |random: &mut Random| {
        let len = 1 + u32::try_from(random.below(32)).unwrap();
        let net =
            u32::try_from(random.next() & 0xffff_ffff).unwrap() & 0xf000_0030 & (u32::MAX << (32 - len));
        (len, net.to_be_bytes())
    };
    let hits = AtomicU64::new(0);
    let write = |random: &mut Random| {
        let (len, net) = prefix(random);
        let _ = typed.set(&(len, net), &value(len, net));
        let _ = typed.delete(&prefix(random));
    };
    let read = |random: &mut Random| {
        let (_, net) = prefix(random);
        let found = typed.get(&(32, net)).expect("the default matches all");
        assert!(found.iter().all(|word| *word == found[0]), "two values in one");
        let (len, bits) = (found[0] >> 32, found[0] & 0xffff_ffff);
        let mask = if len == 0 { 0 } else { u32::MAX << (32 - len) };
        assert_eq!(u64::from(u32::from_be_bytes(net) & mask), bits, "/{len} does not match {net:?}");
        hits.fetch_add(u64::from(len != 0), Ordering::Relaxed);
    };
    together(&[&write, &write, &read, &read]);
    assert!(hits.into_inner() > 1000);
    let keys: Vec<_> = typed.keys().collect();
    keys.iter().for_each(|key| typed.delete(key).unwrap());
    assert!(map.is_empty());
}

#[test]
fn each_record_is_read_once() {
    const WRITERS: usize = 3;
    let map = map(MapType::RINGBUF, 0, 0, 1 << 16);
    let (written, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut last = [0; WRITERS];
    let mut read = 0;
    std::thread::scope(|scope| {
        for writer in (0_u64..).take(WRITERS) {
            let (map, written, stop) = (&map, &written, &stop);
            scope.spawn(move || {
                let mut random = Random::new(writer);
                let mut number = 0;
                while !stop.load(Ordering::Relaxed) {
                    let extra = random.below(40);
                    let sample = map.ringbuf_reserve(16 + extra, 0);
                    if sample.is_null() {
                        std::thread::yield_now();
                        continue;
                    }
                    let discard = random.below(8) == 0;
                    if !discard {
                        number += 1;
                    }
                    // SAFETY: the record has 16 bytes and more.
                    unsafe { sample.cast::<[u64; 2]>().write_unaligned([writer, number]) };
                    let commit = if discard { Commit::Discard } else { Commit::Submit };
                    assert_eq!(map.ringbuf_commit(sample, 0, commit), 0);
                    written.fetch_add(u64::from(!discard), Ordering::Relaxed);
                }
            });
        }
        let start = Instant::now();
        let mut each = |record: &[u8]| {
            let [writer, number] =
                [0, 8].map(|at| u64::from_ne_bytes(record[at..at + 8].try_into().unwrap()));
            let last = &mut last[usize::try_from(writer).unwrap()];
            assert_eq!(number, *last + 1, "writer {writer}");
            *last = number;
            read += 1;
        };
        while start.elapsed() < Duration::from_millis(300) {
            map.wait(Duration::from_millis(10)).unwrap();
            map.consume(&mut each).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    read += map.consume(|_| ()).unwrap() as u64;
    assert_eq!(read, written.into_inner());
    assert!(read > 1000);
}

#[test]
fn queues_lose_nothing_and_double_nothing() {
    let map = map(MapType::QUEUE, 0, 8, 50).typed_queue::<u64>().unwrap();
    let (pushed, popped) = (AtomicU64::new(0), AtomicU64::new(0));
    let push = |random: &mut Random| {
        let value = random.below(1 << 40);
        if map.push(&value).is_ok() {
            pushed.fetch_add(value, Ordering::Relaxed);
        }
    };
    let pop = |_: &mut Random| {
        popped.fetch_add(map.pop().unwrap().unwrap_or(0), Ordering::Relaxed);
    };
    together(&[&push, &push, &pop, &pop]);
    while let Some(value) = map.pop().unwrap() {
        popped.fetch_add(value, Ordering::Relaxed);
    }
    assert_eq!(pushed.into_inner(), popped.into_inner());
}
