//! How places and symbols are written.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::{self, Display, Formatter};

use skep_insn::Insn;

use crate::asm;
use crate::object::{
    Binding, Contents, Func, Object, Place, SectionId, SectionKind, Symbol, SymbolId, SymbolKind,
};

/// The spelling of all symbols, and which of them stand where.
pub(super) struct Names<'a> {
    object: &'a Object,
    /// By symbol.
    spelled: Vec<Cow<'a, str>>,
    /// The symbols of each section that get a label, ordered by place.
    placed: Vec<Vec<SymbolId>>,
    /// Instructions inside of functions that something outside refers to: index of the function, slot in it.
    labels: BTreeSet<(usize, u32)>,
    all: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    pub(super) fn new(object: &'a Object) -> Self {
        let mut placed = vec![Vec::new(); object.sections.len()];
        for (id, symbol) in (0..).map(SymbolId).zip(&object.symbols) {
            if let (Place::Section(section), true) = (symbol.place, is_label(symbol)) {
                placed[section.0 as usize].push(id);
            }
        }
        for ids in &mut placed {
            ids.sort_by_key(|&id| object.symbol_by_id(id).value);
        }
        let all = object.symbols.iter().map(|symbol| symbol.name.as_str()).collect();
        let mut names = Names { object, spelled: spell_all(object), placed, labels: BTreeSet::new(), all };
        names.labels = names.labels_inside();
        names
    }

    /// A symbol's name.
    pub(super) fn symbol(&self, id: SymbolId) -> &str {
        self.spelled.get(id.0 as usize).map_or("", |name| name)
    }

    /// Whether a symbol has this name.
    pub(super) fn is_symbol(&self, name: &str) -> bool {
        self.all.contains(name)
    }

    /// The symbols of a section that get a label, ordered by place.
    pub(super) fn placed(&self, section: SectionId) -> &[SymbolId] {
        &self.placed[section.0 as usize]
    }

    /// Slots inside of a function that something outside refers to.
    pub(super) fn labels_of(&self, func: usize) -> impl Iterator<Item = u32> {
        self.labels.range((func, 0)..=(func, u32::MAX)).map(|&(_, slot)| slot)
    }

    /// What a relocation refers to.
    pub(super) fn target(&self, symbol: SymbolId, addend: i64) -> String {
        let target = self.object.symbol_by_id(symbol);
        match target.place {
            Place::Section(section) if target.kind == SymbolKind::Section => {
                match target.value.checked_add_signed(addend) {
                    Some(offset) => self.place(section, offset),
                    None => plus(self.symbol(symbol), addend),
                }
            }
            _ => plus(self.symbol(symbol), addend),
        }
    }

    /// A place in a section.
    pub(super) fn place(&self, section: SectionId, offset: u64) -> String {
        let home = self.object.section(section);
        if home.kind == SectionKind::Code
            && let Some(name) = self.code(section, offset)
        {
            return name;
        }
        let ids = self.placed(section);
        let after = ids.partition_point(|&id| self.object.symbol_by_id(id).value <= offset);
        // A weak symbol may become another's place.
        let holds = |id: &&SymbolId| {
            let symbol = self.object.symbol_by_id(**id);
            let inside = offset - symbol.value;
            symbol.binding != Binding::Weak && (inside == 0 || inside < symbol.size)
        };
        // Variables rarely overlap; what lies deep inside another is named from its section.
        match ids[..after].iter().rev().take(4).find(holds) {
            Some(&id) if home.kind != SectionKind::Code || offset == self.object.symbol_by_id(id).value => {
                plus(self.symbol(id), (offset - self.object.symbol_by_id(id).value).cast_signed())
            }
            _ => plus(&spell(&home.name), offset.cast_signed()),
        }
    }

    /// A function or a label in one.
    fn code(&self, section: SectionId, offset: u64) -> Option<String> {
        let slot = u32::try_from(offset / 8).ok().filter(|_| offset.is_multiple_of(8))?;
        let func = self.object.func_at(section, slot)?;
        if func.start == slot {
            return Some(self.symbol(func.symbol).to_owned());
        }
        let index = self.object.funcs.binary_search_by_key(&(section, func.start), |f| (f.section, f.start));
        let at = (index.ok()?, slot - func.start);
        self.labels.contains(&at).then(|| Label(at.0, at.1).to_string())
    }

    /// What relocations refer to inside of functions.
    fn labels_inside(&self) -> BTreeSet<(usize, u32)> {
        let object = self.object;
        let mut starts: HashMap<usize, Vec<bool>> = HashMap::new();
        let mut labels = BTreeSet::new();
        for reloc in object.sections.iter().flat_map(|section| &section.relocs) {
            let symbol = object.symbol_by_id(reloc.symbol);
            let Place::Section(section) = symbol.place else { continue };
            let Some(offset) = symbol.value.checked_add_signed(reloc.addend) else { continue };
            let Ok(slot) = u32::try_from(offset / 8) else { continue };
            let Some(func) = object.func_at(section, slot) else { continue };
            let key = (func.section, func.start);
            let Ok(index) = object.funcs.binary_search_by_key(&key, |f| (f.section, f.start)) else {
                continue;
            };
            let starts = starts.entry(index).or_insert_with(|| starts_of(object, func));
            if slot != func.start && offset % 8 == 0 && starts[(slot - func.start) as usize] {
                labels.insert((index, slot - func.start));
            }
        }
        labels
    }
}

/// Whether a symbol is written as a label.
fn is_label(symbol: &Symbol) -> bool {
    symbol.kind != SymbolKind::Section && !symbol.name.is_empty()
}

/// Which slots of a function begin an instruction.
pub(super) fn starts_of(object: &Object, func: &Func) -> Vec<bool> {
    let code = object.code(func);
    let mut starts = vec![false; code.len()];
    let mut at = 0;
    while at < code.len() {
        starts[at] = true;
        at += Insn::decode(&code[at..]).map_or(1, |insn| insn.slots() as usize);
    }
    starts
}

/// An instruction inside of a function: index of the function, slot in it.
pub(super) struct Label(pub(super) usize, pub(super) u32);

impl Display for Label {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, ".L{}_{}", self.0, self.1)
    }
}

/// `name + 0x8`
fn plus(name: &str, addend: i64) -> String {
    match addend {
        0 => name.to_owned(),
        _ if addend < 0 => format!("{name} - {:#x}", addend.unsigned_abs()),
        _ => format!("{name} + {addend:#x}"),
    }
}

/// All names, each for one symbol.
fn spell_all(object: &Object) -> Vec<Cow<'_, str>> {
    let mut taken: HashSet<Cow<'_, str>> = HashSet::new();
    // Names that others see stay as they are.
    let visible = object.symbols.iter().filter(|symbol| symbol.binding != Binding::Local);
    taken.extend(visible.map(|symbol| Cow::Borrowed(symbol.name.as_str())));
    let mut spelled = Vec::with_capacity(object.symbols.len());
    for (number, symbol) in object.symbols.iter().enumerate() {
        let is_free = !is_label(symbol)
            || symbol.binding != Binding::Local
            || taken.insert(Cow::Borrowed(symbol.name.as_str()));
        spelled.push(match is_free {
            true => spell(&symbol.name),
            false => {
                let name = format!("{}.{number}", symbol.name);
                taken.insert(Cow::Owned(name.clone()));
                Cow::Owned(spell(&name).into_owned())
            }
        });
    }
    spelled
}

/// A name as the assembler reads it: in quotes where it must be.
pub(super) fn spell(name: &str) -> Cow<'_, str> {
    match asm::is_plain_name(name) {
        true => Cow::Borrowed(name),
        false => Cow::Owned(quoted(name.as_bytes())),
    }
}

/// Text in quotes, as the assembler reads it.
pub(super) fn quoted(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => text.extend(['\\', c]),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                '\r' => text.push_str("\\r"),
                // Three digits, so that a digit may follow.
                _ if c.is_ascii_control() => text.push_str(&format!("\\{:03o}", u32::from(c))),
                _ => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\{byte:03o}")));
    }
    text.push('"');
    text
}

/// The C string at a place in data, or its beginning, if one stands there.
pub(super) fn string_at(object: &Object, id: SectionId, offset: u64) -> Option<String> {
    let Contents::Bytes(bytes) = &object.section(id).contents else { return None };
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let rest = &rest[..rest.len().min(SHOWN + 4)];
    let end = rest.iter().position(|&byte| byte == 0);
    let text = &rest[..end.unwrap_or(rest.len())];
    let patched = object.relocs_in(id, offset..offset + text.len() as u64 + 1);
    let whole = end.is_some() || rest.len() > SHOWN;
    if text.is_empty() || !whole || !patched.is_empty() || !text.iter().all(|&byte| is_text(byte)) {
        return None;
    }
    // Behind what is shown a character may be cut.
    let shown = String::from_utf8_lossy(text);
    let short: String = shown.chars().take(SHOWN).collect();
    let is_cut = short.len() < shown.len();
    (!short.contains(char::REPLACEMENT_CHARACTER))
        .then(|| format!("{}{}", quoted(short.as_bytes()), if is_cut { "..." } else { "" }))
}

/// How many characters of a string are shown beside what points to it.
const SHOWN: usize = 48;

/// Whether a byte is one of readable text.
pub(super) fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r' | 0x1b | 0x80..)
}
