//! Structs that are another name for their only field.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Fields, Result};

use crate::attr::{FieldOptions, Options};
use crate::name;

pub(crate) fn expand(input: &DeriveInput, options: &Options, fields: &Fields) -> Result<TokenStream> {
    let (ident, krate) = (&input.ident, &options.krate);
    let name = name::of(options.name.as_ref(), ident)?;
    let mut iter = fields.iter().zip(fields.members());
    let (Some((field, member)), None) = (iter.next(), iter.next()) else {
        let message = "a typedef has exactly one field; `#[repr(C)]` makes a struct";
        return Err(Error::new_spanned(ident, message));
    };
    let FieldOptions { name: None, bits: None, token: None } = FieldOptions::read(&field.attrs)? else {
        let message =
            "a typedef has no fields in BPF that an attribute could speak of; `#[repr(C)]` makes a struct";
        return Err(Error::new_spanned(field, message));
    };
    let ty = &field.ty;
    Ok(quote! {
        const _: () = {
            use #krate as __bpf;

            #[automatically_derived]
            impl __bpf::BpfType for #ident {
                const SIZE: ::core::primitive::u32 = <#ty as __bpf::BpfType>::SIZE;
                const ALIGN: ::core::primitive::u32 = <#ty as __bpf::BpfType>::ALIGN;
                const NATIVE: ::core::primitive::bool = <#ty as __bpf::BpfType>::NATIVE;
                const VOID: ::core::primitive::bool = <#ty as __bpf::BpfType>::VOID;

                fn btf(types: &mut __bpf::BtfBuilder) -> __bpf::TypeId {
                    __bpf::derive::typedef::<Self, #ty>(types, #name)
                }

                #[inline]
                fn write_to(&self, out: &mut [::core::primitive::u8]) {
                    __bpf::BpfType::write_to(&{ self.#member }, out);
                }

                #[inline]
                fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, __bpf::Error> {
                    ::core::result::Result::Ok(Self { #member: __bpf::BpfType::read_from(bytes)? })
                }
            }
        };
    })
}
