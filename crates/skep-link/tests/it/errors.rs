//! Every way to fail says where, what and what was expected.

use std::error::Error as _;

use skep_link::{Options, link};
use skep_object::Object;
use skep_object::object::{Place, SectionId, SymbolId};

use crate::dsl::object;

fn check_with(options: &Options, object: &Object, expected: &str) {
    match link(object, options) {
        Ok(image) => panic!("linked, expected: {expected}\n{image:#?}"),
        Err(error) => {
            let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
            assert_eq!(format!("{error}{source}"), expected);
        }
    }
}

fn check(input: &str, expected: &str) {
    check_with(&Options::new(), &object(input), expected);
}

/// The input in a function `main`, between sections that it can refer to.
fn check_main(body: &str, expected: &str) {
    let input = format!(
        "undefined ext
         absolute LIMIT 16
         section .text code
         func f
           r0 = 1
           r0 = 2
           exit
         func main global
           {}
           exit
         section .data data
         var x 8
           zeros 8
         section .bss bss
         var b 8
           zeros 8
         section .maps maps
         map m",
        body.replace("; ", "\n")
    );
    check(&input, expected);
}

#[test]
fn an_unknown_entry_names_the_nearest() {
    let object = object(
        "section .text code
         func main global
           exit
         func man
           exit
         func other
           exit",
    );
    check_with(
        &Options::new().entry("mian"),
        &object,
        "no function 'mian' to begin with in app.o; did you mean 'main' or 'man'?",
    );
    check_with(&Options::new().entry("x"), &object, "no function 'x' to begin with in app.o");
}

#[test]
fn a_variable_is_no_entry() {
    let object = object(
        "section .data data
         var counter 8 global
           zeros 8",
    );
    let expected = "no function 'counter' to begin with in app.o";
    check_with(&Options::new().entry("counter"), &object, expected);
}

#[test]
fn an_entry_with_two_local_functions_is_ambiguous() {
    let object = object(
        "section .text code
         func same
           exit
         section .text.b code
         func same
           exit",
    );
    check_with(
        &Options::new().entry("same"),
        &object,
        "entry 'same' may be the function at same+0x0 (.text+0x0) in app.o or the one at same+0x0 (.text.b+0x0) in app.o; \
         make one of them global",
    );
}

#[test]
fn two_global_definitions_of_a_name() {
    check(
        "section .text code
         func f global
           exit
         section .data data
           zeros 8
         var f 8 global
           zeros 8",
        "symbol 'f' is defined at f+0x0 (.text+0x0) in app.o and at f+0x0 (.data+0x8) in app.o; make one of them \
         static or weak",
    );
}

#[test]
fn calls_lead_to_the_start_of_functions() {
    check_main(
        "call pc-1 -> .text+8",
        "R_BPF_64_32 to '.text' + 0x8 at main+0x0 (.text+0x18) in app.o: f+0x8 is inside a function, expected the start of one",
    );
    check_main(
        "r1 = 0; call pc-4",
        "call without relocation to -4 at main+0x8 (.text+0x20) in app.o: f+0x8 is inside a function, expected the start \
         of one",
    );
    check_main(
        "call pc+1",
        "call without relocation to +1 at main+0x0 (.text+0x18) in app.o: offset 40 is outside of section .text, which \
         has 40 bytes",
    );
    check_main(
        "call pc-5",
        "call without relocation to -5 at main+0x0 (.text+0x18) in app.o: offset -8 is outside of section .text, which \
         has 40 bytes",
    );
    check_main(
        "call pc-1 -> .text+4",
        "R_BPF_64_32 to '.text' + 0x4 at main+0x0 (.text+0x18) in app.o: offset 0x4 in section .text is inside an \
         instruction, expected a multiple of 8",
    );
    check_main(
        "call pc-1 -> .text+4096",
        "R_BPF_64_32 to '.text' + 0x1000 at main+0x0 (.text+0x18) in app.o: offset 4096 is outside of section .text, which \
         has 40 bytes",
    );
}

#[test]
fn calls_lead_to_functions_only() {
    check_main(
        "call pc-1 -> x",
        "R_BPF_64_32 to 'x' at main+0x0 (.text+0x18) in app.o: it is data, expected a function",
    );
    check_main(
        "call pc-1 -> m",
        "R_BPF_64_32 to 'm' at main+0x0 (.text+0x18) in app.o: it is a map, expected a function",
    );
    check_main(
        "call pc-1 -> LIMIT+4294967296",
        "R_BPF_64_32 to 'LIMIT' + 0x100000000 at main+0x0 (.text+0x18) in app.o: it is the number 0x100000010, expected the \
         number of a helper, less than 2^31",
    );
    check_main(
        "call pc-1 -> ext-8",
        "R_BPF_64_32 to 'ext' - 0x8 at main+0x0 (.text+0x18) in app.o: -8 bytes beyond an undefined function, expected \
         the function itself",
    );
}

#[test]
fn code_outside_of_functions_is_no_target() {
    let mut object = object(
        "section .text code
         func main global
           call pc-1 -> .text+16
           exit
         func lost
           exit",
    );
    object.funcs.pop();
    check_with(
        &Options::new(),
        &object,
        "R_BPF_64_32 to '.text' + 0x10 at main+0x0 (.text+0x0) in app.o: no function holds .text+0x10; declare one there \
         (.type NAME, @function)",
    );
}

#[test]
fn addresses_of_functions_are_those_of_their_start() {
    check_main(
        "r1 = 0 ll -> .text+16",
        "R_BPF_64_64 to '.text' + 0x10 at main+0x0 (.text+0x18) in app.o: f+0x10 is inside a function, expected the start \
         of one",
    );
}

#[test]
fn maps_are_referred_to_by_their_start() {
    check_main(
        "r1 = 0 ll -> m+8",
        "R_BPF_64_64 to 'm' + 0x8 at main+0x0 (.text+0x18) in app.o: no map is defined at .maps + 8, expected the start of \
         one",
    );
}

#[test]
fn relocations_fit_what_they_patch() {
    let check_reloc = |body: &str, reloc: &str, expected: &str| {
        let input = format!(
            "undefined ext
             section .text code
             func main global
             {body}
             reloc {reloc}"
        );
        check(&input, expected);
    };
    check_reloc(
        "exit",
        "0 64_64 ext",
        "R_BPF_64_64 at main+0x0 (.text+0x0) in app.o: opcode 0x95 with src 0 cannot be patched, expected ld_imm64 (0x18)",
    );
    check_reloc(
        "r1 = 1\nexit",
        "0 64_32 ext",
        "R_BPF_64_32 at main+0x0 (.text+0x0) in app.o: opcode 0xb7 with src 0 cannot be patched, expected a call (0x85) with \
         src 0 or 1",
    );
    check_reloc(
        "call kfunc(0x7)\nexit",
        "0 64_32 ext",
        "R_BPF_64_32 at main+0x0 (.text+0x0) in app.o: opcode 0x85 with src 2 cannot be patched, expected a call (0x85) with \
         src 0 or 1",
    );
    check_reloc(
        "r1 = 0 ll\nexit",
        "0 64_ABS64 ext",
        "R_BPF_64_ABS64 at main+0x0 (.text+0x0) in app.o: the type has no meaning here, expected R_BPF_64_64 or R_BPF_64_32 \
         in code",
    );
    check_reloc(
        "r1 = 0 ll\nexit",
        "4 64_64 ext",
        "R_BPF_64_64 at main+0x4 (.text+0x4) in app.o: the place is inside an instruction, expected a multiple of 8",
    );
    check_reloc(
        "r1 = 0 ll\nexit",
        "8 64_64 ext",
        "R_BPF_64_64 at main+0x8 (.text+0x8) in app.o: the place is the second slot of ld_imm64, expected the first",
    );
    check_reloc(
        "r1 = 0 ll -> ext\nexit",
        "0 64_64 ext 8",
        "R_BPF_64_64 at main+0x0 (.text+0x0) in app.o: another relocation patches the same bytes, expected one",
    );
}

#[test]
fn pointers_in_data_fit_their_section() {
    let check_data = |body: &str, expected: &str| {
        let input = format!(
            "undefined ext
             section .text code
             func f
               r0 = 1
               exit
             {body}"
        );
        check_with(&Options::new().keep_everything(), &object(&input), expected);
    };
    check_data(
        "section .data data
         var p 4
           zeros 8
         reloc 0 64_ABS32 ext",
        "R_BPF_64_ABS32 at p+0x0 (.data+0x0) in app.o: 32 bits cannot hold an address; declare the variable with 64 bits",
    );
    check_data(
        "section .data data
           zeros 8
         reloc 0 64_32 ext",
        "R_BPF_64_32 at .data+0x0 in app.o: the type has no meaning here, expected R_BPF_64_ABS64 in data",
    );
    check_data(
        "section .data data
           zeros 12
         reloc 5 64_ABS64 ext",
        "R_BPF_64_ABS64 at .data+0x5 in app.o: the place ends outside of the section of 0xc bytes",
    );
    check_data(
        "section .data data
           zeros 16
         reloc 0 64_ABS64 ext
         reloc 7 64_ABS64 ext",
        "R_BPF_64_ABS64 at .data+0x7 in app.o: another relocation patches the same bytes, expected one",
    );
    check_data(
        "section .bss bss
           zeros 16
         reloc 0 64_ABS64 ext",
        "R_BPF_64_ABS64 at .bss+0x0 in app.o: the section begins as zeros and cannot be patched, expected one with contents",
    );
    check_data(
        "section .data data
         var p 8
           ptr .text+8",
        "R_BPF_64_ABS64 to '.text' + 0x8 at p+0x0 (.data+0x0) in app.o: f+0x8 is inside a function without gotox; expected \
         the start of a function, or code of -mcpu=v4 that jumps there",
    );
    check_data(
        "section .data data
         var p 8
           ptr .text+20",
        "R_BPF_64_ABS64 to '.text' + 0x14 at p+0x0 (.data+0x0) in app.o: offset 20 is outside of section .text, which has \
         16 bytes",
    );
}

#[test]
fn a_symbol_lies_in_its_section() {
    let mut object = object(
        "section .text code
         func main global
           r1 = 0 ll -> x
           exit
         section .data data
         var x 8
           zeros 8",
    );
    object.symbols.iter_mut().find(|symbol| symbol.name == "x").unwrap().value = 9;
    check_with(
        &Options::new(),
        &object,
        "R_BPF_64_64 to 'x' at main+0x0 (.text+0x0) in app.o: offset 9 is outside of section .data, which has 8 bytes",
    );
}

#[test]
fn initial_values_of_maps_are_functions_or_maps() {
    check(
        "undefined ext
         section .maps maps
         map progs 3=ext",
        "initial value to 'ext' at progs+0x0 (.maps+0x0) in app.o: it is undefined, expected a map or a function",
    );
}

#[test]
fn jumps_stay_in_their_function() {
    check_main(
        "goto -3",
        "jump by -3 at main+0x0 (.text+0x18) in app.o leaves function 'main' for 'f'; expected a call, or both in one \
         function",
    );
    check_main(
        "if r1 == 0 goto +7",
        "jump by 7 at main+0x0 (.text+0x18) in app.o leaves function 'main'; expected a call, or both in one function",
    );
}

#[test]
fn functions_are_checked() {
    check_main(
        "r10 = 0",
        "function 'main' is not valid at main+0x0 (.text+0x18) in app.o: slot 0: r10 is written; the frame pointer is \
         read-only",
    );
    check_main(
        "goto +1; r1 = 5 ll; r0 = 0",
        "function 'main' is not valid at main+0x0 (.text+0x18) in app.o: slot 0: jump to slot 2, the second slot of ld_imm64; \
         expected the start of an insn",
    );
    check(
        "section .text code
         func main global
           r0 = 1
         func next
           exit",
        "function 'main' is not valid at main+0x0 (.text+0x0) in app.o: slot 0: the last insn falls off the end of the \
         function; expected exit, goto or a call",
    );
}

#[test]
fn jump_tables_stay_in_their_function() {
    let check_table = |load: &str, table: &str, expected: &str| {
        let input = format!(
            "section .text code
             func f
               exit
             func main global
               r1 = 0 ll -> {load}
               gotox r1
               exit
             section .jumptables other
             {table}"
        );
        check(&input, expected);
    };
    check_table(
        ".jumptables",
        "zeros 8",
        "jump table '.jumptables' of main+0x0 (.text+0x8) in app.o: no symbol with a size holds .jumptables+0x0",
    );
    check_table(
        "T",
        "var T 12\nzeros 16",
        "jump table 'T' of main+0x0 (.text+0x8) in app.o: it has 0xc bytes at .jumptables+0x0, expected a multiple of 8 \
         inside the section of 0x10",
    );
    check_table(
        "T",
        "var T 24\nzeros 16",
        "jump table 'T' of main+0x0 (.text+0x8) in app.o: it has 0x18 bytes at .jumptables+0x0, expected a multiple of 8 \
         inside the section of 0x10",
    );
    check_table(
        "T",
        "var T 16\nword 24\nword 0",
        "jump table 'T' of main+0x0 (.text+0x8) in app.o: entry 1 is 0x0, expected an instruction of the function, 0x8 to \
         0x28",
    );
    check_table(
        "T",
        "var T 16\nword 24\nvar U 8\nword 24",
        "jump table 'T' of main+0x0 (.text+0x8) in app.o: it overlaps table 'U' at .jumptables+0x8, expected the places of a \
         table to be its own",
    );
    check_table(
        "T",
        "var T 8\nword 28",
        "jump table 'T' of main+0x0 (.text+0x8) in app.o: entry 0 is 0x1c, expected an instruction of the function, 0x8 to \
         0x28",
    );
    check_table(
        "T",
        "var T 8\nword 16",
        "jump table '.jumptables' of T+0x0 (.jumptables+0x0) in app.o: main+0x8 is the second slot of ld_imm64, expected the \
         start of an instruction",
    );
    check(
        "section .text code
         func a global
           r1 = 0 ll -> T
           gotox r1
         func b global
           r1 = 0 ll -> T
           gotox r1
         section .jumptables other
         var T 8
           word 16",
        "jump table 'T' of b+0x0 (.text+0x18) in app.o: function 'a' loads it too, expected one table for each",
    );
}

#[test]
fn an_inconsistent_object_is_refused() {
    let good = || {
        object(
            "section .text code
             func main global
               call pc-1 -> ext
               exit
             section .maps maps
             map m 0=main
             undefined ext",
        )
    };
    let check_broken = |breakage: fn(&mut Object), expected: &str| {
        let mut object = good();
        breakage(&mut object);
        check_with(&Options::new(), &object, &format!("object app.o is inconsistent: {expected}"));
    };
    link(&good(), &Options::new()).unwrap();
    check_broken(
        |o| o.symbols[1].place = Place::Section(SectionId(9)),
        "symbol 'main' is in section 9, which does not exist",
    );
    check_broken(|o| o.sections[0].align = 3, "section .text: alignment 3, expected a power of two");
    check_broken(
        |o| o.sections[0].relocs[0].symbol = SymbolId(99),
        "section .text: relocation at 0x0 names symbol 99, of 5",
    );
    check_broken(|o| o.funcs[0].len = 3, "function 0 at slot 0: it ends outside its section");
    check_broken(|o| o.funcs[0].len = 0, "function 0 at slot 0: it is empty");
    check_broken(|o| o.funcs[0].section = SectionId(1), "function 0 at slot 0: it lies in no code section");
    check_broken(
        |o| o.funcs.push(o.funcs[0]),
        "function 1 at slot 0: it overlaps the one before, or is out of order",
    );
    check_broken(|o| o.maps[0].offset = 32, "map 'm' lies in no section");
    check_broken(|o| o.maps[0].values[0].1 = SymbolId(9), "map 'm' names a symbol that does not exist");
    check_broken(
        |o| o.sections[1].contents = o.sections[0].contents.clone(),
        "section .maps: code in a section of kind Maps",
    );
}
