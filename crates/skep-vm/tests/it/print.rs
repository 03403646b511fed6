//! What programs print.

use crate::support::{COMPILERS, Mode, assemble, checked, output, run};
use skep_vm::Hosts;

const EXPECTED: &str = "\
none, 100%
-1
1 two
1 2 3 4 5
1 2 3 4 5 6
five
-1 4000000000 18364758544493064720
-3 253 -4 1
-5000000000 fedcba9876543210 -5000000000 fedcba9876543210 -5000000000 fedcba9876543210 -5000000000 fedcba9876543210
name local 3 4 5 6 
abcdefghij
(nil) yes
123456789
    1|2    |00003|+4| 5|0x6|007|     abc|   8|xy|FF
1 2 3 4 5 6 7 8 9 10 11 -12
1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32
";

#[test]
fn any_number_of_arguments() {
    for compiler in COMPILERS {
        let Some(object) = compiler.compile("print.c") else { continue };
        for mode in [Mode::Host, Mode::Checked] {
            let printed = output(mode, &object);
            assert_eq!(printed.out, EXPECTED, "{mode:?} {compiler:?}");
            assert_eq!(printed.err, "traced -9 name\nended\n", "{mode:?} {compiler:?}");
        }
    }
}

/// Without a compiler: the helper itself, its order with the C library's own output, and what a format takes beyond its
/// arguments.
#[test]
fn print_keeps_its_place_in_the_output() {
    let program = r#"
        .globl main
main:   r1 = first ll
        call puts
        *(u64 *)(r10 - 16) = -2
        r1 = text ll
        *(u64 *)(r10 - 8) = r1
        r1 = format ll
        r2 = r10
        r2 += -16
        r3 = 2
        call 10000
        r1 = last ll
        call puts
        exit
        .section .rodata
first:  .asciz "first"
format: .asciz "%lld %s %d %s\n"
text:   .asciz "text"
last:   .asciz "last"
"#;
    assert_eq!(output(Mode::Host, program.as_bytes()).out, "first\n-2 text 0 (null)\nlast\n");
}

#[test]
fn checked_programs_print_only_what_is_theirs() {
    let check = |format: &str, count: i32, expected: &str| {
        let image = assemble(&format!(
            "
        .globl main
main:   *(u64 *)(r10 - 16) = 8
        *(u64 *)(r10 - 8) = 9
        r1 = format ll
        r2 = r10
        r2 += -16
        r3 = {count}
        call 10000
        exit
        .section .rodata
format: .asciz \"{format}\"
"
        ));
        let trap = run(&checked(&Hosts::new()).add(&image).unwrap(), &[]).unwrap_err().to_string();
        assert!(trap.starts_with(expected), "{trap}");
    };
    check("%s", 1, "print: read of 1 bytes at 0x8 lies outside the program's memory");
    check("%d %d", 1, "print: directive '%d' at byte 3 of the format: there are 1 arguments only");
    check("%n", 1, "print: directive '%n' at byte 0 of the format: writing through a format is refused");
    check("%d", 3, "read of 24 bytes at 0x");
    check("%d", -1, "print: 18446744073709551615 arguments, expected at most 65536");
}
