//! Pipes, file names, and what goes where.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::time::Duration;

fn skep() -> Command {
    Command::new(env!("CARGO_BIN_EXE_skep"))
}

const ENDLESS: &str = "
main:   r1 = line ll
        call puts
        goto main
        .rodata
line:   .asciz \"y\"";

/// Reads one line of what a command prints, and then no more; how it ended, and what it said of it.
fn first_line(args: &[&OsStr]) -> (String, Option<i32>, String) {
    let mut child = skep().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::with_capacity(1, child.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    drop(reader);
    let mut error = String::new();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    let status = child.wait().unwrap();
    (line, status.signal(), error)
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let endless = dir.path().join("endless.s");
    std::fs::write(&endless, ENDLESS).unwrap();
    let run: &[&OsStr] = &["run".as_ref(), endless.as_ref()];
    assert_eq!(first_line(run), ("y\n".to_owned(), Some(libc::SIGPIPE), String::new()));

    let long = dir.path().join("long.s");
    std::fs::write(&long, format!("main:\n{}exit\n", "r0 += 1\n".repeat(100_000))).unwrap();
    let (line, signal, error) = first_line(&["dis".as_ref(), long.as_ref()]);
    assert!(line.contains("BPF object"), "{line}");
    assert_eq!((signal, error), (Some(libc::SIGPIPE), String::new()));

    let mut asm = skep().args(["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(asm.stdout.take());
    assert!(asm.wait().unwrap().signal().is_none_or(|signal| signal == libc::SIGPIPE));
}

#[test]
fn file_names_are_any_bytes() {
    let dir = tempfile::tempdir().unwrap();
    for name in [&b"caf\xe9 \xff.s"[..], b"-dash.s", "\u{1f41d}.s".as_bytes(), b"line\nbreak.s"] {
        let path = dir.path().join(OsStr::from_bytes(name));
        std::fs::write(&path, ".globl main\nmain: r0 = 42\nexit\n").unwrap();
        let output = skep().args(["run", "--print-r0"]).arg(&path).output().unwrap();
        assert_eq!((output.stdout, output.status.code()), (b"0x2a\n".to_vec(), Some(0)), "{name:?}");
        let output = skep().arg("asm").arg(&path).arg("-o").arg(path.with_extension("o")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let output = skep().arg("dis").arg(path.with_extension("o")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert!(output.stdout.ends_with(b"func     global   .text\n"), "{output:?}");
        assert!(output.stdout.starts_with(b"# "), "{output:?}");
    }
}

#[test]
fn what_the_program_prints_stands_before_what_the_command_prints() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("print.s");
    let source = ".map m, type=array, key=4, value=8, max_entries=1\n.globl main\nmain: r1 = s ll\ncall printf\n\
                  r0 = 7\nexit\nkeep: r1 = m ll\nexit\n.rodata\ns: .asciz \"no line's end\"";
    std::fs::write(&path, source).unwrap();
    let output = skep().args(["run", "--print-r0", "--dump-maps"]).arg(&path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "no line's end0x7\nmap 'm' (array): 0 of 1 entries are not zero\n");
}

/// A trace costs some work for each instruction, and not more as it grows.
#[test]
fn traces_are_quick() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("count.s");
    std::fs::write(&path, ".globl main\nmain: r1 += -1\nif r1 != 0 goto main\nexit\n").unwrap();
    let start = std::time::Instant::now();
    let output = skep().args(["run", "--trace", "--arg", "200000"]).arg(&path).output().unwrap();
    let lines = output.stderr.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(lines, 400_001);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}

#[test]
fn files_without_an_end_are_refused() {
    let check = |args: &[&str], expected: &str| {
        let endless = std::fs::File::open("/dev/zero").unwrap();
        let output = skep().args(args).stdin(endless).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            (text, output.status.code()),
            (format!("skep: cannot read {expected}\n"), Some(2)),
            "{args:?}"
        );
    };
    let input = "/dev/zero: it has more than 512 MiB, expected at most that";
    check(&["run", "--raw", "/dev/zero"], input);
    check(&["dis", "/dev/zero"], input);
    check(&["asm", "/dev/zero", "-o", "-"], input);
    check(&["dis", "-"], &input.replace("/dev/zero", "standard input"));
    let exit = "9500000000000000";
    let memory = "/dev/zero: it has more than 1024 MiB, expected at most that";
    check(&["run", "--raw-hex", exit, "--mem", "/dev/zero"], memory);
}

#[test]
fn there_are_completions_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = skep().args(["completions", shell]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{shell}");
        for word in ["dis", "dump-maps", "raw-hex"] {
            assert!(text.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn headers_are_written_where_c_finds_them() {
    let dir = tempfile::tempdir().unwrap();
    let include = dir.path().join("some/folder");
    for _ in 0..2 {
        let output = skep().arg("headers").arg(&include).output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
    }
    let text = std::fs::read_to_string(include.join("skep/user.h")).unwrap();
    assert!(text.contains("map_lookup_elem"), "{text}");
}
