//! What is kept: the entries, and whatever they refer to.
//!
//! Every reference is resolved here, once, and reported here if it has no meaning; later phases cannot fail on it.

use std::collections::HashMap;

use skep_insn::{SLOT_BYTES, Slot};
use skep_object::object::{Contents, Place, Reloc, RelocKind, Section, SectionId, SectionKind, SymbolId};

use crate::code::{CALL, GOTOX, LOAD_IMM64, PSEUDO_FUNC, PSEUDO_SUBPROG};
use crate::error::{Error, PlaceProblem, TargetProblem};
use crate::inputs::{FuncIndex, In, Inputs, JUMP_TABLES, MapIndex, PerObject};
use crate::options::Keep;
use crate::referent::Referent;
use crate::site::Site;
use crate::symbols::Symbols;
use crate::tables::JumpTables;
use skep_object::nearest::nearest;

/// What is kept, each thing with its references. `None` stands for what is left out.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) inputs: Inputs<'a>,
    /// The names that the host and other units see, of each function.
    pub(crate) exported: HashMap<In<FuncIndex>, Vec<In<SymbolId>>>,
    pub(crate) funcs: PerObject<Option<Vec<CodeRef>>>,
    pub(crate) data: PerObject<Option<Vec<Pointer>>>,
    pub(crate) maps: PerObject<Option<Vec<(u32, Referent)>>>,
    /// What is visible by name.
    pub(crate) symbols: &'a Symbols<'a>,
}

impl Kept<'_> {
    /// The references of a function that is kept, ordered by slot.
    pub(crate) fn code_refs(&self, func: In<FuncIndex>) -> &[CodeRef] {
        self.funcs[func.object as usize][func.id.0 as usize].as_deref().unwrap_or_default()
    }

    /// The pointers in a data section that is kept.
    pub(crate) fn pointers(&self, section: In<SectionId>) -> &[Pointer] {
        self.data[section.object as usize][section.id.0 as usize].as_deref().unwrap_or_default()
    }

    /// The initial values of a map that is kept, ordered by slot.
    pub(crate) fn map_values(&self, map: In<MapIndex>) -> &[(u32, Referent)] {
        self.maps[map.object as usize][map.id.0 as usize].as_deref().unwrap_or_default()
    }
}

/// A reference in code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CodeRef {
    /// The first slot of the instruction, from the start of the function.
    pub(crate) at: Slot,
    pub(crate) is_call: bool,
    pub(crate) referent: Referent,
}

/// A reference in data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pointer {
    /// Bytes from the start of the section.
    pub(crate) at: u64,
    pub(crate) referent: Referent,
}

/// Follows references from the entries on.
pub(crate) fn from<'a>(keep: &Keep, symbols: &'a Symbols<'a>) -> Result<Kept<'a>, Error> {
    let mut walk = Walk::new(symbols);
    match keep {
        Keep::Visible => walk.begin_with_visible(),
        Keep::Entries(names) => walk.begin_with_entries(names)?,
        Keep::All => walk.begin_with_all(),
    }
    let mut done = 0;
    while let Some(&item) = walk.reached.get(done) {
        done += 1;
        match item {
            Item::Func(func) => {
                let refs = walk.code_refs(func)?;
                walk.kept.funcs[func.object as usize][func.id.0 as usize] = Some(refs);
            }
            Item::Data(section) => {
                let pointers = walk.pointers(section)?;
                // Jump tables come as their functions are reached.
                walk.kept.data[section.object as usize][section.id.0 as usize]
                    .get_or_insert_default()
                    .extend(pointers);
            }
            Item::Map(map) => {
                let values = walk.map_values(map)?;
                walk.kept.maps[map.object as usize][map.id.0 as usize] = Some(values);
            }
        }
    }
    Ok(walk.kept)
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Func(In<FuncIndex>),
    Data(In<SectionId>),
    Map(In<MapIndex>),
}

struct Walk<'a> {
    symbols: &'a Symbols<'a>,
    kept: Kept<'a>,
    /// What has been reached, in this order, whether or not it has been looked at.
    reached: Vec<Item>,
    tables: JumpTables,
    /// Functions that pointers to labels lead to, and whether they have a use for them.
    has_gotox: HashMap<In<FuncIndex>, bool>,
}

impl<'a> Walk<'a> {
    fn new(symbols: &'a Symbols<'a>) -> Self {
        let inputs = symbols.inputs;
        let objects = inputs.objects;
        let mut kept = Kept {
            inputs,
            exported: HashMap::new(),
            funcs: objects.iter().map(|o| vec![None; o.funcs.len()]).collect(),
            data: objects.iter().map(|o| vec![None; o.sections.len()]).collect(),
            maps: objects.iter().map(|o| vec![None; o.maps.len()]).collect(),
            symbols,
        };
        for id in inputs.symbols().filter(|&id| symbols.is_exported(id)) {
            if let Ok(Referent::Func(func)) = symbols.referent(id, 0) {
                kept.exported.entry(func).or_default().push(id);
            }
        }
        Walk { symbols, kept, reached: Vec::new(), tables: JumpTables::default(), has_gotox: HashMap::new() }
    }

    fn begin_with_visible(&mut self) {
        let inputs = self.kept.inputs;
        for func in inputs.funcs() {
            let section = func.other(inputs.func(func).section);
            let symbol = func.other(inputs.func(func).symbol);
            let is_program =
                !is_text(&inputs.section(section).name) && self.symbols.definition(symbol) == symbol;
            if is_program || self.kept.exported.contains_key(&func) {
                self.reach(Item::Func(func));
            }
        }
        for id in inputs.symbols().filter(|&id| self.symbols.is_exported(id)) {
            let Place::Section(section) = inputs.symbol(id).place else { continue };
            match self.symbols.referent(id, 0) {
                Ok(Referent::Map(map)) => self.reach(Item::Map(map)),
                Ok(Referent::Data(..)) if is_program_data(inputs.section(id.other(section))) => {
                    self.reach(Item::Data(id.other(section)));
                }
                _ => {}
            }
        }
    }

    fn begin_with_entries(&mut self, names: &[String]) -> Result<(), Error> {
        for name in names {
            let func = self.entry(name)?;
            self.reach(Item::Func(func));
        }
        Ok(())
    }

    fn begin_with_all(&mut self) {
        let inputs = self.kept.inputs;
        inputs.funcs().for_each(|func| self.reach(Item::Func(func)));
        inputs.maps().for_each(|map| self.reach(Item::Map(map)));
        let data = inputs.sections().filter(|&id| is_program_data(inputs.section(id)));
        data.for_each(|section| self.reach(Item::Data(section)));
    }

    /// The function of this name: the visible one, or else the only one.
    fn entry(&self, name: &str) -> Result<In<FuncIndex>, Error> {
        let inputs = self.kept.inputs;
        if let Some(symbol) = self.symbols.by_name(name)
            && let Ok(Referent::Func(func)) = self.symbols.referent(symbol, 0)
        {
            return Ok(func);
        }
        let mut named = inputs.funcs().filter(|&func| inputs.func_name(func) == name);
        match (named.next(), named.next()) {
            (Some(func), None) => Ok(func),
            (Some(first), Some(second)) => {
                let site = |func| Site::in_func(&inputs, func, Slot(0));
                Err(Error::AmbiguousEntry { name: name.to_owned(), first: site(first), second: site(second) })
            }
            (None, _) => {
                let near = nearest(name, inputs.funcs().map(|func| inputs.func_name(func)));
                let objects: Vec<_> = inputs.objects.iter().map(|object| object.name.as_str()).collect();
                Err(Error::UnknownEntry { name: name.to_owned(), object: objects.join(", "), near })
            }
        }
    }

    /// Puts something on the list, once.
    fn reach(&mut self, item: Item) {
        let is_new = match item {
            Item::Func(f) => mark(&mut self.kept.funcs, f.object, f.id.0),
            Item::Data(s) => mark(&mut self.kept.data, s.object, s.id.0),
            Item::Map(m) => mark(&mut self.kept.maps, m.object, m.id.0),
        };
        if is_new {
            self.reached.push(item);
        }
    }

    fn follow(&mut self, referent: Referent) {
        match referent {
            Referent::Func(func) | Referent::Code(func, _) => self.reach(Item::Func(func)),
            Referent::Data(section, _) => self.reach(Item::Data(section)),
            Referent::Map(map) => self.reach(Item::Map(map)),
            Referent::Undefined(..) | Referent::Number(_) => {}
        }
    }

    /// The references of a function: relocations, and calls and function addresses without one.
    fn code_refs(&mut self, func: In<FuncIndex>) -> Result<Vec<CodeRef>, Error> {
        let inputs = self.kept.inputs;
        let info = inputs.func(func);
        let section = func.other(info.section);
        let code = inputs.object(func.object).code(info);
        let start = Slot(info.start).bytes();
        let end = start + code.len() as u64 * SLOT_BYTES as u64;
        let mut relocs = within(&inputs.section(section).relocs, start, end).iter().peekable();
        let mut refs = Vec::with_capacity(relocs.len());
        let mut slots = (0..).map(Slot).zip(code);
        while let Some((at, insn)) = slots.next() {
            let here = start + at.bytes();
            let is_load = insn.code == LOAD_IMM64;
            let bare = match (insn.code, insn.src()) {
                (CALL, PSEUDO_SUBPROG) | (LOAD_IMM64, PSEUDO_FUNC) => Some(insn.imm),
                _ => None,
            };
            if let Some(reloc) = relocs.next_if(|reloc| reloc.offset < here + SLOT_BYTES as u64) {
                let place = self.code_place(reloc, here, insn.code, insn.src());
                place.map_err(|problem| self.place_error(section, reloc, problem))?;
                if let Some(second) = relocs.next_if(|next| next.offset < here + SLOT_BYTES as u64) {
                    return Err(self.place_error(section, second, PlaceProblem::Twice));
                }
                let referent = self.code_target(func, reloc)?;
                refs.push(CodeRef { at, is_call: !is_load, referent });
                self.follow(referent);
            } else if let Some(rel) = bare {
                let referent = self.bare_target(func, at, rel)?;
                refs.push(CodeRef { at, is_call: !is_load, referent });
                self.follow(referent);
            }
            if is_load && slots.next().is_some() {
                let behind = here + 2 * SLOT_BYTES as u64;
                if let Some(reloc) = relocs.next_if(|reloc| reloc.offset < behind) {
                    return Err(self.place_error(section, reloc, PlaceProblem::SecondSlot));
                }
            }
        }
        Ok(refs)
    }

    /// Whether the relocation fits the instruction that it patches.
    fn code_place(&self, reloc: &Reloc, here: u64, opcode: u8, src: u8) -> Result<(), PlaceProblem> {
        if reloc.offset != here {
            return Err(PlaceProblem::Misaligned);
        }
        match (reloc.kind, opcode) {
            (RelocKind::LoadImm64, LOAD_IMM64) => Ok(()),
            (RelocKind::Call, CALL) if src <= PSEUDO_SUBPROG => Ok(()),
            (RelocKind::LoadImm64, _) => {
                Err(PlaceProblem::Opcode { opcode, src, expected: "ld_imm64 (0x18)" })
            }
            (RelocKind::Call, _) => {
                Err(PlaceProblem::Opcode { opcode, src, expected: "a call (0x85) with src 0 or 1" })
            }
            (RelocKind::Abs64 | RelocKind::Abs32, _) => {
                Err(PlaceProblem::Kind { expected: "R_BPF_64_64 or R_BPF_64_32 in code" })
            }
        }
    }

    fn code_target(&mut self, func: In<FuncIndex>, reloc: &Reloc) -> Result<Referent, Error> {
        let inputs = self.kept.inputs;
        let section = func.other(inputs.func(func).section);
        let target = self.symbols.referent(func.other(reloc.symbol), reloc.addend);
        let target = target.and_then(|referent| match (reloc.kind, referent) {
            (_, Referent::Code(inside, at)) => Err(self.inside(inside, at)),
            (RelocKind::Call, Referent::Undefined(_, addend)) if addend != 0 => {
                Err(TargetProblem::BeyondImport { addend })
            }
            (RelocKind::Call, Referent::Func(_) | Referent::Undefined(..)) => Ok(referent),
            (RelocKind::Call, other) => Err(TargetProblem::NotCallable { found: other.describe() }),
            _ => Ok(referent),
        });
        let referent = target.map_err(|problem| self.target_error(section, reloc, problem))?;
        if let Referent::Data(data, offset) = referent
            && inputs.section(data).name == JUMP_TABLES
            && inputs.section(data).relocs.is_empty()
        {
            let entries = self.tables.load(&inputs, func, data, offset).map_err(|(table, problem)| {
                Error::JumpTable { site: Site::new(&inputs, section, reloc.offset), table, problem }
            })?;
            self.reach(Item::Data(data));
            self.kept.data[data.object as usize][data.id.0 as usize].get_or_insert_default().extend(entries);
        }
        Ok(referent)
    }

    /// The target of a call or function address that stands in the code as a distance.
    fn bare_target(&self, func: In<FuncIndex>, at: Slot, rel: i32) -> Result<Referent, Error> {
        let inputs = self.kept.inputs;
        let info = inputs.func(func);
        let section = func.other(info.section);
        let here = i128::from(info.start) + i128::from(at.0);
        let slot = here + 1 + i128::from(rel);
        let problem = match self.symbols.at(section, slot * SLOT_BYTES as i128) {
            Ok(Referent::Code(inside, at)) => self.inside(inside, at),
            Ok(referent) => return Ok(referent),
            Err(problem) => problem,
        };
        let site = Site::in_func(&inputs, func, at);
        Err(Error::Target { site, what: "call without relocation", target: format!("{rel:+}"), problem })
    }

    /// The references of a data section.
    fn pointers(&mut self, section: In<SectionId>) -> Result<Vec<Pointer>, Error> {
        let inputs = self.kept.inputs;
        let Section { contents, relocs, .. } = inputs.section(section);
        let mut pointers = Vec::with_capacity(relocs.len());
        let mut free = 0;
        for reloc in relocs {
            data_place(contents, reloc, free).map_err(|problem| self.place_error(section, reloc, problem))?;
            free = reloc.offset + 8;
            let mut target = self.symbols.referent(section.other(reloc.symbol), reloc.addend);
            // A jump table holds labels even where these are the function's first instruction.
            if let (JUMP_TABLES, Ok(Referent::Func(func))) = (inputs.section(section).name.as_str(), &target)
            {
                target = Ok(Referent::Code(*func, Slot(0)));
            }
            if let Ok(Referent::Code(func, slot)) = target
                && !*self.has_gotox.entry(func).or_insert_with(|| has_gotox(&inputs, func))
            {
                let func = inputs.func_name(func).to_owned();
                target = Err(TargetProblem::Label { func, into: slot.bytes() });
            }
            let referent = target.map_err(|problem| self.target_error(section, reloc, problem))?;
            pointers.push(Pointer { at: reloc.offset, referent });
            self.follow(referent);
        }
        Ok(pointers)
    }

    /// The initial values of a map, ordered by slot.
    fn map_values(&mut self, map: In<MapIndex>) -> Result<Vec<(u32, Referent)>, Error> {
        let inputs = self.kept.inputs;
        let info = inputs.map(map);
        let mut values = Vec::with_capacity(info.values.len());
        for &(slot, symbol) in &info.values {
            let symbol = map.other(symbol);
            let problem = match self.symbols.referent(symbol, 0) {
                Ok(referent @ (Referent::Func(_) | Referent::Map(_))) => {
                    values.push((slot, referent));
                    self.follow(referent);
                    continue;
                }
                Ok(other) => TargetProblem::NotMapValue { found: other.describe() },
                Err(problem) => problem,
            };
            return Err(Error::Target {
                site: Site::new(&inputs, map.other(info.section), info.offset),
                what: "initial value",
                target: format!("'{}'", inputs.symbol(symbol).name),
                problem,
            });
        }
        values.sort_by_key(|&(slot, _)| slot);
        Ok(values)
    }

    fn inside(&self, func: In<FuncIndex>, at: Slot) -> TargetProblem {
        let func = self.kept.inputs.func_name(func).to_owned();
        TargetProblem::InsideFunction { func, into: at.bytes() }
    }

    fn target_error(&self, section: In<SectionId>, reloc: &Reloc, problem: TargetProblem) -> Error {
        let inputs = self.kept.inputs;
        let name = &inputs.symbol(section.other(reloc.symbol)).name;
        let target = match reloc.addend {
            0 => format!("'{name}'"),
            addend if addend < 0 => format!("'{name}' - {:#x}", addend.unsigned_abs()),
            addend => format!("'{name}' + {addend:#x}"),
        };
        let site = Site::new(&inputs, section, reloc.offset);
        Error::Target { site, what: reloc.kind.spec_name(), target, problem }
    }

    fn place_error(&self, section: In<SectionId>, reloc: &Reloc, problem: PlaceProblem) -> Error {
        Error::Place { site: Site::new(&self.kept.inputs, section, reloc.offset), kind: reloc.kind, problem }
    }
}

/// Marks something as kept; whether it was not before.
fn mark<T>(kept: &mut PerObject<Option<Vec<T>>>, object: u32, id: u32) -> bool {
    let place = &mut kept[object as usize][id as usize];
    let is_new = place.is_none();
    place.get_or_insert_default();
    is_new
}

/// Whether a code section holds subprograms, which are nothing if nobody refers to them.
fn is_text(name: &str) -> bool {
    name == ".text" || name.starts_with(".text.")
}

/// Whether a section holds variables that exist whether or not code refers to them.
fn is_program_data(section: &Section) -> bool {
    !matches!(section.kind, SectionKind::Code | SectionKind::Maps | SectionKind::Note)
        && section.name != JUMP_TABLES
}

fn has_gotox(inputs: &Inputs<'_>, func: In<FuncIndex>) -> bool {
    inputs.object(func.object).code(inputs.func(func)).iter().any(|insn| insn.code == GOTOX)
}

/// The relocations of a range of bytes.
fn within(relocs: &[Reloc], start: u64, end: u64) -> &[Reloc] {
    let from = relocs.partition_point(|reloc| reloc.offset < start);
    let to = relocs.partition_point(|reloc| reloc.offset < end);
    &relocs[from..to]
}

/// Whether a relocation can be applied to data; `free` is where the one before ended.
fn data_place(contents: &Contents, reloc: &Reloc, free: u64) -> Result<(), PlaceProblem> {
    match reloc.kind {
        // Old clang wrote R_BPF_64_64 for pointers in data too.
        RelocKind::Abs64 | RelocKind::LoadImm64 => {}
        RelocKind::Abs32 => return Err(PlaceProblem::Narrow),
        RelocKind::Call => return Err(PlaceProblem::Kind { expected: "R_BPF_64_ABS64 in data" }),
    }
    let len = contents.len();
    match reloc.offset.checked_add(8) {
        _ if matches!(contents, Contents::Zeros(_)) => Err(PlaceProblem::Zeros),
        Some(end) if end <= len && reloc.offset < free => Err(PlaceProblem::Twice),
        Some(end) if end <= len => Ok(()),
        _ => Err(PlaceProblem::Outside { len }),
    }
}
