//! What the assembler makes of correct text.

use skep_insn::{Endian, Insn};
use skep_object::asm::{Options, assemble, assemble_with};
use skep_object::object::{Binding, Contents, Object, Place, RelocKind, SectionKind, SymbolKind};

fn object(text: &str) -> Object {
    assemble("t.s", text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The bytes of a section.
fn bytes(object: &Object, name: &str) -> Vec<u8> {
    match &object.section_by_name(name).unwrap_or_else(|| panic!("no section {name}")).1.contents {
        Contents::Bytes(bytes) => bytes.clone(),
        Contents::Zeros(len) => vec![0; usize::try_from(*len).unwrap()],
        Contents::Code(slots) => slots.iter().flat_map(|slot| slot.to_bytes(object.endian)).collect(),
    }
}

/// Assembles data, and compares the bytes.
fn check_data(text: &str, expected: &[u8]) {
    assert_eq!(bytes(&object(&format!(".data\n{text}\n")), ".data"), expected, "{text}");
}

/// Assembles code, and compares what it disassembles to, and its relocations.
fn check_code(text: &str, expected: &[&str]) {
    let object = object(text);
    let mut found = Vec::new();
    for section in object.sections.iter().filter(|section| section.kind == SectionKind::Code) {
        let Contents::Code(slots) = &section.contents else { panic!("no code") };
        let mut at = 0;
        while at < slots.len() {
            let insn = Insn::decode(&slots[at..]).unwrap();
            let reloc = section.relocs.iter().find(|reloc| reloc.offset == at as u64 * 8);
            let reloc = reloc.map(|r| format!(" <{}{:+}>", object.symbol_by_id(r.symbol).name, r.addend));
            found.push(format!("{insn}{}", reloc.unwrap_or_default()));
            at += insn.slots() as usize;
        }
    }
    assert_eq!(found, expected, "{text}");
}

/// Name, offset and length in slots of each function.
fn functions(object: &Object) -> Vec<(&str, u32, u32)> {
    object.funcs.iter().map(|func| (&*object.symbol_by_id(func.symbol).name, func.start, func.len)).collect()
}

#[test]
fn numbers() {
    check_data(".byte 1, -1, 255, 'a', '\\n', 0x10, 0b11, 017", &[1, 255, 255, 97, 10, 16, 3, 15]);
    check_data(".short 0x1234; .2byte 1", &[0x34, 0x12, 1, 0]);
    check_data(".long 0xffffffff\n.word -2", &[255, 255, 255, 255, 254, 255, 255, 255]);
    check_data(".quad 0xffffffffffffffff", &[255; 8]);
    check_data(".quad -0x8000000000000000", &[0, 0, 0, 0, 0, 0, 0, 0x80]);
    check_data(".uleb128 624485 \n .sleb128 -123456, 0, -1", &[0xe5, 0x8e, 0x26, 0xc0, 0xbb, 0x78, 0, 0x7f]);
}

#[test]
fn strings() {
    check_data(".ascii \"a\\n\\t\\\\\\\"\\0\\101\\x41\"", b"a\n\t\\\"\0AA");
    check_data(".asciz \"a\", \"b\" \"c\"", b"a\0bc\0");
    check_data(".string \"# no comment ; /* nor this */\"", b"# no comment ; /* nor this */\0");
    check_data(".ascii \"é\"", "é".as_bytes());
}

#[test]
fn space() {
    check_data(".zero 3; .skip 1, 7; .space 2", &[0, 0, 0, 7, 0, 0]);
    check_data(".fill 2, 2, 0x102; .fill 2", &[2, 1, 2, 1, 0, 0]);
    check_data(".byte 1; .balign 4; .byte 2; .p2align 1, 9; .byte 3", &[1, 0, 0, 0, 2, 9, 3]);
    check_data(".byte 1; .p2align 3,,2; .byte 2; .org 4, 5; .byte 6", &[1, 2, 5, 5, 6]);
}

#[test]
fn expressions() {
    // Precedence is that of the GNU assembler and llvm-mc, not that of C.
    check_data(
        ".byte 1 + 2 * 3, (1 + 2) * 3, 2 + 3 << 1, 7 & 3 + 1, ~0 & 15, -3 / 2",
        &[7, 9, 8, 4, 15, 255],
    );
    check_data(".byte 10 - 2 - 3, 1 == 1, 1 < 0, 3 && 0, 0 || 2, !5", &[5, 255, 0, 0, 1, 0]);
    check_data("a: .quad 1; b: .byte b - a, . - a, later - b\nlater:", &[1, 0, 0, 0, 0, 0, 0, 0, 8, 9, 3]);
    check_data(".set x, 5; x = x + 1; .byte x; x = 9", &[6]);
    check_data(".byte later + 1; later = other * 2; other = 20", &[41]);
}

#[test]
fn numbers_in_instructions_are_expressions() {
    let check = |written: &str, expected: &str| {
        let code = |text: &str| {
            let text = format!("N = 3\n.globl main\nmain: {text}\nx: exit\n.data\ny: .zero 64");
            let object = assemble("t.s", &text).unwrap_or_else(|errors| panic!("{errors}"));
            let (_, section) = object.section_by_name(".text").unwrap();
            (section.contents.clone(), section.relocs.clone())
        };
        assert_eq!(code(written), code(expected), "{written}");
    };
    for (written, value) in [
        ("1 << 22", 4_194_304),
        ("4 * 5", 20),
        ("4 + 5", 9),
        ("(4 + 5) * 2", 18),
        ("(7)", 7),
        ("~1", -2),
        ("-(N)", -3),
        ("- 5", -5),
        ("10 - 3 - 2", 5),
        ("10 % 4 | 1", 3),
        ("'a' + 1", 98),
        ("N * 2 - 1", 5),
    ] {
        check(&format!("r1 = {written}"), &format!("r1 = {value}"));
        check(&format!("w1 += {written}"), &format!("w1 += {value}"));
        check(&format!("if r1 s> {written} goto x"), &format!("if r1 s> {value} goto x"));
        check(&format!("r1 = {written} ll"), &format!("r1 = {value} ll"));
    }
    check("*(u64 *)(r10 - 8 * 2) = 1 << 3", "*(u64 *)(r10 - 16) = 8");
    check("r1 = *(u8 *)(r2 + 1 + 2)", "r1 = *(u8 *)(r2 + 3)");
    check("r1 = y + 4 * 2 ll", "r1 = y + 8 ll");
    check("call 2 + 3", "call 5");
    check("goto +1 - 1", "goto +0");
    assert!(assemble("t.s", "r1 = 1 / 0").is_err());
}

#[test]
fn constants_and_numbered_labels_stand_in_instructions() {
    check_code(
        "SIZE = 16\nSLOT = -8\nmain: r1 = SIZE; r2 += -SIZE; r3 = *(u64 *)(r10 + SLOT); *(u8 *)(r10 - SIZE) = 'a'\n\
         1: r1 += 1; if r1 < SIZE goto 1b; if r1 > SIZE goto 1f; goto 1f; 1: exit",
        &[
            "r1 = 0x10",
            "r2 += -0x10",
            "r3 = *(u64 *)(r10 - 0x8)",
            "*(u8 *)(r10 - 0x10) = 0x61",
            "r1 += 0x1",
            "if r1 < 0x10 goto -0x2",
            "if r1 > 0x10 goto +0x1",
            "goto +0x0",
            "exit",
        ],
    );
}

#[test]
fn expressions_of_constants_stand_in_instructions() {
    let text = "A = 16\nB = -3\nmain: r1 = A - 1; r1 = (A + 2) * 3; r1 += -A; r1 = *(u64 *)(r10 - A); r1 = *(u8 *)(r2 + B)\n\
                r1 = *(u8 *)(r2 - A * 2 - 1); *(u8 *)(r2 - B) = A / 8; if r1 > A - 1 goto + A - 15; if r1 & A | 1 goto +0\n\
                r1 = here + A - 1 ll; r1 = ~A & 0xff; r1 = 'a' + A; r1 = A << 2 ll; call A + B; exit\nhere: exit";
    check_code(
        text,
        &[
            "r1 = 0xf",
            "r1 = 0x36",
            "r1 += -0x10",
            "r1 = *(u64 *)(r10 - 0x10)",
            "w1 = *(u8 *)(r2 - 0x3)",
            "w1 = *(u8 *)(r2 - 0x21)",
            "*(u8 *)(r2 + 0x3) = 0x2",
            "if r1 > 0xf goto +0x1",
            "if r1 & 0x11 goto +0x0",
            "r1 = 0x0 ll <.text+151>",
            "r1 = 0xef",
            "r1 = 0x71",
            "r1 = 0x40 ll",
            "call 0xd",
            "exit",
            "exit",
        ],
    );
}

#[test]
fn calls() {
    check_code(
        ".globl main\nmain: call local; call outer; call bpf_ktime_get_ns; call 7; call puts; call other\n\
         .extern bpf_loop\ncall bpf_loop\nexit\n\
         local: exit\n.globl outer\nouter: exit\n.section s,\"ax\"\nother: exit",
        &[
            "call pc+0x7",
            "call pc-0x1 <outer+0>",
            "call 0x5",
            "call 0x7",
            "call pc-0x1 <puts+0>",
            "call pc-0x1 <s+0>",
            "call pc-0x1 <bpf_loop+0>",
            "exit",
            "exit",
            "exit",
            "exit",
        ],
    );
}

#[test]
fn addresses() {
    check_code(
        "main: r1 = global ll; r2 = table + 8 ll; r3 = outside - 4 ll; r4 = ANSWER ll; r5 = cb ll; exit\n\
         cb: exit\n ANSWER = 0x123456789\n\
         .data\n.globl global\nglobal: .quad 1\ntable: .quad 2, 3",
        &[
            "r1 = 0x0 ll <global+0>",
            "r2 = 0x0 ll <.data+16>",
            "r3 = 0x0 ll <outside-4>",
            "r4 = 0x123456789 ll",
            "r5 = 0x0 ll <.text+88>",
            "exit",
            "exit",
        ],
    );
}

#[test]
fn pointers_in_data() {
    let object = object(
        ".data\np: .quad a + 4, b, f, .rodata\n.long b\n.rodata\n.quad 0\na: .asciz \"a\"\n.text\n.globl f\nf: exit",
    );
    let relocs = &object.section_by_name(".data").unwrap().1.relocs;
    let found: Vec<_> =
        relocs.iter().map(|r| (r.offset, r.kind, &*object.symbol_by_id(r.symbol).name, r.addend)).collect();
    let abs64 = RelocKind::Abs64;
    let expected = [
        (0, abs64, ".rodata", 12),
        (8, abs64, "b", 0),
        (16, abs64, "f", 0),
        (24, abs64, ".rodata", 0),
        (32, RelocKind::Abs32, "b", 0),
    ];
    assert_eq!(found, expected);
}

#[test]
fn functions_are_what_is_global_typed_called_loaded_or_first() {
    let object = object(
        "first: r0 = 0\nagain: if r0 == 1 goto again\ncall called\nr1 = loaded ll\nexit\n\
         called: exit\nloaded: exit\n.globl shown\nshown: exit\n.type typed,@function\ntyped: exit\n\
         .type done,@function\ndone: r1 = 0\n.Lloop: goto .Lloop\n.size done, .-done\n\
         .section s\nin_s: exit\nnot_in_s: exit",
    );
    let expected = [
        ("first", 0, 6),
        ("called", 6, 1),
        ("loaded", 7, 1),
        ("shown", 8, 1),
        ("typed", 9, 1),
        ("done", 10, 2),
        ("in_s", 0, 2),
    ];
    assert_eq!(functions(&object), expected);
    let shown = object.symbol_by_name("shown").unwrap().1;
    assert_eq!((shown.binding, shown.size, shown.kind), (Binding::Global, 8, SymbolKind::Func));
    assert!(object.symbol_by_name("again").is_none());
}

#[test]
fn programs_for_the_kernel_are_global() {
    let binding = |text: &str| object(text).symbol_by_name("f").unwrap().1.binding;
    assert_eq!(binding(".section xdp\nf: exit"), Binding::Global);
    assert_eq!(binding(".section BEGIN\nf: exit"), Binding::Local);
    assert_eq!(binding(".section xdp\nf: exit\n.globl g\ng: exit"), Binding::Local);
    assert_eq!(binding(".section xdp\n.local f\nf: exit"), Binding::Local);
    assert_eq!(binding(".section xdp\n.type f,@function\nf: exit"), Binding::Local);
}

#[test]
fn aliases_share_their_function() {
    let object = object(".globl f, g\nf: exit\n.set g, f\nh = f\n.type h,@function");
    assert_eq!(functions(&object), [("f", 0, 1)]);
    assert_eq!(object.symbol_by_name("g").unwrap().1.size, 8);
    assert_eq!(object.symbol_by_name("h").unwrap().1.binding, Binding::Local);
}

#[test]
fn variables_end_where_the_next_begins() {
    let object = object(
        ".bss\na: .zero 8\nb: .zero 24\n.data\nc: .long 1, 2\nd: .byte 1\n.size d, 1\n.byte 0\n.local e\n.comm e, 40, 16\n\
         .lcomm l, 4, 4",
    );
    let found: Vec<_> = ["a", "b", "c", "d", "e", "l"]
        .map(|name| object.symbol_by_name(name).unwrap().1)
        .iter()
        .map(|sym| (sym.value, sym.size, sym.kind))
        .collect();
    let o = SymbolKind::Object;
    assert_eq!(found, [(0, 8, o), (8, 24, o), (0, 8, o), (8, 1, o), (32, 40, o), (72, 4, o)]);
    let bss = object.section_by_name(".bss").unwrap().1;
    assert_eq!((bss.align, bss.contents.len()), (16, 76));
}

#[test]
fn bindings() {
    let object = object(
        ".globl g\n.weak w, absent\n.hidden g\ng: exit\nw: exit\n.globl abs\nabs = 42\n.data\n.quad absent, plain",
    );
    let of = |name| {
        let symbol = object.symbol_by_name(name).unwrap().1;
        (symbol.binding, symbol.hidden, symbol.place == Place::Undefined)
    };
    assert_eq!(of("g"), (Binding::Global, true, false));
    assert_eq!(of("w"), (Binding::Weak, false, false));
    assert_eq!(of("absent"), (Binding::Weak, false, true));
    assert_eq!(of("plain"), (Binding::Global, false, true));
    let abs = object.symbol_by_name("abs").unwrap().1;
    assert_eq!((abs.place, abs.value), (Place::Absolute, 42));
}

#[test]
fn sections_are_what_their_names_flags_or_contents_say() {
    let object = object(
        ".section BEGIN\nb: exit\n.section mine\n.long 1\n.section tables,\"a\"\n.long 1\n.section vars,\"aw\"\n.long 1\n\
         .section zeros,\"aw\",@nobits\n.zero 4\n.section .rodata.str1.1,\"aMS\",@progbits,1\n.asciz \"x\"\n\
         .section \"kprobe/do_sys open\",\"ax\"\nk: exit\n.pushsection .data\n.long 1\n.popsection\nexit\n.license \"GPL\"",
    );
    let kind = |name| object.section_by_name(name).unwrap().1.kind;
    assert_eq!(kind("BEGIN"), SectionKind::Code);
    assert_eq!(kind("mine"), SectionKind::Data);
    assert_eq!(kind("tables"), SectionKind::Rodata);
    assert_eq!(kind("vars"), SectionKind::Data);
    assert_eq!(kind("zeros"), SectionKind::Bss);
    assert_eq!(kind(".rodata.str1.1"), SectionKind::Rodata);
    assert_eq!(kind("kprobe/do_sys open"), SectionKind::Code);
    assert_eq!(object.license.as_deref(), Some("GPL"));
    assert!(object.section_by_name(".text").is_none());
}

#[test]
fn every_instruction_has_its_line() {
    let object = object("# comment\nmain: r0 = 1 # one\n  r0 += 2; r0 += 3\n  exit\n");
    let (text, _) = object.section_by_name(".text").unwrap();
    let lines = object.lines(text).unwrap();
    let line = |at: u32| {
        let line = lines.at(skep_btf::ByteOff(at)).unwrap();
        (line.file.to_string(), line.line, line.column, line.text.to_string())
    };
    assert_eq!(line(0), ("t.s".into(), 2, 7, "main: r0 = 1 # one".into()));
    assert_eq!(line(8), ("t.s".into(), 3, 3, "r0 += 2; r0 += 3".into()));
    assert_eq!(line(16).2, 12);
    assert_eq!(line(24).1, 4);
    let btf = object.btf.as_ref().unwrap();
    let func = object.btf_ext.as_ref().unwrap().funcs_of(btf, ".text").next().unwrap();
    assert_eq!(btf.name(func.func), "main");
}

#[test]
fn loc_replaces_the_assembly_files_lines() {
    let object = object(".file 1 \"/src\" \"a.c\"\nmain: .loc 1 7 3 prologue_end\nr0 = 1\nexit\n");
    let (text, _) = object.section_by_name(".text").unwrap();
    let line = object
        .lines(text)
        .unwrap()
        .at(skep_btf::ByteOff(8))
        .map(|line| (line.file.to_string(), line.line, line.column));
    assert_eq!(line, Some(("/src/a.c".into(), 7, 3)));
}

#[test]
fn maps_are_declared_as_in_c() {
    let object = object(
        ".map counts, type=hash, key=4, value=8, max_entries=1 << 10\n\
         .map events, type=BPF_MAP_TYPE_RINGBUF, max_entries=4096\nmain: r1 = events ll\nexit",
    );
    let defs = skep_btf::maps::read(object.btf.as_ref().unwrap(), skep_btf::maps::Unknown::Refuse).unwrap();
    let found: Vec<_> = defs
        .iter()
        .map(|d| (&*d.name, d.offset, d.size, d.decl.ty, d.decl.key.size(), d.decl.max_entries))
        .collect();
    let hash = skep_btf::maps::MapType::HASH;
    let ringbuf = skep_btf::maps::MapType::RINGBUF;
    assert_eq!(found, [("counts", 0, 32, hash, 4, 1024), ("events", 32, 16, ringbuf, 0, 4096)]);
    let symbol = object.symbol_by_name("events").unwrap().1;
    assert_eq!((symbol.binding, symbol.value, symbol.size), (Binding::Global, 32, 16));
}

#[test]
fn slots_of_maps_begin_with_functions_and_maps() {
    let text = ".map tails, type=prog_array, key=4, value=4, max_entries=4, values=(2: second, 0: first)\n\
         .map one, type=array, key=4, value=8, max_entries=1\n\
         .map all, type=array_of_maps, key=4, value=4, max_entries=9, \
         inner=(type=array, key=4, value=8, max_entries=1), values=(1: one)\n\
         .globl main\nmain: r1 = tails ll; exit\nfirst: exit\nsecond: exit";
    let check = |object: &Object| {
        let values = |name: &str| -> Vec<(u32, String)> {
            let map = object.maps.iter().find(|map| map.def.name == name).unwrap();
            map.values.iter().map(|&(slot, id)| (slot, object.symbol_by_id(id).name.clone())).collect()
        };
        assert_eq!(values("tails"), [(0, "first".into()), (2, "second".into())]);
        assert_eq!(values("all"), [(1, "one".into())]);
        let all = object.maps.iter().find(|map| map.def.name == "all").unwrap();
        assert_eq!(all.def.inner.as_ref().unwrap().value_size, 8);
        assert!(
            object
                .funcs
                .iter()
                .any(|func| object.symbol_by_id(func.symbol).name == "second" && func.len == 1)
        );
    };
    let object = object(text);
    check(&object);
    // What is listed and what is written to a file say the same.
    check(&assemble("again.s", &skep_object::listing::Listing::new(&object).to_string()).unwrap());
    check(&skep_object::elf::read("t.o", &skep_object::elf::write(&object)).unwrap());
}

#[test]
fn big_endian() {
    let text = ".globl main\nmain: r1 = x ll\nr2 = 0x123\nexit\n.data\nx: .long 1\n.quad later\nlater = 2";
    let object = assemble_with("t.s", text, &Options { endian: Endian::Big }).unwrap();
    assert_eq!(object.endian, Endian::Big);
    assert_eq!(bytes(&object, ".data"), [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    let same = assemble("t.s", &format!(".endian big\n{text}")).unwrap();
    assert_eq!(bytes(&same, ".text"), bytes(&object, ".text"));
    let little = assemble("t.s", text).unwrap();
    let slots = |object: &Object| object.section_by_name(".text").unwrap().1.contents.clone();
    assert_eq!(slots(&little), slots(&object));
}

#[test]
fn names_in_quotes_are_any_text() {
    check_code(
        ".globl \"a b\"\n\"a b\": exit\n main: call \"a b\"; r1 = \"x;#y\" + 8 ll; exit",
        &["exit", "call pc-0x1 <a b+0>", "r1 = 0x0 ll <x;#y+8>", "exit"],
    );
}

#[test]
fn raw_instructions_are_numbers_in_code() {
    check_code(
        "main: .quad 0x95; .byte 0x95, 0, 0, 0, 0, 0, 0, 0\n.p2align 4\nexit",
        &["exit", "exit", "exit"],
    );
    check_code("main: exit\n.p2align 4\nf: exit", &["exit", "goto +0x0", "exit"]);
}

#[test]
fn far_jumps() {
    let far = |insn: &str| format!("main: {insn} far\n{}far: exit\n", "r0 = 0\n".repeat(40_000));
    let object = object(&far("gotol"));
    let Contents::Code(slots) = &object.sections[0].contents else { panic!("no code") };
    assert_eq!(Insn::decode(slots).unwrap(), Insn::Jump { off: 40_000, long: true });
    let errors = assemble("t.s", &far("goto")).unwrap_err();
    assert_eq!(errors.list.len(), 1);
    assert!(errors.list[0].message.contains("use 'gotol'"), "{errors}");
}

#[test]
fn the_same_text_gives_the_same_object() {
    let text = ".map m, type=array, key=4, value=4, max_entries=1\n.globl f, g\nf: call a; call b; r1 = m ll; exit\n\
                a: exit\nb: exit\ng: call puts; exit\n.data\nx: .quad y, z\ny: .quad x";
    assert_eq!(object(text), object(text));
}

#[test]
fn an_empty_file_is_an_empty_object() {
    for text in ["", "\n", "# nothing\n", ".text\n.data\n"] {
        let object = object(text);
        assert!(object.sections.is_empty() && object.funcs.is_empty(), "{text:?}");
    }
}
