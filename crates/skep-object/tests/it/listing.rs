//! Objects as text, and back.
//!
//! `SKEP_BLESS=1` writes the expectations of the cases anew.

use std::collections::BTreeMap;
use std::path::Path;

use skep_insn::{Endian, RawInsn};
use skep_object::asm;
use skep_object::listing::Listing;
use skep_object::object::{
    Binding, Contents, Object, ObjectBuilder, Place, Reloc, RelocKind, SectionKind, Symbol, SymbolKind,
};

use crate::tools::{TempDir, clang, gcc};

fn assemble(name: &str, text: &str) -> Object {
    asm::assemble(name, text).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// What must be the same after a round trip: what sections hold, and what stands where.
#[derive(Debug, PartialEq)]
struct Essence {
    endian: Endian,
    license: Option<String>,
    /// By name: kind, bytes, and what relocations say.
    sections: BTreeMap<String, (SectionKind, Vec<u8>, Vec<String>)>,
    /// By name: place, offset, binding, whether hidden.
    symbols: BTreeMap<String, (String, u64, Binding, bool)>,
    maps: Vec<String>,
}

impl Essence {
    fn of(object: &Object) -> Essence {
        let place = |place| match place {
            Place::Section(id) => object.section(id).name.clone(),
            other => format!("{other:?}"),
        };
        let target = |reloc: &Reloc| {
            let symbol = object.symbol_by_id(reloc.symbol);
            let offset = symbol.value.wrapping_add_signed(reloc.addend);
            let to = match symbol.binding {
                Binding::Local => format!("{}+{offset:#x}", place(symbol.place)),
                _ => format!("{}{:+}", symbol.name, reloc.addend),
            };
            format!("{:#x} {:?} {to}", reloc.offset, reloc.kind)
        };
        let mut sections = BTreeMap::new();
        for section in object.sections.iter().filter(|section| section.kind != SectionKind::Maps) {
            let bytes = match &section.contents {
                Contents::Code(slots) => slots.iter().flat_map(|slot| slot.to_bytes(object.endian)).collect(),
                Contents::Bytes(bytes) => bytes.clone(),
                Contents::Zeros(len) => len.to_ne_bytes().to_vec(),
            };
            let relocs = section.relocs.iter().map(target).collect();
            if !section.contents.is_empty() {
                sections.insert(section.name.clone(), (section.kind, bytes, relocs));
            }
        }
        let is_named = |symbol: &&Symbol| {
            symbol.binding != Binding::Local || matches!(symbol.kind, SymbolKind::Func | SymbolKind::Object)
        };
        let symbols = object.symbols.iter().filter(is_named);
        let symbols = symbols.map(|symbol| {
            let what = (place(symbol.place), symbol.value, symbol.binding, symbol.hidden);
            (symbol.name.clone(), what)
        });
        let maps = object.maps.iter().map(|map| {
            let def = &map.def;
            let sizes = [def.key_size, def.value_size, def.max_entries, def.flags];
            format!("{} {} {sizes:?} {}", def.name, def.ty, def.pinned)
        });
        let mut maps: Vec<String> = maps.collect();
        maps.sort();
        let license = object.license.clone();
        Essence { endian: object.endian, license, sections, symbols: symbols.collect(), maps }
    }
}

/// What a listing is assembled to is what was listed.
fn check_round_trip(object: &Object) {
    for bytes in [false, true] {
        let text = Listing::new(object).bytes(bytes).to_string();
        let again = assemble("listing.s", &text);
        assert_eq!(Essence::of(&again), Essence::of(object), "{text}");
    }
}

/// Compares text with a file, or writes the file.
fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/listing").join(name);
    if std::env::var_os("SKEP_BLESS").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{name} differs; SKEP_BLESS=1 writes it anew. Found:\n{found}");
}

#[test]
fn cases() {
    for (name, text) in
        [("program", include_str!("listing/program.s")), ("big", include_str!("listing/big.s"))]
    {
        let object = assemble(&format!("{name}.s"), text);
        golden(&format!("{name}.lst"), &Listing::new(&object).to_string());
        check_round_trip(&object);
    }
    let object = assemble("program.s", include_str!("listing/program.s"));
    let one = Listing::new(&object).bytes(true).source(false).func("twice").unwrap().func("also").unwrap();
    golden("functions.lst", &one.to_string());
    assert!(Listing::new(&object).func("thrice").is_none());
    assert!(Listing::new(&object).func("greeting").is_none());
}

#[test]
fn everything_that_can_be_assembled_comes_back() {
    let text = include_str!("asm/everything.s");
    check_round_trip(&assemble("everything.s", text));
}

/// An object of what no compiler makes.
#[test]
fn odd_objects() {
    let insn = RawInsn::new;
    let mut builder = ObjectBuilder::new("odd\n.o", Endian::Little);
    let text = builder.section(".text", SectionKind::Code);
    builder.code(text).extend([
        insn(0x05, 0, 0, 100, 0), // leaves the function
        insn(0x05, 0, 0, 2, 0),   // into the second slot
        insn(0xff, 1, 2, 3, 4),   // unknown
        insn(0x18, 1, 0, 0, 5),   // two slots
        insn(0, 0, 0, 0, 6),
        insn(0x85, 0, 1, 0, -3),   // into the middle of this function
        insn(0x85, 0, 1, 0, 1000), // outside
        insn(0x85, 0, 0, 0, 1),    // a helper whose name is taken
        insn(0x18, 1, 0, 0, 0),    // cut off
    ]);
    builder.symbol(Symbol::func("two words\t\"\\", text, 0, 72));
    builder.symbol(Symbol { kind: SymbolKind::NoType, ..Symbol::func("inside", text, 32, 0) });
    let other = builder.section("other", SectionKind::Code);
    builder.code(other).extend([insn(0x95, 0, 0, 0, 0), insn(0x85, 0, 1, 0, -1), insn(0x95, 0, 0, 0, 0)]);
    builder.symbol(Symbol::func("exit", other, 0, 8));
    builder.symbol(Symbol::func("twin", other, 8, 8));
    builder.symbol(Symbol::func("twin", other, 16, 8));
    let name = builder.symbol(Symbol::undefined("bpf_map_lookup_elem").weak());
    builder.reloc(other, Reloc { offset: 8, kind: RelocKind::Call, symbol: name, addend: 0 });
    let data = builder.section("odd data", SectionKind::Data);
    let inside = builder.section_symbol(text);
    builder.bytes(data).extend([0; 24]);
    builder.reloc(data, Reloc { offset: 0, kind: RelocKind::Abs64, symbol: inside, addend: 40 });
    builder.reloc(data, Reloc { offset: 8, kind: RelocKind::Abs64, symbol: inside, addend: 33 });
    builder.reloc(data, Reloc { offset: 16, kind: RelocKind::Abs64, symbol: inside, addend: -8 });
    let object = builder.finish().unwrap();
    golden("odd.lst", &Listing::new(&object).to_string());
    // One of two functions of the same name is called otherwise.
    let again = assemble("odd.s", &Listing::new(&object).to_string());
    let sections = |object: &Object| Essence::of(object).sections;
    assert_eq!(sections(&again), sections(&object));
}

/// A generator of numbers that look random.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0.rotate_left(27) ^ self.0 >> 33
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn bytes(&mut self, limit: u64) -> Vec<u8> {
        (0..self.below(limit)).map(|_| self.byte()).collect()
    }

    /// Any slot, mostly one that exists and reaches not far.
    fn slot(&mut self) -> RawInsn {
        if self.below(8) == 0 {
            return RawInsn::from_bytes(self.next().to_le_bytes(), Endian::Little);
        }
        let code = [0x05, 0x15, 0x18, 0x85, 0x95, 0xb7, 0x61, 0x06, 0x00][usize::from(self.byte() % 9)];
        let src = if self.below(2) == 0 { 0 } else { self.byte() % 11 };
        let [off, imm] = [self.byte(), self.byte()].map(|byte| i16::from(byte % 32) - 16);
        RawInsn::new(code, self.byte() % 11, src, off, imm.into())
    }
}

#[test]
fn any_code_and_any_data_come_back() {
    let mut random = Random(1);
    let start = std::time::Instant::now();
    let mut count = 0;
    while start.elapsed().as_millis() < 1000 || count < 100 {
        count += 1;
        let endian = if random.below(2) == 0 { Endian::Little } else { Endian::Big };
        let mut builder = ObjectBuilder::new("random.o", endian);
        let text = builder.section(".text", SectionKind::Code);
        let len = 1 + random.below(40);
        builder.code(text).extend((0..len).map(|_| random.slot()));
        builder.symbol(Symbol::func("main", text, 0, len * 8).global());
        let data = builder.section(".rodata", SectionKind::Rodata);
        for number in 0..random.below(20) {
            let fill = random.byte();
            let bytes: Vec<u8> = match random.below(5) {
                0 => vec![0; usize::from(fill % 40)],
                1 => b"some text\n\0".to_vec(),
                2 => "\u{e9}\"\\\0".as_bytes().to_vec(),
                3 => vec![fill; usize::from(fill % 12)],
                _ => random.bytes(20),
            };
            let at = builder.len(data);
            builder.bytes(data).extend(bytes);
            if random.below(3) == 0 {
                builder.symbol(Symbol::object(format!("v{number}"), data, at, 0));
            }
        }
        check_round_trip(&builder.finish().unwrap());
    }
}

const C: &str = r#"
    typedef unsigned long long u64;
    struct event { int id; char comm[16]; } __attribute__((preserve_access_index));
    struct { int (*type)[27]; int (*max_entries)[4096]; } events __attribute__((section(".maps"), used));
    struct { int (*type)[1]; struct event *key; u64 *value; int (*max_entries)[8]; } seen __attribute__((section(".maps"), used));
    const short shorts[] = {1, -2, 3};
    const char *const names[] = {"one", "two"};
    u64 total;
    __attribute__((noinline)) static u64 add(u64 n) { total += n; return total; }
    __attribute__((section("tracepoint/x"))) int prog(struct event *e) {
        if (e->id > 3)
            return add(e->id) + names[e->id & 1][0];
        return shorts[e->id & 1];
    }
    char _license[] __attribute__((section("license"))) = "GPL";
"#;

/// Source lines, types of maps, and what the kernel will be asked stand beside the code.
#[test]
fn what_compilers_know_is_shown() {
    let dir = TempDir::new();
    let Some(bytes) = clang(&dir, "prog.c", C, &["-O2", "-g", "-mcpu=v3"]) else { return };
    let object = skep_object::elf::read("prog.o", &bytes).unwrap();
    let text = Listing::new(&object).to_string();
    for expected in [
        "# prog.c:11  if (e->id > 3)\n",
        "# BPF_CORE_FIELD_BYTE_OFFSET struct event 0:0\n",
        "# key struct event, value u64\n",
        ".map seen, type=hash, key=20, value=8, max_entries=8 ",
        ".map events, type=ringbuf, max_entries=4096\n",
        ".short 0x1,0xfffe,0x3 ",
        ".quad .rodata.str1.1 ",
        "# 0x0008, \"one\"\n",
        "# programs of type BPF_PROG_TYPE_TRACEPOINT\n",
        "call add\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let without = Listing::new(&object).source(false).to_string();
    assert!(!without.contains("prog.c:11"), "{without}");
    check_round_trip(&object);
}

#[test]
fn what_gcc_makes_comes_back() {
    let dir = TempDir::new();
    for args in [&["-O2", "-g"][..], &["-O1"], &["-O2", "-mbig-endian"]] {
        let source = C.replace("preserve_access_index", "packed");
        let Some(bytes) = gcc(&dir, "prog.c", &source, args) else { return };
        check_round_trip(&skep_object::elf::read("prog.o", &bytes).unwrap());
    }
}

/// Whatever the reader takes can be listed, in time that its size explains.
#[test]
fn damaged_objects_are_listed_or_refused() {
    let dir = TempDir::new();
    let text = include_str!("asm/everything.s");
    let mut samples = vec![skep_object::elf::write(&assemble("everything.s", text))];
    samples.extend(clang(&dir, "prog.c", C, &["-O2", "-g", "-mcpu=v3"]));
    let mut random = Random(7);
    let start = std::time::Instant::now();
    let (mut listed, mut refused) = (0, 0);
    while start.elapsed().as_millis() < 1000 || listed < 50 {
        for sample in &samples {
            let mut bytes = sample.clone();
            for _ in 0..1 + random.below(4) {
                let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
                bytes[at] = random.byte();
            }
            let Ok(object) = skep_object::elf::read("damaged.o", &bytes) else {
                refused += 1;
                continue;
            };
            listed += 1;
            let text = Listing::new(&object).bytes(random.below(2) == 0).to_string();
            assert!(text.len() < 100 * bytes.len() + 100_000, "{} bytes of text", text.len());
            // A damaged name or number may be one that the assembler refuses, in its own words.
            let _ = asm::assemble("damaged.s", &text);
        }
    }
    eprintln!("{listed} damaged objects listed, {refused} refused");
}
