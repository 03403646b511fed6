//! The dynamic core.

use skep_btf::CoreKind;
use skep_codegen::build::core::{Bin, Cmp, Data, FuncBuilder, MapSpec, Member, Module};

use super::golden;

/// Builds a function `f` of those 64-bit signed parameters.
#[track_caller]
fn check(name: &str, params: usize, build: impl FnOnce(&mut FuncBuilder<'_>)) {
    let mut m = Module::new("t");
    let long = m.signed(64);
    let ty = m.func_type(long, &vec![("x", long); params]);
    let f = m.declare("f", ty);
    let mut b = m.define(f);
    build(&mut b);
    b.finish();
    golden(name, &m.finish().unwrap());
}

#[test]
fn arithmetic() {
    check("arithmetic", 2, |b| {
        let (x, y) = (b.param(0), b.param(1));
        let sum = b.bin(Bin::Add, x, y);
        let quotient = b.bin(Bin::Div, sum, y);
        b.ret(Some(quotient));
    });
}

#[test]
fn a_loop_makes_parameters_for_what_changes() {
    check("a_loop_makes_parameters_for_what_changes", 1, |b| {
        let long = b.module().signed(64);
        let (sum, i) = (b.var("sum", long), b.var("i", long));
        let zero = b.int(long, 0);
        b.set(sum, zero);
        b.set(i, zero);
        let turn = b.begin_loop();
        let (at, n) = (b.get(i), b.param(0));
        let go_on = b.cmp(Cmp::Lt, at, n);
        b.break_unless(turn, go_on);
        let (s, at) = (b.get(sum), b.get(i));
        let s = b.bin(Bin::Add, s, at);
        b.set(sum, s);
        let one = b.int(long, 1);
        let at = b.bin(Bin::Add, at, one);
        b.set(i, at);
        b.end();
        let s = b.get(sum);
        b.ret(Some(s));
    });
}

#[test]
fn and_or_become_branches() {
    check("and_or_become_branches", 2, |b| {
        let (x, y) = (b.param(0), b.param(1));
        let long = b.module().signed(64);
        let zero = b.int(long, 0);
        let a = b.cmp(Cmp::Lt, x, zero);
        b.begin_and(a);
        let c = b.cmp(Cmp::Gt, y, zero);
        let both = b.end_logic(c);
        b.begin_or(both);
        let d = b.cmp(Cmp::Eq, x, y);
        let any = b.end_logic(d);
        b.begin_if(any);
        b.ret(Some(x));
        b.end();
        b.ret(Some(y));
    });
}

#[test]
fn memory() {
    check("memory", 1, |b| {
        let m = b.module();
        let (byte, int, long) = (m.unsigned(8), m.signed(32), m.signed(64));
        let pair = m.structure(
            "pair",
            &[Member::new("a", byte), Member::new("b", int).bits(5), Member::new("c", long)],
        );
        let pairs = m.array(pair, 4);
        let g = m.global("g", pairs, Data::Zero);
        let map = m.map("hits", &MapSpec::new(skep_btf::maps::MapType::HASH).key(int).value(long).entries(4));
        let x = b.param(0);
        let place = b.global(g);
        let place = b.index(place, x);
        let c = b.field(place, "c");
        b.store(c, x);
        let bits = b.field(place, "b");
        let v = b.load(bits);
        let k = b.var("k", int);
        b.set(k, v);
        b.store(bits, v);
        let k = b.place(k);
        let key = b.address_of(k);
        let found = b.map_lookup(map, key);
        b.begin_if(found);
        let p = b.deref(found);
        let v = b.load(p);
        b.ret(Some(v));
        b.end();
        let flag = b.module().bool();
        let t = b.var("t", flag);
        let yes = b.bool(true);
        b.set(t, yes);
        let t = b.get(t);
        let v = b.cast(t, long);
        b.ret(Some(v));
    });
}

#[test]
fn relocations_ask_the_kernel() {
    check("relocations_ask_the_kernel", 1, |b| {
        let m = b.module();
        let (int, long, byte) = (m.signed(32), m.signed(64), m.unsigned(8));
        let comm = m.array(byte, 16);
        let ids = m.structure("", &[Member::new("pid", int), Member::new("tgid", int)]);
        let task = m.structure(
            "task_struct",
            &[Member::new("comm", comm), Member::new("", ids), Member::new("flag", int).bits(3)],
        );
        let state = m.enumeration("state", int, &[("RUNNING", 0), ("STOPPED", 4)]);
        let pointer = m.pointer(task);
        let x = b.param(0);
        let task_pointer = b.cast(x, pointer);
        let tgid = b.core_field(task_pointer, "tgid");
        let third = b.core_field(task_pointer, "comm[3]");
        let (tgid, third) = (b.load(tgid), b.load(third));
        let (tgid, third) = (b.cast(tgid, long), b.cast(third, long));
        let mut sum = b.bin(Bin::Add, tgid, third);
        for (kind, ty, path) in [
            (CoreKind::FieldExists, task, "pid"),
            (CoreKind::FieldByteSize, task, "comm"),
            (CoreKind::FieldLshiftU64, task, "flag"),
            (CoreKind::FieldRshiftU64, task, "flag"),
            (CoreKind::FieldSigned, task, "flag"),
            (CoreKind::TypeSize, task, ""),
            (CoreKind::EnumvalValue, state, "STOPPED"),
        ] {
            let answer = b.core_ask(kind, ty, path);
            let answer = b.cast(answer, long);
            sum = b.bin(Bin::Add, sum, answer);
        }
        b.ret(Some(sum));
    });
}
