//! Bodies that make sense in a program of any type: they return 0, and use no context.

use skep::build::{Fb, ForEach, Inner};
use skep::{BpfType, MapKind, Module, P, V, helpers};

/// Defines one program of a section in a module of its own.
pub(super) type Make = fn(&mut Module, &str);

/// Each body, and its name.
pub(super) const ALL: &[(&str, Make)] = &[
    ("mix32", |m, s| program(m, s, mix32)),
    ("sum_loop", |m, s| program(m, s, sum_loop)),
    ("histogram", |m, s| program(m, s, histogram)),
    ("dispatch", |m, s| program(m, s, dispatch)),
    ("signed_division", |m, s| program(m, s, signed_division)),
    ("short_circuit", |m, s| program(m, s, short_circuit)),
    ("stack_index", |m, s| program(m, s, stack_index)),
    ("bytes", |m, s| program(m, s, bytes)),
    ("hash", |m, s| counter(m, s, MapKind::Hash)),
    ("array", |m, s| counter(m, s, MapKind::Array)),
    ("percpu_hash", |m, s| counter(m, s, MapKind::PerCpuHash)),
    ("percpu_array", |m, s| counter(m, s, MapKind::PerCpuArray)),
    ("lru_hash", |m, s| counter(m, s, MapKind::LruHash)),
    ("lru_percpu_hash", |m, s| counter(m, s, MapKind::LruPerCpuHash)),
    ("struct_key", struct_key),
    ("lpm_trie", lpm_trie),
    ("queue", |m, s| queue(m, s, MapKind::Queue)),
    ("stack", |m, s| queue(m, s, MapKind::Stack)),
    ("ringbuf", ringbuf),
    ("bloom_filter", bloom_filter),
    ("array_of_maps", array_of_maps),
    ("hash_of_maps", hash_of_maps),
    ("prog_array", prog_array),
    ("globals", globals),
    ("subprograms", subprograms),
    ("many_arguments", many_arguments),
    ("callback", callback),
    ("for_each", for_each),
];

fn program(m: &mut Module, section: &str, body: for<'f> fn(&Fb<'f>)) {
    m.program(section, "prog", |b, _| {
        body(b);
        b.ret(0i32);
    });
}

fn random<'f>(b: &Fb<'f>) -> V<'f, u32> {
    b.helper(helpers::GET_PRANDOM_U32, ())
}

/// Keeps a value alive: the verifier, and no pass, may know what becomes of it.
fn consume<'f>(b: &Fb<'f>, value: V<'f, u64>) {
    let place = b.local("sink", value);
    place.volatile().set(value);
}

fn mix32(b: &Fb<'_>) {
    let x = random(b);
    let y = random(b);
    let a = (x ^ (y >> 7)) * 0x9e37_79b1;
    let c = (a << 13) | (a >> 19);
    consume(b, (c + y).cast::<u64>());
}

fn sum_loop(b: &Fb<'_>) {
    let sum = b.local("sum", 0u64);
    b.for_range(0u32, 64u32, |_, i| sum.set(sum.get() + (i * i).cast::<u64>()));
    consume(b, sum.get());
}

fn histogram(b: &Fb<'_>) {
    let counts = b.zeroed::<[u32; 16]>("counts");
    b.for_range(0u32, 32u32, |b, i| {
        let bucket = (random(b) + i) & 15;
        let count = counts.index(bucket);
        count.set(count.get() + 1);
    });
    consume(b, counts.index(3u32).get().cast::<u64>());
}

fn dispatch(b: &Fb<'_>) {
    let result = b.local("result", 0u64);
    let x = random(b);
    b.switch(x & 7)
        .case(0, |_| result.set(3u64))
        .case(1, |_| result.set(x.cast::<u64>() * 5))
        .case(2, |_| result.set(x.cast::<u64>() >> 3))
        .cases(&[4, 5, 6], |_| result.set(17u64))
        .default(|b| result.set(b.helper(helpers::KTIME_GET_NS, ())));
    consume(b, result.get());
}

fn signed_division(b: &Fb<'_>) {
    let x = random(b).cast::<i32>();
    let y = (random(b) & 0xff).cast::<i32>() - 100;
    let q = x / y + x % y;
    let wide = x.cast::<i64>() / -7;
    consume(b, (q.cast::<i64>() + wide).cast::<u64>());
}

fn short_circuit(b: &Fb<'_>) {
    let (x, y) = (random(b), random(b));
    let both = x.lt(1000).and(|_| (y & 1).eq(1).or(|_| y.gt(5)));
    b.if_(both, |b| {
        consume(b, x.cast::<u64>());
        b.ret(0i32);
    });
    b.if_else(x.cast::<i32>().lt(0), |b| consume(b, y.cast::<u64>()), |b| consume(b, (x + y).cast::<u64>()));
}

fn stack_index(b: &Fb<'_>) {
    let table = b.local("table", [3u64, 1, 4, 1, 5, 9, 2, 6]);
    let at = random(b);
    b.if_(at.lt(8), |b| consume(b, table.index(at).get()));
    table.index(at & 7).set(0u64);
    consume(b, table.index((at >> 3) & 7).get());
}

fn bytes(b: &Fb<'_>) {
    let name = b.zeroed::<[u8; 16]>("name");
    b.for_range(0u32, 15u32, |_, i| name.index(i).set((i + 97).cast::<u8>()));
    let equal = b.local("equal", 1u64);
    let other = b.local("other", *b"abcdefghijklmno\0");
    b.for_range(0u32, 16u32, |b, i| {
        b.if_(name.index(i).get().ne(other.index(i).get()), |b| {
            equal.set(0u64);
            b.break_();
        });
    });
    consume(b, equal.get());
}

fn counter(m: &mut Module, section: &str, kind: MapKind) {
    let map = m.map::<u32, u64>("counts", kind).entries(64).done();
    m.program(section, "prog", |b, _| {
        let key = b.local("key", random(b) & 63);
        let count = b.map_lookup(map, key);
        b.if_else(count.is_null(), |b| b.map_update(map, key, 1u64), |_| count.store(count.load() + 1));
        b.if_(key.get().eq(7), |b| b.map_delete(map, key));
        b.ret(0i32);
    });
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
struct Flow {
    source: u32,
    target: u32,
    ports: [u16; 2],
    protocol: u8,
    pad: [u8; 3],
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
struct Stats {
    packets: u64,
    bytes: u64,
    last: u64,
}

fn struct_key(m: &mut Module, section: &str) {
    let flows = m.map::<Flow, Stats>("flows", MapKind::Hash).entries(128).done();
    m.program(section, "prog", |b, _| {
        let key = b.zeroed::<Flow>("key");
        key.field(Flow::source).set(random(b));
        key.field(Flow::ports).index(1u32).set(443u16);
        key.field(Flow::protocol).set(6u8);
        let stats = b.map_lookup(flows, key);
        b.if_(stats.is_null(), |b| {
            let new = b.zeroed::<Stats>("new");
            new.field(Stats::packets).set(1u64);
            b.map_update(flows, key, new);
            b.ret(0i32);
        });
        stats.field(Stats::packets).addr().atomic_add(1u64);
        stats.field(Stats::last).set(b.helper(helpers::KTIME_GET_NS, ()));
        b.ret(0i32);
    });
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
struct Prefix {
    bits: u32,
    address: [u8; 4],
}

fn lpm_trie(m: &mut Module, section: &str) {
    /// `BPF_F_NO_PREALLOC`
    const NO_PREALLOC: u32 = 1;
    let routes = m.map::<Prefix, u32>("routes", MapKind::LpmTrie).entries(32).flags(NO_PREALLOC).done();
    m.program(section, "prog", |b, _| {
        let key = b.local("key", Prefix { bits: 32, address: [10, 1, 2, 3] });
        key.field(Prefix::address).index(3u32).set(random(b).cast::<u8>());
        let route = b.map_lookup(routes, key);
        b.if_(route.is_some(), |b| consume(b, route.load().cast::<u64>()));
        b.ret(0i32);
    });
}

fn queue(m: &mut Module, section: &str, kind: MapKind) {
    let queue = m.map::<(), u64>("queue", kind).entries(16).done();
    m.program(section, "prog", |b, _| {
        b.map_push(queue, random(b).cast::<u64>());
        let value = b.local("value", 0u64);
        b.if_(b.map_pop(queue, value).eq(0), |b| consume(b, value.get()));
        b.ret(0i32);
    });
}

fn ringbuf(m: &mut Module, section: &str) {
    let events = m.map::<(), Stats>("events", MapKind::RingBuf).entries(4096).done();
    m.program(section, "prog", |b, _| {
        let event = b.ringbuf_reserve(events);
        b.if_(event.is_null(), |b| b.ret(0i32));
        event.field(Stats::packets).set(1u64);
        event.field(Stats::bytes).set(random(b).cast::<u64>());
        event.field(Stats::last).set(0u64);
        b.if_else(
            event.field(Stats::bytes).get().gt(10),
            |b| b.ringbuf_submit(event),
            |b| b.ringbuf_discard(event),
        );
        b.ret(0i32);
    });
}

fn bloom_filter(m: &mut Module, section: &str) {
    let seen = m.map::<(), u32>("seen", MapKind::BloomFilter).entries(64).done();
    m.program(section, "prog", |b, _| {
        let value = b.local("value", random(b));
        b.if_(b.map_peek(seen, value).ne(0), |b| b.map_push(seen, value));
        b.ret(0i32);
    });
}

fn array_of_maps(m: &mut Module, section: &str) {
    let inner = m.map::<u32, u64>("inner", MapKind::Array).entries(4).done();
    let outer = m
        .map::<u32, Inner<u32, u64>>("outer", MapKind::ArrayOfMaps)
        .entries(2)
        .inner(inner)
        .hold_map(0, inner)
        .done();
    m.program(section, "prog", |b, _| {
        let map = b.map_lookup(outer, 0u32);
        b.if_(map.is_some(), |b| {
            let value = b.map_lookup(map, 1u32);
            b.if_(value.is_some(), |_| value.atomic_add(2u64));
        });
        b.ret(0i32);
    });
}

fn hash_of_maps(m: &mut Module, section: &str) {
    let inner = m.map::<u32, u32>("inner", MapKind::Hash).entries(8).done();
    let outer = m.map::<u64, Inner<u32, u32>>("outer", MapKind::HashOfMaps).entries(8).inner(inner).done();
    m.program(section, "prog", |b, _| {
        let map = b.map_lookup(outer, random(b).cast::<u64>());
        b.if_(map.is_null(), |b| b.ret(0i32));
        b.map_update(map, 1u32, random(b));
        b.ret(0i32);
    });
}

fn prog_array(m: &mut Module, section: &str) {
    let next = m.map::<u32, u32>("next", MapKind::ProgArray).entries(4).done();
    m.program(section, "prog", |b, ctx| {
        b.tail_call(ctx, next, random(b) & 3);
        b.ret(0i32);
    });
}

fn globals(m: &mut Module, section: &str) {
    let count = m.zeroed::<u64>("count");
    let limit = m.constant::<u32>("limit", 100);
    let table = m.global::<[u16; 8]>("table", [1, 2, 3, 4, 5, 6, 7, 8]);
    m.program(section, "prog", |b, _| {
        let x = random(b);
        b.if_(x.lt(b.global(limit)), |b| {
            b.global(count).addr().atomic_add(1u64);
            let entry = b.global(table).index(x & 7);
            entry.set(entry.get() + 1);
        });
        b.ret(0i32);
    });
}

fn subprograms(m: &mut Module, section: &str) {
    let twice = m.local_func::<fn(u64) -> u64>("twice", |b, (x,)| b.ret(x * 2));
    let weigh = m.func::<fn(u32, u32) -> u32>("weigh", |b, (x, y)| {
        let sum = b.local("sum", 0u32);
        b.for_range(0u32, 8u32, |_, i| sum.set(sum.get() + (x ^ i) * y));
        b.ret(sum.get());
    });
    m.program(section, "prog", |b, _| {
        let x = random(b);
        let a = b.call(twice, (x.cast::<u64>(),));
        let c = b.call(weigh, (x, random(b)));
        consume(b, a + c.cast::<u64>());
        b.ret(0i32);
    });
}

/// Seven arguments: the kernel passes five in registers, so the others go through memory.
fn many_arguments(m: &mut Module, section: &str) {
    let mix =
        m.local_func::<fn(u64, u64, u64, u64, u64, u64, u64) -> u64>("mix", |b, (a, c, d, e, f, g, h)| {
            b.if_(a.gt(c), |b| b.ret(d ^ h));
            b.ret((a + c * 3) ^ (d + e * 5) ^ (f + g * 7) ^ h);
        });
    m.set_inline(mix, skep::codegen::ir::Inline::Never);
    m.program(section, "prog", |b, _| {
        let x = random(b).cast::<u64>();
        let y = random(b).cast::<u64>();
        consume(b, b.call(mix, (x, y, x + 1, y + 1, x + 2, y + 2, x * y)));
        b.ret(0i32);
    });
}

fn callback(m: &mut Module, section: &str) {
    m.program(section, "prog", |b, _| {
        let step = b.func::<fn(u32, P<u64>) -> i64>("step", |b, (i, sum)| {
            sum.store(sum.load() + i.cast::<u64>());
            b.ret(i.gt(900).select(1i64, 0i64));
        });
        let sum = b.local("sum", 0u64);
        b.bpf_loop(1000u32, step, sum);
        consume(b, sum.get());
        b.ret(0i32);
    });
}

fn for_each(m: &mut Module, section: &str) {
    let map = m.map::<u32, u64>("counts", MapKind::Array).entries(16).done();
    m.program(section, "prog", |b, _| {
        let add = b.func::<ForEach<u32, u64, u64>>("add", |b, (_, _, value, sum)| {
            sum.store(sum.load() + value.load());
            b.ret(0i64);
        });
        let sum = b.local("sum", 0u64);
        b.map_for_each(map, add, sum);
        consume(b, sum.get());
        b.ret(0i32);
    });
}
