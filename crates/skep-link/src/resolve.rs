//! Fills in what everything refers to, and checks that each function is one.

use std::collections::HashMap;

use skep_insn::Slot;
use skep_insn::check::{CheckError, function_with};
use skep_object::Image;
use skep_object::image::{DataRef, FuncId, Ref, Target};

use crate::error::{Error, JumpTableProblem};
use crate::objects::In;
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
    for (data, &id) in image.data.iter_mut().zip(&layout.data) {
        let target = |p: &Pointer| Some(DataRef { at: p.at, target: layout.target(p.referent)? });
        data.refs = kept.pointers(id).iter().filter_map(target).collect();
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
            return Err(label_error(image, layout, index, at));
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
    let inputs = &layout.kept.inputs;
    let id = layout.funcs[func];
    let name = inputs.func_name(id).to_owned();
    let at = match error {
        CheckError::Decode { at, .. }
        | CheckError::JumpOut { at, .. }
        | CheckError::JumpIntoImm64 { at, .. }
        | CheckError::FallsOff { at }
        | CheckError::WritesFramePointer { at } => at,
        _ => Slot(0),
    };
    let site = Site::in_func(inputs, id, at);
    let CheckError::JumpOut { off, .. } = error else {
        return Error::Code { site, func: name, source: error };
    };
    let info = inputs.func(id);
    let target = Slot(info.start + at.0).jump(off);
    let lands = target.and_then(|slot| inputs.func_at(id.other(info.section), slot));
    Error::JumpAcross { site, off, func: name, lands: lands.map(|func| inputs.func_name(func).to_owned()) }
}

/// A pointer to the second slot of `ld_imm64`.
fn label_error(image: &Image, layout: &Layout<'_>, func: usize, at: Slot) -> Error {
    let inputs = &layout.kept.inputs;
    let id = layout.funcs[func];
    let holders = image.data.iter().zip(&layout.data);
    let holder = holders.flat_map(|(data, &id)| data.refs.iter().map(move |r| (id, r))).find(|(_, r)| {
        matches!(r.target, Target::Code { func: FuncId(f), at: slot } if f as usize == func && slot == at)
    });
    let (section, offset) =
        holder.map_or((id.other(inputs.func(id).section), 0), |(section, r)| (section, r.at));
    let site = Site::new(inputs, In { ..section }, offset);
    let table = inputs.section(section).name.clone();
    let func = inputs.func_name(id).to_owned();
    Error::JumpTable { site, table, problem: JumpTableProblem::SecondSlot { func, into: at.bytes() } }
}
