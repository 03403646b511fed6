//! What reads as an object is written, read back and linked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::object::elf;

fuzz_target!(|data: &[u8]| {
    let Ok(object) = skep::read("fuzz.o", data) else { return };
    let bytes = elf::write(&object);
    let again = skep::read("fuzz.o", &bytes).expect("what we write, we read");
    assert_eq!(elf::write(&again), bytes);
    if let Ok(image) = skep::link(&object) {
        assert_eq!(skep::linker::check::image(&image), Ok(()));
    }
});
