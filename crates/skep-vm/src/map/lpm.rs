//! Tries: the value of the longest prefix that matches a key.
//!
//! A key is a length in bits and that many bits, padded with any others. Nodes form a binary radix tree as in the
//! kernel (`lpm_trie.c`): a node is either an entry, or an *intermediate* one where two prefixes part.
//!
//! One thread writes at a time. Readers take no lock: each change is one store of a link, so a walk meets the tree
//! before or after it. A node that left the tree may be reused under a reader's feet; before that the version grows,
//! and the reader, who looks at the version last, walks again. See [`super::index`] for why that holds.

use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::Errno;
use super::flags::UpdateFlags;
use super::memory::{Bytes, BytesMut, WORD, Words};
use super::percpu::{PerSlot, Refused, Values};
use super::scratch::Scratch;

/// Bytes of a key's length, before its bits.
const LEN_BYTES: usize = 4;

/// `BPF_MAP_TYPE_LPM_TRIE`.
pub(super) struct Trie {
    /// Link to the root.
    root: AtomicU64,
    version: AtomicU64,
    nodes: Words,
    node_words: usize,
    values: Values,
    max_entries: u32,
    /// Bits in the longest prefix.
    max_bits: u32,
    writer: Mutex<Writer>,
}

/// What only the thread that writes touches.
#[derive(Default)]
struct Writer {
    entries: u32,
    nodes: Pool,
    values: Pool,
}

/// Numbers that are handed out and come back.
#[derive(Default)]
struct Pool {
    fresh: u32,
    back: Vec<u32>,
}

impl Pool {
    fn take(&mut self) -> u32 {
        self.back.pop().unwrap_or_else(|| {
            self.fresh += 1;
            self.fresh - 1
        })
    }
}

/// A node's number plus one; zero for none.
type Link = u32;

/// A node: two links in the first word; the prefix length, and the value's slot plus one, in the second; then bits.
#[derive(Clone, Copy)]
struct Node<'a> {
    words: &'a [AtomicU64],
}

impl<'a> Node<'a> {
    #[inline]
    fn links(self) -> (Link, Link) {
        halves(self.words[0].load(Ordering::Acquire))
    }

    #[inline]
    fn child(self, side: bool) -> Link {
        let (zero, one) = self.links();
        if side { one } else { zero }
    }

    fn set_child(self, side: bool, link: Link) {
        let (zero, one) = self.links();
        let word = if side { join(zero, link) } else { join(link, one) };
        self.words[0].store(word, Ordering::Release);
    }

    fn bits(self) -> u32 {
        halves(self.words[1].load(Ordering::Acquire)).0
    }

    /// The slot of its value; `None` if it is intermediate.
    fn slot(self) -> Option<u32> {
        halves(self.words[1].load(Ordering::Acquire)).1.checked_sub(1)
    }

    fn set_slot(self, slot: Option<u32>) {
        self.words[1].store(join(self.bits(), slot.map_or(0, |slot| slot + 1)), Ordering::Release);
    }

    #[inline]
    fn prefix(self) -> impl Fn(usize) -> u64 + 'a {
        move |i| self.words[2 + i].load(Ordering::Relaxed)
    }
}

fn halves(word: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
    (word as u32, (word >> 32) as u32)
}

fn join(low: u32, high: u32) -> u64 {
    u64::from(low) | u64::from(high) << 32
}

/// A key: how many bits count, and all of them, the first at the top of the first word.
#[derive(Clone, Copy)]
struct Key<'a> {
    bits: u32,
    /// The first word, which is all of most keys.
    first: u64,
    data: Bytes<'a>,
}

impl<'a> Key<'a> {
    fn new(bits: u32, data: Bytes<'a>) -> Key<'a> {
        Key { bits, first: u64::from_be(data.word(0)), data }
    }

    fn word(self) -> impl Fn(usize) -> u64 + 'a {
        move |i| if i == 0 { self.first } else { u64::from_be(self.data.word(i)) }
    }

    #[inline]
    fn bit(self, at: u32) -> bool {
        self.word()(at as usize / 64) >> (63 - at % 64) & 1 != 0
    }
}

/// How many bits two prefixes share, at most `limit`.
#[inline]
fn common(a: impl Fn(usize) -> u64, b: impl Fn(usize) -> u64, limit: u32) -> u32 {
    let mut at = 0;
    while at < limit {
        let differing = a(at as usize / 64) ^ b(at as usize / 64);
        if differing != 0 {
            return limit.min(at + differing.leading_zeros());
        }
        at += 64;
    }
    limit
}

/// Where a search for an exact prefix ended.
struct Place<'a> {
    /// The nodes from the root to the parent.
    path: Vec<(Link, Node<'a>)>,
    /// The node there, which is the key's, or parts from the key, or is none.
    link: Link,
    /// How many bits the key and the node there share.
    shared: u32,
}

impl Trie {
    pub(super) fn new(max_entries: u32, key_size: u32, value_size: u32) -> Result<Trie, Refused> {
        let data = key_size - 4;
        let node_words = 2 + u64::from(data).div_ceil(8);
        // Fewer intermediate nodes than entries, since each has two children.
        let words = node_words.saturating_mul(2 * u64::from(max_entries));
        let refused = || Refused(words.saturating_mul(WORD as u64));
        Ok(Trie {
            root: AtomicU64::new(0),
            version: AtomicU64::new(0),
            nodes: usize::try_from(words).ok().and_then(Words::zeroed).ok_or_else(refused)?,
            node_words: usize::try_from(node_words).map_err(|_| refused())?,
            values: Values::new(max_entries, value_size, PerSlot::One)?,
            max_entries,
            max_bits: data * 8,
            writer: Mutex::default(),
        })
    }

    pub(super) fn values(&self) -> &Values {
        &self.values
    }

    pub(super) fn len(&self) -> usize {
        self.lock().entries as usize
    }

    /// What `read` makes of the value's slot of the longest prefix that matches; it may run more than once.
    pub(super) fn find_then<R>(&self, key: Bytes<'_>, mut read: impl FnMut(u32) -> R) -> Option<R> {
        let key = self.key(key)?;
        self.steadily(|| self.longest(key).map(&mut read))
    }

    /// What `read` makes of the value's slot of exactly this prefix; it may run more than once.
    pub(super) fn find_exact_then<R>(&self, key: Bytes<'_>, mut read: impl FnMut(u32) -> R) -> Option<R> {
        let key = self.key(key)?;
        self.steadily(|| self.exact(key).map(&mut read))
    }

    /// Reads until nothing was reused meanwhile.
    fn steadily<R>(&self, mut read: impl FnMut() -> Option<R>) -> Option<R> {
        loop {
            let before = self.version.load(Ordering::Acquire);
            let result = read();
            fence(Ordering::Acquire);
            if self.version.load(Ordering::Relaxed) == before {
                return result;
            }
        }
    }

    fn longest(&self, key: Key<'_>) -> Option<u32> {
        let mut best = None;
        self.walk(key, |node| best = node.slot().or(best));
        best
    }

    fn exact(&self, key: Key<'_>) -> Option<u32> {
        let mut found = None;
        self.walk(key, |node| found = node.slot().filter(|_| node.bits() == key.bits));
        found
    }

    /// Visits the nodes whose prefixes match a key, from the shortest on.
    #[inline]
    fn walk(&self, key: Key<'_>, mut visit: impl FnMut(Node<'_>)) {
        let mut link = self.root();
        let mut depth = 0;
        while let Some(node) = self.node(link) {
            let bits = node.bits();
            // Prefixes grow on the way down, unless the walk strayed to a reused node.
            if bits < depth || bits > key.bits || common(node.prefix(), key.word(), bits) < bits {
                return;
            }
            visit(node);
            if bits == self.max_bits {
                return;
            }
            depth = bits + 1;
            link = node.child(key.bit(bits));
        }
    }

    /// Sets the value of a prefix.
    pub(super) fn update(&self, key: Bytes<'_>, value: Bytes<'_>, flags: UpdateFlags) -> Result<(), Errno> {
        // The walk and the change must mean the same key, even if the caller's changes meanwhile.
        let key = Scratch::copy(key);
        let key = self.key(key.bytes()).ok_or(Errno::Invalid)?;
        let mut writer = self.lock();
        let place = self.place(key);
        let there = self.node(place.link);
        let exact = there.filter(|node| node.bits() == place.shared && node.bits() == key.bits);
        if let Some(node) = exact
            && let Some(slot) = node.slot()
        {
            if flags == UpdateFlags::NoExist {
                return Err(Errno::Exists);
            }
            // The bits after the prefix are the caller's to choose.
            self.set_prefix(node, key);
            self.values.write(slot, 0, value);
            return Ok(());
        }
        if flags == UpdateFlags::Exist {
            return Err(Errno::NotFound);
        }
        if writer.entries == self.max_entries {
            return Err(Errno::NoSpace);
        }
        writer.entries += 1;
        let slot = writer.values.take();
        fence(Ordering::Release);
        self.values.write(slot, 0, value);
        if let Some(node) = exact {
            self.set_prefix(node, key);
            node.set_slot(Some(slot));
            return Ok(());
        }
        let (link, node) = self.new_node(&mut writer, key, key.bits, Some(slot));
        match there {
            None => self.hang(&place, key, link),
            // The prefix is shorter than that of the node there, and matches it: it becomes the parent.
            Some(there) if place.shared == key.bits => {
                node.set_child(bit(there.prefix(), key.bits), place.link);
                self.hang(&place, key, link);
            }
            // The two part: an intermediate node takes both.
            Some(_) => {
                let (fork, node) = self.new_node(&mut writer, key, place.shared, None);
                let side = key.bit(place.shared);
                node.set_child(side, link);
                node.set_child(!side, place.link);
                self.hang(&place, key, fork);
            }
        }
        Ok(())
    }

    /// Removes a prefix.
    pub(super) fn delete(&self, key: Bytes<'_>) -> Result<(), Errno> {
        // The walk and the change must mean the same key, even if the caller's changes meanwhile.
        let key = Scratch::copy(key);
        let key = self.key(key.bytes()).ok_or(Errno::Invalid)?;
        let mut writer = self.lock();
        let mut place = self.place(key);
        let node = self.node(place.link).ok_or(Errno::NotFound)?;
        let slot = node.slot().filter(|_| node.bits() == place.shared && node.bits() == key.bits);
        let slot = slot.ok_or(Errno::NotFound)?;
        writer.entries -= 1;
        let mut unused = Vec::new();
        match node.links() {
            // It still parts two prefixes.
            (1.., 1..) => node.set_slot(None),
            (0, 0) => {
                unused.push(place.link);
                match place.path.last().copied() {
                    // The parent has nothing left to part: its other child takes its place.
                    Some((link, parent)) if parent.slot().is_none() => {
                        let other = parent.child(!key.bit(parent.bits()));
                        place.path.pop();
                        self.hang(&place, key, other);
                        unused.push(link);
                    }
                    _ => self.hang(&place, key, 0),
                }
            }
            (child, 0) | (0, child) => {
                unused.push(place.link);
                self.hang(&place, key, child);
            }
        }
        self.version.fetch_add(1, Ordering::AcqRel);
        writer.values.back.push(slot);
        writer.nodes.back.extend(unused.iter().map(|link| link - 1));
        Ok(())
    }

    /// The key that follows: more specific prefixes come before the less specific ones that they match.
    pub(super) fn next_key(&self, key: Option<Bytes<'_>>, next: BytesMut<'_>) -> Result<(), Errno> {
        let _writer = self.lock();
        let after = key.and_then(|key| self.key(key)).and_then(|key| {
            let place = self.place(key);
            let node = self.node(place.link)?;
            let exact = node.slot().is_some() && node.bits() == place.shared && node.bits() == key.bits;
            exact.then_some(place)
        });
        let found = match after {
            None => self.first_below(self.root()),
            Some(place) => self.after(&place),
        };
        self.copy_key(found.ok_or(Errno::NotFound)?, next);
        Ok(())
    }

    /// All keys, in the order of [`Trie::next_key`].
    pub(super) fn keys(&self) -> Vec<Vec<u8>> {
        let _writer = self.lock();
        let mut keys = Vec::new();
        let mut found = self.first_below(self.root());
        while let Some(node) = found {
            let mut key = vec![0; LEN_BYTES + self.max_bits as usize / 8];
            self.copy_key(node, BytesMut::new(&mut key));
            let place = self.place(Key::new(node.bits(), Bytes::new(&key[LEN_BYTES..])));
            keys.push(key);
            found = self.after(&place);
        }
        keys
    }

    /// The entry that comes after one.
    fn after<'a>(&'a self, place: &Place<'a>) -> Option<Node<'a>> {
        let mut link = place.link;
        for &(above, parent) in place.path.iter().rev() {
            let (zero, one) = parent.links();
            if zero == link && one != 0 {
                return self.first_below(one);
            }
            if parent.slot().is_some() {
                return Some(parent);
            }
            link = above;
        }
        None
    }

    /// The entry in a subtree that comes first.
    fn first_below(&self, mut link: Link) -> Option<Node<'_>> {
        let mut first = None;
        while let Some(node) = self.node(link) {
            first = Some(node);
            let (zero, one) = node.links();
            link = if zero == 0 { one } else { zero };
        }
        first
    }

    fn place(&self, key: Key<'_>) -> Place<'_> {
        let mut place = Place { path: Vec::new(), link: self.root(), shared: 0 };
        while let Some(node) = self.node(place.link) {
            let bits = node.bits();
            place.shared = common(node.prefix(), key.word(), bits.min(key.bits));
            if bits != place.shared || bits == key.bits {
                break;
            }
            place.path.push((place.link, node));
            place.link = node.child(key.bit(bits));
        }
        place
    }

    /// Puts a node in the place at the end of a path.
    fn hang(&self, place: &Place<'_>, key: Key<'_>, link: Link) {
        match place.path.last() {
            Some((_, parent)) => parent.set_child(key.bit(parent.bits()), link),
            None => self.root.store(link.into(), Ordering::Release),
        }
    }

    fn new_node(&self, writer: &mut Writer, key: Key<'_>, bits: u32, slot: Option<u32>) -> (Link, Node<'_>) {
        let link = writer.nodes.take() + 1;
        let at = (link - 1) as usize * self.node_words;
        let node = Node { words: &self.nodes[at..at + self.node_words] };
        fence(Ordering::Release);
        node.words[0].store(0, Ordering::Relaxed);
        node.words[1].store(join(bits, slot.map_or(0, |slot| slot + 1)), Ordering::Relaxed);
        self.set_prefix(node, key);
        (link, node)
    }

    fn set_prefix(&self, node: Node<'_>, key: Key<'_>) {
        let word = key.word();
        for (i, to) in node.words[2..].iter().enumerate() {
            to.store(word(i), Ordering::Relaxed);
        }
    }

    fn copy_key(&self, node: Node<'_>, mut out: BytesMut<'_>) {
        out.set_front(node.bits());
        let (prefix, mut data) = (node.prefix(), out.skip(LEN_BYTES));
        for i in 0..self.node_words - 2 {
            data.set_word(i, prefix(i).to_be());
        }
    }

    fn root(&self) -> Link {
        halves(self.root.load(Ordering::Acquire)).0
    }

    #[inline]
    fn node(&self, link: Link) -> Option<Node<'_>> {
        let at = link.checked_sub(1)? as usize * self.node_words;
        Some(Node { words: &self.nodes[at..at + self.node_words] })
    }

    /// The key in a caller's bytes, if it is not longer than keys can be.
    fn key<'a>(&self, key: Bytes<'a>) -> Option<Key<'a>> {
        let bits = key.u32();
        (bits <= self.max_bits).then(|| Key::new(bits, key.skip(LEN_BYTES)))
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bit(prefix: impl Fn(usize) -> u64, at: u32) -> bool {
    prefix(at as usize / 64) >> (63 - at % 64) & 1 != 0
}
