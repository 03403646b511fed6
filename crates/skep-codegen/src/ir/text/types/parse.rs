//! Types from text.

use std::collections::HashMap;

use skep_btf::{FwdKind, Int, TypeId};
use skep_object::nearest::{did_you_mean, nearest};

use super::print::{ENCODINGS, LINKAGES};
use super::to_btf::Defined;
use super::{BUILTIN, Body, Composite, Def, Expr, Member};
use crate::ir::text::error::{Fault, Parsed};
use crate::ir::text::lex::Kind;
use crate::ir::text::parse::{Parser, one_of};

/// How deep a type may be written; deeper ones get labels.
const DEPTH: u32 = 200;

/// What begins a definition, besides types themselves.
const HEADS: [&str; 12] = [
    "struct", "union", "enum", "enum64", "typedef", "int", "float", "fwd", "func", "var", "datasec",
    "decl_tag",
];

/// The types that a text defines.
#[derive(Default)]
pub(in crate::ir::text) struct Names {
    labels: HashMap<String, usize>,
    defined: Defined,
    /// Where definitions begin and end, in tokens.
    ends: HashMap<usize, usize>,
}

impl<'a> Parser<'a> {
    /// Reads all definitions, which may refer to what comes later.
    pub(in crate::ir::text) fn define_types(&mut self) {
        let tokens = self.tokens;
        let heads = tokens.windows(2).enumerate().filter_map(|(at, pair)| match pair {
            [word, label] if word.first && word.kind == Kind::Word("type") => match &label.kind {
                Kind::Type(name) if !label.first => Some((at, name)),
                _ => None,
            },
            _ => None,
        });
        let heads: Vec<_> = heads.collect();
        for (place, (at, name)) in heads.iter().enumerate() {
            if self.types.labels.insert(name.to_string(), place).is_some() {
                let message = format!("'${name}' is defined above already");
                self.faults.push(Fault::new(&tokens[at + 1].at, message));
            }
        }
        let mut defs = Vec::with_capacity(heads.len());
        for (at, _) in heads {
            self.at = at;
            self.begin();
            match self.definition() {
                Ok(def) => defs.push(def),
                Err(fault) => self.recover(Err(fault)),
            }
            self.types.ends.insert(at, self.at);
        }
        if self.faults.is_empty() {
            match Defined::add(&mut self.module.types, &defs) {
                Ok(defined) => self.types.defined = defined,
                Err(fault) => self.faults.push(fault),
            }
        }
        self.at = 0;
    }

    /// Goes behind a definition.
    pub(in crate::ir::text) fn skip_definition(&mut self) -> Parsed<()> {
        match self.types.ends.get(&self.line) {
            Some(&end) => {
                self.at = end;
                Ok(())
            }
            None => {
                self.advance();
                Err(self.unexpected("a label for the type, as $event"))
            }
        }
    }

    /// A type, and its size in bytes.
    pub(in crate::ir::text) fn type_expr(&mut self) -> Parsed<(TypeId, u64)> {
        let ty = self.expr(0)?;
        let id = self.types.defined.expr(&mut self.module.types, &ty);
        Ok((id, self.types.defined.size(&ty)))
    }

    /// Whether a type is next.
    pub(in crate::ir::text) fn is_type_expr(&self) -> bool {
        !matches!(self.kind(), Kind::Number(_))
    }

    fn expr(&mut self, depth: u32) -> Parsed<Expr> {
        const EXPECTED: &str = "a type, as u32, *void, [16]char, fn(x: u32) or $label";
        if depth > DEPTH {
            return Err(self.unexpected("a type that is written less deep; give a part of it a label"));
        }
        if self.eat("*") {
            return Ok(Expr::Ptr(Box::new(self.expr(depth + 1)?)));
        }
        if self.eat("[") {
            let len = self.number("how many elements")?;
            let index = if self.eat(",") { Some(Box::new(self.expr(depth + 1)?)) } else { None };
            self.expect("]")?;
            return Ok(Expr::Array { len, index, elem: Box::new(self.expr(depth + 1)?) });
        }
        match self.kind() {
            Kind::Type(label) => {
                let Some(&def) = self.types.labels.get(label.as_ref()) else {
                    let near = nearest(label, self.types.labels.keys().map(String::as_str));
                    let message = format!("no type has the label '${label}'{}", did_you_mean(&near));
                    return Err(Fault::new(&self.place(), message));
                };
                self.advance();
                Ok(Expr::Def(def))
            }
            Kind::Word(word) => {
                let at = self.place();
                self.advance();
                match *word {
                    "void" => Ok(Expr::Void),
                    "const" => Ok(Expr::Const(Box::new(self.expr(depth + 1)?))),
                    "volatile" => Ok(Expr::Volatile(Box::new(self.expr(depth + 1)?))),
                    "restrict" => Ok(Expr::Restrict(Box::new(self.expr(depth + 1)?))),
                    "tag" | "attribute" => {
                        let text = self.string("the text of the tag in quotes")?.to_owned();
                        let attribute = *word == "attribute";
                        Ok(Expr::Tag { text, attribute, of: Box::new(self.expr(depth + 1)?) })
                    }
                    "fn" => self.proto(depth + 1),
                    word => {
                        BUILTIN.iter().position(|row| row.0 == word).map(Expr::Builtin).ok_or_else(|| {
                            let known = BUILTIN.iter().map(|row| row.0);
                            let known = known.chain([
                                "void",
                                "const",
                                "volatile",
                                "restrict",
                                "tag",
                                "attribute",
                                "fn",
                            ]);
                            let near = did_you_mean(&nearest(word, known));
                            Fault::new(&at, format!("found '{word}', expected {EXPECTED}{near}"))
                        })
                    }
                }
            }
            _ => Err(self.unexpected(EXPECTED)),
        }
    }

    /// What stands behind `fn`.
    fn proto(&mut self, depth: u32) -> Parsed<Expr> {
        self.expect("(")?;
        let mut params = Vec::new();
        let mut more = !self.eat(")");
        while more {
            if self.eat("...") {
                params.push((String::new(), Expr::Void));
                self.expect(")")?;
                break;
            }
            let mut name = String::new();
            if self.next_is_punct(":") {
                name = self.name()?;
                self.expect(":")?;
            }
            params.push((name, self.expr(depth)?));
            more = self.more(")")?;
        }
        let ret = if self.eat("->") { self.expr(depth)? } else { Expr::Void };
        Ok(Expr::Proto { ret: Box::new(ret), params })
    }

    /// A name of a member: a word, or anything in quotes.
    fn name(&mut self) -> Parsed<String> {
        match self.kind() {
            Kind::Str(_) => Ok(self.string("a name")?.to_owned()),
            _ => Ok(self.word("a name, or \"\" for none")?.to_owned()),
        }
    }

    fn definition(&mut self) -> Parsed<Def> {
        let start = self.at;
        self.advance();
        let Kind::Type(label) = self.kind() else { return Err(self.unexpected("a label, as $event")) };
        self.advance();
        let at = self.since(start);
        self.expect("=")?;
        let head = match *self.kind() {
            Kind::Word(word) if HEADS.contains(&word) && (word != "int" || !self.ends_behind_word()) => word,
            _ => {
                let body = Body::Same(self.expr(0)?);
                self.end_of_line()?;
                return Ok(Def { label: label.to_string(), name: String::new(), body, at });
            }
        };
        self.advance();
        let fwd = match head {
            "fwd" => {
                Some(self.one("struct or union", &[("struct", FwdKind::Struct), ("union", FwdKind::Union)])?)
            }
            _ => None,
        };
        let name = match self.kind() {
            Kind::Str(_) => self.string("a name")?.to_owned(),
            _ => label.to_string(),
        };
        let body = match head {
            "struct" | "union" => Body::Composite(self.composite(head == "union")?),
            "enum" | "enum64" => self.enumeration(head == "enum64")?,
            "typedef" => Body::Typedef(self.expr(0)?),
            "int" => Body::Int(self.integer()?),
            "float" => Body::Float(self.number("a size in bytes")?),
            "func" | "var" => {
                let linkage = self.one("static, global or extern", &LINKAGES)?;
                let ty = self.expr(0)?;
                if head == "var" { Body::Var { ty, linkage } } else { Body::Func { proto: ty, linkage } }
            }
            "datasec" => self.datasec()?,
            "decl_tag" => {
                let target = self.expr(0)?;
                let component = if self.eat_word("component") {
                    Some(self.number("the index of a member or parameter")?)
                } else {
                    None
                };
                let attribute = self.eat_word("attribute");
                Body::DeclTag { target, component, attribute }
            }
            _ => Body::Fwd(fwd.unwrap_or(FwdKind::Struct)),
        };
        self.end_of_line()?;
        Ok(Def { label: label.to_string(), name, body, at })
    }

    /// One of some words.
    fn one<T: Copy>(&mut self, expected: &str, known: &[(&str, T)]) -> Parsed<T> {
        let at = self.place();
        let word = self.word(expected)?;
        one_of(word, known)
            .map_err(|near| Fault::new(&at, format!("found '{word}', expected {expected}{near}")))
    }

    /// The members between braces, each read by `member`.
    fn list<T>(&mut self, mut member: impl FnMut(&mut Self) -> Parsed<T>) -> Parsed<Vec<T>> {
        self.expect("{")?;
        let mut list = Vec::new();
        let mut more = !self.eat("}");
        while more {
            list.push(member(self)?);
            more = self.more("}")? && !self.eat("}");
        }
        Ok(list)
    }

    fn composite(&mut self, union: bool) -> Parsed<Composite> {
        let size = if self.eat_word("size") { Some(self.number("a size in bytes")?) } else { None };
        let members = self.list(|parser| {
            let name = parser.name()?;
            parser.expect(":")?;
            let ty = parser.expr(0)?;
            let bits = if parser.eat_word("bits") { parser.number("a width, 1 to 255")? } else { 0 };
            let at = if parser.eat_word("at") { Some(parser.bit_offset()?) } else { None };
            Ok(Member { name, ty, at, bits })
        })?;
        Ok(Composite { union, size, members })
    }

    /// `4` or `4:3`: a byte, and a bit in it.
    fn bit_offset(&mut self) -> Parsed<u32> {
        let at = self.place();
        let byte: u64 = self.number("where the member starts, in bytes, as 4, or with a bit, as 4:3")?;
        let bit: u64 = if self.eat(":") { self.number("a bit")? } else { 0 };
        let offset = byte.checked_mul(8).and_then(|bits| bits.checked_add(bit));
        let offset = offset.and_then(|bits| u32::try_from(bits).ok());
        offset.ok_or_else(|| Fault::new(&at, "the member lies behind 512 MiB"))
    }

    fn enumeration(&mut self, wide: bool) -> Parsed<Body> {
        let size = match self.eat_word("size") {
            true => self.number("a size in bytes")?,
            false if wide => 8,
            false => 4,
        };
        let signed = self.eat_word("signed");
        let values = self.list(|parser| {
            let name = parser.name()?;
            parser.expect("=")?;
            let value = if signed {
                parser.number("a number of 64 bits")?
            } else {
                parser
                    .number::<u64>("a number of 64 bits; negative ones are for enums that say 'signed'")?
                    .cast_signed()
            };
            Ok((name, value))
        })?;
        Ok(Body::Enum { wide, size, signed, values })
    }

    fn integer(&mut self) -> Parsed<Int> {
        let size: u32 = self.number("a size in bytes")?;
        let encoding = self.one("unsigned, signed, char, signed_char or bool", &ENCODINGS)?;
        let all = u8::try_from(size.saturating_mul(8)).unwrap_or(u8::MAX);
        let bits = if self.eat_word("bits") { self.number("how many bits are used")? } else { all };
        let offset = if self.eat_word("offset") { self.number("the first used bit")? } else { 0 };
        Ok(Int { size, bits, offset, encoding })
    }

    fn datasec(&mut self) -> Parsed<Body> {
        let size = if self.eat_word("size") { self.number("a size in bytes")? } else { 0 };
        let vars = self.list(|parser| {
            let ty = parser.expr(0)?;
            let offset = if parser.eat_word("at") { parser.number("an offset in bytes")? } else { 0 };
            let size = if parser.eat_word("size") { parser.number("a size in bytes")? } else { 0 };
            Ok((ty, offset, size))
        })?;
        Ok(Body::Datasec { size, vars })
    }
}
