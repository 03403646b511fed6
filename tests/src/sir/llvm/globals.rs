//! Symbols: functions, variables with their initial contents, maps, externs.

use std::collections::HashMap;

use skep_btf::maps::{self, MapDecl, Unknown};
use skep_btf::{Linkage as BtfLinkage, SecVar, TypeId};
use skep_codegen::ir::{
    self, Extern, Func, Init, Inline, Linkage, Loc, Map, Signature, Symbol, SymbolId, SymbolKind, Type,
};

use super::syntax::{Func as Function, Global, Module, Ty, Typed, Val};
use super::types::Types;
use super::{Fault, Res, layout};

/// What names stand for.
pub(super) struct Symbols<'p, 'a> {
    pub(super) parsed: &'p Module<'a>,
    ids: HashMap<&'a str, SymbolId>,
    /// Constant variables that hold a number: helpers are called through them.
    numbers: HashMap<&'a str, i64>,
}

/// A constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant {
    Int(i64),
    Address(SymbolId, i64),
}

/// The type of a value in a register; `None` for what is no such.
pub(super) fn register(ty: &Ty<'_>) -> Option<Type> {
    match ty {
        Ty::Int(bits @ 1..=64) => u8::try_from(*bits).ok().map(Type::Int),
        Ty::Ptr(1) => Some(Type::Ptr(ir::Space::Arena)),
        Ty::Ptr(_) => Some(Type::PTR),
        _ => None,
    }
}

/// The registers that a parameter takes: arrays and structs come apart.
pub(super) fn registers(parsed: &Module<'_>, ty: &Ty<'_>, at: usize) -> Res<Vec<Type>> {
    Ok(match layout::resolve(parsed, ty) {
        Ty::Array(len, elem) => {
            let one = registers(parsed, elem, at)?;
            (0..*len).flat_map(|_| one.iter().copied()).collect()
        }
        Ty::Struct { fields, .. } => {
            let parts = fields.iter().map(|field| registers(parsed, field, at)).collect::<Res<Vec<_>>>()?;
            parts.concat()
        }
        ty => match register(ty) {
            Some(ty) => vec![ty],
            None => return Err(unsupported(ty, at)),
        },
    })
}

/// That a type has no place in SIR.
pub(super) fn unsupported(ty: &Ty<'_>, at: usize) -> Fault {
    let name = match ty {
        Ty::Int(bits) => format!("i{bits}"),
        Ty::Other(name) => (*name).to_owned(),
        other => format!("{other:?}"),
    };
    Fault { at, message: format!("values of type {name} are not supported") }
}

fn linkage(words: &[&str]) -> Linkage {
    let has = |word: &str| words.contains(&word);
    if has("internal") || has("private") {
        Linkage::Local
    } else if has("hidden") && !has("extern_weak") {
        // Before weak: loaders take such a function for one of its object, and verify it with its callers.
        Linkage::Hidden
    } else if ["weak", "weak_odr", "linkonce", "linkonce_odr", "extern_weak"].iter().any(|word| has(word)) {
        Linkage::Weak
    } else {
        Linkage::Global
    }
}

/// Where a variable lies, if that is said; arenas have a section of their own.
fn section<'a>(global: &Global<'a>) -> Option<&'a str> {
    global.section.or_else(|| (global.space == 1).then_some(".addr_space.1"))
}

/// Adds all symbols that are used; bodies of functions are still to come.
pub(super) fn declare<'p, 'a>(
    parsed: &'p Module<'a>,
    out: &mut ir::Module,
    types: &mut Types<'p, 'a>,
) -> Res<Symbols<'p, 'a>> {
    let mut symbols = Symbols { parsed, ids: HashMap::new(), numbers: HashMap::new() };
    let mut bodies = 0;
    for func in &parsed.funcs {
        if func.name.starts_with("llvm.") {
            continue;
        }
        symbols.function(func, &mut bodies, out, types)?;
    }
    let kept = |global: &&Global<'a>| {
        !global.name.starts_with("llvm.")
            && !matches!(global.section, Some("license" | "version" | "llvm.metadata"))
    };
    let placeholder = || SymbolKind::Extern(Extern { sig: None, ty: None });
    for global in parsed.globals.iter().filter(kept) {
        let symbol = Symbol {
            name: super::func::name(global.name),
            linkage: linkage(&global.words),
            section: section(global).map(str::to_owned),
            kind: placeholder(),
            loc: Loc::UNKNOWN,
        };
        symbols.ids.insert(global.name, out.add_symbol(symbol));
        if let (true, Some(Val::Cast(from, _))) = (global.constant, &global.init)
            && let Val::Int(number) = from.val
            && let Ok(number) = i64::try_from(number)
        {
            symbols.numbers.insert(global.name, number);
        }
    }
    for global in &parsed.globals {
        if global.section == Some("license") {
            if let Some(Val::Bytes(bytes)) = &global.init {
                out.license = Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned());
            }
            continue;
        }
        if !kept(&global) {
            continue;
        }
        let kind = symbols.variable(global, out, types)?;
        let id = symbols.ids[global.name];
        out.symbols[id.0 as usize].kind = kind;
    }
    Ok(symbols)
}

impl<'a> Symbols<'_, 'a> {
    /// The symbol of a name.
    pub(super) fn find(&self, name: &str, at: usize) -> Res<SymbolId> {
        let found = self.ids.get(name).copied();
        found.ok_or_else(|| Fault { at, message: format!("'{name}' is not defined, or not supported") })
    }

    /// The number that a constant variable holds.
    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.numbers.get(name).copied()
    }

    /// The number that stands for the address of a block.
    pub(super) fn block(&self, func: &'a str, label: &'a str) -> i64 {
        // Numbers are given in the order of the labels, so that all who ask get the same one.
        let func = self.parsed.funcs.iter().find(|known| known.name == func);
        let index = func.and_then(|func| func.blocks.iter().position(|block| block.label == label));
        index.and_then(|index| i64::try_from(index).ok()).unwrap_or(0) + 1
    }

    fn function(
        &mut self,
        func: &Function<'a>,
        bodies: &mut u32,
        out: &mut ir::Module,
        types: &mut Types<'_, 'a>,
    ) -> Res<()> {
        let mut sig = Signature { variadic: func.variadic, ..Signature::default() };
        for (ty, _) in &func.params {
            sig.params.extend(registers(self.parsed, ty, func.at)?);
        }
        if func.ret != Ty::Void {
            let Some(ret) = register(&func.ret) else { return Err(unsupported(&func.ret, func.at)) };
            sig.ret = Some(ret);
        }
        let ty = func.dbg.and_then(|dbg| types.proto(&mut out.types, dbg));
        let defined = !func.blocks.is_empty();
        if let (true, Some(dbg)) = (defined, func.dbg) {
            let linkage = match linkage(&func.words) {
                Linkage::Local | Linkage::Hidden => BtfLinkage::Static,
                Linkage::Global | Linkage::Weak => BtfLinkage::Global,
            };
            types.tag_function(&mut out.types, dbg, &super::func::name(func.name), linkage);
        }
        let kind = if defined {
            SymbolKind::Func(*bodies)
        } else {
            SymbolKind::Extern(Extern { sig: Some(sig.clone()), ty })
        };
        let symbol = Symbol {
            name: super::func::name(func.name),
            linkage: linkage(&func.words),
            section: func.section.map(str::to_owned),
            kind,
            loc: Loc::UNKNOWN,
        };
        let id = out.add_symbol(symbol);
        self.ids.insert(func.name, id);
        if defined {
            *bodies += 1;
            let mut body = Func::new(id, sig, Loc::UNKNOWN);
            body.ty = ty;
            let attrs = func.attrs.and_then(|number| self.parsed.attrs.get(number));
            let has = |word: &str| attrs.is_some_and(|words| words.contains(&word));
            body.inline = match (has("alwaysinline"), has("noinline")) {
                (true, _) => Inline::Always,
                (false, true) => Inline::Never,
                (false, false) => Inline::Auto,
            };
            out.add_func(body);
        }
        Ok(())
    }

    fn variable(
        &self,
        global: &Global<'a>,
        out: &mut ir::Module,
        types: &mut Types<'_, 'a>,
    ) -> Res<SymbolKind> {
        let fault = |message: String| Fault { at: global.at, message };
        if global.words.contains(&"thread_local") {
            return Err(fault("thread-local variables are not supported".to_owned()));
        }
        let ty = global.dbg.and_then(|dbg| types.variable(&mut out.types, dbg));
        let Some(init) = &global.init else {
            return Ok(SymbolKind::Extern(Extern { sig: None, ty }));
        };
        if global.section == Some(maps::SECTION) {
            let ty = ty.ok_or_else(|| fault("a map without debug information".to_owned()))?;
            let decl = map_decl(out, global.name, ty).map_err(fault)?;
            return Ok(SymbolKind::Map(Map { decl, values: self.map_values(init, global.at)? }));
        }
        let Some((size, align)) = layout::of(self.parsed, &global.ty) else {
            return Err(unsupported(&global.ty, global.at));
        };
        let size = u32::try_from(size).map_err(|_| fault(format!("a variable of {size} bytes")))?;
        let mut pieces = Vec::new();
        self.init(&global.ty, init, global.at, &mut pieces)?;
        if pieces.iter().all(|piece| matches!(piece, Init::Zeros(_))) {
            pieces.clear();
        }
        Ok(SymbolKind::Global(ir::Global {
            size,
            align: u32::try_from(align.max(global.align)).unwrap_or(8),
            read_only: global.constant,
            init: pieces,
            ty,
        }))
    }

    /// What the last member of a map's variable refers to.
    fn map_values(&self, init: &Val<'a>, at: usize) -> Res<Vec<(u32, SymbolId)>> {
        let Val::List(members) = init else { return Ok(Vec::new()) };
        let Some(Typed { val: Val::List(slots), .. }) = members.last() else { return Ok(Vec::new()) };
        let mut values = Vec::new();
        for (slot, value) in (0u32..).zip(slots) {
            if let Constant::Address(symbol, _) = self.constant(value, at)? {
                values.push((slot, symbol));
            }
        }
        Ok(values)
    }

    fn init(&self, ty: &Ty<'a>, val: &Val<'a>, at: usize, out: &mut Vec<Init>) -> Res<()> {
        let ty = layout::resolve(self.parsed, ty);
        let Some(size) = layout::size(self.parsed, ty) else { return Err(unsupported(ty, at)) };
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        match val {
            Val::Zero | Val::Undef | Val::Null => zeros(out, size),
            Val::Bytes(bytes) => out.push(Init::Bytes(bytes.clone())),
            Val::List(items) => {
                let mut end = 0;
                for (index, item) in (0..).zip(items) {
                    let place = layout::member(self.parsed, ty, index);
                    let (start, _) = place.ok_or_else(|| unsupported(ty, at))?;
                    let start = u32::try_from(start).unwrap_or(0);
                    zeros(out, start - end);
                    self.init(&item.ty, &item.val, at, out)?;
                    let item = layout::size(self.parsed, &item.ty).unwrap_or(0);
                    end = start + u32::try_from(item).unwrap_or(0);
                }
                zeros(out, size - end);
            }
            Val::Float(text) => out.push(Init::Int { bytes: float_size(ty), value: float(ty, text) }),
            _ => match self.constant(&Typed { ty: ty.clone(), val: val.clone() }, at)? {
                Constant::Int(value) => {
                    let bytes = u8::try_from(size).ok().filter(|size| matches!(size, 1 | 2 | 4 | 8));
                    let bytes = bytes.ok_or_else(|| unsupported(ty, at))?;
                    out.push(Init::Int { bytes, value });
                }
                Constant::Address(symbol, addend) => out.push(Init::Address { symbol, addend }),
            },
        }
        Ok(())
    }

    /// The value of a constant.
    pub(super) fn constant(&self, typed: &Typed<'a>, at: usize) -> Res<Constant> {
        let fault = |message: &str| Fault { at, message: message.to_owned() };
        Ok(match &typed.val {
            Val::Int(number) => {
                let bits = register(&typed.ty).ok_or_else(|| unsupported(&typed.ty, at))?;
                let low = u64::try_from(number & i128::from(u64::MAX)).unwrap_or(0).cast_signed();
                Constant::Int(bits.canonical(low))
            }
            Val::Null | Val::Zero | Val::Undef => Constant::Int(0),
            Val::Global(name) => Constant::Address(self.find(name, at)?, 0),
            Val::Block(func, label) => Constant::Int(self.block(func, label)),
            Val::Gep(gep) => {
                let offset = self.constant_offset(&gep.of, &gep.indices, at)?;
                match self.constant(&gep.base, at)? {
                    Constant::Int(base) => Constant::Int(base.wrapping_add(offset)),
                    Constant::Address(symbol, base) => Constant::Address(symbol, base.wrapping_add(offset)),
                }
            }
            Val::Cast(from, to) => {
                let value = self.constant(from, at)?;
                match (value, register(&from.ty), register(to)) {
                    (Constant::Int(number), Some(from), Some(to)) => {
                        let wider = if from.is_ptr() || to.bits() <= from.bits() {
                            number
                        } else {
                            (number.cast_unsigned() & from.mask()).cast_signed()
                        };
                        Constant::Int(to.canonical(wider))
                    }
                    (address, Some(_), Some(to)) if to.bits() == 64 => address,
                    _ => return Err(fault("this cast of an address is not supported")),
                }
            }
            Val::Bin(op, operands) => {
                let (a, b) = (self.constant(&operands.0, at)?, self.constant(&operands.1, at)?);
                match (*op, a, b) {
                    ("add", Constant::Address(symbol, a), Constant::Int(b)) => {
                        Constant::Address(symbol, a.wrapping_add(b))
                    }
                    ("sub", Constant::Address(symbol, a), Constant::Int(b)) => {
                        Constant::Address(symbol, a.wrapping_sub(b))
                    }
                    ("sub", Constant::Address(x, a), Constant::Address(y, b)) if x == y => {
                        Constant::Int(a.wrapping_sub(b))
                    }
                    ("add", Constant::Int(a), Constant::Int(b)) => Constant::Int(a.wrapping_add(b)),
                    ("sub", Constant::Int(a), Constant::Int(b)) => Constant::Int(a.wrapping_sub(b)),
                    _ => return Err(fault("this constant expression is not supported")),
                }
            }
            _ => return Err(fault("this constant is not supported")),
        })
    }

    fn constant_offset(&self, of: &Ty<'a>, indices: &[Typed<'a>], at: usize) -> Res<i64> {
        let mut offset = 0i64;
        let mut ty = of;
        for (depth, index) in indices.iter().enumerate() {
            let Constant::Int(index) = self.constant(index, at)? else {
                return Err(Fault { at, message: "an address as an index".to_owned() });
            };
            let step = if depth == 0 {
                layout::size(self.parsed, ty).and_then(|size| i64::try_from(size).ok()?.checked_mul(index))
            } else {
                let place = layout::member(self.parsed, ty, index);
                place.map(|(at, member)| {
                    ty = member;
                    at
                })
            };
            let step = step.ok_or_else(|| unsupported(ty, at))?;
            offset = offset.wrapping_add(step);
        }
        Ok(offset)
    }
}

fn zeros(out: &mut Vec<Init>, len: u32) {
    match out.last_mut() {
        _ if len == 0 => {}
        Some(Init::Zeros(before)) => *before += len,
        _ => out.push(Init::Zeros(len)),
    }
}

fn float_size(ty: &Ty<'_>) -> u8 {
    if *ty == Ty::Other("float") { 4 } else { 8 }
}

/// The bits of a floating-point number, which is written as a decimal, or as the bits of a double.
fn float(ty: &Ty<'_>, text: &str) -> i64 {
    let bits = text.strip_prefix("0x").and_then(|hex| u64::from_str_radix(hex, 16).ok());
    let double = bits.map_or_else(|| text.parse().unwrap_or(0.0), f64::from_bits);
    if *ty == Ty::Other("float") {
        #[expect(clippy::cast_possible_truncation, reason = "the rounding is meant")]
        return i64::from((double as f32).to_bits());
    }
    double.to_bits().cast_signed()
}

/// What the type of a map's variable says of the map.
fn map_decl(out: &mut ir::Module, name: &str, ty: TypeId) -> Result<MapDecl, String> {
    // The variable itself is made when the object is written.
    let mut types = out.types.clone();
    let size = types.so_far().size_of(ty).and_then(|size| u32::try_from(size).ok()).unwrap_or(0);
    let var = types.var(name, ty, BtfLinkage::Global);
    let def = maps::read_one(types.so_far(), Unknown::Refuse, &SecVar { var, offset: 0, size });
    def.map(|def| def.decl).map_err(|error| error.to_string())
}
