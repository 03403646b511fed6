//! Images that no linker made: an engine takes no promise on trust.

use skep_insn::{Endian, RawInsn, Slot};
use skep_object::Image;
use skep_object::image::{DataId, Func, FuncId, ImportId, MapId, Ref, Target};
use skep_vm::{Error, Hosts, Map, TrapKind};

use crate::support::{assemble, both, checked, refusal, run, trusting};

fn good() -> Image {
    assemble(
        "
        .globl main
main:   r1 = word ll
        call sub
        r2 = hash ll
        exit
sub:    r0 = *(u64 *)(r1 + 0)
        exit
        .map hash, type=hash, key=4, value=8, max_entries=4
        .map progs, type=prog_array, key=4, value=4, max_entries=4
        .data
word:   .quad sub
",
    )
}

fn main(image: &mut Image) -> &mut Func {
    image.funcs.iter_mut().find(|func| func.name == "main").unwrap()
}

/// An image that someone changed is refused with the promise that it breaks, by both engines.
fn check(change: impl Fn(&mut Image), expected: &str) {
    let mut image = good();
    change(&mut image);
    for result in [checked(&Hosts::new()).add(&image), trusting(&Hosts::new()).add(&image)] {
        let Err(Error::Image(broken)) = result else { panic!("expected: {expected}") };
        let found = broken.to_string();
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn an_image_is_proven_before_it_is_used() {
    assert!(checked(&Hosts::new()).add(&good()).is_ok());
    let code = |at: usize, insn: RawInsn| move |image: &mut Image| main(image).code[at] = insn;
    let target = |at: usize, target: Target| move |image: &mut Image| main(image).refs[at].target = target;
    check(code(2, RawInsn::new(0x05, 0, 0, 1000, 0)), "leaves the function");
    check(code(2, RawInsn::new(0x05, 0, 0, -2, 0)), "second slot of ld_imm64");
    check(code(2, RawInsn::new(0xb7, 10, 0, 0, 0)), "r10 is written");
    check(code(2, RawInsn::new(0xb7, 12, 0, 0, 0)), "does not decode");
    check(code(5, RawInsn::new(0xb7, 0, 0, 0, 0)), "falls off the end");
    check(target(0, Target::Data { data: DataId(7), offset: 0 }), "does not exist");
    check(target(0, Target::Code { func: FuncId(0), at: Slot(1) }), "refers to Code");
    check(target(1, Target::Func(FuncId(1 << 30))), "does not exist");
    check(target(1, Target::Data { data: DataId(0), offset: 0 }), "refers to Data");
    check(target(2, Target::Map(MapId(2))), "does not exist");
    check(target(2, Target::Import { import: ImportId(0), addend: 0 }), "does not exist");
    check(|image| main(image).code.clear(), "the function is empty");
    check(|image| main(image).refs.reverse(), "out of order");
    check(|image| main(image).refs.clear(), "has no reference");
    let nowhere = Ref { at: Slot(u32::MAX), target: Target::Func(FuncId(0)) };
    check(|image| main(image).refs.push(nowhere), "reference to no instruction");
    check(|image| image.data[0].refs[0].at = u64::MAX, "ends outside");
    check(|image| image.data[0].refs[0].target = Target::Map(MapId(9)), "does not exist");
    check(|image| image.data[0].align = 3, "expected a power of two");
    check(|image| image.data[0].size = 7, "expected at most 7");
    check(|image| image.data[0].vars[0].size = u64::MAX, "ends outside");
    check(|image| image.maps[1].values.push((0, Target::Func(FuncId(8)))), "does not exist");
}

#[test]
fn an_image_is_for_this_machine() {
    let mut image = good();
    image.endian = if cfg!(target_endian = "big") { Endian::Little } else { Endian::Big };
    let error = refusal(checked(&Hosts::new()).add(&image));
    assert!(error.starts_with("image 'test.s' is for "), "{error}");
}

#[test]
fn maps_that_are_handed_in_are_counted() {
    let image = good();
    let map = Map::new(&image.maps[0].def).unwrap();
    let error = refusal(checked(&Hosts::new()).add_with_maps(&image, vec![map]));
    assert_eq!(error, "1 maps were handed in, expected 2, in the order of the image's own");
}

/// Compilers can be told to use more stack than the kernel has (`-mllvm -bpf-stack-size=16384`).
#[test]
fn trusted_functions_get_the_frames_that_they_use() {
    let image = assemble(
        "
        .globl main
main:   r6 = r10                        # fills 4000 bytes
        r6 += -4000
        r7 = r6
1:      *(u64 *)(r6 + 0) = 1
        r6 += 8
        if r6 < r10 goto 1b
        call other
        r0 = 0                          # and adds them up
1:      r1 = *(u64 *)(r7 + 0)
        r0 += r1
        r7 += 8
        if r7 < r10 goto 1b
        exit
other:  *(u64 *)(r10 - 8) = 0
        *(u64 *)(r10 - 512) = 0
        exit
",
    );
    let [(_, host), (_, limited)] = both(&Hosts::new(), &image);
    assert_eq!(run(&host, &[]), Ok(500));
    // Of checked programs the limit is the host's.
    assert!(matches!(run(&limited, &[]), Err(TrapKind::Access { .. })));
    let enough = checked(&Hosts::new()).frame_bytes(4096).add(&image).unwrap();
    assert_eq!(run(&enough, &[]), Ok(500));
}

#[test]
fn what_only_the_kernel_can_number_is_refused() {
    for (src, what) in [
        (1, "a map by number"),
        (2, "a value of a map by number"),
        (3, "a variable by BTF id"),
        (5, "a map by number"),
        (6, "a value of a map by number"),
    ] {
        let mut image = assemble(".globl main\nmain: r1 = 5 ll\nr0 = 0\nexit\n");
        image.funcs[0].code[0] = image.funcs[0].code[0].with_src(src);
        let refused = refusal(checked(&Hosts::new()).add(&image));
        let expected = format!("ld_imm64 with src {src} loads {what}, which means nothing here");
        assert!(refused.contains(&expected), "{refused}");
    }
}
