//! The kernel's own BPF tests through our compiler: `corpus DIR [--level=O2] [FILE...]`
//!
//! `bench/fetch DIR` brings the sources from Debian. Each file is compiled by clang, and by us from clang's unoptimized
//! LLVM IR; libbpf loads both objects (`bpftool prog loadall`, as root). Prints how many of those that clang gets loaded
//! we do, and why not the others. Fails if one is not that is not [`KNOWN`].

#![allow(clippy::print_stdout, reason = "a tool")]

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use skep_codegen::diag::Code;
use skep_codegen::{Cpu, Diags, Opt, Options};
use skep_tests::sir::judge::chain;
use skep_tests::sir::llvm;

/// Objects that clang gets loaded and we do not, and why.
const KNOWN: &[(&str, &str)] = &[
    ("bind6_prog", "a loop over members of the context: its pointer is moved"),
    ("kfree_skb", "its own struct sk_buff needs CO-RE"),
    ("rbtree", "tags of variables (btf_decl_tag) have no place in the IR"),
    ("refcounted_kptr", "tags of variables (btf_decl_tag) have no place in the IR"),
    ("strobemeta_subprogs", "the verifier gives up"),
    ("test_skb_ctx", "a loop over members of the context, which clang unrolls"),
];

fn main() -> ExitCode {
    let (flags, args): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let Some((dir, wanted)) = args.split_first() else {
        println!("usage: corpus DIR [--level=O2] [FILE...]");
        return ExitCode::from(2);
    };
    let level = match flags.iter().find_map(|flag| flag.strip_prefix("--level=")) {
        Some("O0") => Opt::O0,
        Some("O1") => Opt::O1,
        Some("Os") => Opt::Os,
        _ => Opt::O2,
    };
    let corpus = Corpus { dir: PathBuf::from(dir), level };
    let files = corpus.files(wanted);
    let verdicts = Mutex::new(BTreeMap::<Verdict, Vec<String>>::new());
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = corpus.judge(file);
                    verdicts.lock().expect("no thread panics").entry(verdict).or_default().push(file.clone());
                }
            });
        }
    });
    report(&verdicts.into_inner().expect("no thread panics"))
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// Both objects are loaded.
    Loaded,
    /// Ours is not, as is known.
    Known(String),
    /// Ours is not.
    Worse(String),
    /// Ours is, and clang's is not.
    Better,
    /// clang does not compile it, or the kernel refuses what it makes; many tests are meant to be refused.
    NotForClang(String),
    /// The translator does not know something.
    NotTranslated(String),
    /// The compiler says why it cannot be.
    NotCompiled(String),
}

fn report(verdicts: &BTreeMap<Verdict, Vec<String>>) -> ExitCode {
    for (verdict, files) in verdicts {
        let names = if files.len() > 6 { format!("{} ..", files[..6].join(" ")) } else { files.join(" ") };
        println!("{:4} {verdict:?}: {names}", files.len());
    }
    let failed = verdicts.keys().any(|verdict| matches!(verdict, Verdict::Worse(_)));
    let loaded = verdicts.get(&Verdict::Loaded).map_or(0, Vec::len);
    println!("{loaded} objects are loaded as clang's are");
    if failed || loaded == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

struct Corpus {
    dir: PathBuf,
    level: Opt,
}

impl Corpus {
    fn sources(&self) -> PathBuf {
        self.dir.join("linux/tools/testing/selftests/bpf/progs")
    }

    /// All files, or those that are asked for. Those in assembly (`verifier_*`) are not compiled by anybody.
    fn files(&self, wanted: &[String]) -> Vec<String> {
        if !wanted.is_empty() {
            return wanted.to_vec();
        }
        let entries = std::fs::read_dir(self.sources()).expect("a folder that bench/fetch made");
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let c = paths.filter(|path| path.extension().is_some_and(|extension| extension == "c"));
        let stems = c.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()));
        let mut files: Vec<String> = stems.filter(|stem| !stem.starts_with("verifier_")).collect();
        files.sort();
        files
    }

    fn flags(&self) -> Vec<String> {
        let includes = [
            "generated",
            "linux/tools/lib",
            "linux/tools/testing/selftests/bpf",
            "linux/tools/testing/selftests/bpf/progs",
            "linux/tools/include/uapi",
        ];
        let fixed =
            "-std=gnu11 -mcpu=v3 -D__TARGET_ARCH_x86 -D__x86_64__ -idirafter /usr/include/x86_64-linux-gnu";
        let fixed = fixed.split(' ').map(str::to_owned);
        fixed.chain(includes.iter().map(|path| format!("-I{}", self.dir.join(path).display()))).collect()
    }

    fn judge(&self, file: &str) -> Verdict {
        let source = self.sources().join(format!("{file}.c"));
        let scratch = std::env::temp_dir().join(format!("skep-corpus-{}-{file}", std::process::id()));
        let theirs = self.clang(&source, &scratch.with_extension("clang.o"));
        let theirs = theirs.and_then(|object| load(&object, file));
        let ours = self.compile(&source, &scratch.with_extension("skep.o"));
        match (theirs, ours) {
            (Err(reason), Err(_)) => Verdict::NotForClang(class(&reason)),
            (Ok(()), Err(verdict)) => verdict,
            (theirs, Ok(object)) => match (theirs, load(&object, file)) {
                (Ok(()), Ok(())) => Verdict::Loaded,
                (Err(_), Ok(())) => Verdict::Better,
                (Err(reason), Err(_)) => Verdict::NotForClang(class(&reason)),
                (Ok(()), Err(reason)) => match KNOWN.iter().find(|(known, _)| *known == file) {
                    Some((_, why)) => Verdict::Known((*why).to_owned()),
                    None => Verdict::Worse(reason),
                },
            },
        }
    }

    fn clang(&self, source: &Path, object: &Path) -> Result<PathBuf, String> {
        let command = Command::new("clang-22")
            .args(["--target=bpfel", "-O2", "-g", "-w", "-c"])
            .args(self.flags())
            .arg("-o")
            .arg(object)
            .arg(source)
            .output();
        match command {
            Ok(output) if output.status.success() => Ok(object.to_owned()),
            Ok(_) => Err("clang does not compile it".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn compile(&self, source: &Path, path: &Path) -> Result<PathBuf, Verdict> {
        let flags = self.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let module = llvm::compile_c(source, &flags).map_err(|error| match error {
            llvm::Error::Text { message, .. } => Verdict::NotTranslated(class(&message)),
            other => Verdict::NotTranslated(chain(&other)),
        })?;
        // As clang sees it: what a file has is all there is.
        let options = Options::new().opt(self.level).closed_world(true);
        let compile = |options: &Options| {
            let compiled = catch_unwind(AssertUnwindSafe(|| skep_codegen::compile(module.clone(), options)));
            compiled.map_err(|_| Verdict::Worse("the compiler panics".to_owned()))
        };
        let needs_cpu = |diags: &Diags| diags.0.iter().all(|diag| diag.code == Code::NeedsCpu);
        let object = match compile(&options)? {
            Err(diags) if needs_cpu(&diags) => compile(&options.cpu(Cpu::V4))?,
            other => other,
        };
        let object = object.map_err(|diags| {
            let first = diags.0.first();
            let text = first.map_or(String::new(), |diag| format!("{}: {}", diag.code, diag.message));
            Verdict::NotCompiled(class(&text))
        })?;
        let bytes = skep_object::elf::write(&object);
        std::fs::write(path, bytes).map_err(|error| Verdict::Worse(error.to_string()))?;
        Ok(path.to_owned())
    }
}

/// Loads all programs of an object, and removes them again.
fn load(object: &Path, name: &str) -> Result<(), String> {
    let pins = PathBuf::from(format!("/sys/fs/bpf/skep-corpus-{}-{name}", std::process::id()));
    let output = Command::new("bpftool").args(["prog", "loadall"]).arg(object).arg(&pins).output();
    let _ = std::fs::remove_file(object);
    if pins.is_dir() {
        for pin in std::fs::read_dir(&pins).into_iter().flatten().flatten() {
            let _ = std::fs::remove_file(pin.path());
        }
        let _ = std::fs::remove_dir(&pins);
    }
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    // The verifier's last word stands before the end of its log; without one, libbpf says first what is wrong.
    let said =
        |line: &&str| !line.is_empty() && !line.starts_with("processed") && !line.starts_with("max_states");
    let (_, log) = text.split_once("LOAD LOG --").unwrap_or_default();
    let log = log.split("-- END").next().unwrap_or_default();
    let last = log.lines().map(str::trim).rev().find(said).or_else(|| text.lines().next());
    Err(last.unwrap_or("no reason is given").to_owned())
}

/// A reason without what differs from file to file.
fn class(reason: &str) -> String {
    let words = reason.split_whitespace().take(9);
    let words = words.map(|word| if word.contains(|char: char| char.is_ascii_digit()) { "N" } else { word });
    words.collect::<Vec<_>>().join(" ")
}
