//! What is told when the kernel refuses a program.

use skep_kernel::{Error, Log, Options, Refusal, load};

use crate::support::{image, may_load};

fn refusal(text: &str, options: &Options) -> Box<Refusal> {
    match load(&image(text), options) {
        Ok(_) => panic!("it was loaded:\n{text}"),
        Err(Error::Refused(refusal)) => refusal,
        Err(error) => panic!("{error}"),
    }
}

/// Checks what is shown of a refusal of `main`, an XDP program under the GPL, whose code begins in line 4.
fn check(code: &str, expected: &str) {
    let text = format!(".license \"GPL\"\n.globl main\n.section xdp\n{code}\n");
    let refusal = refusal(&text, &Options::new());
    assert_eq!(
        refusal.to_string(),
        format!("the kernel refuses program 'main' (section 'xdp'): {expected}"),
        "{}",
        refusal.log
    );
}

#[test]
fn the_reason_the_place_and_the_remedy_are_shown() {
    if !may_load() {
        return;
    }
    check(
        "
main:   *(u32 *)(r10 - 4) = 0
        r1 = m ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        r0 = *(u64 *)(r0 + 0)
        exit
        .map    m, type=hash, key=4, value=8, max_entries=4",
        "R0 invalid mem access 'map_value_or_null'
    at test.s:10: r0 = *(u64 *)(r0 + 0)
    at main+0x30: r0 = *(u64 *)(r0 + 0x0)
    remedy: the key may not be in the map: compare what the lookup returned with 0 before it is used",
    );
    check(
        "main: r2 = *(u32 *)(r1 + 0)\n r0 = *(u8 *)(r2 + 0)\n exit",
        "invalid access to packet, off=0 size=1, R2(id=0,off=0,r=0); R2 offset is outside of the packet
    at test.s:5: r0 = *(u8 *)(r2 + 0)
    at main+0x8: w0 = *(u8 *)(r2 + 0x0)
    remedy: compare the end of the access with `data_end` first, in the same function, with the same pointer",
    );
    check(
        "main: goto main",
        "infinite loop detected at insn 0
    at test.s:4: main: goto main
    at main+0x0: goto -0x1
    remedy: nothing changes from one round to the next: count the rounds, or use `bpf_loop` or `may_goto`",
    );
    check(
        "main: r0 = 0\n goto 1f\n r0 = 1\n1: exit",
        "unreachable insn 2
    at test.s:6: r0 = 1
    at main+0x10: r0 = 0x1
    remedy: no path leads there: remove it",
    );
    check(
        "main: call f\n exit\n .text\nf: call f\n r0 = 0\n exit",
        "the call stack of 9 frames is too deep
    at test.s:7: f: call f
    at f+0x0: call f
    remedy: calls nest 8 deep at most, and a function cannot call itself",
    );
    // In a callback; the log shows its instructions behind those of the caller.
    check(
        "main: r1 = 1\n r2 = f ll\n r3 = 0\n r4 = 0\n call bpf_loop\n r0 = 0\n exit
        .text\n.type f, @function\nf: r0 = 1\n r0 = *(u64 *)(r2 + 0)\n exit",
        "R2 invalid mem access 'scalar'
    at test.s:14: r0 = *(u64 *)(r2 + 0)
    at f+0x8: r0 = *(u64 *)(r2 + 0x0)
    remedy: it is a number, not a pointer: memory of the kernel is read by `bpf_probe_read_kernel`, and pointers that \
         were stored in maps or data are lost",
    );
}

/// Checks reason and remedy.
fn check_remedy(code: &str, reason: &str, remedy: &str) {
    let text = format!(".globl main\n.section xdp\n{code}\n");
    let refusal = refusal(&text, &Options::new());
    assert!(refusal.reason.starts_with(reason), "{refusal}");
    assert!(refusal.remedy.starts_with(remedy) && !remedy.is_empty(), "{refusal}");
}

#[test]
fn common_reasons_have_remedies() {
    if !may_load() {
        return;
    }
    check_remedy("main: exit", "R0 !read_ok", "every path must set the result");
    check_remedy("main: r0 = r2\n exit", "R2 !read_ok", "it has no value on some path");
    check_remedy(
        "main: r0 = *(u64 *)(r1 + 1000)\n exit",
        "invalid bpf_context access",
        "programs of this type may not",
    );
    check_remedy(
        "main: *(u64 *)(r10 - 520) = 0\n r0 = 0\n exit",
        "invalid write to stack",
        "a frame has 512 bytes",
    );
    check_remedy("main: call 9999\n exit", "invalid func unknown#9999", "no helper has this number");
    check_remedy(
        "main: r1 = 0
 r2 = 0
 call bpf_trace_printk
 exit",
        "cannot call GPL-restricted function from non-GPL",
        "the function is only for programs under the GPL",
    );
    check_remedy(
        "main: r1 = 0
 r2 = 0
 call bpf_csum_diff
 exit",
        "R3 !read_ok",
        "it has no value on some path",
    );
    check_remedy(
        "main: call bpf_get_current_comm
 exit",
        "R1 type=ctx expected=fp",
        "the helper takes another kind of pointer",
    );
    check_remedy("main: r1 += r10\n r0 = 0\n exit", "R1 pointer += pointer", "addresses cannot be added");
    check_remedy(
        "main: call bpf_skb_load_bytes\n exit",
        "program of this type cannot use helper",
        "programs of this type may not call this helper",
    );
    check_remedy(
        "main: call f\n exit\n.text\nf: *(u64 *)(r10 - 512) = 0\n call g\n r0 = 0\n exit\ng: *(u64 *)(r10 - 8) = 0\n r0 = 0\n exit",
        "combined stack size of",
        "functions that call each other",
    );
}

#[test]
fn a_loop_that_is_too_long_is_told_by_the_end_of_its_log() {
    if !may_load() {
        return;
    }
    let text = ".section xdp\nmain: r1 = 0\n1: r1 += 1\n if r1 != 0 goto 1b\n r0 = 0\n exit";
    let refusal = refusal(text, &Options::new());
    assert_eq!(refusal.errno.raw_os_error(), Some(7));
    assert!(refusal.reason.starts_with("BPF program is too large. Processed 1000001 insn"), "{refusal}");
    assert!(refusal.remedy.starts_with("the verifier walks through each round"), "{refusal}");
    assert!(refusal.place.is_some_and(|place| place.function == "main" && (1..=2).contains(&place.slot)));
    assert!(refusal.log.starts_with("[the beginning is cut off]\n") && refusal.log.len() <= 1 << 20);
}

#[test]
fn logs_are_asked_for() {
    if !may_load() {
        return;
    }
    let never = refusal(".section xdp\nmain: exit", &Options::new().log(Log::Never));
    assert_eq!((never.log.as_str(), never.place.is_none()), ("", true));
    assert_eq!(
        never.to_string(),
        "the kernel refuses program 'main' (section 'xdp'): Permission denied (os error 13)"
    );
    let image = image(".section xdp\nmain: r0 = 2\n exit");
    let log = |options: &Options| load(&image, options).unwrap().programs()[0].log().to_owned();
    assert_eq!(log(&Options::new()), "");
    assert!(log(&Options::new().log(Log::Full)).contains("0: (b7) r0 = 2"));
}
