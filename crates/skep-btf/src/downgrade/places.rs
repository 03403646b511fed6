//! Sizes and places of variables, which compilers leave to linkers and loaders.

use std::collections::HashMap;

use super::{Change, Downgrade, What};
use crate::btf::Btf;
use crate::types::{Datasec, Int, IntEncoding, Linkage, SecVar, Type, TypeId, Var};
use crate::verify::Rules;

/// What the symbols of an object say of its data.
///
/// ```
/// use skep_btf::{Btf, IntEncoding, Layout, Linkage, SecVar};
///
/// let mut types = Btf::builder();
/// let int = types.int("int", 4, IntEncoding::Signed);
/// let var = types.var("counter", int, Linkage::Global);
/// let section = types.datasec(".data", 0, &[SecVar { var, offset: 0, size: 4 }]);
///
/// let mut layout = Layout::default();
/// layout.section(".data", 16);
/// layout.symbol(".data", "counter", 8, 4);
/// let (placed, changes) = types.build()?.with_layout(&layout);
///
/// assert_eq!(changes.len(), 1);
/// assert_eq!(placed.datasec(".data").unwrap().1.vars, [SecVar { var, offset: 8, size: 4 }]);
/// # Ok::<(), skep_btf::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Layout {
    sections: HashMap<Box<str>, Section>,
}

#[derive(Debug, Clone, Default)]
struct Section {
    size: u32,
    symbols: HashMap<Box<str>, (u32, u32)>,
}

impl Layout {
    /// There is a section of that size in bytes.
    pub fn section(&mut self, name: &str, size: u32) {
        self.sections.entry(name.into()).or_default().size = size;
    }

    /// There is a symbol in a section, at that offset and of that size in bytes; 0 if it does not say.
    pub fn symbol(&mut self, section: &str, name: &str, offset: u32, size: u32) {
        self.sections.entry(section.into()).or_default().symbols.insert(name.into(), (offset, size));
    }
}

impl Btf {
    /// The set with the sizes and places of variables that the symbols tell, as loaders fill them in, and what was
    /// changed. Sections that the object does not have, as those of kernel symbols and settings, get places as well.
    /// What no kernel takes in a section is left out: functions, and variables without a size.
    #[must_use]
    pub fn with_layout(&self, layout: &Layout) -> (Btf, Vec<Change>) {
        let mut downgrade = Downgrade::new(self, Rules::current());
        for id in self.ids() {
            if let Type::Datasec(section) = self.ty(id) {
                downgrade.place(id, section, layout.sections.get(self.name(id)));
            }
        }
        downgrade.changes.sort_by_key(|change| change.id);
        (downgrade.out, downgrade.changes)
    }
}

impl Downgrade<'_> {
    fn place(&mut self, id: TypeId, section: Datasec<'_>, place: Option<&Section>) {
        let mut end = 0_u32;
        let mut vars = Vec::with_capacity(section.vars.len());
        for var in section.vars {
            let Type::Var(declared) = self.from.ty(var.var) else { continue };
            self.give_size(var.var, declared);
            let of_type = self.out.size_of(var.var).and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
            let symbol = place.and_then(|place| place.symbols.get(self.from.name(var.var)));
            let (offset, size) = match (symbol, place) {
                (Some(&(offset, 0)), _) => (offset, of_type),
                (Some(&(offset, size)), _) => (offset, size),
                (None, Some(_)) => (var.offset, if var.size == 0 { of_type } else { var.size }),
                // A section of what is elsewhere.
                (None, None) if section.size == 0 => (align(end, of_type), of_type),
                (None, None) => (var.offset, var.size),
            };
            if size != 0 {
                vars.push(SecVar { var: var.var, offset, size });
                end = end.max(offset.saturating_add(size));
            }
        }
        vars.sort_by_key(|var| var.offset);
        let size = place.map_or(section.size, |place| place.size).max(end).max(1);
        let dropped = section.vars.len() - vars.len();
        if size != section.size || vars != section.vars {
            let name = self.from.name_ref(id);
            self.put(id, name, &Type::Datasec(Datasec { size, vars: &vars }));
            self.note(id, What::Places { vars: vars.len(), size });
        }
        if dropped != 0 {
            self.note(id, What::LeftOut(dropped));
        }
    }

    /// A symbol of the kernel may be declared as void, or of a struct that is not defined: only its address is wanted.
    fn give_size(&mut self, id: TypeId, var: Var) {
        if var.linkage == Linkage::Extern && self.from.size_of(var.ty).is_none() {
            let ty = self.int(Int { size: 4, bits: 32, offset: 0, encoding: IntEncoding::Signed });
            self.put(id, self.from.name_ref(id), &Type::Var(Var { ty, ..var }));
            self.note(id, What::Type(ty));
        }
    }
}

/// The first place from there on that is a multiple of the size, as far as sizes are aligned.
fn align(end: u32, size: u32) -> u32 {
    let alignment = if size.is_power_of_two() { size.min(8) } else { 8 };
    end.checked_next_multiple_of(alignment).unwrap_or(end)
}
