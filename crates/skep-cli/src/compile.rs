//! `skep compile`: the compiler's intermediate representation to an object.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use skep::codegen::ir::{Func, Module, Op, text};
use skep::codegen::{self, Cpu, Endian, Opt, Options, Target};
use skep::{Listing, Object};

use crate::input;

/// Compile SIR, the compiler's intermediate representation as text, to an ELF object.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep compile square.sir -o square.o
  skep compile -Os --cpu v4 --emit asm square.sir           what becomes of it
  skep compile --print-after all --emit sir square.sir      what each pass of the optimizer does

docs/sir.md describes the language.")]
pub(crate) struct Args {
    /// SIR; `-` is standard input.
    file: PathBuf,
    /// Where to write the outcome. `-` is standard output, which is where text goes as a rule.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How hard to try: as written, a little, for the fewest executed or for the fewest instructions.
    #[arg(short = 'O', value_name = "LEVEL", value_enum, default_value_t = Level::Two)]
    level: Level,
    /// Which instructions may be used.
    #[arg(long, value_name = "VERSION", value_enum, default_value_t = CpuVersion::V3)]
    cpu: CpuVersion,
    /// Byte order of the machine that runs it.
    #[arg(long, value_name = "ORDER", value_enum, default_value_t = Order::Little)]
    endian: Order,
    /// What will run it.
    #[arg(long, value_enum, default_value_t = Runs::Kernel)]
    target: Runs,
    /// Nobody will replace a function later: exported ones may be inlined, too.
    #[arg(long)]
    closed_world: bool,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Emit::Obj)]
    emit: Emit,
    /// Show each function on standard error after this pass, or after `all`. Repeatable.
    #[arg(long, value_name = "PASS", value_parser = pass)]
    print_after: Vec<String>,
    /// Tell on standard error how large functions are, and what took how long.
    #[arg(long)]
    stats: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    #[value(name = "0")]
    Zero,
    #[value(name = "1")]
    One,
    #[value(name = "2")]
    Two,
    #[value(name = "s")]
    Size,
}

#[derive(Clone, Copy, ValueEnum)]
enum CpuVersion {
    V1,
    V2,
    V3,
    V4,
}

#[derive(Clone, Copy, ValueEnum)]
enum Order {
    Little,
    Big,
}

#[derive(Clone, Copy, ValueEnum)]
enum Runs {
    Kernel,
    User,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Emit {
    /// An ELF object.
    Obj,
    /// The object as assembly.
    Asm,
    /// SIR, as the optimizer leaves it.
    Sir,
}

/// The name of a pass, or `all`.
fn pass(name: &str) -> Result<String, String> {
    let mut known = codegen::passes().chain(["all"]);
    if known.any(|known| known == name) {
        return Ok(name.to_owned());
    }
    let names: Vec<&str> = codegen::passes().chain(["all"]).collect();
    Err(format!("no pass has this name; expected {}", names.join(", ")))
}

impl Args {
    fn options(&self) -> Options {
        Options::new()
            .opt(match self.level {
                Level::Zero => Opt::O0,
                Level::One => Opt::O1,
                Level::Two => Opt::O2,
                Level::Size => Opt::Os,
            })
            .cpu(match self.cpu {
                CpuVersion::V1 => Cpu::V1,
                CpuVersion::V2 => Cpu::V2,
                CpuVersion::V3 => Cpu::V3,
                CpuVersion::V4 => Cpu::V4,
            })
            .endian(match self.endian {
                Order::Little => Endian::Little,
                Order::Big => Endian::Big,
            })
            .target(match self.target {
                Runs::Kernel => Target::Kernel,
                Runs::User => Target::User,
            })
            .closed_world(self.closed_world)
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    if args.emit == Emit::Obj && args.output.is_none() {
        bail!("expected -o FILE, where the object is written; `-` is standard output");
    }
    let start = Instant::now();
    let mut module = parse(&args.file)?;
    let mut stats = args.stats.then(|| Stats::new(&module, start.elapsed()));
    let mut printer = Printer { passes: &args.print_after, shown: vec![String::new(); module.funcs.len()] };
    let (options, name) = (args.options(), input::name(&args.file));
    let output = args.output.as_deref().unwrap_or("-".as_ref());

    let start = Instant::now();
    let after = &mut |pass: &'static str, module: &Module, func: u32| {
        if let Some(stats) = &mut stats {
            stats.after(module, func, start.elapsed());
        }
        printer.after(pass, module, func);
    };
    if args.emit == Emit::Sir {
        codegen::optimize(&mut module, &options, after).with_context(|| format!("cannot compile {name}"))?;
        input::write(output, text::print(&module).as_bytes())?;
    } else {
        let object = codegen::compile_with(module, &options, after)
            .with_context(|| format!("cannot compile {name}"))?;
        if let Some(stats) = &mut stats {
            stats.compiled(&object, start.elapsed());
        }
        match args.emit {
            Emit::Asm => input::write(output, Listing::new(&object).to_string().as_bytes())?,
            _ => input::write(output, &skep::object::elf::write(&object))?,
        }
    }
    stats.map_or(Ok(()), |stats| tell(&stats.to_text()))
}

/// An object from SIR for user space.
pub(crate) fn object(path: &Path) -> Result<Object> {
    let module = parse(path)?;
    codegen::compile(module, &Options::new().target(Target::User))
        .with_context(|| format!("cannot compile {}", input::name(path)))
}

fn parse(path: &Path) -> Result<Module> {
    Ok(text::parse(&input::name(path), &input::text(path)?)?)
}

/// Writes to standard error.
fn tell(text: &str) -> Result<()> {
    match std::io::stderr().write_all(text.as_bytes()) {
        Ok(()) => Ok(()),
        Err(error) => bail!("cannot write to standard error: {error}"),
    }
}

/// Shows functions after passes.
struct Printer<'a> {
    passes: &'a [String],
    /// What was shown of each function last.
    shown: Vec<String>,
}

impl Printer<'_> {
    fn after(&mut self, pass: &str, module: &Module, func: u32) {
        if !self.passes.iter().any(|wanted| wanted == pass || wanted == "all") {
            return;
        }
        let Some((body, shown)) = module.funcs.get(func as usize).zip(self.shown.get_mut(func as usize))
        else {
            return;
        };
        let text = text::func(module, body).to_string();
        // Where standard error is closed, nobody looks.
        let _ = if text == *shown {
            tell(&format!("; @{} after {pass}: unchanged\n\n", module.symbol(body.symbol).name))
        } else {
            tell(&format!("; @{} after {pass}\n{text}\n", module.symbol(body.symbol).name))
        };
        *shown = text;
    }
}

/// How large functions are, and what took how long.
struct Stats {
    funcs: Vec<Sizes>,
    parse: Duration,
    optimize: Duration,
    generate: Duration,
}

struct Sizes {
    name: String,
    /// Instructions and ends of blocks before and after optimization.
    before: usize,
    after: usize,
    /// Slots of BPF.
    slots: Option<u32>,
}

impl Stats {
    fn new(module: &Module, parse: Duration) -> Stats {
        let sizes = |func: &Func| {
            let before = count(func);
            Sizes { name: module.symbol(func.symbol).name.clone(), before, after: before, slots: None }
        };
        let funcs = module.funcs.iter().map(sizes).collect();
        Stats { funcs, parse, optimize: Duration::ZERO, generate: Duration::ZERO }
    }

    /// A pass has run over a function.
    fn after(&mut self, module: &Module, func: u32, time: Duration) {
        if let Some((func, sizes)) = module.funcs.get(func as usize).zip(self.funcs.get_mut(func as usize)) {
            sizes.after = count(func);
        }
        self.optimize = time;
    }

    fn compiled(&mut self, object: &Object, time: Duration) {
        let slots =
            object.funcs.iter().map(|func| (object.symbol_by_id(func.symbol).name.as_str(), func.len));
        let slots: HashMap<&str, u32> = slots.collect();
        for sizes in &mut self.funcs {
            sizes.slots = slots.get(sizes.name.as_str()).copied();
        }
        self.generate = time.saturating_sub(self.optimize);
    }

    fn to_text(&self) -> String {
        let mut out = format!("{:>8} {:>10} {:>8}  function\n", "SIR", "optimized", "slots");
        // Writing to a string cannot fail.
        for Sizes { name, before, after, slots } in &self.funcs {
            let slots = slots.map_or("-".to_owned(), |slots| slots.to_string());
            let _ = writeln!(out, "{before:>8} {after:>10} {slots:>8}  {name}");
        }
        let phases = [("parse", self.parse), ("optimize", self.optimize), ("generate", self.generate)];
        for (phase, time) in phases {
            let _ = writeln!(out, "{:>8} us  {phase}", time.as_micros());
        }
        out
    }
}

/// How many instructions and ends of blocks a function has. Constants belong to their users.
fn count(func: &Func) -> usize {
    let insts = func.blocks.iter().flat_map(|block| &block.insts);
    insts.filter(|&&inst| !matches!(func.node(inst).op, Op::Const(_))).count() + func.blocks.len()
}
