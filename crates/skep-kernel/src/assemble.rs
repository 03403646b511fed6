//! One program of the kernel's: a function, all that it reaches behind it, and numbers where references were.

use std::os::fd::AsFd;

use skep_insn::helper::Helper;
use skep_insn::{Callee, Imm64, Insn, RawInsn, Reg, Slot};
use skep_object::Image;
use skep_object::image::{DataId, FuncId, ImportId, Line, MapId, Ref, Target};

use crate::data::Sections;
use crate::error::{Error, Place};
use crate::imports::Found;
use crate::map::Map;
use crate::select::{CALL, Program};
use crate::sys;
use crate::sys::attr::{FuncInfo, LineInfo};
use crate::types::About;

/// What references mean in this kernel, by index in the image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses<'a> {
    pub(crate) image: &'a Image,
    pub(crate) maps: &'a [Map],
    pub(crate) data: &'a Sections,
    pub(crate) imports: &'a [Found],
    /// The map of the values of the kernel's configuration.
    pub(crate) config: Option<&'a Map>,
}

/// A program as the kernel takes it.
#[derive(Debug, Default)]
pub(crate) struct Assembled {
    pub(crate) code: Vec<RawInsn>,
    /// Where each function starts.
    starts: Vec<(u32, FuncId)>,
}

/// Which function and line the instructions of a program belong to.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) funcs: Vec<FuncInfo>,
    pub(crate) lines: Vec<LineInfo>,
}

/// The first of the helpers that stand for what is missing; the verifier refuses them where they can be reached.
const POISON: u32 = 2_002_000_000;

/// Lines are counted up to this: the kernel has 22 bits for them.
const LAST_LINE: u32 = (1 << 22) - 1;
/// Columns are counted up to this: the kernel has 10 bits for them.
const LAST_COLUMN: u32 = (1 << 10) - 1;

/// Puts a program together.
pub(crate) fn program(program: &Program<'_>, addresses: &Addresses<'_>) -> Result<Assembled, Error> {
    let image = addresses.image;
    let mut assembled = Assembled::default();
    for &id in &program.parts {
        let start = u32::try_from(assembled.code.len()).map_err(|_| too_long(program))?;
        assembled.starts.push((start, id));
        assembled.code.extend_from_slice(&image.func(id).code);
    }
    let mut by_id = assembled.starts.clone();
    by_id.sort_unstable_by_key(|&(_, id)| id);
    let start_of =
        |id: FuncId| by_id.binary_search_by_key(&id, |&(_, id)| id).ok().map(|index| by_id[index].0);
    for &(start, id) in &assembled.starts {
        for r in &image.func(id).refs {
            let at = Slot(start + r.at.0);
            let place = &mut assembled.code[at.index()..];
            addresses
                .patch(place, at, r, start_of)
                .map_err(|problem| fail(program, addresses, id, r, &problem))?;
        }
    }
    Ok(assembled)
}

fn too_long(program: &Program<'_>) -> Error {
    let problem = "it has more instructions than a program can have".to_owned();
    Error::Program { program: program.func.name.clone(), section: program.func.section.clone(), problem }
}

fn fail(program: &Program<'_>, addresses: &Addresses<'_>, id: FuncId, r: &Ref, problem: &str) -> Error {
    let image = addresses.image;
    let line =
        image.line_at(id, r.at).map_or_else(String::new, |(file, line)| format!("{file}:{}: ", line.line));
    let problem = format!(
        "{line}{}+{:#x} refers to '{}': {problem}",
        image.func(id).name,
        r.at.bytes(),
        image.target_name(r.target)
    );
    Error::Program { program: program.func.name.clone(), section: program.func.section.clone(), problem }
}

impl Addresses<'_> {
    /// Writes what a reference means into its instruction, which stands at `at` in the program.
    fn patch(
        &self,
        place: &mut [RawInsn],
        at: Slot,
        r: &Ref,
        start_of: impl Fn(FuncId) -> Option<u32>,
    ) -> Result<(), String> {
        let [raw, rest @ ..] = place else { return Err("it is outside of the program".to_owned()) };
        let distance = |func| {
            let to = start_of(func).ok_or_else(|| "it is not part of the program".to_owned())?;
            at.offset_to(Slot(to)).ok_or_else(|| "it is too far away".to_owned())
        };
        if raw.code == CALL {
            *raw = self.call(r.target, distance)?;
            return Ok(());
        }
        let dst = Reg::new(raw.dst()).ok_or("it is loaded into no register")?;
        let imm = self.load(r.target, distance)?;
        if let ([first, second], Some(next)) =
            (Insn::LoadImm64 { dst, imm }.encode().as_slice(), rest.first_mut())
        {
            (*raw, *next) = (*first, *second);
        }
        Ok(())
    }

    fn call(
        &self,
        target: Target,
        distance: impl Fn(FuncId) -> Result<i32, String>,
    ) -> Result<RawInsn, String> {
        let call = |src, imm| RawInsn::new(CALL, 0, src, 0, imm);
        match target {
            Target::Func(func) => Ok(call(1, distance(func)?)),
            Target::Import { import: ImportId(import), .. } => match self.imports[import as usize] {
                Found::Helper(number) => Ok(call(0, number)),
                Found::Kfunc(ty) => Ok(call(2, ty.0.cast_signed())),
                Found::Missing => Ok(call(0, POISON.saturating_add(import).cast_signed())),
                _ => Err("it is no function".to_owned()),
            },
            _ => Err("it is no function".to_owned()),
        }
    }

    fn load(
        &self,
        target: Target,
        distance: impl Fn(FuncId) -> Result<i32, String>,
    ) -> Result<Imm64, String> {
        match target {
            Target::Func(func) => Ok(Imm64::Func(distance(func)?)),
            Target::Map(MapId(map)) => {
                Ok(Imm64::MapFd(sys::number(self.maps[map as usize].as_fd()).cast_signed()))
            }
            Target::Data { data: DataId(data), offset } => {
                let (fd, size) = self.data.get(data as usize).ok_or("it is empty, or not for the kernel")?;
                // The kernel takes no address outside, not even one past the end.
                let off = i32::try_from(offset).ok().filter(|&off| off >= 0 && off.cast_unsigned() < size);
                let outside = || format!("it is outside of its section, which has {size:#x} bytes");
                Ok(Imm64::MapValue { fd: sys::number(fd).cast_signed(), off: off.ok_or_else(outside)? })
            }
            Target::Import { import, addend } => match (self.imports[import.0 as usize], addend) {
                (Found::Variable(ty) | Found::Kfunc(ty), 0) => {
                    Ok(Imm64::BtfId { id: ty.0.cast_signed(), fd: 0 })
                }
                (Found::Address(address), addend) => Ok(Imm64::Value(address.wrapping_add_signed(addend))),
                (Found::Config(place), addend) => {
                    let off = i64::from(place).checked_add(addend).and_then(|off| i32::try_from(off).ok());
                    let fd = self.config.map(|map| sys::number(map.as_fd()).cast_signed());
                    let (fd, off) = fd.zip(off).ok_or("it is outside of the kernel's configuration")?;
                    Ok(Imm64::MapValue { fd, off })
                }
                (Found::Missing, _) => Ok(Imm64::Value(0)),
                (Found::Variable(_), _) => {
                    Err("take the address of the variable first, and add later".to_owned())
                }
                _ => Err("its address cannot be taken".to_owned()),
            },
            Target::Code { .. } => Err("it is a label".to_owned()),
        }
    }
}

impl Assembled {
    /// Which function and line instructions belong to, by the ids of a set of types.
    pub(crate) fn records(&self, image: &Image, about: &About) -> Records {
        let mut records = Records::default();
        for &(start, id) in &self.starts {
            if let Some(ty) = about.funcs.get(&id) {
                records.funcs.push(FuncInfo { insn_off: start, type_id: ty.0 });
            }
            let func = image.func(id);
            let record = |at: u32, line: &Line| LineInfo {
                insn_off: start + at,
                file_name_off: about.files.get(line.file as usize).copied().unwrap_or(0),
                line_off: line.text.0,
                line_col: line.line.min(LAST_LINE) << 10 | line.column.min(LAST_COLUMN),
            };
            // The kernel wants a line for the first instruction of each function, and none within one.
            let is_start = |line: &&Line| func.code.get(line.at.index()).is_some_and(|raw| raw.code != 0);
            match func.lines.first() {
                Some(first) if first.at == Slot(0) => {}
                Some(first) => records.lines.push(record(0, first)),
                None => records.lines.push(LineInfo { insn_off: start, ..LineInfo::default() }),
            }
            records.lines.extend(func.lines.iter().filter(is_start).map(|line| record(line.at.0, line)));
        }
        if self.starts.iter().all(|&(_, id)| image.func(id).lines.is_empty()) {
            records.lines.clear();
        }
        records
    }

    /// Where an instruction of the program comes from.
    pub(crate) fn place(&self, image: &Image, slot: u32) -> Option<Place> {
        let &(start, id) = self.starts.iter().rev().find(|&&(start, _)| start <= slot)?;
        let at = Slot(slot - start);
        let func = image.func(id);
        let line = image.line_at(id, at);
        let text =
            line.zip(image.btf.as_deref()).map(|((_, line), btf)| btf.string(line.text).trim().to_owned());
        Some(Place {
            function: func.name.clone(),
            slot: at.0,
            insn: self.text(image, func.target_at(at), slot),
            line: line.map(|(file, line)| (file.to_owned(), line.line)),
            text: text.unwrap_or_default(),
        })
    }

    fn text(&self, image: &Image, target: Option<Target>, slot: u32) -> String {
        let code = self.code.get(slot as usize..).unwrap_or_default();
        match (Insn::decode(code), target) {
            (Ok(Insn::Call(_)), Some(target)) => format!("call {}", image.target_name(target)),
            (Ok(Insn::LoadImm64 { dst, .. }), Some(target)) => {
                format!("{dst} = {} ll", image.target_name(target))
            }
            _ => text(code),
        }
    }
}

/// An instruction as text, and helpers by their names.
pub(crate) fn text(code: &[RawInsn]) -> String {
    match Insn::decode(code) {
        Ok(Insn::Call(Callee::Helper(number))) => match Helper::from_id(number) {
            Some(helper) => format!("call {helper}"),
            None => format!("call {number}"),
        },
        Ok(insn) => insn.to_string(),
        Err(error) => error.to_string(),
    }
}
