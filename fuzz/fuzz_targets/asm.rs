//! What assembles can be written, read back and linked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::object::elf;

fuzz_target!(|text: &str| {
    let Ok(object) = skep::assemble("fuzz.s", text) else { return };
    let bytes = elf::write(&object);
    let again = skep::read("fuzz.s", &bytes).expect("what we write, we read");
    assert_eq!(elf::write(&again), bytes);
    if let Ok(image) = skep::link(&object) {
        assert_eq!(skep::linker::check::image(&image), Ok(()));
    }
});
