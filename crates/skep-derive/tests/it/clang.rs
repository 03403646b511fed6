//! Types and values, judged by clang: the same types in C have the same BTF, and their values the same bytes.

use std::fmt::Write as _;
use std::fs;

use skep_btf::{BpfType, Btf, BtfBuilder, Kind, P, Type, TypeId};
use skep_derive::BpfType;

use crate::tools::{TempDir, run};

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Event {
    pid: u32,
    comm: [u8; 16],
    at: u64,
    done: bool,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Numbers {
    a: i8,
    b: i128,
    c: u16,
    d: u128,
    e: f32,
    f: f64,
    g: i16,
    h: i32,
    i: i64,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C, packed)]
struct Wire {
    kind: u8,
    len: u32,
    port: Port,
    rest: [u64; 2],
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C, packed(2))]
struct Half {
    a: u8,
    b: u64,
    c: u8,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf", name = "aligned")]
#[repr(C)]
#[repr(align(32))]
struct Aligned {
    r#type: u8,
    #[bpf(name = "int_")]
    int: u8,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(transparent)]
struct Port(u16);

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Node {
    next: P<Node>,
    prev: P<P<Node>>,
    any: P,
    value: i64,
}

/// Two structs that point to each other, and one through a typedef.
#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Ping {
    pong: P<Pong>,
    link: Link,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Pong {
    ping: P<Ping>,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(transparent)]
struct Link(P<Ping>);

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(u8)]
enum Color {
    Red,
    Green = 200,
    #[bpf(name = "COLOR_BLUE")]
    Blue,
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(i32)]
enum Sign {
    Minus = -1,
    Least = i32::MIN,
}

#[derive(BpfType, Clone, Copy, Debug, PartialEq)]
#[bpf(crate = "skep_btf")]
#[repr(u64)]
enum Wide {
    Most = u64::MAX,
    Shift = 1 << 40,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Bits {
    #[bpf(bits = 3)]
    a: u32,
    #[bpf(bits = 1)]
    b: bool,
    #[bpf(bits = 30)]
    c: i32,
    d: u8,
    #[bpf(bits = 7)]
    e: i16,
    #[bpf(bits = 40)]
    f: u64,
    #[bpf(bits = 25)]
    g: u64,
    #[bpf(bits = 8)]
    color: Color,
    #[bpf(bits = 64)]
    full: i64,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C, packed)]
struct PackedBits {
    #[bpf(bits = 5)]
    a: u8,
    #[bpf(bits = 61)]
    b: i64,
    c: u16,
    #[bpf(bits = 3)]
    d: Sign,
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf", union(v4: u32, v6: [u16; 8], event: Event, tail: [u8; 41]))]
#[repr(C, align(8))]
struct Either([u8; 48]);

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Outer {
    bits: Bits,
    sign: Sign,
    either: Either,
    pairs: [Pair; 2],
    wide: Wide,
    color: [Color; 3],
    tail: [u16; 0],
}

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Pair(u8, Half);

#[derive(BpfType, Clone, Copy)]
#[bpf(crate = "skep_btf")]
#[repr(C)]
struct Empty {}

const C: &str = "
typedef unsigned short Port;
struct Event { unsigned int pid; unsigned char comm[16]; unsigned long long at; _Bool done; };
struct Numbers {
    signed char a; __int128 b; unsigned short c; unsigned __int128 d; float e; double f; short g; int h; long long i;
};
struct Wire { unsigned char kind; unsigned int len; Port port; unsigned long long rest[2]; } __attribute__((packed));
#pragma pack(2)
struct Half { unsigned char a; unsigned long long b; unsigned char c; };
#pragma pack()
struct aligned { unsigned char type; unsigned char int_; } __attribute__((aligned(32)));
struct Node { struct Node *next; struct Node **prev; void *any; long long value; };
struct Ping;
typedef struct Ping *Link;
struct Pong { struct Ping *ping; };
struct Ping { struct Pong *pong; Link link; };
enum Color : unsigned char { Red, Green = 200, COLOR_BLUE };
enum Sign : int { Minus = -1, Least = -2147483647 - 1 };
enum Wide : unsigned long long { Most = ~0ull, Shift = 1ull << 40 };
struct Bits {
    unsigned int a : 3; _Bool b : 1; int c : 30; unsigned char d; short e : 7; unsigned long long f : 40;
    unsigned long long g : 25; enum Color color : 8; long long full : 64;
};
struct PackedBits {
    unsigned char a : 5; long long b : 61; unsigned short c; enum Sign d : 3;
} __attribute__((packed));
union Either { unsigned int v4; unsigned short v6[8]; struct Event event; unsigned char tail[41]; };
struct Pair { unsigned char __0; struct Half __1; };
struct Outer {
    struct Bits bits; enum Sign sign; union Either either; struct Pair pairs[2]; enum Wide wide; enum Color color[3];
    unsigned short tail[0];
};
struct Empty {};
";

/// Adds all of them to a set.
pub(crate) fn add_all(types: &mut BtfBuilder) {
    for add in [
        Event::btf,
        Numbers::btf,
        Wire::btf,
        Half::btf,
        Aligned::btf,
        Port::btf,
        Node::btf,
        Ping::btf,
        Color::btf,
        Sign::btf,
        Wide::btf,
        Bits::btf,
        PackedBits::btf,
        Outer::btf,
        Empty::btf,
    ] {
        add(types);
    }
}

/// The cases: a type in C, what we make of it, and a value on both sides.
struct Cases {
    c: String,
    ours: Vec<Ours>,
}

struct Ours {
    c: &'static str,
    text: String,
    bytes: Vec<u8>,
}

impl Cases {
    fn add<T: BpfType>(&mut self, c: &'static str, value: T, initial: &str) {
        let mut types = Btf::builder();
        let id = T::btf(&mut types);
        assert_eq!(T::btf(&mut types), id, "{c} is found again");
        let btf = types.build().unwrap();
        assert_eq!(btf.size_of(id), Some(T::SIZE.into()), "{c}");
        let bytes = value.to_bytes();
        let again = T::read_from(&bytes).unwrap();
        assert_eq!(again.to_bytes(), bytes, "{c} is read back");
        let n = self.ours.len();
        writeln!(self.c, "_Static_assert(_Alignof({c}) == {}, \"\");", T::ALIGN).unwrap();
        writeln!(self.c, "__attribute__((section(\"s{n}\"))) {c} v{n} = {initial};").unwrap();
        self.ours.push(Ours { c, text: describe(&btf, id), bytes });
    }
}

#[test]
fn derived_types_are_those_of_c() {
    let mut cases = Cases { c: C.to_owned(), ours: Vec::new() };
    let event = Event { pid: 7, comm: *b"0123456789abcdef", at: 1 << 40, done: true };
    let c_event = "{ 7, \"0123456789abcdef\", 1ull << 40, 1 }";
    cases.add("struct Event", event, c_event);
    let numbers =
        Numbers { a: -1, b: -2, c: 3, d: u128::MAX - 3, e: 1.5, f: -2.5, g: -5, h: -6, i: i64::MIN };
    cases.add(
        "struct Numbers",
        numbers,
        "{ -1, -2, 3, ~(unsigned __int128)3, 1.5, -2.5, -5, -6, -0x7fffffffffffffff - 1 }",
    );
    cases.add(
        "struct Wire",
        Wire { kind: 1, len: 0x0203_0405, port: Port(0x0607), rest: [8, 1 << 63] },
        "{ 1, 0x02030405, 0x0607, { 8, 1ull << 63 } }",
    );
    cases.add("struct Half", Half { a: 1, b: 2, c: 3 }, "{ 1, 2, 3 }");
    cases.add("struct aligned", Aligned { r#type: 1, int: 2 }, "{ 1, 2 }");
    cases.add("Port", Port(80), "80");
    let node = Node { next: P::new(1 << 60), prev: P::NULL, any: P::new(5), value: -1 };
    cases.add("struct Node", node, "{ (void *)(1ull << 60), 0, (void *)5, -1 }");
    cases.add("struct Ping", Ping { pong: P::new(1), link: Link(P::new(2)) }, "{ (void *)1, (void *)2 }");
    cases.add("enum Color", Color::Blue, "COLOR_BLUE");
    cases.add("enum Sign", Sign::Least, "Least");
    cases.add("enum Wide", Wide::Most, "Most");
    let bits = Bits {
        a: 5,
        b: true,
        c: -3,
        d: 255,
        e: -64,
        f: 1 << 39,
        g: 0x155_5555,
        color: Color::Green,
        full: -9,
    };
    let c_bits = "{ 5, 1, -3, 255, -64, 1ull << 39, 0x1555555, Green, -9 }";
    cases.add("struct Bits", bits, c_bits);
    cases.add(
        "struct PackedBits",
        PackedBits { a: 9, b: -5, c: 0x1234, d: Sign::Minus },
        "{ 9, -5, 0x1234, Minus }",
    );
    cases.add(
        "union Either",
        Either::v6.make([1, 2, 3, 4, 5, 6, 7, 8]).unwrap(),
        "{ .v6 = {1,2,3,4,5,6,7,8} }",
    );
    let pair = Pair(1, Half { a: 2, b: 3, c: 4 });
    let outer = Outer {
        bits,
        sign: Sign::Minus,
        either: Either::event.make(event).unwrap(),
        pairs: [pair; 2],
        wide: Wide::Shift,
        color: [Color::Red, Color::Green, Color::Blue],
        tail: [],
    };
    cases.add(
        "struct Outer",
        outer,
        &format!(
            "{{ {c_bits}, Minus, {{ .event = {c_event} }}, {{ {{ 1, {{ 2, 3, 4 }} }}, {{ 1, {{ 2, 3, 4 }} }} }}, \
             Shift, {{ Red, Green, COLOR_BLUE }} }}"
        ),
    );
    cases.add("struct Empty", Empty {}, "{}");
    compare(&cases);
}

fn compare(cases: &Cases) {
    let dir = TempDir::new();
    let (source, object) = (dir.file("in.c"), dir.file("in.o"));
    fs::write(&source, &cases.c).unwrap();
    let target = if cfg!(target_endian = "big") { "bpfeb" } else { "bpfel" };
    let target = format!("--target={target}");
    if !run("clang-22", &[&target, &"-std=gnu17", &"-g", &"-O2", &"-c", &source, &"-o", &object]) {
        return;
    }
    let section = |name: &str| {
        let file = dir.file("section");
        let dump = format!("--dump-section={name}={}", file.display());
        run("llvm-objcopy-22", &[&dump, &object, &dir.file("copy.o")]).then(|| fs::read(file).unwrap())
    };
    let Some(types) = section(".BTF") else { return };
    let btf = Btf::parse(&types).unwrap();
    for (n, ours) in cases.ours.iter().enumerate() {
        let var = btf.find_by_name(Kind::Var, &format!("v{n}")).unwrap();
        let Type::Var(var) = btf.ty(var) else { panic!("found by its kind") };
        assert_eq!(ours.text, describe(&btf, var.ty), "{}", ours.c);
        // Nothing of no size is in a section.
        if !ours.bytes.is_empty() {
            assert_eq!(Some(&ours.bytes), section(&format!("s{n}")).as_ref(), "the bytes of {}", ours.c);
        }
    }
}

/// All that the type says, except for what is behind pointers.
fn describe(btf: &Btf, id: TypeId) -> String {
    let name = btf.name(id);
    let kind = btf.kind(id).map_or("", Kind::short_name);
    match btf.ty(id) {
        Type::Ptr(to) => format!("*{}", pointee(btf, to)),
        Type::Array(array) => {
            format!("[{}; {} by {}]", describe(btf, array.elem), array.len, describe(btf, array.index))
        }
        Type::Int(int) => format!("{name}({} {} {:?})", int.size, int.bits, int.encoding),
        Type::Float { size } => format!("{name}({size})"),
        Type::Typedef(to) => format!("{name} = {}", describe(btf, to)),
        Type::Struct(body) | Type::Union(body) => {
            let member = |member: &skep_btf::Member| {
                let (name, ty) = (btf.string(member.name), describe(btf, member.ty));
                format!("\n{name} @{} :{} {ty}", member.bit_offset, member.bitfield_size)
            };
            format!(
                "{kind} {name}({}) {{{}\n}}",
                body.size,
                body.members.iter().map(member).collect::<String>()
            )
        }
        Type::Enum(body) | Type::Enum64(body) => {
            let value = |v: &skep_btf::Enumerator| format!("{} = {}, ", btf.string(v.name), body.number(v));
            let values = body.values.iter().map(value).collect::<String>();
            format!("{kind} {name}({} {}) {{ {values}}}", body.size, body.signed)
        }
        other => panic!("{other:?}"),
    }
}

/// What a pointer leads to, by name: of a struct that is only pointed to, clang writes no more.
fn pointee(btf: &Btf, id: TypeId) -> String {
    match btf.ty(id) {
        Type::Void => "void".to_owned(),
        Type::Ptr(to) => format!("*{}", pointee(btf, to)),
        _ => btf.name(id).to_owned(),
    }
}
