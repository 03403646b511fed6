//! The quality of generated code: its size, and what executing or verifying it takes, beside clang's.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{IsTerminal, stderr};
use std::panic::catch_unwind;

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

/// Measures what contains `filter` in its name.
///
/// # Errors
/// clang does not compile a function of the corpus, or its codes disagree.
pub(crate) fn measure(filter: &str) -> Result<Quality, Box<dyn Error>> {
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
    quality.own = own(&clang, filter)?;
    match judge() {
        Ok((tree, libbpf)) => {
            quality.real = real(&clang, &tree, &libbpf, filter, &mut quality.absent)?;
        }
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

fn own(clang: &Clang, filter: &str) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    // As the kernel is compiled: its memory, and a buffer here, is read as whatever it holds.
    let flags = [String::from("-fno-strict-aliasing")];
    for source in corpus::sources()? {
        if !source.functions.iter().any(|f| f.name.contains(filter)) {
            continue;
        }
        progress(&source.path.display().to_string());
        let objects = clang::Level::ALL.map(|level| clang.object(&source.path, &flags, source.cpu, level));
        let [os, no_unroll, o2] = objects;
        let objects = [os?, no_unroll?, o2?];
        let ir = clang.ir(&source.path, &flags, source.cpu)?;
        let translated = ours::Level::ALL.map(|level| translate(&ir, source.cpu, level));
        for function in source.functions.iter().filter(|f| f.name.contains(filter)) {
            let measured = |object: &[u8]| figures::measure(object, &function.name, &function.input);
            let [a, b, c] = objects.each_ref().map(|object| measured(object));
            let ((size, run), b, c) = (a?, b?, c?);
            if !(run.agrees(&b.1) && run.agrees(&c.1)) {
                return Err(
                    format!("{}: clang's own codes disagree: undefined behaviour?", function.name).into()
                );
            }
            let ours = translated.each_ref().map(|object| {
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

fn real(
    clang: &Clang,
    tree: &Tree,
    libbpf: &Libbpf,
    filter: &str,
    absent: &mut Vec<String>,
) -> Result<Vec<Row>, Box<dyn Error>> {
    let flags = tree.flags();
    let mut rows = Vec::new();
    for program in real::programs()? {
        let name = format!("{}/{}", program.file, program.name);
        if !name.contains(filter) {
            continue;
        }
        progress(&name);
        let source = tree.source(&program);
        let judged = |object: &[u8]| {
            let verified = libbpf.load(object, &program.name)?;
            Ok(Figures { size: verified.size, work: verified.processed })
        };
        let by_clang = clang::Level::ALL.map(|level| {
            let object = clang.object(&source, &flags, Cpu::V3, level).map_err(|e| e.to_string())?;
            judged(&object).map_err(|e: String| format!("clang {level:?}: {e}"))
        });
        let [os, no_unroll, o2] = by_clang;
        let by_clang = match (os, no_unroll, o2) {
            (Ok(os), Ok(no_unroll), Ok(o2)) => [os, no_unroll, o2],
            (Err(e), ..) if e.contains("Operation not permitted") => {
                absent.push(format!("the kernel's programs: {e}; they are loaded by root only"));
                break;
            }
            // A kernel that refuses clang's code cannot judge ours.
            (Err(e), _, _) | (_, Err(e), _) | (_, _, Err(e)) => {
                absent.push(format!("{name}: {e}"));
                continue;
            }
        };
        let ir = clang.ir(&source, &flags, Cpu::V3)?;
        let ours = ours::Level::ALL.map(|level| judged(&translate(&ir, Cpu::V3, level)?));
        rows.push(Row { name, clang: by_clang, ours });
    }
    Ok(rows)
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
