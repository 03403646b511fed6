//! Whatever the bytes are, reading them ends soon, with an object or an error.

use std::time::{Duration, Instant};

use skep_insn::Endian;
use skep_object::object::{Contents, Place};
use skep_object::{Object, elf};

use crate::round_trip;
use crate::sample::sample;

/// Objects of compilers, made by `corpus/make.sh`, and our own.
pub(crate) fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    macro_rules! files {
        ($($name:literal)*) => {
            vec![$(($name, include_bytes!(concat!("../corpus/", $name)).to_vec())),*]
        };
    }
    let mut files = files! {
        "legacy.o" "maps.gcc.o" "maps.o" "pointers.eb.o" "pointers.el.o" "pointers.gcc.eb.o" "pointers.gcc.o"
        "pointers.sections.o"
    };
    files.push(("sample.el.o", elf::write(&sample(Endian::Little))));
    files.push(("sample.eb.o", elf::write(&sample(Endian::Big))));
    files
}

/// xorshift64*: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// What others rely on, whatever the object was made from.
fn check_invariants(object: &Object) {
    for (id, func) in object.funcs.iter().enumerate() {
        assert_eq!(object.code(func).len(), func.len as usize);
        assert!(func.len > 0);
        let symbol = object.symbol_by_id(func.symbol);
        assert_eq!((symbol.place, symbol.value), (Place::Section(func.section), func.offset()));
        assert_eq!(object.func_at(func.section, func.start + func.len - 1), Some(func));
        let next = object.funcs.get(id + 1);
        assert!(next.is_none_or(|next| (next.section, next.start) >= (func.section, func.start + func.len)));
    }
    for section in &object.sections {
        assert!(section.relocs.iter().all(|reloc| (reloc.symbol.0 as usize) < object.symbols.len()));
        assert!(section.relocs.is_sorted_by_key(|reloc| reloc.offset));
        for reloc in &section.relocs {
            assert!(reloc.offset + reloc.kind.size() <= section.contents.len());
            assert!(!matches!(section.contents, Contents::Zeros(_)));
        }
    }
    for map in &object.maps {
        assert!(map.offset <= object.section(map.section).contents.len());
        assert!(map.values.iter().all(|(_, symbol)| (symbol.0 as usize) < object.symbols.len()));
    }
}

#[test]
fn the_corpus_is_read_and_comes_back() {
    for (name, bytes) in corpus() {
        let object = elf::read(name, &bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(object.remarks, [""; 0], "{name}");
        check_invariants(&object);
        round_trip::check(&object);
    }
}

/// No object is still one without its end, where the section headers are.
#[test]
fn every_truncation_is_an_error() {
    for (name, bytes) in corpus() {
        for len in 0..bytes.len() {
            assert!(elf::read(name, &bytes[..len]).is_err(), "{name}, {len} bytes");
        }
    }
}

/// Damages copies of the corpus for a second, or for `SKEP_FUZZ_SECS`.
#[test]
fn damaged_objects_are_errors_or_objects() {
    let seconds = std::env::var("SKEP_FUZZ_SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs(seconds);
    let corpus = corpus();
    let mut random = Random(0x5ce9_0b1e_c75e_ed01);
    let (mut objects, mut errors, mut slowest) = (0u64, 0u64, Duration::ZERO);
    while Instant::now() < end {
        let (name, original) = &corpus[random.below(corpus.len())];
        let mut bytes = original.clone();
        damage(&mut bytes, &mut random);
        let start = Instant::now();
        match elf::read(name, &bytes) {
            Ok(object) => {
                objects += 1;
                check_invariants(&object);
                round_trip::check(&object);
            }
            Err(error) => {
                errors += 1;
                let text = error.to_string();
                assert!(!text.is_empty() && text.len() < 20_000, "{text}");
            }
        }
        slowest = slowest.max(start.elapsed());
    }
    eprintln!("{objects} objects, {errors} errors, slowest {slowest:?}");
    assert!(objects > 20 && errors > 20, "{objects} objects, {errors} errors: both outcomes are tested");
}

fn damage(bytes: &mut [u8], random: &mut Random) {
    const WORDS: [u64; 12] = [0, 1, 2, 7, 8, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 32, u64::MAX];
    for _ in 0..1 + random.below(6) {
        // Half of it hits the headers at the end or the beginning, where each byte has a meaning.
        let at = match random.below(4) {
            0 => random.below(64.min(bytes.len())),
            1 => bytes.len() - 1 - random.below((64 * 18).min(bytes.len())),
            _ => random.below(bytes.len()),
        };
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = u8::try_from(random.below(256)).unwrap(),
            2 | 3 => {
                let word = WORDS[random.below(WORDS.len())];
                let word = if random.below(2) == 0 { word.to_le_bytes() } else { word.to_be_bytes() };
                let (at, len) = (at & !7, [2, 4, 8][random.below(3)]);
                let word = if random.below(2) == 0 { &word[..len] } else { &word[8 - len..] };
                let room = len.min(bytes.len() - at);
                bytes[at..at + room].copy_from_slice(&word[..room]);
            }
            _ => {
                // A piece of the file stands in another place as well.
                let (from, len) = (random.below(bytes.len()), 1 + random.below(64));
                let piece = bytes[from..(from + len).min(bytes.len())].to_vec();
                let room = piece.len().min(bytes.len() - at);
                bytes[at..at + room].copy_from_slice(&piece[..room]);
            }
        }
    }
}

/// Small files that claim much: time and memory stay in proportion to the file.
#[test]
fn claims_cost_nothing() {
    let start = Instant::now();
    let word =
        |bytes: &mut Vec<u8>, at: usize, value: u64| bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());

    // A megabyte of symbols that share one name of a megabyte.
    let mut bytes = vec![0; 64 + (1 << 20) + (1 << 20) / 24 * 24 + 4 * 64];
    let (strings, symbols, count) = (64u64, 64 + (1u64 << 20), (1u64 << 20) / 24);
    let headers = symbols + count * 24;
    bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    bytes[16] = 1;
    bytes[18] = 247;
    bytes[58] = 64;
    bytes[60] = 4;
    bytes[62] = 1;
    word(&mut bytes, 40, headers);
    bytes[64 + 1..64 + (1 << 20) - 1].fill(b'x');
    for i in 1..count {
        let at = usize::try_from(symbols + i * 24).unwrap();
        bytes[at] = 1;
        bytes[at + 4] = 0x10;
    }
    let section = |bytes: &mut Vec<u8>, index: u64, ty: u8, offset: u64, size: u64, link: u8, entry: u64| {
        let at = usize::try_from(headers + index * 64).unwrap();
        bytes[at + 4] = ty;
        bytes[at + 40] = link;
        word(bytes, at + 24, offset);
        word(bytes, at + 32, size);
        word(bytes, at + 56, entry);
    };
    section(&mut bytes, 1, 3, strings, 1 << 20, 0, 0);
    section(&mut bytes, 2, 2, symbols, count * 24, 1, 24);
    let error = elf::read("t.o", &bytes).unwrap_err().to_string();
    assert_eq!(error, "name of symbol 33: the names are together more than 16 times as long as the file");

    // Sections of zeros of any size, and one that is longer than the file.
    section(&mut bytes, 2, 8, 0, u64::MAX, 0, 0);
    let at = usize::try_from(headers + 2 * 64).unwrap();
    bytes[at + 8] = 3;
    let error = elf::read("t.o", &bytes).unwrap_err().to_string();
    assert_eq!(error, "section 0: length is 0xffffffffffffffff, expected at most 0x80000000");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
