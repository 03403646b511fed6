//! What tests need from the machine, and how they do without.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Tells that a test did not run; with `SKEP_REQUIRE=all`, that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var_os("SKEP_REQUIRE").is_none_or(|value| value != "all"), "skipped: {reason}");
    eprintln!("skipped: {reason}");
}

/// The types of the running kernel.
pub(crate) fn kernel() -> Option<Vec<u8>> {
    let path = "/sys/kernel/btf/vmlinux";
    let bytes = fs::read(path);
    if let Err(error) = &bytes {
        skip(&format!("cannot read {path}: {error}"));
    }
    bytes.ok()
}

/// A directory that is removed afterwards.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new(name: &str) -> TempDir {
        let dir = std::env::temp_dir().join(format!("skep-btf-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What is left in a temporary directory is no fault of the crate.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What the tool prints; `None`, after telling so, if it is not installed.
pub(crate) fn run(tool: &str, args: &[&dyn AsRef<std::ffi::OsStr>]) -> Option<String> {
    let output = match Command::new(tool).args(args.iter().map(|arg| arg.as_ref())).output() {
        Ok(output) => output,
        Err(error) => {
            skip(&format!("cannot run {tool}: {error}"));
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool} fails:\n{errors}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The `.BTF` and `.BTF.ext` sections of a C source.
pub(crate) fn compiled(dir: &TempDir, source: &str, target: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (c, o) = (dir.file("in.c"), dir.file("in.o"));
    fs::write(&c, source).unwrap();
    run("clang-22", &[&format!("--target={target}"), &"-g", &"-O2", &"-c", &c, &"-o", &o])?;
    Some((section(dir, &o, ".BTF")?, section(dir, &o, ".BTF.ext")?))
}

/// The `.BTF` and `.BTF.ext` sections of a C source, as gcc makes them.
pub(crate) fn compiled_by_gcc(dir: &TempDir, source: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (c, o) = (dir.file("in.c"), dir.file("in.o"));
    fs::write(&c, source).unwrap();
    run("bpf-gcc", &[&"-gbtf", &"-O2", &"-c", &c, &"-o", &o])?;
    Some((section(dir, &o, ".BTF")?, section(dir, &o, ".BTF.ext")?))
}

/// A section of an ELF file.
pub(crate) fn section(dir: &TempDir, object: &Path, name: &str) -> Option<Vec<u8>> {
    let out = dir.file("section");
    let dump = format!("--dump-section={name}={}", out.display());
    run("llvm-objcopy-22", &[&dump, &object, &dir.file("copy.o")])?;
    Some(fs::read(out).unwrap())
}
