//! What tests need from the machine, and how they do without.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

/// Tells that a test did not run; with `SKEP_REQUIRE=all`, that is a failure.
pub(crate) fn skip(reason: &str) {
    assert!(env::var_os("SKEP_REQUIRE").is_none_or(|value| value != "all"), "skipped: {reason}");
    eprintln!("skipped: {reason}");
}

/// Whether the tool is there; it must succeed then.
pub(crate) fn run(tool: &str, args: &[&dyn AsRef<std::ffi::OsStr>]) -> bool {
    match Command::new(tool).args(args.iter().map(|arg| arg.as_ref())).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{tool} fails:\n{errors}");
            true
        }
        Err(error) => {
            skip(&format!("cannot run {tool}: {error}"));
            false
        }
    }
}

/// A directory that is removed afterwards.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        let dir = env::temp_dir().join(format!("skep-derive-{}", std::process::id()));
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
