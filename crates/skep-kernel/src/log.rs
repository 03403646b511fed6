//! The logs of the kernel.

use std::io;
use std::os::fd::OwnedFd;

/// Room for a log, in bytes: at first, where most fit, and at most.
pub(crate) const WHOLE: (usize, usize) = (64 << 10, 64 << 20);
/// The same, where what counts stands at the end.
pub(crate) const TAIL: (usize, usize) = (1 << 20, 1 << 20);

/// Calls with a log, again with a longer one if it is too short; the call tells how long the log would like to be.
/// Of a log that is still too long, kernels since 6.4 give the end.
pub(crate) fn with_log(
    (first, most): (usize, usize),
    mut call: impl FnMut(&mut [u8]) -> (io::Result<OwnedFd>, u32),
) -> (io::Result<OwnedFd>, String) {
    let mut len = first;
    loop {
        let mut log = vec![0; len];
        let (result, wanted) = call(&mut log);
        let is_short = matches!(&result, Err(error) if error.raw_os_error() == Some(libc::ENOSPC));
        if is_short && len < most {
            let wanted = usize::try_from(wanted).unwrap_or(0);
            len = if wanted > len { wanted } else { len * 8 }.min(most);
            continue;
        }
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        let log = String::from_utf8_lossy(&log[..end]);
        let log = match log.split_once('\n') {
            Some((_, rest)) if is_short => format!("[the beginning is cut off]\n{rest}"),
            _ => log.into_owned(),
        };
        return (result, log);
    }
}

/// What the verifier's log says in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conclusion {
    /// The lines that say why.
    pub(crate) reason: String,
    /// The instruction that it is about, in slots from the program's start.
    pub(crate) slot: Option<u32>,
}

/// How many lines of a reason are shown.
const LINES: usize = 3;

/// Finds out what a log says. Its format changes from kernel to kernel, so little of it is relied on: instructions
/// are `12: (85) ...`, and what stands behind the last of them, and is no state and no count, is the reason.
pub(crate) fn conclude(log: &str) -> Conclusion {
    let mut reason: Vec<&str> = Vec::new();
    let mut slot = None;
    for line in log.lines().rev() {
        slot = instruction(line);
        if slot.is_some() {
            break;
        }
        if is_reason(line) {
            reason.push(line.trim());
        }
    }
    reason.reverse();
    // Before the first instruction there are remarks on types.
    let reason = &reason[if slot.is_none() { reason.len().saturating_sub(1) } else { 0 }..];
    let slot = reason.iter().find_map(|line| mentioned(line)).or(slot);
    Conclusion { reason: reason[..reason.len().min(LINES)].join("; "), slot }
}

/// The number of an instruction, if the line is one: `12: (85) call bpf_map_lookup_elem#1`.
fn instruction(line: &str) -> Option<u32> {
    let (number, rest) = line.split_once(": (")?;
    let (code, _) = rest.split_once(')')?;
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())?;
    number.trim().parse().ok()
}

/// The number of an instruction that a reason mentions: `unreachable insn 2`.
fn mentioned(line: &str) -> Option<u32> {
    let (_, rest) = line.split_once("insn ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// Whether a line is neither a source line, nor a state of registers, nor a count.
fn is_reason(line: &str) -> bool {
    const OTHERS: [&str; 20] = [
        "; ",
        "from ",
        "func#",
        "last_idx",
        "mark_precise",
        "regs=",
        "parent ",
        "Func#",
        "Validating ",
        "caller:",
        "callee:",
        "returning from",
        "propagating",
        "cur state:",
        "old state:",
        "processed ",
        "verification time",
        "stack depth",
        "insns processed",
        "[the beginning",
    ];
    let line = line.trim();
    let state = line
        .split_once(": ")
        .filter(|(number, _)| number.parse::<u32>().is_ok())
        .map_or(line, |(_, rest)| rest);
    !line.is_empty() && !is_state(state.trim()) && !OTHERS.iter().any(|other| line.starts_with(other))
}

/// Whether this lists registers: `R1=ctx() R10=fp0`, `frame1: R0=1 cb`.
fn is_state(text: &str) -> bool {
    let text = match text.split_once(": ") {
        Some((frame, rest)) if frame.starts_with("frame") => rest,
        _ => text,
    };
    let register = text.split_once('=').and_then(|(name, _)| name.split('_').next()?.strip_prefix('R'));
    register.is_some_and(|number| number.parse::<u8>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::{Conclusion, conclude};

    fn check(log: &str, reason: &str, slot: Option<u32>) {
        assert_eq!(conclude(log), Conclusion { reason: reason.to_owned(), slot });
    }

    #[test]
    fn the_reason_is_what_stands_behind_the_last_instruction() {
        check(
            "0: R1=ctx() R10=fp0\n; int x = *p; @ a.c:3\n0: (61) r0 = *(u32 *)(r2 +0)\nR2 !read_ok\n\
             processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n",
            "R2 !read_ok",
            Some(0),
        );
        check(
            "12: (79) r3 = *(u64 *)(r0 +0)\nR0 invalid mem access 'map_value_or_null'\nprocessed 9 insns\n",
            "R0 invalid mem access 'map_value_or_null'",
            Some(12),
        );
    }

    #[test]
    fn states_and_counts_are_no_reason() {
        check(
            "0: (05) goto pc-1\ninfinite loop detected at insn 0\ncur state: R1=ctx() R10=fp0\nold state: R1=ctx()\nprocessed 9 insns\n",
            "infinite loop detected at insn 0",
            Some(0),
        );
        check(
            "2: (85) call pc-1\ncaller:\n frame6: R10=fp0\ncallee:\n frame7: R1=ctx() R10=fp0\n2: frame7: R1=ctx() R10=fp0\n\
             2: (85) call pc-1\nthe call stack of 9 frames is too deep\n",
            "the call stack of 9 frames is too deep",
            Some(2),
        );
        check(
            "1: (71) r0 = *(u8 *)(r2 +0)\nR2(id=0,off=0,r=0)\nR2 offset is outside\n",
            "R2(id=0,off=0,r=0); R2 offset is outside",
            Some(1),
        );
    }

    #[test]
    fn a_log_may_say_nothing_about_instructions() {
        check(
            "arg#0 reference type('UNKNOWN ') size cannot be determined: -22\nunreachable insn 2\nprocessed 0 insns\n",
            "unreachable insn 2",
            Some(2),
        );
        check("back-edge from insn 3 to 1\n", "back-edge from insn 3 to 1", Some(3));
        check("", "", None);
    }
}
