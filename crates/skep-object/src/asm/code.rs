//! Instructions, and the symbols in them.

use std::borrow::Cow;

use skep_insn::Insn;
use skep_insn::text::{self, SymKind};

use super::cursor::{Cursor, name_len};
use super::diag::{Fault, Parsed};
use super::expr::{Expr, Step};
use super::plain::Plain;
use super::section::{Fixup, FixupKind, LineMark};
use super::source::Span;
use super::unit::Unit;
use crate::nearest::{did_you_mean, nearest};

/// Words of instructions; registers besides.
const WORDS: &[&str] = &[
    "exit",
    "if",
    "goto",
    "gotol",
    "may_goto",
    "gotox",
    "call",
    "callx",
    "lock",
    "ll",
    "skb",
    "pc",
    "kfunc",
    "u8",
    "u16",
    "u32",
    "u64",
    "s8",
    "s16",
    "s32",
    "s64",
    "be16",
    "be32",
    "be64",
    "le16",
    "le32",
    "le64",
    "bswap16",
    "bswap32",
    "bswap64",
    "ld_pseudo",
    "load_acquire",
    "store_release",
    "addr_space_cast",
];

/// Whether a word belongs to the instructions.
pub(super) fn is_reserved(word: &str) -> bool {
    is_register(word) || WORDS.contains(&word)
}

/// Whether a word is a register, or looks like one (`r11`).
pub(super) fn is_register(word: &str) -> bool {
    let number = word.strip_prefix(['r', 'w']);
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Reads an instruction, the rest of the statement.
pub(super) fn instruction<'s>(unit: &mut Unit<'s>, cursor: &mut Cursor<'s>) -> Parsed<()> {
    let (written, at) = cursor.take_rest();
    if unit.is_ignored() {
        return Ok(());
    }
    let plain = Plain::new(unit, written, at)?;
    let parsed = text::parse_with_symbols(&plain.text);
    let parsed = parsed.map_err(|error| parse_fault(&plain, written, at, &error));
    // In place of what is no instruction stands one that does nothing, so that what follows has its place.
    let nop = (Insn::Jump { off: 0, long: false }, None);
    let (insn, symbol) = parsed.as_ref().unwrap_or(&nop);
    let insn = *insn;
    let offset = unit.section().len();
    let endian = unit.endian;
    unit.section_mut().push_code(insn.encode().as_slice(), endian, at)?;
    mark_line(unit, offset, at);
    let Some(symbol) = symbol else { return parsed.map(|_| ()) };
    let name_at = plain.origin(symbol.range.clone(), at);
    let id = match plain.symbol_at(&symbol.range) {
        Some(id) => id,
        None => {
            // The name as it stands in the source, which outlives the text with constants filled in.
            let name = unit.source.clean.get(name_at.start..name_at.end).unwrap_or_default();
            unit.symbols.intern(Cow::Borrowed(name), name_at)
        }
    };
    let sym = unit.symbols.get_mut(id);
    sym.used = true;
    let kind = match (symbol.kind, insn) {
        (SymKind::Jump, Insn::Jump { long: true, .. }) => FixupKind::JumpLong,
        (SymKind::Jump, _) => FixupKind::Jump,
        (SymKind::Call, _) => FixupKind::Call,
        (SymKind::Imm64, _) => FixupKind::Imm64,
    };
    sym.called |= kind == FixupKind::Call;
    sym.loaded |= kind == FixupKind::Imm64;
    let mut steps = vec![Step::Symbol(id, name_at)];
    if symbol.addend != 0 {
        steps.push(Step::Number(symbol.addend));
        steps.push(Step::Binary(super::expr::Binary::Add, name_at));
    }
    // The addend moves to the relocation, and leaves nothing in its place.
    if let (FixupKind::Imm64, Insn::LoadImm64 { dst, .. }) = (kind, insn) {
        let empty = Insn::LoadImm64 { dst, imm: skep_insn::Imm64::Value(0) };
        patch(unit, offset, empty);
    }
    unit.section_mut().fixups.push(Fixup { offset, kind, expr: Expr::Steps(steps.into()), at: name_at });
    Ok(())
}

/// Puts an instruction in the place of one of the same length.
fn patch(unit: &mut Unit<'_>, offset: u64, insn: Insn) {
    let endian = unit.endian;
    let bytes: Vec<u8> = insn.encode().as_slice().iter().flat_map(|slot| slot.to_bytes(endian)).collect();
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if let Some(place) =
        unit.section_mut().bytes.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()))
    {
        place.copy_from_slice(&bytes);
    }
}

fn mark_line(unit: &mut Unit<'_>, offset: u64, at: Span) {
    let mark = match unit.loc {
        Some((file, line, column)) => LineMark { offset, file: Some(file), line, column },
        None => {
            let (line, column) = unit.source.position(at.start);
            LineMark { offset, file: None, line, column }
        }
    };
    unit.section_mut().lines.push(mark);
}

fn parse_fault(plain: &Plain<'_>, written: &str, at: Span, error: &text::ParseError) -> Fault {
    let place = plain.origin(error.range.clone(), at);
    let found = written.get(place.start - at.start..place.end - at.start).unwrap_or_default();
    let found = match found {
        "" => "the end of the statement".to_string(),
        // A constant is shown with its value.
        _ if error.found != format!("'{found}'") => format!("'{found}' ({})", error.found.trim_matches('\'')),
        _ => error.found.clone(),
    };
    let mut message = format!("expected {}, found {found}", error.expected);
    let word = &written[..name_len(written)];
    if place.start == at.start && !word.is_empty() && !is_reserved(word) {
        message = format!("unknown instruction '{word}'; {}", hint(word));
    }
    Fault::new(place, message)
}

/// What the authors of other assemblers' texts should know.
fn hint(word: &str) -> String {
    let classic =
        ["mov", "add", "sub", "ld", "st", "lddw", "j", "be", "le", "neg", "and", "or", "xor", "ret"];
    if classic.iter().any(|mnemonic| word.starts_with(mnemonic)) {
        return "instructions are written as the kernel prints them: `r1 = r2`, `r1 += 5`, `r0 = *(u32 *)(r1 + 8)`, \
                `if r1 > 5 goto label`"
            .to_string();
    }
    let near = did_you_mean(&nearest(word, WORDS.iter().copied()));
    match near.strip_prefix("; ") {
        Some(near) => near.to_string(),
        None => {
            "expected one such as `r1 = 5`, `if r1 > 5 goto label`, `call name` or `exit`; a label ends with \
                 ':'"
            .to_string()
        }
    }
}
