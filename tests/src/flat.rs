//! An image as one piece of code, for what knows no functions.

use skep_insn::Endian;
use skep_object::image::{FuncId, Image, Target};

use crate::slot::{CALL, Slot, fields, insn};

/// `BPF_PSEUDO_FUNC`: `src` of `ld_imm64` with the address of a function.
const PSEUDO_FUNC: u8 = 4;
/// `BPF_PSEUDO_CALL`: `src` of a `call` of a function of the program.
const PSEUDO_CALL: u8 = 1;

/// Where each function begins, in slots: `main` first, then the others.
#[must_use]
pub fn starts(image: &Image, main: FuncId) -> Vec<usize> {
    let mut starts = vec![0; image.funcs.len()];
    let mut at = 0;
    for id in order(image, main) {
        starts[id.0 as usize] = at;
        at += image.func(id).code.len();
    }
    starts
}

fn order(image: &Image, main: FuncId) -> impl Iterator<Item = FuncId> {
    let all = (0..).map(FuncId).take(image.funcs.len());
    [main].into_iter().chain(all.filter(move |&id| id != main))
}

/// The code of all functions, which refer to each other; `place` says how an `ld_imm64` gets at something else: its `src`,
/// and both immediates.
///
/// # Errors
/// If the code refers to something else.
pub fn flat(
    image: &Image,
    main: FuncId,
    place: impl Fn(Target) -> Option<(u8, [i32; 2])>,
) -> Result<Vec<Slot>, String> {
    let starts = starts(image, main);
    let mut code: Vec<Slot> = Vec::new();
    for id in order(image, main) {
        code.extend(image.func(id).code.iter().map(|slot| slot.to_bytes(Endian::Little)));
    }
    for (start, func) in starts.iter().zip(&image.funcs) {
        for reference in &func.refs {
            let at = start + reference.at.index();
            let f = fields(code[at]);
            match reference.target {
                Target::Func(to) => {
                    let distance = starts[to.0 as usize].cast_signed() - at.cast_signed() - 1;
                    let imm = i32::try_from(distance).map_err(|error| error.to_string())?;
                    let src = if f.code == CALL { PSEUDO_CALL } else { PSEUDO_FUNC };
                    code[at] = insn(f.code, f.dst, src, 0, imm);
                }
                other => {
                    let placed = place(other);
                    let (src, [low, high]) =
                        placed.ok_or_else(|| format!("a reference to {}", image.target_name(other)))?;
                    code[at] = insn(f.code, f.dst, src, 0, low);
                    code[at + 1] = insn(0, 0, 0, 0, high);
                }
            }
        }
    }
    Ok(code)
}
