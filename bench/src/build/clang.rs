//! clang as the measure: the configurations that it is run in, objects and unoptimized LLVM IR.

use std::error::Error;
use std::path::Path;
use std::process::Command;

/// The instruction set that code is made for, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    /// What everyone compiles for.
    V3,
    /// For what clang refuses below: signed division.
    V4,
}

impl Cpu {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V4 => "v4",
        }
    }
}

/// How clang optimizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// `-Os`.
    Os,
    /// `-O2 -fno-unroll-loops`.
    O2NoUnroll,
    /// `-O2`.
    O2,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Os, Self::O2NoUnroll, Self::O2];

    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Os => &["-Os"],
            Self::O2NoUnroll => &["-O2", "-fno-unroll-loops"],
            Self::O2 => &["-O2"],
        }
    }
}

/// The C compiler.
pub(crate) struct Clang {
    command: String,
    /// What it says about its version.
    pub(crate) version: String,
}

impl Clang {
    /// The compiler that `$CLANG` names, else `clang-22`.
    ///
    /// # Errors
    /// It cannot be started.
    pub(crate) fn find() -> Result<Self, String> {
        let command = std::env::var("CLANG").unwrap_or_else(|_| "clang-22".into());
        let output = Command::new(&command).arg("--version").output();
        let output =
            output.map_err(|e| format!("cannot start '{command}' ({e}); install clang-22 or set CLANG"))?;
        if !output.status.success() {
            return Err(format!("'{command} --version' failed: {}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Self { command, version: text.lines().next().unwrap_or_default().to_owned() })
    }

    /// Compiles to an object with BTF.
    ///
    /// # Errors
    /// The source does not compile: the first error.
    pub(crate) fn object(
        &self,
        source: &Path,
        flags: &[String],
        cpu: Cpu,
        level: Level,
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        self.run(source, flags, cpu, level.flags(), &["-c"])
    }

    /// The same source as LLVM IR that no pass has seen: what another compiler may begin with.
    ///
    /// # Errors
    /// The source does not compile: the first error.
    pub(crate) fn ir(&self, source: &Path, flags: &[String], cpu: Cpu) -> Result<String, Box<dyn Error>> {
        // Not -O0, which marks functions and variables so that no optimizer may touch them.
        let unoptimized = ["-O2", "-Xclang", "-disable-llvm-passes"];
        let text = self.run(source, flags, cpu, &unoptimized, &["-S", "-emit-llvm"])?;
        Ok(String::from_utf8(text)?)
    }

    fn run(
        &self,
        source: &Path,
        flags: &[String],
        cpu: Cpu,
        level: &[&str],
        output: &[&str],
    ) -> Result<Vec<u8>, Box<dyn Error>> {
        let cpu = format!("-mcpu={}", cpu.name());
        let mut command = Command::new(&self.command);
        command.args(["--target=bpf", &cpu, "-g"]).args(level).args(output).args(flags);
        let done = command.arg(source).args(["-o", "-"]).output()?;
        if !done.status.success() {
            let text = String::from_utf8_lossy(&done.stderr);
            let error = text.lines().find(|line| line.contains("error")).unwrap_or("no message");
            return Err(format!("clang: {}", error.trim()).into());
        }
        Ok(done.stdout)
    }
}
