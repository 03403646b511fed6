//! Queues and stacks: values without keys.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Errno;
use super::memory::{Bytes, BytesMut, WORD, Words};
use super::percpu::Refused;

/// `BPF_MAP_TYPE_QUEUE` and `BPF_MAP_TYPE_STACK`.
pub(super) struct Queue {
    words: Words,
    /// Words in an element.
    stride: usize,
    /// How many elements there is room for.
    room: usize,
    order: Order,
    live: Mutex<Live>,
}

/// Which element comes out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The oldest: a queue.
    Fifo,
    /// The youngest: a stack.
    Lifo,
}

/// Which places hold elements: `len` of them from the oldest on, round the end.
struct Live {
    oldest: usize,
    len: usize,
}

impl Queue {
    pub(super) fn new(room: u32, value_size: u32, order: Order) -> Result<Queue, Refused> {
        let stride = u64::from(value_size).div_ceil(8);
        let words = stride.saturating_mul(u64::from(room));
        let refused = || Refused(words.saturating_mul(WORD as u64));
        let to_usize = |n: u64| usize::try_from(n).map_err(|_| refused());
        Ok(Queue {
            words: Words::zeroed(to_usize(words)?).ok_or_else(refused)?,
            stride: to_usize(stride)?,
            room: to_usize(u64::from(room))?,
            order,
            live: Mutex::new(Live { oldest: 0, len: 0 }),
        })
    }

    /// Adds an element, with `BPF_EXIST` in the place of the oldest if there is no other.
    pub(super) fn push(&self, value: Bytes<'_>, flags: u64) -> Result<(), Errno> {
        const EXIST: u64 = 2;
        if flags & !EXIST != 0 {
            return Err(Errno::Invalid);
        }
        let mut live = self.lock();
        if live.len == self.room {
            if flags & EXIST == 0 {
                return Err(Errno::TooBig);
            }
            live.oldest = self.place(&live, 1);
            live.len -= 1;
        }
        self.words.write(self.place(&live, live.len) * self.stride, value);
        live.len += 1;
        Ok(())
    }

    /// Copies the next element; zeroes `out` if there is none.
    pub(super) fn peek(&self, out: BytesMut<'_>) -> Result<(), Errno> {
        self.next(&self.lock(), out)
    }

    /// Takes the next element out; zeroes `out` if there is none.
    pub(super) fn pop(&self, out: BytesMut<'_>) -> Result<(), Errno> {
        let mut live = self.lock();
        self.next(&live, out)?;
        if self.order == Order::Fifo {
            live.oldest = self.place(&live, 1);
        }
        live.len -= 1;
        Ok(())
    }

    /// Copies the element that is `nth` to come out; false if there are not so many.
    pub(super) fn nth(&self, nth: usize, out: BytesMut<'_>) -> bool {
        let live = self.lock();
        if nth >= live.len {
            return false;
        }
        let age = match self.order {
            Order::Fifo => nth,
            Order::Lifo => live.len - 1 - nth,
        };
        self.words.read(self.place(&live, age) * self.stride, out);
        true
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len
    }

    fn next(&self, live: &Live, mut out: BytesMut<'_>) -> Result<(), Errno> {
        let age = match self.order {
            _ if live.len == 0 => {
                out.clear();
                return Err(Errno::NotFound);
            }
            Order::Fifo => 0,
            Order::Lifo => live.len - 1,
        };
        self.words.read(self.place(live, age) * self.stride, out);
        Ok(())
    }

    /// Where the element is that came `age` places after the oldest.
    fn place(&self, live: &Live, age: usize) -> usize {
        (live.oldest + age) % self.room
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
