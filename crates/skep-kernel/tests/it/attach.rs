//! Programs that are attached to this kernel; all of them only look on.

use std::io::Read;

use skep_kernel::{Error, Loaded, Options, Target, load};

use crate::support::{has_tracefs, image, loaded, may_load};

/// A program of section `SECTION` that counts in `hits` how often each thread comes by.
const COUNT: &str = r#"
        .map    hits, type=hash, key=4, value=8, max_entries=10000
        .section "SECTION"
count:  call    bpf_get_current_pid_tgid
        *(u32 *)(r10 - 4) = r0
        r1 = hits ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r1 = 1
        lock *(u64 *)(r0 + 0) += r1
        r0 = 0
        exit
1:      *(u64 *)(r10 - 16) = 1
        r1 = hits ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -16
        r4 = 0
        call    bpf_map_update_elem
        r0 = 0
        exit
        .license "GPL"
"#;

fn counter(section: &str) -> Loaded {
    loaded(&COUNT.replace("SECTION", section))
}

/// How often this thread came by.
fn hits(loaded: &Loaded) -> u64 {
    // SAFETY: asks for a number.
    #[expect(unsafe_code, reason = "std does not tell the number of a thread")]
    let thread = unsafe { libc::gettid() };
    loaded.map::<u32, u64>("hits").unwrap().get(thread.cast_unsigned()).unwrap().unwrap_or(0)
}

/// Checks that the program counts while it is attached, and not before or after.
fn check(section: &str, act: impl Fn()) {
    let loaded = counter(section);
    act();
    assert_eq!(hits(&loaded), 0, "{section}");
    let link = loaded.attach("count").unwrap_or_else(|e| panic!("{e}: {:?}", std::error::Error::source(&e)));
    for _ in 0..5 {
        act();
    }
    let before = hits(&loaded);
    assert!(before >= 5, "{section}: {before}");
    drop(link);
    let after = hits(&loaded);
    for _ in 0..5 {
        act();
    }
    assert_eq!(hits(&loaded), after, "{section}");
}

fn open() {
    std::fs::File::open("/dev/null").unwrap();
}

#[test]
fn tracepoints_count() {
    if !may_load() || !has_tracefs() {
        return;
    }
    check("tracepoint/syscalls/sys_enter_openat", open);
    check("tp/syscalls/sys_exit_openat", open);
}

#[test]
fn raw_tracepoints_count() {
    if !may_load() {
        return;
    }
    check("raw_tracepoint/sys_enter", open);
    check("raw_tp/sys_exit", open);
}

#[test]
fn typed_tracepoints_count() {
    if !may_load() {
        return;
    }
    check("tp_btf/sys_enter", open);
}

#[test]
fn a_place_in_a_file_is_probed() {
    if !may_load() {
        return;
    }
    let path = std::env::current_exe().unwrap();
    let path = path.to_str().unwrap();
    let offset = file_offset(probed as fn() as usize);
    check(&format!("uprobe/{path}:{offset:#x}"), probed);
    check(&format!("uretprobe/{path}:{offset}"), probed);
    let loaded = counter("uprobe");
    let place = offset.to_string();
    let target = Target::Uprobe { file: path, place: &place, returns: false, pid: Some(std::process::id()) };
    let _link = loaded.attach_to("count", target).unwrap();
    probed();
    assert_eq!(hits(&loaded), 1);
}

#[test]
fn functions_of_programs_and_libraries_are_probed() {
    if !may_load() {
        return;
    }
    #[expect(unsafe_code, reason = "calls a C function")]
    let getpgid = || {
        // SAFETY: asks for a number.
        let group = unsafe { libc::getpgid(0) };
        assert!(group >= 0);
    };
    check("uprobe/libc.so.6:getpgid", getpgid);
    check("uretprobe/libc.so.6:getpgid", getpgid);
    let path = std::env::current_exe().unwrap();
    check(&format!("uprobe/{}:skep_probed_c", path.display()), skep_probed);
    let loaded = counter("uprobe/libc.so.6:getpgit");
    let error = loaded.attach("count").map(drop).unwrap_err().to_string();
    assert!(error.contains("/libc.so.6' has no function 'getpgit'; did you mean 'getpgid'"), "{error}");
    let loaded = counter("uprobe/no_such_program:main");
    let error = loaded.attach("count").map(drop).unwrap_err().to_string();
    assert!(error.contains("there is no 'no_such_program' in $PATH, /usr/bin"), "{error}");
}

// SAFETY: no other function has this name.
#[expect(unsafe_code, reason = "a function with a name of its own")]
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn skep_probed_c() {
    std::hint::black_box(0);
}

fn skep_probed() {
    skep_probed_c();
}

#[inline(never)]
fn probed() {
    std::hint::black_box(0);
}

/// Where in its file something lies that is mapped from it.
fn file_offset(address: usize) -> u64 {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    let found = maps.lines().find_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (start, end) = words[0].split_once('-').unwrap();
        let address = address as u64;
        (hex(start)..hex(end)).contains(&address).then(|| address - hex(start) + hex(words[2]))
    });
    found.unwrap()
}

#[test]
fn an_iterator_writes_what_is_read() {
    if !may_load() {
        return;
    }
    // For each map of the kernel, one byte.
    let loaded = loaded(
        "
        .section iter/bpf_map
each:   r2 = *(u64 *)(r1 + 8)
        if r2 == 0 goto 1f
        r1 = *(u64 *)(r1 + 0)
        r1 = *(u64 *)(r1 + 0)
        *(u64 *)(r10 - 8) = 0x2a
        r2 = r10
        r2 += -8
        r3 = 1
        call    bpf_seq_write
1:      r0 = 0
        exit
        .map    m, type=array, key=4, value=4, max_entries=1
        .license \"GPL\"",
    );
    let link = loaded.attach("each").unwrap();
    let mut text = String::new();
    link.iter().unwrap().read_to_string(&mut text).unwrap();
    assert!(!text.is_empty() && text.bytes().all(|byte| byte == b'*'), "{text:?}");
}

#[test]
fn what_cannot_be_attached_is_told() {
    if !may_load() || !has_tracefs() {
        return;
    }
    let error = |section: &str| -> String {
        match load(&image(&COUNT.replace("SECTION", section)), &Options::new()) {
            Ok(loaded) => loaded.attach("count").map(drop).unwrap_err().to_string(),
            Err(error) => error.to_string(),
        }
    };
    let cannot = |section: &str| {
        let error = error(section);
        let start = format!("cannot attach program 'count' (section '{section}'): ");
        error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned()
    };
    assert_eq!(
        cannot("tracepoint/syscalls/sys_enter_openatt"),
        "the kernel has no tracepoint 'syscalls/sys_enter_openatt'; did you mean 'sys_enter_openat' or 'sys_enter_openat2'?"
    );
    assert_eq!(
        cannot("tracepoint/syscall/sys_enter_openat"),
        "the kernel has no tracepoint 'syscall/sys_enter_openat'; did you mean 'syscalls' or 'vsyscall'?"
    );
    assert_eq!(
        cannot("tracepoint/openat"),
        "'openat' names no tracepoint, expected a category and a name: `syscalls/sys_enter_openat`"
    );
    assert_eq!(
        cannot("tracepoint"),
        "the section must name what to attach to: `tracepoint/syscalls/sys_enter_openat`"
    );
    assert_eq!(cannot("raw_tracepoint/sys_entre"), "the kernel has no raw tracepoint 'sys_entre'");
    assert_eq!(cannot("xdp"), "the section does not say where; use `attach_to` with `Target::Interface`");
    assert_eq!(cannot("syscall"), "programs of this type are run, by `Prog::test_run`");
    assert_eq!(
        cannot("uprobe//bin/sh"),
        "the section must name a file and a place in it: `uprobe/libc.so.6:malloc`, `uprobe//bin/sh:0x1234`"
    );
    let program = |section: &str| {
        let error = error(section);
        let start = format!("program 'count' (section '{section}'): ");
        error.strip_prefix(&start).unwrap_or_else(|| panic!("{error}")).to_owned()
    };
    assert_eq!(
        program("tp_btf/sys_entr"),
        "the kernel has no tracepoint 'sys_entr'; did you mean 'sys_enter'?"
    );
    assert_eq!(program("tp_btf"), "the section must name what to attach to: `tp_btf/sched_switch`");
    assert_eq!(program("iter/tasc"), "the kernel has no iterator 'tasc'; did you mean 'task'?");
    // Kernels differ in what else they have.
    assert!(
        program("fentry/vfs_raed")
            .starts_with("the kernel has no function 'vfs_raed'; did you mean 'vfs_read'")
    );
    let loaded = counter("raw_tracepoint/sys_enter");
    let error: Error = loaded.attach("counter").map(drop).unwrap_err();
    assert_eq!(error.to_string(), "no program 'counter'; did you mean 'count'?");
    let error = loaded.attach_to("count", Target::Interface(1)).map(drop).unwrap_err();
    assert!(
        error.to_string().ends_with("programs of type BPF_PROG_TYPE_RAW_TRACEPOINT cannot be attached there")
    );
}

#[test]
fn loading_takes_few_calls() {
    if !may_load() || !has_tracefs() {
        return;
    }
    let calls = counter("tracepoint/syscalls/sys_enter_bpf");
    let small = image(
        "
        .map    m, type=hash, key=4, value=8, max_entries=16
        .data
        .globl  count
count:  .quad   0
        .section .rodata
step:   .quad   1
        .text
f:      r1 = count ll
        r2 = step ll
        r2 = *(u64 *)(r2 + 0)
        lock *(u64 *)(r1 + 0) += r2
        r0 = 0
        exit
        .section raw_tracepoint/sys_enter
        .globl a, b
a:      call    f
        r0 = 0
        exit
b:      *(u32 *)(r10 - 4) = 0
        r1 = m ll
        r2 = r10
        r2 += -4
        call    bpf_map_delete_elem
        r0 = 0
        exit
        .license \"GPL\"",
    );
    let _link = calls.attach("count").unwrap();
    let before = hits(&calls);
    let loaded = load(&small, &Options::new()).unwrap();
    let after = hits(&calls);
    // Reading the counter takes one. Types, a map, two data sections of which one is filled and frozen, two programs.
    assert_eq!(after - before - 1, 1 + 1 + (1 + 3) + 2);
    drop(loaded);
}

#[test]
fn nothing_stays_behind() {
    if !may_load() || !has_tracefs() {
        return;
    }
    // In a process of its own: other tests open files meanwhile.
    let test = "attach::leaks_nothing_alone";
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--test-threads=1"])
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
}

#[test]
#[ignore = "run by `nothing_stays_behind`, alone in a process"]
fn leaks_nothing_alone() {
    let open_files = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let mapped = || {
        std::fs::read_to_string("/proc/self/maps")
            .unwrap()
            .lines()
            .filter(|line| line.contains("bpf"))
            .count()
    };
    let text = COUNT.replace("SECTION", "tracepoint/syscalls/sys_enter_openat");
    let bad = format!("{text}\n.section xdp\nbad: exit\n");
    let act = || {
        let loaded = loaded(&text.replace(".license", ".bss\n.globl x\nx: .zero 8\n.license"));
        loaded.global::<u64>("x").unwrap().set(1).unwrap();
        let _link = loaded.attach("count").unwrap();
        assert!(load(&image(&bad), &Options::new()).is_err());
        assert!(loaded.attach_to("count", Target::Tracepoint("no/such")).is_err());
    };
    act();
    let before = (open_files(), mapped());
    for _ in 0..10 {
        act();
    }
    assert_eq!((open_files(), mapped()), before);
}

#[test]
fn handles_go_from_thread_to_thread() {
    fn check<T: Send + Sync>() {}
    check::<Loaded>();
    check::<skep_kernel::Link>();
    check::<skep_kernel::Map>();
    check::<skep_kernel::Prog>();
    check::<skep_kernel::TypedMap<'_, u32, u64>>();
    check::<skep_kernel::Global<'_, u64>>();
    check::<Error>();
}

#[test]
fn all_are_attached_at_once() {
    if !may_load() || !has_tracefs() {
        return;
    }
    let text = COUNT.replace("SECTION", "raw_tracepoint/sys_enter")
        + ".section xdp\n.globl packet\npacket: r0 = 2\n exit\n";
    let loaded = loaded(&text);
    let links = loaded.attach_all().unwrap();
    assert_eq!(links.iter().map(skep_kernel::Link::program).collect::<Vec<_>>(), ["count"]);
    open();
    assert!(hits(&loaded) > 0);
}

#[test]
fn a_pinned_link_lasts() {
    if !may_load() {
        return;
    }
    let loaded = counter("raw_tracepoint/sys_enter");
    let link = loaded.attach("count").unwrap();
    let path = format!("/sys/fs/bpf/skep_link_{}", std::process::id());
    if let Err(error) = link.pin(&path) {
        crate::support::skip(&format!("pinned links: {error}: {:?}", std::error::Error::source(&error)));
        return;
    }
    drop(link);
    open();
    let before = hits(&loaded);
    open();
    let still = hits(&loaded);
    std::fs::remove_file(&path).unwrap();
    assert!(still > before);
    let error = counter("raw_tracepoint/sys_enter").programs()[0].pin("/tmp/x").unwrap_err().to_string();
    assert!(
        error.starts_with("cannot pin something at '/tmp/x'; it must be in a mounted BPF file system"),
        "{error}"
    );
}
