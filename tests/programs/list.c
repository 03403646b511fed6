// A linked list built in memory, reversed, with an element taken out.
// mem-differs: addresses are stored there
// not: bpf-gcc -mcpu=v1 -O0: it makes b >= a of a < b
#include "test.h"

struct node { struct node *next; u32 value; };

static noinline struct node *reverse(struct node *p) {
    struct node *back = 0;
    while (p) {
        struct node *next = p->next;
        p->next = back;
        back = p;
        p = next;
    }
    return back;
}

u64 run(u8 *mem, u64 len) {
    struct node *nodes = (struct node *)mem, *head = 0;
    u64 n = len / sizeof *nodes, h = 0;
    for (u64 i = 0; i < n; i++) {
        nodes[i].value = mem[i * sizeof *nodes + 9] * 3u;
        nodes[i].next = head;
        head = &nodes[i];
    }
    head = reverse(head);
    for (struct node **p = &head; *p; p = &(*p)->next)
        if ((*p)->value % 5 == 1) {
            *p = (*p)->next;
            break;
        }
    for (struct node *p = head; p; p = p->next) h = mix(h, p->value);
    return h;
}
