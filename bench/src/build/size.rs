//! What the code generator adds to a program: two small ones, built and stripped, one of which uses it.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::process::Command;

/// Builds both and prints their sizes.
///
/// # Errors
/// Cargo cannot build them.
pub(crate) fn print(out: &mut dyn Write) -> Result<(), Box<dyn Error>> {
    let (empty, codegen) = (build("size_empty")?, build("size_codegen")?);
    writeln!(out, "\nsize of a stripped program, KiB")?;
    writeln!(out, "  {:<36}{:>8}", "that does nothing", kib(empty))?;
    writeln!(out, "  {:<36}{:>8}", "that builds and compiles a function", kib(codegen))?;
    writeln!(out, "  {:<36}{:>8}", "so the code generator adds", kib(codegen.saturating_sub(empty)))?;
    Ok(())
}

fn kib(bytes: u64) -> String {
    format!("{:.0}", bytes as f64 / 1024.0)
}

/// Builds an example of this package with the workspace's release profile, and strips it.
fn build(example: &str) -> Result<u64, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let done = Command::new(cargo)
        .args(["rustc", "--quiet", "--release", "--manifest-path", manifest, "--example", example])
        .args(["--message-format=json", "--", "-Cstrip=symbols"])
        .output()?;
    if !done.status.success() {
        return Err(
            format!("cannot build {example}: {}", String::from_utf8_lossy(&done.stderr).trim()).into()
        );
    }
    let messages = String::from_utf8(done.stdout)?;
    // The last artifact is the program; a path has no quotes to escape.
    let path =
        messages.lines().rev().find_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
    let path = path.ok_or_else(|| format!("cargo does not say where {example} is"))?;
    Ok(fs::metadata(path)?.len())
}
