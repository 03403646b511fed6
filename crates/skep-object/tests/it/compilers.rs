//! What compilers make, held against what llvm-readelf says of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use skep_insn::RawInsn;
use skep_object::object::{Contents, Place, RelocKind, SectionKind, Symbol, SymbolKind};
use skep_object::{Object, elf};

use crate::round_trip;
use crate::sample::Elf;
use crate::tools::{TempDir, clang, gcc, run};

const POINTERS: &str = include_str!("../corpus/pointers.c");
const MAPS: &str = include_str!("../corpus/maps.c");

/// Where each relocation points: the name of what lies there, and the offset in it.
fn targets(object: &Object) -> Vec<String> {
    let mut targets = Vec::new();
    for reloc in object.sections.iter().flat_map(|section| &section.relocs) {
        let symbol = object.symbol_by_id(reloc.symbol);
        let (Place::Section(_), SymbolKind::Section) = (symbol.place, symbol.kind) else {
            targets.push(format!("{}{:+}", symbol.name, reloc.addend));
            continue;
        };
        // What is static is reached through its section.
        let offset = symbol.value.strict_add_signed(reloc.addend);
        let holds = |s: &&Symbol| s.place == symbol.place && (s.value..s.value + s.size).contains(&offset);
        match object.symbols.iter().find(holds) {
            Some(found) => targets.push(format!("{}+{}", found.name, offset - found.value)),
            None => targets.push(format!("{}+{offset}", symbol.name)),
        }
    }
    targets.sort();
    targets.dedup();
    targets
}

/// The two dialects say the same, in their own ways.
#[test]
fn both_dialects_have_the_same_targets() {
    let dir = TempDir::new();
    let check = |bytes: &[u8], address_of_element: bool| {
        let object = elf::read("t.o", bytes).unwrap();
        assert_eq!(object.remarks, [""; 0]);
        let mut expected = vec![
            ".rodata.str1.1+0",
            "arr+0",
            "arr+8",
            "fp+0",
            "h1+0",
            "h2+0",
            "h3+0",
            "h4+0",
            "hidden_one+0",
            "local_arr+0",
            "local_arr+12",
            "other+0",
            "p+0",
            "text+0",
            "und+0",
            "und+12",
            "weak_one+0",
            "zeros+0",
        ];
        if address_of_element {
            expected.push("arr+4");
        }
        expected.sort_unstable();
        assert_eq!(targets(&object), expected);
    };
    for args in [&["-O2"][..], &["-O2", "-g"], &["-O1", "-mcpu=v1"], &["-O2", "--target=bpfeb"]] {
        if let Some(bytes) = clang(&dir, "t.c", POINTERS, args) {
            check(&bytes, false);
        }
    }
    for args in [&["-O2"][..], &["-O2", "-g"], &["-O2", "-gbtf", "-mcpu=v3"], &["-O2", "-mbig-endian"]] {
        if let Some(bytes) = gcc(&dir, "t.c", POINTERS, args) {
            check(&bytes, true);
        }
    }
}

/// Every option that changes how things are referred to.
#[test]
fn options_change_nothing_that_is_lost() {
    let dir = TempDir::new();
    let configurations: &[&[&str]] = &[
        &["-mcpu=v1", "-O0"],
        &["-mcpu=v1", "-O2", "-g"],
        &["-mcpu=v2", "-O1", "-g"],
        &["-mcpu=v3", "-O2", "-g", "-ffunction-sections"],
        &["-mcpu=v4", "-O0", "-g", "-fdata-sections"],
        &["-mcpu=v4", "-Os", "-g"],
        &["-mcpu=v3", "-O2", "-g", "--target=bpfeb"],
        &["-mcpu=v4", "-O2", "--target=bpfeb", "-ffunction-sections", "-fdata-sections"],
    ];
    for args in configurations {
        let Some(bytes) = clang(&dir, "pointers.c", POINTERS, args) else { return };
        check(&dir, &bytes, &format!("clang {args:?}"));
        let Some(bytes) = clang(&dir, "maps.c", MAPS, args) else { return };
        let object = check(&dir, &bytes, &format!("clang {args:?}"));
        assert_eq!(object.maps.len(), if args.contains(&"-g") { 6 } else { 0 }, "{args:?}");
    }
    for args in [&["-mcpu=v1", "-O0"][..], &["-mcpu=v2", "-O1", "-gbtf"], &["-mcpu=v3", "-O2", "-g"]] {
        let Some(bytes) = gcc(&dir, "pointers.c", POINTERS, args) else { return };
        check(&dir, &bytes, &format!("gcc {args:?}"));
    }
}

/// The programs that all parts of the project share, each with one of several configurations in turn.
#[test]
fn the_test_programs_are_read() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/programs"));
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    files.sort();
    assert!(files.len() >= 20, "only {} programs in {}", files.len(), folder.display());
    let dir = TempDir::new();
    // Some of the programs need what v4 brought.
    let configurations = [
        ["--target=bpfel", "-mcpu=v4", "-O2", "-g"],
        ["--target=bpfel", "-mcpu=v4", "-O0", "-g"],
        ["--target=bpfeb", "-mcpu=v4", "-O1", "-g0"],
        ["--target=bpfel", "-mcpu=v4", "-O2", "-ffunction-sections"],
        ["--target=bpfeb", "-mcpu=v4", "-O2", "-g"],
    ];
    for (i, file) in files.iter().enumerate() {
        let output = dir.path("out.o");
        let args =
            [&configurations[i % configurations.len()][..], &["-c", "-o", output.to_str().unwrap()]].concat();
        let Some(_) = run("clang-22", &args, &[file]) else { return };
        check(&dir, &std::fs::read(&output).unwrap(), &format!("{} {args:?}", file.display()));
    }
}

/// Reads an object and compares with what llvm-readelf says.
fn check(dir: &TempDir, bytes: &[u8], what: &str) -> Object {
    let object = elf::read("t.o", bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    let unused = |remark: &String| !remark.contains("without type information");
    assert_eq!(object.remarks.iter().filter(|r| unused(r)).collect::<Vec<_>>(), [""; 0], "{what}");
    round_trip::check(&object);
    let file = dir.file("check.o", bytes);
    if let Some(text) = run("llvm-readelf-22", &["-s", "-r", "-W"], &[&file]) {
        check_functions(&object, &text, what);
        check_relocations(&object, &text, what);
    }
    object
}

/// Every function symbol of the file names a function of the object, and there are no others.
fn check_functions(object: &Object, text: &str, what: &str) {
    let mut expected = 0;
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, value, size, "FUNC", _, _, section, name] = words[..] else { continue };
        let (value, size) = (u64::from_str_radix(value, 16).unwrap(), size.parse::<u64>().unwrap());
        if section == "UND" {
            continue;
        }
        let named =
            |s: &Symbol| (s.name.as_str(), s.value, s.size, s.kind) == (name, value, size, SymbolKind::Func);
        let found =
            object.symbols.iter().position(named).unwrap_or_else(|| panic!("{what}: no symbol {name}"));
        let id = skep_object::object::SymbolId(u32::try_from(found).unwrap());
        let func = object.func_of(id).unwrap_or_else(|| panic!("{what}: no function {name}"));
        assert_eq!((func.offset(), u64::from(func.len) * 8), (value, size), "{what}: {name}");
        expected += 1;
    }
    assert!(expected > 0, "{what}: llvm-readelf shows no functions:\n{text}");
    assert_eq!(object.funcs.len(), expected, "{what}");
}

/// Every relocation of the file is in the object, but for those of sections that no program consists of.
fn check_relocations(object: &Object, text: &str, what: &str) {
    let mut expected: BTreeMap<&str, usize> = BTreeMap::new();
    for line in text.lines() {
        // "Relocation section '.rel.text' at offset 0x120 contains 2 entries:"
        let Some(rest) = line.strip_prefix("Relocation section '.rel") else { continue };
        let (name, rest) = rest.split_once('\'').unwrap();
        let count: usize = rest.split_whitespace().rev().nth(1).unwrap().parse().unwrap();
        let is_program = !name.starts_with(".debug_") && !name.starts_with(".BTF") && name != ".eh_frame";
        if is_program {
            *expected.entry(name).or_default() += count;
        }
    }
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for section in object.sections.iter().filter(|section| !section.relocs.is_empty()) {
        *found.entry(&section.name).or_default() += section.relocs.len();
    }
    assert_eq!(found, expected, "{what}");
}

/// Types of code stand for those of data in objects of clang before 2021.
#[test]
fn old_clang_used_the_types_of_code_for_data() {
    let mut elf = Elf::sample();
    let record = elf.contents(".rel.data");
    elf.put(record + 8, &[1]);
    let object = elf::read("t.o", &elf.bytes).unwrap();
    let (_, data) = object.section_by_name(".data").unwrap();
    assert_eq!((data.relocs[0].kind, data.relocs[0].addend), (RelocKind::Abs64, 4));
}

/// Functions without type were global symbols in code.
#[test]
fn old_clang_gave_functions_no_type() {
    let mut elf = Elf::sample();
    for name in ["f", "prog"] {
        let symbol = elf.symbol(name);
        elf.put(symbol + 4, &[0x10]);
        elf.put(symbol + 16, &[0; 8]);
    }
    let object = elf::read("t.o", &elf.bytes).unwrap();
    let funcs: Vec<(&str, u32, u32)> =
        object.funcs.iter().map(|f| (object.symbol_by_id(f.symbol).name.as_str(), f.start, f.len)).collect();
    assert_eq!(funcs, [("f", 0, 2), ("g", 2, 2), ("prog", 0, 8)]);
}

/// LLVM before 19 put the register of `callx` into `imm`.
#[test]
fn old_llvm_put_the_register_of_callx_elsewhere() {
    let mut elf = Elf::sample();
    let text = elf.contents(".text");
    elf.put(text, &[0x8d, 0, 0, 0, 7, 0, 0, 0]);
    let object = elf::read("t.o", &elf.bytes).unwrap();
    let Contents::Code(code) = &object.sections[0].contents else { panic!("no code") };
    assert_eq!(code[0], RawInsn::new(0x8d, 7, 0, 0, 0));
}

/// An addend may stand beside the place, too: then the place does not count.
#[test]
fn explicit_addends_are_read() {
    let mut elf = Elf::sample();
    let (at, symbol) = (elf.bytes.len(), u64::from(elf.u32(elf.contents(".rel.data") + 12)));
    for word in [8, symbol << 32 | 2, (-12_i64).cast_unsigned()] {
        elf.bytes.extend(word.to_le_bytes());
    }
    let header = elf.header(".rel.data");
    elf.put(header + 4, &[4]);
    elf.put(header + 24, &u64::try_from(at).unwrap().to_le_bytes());
    elf.put(header + 32, &24_u64.to_le_bytes());
    elf.put(header + 56, &24_u64.to_le_bytes());
    let object = elf::read("t.o", &elf.bytes).unwrap();
    let (_, data) = object.section_by_name(".data").unwrap();
    assert_eq!((data.kind, data.relocs[0].addend), (SectionKind::Data, -12));
    round_trip::check(&object);
}

/// A common symbol has no place yet; the linker that BPF has not would give it one.
#[test]
fn common_symbols_are_refused() {
    let dir = TempDir::new();
    let Some(bytes) = gcc(&dir, "t.c", "int shared; int f(void) { return shared; }", &["-fcommon"]) else {
        return;
    };
    let error = elf::read("t.o", &bytes).unwrap_err().to_string();
    assert_eq!(
        error,
        "symbol 'shared' is a common symbol of 4 bytes: initialise it, or compile with -fno-common"
    );
}

/// What -flto and rustc's BPF targets emit.
#[test]
fn bitcode_is_refused() {
    let dir = TempDir::new();
    let Some(bytes) = clang(&dir, "t.c", "int f(void) { return 1; }", &["-flto"]) else { return };
    let error = elf::read("t.o", &bytes).unwrap_err().to_string();
    assert!(
        error.starts_with("the file is LLVM bitcode instead of BPF instructions: with clang compile"),
        "{error}"
    );
}

/// Maps of both declarations, with what their initial values point to.
#[test]
fn maps_have_their_values() {
    let check = |bytes: &[u8], extra: u64| {
        let object = elf::read("t.o", bytes).unwrap();
        let name = |id| object.symbol_by_id(id).name.as_str();
        let mut maps: Vec<String> = object
            .maps
            .iter()
            .map(|map| {
                let d = &map.def;
                let values: String =
                    map.values.iter().map(|(at, id)| format!(" {at}={}", name(*id))).collect();
                let inner =
                    d.inner.as_ref().map_or(String::new(), |d| format!(" of {} {}", d.ty, d.max_entries));
                assert_eq!(name(map.symbol), d.name);
                format!(
                    "{} {} {}:{} *{} flags {} pin {} extra {:#x}{inner}{values}",
                    d.name, d.ty, d.key_size, d.value_size, d.max_entries, d.flags, d.pinned, d.extra
                )
            })
            .collect();
        maps.sort();
        assert_eq!(
            maps,
            [
                "counts BPF_MAP_TYPE_HASH 8:24 *1024 flags 1 pin true extra 0x0".to_owned(),
                "inner1 BPF_MAP_TYPE_ARRAY 4:8 *4 flags 0 pin false extra 0x0".to_owned(),
                "inner2 BPF_MAP_TYPE_ARRAY 4:8 *4 flags 0 pin false extra 0x0".to_owned(),
                "outer BPF_MAP_TYPE_ARRAY_OF_MAPS 4:4 *3 flags 0 pin false extra 0x0 of BPF_MAP_TYPE_ARRAY 4 0=inner2 \
                 2=inner1"
                    .to_owned(),
                "progs BPF_MAP_TYPE_PROG_ARRAY 4:4 *4 flags 0 pin false extra 0x0 2=tail".to_owned(),
                format!("ring BPF_MAP_TYPE_RINGBUF 0:0 *4096 flags 0 pin false extra {extra:#x}"),
            ]
        );
    };
    check(include_bytes!("../corpus/maps.o"), 1 << 40);
    check(include_bytes!("../corpus/maps.gcc.o"), 0);

    let legacy = elf::read("t.o", include_bytes!("../corpus/legacy.o")).unwrap();
    let maps: Vec<String> = legacy
        .maps
        .iter()
        .map(|m| {
            let d = &m.def;
            assert!(d.legacy);
            format!(
                "{:#x} {} {} {}:{} *{} {}",
                m.offset, d.name, d.ty, d.key_size, d.value_size, d.max_entries, d.flags
            )
        })
        .collect();
    assert_eq!(maps, ["0x0 first BPF_MAP_TYPE_HASH 4:8 *100 1", "0x14 second BPF_MAP_TYPE_ARRAY 4:16 *7 0"]);
}

/// Variables have their places in the BTF, which clang leaves to relocations.
#[test]
fn data_sections_have_their_sizes() {
    for bytes in [&include_bytes!("../corpus/pointers.el.o")[..], include_bytes!("../corpus/pointers.eb.o")] {
        let object = elf::read("t.o", bytes).unwrap();
        let btf = object.btf.as_ref().unwrap();
        let (_, data) = btf.datasec(".data").unwrap();
        let (_, section) = object.section_by_name(".data").unwrap();
        assert_eq!(u64::from(data.size), section.contents.len());
        let mut count = 0;
        for var in data.vars {
            let (_, symbol) = object.symbol_by_name(btf.name(var.var)).unwrap();
            assert_eq!(u64::from(var.offset), symbol.value, "{}", symbol.name);
            count += 1;
        }
        assert!(count >= 8);
        let (socket, _) = object.section_by_name("socket").unwrap();
        assert!(!object.lines(socket).unwrap().records().is_empty());
    }
}
