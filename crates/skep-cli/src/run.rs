//! `skep run`: a program in user space.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use skep::insn::{Endian, RawInsn};
use skep::linker::Options;
use skep::object::object::{Binding, Func};
use skep::vm::debug::Hook;
use skep::vm::{Memory, helpers};
use skep::{Checked, Engine, Host, Hosts, Image, Object, Program, Select, SelectError, Trap, Unit, vm};

use crate::Failure;
use crate::input::{self, Clang, FRAME_BYTES, Hex};

mod crash;
mod maps;
mod profile;
mod show;
mod trace;
mod value;
mod watch;

/// Run a program in user space.
///
/// The functions of section BEGIN run first, then the main function, then those of section END. The main function is
/// the one named `main`, or the only one that no other calls; --entry names another.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep run examples/words.s                      BEGIN, main, END; calls printf of libc
  skep run --arg 10 --print-r0 examples/fib.s    r1 = 10; prints r0
  skep run --checked --mem-hex 0102 filter.o     memory in r1 and r2, every access checked
  echo '95 00 00 00 00 00 00 00' | xxd -r -p | skep run --raw --print-r0 -
  skep run --raw-hex b70000002a0000009500000000000000 --print-r0")]
pub(crate) struct Args {
    /// An ELF object (.o), assembly (.s), SIR (.sir), or C (.c, compiled by clang); with --raw bare instructions, `-` for standard input.
    #[arg(required_unless_present = "raw_hex", conflicts_with = "raw_hex")]
    file: Option<PathBuf>,
    /// Run this function as the main one.
    #[arg(long, value_name = "FUNCTION")]
    entry: Option<String>,
    /// An argument, r1 to r5 in order: decimal, negative, or hex with 0x. Repeatable.
    #[arg(long = "arg", value_name = "N", value_parser = input::number, allow_hyphen_values = true)]
    args: Vec<u64>,
    /// Memory for the main function, in hex: its address in r1, its length in r2.
    #[arg(long, value_name = "HEX", value_parser = input::hex, conflicts_with_all = ["args", "mem"])]
    mem_hex: Option<Hex>,
    /// The same with the contents of a file.
    #[arg(long, value_name = "FILE", conflicts_with = "args")]
    mem: Option<PathBuf>,
    /// FILE holds bare instructions, 8 bytes each, little-endian.
    #[arg(long, conflicts_with = "flags")]
    raw: bool,
    /// Bare instructions in hex, instead of a file.
    #[arg(long, value_name = "HEX", value_parser = input::hex, conflicts_with = "flags")]
    raw_hex: Option<Hex>,
    /// Print r0 of the main function, in hex.
    #[arg(long)]
    print_r0: bool,
    /// Check every memory access. The program may call no function of the host but those of --allow.
    #[arg(long)]
    checked: bool,
    /// Let a checked program call this function of the C library; its arguments are checked. Repeatable.
    #[arg(long, value_name = "FUNCTION", requires = "checked")]
    allow: Vec<String>,
    /// Give up after this many instructions in each function that is run.
    #[arg(long, value_name = "N")]
    max_insns: Option<u64>,
    /// Frames that calls may nest.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..=1 << 20))]
    max_depth: u32,
    /// Bytes in each stack frame. More than 512 are allowed to C as well, by a newer clang than 16.
    #[arg(long, value_name = "N", default_value_t = FRAME_BYTES, value_parser = clap::value_parser!(u32).range(16..=1 << 16))]
    stack: u32,
    /// Run functions in sections of kernel programs (xdp, tracepoint/...) in user space.
    #[arg(long)]
    user: bool,
    /// Show each instruction, the registers it changed, and its source line, on standard error.
    #[arg(long)]
    trace: bool,
    /// Count each instruction and show the counts on standard error.
    #[arg(long, conflicts_with = "trace")]
    profile: bool,
    /// Print all maps at the end; with --entry there are only those that it reaches.
    #[arg(long)]
    dump_maps: bool,
    #[command(flatten)]
    clang: Clang,
}

/// How many arguments registers pass.
const MAX_ARGS: usize = 5;

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.args.len() > MAX_ARGS {
        return Err(
            anyhow!("--arg is given {} times; at most five arguments, r1 to r5", args.args.len()).into()
        );
    }
    if [&args.file, &args.mem].iter().all(|path| path.as_ref().is_some_and(|path| path.as_os_str() == "-")) {
        return Err(anyhow!("standard input cannot be both the program and its memory").into());
    }
    let image = image(args)?;
    let select = Select::new();
    let select = if args.user { select.kernel_sections_in_user_space() } else { select };
    let select = match &args.entry {
        Some(name) => select.entry(name),
        None => select,
    };
    let program = Program::find(&image, &select).map_err(|error| match &error {
        SelectError::Kernel { .. } => anyhow!("{error} (--user, --entry)"),
        SelectError::Ambiguous { .. } => anyhow!("{error} (--entry)"),
        _ => anyhow!(error),
    })?;
    if args.checked {
        let hosts = args.allow.iter().try_fold(Hosts::new(), |hosts, name| hosts.libc(name));
        let hosts = hosts.context("cannot allow what --allow names")?;
        let engine: Engine<Checked> = Engine::checked(hosts);
        run_on(engine, args, &image, &program)
    } else {
        crash::explain();
        // SAFETY: whoever runs the command names the program, and trusts it as any other command that they run.
        #[expect(unsafe_code, reason = "a trusted program, unless --checked")]
        let engine: Engine<Host> = unsafe { Engine::trusting(Hosts::new().process()) };
        run_on(engine, args, &image, &program)
    }
}

fn image(args: &Args) -> Result<Image> {
    let code = match (&args.raw_hex, &args.file) {
        (Some(Hex(bytes)), _) => ("--raw-hex".to_owned(), bytes.clone()),
        (None, Some(path)) if args.raw => (input::name(path), input::bytes(path)?),
        (None, Some(path)) => {
            let object = input::object(path, &args.clang, args.stack)?;
            let options = link_options(&object, args.entry.as_deref());
            let linked = skep::linker::link(&object, &options);
            return linked.with_context(|| format!("cannot link {}", input::name(path)));
        }
        (None, None) => bail!("nothing to run; expected a FILE or --raw-hex"),
    };
    let (name, bytes) = code;
    let slots = RawInsn::slots(&bytes, Endian::Little).filter(|slots| !slots.is_empty());
    let slots = slots.with_context(|| input::not_bare(&name, bytes.len()))?;
    skep::linker::link_code(&name, slots).with_context(|| format!("cannot run {name}"))
}

/// What is kept of an object: with an entry what it needs, besides `BEGIN` and `END`, so that it runs even where other
/// functions lack something; else what is visible, or everything where `main` is not.
fn link_options(object: &Object, entry: Option<&str>) -> Options {
    let name = |func: &Func| &*object.symbol_by_id(func.symbol).name;
    let is_visible = |func: &Func| {
        object.symbol_by_id(func.symbol).binding != Binding::Local
            || !object.section(func.section).name.starts_with(".text")
    };
    if let Some(entry) = entry.filter(|&entry| object.funcs.iter().any(|func| name(func) == entry)) {
        let is_around = |func: &&Func| matches!(&*object.section(func.section).name, "BEGIN" | "END");
        let around = object.funcs.iter().filter(is_around).map(name);
        return around.fold(Options::new().entry(entry), |options, name| options.entry(name));
    }
    let has_hidden_main = object.funcs.iter().any(|func| name(func) == "main" && !is_visible(func));
    match has_hidden_main || !object.funcs.iter().any(is_visible) {
        true => Options::new().keep_everything(),
        false => Options::new(),
    }
}

fn run_on<M: Memory>(
    engine: Engine<M>,
    args: &Args,
    image: &Image,
    program: &Program,
) -> Result<(), Failure> {
    let engine = engine.max_depth(args.max_depth).frame_bytes(args.stack);
    let unit = engine.add(image).with_context(|| match args.checked {
        true => format!("cannot run {} with --checked, where --allow names what it may call", image.name),
        false => format!("cannot run {}", image.name),
    })?;
    let mut memory = match (&args.mem_hex, &args.mem) {
        (Some(Hex(bytes)), _) => Some(bytes.clone()),
        (None, Some(path)) => Some(input::memory(path)?),
        (None, None) => None,
    };
    let mut watch = watch::Watch::new(args.trace, args.profile, unit.image());
    let mut result = Ok(());
    for id in program.funcs() {
        let is_main = program.main == Some(id);
        let memory = if is_main { memory.as_deref_mut() } else { None };
        let values = if is_main { &args.args[..] } else { &[] };
        let ended = call(&unit.func_by_id(id), values, memory, args.max_insns, watch.hook());
        watch.end(ended.as_ref().ok().copied());
        match ended {
            Ok(r0) if is_main && args.print_r0 => {
                helpers::flush();
                input::write("-".as_ref(), format!("{r0:#x}\n").as_bytes())?;
            }
            Ok(_) => {}
            Err(trap) => {
                result = Err(trap);
                break;
            }
        }
    }
    helpers::flush();
    finish(args, &unit, &watch)?;
    result.map_err(|trap| Failure::Program(describe(&trap)))
}

fn call(
    func: &vm::Func,
    args: &[u64],
    memory: Option<&mut [u8]>,
    max_insns: Option<u64>,
    hook: Option<&mut dyn Hook>,
) -> Result<u64, Box<Trap>> {
    let mut call = func.prepare().args(args);
    if let Some(memory) = memory {
        call = call.memory(memory);
    }
    if let Some(max) = max_insns {
        call = call.budget(max);
    }
    if let Some(hook) = hook {
        call = call.hook(hook);
    }
    call.call()
}

/// How many callers a message shows.
const CALLERS: usize = 8;

/// The trap with its callers, one a line.
fn describe(trap: &Trap) -> anyhow::Error {
    let mut text = trap.to_string();
    let mut callers = trap.trace.iter().skip(1);
    for caller in callers.by_ref().take(CALLERS) {
        text.push_str(&format!("\n  called from {caller}"));
    }
    if callers.len() > 0 {
        text.push_str("\n  and so on");
    }
    anyhow!(text)
}

/// What is shown after the run, also when it failed.
fn finish(args: &Args, unit: &Unit, watch: &watch::Watch<'_>) -> Result<()> {
    watch.report()?;
    if args.dump_maps {
        let mut out = BufWriter::new(std::io::stdout().lock());
        maps::dump(&mut out, unit).and_then(|()| out.flush()).context("cannot print the maps")?;
    }
    Ok(())
}
