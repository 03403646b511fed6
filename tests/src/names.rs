//! What instructions exist: RFC 9669's tables, and the kernel's additions, read as plain rules on bytes.
//!
//! It serves as a judge of encodings, and names each instruction for the counts. It shares nothing with skep-insn.

use std::collections::BTreeSet;

use crate::slot::{Fields, Slot, alu, atomic, class, fields, insn, mode, size};

/// Why a slot is no instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// No instruction has this opcode.
    Opcode,
    /// The field must be zero.
    Reserved(&'static str),
    /// The field names no register.
    Register(&'static str),
    /// The field selects something that does not exist.
    Variant(&'static str),
    /// The second slot is missing, or holds more than an immediate.
    SecondSlot,
}

/// The name of the instruction in the first of these slots, without its operands: `add64 reg`.
///
/// # Errors
/// If it is none.
pub fn name(slots: &[Slot]) -> Result<String, Undefined> {
    let f = fields(*slots.first().ok_or(Undefined::SecondSlot)?);
    match f.code & 7 {
        class::LD => load_special(f, slots.get(1)),
        class::LDX => load(f),
        class::ST | class::STX => store(f),
        class::ALU | class::ALU64 => arithmetic(f),
        _ => jump(f),
    }
}

/// Whether the first of these slots holds an instruction.
///
/// # Errors
/// If it does not.
pub fn check(slots: &[Slot]) -> Result<(), Undefined> {
    name(slots).map(|_| ())
}

/// Names of all instructions.
#[must_use]
pub fn all() -> BTreeSet<String> {
    let offs = [0, 1, 8, 16, 32];
    let imms = [0, 16, 32, 64, atomic::LOAD_ACQUIRE, atomic::STORE_RELEASE];
    let imms = imms.into_iter().chain(atomic::READ_MODIFY_WRITE);
    let mut names = BTreeSet::new();
    for imm in imms {
        for (code, off) in (0..=255).flat_map(|code| offs.map(|off| (code, off))) {
            for src in 0..16 {
                names.extend(name(&[insn(code, 0, src, off, imm), insn(0, 0, 0, 0, 0)]));
            }
        }
    }
    names
}

fn zero<T: Into<i64>>(field: &'static str, value: T) -> Result<(), Undefined> {
    if value.into() == 0 { Ok(()) } else { Err(Undefined::Reserved(field)) }
}

fn register(field: &'static str, number: u8) -> Result<(), Undefined> {
    if number <= 10 { Ok(()) } else { Err(Undefined::Register(field)) }
}

fn width(f: Fields) -> &'static str {
    if matches!(f.code & 7, class::ALU64 | class::JMP) { "64" } else { "32" }
}

fn size_name(code: u8) -> &'static str {
    ["w", "h", "b", "dw"][usize::from(code >> 3 & 3)]
}

fn load_special(f: Fields, second: Option<&Slot>) -> Result<String, Undefined> {
    match (f.code & 0xe0, f.code & 0x18) {
        (mode::IMM, size::DW) => {
            register("dst", f.dst)?;
            zero("off", f.off)?;
            let second = fields(*second.ok_or(Undefined::SecondSlot)?);
            if (second.code, second.dst, second.src, second.off) != (0, 0, 0, 0) {
                return Err(Undefined::SecondSlot);
            }
            match f.src {
                0 | 2 | 3 | 6 => {}
                1 | 4 | 5 => zero("imm of the second slot", second.imm)?,
                _ => return Err(Undefined::Variant("src")),
            }
            Ok(format!("ld_imm64 src {}", f.src))
        }
        (mode::ABS | mode::IND, size::DW) => Err(Undefined::Opcode),
        (mode::ABS, _) => {
            zero("dst", f.dst)?;
            zero("src", f.src)?;
            zero("off", f.off)?;
            Ok(format!("ld_abs {}", size_name(f.code)))
        }
        (mode::IND, _) => {
            zero("dst", f.dst)?;
            register("src", f.src)?;
            zero("off", f.off)?;
            Ok(format!("ld_ind {}", size_name(f.code)))
        }
        _ => Err(Undefined::Opcode),
    }
}

fn load(f: Fields) -> Result<String, Undefined> {
    let name = match (f.code & 0xe0, f.code & 0x18) {
        (mode::MEM, _) => "ldx",
        (mode::MEMSX, size::B | size::H | size::W) => "ldsx",
        _ => return Err(Undefined::Opcode),
    };
    register("dst", f.dst)?;
    register("src", f.src)?;
    zero("imm", f.imm)?;
    Ok(format!("{name} {}", size_name(f.code)))
}

fn store(f: Fields) -> Result<String, Undefined> {
    let size = size_name(f.code);
    match (f.code & 7, f.code & 0xe0) {
        (class::ST, mode::MEM) => {
            register("dst", f.dst)?;
            zero("src", f.src)?;
            Ok(format!("st {size}"))
        }
        (class::STX, mode::MEM) => {
            register("dst", f.dst)?;
            register("src", f.src)?;
            zero("imm", f.imm)?;
            Ok(format!("stx {size}"))
        }
        (class::STX, mode::ATOMIC) => {
            register("dst", f.dst)?;
            register("src", f.src)?;
            match f.imm {
                atomic::LOAD_ACQUIRE => return Ok(format!("load_acquire {size}")),
                atomic::STORE_RELEASE => return Ok(format!("store_release {size}")),
                _ => {}
            }
            let narrow = matches!(size, "b" | "h");
            let fetch = if f.imm & atomic::FETCH != 0 { "fetch_" } else { "" };
            let name = match f.imm {
                _ if narrow => return Err(Undefined::Variant("imm")),
                atomic::XCHG => "xchg".to_owned(),
                atomic::CMPXCHG => "cmpxchg".to_owned(),
                imm => match imm & !atomic::FETCH {
                    atomic::ADD => format!("{fetch}add"),
                    atomic::OR => format!("{fetch}or"),
                    atomic::AND => format!("{fetch}and"),
                    atomic::XOR => format!("{fetch}xor"),
                    _ => return Err(Undefined::Variant("imm")),
                },
            };
            Ok(format!("atomic {name} {size}"))
        }
        _ => Err(Undefined::Opcode),
    }
}

fn arithmetic(f: Fields) -> Result<String, Undefined> {
    let is_64 = f.code & 7 == class::ALU64;
    let is_reg = f.code & 8 != 0;
    let width = width(f);
    let op = f.code & 0xf0;
    if op == alu::END {
        // The source bit tells the direction; ALU64 has one form only.
        let name = match (is_64, is_reg) {
            (false, false) => "le",
            (false, true) => "be",
            (true, false) => "bswap",
            (true, true) => return Err(Undefined::Opcode),
        };
        register("dst", f.dst)?;
        zero("src", f.src)?;
        zero("off", f.off)?;
        return match f.imm {
            16 | 32 | 64 => Ok(format!("{name}{}", f.imm)),
            _ => Err(Undefined::Variant("imm")),
        };
    }
    if op == alu::NEG {
        if is_reg {
            return Err(Undefined::Opcode);
        }
        register("dst", f.dst)?;
        zero("src", f.src)?;
        zero("off", f.off)?;
        zero("imm", f.imm)?;
        return Ok(format!("neg{width}"));
    }
    let names = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "", "mod", "xor", "mov", "arsh"];
    let name = names.get(usize::from(op >> 4)).ok_or(Undefined::Opcode)?;
    register("dst", f.dst)?;
    match is_reg {
        true => register("src", f.src)?,
        false => zero("src", f.src)?,
    }
    let mut prefix = String::new();
    match (op, f.off) {
        (alu::DIV | alu::MOD, 0) => {}
        (alu::DIV | alu::MOD, 1) => prefix.push('s'),
        (alu::DIV | alu::MOD, _) => return Err(Undefined::Variant("off")),
        (alu::MOV, 0) => {}
        (alu::MOV, 1) if is_reg && is_64 => return Ok("addr_space_cast".to_owned()),
        (alu::MOV, 8 | 16) if is_reg => prefix = format!("sx{} ", f.off),
        (alu::MOV, 32) if is_reg && is_64 => prefix = "sx32 ".to_owned(),
        (alu::MOV, _) if is_reg => return Err(Undefined::Variant("off")),
        _ => zero("off", f.off)?,
    }
    if is_reg {
        zero("imm", f.imm)?;
    }
    Ok(format!("{prefix}{name}{width} {}", if is_reg { "reg" } else { "imm" }))
}

fn jump(f: Fields) -> Result<String, Undefined> {
    let is_reg = f.code & 8 != 0;
    let is_64 = f.code & 7 == class::JMP;
    let unused = |off: bool, imm: bool| {
        zero("dst", f.dst)?;
        zero("src", f.src)?;
        if off {
            zero("off", f.off)?;
        }
        if imm {
            zero("imm", f.imm)?;
        }
        Ok(())
    };
    let names =
        ["", "jeq", "jgt", "jge", "jset", "jne", "jsgt", "jsge", "", "", "jlt", "jle", "jslt", "jsle"];
    match (f.code & 0xf0, is_64, is_reg) {
        (0x00, true, false) => unused(false, true).map(|()| "goto".to_owned()),
        (0x00, false, false) => unused(true, false).map(|()| "gotol".to_owned()),
        (0x00, true, true) => {
            register("dst", f.dst)?;
            zero("src", f.src)?;
            zero("off", f.off)?;
            zero("imm", f.imm)?;
            Ok("gotox".to_owned())
        }
        (0x80, true, false) => {
            zero("dst", f.dst)?;
            match f.src {
                0 | 1 => zero("off", f.off)?,
                2 => {}
                _ => return Err(Undefined::Variant("src")),
            }
            Ok(["call helper", "call local", "call kfunc"][usize::from(f.src)].to_owned())
        }
        (0x80, true, true) => {
            register("dst", f.dst)?;
            zero("src", f.src)?;
            zero("off", f.off)?;
            zero("imm", f.imm)?;
            Ok("callx".to_owned())
        }
        (0x90, true, false) => unused(true, true).map(|()| "exit".to_owned()),
        (0xe0, true, false) => unused(false, true).map(|()| "may_goto".to_owned()),
        (op, ..) => {
            let name = names.get(usize::from(op >> 4)).filter(|name| !name.is_empty());
            let name = name.ok_or(Undefined::Opcode)?;
            register("dst", f.dst)?;
            match is_reg {
                true => {
                    register("src", f.src)?;
                    zero("imm", f.imm)?;
                }
                false => zero("src", f.src)?,
            }
            Ok(format!("{name}{} {}", width(f), if is_reg { "reg" } else { "imm" }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::all;

    #[test]
    fn the_table_has_all_instructions_of_the_standard_and_the_kernel() {
        // 13 operations with immediates and registers, 4 movsx + the 32-bit one of ALU64, addr_space_cast, 2 neg,
        // 9 of byte order; 22 x 2 conditions; jumps, calls; loads, stores, atomics; ld_imm64, packets.
        let arithmetic = (11 + 3) * 2 * 2 + 5 + 1 + 2 + 9;
        let jumps = 11 * 2 * 2 + 2 + 2 + 3 + 1 + 1;
        let memory = 4 + 3 + 4 + 4 + 2 * 10 + 4 + 4;
        assert_eq!(all().len(), arithmetic + jumps + memory + 7 + 6);
    }
}
