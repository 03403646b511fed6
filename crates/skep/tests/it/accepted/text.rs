//! The IR of the programs, printed and read again.

use skep::codegen::compile;
use skep::codegen::ir::text;
use skep::{Cpu, Listing, Module, Opt, Options};

#[test]
fn programs_compile_alike_from_their_text() {
    let mut failed = Vec::new();
    for case in super::cases() {
        let mut m = Module::new(case.name.clone());
        m.license("GPL");
        (case.make)(&mut m, case.section);
        let module = m.finish().unwrap_or_else(|error| panic!("{}: {error}", case.name));
        let printed = text::print(&module);
        let read = text::parse("printed.sir", &printed).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(text::print(&read), printed);
        for opt in [Opt::O0, Opt::O2] {
            let options = Options::new().opt(opt).cpu(Cpu::V3);
            let listing = |module| Listing::new(&compile(module, &options).unwrap()).to_string();
            let (expected, found) = (listing(module.clone()), listing(read.clone()));
            if expected != found {
                let differs = expected.lines().zip(found.lines()).find(|(expected, found)| expected != found);
                let (expected, found) = differs.unwrap_or(("the same length", "another one"));
                failed.push(format!("{} at {opt:?}: {found}, expected {expected}", case.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} differ:\n{}", failed.len(), failed.join("\n"));
}
