//! Expressions: numbers, places and symbols, and what can be computed of them.
//!
//! Operators bind as in the GNU assembler: `* / % << >>` most tightly, then `| & ^`, then `+ -`, then comparisons
//! (true is -1), then `&&` and `||`. Numbers have 64 bits and wrap.

use std::collections::HashMap;

use super::cursor::{Cursor, name_len};
use super::diag::{Fault, Parsed};
use super::source::Span;
use super::symbols::{Def, Loc, SecId, SymId, Symbols};

/// Parentheses and signs within each other.
const MAX_DEPTH: u32 = 64;
/// Symbols defined by symbols defined by symbols.
const MAX_CHAIN: u32 = 64;

/// An expression, as it will be evaluated: operands before operators.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expr {
    /// A number alone.
    Number(i64),
    /// Anything else.
    Steps(Box<[Step]>),
}

/// A step of an evaluation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Step {
    Number(i64),
    Symbol(SymId, Span),
    Here(Loc),
    Unary(Unary),
    Binary(Binary, Span),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Neg,
    Not,
    IsZero,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    Or,
    And,
    Xor,
    Add,
    Sub,
    Eq,
    Ne,
    Le,
    Ge,
    Lt,
    Gt,
    AndAnd,
    OrOr,
}

/// Spelling, operator and how tightly it binds; longer spellings stand first.
const BINARY: &[(&str, Binary, u8)] = &[
    ("<<", Binary::Shl, 5),
    (">>", Binary::Shr, 5),
    ("==", Binary::Eq, 2),
    ("!=", Binary::Ne, 2),
    ("<>", Binary::Ne, 2),
    ("<=", Binary::Le, 2),
    (">=", Binary::Ge, 2),
    ("&&", Binary::AndAnd, 1),
    ("||", Binary::OrOr, 0),
    ("*", Binary::Mul, 5),
    ("/", Binary::Div, 5),
    ("%", Binary::Rem, 5),
    ("|", Binary::Or, 4),
    ("&", Binary::And, 4),
    ("^", Binary::Xor, 4),
    ("+", Binary::Add, 3),
    ("-", Binary::Sub, 3),
    ("<", Binary::Lt, 2),
    (">", Binary::Gt, 2),
];

/// What an expression is worth: a number, or a number of bytes beyond something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) base: Option<Base>,
    pub(super) number: i64,
}

/// What an address counts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    Symbol(SymId),
    Section(SecId),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value { base: None, number }
    }
}

/// Parses the expression that must be next.
pub(super) fn parse<'s>(cursor: &mut Cursor<'s>, symbols: &mut Symbols<'s>, here: Loc) -> Parsed<Expr> {
    let mut parser = Parser { cursor, symbols, here, steps: Vec::new() };
    parser.binary(0, 0)?;
    Ok(match parser.steps[..] {
        [Step::Number(number)] => Expr::Number(number),
        _ => Expr::Steps(parser.steps.into()),
    })
}

struct Parser<'p, 's> {
    cursor: &'p mut Cursor<'s>,
    symbols: &'p mut Symbols<'s>,
    here: Loc,
    steps: Vec<Step>,
}

impl Parser<'_, '_> {
    /// Operators that bind at least as tightly as `least`.
    fn binary(&mut self, least: u8, depth: u32) -> Parsed<()> {
        self.operand(depth)?;
        loop {
            let rest = self.cursor.rest();
            let found = BINARY.iter().find(|(spelling, ..)| rest.starts_with(spelling));
            let Some(&(spelling, op, tightness)) = found.filter(|(.., tightness)| *tightness >= least) else {
                return Ok(());
            };
            let (_, at) = self.cursor.take(spelling.len());
            // One step of depth per level of tightness at most; chains of operators are a loop.
            self.binary(tightness + 1, depth)?;
            self.steps.push(Step::Binary(op, at));
        }
    }

    fn operand(&mut self, depth: u32) -> Parsed<()> {
        if depth > MAX_DEPTH {
            let message = format!("parentheses and signs are nested deeper than {MAX_DEPTH}");
            return Err(Fault::new(self.cursor.next_span(), message));
        }
        let unary = match self.cursor.peek() {
            Some('(') => {
                self.cursor.eat("(");
                self.binary(0, depth + 1)?;
                return self.cursor.expect(")", "')'");
            }
            Some('-') => Some(Unary::Neg),
            Some('~') => Some(Unary::Not),
            Some('!') => Some(Unary::IsZero),
            Some('+') => {
                self.cursor.eat("+");
                return self.operand(depth + 1);
            }
            _ => None,
        };
        if let Some(unary) = unary {
            self.cursor.take(1);
            self.operand(depth + 1)?;
            if let (Unary::Neg, Some(Step::Number(number))) = (unary, self.steps.last_mut()) {
                *number = number.wrapping_neg();
            } else {
                self.steps.push(Step::Unary(unary));
            }
            return Ok(());
        }
        let step = self.leaf()?;
        self.steps.push(step);
        Ok(())
    }

    fn leaf(&mut self) -> Parsed<Step> {
        let rest = self.cursor.rest();
        if rest.starts_with(|c: char| c.is_ascii_digit()) {
            return self.number();
        }
        if let Some(byte) = self.cursor.character()? {
            return Ok(Step::Number(byte));
        }
        if rest.starts_with('.') && name_len(rest) == 1 {
            self.cursor.eat(".");
            return Ok(Step::Here(self.here));
        }
        let name = self.cursor.expect_name("a number, a symbol or '('")?;
        let id = self.symbols.intern(name.text, name.span);
        self.symbols.get_mut(id).used = true;
        Ok(Step::Symbol(id, name.span))
    }

    fn number(&mut self) -> Parsed<Step> {
        let rest = self.cursor.rest();
        let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (text, span) = self.cursor.take(len);
        let (digits, suffix) = text.split_at(text.len() - 1);
        if matches!(suffix, "b" | "f") && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
            let number = digits
                .parse()
                .map_err(|_| Fault::new(span, "the number of a label must be below 4294967296"))?;
            let id = self.symbols.number_ref(number, suffix == "f", span)?;
            self.symbols.get_mut(id).used = true;
            return Ok(Step::Symbol(id, span));
        }
        number(text).map(Step::Number).map_err(|message| Fault::new(span, message))
    }
}

/// Reads a number: decimal, `0x`, `0b`, or octal with a leading 0. Up to 64 bits, which may be the sign's too.
pub(super) fn number(text: &str) -> Result<i64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix, what) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16, "hexadecimal"),
        [b'0', b'b', ..] => (&lower[2..], 2, "binary"),
        [b'0', b'o', ..] => (&lower[2..], 8, "octal"),
        [b'0', _, ..] => (&lower[1..], 8, "octal"),
        _ => (&lower[..], 10, "decimal"),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(format!("'{text}' is no {what} number"));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(value) => Ok(value.cast_signed()),
        Err(_) => Err(format!("'{text}' does not fit in 64 bits")),
    }
}

/// Evaluates expressions; each symbol once.
pub(super) struct Evaluator<'e, 's> {
    symbols: &'e Symbols<'s>,
    sections: &'e dyn Fn(&str) -> Option<SecId>,
    known: HashMap<SymId, Parsed<Value>>,
    chain: u32,
}

impl<'e, 's> Evaluator<'e, 's> {
    /// `sections` finds a section by name: its name is a symbol for its start.
    pub(super) fn new(symbols: &'e Symbols<'s>, sections: &'e dyn Fn(&str) -> Option<SecId>) -> Self {
        Evaluator { symbols, sections, known: HashMap::new(), chain: 0 }
    }

    /// What an expression is worth. A symbol that is not defined is worth itself.
    pub(super) fn value(&mut self, expr: &Expr) -> Parsed<Value> {
        let steps = match expr {
            Expr::Number(number) => return Ok(Value::from(*number)),
            Expr::Steps(steps) => steps,
        };
        let mut stack: Vec<Value> = Vec::new();
        for step in steps {
            let value = match *step {
                Step::Number(number) => number.into(),
                Step::Here(loc) => {
                    Value { base: Some(Base::Section(loc.section)), number: loc.offset.cast_signed() }
                }
                Step::Symbol(id, at) => self.symbol(id, at)?,
                Step::Unary(op) => {
                    let value = stack.pop().unwrap_or(Value::from(0));
                    unary(op, value).ok_or_else(|| self.no_number(expr, value))?
                }
                Step::Binary(op, at) => {
                    let right = stack.pop().unwrap_or(Value::from(0));
                    let left = stack.pop().unwrap_or(Value::from(0));
                    self.binary(op, left, right, at)?
                }
            };
            stack.push(value);
        }
        Ok(stack.pop().unwrap_or(Value::from(0)))
    }

    /// The worth of an expression that must be a number.
    pub(super) fn number(&mut self, expr: &Expr, at: Span) -> Parsed<i64> {
        let value = self.value(expr)?;
        match value.base {
            None => Ok(value.number),
            Some(base) => Err(Fault::new(at, format!("expected a number, found {}", self.describe(base)))),
        }
    }

    /// Where an address lies, if it lies in this file.
    pub(super) fn place(&self, value: Value) -> Option<Loc> {
        let start = match value.base? {
            Base::Section(section) => Loc { section, offset: 0 },
            Base::Symbol(id) => match self.symbols.get(id).def {
                Def::Label(loc) => loc,
                _ => return None,
            },
        };
        Some(Loc { offset: start.offset.wrapping_add_signed(value.number), ..start })
    }

    /// What a message calls the base of an address.
    pub(super) fn describe(&self, base: Base) -> String {
        match base {
            Base::Symbol(id) => {
                let sym = self.symbols.get(id);
                let what =
                    if matches!(sym.def, Def::None) { "the undefined symbol" } else { "the address of" };
                format!("{what} '{}'", sym.name)
            }
            Base::Section(_) => "an address".to_string(),
        }
    }

    fn symbol(&mut self, id: SymId, at: Span) -> Parsed<Value> {
        let sym = self.symbols.get(id);
        let itself = Value { base: Some(Base::Symbol(id)), number: 0 };
        let expr = match &sym.def {
            Def::Label(_) | Def::Broken => return Ok(itself),
            Def::None => {
                let section = (self.sections)(&sym.name);
                return Ok(section.map_or(itself, |id| Value { base: Some(Base::Section(id)), number: 0 }));
            }
            Def::Value(Expr::Number(number)) => return Ok(Value::from(*number)),
            Def::Value(expr) => expr,
        };
        if let Some(known) = self.known.get(&id) {
            return known.clone();
        }
        if self.chain >= MAX_CHAIN {
            return Err(Fault::new(
                at,
                format!("'{}' is defined by itself, or by more than {MAX_CHAIN} symbols in a row", sym.name),
            ));
        }
        // While its expression is evaluated, the symbol is a fault: it must not depend on itself.
        self.known.insert(id, Err(Fault::new(at, format!("'{}' is defined by itself", sym.name))));
        self.chain += 1;
        let value = self.value(expr);
        self.chain -= 1;
        self.known.insert(id, value.clone());
        value
    }

    fn binary(&self, op: Binary, left: Value, right: Value, at: Span) -> Parsed<Value> {
        match (op, left.base, right.base) {
            (_, None, None) => match numbers(op, left.number, right.number) {
                Some(number) => Ok(number.into()),
                None => Err(Fault::new(at, "division by zero")),
            },
            (Binary::Add, base, None) | (Binary::Add, None, base) | (Binary::Sub, base, None) => {
                let number = match op {
                    Binary::Add => left.number.wrapping_add(right.number),
                    _ => left.number.wrapping_sub(right.number),
                };
                Ok(Value { base, number })
            }
            (_, Some(base), None) | (_, None, Some(base)) => {
                let what = self.describe(base);
                Err(Fault::new(at, format!("{what} can only be added to; this operator takes numbers")))
            }
            (_, Some(a), Some(b)) => {
                let differ = || {
                    let (a, b) = (self.describe(a), self.describe(b));
                    let message = format!(
                        "{a} and {b} cannot be combined; \
                         only the difference of two addresses in the same section is known"
                    );
                    Fault::new(at, message)
                };
                let (left, right) = match (self.place(left), self.place(right)) {
                    (Some(a), Some(b)) if a.section == b.section => {
                        (a.offset.cast_signed(), b.offset.cast_signed())
                    }
                    _ if a == b => (left.number, right.number),
                    _ => return Err(differ()),
                };
                let compares =
                    matches!(op, Binary::Eq | Binary::Ne | Binary::Lt | Binary::Le | Binary::Gt | Binary::Ge);
                match numbers(op, left, right) {
                    Some(number) if compares || op == Binary::Sub => Ok(number.into()),
                    _ => Err(differ()),
                }
            }
        }
    }

    fn no_number(&self, expr: &Expr, value: Value) -> Fault {
        let at = match expr {
            Expr::Steps(steps) => steps.iter().find_map(|step| match step {
                Step::Symbol(_, at) => Some(*at),
                _ => None,
            }),
            Expr::Number(_) => None,
        };
        let what = value.base.map_or_else(|| "a number".to_string(), |base| self.describe(base));
        Fault::new(at.unwrap_or_default(), format!("expected a number, found {what}"))
    }
}

fn unary(op: Unary, value: Value) -> Option<Value> {
    if value.base.is_some() {
        return None;
    }
    Some(Value::from(match op {
        Unary::Neg => value.number.wrapping_neg(),
        Unary::Not => !value.number,
        Unary::IsZero => i64::from(value.number == 0),
    }))
}

/// The operator for numbers at the start of `text`: its spelling, meaning and how tightly it binds. Comparisons are left
/// to conditions of jumps.
pub(super) fn arithmetic(text: &str) -> Option<(&'static str, Binary, u8)> {
    let found = BINARY.iter().find(|(spelling, ..)| text.starts_with(spelling));
    found.copied().filter(|(.., tightness)| *tightness >= 3)
}

/// What two numbers make; `None` for a division by zero.
pub(super) fn numbers(op: Binary, a: i64, b: i64) -> Option<i64> {
    let truth = |is: bool| if is { -1 } else { 0 };
    // A shift by 64 or more leaves nothing.
    let count = u32::try_from(b).ok();
    Some(match op {
        Binary::Mul => a.wrapping_mul(b),
        Binary::Div if b == 0 => return None,
        Binary::Rem if b == 0 => return None,
        Binary::Div => a.wrapping_div(b),
        Binary::Rem => a.wrapping_rem(b),
        Binary::Shl => count.and_then(|n| a.checked_shl(n)).unwrap_or(0),
        Binary::Shr => count.and_then(|n| a.cast_unsigned().checked_shr(n)).unwrap_or(0).cast_signed(),
        Binary::Or => a | b,
        Binary::And => a & b,
        Binary::Xor => a ^ b,
        Binary::Add => a.wrapping_add(b),
        Binary::Sub => a.wrapping_sub(b),
        Binary::Eq => truth(a == b),
        Binary::Ne => truth(a != b),
        Binary::Le => truth(a <= b),
        Binary::Ge => truth(a >= b),
        Binary::Lt => truth(a < b),
        Binary::Gt => truth(a > b),
        Binary::AndAnd => i64::from(a != 0 && b != 0),
        Binary::OrOr => i64::from(a != 0 || b != 0),
    })
}
