//! What makes code a function.

use skep_insn::check::{CheckError, function, function_with};
use skep_insn::{Insn, RawInsn, Slot, text};

/// Slots of `;`-separated text; `.` is the second slot of nothing: opcode 0.
fn slots(code: &str) -> Vec<RawInsn> {
    let lines = code.split(';').map(str::trim).filter(|line| !line.is_empty());
    lines
        .flat_map(|line| match line {
            "." => vec![RawInsn::default()],
            _ => text::parse(line).unwrap_or_else(|err| panic!("{line}: {err}")).encode().as_slice().to_vec(),
        })
        .collect()
}

#[track_caller]
fn check(code: &str, expected: &str) {
    let found = match function(&slots(code)) {
        Ok(()) => "ok".to_owned(),
        Err(err) => err.to_string(),
    };
    assert_eq!(found, expected, "{code}");
}

#[test]
fn functions() {
    check("exit", "ok");
    check("r0 = 1 ll; exit", "ok");
    check("goto -1", "ok");
    check("goto +0; exit", "ok");
    check("if r1 == 0 goto +1; r0 = 1; exit", "ok");
    check("exit; goto -2", "ok");
    check("gotox r1", "ok");
    check("call 1", "ok");
    check("callx r1", "ok");
    check("r1 = r10; *(u64 *)(r10 - 8) = r1; exit", "ok");
    check("r1 = 1 ll; goto -3", "ok");
    check("goto +2; r1 = 1 ll; exit", "ok");
    check("may_goto +0; exit", "ok");
}

#[test]
fn a_jump_stays_inside() {
    check("goto +1; exit", "slot 0: jump by 1 leaves the function of 2 slots");
    check("goto -2", "slot 0: jump by -2 leaves the function of 1 slots");
    check("exit; if r1 == 0 goto -3", "slot 1: jump by -3 leaves the function of 2 slots");
    check("r1 = 1 ll; if w1 > 1 goto +7; exit", "slot 2: jump by 7 leaves the function of 4 slots");
    check("may_goto 32767; exit", "slot 0: jump by 32767 leaves the function of 2 slots");
    check("gotol 2147483647; exit", "slot 0: jump by 2147483647 leaves the function of 2 slots");
    check("gotol -2147483648; exit", "slot 0: jump by -2147483648 leaves the function of 2 slots");
}

#[test]
fn a_jump_lands_on_an_insn() {
    let into = |at, target| {
        format!(
            "slot {at}: jump to slot {target}, the second slot of ld_imm64; expected the start of an insn"
        )
    };
    check("goto +1; r1 = 1 ll; exit", &into(0, 2));
    check("r1 = 1 ll; goto -2", &into(2, 1));
    check("r1 = 1 ll; r1 = 2 ll; if r1 == 0 goto -2; exit", &into(4, 3));
    check("r1 = 1 ll; r1 = 2 ll; if r1 == 0 goto -3; exit", "ok");
    // An immediate that looks like the opcode does not make a target's neighbour an ld_imm64.
    check("r1 = 24; goto +0; exit", "ok");
    check("goto +1; r1 = 0x18 ll; exit", &into(0, 2));
    check("goto +0; r1 = 0x18 ll; exit", "ok");
}

#[test]
fn control_stays_inside() {
    check("", "the function is empty; expected at least exit");
    let falls = |at| {
        format!("slot {at}: the last insn falls off the end of the function; expected exit, goto or a call")
    };
    check("r0 = 1", &falls(0));
    check("exit; r0 = 1 ll", &falls(1));
    check("exit; if r1 == 0 goto -1", &falls(1));
    check("exit; may_goto -1", &falls(1));
    check("exit; lock *(u64 *)(r1 + 0) += r2", &falls(1));
}

#[test]
fn the_frame_pointer_is_read_only() {
    for insn in [
        "r10 += 1",
        "w10 = 1",
        "r10 = r1",
        "r10 = -r10",
        "r10 = (s8)r1",
        "r10 = be16 r10",
        "r10 = addr_space_cast(r1, 1, 0)",
        "r10 = 1 ll",
        "ld_pseudo r10, 1, 1",
        "r10 = *(u64 *)(r1 + 0)",
        "r10 = *(s8 *)(r1 + 0)",
        "w10 = load_acquire((u8 *)(r1 + 0))",
        "r10 = atomic_fetch_add((u64 *)(r1 + 0), r10)",
        "r10 = xchg_64(r1 + 0, r10)",
    ] {
        check(&format!("r0 = 0; {insn}; exit"), "slot 1: r10 is written; the frame pointer is read-only");
    }
    for insn in [
        "*(u64 *)(r10 - 8) = r10",
        "lock *(u64 *)(r10 - 8) += r10",
        "store_release((u64 *)(r10 - 8), r10)",
        "r0 = cmpxchg_64(r10 - 8, r0, r10)",
        "if r10 == 0 goto +0",
        "r0 = *(u8 *)skb[r10]",
    ] {
        check(&format!("{insn}; exit"), "ok");
    }
}

#[test]
fn every_slot_decodes() {
    let truncated = &slots("exit; r1 = 1 ll")[..2];
    let err = function(truncated).unwrap_err();
    assert_eq!(err.to_string(), "slot 1 does not decode");
    let source = std::error::Error::source(&err).unwrap().to_string();
    assert_eq!(source, "ld_imm64 lacks its second slot in insn 0x18 dst 1 src 0 off 0 imm 0x1");

    check(".; exit", "slot 0 does not decode");
    check("exit; .; exit", "slot 1 does not decode");
    // Unreachable code is no exception, and the first offence counts.
    check("exit; .; r10 = 1; exit", "slot 1 does not decode");
    check("r10 = 1; .; exit", "slot 0: r10 is written; the frame pointer is read-only");
    // A jump to what is no instruction at all.
    check("goto +0; .; exit", "slot 1 does not decode");
    check("goto +1; exit; .", "slot 2 does not decode");
}

#[test]
fn the_visitor_sees_each_insn_once_in_order() {
    let code = slots("r1 = 1 ll; r0 = r1; if r0 == 0 goto +1; exit; exit");
    let mut seen = Vec::new();
    function_with(&code, |at, insn| seen.push((at.0, insn.to_string()))).unwrap();
    let expected =
        [(0, "r1 = 0x1 ll"), (2, "r0 = r1"), (3, "if r0 == 0x0 goto +0x1"), (4, "exit"), (5, "exit")];
    assert_eq!(seen, expected.map(|(at, text)| (at, text.to_owned())));

    let mut seen = 0;
    let err = function_with(&slots("r0 = 1; r0 = 2; ."), |_, _| seen += 1).unwrap_err();
    assert!(matches!(err, CheckError::Decode { at: Slot(2), .. }));
    assert_eq!(seen, 2);
}

/// Counted in visits, not in time: a million slots, with a jump in each second insn that spans everything it can.
#[test]
fn a_million_slots_take_a_million_visits() {
    const LEN: u32 = 1_000_000;
    let mut code = Vec::new();
    while code.len() + 4 <= LEN as usize {
        let at = Slot(code.len().try_into().unwrap());
        let off = at.offset_to(Slot(LEN - 1)).unwrap();
        code.extend(Insn::Jump { off, long: true }.encode().as_slice());
        code.extend(slots("r1 = 1 ll"));
    }
    code.resize(LEN as usize - 1, slots("r0 = 0")[0]);
    code.extend(slots("exit"));

    let (mut visits, mut covered, mut order) = (0u32, 0u32, true);
    function_with(&code, |at, insn| {
        visits += 1;
        order &= at.0 == covered;
        covered += insn.slots();
    })
    .unwrap();
    assert!(order);
    assert_eq!(covered, LEN);
    let wide = code.iter().filter(|slot| slot.code == 0x18).count();
    assert_eq!(visits as usize, LEN as usize - wide);
    assert!(wide > 300_000);
}
