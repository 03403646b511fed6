//! DWARF debug information to BPF Type Format.
//!
//! [`encode`] takes the bytes of an ELF file with debug information and makes a [`Btf`] of its types,
//! functions and variables. Its [`Report`] tells what the file is made of, and what became of each part.
//!
//! ```no_run
//! let file = std::fs::read("vmlinux")?;
//! let encoded = skep_dwarf::encode(&file, &skep_dwarf::Options::new().threads(2))?;
//! println!("{} types", encoded.btf.count());
//! for (reason, dies) in encoded.report.total().reasons() {
//!     println!("{dies} entries are not encoded: {reason}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What holds
//!
//! * Nothing is lost without a word: each debugging information entry (DIE) is encoded, or counted with a reason.
//! * The result is the same for any number of threads.
//! * No input makes this crate panic, loop for ever, or hold more than a small multiple of what it reads.
//!
//! # Inside
//!
//! [`encode`] is the table of contents: `input` finds the units, `gather` reads them on all threads (`decode` makes a
//! unit's DIEs to the nodes of `model`, `shape` makes the nodes to records of the `pool`, where equal types meet),
//! `split` tells apart what has the same name, `functions` and `variables` choose, `emit` writes; what the set then still
//! has in common with itself or a base, [`skep_btf::dedup()`] finds.

pub use crate::declarations::{Declaration, Origin, declarations};
pub use crate::error::Error;
pub use crate::lang::Lang;
pub use crate::options::{Arrays, Functions, Options, Progress, Variables};
pub use crate::report::{Report, Skip, Tally, UnitReport};

mod abbrev;
mod attrs;
mod c;
mod declarations;
mod decode;
mod elf;
mod emit;
mod error;
mod expr;
mod functions;
mod gather;
mod hash;
mod input;
mod lang;
mod lines;
mod model;
mod names;
mod options;
mod package;
mod path;
mod pool;
mod reader;
mod registers;
mod relocate;
mod report;
mod rust;
mod sections;
mod shape;
mod split;
mod unit;
mod variables;

use std::sync::Arc;

use skep_btf::{Btf, BtfBuilder, Endian, Kind, TypeId, dedup};

use crate::functions::As;
use crate::gather::{Gathered, Work};
use crate::input::Input;
use crate::pool::{Id, Place, Pool, Records};
use crate::registers::Registers;
use crate::shape::Placed;

/// What a file was made to.
#[derive(Debug)]
pub struct Encoded {
    /// The types.
    pub btf: Btf,
    /// What became of each entry.
    pub report: Report,
    /// Where each type comes from, by its id from the first of its own.
    origins: Vec<Option<Origin>>,
}

impl Encoded {
    /// The first entry that the type, function or variable was made from; `None` for a type of the base, and for what
    /// is no entry's.
    #[must_use]
    pub fn origin(&self, id: TypeId) -> Option<Origin> {
        let base = self.btf.base().map_or(0, |base| base.count());
        let own = id.0.checked_sub(base)?.checked_sub(1)?;
        self.origins.get(reader::index(own)).copied().flatten()
    }
}

/// Makes BTF of a file's debug information.
///
/// # Errors
///
/// If the file is not ELF, has no debug information, or has some that is not readable: the error tells where.
pub fn encode(file: &[u8], options: &Options<'_>) -> Result<Encoded, Error> {
    let (all, places, report) = collect(file, options)?;
    let mut merging = dedup::Options::new();
    if let Some(base) = &options.base {
        merging = merging.base(Arc::clone(base));
    }
    // What is left: names that are spelled in two ways, declarations of what has several definitions, the base.
    let merged = dedup(&[&all], &merging)?;
    let origins = origins(&all, &places, &merged, &report);
    let mut encoded = Encoded { btf: merged.btf, report, origins };
    if options.keep_decl {
        encoded.btf = with_places(file, options, &encoded)?;
    }
    Ok(encoded)
}

/// The types, with a tag on each that says where it is declared.
fn with_places(file: &[u8], options: &Options<'_>, encoded: &Encoded) -> Result<Btf, Error> {
    let takes_tags = |id: TypeId| {
        let kind = encoded.btf.kind(id);
        matches!(kind, Some(Kind::Struct | Kind::Union | Kind::Typedef | Kind::Func | Kind::Var))
    };
    let tagged = encoded.btf.ids().filter(|&id| takes_tags(id));
    let (ids, origins): (Vec<TypeId>, Vec<Origin>) =
        tagged.filter_map(|id| Some((id, encoded.origin(id)?))).unzip();
    let places = declarations(file, options, &origins)?;
    let mut types = BtfBuilder::from(encoded.btf.clone());
    for (id, place) in ids.into_iter().zip(places) {
        if let Some(place) = place {
            types.decl_tag(&format!("decl={}:{}", place.file, place.line), id, None);
        }
    }
    Ok(types.build()?)
}

/// Where the types of the result come from: several types that have become one come from the first.
fn origins(all: &Btf, places: &[Place], merged: &dedup::Deduped, report: &Report) -> Vec<Option<Origin>> {
    let base = merged.btf.base().map_or(0, |base| base.count());
    let mut origins = vec![None; merged.btf.ids().len()];
    for (id, place) in all.ids().zip(places).filter(|(_, place)| place.is_known()) {
        let to = merged.maps.first().map_or(id, |map| map.get(id));
        let own = to.0.checked_sub(base).and_then(|own| own.checked_sub(1));
        let slot = own.and_then(|own| origins.get_mut(reader::index(own)));
        let unit = reader::index(place.unit());
        if let (Some(slot), Some(start)) = (slot, report.units.get(unit).map(|unit| unit.offset)) {
            let origin = Origin { unit, offset: start + u64::from(place.die()) };
            *slot = Some(slot.map_or(origin, |first: Origin| first.min(origin)));
        }
    }
    origins
}

/// The types, functions and variables of the file itself.
fn collect(file: &[u8], options: &Options<'_>) -> Result<(Btf, Vec<Place>, Report), Error> {
    let files = input::read(file, options)?;
    let input = Input::new(&files)?;
    let pool = Pool::new();
    let variables = variables::ranges(&files.main, options.variables);
    let registers = Registers::of(files.main.machine);
    let (arrays, index) = options.array_style();
    let work = Work { input: &input, options, pool: &pool, variables: &variables, registers, arrays };

    let mut gathered = gather::units(&work)?;
    split::definitions(&work, &mut gathered)?;
    pool.check_limits()?;
    let records = pool.freeze();

    let placed = all_placed(&gathered, |gist| &gist.shaped.functions);
    let fates = functions::choose(&placed, &records, &input.names, &files.main, options.functions);
    let functions = count(&mut gathered, &records, &placed, &fates);

    let placed = all_placed(&gathered, |gist| &gist.shaped.variables);
    let (sections, fates) = variables::place(&placed, &files.main, &input.names, options.variables);
    let fates: Vec<Result<As, Skip>> = fates.into_iter().map(|fate| fate.map(|()| As::Itself)).collect();
    count(&mut gathered, &records, &placed, &fates);

    let endian = if files.main.sections.big { Endian::Big } else { Endian::Little };
    let output = emit::Output {
        records: &records,
        names: &input.names,
        functions: &functions,
        sections: &sections,
        endian,
        index: &index,
    };
    let (btf, places) = emit::btf(&output)?;
    Ok((btf, places, report(&input, &gathered)))
}

/// The functions or variables of all units, in order.
fn all_placed(gathered: &Gathered, of: impl Fn(&gather::Gist) -> &Vec<Placed>) -> Vec<Placed> {
    gathered.units.iter().flat_map(|gist| of(gist).iter().copied()).collect()
}

/// Counts what became of functions or variables. The result is what is encoded, each once.
fn count(
    gathered: &mut Gathered,
    records: &Records,
    placed: &[Placed],
    fates: &[Result<As, Skip>],
) -> Vec<(Id, As)> {
    let mut encoded = Vec::new();
    let mut known = hash::Set::default();
    for (of, fate) in placed.iter().zip(fates) {
        let unit = usize::try_from(of.place.unit()).ok().and_then(|at| gathered.units.get_mut(at));
        let Some(unit) = unit else { continue };
        match fate {
            Ok(name) => {
                unit.shaped.tally.encoded += u64::from(of.dies);
                let record = records.get(of.id);
                let key = match *name {
                    As::Itself => (record.id(0), record.name(1)),
                    As::Symbol(symbol) => (Id::VOID, symbol),
                };
                if known.insert(key) {
                    encoded.push((of.id, *name));
                }
            }
            Err(why) => unit.shaped.tally.skip(*why, of.dies.into()),
        }
    }
    encoded
}

fn report(input: &Input<'_>, gathered: &Gathered) -> Report {
    let text = |name| String::from_utf8_lossy(&input.names.text(name)).into_owned();
    let units = input.units.iter().zip(&gathered.units).map(|(header, gist)| UnitReport {
        offset: u64::try_from(header.start).unwrap_or(u64::MAX),
        name: text(gist.root.name),
        dir: text(gist.root.comp_dir),
        producer: text(gist.root.producer),
        language: Lang::from_dwarf(gist.root.language),
        dwarf_language: gist.root.language,
        version: header.encoding.version,
        types: gist.shaped.types,
        dies: gist.shaped.tally,
    });
    Report { units: units.collect() }
}
