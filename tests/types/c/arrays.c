/* Two files that differ only in what their arrays hold: this one has numbers. With -DFLOATS it has others. */

struct same {
    int a[4];
#ifdef FLOATS
    float b[4];
#else
    int b[4];
#endif
};

struct through {
    struct same *same;
    struct through *next;
};

#ifdef FLOATS
struct same same_floats;
struct through through_floats;
float sum_floats(struct through *t) { return t->same->b[0]; }
#else
struct same same_ints;
struct through through_ints;
int sum_ints(struct through *t) { return t->same->b[0]; }
#endif
