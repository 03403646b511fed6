//! Semantics of every type of map.

mod semantics;
mod speed;

use skep_btf::maps::MapType;
use skep_object::MapDef;

use super::Map;

fn def(ty: MapType, key_size: u32, value_size: u32, max_entries: u32) -> MapDef {
    MapDef { key_size, value_size, max_entries, ..MapDef::new("m", ty) }
}

fn map(ty: MapType, key_size: u32, value_size: u32, max_entries: u32) -> Map {
    Map::new(&def(ty, key_size, value_size, max_entries)).unwrap()
}
