//! Stores that nobody sees, and small ones side by side.
//!
//! Backwards through each block: a store is dead if its bytes are written again before anything may read them, or if they
//! are of a slot that nothing reads later. Then constants that are stored next to each other are stored at once.

use smallvec::SmallVec;

use super::Context;
use super::alias::{Address, Aliases, Class, Reach, Root};
use crate::Endian;
use crate::ir::{Access, Block, Callee, Cfg, Func, Op, Order, Slot, Term, Type, Value, Width};

/// How many written places are remembered.
const MAX_PLACES: usize = 32;

pub(super) fn run(func: &mut Func, context: &Context) -> bool {
    let has_stores =
        |v: &Value| matches!(func.node(*v).op, Op::Store { .. } | Op::Fill { .. } | Op::Copy { .. });
    if !func.blocks.iter().flat_map(|block| &block.insts).any(has_stores) {
        return false;
    }
    let cfg = Cfg::new(func);
    let aliases = Aliases::new(func, &cfg, context);
    let live = LiveSlots::new(func, &cfg, &aliases);
    let mut changed = false;
    for &block in &cfg.order {
        changed |= drop_dead(func, &aliases, &live, block);
        changed |= merge(func, &aliases, context.options.endian, block);
    }
    changed
}

/// Which slots something may read.
enum Reads {
    Nothing,
    /// Through an address, so many bytes.
    At(Address, u32),
    /// All that others know, and the slots that are passed.
    Shared(SmallVec<[Slot; 4]>),
    Everything,
}

fn reads(func: &Func, aliases: &Aliases, inst: Value) -> Reads {
    match &func.node(inst).op {
        Op::Load { ptr, offset, access, .. }
        | Op::Atomic { ptr, offset, access, .. }
        | Op::CmpXchg { ptr, offset, access, .. } => {
            if access.order != Order::Plain {
                return Reads::Shared(aliases.slot(*ptr).into_iter().collect());
            }
            let at = aliases.of(*ptr);
            match at.offset.checked_add((*offset).into()) {
                Some(offset) => Reads::At(Address { offset, ..at }, access.width.bytes().into()),
                None => Reads::Everything,
            }
        }
        Op::Copy { src, size, .. } => Reads::At(aliases.of(*src), *size),
        Op::Call { callee, args } => {
            let mut slots: SmallVec<[Slot; 4]> = args.iter().filter_map(|v| aliases.slot(*v)).collect();
            if let Callee::Value(target) = callee {
                slots.extend(aliases.slot(*target));
            }
            Reads::Shared(slots)
        }
        Op::Fence(_) => Reads::Shared(SmallVec::new()),
        Op::Store { access, .. } if access.order != Order::Plain => Reads::Shared(SmallVec::new()),
        Op::Asm(asm) if asm.memory => Reads::Everything,
        Op::Marker { .. } => Reads::Everything,
        _ => Reads::Nothing,
    }
}

/// For each block, whether a slot may be read behind it. Only of the first 64 slots.
struct LiveSlots {
    out: Vec<u64>,
}

impl LiveSlots {
    fn new(func: &Func, cfg: &Cfg, aliases: &Aliases) -> LiveSlots {
        let mut live = LiveSlots { out: vec![0; func.blocks.len()] };
        if func.slots.is_empty() {
            return live;
        }
        let slots = || (0..64.min(func.slots.len())).filter_map(|at| u32::try_from(at).ok()).map(Slot);
        let bit = |slot: Slot| if slot.0 < 64 { 1u64 << slot.0 } else { 0 };
        let escaped: u64 = slots().filter(|slot| aliases.reach(*slot) == Reach::Escaped).map(bit).sum();
        let mut read = vec![0u64; func.blocks.len()];
        for &block in &cfg.order {
            for &inst in &func.block(block).insts {
                read[block.0 as usize] |= match reads(func, aliases, inst) {
                    Reads::Nothing => 0,
                    Reads::At(Address { root: Root::Slot(slot), .. }, _) => bit(slot),
                    Reads::At(..) => escaped,
                    Reads::Shared(slots) => slots.iter().fold(escaped, |bits, slot| bits | bit(*slot)),
                    Reads::Everything => u64::MAX,
                };
            }
        }
        let mut changed = true;
        while changed {
            changed = false;
            for &block in cfg.order.iter().rev() {
                let mut out = 0;
                func.block(block).term.each_edge(|edge| {
                    let next = edge.block.0 as usize;
                    out |= live.out[next] | read[next];
                });
                changed |= live.out[block.0 as usize] != out;
                live.out[block.0 as usize] = out;
            }
        }
        live
    }

    fn is_dead(&self, block: Block, slot: Slot) -> bool {
        slot.0 < 64 && self.out[block.0 as usize] >> slot.0 & 1 == 0
    }
}

/// Bytes that are written before anybody reads them.
struct Place {
    at: Address,
    end: i64,
}

/// Takes out the stores of a block that nobody sees.
fn drop_dead(func: &mut Func, aliases: &Aliases, live: &LiveSlots, block: Block) -> bool {
    let ends = matches!(func.block(block).term, Term::Return(_));
    // Slots that nothing reads behind where we are.
    let mut dead: Vec<bool> = (0..func.slots.len())
        .map(|at| u32::try_from(at).is_ok_and(|at| ends || live.is_dead(block, Slot(at))))
        .collect();
    let mut places: SmallVec<[Place; 8]> = SmallVec::new();
    let mut gone: Vec<Value> = Vec::new();
    for &inst in func.block(block).insts.iter().rev() {
        if let Some((at, len)) = writes(func, aliases, inst) {
            let end = at.offset.saturating_add(len.into());
            let rewritten = places.iter().any(|place| {
                place.at.root == at.root
                    && place.at.via == at.via
                    && place.at.offset <= at.offset
                    && end <= place.end
            });
            let is_dead = matches!(at.root, Root::Slot(slot) if dead[slot.0 as usize]);
            if rewritten || is_dead {
                gone.push(inst);
                continue;
            }
            if places.len() >= MAX_PLACES {
                places.remove(0);
            }
            places.push(Place { at, end });
        }
        match reads(func, aliases, inst) {
            Reads::Nothing => {}
            Reads::At(at, len) => {
                let class = aliases.class(at.root);
                let reached = Aliases::reached_from(class);
                let end = at.offset.saturating_add(len.into());
                places.retain(|place| {
                    if place.at.root == at.root {
                        place.at.via == at.via && (place.at.offset >= end || at.offset >= place.end)
                    } else {
                        !reached.contains(&aliases.class(place.at.root))
                    }
                });
                match at.root {
                    Root::Slot(slot) => dead[slot.0 as usize] = false,
                    _ => forget_escaped(aliases, &mut dead),
                }
            }
            Reads::Shared(slots) => {
                slots.iter().for_each(|slot| dead[slot.0 as usize] = false);
                forget_escaped(aliases, &mut dead);
                places.retain(|place| match place.at.root {
                    Root::Slot(slot) => {
                        aliases.class(place.at.root) == Class::Private && !slots.contains(&slot)
                    }
                    _ => false,
                });
            }
            Reads::Everything => {
                dead.fill(false);
                places.clear();
            }
        }
    }
    if gone.is_empty() {
        return false;
    }
    // Found from the back.
    let mut next = gone.pop();
    func.block_mut(block).insts.retain(|inst| {
        let goes = next == Some(*inst);
        if goes {
            next = gone.pop();
        }
        !goes
    });
    true
}

fn forget_escaped(aliases: &Aliases, dead: &mut [bool]) {
    for (slot, dead) in (0..).zip(dead) {
        *dead &= aliases.reach(Slot(slot)) != Reach::Escaped;
    }
}

/// The bytes that an instruction writes, if it does nothing else.
fn writes(func: &Func, aliases: &Aliases, inst: Value) -> Option<(Address, u32)> {
    match func.node(inst).op {
        Op::Store { ptr, offset, access, .. } if access.is_plain() => {
            let at = aliases.of(ptr);
            let offset = at.offset.checked_add(offset.into())?;
            Some((Address { offset, ..at }, access.width.bytes().into()))
        }
        Op::Fill { dst, size, .. } | Op::Copy { dst, size, .. } => Some((aliases.of(dst), size)),
        _ => None,
    }
}

/// A store of a constant.
#[derive(Clone, Copy)]
struct Piece {
    inst: Value,
    ptr: Value,
    offset: i32,
    bytes: u8,
    align: u8,
    number: i64,
}

/// Merges stores of constants that lie next to each other, with nothing in between that touches memory.
fn merge(func: &mut Func, aliases: &Aliases, endian: Endian, block: Block) -> bool {
    let mut run: Vec<Piece> = Vec::new();
    let mut changes: Vec<Change> = Vec::new();
    for &inst in &func.block(block).insts {
        if let Some(piece) = piece(func, aliases, inst) {
            if run.first().is_some_and(|first| first.ptr != piece.ptr) {
                join(&mut run, endian, &mut changes);
            }
            run.push(piece);
        } else if !func.node(inst).op.is_pure() {
            join(&mut run, endian, &mut changes);
        }
    }
    join(&mut run, endian, &mut changes);
    if changes.is_empty() {
        return false;
    }
    let mut gone = Vec::new();
    for change in changes {
        let Op::Store { ptr, .. } = func.node(change.last).op else { continue };
        let ty = Type::Int(change.width.bits());
        let loc = func.node(change.last).loc;
        let value = func.new_node(Op::Const(ty.canonical(change.number)), Some(ty), loc);
        func.block_mut(Func::ENTRY).insts.insert(0, value);
        if let Some(slot) = aliases.slot(ptr) {
            let align = &mut func.slots[slot.0 as usize].align;
            *align = (*align).max(change.width.bytes().into());
        }
        let access =
            Access { width: change.width, volatile: false, order: Order::Plain, align: change.width.bytes() };
        func.node_mut(change.last).op = Op::Store { ptr, offset: change.offset, value, access };
        gone.extend(change.gone);
    }
    gone.sort_unstable();
    func.block_mut(block).insts.retain(|inst| gone.binary_search(inst).is_err());
    true
}

struct Change {
    /// The store that is done last, which becomes the wide one.
    last: Value,
    gone: SmallVec<[Value; 8]>,
    width: Width,
    offset: i32,
    number: i64,
}

fn piece(func: &Func, aliases: &Aliases, inst: Value) -> Option<Piece> {
    let Op::Store { ptr, offset, value, access } = func.node(inst).op else { return None };
    let number = func.as_const(value)?;
    if !access.is_plain() || func.ty(value).is_ptr() {
        return None;
    }
    let at = aliases.of(ptr);
    let mut align = access.align;
    if let (Root::Slot(slot), None) = (at.root, at.via) {
        let place = at.offset.checked_add(offset.into())?;
        let of_place = if place == 0 { 8 } else { 1 << place.trailing_zeros().min(3) };
        // The frame is ours: a slot is aligned as it is wanted.
        let of_slot =
            if func.slots[slot.0 as usize].size >= 8 { 8 } else { func.slots[slot.0 as usize].align };
        align = align.max(of_place.min(u8::try_from(of_slot).unwrap_or(8)));
    }
    Some(Piece { inst, ptr, offset, bytes: access.width.bytes(), align, number })
}

/// Finds what can be merged in a run of stores through one address.
fn join(run: &mut Vec<Piece>, endian: Endian, changes: &mut Vec<Change>) {
    let order: Vec<Value> = run.iter().map(|piece| piece.inst).collect();
    run.sort_by_key(|piece| piece.offset);
    // Stores that overlap depend on their order.
    if run.windows(2).any(|two| i64::from(two[0].offset) + i64::from(two[0].bytes) > i64::from(two[1].offset))
    {
        run.clear();
    }
    let mut at = 0;
    while at < run.len() {
        let found = [8u8, 4, 2].into_iter().find_map(|bytes| wide(&run[at..], bytes, endian));
        let Some((count, width, number)) = found else {
            at += 1;
            continue;
        };
        let pieces = &run[at..at + count];
        let last = order.iter().rev().find(|inst| pieces.iter().any(|piece| piece.inst == **inst));
        if let Some(&last) = last {
            let gone = pieces.iter().map(|piece| piece.inst).filter(|inst| *inst != last).collect();
            changes.push(Change { last, gone, width, offset: pieces[0].offset, number });
        }
        at += count;
    }
    run.clear();
}

/// The first pieces as one of so many bytes: how many they are, and the number. It must be an immediate.
fn wide(run: &[Piece], bytes: u8, endian: Endian) -> Option<(usize, Width, i64)> {
    let first = run[0];
    if first.align < bytes || first.bytes >= bytes {
        return None;
    }
    let (mut covered, mut count, mut number) = (0u8, 0, 0u64);
    while covered < bytes {
        let piece = run.get(count)?;
        if i64::from(piece.offset) != i64::from(first.offset) + i64::from(covered)
            || covered + piece.bytes > bytes
        {
            return None;
        }
        let bits = piece.number.cast_unsigned() & Type::Int(8 * piece.bytes).mask();
        let shift = match endian {
            Endian::Little => covered,
            Endian::Big => bytes - covered - piece.bytes,
        };
        number |= bits << (8 * shift);
        covered += piece.bytes;
        count += 1;
    }
    let number = Type::Int(8 * bytes).canonical(number.cast_signed());
    i32::try_from(number).ok()?;
    Some((count, Width::of_bytes(bytes.into())?, number))
}
