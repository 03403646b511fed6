//! Modules: symbols, types, source positions.

use std::collections::HashMap;

use skep_btf::maps::MapDecl;
use skep_btf::{Btf, BtfBuilder, Type, TypeId};

use super::func::index;
use super::{Func, Linkage, Signature};

/// What one compilation is made from.
#[derive(Clone, Debug)]
pub struct Module {
    /// What messages and the object call it.
    pub name: String,
    /// The licence; the kernel gives some helpers only to GPL programs.
    pub license: Option<String>,
    /// All names: functions, maps, globals, externs.
    pub symbols: Vec<Symbol>,
    /// Bodies of functions.
    pub funcs: Vec<Func>,
    /// Types of the source language, as BTF has them.
    pub types: BtfBuilder,
    /// CO-RE relocations, which [`super::Op::Core`] refers to.
    pub core: Vec<CoreRelo>,
    /// What is said of symbols besides, in BTF.
    pub tags: Vec<DeclTag>,
    /// Names of source files.
    pub files: Vec<String>,
    /// Source positions; the first one is "unknown".
    pub places: Vec<Place>,
    file_ids: HashMap<String, u32>,
    symbol_ids: HashMap<String, SymbolId>,
}

/// Index in [`Module::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub u32);

/// Index in [`Module::places`]: a source position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Loc(pub u32);

impl Loc {
    /// No position. The validator counts instructions that have none.
    pub const UNKNOWN: Loc = Loc(0);
}

/// A source position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// Index in [`Module::files`].
    pub file: u32,
    /// Line, from 1; 0 if unknown.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
}

/// A name.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// The name; unique in its module.
    pub name: String,
    /// Who sees it.
    pub linkage: Linkage,
    /// The section it lies in, where it matters: of a function the program section (`xdp`), else `.text`; of a
    /// global, else `.data`, `.rodata` or `.bss`, as its contents say.
    pub section: Option<String>,
    /// What it names.
    pub kind: SymbolKind,
    /// Where it was declared.
    pub loc: Loc,
}

/// What a symbol names.
#[derive(Clone, Debug, PartialEq)]
pub enum SymbolKind {
    /// A function of this module: index in [`Module::funcs`].
    Func(u32),
    /// A map.
    Map(Map),
    /// A variable.
    Global(Global),
    /// Something that is defined elsewhere.
    Extern(Extern),
}

/// A map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    /// What it is; its types are of [`Module::types`].
    pub decl: MapDecl,
    /// Initial values of a map of maps or programs: slot, and the map or function there.
    pub values: Vec<(u32, SymbolId)>,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// Its size in bytes.
    pub size: u32,
    /// Its alignment in bytes, a power of two.
    pub align: u32,
    /// Programs do not write it: it goes to `.rodata`.
    pub read_only: bool,
    /// What it begins with; the rest is zeros.
    pub init: Vec<Init>,
    /// Its type.
    pub ty: Option<TypeId>,
}

/// A piece of the initial contents of a variable; pieces follow each other without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Init {
    /// These bytes.
    Bytes(Vec<u8>),
    /// An integer in the target's byte order, of 1, 2, 4 or 8 bytes.
    Int {
        /// How many bytes.
        bytes: u8,
        /// Its low bits are used.
        value: i64,
    },
    /// An address, 8 bytes.
    Address {
        /// Of what.
        symbol: SymbolId,
        /// Bytes beyond it.
        addend: i64,
    },
    /// So many zero bytes.
    Zeros(u32),
}

impl Init {
    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> u32 {
        match self {
            Init::Bytes(bytes) => index(bytes.len()),
            Init::Int { bytes, .. } => (*bytes).into(),
            Init::Address { .. } => 8,
            Init::Zeros(len) => *len,
        }
    }
}

/// Something that is defined elsewhere: a kfunc or a symbol of the kernel, a function of the host or of a library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extern {
    /// What it takes and returns, if it is a function.
    pub sig: Option<Signature>,
    /// Its type: a FUNC_PROTO, or that of the variable.
    pub ty: Option<TypeId>,
}

/// A tag of a function, of one of its parameters, or of a variable (`btf_decl_tag`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclTag {
    /// The function, global, map or extern.
    pub symbol: SymbolId,
    /// Of a function, which parameter it is about, from 0; `None` if it is about the whole.
    pub param: Option<u32>,
    /// The text, as `arg:nonnull`.
    pub text: String,
}

/// A CO-RE relocation (`bpf_core_relo`): what the loader looks up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoreRelo {
    /// What is asked.
    pub kind: skep_btf::CoreKind,
    /// Of which type.
    pub ty: TypeId,
    /// Along which members, `0:1:2`.
    pub access: String,
    /// The answer for the types of this module: what the code says before the loader patches it.
    pub value: i64,
}

impl CoreRelo {
    /// The size in bytes of the number or pointer that a relocation of a field leads to; `None` if it leads to anything
    /// else.
    pub(crate) fn scalar_size(&self, types: &Btf) -> Option<u64> {
        let mut steps = self.access.split(':').map(|step| step.parse::<u32>().ok());
        // The first step is an index, as that of a pointer is.
        steps.next()??;
        let mut ty = types.resolve(self.ty)?;
        for step in steps {
            let step = step?;
            let inner = match types.ty(ty) {
                Type::Struct(body) | Type::Union(body) => {
                    let member = body.members.get(usize::try_from(step).ok()?)?;
                    if member.bitfield_size != 0 {
                        return None;
                    }
                    member.ty
                }
                Type::Array(array) => array.elem,
                _ => return None,
            };
            ty = types.resolve(inner)?;
        }
        let is_scalar = matches!(types.ty(ty), Type::Int(_) | Type::Ptr(_) | Type::Enum(_) | Type::Enum64(_));
        types.size_of(ty).filter(|_| is_scalar)
    }
}

impl Module {
    /// An empty module. The name is that of the source file, as a rule.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Module {
        Module {
            name: name.into(),
            license: None,
            symbols: Vec::new(),
            funcs: Vec::new(),
            types: BtfBuilder::default(),
            core: Vec::new(),
            tags: Vec::new(),
            files: Vec::new(),
            places: vec![Place::default()],
            file_ids: HashMap::new(),
            symbol_ids: HashMap::new(),
        }
    }

    /// The file of this name, added if need be.
    pub fn file(&mut self, name: &str) -> u32 {
        if let Some(&id) = self.file_ids.get(name) {
            return id;
        }
        let id = index(self.files.len());
        self.files.push(name.to_owned());
        self.file_ids.insert(name.to_owned(), id);
        id
    }

    /// A source position; the same as the last one if that is equal.
    pub fn loc(&mut self, place: Place) -> Loc {
        if self.places.last() != Some(&place) {
            self.places.push(place);
        }
        Loc(index(self.places.len() - 1))
    }

    /// The position that a `Loc` stands for.
    #[must_use]
    pub fn place(&self, loc: Loc) -> Place {
        self.places.get(loc.0 as usize).copied().unwrap_or_default()
    }

    /// Adds a symbol. A name that is there already is not found by [`Module::find`] again; the validator refuses it.
    pub fn add_symbol(&mut self, symbol: Symbol) -> SymbolId {
        let id = SymbolId(index(self.symbols.len()));
        self.symbol_ids.entry(symbol.name.clone()).or_insert(id);
        self.symbols.push(symbol);
        id
    }

    /// Replaces all symbols; the ids are those of the new list.
    pub(crate) fn set_symbols(&mut self, symbols: Vec<Symbol>) {
        self.symbol_ids.clear();
        self.symbols.clear();
        for symbol in symbols {
            self.add_symbol(symbol);
        }
    }

    /// Adds the body of a function, whose symbol must be a function without one; its symbol is set to it.
    pub fn add_func(&mut self, func: Func) -> u32 {
        let id = index(self.funcs.len());
        self.symbols[func.symbol.0 as usize].kind = SymbolKind::Func(id);
        self.funcs.push(func);
        id
    }

    /// A symbol.
    ///
    /// # Panics
    /// If it is of another module.
    #[must_use]
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0 as usize]
    }

    /// The symbol of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<SymbolId> {
        self.symbol_ids.get(name).copied()
    }

    /// What the function that a symbol names takes and returns.
    #[must_use]
    pub fn signature(&self, id: SymbolId) -> Option<&Signature> {
        match &self.symbol(id).kind {
            SymbolKind::Func(func) => self.funcs.get(*func as usize).map(|func| &func.sig),
            SymbolKind::Extern(it) => it.sig.as_ref(),
            SymbolKind::Map(_) | SymbolKind::Global(_) => None,
        }
    }
}
