//! Numbers, characters, and the types without values.

use gimli::DwAte;
use gimli::constants as dw;
use skep_btf::IntEncoding;

use crate::c;
use crate::model::Node;
use crate::names::Name;
use crate::pool::{Id, Rec};
use crate::shape::{At, Shaper, lang_bits};

/// What a number of Rust is called in C, by its size and whether it is signed; the names are gcc's, which the types of
/// a kernel have.
const C_NAMES: [(u32, &[u8], &[u8]); 5] = [
    (1, b"unsigned char", b"signed char"),
    (2, b"short unsigned int", b"short int"),
    (4, b"unsigned int", b"int"),
    (8, b"long unsigned int", b"long int"),
    (16, b"__int128 unsigned", b"__int128"),
];

/// A base type: a typedef of the C type, so that a C header of it compiles.
pub(crate) fn base(shaper: &mut Shaper<'_>, at: At<'_>, node: &Node) -> Id {
    let encoding = DwAte(u8::try_from(node.a).unwrap_or_default());
    let text = shaper.names.text(node.name).into_owned();
    if node.size == 0 {
        // `()` and `!`: the kernel knows no number without bits, but a struct without members.
        let name: &[u8] = match &text[..] {
            b"()" => b"rust_unit",
            b"!" => b"rust_never",
            _ => b"rust_empty",
        };
        let name = shaper.names.name(name);
        let reference = [Rec::Name.head((Rec::Struct as u32) << 8), 0, name.0, 0];
        let reference = shaper.record(at, &reference);
        shaper.record(at, &[Rec::Struct.head(0), reference.0, 0]);
        return reference;
    }
    if &text[..] == b"__ARRAY_SIZE_TYPE__" {
        // What compilers index arrays with, in all languages.
        return c::base(shaper, at, node);
    }
    let (name, c_name, encoding): (&[u8], &[u8], IntEncoding) = match encoding {
        dw::DW_ATE_float => {
            let c_name: &[u8] = match node.size {
                4 => b"float",
                8 => b"double",
                // C has these under several names, so they keep theirs.
                2 | 12 | 16 => &text,
                _ => return c::base(shaper, at, node),
            };
            let c_name = shaper.names.name(c_name);
            let float = shaper.record(at, &[Rec::Float.head(0), 0, c_name.0, node.size]);
            return if c_name == node.name { float } else { typedef(shaper, at, node.name, float) };
        }
        dw::DW_ATE_boolean if node.size == 1 => (&text, b"_Bool", IntEncoding::Bool),
        dw::DW_ATE_UTF if node.size == 4 => (b"char32", C_NAMES[2].1, IntEncoding::Unsigned),
        dw::DW_ATE_signed | dw::DW_ATE_signed_char => match number(node.size) {
            Some((_, _, signed)) => (&text, signed, IntEncoding::Signed),
            None => return c::base(shaper, at, node),
        },
        dw::DW_ATE_unsigned | dw::DW_ATE_unsigned_char => match number(node.size) {
            Some((_, unsigned, _)) => (&text, unsigned, IntEncoding::Unsigned),
            None => return c::base(shaper, at, node),
        },
        _ => return c::base(shaper, at, node),
    };
    let (name, c_name) = (shaper.names.name(name), shaper.names.name(c_name));
    let bits = node.size.saturating_mul(8).min(128);
    let int = c::int(shaper, at, &[lang_bits(node) & 0xf, 0, c_name.0], node.size, bits, encoding);
    typedef(shaper, at, name, int)
}

fn number(size: u32) -> Option<(u32, &'static [u8], &'static [u8])> {
    C_NAMES.into_iter().find(|&(of, _, _)| of == size)
}

fn typedef(shaper: &mut Shaper<'_>, at: At<'_>, name: Name, to: Id) -> Id {
    shaper.record(at, &[Rec::Typedef.head(0), 0, name.0, to.0])
}
