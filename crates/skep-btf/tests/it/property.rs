//! What holds for random input, valid and damaged.

use std::time::{Duration, Instant};

use skep_btf::{Btf, BtfBuilder, BtfExt, Kind, TypeId, oracle};

use crate::random::{Random, damage, damage_types, records, types};

/// How long each test here looks for a counterexample: a second, or as many as `SKEP_FUZZ_SECS` says.
fn time() -> Duration {
    let seconds =
        std::env::var("SKEP_FUZZ_SECS").map(|seconds| seconds.parse().expect("a number of seconds"));
    Duration::from_secs(seconds.unwrap_or(1))
}

/// As many seeds as there is time for, and some in any case.
pub(crate) fn seeds() -> impl Iterator<Item = u64> {
    let (start, time) = (Instant::now(), time());
    (0..).take_while(move |&seed| seed < 20 || start.elapsed() < time)
}

#[test]
fn valid_types_and_records_survive_a_round_trip() {
    let (start, time) = (Instant::now(), time());
    let mut seed = 0;
    while start.elapsed() < time {
        let mut random = Random(seed);
        let btf = types(&mut random);
        let endian = random.endian();
        assert!(oracle::btf(&btf.to_bytes(endian)).unwrap() == btf, "seed {seed}");
        let ext = records(&mut random, &btf);
        assert!(oracle::btf_ext(&ext.to_bytes(endian), &btf).unwrap() == ext, "seed {seed}");
        seed += 1;
    }
    eprintln!("{seed} sets");
    assert!(seed > 100, "only {seed} sets in {time:?}");
}

#[test]
fn damaged_bytes_are_read_or_refused() {
    let (start, time) = (Instant::now(), time());
    let (mut seed, mut read, mut refused) = (0, 0, 0);
    let mut count = |read_now: bool| if read_now { read += 1 } else { refused += 1 };
    while start.elapsed() < time {
        let mut random = Random(seed);
        let btf = types(&mut random);
        let endian = random.endian();
        let (types, records) = (btf.to_bytes(endian), records(&mut random, &btf).to_bytes(endian));
        for _ in 0..10 {
            let mut damaged = types.clone();
            damage(&mut random, &mut damaged);
            count(oracle::btf(&damaged).is_ok());
            count(oracle::btf(&damage_types(&mut random, &types, endian)).is_ok());
            let mut damaged = records.clone();
            damage(&mut random, &mut damaged);
            count(oracle::btf_ext(&damaged, &btf).is_ok());
        }
        seed += 1;
    }
    eprintln!("{seed} sets damaged: {read} read, {refused} refused");
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused in {time:?}");
}

#[test]
fn no_prefix_of_a_section_is_taken_for_the_whole() {
    let mut random = Random(7);
    let btf = types(&mut random);
    let (bytes, mut ext) = (btf.to_bytes(random.endian()), BtfExt::default());
    while ext.core_relo.is_empty() {
        ext = records(&mut random, &btf);
    }
    for len in 0..bytes.len() {
        assert!(oracle::btf(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
    }
    let bytes = ext.to_bytes(random.endian());
    for len in 0..bytes.len() {
        assert!(oracle::btf_ext(&bytes[..len], &btf).is_err(), "{len} of {} bytes", bytes.len());
    }
}

/// Names may share their ends, so that this section of 2.6 MB has 100 GB of names.
#[test]
fn long_shared_names_cost_no_more_than_their_bytes() {
    let mut words = Vec::new();
    for name in 1..100_000 {
        words.extend([name, 16 << 24, 8]);
    }
    let mut strings = vec![b'x'; 1_200_000];
    (strings[0], strings[1_199_999]) = (0, 0);
    let section = crate::faults::section(&words, &strings);
    let start = Instant::now();
    let btf = Btf::parse(&section).unwrap();
    assert_eq!(btf.find_by_name(Kind::Float, "x"), None);
    assert_eq!(btf.find_by_name(Kind::Float, btf.name(TypeId(77))), Some(TypeId(77)));
    assert_eq!(BtfBuilder::from(btf.clone()).build(), Ok(btf));
    let taken = start.elapsed();
    assert!(taken < Duration::from_secs(2), "{taken:?}");
}
