//! Names of the host.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use skep_vm::host::Signature;
use skep_vm::{Access, Hosts, Trap, TrapKind};

use crate::support::{
    COMPILERS, Compiler, Mode, assemble, both, checked, output, read, refusal, run, trusting,
};

/// Offers a C function under a prototype.
fn offer(hosts: Hosts, prototype: &str, address: *const ()) -> Hosts {
    let (name, signature) = Signature::parse(prototype).unwrap();
    // SAFETY: the tests' prototypes are those of their functions.
    unsafe { hosts.function(name, signature, address) }
}

#[test]
fn c_functions_print_and_copy() {
    let program = r#"
        .globl main
main:   r6 = 3000000000 ll
        r1 = numbers ll
        r2 = -1
        r3 = r6
        r4 = -5000000000 ll
        call printf
        r1 = line ll
        call puts
        r1 = 16
        call malloc
        r6 = r0
        r1 = r6
        r2 = line ll
        r3 = 7
        call memcpy
        r1 = r6
        r2 = line ll
        r3 = 7
        call memcmp
        r7 = r0
        r1 = r6
        call strlen
        r8 = r0
        r1 = results ll
        r2 = r7
        r3 = r8
        r4 = r6
        call printf
        r1 = r6
        call free
        r1 = variable ll
        call getenv
        r1 = r0
        call puts
        r1 = stderr ll
        r1 = *(u64 *)(r1 + 0)
        r2 = numbers ll
        r3 = 1
        r4 = 2
        r5 = 3
        call fprintf
        r0 = 0
        exit
        .section .rodata
numbers:  .asciz "%d %u %ld\n"
line:     .asciz "a line"
results:  .asciz "%d %d %s\n"
variable: .asciz "SKEP_VM_VARIABLE"
"#;
    let printed = output(Mode::Host, program.as_bytes());
    assert_eq!(printed.out, "-1 3000000000 -5000000000\na line\n0 6 a line\nfrom the environment\n");
    assert_eq!(printed.err, "1 2 3\n");
}

extern "C" fn narrow(a: i8, b: u16, c: i32, d: bool) -> i16 {
    // Volatile-like: the compiler must use the registers as the convention says.
    let sum = i64::from(a) * 1_000_000 + i64::from(b) * 10 + i64::from(c) + i64::from(d);
    i16::try_from(sum.rem_euclid(1000)).unwrap() - 500
}

extern "C" fn wide(a: i64, b: u32) -> u64 {
    a.cast_unsigned().wrapping_add(b.into())
}

extern "C" fn negative(_: i32) -> i32 {
    -7
}

extern "C" fn large(_: i32) -> u32 {
    0xffff_fff0
}

extern "C" fn byte(value: u8) -> u8 {
    value
}

extern "C" fn truth(value: i32) -> bool {
    value != 0
}

extern "C" fn nothing(_: i32) {}

#[test]
fn small_and_signed_values_are_extended() {
    let check = |prototype: &str, address: *const (), args: &[u64], expected: u64| {
        let (name, _) = Signature::parse(prototype).unwrap();
        let image = assemble(&format!(".globl main\nmain: r0 = -1\n call {name}\n exit\n"));
        let hosts = offer(Hosts::new(), prototype, address);
        for (mode, unit) in both(&hosts, &image) {
            assert_eq!(run(&unit, args), Ok(expected), "{prototype} {args:x?} {mode}");
        }
    };
    let narrow_type = "short narrow(signed char a, unsigned short b, int c, bool d)";
    let model = |a: i8, b: u16, c: i32, d: bool| i64::from(narrow(a, b, c, d)).cast_unsigned();
    for (args, expected) in [
        ([1, 2, 3, 1], model(1, 2, 3, true)),
        ([0x80, 0x1_ffff, 0x1_8000_0000, 0x100], model(-128, 0xffff, i32::MIN, false)),
        ([u64::MAX, u64::MAX, u64::MAX, u64::MAX], model(-1, 0xffff, -1, true)),
    ] {
        check(narrow_type, narrow as *const (), &args, expected);
    }
    check("long wide(long a, unsigned b)", wide as *const (), &[1 << 40, 0xf_0000_0001], (1 << 40) + 1);
    check("int negative(int x)", negative as *const (), &[0], (-7_i64).cast_unsigned());
    check("unsigned large(int x)", large as *const (), &[0], 0xffff_fff0);
    check("uint8_t byte(uint8_t x)", byte as *const (), &[0x1ff], 0xff);
    check("bool truth(int x)", truth as *const (), &[1 << 32], 0);
    check("bool truth(int x)", truth as *const (), &[8], 1);
    check("void nothing(int x)", nothing as *const (), &[8], 0);
}

/// The same, from the prototypes that compilers write into the types of a program.
#[test]
fn prototypes_of_the_program_are_used() {
    for compiler in COMPILERS {
        let Some(object) = compiler.compile("prototypes.c") else { continue };
        let unit = trusting(&Hosts::new().process()).add(&read(&object)).unwrap();
        for (_, func) in unit.image().funcs_in(".text") {
            let func = unit.func(&func.name).unwrap();
            assert_eq!(func.call(&[]).unwrap(), 0, "line of the failure in {} by {compiler:?}", func.name());
        }
    }
}

#[test]
fn headers_go_together() {
    // Where Debian has the C library's headers. They want to know a machine, and know none called BPF.
    let libc: &[&str] = if cfg!(target_arch = "aarch64") {
        &["--target=bpf", "-g", "-O2", "-idirafter", "/usr/include/aarch64-linux-gnu", "-D__aarch64__"]
    } else {
        &["--target=bpf", "-g", "-O2", "-idirafter", "/usr/include/x86_64-linux-gnu", "-D__x86_64__"]
    };
    let compiler = Compiler { command: "clang-22", args: libc };
    for source in ["headers.c", "headers_first.c"] {
        let Some(object) = compiler.compile(source) else { continue };
        let unit = trusting(&Hosts::new().process()).add(&read(&object)).unwrap();
        assert_eq!(run(&unit, &[]), Ok(0), "{source}");
    }
}

#[test]
fn hosts_are_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>(_: &T) {}
    shared(&Hosts::new());
}

#[test]
fn prototypes_that_registers_cannot_serve_are_refused() {
    let floats = COMPILERS[2];
    let Some(object) = floats.compile("floats.c") else { return };
    let error = refusal(trusting(&Hosts::new().process()).add(&read(&object)));
    assert!(error.starts_with("cannot use symbol 'div', used at main+0x20 ("), "{error}");
    assert!(
        error.ends_with(
            "floats.c:9): the result of its prototype is struct 'div_result', which C cannot return to BPF"
        ),
        "{error}"
    );
}

#[test]
fn closures_see_the_program() {
    let program = assemble(
        "
        .globl main
main:   *(u32 *)(r10 - 8) = 7
        r1 = r10
        r1 += -8
        r2 = twice ll
        call visit
        exit
twice:  r0 = r1
        r0 += r0
        exit
",
    );
    let calls = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&calls);
    let hosts = Hosts::new().closure("visit", Signature::RAW, move |cx, [addr, callback, ..]| {
        counter.fetch_add(1, Ordering::Relaxed);
        let mut word = [0; 4];
        cx.read(addr, &mut word)?;
        assert!(cx.is_func(callback));
        assert_eq!(cx.func_name(callback), Some("twice"));
        cx.call(callback, [u32::from_ne_bytes(word).into(), 0, 0, 0, 0])
    });
    for (mode, unit) in both(&hosts, &program) {
        assert_eq!(run(&unit, &[]), Ok(14), "{mode}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[test]
fn a_closure_may_end_the_run() {
    let program = assemble(".globl main\nmain: call fail\n exit\n");
    let fail = |cx: &mut skep_vm::Cx<'_>, _: [u64; 5]| match cx.pointer(8, 4, Access::Read) {
        Ok(_) => Ok(0),
        Err(trap) => Err(trap),
    };
    for (mode, unit) in both(&Hosts::new().closure("fail", Signature::RAW, fail), &program) {
        let trap: Box<Trap> = unit.func("main").unwrap().call(&[]).unwrap_err();
        assert!(matches!(trap.kind, TrapKind::Access { addr: 8, len: 4, .. }), "{mode}");
        assert_eq!(trap.trace[0].func, "main");
    }
}

#[test]
fn missing_names_are_errors_before_anything_runs() {
    let program = assemble(
        "
        .globl main
main:   call prinft
        r1 = stdrr ll
        call prinft
        exit
",
    );
    assert_eq!(
        refusal(trusting(&Hosts::new().process()).add(&program)),
        "undefined symbol 'prinft', used at main+0x0 (test.s:3), main+0x18 (test.s:5): neither the program, nor the host, nor a library of \
         this process defines it; did you mean 'printf', 'dprintf' or 'fprintf'?\n\
         undefined symbol 'stdrr', used at main+0x8 (test.s:4): neither the program, nor the host, nor a library of this process \
         defines it; did you mean 'stderr'?"
    );
    let error = refusal(checked(&Hosts::new().process()).add(&program));
    assert!(
        error.contains("a checked program may use registered names only; register it with a signature"),
        "{error}"
    );
}

#[test]
fn weak_names_may_be_missing() {
    let program = assemble(
        "
        .weak absent
        .globl main
main:   r1 = absent ll
        r0 = 1
        if r1 == 0 goto +1
        call absent
        exit
",
    );
    for (mode, unit) in both(&Hosts::new().process(), &program) {
        assert_eq!(run(&unit, &[]), Ok(1), "{mode}");
    }
}

#[test]
fn bpf_functions_are_not_passed_to_c() {
    let program = assemble(
        "
        .globl main
main:   r1 = r10
        r1 += -8
        r2 = 2
        r3 = 4
        r4 = compare ll
        call qsort
        exit
compare:
        r0 = 0
        exit
",
    );
    let unit = trusting(&Hosts::new().process()).add(&program).unwrap();
    assert_eq!(
        run(&unit, &[]).unwrap_err().to_string(),
        "qsort: argument 4 is the address of BPF function 'compare'; C can call BPF functions only when they are \
         compiled to native code"
    );
}

#[test]
fn addresses_of_host_functions_can_be_called() {
    let program = assemble(
        "
        .globl main
main:   r3 = negative ll
        callx r3
        exit
",
    );
    let hosts = offer(Hosts::new(), "int negative(int x)", negative as *const ());
    for (mode, unit) in both(&hosts, &program) {
        assert_eq!(run(&unit, &[]), Ok((-7_i64).cast_unsigned()), "{mode}");
    }
}

#[test]
fn variables_are_shared_and_bounded() {
    let program = assemble(
        "
        .globl main
main:   r6 = counter ll
        r0 = *(u32 *)(r6 + 0)
        r0 += 1
        *(u32 *)(r6 + 0) = r0
        if r1 == 0 goto done
        r6 += r1
        r0 = *(u32 *)(r6 + 0)
done:   exit
",
    );
    let mut counters = [41_u32, 0];
    let address: *mut () = counters.as_mut_ptr().cast();
    // SAFETY: it lives until the end of the test.
    let hosts = unsafe { Hosts::new().variable("counter", address, 4, true) };
    for (mode, unit) in both(&hosts, &program) {
        assert!(run(&unit, &[0]).is_ok(), "{mode}");
    }
    // SAFETY: as above.
    assert_eq!(unsafe { address.cast::<u32>().read_volatile() }, 43);
    let beyond = run(&checked(&hosts).add(&program).unwrap(), &[4]).unwrap_err();
    assert!(matches!(beyond, TrapKind::Access { access: Access::Read, len: 4, .. }), "{beyond}");
    // SAFETY: as above.
    let hosts = unsafe { Hosts::new().variable("counter", address, 4, false) };
    let trap = run(&checked(&hosts).add(&program).unwrap(), &[0]).unwrap_err().to_string();
    assert!(trap.contains("write of 4 bytes") && trap.contains("'counter'"), "{trap}");
}

extern "C" fn sum(bytes: *const u8, len: usize) -> u64 {
    // SAFETY: the caller has `len` bytes there.
    unsafe { std::slice::from_raw_parts(bytes, len) }.iter().map(|byte| u64::from(*byte)).sum()
}

extern "C" fn opaque(_: *const c_void) -> u64 {
    5
}

/// A call of `name` with what the lines set up.
fn calling(name: &str, setup: &str) -> String {
    format!(
        "
        .globl main
main:   {}
        call {name}
        exit
other:  r0 = 0
        exit
        .data
        .globl text
text:   .ascii \"abcd\"
        .rodata
        .globl fixed
fixed:  .asciz \"fixed\"
",
        setup.replace(';', "\n")
    )
}

#[test]
fn checked_programs_pass_only_their_own_memory() {
    let hosts = Hosts::new().libc("strlen").unwrap().libc("memset").unwrap();
    let hosts = offer(hosts, "unsigned long sum(const char *bytes[n], unsigned long n)", sum as *const ());
    let hosts = offer(hosts, "unsigned long opaque(void *_Nullable p)", opaque as *const ());
    let ok = |name: &str, setup: &str, expected: u64| {
        let unit = checked(&hosts).add(&assemble(&calling(name, setup))).unwrap();
        assert_eq!(run(&unit, &[]), Ok(expected), "{name} {setup}");
    };
    ok("sum", "r1 = text ll; r2 = 4", 97 + 98 + 99 + 100);
    ok("sum", "r1 = 1; r2 = 0", 0);
    ok("strlen", "r1 = fixed ll", 5);
    ok("opaque", "r1 = 0", 5);
    ok("sum", "*(u64 *)(r10 - 8) = 3; r1 = r10; r1 += -8; r2 = 8", 3);
    let refused = |name: &str, setup: &str, expected: &str| {
        let unit = checked(&hosts).add(&assemble(&calling(name, setup))).unwrap();
        let trap = run(&unit, &[]).unwrap_err().to_string();
        assert!(trap.starts_with(&format!("{name}: {expected}")), "{name} {setup}: {trap}");
    };
    refused("sum", "r1 = text ll; r2 = 4096", "argument 1: read of 4096 bytes at 0x");
    refused("sum", "r1 = text ll; r2 = -1", "argument 1: read of 18446744073709551615 bytes at 0x");
    refused("sum", "r1 = 0; r2 = 0", "argument 1: null, expected an address");
    refused("sum", "r1 = 8; r2 = 4", "argument 1: read of 4 bytes at 0x8 lies outside the program's memory");
    refused("strlen", "r1 = 8", "argument 1: no C string: read of 1 bytes at 0x8 lies outside");
    refused("strlen", "r1 = 0", "argument 1: no C string: ");
    refused("memset", "r1 = fixed ll; r2 = 0; r3 = 2", "argument 1: write of 2 bytes at 0x");
    refused("opaque", "r1 = r10", "argument 1: how much memory the function uses there is not declared");
    let unterminated = "*(u64 *)(r10 - 8) = -1; r1 = r10; r1 += -8";
    refused("strlen", unterminated, "argument 1: no C string: read of 9 bytes at 0x");
}

#[test]
fn checked_programs_call_nothing_that_cannot_be_checked() {
    let program = assemble(".globl main\nmain: call printf\n exit\n");
    let (name, signature) = Signature::parse("int printf(const char *format, ...)").unwrap();
    // SAFETY: that is its prototype.
    let hosts = unsafe { Hosts::new().function(name, signature, libc::printf as *const ()) };
    assert_eq!(
        refusal(checked(&hosts).add(&program)),
        "cannot use symbol 'printf', used at main+0x0 (test.s:2): it takes any number of arguments, which cannot be checked; \
         register a closure in its place, or use print() of skep/user.h"
    );
}

#[test]
fn hosts_add_helpers_by_number() {
    let program = assemble(".globl main\nmain: r1 = 20\n r2 = 22\n call 12345\n exit\n");
    let hosts = Hosts::new().helper(12_345, "add", |_, [a, b, ..]| Ok(a + b)).unwrap();
    for (mode, unit) in both(&hosts, &program) {
        assert_eq!(run(&unit, &[]), Ok(42), "{mode}");
    }
    let error = refusal(checked(&Hosts::new()).add(&program));
    assert!(error.contains("helper #12345 is unknown"), "{error}");
}
