//! Structs.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Fields, Ident, Member, Path, Result, Type, Visibility};

use crate::attr::{FieldOptions, Options, Repr, option};
use crate::name;

/// A field of a struct or union.
pub(crate) struct Field<'a> {
    /// Its constant.
    token: Ident,
    name: String,
    vis: &'a Visibility,
    ty: &'a Type,
    bits: Option<u8>,
}

impl<'a> Field<'a> {
    /// The `index` is that of a field of a tuple.
    pub(crate) fn read(field: &'a syn::Field, index: usize) -> Result<Field<'a>> {
        let options = FieldOptions::read(&field.attrs)?;
        let ident = field.ident.clone().unwrap_or_else(|| format_ident!("__{index}", span = field.ty.span()));
        Ok(Field {
            name: name::of(options.name.as_ref(), &ident)?,
            token: options.token.unwrap_or(ident),
            vis: &field.vis,
            ty: &field.ty,
            bits: options.bits.map(|(width, _)| width),
        })
    }

    /// A `Shape` of the helpers.
    pub(crate) fn shape(&self, krate: &Path) -> TokenStream {
        let ty = self.ty;
        match self.bits {
            Some(bits) => quote_spanned!(ty.span()=> #krate::derive::Shape::bits::<#ty>(#bits)),
            None => quote_spanned!(ty.span()=> #krate::derive::Shape::of::<#ty>()),
        }
    }

    /// The definition of the constant, inside of the type.
    pub(crate) fn token(&self, krate: &Path, owner: &Ident, index: usize) -> TokenStream {
        let Field { token, name, vis, ty, .. } = self;
        let bits = option(self.bits.as_ref());
        let doc = format!(" The field `{token}`, with its place.");
        quote! {
            #[doc = #doc]
            #vis const #token: #krate::Field<#owner, #ty> =
                #krate::Field::new(#name, __LAYOUT.at[#index], #bits);
        }
    }

    /// The member in the type.
    pub(crate) fn member(&self, krate: &Path) -> TokenStream {
        let token = &self.token;
        quote!(#krate::derive::member(types, Self::#token))
    }
}

pub(crate) fn expand(
    input: &DeriveInput,
    options: &Options,
    repr: &Repr,
    fields: &Fields,
) -> Result<TokenStream> {
    let (ident, krate, rules) = (&input.ident, &options.krate, repr.rules(&options.krate));
    let name = name::of(options.name.as_ref(), ident)?;
    let members: Vec<Member> = fields.members().collect();
    let fields = fields.iter().enumerate().map(|(i, field)| Field::read(field, i)).collect::<Vec<_>>();
    let fields = all(fields)?;
    let count = fields.len();

    let shapes = fields.iter().map(|field| field.shape(krate));
    let tokens = fields.iter().enumerate().map(|(i, field)| field.token(krate, ident, i));
    let btf_members = fields.iter().map(|field| field.member(krate));
    let puts = fields.iter().zip(&members).map(|(Field { token, bits, .. }, member)| match bits {
        Some(_) => quote!(#krate::derive::put_bits(Self::#token, self.#member, out);),
        None => quote!(#krate::derive::put(Self::#token, self.#member, out);),
    });
    let gets = fields.iter().zip(&members).map(|(Field { token, bits, .. }, member)| match bits {
        Some(_) => quote!(#member: #krate::derive::get_bits(Self::#token, bytes)?),
        None => quote!(#member: #krate::derive::get(Self::#token, bytes)?),
    });
    let places = fields.iter().zip(&members).enumerate().map(|(i, (field, member))| {
        let message = format!(
            "`{}` is not where BPF has it: this host aligns in another way; put explicit padding before it",
            field.token
        );
        quote_spanned! {field.token.span()=>
            ::core::assert!(
                ::core::mem::offset_of!(#ident, #member) as ::core::primitive::u64 * 8
                    == __LAYOUT.at[#i] as ::core::primitive::u64,
                #message
            );
        }
    });

    Ok(quote! {
        const _: () = {
            const __LAYOUT: #krate::derive::Layout<#count> =
                #krate::derive::Layout::structure(#rules, &[#(#shapes),*]);

            // With bit-fields, Rust's layout has nothing to do with it.
            const _: () = if __LAYOUT.native {
                #(#places)*
                ::core::assert!(
                    ::core::mem::size_of::<#ident>() == __LAYOUT.size as ::core::primitive::usize
                        && ::core::mem::align_of::<#ident>() == __LAYOUT.align as ::core::primitive::usize,
                    "the struct has another size or alignment in BPF: this host aligns in another way; add `align(..)`"
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
                const NATIVE: ::core::primitive::bool = __LAYOUT.native;

                fn btf(types: &mut #krate::BtfBuilder) -> #krate::TypeId {
                    #krate::derive::composite::<Self, #count>(
                        types,
                        #krate::Kind::Struct,
                        #name,
                        |types| { let _ = &types; [#(#btf_members),*] },
                    )
                }

                #[inline]
                fn write_to(&self, out: &mut [::core::primitive::u8]) {
                    #krate::derive::clear::<Self>(out);
                    #(#puts)*
                }

                #[inline]
                fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, #krate::Error> {
                    #krate::derive::check_len::<Self>(bytes)?;
                    ::core::result::Result::Ok(Self { #(#gets),* })
                }
            }
        };
    })
}

/// All results, or all errors.
pub(crate) fn all<T>(results: Vec<Result<T>>) -> Result<Vec<T>> {
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(error) => errors.push(error),
        }
    }
    let mut errors = errors.into_iter();
    let Some(mut first) = errors.next() else { return Ok(values) };
    errors.for_each(|error| Error::combine(&mut first, error));
    Err(first)
}
