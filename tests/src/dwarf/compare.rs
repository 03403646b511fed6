//! Tells two lists apart, with reasons.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use super::describe::Target;
use super::facts::{Fact, Facts, FunctionFact, VariableFact};
use super::info::Language;
use super::node::{Base, Kind, Meaning, is_primitive};

/// What one list has that the other has not.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What the program has and BTF has not.
    pub missing: Vec<String>,
    /// What both have, and not alike: a line for each part.
    pub different: Vec<String>,
    /// What BTF has and the program has not.
    pub extra: Vec<String>,
    /// Types that are right but hold one that is not.
    pub affected: usize,
    /// How many types were found to be equal.
    pub equal: usize,
    /// What of the functions is not there, by reason.
    pub functions: Vec<String>,
    /// What of the variables is not there.
    pub variables: Vec<String>,
    /// How many functions were found to be equal.
    pub equal_functions: usize,
    /// How many functions have the name of another one, which is there.
    pub shadowed_functions: usize,
    /// How many variables were found to be equal.
    pub equal_variables: usize,
}

impl Verdict {
    /// Whether nothing is wrong with the types.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.types_are_equal() && self.functions.is_empty() && self.variables.is_empty()
    }

    /// Whether nothing is wrong with the types, whatever there is of functions and variables.
    #[must_use]
    pub fn types_are_equal(&self) -> bool {
        self.missing.is_empty() && self.different.is_empty() && self.extra.is_empty() && self.affected == 0
    }
}

/// How many of each sort are shown, unless all are wanted: `{verdict:#}`.
const SHOWN: usize = 40;

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "types: {} equal, {} missing, {} different, {} hold one that is, {} extra; functions: {} equal, {} of \
             their names, {} not; variables: {} equal, {} not",
            self.equal,
            self.missing.len(),
            self.different.len(),
            self.affected,
            self.extra.len(),
            self.equal_functions,
            self.shadowed_functions,
            self.functions.len(),
            self.equal_variables,
            self.variables.len()
        )?;
        for (what, list) in [
            ("missing", &self.missing),
            ("different", &self.different),
            ("extra", &self.extra),
            ("function", &self.functions),
            ("variable", &self.variables),
        ] {
            let shown = if f.alternate() { list.len() } else { SHOWN };
            for line in list.iter().take(shown) {
                writeln!(f, "{what}: {line}")?;
            }
            if list.len() > shown {
                writeln!(f, "{what}: and {} more", list.len() - shown)?;
            }
        }
        Ok(())
    }
}

/// Compares what is `expected` with what was `found`.
#[must_use]
pub fn compare(expected: &Facts, found: &Facts) -> Verdict {
    let mut verdict = Verdict::default();
    for fault in &expected.faults {
        verdict.different.push(format!("debug information cannot be understood: {fault}"));
    }
    for fault in &found.faults {
        verdict.different.push(format!("BTF cannot be understood: {fault}"));
    }
    types(expected, found, &mut verdict);
    bases(expected, found, &mut verdict);
    functions(expected, found, &mut verdict);
    variables(expected, found, &mut verdict);
    verdict
}

type Key<'a> = (Kind, &'a str);

fn types(expected: &Facts, found: &Facts, verdict: &mut Verdict) {
    let mut left: BTreeMap<Key<'_>, Vec<(&str, &Fact)>> = BTreeMap::new();
    for (text, fact) in &found.types {
        if !expected.types.contains_key(text) {
            left.entry((fact.kind, &fact.name)).or_default().push((text, fact));
        }
    }
    let stripped: HashSet<String> = found.types.keys().map(|text| without_numbers(text)).collect();
    let mut answered: HashSet<&str> = HashSet::new();
    let definitions = definitions(expected);
    let wrong: HashSet<Target> = expected
        .types
        .keys()
        .filter(|text| !found.types.contains_key(*text))
        .map(|text| target(text))
        .collect();
    for (text, fact) in &expected.types {
        if let Some(other) = found.types.get(text) {
            match links(text, fact, other, &definitions) {
                Ok(()) => verdict.equal += 1,
                // What is pointed to is not there as it should be, which is reported itself.
                Err(_)
                    if !wrong.is_empty() && fact.links.iter().flatten().any(|link| wrong.contains(link)) =>
                {
                    verdict.affected += 1;
                }
                Err(why) => verdict.different.push(format!("{} ({}): {why}", title(text), fact.first)),
            }
            continue;
        }
        let others = left.get(&(fact.kind, fact.name.as_str())).map_or(&[][..], |others| others);
        if stripped.contains(&without_numbers(text)) {
            // The same but for the number of something that it holds, which is reported itself.
            let same = |other: &&(&str, &Fact)| without_numbers(other.0) == without_numbers(text);
            answered.extend(others.iter().filter(same).map(|(text, _)| *text));
            verdict.affected += 1;
            continue;
        }
        let nearest =
            others.iter().filter(|_| !fact.name.is_empty()).min_by_key(|(other, _)| distance(text, other));
        match nearest {
            Some((other, theirs)) => {
                answered.insert(other);
                verdict.different.push(format!(
                    "{} ({} as {}):{}",
                    title(text),
                    fact.first,
                    theirs.first,
                    difference(text, other)
                ));
            }
            None => verdict.missing.push(format!("{} ({}, {} times)", title(text), fact.first, fact.count)),
        }
    }
    if verdict.affected > 0 && verdict.missing.is_empty() && verdict.different.is_empty() {
        verdict.different.push(format!("{} types hold what no type is", verdict.affected));
    }
    for (text, fact) in left.into_values().flatten() {
        let number = is_primitive(&fact.name) || fact.name.starts_with("DW_ATE_");
        let allowed = (fact.kind == Kind::Typedef && number)
            || (fact.kind == Kind::Enum && !text.contains('\n'))
            || answered.contains(text);
        if !allowed {
            verdict.extra.push(format!("{} ({})", title(text), fact.first));
        }
    }
}

fn target(text: &str) -> Target {
    Target::Defined(super::describe::fnv(text))
}

/// The definitions that each declaration could mean.
fn definitions(facts: &Facts) -> HashMap<Key<'_>, BTreeSet<Target>> {
    let mut definitions: HashMap<Key<'_>, BTreeSet<Target>> = HashMap::new();
    for (text, fact) in &facts.types {
        // What a typedef leads to may be only declared.
        if fact.kind != Kind::Typedef {
            definitions.entry((fact.kind, &fact.name)).or_default().insert(target(text));
        }
    }
    definitions
}

/// Whether the names in two equal texts lead to the same types. What is only declared in one place may be resolved.
fn links(
    text: &str,
    expected: &Fact,
    found: &Fact,
    definitions: &HashMap<Key<'_>, BTreeSet<Target>>,
) -> Result<(), String> {
    for (index, (expected, found)) in expected.links.iter().zip(&found.links).enumerate() {
        let declared = expected.contains(&Target::Declared);
        let lost: Vec<_> = expected
            .iter()
            .filter(|&target| *target != Target::Declared && !found.contains(target))
            .collect();
        let new: Vec<_> = found
            .iter()
            .filter(|&target| !expected.contains(target) && (!declared || *target == Target::Declared))
            .collect();
        let name = || named(text, index);
        if !lost.is_empty() {
            return Err(format!("'{}' leads to {} types, not to {}", name(), found.len(), expected.len()));
        }
        if !new.is_empty() {
            return Err(format!("'{}' leads to a type that it does not lead to", name()));
        }
        // A declaration that has one definition is that definition.
        let (kind, name) = split(&name());
        let unique =
            kind.and_then(|kind| definitions.get(&(kind, name.as_str()))).map_or(0, BTreeSet::len) == 1;
        if unique && found.contains(&Target::Declared) {
            return Err(format!("'{name}' stays declared, though there is one definition of it"));
        }
    }
    Ok(())
}

fn split(name: &str) -> (Option<Kind>, String) {
    let (kind, name) = name.split_once(' ').unwrap_or(("", name));
    let kind =
        [Kind::Struct, Kind::Union, Kind::Enum, Kind::Typedef].into_iter().find(|k| k.to_string() == kind);
    (kind, name.to_owned())
}

/// The name in a text that a link belongs to.
fn named(text: &str, index: usize) -> String {
    let mut names = Vec::new();
    let words: Vec<&str> = text.split([' ', '(', ')', ',', ';', '\n', '{', '}']).collect();
    for pair in words.windows(2).skip(1) {
        if matches!(pair[0], "struct" | "union" | "enum" | "typedef")
            && !pair[1].is_empty()
            && !pair[1].contains('#')
        {
            names.push(format!("{} {}", pair[0], pair[1]));
        }
    }
    names.get(index).cloned().unwrap_or_else(|| format!("name {index}"))
}

fn title(text: &str) -> String {
    let first = text.lines().next().unwrap_or_default();
    let (kind, name) = first.split_once(' ').unwrap_or((first, ""));
    if name.starts_with(' ') || name.is_empty() {
        without_numbers(&text.replace('\n', ";")).chars().take(200).collect()
    } else {
        format!("{kind} {}", without_numbers(name))
    }
}

/// A text without the numbers that tell what is held by value.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('#') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits == 16 {
            rest = &rest[16..];
        } else {
            out.push('#');
        }
    }
    out.push_str(rest);
    out
}

fn distance(one: &str, other: &str) -> usize {
    let lines: HashSet<&str> = one.lines().collect();
    let others: HashSet<&str> = other.lines().collect();
    lines.symmetric_difference(&others).count()
}

/// Lines that only one of two texts has.
fn difference(expected: &str, found: &str) -> String {
    let lines = |text: &str| text.lines().map(without_numbers).collect::<Vec<_>>();
    let (expected, found) = (lines(expected), lines(found));
    let mut out = String::new();
    for line in expected.iter().filter(|line| !found.contains(line)).take(6) {
        out += &format!("\n    - {line}");
    }
    for line in found.iter().filter(|line| !expected.contains(line)).take(6) {
        out += &format!("\n    + {line}");
    }
    if out.is_empty() { "\n    only the order differs".to_owned() } else { out }
}

fn bases(expected: &Facts, found: &Facts, verdict: &mut Verdict) {
    let alike = |a: &Base, b: &Base| {
        let meaning = match (a.meaning, b.meaning) {
            // `char` may be an integer in BTF: the kernel knows no signed characters.
            (Meaning::Char, other) => other != Meaning::Float && other != Meaning::Bool,
            (a, b) => a == b,
        };
        a.size == b.size && meaning
    };
    for base in &expected.bases {
        let same: Vec<&Base> = found.bases.iter().filter(|other| other.name == base.name).collect();
        if same.iter().any(|other| alike(base, other)) {
            verdict.equal += 1;
        } else if same.is_empty() {
            verdict.missing.push(format!("number {base:?}"));
        } else {
            verdict.different.push(format!("number {base:?}: {same:?}"));
        }
    }
}

fn functions(expected: &Facts, found: &Facts, verdict: &mut Verdict) {
    let mut by_name: HashMap<&str, Vec<&FunctionFact>> = HashMap::new();
    for function in &found.functions {
        by_name.entry(&function.names[0]).or_default().push(function);
    }
    let mut known: HashSet<&str> = HashSet::new();
    let named = |function: &FunctionFact| -> Vec<&FunctionFact> {
        function.names.iter().filter_map(|name| by_name.get(name.as_str())).flatten().copied().collect()
    };
    let right = |function: &&FunctionFact| named(function).iter().any(|other| same_function(function, other));
    let equal: HashSet<&str> = expected.functions.iter().filter(right).map(|f| f.names[0].as_str()).collect();
    for function in &expected.functions {
        known.extend(function.names.iter().map(String::as_str));
        let named = named(function);
        if named.iter().any(|other| same_function(function, other)) {
            verdict.equal_functions += 1;
        } else if function.language == Language::C && equal.contains(function.names[0].as_str()) {
            // Another one of that name is there: a name stands for one function.
            verdict.shadowed_functions += 1;
        } else if let Some(other) = named.first() {
            verdict.functions.push(format!(
                "{} ({}) is {} {:?}, not {} {:?}",
                function.names[0],
                function.first,
                function.signature(),
                names(function),
                other.signature(),
                names(other)
            ));
        } else {
            verdict.functions.push(format!("{} ({}): missing", function.names[0], function.first));
        }
    }
    for function in &found.functions {
        if !known.contains(function.names[0].as_str()) {
            verdict.functions.push(format!("{} ({}): extra", function.names[0], function.first));
        }
    }
}

fn names(function: &FunctionFact) -> Vec<&str> {
    function.params.iter().map(|(name, _)| name.as_str()).collect()
}

fn same_function(expected: &FunctionFact, found: &FunctionFact) -> bool {
    let named = |((expected, _), (found, _)): (&(String, String), &(String, String))| {
        // A name that is not there is made up.
        expected == found || (expected.is_empty() && !found.is_empty())
    };
    expected.signature() == found.signature() && expected.params.iter().zip(&found.params).all(named)
}

fn variables(expected: &Facts, found: &Facts, verdict: &mut Verdict) {
    let same = |a: &VariableFact, b: &VariableFact| {
        (a.ty == b.ty, a.section == b.section, a.offset == b.offset, a.size == b.size || a.size == 0)
    };
    for variable in &found.variables {
        let mut named =
            expected.variables.iter().filter(|other| other.names.contains(&variable.names[0])).peekable();
        if named.peek().is_none() {
            verdict.variables.push(format!("{} of {}: extra", variable.names[0], variable.section));
            continue;
        }
        let best = named.find(|other| same(other, variable) == (true, true, true, true));
        if best.is_none() {
            let alike = |other: &&VariableFact| other.names.contains(&variable.names[0]);
            let others = || expected.variables.iter().filter(alike);
            let other = others().find(|other| other.section == variable.section).or(others().next());
            verdict.variables.push(format!("{}: {variable:?}, not {other:?}", variable.names[0]));
        } else {
            verdict.equal_variables += 1;
        }
    }
    for variable in &expected.variables {
        let wanted = variable.language == Language::Rust || variable.section == PER_CPU;
        let there = found.variables.iter().any(|other| variable.names.contains(&other.names[0]));
        if wanted && variable.size != 0 && !there {
            verdict.variables.push(format!("{} of {}: missing", variable.names[0], variable.section));
        }
    }
}

/// The section that has a copy for each processor.
pub const PER_CPU: &str = ".data..percpu";
