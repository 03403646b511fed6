//! Maps of every kind.

use skep_btf::maps::MapType;
use skep_kernel::{Error, Loaded, Options, UpdateFlags, load};
use skep_object::image::Map;
use skep_object::{Image, MapDef};

use crate::support::{image, loaded, may_load, tell};

/// A declaration of each type that this crate makes; what the kernel asks of the others is in `REFUSED`.
const KINDS: &[(&str, &str)] = &[
    ("hash", "key=4, value=8, max_entries=16"),
    ("array", "key=4, value=8, max_entries=16"),
    ("prog_array", "key=4, value=4, max_entries=16"),
    ("prog_array", "max_entries=16"),
    ("perf_event_array", "key=4, value=4"),
    ("percpu_hash", "key=4, value=12, max_entries=16"),
    ("percpu_array", "key=4, value=12, max_entries=16"),
    ("stack_trace", "key=4, value=80, max_entries=16"),
    ("cgroup_array", "key=4, value=4, max_entries=16"),
    ("lru_hash", "key=4, value=8, max_entries=16"),
    ("lru_percpu_hash", "key=4, value=8, max_entries=16"),
    ("lpm_trie", "key=8, value=8, max_entries=16, flags=1"),
    ("array_of_maps", "max_entries=4, inner=(type=array, key=4, value=8, max_entries=1)"),
    ("hash_of_maps", "key=8, max_entries=4, inner=(type=hash, key=4, value=8, max_entries=8)"),
    ("devmap", "key=4, value=4, max_entries=4"),
    ("devmap", "key=4, value=8, max_entries=4"),
    ("sockmap", "key=4, value=4, max_entries=4"),
    ("cpumap", "key=4, value=8, max_entries=4"),
    ("xskmap", "key=4, value=4, max_entries=4"),
    ("sockhash", "key=4, value=4, max_entries=4"),
    ("cgroup_storage", "key=16, value=8"),
    ("reuseport_sockarray", "key=4, value=8, max_entries=4"),
    ("percpu_cgroup_storage", "key=16, value=8"),
    ("queue", "value=8, max_entries=4"),
    ("stack", "value=8, max_entries=4"),
    ("sk_storage", "key=4, value=24, flags=1"),
    ("devmap_hash", "key=4, value=4, max_entries=4"),
    ("ringbuf", "max_entries=5000"),
    ("inode_storage", "key=4, value=8, flags=1"),
    ("task_storage", "key=4, value=8, flags=1"),
    ("bloom_filter", "value=8, max_entries=64, extra=3"),
    ("user_ringbuf", "max_entries=4096"),
    ("cgrp_storage", "key=4, value=8, flags=1"),
    ("arena", "max_entries=4, flags=1 << 10"),
];

/// What is not made, and why: type, sizes of key and value, entries, message.
const REFUSED: &[(MapType, [u32; 3], &str)] = &[
    (MapType::UNSPEC, [0, 0, 0], "(unspec, key 0, value 0, 0 entries)"),
    (
        MapType::INSN_ARRAY,
        [4, 16, 4],
        "(insn_array, key 4, value 16, 4 entries); this kernel does not have the type",
    ),
    (
        MapType(99),
        [4, 16, 4],
        "(BPF_MAP_TYPE_99, key 4, value 16, 4 entries); this kernel does not have the type",
    ),
    (MapType::HASH, [0, 8, 4], "(hash, key 0, value 8, 4 entries); key_size must be at least 1"),
    (MapType::HASH, [4, 8, 0], "(hash, key 4, value 8, 0 entries); max_entries must be at least 1"),
    (MapType::ARRAY, [8, 8, 4], "(array, key 8, value 8, 4 entries); key_size must be 4"),
    (
        MapType::ARRAY,
        [4, 0x4000_0000, 4096],
        "(array, key 4, value 1073741824, 4096 entries); there is not enough memory, or the limit of the memory cgroup is reached",
    ),
    (
        MapType::LPM_TRIE,
        [8, 8, 4],
        "(lpm_trie, key 8, value 8, 4 entries); map_flags must be BPF_F_NO_PREALLOC (1)",
    ),
    (
        MapType::STACK_TRACE,
        [4, 81, 4],
        "(stack_trace, key 4, value 81, 4 entries); value_size must be a multiple of 8",
    ),
    (MapType::QUEUE, [4, 8, 4], "(queue, key 4, value 8, 4 entries); key_size must be 0"),
    (MapType::RINGBUF, [0, 8, 4], "(ringbuf, key 0, value 8, 4096 entries); value_size must be 0"),
    (MapType::BLOOM_FILTER, [4, 8, 4], "(bloom_filter, key 4, value 8, 4 entries); key_size must be 0"),
    (
        MapType::TASK_STORAGE,
        [4, 8, 0],
        "(task_storage, key 4, value 8, 0 entries); map_flags must be BPF_F_NO_PREALLOC (1)",
    ),
];

fn declared(ty: &str, rest: &str) -> String {
    let comma = if rest.is_empty() { "" } else { ", " };
    format!(".map m, type={ty}{comma}{rest}")
}

#[test]
fn every_type_is_made() {
    if !may_load() {
        return;
    }
    let mut made = Vec::new();
    for (ty, rest) in KINDS {
        match load(&image(&declared(ty, rest)), &Options::new()) {
            Ok(loaded) => {
                assert_eq!(loaded.remarks(), [""; 0], "{ty}");
                made.push(loaded.map_raw("m").unwrap().ty());
            }
            Err(error) => panic!("{ty}, {rest}: {error}: {:?}", std::error::Error::source(&error)),
        }
    }
    made.sort_unstable();
    made.dedup();
    let missing: Vec<String> =
        MapType::ALL.iter().filter(|ty| !made.contains(ty)).map(ToString::to_string).collect();
    tell(&format!("{} map types made, but not {}", made.len(), missing.join(", ")));
    assert_eq!(missing, ["BPF_MAP_TYPE_UNSPEC", "BPF_MAP_TYPE_STRUCT_OPS", "BPF_MAP_TYPE_INSN_ARRAY"]);
}

#[test]
fn what_is_wrong_with_a_definition_is_told() {
    if !may_load() {
        return;
    }
    let error = |ty, [key_size, value_size, max_entries]: [u32; 3]| {
        let def = MapDef { key_size, value_size, max_entries, ..MapDef::new("m", ty) };
        let image = Image { maps: vec![Map { def, values: Vec::new() }], ..Image::default() };
        load(&image, &Options::new()).map(drop).unwrap_err().to_string()
    };
    for (ty, sizes, expected) in REFUSED {
        assert_eq!(error(*ty, *sizes), format!("cannot create map 'm' {expected}"));
    }
    assert_eq!(
        error(MapType::STRUCT_OPS, [4, 8, 1]),
        "map 'm': maps of type BPF_MAP_TYPE_STRUCT_OPS come from a section '.struct_ops'"
    );
    assert_eq!(
        error(MapType::ARRAY_OF_MAPS, [4, 4, 1]),
        "map 'm': a map of maps must say what its elements are (`inner`, or `values` in C)"
    );
}

fn one(ty: &str, rest: &str) -> Loaded {
    loaded(&declared(ty, rest))
}

#[test]
fn keys_and_values_have_types() {
    if !may_load() {
        return;
    }
    let loaded = one("hash", "key=4, value=8, max_entries=4");
    let map = loaded.map::<u32, u64>("m").unwrap();
    assert_eq!(map.get(1).unwrap(), None);
    map.set(1, 10).unwrap();
    map.set(2, 20).unwrap();
    map.set_with(1, 11, UpdateFlags::Exist).unwrap();
    assert!(map.set_with(1, 12, UpdateFlags::NoExist).is_err());
    assert_eq!((map.get(1).unwrap(), map.get(2).unwrap()), (Some(11), Some(20)));
    let mut all: Vec<_> = map.iter().collect();
    all.sort_unstable();
    assert_eq!(all, [(1, 11), (2, 20)]);
    assert_eq!((map.remove(1).unwrap(), map.remove(1).unwrap()), (true, false));
    assert_eq!((map.take(2).unwrap(), map.take(2).unwrap()), (Some(20), None));
    assert_eq!(map.iter().count(), 0);
    for key in 0..4 {
        map.set(key, 0).unwrap();
    }
    let full = map.set(9, 0).unwrap_err().to_string();
    assert_eq!(
        full,
        "cannot write map 'm' (hash, key 4, value 8, 4 entries); the map is full, or the index too large"
    );
}

#[test]
fn what_does_not_fit_is_told() {
    if !may_load() {
        return;
    }
    let loaded = loaded(
        ".map counts, type=hash, key=4, value=8, max_entries=4\n.map each, type=percpu_array, key=4, value=8, max_entries=1",
    );
    let check = |error: Error, expected: &str| assert_eq!(error.to_string(), expected);
    check(
        loaded.map::<u64, u64>("counts").map(drop).unwrap_err(),
        "key of map 'counts' (hash, key 4, value 8, 4 entries) is 8 (`u64`) bytes, expected 4",
    );
    check(
        loaded.map::<u32, [u16; 3]>("counts").map(drop).unwrap_err(),
        "value of map 'counts' (hash, key 4, value 8, 4 entries) is 6 (`[u16; 3]`) bytes, expected 8",
    );
    check(loaded.map::<u32, u64>("count").map(drop).unwrap_err(), "no map 'count'; did you mean 'counts'?");
    check(loaded.map::<u32, u64>("x").map(drop).unwrap_err(), "no map 'x'; there are: counts, each");
    check(
        loaded.map::<u32, u64>("each").map(drop).unwrap_err(),
        "map 'each': it has one value for each CPU, which `map_per_cpu` reads",
    );
    check(
        loaded.map_per_cpu::<u32, u64>("counts").map(drop).unwrap_err(),
        "map 'counts': it has one value for all CPUs, which `map` reads",
    );
    check(
        loaded.map_raw("counts").unwrap().update(&[1], &[2]).unwrap_err(),
        "key of map 'counts' (hash, key 4, value 8, 4 entries) is 1 bytes, expected 4",
    );
}

#[test]
fn each_cpu_has_its_value() {
    if !may_load() {
        return;
    }
    for ty in ["percpu_hash", "percpu_array", "lru_percpu_hash"] {
        let loaded = one(ty, "key=4, value=12, max_entries=4");
        let map = loaded.map_per_cpu::<u32, [u32; 3]>("m").unwrap();
        let cpus = map.raw().iter().next().map_or_else(
            || {
                map.set(0, &[]).unwrap_err();
                std::thread::available_parallelism().unwrap().get()
            },
            |entry| entry.unwrap().1.len() / 16,
        );
        let values: Vec<[u32; 3]> = (0..).take(cpus).map(|cpu| [cpu, 1, 2]).collect();
        map.set(3, &values).unwrap();
        assert_eq!(map.get(3).unwrap(), Some(values.clone()), "{ty}");
        assert!(map.iter().any(|entry| entry == (3, values.clone())), "{ty}");
    }
}

#[test]
fn all_entries_are_read() {
    if !may_load() {
        return;
    }
    // Tries and stack traces have no batches, arrays and hash tables have.
    for (ty, rest, keys) in [
        ("hash", "key=8, value=8, max_entries=100000", 100_000_u64),
        ("lru_hash", "key=8, value=8, max_entries=4096", 1000),
        ("lpm_trie", "key=8, value=8, max_entries=1000, flags=1", 1000),
        ("hash", "key=8, value=8, max_entries=1", 1),
    ] {
        let loaded = one(ty, rest);
        let map = loaded.map::<u64, u64>("m").unwrap();
        // For a trie: 32 bits of prefix, which begin with the address.
        let key = |i: u64| if ty == "lpm_trie" { i << 32 | 32 } else { i };
        for i in 0..keys {
            map.set(key(i), i).unwrap();
        }
        let mut all: Vec<_> = map.try_iter().collect::<Result<_, _>>().unwrap();
        all.sort_unstable();
        let expected: Vec<_> = (0..keys).map(|i| (key(i), i)).collect();
        assert_eq!(all, expected, "{ty}");
    }
    let loaded = one("array", "key=4, value=4, max_entries=1000");
    let map = loaded.map::<u32, u32>("m").unwrap();
    map.set(999, 7).unwrap();
    let all: Vec<_> = map.iter().collect();
    assert_eq!((all.len(), all[0], all[999]), (1000, (0, 0), (999, 7)));
}

#[test]
fn queues_have_no_keys() {
    if !may_load() {
        return;
    }
    for (ty, expected) in [("queue", [1, 2]), ("stack", [2, 1])] {
        let loaded = one(ty, "value=8, max_entries=4");
        let map = loaded.map::<(), u64>("m").unwrap();
        assert_eq!(map.take(()).unwrap(), None);
        map.set((), 1).unwrap();
        map.set((), 2).unwrap();
        assert_eq!(map.get(()).unwrap(), Some(expected[0]));
        assert_eq!([map.take(()).unwrap(), map.take(()).unwrap()], expected.map(Some));
        assert_eq!(map.take(()).unwrap(), None);
    }
    let loaded = one("bloom_filter", "value=4, max_entries=64");
    let filter = loaded.map_raw("m").unwrap();
    filter.update(&[], &7_u32.to_ne_bytes()).unwrap();
}

#[test]
fn maps_hold_maps() {
    if !may_load() {
        return;
    }
    let loaded = loaded(
        "
        .map    first, type=array, key=4, value=8, max_entries=1
        .map    second, type=array, key=4, value=8, max_entries=1
        .map    outer, type=array_of_maps, max_entries=4, inner=(type=array, key=4, value=8, max_entries=1), values=(0: first, 2: second)
        .section socket
main:   *(u32 *)(r10 - 4) = 2
        r1 = outer ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        *(u32 *)(r10 - 4) = 0
        r1 = r0
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r0 = *(u64 *)(r0 + 0)
1:      exit
        .license \"GPL\"",
    );
    loaded.map::<u32, u64>("second").unwrap().set(0, 77).unwrap();
    assert_eq!(crate::support::run(&loaded, "main"), 77);
    // What system calls show of the inner maps are their numbers.
    let ids: Vec<_> =
        loaded.map::<u32, u32>("outer").unwrap().iter().map(|(slot, id)| (slot, id != 0)).collect();
    assert_eq!(ids, [(0, true), (2, true)]);
}

#[test]
fn entries_can_be_chosen() {
    if !may_load() {
        return;
    }
    let image = image(&declared("hash", "key=4, value=8, max_entries=4"));
    let loaded = load(&image, &Options::new().max_entries("m", 100)).unwrap();
    assert_eq!(loaded.map_raw("m").unwrap().max_entries(), 100);
    let error = load(&image, &Options::new().max_entries("n", 100)).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "no map 'n'; did you mean 'm'?");
}

#[test]
fn a_pinned_map_is_found_again() {
    if !may_load() {
        return;
    }
    let name = format!("skep_test_{}", std::process::id());
    let text = format!(".map {name}, type=array, key=4, value=8, max_entries=1, pinning=by_name");
    let first = match load(&image(&text), &Options::new()) {
        Ok(first) => first,
        Err(error @ Error::Pin { .. }) => {
            crate::support::skip(&format!("pinned maps: {error}: {:?}", std::error::Error::source(&error)));
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let path = format!("/sys/fs/bpf/{name}");
    let outcome = std::panic::catch_unwind(|| {
        first.map::<u32, u64>(&name).unwrap().set(0, 5).unwrap();
        let second = loaded(&text);
        assert_eq!(second.map::<u32, u64>(&name).unwrap().get(0).unwrap(), Some(5));
        let other = text.replace("value=8", "value=4");
        let error = load(&image(&other), &Options::new()).map(drop).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "map '{name}': '{path}' is another map: array, key 4, value 8, 1 entries, expected array, key 4, \
                 value 4, 1 entries; remove it, or give this one another name"
            )
        );
    });
    std::fs::remove_file(&path).unwrap();
    outcome.unwrap();
}
