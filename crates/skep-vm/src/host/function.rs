//! Calls from programs into the host.
#![expect(unsafe_code, reason = "calls C functions by address")]

use std::sync::Arc;

use super::check;
use super::signature::{Signature, Value};
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
    /// Without one, everything has 64 bits.
    signature: Option<Signature>,
    checked: bool,
}

impl HostFn {
    pub(super) fn new(name: &str, target: Target, signature: Option<Signature>) -> HostFn {
        HostFn { name: name.into(), target, signature, checked: false }
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
        self.signature.is_some_and(|signature| signature.is_variadic())
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
        let signature = self.signature.as_ref().unwrap_or(&Signature::RAW);
        let params = signature.params();
        let mut args = args;
        for (arg, param) in args.iter_mut().zip(params) {
            *arg = param.value().extend(*arg);
        }
        if self.checked {
            check::arguments(cx, &self.name, signature, &args)?;
        }
        let raw = match &self.target {
            Target::Closure(function) => function(cx, args)?,
            Target::C(address) => {
                let passed = if signature.is_variadic() { args.len() } else { params.len() };
                if let Some(index) = args[..passed].iter().position(|arg| cx.is_func(*arg)) {
                    let func = cx.func_name(args[index]).unwrap_or_default();
                    let reason = format!("argument {} is {}", index + 1, no_native_code(func));
                    return Err(TrapKind::callee(&*self.name, reason));
                }
                for (arg, param) in args.iter_mut().zip(params) {
                    *arg = in_register(param.value(), *arg);
                }
                // SAFETY: the signature is that of the function at this address: whoever registered it vouched for
                // it, or it is the program's own declaration, and trusted programs are trusted with that too. In
                // checked mode the memory that arguments point to has been checked above.
                unsafe { call_c(*address, &args, signature) }
            }
        };
        Ok(signature.result().extend(raw))
    }
}

pub(super) fn no_native_code(func: &str) -> String {
    format!(
        "the address of BPF function '{func}'; C can call BPF functions only when they are compiled to native code"
    )
}

/// What the calling convention wants in the register of an argument, given its 64-bit value.
fn in_register(value: Value, arg: u64) -> u64 {
    // These two keep 32-bit integers sign-extended, whatever their type.
    let sign_extends = cfg!(any(target_arch = "riscv64", target_arch = "loongarch64"));
    if sign_extends && value == Value::U32 { Value::I32.extend(arg) } else { arg }
}

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
