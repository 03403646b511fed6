//! Programs from text, compilers as far as they are installed, and what a run prints.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use skep_link::Options;
use skep_object::{Image, Object};
use skep_vm::{Checked, Engine, Error, Host, Hosts, TrapKind, Unit};

/// An image from assembly.
pub(crate) fn assemble(text: &str) -> Image {
    let object = skep_object::asm::assemble("test.s", text).unwrap_or_else(|errors| panic!("{errors}"));
    link(&object)
}

/// An image from an ELF object.
pub(crate) fn read(bytes: &[u8]) -> Image {
    link(&skep_object::elf::read("test.o", bytes).unwrap())
}

fn link(object: &Object) -> Image {
    skep_link::link(object, &Options::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// An engine whose programs are trusted.
pub(crate) fn trusting(hosts: &Hosts) -> Engine<Host> {
    // SAFETY: the tests' programs are ours.
    unsafe { Engine::trusting(hosts.clone()) }
}

/// An engine that checks.
pub(crate) fn checked(hosts: &Hosts) -> Engine<Checked> {
    Engine::checked(hosts.clone())
}

/// The image in both modes.
pub(crate) fn both(hosts: &Hosts, image: &Image) -> [(&'static str, Unit); 2] {
    [("host", trusting(hosts).add(image).unwrap()), ("checked", checked(hosts).add(image).unwrap())]
}

/// Why an image cannot be added.
pub(crate) fn refusal(result: Result<Unit, Error>) -> String {
    match result {
        Ok(_) => panic!("expected an error"),
        Err(error) => error.to_string(),
    }
}

/// The result of `main`.
pub(crate) fn run(unit: &Unit, args: &[u64]) -> Result<u64, TrapKind> {
    unit.func("main").expect("a function 'main'").call(args).map_err(|trap| trap.kind)
}

/// How a C program is compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiler {
    pub(crate) command: &'static str,
    pub(crate) args: &'static [&'static str],
}

/// Every compiler at every level of optimization.
pub(crate) const COMPILERS: &[Compiler] = &[
    Compiler { command: "clang-22", args: &["--target=bpf", "-g", "-O0"] },
    Compiler { command: "clang-22", args: &["--target=bpf", "-g", "-O1", "-mcpu=v1"] },
    Compiler { command: "clang-22", args: &["--target=bpf", "-g", "-O2", "-mcpu=v2"] },
    Compiler { command: "clang-22", args: &["--target=bpf", "-g", "-O2", "-mcpu=v3"] },
    Compiler { command: "clang-22", args: &["--target=bpf", "-g", "-O2", "-mcpu=v4"] },
    Compiler { command: "bpf-gcc", args: &["-gbtf", "-O0"] },
    Compiler { command: "bpf-gcc", args: &["-gbtf", "-O2"] },
];

impl Compiler {
    /// Compiles a file of `tests/it/c`; `None`, and a line that says so, if there is no such compiler.
    ///
    /// # Panics
    /// If the compiler refuses or warns, or is missing where `SKEP_REQUIRE=all` demands it.
    pub(crate) fn compile(&self, source: &str) -> Option<Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let object = Temp::new();
        let mut command = Command::new(self.command);
        command.args(self.args).args(["-Wall", "-Wextra", "-Werror", "-I"]).arg(root.join("include"));
        let run =
            command.arg("-c").arg(root.join("tests/it/c").join(source)).arg("-o").arg(&object.path).output();
        let output = match run {
            Ok(output) => output,
            Err(error) => {
                let required = env::var("SKEP_REQUIRE").is_ok_and(|what| what == "all");
                assert!(!required, "{}: {error}, and SKEP_REQUIRE=all", self.command);
                eprintln!("skipped: {}: {error}", self.command);
                return None;
            }
        };
        assert!(output.status.success(), "{self:?}: {}", String::from_utf8_lossy(&output.stderr));
        Some(std::fs::read(&object.path).unwrap())
    }
}

/// A file that goes when its name does.
pub(crate) struct Temp {
    pub(crate) path: PathBuf,
}

impl Temp {
    pub(crate) fn new() -> Temp {
        let thread = std::thread::current();
        let name: String =
            thread.name().unwrap_or("test").chars().filter(char::is_ascii_alphanumeric).collect();
        Temp { path: env::temp_dir().join(format!("skep-vm-{}-{name}", std::process::id())) }
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// In which mode a child process runs its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Host,
    Checked,
}

/// What a program printed, in a process of its own: C's streams belong to the process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) out: String,
    pub(crate) err: String,
}

const MODE: &str = "SKEP_VM_CHILD_MODE";
const PROGRAM: &str = "SKEP_VM_CHILD_PROGRAM";
const MARK: &str = "\u{1}";

/// Runs `main` of an object file, or of assembly, in a child process that may use the C library by name.
pub(crate) fn output(mode: Mode, program: &[u8]) -> Printed {
    let file = Temp::new();
    std::fs::write(&file.path, program).unwrap();
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "support::child", "--nocapture", "--test-threads=1"])
        .env(MODE, if mode == Mode::Host { "host" } else { "checked" })
        .env(PROGRAM, &file.path)
        .env("SKEP_VM_VARIABLE", "from the environment")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(child.stdout), text(child.stderr));
    assert!(child.status.success(), "{out}{err}");
    let between =
        |text: &str| text.split(MARK).nth(1).unwrap_or_else(|| panic!("no marks in {text:?}")).to_owned();
    Printed { out: between(&out), err: between(&err) }
}

/// Not a test: what [`output`] starts.
#[test]
fn child() {
    let (Ok(mode), Ok(path)) = (env::var(MODE), env::var(PROGRAM)) else { return };
    let program = std::fs::read(path).unwrap();
    let image = match program.starts_with(b"\x7fELF") {
        true => read(&program),
        false => assemble(&String::from_utf8(program).unwrap()),
    };
    let hosts = Hosts::new().process();
    let unit = if mode == "host" { trusting(&hosts).add(&image) } else { checked(&hosts).add(&image) };
    let unit = unit.unwrap_or_else(|error| panic!("{error}"));
    print_raw(MARK);
    let result = run(&unit, &[]);
    skep_vm::helpers::flush();
    print_raw(&format!("{}{MARK}", result.map_or_else(|trap| trap.to_string(), |_| String::new())));
}

/// Past all buffers, to both streams.
fn print_raw(text: &str) {
    use std::io::Write;
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
    std::io::stderr().write_all(text.as_bytes()).unwrap();
}
