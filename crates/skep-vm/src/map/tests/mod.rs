//! Semantics of every type of map.

mod big;
mod errors;
mod kernel;
mod models;
mod semantics;
mod speed;
mod stress;

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::Map;

fn def(ty: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef { key_size, value_size, max_entries, ..MapDef::new("m", ty) }
}

fn map(ty: MapType, key_size: u32, value_size: u32, max_entries: u32) -> Map {
    Map::new(&def(ty, key_size, value_size, max_entries)).unwrap()
}

/// Numbers that follow no pattern, the same ones each time (xorshift64*).
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn byte(&mut self) -> u8 {
        self.next().to_be_bytes()[0]
    }
}
