//! What a host function takes and returns.

use std::fmt;

use crate::memory::Access;

/// How many arguments a BPF call passes.
pub const MAX_PARAMS: usize = 5;

/// The prototype of a host function: how arguments are extended, and what a checked program may pass.
///
/// It is built by [`parse`](Signature::parse) from C text, or piece by piece, also in a `const`:
/// ```
/// use skep_vm::host::{Extent, Param, Signature, Value};
/// use skep_vm::Access;
/// // long write(int fd, const void *buf[n], size_t n)
/// const WRITE: Signature = Signature::new()
///     .param(Param::Int(Value::I32))
///     .param(Param::pointer(Access::Read, Extent::Arg(2)))
///     .param(Param::Int(Value::U64))
///     .returns(Value::I64);
/// assert_eq!(Signature::parse("long write(int fd, const void *buf[n], size_t n)").unwrap().1, WRITE);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    params: [Param; MAX_PARAMS],
    count: u8,
    result: Value,
    variadic: bool,
}

/// A parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// An integer.
    Int(Value),
    /// The address of memory.
    Pointer {
        /// What the function does with it.
        access: Access,
        /// How much of it.
        extent: Extent,
        /// Whether it may be null.
        nullable: bool,
    },
    /// A value that the function checks itself, such as a key of a table of the host: passed as it is.
    Handle,
    /// The address of a C function. Functions of a program have none, and checked programs cannot pass any.
    Func,
}

/// How much memory a pointer argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many bytes.
    Bytes(u64),
    /// As many bytes as another argument says; arguments count from 0.
    Arg(u8),
    /// As many elements as another argument says.
    Elements {
        /// That argument, from 0.
        count: u8,
        /// Bytes in an element.
        size: u64,
    },
    /// As many bytes as the product of two arguments, as for `fread`.
    Product(u8, u8),
    /// Up to a NUL.
    CStr,
    /// Unknown: a checked program may pass null at most, where null is allowed.
    Unknown,
}

/// An integer or pointer as C has it, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Value {
    Void,
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    /// A pointer: 64 bits.
    Ptr,
}

impl Value {
    /// The integer of this size in bytes; `None` for a size that no register holds.
    #[must_use]
    pub const fn int(size: u32, signed: bool) -> Option<Value> {
        Some(match (size, signed) {
            (1, true) => Value::I8,
            (1, false) => Value::U8,
            (2, true) => Value::I16,
            (2, false) => Value::U16,
            (4, true) => Value::I32,
            (4, false) => Value::U32,
            (8, true) => Value::I64,
            (8, false) => Value::U64,
            _ => return None,
        })
    }

    /// The 64-bit register that stands for the value whose low bits are in `raw`: the rest is sign or zeros.
    #[expect(clippy::cast_possible_truncation, reason = "the upper bits are what is dropped here")]
    #[inline]
    #[must_use]
    pub const fn extend(self, raw: u64) -> u64 {
        match self {
            Value::Void => 0,
            Value::Bool => (raw as u8 != 0) as u64,
            Value::I8 => ((raw as u8).cast_signed() as i64).cast_unsigned(),
            Value::U8 => raw as u8 as u64,
            Value::I16 => ((raw as u16).cast_signed() as i64).cast_unsigned(),
            Value::U16 => raw as u16 as u64,
            Value::I32 => ((raw as u32).cast_signed() as i64).cast_unsigned(),
            Value::U32 => raw as u32 as u64,
            Value::I64 | Value::U64 | Value::Ptr => raw,
        }
    }
}

impl Param {
    /// A pointer that must not be null.
    #[must_use]
    pub const fn pointer(access: Access, extent: Extent) -> Param {
        Param::Pointer { access, extent, nullable: false }
    }

    /// A pointer of which nothing is known; it may be null.
    pub const OPAQUE: Param =
        Param::Pointer { access: Access::Write, extent: Extent::Unknown, nullable: true };

    /// What C expects in the register.
    #[inline]
    pub(crate) const fn value(self) -> Value {
        match self {
            Param::Int(value) => value,
            Param::Pointer { .. } | Param::Handle | Param::Func => Value::U64,
        }
    }
}

impl Signature {
    /// Five arguments and the result, as they are in the registers.
    pub const RAW: Signature =
        Signature { params: [Param::Handle; MAX_PARAMS], count: 5, result: Value::U64, variadic: false };

    /// `void f(void)`.
    #[must_use]
    pub const fn new() -> Signature {
        Signature { params: [Param::Handle; MAX_PARAMS], count: 0, result: Value::Void, variadic: false }
    }

    /// Adds a parameter.
    ///
    /// # Panics
    /// If there are five already: a BPF call passes no more.
    #[must_use]
    pub const fn param(mut self, param: Param) -> Signature {
        assert!((self.count as usize) < MAX_PARAMS, "a BPF call passes five arguments at most");
        self.params[self.count as usize] = param;
        self.count += 1;
        self
    }

    /// Sets the result.
    #[must_use]
    pub const fn returns(mut self, result: Value) -> Signature {
        self.result = result;
        self
    }

    /// Makes it take any number of arguments behind its parameters.
    #[must_use]
    pub const fn variadic(mut self) -> Signature {
        self.variadic = true;
        self
    }

    /// Reads a C prototype. Returns the function's name and its signature.
    ///
    /// What C cannot say is written behind the name of a pointer parameter, in brackets: how many elements it points
    /// to (bytes, for `void *`), as a number, the name of another parameter, or the product of two:
    /// `size_t fread(void *p[size * n], size_t size, size_t n, FILE *f)`. A `const char *` without brackets is a C
    /// string. `_Nullable` allows null, the type `handle` is a [`Param::Handle`], and any other pointer without
    /// brackets is one that a checked program cannot pass.
    ///
    /// # Errors
    /// If the text is no prototype, or one that a BPF call cannot serve: more than five parameters, floating point,
    /// structs by value.
    pub fn parse(prototype: &str) -> Result<(&str, Signature), SignatureError> {
        super::prototype::parse(prototype)
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &[Param] {
        &self.params[..usize::from(self.count)]
    }

    /// The result.
    #[must_use]
    pub const fn result(&self) -> Value {
        self.result
    }

    /// Whether any number of arguments may follow the parameters.
    #[must_use]
    pub const fn is_variadic(&self) -> bool {
        self.variadic
    }

    /// Whether the lengths of pointers refer to integer parameters that exist; the wrong parameter if not.
    pub(crate) fn bad_extent(&self) -> Option<usize> {
        let is_int = |index: u8| matches!(self.params().get(usize::from(index)), Some(Param::Int(_)));
        self.params().iter().position(|param| match *param {
            Param::Pointer { extent: Extent::Arg(at) | Extent::Elements { count: at, .. }, .. } => {
                !is_int(at)
            }
            Param::Pointer { extent: Extent::Product(a, b), .. } => !is_int(a) || !is_int(b),
            _ => false,
        })
    }
}

impl Default for Signature {
    fn default() -> Self {
        Signature::new()
    }
}

/// Why a text is no prototype of a host function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    pub(crate) text: String,
    pub(crate) at: usize,
    pub(crate) reason: String,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prototype '{}', column {}: {}", self.text, self.at + 1, self.reason)
    }
}

impl std::error::Error for SignatureError {}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn registers_are_extended_as_c_has_it() {
        let check =
            |value: Value, raw: u64, expected: u64| assert_eq!(value.extend(raw), expected, "{value:?}");
        check(Value::Void, 7, 0);
        check(Value::Bool, 0x100, 0);
        check(Value::Bool, 0x1ff, 1);
        check(Value::I8, 0xff80, 0xffff_ffff_ffff_ff80);
        check(Value::U8, 0xff80, 0x80);
        check(Value::I16, 0x1_8000, 0xffff_ffff_ffff_8000);
        check(Value::U16, 0x1_8000, 0x8000);
        check(Value::I32, 0x1_8000_0000, 0xffff_ffff_8000_0000);
        check(Value::U32, 0x1_8000_0000, 0x8000_0000);
        check(Value::I64, u64::MAX, u64::MAX);
        check(Value::Ptr, u64::MAX, u64::MAX);
    }
}
