//! Random sequences of calls, valid and not: they give a module or mistakes, and never a panic.

use std::time::{Duration, Instant};

use skep_btf::maps::MapType;
use skep_codegen::build::core::{
    Asm, Bin, Block, Cmp, Data, Func, FuncBuilder, Global, Label, Map, MapSpec, Member, Module, Piece, Place,
    Ty, Value, Var,
};
use skep_codegen::ir::{self, AtomicOp, Inline, Linkage, Order};
use skep_codegen::{Cpu, Opt, Options, Target};
use skep_insn::helper::Helper;

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(count.max(1)).unwrap()).unwrap()
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn number(&mut self) -> i128 {
        match self.below(6) {
            0 => self.next().into(),
            1 => i128::from(self.next().cast_signed()),
            2 => i128::from(u64::MAX) + 1,
            _ => i128::try_from(self.below(20)).unwrap() - 4,
        }
    }
}

/// Handles that calls have given out, of all modules and bodies.
struct Pool {
    types: Vec<Ty>,
    funcs: Vec<Func>,
    maps: Vec<Map>,
    globals: Vec<Global>,
    values: Vec<Value>,
    vars: Vec<Var>,
    blocks: Vec<Block>,
    labels: Vec<Label>,
    places: Vec<Place>,
    /// Statements that are open, as far as this knows.
    depth: usize,
}

impl Pool {
    fn new() -> Pool {
        Pool {
            types: vec![Ty::VOID, Ty::POISON],
            funcs: vec![Func::POISON],
            maps: vec![Map::POISON],
            globals: vec![Global::POISON],
            values: vec![Value::POISON],
            vars: vec![Var::POISON],
            blocks: vec![Block::POISON],
            labels: vec![Label::POISON],
            places: vec![Place::POISON],
            depth: 0,
        }
    }
}

/// One of a list, a late one more often.
fn recent<T: Copy>(r: &mut Random, from: &[T]) -> T {
    if r.chance(70) { from[from.len() - 1 - r.below(from.len().min(6))] } else { r.pick(from) }
}

const NAMES: &[&str] =
    &["a", "b", "f", "g", "main", "a::b<c>", "", "x\0y", "ünï", "very_long_name", "1", "field", ".L", "a b"];
const SECTIONS: &[&str] = &["xdp", "tc", ".text", "tracepoint/a/b", "", "a b", "license", ".maps", "\u{1}"];

fn module_call(m: &mut Module, p: &mut Pool, r: &mut Random) {
    let ty = recent(r, &p.types);
    let other = recent(r, &p.types);
    let name = r.pick(NAMES);
    let bits = if r.chance(70) { r.pick(&[8, 16, 32, 64]) } else { u8::try_from(r.below(140)).unwrap() };
    match r.below(36) {
        35 => match r.below(3) {
            0 => m.tag_func(recent(r, &p.funcs), name),
            1 => m.tag_param(recent(r, &p.funcs), u32::try_from(r.below(4)).unwrap(), name),
            _ => m.tag_global(recent(r, &p.globals), name),
        },
        34 => p.types.push(m.float(r.pick(&[2, 4, 8, 12, 16, bits]))),
        0 => p.types.push(m.signed(bits)),
        1 | 2 => p.types.push(m.unsigned(bits)),
        3 => p.types.push(m.bool()),
        4 | 5 => p.types.push(m.pointer(ty)),
        6 => {
            let len = u32::try_from(r.below(9)).unwrap() * if r.chance(5) { 1 << 28 } else { 1 };
            p.types.push(m.array(ty, len));
        }
        7 | 8 => {
            let mut members = vec![Member::new(r.pick(NAMES), ty), Member::new(r.pick(NAMES), other)];
            if r.chance(30) {
                members[0] = members[0].bits(bits.min(70));
            }
            if r.chance(20) {
                members[1] = members[1].at(u32::try_from(r.next() % 40).unwrap());
            }
            if r.chance(30) {
                members.push(Member::new("c", other).bits(3));
            }
            p.types.push(match r.below(3) {
                0 => m.structure(name, &members),
                1 => m.packed(name, &members),
                _ => m.union(name, &members),
            });
        }
        9 => p.types.push(m.declare_struct(name, u32::try_from(r.below(64)).unwrap())),
        10 => m.define_struct(ty, &[Member::new("x", other), Member::new("self", ty)]),
        11 => p.types.push(m.opaque(name)),
        12 => p.types.push(m.enumeration(name, ty, &[("A", 1), (r.pick(NAMES), r.next().cast_signed())])),
        13 => p.types.push(m.typedef(name, ty)),
        14 => p.types.push(m.constant(ty)),
        15 => p.types.push(m.volatile(ty)),
        16..=18 => {
            let params: Vec<(&str, Ty)> =
                (0..r.below(7)).map(|_| (r.pick(NAMES), recent(r, &p.types))).collect();
            p.types.push(if r.chance(90) {
                m.func_type(other, &params)
            } else {
                m.variadic_type(other, &params)
            });
        }
        19 | 20 => p.funcs.push(m.declare(name, ty)),
        21 => p.funcs.push(if r.chance(50) { m.import(name, ty) } else { m.kfunc(name, ty) }),
        22 => m.set_section(recent(r, &p.funcs), r.pick(SECTIONS)),
        23 => m.set_linkage(
            recent(r, &p.funcs),
            r.pick(&[Linkage::Local, Linkage::Global, Linkage::Weak, Linkage::Hidden]),
        ),
        24 => m.set_inline(recent(r, &p.funcs), r.pick(&[Inline::Auto, Inline::Always, Inline::Never])),
        25 => {
            let bytes = [1, 2, 3, 0];
            let pieces = [
                Piece::Bytes(&bytes),
                Piece::Int { bytes: u8::try_from(r.below(10)).unwrap(), value: 7 },
                Piece::Address { global: recent(r, &p.globals), addend: 4 },
                Piece::Function(recent(r, &p.funcs)),
                Piece::Zeros(3),
            ];
            let from = r.below(5);
            let data = match r.below(3) {
                0 => Data::Zero,
                1 => Data::Bytes(&bytes),
                _ => Data::Pieces(&pieces[from..=from]),
            };
            p.globals.push(if r.chance(50) {
                m.global(name, ty, data)
            } else {
                m.read_only_global(name, ty, data)
            });
        }
        26 => p.globals.push(m.extern_global(name, ty, r.pick(&[None, Some(".ksyms"), Some("")]))),
        27 => m.set_global_section(recent(r, &p.globals), r.pick(SECTIONS)),
        28 => p.globals.push(m.string(r.pick(NAMES))),
        29..=31 => {
            let mut spec =
                MapSpec::new(r.pick(MapType::ALL)).entries(u32::try_from(r.next() % 8192).unwrap());
            if r.chance(80) {
                spec = spec.key(ty);
            }
            if r.chance(80) {
                spec = spec.value(other);
            }
            if r.chance(20) {
                spec = spec
                    .inner(recent(r, &p.maps))
                    .hold_map(u32::try_from(r.below(4)).unwrap(), recent(r, &p.maps));
            }
            if r.chance(10) {
                spec = spec.hold_program(0, recent(r, &p.funcs)).programs(ty);
            }
            if r.chance(20) {
                spec = spec.pinned().numa_node(1).extra(5).flags(u32::try_from(r.next() % 4096).unwrap());
            }
            p.maps.push(m.map(name, &spec));
        }
        32 => m.license(r.pick(NAMES)),
        _ => {
            m.set_place("a.c", 7, 3);
            if r.chance(50) {
                m.clear_place();
            }
        }
    }
}

fn body_call(b: &mut FuncBuilder<'_>, p: &mut Pool, r: &mut Random) {
    let (x, y, ty) = (recent(r, &p.values), recent(r, &p.values), recent(r, &p.types));
    let (place, to) = (recent(r, &p.places), recent(r, &p.places));
    match r.below(75) {
        0..=4 => p.values.push(b.bin(r.pick(Bin::ALL), x, y)),
        5 => p.values.push(b.bin(r.pick(Bin::ALL), x, x)),
        6 | 7 => p.values.push(b.cmp(r.pick(Cmp::ALL), x, x)),
        8 => p.values.push(b.cmp(r.pick(Cmp::ALL), x, y)),
        9 => p.values.push(b.neg(x)),
        10 => p.values.push(b.complement(x)),
        11 => p.values.push(b.not(x)),
        12 => p.values.push(b.truth(x)),
        13 => p.values.push(b.select(x, y, y)),
        14..=16 => p.values.push(b.cast(x, ty)),
        17 => p.values.push(b.swap_bytes(x)),
        18 => p.values.push(b.leading_zeros(x)),
        19 => p.values.push(b.count_ones(x)),
        20 => p.values.push(b.min(x, y)),
        21 => p.values.push(b.abs(x)),
        22 => p.values.push(b.rotate_left(x, y)),
        23 => {
            let (value, flag) = b.overflowing(r.pick(Bin::ALL), x, x);
            p.values.extend([value, flag]);
        }
        24 => p.values.push(b.network_order(x)),
        25..=27 => p.values.push(b.int(ty, r.number())),
        28 => p.values.push(b.bool(r.chance(50))),
        29 => p.values.push(b.null(ty)),
        30 | 31 => p.values.push(b.param(r.below(6))),
        32 | 33 => p.vars.push(b.var("v", ty)),
        34 | 35 => p.places.push(b.place(recent(r, &p.vars))),
        36 | 37 => p.values.push(b.get(recent(r, &p.vars))),
        38 | 39 => b.set(recent(r, &p.vars), x),
        40 => p.places.push(b.deref(x)),
        41 => p.places.push(b.field(place, r.pick(NAMES))),
        42 => p.places.push(b.field_at(place, r.below(4))),
        43 => p.places.push(b.index(place, x)),
        44 => p.values.push(b.address_of(place)),
        45 => p.values.push(b.offset(x, y)),
        46 => p.values.push(b.offset_bytes(x, y)),
        47 => p.values.push(b.distance(x, y)),
        48 | 49 => p.values.push(b.load(place)),
        50 | 51 => b.store(place, x),
        52 => b.copy(place, to),
        53 => b.memcpy(place, to, u32::try_from(r.below(40)).unwrap()),
        54 => b.memset(place, 3, u32::try_from(r.below(40)).unwrap()),
        55 => b.zero(place),
        56 => p.values.push(b.atomic(r.pick(AtomicOp::ALL), place, x, r.pick(Order::ALL))),
        57 => p.values.push(b.compare_exchange(place, x, y, r.pick(Order::ALL))),
        58 => match r.below(4) {
            0 => p.values.push(b.atomic_load(place, r.pick(Order::ALL))),
            1 => b.atomic_store(place, x, r.pick(Order::ALL)),
            2 => b.fence(r.pick(Order::ALL)),
            _ => p.values.push(b.load_packet_pointer(place, ty)),
        },
        59 => p.places.push(b.global(recent(r, &p.globals))),
        60 | 61 => {
            let args: Vec<Value> = (0..r.below(6)).map(|_| recent(r, &p.values)).collect();
            p.values.push(match r.below(5) {
                0 => b.call(recent(r, &p.funcs), &args),
                1 => b.call_pointer(x, &args),
                2 => b.call_helper(r.pick(Helper::ALL), &args),
                3 => b.call_helper_as(u32::try_from(r.next() % 20_000).unwrap(), ty, &args),
                _ => b.call_map(r.pick(Helper::ALL), recent(r, &p.maps), &args),
            });
        }
        62 => match r.below(8) {
            6 => p.places.push(b.core_field(x, r.pick(&["a", "c", "b", "a.c", "[1]", "field[2].a", ""]))),
            7 => {
                let kind = r.pick(skep_btf::CoreKind::ALL);
                p.values.push(b.core_ask(kind, ty, r.pick(&["a", "A", "b", "[3]", "c"])));
            }
            0 => p.values.push(b.func_address(recent(r, &p.funcs))),
            1 => p.values.push(b.pin(x)),
            2 => b.marker(r.pick(NAMES), 2),
            3 => p.values.push(b.string("%d\n")),
            4 => p.values.push(b.size_of(ty)),
            _ => {
                let text =
                    r.pick(&["%0 += 1", "r0 = 0", "%w0 = %1; %0 += %1", "nonsense", "%7 = 1", "goto +1"]);
                let mut asm = Asm::new(text).input(x);
                if r.chance(50) {
                    asm = asm.output(ty).tied();
                }
                if r.chance(30) {
                    asm = asm.clobber(u8::try_from(r.below(20)).unwrap()).memory().pure();
                }
                p.values.push(b.asm(&asm));
            }
        },
        63 => {
            let place = b.aligned(place, u8::try_from(r.below(20)).unwrap());
            p.places.push(b.volatile(place));
        }
        _ => flow_call(b, p, r),
    }
}

fn flow_call(b: &mut FuncBuilder<'_>, p: &mut Pool, r: &mut Random) {
    let (x, y) = (recent(r, &p.values), recent(r, &p.values));
    let (block, other) = (recent(r, &p.blocks), recent(r, &p.blocks));
    match r.below(24) {
        0..=2 => {
            b.begin_if(x);
            p.depth += 1;
        }
        3 => b.begin_else(),
        4 | 5 => {
            p.labels.push(if r.chance(80) { b.begin_loop() } else { b.begin_bounded_loop() });
            p.depth += 1;
        }
        6 => b.begin_continue(),
        7 => {
            p.labels.push(b.begin_block());
            p.depth += 1;
        }
        8 => {
            p.labels.push(b.begin_switch(x));
            p.depth += 1;
            b.begin_case(&[1, 2]);
        }
        9 => b.begin_case(&[r.number(), r.number()]),
        10 => b.begin_default(),
        11 => b.fall_through(),
        12 => {
            p.labels.push(if r.chance(50) { b.begin_and(x) } else { b.begin_or(x) });
            let value = b.end_logic(y);
            p.values.push(value);
        }
        13 => p.values.push(b.end_logic(x)),
        14 | 15 if p.depth > 0 || r.chance(10) => {
            b.end();
            p.depth = p.depth.saturating_sub(1);
        }
        16 => b.break_(recent(r, &p.labels)),
        17 => b.continue_(recent(r, &p.labels)),
        18 => b.break_if(recent(r, &p.labels), x),
        19 if r.chance(20) => b.ret(if r.chance(70) { Some(x) } else { None }),
        20 => p.blocks.push(b.new_block()),
        21 if r.chance(30) => {
            b.jump(block);
            b.switch_to(block);
        }
        22 if r.chance(30) => match r.below(4) {
            0 => b.branch(x, block, other),
            1 => b.switch(x, &[(1, block), (r.number(), other)], other),
            2 => b.may_goto(block, other),
            _ => b.unreachable(),
        },
        23 if r.chance(30) => b.switch_to(block),
        _ => {}
    }
}

/// A call that is no mistake, if all before it were none.
fn careful_call(b: &mut FuncBuilder<'_>, p: &mut Pool, r: &mut Random) {
    if !b.is_reachable() {
        b.end();
        p.depth = p.depth.saturating_sub(1);
        return;
    }
    let (int, long) = (p.types[2], p.types[3]);
    // Variables carry values over the borders of blocks.
    let (left, right) = (recent(r, &p.vars), recent(r, &p.vars));
    let (x, y) = (b.get(left), b.get(right));
    let result = match r.below(24) {
        0..=4 => b.bin(r.pick(Bin::ALL), x, y),
        5 => {
            let narrow = b.cast(x, int);
            let narrow = b.bin(r.pick(Bin::ALL), narrow, narrow);
            b.cast(narrow, long)
        }
        6 => b.rotate_left(x, y),
        7 => b.overflowing(r.pick(&[Bin::Add, Bin::Sub, Bin::Mul]), x, y).0,
        8 => b.count_ones(x),
        9 => b.max(x, y),
        10 | 11 => {
            let cond = b.cmp(r.pick(Cmp::ALL), x, y);
            b.begin_if(cond);
            p.depth += 1;
            return;
        }
        12 => {
            let label = b.begin_loop();
            p.labels.push(label);
            p.depth += 1;
            let (x, y) = (b.get(left), b.get(right));
            let cond = b.cmp(r.pick(Cmp::ALL), x, y);
            b.break_unless(label, cond);
            return;
        }
        13 if p.depth > 0 => {
            p.depth -= 1;
            return b.end();
        }
        14 => {
            let cond = b.cmp(r.pick(Cmp::ALL), x, y);
            let and = r.chance(50);
            if and {
                b.begin_and(cond)
            } else {
                b.begin_or(cond)
            };
            let other = b.cmp(r.pick(Cmp::ALL), y, x);
            let both = b.end_logic(other);
            if r.chance(50) {
                b.begin_if(both);
                p.depth += 1;
                return;
            }
            b.cast(both, long)
        }
        15 => {
            let place = b.global(p.globals[1]);
            b.store(place, x);
            b.load(place)
        }
        16 => {
            let place = b.global(p.globals[1]);
            b.atomic(r.pick(AtomicOp::ALL), place, x, Order::SeqCst)
        }
        17 => {
            let key = b.var("key", int);
            let narrow = b.cast(x, int);
            b.set(key, narrow);
            let key = b.place(key);
            let key = b.address_of(key);
            let found = b.map_lookup(p.maps[1], key);
            b.begin_if(found);
            let place = b.deref(found);
            let value = b.load(place);
            b.set(left, value);
            return b.end();
        }
        18 => {
            b.begin_switch(x);
            b.begin_case(&[1, 2, 3]);
            b.set(left, y);
            if r.chance(50) {
                b.fall_through();
            }
            b.begin_case(&[4]);
            b.set(right, x);
            if r.chance(50) {
                b.begin_default();
            }
            return b.end();
        }
        19 => {
            let pair = b.var("pair", p.types[6]);
            let pair = b.place(pair);
            b.zero(pair);
            let field = b.field(pair, r.pick(&["a", "c"]));
            let field = if r.chance(50) { field } else { b.field(pair, "c") };
            let ty = b.place_type(field);
            let value = b.cast(x, ty);
            b.store(field, value);
            let value = b.load(field);
            b.cast(value, long)
        }
        20 => {
            let new = b.var("v", long);
            b.set(new, x);
            p.vars.push(new);
            return;
        }
        21 => {
            let null = b.null(p.types[5]);
            b.call(p.funcs[1], &[x, null])
        }
        22 => match b.innermost_loop() {
            Some(label) if r.chance(30) => {
                return if r.chance(50) { b.break_(label) } else { b.continue_(label) };
            }
            _ => b.neg(x),
        },
        _ if r.chance(10) => return b.ret(Some(x)),
        _ => b.select(x, x, y),
    };
    b.set(left, result);
}

/// Plausible beginnings, so that not all calls are mistakes.
fn start(m: &mut Module, p: &mut Pool) {
    let (int, long, byte) = (m.signed(32), m.signed(64), m.unsigned(8));
    let pointer = m.pointer(long);
    let pair =
        m.structure("pair", &[Member::new("a", int), Member::new("b", byte).bits(3), Member::new("c", long)]);
    let array = m.array(pair, 3);
    let ty = m.func_type(long, &[("x", long), ("p", pointer)]);
    p.types.extend([int, long, byte, pointer, pair, array, ty, long, int]);
    p.funcs.push(m.declare("start", ty));
    p.maps.push(m.map("hits", &MapSpec::new(MapType::HASH).key(int).value(long).entries(8)));
    p.globals.push(m.global("counter", long, Data::Zero));
}

/// One sequence. Whether it gave a module.
fn sequence(seed: u64) -> bool {
    let mut r = Random(seed);
    // Some sequences have two modules, whose handles get mixed up.
    let mut modules = vec![Module::new("one")];
    if r.chance(20) {
        modules.push(Module::new("two"));
    }
    let careful = r.chance(60);
    let mut p = Pool::new();
    modules.iter_mut().for_each(|m| start(m, &mut p));
    let careful = careful && modules.len() == 1;
    for _ in 0..if careful { 1 } else { 1 + r.below(4) } {
        let at = r.below(modules.len());
        let m = &mut modules[at];
        for _ in 0..if careful { 0 } else { r.below(12) } {
            module_call(m, &mut p, &mut r);
        }
        if r.chance(5) {
            *m = m.clone();
        }
        let func = if careful { p.funcs[1] } else { recent(&mut r, &p.funcs) };
        let mut b = m.define(func);
        (p.depth, p.labels) = (0, vec![Label::POISON]);
        if careful && func == p.funcs[1] {
            let (x, one) = (b.param(0), b.int(p.types[3], 1));
            p.vars = vec![b.var("x", p.types[3]), b.var("y", p.types[3])];
            b.set(p.vars[0], x);
            b.set(p.vars[1], one);
            for _ in 0..r.below(60) {
                careful_call(&mut b, &mut p, &mut r);
            }
            if r.chance(90) {
                while !b.is_reachable() && p.depth > 0 {
                    b.end();
                    p.depth -= 1;
                }
            }
        } else {
            for _ in 0..r.below(40) {
                if r.chance(3) {
                    module_call(b.module(), &mut p, &mut r);
                } else if r.chance(1) {
                    let inner = recent(&mut r, &p.funcs);
                    let mut nested = b.module().define(inner);
                    body_call(&mut nested, &mut p, &mut r);
                }
                body_call(&mut b, &mut p, &mut r);
            }
        }
        for _ in 0..p.depth {
            b.end();
        }
        if b.is_reachable() && r.chance(90) {
            let value = b.int(p.types[3], 1);
            b.ret(Some(value));
        }
        if r.chance(1) {
            std::mem::forget(b);
        }
    }
    let mut good = false;
    for m in modules {
        if r.chance(50) {
            let options = Options::new()
                .opt(r.pick(&[Opt::O0, Opt::O1, Opt::O2, Opt::Os]))
                .cpu(r.pick(&[Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4]))
                .jump_tables(r.chance(50))
                .target(r.pick(&[Target::Kernel, Target::User]));
            good |= m.compile(&options).is_ok();
            continue;
        }
        match m.finish() {
            Ok(module) => {
                if let Err(faults) = ir::validate::module(&module) {
                    panic!("seed {seed}: {faults}\n{}", ir::text::print(&module));
                }
                good = true;
            }
            Err(diags) => assert!(!diags.0.is_empty()),
        }
    }
    good
}

fn from_env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How many sequences were tried, and how many gave a module.
#[derive(Default)]
struct Tally {
    tried: u64,
    good: u64,
}

/// Tries sequences from `first` on, each one `step` behind the one before.
fn sequences(first: u64, step: usize, goes_on: impl Fn(u64) -> bool) -> Tally {
    let mut tally = Tally::default();
    for seed in (first..).step_by(step).take_while(|&seed| goes_on(seed)) {
        match std::panic::catch_unwind(|| sequence(seed)) {
            Ok(fine) => tally.good += u64::from(fine),
            Err(_) => panic!("SKEP_FUZZ_SEED={seed}"),
        }
        tally.tried += 1;
    }
    tally
}

/// A second's worth, or as long as `SKEP_FUZZ_SECS` says; as many as `SKEP_FUZZ_CASES`, on all cores. `SKEP_FUZZ_SEED` runs
/// one.
#[test]
fn random_calls_give_modules_or_mistakes() {
    if let Some(seed) = from_env("SKEP_FUZZ_SEED") {
        sequence(seed);
        return;
    }
    let start = Instant::now();
    let Tally { tried, good } = match from_env("SKEP_FUZZ_CASES") {
        Some(cases) => {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let tallies: Vec<Tally> = std::thread::scope(|scope| {
                let run = |first| scope.spawn(move || sequences(first, threads, |seed| seed < cases));
                let running: Vec<_> = (0..).take(threads).map(run).collect();
                running.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum();
            let tally = Tally { tried: sum(|tally| tally.tried), good: sum(|tally| tally.good) };
            assert_eq!(tally.tried, cases);
            tally
        }
        None => {
            let time = Duration::from_secs(from_env("SKEP_FUZZ_SECS").unwrap_or(1));
            sequences(0, 1, |_| start.elapsed() < time)
        }
    };
    eprintln!("{good} of {tried} sequences gave a module, in {:.1} s", start.elapsed().as_secs_f32());
    assert!(good * 4 > tried, "only {good} of {tried} sequences gave a module");
}
