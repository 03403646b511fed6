//! Where C puts the fields of a struct: what clang does for BPF, in constants.

use super::{BitField, BpfType};

/// What the place of a field depends on.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// In bytes, both.
    size: u32,
    align: u32,
    /// The width of a bit-field.
    bits: Option<u8>,
    native: bool,
}

impl Shape {
    /// The shape of a field of that type.
    #[must_use]
    pub const fn of<T: BpfType>() -> Shape {
        assert!(!T::VOID, "a field of type `()`: void has no values");
        Shape { size: T::SIZE, align: T::ALIGN, bits: None, native: T::NATIVE }
    }

    /// The shape of a bit-field of that type.
    #[must_use]
    pub const fn bits<T: BitField>(bits: u8) -> Shape {
        assert!(bits != 0, "a bit-field without bits");
        assert!(bits <= T::MAX_BITS, "a bit-field that is wider than its type");
        Shape { size: T::SIZE, align: T::ALIGN, bits: Some(bits), native: false }
    }
}

/// What a struct's attributes say, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// The highest alignment that a field has: 1 for `packed`.
    pub packed: Option<u32>,
    /// The lowest alignment that the whole has.
    pub align: Option<u32>,
}

/// The layout of a struct or union of `N` fields.
#[derive(Debug, Clone, Copy)]
pub struct Layout<const N: usize> {
    /// In bytes.
    pub size: u32,
    /// In bytes.
    pub align: u32,
    /// Where each field starts, in bits.
    pub at: [u32; N],
    /// Whether Rust has the same layout: there are no bit-fields.
    pub native: bool,
}

impl<const N: usize> Layout<N> {
    /// One field behind the other.
    #[must_use]
    pub const fn structure(rules: Rules, shapes: &[Shape; N]) -> Layout<N> {
        let (mut at, mut end) = ([0; N], 0);
        let mut i = 0;
        while i < N {
            let start = start(rules, shapes[i], end);
            at[i] = bit_offset(start);
            end = start + bit_size(shapes[i]);
            i += 1;
        }
        Layout::around(rules, shapes, at, end)
    }

    /// All fields in the same place.
    #[must_use]
    pub const fn union(rules: Rules, shapes: &[Shape; N]) -> Layout<N> {
        let mut end = 0;
        let mut i = 0;
        while i < N {
            let size = bit_size(shapes[i]);
            end = if size > end { size } else { end };
            i += 1;
        }
        Layout::around(rules, shapes, [0; N], end)
    }

    /// Whether field `i` is at that byte.
    #[must_use]
    pub const fn is_at(&self, i: usize, byte: usize) -> bool {
        self.at[i] as u64 == byte as u64 * 8
    }

    /// Whether the whole has this size and alignment, in bytes.
    #[must_use]
    pub const fn has(&self, size: usize, align: usize) -> bool {
        self.size as u64 == size as u64 && self.align as u64 == align as u64
    }

    const fn around(rules: Rules, shapes: &[Shape; N], at: [u32; N], end: u64) -> Layout<N> {
        let (mut align, mut native) = (1, true);
        let mut i = 0;
        while i < N {
            let field = field_align(rules, shapes[i]);
            align = if field > align { field } else { align };
            native &= shapes[i].native;
            i += 1;
        }
        if let Some(least) = rules.align
            && least > align
        {
            align = least;
        }
        Layout { size: bit_offset(round_up(end, align)) / 8, align, at, native }
    }
}

const fn start(rules: Rules, shape: Shape, end: u64) -> u64 {
    let align = field_align(rules, shape);
    match shape.bits {
        None => round_up(end, align),
        // A bit-field may start anywhere, but does not reach from one unit of its type into the next...
        Some(bits) if rules.packed.is_none() => {
            let in_unit = end % (align as u64 * 8);
            if in_unit + bits as u64 > shape.size as u64 * 8 { round_up(end, align) } else { end }
        }
        // ...unless the struct is packed.
        Some(_) => end,
    }
}

const fn bit_size(shape: Shape) -> u64 {
    match shape.bits {
        Some(bits) => bits as u64,
        None => shape.size as u64 * 8,
    }
}

/// In bytes.
const fn field_align(rules: Rules, shape: Shape) -> u32 {
    match rules.packed {
        Some(most) if most < shape.align => most,
        _ => shape.align,
    }
}

/// The next bit that starts a multiple of `align` bytes.
const fn round_up(bit: u64, align: u32) -> u64 {
    bit.next_multiple_of(align as u64 * 8)
}

#[expect(clippy::cast_possible_truncation, reason = "checked; conversions are not const")]
const fn bit_offset(bit: u64) -> u32 {
    assert!(bit <= u32::MAX as u64, "the struct is larger than 512 MiB");
    bit as u32
}
