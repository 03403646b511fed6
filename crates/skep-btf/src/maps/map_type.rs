//! The table of map types.

use std::fmt;

/// What sort of map: `BPF_MAP_TYPE_*` of the kernel.
///
/// Numbers that this crate does not know are kept: a newer kernel may know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MapType(pub u32);

const PREFIX: &str = "BPF_MAP_TYPE_";

macro_rules! map_types {
    ($($number:literal $name:ident;)*) => {
        /// In the order of the numbers, which start at 0.
        static NAMES: &[&str] = &[$(concat!("BPF_MAP_TYPE_", stringify!($name)),)*];

        impl MapType {
            $(#[doc = concat!("`BPF_MAP_TYPE_", stringify!($name), "`")] pub const $name: MapType = MapType($number);)*

            /// Every known type, by number.
            pub const ALL: &[MapType] = &[$(MapType($number),)*];
        }
    };
}

map_types! {
     0 UNSPEC;
     1 HASH;
     2 ARRAY;
     3 PROG_ARRAY;
     4 PERF_EVENT_ARRAY;
     5 PERCPU_HASH;
     6 PERCPU_ARRAY;
     7 STACK_TRACE;
     8 CGROUP_ARRAY;
     9 LRU_HASH;
    10 LRU_PERCPU_HASH;
    11 LPM_TRIE;
    12 ARRAY_OF_MAPS;
    13 HASH_OF_MAPS;
    14 DEVMAP;
    15 SOCKMAP;
    16 CPUMAP;
    17 XSKMAP;
    18 SOCKHASH;
    19 CGROUP_STORAGE;
    20 REUSEPORT_SOCKARRAY;
    21 PERCPU_CGROUP_STORAGE;
    22 QUEUE;
    23 STACK;
    24 SK_STORAGE;
    25 DEVMAP_HASH;
    26 STRUCT_OPS;
    27 RINGBUF;
    28 INODE_STORAGE;
    29 TASK_STORAGE;
    30 BLOOM_FILTER;
    31 USER_RINGBUF;
    32 CGRP_STORAGE;
    33 ARENA;
    34 INSN_ARRAY;
}

impl MapType {
    /// The name in the kernel's headers: `BPF_MAP_TYPE_HASH`; `None` for an unknown number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        NAMES.get(usize::try_from(self.0).ok()?).copied()
    }

    /// The name without its prefix: `HASH`; `None` for an unknown number.
    #[must_use]
    pub fn short_name(self) -> Option<&'static str> {
        self.name()?.strip_prefix(PREFIX)
    }

    /// The type of a name, with or without the prefix, in any case: `BPF_MAP_TYPE_HASH`, `hash`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<MapType> {
        let is = |known: &&MapType| {
            [known.name(), known.short_name()].iter().flatten().any(|known| known.eq_ignore_ascii_case(name))
        };
        MapType::ALL.iter().find(is).copied()
    }

    /// Whether its values are maps.
    #[must_use]
    pub fn holds_maps(self) -> bool {
        self == MapType::ARRAY_OF_MAPS || self == MapType::HASH_OF_MAPS
    }
}

impl fmt::Display for MapType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{PREFIX}{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MapType, NAMES};

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        for (number, (&ty, &name)) in (0..).zip(MapType::ALL.iter().zip(NAMES)) {
            assert_eq!(ty, MapType(number));
            assert_eq!(ty.name(), Some(name));
            assert_eq!(MapType::from_name(name), Some(ty));
            assert_eq!(MapType::from_name(&ty.short_name().unwrap().to_lowercase()), Some(ty));
        }
        assert_eq!(MapType::ALL.len(), 35);
        assert_eq!(MapType::INSN_ARRAY.to_string(), "BPF_MAP_TYPE_INSN_ARRAY");
        assert_eq!(MapType(35).name(), None);
        assert_eq!(MapType(35).to_string(), "BPF_MAP_TYPE_35");
        assert_eq!(MapType::from_name("no_such_map"), None);
    }
}
