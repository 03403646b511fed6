//! The running kernel as the judge: the same operations on its maps and on ours give the same results.
#![expect(unsafe_code, reason = "calls bpf(2), and the methods that runtimes call")]

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Map, UpdateFlags, cpu};
use super::{Random, def};

const NO_PREALLOC: u32 = 1;

/// A map in the kernel, with results as those of [`Ours`].
struct Kernel {
    fd: OwnedFd,
    key_size: usize,
    value_size: usize,
}

/// What an operation gives: bytes, or the error number.
type Outcome = Result<Vec<u8>, i32>;

#[repr(C)]
#[derive(Default)]
struct CreateAttr {
    fields: [u32; 5],
    rest: [u32; 13],
}

#[repr(C)]
struct ElemAttr {
    fd: u32,
    pad: u32,
    key: u64,
    value: u64,
    flags: u64,
}

fn bpf<T>(command: i32, attr: &mut T) -> Result<i32, i32> {
    // SAFETY: the attribute has the size that is passed, and its pointers, as the callers below see to, are to buffers
    // of the sizes that the map has.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, std::ptr::from_mut(attr), size_of::<T>()) };
    match i32::try_from(result) {
        Ok(result) if result >= 0 => Ok(result),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap()),
    }
}

impl Kernel {
    fn new(def: &MapDef) -> Result<Kernel, i32> {
        let fields = [def.ty.0, def.key_size, def.value_size, def.max_entries, def.flags];
        let fd = bpf(0, &mut CreateAttr { fields, rest: [0; 13] })?;
        let per_cpu =
            [MapType::PERCPU_ARRAY, MapType::PERCPU_HASH, MapType::LRU_PERCPU_HASH].contains(&def.ty);
        let value_size = def.value_size as usize;
        let value_size =
            if per_cpu { value_size.next_multiple_of(8) * possible_cpus() as usize } else { value_size };
        // SAFETY: it is new, and nobody else's.
        Ok(Kernel { fd: unsafe { OwnedFd::from_raw_fd(fd) }, key_size: def.key_size as usize, value_size })
    }

    fn call(&self, command: i32, key: Option<&[u8]>, value: *mut u8, flags: u64) -> Result<(), i32> {
        if let Some(key) = key {
            assert_eq!(key.len(), self.key_size);
        }
        let key = key.map_or(0, |key| key.as_ptr() as u64);
        let fd = self.fd.as_raw_fd().cast_unsigned();
        bpf(command, &mut ElemAttr { fd, pad: 0, key, value: value as u64, flags }).map(|_| ())
    }

    fn get(&self, command: i32, key: Option<&[u8]>, size: usize) -> Outcome {
        let mut out = vec![0; size];
        self.call(command, key, out.as_mut_ptr(), 0).map(|()| out)
    }

    fn apply(&self, op: &Op) -> Outcome {
        let keyed = |key: &Vec<u8>| (self.key_size != 0).then_some(key.clone());
        match op {
            Op::Lookup(key) => self.get(1, keyed(key).as_deref(), self.value_size),
            Op::Update(key, value, flags) => {
                assert_eq!(value.len(), self.value_size);
                self.call(2, keyed(key).as_deref(), value.clone().as_mut_ptr(), *flags).map(|()| Vec::new())
            }
            Op::Delete(key) => self.call(3, Some(key), std::ptr::null_mut(), 0).map(|()| Vec::new()),
            Op::Next(key) => self.get(4, key.as_deref(), self.key_size),
            Op::Take(key) => self.get(21, keyed(key).as_deref(), self.value_size),
        }
    }
}

/// For how many CPUs the kernel's per-CPU maps have values.
fn possible_cpus() -> u32 {
    let possible = std::fs::read_to_string("/sys/devices/system/cpu/possible").unwrap();
    let last: u32 = possible.trim().rsplit(['-', ',']).next().unwrap().parse().unwrap();
    last + 1
}

/// An operation; keys of queues and stacks are empty.
#[derive(Debug)]
enum Op {
    Lookup(Vec<u8>),
    Update(Vec<u8>, Vec<u8>, u64),
    Delete(Vec<u8>),
    Next(Option<Vec<u8>>),
    Take(Vec<u8>),
}

fn errno(code: i64) -> Result<(), i32> {
    if code == 0 { Ok(()) } else { Err(i32::try_from(-code).unwrap()) }
}

fn apply(map: &Map, op: &Op) -> Outcome {
    let queue = matches!(map.def().ty, MapType::QUEUE | MapType::STACK);
    let value_size = map.def().value_size as usize;
    let stride = value_size.next_multiple_of(8);
    let mut value = vec![0; value_size];
    // SAFETY: keys and values have the sizes of the map.
    unsafe {
        match op {
            Op::Lookup(_) if queue => errno(map.peek_ptr(value.as_mut_ptr())).map(|()| value),
            Op::Take(_) if queue => errno(map.pop_ptr(value.as_mut_ptr())).map(|()| value),
            Op::Update(_, value, flags) if queue => {
                errno(map.push_ptr(value.as_ptr(), *flags)).map(|()| vec![])
            }
            Op::Lookup(key) if map.is_per_cpu() => {
                let values = map.lookup_percpu(key).unwrap().ok_or(libc::ENOENT)?;
                let pad = |mut value: Vec<u8>| {
                    value.resize(stride, 0);
                    value
                };
                Ok(values.into_iter().flat_map(pad).collect())
            }
            Op::Update(key, value, flags) if map.is_per_cpu() => {
                let flags = [UpdateFlags::Any, UpdateFlags::NoExist, UpdateFlags::Exist]
                    [usize::try_from(*flags).unwrap()];
                let values: Vec<&[u8]> = value.chunks(stride).map(|value| &value[..value_size]).collect();
                let done = map.update_percpu(key, &values, flags);
                done.map(|()| vec![]).map_err(|error| error.errno().unwrap().code())
            }
            Op::Lookup(key) => map.lookup(key).unwrap().ok_or(libc::ENOENT),
            Op::Update(key, value, flags) => {
                errno(map.update_ptr(key.as_ptr(), value.as_ptr(), *flags)).map(|()| vec![])
            }
            Op::Delete(key) => errno(map.delete_ptr(key.as_ptr())).map(|()| vec![]),
            Op::Next(key) => {
                let mut next = vec![0; map.def().key_size as usize];
                let key = key.as_ref().map_or(std::ptr::null(), |key| key.as_ptr());
                errno(map.next_key_ptr(key, next.as_mut_ptr())).map(|()| next)
            }
            Op::Take(key) => map.take(key).unwrap().ok_or(libc::ENOENT),
        }
    }
}

/// Whether the kernel lets us; says so if not.
fn may() -> bool {
    match Kernel::new(&def(MapType::ARRAY, 4, 4, 1)) {
        Ok(_) => true,
        Err(errno) => {
            let reason = std::io::Error::from_raw_os_error(errno);
            assert!(std::env::var_os("SKEP_REQUIRE").is_none_or(|all| all != "all"), "bpf(2): {reason}");
            eprintln!("skipped: no maps to compare with, for bpf(2) says: {reason}");
            false
        }
    }
}

/// A case: a map and how its keys are chosen.
struct Case {
    def: MapDef,
    key: fn(&mut Random, usize) -> Vec<u8>,
    /// The order of keys is the kernel's own.
    unordered: bool,
}

fn few(random: &mut Random, size: usize) -> Vec<u8> {
    let mut key = vec![0x5a; size];
    let last = size - 1;
    (key[0], key[last]) = (random.byte() % 4, random.byte() % 6);
    key
}

fn index(random: &mut Random, _: usize) -> Vec<u8> {
    u32::from(random.byte() % 12).to_ne_bytes().to_vec()
}

fn prefix(random: &mut Random, size: usize) -> Vec<u8> {
    let bits = u32::try_from((size - 4) * 8).unwrap();
    let len = u32::from(random.byte()) % (bits + 2);
    let data = (4..size).map(|_| [0, 0xff, 0x80, 0x7f, 0x10][usize::from(random.byte() % 5)]);
    len.to_ne_bytes().into_iter().chain(data).collect()
}

fn none(_: &mut Random, _: usize) -> Vec<u8> {
    Vec::new()
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for value_size in [1, 4, 7, 8, 12, 40] {
        let mut add = |ty, key_size, max_entries, flags, key, unordered| {
            let def = MapDef { flags, ..def(ty, key_size, value_size, max_entries) };
            cases.push(Case { def, key, unordered });
        };
        add(MapType::ARRAY, 4, 9, 0, index as fn(&mut Random, usize) -> Vec<u8>, false);
        add(MapType::PERCPU_ARRAY, 4, 9, 0, index, false);
        for key_size in [1, 2, 3, 4, 5, 7, 8, 12, 13, 16, 31, 64, 65, 100] {
            add(MapType::HASH, key_size, 16, 0, few, true);
        }
        add(MapType::HASH, 8, 16, NO_PREALLOC, few, true);
        add(MapType::HASH, 8, 1, 0, few, true);
        for key_size in [4, 6, 8, 16] {
            add(MapType::PERCPU_HASH, key_size, 16, 0, few, true);
            add(MapType::PERCPU_HASH, key_size, 16, NO_PREALLOC, few, true);
            // Room enough that the kernel, which counts by CPU, evicts nothing.
            add(MapType::LRU_HASH, key_size, 10_000, 0, few, true);
            add(MapType::LRU_PERCPU_HASH, key_size, 10_000, 0, few, true);
        }
        add(MapType::QUEUE, 0, 7, 0, none, false);
        add(MapType::STACK, 0, 7, 0, none, false);
        add(MapType::QUEUE, 0, 1, 0, none, false);
        for key_size in [5, 6, 8, 12, 20, 260] {
            add(MapType::LPM_TRIE, key_size, 20, NO_PREALLOC, prefix, false);
            add(MapType::LPM_TRIE, key_size, 300, NO_PREALLOC, prefix, false);
        }
    }
    cases
}

fn random_op(case: &Case, random: &mut Random, value_size: usize) -> Op {
    let mut key = || (case.key)(random, case.def.key_size as usize);
    let key = key();
    let queue = case.def.key_size == 0;
    let hash = case.unordered;
    let per_cpu = value_size != case.def.value_size as usize;
    match random.byte() % 10 {
        0..=3 => {
            let flags = match random.byte() % 16 {
                0..=8 => 0,
                9..=11 => 1,
                12..=14 => 2,
                // The host's own form of updates for all CPUs has no other flags.
                _ if per_cpu => 0,
                _ => 3,
            };
            let stride = value_size / if per_cpu { cpu::count() as usize } else { 1 };
            // What the kernel pads a CPU's value with is not a part of it.
            let padding = |i: usize| i % stride >= case.def.value_size as usize;
            let value = (0..value_size).map(|i| if padding(i) { 0 } else { random.byte() }).collect();
            Op::Update(key, value, flags)
        }
        4 | 5 if !queue => Op::Delete(key),
        6 if queue || hash && !per_cpu => Op::Take(key),
        7 if !queue && !hash => Op::Next((!random.byte().is_multiple_of(8)).then_some(key)),
        _ => Op::Lookup(key),
    }
}

#[test]
fn operations_have_the_kernels_results() {
    if !may() {
        return;
    }
    let same_cpus = possible_cpus() == cpu::count();
    if !same_cpus {
        eprintln!(
            "skipped: per-CPU maps, of which the kernel's have values for more CPUs than are configured"
        );
    }
    let (mut ops, mut errors) = (0, 0);
    let mut random = Random::new(1);
    for case in cases() {
        let (ours, kernel) = (Map::new(&case.def).unwrap(), Kernel::new(&case.def).unwrap());
        if ours.is_per_cpu() && !same_cpus {
            continue;
        }
        for step in 0..400 {
            let op = random_op(&case, &mut random, kernel.value_size);
            let (got, expected) = (apply(&ours, &op), kernel.apply(&op));
            assert_eq!(got, expected, "step {step} of {:?}: {op:?}", case.def);
            ops += 1;
            errors += usize::from(expected.is_err());
        }
        assert_eq!(all_keys(&ours, |op| apply(&ours, op)), all_keys(&ours, |op| kernel.apply(op)));
    }
    eprintln!("{ops} operations had the kernel's results, {errors} of them errors");
    assert!(errors > ops / 20 && errors < ops / 2);
}

/// The keys that one gets by going from each to the next.
fn all_keys(map: &Map, next: impl Fn(&Op) -> Outcome) -> BTreeSet<Vec<u8>> {
    let mut keys = BTreeSet::new();
    if map.def().key_size == 0 {
        return keys;
    }
    let mut key = None;
    loop {
        match next(&Op::Next(key)) {
            Ok(next) => {
                assert!(keys.insert(next.clone()), "{next:?} comes twice");
                key = Some(next);
            }
            Err(errno) => {
                assert_eq!(errno, libc::ENOENT);
                return keys;
            }
        }
    }
}

#[test]
fn definitions_are_accepted_as_the_kernel_does() {
    if !may() {
        return;
    }
    let types = [
        (MapType::ARRAY, 4, 8),
        (MapType::PERCPU_ARRAY, 4, 8),
        (MapType::HASH, 8, 8),
        (MapType::PERCPU_HASH, 8, 8),
        (MapType::LRU_HASH, 8, 8),
        (MapType::LRU_PERCPU_HASH, 8, 8),
        (MapType::PROG_ARRAY, 4, 4),
        (MapType::QUEUE, 0, 8),
        (MapType::STACK, 0, 8),
        (MapType::RINGBUF, 0, 0),
        (MapType::LPM_TRIE, 8, 8),
    ];
    let (mut accepted, mut refused) = (0, 0);
    for (ty, key_size, value_size) in types {
        let prealloc = if ty == MapType::LPM_TRIE { NO_PREALLOC } else { 0 };
        let base = MapDef { flags: prealloc, ..def(ty, key_size, value_size, 4096) };
        let mut defs = vec![base.clone()];
        defs.extend([0, 1, 3, 4, 5, 8, 260, 261].map(|key_size| MapDef { key_size, ..base.clone() }));
        defs.extend([0, 1, 3, 4, 8, 100, 1 << 31].map(|value_size| MapDef { value_size, ..base.clone() }));
        defs.extend([0, 1, 3, 4096, 8192, 12288].map(|max_entries| MapDef { max_entries, ..base.clone() }));
        // Up to BPF_F_INNER_MAP, but for stacks and values by descriptor; later ones ask for descriptors too.
        for bit in [0, 1, 3, 4, 5, 6, 7, 8, 10, 11, 12] {
            defs.push(MapDef { flags: prealloc ^ 1 << bit, ..base.clone() });
        }
        defs.push(MapDef { flags: prealloc | 3 << 7, ..base.clone() });
        defs.push(MapDef { flags: prealloc | 3 << 3, ..base.clone() });
        for def in defs {
            let (ours, kernel) = (Map::new(&def), Kernel::new(&def));
            assert_eq!(ours.is_ok(), kernel.is_ok(), "{def:?}: {:?}, kernel {:?}", ours.err(), kernel.err());
            if ours.is_ok() { accepted += 1 } else { refused += 1 }
        }
    }
    eprintln!("the kernel agrees with {accepted} definitions, and with the refusal of {refused}");
    assert!(accepted > 80 && refused > 80);
}
