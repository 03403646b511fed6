//! The kernel's helpers with their arguments and results: one table.
//!
//! The names are those of the kernel without `bpf_`. The table is complete up to Linux 6.18: helpers have ended with 6.2, what came
//! later are kfuncs.

use std::marker::PhantomData;

use skep_btf::P;
use skep_insn::helper::Helper as Id;

/// A helper that takes `A`, a tuple, and returns `R`.
pub struct Helper<A, R> {
    pub(super) id: Id,
    types: PhantomData<fn(A) -> R>,
}

impl<A, R> Helper<A, R> {
    const fn new(id: Id) -> Helper<A, R> {
        Helper { id, types: PhantomData }
    }

    /// Which one it is.
    #[must_use]
    pub const fn id(self) -> Id {
        self.id
    }
}

impl<A, R> Clone for Helper<A, R> {
    fn clone(&self) -> Helper<A, R> {
        *self
    }
}

impl<A, R> Copy for Helper<A, R> {}

impl<A, R> std::fmt::Debug for Helper<A, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.id, f)
    }
}

/// An argument that is a pointer to anything: memory, or an object of the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Mem;

/// An argument that is a map.
#[derive(Clone, Copy, Debug)]
pub struct AnyMap;

/// An argument that is a function, which the helper calls.
#[derive(Clone, Copy, Debug)]
pub struct Code;

/// An argument or a result, as far as it is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Int { bits: u8, signed: bool },
    Memory,
    Map,
    Code,
}

impl Part {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Part::Int { bits: 16, .. } => "an integer of 16 bits",
            Part::Int { bits: 32, .. } => "an integer of 32 bits",
            Part::Int { .. } => "an integer of 64 bits",
            Part::Memory => "a pointer",
            Part::Map => "a map",
            Part::Code => "the address of a function",
        }
    }
}

/// What a helper takes and returns.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) params: &'static [Part],
    pub(super) ret: Option<Part>,
}

trait Known {
    const PART: Part;
}

macro_rules! parts {
    ($($ty:ty = $part:expr;)*) => {$(
        impl Known for $ty {
            const PART: Part = $part;
        }
    )*};
}

parts! {
    u16 = Part::Int { bits: 16, signed: false };
    u32 = Part::Int { bits: 32, signed: false };
    i32 = Part::Int { bits: 32, signed: true };
    u64 = Part::Int { bits: 64, signed: false };
    i64 = Part::Int { bits: 64, signed: true };
    P = Part::Memory;
    Mem = Part::Memory;
    AnyMap = Part::Map;
    Code = Part::Code;
}

macro_rules! helpers {
    ($($name:ident = $id:ident, fn($($arg:ty),*) $(-> $ret:ty)?;)*) => {
        $(
            #[doc = concat!("[`", stringify!($id), "`](skep_insn::helper::Helper::", stringify!($id), ")")]
            pub const $name: Helper<($($arg,)*), helpers!(@ret $($ret)?)> = Helper::new(Id::$id);
        )*

        /// By number, from 1.
        pub(super) static SIGNATURES: &[Signature] = &[$(
            Signature { params: &[$(<$arg as Known>::PART),*], ret: helpers!(@part $($ret)?) },
        )*];

        #[cfg(test)]
        const IDS: &[Id] = &[$(Id::$id),*];
    };
    (@ret) => { () };
    (@ret $ret:ty) => { $ret };
    (@part) => { None };
    (@part $ret:ty) => { Some(<$ret as Known>::PART) };
}

helpers! {
    MAP_LOOKUP_ELEM = MapLookupElem, fn(AnyMap, Mem) -> P;
    MAP_UPDATE_ELEM = MapUpdateElem, fn(AnyMap, Mem, Mem, u64) -> i64;
    MAP_DELETE_ELEM = MapDeleteElem, fn(AnyMap, Mem) -> i64;
    PROBE_READ = ProbeRead, fn(Mem, u32, Mem) -> i64;
    KTIME_GET_NS = KtimeGetNs, fn() -> u64;
    TRACE_PRINTK = TracePrintk, fn(Mem, u32) -> i64;
    GET_PRANDOM_U32 = GetPrandomU32, fn() -> u32;
    GET_SMP_PROCESSOR_ID = GetSmpProcessorId, fn() -> u32;
    SKB_STORE_BYTES = SkbStoreBytes, fn(Mem, u32, Mem, u32, u64) -> i64;
    L3_CSUM_REPLACE = L3CsumReplace, fn(Mem, u32, u64, u64, u64) -> i64;
    L4_CSUM_REPLACE = L4CsumReplace, fn(Mem, u32, u64, u64, u64) -> i64;
    TAIL_CALL = TailCall, fn(Mem, AnyMap, u32) -> i64;
    CLONE_REDIRECT = CloneRedirect, fn(Mem, u32, u64) -> i64;
    GET_CURRENT_PID_TGID = GetCurrentPidTgid, fn() -> u64;
    GET_CURRENT_UID_GID = GetCurrentUidGid, fn() -> u64;
    GET_CURRENT_COMM = GetCurrentComm, fn(Mem, u32) -> i64;
    GET_CGROUP_CLASSID = GetCgroupClassid, fn(Mem) -> u32;
    SKB_VLAN_PUSH = SkbVlanPush, fn(Mem, u16, u16) -> i64;
    SKB_VLAN_POP = SkbVlanPop, fn(Mem) -> i64;
    SKB_GET_TUNNEL_KEY = SkbGetTunnelKey, fn(Mem, Mem, u32, u64) -> i64;
    SKB_SET_TUNNEL_KEY = SkbSetTunnelKey, fn(Mem, Mem, u32, u64) -> i64;
    PERF_EVENT_READ = PerfEventRead, fn(AnyMap, u64) -> u64;
    REDIRECT = Redirect, fn(u32, u64) -> i64;
    GET_ROUTE_REALM = GetRouteRealm, fn(Mem) -> u32;
    PERF_EVENT_OUTPUT = PerfEventOutput, fn(Mem, AnyMap, u64, Mem, u64) -> i64;
    SKB_LOAD_BYTES = SkbLoadBytes, fn(Mem, u32, Mem, u32) -> i64;
    GET_STACKID = GetStackid, fn(Mem, AnyMap, u64) -> i64;
    CSUM_DIFF = CsumDiff, fn(Mem, u32, Mem, u32, u32) -> i64;
    SKB_GET_TUNNEL_OPT = SkbGetTunnelOpt, fn(Mem, Mem, u32) -> i64;
    SKB_SET_TUNNEL_OPT = SkbSetTunnelOpt, fn(Mem, Mem, u32) -> i64;
    SKB_CHANGE_PROTO = SkbChangeProto, fn(Mem, u16, u64) -> i64;
    SKB_CHANGE_TYPE = SkbChangeType, fn(Mem, u32) -> i64;
    SKB_UNDER_CGROUP = SkbUnderCgroup, fn(Mem, AnyMap, u32) -> i64;
    GET_HASH_RECALC = GetHashRecalc, fn(Mem) -> u32;
    GET_CURRENT_TASK = GetCurrentTask, fn() -> u64;
    PROBE_WRITE_USER = ProbeWriteUser, fn(Mem, Mem, u32) -> i64;
    CURRENT_TASK_UNDER_CGROUP = CurrentTaskUnderCgroup, fn(AnyMap, u32) -> i64;
    SKB_CHANGE_TAIL = SkbChangeTail, fn(Mem, u32, u64) -> i64;
    SKB_PULL_DATA = SkbPullData, fn(Mem, u32) -> i64;
    CSUM_UPDATE = CsumUpdate, fn(Mem, u32) -> i64;
    SET_HASH_INVALID = SetHashInvalid, fn(Mem);
    GET_NUMA_NODE_ID = GetNumaNodeId, fn() -> i64;
    SKB_CHANGE_HEAD = SkbChangeHead, fn(Mem, u32, u64) -> i64;
    XDP_ADJUST_HEAD = XdpAdjustHead, fn(Mem, i32) -> i64;
    PROBE_READ_STR = ProbeReadStr, fn(Mem, u32, Mem) -> i64;
    GET_SOCKET_COOKIE = GetSocketCookie, fn(Mem) -> u64;
    GET_SOCKET_UID = GetSocketUid, fn(Mem) -> u32;
    SET_HASH = SetHash, fn(Mem, u32) -> i64;
    SETSOCKOPT = Setsockopt, fn(Mem, i32, i32, Mem, i32) -> i64;
    SKB_ADJUST_ROOM = SkbAdjustRoom, fn(Mem, i32, u32, u64) -> i64;
    REDIRECT_MAP = RedirectMap, fn(AnyMap, u32, u64) -> i64;
    SK_REDIRECT_MAP = SkRedirectMap, fn(Mem, AnyMap, u32, u64) -> i64;
    SOCK_MAP_UPDATE = SockMapUpdate, fn(Mem, AnyMap, Mem, u64) -> i64;
    XDP_ADJUST_META = XdpAdjustMeta, fn(Mem, i32) -> i64;
    PERF_EVENT_READ_VALUE = PerfEventReadValue, fn(AnyMap, u64, Mem, u32) -> i64;
    PERF_PROG_READ_VALUE = PerfProgReadValue, fn(Mem, Mem, u32) -> i64;
    GETSOCKOPT = Getsockopt, fn(Mem, i32, i32, Mem, i32) -> i64;
    OVERRIDE_RETURN = OverrideReturn, fn(Mem, u64) -> i64;
    SOCK_OPS_CB_FLAGS_SET = SockOpsCbFlagsSet, fn(Mem, i32) -> i64;
    MSG_REDIRECT_MAP = MsgRedirectMap, fn(Mem, AnyMap, u32, u64) -> i64;
    MSG_APPLY_BYTES = MsgApplyBytes, fn(Mem, u32) -> i64;
    MSG_CORK_BYTES = MsgCorkBytes, fn(Mem, u32) -> i64;
    MSG_PULL_DATA = MsgPullData, fn(Mem, u32, u32, u64) -> i64;
    BIND = Bind, fn(Mem, Mem, i32) -> i64;
    XDP_ADJUST_TAIL = XdpAdjustTail, fn(Mem, i32) -> i64;
    SKB_GET_XFRM_STATE = SkbGetXfrmState, fn(Mem, u32, Mem, u32, u64) -> i64;
    GET_STACK = GetStack, fn(Mem, Mem, u32, u64) -> i64;
    SKB_LOAD_BYTES_RELATIVE = SkbLoadBytesRelative, fn(Mem, u32, Mem, u32, u32) -> i64;
    FIB_LOOKUP = FibLookup, fn(Mem, Mem, i32, u32) -> i64;
    SOCK_HASH_UPDATE = SockHashUpdate, fn(Mem, AnyMap, Mem, u64) -> i64;
    MSG_REDIRECT_HASH = MsgRedirectHash, fn(Mem, AnyMap, Mem, u64) -> i64;
    SK_REDIRECT_HASH = SkRedirectHash, fn(Mem, AnyMap, Mem, u64) -> i64;
    LWT_PUSH_ENCAP = LwtPushEncap, fn(Mem, u32, Mem, u32) -> i64;
    LWT_SEG6_STORE_BYTES = LwtSeg6StoreBytes, fn(Mem, u32, Mem, u32) -> i64;
    LWT_SEG6_ADJUST_SRH = LwtSeg6AdjustSrh, fn(Mem, u32, i32) -> i64;
    LWT_SEG6_ACTION = LwtSeg6Action, fn(Mem, u32, Mem, u32) -> i64;
    RC_REPEAT = RcRepeat, fn(Mem) -> i64;
    RC_KEYDOWN = RcKeydown, fn(Mem, u32, u64, u32) -> i64;
    SKB_CGROUP_ID = SkbCgroupId, fn(Mem) -> u64;
    GET_CURRENT_CGROUP_ID = GetCurrentCgroupId, fn() -> u64;
    GET_LOCAL_STORAGE = GetLocalStorage, fn(AnyMap, u64) -> P;
    SK_SELECT_REUSEPORT = SkSelectReuseport, fn(Mem, AnyMap, Mem, u64) -> i64;
    SKB_ANCESTOR_CGROUP_ID = SkbAncestorCgroupId, fn(Mem, i32) -> u64;
    SK_LOOKUP_TCP = SkLookupTcp, fn(Mem, Mem, u32, u64, u64) -> P;
    SK_LOOKUP_UDP = SkLookupUdp, fn(Mem, Mem, u32, u64, u64) -> P;
    SK_RELEASE = SkRelease, fn(Mem) -> i64;
    MAP_PUSH_ELEM = MapPushElem, fn(AnyMap, Mem, u64) -> i64;
    MAP_POP_ELEM = MapPopElem, fn(AnyMap, Mem) -> i64;
    MAP_PEEK_ELEM = MapPeekElem, fn(AnyMap, Mem) -> i64;
    MSG_PUSH_DATA = MsgPushData, fn(Mem, u32, u32, u64) -> i64;
    MSG_POP_DATA = MsgPopData, fn(Mem, u32, u32, u64) -> i64;
    RC_POINTER_REL = RcPointerRel, fn(Mem, i32, i32) -> i64;
    SPIN_LOCK = SpinLock, fn(Mem) -> i64;
    SPIN_UNLOCK = SpinUnlock, fn(Mem) -> i64;
    SK_FULLSOCK = SkFullsock, fn(Mem) -> P;
    TCP_SOCK = TcpSock, fn(Mem) -> P;
    SKB_ECN_SET_CE = SkbEcnSetCe, fn(Mem) -> i64;
    GET_LISTENER_SOCK = GetListenerSock, fn(Mem) -> P;
    SKC_LOOKUP_TCP = SkcLookupTcp, fn(Mem, Mem, u32, u64, u64) -> P;
    TCP_CHECK_SYNCOOKIE = TcpCheckSyncookie, fn(Mem, Mem, u32, Mem, u32) -> i64;
    SYSCTL_GET_NAME = SysctlGetName, fn(Mem, Mem, u64, u64) -> i64;
    SYSCTL_GET_CURRENT_VALUE = SysctlGetCurrentValue, fn(Mem, Mem, u64) -> i64;
    SYSCTL_GET_NEW_VALUE = SysctlGetNewValue, fn(Mem, Mem, u64) -> i64;
    SYSCTL_SET_NEW_VALUE = SysctlSetNewValue, fn(Mem, Mem, u64) -> i64;
    STRTOL = Strtol, fn(Mem, u64, u64, Mem) -> i64;
    STRTOUL = Strtoul, fn(Mem, u64, u64, Mem) -> i64;
    SK_STORAGE_GET = SkStorageGet, fn(AnyMap, Mem, Mem, u64) -> P;
    SK_STORAGE_DELETE = SkStorageDelete, fn(AnyMap, Mem) -> i64;
    SEND_SIGNAL = SendSignal, fn(u32) -> i64;
    TCP_GEN_SYNCOOKIE = TcpGenSyncookie, fn(Mem, Mem, u32, Mem, u32) -> i64;
    SKB_OUTPUT = SkbOutput, fn(Mem, AnyMap, u64, Mem, u64) -> i64;
    PROBE_READ_USER = ProbeReadUser, fn(Mem, u32, Mem) -> i64;
    PROBE_READ_KERNEL = ProbeReadKernel, fn(Mem, u32, Mem) -> i64;
    PROBE_READ_USER_STR = ProbeReadUserStr, fn(Mem, u32, Mem) -> i64;
    PROBE_READ_KERNEL_STR = ProbeReadKernelStr, fn(Mem, u32, Mem) -> i64;
    TCP_SEND_ACK = TcpSendAck, fn(Mem, u32) -> i64;
    SEND_SIGNAL_THREAD = SendSignalThread, fn(u32) -> i64;
    JIFFIES64 = Jiffies64, fn() -> u64;
    READ_BRANCH_RECORDS = ReadBranchRecords, fn(Mem, Mem, u32, u64) -> i64;
    GET_NS_CURRENT_PID_TGID = GetNsCurrentPidTgid, fn(u64, u64, Mem, u32) -> i64;
    XDP_OUTPUT = XdpOutput, fn(Mem, AnyMap, u64, Mem, u64) -> i64;
    GET_NETNS_COOKIE = GetNetnsCookie, fn(Mem) -> u64;
    GET_CURRENT_ANCESTOR_CGROUP_ID = GetCurrentAncestorCgroupId, fn(i32) -> u64;
    SK_ASSIGN = SkAssign, fn(Mem, Mem, u64) -> i64;
    KTIME_GET_BOOT_NS = KtimeGetBootNs, fn() -> u64;
    SEQ_PRINTF = SeqPrintf, fn(Mem, Mem, u32, Mem, u32) -> i64;
    SEQ_WRITE = SeqWrite, fn(Mem, Mem, u32) -> i64;
    SK_CGROUP_ID = SkCgroupId, fn(Mem) -> u64;
    SK_ANCESTOR_CGROUP_ID = SkAncestorCgroupId, fn(Mem, i32) -> u64;
    RINGBUF_OUTPUT = RingbufOutput, fn(AnyMap, Mem, u64, u64) -> i64;
    RINGBUF_RESERVE = RingbufReserve, fn(AnyMap, u64, u64) -> P;
    RINGBUF_SUBMIT = RingbufSubmit, fn(Mem, u64);
    RINGBUF_DISCARD = RingbufDiscard, fn(Mem, u64);
    RINGBUF_QUERY = RingbufQuery, fn(AnyMap, u64) -> u64;
    CSUM_LEVEL = CsumLevel, fn(Mem, u64) -> i64;
    SKC_TO_TCP6_SOCK = SkcToTcp6Sock, fn(Mem) -> P;
    SKC_TO_TCP_SOCK = SkcToTcpSock, fn(Mem) -> P;
    SKC_TO_TCP_TIMEWAIT_SOCK = SkcToTcpTimewaitSock, fn(Mem) -> P;
    SKC_TO_TCP_REQUEST_SOCK = SkcToTcpRequestSock, fn(Mem) -> P;
    SKC_TO_UDP6_SOCK = SkcToUdp6Sock, fn(Mem) -> P;
    GET_TASK_STACK = GetTaskStack, fn(Mem, Mem, u32, u64) -> i64;
    LOAD_HDR_OPT = LoadHdrOpt, fn(Mem, Mem, u32, u64) -> i64;
    STORE_HDR_OPT = StoreHdrOpt, fn(Mem, Mem, u32, u64) -> i64;
    RESERVE_HDR_OPT = ReserveHdrOpt, fn(Mem, u32, u64) -> i64;
    INODE_STORAGE_GET = InodeStorageGet, fn(AnyMap, Mem, Mem, u64) -> P;
    INODE_STORAGE_DELETE = InodeStorageDelete, fn(AnyMap, Mem) -> i32;
    D_PATH = DPath, fn(Mem, Mem, u32) -> i64;
    COPY_FROM_USER = CopyFromUser, fn(Mem, u32, Mem) -> i64;
    SNPRINTF_BTF = SnprintfBtf, fn(Mem, u32, Mem, u32, u64) -> i64;
    SEQ_PRINTF_BTF = SeqPrintfBtf, fn(Mem, Mem, u32, u64) -> i64;
    SKB_CGROUP_CLASSID = SkbCgroupClassid, fn(Mem) -> u64;
    REDIRECT_NEIGH = RedirectNeigh, fn(u32, Mem, i32, u64) -> i64;
    PER_CPU_PTR = PerCpuPtr, fn(Mem, u32) -> P;
    THIS_CPU_PTR = ThisCpuPtr, fn(Mem) -> P;
    REDIRECT_PEER = RedirectPeer, fn(u32, u64) -> i64;
    TASK_STORAGE_GET = TaskStorageGet, fn(AnyMap, Mem, Mem, u64) -> P;
    TASK_STORAGE_DELETE = TaskStorageDelete, fn(AnyMap, Mem) -> i64;
    GET_CURRENT_TASK_BTF = GetCurrentTaskBtf, fn() -> P;
    BPRM_OPTS_SET = BprmOptsSet, fn(Mem, u64) -> i64;
    KTIME_GET_COARSE_NS = KtimeGetCoarseNs, fn() -> u64;
    IMA_INODE_HASH = ImaInodeHash, fn(Mem, Mem, u32) -> i64;
    SOCK_FROM_FILE = SockFromFile, fn(Mem) -> P;
    CHECK_MTU = CheckMtu, fn(Mem, u32, Mem, i32, u64) -> i64;
    FOR_EACH_MAP_ELEM = ForEachMapElem, fn(AnyMap, Code, Mem, u64) -> i64;
    SNPRINTF = Snprintf, fn(Mem, u32, Mem, Mem, u32) -> i64;
    SYS_BPF = SysBpf, fn(u32, Mem, u32) -> i64;
    BTF_FIND_BY_NAME_KIND = BtfFindByNameKind, fn(Mem, i32, u32, i32) -> i64;
    SYS_CLOSE = SysClose, fn(u32) -> i64;
    TIMER_INIT = TimerInit, fn(Mem, AnyMap, u64) -> i64;
    TIMER_SET_CALLBACK = TimerSetCallback, fn(Mem, Code) -> i64;
    TIMER_START = TimerStart, fn(Mem, u64, u64) -> i64;
    TIMER_CANCEL = TimerCancel, fn(Mem) -> i64;
    GET_FUNC_IP = GetFuncIp, fn(Mem) -> u64;
    GET_ATTACH_COOKIE = GetAttachCookie, fn(Mem) -> u64;
    TASK_PT_REGS = TaskPtRegs, fn(Mem) -> i64;
    GET_BRANCH_SNAPSHOT = GetBranchSnapshot, fn(Mem, u32, u64) -> i64;
    TRACE_VPRINTK = TraceVprintk, fn(Mem, u32, Mem, u32) -> i64;
    SKC_TO_UNIX_SOCK = SkcToUnixSock, fn(Mem) -> P;
    KALLSYMS_LOOKUP_NAME = KallsymsLookupName, fn(Mem, i32, i32, Mem) -> i64;
    FIND_VMA = FindVma, fn(Mem, u64, Code, Mem, u64) -> i64;
    LOOP = Loop, fn(u32, Code, Mem, u64) -> i64;
    STRNCMP = Strncmp, fn(Mem, u32, Mem) -> i64;
    GET_FUNC_ARG = GetFuncArg, fn(Mem, u32, Mem) -> i64;
    GET_FUNC_RET = GetFuncRet, fn(Mem, Mem) -> i64;
    GET_FUNC_ARG_CNT = GetFuncArgCnt, fn(Mem) -> i64;
    GET_RETVAL = GetRetval, fn() -> i32;
    SET_RETVAL = SetRetval, fn(i32) -> i32;
    XDP_GET_BUFF_LEN = XdpGetBuffLen, fn(Mem) -> u64;
    XDP_LOAD_BYTES = XdpLoadBytes, fn(Mem, u32, Mem, u32) -> i64;
    XDP_STORE_BYTES = XdpStoreBytes, fn(Mem, u32, Mem, u32) -> i64;
    COPY_FROM_USER_TASK = CopyFromUserTask, fn(Mem, u32, Mem, Mem, u64) -> i64;
    SKB_SET_TSTAMP = SkbSetTstamp, fn(Mem, u64, u32) -> i64;
    IMA_FILE_HASH = ImaFileHash, fn(Mem, Mem, u32) -> i64;
    KPTR_XCHG = KptrXchg, fn(Mem, Mem) -> P;
    MAP_LOOKUP_PERCPU_ELEM = MapLookupPercpuElem, fn(AnyMap, Mem, u32) -> P;
    SKC_TO_MPTCP_SOCK = SkcToMptcpSock, fn(Mem) -> P;
    DYNPTR_FROM_MEM = DynptrFromMem, fn(Mem, u32, u64, Mem) -> i64;
    RINGBUF_RESERVE_DYNPTR = RingbufReserveDynptr, fn(AnyMap, u32, u64, Mem) -> i64;
    RINGBUF_SUBMIT_DYNPTR = RingbufSubmitDynptr, fn(Mem, u64);
    RINGBUF_DISCARD_DYNPTR = RingbufDiscardDynptr, fn(Mem, u64);
    DYNPTR_READ = DynptrRead, fn(Mem, u32, Mem, u32, u64) -> i64;
    DYNPTR_WRITE = DynptrWrite, fn(Mem, u32, Mem, u32, u64) -> i64;
    DYNPTR_DATA = DynptrData, fn(Mem, u32, u32) -> P;
    TCP_RAW_GEN_SYNCOOKIE_IPV4 = TcpRawGenSyncookieIpv4, fn(Mem, Mem, u32) -> i64;
    TCP_RAW_GEN_SYNCOOKIE_IPV6 = TcpRawGenSyncookieIpv6, fn(Mem, Mem, u32) -> i64;
    TCP_RAW_CHECK_SYNCOOKIE_IPV4 = TcpRawCheckSyncookieIpv4, fn(Mem, Mem) -> i64;
    TCP_RAW_CHECK_SYNCOOKIE_IPV6 = TcpRawCheckSyncookieIpv6, fn(Mem, Mem) -> i64;
    KTIME_GET_TAI_NS = KtimeGetTaiNs, fn() -> u64;
    USER_RINGBUF_DRAIN = UserRingbufDrain, fn(AnyMap, Code, Mem, u64) -> i64;
    CGRP_STORAGE_GET = CgrpStorageGet, fn(AnyMap, Mem, Mem, u64) -> P;
    CGRP_STORAGE_DELETE = CgrpStorageDelete, fn(AnyMap, Mem) -> i64;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_numbers() {
        assert_eq!(IDS, Id::ALL);
        assert_eq!(SIGNATURES.len(), Id::ALL.len());
        assert!(SIGNATURES.iter().all(|signature| signature.params.len() <= 5));
        assert_eq!(MAP_LOOKUP_ELEM.id(), Id::MapLookupElem);
    }
}
