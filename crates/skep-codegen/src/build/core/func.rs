//! Functions: declared, defined, or taken from elsewhere.

use skep_btf::TypeId;
use smallvec::SmallVec;

use super::body::{Body, FuncBuilder};
use super::class::Shape;
use super::handle::{Func, Ty};
use super::module::Module;
use crate::diag::Code;
use crate::ir::{self, Extern, Inline, Linkage, Signature, Symbol, SymbolId, SymbolKind};

/// A function as its callers see it.
#[derive(Clone, Debug)]
pub(super) struct FuncDecl {
    pub(super) symbol: SymbolId,
    /// Its FUNC_PROTO.
    pub(super) proto: TypeId,
    pub(super) params: SmallVec<[TypeId; 4]>,
    /// Void if it returns nothing.
    pub(super) ret: TypeId,
    pub(super) variadic: bool,
    state: State,
    inline: Inline,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its body is still to come.
    Declared,
    /// Its body is being built.
    Open,
    Defined,
    Elsewhere,
}

/// The section of what the kernel defines.
const KSYMS: &str = ".ksyms";

impl Module {
    /// Declares a function of this module, which [`define`](Module::define) gives its body. It can be called at once.
    #[track_caller]
    pub fn declare(&mut self, name: &str, ty: Ty) -> Func {
        self.here();
        if let Some(decl) = self.proto_of(ty)
            && decl.variadic
        {
            self.mistake(
                Code::VariadicDefinition,
                format!("'{name}' takes a variable number of arguments: only imports can"),
            );
            return Func::POISON;
        }
        self.add_func(name, ty, None, State::Declared)
    }

    /// A function that is defined elsewhere: in another object, or in user space by a host or a library.
    #[track_caller]
    pub fn import(&mut self, name: &str, ty: Ty) -> Func {
        self.here();
        self.add_func(name, ty, None, State::Elsewhere)
    }

    /// A function that the kernel defines, called by its name: a kfunc.
    #[track_caller]
    pub fn kfunc(&mut self, name: &str, ty: Ty) -> Func {
        self.here();
        self.add_func(name, ty, Some(KSYMS), State::Elsewhere)
    }

    /// Puts a function into a section: `xdp` makes it a program of that type.
    #[track_caller]
    pub fn set_section(&mut self, func: Func, section: &str) {
        self.here();
        if let Some(at) = self.func_decl(func)
            && self.check_section(section)
        {
            self.symbol_mut(at).section = Some(section.to_owned());
        }
    }

    /// Says who sees a function: everybody, unless this is called.
    #[track_caller]
    pub fn set_linkage(&mut self, func: Func, linkage: Linkage) {
        self.here();
        if let Some(at) = self.func_decl(func) {
            self.symbol_mut(at).linkage = linkage;
        }
    }

    /// Says whether a function may become a part of its callers. To be called before it is defined.
    #[track_caller]
    pub fn set_inline(&mut self, func: Func, inline: Inline) {
        self.here();
        if let Some(at) = self.func_decl(func) {
            self.funcs[at as usize].inline = inline;
        }
    }

    /// Begins the body of a function that has been declared. It is finished when the builder is dropped; another one
    /// that has been begun before goes on then.
    #[track_caller]
    pub fn define(&mut self, func: Func) -> FuncBuilder<'_> {
        self.here();
        self.begin(func);
        FuncBuilder::new(self, true)
    }

    /// Begins a body, of nothing if that is a mistake.
    pub(in crate::build) fn begin(&mut self, func: Func) {
        let at = self.func_decl(func).filter(|&at| {
            let symbol = self.funcs[at as usize].symbol;
            let (code, what) = match self.funcs[at as usize].state {
                State::Declared => return true,
                State::Open => (Code::MissingBody, "is being defined already: finish its body first"),
                State::Defined => (Code::MissingBody, "has a body already: declare another function"),
                State::Elsewhere => (Code::MissingBody, "is an import: declare it to define it here"),
            };
            let message = format!("'{}' {what}", self.ir.symbol(symbol).name);
            self.mistake(code, message);
            false
        });
        let loc = self.loc();
        let mut body = match at {
            Some(at) => {
                let signature = self.signature(at);
                let decl = &mut self.funcs[at as usize];
                decl.state = State::Open;
                let mut ir = ir::Func::new(decl.symbol, signature, loc);
                ir.ty = Some(decl.proto);
                ir.inline = decl.inline;
                Body::new(Some(at), ir, decl.ret)
            }
            None => Body::orphan(loc),
        };
        std::mem::swap(&mut self.body, &mut body);
        if body.is_open() {
            self.waiting.push(body);
        }
    }

    /// Finishes the body that is being built, and goes on with the one that waits.
    pub(in crate::build) fn end_body(&mut self) {
        self.finish_body();
        let body = std::mem::replace(&mut self.body, self.waiting.pop().unwrap_or_default());
        let Some(at) = body.func else { return };
        self.funcs[at as usize].state = State::Defined;
        if body.is_open() {
            self.ir.add_func(body.ir);
        }
    }

    /// Finishes all bodies that are still being built.
    pub(super) fn close_all(&mut self) {
        while self.body.is_open() {
            self.end_body();
        }
    }

    /// Tells of functions without a body.
    pub(super) fn check_bodies(&mut self) {
        for at in 0..self.funcs.len() {
            let decl = &self.funcs[at];
            if decl.state == State::Declared {
                let symbol = self.ir.symbol(decl.symbol);
                let (name, loc) = (symbol.name.clone(), symbol.loc);
                let message = format!("'{name}' was declared, but has no body: define it, or import it");
                self.mistake_at(Code::MissingBody, Some(name), loc, message);
            }
        }
    }

    /// Tags a function: `m.tag_func(f, "kfunc")`. Loaders and the kernel know some of these texts.
    #[track_caller]
    pub fn tag_func(&mut self, func: Func, text: &str) {
        self.here();
        if let Some(at) = self.func_decl(func) {
            let symbol = self.funcs[at as usize].symbol;
            self.tag(symbol, None, text);
        }
    }

    /// Tags a parameter of a function, which is counted from 0: `arg:nonnull`, `arg:ctx`, `arg:trusted` tell the kernel what
    /// a function that it verifies alone may be given.
    #[track_caller]
    pub fn tag_param(&mut self, func: Func, param: u32, text: &str) {
        self.here();
        let Some(at) = self.func_decl(func) else { return };
        let decl = &self.funcs[at as usize];
        let (symbol, count) = (decl.symbol, decl.params.len());
        if usize::try_from(param).is_ok_and(|param| param < count) {
            self.tag(symbol, Some(param), text);
        } else {
            let message = format!("parameter {param} of a function that has {count}: they count from 0");
            self.mistake(Code::OutOfRange, message);
        }
    }

    pub(super) fn tag(&mut self, symbol: SymbolId, param: Option<u32>, text: &str) {
        if text.is_empty() || text.contains('\0') {
            let shown = text.escape_debug();
            self.mistake(
                Code::BadName,
                format!("\"{shown}\" cannot be a tag: it is empty, or has a zero byte"),
            );
            return;
        }
        self.ir.tags.push(ir::DeclTag { symbol, param, text: text.to_owned() });
    }

    /// The name of the function that is being built.
    pub(super) fn body_name(&self) -> Option<String> {
        let decl = self.funcs.get(self.body.func? as usize)?;
        Some(self.ir.symbol(decl.symbol).name.clone())
    }

    fn symbol_mut(&mut self, func: u32) -> &mut Symbol {
        &mut self.ir.symbols[self.funcs[func as usize].symbol.0 as usize]
    }

    fn add_func(&mut self, name: &str, ty: Ty, section: Option<&str>, state: State) -> Func {
        let Some(mut decl) = self.proto_of(ty) else { return Func::POISON };
        if !self.check_name(name) {
            return Func::POISON;
        }
        let loc = self.loc();
        decl.state = state;
        let index = u32::try_from(self.funcs.len()).unwrap_or(u32::MAX);
        let sig = self.signature_of(&decl);
        decl.symbol = self.ir.add_symbol(Symbol {
            name: name.to_owned(),
            linkage: Linkage::Global,
            section: section.map(str::to_owned),
            kind: SymbolKind::Extern(Extern { sig: Some(sig), ty: Some(decl.proto) }),
            loc,
        });
        self.funcs.push(decl);
        Func { index, brand: self.brand }
    }

    /// What a FUNC_PROTO says, or a pointer to one; anything else is a mistake.
    pub(super) fn proto_of(&mut self, ty: Ty) -> Option<FuncDecl> {
        let id = self.type_id(ty)?;
        let mut class = self.class(id);
        if let Shape::Ptr { to, .. } = class.shape {
            class = self.class(to);
        }
        let proto = class.bare;
        let skep_btf::Type::FuncProto(body) = self.ir.types.so_far().ty(proto) else {
            let found = self.type_name(id);
            let message = format!("{found} is not the type of a function: make one with func_type");
            self.mistake(Code::TypeMismatch, message);
            return None;
        };
        let variadic = body.is_variadic();
        let params = &body.params[..body.params.len() - usize::from(variadic)];
        Some(FuncDecl {
            symbol: SymbolId(0),
            proto,
            params: params.iter().map(|param| param.ty).collect(),
            ret: body.ret,
            variadic,
            state: State::Elsewhere,
            inline: Inline::Auto,
        })
    }

    /// What registers carry to and from a function.
    fn signature(&mut self, func: u32) -> Signature {
        let decl = self.funcs[func as usize].clone();
        self.signature_of(&decl)
    }

    fn signature_of(&mut self, decl: &FuncDecl) -> Signature {
        Signature {
            params: decl.params.iter().map(|&ty| self.class(ty).ir().unwrap_or(ir::Type::I64)).collect(),
            ret: self.class(decl.ret).ir(),
            variadic: decl.variadic,
        }
    }
}
