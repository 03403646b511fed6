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
    let (ident, krate, rules) = (&input.ident, &options.krate, repr.rules(&options.krate));
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
    let fields = all(fields.iter().map(field).collect())?;
    let (storage, count) = (&bytes.ty, fields.len());
    let shapes = fields.iter().map(|field| field.shape(krate));
    let tokens = fields.iter().enumerate().map(|(i, field)| field.token(krate, ident, i));
    let members = fields.iter().map(|field| field.member(krate));
    Ok(quote! {
        const _: () = {
            const __LAYOUT: #krate::derive::Layout<#count> =
                #krate::derive::Layout::union(#rules, &[#(#shapes),*]);

            const _: () = {
                ::core::assert!(
                    ::core::mem::size_of::<#storage>() == __LAYOUT.size as ::core::primitive::usize,
                    "a union has as many bytes as its largest field, rounded up to its alignment"
                );
                ::core::assert!(
                    ::core::mem::align_of::<#ident>() == __LAYOUT.align as ::core::primitive::usize,
                    "a union is aligned as the field with the highest alignment: say so by `#[repr(C, align(..))]`"
                );
            };

            #[allow(dead_code, non_upper_case_globals, unreachable_pub)]
            impl #ident {
                #(#tokens)*
            }

            #[automatically_derived]
            impl #krate::BpfType for #ident {
                const SIZE: ::core::primitive::u32 = __LAYOUT.size;
                const ALIGN: ::core::primitive::u32 = __LAYOUT.align;

                fn btf(types: &mut #krate::BtfBuilder) -> #krate::TypeId {
                    #krate::derive::composite::<Self, #count>(
                        types,
                        #krate::Kind::Union,
                        #name,
                        |types| { let _ = &types; [#(#members),*] },
                    )
                }

                #[inline]
                fn write_to(&self, out: &mut [::core::primitive::u8]) {
                    out.copy_from_slice(&self.#member);
                }

                #[inline]
                fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::Error> {
                    #krate::derive::check_len::<Self>(bytes)?;
                    let mut storage = [0; __LAYOUT.size as ::core::primitive::usize];
                    storage.copy_from_slice(bytes);
                    ::core::result::Result::Ok(Self { #member: storage })
                }
            }

            #[automatically_derived]
            impl #krate::Union for #ident {
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

fn field(field: &syn::Field) -> Result<Field<'_>> {
    if let Some((_, bits)) = FieldOptions::read(&field.attrs)?.bits {
        return Err(Error::new(bits.span(), "no bit-fields in a union: put it into a struct"));
    }
    Field::read(field, 0)
}
