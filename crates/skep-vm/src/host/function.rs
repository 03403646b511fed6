//! Calls from programs into the host.
#![expect(unsafe_code, reason = "calls C functions by address")]

use std::sync::Arc;

use super::check;
use super::signature::{MAX_PARAMS, Signature, Value};
use super::strings::Copies;
use crate::cx::Cx;
use crate::error::TrapKind;

/// A Rust function of the host.
pub(super) type Closure = dyn Fn(&mut Cx<'_>, [u64; 5]) -> Result<u64, TrapKind> + Send + Sync;

#[derive(Clone)]
pub(super) enum Target {
    /// A C function's address, with exposed provenance.
    C(usize),
    Closure(Arc<Closure>),
}

/// A function of the host, ready to be called by a program.
#[derive(Clone, Debug)]
pub(crate) struct HostFn {
    name: Arc<str>,
    target: Target,
    signature: Signature,
    /// Whether an argument has fewer than 64 bits.
    narrow: bool,
    /// Bit by bit, which arguments could be the address of a function.
    wide: u8,
    checked: bool,
}

impl HostFn {
    pub(super) fn new(name: &str, target: Target, signature: Option<Signature>) -> HostFn {
        // Without a signature, everything has 64 bits.
        let signature = signature.unwrap_or(Signature::RAW);
        let is_wide = |index: usize| match signature.params().get(index) {
            Some(param) => matches!(param.value(), Value::I64 | Value::U64 | Value::Ptr),
            None => signature.is_variadic(),
        };
        let wide = (0..MAX_PARAMS).filter(|index| is_wide(*index)).fold(0, |wide, index| wide | 1 << index);
        let narrow = (0..signature.params().len()).any(|index| !is_wide(index));
        HostFn { name: name.into(), target, signature, narrow, wide, checked: false }
    }

    /// The same function for programs that are checked, or not.
    pub(super) fn in_mode(mut self, checked: bool) -> HostFn {
        self.checked = checked;
        self
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_variadic(&self) -> bool {
        self.signature.is_variadic()
    }

    /// The address that C calls it by; closures have none.
    pub(crate) fn address(&self) -> Option<u64> {
        match self.target {
            Target::C(address) => Some(address as u64),
            Target::Closure(_) => None,
        }
    }

    /// Calls it with `r1`–`r5`; the result is what `r0` becomes.
    pub(crate) fn call(&self, cx: &mut Cx<'_>, args: [u64; 5]) -> Result<u64, TrapKind> {
        let signature = &self.signature;
        let mut args = args;
        if self.narrow {
            for (arg, param) in args.iter_mut().zip(signature.params()) {
                *arg = param.value().extend(*arg);
            }
        }
        if self.checked {
            check::arguments(cx, &self.name, signature, &args)?;
        }
        let raw = match &self.target {
            Target::Closure(function) => function(cx, args)?,
            Target::C(address) => {
                for (index, arg) in args.iter().enumerate() {
                    if self.wide & 1 << index != 0 && cx.is_func(*arg) {
                        return Err(self.refuse_func(cx, index, *arg));
                    }
                }
                if SIGN_EXTENDS_U32 {
                    for (arg, param) in args.iter_mut().zip(signature.params()) {
                        *arg = if param.value() == Value::U32 { Value::I32.extend(*arg) } else { *arg };
                    }
                }
                let copies = match self.checked {
                    true => Copies::make(cx, signature, &mut args)?,
                    false => Copies::default(),
                };
                // SAFETY: the signature is that of the function at this address: whoever registered it vouched for
                // it, or it is the program's own declaration, and trusted programs are trusted with that too. In
                // checked mode the memory that arguments point to has been checked above, and strings stay as they are.
                let raw = unsafe { call_c(*address, &args, signature) };
                copies.give_back(cx, signature, &args, raw)?
            }
        };
        Ok(signature.result().extend(raw))
    }

    #[cold]
    fn refuse_func(&self, cx: &Cx<'_>, index: usize, arg: u64) -> TrapKind {
        let func = cx.func_name(arg).unwrap_or_default();
        TrapKind::callee(&*self.name, format!("argument {} is {}", index + 1, no_native_code(func)))
    }
}

pub(super) fn no_native_code(func: &str) -> String {
    format!(
        "the address of BPF function '{func}'; C can call BPF functions only when they are compiled to native code"
    )
}

/// Whether the calling convention wants 32-bit integers sign-extended, whatever their type.
const SIGN_EXTENDS_U32: bool = cfg!(any(target_arch = "riscv64", target_arch = "loongarch64"));

/// Calls a C function that takes integers and pointers.
///
/// # Safety
/// `address` must be that of a C function with that signature, and the arguments fit for it.
unsafe fn call_c(address: usize, args: &[u64; 5], signature: &Signature) -> u64 {
    let &[a, b, c, d, e] = args;
    let code = std::ptr::with_exposed_provenance::<()>(address);
    /// Calls `code` as a function of the type.
    macro_rules! as_function {
        ($type:ty, $($arg:expr),*) => {{
            // SAFETY: integers and pointers travel in the same registers whatever their width, so a function of five
            // 64-bit parameters and a 64-bit result stands for all that take no more. Variadic ones need their type:
            // x86-64 wants the number of vector registers in al, and Apple's aarch64 the variable part on the stack.
            unsafe {
                let function: $type = std::mem::transmute(code);
                function($($arg),*)
            }
        }};
    }
    match (signature.is_variadic(), signature.params().len()) {
        (false, _) => as_function!(unsafe extern "C" fn(u64, u64, u64, u64, u64) -> u64, a, b, c, d, e),
        (true, 0 | 1) => as_function!(unsafe extern "C" fn(u64, ...) -> u64, a, b, c, d, e),
        (true, 2) => as_function!(unsafe extern "C" fn(u64, u64, ...) -> u64, a, b, c, d, e),
        (true, 3) => as_function!(unsafe extern "C" fn(u64, u64, u64, ...) -> u64, a, b, c, d, e),
        (true, 4) => as_function!(unsafe extern "C" fn(u64, u64, u64, u64, ...) -> u64, a, b, c, d, e),
        (true, _) => as_function!(unsafe extern "C" fn(u64, u64, u64, u64, u64, ...) -> u64, a, b, c, d, e),
    }
}
