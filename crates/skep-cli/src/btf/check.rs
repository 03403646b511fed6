//! `skep btf check`: whether a kernel takes the types.

use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, Result, bail};
use skep::btf::{Btf, Change, Endian, KernelVersion, Refusal, Rules, verify};
use skep::kernel::{Error, Log, TypesRefused, btf_load, data_layout};

use crate::btf::input::{self, Source};

/// Say whether a kernel takes the types, and if not, which one it refuses, why, and what to do.
///
/// By the rules of Linux 6.18 or of an older version, without asking any kernel. The types of a BPF object are checked
/// as loaders give them to the kernel, and what they change is listed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  skep btf check prog.o
  skep btf check --target-kernel 5.15 vmlinux
  skep btf check --kernel prog.o                 by asking this kernel")]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    /// By the rules of that version of Linux.
    #[arg(long, value_name = "X.Y", conflicts_with = "kernel")]
    target_kernel: Option<KernelVersion>,
    /// Ask the running kernel (`BPF_BTF_LOAD`, which takes root or CAP_BPF).
    #[arg(long)]
    kernel: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let name = crate::input::name(&args.source.file);
    let version = args.target_kernel.unwrap_or(KernelVersion::CURRENT);
    let types = Types::read(&args.source, &name)?;
    let mut said = format!("{name}: {} types, {} bytes\n", types.count, types.bytes.len());
    for change in &types.changes {
        let _ = writeln!(said, "  as loaders do: {change}");
    }
    for remark in &types.remarks {
        let _ = writeln!(said, "  {remark}");
    }
    let ours = verify(&types.bytes, &Rules::for_kernel(version));
    let result = if args.kernel { ask(&types, ours) } else { by_rules(&types, version, ours) };
    match result {
        Ok(verdict) => crate::input::print(said + &verdict + "\n"),
        Err(refused) => {
            if !types.changes.is_empty() || !types.remarks.is_empty() {
                crate::input::print(said)?;
            }
            Err(refused.context(name))
        }
    }
}

/// Types as they are given to a kernel.
struct Types {
    /// In the byte order of this machine.
    bytes: Vec<u8>,
    count: u32,
    changes: Vec<Change>,
    /// What else was done to them.
    remarks: Vec<&'static str>,
}

impl Types {
    fn read(source: &Source, name: &str) -> Result<Types> {
        let object = object(&source.file)?;
        let is_object = object.as_deref().is_some_and(is_bpf);
        let own = match &object {
            Some(bytes) => input::section_of(name, bytes.clone())?,
            None => input::section(&source.file)?,
        };
        let is_foreign = Endian::of_section(&own).is_some_and(|endian| endian != Endian::HOST);
        let base = source.base.clone().or_else(|| input::base_of(&source.file));
        let base = base.filter(|_| Btf::needs_base(&own)).as_deref().map(input::base).transpose()?;
        let mut types = Types { bytes: own, count: 0, changes: Vec::new(), remarks: Vec::new() };
        let is_split = base.is_some();
        let parsed = match base {
            Some(base) => Btf::parse_with_base(&types.bytes, base),
            None => Btf::parse(&types.bytes),
        };
        if !is_split && !is_foreign && !is_object {
            // Whatever is wrong with the bytes, the rules have words for it.
            types.count = parsed.map_or(0, |btf| btf.count());
            return Ok(types);
        }
        let mut btf = parsed.with_context(|| format!("cannot read the BTF of {name}"))?;
        if is_split {
            btf = btf.flatten();
            types.remarks.push("with the types of its base, since the kernel takes no others");
        }
        if is_foreign {
            types.remarks.push("in the byte order of this machine");
        }
        if let Some(elf) = object.filter(|_| is_object) {
            let layout = data_layout(&elf).with_context(|| format!("cannot read {name}"))?;
            let (placed, changes) = btf.with_layout(&layout);
            types.changes = changes;
            let (ready, changes) = placed.for_kernel(KernelVersion::CURRENT);
            types.changes.extend(changes);
            btf = ready;
        }
        types.count = btf.count();
        types.bytes = btf.to_bytes(Endian::HOST);
        Ok(types)
    }
}

/// The whole file, if it may be a BPF object: standard input, and ELF files for BPF.
fn object(path: &Path) -> Result<Option<Vec<u8>>> {
    if path.as_os_str() != "-" {
        let mut start = Vec::new();
        let file = fs::File::open(path).and_then(|file| file.take(20).read_to_end(&mut start));
        if file.is_err() || !is_bpf(&start) {
            return Ok(None);
        }
    }
    crate::input::bytes(path).map(Some)
}

/// Whether an ELF header says that the file is for BPF.
fn is_bpf(bytes: &[u8]) -> bool {
    const EM_BPF: u16 = 247;
    let Some([low, high]) = bytes.get(18..20) else { return false };
    let machine =
        if bytes[5] == 2 { u16::from_be_bytes([*low, *high]) } else { u16::from_le_bytes([*low, *high]) };
    bytes.starts_with(b"\x7fELF") && machine == EM_BPF
}

fn by_rules(types: &Types, version: KernelVersion, ours: Result<(), Refusal>) -> Result<String> {
    let Err(refusal) = ours else { return Ok(format!("Linux {version} takes them")) };
    let is_old = version < KernelVersion::CURRENT && verify(&types.bytes, &Rules::current()).is_ok();
    let newer = if is_old { format!("; Linux {} takes them", KernelVersion::CURRENT) } else { String::new() };
    bail!("Linux {version} refuses {refusal}{newer}")
}

/// What this kernel says, and what the rules say if that is something else.
fn ask(types: &Types, ours: Result<(), Refusal>) -> Result<String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    match (btf_load(&types.bytes, Log::OnFailure), ours) {
        (Ok(_), Ok(())) => Ok(format!("this kernel ({release}) takes them")),
        (Ok(_), Err(refusal)) => Ok(format!(
            "this kernel ({release}) takes them; by the rules of Linux {} it would not: {refusal}",
            KernelVersion::CURRENT
        )),
        (Err(Error::Types(refused)), ours) if refused.errno.raw_os_error() != Some(libc::EPERM) => match ours
        {
            Err(refusal) if is_same(&refused, &refusal) => bail!("this kernel ({release}) refuses {refusal}"),
            _ => bail!("this kernel ({release}) refuses them: {refused}"),
        },
        (Err(error), _) => Err(error).context("cannot ask the kernel"),
    }
}

/// Whether the kernel and the rules have the same reason.
fn is_same(refused: &TypesRefused, refusal: &Refusal) -> bool {
    refused.errno.raw_os_error() == Some(refusal.errno().number()) && refused.message == refusal.log()
}
