//! Names with the namespaces in front of them.

use crate::hash::{Map, fold};
use crate::names::{Name, Names};
use crate::pool::{Id, Records};

/// Paths of scopes that are longer, in bytes, are hashed.
const MAX_LEN: usize = 1 << 16;

/// Paths of scopes, each made once.
pub(crate) struct Paths<'o> {
    records: &'o Records,
    names: &'o Names<'o>,
    scopes: Map<Id, String>,
}

impl<'o> Paths<'o> {
    pub(crate) fn new(records: &'o Records, names: &'o Names<'o>) -> Paths<'o> {
        Paths { records, names, scopes: Map::default() }
    }

    /// The path of a name.
    pub(crate) fn exact(&mut self, scope: Id, name: Name) -> String {
        let mut path = String::new();
        if !scope.is_void() {
            path.push_str(&self.scope(scope));
            path.push_str("::");
        }
        path.push_str(&self.text(name));
        path
    }

    fn scope(&mut self, scope: Id) -> String {
        if let Some(known) = self.scopes.get(&scope) {
            return known.clone();
        }
        let record = self.records.get(scope);
        // Each parent was there before its children, so this ends.
        let parent = record.id(0);
        let mut path = String::new();
        if !parent.is_void() {
            path = self.scope(parent);
            path.push_str("::");
        }
        path.push_str(&self.text(record.name(1)));
        if path.len() > MAX_LEN {
            // No program does this; a file that is made to must not fill the memory.
            let hash = path.bytes().fold(0, |hash, byte| fold(hash, byte.into()));
            path = format!("{hash:016x}");
        }
        self.scopes.insert(scope, path.clone());
        path
    }

    fn text(&self, name: Name) -> String {
        let text = self.names.text(name);
        if text.is_empty() { "{unnamed}".to_owned() } else { String::from_utf8_lossy(&text).into_owned() }
    }
}
