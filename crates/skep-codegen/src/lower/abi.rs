//! How values travel through calls.
//!
//! Arguments are in r1 to r5, the result is in r0, as in all BPF code. What clang makes of narrow ones, for every cpu:
//!
//! | type | the caller of a function | the function |
//! |---|---|---|
//! | `i8`, `i16`, `bool` argument | extends it, with the sign if C says so: to 32 bits, to 64 without 32-bit operations (v1, v2) | relies on that |
//! | `i32` argument | leaves the upper half as it is | relies on nothing |
//! | result narrower than 64 bits | relies on nothing | leaves the upper bits as they are |
//!
//! Calls of functions that others see keep to this: arguments narrower than 32 bits are extended to 64, with the sign if the
//! prototype in BTF says so, else with zeros, which is right for every cpu. As functions, they rely on nothing. Helpers
//! and kfuncs get clean `i32` arguments, too, since the verifier wants their bounds. A local function whose address is not taken gets and gives
//! clean values: all of its callers are in the same module.
//!
//! If there are more than five arguments, the caller puts the fifth and those behind it into its frame, eight bytes each,
//! and passes their address in r5. Only functions of one module call each other so, and in the kernel only local ones:
//! it verifies others alone, and lets them have no such pointer.

use skep_btf::{CoreKind, IntEncoding, Type as Btf};

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

/// What the bits of an argument above its type must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upper {
    Any,
    Zeros,
    /// Copies of its sign.
    Sign,
}

/// What the bits of an argument, the one at `at`, must be above its type.
pub(super) fn upper(module: &Module, abi: &Abi, callee: Callee, at: usize, ty: Type) -> Upper {
    let narrow = ty.bits() < 32;
    match callee {
        Callee::Helper(_) => Upper::Zeros,
        Callee::Symbol(symbol) if abi.is_private(symbol) => Upper::Zeros,
        Callee::Symbol(symbol) if narrow && takes_signed(module, symbol, at) => Upper::Sign,
        Callee::Symbol(symbol) => match module.symbol(symbol).kind {
            SymbolKind::Extern(_) => Upper::Zeros,
            _ if narrow => Upper::Zeros,
            _ => Upper::Any,
        },
        Callee::Value(_) if narrow => Upper::Zeros,
        Callee::Value(_) => Upper::Any,
    }
}

/// Whether a parameter of a function is a signed number, as its prototype says.
fn takes_signed(module: &Module, symbol: SymbolId, at: usize) -> bool {
    let proto = match &module.symbol(symbol).kind {
        SymbolKind::Func(func) => module.funcs[*func as usize].ty,
        SymbolKind::Extern(it) => it.ty,
        SymbolKind::Map(_) | SymbolKind::Global(_) => None,
    };
    let types = module.types.so_far();
    let Some(Btf::FuncProto(proto)) = proto.map(|proto| types.resolved(proto)) else { return false };
    match proto.params.get(at).map(|param| types.resolved(param.ty)) {
        Some(Btf::Int(int)) => matches!(int.encoding, IntEncoding::Signed | IntEncoding::SignedChar),
        Some(Btf::Enum(e) | Btf::Enum64(e)) => e.signed,
        _ => false,
    }
}

/// Whether a CO-RE relocation of this kind patches 64 bits (`ld_imm64`).
pub(super) fn is_wide_core(kind: CoreKind) -> bool {
    matches!(kind, CoreKind::EnumvalValue | CoreKind::TypeIdLocal | CoreKind::TypeIdTarget)
}
