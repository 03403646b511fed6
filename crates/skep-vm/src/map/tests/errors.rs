//! What messages say: where, what was found, what is expected.

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Errno, Map, MapError, UpdateFlags};
use super::{def, map};

/// The message of a definition that is refused.
fn check_def(def: &MapDef, expected: &str) {
    let error = Map::new(def).expect_err(expected);
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.errno(), Some(Errno::Invalid));
}

#[track_caller]
fn check<T: std::fmt::Debug>(result: Result<T, MapError>, expected: &str) {
    assert_eq!(result.unwrap_err().to_string(), expected);
}

#[test]
fn a_definition_says_which_field_is_wrong() {
    let flags = |ty, flags| MapDef { flags, ..def(ty, 4, 8, 4) };
    check_def(
        &def(MapType::SOCKMAP, 4, 4, 1),
        "map 'm': BPF_MAP_TYPE_SOCKMAP does not exist in user space; there are ARRAY, PERCPU_ARRAY, HASH, \
         PERCPU_HASH, LRU_HASH, LRU_PERCPU_HASH, PROG_ARRAY, QUEUE, STACK, RINGBUF, LPM_TRIE",
    );
    check_def(
        &def(MapType(99), 4, 4, 1),
        "map 'm': BPF_MAP_TYPE_99 does not exist in user space; there are ARRAY, PERCPU_ARRAY, HASH, PERCPU_HASH, \
         LRU_HASH, LRU_PERCPU_HASH, PROG_ARRAY, QUEUE, STACK, RINGBUF, LPM_TRIE",
    );
    for (def, expected) in [
        (def(MapType::ARRAY, 8, 8, 4), "key_size is 8, expected 4: the key of an array is a 32-bit index"),
        (def(MapType::ARRAY, 4, 0, 4), "value_size is 0, expected 1 to 2147483647"),
        (def(MapType::ARRAY, 4, u32::MAX, 4), "value_size is 4294967295, expected 1 to 2147483647"),
        (def(MapType::ARRAY, 4, 8, 0), "max_entries is 0, expected 1 to 4294967295"),
        (def(MapType::HASH, 0, 8, 4), "key_size is 0, expected 1 to 4194304"),
        (def(MapType::HASH, 4, 8, u32::MAX), "max_entries is 4294967295, expected 1 to 2147483648"),
        (
            def(MapType::PROG_ARRAY, 4, 8, 4),
            "value_size is 8, expected 4: the value of a program array stands for a program",
        ),
        (def(MapType::QUEUE, 4, 8, 4), "key_size is 4, expected 0: queues and stacks have no keys"),
        (
            def(MapType::RINGBUF, 0, 0, 5000),
            "max_entries is 5000, expected a number of bytes that is a power of two, 4096 or more",
        ),
        (
            def(MapType::RINGBUF, 0, 8, 4096),
            "value_size is 8, expected 0: records of ring buffers have any length",
        ),
        (
            def(MapType::LPM_TRIE, 4, 8, 4),
            "key_size is 4, expected 5 to 260: the length in bits, as four bytes, and the prefix",
        ),
        (
            def(MapType::LPM_TRIE, 8, 8, 4),
            "map_flags is 0, expected BPF_F_NO_PREALLOC, which the kernel demands of tries",
        ),
        (flags(MapType::STACK, 1 | 1 << 31), "key_size is 4, expected 0: queues and stacks have no keys"),
        (
            flags(MapType::PERCPU_ARRAY, 1 | 1 << 31),
            "map_flags is BPF_F_NO_PREALLOC | 0x80000000, expected none but BPF_F_RDONLY, BPF_F_WRONLY, \
             BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG for BPF_MAP_TYPE_PERCPU_ARRAY",
        ),
        (
            flags(MapType::HASH, 3 << 7),
            "map_flags is BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG, expected one of the two, or none",
        ),
    ] {
        check_def(&def, &format!("map 'm': {expected}"));
    }
}

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    for def in [
        def(MapType::ARRAY, 4, i32::MAX.cast_unsigned(), u32::MAX),
        def(MapType::PERCPU_ARRAY, 4, i32::MAX.cast_unsigned(), u32::MAX),
        def(MapType::HASH, 1 << 22, i32::MAX.cast_unsigned(), 1 << 31),
        def(MapType::LRU_PERCPU_HASH, 8, i32::MAX.cast_unsigned(), 1 << 31),
        def(MapType::QUEUE, 0, i32::MAX.cast_unsigned(), u32::MAX),
        MapDef { flags: 1, ..def(MapType::LPM_TRIE, 260, i32::MAX.cast_unsigned(), 1 << 30) },
    ] {
        let error = Map::new(&def).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::NoMemory), "{error}");
    }
    check(
        Map::new(&def(MapType::ARRAY, 4, i32::MAX.cast_unsigned(), u32::MAX)),
        "map 'm': the system refuses 9223372034707292160 bytes; max_entries is 4294967295, value_size 2147483647",
    );
}

#[test]
fn an_operation_says_what_is_wrong_with_it() {
    let hash = map(MapType::HASH, 4, 8, 1);
    let (key, value) = ([0; 4], [0; 8]);
    check(hash.lookup(&[0; 3]), "map 'm': the key has 3 bytes, expected 4");
    check(hash.update(&key, &[0; 9], UpdateFlags::Any), "map 'm': the value has 9 bytes, expected 8");
    check(hash.lookup_into(&key, &mut [0; 1]), "map 'm': the value has 1 bytes, expected 8");
    check(hash.delete(&key), "map 'm': cannot delete an entry: there is no such entry (ENOENT)");
    hash.update(&key, &value, UpdateFlags::Any).unwrap();
    check(
        hash.update(&key, &value, UpdateFlags::NoExist),
        "map 'm': cannot set a value: the key is there already (EEXIST)",
    );
    check(
        hash.update(&[1; 4], &value, UpdateFlags::Any),
        "map 'm': cannot set a value: the map has no place for it (E2BIG)",
    );
    check(
        hash.pop(),
        "map 'm': a BPF_MAP_TYPE_HASH cannot pop; only BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK can",
    );
    check(
        hash.consume(|_| ()),
        "map 'm': a BPF_MAP_TYPE_HASH cannot be consumed; only a BPF_MAP_TYPE_RINGBUF can",
    );
    check(
        hash.set_prog_slot(0, 1),
        "map 'm': a BPF_MAP_TYPE_HASH cannot hold programs; only a BPF_MAP_TYPE_PROG_ARRAY can",
    );
    check(
        hash.lookup_percpu(&key),
        "map 'm' of type BPF_MAP_TYPE_HASH: an entry has one value for all CPUs; use lookup and update",
    );
    check(hash.typed::<u64, u64>().map(|_| ()), "map 'm': a key has 4 bytes, the Rust type u64 has 8");
    check(hash.typed::<u32, bool>().map(|_| ()), "map 'm': a value has 8 bytes, the Rust type bool has 1");

    let array = map(MapType::ARRAY, 4, 8, 1);
    check(
        array.delete(&key),
        "map 'm': cannot delete an entry: the map does not have this operation, key or flag (EINVAL)",
    );
    let each = map(MapType::PERCPU_ARRAY, 4, 8, 1);
    check(
        each.lookup(&key),
        "map 'm' of type BPF_MAP_TYPE_PERCPU_ARRAY: an entry has a value for each CPU; use lookup_percpu and \
         update_percpu",
    );
    check(
        each.update_percpu(&key, &[], UpdateFlags::Any),
        &format!("map 'm': there are 0 values, expected {}, one for each CPU", super::super::cpu::count()),
    );
    let progs = map(MapType::PROG_ARRAY, 4, 4, 1);
    check(
        progs.update(&key, &[0; 4], UpdateFlags::Any),
        "map 'm': a BPF_MAP_TYPE_PROG_ARRAY cannot set a value; use prog_slot and set_prog_slot",
    );
    check(progs.set_prog_slot(1, 1), "map 'm': cannot set a program: the map has no place for it (E2BIG)");
    let queue = map(MapType::QUEUE, 0, 8, 1);
    check(queue.lookup(&[]), "map 'm': a BPF_MAP_TYPE_QUEUE cannot look a key up; use push, peek and pop");
    queue.push(&value).unwrap();
    check(queue.push(&value), "map 'm': cannot push: the map has no place for it (E2BIG)");
    let ring = map(MapType::RINGBUF, 0, 0, 4096);
    check(ring.next_key(None), "map 'm': a BPF_MAP_TYPE_RINGBUF cannot go from key to key; use consume");

    let locked = |flag| Map::new(&MapDef { flags: flag, ..def(MapType::HASH, 4, 8, 1) }).unwrap();
    check(
        locked(1 << 3).update(&key, &value, UpdateFlags::Any),
        "map 'm': cannot set a value: the map's flags forbid it (EPERM)",
    );
    check(locked(1 << 4).lookup(&key), "map 'm': cannot look a key up: the map's flags forbid it (EPERM)");
}
