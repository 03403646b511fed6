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
        #[automatically_derived]
        impl #krate::BpfType for #ident {
            const SIZE: ::core::primitive::u32 = <#ty as #krate::BpfType>::SIZE;
            const ALIGN: ::core::primitive::u32 = <#ty as #krate::BpfType>::ALIGN;
            const NATIVE: ::core::primitive::bool = <#ty as #krate::BpfType>::NATIVE;
            const VOID: ::core::primitive::bool = <#ty as #krate::BpfType>::VOID;

            fn btf(types: &mut #krate::BtfBuilder) -> #krate::TypeId {
                #krate::derive::typedef::<Self, #ty>(types, #name)
            }

            #[inline]
            fn write_to(&self, out: &mut [::core::primitive::u8]) {
                #krate::BpfType::write_to(&{ self.#member }, out);
            }

            #[inline]
            fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::Error> {
                ::core::result::Result::Ok(Self { #member: #krate::BpfType::read_from(bytes)? })
            }
        }
    })
}
