// Ethernet, VLAN, IPv4 and IPv6, TCP and UDP headers of packets in a ring, sixteen times around; counts and a flow hash.
// input: random 131072
#include "prog.h"

static inline uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

uint64_t run(uint8_t *mem, uint64_t len) {
    uint64_t v4 = 0, v6 = 0, tcp = 0, other = 0, h = 0;
    for (uint64_t seen = 0; seen < 16 * len; seen += 128) {
        uint64_t slot = seen & (len - 1);
        uint8_t *data = mem + slot, *end = data + 96 + (data[127] & 31), *p = data;
        // The input is random; write what makes it a packet of some kind.
        static const uint16_t types[4] = {0x0800, 0x86dd, 0x8100, 0x0806};
        uint16_t type = types[data[0] & 3];
        p[12] = (uint8_t)(type >> 8), p[13] = (uint8_t)type;
        if (type == 0x8100) p[16] = 0x08, p[17] = 0x00;
        type = be16(p + 12);
        p += 14;
        if (type == 0x8100) {
            type = be16(p + 2);
            p += 4;
        }
        uint32_t key = 0;
        uint8_t protocol;
        if (type == 0x0800) {
            p[0] = 0x40 | (5 + (p[0] & 3));
            p[9] = p[1] & 1 ? 6 : 17;
            uint32_t ihl = (p[0] & 15) * 4u;
            if (p + ihl + 8 > end) continue;
            key = load32(p + 12) ^ load32(p + 16);
            protocol = p[9];
            p += ihl;
            v4++;
        } else if (type == 0x86dd) {
            p[6] = p[7] & 1 ? 6 : p[7] & 2 ? 17 : 58;
            if (p + 48 > end) continue;
            for (unsigned i = 8; i < 40; i += 4) key ^= load32(p + i);
            protocol = p[6];
            p += 40;
            v6++;
        } else {
            other++;
            continue;
        }
        if (protocol == 6 || protocol == 17) {
            key += (uint32_t)be16(p) << 16 | be16(p + 2);
            tcp += protocol == 6;
        }
        key = (key ^ (key >> 16)) * 0x45d9f3bu;
        h = h * 31 + (key ^ (key >> 16));
    }
    return h ^ (v4 << 60) ^ (v6 << 48) ^ (tcp << 36) ^ other;
}
