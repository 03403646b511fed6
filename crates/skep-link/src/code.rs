//! Bare instructions, and what the linker must know of their encoding.

use skep_insn::check::{self, CheckError};
use skep_insn::{RawInsn, Slot};
use skep_object::Image;
use skep_object::image::{Func, FuncId, Ref, Target};

use crate::error::{Error, TargetProblem};
use crate::site::Site;

/// Opcode of `call`.
pub(crate) const CALL: u8 = 0x85;
/// Opcode of `ld_imm64`.
pub(crate) const LOAD_IMM64: u8 = 0x18;
/// Opcode of `gotox`.
pub(crate) const GOTOX: u8 = 0x0d;
/// `BPF_PSEUDO_CALL`: `src` of a call to a function of the same program.
pub(crate) const PSEUDO_SUBPROG: u8 = 1;
/// `BPF_PSEUDO_FUNC`: `src` of `ld_imm64` with the address of such a function.
pub(crate) const PSEUDO_FUNC: u8 = 4;

/// The section that bare functions are said to be in.
const SECTION: &str = ".text";
/// What the first function is called.
const ENTRY: &str = "main";

/// Makes an image of bare instructions. It begins with slot 0, as the function `main`; each target of a local call or of a
/// local function address (`ld_imm64` with src 4) begins another function, `sub_N` for slot N, which ends where
/// the next one begins.
///
/// The time it takes is linear in the length; without local calls, nothing is copied.
///
/// # Errors
/// [`Error::Target`] for a call that leaves the code, [`Error::JumpAcross`] for a jump out of its function,
/// [`Error::Code`] for what is no function.
pub fn link_code(name: impl Into<String>, code: Vec<RawInsn>) -> Result<Image, Error> {
    let bare = Bare { name: name.into(), calls: local_refs(&code), len: code.len() };
    let starts = bare.starts()?;
    let funcs = match starts[..] {
        [_] => vec![bare.func(code, &starts, 0)?],
        _ => bare.split(&code, &starts)?,
    };
    let image = Image { name: bare.name, funcs, ..Image::default() };
    debug_assert_eq!(crate::check::image(&image), Ok(()));
    Ok(image)
}

/// Local calls and function addresses: the slot, and the distance.
fn local_refs(code: &[RawInsn]) -> Vec<(Slot, i32)> {
    let is_ref = |insn: &RawInsn| {
        matches!((insn.code, insn.src()), (CALL, PSEUDO_SUBPROG) | (LOAD_IMM64, PSEUDO_FUNC))
    };
    (0..).map(Slot).zip(code).filter(|(_, insn)| is_ref(insn)).map(|(at, insn)| (at, insn.imm)).collect()
}

struct Bare {
    name: String,
    /// Ordered by slot.
    calls: Vec<(Slot, i32)>,
    /// In slots.
    len: usize,
}

impl Bare {
    /// Where functions start, in order.
    fn starts(&self) -> Result<Vec<Slot>, Error> {
        let mut starts = Vec::with_capacity(self.calls.len() + 1);
        starts.push(Slot(0));
        for &(at, rel) in &self.calls {
            match at.jump(rel).filter(|target| target.index() < self.len) {
                Some(target) => starts.push(target),
                None => {
                    let offset = (i128::from(at.0) + 1 + i128::from(rel)) * 8;
                    let len = self.len as u64 * 8;
                    let section = SECTION.to_owned();
                    return Err(self.target_error(at, rel, TargetProblem::Outside { section, offset, len }));
                }
            }
        }
        starts.sort_unstable();
        starts.dedup();
        Ok(starts)
    }

    fn split(&self, code: &[RawInsn], starts: &[Slot]) -> Result<Vec<Func>, Error> {
        let mut funcs = Vec::with_capacity(starts.len());
        for (index, start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).map_or(code.len(), |next| next.index());
            funcs.push(self.func(code[start.index()..end].to_vec(), starts, index)?);
        }
        Ok(funcs)
    }

    fn func(&self, mut code: Vec<RawInsn>, starts: &[Slot], index: usize) -> Result<Func, Error> {
        let start = starts[index];
        let from = self.calls.partition_point(|&(at, _)| at < start);
        let to = self.calls.partition_point(|&(at, _)| at.index() < start.index() + code.len());
        let mut refs = Vec::with_capacity(to - from);
        for &(at, rel) in &self.calls[from..to] {
            let target = at.jump(rel).and_then(|target| starts.binary_search(&target).ok());
            let target = target.and_then(|index| u32::try_from(index).ok()).map_or(FuncId(0), FuncId);
            let at = Slot(at.0 - start.0);
            let second = code.get(at.index() + 1).map_or(0, |second| second.imm);
            let insn = &mut code[at.index()];
            *insn = match insn.code {
                CALL => RawInsn::new(CALL, insn.dst(), PSEUDO_SUBPROG, insn.off, -1),
                // As a value, the second half of the imm would mean something; the decoder refuses it as an address.
                LOAD_IMM64 if second != 0 => *insn,
                opcode => RawInsn::new(opcode, insn.dst(), 0, insn.off, 0),
            };
            refs.push(Ref { at, target: Target::Func(target) });
        }
        check::function(&code).map_err(|error| self.code_error(starts, start, error))?;
        let name = if index == 0 { ENTRY.to_owned() } else { format!("sub_{start}") };
        let (section, exported) = (SECTION.to_owned(), index == 0);
        Ok(Func {
            name,
            aliases: Vec::new(),
            section,
            exported,
            code,
            refs,
            lines: Vec::new(),
            core: Vec::new(),
            ty: None,
        })
    }

    fn code_error(&self, starts: &[Slot], start: Slot, error: CheckError) -> Error {
        let place = |at: Slot| (self.site(starts, Slot(start.0 + at.0)), func_name(start));
        match error {
            CheckError::JumpOut { at, off, .. } => {
                let (site, func) = place(at);
                let target = Slot(start.0 + at.0).jump(off).filter(|slot| slot.index() < self.len);
                Error::JumpAcross {
                    site,
                    off,
                    func,
                    lands: target.map(|slot| func_name(holder(starts, slot))),
                }
            }
            CheckError::Decode { at, source } if source.kind == skep_insn::DecodeErrorKind::Truncated => {
                // A call into the second slot has cut the instruction in two.
                let second = Slot(start.0 + at.0).next();
                match self.calls.iter().find(|&&(at, rel)| at.jump(rel) == Some(second)) {
                    Some(&(at, rel)) => {
                        let (section, offset) = (SECTION.to_owned(), second.bytes());
                        self.target_error(at, rel, TargetProblem::Misaligned { section, offset })
                    }
                    None => {
                        let (site, func) = place(at);
                        Error::Code { site, func, source: error }
                    }
                }
            }
            CheckError::Decode { at, .. }
            | CheckError::JumpIntoImm64 { at, .. }
            | CheckError::FallsOff { at }
            | CheckError::WritesFramePointer { at } => {
                let (site, func) = place(at);
                Error::Code { site, func, source: error }
            }
            _ => {
                let (site, func) = place(Slot(0));
                Error::Code { site, func, source: error }
            }
        }
    }

    fn target_error(&self, at: Slot, rel: i32, problem: TargetProblem) -> Error {
        let site = self.site(&[], at);
        Error::Target { site, what: "call without relocation", target: format!("{rel:+}"), problem }
    }

    fn site(&self, starts: &[Slot], at: Slot) -> Box<Site> {
        let start = holder(starts, at);
        let symbol = (!starts.is_empty()).then(|| (func_name(start), at.bytes() - start.bytes()));
        Box::new(Site {
            object: self.name.clone(),
            section: SECTION.to_owned(),
            offset: at.bytes(),
            symbol,
            line: None,
        })
    }
}

/// The start of the function that holds a slot.
fn holder(starts: &[Slot], at: Slot) -> Slot {
    let after = starts.partition_point(|&start| start <= at);
    after.checked_sub(1).map_or(Slot(0), |index| starts[index])
}

fn func_name(start: Slot) -> String {
    if start == Slot(0) { ENTRY.to_owned() } else { format!("sub_{start}") }
}
