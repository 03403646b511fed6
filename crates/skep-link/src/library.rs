//! Libraries: objects of which a link takes what it needs.

use std::collections::HashMap;

use skep_object::Object;
use skep_object::object::{Binding, Place, SymbolId, SymbolKind};

use crate::error::Error;
use crate::objects::{Member, number};

/// Objects of which a link takes what is referred to, and nothing else.
///
/// Making one looks through its objects once: checks them, indexes what they define, and finds out which parts of their
/// data can be kept alone. Links only read it.
#[derive(Clone, Debug)]
pub struct Library {
    name: String,
    pub(crate) members: Vec<Member<'static>>,
    /// Who defines a name: the first strong definition, else the first weak one.
    by_name: HashMap<Box<str>, (u32, SymbolId)>,
}

impl Library {
    /// A library of these objects. Of several that define a name, the first one supplies it.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] if an object contradicts itself.
    pub fn new(name: impl Into<String>, objects: impl IntoIterator<Item = Object>) -> Result<Library, Error> {
        let members = objects.into_iter().map(Member::owned).collect::<Result<Vec<_>, _>>()?;
        let mut by_name: HashMap<Box<str>, (u32, SymbolId)> = HashMap::new();
        for (member, object) in (0..).zip(members.iter().map(Member::object)) {
            for (id, symbol) in (0..).map(SymbolId).zip(&object.symbols) {
                let is_definition = symbol.binding != Binding::Local
                    && symbol.place != Place::Undefined
                    && symbol.kind != SymbolKind::Section;
                if !is_definition {
                    continue;
                }
                let known = by_name
                    .get(symbol.name.as_str())
                    .map(|&(member, id)| members[member as usize].object().symbol_by_id(id).binding);
                if known.is_none() || known == Some(Binding::Weak) && symbol.binding == Binding::Global {
                    by_name.insert(symbol.name.as_str().into(), (member, id));
                }
            }
        }
        Ok(Library { name: name.into(), members, by_name })
    }

    /// Reads an archive, as `ar` makes them.
    ///
    /// # Errors
    /// [`Error::Archive`] if it cannot be read, or a member is no BPF object; else as [`new`](Library::new).
    pub fn archive(name: impl Into<String>, bytes: &[u8]) -> Result<Library, Error> {
        let name = name.into();
        let objects = skep_object::archive::read(&name, bytes);
        let objects =
            objects.map_err(|source| Error::Archive { name: name.clone(), source: Box::new(source) })?;
        Library::new(name, objects)
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its objects, in order.
    pub fn objects(&self) -> impl ExactSizeIterator<Item = &Object> {
        self.members.iter().map(Member::object)
    }

    /// The names that it defines for others, with the object that defines them, in no order.
    pub fn definitions(&self) -> impl Iterator<Item = (&str, &Object)> {
        self.by_name.iter().map(|(name, &(member, _))| (&**name, self.members[member as usize].object()))
    }

    /// Which member defines a name.
    pub(crate) fn member_of(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).map(|&(member, _)| member)
    }

    pub(crate) fn len(&self) -> u32 {
        number(self.members.len())
    }
}
