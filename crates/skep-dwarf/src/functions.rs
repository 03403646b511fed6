//! Which functions are encoded.
//!
//! Whoever traces a function by its BTF finds it by its name, and its parameters in the registers of the calling
//! convention. So a name must stand for one prototype, and the code must keep to it.

use crate::elf::{Elf, Symbol};
use crate::hash::{Map, Set};
use crate::model::flag;
use crate::names::{Name, Names};
use crate::options::Functions;
use crate::pool::{Id, Rec, Records};
use crate::report::Skip;
use crate::shape::Placed;

/// The functions with a symbol.
#[derive(Debug)]
struct Symbols<'d> {
    exact: Set<&'d [u8]>,
    /// What is in front of the first dot of those that have one: `foo` for `foo.isra.0`.
    stems: Set<&'d [u8]>,
}

impl<'d> Symbols<'d> {
    fn new(symbols: &[Symbol<'d>]) -> Symbols<'d> {
        let (mut exact, mut stems) = (Set::default(), Set::default());
        for symbol in symbols.iter().filter(|symbol| symbol.is_function) {
            exact.extend([symbol.name, symbol.source_name()]);
            if let Some(dot) = symbol.name.iter().position(|&byte| byte == b'.') {
                stems.insert(&symbol.name[..dot]);
            }
        }
        Symbols { exact, stems }
    }

    fn has(&self, name: &[u8]) -> bool {
        self.exact.contains(name) || self.stems.contains(name)
    }
}

/// What a function is encoded as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum As {
    /// Under the name of its record.
    Itself,
    /// Under the name that the linker sees, because its own stands for several functions.
    Symbol(Name),
}

/// Says for each function, in their order, whether it is encoded (the first of its name) or why not.
pub(crate) fn choose(
    functions: &[Placed],
    records: &Records,
    names: &Names<'_>,
    elf: &Elf<'_>,
    which: Functions,
) -> Vec<Result<As, Skip>> {
    let symbols = Symbols::new(&elf.symbols);
    let is_dropped = |function: &Placed| function.address.is_some_and(|address| elf.is_dropped(address));
    let mut groups: Map<(Id, Name), Group> = Map::default();
    for function in functions.iter().filter(|function| !is_dropped(function)) {
        let record = records.get(function.id);
        let group = groups.entry((record.id(0), record.name(1))).or_default();
        let proto = record.id(2);
        match group.proto {
            None => group.proto = Some(proto),
            Some(first) => group.differs |= !is_same(records, first, proto, 0),
        }
        group.flags |= function.flags;
    }
    for ((_, name), group) in &mut groups {
        let text = names.text(*name);
        group.has_symbol =
            if symbols.exact.is_empty() { group.flags & flag::EXTERNAL != 0 } else { symbols.has(&text) };
    }
    let outcome = |function: &Placed| {
        if is_dropped(function) {
            return Err(Skip::DroppedFunction);
        }
        let record = records.get(function.id);
        let Some(group) = groups.get(&(record.id(0), record.name(1))) else { return Ok(As::Itself) };
        if record.flags() & RUST == 0 {
            return group.outcome(which).map(|()| As::Itself);
        }
        // Rust has a symbol for each function, and a calling convention of its own.
        let has_symbol = function.linkage_name.is_none()
            || symbols.exact.is_empty()
            || symbols.exact.contains(&*names.text(function.linkage_name));
        match which {
            Functions::None => Err(Skip::NoSymbol),
            Functions::Consistent if !has_symbol => Err(Skip::NoSymbol),
            _ if group.differs && !function.linkage_name.is_none() => Ok(As::Symbol(function.linkage_name)),
            _ => Ok(As::Itself),
        }
    };
    functions.iter().map(outcome).collect()
}

/// The flag of the records of Rust.
const RUST: u32 = 0x10;

/// The functions of one name.
#[derive(Debug, Default)]
struct Group {
    proto: Option<Id>,
    differs: bool,
    has_symbol: bool,
    flags: u16,
}

impl Group {
    fn outcome(&self, which: Functions) -> Result<(), Skip> {
        match which {
            Functions::None => Err(Skip::NoSymbol),
            _ if self.flags & flag::UNNAMED != 0 => Err(Skip::UnnamedParameter),
            Functions::All => Ok(()),
            Functions::Consistent if !self.has_symbol => Err(Skip::NoSymbol),
            Functions::Consistent if self.differs => Err(Skip::Inconsistent),
            Functions::Consistent if self.flags & flag::UNEXPECTED_REGISTER != 0 => {
                Err(Skip::UnexpectedRegister)
            }
            Functions::Consistent => Ok(()),
        }
    }
}

/// How deep types are compared; names end it before.
const MAX_DEPTH: u32 = 32;

/// Whether two types are the same to a caller: names of parameters do not matter, and a struct is its name.
fn is_same(records: &Records, a: Id, b: Id, depth: u32) -> bool {
    if a == b {
        return true;
    }
    let (a, b) = (records.get(a), records.get(b));
    let (Some(rec), true) = (a.rec(), a.rec() == b.rec() && depth < MAX_DEPTH) else { return false };
    let ids = |at| is_same(records, a.id(at), b.id(at), depth + 1);
    match rec {
        Rec::Name => a.words.get(..3) == b.words.get(..3),
        Rec::Ptr | Rec::Const | Rec::Volatile | Rec::Restrict => ids(0),
        Rec::Array => a.word(1) == b.word(1) && ids(0),
        Rec::Typedef => a.word(0) == b.word(0) && a.word(1) == b.word(1) && ids(2),
        Rec::TypeTag => a.word(0) == b.word(0) && ids(1),
        Rec::Proto => {
            let pairs = || a.elements().zip(b.elements());
            a.words.len() == b.words.len()
                && ids(0)
                && pairs().all(|(a, b)| is_same(records, Id(a[1]), Id(b[1]), depth + 1))
        }
        _ => false,
    }
}
