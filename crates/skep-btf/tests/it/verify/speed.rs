//! How long it takes.

use std::time::Instant;

use skep_btf::{Rules, verify};

use crate::tools::kernel;

#[test]
fn the_kernels_own_types_are_checked_at_once() {
    let Some(bytes) = kernel() else { return };
    let times = (0..5).map(|_| {
        let start = Instant::now();
        assert_eq!(verify(&bytes, &Rules::current()), Ok(()));
        start.elapsed()
    });
    let best = times.min().unwrap();
    eprintln!("{} bytes: {best:?}", bytes.len());
    // Ten times the goal, since other tests run at the same time, and the build may be a slow one.
    assert!(best.as_millis() < 500, "{best:?}");
}
