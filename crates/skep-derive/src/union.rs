//! Unions, which are structs of bytes.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{DeriveInput, Error, Fields, Result, Token};

use crate::attr::{FieldOptions, Layout, Options, Repr};
use crate::name;
use crate::structure::{Field, all};

pub(crate) fn expand(
    input: &DeriveInput,
    options: &Options,
    repr: &Repr,
    storage: &Fields,
    fields: &Punctuated<syn::Field, Token![,]>,
) -> Result<TokenStream> {
    let (ident, krate, rules) = (&input.ident, &options.krate, repr.rules());
    let name = name::of(options.name.as_ref(), ident)?;
    let mut iter = storage.iter().zip(storage.members());
    let (Some((bytes, member)), None) = (iter.next(), iter.next()) else {
        let message = "a union is a struct with one field, its bytes: `struct Name([u8; 16]);`";
        return Err(Error::new_spanned(ident, message));
    };
    if repr.layout == Layout::Rust {
        let message = "the bytes of a union are aligned as the union is: add `#[repr(C, align(..))]`";
        return Err(Error::new_spanned(ident, message));
    }
    let fields = all(fields.iter().enumerate().map(field))?;
    let (storage, count) = (&bytes.ty, fields.len());
    let shapes = fields.iter().map(Field::shape);
    let definitions = fields.iter().map(|field| field.definition(ident));
    let members = fields.iter().map(Field::member);
    Ok(quote! {
        const _: () = {
            use #krate as __bpf;

            const __LAYOUT: __bpf::derive::Layout<#count> =
                __bpf::derive::Layout::union(#rules, &[#(#shapes),*]);

            const _: () = {
                ::core::assert!(
                    __LAYOUT.has(::core::mem::size_of::<#storage>(), __LAYOUT.align as ::core::primitive::usize),
                    "a union has as many bytes as its largest field, rounded up to its alignment"
                );
                ::core::assert!(
                    __LAYOUT.has(__LAYOUT.size as ::core::primitive::usize, ::core::mem::align_of::<#ident>()),
                    "a union is aligned as the field with the highest alignment: say so by `#[repr(C, align(..))]`"
                );
            };

            #[allow(dead_code, non_upper_case_globals, unreachable_pub)]
            impl #ident {
                #(#definitions)*
            }

            #[automatically_derived]
            impl __bpf::BpfType for #ident {
                const SIZE: ::core::primitive::u32 = __LAYOUT.size;
                const ALIGN: ::core::primitive::u32 = __LAYOUT.align;

                fn btf(types: &mut __bpf::BtfBuilder) -> __bpf::TypeId {
                    __bpf::derive::composite::<Self, #count>(types, __bpf::Kind::Union, #name, |types| {
                        let _ = &types;
                        [#(#members),*]
                    })
                }

                #[inline]
                fn write_to(&self, out: &mut [::core::primitive::u8]) {
                    out.copy_from_slice(&self.#member);
                }

                #[inline]
                fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, __bpf::Error> {
                    __bpf::derive::check_len::<Self>(bytes)?;
                    let mut storage = [0; ::core::mem::size_of::<#storage>()];
                    storage.copy_from_slice(bytes);
                    ::core::result::Result::Ok(Self { #member: storage })
                }
            }

            #[automatically_derived]
            impl __bpf::Union for #ident {
                #[inline]
                fn bytes(&self) -> &[::core::primitive::u8] {
                    &self.#member
                }

                #[inline]
                fn bytes_mut(&mut self) -> &mut [::core::primitive::u8] {
                    &mut self.#member
                }
            }
        };
    })
}

fn field((index, field): (usize, &syn::Field)) -> Result<Field<'_>> {
    if let Some((_, bits)) = FieldOptions::read(&field.attrs)?.bits {
        return Err(Error::new(bits.span(), "no bit-fields in a union: put it into a struct"));
    }
    Field::read((index, field))
}
