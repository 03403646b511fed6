//! Probes, each a blob in text with what the kernel says to it.
//!
//! A probe is lines as in `assemble`, then `= ok` or `= EINVAL [2] vlen != 0` (error number, type and the end of the log),
//! and what we say to it in a line with `: `. Blank lines separate them, `## ` begins a title. `SKEP_BLESS=1` writes the
//! results anew, if they are the kernel's.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use skep_btf::{Errno, Refusal, Rule, Rules, verify};

use super::assemble::blob;
use super::kernel;

#[test]
fn each_rule_is_the_kernels() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/verify/probes.txt");
    let text = fs::read_to_string(&path).unwrap();
    let asks = kernel::is_there();
    let blesses = std::env::var_os("SKEP_BLESS").is_some();
    let mut found = String::new();
    let mut wrong = Vec::new();
    let mut rules = HashSet::new();
    let mut count = 0;
    for part in text.split("\n\n") {
        let lines: Vec<&str> = part.lines().filter(|line| !line.is_empty()).collect();
        let (expected, types): (Vec<&str>, Vec<&str>) = lines.into_iter().partition(|line| is_result(line));
        if types.iter().all(|line| line.starts_with("## ")) {
            found.push_str(&format!("{}\n\n", types.join("\n")));
            continue;
        }
        count += 1;
        let types = types.join("\n");
        let blob = blob(&types);
        let ours = verify(&blob, &Rules::current());
        rules.extend(ours.as_ref().err().map(|refusal| refusal.rule));
        let told = verdict(&ours);
        if asks {
            let theirs = kernel::ask(&blob);
            if !agrees(&ours, &theirs) {
                wrong.push(format!("{types}\n  we say {told}\n  the kernel {theirs:?}"));
            }
        }
        let message = ours.err().map(|refusal| format!(": {refusal}"));
        let now: Vec<String> = std::iter::once(told).chain(message).collect();
        if !blesses && expected != now {
            wrong.push(format!("{types}\n  expected {expected:#?}\n  found {now:#?}"));
        }
        found.push_str(&format!("{types}\n{}\n\n", now.join("\n")));
    }
    assert!(wrong.is_empty(), "{} of {count} probes:\n{}", wrong.len(), wrong.join("\n"));
    if blesses {
        fs::write(&path, found.trim_end().to_owned() + "\n").unwrap();
    }
    let untested: Vec<&Rule> =
        Rule::ALL.iter().filter(|rule| !rules.contains(rule) && !OLD.contains(rule)).collect();
    assert!(untested.is_empty(), "no probe breaks {untested:?}");
    eprintln!("{count} probes{}", if asks { ", each compared with the kernel" } else { "" });
}

/// Rules of older kernels only, and of blobs that are too large for a text.
const OLD: [Rule; 3] = [Rule::EnumSize4, Rule::SecEmpty, Rule::BlobSize];

fn is_result(line: &str) -> bool {
    line.starts_with("= ") || line.starts_with(": ")
}

fn verdict(ours: &Result<(), Refusal>) -> String {
    let Err(refusal) = ours else { return "= ok".to_owned() };
    let id = refusal.id.map_or(String::new(), |id| format!(" {id}"));
    format!("= {}{id} {}", refusal.errno(), refusal.log()).trim_end().to_owned()
}

/// Whether the kernel says the same: the error number, the words, and the type, if it names one.
pub(super) fn agrees(ours: &Result<(), Refusal>, theirs: &kernel::Answer) -> bool {
    let Err(refusal) = ours else { return theirs.errno == 0 };
    let names_none = refusal.log().is_empty() || matches!(refusal.rule, Rule::TagOrder | Rule::ChainLength);
    theirs.errno == refusal.errno().number()
        && theirs.log.ends_with(&refusal.log())
        && (names_none || theirs.id == refusal.id.map(|id| id.0))
}

#[test]
fn blobs_may_be_large() {
    let types = 1_398_096;
    let mut large = blob("INT int 4 0x20\n");
    let strings = large.split_off(40);
    large.extend([0_u32, 2 << 24, 1].map(u32::to_ne_bytes).concat().repeat(types));
    let len = u32::try_from(large.len() - 24).unwrap();
    large[12..16].copy_from_slice(&len.to_ne_bytes());
    large[16..20].copy_from_slice(&len.to_ne_bytes());
    large.extend(strings);
    // The strings fill it up to the limit.
    let room = (16 << 20) - large.len();
    large.extend(vec![0; room]);
    let len = u32::try_from(room + 5).unwrap();
    large[20..24].copy_from_slice(&len.to_ne_bytes());
    let largest = verify(&large, &Rules::current());
    assert_eq!(largest, Ok(()));
    large.push(0);
    large[20..24].copy_from_slice(&(len + 1).to_ne_bytes());
    let larger = verify(&large, &Rules::current()).unwrap_err();
    assert_eq!((larger.rule, larger.errno()), (Rule::BlobSize, Errno::TooBig));
    if kernel::is_there() {
        assert!(agrees(&Err(larger), &kernel::ask(&large)));
        large.pop();
        large[20..24].copy_from_slice(&len.to_ne_bytes());
        assert!(agrees(&largest, &kernel::ask(&large)));
    }
}
