//! A second of faulty text: whatever stands in a file, the assembler ends, and says the same twice.

use std::time::{Duration, Instant};

use skep_object::asm::assemble;
use skep_object::elf;

/// Text that uses everything.
const SEED: &str = include_str!("everything.s");

/// Pieces that mutations put anywhere.
const PIECES: &[&str] = &[
    "(",
    ")",
    "((((((((((((((((",
    "\"",
    "'",
    "\\",
    "/*",
    "*/",
    "#",
    ";",
    ":",
    ",",
    "=",
    "+",
    "-",
    "~",
    "1b",
    "1f",
    "9f",
    ".",
    "0x",
    "0xffffffffffffffff",
    "-9223372036854775808",
    "18446744073709551616",
    "1 << 63",
    "/ 0",
    "% 0",
    "main",
    "main:",
    "x",
    "=x",
    ".set a, b\n.set b, a\n",
    ".set a, a + 1\n",
    ".zero ",
    ".fill ",
    ".org ",
    ".balign ",
    ".p2align ",
    ".uleb128 ",
    ".section .text\n",
    ".section .BTF\n",
    ".section .BTF.ext\n",
    ".section .maps\n",
    ".bss\n",
    ".data\n",
    ".popsection\n",
    ".previous\n",
    ".size main, ",
    ".type main, @object\n",
    ".local main\n",
    ".globl x\n",
    ".weak main\n",
    ".endian big\n",
    ".loc 1 1\n",
    ".map m, type=hash, max_entries=1\n",
    "r1 = x ll",
    "call x",
    "goto x",
    "exit\n",
    "\n",
    "é",
    "\0",
    "\r",
    "\t",
    "r11",
    "if r1 > ",
    ".quad x - main",
    ".quad x, main, y",
    ".comm main, 8\n",
    ".lcomm q, 4, 4\n",
];

/// Numbers that look random and are the same in each run (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap()
    }
}

fn boundary(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn mutate(random: &mut Random, text: &mut String) {
    let from = boundary(text, random.below(text.len() + 1));
    let to = boundary(text, (from + random.below(20)).min(text.len())).max(from);
    match random.below(6) {
        0 => text.replace_range(from..to, ""),
        1 | 2 => text.replace_range(from..to, PIECES[random.below(PIECES.len())]),
        3 => text.insert_str(from, PIECES[random.below(PIECES.len())]),
        4 => {
            let piece = text[from..to].to_string();
            let at = boundary(text, random.below(text.len() + 1));
            text.insert_str(at, &piece);
        }
        _ => {
            // Whole lines change their places.
            let mut lines: Vec<&str> = text.lines().collect();
            let (a, b) = (random.below(lines.len()), random.below(lines.len()));
            if a < lines.len() && b < lines.len() {
                lines.swap(a, b);
            }
            *text = lines.join("\n");
        }
    }
}

#[test]
fn a_second_of_faulty_text() {
    let mut random = Random(1);
    let end = Instant::now() + Duration::from_secs(1);
    let (mut good, mut bad) = (0, 0);
    while Instant::now() < end || good < 10 || bad < 10 {
        let mut text = SEED.to_string();
        for _ in 0..=random.below(4) {
            mutate(&mut random, &mut text);
        }
        match assemble("t.s", &text) {
            Ok(object) => {
                good += 1;
                // What the assembler makes can be written, and read again.
                let bytes = elf::write(&object);
                elf::read("t.o", &bytes).unwrap_or_else(|error| panic!("{error}\n{text}"));
                assert!(assemble("t.s", &text).as_ref() == Ok(&object), "{text}");
            }
            Err(errors) => {
                bad += 1;
                assert!(!errors.list.is_empty() && errors.list.len() <= 20, "{text}");
                assert!(!errors.to_string().is_empty());
            }
        }
    }
    eprintln!("{good} texts were assembled, {bad} refused");
}

/// What would take quadratic time, or much stack, if it were done carelessly.
#[test]
fn large_texts_take_time_in_proportion() {
    let many = |count: usize, piece: &dyn Fn(usize) -> String| -> String { (0..count).map(piece).collect() };
    let texts = [
        format!(".data\n.byte {}1", "(".repeat(100_000)),
        format!(".data\n.byte {}1", "-".repeat(100_000)),
        format!(".data\n.quad {}1", "1+".repeat(100_000)),
        format!(".data\n.quad {}x", "x-x+".repeat(50_000)),
        format!("{}.data\n.quad a0\n", many(50_000, &|n| format!("a{n} = a{} + 1\n", n + 1))),
        format!("{}.data\n.quad a0\n", many(50_000, &|n| format!("a{n} = a{0} + a{0}\n", n + 1))),
        many(50_000, &|n| format!("goto l{n}\nl{n}:\n")),
        many(50_000, &|n| format!("f{n}: call f{}\nexit\n", n / 2)),
        many(20_000, &|n| format!(".section s{n}\nf{n}: exit\n")),
        many(50_000, &|_| "1: goto 1b\ngoto 1f\n".to_string()) + "1: exit",
        many(50_000, &|n| format!("goto nowhere{n}\n")),
        many(30_000, &|n| format!(".map m{n}, type=array, key=4, value=4, max_entries=1\n")),
        many(50_000, &|n| format!("X{n} = {n}\nr1 = X{n}\n")),
        format!("r1 = {}1", "1+".repeat(100_000)),
        format!("A = 1\nr1 = {}1", "A+".repeat(100_000)),
        format!("A = 1\nr1 = {}1", "(A+".repeat(100_000)),
        format!("r1 = {}", "-(1+1+1+1+1".repeat(20_000)),
        "\"".repeat(100_000),
        "'".repeat(100_000),
        "/*".repeat(100_000),
        ";".repeat(1_000_000),
        "a:".repeat(100_000),
        "é".repeat(100_000),
    ];
    for text in texts {
        let start = Instant::now();
        let _ = assemble("t.s", &text);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?} for {:.100}", text);
    }
}
