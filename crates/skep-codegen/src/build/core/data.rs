//! Global variables and string literals.

use skep_btf::{Type as Btf, TypeId};
use skep_insn::Endian;

use super::body::FuncBuilder;
use super::class::Shape;
use super::handle::{Base, Func, Global, Place, Ty, Value};
use super::module::Module;
use crate::diag::Code;
use crate::ir::{self, Extern, Init, Linkage, Op, Symbol, SymbolId, SymbolKind, Type};

/// A variable as code sees it.
#[derive(Clone, Debug)]
pub(super) struct GlobalDecl {
    pub(super) symbol: SymbolId,
    pub(super) ty: TypeId,
    /// Whether its initial bytes are in the order of this machine, and not of any.
    native: bool,
}

/// What a global variable begins with.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    /// Zeros.
    Zero,
    /// These bytes, as they are; zeros follow.
    Bytes(&'a [u8]),
    /// Pieces one after the other; zeros follow.
    Pieces(&'a [Piece<'a>]),
}

/// A piece of what a global variable begins with.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// These bytes.
    Bytes(&'a [u8]),
    /// An integer of 1, 2, 4 or 8 bytes, in the byte order of the target.
    Int {
        /// How many bytes.
        bytes: u8,
        /// Its low bits are used.
        value: i64,
    },
    /// The address of a variable, 8 bytes.
    Address {
        /// The variable.
        global: Global,
        /// Bytes beyond it.
        addend: i64,
    },
    /// The address of a function, 8 bytes: user space only.
    Function(Func),
    /// So many zero bytes.
    Zeros(u32),
}

/// Where string literals lie.
const STRINGS: &str = ".rodata.str";

impl Module {
    /// A global variable, which everybody sees.
    #[track_caller]
    pub fn global(&mut self, name: &str, ty: Ty, data: Data<'_>) -> Global {
        self.here();
        self.add_global(name, ty, data, false, None, Linkage::Global)
    }

    /// A global variable that programs do not write (`.rodata`).
    #[track_caller]
    pub fn read_only_global(&mut self, name: &str, ty: Ty, data: Data<'_>) -> Global {
        self.here();
        self.add_global(name, ty, data, true, None, Linkage::Global)
    }

    /// A variable that is defined elsewhere: in another object, or for the section `.ksyms` in the kernel, for
    /// `.kconfig` in its configuration.
    #[track_caller]
    pub fn extern_global(&mut self, name: &str, ty: Ty, section: Option<&str>) -> Global {
        self.here();
        let Some(ty) = self.type_id(ty) else { return Global::POISON };
        if !self.check_name(name) || !section.is_none_or(|section| self.check_section(section)) {
            return Global::POISON;
        }
        let kind = SymbolKind::Extern(Extern { sig: None, ty: Some(ty) });
        self.new_global(name, ty, kind, section, Linkage::Global)
    }

    /// Says who sees a variable: everybody, unless this is called.
    #[track_caller]
    pub fn set_global_linkage(&mut self, global: Global, linkage: Linkage) {
        self.here();
        if let Some(decl) = self.global_decl(global) {
            self.ir.symbols[decl.symbol.0 as usize].linkage = linkage;
        }
    }

    /// Puts a variable into a section of another name than `.data`, `.rodata` or `.bss`.
    #[track_caller]
    pub fn set_global_section(&mut self, global: Global, section: &str) {
        self.here();
        if let Some(decl) = self.global_decl(global)
            && self.check_section(section)
        {
            self.ir.symbols[decl.symbol.0 as usize].section = Some(section.to_owned());
        }
    }

    /// A string literal: an array of characters with a zero at its end. Equal ones are one.
    #[track_caller]
    pub fn string(&mut self, text: &str) -> Global {
        self.here();
        if text.contains('\0') {
            let message = "a string literal with a zero byte in it: it would end there".to_owned();
            self.mistake(Code::BadName, message);
            return Global::POISON;
        }
        if let Some(&known) = self.strings.get(text.as_bytes()) {
            return known;
        }
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        let Ok(len) = u32::try_from(bytes.len()) else {
            self.mistake(Code::TooLarge, "a string literal of more than 4 GiB".to_owned());
            return Global::POISON;
        };
        let char = self.char().id();
        let array = self.ir.types.array_of(char, len);
        let ty = self.ty(array);
        let mut number = self.strings.len();
        let mut name = format!("__str_{number}");
        while self.ir.find(&name).is_some() {
            number += 1;
            name = format!("__str_{number}");
        }
        let global = self.add_global(&name, ty, Data::Bytes(&bytes), true, Some(STRINGS), Linkage::Local);
        bytes.pop();
        self.strings.insert(bytes.into_boxed_slice(), global);
        global
    }

    pub(super) fn add_global(
        &mut self,
        name: &str,
        ty: Ty,
        data: Data<'_>,
        read_only: bool,
        section: Option<&str>,
        linkage: Linkage,
    ) -> Global {
        let Some(ty) = self.object_type(ty, "a variable of type") else { return Global::POISON };
        if !self.check_name(name) {
            return Global::POISON;
        }
        let class = self.class(ty);
        let Some(init) = self.init(data, class.size) else { return Global::POISON };
        let global =
            ir::Global { size: class.size, align: class.align.into(), read_only, init, ty: Some(ty) };
        self.new_global(name, ty, SymbolKind::Global(global), section, linkage)
    }

    fn new_global(
        &mut self,
        name: &str,
        ty: TypeId,
        kind: SymbolKind,
        section: Option<&str>,
        linkage: Linkage,
    ) -> Global {
        let loc = self.loc();
        let section = section.map(str::to_owned);
        let symbol = self.ir.add_symbol(Symbol { name: name.to_owned(), linkage, section, kind, loc });
        let index = u32::try_from(self.globals.len()).unwrap_or(u32::MAX);
        self.globals.push(GlobalDecl { symbol, ty, native: false });
        Global { index, brand: self.brand }
    }

    /// Tags a variable: `contains:node:link` of a list's head.
    #[track_caller]
    pub fn tag_global(&mut self, global: Global, text: &str) {
        self.here();
        if let Some(decl) = self.global_decl(global) {
            self.tag(decl.symbol, None, text);
        }
    }

    /// Says that the bytes that a variable begins with are in the order of this machine.
    pub(in crate::build) fn set_native(&mut self, global: Global) {
        if global.brand == self.brand
            && let Some(decl) = self.globals.get_mut(global.index as usize)
        {
            decl.native = true;
        }
    }

    fn init(&mut self, data: Data<'_>, size: u32) -> Option<Vec<Init>> {
        let mut init = Vec::new();
        match data {
            Data::Zero => return Some(init),
            Data::Bytes(bytes) => {
                if bytes.iter().any(|&byte| byte != 0) || bytes.len() > size as usize {
                    init.push(Init::Bytes(bytes.to_vec()));
                }
            }
            Data::Pieces(pieces) => {
                for &piece in pieces {
                    let piece = match piece {
                        Piece::Bytes(bytes) => Init::Bytes(bytes.to_vec()),
                        Piece::Int { bytes: bytes @ (1 | 2 | 4 | 8), value } => Init::Int { bytes, value },
                        Piece::Int { bytes, .. } => {
                            let message = format!("an integer of {bytes} bytes: expected 1, 2, 4 or 8");
                            self.mistake(Code::OutOfRange, message);
                            return None;
                        }
                        Piece::Address { global, addend } => {
                            Init::Address { symbol: self.global_decl(global)?.symbol, addend }
                        }
                        Piece::Function(func) => {
                            let func = self.func_decl(func)?;
                            Init::Address { symbol: self.funcs[func as usize].symbol, addend: 0 }
                        }
                        Piece::Zeros(len) => Init::Zeros(len),
                    };
                    init.push(piece);
                }
            }
        }
        let given: u64 = init.iter().map(|piece| u64::from(piece.size())).sum();
        if given > size.into() {
            let message = format!("{given} bytes of data for a variable of {size}");
            self.mistake(Code::OutOfRange, message);
            return None;
        }
        Some(init)
    }

    /// Writes what variables begin with for a machine of the other byte order.
    pub(super) fn swap_natives(&mut self) {
        for at in 0..self.globals.len() {
            let GlobalDecl { symbol, ty, native } = self.globals[at].clone();
            let SymbolKind::Global(global) = &self.ir.symbols[symbol.0 as usize].kind else { continue };
            let (true, [Init::Bytes(bytes)]) = (native, global.init.as_slice()) else { continue };
            let bytes = bytes.clone();
            let mut init = Vec::new();
            self.pieces(ty, &bytes, &mut init, 0);
            if let SymbolKind::Global(global) = &mut self.ir.symbols[symbol.0 as usize].kind {
                global.init = init;
            }
        }
    }

    /// The numbers that some bytes are in the order of this machine.
    pub(super) fn pieces(&mut self, ty: TypeId, bytes: &[u8], out: &mut Vec<Init>, depth: u32) {
        let class = self.class(ty);
        let bytes_only = |out: &mut Vec<Init>| out.push(Init::Bytes(bytes.to_vec()));
        if depth > 64 || bytes.len() != class.size as usize {
            return bytes_only(out);
        }
        match class.shape {
            Shape::Array { elem, .. } => {
                let size = self.class(elem).size as usize;
                if size <= 1 {
                    return bytes_only(out);
                }
                bytes.chunks(size).for_each(|chunk| self.pieces(elem, chunk, out, depth + 1));
            }
            Shape::Composite => {
                let composite = self.ir.types.so_far().ty(class.bare);
                let members = match composite {
                    Btf::Struct(body) => body.members.to_vec(),
                    // The first member stands for a union.
                    Btf::Union(body) => body.members.iter().copied().take(1).collect(),
                    _ => Vec::new(),
                };
                self.endian_matters |= members.iter().any(|member| member.bitfield_size != 0);
                let mut done = 0;
                for member in members {
                    let from = (member.bit_offset / 8) as usize;
                    let size = self.class(member.ty).size as usize;
                    if member.bitfield_size != 0 || from < done || from + size > bytes.len() {
                        continue;
                    }
                    out.push(Init::Bytes(bytes[done..from].to_vec()));
                    self.pieces(member.ty, &bytes[from..from + size], out, depth + 1);
                    done = from + size;
                }
                out.push(Init::Bytes(bytes[done..].to_vec()));
            }
            _ => {
                let len = u8::try_from(bytes.len()).unwrap_or(0);
                if !matches!(len, 1 | 2 | 4 | 8) {
                    return bytes_only(out);
                }
                let mut word = [0; 8];
                let at = if HOST == Endian::Little { 0 } else { 8 - bytes.len() };
                word[at..at + bytes.len()].copy_from_slice(bytes);
                out.push(Init::Int { bytes: len, value: i64::from_ne_bytes(word) });
            }
        }
    }
}

/// The byte order of this machine.
pub(super) const HOST: Endian = if cfg!(target_endian = "little") { Endian::Little } else { Endian::Big };

impl FuncBuilder<'_> {
    /// The place of a global variable.
    #[track_caller]
    pub fn global(&mut self, global: Global) -> Place {
        self.m.here();
        let Some(decl) = self.m.global_decl(global) else { return Place::POISON };
        let node = self.emit(Op::Symbol(decl.symbol), Some(Type::PTR));
        let place = self.place_at(node, decl.ty);
        Place { base: Base::Pointer(node), ..place }
    }

    /// The address of a string literal, which a zero ends: a pointer to characters.
    #[track_caller]
    pub fn string(&mut self, text: &str) -> Value {
        self.m.here();
        let global = self.m.string(text);
        let Some(decl) = self.m.global_decl(global) else { return Value::POISON };
        let node = self.emit(Op::Symbol(decl.symbol), Some(Type::PTR));
        let char = self.m.char().id();
        let ty = self.m.ir.types.ptr(char);
        self.value(node, ty)
    }
}
