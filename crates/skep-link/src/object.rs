//! From an image back to an object, which other loaders and linkers read: functions in their sections, data, maps as BTF
//! declares them, and a relocation for each reference.

use std::collections::{HashMap, HashSet};

use skep_btf::maps::{self, MapDecl, Part, Pinning, Values};
use skep_btf::{
    Block, BtfBuilder, BtfExt, ByteOff, CoreRelo, FuncInfo, IntEncoding, LineInfo, Linkage, SecVar, StrRef,
    TypeId,
};
use skep_insn::Slot;
use skep_object::image::{Core, Data, Image, Target, Var};
use skep_object::object::{
    Contents, Object, ObjectBuilder, Reloc, RelocKind, SectionId, SectionKind, Symbol, SymbolId,
};
use skep_object::{Error, MapDef};

/// Bytes of a pointer, and of the slot of an initial value.
const POINTER: u32 = 8;

/// Makes an object of an image.
pub(crate) fn of(image: &Image) -> Result<Object, Error> {
    let mut out = Out::new(image);
    out.funcs();
    out.data();
    out.maps();
    out.imports();
    out.license();
    out.references();
    out.types()?;
    out.builder.finish()
}

/// Where something lies.
#[derive(Clone, Copy)]
struct Placed {
    symbol: SymbolId,
    section: SectionId,
    /// In bytes.
    offset: u64,
}

struct Out<'a> {
    image: &'a Image,
    builder: ObjectBuilder,
    types: Option<BtfBuilder>,
    funcs: Vec<Placed>,
    data: Vec<SectionId>,
    maps: Vec<Placed>,
    /// Where a map's initial values begin.
    map_values: Vec<u64>,
    imports: Vec<SymbolId>,
    /// The exported variables of each data section, ordered by offset.
    vars: Vec<Vec<(u64, u64, SymbolId)>>,
    names: Names,
}

/// Names of local symbols, each once: some loaders take two functions of one name for one.
struct Names {
    taken: HashSet<String>,
    next: HashMap<String, u32>,
}

impl Names {
    /// The names that others see stay as they are.
    fn new(image: &Image) -> Names {
        let funcs = image.funcs.iter().filter(|func| func.exported);
        let funcs = funcs.flat_map(|func| [&func.name].into_iter().chain(&func.aliases));
        let vars =
            image.data.iter().flat_map(|data| &data.vars).filter(|var| var.exported).map(|var| &var.name);
        let maps = image.maps.iter().map(|map| &map.def.name);
        let imports = image.imports.iter().map(|import| &import.name);
        let taken = funcs.chain(vars).chain(maps).chain(imports).cloned().collect();
        Names { taken, next: HashMap::new() }
    }

    fn local(&mut self, name: &str) -> String {
        if self.taken.insert(name.to_owned()) {
            return name.to_owned();
        }
        let next = self.next.entry(name.to_owned()).or_insert(1);
        loop {
            let new = format!("{name}.{next}");
            *next += 1;
            if self.taken.insert(new.clone()) {
                return new;
            }
        }
    }
}

impl<'a> Out<'a> {
    fn new(image: &'a Image) -> Self {
        Out {
            image,
            builder: ObjectBuilder::new(image.name.clone(), image.endian),
            types: image.btf.as_deref().map(|btf| BtfBuilder::from(btf.clone())),
            funcs: Vec::with_capacity(image.funcs.len()),
            data: Vec::with_capacity(image.data.len()),
            maps: Vec::with_capacity(image.maps.len()),
            map_values: Vec::with_capacity(image.maps.len()),
            imports: Vec::with_capacity(image.imports.len()),
            vars: Vec::with_capacity(image.data.len()),
            names: Names::new(image),
        }
    }

    fn funcs(&mut self) {
        for func in &self.image.funcs {
            let section = self.builder.section(section_of(&func.section), SectionKind::Code);
            let offset = self.builder.len(section);
            self.builder.code(section).extend(&func.code);
            let size = Slot(count(func.code.len())).bytes();
            let name = if func.exported { func.name.clone() } else { self.names.local(&func.name) };
            let symbol = |name: String| Symbol::func(name, section, offset, size);
            let bound = |symbol: Symbol| if func.exported { symbol.global() } else { symbol };
            let id = self.builder.symbol(bound(symbol(name)));
            for alias in &func.aliases {
                self.builder.symbol(bound(symbol(alias.clone())));
            }
            self.funcs.push(Placed { symbol: id, section, offset });
        }
    }

    fn data(&mut self) {
        for data in &self.image.data {
            let section = self.builder.section(&data.name, kind_of(data));
            self.builder.align(section, data.align);
            let contents = match kind_of(data) {
                SectionKind::Bss => Contents::Zeros(data.size),
                _ => {
                    let mut bytes = data.bytes.clone();
                    bytes.resize(usize::try_from(data.size).unwrap_or_default(), 0);
                    Contents::Bytes(bytes)
                }
            };
            self.builder.section_mut(section).contents = contents;
            let mut exported = Vec::new();
            for Var { name, offset, size, exported: is_exported } in &data.vars {
                let own = if *is_exported { name.clone() } else { self.names.local(name) };
                let symbol = Symbol::object(own, section, *offset, *size);
                let id = self.builder.symbol(if *is_exported { symbol.global() } else { symbol });
                if *is_exported {
                    exported.push((*offset, *size, id));
                }
            }
            self.data.push(section);
            self.vars.push(exported);
        }
    }

    /// Declares the maps as BTF does, also those that were defined otherwise.
    fn maps(&mut self) {
        if self.image.maps.is_empty() {
            return;
        }
        let section = self.builder.section(maps::SECTION, SectionKind::Maps);
        let types = self.types.get_or_insert_with(BtfBuilder::default);
        let mut vars = Vec::with_capacity(self.image.maps.len());
        for map in &self.image.maps {
            let decl = declaration(types, &map.def, &map.values);
            let declared = maps::declare(types, &map.def.name, &decl);
            let slots = map.values.iter().map(|&(slot, _)| slot + 1).max().unwrap_or(0);
            let size = declared.size + slots * POINTER;
            let offset = self.builder.len(section);
            let end = usize::try_from(offset + u64::from(size)).unwrap_or(usize::MAX);
            self.builder.bytes(section).resize(end, 0);
            let symbol = Symbol::object(map.def.name.clone(), section, offset, size.into()).global();
            let symbol = self.builder.symbol(symbol);
            self.maps.push(Placed { symbol, section, offset });
            self.map_values.push(offset + u64::from(declared.size));
            vars.push(SecVar { var: declared.var, offset: u32::try_from(offset).unwrap_or(u32::MAX), size });
        }
        let size = u32::try_from(self.builder.len(section)).unwrap_or(u32::MAX);
        types.datasec(maps::SECTION, size, &vars);
    }

    fn imports(&mut self) {
        for import in &self.image.imports {
            let symbol = Symbol::undefined(import.name.clone());
            self.imports.push(self.builder.symbol(if import.weak { symbol.weak() } else { symbol }));
        }
    }

    fn license(&mut self) {
        if let Some(license) = &self.image.license {
            let section = self.builder.section("license", SectionKind::Note);
            let bytes = self.builder.bytes(section);
            bytes.extend(license.bytes());
            bytes.push(0);
            let size = license.len() as u64 + 1;
            let name = self.names.local("_license");
            self.builder.symbol(Symbol::object(name, section, 0, size).global());
        }
    }

    fn references(&mut self) {
        let image = self.image;
        for (func, place) in image.funcs.iter().zip(self.funcs.clone()) {
            for r in &func.refs {
                let is_call = func.code.get(r.at.index()).is_some_and(|insn| insn.code == crate::code::CALL);
                let kind = if is_call { RelocKind::Call } else { RelocKind::LoadImm64 };
                self.reference(place.section, place.offset + r.at.bytes(), kind, r.target);
            }
        }
        for (data, section) in image.data.iter().zip(self.data.clone()) {
            for r in &data.refs {
                self.reference(section, r.at, RelocKind::Abs64, r.target);
            }
        }
        for ((map, place), values) in image.maps.iter().zip(self.maps.clone()).zip(self.map_values.clone()) {
            for &(slot, target) in &map.values {
                let at = values + u64::from(slot) * u64::from(POINTER);
                self.reference(place.section, at, RelocKind::Abs64, target);
            }
        }
    }

    fn reference(&mut self, section: SectionId, offset: u64, kind: RelocKind, target: Target) {
        let (symbol, addend) = match target {
            Target::Func(func) => (self.funcs[func.0 as usize].symbol, 0),
            Target::Code { func, at } => {
                (self.funcs[func.0 as usize].symbol, Slot(at.0).bytes().cast_signed())
            }
            Target::Map(map) => (self.maps[map.0 as usize].symbol, 0),
            Target::Import { import, addend } => (self.imports[import.0 as usize], addend),
            Target::Data { data, offset } => self.variable(data.0 as usize, offset),
        };
        self.builder.reloc(section, Reloc { offset, kind, symbol, addend });
    }

    /// An exported variable, which may be another one in the next link, by its name; what is not, by its place.
    fn variable(&mut self, data: usize, offset: i64) -> (SymbolId, i64) {
        let vars = &self.vars[data];
        let at = u64::try_from(offset).ok();
        let last = at.and_then(|at| vars.partition_point(|&(start, ..)| start <= at).checked_sub(1));
        if let (Some(at), Some(last)) = (at, last)
            && let (start, size, symbol) = vars[last]
            && at - start < size.max(1)
        {
            return (symbol, offset - start.cast_signed());
        }
        (self.builder.section_symbol(self.data[data]), offset)
    }

    /// Types, and the records of functions, lines and CO-RE relocations.
    fn types(&mut self) -> Result<(), Error> {
        let Some(mut types) = self.types.take() else { return Ok(()) };
        let image = self.image;
        // The kernel wants to know of all functions, or of none.
        let has_types = image.funcs.iter().any(|func| func.ty.is_some());
        let mut records: Vec<Records> = Vec::new();
        for (func, place) in image.funcs.iter().zip(&self.funcs) {
            let known = records.iter().position(|records| records.section == place.section);
            let index = known.unwrap_or_else(|| {
                let name = types.string(section_of(&func.section));
                records.push(Records { section: place.section, name, ..Records::default() });
                records.len() - 1
            });
            let records = &mut records[index];
            let start = u32::try_from(place.offset).unwrap_or(u32::MAX);
            let at = |slot: Slot| ByteOff(start.saturating_add(slot.0.saturating_mul(8)));
            if has_types {
                let ty = func.ty.unwrap_or_else(|| unknown(&mut types, &func.name));
                records.funcs.push(FuncInfo { at: at(Slot(0)), func: ty });
            }
            for line in &func.lines {
                let file = image.files.get(line.file as usize).map_or("", String::as_str);
                let file = types.string(file);
                let (text, number, column) = (line.text, line.line, line.column);
                records.lines.push(LineInfo { at: at(line.at), file, text, line: number, column });
            }
            let core = func.core.iter();
            records.core.extend(core.map(|&Core { at: slot, ty, access, kind }| CoreRelo {
                at: at(slot),
                ty,
                access,
                kind,
            }));
        }
        let btf = types.build().map_err(|source| Error::Btf { section: ".BTF", source })?;
        self.builder.btf(btf);
        let mut ext = BtfExt::default();
        for Records { name: section, funcs, lines, core, .. } in records {
            push(&mut ext.func_info, section, funcs);
            push(&mut ext.line_info, section, lines);
            push(&mut ext.core_relo, section, core);
        }
        self.builder.btf_ext(ext);
        Ok(())
    }
}

/// The section of a function: libbpf takes subprograms from `.text` only.
fn section_of(name: &str) -> &str {
    if crate::reachable::is_text(name) { ".text" } else { name }
}

/// The records of a code section.
#[derive(Default)]
struct Records {
    section: SectionId,
    name: StrRef,
    funcs: Vec<FuncInfo>,
    lines: Vec<LineInfo>,
    core: Vec<CoreRelo>,
}

fn push<R>(blocks: &mut Vec<Block<R>>, section: StrRef, records: Vec<R>) {
    if !records.is_empty() {
        blocks.push(Block { section, records });
    }
}

/// The FUNC of a function of which nothing is known. A static one is verified in its callers, whatever its type says.
fn unknown(types: &mut BtfBuilder, name: &str) -> TypeId {
    let ret = types.int("long", 8, IntEncoding::Signed);
    let proto = types.func_proto(ret, &[]);
    types.func(&skep_btf::mangle(name), proto, Linkage::Static)
}

/// What a data section of the image is called in an object.
fn kind_of(data: &Data) -> SectionKind {
    let contents = if data.bytes.is_empty() && data.refs.is_empty() {
        Contents::Zeros(data.size)
    } else {
        Contents::Bytes(Vec::new())
    };
    SectionKind::of(&data.name, &contents, !data.read_only)
}

fn declaration(types: &mut BtfBuilder, def: &MapDef, values: &[(u32, Target)]) -> MapDecl {
    let part = |ty: Option<TypeId>, size: u32| match (ty, size) {
        (Some(ty), size) => Part::Typed { ty, size },
        (None, 0) => Part::None,
        (None, size) => Part::Size(size),
    };
    let values = match (&def.inner, values) {
        (Some(inner), _) => Some(Values::Maps(Box::new(declaration(types, inner, &[])))),
        (None, []) => None,
        (None, _) => {
            let int = types.int("int", 4, IntEncoding::Signed);
            let context = types.ptr(TypeId::VOID);
            let context = types.param("ctx", context);
            Some(Values::Programs(types.func_proto(int, &[context])))
        }
    };
    MapDecl {
        ty: def.ty,
        max_entries: def.max_entries,
        flags: def.flags,
        numa_node: (def.numa_node != 0).then_some(def.numa_node),
        key: part(def.key_type, def.key_size),
        value: if values.is_some() { Part::None } else { part(def.value_type, def.value_size) },
        values,
        pinning: if def.pinned { Pinning::ByName } else { Pinning::None },
        extra: def.extra,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
