//! Files to types: ELF files, bare BTF, and BTF that goes on where another one ends.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use object::{Object, ObjectSection, ReadCache};
use skep::btf::layout::Decl;
use skep::btf::{Btf, Endian, Error, TypeId};
use skep_dwarf::{Encoded, Functions, Origin, Variables};

use crate::input;
use crate::mapped::Mapped;

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

/// Reads the types of a file.
pub(crate) fn types(source: &Source) -> Result<Btf> {
    let base = source.base.as_deref().map(base).transpose()?;
    on_base(&source.file, base).map(|(btf, _)| btf)
}

/// The bytes of a file's BTF; `None` if that goes on from another one, or can be read but once.
pub(crate) fn whole_section(source: &Source) -> Result<Option<Vec<u8>>> {
    if source.base.is_some() || base_of(&source.file).is_some() || source.file.as_os_str() == "-" {
        return Ok(None);
    }
    section(&source.file).map(Some)
}

/// Reads types that others go on from.
pub(crate) fn base(path: &Path) -> Result<Arc<Btf>> {
    let cannot_read = || format!("cannot read the BTF of {}", path.display());
    Ok(Arc::new(Btf::parse(&section(path)?).with_context(cannot_read)?))
}

/// Reads the types of a file, and their byte order. If they go on from others, those are the base, if one is given.
pub(crate) fn on_base(path: &Path, base: Option<Arc<Btf>>) -> Result<(Btf, Option<Endian>)> {
    let own = section(path)?;
    let base = match base {
        None => base_of(path).as_deref().map(self::base).transpose()?,
        some => some,
    };
    let btf = match base.filter(|_| Btf::needs_base(&own)) {
        Some(base) => Btf::parse_with_base(&own, base),
        None => Btf::parse(&own),
    };
    let btf = match btf {
        // The strings of split BTF go on where those of its base end.
        Err(error @ Error::Strings { which: "starts", .. }) => Err(anyhow::Error::from(error))
            .context("if it goes on where another one ends, name that by --base"),
        other => other.map_err(anyhow::Error::from),
    };
    let btf = btf.with_context(|| format!("cannot read the BTF of {}", input::name(path)))?;
    Ok((btf, Endian::of_section(&own)))
}

/// Types that have been made of debug information.
pub(crate) struct Debug {
    pub(crate) encoded: Encoded,
    file: Mapped,
    name: String,
}

/// Reads the types of a file's debug information.
pub(crate) fn dwarf(path: &Path) -> Result<Debug> {
    let (name, file) = (input::name(path), Mapped::open(path)?);
    let encoded = skep_dwarf::encode(&file, &options())
        .with_context(|| format!("cannot read the debug information of {name}"))?;
    Ok(Debug { encoded, file, name })
}

/// As many threads as there are processors.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Types alone, without functions and variables.
fn options() -> skep_dwarf::Options<'static> {
    skep_dwarf::Options::new().threads(threads()).functions(Functions::None).variables(Variables::None)
}

impl Debug {
    /// Where the types are declared, as far as that is known.
    pub(crate) fn declarations(&self, ids: &[TypeId]) -> Result<HashMap<TypeId, Decl>> {
        let known = ids.iter().filter_map(|&id| Some((id, self.encoded.origin(id)?)));
        let (ids, origins): (Vec<TypeId>, Vec<Origin>) = known.unzip();
        let places = skep_dwarf::declarations(&self.file, &options(), &origins)
            .with_context(|| format!("cannot read the debug information of {}", self.name))?;
        let all = ids.into_iter().zip(origins).zip(places).map(|((id, origin), place)| {
            let unit = self.encoded.report.units.get(origin.unit).map(|unit| unit.name.clone());
            let (file, line) = place.map(|place| (place.file, place.line)).unwrap_or_default();
            (id, Decl { file, line, unit: unit.unwrap_or_default(), die: Some(origin.offset) })
        });
        Ok(all.collect())
    }
}

/// Whether a file has debug information, but no BTF.
pub(crate) fn has_only_dwarf(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    let cache = ReadCache::new(BufReader::new(file));
    object::File::parse(&cache).is_ok_and(|elf| {
        elf.section_by_name(".BTF").is_none() && elf.section_by_name(".debug_info").is_some()
    })
}

/// What a kernel module's types go on from.
pub(crate) fn base_of(path: &Path) -> Option<PathBuf> {
    let folder = Path::new("/sys/kernel/btf");
    let is_module = path.parent() == Some(folder) && path.file_name()? != "vmlinux";
    is_module.then(|| folder.join("vmlinux"))
}

/// The bytes of a file's BTF. Of an ELF file only what leads there is read: a kernel with debug information has half a
/// gigabyte beside it.
pub(crate) fn section(path: &Path) -> Result<Vec<u8>> {
    let name = input::name(path);
    if path.as_os_str() == "-" {
        return section_of(&name, input::bytes(path)?);
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
    // Reading goes on behind the magic number; the kernel's own BTF is read in one piece.
    let len = file.metadata().map_or(0, |meta| meta.len().min(MAX_BTF));
    let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or_default().saturating_add(64));
    bytes.append(&mut magic);
    file.take(MAX_BTF + 1).read_to_end(&mut bytes).with_context(cannot_read)?;
    ensure!(
        bytes.len() as u64 <= MAX_BTF,
        "cannot read {name}: it has more than {} MiB, expected at most that",
        MAX_BTF >> 20
    );
    bare(&name, bytes)
}

/// Some files, such as devices, never end.
const MAX_BTF: u64 = 512 << 20;

const ELF_MAGIC: &[u8] = b"\x7fELF";

/// The bytes of the BTF in a file's bytes.
pub(crate) fn section_of(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    if bytes.starts_with(ELF_MAGIC) { elf(name, &*bytes) } else { bare(name, bytes) }
}

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
