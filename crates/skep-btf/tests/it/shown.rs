//! Types as memory: their text, judged by pahole.

use std::collections::BTreeMap;
use std::fs;

use skep_btf::layout::{self, Decl, Layout, Names, Reader};
use skep_btf::{Btf, BtfBuilder, IntEncoding, Kind, Member, Param, Type, TypeId};

use crate::tools::{TempDir, kernel, run};

/// The layout of the type that is made last is that text.
fn check(make: impl FnOnce(&mut BtfBuilder) -> TypeId, expected: &str) {
    let mut types = Btf::builder();
    let id = make(&mut types);
    let btf = types.build().unwrap();
    assert_eq!(Reader::new(&btf).read(id).unwrap().to_string(), expected.trim_start());
}

fn int(types: &mut BtfBuilder) -> TypeId {
    types.int("int", 4, IntEncoding::Signed)
}

fn bits(types: &mut BtfBuilder, name: &str, ty: TypeId, bit_offset: u32, bitfield_size: u8) -> Member {
    Member { name: types.string(name), ty, bit_offset, bitfield_size }
}

#[test]
fn holes_and_cache_lines() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let char = types.int("char", 1, IntEncoding::Char);
        let members = [types.member("a", int, 0), types.member("b", char, 32)];
        let padded = types.structure("padded", 8, &members);
        let bytes = types.array_of(char, 60);
        let callback = [types.param("", int), Param::VARIADIC];
        let callback = types.func_proto(TypeId::VOID, &callback);
        let callback = types.ptr(callback);
        let none = types.array_of(int, 0);
        let members = [
            types.member("padded", padded, 0),
            types.member("bytes", bytes, 64),
            types.member("callback", callback, 576),
            types.member("tail", none, 640),
        ];
        types.structure("lines", 96, &members)
    };
    let expected = "
struct lines {
	struct padded              padded;               /*     0     8 */

	/* XXX last struct has 3 bytes of padding */

	char                       bytes[60];            /*     8    60 */

	/* XXX 4 bytes hole, try to pack */

	/* --- cacheline 1 boundary (64 bytes) was 8 bytes ago --- */
	void                       (*callback)(int, ...); /*    72     8 */
	int                        tail[];               /*    80     0 */

	/* size: 96, cachelines: 2, members: 4 */
	/* sum members: 76, holes: 1, sum holes: 4 */
	/* padding: 16 */
	/* paddings: 1, sum paddings: 3 */
	/* last cacheline: 32 bytes */
};
";
    check(make, expected);
}

#[test]
fn bit_fields() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let members =
            [bits(types, "a", int, 0, 3), bits(types, "b", int, 8, 2), bits(types, "c", int, 64, 30)];
        types.structure("fields", 12, &members)
    };
    let expected = "
struct fields {
	int                        a:3;                  /*     0: 0  4 */

	/* XXX 5 bits hole, try to pack */

	int                        b:2;                  /*     0: 8  4 */

	/* XXX 22 bits hole, try to pack */
	/* XXX 4 bytes hole, try to pack */

	int                        c:30;                 /*     8: 0  4 */

	/* size: 12, cachelines: 1, members: 3 */
	/* sum bitfield members: 35 bits, bit holes: 2, sum bit holes: 27 bits */
	/* bit_padding: 2 bits */
	/* last cacheline: 12 bytes */
};
";
    check(
        make,
        &expected
            .replace("	/* sum bitfield", "	/* sum members: 0, holes: 1, sum holes: 4 */\n	/* sum bitfield"),
    );
}

#[test]
fn nested_types() {
    let make = |types: &mut BtfBuilder| {
        let int = int(types);
        let members = [types.member("x", int, 0), types.member("y", int, 32)];
        let point = types.structure("", 8, &members);
        let points = types.ptr(point);
        let members = [types.member("whole", int, 0), types.member("", point, 0)];
        let either = types.union("", 8, &members);
        let members =
            [types.member("", either, 0), types.member("next", points, 64), types.member("odd", int, 136)];
        let outer = types.structure("", 21, &members);
        types.typedef("outer_t", outer)
    };
    let expected = "
typedef struct {
	union {
		int                whole;                /*     0     4 */
		struct {
			int        x;                    /*     0     4 */
			int        y;                    /*     4     4 */
		};                                       /*     0     8 */
	};                                               /*     0     8 */
	struct {
		int                x;                    /*     0     4 */
		int                y;                    /*     4     4 */
	} *next;                                         /*     8     8 */

	/* XXX 1 byte hole, try to pack */

	int                        odd;                  /*    17     4 */

	/* size: 21, cachelines: 1, members: 3 */
	/* sum members: 20, holes: 1, sum holes: 1 */
	/* last cacheline: 21 bytes */
} __attribute__((__packed__)) outer_t;
";
    check(make, expected);
}

#[test]
fn expansion() {
    let mut types = Btf::builder();
    let int = int(&mut types);
    let members = [types.member("x", int, 0)];
    let inner = types.structure("inner", 4, &members);
    let alias = types.typedef("alias_t", inner);
    let list = types.array_of(alias, 2);
    let pointer = types.ptr(inner);
    let members = [types.member("list", list, 0), types.member("pointer", pointer, 64)];
    let outer = types.structure("outer", 16, &members);
    let btf = types.build().unwrap();
    let text = Reader::new(&btf).expand(true).read(outer).unwrap().to_string();
    let expected = "
struct outer {
	struct inner {
		int                x;                    /*     0     4 */
	} list[2];                                       /*     0     8 */
	struct inner *             pointer;              /*     8     8 */

	/* size: 16, cachelines: 1, members: 2 */
	/* last cacheline: 16 bytes */
};
";
    assert_eq!(text, expected.trim_start());
}

/// `Option<u32>` and an enumeration whose variant without data has no value of its own.
fn rust_enum(types: &mut BtfBuilder) -> TypeId {
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
    types.decl_tag("rust:default", variants, Some(1));
    let members = [types.member("", variants, 0)];
    types.structure("core__option__Option_L_u32_G_", 8, &members)
}

#[test]
fn enumerations_with_data() {
    let expected = "
enum core::option::Option<u32> {
	/* discriminant: u32                                    0     4 */
	None = _,
	Some = 1 {
		u32                __0;                  /*     4     4 */
	},

	/* size: 8, cachelines: 1, variants: 2 */
	/* last cacheline: 8 bytes */
};
";
    check(rust_enum, expected);
    let mut types = Btf::builder();
    let id = rust_enum(&mut types);
    let btf = types.build().unwrap();
    let mangled = Reader::new(&btf).names(Names::Mangled).read(id).unwrap();
    assert_eq!(mangled.name, "core__option__Option_L_u32_G_");
}

#[test]
fn constants() {
    let make = |types: &mut BtfBuilder| {
        let values = [types.enumerator("A", -1), types.enumerator("B", 7)];
        types.enumeration("plain", 4, true, &values)
    };
    check(make, "enum plain {\n\tA = -1,\n\tB = 7,\n};\n");
}

#[test]
fn declarations() {
    let mut types = Btf::builder();
    let id = types.structure("unit", 0, &[]);
    let btf = types.build().unwrap();
    let layout = Reader::new(&btf).read(id).unwrap();
    let show = |decl| Layout { decl: Some(decl), ..layout.clone() }.to_string();
    let rest = "struct unit {\n\t/* size: 0, cachelines: 0, members: 0 */\n};\n";
    let all = Decl { file: "lib.rs".to_owned(), line: 7, unit: "a.0".to_owned(), die: Some(0x1b) };
    assert_eq!(show(all), format!("/* Used at: a.0 */\n/* <1b> lib.rs:7 */\n{rest}"));
    assert_eq!(show(Decl::default()), rest);
    assert_eq!(show(Decl { file: "a.c".to_owned(), ..Decl::default() }), format!("/* a.c */\n{rest}"));
}

#[test]
fn names_are_found_and_suggested() {
    let mut types = Btf::builder();
    let int = int(&mut types);
    let members = [types.member("x", int, 0)];
    let task = types.structure("task_struct", 4, &members);
    let other = types.union("task_struct", 4, &members);
    let generic = types.structure("a__b__Gen_L_u16_c_3_G_", 4, &members);
    let exact = types.structure("cut_H0123456789abcdef", 4, &members);
    types.decl_tag("rust:name=a::Very<Long, Name>", exact, None);
    let anonymous = types.structure("", 4, &members);
    let alias = types.typedef("alias_t", anonymous);
    types.typedef("number_t", int);
    let btf = types.build().unwrap();
    for (name, expected) in [
        ("task_struct", vec![task, other]),
        ("struct task_struct", vec![task, other]),
        ("a::b::Gen<u16, 3>", vec![generic]),
        ("b::Gen<u16, 3>", vec![generic]),
        ("Gen<u16, 3>", vec![generic]),
        ("a__b__Gen_L_u16_c_3_G_", vec![generic]),
        ("a::Very<Long, Name>", vec![exact]),
        ("Very<Long, Name>", vec![exact]),
        ("alias_t", vec![alias]),
        ("number_t", vec![]),
        ("", vec![]),
        ("en<u16, 3>", vec![]),
    ] {
        assert_eq!(layout::find(&btf, name), expected, "{name}");
    }
    assert_eq!(Reader::new(&btf).read(exact).unwrap().name, "a::Very<Long, Name>");
    assert_eq!(layout::suggest(&btf, "task_strcut", 3), ["task_struct"]);
    assert_eq!(layout::suggest(&btf, "Gen<u16, 4>", 3), ["a::b::Gen<u16, 3>"]);
    assert!(layout::suggest(&btf, "entirely_else", 3).is_empty());
}

/// The layouts in a text, by their first line; those of which there are several are left out.
fn parts(text: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Option<Vec<String>>> = BTreeMap::new();
    for part in text.split("\n};\n").flat_map(|part| part.split_inclusive("\n} __attribute__")) {
        let Some(at) = part.lines().position(|line| line.starts_with("struct ") && line.ends_with(" {"))
        else {
            continue;
        };
        let lines: Vec<&str> = part.lines().skip(at).collect();
        all.entry(lines[0].to_owned()).and_modify(|known| *known = None).or_insert(Some(facts(&lines)));
    }
    all.into_iter().filter_map(|(name, facts)| Some((name, facts?))).collect()
}

/// The numbers of a layout: where members are, what is unused, the summary. What the two of us say differently is left
/// out: attributes, which BTF does not have and pahole guesses, and padding inside of typedefs and of anonymous structs.
fn facts(lines: &[&str]) -> Vec<String> {
    let mut facts = Vec::new();
    for line in lines {
        let Some(start) = line.rfind("/*") else { continue };
        let fact = line[start..].replace("bytes", "byte").replace("bits", "bit");
        let skipped = ["last struct", "paddings", "orce", "Bitfield combined", "byte)"];
        // The summary of the outermost alone.
        let is_summary = fact.contains("size:") || fact.contains("sum ") || fact.contains("last cacheline");
        if !skipped.iter().any(|word| fact.contains(word)) && (!is_summary || line.starts_with("\t/*")) {
            facts.push(fact);
        }
    }
    facts
}

#[test]
fn pahole_has_the_same_numbers() {
    let Some(bytes) = kernel() else { return };
    let dir = TempDir::new("pahole");
    let file = dir.file("vmlinux");
    fs::write(&file, &bytes).unwrap();
    let Some(theirs) = run("pahole", &[&"-F", &"btf", &file]) else { return };
    let btf = Btf::parse(&bytes).unwrap();
    let reader = Reader::new(&btf);
    let mut ours = String::new();
    for id in btf.ids().filter(|&id| btf.kind(id) == Some(Kind::Struct) && !btf.name(id).is_empty()) {
        ours.push_str(&reader.read(id).unwrap().to_string());
    }
    let (ours, theirs) = (parts(&ours), parts(&theirs));
    let (mut same, mut different) = (0, Vec::new());
    for (name, theirs) in &theirs {
        match ours.get(name) {
            Some(ours) if ours == theirs => same += 1,
            Some(ours) => {
                let at = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
                let pair = at.map(|at| (ours[at].clone(), theirs[at].clone()));
                different.push((name, pair, ours.len(), theirs.len()));
            }
            None => {}
        }
    }
    eprintln!("{same} layouts have pahole's numbers, these have not: {different:#?}");
    assert!(same > 9000 && different.len() <= 3, "{same} same, {} different", different.len());
}

/// Types that contain themselves, or each other without end, are told in part.
#[test]
fn odd_types_end() {
    let mut types = Btf::builder();
    let mut inner = int(&mut types);
    for _ in 0..64 {
        let members = [types.member("a", inner, 0), types.member("b", inner, 0)];
        inner = types.union("", 4, &members);
    }
    let looped = types.declare(Kind::Struct, "looped", 8);
    let members = [types.member("self", looped, 0)];
    types.define(looped, &members);
    let mut chain = int(&mut types);
    for _ in 0..100_000 {
        chain = types.ptr(chain);
    }
    let members = [types.member("chain", chain, 0), types.member("deep", inner, 64)];
    let odd = types.add("odd", Type::Struct(skep_btf::Composite { size: 16, members: &members }));
    let btf = types.build().unwrap();
    let reader = Reader::new(&btf).expand(true);
    for id in [looped, odd] {
        assert!(reader.read(id).unwrap().to_string().len() < 64 << 20);
    }
}
