//! What was found: a list of types, functions, variables and numbers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::describe::Target;
use super::info::Language;
use super::node::{Base, Kind};

/// All that is to be compared.
#[derive(Debug, Default)]
pub struct Facts {
    /// Each struct, union, enumeration and typedef by its text.
    pub types: BTreeMap<String, Fact>,
    /// Functions that have code.
    pub functions: Vec<FunctionFact>,
    /// Variables that have an address.
    pub variables: Vec<VariableFact>,
    /// Numbers.
    pub bases: BTreeSet<Base>,
    /// Names of types, as BTF spells them, without what tells equal ones apart.
    pub names: HashSet<String>,
    /// What the spellings of Rust's names stand for.
    pub exact: BTreeMap<String, String>,
    /// Types of BTF that stand for parts of others, or for nothing in the program.
    pub helpers: usize,
    /// What could not be read, and why.
    pub faults: Vec<String>,
}

/// A type.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What it is.
    pub kind: Kind,
    /// As BTF spells it; empty if it has none.
    pub name: String,
    /// Where it was first found.
    pub first: String,
    /// How often.
    pub count: usize,
    /// What the names in its text lead to, wherever it was found.
    pub links: Vec<BTreeSet<Target>>,
    /// Which language it is of, as far as that is known.
    pub language: Language,
}

/// A function.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionFact {
    /// What it may be called in BTF, the best first.
    pub names: Vec<String>,
    /// Name, which may be empty, and type.
    pub params: Vec<(String, String)>,
    /// `void` if there is none.
    pub ret: String,
    /// Whether `...` follows.
    pub variadic: bool,
    /// Which language it is of.
    pub language: Language,
    /// Where it was found.
    pub first: String,
}

/// A variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VariableFact {
    /// What it may be called in BTF, the best first.
    pub names: Vec<String>,
    /// By name.
    pub ty: String,
    /// The section it is in.
    pub section: String,
    /// In the section.
    pub offset: u64,
    /// In bytes.
    pub size: u64,
    /// Whether it is inside of a function.
    pub local: bool,
    /// Which language it is of.
    pub language: Language,
}

impl Facts {
    /// Adds a type.
    pub fn add(&mut self, text: String, fact: Fact) {
        match self.types.get_mut(&text) {
            None => {
                self.types.insert(text, fact);
            }
            Some(old) => {
                old.count += fact.count;
                for (old, new) in old.links.iter_mut().zip(fact.links) {
                    old.extend(new);
                }
            }
        }
    }

    /// How many different types there are of a kind, with and without those that have no name.
    #[must_use]
    pub fn count(&self, kind: Kind) -> (usize, usize) {
        let of_kind = || self.types.values().filter(|fact| fact.kind == kind);
        (of_kind().count(), of_kind().filter(|fact| !fact.name.is_empty()).count())
    }

    /// How many there are, on one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let (structs, named_structs) = self.count(Kind::Struct);
        let (unions, named_unions) = self.count(Kind::Union);
        let (enums, named_enums) = self.count(Kind::Enum);
        let data = self.types.iter().filter(|(text, _)| text.contains("\n  discriminant @")).count();
        format!(
            "{structs} structs ({named_structs} named), {unions} unions ({named_unions}), {enums} enums ({named_enums}), \
             {data} enums with data, {} typedefs, {} functions, {} variables, {} numbers",
            self.count(Kind::Typedef).0,
            self.functions.len(),
            self.variables.len(),
            self.bases.len()
        )
    }
}

impl FunctionFact {
    /// Without names.
    #[must_use]
    pub fn signature(&self) -> String {
        let params: Vec<&str> = self.params.iter().map(|(_, ty)| ty.as_str()).collect();
        let dots = match (self.variadic, params.is_empty()) {
            (false, _) => "",
            (true, true) => "...",
            (true, false) => ", ...",
        };
        format!("fn({}{dots}) -> {}", params.join(", "), self.ret)
    }
}
