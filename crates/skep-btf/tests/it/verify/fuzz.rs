//! Valid blobs and damaged ones: our verdict against the kernel's.
//!
//! A second's worth in each run; `SKEP_FUZZ_COUNT=100000 cargo test --release -p skep-btf --test it -- verify::fuzz --nocapture`
//! for more, `SKEP_FUZZ_SEED` for others. Differences are listed by class.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skep_btf::{Refusal, Rule, Rules, verify};

use super::{kernel, probes, sources};
use crate::random::Random;

#[test]
fn verdicts_are_the_kernels() {
    if !kernel::is_there() {
        return;
    }
    let number = |name| std::env::var(name).ok().map(|value| value.parse::<u64>().unwrap());
    let count = number("SKEP_FUZZ_COUNT");
    let seed = number("SKEP_FUZZ_SEED").unwrap_or(1);
    let mut tally = Tally::default();
    let sources = sources::Sources::new();
    let start = Instant::now();
    while count.map_or(start.elapsed() < Duration::from_secs(1), |count| tally.count < count) {
        let mut random = Random(seed.wrapping_mul(1 << 40).wrapping_add(tally.count));
        let (source, mut blob) = sources.pick(&mut random);
        let whole = verify(&blob, &Rules::current());
        *tally.whole.entry(format!("{source}: {}", rule(&whole))).or_default() += 1;
        if random.below(10) != 0 {
            sources::damage(&mut random, &mut blob);
        }
        tally.add(source, &blob);
    }
    eprintln!("{tally}in {:?}", start.elapsed());
    assert!(tally.verdicts.is_empty(), "verdicts differ:\n{tally}");
    assert!(tally.same * 1000 >= tally.refused * 995, "first bad types differ:\n{tally}");
}

/// How often we and the kernel agree.
#[derive(Default)]
struct Tally {
    count: u64,
    refused: u64,
    /// Error number, type and words are the same.
    same: u64,
    rules: BTreeMap<String, u64>,
    /// What we say to blobs before they are damaged.
    whole: BTreeMap<String, u64>,
    sources: BTreeMap<&'static str, (u64, u64)>,
    /// Taken by one and refused by the other: how often, and the first one.
    verdicts: BTreeMap<String, (u64, String)>,
    /// Refused by both, for other reasons.
    reasons: BTreeMap<String, (u64, String)>,
}

impl Tally {
    fn add(&mut self, source: &'static str, blob: &[u8]) {
        self.count += 1;
        let ours = verify(blob, &Rules::current());
        let theirs = kernel::ask(blob);
        let of_source = self.sources.entry(source).or_default();
        of_source.0 += 1;
        if theirs.errno == 0 {
            of_source.1 += 1;
        } else {
            self.refused += 1;
        }
        if let Err(refusal) = &ours {
            *self.rules.entry(format!("{:?}", refusal.rule)).or_default() += 1;
        }
        if probes::agrees(&ours, &theirs) {
            self.same += u64::from(theirs.errno != 0);
            return;
        }
        let is_verdict = ours.is_ok() != (theirs.errno == 0);
        let last = theirs.log.lines().next_back().unwrap_or_default();
        let class = format!("{} | kernel {} {}", rule(&ours), theirs.errno, class_of(last));
        let example =
            format!("ours {ours:?}, kernel {} {:?} {last}\n    {}", theirs.errno, theirs.id, words(blob));
        let place = if is_verdict { &mut self.verdicts } else { &mut self.reasons };
        place.entry(class).or_insert((0, example)).0 += 1;
    }
}

fn rule(ours: &Result<(), Refusal>) -> String {
    ours.as_ref().err().map_or("ok".to_owned(), |refusal| format!("{:?}", refusal.rule))
}

/// The kernel's words without names and numbers: all that stands behind the last of them.
fn class_of(line: &str) -> &str {
    let known =
        Rule::ALL.iter().map(|rule| rule.log().trim_end_matches(['#', '^'])).filter(|log| !log.is_empty());
    let found = known.filter_map(|log| line.rfind(log).map(|at| &line[at..])).max_by_key(|found| found.len());
    found.unwrap_or(if line.len() > 40 { "(a type)" } else { line })
}

/// A blob in hex, if it is small.
fn words(blob: &[u8]) -> String {
    const SHOWN: usize = 4000;
    if blob.len() > SHOWN {
        return format!("{} bytes", blob.len());
    }
    blob.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{} blobs: {} taken, {} refused, of which {} for the same type and reason",
            self.count,
            self.count - self.refused,
            self.refused,
            self.same
        )?;
        for (name, (count, taken)) in &self.sources {
            writeln!(f, "  {name}: {count}, of which {taken} taken")?;
        }
        let mut rules: Vec<_> = self.rules.iter().collect();
        rules.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let rules: Vec<String> = rules.into_iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        writeln!(f, "  by {} rules: {}", rules.len(), rules.join(", "))?;
        for (whole, count) in &self.whole {
            writeln!(f, "  before damage, {whole} {count}")?;
        }
        for (what, classes) in [("VERDICT", &self.verdicts), ("reason", &self.reasons)] {
            for (class, (count, example)) in classes {
                writeln!(f, "  {what} {count} x {class}\n    {example}")?;
            }
        }
        Ok(())
    }
}
