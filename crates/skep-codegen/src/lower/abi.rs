//! How values travel through calls.
//!
//! Arguments are in r1 to r5, the result is in r0, as in all BPF code. What clang makes of narrow ones, for every cpu:
//!
//! | type | the caller of a function | the function |
//! |---|---|---|
//! | `i8`, `i16`, `bool` argument | extends to 32 bits, with the sign if C says so | relies on that |
//! | `i32` argument | leaves the upper half as it is | relies on nothing |
//! | result narrower than 64 bits | relies on nothing | leaves the upper bits as they are |
//!
//! Functions that others see, and calls of them, keep to this, but for one thing: arguments narrower than 32 bits are
//! extended with zeros, whatever sign the prototype in BTF says; a caller of clang's code extends signed ones itself.
//! Nothing is relied on. Helpers and kfuncs get clean `i32`
//! arguments, too, since the verifier wants their bounds. A local function whose address is not taken gets and gives
//! clean values: all of its callers are in the same module.
//!
//! If there are more than five arguments, the caller puts the fifth and those behind it into its frame, eight bytes each,
//! and passes their address in r5. Only functions of one module call each other so, and in the kernel only local ones:
//! it verifies others alone, and lets them have no such pointer.

use skep_btf::CoreKind;

use crate::ir::{Callee, Func, Linkage, Module, Op, SymbolId, SymbolKind, Type};

/// How many arguments are passed in registers.
pub(super) const MAX_ARGS: usize = 5;

/// How many arguments are in registers if there are more.
pub(super) const REG_ARGS: usize = MAX_ARGS - 1;

/// What is known about calls of a module's functions.
pub(super) struct Abi {
    /// Functions that only this module calls, by name: index as in [`Module::symbols`].
    private: Vec<bool>,
    current: usize,
}

impl Abi {
    /// Looks for functions whose address is taken, or that others see.
    pub(super) fn new(module: &Module) -> Abi {
        let mut private: Vec<bool> = module
            .symbols
            .iter()
            .map(|symbol| matches!(symbol.kind, SymbolKind::Func(_)) && symbol.linkage == Linkage::Local)
            .collect();
        if private.contains(&true) {
            let mut taken = |symbol: SymbolId| private[symbol.0 as usize] = false;
            for func in &module.funcs {
                for node in &func.nodes {
                    if let Op::Symbol(symbol) = node.op {
                        taken(symbol);
                    }
                }
            }
            for symbol in &module.symbols {
                match &symbol.kind {
                    SymbolKind::Global(global) => {
                        for init in &global.init {
                            if let crate::ir::Init::Address { symbol, .. } = init {
                                taken(*symbol);
                            }
                        }
                    }
                    SymbolKind::Map(map) => map.values.iter().for_each(|(_, symbol)| taken(*symbol)),
                    SymbolKind::Func(_) | SymbolKind::Extern(_) => {}
                }
            }
        }
        Abi { private, current: 0 }
    }

    /// Sets the function that is being compiled.
    pub(super) fn enter(&mut self, func: &Func) {
        self.current = func.symbol.0 as usize;
    }

    /// Whether only this module calls the function.
    pub(super) fn is_private(&self, symbol: SymbolId) -> bool {
        self.private[symbol.0 as usize]
    }

    /// Whether a parameter of the function that is being compiled has zeros above its type.
    pub(super) fn param_is_clean(&self, func: &Func, at: usize) -> bool {
        self.private[self.current] || func.sig.params[at].bits() == 64
    }

    /// Whether its result must have zeros above its type.
    pub(super) fn returns_clean(&self) -> bool {
        self.private[self.current]
    }
}

/// Whether the result of a call has zeros above its type.
pub(super) fn result_is_clean(abi: &Abi, callee: Callee) -> bool {
    matches!(callee, Callee::Symbol(symbol) if abi.is_private(symbol))
}

/// Whether an argument must have zeros above its type.
pub(super) fn wants_clean(module: &Module, abi: &Abi, callee: Callee, ty: Type) -> bool {
    match callee {
        Callee::Helper(_) => true,
        Callee::Symbol(symbol) if abi.is_private(symbol) => true,
        Callee::Symbol(symbol) => match module.symbol(symbol).kind {
            SymbolKind::Extern(_) => true,
            _ => ty.bits() < 32,
        },
        Callee::Value(_) => ty.bits() < 32,
    }
}

/// Whether a CO-RE relocation of this kind patches 64 bits (`ld_imm64`).
pub(super) fn is_wide_core(kind: CoreKind) -> bool {
    matches!(kind, CoreKind::EnumvalValue | CoreKind::TypeIdLocal | CoreKind::TypeIdTarget)
}
