//! Formats text: the directives of C's `printf` for integers, characters, strings and pointers, and those of the kernel.

use crate::error::TrapKind;

/// Whose rules hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Those of `printf`.
    C,
    /// Those of `bpf_trace_printk` and `bpf_snprintf`: no precision, no `#`; more pointers.
    Kernel,
}

/// Why nothing was formatted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The format is wrong, or does not fit the arguments.
    Format(String),
    /// A string could not be read.
    Trap(TrapKind),
}

/// No directive makes more bytes of padding: an error in a program must not fill the memory.
const MAX_WIDTH: usize = 1 << 16;

/// No text is longer, for the same reason.
pub(super) const MAX_TEXT: usize = 16 << 20;

/// A directive, `%-08.3lld`.
#[derive(Clone, Copy, Debug, Default)]
struct Directive {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    /// Bytes of an integer.
    size: u32,
}

/// Formats `args`; `string` reads at most so many bytes of the C string at an address.
pub(super) fn format(
    style: Style,
    text: &[u8],
    args: &[u64],
    string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
) -> Result<Vec<u8>, Failure> {
    Formatter { style, text, at: 0, args, used: 0, out: Vec::new() }.run(string)
}

struct Formatter<'a> {
    style: Style,
    text: &'a [u8],
    at: usize,
    args: &'a [u64],
    used: usize,
    out: Vec<u8>,
}

impl Formatter<'_> {
    fn run(
        mut self,
        string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
    ) -> Result<Vec<u8>, Failure> {
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            if byte == b'%' {
                let start = self.at - 1;
                self.directive(string)?;
                if self.out.len() > MAX_TEXT {
                    return self.wrong(start, "the text becomes longer than 16 MiB");
                }
            } else {
                self.out.push(byte);
            }
        }
        Ok(self.out)
    }

    fn directive(
        &mut self,
        string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
    ) -> Result<(), Failure> {
        let start = self.at - 1;
        if self.eat(b'%') {
            self.out.push(b'%');
            return Ok(());
        }
        let mut directive = self.flags_and_width(start)?;
        self.length_modifier(&mut directive);
        let Some(conversion) = self.next() else {
            return self.wrong(start, "the format ends inside of it");
        };
        match conversion {
            b'd' | b'i' => {
                let bits = 8 * directive.size;
                let value = self.arg(start)? << (64 - bits);
                let value = value.cast_signed() >> (64 - bits);
                let sign = match (value < 0, directive.plus, directive.space) {
                    (true, ..) => "-",
                    (_, true, _) => "+",
                    (_, _, true) => " ",
                    _ => "",
                };
                self.number(directive, sign, &value.unsigned_abs().to_string());
            }
            b'u' | b'o' | b'x' | b'X' => {
                if conversion == b'o' && self.style == Style::Kernel {
                    return self.wrong(start, "the kernel has no such conversion");
                }
                let value = self.arg(start)? & (u64::MAX >> (64 - 8 * directive.size));
                let (prefix, digits) = match conversion {
                    b'o' => ("0", format!("{value:o}")),
                    b'x' => ("0x", format!("{value:x}")),
                    b'X' => ("0X", format!("{value:X}")),
                    _ => ("", value.to_string()),
                };
                self.unsigned(directive, prefix, digits, value);
            }
            b'c' => {
                let [byte, ..] = self.arg(start)?.to_le_bytes();
                self.pad(directive, &[byte]);
            }
            b's' => self.string(directive, start, string)?,
            b'p' => self.pointer(directive, start, string)?,
            b'e' | b'f' | b'g' | b'a' | b'E' | b'F' | b'G' | b'A' => {
                return self.wrong(start, "BPF has no floating point");
            }
            b'n' => return self.wrong(start, "writing through a format is refused"),
            _ => return self.wrong(start, "there is no such conversion"),
        }
        Ok(())
    }

    fn flags_and_width(&mut self, start: usize) -> Result<Directive, Failure> {
        let mut directive = Directive { size: 4, ..Directive::default() };
        let c_only = |formatter: &Self| match formatter.style {
            Style::C => Ok(()),
            Style::Kernel => formatter.wrong(start, "the kernel knows no '#', '*', and precision"),
        };
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'-' => directive.left = true,
                b'+' => directive.plus = true,
                b' ' => directive.space = true,
                b'0' => directive.zero = true,
                b'#' => {
                    c_only(self)?;
                    directive.alternate = true;
                }
                // Grouping, which the C locale does not do.
                b'\'' => c_only(self)?,
                _ => break,
            }
            self.at += 1;
        }
        if self.eat(b'*') {
            c_only(self)?;
            let width = self.int_arg(start)?;
            directive.left |= width < 0;
            directive.width = self.limited(start, usize::try_from(width.unsigned_abs()).ok())?;
        } else {
            let width = self.digits();
            directive.width = self.limited(start, width)?;
        }
        if self.eat(b'.') {
            c_only(self)?;
            directive.precision = if self.eat(b'*') {
                // A negative one is as none.
                match usize::try_from(self.int_arg(start)?) {
                    Ok(precision) => Some(self.limited(start, Some(precision))?),
                    Err(_) => None,
                }
            } else {
                let precision = self.digits();
                Some(self.limited(start, precision)?)
            };
        }
        Ok(directive)
    }

    fn length_modifier(&mut self, directive: &mut Directive) {
        if self.style == Style::C && self.eat(b'h') {
            directive.size = if self.eat(b'h') { 1 } else { 2 };
        } else if self.eat(b'l') {
            self.eat(b'l');
            directive.size = 8;
        } else if self.style == Style::C && b"jztqL".iter().any(|&byte| self.eat(byte)) {
            directive.size = 8;
        }
    }

    fn string(
        &mut self,
        directive: Directive,
        start: usize,
        string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
    ) -> Result<(), Failure> {
        let addr = self.arg(start)?;
        let max = directive.precision.unwrap_or(usize::MAX);
        let bytes = match addr {
            // As glibc does.
            0 if self.style == Style::C => {
                if max < 6 {
                    Vec::new()
                } else {
                    b"(null)".to_vec()
                }
            }
            _ => string(addr, max).map_err(Failure::Trap)?,
        };
        self.pad(directive, &bytes);
        Ok(())
    }

    fn pointer(
        &mut self,
        directive: Directive,
        start: usize,
        string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
    ) -> Result<(), Failure> {
        if self.style == Style::C {
            let value = self.arg(start)?;
            if value == 0 {
                self.pad(directive, b"(nil)");
            } else {
                self.unsigned(Directive { alternate: true, ..directive }, "0x", format!("{value:x}"), value);
            }
            return Ok(());
        }
        let rest = &self.text[self.at..];
        if rest.starts_with(b"ks") || rest.starts_with(b"us") {
            self.at += 2;
            return self.string(directive, start, string);
        }
        if let [kind @ (b'i' | b'I'), version @ (b'4' | b'6'), ..] = *rest {
            self.at += 2;
            let text = self.address(kind, version, start, string)?;
            self.pad(directive, text.as_bytes());
            return Ok(());
        }
        match rest.first() {
            Some(b'K' | b'x') => self.at += 1,
            Some(next) if next.is_ascii_alphanumeric() => {
                return self
                    .wrong(start, "of the kernel's pointers there are %p, %px, %pK, %pks, %pus, %pi4, %pi6");
            }
            _ => {}
        }
        let text = format!("{:016x}", self.arg(start)?);
        self.pad(directive, text.as_bytes());
        Ok(())
    }

    /// `%pI4` `1.2.3.4`, `%pi4` `001.002.003.004`, `%pI6` and `%pi6` with and without colons.
    fn address(
        &mut self,
        kind: u8,
        version: u8,
        start: usize,
        string: &mut dyn FnMut(u64, usize) -> Result<Vec<u8>, TrapKind>,
    ) -> Result<String, Failure> {
        let addr = self.arg(start)?;
        let len = if version == b'4' { 4 } else { 16 };
        let mut bytes = Vec::new();
        while bytes.len() < len {
            // NULs are bytes of an address like others.
            let more =
                string(addr.wrapping_add(bytes.len() as u64), len - bytes.len()).map_err(Failure::Trap)?;
            bytes.extend_from_slice(&more);
            if bytes.len() < len {
                bytes.push(0);
            }
        }
        let parts: Vec<String> = match (version, kind) {
            (b'4', b'I') => bytes.iter().map(u8::to_string).collect(),
            (b'4', _) => bytes.iter().map(|byte| format!("{byte:03}")).collect(),
            _ => bytes.chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1])).collect(),
        };
        Ok(parts.join(match (version, kind) {
            (b'4', _) => ".",
            (_, b'I') => ":",
            _ => "",
        }))
    }

    fn unsigned(&mut self, directive: Directive, prefix: &str, digits: String, value: u64) {
        let octal = prefix == "0";
        let prefix = if directive.alternate && value != 0 && !octal { prefix } else { "" };
        let mut directive = directive;
        if octal && directive.alternate {
            // The zero counts as a digit.
            let needed = if value == 0 { 1 } else { digits.len() + 1 };
            if directive.precision.is_some_and(|precision| precision < needed) || value != 0 {
                let precision = directive.precision.unwrap_or(0).max(needed);
                if directive.precision.is_some() {
                    directive.precision = Some(precision);
                } else {
                    self.number(directive, prefix, &format!("0{digits}"));
                    return;
                }
            }
        }
        self.number(directive, prefix, &digits);
    }

    /// A number of sign or prefix, zeros and digits.
    fn number(&mut self, directive: Directive, sign: &str, digits: &str) {
        let digits = if directive.precision == Some(0) && digits == "0" { "" } else { digits };
        let len = sign.len() + digits.len();
        let zeros = match directive.precision {
            Some(precision) => precision.saturating_sub(digits.len()),
            None if directive.zero && !directive.left => directive.width.saturating_sub(len),
            None => 0,
        };
        let mut text = Vec::with_capacity(len + zeros);
        text.extend_from_slice(sign.as_bytes());
        text.resize(sign.len() + zeros, b'0');
        text.extend_from_slice(digits.as_bytes());
        self.pad(directive, &text);
    }

    fn pad(&mut self, directive: Directive, text: &[u8]) {
        let spaces = directive.width.saturating_sub(text.len());
        let end = self.out.len() + spaces;
        if !directive.left {
            self.out.resize(end, b' ');
        }
        self.out.extend_from_slice(text);
        if directive.left {
            self.out.resize(end + text.len(), b' ');
        }
    }

    fn arg(&mut self, start: usize) -> Result<u64, Failure> {
        let Some(&arg) = self.args.get(self.used) else {
            return self.wrong(start, &format!("there are {} arguments only", self.args.len()));
        };
        self.used += 1;
        Ok(arg)
    }

    /// An `int` for `*`.
    fn int_arg(&mut self, start: usize) -> Result<i32, Failure> {
        Ok(super::low(self.arg(start)?).cast_signed())
    }

    fn limited(&self, start: usize, width: Option<usize>) -> Result<usize, Failure> {
        match width {
            Some(width) if width <= MAX_WIDTH => Ok(width),
            _ => self.wrong(start, &format!("width and precision are {MAX_WIDTH} at most")),
        }
    }

    /// A decimal number, 0 if there is none; `None` if it is too large to count.
    fn digits(&mut self) -> Option<usize> {
        let mut value = Some(0_usize);
        while let Some(digit) = self.text.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let digit = usize::from(digit - b'0');
            value = value.and_then(|value| value.checked_mul(10)?.checked_add(digit));
            self.at += 1;
        }
        value
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.text.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn wrong<T>(&self, start: usize, reason: &str) -> Result<T, Failure> {
        let directive = String::from_utf8_lossy(&self.text[start..self.at]);
        Err(Failure::Format(format!("directive '{directive}' at byte {start} of the format: {reason}")))
    }
}

#[cfg(test)]
#[expect(unsafe_code, reason = "compares with the C library")]
mod tests {
    use std::ffi::{CStr, CString};

    use super::{Failure, Style, TrapKind, format};

    /// Strings by their index.
    const STRINGS: [&CStr; 3] = [c"", c"word", c"a longer string of words"];

    fn read(addr: u64, max: usize) -> Result<Vec<u8>, TrapKind> {
        match STRINGS.iter().find(|string| string.as_ptr().addr() as u64 == addr) {
            Some(string) => Ok(string.to_bytes().iter().copied().take(max).collect()),
            None => Err(TrapKind::Stopped),
        }
    }

    fn ours(style: Style, text: &str, args: &[u64]) -> Result<String, Failure> {
        let out = format(style, text.as_bytes(), args, &mut read)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn of_c(text: &str, a: u64, b: u64, c: u64) -> String {
        let text = CString::new(text).unwrap();
        let mut out = [0_u8; 512];
        // SAFETY: the formats below use three arguments at most, and strings only where one is passed.
        let len = unsafe { libc::snprintf(out.as_mut_ptr().cast(), out.len(), text.as_ptr(), a, b, c) };
        String::from_utf8_lossy(&out[..usize::try_from(len).unwrap()]).into_owned()
    }

    #[test]
    fn formats_as_the_c_library_does() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut random = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % limit as u64).unwrap()
        };
        let values = [
            0,
            1,
            7,
            8,
            9,
            255,
            0x8000,
            0xffff,
            0x7fff_ffff,
            0x8000_0000,
            0xffff_ffff,
            0x1_0000_0000,
            1 << 63,
            u64::MAX,
            u64::MAX - 41,
            0x1234_5678_9abc_def0,
        ];
        for _ in 0..30_000 {
            let conversion = b"diuoxXcsp"[random(9)];
            let mut text = String::from("<%");
            for flag in ['-', '+', ' ', '#', '0'] {
                // What other flags do to strings, characters and pointers is not defined.
                if random(4) == 0 && (flag == '-' || !b"csp".contains(&conversion)) {
                    text.push(flag);
                }
            }
            let mut args = Vec::new();
            let small = |n: usize| (n as u64).wrapping_sub(8);
            match random(4) {
                0 => text.push_str(&random(20).to_string()),
                1 => {
                    text.push('*');
                    args.push(small(random(24)));
                }
                _ => {}
            }
            match random(4) {
                _ if b"cp".contains(&conversion) => {}
                0 => text.push_str(&format!(".{}", random(20))),
                1 => text.push('.'),
                2 => {
                    text.push_str(".*");
                    args.push(small(random(24)));
                }
                _ => {}
            }
            if !b"csp".contains(&conversion) {
                text.push_str(["", "hh", "h", "l", "ll", "j", "z", "t"][random(8)]);
            }
            text.push(char::from(conversion));
            text.push('>');
            args.push(match conversion {
                b's' => STRINGS[random(3)].as_ptr().expose_provenance() as u64,
                b'c' => 33 + random(90) as u64,
                _ => values[random(values.len())],
            });
            let all: Vec<u64> = args.iter().copied().chain([0; 3]).collect();
            assert_eq!(
                ours(Style::C, &text, &args),
                Ok(of_c(&text, all[0], all[1], all[2])),
                "{text} {args:x?}"
            );
        }
    }

    #[test]
    fn nulls_and_percents() {
        assert_eq!(ours(Style::C, "100%% %s %.3s|%p", &[0, 0, 0]), Ok("100% (null) |(nil)".to_owned()));
    }

    #[test]
    fn the_kernel_has_its_own_directives() {
        let check = |text: &str, args: &[u64], expected: &str| {
            assert_eq!(ours(Style::Kernel, text, args), Ok(expected.to_owned()), "{text}");
        };
        let word = STRINGS[1].as_ptr().expose_provenance() as u64;
        check(
            "%d %u %5lld|%-4x|%08lx",
            &[u64::MAX, u64::MAX, 7, 10, 255],
            "-1 4294967295     7|a   |000000ff",
        );
        check("%s %pks %pus", &[word, word, word], "word word word");
        check("%p %px %pK.", &[1, 0x1234, 0], "0000000000000001 0000000000001234 0000000000000000.");
        check("%pI4 %pi4", &[word, word], "119.111.114.100 119.111.114.100");
        for text in ["%.3d", "%#x", "%*d", "%hd", "%o", "%zd", "%pB", "%"] {
            assert!(matches!(ours(Style::Kernel, text, &[1, 1]), Err(Failure::Format(_))), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        let check = |text: &str, args: &[u64], expected: &str| {
            assert_eq!(ours(Style::C, text, args), Err(Failure::Format(expected.to_owned())));
        };
        check("a%d%d", &[1], "directive '%d' at byte 3 of the format: there are 1 arguments only");
        check("%f", &[1], "directive '%f' at byte 0 of the format: BPF has no floating point");
        check("%n", &[1], "directive '%n' at byte 0 of the format: writing through a format is refused");
        check("%y", &[1], "directive '%y' at byte 0 of the format: there is no such conversion");
        check("%-", &[1], "directive '%-' at byte 0 of the format: the format ends inside of it");
        check(
            "%99999999999999999999d",
            &[1],
            "directive '%99999999999999999999' at byte 0 of the format: width and precision are 65536 at most",
        );
        assert_eq!(ours(Style::C, "%s", &[8]), Err(Failure::Trap(TrapKind::Stopped)));
    }

    #[test]
    fn any_format_ends() {
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..10 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push(char::from(
                    b"%%%-+ #0*.1599hlzdiuxXoscpIKn46"[usize::try_from(state >> 40).unwrap() % 31],
                ));
            }
            let _ = ours(Style::C, &text, &[1, 2, 3]);
            let _ = ours(Style::Kernel, &text, &[1, 2, 3]);
        }
    }
}
