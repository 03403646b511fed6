//! The corpus's own half: functions in `corpus/*.c`, each with the input that it runs over.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use super::clang::Cpu;
use crate::input;

/// Bytes of a function's buffer.
const BUFFER: usize = 4096;
/// Seed of all inputs.
const SEED: u64 = 1;

/// A file of the corpus.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) cpu: Cpu,
    pub(crate) functions: Vec<Function>,
}

/// `u64 name(u8 *mem, u64 len)`.
pub(crate) struct Function {
    pub(crate) name: String,
    /// What its buffer holds at the start.
    pub(crate) input: Vec<u8>,
}

/// Where the corpus is.
pub(crate) fn dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// All sources, in alphabetical order.
///
/// # Errors
/// The directory cannot be read, or a file does not keep to its README.
pub(crate) fn sources() -> Result<Vec<Source>, Box<dyn Error>> {
    let dir = dir();
    let entries = fs::read_dir(&dir).map_err(|e| format!("cannot read {}: {e}", dir.display()))?;
    let mut paths = entries.map(|e| e.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|e| e == "c"));
    paths.sort();
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Result<Source, Box<dyn Error>> {
    let text = fs::read_to_string(&path)?;
    let (cpu, functions) = parse(&text).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Source { path, cpu, functions })
}

/// Finds `// KIND: what it does` in front of `u64 name(u8 *mem, u64 len)`.
fn parse(text: &str) -> Result<(Cpu, Vec<Function>), String> {
    let mut cpu = Cpu::V3;
    let mut kind = None;
    let mut functions = Vec::new();
    for line in text.lines() {
        if line == "// cpu: v4" {
            cpu = Cpu::V4;
        } else if let Some((name, _)) = line.strip_prefix("// ").and_then(|c| c.split_once(": ")) {
            kind = name.parse().ok();
        } else if let Some(name) =
            line.strip_prefix("u64 ").and_then(|l| Some(l.split_once("(u8 *mem, u64 len)")?.0))
        {
            let kind = kind.take().ok_or_else(|| format!("no '// KIND: ...' in front of '{name}'"))?;
            functions.push(Function { name: name.into(), input: input::generate(kind, BUFFER, SEED) });
        }
    }
    Ok((cpu, functions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_input_stands_in_front() {
        let (cpu, functions) = parse("// cpu: v4\n// text: counts\nu64 f(u8 *mem, u64 len) {\n}\n").unwrap();
        assert_eq!((cpu, functions.len(), functions[0].input.len()), (Cpu::V4, 1, BUFFER));
        let error = parse("// counts\nu64 f(u8 *mem, u64 len) {\n").err().unwrap();
        assert_eq!(error, "no '// KIND: ...' in front of 'f'");
    }
}
