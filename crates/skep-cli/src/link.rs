//! `skep link`: objects and libraries to one object.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use skep::Object;
use skep::linker::{Inputs, Library, Options};
use skep::object::archive;

use crate::input::{self, Clang, FRAME_BYTES};

/// Link objects, and what they need of libraries, into one object.
///
/// All of each object counts: its programs, what it shows to others, and what these refer to. Of an archive only what is
/// referred to is taken, function by function, with its data, maps and types.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep link main.o util.o -o prog.o
  skep link main.o -L lib -lnet -o prog.o --define MAX_CPUS=8
  skep link main.c libnet.a -o prog.o --entry main")]
pub(crate) struct Args {
    /// Objects (.o), assembly (.s), SIR (.sir), C (.c, compiled by clang), and archives (.a).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Where to write the object; `-` is standard output.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Keep this function and what it needs, and no others. Repeatable.
    #[arg(long, value_name = "FUNCTION")]
    entry: Vec<String>,
    /// Give a name a value, decimal or 0x hex; references to the name become the number. Repeatable.
    #[arg(long = "define", value_name = "NAME=VALUE", value_parser = definition)]
    defines: Vec<(String, u64)>,
    /// Keep what nobody refers to as well.
    #[arg(long, conflicts_with = "entry")]
    keep_unused: bool,
    /// Search the archive libNAME.a. Repeatable.
    #[arg(short = 'l', value_name = "NAME")]
    libraries: Vec<String>,
    /// Look for the archives of -l in this folder, before those that come later. Repeatable.
    #[arg(short = 'L', value_name = "DIR")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    clang: Clang,
}

fn definition(text: &str) -> Result<(String, u64), String> {
    match text.split_once('=') {
        None | Some(("", _)) => Err("expected NAME=VALUE".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), input::number(value)?)),
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut objects = Vec::new();
    let mut libraries = Vec::new();
    for path in &args.files {
        match input(path, &args.clang)? {
            Input::Object(object) => objects.push(*object),
            Input::Library(library) => libraries.push(library),
        }
    }
    for name in &args.libraries {
        libraries.push(library(&find(name, &args.folders)?)?);
    }
    let inputs = libraries.iter().fold(Inputs::new().objects(&objects), Inputs::library);
    let options =
        args.defines.iter().fold(Options::new(), |options, (name, value)| options.define(name, *value));
    let options = args.entry.iter().fold(options, Options::entry);
    let options = if args.keep_unused { options.keep_everything() } else { options };
    let mut object = skep::linker::link_object(inputs, &options).context("cannot link")?;
    object.name = input::name(&args.output);
    input::write(&args.output, &skep::object::elf::write(&object))
}

enum Input {
    Object(Box<Object>),
    Library(Library),
}

fn input(path: &Path, clang: &Clang) -> Result<Input> {
    if path.extension().is_some_and(|extension| extension == "a") {
        return library(path).map(Input::Library);
    }
    input::object(path, clang, FRAME_BYTES).map(|object| Input::Object(Box::new(object)))
}

fn library(path: &Path) -> Result<Library> {
    let bytes = input::bytes(path)?;
    if !archive::is_archive(&bytes) {
        bail!("cannot read {}: it is no archive (`ar rcs`)", path.display());
    }
    Ok(Library::archive(input::name(path), &bytes)?)
}

fn find(name: &str, folders: &[PathBuf]) -> Result<PathBuf> {
    let file = format!("lib{name}.a");
    let found = folders.iter().map(|folder| folder.join(&file)).find(|path| path.exists());
    found.with_context(|| match folders {
        [] => format!("cannot find {file}: no folder to look in; name one with -L"),
        _ => {
            let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
            format!("cannot find {file} in {}", folders.join(", "))
        }
    })
}
