//! From text to [`syntax`](super::syntax): modules, types, constants. Instructions are in [`parse_inst`](super::parse_inst).

use super::lex::{Lexer, Token, unescape};
use super::syntax::{Attrs, Func, Gep, Global, Module, Ty, Typed, Val};
use super::{Fault, Res};

pub(super) struct Parser<'a> {
    pub(super) lexer: Lexer<'a>,
    /// The next word, if it has been looked at, and where it begins.
    ahead: Option<(Token<'a>, usize)>,
}

/// Reads a module.
pub(super) fn module(text: &str) -> Res<Module<'_>> {
    let mut parser = Parser { lexer: Lexer::new(text), ahead: None };
    let mut module = Module::default();
    loop {
        let at = parser.at();
        match parser.peek() {
            Token::End => return Ok(module),
            Token::Word("define") => {
                parser.next();
                module.funcs.push(parser.function(at, true)?);
            }
            Token::Word("declare") => {
                parser.next();
                module.funcs.push(parser.function(at, false)?);
            }
            Token::Word("attributes") => {
                parser.next();
                let Token::Hash(number) = parser.next() else { return parser.expected("a number") };
                parser.punct('=')?;
                module.attrs.insert(number, parser.attribute_words()?);
            }
            Token::Word("target" | "source_filename" | "module") => {
                parser.rewind(at);
                let line = parser.lexer.skip_line();
                module.big_endian |= line.starts_with("target datalayout = \"E");
            }
            Token::Local(name) => {
                parser.next();
                parser.punct('=')?;
                parser.word("type")?;
                let ty = if parser.eat_word("opaque") { Ty::Other("opaque") } else { parser.ty()? };
                module.types.insert(name, ty);
            }
            Token::Global(name) => {
                parser.next();
                parser.punct('=')?;
                module.globals.push(parser.global(at, name)?);
            }
            Token::Meta(name) => {
                parser.rewind(at);
                let line = parser.lexer.skip_line();
                let (_, node) = line.split_once('=').unwrap_or_default();
                module.nodes.insert(name, node.trim());
            }
            _ => return parser.expected("a definition"),
        }
    }
}

impl<'a> Parser<'a> {
    pub(super) fn peek(&mut self) -> Token<'a> {
        if self.ahead.is_none() {
            self.lexer.skip_space();
            let at = self.lexer.at;
            self.ahead = Some((self.lexer.token(), at));
        }
        self.ahead.map_or(Token::End, |(token, _)| token)
    }

    pub(super) fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.ahead = None;
        token
    }

    /// Where the next word begins.
    pub(super) fn at(&mut self) -> usize {
        self.peek();
        self.ahead.map_or(self.lexer.at, |(_, at)| at)
    }

    /// Goes back to where a word begins.
    pub(super) fn rewind(&mut self, at: usize) {
        self.ahead = None;
        self.lexer.at = at;
    }

    pub(super) fn expected<T>(&mut self, what: &str) -> Res<T> {
        let at = self.at();
        let found = match self.lexer.since(at) {
            "" => "the end".to_owned(),
            word => format!("'{word}'"),
        };
        Err(Fault { at, message: format!("found {found}, expected {what}") })
    }

    pub(super) fn eat(&mut self, char: char) -> bool {
        self.eat_token(Token::Punct(char))
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.eat_token(Token::Word(word))
    }

    fn eat_token(&mut self, token: Token<'_>) -> bool {
        let found = self.peek() == token;
        if found {
            self.ahead = None;
        }
        found
    }

    pub(super) fn punct(&mut self, char: char) -> Res<()> {
        if self.eat(char) { Ok(()) } else { self.expected(&format!("'{char}'")) }
    }

    pub(super) fn word(&mut self, word: &str) -> Res<()> {
        if self.eat_word(word) { Ok(()) } else { self.expected(&format!("'{word}'")) }
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self) -> Res<T> {
        if let Token::Number(text) = self.peek()
            && let Ok(number) = text.parse()
        {
            self.next();
            return Ok(number);
        }
        self.expected("a number")
    }

    pub(super) fn local(&mut self) -> Res<&'a str> {
        match self.next() {
            Token::Local(name) => Ok(name),
            _ => self.expected("a local name"),
        }
    }

    /// `(`, anything, `)`
    pub(super) fn skip_parens(&mut self) -> Res<()> {
        let mut depth = 0;
        loop {
            match self.next() {
                Token::Punct('(' | '{' | '[') => depth += 1,
                Token::Punct(')' | '}' | ']') => depth -= 1,
                Token::End => return self.expected("')'"),
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn attribute_words(&mut self) -> Res<Vec<&'a str>> {
        self.punct('{')?;
        let mut words = Vec::new();
        while !self.eat('}') {
            match self.next() {
                Token::Word(word) => words.push(word),
                Token::End => return self.expected("'}'"),
                _ => {}
            }
        }
        Ok(words)
    }

    /// A type.
    pub(super) fn ty(&mut self) -> Res<Ty<'a>> {
        match self.next() {
            Token::Word("void") => Ok(Ty::Void),
            Token::Word("ptr") => {
                let mut space = 0;
                if self.eat_word("addrspace") {
                    self.punct('(')?;
                    space = self.number()?;
                    self.punct(')')?;
                }
                Ok(Ty::Ptr(space))
            }
            Token::Word(word) => match word.strip_prefix('i').and_then(|bits| bits.parse().ok()) {
                Some(bits) => Ok(Ty::Int(bits)),
                None => Ok(Ty::Other(word)),
            },
            Token::Local(name) => Ok(Ty::Named(name)),
            Token::Punct('[') => {
                let len = self.number()?;
                self.word("x")?;
                let elem = self.ty()?;
                self.punct(']')?;
                Ok(Ty::Array(len, Box::new(elem)))
            }
            Token::Punct('{') => Ok(Ty::Struct { packed: false, fields: self.fields('}')? }),
            Token::Punct('<') => {
                if self.eat('{') {
                    let fields = self.fields('}')?;
                    self.punct('>')?;
                    return Ok(Ty::Struct { packed: true, fields });
                }
                while !self.eat('>') {
                    if self.next() == Token::End {
                        return self.expected("'>'");
                    }
                }
                Ok(Ty::Other("vector"))
            }
            _ => self.expected("a type"),
        }
    }

    fn fields(&mut self, close: char) -> Res<Vec<Ty<'a>>> {
        let mut fields = Vec::new();
        if self.eat(close) {
            return Ok(fields);
        }
        loop {
            fields.push(self.ty()?);
            if !self.eat(',') {
                self.punct(close)?;
                return Ok(fields);
            }
        }
    }

    /// A type and a value, with attributes between them.
    pub(super) fn typed(&mut self) -> Res<Typed<'a>> {
        let ty = self.ty()?;
        let val = self.val()?;
        Ok(Typed { ty, val })
    }

    /// Whether what follows is a type, not an attribute.
    pub(super) fn is_type(&mut self) -> bool {
        match self.peek() {
            Token::Word(word) => {
                let int = word
                    .strip_prefix('i')
                    .is_some_and(|bits| !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit()));
                let floats = ["float", "double", "half", "bfloat", "x86_fp80", "fp128", "ppc_fp128"];
                int || matches!(word, "ptr" | "void" | "label" | "metadata") || floats.contains(&word)
            }
            Token::Local(_) | Token::Punct('[' | '{' | '<') => true,
            _ => false,
        }
    }

    /// The attributes of a parameter, up to its value; or of a result, up to its type.
    pub(super) fn attributes(&mut self, before_value: bool) -> Res<Attrs<'a>> {
        let mut attrs = Attrs::default();
        loop {
            if !before_value && self.is_type() {
                return Ok(attrs);
            }
            match self.peek() {
                Token::Word(word) if !(before_value && is_value(word)) => {
                    self.next();
                    if word == "align" && self.peek() != Token::Punct('(') {
                        attrs.align = self.number()?;
                    } else if word == "elementtype" {
                        self.punct('(')?;
                        attrs.element = Some(self.ty()?);
                        self.punct(')')?;
                    } else if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                Token::Str(_) => {
                    self.next();
                    if self.eat('=') {
                        self.next();
                    }
                }
                _ => return Ok(attrs),
            }
        }
    }

    /// A value.
    pub(super) fn val(&mut self) -> Res<Val<'a>> {
        let at = self.at();
        match self.next() {
            Token::Local(name) => Ok(Val::Local(name)),
            Token::Global(name) => Ok(Val::Global(name)),
            Token::Number(text) => Ok(match text.parse() {
                Ok(number) => Val::Int(number),
                Err(_) => Val::Float(text),
            }),
            Token::Chars(text) => Ok(Val::Bytes(unescape(text))),
            Token::Punct('[') => self.list(']'),
            Token::Punct('{') => self.list('}'),
            Token::Punct('<') => {
                if !self.eat('{') {
                    return self.expected("'{', since vectors are not supported");
                }
                let list = self.list('}')?;
                self.punct('>')?;
                Ok(list)
            }
            Token::Word(word) => self.word_value(at, word),
            Token::Meta(_) => {
                if self.peek() == Token::Punct('(') || self.peek() == Token::Punct('{') {
                    self.skip_parens()?;
                } else if let Token::Str(_) = self.peek() {
                    self.next();
                }
                Ok(Val::Meta)
            }
            _ => {
                self.rewind(at);
                self.expected("a value")
            }
        }
    }

    fn list(&mut self, close: char) -> Res<Val<'a>> {
        let mut items = Vec::new();
        if self.eat(close) {
            return Ok(Val::List(items));
        }
        loop {
            items.push(self.typed()?);
            if !self.eat(',') {
                self.punct(close)?;
                return Ok(Val::List(items));
            }
        }
    }

    fn word_value(&mut self, at: usize, word: &'a str) -> Res<Val<'a>> {
        match word {
            "true" => Ok(Val::Int(1)),
            "false" => Ok(Val::Int(0)),
            "null" | "none" => Ok(Val::Null),
            "undef" | "poison" => Ok(Val::Undef),
            "zeroinitializer" => Ok(Val::Zero),
            "getelementptr" => {
                self.gep_flags()?;
                self.punct('(')?;
                let gep = self.gep()?;
                self.punct(')')?;
                Ok(Val::Gep(Box::new(gep)))
            }
            "inttoptr" | "ptrtoint" | "bitcast" | "addrspacecast" | "trunc" | "zext" | "sext" => {
                self.punct('(')?;
                let from = self.typed()?;
                self.word("to")?;
                let to = self.ty()?;
                self.punct(')')?;
                Ok(Val::Cast(Box::new(from), to))
            }
            "add" | "sub" | "xor" | "and" | "or" | "mul" | "shl" => {
                while let Token::Word("nuw" | "nsw") = self.peek() {
                    self.next();
                }
                self.punct('(')?;
                let a = self.typed()?;
                self.punct(',')?;
                let b = self.typed()?;
                self.punct(')')?;
                Ok(Val::Bin(word, Box::new((a, b))))
            }
            "blockaddress" => {
                self.punct('(')?;
                let Token::Global(func) = self.next() else { return self.expected("a function") };
                self.punct(',')?;
                let label = self.local()?;
                self.punct(')')?;
                Ok(Val::Block(func, label))
            }
            _ => {
                self.rewind(at);
                self.expected("a value")
            }
        }
    }

    pub(super) fn gep_flags(&mut self) -> Res<()> {
        while let Token::Word("inbounds" | "nuw" | "nusw" | "inrange") = self.peek() {
            self.next();
            if self.peek() == Token::Punct('(') && self.is_range()? {
                self.skip_parens()?;
            }
        }
        Ok(())
    }

    /// Whether the parentheses that follow hold numbers, those of `inrange(-16, 16)`.
    fn is_range(&mut self) -> Res<bool> {
        let at = self.at();
        self.next();
        let range = matches!(self.peek(), Token::Number(_));
        self.rewind(at);
        Ok(range)
    }

    /// `T, ptr base, indices`
    pub(super) fn gep(&mut self) -> Res<Gep<'a>> {
        let of = self.ty()?;
        self.punct(',')?;
        let base = self.typed()?;
        let mut indices = Vec::new();
        loop {
            // Behind the last one, metadata may follow.
            let at = self.at();
            if !self.eat(',') {
                break;
            }
            if let Token::Meta(_) = self.peek() {
                self.rewind(at);
                break;
            }
            self.eat_word("inrange");
            indices.push(self.typed()?);
        }
        Ok(Gep { of, base, indices })
    }

    fn global(&mut self, at: usize, name: &'a str) -> Res<Global<'a>> {
        let mut words = Vec::new();
        let mut space = 0;
        let constant = loop {
            match self.next() {
                Token::Word("addrspace") => {
                    self.punct('(')?;
                    space = self.number()?;
                    self.punct(')')?;
                }
                Token::Word("global") => break false,
                Token::Word("constant") => break true,
                Token::Word("thread_local") => {
                    words.push("thread_local");
                    if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                Token::Word(word) => words.push(word),
                _ => return self.expected("'global' or 'constant'"),
            }
        };
        let ty = self.ty()?;
        let external = words.iter().any(|word| matches!(*word, "external" | "extern_weak"));
        let init = if external { None } else { Some(self.val()?) };
        let mut global =
            Global { at, name, words, space, constant, ty, init, section: None, align: 0, dbg: None };
        while self.eat(',') {
            match self.next() {
                Token::Word("section") => global.section = Some(self.string()?),
                Token::Word("align") => global.align = self.number()?,
                Token::Meta("dbg") => global.dbg = self.node()?,
                Token::Meta(_) => {
                    self.node()?;
                }
                Token::Word("comdat") => {
                    if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                Token::Word("partition" | "code_model") => {
                    self.next();
                }
                _ => return self.expected("a section, an alignment or metadata"),
            }
        }
        while let Token::Hash(_) = self.peek() {
            self.next();
        }
        Ok(global)
    }

    pub(super) fn string(&mut self) -> Res<&'a str> {
        match self.next() {
            Token::Str(text) => Ok(text),
            _ => self.expected("a string"),
        }
    }

    /// The number of a node; nodes that stand inline have none.
    pub(super) fn node(&mut self) -> Res<Option<&'a str>> {
        match self.next() {
            Token::Meta(name) if name.starts_with(|char: char| char.is_ascii_digit()) => Ok(Some(name)),
            Token::Meta(_) => {
                if matches!(self.peek(), Token::Punct('(' | '{')) {
                    self.skip_parens()?;
                }
                Ok(None)
            }
            _ => self.expected("metadata"),
        }
    }

    fn function(&mut self, at: usize, defined: bool) -> Res<Func<'a>> {
        let mut dbg = None;
        while let Token::Meta(name) = self.peek() {
            self.next();
            let node = self.node()?;
            if name == "dbg" {
                dbg = node;
            }
        }
        let mut words = Vec::new();
        while !self.is_type() {
            match self.next() {
                Token::Word("align") => {
                    self.number::<u64>()?;
                }
                Token::Word(word) => {
                    words.push(word);
                    if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                _ => return self.expected("a type"),
            }
        }
        let ret = self.ty()?;
        let Token::Global(name) = self.next() else { return self.expected("a function's name") };
        self.punct('(')?;
        let mut params = Vec::new();
        let mut variadic = false;
        while !self.eat(')') {
            if self.eat_word("...") {
                variadic = true;
                continue;
            }
            let ty = self.ty()?;
            self.attributes(true)?;
            let name = if let Token::Local(name) = self.peek() {
                self.next();
                name
            } else {
                ""
            };
            params.push((ty, name));
            if !self.eat(',') && self.peek() != Token::Punct(')') {
                return self.expected("',' or ')'");
            }
        }
        let mut func = Func {
            at,
            name,
            words,
            ret,
            params,
            variadic,
            section: None,
            attrs: None,
            dbg,
            blocks: Vec::new(),
        };
        loop {
            match self.peek() {
                Token::Word("section") => {
                    self.next();
                    func.section = Some(self.string()?);
                }
                Token::Word("define" | "declare" | "attributes") => break,
                Token::Word("align") => {
                    self.next();
                    self.number::<u64>()?;
                }
                Token::Word(word) => {
                    self.next();
                    func.words.push(word);
                    if self.peek() == Token::Punct('(') {
                        self.skip_parens()?;
                    }
                }
                Token::Hash(number) => {
                    self.next();
                    func.attrs = Some(number);
                }
                Token::Meta("dbg") if defined => {
                    self.next();
                    func.dbg = self.node()?;
                }
                Token::Meta(_) if defined => {
                    self.next();
                    self.node()?;
                }
                _ => break,
            }
        }
        if defined {
            self.punct('{')?;
            func.blocks = self.blocks(&func)?;
        }
        Ok(func)
    }
}

/// Whether a word begins a value, not an attribute.
fn is_value(word: &str) -> bool {
    matches!(
        word,
        "true"
            | "false"
            | "null"
            | "none"
            | "undef"
            | "poison"
            | "zeroinitializer"
            | "getelementptr"
            | "inttoptr"
            | "ptrtoint"
            | "bitcast"
            | "addrspacecast"
            | "trunc"
            | "zext"
            | "sext"
            | "add"
            | "sub"
            | "xor"
            | "and"
            | "or"
            | "mul"
            | "shl"
            | "blockaddress"
            | "asm"
            | "splat"
    )
}
