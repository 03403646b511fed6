//! Source languages.

use gimli::DwLang;
use gimli::constants as dw;

/// The language that a type comes from, as far as it decides how the type is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[repr(u8)]
#[non_exhaustive]
pub enum Lang {
    /// C, and what has no rules of its own.
    #[default]
    C,
    /// C++
    Cpp,
    /// Rust
    Rust,
    /// Assembly
    Asm,
}

impl Lang {
    /// The language of a unit that names this one.
    #[must_use]
    pub fn from_dwarf(language: u16) -> Lang {
        match DwLang(language) {
            dw::DW_LANG_C_plus_plus
            | dw::DW_LANG_C_plus_plus_03
            | dw::DW_LANG_C_plus_plus_11
            | dw::DW_LANG_C_plus_plus_14
            | dw::DW_LANG_C_plus_plus_17
            | dw::DW_LANG_C_plus_plus_20
            | dw::DW_LANG_ObjC_plus_plus => Lang::Cpp,
            dw::DW_LANG_Rust => Lang::Rust,
            dw::DW_LANG_Mips_Assembler => Lang::Asm,
            // What rustc said before it had a number of its own.
            DwLang(0x9000) => Lang::Rust,
            _ => Lang::C,
        }
    }

    /// Whether names are told apart by the namespace or type that declares them.
    pub(crate) fn has_paths(self) -> bool {
        matches!(self, Lang::Cpp | Lang::Rust)
    }
}
