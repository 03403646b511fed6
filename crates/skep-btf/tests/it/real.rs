//! What compilers and the running kernel make, judged by `bpftool`.

use std::fmt::Write as _;
use std::fs;
use std::time::Instant;

use skep_btf::maps::{self, Unknown};
use skep_btf::{Btf, BtfExt, ByteOff, CoreKind, Endian, Kind, Type, dump};

use crate::tools::{TempDir, compiled, compiled_by_gcc, kernel, run};

const C: &str = include_str!("kinds.c");

/// What `bpftool` and we print must not differ in a single byte.
fn compare_with_bpftool(btf: &Btf, dir: &TempDir, bytes: &[u8]) {
    let file = dir.file("blob");
    fs::write(&file, bytes).unwrap();
    let same = |ours: Vec<u8>, theirs: &str| {
        let ours = String::from_utf8_lossy(&ours);
        // JSON is one line: what differs is shown with a little around it.
        if let Some(at) = ours.bytes().zip(theirs.bytes()).position(|(ours, theirs)| ours != theirs) {
            let around = at.saturating_sub(60)..at + 20;
            let show = |text: &str| {
                String::from_utf8_lossy(&text.as_bytes()[around.start..around.end.min(text.len())])
                    .into_owned()
            };
            panic!("at byte {at}: {:?}, expected {:?}", show(&ours), show(theirs));
        }
        assert!(ours == theirs, "{} bytes, expected {}", ours.len(), theirs.len());
    };
    let mut ours = Vec::new();
    let Some(theirs) = run("bpftool", &[&"btf", &"dump", &"file", &file, &"format", &"raw"]) else { return };
    dump::raw(btf, btf.ids(), &mut ours).unwrap();
    same(ours, &theirs);
    let mut ours = Vec::new();
    let Some(theirs) = run("bpftool", &[&"--json", &"btf", &"dump", &"file", &file]) else { return };
    dump::json(btf, btf.ids(), &mut ours).unwrap();
    same(narrowed(&String::from_utf8_lossy(&ours)).into(), &narrowed(&theirs));
}

/// The JSON of bpftool 7.1 has 32-bit enumerators above 0x7fff_ffff sign-extended to 64 bits, though they are unsigned.
fn narrowed(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut parts = json.split("\"val\":");
    out.push_str(parts.next().unwrap());
    for part in parts {
        let (number, rest) = part.split_at(part.find('}').unwrap());
        let extended = number.parse::<u64>().ok().filter(|&number| number >= 0xffff_ffff_8000_0000);
        let number = extended.map_or(number.to_owned(), |number| (number & 0xffff_ffff).to_string());
        write!(out, "\"val\":{number}{rest}").unwrap();
    }
    out
}

#[test]
fn the_kernels_types_survive_a_round_trip() {
    let Some(bytes) = kernel() else { return };
    let start = Instant::now();
    let btf = Btf::parse(&bytes).unwrap();
    let parsed = start.elapsed();
    let start = Instant::now();
    let task = btf.find_by_name(Kind::Struct, "task_struct").unwrap();
    let (indexed, count, held) = (start.elapsed(), btf.count(), btf.footprint());
    eprintln!("{count} types, {} bytes: {parsed:?}; by name: {indexed:?}; {held} bytes held", bytes.len());
    assert!(btf.ty(task).members().unwrap().len() > 50);
    assert!(btf.to_bytes(Endian::Little) == bytes, "the kernel's own encoding is ours");
    assert!(Btf::parse(&btf.to_bytes(Endian::Big)).unwrap() == btf);
    compare_with_bpftool(&btf, &TempDir::new("kernel"), &bytes);
}

#[test]
fn clangs_types_survive_a_round_trip() {
    for (target, endian) in [("bpfel", Endian::Little), ("bpfeb", Endian::Big)] {
        let dir = TempDir::new(target);
        let Some((types, records)) = compiled(&dir, C, target) else { return };
        let btf = Btf::parse(&types).unwrap();
        assert_eq!(Endian::of_section(&types), Some(endian));
        assert_eq!(btf.to_bytes(endian), types, "clang's own encoding is ours");
        compare_with_bpftool(&btf, &dir, &types);
        for &kind in Kind::ALL {
            assert!(btf.iter().any(|(_, ty)| ty.kind() == Some(kind)), "{target} has no {kind}");
        }

        let ext = BtfExt::parse(&records, &btf).unwrap();
        assert_eq!(ext.to_bytes(endian), records, "clang's own encoding is ours");
        let other = match endian {
            Endian::Little => Endian::Big,
            Endian::Big => Endian::Little,
        };
        assert_eq!(BtfExt::parse(&ext.to_bytes(other), &btf), Ok(ext));
    }
}

#[test]
fn an_instruction_leads_to_its_source() {
    let dir = TempDir::new("source");
    let Some((types, records)) = compiled(&dir, C, "bpfel") else { return };
    let btf = Btf::parse(&types).unwrap();
    let ext = BtfExt::parse(&records, &btf).unwrap();

    let funcs: Vec<_> = ext.funcs_of(&btf, "xdp").collect();
    assert_eq!(funcs.len(), 1);
    assert_eq!((funcs[0].at, btf.name(funcs[0].func)), (ByteOff(0), "entry"));
    assert!(matches!(btf.ty(funcs[0].func), Type::Func(_)));
    assert_eq!(ext.funcs_of(&btf, ".text").map(|func| btf.name(func.func)).collect::<Vec<_>>(), ["sum"]);

    let lines = ext.lines_of(&btf, "xdp");
    let first = lines.at(ByteOff(0)).unwrap();
    assert!(first.file.ends_with("in.c"), "{}", first.file);
    assert!(lines.records().len() >= 4);
    for record in lines.records() {
        let line = lines.show(record);
        let expected = C.lines().nth(usize::try_from(line.line).unwrap() - 1).unwrap();
        assert_eq!(line.text, expected, "line {}", line.line);
    }
    assert!(lines.records().iter().any(|record| lines.show(record).text.contains("ctx->mark")));

    let relos: Vec<_> = ext.relos_of(&btf, "xdp").collect();
    assert_eq!(relos.len(), 2);
    for relo in relos {
        assert_eq!(relo.kind, CoreKind::FieldByteOffset);
        assert_eq!(btf.name(relo.ty), "sk");
        assert!(["0:0", "0:1"].contains(&btf.string(relo.access)));
    }
}

/// gcc 12 calls `char` both signed and a character, and leaves junk in forward declarations.
#[test]
fn gccs_types_are_read() {
    let dir = TempDir::new("gcc");
    let source = "
        typedef unsigned int u32;
        struct later;
        enum e { A, B = -3 };
        struct s {
            int a : 3;
            u32 b : 5;
            struct later *later;
            enum e e;
            char text[7];
            double d;
            _Bool flag;
            union { int x; long y; };
            int (*callback)(const char *, ...);
        };
        struct s global = {1};
        static volatile int counter = 3;
        const char constant[] = \"hello\";
        extern int elsewhere;
        struct { int (*type)[1]; int (*max_entries)[4]; int *key; struct s *value; } map
            __attribute__((section(\".maps\")));
        int called(int, void *);
        int f(struct s *p) { return p->a + global.b + counter++ + elsewhere + called(1, &map); }";
    let Some((types, records)) = compiled_by_gcc(&dir, source) else { return };
    let btf = Btf::parse(&types).unwrap();
    compare_with_bpftool(&btf, &dir, &types);
    assert!(Btf::parse(&btf.to_bytes(Endian::Little)).unwrap() == btf);
    for kind in [Kind::Fwd, Kind::Enum, Kind::Float, Kind::Func, Kind::FuncProto, Kind::Var, Kind::Datasec] {
        assert!(btf.iter().any(|(_, ty)| ty.kind() == Some(kind)), "no {kind}");
    }
    BtfExt::parse(&records, &btf).unwrap();
    let found = maps::read(&btf, Unknown::Refuse).unwrap();
    assert_eq!((found.len(), found[0].name.as_str(), found[0].decl.max_entries), (1, "map", 4));
    assert_eq!((found[0].decl.key.size(), found[0].decl.value.size()), (4, 64));
}
