//! Data sections: each an array map with one element, which is the section, shared with this process.

use std::collections::HashSet;
use std::io;
use std::marker::PhantomData;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, OnceLock};

use skep_btf::maps::MapType;
use skep_btf::{BpfType, Type, TypeId};
use skep_object::Image;
use skep_object::image::{Data, Var};
use skep_object::nearest::nearest;

use crate::error::{Error, remedy};
use crate::map::{Map, shape};
use crate::maps::kernel_name;
use crate::mmap::Shared;
use crate::options::Options;
use crate::select::Selection;
use crate::sys::{self, attr::MapCreate};
use crate::types::Types;

const RDONLY_PROG: u32 = 1 << 7;
const MMAPABLE: u32 = 1 << 10;
/// `BPF_F_SEGV_ON_FAULT`: pages of an arena do not come by looking at them.
const SEGV_ON_FAULT: u32 = 1 << 17;

/// The data sections of an image, as far as they are loaded.
#[derive(Debug)]
pub(crate) struct Sections {
    /// By index in the image.
    sections: Vec<Option<Section>>,
}

/// A data section in the kernel.
#[derive(Debug)]
pub(crate) struct Section {
    map: Map,
    read_only: bool,
    vars: Vec<Var>,
    memory: OnceLock<Arc<Shared>>,
}

impl Sections {
    pub(crate) fn create(
        image: &Image,
        options: &Options,
        selection: &Selection<'_>,
        types: &Types<'_>,
        maps: &[Map],
    ) -> Result<Sections, Error> {
        let mut values: Vec<Value<'_>> =
            options.values.iter().map(|(name, bytes)| Value { name, bytes, used: false }).collect();
        let mut sections = Vec::with_capacity(image.data.len());
        for (data, places) in image.data.iter().zip(&selection.data) {
            let is_visible = data.vars.iter().any(|var| var.exported) && !is_special(&data.name);
            let is_wanted = (!places.is_empty() || is_visible) && data.size > 0;
            if is_wanted && data.name.starts_with(ARENA) {
                sections.push(Some(arena_section(data, maps, &mut values)?));
                continue;
            }
            sections.push(if is_wanted {
                Some(section(image, data, places, options, types, &mut values)?)
            } else {
                None
            });
        }
        match values.iter().find(|value| !value.used) {
            None => Ok(Sections { sections }),
            Some(value) => {
                let loaded = image.data.iter().zip(&sections).filter(|(_, section)| section.is_some());
                let names = loaded.flat_map(|(data, _)| &data.vars).map(|var| var.name.as_str());
                Err(no_variable(value.name, nearest(value.name, names)))
            }
        }
    }

    /// The descriptor of a section, and its size.
    pub(crate) fn get(&self, index: usize) -> Option<(BorrowedFd<'_>, u32)> {
        let section = self.sections.get(index)?.as_ref()?;
        Some((section.map.as_fd(), section.map.value_size()))
    }

    pub(crate) fn maps(&self) -> impl Iterator<Item = &Map> {
        self.sections.iter().flatten().map(|section| &section.map)
    }

    /// The variable of that name: one that is visible by name, else any.
    pub(crate) fn global<T: BpfType>(&self, name: &str) -> Result<Global<'_, T>, Error> {
        let all = || {
            self.sections
                .iter()
                .flatten()
                .flat_map(|section| section.vars.iter().map(move |var| (section, var)))
        };
        let named = || all().filter(|(_, var)| var.name == name);
        let Some((section, var)) = named().find(|(_, var)| var.exported).or_else(|| named().next()) else {
            return Err(no_variable(name, nearest(name, all().map(|(_, var)| var.name.as_str()))));
        };
        section.global(var)
    }
}

fn no_variable(name: &str, near: Vec<String>) -> Error {
    Error::NoSuch { what: "variable", name: name.to_owned(), near, there: Vec::new() }
}

/// Sections that are no data of programs.
fn is_special(name: &str) -> bool {
    let is = |special: &str| name.strip_prefix('?').unwrap_or(name).starts_with(special);
    is(".struct_ops") || is(".jumptables") || is("license") || is("version")
}

/// What a variable is to begin with.
struct Value<'a> {
    name: &'a str,
    bytes: &'a [u8],
    used: bool,
}

fn section(
    image: &Image,
    data: &Data,
    places: &[i64],
    options: &Options,
    types: &Types<'_>,
    values: &mut [Value<'_>],
) -> Result<Section, Error> {
    let fail = |problem: String| Error::Data { section: data.name.clone(), problem };
    check_sort(data, places).map_err(fail)?;
    if !data.refs.is_empty() && !places.is_empty() {
        check_pointers(image, data, places).map_err(fail)?;
    }
    let too_large = || fail(format!("it has {:#x} bytes, more than a map holds", data.size));
    let value_size = u32::try_from(data.size).map_err(|_| too_large())?;
    let mut attr = MapCreate {
        map_type: MapType::ARRAY.0,
        key_size: 4,
        value_size,
        max_entries: 1,
        map_flags: MMAPABLE | if data.read_only { RDONLY_PROG } else { 0 },
        map_name: section_name(image, data, options),
        ..MapCreate::default()
    };
    let plain = attr;
    if let Some((set, ty)) = types.set().and_then(|set| Some((set, set.of_image(datasec(image, data))?))) {
        (attr.btf_fd, attr.btf_value_type_id) = (sys::number(set.fd()), ty.0);
    }
    let fd = sys::map_create(&attr)
        .or_else(|_| sys::map_create(&plain))
        .map_err(|source| no_map(&data.name, value_size, source))?;
    let map = Map::new(data.name.clone(), &attr, fd)?;
    // The kernel has checked the size by now.
    if let Some(bytes) = initial(data, values).map_err(fail)? {
        map.update(&[0; 4], &bytes)?;
    }
    if data.read_only {
        map.freeze()?;
    }
    Ok(Section { map, read_only: data.read_only, vars: data.vars.clone(), memory: OnceLock::new() })
}

/// What programs refer to must be data that an array can hold.
fn check_sort(data: &Data, places: &[i64]) -> Result<(), String> {
    let is_used = |special: &str| data.name.starts_with(special) && !places.is_empty();
    if is_used(".struct_ops") {
        return Err("struct_ops are not loaded yet".to_owned());
    }
    Ok(())
}

/// A map of bytes that nobody changes; none if there are none.
pub(crate) fn constants(name: &str, bytes: &[u8], options: &Options) -> Result<Option<Map>, Error> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let attr = MapCreate {
        map_type: MapType::ARRAY.0,
        key_size: 4,
        value_size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        max_entries: 1,
        map_flags: RDONLY_PROG,
        map_name: kernel_name(&options.name_prefix, name),
        ..MapCreate::default()
    };
    let fd = sys::map_create(&attr).map_err(|source| no_map(name, attr.value_size, source))?;
    let map = Map::new(name.to_owned(), &attr, fd)?;
    map.update(&[0; 4], bytes)?;
    map.freeze()?;
    Ok(Some(map))
}

fn no_map(name: &str, value_size: u32, source: io::Error) -> Error {
    let shape = shape(MapType::ARRAY, 4, value_size, 1);
    Error::Map { map: name.to_owned(), doing: "create", shape, remedy: remedy(&source), source }
}

/// Where compilers put variables of address space 1, which is that of arenas.
const ARENA: &str = ".addr_space.1";

/// The variables of an arena, at its start.
fn arena_section(data: &Data, maps: &[Map], values: &mut [Value<'_>]) -> Result<Section, Error> {
    let fail = |problem: &str| Error::Data { section: data.name.clone(), problem: problem.to_owned() };
    let mut arenas = maps.iter().filter_map(|map| Some((map, map.arena()?)));
    let (Some((map, memory)), None) = (arenas.next(), arenas.next()) else {
        return Err(fail("its variables need a map of type BPF_MAP_TYPE_ARENA to be in, and only one"));
    };
    let info = sys::map_info(map.as_fd()).map_err(|source| map.error("ask about", source))?;
    if info.map_flags & SEGV_ON_FAULT != 0 {
        return Err(fail("with BPF_F_SEGV_ON_FAULT, only programs may allocate pages of the arena"));
    }
    let bytes = initial(data, values).map_err(|problem| fail(&problem))?.unwrap_or_default();
    let size = usize::try_from(data.size).ok().filter(|&size| memory.len() >= size);
    let (Some(_), true) = (size, memory.write(0, &bytes)) else {
        return Err(fail("its variables do not fit into the arena; give it more entries, which are pages"));
    };
    let attr = MapCreate {
        map_type: MapType::ARENA.0,
        value_size: u32::try_from(data.size).unwrap_or(u32::MAX),
        max_entries: map.max_entries(),
        ..MapCreate::default()
    };
    let fd = map.as_fd().try_clone_to_owned().map_err(|source| map.error("share", source))?;
    let memory = OnceLock::from(Arc::clone(memory));
    Ok(Section {
        map: Map::new(data.name.clone(), &attr, fd)?,
        read_only: false,
        vars: data.vars.clone(),
        memory,
    })
}

/// Programs cannot follow pointers that stand in data: the verifier takes them for numbers. Those in variables that
/// programs do not look at may be for other users of the data.
fn check_pointers(image: &Image, data: &Data, places: &[i64]) -> Result<(), String> {
    let var_at = |at: u64| {
        let index = data.vars.partition_point(|var| var.offset <= at).checked_sub(1)?;
        data.vars.get(index).filter(|var| at - var.offset < var.size).map(|_| index)
    };
    // What lies in no variable is one thing more.
    let used: HashSet<Option<usize>> =
        places.iter().map(|&place| u64::try_from(place).ok().and_then(var_at)).collect();
    let Some(r) = data.refs.iter().find(|r| used.contains(&var_at(r.at))) else { return Ok(()) };
    if data.name == ".jumptables" {
        return Err(
            "jump tables need a kernel that has `gotox`; compile without them, for `-mcpu=v3`".to_owned()
        );
    }
    let at =
        var_at(r.at).map_or_else(|| format!("+{:#x}", r.at), |var| format!(" in '{}'", data.vars[var].name));
    Err(format!(
        "a pointer to '{}' stands{at}, which programs in the kernel cannot follow; use an index, or choose with `switch`",
        image.target_name(r.target)
    ))
}

/// What the section begins with; `None` if that is zeros.
fn initial(data: &Data, values: &mut [Value<'_>]) -> Result<Option<Vec<u8>>, String> {
    let size = usize::try_from(data.size).map_err(|_| "it does not fit into memory".to_owned())?;
    let mut set = Vec::new();
    for value in values {
        let Some(var) = data.vars.iter().find(|var| var.name == value.name) else { continue };
        let len = value.bytes.len();
        if var.size != len as u64 {
            return Err(format!("'{}' has {} bytes, the value for it {len}", var.name, var.size));
        }
        value.used = true;
        set.push((usize::try_from(var.offset).unwrap_or(usize::MAX), value.bytes));
    }
    if set.is_empty() && data.bytes.iter().all(|&byte| byte == 0) {
        return Ok(None);
    }
    let mut bytes = data.bytes.clone();
    bytes.resize(size, 0);
    for (at, value) in set {
        if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.get_mut(..value.len())) {
            place.copy_from_slice(value);
        }
    }
    Ok(Some(bytes))
}

/// Up to eight characters of the image's name, and the section's.
fn section_name(image: &Image, data: &Data, options: &Options) -> [u8; 16] {
    let file = image.name.rsplit('/').next().unwrap_or_default();
    let stem: String = file.split('.').next().unwrap_or_default().chars().take(8).collect();
    kernel_name(&options.name_prefix, &format!("{stem}{}", data.name))
}

/// The type of the section, if it is what the kernel expects.
fn datasec(image: &Image, data: &Data) -> Option<TypeId> {
    let (btf, ty) = (image.btf.as_ref()?, data.ty?);
    match btf.ty(ty) {
        Type::Datasec(section) if u64::from(section.size) == data.size => Some(ty),
        _ => None,
    }
}

impl Section {
    fn global<'a, T: BpfType>(&'a self, var: &'a Var) -> Result<Global<'a, T>, Error> {
        let fail = |problem: String| Error::Data { section: self.map.name().to_owned(), problem };
        if var.size != u64::from(T::SIZE) {
            let ty = std::any::type_name::<T>();
            return Err(fail(format!("'{}' has {} bytes, `{ty}` has {}", var.name, var.size, T::SIZE)));
        }
        let at = usize::try_from(var.offset).map_err(|_| fail("it does not fit into memory".to_owned()))?;
        let memory = match self.memory.get() {
            Some(memory) => memory,
            None => {
                let mapped = Arc::new(self.map_memory()?);
                self.memory.get_or_init(|| mapped)
            }
        };
        let len = usize::try_from(var.size).unwrap_or(usize::MAX);
        Ok(Global { memory, at, len, name: &var.name, section: self.map.name(), ty: PhantomData })
    }

    fn map_memory(&self) -> Result<Shared, Error> {
        let size = usize::try_from(self.map.value_size()).unwrap_or(usize::MAX);
        let len = size.checked_next_multiple_of(sys::page_size()).unwrap_or(size);
        Shared::new(self.map.as_fd(), len, !self.read_only).map_err(|source| self.map.error("share", source))
    }
}

/// A global variable, shared with the programs that use it.
///
/// Numbers of up to 8 bytes are read and written as a whole; what is larger may be seen half written.
#[derive(Debug)]
pub struct Global<'a, T> {
    memory: &'a Shared,
    /// Where it lies, in bytes.
    at: usize,
    len: usize,
    name: &'a str,
    section: &'a str,
    ty: PhantomData<fn() -> T>,
}

impl<T: BpfType> Global<'_, T> {
    /// Its value now.
    ///
    /// # Errors
    /// If its bytes are no value of the type.
    pub fn get(&self) -> Result<T, Error> {
        let mut bytes = vec![0; self.len];
        self.memory.read(self.at, &mut bytes);
        let what = || format!("variable '{}'", self.name);
        T::read_from(&bytes).map_err(|source| Error::Value { what: what(), source: Box::new(source) })
    }

    /// Gives it a value.
    ///
    /// # Errors
    /// If it is a constant: those get their values before they are loaded, by [`Options::value`].
    pub fn set(&self, value: T) -> Result<(), Error> {
        if self.memory.write(self.at, &value.to_bytes()) {
            return Ok(());
        }
        let problem = format!(
            "'{}' is a constant, which cannot be changed once it is loaded; use `Options::value`",
            self.name
        );
        Err(Error::Data { section: self.section.to_owned(), problem })
    }
}
