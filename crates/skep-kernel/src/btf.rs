//! Types in the kernel, and why it refuses them.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use object::read::elf::{ElfFile32, ElfFile64, FileHeader};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionIndex};
use skep_btf::{Kind, Layout, Rule, TypeId};

use crate::error::{Error, remedy};
use crate::log::{WHOLE, with_log};
use crate::options::Log;
use crate::sys;

/// Types in the kernel; closed when dropped.
#[derive(Debug)]
pub struct BtfFd {
    fd: OwnedFd,
    log: String,
}

impl BtfFd {
    /// What the kernel wrote of each type; empty unless [`Log::Full`] was asked for.
    #[must_use]
    pub fn log(&self) -> &str {
        &self.log
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl AsFd for BtfFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Gives the kernel the bytes of a `.BTF` section (`BPF_BTF_LOAD`), in the byte order of the machine.
///
/// The first try is without a log: with one that is too small, kernels refuse good types. [`skep_btf::verify`] says the
/// same without a kernel, and more about what is wrong.
///
/// ```no_run
/// use skep_btf::{Btf, Endian, IntEncoding};
/// use skep_kernel::{Log, btf_load};
///
/// let mut types = Btf::builder();
/// types.int("int", 4, IntEncoding::Signed);
/// let types = btf_load(&types.build()?.to_bytes(Endian::HOST), Log::OnFailure)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the kernel refuses them: [`Error::Types`], with the type that its log names.
pub fn btf_load(bytes: &[u8], log: Log) -> Result<BtfFd, Error> {
    let logged = |log: &mut [u8]| sys::btf_load(bytes, log);
    let errno = match sys::btf_load(bytes, &mut []).0 {
        Ok(fd) if log != Log::Full => return Ok(BtfFd { fd, log: String::new() }),
        Ok(_) => {
            let (result, log) = with_log(WHOLE, logged);
            match result {
                Ok(fd) => return Ok(BtfFd { fd, log }),
                Err(errno) => return Err(Error::Types(Box::new(TypesRefused::new(errno, log)))),
            }
        }
        Err(errno) => errno,
    };
    let log = if log == Log::Never { String::new() } else { with_log(WHOLE, logged).1 };
    Err(Error::Types(Box::new(TypesRefused::new(errno, log))))
}

/// Why the kernel refuses types.
#[derive(Debug)]
pub struct TypesRefused {
    /// What the system call said.
    pub errno: io::Error,
    /// The type that the log speaks of last, if it speaks of any.
    pub id: Option<TypeId>,
    /// Of what kind it is, if the kernel knew.
    pub kind: Option<Kind>,
    /// The kernel's last words: `Invalid type_id`; empty if it said nothing.
    pub message: String,
    /// The whole log.
    pub log: String,
}

impl TypesRefused {
    fn new(errno: io::Error, log: String) -> TypesRefused {
        let last = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let message = message(last).to_owned();
        // The order of modifiers is checked at the end, and of all types.
        let is_of_all = [Rule::TagOrder, Rule::ChainLength].iter().any(|rule| message == rule.log());
        let (id, kind) = if is_of_all { (None, None) } else { last_type(&log) };
        TypesRefused { errno, id, kind, message, log }
    }

    /// What to do about it, behind a semicolon; or nothing.
    pub(crate) fn remedy(&self) -> String {
        remedy(&self.errno)
    }
}

/// `type [4] BTF_KIND_PTR: Invalid type_id (EINVAL)`
impl fmt::Display for TypesRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.id {
            write!(f, "type {id}")?;
            self.kind.map_or(Ok(()), |kind| write!(f, " {kind}"))?;
            f.write_str(": ")?;
        }
        match (&*self.message, self.errno.raw_os_error()) {
            ("", Some(sys::ENOTSUPP)) => f.write_str("not supported (ENOTSUPP)"),
            ("", _) => write!(f, "{}", self.errno),
            (message, _) => f.write_str(message),
        }
    }
}

/// What stands in a line behind the description of a type or member: one of the kernel's known messages, the longest
/// that the line ends with; else the line.
fn message(line: &str) -> &str {
    let starts = Rule::ALL.iter().filter_map(|rule| {
        // Numbers follow the fixed words.
        let words = rule.log().split(['#', '^']).next().unwrap_or_default();
        let at = line.rfind(words).filter(|_| !words.is_empty())?;
        let rest = line[at + words.len()..].trim_start_matches('#');
        let is_end = rest.is_empty() || words != rule.log() && is_numbers(rest);
        is_end.then_some(at)
    });
    match starts.min() {
        Some(at) => &line[at..],
        None if describes(line) => "",
        None => line.trim(),
    }
}

fn is_numbers(text: &str) -> bool {
    text.split(' ').all(|word| {
        let number = word.rsplit(':').next().unwrap_or(word);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Whether a line is only about a type or member.
fn describes(line: &str) -> bool {
    line.starts_with('\t') || last_type(line).1.is_some()
}

/// The type that a log names last: `[2] PTR (anon) type_id=4`, `[2] Invalid kind:0`. Where a line was too long for the
/// kernel, the next one begins inside of it.
fn last_type(log: &str) -> (Option<TypeId>, Option<Kind>) {
    let found = log.rmatch_indices('[').find_map(|(at, _)| {
        let (number, rest) = log[at + 1..].split_once("] ")?;
        let id = number.parse().ok().map(TypeId)?;
        let word = rest.split([' ', ':', '\n']).next()?;
        let kind = Kind::ALL.iter().copied().find(|kind| kind.short_name() == word);
        (kind.is_some() || ["Invalid", "meta_left"].contains(&word)).then_some((id, kind))
    });
    found.map_or((None, None), |(id, kind)| (Some(id), kind))
}

/// What the symbols of a BPF object say of its data, for [`Btf::with_layout`](skep_btf::Btf::with_layout). Compilers
/// leave sizes and places of variables in the types to whoever loads them.
///
/// # Errors
/// If the bytes are no ELF file.
pub fn data_layout(elf: &[u8]) -> Result<Layout, Error> {
    match object::FileKind::parse(elf) {
        Ok(object::FileKind::Elf64) => ElfFile64::parse(elf).map(|file| layout(&file)),
        Ok(object::FileKind::Elf32) => ElfFile32::parse(elf).map(|file| layout(&file)),
        _ => return Err(Error::Elf { problem: "it is no ELF file".to_owned() }),
    }
    .map_err(|error| Error::Elf { problem: error.to_string() })
}

fn layout<H: FileHeader<Endian = object::Endianness>>(file: &object::read::elf::ElfFile<'_, H>) -> Layout {
    let word = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut layout = Layout::default();
    let mut names: Vec<(SectionIndex, &str)> = Vec::new();
    for section in file.sections() {
        if let Ok(name) = section.name() {
            layout.section(name, word(section.size()));
            names.push((section.index(), name));
        }
    }
    names.sort_unstable_by_key(|(index, _)| index.0);
    for symbol in file.symbols().filter(|symbol| symbol.kind() != object::SymbolKind::Section) {
        let place = symbol.section_index().and_then(|index| {
            let at = names.binary_search_by_key(&index.0, |(index, _)| index.0).ok()?;
            names.get(at)
        });
        if let (Some(&(_, section)), Ok(name)) = (place, symbol.name()) {
            layout.symbol(section, name, word(symbol.address()), word(symbol.size()));
        }
    }
    layout
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::TypesRefused;

    fn check(log: &str, expected: &str) {
        let refused = TypesRefused::new(io::Error::from_raw_os_error(22), log.to_owned());
        assert_eq!(refused.to_string(), expected, "{log}");
    }

    #[test]
    fn a_refusal_names_the_type_and_the_reason() {
        check(
            "magic: 0xeb9f\n[1] INT int size=4\n[2] PTR (anon) type_id=4 Invalid type_id\n",
            "type [2] BTF_KIND_PTR: Invalid type_id",
        );
        check("magic: 0xeb9f\nNo type found\n", "No type found");
        check("[1] INT int size=4\n[2] Invalid kind:31\n", "type [2]: Invalid kind:31");
        check("[1] INT int size=4\n[2] meta_left:1 meta_needed:12\n", "type [2]: meta_left:1 meta_needed:12");
        check(
            "[3] STRUCT s size=8 vlen=2\n\tb type_id=2 bits_offset=64 Member exceeds struct_size\n",
            "type [3] BTF_KIND_STRUCT: Member exceeds struct_size",
        );
        check(
            "[2] FUNC_PROTO (anon) return=0 args=(9 a) Invalid arg#1\n",
            "type [2] BTF_KIND_FUNC_PROTO: Invalid arg#1",
        );
        check(
            "[2] CONST (anon) type_id=3\nType tags don't precede modifiers\n",
            "Type tags don't precede modifiers",
        );
        check(
            "[3] STRUCT foo size=12 vlen=1\n\ta type_id=2 bits_offset=8\n",
            "type [3] BTF_KIND_STRUCT: Invalid argument (os error 22)",
        );
        check("[1] STRUCT aaaa[2] PTR x type_id=1 Invalid name\n", "type [2] BTF_KIND_PTR: Invalid name");
        check("", "Invalid argument (os error 22)");
    }
}
