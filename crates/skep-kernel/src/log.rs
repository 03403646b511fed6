//! The logs of the kernel.

use std::io;
use std::os::fd::OwnedFd;

/// What a log has room for at first, in bytes: most fit.
const FIRST: usize = 64 << 10;
/// What a log may have at most, in bytes.
const MOST: usize = 64 << 20;

/// Calls with a log, again with a longer one if it is too short; the call tells how long the log would like to be.
pub(crate) fn with_log(
    mut call: impl FnMut(&mut [u8]) -> (io::Result<OwnedFd>, u32),
) -> (io::Result<OwnedFd>, String) {
    let mut len = FIRST;
    loop {
        let mut log = vec![0; len];
        let (result, wanted) = call(&mut log);
        let is_short = matches!(&result, Err(error) if error.raw_os_error() == Some(libc::ENOSPC));
        if is_short && len < MOST {
            let wanted = usize::try_from(wanted).unwrap_or(0);
            len = if wanted > len { wanted } else { len * 8 }.min(MOST);
            continue;
        }
        let end = log.iter().position(|&byte| byte == 0).unwrap_or(log.len());
        return (result, String::from_utf8_lossy(&log[..end]).into_owned());
    }
}

/// What the verifier's log says in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conclusion {
    /// The lines that say why.
    pub(crate) reason: String,
    /// The instruction that was looked at last, in slots from the program's start.
    pub(crate) slot: Option<u32>,
}

/// Finds out what a log says. Its format changes from kernel to kernel, so little of it is relied on: instructions
/// are `12: (85) ...`, and what is neither an instruction nor a state nor a count is the reason.
pub(crate) fn conclude(log: &str) -> Conclusion {
    let mut reason: Vec<&str> = Vec::new();
    let mut slot = None;
    for line in log.lines().rev() {
        if let Some(number) = instruction(line) {
            slot = Some(number);
            break;
        }
        if is_reason(line) {
            reason.push(line.trim_end());
        } else if !reason.is_empty() && !is_count(line) {
            // What stands before is about other instructions.
            slot = log.lines().rev().find_map(instruction);
            break;
        }
    }
    reason.truncate(3);
    reason.reverse();
    Conclusion { reason: reason.join("; "), slot }
}

/// The number of an instruction, if the line is one: `12: (85) call bpf_map_lookup_elem#1`.
fn instruction(line: &str) -> Option<u32> {
    let (number, rest) = line.split_once(": (")?;
    let (code, _) = rest.split_once(')')?;
    (code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(())?;
    number.trim().parse().ok()
}

/// Whether a line is neither a source line, nor a state of registers, nor a count.
fn is_reason(line: &str) -> bool {
    let is_state = |line: &str| {
        line.split_once(": ").is_some_and(|(number, rest)| {
            number.trim().parse::<u32>().is_ok()
                && (rest.trim_start().starts_with('R') || rest.trim_start().starts_with("frame"))
        })
    };
    let is_about = |line: &str| {
        [
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
        ]
        .iter()
        .any(|start| line.starts_with(start))
    };
    let line = line.trim();
    !line.is_empty()
        && !is_count(line)
        && !is_state(line)
        && !is_about(line)
        && !line.starts_with("R0=")
        && !line.starts_with("R1=ctx")
}

fn is_count(line: &str) -> bool {
    ["processed ", "verification time", "stack depth", "insns processed"]
        .iter()
        .any(|start| line.starts_with(start))
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
    fn a_log_may_say_nothing_about_instructions() {
        check("back-edge from insn 3 to 1\n", "back-edge from insn 3 to 1", None);
        check("", "", None);
    }
}
