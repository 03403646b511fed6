//! What to do about a refusal.
//!
//! To add an explanation: a row in `REMEDIES`, and a case in `tests/it/refusals.rs`.

use std::io;

use skep_object::section::ProgType;

use crate::error;
use crate::sys::ProgLoad;

/// What the kernel says, in parts that stand in this order, and what to do about it.
static REMEDIES: &[(&[&str], &str)] = &[
    (
        &["invalid mem access 'map_value_or_null'"],
        "the key may not be in the map: compare what the lookup returned with 0 before it is used",
    ),
    (&["invalid mem access '", "or_null'"], "the pointer may be null: compare it with 0 before it is used"),
    (
        &["outside of the packet"],
        "compare the end of the access with `data_end` first, in the same function, with the same pointer",
    ),
    (
        &["outside of the allowed memory range"],
        "the index may be too large: compare it with the size first, as an unsigned number",
    ),
    (&["min value is negative"], "the index may be negative: make it unsigned, or compare it with 0 first"),
    (
        &["unbounded memory access"],
        "the index has no upper limit that the verifier knows: compare it with the size, or mask it with `&`",
    ),
    (
        &["invalid mem access 'scalar'"],
        "it is a number, not a pointer: memory of the kernel is read by `bpf_probe_read_kernel`, and pointers that were stored in maps or data are lost",
    ),
    (&["R0 !read_ok"], "every path must set the result before `exit`"),
    (&["!read_ok"], "it has no value on some path; after a call r1 to r5 have none"),
    (&["invalid read from stack"], "the variable has no value on some path: set it where it is declared"),
    (&["invalid write to stack"], "a frame has 512 bytes: put what is large into a map"),
    (
        &["combined stack size of"],
        "functions that call each other have 512 bytes of stack together: put what is large into a map",
    ),
    (&["call stack", "frames is too deep"], "calls nest 8 deep at most, and a function cannot call itself"),
    (
        &["infinite loop detected"],
        "nothing changes from one round to the next: count the rounds, or use `bpf_loop` or `may_goto`",
    ),
    (&["back-edge"], "this kernel takes no loops: unroll it"),
    (
        &["BPF program is too large. Processed"],
        "the verifier walks through each round and branch: make loops shorter (or use `bpf_loop` or `may_goto`), or verify parts once, as global functions",
    ),
    (
        &["The sequence of", "jumps is too complex"],
        "there are too many branches: verify parts once, as global functions, or split the program by tail calls",
    ),
    (&["unreachable insn"], "no path leads there: remove it"),
    (&["invalid bpf_context access"], "programs of this type may not read or write the context there"),
    (&["unknown func"], "programs of this type may not call this helper, or this kernel does not have it"),
    (&["program of this type cannot use helper"], "programs of this type may not call this helper"),
    (
        &["invalid func unknown#195896080"],
        "the field or type that is accessed here does not exist in this kernel",
    ),
    (&["invalid func unknown#2002"], "the kernel has no function of this name; check for it first"),
    (&["invalid func unknown#"], "no helper has this number"),
    (
        &["calling kernel function", "is not allowed"],
        "programs of this type may not call this kernel function",
    ),
    (&["cannot call GPL-restricted function from non-GPL compatible program"], GPL),
    (&["cannot call GPL"], GPL),
    (
        &["Unreleased reference"],
        "what was acquired must be released on every path, as by `bpf_ringbuf_submit` or `bpf_sk_release`",
    ),
    (
        &["failed to find the address for kernel symbol"],
        "the kernel was built without CONFIG_KALLSYMS_ALL, so it does not know where its variables are",
    ),
    (&["leads to invalid memory access"], "the register may point elsewhere on another path"),
    (&["pointer += pointer prohibited"], "addresses cannot be added"),
    (&["pointer arithmetic", "prohibited"], "only numbers can be added to and subtracted from this pointer"),
    (
        &["At program exit the register R0", "should have been in"],
        "the verifier must see that the result is one of the numbers that this type of program may return",
    ),
    (
        &["type=", "expected="],
        "the helper takes another kind of pointer, or none; is the order of its arguments right?",
    ),
    (&["jump out of range"], "a jump leads out of its function"),
];

const GPL: &str = "the function is only for programs under the GPL: say so with `.license \"GPL\"`, or `char LICENSE[] SEC(\"license\") = \"GPL\"`";

/// What to do about a refusal; empty if that is not known.
pub(crate) fn remedy(request: &ProgLoad<'_>, errno: &io::Error, log: &str, types: &[String]) -> String {
    if log.contains("missing btf func_info") && !types.is_empty() {
        return types.join("; ");
    }
    let end = last_lines(log);
    if let Some((_, remedy)) = REMEDIES.iter().find(|(parts, _)| has_all(end, parts)) {
        return (*remedy).to_owned();
    }
    match errno.raw_os_error() {
        Some(libc::E2BIG) if log.is_empty() => {
            format!("it has {} instructions; a process without privileges may load 4096", request.code.len())
        }
        Some(libc::EPERM) if log.is_empty() => error::remedy(errno).trim_start_matches("; ").to_owned(),
        Some(libc::EINVAL) if log.is_empty() => format!(
            "the kernel does not know the program type {} with attach type {} and flags {:#x}, or does not allow it",
            ProgType(request.ty),
            request.attach_type,
            request.flags
        ),
        _ => String::new(),
    }
}

/// As much of the end of a log as may hold the reason.
fn last_lines(log: &str) -> &str {
    let start = log.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
    &log[start..]
}

fn has_all(mut text: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| match text.find(part) {
        Some(at) => {
            text = &text[at + part.len()..];
            true
        }
        None => false,
    })
}
