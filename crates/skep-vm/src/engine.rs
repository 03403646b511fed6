//! Engines: what images are added to.
#![expect(unsafe_code, reason = "making an engine that trusts its programs is unsafe")]

use std::fmt;
use std::marker::PhantomData;

use skep_btf::maps::MapType;
use skep_insn::Endian;
use skep_object::{Image, MapDef, check};

use crate::error::Error;
use crate::host::Hosts;
use crate::map::{self, Map};
use crate::memory::{Checked, Host, Memory};
use crate::run::{Limits, MAX_FRAME};
use crate::unit::{Unit, UnitInner};

/// Runs programs in one memory mode: [`Host`] or [`Checked`].
///
/// It is cheap to clone, and what was added to it lives as long as its handles.
///
/// ```
/// use skep_vm::{Engine, Hosts};
///
/// let object = skep_object::asm::assemble("add.s", ".globl add\nadd: r0 = r1\n r0 += r2\n exit\n").unwrap();
/// let image = skep_link::link(&object, &skep_link::Options::new())?;
/// let unit = Engine::checked(Hosts::new()).add(&image)?;
/// let add = unit.func("add").ok_or("no function 'add'")?;
/// assert_eq!(add.call(&[40, 2])?, 42);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Engine<M: Memory> {
    hosts: Hosts,
    limits: Limits,
    /// For the maps and data of an image, in bytes.
    memory: u64,
    mode: PhantomData<M>,
}

impl Engine<Host> {
    /// An engine whose programs are trusted like native code: their pointers are host addresses.
    ///
    /// # Safety
    /// Every image that is added must be one whose authors are trusted as those of the host program are. A wild
    /// pointer in it has the consequences of a wild pointer in C. The same holds for what programs are given to work with:
    /// arguments of calls, registers that hooks set, what maps and data hold.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts};
    ///
    /// let text = ".globl main\nmain: r1 = text ll\n call strlen\n exit\n.rodata\ntext: .asciz \"hive\"\n";
    /// let object = skep_object::asm::assemble("len.s", text).unwrap();
    /// // SAFETY: the program above is ours.
    /// let engine = unsafe { Engine::trusting(Hosts::new().process()) };
    /// let unit = engine.add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// assert_eq!(unit.func("main").ok_or("no main")?.call(&[])?, 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub unsafe fn trusting(hosts: Hosts) -> Self {
        Self::with_hosts(hosts, u64::MAX)
    }
}

impl Engine<Checked> {
    /// An engine whose programs may only touch their own memory and what the host grants.
    ///
    /// Whatever an image holds and its programs do, the host's memory is safe. So is its time, where calls have a
    /// [budget](crate::Call::budget) or a [stop handle](crate::Call::stop).
    #[must_use]
    pub fn checked(hosts: Hosts) -> Self {
        Self::with_hosts(hosts, 4 << 30)
    }
}

impl<M: Memory> Engine<M> {
    fn with_hosts(hosts: Hosts, memory: u64) -> Self {
        Engine { hosts, limits: Limits { depth: 512, frame_bytes: 512 }, memory, mode: PhantomData }
    }

    /// Sets how many frames calls may nest; 512 unless set. At most 2^20.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts, TrapKind};
    ///
    /// let object = skep_object::asm::assemble("deep.s", ".globl f\nf: call f\n exit\n").unwrap();
    /// let engine = Engine::checked(Hosts::new()).max_depth(8);
    /// let unit = engine.add(&skep_link::link(&object, &skep_link::Options::new())?)?;
    /// let trap = unit.func("f").ok_or("no f")?.call(&[]).unwrap_err();
    /// assert_eq!((trap.kind, trap.trace.len()), (TrapKind::Depth { limit: 8 }, 8));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn max_depth(mut self, frames: u32) -> Self {
        self.limits.depth = frames.clamp(1, 1 << 20);
        self
    }

    /// Sets the size of each frame in bytes, rounded up to 16; 512 unless set, as the kernel has it. At most 64 KiB.
    ///
    /// Trusted programs get larger ones where their code shows that they use more: nothing else would keep a function from
    /// writing over the frames of its callees.
    #[must_use]
    pub fn frame_bytes(mut self, bytes: u32) -> Self {
        self.limits.frame_bytes = bytes.clamp(16, MAX_FRAME).next_multiple_of(16);
        self
    }

    /// Sets how many bytes the maps and data of an image may take together; 4 GiB for checked programs, any number for
    /// trusted ones unless set. Memory is only taken as it is used, so this is about the most that an image can come to use.
    #[must_use]
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// Adds an image: places its data, makes its maps, resolves what it imports, and decodes its functions.
    ///
    /// # Errors
    /// If the image is unsound, of the other byte order or too large, a name is not defined, a map cannot be made, or an
    /// instruction has no meaning in user space. All missing names, up to a hundred, are told at once.
    pub fn add(&self, image: &Image) -> Result<Unit, Error> {
        self.prove(image, image.maps.iter().map(|map| map_bytes(&map.def)))?;
        let make = |map: &skep_object::image::Map| {
            Map::new(&map.def).map_err(|source| Error::Map { name: map.def.name.clone(), source })
        };
        self.build(image, image.maps.iter().map(make).collect::<Result<_, _>>()?)
    }

    /// Adds an image that uses these maps, in the order of [`Image::maps`], instead of its own. So units share maps.
    ///
    /// ```
    /// use skep_vm::{Engine, Hosts, Map};
    ///
    /// let text = ".globl f\nf: r0 = 0\n exit\n.map counts, type=array, key=4, value=8, max_entries=1\n";
    /// let object = skep_object::asm::assemble("f.s", text).unwrap();
    /// let image = skep_link::link(&object, &skep_link::Options::new())?;
    /// let counts = Map::new(&image.maps[0].def)?;
    /// let unit = Engine::checked(Hosts::new()).add_with_maps(&image, vec![counts.clone()])?;
    /// assert_eq!(unit.map("counts"), Some(&counts));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Engine::add`]; also if the number of maps differs.
    pub fn add_with_maps(&self, image: &Image, maps: Vec<Map>) -> Result<Unit, Error> {
        self.prove(image, [])?;
        let (found, expected) = (maps.len(), image.maps.len());
        if found != expected {
            return Err(Error::Maps { found, expected });
        }
        self.build(image, maps)
    }

    /// What the rest relies on: it indexes with what stands in an image, as translated code does.
    fn prove(&self, image: &Image, maps: impl IntoIterator<Item = u64>) -> Result<(), Error> {
        check::image(image)?;
        let big = cfg!(target_endian = "big");
        if (image.endian == Endian::Big) != big {
            return Err(Error::Endian { image: image.name.clone(), big });
        }
        let data = image.data.iter().map(|data| data.size);
        let bytes = data.chain(maps).fold(0, u64::saturating_add);
        if bytes > self.memory {
            return Err(Error::Memory { image: image.name.clone(), bytes, limit: self.memory });
        }
        Ok(())
    }

    fn build(&self, image: &Image, maps: Vec<Map>) -> Result<Unit, Error> {
        UnitInner::build(image.clone(), &self.hosts, self.limits, M::CHECKED, maps).map(Unit)
    }
}

impl<M: Memory> fmt::Debug for Engine<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("mode", &if M::CHECKED { "checked" } else { "host" })
            .field("max_depth", &self.limits.depth)
            .field("frame_bytes", &self.limits.frame_bytes)
            .field("max_memory", &self.memory)
            .field("hosts", &self.hosts)
            .finish()
    }
}

/// About how much memory a full map takes.
fn map_bytes(def: &MapDef) -> u64 {
    let words = |bytes: u32| u64::from(bytes).next_multiple_of(8);
    let per_cpu = matches!(def.ty, MapType::PERCPU_ARRAY | MapType::PERCPU_HASH | MapType::LRU_PERCPU_HASH);
    let values = words(def.value_size) * if per_cpu { u64::from(map::cpu::count()) } else { 1 };
    let entry = match def.ty {
        MapType::RINGBUF => 2,
        MapType::PROG_ARRAY => 8,
        MapType::ARRAY | MapType::PERCPU_ARRAY | MapType::QUEUE | MapType::STACK => values,
        MapType::LPM_TRIE => values.saturating_add(2 * (16 + words(def.key_size))),
        _ => values.saturating_add(words(def.key_size) + 24),
    };
    entry.saturating_mul(def.max_entries.into())
}
