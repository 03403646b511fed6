//! Global variables and string literals.
use crate::ir::SymbolId;
/// A variable as code sees it.
#[derive(Clone, Debug)]
pub(super) struct GlobalDecl { pub(super) symbol: SymbolId }
