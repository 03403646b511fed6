//! Files to objects: ELF, assembly, and C through clang.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use skep::Object;

/// Reads a file as what its name and first bytes say it is: assembly (`.s`, `.S`), C (`.c`), else an ELF object.
pub(crate) fn object(path: &Path) -> Result<Object> {
    let name = path.display().to_string();
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension {
        "c" => Ok(skep::read(&name, &compile(path)?)?),
        "s" | "S" => {
            let text = fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
            Ok(skep::assemble(&name, &text)?)
        }
        _ => Ok(skep::read(&name, &bytes(path)?)?),
    }
}

/// All bytes of a file, or of standard input for `-`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
        return Ok(bytes);
    }
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Clang's names, newest first; `SKEP_CLANG` goes before them.
const CLANGS: [&str; 8] =
    ["clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-16", "clang-14"];

/// Compiles C to an object in memory. skep's headers are on the include path.
fn compile(path: &Path) -> Result<Vec<u8>> {
    let named = std::env::var("SKEP_CLANG").ok();
    let compilers = named.iter().map(String::as_str).chain(CLANGS);
    let headers = crate::headers::temporary()?;
    for compiler in compilers {
        let child = Command::new(compiler)
            .args(["--target=bpf", "-O2", "-g", "-mcpu=v3", "-Wall", "-x", "c", "-c", "-o", "-"])
            .arg("-I")
            .arg(headers.path())
            .arg(path)
            .stdout(Stdio::piped())
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot run {compiler}")),
        };
        let output = child.wait_with_output().with_context(|| format!("cannot run {compiler}"))?;
        if !output.status.success() {
            bail!("{compiler} could not compile {}", path.display());
        }
        return Ok(output.stdout);
    }
    bail!(
        "{} is C, and no clang was found to compile it ({}); install clang, or name one in SKEP_CLANG",
        path.display(),
        CLANGS.join(", ")
    )
}

/// Writes a file, or standard output for `-`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if path.as_os_str() == "-" {
        return std::io::stdout().write_all(bytes).context("cannot write standard output");
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
