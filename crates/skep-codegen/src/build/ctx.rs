//! Contexts of programs: what the kernel passes them.
//!
//! A context is only ever behind a pointer: `m.program_with::<XdpMd>("xdp", "f", |b, ctx| ..)`. Its members are fields,
//! `ctx.field(XdpMd::ingress_ifindex)`. The offsets and sizes are those of Linux, whose `linux/bpf.h` says which
//! programs may read or write what.

use skep_btf::{BpfType, BtfBuilder, Error, Field, P, TypeId};

use super::core::{Module, Ty};
use super::dynamic;
use super::value::V;

macro_rules! contexts {
    ($($(#[$doc:meta])* $name:ident $c:literal $size:literal $align:literal {
        $($field:ident: $ty:ty = $at:literal;)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name(());

        #[expect(non_upper_case_globals, reason = "named as the fields")]
        impl $name {
            $(
                #[doc = concat!("`", stringify!($field), "`")]
                pub const $field: Field<$name, $ty> = Field::new(plain(stringify!($field)), $at * 8, None);
            )*
        }

        impl BpfType for $name {
            const SIZE: u32 = $size;
            const ALIGN: u32 = $align;
            const NATIVE: bool = false;

            fn btf(types: &mut BtfBuilder) -> TypeId {
                let members = [$({
                    let ty = <$ty>::btf(types);
                    types.member(plain(stringify!($field)), ty, $at * 8)
                }),*];
                types.structure($c, $size, &members)
            }

            fn write_to(&self, out: &mut [u8]) {
                out.fill(0);
            }

            /// Contexts are not read as a whole.
            fn read_from(_: &[u8]) -> Result<$name, Error> {
                Ok($name(()))
            }
        }
    )*};
}

/// A name without what makes a keyword a name in Rust.
const fn plain(name: &str) -> &str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

contexts! {
    /// `struct xdp_md`: a packet at the driver.
    XdpMd "xdp_md" 24 4 {
        data: u32 = 0;
        data_end: u32 = 4;
        data_meta: u32 = 8;
        ingress_ifindex: u32 = 12;
        rx_queue_index: u32 = 16;
        egress_ifindex: u32 = 20;
    }

    /// `struct __sk_buff`: a packet in the network stack.
    SkBuff "__sk_buff" 192 8 {
        len: u32 = 0;
        pkt_type: u32 = 4;
        mark: u32 = 8;
        queue_mapping: u32 = 12;
        protocol: u32 = 16;
        vlan_present: u32 = 20;
        vlan_tci: u32 = 24;
        vlan_proto: u32 = 28;
        priority: u32 = 32;
        ingress_ifindex: u32 = 36;
        ifindex: u32 = 40;
        tc_index: u32 = 44;
        cb: [u32; 5] = 48;
        hash: u32 = 68;
        tc_classid: u32 = 72;
        data: u32 = 76;
        data_end: u32 = 80;
        napi_id: u32 = 84;
        family: u32 = 88;
        remote_ip4: u32 = 92;
        local_ip4: u32 = 96;
        remote_ip6: [u32; 4] = 100;
        local_ip6: [u32; 4] = 116;
        remote_port: u32 = 132;
        local_port: u32 = 136;
        data_meta: u32 = 140;
        flow_keys: P = 144;
        tstamp: u64 = 152;
        wire_len: u32 = 160;
        gso_segs: u32 = 164;
        sk: P<Sock> = 168;
        gso_size: u32 = 176;
        tstamp_type: u8 = 180;
        hwtstamp: u64 = 184;
    }

    /// `struct bpf_sock_addr`: the address of a socket call.
    SockAddr "bpf_sock_addr" 72 8 {
        user_family: u32 = 0;
        user_ip4: u32 = 4;
        user_ip6: [u32; 4] = 8;
        user_port: u32 = 24;
        family: u32 = 28;
        r#type: u32 = 32;
        protocol: u32 = 36;
        msg_src_ip4: u32 = 40;
        msg_src_ip6: [u32; 4] = 44;
        sk: P<Sock> = 64;
    }

    /// `struct bpf_sock_ops`: an event of a TCP connection.
    SockOps "bpf_sock_ops" 216 8 {
        op: u32 = 0;
        args: [u32; 4] = 4;
        reply: u32 = 4;
        replylong: [u32; 4] = 4;
        family: u32 = 20;
        remote_ip4: u32 = 24;
        local_ip4: u32 = 28;
        remote_ip6: [u32; 4] = 32;
        local_ip6: [u32; 4] = 48;
        remote_port: u32 = 64;
        local_port: u32 = 68;
        is_fullsock: u32 = 72;
        snd_cwnd: u32 = 76;
        srtt_us: u32 = 80;
        bpf_sock_ops_cb_flags: u32 = 84;
        state: u32 = 88;
        rtt_min: u32 = 92;
        snd_ssthresh: u32 = 96;
        rcv_nxt: u32 = 100;
        snd_nxt: u32 = 104;
        snd_una: u32 = 108;
        mss_cache: u32 = 112;
        ecn_flags: u32 = 116;
        rate_delivered: u32 = 120;
        rate_interval_us: u32 = 124;
        packets_out: u32 = 128;
        retrans_out: u32 = 132;
        total_retrans: u32 = 136;
        segs_in: u32 = 140;
        data_segs_in: u32 = 144;
        segs_out: u32 = 148;
        data_segs_out: u32 = 152;
        lost_out: u32 = 156;
        sacked_out: u32 = 160;
        sk_txhash: u32 = 164;
        bytes_received: u64 = 168;
        bytes_acked: u64 = 176;
        sk: P<Sock> = 184;
        skb_data: P<u8> = 192;
        skb_data_end: P<u8> = 200;
        skb_len: u32 = 208;
        skb_tcp_flags: u32 = 212;
    }

    /// `struct sk_msg_md`: a message to a socket.
    SkMsgMd "sk_msg_md" 80 8 {
        data: P<u8> = 0;
        data_end: P<u8> = 8;
        family: u32 = 16;
        remote_ip4: u32 = 20;
        local_ip4: u32 = 24;
        remote_ip6: [u32; 4] = 28;
        local_ip6: [u32; 4] = 44;
        remote_port: u32 = 60;
        local_port: u32 = 64;
        size: u32 = 68;
        sk: P<Sock> = 72;
    }

    /// `struct bpf_sockopt`: a socket option.
    SockOpt "bpf_sockopt" 40 8 {
        sk: P<Sock> = 0;
        optval: P<u8> = 8;
        optval_end: P<u8> = 16;
        level: i32 = 24;
        optname: i32 = 28;
        optlen: i32 = 32;
        retval: i32 = 36;
    }

    /// `struct bpf_sysctl`: an access to a sysctl.
    Sysctl "bpf_sysctl" 8 4 {
        write: u32 = 0;
        file_pos: u32 = 4;
    }

    /// `struct bpf_cgroup_dev_ctx`: an access to a device.
    CgroupDev "bpf_cgroup_dev_ctx" 12 4 {
        access_type: u32 = 0;
        major: u32 = 4;
        minor: u32 = 8;
    }

    /// `struct sk_reuseport_md`: a packet for one of several sockets.
    SkReuseportMd "sk_reuseport_md" 56 8 {
        data: P<u8> = 0;
        data_end: P<u8> = 8;
        len: u32 = 16;
        eth_protocol: u32 = 20;
        ip_protocol: u32 = 24;
        bind_inany: u32 = 28;
        hash: u32 = 32;
        sk: P<Sock> = 40;
        migrating_sk: P<Sock> = 48;
    }

    /// `struct bpf_sk_lookup`: the lookup of a socket.
    SkLookup "bpf_sk_lookup" 72 8 {
        sk: P<Sock> = 0;
        cookie: u64 = 0;
        family: u32 = 8;
        protocol: u32 = 12;
        remote_ip4: u32 = 16;
        remote_ip6: [u32; 4] = 20;
        remote_port: u16 = 36;
        local_ip4: u32 = 40;
        local_ip6: [u32; 4] = 44;
        local_port: u32 = 60;
        ingress_ifindex: u32 = 64;
    }

    /// `struct bpf_sock`: a socket.
    Sock "bpf_sock" 80 4 {
        bound_dev_if: u32 = 0;
        family: u32 = 4;
        r#type: u32 = 8;
        protocol: u32 = 12;
        mark: u32 = 16;
        priority: u32 = 20;
        src_ip4: u32 = 24;
        src_ip6: [u32; 4] = 28;
        src_port: u32 = 44;
        dst_port: u16 = 48;
        dst_ip4: u32 = 52;
        dst_ip6: [u32; 4] = 56;
        state: u32 = 72;
        rx_queue_mapping: i32 = 76;
    }
}

/// Contexts whose packet is found by pointers that the kernel shows as 32 bits.
pub trait Packet: BpfType {
    /// Where the packet begins.
    const DATA: Field<Self, u32>;
    /// Where it ends.
    const DATA_END: Field<Self, u32>;
    /// Where the data before it begins.
    const DATA_META: Field<Self, u32>;
}

impl Packet for XdpMd {
    const DATA: Field<XdpMd, u32> = XdpMd::data;
    const DATA_END: Field<XdpMd, u32> = XdpMd::data_end;
    const DATA_META: Field<XdpMd, u32> = XdpMd::data_meta;
}

impl Packet for SkBuff {
    const DATA: Field<SkBuff, u32> = SkBuff::data;
    const DATA_END: Field<SkBuff, u32> = SkBuff::data_end;
    const DATA_META: Field<SkBuff, u32> = SkBuff::data_meta;
}

impl<'f, C: Packet> V<'f, P<C>> {
    /// Where the packet begins. What is read behind it must be compared with its end before.
    #[track_caller]
    #[must_use]
    pub fn data(self) -> V<'f, P<u8>> {
        self.packet_pointer(C::DATA)
    }

    /// Where the packet ends.
    #[track_caller]
    #[must_use]
    pub fn data_end(self) -> V<'f, P<u8>> {
        self.packet_pointer(C::DATA_END)
    }

    /// Where the data before the packet begins, which ends where the packet begins.
    #[track_caller]
    #[must_use]
    pub fn data_meta(self) -> V<'f, P<u8>> {
        self.packet_pointer(C::DATA_META)
    }

    #[track_caller]
    fn packet_pointer(self, field: Field<C, u32>) -> V<'f, P<u8>> {
        let place = self.field(field).place;
        let value = dynamic!(self.cell, b => {
            let ty = b.rust_type::<P<u8>>();
            b.load_packet_pointer(place, ty)
        });
        V::new(self.cell, value)
    }
}

/// How a context is made known to the verifier.
#[derive(Clone, Copy)]
enum Known {
    /// Its struct.
    Struct(fn(&mut Module) -> Ty),
    /// A struct of the kernel.
    Opaque(&'static str),
    /// Arguments of 64 bits.
    Raw,
}

/// What programs get, by how their section begins; the first row that fits counts.
const SECTIONS: &[(&str, Known)] = &[
    ("xdp", Known::Struct(Module::rust::<XdpMd>)),
    ("tcx/", Known::Struct(Module::rust::<SkBuff>)),
    ("tc", Known::Struct(Module::rust::<SkBuff>)),
    ("classifier", Known::Struct(Module::rust::<SkBuff>)),
    ("action", Known::Struct(Module::rust::<SkBuff>)),
    ("netkit/", Known::Struct(Module::rust::<SkBuff>)),
    ("socket", Known::Struct(Module::rust::<SkBuff>)),
    ("lwt_", Known::Struct(Module::rust::<SkBuff>)),
    ("sk_skb", Known::Struct(Module::rust::<SkBuff>)),
    ("flow_dissector", Known::Struct(Module::rust::<SkBuff>)),
    ("cgroup_skb/", Known::Struct(Module::rust::<SkBuff>)),
    ("cgroup/skb", Known::Struct(Module::rust::<SkBuff>)),
    ("cgroup/dev", Known::Struct(Module::rust::<CgroupDev>)),
    ("cgroup/sysctl", Known::Struct(Module::rust::<Sysctl>)),
    ("cgroup/getsockopt", Known::Struct(Module::rust::<SockOpt>)),
    ("cgroup/setsockopt", Known::Struct(Module::rust::<SockOpt>)),
    ("cgroup/sock", Known::Struct(Module::rust::<Sock>)),
    ("cgroup/post_bind", Known::Struct(Module::rust::<Sock>)),
    ("cgroup/", Known::Struct(Module::rust::<SockAddr>)),
    ("sockops", Known::Struct(Module::rust::<SockOps>)),
    ("sk_msg", Known::Struct(Module::rust::<SkMsgMd>)),
    ("sk_reuseport", Known::Struct(Module::rust::<SkReuseportMd>)),
    ("sk_lookup", Known::Struct(Module::rust::<SkLookup>)),
    ("perf_event", Known::Opaque("bpf_perf_event_data")),
    ("kprobe", Known::Opaque("pt_regs")),
    ("kretprobe", Known::Opaque("pt_regs")),
    ("ksyscall", Known::Opaque("pt_regs")),
    ("kretsyscall", Known::Opaque("pt_regs")),
    ("uprobe", Known::Opaque("pt_regs")),
    ("uretprobe", Known::Opaque("pt_regs")),
    ("usdt", Known::Opaque("pt_regs")),
    ("raw_tp", Known::Raw),
    ("raw_tracepoint", Known::Raw),
    ("tp_btf", Known::Raw),
    ("fentry", Known::Raw),
    ("fexit", Known::Raw),
    ("fmod_ret", Known::Raw),
    ("lsm", Known::Raw),
    ("struct_ops", Known::Raw),
];

/// The type of the context of programs in a section: a pointer, to void if nothing is known of it.
#[track_caller]
pub(super) fn of_section(m: &mut Module, section: &str) -> Ty {
    let section = section.strip_prefix('?').unwrap_or(section);
    let known = SECTIONS.iter().find(|(prefix, _)| section.starts_with(prefix));
    let to = match known.map(|&(_, known)| known) {
        Some(Known::Struct(ty)) => ty(m),
        Some(Known::Opaque(name)) => m.opaque(name),
        Some(Known::Raw) => m.rust::<u64>(),
        None => Ty::VOID,
    };
    m.pointer(to)
}
