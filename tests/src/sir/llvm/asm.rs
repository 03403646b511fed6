//! Inline assembly.

use skep_codegen::ir::{Asm, Op, Term, Type, Value, Values};

use super::Res;
use super::func::{Lower, Lowered};
use super::globals::{register, unsupported};
use super::lex::unescape;
use super::syntax::{Call, Callee, Ty};

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
        let mut names: Vec<String> = Vec::new();
        let mut outputs = 0;
        let mut args = call.args.iter();
        for operand in &operands {
            let at = self.at;
            let missing = || super::Fault { at, message: "assembly lacks an argument".to_owned() };
            match operand {
                Operand::Output(narrow) => {
                    outputs += 1;
                    names.push(if *narrow { "%w0".to_owned() } else { "%0".to_owned() });
                }
                Operand::Input(narrow) => {
                    let value = self.operand(args.next().ok_or_else(missing)?)?;
                    let value = if *narrow { value } else { self.whole(value) };
                    let index = outputs + asm.inputs.len();
                    names.push(if *narrow { format!("%w{index}") } else { format!("%{index}") });
                    asm.inputs.push(value);
                }
                Operand::Tied => {
                    let value = self.operand(args.next().ok_or_else(missing)?)?;
                    if !asm.inputs.is_empty() {
                        return Err(
                            self.fault("assembly whose first input is not the tied one is not supported")
                        );
                    }
                    asm.tied = true;
                    names.push("%0".to_owned());
                    asm.inputs.push(value);
                }
                Operand::Immediate => {
                    let arg = args.next().ok_or_else(missing)?;
                    let number = self.number(arg);
                    let number =
                        number.ok_or_else(|| self.fault("assembly that names a symbol is not supported"))?;
                    names.push(number.to_string());
                }
                Operand::Memory => {
                    let value = self.operand(args.next().ok_or_else(missing)?)?;
                    let index = outputs + asm.inputs.len();
                    names.push(format!("(%{index} + 0)"));
                    asm.inputs.push(value);
                    asm.memory = true;
                }
                Operand::Clobber(name) if name == "memory" => asm.memory = true,
                Operand::Clobber(name) => {
                    let number = name.trim_start_matches(['r', 'w']).parse::<u32>().ok();
                    asm.clobbers |= number.filter(|&n| n < 10).map_or(0, |n| 1 << n);
                }
                Operand::Other(what) => {
                    return Err(self.fault(&format!("assembly with constraint '{what}' is not supported")));
                }
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
                (Some(name), "") => out.push_str(name),
                (Some(name), "w") => out.push_str(&name.replace('%', "%w").replace("%ww", "%w")),
                _ => return Err(self.fault(&format!("assembly with operand '{what}' is not supported"))),
            }
            rest = more;
        }
        out.push_str(&rest.replace('%', "%%"));
        Ok(out.replace(';', "\n"))
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
