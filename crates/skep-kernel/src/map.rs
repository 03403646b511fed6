//! Maps in the kernel.

mod entries;
mod typed;

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use skep_btf::maps::MapType;

use crate::error::{Error, remedy};
use crate::maps::holds_fds;
use crate::mmap::Shared;
use crate::pin;
use crate::sys::attr::MapCreate;
use crate::sys::{self, MapFd};

pub use entries::Entries;
pub use typed::{PerCpuMap, TypedMap};

/// A map in the kernel, with keys and values as bytes. Closed when dropped; the kernel keeps it as long as programs
/// use it.
///
/// A value of a map with one value for each CPU is all of them, one after another, each as long as
/// [`Map::cpu_stride`].
#[derive(Debug)]
pub struct Map {
    name: String,
    ty: MapType,
    value_size: u32,
    max_entries: u32,
    fd: MapFd,
    /// Whether a ring buffer is being read.
    is_read: Arc<AtomicBool>,
    /// The memory of an arena.
    arena: Option<Arc<Shared>>,
}

/// Whether the key of an update must exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UpdateFlags {
    /// `BPF_ANY`: it may.
    #[default]
    Any,
    /// `BPF_NOEXIST`: it must not.
    NoExist,
    /// `BPF_EXIST`: it must.
    Exist,
}

impl Map {
    pub(crate) fn new(name: String, attr: &MapCreate, fd: OwnedFd) -> Result<Map, Error> {
        let (ty, max_entries) = (MapType(attr.map_type), attr.max_entries);
        let fail = |source| Error::Info { what: format!("map '{name}'"), source };
        let len = value_len(ty, attr.value_size).map_err(fail)?;
        let fd = MapFd::new(fd, attr.key_size, len).map_err(fail)?;
        Ok(Map {
            name,
            ty,
            value_size: attr.value_size,
            max_entries,
            fd,
            is_read: Arc::default(),
            arena: None,
        })
    }

    /// A map that something else has made.
    ///
    /// # Errors
    /// If the descriptor is not one of a map.
    pub fn from_fd(fd: OwnedFd) -> Result<Map, Error> {
        let fail = |source| Error::Info { what: "a map".to_owned(), source };
        let info = sys::map_info(fd.as_fd()).map_err(fail)?;
        let end = info.name.iter().position(|&byte| byte == 0).unwrap_or(info.name.len());
        let attr = MapCreate {
            map_type: info.ty,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            ..MapCreate::default()
        };
        Map::new(String::from_utf8_lossy(&info.name[..end]).into_owned(), &attr, fd)
    }

    /// A map that has a name in the BPF file system.
    ///
    /// # Errors
    /// If there is none at that path.
    pub fn open(path: impl AsRef<Path>) -> Result<Map, Error> {
        Map::from_fd(pin::open_existing(path.as_ref())?)
    }

    pub(crate) fn renamed(self, name: &str) -> Map {
        Map { name: name.to_owned(), ..self }
    }

    /// Its name in the image.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    #[must_use]
    pub fn ty(&self) -> MapType {
        self.ty
    }

    /// Bytes in a key.
    #[must_use]
    pub fn key_size(&self) -> u32 {
        u32::try_from(self.fd.key_len()).unwrap_or(u32::MAX)
    }

    /// Bytes in a value, of one CPU.
    #[must_use]
    pub fn value_size(&self) -> u32 {
        self.value_size
    }

    /// How many entries it holds at most; bytes for ring buffers.
    #[must_use]
    pub fn max_entries(&self) -> u32 {
        self.max_entries
    }

    /// Whether it has one value for each CPU.
    #[must_use]
    pub fn is_per_cpu(&self) -> bool {
        is_per_cpu(self.ty)
    }

    /// How far the values of two CPUs are apart, in bytes: [`Map::value_size`] up to a multiple of 8.
    #[must_use]
    pub fn cpu_stride(&self) -> usize {
        usize::try_from(self.value_size).unwrap_or(usize::MAX).next_multiple_of(8)
    }

    /// Maps an arena, which programs cannot use before; each of its entries is a page.
    pub(crate) fn with_arena(self, address: u64) -> Result<Map, Error> {
        let len =
            usize::try_from(self.max_entries).ok().and_then(|pages| pages.checked_mul(sys::page_size()));
        let address = usize::try_from(address).unwrap_or(usize::MAX);
        let memory = Shared::arena(self.fd.as_fd(), len.unwrap_or(usize::MAX), address);
        let memory = memory.map_err(|source| self.error("share", source))?;
        Ok(Map { arena: Some(Arc::new(memory)), ..self })
    }

    pub(crate) fn arena(&self) -> Option<&Arc<Shared>> {
        self.arena.as_ref()
    }

    pub(crate) fn is_read(&self) -> &Arc<AtomicBool> {
        &self.is_read
    }

    pub(crate) fn fd(&self) -> &MapFd {
        &self.fd
    }

    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// If the key has not as many bytes as those of this map, or if this sort of map cannot be read.
    pub fn lookup(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.check_key(key)?;
        self.absent(self.fd.lookup(key, 0), "read")
    }

    /// The value of a key, which is taken out; `None` if there is none. Without a key (`&[]`), the next one of a
    /// queue or stack.
    ///
    /// # Errors
    /// As [`Map::lookup`].
    pub fn take(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.check_key(key)?;
        self.absent(self.fd.lookup_and_delete(key, 0), "take from")
    }

    /// Sets the value of a key. Without a key (`&[]`), puts it into a queue, stack or filter.
    ///
    /// # Errors
    /// If key or value have not as many bytes as those of this map, if it is full, or if it cannot be written.
    pub fn update(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.update_with(key, value, UpdateFlags::Any)
    }

    /// Sets the value of a key, if it exists, or if it does not.
    ///
    /// # Errors
    /// As [`Map::update`]; also if the key exists (`EEXIST`), or does not (`ENOENT`), against the flags.
    pub fn update_with(&self, key: &[u8], value: &[u8], flags: UpdateFlags) -> Result<(), Error> {
        self.check_key(key)?;
        self.check_value(value)?;
        let flags = match flags {
            UpdateFlags::Any => 0,
            UpdateFlags::NoExist => 1,
            UpdateFlags::Exist => 2,
        };
        self.fd.update(key, value, flags).map_err(|source| self.error("write", source))
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// If the key has not as many bytes as those of this map, or if nothing can be removed from it, as from arrays.
    pub fn delete(&self, key: &[u8]) -> Result<bool, Error> {
        self.check_key(key)?;
        let deleted = self.fd.delete(key).map(|()| Vec::new());
        Ok(self.absent(deleted, "delete from")?.is_some())
    }

    /// Puts a map into a map of maps, or a program into a program array, under a key of 4 bytes: the index.
    ///
    /// # Errors
    /// If keys have another size, or if the map does not take what `fd` is.
    pub fn put(&self, index: u32, fd: &impl AsFd) -> Result<(), Error> {
        self.put_at(&index.to_ne_bytes(), fd)
    }

    /// Puts a map into a map of maps, under any key.
    ///
    /// # Errors
    /// As [`Map::put`].
    pub fn put_at(&self, key: &[u8], fd: &impl AsFd) -> Result<(), Error> {
        self.update(key, &sys::number(fd.as_fd()).to_ne_bytes())
    }

    /// All keys and values. What others add or remove meanwhile may be seen or not.
    #[must_use]
    pub fn iter(&self) -> Entries<'_> {
        Entries::new(self)
    }

    /// Gives it a name in the BPF file system, under which it lives on.
    ///
    /// # Errors
    /// If the path is not in a mounted BPF file system, or exists.
    pub fn pin(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        pin::pin(self.as_fd(), path.as_ref())
    }

    pub(crate) fn freeze(&self) -> Result<(), Error> {
        self.fd.freeze().map_err(|source| self.error("freeze", source))
    }

    fn check_key(&self, key: &[u8]) -> Result<(), Error> {
        self.check_len("key", key.len(), self.fd.key_len(), "")
    }

    fn check_value(&self, value: &[u8]) -> Result<(), Error> {
        let hint = if self.is_per_cpu() { ", one value for each CPU" } else { "" };
        self.check_len("value", value.len(), self.fd.value_len(), hint)
    }

    fn check_len(
        &self,
        what: &'static str,
        len: usize,
        expected: usize,
        hint: &'static str,
    ) -> Result<(), Error> {
        if len == expected {
            return Ok(());
        }
        let (map, shape, found) = (self.name.clone(), self.to_string(), len.to_string());
        Err(Error::Size { map, shape, what, found, expected, hint })
    }

    fn absent(&self, result: io::Result<Vec<u8>>, doing: &'static str) -> Result<Option<Vec<u8>>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(self.error(doing, error)),
        }
    }

    pub(crate) fn error(&self, doing: &'static str, source: io::Error) -> Error {
        let remedy = match source.raw_os_error() {
            Some(libc::E2BIG) => "; the map is full, or the index too large".to_owned(),
            Some(libc::EINVAL | libc::EOPNOTSUPP | sys::ENOTSUPP) => {
                "; this sort of map does not allow it".to_owned()
            }
            _ => remedy(&source),
        };
        let (map, shape) = (self.name.clone(), self.to_string());
        Error::Map { map, doing, shape, remedy, source }
    }
}

/// Type and sizes: `BPF_MAP_TYPE_HASH, key 4, value 8, 1024 entries`.
impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shape(self.ty, self.key_size(), self.value_size, self.max_entries))
    }
}

impl AsFd for Map {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

pub(crate) fn shape(ty: MapType, key: u32, value: u32, entries: u32) -> String {
    let name = ty.short_name().map_or_else(|| ty.to_string(), str::to_lowercase);
    format!("{name}, key {key}, value {value}, {entries} entries")
}

pub(crate) fn is_per_cpu(ty: MapType) -> bool {
    matches!(
        ty,
        MapType::PERCPU_HASH
            | MapType::PERCPU_ARRAY
            | MapType::LRU_PERCPU_HASH
            | MapType::PERCPU_CGROUP_STORAGE
    )
}

/// Bytes that system calls pass for a value.
fn value_len(ty: MapType, value_size: u32) -> io::Result<u32> {
    if holds_fds(ty) {
        return Ok(4);
    }
    if !is_per_cpu(ty) {
        return Ok(value_size);
    }
    let len = value_size.checked_next_multiple_of(8).and_then(|stride| stride.checked_mul(cpus().ok()?));
    len.ok_or_else(|| io::Error::other("the values of all CPUs together are too large"))
}

/// How many CPUs the kernel may ever have.
pub(crate) fn cpus() -> io::Result<u32> {
    static CPUS: OnceLock<u32> = OnceLock::new();
    if let Some(&cpus) = CPUS.get() {
        return Ok(cpus);
    }
    let path = "/sys/devices/system/cpu/possible";
    let text = std::fs::read_to_string(path)?;
    let cpus = parse_cpus(&text)
        .ok_or_else(|| io::Error::other(format!("{path} says {text:?}, expected as 0-3")))?;
    Ok(*CPUS.get_or_init(|| cpus))
}

/// How many numbers there are up to the last of a list: 4 in `0,2-3`.
fn parse_cpus(text: &str) -> Option<u32> {
    let last = text.trim().rsplit(',').next()?;
    last.rsplit('-').next()?.parse::<u32>().ok()?.checked_add(1)
}

#[cfg(test)]
mod tests {
    use super::parse_cpus;

    #[test]
    fn cpus_are_counted_up_to_the_last() {
        for (text, cpus) in [
            ("0\n", Some(1)),
            ("0-3\n", Some(4)),
            ("0,2-3", Some(4)),
            ("0-1,7", Some(8)),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(parse_cpus(text), cpus, "{text:?}");
        }
    }
}
