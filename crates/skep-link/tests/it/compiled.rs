//! Objects of compilers, linked: whatever the options, the same things refer to the same things.

use std::collections::BTreeSet;
use std::error::Error as _;

use skep_link::{Options, check, link};
use skep_object::elf;
use skep_object::image::{Image, Target};

use crate::tools::compile;

const CLANG: &str = "clang-22";
const GCC: &str = "bpf-gcc";

fn linked(bytes: &[u8], what: &str, options: &Options) -> Image {
    let object =
        elf::read("c.o", bytes).unwrap_or_else(|error| panic!("{what}: {error}: {:?}", error.source()));
    let image = link(&object, options).unwrap_or_else(|error| panic!("{what}: {error}"));
    check::image(&image).unwrap_or_else(|error| panic!("{what}: {error}"));
    image
}

/// Every option of clang that changes how references are written.
fn clang_options(target: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let cpus = ["-mcpu=v1", "-mcpu=v2", "-mcpu=v3", "-mcpu=v4"];
    let levels = ["-O0", "-O1", "-O2"];
    let sections = ["-fno-function-sections", "-ffunction-sections"];
    let debug = ["-g0", "-g"];
    cpus.into_iter().flat_map(move |cpu| {
        levels.into_iter().flat_map(move |level| {
            sections.into_iter().flat_map(move |section| {
                debug.into_iter().map(move |debug| vec!["-target", target, cpu, level, section, debug])
            })
        })
    })
}

fn gcc_options() -> impl Iterator<Item = Vec<&'static str>> {
    ["-mcpu=v1", "-mcpu=v2", "-mcpu=v3"].into_iter().flat_map(|cpu| {
        ["-O0", "-O1", "-O2"]
            .into_iter()
            .flat_map(move |level| ["-g0", "-gbtf"].into_iter().map(move |debug| vec![cpu, level, debug]))
    })
}

/// What refers to what, by name, without repetition: `prog -> twice`.
fn edges(image: &Image) -> BTreeSet<String> {
    let mut edges = BTreeSet::new();
    for func in &image.funcs {
        edges.extend(func.refs.iter().map(|r| format!("{} -> {}", func.name, name(image, r.target))));
    }
    for data in &image.data {
        for r in &data.refs {
            let holder =
                data.vars.iter().find(|var| (var.offset..var.offset + var.size.max(1)).contains(&r.at));
            let holder = holder.map_or(data.name.as_str(), |var| var.name.as_str());
            edges.insert(format!("{holder} -> {}", name(image, r.target)));
        }
    }
    for map in &image.maps {
        let values = map.values.iter();
        edges.extend(
            values.map(|&(slot, target)| format!("{}[{slot}] -> {}", map.def.name, name(image, target))),
        );
    }
    edges
}

fn name(image: &Image, target: Target) -> String {
    match target {
        Target::Func(func) => image.func(func).name.clone(),
        Target::Code { func, .. } => format!("{}[]", image.func(func).name),
        Target::Data { data, offset } => {
            let data = &image.data[data.0 as usize];
            let offset = u64::try_from(offset).unwrap();
            match data.vars.iter().find(|var| (var.offset..var.offset + var.size.max(1)).contains(&offset)) {
                Some(var) if offset == var.offset => var.name.clone(),
                Some(var) => format!("{}+{}", var.name, offset - var.offset),
                None => format!("{}+{offset}", data.name),
            }
        }
        Target::Map(map) => image.maps[map.0 as usize].def.name.clone(),
        Target::Import { import, addend } => {
            let import = &image.imports[import.0 as usize];
            let weak = if import.weak { "?" } else { "" };
            format!(
                "{:?} {}{weak}{}",
                import.kind,
                import.name,
                if addend == 0 { String::new() } else { addend.to_string() }
            )
        }
    }
}

fn check_edges(bytes: &[u8], what: &str, expected: &[&str]) {
    let image = linked(bytes, what, &Options::new());
    let found = edges(&image);
    for edge in expected {
        assert!(found.contains(*edge), "{what}: no {edge} in {found:#?}");
    }
    assert!(image.func_by_name("unused").is_none(), "{what}");
    assert_eq!(image.license.as_deref(), Some("GPL"), "{what}");
    assert_eq!(image.funcs_in("BEGIN").count(), 1, "{what}");
}

const REFS: &[&str] = &[
    "prog -> visible",
    "prog -> twice",
    "prog -> other",
    "prog -> Func hash",
    "prog -> Func maybe?",
    "prog -> names",
    "prog -> counter",
    "begin -> twice",
    "twice -> counter",
    "visible -> twice",
    "visible -> Address limit",
    "third -> table+8",
    "operation -> inc",
    "names -> first_name",
    "names -> second_name",
];

#[test]
fn clang_objects_link_alike() {
    // Byte order and instruction set are independent: one version shows both.
    let big = clang_options("bpfeb").filter(|options| options.contains(&"-mcpu=v4"));
    for options in clang_options("bpfel").chain(big) {
        let Some(bytes) = compile(CLANG, &options, "refs.c") else { return };
        check_edges(&bytes, &format!("{options:?}"), REFS);
    }
}

#[test]
fn gcc_objects_link_alike() {
    for options in gcc_options() {
        let Some(bytes) = compile(GCC, &options, "refs.c") else { return };
        check_edges(&bytes, &format!("{options:?}"), REFS);
    }
}

#[test]
fn maps_link_with_their_values() {
    for (compiler, options) in [(CLANG, vec!["-target", "bpf", "-O2", "-g"]), (GCC, vec!["-O2", "-gbtf"])] {
        let Some(bytes) = compile(compiler, &options, "maps.c") else { return };
        let image = linked(&bytes, compiler, &Options::new());
        let found = edges(&image);
        for edge in ["prog -> counts", "prog -> progs", "progs[2] -> tail"] {
            assert!(found.contains(edge), "{compiler}: no {edge} in {found:#?}");
        }
        assert_eq!(image.maps.len(), 3, "{compiler}");
        let image = linked(&bytes, compiler, &Options::new().entry("tail"));
        assert!(image.maps.is_empty(), "{compiler}");
    }
}

const SOURCE: &str = include_str!("c/refs.c");

#[test]
fn lines_and_types_belong_to_their_functions() {
    for section in ["-fno-function-sections", "-ffunction-sections"] {
        let Some(bytes) = compile(CLANG, &["-target", "bpf", "-O2", "-g", section], "refs.c") else { return };
        let image = linked(&bytes, section, &Options::new());
        let btf = image.btf.as_ref().unwrap();
        for func in &image.funcs {
            assert_eq!(btf.name(func.ty.unwrap()), func.name, "{section}");
            let first = func.lines.first().unwrap();
            assert_eq!(first.at.0, 0, "{}", func.name);
            assert!(image.files[first.file as usize].ends_with("refs.c"));
            for line in &func.lines {
                let index = usize::try_from(line.line).unwrap().checked_sub(1);
                let source = index.and_then(|index| SOURCE.lines().nth(index));
                assert_eq!(Some(btf.string(line.text)), source, "{}: {line:?}", func.name);
            }
        }
        let hash = image.imports.iter().find(|import| import.name == "hash").unwrap();
        assert_eq!(btf.name(hash.ty.unwrap()), "hash");
        for data in
            image.data.iter().filter(|data| [".data", ".bss", ".rodata"].contains(&data.name.as_str()))
        {
            assert_eq!(btf.name(data.ty.unwrap()), data.name);
        }
    }
}

#[test]
fn jump_tables_of_clang_lead_into_their_functions() {
    let tables = |target: &'static str| {
        ["-O0", "-O2"].into_iter().flat_map(move |level| {
            ["-g0", "-g"].into_iter().flat_map(move |debug| {
                ["-fno-function-sections", "-ffunction-sections"]
                    .into_iter()
                    .map(move |sections| vec!["-target", target, "-mcpu=v4", level, debug, sections])
            })
        })
    };
    for mut options in tables("bpfel").chain(tables("bpfeb")) {
        let labels = options.contains(&"-O2");
        if labels {
            options.push("-DLABELS");
        }
        let Some(bytes) = compile(CLANG, &options, "switch.c") else { return };
        let image = linked(&bytes, &format!("{options:?}"), &Options::new());
        let count = |func: &str| {
            let labels = image.data.iter().flat_map(|data| &data.refs);
            labels.filter(|r| name(&image, r.target) == format!("{func}[]")).count()
        };
        let counts = ["first", "second", "both", "labels"].map(count);
        assert_eq!(counts, [30, 30, 60, if labels { 3 } else { 0 }], "{options:?}");
        let has_gotox = image.funcs.iter().any(|func| func.code.iter().any(|insn| insn.code == 0x0d));
        assert!(has_gotox, "{options:?}");
        let alone = linked(&bytes, &format!("{options:?}"), &Options::new().entry("first"));
        let refs: usize = alone.data.iter().map(|data| data.refs.len()).sum();
        assert_eq!(refs, 30, "{options:?}");
    }
}
