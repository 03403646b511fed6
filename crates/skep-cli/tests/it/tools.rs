//! Programs that tests run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file of the repository at this path.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Says what is skipped.
///
/// # Panics
/// If nothing may be skipped: with `SKEP_REQUIRE=all`.
pub(crate) fn skip(reason: &str) {
    assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "SKEP_REQUIRE=all: {reason}");
    eprintln!("skipped: {reason}");
}

/// Whether a tool can be run; if not, says what is skipped.
///
/// # Panics
/// If nothing may be skipped: with `SKEP_REQUIRE=all`.
pub(crate) fn has(tool: &str, skipped: &str) -> bool {
    let status = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = status.is_ok_and(|status| status.success());
    if !found {
        assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "SKEP_REQUIRE=all, but no {tool}");
        eprintln!("skipped: {skipped}: {tool} cannot be run");
    }
    found
}
