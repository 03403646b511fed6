//! Helpers, called by programs.

use skep_vm::{Hosts, TrapKind};

use crate::support::{COMPILERS, assemble, both, checked, read, refusal, run, trusting};

/// Each function of `c/helpers.c` checks one kin of helpers, and returns the line of what it did not expect.
#[test]
fn helpers_do_what_the_kernel_documents() {
    for compiler in COMPILERS {
        let Some(object) = compiler.compile("helpers.c") else { continue };
        for (mode, unit) in both(&Hosts::new(), &read(&object)) {
            let mut count = 0;
            for func in unit.image().funcs.iter().filter(|func| func.name.starts_with("test_")) {
                let result = unit.func(&func.name).unwrap().call(&[]);
                assert_eq!(
                    result.ok(),
                    Some(0),
                    "line of the failure in {}, {mode}, {compiler:?}",
                    func.name
                );
                count += 1;
            }
            assert_eq!(count, 13, "{compiler:?}");
        }
    }
}

#[test]
fn missing_helpers_are_named_before_anything_runs() {
    let error = refusal(trusting(&Hosts::new()).add(&assemble(".globl main\nmain: call 26\n exit\n")));
    assert_eq!(
        error,
        "function 'main', slot 0: helper bpf_skb_load_bytes (#26) needs the kernel; user space has those for maps, \
         memory, strings, time and control flow"
    );
}

/// What a checked program gets for a helper's bad pointer, record or lock.
fn check(body: &str, expected: &str) {
    let image = assemble(&format!(
        "
        .globl main
main:   {}
        exit
        .map ring, type=ringbuf, max_entries=4096
        .map hash, type=hash, key=4, value=8, max_entries=4
        .bss
lock:   .space 8
",
        body.replace(';', "\n")
    ));
    let unit = checked(&Hosts::new()).add(&image).unwrap();
    let trap: TrapKind = run(&unit, &[]).unwrap_err();
    assert!(trap.to_string().starts_with(expected), "{body}: {trap}");
}

#[test]
fn checked_programs_cannot_misuse_helpers() {
    check("r1 = 8; r2 = r10; r2 += -4; call 1", "map: 0x8 is no map of this program");
    check("r1 = hash ll; r2 = 8; call 1", "read of 4 bytes at 0x8 lies outside");
    check("r1 = hash ll; r2 = r10; r2 += -4; r3 = r2; r4 = 0; call 2", "read of 8 bytes at 0x");
    check("r1 = hash ll; r2 = 0; r3 = 8; call 10001", "write of 4 bytes at 0x8 lies outside");
    check("r1 = 8; r2 = 4; r3 = r10; call 4", "write of 4 bytes at 0x8 lies outside");
    check("r1 = 3; r2 = 8; r3 = 0; r4 = 0; call 181", "call of 0x8, which is no function of the program");
    check("r1 = lock ll; call 93; r1 = lock ll; call 93", "bpf_spin_lock: the lock at 0x");
    check("r1 = lock ll; call 94", "bpf_spin_unlock: the lock at 0x");
    check("r1 = lock ll; r1 += 2; call 93", "atomic access of 4 bytes at 0x");
}

#[test]
fn a_record_is_the_programs_until_it_is_submitted() {
    let reserve = "r1 = ring ll; r2 = 16; r3 = 0; call 131; r6 = r0; *(u64 *)(r6 + 8) = 1;";
    check(&format!("{reserve} *(u64 *)(r6 + 16) = 1"), "write of 8 bytes at 0x");
    check(&format!("{reserve} r1 = r6; r2 = 0; call 132; *(u64 *)(r6 + 0) = 1"), "write of 8 bytes at 0x");
    check(
        &format!("{reserve} r1 = r6; r2 = 0; call 133; r1 = r6; r2 = 0; call 133"),
        "bpf_ringbuf_discard: 0x",
    );
    check(&format!("{reserve} r1 = r6; r1 += 8; r2 = 0; call 132"), "bpf_ringbuf_submit: 0x");
    check("r1 = 8; r2 = 0; call 132", "bpf_ringbuf_submit: 0x8 is no record that has been reserved");
}
