//! A program that prints its own layouts and values, against what its debug information says of them.

use std::collections::BTreeMap;
use std::process::Command;

use skep_tests::dwarf::spell;
use skep_tests::dwarf::{Facts, node::Kind};

use super::build::{self, Case};
use super::walk;

const CASES: &[Case] = &[
    Case {
        name: "rust-o0",
        output: "every",
        commands: &["rustc --edition 2024 -g -o every @/rust/every.rs"],
    },
    Case {
        name: "rust-o3-dwarf5-v0",
        output: "every",
        commands: &[
            "rustc --edition 2024 -g -C opt-level=3 -C dwarf-version=5 -C symbol-mangling-version=v0 -o every @/rust/every.rs",
        ],
    },
    Case {
        name: "rust-lto",
        output: "every",
        commands: &[
            "rustc --edition 2024 -g -C opt-level=2 -C lto=fat -C codegen-units=1 -o every @/rust/every.rs",
        ],
    },
];

#[test]
fn programs_agree_with_their_debug_information() {
    for case in CASES {
        let Some(file) = build::build(case) else { continue };
        let walked = walk(&file);
        let output = Command::new(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let mut lines = BTreeMap::<&str, usize>::new();
        for line in said.lines() {
            let (word, rest) = line.split_once(' ').unwrap();
            *lines.entry(word).or_default() += 1;
            let Some(text) = text(&walked, word, rest) else {
                *lines.entry("absent").or_default() += 1;
                continue;
            };
            check(text, word, rest).unwrap_or_else(|why| panic!("{}: {line}: {why}", case.name));
        }
        assert!(lines["size"] > 20 && lines["offset"] > 70 && lines["value"] > 50, "{lines:?}");
        // Optimization drops types that no code is left of.
        let absent = lines.get("absent").copied().unwrap_or(0);
        assert!(absent == 0 || (case.name != "rust-o0" && absent < 140), "{}: {lines:?}", case.name);
    }
}

/// The text of the only type of that name.
fn text<'f>(facts: &'f Facts, word: &str, rest: &str) -> Option<&'f str> {
    let (path, _) = rest.rsplit_once(' ').unwrap();
    let path = if word == "size" { path } else { path.rsplit_once(' ').unwrap().0 };
    let name = spell::path(path);
    let mut named = facts.types.iter().filter(|(_, fact)| fact.name == name && fact.kind != Kind::Typedef);
    let (text, _) = named.next()?;
    assert!(named.next().is_none(), "there is more than one {name}");
    Some(text)
}

fn check(text: &str, word: &str, rest: &str) -> Result<(), String> {
    let (rest, last) = rest.rsplit_once(' ').unwrap();
    match word {
        "size" => {
            let head = text.lines().next().unwrap();
            if head.ends_with(&format!(" {last}")) { Ok(()) } else { Err(text.to_owned()) }
        }
        "offset" => {
            let (_, field) = rest.rsplit_once(' ').unwrap();
            let line = format!("\n  @{} {}: ", last.parse::<u64>().unwrap() * 8, spell::member(field));
            if text.contains(&line) { Ok(()) } else { Err(text.to_owned()) }
        }
        "value" => {
            let (_, variant) = rest.rsplit_once(' ').unwrap();
            let bytes: Vec<u8> = (0..last.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&last[at..at + 2], 16).unwrap())
                .collect();
            let found = decode(text, &bytes)?;
            if found == spell::member(variant) { Ok(()) } else { Err(format!("{found} in {text}")) }
        }
        other => Err(format!("'{other}' is not known")),
    }
}

/// The variant that bytes are of, by the text of an enumeration.
fn decode(text: &str, bytes: &[u8]) -> Result<String, String> {
    let number = |offset: usize, size: usize| {
        let mut wide = [0; 16];
        wide[..size].copy_from_slice(&bytes[offset..offset + size]);
        u128::from_le_bytes(wide)
    };
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    if head.starts_with("enum ") {
        let value = number(0, bytes.len());
        let mask = if bytes.len() == 16 { u128::MAX } else { (1 << (8 * bytes.len())) - 1 };
        for line in lines {
            let (name, number) = line.trim().split_once(" = ").unwrap();
            if number.parse::<i128>().unwrap().cast_unsigned() & mask == value {
                return Ok(name.to_owned());
            }
        }
        return Err(format!("no enumerator is {value}"));
    }
    let mut value = None;
    let mut other = None;
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["discriminant", at, size] => {
                value = Some(number(at[1..].parse::<usize>().unwrap() / 8, size.parse().unwrap()));
            }
            ["variant", _, name, "=", "any", ..] => other = Some(name),
            ["variant", _, name, "=", number, ..] => {
                let number = number.trim_end_matches(':').trim_start_matches("0x");
                if Some(u128::from_str_radix(number, 16).unwrap()) == value {
                    return Ok(name.to_owned());
                }
            }
            _ => {}
        }
    }
    other.map(str::to_owned).ok_or_else(|| format!("no variant is {value:?}"))
}
