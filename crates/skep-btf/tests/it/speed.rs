//! How long small sets take: `cargo test --release -p skep-btf -- --ignored --nocapture speed`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use skep_btf::{BpfType, Btf, BtfBuilder, Endian, Linkage, P};

/// The types of one function.
fn function(types: &mut BtfBuilder) {
    let (long, pointer, int) = (i64::btf(types), P::<u8>::btf(types), u32::btf(types));
    let params = [types.param("x", long), types.param("at", pointer), types.param("len", int)];
    let proto = types.func_proto(long, &params);
    types.func("sum", proto, Linkage::Global);
}

/// 20 types: two functions, a struct with an array, pointers, constants, a variable in a section.
fn twenty(types: &mut BtfBuilder) {
    function(types);
    let (char, short, comm, int) = (i8::btf(types), u16::btf(types), <[u8; 16]>::btf(types), u32::btf(types));
    let members = [
        types.member("pid", int, 0),
        types.member("port", short, 32),
        types.member("flag", char, 48),
        types.member("comm", comm, 56),
    ];
    let event = types.structure("event", 24, &members);
    let pointer = types.ptr(event);
    let params = [types.param("event", pointer)];
    let proto = types.func_proto(int, &params);
    types.func("emit", proto, Linkage::Static);
    let constant = types.constant(event);
    let constants = types.ptr(constant);
    let name = types.typedef("event_t", constants);
    let var = types.var("last", name, Linkage::Global);
    types.datasec(".data", 8, &[skep_btf::SecVar { var, offset: 0, size: 8 }]);
    P::<P<i8>>::btf(types);
}

/// The best time of one run.
fn best(mut run: impl FnMut()) -> Duration {
    let times = (0..200).map(|_| {
        let start = Instant::now();
        (0..100).for_each(|_| run());
        start.elapsed() / 100
    });
    times.min().unwrap()
}

fn check(name: &str, limit: Duration, add: fn(&mut BtfBuilder)) {
    let built = || {
        let mut types = Btf::builder();
        add(&mut types);
        types
    };
    let count = built().build().unwrap().count();
    let adding = best(|| drop(black_box(built())));
    let all = best(|| drop(black_box(built().build().unwrap().to_bytes(Endian::Little))));
    let mut types = built();
    let again = best(|| add(black_box(&mut types)));
    eprintln!("{name}: {count} types; added in {adding:?}, found again in {again:?}, as bytes in {all:?}");
    assert!(all <= limit, "{all:?} for {name}, expected at most {limit:?}");
}

#[test]
#[ignore = "measures time: for a release build on an idle machine"]
fn speed_of_small_sets() {
    check("a function", Duration::from_micros(1), function);
    check("twenty types", Duration::from_micros(3), twenty);
}
