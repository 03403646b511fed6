//! Compilers and other programs that tests ask. Without them a test says that it is skipped; with `SKEP_REQUIRE=all`
//! it fails.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder of one test, which is removed with the value.
pub(crate) struct TempDir(PathBuf);

impl TempDir {
    pub(crate) fn new() -> TempDir {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("skep-object-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        TempDir(dir)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file with these contents.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).unwrap();
        path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Says that a test is skipped.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "SKEP_REQUIRE=all, but {reason}");
    eprintln!("skipped: {reason}");
}

/// What a program prints; `None` if it is not installed.
///
/// # Panics
/// If it fails.
pub(crate) fn run(program: &str, args: &[&str], files: &[&Path]) -> Option<String> {
    let output = match Command::new(program).args(args).args(files).output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip(&format!("{program} is not installed"));
            return None;
        }
        Err(error) => panic!("{program}: {error}"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{program} {args:?} {files:?}:\n{}", text(&output.stderr));
    Some(text(&output.stdout))
}

/// An object compiled by clang from C (`.c`) or assembly (`.s`).
pub(crate) fn clang(dir: &TempDir, name: &str, source: &str, args: &[&str]) -> Option<Vec<u8>> {
    compile("clang-22", &["--target=bpf"], dir, name, source, args)
}

/// An object compiled by gcc.
pub(crate) fn gcc(dir: &TempDir, name: &str, source: &str, args: &[&str]) -> Option<Vec<u8>> {
    compile("bpf-gcc", &[], dir, name, source, args)
}

fn compile(
    program: &str,
    first: &[&str],
    dir: &TempDir,
    name: &str,
    source: &str,
    args: &[&str],
) -> Option<Vec<u8>> {
    let (input, output) = (dir.file(name, source), dir.path("out.o"));
    let args = [first, args, &["-c", "-o", output.to_str().unwrap()]].concat();
    run(program, &args, &[&input])?;
    Some(std::fs::read(output).unwrap())
}
