//! A checked program of any bytes ends, and leaves the host's memory alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skep::insn::{Endian, RawInsn, SLOT_BYTES};
use skep::{Checked, Engine, Hosts};

fuzz_target!(|data: &[u8]| {
    let whole = data.len() / SLOT_BYTES * SLOT_BYTES;
    let Some(code) = RawInsn::slots(&data[..whole], Endian::Little) else { return };
    let Ok(image) = skep::linker::link_code("fuzz", code) else { return };
    let engine: Engine<Checked> = Engine::checked(Hosts::new());
    let Ok(unit) = engine.add(&image) else { return };
    let func = unit.func("main").expect("link_code names the first function so");
    // The memory lies in the middle of a larger block, whose rest must stay as it is.
    let mut block = [0x5a; 192];
    let _ = func.prepare().memory(&mut block[64..128]).budget(10_000).call();
    assert!(block[..64].iter().chain(&block[128..]).all(|&byte| byte == 0x5a), "wrote beside its memory");
});
