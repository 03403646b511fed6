//! What can go wrong with maps.

use thiserror::Error;

/// Why a map could not be made or used. The message names the map.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MapError {
    /// The definition asks for what this type of map does not have.
    #[error("map '{map}': {field} is {found}, expected {expected}")]
    Definition {
        /// The map.
        map: String,
        /// Which field of the definition.
        field: &'static str,
        /// What it is.
        found: String,
        /// What it can be.
        expected: String,
    },
    /// Maps of this type do not exist in user space.
    #[error("map '{map}': {ty} does not exist in user space; there are {supported}")]
    Type {
        /// The map.
        map: String,
        /// Its type.
        ty: String,
        /// The types that exist.
        supported: String,
    },
    /// The system has not enough memory.
    #[error(
        "map '{map}': the system refuses {bytes} bytes; max_entries is {max_entries}, value_size {value_size}"
    )]
    Memory {
        /// The map.
        map: String,
        /// How many bytes were asked for at once.
        bytes: u64,
        /// Entries in the definition.
        max_entries: u32,
        /// Bytes in a value.
        value_size: u32,
    },
    /// A key or value of the wrong length.
    #[error("map '{map}': the {what} has {found} bytes, expected {expected}")]
    Length {
        /// The map.
        map: String,
        /// The key or the value.
        what: &'static str,
        /// Bytes passed.
        found: usize,
        /// Bytes that the map has.
        expected: usize,
    },
    /// Not one value for each CPU.
    #[error("map '{map}': there are {found} values, expected {expected}, one for each CPU")]
    Values {
        /// The map.
        map: String,
        /// Values passed.
        found: usize,
        /// CPUs.
        expected: usize,
    },
    /// A Rust type that does not have the map's size.
    #[error("map '{map}': a {what} has {expected} bytes, the Rust type {ty} has {found}")]
    RustType {
        /// The map.
        map: String,
        /// The key or the value.
        what: &'static str,
        /// The Rust type.
        ty: &'static str,
        /// Its bytes.
        found: usize,
        /// Bytes that the map has.
        expected: usize,
    },
    /// The map has one value for each CPU, or has not.
    #[error("map '{map}' of type {ty}: {remedy}")]
    PerCpu {
        /// The map.
        map: String,
        /// Its type.
        ty: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The operation failed as it does in the kernel.
    #[error("map '{map}': cannot {operation}: {}", .errno.reason())]
    Failed {
        /// The map.
        map: String,
        /// What was to be done.
        operation: &'static str,
        /// Why not.
        errno: Errno,
    },
    /// A program wrote over the header of a record.
    #[error(
        "map '{map}': a record of {len} bytes, by its header, where {lost} are left; a program wrote over it, and what follows is lost"
    )]
    Record {
        /// The ring buffer.
        map: String,
        /// The length in the header.
        len: u32,
        /// Bytes that were in the ring buffer, and are skipped.
        lost: u64,
    },
    /// This type of map has no such operation.
    #[error("map '{map}': a {ty} cannot {operation}; {remedy}")]
    Operation {
        /// The map.
        map: String,
        /// Its type.
        ty: &'static str,
        /// What was to be done.
        operation: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
}

impl MapError {
    /// The kernel's error number for it, if bpf(2) would have failed for the same reason.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            MapError::Failed { errno, .. } => Some(*errno),
            MapError::Memory { .. } => Some(Errno::NoMemory),
            MapError::Definition { .. } | MapError::Type { .. } | MapError::Operation { .. } => {
                Some(Errno::Invalid)
            }
            MapError::Values { .. }
            | MapError::Record { .. }
            | MapError::Length { .. }
            | MapError::RustType { .. }
            | MapError::PerCpu { .. } => None,
        }
    }
}

/// Why an operation on a map fails: the kernel's error numbers.
macro_rules! errnos {
    ($($(#[$doc:meta])* $name:ident = $code:ident, $reason:literal;)*) => {
        /// Why an operation fails: the kernel's error numbers, as programs see them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Errno { $($(#[$doc])* $name,)* }

        impl Errno {
            /// The number, above zero.
            #[must_use]
            pub fn code(self) -> i32 {
                match self { $(Errno::$name => libc::$code,)* }
            }

            fn reason(self) -> &'static str {
                match self { $(Errno::$name => concat!($reason, " (", stringify!($code), ")"),)* }
            }
        }
    };
}

errnos! {
    /// The key is not there, or nothing is.
    NotFound = ENOENT, "there is no such entry";
    /// The key is there.
    Exists = EEXIST, "the key is there already";
    /// The map is full, or the index is past its end.
    TooBig = E2BIG, "the map has no place for it";
    /// The trie is full.
    NoSpace = ENOSPC, "the map is full";
    /// The ring buffer is full.
    Again = EAGAIN, "the ring buffer is full";
    /// Flags, key or operation that this map does not have.
    Invalid = EINVAL, "the map does not have this operation, key or flag";
    /// The map's flags forbid it.
    NotPermitted = EPERM, "the map's flags forbid it";
    /// Nothing can be evicted, for other threads hold all entries.
    NoMemory = ENOMEM, "no entry can be evicted";
}

impl Errno {
    /// What a helper returns for it: the number, negative.
    #[must_use]
    pub fn negative(self) -> i64 {
        -i64::from(self.code())
    }
}
