//! What a module consists of, up to the bodies of functions.

use skep_btf::maps::{MapDecl, MapType, Part, Pinning, Values};
use skep_btf::{CoreKind, TypeId};
use skep_object::nearest::{did_you_mean, nearest};

use super::{LINKAGES, Parser, SYMBOL_WORDS, one_of};
use crate::ir::text::error::{Fault, Parsed};
use crate::ir::text::lex::{Kind, Token};
use crate::ir::text::print::{core_word, init_align, init_size};
use crate::ir::{
    CoreRelo, DeclTag, Extern, Func, Global, Init, Inline, Loc, Map, Signature, SymbolId, SymbolKind, Type,
};

/// All words that an item begins with.
const WORDS: [&str; 11] =
    ["module", "license", "type", "core", "fn", "map", "global", "extern", "local", "weak", "hidden"];

impl Parser<'_> {
    /// The whole text.
    pub(super) fn items(&mut self) {
        while self.tokens[self.at].kind != Kind::End {
            self.begin();
            let result = self.item();
            if result.is_err() {
                self.recover(result);
                self.skip_to_item();
            }
        }
    }

    /// Goes to the next line that begins as an item does: what belongs to one that could not be read is none.
    fn skip_to_item(&mut self) {
        let begins = |token: &Token| match token.kind {
            Kind::Word(word) => token.first && WORDS.contains(&word),
            _ => token.kind == Kind::End,
        };
        while !begins(&self.tokens[self.at]) {
            self.at += 1;
        }
    }

    fn item(&mut self) -> Parsed<()> {
        let linkage = match *self.kind() {
            Kind::Word(word) => {
                LINKAGES.iter().find(|(known, _)| *known == word).map(|(_, linkage)| *linkage)
            }
            _ => None,
        };
        if linkage.is_some() {
            self.advance();
        }
        let start = self.place();
        if linkage.is_none() && self.is_word("type") {
            return self.skip_definition();
        }
        let word = self.word("fn, map, global, extern, type, core, module or license")?;
        if SYMBOL_WORDS.contains(&word) {
            let id = self.symbol()?;
            let symbol = &mut self.module.symbols[id.0 as usize];
            symbol.linkage = linkage.unwrap_or_default();
            return match word {
                "fn" => self.function(id),
                "map" => self.map(id),
                "global" => self.global(id),
                _ => self.external(id),
            };
        }
        match word {
            _ if linkage.is_some() => {
                Err(Fault::new(&start, format!("found '{word}', expected fn, map, global or extern")))
            }
            "module" => {
                self.module.name = self.string("the name of the module in quotes")?.to_owned();
                self.file.clone_from(&self.module.name);
                self.end_of_line()
            }
            "core" => self.core(),
            "license" => {
                self.module.license = Some(self.string("the licence in quotes, as \"GPL\"")?.to_owned());
                self.end_of_line()
            }
            _ => {
                let near = did_you_mean(&nearest(word, WORDS));
                let expected = "fn, map, global, extern, type, core, module or license";
                Err(Fault::new(&start, format!("found '{word}', expected {expected}{near}")))
            }
        }
    }

    /// `section "name"`, or `tag "text"` or `tag 0 "text"`, if it is there.
    fn section(&mut self, id: SymbolId) -> Parsed<bool> {
        if self.eat_word("tag") {
            let param = match self.kind() {
                Kind::Number(_) => Some(self.number("the number of a parameter")?),
                _ => None,
            };
            let text = self.string("the text of a tag in quotes")?.to_owned();
            self.module.tags.push(DeclTag { symbol: id, param, text });
            return Ok(true);
        }
        if !self.eat_word("section") {
            return Ok(false);
        }
        let section = self.string("the name of a section in quotes")?.to_owned();
        self.module.symbols[id.0 as usize].section = Some(section);
        Ok(true)
    }

    /// `type T`, if it is there.
    fn type_of(&mut self, ty: &mut Option<TypeId>) -> Parsed<bool> {
        if !self.eat_word("type") {
            return Ok(false);
        }
        *ty = Some(self.type_expr()?.0);
        Ok(true)
    }

    /// `core c0 = field_byte_offset $task "0:1" 8`
    fn core(&mut self) -> Parsed<()> {
        let at = self.place();
        let expected = format!("c{}, the next one", self.module.core.len());
        let word = self.word(&expected)?;
        if word[..] != format!("c{}", self.module.core.len()) {
            return Err(Fault::new(&at, format!("found '{word}', expected {expected}")));
        }
        self.expect("=")?;
        let names: Vec<String> = CoreKind::ALL.iter().map(|&kind| core_word(kind)).collect();
        let known: Vec<(&str, CoreKind)> =
            names.iter().map(String::as_str).zip(CoreKind::ALL.iter().copied()).collect();
        let at = self.place();
        let expected = "what is asked, as field_byte_offset or type_size";
        let word = self.word(expected)?;
        let kind = one_of(word, &known)
            .map_err(|near| Fault::new(&at, format!("found '{word}', expected {expected}{near}")))?;
        let (ty, _) = self.type_expr()?;
        let access = self.string("members in quotes, as \"0:1\"")?.to_owned();
        let value = self.number("the answer for the types of this module, a number")?;
        self.module.core.push(CoreRelo { kind, ty, access, value });
        self.end_of_line()
    }

    fn position(&mut self, id: SymbolId) -> Parsed<()> {
        let loc = self.loc()?;
        self.module.symbols[id.0 as usize].loc = loc;
        self.end_of_line()
    }

    fn signature(&mut self) -> Parsed<Signature> {
        self.expect("(")?;
        let mut sig = Signature::default();
        let mut more = !self.eat(")");
        while more {
            if self.eat("...") {
                sig.variadic = true;
                self.expect(")")?;
                break;
            }
            sig.params.push(self.ty()?);
            more = self.more(")")?;
        }
        if self.eat("->") {
            sig.ret = Some(self.ty()?);
        }
        Ok(sig)
    }

    fn function(&mut self, id: SymbolId) -> Parsed<()> {
        let sig = self.signature()?;
        let mut func = Func {
            symbol: id,
            sig,
            ty: None,
            inline: Inline::Auto,
            slots: Vec::new(),
            blocks: Vec::new(),
            nodes: Vec::new(),
            loc: Loc::UNKNOWN,
        };
        let mut declared = None;
        while !self.is_punct("{") {
            if self.section(id)? || self.type_of(&mut func.ty)? {
                continue;
            }
            if self.is_punct("!") {
                func.loc = self.loc()?;
            } else if self.eat_word("declared") {
                declared = Some(self.loc()?);
            } else if self.eat_word("inline") {
                let at = self.place();
                let word = self.word("always or never")?;
                func.inline = one_of(word, &[("always", Inline::Always), ("never", Inline::Never)]).map_err(
                    |near| Fault::new(&at, format!("found '{word}', expected always or never{near}")),
                )?;
            } else {
                return Err(self.unexpected("'{', section, tag, type, inline or a position"));
            }
        }
        self.module.symbols[id.0 as usize].loc = declared.unwrap_or(func.loc);
        let outer = self.file.clone();
        if func.loc != Loc::UNKNOWN {
            let file = self.module.place(func.loc).file;
            self.file.clone_from(&self.module.files[file as usize]);
        }
        self.body(func);
        self.file = outer;
        Ok(())
    }

    fn external(&mut self, id: SymbolId) -> Parsed<()> {
        let sig = if self.is_punct("(") { Some(self.signature()?) } else { None };
        let mut ty = None;
        while self.section(id)? || self.type_of(&mut ty)? {}
        self.module.symbols[id.0 as usize].kind = SymbolKind::Extern(Extern { sig, ty });
        self.position(id)
    }

    fn global(&mut self, id: SymbolId) -> Parsed<()> {
        let mut init = Vec::new();
        if self.eat("=") {
            init.push(self.init()?);
            while self.eat(",") {
                init.push(self.init()?);
            }
        }
        let (mut size, mut align) = (init_size(&init), init_align(&init));
        let (mut read_only, mut ty) = (false, None);
        loop {
            if self.eat_word("size") {
                size = self.number("a size in bytes")?;
            } else if self.eat_word("align") {
                align = self.number("an alignment in bytes")?;
            } else if self.eat_word("const") {
                read_only = true;
            } else if !self.section(id)? && !self.type_of(&mut ty)? {
                break;
            }
        }
        let global = Global { size, align, read_only, init, ty };
        self.module.symbols[id.0 as usize].kind = SymbolKind::Global(global);
        self.position(id)
    }

    /// A piece of the contents of a variable.
    fn init(&mut self) -> Parsed<Init> {
        const EXPECTED: &str = "what the variable begins with: a number, as i32 5, text in quotes, an address, as @name, or zeros N";
        match self.kind() {
            Kind::Str(bytes) => {
                self.advance();
                Ok(Init::Bytes(bytes.clone()))
            }
            Kind::Symbol(_) => {
                let symbol = self.symbol()?;
                let plus = self.eat("+");
                let addend = match self.kind() {
                    Kind::Number(_) => self.number("a number of bytes")?,
                    _ if plus => return Err(self.unexpected("a number of bytes")),
                    _ => 0,
                };
                Ok(Init::Address { symbol, addend })
            }
            Kind::Word("zeros") => {
                self.advance();
                Ok(Init::Zeros(self.number("a number of bytes")?))
            }
            Kind::Word(_) => {
                let at = self.place();
                let ty = self.ty().map_err(|_| self.unexpected(EXPECTED))?;
                let Type::Int(bits @ (8 | 16 | 32 | 64)) = ty else {
                    return Err(Fault::new(&at, format!("found {ty}, expected i8, i16, i32 or i64")));
                };
                Ok(Init::Int { bytes: bits / 8, value: self.constant(ty)? })
            }
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    fn map(&mut self, id: SymbolId) -> Parsed<()> {
        self.expect("=")?;
        let decl = self.map_decl(false)?;
        let mut values = Vec::new();
        if self.eat_word("init") {
            self.expect("[")?;
            let mut more = !self.eat("]");
            while more {
                let slot = self.number("the number of a slot")?;
                self.expect(":")?;
                values.push((slot, self.symbol()?));
                more = self.more("]")?;
            }
        }
        while self.section(id)? {}
        self.module.symbols[id.0 as usize].kind = SymbolKind::Map(Map { decl, values });
        self.position(id)
    }

    /// A size in bytes, or a type.
    fn part(&mut self) -> Parsed<Part> {
        const BYTES: &str = "a size in bytes";
        if !self.is_type_expr() {
            return Ok(Part::Size(self.number(BYTES)?));
        }
        let at = self.place();
        let (ty, size) = self.type_expr()?;
        if self.eat_word("size") {
            return Ok(Part::Typed { ty, size: self.number(BYTES)? });
        }
        let size = u32::try_from(size).map_err(|_| Fault::new(&at, "the type is larger than 4 GiB"))?;
        Ok(Part::Typed { ty, size })
    }

    fn map_decl(&mut self, inner: bool) -> Parsed<MapDecl> {
        let ty = match *self.kind() {
            Kind::Word(word) => MapType::from_name(word).ok_or_else(|| {
                let names: Vec<String> =
                    MapType::ALL.iter().filter_map(|ty| ty.short_name()).map(str::to_lowercase).collect();
                let near = did_you_mean(&nearest(word, names.iter().map(String::as_str)));
                self.unexpected(format_args!("a type of maps, as hash or array{near}"))
            })?,
            Kind::Number(number) => {
                let number =
                    u32::try_from(number).map_err(|_| self.unexpected("the number of a type of maps"))?;
                MapType(number)
            }
            _ => return Err(self.unexpected("a type of maps, as hash or array")),
        };
        self.advance();
        let mut decl = MapDecl::new(ty);
        while let Kind::Word(word) = *self.kind() {
            if matches!(word, "init" | "section" | "tag") {
                break;
            }
            let at = self.place();
            self.advance();
            match word {
                "maps" | "programs" if inner => {
                    return Err(Fault::new(
                        &at,
                        "the maps in a map of maps hold no maps or programs themselves",
                    ));
                }
                "key" => decl.key = self.part()?,
                "value" => decl.value = self.part()?,
                "programs" => decl.values = Some(Values::Programs(self.type_expr()?.0)),
                "entries" => decl.max_entries = self.number("how many entries the map holds")?,
                "flags" => decl.flags = self.number("the map's flags, as a number")?,
                "numa" => decl.numa_node = Some(self.number("the number of a node")?),
                "extra" => decl.extra = self.number("a number")?,
                "pinned" => decl.pinning = Pinning::ByName,
                "maps" => {
                    self.expect("(")?;
                    decl.values = Some(Values::Maps(Box::new(self.map_decl(true)?)));
                    self.expect(")")?;
                }
                _ => {
                    let known = [
                        "key", "value", "entries", "flags", "numa", "extra", "pinned", "maps", "programs",
                        "init", "section", "tag",
                    ];
                    let near = did_you_mean(&nearest(word, known));
                    let expected = "key, value, entries, flags, numa, extra, pinned, maps, programs, init, section or tag";
                    return Err(Fault::new(&at, format!("found '{word}', expected {expected}{near}")));
                }
            }
        }
        Ok(decl)
    }
}
