//! What other tools say of the same files: libbpf through bpftool, llvm-objdump, bpftool's reader of types.

use std::path::{Path, PathBuf};
use std::process::Command;

use skep::{Cpu, Opt};

use super::{Case, or_skip};

/// A directory that is removed when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("skep-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Writes every case as a file.
fn files(cases: &[Case], to: &Path) -> Vec<PathBuf> {
    let write = |(at, case): (usize, &Case)| {
        let path = to.join(format!("{at}.o"));
        std::fs::write(&path, case.build(Opt::O2, Cpu::V3).elf()).unwrap();
        path
    };
    cases.iter().enumerate().map(write).collect()
}

#[test]
fn libbpf_loads_the_same_files() {
    let Some(cases) = or_skip() else { return };
    let scratch = Scratch::new("libbpf");
    let files = files(&cases, &scratch.0);
    // A BPF file system of its own, in a name space of its own.
    let script = "mount -t bpf bpf /sys/fs/bpf || exit 99
        for file; do bpftool prog loadall \"$file\" /sys/fs/bpf/x >\"$file.log\" 2>&1 || echo \"$file\"; rm -rf /sys/fs/bpf/x; done";
    let output = Command::new("unshare").args(["--mount", "sh", "-c", script, "sh"]).args(&files).output();
    let output = match output {
        Ok(output) if output.status.code() != Some(99) => output,
        Ok(output) => {
            return crate::skip(&format!("no BPF file system: {}", String::from_utf8_lossy(&output.stderr)));
        }
        Err(error) => return crate::skip(&format!("unshare: {error}")),
    };
    if Command::new("bpftool").arg("version").output().is_err() {
        return crate::skip("no bpftool");
    }
    let refused: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|file| {
            let at: usize = Path::new(file).file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let log = std::fs::read_to_string(format!("{file}.log")).unwrap_or_default();
            let log: Vec<&str> = log.lines().take(12).collect();
            format!("{}: {}", cases[at].name, log.join("\n"))
        })
        .collect();
    eprintln!("libbpf loads {} of {} files", files.len() - refused.len(), files.len());
    assert!(refused.is_empty(), "{} refused:\n{}", refused.len(), refused.join("\n\n"));
}

#[test]
fn other_tools_read_the_same_files() {
    let cases = super::cases();
    let scratch = Scratch::new("readers");
    // One section of each body is enough: files of other sections differ in a name.
    let cases: Vec<Case> =
        cases.into_iter().filter(|case| !case.name.contains(" in ") || case.section == "xdp").collect();
    let files = files(&cases, &scratch.0);
    for (file, case) in files.iter().zip(&cases) {
        for (tool, args) in [("llvm-objdump-22", &["-d"][..]), ("bpftool", &["btf", "dump", "file"])] {
            let output = match Command::new(tool).args(args).arg(file).output() {
                Ok(output) => output,
                Err(error) => return crate::skip(&format!("{tool}: {error}")),
            };
            let text = String::from_utf8_lossy(&output.stdout);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && said.is_empty(), "{tool} of {}: {said}", case.name);
            assert!(!text.contains("<unknown>"), "{tool} of {}:\n{text}", case.name);
            assert!(text.contains("prog"), "{tool} of {} does not name the program:\n{text}", case.name);
        }
    }
}
