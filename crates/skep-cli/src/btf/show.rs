//! `skep btf show`: types as memory.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufWriter, Write};

use anyhow::{Context, Result, bail};
use skep::btf::layout::{self, Decl};
use skep::btf::lazy::{Follow, LazyBtf};
use skep::btf::{Btf, Kind, TypeId};

use crate::btf::input::{self, Source};

/// Print types as memory: offsets and sizes of members, holes, cache lines; enums with their variants.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf show -C task_struct /sys/kernel/btf/vmlinux
  skep btf show -C 'core::option::Option<u32>' --expand program
  skep btf show -C 'HashMap<u32, (u8, &str)>' --from dwarf program")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// Only the types of this name: a C name, a Rust path, its end, or its spelling in BTF. Repeatable.
    #[arg(short = 'C', long = "class", value_name = "NAME")]
    names: Vec<String>,
    /// What of FILE is read; without it BTF, or DWARF if there is no BTF.
    #[arg(long, value_enum)]
    from: Option<From>,
    /// Tell where each type is declared, as far as that is known.
    #[arg(long)]
    decl_info: bool,
    /// Show the members of structs and unions that are members themselves.
    #[arg(long)]
    expand: bool,
    /// How names of Rust types are shown.
    #[arg(long = "names", value_enum, default_value_t = Names::Rust)]
    spelling: Names,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum From {
    /// The section .BTF, or bare BTF.
    Btf,
    /// Debug information.
    Dwarf,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Names {
    /// As Rust writes them.
    #[value(help = "core::option::Option<u32>")]
    Rust,
    /// As BTF spells them.
    #[value(help = "core__option__Option_L_u32_G_")]
    Mangled,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let file = &args.source.file;
    let from = args.from.unwrap_or(if input::has_only_dwarf(file) { From::Dwarf } else { From::Btf });
    match from {
        From::Btf => match few(args)? {
            Some((btf, ids)) => print(args, &btf, &ids, None),
            None => show(args, &input::types(&args.source)?, |_| Ok(None)),
        },
        From::Dwarf => {
            let debug = input::dwarf(file)?;
            show(args, &debug.encoded.btf, |ids| debug.declarations(ids).map(Some))
        }
    }
}

/// Prints the types that are asked for. Where they are declared `decls` tells, or tags of the set itself.
fn show(
    args: &Args,
    btf: &Btf,
    decls: impl FnOnce(&[TypeId]) -> Result<Option<HashMap<TypeId, Decl>>>,
) -> Result<()> {
    let ids = chosen(btf, &args.names, &crate::input::name(&args.source.file))?;
    let decls = if args.decl_info { decls(&ids)? } else { None };
    print(args, btf, &ids, decls.as_ref())
}

/// The types that are asked for, taken out of the others, which are not read, since those of a kernel are many. `None`
/// if more has to be known: about tags, about a base, or about what else a name could mean.
fn few(args: &Args) -> Result<Option<(Btf, Vec<TypeId>)>> {
    // What Rust has is spelled with its path, whose parts are joined by two underscores.
    let is_plain = |name: &String| {
        !name.trim_start_matches('_').contains("__")
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
    };
    if args.decl_info || args.names.is_empty() || !args.names.iter().all(is_plain) {
        return Ok(None);
    }
    let Some(section) = input::whole_section(&args.source)? else { return Ok(None) };
    // Where something is wrong, the way of all types tells what.
    let Ok(all) = LazyBtf::new(&section) else { return Ok(None) };
    let mut ids = Vec::new();
    for name in &args.names {
        let Ok(found) = all.find_all(name) else { return Ok(None) };
        let kinds = [Kind::Struct, Kind::Union, Kind::Enum, Kind::Enum64, Kind::Typedef];
        let found = found.into_iter().filter(|(_, kind)| kinds.contains(kind)).map(|(id, _)| id);
        let known = ids.len();
        ids.extend(found);
        if ids.len() == known {
            return Ok(None);
        }
    }
    let Ok(few) = all.extract(&ids, Follow::Layout) else { return Ok(None) };
    let shown: HashSet<TypeId> = layout::ids(&few.btf).collect();
    let ids: Option<Vec<TypeId>> =
        ids.into_iter().map(|id| few.id(id).filter(|id| shown.contains(id))).collect();
    Ok(ids.map(|ids| (few.btf, ids)))
}

fn print(args: &Args, btf: &Btf, ids: &[TypeId], decls: Option<&HashMap<TypeId, Decl>>) -> Result<()> {
    let spelling = match args.spelling {
        Names::Rust => layout::Names::Rust,
        Names::Mangled => layout::Names::Mangled,
    };
    let reader = layout::Reader::new(btf).names(spelling).expand(args.expand);
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    for &id in ids {
        let Some(mut layout) = reader.read(id) else { continue };
        let decl = decls.and_then(|decls| decls.get(&id).cloned());
        layout.decl = decl.or(layout.decl).filter(|_| args.decl_info);
        write!(out, "{layout}").context("cannot write standard output")?;
    }
    out.flush().context("cannot write standard output")
}

/// The types of these names; all if there are none.
fn chosen(btf: &Btf, names: &[String], file: &str) -> Result<Vec<TypeId>> {
    if names.is_empty() {
        return Ok(layout::ids(btf).collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let found = layout::find(btf, name);
        if found.is_empty() {
            let near = layout::suggest(btf, name, 3);
            let near = match near.as_slice() {
                [] => String::new(),
                near => format!("; there is {}", near.join(", ")),
            };
            bail!("{file} has no struct, union or enum '{name}'{near}");
        }
        chosen.extend(found);
    }
    Ok(chosen)
}
