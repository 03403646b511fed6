//! Tells the interpreter whether the compiler turns `return handler(..)` into a jump: it does when it optimizes.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(skep_tail_calls)");
    println!("cargo::rerun-if-changed=build.rs");
    let optimized = matches!(std::env::var("OPT_LEVEL").as_deref(), Ok("2" | "3" | "s"));
    let instrumented = std::env::var("CARGO_ENCODED_RUSTFLAGS")
        .is_ok_and(|flags| flags.contains("sanitizer") || flags.contains("instrument-coverage"));
    if optimized && !instrumented {
        println!("cargo::rustc-cfg=skep_tail_calls");
    }
}
