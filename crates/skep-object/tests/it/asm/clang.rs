//! What clang prints as assembly becomes what clang makes of it itself.

use std::collections::BTreeMap;

use skep_insn::Endian;
use skep_object::asm::{Options, assemble_with};
use skep_object::elf;
use skep_object::object::{Binding, Object, Place, SymbolId};

use crate::tools::{TempDir, clang, run};

/// Everything that makes a difference: data, strings, maps, externs, functions of all kinds, aliases, switches, types
/// of every size, sections, inline assembly.
const PROGRAM: &str = r#"
    typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;
    #define SEC(name) __attribute__((section(name), used))
    #define __uint(name, value) int (*name)[value]
    #define __type(name, value) typeof(value) *name
    struct { __uint(type, 1); __type(key, u32); __type(value, u64); __uint(max_entries, 1024); } counts SEC(".maps");
    struct { __uint(type, 2); __uint(key_size, 4); __uint(value_size, 8); __uint(max_entries, 3); } slots SEC(".maps");
    static void *(*bpf_map_lookup_elem)(void *, const void *) = (void *)1;
    static long (*bpf_loop)(u32, void *, void *, u64) = (void *)181;
    extern int printf(const char *, ...);
    extern int missing(void) __attribute__((weak));
    extern u64 elsewhere;
    int initialized = 5; u16 half = 0x1234; u8 byte = 7; u64 wide = 0x123456789abcdef0;
    static int array[10]; u64 zeros[100]; const char *names[] = {"one", "two # ; \"three\"", "\001\n\\"};
    const u32 table[] = {1, 2, 3}; static const u8 text[] = "a\0b"; int *inside = &array[3];
    struct mixed { u8 a; u32 b; u64 c; u8 d[3]; } mixed = {1, 2, 3, {4, 5, 6}};
    __attribute__((visibility("hidden"))) int hidden(int x) { return x + 1; }
    __attribute__((weak)) int weak(int x) { return x * 2; }
    __attribute__((noinline)) static int local(int x) { array[x & 7]++; return x * array[(x + 1) & 7]; }
    __attribute__((noinline)) static long callback(u32 i, void *ctx) { return *(int *)ctx == i; }
    int (*pointer)(int) = local;
    int other(int) __attribute__((alias("weak")));
    SEC("xdp") int program(void *ctx) {
        u32 key = 0; u64 *value = bpf_map_lookup_elem(&counts, &key);
        if (value) __sync_fetch_and_add(value, 1);
        bpf_loop(10, callback, &key, 0);
        printf(names[key & 1], initialized, wide);
        for (int i = 0; i < 100; i++) if (local(i) > 3) return 7;
        switch (initialized) { case 1: return hidden(key); case 2: return 30; case 3: wide++; case 4: half = 9; case 6: return 7; }
        return weak(half) + hidden(byte) + (int)elsewhere + mixed.d[1] + text[key & 3] + table[key & 1];
    }
    SEC("xdp/other") int second(void *ctx) {
        long result = zeros[5] / 3 + (short)zeros[6];
        asm volatile("r1 = 5; r2 = %1 \n r1 += r2\n 1: if r1 > 100 goto 2f; r1 *= 2; goto 1b; 2: %0 = r1"
                     : "=r"(result) : "r"(result) : "r1", "r2");
        return result + (missing ? missing() : 0) + *inside + second(ctx) + pointer(3);
    }
    char licence[] SEC("license") = "GPL"; u32 kernel SEC("version") = 0x60c00;
"#;

/// Jump tables are global symbols in clang's objects, but its assembly does not say so.
const TABLE: &str = "BPF.JT.";

/// What one side has, in words that do not depend on the order of symbols and on how local things are referred to.
fn described(object: &Object) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let target = |id: SymbolId, addend: i64| {
        let symbol = object.symbol_by_id(id);
        match symbol.place {
            Place::Section(section) if symbol.binding == Binding::Local || symbol.name.starts_with(TABLE) => {
                format!("{}{:+}", object.section(section).name, addend.wrapping_add_unsigned(symbol.value))
            }
            _ => format!("{}{addend:+}", symbol.name),
        }
    };
    for section in &object.sections {
        if section.contents.is_empty() {
            continue;
        }
        let lines = all.entry(format!("section {}", section.name)).or_default();
        lines.push(format!("{:?} {}", section.kind, section.align));
        lines.push(format!("{:x?}", section.contents));
        for reloc in section.relocs.iter() {
            let target = target(reloc.symbol, reloc.addend);
            lines.push(format!("{:#x} {:?} {target}", reloc.offset, reloc.kind));
        }
    }
    for symbol in &object.symbols {
        if symbol.name.starts_with(TABLE) || symbol.kind == skep_object::object::SymbolKind::Section {
            continue;
        }
        let place = match symbol.place {
            Place::Section(section) => &object.section(section).name,
            Place::Undefined => "undefined",
            Place::Absolute => "absolute",
        };
        let lines = all.entry(format!("symbol {}", symbol.name)).or_default();
        let (value, size) = (symbol.value, symbol.size);
        lines.push(format!(
            "{place} {value:#x} {size} {:?} {:?} {}",
            symbol.kind, symbol.binding, symbol.hidden
        ));
    }
    for func in &object.funcs {
        let at = format!("{}+{} {}", object.section(func.section).name, func.start, func.len);
        all.entry("functions".to_string()).or_default().push(at);
    }
    if let Some(functions) = all.get_mut("functions") {
        functions.sort();
    }
    for map in &object.maps {
        let lines = all.entry(format!("map {}", map.def.name)).or_default();
        lines.push(format!("{} {:?} {:?}", map.offset, map.def, map.values));
    }
    all.insert("license".into(), vec![format!("{:?} {:?}", object.license, object.version)]);
    all
}

fn compare(dir: &TempDir, what: &str, source: &str, args: &[&str]) -> bool {
    let mut to_text = vec!["-S"];
    to_text.extend(args);
    let (Some(bytes), Some(text)) = (clang(dir, "t.c", source, args), clang(dir, "t.c", source, &to_text))
    else {
        return false;
    };
    let text = String::from_utf8(text).unwrap();
    let expected = elf::read("t.s", &bytes).unwrap_or_else(|error| panic!("{what} {args:?}: {error}"));
    let endian = if args.contains(&"-mbig-endian") { Endian::Big } else { Endian::Little };
    let found = assemble_with("t.s", &text, &Options { endian })
        .unwrap_or_else(|errors| panic!("{what} {args:?}: {errors}"));
    let (found_words, expected_words) = (described(&found), described(&expected));
    for (key, words) in &expected_words {
        assert_eq!(found_words.get(key), Some(words), "{what} {args:?}: {key}");
    }
    for key in found_words.keys() {
        assert!(
            expected_words.contains_key(key),
            "{what} {args:?}: {key} is there, and is not in clang's object"
        );
    }
    if args.contains(&"-g") {
        let types = |object: &Object| object.btf.as_ref().unwrap().to_bytes(skep_btf::Endian::Little);
        assert_eq!(found.btf_ext, expected.btf_ext, "{what} {args:?}");
        assert_eq!(types(&found), types(&expected), "{what} {args:?}");
    }
    true
}

#[test]
fn clangs_assembly_becomes_clangs_object() {
    let dir = TempDir::new();
    for cpu in ["-mcpu=v1", "-mcpu=v2", "-mcpu=v3", "-mcpu=v4"] {
        for level in ["-O0", "-O2"] {
            for more in
                [&[][..], &["-g"], &["-mbig-endian"], &["-Os", "-ffunction-sections", "-fdata-sections"]]
            {
                let mut args = vec![level, cpu, "-Wno-unused", "-Wno-incompatible-pointer-types"];
                args.extend(more);
                if !compare(&dir, "the program", PROGRAM, &args) {
                    return;
                }
            }
        }
    }
}

#[test]
fn benchmarks_assemble_as_clang_compiles_them() {
    let dir = TempDir::new();
    let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../../bench/programs");
    let include = format!("-I{programs}");
    let mut paths: Vec<_> = std::fs::read_dir(programs).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    paths.sort();
    assert!(paths.len() >= 20, "{} programs", paths.len());
    let ways = [["-O2", "-mcpu=v4", "-g"], ["-O1", "-mcpu=v3", "-g"], ["-O2", "-mcpu=v1", "-mbig-endian"]];
    for (path, way) in paths.iter().zip(ways.iter().cycle()) {
        let source = std::fs::read_to_string(path).unwrap();
        let mut args = way.to_vec();
        args.push(&include);
        if !compare(&dir, &path.display().to_string(), &source, &args) {
            return;
        }
    }
}

/// Operators, escapes, alignment, flags, jumps, calls: the same text through both.
const TEXT: &str = r#"
        .text
        .globl  f
        .p2align 3
f:      r1 = 0x123456789 ll; r2 = *(u32 *)(r1 + 8)
1:      if r2 s> -5 goto 1b
        if r2 & 7 goto 1f
        w3 = -w3 // a comment
        call f /* another */
        call outside
        call 7
1:      exit
        .type   f,@function
        .size   f, .-f
        .section table,"a",@progbits
x:      .byte 1 + 2 * 3, (1 + 2) * 3, 2 + 3 << 1, 7 & 3 + 1, ~0 & 15, -3 / 2, 10 - 2 - 3, 1 == 1, 1 < 0
        .byte 'a', '\n', 0x10, 017, 0b11, . - x
        .balign 4, 0x5a
        .short  -1, 65535
        .ascii  "\0\1\12\123\\\"\n\t\b\f\r", "b"
        .asciz  "c"
        .p2align 4,,15
        .fill   3, 2, 0x102
        .zero   5, 7
        .skip   2
        .uleb128 624485
        .sleb128 -123456
        .data
        .quad   x + 4, f, y - z, outside + 8
z:      .quad   1
y:      .long   2
        .set    later, y - z
        .byte   later
        .bss
        .globl  g
g:      .zero   10
        .local  h
        .comm   h, 8, 8
"#;

#[test]
fn llvm_mc_makes_the_same_of_text() {
    let dir = TempDir::new();
    let input = dir.file("t.s", TEXT);
    let output = dir.path("t.o");
    let args = ["--triple=bpfel", "-filetype=obj", "-o", output.to_str().unwrap()];
    if run("llvm-mc-22", &args, &[&input]).is_none() {
        return;
    }
    let expected = described(&elf::read("t.s", &std::fs::read(&output).unwrap()).unwrap());
    let found = described(&assemble_with("t.s", TEXT, &Options::default()).unwrap());
    for (key, words) in
        expected.iter().filter(|(key, _)| key.starts_with("section") || key.starts_with("fun"))
    {
        assert_eq!(found.get(key), Some(words), "{key}");
    }
}
