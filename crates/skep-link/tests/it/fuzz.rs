//! A second of damaged input: nothing panics, and whatever links keeps its promises.

use std::time::{Duration, Instant};

use skep_insn::{Endian, RawInsn, SLOT_BYTES};
use skep_link::{Options, check, link, link_code};
use skep_object::object::{Contents, Place, RelocKind, SectionId, SymbolId};
use skep_object::{Object, elf};

use crate::dsl::object;
use crate::random::Random;
use crate::tools::compile;

const TIME: Duration = Duration::from_secs(1);

const WHOLE: &str = "undefined ext
    undefined maybe weak
    absolute LIMIT 4096
    section .text code
    func helper
      r0 = 1
      exit
    func main global
      r1 = 0 ll -> x
      call pc-1 -> .text
      call pc-6
      call pc-1 -> ext
      r2 = 0 ll -> m
      r3 = 0 ll -> LIMIT
      r4 = 0 ll -> .jumptables
      gotox r4
      r0 = 0
      exit
    section xdp code
    func prog global
      call pc-1 -> main
      call pc-1 -> maybe
      r1 = 0 ll -> .text
      exit
    section .data data
    var x 8 global
      ptr .text+112
    var y 16
      ptr helper
      ptr y+8
    section .bss bss
    var z 8 global
      zeros 8
    section .jumptables other
    var T 16
      word 112
      word 120
    section .maps maps
    map m 1=helper
    map n 0=m";

/// Links in every way; how often that succeeded.
fn link_all(object: &Object) -> u32 {
    let ways = [Options::new(), Options::new().keep_everything(), Options::new().entry("main")];
    let images = ways.iter().filter_map(|options| link(object, options).ok());
    let checked =
        images.map(|image| check::image(&image).unwrap_or_else(|error| panic!("{error}\n{object:#?}")));
    u32::try_from(checked.count()).unwrap()
}

#[test]
fn damaged_files() {
    let mut files: Vec<Vec<u8>> = Vec::new();
    for args in
        [["-target", "bpfel", "-mcpu=v4", "-O2", "-g"], ["-target", "bpfeb", "-mcpu=v2", "-O0", "-g0"]]
    {
        files.extend(["refs.c", "switch.c", "maps.c"].into_iter().filter_map(|file| {
            // Maps need their types.
            let needs_types = file == "maps.c" && args.contains(&"-g0");
            if needs_types { None } else { compile("clang-22", &args, file) }
        }));
    }
    files.push(elf::write(&object(WHOLE)));
    let mut random = Random(0x5eed_0001);
    let (mut read, mut linked, mut runs) = (0u32, 0u32, 0u32);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let mut bytes = files[random.below(files.len())].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] = match random.below(4) {
                0 => bytes[at].wrapping_add(1),
                1 => bytes[at] ^ 1 << random.below(8),
                2 => random.next().to_le_bytes()[0],
                _ => [0, 1, 8, 0x10, 0x85, 0x18, 0xff][random.below(7)],
            };
        }
        runs += 1;
        if let Ok(object) = elf::read("damaged.o", &bytes) {
            read += 1;
            linked += link_all(&object);
        }
    }
    eprintln!("{runs} files, {read} read, {linked} linked");
    assert!(linked > 0 && linked < 3 * runs);
}

#[test]
fn damaged_objects() {
    let whole = object(WHOLE);
    assert_eq!(link_all(&whole), 3);
    let mut random = Random(0x5eed_0002);
    let (mut linked, mut runs) = (0u32, 0u32);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let mut object = whole.clone();
        for _ in 0..=random.below(2) {
            damage(&mut object, &mut random);
        }
        runs += 1;
        linked += link_all(&object);
    }
    eprintln!("{runs} objects, {linked} linked");
    assert!(linked > runs / 10 && linked < runs * 3, "{linked} of {runs}");
}

fn damage(object: &mut Object, random: &mut Random) {
    let odd = |random: &mut Random| {
        let numbers = [0, 1, 4, 7, 8, 16, 24, 1 << 31, u64::from(u32::MAX), 1 << 62, u64::MAX - 7, u64::MAX];
        numbers[random.below(numbers.len())]
    };
    let small = |random: &mut Random| u32::try_from(random.below(16)).unwrap();
    let section = random.below(object.sections.len());
    let symbol = random.below(object.symbols.len());
    match random.below(12) {
        0 => object.symbols[symbol].value = odd(random),
        1 => object.symbols[symbol].size = odd(random),
        2 => {
            let places = [Place::Undefined, Place::Absolute, Place::Section(SectionId(small(random)))];
            object.symbols[symbol].place = places[random.below(3)];
        }
        3 => object.symbols[symbol].name = object.symbols[random.below(object.symbols.len())].name.clone(),
        4 => object.symbols[symbol].binding = object.symbols[random.below(object.symbols.len())].binding,
        5 => {
            let func = random.below(object.funcs.len());
            let func = &mut object.funcs[func];
            match random.below(4) {
                0 => func.start = small(random),
                1 => func.len = small(random),
                2 => func.section = SectionId(small(random)),
                _ => func.symbol = SymbolId(small(random)),
            }
        }
        6 => {
            let map = random.below(object.maps.len());
            match random.below(3) {
                0 => object.maps[map].offset = odd(random),
                1 => object.maps[map].values[0].1 = SymbolId(small(random)),
                _ => object.maps[map].section = SectionId(small(random)),
            }
        }
        7..9 => {
            let relocs = &mut object.sections[section].relocs;
            if !relocs.is_empty() {
                let at = random.below(relocs.len());
                let reloc = &mut relocs[at];
                let kinds = [RelocKind::LoadImm64, RelocKind::Call, RelocKind::Abs64, RelocKind::Abs32];
                match random.below(4) {
                    0 => reloc.offset = odd(random),
                    1 => reloc.kind = kinds[random.below(4)],
                    2 => reloc.symbol = SymbolId(small(random)),
                    _ => reloc.addend = odd(random).cast_signed(),
                }
                relocs.sort_by_key(|reloc| reloc.offset);
            }
        }
        _ => match &mut object.sections[section].contents {
            Contents::Code(code) => {
                let at = random.below(code.len());
                let mut bytes = code[at].to_bytes(Endian::Little);
                bytes[random.below(SLOT_BYTES)] = random.next().to_le_bytes()[0] & 0x9f;
                code[at] = RawInsn::from_bytes(bytes, Endian::Little);
            }
            Contents::Bytes(bytes) if random.one_in(2) => bytes.truncate(random.below(bytes.len() + 1)),
            Contents::Bytes(bytes) => bytes.fill(random.next().to_le_bytes()[0]),
            Contents::Zeros(len) => *len = odd(random),
        },
    }
}

#[test]
fn random_code() {
    let mut random = Random(0x5eed_0004);
    let (mut linked, mut split, mut runs) = (0u32, 0u32, 0u32);
    let start = Instant::now();
    while start.elapsed() < TIME / 2 {
        let near = |random: &mut Random| i32::try_from(random.below(12)).unwrap() - 6;
        let mut code = Vec::new();
        for _ in 0..random.below(10) {
            match random.below(16) {
                0..3 => code.push(RawInsn::new(0x85, 0, 1, 0, near(&mut random))),
                3 => {
                    let src = u8::try_from(random.below(8)).unwrap();
                    code.push(RawInsn::new(0x18, 1, src, 0, near(&mut random)));
                    code.push(RawInsn::default());
                }
                4 => code.push(RawInsn::new(0x05, 0, 0, i16::try_from(near(&mut random)).unwrap(), 0)),
                5 => code.push(RawInsn::from_bytes(random.next().to_le_bytes(), Endian::Little)),
                6..9 => code.push(RawInsn::new(0x95, 0, 0, 0, 0)),
                _ => code.push(RawInsn::new(0xb7, 0, 0, 0, 7)),
            }
        }
        code.push(RawInsn::new(0x95, 0, 0, 0, 0));
        runs += 1;
        let slots = code.len();
        if let Ok(image) = link_code("random", code) {
            check::image(&image).unwrap();
            assert_eq!(image.funcs.iter().map(|func| func.code.len()).sum::<usize>(), slots);
            linked += 1;
            split += u32::from(image.funcs.len() > 1);
        }
    }
    eprintln!("{runs} programs, {linked} linked, {split} of several functions");
    assert!(split > 0 && linked > split && linked < runs);
}
