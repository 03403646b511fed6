//! Symbols, types and source positions of a module.

use skep_btf::maps::{MapDecl, Part, Values};
use skep_btf::{Kind, TypeId};

use super::diag;
use crate::diag::{Code, Diag};
use crate::ir::{DeclTag, Extern, Func, Global, Init, Loc, Map, Module, Symbol, SymbolId, SymbolKind};

/// What is wrong with a module, apart from the bodies of its functions.
pub(super) fn check(module: &Module) -> Vec<Diag> {
    let mut checker = Checker { module, faults: Vec::new() };
    for (at, place) in module.places.iter().enumerate().skip(1) {
        if place.file as usize >= module.files.len() {
            checker
                .fault(None, format!("source position {at} is in file {}, which does not exist", place.file));
        }
    }
    for (at, relo) in module.core.iter().enumerate() {
        checker.exists(None, relo.ty, &format!("the type of c{at}"));
    }
    for tag in &module.tags {
        checker.tag(tag);
    }
    for (at, symbol) in (0..).zip(&module.symbols) {
        checker.symbol(SymbolId(at), symbol);
    }
    for (at, func) in (0..).zip(&module.funcs) {
        checker.func(at, func);
    }
    checker.faults
}

struct Checker<'a> {
    module: &'a Module,
    faults: Vec<Diag>,
}

impl Checker<'_> {
    fn fault(&mut self, of: Option<&Symbol>, message: String) {
        let name = of.map(|symbol| symbol.name.clone());
        let loc = of.map_or(Loc::UNKNOWN, |symbol| symbol.loc);
        self.faults.push(diag(self.module, name, loc, message));
    }

    fn coded(&mut self, code: Code, of: &Symbol, message: String) {
        self.fault(Some(of), message);
        self.faults.iter_mut().last().into_iter().for_each(|fault| fault.code = code);
    }

    fn tag(&mut self, tag: &DeclTag) {
        let Some(symbol) = self.module.symbols.get(tag.symbol.0 as usize) else {
            let message = format!("a tag is of symbol {}, which does not exist", tag.symbol.0);
            return self.fault(None, message);
        };
        if tag.text.is_empty() || tag.text.contains('\0') {
            let message = format!("{:?} is no tag, expected one that is not empty and has no NUL", tag.text);
            self.fault(Some(symbol), message);
        }
        let count = self.module.signature(tag.symbol).map_or(0, |sig| sig.params.len());
        if let Some(param) = tag.param.filter(|param| *param as usize >= count) {
            self.fault(Some(symbol), format!("a tag is of parameter {param}, but it has {count} of them"));
        }
    }

    fn symbol(&mut self, id: SymbolId, symbol: &Symbol) {
        if symbol.name.is_empty() || symbol.name.contains('\0') {
            let (name, expected) = (&symbol.name, "one that is not empty and has no NUL");
            let message = format!("{name:?} is no name of a symbol, expected {expected}");
            let fault = diag(self.module, None, symbol.loc, message);
            self.faults.push(Diag { code: Code::BadName, ..fault });
        }
        let first = self.module.find(&symbol.name).filter(|&first| first != id);
        if first.is_some_and(|first| self.module.symbol(first).name == symbol.name) {
            self.coded(Code::DuplicateName, symbol, "another symbol has this name".to_owned());
        }
        if symbol.loc.0 as usize >= self.module.places.len() {
            self.fault(Some(symbol), format!("source position {} does not exist", symbol.loc.0));
        }
        match &symbol.kind {
            SymbolKind::Func(func) => match self.module.funcs.get(*func as usize) {
                Some(func) if func.symbol == id => {}
                Some(_) => self.fault(Some(symbol), format!("function {func} has another symbol")),
                None => self.coded(Code::MissingBody, symbol, "it has no body".to_owned()),
            },
            SymbolKind::Map(map) => self.map(symbol, map),
            SymbolKind::Global(global) => self.global(symbol, global),
            SymbolKind::Extern(Extern { ty, .. }) => {
                ty.iter().for_each(|&ty| self.exists(Some(symbol), ty, "its type"));
            }
        }
    }

    fn func(&mut self, at: u32, func: &Func) {
        let Some(symbol) = self.module.symbols.get(func.symbol.0 as usize) else {
            return self
                .fault(None, format!("function {at} has symbol {}, which does not exist", func.symbol.0));
        };
        if symbol.kind != SymbolKind::Func(at) {
            self.fault(Some(symbol), format!("its symbol is not that of function {at}"));
        }
        if func.loc.0 as usize >= self.module.places.len() {
            self.fault(Some(symbol), format!("source position {} does not exist", func.loc.0));
        }
        if let Some(ty) = func.ty {
            let kind = self.module.types.so_far().kind(ty);
            if kind != Some(Kind::FuncProto) {
                let found = kind.map_or("nothing", Kind::name);
                self.fault(Some(symbol), format!("its type {ty} is {found}, expected FUNC_PROTO"));
            }
        }
    }

    fn map(&mut self, symbol: &Symbol, map: &Map) {
        self.decl(symbol, &map.decl);
        if !map.values.is_empty() && map.decl.values.is_none() {
            let message = "it has initial values, but does not say that it holds maps or programs".to_owned();
            self.coded(Code::BadMap, symbol, message);
        }
        for (slot, value) in &map.values {
            let kind = self.module.symbols.get(value.0 as usize).map(|symbol| &symbol.kind);
            let fine = match (kind, &map.decl.values) {
                (Some(SymbolKind::Map(_)), Some(Values::Maps(_))) => true,
                (Some(SymbolKind::Func(_) | SymbolKind::Extern(_)), Some(Values::Programs(_))) => true,
                // An extern may be a map as well.
                (Some(SymbolKind::Extern(_)), _) | (_, None) => true,
                _ => false,
            };
            if !fine {
                let message = format!("what it holds in slot {slot} is not what it says it holds");
                self.coded(Code::BadMap, symbol, message);
            }
        }
    }

    fn decl(&mut self, symbol: &Symbol, decl: &MapDecl) {
        for (part, what) in [(decl.key, "the type of its key"), (decl.value, "the type of its value")] {
            if let Part::Typed { ty, .. } = part {
                self.exists(Some(symbol), ty, what);
            }
        }
        match &decl.values {
            Some(Values::Maps(inner)) => self.decl(symbol, inner),
            Some(Values::Programs(proto)) => self.exists(Some(symbol), *proto, "the type of its programs"),
            None => {}
        }
    }

    fn global(&mut self, symbol: &Symbol, global: &Global) {
        if !global.align.is_power_of_two() {
            let message = format!("the alignment is {}, expected a power of two", global.align);
            self.fault(Some(symbol), message);
        }
        let size: u64 = global.init.iter().map(|init| u64::from(init.size())).sum();
        if size > global.size.into() {
            let message = format!("it begins with {size} bytes, but has only {}", global.size);
            self.fault(Some(symbol), message);
        }
        for init in &global.init {
            match init {
                Init::Int { bytes, .. } if !matches!(bytes, 1 | 2 | 4 | 8) => {
                    self.fault(
                        Some(symbol),
                        format!("it has a number of {bytes} bytes, expected 1, 2, 4 or 8"),
                    );
                }
                Init::Address { symbol: to, .. } if to.0 as usize >= self.module.symbols.len() => {
                    self.fault(
                        Some(symbol),
                        format!("it has the address of symbol {}, which does not exist", to.0),
                    );
                }
                _ => {}
            }
        }
        global.ty.iter().for_each(|&ty| self.exists(Some(symbol), ty, "its type"));
    }

    /// That a type exists.
    fn exists(&mut self, of: Option<&Symbol>, ty: TypeId, what: &str) {
        if ty.0 > self.module.types.so_far().count() {
            self.fault(of, format!("{what} is {ty}, which does not exist"));
        }
    }
}
