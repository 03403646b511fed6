//! Random modules, compiled in every way and run on every engine, do what they mean.

use std::path::Path;
use std::time::{Duration, Instant};

use skep_codegen::{Endian, Opt, ir};
use skep_tests::kernel::Kernel;
use skep_tests::report::tell;
use skep_tests::sir::judge::{self, Case, Disagreement, Judge, Kind, Way};
use skep_tests::sir::shrink;

use crate::random::number;
use crate::sir::generated;

/// Programs that are tried however long it takes.
const PROGRAMS: u64 = 16;

/// `SKEP_FUZZ_SECS` says how long to go on, `SKEP_FUZZ_SEED` where to begin, `SKEP_FUZZ_COUNT` with how many programs;
/// what fails is written to the folder `SKEP_FUZZ_KEEP`.
#[test]
fn compiled_modules_do_what_they_mean() {
    let time = Duration::from_secs(number("SKEP_FUZZ_SECS", 1));
    let least = number("SKEP_FUZZ_COUNT", PROGRAMS);
    let first = number("SKEP_FUZZ_SEED", 0);
    let begun = Instant::now();
    let mut judge = Judge::with(Kernel::open_or_skip("random modules"));
    let mut failures: Vec<String> = Vec::new();
    let mut seed = first;
    while (begun.elapsed() < time || seed - first < least) && failures.len() < 10 {
        let case = generated(seed);
        if let Err(disagreement) = judge.compare(&case, ways(seed)) {
            failures.push(report(seed, &case, &disagreement));
        }
        seed += 1;
    }
    let tried = seed - first;
    let in_kernel = judge.accepted.total();
    let refused = judge.refused.total();
    eprintln!("told by the compiler\n{}", judge.told.table());
    eprintln!("accepted by the kernel\n{}", judge.accepted.table());
    eprintln!("refused by the kernel\n{}", judge.refused.table());
    eprintln!("refused by the kernel, but not unoptimized\n{}", judge.spoiled.table());
    tell(&format!(
        "random modules: {tried} compiled, {} pieces of code ran in user space, {} big-endian ones by the oracle, \
         {in_kernel} in the kernel, which refused {refused}",
        judge.ran, judge.ran_in_big,
    ));
    if let Some(dir) = std::env::var_os("SKEP_FUZZ_KEEP") {
        let examples = std::mem::take(&mut judge.examples);
        for (index, (reason, (way, case))) in examples.into_iter().enumerate() {
            let text = refused_in_short(&mut judge, &reason, way, &case);
            std::fs::write(Path::new(&dir).join(format!("refused-{index}.sir")), text).unwrap();
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n\n"));
    assert!(judge.ran >= tried, "only {} pieces of code ran", judge.ran);
    assert!(!judge.has_kernel() || in_kernel >= refused, "the kernel took {in_kernel} only");
}

/// A short module that the kernel refuses for the same reason, and what it says of it.
fn refused_in_short(judge: &mut Judge, reason: &str, way: Way, case: &Case) -> String {
    let Some((said, mut log)) = judge.refusal(case, way) else { return reason.to_owned() };
    // If only optimized code is refused, that is what matters.
    let unoptimized = Way { opt: Opt::O0, ..way };
    let spoiled = judge.refusal(case, unoptimized).is_none();
    let begun = Instant::now();
    let module = shrink::shrink(&case.module, |candidate| {
        let candidate = Case { module: candidate.clone(), ..case.clone() };
        if begun.elapsed() > Duration::from_secs(20)
            || ir::validate::module(&candidate.module).is_err()
            || judge::meaning(&candidate, Endian::Little).is_err()
        {
            return false;
        }
        match judge.refusal(&candidate, way) {
            Some((again, its_log)) if again == said => {
                if spoiled && judge.refusal(&candidate, unoptimized).is_some() {
                    return false;
                }
                log = its_log;
                true
            }
            _ => false,
        }
    });
    let log = log.lines().map(|line| format!("; {line}\n")).collect::<String>();
    format!("; {way:?}: {reason}\n{}\n{log}", ir::text::print(&module))
}

/// Every fourth module is compiled in all ways; the others at all levels, and for the other byte order.
fn ways(seed: u64) -> Vec<Way> {
    if seed.is_multiple_of(4) {
        return Way::all().collect();
    }
    let turn = usize::try_from(seed / 4 % 4).unwrap();
    let mut ways: Vec<Way> = (0..4)
        .map(|level| Way {
            opt: judge::LEVELS[level],
            cpu: judge::CPUS[(turn + level) % 4],
            endian: Endian::Little,
            free: false,
        })
        .collect();
    let cpu = judge::CPUS[usize::try_from(seed / 16 % 4).unwrap()];
    ways.push(Way { opt: judge::LEVELS[turn], cpu, endian: Endian::Big, free: false });
    ways.push(Way { opt: Opt::O2, cpu: judge::CPUS[3], endian: Endian::Little, free: true });
    ways
}

/// Makes a failing module short, and says how it fails.
fn report(seed: u64, case: &Case, disagreement: &Disagreement) -> String {
    let mut judge = Judge::with(Kernel::open_or_skip("a failing module"));
    let way = match disagreement.kind {
        Kind::Meaningless => return format!("seed {seed}: {}", disagreement.what),
        Kind::Panic(way) | Kind::Refused(way) | Kind::BadObject(way) | Kind::Differs(way, _) => way,
    };
    let mut last = disagreement.what.clone();
    let begun = Instant::now();
    let mut short = case.clone();
    for only in (0..case.inputs.len()).rev() {
        let one = Case { inputs: vec![case.inputs[only].clone()], ..case.clone() };
        if matches!(judge.compare(&one, [way]), Err(found) if found.kind == disagreement.kind) {
            short = one;
        }
    }
    let module = shrink::shrink(&short.module, |candidate| {
        let candidate = Case { module: candidate.clone(), ..short.clone() };
        if begun.elapsed() > Duration::from_secs(60) || ir::validate::module(&candidate.module).is_err() {
            return false;
        }
        match judge.compare(&candidate, [way]) {
            Err(found) if found.kind == disagreement.kind => {
                last = found.what;
                true
            }
            _ => false,
        }
    });
    let what = last.lines().map(|line| format!("; {line}\n")).collect::<String>();
    let text =
        format!("; SKEP_FUZZ_SEED={seed}: {:?}\n{what}{}", disagreement.kind, ir::text::print(&module));
    if let Some(dir) = std::env::var_os("SKEP_FUZZ_KEEP") {
        std::fs::write(Path::new(&dir).join(format!("{seed}.sir")), &text).unwrap();
    }
    text
}
