//! What happens when the verifier refuses what the optimizer has made.

use skep::codegen::ir;
use skep::{Build, Module, Opt, Options, V, kernel};

/// A program that hides a store from the optimizer, which then takes the pointer for null; as written, it is fine.
const LIE: &str = "
module \"lie.c\"
license \"GPL\"

fn @prog(ptr) -> i32 section \"xdp\" {
  slot s0 8 align 8 \"place\"
b0(v0: ptr):
  v1 = slot s0                                  !1
  store.64 0, [v1]                           !2
  asm \"*(u64 *)(%0 + 0) = %1\"(v1, v0) volatile  !3
  v2 = load.u64 ptr [v1]                        !4
  v3 = load.u32 i32 [v2+12] volatile            !5
  ret 2                                         !6
}
";

fn lie() -> ir::Module {
    ir::text::parse("lie.sir", LIE).unwrap_or_else(|errors| panic!("{errors}"))
}

/// Reads from a number, however it is compiled.
fn wrong() -> Module {
    let mut m = Module::new("wrong.c");
    m.license("GPL");
    m.program("xdp", "prog", |b, _| {
        let cookie = b.helper(skep::helpers::KTIME_GET_NS, ());
        let place: V<'_, skep::P<u32>> = cookie.cast();
        b.ret(place.load().cast::<i32>());
    });
    m
}

/// Nothing is wrong with it.
fn fine() -> Module {
    let mut m = Module::new("fine.c");
    m.program("xdp", "prog", |b, _| b.ret(2i32));
    m
}

/// Whether programs can be loaded here.
fn can_load() -> bool {
    match kernel::load(&fine()) {
        Ok(_) => true,
        Err(error) => {
            crate::skip(&format!("no program can be loaded here: {error}"));
            false
        }
    }
}

#[test]
fn a_refused_program_is_compiled_without_optimization() {
    if !can_load() {
        return;
    }
    let loaded = kernel::load(&lie()).unwrap();
    let [remark] = loaded.remarks() else { panic!("one remark, not {:?}", loaded.remarks()) };
    assert!(
        remark.starts_with("compiled again without optimization: the kernel refuses program 'prog'"),
        "{remark}"
    );
    assert!(remark.contains("invalid mem access 'scalar'") && remark.contains("lie.c:5"), "{remark}");
    assert!(loaded.program("prog").is_ok());
}

#[test]
fn what_is_taken_has_no_remark() {
    if !can_load() {
        return;
    }
    let plain = Options::new().opt(Opt::O0);
    for loaded in [kernel::load(&Build::new(&lie()).options(plain)), kernel::load(&fine())] {
        assert_eq!(loaded.unwrap().remarks(), [""; 0]);
    }
}

#[test]
fn the_refusal_is_the_error_where_nothing_is_tried_again() {
    if !can_load() {
        return;
    }
    let module = lie();
    let error = kernel::load(&Build::new(&module).fallback(false)).unwrap_err().to_string();
    assert!(error.contains("invalid mem access 'scalar'") && !error.contains("without it"), "{error}");
    let object = skep::codegen::compile(module, &Options::new()).unwrap();
    let error = kernel::load(&object).unwrap_err().to_string();
    assert!(error.contains("invalid mem access 'scalar'") && !error.contains("without it"), "{error}");
}

#[test]
fn a_program_that_is_wrong_is_refused_with_the_first_reason() {
    if !can_load() {
        return;
    }
    let error = kernel::load(&wrong()).unwrap_err().to_string();
    assert!(error.contains("invalid mem access 'scalar'") && error.contains("fallback.rs"), "{error}");
    assert!(
        error.ends_with(
            "it is not the optimizer: without it, the program is refused, too (for the same reason)"
        ),
        "{error}"
    );
}

#[test]
fn mistakes_of_a_module_are_told_before() {
    let mut m = Module::new("mistaken");
    m.program("xdp", "prog", |_, _| {});
    let error = kernel::load(&m).unwrap_err();
    assert!(error.to_string().starts_with("SK006 prog at "), "{error}");
}
