//! Programs of a size that nobody writes by hand.

use std::time::{Duration, Instant};

use skep_insn::{RawInsn, Slot};
use skep_object::Image;
use skep_object::image::{Func, FuncId, Import, ImportKind, Ref, Target};
use skep_vm::{Error, Hosts, TrapKind};

use crate::support::{both, checked, run};

const EXIT: RawInsn = RawInsn::new(0x95, 0, 0, 0, 0);

fn mov(dst: u8, imm: i32) -> RawInsn {
    RawInsn::new(0xb7, dst, 0, 0, imm)
}

fn func(name: &str, code: Vec<RawInsn>, refs: Vec<Ref>) -> Func {
    Func {
        name: name.to_owned(),
        aliases: Vec::new(),
        section: ".text".to_owned(),
        exported: true,
        code,
        refs,
        lines: Vec::new(),
        core: Vec::new(),
        ty: None,
    }
}

#[test]
fn a_million_instructions_in_one_function() {
    const LEN: i32 = 1_000_000;
    // Over all to the end, back to the second instruction, through all, and out.
    let mut code = vec![RawInsn::new(0x06, 0, 0, 0, LEN - 3)];
    code.push(mov(0, 0));
    code.resize(usize::try_from(LEN).unwrap() - 3, RawInsn::new(0x07, 0, 0, 0, 1));
    code.extend([EXIT, mov(1, 5), RawInsn::new(0x06, 0, 0, 0, 1 - LEN)]);
    let image = skep_link::link_code("large", code).unwrap();
    for (mode, unit) in both(&Hosts::new(), &image) {
        assert_eq!(run(&unit, &[]), Ok(u64::try_from(LEN).unwrap() - 5), "{mode}");
        let main = unit.func("main").unwrap();
        let mut executed = 0;
        assert!(main.prepare().count(&mut executed).call().is_ok());
        assert_eq!(executed, u64::try_from(LEN).unwrap());
        let trap = main.prepare().budget(500_000).call().unwrap_err();
        assert_eq!(trap.trace[0].at, Slot(499_998), "{mode}: {trap}");
    }
}

#[test]
fn jumps_reach_as_far_as_their_offsets() {
    for (far, back) in [(i16::MAX, false), (i16::MAX - 1, false), (i16::MIN + 1, true)] {
        let distance = usize::from(far.unsigned_abs());
        let mut code;
        if back {
            code = vec![RawInsn::new(0x05, 0, 0, i16::MAX - 1, 0), EXIT];
            code.resize(distance + 1, mov(0, 1));
            // The jump lies `distance` behind the exit.
            code[distance] = RawInsn::new(0x15, 0, 0, far, 0);
            code[0] = RawInsn::new(0x06, 0, 0, 0, i32::try_from(distance).unwrap() - 1);
        } else {
            code = vec![RawInsn::new(0x15, 0, 0, far, 0)];
            code.resize(distance + 1, mov(0, 1));
            code.push(mov(0, 9));
        }
        code.push(EXIT);
        let image = skep_link::link_code("far", code).unwrap();
        for (mode, unit) in both(&Hosts::new(), &image) {
            let expected = if back { 0 } else { 9 };
            assert_eq!(unit.func("main").unwrap().call(&[]).unwrap(), expected, "{mode} {far}");
        }
    }
}

#[test]
fn a_hundred_thousand_functions() {
    const COUNT: u32 = 100_000;
    let call_next = |index: u32| {
        let next = Ref { at: Slot(1), target: Target::Func(FuncId((index + 1) % COUNT)) };
        let name = format!("f{index}");
        let code = vec![RawInsn::new(0x07, 1, 0, 0, -1), RawInsn::new(0x85, 0, 1, 0, -1), EXIT];
        let out = [
            RawInsn::new(0x07, 1, 0, 0, -1),
            RawInsn::new(0x55, 1, 0, 2, 0),
            mov(0, index.cast_signed()),
            EXIT,
        ];
        if index % 1000 == 999 {
            let at = Slot(4);
            return func(&name, [&out[..], &code[1..]].concat(), vec![Ref { at, ..next }]);
        }
        func(&name, code, vec![next])
    };
    let image = Image { funcs: (0..COUNT).map(call_next).collect(), ..Image::default() };
    for (mode, engine) in [
        ("host", crate::support::trusting(&Hosts::new()).max_depth(1 << 20).add(&image).unwrap()),
        ("checked", checked(&Hosts::new()).max_depth(1 << 20).frame_bytes(16).add(&image).unwrap()),
    ] {
        let begun = Instant::now();
        let first = engine.func_by_id(FuncId(0));
        assert_eq!(first.call(&[100_000]).unwrap(), 99_999, "{mode}");
        assert_eq!(first.call(&[200_000]).unwrap(), 99_999, "{mode}: recursion");
        assert_eq!(first.prepare().args(&[1000]).budget(1 << 20).call().unwrap(), 999, "{mode}");
        let trap = engine.func("f77777").unwrap().prepare().budget(400_000).call().unwrap_err();
        assert_eq!(trap.kind, TrapKind::Budget { limit: 400_000 });
        assert_eq!(trap.trace.len(), 64);
        assert!(begun.elapsed() < Duration::from_secs(20), "{mode}: {:?}", begun.elapsed());
    }
}

/// The work of telling what is missing does not grow with what is missing times what uses it.
#[test]
fn a_hundred_thousand_names_that_are_missing() {
    const COUNT: u32 = 100_000;
    let import = |index: u32| Import {
        name: format!("missing_name_{index}"),
        kind: ImportKind::Func,
        weak: false,
        ty: None,
    };
    let target = |index: u32| Target::Import { import: skep_object::image::ImportId(index), addend: 0 };
    let refs = (0..COUNT).map(|index| Ref { at: Slot(index), target: target(index) }).collect();
    let mut code = vec![RawInsn::new(0x85, 0, 1, 0, -1); COUNT as usize];
    code.push(EXIT);
    let imports = (0..COUNT).map(import).collect();
    let image = Image { funcs: vec![func("main", code, refs)], imports, ..Image::default() };
    let begun = Instant::now();
    let Err(Error::Unresolved(missing)) = checked(&Hosts::new()).add(&image) else {
        panic!("all is missing")
    };
    assert_eq!(missing.len(), 100);
    assert_eq!(
        (missing[99].name(), missing[99].sites()),
        ("missing_name_99", &["main+0x318".to_owned()][..])
    );
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}
