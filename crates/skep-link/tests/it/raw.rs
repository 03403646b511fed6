//! Bare instructions.

use skep_insn::RawInsn;
use skep_insn::text::parse;
use skep_link::{check, link_code};

use crate::dsl::show;

fn code(text: &str) -> Vec<RawInsn> {
    let insns = text.lines().map(str::trim).filter(|line| !line.is_empty());
    insns.flat_map(|line| parse(line).unwrap().encode().as_slice().to_vec()).collect()
}

fn check_split(text: &str, expected: &str) {
    let image = link_code("raw", code(text)).unwrap();
    check::image(&image).unwrap();
    let trim =
        |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(trim(&show(&image)), trim(expected));
}

fn check_error(text: &str, expected: &str) {
    let error = link_code("raw", code(text)).unwrap_err();
    let source = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    assert_eq!(format!("{error}{source}"), expected);
}

#[test]
fn code_without_calls_is_one_function() {
    check_split("r0 = 1\nexit", ".text:main 2 slots exported");
}

#[test]
fn each_callee_begins_a_function() {
    check_split(
        "call pc+3
         r2 = 4 ll
         exit
         call pc+1
         exit
         call pc-7
         exit",
        ".text:main 4 slots exported
           0 -> .text:sub_4
         .text:sub_4 2 slots
           0 -> .text:sub_6
         .text:sub_6 2 slots
           0 -> .text:main",
    );
}

#[test]
fn function_addresses_begin_functions_too() {
    check_split(
        "ld_pseudo r1, 0x4, 0x3
         call pc-3
         exit
         goto -1",
        ".text:main 4 slots exported
           0 -> .text:sub_4
           2 -> .text:main
         .text:sub_4 1 slots",
    );
}

#[test]
fn what_is_no_program_is_an_error() {
    check_error(
        "",
        "function 'main' is not valid at main+0x0 (.text+0x0) in raw: the function is empty; expected at least exit",
    );
    check_error(
        "r1 = 0",
        "function 'main' is not valid at main+0x0 (.text+0x0) in raw: slot 0: the last insn falls off the end of the function; expected exit, goto or a call",
    );
    check_error(
        "call pc+1\nexit",
        "call without relocation to +1 at .text+0x0 in raw: offset 16 is outside of section .text, which has 16 bytes",
    );
    check_error(
        "call pc-5\nexit",
        "call without relocation to -5 at .text+0x0 in raw: offset -32 is outside of section .text, which has 16 bytes",
    );
    check_error(
        "call pc+2\nexit\nr0 = 5 ll\nexit",
        "call without relocation to +2 at .text+0x0 in raw: offset 0x18 in section .text is inside an instruction, expected a multiple of 8",
    );
    check_error(
        "call pc+2\ngoto +1\nexit\nr0 = 0\nexit",
        "jump by 1 at main+0x8 (.text+0x8) in raw leaves function 'main' for 'sub_3'; expected a call, or both in one function",
    );
    check_error(
        "call pc+1\nexit\nr0 = 0\nif r0 == 0 goto -3\nexit",
        "jump by -3 at sub_2+0x8 (.text+0x18) in raw leaves function 'sub_2' for 'main'; expected a call, or both in one function",
    );
    check_error(
        "goto +5\nexit",
        "jump by 5 at main+0x0 (.text+0x0) in raw leaves function 'main'; expected a call, or both in one function",
    );
}

#[test]
fn a_slot_that_is_no_instruction_is_an_error() {
    let error = link_code("raw", vec![RawInsn::new(0xff, 0, 0, 0, 0)]).unwrap_err();
    assert_eq!(error.to_string(), "function 'main' is not valid at main+0x0 (.text+0x0) in raw");
}
