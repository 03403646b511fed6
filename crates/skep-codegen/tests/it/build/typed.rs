//! The typed layer.

use skep_codegen::build::{MapKind, Module, helpers};

use super::golden;

#[test]
fn a_program_with_a_map() {
    let mut m = Module::new("opens");
    m.license("GPL");
    let hits = m.map::<u32, u64>("hits", MapKind::Hash).entries(10_240).done();
    m.program("tracepoint/syscalls/sys_enter_openat", "on_open", |b, _ctx| {
        let pid = b.helper(helpers::GET_CURRENT_PID_TGID, ()) >> 32;
        let key = b.local("pid", pid.cast::<u32>());
        let count = b.map_lookup(hits, key);
        b.if_else(count.is_null(), |b| b.map_update(hits, key, 1u64), |_| count.atomic_add(1u64));
        b.ret(0i32);
    });
    let module = m.finish().unwrap();
    golden("a_program_with_a_map", &module);
}

#[test]
fn functions_that_call() {
    let mut m = Module::new("square.c");
    let square = m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x));
    m.func::<fn(i64) -> i64>("sum_squares", |b, (n,)| {
        let (sum, i) = (b.local("sum", 0i64), b.local("i", 0i64));
        b.while_(
            |_| i.get().lt(n),
            |b| {
                sum.set(sum.get() + b.call(square, (i.get(),)));
                i.set(i.get() + 1);
            },
        );
        b.ret(sum.get());
    });
    let module = m.finish().unwrap();
    golden("functions_that_call", &module);
}
