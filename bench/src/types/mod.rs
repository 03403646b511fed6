//! `types`: type information, measured beside libbpf, bpftool and pahole.

mod libbpf;

use std::error::Error;
use std::io::{self, Write, stdout};
use std::process::{Command, ExitCode, Stdio};

use skep::btf::dump::{self, Header};
use skep::btf::lazy::{Follow, LazyBtf};
use skep::btf::{Btf, Endian, IntEncoding, Kind, dedup, diff};

use crate::clock::Took;
use libbpf::Libbpf;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only work whose name contains this.
    #[arg(long, default_value = "")]
    filter: String,
    /// Rounds over all contenders; the fastest counts.
    #[arg(long, default_value_t = 10)]
    rounds: u32,
    /// Let libbpf merge what takes it half a minute, too.
    #[arg(long)]
    slow: bool,
}

/// The kernel's own types.
const KERNEL: &str = "/sys/kernel/btf/vmlinux";

/// Someone who does the work, and says how much came of it, or why not.
type Contender<'a> = (&'static str, Box<dyn Fn() -> Result<u64, String> + 'a>);

/// Work that is measured.
struct Work<'a> {
    name: String,
    /// What the number that each contender gives counts; contenders must agree if it says so.
    counted: &'static str,
    /// How far the counts may be apart.
    tolerance: u64,
    contenders: Vec<Contender<'a>>,
}

/// Measures and prints; the exit code tells whether skep did all its work, with the results of the others.
///
/// # Errors
/// The kernel's types cannot be read, or standard output cannot be written.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let kernel = std::fs::read(KERNEL).map_err(|e| format!("cannot read {KERNEL}: {e}"))?;
    let btf = Btf::parse(&kernel)?;
    let libbpf = Libbpf::open();
    let mut out = stdout().lock();
    writeln!(
        out,
        "types: {KERNEL}, {} bytes; CPU and wall time in ms, the least of {}",
        kernel.len(),
        options.rounds
    )?;
    if let Err(reason) = &libbpf {
        writeln!(out, "  skipped: libbpf: {reason}")?;
    }
    let libbpf = libbpf.as_ref().ok();
    let nested: Vec<(String, Vec<u8>, bool)> =
        [(2000, 0, true), (8000, 0, false), (500, 12, false), (2000, 12, false)]
            .into_iter()
            .map(|(k, depth, is_quick)| {
                let name = format!("merge {k} types named alike, {depth} deep");
                (name, nested(k, depth).to_bytes(Endian::Little), is_quick || options.slow)
            })
            .collect();
    let mut works =
        vec![read(&kernel, libbpf), merge("merge the kernel's types twice", vec![&kernel, &kernel], libbpf)];
    for (name, section, with_libbpf) in &nested {
        works.push(merge(name, vec![section], libbpf.filter(|_| *with_libbpf)));
    }
    works.extend([find(&kernel, libbpf), differ(&btf), raw(&kernel), header(&kernel)]);

    let mut all_right = true;
    for work in works.iter().filter(|work| work.name.contains(&options.filter)) {
        all_right &= measure(work, options.rounds, &mut out)?;
    }
    let must_be_there = std::env::var_os("SKEP_REQUIRE").is_some_and(|value| value == "all");
    let is_complete = libbpf.is_some() || !must_be_there;
    Ok(if all_right && is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure(work: &Work<'_>, rounds: u32, out: &mut dyn Write) -> io::Result<bool> {
    writeln!(out, "\n{}", work.name)?;
    let mut least: Vec<Option<Result<(Took, u64), String>>> = work.contenders.iter().map(|_| None).collect();
    for _ in 0..rounds.max(1) {
        for ((_, run), least) in work.contenders.iter().zip(&mut least) {
            if matches!(least, Some(Err(_))) {
                continue;
            }
            let (took, result) = Took::measure(run);
            *least = Some(result.map(|count| match least {
                Some(Ok((before, _))) => (took.least(*before), count),
                _ => (took, count),
            }));
        }
    }
    let mut is_right = true;
    let mut ours = None;
    for ((name, _), least) in work.contenders.iter().zip(least) {
        match least {
            Some(Ok((took, count))) => {
                let (ours_took, ours_count) = *ours.get_or_insert((took, count));
                is_right &= count.abs_diff(ours_count) <= work.tolerance;
                writeln!(
                    out,
                    "  {name:<10} {:>10} cpu {:>10} wall {:>8} x skep {count:>12} {}",
                    ms(took.cpu),
                    ms(took.wall),
                    times(took.cpu, ours_took.cpu),
                    work.counted
                )?;
            }
            Some(Err(reason)) => {
                is_right &= *name != "skep";
                writeln!(out, "  {name:<10} skipped: {reason}")?;
            }
            None => {}
        }
    }
    if !is_right {
        writeln!(out, "  the results are not the same")?;
    }
    Ok(is_right)
}

fn ms(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000, ns / 1000 % 1000)
}

fn times(a: u64, b: u64) -> String {
    let tenths = a.saturating_mul(10) / b.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn read<'a>(kernel: &'a [u8], libbpf: Option<&'a Libbpf>) -> Work<'a> {
    let ours = || Ok(Btf::parse(kernel).map_err(text)?.count().into());
    let mut contenders: Vec<Contender<'a>> = vec![("skep", Box::new(ours))];
    if let Some(libbpf) = libbpf {
        contenders
            .push(("libbpf", Box::new(|| libbpf.find(kernel, Kind::Int.number(), "int").map(u64::from))));
    }
    Work {
        name: "read the kernel's types".to_owned(),
        counted: "types (libbpf: an id)",
        tolerance: u64::MAX,
        contenders,
    }
}

/// From sections to a section.
fn merge<'a>(name: &str, sections: Vec<&'a [u8]>, libbpf: Option<&'a Libbpf>) -> Work<'a> {
    let same = sections.clone();
    let ours = move || {
        let sets: Vec<Btf> =
            sections.iter().map(|section| Btf::parse(section)).collect::<Result<_, _>>().map_err(text)?;
        let merged = dedup(&sets.iter().collect::<Vec<_>>(), &dedup::Options::new()).map_err(text)?;
        std::hint::black_box(merged.btf.to_bytes(Endian::Little));
        Ok(merged.btf.count().into())
    };
    let mut contenders: Vec<Contender<'a>> = vec![("skep", Box::new(ours))];
    if let Some(libbpf) = libbpf {
        contenders.push(("libbpf", Box::new(move || libbpf.merge(&same).map(u64::from))));
    }
    // Variables and sections stay double in libbpf.
    Work { name: name.to_owned(), counted: "types", tolerance: 1000, contenders }
}

/// One type with what its layout depends on.
fn find<'a>(kernel: &'a [u8], libbpf: Option<&'a Libbpf>) -> Work<'a> {
    let name = "task_struct";
    let ours = move || {
        let lazy = LazyBtf::new(kernel).map_err(text)?;
        let id = lazy.find_by_name(Kind::Struct, name).map_err(text)?.ok_or("the kernel has none")?;
        lazy.extract(&[id], Follow::Layout).map_err(text)?;
        Ok(id.0.into())
    };
    let mut contenders: Vec<Contender<'a>> = vec![("skep", Box::new(ours))];
    if let Some(libbpf) = libbpf {
        contenders.push((
            "libbpf",
            Box::new(move || libbpf.find(kernel, Kind::Struct.number(), name).map(u64::from)),
        ));
    }
    let pahole = || tool("pahole", &["-F", "btf", "-C", "task_struct", KERNEL]).map(|_| 0);
    contenders.push(("pahole", Box::new(pahole)));
    Work { name: format!("find {name}"), counted: "is its id", tolerance: u64::MAX, contenders }
}

fn differ(btf: &Btf) -> Work<'_> {
    let ours = || {
        let found = diff::diff(btf, btf).map_err(text)?;
        u64::try_from(found.same).map_err(text)
    };
    let contenders: Vec<Contender<'_>> = vec![("skep", Box::new(ours))];
    Work {
        name: "compare the kernel's types with themselves".to_owned(),
        counted: "types",
        tolerance: 0,
        contenders,
    }
}

fn raw(kernel: &[u8]) -> Work<'_> {
    let ours = move || {
        let btf = Btf::parse(kernel).map_err(text)?;
        let mut out = Counted(0);
        dump::raw(&btf, btf.ids(), &mut out).map_err(text)?;
        Ok(out.0)
    };
    let bpftool = || tool("bpftool", &["btf", "dump", "file", KERNEL, "format", "raw"]);
    let contenders: Vec<Contender<'_>> = vec![("skep", Box::new(ours)), ("bpftool", Box::new(bpftool))];
    Work { name: "dump the kernel's types, raw".to_owned(), counted: "bytes", tolerance: 0, contenders }
}

fn header(kernel: &[u8]) -> Work<'_> {
    let ours = move || {
        let btf = Btf::parse(kernel).map_err(text)?;
        let mut out = Counted(0);
        Header::new(&btf).write(btf.ids(), &mut out).map_err(text)?;
        Ok(out.0)
    };
    let bpftool = || tool("bpftool", &["btf", "dump", "file", KERNEL, "format", "c"]);
    let pahole = || tool("pahole", &["-F", "btf", KERNEL]);
    let contenders: Vec<Contender<'_>> =
        vec![("skep", Box::new(ours)), ("bpftool", Box::new(bpftool)), ("pahole", Box::new(pahole))];
    Work {
        name: "dump the kernel's types, as C".to_owned(),
        counted: "bytes",
        tolerance: u64::MAX,
        contenders,
    }
}

/// Runs a tool, and counts what it prints.
fn tool(name: &str, args: &[&str]) -> Result<u64, String> {
    let output = Command::new(name).args(args).stdin(Stdio::null()).stderr(Stdio::null()).output();
    let output = output.map_err(|e| format!("cannot run it: {e}"))?;
    if !output.status.success() {
        return Err(format!("it fails: {}", output.status));
    }
    u64::try_from(output.stdout.len()).map_err(text)
}

/// Counts bytes.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += u64::try_from(bytes.len()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `Some { __0: *T_i }` for `k` types T_i, each behind as many pointers in structs named alike as the depth says: what
/// Rust programs look like.
fn nested(k: u32, depth: u32) -> Btf {
    let mut types = Btf::builder();
    let int = types.int("int", 4, IntEncoding::Signed);
    for i in 0..k {
        let members = [types.member("x", int, 0)];
        let mut inner = types.structure(&format!("T{i}"), 4, &members);
        for level in 0..=depth {
            let pointer = types.ptr(inner);
            let (name, field) = if level == 0 { ("Some", "__0") } else { ("Wrap", "p") };
            let members = [types.member(field, pointer, 0)];
            inner = types.structure(name, 8, &members);
        }
    }
    types.build().unwrap_or_else(|error| unreachable!("made of what was added: {error}"))
}
