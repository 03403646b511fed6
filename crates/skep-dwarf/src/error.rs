//! What can go wrong with a file.

/// Why a file has no encoding.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is no ELF file, or one that contradicts itself.
    #[error("the file is not readable as ELF")]
    Elf(#[from] object::Error),

    /// There is nothing to encode.
    #[error("no {section} section; compile with -g, or name the file that has the debug information")]
    NoDebugInfo {
        /// The section that was looked for.
        section: &'static str,
    },

    /// The debug information ends early, refers outside, or has a value that DWARF does not know.
    #[error("{section}+{offset:#x}: {found}, expected {expected}")]
    Malformed {
        /// The section.
        section: &'static str,
        /// From the start of the section, in bytes.
        offset: u64,
        /// What is there.
        found: String,
        /// What should be.
        expected: &'static str,
    },

    /// A relocation of a debug section that has no known meaning.
    #[error("{section}+{offset:#x}: relocation {found}, expected an absolute one of 4 or 8 bytes")]
    Relocation {
        /// The section that is relocated.
        section: String,
        /// The place that is relocated.
        offset: u64,
        /// The relocation.
        found: String,
    },

    /// A compressed section says that it is larger than it can be.
    #[error(".debug_{section}: {found} bytes when decompressed, expected at most {limit}")]
    Compressed {
        /// The section, without `.debug_`.
        section: String,
        /// What its header says.
        found: u64,
        /// The most that the compressed bytes hold.
        limit: u64,
    },

    /// There are more units, types or names than 32 bits count.
    #[error("{what} are {found}, more than the limit of {limit}")]
    Limit {
        /// What there are too many of.
        what: &'static str,
        /// How many.
        found: u64,
        /// How many there may be.
        limit: u64,
    },

    /// The types do not fit into BTF.
    #[error("the types have no encoding in BTF")]
    Btf(#[from] skep_btf::Error),
}
