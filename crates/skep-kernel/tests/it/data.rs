//! Global variables.

use skep_kernel::{Options, TestRun, load};

use crate::support::{image, loaded, may_load, run};

const PROGRAM: &str = "
        .data
        .globl count, limits
count:  .quad 5
limits: .long 1, 2
        .bss
        .globl total
total:  .zero 8
        .section .rodata
        .globl step
step:   .quad 10
        .section socket
        .globl main
main:   r1 = step ll
        r2 = *(u64 *)(r1 + 0)
        r1 = count ll
        r3 = *(u64 *)(r1 + 0)
        r3 += r2
        *(u64 *)(r1 + 0) = r3
        r1 = total ll
        lock *(u64 *)(r1 + 0) += r3
        r0 = r3
        exit
        .license \"GPL\"
";

#[test]
fn variables_are_shared_with_programs() {
    if !may_load() {
        return;
    }
    let loaded = loaded(PROGRAM);
    let [count, total, step] = ["count", "total", "step"].map(|name| loaded.global::<u64>(name).unwrap());
    assert_eq!((count.get().unwrap(), total.get().unwrap(), step.get().unwrap()), (5, 0, 10));
    assert_eq!(run(&loaded, "main"), 15);
    assert_eq!((count.get().unwrap(), total.get().unwrap()), (15, 15));
    count.set(100).unwrap();
    assert_eq!(run(&loaded, "main"), 110);
    assert_eq!(total.get().unwrap(), 125);
    assert_eq!(loaded.global::<[u32; 2]>("limits").unwrap().get().unwrap(), [1, 2]);
}

#[test]
fn constants_get_values_before_they_are_loaded() {
    if !may_load() {
        return;
    }
    let options = Options::new().value("step", 1_u64);
    let loaded = load(&image(PROGRAM), &options).unwrap();
    assert_eq!(run(&loaded, "main"), 6);
    let error = loaded.global::<u64>("step").unwrap().set(3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "data section '.rodata': 'step' is a constant, which cannot be changed once it is loaded; use `Options::value`"
    );
}

#[test]
fn what_does_not_fit_is_told() {
    if !may_load() {
        return;
    }
    let loaded = loaded(PROGRAM);
    let check = |error: skep_kernel::Error, expected: &str| assert_eq!(error.to_string(), expected);
    check(
        loaded.global::<u32>("count").unwrap_err(),
        "data section '.data': 'count' has 8 bytes, `u32` has 4",
    );
    check(loaded.global::<u64>("coutn").unwrap_err(), "no variable 'coutn'; did you mean 'count'?");
    let load = |name: &str, bytes: &[u8]| {
        load(&image(PROGRAM), &Options::new().value_bytes(name, bytes)).unwrap_err()
    };
    check(load("step", &[1]), "data section '.rodata': 'step' has 8 bytes, the value for it 1");
    check(load("stop", &[1]), "no variable 'stop'; did you mean 'step'?");
    let prog = loaded.program("main").unwrap();
    assert!(
        prog.test_run(TestRun::new()).unwrap_err().to_string().contains("a packet begins with the 14 bytes")
    );
}
