//! What the lowering makes of a function: code whose references are still open.

use skep_insn::{RawInsn, Slot};
use skep_object::object::RelocKind;

use crate::ir::{Loc, SymbolId};

/// The code of one function.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Code {
    /// Instructions. Places that a relocation patches hold nothing: `call` with src 1 and imm -1, `ld_imm64` with src 0
    /// and value 0.
    pub(crate) slots: Vec<RawInsn>,
    /// What refers to symbols, ordered by slot.
    pub(crate) relocs: Vec<CodeReloc>,
    /// Source positions, ordered by slot; each holds up to the next.
    pub(crate) lines: Vec<(Slot, Loc)>,
    /// Instructions that the loader patches: slot, and index in [`crate::ir::Module::core`].
    pub(crate) core: Vec<(Slot, u32)>,
    /// Jump tables: the slots where their entries lead.
    pub(crate) tables: Vec<Vec<Slot>>,
    /// Instructions that load the address of a jump table: slot, and index in `tables`.
    pub(crate) table_refs: Vec<(Slot, u32)>,
    /// Named places.
    pub(crate) markers: Vec<(Slot, Box<str>)>,
    /// Bytes of stack it uses.
    pub(crate) frame: u32,
}

/// An instruction that refers to a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CodeReloc {
    /// Its first slot.
    pub(crate) at: Slot,
    /// `LoadImm64` or `Call`.
    pub(crate) kind: RelocKind,
    /// What it refers to.
    pub(crate) symbol: SymbolId,
    /// Bytes beyond it.
    pub(crate) addend: i64,
}
