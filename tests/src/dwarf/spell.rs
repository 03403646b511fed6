//! How a Rust name is spelled in BTF.

/// Each token and its spelling. Tokens of two characters come first.
const TOKENS: [(&str, &str); 30] = [
    ("::", "__"),
    (", ", "_c_"),
    ("->", "_r_"),
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
];

/// The spelling of a path, not shortened.
#[must_use]
pub fn path(name: &str) -> String {
    let plain = spell(name, false);
    let spelled = if unspell(&plain) == name { plain } else { spell(name, true) };
    if spelled.starts_with(|c: char| c.is_ascii_digit()) { format!("_{spelled}") } else { spelled }
}

/// The spelling of a member or enumerator: only what is no identifier is changed.
#[must_use]
pub fn member(name: &str) -> String {
    if name.is_empty() || is_identifier(name) { name.to_owned() } else { path(name) }
}

/// Whether C could have that name.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What a spelling stands for.
#[must_use]
pub fn unspell(spelling: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < spelling.len() {
        let rest = &spelling[at..];
        let (text, len) = code(rest).unwrap_or_else(|| {
            let first = rest.chars().next().unwrap_or_default();
            (first.to_string(), first.len_utf8())
        });
        out += &text;
        at += len;
    }
    out
}

fn code(rest: &str) -> Option<(String, usize)> {
    if let Some(digits) = rest.strip_prefix("_x")
        && let Some(end) = digits.find('_').filter(|&end| end > 0)
        && let Some(c) = u32::from_str_radix(&digits[..end], 16).ok().and_then(char::from_u32)
    {
        return Some((c.to_string(), end + 3));
    }
    if rest.starts_with("_U_") {
        return Some(("_".to_owned(), 3));
    }
    let mut found: Option<(&str, &str)> = None;
    for (token, code) in TOKENS {
        if rest.starts_with(code) && found.is_none_or(|(_, longest)| code.len() > longest.len()) {
            found = Some((token, code));
        }
    }
    found.map(|(token, code)| (token.to_owned(), code.len()))
}

fn spell(name: &str, every_underscore: bool) -> String {
    let mut out = String::new();
    let mut rest = name;
    'next: while let Some(c) = rest.chars().next() {
        for (token, code) in TOKENS {
            if let Some(after) = rest.strip_prefix(token) {
                out += code;
                rest = after;
                continue 'next;
            }
        }
        match c {
            '_' if every_underscore => out += "_U_",
            '_' => out.push('_'),
            c if c.is_ascii_alphanumeric() => out.push(c),
            c => out += &format!("_x{:x}_", u32::from(c)),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_table() {
        for (name, spelling) in [
            ("task_struct", "task_struct"),
            ("a::S", "a__S"),
            ("(u8, u32)", "_T_u8_c_u32_t_"),
            ("my__x", "my_U__U_x"),
            ("größe", "gr_xf6__xdf_e"),
            ("core::option::Option<&str>", "core__option__Option_L__R_str_G_"),
            (
                "<usize as core::fmt::Debug>::{vtable_type}",
                "_L_usize_s_as_s_core__fmt__Debug_G____B_vtable_type_b_",
            ),
        ] {
            assert_eq!(path(name), spelling);
            assert_eq!(unspell(spelling), name);
        }
        assert_eq!(path("0"), "_0");
        assert_eq!(member("__0"), "__0");
    }
}
