//! A linked program.
//!
//! Everything refers to everything else by index. Code holds no address: each instruction that needs one has a
//! [`Ref`], and in its place stands nothing (`call` with src 1 and imm -1, `ld_imm64` with src 0 and value 0).
//! So a function can be placed, replaced and removed alone.

use std::sync::Arc;

use skep_btf::{Btf, CoreKind, StrRef, TypeId};
use skep_insn::{Endian, RawInsn, Slot};

use crate::map::MapDef;

/// Index of a function in [`Image::funcs`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FuncId(pub u32);

/// Index of a data section in [`Image::data`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DataId(pub u32);

/// Index of a map in [`Image::maps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MapId(pub u32);

/// Index of an import in [`Image::imports`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportId(pub u32);

/// A linked and checked program, ready for either runtime.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// What messages call it.
    pub name: String,
    /// Byte order of its data; its code is slots, and has none.
    pub endian: Endian,
    /// Functions, in layout order.
    pub funcs: Vec<Func>,
    /// Data sections.
    pub data: Vec<Data>,
    /// Maps.
    pub maps: Vec<Map>,
    /// What the runtime must supply by name.
    pub imports: Vec<Import>,
    /// The licence.
    pub license: Option<String>,
    /// Types; what `TypeId`s in this image refer to.
    pub btf: Option<Arc<Btf>>,
    /// Names of source files, for [`Line::file`].
    pub files: Vec<String>,
}

/// A function: the unit of compilation, replacement and removal.
#[derive(Clone, Debug, PartialEq)]
pub struct Func {
    /// Its name; unique among exported functions.
    pub name: String,
    /// Its other exported names, as unique.
    pub aliases: Vec<String>,
    /// The section it came from, which says what runs it: `BEGIN`, `xdp`, `.text`.
    pub section: String,
    /// Visible by name to the host and to other units.
    pub exported: bool,
    /// Its code.
    pub code: Vec<RawInsn>,
    /// What its code refers to, ordered by slot.
    pub refs: Vec<Ref>,
    /// Source lines, ordered by slot; each holds up to the next.
    pub lines: Vec<Line>,
    /// What in its code depends on the types of the kernel that it runs in, ordered by slot.
    pub core: Vec<Core>,
    /// Its FUNC in the BTF.
    pub ty: Option<TypeId>,
}

/// An instruction that depends on the kernel's types: a CO-RE relocation. As it stands, it is right where these are the
/// ones that the program was compiled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Core {
    /// The instruction's first slot.
    pub at: Slot,
    /// The type that the program was compiled with, in [`Image::btf`].
    pub ty: TypeId,
    /// Which part of the type: indices with colons between them, a string of [`Image::btf`].
    pub access: StrRef,
    /// What about it.
    pub kind: CoreKind,
}

/// An instruction that refers to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ref {
    /// The instruction's first slot: a `call` or an `ld_imm64`.
    pub at: Slot,
    /// What it refers to.
    pub target: Target,
}

/// What an instruction or a pointer in data refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A function of this image.
    Func(FuncId),
    /// An instruction inside a function, where its `gotox` goes. It stands only in data: in a jump table, or in a
    /// variable that holds the address of a label.
    Code {
        /// The function.
        func: FuncId,
        /// The instruction's first slot.
        at: Slot,
    },
    /// A place in a data section, `offset` bytes from its start; it may point outside, as C allows one past the end.
    Data {
        /// The section.
        data: DataId,
        /// Bytes from its start.
        offset: i64,
    },
    /// A map of this image.
    Map(MapId),
    /// Something that the runtime supplies.
    Import {
        /// Which.
        import: ImportId,
        /// Bytes beyond it.
        addend: i64,
    },
}

/// The source line of the instructions from `at` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The first slot it holds for.
    pub at: Slot,
    /// Index in [`Image::files`].
    pub file: u32,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1; 0 if unknown.
    pub column: u32,
    /// The line itself, a string of [`Image::btf`]; empty if unknown.
    pub text: StrRef,
}

/// A data section.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// Its name, `.rodata.str1.1`.
    pub name: String,
    /// Programs must not write it.
    pub read_only: bool,
    /// Alignment in bytes, a power of two.
    pub align: u64,
    /// What it begins with; the rest up to `size` is zeros.
    pub bytes: Vec<u8>,
    /// Its size in bytes.
    pub size: u64,
    /// The pointers in it, ordered by offset.
    pub refs: Vec<DataRef>,
    /// The variables in it, ordered by offset.
    pub vars: Vec<Var>,
    /// Its DATASEC in the BTF.
    pub ty: Option<TypeId>,
}

/// A pointer in data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataRef {
    /// Where it stands: 8 bytes at this offset.
    pub at: u64,
    /// Where it points.
    pub target: Target,
}

/// A variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Var {
    /// Its name.
    pub name: String,
    /// Where it lies in its section, in bytes.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Visible by name to the host and to other units.
    pub exported: bool,
}

/// A map.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// What it is.
    pub def: MapDef,
    /// Initial values: slot in the outer map (or program array), and the map or function that stands there.
    pub values: Vec<(u32, Target)>,
}

/// What the runtime must supply by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its name.
    pub name: String,
    /// What the program does with it.
    pub kind: ImportKind,
    /// May be missing: then its address is 0, and calling it is an error.
    pub weak: bool,
    /// Its VAR or FUNC in the BTF.
    pub ty: Option<TypeId>,
}

/// What a program does with an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportKind {
    /// It is called.
    Func,
    /// Its address is taken: data, or a function that is not called directly.
    Address,
}

impl Image {
    /// The function with this index.
    ///
    /// # Panics
    /// If the index is from another image.
    #[must_use]
    pub fn func(&self, id: FuncId) -> &Func {
        &self.funcs[id.0 as usize]
    }

    /// The exported function of this name or alias, else any function of this name.
    #[must_use]
    pub fn func_by_name(&self, name: &str) -> Option<(FuncId, &Func)> {
        let is_named = |func: &Func| func.name == name || func.aliases.iter().any(|alias| alias == name);
        let named = || (0..).map(FuncId).zip(&self.funcs).filter(|(_, func)| is_named(func));
        named().find(|(_, func)| func.exported).or_else(|| named().next())
    }

    /// The functions of a section, in layout order.
    pub fn funcs_in(&self, section: &str) -> impl Iterator<Item = (FuncId, &Func)> {
        (0..).map(FuncId).zip(&self.funcs).filter(move |(_, func)| func.section == section)
    }

    /// How listings and messages call a target: `main`, `counts`, `.rodata+0x10`, `table+8`.
    #[must_use]
    pub fn target_name(&self, target: Target) -> String {
        let plus = |name: &str, offset: i64| match offset {
            0 => name.to_owned(),
            _ if offset < 0 => format!("{name}-{:#x}", offset.unsigned_abs()),
            _ => format!("{name}+{offset:#x}"),
        };
        match target {
            Target::Func(func) => self.func(func).name.clone(),
            Target::Code { func, at } => plus(&self.func(func).name, at.bytes().cast_signed()),
            Target::Map(map) => self.maps[map.0 as usize].def.name.clone(),
            Target::Import { import, addend } => plus(&self.imports[import.0 as usize].name, addend),
            Target::Data { data, offset } => {
                let data = &self.data[data.0 as usize];
                let holds = |var: &&Var| {
                    u64::try_from(offset).is_ok_and(|at| at >= var.offset && at - var.offset < var.size)
                };
                match data.vars.iter().find(holds) {
                    Some(var) => plus(&var.name, offset - var.offset.cast_signed()),
                    None => plus(&data.name, offset),
                }
            }
        }
    }

    /// The source line of an instruction, with the name of its file.
    #[must_use]
    pub fn line_at(&self, func: FuncId, at: Slot) -> Option<(&str, Line)> {
        let lines = &self.func(func).lines;
        let line = lines[lines.partition_point(|line| line.at <= at).checked_sub(1)?..].first()?;
        Some((self.files.get(line.file as usize)?, *line))
    }
}

impl Func {
    /// What the instruction at `at` refers to.
    #[must_use]
    pub fn target_at(&self, at: Slot) -> Option<Target> {
        let index = self.refs.binary_search_by_key(&at, |r| r.at).ok()?;
        Some(self.refs[index].target)
    }
}
