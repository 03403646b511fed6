//! What types a program has, and whether BTF has them all.
//!
//! * `types list FILE`: every type, function and variable of its debug information.
//! * `types compare FILE BTF`: what of them a set of types has not, which may be a blob or the section of an ELF file.
//! * `types encode FILE [OUT]`: what of them the encoder loses; writes its BTF, too.
//!   `ALL=1` prints every difference.
//! * `types traceable FILE OUT`: writes the encoder's BTF as kernels have it.
//! * `types load BTF`: whether this kernel takes it.
//! * `types functions BTF BTF`: which names only one of two sets has, and which prototypes differ.
//! * `types asserts BTF OUT.c`: writes a C program that proves that a C dump (`OUT.h`) has the layouts of the BTF.

#![allow(clippy::print_stdout, reason = "a tool")]

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use object::{Object, ObjectSection};
use skep_btf::Btf;
use skep_tests::dwarf::{self, Beside, asserts};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args[..] {
        ["list", file] => list(file),
        ["compare", file, btf] => compare(file, btf),
        ["encode", file] => encode(file, None),
        ["encode", file, out] => encode(file, Some(out)),
        ["traceable", file, out] => traceable(file, out),
        ["load", btf] => load(btf),
        ["functions", ours, theirs] => functions(ours, theirs),
        ["asserts", btf, out] => write_asserts(btf, out),
        _ => Err("usage: types list FILE | compare FILE BTF | encode FILE [OUT] | traceable FILE OUT | load BTF | functions BTF BTF | asserts BTF OUT.c".into()),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            println!("{error}");
            ExitCode::from(2)
        }
    }
}

fn walk(file: &str) -> Result<dwarf::Facts, Box<dyn Error>> {
    let start = Instant::now();
    let bytes = std::fs::read(file)?;
    let folder = Path::new(file).parent().unwrap_or(Path::new("."));
    let walked = dwarf::walk(&bytes, Beside::Folder(folder))?;
    println!("{file}: {} ({:.1} s)", walked.summary(), start.elapsed().as_secs_f32());
    Ok(walked)
}

fn list(file: &str) -> Result<ExitCode, Box<dyn Error>> {
    let walked = walk(file)?;
    for (text, fact) in &walked.types {
        println!("{text}\n    {:?}, {} times, first at {}", fact.language, fact.count, fact.first);
    }
    for base in &walked.bases {
        println!("number {base:?}");
    }
    for function in &walked.functions {
        println!("function {} {} ({})", function.names.join(" or "), function.signature(), function.first);
    }
    for variable in &walked.variables {
        println!("variable {variable:?}");
    }
    for fault in &walked.faults {
        println!("fault {fault}");
    }
    Ok(ExitCode::SUCCESS)
}

fn blob(file: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    if !bytes.starts_with(b"\x7fELF") {
        return Ok(bytes);
    }
    let elf = object::File::parse(&*bytes)?;
    let section = elf.section_by_name(".BTF").ok_or_else(|| format!("{file} has no section .BTF"))?;
    Ok(section.uncompressed_data()?.into_owned())
}

fn compare(file: &str, btf: &str) -> Result<ExitCode, Box<dyn Error>> {
    let walked = walk(file)?;
    verdict(&walked, &Btf::parse(&blob(btf)?)?)
}

fn encode(file: &str, out: Option<&str>) -> Result<ExitCode, Box<dyn Error>> {
    let walked = walk(file)?;
    let bytes = std::fs::read(file)?;
    let start = Instant::now();
    let folder = Path::new(file).parent().unwrap_or(Path::new("."));
    let encoded = dwarf::encode(&bytes, Beside::Folder(folder))?;
    let total = encoded.report.total();
    println!("{} types, {:.2} s, {total:?}", encoded.btf.count(), start.elapsed().as_secs_f32());
    if let Some(out) = out {
        std::fs::write(out, encoded.btf.to_bytes(skep_btf::Endian::Little))?;
    }
    verdict(&walked, &encoded.btf)
}

fn verdict(walked: &dwarf::Facts, btf: &Btf) -> Result<ExitCode, Box<dyn Error>> {
    let start = Instant::now();
    let read = dwarf::read(btf, walked);
    println!("BTF: {}, {} helpers ({:.1} s)", read.summary(), read.helpers, start.elapsed().as_secs_f32());
    let verdict = dwarf::compare(walked, &read);
    print!(
        "{}",
        if std::env::var_os("ALL").is_some() { format!("{verdict:#}") } else { verdict.to_string() }
    );
    Ok(if verdict.types_are_equal() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn traceable(file: &str, out: &str) -> Result<ExitCode, Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let folder = Path::new(file).parent().unwrap_or(Path::new("."));
    let (functions, variables) = (skep_dwarf::Functions::default(), skep_dwarf::Variables::default());
    let encoded = dwarf::encode_with(&bytes, Beside::Folder(folder), functions, variables)?;
    std::fs::write(out, encoded.btf.to_bytes(skep_btf::Endian::Little))?;
    Ok(ExitCode::SUCCESS)
}

fn load(btf: &str) -> Result<ExitCode, Box<dyn Error>> {
    match dwarf::kernel::load(&blob(btf)?) {
        Ok(()) => {
            println!("the kernel takes it");
            Ok(ExitCode::SUCCESS)
        }
        Err(why) => {
            println!("the kernel refuses it: {why}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn functions(ours: &str, theirs: &str) -> Result<ExitCode, Box<dyn Error>> {
    let facts = |file: &str| -> Result<dwarf::Facts, Box<dyn Error>> {
        let btf = Btf::parse(&blob(file)?)?;
        // Nothing was walked: names are as they are.
        let mut nothing = dwarf::Facts::default();
        nothing.names.extend(btf.ids().map(|id| btf.name(id).to_owned()));
        Ok(dwarf::read(&btf, &nothing))
    };
    let (ours, theirs) = (facts(ours)?, facts(theirs)?);
    let names = |facts: &dwarf::Facts| -> BTreeMap<String, String> {
        facts.functions.iter().map(|function| (function.names[0].clone(), function.signature())).collect()
    };
    let (ours, theirs) = (names(&ours), names(&theirs));
    let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>| -> Vec<String> {
        these.keys().filter(|name| !those.contains_key(*name)).cloned().collect()
    };
    let (more, less) = (only(&ours, &theirs), only(&theirs, &ours));
    println!(
        "{} and {} functions; {} only in the first, {} only in the second",
        ours.len(),
        theirs.len(),
        more.len(),
        less.len()
    );
    more.iter().for_each(|name| println!("first {name}"));
    less.iter().for_each(|name| println!("second {name}"));
    let mut differ = 0;
    for (name, signature) in &ours {
        if let Some(other) = theirs.get(name).filter(|other| *other != signature) {
            differ += 1;
            println!("differs {name}: {signature}, {other}");
        }
    }
    println!("{differ} differ in their prototype");
    Ok(if less.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_asserts(btf: &str, out: &str) -> Result<ExitCode, Box<dyn Error>> {
    let (text, count) = asserts::write(&Btf::parse(&blob(btf)?)?);
    let header = Path::new(out).with_extension("h");
    let header = header.file_name().and_then(|name| name.to_str()).ok_or("OUT.c is no file name")?;
    std::fs::write(out, format!("#include \"{header}\"\n{text}"))?;
    println!("{} sizes, {} offsets", count.sizes, count.offsets);
    Ok(ExitCode::SUCCESS)
}
