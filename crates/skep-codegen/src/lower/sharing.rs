//! Which slots of the frame may have the same room: those that never hold anything of use at the same time.
//!
//! A slot holds something of use at a place if an instruction before may have touched it, and one behind may read it
//! before all of it is written anew. Nothing else is known of lifetimes. A slot whose address goes where it cannot be
//! followed, into memory or into a function that may keep it, is of use from its first touch to the end.

use regalloc2::OperandKind;
use smallvec::SmallVec;

use super::machine::{At, FramePlace, Kind, MInst, Program};

/// A set of slots, by their place in the list of those in question.
type Slots = u128;

/// How many slots are looked at; in a frame with more, each has room of its own.
const MOST: usize = 128;

/// The same for all slots' bytes in a row, times blocks.
const LIMIT: usize = 1 << 20;

/// Helpers that call a function of the program, which may put what it is given into memory.
const CALLING: [u32; 5] = [164, 170, 180, 181, 209];

/// Slots that must not share room.
pub(super) struct Conflicts {
    /// The place of a slot in the list of those in question.
    places: Vec<usize>,
    with: Vec<Slots>,
}

impl Conflicts {
    /// Looks through a function; `sizes` of slots that it does not use are `None`. Nothing if it has too much of them,
    /// and each is to have room of its own. `keeps` tells that helpers, too, may keep what they are given.
    pub(super) fn find(program: &Program, sizes: &[Option<u32>], keeps: bool) -> Option<Conflicts> {
        let count = sizes.iter().flatten().count();
        let bytes: usize = sizes.iter().flatten().map(|&size| size as usize).sum();
        if !(2..=MOST).contains(&count) || bytes.saturating_mul(program.blocks.len()) > LIMIT {
            return None;
        }
        let mut places = vec![usize::MAX; sizes.len()];
        let mut spans = Vec::with_capacity(count);
        let mut start = 0;
        for (at, size) in sizes.iter().enumerate() {
            if let Some(size) = *size {
                places[at] = spans.len();
                spans.push((start, start + size as usize));
                start += size as usize;
            }
        }
        let mut scan = Scan {
            program,
            touches: Vec::new(),
            ends: Vec::with_capacity(program.blocks.len()),
            places: &places,
            spans,
            pointers: vec![0; program.vreg_count as usize],
            escaped: 0,
            keeps,
        };
        scan.follow();
        scan.list();
        let with = scan.conflicts();
        Some(Conflicts { places, with })
    }

    /// Whether two slots must not share room.
    pub(super) fn between(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.places[a], self.places[b]);
        self.with[a] >> b & 1 != 0
    }
}

struct Scan<'a> {
    program: &'a Program,
    /// What instructions do to slots, and for each block where the list of its own ends.
    touches: Vec<Touch>,
    ends: Vec<usize>,
    places: &'a [usize],
    /// Bytes of each slot in question, in a row of all of them.
    spans: Vec<(usize, usize)>,
    /// The slots that a virtual register may point into.
    pointers: Vec<Slots>,
    /// Slots whose addresses cannot be followed.
    escaped: Slots,
    keeps: bool,
}

/// What an instruction does to slots.
#[derive(Clone, Copy)]
struct Touch {
    /// All slots that it names or reaches.
    all: Slots,
    /// Those that it may read.
    read: Slots,
    /// What it writes for sure: bytes of one slot.
    written: Option<(usize, i32, i32)>,
}

impl Scan<'_> {
    fn slot(&self, place: FramePlace) -> usize {
        self.places[place.slot.0 as usize]
    }

    /// Follows addresses from register to register.
    fn follow(&mut self) {
        let program = self.program;
        loop {
            let mut changed = false;
            for block in &program.blocks {
                for inst in &program.insts[block.insts.0 as usize..block.insts.1 as usize] {
                    let found = match inst.kind {
                        Kind::Frame(place) => 1 << self.slot(place),
                        _ => self.moved(inst),
                    };
                    if found != 0 {
                        for operand in program.operands_of(inst) {
                            if operand.kind() == OperandKind::Def {
                                changed |= self.points(operand.vreg().vreg(), found);
                            }
                        }
                    }
                }
                if let [succ] = program.edges[block.succs.0 as usize..block.succs.1 as usize] {
                    let (params, args) = (program.blocks[succ.index()].params, block.args);
                    for (param, arg) in (params.0..params.1).zip(args.0..args.1) {
                        let found = self.pointers[program.vregs[arg as usize].vreg()];
                        changed |= self.points(program.vregs[param as usize].vreg(), found);
                    }
                }
            }
            if !changed {
                return;
            }
        }
    }

    fn points(&mut self, reg: usize, slots: Slots) -> bool {
        let known = &mut self.pointers[reg];
        let changed = *known | slots != *known;
        *known |= slots;
        changed
    }

    /// The slots whose addresses an instruction may give on in its result. Notes those that it lets escape.
    fn moved(&mut self, inst: &MInst) -> Slots {
        let read = self.read_pointers(inst);
        if read == 0 {
            return 0;
        }
        match inst.kind {
            Kind::Mov(_)
            | Kind::Alu(..)
            | Kind::AluImm(..)
            | Kind::Neg(_)
            | Kind::Swap(..)
            | Kind::MovSx(..)
            | Kind::Cast { .. }
            | Kind::Select { .. } => read,
            Kind::Load { .. } | Kind::StoreImm { .. } | Kind::LoadAcquire { .. } => 0,
            Kind::Store { at, .. }
            | Kind::StoreRelease { at, .. }
            | Kind::Atomic { at, .. }
            | Kind::Fetch { at, .. }
            | Kind::CmpXchg { at, .. }
            | Kind::AtomicLoop { at, .. } => {
                self.escaped |= self.values(inst, at);
                0
            }
            Kind::CallHelper(id) if !self.keeps && !CALLING.contains(&id) => 0,
            Kind::Jump | Kind::Branch { .. } | Kind::BranchImm { .. } | Kind::MayGoto | Kind::Trap => 0,
            _ => {
                self.escaped |= read;
                0
            }
        }
    }

    /// The slots that registers which an instruction reads may point into.
    fn read_pointers(&self, inst: &MInst) -> Slots {
        let operands = self.program.operands_of(inst).iter();
        let read = operands.filter(|operand| operand.kind() == OperandKind::Use);
        read.fold(0, |slots, operand| slots | self.pointers[operand.vreg().vreg()])
    }

    /// The same of what it writes to memory: all that it reads but the address.
    fn values(&self, inst: &MInst, at: At) -> Slots {
        let operands = self.program.operands_of(inst);
        let values = match at {
            At::Frame(_) => operands,
            At::Reg(_) | At::Core(..) => operands.split_last().map_or(operands, |(_, values)| values),
        };
        let read = values.iter().filter(|operand| operand.kind() == OperandKind::Use);
        read.fold(0, |slots, operand| slots | self.pointers[operand.vreg().vreg()])
    }

    /// Lists what the instructions do.
    fn list(&mut self) {
        for block in &self.program.blocks {
            for inst in &self.program.insts[block.insts.0 as usize..block.insts.1 as usize] {
                let touch = self.touch(inst);
                if touch.all != 0 {
                    self.touches.push(touch);
                }
            }
            self.ends.push(self.touches.len());
        }
    }

    /// What is done in a block.
    fn touches_of(&self, block: usize) -> &[Touch] {
        let start = block.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.touches[start..self.ends[block]]
    }

    fn touch(&self, inst: &MInst) -> Touch {
        let pointers = self.read_pointers(inst);
        let mut touch = Touch { all: pointers, read: pointers, written: None };
        match inst.kind {
            Kind::Frame(place) => touch.all |= 1 << self.slot(place),
            Kind::Store { size, at: At::Frame(place) }
            | Kind::StoreImm { size, at: At::Frame(place), .. } => {
                let slot = self.slot(place);
                touch.all |= 1 << slot;
                let bytes = i32::from(size.bytes());
                touch.written = Some((slot, place.offset, place.offset.saturating_add(bytes)));
            }
            Kind::Load { at: At::Frame(place), .. }
            | Kind::Atomic { at: At::Frame(place), .. }
            | Kind::Fetch { at: At::Frame(place), .. }
            | Kind::CmpXchg { at: At::Frame(place), .. }
            | Kind::AtomicLoop { at: At::Frame(place), .. }
            | Kind::LoadAcquire { at: At::Frame(place), .. }
            | Kind::StoreRelease { at: At::Frame(place), .. } => {
                touch.all |= 1 << self.slot(place);
                touch.read |= 1 << self.slot(place);
            }
            _ => {}
        }
        touch
    }

    fn conflicts(&self) -> Vec<Slots> {
        let touched = self.touched();
        let bytes = self.spans.last().map_or(0, |span| span.1);
        let mut live = Bytes { row: bytes.div_ceil(64), words: Vec::new() };
        live.words.resize(live.row * self.program.blocks.len(), 0);
        let mut with = vec![0; self.spans.len()];
        let mut now = vec![0; live.row];
        loop {
            let mut changed = false;
            for (at, &touched) in touched.iter().enumerate().rev() {
                self.block(at, touched, &live, &mut now, None);
                changed |= live.set(at, &now);
            }
            if !changed {
                break;
            }
        }
        for (at, &touched) in touched.iter().enumerate() {
            self.block(at, touched, &live, &mut now, Some(&mut with));
        }
        for a in 0..with.len() {
            for b in 0..with.len() {
                with[b] |= (with[a] >> b & 1) << a;
            }
        }
        with
    }

    /// For each block, the slots that a way to its beginning may have touched.
    fn touched(&self) -> Vec<Slots> {
        let blocks = &self.program.blocks;
        let own = |at| self.touches_of(at).iter().fold(0, |slots, touch| slots | touch.all);
        let own: Vec<Slots> = (0..blocks.len()).map(own).collect();
        let mut touched = vec![0; blocks.len()];
        loop {
            let mut changed = false;
            for (at, own) in own.iter().enumerate() {
                let out = touched[at] | own;
                for succ in self.program.succs(at) {
                    let next: &mut Slots = &mut touched[succ.index()];
                    changed |= *next | out != *next;
                    *next |= out;
                }
            }
            if !changed {
                return touched;
            }
        }
    }

    /// Walks a block backwards: what is of use at its beginning, and what conflicts there are.
    fn block(
        &self,
        at: usize,
        touched: Slots,
        live: &Bytes,
        now: &mut [u64],
        mut with: Option<&mut [Slots]>,
    ) {
        now.fill(0);
        for succ in self.program.succs(at) {
            now.iter_mut().zip(live.of(succ.index())).for_each(|(now, live)| *now |= live);
        }
        let touches = self.touches_of(at);
        // Which slots have been touched before, at the end.
        let mut before = touched;
        let mut firsts: SmallVec<[(usize, Slots); 8]> = SmallVec::new();
        for (at, touch) in touches.iter().enumerate() {
            let first = touch.all & !before;
            if first != 0 {
                firsts.push((at, first));
                before |= first;
            }
        }
        each(self.escaped & before, |slot| fill(now, self.spans[slot]));
        for (at, touch) in touches.iter().enumerate().rev() {
            let after = with.as_ref().map_or(0, |_| self.slots_of(now));
            if let Some((slot, from, to)) = touch.written
                && self.escaped >> slot & 1 == 0
            {
                let span = self.spans[slot];
                let clip = |offset: i32| {
                    usize::try_from(offset).map_or(span.0, |offset| (span.0 + offset).min(span.1))
                };
                clear(now, (clip(from), clip(to)));
            }
            each(touch.read, |slot| fill(now, self.spans[slot]));
            if let Some(with) = &mut with {
                let here = after | self.slots_of(now) | touch.all;
                each(touch.all, |slot| with[slot] |= here & !(1 << slot));
            }
            if let Some(&(first, slots)) = firsts.last()
                && first == at
            {
                each(slots, |slot| clear(now, self.spans[slot]));
                firsts.pop();
            }
        }
    }

    /// The slots with bytes in a set.
    fn slots_of(&self, bytes: &[u64]) -> Slots {
        let any = |&(from, to): &(usize, usize)| (from..to).any(|at| bytes[at / 64] >> (at % 64) & 1 != 0);
        self.spans.iter().rev().fold(0, |slots, span| slots << 1 | Slots::from(any(span)))
    }
}

/// A set of bytes for each block.
struct Bytes {
    words: Vec<u64>,
    row: usize,
}

impl Bytes {
    fn of(&self, block: usize) -> &[u64] {
        &self.words[block * self.row..][..self.row]
    }

    fn set(&mut self, block: usize, to: &[u64]) -> bool {
        let row = &mut self.words[block * self.row..][..self.row];
        let changed = *row != *to;
        row.copy_from_slice(to);
        changed
    }
}

fn each(mut slots: Slots, mut f: impl FnMut(usize)) {
    while slots != 0 {
        f(slots.trailing_zeros() as usize);
        slots &= slots - 1;
    }
}

/// The bits of one word that a range of bytes has.
fn masks((from, to): (usize, usize)) -> impl Iterator<Item = (usize, u64)> {
    (from / 64..to.div_ceil(64)).filter(move |_| from < to).map(move |word| {
        let low = from.saturating_sub(word * 64);
        let high = (to - word * 64).min(64);
        (word, (u64::MAX >> (64 - (high - low))) << low)
    })
}

fn fill(bytes: &mut [u64], range: (usize, usize)) {
    masks(range).for_each(|(word, mask)| bytes[word] |= mask);
}

fn clear(bytes: &mut [u64], range: (usize, usize)) {
    masks(range).for_each(|(word, mask)| bytes[word] &= !mask);
}
