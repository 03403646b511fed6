//! The text form, both ways.

use skep_codegen::ir::text;

/// A text with everything in it, as it is printed.
pub(crate) const ALL: &str = r#"module "all.c"
license "GPL"

type $event = struct { pid: u32, comm: [16]char, next: *$event }
type $1 = union "event" { a: u8, "": $bits }
type $bits = struct size 12 {
  a: u32 bits 3,
  b: u32 bits 30 at 4:1,
  c: u8 at 9,
  "odd name": u8,
  "9": *void at 2,
}
type $empty = struct {}
type $long = struct {
  first_member: *const volatile restrict char,
  second_member: *fn(pid: u32, *$event, $flags, ...) -> s32,
  third_member: [2][3, u32]tag "user" $kuid_t,
}
type $flags = enum { A = 0, B = 4294967295 }
type $kuid_t = typedef ulong
type $e2 = enum size 1 signed { M = -1 }
type $e3 = enum64 { BIG = 18446744073709551615 }
type $9 = enum64 "e3" signed { SMALL = -9223372036854775808 }
type $fwd = fwd struct
type $11 = fwd union "event"
type $double = float 8
type $bitint = int 4 signed bits 3 offset 2
type $int = int 8 signed
type $main = func global fn(ctx: *void) -> s32
type $var = var static $event
type $.data = datasec size 36 { $var at 4 size 32 }
type $tag = decl_tag $event component 1
type $attr = decl_tag $event attribute
type $20 = attribute "attr" *$e2
type $21 = fn()

core c0 = field_byte_offset $event "0:1" 4
core c1 = type_size $bits "0" -1

map @typed = hash key $event value u64 entries 1
map @odd = hash key [3]u8 size 4 value const $bits
map @progs = prog_array key 4 value 4 programs fn(ctx: *void) -> s32
map @hits = hash key 4 value 8 entries 10240 flags 1 numa 0 extra 5 pinned
map @inner = array key 4 value 8 entries 1 !7
local map @outer = array_of_maps key 4 value 4 entries 2 maps (array key 4 value 8 entries 1) init [0: @inner, 1: @inner] section ".maps" !8:1
map @new = 99

global @count = i64 0 type s64
weak global @limit = i32 -1, "a\"\\\n\x00\xff", zeros 3, @count, @count +8 size 64 align 16 const type [64]u8 section ".rodata.x" !"b.h":3
global @"odd name" size 8 align 4

extern @bpf_kfunc(ptr, i64) -> i64
weak extern @jiffies type ulong section ".ksyms"
extern @printf(ptr, ...) -> i32

local fn @square(i64) -> i64 section "xdp" inline never type fn(x: long) -> long !12:5 {
  slot s0 64 align 8 "buf"
  slot s1 4 align 4
b0(v0: i64 !12:12):
  v1 = mul i64 v0, v0                           !13:5
  v2 = add i64 v1, 0x123456789                  !"b.h":1
  v3 = slot s0
  store.32 v2, [v3+8] volatile align 1
  store.32 7, [v3-8]
  store.32 i64 -1, [v3]
  store.64 ptr null, [v3]
  v4 = load.u16 i32 [v3+2] align 1
  v5 = load.s8 i64 [v3] acquire
  v6 = load.u32 ptr [v0+76]
  br.ult v1, 5, b1(v4), b2                      !14
b1(v7: i32):
  switch v7 [1: b2, -1: b3(v4), 0xfffe0000: b1(7)], b4
b2:
  v8 = symbol @hits
  v9 = call ptr bpf_map_lookup_elem(v8, v3)
  call @bpf_kfunc(v8, 17)
  v10 = call i64 helper 9999(i32 1, 2)
  v11 = call i32 @printf(v3, 8, i32 8, ptr null)
  v12 = call i64 @square(-1)
  v13 = call i64 v9(1)
  v14 = cmp.eq v9, null
  v15 = cmp.slt i8 -1, 3
  v16 = cmp.set i8 1, v15
  br.eq v14, true, b3(9), b4
b3(v17: i32):
  v18 = select i32 v16, v17, 3
  v19 = select i32 true, 0x12345, -65535
  v20 = ptradd v3, v12, 8
  v21 = ptradd v3, v12
  v22 = ptradd v3, 8
  v23 = ptradd ptr.arena null, i64 8
  v24 = ptradd v3, i64 8, -8
  v25 = ptrdiff v3, null
  v26 = zext i64 v18
  v27 = sext i64 i32 -1
  v28 = ptrtoint i64 v3
  v29 = inttoptr ptr v28
  v30 = spacecast ptr.arena v3
  v31 = atomic.add.64 v26, [v3] seq_cst
  v32 = atomic.umax.32 1, [v3+8] relaxed align 1
  v33 = cmpxchg.8 1, 2, [v3] acq_rel
  fence release
  copy v3, v9, 16 align 8
  fill v3, 255, 16 align 1
  v34 = pin i64 v31
  v35 = symbol ptr.arena @count
  marker @here room 2
  marker @"there it is"
  v36 = asm i64 "%0 += %1"(v34, 3) tied memory volatile clobbers r1, r15
  asm "%w0 = 1"(v36)
  v37 = bswap i16 258
  v38 = const i64 5
  v39 = not i1 false
  v40 = core i64 c0
  may_goto b3(v17), b4
b4:
  ret 7
b5:
  unreachable
b6:
  open
b7:
  jump b4
}

fn @empty() {
b0:
  ret
}
"#;

#[test]
fn what_is_printed_is_read_and_printed_again() {
    let module = text::parse("all.sir", ALL).unwrap_or_else(|errors| panic!("{errors}"));
    let printed = text::print(&module);
    for (line, (found, expected)) in printed.lines().zip(ALL.lines()).enumerate() {
        assert_eq!(found, expected, "line {}", line + 1);
    }
    assert_eq!(printed.lines().count(), ALL.lines().count());
}

#[test]
fn long_texts_are_read_in_linear_time() {
    // Quadratic time would be minutes.
    let lines = 200_000;
    let wrong = "  v1 = call i64 bpf_map_lookup_elen(v0, v7)\n".repeat(lines);
    let errors = text::parse("long.sir", &format!("fn @f() {{\nb0:\n{wrong}}}\n")).unwrap_err();
    assert_eq!(errors.list.len(), 20);
    let right = "  call helper 7(1)\n".repeat(lines);
    let module = text::parse("long.sir", &format!("fn @f() {{\nb0:\n{right}  ret\n}}\n")).unwrap();
    assert_eq!(module.funcs[0].nodes.len(), 2 * lines);
    for bad in ["#", "v0 ", "type $a = *", "(", "fn @f(", "b0:\n", "\"\n", "!", "fn @f() {\n"] {
        assert!(text::parse("bad.sir", &bad.repeat(lines / 4)).is_err());
    }
}
