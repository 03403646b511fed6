//! Objects from text, as wrong as a test wants them; and images as text.
//!
//! One statement a line. `section NAME KIND` begins a section, `func NAME [global|weak|hidden]` or `var NAME SIZE [..]`
//! defines a symbol where it stands. In code, a line is an instruction, and `-> SYMBOL[+N|-N]` behind it a relocation;
//! in data, `ptr SYMBOL[+N]` or `zeros N`. `map NAME [slot=SYMBOL ..]` in a section of maps. `undefined NAME [weak]` and
//! `absolute NAME VALUE` need no section. `reloc OFFSET KIND SYMBOL [ADDEND]` patches any place of the section.
//! A section's name is also its symbol.

use std::fmt::Write;

use skep_btf::maps::MapType;
use skep_insn::text::parse;
use skep_object::MapDef;
use skep_object::image::{Image, Target};
use skep_object::object::{
    Binding, Contents, Func, Map, Object, Place, Reloc, RelocKind, Section, SectionId, SectionKind, Symbol,
    SymbolId, SymbolKind,
};

/// Reads an object.
pub(crate) fn object(text: &str) -> Object {
    let mut object = Object { name: "app.o".to_owned(), ..Object::default() };
    let lines: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split('#').next().unwrap().split_whitespace().collect())
        .filter(|words: &Vec<_>| !words.is_empty())
        .collect();
    // Symbols of everything first, so that relocations can name what comes later.
    let mut place = SectionId(0);
    for words in &lines {
        let at = Place::Section(place);
        match words[..] {
            ["section", name, kind] => {
                place = SectionId(number(object.sections.len()));
                object.sections.push(new_section(name, kind));
                object.symbols.push(symbol(name, Place::Section(place), SymbolKind::Section, &[]));
            }
            ["func", name, ref flags @ ..] => object.symbols.push(symbol(name, at, SymbolKind::Func, flags)),
            ["label", name, ref flags @ ..] => {
                object.symbols.push(symbol(name, at, SymbolKind::NoType, flags))
            }
            ["var", name, _, ref flags @ ..] => {
                object.symbols.push(symbol(name, at, SymbolKind::Object, flags))
            }
            ["map", name, ..] => object.symbols.push(symbol(name, at, SymbolKind::Object, &["global"])),
            ["undefined", name, ref flags @ ..] => {
                let flags = if flags.is_empty() { &["global"] } else { flags };
                object.symbols.push(symbol(name, Place::Undefined, SymbolKind::NoType, flags));
            }
            ["absolute", name, value] => {
                let number = symbol(name, Place::Absolute, SymbolKind::NoType, &["global"]);
                object.symbols.push(Symbol { value: value.parse().unwrap(), ..number });
            }
            _ => {}
        }
    }
    // Then everything else; symbols come by in the same order again.
    let mut ids = (0..).map(SymbolId);
    let mut next = || ids.next().unwrap();
    let mut section = 0;
    for (place, words) in lines.iter().enumerate() {
        let here = object.sections.get(section).map_or(0, |s| s.contents.len());
        match words[..] {
            ["section", ..] => {
                section = next_section(&lines[..=place]);
                next();
            }
            ["undefined" | "absolute", ..] => _ = next(),
            ["func", ..] | ["label", ..] => {
                let id = next();
                object.symbols[id.0 as usize].value = here;
                if words[0] == "func" {
                    let (section, start) = (SectionId(number(section)), u32::try_from(here / 8).unwrap());
                    object.funcs.push(Func { symbol: id, section, start, len: 0 });
                }
            }
            ["var", _, size, ..] => {
                let id = next();
                let var = &mut object.symbols[id.0 as usize];
                (var.value, var.size) = (here, size.parse().unwrap());
            }
            ["map", name, ref values @ ..] => {
                let id = next();
                (object.symbols[id.0 as usize].value, object.symbols[id.0 as usize].size) = (here, 32);
                let value = |v: &&str| {
                    let (slot, name) = v.split_once('=').unwrap();
                    (slot.parse().unwrap(), find(&object, name))
                };
                let values = values.iter().map(value).collect();
                let section = SectionId(number(section));
                object.maps.push(Map { symbol: id, section, offset: here, def: map_def(name), values });
                bytes(&mut object.sections[section.0 as usize]).extend([0; 32]);
            }
            ["reloc", offset, kind, name, ref addend @ ..] => {
                let addend = addend.first().map_or(0, |a| a.parse().unwrap());
                let symbol = find(&object, name);
                let reloc = Reloc { offset: offset.parse().unwrap(), kind: reloc_kind(kind), symbol, addend };
                object.sections[section].relocs.push(reloc);
            }
            ["ptr", target] => {
                let (symbol, addend) = target_of(&object, target);
                let section = &mut object.sections[section];
                section.relocs.push(Reloc { offset: here, kind: RelocKind::Abs64, symbol, addend });
                bytes(section).extend([0; 8]);
            }
            ["word", value] => {
                bytes(&mut object.sections[section]).extend(value.parse::<u64>().unwrap().to_le_bytes());
            }
            ["zeros", n] => match &mut object.sections[section].contents {
                Contents::Zeros(len) => *len += n.parse::<u64>().unwrap(),
                _ => {
                    let n: usize = n.parse().unwrap();
                    let bytes = bytes(&mut object.sections[section]);
                    bytes.resize(bytes.len() + n, 0);
                }
            },
            _ => {
                let line = words.join(" ");
                let (insn, target) = line.split_once(" -> ").map_or((&line[..], None), |(a, b)| (a, Some(b)));
                let insn = parse(insn).unwrap_or_else(|error| panic!("{insn}: {error}"));
                let reloc = target.map(|target| target_of(&object, target)).map(|(symbol, addend)| {
                    let kind = if insn.slots() == 2 { RelocKind::LoadImm64 } else { RelocKind::Call };
                    Reloc { offset: here, kind, symbol, addend }
                });
                let Contents::Code(code) = &mut object.sections[section].contents else { panic!("{line}") };
                code.extend(insn.encode().as_slice());
                object.sections[section].relocs.extend(reloc);
                let func = object.funcs.last_mut().expect("a function");
                func.len += insn.slots();
                object.symbols[func.symbol.0 as usize].size += u64::from(insn.slots()) * 8;
            }
        }
    }
    object
}

fn next_section(lines: &[Vec<&str>]) -> usize {
    lines.iter().filter(|words| words[0] == "section").count() - 1
}

fn new_section(name: &str, kind: &str) -> Section {
    let bytes = Contents::Bytes(Vec::new());
    let (kind, contents) = match kind {
        "code" => (SectionKind::Code, Contents::Code(Vec::new())),
        "data" => (SectionKind::Data, bytes),
        "rodata" => (SectionKind::Rodata, bytes),
        "bss" => (SectionKind::Bss, Contents::Zeros(0)),
        "maps" => (SectionKind::Maps, bytes),
        "note" => (SectionKind::Note, bytes),
        "other" => (SectionKind::Other, bytes),
        kind => panic!("section kind {kind}"),
    };
    Section { name: name.to_owned(), kind, align: 8, contents, relocs: Vec::new() }
}

fn symbol(name: &str, place: Place, kind: SymbolKind, flags: &[&str]) -> Symbol {
    let binding = match flags {
        _ if flags.contains(&"weak") => Binding::Weak,
        _ if flags.contains(&"global") => Binding::Global,
        _ => Binding::Local,
    };
    let hidden = flags.contains(&"hidden");
    Symbol { name: name.to_owned(), place, value: 0, size: 0, kind, binding, hidden }
}

fn bytes(section: &mut Section) -> &mut Vec<u8> {
    match &mut section.contents {
        Contents::Bytes(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

fn find(object: &Object, name: &str) -> SymbolId {
    let index = object.symbols.iter().position(|symbol| symbol.name == name);
    SymbolId(number(index.unwrap_or_else(|| panic!("symbol {name}"))))
}

fn target_of(object: &Object, text: &str) -> (SymbolId, i64) {
    let sign = text.find(['+', '-']).unwrap_or(text.len());
    (find(object, &text[..sign]), if sign < text.len() { text[sign..].parse().unwrap() } else { 0 })
}

fn reloc_kind(name: &str) -> RelocKind {
    let all = [RelocKind::LoadImm64, RelocKind::Call, RelocKind::Abs64, RelocKind::Abs32];
    all.into_iter().find(|kind| kind.spec_name() == format!("R_BPF_{name}")).unwrap()
}

fn map_def(name: &str) -> MapDef {
    MapDef {
        name: name.to_owned(),
        ty: MapType::HASH,
        key_size: 4,
        value_size: 8,
        max_entries: 16,
        flags: 0,
        numa_node: 0,
        pinned: false,
        extra: 0,
        key_type: None,
        value_type: None,
        inner: None,
        legacy: false,
    }
}

/// An image as text: what there is, and what refers to what.
pub(crate) fn show(image: &Image) -> String {
    let mut out = String::new();
    for func in &image.funcs {
        let names: Vec<_> = [&func.name].into_iter().chain(&func.aliases).map(String::as_str).collect();
        let exported = if func.exported { " exported" } else { "" };
        writeln!(out, "{}:{} {} slots{exported}", func.section, names.join("="), func.code.len()).unwrap();
        func.refs.iter().for_each(|r| writeln!(out, "  {} -> {}", r.at, target(image, r.target)).unwrap());
    }
    for data in &image.data {
        writeln!(out, "{}: {} of {} bytes", data.name, data.bytes.len(), data.size).unwrap();
        for var in &data.vars {
            let exported = if var.exported { " exported" } else { "" };
            writeln!(out, "  {}+{} {}{exported}", var.offset, var.size, var.name).unwrap();
        }
        data.refs.iter().for_each(|r| writeln!(out, "  {} -> {}", r.at, target(image, r.target)).unwrap());
    }
    for map in &image.maps {
        writeln!(out, "map {}", map.def.name).unwrap();
        map.values.iter().for_each(|&(slot, t)| writeln!(out, "  {slot} -> {}", target(image, t)).unwrap());
    }
    for import in &image.imports {
        let weak = if import.weak { " weak" } else { "" };
        writeln!(out, "import {} {:?}{weak}", import.name, import.kind).unwrap();
    }
    out
}

fn target(image: &Image, target: Target) -> String {
    match target {
        Target::Func(id) => {
            let func = image.func(id);
            format!("{}:{}", func.section, func.name)
        }
        Target::Code { func, at } => format!("{}[{at}]", image.func(func).name),
        Target::Data { data, offset } => format!("{}{offset:+}", image.data[data.0 as usize].name),
        Target::Map(map) => image.maps[map.0 as usize].def.name.clone(),
        Target::Import { import, addend: 0 } => image.imports[import.0 as usize].name.clone(),
        Target::Import { import, addend } => format!("{}{addend:+}", image.imports[import.0 as usize].name),
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap()
}
