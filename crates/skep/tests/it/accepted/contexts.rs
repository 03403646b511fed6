//! Programs that use what their type gives them: contexts, packets, maps of their own.

use skep::build::Fb;
use skep::build::core::Cmp;
use skep::codegen::ir::Linkage;
use skep::{BpfType, MapKind, Module, P, V, helpers};

use super::bodies::Make;

/// Name, section, program.
pub(super) const ALL: &[(&str, &str, Make)] = &[
    ("xdp_parse", "xdp", xdp_parse),
    ("xdp_swap", "xdp", xdp_swap),
    ("xdp_checksum", "xdp", xdp_checksum),
    ("xdp_options", "xdp", xdp_options),
    ("xdp_devmap", "xdp", |m, s| xdp_redirect(m, s, MapKind::DevMap)),
    ("xdp_devmap_hash", "xdp", |m, s| xdp_redirect(m, s, MapKind::DevMapHash)),
    ("xdp_cpumap", "xdp", |m, s| xdp_redirect(m, s, MapKind::CpuMap)),
    ("xdp_xskmap", "xdp", |m, s| xdp_redirect(m, s, MapKind::XskMap)),
    ("xdp_core", "xdp", xdp_core),
    ("tagged", "xdp", tagged),
    ("weak_kfunc", "raw_tp/sched_switch", weak_kfunc),
    ("tc_packet", "tc", tc_packet),
    ("tc_mark", "tc", tc_mark),
    ("filter_protocol", "socket", filter_protocol),
    ("filter_load_bytes", "socket", filter_load_bytes),
    ("cgroup_skb_count", "cgroup_skb/ingress", cgroup_skb_count),
    ("tracepoint_fields", "tracepoint/syscalls/sys_enter_openat", tracepoint_fields),
    ("tracepoint_perf_event", "tracepoint/syscalls/sys_enter_close", perf_event),
    ("tracepoint_stacks", "tracepoint/syscalls/sys_enter_close", stacks),
    ("raw_tracepoint_args", "raw_tp/sched_switch", raw_args),
    ("uprobe_regs", "uprobe", uprobe_regs),
    ("sk_msg_redirect", "sk_msg", sk_msg_redirect),
    ("sk_skb_redirect", "sk_skb/stream_verdict", sk_skb_redirect),
    ("reuseport_select", "sk_reuseport", reuseport_select),
    ("sockops_hash", "sockops", sockops_hash),
];

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
#[bpf(name = "xdp_md")]
struct XdpMd {
    data: u32,
    data_end: u32,
    data_meta: u32,
    ingress_ifindex: u32,
    rx_queue_index: u32,
    egress_ifindex: u32,
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
#[bpf(name = "__sk_buff")]
struct SkBuff {
    len: u32,
    pkt_type: u32,
    mark: u32,
    queue_mapping: u32,
    protocol: u32,
    vlan: [u32; 3],
    priority: u32,
    ingress_ifindex: u32,
    ifindex: u32,
    tc_index: u32,
    cb: [u32; 5],
    hash: u32,
    tc_classid: u32,
    data: u32,
    data_end: u32,
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C, packed)]
struct Ethernet {
    target: [u8; 6],
    source: [u8; 6],
    protocol: u16,
}

#[derive(BpfType, Clone, Copy, Debug)]
#[repr(C)]
struct Ipv4 {
    version: u8,
    service: u8,
    length: u16,
    id: u16,
    fragment: u16,
    ttl: u8,
    protocol: u8,
    checksum: u16,
    source: u32,
    target: u32,
}

const PASS: i32 = 2;
const DROP: i32 = 1;

/// Start and end of the packet.
fn packet<'f>(ctx: V<'f, P<XdpMd>>) -> (V<'f, P<u8>>, V<'f, P<u8>>) {
    (ctx.field(XdpMd::data).get().cast(), ctx.field(XdpMd::data_end).get().cast())
}

fn xdp_parse(m: &mut Module, section: &str) {
    let protocols = m.map::<u32, u64>("protocols", MapKind::PerCpuArray).entries(256).done();
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let (data, end) = packet(ctx);
        let headers = data.add_bytes(u64::from(Ethernet::SIZE + Ipv4::SIZE));
        b.if_(headers.gt(end), |b| b.ret(PASS));
        let ethernet = data.cast::<P<Ethernet>>();
        b.if_(ethernet.field(Ethernet::protocol).get().ne(0x0800u16.to_be()), |b| b.ret(PASS));
        let ip = data.add_bytes(u64::from(Ethernet::SIZE)).cast::<P<Ipv4>>();
        let key = b.local("key", ip.field(Ipv4::protocol).get().cast::<u32>());
        let count = b.map_lookup(protocols, key);
        b.if_(count.is_some(), |_| count.store(count.load() + 1));
        b.if_((ip.field(Ipv4::version).get() & 15).lt(5), |b| b.ret(DROP));
        b.ret(PASS);
    });
}

fn xdp_swap(m: &mut Module, section: &str) {
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let (data, end) = packet(ctx);
        b.if_(data.add_bytes(14u64).gt(end), |b| b.ret(DROP));
        let ethernet = data.cast::<P<Ethernet>>();
        b.for_range(0u32, 6u32, |_, i| {
            let (a, z) =
                (ethernet.field(Ethernet::target).index(i), ethernet.field(Ethernet::source).index(i));
            let kept = a.get();
            a.set(z.get());
            z.set(kept);
        });
        b.ret(3i32);
    });
}

fn xdp_checksum(m: &mut Module, section: &str) {
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let (data, end) = packet(ctx);
        b.if_(data.add_bytes(34u64).gt(end), |b| b.ret(DROP));
        let words = data.add_bytes(14u64).cast::<P<u16>>();
        let sum = b.local("sum", 0u32);
        b.for_range(0u32, 10u32, |_, i| sum.set(sum.get() + words.index(i).get().cast::<u32>()));
        let folded = (sum.get() & 0xffff) + (sum.get() >> 16);
        b.if_((folded + (folded >> 16)).cast::<u16>().ne(0xffff), |b| b.ret(DROP));
        b.ret(PASS);
    });
}

/// Walks over options whose lengths are in the packet.
fn xdp_options(m: &mut Module, section: &str) {
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let (data, end) = packet(ctx);
        let at = b.local("at", data);
        b.for_range(0u32, 10u32, |b, _| {
            let option = at.get();
            b.if_(option.add_bytes(2u64).gt(end), |b| b.ret(PASS));
            let length = option.index(1u32).get();
            b.if_(length.lt(2), |b| b.ret(DROP));
            at.set(option.add_bytes(length.cast::<u64>()));
        });
        b.ret(PASS);
    });
}

fn xdp_redirect(m: &mut Module, section: &str, kind: MapKind) {
    let targets = m.map::<u32, u32>("targets", kind).entries(8).done();
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let queue = ctx.field(XdpMd::rx_queue_index).get();
        b.ret(b.helper(helpers::REDIRECT_MAP, (targets, queue, 2u64)).cast::<i32>());
    });
}

/// Members of the context wherever this kernel has them: such a pointer must not be changed.
fn xdp_core(m: &mut Module, section: &str) {
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let queue = ctx.core_member::<u32>("rx_queue_index").load();
        let data: V<'_, P<u8>> = ctx.core_member::<u32>("data").load().cast();
        let end: V<'_, P<u8>> = ctx.core_member::<u32>("data_end").load().cast();
        b.if_(data.add_bytes(1u64).gt(end), |b| b.ret(DROP));
        b.ret((queue.eq(0).and(|_| data.load().eq(0x45))).select(PASS, DROP));
    });
}

/// Functions that are verified alone, and may use their pointers because of tags.
fn tagged(m: &mut Module, section: &str) {
    let first = m.func::<fn(P<u64>) -> u64>("first", |b, (p,)| b.ret(p.load()));
    m.tag_param(first, 0, "arg:nonnull");
    let length = m.func::<fn(P<XdpMd>) -> u32>("length", |b, (ctx,)| {
        b.ret(ctx.field(XdpMd::data_end).get() - ctx.field(XdpMd::data).get());
    });
    m.tag_param(length, 0, "arg:ctx");
    m.tag_func(length, "only a remark");
    let seen = m.zeroed::<u64>("seen");
    m.tag_global(seen, "another remark");
    m.program_with::<XdpMd>(section, "prog", |b, ctx| {
        let word = b.local("word", 5u64);
        b.global(seen).set(b.call(first, (word.addr(),)) + b.call(length, (ctx,)).cast::<u64>());
        b.ret(PASS);
    });
}

/// Functions that the kernel may have, by their addresses.
fn weak_kfunc(m: &mut Module, section: &str) {
    let there = m.kfunc::<fn()>("bpf_rcu_read_lock");
    let missing = m.kfunc::<fn()>("skep_missing_kfunc");
    m.set_linkage(there, Linkage::Weak);
    m.set_linkage(missing, Linkage::Weak);
    m.program(section, "prog", |b, _| {
        let has = |func: skep::build::Func<fn()>| {
            b.core(|c| {
                let address = c.func_address(func.raw());
                let pointer = c.rust_type::<P>();
                let (address, null) = (c.cast(address, pointer), c.null(pointer));
                c.cmp(Cmp::Eq, address, null)
            })
        };
        let (there, missing) = (has(there), has(missing));
        b.core(|c| {
            c.begin_if(missing);
            let int = c.rust_type::<i32>();
            let zero = c.int(int, 0);
            c.ret(Some(zero));
            c.end();
            let there = c.cast(there, int);
            c.ret(Some(there));
        });
    });
}

fn tc_packet(m: &mut Module, section: &str) {
    m.program_with::<SkBuff>(section, "prog", |b, ctx| {
        let data: V<'_, P<u8>> = ctx.field(SkBuff::data).get().cast();
        let end: V<'_, P<u8>> = ctx.field(SkBuff::data_end).get().cast();
        b.if_(data.add_bytes(34u64).gt(end), |b| b.ret(0i32));
        let ip = data.add_bytes(14u64).cast::<P<Ipv4>>();
        let length = (ip.field(Ipv4::version).get() & 15).cast::<u64>() * 4;
        b.if_(length.lt(20), |b| b.ret(2i32));
        let next = ip.cast::<P<u8>>().add_bytes(length);
        b.if_(next.add_bytes(4u64).gt(end), |b| b.ret(2i32));
        let port = next.cast::<P<u16>>().index(1u32).get().swap_bytes();
        b.ret(port.eq(22).select(2i32, 0i32));
    });
}

fn tc_mark(m: &mut Module, section: &str) {
    m.program_with::<SkBuff>(section, "prog", |b, ctx| {
        let hash = ctx.field(SkBuff::hash).get();
        ctx.field(SkBuff::mark).set(ctx.field(SkBuff::mark).get() | (hash & 0xff));
        ctx.field(SkBuff::cb).index(2u32).set(ctx.field(SkBuff::len).get());
        b.ret(0i32);
    });
}

fn filter_protocol(m: &mut Module, section: &str) {
    m.program_with::<SkBuff>(section, "prog", |b, ctx| {
        let protocol = ctx.field(SkBuff::protocol).get();
        let length = ctx.field(SkBuff::len).get();
        b.if_(protocol.eq(u32::from(0x0800u16.to_be())).and(|_| length.gt(100)), |b| b.ret(100i32));
        b.ret(length.cast::<i32>());
    });
}

fn filter_load_bytes(m: &mut Module, section: &str) {
    m.program_with::<SkBuff>(section, "prog", |b, ctx| {
        let header = b.zeroed::<Ipv4>("header");
        let error = b.helper(helpers::SKB_LOAD_BYTES, (ctx, 14u32, header, Ipv4::SIZE));
        b.if_(error.lt(0), |b| b.ret(0i32));
        b.ret(header.field(Ipv4::length).get().swap_bytes().cast::<i32>());
    });
}

fn cgroup_skb_count(m: &mut Module, section: &str) {
    let bytes = m.map::<u64, u64>("bytes", MapKind::LruHash).entries(100).done();
    m.program_with::<SkBuff>(section, "prog", |b, ctx| {
        let cookie = b.local("cookie", b.helper(helpers::GET_SOCKET_COOKIE, (ctx,)));
        let length = ctx.field(SkBuff::len).get().cast::<u64>();
        let sum = b.map_lookup(bytes, cookie);
        b.if_else(sum.is_some(), |_| sum.atomic_add(length), |b| b.map_update(bytes, cookie, length));
        b.ret(1i32);
    });
}

fn tracepoint_fields(m: &mut Module, section: &str) {
    let names = m.map::<u32, [u8; 32]>("names", MapKind::Hash).entries(64).done();
    m.program_with::<[u64; 8]>(section, "prog", |b, ctx| {
        let name = b.zeroed::<[u8; 32]>("name");
        let user = ctx.cast::<P<u64>>().index(3u32).get();
        b.helper(helpers::PROBE_READ_USER_STR, (name, 32u32, user.cast::<P>()));
        let pid = b.helper(helpers::GET_CURRENT_PID_TGID, ()) >> 32;
        b.map_update(names, pid.cast::<u32>(), name);
        b.ret(0i32);
    });
}

fn perf_event(m: &mut Module, section: &str) {
    let events = m.map::<(), [u64; 2]>("events", MapKind::PerfEventArray).done();
    m.program(section, "prog", |b, ctx| {
        let event = b.zeroed::<[u64; 2]>("event");
        event.index(0u32).set(b.helper(helpers::KTIME_GET_NS, ()));
        b.perf_output(ctx, events, event);
        b.ret(0i32);
    });
}

fn stacks(m: &mut Module, section: &str) {
    let traces = m.map::<u32, [u64; 127]>("traces", MapKind::StackTrace).entries(64).done();
    let counts = m.map::<i64, u64>("counts", MapKind::Hash).entries(64).done();
    m.program(section, "prog", |b, ctx| {
        let id = b.local("id", b.helper(helpers::GET_STACKID, (ctx, traces, 0u64)).cast::<i64>());
        b.if_(id.get().lt(0), |b| b.ret(0i32));
        let count = b.map_lookup(counts, id);
        b.if_else(count.is_some(), |_| count.atomic_add(1u64), |b| b.map_update(counts, id, 1u64));
        b.ret(0i32);
    });
}

fn raw_args(m: &mut Module, section: &str) {
    let last = m.zeroed::<u64>("last");
    m.program_with::<u64>(section, "prog", |b, ctx| {
        b.global(last).set(ctx.index(1u32).get() ^ ctx.index(2u32).get());
        b.ret(0i32);
    });
}

fn uprobe_regs(m: &mut Module, section: &str) {
    let seen = m.map::<u64, u64>("seen", MapKind::Hash).entries(16).done();
    m.program_with::<u64>(section, "prog", |b, ctx| {
        // rdi of x86-64's pt_regs.
        let argument = b.local("argument", ctx.index(14u32).get());
        b.map_update(seen, argument, b.helper(helpers::KTIME_GET_NS, ()));
        b.ret(0i32);
    });
}

fn sk_msg_redirect(m: &mut Module, section: &str) {
    let sockets = m.map::<u32, u64>("sockets", MapKind::SockMap).entries(8).done();
    m.program(section, "prog", |b, ctx| {
        b.ret(b.helper(helpers::MSG_REDIRECT_MAP, (ctx, sockets, 1u32, 0u64)).cast::<i32>());
    });
}

fn sk_skb_redirect(m: &mut Module, section: &str) {
    let sockets = m.map::<u64, u64>("sockets", MapKind::SockHash).entries(8).done();
    m.program(section, "prog", |b, ctx| {
        let key = b.local("key", 5u64);
        b.ret(b.helper(helpers::SK_REDIRECT_HASH, (ctx, sockets, key, 0u64)).cast::<i32>());
    });
}

fn reuseport_select(m: &mut Module, section: &str) {
    let sockets = m.map::<u32, u64>("sockets", MapKind::ReuseportSockArray).entries(4).done();
    m.program(section, "prog", |b, ctx| {
        let key = b.local("key", b.helper(helpers::GET_PRANDOM_U32, ()) & 3);
        let error = b.helper(helpers::SK_SELECT_REUSEPORT, (ctx, sockets, key, 0u64));
        b.ret(error.eq(0).select(1i32, 0i32));
    });
}

fn sockops_hash(m: &mut Module, section: &str) {
    let sockets = m.map::<u32, u64>("sockets", MapKind::SockHash).entries(8).done();
    m.program_with::<u32>(section, "prog", |b, ctx| {
        let operation = ctx.index(0u32).get();
        b.if_(operation.eq(4), |b| insert(b, ctx, sockets));
        b.ret(0i32);
    });
}

fn insert<'f>(b: &Fb<'f>, ctx: V<'f, P<u32>>, sockets: skep::build::Map<u32, u64>) {
    let key = b.local("key", 9u32);
    b.helper(helpers::SOCK_HASH_UPDATE, (ctx, sockets, key, 0u64));
}
