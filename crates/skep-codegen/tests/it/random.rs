//! The text form against random modules and random text.

use skep_btf::maps::{MapDecl, MapType, Part, Pinning, Values as MapValues};
use skep_btf::{
    Btf, BtfBuilder, CoreKind, Enum, FwdKind, Int, IntEncoding, Kind, Linkage as BtfLinkage, Member, Param,
    TypeId,
};
use skep_codegen::ir::{
    Access, Asm, AtomicOp, BinOp, Block, Callee, CastOp, Cond, CoreRelo, DeclTag, Edge, Extern, Func, Global,
    Init, Inline, Linkage, Loc, Map, Module, Op, Order, Place, Signature, Slot, SlotData, Space, Symbol,
    SymbolId, SymbolKind, Term, Type, UnOp, Value, Values, Width, text, validate,
};
use skep_codegen::{Cpu, Opt, Options, Target, compile};

/// How many random modules are printed and read, and how many texts are read that hardly make sense.
const MODULES: u64 = 1000;
const TEXTS: u64 = 6000;

#[test]
fn random_modules_survive_print_and_parse() {
    for seed in 0..MODULES {
        let module = Random::new(seed).module();
        let first = text::print(&module);
        let read = text::parse("random.sir", &first).unwrap_or_else(|errors| panic!("seed {seed}: {errors}"));
        for (found, expected) in contents(&read).lines().zip(contents(&module).lines()) {
            assert_eq!(found, expected, "seed {seed}\n{first}");
        }
        assert_eq!(contents(&read), contents(&module), "seed {seed}\n{first}");
        assert_eq!(text::print(&read), first, "seed {seed}");
    }
}

/// `SKEP_FUZZ_TEXTS` says how many.
#[test]
fn no_text_makes_the_compiler_panic() {
    let document = super::documents::document();
    let mut sources = vec![super::text::ALL.to_owned()];
    sources.extend(super::documents::examples(&document).into_iter().map(str::to_owned));
    sources.extend(super::cases::programs());
    let (mut read, mut valid, mut compiled) = (0, 0, 0);
    let texts = std::env::var("SKEP_FUZZ_TEXTS").ok().and_then(|texts| texts.parse().ok()).unwrap_or(TEXTS);
    for seed in 0..texts {
        let mut random = Random::new(seed);
        let source = random.pick(&sources).clone();
        let source = random.mutilated(&source);
        let Ok(module) = text::parse("bad.sir", &source) else { continue };
        read += 1;
        drop(text::print(&module));
        if validate::module(&module).is_err() {
            continue;
        }
        valid += 1;
        let opt = *random.pick(&[Opt::O0, Opt::O1, Opt::O2, Opt::Os]);
        let cpu = *random.pick(&[Cpu::V1, Cpu::V2, Cpu::V3, Cpu::V4]);
        let target = *random.pick(&[Target::Kernel, Target::User]);
        let tables = *random.pick(&[false, true]);
        let options = Options::new().opt(opt).cpu(cpu).target(target).jump_tables(tables).validate(true);
        let Ok(result) = std::panic::catch_unwind(|| compile(module, &options)) else {
            panic!("seed {seed} {options:?}\n{source}");
        };
        compiled += u64::from(result.is_ok());
    }
    assert!(read < texts / 2 && compiled > texts / 20, "{read} read, {valid} valid, {compiled} compiled");
}

/// All that a module says, apart from numbers of values, types, places and constants that it shares.
fn contents(module: &Module) -> String {
    let mut out = vec![format!("{:?} {:?}", module.name, module.license)];
    let btf = module.types.so_far();
    let mut types: Vec<String> =
        btf.ids().filter(|&id| btf.kind(id) != Some(Kind::Int)).map(|id| shape(btf, id, 6)).collect();
    types.sort();
    // A type that is added twice is one.
    types.dedup();
    out.extend(types);
    let id = |id: TypeId| shape(btf, id, 6);
    for relo in &module.core {
        out.push(format!("{:?} {} {} {}", relo.kind, id(relo.ty), relo.access, relo.value));
    }
    let tag = |tag: &DeclTag| format!("{} {:?} {:?}", module.symbol(tag.symbol).name, tag.param, tag.text);
    let mut tags: Vec<String> = module.tags.iter().map(tag).collect();
    // Those of each symbol stand with it.
    tags.sort();
    out.extend(tags);
    for symbol in &module.symbols {
        let kind = match &symbol.kind {
            SymbolKind::Func(func) => function(module, &module.funcs[*func as usize], &id),
            SymbolKind::Extern(it) => format!("{:?} {:?}", it.sig, it.ty.map(id)),
            SymbolKind::Global(it) => {
                format!("{} {} {} {:?} {:?}", it.size, it.align, it.read_only, it.init, it.ty.map(id))
            }
            SymbolKind::Map(it) => format!("{} {:?}", declaration(&it.decl, &id), it.values),
        };
        let Symbol { name, linkage, section, .. } = symbol;
        out.push(format!("{name:?} {linkage:?} {section:?} {} {kind}", place(module, symbol.loc)));
    }
    out.join("\n")
}

fn declaration(decl: &MapDecl, id: &impl Fn(TypeId) -> String) -> String {
    let part = |part: Part| match part {
        Part::Typed { ty, size } => format!("{} {size}", id(ty)),
        other => format!("{other:?}"),
    };
    let values = match &decl.values {
        Some(MapValues::Maps(inner)) => declaration(inner, id),
        Some(MapValues::Programs(proto)) => id(*proto),
        None => String::new(),
    };
    let MapDecl { ty, max_entries, flags, numa_node, pinning, extra, .. } = decl;
    let (key, value) = (part(decl.key), part(decl.value));
    format!("{ty:?} {max_entries} {flags} {numa_node:?} {pinning:?} {extra} {key} {value} {values}")
}

fn place(module: &Module, loc: Loc) -> String {
    let Place { file, line, column } = module.place(loc);
    let file = module.files.get(file as usize).filter(|_| loc != Loc::UNKNOWN);
    format!("{file:?}:{line}:{column}")
}

/// A type, and what it refers to, so many levels deep.
fn shape(btf: &Btf, id: TypeId, depth: u32) -> String {
    let Some(kind) = btf.kind(id) else { return "void".to_owned() };
    let mut out = format!("{kind:?} {:?}", btf.name(id));
    match btf.ty(id) {
        skep_btf::Type::Struct(body) | skep_btf::Type::Union(body) => {
            out += &format!(" {}", body.size);
            for member in body.members {
                let Member { bit_offset, bitfield_size, .. } = member;
                out += &format!(" {:?}@{bit_offset}:{bitfield_size}", btf.string(member.name));
            }
        }
        skep_btf::Type::Enum(body) | skep_btf::Type::Enum64(body) => {
            out += &format!(" {} {}", body.size, body.signed);
            for value in body.values {
                out += &format!(" {:?}={}", btf.string(value.name), value.value);
            }
        }
        skep_btf::Type::FuncProto(proto) => {
            proto.params.iter().for_each(|param| out += &format!(" {:?}", btf.string(param.name)));
        }
        skep_btf::Type::Int(int) => out += &format!("{int:?}"),
        skep_btf::Type::Array(array) => out += &format!(" {}", array.len),
        skep_btf::Type::Float { size } => out += &format!(" {size}"),
        skep_btf::Type::Fwd(kind) => out += &format!(" {kind:?}"),
        skep_btf::Type::Func(func) => out += &format!(" {:?}", func.linkage),
        skep_btf::Type::Var(var) => out += &format!(" {:?}", var.linkage),
        skep_btf::Type::DeclTag(tag) => out += &format!(" {:?} {}", tag.component, tag.attribute),
        skep_btf::Type::TypeTag(tag) => out += &format!(" {}", tag.attribute),
        _ => {}
    }
    if depth > 0 {
        btf.ty(id).references(|to, _, _| out += &format!(" ({})", shape(btf, to, depth - 1)));
    }
    out
}

fn function(module: &Module, func: &Func, id: &impl Fn(TypeId) -> String) -> String {
    let mut out = format!("{:?} {:?} {:?}", func.sig, func.ty.map(id), func.inline);
    out += &format!(" {} {:?}\n", place(module, func.loc), func.slots);
    // Values by the order of the text; constants by what they are.
    let constant =
        |value: Value| func.as_const(value).map(|number| format!("{number} {:?}", func.node(value).ty));
    let mut used = vec![false; func.nodes.len()];
    for block in &func.blocks {
        block.insts.iter().for_each(|&inst| func.node(inst).op.each_operand(|v| used[v.0 as usize] = true));
        block.term.each_operand(|v| used[v.0 as usize] = true);
    }
    let mut names = vec![String::new(); func.nodes.len()];
    let mut next = 0;
    for block in &func.blocks {
        for &value in block.params.iter().chain(&block.insts) {
            names[value.0 as usize] =
                constant(value).filter(|_| used[value.0 as usize]).unwrap_or_else(|| {
                    next += i32::from(func.node(value).ty.is_some());
                    format!("v{next}")
                });
        }
    }
    for block in &func.blocks {
        out += &format!("block {}\n", place(module, block.loc));
        for &value in block.params.iter().chain(&block.insts) {
            let node = func.node(value);
            if constant(value).is_some() && used[value.0 as usize] {
                continue;
            }
            let mut op = node.op.clone();
            let mut operands = Vec::new();
            op.each_operand_mut(|v| {
                operands.push(names[v.0 as usize].clone());
                *v = Value(0);
            });
            out += &format!("{op:?} {operands:?} {:?} {}\n", node.ty, place(module, node.loc));
        }
        let mut term = block.term.clone();
        term.each_operand_mut(|v| {
            out += &names[v.0 as usize];
            out += " ";
            *v = Value(0);
        });
        out += &format!("{term:?}\n");
    }
    out
}

/// Makes modules that say anything that can be said, valid or not.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    fn number(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit as usize)).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn flip(&mut self) -> bool {
        self.below(2) == 0
    }

    fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.flip() { Some(make(self)) } else { None }
    }

    fn integer(&mut self) -> i64 {
        let wide = self.next().cast_signed();
        *self.pick(&[0, 1, -1, 7, 4096, 70_000, -70_000, i64::MAX, i64::MIN, wide])
    }

    fn name(&mut self, base: &str) -> String {
        let odd = ["odd name", "\"", "\\", "\u{e9}\n\t\u{1}", "1", "-", ".x"];
        if self.below(8) == 0 { format!("{}{base}", self.pick(&odd)) } else { base.to_owned() }
    }

    /// A text with something left out, put in, or written twice.
    fn mutilated(&mut self, source: &str) -> String {
        let mut bytes = source.as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                break;
            }
            let at = self.below(bytes.len());
            let len = self.below(30).min(bytes.len() - at);
            match self.below(6) {
                0 => bytes[at] = *self.pick(b" \n,:=()[]{}@$!*-+\"'0v9.;\x80\xff"),
                1 => drop(bytes.drain(at..at + len)),
                2 => {
                    let from = self.below(bytes.len() - len);
                    let piece = bytes[from..from + len].to_vec();
                    bytes.splice(at..at, piece);
                }
                3 => bytes.truncate(at.max(1)),
                // A digit for a digit: other values, blocks, numbers, widths, positions.
                _ => {
                    let digits: Vec<usize> =
                        (0..bytes.len()).filter(|&at| bytes[at].is_ascii_digit()).collect();
                    if let Some(&at) = digits.get(self.below(digits.len())) {
                        bytes[at] = b'0' + self.byte() % 10;
                    }
                }
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn module(&mut self) -> Module {
        let name = self.name("random.c");
        let mut module = Module::new(name);
        module.license = self.maybe(|random| random.name("GPL"));
        let types = self.types(&mut module.types);
        for _ in 0..self.below(3) {
            let (kind, ty) = (*self.pick(CoreKind::ALL), *self.pick(&types));
            module.core.push(CoreRelo { kind, ty, access: self.name("0:1"), value: self.integer() });
        }
        let count = 1 + self.number(6);
        let mut bodies = Vec::new();
        for at in 0..count {
            let base = format!("symbol{at}");
            let (name, linkage) = (
                self.name(&base),
                *self.pick(&[Linkage::Local, Linkage::Global, Linkage::Weak, Linkage::Hidden]),
            );
            let (section, loc) = (self.maybe(|random| random.name("section")), self.loc(&mut module));
            let kind = match self.below(4) {
                0 => SymbolKind::Map(self.map(&types, count)),
                1 => SymbolKind::Global(self.global(&types, count)),
                2 => SymbolKind::Extern(Extern {
                    sig: self.maybe(Random::signature),
                    ty: self.maybe(|random| *random.pick(&types)),
                }),
                _ => {
                    bodies.push(at);
                    SymbolKind::Func(0)
                }
            };
            module.add_symbol(Symbol { name, linkage, section, kind, loc });
        }
        for _ in 0..self.below(3) {
            let (symbol, param) = (SymbolId(self.number(count)), self.maybe(|random| random.number(3)));
            module.tags.push(DeclTag { symbol, param, text: self.name("arg:nonnull") });
        }
        for symbol in bodies {
            let func = self.func(&mut module, SymbolId(symbol), &types, count);
            module.add_func(func);
        }
        module
    }

    fn loc(&mut self, module: &mut Module) -> Loc {
        if self.flip() {
            return Loc::UNKNOWN;
        }
        let name = module.name.clone();
        let file = *self.pick(&[name.as_str(), "a.h", "b \"c\".h"]);
        let place = Place { file: module.file(file), line: self.number(3000), column: self.number(3) };
        module.loc(place)
    }

    fn types(&mut self, types: &mut BtfBuilder) -> Vec<TypeId> {
        let mut all = vec![TypeId::VOID];
        let declared: Vec<TypeId> = (0..self.below(4))
            .map(|_| {
                let kind = *self.pick(&[Kind::Struct, Kind::Union]);
                let (name, size) = (self.name("composite"), self.number(64));
                types.declare(kind, &name, size)
            })
            .collect();
        all.extend(&declared);
        for _ in 0..self.below(24) {
            let (ty, size) = (*self.pick(&all), 1 << self.below(4));
            let name = self.name(&format!("t{}", all.len() % 5));
            let linkage = *self.pick(&[BtfLinkage::Static, BtfLinkage::Global, BtfLinkage::Extern]);
            let encodings =
                [IntEncoding::Unsigned, IntEncoding::Signed, IntEncoding::Bool, IntEncoding::Char];
            let id = match self.below(20) {
                0 => types.ptr(ty),
                1 => types.array_of(ty, self.number(9)),
                2 => types.array(ty, *self.pick(&all), self.number(9)),
                3 => types.constant(ty),
                4 => types.volatile(ty),
                5 => types.restrict(ty),
                6 => types.typedef(&name, ty),
                7 => types.type_tag(&name, ty),
                8 => {
                    let attribute = self.flip();
                    types.add(&name, skep_btf::Type::TypeTag(skep_btf::TypeTag { ty, attribute }))
                }
                9 => types.fwd(&name, *self.pick(&[FwdKind::Struct, FwdKind::Union])),
                10 => types.float(&name, size),
                11 => types.int(&name, size, *self.pick(&encodings)),
                12 => {
                    let int = Int {
                        size,
                        bits: self.byte(),
                        offset: self.byte(),
                        encoding: *self.pick(&encodings),
                    };
                    types.add(&name, skep_btf::Type::Int(int))
                }
                13 => types.int("int", 4, IntEncoding::Signed),
                14 => {
                    let (signed, wide) = (self.flip(), self.flip());
                    let number = if wide { self.integer() } else { self.number(1 << 20).into() };
                    let values = [types.enumerator("A", number), types.enumerator(&name, 5)];
                    let body = Enum { size, signed, values: &values };
                    types.add(
                        &name,
                        if wide { skep_btf::Type::Enum64(body) } else { skep_btf::Type::Enum(body) },
                    )
                }
                15 => {
                    let mut params = vec![types.param("x", ty), types.param("", *self.pick(&all))];
                    params.truncate(self.below(3));
                    params.extend(self.flip().then_some(Param::VARIADIC));
                    types.func_proto(*self.pick(&all), &params)
                }
                16 => types.func(&name, ty, linkage),
                17 => types.var(&name, ty, linkage),
                18 => types.decl_tag(&name, ty, self.flip().then_some(2)),
                _ => {
                    let vars = [skep_btf::SecVar { var: ty, offset: self.number(64), size: self.number(64) }];
                    types.datasec(&name, self.number(64), &vars[..self.below(2)])
                }
            };
            all.push(id);
        }
        for id in declared {
            let mut members = Vec::new();
            for at in 0..self.below(5) {
                // What contains itself only behind pointers.
                let ty = *self.pick(&all);
                let ty = types.ptr(ty);
                let ty = if self.flip() { ty } else { types.int("int", 4, IntEncoding::Signed) };
                let name = if self.below(6) == 0 { String::new() } else { self.name(&format!("m{at}")) };
                let natural = u32::try_from(at).unwrap() * 64;
                let offset = if self.flip() { natural } else { self.number(300) };
                let bitfield_size = if self.below(4) == 0 { self.byte() } else { 0 };
                members.push(Member { bitfield_size, ..types.member(&name, ty, offset) });
            }
            types.define(id, &members);
        }
        all
    }

    fn map(&mut self, types: &[TypeId], symbols: u32) -> Map {
        let decl = self.decl(types, true);
        let mut values = Vec::new();
        for _ in 0..self.below(3) {
            values.push((self.number(100), SymbolId(self.number(symbols))));
        }
        Map { decl, values }
    }

    fn decl(&mut self, types: &[TypeId], outer: bool) -> MapDecl {
        let part = |random: &mut Random| match random.below(3) {
            0 => Part::None,
            1 => Part::Size(random.number(99)),
            _ => Part::Typed { ty: *random.pick(types), size: random.number(99) },
        };
        let values = match self.below(4) {
            0 if outer => Some(MapValues::Maps(Box::new(self.decl(types, false)))),
            1 if outer => Some(MapValues::Programs(*self.pick(types))),
            _ => None,
        };
        MapDecl {
            max_entries: self.number(3),
            flags: self.number(3),
            numa_node: self.maybe(|random| random.number(3)),
            key: part(self),
            value: part(self),
            values,
            pinning: *self.pick(&[Pinning::None, Pinning::ByName]),
            extra: self.integer().cast_unsigned(),
            ..MapDecl::new(MapType(self.number(40)))
        }
    }

    fn global(&mut self, types: &[TypeId], symbols: u32) -> Global {
        let mut init = Vec::new();
        for _ in 0..self.below(4) {
            init.push(match self.below(4) {
                0 => Init::Bytes((0..self.below(9)).map(|_| self.byte()).collect()),
                1 => {
                    let bytes = 1 << self.below(4);
                    Init::Int { bytes, value: Type::Int(bytes * 8).canonical(self.integer()) }
                }
                2 => Init::Address { symbol: SymbolId(self.number(symbols)), addend: self.integer() },
                _ => Init::Zeros(self.number(99)),
            });
        }
        let natural: u32 = init.iter().map(Init::size).sum();
        Global {
            size: if self.flip() { natural } else { self.number(200) },
            align: 1 << self.below(5),
            read_only: self.flip(),
            init,
            ty: self.maybe(|random| *random.pick(types)),
        }
    }

    fn ty(&mut self) -> Type {
        match self.below(6) {
            0 => Type::PTR,
            1 => Type::Ptr(Space::Arena),
            2 => Type::I32,
            3 => Type::Int(1 + self.byte() % 64),
            _ => Type::I64,
        }
    }

    fn signature(&mut self) -> Signature {
        let params: Vec<Type> = (0..self.below(4)).map(|_| self.ty()).collect();
        Signature { variadic: self.below(4) == 0, ..Signature::new(params, self.maybe(Random::ty)) }
    }

    fn func(&mut self, module: &mut Module, symbol: SymbolId, types: &[TypeId], symbols: u32) -> Func {
        let sig = self.signature();
        let mut func = Func::new(symbol, sig, Loc::UNKNOWN);
        // What a symbol without a position has: that of the function.
        func.loc = if module.symbol(symbol).loc == Loc::UNKNOWN { Loc::UNKNOWN } else { self.loc(module) };
        func.ty = self.maybe(|random| *random.pick(types));
        func.inline = *self.pick(&[Inline::Auto, Inline::Always, Inline::Never]);
        for _ in 0..self.below(3) {
            let name = self.maybe(|random| random.name("slot").into());
            func.new_slot(SlotData { name, size: self.number(99), align: self.number(9) });
        }
        for _ in 0..self.below(4) {
            let block = func.new_block(Loc::UNKNOWN);
            for _ in 0..self.below(3) {
                let (ty, loc) = (self.ty(), self.loc(module));
                func.new_param(block, ty, loc);
            }
        }
        for block in func.block_ids() {
            for _ in 0..self.below(12) {
                self.inst(module, &mut func, block, symbols);
            }
            let term = self.term(&mut func, block);
            func.block_mut(block).term = term;
            func.block_mut(block).loc = self.loc(module);
        }
        func
    }

    /// A value that is there already, or a constant.
    fn operand(&mut self, func: &mut Func, block: Block) -> Value {
        let all: Vec<Value> = func
            .blocks
            .iter()
            .flat_map(|block| block.params.iter().chain(&block.insts))
            .copied()
            .filter(|&value| func.node(value).ty.is_some())
            .collect();
        if !all.is_empty() && self.below(3) > 0 {
            return *self.pick(&all);
        }
        let ty = self.ty();
        let value = if ty.is_ptr() { 0 } else { ty.canonical(self.integer()) };
        func.push(block, Op::Const(value), Some(ty), Loc::UNKNOWN)
    }

    fn operands(&mut self, func: &mut Func, block: Block) -> Values {
        (0..self.below(4)).map(|_| self.operand(func, block)).collect()
    }

    fn access(&mut self) -> Access {
        Access {
            width: *self.pick(Width::ALL),
            volatile: self.flip(),
            order: *self.pick(Order::ALL),
            align: 1 << self.below(4),
        }
    }

    fn inst(&mut self, module: &mut Module, func: &mut Func, block: Block, symbols: u32) {
        let loc = self.loc(module);
        let offset = i32::from_le_bytes([self.byte(), self.byte(), 0, 0]) - 1000;
        let access = self.access();
        let operand = Type::Int(access.width.bits());
        let (any, ty) = (self.ty(), Some(self.ty()));
        let slots = u32::try_from(func.slots.len()).unwrap();
        let mut of = |random: &mut Random| random.operand(func, block);
        let (op, ty) = match self.below(24) {
            0 => (Op::Bin(*self.pick(BinOp::ALL), of(self), of(self)), ty),
            1 => (Op::Un(*self.pick(UnOp::ALL), of(self)), ty),
            2 => (Op::Cast(*self.pick(CastOp::ALL), of(self)), ty),
            3 => (Op::Cmp(*self.pick(Cond::ALL), of(self), of(self)), Some(Type::I1)),
            4 => (Op::Select(of(self), of(self), of(self)), ty),
            5 | 6 => {
                let (base, index) = (of(self), if self.flip() { Some(of(self)) } else { None });
                (Op::PtrAdd { base, index, offset: self.integer() }, ty)
            }
            7 => (Op::PtrDiff(of(self), of(self)), Some(Type::I64)),
            8 | 9 => (Op::Load { ptr: of(self), offset, access, signed: self.flip() }, ty),
            10 | 11 => (Op::Store { ptr: of(self), offset, value: of(self), access }, None),
            12 => {
                let op = *self.pick(AtomicOp::ALL);
                (Op::Atomic { op, ptr: of(self), offset, value: of(self), access }, Some(operand))
            }
            13 => (
                Op::CmpXchg { ptr: of(self), offset, expected: of(self), new: of(self), access },
                Some(operand),
            ),
            14 => (Op::Fence(*self.pick(Order::ALL)), None),
            15 => {
                (Op::Copy { dst: of(self), src: of(self), size: self.number(99), align: self.byte() }, None)
            }
            16 => (
                Op::Fill { dst: of(self), byte: self.byte(), size: self.number(99), align: self.byte() },
                None,
            ),
            17 if slots > 0 => (Op::Slot(Slot(self.number(slots))), Some(Type::PTR)),
            18 => (Op::Symbol(SymbolId(self.number(symbols))), ty),
            19 => (Op::Core(self.number(9)), ty),
            20 => (Op::Marker { name: self.name("here").into(), room: self.byte() }, None),
            21 => (Op::Pin(of(self)), ty),
            22 => {
                let asm = Asm {
                    text: self.name("%0 = 1\n%1 = 2").into(),
                    inputs: self.operands(func, block),
                    tied: self.flip(),
                    clobbers: u16::from(self.byte()) << 4,
                    memory: self.flip(),
                    volatile: self.flip(),
                };
                (Op::Asm(Box::new(asm)), self.flip().then_some(any))
            }
            _ => {
                let callee = match self.below(3) {
                    0 => Callee::Symbol(SymbolId(self.number(symbols))),
                    1 => Callee::Helper(1 + self.number(400)),
                    _ => match of(self) {
                        // No text for a call of nothing.
                        value if func.as_const(value).is_some() => Callee::Helper(1),
                        value => Callee::Value(value),
                    },
                };
                (Op::Call { callee, args: self.operands(func, block) }, self.flip().then_some(any))
            }
        };
        func.push(block, op, ty, loc);
    }

    fn term(&mut self, func: &mut Func, block: Block) -> Term {
        match self.below(7) {
            0 => Term::Jump(self.edge(func, block)),
            1 => Term::Branch {
                cond: *self.pick(Cond::ALL),
                a: self.operand(func, block),
                b: self.operand(func, block),
                then: self.edge(func, block),
                other: self.edge(func, block),
            },
            2 => {
                let value = self.operand(func, block);
                let ty = func.ty(value);
                let cases = (0..self.below(5)).map(|_| (self.integer(), self.edge(func, block)));
                let cases =
                    cases.map(|(case, edge)| (if ty.is_ptr() { 0 } else { ty.canonical(case) }, edge));
                Term::Switch { value, cases: cases.collect(), default: self.edge(func, block) }
            }
            3 => Term::MayGoto { again: self.edge(func, block), done: self.edge(func, block) },
            4 => Term::Return(None),
            5 => Term::Return(Some(self.operand(func, block))),
            _ => self.pick(&[Term::Unreachable, Term::Open]).clone(),
        }
    }

    fn edge(&mut self, func: &mut Func, block: Block) -> Edge {
        let to = Block(self.number(u32::try_from(func.blocks.len()).unwrap()));
        let args = func.block(to).params.len();
        let args = if self.below(8) == 0 { self.below(4) } else { args };
        Edge { block: to, args: (0..args).map(|_| self.operand(func, block)).collect() }
    }
}
