//! Random modules that mean something: what they compute does not depend on addresses, they access what is theirs and
//! was written, and they end.
//!
//! `main` takes the address of [`MEMORY`] bytes and, in user space, their number. It works on the first part of
//! them, and leaves there what its last values are, besides its result. The other functions are local; each calls those
//! behind it only, or itself with a depth that decreases.

mod control;
mod memory;
mod twins;
mod values;

use std::ops::Range;

use skep_btf::maps::{MapDecl, MapType, Part};
use skep_codegen::ir::{
    BinOp, Block, Cond, Edge, Func, Global, Init, Inline, Linkage, Loc, Map, Module, Op, Place, Signature,
    Slot, SlotData, Symbol, SymbolId, SymbolKind, Term, Type, Value, Values,
};

use crate::random::Random;

/// For whom a module is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// User space: whatever the IR has.
    User,
    /// The kernel: few rounds, five arguments, no recursion.
    Kernel,
}

/// Bytes of memory that `main` gets.
pub const MEMORY: usize = 1024;
/// Where in them `main` leaves its last values: 8 bytes each.
pub const LAST: Range<usize> = 768..1024;
/// Bytes that a pointer which is passed to a function has at least.
const PASSED: u32 = 32;

/// A random module; the same numbers give the same one.
#[must_use]
pub fn module(random: &mut Random, profile: Profile) -> Module {
    let mut module = Module::new("random");
    module.license = Some("GPL".to_owned());
    module.file("random.sir");
    let globals = match profile {
        Profile::User => random.below(4),
        Profile::Kernel => random.below(3),
    };
    let mut world = World::default();
    for index in 0..globals {
        let (size, align, read_only) = (8 * (1 + random.below(8)), 1 << random.below(4), random.once_in(3));
        let init = contents(random, size);
        let global = Global { size: small(size), align, read_only, init, ty: None };
        let linkage = random.pick(&[Linkage::Global, Linkage::Local]);
        let symbol = Symbol {
            name: format!("g{index}"),
            linkage,
            section: None,
            kind: SymbolKind::Global(global),
            loc: Loc::UNKNOWN,
        };
        let id = module.add_symbol(symbol);
        world.variables.push(Variable { id, size: small(size), align, read_only });
    }
    if profile == Profile::User && random.once_in(3) && globals > 0 {
        let to = random.below(globals);
        let addend = random.below(world.variables[to].size as usize);
        let address = Init::Address { symbol: world.variables[to].id, addend: small(addend).into() };
        let id = pointers(&mut module, "link", vec![address], random.once_in(2));
        world.links.push(Link { id, to, addend: small(addend) });
    }
    for index in 0..random.below(3).saturating_sub(usize::from(random.once_in(2))) {
        let is_array = random.once_in(2);
        let value = 8 * (1 + small(random.below(4)));
        let decl = MapDecl {
            key: Part::Size(if is_array { 4 } else { 8 }),
            value: Part::Size(value),
            max_entries: 4,
            ..MapDecl::new(if is_array { MapType::ARRAY } else { MapType::HASH })
        };
        let id = module.add_symbol(Symbol {
            name: format!("m{index}"),
            linkage: Linkage::Global,
            section: None,
            kind: SymbolKind::Map(Map { decl, values: Vec::new() }),
            loc: Loc::UNKNOWN,
        });
        world.maps.push(MapOf { id, is_array, value });
    }
    let count = random.below(4);
    let main_id = declare(&mut module, "main", Linkage::Global);
    let ids: Vec<SymbolId> =
        (0..count).map(|index| declare(&mut module, &format!("f{index}"), Linkage::Local)).collect();
    let mut funcs = Vec::new();
    for &id in ids.iter().rev() {
        let recursive = profile == Profile::User && random.once_in(4);
        let sig = match world.callees.last() {
            Some(callee) if !recursive && !callee.recursive && random.once_in(3) => callee.sig.clone(),
            _ => signature(random, profile, recursive),
        };
        if sig.params.len() <= 5
            && !recursive
            && !sig.params.iter().any(|ty| ty.is_ptr())
            && random.once_in(2)
        {
            module.symbols[id.0 as usize].linkage = random.pick(&[Linkage::Global, Linkage::Weak]);
        }
        let mut func = Func::new(id, sig, Loc::UNKNOWN);
        func.inline = random.pick(&[Inline::Auto, Inline::Auto, Inline::Always, Inline::Never]);
        let mut writer = Writer::new(random, profile, &mut module, func, &world);
        writer.function(recursive);
        let (func, cost) = (writer.func, writer.cost);
        world.callees.push(Callee { id, sig: func.sig.clone(), cost, recursive });
        funcs.push(func);
    }
    if profile == Profile::User {
        table(random, &mut module, &mut world);
    }
    let params = match profile {
        Profile::User => vec![Type::PTR, Type::I64],
        Profile::Kernel => vec![Type::PTR],
    };
    let func = Func::new(main_id, Signature::new(params, Some(Type::I64)), Loc::UNKNOWN);
    let mut writer = Writer::new(random, profile, &mut module, func, &world);
    writer.main();
    funcs.push(writer.func);
    for mut func in funcs.into_iter().rev() {
        if random.once_in(3) {
            twins::add(random, &mut func);
        }
        module.add_func(func);
    }
    module
}

fn declare(module: &mut Module, name: &str, linkage: Linkage) -> SymbolId {
    let kind = SymbolKind::Func(u32::MAX);
    module.add_symbol(Symbol { name: name.to_owned(), linkage, section: None, kind, loc: Loc::UNKNOWN })
}

/// A variable that holds addresses.
fn pointers(module: &mut Module, name: &str, init: Vec<Init>, read_only: bool) -> SymbolId {
    let global = Global { size: 8 * small(init.len()), align: 8, read_only, init, ty: None };
    module.add_symbol(Symbol {
        name: name.to_owned(),
        linkage: Linkage::Local,
        section: None,
        kind: SymbolKind::Global(global),
        loc: Loc::UNKNOWN,
    })
}

/// A table of functions that take and return the same.
fn table(random: &mut Random, module: &mut Module, world: &mut World) {
    let usable = |callee: &&Callee| !callee.recursive && callee.sig.params.len() <= 5;
    let Some(first) = world.callees.iter().find(usable) else { return };
    let alike = world.callees.iter().filter(|callee| usable(callee) && callee.sig == first.sig);
    let alike: Vec<SymbolId> = alike.map(|callee| callee.id).collect();
    let entries = (0..4).map(|_| Init::Address { symbol: random.pick(&alike), addend: 0 }).collect();
    let cost = world.callees.iter().map(|callee| callee.cost).max().unwrap_or(0);
    let sig = first.sig.clone();
    let read_only = random.once_in(2);
    let id = pointers(module, "table", entries, read_only);
    world.table = Some(Table { id, sig, cost });
}

/// What a variable begins with, up to all of it.
fn contents(random: &mut Random, size: usize) -> Vec<Init> {
    let mut pieces = Vec::new();
    let mut left = size;
    while left > 0 && !random.once_in(6) {
        let piece = match random.below(5) {
            0 => {
                Init::Bytes((0..=random.below(left.min(9))).map(|_| random.bits().to_le_bytes()[0]).collect())
            }
            1 => Init::Zeros(small(1 + random.below(left))),
            _ => Init::Int { bytes: random.pick(&[1, 2, 4, 8]), value: random.value().cast_signed() },
        };
        let Some(rest) = left.checked_sub(piece.size() as usize) else { break };
        left = rest;
        pieces.push(piece);
    }
    pieces
}

fn signature(random: &mut Random, profile: Profile, recursive: bool) -> Signature {
    let most = match profile {
        Profile::User if random.once_in(3) => 9,
        _ => 5,
    };
    let mut params: Vec<Type> = (0..random.below(most + 1))
        .map(|_| if random.once_in(3) { Type::PTR } else { int_type(random) })
        .collect();
    if recursive {
        params.insert(0, Type::I32);
        params.truncate(most);
    }
    let ret = (!random.once_in(5)).then(|| int_type(random));
    Signature::new(params, ret)
}

/// The type of an integer: mostly of those that C has.
fn int_type(random: &mut Random) -> Type {
    match random.below(12) {
        0..4 => Type::I64,
        4..8 => Type::I32,
        8 => Type::I8,
        9 => Type::I16,
        10 => Type::Int(random.pick(&[1, 7, 12, 24, 31, 33, 40, 48, 63])),
        _ => Type::Int(1 + small_u8(random.below(64))),
    }
}

fn small(size: usize) -> u32 {
    u32::try_from(size).expect("small")
}

fn small_u8(number: usize) -> u8 {
    u8::try_from(number).expect("small")
}

/// What a function may refer to.
#[derive(Default)]
struct World {
    callees: Vec<Callee>,
    variables: Vec<Variable>,
    links: Vec<Link>,
    table: Option<Table>,
    maps: Vec<MapOf>,
}

/// A map of four values.
struct MapOf {
    id: SymbolId,
    is_array: bool,
    /// Bytes of a value.
    value: u32,
}

/// A variable that holds the address of another.
struct Link {
    id: SymbolId,
    /// Which variable, and how many bytes beyond its start.
    to: usize,
    addend: u32,
}

/// Four functions.
struct Table {
    id: SymbolId,
    sig: Signature,
    cost: usize,
}

struct Variable {
    id: SymbolId,
    size: u32,
    align: u32,
    read_only: bool,
}

struct Callee {
    id: SymbolId,
    sig: Signature,
    /// Instructions that a call executes, about.
    cost: usize,
    /// Its first parameter says how deep it may call itself.
    recursive: bool,
}

/// A pointer that may be used.
#[derive(Clone, Copy)]
struct Pointer {
    value: Value,
    /// Bytes behind it that are there and written.
    room: u32,
    /// What its address is a multiple of.
    align: u32,
    writable: bool,
    /// The same number for pointers into the same region, which may be ordered.
    region: u32,
}

/// A loop around the code at hand.
struct Around {
    leave: Block,
    leave_types: Vec<Type>,
    latch: Block,
    latch_types: Vec<Type>,
}

/// Writes one function.
struct Writer<'a> {
    random: &'a mut Random,
    profile: Profile,
    module: &'a mut Module,
    func: Func,
    world: &'a World,
    /// The block at hand.
    at: Block,
    /// Integers that may be used here.
    ints: Vec<Value>,
    pointers: Vec<Pointer>,
    /// A slot for the keys of maps.
    key: Option<Slot>,
    /// Slots that hold a pointer.
    boxes: Vec<(Slot, Pointer)>,
    loops: Vec<Around>,
    /// How often the code at hand runs, at most.
    rounds: usize,
    depth: usize,
    /// Instructions that the function executes, about.
    cost: usize,
    /// The depth for a call of itself, if there is to be one.
    own: Option<Value>,
    regions: u32,
    /// Regions of slots: no pointer from outside leads there.
    known: Vec<u32>,
    line: u32,
}

impl<'a> Writer<'a> {
    fn new(
        random: &'a mut Random,
        profile: Profile,
        module: &'a mut Module,
        func: Func,
        world: &'a World,
    ) -> Writer<'a> {
        let line = 1000 * func.symbol.0;
        Writer {
            random,
            profile,
            module,
            func,
            world,
            at: Func::ENTRY,
            ints: Vec::new(),
            pointers: Vec::new(),
            key: None,
            boxes: Vec::new(),
            loops: Vec::new(),
            rounds: 1,
            depth: 0,
            cost: 0,
            own: None,
            regions: 0,
            known: Vec::new(),
            line,
        }
    }

    fn main(&mut self) {
        let params = self.func.block(Func::ENTRY).params.clone();
        let room = small(LAST.start);
        let memory = Pointer { value: params[0], room, align: 64, writable: true, region: self.region() };
        self.pointers.push(memory);
        self.ints.extend(params.get(1));
        self.begin(96);
        // Now and then one that is long.
        let is_long = self.profile == Profile::User && self.random.once_in(60);
        let size = if is_long { 300 } else { 6 + self.random.below(30) };
        self.statements(size);
        self.line();
        // What is alive is seen: the last values, and the variables.
        let mut at = LAST.start;
        let ints: Vec<Value> = self.ints.iter().rev().take(24).copied().collect();
        for value in ints {
            let value = self.as_type(value, Type::I64);
            self.store_word(params[0], at, value);
            at += 8;
        }
        for variable in &self.world.variables {
            let ptr = self.push(Op::Symbol(variable.id), Some(Type::PTR));
            let width = skep_codegen::ir::Width::W64;
            let access = skep_codegen::ir::Access { align: 1, ..skep_codegen::ir::Access::plain(width) };
            let mut sum = self.constant(Type::I64, 0);
            for offset in (0..variable.size).step_by(8) {
                let offset = offset.cast_signed();
                let word = self.push(Op::Load { ptr, offset, access, signed: false }, Some(Type::I64));
                let factor = self.constant(Type::I64, 31);
                let product = self.push(Op::Bin(BinOp::Mul, sum, factor), Some(Type::I64));
                sum = self.push(Op::Bin(BinOp::Add, product, word), Some(Type::I64));
            }
            self.store_word(params[0], at, sum);
            at += 8;
        }
        let result = self.int(Type::I64);
        self.store_word(params[0], LAST.end - 8, result);
        self.end(Term::Return(Some(result)));
    }

    fn store_word(&mut self, memory: Value, at: usize, value: Value) {
        let offset = i32::try_from(at).expect("inside of the memory");
        let access = skep_codegen::ir::Access::plain(skep_codegen::ir::Width::W64);
        self.push(Op::Store { ptr: memory, offset, value, access }, None);
    }

    fn function(&mut self, recursive: bool) {
        for param in self.func.block(Func::ENTRY).params.clone() {
            if self.func.ty(param).is_ptr() {
                let region = self.region();
                self.pointers.push(Pointer { value: param, room: PASSED, align: 8, writable: true, region });
            } else {
                self.ints.push(param);
            }
        }
        self.begin(40);
        if recursive {
            self.stop_at_zero();
        }
        let size = 2 + self.random.below(14);
        self.statements(size);
        self.give_back();
    }

    /// A recursive function ends where its depth is 0.
    fn stop_at_zero(&mut self) {
        self.line();
        let depth = self.func.block(Func::ENTRY).params[0];
        let (zero, one) = (self.constant(Type::I32, 0), self.constant(Type::I32, 1));
        let (leaf, more) = (self.block(), self.block());
        let then = Edge::to(leaf);
        self.end(Term::Branch { cond: Cond::Eq, a: depth, b: zero, then, other: Edge::to(more) });
        self.at = leaf;
        self.give_back();
        self.at = more;
        self.own = Some(self.push(Op::Bin(BinOp::Sub, depth, one), Some(Type::I32)));
    }

    /// Stack slots with something in them.
    fn begin(&mut self, most: u32) {
        self.line();
        let mut left = most;
        for _ in 0..self.random.below(4) {
            let size = match self.random.below(3) {
                0 => self.random.pick(&[8, 16, 32]),
                _ => 1 + small(self.random.below(40)),
            };
            let align = self.random.pick(&[1, 2, 4, 8, 8]);
            let taken = size.next_multiple_of(8);
            if taken > left {
                break;
            }
            left -= taken;
            let slot = self.func.new_slot(SlotData::new(size, align));
            let value = self.push(Op::Slot(slot), Some(Type::PTR));
            let pointer = Pointer { value, room: size, align, writable: true, region: self.region() };
            self.write_all(pointer);
            self.known.push(pointer.region);
            self.pointers.push(pointer);
        }
        if left >= 8 && !self.world.maps.is_empty() && self.random.once_in(2) {
            self.key = Some(self.func.new_slot(SlotData::new(8, 8)));
            left -= 8;
        }
        if left >= 8 && self.random.once_in(3) && !self.pointers.is_empty() {
            let slot = self.func.new_slot(SlotData::new(8, 8));
            let pointer = self.pointer(1, false).expect("there is one");
            let at = self.push(Op::Slot(slot), Some(Type::PTR));
            let access = skep_codegen::ir::Access::plain(skep_codegen::ir::Width::W64);
            self.push(Op::Store { ptr: at, offset: 0, value: pointer.value, access }, None);
            self.boxes.push((slot, pointer));
        }
    }

    fn give_back(&mut self) {
        self.line();
        let value = self.func.sig.ret.map(|ty| self.int(ty));
        self.end(Term::Return(value));
    }

    fn statements(&mut self, count: usize) {
        for _ in 0..count {
            self.line();
            self.cost += 4 * self.rounds;
            match self.random.below(100) {
                0..44 => self.compute(),
                44..46 => self.press(),
                46..68 => self.access(),
                68..74 => self.point(),
                74..80 if self.key.is_some() && self.random.once_in(2) => self.use_map(),
                74..80 => self.call(),
                80..82 => self.aside(),
                _ if self.depth >= 4 => self.compute(),
                82..90 => self.if_else(),
                90..94 => self.switch(),
                94..99 => self.repeat(),
                _ => self.tangle(),
            }
        }
    }

    /// The next instruction is of a line of its own.
    fn line(&mut self) {
        self.line += 1;
    }

    fn loc(&mut self) -> Loc {
        let column = 1 + small(self.random.below(60));
        self.module.loc(Place { file: 0, line: self.line + 1, column })
    }

    fn region(&mut self) -> u32 {
        self.regions += 1;
        self.regions
    }

    fn block(&mut self) -> Block {
        let loc = self.loc();
        self.func.new_block(loc)
    }

    fn param(&mut self, block: Block, ty: Type) -> Value {
        let loc = self.loc();
        self.func.new_param(block, ty, loc)
    }

    fn push(&mut self, op: Op, ty: Option<Type>) -> Value {
        let loc = self.loc();
        self.func.push(self.at, op, ty, loc)
    }

    /// Ends the block at hand.
    fn end(&mut self, term: Term) {
        let loc = self.loc();
        let block = self.func.block_mut(self.at);
        block.term = term;
        block.loc = loc;
    }

    /// What is made inside of a branch or a loop is not used behind it.
    fn scoped<T>(&mut self, inside: impl FnOnce(&mut Self) -> T) -> T {
        let (ints, pointers) = (self.ints.len(), self.pointers.len());
        let (depth, rounds) = (self.depth, self.rounds);
        self.depth += 1;
        let result = inside(self);
        self.ints.truncate(ints);
        self.pointers.truncate(pointers);
        (self.depth, self.rounds) = (depth, rounds);
        result
    }

    fn types(&mut self, most: usize) -> Vec<Type> {
        (0..self.random.below(most + 1)).map(|_| int_type(self.random)).collect()
    }

    fn edge(&mut self, block: Block, types: &[Type]) -> Edge {
        let args: Values = types.iter().map(|&ty| self.int(ty)).collect();
        Edge { block, args }
    }
}
