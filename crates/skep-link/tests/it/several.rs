//! Several objects and libraries as one program.

use skep_link::{Inputs, Library, Options, check, link};
use skep_object::Object;

use crate::dsl::{object, show};

/// Objects, and libraries of members: `== NAME` begins an object, `== LIBRARY(NAME)` a member.
fn check_linked(options: &Options, text: &str, expected: &str) {
    let (objects, libraries) = parse(text);
    let inputs = libraries.iter().fold(Inputs::new().objects(&objects), Inputs::library);
    let found = match link(inputs, options) {
        Ok(image) => {
            check::image(&image).unwrap();
            show(&image)
        }
        Err(error) => error.to_string(),
    };
    let trim =
        |text: &str| text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join("\n");
    assert_eq!(trim(&found), trim(expected), "{text}");
}

fn parse(text: &str) -> (Vec<Object>, Vec<Library>) {
    let mut objects = Vec::new();
    let mut libraries: Vec<(String, Vec<Object>)> = Vec::new();
    for part in text.split("== ").skip(1) {
        let (name, body) = part.split_once('\n').unwrap();
        let mut one = object(body);
        one.name = name.trim().to_owned();
        one.divisible = !body.contains("# whole");
        match one.name.split_once('(') {
            None => objects.push(one),
            Some((library, _)) => match libraries.iter_mut().find(|(name, _)| name == library) {
                Some((_, members)) => members.push(one),
                None => libraries.push((library.to_owned(), vec![one])),
            },
        }
    }
    let libraries = libraries.into_iter().map(|(name, members)| Library::new(name, members).unwrap());
    (objects, libraries.collect())
}

#[test]
fn functions_of_other_objects_are_found() {
    // Callees at equal offsets of different sections, and local functions of one name, stay apart.
    check_linked(
        &Options::new(),
        "== a.o
         undefined f_text
         undefined f_b
         section socket code
         func main global
           call pc-1 -> f_text
           call pc-1 -> f_b
           exit
         section .text code
         func local
           exit
         func uses global
           call pc-1 -> .text+0
           exit
         == b.o
         section .text code
         func f_text global
           r0 = 1
           exit
         section .text.b code
         func f_b global
           r0 = 2
           call pc-1 -> .text.c+0
           exit
         section .text.c code
         func local
           r0 = 3
           exit",
        "socket:main 3 slots exported
           0 -> .text:f_text
           1 -> .text.b:f_b
         .text:local 1 slots
         .text:uses 2 slots exported
           0 -> .text:local
         .text:f_text 2 slots exported
         .text.b:f_b 3 slots exported
           1 -> .text.c:local
         .text.c:local 2 slots",
    );
}

#[test]
fn of_a_library_only_what_is_referred_to_is_taken() {
    check_linked(
        &Options::new(),
        "== a.o
         undefined twice
         section .text code
         func main global
           call pc-1 -> twice
           exit
         == lib.a(twice.o)
         undefined add
         section .text code
         func twice global
           call pc-1 -> add
           exit
         func thrice global
           call pc-1 -> add
           call pc-1 -> add
           exit
         section .data data
         var used 8 global
           word 1
         == lib.a(add.o)
         section .text code
         func add global
           r1 = 0 ll -> .rodata+8
           exit
         section .rodata rodata
         var one 8
           word 1
         var two 8
           word 2
         == lib.a(other.o)
         section .text code
         func other global
           exit",
        ".text:main 2 slots exported
           0 -> .text:twice
         .text:twice 2 slots exported
           0 -> .text:add
         .text:add 3 slots exported
           0 -> .rodata+0
         .rodata: 8 of 8 bytes
           0+8 two",
    );
}

#[test]
fn a_strong_definition_replaces_weak_ones_wherever_it_is() {
    let weak = "== a.o
         undefined late
         section .text code
         func hook global weak
           exit
         func main global
           call pc-1 -> hook
           call pc-1 -> late
           exit";
    let strong = "section .text code
         func hook global
           r0 = 1
           r0 = 2
           exit
         func late global
           exit";
    let expected = ".text:main 3 slots exported
           0 -> .text:hook
           1 -> .text:late
         .text:hook 3 slots exported
         .text:late 1 slots exported";
    check_linked(&Options::new(), &format!("{weak}\n== b.o\n{strong}"), expected);
    // The library is searched for `late` only after `hook` has been looked at.
    check_linked(&Options::new(), &format!("{weak}\n== lib.a(b.o)\n{strong}"), expected);
}

#[test]
fn weak_references_pull_nothing_in() {
    check_linked(
        &Options::new(),
        "== a.o
         undefined maybe weak
         section .text code
         func main global
           r1 = 0 ll -> maybe
           exit
         == lib.a(b.o)
         section .text code
         func maybe global
           exit",
        ".text:main 3 slots exported
           0 -> maybe
         import maybe Address weak",
    );
}

#[test]
fn sections_of_one_name_become_one() {
    check_linked(
        &Options::new(),
        "== a.o
         section .text code
         func main global
           r1 = 0 ll -> .data+8
           r1 = 0 ll -> zero
           exit
         section .data data # whole
         var a 4 global
           zeros 4
         var b 8
           zeros 4
           ptr c
         section .bss bss
         var zero 8
           zeros 8
         undefined c
         == b.o
         section .data data
         var unused 8
           word 7
         var c 8 global
           word 9
         section .bss data
         var more 8 global
           word 5",
        ".text:main 5 slots exported
           0 -> .data+8
           2 -> .bss+0
         .data: 24 of 24 bytes
           0+4 a exported
           4+8 b
           16+8 c exported
           8 -> .data+16
         .bss: 16 of 16 bytes
           0+8 zero
           8+8 more exported",
    );
}

#[test]
fn maps_that_are_declared_in_a_header_are_one() {
    check_linked(
        &Options::new(),
        "== a.o
         section .text code
         func f global
           r1 = 0 ll -> counts
           exit
         section .maps maps
         map counts
         == b.o
         section .text code
         func g global
           r1 = 0 ll -> counts
           exit
         section .maps maps
         map own
         map counts",
        ".text:f 3 slots exported
           0 -> counts
         .text:g 3 slots exported
           0 -> counts
         map counts
         map own",
    );
}

#[test]
fn maps_that_differ_are_refused_with_the_field() {
    let (mut objects, _) = parse(
        "== a.o
         section .maps maps
         map counts
         == b.o
         section .maps maps
         map counts",
    );
    objects[1].maps[0].def.value_size = 16;
    let error = link(&objects, &Options::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "map 'counts' is defined at counts+0x0 (.maps+0x0) in a.o and at counts+0x0 (.maps+0x0) in b.o, with different \
         value_size: 8 and 16; make them equal, or one of them another map"
    );
}

#[test]
fn a_name_has_one_strong_definition() {
    check_linked(
        &Options::new(),
        "== a.o
         section .text code
         func f global
           exit
         == b.o
         section xdp code
         func g global
           exit
         func f global
           exit",
        "symbol 'f' is defined at f+0x0 (.text+0x0) in a.o and at f+0x0 (xdp+0x8) in b.o; make one of them static or weak",
    );
}

#[test]
fn objects_agree_on_byte_order_and_licence() {
    let (objects, _) = parse("== a.o\nsection .text code\nfunc f global\nexit\n== b.o\nundefined x\n");
    let check_refused = |change: fn(&mut [Object]), expected: &str| {
        let mut objects = objects.clone();
        change(&mut objects);
        assert_eq!(link(&objects, &Options::new()).unwrap_err().to_string(), expected);
    };
    check_refused(
        |objects| objects[1].endian = skep_insn::Endian::Big,
        "a.o has byte order little, and b.o has big; expected one for the whole program",
    );
    check_refused(
        |objects| {
            objects[0].license = Some("GPL".to_owned());
            objects[1].license = Some("MIT".to_owned());
        },
        "a.o has licence \"GPL\", and b.o has \"MIT\"; expected one for the whole program",
    );
    let error = link(Inputs::new(), &Options::new()).unwrap_err();
    assert_eq!(error.to_string(), "no object to link; libraries are only searched for what objects lack");
}

#[test]
fn constants_and_helpers_have_names() {
    check_linked(
        &Options::new().define("cpus", 0x1_0000_0002).define("probe", 7),
        "== a.o
         undefined cpus
         undefined probe
         undefined bpf_ktime_get_ns
         section .text code
         func main global
           r1 = 0 ll -> cpus
           call pc-1 -> probe
           call pc-1 -> bpf_ktime_get_ns
           exit
         section .data data
         var x 8 global
           ptr cpus+1",
        ".text:main 5 slots exported
         .data: 8 of 8 bytes
           0+8 x exported",
    );
    let (objects, _) = parse(
        "== a.o
         undefined cpus
         undefined bpf_ktime_get_ns
         section .text code
         func main global
           r1 = 0 ll -> cpus
           call pc-1 -> bpf_ktime_get_ns
           exit",
    );
    let image = link(&objects, &Options::new().define("cpus", 0x1_0000_0002)).unwrap();
    let code: Vec<_> = image.funcs[0].code.iter().map(|insn| (insn.code, insn.src(), insn.imm)).collect();
    assert_eq!(code, [(0x18, 0, 2), (0, 0, 1), (0x85, 0, 5), (0x95, 0, 0)]);
}

#[test]
fn the_stricter_visibility_wins() {
    check_linked(
        &Options::new(),
        "== a.o
         section .text code
         func f global
           exit
         func g global
           exit
         == b.o
         undefined f global hidden
         section .text code
         func main global
           call pc-1 -> f
           exit",
        ".text:f 1 slots
         .text:g 1 slots exported
         .text:main 2 slots exported
           0 -> .text:f",
    );
}

#[test]
fn pieces_stay_together_where_a_pointer_may_mean_the_end_of_one() {
    let text = |how: &str| {
        format!(
            "== a.o
         section .text code
         func main global
           r1 = 0 ll -> p
           exit
         section .data data {how}
         var p 8
           ptr .bss+8
         section .bss bss
         var array 8
           zeros 8
         var behind 8
           zeros 8
         var unused 8
           zeros 8"
        )
    };
    let expected = |size: u32, rest: &str| {
        format!(
            ".text:main 3 slots exported
           0 -> .data+0
         .data: 8 of 8 bytes
           0+8 p
           0 -> .bss+8
         .bss: 0 of {size} bytes
           0+8 array
           8+8 behind{rest}"
        )
    };
    check_linked(&Options::new(), &text(""), &expected(16, ""));
    check_linked(&Options::new(), &text("# whole"), &expected(24, "\n16+8 unused"));
}
