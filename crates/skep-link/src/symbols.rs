//! What each name is defined as, and what each symbol therefore refers to.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use skep_object::Object;
use skep_object::object::{Binding, Place, SectionKind, Symbol, SymbolId, SymbolKind};

use crate::error::Error;
use crate::map_def;
use crate::objects::{In, JUMP_TABLES, Objects};
use crate::referent::Referent;
use crate::site::Site;

/// The definitions that names stand for, in the objects that count: those that were given, and what has been pulled in.
#[derive(Debug)]
pub(crate) struct Symbols<'a> {
    pub(crate) objects: Objects<'a>,
    by_name: HashMap<&'a str, In<SymbolId>>,
    /// What some object says is hidden: the stricter visibility wins, even a reference's.
    hidden: HashSet<&'a str>,
    counts: Vec<bool>,
    /// The first objects that say something about it.
    licensed: Option<u32>,
    versioned: Option<u32>,
    /// Whether a definition has replaced another one since this was last asked.
    has_replaced: bool,
}

/// Collects what the given objects define.
pub(crate) fn index<'a>(objects: &Objects<'a>) -> Result<Symbols<'a>, Error> {
    let mut symbols = Symbols {
        objects: *objects,
        by_name: HashMap::new(),
        hidden: HashSet::new(),
        counts: vec![false; objects.len()],
        licensed: None,
        versioned: None,
        has_replaced: false,
    };
    for object in objects.given() {
        symbols.add(object)?;
    }
    symbols.has_replaced = false;
    Ok(symbols)
}

impl<'a> Symbols<'a> {
    /// Lets an object count. Of several definitions of a name a global one wins over weak ones, and else the first.
    fn add(&mut self, object: u32) -> Result<(), Error> {
        let objects = self.objects;
        self.counts[object as usize] = true;
        self.check_agreement(object)?;
        for id in objects.symbols(object) {
            let symbol = objects.symbol(id);
            if symbol.binding == Binding::Local || symbol.kind == SymbolKind::Section || self.is_private(id) {
                continue;
            }
            if symbol.hidden {
                self.hidden.insert(&symbol.name);
            }
            if symbol.place == Place::Undefined {
                continue;
            }
            match self.by_name.entry(&symbol.name) {
                Entry::Vacant(entry) => _ = entry.insert(id),
                Entry::Occupied(_) if symbol.binding == Binding::Weak => {}
                Entry::Occupied(mut entry) if objects.symbol(*entry.get()).binding == Binding::Weak => {
                    entry.insert(id);
                    self.has_replaced = true;
                }
                Entry::Occupied(entry) => {
                    let other = *entry.get();
                    self.check_twice(other, id)?;
                }
            }
        }
        Ok(())
    }

    /// Objects of one program have one byte order, licence and kernel version.
    fn check_agreement(&mut self, id: u32) -> Result<(), Error> {
        let objects = self.objects;
        let object = objects.object(id);
        let differ = |what, first: u32, of: fn(&Object) -> String| {
            let first = objects.object(first);
            let names = [first, object].map(|object| object.name.clone());
            let values = [first, object].map(of);
            Err(Error::Disagreement { what, objects: Box::new(names), values: Box::new(values) })
        };
        if object.endian != objects.first().endian {
            return differ("byte order", 0, |object| format!("{:?}", object.endian).to_lowercase());
        }
        if let Some(license) = &object.license {
            let first = *self.licensed.get_or_insert(id);
            if objects.object(first).license.as_ref() != Some(license) {
                return differ("licence", first, |object| {
                    format!("{:?}", object.license.as_deref().unwrap_or_default())
                });
            }
        }
        if object.version.is_some() {
            let first = *self.versioned.get_or_insert(id);
            if objects.object(first).version != object.version {
                return differ("kernel version", first, |object| {
                    format!("{:#x}", object.version.unwrap_or_default())
                });
            }
        }
        Ok(())
    }

    /// The object that says the licence.
    pub(crate) fn license(&self) -> Option<&'a str> {
        self.objects.object(self.licensed?).license.as_deref()
    }

    /// Two strong definitions of a name: maps that are declared in a header are one map, and so are licences.
    fn check_twice(&self, first: In<SymbolId>, second: In<SymbolId>) -> Result<(), Error> {
        let map_of = |id: In<SymbolId>| match self.own_referent(id, 0) {
            Ok(Referent::Map(map)) => Some(map),
            _ => None,
        };
        let maps = [first, second].map(map_of);
        if let [Some(a), Some(b)] = maps {
            let [a, b] = [a, b].map(|map| (self.objects.object(map.object), self.objects.map(map)));
            return match map_def::difference(a, b) {
                None => Ok(()),
                Some((field, values)) => Err(Error::MapDiffers {
                    name: self.objects.symbol(first).name.clone(),
                    field,
                    values: Box::new(values),
                    first: self.site(first),
                    second: self.site(second),
                }),
            };
        }
        let is_note = |id: In<SymbolId>| match self.objects.symbol(id).place {
            Place::Section(section) => self.objects.section(id.other(section)).kind == SectionKind::Note,
            Place::Undefined | Place::Absolute => false,
        };
        if is_note(first) && is_note(second) {
            return Ok(());
        }
        let name = self.objects.symbol(first).name.clone();
        Err(Error::DefinedTwice { name, first: self.site(first), second: self.site(second) })
    }

    /// Finds in the libraries what a symbol lacks.
    pub(crate) fn supply(&mut self, symbol: In<SymbolId>) -> Result<Option<u32>, Error> {
        let id = self.definition(symbol);
        let wanted = self.objects.symbol(id);
        if wanted.place != Place::Undefined || wanted.binding == Binding::Weak {
            return Ok(None);
        }
        self.supply_name(&wanted.name)
    }

    /// Finds in the libraries who defines a name, and lets it count; the object, if it has not counted before.
    pub(crate) fn supply_name(&mut self, name: &str) -> Result<Option<u32>, Error> {
        match self.objects.supplier(name) {
            Some(object) if !self.counts[object as usize] => self.add(object).map(|()| Some(object)),
            _ => Ok(None),
        }
    }

    /// Whether a definition has replaced another one since this was last asked.
    pub(crate) fn take_replaced(&mut self) -> bool {
        std::mem::take(&mut self.has_replaced)
    }

    /// The objects that count, in order.
    pub(crate) fn counting(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.counts).filter(|(_, counts)| **counts).map(|(object, _)| object)
    }

    /// The definition that a symbol stands for; an undefined symbol if there is none.
    pub(crate) fn definition(&self, id: In<SymbolId>) -> In<SymbolId> {
        let symbol = self.objects.symbol(id);
        // A local symbol that is undefined means nothing by itself, and the name if anything.
        let is_local = symbol.binding == Binding::Local && symbol.place != Place::Undefined;
        if is_local || self.is_private(id) {
            return id;
        }
        self.by_name.get(symbol.name.as_str()).copied().unwrap_or(id)
    }

    /// The definition of a name, if it is visible to all objects.
    pub(crate) fn by_name(&self, name: &str) -> Option<In<SymbolId>> {
        self.by_name.get(name).copied()
    }

    /// Whether a symbol is the definition of a name for the host and for other units.
    pub(crate) fn is_exported(&self, id: In<SymbolId>) -> bool {
        let symbol = self.objects.symbol(id);
        symbol.binding != Binding::Local
            && symbol.place != Place::Undefined
            && symbol.kind != SymbolKind::Section
            && self.by_name(&symbol.name) == Some(id)
            && !self.hidden.contains(symbol.name.as_str())
    }

    /// LLVM gives jump tables global names, the same ones in every object.
    fn is_private(&self, id: In<SymbolId>) -> bool {
        matches!(self.objects.symbol(id).place, Place::Section(s) if self.objects.section(id.other(s)).name == JUMP_TABLES)
    }

    fn site(&self, id: In<SymbolId>) -> Box<Site> {
        let Symbol { place, value, name, .. } = self.objects.symbol(id);
        match place {
            Place::Section(section) => Site::new(&self.objects, id.other(*section), *value),
            Place::Undefined | Place::Absolute => Box::new(Site {
                object: self.objects.object(id.object).name.clone(),
                section: "*ABS*".to_owned(),
                offset: *value,
                symbol: Some((name.clone(), 0)),
                line: None,
            }),
        }
    }
}
