//! What the running kernel says to types: `BPF_BTF_LOAD`, called as it is.
#![expect(unsafe_code, reason = "a system call")]

use std::fs;
use std::io;
use std::sync::OnceLock;

use crate::tools::skip;

/// The kernel's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// 0 if it takes the types.
    pub(crate) errno: i32,
    /// The type that it has named last.
    pub(crate) id: Option<u32>,
    /// The end of its log.
    pub(crate) log: String,
}

/// `BPF_BTF_LOAD`
const BTF_LOAD: libc::c_int = 18;

/// The part of `union bpf_attr` that is for it.
#[repr(C)]
struct Attr {
    btf: u64,
    log_buf: u64,
    btf_size: u32,
    log_size: u32,
    log_level: u32,
    true_size: u32,
}

/// Loads the types; the error number, 0 for none.
fn load(btf: &[u8], log: &mut [u8]) -> i32 {
    let has_log = !log.is_empty();
    let mut attr = Attr {
        btf: btf.as_ptr().expose_provenance() as u64,
        log_buf: if has_log { log.as_mut_ptr().expose_provenance() as u64 } else { 0 },
        btf_size: u32::try_from(btf.len()).unwrap(),
        log_size: u32::try_from(log.len()).unwrap(),
        log_level: u32::from(has_log),
        true_size: 0,
    };
    // SAFETY: the kernel reads `btf_size` bytes, and writes at most `log_size` bytes and the attributes.
    let fd = unsafe { libc::syscall(libc::SYS_bpf, BTF_LOAD, &raw mut attr, size_of::<Attr>()) };
    if fd < 0 {
        return io::Error::last_os_error().raw_os_error().unwrap();
    }
    // SAFETY: the descriptor is new, and nobody else has it.
    unsafe { libc::close(libc::c_int::try_from(fd).unwrap()) };
    0
}

/// What the kernel says.
pub(crate) fn ask(btf: &[u8]) -> Answer {
    let errno = load(btf, &mut []);
    if errno == 0 {
        return Answer { errno, id: None, log: String::new() };
    }
    // If it is longer, the kernel gives the end.
    let mut log = vec![0; 1 << 16];
    load(btf, &mut log);
    let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
    let log = String::from_utf8_lossy(&log[..end]).trim_end().to_owned();
    let last = log.lines().next_back().unwrap_or_default();
    // These speak of no type.
    let is_of_all =
        ["Type tags don't precede modifiers", "Max chain length or cycle detected"].contains(&last);
    let id = if is_of_all { None } else { last_id(&log) };
    Answer { errno, id, log }
}

/// The type that the last part of a log is about: `[2] PTR (anon) type_id=4 Invalid type_id`, `[2] Invalid kind:0`. A
/// line may begin anywhere, since long ones are cut off, and names may have anything in them.
fn last_id(log: &str) -> Option<u32> {
    let starts = log.rmatch_indices('[');
    let mut ids = starts.filter_map(|(at, _)| {
        let (number, rest) = log[at + 1..].split_once("] ")?;
        let word = rest.split([' ', ':']).next()?;
        let is_start = ["Invalid", "meta_left"].contains(&word)
            || skep_btf::Kind::ALL.iter().any(|kind| kind.short_name() == word);
        is_start.then_some(())?;
        number.parse().ok()
    });
    ids.next()
}

/// Whether this is the kernel whose rules are known, and it can be asked. If not, that is told once.
pub(crate) fn is_there() -> bool {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let version: Option<skep_btf::KernelVersion> = release.trim().parse().ok();
        let good = super::assemble::blob("INT int 4 0x20\n");
        let reason = match load(&good, &mut []) {
            0 if version.is_some_and(|version| version >= skep_btf::KernelVersion::CURRENT) => return None,
            0 => format!("the rules are those of {}, this is {release}", skep_btf::KernelVersion::CURRENT),
            errno => format!("the kernel cannot be asked: {}", io::Error::from_raw_os_error(errno)),
        };
        Some(reason)
    });
    if let Some(reason) = reason {
        skip(reason);
    }
    reason.is_none()
}
