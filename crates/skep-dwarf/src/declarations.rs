//! Where in the source something is declared.

use crate::decode::Decoder;
use crate::error::Error;
use crate::input::{self, Input};
use crate::lines::{self, Files};
use crate::model::Unit;
use crate::options::Options;
use crate::reader::word;
use crate::registers::Registers;

/// The entry (DIE) that a type, function or variable was made from: the first of all that are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// The unit: an index into [`Report::units`](crate::Report::units).
    pub unit: usize,
    /// Offset of the entry in the section of the unit.
    pub offset: u64,
}

/// A place in the source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Declaration {
    /// The path of the file, as far as the debug information has it.
    pub file: String,
    /// The line, from 1; 0 if it is not known.
    pub line: u64,
}

/// Where the entries are declared, `None` for those whose entry does not say.
///
/// ```no_run
/// # let file = Vec::new();
/// use skep_btf::Kind;
/// use skep_dwarf::{Options, declarations, encode};
///
/// let encoded = encode(&file, &Options::new())?;
/// let task = encoded.btf.find_by_name(Kind::Struct, "task_struct").expect("a kernel");
/// let origin = encoded.origin(task).expect("a type of the file");
/// if let Some(place) = &declarations(&file, &Options::new(), &[origin])?[0] {
///     println!("{}:{}", place.file, place.line);
/// }
/// # Ok::<(), skep_dwarf::Error>(())
/// ```
///
/// # Errors
///
/// As those of [`encode`](crate::encode).
pub fn declarations(
    file: &[u8],
    options: &Options<'_>,
    origins: &[Origin],
) -> Result<Vec<Option<Declaration>>, Error> {
    let files = input::read(file, options)?;
    let input = Input::new(&files)?;
    find(&input, Registers::of(files.main.machine), origins)
}

/// The same, of files that have been opened.
pub(crate) fn find(
    input: &Input<'_>,
    registers: Registers,
    origins: &[Origin],
) -> Result<Vec<Option<Declaration>>, Error> {
    let mut order: Vec<usize> = (0..origins.len()).collect();
    order.sort_unstable_by_key(|&at| origins[at]);
    let mut found = vec![None; origins.len()];
    let (mut decoder, mut unit) = (Decoder::of_declarations(registers), Unit::default());
    let mut open: Option<(usize, Files)> = None;
    for at in order {
        let origin = origins[at];
        let Some(&header) = input.units.get(origin.unit) else { continue };
        let source = input.source(header);
        if open.as_ref().is_none_or(|&(of, _)| of != origin.unit) {
            let root = decoder.root(&source, &mut unit)?;
            let dir = String::from_utf8_lossy(&input.names.text(root.comp_dir)).into_owned();
            let files = root.stmt_list.map(|offset| lines::files(offset, &dir, &source, &unit.bases));
            // A line table that is not readable names no files; the lines may still be of use.
            open = Some((origin.unit, files.and_then(Result::ok).unwrap_or_default()));
        }
        let start = u64::try_from(header.start).unwrap_or(u64::MAX);
        let die = origin.offset.checked_sub(start).map_or(u32::MAX, word);
        let place = decoder.declaration(&source, &mut unit, die)?;
        let (Some((file, line)), Some((_, files))) = (place, &open) else { continue };
        let file = files.path(file).unwrap_or_default();
        found[at] = Some(Declaration { file, line });
    }
    Ok(found)
}
