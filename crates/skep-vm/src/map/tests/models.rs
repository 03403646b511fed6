//! Long random runs against the plainest thing that does the same.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::super::{Errno, Map, MapError, UpdateFlags};
use super::{Random, def, map};

/// Runs rounds, each of its own seed, for a while.
fn rounds(mut round: impl FnMut(&mut Random)) {
    let start = Instant::now();
    let mut seed = 0;
    while start.elapsed() < Duration::from_millis(250) {
        seed += 1;
        round(&mut Random::new(seed));
    }
    assert!(seed > 3, "{seed} rounds are too few");
}

fn errno<T>(result: Result<T, MapError>) -> Result<T, Errno> {
    result.map_err(|error| error.errno().unwrap())
}

fn bytes(random: &mut Random, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.byte()).collect()
}

#[test]
fn a_hash_is_a_hash_map() {
    rounds(|random| {
        let key_size = 1 + usize::try_from(random.below(40)).unwrap();
        let (room, keys) = (1 + random.below(2000), 1 + random.below(4000));
        let map = map(MapType::HASH, u32::try_from(key_size).unwrap(), 24, u32::try_from(room).unwrap());
        let mut model = HashMap::new();
        for _ in 0..5000 {
            let mut key = vec![0xee; key_size];
            let number = random.below(keys).to_le_bytes();
            let len = key_size.min(8);
            key[..len].copy_from_slice(&number[..len]);
            match random.below(4) {
                0 | 1 => {
                    let value = bytes(random, 24);
                    let full = model.len() as u64 == room;
                    let expected = match model.get(&key) {
                        None if full => Err(Errno::TooBig),
                        _ => Ok(()),
                    };
                    assert_eq!(errno(map.update(&key, &value, UpdateFlags::Any)), expected);
                    if expected.is_ok() {
                        model.insert(key, value);
                    }
                }
                2 => assert_eq!(map.delete(&key).is_ok(), model.remove(&key).is_some()),
                _ => assert_eq!(map.lookup(&key).unwrap().as_ref(), model.get(&key)),
            }
        }
        assert_eq!(map.len(), model.len());
        assert_eq!(map.iter().collect::<HashMap<_, _>>(), model);
    });
}

#[test]
fn an_lru_hash_holds_what_was_set_last_or_nothing() {
    rounds(|random| {
        let room = 1 + random.below(300);
        let map = map(MapType::LRU_HASH, 8, 8, u32::try_from(room).unwrap()).typed::<u64, u64>().unwrap();
        let mut model = HashMap::new();
        for step in 0..5000 {
            let key = random.below(400);
            match random.below(8) {
                0 => assert!(map.delete(&key).is_err() || model.remove(&key).is_some()),
                1..=4 => {
                    map.set(&key, &step).unwrap();
                    model.insert(key, step);
                }
                _ => assert!(map.get(&key).is_none_or(|value| model.get(&key) == Some(&value))),
            }
        }
        let live: Vec<_> = map.iter().collect();
        assert!(live.len() as u64 <= room);
        assert!(live.iter().all(|(key, value)| model.get(key) == Some(value)));
    });
}

#[test]
fn a_trie_is_a_list_of_prefixes() {
    let covers = |len: u32, net: &[u8], key: &[u8]| {
        (0..len).all(|i| {
            let at = |bytes: &[u8]| bytes[i as usize / 8] >> (7 - i % 8) & 1;
            at(net) == at(key)
        })
    };
    let masked = |len: u32, net: &[u8]| -> Vec<u8> {
        (0..)
            .zip(net)
            .map(|(i, byte)| {
                let keep = len.saturating_sub(8 * i).min(8);
                byte & !u8::try_from(0xff_u32 >> keep).unwrap()
            })
            .collect()
    };
    rounds(|random| {
        let data = 1 + usize::try_from(random.below(20)).unwrap();
        let room = 1 + random.below(200);
        let def = def(MapType::LPM_TRIE, u32::try_from(data + 4).unwrap(), 8, u32::try_from(room).unwrap());
        let map = Map::new(&MapDef { flags: 1, ..def }).unwrap();
        let mut model: BTreeMap<(u32, Vec<u8>), Vec<u8>> = BTreeMap::new();
        for _ in 0..1500 {
            let len = u32::try_from(random.below(data as u64 * 8 + 1)).unwrap();
            let net: Vec<u8> = (0..data)
                .map(|_| [0, 0, 0xff, 0xf0, 0x80][usize::try_from(random.below(5)).unwrap()])
                .collect();
            let key = [&len.to_ne_bytes()[..], &net].concat();
            let exact = (len, masked(len, &net));
            match random.below(4) {
                0 | 1 => {
                    let value = bytes(random, 8);
                    let full = model.len() as u64 == room && !model.contains_key(&exact);
                    let expected = if full { Err(Errno::NoSpace) } else { Ok(()) };
                    assert_eq!(errno(map.update(&key, &value, UpdateFlags::Any)), expected);
                    if !full {
                        model.insert(exact, value);
                    }
                }
                2 => assert_eq!(map.delete(&key).is_ok(), model.remove(&exact).is_some()),
                _ => {
                    let matching = model.iter().filter(|((l, n), _)| *l <= len && covers(*l, n, &net));
                    let longest = matching.max_by_key(|((l, _), _)| *l).map(|(_, value)| value.clone());
                    assert_eq!(map.lookup(&key).unwrap(), longest);
                }
            }
        }
        let all: BTreeMap<_, _> = map
            .iter()
            .map(|(key, value)| {
                let len = u32::from_ne_bytes(key[..4].try_into().unwrap());
                ((len, masked(len, &key[4..])), value)
            })
            .collect();
        assert_eq!(all, model);
        assert_eq!(map.len(), model.len());
    });
}

#[test]
fn queues_and_stacks_are_deques() {
    rounds(|random| {
        let room = 1 + usize::try_from(random.below(20)).unwrap();
        let stack = random.below(2) == 0;
        let ty = if stack { MapType::STACK } else { MapType::QUEUE };
        let map = map(ty, 0, 12, u32::try_from(room).unwrap());
        let mut model = VecDeque::new();
        for _ in 0..1000 {
            let value = bytes(random, 12);
            match random.below(5) {
                0 | 1 => {
                    let full = model.len() == room;
                    assert_eq!(errno(map.push(&value)), if full { Err(Errno::TooBig) } else { Ok(()) });
                    if !full {
                        model.push_back(value);
                    }
                }
                2 => {
                    map.push_over(&value).unwrap();
                    model.push_back(value);
                    while model.len() > room {
                        model.pop_front();
                    }
                }
                3 => {
                    let next = if stack { model.pop_back() } else { model.pop_front() };
                    assert_eq!(map.pop().unwrap(), next);
                }
                _ => {
                    let next = if stack { model.back() } else { model.front() };
                    assert_eq!(map.peek().unwrap().as_ref(), next);
                }
            }
        }
        let mut left: Vec<_> = model.into();
        if stack {
            left.reverse();
        }
        assert_eq!(map.iter().map(|(_, value)| value).collect::<Vec<_>>(), left);
    });
}
