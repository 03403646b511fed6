//! Reads C prototypes: `size_t fread(void *p[size * n], size_t size, size_t n, FILE *f)`.

use super::signature::{Extent, MAX_PARAMS, Param, Signature, SignatureError, Value};
use crate::memory::Access;

/// Names of integer types that are one word.
const INTS: &[(&str, Value)] = &[
    ("_Bool", Value::Bool),
    ("bool", Value::Bool),
    ("int8_t", Value::I8),
    ("uint8_t", Value::U8),
    ("int16_t", Value::I16),
    ("uint16_t", Value::U16),
    ("int32_t", Value::I32),
    ("uint32_t", Value::U32),
    ("int64_t", Value::I64),
    ("uint64_t", Value::U64),
    ("s8", Value::I8),
    ("u8", Value::U8),
    ("s16", Value::I16),
    ("u16", Value::U16),
    ("s32", Value::I32),
    ("u32", Value::U32),
    ("s64", Value::I64),
    ("u64", Value::U64),
    ("__s8", Value::I8),
    ("__u8", Value::U8),
    ("__s16", Value::I16),
    ("__u16", Value::U16),
    ("__s32", Value::I32),
    ("__u32", Value::U32),
    ("__s64", Value::I64),
    ("__u64", Value::U64),
    ("size_t", Value::U64),
    ("ssize_t", Value::I64),
    ("ptrdiff_t", Value::I64),
    ("intptr_t", Value::I64),
    ("uintptr_t", Value::U64),
    ("off_t", Value::I64),
    ("time_t", Value::I64),
    ("clock_t", Value::I64),
    ("clockid_t", Value::I32),
    ("pid_t", Value::I32),
    ("uid_t", Value::U32),
    ("gid_t", Value::U32),
    ("mode_t", Value::U32),
    ("socklen_t", Value::U32),
    ("useconds_t", Value::U32),
    ("wchar_t", Value::I32),
    ("wint_t", Value::U32),
];

/// A base type, before its stars.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Base {
    Int(Value),
    Char,
    Void,
    Handle,
    /// A struct, a union, or a name that is not known: only to be pointed to.
    Other,
}

impl Base {
    /// Bytes in an element of an array of it; of `void`, as in GNU C, 1.
    fn size(self) -> Option<u64> {
        match self {
            Base::Void | Base::Char | Base::Int(Value::Bool | Value::I8 | Value::U8) => Some(1),
            Base::Int(Value::I16 | Value::U16) => Some(2),
            Base::Int(Value::I32 | Value::U32) => Some(4),
            Base::Int(_) | Base::Handle => Some(8),
            Base::Other => None,
        }
    }
}

/// A parameter as read: lengths still by name.
struct Read<'a> {
    param: Param,
    name: &'a str,
    /// Factors of the length, where they stand, and bytes in an element.
    length: Option<(Vec<&'a str>, usize, Option<u64>)>,
}

pub(super) fn parse(text: &str) -> Result<(&str, Signature), SignatureError> {
    Parser { text, at: 0 }.prototype()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn prototype(mut self) -> Result<(&'a str, Signature), SignatureError> {
        let (base, _) = self.base()?;
        let (stars, _) = self.stars();
        let result = self.result(base, stars)?;
        let name = self.name().ok_or_else(|| self.error("expected the name of the function"))?;
        self.expect("(")?;
        let mut signature = Signature::new().returns(result);
        let mut read: Vec<Read<'a>> = Vec::new();
        if !self.eat("void)") && !self.eat(")") {
            loop {
                if self.eat("...") {
                    signature = signature.variadic();
                    self.expect(")")?;
                    break;
                }
                let param = self.param()?;
                read.push(param);
                if read.len() > MAX_PARAMS {
                    return Err(self.error("more than five parameters, which is all that a BPF call passes"));
                }
                if !self.eat(",") {
                    self.expect(")")?;
                    break;
                }
            }
        }
        self.eat(";");
        self.skip_space();
        if self.at < self.text.len() {
            return Err(self.error("expected the end of the prototype"));
        }
        for param in &read {
            signature = signature.param(self.with_extent(param, &read)?);
        }
        match signature.bad_extent() {
            None => Ok((name, signature)),
            Some(index) => Err(self.error(format!("the length of argument {} is no integer", index + 1))),
        }
    }

    fn result(&self, base: Base, stars: u32) -> Result<Value, SignatureError> {
        if stars > 0 {
            return Ok(Value::Ptr);
        }
        match base {
            Base::Int(value) => Ok(value),
            Base::Char => Ok(Value::I8),
            Base::Void => Ok(Value::Void),
            Base::Handle => Ok(Value::U64),
            Base::Other => Err(self.error("a result that is neither an integer nor a pointer")),
        }
    }

    fn param(&mut self) -> Result<Read<'a>, SignatureError> {
        let (base, mut constant) = self.base()?;
        let (stars, nullable) = self.stars();
        if self.eat("(") {
            // A pointer to a function: `int (*cmp)(const void *, const void *)`.
            self.expect("*")?;
            let name = self.name().unwrap_or_default();
            self.expect(")")?;
            self.expect("(")?;
            self.skip_parens()?;
            return Ok(Read { param: Param::Func, name, length: None });
        }
        let name = self.name().unwrap_or_default();
        if stars > 1 {
            // What a pointer to pointers points to can be written, whatever is const behind it.
            constant = false;
        }
        let mut length = None;
        if self.eat("[") {
            let start = self.at;
            let mut factors = vec![self.factor()?];
            while self.eat("*") {
                factors.push(self.factor()?);
            }
            self.expect("]")?;
            let size = if stars > 1 { Some(8) } else { base.size() };
            length = Some((factors, start, size));
            if stars == 0 {
                return Err(self.error("a length behind what is no pointer; write the star: 'char *p[n]'"));
            }
        }
        let param = match base {
            _ if stars > 0 => {
                let access = if constant { Access::Read } else { Access::Write };
                let is_text = stars == 1 && base == Base::Char && constant && length.is_none();
                let extent = if is_text { Extent::CStr } else { Extent::Unknown };
                Param::Pointer { access, extent, nullable }
            }
            Base::Int(value) => Param::Int(value),
            Base::Char => Param::Int(Value::I8),
            Base::Handle => Param::Handle,
            Base::Void | Base::Other => {
                return Err(self.error("a parameter that is neither an integer nor a pointer"));
            }
        };
        Ok(Read { param, name, length })
    }

    /// The parameter with its length, now that all names are known.
    fn with_extent(&self, read: &Read<'a>, all: &[Read<'a>]) -> Result<Param, SignatureError> {
        let Param::Pointer { access, nullable, .. } = read.param else { return Ok(read.param) };
        let Some((factors, at, size)) = &read.length else { return Ok(read.param) };
        let fail = |reason: String| SignatureError { text: self.text.to_owned(), at: *at, reason };
        let size =
            size.ok_or_else(|| fail("the size of an element is unknown; use 'void *' and bytes".to_owned()))?;
        let mut bytes = size;
        let mut args: Vec<u8> = Vec::new();
        for factor in factors {
            if let Ok(number) = factor.parse::<u64>() {
                bytes =
                    bytes.checked_mul(number).ok_or_else(|| fail("the length is too large".to_owned()))?;
            } else {
                let named = (0..).zip(all).find(|(_, other)| other.name == *factor);
                args.push(named.ok_or_else(|| fail(format!("no parameter is called '{factor}'")))?.0);
            }
        }
        let extent = match (args.as_slice(), bytes) {
            ([], bytes) => Extent::Bytes(bytes),
            (&[arg], 1) => Extent::Arg(arg),
            (&[count], size) => Extent::Elements { count, size },
            (&[a, b], 1) => Extent::Product(a, b),
            _ => return Err(fail("a product of more than two parameters".to_owned())),
        };
        Ok(Param::Pointer { access, extent, nullable })
    }

    /// The words of a type, and whether `const` is among them.
    fn base(&mut self) -> Result<(Base, bool), SignatureError> {
        let mut constant = false;
        let (mut unsigned, mut signed, mut longs, mut short) = (false, false, 0, false);
        let mut base = None;
        loop {
            let before = self.at;
            let Some(word) = self.name() else { break };
            match word {
                "const" => constant = true,
                "volatile" | "restrict" | "__restrict" | "extern" | "static" | "inline" | "register" => {}
                "unsigned" => unsigned = true,
                "signed" => signed = true,
                "long" => longs += 1,
                "short" => short = true,
                "float" | "double" => {
                    self.at = before;
                    return Err(self.error("floating point, which BPF cannot pass"));
                }
                _ if base.is_some()
                    || (longs > 0 || short || unsigned || signed) && !matches!(word, "int" | "char") =>
                {
                    // The name of what is declared.
                    self.at = before;
                    break;
                }
                "int" => base = Some(Base::Int(Value::I32)),
                "char" => base = Some(Base::Char),
                "void" => base = Some(Base::Void),
                "handle" => base = Some(Base::Handle),
                "enum" => {
                    self.name();
                    base = Some(Base::Int(Value::U32));
                }
                "struct" | "union" => {
                    self.name();
                    base = Some(Base::Other);
                }
                _ => {
                    let int = INTS.iter().find(|(name, _)| *name == word);
                    base = Some(int.map_or(Base::Other, |(_, value)| Base::Int(*value)));
                }
            }
        }
        let base = match base {
            Some(Base::Char) if unsigned => Base::Int(Value::U8),
            Some(Base::Char) if signed => Base::Int(Value::I8),
            None | Some(Base::Int(Value::I32)) if longs > 0 || short || unsigned || signed => {
                let size = if short {
                    2
                } else if longs > 0 {
                    8
                } else {
                    4
                };
                Value::int(size, !unsigned).map_or(Base::Other, Base::Int)
            }
            Some(base) => base,
            None => return Err(self.error("expected a type")),
        };
        Ok((base, constant))
    }

    /// The stars behind a type with their qualifiers: how many, and whether `_Nullable` is among them.
    fn stars(&mut self) -> (u32, bool) {
        let (mut stars, mut nullable) = (0, false);
        loop {
            let before = self.at;
            if self.eat("*") {
                stars += 1;
                continue;
            }
            match self.name() {
                Some("const" | "volatile" | "restrict" | "__restrict" | "_Nonnull") => {}
                Some("_Nullable") => nullable = true,
                _ => {
                    self.at = before;
                    return (stars, nullable);
                }
            }
        }
    }

    fn factor(&mut self) -> Result<&'a str, SignatureError> {
        self.word().ok_or_else(|| self.error("expected a number or the name of a parameter"))
    }

    fn skip_parens(&mut self) -> Result<(), SignatureError> {
        let mut open = 1;
        while let Some(c) = self.text[self.at..].chars().next() {
            self.at += c.len_utf8();
            match c {
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            if open == 0 {
                return Ok(());
            }
        }
        Err(self.error("expected ')'"))
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
    }

    /// A name or a number.
    fn word(&mut self) -> Option<&'a str> {
        self.skip_space();
        let rest = &self.text[self.at..];
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += len;
        Some(&rest[..len]).filter(|word| !word.is_empty())
    }

    fn name(&mut self) -> Option<&'a str> {
        let before = self.at;
        let name = self.word().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit()));
        if name.is_none() {
            self.at = before;
        }
        name
    }

    fn eat(&mut self, what: &str) -> bool {
        self.skip_space();
        let found = self.text[self.at..].starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    fn expect(&mut self, what: &str) -> Result<(), SignatureError> {
        if self.eat(what) { Ok(()) } else { Err(self.error(format!("expected '{what}'"))) }
    }

    fn error(&self, reason: impl Into<String>) -> SignatureError {
        let rest = &self.text[self.at..];
        let at = self.text.len() - rest.trim_start().len();
        SignatureError { text: self.text.to_owned(), at, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Extent, Param, Signature, Value, parse};

    fn check(text: &str, name: &str, expected: Signature) {
        assert_eq!(parse(text), Ok((name, expected)), "{text}");
    }

    fn reads(extent: Extent) -> Param {
        Param::pointer(Access::Read, extent)
    }

    fn writes(extent: Extent) -> Param {
        Param::pointer(Access::Write, extent)
    }

    #[test]
    fn integers() {
        let f = |value| Signature::new().param(Param::Int(value)).returns(Value::I32);
        for (text, value) in [
            ("char", Value::I8),
            ("unsigned char", Value::U8),
            ("signed char", Value::I8),
            ("short", Value::I16),
            ("short int", Value::I16),
            ("unsigned short", Value::U16),
            ("unsigned", Value::U32),
            ("int unsigned", Value::U32),
            ("unsigned long", Value::U64),
            ("long long int", Value::I64),
            ("long unsigned int", Value::U64),
            ("_Bool", Value::Bool),
            ("const u16", Value::U16),
            ("uint8_t", Value::U8),
            ("pid_t", Value::I32),
            ("enum color", Value::U32),
        ] {
            check(&format!("int f({text} x)"), "f", f(value));
            check(&format!("extern int f({text});"), "f", f(value));
        }
        check("void f(void)", "f", Signature::new());
        check("void f()", "f", Signature::new());
        check("FILE *f(handle h)", "f", Signature::new().param(Param::Handle).returns(Value::Ptr));
    }

    #[test]
    fn pointers_with_lengths() {
        let size = Param::Int(Value::U64);
        let fread = Signature::new().param(writes(Extent::Product(1, 2))).param(size).param(size);
        let fread = fread.param(writes(Extent::Unknown)).returns(Value::U64);
        check("size_t fread(void *p[size * n], size_t size, size_t n, FILE *f)", "fread", fread);
        let strlen = Signature::new().param(reads(Extent::CStr)).returns(Value::U64);
        check("size_t strlen(const char *s)", "strlen", strlen);
        let sum = Signature::new()
            .param(reads(Extent::Elements { count: 1, size: 4 }))
            .param(Param::Int(Value::I32));
        check("long sum(const int *v[n], int n)", "sum", sum.returns(Value::I64));
        let clock = Signature::new().param(Param::Int(Value::I32)).param(writes(Extent::Bytes(16)));
        check("int clock_gettime(clockid_t id, struct timespec *t)", "clock_gettime", {
            Signature::new().param(Param::Int(Value::I32)).param(writes(Extent::Unknown)).returns(Value::I32)
        });
        check("int clock_gettime(clockid_t id, void *t[16])", "clock_gettime", clock.returns(Value::I32));
        let nullable = Param::Pointer { access: Access::Write, extent: Extent::Bytes(8), nullable: true };
        check(
            "time_t time(time_t *_Nullable t[1])",
            "time",
            Signature::new().param(nullable).returns(Value::I64),
        );
        let argv = Signature::new().param(writes(Extent::Elements { count: 1, size: 8 }));
        check("void f(const char **v[n], int n)", "f", argv.param(Param::Int(Value::I32)));
    }

    #[test]
    fn functions_and_variadics() {
        let size = Param::Int(Value::U64);
        let qsort =
            Signature::new().param(writes(Extent::Product(1, 2))).param(size).param(size).param(Param::Func);
        check(
            "void qsort(void *b[n * s], size_t n, size_t s, int (*cmp)(const void *, const void *))",
            "qsort",
            qsort,
        );
        let printf = Signature::new().param(reads(Extent::CStr)).variadic().returns(Value::I32);
        check("int printf(const char *restrict format, ...)", "printf", printf);
    }

    #[test]
    fn mistakes_are_explained() {
        let mut wrong = Vec::new();
        for (text, column, reason) in [
            ("", 1, "expected a type"),
            ("int (x)", 5, "expected the name"),
            ("int f", 6, "expected '('"),
            ("int f(int", 10, "expected ')'"),
            ("int f(int) x", 12, "expected the end"),
            ("double f(void)", 1, "floating point"),
            ("int f(float x)", 7, "floating point"),
            ("int f(struct s x)", 17, "neither an integer nor a pointer"),
            ("struct s f(void)", 10, "neither an integer nor a pointer"),
            ("int f(int a, int b, int c, int d, int e, int f)", 47, "more than five"),
            ("int f(char *p[n])", 15, "no parameter is called 'n'"),
            ("int f(char *p[q], char *q)", 27, "length of argument 1 is no integer"),
            ("int f(struct s *p[2])", 19, "size of an element is unknown"),
            ("int f(char p[2])", 16, "no pointer"),
            ("int f(char *p[9999999999 * 9999999999])", 15, "too large"),
            ("int f(char *p[", 15, "expected a number"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.reason.contains(reason), "{text}: {error}");
            wrong.extend((error.at + 1 != column).then(|| format!("{column}: {error}")));
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn any_text_is_read_or_refused() {
        let words =
            ["int ", "*", "(", ")", "[", "]", "n", "...", ",", "const ", "é", "9", " ", "struct ", ";"];
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::from("int f(");
            for _ in 0..8 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(words[usize::try_from(state >> 33).unwrap() % words.len()]);
            }
            let _ = parse(&text);
        }
    }
}
