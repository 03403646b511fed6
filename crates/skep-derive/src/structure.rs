//! Structs.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Error, Fields, Ident, Member, Result, Type, Visibility};

use crate::attr::{FieldOptions, Options, Repr, option};
use crate::name;

/// A field of a struct or union.
pub(crate) struct Field<'a> {
    index: usize,
    /// Its constant.
    token: Ident,
    name: String,
    vis: &'a Visibility,
    ty: &'a Type,
    bits: Option<u8>,
}

impl<'a> Field<'a> {
    pub(crate) fn read((index, field): (usize, &'a syn::Field)) -> Result<Field<'a>> {
        let options = FieldOptions::read(&field.attrs)?;
        let ident = field.ident.clone().unwrap_or_else(|| format_ident!("__{index}", span = field.ty.span()));
        Ok(Field {
            index,
            name: name::of(options.name.as_ref(), &ident)?,
            token: options.token.unwrap_or(ident),
            vis: &field.vis,
            ty: &field.ty,
            bits: options.bits.map(|(width, _)| width),
        })
    }

    /// A `Shape` of the helpers.
    pub(crate) fn shape(&self) -> TokenStream {
        let ty = self.ty;
        match self.bits {
            Some(bits) => quote_spanned!(at(ty.span())=> __bpf::derive::Shape::bits::<#ty>(#bits)),
            None => quote_spanned!(at(ty.span())=> __bpf::derive::Shape::of::<#ty>()),
        }
    }

    /// A `Field` of the helpers. The constant is not used, since it may not be the only one of its name.
    fn place(&self) -> TokenStream {
        let (Field { index, name, .. }, bits) = (self, option(self.bits.as_ref()));
        quote!(__bpf::Field::new(#name, __LAYOUT.at[#index], #bits))
    }

    /// The definition of the constant, inside of the type.
    pub(crate) fn definition(&self, owner: &Ident) -> TokenStream {
        let (Field { token, vis, ty, .. }, place) = (self, self.place());
        let doc = format!(" The field `{token}`, with its place.");
        quote_spanned! {at(token.span())=>
            #[doc = #doc]
            #vis const #token: __bpf::Field<#owner, #ty> = #place;
        }
    }

    /// The member in the type.
    pub(crate) fn member(&self) -> TokenStream {
        let (ty, place) = (self.ty, self.place());
        quote_spanned!(at(ty.span())=> __bpf::derive::member::<Self, #ty>(types, #place))
    }

    /// The statement that writes it.
    fn put(&self, member: &Member) -> TokenStream {
        let (ty, place) = (self.ty, self.place());
        let put = if self.bits.is_some() { quote!(put_bits) } else { quote!(put) };
        quote_spanned!(at(ty.span())=> __bpf::derive::#put::<Self, #ty>(#place, self.#member, out);)
    }

    /// The initializer that reads it.
    fn get(&self, member: &Member) -> TokenStream {
        let (ty, place) = (self.ty, self.place());
        let get = if self.bits.is_some() { quote!(get_bits) } else { quote!(get) };
        quote_spanned!(at(ty.span())=> #member: __bpf::derive::#get::<Self, #ty>(#place, bytes)?)
    }

    /// The check that it is where Rust has it.
    fn check(&self, owner: &Ident, member: &Member) -> TokenStream {
        let Field { index, token, .. } = self;
        let message = format!(
            "`{token}` is not where BPF has it: this host aligns in another way; put explicit padding before it"
        );
        quote_spanned! {at(token.span())=>
            ::core::assert!(__LAYOUT.is_at(#index, ::core::mem::offset_of!(#owner, #member)), #message);
        }
    }
}

pub(crate) fn expand(
    input: &DeriveInput,
    options: &Options,
    repr: &Repr,
    fields: &Fields,
) -> Result<TokenStream> {
    let (ident, krate, rules) = (&input.ident, &options.krate, repr.rules());
    let name = name::of(options.name.as_ref(), ident)?;
    let members: Vec<Member> = fields.members().collect();
    let fields = all(fields.iter().enumerate().map(Field::read))?;
    let count = fields.len();

    let shapes = fields.iter().map(Field::shape);
    let definitions = fields.iter().map(|field| field.definition(ident));
    let btf_members = fields.iter().map(Field::member);
    let each = || fields.iter().zip(&members);
    let puts = each().map(|(field, member)| field.put(member));
    let gets = each().map(|(field, member)| field.get(member));
    let checks = each().map(|(field, member)| field.check(ident, member));

    Ok(quote! {
        const _: () = {
            use #krate as __bpf;

            const __LAYOUT: __bpf::derive::Layout<#count> =
                __bpf::derive::Layout::structure(#rules, &[#(#shapes),*]);

            // With bit-fields, Rust's layout has nothing to do with it.
            const _: () = if __LAYOUT.native {
                #(#checks)*
                ::core::assert!(
                    __LAYOUT.has(::core::mem::size_of::<#ident>(), ::core::mem::align_of::<#ident>()),
                    "the struct has another size or alignment in BPF: this host aligns in another way; add `align(..)`"
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
                const NATIVE: ::core::primitive::bool = __LAYOUT.native;

                fn btf(types: &mut __bpf::BtfBuilder) -> __bpf::TypeId {
                    __bpf::derive::composite::<Self, #count>(types, __bpf::Kind::Struct, #name, |types| {
                        let _ = &types;
                        [#(#btf_members),*]
                    })
                }

                #[inline]
                fn write_to(&self, out: &mut [::core::primitive::u8]) {
                    __bpf::derive::clear::<Self>(out);
                    #(#puts)*
                }

                #[inline]
                fn read_from(bytes: &[::core::primitive::u8]) -> ::core::result::Result<Self, __bpf::Error> {
                    __bpf::derive::check_len::<Self>(bytes)?;
                    ::core::result::Result::Ok(Self { #(#gets),* })
                }
            }
        };
    })
}

/// The place of something that is written there, for code that is not.
fn at(place: Span) -> Span {
    Span::call_site().located_at(place)
}

/// All results, or all errors.
pub(crate) fn all<T>(results: impl Iterator<Item = Result<T>>) -> Result<Vec<T>> {
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
