//! What is kept, and what refers to what.

use skep_link::{Options, check, link};
use skep_object::image::FuncId;

use crate::dsl::{object, show};

fn check_with(options: &Options, input: &str, expected: &str) {
    let image = link(&object(input), options).unwrap_or_else(|error| panic!("{error}\n{input}"));
    check::image(&image).unwrap();
    let trim =
        |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(trim(&show(&image)), trim(expected), "{input}");
}

fn check_kept(input: &str, expected: &str) {
    check_with(&Options::new(), input, expected);
}

#[test]
fn calls_lead_to_functions_and_imports() {
    check_kept(
        "undefined hash
         section .text code
         func two
           r0 = 2
           exit
         func one global
           call pc-1 -> .text+0
           call pc-1 -> hash
           exit",
        ".text:two 2 slots
         .text:one 3 slots exported
           0 -> .text:two
           1 -> hash
         import hash Func",
    );
}

#[test]
fn calls_without_relocation_are_found() {
    check_kept(
        "section .text code
         func helper
           exit
         func unused
           call pc-2
           exit
         func main global
           r1 = 0 ll
           call pc-6
           exit",
        ".text:helper 1 slots
         .text:main 4 slots exported
           2 -> .text:helper",
    );
}

#[test]
fn a_function_may_call_itself() {
    check_kept(
        "section .text code
         func main global
           call pc-1
           exit",
        ".text:main 2 slots exported
           0 -> .text:main",
    );
}

#[test]
fn two_callees_at_one_offset_of_different_sections_stay_two() {
    check_kept(
        "section .text code
         func f_text
           r0 += 1
           exit
         section .text.b code
         func f_b
           r0 += 1000
           exit
         section socket code
         func prog global
           call pc-1 -> .text
           call pc-1 -> .text.b
           exit",
        ".text:f_text 2 slots
         .text.b:f_b 2 slots
         socket:prog 3 slots exported
           0 -> .text:f_text
           1 -> .text.b:f_b",
    );
}

#[test]
fn static_functions_of_one_name_stay_two() {
    check_kept(
        "section .text code
         func same
           r0 = 1
           exit
         func same
           r0 = 2
           exit
         section xdp code
         func prog global
           call pc-1 -> .text
           call pc-1 -> .text+16
           exit",
        ".text:same 2 slots
         .text:same 2 slots
         xdp:prog 3 slots exported
           0 -> .text:same
           1 -> .text:same",
    );
    let image = link(
        &object(
            "section .text code
             func same
               r0 = 1
               exit
             func same
               r0 = 2
               exit
             func main global
               call pc-1 -> .text+16
               exit",
        ),
        &Options::new().keep_everything(),
    )
    .unwrap();
    let refs = &image.funcs[2].refs;
    assert_eq!(refs[0].target, skep_object::image::Target::Func(FuncId(1)));
}

#[test]
fn functions_of_program_sections_are_kept_even_if_static() {
    check_kept(
        "section .text code
         func unused
           exit
         section .text.unused code
         func unused2
           exit
         section BEGIN code
         func begin
           exit",
        "BEGIN:begin 1 slots",
    );
}

#[test]
fn entries_keep_what_they_refer_to() {
    let input = "section .text code
         func a global
           call pc-1 -> b
           exit
         func b global
           exit
         func c global
           r1 = 0 ll -> counter
           exit
         section xdp code
         func p global
           exit
         section .data data
         var counter 8 global
           zeros 8";
    check_with(
        &Options::new().entry("a"),
        input,
        ".text:a 2 slots exported
           0 -> .text:b
         .text:b 1 slots exported",
    );
    check_with(
        &Options::new().entry("c").entry("p"),
        input,
        ".text:c 3 slots exported
           0 -> .data+0
         xdp:p 1 slots exported
         .data: 8 of 8 bytes
           0+8 counter exported",
    );
}

#[test]
fn everything_is_kept_on_demand() {
    check_with(
        &Options::new().keep_everything(),
        "section .text code
         func a
           exit
         section .bss bss
         var b 8
           zeros 8
         section license note
         var c 4 global
           zeros 4
         section .maps maps
         map m",
        ".text:a 1 slots
         .bss: 0 of 8 bytes
           0+8 b
         map m",
    );
}

#[test]
fn pointers_in_data_are_kept_and_keep_their_targets() {
    check_kept(
        "undefined stdout
         undefined maybe weak
         section .text code
         func cb
           exit
         func main global
           r1 = 0 ll -> .data+8
           exit
         section .data data
         var x 4
           zeros 8
         var p 8
           ptr x
         var q 8
           ptr .rodata.str1.1+3
         var f 8
           ptr .text
         var o 8
           ptr stdout+16
         var w 8
           ptr maybe
         section .rodata.str1.1 rodata
           zeros 6",
        ".text:cb 1 slots
         .text:main 3 slots exported
           0 -> .data+8
         .data: 48 of 48 bytes
           0+4 x
           8+8 p
           16+8 q
           24+8 f
           32+8 o
           40+8 w
           8 -> .data+0
           16 -> .rodata.str1.1+3
           24 -> .text:cb
           32 -> stdout+16
           40 -> maybe
         .rodata.str1.1: 6 of 6 bytes
         import stdout Address
         import maybe Address weak",
    );
}

#[test]
fn visible_data_is_kept_without_a_reference() {
    check_kept(
        "section .data data
         var seen 8 global
           ptr .rodata
         section .rodata rodata
         var table 8
           zeros 8
         section .data.own data
         var own 8
           zeros 8
         section .data.hidden data
         var secret 8 global hidden
           zeros 8",
        ".data: 8 of 8 bytes
           0+8 seen exported
           0 -> .rodata+0
         .rodata: 8 of 8 bytes
           0+8 table",
    );
}

#[test]
fn maps_keep_their_values() {
    check_kept(
        "section .text code
         func tail
           exit
         func main global
           r1 = 0 ll -> outer
           r2 = 0 ll -> .maps+32
           exit
         section .maps maps
         map outer 5=tail 1=inner
         map inner",
        ".text:tail 1 slots
         .text:main 5 slots exported
           0 -> outer
           2 -> inner
         map outer
           1 -> inner
           5 -> .text:tail
         map inner",
    );
}

#[test]
fn an_import_is_named_once() {
    check_kept(
        "undefined f
         undefined f weak
         undefined w weak
         section .text code
         func main global
           r1 = 0 ll -> f
           r1 = 0 ll -> w
           call pc-1 -> f
           call pc-1 -> w
           exit",
        ".text:main 7 slots exported
           0 -> f
           2 -> w
           4 -> f
           5 -> w
         import f Func
         import w Func weak",
    );
}

#[test]
fn a_definition_satisfies_an_undefined_symbol_of_its_name() {
    let mut object = object(
        "undefined x
         section .text code
         func main global
           call pc-1 -> x
           exit
         func f global
           exit",
    );
    object.symbols[0].name = "f".to_owned();
    let image = link(&object, &Options::new()).unwrap();
    assert!(image.imports.is_empty());
    assert_eq!(image.funcs[0].refs[0].target, skep_object::image::Target::Func(FuncId(1)));
}

#[test]
fn a_global_definition_wins_over_a_weak_one() {
    check_kept(
        "section .text code
         func f weak
           r0 = 1
           exit
         func f global
           exit
         func main global
           call pc-1 -> f
           exit",
        ".text:f 1 slots exported
         .text:main 2 slots exported
           0 -> .text:f",
    );
}

#[test]
fn of_weak_definitions_the_first_stays() {
    check_kept(
        "section .text code
         func f weak
           r0 = 1
           exit
         func f weak
           exit",
        ".text:f 2 slots exported",
    );
}

#[test]
fn hidden_functions_are_kept_only_by_reference() {
    check_kept(
        "section .text code
         func h global hidden
           exit
         func u global hidden
           exit
         func main global
           call pc-1 -> h
           exit",
        ".text:h 1 slots
         .text:main 2 slots exported
           0 -> .text:h",
    );
}

#[test]
fn aliases_are_names_of_one_function() {
    check_kept(
        "section .text code
         label second global
         func first global
           exit
         func main global
           call pc-1 -> second
           exit",
        ".text:first=second 1 slots exported
         .text:main 2 slots exported
           0 -> .text:first",
    );
}

#[test]
fn numbers_are_put_in_place() {
    let image = link(
        &object(
            "absolute LIMIT 4294967298
             section .text code
             func main global
               r1 = 0 ll -> LIMIT+1
               exit
             section .data data
             var limit 8 global
               ptr LIMIT",
        ),
        &Options::new(),
    )
    .unwrap();
    let main = &image.funcs[0];
    assert_eq!((main.code[0].imm, main.code[1].imm, main.refs.len()), (3, 1, 0));
    assert_eq!(image.data[0].bytes, [2, 0, 0, 0, 1, 0, 0, 0]);
    assert!(image.data[0].refs.is_empty());
}

#[test]
fn the_licence_can_be_referred_to() {
    check_kept(
        "section license note
         var _license 4 global
           zeros 4
         section .text code
         func main global
           r1 = 0 ll -> _license
           exit",
        ".text:main 3 slots exported
           0 -> license+0
         license: 4 of 4 bytes
           0+4 _license exported",
    );
}

#[test]
fn code_between_functions_is_nobodys() {
    let mut object = object(
        "undefined gone
         section .text code
         func a global
           exit
         func padding
           call pc-1 -> gone
         func b global
           exit",
    );
    object.funcs.remove(1);
    let image = link(&object, &Options::new()).unwrap();
    assert_eq!(image.funcs.len(), 2);
    assert!(image.imports.is_empty());
}

const TABLE: &str = "section .text code
     func other
       exit
     func main global
       r1 = 0 ll -> .jumptables
       r1 = *(u64 *)(r1 + 0)
       gotox r1
       r0 = 1
       exit
     func idle
       r1 = 0 ll -> .jumptables+16
       gotox r1
       exit
     section .jumptables other
     var BPF.JT.0.0 16 global
       word 40
       word 48
     var BPF.JT.1.0 8 global
       word 72";

#[test]
fn jump_tables_without_relocations_lead_into_the_function_that_loads_them() {
    check_kept(
        TABLE,
        ".text:main 6 slots exported
           0 -> .jumptables+0
         .jumptables: 0 of 24 bytes
           0+16 BPF.JT.0.0
           16+8 BPF.JT.1.0
           0 -> main[4]
           8 -> main[5]",
    );
}

#[test]
fn every_jump_table_is_kept_with_its_function() {
    check_with(
        &Options::new().entry("idle"),
        TABLE,
        ".text:idle 4 slots
           0 -> .jumptables+16
         .jumptables: 0 of 24 bytes
           0+16 BPF.JT.0.0
           16+8 BPF.JT.1.0
           16 -> idle[2]",
    );
}

#[test]
fn variables_may_hold_labels_of_a_function_with_gotox() {
    check_kept(
        "section .text code
         func main global
           r1 = 0 ll -> .rodata
           r1 = *(u64 *)(r1 + 0)
           gotox r1
           r0 = 1
           exit
         section .rodata rodata
         var t 16
           ptr .text+32
           ptr .text+40",
        ".text:main 6 slots exported
           0 -> .rodata+0
         .rodata: 16 of 16 bytes
           0+16 t
           0 -> main[4]
           8 -> main[5]",
    );
}
