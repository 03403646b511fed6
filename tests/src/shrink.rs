//! Makes a failing program short.

use crate::slot::{CALL, GOTO, GOTOL, LD_IMM64, MAY_GOTO, Slot, class, fields, insn};
use crate::wrap::Body;

/// Leaves out instructions as long as the program still fails.
pub fn shrink(body: &Body, mut fails: impl FnMut(&Body) -> bool) -> Body {
    let mut best = body.clone();
    let mut count = starts(&best).len();
    while count > 0 {
        let mut from = 0;
        let mut shorter = false;
        loop {
            let starts = starts(&best);
            if from >= starts.len() {
                break;
            }
            let candidate = without(&best, &starts, from, count);
            if fails(&candidate) {
                best = candidate;
                shorter = true;
            } else {
                from += count;
            }
        }
        if !shorter || count > 1 {
            count /= 2;
        }
    }
    best
}

/// Where instructions start, in the code and the functions behind it.
fn starts(body: &Body) -> Vec<usize> {
    let all = all(body);
    let mut starts = Vec::new();
    let mut at = 0;
    while at < all.len() {
        starts.push(at);
        at += slots(all[at]);
    }
    starts
}

fn all(body: &Body) -> Vec<Slot> {
    [&body.code[..], &body.functions[..]].concat()
}

fn slots(slot: Slot) -> usize {
    if slot[0] == LD_IMM64 { 2 } else { 1 }
}

/// The program without `count` instructions; jumps to them land on what followed.
fn without(body: &Body, starts: &[usize], from: usize, count: usize) -> Body {
    let all = all(body);
    let removed = starts[from]..starts.get(from + count).copied().unwrap_or(all.len());
    let moved = |at: usize| {
        if at < removed.start { at } else { removed.start.max(at.saturating_sub(removed.len())) }
    };
    let mut kept = Vec::new();
    for &at in starts.iter().filter(|&&at| !removed.contains(&at)) {
        let slot = match target(all[at], at) {
            Some(target) => retargeted(all[at], moved(at), moved(target)),
            None => all[at],
        };
        kept.push(slot);
        kept.extend_from_slice(&all[at + 1..at + slots(all[at])]);
    }
    let functions = kept.split_off(moved(body.code.len()));
    Body { code: kept, functions, ..body.clone() }
}

/// Where a jump or call leads.
fn target(slot: Slot, at: usize) -> Option<usize> {
    let f = fields(slot);
    let off = match (f.code, f.code & 7) {
        (GOTOL, _) => f.imm,
        (CALL, _) | (LD_IMM64, _) if !matches!((f.code, f.src), (CALL, 1) | (LD_IMM64, 4)) => return None,
        (CALL | LD_IMM64, _) => f.imm,
        (GOTO | MAY_GOTO, _) => f.off.into(),
        (code, class::JMP | class::JMP32)
            if (0x10..0x80).contains(&(code & 0xf0)) || (0xa0..0xe0).contains(&(code & 0xf0)) =>
        {
            f.off.into()
        }
        _ => return None,
    };
    usize::try_from(i64::try_from(at).ok()? + 1 + i64::from(off)).ok()
}

fn retargeted(slot: Slot, at: usize, target: usize) -> Slot {
    let f = fields(slot);
    let off = i64::try_from(target).unwrap_or(0) - i64::try_from(at).unwrap_or(0) - 1;
    match f.code {
        GOTOL | CALL | LD_IMM64 => insn(f.code, f.dst, f.src, f.off, i32::try_from(off).unwrap_or(0)),
        _ => insn(f.code, f.dst, f.src, i16::try_from(off).unwrap_or(0), f.imm),
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;
    use crate::slot::{fields, insn};
    use crate::wrap::Body;

    #[test]
    fn what_matters_is_left_and_jumps_still_land() {
        let nop = insn(0xbf, 9, 9, 0, 0);
        let body = Body::new(&[
            nop,
            insn(0x15, 1, 0, 3, 0),
            nop,
            insn(0x27, 2, 0, 0, 5),
            nop,
            insn(0x85, 0, 1, 0, 1),
            nop,
        ])
        .functions(&[insn(0x95, 0, 0, 0, 0)]);
        let has = |body: &Body, code| body.code.iter().any(|slot| slot[0] == code);
        let short = shrink(&body, |body| {
            [0x15, 0x27, 0x85].iter().all(|&code| has(body, code)) && !body.functions.is_empty()
        });
        assert_eq!(short.code, [insn(0x15, 1, 0, 1, 0), insn(0x27, 2, 0, 0, 5), insn(0x85, 0, 1, 0, 0)]);
        assert_eq!(fields(short.functions[0]).code, 0x95);
    }
}
