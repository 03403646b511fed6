//! Entries of DWARF: found by reference, with their path of names.

use std::collections::HashMap;

use gimli::{
    AttributeValue as Value, DebugInfoOffset, DebugTypeSignature, DebuggingInformationEntry, DwAt, DwTag,
    Dwarf, Operation, Unit, UnitOffset, UnitSectionOffset, UnitType, constants as c,
};

use super::Error;
use super::file::{Bytes, File};

/// An entry.
pub type Die<'a> = DebuggingInformationEntry<Bytes<'a>>;

/// Where an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The number of its unit.
    pub unit: u32,
    /// In the unit.
    pub offset: usize,
}

/// A programming language, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// And assembly, and what does not say.
    C,
    /// Names are paths, enumerations have data.
    Rust,
    /// C++ and all others: looked at by nobody.
    Other,
}

/// A unit, and the file that it is of.
pub struct InfoUnit<'a> {
    /// Its contents.
    pub unit: Unit<Bytes<'a>>,
    /// Which of the files.
    pub file: usize,
    /// Whether its entries are listed: a unit that is only a stand-in for one in another file is not.
    pub listed: bool,
    /// Its language.
    pub language: Language,
    start: UnitSectionOffset,
}

/// The debug information of a program.
pub struct Info<'a> {
    files: Vec<(Dwarf<Bytes<'a>>, &'a File<'a>)>,
    /// All units, those of a file one after the other.
    pub units: Vec<InfoUnit<'a>>,
    signatures: HashMap<DebugTypeSignature, At>,
    /// The path of what encloses an entry, where something with a name does.
    scopes: HashMap<At, Scope>,
    /// Whether there is more than one language.
    mixed: bool,
}

#[derive(Debug, Clone, Default)]
struct Scope {
    path: String,
    namespace: bool,
}

impl<'a> Info<'a> {
    /// Reads the units of a file, of the file with its shared entries, and of those that it was split into.
    ///
    /// # Errors
    ///
    /// If DWARF is damaged.
    pub fn new(
        file: &'a File<'a>,
        alternate: Option<&'a File<'a>>,
        split: &'a [File<'a>],
    ) -> Result<Info<'a>, Error> {
        let mut info = Info {
            files: Vec::new(),
            units: Vec::new(),
            signatures: HashMap::new(),
            scopes: HashMap::new(),
            mixed: false,
        };
        let mut dwarf = file.dwarf();
        if let Some(alternate) = alternate {
            dwarf.set_sup(alternate.dwarf());
        }
        info.files.push((dwarf, file));
        if let Some(alternate) = alternate {
            info.files.push((alternate.dwarf(), alternate));
        }
        for other in split {
            let mut dwarf = other.split();
            dwarf.make_dwo(&info.files[0].0);
            info.files.push((dwarf, other));
        }
        for number in 0..info.files.len() {
            info.add_units(number)?;
        }
        info.mixed = info.units.iter().any(|unit| unit.language != Language::C);
        for number in 0..info.units.len() {
            info.add_scopes(u32::try_from(number).unwrap_or(u32::MAX))?;
        }
        Ok(info)
    }

    fn add_units(&mut self, number: usize) -> Result<(), Error> {
        let (dwarf, _) = &self.files[number];
        let mut headers = Vec::new();
        let mut iter = dwarf.units();
        while let Some(header) = iter.next()? {
            headers.push(header);
        }
        let mut iter = dwarf.type_units();
        while let Some(header) = iter.next()? {
            headers.push(header);
        }
        let mut added = Vec::new();
        for header in headers {
            let mut unit = dwarf.unit(header)?;
            let at = u32::try_from(self.units.len() + added.len()).unwrap_or(u32::MAX);
            if let UnitType::Type { type_signature, type_offset }
            | UnitType::SplitType { type_signature, type_offset } = header.type_()
            {
                self.signatures.insert(type_signature, At { unit: at, offset: type_offset.0 });
            }
            if let Some(id) = unit.dwo_id
                && let Some(skeleton) = self.units.iter().find(|other| other.unit.dwo_id == Some(id))
            {
                unit.copy_relocated_attributes(&skeleton.unit);
            }
            let root = unit.entry(header.root_offset())?;
            let language = match root.attr_value(c::DW_AT_language) {
                Some(Value::Language(c::DW_LANG_Rust)) => Language::Rust,
                Some(Value::Language(
                    c::DW_LANG_C
                    | c::DW_LANG_C89
                    | c::DW_LANG_C99
                    | c::DW_LANG_C11
                    | c::DW_LANG_C17
                    | c::DW_LANG_Mips_Assembler,
                ))
                | None => Language::C,
                Some(Value::Language(language)) if language.0 == 0x3e => Language::C, // DW_LANG_C23
                Some(_) => Language::Other,
            };
            let skeleton = number == 0 && (root.tag() == c::DW_TAG_skeleton_unit || unit.dwo_id.is_some());
            let start = header.offset();
            added.push(InfoUnit { unit, file: number, listed: !skeleton, language, start });
        }
        self.units.extend(added);
        Ok(())
    }

    /// Notes for each entry inside of a namespace or a type of what path that is.
    fn add_scopes(&mut self, number: u32) -> Result<(), Error> {
        let entry = &self.units[number as usize];
        let mut scopes = Vec::new();
        let mut stack: Vec<Scope> = vec![Scope::default()];
        let mut cursor = entry.unit.entries();
        while let Some(die) = cursor.next_dfs()? {
            let depth = usize::try_from(die.depth()).unwrap_or_default();
            stack.truncate(depth + 1);
            let outer = stack.last().cloned().unwrap_or_default();
            let at = At { unit: number, offset: die.offset().0 };
            if !outer.path.is_empty() && has_path(die.tag()) {
                scopes.push((at, outer.clone()));
            }
            if die.has_children() {
                stack.resize(depth + 1, Scope::default());
                let inner = if is_scope(die.tag()) {
                    let name = self.string(at, die, c::DW_AT_name).unwrap_or_default();
                    let path = if outer.path.is_empty() { name } else { format!("{}::{name}", outer.path) };
                    Scope { path, namespace: outer.namespace || die.tag() == c::DW_TAG_namespace }
                } else {
                    outer
                };
                stack.push(inner);
            }
        }
        self.scopes.extend(scopes);
        Ok(())
    }

    /// The file that a unit is of.
    #[must_use]
    pub fn file(&self, at: At) -> &'a File<'a> {
        self.files[self.units[at.unit as usize].file].1
    }

    /// The file that has the code and data of a unit, which may not be the one that tells about it.
    #[must_use]
    pub fn program(&self, at: At) -> &'a File<'a> {
        if self.unit(at).unit.dwo_id.is_some() { self.files[0].1 } else { self.file(at) }
    }

    /// The unit of an entry.
    #[must_use]
    pub fn unit(&self, at: At) -> &InfoUnit<'a> {
        &self.units[at.unit as usize]
    }

    /// The DWARF of the file that has the entry.
    #[must_use]
    pub fn dwarf(&self, at: At) -> &Dwarf<Bytes<'a>> {
        &self.files[self.unit(at).file].0
    }

    /// An entry.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn die(&self, at: At) -> Result<Die<'a>, Error> {
        Ok(self.unit(at).unit.entry(UnitOffset(at.offset))?)
    }

    /// The entries right below one.
    ///
    /// # Errors
    ///
    /// If DWARF is damaged.
    pub fn children(&self, at: At) -> Result<Vec<(At, Die<'a>)>, Error> {
        let mut cursor = self.unit(at).unit.entries_at_offset(UnitOffset(at.offset))?;
        let mut children = Vec::new();
        let Some(parent) = cursor.next_dfs()? else { return Ok(children) };
        if !parent.has_children() {
            return Ok(children);
        }
        let mut next = cursor.next_dfs()?.cloned();
        while let Some(die) = next {
            if die.depth() < 1 {
                break;
            }
            children.push((At { unit: at.unit, offset: die.offset().0 }, die));
            next = cursor.next_sibling()?.cloned();
        }
        Ok(children)
    }

    /// The entry that an attribute refers to.
    ///
    /// # Errors
    ///
    /// If it refers to nowhere.
    pub fn reference(&self, at: At, die: &Die<'a>, name: DwAt) -> Result<Option<At>, Error> {
        let value = die.attr_value(name);
        let found = match value {
            None => return Ok(None),
            Some(Value::UnitRef(offset)) => Some(At { unit: at.unit, offset: offset.0 }),
            Some(Value::DebugInfoRef(offset)) => self.in_file(self.unit(at).file, offset),
            Some(Value::DebugInfoRefSup(offset)) => self.in_file(1, offset),
            Some(Value::DebugTypesRef(signature)) => self.signatures.get(&signature).copied(),
            Some(_) => None,
        };
        found.map(Some).ok_or_else(|| Error::Wrong(format!("{name} at {at:?} refers to nowhere: {value:?}")))
    }

    fn in_file(&self, file: usize, offset: DebugInfoOffset) -> Option<At> {
        let start = self.units.partition_point(|unit| unit.file < file);
        let end = self.units.partition_point(|unit| unit.file <= file);
        let inside = &self.units[start..end];
        let before = |unit: &InfoUnit<'_>| {
            unit.start.to_debug_info_offset(&unit.unit.header).is_some_and(|at| at.0 <= offset.0)
        };
        let index = inside.partition_point(before).checked_sub(1)?;
        let offset = offset.to_unit_offset(&inside[index].unit.header)?;
        Some(At { unit: u32::try_from(start + index).ok()?, offset: offset.0 })
    }

    /// A string attribute.
    #[must_use]
    pub fn string(&self, at: At, die: &Die<'a>, name: DwAt) -> Option<String> {
        let value = die.attr_value(name)?;
        let text = self.dwarf(at).attr_string(&self.unit(at).unit, value).ok()?;
        Some(text.to_string_lossy().into_owned())
    }

    /// A number attribute.
    #[must_use]
    pub fn number(&self, die: &Die<'a>, name: DwAt) -> Option<u64> {
        let value = die.attr_value(name)?;
        value.udata_value().or_else(|| value.sdata_value().map(i64::cast_unsigned))
    }

    /// The offset that an attribute says in bytes, as a number or by adding one.
    #[must_use]
    pub fn offset(&self, at: At, die: &Die<'a>, name: DwAt) -> Option<u64> {
        if let Some(Value::Exprloc(expression)) = die.attr_value(name) {
            let mut operations = expression.operations(self.unit(at).unit.encoding());
            return match operations.next() {
                Ok(Some(Operation::PlusConstant { value } | Operation::UnsignedConstant { value })) => {
                    Some(value)
                }
                _ => None,
            };
        }
        self.number(die, name)
    }

    /// A constant of any form.
    #[must_use]
    pub fn constant(&self, at: At, die: &Die<'a>, name: DwAt) -> Option<i128> {
        Some(match die.attr_value(name)? {
            Value::Sdata(value) => value.into(),
            Value::Udata(value) | Value::Data8(value) => value.into(),
            Value::Data1(value) => value.into(),
            Value::Data2(value) => value.into(),
            Value::Data4(value) => value.into(),
            Value::Data16(value) => value.cast_signed(),
            Value::Block(block) => {
                let mut bytes = [0; 16];
                let len = block.len().min(16);
                match self.file(at).endian {
                    gimli::RunTimeEndian::Little => bytes[..len].copy_from_slice(&block[..len]),
                    gimli::RunTimeEndian::Big => {
                        bytes[..len].copy_from_slice(&block[..len]);
                        bytes[..len].reverse();
                    }
                }
                i128::from_le_bytes(bytes)
            }
            _ => return None,
        })
    }

    /// Whether an attribute is there and says yes.
    #[must_use]
    pub fn flag(&self, die: &Die<'a>, name: DwAt) -> bool {
        matches!(die.attr_value(name), Some(Value::Flag(true)))
    }

    /// The entry's name after the path of what encloses it.
    #[must_use]
    pub fn path(&self, at: At, name: &str) -> String {
        match self.scopes.get(&at) {
            Some(scope) => format!("{}::{name}", scope.path),
            None => name.to_owned(),
        }
    }

    /// The language that an entry was written in: link-time optimization puts entries into units of other languages.
    #[must_use]
    pub fn language(&self, at: At, die: &Die<'a>) -> Language {
        let of_unit = self.unit(at).language;
        if of_unit == Language::Other || !self.mixed {
            return of_unit;
        }
        if self.scopes.get(&at).is_some_and(|scope| scope.namespace) {
            return Language::Rust;
        }
        let name = self.string(at, die, c::DW_AT_name).unwrap_or_default();
        if die.tag() == c::DW_TAG_base_type {
            let ucs = matches!(die.attr_value(c::DW_AT_encoding), Some(Value::Encoding(c::DW_ATE_UTF)));
            let rust = super::node::is_primitive(&name)
                || matches!(name.as_str(), "()" | "!")
                || (ucs && name == "char");
            return if rust { Language::Rust } else { of_unit };
        }
        if !name.is_empty() && !super::spell::is_identifier(&name) {
            return Language::Rust;
        }
        let source = self.source(at, die).unwrap_or_default();
        if source.ends_with(".rs") {
            Language::Rust
        } else if source.ends_with(".c") || source.ends_with(".h") {
            Language::C
        } else {
            of_unit
        }
    }

    /// The name of the file in which an entry is declared.
    #[must_use]
    pub fn source(&self, at: At, die: &Die<'a>) -> Option<String> {
        let Some(Value::FileIndex(index)) = die.attr_value(c::DW_AT_decl_file) else { return None };
        let unit = &self.unit(at).unit;
        let file = unit.line_program.as_ref()?.header().file(index)?;
        let text = self.dwarf(at).attr_string(unit, file.path_name()).ok()?;
        Some(text.to_string_lossy().into_owned())
    }

    /// Follows an entry to what it is an instance or the definition of, nearest first.
    ///
    /// # Errors
    ///
    /// If a reference leads nowhere.
    pub fn origins(&self, at: At) -> Result<Vec<(At, Die<'a>)>, Error> {
        let mut chain = vec![(at, self.die(at)?)];
        while chain.len() < 16 {
            let (at, die) = &chain[chain.len() - 1];
            let next = self.reference(*at, die, c::DW_AT_abstract_origin)?;
            let next = if next.is_some() { next } else { self.reference(*at, die, c::DW_AT_specification)? };
            let Some(next) = next else { break };
            chain.push((next, self.die(next)?));
        }
        Ok(chain)
    }
}

fn is_scope(tag: DwTag) -> bool {
    matches!(
        tag,
        c::DW_TAG_namespace
            | c::DW_TAG_structure_type
            | c::DW_TAG_union_type
            | c::DW_TAG_enumeration_type
            | c::DW_TAG_class_type
            | c::DW_TAG_module
    )
}

fn has_path(tag: DwTag) -> bool {
    is_scope(tag) || matches!(tag, c::DW_TAG_subprogram | c::DW_TAG_variable | c::DW_TAG_typedef)
}
