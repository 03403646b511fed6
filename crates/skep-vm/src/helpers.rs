//! Helpers: functions that programs call by number.
//!
//! In user space the kernel's helpers do what their documentation says, with the same error numbers: those for maps,
//! memory, strings, time, identity, locks and calling back. `bpf_trace_printk` writes a line to the standard error
//! stream. The probe helpers read the memory of this process, and fail where there is none; for checked programs, where
//! there is none of their own.
//!
//! One table holds those of the kernel that have a meaning without it, and skep's own from 10000 on. To add a helper: a
//! function `fn(&mut Cx, [u64; 5]) -> Result<u64, TrapKind>` in the file of its kin, and a row here. What the kernel would
//! return as an error number is returned; what its verifier would refuse, such as a bad pointer, ends the run.

use skep_insn::helper::{Helper, user_name};

use crate::cx::{Cx, HelperFn};
use crate::error::TrapKind;

pub(crate) use ringbuf::commit_record;
pub use stdio::flush;

mod clock;
mod control;
mod dynptr;
mod format;
mod identity;
mod maps;
mod memory;
mod print;
mod ringbuf;
pub(crate) mod safe_copy;
mod stdio;
mod sync;
mod text;

/// A helper.
#[derive(Debug)]
pub(crate) struct HelperEntry {
    pub(crate) id: i32,
    pub(crate) name: &'static str,
    pub(crate) func: HelperFn,
}

/// The helper of this number. `bpf_tail_call` is none: it is an instruction of the interpreter.
pub(crate) fn find(id: i32) -> Option<&'static HelperEntry> {
    let index = TABLE.binary_search_by_key(&id, |entry| entry.id).ok()?;
    Some(&TABLE[index])
}

/// The name of the helper of this number, if user space has it: the kernel's, or one of skep's own, from 10000 on.
#[must_use]
pub fn name(id: i32) -> Option<&'static str> {
    find(id).map(|entry| entry.name)
}

/// Why there is no helper of this number.
pub(crate) fn unsupported(id: i32) -> String {
    match Helper::from_id(id) {
        Some(helper) => format!(
            "helper {} (#{id}) needs the kernel; user space has those for maps, memory, strings, time and control flow",
            helper.name()
        ),
        None => format!(
            "helper #{id} is unknown: the kernel's are 1 to {}, those of skep and of the host are from {} on",
            Helper::ALL.len(),
            crate::host::FIRST_USER_HELPER
        ),
    }
}

const fn kernel(helper: Helper, func: HelperFn) -> HelperEntry {
    HelperEntry { id: helper.id(), name: helper.name(), func }
}

/// One of skep's own; a number without a name does not compile.
const fn own(id: i32, func: HelperFn) -> HelperEntry {
    HelperEntry { id, name: user_name(id).unwrap(), func }
}

/// By number.
static TABLE: &[HelperEntry] = &[
    kernel(Helper::MapLookupElem, maps::lookup),
    kernel(Helper::MapUpdateElem, maps::update),
    kernel(Helper::MapDeleteElem, maps::delete),
    kernel(Helper::ProbeRead, memory::probe_read),
    kernel(Helper::KtimeGetNs, clock::monotonic),
    kernel(Helper::TracePrintk, print::trace_printk),
    kernel(Helper::GetPrandomU32, identity::random),
    kernel(Helper::GetSmpProcessorId, identity::cpu),
    kernel(Helper::GetCurrentPidTgid, identity::pid_tgid),
    kernel(Helper::GetCurrentUidGid, identity::uid_gid),
    kernel(Helper::GetCurrentComm, identity::comm),
    kernel(Helper::CsumDiff, memory::csum_diff),
    kernel(Helper::ProbeWriteUser, memory::probe_write),
    kernel(Helper::GetNumaNodeId, identity::numa_node),
    kernel(Helper::ProbeReadStr, memory::probe_read_str),
    kernel(Helper::MapPushElem, maps::push),
    kernel(Helper::MapPopElem, maps::pop),
    kernel(Helper::MapPeekElem, maps::peek),
    kernel(Helper::SpinLock, sync::spin_lock),
    kernel(Helper::SpinUnlock, sync::spin_unlock),
    kernel(Helper::Strtol, text::strtol),
    kernel(Helper::Strtoul, text::strtoul),
    kernel(Helper::ProbeReadUser, memory::probe_read),
    kernel(Helper::ProbeReadKernel, memory::probe_read),
    kernel(Helper::ProbeReadUserStr, memory::probe_read_str),
    kernel(Helper::ProbeReadKernelStr, memory::probe_read_str),
    kernel(Helper::Jiffies64, clock::jiffies),
    kernel(Helper::KtimeGetBootNs, clock::boot),
    kernel(Helper::RingbufOutput, ringbuf::output),
    kernel(Helper::RingbufReserve, ringbuf::reserve),
    kernel(Helper::RingbufSubmit, ringbuf::submit),
    kernel(Helper::RingbufDiscard, ringbuf::discard),
    kernel(Helper::RingbufQuery, ringbuf::query),
    kernel(Helper::CopyFromUser, memory::probe_read),
    kernel(Helper::KtimeGetCoarseNs, clock::coarse),
    kernel(Helper::ForEachMapElem, control::for_each_map_elem),
    kernel(Helper::Snprintf, print::snprintf),
    kernel(Helper::TraceVprintk, print::trace_vprintk),
    kernel(Helper::Loop, control::repeat),
    kernel(Helper::Strncmp, text::strncmp),
    kernel(Helper::KptrXchg, sync::kptr_xchg),
    kernel(Helper::MapLookupPercpuElem, maps::lookup_percpu),
    kernel(Helper::DynptrFromMem, dynptr::from_mem),
    kernel(Helper::RingbufReserveDynptr, ringbuf::reserve_dynptr),
    kernel(Helper::RingbufSubmitDynptr, ringbuf::submit_dynptr),
    kernel(Helper::RingbufDiscardDynptr, ringbuf::discard_dynptr),
    kernel(Helper::DynptrRead, dynptr::read),
    kernel(Helper::DynptrWrite, dynptr::write),
    kernel(Helper::DynptrData, dynptr::data),
    kernel(Helper::KtimeGetTaiNs, clock::tai),
    own(10_000, print::print),
    own(10_001, maps::get_next_key),
    own(10_002, maps::lookup_copy),
    own(10_003, maps::update_any),
    own(10_004, maps::delete_any),
    own(10_005, maps::lookup_and_delete),
    own(10_006, identity::possible_cpus),
];

/// An error number as programs see it.
fn errno(code: i32) -> u64 {
    i64::from(-code).cast_unsigned()
}

/// The low half of an argument of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "what the callee's parameter does")]
fn low(arg: u64) -> u32 {
    arg as u32
}

/// A helper's refusal of what the kernel's verifier would not have let through.
fn refuse<T>(helper: &str, reason: impl Into<String>) -> Result<T, TrapKind> {
    Err(TrapKind::callee(helper, reason))
}

/// The result of an operation of [`Map`](crate::map::Map).
fn returned(code: i64) -> Result<u64, TrapKind> {
    Ok(code.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::{TABLE, find, unsupported};

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        assert!(TABLE.is_sorted_by(|a, b| a.id < b.id));
        for entry in TABLE {
            assert_eq!(find(entry.id).map(|found| found.name), Some(entry.name));
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (id, expected) in [
            (
                26,
                "helper bpf_skb_load_bytes (#26) needs the kernel; user space has those for maps, memory, strings, time and control flow",
            ),
            (
                300,
                "helper #300 is unknown: the kernel's are 1 to 211, those of skep and of the host are from 10000 on",
            ),
            (
                -1,
                "helper #-1 is unknown: the kernel's are 1 to 211, those of skep and of the host are from 10000 on",
            ),
        ] {
            assert!(find(id).is_none());
            assert_eq!(unsupported(id), expected);
        }
    }
}
