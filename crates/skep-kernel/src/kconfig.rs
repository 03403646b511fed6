//! Values of the kernel's configuration: variables in `.kconfig`, which a program declares and the loader fills in.

use std::fs::{self, File};
use std::io::{self, Read};

use flate2::read::GzDecoder;
use skep_btf::{Btf, Int, IntEncoding, Type, TypeId};
use skep_object::image::Import;

/// What a variable can hold, by its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `y` or `n`.
    Bool,
    /// `y`, `n` or `m` as a character.
    Char,
    /// `enum libbpf_tristate`: `n`, `y` or `m` as 0, 1 or 2.
    Tristate,
    /// A number of that many bytes.
    Number { size: u32, signed: bool },
    /// Text of that many bytes, with a zero byte at its end.
    Text(u32),
}

/// A variable.
#[derive(Debug)]
struct Variable<'a> {
    index: usize,
    name: &'a str,
    weak: bool,
    shape: Shape,
}

/// The values, one after another, and where each stands.
#[derive(Debug, Default)]
pub(crate) struct Values {
    pub(crate) bytes: Vec<u8>,
    /// In the order in which they were asked for.
    pub(crate) places: Vec<u32>,
}

/// The values of variables; an error names one of them, and says what is wrong. Whether system calls have wrappers
/// (`__x64_sys_bpf`), the configuration does not say.
pub(crate) fn values(
    btf: &Btf,
    imports: &[&Import],
    has_syscall_wrapper: &dyn Fn() -> bool,
) -> Result<Values, (usize, String)> {
    let mut variables = Vec::with_capacity(imports.len());
    for (index, import) in imports.iter().enumerate() {
        let shape = shape(btf, import.ty).ok_or_else(|| {
            let expected = "bool, char, enum libbpf_tristate, an integer or an array of char";
            (index, format!("values of the kernel's configuration are not of its type, expected {expected}"))
        })?;
        variables.push(Variable { index, name: &import.name, weak: import.weak, shape });
    }
    let config = match variables.iter().any(|variable| variable.name.starts_with("CONFIG_")) {
        true => read().map_err(|error| error.to_string()),
        false => Ok(String::new()),
    };
    // The order in which libbpf lays them out.
    variables.sort_by_key(|variable| {
        (std::cmp::Reverse(variable.shape.align()), variable.shape.size(), variable.name)
    });
    let mut values = Values { bytes: Vec::new(), places: vec![0; imports.len()] };
    for variable in &variables {
        let fail = |problem| (variable.index, problem);
        let at = values.bytes.len().next_multiple_of(variable.shape.align());
        values.places[variable.index] =
            u32::try_from(at).map_err(|_| fail("there are too many".to_owned()))?;
        let bytes = match (text(variable, &config, has_syscall_wrapper).map_err(fail)?, variable.weak) {
            (Some(text), _) => variable.shape.encode(&text).map_err(fail)?,
            (None, true) => vec![0; variable.shape.size()],
            (None, false) => return Err(fail(not_there(variable.name))),
        };
        values.bytes.resize(at, 0);
        values.bytes.extend_from_slice(&bytes);
    }
    Ok(values)
}

fn not_there(name: &str) -> String {
    match name.starts_with("CONFIG_") {
        true => {
            "the kernel's configuration has no such value; declare it `__weak` to read 0 there".to_owned()
        }
        false => {
            let known = "LINUX_KERNEL_VERSION, LINUX_HAS_SYSCALL_WRAPPER and LINUX_HAS_BPF_COOKIE";
            format!("it is none of CONFIG_*, {known}")
        }
    }
}

/// What the configuration says about a variable; `None` if nothing.
fn text(
    variable: &Variable<'_>,
    config: &Result<String, String>,
    has_syscall_wrapper: &dyn Fn() -> bool,
) -> Result<Option<String>, String> {
    let yes = |is: bool| Some(if is { "y" } else { "n" }.to_owned());
    match variable.name {
        "LINUX_KERNEL_VERSION" => Ok(running().map(|version| version.to_string())),
        "LINUX_HAS_SYSCALL_WRAPPER" => Ok(yes(has_syscall_wrapper())),
        // Since Linux 5.15.
        "LINUX_HAS_BPF_COOKIE" => Ok(running().and_then(|version| yes(version >= 5 << 16 | 15 << 8))),
        name if name.starts_with("CONFIG_") => match config {
            Ok(config) => Ok(find(config, name).map(str::to_owned)),
            Err(_) if variable.weak => Ok(None),
            Err(error) => Err(format!("the kernel's configuration is not known: {error}")),
        },
        _ => Ok(None),
    }
}

/// The version of this kernel.
fn running() -> Option<u32> {
    version(&fs::read_to_string("/proc/sys/kernel/osrelease").ok()?)
}

/// `KERNEL_VERSION(6, 12, 3)` of `6.12.3-amd64`.
fn version(release: &str) -> Option<u32> {
    let end = release.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(release.len());
    let mut numbers = release[..end].split('.').map(str::parse);
    let mut number = || numbers.next().map_or(Some(0_u32), Result::ok);
    let (major, minor, patch) = (number()?, number()?, number()?);
    Some(major << 16 | minor << 8 | patch.min(255))
}

/// What stands behind `name=` in a configuration.
fn find<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    config.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// The configuration that the kernel was built with.
fn read() -> io::Result<String> {
    let mut text = String::new();
    if let Ok(file) = File::open("/proc/config.gz") {
        GzDecoder::new(file).read_to_string(&mut text)?;
        return Ok(text);
    }
    let release = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let path = format!("/boot/config-{}", release.trim());
    fs::read_to_string(&path)
        .map_err(|error| io::Error::new(error.kind(), format!("neither /proc/config.gz nor {path}: {error}")))
}

/// No configuration has longer texts, in bytes.
const LONGEST: u32 = 1 << 16;

fn shape(btf: &Btf, ty: Option<TypeId>) -> Option<Shape> {
    let Type::Var(var) = btf.ty(ty?) else { return None };
    let id = btf.resolve(var.ty)?;
    match btf.ty(id) {
        Type::Int(Int { size: 1, encoding: IntEncoding::Bool, .. }) => Some(Shape::Bool),
        Type::Int(Int { encoding: IntEncoding::Bool, .. }) => None,
        Type::Int(Int { size: 1, .. }) => Some(Shape::Char),
        Type::Int(Int { size: size @ (2 | 4 | 8), encoding, .. }) => {
            Some(Shape::Number { size, signed: encoding == IntEncoding::Signed })
        }
        Type::Enum(_) | Type::Enum64(_) if btf.name(id) == "libbpf_tristate" => Some(Shape::Tristate),
        Type::Array(array) if (1..=LONGEST).contains(&array.len) => match btf.resolved(array.elem) {
            Type::Int(Int { size: 1, .. }) => Some(Shape::Text(array.len)),
            _ => None,
        },
        _ => None,
    }
}

impl Shape {
    fn size(self) -> usize {
        match self {
            Shape::Bool | Shape::Char => 1,
            Shape::Tristate => 4,
            Shape::Number { size, .. } | Shape::Text(size) => usize::try_from(size).unwrap_or(0),
        }
    }

    fn align(self) -> usize {
        match self {
            Shape::Text(_) => 1,
            other => other.size(),
        }
    }

    /// The bytes of a value: `y`, `n`, `m`, a number, or text in double quotes.
    fn encode(self, text: &str) -> Result<Vec<u8>, String> {
        let fail =
            |expected: &str| Err(format!("the kernel's configuration says {text}, expected {expected}"));
        match (self, text) {
            (Shape::Bool, "y" | "n") => Ok(vec![u8::from(text == "y")]),
            (Shape::Bool, _) => fail("y or n for a bool"),
            (Shape::Char, "y" | "n" | "m") => Ok(text.as_bytes().to_vec()),
            (Shape::Tristate, "y" | "n" | "m") => {
                let value = match text {
                    "n" => 0_u32,
                    "y" => 1,
                    _ => 2,
                };
                Ok(value.to_ne_bytes().to_vec())
            }
            (Shape::Tristate, _) => fail("y, n or m"),
            (Shape::Text(size), _) => match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(text) => {
                    let size = usize::try_from(size).unwrap_or(0);
                    let mut bytes: Vec<u8> = text.bytes().take(size - 1).collect();
                    bytes.resize(size, 0);
                    Ok(bytes)
                }
                None => fail("text"),
            },
            (Shape::Char, _) => {
                number(text, 1, true).map_or_else(|| fail("y, n, m or a number of 8 bits"), Ok)
            }
            (Shape::Number { size, signed }, _) => {
                number(text, size, signed).map_or_else(|| fail(&format!("a number of {} bits", size * 8)), Ok)
            }
        }
    }
}

/// The bytes of a number, if it fits into that many.
fn number(text: &str, size: u32, signed: bool) -> Option<Vec<u8>> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None => i128::from(digits.parse::<u64>().ok()?),
    };
    let value = if negative { -value } else { value };
    let bits = size * 8;
    let range = if signed { -(1_i128 << (bits - 1))..1_i128 << (bits - 1) } else { 0..1_i128 << bits };
    if !range.contains(&value) {
        return None;
    }
    let bytes = value.to_le_bytes();
    let mut bytes = bytes[..usize::try_from(size).ok()?].to_vec();
    if cfg!(target_endian = "big") {
        bytes.reverse();
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Shape, find, version};

    #[test]
    fn releases_are_numbers() {
        for (release, expected) in [
            ("6.12.3-amd64\n", Some(0x060c03)),
            ("6.18\n", Some(0x061200)),
            ("5.10.300", Some(0x050aff)),
            ("6.1.0+", Some(0x060100)),
            ("x", None),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
    }

    #[test]
    fn values_are_encoded_by_type() {
        let signed = |size| Shape::Number { size, signed: true };
        let unsigned = |size| Shape::Number { size, signed: false };
        let check = |shape: Shape, text: &str, expected: Option<&[u8]>| {
            let mut expected = expected.map(<[u8]>::to_vec);
            if let (true, Shape::Number { .. } | Shape::Tristate, Some(bytes)) =
                (cfg!(target_endian = "big"), shape, &mut expected)
            {
                bytes.reverse();
            }
            assert_eq!(shape.encode(text).ok(), expected, "{shape:?} {text}");
        };
        check(Shape::Bool, "y", Some(&[1]));
        check(Shape::Bool, "n", Some(&[0]));
        check(Shape::Bool, "m", None);
        check(Shape::Char, "m", Some(b"m"));
        check(Shape::Char, "200", None);
        check(Shape::Tristate, "m", Some(&[2, 0, 0, 0]));
        check(Shape::Tristate, "3", None);
        check(signed(4), "-1", Some(&[0xff; 4]));
        check(unsigned(4), "-1", None);
        check(unsigned(4), "0xffffffff", Some(&[0xff; 4]));
        check(signed(4), "0xffffffff", None);
        check(unsigned(2), "250", Some(&[250, 0]));
        check(unsigned(8), "18446744073709551615", Some(&[0xff; 8]));
        check(unsigned(8), "18446744073709551616", None);
        check(Shape::Text(4), "\"ab\"", Some(b"ab\0\0"));
        check(Shape::Text(4), "\"abcdef\"", Some(b"abc\0"));
        check(Shape::Text(4), "y", None);
    }

    #[test]
    fn a_name_is_a_whole_one() {
        let config = "# CONFIG_A is not set\nCONFIG_AB=y\nCONFIG_A=\"x\"\n";
        assert_eq!(find(config, "CONFIG_A"), Some("\"x\""));
        assert_eq!(find(config, "CONFIG_AB"), Some("y"));
        assert_eq!(find(config, "CONFIG_ABC"), None);
    }
}
