//! The checker finds every way to break a promise.

use skep_insn::{RawInsn, Slot};
use skep_link::{Options, check, link};
use skep_object::Image;
use skep_object::image::{DataId, DataRef, FuncId, ImportId, ImportKind, Line, MapId, Ref, Target};

use crate::dsl::object;

fn good() -> Image {
    let object = object(
        "undefined ext
         undefined var
         section .text code
         func helper
           exit
         func main global
           r1 = 0 ll -> x
           call pc-1 -> .text
           call pc-1 -> ext
           r2 = 0 ll -> m
           r3 = 0 ll -> var
           gotox r1
           r0 = 0
           exit
         section .data data
         var x 8 global
           ptr .text+72
         var y 8 global
           ptr .text
         section .maps maps
         map m 0=helper
         map n 1=m",
    );
    link(&object, &Options::new()).unwrap()
}

fn check_broken(breakage: impl FnOnce(&mut Image), expected: &str) {
    let mut image = good();
    breakage(&mut image);
    assert_eq!(check::image(&image).unwrap_err().to_string(), expected);
}

#[test]
fn a_linked_image_keeps_all_promises() {
    assert_eq!(check::image(&good()), Ok(()));
    assert_eq!(check::image(&Image::default()), Ok(()));
}

#[test]
fn code_is_valid() {
    check_broken(
        |i| i.funcs[0].code.clear(),
        "function 'helper'+0x0: the function is empty; expected at least exit",
    );
    check_broken(
        |i| i.funcs[1].code[10] = RawInsn::new(0xff, 0, 0, 0, 0),
        "function 'main'+0x0: slot 10 does not decode: unknown opcode 0xff in insn 0xff dst 0 src 0 off 0 imm 0x0",
    );
}

#[test]
fn references_stand_on_empty_places() {
    check_broken(
        |i| i.funcs[1].code[2].imm = 5,
        "function 'main'+0x10: `call pc+0x5` has a reference, expected a call with imm -1 or ld_imm64 of 0",
    );
    check_broken(
        |i| i.funcs[1].code[1].imm = 1,
        "function 'main'+0x0: `r1 = 0x100000000 ll` has a reference, expected a call with imm -1 or ld_imm64 of 0",
    );
    check_broken(
        |i| i.funcs[1].refs[4].at = Slot(9),
        "function 'main'+0x48: `r0 = 0x0` has a reference, expected a call with imm -1 or ld_imm64 of 0",
    );
    check_broken(
        |i| i.funcs[1].code[2] = RawInsn::new(0x85, 0, 2, 0, 7),
        "function 'main'+0x10: `call kfunc(0x7)` has a reference, expected a call with imm -1 or ld_imm64 of 0",
    );
}

#[test]
fn references_are_in_order_and_complete() {
    check_broken(
        |i| _ = i.funcs[1].refs.remove(1),
        "function 'main'+0x10: `call pc-0x1` has no reference; functions are referred to by index",
    );
    check_broken(
        |i| i.funcs[1].refs.swap(3, 4),
        "function 'main'+0x20: reference to no instruction, or out of order",
    );
    check_broken(
        |i| i.funcs[1].refs[0].at = Slot(1),
        "function 'main'+0x8: reference to no instruction, or out of order",
    );
    check_broken(
        |i| i.funcs[1].refs.push(Ref { at: Slot(99), target: Target::Map(MapId(0)) }),
        "function 'main'+0x318: reference to no instruction, or out of order",
    );
    check_broken(
        |i| i.funcs[1].code[0] = RawInsn::new(0x18, 1, 4, 0, 0),
        "function 'main'+0x0: `ld_pseudo r1, 0x4, 0x0` has a reference, expected a call with imm -1 or ld_imm64 of 0",
    );
}

#[test]
fn targets_exist() {
    let target = |at: usize, target: Target| move |i: &mut Image| i.funcs[1].refs[at].target = target;
    let data = |target: Target| move |i: &mut Image| i.data[0].refs[0].target = target;
    check_broken(target(1, Target::Func(FuncId(2))), "function 'main'+0x10: Func(FuncId(2)) does not exist");
    check_broken(target(3, Target::Map(MapId(2))), "function 'main'+0x20: Map(MapId(2)) does not exist");
    let import = Target::Import { import: ImportId(2), addend: 0 };
    check_broken(
        target(4, import),
        "function 'main'+0x30: Import { import: ImportId(2), addend: 0 } does not exist",
    );
    let place = Target::Data { data: DataId(1), offset: 0 };
    check_broken(target(0, place), "function 'main'+0x0: Data { data: DataId(1), offset: 0 } does not exist");
    for (func, at) in [(1, 1), (1, 11), (1, 1000), (2, 0)] {
        let label = Target::Code { func: FuncId(func), at: Slot(at) };
        check_broken(data(label), &format!("data .data: {label:?} does not exist"));
    }
    check_broken(|i| i.maps[1].values[0].1 = Target::Map(MapId(7)), "map 'n': Map(MapId(7)) does not exist");
}

#[test]
fn targets_fit_what_refers_to_them() {
    let target = |at: usize, target: Target| move |i: &mut Image| i.funcs[1].refs[at].target = target;
    check_broken(
        target(1, Target::Map(MapId(0))),
        "function 'main'+0x10: `call pc-0x1` refers to Map(MapId(0))",
    );
    check_broken(
        target(1, Target::Data { data: DataId(0), offset: 0 }),
        "function 'main'+0x10: `call pc-0x1` refers to Data { data: DataId(0), offset: 0 }",
    );
    check_broken(
        target(2, Target::Import { import: ImportId(0), addend: 8 }),
        "function 'main'+0x18: call of import 'ext' + 8, which is Func",
    );
    check_broken(
        target(2, Target::Import { import: ImportId(1), addend: 0 }),
        "function 'main'+0x18: call of import 'var' + 0, which is Address",
    );
    check_broken(
        target(0, Target::Code { func: FuncId(1), at: Slot(9) }),
        "function 'main'+0x0: `r1 = 0x0 ll` refers to Code { func: FuncId(1), at: Slot(9) }",
    );
    check_broken(
        |i| i.maps[1].values[0].1 = Target::Data { data: DataId(0), offset: 0 },
        "map 'n': slot 1 holds Data { data: DataId(0), offset: 0 }",
    );
    check_broken(
        |i| i.imports[0].kind = ImportKind::Address,
        "function 'main'+0x18: call of import 'ext' + 0, which is Address",
    );
}

#[test]
fn pointers_lie_in_their_data() {
    check_broken(|i| i.data[0].refs[1].at = 9, "data .data: pointer at 0x9 ends outside");
    check_broken(
        |i| i.data[0].refs[1].at = 7,
        "data .data: pointer at 0x7 is out of order, or overlaps the one before",
    );
    check_broken(
        |i| i.data[0].refs[1].at = u64::MAX,
        "data .data: pointer at 0xffffffffffffffff ends outside",
    );
    check_broken(|i| i.data[0].bytes[15] = 1, "data .data: pointer at 0x8 stands on bytes that are not zero");
    check_broken(|i| i.data[0].size = 15, "data .data: 16 bytes, expected at most 15");
    check_broken(|i| i.data[0].align = 0, "data .data: alignment 0, expected a power of two");
    let more = DataRef { at: 0, target: Target::Map(MapId(0)) };
    check_broken(
        move |i| i.data[0].refs.push(more),
        "data .data: pointer at 0x0 is out of order, or overlaps the one before",
    );
}

#[test]
fn variables_and_lines_are_in_order() {
    check_broken(|i| i.data[0].vars.swap(0, 1), "data .data: variable 'x' is out of order");
    check_broken(|i| i.data[0].vars[1].size = 9, "data .data: variable 'y' ends outside");
    let line = |at, file| Line { at: Slot(at), file, line: 1, column: 1, text: skep_btf::StrRef::EMPTY };
    let lines = |lines: Vec<Line>| {
        move |i: &mut Image| {
            i.files = vec!["a.c".to_owned()];
            i.funcs[1].lines = lines;
        }
    };
    let mut image = good();
    lines(vec![line(0, 0), line(2, 0)])(&mut image);
    assert_eq!(check::image(&image), Ok(()));
    check_broken(lines(vec![line(2, 0), line(2, 0)]), "function 'main'+0x10: lines are out of order");
    check_broken(
        lines(vec![line(11, 0)]),
        "function 'main'+0x58: line of no instruction, or of file 0, which is none",
    );
    check_broken(
        lines(vec![line(0, 1)]),
        "function 'main'+0x0: line of no instruction, or of file 1, which is none",
    );
}

#[test]
fn names_are_unique() {
    check_broken(
        |i| {
            i.funcs[0].exported = true;
            i.funcs[0].name = "main".to_owned();
        },
        "image app.o: function 'main' has the name of another function",
    );
    check_broken(
        |i| i.funcs[1].aliases.push("x".to_owned()),
        "image app.o: variable 'x' has the name of another function",
    );
    check_broken(|i| i.imports[1].name = "ext".to_owned(), "image app.o: 'ext' is imported twice");
    check_broken(
        |i| i.imports[1].name = "y".to_owned(),
        "image app.o: 'y' is imported, and defined as variable",
    );
    let mut image = good();
    image.funcs[0].name = "main".to_owned();
    assert_eq!(check::image(&image), Ok(()));
}
