//! From functions of an image to ops.

use std::ptr;

use skep_insn::{Callee, Imm64, Insn, Operand, Slot, Width};
use skep_object::image::{self, Target};

use super::Form;
use super::handlers as h;
use super::op::{Handler, Op};
use super::select::Select;
use crate::error::Error;
use crate::helpers;
use crate::host::Resolved;
use crate::unit::UnitInner;

/// All functions of a unit, translated into one form.
#[derive(Default)]
pub(crate) struct Code {
    /// One op for each slot, and one behind each function. No box: cells point to its contents, also while it is moved.
    pub(crate) ops: Vec<Op>,
    /// Where each function starts.
    pub(crate) starts: Box<[usize]>,
}

/// Translates all functions of a unit.
///
/// # Errors
/// If an instruction has no meaning in user space: another kernel's memory, an unknown helper, legacy packet access.
pub(crate) fn translate(unit: &UnitInner, form: Form) -> Result<Code, Error> {
    match (form, unit.checked) {
        (Form::Fast, false) => Translator::<true, false>::unit(unit),
        (Form::Fast, true) => Translator::<true, true>::unit(unit),
        (Form::Stepped, false) => Translator::<false, false>::unit(unit),
        (Form::Stepped, true) => Translator::<false, true>::unit(unit),
    }
}

struct Translator<'a, const FAST: bool, const CHECKED: bool> {
    unit: &'a UnitInner,
    func: &'a image::Func,
    ops: &'a mut Vec<Op>,
    /// What stands at the next reference of the function.
    refs: std::iter::Peekable<std::slice::Iter<'a, image::Ref>>,
}

impl<'a, const FAST: bool, const CHECKED: bool> Translator<'a, FAST, CHECKED> {
    fn unit(unit: &'a UnitInner) -> Result<Code, Error> {
        let slots: usize = unit.image.funcs.iter().map(|func| func.code.len() + 1).sum();
        let mut ops = Vec::with_capacity(slots);
        let mut starts = Vec::with_capacity(unit.image.funcs.len());
        for func in &unit.image.funcs {
            starts.push(ops.len());
            let refs = func.refs.iter().peekable();
            Translator::<FAST, CHECKED> { unit, func, ops: &mut ops, refs }.function()?;
        }
        Ok(Code { ops, starts: starts.into_boxed_slice() })
    }

    fn function(&mut self) -> Result<(), Error> {
        let code = &self.func.code;
        let mut at = Slot(0);
        while at.index() < code.len() {
            let insn =
                Insn::decode(&code[at.index()..]).map_err(|error| self.refuse(at, error.to_string()))?;
            let target = self.refs.next_if(|r| r.at == at).map(|r| r.target);
            self.insn(at, &insn, target)?;
            at = Slot(at.0 + insn.slots());
        }
        self.ops.push(Op::new(h::fell_off, 0, 0, 0, 0));
        Ok(())
    }

    fn refuse(&self, at: Slot, reason: impl Into<String>) -> Error {
        Error::Insn { func: self.func.name.clone(), at, reason: reason.into() }
    }

    fn push(&mut self, handler: Handler, dst: u8, src: u8, off: i16, imm: i32) {
        self.ops.push(Op::new(handler, dst, src, off, imm));
    }

    /// A handler whose second operand is a register or an immediate.
    fn push_operand(&mut self, handler: impl Fn(bool) -> Handler, dst: u8, src: Operand, off: i16) {
        match src {
            Operand::Reg(src) => self.push(handler(true), dst, src.number(), off, 0),
            Operand::Imm(imm) => self.push(handler(false), dst, 0, off, imm),
        }
    }

    fn insn(&mut self, at: Slot, insn: &Insn, target: Option<Target>) -> Result<(), Error> {
        type S<const F: bool, const C: bool> = Select<F, C>;
        let is_64 = |width| width == Width::W64;
        match *insn {
            Insn::Alu { op, width, dst, src } => {
                self.push_operand(|reg| S::<FAST, CHECKED>::alu(op, is_64(width), reg), dst.number(), src, 0);
            }
            Insn::Neg { width, dst } => {
                self.push(S::<FAST, CHECKED>::neg(is_64(width)), dst.number(), 0, 0, 0)
            }
            Insn::MovSx { width, dst, src, from } => {
                self.push(S::<FAST, CHECKED>::mov_sx(from, is_64(width)), dst.number(), src.number(), 0, 0);
            }
            Insn::EndianSwap { op, size, dst } => {
                self.push(S::<FAST, CHECKED>::byte_swap(op, size), dst.number(), 0, 0, 0);
            }
            Insn::LoadImm64 { dst, imm } => {
                let value = self.imm64(at, imm, target)?;
                self.push(h::load_imm64::<FAST>, dst.number(), 0, 0, 0);
                self.ops.push(Op { handler: h::second_slot, word: value });
            }
            Insn::Load { size, signed, dst, base, off } => {
                self.push(S::<FAST, CHECKED>::load(size, signed), dst.number(), base.number(), off, 0);
            }
            Insn::Store { size, base, off, src } => {
                self.push_operand(|reg| S::<FAST, CHECKED>::store(size, reg), base.number(), src, off);
            }
            Insn::Atomic { op, fetch, size, base, off, src } => {
                let is_64 = size.bytes() == 8;
                let handler = S::<FAST, CHECKED>::read_modify_write(op, is_64, fetch);
                self.push(handler, base.number(), src.number(), off, 0);
            }
            Insn::LoadAcquire { size, dst, base, off } => {
                self.push(S::<FAST, CHECKED>::load_acquire(size), dst.number(), base.number(), off, 0);
            }
            Insn::StoreRelease { size, base, off, src } => {
                self.push(S::<FAST, CHECKED>::store_release(size), base.number(), src.number(), off, 0);
            }
            Insn::Jump { off, .. } => self.push(h::jump::<FAST>, 0, 0, 0, off),
            Insn::JumpIf { cond, width, dst, src, off } => {
                self.push_operand(
                    |reg| S::<FAST, CHECKED>::jump_if(cond, is_64(width), reg),
                    dst.number(),
                    src,
                    off,
                );
            }
            Insn::MayGoto { off } => self.push(h::may_goto::<FAST>, 0, 0, off, 0),
            Insn::GotoX { dst } => self.push(h::goto_x::<FAST>, dst.number(), 0, 0, 0),
            Insn::CallX { dst } => self.push(h::call_x::<FAST>, dst.number(), 0, 0, 0),
            Insn::Exit => self.push(h::exit::<FAST>, 0, 0, 0, 0),
            Insn::Call(callee) => self.call(at, callee, target)?,
            Insn::LoadPacket { .. } => {
                let reason = "ld_abs and ld_ind read the packet of a socket program, which user space does not have; \
                              read through the context instead";
                return Err(self.refuse(at, reason));
            }
            Insn::AddrSpaceCast { .. } => {
                return Err(self.refuse(
                    at,
                    "addr_space_cast needs a map of type arena, which user space does not have",
                ));
            }
        }
        Ok(())
    }

    fn imm64(&self, at: Slot, imm: Imm64, target: Option<Target>) -> Result<u64, Error> {
        if let Some(target) = target {
            return Ok(self.unit.address(target));
        }
        match imm {
            Imm64::Value(value) => Ok(value),
            other => {
                let what = match other {
                    Imm64::MapFd(_) | Imm64::MapIdx(_) => "a map by number",
                    Imm64::MapValue { .. } | Imm64::MapIdxValue { .. } => "a value of a map by number",
                    Imm64::BtfId { .. } => "a variable by BTF id",
                    _ => "a function by offset",
                };
                let reason = format!(
                    "ld_imm64 with src {} loads {what}, which means nothing here; expected a relocation against a symbol",
                    other.src()
                );
                Err(self.refuse(at, reason))
            }
        }
    }

    fn call(&mut self, at: Slot, callee: Callee, target: Option<Target>) -> Result<(), Error> {
        match (target, callee) {
            (Some(Target::Func(func)), _) => {
                let word = self.unit.address(Target::Func(func));
                self.ops.push(Op { handler: h::call::<FAST>, word });
            }
            (Some(Target::Import { import, .. }), _) => {
                if let Resolved::Address(_) = self.unit.imports[import.0 as usize] {
                    let name = &self.unit.image.imports[import.0 as usize].name;
                    return Err(self
                        .refuse(at, format!("'{name}' is called, but the host has registered it as data")));
                }
                self.ops.push(Op { handler: h::call_import::<FAST>, word: u64::from(import.0) });
            }
            (Some(_), _) => return Err(self.refuse(at, "a call refers to data; expected a function")),
            (None, Callee::Helper(id)) => self.helper(at, id)?,
            (None, Callee::Subprog(_)) => return Err(self.refuse(at, "call without a target")),
            (None, Callee::Kfunc { btf_id, .. }) => {
                let reason =
                    format!("call of kernel function with BTF id {btf_id}, which user space does not have");
                return Err(self.refuse(at, reason));
            }
        }
        Ok(())
    }

    fn helper(&mut self, at: Slot, id: i32) -> Result<(), Error> {
        let op = if id == h::TAIL_CALL {
            Op::new(h::tail_call::<FAST>, 0, 0, 0, 0)
        } else if self.unit.hosts.helper_by_id(id).is_some() {
            Op::new(h::call_host_helper::<FAST>, 0, 0, 0, id)
        } else if let Some(entry) = helpers::find(id) {
            let word = ptr::from_ref(entry).expose_provenance() as u64;
            Op { handler: h::call_helper::<FAST>, word }
        } else {
            return Err(self.refuse(at, helpers::unsupported(id)));
        };
        self.ops.push(op);
        Ok(())
    }
}
