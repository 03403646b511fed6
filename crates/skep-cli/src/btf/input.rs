//! Files to types: ELF files, bare BTF, and BTF that goes on where another one ends.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ReadCache};
use skep::btf::{Btf, Endian, TypeId};

use crate::input;

/// Where types come from.
#[derive(clap::Args)]
pub(crate) struct Source {
    /// An ELF file with BTF, a bare BTF blob, or a kernel's /sys/kernel/btf/vmlinux. `-` is standard input.
    pub(crate) file: PathBuf,
    /// FILE holds split BTF, which goes on where the BTF in this file ends.
    ///
    /// For kernel modules in /sys/kernel/btf, this is /sys/kernel/btf/vmlinux unless something else is said.
    #[arg(long, value_name = "FILE")]
    pub(crate) base: Option<PathBuf>,
}

/// Types that have been read.
pub(crate) struct Types {
    pub(crate) btf: Btf,
    /// How many of them are the base's.
    pub(crate) base: u32,
}

impl Types {
    /// The ids of the file's own types.
    pub(crate) fn own(&self) -> impl Iterator<Item = TypeId> + use<> {
        (self.base + 1..=self.btf.count()).map(TypeId)
    }
}

/// Reads the types of a file.
pub(crate) fn types(source: &Source) -> Result<Types> {
    let name = input::name(&source.file);
    let own = section(&source.file)?;
    let Some(base_path) = source.base.clone().or_else(|| base_of(&source.file)) else {
        let btf = Btf::parse(&own).with_context(|| format!("cannot read the BTF of {name}"))?;
        return Ok(Types { btf, base: 0 });
    };
    let base_bytes = section(&base_path)?;
    let base = Btf::parse(&base_bytes)
        .with_context(|| format!("cannot read the BTF of {}", base_path.display()))?
        .count();
    let joined = join(&base_bytes, &own)
        .with_context(|| format!("cannot join the BTF of {} and {name}", base_path.display()))?;
    let btf = Btf::parse(&joined).with_context(|| {
        format!("cannot read the BTF of {name}, which goes on where that of {} ends", base_path.display())
    })?;
    Ok(Types { btf, base })
}

/// What a kernel module's types go on from.
fn base_of(path: &Path) -> Option<PathBuf> {
    let folder = Path::new("/sys/kernel/btf");
    let is_module = path.parent() == Some(folder) && path.file_name()? != "vmlinux";
    is_module.then(|| folder.join("vmlinux"))
}

/// The bytes of a file's BTF. Of an ELF file only what leads there is read: a kernel with debug information has half a
/// gigabyte beside it.
pub(crate) fn section(path: &Path) -> Result<Vec<u8>> {
    let name = input::name(path);
    if path.as_os_str() == "-" {
        let bytes = input::bytes(path)?;
        return if bytes.starts_with(ELF_MAGIC) { elf(&name, &*bytes) } else { bare(&name, bytes) };
    }
    let cannot_read = || format!("cannot read {name}");
    let mut file = File::open(path).with_context(cannot_read)?;
    ensure!(!file.metadata().with_context(cannot_read)?.is_dir(), "cannot read {name}: it is a folder");
    let mut magic = Vec::new();
    (&mut file).take(4).read_to_end(&mut magic).with_context(cannot_read)?;
    if magic == ELF_MAGIC {
        file.seek(SeekFrom::Start(0)).with_context(cannot_read)?;
        let cache = ReadCache::new(BufReader::new(file));
        return elf(&name, &cache);
    }
    bare(&name, input::bytes(path)?)
}

const ELF_MAGIC: &[u8] = b"\x7fELF";

fn bare(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if Endian::of_section(&bytes).is_none() {
        let start: Vec<String> = bytes.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let start = if start.is_empty() { "nothing".to_owned() } else { start.join(" ") };
        bail!("{name} begins with {start}, expected an ELF file (7f 45 4c 46) or bare BTF (9f eb or eb 9f)");
    }
    Ok(bytes)
}

fn elf<'data>(name: &str, data: impl object::ReadRef<'data>) -> Result<Vec<u8>> {
    let elf = object::File::parse(data).with_context(|| format!("cannot read {name}"))?;
    let Some(section) = elf.section_by_name(".BTF") else {
        let debug = elf.section_by_name(".debug_info").is_some();
        bail!(
            "{name} has no section .BTF{}",
            if debug {
                "; it has DWARF: `skep btf encode` makes BTF of that"
            } else {
                ", and no DWARF either; expected a file that was compiled with -g"
            }
        );
    };
    let data = section.uncompressed_data().with_context(|| format!("cannot read section .BTF of {name}"))?;
    Ok(data.into_owned())
}

/// One BTF of two that are halves: the ids and the strings of the second go on where those of the first end.
fn join(base: &[u8], split: &[u8]) -> Result<Vec<u8>> {
    let (base, split) = (Parts::of(base).context("the base")?, Parts::of(split).context("the split BTF")?);
    ensure!(base.endian == split.endian, "they differ in byte order, expected the same");
    let word = |word: usize| {
        let word = u32::try_from(word).context("they are too long for one BTF, expected less than 4 GiB")?;
        anyhow::Ok(if base.endian == Endian::Big { word.to_be_bytes() } else { word.to_le_bytes() })
    };
    let (types, strings) = (base.types.len() + split.types.len(), base.strings.len() + split.strings.len());
    let mut out = Vec::with_capacity(HEADER + types + strings);
    out.extend(if base.endian == Endian::Big { [0xeb, 0x9f, 1, 0] } else { [0x9f, 0xeb, 1, 0] });
    for number in [HEADER, 0, types, types, strings] {
        out.extend(word(number)?);
    }
    for part in [base.types, split.types, base.strings, split.strings] {
        out.extend_from_slice(part);
    }
    Ok(out)
}

/// Bytes of a BTF header.
const HEADER: usize = 24;

struct Parts<'a> {
    endian: Endian,
    types: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(btf: &'a [u8]) -> Result<Parts<'a>> {
        let endian = Endian::of_section(btf).context("it does not begin with BTF's magic number")?;
        let word = |at: usize| {
            let bytes = btf.get(at..)?.first_chunk::<4>()?;
            let word =
                if endian == Endian::Big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
            usize::try_from(word).ok()
        };
        let part = |at: usize| {
            let start = word(4)?.checked_add(word(at)?)?;
            btf.get(start..start.checked_add(word(at + 4)?)?)
        };
        let types = part(8).context("its header is wrong about where the types are")?;
        let strings = part(16).context("its header is wrong about where the strings are")?;
        Ok(Parts { endian, types, strings })
    }
}
