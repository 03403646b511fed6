//! `skep dis`: what is in an object.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use skep::insn::{Endian, RawInsn};
use skep::object::object::{ObjectBuilder, SectionKind, Symbol};
use skep::{Listing, Object};

use crate::input::{self, Clang, FRAME_BYTES, Hex};

/// List what is in an object.
///
/// Functions with source lines and names, maps, data, symbols, relocations.
/// The listing is assembly that `skep asm` reads; what is said beyond that stands in comments.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep dis words.o                               everything
  skep dis --func main --bytes words.o           one function, with the bytes of its instructions
  skep dis hello.c                               what clang makes of it
  skep dis --raw-hex b70000002a0000009500000000000000
  skep dis old.o > new.s && skep asm new.s -o new.o")]
pub(crate) struct Args {
    /// An ELF object (.o), assembly (.s), SIR (.sir), or C (.c, compiled by clang); with --raw bare
    /// instructions. `-` is standard input.
    #[arg(required_unless_present = "raw_hex", conflicts_with = "raw_hex")]
    file: Option<PathBuf>,
    /// List only this function. Repeatable.
    #[arg(long = "func", value_name = "NAME")]
    funcs: Vec<String>,
    /// Show the bytes of each instruction.
    #[arg(long)]
    bytes: bool,
    /// Leave source lines out.
    #[arg(long)]
    no_source: bool,
    /// FILE holds bare instructions, 8 bytes each.
    #[arg(long, conflicts_with = "flags")]
    raw: bool,
    /// Bare instructions in hex, instead of a file.
    #[arg(long, value_name = "HEX", value_parser = input::hex, conflicts_with = "flags")]
    raw_hex: Option<Hex>,
    /// Byte order of bare instructions.
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Order::Little)]
    endian: Order,
    #[command(flatten)]
    clang: Clang,
}

/// A byte order by its name.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Order {
    Little,
    Big,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let object = object(args)?;
    let mut listing = Listing::new(&object).bytes(args.bytes).source(!args.no_source);
    for name in &args.funcs {
        listing = match listing.func(name) {
            Some(listing) => listing,
            None => bail!("{}: no function '{name}'; {}", object.name, functions(&object)),
        };
    }
    input::print(&listing)
}

fn object(args: &Args) -> Result<Object> {
    match (&args.raw_hex, &args.file) {
        (Some(Hex(bytes)), _) => bare("--raw-hex", bytes, args.endian),
        (None, Some(path)) if args.raw => bare(&input::name(path), &input::bytes(path)?, args.endian),
        (None, Some(path)) => input::object(path, &args.clang, FRAME_BYTES),
        (None, None) => bail!("nothing to list; expected a FILE or --raw-hex"),
    }
}

/// An object with one function, `main`.
fn bare(name: &str, bytes: &[u8], order: Order) -> Result<Object> {
    let endian = match order {
        Order::Little => Endian::Little,
        Order::Big => Endian::Big,
    };
    let slots = RawInsn::slots(bytes, endian).filter(|slots| !slots.is_empty());
    let slots = slots.with_context(|| input::not_bare(name, bytes.len()))?;
    let mut builder = ObjectBuilder::new(name, endian);
    let text = builder.section(".text", SectionKind::Code);
    let len = slots.len() as u64 * 8;
    builder.code(text).extend(slots);
    builder.align(text, 8);
    builder.symbol(Symbol::func("main", text, 0, len).global());
    builder.finish().with_context(|| format!("cannot list {name}"))
}

fn functions(object: &Object) -> String {
    const SHOWN: usize = 20;
    let names: Vec<&str> =
        object.funcs.iter().take(SHOWN).map(|func| &*object.symbol_by_id(func.symbol).name).collect();
    match (object.funcs.len(), object.funcs.len().saturating_sub(SHOWN)) {
        (0, _) => "it has none".to_owned(),
        (_, 0) => format!("there are: {}", names.join(", ")),
        (_, more) => format!("there are: {} and {more} more", names.join(", ")),
    }
}
