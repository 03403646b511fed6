//! A second of random input to everything that takes input: nothing panics, and what is accepted comes back.

use std::time::{Duration, Instant};

use skep_insn::{Endian, Insn, RawInsn, SLOT_BYTES, check, text};

use crate::samples;

const TIME: Duration = Duration::from_millis(400);

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % n
    }

    fn one_of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }
}

#[test]
fn random_bytes() {
    let mut random = Random(0x5eed_0001);
    let (mut valid, mut functions) = (0u32, 0u32);
    let start = Instant::now();
    while start.elapsed() < TIME {
        for _ in 0..64 {
            let len = random.below(6) * SLOT_BYTES;
            let mut bytes: Vec<u8> = (0..len).map(|_| random.next().to_le_bytes()[7]).collect();
            // Mostly zero fields and small registers, or hardly anything would be valid.
            for slot in bytes.chunks_mut(SLOT_BYTES) {
                let keep = random.below(16);
                slot[1] = if keep & 1 != 0 { slot[1] & 0x77 } else { 0 };
                if keep & 2 == 0 {
                    slot[2..4].fill(0);
                }
                if keep & 4 == 0 {
                    slot[4..].fill(0);
                }
                if keep == 15 {
                    slot[0] = random.one_of(&[0x18, 0x00, 0x95, 0x05, 0x85]);
                }
            }
            for endian in [Endian::Little, Endian::Big] {
                let code = RawInsn::slots(&bytes, endian).unwrap();
                functions += u32::from(check::function(&code).is_ok());
                for at in 0..code.len() {
                    let Ok(insn) = Insn::decode(&code[at..]) else { continue };
                    valid += 1;
                    assert!(code[at..].starts_with(insn.encode().as_slice()));
                    assert_eq!(text::parse(&insn.to_string()), Ok(insn));
                }
            }
        }
    }
    assert!(valid > 1000 && functions > 10, "{valid} valid insns, {functions} functions");
}

#[test]
fn random_text() {
    let words = [
        "r1",
        "w2",
        "r10",
        "r11",
        "w",
        "r",
        "*",
        "(",
        ")",
        "[",
        "]",
        "u8",
        "u32",
        "u64",
        "s8",
        "s16",
        "s32",
        "s64",
        "=",
        "+=",
        "s>>=",
        "<",
        "s<=",
        "&",
        "if",
        "goto",
        "gotol",
        "gotox",
        "may_goto",
        "call",
        "callx",
        "lock",
        "ll",
        "skb",
        "be16",
        "bswap64",
        "le",
        "addr_space_cast",
        "load_acquire",
        "store_release",
        "ld_pseudo",
        "xchg_64",
        "cmpxchg32_32",
        "atomic_fetch_add",
        "atomic64_xchg",
        "pc",
        "kfunc",
        "#",
        ",",
        "+",
        "-",
        "0",
        "1",
        "-1",
        "0x",
        "0xffffffffffffffff",
        "18446744073709551616",
        "99999999999999999999999999999999999999999",
        "'",
        "'a'",
        "\\n",
        "é",
        "\u{0}",
        "\u{2028}",
        "\t",
        " ",
        "exit",
        ".L1",
        "$x",
        "_",
        "bpf_ktime_get_ns",
        "(u32)",
        "08",
    ];
    let texts: Vec<String> = samples::insns().iter().step_by(97).map(Insn::to_string).collect();
    let mut random = Random(0x5eed_0002);
    let mut valid = 0u32;
    let start = Instant::now();
    while start.elapsed() < TIME {
        for _ in 0..64 {
            let mut line = String::new();
            if random.below(2) == 0 {
                for _ in 0..random.below(12) {
                    line.push_str(random.one_of(&words));
                    line.push_str(random.one_of(&["", " "]));
                }
            } else {
                line.push_str(&texts[random.below(texts.len())]);
                for _ in 0..random.below(3) {
                    let mut at = random.below(line.len() + 1);
                    while !line.is_char_boundary(at) {
                        at -= 1;
                    }
                    match random.below(3) {
                        0 => line.insert_str(at, random.one_of(&words)),
                        1 => line.truncate(at),
                        _ => drop((at < line.len()).then(|| line.remove(at))),
                    }
                }
            }
            match text::parse_with_symbols(&line) {
                Ok((insn, None)) => {
                    valid += 1;
                    assert_eq!(text::parse(&insn.to_string()), Ok(insn), "{line}");
                }
                Ok((_, Some(symbol))) => assert_eq!(&line[symbol.range], symbol.name),
                Err(err) => {
                    let stands_there = &line[err.range.clone()];
                    assert!(
                        err.found == "end of line" || err.found == format!("'{stands_there}'"),
                        "{line}: {err}"
                    );
                }
            }
        }
    }
    assert!(valid > 1000, "{valid}");
}
