/* Every construct of C that has a type, as kernels use them. Needs nothing: no header, no library.
 * With -DFOR_PAHOLE without those that pahole gives up on. */

typedef signed char s8;
typedef unsigned char u8;
typedef unsigned short u16;
typedef int s32;
typedef unsigned int __u32;
typedef __u32 u32;
typedef long long s64;
typedef unsigned long long __u64;
typedef __u64 u64;
typedef unsigned long size_t;
typedef _Bool bool;

#ifdef __clang__
#define __tag(text) __attribute__((btf_decl_tag(text)))
#define __user __attribute__((btf_type_tag("user")))
#define __rcu __attribute__((btf_type_tag("rcu")))
#else
#define __tag(text)
#define __user
#define __rcu
#endif
#define __packed __attribute__((packed))
#define __aligned(n) __attribute__((aligned(n)))
#define noinline __attribute__((noinline, used))
#define __percpu_section __attribute__((section(".data..percpu"), used))

/* Numbers. */
struct numbers {
    char c;
    signed char sc;
    unsigned char uc;
    short s;
    unsigned short us;
    int i;
    unsigned u;
    long l;
    unsigned long ul;
    long long ll;
    unsigned long long ull;
#ifdef __SIZEOF_INT128__
    __int128 wide;
    unsigned __int128 uwide;
#endif
    float f;
    double d;
    long double ld;
    bool b;
};

/* Bit-fields: in one word, over words, of other widths, without name, behind each other, with a sign. */
struct bits {
    u32 one : 1;
    u32 two : 2;
    u32 : 5;
    u32 eight : 8;
    s32 negative : 3;
    u32 : 0;
    u8 small : 3;
    u8 other : 5;
    u16 middle : 9;
    u64 large : 40;
    u64 rest : 24;
    bool yes : 1;
    u32 whole : 32;
    u32 plain;
};

struct bits_packed {
    u8 a;
    u32 over : 17;
    u64 more : 47;
    u8 b;
} __packed;

enum color { RED, GREEN = 5, BLUE };

struct bits_of_enum {
    enum color color : 3;
    u32 : 13;
    enum color other : 8;
};

struct packed {
    u8 a;
    u64 b;
    void *c;
    u16 d;
} __packed;

struct packed_float {
    u8 a;
    double d;
    float f;
} __packed;

struct aligned {
    u8 a;
    u64 b __aligned(32);
    u8 c __aligned(4);
} __aligned(64);

struct nothing {};

struct flexible {
    u32 count;
    struct item {
        u16 key;
        u32 value;
    } items[];
};

struct zero_length {
    u32 count;
    u64 values[0];
};

struct holds_nothing {
    u32 a;
    struct nothing nothing;
    struct nothing many[3];
    u32 b;
};

/* What has no name, in what has none. */
struct anonymous {
    u32 kind;
    union {
        struct {
            u32 x, y;
        };
        struct {
            u64 both;
        } named;
        u8 bytes[8];
        union {
            float f;
            struct {
                u16 low, high;
            } __packed;
        };
    };
    struct {
        int inside;
    } array[2][3];
    enum { UP, DOWN = 7 } direction;
};

enum { FIRST_OF_NONE, SECOND_OF_NONE = 100 };

union values {
    u8 byte;
    u32 word : 20;
    u64 quad;
    struct packed packed;
    void *pointer;
};

/* Enumerations. */
enum negative { MINUS = -1, LOWEST = -2147483647 - 1, PLUS = 1, HIGHEST = 2147483647 };
enum unsigned_large { LARGE_ZERO, LARGE_TOP = 4294967295u };
enum long_values { LONG_ONE = 1, LONG_TOP = 0xffffffffffffffffull };
enum long_negative { LONG_MINUS = -1, LONG_MIN = -9223372036854775807ll - 1, LONG_MAX = 9223372036854775807ll };
enum __packed tiny { TINY_A, TINY_B = 200 };
enum __packed tiny_negative { TINY_MINUS = -128, TINY_PLUS = 127 };
enum one { ONLY };

/* Lists that lead to themselves. */
struct list_head {
    struct list_head *next, *prev;
};

struct tree {
    struct tree *left, *right;
    struct tree **parents;
    const struct tree *const *const constants;
    struct list_head siblings;
    struct node *node;
    union values values;
};

struct node {
    struct tree *tree;
    struct node *(*walk)(struct node *, int (*compare)(const void *, const void *));
    struct never_defined *opaque;
    union never_defined_union *opaque_union;
};

/* Pointers and modifiers. */
typedef int (*compare_t)(const void *left, const void *right);
typedef void handler_t(int signal, ...);
typedef struct {
    int counter;
} atomic_t;
typedef struct tagged_struct {
    u32 a;
} tagged_t;
typedef u32 matrix_t[3][4];
typedef const volatile u32 *strange_t;

struct pointers {
    void *v;
    const void *cv;
    char *text;
    const char *const words[4];
    volatile u32 *flags;
    const volatile u32 both;
    int *restrict only;
    int (*function)(void);
    void (*more)(struct pointers *, u32, ...);
    compare_t compare;
    handler_t *handler;
    int (*(*returns)(int))(char);
    int (*table[5])(const char *restrict);
    u32 (*row)[4];
    matrix_t matrix;
    strange_t strange;
    atomic_t atomic;
    tagged_t tagged;
    struct flexible *flexible;
    u32 cube[2][3][4];
    void (*const volatile *handlers)(void);
#ifndef FOR_PAHOLE
    _Atomic int shared;
#endif
};

struct tags {
    u32 a __tag("counted") __tag("twice");
    char __user *buffer;
    struct tree __rcu *tree;
    char __user *__rcu *both;
    u32 b;
} __tag("whole");

typedef u32 tagged_number __tag("number");

/* Names that spellings of other languages could be taken for. */
struct double__underscore {
    u32 my__x;
};
struct _L_ {
    u32 _R_;
};
struct list_head__2 {
    u32 a;
};

typedef float vector_t __attribute__((vector_size(16)));

struct vectors {
    vector_t v;
#ifndef FOR_PAHOLE
    _Complex float complex;
#endif
};

/* Variables. */
u32 global = 1;
static u64 counter = 2;
const char text[] = "text";
struct numbers numbers;
struct bits bits = { .one = 1 };
struct bits_packed bits_packed;
struct bits_of_enum bits_of_enum;
struct packed packed;
struct packed_float packed_float;
struct aligned aligned;
struct nothing nothing;
struct flexible *flexible;
struct zero_length *zero_length;
struct holds_nothing holds_nothing;
struct anonymous anonymous;
union values values;
struct tree tree;
struct pointers *pointers;
struct tags tags;
tagged_number tagged_number_value __tag("variable");
struct double__underscore double__underscore;
struct _L_ _L_;
struct list_head__2 list_head__2;
struct vectors vectors;
enum negative negative;
enum unsigned_large unsigned_large;
enum long_values long_values;
enum long_negative long_negative;
enum tiny tiny;
enum tiny_negative tiny_negative;
enum one one;
int table[16] = { [3] = 1, [7] = SECOND_OF_NONE };
extern int elsewhere;

u64 per_cpu_first __percpu_section = 3;
static struct list_head per_cpu_list __percpu_section;
struct anonymous per_cpu_struct __percpu_section;
u8 per_cpu_array[5] __percpu_section;

/* Functions. */
noinline int simple(int a, u32 b) {
    return a + (int)b;
}

static noinline u64 local(struct tree *tree, const char *name, compare_t compare) {
    return counter + (u64)compare(tree, name);
}

noinline void variadic(const char *format, ...) {
    counter += format[0];
}

noinline void no_params(void) {
    static u32 inside = 4;
    struct only_inside {
        u32 a;
        u16 b;
    };
    static struct only_inside value = { 1, 2 };
    counter += inside++ + value.a;
}

noinline struct packed by_value(struct packed a, union values b, enum color c, atomic_t d) {
    a.b += b.quad + c + (u64)d.counter;
    return a;
}

noinline int tagged(struct tags *tags __tag("argument")) {
    return (int)tags->a;
}

noinline const struct list_head *const_result(const struct list_head *head, char __user *buffer) {
    return buffer ? head->next : head->prev;
}

noinline void takes_array(int list[10], u32 (*rows)[4], handler_t *handler) {
    handler(list[0], rows[0][1]);
}

static int compare(const void *left, const void *right) {
    return left < right;
}

static void handler(int signal, ...) {
    counter += (u64)signal;
}

int main(int argc, char **argv) {
    int list[10] = { argc };
    u32 rows[1][4] = { { 1, 2, 3, 4 } };
    no_params();
    variadic("%d", argc);
    takes_array(list, rows, handler);
    tags.a = (u32)tagged(&tags);
    packed = by_value(packed, values, RED, (atomic_t){ 1 });
    const_result(&tree.siblings, argv[0]);
    per_cpu_first += per_cpu_array[1] + per_cpu_struct.kind + (per_cpu_list.next != 0);
    return simple(argc, global) + (int)local(&tree, text, compare) + elsewhere + table[argc & 15];
}
