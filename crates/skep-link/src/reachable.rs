//! What is kept: the entries, and whatever they refer to.
//!
//! Every reference is resolved here, once, and reported here if it has no meaning; later phases cannot fail on it.

use std::collections::HashMap;

use skep_insn::helper::Helper;
use skep_insn::{SLOT_BYTES, Slot};
use skep_object::object::{Contents, Reloc, RelocKind, Section, SectionId, SectionKind, SymbolId};

use crate::code::{CALL, GOTOX, LOAD_IMM64, PSEUDO_FUNC, PSEUDO_SUBPROG};
use crate::error::{Error, PlaceProblem, TargetProblem};
use crate::objects::{FuncIndex, In, JUMP_TABLES, MapIndex, Objects, PerObject};
use crate::options::{Keep, Options};
use crate::pieces::{Piece, PieceIndex};
use crate::referent::Referent;
use crate::site::Site;
use crate::symbols::Symbols;
use crate::tables::JumpTables;
use skep_object::nearest::nearest;

/// What is kept, each thing with its references. `None` stands for what is left out.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) objects: Objects<'a>,
    /// The names that the host and other units see, of each function.
    pub(crate) exported: HashMap<In<FuncIndex>, Vec<In<SymbolId>>>,
    pub(crate) funcs: PerObject<Option<Vec<CodeRef>>>,
    pub(crate) data: PerObject<Option<Vec<Pointer>>>,
    pub(crate) maps: PerObject<Option<Vec<(u32, Referent)>>>,
    /// What is visible by name.
    pub(crate) symbols: Symbols<'a>,
}

impl Kept<'_> {
    /// The references of a function that is kept, ordered by slot.
    pub(crate) fn code_refs(&self, func: In<FuncIndex>) -> &[CodeRef] {
        self.funcs[func.object as usize][func.id.0 as usize].as_deref().unwrap_or_default()
    }

    /// The pointers in a piece of data that is kept.
    pub(crate) fn pointers(&self, piece: In<PieceIndex>) -> &[Pointer] {
        self.data[piece.object as usize][piece.id.0 as usize].as_deref().unwrap_or_default()
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
    /// Bytes from the start of the piece.
    pub(crate) at: u64,
    pub(crate) referent: Referent,
}

/// Follows references from the entries on, and pulls in from libraries what they lead to.
pub(crate) fn from<'a>(options: &Options, symbols: Symbols<'a>) -> Result<Kept<'a>, Error> {
    let mut walk = Walk::new(options, symbols);
    loop {
        match options.keep() {
            Keep::Visible => walk.begin_with_visible(),
            Keep::Entries(names) => walk.begin_with_entries(names)?,
            Keep::All => walk.begin_with_all(),
        }
        walk.follow_all()?;
        // What a weak definition stood for may have changed since it was looked at.
        if !walk.kept.symbols.take_replaced() {
            break;
        }
        walk = Walk::new(options, walk.kept.symbols);
    }
    walk.kept.exported = exported(&walk.kept.symbols);
    Ok(walk.kept)
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Func(In<FuncIndex>),
    Data(In<PieceIndex>),
    Map(In<MapIndex>),
}

struct Walk<'a, 'o> {
    options: &'o Options,
    kept: Kept<'a>,
    /// What has been reached, in this order, whether or not it has been looked at.
    reached: Vec<Item>,
    tables: JumpTables,
    /// Functions that pointers to labels lead to, and whether they have a use for them.
    has_gotox: HashMap<In<FuncIndex>, bool>,
}

/// The names by which others see each function.
fn exported(symbols: &Symbols<'_>) -> HashMap<In<FuncIndex>, Vec<In<SymbolId>>> {
    let mut exported: HashMap<_, Vec<_>> = HashMap::new();
    for id in symbols.counting().flat_map(|object| symbols.objects.symbols(object)) {
        if symbols.is_exported(id)
            && let Ok(Referent::Func(func)) = symbols.referent(id, 0)
        {
            exported.entry(func).or_default().push(id);
        }
    }
    exported
}

impl<'a, 'o> Walk<'a, 'o> {
    fn new(options: &'o Options, symbols: Symbols<'a>) -> Self {
        let objects = symbols.objects;
        let count = objects.len();
        let kept = Kept {
            objects,
            exported: HashMap::new(),
            funcs: (0..count).map(|_| Vec::new()).collect(),
            data: (0..count).map(|_| Vec::new()).collect(),
            maps: (0..count).map(|_| Vec::new()).collect(),
            symbols,
        };
        let mut walk = Walk {
            options,
            kept,
            reached: Vec::new(),
            tables: JumpTables::default(),
            has_gotox: HashMap::new(),
        };
        for object in walk.kept.symbols.counting().collect::<Vec<_>>() {
            walk.make_room(object);
        }
        walk
    }

    /// Makes room for what is kept of an object.
    fn make_room(&mut self, id: u32) {
        let object = self.kept.objects.object(id);
        self.kept.funcs[id as usize].resize(object.funcs.len(), None);
        self.kept.data[id as usize].resize(self.kept.objects.pieces(id).len(), None);
        self.kept.maps[id as usize].resize(object.maps.len(), None);
    }

    fn begin_with_visible(&mut self) {
        let objects = self.kept.objects;
        for func in objects.given().flat_map(|object| objects.funcs(object)) {
            let section = func.other(objects.func(func).section);
            let symbol = func.other(objects.func(func).symbol);
            if !is_text(&objects.section(section).name) && self.kept.symbols.definition(symbol) == symbol {
                self.reach(Item::Func(func));
            }
        }
        for id in objects.given().flat_map(|object| objects.symbols(object)) {
            if !self.kept.symbols.is_exported(id) {
                continue;
            }
            match self.kept.symbols.referent(id, 0) {
                Ok(Referent::Func(func)) => self.reach(Item::Func(func)),
                Ok(Referent::Map(map)) => self.reach(Item::Map(map)),
                Ok(Referent::Data(piece, _)) if is_program_data(objects.section_of(piece).1) => {
                    self.reach(Item::Data(piece));
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
        let objects = self.kept.objects;
        for object in objects.given() {
            objects.funcs(object).for_each(|func| self.reach(Item::Func(func)));
            for map in objects.maps(object) {
                let symbol = map.other(objects.map(map).symbol);
                if self.kept.symbols.definition(symbol) == symbol {
                    self.reach(Item::Map(map));
                }
            }
            for (id, section) in (0..).map(SectionId).zip(&objects.object(object).sections) {
                if is_program_data(section) {
                    let pieces = objects.pieces(object).of(id);
                    pieces.for_each(|piece| self.reach(Item::Data(In { object, id: piece })));
                }
            }
        }
    }

    /// Looks at everything that is reached, until that leads to nothing new.
    fn follow_all(&mut self) -> Result<(), Error> {
        let mut done = 0;
        while let Some(&item) = self.reached.get(done) {
            done += 1;
            match item {
                Item::Func(func) => {
                    let refs = self.code_refs(func)?;
                    self.kept.funcs[func.object as usize][func.id.0 as usize] = Some(refs);
                }
                Item::Data(piece) => {
                    let pointers = self.pointers(piece)?;
                    // Jump tables come as their functions are reached.
                    self.kept.data[piece.object as usize][piece.id.0 as usize]
                        .get_or_insert_default()
                        .extend(pointers);
                }
                Item::Map(map) => {
                    let values = self.map_values(map)?;
                    self.kept.maps[map.object as usize][map.id.0 as usize] = Some(values);
                }
            }
        }
        Ok(())
    }

    /// What a symbol means, wherever it is defined.
    fn referent(
        &mut self,
        symbol: In<SymbolId>,
        addend: i64,
    ) -> Result<Result<Referent, TargetProblem>, Error> {
        if let Some(object) = self.kept.symbols.supply(symbol)? {
            self.make_room(object);
        }
        let referent = self.kept.symbols.referent(symbol, addend);
        if let Ok(Referent::Undefined(id, addend)) = referent
            && let Some(value) = self.options.number(&self.kept.objects.symbol(id).name)
        {
            return Ok(Ok(Referent::Number(value.wrapping_add_signed(addend))));
        }
        Ok(referent)
    }

    /// The function of this name: the visible one, or else the only one.
    fn entry(&mut self, name: &str) -> Result<In<FuncIndex>, Error> {
        let objects = self.kept.objects;
        let mut named = objects
            .given()
            .flat_map(|object| objects.funcs(object))
            .filter(|&func| objects.func_name(func) == name);
        let named = (named.next(), named.next());
        if self.kept.symbols.by_name(name).is_none()
            && named.0.is_none()
            && let Some(object) = self.kept.symbols.supply_name(name)?
        {
            self.make_room(object);
        }
        if let Some(symbol) = self.kept.symbols.by_name(name)
            && let Ok(Referent::Func(func)) = self.kept.symbols.referent(symbol, 0)
        {
            return Ok(func);
        }
        match named {
            (Some(func), None) => Ok(func),
            (Some(first), Some(second)) => {
                let site = |func| Site::in_func(&objects, func, Slot(0));
                Err(Error::AmbiguousEntry { name: name.to_owned(), first: site(first), second: site(second) })
            }
            (None, _) => {
                let given = objects.given();
                let names = given.flat_map(|id| objects.funcs(id)).map(|func| objects.func_name(func));
                let near = nearest(name, names.chain(objects.supplied()));
                let names: Vec<_> = objects.given().map(|id| objects.object(id).name.as_str()).collect();
                Err(Error::UnknownEntry { name: name.to_owned(), object: names.join(", "), near })
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
            Referent::Undefined(..) | Referent::Number(_) | Referent::Helper(_) => {}
        }
    }

    /// The references of a function: relocations, and calls and function addresses without one.
    fn code_refs(&mut self, func: In<FuncIndex>) -> Result<Vec<CodeRef>, Error> {
        let objects = self.kept.objects;
        let info = objects.func(func);
        let section = func.other(info.section);
        let code = objects.object(func.object).code(info);
        let start = Slot(info.start).bytes();
        let end = start + code.len() as u64 * SLOT_BYTES as u64;
        let mut relocs = within(&objects.section(section).relocs, start, end).iter().peekable();
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
        let objects = self.kept.objects;
        let section = func.other(objects.func(func).section);
        let target = self.referent(func.other(reloc.symbol), reloc.addend)?;
        let target = target.and_then(|referent| match (reloc.kind, referent) {
            (_, Referent::Code(inside, at)) => Err(self.inside(inside, at)),
            (RelocKind::Call, Referent::Undefined(_, addend)) if addend != 0 => {
                Err(TargetProblem::BeyondImport { addend })
            }
            (RelocKind::Call, Referent::Undefined(id, _)) => {
                Ok(helper(&objects.symbol(id).name).map_or(referent, Referent::Helper))
            }
            (RelocKind::Call, Referent::Number(value)) => {
                i32::try_from(value).map(Referent::Helper).map_err(|_| TargetProblem::NoHelper { value })
            }
            (RelocKind::Call, Referent::Func(_)) => Ok(referent),
            (RelocKind::Call, other) => Err(TargetProblem::NotCallable { found: other.describe() }),
            _ => Ok(referent),
        });
        let referent = target.map_err(|problem| self.target_error(section, reloc, problem))?;
        if let Referent::Data(piece, offset) = referent
            && let (data, Section { name, relocs, .. }) = objects.section_of(piece)
            && name == JUMP_TABLES
            && relocs.is_empty()
        {
            let entries = self.tables.load(&objects, func, data, offset).map_err(|(table, problem)| {
                Error::JumpTable { site: Site::new(&objects, section, reloc.offset), table, problem }
            })?;
            self.reach(Item::Data(piece));
            self.kept.data[piece.object as usize][piece.id.0 as usize]
                .get_or_insert_default()
                .extend(entries);
        }
        Ok(referent)
    }

    /// The target of a call or function address that stands in the code as a distance.
    fn bare_target(&self, func: In<FuncIndex>, at: Slot, rel: i32) -> Result<Referent, Error> {
        let objects = self.kept.objects;
        let info = objects.func(func);
        let section = func.other(info.section);
        let here = i128::from(info.start) + i128::from(at.0);
        let slot = here + 1 + i128::from(rel);
        let place = slot * SLOT_BYTES as i128;
        let problem = match self.kept.symbols.at(section, place, place) {
            Ok(Referent::Code(inside, at)) => self.inside(inside, at),
            Ok(referent) => return Ok(referent),
            Err(problem) => problem,
        };
        let site = Site::in_func(&objects, func, at);
        Err(Error::Target { site, what: "call without relocation", target: format!("{rel:+}"), problem })
    }

    /// The references of a piece of data.
    fn pointers(&mut self, piece: In<PieceIndex>) -> Result<Vec<Pointer>, Error> {
        let objects = self.kept.objects;
        let Piece { start, end, .. } = objects.piece(piece);
        let (section, Section { name, contents, relocs, .. }) = objects.section_of(piece);
        // Of the last piece, what lies beyond it, so that it is refused.
        let end = if end == contents.len() { u64::MAX } else { end };
        let relocs = within(relocs, start, end);
        let mut pointers = Vec::with_capacity(relocs.len());
        let mut free = 0;
        for reloc in relocs {
            data_place(contents, reloc, free).map_err(|problem| self.place_error(section, reloc, problem))?;
            free = reloc.offset + 8;
            let mut target = self.referent(section.other(reloc.symbol), reloc.addend)?;
            // A jump table holds labels even where these are the function's first instruction.
            if let (JUMP_TABLES, Ok(Referent::Func(func))) = (name.as_str(), &target) {
                target = Ok(Referent::Code(*func, Slot(0)));
            }
            if let Ok(Referent::Code(func, slot)) = target
                && !*self.has_gotox.entry(func).or_insert_with(|| has_gotox(&objects, func))
            {
                let func = objects.func_name(func).to_owned();
                target = Err(TargetProblem::Label { func, into: slot.bytes() });
            }
            let referent = target.map_err(|problem| self.target_error(section, reloc, problem))?;
            pointers.push(Pointer { at: reloc.offset - start, referent });
            self.follow(referent);
        }
        Ok(pointers)
    }

    /// The initial values of a map, ordered by slot.
    fn map_values(&mut self, map: In<MapIndex>) -> Result<Vec<(u32, Referent)>, Error> {
        let objects = self.kept.objects;
        let info = objects.map(map);
        let mut values = Vec::with_capacity(info.values.len());
        for &(slot, symbol) in &info.values {
            let symbol = map.other(symbol);
            let problem = match self.referent(symbol, 0)? {
                Ok(referent @ (Referent::Func(_) | Referent::Map(_))) => {
                    values.push((slot, referent));
                    self.follow(referent);
                    continue;
                }
                Ok(other) => TargetProblem::NotMapValue { found: other.describe() },
                Err(problem) => problem,
            };
            return Err(Error::Target {
                site: Site::new(&objects, map.other(info.section), info.offset),
                what: "initial value",
                target: format!("'{}'", objects.symbol(symbol).name),
                problem,
            });
        }
        values.sort_by_key(|&(slot, _)| slot);
        Ok(values)
    }

    fn inside(&self, func: In<FuncIndex>, at: Slot) -> TargetProblem {
        let func = self.kept.objects.func_name(func).to_owned();
        TargetProblem::InsideFunction { func, into: at.bytes() }
    }

    fn target_error(&self, section: In<SectionId>, reloc: &Reloc, problem: TargetProblem) -> Error {
        let objects = self.kept.objects;
        let name = &objects.symbol(section.other(reloc.symbol)).name;
        let target = match reloc.addend {
            0 => format!("'{name}'"),
            addend if addend < 0 => format!("'{name}' - {:#x}", addend.unsigned_abs()),
            addend => format!("'{name}' + {addend:#x}"),
        };
        let site = Site::new(&objects, section, reloc.offset);
        Error::Target { site, what: reloc.kind.spec_name(), target, problem }
    }

    fn place_error(&self, section: In<SectionId>, reloc: &Reloc, problem: PlaceProblem) -> Error {
        Error::Place { site: Site::new(&self.kept.objects, section, reloc.offset), kind: reloc.kind, problem }
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
pub(crate) fn is_text(name: &str) -> bool {
    name == ".text" || name.starts_with(".text.")
}

/// Whether a section holds variables that exist whether or not code refers to them.
fn is_program_data(section: &Section) -> bool {
    !matches!(section.kind, SectionKind::Code | SectionKind::Maps | SectionKind::Note)
        && section.name != JUMP_TABLES
}

fn has_gotox(objects: &Objects<'_>, func: In<FuncIndex>) -> bool {
    objects.object(func.object).code(objects.func(func)).iter().any(|insn| insn.code == GOTOX)
}

/// The number of the helper of this name.
fn helper(name: &str) -> Option<i32> {
    Helper::from_name(name).map(Helper::id)
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
