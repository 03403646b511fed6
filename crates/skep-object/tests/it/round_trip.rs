//! What is written is read back the same, and real tools read it too.

use skep_btf::ByteOff;
use skep_insn::{Endian, RawInsn};
use skep_object::object::{
    Binding, Contents, ObjectBuilder, Place, RelocKind, SectionKind, Symbol, SymbolId, SymbolKind,
};
use skep_object::{Object, elf};

use crate::sample::{CALL, EXIT, LD_IMM64, reloc, sample};
use crate::tools::{TempDir, run};

/// Writes, reads and compares.
pub(crate) fn check(object: &Object) {
    let bytes = elf::write(object);
    let mut read = elf::read(&object.name, &bytes).unwrap();
    read.remarks.clone_from(&object.remarks);
    assert_eq!(read, *object);
    assert_eq!(elf::write(&read), bytes, "the same object gives the same bytes");
}

#[test]
fn the_sample_comes_back() {
    for endian in [Endian::Little, Endian::Big] {
        let object = sample(endian);
        check(&object);
        assert_eq!(object.license.as_deref(), Some("GPL"));
        assert_eq!(object.version, Some(0x60c00));
        assert_eq!(object.maps.len(), 1);
        assert_eq!(object.maps[0].def.max_entries, 16);
        assert_eq!(object.symbol_by_id(object.maps[0].symbol).name, "counts");
        assert_eq!(object.remarks, [""; 0]);
    }
}

#[test]
fn things_are_found_by_name_and_place() {
    let object = sample(Endian::Little);
    let (socket, _) = object.section_by_name("socket").unwrap();
    let (prog_id, prog) = object.symbol_by_name("prog").unwrap();
    assert_eq!((prog.place, prog.binding), (Place::Section(socket), Binding::Global));
    let func = object.func_of(prog_id).unwrap();
    assert_eq!((func.section, func.start, func.len), (socket, 0, 8));
    assert_eq!(object.code(func).len(), 8);
    assert_eq!(object.relocs_of(func).len(), 5);
    assert_eq!(object.relocs_in(socket, 16..40).len(), 2);
    assert_eq!(object.relocs_in(socket, 64..u64::MAX).len(), 0);
    assert!(object.symbol_by_name("nobody").is_none());
    assert!(object.symbol_by_name(".text").is_none(), "a section is no symbol of that name");
    let (puts, symbol) = object.symbol_by_name("puts").unwrap();
    assert_eq!(symbol.place, Place::Undefined);
    assert!(object.func_of(puts).is_none());
    let counts = object.map_at(object.maps[0].section, 0).unwrap();
    assert_eq!(counts.def.name, "counts");
    assert!(object.map_at(object.maps[0].section, 8).is_none());
    let lines = object.lines(socket).unwrap();
    let at = |offset| lines.at(ByteOff(offset)).map(|line| line.line);
    assert_eq!([at(0), at(24), at(32), at(56)], [Some(3), Some(3), Some(4), Some(5)]);
}

#[test]
fn local_symbols_come_first() {
    let mut b = ObjectBuilder::new("t.o", Endian::Little);
    let text = b.section(".text", SectionKind::Code);
    b.code(text).extend([CALL, CALL, EXIT, EXIT]);
    let one = b.symbol(Symbol::func("one", text, 0, 24).global());
    let two = b.symbol(Symbol::func("two", text, 24, 8));
    b.reloc(text, reloc(8, RelocKind::Call, two, 0));
    b.reloc(text, reloc(0, RelocKind::Call, one, 0));
    let object = b.finish().unwrap();
    let names: Vec<&str> = object.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["two", "one"]);
    let targets: Vec<(u64, u32)> = object.sections[0].relocs.iter().map(|r| (r.offset, r.symbol.0)).collect();
    assert_eq!(targets, [(0, 1), (8, 0)]);
    check(&object);
}

#[test]
fn addends_of_every_size_come_back() {
    let far = [0, 1, -1, 8, 0x7fff_ffff, -0x8000_0000, 1 << 32, -(1 << 40), i64::MIN, i64::MAX];
    for endian in [Endian::Little, Endian::Big] {
        let mut b = ObjectBuilder::new("t.o", endian);
        let text = b.section(".text", SectionKind::Code);
        let data = b.section(".data", SectionKind::Data);
        let x = b.symbol(Symbol::object("x", data, 8, 8).global());
        let f = b.symbol(Symbol::func("f", text, 0, 0).global());
        for addend in far {
            let at = b.len(text);
            b.code(text).extend(LD_IMM64);
            b.reloc(text, reloc(at, RelocKind::LoadImm64, x, addend));
            let at = b.len(data);
            b.bytes(data).extend([0; 8]);
            b.reloc(data, reloc(at, RelocKind::Abs64, x, addend));
        }
        for addend in [0, 8, -8, 0x7fff_ffff * 8, -0x7fff_ffff * 8] {
            let at = b.len(text);
            b.code(text).push(CALL);
            b.reloc(text, reloc(at, RelocKind::Call, f, addend));
        }
        for addend in [0, -1, 0x7fff_ffff, -0x8000_0000] {
            let at = b.len(data);
            b.bytes(data).extend([0; 4]);
            b.reloc(data, reloc(at, RelocKind::Abs32, x, addend));
        }
        b.code(text).push(EXIT);
        check(&b.finish().unwrap());
    }
}

#[test]
fn every_kind_of_symbol_comes_back() {
    let mut b = ObjectBuilder::new("t.o", Endian::Big);
    let text = b.section("BEGIN", SectionKind::Code);
    b.code(text).push(EXIT);
    for (i, hidden) in [false, true].into_iter().enumerate() {
        let base = Symbol::func(format!("f{i}"), text, 0, 8);
        for (name, symbol) in [
            ("local", base.clone()),
            ("global", base.clone().global()),
            ("weak", base.clone().weak()),
            (
                "absolute",
                Symbol { place: Place::Absolute, kind: SymbolKind::Object, value: 1 << 40, ..base.clone() },
            ),
            ("undefined", Symbol::undefined("u")),
            ("weak_undefined", Symbol::undefined("u").weak()),
            ("label", Symbol { kind: SymbolKind::NoType, size: 0, ..base.clone() }),
        ] {
            b.symbol(Symbol { name: format!("{name}{i}"), hidden, ..symbol });
        }
    }
    let object = b.finish().unwrap();
    assert_eq!(object.funcs.len(), 1, "all of them name one function");
    assert_eq!(object.symbol_by_id(object.funcs[0].symbol).name, "global0");
    check(&object);
}

/// More sections than 16 bits count, as `-ffunction-sections` makes in large programs.
#[test]
fn seventy_thousand_sections_come_back() {
    let mut b = ObjectBuilder::new("big.o", Endian::Little);
    b.divisible();
    let mut last: Option<SymbolId> = None;
    for i in 0..35_000 {
        let text = b.section(&format!(".text.f{i}"), SectionKind::Code);
        b.code(text).extend([CALL, EXIT]);
        let f = b.symbol(Symbol::func(format!("f{i}"), text, 0, 16).global());
        b.reloc(text, reloc(0, RelocKind::Call, last.unwrap_or(f), 0));
        last = Some(f);
    }
    let object = b.finish().unwrap();
    assert_eq!(object.funcs.len(), 35_000);
    check(&object);
    let dir = TempDir::new();
    let file = dir.file("big.o", elf::write(&object));
    if let Some(text) = run("llvm-readelf-22", &["-h", "-s"], &[&file]) {
        assert!(text.contains("Number of section headers:         0 (70004)"), "{}", &text[..2000]);
        assert!(text.lines().any(|line| line.ends_with(" f34999")));
    }
}

#[test]
fn real_tools_read_what_is_written() {
    let dir = TempDir::new();
    for endian in [Endian::Little, Endian::Big] {
        let file = dir.file("sample.o", elf::write(&sample(endian)));
        let Some(text) = run("llvm-readelf-22", &["-a"], &[&file]) else { return };
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let has =
            |words: &[&str]| lines.iter().any(|line| line.windows(words.len()).any(|part| part == words));
        for words in [
            &["R_BPF_64_64", "0000000000000000", "counts"][..],
            &["R_BPF_64_32", "0000000000000000", ".text"],
            &["R_BPF_64_ABS64", "0000000000000000", "x"],
            &["0000000000000010", "16", "FUNC", "LOCAL", "DEFAULT", "1", "g"],
            &["0", "NOTYPE", "GLOBAL", "DEFAULT", "UND", "puts"],
        ] {
            assert!(has(words), "{words:?}\n{text}");
        }
        let Some(text) = run("llvm-objdump-22", &["-d", "-r", "--no-show-raw-insn"], &[&file]) else {
            return;
        };
        for line in
            ["r1 = 0x4 ll", "R_BPF_64_64\t.data", "call 0x1\n", "R_BPF_64_32\tputs", "r0 = r1", "<prog>:"]
        {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let Some(text) = run("bpftool", &["btf", "dump", "file"], &[&file]) else { return };
        assert!(text.contains("DATASEC '.maps' size=32 vlen=1"), "{text}");
        if endian == Endian::Little {
            // libbpf's linker checks an object more closely than its loader.
            let linked = dir.path("linked.o");
            let object = linkable();
            let file = dir.file("linkable.o", elf::write(&object));
            let Some(_) = run("bpftool", &["gen", "object"], &[&linked, &file]) else { return };
            let linked = elf::read("linked.o", &std::fs::read(linked).unwrap()).unwrap();
            assert_eq!(linked.funcs.len(), object.funcs.len());
            assert_eq!(linked.maps[0].def, object.maps[0].def);
        }
    }
}

/// The sample as far as libbpf's linker goes: everything global has a type, no pointer in data.
fn linkable() -> Object {
    let mut object = sample(Endian::Little);
    let (puts, _) = object.symbol_by_name("puts").unwrap();
    let (f, _) = object.symbol_by_name("f").unwrap();
    for section in &mut object.sections {
        section.relocs.iter_mut().filter(|r| r.symbol == puts).for_each(|r| r.symbol = f);
        section.relocs.retain(|r| r.kind != RelocKind::Abs64);
    }
    let last = SymbolId(u32::try_from(object.symbols.len() - 1).unwrap());
    assert!(object.sections.iter().flat_map(|s| &s.relocs).all(|r| r.symbol != last));
    object.symbols.remove(puts.0 as usize);
    for section in &mut object.sections {
        section.relocs.iter_mut().filter(|r| r.symbol > puts).for_each(|r| r.symbol.0 -= 1);
    }
    let has_type = |name: &str| ["prog", "counts"].contains(&name);
    object.symbols.iter_mut().filter(|s| !has_type(&s.name)).for_each(|s| s.binding = Binding::Local);
    object.index().unwrap();
    object
}

/// Code without names, and padding.
#[test]
fn code_without_symbols_gets_a_function() {
    let mut b = ObjectBuilder::new("t.o", Endian::Little);
    let text = b.section("BEGIN", SectionKind::Code);
    let zero = RawInsn::default();
    let ld = [LD_IMM64[0], LD_IMM64[1]];
    // 0: unnamed, 2: f with padding, 6: a local label, 8: unnamed, ends with ld_imm64 (two slots, the second zero).
    b.code(text).extend([EXIT, EXIT, EXIT, EXIT, zero, zero, EXIT, EXIT]);
    b.code(text).extend(ld);
    b.code(text).extend([zero, zero]);
    b.symbol(Symbol::func("f", text, 16, 16));
    b.symbol(Symbol { kind: SymbolKind::NoType, ..Symbol::func("label", text, 48, 0) });
    let object = b.finish().unwrap();
    let funcs: Vec<(&str, u32, u32)> =
        object.funcs.iter().map(|f| (object.symbol_by_id(f.symbol).name.as_str(), f.start, f.len)).collect();
    assert_eq!(funcs, [("BEGIN", 0, 2), ("f", 2, 2), ("label", 6, 4)]);
    assert_eq!(object.remarks, ["section 'BEGIN'+0x0: code without a symbol, called 'BEGIN'"]);
    check(&object);
    assert!(
        matches!(&object.sections[0].contents, Contents::Code(code) if code.len() == 12),
        "nothing is lost"
    );
}
