//! The few location expressions that say something about types.

use gimli::constants as dw;

use crate::attrs::Source;
use crate::model::Bases;
use crate::reader::{Cursor, index};

/// The offset of a member, in bytes, as compilers before DWARF 3 wrote it.
pub(crate) fn member_offset(block: &[u8]) -> Option<u64> {
    let mut cursor = Cursor::new(block, 0, false);
    let op = u8::try_from(cursor.fixed(1).ok()?).ok()?;
    let value = match gimli::DwOp(op) {
        dw::DW_OP_plus_uconst | dw::DW_OP_constu => cursor.uleb().ok()?,
        dw::DW_OP_lit0 => 0,
        _ => return None,
    };
    (cursor.is_at_end() || block.get(cursor.pos()) == Some(&dw::DW_OP_plus.0)).then_some(value)
}

/// The address of a variable that always has the same one.
pub(crate) fn address(block: &[u8], source: &Source<'_>, bases: &Bases) -> Option<u64> {
    let mut cursor = Cursor::new(block, 0, source.sections.big);
    let op = u8::try_from(cursor.fixed(1).ok()?).ok()?;
    let size = source.header.encoding.address_size;
    let address = match gimli::DwOp(op) {
        dw::DW_OP_addr => cursor.fixed(size.into()).ok()?,
        dw::DW_OP_addrx | dw::DW_OP_GNU_addr_index => {
            source.sections.indexed_address(bases.addr, cursor.uleb().ok()?, size)?
        }
        _ => return None,
    };
    cursor.is_at_end().then_some(address)
}

/// The register that an expression begins with.
pub(crate) fn register(expression: &[u8], big: bool) -> Option<u64> {
    let mut cursor = Cursor::new(expression, 0, big);
    let op = u8::try_from(cursor.fixed(1).ok()?).ok()?;
    match gimli::DwOp(op) {
        gimli::DwOp(op @ 0x50..=0x6f) => Some(u64::from(op - 0x50)),
        dw::DW_OP_regx => cursor.uleb().ok(),
        _ => None,
    }
}

/// The register whose value at the function's entry an expression begins with.
pub(crate) fn entry_register(expression: &[u8], big: bool) -> Option<u64> {
    let mut cursor = Cursor::new(expression, 0, big);
    let op = u8::try_from(cursor.fixed(1).ok()?).ok()?;
    if !matches!(gimli::DwOp(op), dw::DW_OP_entry_value | dw::DW_OP_GNU_entry_value) {
        return None;
    }
    let len = cursor.uleb().ok()?;
    register(cursor.bytes(index(len)).ok()?, big)
}
