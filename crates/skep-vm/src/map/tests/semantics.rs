//! What one operation does, type by type.

use skep_btf::maps::MapType;

use super::super::{Errno, UpdateFlags};
use super::map;

#[test]
fn a_hash_keeps_what_it_is_given() {
    let map = map(MapType::HASH, 8, 8, 2);
    let key = |n: u64| n.to_ne_bytes();
    assert_eq!(map.lookup(&key(1)).unwrap(), None);
    map.update(&key(1), &key(10), UpdateFlags::NoExist).unwrap();
    map.update(&key(2), &key(20), UpdateFlags::Any).unwrap();
    let errno = |result: Result<(), super::super::MapError>| result.unwrap_err().errno();
    assert_eq!(errno(map.update(&key(3), &key(1), UpdateFlags::Any)), Some(Errno::TooBig));
    assert_eq!(errno(map.update(&key(1), &key(1), UpdateFlags::NoExist)), Some(Errno::Exists));
    assert_eq!(map.lookup(&key(1)).unwrap().unwrap(), key(10));
    map.delete(&key(1)).unwrap();
    assert_eq!(errno(map.delete(&key(1))), Some(Errno::NotFound));
    map.update(&key(3), &key(30), UpdateFlags::Any).unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), [key(3), key(2)]);
}
