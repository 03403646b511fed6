//! Which symbols may lie in which sections.

use std::collections::HashMap;

use crate::ir::{Init, Loc, Module, SymbolKind};

/// Sections that this crate, the linker or the loader give a meaning of their own: nothing else lies there.
const RESERVED: &[&str] = &[
    ".maps",
    "maps",
    "license",
    "version",
    ".ksyms",
    ".kconfig",
    ".BTF",
    ".BTF.ext",
    ".BTF.base",
    ".symtab",
    ".strtab",
    ".shstrtab",
    ".jumptables",
    ".addrsig",
    ".llvm_addrsig",
];

/// Beginnings of names of sections that have data, or other contents than code.
const DATA: &[&str] =
    &[".data", ".rodata", ".bss", ".rel", ".debug", ".note", ".comment", ".struct_ops", "?.struct_ops"];

/// What a section holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    Code,
    Data,
}

/// Symbols in sections where they cannot be: their names, positions, and why.
pub(crate) fn misplaced(module: &Module) -> Vec<(String, Loc, String)> {
    let mut mistakes: Vec<(String, Loc, String)> = Vec::new();
    let mut known: HashMap<&str, Holds> = HashMap::new();
    for symbol in &module.symbols {
        let Some(section) = symbol.section.as_deref() else { continue };
        let mut refuse = |reason: &str| {
            mistakes.push((
                symbol.name.clone(),
                symbol.loc,
                format!("'{}' in section '{section}': {reason}", symbol.name),
            ));
        };
        let holds = match &symbol.kind {
            SymbolKind::Extern(it) if it.sig.is_some() && section != ".ksyms" => continue,
            SymbolKind::Extern(_) => {
                if section != ".ksyms" && section != ".kconfig" {
                    refuse("what is defined elsewhere names no section, .ksyms or .kconfig");
                }
                continue;
            }
            SymbolKind::Map(_) => continue,
            SymbolKind::Func(_) => Holds::Code,
            SymbolKind::Global(global) => {
                let zeros = global.init.iter().all(|init| matches!(init, Init::Zeros(_)));
                if section.starts_with(".bss") && !zeros {
                    refuse("it holds only variables that begin with zeros; use .data");
                    continue;
                }
                Holds::Data
            }
        };
        if RESERVED.contains(&section) {
            refuse("that section has a meaning of its own; use another name");
        } else if holds == Holds::Code && DATA.iter().any(|data| section.starts_with(data)) {
            refuse("that section holds data; a function goes to .text, or where its program type says");
        } else if holds == Holds::Data && (section == ".text" || section.starts_with(".text.")) {
            refuse("that section holds code; a variable goes to .data, .rodata or .bss");
        } else if *known.entry(section).or_insert(holds) != holds {
            refuse("a section holds functions or variables, not both");
        }
    }
    mistakes
}
