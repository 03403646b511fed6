//! What BTF may call things.

use syn::ext::IdentExt;
use syn::{Error, Ident, LitStr, Result};

/// What the portable encoding holds; older kernels take 127.
const MAX_LEN: usize = 511;

/// The name that an attribute gives, or else the Rust name.
pub(crate) fn of(given: Option<&LitStr>, ident: &Ident) -> Result<String> {
    let (name, span) = match given {
        Some(name) => (name.value(), name.span()),
        None => (ident.unraw().to_string(), ident.span()),
    };
    if given.is_some() && name.is_empty() || is_valid(&name) {
        return Ok(name);
    }
    let remedy = if given.is_some() { "" } else { ": give it one by `#[bpf(name = \"..\")]`" };
    let message =
        format!("BPF names are at most {MAX_LEN} of A-Z, a-z, 0-9 and _, and start with none of 0-9{remedy}");
    Err(Error::new(span, message))
}

fn is_valid(name: &str) -> bool {
    name.len() <= MAX_LEN
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
