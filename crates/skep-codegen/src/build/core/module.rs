//! The module that is being built: mistakes, places, and what it becomes in the end.

use std::any;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::Location;

use skep_btf::{BpfType, TypeId};
use skep_insn::Endian;
use skep_object::Object;

use super::body::Body;
use super::class::{Class, Classes};
use super::data::GlobalDecl;
use super::func::FuncDecl;
use super::handle::{Brand, Func, Global, Map, Ty};
use super::maps::MapInfo;
use crate::diag::{Code, SourcePlace};
use crate::ir::{self, Loc};
use crate::{Diag, Diags, Options};

/// A module that is being built, with types that are known when the builder runs: what compilers use that have trees
/// of their own.
///
/// No call fails or panics. A mistake is kept, with its place, for [`finish`](Module::finish) and
/// [`compile`](Module::compile) to report, and yields poison.
#[derive(Debug)]
pub struct Module {
    pub(super) ir: ir::Module,
    pub(super) brand: Brand,
    /// Modules that this is a copy of, and how much of them it has.
    origins: Vec<(Brand, Counts)>,
    pub(super) body: Body,
    /// Bodies that wait until the one in `body` is finished.
    pub(super) waiting: Vec<Body>,
    pub(super) funcs: Vec<FuncDecl>,
    pub(super) maps: Vec<MapInfo>,
    pub(super) globals: Vec<GlobalDecl>,
    pub(super) strings: HashMap<Box<[u8]>, Global>,
    pub(super) classes: Classes,
    /// Structs that have been declared, but not defined.
    pub(super) incomplete: Vec<TypeId>,
    rust: HashMap<any::TypeId, TypeId, BuildHasherDefault<Same>>,
    pub(super) endian: Endian,
    /// Whether the code depends on the byte order, as bit-fields do.
    pub(super) endian_matters: bool,
    diags: Vec<Diag>,
    /// Mistakes beyond those that are kept.
    more_diags: u64,
    /// Where poison was met first. It comes from a mistake of this module, as a rule.
    poison: Option<(Option<String>, Loc)>,
    pub(super) caller: &'static Location<'static>,
    /// What [`set_place`](Module::set_place) said.
    pub(super) place: Option<Loc>,
    places: Places,
}

/// How many handles of each kind have been given out.
#[derive(Clone, Copy, Debug)]
struct Counts {
    types: u32,
    funcs: u32,
    maps: u32,
    globals: u32,
}

/// More mistakes than this are only counted.
const MAX_DIAGS: usize = 1000;

/// Copies what is finished; a body that is being built stays behind. Handles from before stay valid in the copy.
impl Clone for Module {
    fn clone(&self) -> Module {
        let mut origins = self.origins.clone();
        origins.push((self.brand, self.counts()));
        Module {
            ir: self.ir.clone(),
            brand: Brand::new(),
            origins,
            body: Body::default(),
            waiting: Vec::new(),
            funcs: self.funcs.clone(),
            maps: self.maps.clone(),
            globals: self.globals.clone(),
            strings: self.strings.clone(),
            classes: self.classes.clone(),
            incomplete: self.incomplete.clone(),
            rust: self.rust.clone(),
            endian: self.endian,
            endian_matters: self.endian_matters,
            diags: self.diags.clone(),
            more_diags: self.more_diags,
            poison: self.poison.clone(),
            caller: self.caller,
            place: self.place,
            places: Places::default(),
        }
    }
}

impl Module {
    /// An empty module. The name is that of the source file, as a rule.
    #[track_caller]
    #[must_use]
    pub fn new(name: impl Into<String>) -> Module {
        Module {
            ir: ir::Module::new(name),
            brand: Brand::new(),
            origins: Vec::new(),
            body: Body::default(),
            waiting: Vec::new(),
            funcs: Vec::new(),
            maps: Vec::new(),
            globals: Vec::new(),
            strings: HashMap::new(),
            classes: Classes::default(),
            incomplete: Vec::new(),
            rust: HashMap::default(),
            endian: Endian::Little,
            endian_matters: false,
            diags: Vec::new(),
            more_diags: 0,
            poison: None,
            caller: Location::caller(),
            place: None,
            places: Places::default(),
        }
    }

    /// The licence; the kernel gives some helpers only to GPL programs.
    #[track_caller]
    pub fn license(&mut self, license: &str) {
        self.here();
        if license.contains('\0') || license.len() > 127 {
            let found = license.escape_debug();
            self.mistake(
                Code::BadName,
                format!(
                    "the licence \"{found}\" is too long, or has a zero byte: write one of at most 127 bytes"
                ),
            );
            return;
        }
        self.ir.license = Some(license.to_owned());
    }

    /// The byte order of the machine that runs it, which bit-fields depend on: little-endian unless this is called.
    /// It must be that of [`Options::endian`].
    pub fn set_endian(&mut self, endian: Endian) {
        self.endian = endian;
    }

    /// Where the source is that the following calls come from. Without it, that is where they stand in Rust code.
    pub fn set_place(&mut self, file: &str, line: u32, column: u32) {
        let file = self.ir.file(file);
        self.place = Some(self.ir.loc(ir::Place { file, line, column }));
    }

    /// Forgets what [`set_place`](Module::set_place) said.
    pub fn clear_place(&mut self) {
        self.place = None;
    }

    /// The type that a Rust type has here.
    pub fn rust<T: BpfType>(&mut self) -> Ty {
        let id = self.rust_id::<T>();
        self.ty(id)
    }

    pub(crate) fn rust_id<T: BpfType>(&mut self) -> TypeId {
        if T::VOID {
            return TypeId::VOID;
        }
        let key = any::TypeId::of::<T>();
        if let Some(&id) = self.rust.get(&key) {
            return id;
        }
        let id = T::btf(&mut self.ir.types);
        self.classes.clear();
        self.rust.insert(key, id);
        id
    }

    /// The mistakes so far.
    #[must_use]
    pub fn mistakes(&self) -> &[Diag] {
        &self.diags
    }

    /// The module that has been built.
    ///
    /// # Errors
    /// All mistakes that were made.
    pub fn finish(mut self) -> Result<ir::Module, Diags> {
        self.close_all();
        self.check_bodies();
        for (name, loc, message) in ir::validate::misplaced(&self.ir) {
            self.mistake_at(Code::BadSection, Some(name), loc, message);
        }
        if let Some((func, loc)) = self.poison.take()
            && self.diags.is_empty()
        {
            let message =
                "what a mistake in another module has yielded is used here: see to its mistakes first";
            self.mistake_at(Code::Foreign, func, loc, message.to_owned());
        }
        if self.more_diags != 0 {
            let message = format!("there are {} more mistakes, which are not shown", self.more_diags);
            self.diags.push(Diag { code: Code::TooLarge, func: None, place: None, message });
        }
        if self.diags.is_empty() { Ok(self.ir) } else { Err(Diags(self.diags)) }
    }

    /// Compiles the module to a relocatable object.
    ///
    /// # Errors
    /// All mistakes that were made; if there are none, all that does not exist on the target.
    pub fn compile(mut self, options: &Options) -> Result<Object, Diags> {
        if self.endian_matters && self.endian != options.endian {
            let (ours, theirs) = (self.endian, options.endian);
            self.mistake(
                Code::TypeMismatch,
                format!(
                    "the module has bit-fields in {ours:?}-endian order, but is compiled for {theirs:?}-endian: \
                     call Module::set_endian"
                ),
            );
        }
        if options.endian != super::data::HOST {
            self.swap_natives();
        }
        crate::compile(self.finish()?, options)
    }

    /// Takes note of where the caller of the public function is that calls this first.
    #[track_caller]
    #[inline]
    pub(in crate::build) fn here(&mut self) {
        self.caller = Location::caller();
    }

    /// The source position of what is made now.
    #[inline]
    pub(super) fn loc(&mut self) -> Loc {
        match self.place {
            Some(loc) => loc,
            None => self.places.loc(self.caller, &mut self.ir),
        }
    }

    /// Keeps a mistake.
    #[cold]
    pub(super) fn mistake(&mut self, code: Code, message: String) {
        let loc = self.loc();
        let func = self.body_name();
        self.mistake_at(code, func, loc, message);
    }

    /// Takes note of poison. Whatever yielded it has told so; if that was another module, this one does.
    #[cold]
    pub(super) fn meet_poison(&mut self) {
        if self.poison.is_none() {
            self.poison = Some((self.body_name(), self.loc()));
        }
    }

    #[cold]
    pub(super) fn mistake_at(&mut self, code: Code, func: Option<String>, loc: Loc, message: String) {
        self.body.failed = true;
        if self.diags.len() >= MAX_DIAGS {
            self.more_diags += 1;
            return;
        }
        let place = self.source_place(loc);
        self.diags.push(Diag { code, func, place, message });
    }

    fn source_place(&self, loc: Loc) -> Option<SourcePlace> {
        if loc == Loc::UNKNOWN {
            return None;
        }
        let place = self.ir.place(loc);
        let file = self.ir.files.get(place.file as usize)?.clone();
        Some(SourcePlace { file, line: place.line, column: place.column })
    }

    #[inline]
    pub(super) fn class(&mut self, id: TypeId) -> Class {
        self.classes.get(self.ir.types.so_far(), id)
    }

    /// A handle for a type.
    pub(super) fn ty(&self, id: TypeId) -> Ty {
        if id.is_void() { Ty::VOID } else { Ty { index: id.0, brand: self.brand } }
    }

    /// The type that a handle stands for; `None` after a mistake.
    pub(super) fn type_id(&mut self, ty: Ty) -> Option<TypeId> {
        if ty == Ty::VOID || (ty.brand == self.brand && ty.index <= self.ir.types.so_far().count()) {
            return Some(ty.id());
        }
        self.owns(ty.brand, ty.index, |counts| counts.types + 1, "type").then_some(ty.id())
    }

    pub(super) fn func_decl(&mut self, func: Func) -> Option<u32> {
        if func.brand == self.brand && (func.index as usize) < self.funcs.len() {
            return Some(func.index);
        }
        self.owns(func.brand, func.index, |counts| counts.funcs, "function").then_some(func.index)
    }

    pub(super) fn map_info(&mut self, map: Map) -> Option<&MapInfo> {
        let known = map.brand == self.brand && (map.index as usize) < self.maps.len();
        if known || self.owns(map.brand, map.index, |counts| counts.maps, "map") {
            return self.maps.get(map.index as usize);
        }
        None
    }

    pub(super) fn global_decl(&mut self, global: Global) -> Option<GlobalDecl> {
        let known = global.brand == self.brand && (global.index as usize) < self.globals.len();
        if known || self.owns(global.brand, global.index, |counts| counts.globals, "variable") {
            return self.globals.get(global.index as usize).cloned();
        }
        None
    }

    /// Whether a handle of another brand is one that this module has been copied with. Poison is not, silently.
    #[cold]
    fn owns(&mut self, brand: Brand, index: u32, count: fn(Counts) -> u32, what: &str) -> bool {
        if index == u32::MAX {
            self.meet_poison();
            return false;
        }
        if self.origins.iter().any(|&(origin, counts)| origin == brand && index < count(counts)) {
            return true;
        }
        self.mistake(
            Code::Foreign,
            format!("this {what} is of another module: declare it in this one, '{}', too", self.ir.name),
        );
        false
    }

    fn counts(&self) -> Counts {
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        Counts {
            types: self.ir.types.so_far().count(),
            funcs: count(self.funcs.len()),
            maps: count(self.maps.len()),
            globals: count(self.globals.len()),
        }
    }

    /// Whether a name can be a symbol's; else it is a mistake.
    pub(super) fn check_name(&mut self, name: &str) -> bool {
        let reason = match name {
            "" => "it is empty",
            _ if name.len() > 4096 => "it is longer than 4096 bytes",
            _ if name.contains(|c: char| c.is_control()) => "it has control characters",
            _ if self.ir.find(name).is_some() => {
                let message = format!("the name '{name}' is taken in this module: choose another");
                self.mistake(Code::DuplicateName, message);
                return false;
            }
            _ => return true,
        };
        let shown: String = name.chars().take(40).flat_map(char::escape_debug).collect();
        self.mistake(Code::BadName, format!("'{shown}' cannot be a name: {reason}"));
        false
    }

    /// Whether something can be the name of a section; else it is a mistake.
    pub(super) fn check_section(&mut self, section: &str) -> bool {
        if !section.is_empty() && section.len() <= 511 && section.bytes().all(|c| (0x21..0x7f).contains(&c)) {
            return true;
        }
        let shown: String = section.chars().take(40).flat_map(char::escape_debug).collect();
        self.mistake(
            Code::BadSection,
            format!("'{shown}' cannot be a section: write 1 to 511 characters of ASCII, without spaces"),
        );
        false
    }
}

/// Where calls stand, by the address of what `#[track_caller]` gives: a small table that forgets.
#[derive(Clone, Debug)]
struct Places {
    known: [(usize, Loc); 64],
    /// The file that was met last, by the address of its name, and its number.
    file: (usize, u32),
}

impl Default for Places {
    fn default() -> Places {
        Places { known: [(0, Loc::UNKNOWN); 64], file: (0, 0) }
    }
}

impl Places {
    #[inline]
    fn loc(&mut self, at: &'static Location<'static>, ir: &mut ir::Module) -> Loc {
        let address = std::ptr::from_ref(at).addr();
        let row = (address / 8) % self.known.len();
        let (known, loc) = self.known[row];
        if known == address {
            return loc;
        }
        let loc = self.add(at, ir);
        self.known[row] = (address, loc);
        loc
    }

    fn add(&mut self, at: &'static Location<'static>, ir: &mut ir::Module) -> Loc {
        let name = at.file();
        let address = name.as_ptr().addr();
        if self.file.0 != address {
            self.file = (address, ir.file(name));
        }
        ir.loc(ir::Place { file: self.file.1, line: at.line(), column: at.column() })
    }
}

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }
}
