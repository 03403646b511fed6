//! Makes the maps of an image.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use skep_btf::maps::MapType;
use skep_object::image::{FuncId, MapId, Target};
use skep_object::nearest::nearest;
use skep_object::section::is_kernel_section;
use skep_object::{Image, MapDef};

use crate::error::{Error, remedy};
use crate::map::{Map, cpus, shape};
use crate::options::Options;
use crate::pin;
use crate::prog::Prog;
use crate::select::Selection;
use crate::sys;
use crate::sys::attr::MapCreate;
use crate::types::{Types, needs_types};

/// Makes all maps, and puts maps into maps of maps.
pub(crate) fn create(image: &Image, options: &Options, types: &Types<'_>) -> Result<Vec<Map>, Error> {
    for (name, _) in &options.entries {
        if !image.maps.iter().any(|map| map.def.name == *name) {
            let near = nearest(name, image.maps.iter().map(|map| map.def.name.as_str()));
            return Err(Error::NoSuch { what: "map", name: name.clone(), near, there: Vec::new() });
        }
    }
    let maps: Vec<Map> =
        image.maps.iter().map(|map| open_or_create(&map.def, options, types)).collect::<Result<_, _>>()?;
    for (outer, map) in maps.iter().zip(&image.maps) {
        for &(slot, target) in &map.values {
            if let Target::Map(MapId(inner)) = target {
                outer.put(slot, &maps[inner as usize])?;
            }
        }
    }
    Ok(maps)
}

/// Puts programs into the program arrays that begin with them.
pub(crate) fn fill_prog_arrays(
    image: &Image,
    maps: &[Map],
    selection: &Selection<'_>,
    programs: &[Prog],
) -> Result<(), Error> {
    let loaded: HashMap<FuncId, &Prog> =
        selection.programs.iter().map(|program| program.id).zip(programs).collect();
    for (array, map) in maps.iter().zip(&image.maps) {
        for &(slot, target) in &map.values {
            let Target::Func(id) = target else { continue };
            let func = image.func(id);
            match loaded.get(&id) {
                Some(&prog) => array.put(slot, prog)?,
                // A program that is not wanted leaves its slot empty, which tail calls pass by.
                None if is_kernel_section(&func.section) => {}
                None => {
                    let (name, section) = (&func.name, &func.section);
                    let problem = format!(
                        "slot {slot} holds '{name}', which is no program: it is in section '{section}'"
                    );
                    return Err(Error::MapDefinition { map: map.def.name.clone(), problem });
                }
            }
        }
    }
    Ok(())
}

fn open_or_create(def: &MapDef, options: &Options, types: &Types<'_>) -> Result<Map, Error> {
    let def = &with_options(def, options);
    if !def.pinned {
        return new_map(def, options, types);
    }
    let dir = options.pin_dir.as_deref().unwrap_or(Path::new("/sys/fs/bpf"));
    let path = dir.join(&def.name);
    match pin::open(&path)? {
        Some(fd) => pinned(def, fd, &path),
        None => {
            let map = new_map(def, options, types)?;
            map.pin(&path)?;
            Ok(map)
        }
    }
}

/// A map that was pinned before, if it is what is wanted.
fn pinned(def: &MapDef, fd: OwnedFd, path: &Path) -> Result<Map, Error> {
    let map = Map::from_fd(fd)?;
    let there = (map.ty(), map.key_size(), map.value_size(), map.max_entries());
    let attr =
        attributes(def, "").map_err(|problem| Error::MapDefinition { map: def.name.clone(), problem })?;
    let wanted = (def.ty, attr.key_size, attr.value_size, attr.max_entries);
    if there == wanted {
        return Ok(map.renamed(&def.name));
    }
    let problem = format!(
        "'{}' is another map: {}, expected {}; remove it, or give this one another name",
        path.display(),
        shape(there.0, there.1, there.2, there.3),
        shape(wanted.0, wanted.1, wanted.2, wanted.3)
    );
    Err(Error::MapDefinition { map: def.name.clone(), problem })
}

fn with_options(def: &MapDef, options: &Options) -> MapDef {
    let mut def = def.clone();
    if let Some(&(_, entries)) = options.entries.iter().rev().find(|(name, _)| *name == def.name) {
        def.max_entries = entries;
    }
    def
}

fn new_map(def: &MapDef, options: &Options, types: &Types<'_>) -> Result<Map, Error> {
    let definition = |problem| Error::MapDefinition { map: def.name.clone(), problem };
    let mut attr = attributes(def, &options.name_prefix).map_err(definition)?;
    let inner = match &def.inner {
        Some(inner) => Some(new_map(inner, options, types)?),
        None if def.ty.holds_maps() => {
            return Err(definition(
                "a map of maps must say what its elements are (`inner`, or `values` in C)".to_owned(),
            ));
        }
        None => None,
    };
    attr.inner_map_fd = inner.as_ref().map_or(0, |inner| sys::number(inner.as_fd()));
    let fd = create_typed(def, attr, types).map_err(|source| {
        let shape = shape(def.ty, attr.key_size, attr.value_size, attr.max_entries);
        let wrong = what_is_wrong(def, &attr, &source).map(|wrong| format!("; {wrong}"));
        let remedy = wrong.unwrap_or_else(|| remedy(&source));
        Error::Map { map: def.name.clone(), doing: "create", shape, remedy, source }
    })?;
    let map = Map::new(def.name.clone(), &attr, fd)?;
    if def.ty == MapType::ARENA { map.with_arena(def.extra) } else { Ok(map) }
}

/// With types where the kernel takes them; a failure with types is tried again without.
fn create_typed(def: &MapDef, mut attr: MapCreate, types: &Types<'_>) -> io::Result<OwnedFd> {
    let Some(set) = types.set().filter(|_| takes_types(def.ty)) else { return sys::map_create(&attr) };
    let typed = |ty, size| {
        let sized = || if needs_types(def.ty) { set.sized(size) } else { None };
        set.of_image(ty).or_else(sized).map_or(0, |ty| ty.0)
    };
    let plain = attr;
    attr.btf_key_type_id = typed(def.key_type, def.key_size);
    attr.btf_value_type_id = typed(def.value_type, def.value_size);
    if attr.btf_value_type_id == 0 || (attr.btf_key_type_id == 0 && def.key_size > 0) {
        return sys::map_create(&plain);
    }
    attr.btf_fd = sys::number(set.fd());
    sys::map_create(&attr).or_else(|error| match error.raw_os_error() {
        // What else is wrong with it, the kernel says again.
        Some(libc::EPERM | libc::ENOMEM) => Err(error),
        _ => sys::map_create(&plain),
    })
}

/// What the definition says, with what it leaves to the loader.
fn attributes(def: &MapDef, prefix: &str) -> Result<MapCreate, String> {
    let mut attr = MapCreate {
        map_type: def.ty.0,
        key_size: def.key_size,
        value_size: def.value_size,
        max_entries: def.max_entries,
        map_flags: def.flags,
        numa_node: def.numa_node,
        map_name: kernel_name(prefix, &def.name),
        map_extra: def.extra,
        ..MapCreate::default()
    };
    match def.ty {
        MapType::RINGBUF | MapType::USER_RINGBUF => {
            attr.max_entries = ring_size(def.max_entries).ok_or("it is too large")?;
        }
        MapType::PERF_EVENT_ARRAY if def.max_entries == 0 => {
            attr.max_entries = cpus().map_err(|error| {
                format!("it has an entry for each CPU, but their number is unknown: {error}")
            })?;
        }
        MapType::STRUCT_OPS => {
            return Err("maps of type BPF_MAP_TYPE_STRUCT_OPS come from a section '.struct_ops'".to_owned());
        }
        _ => {}
    }
    // What holds descriptors has no other sizes.
    if holds_fds(def.ty) {
        if attr.key_size == 0 {
            attr.key_size = 4;
        }
        if attr.value_size == 0 {
            attr.value_size = 4;
        }
    }
    Ok(attr)
}

/// Maps whose values are descriptors, for system calls.
pub(crate) fn holds_fds(ty: MapType) -> bool {
    matches!(
        ty,
        MapType::PROG_ARRAY
            | MapType::PERF_EVENT_ARRAY
            | MapType::CGROUP_ARRAY
            | MapType::ARRAY_OF_MAPS
            | MapType::HASH_OF_MAPS
    )
}

/// Bytes of a ring buffer: pages, in a power of two.
fn ring_size(bytes: u32) -> Option<u32> {
    let page = u32::try_from(sys::page_size()).ok()?;
    bytes.max(page).checked_next_power_of_two()
}

/// Whether the kernel takes types for keys and values.
fn takes_types(ty: MapType) -> bool {
    !holds_fds(ty)
        && !matches!(
            ty,
            MapType::STACK_TRACE
                | MapType::DEVMAP
                | MapType::DEVMAP_HASH
                | MapType::CPUMAP
                | MapType::XSKMAP
                | MapType::SOCKMAP
                | MapType::SOCKHASH
                | MapType::QUEUE
                | MapType::STACK
                | MapType::BLOOM_FILTER
                | MapType::RINGBUF
                | MapType::USER_RINGBUF
                | MapType::ARENA
                | MapType::REUSEPORT_SOCKARRAY
        )
}

/// A name as the kernel takes it: 15 letters, digits, `_` and `.`.
pub(crate) fn kernel_name(prefix: &str, name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    for (to, byte) in bytes[..15].iter_mut().zip(prefix.bytes().chain(name.bytes())) {
        *to = if is_plain(byte) { byte } else { b'_' };
    }
    bytes
}

/// What the kernel most likely dislikes, where it only says that it does.
fn what_is_wrong(def: &MapDef, attr: &MapCreate, error: &io::Error) -> Option<String> {
    match error.raw_os_error()? {
        libc::E2BIG => return Some("it is too large".to_owned()),
        libc::EINVAL => {}
        sys::ENOTSUPP | libc::EOPNOTSUPP => return Some("this kernel does not have the type".to_owned()),
        _ => return None,
    }
    let expect =
        |what: &str, right: bool, expected: &str| (!right).then(|| format!("{what} must be {expected}"));
    let key = |right, expected| expect("key_size", right, expected);
    let value = |right, expected| expect("value_size", right, expected);
    let entries = |right, expected| expect("max_entries", right, expected);
    let some_entries = || entries(attr.max_entries > 0, "at least 1");
    let wrong = match def.ty {
        MapType::ARRAY | MapType::PERCPU_ARRAY => key(attr.key_size == 4, "4")
            .or_else(|| value(attr.value_size > 0, "at least 1"))
            .or_else(some_entries),
        MapType::HASH | MapType::LRU_HASH | MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH => {
            key(attr.key_size > 0, "at least 1")
                .or_else(|| value(attr.value_size > 0, "at least 1"))
                .or_else(some_entries)
        }
        ty if holds_fds(ty) => value(attr.value_size == 4, "4").or_else(some_entries),
        MapType::QUEUE | MapType::STACK => key(attr.key_size == 0, "0")
            .or_else(|| value(attr.value_size > 0, "at least 1"))
            .or_else(some_entries),
        MapType::RINGBUF | MapType::USER_RINGBUF | MapType::ARENA => {
            key(attr.key_size == 0, "0").or_else(|| value(attr.value_size == 0, "0")).or_else(some_entries)
        }
        MapType::LPM_TRIE => expect("map_flags", def.flags & 1 != 0, "BPF_F_NO_PREALLOC (1)").or_else(|| {
            key((5..=260).contains(&attr.key_size), "5 to 260: a length in bits, as 4 bytes, and the prefix")
        }),
        MapType::STACK_TRACE => key(attr.key_size == 4, "4")
            .or_else(|| value(attr.value_size >= 8 && attr.value_size.is_multiple_of(8), "a multiple of 8")),
        MapType::BLOOM_FILTER => key(attr.key_size == 0, "0"),
        ty if needs_types(ty) => key(attr.key_size == 4, "4")
            .or_else(|| entries(attr.max_entries == 0, "0"))
            .or_else(|| expect("map_flags", def.flags & 1 != 0, "BPF_F_NO_PREALLOC (1)")),
        _ => None,
    };
    // What no kernel has had when this was written, this one may not have either.
    let is_new = def.ty > MapType::ARENA;
    wrong.or_else(|| is_new.then(|| "this kernel does not have the type".to_owned()))
}
