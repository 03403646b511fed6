//! What memory holds, as far as it is known.
//!
//! Each known piece of memory carries the time it became known. Writes through other addresses stamp classes of memory
//! with a time, path by path: a piece counts if no stamp of its class is younger. Writes through the same root take the
//! pieces that they overlap out of the table, for all paths: that forgets a little, and is never wrong. Where a loop
//! begins, all that its blocks write is forgotten in advance.

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use super::Gvn;
use crate::ir::{Access, Block, Callee, Cfg, Func, Op, Slot, Type, Value};
use crate::opt::alias::{self, Address, Aliases, Class, Root};
use crate::opt::loops::Loops;
use crate::opt::{Context, eval};
use crate::{Endian, Target};

/// How many pieces are remembered for each root.
const MAX_PIECES: usize = 24;

/// How many instructions of a loop are looked at where it begins; beyond, all is forgotten.
const MAX_LOOP: usize = 20_000;

pub(super) struct Memory<'a> {
    aliases: Aliases<'a>,
    pieces: FxHashMap<Root, SmallVec<[Piece; 2]>>,
    /// The time now.
    clock: u32,
    /// When each class was last written, on the ways to here.
    stamps: Stamps,
    /// The stamps at the ends of blocks.
    ends: Vec<Stamps>,
    /// Instructions of loops that were looked at.
    looked: usize,
}

type Stamps = [u32; Class::COUNT];

#[derive(Clone, Copy)]
struct Piece {
    via: Option<Value>,
    start: i64,
    len: u32,
    holds: Holds,
    home: Block,
    time: u32,
}

impl Piece {
    fn end(&self) -> i64 {
        self.start.saturating_add(self.len.into())
    }

    fn covers(&self, start: i64, len: u32) -> bool {
        self.start <= start && start.saturating_add(len.into()) <= self.end()
    }

    fn meets(&self, start: i64, len: u32) -> bool {
        self.start < start.saturating_add(len.into()) && start < self.end()
    }
}

#[derive(Clone, Copy)]
enum Holds {
    /// The low bits of a value.
    Value(Value),
    /// One byte, again and again.
    Byte(u8),
}

/// What an instruction does to memory.
enum Effect {
    None,
    /// Writes there; so many bytes, `None` if that is unknown.
    Write(Address, u32),
    /// What a call of unknown effect does to all memory that is not private, and to these slots.
    All(SmallVec<[Slot; 4]>),
    /// All memory, whatever is known of it.
    Everything,
}

impl<'a> Memory<'a> {
    pub(super) fn new(func: &Func, aliases: Aliases<'a>) -> Memory<'a> {
        Memory {
            aliases,
            pieces: FxHashMap::default(),
            clock: 1,
            stamps: [0; Class::COUNT],
            ends: vec![[0; Class::COUNT]; func.blocks.len()],
            looked: 0,
        }
    }

    /// Before a block.
    pub(super) fn enter(&mut self, func: &Func, cfg: &Cfg, loops: &Loops, context: &Context, block: Block) {
        let mut stamps = [0; Class::COUNT];
        for &pred in cfg.preds(block) {
            for (stamp, end) in stamps.iter_mut().zip(self.ends[pred.0 as usize]) {
                *stamp = end.max(*stamp);
            }
        }
        self.stamps = stamps;
        if loops.irreducible.contains(&block) {
            return self.forget_all();
        }
        let Some(around) = loops.of(block).map(|number| &loops.loops[number]) else { return };
        if around.header != block {
            return;
        }
        self.looked += around.blocks.iter().map(|block| func.block(*block).insts.len()).sum::<usize>();
        if self.looked > MAX_LOOP + 8 * func.nodes.len() {
            return self.forget_all();
        }
        for inner in &around.blocks {
            for &inst in &func.block(*inner).insts {
                let effect = self.effect(func, context, inst);
                self.apply(cfg, block, &effect);
            }
        }
    }

    /// Behind a block.
    pub(super) fn leave(&mut self, block: Block) {
        self.ends[block.0 as usize] = self.stamps;
    }

    /// An instruction; whether it goes.
    pub(super) fn inst(&mut self, gvn: &mut Gvn, inst: Value, block: Block) -> bool {
        self.aliases.add(gvn.func, inst);
        let context = gvn.context;
        match gvn.func.node(inst).op {
            Op::Load { ptr, offset, access, signed } if access.is_plain() => {
                let Some(at) = self.at(ptr, offset) else { return false };
                if self.forward(gvn, inst, block, at, access, signed) {
                    return true;
                }
                self.remember(at, access.width.bytes().into(), Holds::Value(inst), block);
                false
            }
            Op::Store { ptr, offset, value, access } if access.is_plain() => {
                let len = access.width.bytes().into();
                let Some(at) = self.at(ptr, offset) else {
                    self.forget_all();
                    return false;
                };
                if self.holds_already(gvn, at, len, value, block) {
                    gvn.changed = true;
                    return true;
                }
                self.apply(gvn.cfg, block, &Effect::Write(at, len));
                // Half a pointer is no value.
                if !gvn.func.ty(value).is_ptr() || len == 8 {
                    self.remember(at, len, Holds::Value(value), block);
                }
                false
            }
            Op::Fill { dst, byte, size, .. } => {
                let at = self.aliases.of(dst);
                self.apply(gvn.cfg, block, &Effect::Write(at, size));
                self.remember(at, size, Holds::Byte(byte), block);
                false
            }
            Op::Copy { dst, src, size, align } => {
                let (from, to) = (self.aliases.of(src), self.aliases.of(dst));
                let filled = self.known(gvn.cfg, from, block).find_map(|piece| match piece.holds {
                    Holds::Byte(byte) if piece.covers(from.offset, size) => Some(byte),
                    _ => None,
                });
                self.apply(gvn.cfg, block, &Effect::Write(to, size));
                if let Some(byte) = filled {
                    gvn.changed = true;
                    gvn.func.node_mut(inst).op = Op::Fill { dst, byte, size, align };
                    self.remember(to, size, Holds::Byte(byte), block);
                }
                false
            }
            _ => {
                let effect = self.effect(gvn.func, context, inst);
                self.apply(gvn.cfg, block, &effect);
                false
            }
        }
    }

    /// The place of an access.
    fn at(&self, ptr: Value, offset: i32) -> Option<Address> {
        let address = self.aliases.of(ptr);
        Some(Address { offset: address.offset.checked_add(offset.into())?, ..address })
    }

    fn effect(&self, func: &Func, context: &Context, inst: Value) -> Effect {
        let op = &func.node(inst).op;
        match op {
            Op::Store { ptr, offset, access, .. } if access.order == crate::ir::Order::Plain => self
                .at(*ptr, *offset)
                .map_or(Effect::Everything, |at| Effect::Write(at, access.width.bytes().into())),
            Op::Copy { dst, size, .. } | Op::Fill { dst, size, .. } => {
                Effect::Write(self.aliases.of(*dst), *size)
            }
            Op::Load { access, .. } if access.order == crate::ir::Order::Plain => Effect::None,
            // Others may have written in between: what was known of shared memory is not known any more.
            Op::Load { ptr, .. }
            | Op::Store { ptr, .. }
            | Op::Atomic { ptr, .. }
            | Op::CmpXchg { ptr, .. } => Effect::All(self.aliases.slot(*ptr).into_iter().collect()),
            Op::Call { callee: Callee::Helper(id), args } if context.options.target == Target::Kernel => {
                if alias::only_reads(*id) {
                    Effect::None
                } else if alias::leaves_slots(*id) {
                    Effect::All(SmallVec::new())
                } else {
                    Effect::All(args.iter().filter_map(|v| self.aliases.slot(*v)).collect())
                }
            }
            Op::Call { args, .. } => Effect::All(args.iter().filter_map(|v| self.aliases.slot(*v)).collect()),
            Op::Fence(_) => Effect::All(SmallVec::new()),
            Op::Marker { .. } => Effect::Everything,
            Op::Asm(asm) if asm.memory => Effect::Everything,
            _ => Effect::None,
        }
    }

    /// Forgets what an effect may change.
    fn apply(&mut self, cfg: &Cfg, block: Block, effect: &Effect) {
        match effect {
            Effect::None => {}
            Effect::Write(address, len) => self.write(cfg, block, *address, *len),
            Effect::All(slots) => {
                self.clock += 1;
                for class in [Class::Escaped, Class::Symbol, Class::Arg, Class::Other] {
                    self.stamps[class as usize] = self.clock;
                }
                for slot in slots {
                    self.pieces.remove(&Root::Slot(*slot));
                }
            }
            Effect::Everything => self.forget_all(),
        }
    }

    fn forget_all(&mut self) {
        self.clock += 1;
        self.stamps = [self.clock; Class::COUNT];
    }

    fn write(&mut self, cfg: &Cfg, block: Block, address: Address, len: u32) {
        let class = self.aliases.class(address.root);
        let reached = Aliases::reached_from(class);
        let before = self.stamps[class as usize];
        self.clock += 1;
        for class in reached {
            self.stamps[*class as usize] = self.clock;
        }
        let Some(pieces) = self.pieces.get_mut(&address.root) else { return };
        pieces.retain(|piece| piece.via == address.via && !piece.meets(address.offset, len));
        if reached.contains(&class) {
            // The class was written, but not what this write does not overlap: that is known anew, from here on. On
            // other ways here it may have been unknown already, so it belongs to this block now.
            pieces.retain(|piece| piece.time > before && cfg.dominates(piece.home, block));
            self.clock += 1;
            for piece in pieces {
                (piece.home, piece.time) = (block, self.clock);
            }
        }
    }

    fn remember(&mut self, at: Address, len: u32, holds: Holds, home: Block) {
        self.clock += 1;
        let pieces = self.pieces.entry(at.root).or_default();
        if pieces.len() >= MAX_PIECES {
            pieces.remove(0);
        }
        pieces.push(Piece { via: at.via, start: at.offset, len, holds, home, time: self.clock });
    }

    /// The pieces around an address of which is known what they hold, the youngest first.
    fn known<'b>(&'b self, cfg: &'b Cfg, at: Address, block: Block) -> impl Iterator<Item = Piece> + 'b {
        let since = self.stamps[self.aliases.class(at.root) as usize];
        let pieces = self.pieces.get(&at.root).map_or(&[][..], |pieces| &pieces[..]);
        let holds = move |piece: &Piece| {
            piece.via == at.via && piece.time > since && cfg.dominates(piece.home, block)
        };
        pieces.iter().rev().copied().filter(holds)
    }

    /// Lets a load take what is known to be there.
    fn forward(
        &self,
        gvn: &mut Gvn,
        inst: Value,
        block: Block,
        at: Address,
        access: Access,
        signed: bool,
    ) -> bool {
        let len = u32::from(access.width.bytes());
        let start = at.offset;
        let Some(piece) = self.known(gvn.cfg, at, block).find(|piece| piece.covers(start, len)) else {
            return false;
        };
        let ty = gvn.func.ty(inst);
        let bits = access.width.bits();
        let number = match piece.holds {
            Holds::Byte(byte) => Some(i64::from_le_bytes([byte; 8])),
            Holds::Value(value) if piece.len == len => {
                let from = gvn.func.ty(value);
                // A pointer that was read from 32 bits is not what 32 bits hold; nor is one of another space.
                if from != ty
                    && (from.is_ptr() || ty.is_ptr())
                    && (bits != 64 || from.is_ptr() == ty.is_ptr())
                {
                    return false;
                }
                gvn.convert(inst, value, bits, signed, block);
                return true;
            }
            Holds::Value(value) => gvn.func.as_const(value).map(|number| {
                let skipped = u32::try_from(start - piece.start).unwrap_or(0);
                let shift = match gvn.context.options.endian {
                    Endian::Little => skipped,
                    Endian::Big => piece.len - skipped - len,
                };
                number >> (8 * shift)
            }),
        };
        let (Some(number), Type::Int(_)) = (number, ty) else { return false };
        let narrow = Type::Int(bits);
        let number = if signed { narrow.canonical(number) } else { eval::bits(narrow, number).cast_signed() };
        let value = gvn.insert(Op::Const(ty.canonical(number)), ty, inst, block);
        gvn.replace(inst, value);
        true
    }

    /// Whether memory holds a value already.
    fn holds_already(&self, gvn: &Gvn, at: Address, len: u32, value: Value, block: Block) -> bool {
        let mut known = self.known(gvn.cfg, at, block);
        known.any(|piece| match piece.holds {
            Holds::Value(it) => {
                let same = it == value
                    || gvn.func.as_const(it).is_some_and(|number| {
                        let narrow = Type::Int(u8::try_from(8 * len).unwrap_or(64));
                        gvn.func
                            .as_const(value)
                            .is_some_and(|other| narrow.canonical(number) == narrow.canonical(other))
                    });
                same && piece.start == at.offset && piece.len == len && !is_narrow_load(gvn.func, it, len)
            }
            Holds::Byte(byte) => {
                let narrow = Type::Int(u8::try_from(8 * len).unwrap_or(64));
                piece.covers(at.offset, len)
                    && gvn.func.as_const(value).is_some_and(|number| {
                        narrow.canonical(number) == narrow.canonical(i64::from_le_bytes([byte; 8]))
                    })
            }
        })
    }
}

/// Whether a pointer was read from fewer bytes than it has.
fn is_narrow_load(func: &Func, value: Value, len: u32) -> bool {
    func.ty(value).is_ptr() && len != 8
}
