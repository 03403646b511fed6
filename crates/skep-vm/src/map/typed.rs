//! Maps whose keys and values are Rust types.

use std::marker::PhantomData;

use super::error::MapError;
use super::flags::UpdateFlags;
use super::iter::{Iter, Keys};
use super::scratch::Scratch;
use super::{Map, cpu};

/// A Rust type that a map can hold, as a fixed number of bytes in the host's byte order.
///
/// Integers, floats, `bool`, `()`, arrays and tuples are. A tuple has its fields one after another *without padding*:
/// what C would pad needs a field of its own, `(u8, [u8; 3], u32)`. For a struct, implement it by way of a tuple:
///
/// ```
/// use skep_vm::map::MapData;
///
/// struct Flow { port: u16, proto: u16, bytes: u64 }
///
/// impl MapData for Flow {
///     const SIZE: usize = <(u16, u16, [u8; 4], u64)>::SIZE;
///
///     fn read(from: &[u8]) -> Flow {
///         let (port, proto, _, bytes) = <(u16, u16, [u8; 4], u64)>::read(from);
///         Flow { port, proto, bytes }
///     }
///
///     fn write(&self, to: &mut [u8]) {
///         (self.port, self.proto, [0u8; 4], self.bytes).write(to);
///     }
/// }
/// assert_eq!(Flow::SIZE, 16);
/// ```
pub trait MapData: Sized {
    /// How many bytes.
    const SIZE: usize;

    /// From [`Self::SIZE`] bytes, which can have any value.
    fn read(from: &[u8]) -> Self;

    /// To [`Self::SIZE`] bytes.
    fn write(&self, to: &mut [u8]);
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl MapData for $ty {
            const SIZE: usize = size_of::<$ty>();

            fn read(from: &[u8]) -> $ty {
                let mut bytes = [0; size_of::<$ty>()];
                bytes.copy_from_slice(from);
                <$ty>::from_ne_bytes(bytes)
            }

            fn write(&self, to: &mut [u8]) {
                to.copy_from_slice(&self.to_ne_bytes());
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64);

impl MapData for bool {
    const SIZE: usize = 1;

    fn read(from: &[u8]) -> bool {
        from != [0]
    }

    fn write(&self, to: &mut [u8]) {
        u8::from(*self).write(to);
    }
}

impl MapData for () {
    const SIZE: usize = 0;

    fn read(_: &[u8]) {}

    fn write(&self, _: &mut [u8]) {}
}

impl<T: MapData, const N: usize> MapData for [T; N] {
    const SIZE: usize = N * T::SIZE;

    fn read(from: &[u8]) -> [T; N] {
        std::array::from_fn(|i| T::read(&from[i * T::SIZE..(i + 1) * T::SIZE]))
    }

    fn write(&self, to: &mut [u8]) {
        for (i, element) in self.iter().enumerate() {
            element.write(&mut to[i * T::SIZE..(i + 1) * T::SIZE]);
        }
    }
}

macro_rules! tuples {
    ($(($($name:ident $field:tt),*))*) => {$(
        impl<$($name: MapData),*> MapData for ($($name,)*) {
            const SIZE: usize = 0 $(+ $name::SIZE)*;

            fn read(from: &[u8]) -> Self {
                let mut _rest = from;
                ($({
                    let (field, after) = _rest.split_at($name::SIZE);
                    _rest = after;
                    $name::read(field)
                },)*)
            }

            fn write(&self, to: &mut [u8]) {
                let mut _rest = to;
                $({
                    let (field, after) = _rest.split_at_mut($name::SIZE);
                    _rest = after;
                    self.$field.write(field);
                })*
            }
        }
    )*};
}

tuples! {
    (A 0)
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
}

/// A map with keys `K` and values `V`, from [`Map::typed`].
pub struct TypedMap<K, V> {
    map: Map,
    types: PhantomData<fn(K, V)>,
}

/// A map with keys `K` and, for each CPU, values `V`, from [`Map::typed_percpu`].
pub struct TypedPerCpuMap<K, V> {
    map: Map,
    types: PhantomData<fn(K, V)>,
}

/// A queue or a stack of `V`, from [`Map::typed_queue`].
pub struct TypedQueue<V> {
    map: Map,
    types: PhantomData<fn(V)>,
}

impl Map {
    /// The map as one of `K` to `V`.
    ///
    /// # Errors
    /// If a size differs, or the map is per-CPU or has no keys.
    pub fn typed<K: MapData, V: MapData>(&self) -> Result<TypedMap<K, V>, MapError> {
        const USE: &str = "be used by key";
        self.one_value(USE)?;
        self.readable(USE)?;
        self.check_type::<K>("key", self.inner.key_size)?;
        self.check_type::<V>("value", self.inner.value_size)?;
        Ok(TypedMap { map: self.clone(), types: PhantomData })
    }

    /// The map as one of `K` to a `V` for each CPU.
    ///
    /// # Errors
    /// If a size differs, or the map is not per-CPU.
    pub fn typed_percpu<K: MapData, V: MapData>(&self) -> Result<TypedPerCpuMap<K, V>, MapError> {
        self.value_each()?;
        self.readable("be used by key")?;
        self.check_type::<K>("key", self.inner.key_size)?;
        self.check_type::<V>("value", self.inner.value_size)?;
        Ok(TypedPerCpuMap { map: self.clone(), types: PhantomData })
    }

    /// The map as a queue or a stack of `V`.
    ///
    /// # Errors
    /// If the size differs, or the map is no queue or stack.
    pub fn typed_queue<V: MapData>(&self) -> Result<TypedQueue<V>, MapError> {
        self.queue("push and pop")?;
        self.check_type::<V>("value", self.inner.value_size)?;
        Ok(TypedQueue { map: self.clone(), types: PhantomData })
    }

    fn check_type<T: MapData>(&self, what: &'static str, expected: usize) -> Result<(), MapError> {
        if T::SIZE == expected {
            return Ok(());
        }
        Err(MapError::RustType {
            map: self.name().to_owned(),
            what,
            ty: std::any::type_name::<T>(),
            found: T::SIZE,
            expected,
        })
    }
}

impl<K: MapData, V: MapData> TypedMap<K, V> {
    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        let mut value = Scratch::new(V::SIZE);
        let found = self.map.lookup_into(to_bytes(key).as_slice(), value.as_mut_slice());
        // The map was found to be readable, and the lengths right, when this was made.
        found.unwrap_or(false).then(|| V::read(value.as_slice()))
    }

    /// Sets the value of a key, whether it is there or not.
    ///
    /// # Errors
    /// As [`Map::update`].
    pub fn set(&self, key: &K, value: &V) -> Result<(), MapError> {
        self.update(key, value, UpdateFlags::Any)
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    /// As [`Map::update`].
    pub fn update(&self, key: &K, value: &V, flags: UpdateFlags) -> Result<(), MapError> {
        self.map.update(to_bytes(key).as_slice(), to_bytes(value).as_slice(), flags)
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// As [`Map::delete`].
    pub fn delete(&self, key: &K) -> Result<(), MapError> {
        self.map.delete(to_bytes(key).as_slice())
    }

    /// All keys, as [`Map::keys`].
    pub fn keys(&self) -> impl Iterator<Item = K> + use<K, V> {
        let keys: Keys = self.map.keys();
        keys.map(|key| K::read(&key))
    }

    /// All entries, as [`Map::iter`].
    pub fn iter(&self) -> impl Iterator<Item = (K, V)> + use<K, V> {
        let entries: Iter = self.map.iter();
        entries.map(|(key, value)| (K::read(&key), V::read(&value)))
    }
}

impl<K: MapData, V: MapData> TypedPerCpuMap<K, V> {
    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// The values of a key, by CPU.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Vec<V>> {
        let values = self.map.lookup_percpu(to_bytes(key).as_slice()).unwrap_or(None)?;
        Some(values.iter().map(|value| V::read(value)).collect())
    }

    /// Sets the values of a key, by CPU; there are [`cpu::count`].
    ///
    /// # Errors
    /// As [`Map::update_percpu`].
    pub fn set(&self, key: &K, values: &[V]) -> Result<(), MapError> {
        let values: Vec<Scratch> = values.iter().map(to_bytes).collect();
        let values: Vec<&[u8]> = values.iter().map(Scratch::as_slice).collect();
        self.map.update_percpu(to_bytes(key).as_slice(), &values, UpdateFlags::Any)
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// As [`Map::delete`].
    pub fn delete(&self, key: &K) -> Result<(), MapError> {
        self.map.delete(to_bytes(key).as_slice())
    }

    /// All entries, as [`Map::iter`].
    pub fn iter(&self) -> impl Iterator<Item = (K, Vec<V>)> + use<K, V> {
        let each = |value: &[u8]| {
            (0..cpu::count() as usize).map(|i| V::read(&value[i * V::SIZE..][..V::SIZE])).collect()
        };
        self.map.iter().map(move |(key, value)| (K::read(&key), each(&value)))
    }
}

impl<V: MapData> TypedQueue<V> {
    /// The map.
    #[must_use]
    pub fn map(&self) -> &Map {
        &self.map
    }

    /// Adds an element.
    ///
    /// # Errors
    /// As [`Map::push`].
    pub fn push(&self, value: &V) -> Result<(), MapError> {
        self.map.push(to_bytes(value).as_slice())
    }

    /// Takes the next element out.
    ///
    /// # Errors
    /// As [`Map::pop`].
    pub fn pop(&self) -> Result<Option<V>, MapError> {
        Ok(self.map.pop()?.map(|value| V::read(&value)))
    }

    /// The next element.
    ///
    /// # Errors
    /// As [`Map::peek`].
    pub fn peek(&self) -> Result<Option<V>, MapError> {
        Ok(self.map.peek()?.map(|value| V::read(&value)))
    }
}

fn to_bytes<T: MapData>(value: &T) -> Scratch {
    let mut bytes = Scratch::new(T::SIZE);
    value.write(bytes.as_mut_slice());
    bytes
}
