//! Names that the kernel takes, from names of any language, and back.
//!
//! The kernel's identifiers are letters, digits, `_` and `.`, at most 511 of them, and begin with no digit. A Rust path
//! such as `core::option::Option<&str>` is none. [`encode`] spells it `core__option__Option_L__R_str_G_`, which
//! [`decode`] turns back. To add a spelling: a row in `CODES`.

use std::borrow::Cow;

/// The longest identifier that the kernel takes, in bytes.
const LIMIT: usize = 511;

/// What is spelled how. Those of two characters come first.
const CODES: [(&str, &str); 36] = [
    ("::", "__"),
    ("->", "_r_"),
    (", ", "_c_"),
    ("<", "_L_"),
    (">", "_G_"),
    ("&", "_R_"),
    ("*", "_P_"),
    ("(", "_T_"),
    (")", "_t_"),
    ("[", "_A_"),
    ("]", "_a_"),
    ("{", "_B_"),
    ("}", "_b_"),
    (",", "_k_"),
    (" ", "_s_"),
    ("#", "_h_"),
    (";", "_n_"),
    ("'", "_q_"),
    ("\"", "_d_"),
    ("+", "_p_"),
    ("-", "_m_"),
    ("!", "_N_"),
    ("=", "_e_"),
    (".", "_o_"),
    (":", "_v_"),
    ("/", "_l_"),
    ("?", "_y_"),
    ("$", "_D_"),
    ("@", "_at_"),
    ("|", "_or_"),
    ("%", "_pc_"),
    ("^", "_x5e_"),
    ("~", "_x7e_"),
    ("\\", "_x5c_"),
    ("`", "_x60_"),
    ("\t", "_x9_"),
];

/// The name if the kernel takes it as an identifier, else its spelling: see [`encode`].
///
/// ```
/// assert_eq!(skep_btf::mangle("task_struct"), "task_struct");
/// assert_eq!(skep_btf::mangle("my::Event"), "my__Event");
/// ```
#[must_use]
pub fn mangle(name: &str) -> Cow<'_, str> {
    if is_identifier(name) { Cow::Borrowed(name) } else { Cow::Owned(encode(name)) }
}

/// Whether the kernel takes a name as that of a type, member, function or variable.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'.'));
    first && name.len() <= LIMIT && bytes.all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.'))
}

/// The spelling of a name: an identifier that [`decode`] turns back, unless it is longer than 511 bytes or begins with
/// a digit. One that is too long ends with a hash of the whole name; a leading digit gets `_` in front.
#[must_use]
pub fn encode(name: &str) -> String {
    let mut out = spell(name, false);
    if decode(&out) != name {
        out = spell(name, true);
    }
    if out.starts_with(|c: char| c.is_ascii_digit()) {
        out.insert(0, '_');
    }
    shorten(&mut out, name, LIMIT);
    out
}

/// Gives the spelling of a name a hash of the whole name for an end, if it is longer than `limit` bytes.
pub(crate) fn shorten(out: &mut String, name: &str, limit: usize) {
    if out.len() > limit {
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        out.truncate(out.floor_char_boundary(limit.saturating_sub(18)));
        out.push_str(&format!("_H{hash:016x}"));
    }
}

/// The name that a spelling stands for.
#[must_use]
pub fn decode(spelling: &str) -> String {
    let mut out = String::with_capacity(spelling.len());
    let mut rest = spelling;
    while let Some(c) = rest.chars().next() {
        if c == '_'
            && let Some((found, len)) = code_at(rest)
        {
            out.push_str(&found);
            rest = &rest[len..];
            continue;
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    out
}

fn spell(name: &str, all: bool) -> String {
    let mut out = String::with_capacity(name.len() + name.len() / 4);
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        let len = if c.is_ascii_alphanumeric() || (c == '_' && !all) {
            out.push(c);
            1
        } else if let Some((what, code)) = CODES.iter().find(|(what, _)| rest.starts_with(what)) {
            out.push_str(code);
            what.len()
        } else if c == '_' {
            out.push_str("_U_");
            1
        } else {
            out.push_str(&format!("_x{:x}_", u32::from(c)));
            c.len_utf8()
        };
        rest = &rest[len..];
    }
    out
}

/// What the code at the start of a text stands for, and its length.
fn code_at(text: &str) -> Option<(Cow<'static, str>, usize)> {
    if let Some(rest) = text.strip_prefix("_x")
        && let Some(len) = rest.find('_').filter(|len| (1..=6).contains(len))
        && let Ok(number) = u32::from_str_radix(&rest[..len], 16)
        && let Some(c) = char::from_u32(number)
    {
        return Some((c.to_string().into(), len + 3));
    }
    if text.starts_with("_U_") {
        return Some(("_".into(), 3));
    }
    let codes = CODES.iter().filter(|(_, code)| text.starts_with(code));
    codes.max_by_key(|(_, code)| code.len()).map(|(what, code)| ((*what).into(), code.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let names = [
            "<usize as core::fmt::Debug>::{vtable_type}",
            "core::option::Option<&[core::fmt::rt::Placeholder]>",
            "my__x",
            "_L_",
            "a_::_b",
            "Größe",
            "fn(i32, u8) -> [u8; 4]",
            "a\\b^c~%d",
            "_x41_",
            "__",
        ];
        for name in names {
            let spelling = encode(name);
            assert!(is_identifier(&spelling), "{name} -> {spelling}");
            assert_eq!(decode(&spelling), name, "{spelling}");
        }
    }

    #[test]
    fn the_kernel_takes_every_spelling() {
        assert_eq!(
            encode("<usize as core::fmt::Debug>::{vtable_type}"),
            "_L_usize_s_as_s_core__fmt__Debug_G____B_vtable_type_b_"
        );
        assert_eq!(encode("0"), "_0");
        assert!(is_identifier(&encode(&"<>".repeat(400))));
        assert_ne!(encode(&"<>".repeat(400)), encode(&"<>".repeat(401)));
        assert_eq!(mangle("a.b_c"), "a.b_c");
        assert!(!is_identifier("") && !is_identifier("1a") && !is_identifier("a b"));
    }
}
