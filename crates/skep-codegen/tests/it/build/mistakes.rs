//! What is said of mistakes: code, function, place and remedy, all of them at once, and nothing that follows from them.

use skep_btf::P;
use skep_btf::maps::MapType;
use skep_codegen::build::core::{self, Asm, Bin, Data, FuncBuilder, MapSpec, Member, Piece, Value};
use skep_codegen::build::{MapKind, Module};
use skep_codegen::ir::Order;
use skep_codegen::{Diags, Endian, Options};

/// Compares the mistakes of a module with what is expected: a line each, without places, which must be in this file.
#[track_caller]
fn told(diags: Result<impl Sized, Diags>, expected: &[&str]) {
    let found: Vec<String> = match diags {
        Ok(_) => Vec::new(),
        Err(diags) => {
            let lines = diags.0.iter().map(|diag| {
                let place = diag.place.as_ref().unwrap_or_else(|| panic!("no place: {diag}"));
                assert!(place.file.ends_with("mistakes.rs") && place.line > 0, "{diag}");
                match &diag.func {
                    Some(func) => format!("{} {func}: {}", diag.code, diag.message),
                    None => format!("{}: {}", diag.code, diag.message),
                }
            });
            lines.collect()
        }
    };
    assert_eq!(found, expected);
}

/// What is told of the body of `fn f(x: i64) -> i64`.
#[track_caller]
fn check(build: impl FnOnce(&mut FuncBuilder<'_>), expected: &[&str]) {
    let mut m = core::Module::new("t");
    let long = m.signed(64);
    let ty = m.func_type(long, &[("x", long)]);
    let f = m.declare("f", ty);
    let mut b = m.define(f);
    build(&mut b);
    b.finish();
    told(m.finish(), expected);
}

/// What is told of calls on a module.
#[track_caller]
fn check_module(build: impl FnOnce(&mut core::Module), expected: &[&str]) {
    let mut m = core::Module::new("t");
    build(&mut m);
    told(m.finish(), expected);
}

/// Returns the parameter.
fn end(b: &mut FuncBuilder<'_>) {
    let x = b.param(0);
    b.ret(Some(x));
}

#[test]
fn sk001_names() {
    check_module(
        |m| {
            let int = m.signed(32);
            m.global("a\0b", int, Data::Zero);
            m.global("", int, Data::Zero);
            m.string("a\0b");
            m.license("G\0PL");
            m.structure("s", &[Member::new("", int)]);
            m.typedef("", int);
        },
        &[
            "SK001: 'a\\0b' cannot be a name: it has control characters",
            "SK001: '' cannot be a name: it is empty",
            "SK001: a string literal with a zero byte in it: it would end there",
            "SK001: the licence \"G\\0PL\" is too long, or has a zero byte: write one of at most 127 bytes",
            "SK001: a member without a name: only structs and unions can have none",
            "SK001: a typedef without a name",
        ],
    );
}

#[test]
fn sk002_names_that_are_taken() {
    check_module(
        |m| {
            let int = m.signed(32);
            m.global("a", int, Data::Zero);
            let ty = m.func_type(int, &[]);
            m.declare("a", ty);
            let node = m.declare_struct("node", 4);
            m.define_struct(node, &[Member::new("x", int)]);
            m.define_struct(node, &[Member::new("x", int)]);
        },
        &[
            "SK002: the name 'a' is taken in this module: choose another",
            "SK002: 'struct node' is not a struct that waits for its members: call declare_struct first, define it once",
        ],
    );
    check(
        |b| {
            let x = b.param(0);
            b.begin_switch(x);
            b.begin_case(&[1, 2, 1]);
            b.begin_default();
            b.begin_default();
            b.end();
            end(b);
        },
        &[
            "SK002 f: a switch with two defaults: remove one",
            "SK002 f: case 1 stands twice in a switch: remove one",
        ],
    );
}

#[test]
fn sk003_what_is_of_another_function_or_module() {
    let mut other = core::Module::new("other");
    let long = other.signed(64);
    let ty = other.func_type(long, &[("x", long)]);
    let (g, h) = (other.global("g", long, Data::Zero), other.declare("h", ty));
    let map = other.map("m", &MapSpec::new(MapType::ARRAY).value(long).entries(1));
    let mut b = other.define(h);
    let (x, var, block, turn) = (b.param(0), b.var("v", long), b.new_block(), b.begin_loop());
    let place = b.place(var);
    b.end();
    b.finish();
    check(
        |b| {
            let mine = b.param(0);
            b.bin(Bin::Add, mine, x);
            b.get(var);
            b.load(place);
            b.global(g);
            b.call(h, &[mine]);
            b.map_lookup(map, mine);
            b.int(long, 5);
            b.break_(turn);
            b.jump(block);
            end(b);
        },
        &[
            "SK003 f: this value is of another function: pass it as an argument, or through memory",
            "SK003 f: this variable is of another function: pass its address as an argument",
            "SK003 f: this place is of another function: pass its address as an argument",
            "SK003 f: this variable is of another module: declare it in this one, 't', too",
            "SK003 f: this function is of another module: declare it in this one, 't', too",
            "SK003 f: this map is of another module: declare it in this one, 't', too",
            "SK003 f: this type is of another module: declare it in this one, 't', too",
            "SK003 f: this label is of another function",
            "SK003 f: this block is of another function",
        ],
    );
}

#[test]
fn handles_from_before_are_valid_in_a_copy_later_ones_are_not() {
    let mut m = core::Module::new("t");
    let long = m.signed(64);
    let ty = m.func_type(long, &[("x", long)]);
    let before = m.global("before", long, Data::Zero);
    let mut copy = m.clone();
    let after = m.global("after", long, Data::Zero);
    let f = copy.declare("f", ty);
    let mut b = copy.define(f);
    let place = b.global(before);
    let value = b.load(place);
    b.global(after);
    b.ret(Some(value));
    b.finish();
    m.set_global_section(copy.global("of the copy", long, Data::Zero), ".data.x");
    told(copy.finish(), &["SK003 f: this variable is of another module: declare it in this one, 't', too"]);
    told(m.finish(), &["SK003: this variable is of another module: declare it in this one, 't', too"]);
}

#[test]
fn poison_from_elsewhere_is_told() {
    check(
        |b| b.ret(Some(Value::POISON)),
        &["SK003 f: what a mistake in another module has yielded is used here: see to its mistakes first"],
    );
}

#[test]
fn sk004_types_that_do_not_fit() {
    check(
        |b| {
            let (int, long) = (b.module().signed(32), b.module().signed(64));
            let pointer = b.module().pointer(long);
            let pair = b.module().structure("pair", &[Member::new("a", long)]);
            let (x, one, null) = (b.param(0), b.int(int, 1), b.null(pointer));
            b.bin(Bin::Add, x, one);
            b.bin(Bin::Add, null, x);
            b.neg(null);
            b.cast(x, pair);
            b.deref(x);
            let var = b.var("pair", pair);
            b.get(var);
            let int_var = b.var("i", int);
            b.set(int_var, x);
            b.int(pointer, 5);
            b.null(long);
            b.ret(Some(one));
        },
        &[
            "SK004 f: + of 'long long' and 'int': the types do not fit together, cast one of them",
            "SK004 f: + of 'long long *' and 'long long': the types do not fit together, cast one of them",
            "SK004 f: - of 'long long *': expected an integer",
            "SK004 f: 'long long' cannot be cast to 'struct pair': only integers, truth values and pointers can",
            "SK004 f: a place of 'long long': expected a pointer",
            "SK004 f: 'struct pair' is read as one value: read and write its members or elements, or copy the whole",
            "SK004 f: 'long long' is written where 'int' lies: cast it",
            "SK004 f: the number 5 cannot be of type 'long long *'",
            "SK004 f: null of 'long long': only pointers can be null",
            "SK004 f: 'int' is returned, but the function returns 'long long': cast it",
        ],
    );
}

#[test]
fn sk005_variables_that_are_not_written() {
    check(
        |b| {
            let long = b.module().signed(64);
            let x = b.param(0);
            let (never, perhaps) = (b.var("never", long), b.var("perhaps", long));
            b.begin_if(x);
            b.set(perhaps, x);
            b.end();
            let value = b.get(perhaps);
            let other = b.get(never);
            let sum = b.bin(Bin::Add, value, other);
            b.ret(Some(sum));
        },
        &[
            "SK005 f: 'never' is read here, but not written on each way to here: give it a value first",
            "SK005 f: 'perhaps' is read here, but not written on each way to here: give it a value first",
        ],
    );
    check(
        |b| {
            let x = b.param(0);
            b.begin_if(x);
            let inside = b.neg(x);
            b.end();
            b.ret(Some(inside));
        },
        &["SK005 f: a value is used here that is not made on each way to here: keep it in a variable"],
    );
}

#[test]
fn sk006_ends() {
    check(
        |_| {},
        &["SK006 f: the body ends without a ret here: return a value, or say that it is unreachable"],
    );
    check(
        |b| {
            end(b);
            end(b);
            end(b);
        },
        &[
            "SK006 f: this is never reached: it stands behind a ret, a break or a jump; remove it, or begin a block",
        ],
    );
    check(
        |b| {
            b.end();
            b.begin_else();
            let turn = b.begin_loop();
            b.end();
            end(b);
            let block = b.new_block();
            b.switch_to(block);
            b.break_(turn);
            b.begin_if(Value::POISON);
        },
        &[
            "SK006 f: an end of nothing: no statement has been begun",
            "SK006 f: an else without its if: begin_if comes first",
            "SK006 f: a break or continue of a statement that has ended: use a label that encloses it",
            "SK006 f: the body ends within if: end each statement",
        ],
    );
}

#[test]
fn sk007_bodies() {
    check_module(
        |m| {
            let ty = m.func_type(core::Ty::VOID, &[]);
            let (f, g) = (m.declare("f", ty), m.import("g", ty));
            m.declare("h", ty);
            m.define(f).finish();
            m.define(f).finish();
            m.define(g).ret(None);
        },
        &[
            "SK007: 'f' has a body already: declare another function",
            "SK007: 'g' is an import: declare it to define it here",
            "SK007 h: 'h' was declared, but has no body: define it, or import it",
        ],
    );
}

#[test]
fn sk008_calls() {
    check(
        |b| {
            let (int, long) = (b.module().signed(32), b.module().signed(64));
            let ty = b.module().func_type(long, &[("a", int), ("b", long)]);
            let g = b.module().import("g", ty);
            let x = b.param(0);
            b.call(g, &[x]);
            b.call(g, &[x, x]);
            b.call_helper(skep_insn::helper::Helper::KtimeGetNs, &[x]);
            b.call_helper(skep_insn::helper::Helper::MapLookupElem, &[x, x]);
            end(b);
        },
        &[
            "SK008 f: 'g' takes 2 arguments, but is given 1",
            "SK008 f: argument 0 of 'g' is 'long long', expected 'int': cast it",
            "SK008 f: bpf_ktime_get_ns takes 0 arguments, but is given 1",
            "SK008 f: argument 0 of bpf_map_lookup_elem is 'long long', expected a map",
        ],
    );
}

#[test]
fn sk009_members() {
    check(
        |b| {
            let long = b.module().signed(64);
            let pair = b.module().structure("pair", &[Member::new("a", long), Member::new("b", long)]);
            let var = b.var("pair", pair);
            let place = b.place(var);
            b.field(place, "c");
            b.field_at(place, 2);
            let pointer = b.module().pointer(pair);
            let null = b.null(pointer);
            b.core_field(null, "a.x");
            b.core_ask(skep_btf::CoreKind::EnumvalValue, pair, "X");
            let var = b.var("long", long);
            let place = b.place(var);
            b.field(place, "c");
            end(b);
        },
        &[
            "SK009 f: 'struct pair' has no member 'c': it has a, b",
            "SK009 f: member 2 of 'struct pair', which has 2: they count from 0",
            "SK009 f: 'long long' has no member 'x', as 'a.x' says",
            "SK009 f: 'struct pair' has no enumerator 'X'",
            "SK009 f: 'long long' has no member 'c': it has no members at all",
        ],
    );
}

#[test]
fn sk010_maps() {
    let mut m = Module::new("t");
    let hash = m.map::<u32, u64>("hash", MapKind::Hash).done();
    let good = m.map::<u32, u64>("good", MapKind::Hash).entries(1).done();
    m.map::<u64, u64>("array", MapKind::Array).entries(4).done();
    m.map::<(), u64>("ring", MapKind::RingBuf).entries(5000).done();
    m.map::<u32, u32>("outer", MapKind::ArrayOfMaps).entries(1).done();
    m.map::<(), ()>("queue", MapKind::Queue).entries(1).done();
    let queue = m.map::<(), u64>("values", MapKind::Queue).entries(1).done();
    m.func::<fn()>("f", |b, ()| {
        // Poison: told already.
        let _ = b.map_lookup(hash, 1u32);
        b.core(|c| {
            let key = c.string("key");
            c.map_lookup(queue.raw(), key);
        });
        b.tail_call(b.null::<u8>(), good, 0u32);
    });
    told(
        m.finish(),
        &[
            "SK010: map 'hash' (BPF_MAP_TYPE_HASH) with 0 entries: say how many entries it holds",
            "SK010: map 'array' (BPF_MAP_TYPE_ARRAY) with keys of 8 bytes: they take 4 bytes",
            "SK010: map 'ring' (BPF_MAP_TYPE_RINGBUF) with 5000 entries: its size in bytes is a power of two, at least a page",
            "SK010: map 'outer' (BPF_MAP_TYPE_ARRAY_OF_MAPS) without an inner map: name one that its values are like",
            "SK010: map 'queue' (BPF_MAP_TYPE_QUEUE) without a type of its values: give it one",
            "SK010 f: bpf_map_lookup_elem of map 'values', which is a BPF_MAP_TYPE_QUEUE: take a map of a kind that has this",
            "SK010 f: bpf_tail_call of map 'good', which is a BPF_MAP_TYPE_HASH: take a map of a kind that has this",
        ],
    );
}

#[test]
fn sk011_numbers() {
    check(
        |b| {
            let byte = b.module().unsigned(8);
            b.module().unsigned(65);
            b.module().structure("s", &[Member::new("a", byte).bits(9)]);
            b.int(byte, 256);
            b.param(1);
            let array = b.module().array(byte, 4);
            let var = b.var("array", array);
            let place = b.place(var);
            let four = b.int(byte, 4);
            b.index(place, four);
            b.begin_switch(four);
            b.begin_case(&[300]);
            b.end();
            b.fence(Order::Plain);
            b.aligned(place, 3);
            end(b);
        },
        &[
            "SK011 f: an integer of 65 bits: registers hold 1 to 64, make a struct of larger ones",
            "SK011 f: the bit-field 'a' has 9 bits, but 'unsigned char' takes 1 to 8",
            "SK011 f: 256 is no value of 'unsigned char': take a wider type, or cast",
            "SK011 f: parameter 1 of a function that has 1: they count from 0",
            "SK011 f: element 4 of an array of 4: they count from 0",
            "SK011 f: case 300 is no unsigned integer of 8 bits: it is never met",
            "SK011 f: a fence that orders nothing: name an ordering",
            "SK011 f: an alignment of 3 bytes: it is a power of two",
        ],
    );
    check_module(
        |m| {
            let int = m.signed(32);
            m.global("g", int, Data::Bytes(&[1; 5]));
            m.global("h", int, Data::Pieces(&[Piece::Int { bytes: 3, value: 1 }]));
        },
        &[
            "SK011: 5 bytes of data for a variable of 4",
            "SK011: an integer of 3 bytes: expected 1, 2, 4 or 8",
        ],
    );
}

#[test]
fn sk013_assembly() {
    check(
        |b| {
            let long = b.module().signed(64);
            let x = b.param(0);
            b.asm(&Asm::new("%0 = 1").clobber(3));
            b.asm(&Asm::new("movl %0, 1").output(long));
            b.asm(&Asm::new("%0 += %1").output(long).input(x).clobber(12));
            b.asm(&Asm::new("%0 += 1").output(long).tied());
            let fine = b.asm(&Asm::new("%0 += 1; %w0 = %w0").output(long).input(x).tied());
            b.ret(Some(fine));
        },
        &[
            "SK013 f: inline assembly: '%0 = 1' has an operand that is none of the 0 given ones",
            "SK013 f: inline assembly: 'movl %0, 1' is no instruction: column 1: found 'movl', expected an instruction such as `r1 = 5`, `if r1 > 5 goto +3` or `exit`",
            "SK013 f: inline assembly: a destroyed register that does not exist: they are r0 to r9",
            "SK013 f: inline assembly: a result that begins as the first input: both must be there, of one type",
        ],
    );
}

#[test]
fn sk014_sections() {
    check_module(
        |m| {
            let int = m.signed(32);
            let ty = m.func_type(core::Ty::VOID, &[]);
            for (name, section) in [("f", ".maps"), ("g", ".data.x"), ("h", "a b")] {
                let f = m.declare(name, ty);
                m.set_section(f, section);
                m.define(f).finish();
            }
            let g = m.global("v", int, Data::Bytes(&[1]));
            m.set_global_section(g, ".bss.x");
            m.extern_global("e", int, Some(".data"));
        },
        &[
            "SK014: 'a b' cannot be a section: write 1 to 511 characters of ASCII, without spaces",
            "SK014 f: 'f' in section '.maps': that section has a meaning of its own; use another name",
            "SK014 g: 'g' in section '.data.x': that section holds data; a function goes to .text, or where its program type says",
            "SK014 v: 'v' in section '.bss.x': it holds only variables that begin with zeros; use .data",
            "SK014 e: 'e' in section '.data': what is defined elsewhere names no section, .ksyms or .kconfig",
        ],
    );
}

#[test]
fn sk015_too_much() {
    check_module(
        |m| {
            let long = m.signed(64);
            m.array(long, 1 << 30);
            let members = vec![Member::new("a", long); 70_000];
            m.union("u", &members);
        },
        &[
            "SK015: an array of 1073741824 elements of 8 bytes: the limit is 4 GiB - 1",
            "SK015: a struct with a list of 70000: types hold 65535",
        ],
    );
}

#[test]
fn sk101_to_sk107_types_of_values() {
    let mut m = Module::new("t");
    m.import::<fn(f64) -> i32>("sin");
    m.import::<fn(u128) -> i32>("wide");
    m.import::<fn([u32; 4]) -> i32>("array");
    let core = m.core();
    let int = core.signed(32);
    let variadic = core.variadic_type(int, &[("format", int)]);
    core.declare("print", variadic);
    m.func::<fn()>("f", |b, ()| {
        let _ = b.zeroed::<f32>("x").get();
        let _ = b.zeroed::<u128>("x").get();
    });
    told(
        m.finish(),
        &[
            "SK101: a function takes 'double' by value: use a pointer to it",
            "SK103: a function takes 'unsigned __int128' by value: use a pointer to it",
            "SK107: a function takes 'unsigned int [4]' by value: use a pointer to it",
            "SK105: 'print' takes a variable number of arguments: only imports can",
            "SK101 f: 'float' is read as one value: BPF has no floating point; copy its bytes, or use integers",
            "SK103 f: 'unsigned __int128' is read as one value: it has two halves of 64 bits; read each, or copy it",
        ],
    );
}

#[test]
fn sk102_larger_and_smaller_floats() {
    check_module(
        |m| {
            let (half, long) = (m.float(2), m.float(16));
            let int = m.signed(32);
            let ty = m.func_type(int, &[("x", long)]);
            m.import("sinl", ty);
            let ty = m.func_type(half, &[]);
            m.import("half", ty);
            m.float(3);
            let ty = m.func_type(core::Ty::VOID, &[]);
            let f = m.declare("f", ty);
            let mut b = m.define(f);
            let var = b.var("x", long);
            let place = b.place(var);
            b.zero(place);
            b.load(place);
            b.finish();
        },
        &[
            "SK102: a function takes 'long double' by value: use a pointer to it",
            "SK102: a function returns '_Float16' by value: use a pointer to it",
            "SK011: a floating-point number of 3 bytes: they have 2, 4, 8, 12 or 16",
            "SK102 f: 'long double' is read as one value: BPF has no floating point; copy its bytes, or use integers",
        ],
    );
}

#[test]
fn mistakes_of_the_typed_layer_have_the_place_of_the_operator() {
    let mut m = Module::new("t");
    let line = line!() + 3;
    m.func::<fn(i64) -> i64>("f", |b, (x,)| {
        let p = x.cast::<P<f64>>();
        let v = p.load();
        b.ret(v.cast::<i64>() + 1);
    });
    let diags = m.finish().unwrap_err();
    assert_eq!(diags.0.len(), 1, "{diags}");
    assert_eq!(diags.0[0].place.as_ref().unwrap().line, line);
}

#[test]
fn places_of_the_source_language_are_told() {
    let mut m = core::Module::new("t");
    let ty = m.func_type(core::Ty::VOID, &[]);
    let f = m.declare("f", ty);
    let mut b = m.define(f);
    b.set_place("query.dsl", 12, 7);
    b.param(3);
    b.finish();
    let diags = m.finish().unwrap_err();
    assert_eq!(
        diags.to_string(),
        "SK011 f at query.dsl:12:7: parameter 3 of a function that has 0: they count from 0"
    );
}

#[test]
fn the_byte_order_of_bit_fields_is_that_of_the_target() {
    let mut m = core::Module::new("t");
    let int = m.unsigned(32);
    let bits = m.structure("bits", &[Member::new("a", int).bits(3)]);
    let ty = m.func_type(int, &[]);
    let f = m.declare("f", ty);
    let mut b = m.define(f);
    let var = b.var("bits", bits);
    let place = b.place(var);
    b.zero(place);
    let place = b.field(place, "a");
    let value = b.load(place);
    b.ret(Some(value));
    b.finish();
    told(
        m.clone().compile(&Options::new().endian(Endian::Big)),
        &[
            "SK004: the module has bit-fields in Little-endian order, but is compiled for Big-endian: call Module::set_endian",
        ],
    );
    m.set_endian(Endian::Big);
    assert!(m.compile(&Options::new().endian(Endian::Big)).is_ok());
}

#[test]
fn a_thousand_mistakes_are_kept_the_others_counted() {
    let mut m = core::Module::new("t");
    for _ in 0..1500 {
        m.unsigned(0);
    }
    let diags = m.finish().unwrap_err();
    assert_eq!(diags.0.len(), 1001);
    assert_eq!(diags.0[1000].message, "there are 500 more mistakes, which are not shown");
}
