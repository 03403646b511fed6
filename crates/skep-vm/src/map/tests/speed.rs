//! How fast maps are, on demand: `cargo test --release -p skep-vm speed -- --ignored --nocapture`.
#![expect(unsafe_code, reason = "measures the methods that runtimes call")]

use std::hint::black_box;
use std::time::Instant;

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Map, UpdateFlags};
use super::{def, map};

/// Nanoseconds for one call, the best of many rounds, which are short so that other processes miss some.
fn time(name: &str, goal: f64, mut call: impl FnMut(u64)) {
    const CALLS: u64 = 1 << 16;
    let round = |call: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        (0..CALLS).for_each(call);
        start.elapsed().as_secs_f64() * 1e9 / f64::from(u32::try_from(CALLS).unwrap())
    };
    let best = (0..100).map(|_| round(&mut call)).fold(f64::INFINITY, f64::min);
    eprintln!("{name:36} {best:6.2} ns (goal {goal})");
    assert!(best <= goal * 2.0, "{name} takes {best:.1} ns, twice the goal of {goal}");
}

const ENTRIES: u32 = 10_000;

fn filled(ty: MapType, key_size: u32) -> Map {
    let map = map(ty, key_size, 8, ENTRIES);
    for i in 0..u64::from(ENTRIES) {
        // SAFETY: keys have up to 40 bytes, values 8.
        assert_eq!(unsafe { map.update_ptr(key(i).as_ptr().cast(), (&raw const i).cast(), 0) }, 0);
    }
    map
}

/// Forty bytes that differ from those of other numbers in the first four.
fn key(i: u64) -> [u64; 5] {
    [i, i << 7, i, i, i]
}

/// A number below the number of entries that follows no order.
fn any(i: u64) -> u64 {
    i.wrapping_mul(0x9e37_79b9_7f4a_7c15) % u64::from(ENTRIES)
}

#[test]
#[ignore = "a measurement"]
fn speed() {
    for (ty, key_size, lookup, update) in [
        (MapType::ARRAY, 4, 3.0, 4.0),
        (MapType::PERCPU_ARRAY, 4, 6.0, 8.0),
        (MapType::HASH, 4, 20.0, 40.0),
        (MapType::HASH, 8, 20.0, 40.0),
        (MapType::HASH, 16, 20.0, 40.0),
        (MapType::HASH, 12, 25.0, 50.0),
        (MapType::HASH, 40, 40.0, 80.0),
        (MapType::PERCPU_HASH, 8, 25.0, 40.0),
        (MapType::LRU_HASH, 8, 25.0, 50.0),
    ] {
        let map = filled(ty, key_size);
        let name = format!("{} of {key_size}-byte keys:", ty.short_name().unwrap());
        time(&format!("{name} lookup"), lookup, |i| {
            // SAFETY: keys have up to 40 bytes.
            let value = unsafe { black_box(&map).lookup_ptr(key(any(i)).as_ptr().cast()) };
            assert!(!black_box(value).is_null());
        });
        time(&format!("{name} update"), update, |i| {
            // SAFETY: keys have up to 40 bytes, values 8.
            let done =
                unsafe { black_box(&map).update_ptr(key(any(i)).as_ptr().cast(), (&raw const i).cast(), 0) };
            assert_eq!(done, 0);
        });
        if ty != MapType::ARRAY && ty != MapType::PERCPU_ARRAY {
            time(&format!("{name} delete, insert"), 2.0 * update, |i| {
                let key = key(any(i));
                // SAFETY: keys have up to 40 bytes, values 8.
                let done = unsafe {
                    map.delete_ptr(key.as_ptr().cast())
                        | map.update_ptr(key.as_ptr().cast(), (&raw const i).cast(), 0)
                };
                assert_eq!(done, 0);
            });
        }
    }
}

#[test]
#[ignore = "a measurement"]
fn speed_of_the_others() {
    let trie = Map::new(&MapDef { flags: 1, ..def(MapType::LPM_TRIE, 8, 8, ENTRIES) }).unwrap();
    let route = |i: u64| -> [u8; 8] {
        let address = i.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        [24, 0, 0, 0, address[0], address[1], address[2], 0]
    };
    (0..u64::from(ENTRIES)).for_each(|i| trie.update(&route(i), &i.to_ne_bytes(), UpdateFlags::Any).unwrap());
    time("LPM_TRIE of 10000 /24: lookup", 250.0, |i| {
        let mut key = route(any(i));
        key[0] = 32;
        // SAFETY: a key of eight bytes.
        assert!(!unsafe { black_box(&trie).lookup_ptr(key.as_ptr()) }.is_null());
    });
    let queue = map(MapType::QUEUE, 0, 8, 100);
    time("QUEUE: push, pop", 60.0, |i| {
        let mut value = i;
        // SAFETY: values of eight bytes.
        let done = unsafe {
            queue.push_ptr((&raw const value).cast(), 0) | black_box(&queue).pop_ptr((&raw mut value).cast())
        };
        assert_eq!((done, value), (0, i));
    });
    let ring = map(MapType::RINGBUF, 0, 0, 1 << 20);
    time("RINGBUF: output of 16 bytes, consume", 80.0, |i| {
        let record = [i; 2];
        // SAFETY: sixteen bytes.
        assert_eq!(unsafe { black_box(&ring).ringbuf_output(record.as_ptr().cast(), 16, 0) }, 0);
        if i % 1024 == 1023 {
            assert_eq!(ring.consume(|record| assert_eq!(record.len(), 16)), Ok(1024));
        }
    });
}
