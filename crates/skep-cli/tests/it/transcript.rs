//! What the command says, word for word.
//!
//! A transcript is a text file of commands and of what they print: `$ skep ...` begins one, lines that follow are its
//! standard output, those with `! ` in front its standard error, and `= 2` its exit code, if it is not 0. Arguments are
//! separated by blanks, `'...'` keeps them together, `< FILE` gives standard input. Commands run in a folder with a copy
//! of `transcripts/files` and the damaged files of [`damaged`]. Addresses, which differ from run to run, are `0xADDR`.
//!
//! `SKEP_BLESS=1` writes what is printed into the transcripts.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{btf, tools};

#[test]
fn run() {
    check("run.txt");
}

#[test]
fn dis() {
    check("dis.txt");
}

#[test]
fn compile() {
    check("compile.txt");
}

#[test]
fn sets_of_types() {
    check("btf_sets.txt");
}

#[test]
fn types() {
    check("types.txt");
}

#[test]
fn other_commands() {
    check("other.txt");
}

#[test]
fn btf_check() {
    check("btf_check.txt");
}

#[test]
fn bad_inputs() {
    let commands = check("bad.txt");
    assert!(commands >= 40, "{commands} bad inputs");
}

#[test]
fn c_programs() {
    if tools::has("clang-22", "the transcript of C programs") {
        check("c.txt");
    }
}

/// Runs the commands of a transcript, and compares; returns how many there are.
fn check(name: &str) -> usize {
    let transcripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/transcripts");
    let path = transcripts.join(name);
    let expected = fs::read_to_string(&path).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for file in fs::read_dir(transcripts.join("files")).unwrap() {
        let file = file.unwrap().path();
        fs::copy(&file, dir.path().join(file.file_name().unwrap())).unwrap();
    }
    damaged(dir.path());
    sets(dir.path());
    btf::write(dir.path());
    let mut found = String::new();
    let mut commands = 0;
    for line in expected.lines() {
        // What stands between the commands is printed anew, comments are kept.
        if let Some(command) = line.strip_prefix("$ ") {
            commands += 1;
            let _ = writeln!(found, "{line}");
            found.push_str(&output(command, dir.path()));
        } else if line.starts_with("## ") {
            let _ = writeln!(found, "{line}");
        }
    }
    if std::env::var_os("SKEP_BLESS").is_some() {
        fs::write(&path, &found).unwrap();
        return commands;
    }
    if found != expected {
        let differs = expected.lines().zip(found.lines()).position(|(a, b)| a != b);
        let line = differs.unwrap_or(expected.lines().count().min(found.lines().count()));
        let part: Vec<_> = found.lines().skip(line.saturating_sub(5)).take(20).collect();
        panic!(
            "{name} differs from line {} on; SKEP_BLESS=1 writes it anew. Found:\n{}",
            line + 1,
            part.join("\n")
        );
    }
    commands
}

/// What a command prints, and its exit code.
fn output(command: &str, dir: &Path) -> String {
    let mut words = words(command).into_iter();
    assert_eq!(words.next().as_deref(), Some("skep"), "{command}");
    let mut args = Vec::new();
    let mut stdin = Stdio::null();
    while let Some(word) = words.next() {
        match &*word {
            "<" => stdin = fs::File::open(dir.join(words.next().expect("a file"))).unwrap().into(),
            _ => args.push(word),
        }
    }
    let output = Command::new(env!("CARGO_BIN_EXE_skep"))
        .args(args)
        .current_dir(dir)
        .stdin(stdin)
        .env("SKEP_CLANG", "clang-22")
        .env("COLUMNS", "100")
        .output()
        .unwrap();
    let mut text = plain(&output.stdout, dir);
    for line in plain(&output.stderr, dir).lines() {
        let _ = writeln!(text, "{}", format!("! {line}").trim_end());
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => {
            let _ = writeln!(text, "= {code}");
        }
        None => {
            let _ = writeln!(text, "= {}", output.status);
        }
    }
    text
}

fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in command.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// Text with nothing that differs from run to run, and a line's end at its end.
fn plain(bytes: &[u8], dir: &Path) -> String {
    let text = String::from_utf8_lossy(bytes).replace(dir.to_str().unwrap(), "DIR");
    let mut plain = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("0x") {
        let digits = &rest[at + 2..];
        let len = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
        plain.push_str(&rest[..at]);
        // Addresses of user space have 11 or 12 digits.
        plain.push_str(if (11..=12).contains(&len) { "0xADDR" } else { &rest[at..at + 2 + len] });
        rest = &digits[len..];
    }
    plain.push_str(rest);
    for cpu in 0..1024 {
        plain = plain.replace(&format!(" on CPU {cpu}\n"), " on CPU N\n");
    }
    if !plain.is_empty() && !plain.ends_with('\n') {
        plain.push('\n');
    }
    plain
}

/// Files that no editor writes.
fn damaged(dir: &Path) {
    let source = "
        .map m, type=hash, key=4, value=8, max_entries=4
        .globl main
main:   r1 = m ll
        r1 = word ll
        r0 = *(u64 *)(r1 + 0)
        call other
        exit
other:  exit
        .data
word:   .quad 5, word";
    let object = skep::object::elf::write(&skep::assemble("good.s", source).unwrap());
    let write = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut bytes = object.clone();
        bytes[at] = byte;
        bytes
    };
    write("good.o", &object);
    write("empty.o", b"");
    write("short.o", &object[..40]);
    write("half.o", &object[..object.len() / 2]);
    write("text.o", b"this is no object\n");
    write("x86.o", &changed(18, 62));
    write("exec.o", &changed(16, 2));
    write("elf32.o", &changed(4, 1));
    write("no_sections.o", &changed(60, 0));
    write("archive.a", b"!<arch>\nfoo.o/          0           0     0     644     0         `\n");
    write("bitcode.o", b"BC\xc0\xde\x35\x14\x00\x00");
    write("binary.s", b"main: exit\n\xff\xfe\n");
    write("seven.bin", &[0x95, 0, 0, 0, 0, 0, 0]);
    write("two.bin", &[0xb7, 0, 0, 0, 42, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
    write("mem.bin", &[1, 2, 3, 4, 5, 6, 7, 8]);
    fs::create_dir(dir.join("folder")).unwrap();
    fs::create_dir(dir.join("folder.s")).unwrap();
    fs::create_dir(dir.join("folder.c")).unwrap();
}

/// `types.btf`, with something of each kind that is printed in its own way; `split.btf`, which goes on where it ends.
fn sets(dir: &Path) {
    use skep::btf::{Btf, Endian, IntEncoding, Kind, Member};
    let mut types = Btf::builder();
    let int = types.int("unsigned int", 4, IntEncoding::Unsigned);
    let char = types.int("char", 1, IntEncoding::SignedChar);
    let node = types.declare(Kind::Struct, "node", 16);
    let next = types.ptr(node);
    let members = [types.member("next", next, 0), types.member("value", int, 64)];
    types.define(node, &members);
    types.decl_tag("decl=src/list.c:12 unit:list.c die:0x1b", node, None);
    let text = types.array_of(char, 5);
    let bits = |name, bit_offset, bitfield_size| Member { name, ty: int, bit_offset, bitfield_size };
    let (low, high) = (types.string("low"), types.string("high"));
    let members =
        [types.member("text", text, 0), bits(low, 64, 3), bits(high, 72, 2), types.member("node", node, 128)];
    let sample = types.structure("sample", 32, &members);
    types.structure("sample", 8, &members[..1]);
    // Option<u32>, as the encoder makes it.
    let u32 = types.typedef("u32", int);
    let values = [types.enumerator("None", 0), types.enumerator("Some", 1)];
    let tag = types.enumeration("core__option__Option_L_u32_G___discr", 4, false, &values);
    let members = [types.member("__discr", tag, 0)];
    let discriminant = types.structure("", 4, &members);
    let none = types.structure("core__option__Option_L_u32_G___None", 8, &[]);
    let members = [types.member("__0", u32, 32)];
    let some = types.structure("core__option__Option_L_u32_G___Some", 8, &members);
    let members =
        [types.member("", discriminant, 0), types.member("None", none, 0), types.member("Some", some, 0)];
    let variants = types.union("", 8, &members);
    let members = [types.member("", variants, 0)];
    types.structure("core__option__Option_L_u32_G_", 8, &members);
    let samples = types.ptr(sample);
    let params = [types.param("sample", samples)];
    let proto = types.func_proto(int, &params);
    types.func("measure", proto, skep::btf::Linkage::Global);
    let base = std::sync::Arc::new(types.build().unwrap());
    fs::write(dir.join("types.btf"), base.to_bytes(Endian::Little)).unwrap();
    let mut types = Btf::builder_on(base);
    let members = [types.member("sample", samples, 0)];
    types.structure("hook", 8, &members);
    fs::write(dir.join("split.btf"), types.build().unwrap().to_bytes(Endian::Little)).unwrap();
}
