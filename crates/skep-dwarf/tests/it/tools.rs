//! Compilers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use skep_dwarf::{Encoded, Options};

/// Says that a test does not run, or fails where all must.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "cannot skip: {reason}");
    eprintln!("skipped: {reason}");
}

/// The first of the programs that is there.
pub(crate) fn find(programs: &[&'static str]) -> Option<&'static str> {
    programs.iter().copied().find(|program| {
        let run = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        run.is_ok_and(|status| status.success())
    })
}

pub(crate) fn gcc() -> Option<&'static str> {
    find(&["gcc", "gcc-12"])
}

pub(crate) fn clang() -> Option<&'static str> {
    find(&["clang", "clang-22", "clang-16", "clang-14"])
}

/// A new file name in the build directory.
pub(crate) fn scratch(suffix: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}{suffix}", std::process::id()))
}

/// The object file that a compiler makes of a C source.
pub(crate) fn compile(compiler: &str, flags: &[&str], source: &str) -> Vec<u8> {
    let out = scratch(".o");
    let mut run = Command::new(compiler)
        .args(["-c", "-x", "c", "-", "-g", "-o"])
        .arg(&out)
        .args(flags)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    run.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
    assert!(run.wait().unwrap().success(), "{compiler} {flags:?} does not take\n{source}");
    let bytes = std::fs::read(&out).unwrap();
    std::fs::remove_file(&out).unwrap();
    bytes
}

/// The object file that the linker makes of several.
pub(crate) fn link(objects: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<PathBuf> = objects
        .iter()
        .map(|object| {
            let path = scratch(".o");
            std::fs::write(&path, object).unwrap();
            path
        })
        .collect();
    let out = scratch(".linked.o");
    assert!(Command::new("ld").arg("-r").args(&inputs).arg("-o").arg(&out).status().unwrap().success());
    let bytes = std::fs::read(&out).unwrap();
    inputs.iter().chain([&out]).for_each(|path| std::fs::remove_file(path).unwrap());
    bytes
}

/// Encodes a file, and sees to what always holds.
pub(crate) fn encode(file: &[u8], options: &Options<'_>) -> Encoded {
    let encoded = skep_dwarf::encode(file, options).unwrap();
    for unit in &encoded.report.units {
        assert!(unit.dies.is_complete(), "{}: {:?}", unit.name, unit.dies);
    }
    let threads = skep_dwarf::encode(file, &options.clone().threads(4)).unwrap();
    assert!(encoded.btf == threads.btf, "the result depends on threads");
    encoded
}
