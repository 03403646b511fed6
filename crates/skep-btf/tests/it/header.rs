//! C headers: their text, and what compilers make of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use skep_btf::{
    Btf, BtfBuilder, Composite, DeclTag, FwdKind, Int, IntEncoding, Kind, Linkage, Member, Param, Type,
    TypeId, dump,
};

use crate::tools::{TempDir, compiled, kernel, run, section};

fn header(btf: &Btf, asserts: bool) -> String {
    let mut text = Vec::new();
    dump::Header::new(btf).asserts(asserts).write(btf.ids(), &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What is between the lines that every header has.
fn body(btf: &Btf) -> String {
    let text = header(btf, false);
    let (_, rest) = text.split_once("#endif\n\n").unwrap();
    let (body, _) = rest.rsplit_once("#if defined(__clang__)").unwrap();
    body.trim_end().to_owned()
}

/// Compilers take the header, and agree with its assertions; tells how many of those there are.
fn compile(btf: &Btf, name: &str) -> Option<usize> {
    let dir = TempDir::new(name);
    let (file, text) = (dir.file("types.h"), header(btf, true));
    fs::write(&file, &text).unwrap();
    let machines =
        ["x86_64-linux-gnu", "aarch64-linux-gnu", "bpfel"].map(|target| format!("--target={target}"));
    let quiet: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"-fsyntax-only", &"-Wall", &"-Werror", &"-Wno-pragma-clang-attribute", &"-xc", &file];
    for machine in &machines {
        run("clang-22", &[&[machine as &dyn AsRef<std::ffi::OsStr>], &quiet[..]].concat())?;
    }
    run("clang-22", &[&[&"-std=gnu23" as &dyn AsRef<std::ffi::OsStr>], &quiet[..]].concat())?;
    // gcc warns of attributes and of bit-fields that are not its defaults, which is what they are for.
    run("gcc", &[&"-fsyntax-only", &"-w", &"-xc", &file])?;
    Some(text.matches("_Static_assert").count())
}

/// The header of a set is that text, and compiles.
fn check(name: &str, make: impl FnOnce(&mut BtfBuilder), expected: &str) {
    let mut types = Btf::builder();
    make(&mut types);
    let btf = types.build().unwrap();
    assert_eq!(body(&btf), expected.trim());
    compile(&btf, name);
}

fn int(types: &mut BtfBuilder) -> TypeId {
    types.int("int", 4, IntEncoding::Signed)
}

fn bits(types: &mut BtfBuilder, name: &str, ty: TypeId, bit_offset: u32, bitfield_size: u8) -> Member {
    Member { name: types.string(name), ty, bit_offset, bitfield_size }
}

#[test]
fn gaps_and_attributes() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let char = types.int("char", 1, IntEncoding::Signed);
        let long = types.int("long int", 8, IntEncoding::Signed);
        let members = [types.member("a", char, 0), types.member("b", int, 32)];
        types.structure("natural", 8, &members);
        let members = [types.member("a", char, 0), types.member("b", int, 8)];
        let odd = types.structure("odd", 5, &members);
        let members = [types.member("a", int, 0), types.member("far", int, 128)];
        types.structure("hole", 32, &members);
        let members = [
            bits(types, "a", int, 0, 3),
            bits(types, "b", int, 10, 2),
            bits(types, "c", int, 32, 30),
            types.member("d", char, 64),
        ];
        types.structure("fields", 12, &members);
        let members = [bits(types, "a", int, 0, 20), bits(types, "b", int, 20, 20)];
        types.structure("crossing", 5, &members);
        let members = [types.member("a", long, 0), types.member("b", odd, 0)];
        types.union("both", 8, &members);
        let members = [types.member("a", int, 0)];
        types.union("room", 12, &members);
        let members = [types.member("a", int, 0)];
        types.structure("line", 256, &members);
        let none = types.array_of(long, 0);
        let members = [types.member("len", int, 0), types.member("data", none, 64)];
        types.structure("flexible", 8, &members);
        types.structure("empty", 0, &[]);
    };
    let expected = "
struct natural {
	char a;
	int b;
};

struct odd {
	char a;
	int b;
} __attribute__((packed));

struct hole {
	int a;
	int: 32;
	int: 32;
	int: 32;
	int far;
	int: 32;
	int: 32;
	int: 32;
};

struct fields {
	int a: 3;
	short: 7;
	int b: 2;
	int c: 30;
	char d;
};

struct crossing {
	int a: 20;
	int b: 20;
} __attribute__((packed));

union both {
	long int a;
	struct odd b;
};

union room {
	int a;
	struct {
		int: 32;
		int: 32;
		int: 32;
	};
};

struct line {
	int a;
	unsigned char __pad_4[252];
};

struct flexible {
	int len;
	long int data[0];
};

struct empty {};
";
    check("gaps", make, expected);
}

#[test]
fn declarations_of_any_depth() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let char = types.int("char", 1, IntEncoding::Signed);
        let text = types.constant(char);
        let text = types.ptr(text);
        let node = types.declare(Kind::Struct, "node", 88);
        let nodes = types.ptr(node);
        let other = types.fwd("other", FwdKind::Union);
        let others = types.ptr(other);
        let row = types.array_of(int, 4);
        let matrix = types.array_of(row, 3);
        let rows = types.ptr(row);
        let printf = [types.param("format", text), Param::VARIADIC];
        let printf = types.func_proto(int, &printf);
        let printf = types.ptr(printf);
        let printfs = types.array_of(printf, 2);
        // A function that takes one and returns a pointer to an array of pointers to functions.
        let params = [types.param("", printf), types.param("n", nodes)];
        let table = types.ptr(printfs);
        let select = types.func_proto(table, &params);
        let select = types.ptr(select);
        let nothing = types.func_proto(TypeId::VOID, &[]);
        let nothing = types.typedef("nothing_t", nothing);
        let nothing = types.ptr(nothing);
        let nothing = types.constant(nothing);
        let tagged = types.type_tag("user", char);
        let tagged = types.volatile(tagged);
        let tagged = types.ptr(tagged);
        let tagged = types.restrict(tagged);
        let members = [
            types.member("next", nodes, 0),
            types.member("matrix", matrix, 64),
            types.member("rows", rows, 448),
            types.member("printfs", printfs, 512),
            types.member("select", select, 640),
        ];
        types.define(node, &members);
        let members = [
            types.member("nothing", nothing, 0),
            types.member("tagged", tagged, 64),
            types.member("others", others, 128),
        ];
        types.structure("more", 24, &members);
    };
    let mut types = Btf::builder();
    make(&mut types);
    let btf = types.build().unwrap();
    let text = header(&btf, false);
    for line in [
        "struct node *next;",
        "int matrix[3][4];",
        "int (*rows)[4];",
        "int (*printfs[2])(const char *format, ...);",
        "int (*(*(*select)(int (*)(const char *format, ...), struct node *n))[2])(const char *format, ...);",
        "typedef void nothing_t(void);",
        "nothing_t *const nothing;",
        "volatile char __btf_type_tag(\"user\") *restrict tagged;",
        "union other *others;",
    ] {
        assert!(text.contains(line), "no {line} in {text}");
    }
    compile(&btf, "declarations");
}

#[test]
fn names_that_clash() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let members = [types.member("x", int, 0)];
        let first = types.structure("thing", 4, &members);
        types.union("thing", 4, &members);
        let second = types.structure("thing", 8, &members);
        let declared = types.fwd("thing", FwdKind::Struct);
        let other = types.fwd("late", FwdKind::Union);
        let values = [types.enumerator("RED", 0), types.enumerator("GREEN", 1)];
        types.enumeration("thing", 4, false, &values);
        let values = [types.enumerator("RED", 5)];
        types.enumeration("color", 1, false, &values);
        types.typedef("GREEN", int);
        types.structure("late", 4, &members);
        let (first, second, declared) = (types.ptr(first), types.ptr(second), types.ptr(declared));
        let other = types.ptr(other);
        let members = [
            types.member("x", first, 0),
            types.member("x", second, 64),
            types.member("default", declared, 128),
            types.member("a.b", other, 192),
        ];
        types.structure("Vec<u8>", 32, &members);
    };
    let expected = "
struct thing {
	int x;
};

/* thing [3] */
union thing___2 {
	int x;
};

/* thing [4] */
struct thing___3 {
	int x;
	int: 32;
};

union late___2;

/* thing [7] */
enum thing___4 {
	RED = 0,
	GREEN___2 = 1, /* GREEN */
};

enum color {
	RED___2 = 5, /* RED */
} __attribute__((mode(byte)));

typedef int GREEN;

struct late {
	int x;
};

/* Vec<u8> [15] */
struct Vec_L_u8_G_ {
	struct thing *x;
	struct thing___3 *x___2;
	struct thing *default_;
	union late___2 *a_o_b;
};
";
    check("clashes", make, expected);
}

#[test]
fn what_c_cannot_say_keeps_its_layout() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let odd = types.int("u24", 3, IntEncoding::Unsigned);
        let u32 = types.int("u32", 4, IntEncoding::Unsigned);
        let unit = types.int("()", 0, IntEncoding::Unsigned);
        let quad = types.float("f128", 16);
        let flag = types.int("bool", 1, IntEncoding::Bool);
        let members = [
            types.member("odd", odd, 0),
            types.member("flag", flag, 24),
            types.member("word", u32, 32),
            types.member("unit", unit, 64),
            types.member("quad", quad, 128),
        ];
        types.structure("numbers", 32, &members);
        let members = [types.member("a", int, 0), types.member("b", int, 16), types.member("c", int, 32)];
        types.structure("overlap", 8, &members);
        let members = [types.member("a", int, 0), types.member("b", int, 32)];
        types.union("apart", 8, &members);
        let hole = types.declare(Kind::Struct, "hole", 16);
        let fwd = types.fwd("nowhere", FwdKind::Struct);
        let members = [
            types.member("self", hole, 0),
            types.member("fwd", fwd, 0),
            types.member("nothing", TypeId::VOID, 0),
            types.member("late", int, 112),
            types.member("ok", int, 96),
        ];
        types.define(hole, &members);
    };
    let expected = "
typedef struct { unsigned char bytes[3]; } u24;

#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
typedef _Bool bool;
#endif

typedef unsigned int u32;

/* () [4] */
typedef struct { unsigned char bytes[0]; } _T__t_;

#if __SIZEOF_LONG_DOUBLE__ == 16
typedef long double f128;
#else
typedef struct { unsigned char bytes[16]; } __attribute__((aligned(16))) f128;
#endif

struct numbers {
	u24 odd;
	bool flag;
	u32 word;
	_T__t_ unit;
	f128 quad;
};

struct overlap {
	union {
		struct {
			int a;
			int c;
		};
		struct {
			short: 16;
			int b;
		} __attribute__((packed));
	};
};

union apart {
	struct {
		int a;
		int b;
	};
};

struct nowhere;

struct hole {
	/* left out: self at bit 0, whose type has no place in a struct */
	/* left out: fwd at bit 0, whose type has no place in a struct */
	/* left out: nothing at bit 0, whose type has no place in a struct */
	/* left out: late at bit 112, which ends outside */
	int: 32;
	int: 32;
	int: 32;
	int ok;
};
";
    check("layouts", make, expected);
}

#[test]
fn nested_types_without_names() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let members = [types.member("a", int, 0), types.member("b", int, 32)];
        let pair = types.structure("", 8, &members);
        let members = [types.member("a", int, 0), types.member("c", int, 0)];
        let either = types.union("", 4, &members);
        let values = [types.enumerator("ON", 1)];
        let constant = types.enumeration("", 4, false, &values);
        let values = [types.enumerator("FREE", -1)];
        types.enumeration("", 4, true, &values);
        let named = types.structure("named", 8, &[]);
        let pairs = types.array_of(pair, 2);
        let members = [
            types.member("a", pair, 0),
            types.member("", either, 64),
            types.member("state", constant, 96),
            types.member("", named, 128),
            types.member("pairs", pairs, 192),
        ];
        let outer = types.structure("", 40, &members);
        types.typedef("outer_t", outer);
    };
    let expected = "
enum {
	FREE = -1,
};

struct named {
	unsigned char __pad_0[8];
};

typedef struct {
	struct {
		int a;
		int b;
	} a;
	union {
		int a___2;
		int c;
	};
	enum {
		ON = 1,
	} state;
	struct {
		unsigned char __pad_0[8];
	};
	struct {
		int a;
		int b;
	} pairs[2];
} outer_t;
";
    check("nested", make, expected);
}

#[test]
fn enumerations_of_all_sizes() {
    let make = |types: &mut BtfBuilder| {
        let values = [types.enumerator("A", 0), types.enumerator("B", 0xffff_ffff)];
        types.enumeration("unsigned32", 4, false, &values);
        let values = [types.enumerator("C", i64::MIN), types.enumerator("D", 0x1_0000_0000)];
        types.enumeration("signed64", 8, true, &values);
        let values = [types.enumerator("E", -1)];
        types.enumeration("unsigned64", 8, false, &values);
        let values = [types.enumerator("F", 1)];
        types.enumeration("small64", 8, false, &values);
        types.enumeration("two", 2, true, &values);
        let empty = types.enumeration("empty", 4, false, &[]);
        types.typedef("empty_t", empty);
        let values = [types.enumerator("false", 0), types.enumerator("true", 1)];
        types.enumeration("", 4, false, &values);
    };
    let expected = "
enum unsigned32 {
	A = 0,
	B = 4294967295U,
};

enum signed64 {
	C = -9223372036854775807LL - 1,
	D = 4294967296LL,
};

enum unsigned64 {
	E = 18446744073709551615ULL,
};

enum small64 {
	F = 1,
} __attribute__((mode(DI)));

enum two {
	F___2 = 1, /* F */
} __attribute__((mode(HI)));

enum empty {
	empty___none = 0,
};

typedef enum empty empty_t;

enum {
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
	false = 0,
#else
	false___c23 = 0,
#endif
#if !defined(__STDC_VERSION__) || __STDC_VERSION__ < 202311L
	true = 1,
#else
	true___c23 = 1,
#endif
};
";
    check("enums", make, expected);
}

/// As the encoder makes it: the discriminant and the variants in a union.
#[test]
fn rust_enums_with_data() {
    let mut types = Btf::builder();
    let int = types.int("unsigned int", 4, IntEncoding::Unsigned);
    let u32 = types.typedef("u32", int);
    let values = [types.enumerator("None", 0), types.enumerator("Some", 1)];
    let tag = types.enumeration("core__option__Option_L_u32_G___discr", 4, false, &values);
    let members = [types.member("__discr", tag, 0)];
    let discriminant = types.structure("", 4, &members);
    let none = types.structure("core__option__Option_L_u32_G___None", 8, &[]);
    let members = [types.member("__0", u32, 32)];
    let some = types.structure("core__option__Option_L_u32_G___Some", 8, &members);
    let members =
        [types.member("", discriminant, 0), types.member("None", none, 0), types.member("Some", some, 0)];
    let variants = types.union("", 8, &members);
    let members = [types.member("", variants, 0)];
    types.structure("core__option__Option_L_u32_G_", 8, &members);
    let btf = types.build().unwrap();
    assert!(
        body(&btf).ends_with(
            "struct core__option__Option_L_u32_G_ {
	union {
		struct {
			enum core__option__Option_L_u32_G___discr __discr;
		};
		struct core__option__Option_L_u32_G___None None;
		struct core__option__Option_L_u32_G___Some Some;
	};
};"
        ),
        "{}",
        body(&btf)
    );
    compile(&btf, "rust");
}

#[test]
fn functions_and_variables_on_request() {
    let mut types = Btf::builder();
    let int = int(&mut types);
    let ctx = types.structure("ctx", 4, &[]);
    let ctx = types.ptr(ctx);
    let params = [types.param("ctx", ctx)];
    let proto = types.func_proto(int, &params);
    let func = types.func("entry", proto, Linkage::Global);
    let numbers = types.array_of(int, 3);
    let var = types.var("numbers", numbers, Linkage::Static);
    let btf = types.build().unwrap();
    let mut text = Vec::new();
    dump::Header::new(&btf).symbols(true).write([func, var], &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("struct ctx;\n\nextern int entry(struct ctx *ctx);\n\n"), "{text}");
    assert!(text.contains("/* static */ extern int numbers[3];\n\n"), "{text}");
}

/// What compilers once made, bit-fields have types of their own.
#[test]
fn bit_fields_of_old_compilers() {
    let make = |types: &mut BtfBuilder| {
        let mut narrow = |offset, bits| {
            types.add(
                "unsigned int",
                Type::Int(Int { size: 4, bits, offset, encoding: IntEncoding::Unsigned }),
            )
        };
        let (a, b) = (narrow(0, 3), narrow(3, 5));
        let members = [types.member("a", a, 0), types.member("b", b, 0)];
        types.add("old", Type::Struct(Composite { size: 4, members: &members }));
    };
    check("old", make, "struct old {\n\tunsigned int a: 3;\n\tunsigned int b: 5;\n};");
}

/// A member: its offset and its width as a bit-field, both in bits, and its name.
type Flat = (u32, u8, String);

/// The members that have names, by offset, with those of anonymous members.
fn flat(btf: &Btf, id: TypeId, start: u32, out: &mut Vec<Flat>) {
    for member in btf.ty(id).members().unwrap_or_default() {
        let (at, name) = (start + member.bit_offset, btf.string(member.name));
        if name.is_empty() {
            flat(btf, btf.resolve(member.ty).unwrap(), at, out);
        } else if !name.starts_with("__pad_") && !name.starts_with("__room_") {
            out.push((at, member.bitfield_size, name.to_owned()));
        }
    }
}

/// By name: the layout of each struct and union whose name no other has.
fn layouts(btf: &Btf) -> BTreeMap<String, (u64, Vec<Flat>)> {
    let mut all: BTreeMap<String, Option<TypeId>> = BTreeMap::new();
    for id in btf.ids().filter(|&id| !btf.name(id).is_empty()) {
        if matches!(btf.kind(id), Some(Kind::Struct | Kind::Union | Kind::Enum | Kind::Enum64)) {
            all.entry(btf.name(id).to_owned()).and_modify(|known| *known = None).or_insert(Some(id));
        }
    }
    all.retain(|_, id| id.is_some_and(|id| btf.ty(id).members().is_some()));
    let unique = all.into_iter().filter_map(|(name, id)| Some((name, id?)));
    unique
        .map(|(name, id)| {
            let mut members = Vec::new();
            flat(btf, id, 0, &mut members);
            members.sort();
            (name, (btf.size_of(id).unwrap(), members))
        })
        .collect()
}

/// The header, compiled, has the types that it was made from, bit-fields included.
#[test]
fn the_kernels_header_has_the_kernels_layouts() {
    let Some(bytes) = kernel() else { return };
    let btf = Btf::parse(&bytes).unwrap();
    let Some(asserts) = compile(&btf, "kernel-header") else { return };
    eprintln!("{asserts} assertions hold");
    assert!(asserts > 50_000, "{asserts}");

    // Assertions say nothing of bit-fields.
    let mut expected = layouts(&btf);
    expected.retain(|_, (_, members)| members.iter().any(|&(_, bits, _)| bits != 0));
    let mut source = header(&btf, false);
    for (number, name) in expected.keys().enumerate() {
        let id = btf.find_all(name).find(|&id| btf.ty(id).members().is_some()).unwrap();
        let word = if btf.kind(id) == Some(Kind::Union) { "union" } else { "struct" };
        writeln!(source, "{word} {name} var{number};").unwrap();
    }
    // Without code there is no .BTF.ext.
    source.push_str("int no_such_name(void) { return 0; }\n");
    let dir = TempDir::new("kernel-again");
    let Some((types, _)) = compiled(&dir, &source, "bpfel") else { return };
    let found = layouts(&Btf::parse(&types).unwrap());
    let mut compared = 0;
    for (name, expected) in &expected {
        // A tag that is also another sort's has been renamed.
        let Some(found) = found.get(name) else { continue };
        assert_eq!(found, expected, "{name}");
        compared += 1;
    }
    eprintln!("{compared} of {} layouts compared", expected.len());
    assert!(compared + 20 > expected.len(), "{compared} of {}", expected.len());
}

/// What clang makes of C can be made C again, in either byte order.
#[test]
fn headers_of_objects_compile() {
    for target in ["bpfel", "bpfeb"] {
        let dir = TempDir::new(&format!("object-{target}"));
        let Some((types, _)) = compiled(&dir, include_str!("kinds.c"), target) else { return };
        let btf = Btf::parse(&types).unwrap();
        let asserts = compile(&btf, &format!("object-header-{target}"));
        assert!(asserts.is_none_or(|asserts| asserts > 20), "{asserts:?}");
    }
}

/// The same of a large file, such as a kernel with debug information.
#[test]
#[ignore = "needs a file with types, named in SKEP_TYPES"]
fn headers_of_large_files_compile() {
    let file = std::env::var_os("SKEP_TYPES").expect("SKEP_TYPES names a file with a section .BTF");
    let dir = TempDir::new("large");
    let types = section(&dir, file.as_ref(), ".BTF").expect("llvm-objcopy-22 is installed");
    let asserts = compile(&Btf::parse(&types).unwrap(), "large-header").expect("compilers are installed");
    eprintln!("{asserts} assertions hold");
}

/// No set is too odd to be written, nor too small to be written without end.
#[test]
fn nameless_types_end() {
    let mut types = Btf::builder();
    let mut inner = int(&mut types);
    for _ in 0..40 {
        let members = [types.member("a", inner, 0), types.member("b", inner, 0)];
        inner = types.union("", 4, &members);
    }
    types.typedef("deep", inner);
    let mut chain = inner;
    for _ in 0..100_000 {
        chain = types.ptr(chain);
    }
    types.typedef("chain", chain);
    let btf = types.build().unwrap();
    let text = header(&btf, false);
    assert!(text.len() < 200 << 20, "{} bytes", text.len());

    let mut types = Btf::builder();
    let looped = types.declare(Kind::Struct, "", 8);
    let pointer = types.ptr(looped);
    let members = [types.member("next", pointer, 0)];
    types.define(looped, &members);
    types.typedef("looped", looped);
    types.add("tag", Type::DeclTag(DeclTag { target: looped, component: None, attribute: false }));
    let btf = types.build().unwrap();
    assert_eq!(body(&btf), "typedef struct {\n\tvoid *next;\n} looped;");
}
