// Packets: headers behind checks of the end, checksums, rewriting. The buffer holds frames in slots of 64 bytes.
#include "corpus.h"

#define FRAME 64
#define ETH_IP 0x0800
#define ETH_VLAN 0x8100
#define ETH_IP6 0x86dd

struct eth { u8 dst[6], src[6]; u16 proto; };
struct packed vlan { u16 tci, proto; };
struct ip4 {
    u8 ihl : 4, version : 4;
    u8 tos;
    u16 len, id, frag;
    u8 ttl, proto;
    u16 check;
    u32 src, dst;
};
struct ip6 { u32 flow; u16 len; u8 next, hops; u32 src[4], dst[4]; };
struct ports { u16 src, dst; };

struct cursor { u8 *at, *end; };

// Returns the ethertype behind any VLAN tags, 0 for a frame too short.
inlined u32 skip_eth(struct cursor *c) {
    struct eth *eth = (struct eth *)c->at;
    if ((u8 *)(eth + 1) > c->end)
        return 0;
    u32 proto = net16(eth->proto);
    c->at = (u8 *)(eth + 1);
    for (int i = 0; i < 2 && proto == ETH_VLAN; i++) {
        struct vlan *vlan = (struct vlan *)c->at;
        if ((u8 *)(vlan + 1) > c->end)
            return 0;
        proto = net16(vlan->proto);
        c->at = (u8 *)(vlan + 1);
    }
    return proto;
}

// packets: sorts frames into kinds, each header behind a check of the end
u64 classify(u8 *mem, u64 len) {
    u64 seen[4] = {0, 0, 0, 0};
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        struct cursor c = {mem + f, mem + f + FRAME};
        u32 proto = skip_eth(&c);
        if (proto == ETH_IP) {
            struct ip4 *ip = (struct ip4 *)c.at;
            if ((u8 *)(ip + 1) > c.end || ip->version != 4 || ip->ihl < 5) {
                seen[3]++;
                continue;
            }
            struct ports *ports = (struct ports *)(c.at + ip->ihl * 4);
            if ((ip->proto == 6 || ip->proto == 17) && (u8 *)(ports + 1) <= c.end)
                seen[0] += net16(ports->dst);
            else
                seen[1]++;
        } else if (proto == ETH_IP6) {
            seen[2]++;
        } else {
            seen[3]++;
        }
    }
    return (seen[0] << 24) | (seen[1] << 16) | (seen[2] << 8) | seen[3];
}

// packets: Internet checksum of all, folded
u64 ip_checksum(u8 *mem, u64 len) {
    u32 sum = 0;
    for (u64 i = 0; i < len / 2; i++)
        sum += ((u16 *)mem)[i];
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (u16)~sum;
}

// packets: forwards IPv4 frames: swaps addresses, lowers the TTL, updates the checksum without a sum over the header
u64 forward(u8 *mem, u64 len) {
    u64 done = 0;
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        struct eth *eth = (struct eth *)(mem + f);
        struct ip4 *ip = (struct ip4 *)(eth + 1);
        if (eth->proto != net16(ETH_IP) || ip->ttl <= 1)
            continue;
        u8 mac[6];
        __builtin_memcpy(mac, eth->dst, 6);
        __builtin_memcpy(eth->dst, eth->src, 6);
        __builtin_memcpy(eth->src, mac, 6);
        u32 check = ip->check;
        check += net16(0x0100);
        ip->check = (u16)(check + (check >= 0xffff));
        ip->ttl--;
        done++;
    }
    return done;
}

// packets: walks IPv6 extension headers up to the transport
u64 ip6_extensions(u8 *mem, u64 len) {
    u64 sum = 0;
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        u8 *end = mem + f + FRAME;
        struct ip6 *ip = (struct ip6 *)(mem + f + sizeof(struct eth));
        u8 next = ip->next, *at = (u8 *)(ip + 1);
        for (int i = 0; i < 4; i++) {
            if (next != 0 && next != 43 && next != 44 && next != 60)
                break;
            if (at + 8 > end)
                break;
            u32 size = next == 44 ? 8 : (at[1] + 1u) * 8;
            next = at[0];
            at += size;
        }
        sum = sum * 3 + next + (at < end ? *at : 0);
    }
    return sum;
}

// packets: finds window scale and segment size among TCP options
u64 tcp_options(u8 *mem, u64 len) {
    u32 mss = 0, scale = 0;
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        u8 *at = mem + f + 34, *end = mem + f + FRAME;
        for (int i = 0; i < 10 && at < end; i++) {
            u8 kind = *at;
            if (kind == 0)
                break;
            if (kind == 1) {
                at++;
                continue;
            }
            if (at + 2 > end)
                break;
            u8 size = at[1];
            if (size < 2 || at + size > end)
                break;
            if (kind == 2 && size == 4)
                mss += net16(get16(at + 2));
            else if (kind == 3 && size == 3)
                scale += at[2];
            at += size;
        }
    }
    return ((u64)mss << 16) + scale;
}

struct flow { u32 src, dst; u16 sport, dport; u8 proto, pad[3]; };

// packets: builds a direction-independent flow key on the stack and hashes it
u64 flow_hash(u8 *mem, u64 len) {
    u64 all = 0;
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        struct ip4 *ip = (struct ip4 *)(mem + f + sizeof(struct eth));
        u8 *l4 = (u8 *)(ip + 1);
        struct flow key;
        __builtin_memset(&key, 0, sizeof key);
        key.src = get32(&ip->src);
        key.dst = get32(&ip->dst);
        key.sport = get16(l4);
        key.dport = get16(l4 + 2);
        key.proto = ip->proto;
        if (key.src > key.dst || (key.src == key.dst && key.sport > key.dport)) {
            u32 address = key.src;
            u16 port = key.sport;
            key.src = key.dst;
            key.dst = address;
            key.sport = key.dport;
            key.dport = port;
        }
        u32 h = 0;
        for (u32 i = 0; i < sizeof key / 4; i++)
            h = rotl32(h ^ ((u32 *)&key)[i], 5) * 0x9e3779b1;
        all = all * 31 + h;
    }
    return all;
}

struct rule { u32 prefix; u8 bits, action; u16 hits; };

// random: longest prefix among 16 rules at the buffer's start
u64 longest_prefix(u8 *mem, u64 len) {
    struct rule *rule = (struct rule *)mem;
    u32 sum = 0;
    for (u64 at = 128; at + 4 <= len; at += 4) {
        u32 address = *(u32 *)(mem + at);
        int best = -1, best_bits = -1;
        for (int i = 0; i < 16; i++) {
            u32 bits = rule[i].bits & 7;
            u32 mask = bits ? ~0u << (32 - bits) : 0;
            if (((address ^ rule[i].prefix) & mask) == 0 && (int)bits > best_bits) {
                best = i;
                best_bits = (int)bits;
            }
        }
        if (best >= 0) {
            rule[best].hits++;
            sum += rule[best].action;
        }
    }
    return sum;
}

// packets: counts by protocol in a switch; several cases share a block
u64 protocol_switch(u8 *mem, u64 len) {
    u32 tcp = 0, udp = 0, control = 0, tunnel = 0, other = 0;
    for (u64 f = 0; f + FRAME <= len; f += FRAME) {
        switch (mem[f + 23]) {
        case 6: tcp++; break;
        case 17: case 136: udp++; break;
        case 1: case 2: case 58: control++; break;
        case 4: case 41: case 47: case 94: tunnel++; break;
        default: other++;
        }
    }
    return tcp + udp * 100ull + control * 10000ull + tunnel * 1000000ull + other * 100000000ull;
}
