//! Enumerations.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DataEnum, DeriveInput, Error, Ident, Path, Result, Variant};

use crate::attr::{Options, Repr, variant_name};
use crate::name;
use crate::structure::all;

/// What an enumeration may be made of.
const INTS: [&str; 8] = ["u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64"];

pub(crate) fn expand(
    input: &DeriveInput,
    options: &Options,
    repr: &Repr,
    data: &DataEnum,
) -> Result<TokenStream> {
    let (ident, krate) = (&input.ident, &options.krate);
    let name = name::of(options.name.as_ref(), ident)?;
    if options.union.is_some() {
        return Err(Error::new_spanned(
            ident,
            "`union` is for a struct of bytes, which the union is made of",
        ));
    }
    let Some(int) = repr.int.as_ref().filter(|int| INTS.contains(&int.to_string().as_str())) else {
        let message = "the size and sign of an enumeration must be given: add `#[repr(u32)]`, or any of u8 to u64 and \
                       i8 to i64";
        return Err(Error::new_spanned(repr.int.as_ref().unwrap_or(ident), message));
    };
    let names = all(data.variants.iter().map(enumerator))?;
    Ok(Enumeration { ident, krate, int, name, names, variants: data.variants.iter().collect() }.implement())
}

/// The name of an enumerator.
fn enumerator(variant: &Variant) -> Result<String> {
    if !variant.fields.is_empty() {
        let message = "a BPF enumeration has no data: make it a struct of a number and a union";
        return Err(Error::new_spanned(&variant.fields, message));
    }
    name::of(variant_name(&variant.attrs)?.as_ref(), &variant.ident)
}

struct Enumeration<'a> {
    ident: &'a Ident,
    krate: &'a Path,
    int: &'a Ident,
    name: String,
    names: Vec<String>,
    variants: Vec<&'a Variant>,
}

impl Enumeration<'_> {
    fn implement(&self) -> TokenStream {
        let Enumeration { ident, krate, int, name, names, variants } = self;
        let int = quote!(::core::primitive::#int);
        let count = variants.len();
        let variants: Vec<&Ident> = variants.iter().map(|variant| &variant.ident).collect();
        let numbers: Vec<Ident> = (0..count).map(|i| format_ident!("__{i}")).collect();
        quote! {
            const _: () = {
                use #krate as __bpf;

                // A discriminant may be any constant expression, which a pattern may not.
                #(#[allow(non_upper_case_globals)] const #numbers: #int = #ident::#variants as #int;)*

                #[inline]
                fn __value(number: #int) -> ::core::result::Result<#ident, __bpf::Error> {
                    match number {
                        #(#numbers => ::core::result::Result::Ok(#ident::#variants),)*
                        _ => ::core::result::Result::Err(
                            __bpf::derive::undeclared::<#ident>(number as ::core::primitive::i128),
                        ),
                    }
                }

                #[automatically_derived]
                impl __bpf::BpfType for #ident {
                    const SIZE: ::core::primitive::u32 = <#int as __bpf::BpfType>::SIZE;
                    const ALIGN: ::core::primitive::u32 = <#int as __bpf::BpfType>::ALIGN;

                    fn btf(types: &mut __bpf::BtfBuilder) -> __bpf::TypeId {
                        __bpf::derive::enumeration::<Self, #count>(
                            types,
                            #name,
                            [#((#names, #numbers as ::core::primitive::i64)),*],
                        )
                    }

                    #[inline]
                    fn write_to(&self, out: &mut [::core::primitive::u8]) {
                        __bpf::BpfType::write_to(&(*self as #int), out);
                    }

                    #[inline]
                    fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, __bpf::Error> {
                        __bpf::derive::check_len::<Self>(bytes)?;
                        __value(__bpf::BpfType::read_from(bytes)?)
                    }
                }

                #[automatically_derived]
                impl __bpf::BitField for #ident {
                    const SIGNED: ::core::primitive::bool = <#int as __bpf::BitField>::SIGNED;
                    const MAX_BITS: ::core::primitive::u8 = <#int as __bpf::BitField>::MAX_BITS;

                    #[inline]
                    fn from_bits(bits: ::core::primitive::u64) -> ::core::result::Result<Self, __bpf::Error> {
                        __value(__bpf::BitField::from_bits(bits)?)
                    }

                    #[inline]
                    fn to_bits(self) -> ::core::primitive::u64 {
                        __bpf::BitField::to_bits(self as #int)
                    }
                }
            };
        }
    }
}
