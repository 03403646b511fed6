//! Maps whose keys and values are Rust types.

use std::any::type_name;
use std::marker::PhantomData;

use skep_btf::BpfType;

use super::{Entries, Map, UpdateFlags};
use crate::error::Error;

/// A map with keys `K` and values `V`, from [`Loaded::map`](crate::Loaded::map). A map without keys (a queue, a
/// stack) has keys `()`.
#[derive(Debug)]
pub struct TypedMap<'a, K, V> {
    map: &'a Map,
    types: PhantomData<fn(K) -> V>,
}

/// A map with keys `K` and, for each CPU, values `V`, from [`Loaded::map_per_cpu`](crate::Loaded::map_per_cpu).
///
/// The values of a key are as many as the kernel may ever have CPUs; the one of CPU 2 has index 2.
#[derive(Debug)]
pub struct PerCpuMap<'a, K, V> {
    map: &'a Map,
    types: PhantomData<fn(K) -> V>,
}

impl Map {
    /// With keys and values of these types.
    ///
    /// # Errors
    /// If the types have other sizes, or the map has one value for each CPU: see [`Map::per_cpu`].
    pub fn typed<K: BpfType, V: BpfType>(&self) -> Result<TypedMap<'_, K, V>, Error> {
        if self.is_per_cpu() {
            return Err(self.wrong_sort("it has one value for each CPU, which `map_per_cpu` reads"));
        }
        self.check_types::<K, V>()?;
        Ok(TypedMap { map: self, types: PhantomData })
    }

    /// With keys and, for each CPU, values of these types.
    ///
    /// # Errors
    /// If the types have other sizes, or the map has only one value for all CPUs: see [`Map::typed`].
    pub fn per_cpu<K: BpfType, V: BpfType>(&self) -> Result<PerCpuMap<'_, K, V>, Error> {
        if !self.is_per_cpu() {
            return Err(self.wrong_sort("it has one value for all CPUs, which `map` reads"));
        }
        self.check_types::<K, V>()?;
        Ok(PerCpuMap { map: self, types: PhantomData })
    }

    pub(crate) fn wrong_sort(&self, problem: &str) -> Error {
        Error::MapDefinition { map: self.name.clone(), problem: problem.to_owned() }
    }

    fn check_types<K: BpfType, V: BpfType>(&self) -> Result<(), Error> {
        self.check_type::<K>("key", self.key_size())?;
        self.check_type::<V>("value", self.value_size)
    }

    fn check_type<T: BpfType>(&self, what: &'static str, expected: u32) -> Result<(), Error> {
        if T::SIZE == expected {
            return Ok(());
        }
        let found = format!("{} (`{}`)", T::SIZE, type_name::<T>());
        let (map, shape) = (self.name.clone(), self.to_string());
        let expected = usize::try_from(expected).unwrap_or(usize::MAX);
        Err(Error::Size { map, shape, what, found, expected, hint: "" })
    }

    fn read<T: BpfType>(&self, what: &str, bytes: &[u8]) -> Result<T, Error> {
        let fail = |source| Error::Value {
            what: format!("a {what} of map '{}'", self.name),
            source: Box::new(source),
        };
        T::read_from(bytes).map_err(fail)
    }

    fn read_all<T: BpfType>(&self, bytes: &[u8]) -> Result<Vec<T>, Error> {
        let size = usize::try_from(self.value_size).unwrap_or(usize::MAX);
        let values = bytes.chunks_exact(self.cpu_stride().max(1));
        values.map(|value| self.read("value", value.get(..size).unwrap_or_default())).collect()
    }
}

impl<K, V> Clone for TypedMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for TypedMap<'_, K, V> {}

impl<'a, K: BpfType, V: BpfType> TypedMap<'a, K, V> {
    /// The map with keys and values as bytes.
    #[must_use]
    pub fn raw(&self) -> &'a Map {
        self.map
    }

    /// The value of a key; `None` if there is none.
    ///
    /// # Errors
    /// If this sort of map cannot be read, or the bytes are no value of the type.
    pub fn get(&self, key: K) -> Result<Option<V>, Error> {
        self.map.lookup(&key.to_bytes())?.map(|bytes| self.map.read("value", &bytes)).transpose()
    }

    /// The value of a key, which is taken out; `None` if there is none. With key `()`, the next one of a queue.
    ///
    /// # Errors
    /// As [`TypedMap::get`].
    pub fn take(&self, key: K) -> Result<Option<V>, Error> {
        self.map.take(&key.to_bytes())?.map(|bytes| self.map.read("value", &bytes)).transpose()
    }

    /// Sets the value of a key. With key `()`, puts it into a queue, stack or filter.
    ///
    /// # Errors
    /// If the map is full or cannot be written.
    pub fn set(&self, key: K, value: V) -> Result<(), Error> {
        self.map.update(&key.to_bytes(), &value.to_bytes())
    }

    /// Sets the value of a key, if it exists, or if it does not.
    ///
    /// # Errors
    /// As [`TypedMap::set`]; also if the key exists or does not, against the flags.
    pub fn set_with(&self, key: K, value: V, flags: UpdateFlags) -> Result<(), Error> {
        self.map.update_with(&key.to_bytes(), &value.to_bytes(), flags)
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// If nothing can be removed from this sort of map.
    pub fn remove(&self, key: K) -> Result<bool, Error> {
        self.map.delete(&key.to_bytes())
    }

    /// All keys and values. It ends at the first error, which [`TypedMap::try_iter`] tells.
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + use<'a, K, V> {
        self.try_iter().map_while(Result::ok)
    }

    /// All keys and values, or what is wrong with them. What others add or remove meanwhile may be seen or not.
    pub fn try_iter(&self) -> impl Iterator<Item = Result<(K, V), Error>> + use<'a, K, V> {
        let map = self.map;
        Entries::new(map).map(move |entry| {
            let (key, value) = entry?;
            Ok((map.read("key", &key)?, map.read("value", &value)?))
        })
    }
}

impl<K, V> Clone for PerCpuMap<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for PerCpuMap<'_, K, V> {}

impl<'a, K: BpfType, V: BpfType> PerCpuMap<'a, K, V> {
    /// The map with keys and values as bytes.
    #[must_use]
    pub fn raw(&self) -> &'a Map {
        self.map
    }

    /// The values of a key, by CPU; `None` if there is none.
    ///
    /// # Errors
    /// If this sort of map cannot be read, or the bytes are no value of the type.
    pub fn get(&self, key: K) -> Result<Option<Vec<V>>, Error> {
        self.map.lookup(&key.to_bytes())?.map(|bytes| self.map.read_all(&bytes)).transpose()
    }

    /// Sets the values of a key, by CPU.
    ///
    /// # Errors
    /// If there are not as many as CPUs, or the map is full or cannot be written.
    pub fn set(&self, key: K, values: &[V]) -> Result<(), Error> {
        let mut bytes = Vec::with_capacity(values.len() * self.map.cpu_stride());
        for value in values {
            bytes.extend_from_slice(&value.to_bytes());
            bytes.resize(bytes.len().next_multiple_of(8), 0);
        }
        self.map.update(&key.to_bytes(), &bytes)
    }

    /// Removes a key; whether it was there.
    ///
    /// # Errors
    /// If nothing can be removed from this sort of map.
    pub fn remove(&self, key: K) -> Result<bool, Error> {
        self.map.delete(&key.to_bytes())
    }

    /// All keys and values. It ends at the first error, which [`PerCpuMap::try_iter`] tells.
    pub fn iter(&self) -> impl Iterator<Item = (K, Vec<V>)> + use<'a, K, V> {
        self.try_iter().map_while(Result::ok)
    }

    /// All keys and values, or what is wrong with them. What others add or remove meanwhile may be seen or not.
    pub fn try_iter(&self) -> impl Iterator<Item = Result<(K, Vec<V>), Error>> + use<'a, K, V> {
        let map = self.map;
        Entries::new(map).map(move |entry| {
            let (key, values) = entry?;
            Ok((map.read("key", &key)?, map.read_all(&values)?))
        })
    }
}
