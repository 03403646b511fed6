//! What `docs/sir.md` shows, and that it shows everything.

use std::path::Path;

use skep_codegen::ir::{AtomicOp, BinOp, CastOp, Cond, Order, UnOp, text};
use skep_codegen::{Cpu, Opt, Options, compile};

pub(crate) fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/sir.md");
    std::fs::read_to_string(path).unwrap()
}

/// The modules in it.
pub(crate) fn examples(document: &str) -> Vec<&str> {
    document.split("```sir\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn examples_compile_and_are_printed_as_they_are_read() {
    let document = document();
    let mut count = 0;
    for source in examples(&document) {
        let module = text::parse("sir.md", source).unwrap_or_else(|errors| panic!("{errors}"));
        let printed = text::print(&module);
        assert_eq!(text::print(&text::parse("sir.md", &printed).unwrap()), printed);
        for (opt, cpu) in [(Opt::O0, Cpu::V3), (Opt::O2, Cpu::V4), (Opt::Os, Cpu::V1)] {
            let result = compile(module.clone(), &Options::new().opt(opt).cpu(cpu));
            // Exchanging 32 bits in one step takes cpu v3.
            if cpu == Cpu::V1 && source.contains("atomic.xchg") {
                assert!(result.unwrap_err().to_string().contains("SK115"));
                continue;
            }
            result.unwrap_or_else(|diags| panic!("{diags}\n{source}"));
        }
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn all_words_are_told() {
    let document = document();
    let mut words: Vec<&str> = Vec::new();
    words.extend(BinOp::ALL.iter().map(|it| it.name()));
    words.extend(UnOp::ALL.iter().map(|it| it.name()));
    words.extend(CastOp::ALL.iter().map(|it| it.name()));
    words.extend(Cond::ALL.iter().map(|it| it.name()));
    words.extend(AtomicOp::ALL.iter().map(|it| it.name()));
    words.extend(Order::ALL.iter().map(|it| it.name()));
    for word in words {
        assert!(document.contains(&format!("`{word}`")), "docs/sir.md does not tell of '{word}'");
    }
}
