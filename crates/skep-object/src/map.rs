//! Map definitions, whether they came from BTF, from a legacy struct, or from an API.

use skep_btf::TypeId;
use skep_btf::maps::{MapDecl, MapType, Pinning, Values};

/// What a map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapDef {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: MapType,
    /// Bytes in a key.
    pub key_size: u32,
    /// Bytes in a value.
    pub value_size: u32,
    /// How many entries it holds at most; bytes for ring buffers. 0 where the declaration leaves it to the runtime.
    pub max_entries: u32,
    /// `BPF_F_…` flags.
    pub flags: u32,
    /// NUMA node, with `BPF_F_NUMA_NODE`.
    pub numa_node: u32,
    /// Pinned by name in the BPF file system.
    pub pinned: bool,
    /// What the map type makes of it.
    pub extra: u64,
    /// Type of the key, in the BTF of the object or image.
    pub key_type: Option<TypeId>,
    /// Type of the value, in the BTF of the object or image.
    pub value_type: Option<TypeId>,
    /// What the elements of a map of maps are.
    pub inner: Option<Box<MapDef>>,
    /// Defined by a legacy `struct bpf_map_def`.
    pub legacy: bool,
}

impl MapDef {
    /// A map of that name and type, whose sizes are still zero.
    #[must_use]
    pub fn new(name: impl Into<String>, ty: MapType) -> MapDef {
        MapDef {
            name: name.into(),
            ty,
            key_size: 0,
            value_size: 0,
            max_entries: 0,
            flags: 0,
            numa_node: 0,
            pinned: false,
            extra: 0,
            key_type: None,
            value_type: None,
            inner: None,
            legacy: false,
        }
    }

    /// What a declaration in BTF says.
    #[must_use]
    pub fn from_decl(name: impl Into<String>, decl: &MapDecl) -> MapDef {
        let name = name.into();
        let inner = match &decl.values {
            Some(Values::Maps(inner)) => Some(Box::new(MapDef::from_decl(format!("{name}.inner"), inner))),
            Some(Values::Programs(_)) | None => None,
        };
        MapDef {
            name,
            ty: decl.ty,
            key_size: decl.key.size(),
            value_size: decl.value.size(),
            max_entries: decl.max_entries,
            flags: decl.flags,
            numa_node: decl.numa_node.unwrap_or_default(),
            pinned: decl.pinning == Pinning::ByName,
            extra: decl.extra,
            key_type: decl.key.ty(),
            value_type: decl.value.ty(),
            inner,
            legacy: false,
        }
    }
}
