//! Random programs and images in checked mode: they end in time, by a result or an error, and the host's memory is as it
//! was. `SKEP_FUZZ_SECS` makes the tests last longer than a second each, `SKEP_FUZZ_SEED` begins elsewhere.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use skep_insn::{Endian, Insn, RawInsn, Slot};
use skep_object::Image;
use skep_object::image::{DataId, FuncId, ImportId, ImportKind, MapId, Ref, Target};
use skep_vm::host::Signature;
use skep_vm::{Checked, Engine, Hosts, TrapKind, Unit};

use crate::support::{assemble, checked};

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

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// A number that is likely to be at the edge of something.
    fn number(&mut self) -> u64 {
        let near = [0, 1, 2, 4, 7, 8, 16, 64, 512, 4096, 1 << 31, 1 << 32, 1 << 63, u64::MAX];
        match self.below(4) {
            0 => self.next(),
            1 => self.next() & 0xff,
            _ => self.pick(&near).wrapping_add(self.below(5) as u64).wrapping_sub(2),
        }
    }

    fn imm(&mut self) -> i32 {
        let [a, b, c, d, ..] = self.number().to_le_bytes();
        i32::from_le_bytes([a, b, c, d])
    }
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Runs `case` with ever new random numbers for a second; it says how it ended.
fn for_a_second(what: &str, mut case: impl FnMut(&mut Random) -> String) -> BTreeMap<String, u32> {
    let (time, first) = (Duration::from_secs(setting("SKEP_FUZZ_SECS", 1)), setting("SKEP_FUZZ_SEED", 1));
    let begun = Instant::now();
    let mut ends = BTreeMap::new();
    for seed in first.. {
        let start = Instant::now();
        let end = case(&mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1));
        assert!(start.elapsed() < Duration::from_secs(5), "SKEP_FUZZ_SEED={seed}: {:?}", start.elapsed());
        *ends.entry(end).or_default() += 1;
        if begun.elapsed() > time {
            break;
        }
    }
    eprintln!("{what}: {ends:?}");
    ends
}

/// Memory in the middle of more, of which nothing may change.
struct Guarded([u8; 192]);

impl Guarded {
    const KEPT: u8 = 0x5a;

    fn new() -> Guarded {
        Guarded([Guarded::KEPT; 192])
    }

    fn middle(&mut self) -> &mut [u8] {
        &mut self.0[64..128]
    }

    fn check(&self) {
        assert!(self.0[..64].iter().chain(&self.0[128..]).all(|byte| *byte == Guarded::KEPT));
    }
}

const BUDGET: u64 = 2000;

/// Runs `main`, and says how that ended.
fn run(unit: &Unit, random: &mut Random) -> String {
    let Some(main) = unit.func("main") else { return "no main".to_owned() };
    let (mut context, mut lent, shown) = (Guarded::new(), Guarded::new(), Guarded::new());
    let addresses =
        [lent.middle().as_mut_ptr().expose_provenance(), shown.0[64..].as_ptr().expose_provenance()];
    let mut executed = 0;
    let mut call = main.prepare().args(&[0, 0, addresses[0] as u64, addresses[1] as u64, random.number()]);
    if !random.one_in(8) {
        call = call.memory(context.middle());
    }
    let call = call.grant("lent", lent.middle()).grant_read("shown", &shown.0[64..128]);
    let result = call.budget(BUDGET).count(&mut executed).call();
    context.check();
    lent.check();
    assert!(shown.0.iter().all(|byte| *byte == Guarded::KEPT));
    assert!(executed <= BUDGET);
    match result {
        Ok(_) => "returned".to_owned(),
        Err(trap) => {
            // Whatever happened can be told.
            assert!(!trap.to_string().is_empty());
            match trap.kind {
                TrapKind::Access { .. } => "access".to_owned(),
                TrapKind::Callee { callee, .. } => format!("refused by {callee}"),
                kind => format!("{kind:?}").split([' ', '{']).next().unwrap_or_default().to_owned(),
            }
        }
    }
}

fn hosts() -> Hosts {
    let lend: &'static mut [u8] = vec![1; 64].leak();
    let addr = lend.as_mut_ptr().expose_provenance() as u64;
    Hosts::new()
        .closure("lend", Signature::RAW, move |cx, args| {
            if args[0] & 1 != 0 {
                cx.revoke(addr);
            }
            // SAFETY: leaked, and for these programs only.
            unsafe { cx.grant("lent", addr, args[1] % 64, args[2] & 1 != 0)? };
            Ok(addr)
        })
        .closure("try", Signature::RAW, |cx, [func, rest @ ..]| {
            let [a, b, c, d] = rest;
            Ok(cx.call(func, [a, b, c, d, 0]).unwrap_or(1))
        })
        .closure("peek", Signature::RAW, |cx, [addr, len, ..]| {
            let text = cx.c_str(addr, usize::try_from(len).unwrap()).unwrap_or_default();
            let bytes = cx.read_vec(addr, len % 4096).unwrap_or_default();
            assert!(cx.backtrace().len() < 1000);
            Ok((text.len() + bytes.len()) as u64)
        })
        .libc("memcpy")
        .and_then(|hosts| hosts.libc("strlen"))
        .unwrap()
}

/// A program with one of everything, whose `main` is to be replaced.
fn everything() -> Image {
    assemble(EVERYTHING)
}

const EVERYTHING: &str = "
        .globl main
main:   *(u32 *)(r10 - 4) = 1
        *(u64 *)(r10 - 24) = r1
        r1 = array ll
        r2 = r10
        r2 += -4
        call 1
        if r0 == 0 goto out
        r1 = words ll
        r2 = *(u64 *)(r1 + 8)
        *(u64 *)(r0 + 0) = r2
        r1 = hash ll
        r2 = r10
        r2 += -4
        r3 = r10
        r3 += -24
        r4 = 0
        call 2
        r1 = words ll
        call other
        r1 = 5
        r2 = callback ll
        r3 = 0
        r4 = 0
        call 181
        r1 = *(u64 *)(r10 - 24)
        r0 = *(u8 *)(r1 + 63)
out:    exit
        .globl calls
calls:  call lend
        call try
        call peek
        call memcpy
        call strlen
        exit
        .globl other
other:  r0 = *(u8 *)(r1 + 0)
        exit
        .globl callback
callback:
        r6 = r1
        r0 = 0
        exit
        .globl deep
deep:   call deep
        exit
        .map hash, type=hash, key=4, value=16, max_entries=16
        .map array, type=array, key=4, value=8, max_entries=4
        .map lru, type=lru_hash, key=8, value=8, max_entries=4
        .map percpu, type=percpu_hash, key=4, value=8, max_entries=4
        .map trie, type=lpm_trie, key=8, value=8, max_entries=16, flags=1
        .map queue, type=queue, value=8, max_entries=4
        .map ring, type=ringbuf, max_entries=4096
        .map progs, type=prog_array, key=4, value=4, max_entries=4
        .map sealed, type=array, key=4, value=8, max_entries=4, flags=0x80
        .data
        .globl words
words:  .quad other, 1, 2, words
        .rodata
        .globl fixed
fixed:  .asciz \"%s %d\"
";

/// Helpers that do not print.
fn helpers() -> Vec<i32> {
    let silent = |id: &i32| ![6, 177, 10_000].contains(id);
    (1..211).chain(10_001..10_010).filter(silent).filter(|id| is_helper(*id)).collect()
}

fn is_helper(id: i32) -> bool {
    let code = vec![RawInsn::new(0x85, 0, 0, 0, id), RawInsn::new(0x95, 0, 0, 0, 0)];
    checked(&Hosts::new()).add(&skep_link::link_code("helper", code).unwrap()).is_ok()
}

/// A function that passes the checker.
fn function(random: &mut Random, image: &Image, helpers: &[i32]) -> (Vec<RawInsn>, Vec<Ref>) {
    let (mut code, mut refs) = (Vec::new(), Vec::new());
    // Where to find something: the context, what was lent and shown, the frame.
    code.extend([
        RawInsn::new(0xbf, 6, 1, 0, 0),
        RawInsn::new(0xbf, 7, 3, 0, 0),
        RawInsn::new(0xbf, 8, 4, 0, 0),
    ]);
    let len = 8 + random.below(60);
    while code.len() < len {
        let at = Slot(u32::try_from(code.len()).unwrap());
        let reg = u8::try_from(random.below(10)).unwrap();
        match random.below(10) {
            0 | 1 => {
                refs.push(Ref { at, target: target(random, image) });
                code.extend([RawInsn::new(0x18, reg, 0, 0, 0), RawInsn::default()]);
            }
            2 => {
                let callees = (0..image.imports.len()).zip(&image.imports);
                let callees = callees.filter(|(_, import)| import.kind == ImportKind::Func);
                let imports: Vec<_> = callees.map(|(index, _)| u32::try_from(index).unwrap()).collect();
                let target = match random.one_in(2) {
                    true => Target::Import { import: ImportId(random.pick(&imports)), addend: 0 },
                    false => Target::Func(func(random, image)),
                };
                refs.push(Ref { at, target });
                code.push(RawInsn::new(0x85, 0, 1, 0, -1));
            }
            3 | 4 => {
                let id = random.pick(helpers);
                if !random.one_in(4) {
                    arguments(random, image, id, &mut code, &mut refs);
                }
                code.push(RawInsn::new(0x85, 0, 0, 0, id));
            }
            5 => code.push(RawInsn::new(0xbf, reg, random.pick(&[0, 6, 7, 8, 10]), 0, 0)),
            6 => code.push(RawInsn::new(random.pick(&[0x07, 0xb7]), reg, 0, 0, random.imm() % 100)),
            7 if random.one_in(4) => code.push(RawInsn::new(0x8d, reg, 0, 0, 0)),
            _ => {
                let byte = |random: &mut Random| u8::try_from(random.below(256)).unwrap();
                let near = [0, 1, 8, 16, -1, -4, -8, -16, -32, -520, 60, i16::MIN];
                let imm = if random.one_in(2) {
                    random.imm()
                } else {
                    random.pick(&[0, 1, 8, 16, 32, 64, 0xf1, 0xe1])
                };
                let base = random.pick(&[reg, 6, 7, 8, 10]);
                let insn = RawInsn::new(byte(random), reg, base, random.pick(&near), imm);
                let turned = RawInsn::new(insn.code, base, reg, insn.off, insn.imm);
                let is_one = |insn: &&RawInsn| match Insn::decode(&[**insn]) {
                    Ok(Insn::Call(_) | Insn::LoadPacket { .. } | Insn::AddrSpaceCast { .. }) | Err(_) => {
                        false
                    }
                    Ok(insn) => insn.written() != skep_insn::Reg::new(10),
                };
                code.extend([insn, turned].iter().find(is_one));
            }
        }
    }
    code.push(RawInsn::new(0x95, 0, 0, 0, 0));
    for at in (0..).map(Slot).take(code.len()) {
        let Ok(insn) = Insn::decode(&code[at.index()..]) else { continue };
        let Some(off) = insn.jump_offset() else { continue };
        let lands = at.jump(off).and_then(|to| code.get(to.index())).is_some_and(|to| to.code != 0);
        if !lands {
            code[at.index()] = RawInsn::new(0xbf, 0, 6, 0, 0);
        }
    }
    (code, refs)
}

/// Sets `r1` to `r4` to what a helper may want: a map, or a callback behind a number, then places in the frame.
fn arguments(random: &mut Random, image: &Image, id: i32, code: &mut Vec<RawInsn>, refs: &mut Vec<Ref>) {
    let mut refer = |code: &mut Vec<RawInsn>, reg: u8, target: Target| {
        refs.push(Ref { at: Slot(u32::try_from(code.len()).unwrap()), target });
        code.extend([RawInsn::new(0x18, reg, 0, 0, 0), RawInsn::default()]);
    };
    let map = Target::Map(MapId(u32::try_from(random.below(image.maps.len())).unwrap()));
    let record = [132, 133].contains(&id) && random.one_in(2);
    match id {
        181 => code.push(RawInsn::new(0xb7, 1, 0, 0, random.imm() % 1000)),
        _ if record => code.push(RawInsn::new(0xbf, 1, 0, 0, 0)),
        _ if random.one_in(8) => code.push(RawInsn::new(0xbf, 1, 10, 0, 0)),
        _ => refer(code, 1, map),
    }
    for reg in [2, 3] {
        let from = random.pick(&[6, 10, 10, 10]);
        code.push(RawInsn::new(0xbf, reg, from, 0, 0));
        code.push(RawInsn::new(0x07, reg, 0, 0, random.pick(&[-8, -16, -64, -4, 8])));
    }
    if [164, 181].contains(&id) || random.one_in(8) {
        let callback = func(random, image);
        refer(code, 2, Target::Func(callback));
    }
    if id == 131 {
        code.push(RawInsn::new(0xb7, 2, 0, 0, random.pick(&[0, 8, 24, 1000, 4096, -1])));
        code.push(RawInsn::new(0xb7, 3, 0, 0, 0));
    }
    code.push(RawInsn::new(0xb7, 4, 0, 0, random.pick(&[0, 0, 0, 1, 2, 8, -1])));
}

fn func(random: &mut Random, image: &Image) -> FuncId {
    FuncId(u32::try_from(random.below(image.funcs.len())).unwrap())
}

/// What an instruction may refer to.
fn target(random: &mut Random, image: &Image) -> Target {
    match random.below(4) {
        0 => Target::Func(func(random, image)),
        1 => {
            let data = DataId(u32::try_from(random.below(image.data.len())).unwrap());
            Target::Data { data, offset: random.number().cast_signed() }
        }
        _ => Target::Map(MapId(u32::try_from(random.below(image.maps.len())).unwrap())),
    }
}

#[test]
fn random_functions_reach_nothing_but_their_own() {
    let (image, helpers, engine) = (everything(), helpers(), checked(&hosts()));
    assert!(helpers.len() > 40, "{helpers:?}");
    let ends = for_a_second("random functions", |random| {
        let mut image = image.clone();
        for name in ["main", "other"] {
            let (code, refs) = function(random, &image, &helpers);
            let func = image.funcs.iter_mut().find(|func| func.name == name).unwrap();
            (func.code, func.refs) = (code, refs);
            func.lines.clear();
        }
        let unit = engine.add(&image).unwrap_or_else(|error| panic!("{error:?}"));
        let progs = unit.map("progs").unwrap();
        progs.set_prog_slot(0, random.number() % 1000).unwrap();
        let first = run(&unit, random);
        let _ = run(&unit, random);
        first
    });
    for end in ["returned", "access", "Budget", "Unaligned", "NotAFunction"] {
        assert!(ends.get(end).is_some_and(|count| *count > 1), "no program ended by {end}: {ends:?}");
    }
    assert!(ends.values().sum::<u32>() > 500);
}

#[test]
fn random_bytes_reach_nothing_but_their_own() {
    let engine: Engine<Checked> = checked(&Hosts::new());
    let ends = for_a_second("random bytes", |random| {
        let valid = [0x07, 0x0f, 0x18, 0x61, 0x63, 0x79, 0x7b, 0xb7, 0xbf, 0xdb, 0x05, 0x15, 0x95];
        let byte = |random: &mut Random| random.next().to_le_bytes()[0];
        let slot = |random: &mut Random| {
            let wild = random.one_in(50);
            let code = if wild { byte(random) } else { random.pick(&valid) };
            let (dst, src) =
                if wild { (byte(random) & 15, byte(random) & 15) } else { (byte(random) % 10, 0) };
            let src = if matches!(code & 0xf, 0xf | 0xb | 0x9 | 0x1 | 0x3) {
                random.pick(&[1, 2, 10])
            } else {
                src
            };
            let off = if matches!(code, 0x05 | 0x15 | 0x61 | 0x79 | 0x63 | 0x7b | 0xdb) {
                random.below(9)
            } else {
                0
            };
            let imm = if matches!(code, 0x07 | 0x18 | 0xb7 | 0x15) { random.imm() } else { 0 };
            RawInsn::new(code, dst, src, i16::try_from(off).unwrap(), imm).to_bytes(Endian::Little)
        };
        let mut bytes: Vec<u8> = (0..1 + random.below(20)).flat_map(|_| slot(random)).collect();
        bytes.extend([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
        let code = RawInsn::slots(&bytes, Endian::Little).unwrap();
        let Ok(image) = skep_link::link_code("bytes", code) else { return "no code".to_owned() };
        let Ok(unit) = engine.add(&image) else { return "refused".to_owned() };
        run(&unit, random)
    });
    for end in ["no code", "returned", "access"] {
        assert!(ends.get(end).is_some_and(|count| *count > 10), "no program ended by {end}: {ends:?}");
    }
}

/// Changes something.
fn damage(random: &mut Random, image: &mut Image) {
    let small = |random: &mut Random| u32::try_from(random.number() & 0xffff_ffff).unwrap() % 16;
    let wild = |random: &mut Random| match random.below(6) {
        0 => Target::Func(FuncId(small(random))),
        1 => Target::Code { func: FuncId(small(random)), at: Slot(small(random)) },
        2 => Target::Data { data: DataId(small(random)), offset: random.number().cast_signed() },
        3 => Target::Map(MapId(small(random))),
        _ => Target::Import { import: ImportId(small(random)), addend: random.number().cast_signed() },
    };
    let func = random.below(image.funcs.len());
    let data = random.below(image.data.len());
    let map = random.below(image.maps.len());
    match random.below(14) {
        0 => {
            let code = &mut image.funcs[func].code;
            let at = random.below(code.len().max(1));
            if let Some(slot) = code.get_mut(at) {
                let bytes =
                    (u64::from_le_bytes(slot.to_bytes(Endian::Little)) ^ 1 << random.below(64)).to_le_bytes();
                *slot = RawInsn::from_bytes(bytes, Endian::Little);
            }
        }
        1 => {
            let keep = random.below(image.funcs[func].code.len() + 1);
            image.funcs[func].code.truncate(keep);
        }
        2 => {
            let target = wild(random);
            if let Some(r) = image.funcs[func].refs.first_mut() {
                r.target = target;
            }
        }
        3 => image.funcs[func].refs.push(Ref { at: Slot(small(random)), target: wild(random) }),
        4 => {
            image.funcs.swap_remove(func);
            if image.funcs.is_empty() {
                *image = everything();
            }
        }
        5 => image.data[data].size = random.number(),
        6 => image.data[data].align = 1_u64.checked_shl(small(random) * 5).unwrap_or(3),
        7 => {
            let target = wild(random);
            if let Some(r) = image.data[data].refs.first_mut() {
                (r.at, r.target) = (random.number(), target);
            }
        }
        8 => image.data[data].read_only ^= true,
        9 => image.maps[map].def.max_entries = small(random) << 8,
        10 => image.maps[map].def.value_size = small(random) << random.below(12),
        11 => image.maps[map].values.push((small(random), wild(random))),
        12 => image.maps[map].def.flags ^= 1 << random.below(12),
        _ => {
            let import = random.below(image.imports.len());
            let import = &mut image.imports[import];
            import.weak ^= true;
            import.kind = random.pick(&[ImportKind::Func, ImportKind::Address]);
            if random.one_in(3) {
                import.name.push('x');
            }
        }
    }
}

#[test]
fn damaged_images_are_refused_or_harmless() {
    let (image, engine) = (everything(), checked(&hosts()));
    let ends = for_a_second("damaged images", |random| {
        let mut image = image.clone();
        for _ in 0..1 + random.below(3) {
            damage(random, &mut image);
        }
        match engine.add(&image) {
            Ok(unit) => run(&unit, random),
            Err(error) => {
                assert!(!error.to_string().is_empty());
                format!("{error:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
            }
        }
    });
    for end in ["Image", "Map", "Unresolved", "Memory", "access", "Insn"] {
        assert!(ends.get(end).is_some_and(|count| *count > 1), "no image ended by {end}: {ends:?}");
    }
}

#[test]
fn damaged_objects_are_refused_or_harmless() {
    let object = skep_object::asm::assemble("everything.s", EVERYTHING).unwrap();
    let (bytes, engine) = (skep_object::elf::write(&object), checked(&hosts()));
    let ends = for_a_second("damaged objects", |random| {
        let mut bytes = bytes.clone();
        for _ in 0..1 + random.below(4) {
            let at = random.below(bytes.len());
            bytes[at] = match random.below(3) {
                0 => random.next().to_le_bytes()[0],
                1 => bytes[at] ^ 1 << random.below(8),
                _ => random.pick(&[0, 1, 0x7f, 0x80, 0xff]),
            };
        }
        let Ok(object) = skep_object::elf::read("damaged.o", &bytes) else { return "no object".to_owned() };
        let Ok(image) = skep_link::link(&object, &skep_link::Options::new()) else {
            return "no image".to_owned();
        };
        match engine.add(&image) {
            Ok(unit) => run(&unit, random),
            Err(error) => format!("{error:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned(),
        }
    });
    for end in ["no object", "no image", "returned", "access"] {
        assert!(ends.get(end).is_some_and(|count| *count > 1), "no object ended by {end}: {ends:?}");
    }
    assert!(!ends.contains_key("Image"), "the linker made an image that its checker refuses: {ends:?}");
}
