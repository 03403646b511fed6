//! What attributes say.

use proc_macro2::TokenStream;
use quote::quote;
use syn::meta::ParseNestedMeta;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Field, Ident, LitInt, LitStr, Path, Result, Token, parenthesized};

/// `#[bpf(..)]` on a type.
pub(crate) struct Options {
    /// Where the trait and its helpers are.
    pub(crate) krate: Path,
    pub(crate) name: Option<LitStr>,
    /// The fields of a union.
    pub(crate) union: Option<Punctuated<Field, Token![,]>>,
}

impl Options {
    pub(crate) fn read(attrs: &[Attribute]) -> Result<Options> {
        let mut options = Options { krate: syn::parse_quote!(::skep::btf), name: None, union: None };
        each(attrs, "`crate`, `name` or `union`", |key, meta| {
            match key {
                "crate" => options.krate = path(&meta.value()?.parse()?)?,
                "name" => options.name = Some(meta.value()?.parse()?),
                "union" => {
                    let fields;
                    parenthesized!(fields in meta.input);
                    options.union = Some(fields.parse_terminated(Field::parse_named, Token![,])?);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(options)
    }
}

/// The path in a literal. It is not in the literal's place: mistakes are seldom about it.
fn path(literal: &LitStr) -> Result<Path> {
    syn::parse_str(&literal.value()).map_err(|error| Error::new(literal.span(), error))
}

/// `#[bpf(..)]` on a field.
#[derive(Default)]
pub(crate) struct FieldOptions {
    pub(crate) name: Option<LitStr>,
    /// The width of a bit-field.
    pub(crate) bits: Option<(u8, LitInt)>,
    /// The name of the constant.
    pub(crate) token: Option<Ident>,
}

impl FieldOptions {
    pub(crate) fn read(attrs: &[Attribute]) -> Result<FieldOptions> {
        let mut options = FieldOptions::default();
        each(attrs, "`bits`, `name` or `token`", |key, meta| {
            match key {
                "name" => options.name = Some(meta.value()?.parse()?),
                "token" => options.token = Some(meta.value()?.parse()?),
                "bits" => {
                    let bits: LitInt = meta.value()?.parse()?;
                    let width = bits.base10_parse().ok().filter(|width| (1..=64).contains(width));
                    let width = width.ok_or_else(|| {
                        Error::new(
                            bits.span(),
                            "a bit-field has 1 to 64 bits; C's nameless ones are only padding",
                        )
                    })?;
                    options.bits = Some((width, bits));
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(options)
    }
}

/// `#[bpf(..)]` on a variant.
pub(crate) fn variant_name(attrs: &[Attribute]) -> Result<Option<LitStr>> {
    let mut name = None;
    each(attrs, "`name`", |key, meta| {
        if key == "name" {
            name = Some(meta.value()?.parse()?);
        }
        Ok(key == "name")
    })?;
    Ok(name)
}

/// Calls `read` with each item of each `#[bpf(..)]`; it returns whether it knows the key.
fn each(
    attrs: &[Attribute],
    known: &str,
    mut read: impl FnMut(&str, &ParseNestedMeta<'_>) -> Result<bool>,
) -> Result<()> {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("bpf")) {
        attr.parse_nested_meta(|meta| {
            let key = meta.path.get_ident().map(Ident::to_string).unwrap_or_default();
            if read(&key, &meta)? { Ok(()) } else { Err(meta.error(format!("expected {known}"))) }
        })?;
    }
    Ok(())
}

/// `#[repr(..)]`
pub(crate) struct Repr {
    pub(crate) layout: Layout,
    /// The integer of an enumeration.
    pub(crate) int: Option<Ident>,
    packed: Option<u32>,
    align: Option<u32>,
}

/// Who decides on the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Rust,
    C,
    Transparent,
}

impl Repr {
    pub(crate) fn read(attrs: &[Attribute]) -> Result<Repr> {
        let mut repr = Repr { layout: Layout::Rust, int: None, packed: None, align: None };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
            attr.parse_nested_meta(|meta| {
                let Some(word) = meta.path.get_ident() else { return Ok(()) };
                match word.to_string().as_str() {
                    "C" => repr.layout = Layout::C,
                    "transparent" => repr.layout = Layout::Transparent,
                    "packed" => repr.packed = Some(argument(&meta)?.unwrap_or(1)),
                    "align" => repr.align = argument(&meta)?,
                    // Whatever else there is, rustc refuses it.
                    _ => repr.int = Some(word.clone()),
                }
                Ok(())
            })?;
        }
        Ok(repr)
    }

    /// A `Rules` of the helpers.
    pub(crate) fn rules(&self) -> TokenStream {
        let (packed, align) = (option(self.packed.as_ref()), option(self.align.as_ref()));
        quote!(__bpf::derive::Rules { packed: #packed, align: #align })
    }
}

/// The number in `packed(2)`.
fn argument(meta: &ParseNestedMeta<'_>) -> Result<Option<u32>> {
    if !meta.input.peek(syn::token::Paren) {
        return Ok(None);
    }
    let number;
    parenthesized!(number in meta.input);
    number.parse::<LitInt>()?.base10_parse().map(Some)
}

/// An option as an expression.
pub(crate) fn option(value: Option<&impl quote::ToTokens>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}
