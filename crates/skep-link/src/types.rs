//! What BTF says about functions, lines, data sections and imports: of each object only what is kept needs, all in one
//! set.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use skep_btf::{Btf, BtfBuilder, ByteOff, CoreRelo, LineInfo, Lines, Linkage, SecVar, StrRef, Type, TypeId};
use skep_insn::Slot;
use skep_object::image::{Core, Line};
use skep_object::object::{SectionId, SymbolId};
use skep_object::{MapDef, Object};

use crate::error::Error;
use crate::layout::Layout;
use crate::objects::{FuncIndex, In, MapIndex};
use crate::options::Keep;

/// Bytes in a slot.
const SLOT: u32 = 8;

/// The types and records of what is kept.
#[derive(Debug)]
pub(crate) struct Types<'a> {
    layout: &'a Layout<'a>,
    sources: BTreeMap<u32, Source<'a>>,
    /// The types of the image; `None` if no object has any.
    types: Option<BtfBuilder>,
    /// The DATASEC of each name.
    datasecs: HashMap<&'a str, TypeId>,
    /// Names of source files, as far as they have been met.
    files: Vec<String>,
    file_ids: HashMap<&'a str, u32>,
}

/// The types and records of an object.
#[derive(Debug)]
struct Source<'a> {
    btf: &'a Btf,
    /// The FUNC of each function that has one: by section, and by place in it.
    funcs: HashMap<(&'a str, ByteOff), TypeId>,
    /// The line records of each section.
    lines: HashMap<&'a str, Lines<'a>>,
    /// The CO-RE records of each section, ordered by place.
    core: HashMap<&'a str, Vec<CoreRelo>>,
    /// By id, where a type is in the image; void if it is not there.
    ids: Vec<TypeId>,
    strings: HashMap<StrRef, StrRef>,
}

impl<'a> Types<'a> {
    /// # Errors
    /// If all types together are more than one set can hold.
    pub(crate) fn new(layout: &'a Layout<'a>, keep: &Keep) -> Result<Self, Error> {
        let counting = layout.kept.symbols.counting();
        let sources = counting.filter_map(|id| Some((id, Source::new(layout.kept.objects.object(id))?)));
        let mut types = Types {
            layout,
            sources: sources.collect(),
            types: None,
            datasecs: HashMap::new(),
            files: Vec::new(),
            file_ids: HashMap::new(),
        };
        let mut roots: BTreeMap<u32, Vec<TypeId>> =
            types.sources.keys().map(|&id| (id, Vec::new())).collect();
        let vars = types.vars();
        types.roots(keep, &vars, &mut roots);
        types.merge(&roots).map_err(|source| Error::Types { source })?;
        types.add_datasecs(vars);
        Ok(types)
    }

    /// What is needed of each object's types.
    fn roots(&self, keep: &Keep, vars: &[DataVars<'a>], roots: &mut BTreeMap<u32, Vec<TypeId>>) {
        let objects = self.layout.kept.objects;
        let mut add = |object: u32, ty: TypeId| roots.entry(object).or_default().push(ty);
        for &id in &self.layout.funcs {
            if let Some(ty) = self.own_func(id) {
                add(id.object, ty);
            }
            self.own_core(id).iter().for_each(|record| add(id.object, record.ty));
        }
        for &id in &self.layout.maps {
            types_of(&objects.map(id).def, &mut |ty| add(id.object, ty));
        }
        for import in &self.layout.imports {
            if let Some(ty) = self.own_import(import.symbol) {
                add(import.symbol.object, ty);
            }
        }
        for (object, record) in vars.iter().flat_map(|section| &section.vars) {
            add(*object, record.var);
        }
        if *keep == Keep::All {
            for id in objects.given() {
                let all = self.sources.get(&id).into_iter().flat_map(|source| source.btf.iter());
                // Data sections are made anew.
                all.filter(|(_, ty)| !matches!(ty, Type::Datasec(_))).for_each(|(ty, _)| add(id, ty));
            }
        }
    }

    /// Makes one set of what is needed.
    fn merge(&mut self, roots: &BTreeMap<u32, Vec<TypeId>>) -> Result<(), skep_btf::Error> {
        let mut parts = Vec::with_capacity(self.sources.len());
        for (id, source) in &mut self.sources {
            let (part, ids) = source.btf.subset(roots.get(id).into_iter().flatten().copied());
            source.ids = ids;
            parts.push(part);
        }
        self.types = match parts.len() {
            0 => None,
            1 => parts.pop().map(BtfBuilder::from),
            _ => {
                let parts: Vec<&Btf> = parts.iter().collect();
                let merged = skep_btf::dedup(&parts, &skep_btf::dedup::Options::new())?;
                for (source, map) in self.sources.values_mut().zip(&merged.maps) {
                    source.ids.iter_mut().for_each(|id| *id = map.get(*id));
                }
                Some(BtfBuilder::from(merged.btf))
            }
        };
        Ok(())
    }

    /// The variables of each data section of the image, and of the sections that imports are declared in, by object,
    /// under the ids that they have there.
    fn vars(&self) -> Vec<DataVars<'a>> {
        let kept = self.layout.kept;
        let objects = kept.objects;
        let mut sections: Vec<DataVars<'a>> = Vec::new();
        for section in &self.layout.data {
            let mut vars = Vec::new();
            // A piece is looked up in the DATASEC of its object, which is found once.
            let mut found: Option<(In<SectionId>, &[SecVar])> = None;
            for &(piece, start) in &section.pieces {
                let (input, contents) = objects.section_of(piece);
                let Some(source) = self.sources.get(&piece.object) else { continue };
                let declared = match found {
                    Some((known, declared)) if known == input => declared,
                    _ => source.btf.datasec(&contents.name).map_or(&[][..], |(_, datasec)| datasec.vars),
                };
                found = Some((input, declared));
                let place = objects.piece(piece);
                let first = declared.partition_point(|var| u64::from(var.offset) < place.start);
                for var in &declared[first..] {
                    let Some(into) = u64::from(var.offset).checked_sub(place.start) else { break };
                    if into >= place.len() {
                        break;
                    }
                    if let Ok(offset) = u32::try_from(start + into) {
                        vars.push((piece.object, SecVar { offset, ..*var }));
                    }
                }
            }
            let has_types = !vars.is_empty();
            let size = u32::try_from(section.size).ok().filter(|_| has_types);
            sections.extend(size.map(|size| DataVars { name: section.name, size, vars }));
        }
        sections.extend(self.declared_imports());
        sections
    }

    /// The sections without contents in which imports are declared: `.kconfig`, `.ksyms`.
    fn declared_imports(&self) -> Vec<DataVars<'a>> {
        let mut sections: Vec<DataVars<'a>> = Vec::new();
        let mut homes: HashMap<u32, HashMap<TypeId, (&'a str, SecVar)>> = HashMap::new();
        for import in &self.layout.imports {
            let object = import.symbol.object;
            let Some((source, ty)) = self.sources.get(&object).zip(self.own_import(import.symbol)) else {
                continue;
            };
            let home = homes.entry(object).or_insert_with(|| source.homes());
            let Some(&(name, var)) = home.get(&ty) else { continue };
            match sections.iter_mut().find(|section| section.name == name) {
                Some(section) => section.vars.push((object, var)),
                None => sections.push(DataVars { name, size: 0, vars: vec![(object, var)] }),
            }
        }
        sections
    }

    fn add_datasecs(&mut self, sections: Vec<DataVars<'a>>) {
        let Some(types) = &mut self.types else { return };
        for DataVars { name, size, vars } in sections {
            let new =
                |&(object, var): &(u32, SecVar)| SecVar { var: self.sources[&object].image(var.var), ..var };
            let mut vars: Vec<SecVar> = vars.iter().map(new).collect();
            vars.sort_by_key(|var| var.offset);
            self.datasecs.insert(name, types.datasec(name, size, &vars));
        }
    }

    /// The FUNC of a function.
    pub(crate) fn func(&self, id: In<FuncIndex>) -> Option<TypeId> {
        Some(self.sources.get(&id.object)?.image(self.own_func(id)?))
    }

    /// The same, in the types of its object: of the record at its start, or else of its name.
    fn own_func(&self, id: In<FuncIndex>) -> Option<TypeId> {
        let objects = self.layout.kept.objects;
        let info = objects.func(id);
        let source = self.sources.get(&id.object)?;
        let at = u32::try_from(Slot(info.start).bytes()).ok().map(ByteOff)?;
        let section = objects.section(id.other(info.section)).name.as_str();
        source.funcs.get(&(section, at)).copied().or_else(|| {
            only(
                source.btf,
                objects.func_name(id),
                |ty| matches!(ty, Type::Func(func) if func.linkage != Linkage::Extern),
            )
        })
    }

    /// The lines of a function.
    pub(crate) fn lines(&mut self, id: In<FuncIndex>) -> Vec<Line> {
        let objects = self.layout.kept.objects;
        let info = objects.func(id);
        let (Some(source), Some(types)) = (self.sources.get_mut(&id.object), &mut self.types) else {
            return Vec::new();
        };
        let Some(range) = bytes(info.start).zip(bytes(info.start + info.len)) else { return Vec::new() };
        let Some(all) = source.lines.get(objects.section(id.other(info.section)).name.as_str()) else {
            return Vec::new();
        };
        let mut lines: Vec<Line> = Vec::new();
        for &LineInfo { at, file, text, line, column } in all.within(range.0..range.1) {
            let at = Slot((at.0 - range.0.0) / SLOT);
            let file = source.btf.string(file);
            let next = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
            let file = *self.file_ids.entry(file).or_insert_with(|| {
                self.files.push(file.to_owned());
                next
            });
            // Of several records for one instruction the last is the one that the kernel shows.
            if lines.last().is_some_and(|last| last.at == at) {
                lines.pop();
            }
            let text = *source.strings.entry(text).or_insert_with(|| types.string(source.btf.string(text)));
            lines.push(Line { at, file, line, column, text });
        }
        lines
    }

    /// The CO-RE records of a function.
    pub(crate) fn core(&mut self, id: In<FuncIndex>) -> Vec<Core> {
        let start = self.layout.kept.objects.func(id).start;
        let own = self.own_core(id).to_vec();
        let (Some(source), Some(types)) = (self.sources.get_mut(&id.object), &mut self.types) else {
            return Vec::new();
        };
        let new = |CoreRelo { at, ty, access, kind }| Core {
            at: Slot(at.0 / SLOT - start),
            ty: source.image(ty),
            access: types.string(source.btf.string(access)),
            kind,
        };
        own.into_iter().map(new).collect()
    }

    fn own_core(&self, id: In<FuncIndex>) -> &[CoreRelo] {
        let objects = self.layout.kept.objects;
        let info = objects.func(id);
        let section = objects.section(id.other(info.section)).name.as_str();
        let all = self.sources.get(&id.object).and_then(|source| source.core.get(section));
        let (Some(all), Some((start, end))) = (all, bytes(info.start).zip(bytes(info.start + info.len)))
        else {
            return &[];
        };
        &all[all.partition_point(|record| record.at < start)..all.partition_point(|record| record.at < end)]
    }

    /// The DATASEC of a section.
    pub(crate) fn datasec(&self, name: &str) -> Option<TypeId> {
        self.datasecs.get(name).copied()
    }

    /// A map's definition, with the types that the image has.
    pub(crate) fn map(&self, id: In<MapIndex>, def: &MapDef) -> MapDef {
        let mut def = def.clone();
        let source = self.sources.get(&id.object);
        let mut inner = Some(&mut def);
        while let Some(map) = inner {
            for ty in [&mut map.key_type, &mut map.value_type] {
                *ty = ty.zip(source).map(|(ty, source)| source.image(ty));
            }
            inner = map.inner.as_deref_mut();
        }
        def
    }

    /// The declaration of what is defined elsewhere.
    pub(crate) fn import(&self, symbol: In<SymbolId>) -> Option<TypeId> {
        Some(self.sources.get(&symbol.object)?.image(self.own_import(symbol)?))
    }

    fn own_import(&self, symbol: In<SymbolId>) -> Option<TypeId> {
        let name = &self.layout.kept.objects.symbol(symbol).name;
        only(self.sources.get(&symbol.object)?.btf, name, |ty| match ty {
            Type::Func(func) => func.linkage == Linkage::Extern,
            Type::Var(var) => var.linkage == Linkage::Extern,
            _ => false,
        })
    }

    /// The types of the image, and the names of source files.
    ///
    /// # Errors
    /// If the types are more than one set can hold.
    pub(crate) fn finish(self) -> Result<(Option<Arc<Btf>>, Vec<String>), Error> {
        // A set of nothing is none: the kernel refuses it.
        let has_strings = self.sources.values().any(|source| !source.strings.is_empty());
        let types = self.types.filter(|types| types.so_far().count() > 0 || has_strings);
        let types = types.map(BtfBuilder::build).transpose().map_err(|source| Error::Types { source })?;
        Ok((types.map(Arc::new), self.files))
    }
}

/// The variables of a data section, each with the object whose ids it has.
#[derive(Debug)]
struct DataVars<'a> {
    name: &'a str,
    size: u32,
    vars: Vec<(u32, SecVar)>,
}

impl<'a> Source<'a> {
    /// `None` if the object has no types.
    fn new(object: &'a Object) -> Option<Self> {
        let btf = object.btf.as_ref()?;
        let mut source = Source {
            btf,
            funcs: HashMap::new(),
            lines: HashMap::new(),
            core: HashMap::new(),
            ids: Vec::new(),
            strings: HashMap::new(),
        };
        let Some(ext) = &object.btf_ext else { return Some(source) };
        for block in &ext.func_info {
            let section = btf.string(block.section);
            source.funcs.extend(block.records.iter().map(|record| ((section, record.at), record.func)));
        }
        for block in &ext.line_info {
            let section = btf.string(block.section);
            source.lines.entry(section).or_insert_with(|| ext.lines_of(btf, section));
        }
        for block in &ext.core_relo {
            source.core.entry(btf.string(block.section)).or_default().extend(&block.records);
        }
        source.core.values_mut().for_each(|records| records.sort_by_key(|record| record.at));
        Some(source)
    }

    /// Where a type is in the image.
    fn image(&self, id: TypeId) -> TypeId {
        self.ids.get(id.0 as usize).copied().unwrap_or(TypeId::VOID)
    }

    /// The data section that declares each variable or function.
    fn homes(&self) -> HashMap<TypeId, (&'a str, SecVar)> {
        let mut homes = HashMap::new();
        for (id, ty) in self.btf.iter() {
            if let Type::Datasec(section) = ty {
                homes.extend(section.vars.iter().map(|&var| (var.var, (self.btf.name(id), var))));
            }
        }
        homes
    }
}

fn bytes(slot: u32) -> Option<ByteOff> {
    u32::try_from(Slot(slot).bytes()).ok().map(ByteOff)
}

/// The types that a map names.
fn types_of(def: &MapDef, add: &mut impl FnMut(TypeId)) {
    let mut next = Some(def);
    while let Some(def) = next {
        def.key_type.into_iter().chain(def.value_type).for_each(&mut *add);
        next = def.inner.as_deref();
    }
}

/// The type of this name that is wanted; none if there are several, as of static functions of one name.
fn only(btf: &Btf, name: &str, is_wanted: impl Fn(Type<'_>) -> bool) -> Option<TypeId> {
    let mut found = btf.find_all(name).filter(|&id| is_wanted(btf.ty(id)));
    found.next().filter(|_| found.next().is_none())
}
