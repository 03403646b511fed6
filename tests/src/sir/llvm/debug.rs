//! Source positions.

use std::collections::HashMap;

use skep_codegen::ir::{self, Loc, Place};

use super::node::{self, Node};
use super::syntax::Module;

/// Finds source positions by the numbers of their nodes.
pub(super) struct Debug<'p, 'a> {
    pub(super) module: &'p Module<'a>,
    /// Files of scopes: indices in [`ir::Module::files`].
    files: HashMap<&'a str, Option<u32>>,
}

impl<'p, 'a> Debug<'p, 'a> {
    pub(super) fn new(module: &'p Module<'a>) -> Debug<'p, 'a> {
        Debug { module, files: HashMap::new() }
    }

    /// The position that a `DILocation` or a declaration has; `None` without a line.
    pub(super) fn loc(&mut self, out: &mut ir::Module, number: &str) -> Option<Loc> {
        let node = node::find(self.module, number)?;
        let line = node.number("line").filter(|&line| line > 0)?;
        let scope =
            if node.link("file").is_some() { Some((number, node.clone())) } else { self.scope(&node) };
        let file = scope.and_then(|(name, scope)| self.file(out, name, scope))?;
        Some(out.loc(Place { file, line, column: node.number("column").unwrap_or(0) }))
    }

    fn scope(&self, node: &Node<'a>) -> Option<(&'a str, Node<'a>)> {
        let name = node.link("scope")?;
        Some((name, node::find(self.module, name)?))
    }

    /// The file of a scope, or of what it lies in.
    fn file(&mut self, out: &mut ir::Module, name: &str, mut scope: Node<'a>) -> Option<u32> {
        if let Some(known) = self.files.get(name) {
            return *known;
        }
        // Scopes nest; a cycle would be a mistake of the text.
        for _ in 0..1000 {
            if let Some(file) = scope.follow(self.module, "file") {
                let path = path(&file);
                let id = out.file(&path);
                if let Some((name, _)) = self.module.nodes.get_key_value(name) {
                    self.files.insert(name, Some(id));
                }
                return Some(id);
            }
            scope = scope.follow(self.module, "scope")?;
        }
        None
    }
}

fn path(file: &Node<'_>) -> String {
    let name = file.string("filename").unwrap_or_default();
    match file.string("directory") {
        Some(directory) if !name.starts_with('/') && !directory.is_empty() => format!("{directory}/{name}"),
        _ => name,
    }
}
