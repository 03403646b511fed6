//! Inline assembly.

use skep_insn::text;

use super::body::FuncBuilder;
use super::handle::{Ty, Value};
use crate::diag::Code;
use crate::ir::{self, Op};

/// Inline assembly: lines of instructions, and what the compiler must know of them.
///
/// `%0` is the first operand's register and `%w0` its 32-bit name; the result comes first if there is one, then the
/// inputs. `%%` is a percent sign. Jumps stay inside: `goto +1`.
#[derive(Clone, Debug)]
pub struct Asm<'a> {
    text: &'a str,
    inputs: Vec<Value>,
    output: Option<Ty>,
    tied: bool,
    clobbers: u16,
    memory: bool,
    pure: bool,
}

impl<'a> Asm<'a> {
    /// These lines, without operands.
    #[must_use]
    pub const fn new(text: &'a str) -> Asm<'a> {
        Asm { text, inputs: Vec::new(), output: None, tied: false, clobbers: 0, memory: false, pure: false }
    }

    /// A value that it reads, in a register of its own.
    #[must_use]
    pub fn input(mut self, value: Value) -> Asm<'a> {
        self.inputs.push(value);
        self
    }

    /// It makes a value of that type, in a register of its own.
    #[must_use]
    pub fn output(self, ty: Ty) -> Asm<'a> {
        Asm { output: Some(ty), ..self }
    }

    /// The register of its result begins with the first input.
    #[must_use]
    pub fn tied(self) -> Asm<'a> {
        Asm { tied: true, ..self }
    }

    /// It destroys the register of that number, 0 to 9.
    #[must_use]
    pub fn clobber(mut self, register: u8) -> Asm<'a> {
        self.clobbers |= 1u16.checked_shl(register.into()).unwrap_or(0);
        if register > 9 {
            // Told when it is added.
            self.clobbers |= 1 << 15;
        }
        self
    }

    /// It reads or writes memory.
    #[must_use]
    pub fn memory(self) -> Asm<'a> {
        Asm { memory: true, ..self }
    }

    /// It has no effect beyond its result: it may be left out if that is unused.
    #[must_use]
    pub fn pure(self) -> Asm<'a> {
        Asm { pure: true, ..self }
    }
}

impl FuncBuilder<'_> {
    /// Adds inline assembly. Its result, if it has one.
    #[track_caller]
    pub fn asm(&mut self, asm: &Asm<'_>) -> Value {
        self.m.here();
        let mut inputs = ir::Values::new();
        for &input in &asm.inputs {
            let Some((node, _)) = self.operand(input) else { return Value::POISON };
            inputs.push(node);
        }
        let mut output = None;
        if let Some(ty) = asm.output {
            let Some(id) = self.m.type_id(ty) else { return Value::POISON };
            let Some(ir) = self.m.class(id).ir() else {
                let name = self.m.type_name(id);
                let message = format!("assembly that makes {name}: expected an integer or a pointer");
                self.m.mistake(Code::BadAsm, message);
                return Value::POISON;
            };
            output = Some((id, ir));
        }
        let tied_ir = inputs.first().map(|&input| self.m.body.ir.ty(input));
        let reason = if asm.clobbers & !0x3ff != 0 {
            Some("a destroyed register that does not exist: they are r0 to r9".to_owned())
        } else if asm.tied && (output.is_none() || tied_ir != output.map(|(_, ir)| ir)) {
            Some("a result that begins as the first input: both must be there, of one type".to_owned())
        } else {
            check(asm.text, inputs.len() + usize::from(output.is_some()))
        };
        if let Some(reason) = reason {
            self.m.mistake(Code::BadAsm, format!("inline assembly: {reason}"));
            return Value::POISON;
        }
        let op = Op::Asm(Box::new(ir::Asm {
            text: asm.text.into(),
            inputs,
            tied: asm.tied,
            clobbers: asm.clobbers,
            memory: asm.memory,
            volatile: !asm.pure,
        }));
        let node = self.emit(op, output.map(|(_, ir)| ir));
        output.map_or(self.nothing(), |(id, _)| self.value(node, id))
    }
}

/// What is wrong with assembly that has so many operands.
fn check(asm: &str, operands: usize) -> Option<String> {
    for line in asm.lines().flat_map(|line| line.split(';')).map(str::trim).filter(|line| !line.is_empty()) {
        let mut plain = String::with_capacity(line.len());
        let mut rest = line;
        while let Some(at) = rest.find('%') {
            plain.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                plain.push('%');
                rest = after;
                continue;
            }
            let narrow = rest.strip_prefix('w');
            rest = narrow.unwrap_or(rest);
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number = rest[..digits].parse::<usize>().ok().filter(|&number| number < operands);
            if number.is_none() {
                return Some(format!("'{line}' has an operand that is none of the {operands} given ones"));
            }
            rest = &rest[digits..];
            plain.push_str(if narrow.is_some() { "w1" } else { "r1" });
        }
        plain.push_str(rest);
        if let Err(error) = text::parse(&plain) {
            return Some(format!("'{line}' is no instruction: {error}"));
        }
    }
    None
}
