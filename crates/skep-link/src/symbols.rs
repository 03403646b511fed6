//! What each name is defined as, and what each symbol therefore refers to.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use skep_object::object::{Binding, Place, Symbol, SymbolId, SymbolKind};

use crate::error::Error;
use crate::inputs::{In, Inputs, JUMP_TABLES};
use crate::site::Site;

/// The definitions that names stand for.
#[derive(Debug)]
pub(crate) struct Symbols<'a> {
    pub(crate) inputs: Inputs<'a>,
    by_name: HashMap<&'a str, In<SymbolId>>,
}

/// Collects what is defined by name. Of several definitions a global one wins over weak ones, and else the first.
pub(crate) fn index<'a>(inputs: &Inputs<'a>) -> Result<Symbols<'a>, Error> {
    let mut symbols = Symbols { inputs: *inputs, by_name: HashMap::new() };
    for id in inputs.symbols() {
        let symbol = inputs.symbol(id);
        if symbol.binding == Binding::Local || symbol.place == Place::Undefined || symbols.is_private(id) {
            continue;
        }
        match symbols.by_name.entry(&symbol.name) {
            Entry::Vacant(entry) => _ = entry.insert(id),
            Entry::Occupied(_) if symbol.binding == Binding::Weak => {}
            Entry::Occupied(mut entry) => {
                let other = entry.insert(id);
                if inputs.symbol(other).binding != Binding::Weak {
                    let (first, second) = (symbols.site(other), symbols.site(id));
                    return Err(Error::DefinedTwice { name: symbol.name.clone(), first, second });
                }
            }
        }
    }
    Ok(symbols)
}

impl<'a> Symbols<'a> {
    /// The definition that a symbol stands for; an undefined symbol if there is none.
    pub(crate) fn definition(&self, id: In<SymbolId>) -> In<SymbolId> {
        let symbol = self.inputs.symbol(id);
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
        let symbol = self.inputs.symbol(id);
        !symbol.hidden
            && symbol.binding != Binding::Local
            && symbol.place != Place::Undefined
            && symbol.kind != SymbolKind::Section
            && self.by_name(&symbol.name) == Some(id)
    }

    /// LLVM gives jump tables global names, the same ones in every object.
    fn is_private(&self, id: In<SymbolId>) -> bool {
        matches!(self.inputs.symbol(id).place, Place::Section(s) if self.inputs.section(id.other(s)).name == JUMP_TABLES)
    }

    fn site(&self, id: In<SymbolId>) -> Box<Site> {
        let Symbol { place, value, name, .. } = self.inputs.symbol(id);
        match place {
            Place::Section(section) => Site::new(&self.inputs, id.other(*section), *value),
            Place::Undefined | Place::Absolute => Box::new(Site {
                object: self.inputs.object(id.object).name.clone(),
                section: "*ABS*".to_owned(),
                offset: *value,
                symbol: Some((name.clone(), 0)),
                line: None,
            }),
        }
    }
}
