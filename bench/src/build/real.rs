//! The corpus's other half: programs of the kernel's own tests, fetched from Debian, compiled here, never committed.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::corpus;

/// A program that `corpus/real.txt` lists.
pub(crate) struct Program {
    /// The file's stem.
    pub(crate) file: String,
    /// The program's name, that of its C function.
    pub(crate) name: String,
}

/// The list.
///
/// # Errors
/// It cannot be read, or a line does not consist of two words.
pub(crate) fn programs() -> Result<Vec<Program>, Box<dyn Error>> {
    let text = fs::read_to_string(corpus::dir().join("real.txt"))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let parse = |line: &str| {
        let (file, name) =
            line.split_once(' ').ok_or_else(|| format!("real.txt: not 'FILE PROGRAM': {line}"))?;
        Ok(Program { file: file.into(), name: name.into() })
    };
    lines.map(parse).collect()
}

/// The fetched sources.
pub(crate) struct Tree {
    dir: PathBuf,
}

impl Tree {
    /// Finds them in `$SKEP_CORPUS`, else in the target directory; fetches them when they are not there.
    ///
    /// # Errors
    /// They cannot be fetched.
    pub(crate) fn find() -> Result<Self, String> {
        let dir = std::env::var_os("SKEP_CORPUS").map_or_else(default_dir, PathBuf::from);
        if !dir.join("complete").exists() {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/fetch");
            let done =
                Command::new(script).arg(&dir).output().map_err(|e| format!("cannot run {script}: {e}"))?;
            if !done.status.success() {
                let text = String::from_utf8_lossy(&done.stderr);
                return Err(format!("bench/fetch: {}", text.lines().last().unwrap_or("failed").trim()));
            }
        }
        Ok(Self { dir })
    }

    /// Where a program's file is.
    pub(crate) fn source(&self, program: &Program) -> PathBuf {
        self.dir.join("linux/tools/testing/selftests/bpf/progs").join(format!("{}.c", program.file))
    }

    /// What clang is told about it.
    pub(crate) fn flags(&self) -> Vec<String> {
        const INCLUDES: [&str; 5] = [
            "generated",
            "linux/tools/lib",
            "linux/tools/testing/selftests/bpf",
            "linux/tools/testing/selftests/bpf/progs",
            "linux/tools/include/uapi",
        ];
        let mut flags: Vec<String> =
            ["-std=gnu11", "-w", "-D__TARGET_ARCH_x86", "-D__x86_64__"].map(String::from).into();
        flags.extend(["-idirafter".into(), "/usr/include/x86_64-linux-gnu".into()]);
        flags.extend(INCLUDES.iter().map(|include| format!("-I{}", self.dir.join(include).display())));
        flags
    }
}

/// `target/corpus`, wherever Cargo puts that.
fn default_dir() -> PathBuf {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.into(), PathBuf::from).join("corpus")
}
