//! Places in executables and libraries, by name.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};

use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::read::{Object as _, ObjectSymbol as _, ReadCache};
use object::{Endianness, elf};
use skep_object::nearest::{did_you_mean, nearest};

/// The file that a name means: a path, or the name of a library or program that is looked for where they are.
pub(super) fn find(name: &str) -> Result<PathBuf, String> {
    if name.contains('/') {
        return Ok(PathBuf::from(name));
    }
    let is_library = name.contains(".so");
    let (variable, fixed) = if is_library { ("LD_LIBRARY_PATH", LIBRARIES) } else { ("PATH", PROGRAMS) };
    let named: Vec<PathBuf> =
        env::var_os(variable).map(|dirs| env::split_paths(&dirs).collect()).unwrap_or_default();
    let dirs = named.into_iter().chain(fixed.iter().map(PathBuf::from));
    let is_file = |path: &PathBuf| path.is_file();
    dirs.map(|dir| dir.join(name)).find(is_file).ok_or_else(|| {
        format!("there is no '{name}' in ${variable}, {}; give its whole path", fixed.join(", "))
    })
}

const PROGRAMS: &[&str] = &["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

#[cfg(target_arch = "x86_64")]
const LIBRARIES: &[&str] =
    &["/usr/lib/x86_64-linux-gnu", "/lib/x86_64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"];
#[cfg(target_arch = "aarch64")]
const LIBRARIES: &[&str] =
    &["/usr/lib/aarch64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib64", "/lib64", "/usr/lib", "/lib"];
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
const LIBRARIES: &[&str] = &["/usr/lib64", "/lib64", "/usr/lib", "/lib"];

/// Where in the file a function begins, in bytes.
pub(super) fn offset(path: &Path, function: &str) -> Result<u64, String> {
    let shown = path.display();
    let fail = |error: &dyn std::fmt::Display| format!("cannot read '{shown}': {error}");
    let file = File::open(path).map_err(|error| fail(&error))?;
    let cache = ReadCache::new(file);
    let parsed = ElfFile64::<Endianness, _>::parse(&cache).map_err(|error| fail(&error))?;
    let all = || parsed.symbols().chain(parsed.dynamic_symbols()).filter(|symbol| symbol.is_definition());
    // A version may follow: `memcpy@@GLIBC_2.14`.
    let is_named = |name: &str| name.split('@').next() == Some(function);
    let Some(symbol) = all().find(|symbol| symbol.name().is_ok_and(is_named)) else {
        let near = nearest(function, all().filter_map(|symbol| symbol.name().ok()));
        return Err(format!("'{shown}' has no function '{function}'{}", did_you_mean(&near)));
    };
    let address = symbol.address();
    let segments =
        parsed.elf_header().program_headers(parsed.endian(), parsed.data()).map_err(|error| fail(&error))?;
    let endian = parsed.endian();
    let holds = |segment: &&elf::ProgramHeader64<Endianness>| {
        let start = segment.p_vaddr(endian);
        segment.p_type(endian) == elf::PT_LOAD
            && address.checked_sub(start).is_some_and(|at| at < segment.p_filesz(endian))
    };
    let segment = segments.iter().find(holds);
    segment.map(|segment| address - segment.p_vaddr(endian) + segment.p_offset(endian)).ok_or_else(|| {
        format!("'{function}' in '{shown}' is at {address:#x}, which no segment of the file holds")
    })
}
