//! A compiler of expressions, `(price - 5) * count > 100 ? price : -count`: a tree walk over the dynamic core, in which
//! values are plain handles. Precedence climbs; `? :` evaluates one side only.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::iter::Peekable;
use std::str::SplitWhitespace;

use skep::build::core::{Bin, Cmp, FuncBuilder, Module, Ty, Value};
use skep::{Checked, Engine, Hosts, Options};

struct Compiler<'s, 'b, 'm> {
    tokens: Peekable<SplitWhitespace<'s>>,
    params: &'s [&'s str],
    long: Ty,
    b: &'b mut FuncBuilder<'m>,
}

type Operator = fn(&mut FuncBuilder<'_>, Value, Value) -> Value;

/// Operators by how tightly they bind.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("<", |b, x, y| b.cmp(Cmp::Lt, x, y)), (">", |b, x, y| b.cmp(Cmp::Gt, x, y))],
    &[("+", |b, x, y| b.bin(Bin::Add, x, y)), ("-", |b, x, y| b.bin(Bin::Sub, x, y))],
    &[("*", |b, x, y| b.bin(Bin::Mul, x, y)), ("/", |b, x, y| b.bin(Bin::Div, x, y))],
];

impl<'s> Compiler<'s, '_, '_> {
    fn eat(&mut self, token: &str) -> bool {
        self.tokens.next_if(|next| *next == token).is_some()
    }

    fn choice(&mut self) -> Result<Value, String> {
        let cond = self.level(0)?;
        if !self.eat("?") {
            return Ok(cond);
        }
        let result = self.b.var("choice", self.long);
        self.b.begin_if(cond);
        let value = self.choice()?;
        self.b.set(result, value);
        self.b.begin_else();
        if !self.eat(":") {
            return Err("expected ':'".to_owned());
        }
        let value = self.choice()?;
        self.b.set(result, value);
        self.b.end();
        Ok(self.b.get(result))
    }

    fn level(&mut self, level: usize) -> Result<Value, String> {
        let Some(&operators) = LEVELS.get(level) else { return self.operand() };
        let mut left = self.level(level + 1)?;
        while let Some(&(_, operator)) = operators.iter().find(|(text, _)| self.eat(text)) {
            let right = self.level(level + 1)?;
            left = operator(self.b, left, right);
        }
        Ok(left)
    }

    fn operand(&mut self) -> Result<Value, String> {
        let token = self.tokens.next().unwrap_or("");
        if let Ok(number) = token.parse::<i64>() {
            return Ok(self.b.int(self.long, number));
        }
        match token {
            "-" => self.operand().map(|value| self.b.neg(value)),
            "(" => {
                let value = self.choice()?;
                self.eat(")").then_some(value).ok_or("expected ')'".to_owned())
            }
            name => match self.params.iter().position(|param| *param == name) {
                Some(index) => Ok(self.b.param(index)),
                None => Err(format!("no variable '{name}'")),
            },
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (source, params) = ("( price - 5 ) * count > 100 ? price : - count / 2", ["price", "count"]);
    let mut m = Module::new("rule.expr");
    let long = m.signed(64);
    let ty = m.func_type(long, &params.map(|name| (name, long)));
    let f = m.declare("rule", ty);
    let mut b = m.define(f);
    let tokens = source.split_whitespace().peekable();
    let value = Compiler { tokens, params: &params, long, b: &mut b }.choice()?;
    b.ret(Some(value));
    b.finish();
    let object = m.compile(&Options::new())?;
    let unit = Engine::<Checked>::checked(Hosts::new()).add(&skep::link(&object)?)?;
    let rule = unit.func("rule").ok_or("no function")?;
    for (price, count) in [(30, 5), (6, 9)] {
        println!("price {price}, count {count}: {}", rule.call(&[price, count])?.cast_signed());
    }
    Ok(())
}
