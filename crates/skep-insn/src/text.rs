//! Text both ways, in the syntax that LLVM prints: `Display` of [`Insn`], and [`parse()`].
//!
//! What is printed parses back to the same bytes, and is what `llvm-objdump` prints, with these exceptions, where
//! that tool prints different instructions alike, or none:
//!
//! | instruction | text |
//! |---|---|
//! | call of a subprogram (`src` 1) | `call pc+0x5` |
//! | call of a kfunc (`src` 2) | `call kfunc(0x7)`, with an index into the fd array `call kfunc(0x7, 0x1)` |
//! | `ld_imm64` with `src` 1–6 and a second immediate | `ld_pseudo r1, 0x2, 0x5, 0x8` |
//! | packet load with register and offset | `r0 = *(u8 *)skb[r2 + 0xc]` |
//!
//! The parser also reads what the kernel prints (`r1 = *(u32 *)(r2 +8)`, `goto pc+3`, `call bpf_ktime_get_ns#5`,
//! `r2 = atomic64_fetch_add(..)`) and what people write: decimal numbers, characters (`'a'`), spaces or none, helpers by
//! name.
//!
//! ```
//! use skep_insn::text;
//! let insn = text::parse("if r1 s> -5 goto +3")?;
//! assert_eq!(insn.to_string(), "if r1 s> -0x5 goto +0x3");
//! assert_eq!(insn.display_with("done").to_string(), "if r1 s> -0x5 goto done");
//!
//! let (insn, symbol) = text::parse_with_symbols("r1 = counters + 8 ll")?;
//! let symbol = symbol.unwrap();
//! assert_eq!((symbol.kind, symbol.name, symbol.addend), (text::SymKind::Imm64, "counters", 8));
//! assert_eq!(insn.to_string(), "r1 = 0x8 ll");
//!
//! let err = text::parse("r1 = *(u32 *)(r2 + 40000)").unwrap_err();
//! assert_eq!(err.to_string(), "column 18: found '+ 40000', expected an offset from -32768 to 32767");
//! # Ok::<(), text::ParseError>(())
//! ```

mod parse;
mod print;
mod scan;

use std::ops::Range;

use crate::helper::Helper;
use crate::insn::{Callee, Insn};

pub(crate) use print::Hex;
pub use print::WithSymbol;

/// Why text is no instruction: where, what stands there, what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {}: found {found}, expected {expected}", range.start + 1)]
pub struct ParseError {
    /// The bytes of the text that are wrong; empty at its end.
    pub range: Range<usize>,
    /// What stands there: a quoted token, or `end of line`.
    pub found: String,
    /// What was expected there.
    pub expected: &'static str,
}

/// What an operand that is a symbol stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SymKind {
    /// Target of `goto`, `gotol`, `may_goto` or `if`.
    Jump,
    /// Callee of `call`.
    Call,
    /// Value of `ld_imm64`.
    Imm64,
}

/// An operand that is a symbol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymRef<'a> {
    /// What it stands for.
    pub kind: SymKind,
    /// The symbol.
    pub name: &'a str,
    /// What is added to its value, in bytes; 0 except for `Imm64`.
    pub addend: i64,
    /// Where the name stands in the text, in bytes.
    pub range: Range<usize>,
}

/// Reads one instruction. `call` takes helpers by name; other symbols have no meaning here.
///
/// # Errors
/// If the text is no instruction, or names a symbol other than a helper.
pub fn parse(text: &str) -> Result<Insn, ParseError> {
    let (insn, symbol) = parse_with_symbols(text)?;
    let Some(SymRef { kind, name, range, .. }) = symbol else { return Ok(insn) };
    let expected = match (kind, Helper::from_name(name)) {
        (SymKind::Call, Some(helper)) => return Ok(Insn::Call(Callee::Helper(helper.id()))),
        (SymKind::Call, None) => "a helper's name or number, pc+N or kfunc(ID)",
        (SymKind::Jump, _) => "an offset such as +3",
        (SymKind::Imm64, _) => "a number",
    };
    Err(ParseError { range, found: format!("'{name}'"), expected })
}

/// Reads one instruction of which one operand may be a symbol: a label behind `goto` and its like, a name behind
/// `call` (a helper's too: the caller decides), an address as in `r1 = name + 8 ll`.
///
/// With a symbol, the instruction is what an object holds before relocation: a jump by 0, the call of the
/// subprogram at -1, `ld_imm64` of the addend.
///
/// # Errors
/// If the text is no instruction.
pub fn parse_with_symbols(text: &str) -> Result<(Insn, Option<SymRef<'_>>), ParseError> {
    parse::insn(text)
}
