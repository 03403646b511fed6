//! `corpus/FROZEN`: hashes of our sources and clang's figures, from before any tuning.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use super::corpus;
use super::quality::{Quality, Row};

fn path() -> PathBuf {
    corpus::dir().join("FROZEN")
}

/// Says where clang's figures are not the frozen ones: another clang, another kernel, another source.
///
/// # Errors
/// The file is damaged.
pub(crate) fn deviations(quality: &Quality) -> Result<Vec<String>, Box<dyn Error>> {
    let Ok(text) = fs::read_to_string(path()) else {
        return Ok(vec!["corpus/FROZEN is missing: nothing to compare clang's figures with".into()]);
    };
    let mut frozen = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, figures) =
            line.split_once(char::is_whitespace).ok_or_else(|| format!("FROZEN: {line}"))?;
        frozen.insert(name, figures.split_whitespace().collect::<Vec<_>>());
    }
    let mut notes = Vec::new();
    for (name, row) in quality.rows() {
        let figures = figures(row);
        match frozen.get(name) {
            Some(then) if *then == figures => {}
            Some(then) => notes.push(format!("clang on {name}: {figures:?}, frozen {then:?}")),
            None => notes.push(format!("clang on {name}: {figures:?}, not frozen")),
        }
    }
    Ok(notes)
}

/// Writes the figures of this run.
///
/// # Errors
/// Files cannot be read or written.
pub(crate) fn write(quality: &Quality) -> Result<(), Box<dyn Error>> {
    let mut text = String::from(
        "# Frozen before any tuning. Sources: name and hash. Functions and programs: static instructions of clang-22 at\n\
         # -Os, -O2 -fno-unroll-loops, -O2, then instructions executed, or gone through by the verifier of Linux 6.18.\n",
    );
    for source in corpus::sources()? {
        let name = source.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(text, "{name:<44} {}", hash(&fs::read(&source.path)?))?;
    }
    let header = corpus::dir().join("corpus.h");
    writeln!(text, "{:<44} {}", "corpus.h", hash(&fs::read(header)?))?;
    for row in quality.own.iter().chain(&quality.real) {
        write!(text, "{:<44}", row.name)?;
        for figure in figures(row) {
            write!(text, " {figure:>6}")?;
        }
        writeln!(text)?;
    }
    Ok(fs::write(path(), text)?)
}

fn figures(row: &Row) -> Vec<String> {
    let sizes = row.clang.iter().map(|f| f.size.insns.to_string());
    sizes.chain(row.clang.iter().map(|f| f.work.to_string())).collect()
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another source is another benchmark.
    #[test]
    fn sources_are_frozen() {
        let list = fs::read_to_string(path()).unwrap();
        let mut sources = 0;
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            let (name, expected) = line.split_once(char::is_whitespace).unwrap();
            if name.ends_with(".c") || name.ends_with(".h") {
                let got = hash(&fs::read(corpus::dir().join(name)).unwrap());
                assert_eq!(got, expected.trim(), "{name} has changed");
                sources += 1;
            }
        }
        assert!(sources >= 8);
    }
}
