//! What the interpreter of the IR says of small modules, by their text.

use skep_codegen::{Endian, ir};
use skep_tests::sir::eval::{Host, Machine};
use skep_tests::sir::memory::{Name, Uninit};

/// A host with one helper, which calls its first argument with the second, and one function.
struct Some;

impl Host for Some {
    fn helper(&mut self, machine: &mut Machine<'_>, number: u32, args: &[u64]) -> Result<u64, String> {
        match (number, args) {
            (7, [func, arg]) => {
                let result = machine.call_address(self, *func, &[*arg]);
                result.map(|result| result.unwrap_or(0) + 1).map_err(|kind| kind.to_string())
            }
            _ => Err(format!("no helper {number}")),
        }
    }

    fn external(&mut self, _: &mut Machine<'_>, name: &str, args: &[u64]) -> Result<u64, String> {
        if name == "sum" { Ok(args.iter().sum()) } else { Err(format!("no function '{name}'")) }
    }
}

/// Runs `main` of a module on 16 bytes, 0 to 15; its result, or what is wrong.
fn run(text: &str, endian: Endian) -> String {
    let module = ir::text::parse("test.sir", text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let mut machine = Machine::new(&module, endian, Uninit::Fault);
    let buffer = machine.memory.add(Name::Buffer(0), (0..16).collect(), false);
    machine.budget = 10_000;
    match machine.call(&mut Some, "main", &[buffer, 16]) {
        Ok(result) => format!("{:#x}", result.unwrap_or(0)),
        Err(fault) => fault.to_string(),
    }
}

fn check(text: &str, expected: &str) {
    let found = run(text, Endian::Little);
    let is = if expected.starts_with("0x") { found == expected } else { found.contains(expected) };
    assert!(is, "{found}, expected {expected}:\n{text}");
}

/// The same for the instructions of a `main` that has one block.
fn check_block(body: &str, expected: &str) {
    check(
        &format!("fn @main(ptr, i64) -> i64 {{\n slot s0 8 align 8\nb0(v0: ptr, v1: i64):\n{body}\n}}\n"),
        expected,
    );
}

#[test]
fn arithmetic_is_cut_to_its_width() {
    check_block("v2 = trunc i8 v1\nv3 = sub i8 v2, 17\nv4 = zext i64 v3\nret v4", "0xff");
    check_block("v2 = trunc i8 v1\nv3 = sub i8 v2, 17\nv4 = sext i64 v3\nret v4", "0xffffffffffffffff");
    check_block("v2 = shl i64 v1, 66\nret v2", "0x40");
}

#[test]
fn memory_has_the_byte_order_of_the_target() {
    let body = "v2 = load.u32 i64 [v0+4]\nret v2";
    let text = format!("fn @main(ptr, i64) -> i64 {{\nb0(v0: ptr, v1: i64):\n{body}\n}}\n");
    assert_eq!(run(&text, Endian::Little), "0x7060504");
    assert_eq!(run(&text, Endian::Big), "0x4050607");
}

#[test]
fn what_has_no_meaning_is_told() {
    check_block("v2 = load.u64 i64 [v0+9]\nret v2", "an address that is less aligned");
    check_block("v2 = load.u64 i64 [v0+9] align 1\nret v2", "an access outside of Buffer(0) at 0x");
    check_block("v2 = load.u8 i64 [v0-1]\nret v2", "an access outside of Buffer(0)");
    check_block(
        "v2 = slot s0\nstore.32 v1, [v2]\nv3 = load.u64 i64 [v2]\nret v3",
        "a read of bytes of Slot(0, 0)",
    );
    check_block("v2 = slot s0\nv3 = ptrdiff v2, v0\nret v3", "lie in different regions");
    check_block("v2 = inttoptr ptr v1\nv3 = load.u8 i64 [v2]\nret v3", "an address of nothing at 0x10");
    check_block("unreachable", "the block's end is reached");
    check_block(
        "copy v0, v0, 0 align 1\nv2 = ptradd v0, 4\ncopy v2, v0, 8 align 1\nret v1",
        "an access outside",
    );
    check_block("v2 = call i64 helper 9(v1)\nret v2", "the host: no helper 9");
    check("fn @main(ptr, i64) -> i64 {\nb0(v0: ptr, v1: i64):\njump b1\nb1:\njump b1\n}\n", "too many steps");
    check(
        "fn @main(ptr, i64) -> i64 {\nb0(v0: ptr, v1: i64):\nv2 = call i64 @main(v0, v1)\nret v2\n}\n",
        "calls nest",
    );
    let constant = "local global @g = i32 7 size 4 align 4 const\n";
    let body = "v2 = symbol @g\nstore.32 v1, [v2]\nret v1";
    check(
        &format!("{constant}fn @main(ptr, i64) -> i64 {{\nb0(v0: ptr, v1: i64):\n{body}\n}}\n"),
        "a write to Symbol",
    );
}

#[test]
fn a_slot_ends_with_its_function() {
    let text = "fn @main(ptr, i64) -> i64 {\nb0(v0: ptr, v1: i64):\nv2 = call ptr @f()\nv3 = load.u8 i64 [v2]\nret v3\n}\n\
                local fn @f() -> ptr {\n slot s0 8 align 8\nb0:\nv0 = slot s0\nstore.64 5, [v0]\nret v0\n}\n";
    check(text, "an access to Slot(1, 0) after its end");
}

#[test]
fn functions_call_each_other_helpers_and_the_host() {
    let double = "local fn @double(i64) -> i64 {\nb0(v0: i64):\nv1 = add i64 v0, v0\nret v1\n}\n";
    let main =
        |body: &str| format!("fn @main(ptr, i64) -> i64 {{\nb0(v0: ptr, v1: i64):\n{body}\n}}\n{double}");
    check(&main("v2 = call i64 @double(v1)\nret v2"), "0x20");
    check(&main("v2 = symbol @double\nv3 = call i64 v2(v1)\nret v3"), "0x20");
    check(&main("v2 = symbol @double\nv3 = call i64 helper 7(v2, v1)\nret v3"), "0x21");
    let external = "extern @sum(i64, i64) -> i64\n";
    check(&format!("{external}{}", main("v2 = call i64 @sum(v1, 3)\nret v2")), "0x13");
}

#[test]
fn assembly_is_executed() {
    check_block("v2 = asm i64 \"%0 = %1; %0 += 1\"(v1) volatile\nret v2", "0x11");
    check_block("v2 = asm i64 \"%0 += %2\"(v1, v1) tied\nret v2", "0x20");
    check_block("v2 = asm i64 \"%0 = *(u8 *)(%1 + 3)\"(v0) memory\nret v2", "0x3");
    check_block("v2 = asm i64 \"what\"(v1)\nret v2", "assembly: ");
}
