//! The file names of line tables, by which declarations name their files.

use gimli::DwForm;
use gimli::constants as dw;

use crate::attrs::Source;
use crate::model::Bases;
use crate::names::string_at;
use crate::reader::{Cursor, Expected, index};
use crate::sections::Sections;

/// The names of the files that a unit's line table numbers, with their directories as far as these are there.
pub(crate) fn files<'s>(
    offset: u64,
    dir: &str,
    source: &Source<'s>,
    bases: &Bases,
) -> Result<Files, Expected> {
    let sections: &'s Sections<'s> = source.sections;
    let mut cursor: Cursor<'s> = Cursor::new(&sections.line, index(offset), sections.big);
    let mut len = cursor.fixed(4)?;
    let mut offset_size = 4;
    if len == 0xffff_ffff {
        (len, offset_size) = (cursor.fixed(8)?, 8);
    }
    let mut cursor = cursor.until(cursor.pos().saturating_add(index(len)));
    let version = cursor.fixed(2)?;
    if !(2..=5).contains(&version) {
        return Err("version 2 to 5 of a line table");
    }
    if version >= 5 {
        cursor.skip(2)?;
    }
    cursor.skip(offset_size)?;
    cursor.skip(if version >= 4 { 5 } else { 4 })?;
    let opcodes = cursor.fixed(1)?;
    cursor.skip(index(opcodes.saturating_sub(1)))?;
    if version >= 5 {
        let dirs = table(&mut cursor, offset_size, source, bases)?;
        let files = table(&mut cursor, offset_size, source, bases)?;
        let dirs = dirs.into_iter().map(|(dir, _)| dir).collect();
        return Ok(Files { first: 0, dirs, files });
    }
    let mut dirs = vec![dir.to_owned()];
    loop {
        let name = cursor.c_str()?;
        if name.is_empty() {
            break;
        }
        dirs.push(String::from_utf8_lossy(name).into_owned());
    }
    let mut files = Vec::new();
    loop {
        let name = cursor.c_str()?;
        if name.is_empty() {
            break;
        }
        let dir = cursor.uleb()?;
        cursor.skip_leb()?;
        cursor.skip_leb()?;
        files.push((String::from_utf8_lossy(name).into_owned(), dir));
    }
    Ok(Files { first: 1, dirs, files })
}

/// The files of a line table.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// The number of the first file.
    first: u64,
    dirs: Vec<String>,
    /// Name and directory.
    files: Vec<(String, u64)>,
}

impl Files {
    /// The path of a file.
    pub(crate) fn path(&self, number: u64) -> Option<String> {
        let (name, dir) = self.files.get(index(number.checked_sub(self.first)?))?;
        let absolute = |path: &str| path.starts_with('/');
        if absolute(name) {
            return Some(name.clone());
        }
        let dir = self.dirs.get(index(*dir)).map_or("", String::as_str);
        let path = if dir.is_empty() { name.clone() } else { format!("{dir}/{name}") };
        match self.dirs.first() {
            Some(root) if !absolute(&path) && !root.is_empty() => Some(format!("{root}/{path}")),
            _ => Some(path),
        }
    }
}

/// A table of version 5: it says itself how its entries are written.
fn table<'s>(
    cursor: &mut Cursor<'s>,
    offset_size: usize,
    source: &Source<'s>,
    bases: &Bases,
) -> Result<Vec<(String, u64)>, Expected> {
    let formats = cursor.fixed(1)?;
    let mut format = Vec::new();
    for _ in 0..formats {
        let (content, form) = (cursor.uleb()?, cursor.uleb()?);
        format.push((content, DwForm(u16::try_from(form).map_err(|_| "a form of 16 bits")?)));
    }
    let count = cursor.uleb()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let (mut name, mut dir) = (String::new(), 0);
        let before = cursor.pos();
        for &(content, form) in &format {
            let (text, number) = value(cursor, form, offset_size, source, bases)?;
            match content {
                1 => name = text.map(String::from_utf8_lossy).unwrap_or_default().into_owned(),
                2 => dir = number,
                _ => {}
            }
        }
        // Entries of nothing could be any number.
        if cursor.pos() == before {
            break;
        }
        entries.push((name, dir));
    }
    Ok(entries)
}

fn value<'s>(
    cursor: &mut Cursor<'s>,
    form: DwForm,
    offset_size: usize,
    source: &Source<'s>,
    bases: &Bases,
) -> Result<(Option<&'s [u8]>, u64), Expected> {
    let sections = source.sections;
    Ok(match form {
        dw::DW_FORM_string => (Some(cursor.c_str()?), 0),
        dw::DW_FORM_line_strp => (string_at(&sections.line_str, cursor.fixed(offset_size)?), 0),
        dw::DW_FORM_strp => (string_at(&sections.str, cursor.fixed(offset_size)?), 0),
        dw::DW_FORM_strx => {
            let at = cursor.uleb()?;
            (sections.indexed_string(bases.str_offsets, at, source.header.encoding.offset_size), 0)
        }
        dw::DW_FORM_udata => (None, cursor.uleb()?),
        dw::DW_FORM_data1 => (None, cursor.fixed(1)?),
        dw::DW_FORM_data2 => (None, cursor.fixed(2)?),
        dw::DW_FORM_data4 => (None, cursor.fixed(4)?),
        dw::DW_FORM_data8 => (None, cursor.fixed(8)?),
        dw::DW_FORM_data16 => {
            cursor.skip(16)?;
            (None, 0)
        }
        dw::DW_FORM_block => {
            let len = cursor.uleb()?;
            cursor.skip(index(len))?;
            (None, 0)
        }
        _ => return Err("a form that line tables use"),
    })
}
