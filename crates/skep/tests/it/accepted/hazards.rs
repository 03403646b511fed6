//! Programs that pass the verifier as written, and that ordinary optimizations make it refuse: they move pointer
//! arithmetic over the test that allows it, or narrow one copy of a value and use another.
//!
//! All are XDP programs. They check 64 bytes of the packet first; `off` and `idx` are 64 bits from there, and `v` is the
//! value of a hash map.

use skep::build::{Fb, Map};
use skep::{BpfType, MapKind, Module, P, V};

use super::bodies::Make;

pub(super) const ALL: &[(&str, Make)] = &[
    ("packet offset behind its bound, in a loop", packet_offset),
    ("value offset behind the null test, in a loop", null_test),
    ("only the sum is bounded", bounded_sum),
    ("the narrow copy is bounded, in a loop", narrow_copy),
    ("packet offset, pointers from 32-bit loads, in a loop", zero_extended_pointers),
    ("constant offset behind a check", constant_offset),
    ("select as a clamp", clamp),
    ("truncated, extended, compared as 32 bits", truncated),
    ("masked twice", masked_twice),
    ("shifted left, right, masked", shifted),
    ("variable index of the stack", stack_index),
];

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
#[bpf(name = "xdp_md")]
struct XdpMd {
    data: u32,
    data_end: u32,
}

/// What all of them begin with.
#[derive(Clone, Copy)]
struct Start<'f> {
    data: V<'f, P<u8>>,
    end: V<'f, P<u8>>,
    off: V<'f, u64>,
    idx: V<'f, u64>,
    sum: skep::build::Ref<'f, u64>,
}

fn program(m: &mut Module, section: &str, body: for<'f> fn(&Fb<'f>, Start<'f>, Map<u32, [u8; 64]>)) {
    let values = m.map::<u32, [u8; 64]>("values", MapKind::Hash).entries(4).done();
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let data: V<'_, P<u8>> = ctx.field(XdpMd::data).get().cast();
        let end: V<'_, P<u8>> = ctx.field(XdpMd::data_end).get().cast();
        b.if_(data.add_bytes(64u64).gt(end), |b| b.ret(0i32));
        let words = data.cast::<P<u64>>();
        let sum = b.local("sum", 0u64);
        body(b, Start { data, end, off: words.load(), idx: words.index(1u32).get(), sum }, values);
        b.ret(sum.get().cast::<i32>() & 1);
    });
}

impl<'f> Start<'f> {
    fn take(self, at: V<'f, P<u8>>) {
        self.sum.set(self.sum.get() + at.load().cast::<u64>());
    }
}

fn value<'f>(b: &Fb<'f>, values: Map<u32, [u8; 64]>) -> V<'f, P<u8>> {
    let key = b.local("key", 0u32);
    b.map_lookup(values, key).cast::<P<u8>>()
}

fn packet_offset(m: &mut Module, section: &str) {
    program(m, section, |b, s, _| {
        b.for_range(0u32, 4u32, |b, _| {
            b.if_(s.off.lt(64), |b| {
                let p = s.data.add_bytes(s.off);
                b.if_(p.add_bytes(1u64).le(s.end), |_| s.take(p));
            });
        });
    });
}

fn null_test(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.for_range(0u32, 4u32, |b, _| {
            b.if_(v.is_some(), |_| s.take(v.add_bytes(s.idx & 7)));
        });
    });
}

fn bounded_sum(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        let t = s.idx + 4;
        b.if_(t.lt(48), |_| s.take(v.add_bytes(8u64).add_bytes(t)));
    });
}

fn narrow_copy(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        let w = s.idx.cast::<u32>();
        b.for_range(0u64, 4u64, |b, k| {
            b.if_(w.lt(60), |_| s.take(v.add_bytes(w.cast::<u64>()).add_bytes(k)));
        });
    });
}

fn zero_extended_pointers(m: &mut Module, section: &str) {
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let data: V<'_, P<u8>> = ctx.field(XdpMd::data).get().cast::<u64>().cast();
        let end: V<'_, P<u8>> = ctx.field(XdpMd::data_end).get().cast::<u64>().cast();
        b.if_(data.add_bytes(64u64).gt(end), |b| b.ret(0i32));
        let off = data.cast::<P<u64>>().load();
        let sum = b.local("sum", 0u32);
        b.for_range(0u32, 4u32, |b, _| {
            b.if_(off.lt(64), |b| {
                let p = data.add_bytes(off);
                b.if_(p.add_bytes(1u64).le(end), |_| sum.set(sum.get() + p.load().cast::<u32>()));
            });
        });
        b.ret(sum.get().cast::<i32>() & 1);
    });
}

fn constant_offset(m: &mut Module, section: &str) {
    program(m, section, |_, s, _| s.take(s.data.add_bytes(40u64)));
}

fn clamp(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        s.take(v.add_bytes(s.idx.lt(63).select(s.idx, 63u64)));
    });
}

fn truncated(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        let w = s.idx.cast::<u32>();
        b.if_(w.lt(64), |_| s.take(v.add_bytes(w.cast::<u64>())));
    });
}

fn masked_twice(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        s.take(v.add_bytes((s.idx & 255) & 63));
    });
}

fn shifted(m: &mut Module, section: &str) {
    program(m, section, |b, s, values| {
        let v = value(b, values);
        b.if_(v.is_null(), |b| b.ret(0i32));
        s.take(v.add_bytes((s.idx << 8 >> 10) & 63));
    });
}

fn stack_index(m: &mut Module, section: &str) {
    program(m, section, |b, s, _| {
        let table = b.local("table", [7u8; 16]);
        b.if_(s.idx.lt(16), |_| s.sum.set(s.sum.get() + table.index(s.idx).get().cast::<u64>()));
    });
}
