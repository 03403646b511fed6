//! Inline assembly.

use regalloc2::Operand;
use smallvec::SmallVec;

use super::{NONE, Select, index, read, same};
use crate::ir::{Asm, Value};
use crate::lower::machine::{AsmText, Kind};

impl Select<'_> {
    pub(super) fn asm(&mut self, inst: Value, asm: &Asm) {
        let has_result = self.input.func.node(inst).ty.is_some();
        let mut operands: SmallVec<[Operand; 8]> = SmallVec::new();
        let inputs: SmallVec<[_; 8]> = asm.inputs.iter().map(|&input| self.copy_of(input)).collect();
        if has_result {
            let d = if self.vregs[inst.0 as usize] == NONE { self.temp() } else { self.result(inst) };
            // Lines write it before they read the last of the inputs.
            operands.push(if asm.tied { same(d, 1) } else { Operand::reg_def_at_start(d) });
        }
        for (at, &input) in inputs.iter().enumerate() {
            let tied = has_result && asm.tied && at == 0;
            operands.push(if tied { read(input) } else { Operand::reg_use_at_end(input) });
        }
        let text = index(self.program.asms.len());
        let lines = asm
            .text
            .split(['\n', ';'])
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(Into::into)
            .collect();
        self.program.asms.push(AsmText { lines, clobbers: asm.clobbers });
        self.emit(Kind::Asm(text), &operands);
    }
}
