//! The kernel loads what the assembler makes, with types and lines.

use std::path::Path;

use skep_object::asm::assemble;
use skep_object::elf;

use crate::tools::{TempDir, run, skip};

/// Functions of both linkages, in three sections; maps, data, a callback.
const PROGRAM: &str = r#"
        .map    counts, type=hash, key=4, value=8, max_entries=1024
        .map    events, type=ringbuf, max_entries=1 << 16
        .section xdp
        .globl  program
program:
        *(u32 *)(r10 - 4) = 0
        r1 = counts ll
        r2 = r10
        r2 += -4
        call    bpf_map_lookup_elem
        if r0 == 0 goto 1f
        r1 = 1
        lock *(u64 *)(r0 + 0) += r1
        r1 = total ll
        r2 = *(u64 *)(r1 + 0)
        r2 += 1
        *(u64 *)(r1 + 0) = r2
1:      r1 = 5
        call    local
        r1 = 10
        r2 = callback ll
        r3 = r10
        r4 = 0
        call    bpf_loop
        r0 = 2
        exit
        .section tc
second: r1 = 6
        call    local
        call    shared
        exit
        .text
local:  r0 = r1
        r0 += 1
        exit
        .globl  shared
shared: r0 = 1
        exit
callback:
        r0 = 0
        exit
        .license "GPL"
        .bss
total:  .zero   8
"#;

#[test]
fn the_kernel_takes_it_with_types_and_lines() {
    const BPFFS: &str = "/sys/fs/bpf";
    let pins = format!("{BPFFS}/skep-asm-{}", std::process::id());
    if std::fs::create_dir(&pins).is_err() {
        return skip("no folder can be made in /sys/fs/bpf: not root, or not mounted");
    }
    struct Pins(String);
    impl Drop for Pins {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
    let pins = Pins(pins);
    let dir = TempDir::new();
    let object = assemble("kernel.s", PROGRAM).unwrap_or_else(|errors| panic!("{errors}"));
    let path = dir.file("kernel.o", elf::write(&object));
    let Some(_) = run("bpftool", &["prog", "loadall"], &[&path, Path::new(&pins.0)]) else { return };
    let pinned = Path::new(&pins.0).join("program");
    let listed =
        run("bpftool", &["prog", "dump", "xlated", "pinned"], &[&pinned, Path::new("linum")]).unwrap();
    for expected in [
        "int program(void * ctx):",
        "; r1 = counts ll [file:kernel.s line_num:8 line_col:9]",
        "; 1:      r1 = 5 [file:kernel.s line_num:19 line_col:9]",
        "; local:  r0 = r1 [file:kernel.s line_num:34 line_col:9]",
    ] {
        assert!(listed.contains(expected), "{expected}\n{listed}");
    }
}
