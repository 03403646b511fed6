//! C, of several compilers and versions of DWARF.

use skep_dwarf::{Functions, Options, Variables};

use crate::dump::dump;
use crate::tools;

/// What each compiler and version of DWARF must give, in any order.
fn check(source: &str, expected: &str) {
    check_with(source, expected, &Options::new());
}

fn check_with(source: &str, expected: &str, options: &Options<'_>) {
    check_all(&[source], expected, options, &["-gno-strict-dwarf"]);
}

/// The same for several sources, linked into one object, with further flags for the compiler.
fn check_all(sources: &[&str], expected: &str, options: &Options<'_>, flags: &[&str]) {
    let compilers = [tools::gcc(), tools::clang()];
    if compilers.iter().all(Option::is_none) {
        tools::skip("neither gcc nor clang is installed");
    }
    let mut expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    expected.sort_unstable();
    for compiler in compilers.into_iter().flatten() {
        for version in ["-gdwarf-2", "-gdwarf-3", "-gdwarf-4", "-gdwarf-5"] {
            let flags = [&[version, "-O1"], flags].concat();
            let mut objects: Vec<Vec<u8>> =
                sources.iter().map(|source| tools::compile(compiler, &flags, source)).collect();
            let file = if objects.len() == 1 { objects.remove(0) } else { tools::link(&objects) };
            let dump = dump(&tools::encode(&file, options).btf);
            // Compilers do not agree on the names of numbers, nor on which of them they mention.
            let mut found: Vec<&str> = dump.lines().filter(|line| !line.starts_with("int ")).collect();
            found.sort_unstable();
            assert_eq!(found, expected, "{compiler} {flags:?}\n{sources:?}");
        }
    }
}

#[test]
fn members_bit_fields_and_arrays() {
    check(
        "struct s { char a; int b : 3; unsigned c : 13; int d[2][3]; struct s *next; char e[]; };
         struct s x;",
        "struct s 40 { char a@0; int b@8b:3; unsigned int c@11b:13; int[3][2] d@4; s* next@32; char[0] e@40 }",
    );
}

#[test]
fn floating_point_numbers_that_the_kernel_takes_at_no_odd_place_are_wrapped() {
    check(
        "typedef const double number;
         struct s { char a; number d; float f; double g[2]; int i; float h; } __attribute__((packed));
         struct s x;",
        "float double 8
         float float 4
         struct s 37 { char a@0; union 8 { number d@0 } @1; union 4 { float f@0 } @9; double[2] g@13; int i@29; union 4 { float h@0 } @33 }
         typedef number = const(double)",
    );
}

#[test]
fn functions_have_their_parameters() {
    let options = Options::new().functions(Functions::All);
    check_with(
        "int add(int a, int b) { return a + b; }
         void stop(void) {}",
        "func add int(int a, int b)
         func stop void()",
        &options,
    );
}

#[test]
fn variables_have_places() {
    let options = Options::new().functions(Functions::All).variables(Variables::All);
    check_with(
        "static int two[2] = { 2 }; int *take(void) { return two; }",
        "func take int*()
         var two int[2] Static
         section .data 8 two@0:8",
        &options,
    );
}

#[test]
fn enumerations_of_all_sizes() {
    check(
        "enum small { A, B = 7 } small; enum negative { C = -1, D } negative;
         enum large { E = 1ULL << 40, F = -1ULL } large; enum { G = 1 } anonymous; enum none *declared;",
        "enum small 4 { A=0 B=7 }
         enum negative 4 { C=-1 D=0 }
         enum large 8 { E=1099511627776 F=18446744073709551615 }
         enum none 4 {  }",
    );
}

#[test]
fn qualifiers_typedefs_and_pointers_to_functions() {
    check(
        "typedef struct { const char *name; volatile int flags; } opts_t;
         typedef int (*call_t)(const opts_t *, ...);
         struct ops { call_t call; void (*stop)(void); union { int i; float f; }; _Atomic int count; } ops;",
        "typedef opts_t = struct 16 { const(char)* name@0; volatile(int) flags@8 }
         typedef call_t = int(const(opts_t)*, void)*
         struct ops 24 { call_t call@0; void()* stop@8; union 4 { int i@0; float f@0 } @16; int count@20 }
         float float 4",
    );
}

#[test]
fn declarations_become_definitions_of_other_units() {
    check_all(
        &["struct a; struct b; struct a *x; struct b *y;", "struct a { int i; }; struct a z;"],
        "struct a 4 { int i@0 }
         fwd b Struct",
        &Options::new(),
        &[],
    );
}

#[test]
fn one_name_with_two_definitions_stays_two_for_whoever_refers_to_it() {
    check_all(
        &[
            "struct deep { int i; }; struct mid { struct deep *d; }; struct top { struct mid *m; } one;",
            "struct deep { char c; }; struct mid { struct deep *d; }; struct top { struct mid *m; } two;",
            "struct deep { int i; }; struct mid { struct deep *d; }; struct top { struct mid *m; } three;",
        ],
        "struct deep 4 { int i@0 }
         struct deep 1 { char c@0 }
         struct mid 8 { deep* d@0 }
         struct mid 8 { deep* d@0 }
         struct top 8 { mid* m@0 }
         struct top 8 { mid* m@0 }",
        &Options::new(),
        &[],
    );
}

#[test]
fn one_struct_in_many_units_is_there_once() {
    let source =
        "struct s { struct s *next; struct { int a; } in; }; static struct s *f(struct s *s) { return s; }";
    let main = format!("{source} struct s *g(struct s *s) {{ return f(s); }}");
    let other =
        format!("struct first; {source} struct s *h(struct first *x, struct s *s) {{ return f(s); }}");
    check_all(
        &[&main, &other],
        "struct s 16 { s* next@0; struct 4 { int a@0 } in@8 }
         fwd first Struct
         func g s*(s* s)
         func h s*(first* x, s* s)",
        &Options::new(),
        &[],
    );
}

#[test]
fn compressed_sections_are_read() {
    for flag in ["-gz=zlib", "-gz=zlib-gnu"] {
        if tools::gcc().is_some() {
            check_flag(flag);
        }
    }
}

fn check_flag(flag: &str) {
    let gcc = tools::gcc().unwrap();
    let file = tools::compile(gcc, &[flag], "struct s { int a, b, c, d; } s;");
    let dump = dump(&tools::encode(&file, &Options::new()).btf);
    assert!(dump.contains("struct s 16 { int a@0; int b@4; int c@8; int d@12 }"), "{flag}: {dump}");
}

#[test]
fn type_units_are_found_by_their_signature() {
    check_all(
        &[
            "struct in { int i; }; struct out { struct in in; struct out *o; }; struct out out;",
            "struct in { int i; } in;",
        ],
        "struct in 4 { int i@0 }
         struct out 16 { in in@0; out* o@8 }",
        &Options::new(),
        &["-fdebug-types-section"],
    );
}

#[test]
fn tags_of_declarations_and_types() {
    let Some(clang) = tools::clang() else { return tools::skip("clang is not installed") };
    let source = "
        #define tag(x) __attribute__((btf_decl_tag(x)))
        #define type_tag(x) __attribute__((btf_type_tag(x)))
        struct s { int a; int b tag(\"member\"); int type_tag(\"user\") *p; } tag(\"whole\");
        struct s s;";
    let dump = dump(&tools::encode(&tools::compile(clang, &[], source), &Options::new()).btf);
    for line in
        ["struct s 16 { int a@0; int b@4; user(int)* p@8 }", "tag whole s None", "tag member s Some(1)"]
    {
        assert!(dump.lines().any(|found| found == line), "{line} is not in\n{dump}");
    }
}

#[test]
fn declarations_have_files_and_lines() {
    use skep_btf::Kind;
    let source =
        "# 7 \"dir/some.h\"\nstruct s {\n int a; };\n# 20 \"main.c\"\nint f(struct s *s) { return s->a; }";
    for compiler in [tools::gcc(), tools::clang()].into_iter().flatten() {
        for version in ["-gdwarf-2", "-gdwarf-4", "-gdwarf-5"] {
            let file = tools::compile(compiler, &[version], source);
            let encoded = tools::encode(&file, &Options::new());
            let origins = [(Kind::Struct, "s"), (Kind::Func, "f")]
                .map(|(kind, name)| encoded.origin(encoded.btf.find_by_name(kind, name).unwrap()).unwrap());
            let found = skep_dwarf::declarations(&file, &Options::new(), &origins).unwrap();
            let found: Vec<_> = found.into_iter().flatten().collect();
            assert!(found[0].file.ends_with("/dir/some.h"), "{compiler} {version}: {found:?}");
            assert!(found[1].file.ends_with("main.c"), "{compiler} {version}: {found:?}");
            assert_eq!((found[0].line, found[1].line), (7, 20), "{compiler} {version}");
            let kept = dump(&tools::encode(&file, &Options::new().keep_decl()).btf);
            assert!(kept.contains("dir/some.h:7 s None") && kept.contains("main.c:20 f None"), "{kept}");
        }
    }
}

/// What clang makes for a target must give the same layouts, but for the size of a pointer.
fn check_target(target: &str, pointer: u32) {
    let Some(clang) = tools::clang() else { return tools::skip("clang is not installed") };
    let source =
        "struct s { char a; int b : 3, c : 13; struct s *next; long long d; } s; enum e { X = -1 } e;";
    for version in ["-gdwarf-2", "-gdwarf-4", "-gdwarf-5"] {
        let file = tools::compile(clang, &[&format!("--target={target}"), version], source);
        let big = matches!(file[5], 2);
        let dump = dump(&tools::encode(&file, &Options::new()).btf);
        let (bits, at) = if pointer == 8 { (8, 8) } else { (8, 4) };
        let expected =
            format!("struct s {} {{ char a@0; int b@{bits}b:3; int c@11b:13; s* next@{at}", 2 * at + 8);
        assert!(dump.contains(&expected), "{target} {version} big-endian {big}: {expected}\n{dump}");
        assert!(dump.contains("enum e 4 { X=-1 }"), "{target} {version}: {dump}");
    }
}

#[test]
fn other_byte_orders_and_sizes_of_addresses() {
    for (target, pointer) in [
        ("s390x-linux-gnu", 8),
        ("mips-linux-gnu", 4),
        ("armv7-linux-gnueabi", 4),
        ("aarch64-linux-gnu", 8),
        ("riscv64-linux-gnu", 8),
        ("bpfel", 8),
        ("bpfeb", 8),
    ] {
        check_target(target, pointer);
    }
}

#[test]
fn what_is_taken_by_value_without_a_definition_is_a_struct_without_members() {
    let source =
        "struct none; struct other; typedef struct none none_t; int (*take)(none_t, struct other *);";
    for compiler in [tools::gcc(), tools::clang()].into_iter().flatten() {
        let btf = tools::encode(&tools::compile(compiler, &[], source), &Options::new()).btf;
        let dump = dump(&btf);
        assert!(
            dump.contains("struct none 0 {  }") && dump.contains("fwd other Struct"),
            "{compiler}\n{dump}"
        );
        skep_btf::verify(&btf.to_bytes(skep_btf::Endian::Little), &skep_btf::Rules::default()).unwrap();
    }
}
