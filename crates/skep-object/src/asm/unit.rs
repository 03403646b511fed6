//! A file as it is read: the statements, one after another, become sections and symbols.

use std::borrow::Cow;
use std::collections::HashMap;

use skep_insn::Endian;

use super::cursor::{Cursor, Name, name_len};
use super::diag::{Fault, Faults, Parsed};
use super::expr::{self, Base, Evaluator, Expr, Value};
use super::map::Maps;
use super::section::{Flags, Role, Section};
use super::source::{Source, Span};
use super::symbols::{Def, Loc, SecId, SymId, Symbols};
use super::{code, directive};

/// Everything read so far.
pub(super) struct Unit<'s> {
    pub(super) source: &'s Source<'s>,
    pub(super) faults: Faults,
    pub(super) endian: Endian,
    pub(super) sections: Vec<Section<'s>>,
    section_names: HashMap<Cow<'s, str>, SecId>,
    pub(super) current: SecId,
    /// For `.previous`.
    pub(super) previous: SecId,
    /// For `.popsection`.
    pub(super) stack: Vec<(SecId, SecId)>,
    pub(super) symbols: Symbols<'s>,
    pub(super) maps: Maps,
    /// What `.file` with a number says: the number, the path.
    pub(super) files: Vec<(u32, String)>,
    /// Where the next instructions come from, by `.loc`.
    pub(super) loc: Option<(u32, u32, u32)>,
}

impl<'s> Unit<'s> {
    pub(super) fn new(source: &'s Source<'s>, endian: Endian) -> Self {
        let mut unit = Unit {
            source,
            faults: Faults::default(),
            endian,
            sections: Vec::new(),
            section_names: HashMap::new(),
            current: SecId(0),
            previous: SecId(0),
            stack: Vec::new(),
            symbols: Symbols::default(),
            maps: Maps::default(),
            files: Vec::new(),
            loc: None,
        };
        // Like every assembler, this one begins in `.text`.
        unit.enter(".text".into(), Span::default(), None);
        unit
    }

    /// Reads one statement. A faulty one is noted, and otherwise left out.
    pub(super) fn statement(&mut self, span: Span) {
        let mut cursor = Cursor::new(&self.source.clean, span);
        let result = self
            .labels(&mut cursor)
            .and_then(|()| if cursor.is_at_end() { Ok(()) } else { self.operation(&mut cursor) });
        self.faults.check(result);
    }

    /// `name:`, any number of times.
    fn labels(&mut self, cursor: &mut Cursor<'s>) -> Parsed<()> {
        loop {
            let mut ahead = cursor.clone();
            let rest = ahead.rest();
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            if digits > 0 {
                let (number, at) = ahead.take(digits);
                if !ahead.eat(":") {
                    return Ok(());
                }
                *cursor = ahead;
                let number = number
                    .parse()
                    .map_err(|_| Fault::new(at, "the number of a label must be below 4294967296"))?;
                let here = self.here();
                self.symbols.define_number(number, here, at);
                continue;
            }
            // A name in quotes without a colon behind it is reported by whoever reads it again.
            let Ok(Some(name)) = ahead.name() else { return Ok(()) };
            if !ahead.eat(":") {
                return Ok(());
            }
            *cursor = ahead;
            self.check_name(&name)?;
            let here = self.here();
            self.define(name, Def::Label(here))?;
        }
    }

    /// A directive, an assignment or an instruction.
    fn operation(&mut self, cursor: &mut Cursor<'s>) -> Parsed<()> {
        let rest = cursor.rest();
        let word = &rest[..name_len(rest)];
        let behind = rest[word.len()..].trim_start();
        let is_assignment = behind.starts_with('=') && !behind.starts_with("==");
        if is_assignment && word == "." {
            return Err(cursor.expected("a symbol to the left of '='; '.zero' or '.org' moves the place"));
        }
        if is_assignment && !word.is_empty() && !code::is_reserved(word) {
            let name = cursor.expect_name("a symbol")?;
            cursor.expect("=", "'='")?;
            return self.assign(name, cursor, true);
        }
        if word.starts_with('.') && word.len() > 1 {
            let name = cursor.expect_name("a directive")?;
            return directive::directive(self, &name, cursor);
        }
        code::instruction(self, cursor)
    }

    /// `name = value`; `again` lets a later value replace an earlier one.
    pub(super) fn assign(&mut self, name: Name<'s>, cursor: &mut Cursor<'s>, again: bool) -> Parsed<()> {
        // A constant takes the place of its name wherever an instruction has it.
        if code::is_reserved(&name.text.to_ascii_lowercase()) {
            return Err(Fault::new(
                name.span,
                format!(
                    "'{}' is a word of instructions, which are written in lower case; choose another name",
                    name.text
                ),
            ));
        }
        let parsed = self.expr(cursor).and_then(|expr| cursor.expect_end().map(|()| expr));
        let expr = match parsed {
            Ok(expr) => expr,
            Err(fault) => {
                // Uses of the name are not to blame.
                let _ = self.define(name, Def::Broken);
                return Err(fault);
            }
        };
        // Known values are folded: what `.set x, x + 1` adds to is the value so far.
        let value = self.evaluator(|evaluator| evaluator.value(&expr));
        let known = match value {
            Ok(Value { base: None, number }) => Some(Def::Value(Expr::Number(number))),
            Ok(Value { base: Some(Base::Section(section)), number }) => {
                Some(Def::Label(Loc { section, offset: number.cast_unsigned() }))
            }
            Ok(Value { base: Some(Base::Symbol(id)), number }) => match self.symbols.get(id).def {
                Def::Label(loc) => {
                    Some(Def::Label(Loc { offset: loc.offset.wrapping_add_signed(number), ..loc }))
                }
                _ => None,
            },
            // What is missing may follow; if not, it is reported in the end.
            Err(_) => None,
        };
        if let Some(id) = self.symbols.find(&name.text)
            && let (true, Some(Def::Value(_)), Def::Value(Expr::Number(_))) =
                (again, &known, &self.symbols.get(id).def)
        {
            let sym = self.symbols.get_mut(id);
            sym.def = known.unwrap_or(Def::Broken);
            sym.at = name.span;
            return Ok(());
        }
        self.define(name, known.unwrap_or(Def::Value(expr)))
    }

    /// Defines a name in the place where it stands.
    pub(super) fn define(&mut self, name: Name<'s>, def: Def) -> Parsed<()> {
        let at = name.span;
        let id = self.symbols.intern(name.text, at);
        let source = self.source;
        self.symbols.define(id, def, at, |span| source.line(span.start))
    }

    /// A register cannot name anything else.
    pub(super) fn check_name(&self, name: &Name<'_>) -> Parsed<()> {
        // In quotes it cannot be taken for one.
        let is_quoted = self.source.clean.get(name.span.start..).is_some_and(|rest| rest.starts_with('"'));
        match code::is_register(&name.text) && !is_quoted {
            true => Err(Fault::new(
                name.span,
                format!("'{}' is a register; choose another name or put it in quotes", name.text),
            )),
            false => Ok(()),
        }
    }

    pub(super) fn section(&self) -> &Section<'s> {
        &self.sections[self.current.0]
    }

    pub(super) fn section_mut(&mut self) -> &mut Section<'s> {
        &mut self.sections[self.current.0]
    }

    /// The place of what comes next.
    pub(super) fn here(&self) -> Loc {
        Loc { section: self.current, offset: self.section().len() }
    }

    pub(super) fn section_by_name(&self, name: &str) -> Option<SecId> {
        self.section_names.get(name).copied()
    }

    /// Goes to a section, which is new if it must be.
    pub(super) fn enter(&mut self, name: Cow<'s, str>, at: Span, flags: Option<Flags>) {
        let id = self.find_or_add(name, at, flags);
        self.previous = self.current;
        self.current = id;
    }

    pub(super) fn find_or_add(&mut self, name: Cow<'s, str>, at: Span, flags: Option<Flags>) -> SecId {
        if let Some(id) = self.section_by_name(&name) {
            let section = &mut self.sections[id.0];
            // The first `.section` with flags speaks for all; `.text` and its like say none.
            if section.flags.is_none() && flags.is_some() && section.len() == 0 {
                *section = Section::new(name, at, flags);
            }
            return id;
        }
        let id = SecId(self.sections.len());
        self.section_names.insert(name.clone(), id);
        self.sections.push(Section::new(name, at, flags));
        id
    }

    pub(super) fn expr(&mut self, cursor: &mut Cursor<'s>) -> Parsed<Expr> {
        let here = self.here();
        expr::parse(cursor, &mut self.symbols, here)
    }

    /// A number that must be known here, with its place.
    pub(super) fn number(&mut self, cursor: &mut Cursor<'s>) -> Parsed<(i64, Span)> {
        let start = cursor.next_span();
        let expr = self.expr(cursor)?;
        let at = cursor.since(start);
        let number = self.evaluator(|evaluator| evaluator.number(&expr, at));
        match number {
            Ok(number) => Ok((number, at)),
            Err(fault) => {
                Err(Fault { message: format!("{}; it must be known here already", fault.message), ..fault })
            }
        }
    }

    pub(super) fn evaluator<T>(&self, run: impl FnOnce(&mut Evaluator<'_, 's>) -> T) -> T {
        let sections = |name: &str| self.section_by_name(name);
        run(&mut Evaluator::new(&self.symbols, &sections))
    }

    /// The symbol of a name, for a directive that speaks about it.
    pub(super) fn symbol(&mut self, name: Name<'s>) -> SymId {
        self.symbols.intern(name.text, name.span)
    }

    /// Whether what stands in the current section is not even read.
    pub(super) fn is_ignored(&self) -> bool {
        self.section().role == Role::Ignored
    }
}
