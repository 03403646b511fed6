//! Files to objects: ELF, assembly, and C through clang; and the way out.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use skep::Object;

/// How C is compiled.
#[derive(clap::Args)]
pub(crate) struct Clang {
    /// More options for clang, where FILE is C, as in --cflags '-DN=3 -I.'; white space separates them. Repeatable.
    #[arg(long = "cflags", value_name = "FLAGS", allow_hyphen_values = true)]
    flags: Vec<String>,
}

/// Bytes that a stack frame may have in the kernel, and for clang unless it is told.
pub(crate) const FRAME_BYTES: u32 = 512;

/// Reads a file as what its name says it is: assembly (`.s`, `.S`), C (`.c`), SIR (`.sir`), else an ELF object. Standard input is
/// assembly if it is text. Frames may have that many bytes.
pub(crate) fn object(path: &Path, clang: &Clang, frame_bytes: u32) -> Result<Object> {
    let name = name(path);
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    if extension != "c" && !clang.flags.is_empty() {
        bail!("--cflags is for C, and {name} is none; expected a name that ends with .c");
    }
    match extension {
        "c" => Ok(skep::read(&name, &compile(path, clang, frame_bytes)?)?),
        "s" | "S" => Ok(skep::assemble(&name, &text(path)?)?),
        "sir" => crate::compile::object(path),
        _ if is_stdio(path) => {
            let bytes = bytes(path)?;
            match std::str::from_utf8(&bytes) {
                Ok(text) if !bytes.starts_with(b"\x7fELF") && !text.trim().is_empty() => {
                    Ok(skep::assemble(&name, text)?)
                }
                _ => skep::read(&name, &bytes).context("cannot read standard input"),
            }
        }
        _ => skep::read(&name, &bytes(path)?).with_context(|| format!("cannot read {name}")),
    }
}

/// What messages call a file.
pub(crate) fn name(path: &Path) -> String {
    if is_stdio(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn is_stdio(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// All bytes of a program's file, or of standard input for `-`.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    read(path, 512)
}

/// The same of a file that becomes memory of the program.
pub(crate) fn memory(path: &Path) -> Result<Vec<u8>> {
    read(path, 1024)
}

/// Some files, such as devices, never end.
fn read(path: &Path, max_mib: u64) -> Result<Vec<u8>> {
    let max = max_mib << 20;
    let mut bytes = Vec::new();
    let read = match is_stdio(path) {
        true => std::io::stdin().lock().take(max + 1).read_to_end(&mut bytes),
        false => fs::File::open(path).and_then(|file| file.take(max + 1).read_to_end(&mut bytes)),
    };
    read.with_context(|| format!("cannot read {}", name(path)))?;
    if bytes.len() as u64 > max {
        bail!("cannot read {}: it has more than {max_mib} MiB, expected at most that", name(path));
    }
    Ok(bytes)
}

/// The text of a file, or of standard input for `-`.
pub(crate) fn text(path: &Path) -> Result<String> {
    String::from_utf8(bytes(path)?)
        .map_err(|error| error.utf8_error())
        .with_context(|| format!("cannot read {} as text", name(path)))
}

/// Clang's names, newest first; the one that `SKEP_CLANG` names goes before them.
const CLANGS: [&str; 8] =
    ["clang", "clang-22", "clang-21", "clang-20", "clang-19", "clang-18", "clang-16", "clang-14"];

/// Finds the C library's headers, parts of which lie in a folder named after the architecture.
#[cfg(target_arch = "x86_64")]
const LIBC_HEADERS: &[&str] = &["-idirafter", "/usr/include/x86_64-linux-gnu", "-D__x86_64__"];
#[cfg(target_arch = "aarch64")]
const LIBC_HEADERS: &[&str] = &["-idirafter", "/usr/include/aarch64-linux-gnu", "-D__aarch64__"];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const LIBC_HEADERS: &[&str] = &[];

/// Compiles C to an object in memory. skep's headers are on the include path.
fn compile(path: &Path, clang: &Clang, frame_bytes: u32) -> Result<Vec<u8>> {
    // Clang says the same in more lines.
    let meta = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if meta.is_dir() {
        bail!("cannot read {}: it is a folder", path.display());
    }
    let named: Option<OsString> = std::env::var_os("SKEP_CLANG").filter(|name| !name.is_empty());
    let compilers = named.into_iter().chain(CLANGS.map(OsString::from));
    let headers = crate::headers::temporary()?;
    let frame: &[String] = match frame_bytes {
        ..=FRAME_BYTES => &[],
        // Older compilers, up to clang 16 at least, lack the option.
        _ => &["-mllvm".to_owned(), format!("-bpf-stack-size={frame_bytes}")],
    };
    for compiler in compilers {
        let shown = compiler.display();
        let child = Command::new(&compiler)
            .args(["--target=bpf", "-O2", "-g", "-mcpu=v3", "-Wall", "-x", "c", "-c", "-o", "-"])
            // Where a macro of skep's headers is misused, its innards explain nothing.
            .arg("-fmacro-backtrace-limit=1")
            .arg("-I")
            .arg(headers.path())
            .args(LIBC_HEADERS)
            .args(frame)
            .args(clang.flags.iter().flat_map(|flags| flags.split_whitespace()))
            // A name may begin with a dash.
            .arg("--")
            .arg(path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn();
        let child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot run {shown}")),
        };
        let output = child.wait_with_output().with_context(|| format!("cannot run {shown}"))?;
        if !output.status.success() {
            bail!("{shown} could not compile {}", path.display());
        }
        return Ok(output.stdout);
    }
    bail!(
        "{} is C, and no clang was found to compile it ({}); install clang, or name one in SKEP_CLANG",
        path.display(),
        CLANGS.join(", ")
    )
}

/// Bytes given in hex.
#[derive(Clone, Debug)]
pub(crate) struct Hex(pub(crate) Vec<u8>);

/// Pairs of hex digits; white space is ignored.
pub(crate) fn hex(text: &str) -> Result<Hex, String> {
    let digits = text.chars().filter(|c| !c.is_whitespace());
    let digits: Vec<u32> = digits
        .map(|c| c.to_digit(16).ok_or_else(|| format!("'{c}' is no hex digit")))
        .collect::<Result<_, _>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    match rest {
        [] => Ok(Hex(pairs.iter().flat_map(|[high, low]| u8::try_from(high << 4 | low)).collect())),
        _ => Err(format!("{} hex digits, expected an even number", digits.len())),
    }
}

/// What is wrong with bytes that are no bare instructions.
pub(crate) fn not_bare(name: &str, len: usize) -> String {
    match len {
        0 => format!("{name}: empty, expected instructions of 8 bytes"),
        _ => format!("{name}: {len} bytes, expected a multiple of 8, the size of an instruction"),
    }
}

/// Writes a file, or standard output for `-`.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    if is_stdio(path) {
        let mut out = std::io::stdout().lock();
        return out.write_all(bytes).and_then(|()| out.flush()).context("cannot write standard output");
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// A number as C writes it, also negative.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let parsed = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse::<u64>(),
    };
    let value = parsed.map_err(|error| format!("{error}; expected a 64-bit number, decimal or 0x hex"))?;
    match negative {
        true if value > 1 << 63 => Err("number too small; expected at least -0x8000000000000000".to_owned()),
        true => Ok(value.wrapping_neg()),
        false => Ok(value),
    }
}

/// Prints to standard output.
pub(crate) fn print(text: impl Display) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    write!(out, "{text}").and_then(|()| out.flush()).context("cannot write standard output")
}
