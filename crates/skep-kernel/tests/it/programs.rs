//! Programs that are loaded and run, but not attached.

use skep_kernel::{Error, Options, Prog, TestRun, load};
use skep_object::section::ProgType;

use crate::support::{image, loaded, may_load, run, tell};

/// What one program returns for a packet of 64 zeros.
fn check(text: &str, expected: u32) {
    assert_eq!(run(&loaded(&format!("{text}\n.license \"GPL\"")), "main"), expected, "{text}");
}

#[test]
fn packet_programs_of_several_types_run() {
    if !may_load() {
        return;
    }
    for section in ["socket", "xdp", "tc", "action", "cgroup_skb/ingress", "lwt_in", "flow_dissector"] {
        let text = format!(".section {section}\nmain: r0 = 1\n exit");
        assert_eq!(loaded(&text).program("main").unwrap().section(), section);
    }
    check(".section socket\nmain: r0 = 7\n exit", 7);
    check(".section tc\nmain: r0 = *(u32 *)(r1 + 0)\n exit", 64);
    check(".section xdp\nmain: r0 = *(u32 *)(r1 + 4)\n w1 = *(u32 *)(r1 + 0)\n r0 -= r1\n r0 = 3\n exit", 3);
}

#[test]
fn a_packet_comes_back_changed() {
    if !may_load() {
        return;
    }
    let loaded = loaded(
        "
        .section xdp
main:   r2 = *(u32 *)(r1 + 4)
        r1 = *(u32 *)(r1 + 0)
        r3 = r1
        r3 += 2
        if r3 > r2 goto 1f
        *(u8 *)(r1 + 1) = 0xab
1:      r0 = 2
        exit",
    );
    let result = loaded
        .program("main")
        .unwrap()
        .test_run(TestRun::new().data(&[0; 60]).data_out(100).repeat(10))
        .unwrap();
    assert_eq!((result.retval, result.data_out.len()), (2, 60));
    assert_eq!(result.data_out[..3], [0, 0xab, 0]);
}

#[test]
fn a_syscall_program_changes_its_context() {
    if !may_load() {
        return;
    }
    let loaded = loaded(
        "
        .section syscall
main:   r2 = *(u32 *)(r1 + 0)
        r2 *= 3
        *(u32 *)(r1 + 4) = r2
        r0 = 0
        exit",
    );
    let ctx = [14, 0, 0, 0, 0, 0, 0, 0];
    let run = TestRun::new().ctx(&ctx).ctx_out(8);
    let result = loaded.program("main").unwrap().test_run(&run).unwrap();
    assert_eq!((result.retval, &result.ctx_out[..]), (0, &[14, 0, 0, 0, 42, 0, 0, 0][..]));
}

#[test]
fn subprograms_follow_their_callers() {
    if !may_load() {
        return;
    }
    // In another order than they are called, one twice, one by another.
    check(
        "
        .text
twice:  r0 = r1
        r0 += r1
        exit
plus:   *(u64 *)(r10 - 8) = r2
        call    twice
        r1 = *(u64 *)(r10 - 8)
        r0 += r1
        exit
        .section socket
        .globl main
main:   r1 = 5
        r2 = 1
        call    plus
        r1 = r0
        call    twice
        exit",
        22,
    );
}

#[test]
fn callbacks_are_called() {
    if !may_load() {
        return;
    }
    check(
        "
        .text
        .type step, @function
step:   r3 = *(u64 *)(r2 + 0)
        r3 += r1
        *(u64 *)(r2 + 0) = r3
        r0 = 0
        exit
        .section socket
        .globl main
main:   *(u64 *)(r10 - 8) = 0
        r1 = 5
        r2 = step ll
        r3 = r10
        r3 += -8
        r4 = 0
        call    bpf_loop
        r0 = *(u64 *)(r10 - 8)
        exit",
        10,
    );
}

#[test]
fn tail_calls_go_through_a_program_array() {
    if !may_load() {
        return;
    }
    check(
        "
        .map    next, type=prog_array, key=4, value=4, max_entries=4, values=(2: second)
        .section socket
        .globl main, second
main:   r2 = next ll
        r3 = 2
        call    bpf_tail_call
        r0 = 1
        exit
second: r0 = 99
        exit",
        99,
    );
}

#[test]
fn bytes_of_a_symbol_are_loaded() {
    if !may_load() {
        return;
    }
    let object =
        skep_object::asm::assemble("x.s", ".globl square\nsquare: r0 = 6\n r0 *= r0\n exit").unwrap();
    let square = object.symbol("square").unwrap();
    let prog = Prog::load_bytes(ProgType::SOCKET_FILTER, &square.bytes().unwrap(), "GPL").unwrap();
    assert_eq!(prog.test_run(TestRun::new().data(&[0; 14])).unwrap().retval, 36);
    assert_eq!(prog.verified_insns().unwrap(), 3);
    assert_eq!(prog.xlated().unwrap().len(), 3);
}

#[test]
fn what_is_loaded_can_be_chosen() {
    if !may_load() {
        return;
    }
    let mut image = image(
        ".map next, type=prog_array, max_entries=1, values=(0: f)\n.text\n.globl f\nf: r0 = 3\n exit\n.section socket\n.globl a, b\na: r0 = 1\n exit\nb: r0 = 2\n exit\n.section ?xdp\n.globl c\nc: r0 = 2\n exit",
    );
    let error = |options: &Options| load(&image, options).map(drop).unwrap_err().to_string();
    assert_eq!(error(&Options::new().skip("aa")), "no function 'aa'; did you mean 'a'?");
    assert_eq!(
        error(&Options::new().only("f")),
        "program 'f' (section '.text'): the section does not tell a program type; say one by `Options::program_type`"
    );
    assert_eq!(
        error(&Options::new().program_type("b", ProgType::XDP)),
        "map 'next': slot 0 holds 'f', which is no program: it is in section '.text'"
    );
    image.maps.clear();
    let names = |options: &Options| -> Vec<String> {
        load(&image, options).unwrap().programs().iter().map(|program| program.name().to_owned()).collect()
    };
    assert_eq!(names(&Options::new()), ["a", "b"]);
    assert_eq!(names(&Options::new().skip("a")), ["b"]);
    assert_eq!(names(&Options::new().only("c").only("a")), ["a", "c"]);
    assert_eq!(names(&Options::new().program_type("a", ProgType::XDP).only("a")), ["a"]);
    let ty = |options: &Options| load(&image, options).unwrap().program("a").unwrap().ty();
    assert_eq!(ty(&Options::new().program_type("a", ProgType::SYSCALL)), ProgType::SYSCALL);
}

/// A section for each program type that a section can name, and some more.
const SECTIONS: &[&str] = &[
    "socket",
    "sk_reuseport",
    "sk_reuseport/migrate",
    "kprobe/vfs_read",
    "kretprobe/vfs_read",
    "uprobe.s//bin/sh:0x10",
    "kprobe.multi/vfs_*",
    "uprobe.multi//bin/sh:main",
    "tc",
    "tc/ingress",
    "tcx/egress",
    "netkit/primary",
    "action",
    "tracepoint/syscalls/sys_enter_openat",
    "raw_tracepoint/sys_enter",
    "raw_tracepoint.w/sys_enter",
    "tp_btf/sys_enter",
    "iter/task",
    "syscall",
    "xdp",
    "xdp.frags",
    "xdp/devmap",
    "xdp/cpumap",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "lwt_seg6local",
    "sk_skb",
    "sk_skb/stream_parser",
    "sk_skb/verdict",
    "sk_msg",
    "sockops",
    "sk_lookup",
    "cgroup_skb/ingress",
    "cgroup/skb",
    "cgroup/sock_create",
    "cgroup/sock_release",
    "cgroup/post_bind4",
    "cgroup/bind4",
    "cgroup/connect6",
    "cgroup/connect_unix",
    "cgroup/sendmsg4",
    "cgroup/recvmsg6",
    "cgroup/getpeername4",
    "cgroup/getsockname_unix",
    "cgroup/sysctl",
    "cgroup/getsockopt",
    "cgroup/setsockopt",
    "cgroup/dev",
    "perf_event",
    "flow_dissector",
    "netfilter",
    // What follows needs a kernel that was built with it.
    "lirc_mode2",
    "lsm/file_open",
    "fentry/vfs_read",
    "fexit/vfs_read",
    "fmod_ret/security_file_open",
];

#[test]
fn programs_of_every_type_are_loaded() {
    if !may_load() {
        return;
    }
    let mut types = Vec::new();
    let mut refused = Vec::new();
    for section in SECTIONS {
        let text = format!(".section \"{section}\"\n.globl main\nmain: r0 = 1\n exit\n.license \"GPL\"");
        match load(&image(&text), &Options::new()) {
            Ok(loaded) => types.push(loaded.program("main").unwrap().ty()),
            Err(error @ Error::Refused(_)) => refused.push((*section, error.to_string())),
            Err(error) => panic!("{section}: {error}"),
        }
    }
    types.sort_unstable();
    types.dedup();
    tell(&format!("{} program types loaded; refused:", types.len()));
    for (section, error) in &refused {
        tell(&format!("    {section}: {}", error.replace('\n', " ")));
        assert!(
            ["lirc_mode2", "lsm", "fentry", "fexit", "fmod_ret"].iter().any(|may| section.starts_with(may))
        );
    }
    assert!(types.len() >= 26, "{types:?}");
}

#[test]
fn what_runs_in_user_space_is_left_alone() {
    if !may_load() {
        return;
    }
    // Its functions call the C library, and its data hold pointers; of both the kernel need not know.
    let loaded = loaded(
        "
        .map    m, type=array, key=4, value=8, max_entries=1
        .data
        .globl  greeting, count
greeting: .quad text
count:  .quad   1
        .section .rodata
text:   .asciz  \"hello\"
        .section BEGIN
        .extern puts
begin:  r1 = greeting ll
        r1 = *(u64 *)(r1 + 0)
        call    puts
        r0 = 0
        exit
        .section socket
        .globl main
main:   r1 = count ll
        r0 = *(u64 *)(r1 + 0)
        r2 = m ll
        exit
        .license \"GPL\"",
    );
    assert_eq!(loaded.programs().iter().map(Prog::name).collect::<Vec<_>>(), ["main"]);
    assert_eq!(run(&loaded, "main"), 1);
}

#[test]
fn a_raw_tracepoint_runs_with_arguments() {
    if !may_load() {
        return;
    }
    let loaded = loaded(
        "
        .bss
        .globl seen
seen:   .zero   8
        .section raw_tracepoint/sys_enter
main:   r2 = *(u64 *)(r1 + 8)
        r1 = seen ll
        *(u64 *)(r1 + 0) = r2
        r0 = 5
        exit
        .license \"GPL\"",
    );
    let ctx = [1_u64, 77].map(u64::to_ne_bytes).concat();
    let main = loaded.program("main").unwrap();
    assert_eq!(main.test_run(TestRun::new().ctx(&ctx).cpu(0)).unwrap().retval, 5);
    assert_eq!(loaded.global::<u64>("seen").unwrap().get().unwrap(), 77);
    let error = main.test_run(TestRun::new()).unwrap_err().to_string();
    assert!(
        error.starts_with(
            "cannot run program 'main' (BPF_PROG_TYPE_RAW_TRACEPOINT); the program reads a longer context"
        ),
        "{error}"
    );
}

#[test]
fn what_cannot_be_run_is_told() {
    if !may_load() {
        return;
    }
    let error = |section: &str, run: &TestRun<'_>| {
        let loaded = loaded(&format!(".section {section}\nmain: r0 = 1\n exit\n.license \"GPL\""));
        loaded.program("main").unwrap().test_run(run).unwrap_err().to_string()
    };
    assert_eq!(
        error("sockops", &TestRun::new()),
        "cannot run program 'main' (BPF_PROG_TYPE_SOCK_OPS); programs of this type can only be attached"
    );
    assert_eq!(
        error("xdp", &TestRun::new().data(&[0; 4])),
        "cannot run program 'main' (BPF_PROG_TYPE_XDP); a packet begins with the 14 bytes of an Ethernet header, this one has 4"
    );
    assert_eq!(
        error("xdp", &TestRun::new().data(&[0; 64]).data_out(3)),
        "cannot run program 'main' (BPF_PROG_TYPE_XDP); 64 bytes of data and 0 of context came back, there is room for 3 and 0"
    );
    assert_eq!(
        error("syscall", &TestRun::new().repeat(2)),
        "cannot run program 'main' (BPF_PROG_TYPE_SYSCALL); programs of this type take a context, no data, and run once"
    );
}

#[test]
fn a_program_of_half_a_million_instructions_is_loaded() {
    if !may_load() {
        return;
    }
    let mut code = vec![0xb7, 0, 0, 0, 0, 0, 0, 0];
    for _ in 0..500_000 {
        code.extend([0x07, 0, 0, 0, 1, 0, 0, 0]);
    }
    code.extend([0x95, 0, 0, 0, 0, 0, 0, 0]);
    let prog = Prog::load_bytes(ProgType::SOCKET_FILTER, &code, "GPL").unwrap();
    assert_eq!(prog.test_run(TestRun::new().data(&[0; 14])).unwrap().retval, 500_000);
    assert_eq!(prog.verified_insns().unwrap(), 500_002);
}

#[test]
fn a_thousand_programs_share_functions_and_maps() {
    if !may_load() {
        return;
    }
    let mut text = ".map m, type=array, key=4, value=8, max_entries=1\n.text\nf: r0 = r1\n r0 += 1\n exit\n.section socket\n".to_owned();
    for i in 0..1000 {
        text += &format!(".globl p{i}\np{i}: r1 = {i}\n call f\n r2 = m ll\n exit\n");
    }
    let loaded = loaded(&text);
    assert_eq!(loaded.programs().len(), 1000);
    for i in [0, 500, 999] {
        assert_eq!(run(&loaded, &format!("p{i}")), i + 1);
    }
}
