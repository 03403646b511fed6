//! Inline assembly.

use skep_codegen::ir::{Asm, Op, Term, Type, Value, Values};

use super::Res;
use super::func::{Lower, Lowered};
use super::globals::{register, unsupported};
use super::lex::unescape;
use super::syntax::{Call, Callee, Memory, Ty, Typed, Val};

/// What constraints say of an operand.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operand {
    /// A result in a register; whether it is a 32-bit one.
    Output(bool),
    /// A value in a register; whether it is a 32-bit one.
    Input(bool),
    /// A value in the register of the result.
    Tied,
    /// A constant.
    Immediate,
    /// What a pointer points to.
    Memory,
    Clobber(String),
    /// Anything else.
    Other(String),
}

impl Operand {
    /// Whether a call has an argument for it.
    fn takes_argument(&self) -> bool {
        !matches!(self, Operand::Output(_) | Operand::Clobber(_))
    }
}

fn operands(constraints: &str) -> Vec<Operand> {
    let parts = constraints.split(',').filter(|part| !part.is_empty());
    parts
        .map(|part| match part {
            "=r" | "=&r" => Operand::Output(false),
            "=w" | "=&w" => Operand::Output(true),
            "r" | "ri" | "ir" | "rn" => Operand::Input(false),
            "w" | "wi" => Operand::Input(true),
            "0" => Operand::Tied,
            "i" | "n" => Operand::Immediate,
            "*m" | "=*m" => Operand::Memory,
            _ => match part.strip_prefix("~{").and_then(|rest| rest.strip_suffix('}')) {
                Some(clobber) => Operand::Clobber(clobber.to_owned()),
                None => Operand::Other(part.to_owned()),
            },
        })
        .collect()
}

/// The text without what stands between `/*` and `*/`.
fn without_comments(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    out + rest
}

impl<'a> Lower<'_, '_, 'a> {
    pub(super) fn assembly(
        &mut self,
        call: &Call<'a>,
        text: &str,
        constraints: &str,
        effects: bool,
    ) -> Res<Option<Lowered>> {
        let operands = operands(constraints);
        let mut asm = Asm {
            text: "".into(),
            inputs: Values::new(),
            tied: false,
            clobbers: 0,
            memory: false,
            volatile: effects,
        };
        let text = String::from_utf8_lossy(&unescape(text)).trim().to_owned();
        if text.is_empty()
            && operands.first().is_some_and(|first| *first == Operand::Other("=*imr".to_owned()))
        {
            return self.barrier_in_memory(call);
        }
        let outputs = operands.iter().filter(|operand| matches!(operand, Operand::Output(_))).count();
        // The input that shares the result's register comes first.
        let inputs = operands.iter().filter(|operand| operand.takes_argument()).zip(&call.args);
        let tied = inputs.clone().find(|(operand, _)| **operand == Operand::Tied);
        if let Some((_, arg)) = tied {
            asm.inputs.push(self.operand(arg)?);
            asm.tied = true;
        }
        let mut names: Vec<String> = Vec::new();
        let mut args = call.args.iter();
        let at = self.at;
        let missing = || super::Fault { at, message: "assembly lacks an argument".to_owned() };
        for operand in &operands {
            let arg = if operand.takes_argument() { Some(args.next().ok_or_else(missing)?) } else { None };
            let index = outputs + asm.inputs.len();
            match (operand, arg) {
                (Operand::Output(narrow), _) => {
                    names.push(if *narrow { "%w0".to_owned() } else { "%0".to_owned() });
                }
                (Operand::Tied, _) => names.push("%0".to_owned()),
                (Operand::Input(narrow), Some(arg)) => {
                    let value = self.operand(arg)?;
                    let value = if *narrow { value } else { self.whole(value) };
                    names.push(if *narrow { format!("%w{index}") } else { format!("%{index}") });
                    asm.inputs.push(value);
                }
                (Operand::Immediate, Some(arg)) => match (self.number(arg), &arg.val) {
                    (Some(number), _) => names.push(number.to_string()),
                    // A constant once all is inlined; until then a register does as well.
                    (None, Val::Local(_)) => {
                        let value = self.operand(arg)?;
                        let value = self.whole(value);
                        names.push(format!("%{index}"));
                        asm.inputs.push(value);
                    }
                    _ => return Err(self.fault("assembly that names a symbol is not supported")),
                },
                (Operand::Memory, Some(arg)) => {
                    let value = self.operand(arg)?;
                    names.push(format!("(%{index} + 0)"));
                    asm.inputs.push(value);
                    asm.memory = true;
                }
                (Operand::Clobber(name), _) if name == "memory" => asm.memory = true,
                (Operand::Clobber(name), _) => {
                    let number = name.trim_start_matches(['r', 'w']).parse::<u32>().ok();
                    asm.clobbers |= number.filter(|&n| n < 10).map_or(0, |n| 1 << n);
                }
                (Operand::Other(what), _) => {
                    return Err(self.fault(&format!("assembly with constraint '{what}' is not supported")));
                }
                (_, None) => return Err(missing()),
            }
        }
        if outputs > 1 {
            return Err(self.fault("assembly with more than one result is not supported"));
        }
        let ty = match &call.ret {
            Ty::Void => None,
            ty => Some(register(ty).ok_or_else(|| unsupported(ty, self.at))?),
        };
        if text.is_empty()
            && let (true, Some(&value), Some(_)) = (asm.tied, asm.inputs.first(), ty)
        {
            // The usual way to hide a value from the optimizer.
            return Ok(Some(Lowered::One(self.pin(value))));
        }
        if text.is_empty() && ty.is_none() && asm.inputs.is_empty() && !asm.memory {
            // A place, and nothing more.
            return Ok(None);
        }
        asm.text = self.substitute(&text, &names)?.into();
        let result = self.func.push(self.block, Op::Asm(Box::new(asm)), ty, self.loc);
        Ok(ty.map(|_| Lowered::One(result)))
    }

    /// `asm volatile("" : "=*imr"(*p) : "0"(v))`: a store that hides the value from the optimizer.
    fn barrier_in_memory(&mut self, call: &Call<'a>) -> Res<Option<Lowered>> {
        let [to, value] = call.args.as_slice() else {
            return Err(self.fault("assembly with so many operands is not supported"));
        };
        let lowered = match self.value(value)? {
            Lowered::One(value) => Lowered::One(self.pin(value)),
            other => other,
        };
        let ptr = self.operand(to)?;
        self.store_value(&value.ty, lowered, ptr, &Memory::default())?;
        Ok(None)
    }

    /// `llvm.bpf.load.byte` and its kin: the old packet loads, which go through fixed registers.
    pub(super) fn packet_load(&mut self, args: &[Typed<'a>], bits: u32) -> Res<Lowered> {
        let [skb, offset] = args else { return Err(self.fault("a packet load lacks arguments")) };
        let mut inputs = Values::new();
        inputs.push(self.operand(skb)?);
        let place = match self.number(offset) {
            Some(number) => number.to_string(),
            None => {
                let offset = self.operand(offset)?;
                inputs.push(self.whole(offset));
                "%2".to_owned()
            }
        };
        let text = format!("r6 = %1\nr0 = *(u{bits} *)skb[{place}]\n%0 = r0");
        let asm =
            Asm { text: text.into(), inputs, tied: false, clobbers: 0x7f, memory: true, volatile: true };
        Ok(Lowered::One(self.push(Op::Asm(Box::new(asm)), Type::I64)))
    }

    /// A value that fills its register.
    fn whole(&mut self, value: Value) -> Value {
        if self.func.ty(value).is_ptr() { value } else { self.resize(value, Type::I64, false) }
    }

    /// The text in our language: `$0` and `${0:w}` become what the operands are called.
    fn substitute(&self, text: &str, names: &[String]) -> Res<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at].replace('%', "%%"));
            rest = &rest[at + 1..];
            if let Some(more) = rest.strip_prefix('$') {
                out.push('$');
                rest = more;
                continue;
            }
            let (what, more) = match rest.strip_prefix('{') {
                Some(inside) => inside.split_once('}').unwrap_or((inside, "")),
                None => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            };
            let (number, modifier) = what.split_once(':').unwrap_or((what, ""));
            let name = number.parse().ok().and_then(|number: usize| names.get(number));
            match (name, modifier) {
                // Another number each time, to make labels of.
                (_, "uid") => out.push_str(&self.at.to_string()),
                (Some(name), "") => out.push_str(name),
                (Some(name), "w") => out.push_str(&name.replace('%', "%w").replace("%ww", "%w")),
                _ => return Err(self.fault(&format!("assembly with operand '{what}' is not supported"))),
            }
            rest = more;
        }
        out.push_str(&rest.replace('%', "%%"));
        Ok(without_comments(&out).replace(';', "\n"))
    }

    /// Assembly that may jump to a label.
    pub(super) fn jumping_asm(&mut self, call: &Call<'a>, normal: &str, others: &[&str]) -> Res<Term> {
        let Callee::Asm { text, .. } = &call.callee else {
            return Err(self.fault("this call is not supported"));
        };
        match (text.trim(), others) {
            ("may_goto ${0:l}" | "may_goto ${0:l};", [done]) => {
                Ok(Term::MayGoto { again: self.edge(normal)?, done: self.edge(done)? })
            }
            _ => Err(self.fault("assembly that jumps is not supported")),
        }
    }
}
