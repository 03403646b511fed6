//! Lines and types of functions, from the records of BTF.

use skep_btf::{Block, Btf, BtfExt, ByteOff, FuncInfo, LineInfo, Linkage, TypeId};
use skep_insn::Slot;
use skep_link::{Options, link};
use skep_object::Object;
use skep_object::image::FuncId;

use crate::dsl::object;

/// Two static functions of one name, each with its FUNC; lines of the first and the last function only.
fn with_records(text: &str) -> Object {
    let mut object = object(text);
    let mut btf = Btf::builder();
    let ptr = btf.ptr(TypeId::VOID);
    let proto = btf.func_proto(TypeId::VOID, &[]);
    let other_proto = btf.func_proto(ptr, &[]);
    let first = btf.func("same", proto, Linkage::Static);
    let second = btf.func("same", other_proto, Linkage::Static);
    btf.func("main", proto, Linkage::Global);
    btf.func("ext", proto, Linkage::Extern);
    let section = btf.string(".text");
    let (file, other) = (btf.string("app.c"), btf.string("app.h"));
    let text = btf.string("  return 1;");
    let line = |at, file, line| LineInfo { at: ByteOff(at), file, text, line, column: 3 };
    let lines = vec![line(0, file, 7), line(8, other, 8), line(8, file, 9), line(40, file, 20)];
    let funcs = vec![FuncInfo { at: ByteOff(0), func: first }, FuncInfo { at: ByteOff(16), func: second }];
    object.btf = Some(btf.build().unwrap());
    object.btf_ext = Some(BtfExt {
        func_info: vec![Block { section, records: funcs }],
        line_info: vec![Block { section, records: lines }],
        core_relo: Vec::new(),
    });
    object
}

const TWO: &str = "undefined ext
    section .text code
    func same
      r0 = 1
      exit
    func same
      r0 = 2
      exit
    func main global
      call pc-1 -> .text+16
      call pc-6
      call pc-1 -> ext
      exit";

#[test]
fn records_belong_to_places_and_not_to_names() {
    let image = link(&with_records(TWO), &Options::new()).unwrap();
    let btf = image.btf.as_ref().unwrap();
    let types: Vec<_> = image.funcs.iter().map(|func| func.ty.unwrap()).collect();
    assert_eq!(types, [TypeId(4), TypeId(5), TypeId(6)]);
    assert_eq!(image.imports[0].ty, Some(TypeId(7)));
    assert_eq!(btf.string(image.funcs[0].lines[0].text), "  return 1;");
}

#[test]
fn lines_count_from_their_function_and_end_with_it() {
    let image = link(&with_records(TWO), &Options::new()).unwrap();
    let line_at = |func, slot| {
        image.line_at(FuncId(func), Slot(slot)).map(|(file, line)| (file, line.line, line.column))
    };
    assert_eq!(line_at(0, 0), Some(("app.c", 7, 3)));
    // Of two records for one instruction, the last.
    assert_eq!(line_at(0, 1), Some(("app.c", 9, 3)));
    assert_eq!(line_at(1, 0), None);
    assert_eq!(line_at(2, 0), None);
    assert_eq!(line_at(2, 1), Some(("app.c", 20, 3)));
    assert_eq!(line_at(2, 3), Some(("app.c", 20, 3)));
}

#[test]
fn messages_name_the_line() {
    let check = |call: &str, expected: &str| {
        let object = with_records(&TWO.replace("call pc-6", call));
        assert_eq!(link(&object, &Options::new()).unwrap_err().to_string(), expected);
    };
    check(
        "call pc-5",
        "call without relocation to -5 at main+0x8 (.text+0x28, app.c:20) in app.o: same+0x8 is inside a function, expected \
         the start of one",
    );
    // The line before belongs to another function.
    let object = with_records(&TWO.replace("call pc-1 -> .text+16", "call pc-1 -> .text+8"));
    assert_eq!(
        link(&object, &Options::new()).unwrap_err().to_string(),
        "R_BPF_64_32 to '.text' + 0x8 at main+0x0 (.text+0x20) in app.o: same+0x8 is inside a function, expected the start of \
         one",
    );
}
