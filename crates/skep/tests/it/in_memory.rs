//! From API calls to a loaded program without a file, a process, or a library: what the system calls say.

use std::process::Command;

use skep::kernel::Prog;
use skep::object::section::ProgType;
use skep::{Module, Options};

/// Set in the process that is watched.
const CHILD: &str = "SKEP_TEST_IN_MEMORY";

/// Paths that are asked for, so that the trace shows where the part begins and ends that is looked at.
const BEGIN: &str = "/skep/begin";
const END: &str = "/skep/end";

/// Builds, compiles, finds the bytes by their symbol, and hands them to `bpf(2)`.
fn build_and_load() -> Result<(), Box<dyn std::error::Error>> {
    let mut m = Module::new("square.c");
    m.func::<fn(i64) -> i64>("square", |b, (x,)| b.ret(x * x));
    m.func::<fn(u64) -> i32>("two", |b, _| b.ret(2i32));
    let object = m.compile(&Options::new())?;
    assert_eq!(object.symbol("square").ok_or("no symbol")?.size() % 8, 0);
    let two = object.symbol("two").ok_or("no symbol")?;
    let prog = Prog::load_bytes(ProgType::SOCKET_FILTER, &two.bytes()?, "GPL")?;
    let run = prog.test_run(skep::kernel::TestRun::new().data(&[0; 64]))?;
    assert_eq!(run.retval, 2);
    Ok(())
}

/// The process that is watched, not a test of its own: it does nothing unless [`CHILD`] is set.
#[test]
fn watched() {
    if std::env::var_os(CHILD).is_some() {
        let _ = std::fs::metadata(BEGIN);
        let result = build_and_load();
        let _ = std::fs::metadata(END);
        result.unwrap();
    }
}

#[test]
fn no_file_no_process_no_library() {
    let me = std::env::current_exe().unwrap();
    // In name spaces of its own, where /tmp can be made read-only for it alone.
    let script = "mount --bind /tmp /tmp && mount -o remount,ro,bind /tmp && exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh", "strace", "-f", "-qq", "-s", "256"])
        .arg(me)
        .args(["--exact", "in_memory::watched", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .env("TMPDIR", "/tmp")
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!text.contains(BEGIN), "the watched process failed:\n{text}");
            return crate::skip(&format!("unshare and strace do not work here: {text}"));
        }
        Err(error) => return crate::skip(&format!("no unshare: {error}")),
    };
    let trace = String::from_utf8_lossy(&output.stderr);
    let calls = trace.lines().skip_while(|line| !line.contains(BEGIN)).skip(1);
    let calls: Vec<&str> = calls.take_while(|line| !line.contains(END)).collect();
    assert!(trace.contains(END), "the trace has no end:\n{trace}");
    assert!(
        calls.iter().any(|line| line.contains("BPF_PROG_LOAD")),
        "no program was loaded:\n{}",
        calls.join("\n")
    );

    let harmless = [
        "bpf(",
        "brk(",
        "mmap(",
        "munmap(",
        "mremap(",
        "madvise(",
        "mprotect(",
        "close(",
        "futex(",
        "fcntl(",
        "getrandom(",
    ];
    for line in calls {
        let call = line.split_once("] ").map_or(line, |(_, call)| call);
        assert!(harmless.iter().any(|name| call.starts_with(name)), "unexpected system call: {line}");
        assert!(!call.starts_with("mmap(") || call.contains("MAP_ANONYMOUS"), "a file is mapped: {line}");
    }
}
