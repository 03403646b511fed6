//! The quality of generated code: its size, and what executing or verifying it takes, beside clang's.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{IsTerminal, stderr};
use std::panic::catch_unwind;
use std::path::Path;

use super::clang::{self, Clang, Cpu};
use super::figures::{self, Run, Size};
use super::libbpf::Libbpf;
use super::ours::{self, Skep};
use super::real::{self, Tree};
use super::{corpus, frozen};

/// All that was measured, and what was not.
pub(crate) struct Quality {
    pub(crate) notes: Vec<String>,
    /// What took no part, and why.
    pub(crate) absent: Vec<String>,
    /// Our functions; their work is instructions executed.
    pub(crate) own: Vec<Row>,
    /// The kernel's programs; their work is instructions that the verifier went through.
    pub(crate) real: Vec<Row>,
}

/// A function, or a program in the kernel.
pub(crate) struct Row {
    pub(crate) name: String,
    /// By [`clang::Level`].
    pub(crate) clang: [Figures; 3],
    /// By [`ours::Level`].
    pub(crate) ours: [Result<Figures, String>; 2],
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) size: Size,
    /// Instructions executed, or gone through by the verifier.
    pub(crate) work: u64,
}

/// Measures what contains `filter` in its name; leaves the objects in `keep`.
///
/// # Errors
/// clang does not compile a function of the corpus, or its codes disagree.
pub(crate) fn measure(filter: &str, keep: Option<&Path>) -> Result<Quality, Box<dyn Error>> {
    let mut quality = Quality { notes: Vec::new(), absent: Vec::new(), own: Vec::new(), real: Vec::new() };
    quality.notes.push(format!("skep: {}", Skep::about()));
    let clang = match Clang::find() {
        Ok(clang) => clang,
        Err(reason) => {
            quality.absent.push(format!("the whole corpus: {reason}"));
            return Ok(quality);
        }
    };
    quality.notes.push(format!("{}; -mcpu=v3, v4 for signed division", clang.version));
    let run = Measuring { clang, filter, keep };
    quality.own = run.own()?;
    match judge() {
        Ok((tree, libbpf)) => quality.real = run.real(&tree, &libbpf, &mut quality.absent)?,
        Err(reason) => quality.absent.push(format!("the kernel's programs: {reason}")),
    }
    progress("");
    quality.notes.extend(frozen::deviations(&quality)?);
    Ok(quality)
}

/// What the real half needs.
fn judge() -> Result<(Tree, Libbpf), String> {
    Ok((Tree::find()?, Libbpf::open()?))
}

/// What both halves need.
struct Measuring<'a> {
    clang: Clang,
    filter: &'a str,
    keep: Option<&'a Path>,
}

/// A source compiled by everyone.
struct Compiled {
    /// By [`clang::Level`].
    clang: [Result<Vec<u8>, String>; 3],
    /// By [`ours::Level`].
    ours: [Result<Vec<u8>, String>; 2],
}

impl Measuring<'_> {
    fn own(&self) -> Result<Vec<Row>, Box<dyn Error>> {
        let mut rows = Vec::new();
        // As the kernel is compiled: its memory, and a buffer here, is read as whatever it holds.
        let flags = [String::from("-fno-strict-aliasing")];
        for source in corpus::sources()? {
            if !source.functions.iter().any(|f| f.name.contains(self.filter)) {
                continue;
            }
            let compiled = self.compile(&source.path, &flags, source.cpu)?;
            let [os, no_unroll, o2] = compiled.clang;
            let by_clang = [os?, no_unroll?, o2?];
            for function in source.functions.iter().filter(|f| f.name.contains(self.filter)) {
                let measured = |object: &[u8]| figures::measure(object, &function.name, &function.input);
                let [a, b, c] = by_clang.each_ref().map(|object| measured(object));
                let ((size, run), b, c) = (a?, b?, c?);
                if !(run.agrees(&b.1) && run.agrees(&c.1)) {
                    let name = &function.name;
                    return Err(format!("{name}: clang's own codes disagree: undefined behaviour?").into());
                }
                let ours = compiled.ours.each_ref().map(|object| {
                    let (size, own) = measured(object.as_ref()?).map_err(|e| crate::chain(e.as_ref()))?;
                    check(&own, &run)?;
                    Ok(Figures { size, work: own.executed })
                });
                let clang = [
                    Figures { size, work: run.executed },
                    Figures { size: b.0, work: b.1.executed },
                    Figures { size: c.0, work: c.1.executed },
                ];
                rows.push(Row { name: function.name.clone(), clang, ours });
            }
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    fn real(
        &self,
        tree: &Tree,
        libbpf: &Libbpf,
        absent: &mut Vec<String>,
    ) -> Result<Vec<Row>, Box<dyn Error>> {
        let flags = tree.flags();
        let mut rows = Vec::new();
        for program in real::programs()? {
            let name = format!("{}/{}", program.file, program.name);
            if !name.contains(self.filter) {
                continue;
            }
            let compiled = self.compile(&tree.source(&program), &flags, Cpu::V3)?;
            let judged = |object: &Result<Vec<u8>, String>| -> Result<Figures, String> {
                let verified = libbpf.load(object.as_ref()?, &program.name)?;
                Ok(Figures { size: verified.size, work: verified.processed })
            };
            let clang = match compiled.clang.each_ref().map(judged) {
                [Ok(os), Ok(no_unroll), Ok(o2)] => [os, no_unroll, o2],
                [Err(e), ..] if e.contains("Operation not permitted") => {
                    absent.push(format!("the kernel's programs: {e}; they are loaded by root only"));
                    break;
                }
                // A kernel that refuses clang's code cannot judge ours.
                [Err(e), _, _] | [_, Err(e), _] | [_, _, Err(e)] => {
                    absent.push(format!("{name}, by clang: {e}"));
                    continue;
                }
            };
            rows.push(Row { name, clang, ours: compiled.ours.each_ref().map(judged) });
        }
        Ok(rows)
    }

    /// Compiles a source by everyone, and keeps the objects where that is wanted.
    fn compile(&self, source: &Path, flags: &[String], cpu: Cpu) -> Result<Compiled, Box<dyn Error>> {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        progress(&name);
        let ir = self.clang.ir(source, flags, cpu)?;
        let clang = clang::Level::ALL
            .map(|level| self.clang.object(source, flags, cpu, level).map_err(|e| crate::chain(e.as_ref())));
        let ours = ours::Level::ALL.map(|level| translate(&ir, cpu, level));
        if let Some(dir) = self.keep {
            fs::create_dir_all(dir)?;
            fs::write(dir.join(format!("{name}.ll")), &ir)?;
            let compilers = ["clang-Os", "clang-O2nu", "clang-O2", "skep-O2", "skep-Os"];
            for (compiler, object) in compilers.iter().zip(clang.iter().chain(&ours)) {
                if let Ok(object) = object {
                    fs::write(dir.join(format!("{name}.{compiler}.o")), object)?;
                }
            }
        }
        Ok(Compiled { clang, ours })
    }
}

/// Whether skep's code did what clang's did.
fn check(own: &Run, clang: &Run) -> Result<(), String> {
    if own.agrees(clang) {
        return Ok(());
    }
    let at = own.memory.iter().zip(&clang.memory).position(|(a, b)| a != b);
    Err(match at {
        Some(at) => format!("wrong code: memory differs at {at}"),
        None => format!("wrong code: result {:#x}, clang's {:#x}", own.result, clang.result),
    })
}

fn translate(ir: &str, cpu: Cpu, level: ours::Level) -> Result<Vec<u8>, String> {
    // One panic is one line of the report, not the end of it.
    match catch_unwind(|| Skep::compile(ir, cpu, level)) {
        Ok(object) => object.map_err(|e| crate::chain(e.as_ref())),
        Err(_) => Err("it panicked".into()),
    }
}

/// Says on a terminal what is going on; the line is overwritten.
fn progress(what: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{what}");
    }
}

impl Quality {
    /// All rows by name.
    pub(crate) fn rows(&self) -> BTreeMap<&str, &Row> {
        self.own.iter().chain(&self.real).map(|row| (row.name.as_str(), row)).collect()
    }

    /// Whether skep failed at something that it took part in.
    pub(crate) fn skep_failed(&self) -> bool {
        self.own.iter().chain(&self.real).any(|row| row.ours.iter().any(Result::is_err))
    }
}
