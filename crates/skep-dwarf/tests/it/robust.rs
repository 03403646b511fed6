//! Damaged files give errors, or results, but never a panic.

use std::time::{Duration, Instant};

use skep_dwarf::{Functions, Options, Variables};

use crate::tools;

const SOURCE: &str = "
    struct list { struct list *next, **prev; };
    enum color { RED = -1, GREEN = 1ULL << 40 };
    union any { int i; float f; struct { char a, b[2][3]; } s; void (*call)(int, ...); };
    typedef const volatile union any any_t;
    struct all { struct list list; enum color color; any_t any; unsigned bits : 3, more : 17; long double ld; };
    struct all all; static int inner(struct all *a) { return a->bits; }
    int outer(struct all *restrict a, int n, ...) { return inner(a) + n; }
";

/// Numbers that do not repeat for long, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit).unwrap()).unwrap()
    }
}

/// How many damaged files each test reads; set `SKEP_FUZZ` for more.
fn rounds() -> usize {
    std::env::var("SKEP_FUZZ").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(300)
}

fn damage_and_read(file: &[u8], seed: u64) {
    let options = Options::new().functions(Functions::All).variables(Variables::All);
    let mut random = Random(seed | 1);
    for round in 0..rounds() {
        let mut damaged = file.to_vec();
        for _ in 0..=random.below(6) {
            let at = random.below(damaged.len());
            damaged[at] = match random.below(4) {
                0 => 0xff,
                1 => 0,
                2 => damaged[at] ^ 1 << random.below(8),
                _ => random.next().to_le_bytes()[0],
            };
        }
        if random.below(8) == 0 {
            damaged.truncate(random.below(file.len()));
        }
        let start = Instant::now();
        let result = skep_dwarf::encode(&damaged, &options);
        assert!(start.elapsed() < Duration::from_secs(5), "round {round} takes {:?}", start.elapsed());
        match result {
            Ok(encoded) => {
                for unit in &encoded.report.units {
                    assert!(unit.dies.is_complete(), "round {round}: {:?}", unit.dies);
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

#[test]
fn damaged_files_of_gcc() {
    let Some(gcc) = tools::gcc() else { return tools::skip("gcc is not installed") };
    for (version, seed) in [("-gdwarf-2", 1), ("-gdwarf-4", 2), ("-gdwarf-5", 3)] {
        damage_and_read(&tools::compile(gcc, &[version, "-O1"], SOURCE), seed);
    }
}

#[test]
fn damaged_files_of_clang() {
    let Some(clang) = tools::clang() else { return tools::skip("clang is not installed") };
    for (version, seed) in [("-gdwarf-2", 4), ("-gdwarf-4", 5), ("-gdwarf-5", 6)] {
        damage_and_read(&tools::compile(clang, &[version, "-O1"], SOURCE), seed);
        damage_and_read(
            &tools::compile(clang, &[version, "-O1", "-fdebug-types-section"], SOURCE),
            seed + 10,
        );
    }
}

#[test]
fn damaged_files_of_rustc() {
    if tools::find(&["rustc"]).is_none() {
        return tools::skip("rustc is not installed");
    }
    let source = "pub enum Shape<'a> { Unit, Circle(f32), Rect { w: u16, h: i64 }, Some(&'a [Option<u32>]) }
        #[repr(C, packed)] pub struct Packed { a: u8, f: f64 } pub struct Tail { n: u32, t: [u16] }
        #[unsafe(no_mangle)] pub fn f(s: &Shape, p: &Packed, t: &Tail, c: (char, (), u128)) -> u32
        { matches!(s, Shape::Unit) as u32 + p.a as u32 + t.n + c.0 as u32 }";
    for (version, seed) in [("dwarf-version=4", 7), ("dwarf-version=5", 8)] {
        damage_and_read(&crate::rust::compile(&["-C", version], source), seed);
    }
}
