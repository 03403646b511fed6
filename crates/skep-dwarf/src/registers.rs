//! Where calling conventions put parameters, and where DWARF says that they are.
//!
//! A tracer that reads the parameters of a function by its BTF looks into the registers of the calling convention. A
//! compiler that knows all callers may put them elsewhere; then the function has no usable prototype.

use gimli::constants as dw;
use object::Architecture;

use crate::attrs::{Form, Source};
use crate::expr;
use crate::model::Bases;
use crate::reader::{Cursor, index};

/// The DWARF numbers of the registers that hold the first parameters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Registers(&'static [u64]);

impl Registers {
    pub(crate) fn of(machine: Architecture) -> Registers {
        Registers(match machine {
            Architecture::X86_64 | Architecture::X86_64_X32 => &[5, 4, 1, 2, 8, 9],
            Architecture::Aarch64 | Architecture::Aarch64_Ilp32 => &[0, 1, 2, 3, 4, 5, 6, 7],
            Architecture::Arm => &[0, 1, 2, 3],
            Architecture::Riscv32 | Architecture::Riscv64 => &[10, 11, 12, 13, 14, 15, 16, 17],
            Architecture::LoongArch64 => &[4, 5, 6, 7, 8, 9, 10, 11],
            Architecture::PowerPc64 => &[3, 4, 5, 6, 7, 8, 9, 10],
            Architecture::S390x => &[2, 3, 4, 5, 6],
            Architecture::Mips64 | Architecture::Mips => &[4, 5, 6, 7, 8, 9, 10, 11],
            _ => &[],
        })
    }

    /// Whether a parameter is in another register than the calling convention says.
    pub(crate) fn is_elsewhere(
        self,
        param: u32,
        location: (u64, Form),
        source: &Source<'_>,
        bases: &Bases,
    ) -> bool {
        let Some(&expected) = self.0.get(index(param)) else { return false };
        let big = source.sections.big;
        let found = match location {
            (block, Form::Block) => expr::register(source.block(block), big),
            (offset, Form::SecOffset | Form::Unsigned) => in_list(offset, expected, source),
            (at, Form::ListIndex) => {
                list_offset(at, source, bases).and_then(|o| in_list(o, expected, source))
            }
            _ => None,
        };
        found.is_some_and(|register| register != expected)
    }
}

/// The offset in `.debug_loclists` of the list with that index.
fn list_offset(at: u64, source: &Source<'_>, bases: &Bases) -> Option<u64> {
    let size = source.header.encoding.offset_size;
    let place = bases.loclists.checked_add(at.checked_mul(size.into())?)?;
    let cursor = Cursor::new(&source.sections.loclists, index(place), source.sections.big);
    bases.loclists.checked_add(cursor.peek(0, size.into()).ok()?)
}

/// The register that a list of locations begins with. The value that `expected` had at the function's entry counts
/// wherever it is.
fn in_list(offset: u64, expected: u64, source: &Source<'_>) -> Option<u64> {
    let sections = source.sections;
    let mut list = Locations {
        cursor: Cursor::new(
            if source.header.encoding.version >= 5 { &sections.loclists } else { &sections.loc },
            index(offset),
            sections.big,
        ),
        version: source.header.encoding.version,
        address_size: source.header.encoding.address_size,
    };
    let mut first = true;
    while let Some(expression) = list.next() {
        if expression.is_empty() {
            continue;
        }
        match expr::register(expression, sections.big) {
            Some(register) if first => return Some(register),
            _ => {}
        }
        if expr::entry_register(expression, sections.big) == Some(expected) {
            return Some(expected);
        }
        first = false;
    }
    None
}

/// The expressions of a list of locations.
struct Locations<'a> {
    cursor: Cursor<'a>,
    version: u16,
    address_size: u8,
}

impl<'a> Locations<'a> {
    /// The next one; lists that are not readable end.
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.version >= 5 { self.next_5() } else { self.next_4() }
    }

    fn next_5(&mut self) -> Option<&'a [u8]> {
        let (cursor, address) = (&mut self.cursor, usize::from(self.address_size));
        loop {
            let kind = u8::try_from(cursor.fixed(1).ok()?).ok()?;
            match gimli::DwLle(kind) {
                dw::DW_LLE_base_addressx => cursor.skip_leb().ok()?,
                dw::DW_LLE_base_address => cursor.skip(address).ok()?,
                dw::DW_LLE_GNU_view_pair => {
                    cursor.skip_leb().ok()?;
                    cursor.skip_leb().ok()?;
                }
                dw::DW_LLE_startx_endx | dw::DW_LLE_startx_length | dw::DW_LLE_offset_pair => {
                    cursor.skip_leb().ok()?;
                    cursor.skip_leb().ok()?;
                    break;
                }
                dw::DW_LLE_default_location => break,
                dw::DW_LLE_start_end => {
                    cursor.skip(2 * address).ok()?;
                    break;
                }
                dw::DW_LLE_start_length => {
                    cursor.skip(address).ok()?;
                    cursor.skip_leb().ok()?;
                    break;
                }
                _ => return None,
            }
        }
        let len = cursor.uleb().ok()?;
        cursor.bytes(index(len)).ok()
    }

    fn next_4(&mut self) -> Option<&'a [u8]> {
        let (cursor, address) = (&mut self.cursor, usize::from(self.address_size));
        loop {
            let (start, end) = (cursor.fixed(address).ok()?, cursor.fixed(address).ok()?);
            if start == 0 && end == 0 {
                return None;
            }
            // The largest address only sets the base of the next ones.
            if start != u64::MAX >> (64 - 8 * address) {
                break;
            }
        }
        let len = cursor.fixed(2).ok()?;
        cursor.bytes(index(len)).ok()
    }
}
