//! What decodes is printed and read back as the same bytes; what checks decodes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::insn::{Endian, Insn, RawInsn, SLOT_BYTES, check, text};

fuzz_target!(|data: &[u8]| {
    if let Ok(line) = std::str::from_utf8(data) {
        let _ = text::parse(line);
    }
    let whole = data.len() / SLOT_BYTES * SLOT_BYTES;
    let Some(code) = RawInsn::slots(&data[..whole], Endian::Little) else { return };
    for at in 0..code.len() {
        if let Ok(insn) = Insn::decode(&code[at..]) {
            assert_eq!(insn.encode().as_slice(), &code[at..at + insn.slots() as usize]);
            assert_eq!(text::parse(&insn.to_string()), Ok(insn));
        }
    }
    let mut decoded = 0;
    let visited = check::function_with(&code, |_, insn| decoded += insn.slots() as usize);
    assert_eq!(check::function(&code), visited);
    if visited.is_ok() {
        assert_eq!(decoded, code.len());
    }
});
