//! From a module to text.

mod op;

use std::fmt::{self, Write as _};

use super::lex::is_plain;
use super::types::{DefText, ExprText, Types};
use crate::ir::{
    Block, Edge, Extern, Func, Global, Init, Inline, Linkage, Loc, Map, Module, Op, Place, Signature, Symbol,
    SymbolId, SymbolKind, Term, Type, Value,
};
use skep_btf::maps::{MapDecl, Part, Pinning, Values};
use skep_btf::{CoreKind, TypeId};

/// Where source positions begin, in columns.
const POSITION_COLUMN: usize = 48;

/// The text of a module.
pub(super) fn module(module: &Module) -> String {
    // Writing to a string cannot fail.
    let mut out = format!("module {}\n", Quoted(module.name.as_bytes()));
    if let Some(license) = &module.license {
        let _ = writeln!(out, "license {}", Quoted(license.as_bytes()));
    }
    let types = Types::new(module);
    if !types.defs.is_empty() {
        out.push('\n');
    }
    for def in &types.defs {
        let _ = writeln!(out, "{}", DefText(&types.defs, def));
    }
    if !module.core.is_empty() {
        out.push('\n');
    }
    for (at, relo) in module.core.iter().enumerate() {
        let (kind, access) = (core_word(relo.kind), Quoted(relo.access.as_bytes()));
        let _ = writeln!(out, "core c{at} = {kind} {} {access} {}", type_text(&types, relo.ty), relo.value);
    }
    let mut last = None;
    for (at, symbol) in module.symbols.iter().enumerate() {
        let sort = std::mem::discriminant(&symbol.kind);
        if last != Some(sort) || matches!(symbol.kind, SymbolKind::Func(_)) {
            out.push('\n');
        }
        last = Some(sort);
        let id = SymbolId(u32::try_from(at).unwrap_or(u32::MAX));
        let _ = match &symbol.kind {
            SymbolKind::Func(func) => match module.funcs.get(*func as usize) {
                Some(func) => write_func(&mut out, module, &types, func, id),
                None => writeln!(out, "// {} has no body", Name(&symbol.name)),
            },
            SymbolKind::Map(map) => self::map(&mut out, module, &types, symbol, map),
            SymbolKind::Global(global) => self::global(&mut out, module, &types, symbol, global),
            SymbolKind::Extern(it) => self::external(&mut out, module, &types, symbol, it),
        };
    }
    out
}

/// A name behind `@`.
pub(super) struct Name<'a>(pub(super) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_plain(self.0) { write!(f, "@{}", self.0) } else { write!(f, "@{}", Quoted(self.0.as_bytes())) }
    }
}

/// The name of a symbol that may not exist.
pub(super) struct SymbolName<'a>(pub(super) &'a Module, pub(super) SymbolId);

impl fmt::Display for SymbolName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.symbols.get(self.1.0 as usize) {
            Some(symbol) => Name(&symbol.name).fmt(f),
            None => write!(f, "@?{}", self.1.0),
        }
    }
}

/// Bytes in quotes.
pub(super) struct Quoted<'a>(pub(super) &'a [u8]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    '\n' => f.write_str("\\n")?,
                    '\t' => f.write_str("\\t")?,
                    c if c.is_control() => {
                        c.encode_utf8(&mut [0; 4]).bytes().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
                    }
                    c => f.write_char(c)?,
                }
            }
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        f.write_char('"')
    }
}

/// A source position behind what it is the position of; nothing if it is unknown.
struct Position<'a> {
    module: &'a Module,
    loc: Loc,
    /// The file that need not be told.
    file: &'a str,
}

impl fmt::Display for Position<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loc == Loc::UNKNOWN {
            return Ok(());
        }
        let place = self.module.place(self.loc);
        f.write_char('!')?;
        let file = file_of(self.module, place);
        if file != self.file {
            write!(f, "{}:", Quoted(file.as_bytes()))?;
        }
        write!(f, "{}", place.line)?;
        if place.column != 0 { write!(f, ":{}", place.column) } else { Ok(()) }
    }
}

fn file_of(module: &Module, place: Place) -> &str {
    module.files.get(place.file as usize).map_or("", String::as_str)
}

/// Ends the line of a symbol that has no body.
fn end(out: &mut String, module: &Module, symbol: &Symbol) -> fmt::Result {
    if let Some(section) = &symbol.section {
        write!(out, " section {}", Quoted(section.as_bytes()))?;
    }
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

fn map(out: &mut String, module: &Module, types: &Types, symbol: &Symbol, map: &Map) -> fmt::Result {
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

fn global(out: &mut String, module: &Module, types: &Types, symbol: &Symbol, global: &Global) -> fmt::Result {
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
pub(super) fn init_size(init: &[Init]) -> u32 {
    init.iter().fold(0u32, |size, piece| size.saturating_add(piece.size()))
}

/// How a variable is aligned that holds this, if nothing else is said: as its widest number.
pub(super) fn init_align(init: &[Init]) -> u32 {
    let align = |piece: &Init| match piece {
        Init::Bytes(_) | Init::Zeros(_) => 1,
        Init::Int { bytes, .. } => (*bytes).into(),
        Init::Address { .. } => 8,
    };
    init.iter().map(align).max().unwrap_or(1)
}

fn external(out: &mut String, module: &Module, types: &Types, symbol: &Symbol, it: &Extern) -> fmt::Result {
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

fn type_text(types: &Types, ty: TypeId) -> String {
    ExprText(&types.defs, &types.expr(ty)).to_string()
}

/// What the text calls a kind of CO-RE relocation.
pub(super) fn core_word(kind: CoreKind) -> String {
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

/// A constant of that many bits: small ones in decimal, others as the bits that they are.
struct Number {
    value: i64,
    bits: u8,
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Number { value, bits } = *self;
        match (bits, value) {
            (1, 0) => f.write_str("false"),
            (1, -1) => f.write_str("true"),
            (_, -0xffff..=0xffff) => value.fmt(f),
            _ => write!(f, "{:#x}", value.cast_unsigned() & Type::Int(bits).mask()),
        }
    }
}

/// See [`super::func`].
pub(super) struct FuncText<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
}

impl fmt::Display for FuncText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FuncText { module, func } = *self;
        let mut out = String::new();
        write_func(&mut out, module, &Types::new(module), func, func.symbol)?;
        f.write_str(&out)
    }
}

fn write_func(out: &mut String, module: &Module, types: &Types, func: &Func, id: SymbolId) -> fmt::Result {
    let symbol = module.symbols.get(id.0 as usize);
    let kind = linkage(symbol.map(|symbol| symbol.linkage).unwrap_or_default());
    write!(out, "{kind}fn {}", SymbolName(module, id))?;
    signature(out, &func.sig)?;
    if let Some(section) = symbol.and_then(|symbol| symbol.section.as_ref()) {
        write!(out, " section {}", Quoted(section.as_bytes()))?;
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

/// See [`super::inst`].
pub(super) struct InstText<'a> {
    pub(super) module: &'a Module,
    pub(super) func: &'a Func,
    pub(super) value: Value,
}

impl fmt::Display for InstText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        Body::new(self.module, self.func).inst(&mut out, self.value)?;
        f.write_str(&out)
    }
}

/// A function's body, with the numbers of its values.
pub(crate) struct Body<'a> {
    module: &'a Module,
    func: &'a Func,
    names: Vec<ValueName>,
    /// The file of positions in it.
    file: &'a str,
}

/// What a value is called.
#[derive(Clone, Copy, PartialEq)]
enum ValueName {
    /// `v7`
    Number(u32),
    /// A constant, which stands wherever it is used.
    Inline,
    /// It is in no block.
    Lost,
}

impl<'a> Body<'a> {
    pub(crate) fn new(module: &'a Module, func: &'a Func) -> Body<'a> {
        let file = match func.loc {
            Loc::UNKNOWN => &module.name,
            loc => file_of(module, module.place(loc)),
        };
        Body { module, func, names: names(func), file }
    }

    /// What a value is called.
    pub(crate) fn name(&self, value: Value) -> impl fmt::Display + use<'_, 'a> {
        Operand { body: self, value, expected: None }
    }

    fn operand(&self, value: Value, expected: Option<Type>) -> Operand<'_, 'a> {
        Operand { body: self, value, expected }
    }

    fn node_type(&self, value: Value) -> Option<Type> {
        self.func.nodes.get(value.0 as usize)?.ty
    }

    fn is_inline(&self, value: Value) -> bool {
        self.names.get(value.0 as usize) == Some(&ValueName::Inline)
    }

    fn block(&self, out: &mut String, block: Block) -> fmt::Result {
        let data = self.func.block(block);
        write!(out, "b{}", block.0)?;
        for (at, &param) in data.params.iter().enumerate() {
            out.push_str(if at == 0 { "(" } else { ", " });
            write!(out, "{}: {}", self.name(param), TypeOrNone(self.node_type(param)))?;
            let loc = self.func.nodes.get(param.0 as usize).map_or(Loc::UNKNOWN, |node| node.loc);
            if loc != Loc::UNKNOWN {
                write!(out, " {}", self.position(loc))?;
            }
        }
        out.push_str(if data.params.is_empty() { ":\n" } else { "):\n" });
        for &inst in &data.insts {
            if self.is_inline(inst) {
                continue;
            }
            let start = out.len();
            out.push_str("  ");
            self.inst(out, inst)?;
            let loc = self.func.nodes.get(inst.0 as usize).map_or(Loc::UNKNOWN, |node| node.loc);
            self.end(out, start, loc)?;
        }
        let start = out.len();
        out.push_str("  ");
        self.term(out, &data.term)?;
        self.end(out, start, data.loc)
    }

    fn position(&self, loc: Loc) -> Position<'a> {
        Position { module: self.module, loc, file: self.file }
    }

    fn end(&self, out: &mut String, start: usize, loc: Loc) -> fmt::Result {
        if loc != Loc::UNKNOWN {
            let column = out.len() - start;
            let blanks = POSITION_COLUMN.saturating_sub(column).max(1);
            write!(out, "{:blanks$}{}", "", self.position(loc))?;
        }
        out.push('\n');
        Ok(())
    }

    pub(crate) fn term(&self, out: &mut String, term: &Term) -> fmt::Result {
        match term {
            Term::Open => out.push_str("open"),
            Term::Unreachable => out.push_str("unreachable"),
            Term::Jump(edge) => write!(out, "jump {}", self.edge(edge))?,
            Term::Branch { cond, a, b, then, other } => {
                write!(out, "br.{} ", cond.name())?;
                self.compared(out, *a, *b)?;
                write!(out, ", {}, {}", self.edge(then), self.edge(other))?;
            }
            Term::Switch { value, cases, default } => {
                let bits = self.node_type(*value).map_or(64, Type::bits);
                write!(out, "switch {} [", self.operand(*value, None))?;
                for (at, (case, edge)) in cases.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(out, "{comma}{}: {}", Number { value: *case, bits }, self.edge(edge))?;
                }
                write!(out, "], {}", self.edge(default))?;
            }
            Term::MayGoto { again, done } => {
                write!(out, "may_goto {}, {}", self.edge(again), self.edge(done))?;
            }
            Term::Return(None) => out.push_str("ret"),
            Term::Return(Some(value)) => write!(out, "ret {}", self.operand(*value, self.func.sig.ret))?,
        }
        Ok(())
    }

    /// Two values that are compared. One tells the type of the other.
    fn compared(&self, out: &mut String, a: Value, b: Value) -> fmt::Result {
        let of_b = self.node_type(b).filter(|_| !self.is_inline(b));
        write!(out, "{}, {}", self.operand(a, of_b), self.operand(b, self.node_type(a)))
    }

    fn edge<'e>(&'e self, edge: &'e Edge) -> EdgeText<'e, 'a> {
        EdgeText { body: self, edge }
    }
}

struct EdgeText<'e, 'a> {
    body: &'e Body<'a>,
    edge: &'e Edge,
}

impl fmt::Display for EdgeText<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let EdgeText { body, edge } = self;
        write!(f, "b{}", edge.block.0)?;
        let params = body.func.blocks.get(edge.block.0 as usize).map_or(&[][..], |block| &block.params);
        for (at, &arg) in edge.args.iter().enumerate() {
            f.write_str(if at == 0 { "(" } else { ", " })?;
            let expected = params.get(at).and_then(|&param| body.node_type(param));
            body.operand(arg, expected).fmt(f)?;
        }
        if edge.args.is_empty() { Ok(()) } else { f.write_char(')') }
    }
}

/// A value where it is used.
struct Operand<'b, 'a> {
    body: &'b Body<'a>,
    value: Value,
    /// The type that a constant has here, unless it says its own.
    expected: Option<Type>,
}

impl fmt::Display for Operand<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body.names.get(self.value.0 as usize) {
            Some(ValueName::Number(number)) => write!(f, "v{number}"),
            Some(ValueName::Inline) => {
                let node = self.body.func.node(self.value);
                let Op::Const(value) = node.op else { return Ok(()) };
                if node.ty != self.expected {
                    write!(f, "{} ", TypeOrNone(node.ty))?;
                }
                Literal(node.ty, value).fmt(f)
            }
            // Not a name that could be read back.
            Some(ValueName::Lost) | None => write!(f, "v?{}", self.value.0),
        }
    }
}

/// A constant of a type.
struct Literal(Option<Type>, i64);

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Literal(Some(Type::Ptr(_)), 0) => f.write_str("null"),
            Literal(ty, value) => Number { value, bits: ty.map_or(64, Type::bits) }.fmt(f),
        }
    }
}

struct TypeOrNone(Option<Type>);

impl fmt::Display for TypeOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(ty) => ty.fmt(f),
            None => f.write_str("?"),
        }
    }
}

/// Numbers the values in the order of the text.
fn names(func: &Func) -> Vec<ValueName> {
    let mut names = vec![ValueName::Lost; func.nodes.len()];
    let mut used = vec![false; func.nodes.len()];
    let mut mark = |value: Value| {
        if let Some(used) = used.get_mut(value.0 as usize) {
            *used = true;
        }
    };
    for block in &func.blocks {
        for &inst in &block.insts {
            if let Some(node) = func.nodes.get(inst.0 as usize) {
                node.op.each_operand(&mut mark);
            }
        }
        block.term.each_operand(&mut mark);
    }
    let mut next = 0;
    for block in &func.blocks {
        for &value in block.params.iter().chain(&block.insts) {
            let at = value.0 as usize;
            let Some(node) = func.nodes.get(at) else { continue };
            if names[at] != ValueName::Lost {
                continue;
            }
            names[at] = match node.op {
                Op::Const(_) if used[at] => ValueName::Inline,
                _ if node.ty.is_none() => continue,
                _ => {
                    next += 1;
                    ValueName::Number(next - 1)
                }
            };
        }
    }
    names
}
