//! What operations do, type by type, beyond what the comparison with the kernel sees.
#![expect(unsafe_code, reason = "calls the methods that runtimes call")]

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Commit, Map, MapError, UpdateFlags, cpu};
use super::{def, map};

const EINVAL: i64 = -(libc::EINVAL as i64);
const EPERM: i64 = -(libc::EPERM as i64);
const EAGAIN: i64 = -(libc::EAGAIN as i64);

/// As programs do.
fn update(map: &Map, key: u64, value: u64) -> i64 {
    // SAFETY: the maps of this file have keys and values of up to eight bytes.
    unsafe { map.update_ptr((&raw const key).cast(), (&raw const value).cast(), 0) }
}

/// As programs do.
fn lookup(map: &Map, key: u64) -> *mut u64 {
    // SAFETY: as above.
    unsafe { map.lookup_ptr((&raw const key).cast()).cast() }
}

/// As programs do.
fn delete(map: &Map, key: u64) -> i64 {
    // SAFETY: as above.
    unsafe { map.delete_ptr((&raw const key).cast()) }
}

#[test]
fn values_stay_where_they_are() {
    for ty in [MapType::ARRAY, MapType::HASH, MapType::LRU_HASH, MapType::PERCPU_ARRAY, MapType::PERCPU_HASH]
    {
        let map = map(ty, 4, 6, 1000);
        let range = map.value_range();
        for key in 0..1000 {
            assert_eq!(update(&map, key, key), 0);
        }
        let addresses: Vec<_> = (0..1000).map(|key| lookup(&map, key)).collect();
        for (key, address) in (0..1000).zip(&addresses) {
            assert!(range.contains(&address.addr()) && range.contains(&(address.addr() + 5)), "{ty}");
            assert_eq!(address.addr() % 8, 0, "{ty}");
            assert_eq!(update(&map, key, !key), 0);
            if !map.is_per_cpu() {
                assert_eq!(lookup(&map, key), *address, "{ty}");
                // SAFETY: a value of the map; its eight bytes include the padding.
                assert_eq!(unsafe { address.read() }, !key & 0xffff_ffff_ffff, "{ty}");
            }
        }
    }
}

#[test]
fn a_deleted_entry_leaves_its_place_to_the_next() {
    let map = map(MapType::HASH, 8, 8, 3);
    (0..3).for_each(|key| assert_eq!(update(&map, key, key), 0));
    let place = lookup(&map, 1);
    assert_eq!(delete(&map, 1), 0);
    // SAFETY: the map lives.
    assert_eq!(unsafe { place.read() }, 1, "a pointer into a deleted entry reads on");
    assert!(lookup(&map, 1).is_null());
    assert_eq!(update(&map, 7, 70), 0);
    assert_eq!(lookup(&map, 7), place);
    assert_eq!(update(&map, 8, 80), -i64::from(libc::E2BIG));
    assert_eq!(map.len(), 3);
}

#[test]
fn keys_come_once_and_can_be_removed_on_the_way() {
    let map = map(MapType::HASH, 8, 8, 100);
    (0..100).for_each(|key| assert_eq!(update(&map, key, key + 1), 0));
    let typed = map.typed::<u64, u64>().unwrap();
    let seen: Vec<u64> =
        typed.iter().inspect(|(key, _)| typed.delete(key).unwrap()).map(|(_, value)| value).collect();
    assert_eq!(seen, (1..=100).collect::<Vec<_>>(), "in the order of insertion");
    assert!(map.is_empty());
    assert_eq!(map.next_key(None).unwrap(), None);
}

#[test]
fn for_each_lets_the_map_change() {
    let map = map(MapType::HASH, 8, 8, 200);
    (0..100).for_each(|key| assert_eq!(update(&map, key, 0), 0));
    let mut seen = Vec::new();
    let calls = map.for_each(|key, value| {
        // SAFETY: a key and a value of eight bytes.
        let key = unsafe { key.cast::<u64>().read_unaligned() };
        // SAFETY: as above.
        unsafe { value.cast::<u64>().write(1) };
        seen.push(key);
        // The next one is gone before it is seen, this one after.
        delete(&map, key + 1);
        delete(&map, key);
        update(&map, 1000 + key, 0);
        true
    });
    let old: Vec<u64> = seen.iter().copied().filter(|key| *key < 1000).collect();
    assert_eq!(old, (0..100).step_by(2).collect::<Vec<_>>());
    assert_eq!(calls, i64::try_from(seen.len()).unwrap());

    let array = super::map(MapType::ARRAY, 4, 8, 10);
    let mut indices = Vec::new();
    let calls = array.for_each(|key, _| {
        // SAFETY: a key of four bytes.
        indices.push(unsafe { key.cast::<u32>().read_unaligned() });
        indices.len() < 4
    });
    assert_eq!((calls, indices), (4, vec![0, 1, 2, 3]));
    assert_eq!(super::map(MapType::QUEUE, 0, 8, 1).for_each(|_, _| true), EINVAL);
}

/// The CPUs that this process may run on.
fn own_cpus() -> Vec<u32> {
    // SAFETY: a set of CPUs is plain bits; 0 is this thread.
    let set = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size_of_val(&set), &raw mut set), 0);
        set
    };
    // SAFETY: the set is longer than there are CPUs.
    (0..cpu::count()).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu as usize, &set) }).collect()
}

#[test]
fn programs_see_the_value_of_their_cpu() {
    for ty in [MapType::PERCPU_ARRAY, MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH] {
        let map = map(ty, 4, 8, 1);
        let key = 0_u32.to_ne_bytes();
        let each: Vec<Vec<u8>> =
            (0..cpu::count()).map(|cpu| u64::from(cpu + 1).to_ne_bytes().to_vec()).collect();
        let each: Vec<&[u8]> = each.iter().map(Vec::as_slice).collect();
        map.update_percpu(&key, &each, UpdateFlags::Any).unwrap();
        for on in own_cpus() {
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    // SAFETY: a set of CPUs is plain bits; 0 is this thread.
                    unsafe {
                        let mut set: libc::cpu_set_t = std::mem::zeroed();
                        libc::CPU_SET(on as usize, &mut set);
                        assert_eq!(libc::sched_setaffinity(0, size_of_val(&set), &raw const set), 0);
                    }
                    assert_eq!(cpu::current(), on);
                    // SAFETY: a value of eight bytes.
                    assert_eq!(unsafe { lookup(&map, 0).read() }, u64::from(on + 1));
                    // SAFETY: a key of four bytes.
                    let there = unsafe { map.lookup_percpu_ptr(key.as_ptr(), on) };
                    assert_eq!(there.cast(), lookup(&map, 0));
                    if ty != MapType::PERCPU_ARRAY {
                        // A new entry in the old place is this CPU's alone.
                        assert_eq!(delete(&map, 0), 0);
                    }
                    assert_eq!(update(&map, 0, 77), 0);
                });
            });
            let values = map.typed_percpu::<u32, u64>().unwrap().get(&0).unwrap();
            let rest = |cpu| if ty == MapType::PERCPU_ARRAY { u64::from(cpu + 1) } else { 0 };
            let expected: Vec<u64> =
                (0..cpu::count()).map(|cpu| if cpu == on { 77 } else { rest(cpu) }).collect();
            assert_eq!(values, expected, "{ty}");
            map.update_percpu(&key, &each, UpdateFlags::Exist).unwrap();
        }
        // SAFETY: a key of four bytes.
        assert!(unsafe { map.lookup_percpu_ptr(key.as_ptr(), cpu::count()) }.is_null());
        assert_eq!(map.iter().next().unwrap().1, each.concat());
    }
}

#[test]
fn a_full_lru_map_keeps_what_is_used() {
    for ty in [MapType::LRU_HASH, MapType::LRU_PERCPU_HASH] {
        let map = map(ty, 8, 8, 100);
        (0..50).for_each(|key| assert_eq!(update(&map, key, key), 0));
        for key in 1000..10_000 {
            (0..50).for_each(|kept| {
                assert!(!lookup(&map, kept).is_null(), "{kept} is in use, but went for {key}")
            });
            assert_eq!(update(&map, key, key), 0);
        }
        assert_eq!(map.len(), 100);
        // What is not used goes in the order in which it came.
        let newest = (9950..10_000).filter(|&key| !lookup(&map, key).is_null()).count();
        assert_eq!(newest, 50);
    }
}

#[test]
fn an_lru_map_of_one_holds_the_last() {
    let map = map(MapType::LRU_HASH, 4, 8, 1);
    for key in 0..1000 {
        assert_eq!(update(&map, key, key), 0);
        assert!(!lookup(&map, key).is_null());
        assert_eq!(map.len(), 1);
    }
}

#[test]
fn to_look_at_an_lru_map_from_a_host_is_no_use() {
    let map = map(MapType::LRU_HASH, 8, 8, 4);
    (0..4).for_each(|key| assert_eq!(update(&map, key, key), 0));
    let typed = map.typed::<u64, u64>().unwrap();
    assert_eq!(typed.get(&0), Some(0));
    assert_eq!(typed.iter().count(), 4);
    assert_eq!(update(&map, 9, 9), 0);
    assert_eq!(typed.get(&0), None);
}

#[test]
fn queues_give_the_oldest_and_stacks_the_youngest() {
    for (ty, order) in [(MapType::QUEUE, [2, 3, 4]), (MapType::STACK, [4, 3, 2])] {
        let map = map(ty, 0, 4, 3);
        let typed = map.typed_queue::<u32>().unwrap();
        (1..=3).for_each(|n| typed.push(&n).unwrap());
        map.push_over(&4_u32.to_ne_bytes()).unwrap();
        assert_eq!(map.iter().map(|(_, value)| value[0]).collect::<Vec<_>>(), order);
        assert_eq!(typed.peek().unwrap(), Some(u32::from(order[0])));
        for n in order {
            assert_eq!(typed.pop().unwrap(), Some(u32::from(n)));
        }
        assert_eq!(typed.pop().unwrap(), None);
        let mut out = 5_u32;
        // SAFETY: four bytes.
        assert_eq!(unsafe { map.pop_ptr((&raw mut out).cast()) }, -i64::from(libc::ENOENT));
        assert_eq!(out, 0, "there was nothing to pop, and the kernel says so with zeros too");
    }
}

#[test]
fn a_program_array_holds_handles() {
    let map = map(MapType::PROG_ARRAY, 4, 4, 3);
    assert_eq!(map.prog_slot(1), None);
    map.set_prog_slot(1, 0).unwrap();
    map.set_prog_slot(2, u64::MAX - 1).unwrap();
    assert!(map.set_prog_slot(0, u64::MAX).is_err());
    assert_eq!([0, 1, 2, 3].map(|i| map.prog_slot(i)), [None, Some(0), Some(u64::MAX - 1), None]);
    assert_eq!(
        map.keys().collect::<Vec<_>>(),
        [[1, 0, 0, 0], [2, 0, 0, 0]].map(|k: [u8; 4]| { u32::from_le_bytes(k).to_ne_bytes().to_vec() })
    );
    map.delete(&1_u32.to_ne_bytes()).unwrap();
    assert!(map.delete(&1_u32.to_ne_bytes()).is_err());
    assert_eq!(map.prog_slot(1), None);
    assert!(lookup(&map, 2).is_null());
    assert_eq!(update(&map, 2, 2), EINVAL);
}

#[test]
fn flags_keep_programs_out() {
    let flags = |flags| Map::new(&MapDef { flags, ..def(MapType::HASH, 8, 8, 4) }).unwrap();
    let read_only = flags(1 << 7);
    assert!(read_only.programs_read() && !read_only.programs_write());
    assert_eq!(update(&read_only, 1, 1), EPERM);
    read_only.update(&[0; 8], &[1; 8], UpdateFlags::Any).unwrap();
    assert!(!lookup(&read_only, 0).is_null());
    assert_eq!(delete(&read_only, 0), EPERM);
    let write_only = flags(1 << 8);
    assert!(!write_only.programs_read() && write_only.programs_write());
}

#[test]
fn a_trie_finds_the_longest_prefix() {
    let map = Map::new(&MapDef { flags: 1, ..def(MapType::LPM_TRIE, 8, 4, 10) }).unwrap();
    let typed = map.typed::<(u32, [u8; 4]), u32>().unwrap();
    for (len, net) in
        [(0, [0; 4]), (8, [10, 0, 0, 0]), (24, [10, 1, 2, 0]), (32, [10, 1, 2, 3]), (9, [10, 128, 0, 0])]
    {
        typed.set(&(len, net), &len).unwrap();
    }
    for (address, expected) in [
        ([10, 1, 2, 3], 32),
        ([10, 1, 2, 4], 24),
        ([10, 1, 3, 4], 8),
        ([10, 200, 0, 0], 9),
        ([11, 0, 0, 0], 0),
    ] {
        assert_eq!(typed.get(&(32, address)), Some(expected), "{address:?}");
    }
    assert_eq!(typed.get(&(8, [10, 1, 2, 3])), Some(8), "a key is a prefix too");
    let order: Vec<u32> = typed.iter().map(|(_, len)| len).collect();
    assert_eq!(order, [32, 24, 9, 8, 0], "the more specific first");
    let mut visited = 0;
    assert_eq!(
        map.for_each(|_, _| {
            visited += 1;
            visited < 3
        }),
        3
    );
    typed.delete(&(0, [0; 4])).unwrap();
    assert_eq!(typed.get(&(32, [11, 0, 0, 0])), None);
}

#[test]
fn records_come_whole_and_in_order() {
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    let first = map.ringbuf_reserve(5, 0);
    let second = map.ringbuf_reserve(8, 0);
    let third = map.ringbuf_reserve(1, 0);
    assert_eq!(second.addr() - first.addr(), 16);
    assert_eq!(map.value_range().start + 8, first.addr());
    // SAFETY: headers and data of the ring buffer.
    unsafe {
        assert_eq!(first.sub(8).cast::<u32>().read(), 5 | 1 << 31, "length, and being written");
        first.copy_from(b"first".as_ptr(), 5);
        second.copy_from(b"second..".as_ptr(), 8);
        third.write(b'3');
    }
    let read = || {
        let mut records = Vec::new();
        map.consume(|record| records.push(String::from_utf8(record.to_vec()).unwrap())).unwrap();
        records
    };
    assert_eq!(map.ringbuf_commit(second, 0, Commit::Discard), 0);
    assert_eq!(map.ringbuf_commit(third, 0, Commit::Submit), 0);
    assert_eq!(read(), [""; 0], "the first is still being written");
    assert_eq!(map.ringbuf_query(0), 16 + 16 + 16);
    assert_eq!(map.ringbuf_commit(first, 0, Commit::Submit), 0);
    assert_eq!(map.len(), 2);
    assert_eq!(read(), ["first", "3"]);
    // SAFETY: six bytes.
    unsafe {
        assert_eq!(map.ringbuf_output(b"fourth".as_ptr(), 6, 0), 0);
        assert_eq!(map.ringbuf_output(b"fourth".as_ptr(), 6, 4), EINVAL);
        assert_eq!(map.ringbuf_output(b"fourth".as_ptr(), 4089, 0), EAGAIN);
        assert_eq!(map.ringbuf_output(b"fourth".as_ptr(), u64::MAX, 0), EAGAIN);
    }
    assert_eq!(read(), ["fourth"]);
    assert_eq!([0, 1, 2, 3, 4].map(|what| map.ringbuf_query(what)), [0, 4096, 64, 64, 0]);
}

#[test]
fn a_record_is_contiguous_where_the_ring_ends() {
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    let pattern: Vec<u8> = (0..=255).cycle().take(1000).collect();
    for round in 0..100 {
        let sample = map.ringbuf_reserve(1000, 0);
        assert!(!sample.is_null(), "round {round}");
        // SAFETY: the record.
        unsafe { sample.copy_from(pattern.as_ptr(), 1000) };
        let next = map.ringbuf_reserve(8, 0);
        // SAFETY: the record.
        unsafe { next.cast::<u64>().write(round) };
        assert!(
            map.value_range().contains(&sample.addr()) && map.value_range().contains(&(sample.addr() + 999))
        );
        assert_eq!(map.ringbuf_commit(sample, 0, Commit::Submit), 0);
        assert_eq!(map.ringbuf_commit(next, 0, Commit::Submit), 0);
        let mut records = Vec::new();
        map.consume(|record| records.push(record.to_vec())).unwrap();
        assert_eq!(records, [pattern.clone(), round.to_ne_bytes().to_vec()]);
    }
}

#[test]
fn the_ring_buffer_takes_as_much_as_the_kernels() {
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    assert!(map.ringbuf_reserve(4096 - 8, 0).is_null(), "a byte always stays free");
    assert!(map.ringbuf_reserve(8, 1).is_null(), "no flags");
    assert!(map.ringbuf_reserve(u64::from(u32::MAX), 0).is_null());
    assert!(!map.ringbuf_reserve(4096 - 16, 0).is_null());
    assert!(map.ringbuf_reserve(0, 0).is_null());
}

#[test]
fn a_record_is_committed_once_and_where_it_begins() {
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    let sample = map.ringbuf_reserve(16, 0);
    for wrong in
        [sample.wrapping_add(8), sample.wrapping_add(1), sample.wrapping_sub(8), std::ptr::null_mut()]
    {
        assert_eq!(map.ringbuf_commit(wrong, 0, Commit::Submit), EINVAL);
    }
    assert_eq!(map.ringbuf_commit(sample.wrapping_add(1 << 20), 0, Commit::Submit), EINVAL);
    assert_eq!(map.ringbuf_commit(sample, 0, Commit::Submit), 0);
    assert_eq!(map.ringbuf_commit(sample, 0, Commit::Submit), EINVAL);
}

#[test]
fn a_program_that_writes_over_a_header_loses_records_and_nothing_else() {
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    for len in [0x3fff_ffff, 4096, 25] {
        let sample = map.ringbuf_reserve(16, 0);
        // SAFETY: the header before the record.
        unsafe { sample.sub(8).cast::<u32>().write(len) };
        assert_eq!(
            map.consume(|_| panic!("there is no such record")),
            Err(MapError::Record { map: "m".to_owned(), len, lost: 24 })
        );
        assert_eq!(map.len(), 0);
        // SAFETY: two bytes.
        assert_eq!(unsafe { map.ringbuf_output(b"ok".as_ptr(), 2, 0) }, 0);
        assert_eq!(map.consume(|record| assert_eq!(record, b"ok")), Ok(1));
    }
}

#[test]
fn a_reader_sleeps_until_there_is_a_record() {
    use std::time::Duration;
    let map = map(MapType::RINGBUF, 0, 0, 4096);
    assert_eq!(map.wait(Duration::from_millis(1)), Ok(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| map.wait(Duration::from_secs(60)));
        let sample = map.ringbuf_reserve(8, 0);
        std::thread::sleep(Duration::from_millis(5));
        assert!(!reader.is_finished(), "a record that is being written is none");
        assert_eq!(map.ringbuf_commit(sample, 0, Commit::Submit), 0);
        assert_eq!(reader.join().unwrap(), Ok(true));
    });
    assert_eq!(map.consume(|_| ()), Ok(1));
}

#[test]
fn types_are_as_in_memory() {
    let map = map(MapType::HASH, 16, 12, 4);
    let typed = map.typed::<(u8, bool, [u16; 3], i64), ([u8; 8], i32)>().unwrap();
    typed.set(&(1, true, [2, 3, 4], -1), &(*b"abcdefgh", -5)).unwrap();
    let (key, value) = map.iter().next().unwrap();
    let bytes = |parts: &[&[u8]]| parts.concat();
    let [two, three, four] = [2_u16, 3, 4].map(u16::to_ne_bytes);
    assert_eq!(key, bytes(&[&[1, 1], &two, &three, &four, &(-1_i64).to_ne_bytes()]));
    assert_eq!(value, bytes(&[b"abcdefgh", &(-5_i32).to_ne_bytes()]));
    assert_eq!(typed.get(&(1, true, [2, 3, 4], -1)), Some((*b"abcdefgh", -5)));
    assert_eq!(typed.get(&(1, false, [2, 3, 4], -1)), None);
}

#[test]
fn a_handle_is_the_same_map() {
    let first = map(MapType::ARRAY, 4, 8, 4);
    let (clone, second) = (first.clone(), map(MapType::ARRAY, 4, 8, 4));
    assert!(first == clone && first.handle() == clone.handle());
    assert!(first != second && first.handle() != second.handle());
    clone.update(&3_u32.to_ne_bytes(), &[7; 8], UpdateFlags::Any).unwrap();
    assert_eq!(first.lookup(&3_u32.to_ne_bytes()).unwrap().unwrap(), [7; 8]);
    let layout = first.array_layout().unwrap();
    assert_eq!((layout.base, layout.stride, layout.len), (first.value_range().start, 8, 4));
    fn shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    shared(&first);
}
