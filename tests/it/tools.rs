//! Where things are, and what can be run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The file of the repository at this path.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// Whether a tool can be run; if not, tells what is skipped, or fails if nothing may be.
pub(crate) fn has(tool: &str, skipped: &str) -> bool {
    let status = Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let found = status.is_ok_and(|status| status.success());
    if !found {
        skep_tests::report::skip(skipped, &format!("{tool} cannot be run"));
    }
    found
}
