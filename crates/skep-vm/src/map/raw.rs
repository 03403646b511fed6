//! Maps by pointer: what helpers of a runtime call for programs.
//!
//! The methods are on [`Map`]. Keys and values are addresses of as many bytes as the map's definition says; results are
//! those of the kernel's helpers: an address or null, zero or a negative error number.
#![expect(unsafe_code, reason = "keys and values are pointers of a program; the caller vouches for them")]

use super::error::Errno;
use super::flags::UpdateFlags;
use super::hash::Visit;
use super::memory::{Bytes, BytesMut};
use super::{Commit, Kind, Map};

/// How arrays lie in memory, for native code that does without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArrayLayout {
    /// The address of the value at index 0.
    pub base: usize,
    /// Bytes from a value to the next.
    pub stride: usize,
    /// How many values there are.
    pub len: u32,
}

impl Map {
    /// `bpf_map_lookup_elem`: the address of a key's value, on this CPU if the map is per-CPU; null if there is none.
    /// The address stays valid, though not the key's, for as long as the map lives.
    ///
    /// # Safety
    /// `key` is readable for the map's key size.
    #[inline]
    #[must_use]
    pub unsafe fn lookup_ptr(&self, key: *const u8) -> *mut u8 {
        match &self.inner.kind {
            Kind::Array(array) => {
                // SAFETY: the caller's promise; an array's key has four bytes.
                let key = unsafe { Bytes::at(key, 4) };
                let values = array.values();
                array.find(key).map_or(std::ptr::null_mut(), |slot| values.address(slot, values.here()))
            }
            Kind::Hash(hash) => {
                // SAFETY: the caller's promise.
                let key = unsafe { Bytes::at(key, self.inner.key_size) };
                let values = hash.values();
                hash.find(key).map_or(std::ptr::null_mut(), |slot| values.address(slot, values.here()))
            }
            Kind::Trie(trie) => {
                // SAFETY: the caller's promise.
                let key = unsafe { Bytes::at(key, self.inner.key_size) };
                trie.find_then(key, |slot| trie.values().address(slot, 0)).unwrap_or(std::ptr::null_mut())
            }
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => std::ptr::null_mut(),
        }
    }

    /// `bpf_map_lookup_percpu_elem`: the address of a key's value on a CPU; null if there is none, or no such CPU, or
    /// the map is not per-CPU.
    ///
    /// # Safety
    /// As [`Map::lookup_ptr`].
    #[must_use]
    pub unsafe fn lookup_percpu_ptr(&self, key: *const u8, cpu: u32) -> *mut u8 {
        // SAFETY: the caller's promise.
        let key = unsafe { Bytes::at(key, self.inner.key_size) };
        if !self.is_per_cpu() || cpu >= super::cpu::count() {
            return std::ptr::null_mut();
        }
        let address = match &self.inner.kind {
            Kind::Array(array) => array.find(key).map(|slot| array.values().address(slot, cpu)),
            Kind::Hash(hash) => hash.find(key).map(|slot| hash.values().address(slot, cpu)),
            _ => None,
        };
        address.unwrap_or(std::ptr::null_mut())
    }

    /// `bpf_map_update_elem`: sets a key's value, on this CPU if the map is per-CPU.
    ///
    /// # Safety
    /// `key` and `value` are readable for the map's key and value size.
    #[inline]
    pub unsafe fn update_ptr(&self, key: *const u8, value: *const u8, flags: u64) -> i64 {
        // SAFETY: the caller's promise.
        let (key, value) =
            unsafe { (Bytes::at(key, self.inner.key_size), Bytes::at(value, self.inner.value_size)) };
        let result = self.by_programs().and_then(|()| {
            let flags = UpdateFlags::from_bits(flags)?;
            self.set(key, value, flags)
        });
        code(result)
    }

    /// `bpf_map_delete_elem`.
    ///
    /// # Safety
    /// As [`Map::lookup_ptr`].
    pub unsafe fn delete_ptr(&self, key: *const u8) -> i64 {
        // SAFETY: the caller's promise.
        let key = unsafe { Bytes::at(key, self.inner.key_size) };
        code(self.by_programs().and_then(|()| self.remove(key)))
    }

    /// `BPF_MAP_GET_NEXT_KEY`: copies the key after `key` to `next`; the first one if `key` is null or not there.
    ///
    /// # Safety
    /// `key` is null or readable, and `next` writable, for the map's key size.
    pub unsafe fn next_key_ptr(&self, key: *const u8, next: *mut u8) -> i64 {
        let size = self.inner.key_size;
        // SAFETY: the caller's promise.
        let key = (!key.is_null()).then(|| unsafe { Bytes::at(key, size) });
        // SAFETY: the caller's promise.
        let next = unsafe { BytesMut::at(next, size) };
        code(self.key_after(key, next))
    }

    /// `bpf_map_push_elem`.
    ///
    /// # Safety
    /// `value` is readable for the map's value size.
    pub unsafe fn push_ptr(&self, value: *const u8, flags: u64) -> i64 {
        // SAFETY: the caller's promise.
        let value = unsafe { Bytes::at(value, self.inner.value_size) };
        code(match &self.inner.kind {
            Kind::Queue(queue) => self.by_programs().and_then(|()| queue.push(value, flags)),
            _ => Err(Errno::Invalid),
        })
    }

    /// `bpf_map_pop_elem`; zeroes `value` if there is no element.
    ///
    /// # Safety
    /// `value` is writable for the map's value size.
    pub unsafe fn pop_ptr(&self, value: *mut u8) -> i64 {
        // SAFETY: the caller's promise.
        let value = unsafe { BytesMut::at(value, self.inner.value_size) };
        code(match &self.inner.kind {
            Kind::Queue(queue) => self.by_programs().and_then(|()| queue.pop(value)),
            _ => Err(Errno::Invalid),
        })
    }

    /// `bpf_map_peek_elem`; zeroes `value` if there is no element.
    ///
    /// # Safety
    /// As [`Map::pop_ptr`].
    pub unsafe fn peek_ptr(&self, value: *mut u8) -> i64 {
        // SAFETY: the caller's promise.
        let value = unsafe { BytesMut::at(value, self.inner.value_size) };
        code(match &self.inner.kind {
            Kind::Queue(queue) => queue.peek(value),
            _ => Err(Errno::Invalid),
        })
    }

    /// `bpf_for_each_map_elem`: calls `each` with the addresses of key and value (on this CPU if the map is per-CPU)
    /// of every entry until it returns false, and returns how many calls there were, or `-EINVAL` if the map has no
    /// entries to go through.
    ///
    /// The key is a copy, valid during the call. `each` may change the map: what it adds may be seen or not, what it
    /// removes is not seen any more, all else is seen once.
    pub fn for_each(&self, mut each: impl FnMut(*const u8, *mut u8) -> bool) -> i64 {
        let mut calls = 0;
        match &self.inner.kind {
            Kind::Array(array) => {
                let values = array.values();
                for index in 0..array.len() {
                    calls += 1;
                    if !each(index.to_ne_bytes().as_ptr(), values.address(index, values.here())) {
                        break;
                    }
                }
            }
            Kind::Hash(hash) => {
                let values = hash.values();
                hash.visit(0, |slot, key| {
                    calls += 1;
                    match each(key.as_ptr(), values.address(slot, values.here())) {
                        true => Visit::Continue,
                        false => Visit::Stop,
                    }
                });
            }
            Kind::Trie(trie) => {
                for key in trie.keys() {
                    let find = |slot| trie.values().address(slot, 0);
                    let Some(value) = trie.find_exact_then(Bytes::new(&key), find) else { continue };
                    calls += 1;
                    if !each(key.as_ptr(), value) {
                        break;
                    }
                }
            }
            Kind::ProgArray(_) | Kind::Queue(_) | Kind::RingBuf(_) => return Errno::Invalid.negative(),
        }
        calls
    }

    /// `bpf_ringbuf_reserve`: the address of a new record of `size` bytes, contiguous; null if there is no room, a flag
    /// is set, or the map is no ring buffer. The record is the caller's until it is submitted or discarded.
    #[must_use]
    pub fn ringbuf_reserve(&self, size: u64, flags: u64) -> *mut u8 {
        match &self.inner.kind {
            Kind::RingBuf(ring) if flags == 0 => ring.reserve(size).unwrap_or(std::ptr::null_mut()),
            _ => std::ptr::null_mut(),
        }
    }

    /// `bpf_ringbuf_submit` and `bpf_ringbuf_discard`, given what [`Map::ringbuf_reserve`] returned. `-EINVAL` if the
    /// map is not the ring buffer that `sample` lies in ([`Map::value_range`] tells), or no record begins there that
    /// is still reserved.
    pub fn ringbuf_commit(&self, sample: *const u8, flags: u64, commit: Commit) -> i64 {
        code(match &self.inner.kind {
            Kind::RingBuf(ring) => ring.commit(sample.addr(), flags, commit),
            _ => Err(Errno::Invalid),
        })
    }

    /// `bpf_ringbuf_output`: a new record with these bytes.
    ///
    /// # Safety
    /// `data` is readable for `size` bytes.
    pub unsafe fn ringbuf_output(&self, data: *const u8, size: u64, flags: u64) -> i64 {
        code(match (&self.inner.kind, usize::try_from(size)) {
            (Kind::RingBuf(ring), Ok(size)) => {
                // SAFETY: the caller's promise.
                ring.output(unsafe { Bytes::at(data, size) }, flags)
            }
            (Kind::RingBuf(_), Err(_)) => Err(Errno::Again),
            _ => Err(Errno::Invalid),
        })
    }

    /// `bpf_ringbuf_query`: bytes not yet read, size, and how many bytes were ever read and reserved, for `BPF_RB_…` 0
    /// to 3; zero for anything else.
    #[must_use]
    pub fn ringbuf_query(&self, what: u64) -> u64 {
        match &self.inner.kind {
            Kind::RingBuf(ring) => ring.query(what),
            _ => 0,
        }
    }

    /// How an array lies in memory; `None` if the map is none, or per-CPU.
    #[must_use]
    pub fn array_layout(&self) -> Option<ArrayLayout> {
        match &self.inner.kind {
            Kind::Array(array) if !self.is_per_cpu() => {
                let values = array.values();
                Some(ArrayLayout { base: values.range().start, stride: values.stride(), len: array.len() })
            }
            _ => None,
        }
    }

    fn by_programs(&self) -> Result<(), Errno> {
        if self.programs_write() { Ok(()) } else { Err(Errno::NotPermitted) }
    }
}

fn code(result: Result<(), Errno>) -> i64 {
    result.map_or_else(Errno::negative, |()| 0)
}
