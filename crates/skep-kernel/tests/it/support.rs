//! What all tests of the kernel need.

use std::io::Write as _;
use std::process::Command;
use std::sync::OnceLock;

use skep_kernel::{Error, Loaded, Options, Prog, TestRun, load};
use skep_object::Image;
use skep_object::section::ProgType;

/// Writes a line to stderr; the test harness does not capture it.
pub(crate) fn tell(line: &str) {
    // There is nowhere to report that stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether this process may load programs. If not, that is told once; with `SKEP_REQUIRE=all` it is a failure.
pub(crate) fn may_load() -> bool {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let exit = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
        let refused = Prog::load_bytes(ProgType::XDP, &exit, "GPL").err()?;
        let reason = format!("all tests of the kernel: {refused}");
        tell(&format!("skipped: {reason}"));
        Some(reason)
    });
    required(reason.as_deref())
}

/// Whether tracepoints can be found; mounts their file system if it is not.
pub(crate) fn has_tracefs() -> bool {
    static REASON: OnceLock<Option<String>> = OnceLock::new();
    let reason = REASON.get_or_init(|| {
        let at = "/sys/kernel/tracing";
        let is_mounted = || std::path::Path::new(at).join("events").is_dir();
        if is_mounted() {
            return None;
        }
        tell(&format!("mounting tracefs at {at}, which stays mounted"));
        let status = Command::new("mount").args(["-t", "tracefs", "tracefs", at]).status();
        if is_mounted() {
            return None;
        }
        let reason = format!("tracepoints: tracefs cannot be mounted: {status:?}");
        tell(&format!("skipped: {reason}"));
        Some(reason)
    });
    required(reason.as_deref())
}

fn required(reason: Option<&str>) -> bool {
    let all = std::env::var("SKEP_REQUIRE").as_deref() == Ok("all");
    assert!(!all || reason.is_none(), "nothing may be skipped: {}", reason.unwrap_or_default());
    reason.is_none()
}

/// An image from assembly.
pub(crate) fn image(text: &str) -> Image {
    let object = skep_object::asm::assemble("test.s", text).unwrap_or_else(|errors| panic!("{errors}"));
    skep_link::link(&object, &skep_link::Options::new()).unwrap()
}

/// Loads assembly; a refusal is shown with its log.
pub(crate) fn loaded(text: &str) -> Loaded {
    match load(&image(text), &Options::new()) {
        Ok(loaded) => loaded,
        Err(Error::Refused(refusal)) => panic!("{refusal}\n{}", refusal.log),
        Err(error) => panic!("{error}: {:?}", std::error::Error::source(&error)),
    }
}

/// What a program returns for a packet of 64 zeros.
pub(crate) fn run(loaded: &Loaded, program: &str) -> u32 {
    loaded.program(program).unwrap().test_run(TestRun::new().data(&[0; 64])).unwrap().retval
}

/// Tells that something is not tested.
pub(crate) fn skip(reason: &str) {
    tell(&format!("skipped: {reason}"));
    required(Some(reason));
}
