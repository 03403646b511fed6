/* A second file: what it calls `tree` is something else, and what the first only declares it defines. */

typedef unsigned int u32;
typedef unsigned char u8;

#define noinline __attribute__((noinline, used))

int elsewhere = 5;

struct list_head {
    struct list_head *next, *prev;
};

/* Another type of that name. */
struct item {
    u8 key[16];
};

struct node {
    int other;
};

enum color { CYAN = 1, MAGENTA };

typedef struct {
    long counter;
} atomic_t;

/* As in the first file, but what it leads to is not. */
struct tree {
    struct tree *left, *right;
    struct node *node;
};

struct never_defined_union_holder {
    union never_defined_union *opaque_union;
};

struct never_defined {
    struct list_head list;
    struct item item;
    struct tree *tree;
    enum color color;
    atomic_t atomic;
};

struct never_defined defined;
struct never_defined_union_holder holder;

/* The same name as in the first file, with other parameters. */
static noinline long local(long a) {
    return a + defined.item.key[0];
}

static noinline int handler(u32 a, u8 b) {
    return (int)(a + b);
}

int second(void) {
    return (int)local(elsewhere) + handler(1, 2);
}
