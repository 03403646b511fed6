//! The attributes of one DIE.

use gimli::DwForm;

use crate::abbrev::{Abbrevs, NO_SLOT, Op, Slot, Step, op_of};
use crate::model::{Bases, External, TypeRef};
use crate::names::{Name, Names};
use crate::reader::{Cursor, Expected, halves, index};
use crate::sections::Sections;
use crate::unit::UnitHeader;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Unsigned,
    Signed,
    /// A [`Name`].
    Name,
    /// A [`TypeRef`].
    Ref,
    /// Offset from the start of the unit, and above it, in the upper half, the length.
    Block,
    /// 16 bytes: offset from the start of the unit.
    Wide,
    Address,
    AddressIndex,
    SecOffset,
    ListIndex,
}

/// The values that an abbreviation's loads have found.
#[derive(Debug)]
pub(crate) struct Attrs {
    present: u64,
    values: [(u64, Form); Slot::COUNT],
}

/// What values are read with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) sections: &'a Sections<'a>,
    /// Those of the supplementary file.
    pub(crate) supplementary: Option<&'a Sections<'a>>,
    pub(crate) names: &'a Names<'a>,
    /// Whether `names` is about the strings of `sections`.
    pub(crate) is_main: bool,
    pub(crate) header: UnitHeader,
}

impl Attrs {
    pub(crate) fn new() -> Attrs {
        Attrs { present: 0, values: [(0, Form::Unsigned); Slot::COUNT] }
    }

    #[inline]
    pub(crate) fn get(&self, slot: Slot) -> Option<(u64, Form)> {
        (self.present & 1 << slot as u8 != 0).then(|| self.values[slot as usize])
    }

    #[inline]
    pub(crate) fn has(&self, slot: Slot) -> bool {
        self.present & 1 << slot as u8 != 0
    }

    #[inline]
    pub(crate) fn flag(&self, slot: Slot) -> bool {
        self.get(slot).is_some_and(|(value, _)| value != 0)
    }

    #[inline]
    pub(crate) fn name(&self, slot: Slot) -> Name {
        match self.get(slot) {
            Some((value, Form::Name)) => Name(halves(value).0),
            _ => Name::NONE,
        }
    }

    #[inline]
    pub(crate) fn reference(&self, slot: Slot) -> TypeRef {
        match self.get(slot) {
            Some((value, Form::Ref)) => TypeRef(halves(value).0),
            _ => TypeRef::NONE,
        }
    }

    #[inline]
    pub(crate) fn number(&self, slot: Slot) -> Option<u64> {
        match self.get(slot) {
            Some((value, Form::Unsigned | Form::Signed | Form::SecOffset)) => Some(value),
            _ => None,
        }
    }

    /// Reads a DIE's attributes; the cursor is behind its code.
    #[inline]
    pub(crate) fn load(
        &mut self,
        cursor: &mut Cursor<'_>,
        steps: &[Step],
        abbrevs: &Abbrevs,
        source: &Source<'_>,
        bases: &Bases,
        externals: &mut Vec<External>,
    ) -> Result<(), Expected> {
        self.present = 0;
        for step in steps {
            let at = index(step.at);
            match step.op {
                Op::End => return cursor.skip(at),
                Op::Constant => {
                    self.set(step.slot, abbrevs.constant(step.at).cast_unsigned(), Form::Signed);
                }
                // What most attributes are.
                Op::Number => self.set(step.slot, cursor.peek(at, step.len.into())?, Form::Unsigned),
                Op::Ref => {
                    let offset = cursor.peek(at, step.len.into())?;
                    self.set(step.slot, local(offset, source)?, Form::Ref);
                }
                Op::Str => {
                    let offset = cursor.peek(at, step.len.into())?;
                    self.set(step.slot, source.str(offset)?, Form::Name);
                }
                op if (op as u8) < Op::ULeb as u8 => {
                    let (value, form) = fixed(cursor, step, at, source, bases, externals)?;
                    self.set(step.slot, value, form);
                }
                op => {
                    cursor.skip(at)?;
                    if step.slot == NO_SLOT {
                        skip_variable(cursor, op, source)?;
                    } else {
                        let (value, form) = variable(cursor, op, source, bases, externals)?;
                        self.set(step.slot, value, form);
                    }
                }
            }
        }
        Err("the end of an abbreviation")
    }

    #[inline]
    fn set(&mut self, slot: u8, value: u64, form: Form) {
        if let Some(place) = self.values.get_mut(usize::from(slot)) {
            *place = (value, form);
            self.present |= 1 << slot;
        }
    }
}

/// Goes over a DIE's attributes; the cursor is behind its code.
#[inline]
pub(crate) fn skip(cursor: &mut Cursor<'_>, steps: &[Step], source: &Source<'_>) -> Result<(), Expected> {
    for step in steps {
        cursor.skip(index(step.at))?;
        if step.op == Op::End {
            return Ok(());
        }
        skip_variable(cursor, step.op, source)?;
    }
    Err("the end of an abbreviation")
}

/// A value whose length the step knows; it starts `at` bytes from here.
fn fixed(
    cursor: &Cursor<'_>,
    step: &Step,
    at: usize,
    source: &Source<'_>,
    bases: &Bases,
    externals: &mut Vec<External>,
) -> Result<(u64, Form), Expected> {
    if step.op == Op::Wide {
        let place = cursor.pos().saturating_add(at).wrapping_sub(source.header.start);
        return Ok((u64::try_from(place).unwrap_or(u64::MAX), Form::Wide));
    }
    let value = cursor.peek(at, step.len.into())?;
    Ok(match step.op {
        Op::Number | Op::Flag => (value, Form::Unsigned),
        Op::Ref => (local(value, source)?, Form::Ref),
        Op::Str => (source.str(value)?, Form::Name),
        Op::LineStr => (source.line_str(value)?, Form::Name),
        Op::SupStr => (source.sup_str(value)?, Form::Name),
        Op::StrIndex => (source.indexed_str(bases, value)?, Form::Name),
        Op::RefAddr => (section_ref(value, source, externals)?, Form::Ref),
        Op::RefSup => (external(External::Supplementary(value), externals)?, Form::Ref),
        Op::RefSignature => (external(External::Signature(value), externals)?, Form::Ref),
        Op::SecOffset => (value, Form::SecOffset),
        Op::Address => (value, Form::Address),
        _ => (value, Form::AddressIndex),
    })
}

/// A value whose length is in the bytes.
fn variable(
    cursor: &mut Cursor<'_>,
    op: Op,
    source: &Source<'_>,
    bases: &Bases,
    externals: &mut Vec<External>,
) -> Result<(u64, Form), Expected> {
    Ok(match op {
        Op::ULeb => (cursor.uleb()?, Form::Unsigned),
        Op::SLeb => (cursor.sleb()?.cast_unsigned(), Form::Signed),
        Op::StrIndexLeb => (source.indexed_str(bases, cursor.uleb()?)?, Form::Name),
        Op::RefLeb => (local(cursor.uleb()?, source)?, Form::Ref),
        Op::AddressIndexLeb => (cursor.uleb()?, Form::AddressIndex),
        Op::ListIndexLeb => (cursor.uleb()?, Form::ListIndex),
        Op::String => {
            let start = cursor.pos();
            cursor.c_str()?;
            (source.inline_str(start, cursor.pos() - 1)?, Form::Name)
        }
        Op::Indirect => return indirect(cursor, source, bases, externals),
        _ => {
            let len = block_len(cursor, op)?;
            let start = cursor.pos().wrapping_sub(source.header.start);
            cursor.skip(index(len))?;
            // A unit is shorter than 2 GiB, and so is what is in it.
            (u64::try_from(start).unwrap_or_default() | len << 32, Form::Block)
        }
    })
}

fn skip_variable(cursor: &mut Cursor<'_>, op: Op, source: &Source<'_>) -> Result<(), Expected> {
    match op {
        Op::ULeb | Op::SLeb | Op::StrIndexLeb | Op::RefLeb | Op::AddressIndexLeb | Op::ListIndexLeb => {
            cursor.skip_leb()
        }
        Op::String => cursor.c_str().map(|_| ()),
        Op::Indirect => {
            let (op, len) = indirect_op(cursor, source)?;
            if (op as u8) < Op::ULeb as u8 {
                cursor.skip(len.into())
            } else {
                skip_variable(cursor, op, source)
            }
        }
        _ => {
            let len = block_len(cursor, op)?;
            cursor.skip(index(len))
        }
    }
}

fn block_len(cursor: &mut Cursor<'_>, op: Op) -> Result<u64, Expected> {
    match op {
        Op::Block1 => cursor.fixed(1),
        Op::Block2 => cursor.fixed(2),
        Op::Block4 => cursor.fixed(4),
        _ => cursor.uleb(),
    }
}

fn indirect(
    cursor: &mut Cursor<'_>,
    source: &Source<'_>,
    bases: &Bases,
    externals: &mut Vec<External>,
) -> Result<(u64, Form), Expected> {
    let (op, len) = indirect_op(cursor, source)?;
    if op as u8 >= Op::ULeb as u8 {
        return variable(cursor, op, source, bases, externals);
    }
    let value = if op == Op::Constant {
        (1, Form::Unsigned)
    } else {
        fixed(cursor, &Step { op, slot: NO_SLOT, len, at: 0 }, 0, source, bases, externals)?
    };
    cursor.skip(len.into())?;
    Ok(value)
}

fn indirect_op(cursor: &mut Cursor<'_>, source: &Source<'_>) -> Result<(Op, u8), Expected> {
    let form = u16::try_from(cursor.uleb()?).map_err(|_| "a form of 16 bits")?;
    match op_of(DwForm(form), source.header.encoding)? {
        // One that leads to itself would do so for ever; an implicit constant has its value in the abbreviation.
        (Op::Indirect, _) => Err("a form that is not indirect again"),
        _ if DwForm(form) == gimli::constants::DW_FORM_implicit_const => {
            Err("a form with a value in the DIE")
        }
        found => Ok(found),
    }
}

#[inline]
fn local(offset: u64, source: &Source<'_>) -> Result<u64, Expected> {
    let len = source.header.end - source.header.start;
    if offset < u64::try_from(len).unwrap_or(u64::MAX) {
        Ok(offset)
    } else {
        Err("a reference to a DIE of the same unit")
    }
}

fn section_ref(offset: u64, source: &Source<'_>, externals: &mut Vec<External>) -> Result<u64, Expected> {
    let place = index(offset);
    if source.header.section == crate::sections::InfoSection::Info
        && (source.header.start..source.header.end).contains(&place)
    {
        return Ok(u64::try_from(place - source.header.start).unwrap_or_default());
    }
    external(External::Section(offset), externals)
}

fn external(to: External, externals: &mut Vec<External>) -> Result<u64, Expected> {
    let at = match externals.last() {
        Some(&last) if last == to => externals.len() - 1,
        _ => {
            externals.push(to);
            externals.len() - 1
        }
    };
    let at = u32::try_from(at).ok().filter(|at| at & TypeRef::EXTERNAL == 0);
    at.map(|at| (at | TypeRef::EXTERNAL).into()).ok_or("fewer references to other units")
}

impl<'a> Source<'a> {
    /// The bytes from there to the end of the unit.
    pub(crate) fn cursor(&self, pos: usize) -> Cursor<'a> {
        let bytes = self.sections.units(self.header.section);
        Cursor::new(bytes, pos, self.sections.big).until(self.header.end)
    }

    /// The bytes of a block.
    pub(crate) fn block(&self, value: u64) -> &'a [u8] {
        let (start, len) = halves(value);
        let start = self.header.start.saturating_add(index(start));
        let bytes = self.sections.units(self.header.section);
        bytes.get(start..start.saturating_add(index(len))).unwrap_or_default()
    }

    #[inline]
    fn str(&self, offset: u64) -> Result<u64, Expected> {
        let name = if self.is_main {
            self.names.at(offset)
        } else {
            crate::names::string_at(&self.sections.str, offset).map(|string| self.names.name(string))
        };
        name.map(|name| name.0.into()).ok_or("an offset into .debug_str")
    }

    fn line_str(&self, offset: u64) -> Result<u64, Expected> {
        let string = crate::names::string_at(&self.sections.line_str, offset);
        string.map(|string| self.names.name(string).0.into()).ok_or("an offset into .debug_line_str")
    }

    fn sup_str(&self, offset: u64) -> Result<u64, Expected> {
        let sections = self.supplementary.ok_or("no string of a supplementary file, for there is none")?;
        let string = crate::names::string_at(&sections.str, offset);
        string
            .map(|string| self.names.name(string).0.into())
            .ok_or("an offset into the supplementary file's .debug_str")
    }

    fn indexed_str(&self, bases: &Bases, at: u64) -> Result<u64, Expected> {
        let size = self.header.encoding.offset_size;
        let string = self.sections.indexed_string(bases.str_offsets, at, size);
        string.map(|string| self.names.name(string).0.into()).ok_or("an index into .debug_str_offsets")
    }

    fn inline_str(&self, start: usize, end: usize) -> Result<u64, Expected> {
        let string = self.sections.units(self.header.section).get(start..end);
        string.map(|string| self.names.name(string).0.into()).ok_or("a string")
    }
}
