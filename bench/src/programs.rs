//! The compute programs: found in `programs/`, compiled at run time, once natively and once per BPF level.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::flat::Flat;
use crate::input;

/// Seed of all inputs; checksums of two runs of the bench are comparable.
const SEED: u64 = 1;

/// The BPF instruction set that a contender is given code for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    /// No 32-bit arithmetic, no 32-bit jumps.
    V2,
    /// The level that everyone compiles for today.
    V3,
}

impl Cpu {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V3 => "v3",
        }
    }
}

/// One program, ready for every contender.
pub(crate) struct Program {
    pub(crate) name: String,
    /// The buffer's contents at the start of each run.
    pub(crate) input: Vec<u8>,
    /// The shared object of the native build.
    pub(crate) native: PathBuf,
    v2: Bpf,
    v3: Bpf,
}

/// A BPF build of a program.
pub(crate) struct Bpf {
    /// The object, linked; for skep.
    pub(crate) image: skep::Image,
    /// The same as bare instructions, for engines that read no objects.
    pub(crate) flat: Flat,
}

impl Program {
    pub(crate) fn bpf(&self, cpu: Cpu) -> &Bpf {
        match cpu {
            Cpu::V2 => &self.v2,
            Cpu::V3 => &self.v3,
        }
    }
}

/// The C compiler, and where its output goes.
pub(crate) struct Compiler {
    clang: String,
    out: PathBuf,
}

impl Compiler {
    /// The compiler that `$CLANG` names, else `clang-22`.
    ///
    /// # Errors
    /// It cannot be started, or the output directory cannot be made.
    pub(crate) fn find() -> Result<Self, Box<dyn Error>> {
        let clang = std::env::var("CLANG").unwrap_or_else(|_| "clang-22".into());
        let version = Command::new(&clang).arg("--version").output();
        let version =
            version.map_err(|e| format!("cannot start '{clang}' ({e}); install clang-22 or set CLANG"))?;
        if !version.status.success() {
            return Err(format!("'{clang} --version' failed: {}", version.status).into());
        }
        let out = std::env::temp_dir().join(format!("skep-bench-{}", std::process::id()));
        fs::create_dir_all(&out).map_err(|e| format!("cannot make {}: {e}", out.display()))?;
        Ok(Self { clang, out })
    }

    fn compile(&self, source: &Path, out: &str, flags: &[&str]) -> Result<PathBuf, Box<dyn Error>> {
        let out = self.out.join(out);
        let done = Command::new(&self.clang).args(flags).arg(source).arg("-o").arg(&out).output()?;
        if !done.status.success() {
            let message = String::from_utf8_lossy(&done.stderr);
            return Err(format!("cannot compile {}: {}", source.display(), message.trim()).into());
        }
        Ok(out)
    }

    /// Reads and builds one program.
    ///
    /// # Errors
    /// The source has no valid `// input:` line, does not compile, or has no flat form.
    pub(crate) fn build(&self, source: &Path) -> Result<Program, Box<dyn Error>> {
        let name = name(source);
        let text = fs::read_to_string(source)?;
        let input = parse_input(&text).map_err(|e| format!("{}: {e}", source.display()))?;
        let native = self.compile(source, &format!("{name}.so"), &["-O2", "-shared", "-fPIC"])?;
        let bpf = |cpu: Cpu| -> Result<Bpf, Box<dyn Error>> {
            let level = format!("-mcpu={}", cpu.name());
            let flags = ["--target=bpf", "-O2", &level, "-g", "-c"];
            let object = fs::read(self.compile(source, &format!("{name}.{}.o", cpu.name()), &flags)?)?;
            let file = format!("{name}.{}.o", cpu.name());
            let flat = Flat::from_object(&object).map_err(|e| format!("{file}: {e}"))?;
            Ok(Bpf { image: skep::link(&skep::read(&file, &object)?)?, flat })
        };
        Ok(Program { input, native, v2: bpf(Cpu::V2)?, v3: bpf(Cpu::V3)?, name })
    }
}

impl Drop for Compiler {
    fn drop(&mut self) {
        // A leftover in the temporary directory is no reason to fail.
        let _ = fs::remove_dir_all(&self.out);
    }
}

/// The sources whose name contains `filter`, in alphabetical order.
///
/// # Errors
/// The directory cannot be read.
pub(crate) fn sources(filter: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs");
    let entries = fs::read_dir(&dir).map_err(|e| format!("cannot read {}: {e}", dir.display()))?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == "c") && name(p).contains(filter));
    paths.sort();
    Ok(paths)
}

fn name(source: &Path) -> String {
    source.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn parse_input(text: &str) -> Result<Vec<u8>, String> {
    let line =
        text.lines().find_map(|l| l.strip_prefix("// input: ")).ok_or("no line '// input: KIND BYTES'")?;
    let (kind, len) = line.split_once(' ').ok_or_else(|| format!("'{line}': expected KIND BYTES"))?;
    let len = len.parse().map_err(|e| format!("'{line}': {e}"))?;
    Ok(input::generate(kind.parse()?, len, SEED))
}
