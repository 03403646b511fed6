//! What compilers make of small programs.

use skep_object::elf;

use crate::tools::{TempDir, clang, gcc};

const POINTERS: &str = r#"
    extern int und[];
    static __attribute__((noinline)) int h1(int x) { return x * 3; }
    static __attribute__((noinline)) int h2(int x) { return h1(x) * 5; }
    __attribute__((weak)) int weak_one(int x) { return x + 1; }
    int arr[4] = {1, 2, 3, 4};
    int *p = &arr[2];
    int (*volatile fp)(int) = h2;
    int (*volatile wfp)(int) = weak_one;
    int *up = &und[3];
    __attribute__((section("socket"))) int prog(void *ctx) { fp = h2; return h1(2) + h2(3) + weak_one(1) + arr[2] + und[7]; }
"#;

/// The two dialects say the same, in their own ways.
#[test]
fn both_dialects_have_the_same_targets() {
    let dir = TempDir::new();
    let targets = |bytes: &[u8]| {
        let object = elf::read("t.o", bytes).unwrap();
        assert_eq!(object.remarks, [""; 0]);
        // Where things stand differs by compiler; what is pointed to is a name and an offset in it.
        let mut targets: Vec<String> = Vec::new();
        for section in &object.sections {
            for reloc in &section.relocs {
                let symbol = object.symbol(reloc.symbol);
                let skep_object::object::Place::Section(home) = symbol.place else {
                    targets.push(format!("{}{:+}", symbol.name, reloc.addend));
                    continue;
                };
                let offset = symbol.value.strict_add_signed(reloc.addend);
                let inside = |s: &&skep_object::object::Symbol| {
                    s.place == symbol.place && s.size > 0 && (s.value..s.value + s.size).contains(&offset)
                };
                let found =
                    object.symbols.iter().find(inside).unwrap_or_else(|| panic!("{home:?}+{offset:#x}"));
                targets.push(format!("{}+{}", found.name, offset - found.value));
            }
        }
        targets.sort();
        targets.dedup();
        targets
    };
    let expected = ["arr+0", "arr+8", "fp+0", "h1+0", "h2+0", "und+0", "und+12", "weak_one+0"];
    if let Some(bytes) = clang(&dir, "t.c", POINTERS, &["-O2"]) {
        assert_eq!(targets(&bytes), expected);
    }
    for args in [&["-O2"][..], &["-O2", "-g"], &["-O2", "-mbig-endian"]] {
        if let Some(bytes) = gcc(&dir, "t.c", POINTERS, args) {
            assert_eq!(targets(&bytes), expected);
        }
    }
}
