//! Flags of maps and of updates, as uapi/linux/bpf.h has them.

use super::error::Errno;

/// What an update does if the key is there, or is not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UpdateFlags {
    /// `BPF_ANY`: sets it in both cases.
    #[default]
    Any,
    /// `BPF_NOEXIST`: fails if the key is there.
    NoExist,
    /// `BPF_EXIST`: fails if the key is not there.
    Exist,
}

impl UpdateFlags {
    /// From the flags that a program passes.
    pub(super) fn from_bits(bits: u64) -> Result<UpdateFlags, Errno> {
        match bits {
            0 => Ok(UpdateFlags::Any),
            1 => Ok(UpdateFlags::NoExist),
            2 => Ok(UpdateFlags::Exist),
            // BPF_F_LOCK among them: no map here has a bpf_spin_lock.
            _ => Err(Errno::Invalid),
        }
    }
}

/// `BPF_F_NO_PREALLOC`
pub(super) const NO_PREALLOC: u32 = 1 << 0;
/// `BPF_F_NO_COMMON_LRU`
pub(super) const NO_COMMON_LRU: u32 = 1 << 1;
/// `BPF_F_NUMA_NODE`
pub(super) const NUMA_NODE: u32 = 1 << 2;
/// `BPF_F_RDONLY`
pub(super) const RDONLY: u32 = 1 << 3;
/// `BPF_F_WRONLY`
pub(super) const WRONLY: u32 = 1 << 4;
/// `BPF_F_ZERO_SEED`
pub(super) const ZERO_SEED: u32 = 1 << 6;
/// `BPF_F_RDONLY_PROG`
pub(super) const RDONLY_PROG: u32 = 1 << 7;
/// `BPF_F_WRONLY_PROG`
pub(super) const WRONLY_PROG: u32 = 1 << 8;
/// `BPF_F_MMAPABLE`
pub(super) const MMAPABLE: u32 = 1 << 10;
/// `BPF_F_INNER_MAP`
pub(super) const INNER_MAP: u32 = 1 << 12;

/// Every flag, with its name.
pub(super) const NAMES: &[(u32, &str)] = &[
    (NO_PREALLOC, "BPF_F_NO_PREALLOC"),
    (NO_COMMON_LRU, "BPF_F_NO_COMMON_LRU"),
    (NUMA_NODE, "BPF_F_NUMA_NODE"),
    (RDONLY, "BPF_F_RDONLY"),
    (WRONLY, "BPF_F_WRONLY"),
    (1 << 5, "BPF_F_STACK_BUILD_ID"),
    (ZERO_SEED, "BPF_F_ZERO_SEED"),
    (RDONLY_PROG, "BPF_F_RDONLY_PROG"),
    (WRONLY_PROG, "BPF_F_WRONLY_PROG"),
    (1 << 9, "BPF_F_CLONE"),
    (MMAPABLE, "BPF_F_MMAPABLE"),
    (1 << 11, "BPF_F_PRESERVE_ELEMS"),
    (INNER_MAP, "BPF_F_INNER_MAP"),
    (1 << 13, "BPF_F_LINK"),
    (1 << 14, "BPF_F_PATH_FD"),
    (1 << 15, "BPF_F_VTYPE_BTF_OBJ_FD"),
    (1 << 16, "BPF_F_TOKEN_FD"),
    (1 << 17, "BPF_F_SEGV_ON_FAULT"),
    (1 << 18, "BPF_F_NO_USER_CONV"),
    (1 << 19, "BPF_F_RB_OVERWRITE"),
];

/// Flags in words: `BPF_F_RDONLY | 0x80000000`; `0` for none.
pub(super) fn text(flags: u32) -> String {
    let mut parts: Vec<String> =
        NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| (*name).to_owned()).collect();
    let unknown = NAMES.iter().fold(flags, |left, (bit, _)| left & !bit);
    if unknown != 0 || parts.is_empty() {
        parts.push(if unknown == 0 { "0".to_owned() } else { format!("{unknown:#x}") });
    }
    parts.join(" | ")
}
