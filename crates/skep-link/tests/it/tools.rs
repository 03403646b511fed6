//! Compilers, as far as they are installed.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles a file of `tests/it/c`; `None`, and a line that says so, if there is no such compiler.
///
/// # Panics
/// If the compiler refuses, or is missing where `SKEP_REQUIRE=all` demands it.
pub(crate) fn compile(compiler: &str, args: &[&str], source: &str) -> Option<Vec<u8>> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/c").join(source);
    let object = Temp::new();
    let run = Command::new(compiler).args(args).arg("-c").arg(&source).arg("-o").arg(&object.path).output();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            let required = env::var("SKEP_REQUIRE").is_ok_and(|what| what == "all");
            assert!(!required, "{compiler}: {error}, and SKEP_REQUIRE=all");
            eprintln!("skipped: {compiler}: {error}");
            return None;
        }
    };
    assert!(output.status.success(), "{compiler} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(&object.path).unwrap())
}

/// A file that goes when its name does.
struct Temp {
    path: PathBuf,
}

impl Temp {
    fn new() -> Temp {
        let thread = std::thread::current();
        let name: String =
            thread.name().unwrap_or("test").chars().filter(char::is_ascii_alphanumeric).collect();
        Temp { path: env::temp_dir().join(format!("skep-link-{}-{name}.o", std::process::id())) }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
