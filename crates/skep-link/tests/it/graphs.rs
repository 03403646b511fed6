//! Random programs: whatever refers to whatever, however it is written down, the image says the same.
//!
//! A program is made as a graph first, and written as an object from that; the expectation comes from the graph.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::{Duration, Instant};

use skep_link::{Options, check, link};
use skep_object::Image;
use skep_object::image::{ImportKind, Target};

use crate::dsl::object;
use crate::random::Random;

const TIME: Duration = Duration::from_secs(1);

/// What a reference of the program means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum To {
    Func(usize),
    /// Section, and offset in it.
    Data(usize, i64),
    Map(usize),
    Ext(usize, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Local,
    Hidden,
    Global,
}

#[derive(Debug)]
struct Func {
    /// Index in `sections`.
    section: usize,
    scope: Scope,
    /// Whether each is a call.
    refs: Vec<(bool, To)>,
    /// In slots, from the start of the section.
    start: usize,
}

#[derive(Debug)]
struct Program {
    /// Functions in the order of their sections.
    funcs: Vec<Func>,
    /// Of each data section its pointers.
    data: Vec<Vec<To>>,
    /// Of each map its values.
    maps: Vec<Vec<To>>,
}

const CODE: [&str; 5] = [".text", ".text.cold", "xdp", "BEGIN", "tc"];
const EXTERNALS: usize = 4;
/// Words in a data section.
const WORDS: usize = 6;

impl Program {
    fn new(random: &mut Random) -> Program {
        let (funcs, data, maps) = (1 + random.below(12), random.below(4), random.below(3));
        let sections = 1 + random.below(CODE.len());
        let mut of_func: Vec<usize> = (0..funcs).map(|_| random.below(sections)).collect();
        of_func.sort_unstable();
        let to = |random: &mut Random| match random.below(8) {
            0..4 => To::Func(random.below(funcs)),
            4 | 5 if data > 0 => {
                To::Data(random.below(data), i64::try_from(random.below(8 * WORDS + 1)).unwrap())
            }
            6 if maps > 0 => To::Map(random.below(maps)),
            _ => To::Ext(random.below(EXTERNALS), i64::try_from(random.below(3)).unwrap() * 8),
        };
        let mut program = Program { funcs: Vec::new(), data: Vec::new(), maps: Vec::new() };
        for section in of_func {
            let start = program.funcs.iter().filter(|func| func.section == section).map(Func::len).sum();
            let refs = (0..random.below(5)).map(|_| match (random.one_in(2), to(random)) {
                (true, To::Func(func)) => (true, To::Func(func)),
                (true, To::Ext(ext, _)) => (true, To::Ext(ext, 0)),
                (_, to) => (false, to),
            });
            let refs = refs.collect();
            let scope = [Scope::Local, Scope::Local, Scope::Hidden, Scope::Global][random.below(4)];
            program.funcs.push(Func { section, scope, refs, start });
        }
        program.data = (0..data).map(|_| (0..WORDS).map(|_| to(random)).collect()).collect();
        for _ in 0..maps {
            let values = (0..random.below(3)).map(|_| match random.below(2) {
                0 => To::Map(random.below(maps)),
                _ => To::Func(random.below(funcs)),
            });
            program.maps.push(values.collect());
        }
        program
    }

    /// The program as an object; what a name could say, a section and an offset say as well.
    fn write(&self, random: &mut Random) -> String {
        let mut out = String::new();
        for ext in 0..EXTERNALS {
            writeln!(out, "undefined e{ext}").unwrap();
        }
        for (number, section) in CODE.iter().enumerate() {
            let mut funcs = self.funcs.iter().enumerate().filter(|(_, f)| f.section == number).peekable();
            if funcs.peek().is_some() {
                writeln!(out, "section {section} code").unwrap();
            }
            funcs.for_each(|(id, func)| self.write_func(&mut out, random, id, func));
        }
        for (id, pointers) in self.data.iter().enumerate() {
            writeln!(out, "section .data.{id} data").unwrap();
            for (word, &to) in pointers.iter().enumerate() {
                let name = self.name(random, to);
                writeln!(out, "var d{id}_{word} 8\nptr {name}").unwrap();
            }
        }
        if !self.maps.is_empty() {
            writeln!(out, "section .maps maps").unwrap();
        }
        for (id, values) in self.maps.iter().enumerate() {
            write!(out, "map m{id}").unwrap();
            for (slot, value) in values.iter().enumerate() {
                let (To::Func(to) | To::Map(to)) = value else { unreachable!("{value:?}") };
                let letter = if matches!(value, To::Func(_)) { 'f' } else { 'm' };
                write!(out, " {slot}={letter}{to}").unwrap();
            }
            writeln!(out).unwrap();
        }
        out
    }

    fn write_func(&self, out: &mut String, random: &mut Random, id: usize, func: &Func) {
        let scope = match func.scope {
            Scope::Local => "",
            Scope::Hidden => "global hidden",
            Scope::Global => "global",
        };
        writeln!(out, "func f{id} {scope}\nr0 = {id}").unwrap();
        let mut slot = func.start + 1;
        for &(is_call, to) in &func.refs {
            let name = self.name(random, to);
            match to {
                To::Func(callee)
                    if is_call && self.funcs[callee].section == func.section && random.one_in(2) =>
                {
                    let start = i64::try_from(self.funcs[callee].start).unwrap();
                    writeln!(out, "call pc{:+}", start - i64::try_from(slot).unwrap() - 1).unwrap();
                }
                _ if is_call => writeln!(out, "call pc-1 -> {name}").unwrap(),
                _ => writeln!(out, "r1 = 0 ll -> {name}").unwrap(),
            }
            slot += if is_call { 1 } else { 2 };
        }
        writeln!(out, "exit").unwrap();
    }

    /// A way to say what is meant.
    fn name(&self, random: &mut Random, to: To) -> String {
        match to {
            To::Func(id) if random.one_in(2) => format!("f{id}"),
            To::Func(id) => format!("{}+{}", CODE[self.funcs[id].section], self.funcs[id].start * 8),
            To::Data(section, offset) if random.one_in(2) => {
                let word = random.below(WORDS);
                format!("d{section}_{word}{:+}", offset - i64::try_from(word).unwrap() * 8)
            }
            To::Data(section, offset) => format!(".data.{section}+{offset}"),
            To::Map(id) if random.one_in(2) => format!("m{id}"),
            To::Map(id) => format!(".maps+{}", id * 32),
            To::Ext(id, addend) => format!("e{id}+{addend}"),
        }
    }

    /// What the image must hold: functions, data sections and maps, by number.
    fn reachable(&self, entries: Vec<To>) -> BTreeSet<To> {
        let mut kept = BTreeSet::new();
        let mut todo = entries;
        while let Some(to) = todo.pop() {
            let id = match to {
                To::Data(section, _) => To::Data(section, 0),
                To::Ext(id, _) => To::Ext(id, 0),
                other => other,
            };
            if kept.insert(id) {
                match id {
                    To::Func(f) => todo.extend(self.funcs[f].refs.iter().map(|&(_, to)| to)),
                    To::Data(section, _) => todo.extend(&self.data[section]),
                    To::Map(m) => todo.extend(&self.maps[m]),
                    To::Ext(..) => {}
                }
            }
        }
        kept
    }

    fn visible(&self) -> Vec<To> {
        let is_entry = |func: &Func| func.scope == Scope::Global || !CODE[func.section].starts_with(".text");
        let funcs = self.funcs.iter().enumerate().filter(|(_, func)| is_entry(func));
        let maps = (0..self.maps.len()).map(To::Map);
        funcs.map(|(id, _)| To::Func(id)).chain(maps).collect()
    }

    fn all(&self) -> Vec<To> {
        let funcs = (0..self.funcs.len()).map(To::Func);
        let data = (0..self.data.len()).map(|section| To::Data(section, 0));
        funcs.chain(data).chain((0..self.maps.len()).map(To::Map)).collect()
    }
}

impl Func {
    fn len(&self) -> usize {
        2 + self.refs.iter().map(|&(is_call, _)| if is_call { 1 } else { 2 }).sum::<usize>()
    }
}

/// The number in a name like `f12` or `.data.12`.
fn number(name: &str) -> usize {
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

fn to(image: &Image, target: Target) -> To {
    match target {
        // Not by its name: the number that it loads says which it is.
        Target::Func(func) => To::Func(usize::try_from(image.func(func).code[0].imm).unwrap()),
        Target::Code { .. } => panic!("{target:?}"),
        Target::Data { data, offset } => To::Data(number(&image.data[data.0 as usize].name), offset),
        Target::Map(map) => To::Map(number(&image.maps[map.0 as usize].def.name)),
        Target::Import { import, addend } => To::Ext(number(&image.imports[import.0 as usize].name), addend),
    }
}

fn check_image(program: &Program, image: &Image, kept: &BTreeSet<To>) {
    let mut found = BTreeSet::new();
    for func in &image.funcs {
        let id = usize::try_from(func.code[0].imm).unwrap();
        found.insert(To::Func(id));
        let refs: Vec<_> = func.refs.iter().map(|r| to(image, r.target)).collect();
        let expected: Vec<_> = program.funcs[id].refs.iter().map(|&(_, to)| to).collect();
        assert_eq!(refs, expected, "f{id}");
        assert_eq!(func.name, format!("f{id}"));
        assert_eq!(func.code.len(), program.funcs[id].len());
        assert_eq!(func.exported, program.funcs[id].scope == Scope::Global);
    }
    for data in &image.data {
        let id = number(&data.name);
        found.insert(To::Data(id, 0));
        let refs: Vec<_> = data.refs.iter().map(|r| to(image, r.target)).collect();
        assert_eq!(refs, program.data[id], "{}", data.name);
    }
    for map in &image.maps {
        let id = number(&map.def.name);
        found.insert(To::Map(id));
        let values: Vec<_> = map.values.iter().map(|&(_, target)| to(image, target)).collect();
        assert_eq!(values, program.maps[id], "m{id}");
    }
    for import in &image.imports {
        let id = number(&import.name);
        found.insert(To::Ext(id, 0));
        let calls =
            |to: &To| matches!(to, To::Func(f) if program.funcs[*f].refs.contains(&(true, To::Ext(id, 0))));
        assert_eq!(import.kind == ImportKind::Func, kept.iter().any(calls), "e{id}");
    }
    assert_eq!(&found, kept);
}

#[test]
fn images_say_what_programs_mean() {
    let mut random = Random(0x5eed_0003);
    let (mut programs, mut refs) = (0u32, 0usize);
    let start = Instant::now();
    while start.elapsed() < TIME {
        let program = Program::new(&mut random);
        let text = program.write(&mut random);
        let object = object(&text);
        let entry = random.below(program.funcs.len());
        for (options, entries) in [
            (Options::new(), program.visible()),
            (Options::new().keep_everything(), program.all()),
            (Options::new().entry(format!("f{entry}")), vec![To::Func(entry)]),
        ] {
            let image = link(&object, &options).unwrap_or_else(|error| panic!("{error}\n{text}"));
            check::image(&image).unwrap_or_else(|error| panic!("{error}\n{text}"));
            check_image(&program, &image, &program.reachable(entries));
            refs += image.funcs.iter().map(|func| func.refs.len()).sum::<usize>();
        }
        programs += 1;
    }
    eprintln!("{programs} programs, {refs} references of code");
    assert!(programs > 100 && refs > 1000);
}
