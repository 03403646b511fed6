//! What a module consists of, up to the bodies of functions.

use std::fmt::{self, Write as _};

use skep_btf::maps::{MapDecl, Part, Pinning, Values};
use skep_btf::{CoreKind, TypeId};

use super::{Body, Name, Number, Position, Quoted, SymbolName};
use crate::ir::text::types::{ExprText, Types};
use crate::ir::{
    Extern, Func, Global, Init, Inline, Linkage, Loc, Map, Module, Signature, Symbol, SymbolId, Type,
};

/// The section that a symbol is in, and its tags.
fn section(out: &mut String, module: &Module, symbol: &Symbol) -> fmt::Result {
    if let Some(section) = &symbol.section {
        write!(out, " section {}", Quoted(section.as_bytes()))?;
    }
    for tag in &module.tags {
        if !module.symbols.get(tag.symbol.0 as usize).is_some_and(|it| std::ptr::eq(it, symbol)) {
            continue;
        }
        out.push_str(" tag ");
        if let Some(param) = tag.param {
            write!(out, "{param} ")?;
        }
        write!(out, "{}", Quoted(tag.text.as_bytes()))?;
    }
    Ok(())
}

/// Ends the line of a symbol that has no body.
fn end(out: &mut String, module: &Module, symbol: &Symbol) -> fmt::Result {
    section(out, module, symbol)?;
    if symbol.loc != Loc::UNKNOWN {
        write!(out, " {}", Position { module, loc: symbol.loc, file: &module.name })?;
    }
    out.push('\n');
    Ok(())
}

/// What stands before the word that tells what a symbol is.
fn linkage(linkage: Linkage) -> &'static str {
    match linkage {
        Linkage::Local => "local ",
        Linkage::Global => "",
        Linkage::Weak => "weak ",
        Linkage::Hidden => "hidden ",
    }
}

pub(super) fn map(
    out: &mut String,
    module: &Module,
    types: &Types,
    symbol: &Symbol,
    map: &Map,
) -> fmt::Result {
    write!(out, "{}map {} = ", linkage(symbol.linkage), Name(&symbol.name))?;
    map_decl(out, types, &map.decl)?;
    if !map.values.is_empty() {
        out.push_str(" init [");
        for (at, (slot, symbol)) in map.values.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(out, "{comma}{slot}: {}", SymbolName(module, *symbol))?;
        }
        out.push(']');
    }
    end(out, module, symbol)
}

fn map_decl(out: &mut String, types: &Types, decl: &MapDecl) -> fmt::Result {
    match decl.ty.short_name() {
        Some(name) => out.push_str(&name.to_lowercase()),
        None => write!(out, "{}", decl.ty.0)?,
    }
    for (word, part) in [("key", decl.key), ("value", decl.value)] {
        match part {
            Part::None => {}
            Part::Size(size) => write!(out, " {word} {size}")?,
            Part::Typed { ty, size } => {
                let ty = types.expr(ty);
                write!(out, " {word} {}", ExprText(&types.defs, &ty))?;
                if types.size(&ty) != size.into() {
                    write!(out, " size {size}")?;
                }
            }
        }
    }
    let numbers = [
        ("entries", decl.max_entries != 0, u64::from(decl.max_entries)),
        ("flags", decl.flags != 0, decl.flags.into()),
        ("numa", decl.numa_node.is_some(), decl.numa_node.unwrap_or_default().into()),
        ("extra", decl.extra != 0, decl.extra),
    ];
    for (word, given, number) in numbers {
        if given {
            write!(out, " {word} {number}")?;
        }
    }
    if decl.pinning == Pinning::ByName {
        out.push_str(" pinned");
    }
    match &decl.values {
        None => Ok(()),
        Some(Values::Maps(inner)) => {
            out.push_str(" maps (");
            map_decl(out, types, inner)?;
            out.push(')');
            Ok(())
        }
        Some(Values::Programs(proto)) => write!(out, " programs {}", type_text(types, *proto)),
    }
}

pub(super) fn global(
    out: &mut String,
    module: &Module,
    types: &Types,
    symbol: &Symbol,
    global: &Global,
) -> fmt::Result {
    write!(out, "{}global {}", linkage(symbol.linkage), Name(&symbol.name))?;
    for (at, init) in global.init.iter().enumerate() {
        out.push_str(if at == 0 { " = " } else { ", " });
        match init {
            Init::Bytes(bytes) => write!(out, "{}", Quoted(bytes))?,
            Init::Int { bytes, value } => {
                let bits = bytes.saturating_mul(8).clamp(1, 64);
                write!(out, "i{bits} {}", Number { value: Type::Int(bits).canonical(*value), bits })?;
            }
            Init::Address { symbol, addend } => {
                write!(out, "{}", SymbolName(module, *symbol))?;
                if *addend != 0 {
                    write!(out, " {addend:+}")?;
                }
            }
            Init::Zeros(size) => write!(out, "zeros {size}")?,
        }
    }
    if global.init.is_empty() || global.size != init_size(&global.init) {
        write!(out, " size {}", global.size)?;
    }
    if global.align != init_align(&global.init) {
        write!(out, " align {}", global.align)?;
    }
    if global.read_only {
        out.push_str(" const");
    }
    attribute(out, types, global.ty)?;
    end(out, module, symbol)
}

/// How large a variable is that holds this and nothing else.
pub(in crate::ir::text) fn init_size(init: &[Init]) -> u32 {
    init.iter().fold(0u32, |size, piece| size.saturating_add(piece.size()))
}

/// How a variable is aligned that holds this, if nothing else is said: as its widest number.
pub(in crate::ir::text) fn init_align(init: &[Init]) -> u32 {
    let align = |piece: &Init| match piece {
        Init::Bytes(_) | Init::Zeros(_) => 1,
        Init::Int { bytes, .. } => (*bytes).into(),
        Init::Address { .. } => 8,
    };
    init.iter().map(align).max().unwrap_or(1)
}

pub(super) fn external(
    out: &mut String,
    module: &Module,
    types: &Types,
    symbol: &Symbol,
    it: &Extern,
) -> fmt::Result {
    write!(out, "{}extern {}", linkage(symbol.linkage), Name(&symbol.name))?;
    if let Some(sig) = &it.sig {
        signature(out, sig)?;
    }
    attribute(out, types, it.ty)?;
    end(out, module, symbol)
}

/// `type T`, if there is one.
fn attribute(out: &mut String, types: &Types, ty: Option<TypeId>) -> fmt::Result {
    match ty {
        Some(ty) => write!(out, " type {}", type_text(types, ty)),
        None => Ok(()),
    }
}

pub(super) fn type_text(types: &Types, ty: TypeId) -> String {
    ExprText(&types.defs, &types.expr(ty)).to_string()
}

/// What the text calls a kind of CO-RE relocation.
pub(in crate::ir::text) fn core_word(kind: CoreKind) -> String {
    kind.name().trim_start_matches("BPF_CORE_").to_lowercase()
}

fn signature(out: &mut String, sig: &Signature) -> fmt::Result {
    out.push('(');
    for (at, ty) in sig.params.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        write!(out, "{comma}{ty}")?;
    }
    if sig.variadic {
        out.push_str(if sig.params.is_empty() { "..." } else { ", ..." });
    }
    out.push(')');
    match sig.ret {
        Some(ret) => write!(out, " -> {ret}"),
        None => Ok(()),
    }
}

/// A function with its body.
pub(super) fn write_func(
    out: &mut String,
    module: &Module,
    types: &Types,
    func: &Func,
    id: SymbolId,
) -> fmt::Result {
    let symbol = module.symbols.get(id.0 as usize);
    let kind = linkage(symbol.map(|symbol| symbol.linkage).unwrap_or_default());
    write!(out, "{kind}fn {}", SymbolName(module, id))?;
    signature(out, &func.sig)?;
    if let Some(symbol) = symbol {
        section(out, module, symbol)?;
    }
    out.push_str(match func.inline {
        Inline::Auto => "",
        Inline::Always => " inline always",
        Inline::Never => " inline never",
    });
    attribute(out, types, func.ty)?;
    if func.loc != Loc::UNKNOWN {
        write!(out, " {}", Position { module, loc: func.loc, file: &module.name })?;
    }
    let declared = symbol.map_or(func.loc, |symbol| symbol.loc);
    if declared != Loc::UNKNOWN && module.place(declared) != module.place(func.loc) {
        write!(out, " declared {}", Position { module, loc: declared, file: &module.name })?;
    }
    out.push_str(" {\n");
    for (at, slot) in func.slots.iter().enumerate() {
        write!(out, "  slot s{at} {} align {}", slot.size, slot.align)?;
        if let Some(name) = &slot.name {
            write!(out, " {}", Quoted(name.as_bytes()))?;
        }
        out.push('\n');
    }
    let body = Body::new(module, func);
    for block in func.block_ids() {
        body.block(out, block)?;
    }
    out.push_str("}\n");
    Ok(())
}
