//! Fills in what everything refers to, and checks that each function is one.

use std::collections::HashMap;

use skep_insn::Slot;
use skep_insn::check::{CheckError, function_with};
use skep_object::Image;
use skep_object::image::{DataRef, FuncId, Ref, Target};

use crate::error::{Error, JumpTableProblem};
use crate::layout::Layout;
use crate::reachable::Pointer;
use crate::referent::Referent;
use crate::site::Site;

/// Turns references to the input into references to the image.
pub(crate) fn patch(image: &mut Image, layout: &Layout<'_>) -> Result<(), Error> {
    let kept = layout.kept;
    for (func, &id) in image.funcs.iter_mut().zip(&layout.funcs) {
        let target =
            |r: &crate::reachable::CodeRef| Some(Ref { at: r.at, target: layout.target(r.referent)? });
        func.refs = kept.code_refs(id).iter().filter_map(target).collect();
    }
    for (data, section) in image.data.iter_mut().zip(&layout.data) {
        for &(piece, offset) in &section.pieces {
            let target =
                |p: &Pointer| Some(DataRef { at: offset + p.at, target: layout.target(p.referent)? });
            data.refs.extend(kept.pointers(piece).iter().filter_map(target));
        }
        // Jump tables come in the order in which code loads them.
        data.refs.sort_by_key(|r| r.at);
    }
    for (map, &id) in image.maps.iter_mut().zip(&layout.maps) {
        let target = |&(slot, referent): &(u32, Referent)| Some((slot, layout.target(referent)?));
        map.values = kept.map_values(id).iter().filter_map(target).collect();
    }
    check_funcs(image, layout)
}

fn check_funcs(image: &Image, layout: &Layout<'_>) -> Result<(), Error> {
    let labels = labels(image);
    for (index, func) in image.funcs.iter().enumerate() {
        let mut labels = labels.get(&index).map_or(&[][..], Vec::as_slice);
        let mut lost = None;
        let checked = function_with(&func.code, |at, _| {
            while let Some((&label, rest)) = labels.split_first().filter(|&(&label, _)| label <= at) {
                if label < at {
                    lost = lost.or(Some(label));
                }
                labels = rest;
            }
        });
        checked.map_err(|error| code_error(layout, index, error))?;
        if let Some(at) = lost.or(labels.first().copied()) {
            return Err(label_error(layout, index, at));
        }
    }
    Ok(())
}

/// The labels of each function that are pointed to, in order.
fn labels(image: &Image) -> HashMap<usize, Vec<Slot>> {
    let mut labels: HashMap<usize, Vec<Slot>> = HashMap::new();
    for r in image.data.iter().flat_map(|data| &data.refs) {
        if let Target::Code { func: FuncId(func), at } = r.target {
            labels.entry(func as usize).or_default().push(at);
        }
    }
    labels.values_mut().for_each(|slots| slots.sort_unstable());
    labels
}

fn code_error(layout: &Layout<'_>, func: usize, error: CheckError) -> Error {
    let objects = &layout.kept.objects;
    let id = layout.funcs[func];
    let name = objects.func_name(id).to_owned();
    let at = match error {
        CheckError::Decode { at, .. }
        | CheckError::JumpOut { at, .. }
        | CheckError::JumpIntoImm64 { at, .. }
        | CheckError::FallsOff { at }
        | CheckError::WritesFramePointer { at } => at,
        _ => Slot(0),
    };
    let site = Site::in_func(objects, id, at);
    let CheckError::JumpOut { off, .. } = error else {
        return Error::Code { site, func: name, source: error };
    };
    let info = objects.func(id);
    let target = Slot(info.start + at.0).jump(off);
    let lands = target.and_then(|slot| objects.func_at(id.other(info.section), slot));
    Error::JumpAcross { site, off, func: name, lands: lands.map(|func| objects.func_name(func).to_owned()) }
}

/// A pointer to the second slot of `ld_imm64`.
fn label_error(layout: &Layout<'_>, func: usize, at: Slot) -> Error {
    let objects = &layout.kept.objects;
    let id = layout.funcs[func];
    let pieces = layout.data.iter().flat_map(|section| &section.pieces);
    let mut pointers =
        pieces.flat_map(|&(piece, _)| layout.kept.pointers(piece).iter().map(move |p| (piece, p)));
    let holder = pointers.find(|(_, p)| p.referent == Referent::Code(id, at));
    let (section, offset) = holder.map_or((id.other(objects.func(id).section), 0), |(piece, p)| {
        (objects.section_of(piece).0, objects.piece(piece).start + p.at)
    });
    let site = Site::new(objects, section, offset);
    let table = objects.section(section).name.clone();
    let func = objects.func_name(id).to_owned();
    Error::JumpTable { site, table, problem: JumpTableProblem::SecondSlot { func, into: at.bytes() } }
}
