//! The examples, and what `docs/assembly.md` shows.

use std::path::PathBuf;

use skep_object::asm::assemble;
use skep_object::{Object, elf};

fn file(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Assembles, and sends the object through ELF.
fn check(name: &str, text: &str) -> Object {
    let object = assemble(name, text).unwrap_or_else(|errors| panic!("{errors}"));
    let again = elf::read(name, &elf::write(&object)).unwrap();
    assert_eq!(again.sections, object.sections, "{name}");
    assert_eq!(again.funcs, object.funcs, "{name}");
    assert_eq!(again.maps, object.maps, "{name}");
    assert_eq!(again.btf_ext, object.btf_ext, "{name}");
    for func in &object.funcs {
        skep_insn::check::function(object.code(func)).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    object
}

#[test]
fn examples_assemble() {
    let words = check("words.s", &file("examples/words.s"));
    assert_eq!(words.maps.len(), 1);
    let sections: Vec<_> = words.sections.iter().map(|section| &*section.name).collect();
    assert_eq!(sections, [".text", ".maps", "BEGIN", "END", ".rodata", ".bss"]);
    for name in ["hello", "fib", "primes"] {
        let object = check(name, &file(&format!("examples/{name}.s")));
        assert!(object.symbol_by_name("main").is_some(), "{name}");
    }
}

/// Blocks marked ```asm assemble; what follows a block marked ```text is what the assembler says to the block before.
#[test]
fn the_document_shows_what_is() {
    let document = file("docs/assembly.md");
    let mut blocks = Vec::new();
    let mut rest = &*document;
    while let Some((_, after)) = rest.split_once("\n```") {
        let (kind, after) = after.split_once('\n').unwrap();
        let (block, after) = after.split_once("\n```\n").unwrap();
        blocks.push((kind, format!("{block}\n")));
        rest = after;
    }
    let mut programs = 0;
    for (at, (kind, block)) in blocks.iter().enumerate() {
        let said = blocks.get(at + 1).filter(|(kind, _)| *kind == "text");
        match (*kind, said) {
            ("asm", Some((_, said))) => {
                assert_eq!(format!("{}\n", assemble("t.s", block).unwrap_err()), *said)
            }
            ("asm", None) => {
                check("assembly.md", block);
                programs += 1;
            }
            ("text", _) => {}
            (kind, _) => assert_eq!(kind, "sh", "{block}"),
        }
    }
    assert_eq!(programs, 2);
}

/// Each instruction of the table is one.
#[test]
fn the_document_shows_instructions() {
    let document = file("docs/assembly.md");
    let (_, rest) = document.split_once("## Instructions\n").unwrap();
    let (table, _) = rest.split_once("\n\n`r0`").unwrap();
    let shown: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
    assert!(shown.len() > 30, "{shown:?}");
    for insn in shown {
        let text =
            format!("function: {insn}\nlabel: r0 = 0\nr0 = 0\nr0 = 0\nexit\n.data\nsymbol: .zero 16\n");
        check(insn, &text);
    }
}

#[test]
fn the_document_names_every_directive() {
    let document = file("docs/assembly.md");
    for name in skep_object::asm::directives() {
        assert!(document.contains(&format!("`{name}")), "docs/assembly.md does not tell of '{name}'");
    }
}
