//! What the translator makes of pieces of LLVM's language.

use skep_codegen::ir::{text, validate};
use skep_tests::sir::llvm;

/// The text of a module, without the line that names it.
fn translate(source: &str) -> String {
    let module = llvm::translate("case.ll", source).unwrap_or_else(|error| panic!("{error}"));
    validate::module(&module).unwrap_or_else(|diags| panic!("{diags}\n{}", text::print(&module)));
    let text = text::print(&module);
    let (_, rest) = text.split_once('\n').unwrap();
    rest.trim().to_owned()
}

#[track_caller]
fn check(source: &str, expected: &str) {
    let found = translate(source);
    assert_eq!(found, expected.trim(), "\n{found}");
}

#[track_caller]
fn refused(source: &str, expected: &str) {
    let error = llvm::translate("case.ll", source).expect_err("a refusal");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_compare_becomes_part_of_its_branch_and_a_phi_a_parameter() {
    check(
        "define i32 @max(i32 %0, i32 %1) {
           %3 = icmp slt i32 %0, %1
           br i1 %3, label %4, label %5
         4:
           br label %5
         5:
           %6 = phi i32 [ %1, %4 ], [ %0, %2 ]
           ret i32 %6
         }",
        "
fn @max(i32, i32) -> i32 {
b0(v0: i32, v1: i32):
  br.slt v0, v1, b1, b2(v0)
b1:
  jump b2(v1)
b2(v2: i32):
  ret v2
}",
    );
}

#[test]
fn addresses_are_laid_out() {
    check(
        "%pair = type { i8, i64, [4 x %point] }
         %point = type { i16, i16 }
         define i16 @y(ptr %p, i64 %i) {
         entry:
           %at = getelementptr inbounds %pair, ptr %p, i64 2, i32 2, i64 %i, i32 1
           %y = load volatile i16, ptr %at, align 2
           ret i16 %y
         }",
        "
fn @y(ptr, i64) -> i16 {
b0(v0: ptr, v1: i64):
  v2 = shl i64 v1, 2
  v3 = ptradd v0, v2, 82
  v4 = load.u16 i16 [v3] volatile
  ret v4
}",
    );
}

#[test]
fn helpers_are_called_by_number() {
    check(
        "@bpf_get_prandom_u32 = internal constant ptr inttoptr (i64 7 to ptr), align 8
         define i64 @now() {
           %1 = call i64 inttoptr (i64 5 to ptr)()
           %2 = load ptr, ptr @bpf_get_prandom_u32, align 8
           %3 = call i32 %2()
           ret i64 %1
         }",
        "
fn @now() -> i64 {
b0:
  v0 = call i64 bpf_ktime_get_ns()
  v1 = symbol @bpf_get_prandom_u32
  v2 = load.u64 ptr [v1]
  v3 = call i32 bpf_get_prandom_u32()
  ret v0
}

local global @bpf_get_prandom_u32 = i64 7 const",
    );
}

#[test]
fn a_packet_pointer_of_the_context_is_a_pointer_from_the_start() {
    check(
        "define ptr @data(ptr %ctx) {
           %narrow = load i32, ptr %ctx, align 4
           %wide = zext i32 %narrow to i64
           %data = inttoptr i64 %wide to ptr
           ret ptr %data
         }",
        "
fn @data(ptr) -> ptr {
b0(v0: ptr):
  v1 = load.u32 ptr [v0]
  ret v1
}",
    );
}

#[test]
fn contents_of_variables() {
    let text = translate(
        r#"@text = private constant [4 x i8] c"a\00\FFb", align 1
           @mixed = global { i8, i32, ptr } { i8 1, i32 -2, ptr getelementptr (i8, ptr @text, i64 2) }, align 8
           @zero = internal global [3 x i64] zeroinitializer, section ".bss.x", align 8
           @license = global [4 x i8] c"GPL\00", section "license""#,
    );
    for line in ["license \"GPL\"", "@text", "@mixed", "@zero"] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
    let mixed = text.lines().find(|line| line.contains("@mixed")).unwrap();
    assert!(mixed.contains("i8 1, zeros 3, i32 -2, @text +2"), "{mixed}");
}

#[test]
fn a_map_is_what_its_type_says() {
    let text = translate(
        r#"%struct.anon = type { ptr, ptr, ptr }
           @counts = global %struct.anon zeroinitializer, section ".maps", align 8, !dbg !0
           !0 = !DIGlobalVariableExpression(var: !1, expr: !DIExpression())
           !1 = distinct !DIGlobalVariable(name: "counts", type: !2)
           !2 = distinct !DICompositeType(tag: DW_TAG_structure_type, size: 192, elements: !3)
           !3 = !{!4, !5, !6}
           !4 = !DIDerivedType(tag: DW_TAG_member, name: "type", baseType: !7, size: 64)
           !5 = !DIDerivedType(tag: DW_TAG_member, name: "max_entries", baseType: !10, size: 64, offset: 64)
           !6 = !DIDerivedType(tag: DW_TAG_member, name: "key", baseType: !13, size: 64, offset: 128)
           !7 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !8, size: 64)
           !8 = !DICompositeType(tag: DW_TAG_array_type, baseType: !14, size: 64, elements: !9)
           !9 = !{!15}
           !10 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !11, size: 64)
           !11 = !DICompositeType(tag: DW_TAG_array_type, baseType: !14, size: 64, elements: !12)
           !12 = !{!16}
           !13 = !DIDerivedType(tag: DW_TAG_pointer_type, baseType: !14, size: 64)
           !14 = !DIBasicType(name: "int", size: 32, encoding: DW_ATE_signed)
           !15 = !DISubrange(count: 1)
           !16 = !DISubrange(count: 64)"#,
    );
    let map = text.lines().find(|line| line.contains("@counts")).unwrap_or_else(|| panic!("{text}"));
    for part in ["hash", "64", "s32"] {
        assert!(text.contains(part), "{part} in {map}\n{text}");
    }
}

#[test]
fn overflow_rotation_and_saturation() {
    let text = translate(
        "define i32 @f(i32 %a, i32 %b) {
           %1 = call { i32, i1 } @llvm.umul.with.overflow.i32(i32 %a, i32 %b)
           %2 = extractvalue { i32, i1 } %1, 1
           %3 = extractvalue { i32, i1 } %1, 0
           %4 = call i32 @llvm.fshl.i32(i32 %a, i32 %a, i32 7)
           %5 = call i32 @llvm.usub.sat.i32(i32 %3, i32 %4)
           %6 = select i1 %2, i32 %5, i32 0
           ret i32 %6
         }
         declare { i32, i1 } @llvm.umul.with.overflow.i32(i32, i32)
         declare i32 @llvm.fshl.i32(i32, i32, i32)
         declare i32 @llvm.usub.sat.i32(i32, i32)",
    );
    assert_eq!(text.matches("select").count(), 3, "{text}");
    assert!(!text.contains("llvm"), "{text}");
}

#[test]
fn inline_assembly_in_our_words() {
    let text = translate(
        r#"define i64 @f(i64 %a, i64 %b) {
             %1 = call i64 asm sideeffect "$0 += ${1:w};\0A /* a comment */ w0 = 1;", "=r,r,0,~{r0},~{memory}"(i64 %a, i64 %b)
             %2 = call i64 asm "", "=r,0"(i64 %1)
             ret i64 %2
           }"#,
    );
    assert!(text.contains("pin"), "{text}");
    assert!(text.contains("%0 += %w2"), "{text}");
    assert!(!text.contains("comment"), "{text}");
}

#[test]
fn what_the_ir_has_not_is_named_with_its_line() {
    refused(
        "define void @f() {\n  %x = alloca double, align 8\n  %y = load double, ptr %x, align 8\n  ret void\n}",
        "case.ll:3: values of type double are not supported: `%y = load double, ptr %x, align 8`",
    );
    refused(
        "define i128 @f(i128 %x) {\n  ret i128 %x\n}",
        "case.ll:1: values of type i128 are not supported: `define i128 @f(i128 %x) {`",
    );
    refused(
        "define i32 @f(i32 %x) {\n  %y = fneg i32 %x\n  ret i32 %y\n}",
        "case.ll:2: instruction 'fneg' is not supported: `%y = fneg i32 %x`",
    );
    refused("define i32 @f(i32 %x) {\n  ret %x\n}", "case.ll:3: found '}', expected a value: `}`");
    refused(
        "define void @f(ptr %p, ptr %q, i64 %n) {\n  call void @llvm.memcpy.p0.p0.i64(ptr %p, ptr %q, i64 %n, i1 false)\n  ret void\n}",
        "case.ll:2: a copy of a size that is not constant is not supported: \
         `call void @llvm.memcpy.p0.p0.i64(ptr %p, ptr %q, i64 %n, i1 false)`",
    );
}
