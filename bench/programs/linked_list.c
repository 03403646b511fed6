// Pointer chasing: a list threaded through the buffer, reversed and summed again and again.
// input: random 65536
#include "prog.h"

struct node {
    struct node *next;
    uint64_t value;
};

uint64_t run(uint8_t *mem, uint64_t len) {
    struct node *node = (struct node *)mem, *head = 0;
    uint64_t n = len / sizeof(struct node), h = 0;
    // A stride coprime to the count makes the walk jump.
    for (uint64_t i = 0, at = 0; i < n; i++, at = (at + 389) & (n - 1)) {
        node[at].next = head;
        head = &node[at];
    }
    for (int round = 0; round < 8; round++) {
        struct node *back = 0;
        while (head) {
            struct node *next = head->next;
            h = (h << 1 | h >> 63) + head->value;
            if (h & 1) head->value++;
            head->next = back;
            back = head;
            head = next;
        }
        head = back;
    }
    return h;
}
