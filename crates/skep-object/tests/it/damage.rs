//! Damaged and foreign files: each error says where, what, and what was expected.

use std::error::Error;

use skep_insn::{Endian, RawInsn};
use skep_object::elf;
use skep_object::object::{ObjectBuilder, RelocKind, SectionKind, Symbol, SymbolId};

use crate::sample::{CALL, EXIT, Elf, LD_IMM64, reloc};

/// The message of an error, with its causes.
fn message(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", message(source)),
        None => error.to_string(),
    }
}

/// What reading these bytes says.
fn check_bytes(bytes: &[u8], expected: &str) {
    let error = elf::read("t.o", bytes).expect_err(expected);
    assert_eq!(message(&error), expected);
}

/// What reading the damaged sample says; FILE is its length, TABLE where its section headers are, and STRINGS the
/// length of its string table.
fn check(damage: impl FnOnce(&mut Elf), expected: &str) {
    let mut elf = Elf::sample();
    let expected = expected
        .replace("FILE", &format!("{:#x}", elf.bytes.len()))
        .replace("TABLE", &format!("{:#x}", elf.u64(40)))
        .replace("STRINGS", &format!("{:#x}", elf.u64(elf.header(".strtab") + 32)));
    damage(&mut elf);
    check_bytes(&elf.bytes, &expected);
}

/// Offset of a record in a relocation section of the sample.
fn record(elf: &Elf, section: &str, index: usize) -> usize {
    elf.contents(section) + index * 16
}

const BITCODE: &str = "with clang compile without -flto and -emit-llvm; rustc's BPF targets always emit bitcode \
    (`obj-is-bitcode`), even with --emit=obj: link it with bpf-linker, or use a target specification that sets \
    \"obj-is-bitcode\": false";

#[test]
fn other_kinds_of_files() {
    check_bytes(b"", "not an ELF file: it begins with nothing (it is empty), expected 7f 45 4c 46");
    check_bytes(b"#!/bin/sh", "not an ELF file: it begins with 23 21 2f 62, expected 7f 45 4c 46");
    check_bytes(
        b"BC\xc0\xde5\x14",
        &format!("the file is LLVM bitcode instead of BPF instructions: {BITCODE}"),
    );
    check_bytes(
        b"\xde\xc0\x17\x0b\0\0\0\0",
        &format!("the file is wrapped LLVM bitcode instead of BPF instructions: {BITCODE}"),
    );
    check_bytes(
        b"!<arch>\n",
        "the file is an ar archive, expected one ELF object: extract its members (`ar x`), or read it as an archive",
    );
    check_bytes(
        b"!<thin>\n",
        "the file is a thin ar archive, which holds only the names of its members, expected one ELF object: extract its \
         members (`ar x`), or read it as an archive",
    );
    check_bytes(
        b"\x7fELF\x02\x01\x01",
        "the ELF header ends behind the file: it takes 0x40 bytes at file+0x0, the file has 0x7",
    );
}

#[test]
fn other_kinds_of_elf_files() {
    check(|e| e.put(4, &[1]), "ELF header: class is 1 (32-bit), expected 2 (64-bit)");
    check(|e| e.put(5, &[3]), "ELF header: byte order is 3, expected 1 (little endian) or 2 (big endian)");
    check(|e| e.put(6, &[9]), "ELF header: version is 9, expected 1");
    check(
        |e| e.put(18, &[62]),
        "ELF header: e_machine is 62 (x86-64), expected 247 (BPF): compile with --target=bpf",
    );
    check(
        |e| e.put(16, &[3]),
        "ELF header: e_type is 3 (shared object), expected 1 (relocatable object): compile with -c and do not link",
    );
    check(
        |e| e.put(16, &[2]),
        "ELF header: e_type is 2 (executable), expected 1 (relocatable object): compile with -c and do not link",
    );
    // An object of another machine, as it is, in the byte order that it says.
    check(
        |e| e.put(5, &[2]),
        "ELF header: e_machine is 63232, expected 247 (BPF): compile with --target=bpf",
    );
    // Very old clang wrote no machine.
    let mut elf = Elf::sample();
    elf.put(18, &[0]);
    elf::read("t.o", &elf.bytes).unwrap();
}

#[test]
fn only_bitcode_in_elf() {
    let mut b = ObjectBuilder::new("t.o", Endian::Little);
    let id = b.section(".llvmbc", SectionKind::Rodata);
    b.bytes(id).extend(*b"BC\xc0\xde");
    b.section(".text", SectionKind::Code);
    let bytes = elf::write(&b.finish().unwrap());
    check_bytes(
        &bytes,
        &format!(
            "the ELF file holds only LLVM bitcode (section .llvmbc) instead of BPF instructions: {BITCODE}"
        ),
    );
}

#[test]
fn section_headers() {
    check(|e| e.put(40, &[0; 8]), "ELF header: e_shoff is 0, expected the offset of the section headers");
    check(
        |e| e.put(40, &[0xff; 8]),
        "the section header table ends behind the file: it takes 0x40 bytes at file+0xffffffffffffffff, the file has \
         FILE",
    );
    check(|e| e.put(58, &[40]), "ELF header: e_shentsize is 40, expected 64");
    check(
        |e| e.put(60, &[0xff, 0xfe]),
        "the section header table ends behind the file: it takes 0x3fbfc0 bytes at file+TABLE, the file has FILE",
    );
    check(
        |e| e.put(60, &[0, 0xff]),
        "ELF header: e_shnum is 0xff00, expected less than 0xff00, or 0 for the size of section 0",
    );
    check(|e| e.put(62, &[99, 0]), "ELF header: e_shstrndx is 99, expected the index of a section");
    check(
        |e| e.put(62, &[1, 0]),
        "section 1: sh_type is 1, expected 3 (SHT_STRTAB), since e_shstrndx names it",
    );
    check(
        |e| e.put(e.header(".data") + 24, &[0, 0xff]),
        "section 5 ends behind the file: it takes 0x10 bytes at file+0xff00, the file has FILE",
    );
    check(
        |e| e.put(e.header(".data") + 32, &[0xff; 8]),
        "section 5 ends behind the file: it takes 0xffffffffffffffff bytes at file+0x100, the file has FILE",
    );
    check(
        |e| {
            for name in [".text", "socket", ".data", ".maps"] {
                e.put(e.header(name) + 24, &[0; 8]);
                e.put(e.header(name) + 32, &[0, 4]);
            }
        },
        "sections hold 0x144f bytes together, the file has FILE: they overlap",
    );
    check(
        |e| e.put(e.header(".data"), &[0xff, 0xff]),
        "name of section 5: at 0xffff of a string table of STRINGS bytes",
    );
    check(
        |e| e.put(e.contents(".strtab") + 1, &[0xff]),
        "name of section 1: at 0x1 of the string table, not UTF-8",
    );
    check(
        |e| {
            let (header, len) = (e.header(".strtab"), e.u64(e.header(".strtab") + 32));
            e.put(e.u64(header + 24) + len - 1, b"x");
        },
        "name of section 14: at 0x83 of the string table, without a zero byte behind it",
    );
    check(
        |e| e.put(e.header(".data") + 48, &[3]),
        "section '.data': alignment is 0x3, expected a power of two, at most 0x100000",
    );
    check(
        |e| e.put(e.header("socket") + 32, &[60]),
        "section 'socket': sh_size is 0x3c, expected a multiple of 8, since it holds code",
    );
    check(
        |e| e.put(e.header("socket") + 4, &[8]),
        "section 'socket': sh_type is 8 (SHT_NOBITS), expected 1 (SHT_PROGBITS), since it holds code",
    );
    check(
        |e| e.put(e.header(".data") + 9, &[4]),
        "section '.data': sh_flags is SHF_TLS, expected no thread-local variables, BPF has none: remove __thread",
    );
    check(
        |e| e.put(e.header(".data") + 9, &[8]),
        "section '.data': sh_flags is SHF_COMPRESSED, expected a section that is not compressed",
    );
    check(
        |e| e.put(e.header(".bss") + 32, &[1, 0, 0, 0x80]),
        "section '.bss': length is 0x80000001, expected at most 0x80000000",
    );
    check(
        |e| e.put(e.header(".BTF.ext") + 4, &[2]),
        "section '.symtab': sh_type is 2 (SHT_SYMTAB), expected one symbol table; section 12 is one",
    );
    check(
        |e| {
            let name = e.u32(e.header(".BTF"));
            e.put(e.header(".BTF.ext"), &name.to_le_bytes());
        },
        "section '.BTF': name is .BTF, expected one such section; section 11 is one",
    );
}

#[test]
fn symbols() {
    check(|e| e.put(e.header(".symtab") + 56, &[23]), "section '.symtab': sh_entsize is 23, expected 24");
    check(
        |e| e.put(e.header(".symtab") + 32, &[1, 1]),
        "section '.symtab': sh_size is 0x101, expected a multiple of 24",
    );
    check(
        |e| e.put(e.header(".symtab") + 40, &[1]),
        "section '.symtab': sh_link is 1, expected the index of a string table",
    );
    check(
        |e| e.put(e.symbol("prog"), &[0xff, 0xff]),
        "name of symbol 7: at 0xffff of a string table of STRINGS bytes",
    );
    check(|e| e.put(e.symbol("prog") + 6, &[77, 0]), "symbol 'prog': lies in section 77, expected 0 to 14");
    check(
        |e| e.put(e.symbol("prog") + 6, &[5, 0xff]),
        "symbol 'prog': has the reserved section index 0xff05",
    );
    check(
        |e| e.put(e.symbol("prog") + 6, &[0xff, 0xff]),
        "symbol 'prog': has a section index of more than 16 bits, but there is no section SHT_SYMTAB_SHNDX",
    );
    check(
        |e| e.put(e.symbol("zeros") + 6, &[0xf2, 0xff]),
        "symbol 'zeros' is a common symbol of 64 bytes: initialise it, or compile with -fno-common",
    );
    check(|e| e.put(e.symbol("x") + 4, &[0x1e]), "symbol 'x': has the unknown type 14, expected 0 to 4");
    check(
        |e| e.put(e.symbol("x") + 4, &[0x16]),
        "symbol 'x': is thread-local, BPF has no threads: remove __thread",
    );
    check(
        |e| e.put(e.symbol("x") + 4, &[0x1a]),
        "symbol 'x': is an indirect function (ifunc), expected one that is called directly",
    );
    check(|e| e.put(e.symbol("x") + 4, &[0xa1]), "symbol 'x': has the unknown binding 10, expected 0 to 2");
    check(
        |e| e.put(e.symbol("x") + 8, &[0xf0]),
        "symbol 'x': takes 0x4 bytes at 0xf0 of section '.data', which has 0x10",
    );
    check(
        |e| e.put(e.symbol("x") + 16, &[0xff; 8]),
        "symbol 'x': takes 0xffffffffffffffff bytes at 0x0 of section '.data', which has 0x10",
    );
}

#[test]
fn functions() {
    check(
        |e| e.put(e.symbol("g") + 8, &[12]),
        "symbol 'g': begins at 0xc and takes 0x10 bytes, expected multiples of 8 for a function",
    );
    check(
        |e| e.put(e.symbol("g") + 8, &[8]),
        "section '.text': function 'g' begins at 0x8, inside 'f', which ends at 0x10",
    );
    check(
        |e| {
            e.put(e.symbol("g") + 8, &[0]);
            e.put(e.symbol("g") + 16, &[8]);
        },
        "symbol 'f': takes 0x10 bytes, but 'g' at the same place takes 0x8",
    );
    check(
        |e| e.put(e.symbol("x") + 4, &[0x12, 0]),
        "symbol 'x': is a function, but section '.data' holds no code",
    );
}

#[test]
fn relocation_sections() {
    check(
        |e| e.put(e.header(".relsocket") + 44, &[99]),
        "section '.relsocket': sh_info is 99, expected the index of the section to be patched",
    );
    check(
        |e| e.put(e.header(".relsocket") + 40, &[1]),
        "section '.relsocket': sh_link is 1, expected the index of the symbol table",
    );
    check(
        |e| e.put(e.header(".relsocket") + 56, &[24]),
        "section '.relsocket': sh_entsize is 24, expected 16",
    );
    check(
        |e| e.put(e.header(".relsocket") + 32, &[40]),
        "section '.relsocket': sh_size is 0x28, expected a multiple of 16",
    );
}

#[test]
fn relocations() {
    let place = |expected: &str, damage: &dyn Fn(&mut Elf, usize)| {
        check(|e| damage(e, record(e, ".relsocket", 0)), &format!("relocation at socket+{expected}"));
    };
    place("0x0: unknown type 7, expected 0 to 4, 10, 11 or 12", &|e, at| e.put(at + 8, &[7]));
    place(
        "0x0: R_BPF_64_ABS64 (type 2) does not belong in code, expected R_BPF_64_64 or R_BPF_64_32",
        &|e, at| e.put(at + 8, &[2]),
    );
    place("0x0: symbol 0 does not exist, expected 1 to 10", &|e, at| e.put(at + 12, &[0]));
    place("0x0: symbol 65535 does not exist, expected 1 to 10", &|e, at| e.put(at + 12, &[0xff, 0xff]));
    place("0x4: the offset is no multiple of 8, expected the start of an instruction", &|e, at| {
        e.put(at, &[4])
    });
    place("0x400: it patches 16 bytes, the section has 0x40", &|e, at| e.put(at, &[0, 4]));
    place(
        "0xffffffffffffffff: the offset is no multiple of 8, expected the start of an instruction",
        &|e, at| {
            e.put(at, &[0xff; 8]);
        },
    );
    place("0xfffffffffffffff8: it patches 16 bytes, the section has 0x40", &|e, at| {
        e.put(at, &[0xff; 8]);
        e.put(at, &[0xf8]);
    });
    place("0x38: it patches 16 bytes, the section has 0x40", &|e, at| e.put(at, &[0x38]));
    place(
        "0x28: it patches 0x85 dst 0 src 1 off 0 imm 0x1, expected ld_imm64 (opcode 0x18), src 0",
        &|e, at| e.put(at, &[0x28]),
    );
    place(
        "0x0: it patches 0x18 dst 1 src 0 off 0 imm 0x0, expected call (opcode 0x85) of a function, src 1",
        &|e, at| e.put(at + 8, &[10]),
    );
    place(
        "0x8: it patches 0x00 dst 0 src 0 off 0 imm 0x0, expected ld_imm64 (opcode 0x18), src 0",
        &|e, at| e.put(at, &[8]),
    );
    place(
        "0x0: it patches 0x00 dst 0 src 0 off 5 imm 0x0, expected the second slot of ld_imm64, which holds only an imm",
        &|e, _| e.put(e.contents("socket") + 10, &[5]),
    );
    place("0x10: it overlaps the relocation at 0x10", &|e, at| e.put(at, &[0x10]));
    check(
        |e| e.put(record(e, ".rel.data", 0) + 8, &[4]),
        "relocation at .data+0x8: R_BPF_64_NODYLD32 (type 4) does not belong in data, expected R_BPF_64_ABS64 or \
         R_BPF_64_ABS32",
    );
}

#[test]
fn relocations_of_data() {
    check(
        |e| e.put(record(e, ".rel.data", 0), &[0xc]),
        "relocation at .data+0xc: it patches 8 bytes, the section has 0x10",
    );
    check(
        |e| {
            let bss = e.index(".bss");
            e.put(e.header(".rel.data") + 44, &u32::try_from(bss).unwrap().to_le_bytes());
        },
        "relocation at .bss+0x8: the section has no contents (SHT_NOBITS), nothing can be patched there",
    );
    check(
        |e| {
            let types = e.index(".BTF");
            let x = e.symbol("x");
            e.put(x + 6, &u16::try_from(types).unwrap().to_le_bytes());
        },
        "relocation at .data+0x8: symbol 'x' lies in section 11, which is no part of the program, expected code, data or \
         an undefined symbol",
    );
    check(
        |e| {
            let x = e.symbol("x");
            e.put(x + 4, &[4]);
        },
        "relocation at .data+0x8: symbol 'x' names a source file, expected code, data or an undefined symbol",
    );
}

#[test]
fn types() {
    check(
        |e| e.put(e.contents(".BTF"), &[0, 0]),
        "section '.BTF' is damaged: .BTF+0x0: magic is 0x0, expected 0xeb9f in either byte order",
    );
    check(
        |e| e.put(e.contents(".BTF.ext") + 8, &[0xff, 0xff]),
        "section '.BTF.ext' is damaged: .BTF.ext+0x1001f: func_info takes 20 bytes, 0 are left",
    );
    check(
        |e| {
            let x = e.symbol("counts");
            e.put(x + 6, &u16::try_from(e.index(".data")).unwrap().to_le_bytes());
            e.put(x + 16, &[0]);
        },
        "map 'counts' at .maps+0x0: no symbol has its name; a map must be global, remove 'static'",
    );
    check(
        |e| e.put(e.header("version") + 32, &[2]),
        "section 'version'+0x0: 2 bytes, expected a 32-bit kernel version",
    );
    check(
        |e| e.put(e.contents("license") + 1, &[0xff]),
        "section 'license'+0x1: not UTF-8, expected the name of a licence",
    );
}

/// Signs of both dialects, and a place that they read differently.
#[test]
fn dialects() {
    let object = |places: [i64; 2]| {
        let mut b = ObjectBuilder::new("t.o", Endian::Little);
        b.divisible();
        let text = b.section(".text", SectionKind::Code);
        let data = b.section(".data", SectionKind::Data);
        b.bytes(data).extend([0; 64]);
        let x = b.symbol(Symbol::object("x", data, 32, 8).global());
        b.symbol(Symbol::func("f", text, 0, 40).global());
        b.code(text).extend(LD_IMM64.iter().chain(&LD_IMM64).chain(&[EXIT]));
        b.reloc(text, reloc(0, RelocKind::LoadImm64, x, places[0]));
        b.reloc(text, reloc(16, RelocKind::LoadImm64, x, places[1]));
        let mut elf = Elf { bytes: elf::write(&b.finish().unwrap()) };
        assert_eq!(elf.has(".comment"), places != [0, 4], "only what is not clear is told");
        if elf.has(".comment") {
            let comment = elf.contents(".comment");
            elf.put(comment, &[0; 6]);
        }
        elf
    };
    let addends = |elf: &Elf| {
        let object = elf::read("t.o", &elf.bytes).unwrap();
        object.sections[0].relocs.iter().map(|r| r.addend).collect::<Vec<_>>()
    };
    assert_eq!(addends(&object([0, 4])), [0, 4], "clang's: addends");
    assert_eq!(addends(&object([32, 36])), [0, 4], "GNU's: the symbol's value as well");
    check_bytes(
        &object([0, 36]).bytes,
        "relocation at .text+0x0 means 'x'+0x0 in clang's dialect and 'x'-0x20 in that of GNU binutils, and the object \
         has signs of both (1 and 1 places that make sense in only one of them): assemble all of it with one of them",
    );
}

fn finish(build: impl FnOnce(&mut ObjectBuilder)) -> String {
    let mut b = ObjectBuilder::new("t.o", Endian::Little);
    let text = b.section(".text", SectionKind::Code);
    b.code(text).extend(LD_IMM64.iter().chain(&[CALL, EXIT]));
    b.symbol(Symbol::func("f", text, 0, 0).global());
    build(&mut b);
    message(&b.finish().expect_err("an error"))
}

/// Mistakes of those who build objects.
#[test]
fn builders() {
    let text = skep_object::object::SectionId(0);
    let f = SymbolId(0);
    let check = |build: &dyn Fn(&mut ObjectBuilder), expected: &str| assert_eq!(finish(build), expected);
    check(
        &|b| b.reloc(text, reloc(0, RelocKind::Call, f, 0)),
        "relocation at .text+0x0: the place holds 0x18 dst 1 src 0 off 0 imm 0x0, expected call with src 1 and imm -1",
    );
    check(
        &|b| {
            b.code(text)[2] = RawInsn::new(0x85, 0, 1, 0, 7);
            b.reloc(text, reloc(16, RelocKind::Call, f, 0));
        },
        "relocation at .text+0x10: the place holds 0x85 dst 0 src 1 off 0 imm 0x7, expected call with src 1 and imm -1",
    );
    check(
        &|b| {
            b.code(text)[0] = RawInsn::new(0x18, 1, 0, 0, 5);
            b.reloc(text, reloc(0, RelocKind::LoadImm64, f, 0));
        },
        "relocation at .text+0x0: the place holds 0x18 dst 1 src 0 off 0 imm 0x5, expected ld_imm64 with src 0 and \
         value 0",
    );
    check(
        &|b| b.reloc(text, reloc(16, RelocKind::Call, f, 4)),
        "relocation at .text+0x10: the addend is 0x4, expected a multiple of 8 that is, in slots, less than 2^31",
    );
    check(
        &|b| b.reloc(text, reloc(16, RelocKind::Call, SymbolId(9), 0)),
        "relocation at .text+0x10: symbol 10 does not exist, expected 1 to 1",
    );
    check(
        &|b| b.reloc(text, reloc(0, RelocKind::LoadImm64, f, 1 << 31)),
        "relocation at .text+0x0: the addend is 0x80000000, expected not 2^31 to 2^32-1, which reads as negative",
    );
    check(
        &|b| {
            let data = b.section(".data", SectionKind::Data);
            b.bytes(data).extend([1; 8]);
            b.reloc(data, reloc(0, RelocKind::Abs64, f, 0));
        },
        "relocation at .data+0x0: the place holds [01, 01, 01, 01, 01, 01, 01, 01], expected zeros",
    );
    check(
        &|b| {
            b.section(".rodata", SectionKind::Data);
        },
        "section '.rodata': kind is Data, expected Rodata, which its name and contents say",
    );
}
