//! What built code does: compiled at every level for every cpu version, and executed by the interpreter.

use skep_btf::P;
use skep_codegen::build::core::{Bin, Member, Value};
use skep_codegen::build::{Fb, Int, Module, Signature, V};
use skep_codegen::ir::Order;
use skep_codegen::{Cpu, Opt, Options, Target};
use skep_derive::BpfType;
use skep_vm::{Checked, Engine, Hosts};

/// Runs the function `f` of a module with some arguments; it must return the same at all levels.
#[track_caller]
fn run(m: &Module, name: &str, args: &[u64]) -> u64 {
    let mut found = None;
    for opt in [Opt::O0, Opt::O1, Opt::O2, Opt::Os] {
        for cpu in [Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4] {
            let options = Options::new().opt(opt).cpu(cpu).target(Target::User);
            let object = match m.clone().compile(&options) {
                Ok(object) => object,
                // What an old cpu lacks.
                Err(diags) if cpu < Cpu::V3 && diags.0.iter().all(|d| d.code.to_string() == "SK115") => {
                    continue;
                }
                Err(diags) => panic!("{opt:?} {cpu:?}: {diags}"),
            };
            let image = skep_link::link(&object, &skep_link::Options::new()).unwrap();
            let engine: Engine<Checked> = Engine::checked(Hosts::new());
            let unit = engine.add(&image).unwrap();
            let result = unit.func(name).unwrap().call(args).unwrap();
            assert_eq!(*found.get_or_insert(result), result, "{opt:?} {cpu:?}");
        }
    }
    found.unwrap()
}

/// A function of two 64-bit numbers, and what it is to return.
#[track_caller]
fn check(body: impl for<'f> FnOnce(&Fb<'f>, V<'f, u64>, V<'f, u64>), cases: &[(u64, u64, u64)]) {
    let mut m = Module::new("t");
    m.func::<fn(u64, u64) -> u64>("f", |b, (x, y)| body(b, x, y));
    for &(x, y, expected) in cases {
        let found = run(&m, "f", &[x, y]);
        assert_eq!(found, expected, "f({x:#x}, {y:#x}) = {found:#x}, expected {expected:#x}");
    }
}

const MIN: u64 = 1 << 63;
const MAX: u64 = u64::MAX;

/// An operator on values of type `T`, given and returned as 64 bits.
#[track_caller]
fn operator<T: Int>(operator: impl for<'f> Fn(V<'f, T>, V<'f, T>) -> V<'f, T>, cases: &[(u64, u64, u64)]) {
    check(
        |b, x, y| {
            let result = operator(x.cast::<T>(), y.cast::<T>());
            b.ret(result.cast::<u64>());
        },
        cases,
    );
}

#[test]
fn arithmetic_wraps_at_its_width() {
    operator::<u8>(|x, y| x + y, &[(250, 10, 4), (0x1_05, 1, 6)]);
    operator::<i8>(|x, y| x + y, &[(127, 1, (-128i64).cast_unsigned())]);
    operator::<u16>(|x, y| x * y, &[(300, 300, 90_000 % 65_536)]);
    operator::<i32>(|x, y| x - y, &[(0, 1, MAX), (0x8000_0000, 1, 0x7fff_ffff)]);
    operator::<u32>(|x, y| x - y, &[(0, 1, 0xffff_ffff)]);
    operator::<i64>(|x, y| -x * y, &[(5, 7, (-35i64).cast_unsigned())]);
}

#[test]
fn division_follows_the_sign_and_never_traps() {
    operator::<u64>(|x, y| x / y, &[(7, 2, 3), (MAX, 2, MAX / 2), (7, 0, 0)]);
    operator::<i64>(|x, y| x / y, &[(MAX - 6, 2, (-3i64).cast_unsigned()), (MIN, MAX, MIN), (7, 0, 0)]);
    operator::<i32>(|x, y| x % y, &[(MAX - 6, 4, (-3i64).cast_unsigned()), (7, 0, 7), (0x8000_0000, MAX, 0)]);
    operator::<u8>(|x, y| x % y, &[(250, 7, 5), (250, 0, 250)]);
    operator::<i8>(|x, y| x / y, &[(0x80, 0xff, 0x80u64.wrapping_neg()), (0xf9, 2, (-3i64).cast_unsigned())]);
}

#[test]
fn bits() {
    operator::<u64>(|x, y| (x & y) | (x ^ !y), &[(0xf0, 0xcc, (0xf0 & 0xcc) | (0xf0 ^ !0xcc))]);
    operator::<i32>(|x, y| x >> y, &[(0xffff_ff00, 4, (-16i64).cast_unsigned()), (1, 33, 0)]);
    operator::<u32>(|x, y| x >> y, &[(0xffff_ff00, 4, 0x0fff_fff0)]);
    operator::<u8>(|x, y| x << y, &[(0x81, 1, 2), (1, 9, 0)]);
    operator::<u32>(|x, _| x.swap_bytes(), &[(0x0102_0304, 0, 0x0403_0201)]);
    operator::<u16>(|x, _| x.swap_bytes(), &[(0x00ff_0102, 0, 0x0201)]);
    operator::<u64>(|x, _| x.count_ones(), &[(0xff0f, 0, 12), (MAX, 0, 64)]);
    operator::<u32>(|x, _| x.leading_zeros(), &[(1, 0, 31), (0, 0, 32)]);
    operator::<u64>(|x, _| x.trailing_zeros(), &[(8, 0, 3), (0, 0, 64)]);
    operator::<u16>(|x, y| x.rotate_left(y), &[(0x8001, 4, 0x0018), (0x1234, 16, 0x1234)]);
    operator::<u32>(|x, y| x.rotate_right(y), &[(1, 1, 0x8000_0000), (5, 0, 5)]);
    operator::<u64>(|x, y| x.rotate_left(y), &[(MIN | 1, 1, 3)]);
}

#[test]
fn minimum_maximum_and_sign() {
    operator::<i64>(|x, y| x.min(y), &[(MAX, 1, MAX), (2, 1, 1)]);
    operator::<u64>(|x, y| x.max(y), &[(MAX, 1, MAX)]);
    operator::<i32>(|x, _| x.abs(), &[(MAX, 0, 1), (7, 0, 7)]);
}

#[test]
fn overflow_is_told() {
    fn both<T: Int>(op: Bin, cases: &[(u64, u64, u64)]) {
        check(
            |b, x, y| {
                let (x, y) = (x.cast::<T>(), y.cast::<T>());
                let (value, flag) = match op {
                    Bin::Add => x.overflowing_add(y),
                    Bin::Sub => x.overflowing_sub(y),
                    _ => x.overflowing_mul(y),
                };
                b.ret((value.cast::<u64>() << 1) | flag.cast::<u64>());
            },
            cases,
        );
    }
    both::<u8>(Bin::Add, &[(200, 55, 510), (200, 56, 1)]);
    both::<i8>(Bin::Add, &[(100, 27, 254), (100, 28, (-256i64 + 1).cast_unsigned())]);
    both::<i64>(Bin::Sub, &[(MIN, 1, MAX << 1 | 1), (0, 1, MAX << 1)]);
    both::<u64>(Bin::Sub, &[(0, 1, MAX << 1 | 1), (2, 1, 2)]);
    both::<u32>(Bin::Mul, &[(65_536, 65_536, 1), (65_535, 65_537, 0xffff_ffff << 1)]);
    both::<u64>(Bin::Mul, &[(1 << 32, 1 << 32, 1), (3, 4, 24), (0, 5, 0), (5, 0, 0)]);
    both::<i64>(Bin::Mul, &[(MIN, MAX, 1), (MAX, MIN, 1), (MAX, MAX, 2), (1 << 62, 2, 1)]);
}

#[test]
fn comparisons_follow_the_sign() {
    check(|b, x, y| b.ret(x.lt(y).cast::<u64>()), &[(1, MAX, 1), (MAX, 1, 0)]);
    check(|b, x, y| b.ret(x.cast::<i64>().lt(y.cast::<i64>()).cast::<u64>()), &[(1, MAX, 0), (MAX, 1, 1)]);
    check(
        |b, x, y| {
            let (x, y) = (x.cast::<i8>(), y.cast::<i8>());
            fn one(v: V<'_, bool>, at: u64) -> V<'_, u64> {
                v.cast::<u64>() << at
            }
            b.ret(one(x.eq(y), 0) | one(x.ne(y), 1) | one(x.le(y), 2) | one(x.gt(y), 3) | one(x.ge(y), 4));
        },
        &[(0x80, 0x7f, 0b00110), (5, 5, 0b10101), (0x105, 5, 0b10101)],
    );
}

#[test]
fn constants_stand_on_either_side() {
    check(|b, x, _| b.ret(100u64 - x * 2), &[(3, 0, 94)]);
    check(|b, x, _| b.ret(1u64 << (x & 7)), &[(9, 0, 2)]);
}

#[test]
fn short_circuits_evaluate_what_they_need() {
    check(
        |b, x, y| {
            let count = b.local("count", 0u64);
            let any = x.gt(10).and(|b| {
                count.set(count.get() + 1);
                let _ = b;
                y.gt(10)
            });
            let any = any.or(|_| {
                count.set(count.get() + 100);
                x.eq(y)
            });
            b.if_else(any, |b| b.ret(count.get()), |b| b.ret(count.get() + 1000));
        },
        &[(11, 11, 1), (11, 5, 1101), (5, 5, 100), (5, 6, 1100)],
    );
    // As a value, and its contrary.
    check(|b, x, y| b.ret((!x.gt(1).or(|_| y.gt(1))).cast::<u64>()), &[(0, 0, 1), (2, 0, 0), (0, 2, 0)]);
}

#[test]
fn loops_break_and_continue() {
    check(
        |b, n, skip| {
            let sum = b.local("sum", 0u64);
            b.for_range(0u64, n, |b, i| {
                b.if_(i.eq(skip), |b| b.continue_());
                b.if_(i.gt(100), |b| b.break_());
                sum.set(sum.get() + i);
            });
            b.ret(sum.get());
        },
        &[(5, 9, 10), (5, 2, 8), (0, 0, 0), (1000, 1000, 5050)],
    );
    check(
        |b, x, y| {
            let (x, steps) = (b.local("x", x), b.local("steps", 0u64));
            b.loop_(|b, outer| {
                steps.set(steps.get() + 1);
                b.do_while(
                    |b| {
                        x.set(x.get() / 2);
                        b.if_(x.get().eq(3), |_| outer.break_());
                    },
                    |_| x.get().gt(y),
                );
                outer.break_if(steps.get().eq(5));
                x.set(x.get() + 64);
            });
            b.ret(x.get() * 10 + steps.get());
        },
        &[(7, 1, 31), (64, 40, 215)],
    );
}

#[test]
fn a_switch_chooses() {
    check(
        |b, x, y| {
            let result = b.local("result", y);
            b.switch(x)
                .case(1, |_| result.set(10u64))
                .cases(&[2, 3, 100], |b| b.if_(y.gt(5), |b| b.ret(77u64)))
                .default(|_| result.set(20u64));
            b.ret(result.get());
        },
        &[(1, 4, 10), (2, 4, 4), (3, 6, 77), (100, 5, 5), (101, 4, 20)],
    );
    check(
        |b, x, _| {
            b.switch(x.cast::<i8>()).case(-1, |b| b.ret(1u64)).end();
            b.ret(2u64);
        },
        &[(0xff, 0, 1), (1, 0, 2)],
    );
}

#[test]
fn one_of_two_values() {
    check(|b, x, y| b.ret(x.lt(y).select(x + 1, 5u64)), &[(1, 2, 2), (2, 2, 5)]);
    check(
        |b, x, y| {
            let value = b.choose(x.ne(0), |_| y / x, |_| 1000u64);
            b.ret(value);
        },
        &[(0, 2, 1000), (2, 10, 5)],
    );
}

#[test]
fn functions_recurse_and_take_many_types() {
    let mut m = Module::new("t");
    let fib = m.declare::<fn(u32) -> u64>("fib");
    m.define(fib, |b, (n,)| {
        b.if_(n.lt(2), |b| b.ret(n.cast::<u64>()));
        b.ret(b.call(fib, (n - 1,)) + b.call(fib, (n - 2,)));
    });
    let pick = m.local_func::<fn(bool, i8, u16, i32, i64) -> i64>("pick", |b, (flag, a, c, d, e)| {
        let sum = a.cast::<i64>() + c.cast::<i64>() + d.cast::<i64>() + e;
        b.ret(flag.select(sum, -sum));
    });
    m.func::<fn(u64, u64) -> i64>("f", |b, (x, y)| {
        let fib = b.call(fib, (x.cast::<u32>(),));
        b.ret(b.call(pick, (y.ne(0), -1i8, 2u16, x.cast::<i32>(), fib.cast::<i64>())));
    });
    assert_eq!(run(&m, "f", &[10, 1]), 55 + 10 + 1);
    assert_eq!(run(&m, "f", &[10, 0]), (-66i64).cast_unsigned());
}

#[derive(Clone, Copy, BpfType, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Event {
    pid: u32,
    kind: u8,
    flag: bool,
    bytes: [u16; 3],
    next: P<Event>,
    delta: i64,
}

#[test]
fn structs_live_in_variables() {
    check(
        |b, x, y| {
            let event = b.zeroed::<Event>("event");
            event.field(Event::pid).set(x.cast::<u32>());
            event.field(Event::flag).set(x.gt(y));
            event.field(Event::bytes).index(y % 3).set(7u16);
            event.field(Event::delta).set(-5i64);
            event.field(Event::next).set(event.addr());
            let copy = b.local("copy", event);
            event.zero();
            let again = copy.field(Event::next).get();
            let bytes = copy.field(Event::bytes);
            let sum =
                (bytes.index(0).get() + bytes.index(1).get() * 10 + bytes.index(2).get() * 100).cast::<u64>();
            let flag = copy.field(Event::flag).get().cast::<u64>();
            // `next` leads to what is zero now.
            let pid = copy.field(Event::pid).get() + again.field(Event::pid).get();
            b.ret(
                (pid.cast::<u64>() << 32)
                    | (sum << 8)
                    | (flag << 4)
                    | (copy.field(Event::delta).get() + 6).cast::<u64>(),
            );
        },
        &[(9, 1, 9 << 32 | 70 << 8 | 16 | 1), (0, 2, 700 << 8 | 1)],
    );
}

#[test]
fn constants_of_structs() {
    let event = Event { pid: 5, kind: 3, flag: true, bytes: [1, 0, 9], next: P::NULL, delta: -2 };
    check(
        |b, x, _| {
            let local = b.local("event", event);
            b.if_(x.eq(1), |_| local.set(Event { pid: 1, ..event }));
            let bytes = local.field(Event::bytes);
            b.ret(
                local.field(Event::pid).get().cast::<u64>() * 100
                    + bytes.index(2).get().cast::<u64>()
                    + local.field(Event::delta).get().cast::<u64>()
                    + local.field(Event::kind).get().cast::<u64>(),
            );
        },
        &[(0, 0, 510), (1, 0, 110)],
    );
}

#[test]
fn global_variables() {
    let mut m = Module::new("t");
    let count = m.global("count", 40u32);
    let table = m.constant("table", [10u16, 20, 30]);
    let zeros = m.zeroed::<[u64; 4]>("zeros");
    m.func::<fn(u64) -> u64>("f", |b, (x,)| {
        let count = b.global(count);
        count.set(count.get() + 2);
        let zeros = b.global(zeros);
        zeros.index(x).set(1u64);
        let mut third = zeros.index(3);
        third += 5u64;
        let text = b.str("hello");
        b.ret(
            count.get().cast::<u64>()
                + b.global(table).index(x).get().cast::<u64>() * 1000
                + third.get() * 100_000
                + text.index(4).get().cast::<u64>() * 1_000_000,
        );
    });
    assert_eq!(run(&m, "f", &[2]), 111 * 1_000_000 + 500_000 + 30_000 + 42);
}

#[test]
fn pointers() {
    check(
        |b, x, y| {
            let array = b.zeroed::<[u32; 8]>("array");
            let start = array.index(0).addr();
            let p = start.add(x);
            p.store(11u32);
            start.index(x + 1).set(22u32);
            p.add(2u32).add_bytes(-4i64).deref().set(y.cast::<u32>());
            let distance = p.add(3i8).distance(start).cast::<u64>();
            let sum = array.index(x).get() + array.index(x + 1).get();
            b.ret(distance * 1000 + sum.cast::<u64>() + p.is_null().cast::<u64>());
        },
        &[(2, 4, 5015), (0, 9, 3020)],
    );
}

#[test]
fn atomic_operations() {
    check(
        |b, x, y| {
            let cell = b.local("cell", x);
            let at = cell.addr();
            let old = at.atomic_add(5u64);
            let swapped = cell.atomic_swap(y);
            let failed = cell.compare_exchange(y + 1, 0u64);
            let done = cell.compare_exchange(y, 100u64);
            cell.atomic_or(3u64);
            cell.atomic_store(cell.atomic_load(Order::Acquire) + 1, Order::Release);
            b.fence(Order::SeqCst);
            b.ret(old * 1_000_000 + swapped * 10_000 + (failed + done) * 1000 + cell.get());
        },
        &[(1, 2, 1_000_000 + 60_000 + 4000 + 104)],
    );
}

/// Bit-fields at all places, held against what a compiler of C does: shifts and masks of the whole.
#[test]
fn bit_fields() {
    for (packed, widths) in
        [(false, &[3u8, 5, 13, 11, 7, 30, 1][..]), (true, &[1, 31, 17, 33, 64, 7, 20]), (true, &[7, 64, 3])]
    {
        for signed in [false, true] {
            let mut m = Module::new("bits");
            let core = m.core();
            let ty = if signed { core.signed(64) } else { core.unsigned(64) };
            let names: Vec<String> = (0..widths.len()).map(|at| format!("m{at}")).collect();
            let members: Vec<Member<'_>> =
                names.iter().zip(widths).map(|(name, &bits)| Member::new(name, ty).bits(bits)).collect();
            let s = if packed { core.packed("s", &members) } else { core.structure("s", &members) };
            let long = core.unsigned(64);
            let proto = core.func_type(long, &[("which", long), ("value", long)]);
            let f = core.declare("f", proto);
            let mut b = core.define(f);
            let var = b.var("s", s);
            let place = b.place(var);
            b.zero(place);
            let (which, value) = (b.param(0), b.param(1));
            // All others are ones; what is read back must be the value alone.
            let one = b.int(ty, if signed { -1 } else { i128::from(u64::MAX) });
            for name in &names {
                let field = b.field(place, name);
                b.store(field, one);
            }
            let value = b.cast(value, ty);
            let mut results: Vec<Value> = Vec::new();
            for name in &names {
                let number = b.int(long, i128::try_from(results.len()).unwrap());
                let hit = b.cmp(skep_codegen::build::core::Cmp::Eq, which, number);
                b.begin_if(hit);
                let field = b.field(place, name);
                b.store(field, value);
                let found = b.load(field);
                let found = b.cast(found, long);
                b.ret(Some(found));
                b.end();
                results.push(number);
            }
            let mut all = b.int(ty, if signed { -1 } else { i128::from(u64::MAX) });
            for (name, &bits) in names.iter().zip(widths) {
                let field = b.field(place, name);
                let found = b.load(field);
                let full = b.int(ty, if signed { -1 } else { (1i128 << bits) - 1 });
                let differs = b.bin(Bin::Xor, found, full);
                all = b.bin(Bin::Xor, all, differs);
            }
            let all = b.cast(all, long);
            b.ret(Some(all));
            b.finish();
            for (at, &bits) in (0u64..).zip(widths) {
                for value in [0, 1, 0x5555_5555_5555_5555, MAX, 0x1234_5678_9abc_def0] {
                    let unused = 64 - u32::from(bits);
                    let expected = if signed {
                        ((value << unused).cast_signed() >> unused).cast_unsigned()
                    } else {
                        value << unused >> unused
                    };
                    assert_eq!(run(&m, "f", &[at, value]), expected, "{widths:?} {at} {signed}");
                }
            }
            assert_eq!(run(&m, "f", &[99, 0]), MAX, "{widths:?} {signed}");
        }
    }
}

#[test]
fn odd_integers_and_truth_values_in_memory() {
    let mut m = Module::new("t");
    let core = m.core();
    let (odd, long, flag) = (core.signed(12), core.signed(64), core.bool());
    let pair = core.structure("pair", &[Member::new("odd", odd), Member::new("flag", flag)]);
    let proto = core.func_type(long, &[("x", long)]);
    let f = core.declare("f", proto);
    let mut b = core.define(f);
    let var = b.var("pair", pair);
    let place = b.place(var);
    let (at, flag_at) = (b.field(place, "odd"), b.field(place, "flag"));
    let x = b.param(0);
    let narrow = b.cast(x, odd);
    b.store(at, narrow);
    let truth = b.truth(x);
    b.store(flag_at, truth);
    let (narrow, truth) = (b.load(at), b.load(flag_at));
    let (wide, truth) = (b.cast(narrow, long), b.cast(truth, long));
    let sum = b.bin(Bin::Add, wide, truth);
    b.ret(Some(sum));
    b.finish();
    assert_eq!(run(&m, "f", &[0xfff]), 0);
    assert_eq!(run(&m, "f", &[0x1_7ff]), 0x800);
    assert_eq!(run(&m, "f", &[0]), 0);
}

#[test]
fn packed_members_are_read_and_written() {
    let mut m = Module::new("t");
    let core = m.core();
    let (byte, long) = (core.unsigned(8), core.unsigned(64));
    let odd = core.packed("odd", &[Member::new("a", byte), Member::new("b", long), Member::new("c", byte)]);
    let odds = core.array(odd, 2);
    let proto = core.func_type(long, &[("x", long), ("at", long)]);
    let f = core.declare("f", proto);
    let mut b = core.define(f);
    let var = b.var("odds", odds);
    let place = b.place(var);
    b.zero(place);
    let (x, at) = (b.param(0), b.param(1));
    let elem = b.index(place, at);
    let field = b.field(elem, "b");
    b.store(field, x);
    let zero = b.int(long, 0);
    let (first, one) = (b.index(place, zero), b.int(long, 1));
    let second = b.index(place, one);
    let (first, second) = (b.field(first, "b"), b.field(second, "b"));
    let (first, second) = (b.load(first), b.load(second));
    let difference = b.bin(Bin::Sub, first, second);
    b.ret(Some(difference));
    b.finish();
    assert_eq!(run(&m, "f", &[0x0102_0304_0506_0708, 0]), 0x0102_0304_0506_0708);
    assert_eq!(run(&m, "f", &[5, 1]), (-5i64).cast_unsigned());
}

#[test]
fn functions_are_called_by_pointer_in_user_space() {
    let mut m = Module::new("t");
    let double = m.local_func::<fn(u64) -> u64>("double", |b, (x,)| b.ret(x * 2));
    let square = m.local_func::<fn(u64) -> u64>("square", |b, (x,)| b.ret(x * x));
    m.func::<fn(u64, u64) -> u64>("f", |b, (x, which)| {
        let target = which.eq(0).select(b.func_address(double), b.func_address(square));
        b.ret(b.call_pointer::<fn(u64) -> u64>(target, (x,)));
    });
    assert_eq!((run(&m, "f", &[5, 0]), run(&m, "f", &[5, 1])), (10, 25));
}

#[test]
fn values_and_types_of_the_core_and_of_rust_go_together() {
    let mut m = Module::new("t");
    m.func::<fn(u64) -> u64>("f", |b, (x,)| {
        let sum = b.core(|c| {
            let ty = c.type_of(x.raw());
            let three = c.int(ty, 3);
            c.bin(Bin::Add, x.raw(), three)
        });
        b.ret(b.typed::<u64>(sum) * 2);
    });
    assert_eq!(run(&m, "f", &[4]), 14);
}

#[test]
fn signatures_have_up_to_twelve_parameters() {
    type Twelve = fn(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8) -> u8;
    fn parameters<S: Signature>() -> usize {
        let mut m = Module::new("t");
        let f = m.import::<S>("f");
        m.func::<fn() -> u64>("g", |b, ()| {
            let _ = b.func_address(f);
            b.ret(0u64);
        });
        let module = m.finish().unwrap();
        let f = module.find("f").unwrap();
        module.signature(f).unwrap().params.len()
    }
    assert_eq!((parameters::<fn()>(), parameters::<fn(i64) -> i64>(), parameters::<Twelve>()), (0, 1, 12));
}

/// Chains of both shapes, as long as no program has them: their conditions are branches, and nothing is quadratic.
#[test]
fn long_chains_of_conditions() {
    const LENGTH: i128 = 3000;
    for nested in [false, true] {
        let mut m = Module::new("t");
        let core = m.core();
        let long = core.unsigned(64);
        let proto = core.func_type(long, &[("x", long)]);
        let f = core.declare("f", proto);
        let mut b = core.define(f);
        let x = b.param(0);
        let is = |b: &mut skep_codegen::build::core::FuncBuilder<'_>, number: i128| {
            let number = b.int(long, number * 2);
            b.cmp(skep_codegen::build::core::Cmp::Eq, x, number)
        };
        let mut any = is(&mut b, 0);
        if nested {
            // a || (b || (c || ..))
            for at in 1..LENGTH {
                b.begin_or(any);
                any = is(&mut b, at);
            }
            for _ in 1..LENGTH {
                any = b.end_logic(any);
            }
        } else {
            // ((a || b) || c) || ..
            for at in 1..LENGTH {
                b.begin_or(any);
                let other = is(&mut b, at);
                any = b.end_logic(other);
            }
        }
        b.begin_if(any);
        let one = b.int(long, 1);
        b.ret(Some(one));
        b.end();
        let zero = b.int(long, 0);
        b.ret(Some(zero));
        b.finish();
        let module = m.clone().finish().unwrap();
        let func = &module.funcs[0];
        assert_eq!(func.blocks.len(), usize::try_from(LENGTH).unwrap() + 2, "a block for each compare");
        assert!(func.nodes.len() < 50_000, "{} nodes", func.nodes.len());
        let object = m.compile(&Options::new().opt(Opt::O0)).unwrap();
        let image = skep_link::link(&object, &skep_link::Options::new()).unwrap();
        let engine: Engine<Checked> = Engine::checked(Hosts::new());
        let unit = engine.add(&image).unwrap();
        let f = unit.func("f").unwrap();
        for (x, expected) in [(0, 1), (1, 0), (5998, 1), (6000, 0), (4000, 1)] {
            assert_eq!(f.call(&[x]).unwrap(), expected, "{x}");
        }
    }
}
