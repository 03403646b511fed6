//! Programs take none of the native stack, however long they run: each handler leaves it as it was.

use skep_insn::{Insn, MemSize, Operand, RawInsn, Reg};
use skep_object::image::Target;
use skep_vm::host::Signature;
use skep_vm::{Checked, Engine, Host, Hosts};

use crate::support::{assemble, checked, run, trusting};

/// Rounds of the loop. A handler that keeps a word on the stack each time would need four times what there is.
const ROUNDS: u32 = 65_536;
const STACK: usize = 128 << 10;

/// All instructions that go on with the next one, on registers and memory that fit.
fn straight() -> Vec<String> {
    let reg = |number: u8| Reg::new(number).unwrap();
    let mut lines = Vec::new();
    for code in 0..=u8::MAX {
        for (off, imm) in variants() {
            for (dst, src) in [(1, 2), (2, 1), (1, 1), (10, 2), (1, 10), (1, 0), (0, 0)] {
                let off = if is_memory(code) { -8 } else { off };
                let Ok(insn) = Insn::decode(&[RawInsn::new(code, dst, src, off, imm)]) else { continue };
                let fits = match insn {
                    Insn::Load { base, .. } | Insn::LoadAcquire { base, .. } => base == reg(10),
                    Insn::Store { base, src, .. } => base == reg(10) && src != Operand::Reg(reg(10)),
                    Insn::Atomic { base, .. } | Insn::StoreRelease { base, .. } => base == reg(10),
                    Insn::Jump { off, .. } => off == 0,
                    Insn::JumpIf { off, .. } | Insn::MayGoto { off } => off == 0,
                    Insn::Call(_) | Insn::CallX { .. } | Insn::GotoX { .. } | Insn::Exit => false,
                    Insn::LoadPacket { .. } | Insn::AddrSpaceCast { .. } | Insn::LoadImm64 { .. } => false,
                    _ => true,
                };
                if fits && insn.written() != Some(reg(10)) {
                    lines.push(insn.to_string());
                }
            }
        }
    }
    lines.sort();
    lines.dedup();
    lines
}

/// Offsets and immediates that tell instructions of the same opcode apart: signed ones, extensions, atomics, widths.
fn variants() -> impl Iterator<Item = (i16, i32)> {
    let atomics = [0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1, 0x100, 0x110];
    let imms = atomics.into_iter().chain([16, 32, 64, -3]);
    [0, 1, 8, 16, 32].into_iter().map(|off| (off, 0)).chain(imms.map(|imm| (0, imm)))
}

/// Whether the offset is one in memory.
fn is_memory(code: u8) -> bool {
    matches!(code & 7, 1..=3)
}

#[test]
fn no_handler_keeps_anything_on_the_native_stack() {
    let lines = straight();
    assert!(lines.len() > 250 && MemSize::ALL.len() == 4, "{} instructions only", lines.len());
    let text = format!(
        "
        .globl main
main:   r9 = {ROUNDS}
        *(u64 *)(r10 - 8) = 5
        r1 = 3
        r2 = 7
again:
        {}
        r3 = 0x123456789 ll
        call leaf
        r3 = leaf ll
        callx r3
        call 5
        r3 = 5
        callx r3
        call closure
        call abs
        r3 = abs ll
        callx r3
        r1 = 0
        r2 = progs ll
        r3 = 0
        call 12
        r3 = 12
        callx r3
        r2 = tails ll
        r3 = 0
        call jump
        r3 = table ll
        r3 = *(u64 *)(r3 + 0)
        gotox r3
0:
        r1 = 3
        r9 += -1
        if r9 != 0 goto again
        r0 = r9
        exit
leaf:   r0 = 1
        exit
jump:   call 12
        exit
        .globl tail
tail:   r0 = 2
        exit
        .section .rodata
        .align 8
table:  .quad 0b
        .map progs, type=prog_array, key=4, value=4, max_entries=1
        .map tails, type=prog_array, key=4, value=4, max_entries=1
",
        lines.join("\n        ")
    );
    let mut image = assemble(&text);
    let tail = image.func_by_name("tail").unwrap().0;
    image.maps.iter_mut().find(|map| map.def.name == "tails").unwrap().values.push((0, Target::Func(tail)));
    let hosts = Hosts::new().closure("closure", Signature::RAW, |_, args| Ok(args[0])).libc("abs").unwrap();
    let (trusting, checked): (Engine<Host>, Engine<Checked>) = (trusting(&hosts), checked(&hosts));
    for unit in [trusting.add(&image).unwrap(), checked.add(&image).unwrap()] {
        let run = || run(&unit, &[]);
        let thread = std::thread::Builder::new().stack_size(STACK);
        let result = std::thread::scope(|scope| thread.spawn_scoped(scope, run).unwrap().join().unwrap());
        assert_eq!(result, Ok(0));
    }
}
