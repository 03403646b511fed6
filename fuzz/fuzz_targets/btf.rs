//! What parses as BTF is total under every accessor, and written back.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = skep_btf::oracle::btf(data);
});
