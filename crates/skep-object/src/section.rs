//! What the name of a code section says about the programs in it.
//!
//! A section that is named after a kernel program type holds programs for the kernel. `.text` holds subprograms,
//! and everything else (`BEGIN`, `END`, any other name) runs in user space.
//!
//! To add a name: a row in `TABLE`. To add a program type: a name in `prog_types!`.

use std::fmt;

/// Programs of a kernel section.
///
/// ```
/// use skep_object::section::{ProgType, ProgramSection, is_kernel_section};
///
/// let probe = ProgramSection::parse("?uprobe.s//bin/sh:main").unwrap();
/// assert_eq!(probe.ty, ProgType::KPROBE);
/// assert_eq!(probe.ty.to_string(), "BPF_PROG_TYPE_KPROBE");
/// assert_eq!(probe.target, Some("/bin/sh:main"));
/// assert!(probe.sleepable && !probe.autoload);
///
/// assert_eq!(ProgramSection::parse("xdp/devmap").unwrap().attach, Some("BPF_XDP_DEVMAP"));
/// assert!(!is_kernel_section("BEGIN"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramSection<'a> {
    /// The program type.
    pub ty: ProgType,
    /// Its `expected_attach_type` by its name in `enum bpf_attach_type`, where the section names one;
    /// [`attach_type`] tells the number.
    pub attach: Option<&'static str>,
    /// What the section says behind `/`: the function, tracepoint or hook to attach to.
    pub target: Option<&'a str>,
    /// `BPF_F_SLEEPABLE`: the program may sleep.
    pub sleepable: bool,
    /// `BPF_F_XDP_HAS_FRAGS`: the program handles packets of several buffers.
    pub frags: bool,
    /// Loaded unless told otherwise; a leading `?` says no.
    pub autoload: bool,
}

impl<'a> ProgramSection<'a> {
    /// What a section name says; `None` if it is no kernel section.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<ProgramSection<'a>> {
        let (autoload, name) = match name.strip_prefix('?') {
            Some(name) => (false, name),
            None => (true, name),
        };
        TABLE.iter().find_map(|row| row.parse(name)).map(|section| ProgramSection { autoload, ..section })
    }
}

/// Whether the programs of a section run in the kernel.
#[must_use]
pub fn is_kernel_section(name: &str) -> bool {
    ProgramSection::parse(name).is_some()
}

/// Which names a row stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// The name alone.
    Exact,
    /// `name` and `name/target`.
    Target,
    /// Also `name.s` and `name.s/target`, which are sleepable.
    TargetSleepable,
    /// The name alone, which is always sleepable.
    ExactSleepable,
    /// The name alone, with `BPF_F_XDP_HAS_FRAGS`.
    ExactFrags,
}

struct Row {
    ty: ProgType,
    attach: Option<&'static str>,
    names: &'static [(Names, &'static str)],
}

impl Row {
    fn parse<'a>(&self, name: &'a str) -> Option<ProgramSection<'a>> {
        let (names, rest) = self.names.iter().find_map(|(names, known)| names.rest(known, name))?;
        let (sleepable, rest) = match rest.strip_prefix(".s") {
            Some(rest) => (true, rest),
            None => (names == Names::ExactSleepable, rest),
        };
        let frags = names == Names::ExactFrags;
        Some(ProgramSection {
            ty: self.ty,
            attach: self.attach,
            target: rest.strip_prefix('/'),
            sleepable,
            frags,
            autoload: true,
        })
    }
}

impl Names {
    /// What follows `known` in `name`, if that is one of these names.
    fn rest<'a>(self, known: &str, name: &'a str) -> Option<(Names, &'a str)> {
        let rest = name.strip_prefix(known)?;
        let is_target = |rest: &str| rest.is_empty() || rest.starts_with('/');
        let fits = match self {
            Names::Exact | Names::ExactSleepable | Names::ExactFrags => rest.is_empty(),
            Names::Target => is_target(rest),
            Names::TargetSleepable => is_target(rest.strip_prefix(".s").unwrap_or(rest)),
        };
        fits.then_some((self, rest))
    }
}

macro_rules! table {
    ($($ty:ident $($attach:ident)? : $($names:ident $name:literal)*;)*) => {
        /// The section names of libbpf; at most one row fits a name.
        static TABLE: &[Row] = &[$(Row {
            ty: ProgType::$ty,
            attach: table!(@attach [$($attach)?]),
            names: &[$((Names::$names, $name)),*],
        },)*];
    };
    (@attach []) => { None };
    (@attach [$attach:ident]) => { Some(stringify!($attach)) };
}

// One row each: program type, attach type, names.
table! {
    SOCKET_FILTER:      Exact "socket";
    SK_REUSEPORT        BPF_SK_REUSEPORT_SELECT: Exact "sk_reuseport";
    SK_REUSEPORT        BPF_SK_REUSEPORT_SELECT_OR_MIGRATE: Exact "sk_reuseport/migrate";
    KPROBE:             Target "kprobe" Target "kretprobe" TargetSleepable "uprobe" TargetSleepable "uretprobe"
                        Target "ksyscall" Target "kretsyscall" TargetSleepable "usdt";
    KPROBE              BPF_TRACE_KPROBE_MULTI: Target "kprobe.multi" Target "kretprobe.multi";
    KPROBE              BPF_TRACE_KPROBE_SESSION: Target "kprobe.session";
    KPROBE              BPF_TRACE_UPROBE_MULTI: TargetSleepable "uprobe.multi" TargetSleepable "uretprobe.multi";
    KPROBE              BPF_TRACE_UPROBE_SESSION: TargetSleepable "uprobe.session";
    SCHED_CLS:          Exact "tc" Exact "classifier";
    SCHED_CLS           BPF_TCX_INGRESS: Exact "tc/ingress" Exact "tcx/ingress";
    SCHED_CLS           BPF_TCX_EGRESS: Exact "tc/egress" Exact "tcx/egress";
    SCHED_CLS           BPF_NETKIT_PRIMARY: Exact "netkit/primary";
    SCHED_CLS           BPF_NETKIT_PEER: Exact "netkit/peer";
    SCHED_ACT:          Exact "action";
    TRACEPOINT:         TargetSleepable "tracepoint" TargetSleepable "tp";
    RAW_TRACEPOINT:     TargetSleepable "raw_tracepoint" TargetSleepable "raw_tp";
    RAW_TRACEPOINT_WRITABLE: Target "raw_tracepoint.w" Target "raw_tp.w";
    TRACING             BPF_TRACE_RAW_TP: TargetSleepable "tp_btf";
    TRACING             BPF_TRACE_FENTRY: TargetSleepable "fentry";
    TRACING             BPF_TRACE_FEXIT: TargetSleepable "fexit";
    TRACING             BPF_MODIFY_RETURN: TargetSleepable "fmod_ret";
    TRACING             BPF_TRACE_FSESSION: TargetSleepable "fsession";
    TRACING             BPF_TRACE_FENTRY_MULTI: TargetSleepable "fentry.multi";
    TRACING             BPF_TRACE_FEXIT_MULTI: TargetSleepable "fexit.multi";
    TRACING             BPF_TRACE_FSESSION_MULTI: TargetSleepable "fsession.multi";
    TRACING             BPF_TRACE_ITER: TargetSleepable "iter";
    EXT:                Target "freplace";
    LSM                 BPF_LSM_MAC: TargetSleepable "lsm";
    LSM                 BPF_LSM_CGROUP: Target "lsm_cgroup";
    SYSCALL:            ExactSleepable "syscall";
    XDP                 BPF_XDP: Exact "xdp" ExactFrags "xdp.frags";
    XDP                 BPF_XDP_DEVMAP: Exact "xdp/devmap" ExactFrags "xdp.frags/devmap";
    XDP                 BPF_XDP_CPUMAP: Exact "xdp/cpumap" ExactFrags "xdp.frags/cpumap";
    PERF_EVENT:         Exact "perf_event";
    LWT_IN:             Exact "lwt_in";
    LWT_OUT:            Exact "lwt_out";
    LWT_XMIT:           Exact "lwt_xmit";
    LWT_SEG6LOCAL:      Exact "lwt_seg6local";
    SOCK_OPS            BPF_CGROUP_SOCK_OPS: Exact "sockops";
    SK_SKB:             Exact "sk_skb";
    SK_SKB              BPF_SK_SKB_STREAM_PARSER: Exact "sk_skb/stream_parser";
    SK_SKB              BPF_SK_SKB_STREAM_VERDICT: Exact "sk_skb/stream_verdict";
    SK_SKB              BPF_SK_SKB_VERDICT: Exact "sk_skb/verdict";
    SK_MSG              BPF_SK_MSG_VERDICT: Exact "sk_msg";
    SK_LOOKUP           BPF_SK_LOOKUP: Exact "sk_lookup";
    LIRC_MODE2          BPF_LIRC_MODE2: Exact "lirc_mode2";
    FLOW_DISSECTOR      BPF_FLOW_DISSECTOR: Exact "flow_dissector";
    CGROUP_SKB:         Exact "cgroup/skb";
    CGROUP_SKB          BPF_CGROUP_INET_INGRESS: Exact "cgroup_skb/ingress";
    CGROUP_SKB          BPF_CGROUP_INET_EGRESS: Exact "cgroup_skb/egress";
    CGROUP_SOCK         BPF_CGROUP_INET_SOCK_CREATE: Exact "cgroup/sock" Exact "cgroup/sock_create";
    CGROUP_SOCK         BPF_CGROUP_INET_SOCK_RELEASE: Exact "cgroup/sock_release";
    CGROUP_SOCK         BPF_CGROUP_INET4_POST_BIND: Exact "cgroup/post_bind4";
    CGROUP_SOCK         BPF_CGROUP_INET6_POST_BIND: Exact "cgroup/post_bind6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET4_BIND: Exact "cgroup/bind4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET6_BIND: Exact "cgroup/bind6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET4_CONNECT: Exact "cgroup/connect4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET6_CONNECT: Exact "cgroup/connect6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UNIX_CONNECT: Exact "cgroup/connect_unix";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UDP4_SENDMSG: Exact "cgroup/sendmsg4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UDP6_SENDMSG: Exact "cgroup/sendmsg6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UNIX_SENDMSG: Exact "cgroup/sendmsg_unix";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UDP4_RECVMSG: Exact "cgroup/recvmsg4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UDP6_RECVMSG: Exact "cgroup/recvmsg6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UNIX_RECVMSG: Exact "cgroup/recvmsg_unix";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET4_GETPEERNAME: Exact "cgroup/getpeername4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET6_GETPEERNAME: Exact "cgroup/getpeername6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UNIX_GETPEERNAME: Exact "cgroup/getpeername_unix";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET4_GETSOCKNAME: Exact "cgroup/getsockname4";
    CGROUP_SOCK_ADDR    BPF_CGROUP_INET6_GETSOCKNAME: Exact "cgroup/getsockname6";
    CGROUP_SOCK_ADDR    BPF_CGROUP_UNIX_GETSOCKNAME: Exact "cgroup/getsockname_unix";
    CGROUP_SYSCTL       BPF_CGROUP_SYSCTL: Exact "cgroup/sysctl";
    CGROUP_SOCKOPT      BPF_CGROUP_GETSOCKOPT: Exact "cgroup/getsockopt";
    CGROUP_SOCKOPT      BPF_CGROUP_SETSOCKOPT: Exact "cgroup/setsockopt";
    CGROUP_DEVICE       BPF_CGROUP_DEVICE: Exact "cgroup/dev";
    NETFILTER           BPF_NETFILTER: Exact "netfilter";
    STRUCT_OPS:         TargetSleepable "struct_ops";
}

/// A program type: `BPF_PROG_TYPE_*` of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProgType(pub u32);

macro_rules! prog_types {
    ($($number:literal $name:ident;)*) => {
        /// In the order of the numbers, which start at 0.
        static PROG_TYPES: &[&str] = &[$(concat!("BPF_PROG_TYPE_", stringify!($name)),)*];

        impl ProgType {
            $(
                #[doc = concat!("`BPF_PROG_TYPE_", stringify!($name), "`")]
                pub const $name: ProgType = ProgType($number);
            )*

            /// Every known type, by number.
            pub const ALL: &[ProgType] = &[$(ProgType($number),)*];
        }
    };
}

prog_types! {
     0 UNSPEC;
     1 SOCKET_FILTER;
     2 KPROBE;
     3 SCHED_CLS;
     4 SCHED_ACT;
     5 TRACEPOINT;
     6 XDP;
     7 PERF_EVENT;
     8 CGROUP_SKB;
     9 CGROUP_SOCK;
    10 LWT_IN;
    11 LWT_OUT;
    12 LWT_XMIT;
    13 SOCK_OPS;
    14 SK_SKB;
    15 CGROUP_DEVICE;
    16 SK_MSG;
    17 RAW_TRACEPOINT;
    18 CGROUP_SOCK_ADDR;
    19 LWT_SEG6LOCAL;
    20 LIRC_MODE2;
    21 SK_REUSEPORT;
    22 FLOW_DISSECTOR;
    23 CGROUP_SYSCTL;
    24 RAW_TRACEPOINT_WRITABLE;
    25 CGROUP_SOCKOPT;
    26 TRACING;
    27 STRUCT_OPS;
    28 EXT;
    29 LSM;
    30 SK_LOOKUP;
    31 SYSCALL;
    32 NETFILTER;
}

impl ProgType {
    /// The name in the kernel's headers; `None` for an unknown number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        PROG_TYPES.get(usize::try_from(self.0).ok()?).copied()
    }
}

impl fmt::Display for ProgType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "BPF_PROG_TYPE_{}", self.0),
        }
    }
}

/// The number of an attach type, by its name in `enum bpf_attach_type`; `None` if Linux 6.18 does not have it: then
/// the running kernel's BTF may tell.
#[must_use]
pub fn attach_type(name: &str) -> Option<u32> {
    ATTACH_TYPES.iter().position(|known| *known == name).and_then(|number| u32::try_from(number).ok())
}

/// `enum bpf_attach_type`, in the order of the numbers, which start at 0.
static ATTACH_TYPES: &[&str] = &[
    "BPF_CGROUP_INET_INGRESS",
    "BPF_CGROUP_INET_EGRESS",
    "BPF_CGROUP_INET_SOCK_CREATE",
    "BPF_CGROUP_SOCK_OPS",
    "BPF_SK_SKB_STREAM_PARSER",
    "BPF_SK_SKB_STREAM_VERDICT",
    "BPF_CGROUP_DEVICE",
    "BPF_SK_MSG_VERDICT",
    "BPF_CGROUP_INET4_BIND",
    "BPF_CGROUP_INET6_BIND",
    "BPF_CGROUP_INET4_CONNECT",
    "BPF_CGROUP_INET6_CONNECT",
    "BPF_CGROUP_INET4_POST_BIND",
    "BPF_CGROUP_INET6_POST_BIND",
    "BPF_CGROUP_UDP4_SENDMSG",
    "BPF_CGROUP_UDP6_SENDMSG",
    "BPF_LIRC_MODE2",
    "BPF_FLOW_DISSECTOR",
    "BPF_CGROUP_SYSCTL",
    "BPF_CGROUP_UDP4_RECVMSG",
    "BPF_CGROUP_UDP6_RECVMSG",
    "BPF_CGROUP_GETSOCKOPT",
    "BPF_CGROUP_SETSOCKOPT",
    "BPF_TRACE_RAW_TP",
    "BPF_TRACE_FENTRY",
    "BPF_TRACE_FEXIT",
    "BPF_MODIFY_RETURN",
    "BPF_LSM_MAC",
    "BPF_TRACE_ITER",
    "BPF_CGROUP_INET4_GETPEERNAME",
    "BPF_CGROUP_INET6_GETPEERNAME",
    "BPF_CGROUP_INET4_GETSOCKNAME",
    "BPF_CGROUP_INET6_GETSOCKNAME",
    "BPF_XDP_DEVMAP",
    "BPF_CGROUP_INET_SOCK_RELEASE",
    "BPF_XDP_CPUMAP",
    "BPF_SK_LOOKUP",
    "BPF_XDP",
    "BPF_SK_SKB_VERDICT",
    "BPF_SK_REUSEPORT_SELECT",
    "BPF_SK_REUSEPORT_SELECT_OR_MIGRATE",
    "BPF_PERF_EVENT",
    "BPF_TRACE_KPROBE_MULTI",
    "BPF_LSM_CGROUP",
    "BPF_STRUCT_OPS",
    "BPF_NETFILTER",
    "BPF_TCX_INGRESS",
    "BPF_TCX_EGRESS",
    "BPF_TRACE_UPROBE_MULTI",
    "BPF_CGROUP_UNIX_CONNECT",
    "BPF_CGROUP_UNIX_SENDMSG",
    "BPF_CGROUP_UNIX_RECVMSG",
    "BPF_CGROUP_UNIX_GETPEERNAME",
    "BPF_CGROUP_UNIX_GETSOCKNAME",
    "BPF_NETKIT_PRIMARY",
    "BPF_NETKIT_PEER",
    "BPF_TRACE_KPROBE_SESSION",
    "BPF_TRACE_UPROBE_SESSION",
];

#[cfg(test)]
mod tests {
    use super::{Names, PROG_TYPES, ProgType, ProgramSection, TABLE, attach_type, is_kernel_section};

    fn check(name: &str, expected: &str) {
        let found = ProgramSection::parse(name).map_or("user".to_owned(), |section| {
            let flags =
                [(section.sleepable, " sleepable"), (section.frags, " frags"), (!section.autoload, " off")];
            let flags: String = flags.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
            let [attach, target] = [section.attach, section.target].map(|part| part.unwrap_or("-"));
            format!(
                "{} {attach} {target}{flags}",
                section.ty.to_string().strip_prefix("BPF_PROG_TYPE_").unwrap()
            )
        });
        assert_eq!(found, expected, "{name}");
        assert_eq!(is_kernel_section(name), expected != "user");
    }

    #[test]
    fn names_tell_types() {
        check("socket", "SOCKET_FILTER - -");
        check("socket/x", "user");
        check("kprobe", "KPROBE - -");
        check("kprobe/do_unlinkat", "KPROBE - do_unlinkat");
        check("kprobe.s/f", "user");
        check("kprobe.multi/tcp_*", "KPROBE BPF_TRACE_KPROBE_MULTI tcp_*");
        check("uprobe.s//bin/sh:main", "KPROBE - /bin/sh:main sleepable");
        check("uprobe.multi.s/x", "KPROBE BPF_TRACE_UPROBE_MULTI x sleepable");
        check("?tracepoint/syscalls/sys_enter_open", "TRACEPOINT - syscalls/sys_enter_open off");
        check("tp.s/a/b", "TRACEPOINT - a/b sleepable");
        check("raw_tp.w/x", "RAW_TRACEPOINT_WRITABLE - x");
        check("fentry.s/vfs_read", "TRACING BPF_TRACE_FENTRY vfs_read sleepable");
        check("fentry.multi.s/vfs_*", "TRACING BPF_TRACE_FENTRY_MULTI vfs_* sleepable");
        check("syscall", "SYSCALL - - sleepable");
        check("xdp", "XDP BPF_XDP -");
        check("xdp.frags/cpumap", "XDP BPF_XDP_CPUMAP - frags");
        check("tc", "SCHED_CLS - -");
        check("tc/ingress", "SCHED_CLS BPF_TCX_INGRESS -");
        check("tcx", "user");
        check("cgroup/connect_unix", "CGROUP_SOCK_ADDR BPF_CGROUP_UNIX_CONNECT -");
        check("struct_ops.s/init", "STRUCT_OPS - init sleepable");
        check("?struct_ops", "STRUCT_OPS - - off");
        check("lsm_cgroup/socket_bind", "LSM BPF_LSM_CGROUP socket_bind");
    }

    #[test]
    fn everything_else_is_user_space() {
        for name in
            ["", "?", "BEGIN", "END", ".text", ".text.f", "xdpx", "tracepoints", "Socket", "prog", "/socket"]
        {
            check(name, "user");
        }
    }

    #[test]
    fn one_row_fits_a_name() {
        for row in TABLE {
            for (names, name) in row.names {
                let fits = |name: &str| TABLE.iter().filter(|row| row.parse(name).is_some()).count();
                let targets = matches!(names, Names::Target | Names::TargetSleepable);
                let sleeps = *names == Names::TargetSleepable;
                assert_eq!(fits(name), 1, "{name}");
                assert!(row.parse(name).is_some(), "{name}");
                // `xdp/devmap` is another name, so only made-up targets are asked for.
                assert_eq!(fits(&format!("{name}/a/b")), usize::from(targets), "{name}");
                assert_eq!(fits(&format!("{name}.s")), usize::from(sleeps), "{name}");
                assert_eq!(fits(&format!("{name}.s/a")), usize::from(sleeps), "{name}");
            }
        }
    }

    #[test]
    fn tables_are_in_the_order_of_the_numbers() {
        for (ty, name) in ProgType::ALL.iter().zip(PROG_TYPES) {
            assert_eq!(ty.name(), Some(*name));
        }
        assert_eq!(ProgType::NETFILTER.0, 32);
        assert_eq!(attach_type("BPF_TRACE_UPROBE_SESSION"), Some(57));
        assert_eq!(attach_type("BPF_TRACE_FENTRY_MULTI"), None);
        // Every attach type of the table has a number, but those that Linux 6.18 does not have yet.
        let newer = |name: &&str| attach_type(name).is_none();
        let newer: Vec<_> = TABLE.iter().filter_map(|row| row.attach).filter(newer).collect();
        assert_eq!(
            newer,
            [
                "BPF_TRACE_FSESSION",
                "BPF_TRACE_FENTRY_MULTI",
                "BPF_TRACE_FEXIT_MULTI",
                "BPF_TRACE_FSESSION_MULTI"
            ]
        );
    }
}
