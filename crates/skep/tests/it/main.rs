//! The facade, as its users meet it.

mod accepted;
mod built;
mod clang_calls;
mod fallback;
mod in_memory;

/// Says that a test was left out, and why; where nothing may be left out, fails.
fn skip(reason: &str) {
    assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "must not be skipped: {reason}");
    eprintln!("skipped: {reason}");
}
