//! What tests tell even when they pass: counts, and what they skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

/// Writes a line to stderr; the test harness does not capture it.
pub fn tell(line: &str) {
    // There is nowhere to report that stderr is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Tells that something was not tested.
///
/// # Panics
/// If nothing may be skipped: `SKEP_REQUIRE=all`.
pub fn skip(what: &str, reason: &str) {
    tell(&format!("skipped: {what}: {reason}"));
    assert!(std::env::var("SKEP_REQUIRE").as_deref() != Ok("all"), "{what} may not be skipped: {reason}");
}

/// How often things were seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<String, u64>);

impl Counts {
    /// Adds to a count.
    pub fn add(&mut self, what: &str, times: u64) {
        match self.0.get_mut(what) {
            Some(count) => *count += times,
            None => {
                self.0.insert(what.to_owned(), times);
            }
        }
    }

    /// The sum of all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// In columns, as wide as a terminal.
    #[must_use]
    pub fn table(&self) -> String {
        let width = self.0.keys().map(String::len).max().unwrap_or(0);
        let columns = (110 / (width + 11)).max(1);
        let mut text = String::new();
        for (index, (what, count)) in self.0.iter().enumerate() {
            let end = if index % columns == columns - 1 { "\n" } else { "   " };
            let _ = write!(text, "{what:width$} {count:7}{end}");
        }
        text.trim_end().to_owned()
    }
}
