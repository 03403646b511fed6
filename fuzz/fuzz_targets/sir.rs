//! Text of the compiler's language, whatever it is: read, checked, compiled, or refused with the reason; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::codegen::ir::{text, validate};
use skep::codegen::{Target, compile};
use skep::{Cpu, Endian, Opt, Options};

fuzz_target!(|input: (u8, &str)| {
    let (choice, sir) = input;
    let Ok(module) = text::parse("fuzz.sir", sir) else { return };
    let printed = text::print(&module);
    let again = text::parse("fuzz.sir", &printed).expect("what is printed can be read");
    assert_eq!(text::print(&again), printed);
    let pick = |shift: u8| usize::from(choice >> shift & 3);
    let options = Options::new()
        .opt([Opt::O0, Opt::O1, Opt::O2, Opt::Os][pick(0)])
        .cpu([Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4][pick(2)])
        .endian(if choice & 16 == 0 { Endian::Little } else { Endian::Big })
        .target(if choice & 32 == 0 { Target::Kernel } else { Target::User })
        .jump_tables(choice & 64 != 0)
        .validate(true);
    let valid = validate::module(&module).is_ok();
    match compile(module, &options) {
        Ok(object) => {
            assert!(valid, "invalid code is compiled");
            let bytes = object.elf();
            let read = skep::read("fuzz.o", &bytes).expect("what is written can be read");
            if let Ok(image) = skep::link(&read) {
                assert_eq!(skep::linker::check::image(&image), Ok(()));
            }
        }
        Err(diags) => assert!(!diags.0.is_empty()),
    }
});
